"""The same grain boundary with pyscses 1.0.0 and with this package: potentials and times, in one run.

pyscses (Wellock and Morgan, doi 10.21105/joss.01209) needs old libraries, hence an environment of its own::

    python3.11 -m venv pyscses && pyscses/bin/pip install "numpy==1.26.*" "scipy==1.11.*" pyscses==1.0.0
    python benchmarks/bench_pyscses.py --python pyscses/bin/python

The case is that of its own notebooks: Gd-doped CeO2 (111), 773.15 K, Mott-Schottky, with and without site charges, its
damping (alpha 0.0005) and its stopping rule (mean square step below 1e-8 V^2). Errors are those of potentials
against Newton to 1e-13 V, with which the dense solver of tests/lattice agrees to 1e-9 V.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import spacecharge as sc
from spacecharge.lattice import solve_lattice_points

ROOT = Path(__file__).resolve().parents[1]
SITES = ROOT / "configs" / "data" / "ceria_111_sites.txt"
CASE: dict[str, Any] = {
    "sites": str(SITES),
    "window_nm": [-6.094, 5.16],
    "bulk_nm": [-5.783, -2.502],
    "side_m": 7.65327e-10,
    "temperature_K": 773.15,
    "alpha": 0.0005,
    "convergence": 1e-8,
}


def lattice(site_charges: bool) -> sc.Lattice:
    """Return the case for this package, with pyscses' closure."""
    return sc.Lattice(
        sites=SITES,
        cross_section_nm2=(CASE["side_m"] * 1e9) ** 2,
        permittivity=55,
        window_nm=CASE["window_nm"],
        bulk_nm=CASE["bulk_nm"],
        closure="uniform_background",
        site_charges=site_charges,
        temperature_K=CASE["temperature_K"],
        species={
            "Vo": {"site": "O", "charge_number": 2, "fraction": 0.05},
            "Gd": {"site": "Ce", "charge_number": -1, "fraction": 0.2, "mobile": False},
        },
    )


def ours(site_charges: bool, repeats: int) -> tuple[sc.LatticeSolution, float, float]:
    """Return the answer, the time of a whole solve from Python, and of a point in a batch [s]."""
    problem = lattice(site_charges)
    solution = sc.solve_lattice(problem)
    start = time.perf_counter()
    for _ in range(repeats):
        sc.solve_lattice(lattice_of(problem))
    single = (time.perf_counter() - start) / repeats
    kelvin = np.full(repeats, CASE["temperature_K"])
    start = time.perf_counter()
    solve_lattice_points(problem, {"temperature_K": kelvin})
    return solution, single, (time.perf_counter() - start) / repeats


def lattice_of(problem: sc.Lattice) -> sc.Lattice:
    """Return a copy that remembers nothing: planes are laid anew."""
    return problem.replace(temperature_K=CASE["temperature_K"])


def sweep(workers: int) -> None:
    """Time 10,000 points of temperature and composition, the dopant fixed and frozen at 1300 K."""
    axes = {"temperature_K": np.linspace(500, 1200, 100), "lattice.species.Gd.fraction": np.linspace(0.02, 0.35, 100)}
    for name, mobile in (("fixed", False), ("frozen", {"frozen_at_K": 1300.0})):
        problem = lattice(False).replace(closure="neutral")
        species = {label: dict(asdict(s)) for label, s in problem.defects.items()}
        species["Gd"]["mobile"] = mobile
        problem = problem.replace(species=species)
        sc.sweep(problem, {"temperature_K": [700.0]})
        start = time.perf_counter()
        table = sc.sweep(problem, axes, workers=workers)
        seconds = time.perf_counter() - start
        print(f"10,000 points, dopant {name}: {seconds:.2f} s on {workers} threads, {(table.status == 0).sum()} solved")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--python", help="interpreter of the environment that has pyscses 1.0.0; without: the sweep alone"
    )
    parser.add_argument("--site-charges", action="store_true", help="the case with site charges too")
    parser.add_argument("--repeats", type=int, default=200)
    args = parser.parse_args()
    sweep(workers=2)
    if args.python is None:
        return
    for site_charges in (False, True) if args.site_charges else (False,):
        solution, single, batched = ours(site_charges, args.repeats)
        words = json.dumps({**CASE, "site_charges": site_charges})
        script = Path(__file__).with_name("pyscses_case.py")
        done = subprocess.run([args.python, str(script), words], capture_output=True, text=True, check=True)
        theirs = json.loads(done.stdout.splitlines()[-1])
        assert np.allclose(theirs["x"], solution.x, rtol=0, atol=1e-15)
        error = np.abs(np.array(theirs["phi"]) - solution.potential).max()
        print(f"site charges {'on' if site_charges else 'off'}")
        print(f"  pyscses      {theirs['seconds']:10.1f} s    {theirs['iterations']} iterations, error {error:.1e} V")
        print(f"  one solve    {single:10.2e} s    {theirs['seconds'] / single:.2g} times faster, last step "
              f"{solution.scalars['potential_error_estimate']:.1e} V")  # fmt: skip
        print(f"  in a sweep   {batched:10.2e} s    {theirs['seconds'] / batched:.2g} times faster")
        ratio = solution.scalars["resistivity_ratio_perpendicular"]
        print(f"  resistivity ratio across {ratio:.6g}; what pyscses calls so {theirs['its_perpendicular_ratio']:.6g}")


if __name__ == "__main__":
    main()
