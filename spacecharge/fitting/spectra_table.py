"""Measured spectra beside those of a fit, as tables of its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..store.stored_fit import FitColumn, FitTable
from .interface_spectra import Complex, MeasuredSpectra, area_of
from .problem import Array, Estimate

if TYPE_CHECKING:
    from .posterior import Posterior

DRAWS = 500
"""Draws that make the bands: the ends of 95 % then lie within 0.12 sigma (1 sigma) of those of the chain."""

CURVES = 50
"""Draws that are kept as curves: in the complex plane a band of 95 % has no ends, curves show it as it is."""

_WORDS = {
    "spectrum": "which spectrum, by names",
    "kramers_kronig_real": "residual of the Kramers-Kronig series over the modulus, real part",
    "kramers_kronig_imag": "residual of the Kramers-Kronig series over the modulus, imaginary part",
}


def spectra_tables(
    spectra: MeasuredSpectra, estimate: Estimate, posterior: Posterior | None = None
) -> dict[str, FitTable]:
    """Return the measured spectra, those of the fit, and what the Kramers-Kronig series leaves.

    Parameters
    ----------
    spectra : MeasuredSpectra
        With the model.
    estimate : Estimate
        Where the search ended.
    posterior : Posterior, optional
        A chain that has converged.

    Returns
    -------
    dict of str to FitTable
        ``spectra``, with the ends of the pointwise 95 % of the posterior (``lower_95_real`` to ``upper_95_phase``), and
        ``spectra_draws``: spectra of some draws (n_rows, n_draws). Empty without spectra.
    """
    config = spectra.config
    if not config.spectra:
        return {}
    sigma = spectra.sigma
    if estimate.problem.sigma is not None:
        sigma = estimate.problem.sigma[len(config.data) :]
    rows = posterior.some(DRAWS) if posterior is not None else np.zeros((0, estimate.values.size))
    # The fit before the draws: one call of the model has them all.
    rows = np.concatenate([estimate.values[None], rows])
    n_draws, factors = rows.shape[0] - 1, _factors(spectra, rows)
    columns: dict[str, list[Array]] = {}
    curves: list[Complex] = []
    chosen = np.unique(np.linspace(0, n_draws - 1, min(CURVES, n_draws)).round().astype(np.intp))
    start = 0
    for i, (s, test) in enumerate(zip(config.spectra, spectra.tests, strict=True)):
        n, modulus, factor = s.frequency.size, np.abs(s.impedance), factors[0, i]
        fitted, *_ = every = factors[:, i, None] * spectra.impedances(rows, i)
        rank = np.argsort(np.argsort(s.frequency))
        parts = {
            "spectrum": np.full(n, float(i)),
            "frequency": s.frequency,
            "measured_real": factor * s.impedance.real,
            "measured_imag": factor * s.impedance.imag,
            "fitted_real": fitted.real,
            "fitted_imag": fitted.imag,
            "sigma_real": factor * modulus * sigma[start : start + n],
            "sigma_imag": factor * modulus * sigma[start + n : start + 2 * n],
            "kramers_kronig_real": test.residual.real[rank],
            "kramers_kronig_imag": test.residual.imag[rank],
        }
        start += 2 * n
        if n_draws:
            drawn = every[1:]
            views = {"real": drawn.real, "imag": drawn.imag, "modulus": np.abs(drawn), "phase": np.angle(drawn)}
            for what, values in views.items():
                parts[f"lower_95_{what}"], parts[f"upper_95_{what}"] = np.nanquantile(values, [0.025, 0.975], axis=0)
            curves.append(drawn[chosen].T)
        for key, values in parts.items():
            columns.setdefault(key, []).append(values)
    unit = "ohm m2" if config.spectra[0].per_area else "ohm"
    tables = {
        "spectra": FitTable(
            columns={key: _column(key, np.concatenate(values), unit) for key, values in columns.items()},
            attributes={"names": tuple(s.interface for s in config.spectra)},
        )
    }
    if n_draws:
        drawn = np.concatenate(curves)
        tables["spectra_draws"] = FitTable(
            columns={
                "draw": FitColumn(values=np.arange(chosen.size), unit="1", long_name="draw of the posterior"),
                "real": FitColumn(values=drawn.real, unit=unit, long_name="real part, rows as in spectra, by draw"),
                "imag": FitColumn(values=drawn.imag, unit=unit, long_name="imaginary part, likewise"),
            }
        )
    return tables


def _factors(spectra: MeasuredSpectra, rows: Array) -> Array:
    """Return what turns each spectrum into the unit of the first, for every row of parameters (n_rows, n_spectra)."""
    first = spectra.spectra[0].per_area
    area = area_of(spectra, rows)
    factors = [
        np.ones_like(area) if s.per_area == first else 1.0 / area if s.per_area else area for s in spectra.spectra
    ]
    return np.array(factors).T


def _column(name: str, values: Array, unit: str) -> FitColumn:
    units = {"spectrum": "1", "frequency": "Hz", "kramers_kronig_real": "1", "kramers_kronig_imag": "1"}
    end, _, what = name.partition("_95_")
    words = _WORDS.get(name, name.replace("_", " ").replace("imag", "imaginary"))
    if what:
        words = f"{end} end of 95 % of the posterior of the fitted {what.replace('imag', 'imaginary part')}"
    return FitColumn(values=values, unit="rad" if what == "phase" else units.get(name, unit), long_name=words)


__all__ = ["spectra_tables"]
