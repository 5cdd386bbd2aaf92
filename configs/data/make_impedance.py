"""Make the synthetic data of the example fit: interface on spectra and capacitances; nothing in them was measured.

NMC811 on LLZO without charge transfer, the cell of configs/impedance_fit.yaml. The truth stands in the constants below.
Run it from anywhere: python configs/data/make_impedance.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import spacecharge as sc

HERE = Path(__file__).parent / "impedance"
PERMITTIVITY, DENSITY_PER_NM3 = 40.0, 5.0
AREA_CM2, SERIES_OHM_CM2, INDUCTANCE_H = 0.5, 2.0, 80e-9
NOISE_Z, NOISE_C = 0.01, 0.02
FREQUENCY_HZ = np.geomspace(1e-1, 1e7, 61)
SPECTRA_V, CAPACITANCES_V = (4.06, 4.09, 4.12), np.linspace(3.6, 4.2, 20)


def solved(bias: float) -> sc.Solution:
    """Return the cell at a potential of the cathode [V]."""
    cathode = sc.Layer(material="NMC811", potential_V=bias, thickness_nm=30)
    electrolyte = sc.Layer(
        material="LLZO", potential_V=3.4, thickness_nm=100, permittivity=PERMITTIVITY,
        site_density_per_nm3=DENSITY_PER_NM3, diffusivity_m2_per_s=1e-12,
    )  # fmt: skip
    return sc.solve(sc.Stack([cathode, electrolyte], temperature_K=298.15), tolerance_V=1e-9)


def main() -> None:
    """Write the spectra, as a potentiostat exports them (ohm of the cell), and the capacitances."""
    random = np.random.default_rng(2)
    HERE.mkdir(exist_ok=True)
    for bias in SPECTRA_V:
        z = (1e4 * sc.impedance(solved(bias), FREQUENCY_HZ) + SERIES_OHM_CM2) / AREA_CM2
        z = z + 2j * np.pi * FREQUENCY_HZ * INDUCTANCE_H
        z = z + NOISE_Z * np.abs(z) * (random.standard_normal(z.size) + 1j * random.standard_normal(z.size))
        np.savetxt(
            HERE / f"{bias:.2f}V.csv", np.column_stack([FREQUENCY_HZ, z.real, -z.imag]), fmt="%.6g", delimiter=",",
            header="Frequency (Hz),Re(Z) (Ohm),-Im(Z) (Ohm)", comments="",
        )  # fmt: skip
    c = 100.0 * np.array([sc.differential_capacitance(solved(bias))[0] for bias in CAPACITANCES_V])
    c *= 1.0 + NOISE_C * random.standard_normal(c.size)
    np.savetxt(
        HERE / "capacitance.csv", np.column_stack([CAPACITANCES_V, c]), fmt="%.6g", delimiter=",",
        header="U_V,C_uF_cm2", comments="",
    )  # fmt: skip


if __name__ == "__main__":
    main()
