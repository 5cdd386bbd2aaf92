"""Spectra beside scipy's splu: second-order finite volumes at equal error, our own uncondensed matrix; sweeps.

python benchmarks/bench_impedance.py                # the ratios of one run, and a row for the README
python benchmarks/bench_impedance.py --sweep 10000  # spectra of 61 frequencies on two threads: time and file size
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from cases import best_of
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import splu
from volumes_baseline import Volumes

import spacecharge as sc
from spacecharge.kernels.element import WEIGHTS
from spacecharge.kernels.signal_profile import fill_meshes, fill_profile
from spacecharge.kernels.signal_scalar import scalar_spectrum
from spacecharge.solver.relaxation import SignalMesh, factors
from spacecharge.solver.small_signal import circuit, full_work

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

FREQUENCY = np.geomspace(1e-2, 1e10, 61)
TARGET = 1e-6
ELEMENTS = {
    "layers": {
        "electrode": {"material": "LixV2O5", "potential_V": 3.4, "thickness_nm": 30},
        "electrolyte": {"material": "LAGP", "thickness_nm": 30},
    },
    "impedance": {"frequency_Hz": {"start": 1e-2, "stop": 1e10, "num": 61, "spacing": "log"}, "arcs": False},
}


def stack() -> sc.Stack:
    """Case 4.6 of the design: LixV2O5 | LAGP, 30 nm each, x = 0.2 at 3.4 V, reversible ends."""
    return sc.load_config({"layers": ELEMENTS["layers"], "temperature_K": 298.15}).stack


def error(z: Complex, exact: Complex) -> float:
    """Return the largest relative error of a spectrum."""
    return float(np.abs(z / exact - 1.0).max())


def reference() -> tuple[Complex, float]:
    """Return the spectrum at a tolerance of 1e-10 V, and how far extrapolated finite volumes lie from it.

    These share no code with the package. Finer grids do not come closer: their rounding grows as the square of the
    number of cells and reaches 1e-5 at 4000.
    """
    omega = 2.0 * np.pi * FREQUENCY
    solution = sc.solve(stack(), tolerance_V=1e-10)
    exact = sc.impedance(solution, FREQUENCY)
    coarse, fine = (Volumes(solution, n, 8.0 / n).impedance(omega) for n in (200, 400))
    return exact, error(fine + (fine - coarse) / 3.0, exact)


class Uncondensed:
    """The elements of a solve with all their nodes and fields: a sparse symmetric matrix, factorised anew each time."""

    def __init__(self, solution: sc.Solution) -> None:
        network, held = circuit(solution, "reversible", None, None)
        first, elements, values = _profile(solution, network)
        size = elements[:, 0]
        layer = np.searchsorted(first, np.arange(size.size), side="right") - 1
        parts = (values[:, :, k : k + 1] for k in range(3))
        mesh = SignalMesh(size, elements[:, 1], layer, np.zeros(size.size), *parts)
        factor, _, self.load, _ = factors(mesh, network, held)
        sparse = csr_matrix(factor)
        self.matrix, self.unit = (sparse.T @ sparse).tocsc(), identity(factor.shape[1], format="csc")
        assert (
            abs(float(np.sum(size * (WEIGHTS @ (1.0 / values[:, :, 0].T)))) / sc.dc_resistance(solution) - 1.0) < 1e-9
        )

    def impedance(self, omega: Array) -> Complex:
        """Return Z [ohm m2] at angular frequencies [s-1]."""
        return np.array([self.load @ splu(self.matrix + 1j * w * self.unit).solve(self.load + 0j) for w in omega])


def _profile(solution: sc.Solution, network: Any) -> tuple[Any, Array, Array]:
    p = solution._prepared
    cuts = np.zeros((network.counts.size, 2), dtype=np.int64)
    return fill_profile(full_work(solution), p.rows[0], p.codes, network.positions, cuts, 1)


def kernel_seconds(solution: sc.Solution, rounds: int) -> float:
    """Return the time of the compiled pass alone [s]."""
    network, held = circuit(solution, "reversible", None, None)
    out = np.empty((FREQUENCY.size, 2), dtype=complex)
    omega, p = 2.0 * np.pi * FREQUENCY, solution._prepared
    meshes = fill_meshes(full_work(solution), p.rows[0], p.codes, network.positions, network.counts, omega, 1)
    call = lambda: scalar_spectrum(  # noqa: E731
        omega, meshes, network.order, network.counts, network.contacts, held, out
    )
    call()
    return min(best_of(call, repeats=3, number=5) for _ in range(rounds))


def compare(rounds: int) -> None:
    """Print the times of one spectrum, each with its true error."""
    omega = 2.0 * np.pi * FREQUENCY
    exact, apart = reference()
    solution = sc.solve(stack())
    ours = error(sc.impedance(solution, FREQUENCY), exact)
    cells, coarse = 50, np.inf
    while coarse > TARGET:
        cells = int(cells * 1.25)
        volumes = Volumes(solution, cells, 8.0 / cells)
        coarse = error(volumes.impedance(omega), exact)
    own = Uncondensed(solution)
    calls = {
        "sc.impedance": (lambda: sc.impedance(solution, FREQUENCY), ours),
        "splu, finite volumes": (lambda: volumes.impedance(omega), coarse),
        "splu, own matrix": (lambda: own.impedance(omega), error(own.impedance(omega), exact)),
    }
    times = dict.fromkeys(calls, np.inf)
    for _ in range(rounds):
        for name, (call, _) in calls.items():
            times[name] = min(times[name], best_of(call, repeats=3 if name == "sc.impedance" else 1, number=1))
    kernel = kernel_seconds(solution, rounds)
    per = 1e6 / FREQUENCY.size
    print(f"61 frequencies from 1e-2 to 1e10 Hz, Li0.2V2O5 | LAGP; one thread, minima of {rounds} rounds taken in turn")
    print(f"ours at tolerance 1e-6 V, {own.matrix.shape[0]} unknowns uncondensed; volumes: {cells} cells a layer, the")
    print(
        f"fewest that meet {TARGET:g}; errors against ours at 1e-10 V, which extrapolated volumes meet to {apart:.1e}"
    )
    for name, (_, miss) in calls.items():
        ratio, each = times[name] / times["sc.impedance"], times[name] * per
        print(f"{name:22s} {1e3 * times[name]:9.2f} ms  {each:8.1f} us a frequency  {ratio:8.1f} x  error {miss:.1e}")
    print(f"{'kernel alone':22s} {1e3 * kernel:9.2f} ms  {kernel * per:8.1f} us a frequency")
    row = [f"{1e3 * times['sc.impedance']:.2f} ms, {kernel * per:.0f} µs a frequency in the kernel"]
    for name, words in (("splu, finite volumes", "`splu` on finite volumes"), ("splu, own matrix", "on our matrix")):
        row.append(f"{words} {1e3 * times[name]:.0f} ms = {times[name] / times['sc.impedance']:.0f} ×")
    print("\n| spectrum, 61 frequencies | " + " | ".join(row) + " |")


def sweep(n_points: int) -> None:
    """Print time and file size of a sweep of spectra on two threads."""
    side = max(2, round(n_points**0.5))
    keys = {
        **ELEMENTS,
        "temperature_K": 298.15,
        "sweep": {
            "electrode.potential_V": {"start": 2.4, "stop": 3.4, "num": side},
            "electrolyte.thickness_nm": {"start": 20.0, "stop": 40.0, "num": side},
        },
    }
    config = sc.load_config(keys)
    sc.impedance(sc.solve(stack()), FREQUENCY)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spectra.h5"
        start = time.perf_counter()
        sc.run_sweep(config, output=path, workers=2, quiet=True)
        seconds = time.perf_counter() - start
        n = side * side
        size = path.stat().st_size
        data = sc.open_results(path)
        worst = float(data.impedance_error_estimate.max())
        failed = int((data.status != 0).sum())
    print(f"{n} spectra of 61 frequencies on two threads: {seconds:.1f} s, {1e3 * seconds / n:.2f} ms each")
    print(f"file {size / 1e6:.1f} MB, {size / n / 1e3:.2f} kB a spectrum")
    print(f"{failed} failed, largest estimated error {worst:.1e}")
    print(f"\n| {n:,} spectra of 61 frequencies | {seconds:.1f} s, {size / 1e6:.0f} MB |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sweep", type=int, default=0, metavar="POINTS")
    args = parser.parse_args()
    if args.sweep:
        sweep(args.sweep)
    else:
        compare(args.rounds)


if __name__ == "__main__":
    main()
