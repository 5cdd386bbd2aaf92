"""Make the synthetic data sets of the fit examples; nothing in them was measured.

They are computed from the parameters that Cheng et al., Joule 4, 1311 (2020), print, plus noise of a
stated size and fixed seed. What the paper does not print (particle size, noise, times, amplitudes) is
chosen here and says so. Run it from anywhere: python configs/data/make_synthetic.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spacecharge.nmr.arrhenius import arrhenius
from spacecharge.nmr.exchange import Exchange, exchange_intensities
from spacecharge.nmr.relaxation import anderson_weiss_t2
from spacecharge.nmr.transport import prefactor_correlation_time

HERE = Path(__file__).parent
LABEL = "# SYNTHETIC data, made by configs/data/make_synthetic.py; nothing here was measured.\n"


def exsy(path: Path, diffusivity: float, energy: float, seed: int) -> None:
    """Write cross and diagonal intensities of LiV2O5 in LAGP-like surroundings."""
    temperatures = np.repeat([298.15, 313.15, 328.15, 343.15, 363.15], 12)
    times = np.tile(np.geomspace(5e-4, 2.0, 12), 5)
    shape = Exchange(geometry="sphere", size=55e-9, boundary="sink")
    intensities = exchange_intensities(
        shape, times, diffusivity=arrhenius(temperatures, diffusivity, energy, 298.15), rate_a=1 / 1.2, rate_b=1 / 1.2
    )
    noise, scale = 0.01, 1.0
    random = np.random.default_rng(seed)
    noisy = scale * intensities[:, :2] + noise * random.standard_normal((times.size, 2))
    with path.open("w") as file:
        file.write(LABEL)
        file.write(
            f"# Printed in the paper: D_eff = {diffusivity:g} m2/s at room temperature, Ea = {energy:g} eV.\n"
            "# Chosen here: sphere of 55 nm radius, sink, T1 = 1.2 s on both sides, noise 0.01 of the total signal.\n"
            "T_K,t_mix_s,I_AA,I_AB,sigma_I_AA,sigma_I_AB\n"
        )
        for t, s, (diagonal, cross) in zip(temperatures, times, noisy, strict=True):
            file.write(f"{t:.2f},{s:.6e},{diagonal:.5f},{cross:.5f},{noise},{noise}\n")


def relaxation(path: Path, tau_break: float, break_K: float, energy: float, seed: int) -> None:
    """Write T2 against temperature through the bend of the rigid lattice."""
    temperatures = np.linspace(258.0, 438.0, 19)
    second_moment = 1.0 / tau_break**2
    prefactor = float(prefactor_correlation_time(tau_break, break_K, energy))
    tau = prefactor * np.exp(energy / (8.617333262e-5 * temperatures))
    noise = 0.02
    t2 = anderson_weiss_t2(tau, second_moment)
    t2 *= 1.0 + noise * np.random.default_rng(seed).standard_normal(t2.size)
    with path.open("w") as file:
        file.write(LABEL)
        file.write(
            f"# Printed in the paper: tau_c = {1e6 * tau_break:g} us at {break_K:g} K, Ea = {energy:g} eV (LiV2O5).\n"
            "# Chosen here: M2 = 1/tau_c^2 (their reading tau_c = T2/sqrt 2), Anderson-Weiss bend, noise 2 %.\n"
            "T_K,T2_us,sigma_T2_us\n"
        )
        for t, value in zip(temperatures, t2, strict=True):
            file.write(f"{t:.1f},{1e6 * value:.4f},{noise * 1e6 * value:.4f}\n")


if __name__ == "__main__":
    exsy(HERE / "exsy_livo.csv", 1.0e-16, 0.315, seed=20200507)
    exsy(HERE / "exsy_li2v2o5.csv", 4.4e-18, 0.515, seed=20200508)
    relaxation(HERE / "relaxation_livo.csv", 12.4e-6, 360.0, 0.17, seed=20200509)
