"""Make the synthetic raw files of the examples fit: ocv and fit: exsy on spectra; nothing in them was measured.

A titration of a film, as the text file of a potentiostat (EC-Lab, decimal commas), and exchange spectra as processed
Bruker data. The truth stands in the constants below. Run it from anywhere: python configs/data/make_measured.py
(it needs nmrglue).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE
from spacecharge.nmr.arrhenius import arrhenius
from spacecharge.nmr.exchange import Exchange, exchange_intensities

HERE = Path(__file__).parent
KT = BOLTZMANN * 298.15 / ELEMENTARY_CHARGE

# The film: 300 nm of a layered oxide on 1 cm2, pulses of 36 s, rests of 4 h, +-4 mV of hysteresis, 20 mV of ohmic drop.
DIFFUSIVITY, THICKNESS, CAPACITY_MAH_PER_G, DENSITY = 2e-17, 300e-9, 274.0, 5.05
PULSE_S, REST_S, STEP, START, N_PULSES = 36.0, 4 * 3600.0, 0.0125, 0.82, 32
HYSTERESIS_V, OHMIC_V, NOISE_V = 0.004, 0.02, 2e-5


def potential(x: np.ndarray) -> np.ndarray:
    """Return the equilibrium potential of the film [V]."""
    return 4.30 - 0.62 * x + 0.12 * x**2 - KT * np.log(x / (1.0 - x))


def slab(start: float, steps: list[float], n_pulse: int = 18, n_rest: int = 14) -> tuple[np.ndarray, ...]:
    """Return time [s], composition of the surface, rate of the mean composition [1/s] of pulses and rests of a film.

    The modes of diffusion in a slab that is blocked at its back are exact over a stretch of constant current.
    """
    decay = DIFFUSIVITY * (np.arange(1, 3001) * np.pi / THICKNESS) ** 2
    modes, mean, now = np.zeros(decay.size), start, 0.0
    rows = [(0.0, start, 0.0)]
    for step in [0.0, *steps]:
        for flow, duration, count in ((step / PULSE_S, PULSE_S if step else 0.0, n_pulse), (0.0, REST_S, n_rest)):
            for t in duration * np.linspace(0.0, 1.0, count + 1)[1:] ** 2 if duration else ():
                sums = modes * np.exp(-decay * t) + 2.0 * flow * (1.0 - np.exp(-decay * t)) / decay
                rows.append((now + t, mean + flow * t + sums.sum(), flow))
            modes = modes * np.exp(-decay * duration) + 2.0 * flow * (1.0 - np.exp(-decay * duration)) / decay
            mean, now = mean + flow * duration, now + duration
    return tuple(np.array(rows).T)


def titration() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return time [s], voltage [V], rate of the composition [1/s]: charge, then discharge."""
    time, surface, rate = slab(START, [*[-STEP] * N_PULSES, *[STEP] * N_PULSES])
    turn = int(np.argmax(rate > 0.0))
    branch = np.where(np.arange(time.size) < turn, 1.0, -1.0)
    voltage = potential(surface) + HYSTERESIS_V * branch - OHMIC_V * np.sign(rate)
    return time, voltage + NOISE_V * np.random.default_rng(1).standard_normal(time.size), rate


def write_mpt(path: Path) -> None:
    """Write the titration as EC-Lab exports it."""
    time, voltage, rate = titration()
    grams = 1e6 * DENSITY * THICKNESS * 1e-4
    current_mA = -rate * 3600.0 * CAPACITY_MAH_PER_G * grams
    head = [
        "EC-Lab ASCII FILE", "Nb header lines : 8", "", "Galvanostatic Intermittent Titration Technique",
        "SYNTHETIC data, made by configs/data/make_measured.py; nothing here was measured.",
        "film of 300 nm on 1 cm², 25 °C", "", "mode\ttime/s\tEwe/V\tI/mA",
    ]  # fmt: skip
    rows = [
        f"{3 if i == 0.0 else 1}\t{t:.2f}\t{u:.6f}\t{i:.7f}".replace(".", ",")
        for t, u, i in zip(time, voltage, current_mA, strict=True)
    ]
    path.write_text("\n".join([*head, *rows]) + "\n", encoding="latin-1")


# The spectra: diffusion out of spheres of 55 nm as in make_synthetic.py, T1 = 1.2 s, overlapping Lorentzian lines on a
# tilted baseline.
TEMPERATURES, TIMES = (298.15, 323.15, 348.15), (0.002, 0.02, 0.1, 0.4, 1.2)
SHAPE, CENTRES, WIDTHS, WIDTH_PPM, OFFSET_PPM = (64, 64), (12.0, 2.0), (1.3, 1.1), 44.0, 28.0
NOISE, TILT = 4e-5, 2e-4


def line(ppm: np.ndarray, centre: float, half_width: float) -> np.ndarray:
    """Return a Lorentzian line whose sum over an endless axis is one."""
    return abs(ppm[1] - ppm[0]) / np.pi * half_width / ((ppm - centre) ** 2 + half_width**2)


def spectra(folder: Path) -> None:
    """Write one experiment per temperature and mixing time."""
    shutil.rmtree(folder, ignore_errors=True)
    random = np.random.default_rng(20)
    sphere = Exchange(geometry="sphere", size=55e-9, boundary="sink")
    ppm = [OFFSET_PPM - np.arange(n) * WIDTH_PPM / n for n in SHAPE]
    lines = [[line(p, c, w) for c, w in zip(CENTRES, WIDTHS, strict=True)] for p in ppm]
    u, v = (np.linspace(-1.0, 1.0, n) for n in SHAPE)
    number = 1
    for temperature in TEMPERATURES:
        d = arrhenius(np.full(len(TIMES), temperature), 1.0e-16, 0.315, 298.15)
        built = exchange_intensities(sphere, TIMES, diffusivity=d, rate_a=1 / 1.2, rate_b=1 / 1.2)
        for time, (diagonal, cross, *_) in zip(TIMES, built, strict=True):
            # The electrolyte holds as much as the electrode; what it gives back is not seen, as for a sink.
            volumes = [[diagonal, cross], [0.25 * cross, 0.8 * np.exp(-time / 1.2)]]
            data = sum(volumes[i][j] * np.outer(lines[0][i], lines[1][j]) for i in (0, 1) for j in (0, 1))
            data = data + TILT * (0.5 + u[:, None] - 0.6 * v[None, :]) + NOISE * random.standard_normal(SHAPE)
            write_spectrum(folder / str(number), data, ppm[0], time, temperature, "make_measured.py")
            number += 1


def write_spectrum(
    folder: Path, data: np.ndarray, ppm: np.ndarray, mixing_time: float, temperature: float, script: str
) -> None:
    """Write 2rr of one axis in both dimensions, its parameters and acqus.

    nmrglue's writer scales to a range of its own, which NC_proc undoes.
    """
    from nmrglue.fileio import bruker

    exponent = int(np.ceil(np.log2(np.abs(data).max() / 2.0**28)))
    core = {"_coreheader": [f"##TITLE= Parameter file, SYNTHETIC (configs/data/{script})"], "_comments": []}
    part = {
        "SI": ppm.size, "XDIM": ppm.size // 2, "OFFSET": float(ppm[0]),
        "SW_p": float(ppm[0] - ppm[1]) * ppm.size * 58.9, "SF": 58.9, "BYTORDP": 0, "DTYPP": 0, "PPARMOD": 1,
    }  # fmt: skip
    counts = data / 2.0**exponent
    scale = max(0, 28 - int(np.floor(np.log2(np.abs(counts).max()))))
    named = {name: {**part, "NC_proc": exponent - scale, **core} for name in ("procs", "proc2s")}
    bruker.write_pdata(str(folder), named, counts, write_procs=True, pdata_folder=1, overwrite=True)
    for copy in ("proc", "proc2"):
        (folder / "pdata" / "1" / copy).unlink()
    delays = [0.0] * 10
    delays[8] = mixing_time
    acquired = {"D": delays, "TE": temperature, "NS": 1, "RG": 101.0, **core}
    bruker.write_jcamp(acquired, str(folder / "acqus"), overwrite=True)


if __name__ == "__main__":
    write_mpt(HERE / "gitt_film.mpt")
    spectra(HERE / "exsy_spectra")
