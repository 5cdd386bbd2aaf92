"""The grain boundary of Gd-doped ceria that the tests share, and a dense solver of it in plain NumPy.

The dense solver shares no code with the package: it parses the file, lays out a full matrix and iterates Newton with a
Jacobian from differences on all unknowns at once (potentials, background, odds).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.constants import elementary_charge, epsilon_0, k

import spacecharge as sc

SITES = Path(__file__).resolve().parents[2] / "configs" / "data" / "ceria_111_sites.txt"
SIDE = 0.765327e-9
WINDOW, BULK = (-6.094, 5.16), (-5.783, -2.502)


def ceria(dopant: Any = False, **changes: Any) -> sc.Lattice:
    """Return the case of the published notebooks; `dopant` is the `mobile` of gadolinium."""
    keys: dict[str, Any] = {
        "sites": SITES,
        "cross_section_nm2": (SIDE * 1e9) ** 2,
        "permittivity": 55.0,
        "window_nm": WINDOW,
        "bulk_nm": BULK,
        "closure": "uniform_background",
        "temperature_K": 773.15,
        "species": {
            "Vo": {"site": "O", "charge_number": 2, "fraction": 0.05},
            "Gd": {"site": "Ce", "charge_number": -1, "fraction": 0.2, "mobile": dopant},
        },
    }
    return sc.Lattice(**{**keys, **changes})


class Dense:
    """The same case on a full matrix."""

    def __init__(self, closure: str = "uniform_background", site_charges: bool = False) -> None:
        rows: dict[tuple[float, str], list[tuple[float, float]]] = {}
        for line in SITES.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words and words[0] in ("O", "Ce"):
                rows.setdefault((float(words[2]), words[0]), []).append((float(words[1]), float(words[4])))
        full = np.array(sorted({x for x, _ in rows}))
        inside = np.flatnonzero((full > WINDOW[0] * 1e-9) & (full < WINDOW[1] * 1e-9))
        first, last = inside[0], inside[-1]
        x = self.x = full[inside]
        n = self.n = len(x)
        before, after = full[first] - full[first - 1], full[last + 1] - full[last]
        if closure == "neutral":
            before = after = (before + after) / 2.0
        h1, h2 = np.r_[after, np.diff(x)], np.r_[np.diff(x), before]
        self.volume = (h1 + h2) / 2.0
        if closure == "uniform_background":
            self.volume[0] = (full[first + 1] - full[first - 1]) / 2.0
            self.volume[-1] = (full[last + 2] - full[last]) / 2.0
        self.volume = self.volume * SIDE**2
        self.laplacian = np.zeros((n, n))
        for i in range(n):
            self.laplacian[i, i] -= 2.0 / (h1[i] * h2[i])
            self.laplacian[i, (i - 1) % n] += 2.0 / ((h1[i] + h2[i]) * h1[i])
            self.laplacian[i, (i + 1) % n] += 2.0 / ((h1[i] + h2[i]) * h2[i])
        kinds = [next((label, v) for (at, label), v in rows.items() if at == position) for position in x]
        self.oxygen = np.array([label == "O" for label, _ in kinds])
        self.count = np.array([len(v) for _, v in kinds])
        self.energy = np.array([v[0][1] for _, v in kinds])
        self.charge = np.array([v[0][0] for _, v in kinds]) * site_charges
        self.closure = closure

    def weights(self, planes: np.ndarray) -> np.ndarray:
        """Weights of the bulk mean over `planes` by pyscses' rule."""
        x = self.x[planes]
        a, b = np.searchsorted(x, BULK[0] * 1e-9), np.searchsorted(x, BULK[1] * 1e-9)
        width = np.r_[(x[a + 1] - x[a - 1]) / 2, (x[a + 3 : b] - x[a + 1 : b - 2]) / 2, (x[b] - x[b - 2]) / 2]
        result = np.zeros(self.n)
        result[planes[a + 1 : b]] = width / width.sum()
        return result

    def solve(self, temperature: float, *, mobile: bool = False, dopant: np.ndarray | None = None) -> Dense:
        """Solve with gadolinium mobile, at a given profile, or at its mole fraction everywhere."""
        kt = k * temperature / elementary_charge
        o_planes, ce_planes = np.flatnonzero(self.oxygen), np.flatnonzero(~self.oxygen)
        w_o, w_ce = self.weights(o_planes), self.weights(ce_planes)
        gauge = self.weights(np.arange(self.n)) if mobile else w_o
        uniform = self.closure == "uniform_background"

        def law(odds: float, charge: float, phi: np.ndarray) -> np.ndarray:
            return 1.0 / (1.0 + np.exp(-odds + (charge * phi + self.energy) / kt))

        def residual(u: np.ndarray) -> np.ndarray:
            phi, background = u[: self.n], u[self.n] if uniform else 0.0
            odds = u[-2:] if mobile else np.log([0.05 / 0.95, 0.2 / 0.8])
            self.vacancies = np.where(self.oxygen, law(odds[0], 2.0, phi), 0.0)
            if mobile:
                self.dopant = np.where(self.oxygen, 0.0, law(odds[1], -1.0, phi))
            else:
                self.dopant = np.where(self.oxygen, 0.0, 0.2) if dopant is None else dopant
            per_site = self.charge + 2.0 * self.vacancies - self.dopant
            rho = self.count * per_site * elementary_charge / self.volume
            out = [(self.laplacian @ phi) * 55.0 * epsilon_0 / 1e9 + rho / 1e9 - background]
            if uniform:
                out.append(np.array([gauge @ phi]))
            if mobile:
                out.append(np.array([np.log(w_o @ self.vacancies / 0.05), np.log(w_ce @ self.dopant / 0.2)]))
            return np.concatenate(out)

        u = np.zeros(self.n + uniform + 2 * mobile)
        if mobile:
            u[-2:] = np.log([0.05 / 0.95, 0.2 / 0.8])
        for _ in range(100):
            r = residual(u)
            jacobian = np.stack([(residual(u + d) - residual(u - d)) / 2e-6 for d in 1e-6 * np.eye(len(u))], axis=1)
            step = np.linalg.solve(jacobian, -r)
            u += step * min(1.0, 0.1 / np.abs(step).max())
            if np.abs(step[: self.n]).max() < 1e-13:
                break
        residual(u)
        self.potential = u[: self.n]
        return self
