"""Whether a spectrum is that of a linear, causal, stationary system: the linear Kramers-Kronig test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_PER_DECADE = 7.0
"""Relaxation times a decade at most: the steps of the data, which seven still resolve, are no overfitting yet."""

LEAST_PER_DECADE = 1.0
"""Fewer elements than this leave gaps that no spectrum is to blame for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KramersKronig:
    """Outcome of the test.

    Parameters
    ----------
    residual : ndarray of complex, shape (n,)
        (measured - series)/|measured|, from low to high frequencies.
    n_elements : int
        RC elements of the series.
    mu : float
        1 - sum of the negative over the sum of the positive resistances.
    noise : float
        One sigma of either part over the modulus, by the scatter about the series.
    """

    residual: NDArray[np.complex128]
    n_elements: int
    mu: float
    noise: float

    @property
    def order(self) -> float:
        """Standard deviations by which neighbouring residuals differ less (below 0) than those of noise do."""
        excess, variance = 0.0, 0.0
        n = self.residual.size
        for part in (self.residual.real, self.residual.imag):
            square = float(np.sum(part**2))
            if square > 0.0:
                excess += float(np.sum(np.diff(part) ** 2)) / square - 2.0
                variance += 4.0 * (n - 2.0) / (n * n - 1.0)
        return excess / float(np.sqrt(variance)) if variance > 0.0 else 0.0

    @property
    def rms(self) -> float:
        """Root of the mean square of |residual|."""
        return float(np.sqrt(np.mean(np.abs(self.residual) ** 2)))

    @property
    def largest(self) -> float:
        """Largest |residual|."""
        return float(np.max(np.abs(self.residual)))


def kramers_kronig(
    frequency: Array, impedance: NDArray[np.complex128], *, per_decade: float | None = None
) -> KramersKronig:
    """Fit a series of RC elements, each of which obeys the Kramers-Kronig relations, to a spectrum.

    Parameters
    ----------
    frequency : ndarray, shape (n,)
        [Hz], above 0, in any order.
    impedance : ndarray of complex, shape (n,)
        In any unit.
    per_decade : float, optional
        Relaxation times a decade; default: as many as cross-validation asks for.

    Returns
    -------
    KramersKronig
        What the series leaves over.

    Notes
    -----
    Z = R + i w L + 1/(i w C) + sum R_k/(1 + i w tau_k) with tau_k evenly over the logarithm of 1/w, linear in all
    unknowns, weighted by the modulus; the R_k may be negative. With few elements the residuals are those of the
    series, with too many they shrink because the series follows the noise. Between 1 and 7 a decade that number is
    taken that minimises RSS/(n - p)^2, generalised cross-validation: mu, by which [2] stops, falls below its bound with
    three elements already where a spectrum has arcs far apart and a capacitor; it is reported.

    References
    ----------
    .. [1] B. A. Boukamp, J. Electrochem. Soc. 142, 1885 (1995), the linear test.
    .. [2] M. Schoenleber, D. Klotz, E. Ivers-Tiffee, Electrochim. Acta 131, 20 (2014), mu.
    .. [3] G. H. Golub, M. Heath, G. Wahba, Technometrics 21, 215 (1979), generalised cross-validation.
    """
    rising = np.argsort(frequency)
    omega, impedance = 2.0 * np.pi * np.asarray(frequency, dtype=float)[rising], impedance[rising]
    decades = max(float(np.log10(omega.max() / omega.min())), 1.0)
    most = max(3, min(omega.size - 2, round(MOST_PER_DECADE * decades)))
    if per_decade is not None:
        return _series(omega, impedance, max(1, min(most, round(per_decade * decades) + 1)))
    first = min(most, max(3, round(LEAST_PER_DECADE * decades)))
    candidates = [_series(omega, impedance, n) for n in range(first, most + 1)]
    # noise^2 is RSS/(n - p): once more over the freedom that is left.
    return min(candidates, key=lambda found: found.noise**2 / max(2 * omega.size - found.n_elements - 3, 1))


def _series(omega: Array, impedance: NDArray[np.complex128], n: int) -> KramersKronig:
    tau = np.geomspace(1.0 / omega.max(), 1.0 / omega.min(), n)
    ones = np.ones_like(omega)
    columns = np.column_stack([ones, 1j * omega, 1.0 / (1j * omega), 1.0 / (1.0 + 1j * np.outer(omega, tau))])
    columns /= np.abs(impedance)[:, None]
    both = np.vstack([columns.real, columns.imag])
    # Inductance and capacitance are numbers of their own size: columns of one length keep the rank.
    length = np.linalg.norm(both, axis=0)
    aim = impedance / np.abs(impedance)
    unknown, *_ = np.linalg.lstsq(both / length, np.concatenate([aim.real, aim.imag]), rcond=1e-12)
    unknown = unknown / length
    residual = aim - columns @ unknown
    r = unknown[3:]
    positive = float(r[r > 0.0].sum())
    mu = 1.0 - float(-r[r < 0.0].sum()) / positive if positive > 0.0 else 0.0
    freedom = max(2 * omega.size - n - 3, 1)
    noise = float(np.sqrt(np.sum(np.abs(residual) ** 2) / freedom))
    return KramersKronig(residual=residual, n_elements=n, mu=mu, noise=noise)


__all__ = ["KramersKronig", "kramers_kronig"]
