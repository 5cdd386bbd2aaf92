"""Make the synthetic raw files of configs/joule2020_from_data.yaml; nothing in them was measured.

What Cheng et al., Joule 4, 1311 (2020), measured, as their instruments would have written it: a titration (BDF),
T2 of the electrode and T1rho of the electrolyte against temperature, processed exchange spectra of two interfaces and
impedance spectra of two. The numbers are those of the paper where it prints them; particle size, noise, times, line
shapes and the law between the numbers (charge transfer over the layer, symmetry factor 1/2) are chosen here.

All files follow from the constants below by the model itself. Exchange currents, activation energies and resistances
come from the first integral, which shares no code with the solver; the impedance is the solver's. The truth is
written beside them, to be held against the fits. Run it from anywhere: python configs/data/make_joule2020.py [FOLDER]
(it needs nmrglue).
"""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path

import numpy as np
from make_measured import line, slab, write_spectrum
from scipy.linalg import expm

import spacecharge as sc
from spacecharge.constants import BOLTZMANN, ELEMENTARY_CHARGE, FARADAY
from spacecharge.nmr.relaxation import anderson_weiss_t2, dipolar_rates

ROOM = 298.15
LABEL = "# SYNTHETIC data, made by configs/data/make_joule2020.py; nothing here was measured.\n"

# The interface: LixV2O5 | LAGP of the library; U(x) runs through the three rest potentials of the paper.
COMPOSITIONS, POTENTIALS, PER_COMPOSITION = (0.2, 1.0, 2.0), (3.4, 3.0, 2.4), 0.47
THICKNESS_NM = {"electrode": 300.0, "electrolyte": 10_000.0}
EXCHANGE, ENERGY_EV, SYMMETRY = 7.7, 0.315, 0.5  # i0 of the neutral interface [A/m2], Ea, alpha
DIFFUSIVITY = {"electrode": (1.68e-15, 0.17), "electrolyte": (1.0e-13, 0.166)}
JUMP_NM, DIRECTIONS = {"electrode": 0.36, "electrolyte": 0.35}, {"electrode": 2, "electrolyte": 6}

SECOND_MOMENT, LARMOR_MHZ, LOCK_KHZ, COUPLING = 1.0 / 12.4e-6**2, 116.6, 40.0, 2.0e9

# The titration: discharge of a film of 300 nm on 1 cm2 from x = 0.1, a rest at every tenth.
START, STEP, N_PULSES, OHMIC_V, NOISE_V = 0.1, 0.1, 20, 0.02, 1e-4
MOLAR_MASS, DENSITY = 181.88, 3.36

# The spectra: two sites of T1 = 1.2 s, spheres of 55 nm.
TEMPERATURES, TIMES, T1_S, RADIUS_NM = (298.15, 323.15, 348.15), (0.1, 0.4, 1.6), 1.2, 55.0
N_PPM, OFFSET_PPM, WIDTH_PPM, CENTRES, WIDTHS, NOISE, TILT = 36, 20.0, 34.0, (11.0, 2.0), (1.4, 1.2), 4e-5, 2e-4
POPULATIONS, FORMULA_PER_NM3 = np.array([1.0, 0.7]), 11.2

FREQUENCY, NOISE_Z = np.geomspace(1e-1, 1e7, 61), 0.005


def potential(x: np.ndarray) -> np.ndarray:
    """Return the equilibrium potential of the electrode [V]: the parabola through the paper's three."""
    (a, b, c), (u, v, w) = COMPOSITIONS, POTENTIALS
    return (
        u * (x - b) * (x - c) / ((a - b) * (a - c))
        + v * (x - a) * (x - c) / ((b - a) * (b - c))
        + w * (x - a) * (x - b) / ((c - a) * (c - b))
    )


def stack(x: float, temperature: float = ROOM) -> sc.Stack:
    """Return the interface at a composition."""
    law = {
        name: {"value": value, "at_K": ROOM, "activation_energy_eV": energy}
        for name, (value, energy) in DIFFUSIVITY.items()
    }
    electrode = sc.Layer(
        material="LixV2O5", potential_V=float(potential(np.array(x))), occupancy=PER_COMPOSITION * x,
        thickness_nm=THICKNESS_NM["electrode"], diffusivity_m2_per_s=law["electrode"], name="electrode",
    )  # fmt: skip
    electrolyte = sc.Layer(
        material="LAGP", thickness_nm=THICKNESS_NM["electrolyte"], diffusivity_m2_per_s=law["electrolyte"],
        name="electrolyte",
    )  # fmt: skip
    return sc.Stack([electrode, electrolyte], temperature_K=temperature)


def occupancies(x: float, temperature: float = ROOM) -> float:
    """Return sqrt of theta_e (1 - theta_s) theta_s (1 - theta_e) at the contact, by the first integral."""
    (state,) = sc.analytic.first_integral(stack(x, temperature))
    theta, vacancy = state.contact_occupancy[:, 0], state.contact_vacancy[:, 0]
    return math.sqrt(theta[0] * vacancy[1] * theta[1] * vacancy[0])


def rate_constant() -> float:
    """Return k0 at room temperature [m-2 s-1], of the neutral interface."""
    return EXCHANGE / (ELEMENTARY_CHARGE * occupancies(COMPOSITIONS[1]))


def exchange_current(x: float, temperature: float = ROOM) -> float:
    """Return i0 [A/m2]."""
    warmth = ENERGY_EV * ELEMENTARY_CHARGE / BOLTZMANN * (1.0 / ROOM - 1.0 / temperature)
    return ELEMENTARY_CHARGE * rate_constant() * math.exp(warmth) * occupancies(x, temperature)


def apparent_energy(x: float) -> float:
    """Return the slope of ln i0 against 1/T over the temperatures of the spectra [eV]."""
    slope = np.polyfit(1.0 / np.array(TEMPERATURES), [math.log(exchange_current(x, t)) for t in TEMPERATURES], 1)[0]
    return float(-slope * BOLTZMANN / ELEMENTARY_CHARGE)


def correlation_time(layer: str, temperature: np.ndarray) -> np.ndarray:
    """Return the time between jumps l^2/(n D) [s]."""
    value, energy = DIFFUSIVITY[layer]
    d = value * np.exp(energy * ELEMENTARY_CHARGE / BOLTZMANN * (1.0 / ROOM - 1.0 / temperature))
    return (1e-9 * JUMP_NM[layer]) ** 2 / (DIRECTIONS[layer] * d)


def write_titration(path: Path, random: np.random.Generator) -> None:
    """Write the record of the cycler, in the format of the Battery Data Alliance."""
    time, surface, rate = slab(START, [STEP] * N_PULSES, 6, 40)
    voltage = potential(surface) - OHMIC_V * np.sign(rate) + NOISE_V * random.standard_normal(time.size)
    grams = 1e6 * DENSITY * 300e-9 * 1e-4
    current = 0.0 - rate * FARADAY / MOLAR_MASS * grams
    rows = [f"{t:.2f},{u:.6f},{i:.8f}" for t, u, i in zip(time, voltage, current, strict=True)]
    path.write_text("\n".join(["Test Time / s,Voltage / V,Current / A", *rows]) + "\n", encoding="utf-8")


def write_relaxation(folder: Path, random: np.random.Generator) -> None:
    """Write T2 of the electrode through its rigid lattice, and T1rho of the electrolyte through its minimum."""
    warm = np.linspace(258.0, 438.0, 19)
    t2 = anderson_weiss_t2(correlation_time("electrode", warm), SECOND_MOMENT)
    cold = np.linspace(180.0, 360.0, 19)
    *_, rate = dipolar_rates(
        correlation_time("electrolyte", cold), larmor_rad_s=2e6 * np.pi * LARMOR_MHZ, coupling=COUPLING,
        spin_lock_rad_s=2e3 * np.pi * LOCK_KHZ,
    )  # fmt: skip
    for name, title, temperature, time in (
        ("t2_electrode.csv", "T2_us", warm, t2),
        ("t1rho_electrolyte.csv", "T1rho_us", cold, 1.0 / rate),
    ):
        noisy = 1e6 * time * (1.0 + 0.02 * random.standard_normal(time.size))
        rows = [f"{t:.1f},{v:.5g},{0.02 * v:.3g}" for t, v in zip(temperature, noisy, strict=True)]
        (folder / name).write_text("\n".join([f"{LABEL}T_K,{title},sigma_{title}", *rows]) + "\n", encoding="utf-8")


def write_spectra(folder: Path, x: float, random: np.random.Generator) -> None:
    """Write one experiment per temperature and mixing time: lines of two sites on a tilted plane, with noise."""
    shutil.rmtree(folder, ignore_errors=True)
    ppm = OFFSET_PPM - np.arange(N_PPM) * WIDTH_PPM / N_PPM
    lines = [line(ppm, c, w) for c, w in zip(CENTRES, WIDTHS, strict=True)]
    u = np.linspace(-1.0, 1.0, N_PPM)
    plane = TILT * (0.5 + u[:, None] - 0.6 * u[None, :])
    charge = ELEMENTARY_CHARGE * 1e27 * FORMULA_PER_NM3 * 1e-9 * RADIUS_NM / 3.0
    for number, (temperature, time) in enumerate(((t, m) for t in TEMPERATURES for m in TIMES), start=1):
        out = exchange_current(x, temperature) / charge
        back = out * POPULATIONS[0] / POPULATIONS[1]
        matrix = np.array([[-out, back], [out, -back]]) - np.eye(2) / T1_S
        volumes = (expm(matrix * time) @ np.diag(POPULATIONS)).T
        data = sum(volumes[i, j] * np.outer(lines[i], lines[j]) for i in (0, 1) for j in (0, 1))
        data = data + plane + NOISE * random.standard_normal(data.shape)
        write_spectrum(folder / str(number), data, ppm, time, temperature, "make_joule2020.py")


def write_impedance(path: Path, x: float, random: np.random.Generator) -> None:
    """Write a spectrum of a cell of 1 cm2, as potentiostats export it."""
    law = sc.ChargeTransfer(
        rate_constant=rate_constant(), activation_energy_eV=ENERGY_EV, symmetry_factor=SYMMETRY,
        reference_temperature=ROOM,
    )  # fmt: skip
    z = 1e4 * sc.impedance(sc.solve(stack(x), tolerance_V=1e-9), FREQUENCY, charge_transfer=law)
    noise = random.standard_normal((2, z.size))
    z = z + NOISE_Z * np.abs(z) * (noise[0] + 1j * noise[1])
    rows = [f"{f:.5e},{v.real:.5e},{-v.imag:.5e}" for f, v in zip(FREQUENCY, z, strict=True)]
    path.write_text("\n".join(["Frequency (Hz),Re(Z) (Ohm),-Im(Z) (Ohm)", *rows]) + "\n", encoding="utf-8")


def truth() -> dict[str, dict[str, tuple[float, str]]]:
    """Return what every step of the chain should find, by step and number, in the unit of the number."""
    (d_e, ea_e), (d_s, ea_s) = DIFFUSIVITY["electrode"], DIFFUSIVITY["electrolyte"]
    current = {x: exchange_current(x) for x in COMPOSITIONS}
    volts = BOLTZMANN * ROOM / ELEMENTARY_CHARGE
    total = {}
    for x in COMPOSITIONS:
        (state,) = sc.analytic.first_integral(stack(x))
        total[x] = volts / current[x] + state.resistance[1]
    names = dict(zip(COMPOSITIONS, ("Li0.2V2O5", "LiV2O5", "Li2V2O5"), strict=True))
    diffusivity = {"electrode.diffusivity_m2_per_s.value": (d_e, "m2/s")}
    electrolyte = {"electrolyte.permittivity": (15.0, "1"), "electrolyte.site_density_per_nm3": (19.7, "nm-3")}
    rate = {"rate_constant": (rate_constant(), "m-2 s-1")}
    return {
        "gitt": {f"potential@{x:g}": (u, "V") for x, u in zip(COMPOSITIONS, POTENTIALS, strict=True)},
        "t2_electrode": {"diffusivity": (d_e, "m2 s-1"), "activation_energy_eV": (ea_e, "eV")},
        "t1rho_electrolyte": {"diffusivity": (d_s, "m2 s-1"), "activation_energy_eV": (ea_s, "eV")},
        **{
            f"exsy_{x:g}": {
                "exchange_current_density": (current[x], "A m-2"),
                "activation_energy_eV": (apparent_energy(x), "eV"),
            }
            for x in COMPOSITIONS[1:]
        },
        "impedance": {**electrolyte, **diffusivity, **rate},
        "comparison": {f"total_resistance_{name}": (total[x], "ohm m2") for x, name in names.items()},
        "joint": {
            **electrolyte,
            **diffusivity,
            **rate,
            "symmetry_factor": (SYMMETRY, "1"),
            "activation_energy_eV": (ENERGY_EV, "eV"),
            **{f"exchange_current_density_{name}": (current[x], "A m-2") for x, name in names.items()},
        },
    }


def write_truth(path: Path) -> None:
    """Write the truth for the table of the chain; no fit reads it."""
    lines = [LABEL.rstrip(), "# What every step of configs/joule2020_from_data.yaml should find."]
    for step, numbers in truth().items():
        lines.append(f"{step}:")
        lines += [f"  {name}: {{value: {value:.8g}, unit: {unit}}}" for name, (value, unit) in numbers.items()]
    text = "\n".join(lines) + "\n"
    path.write_text(text.replace("unit: 1}", 'unit: "1"}'), encoding="utf-8")


def write_all(folder: Path, seed: int = 20200506) -> None:
    """Write every file of the chain into a folder."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_titration(folder / "gitt.bdf.csv", random)
    write_relaxation(folder, random)
    for x in COMPOSITIONS[1:]:
        write_spectra(folder / f"exsy_{x:g}", x, random)
    for x in (COMPOSITIONS[0], COMPOSITIONS[2]):
        write_impedance(folder / f"impedance_{x:g}.csv", x, random)
    write_truth(folder / "truth.yaml")


if __name__ == "__main__":
    write_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "joule2020")
