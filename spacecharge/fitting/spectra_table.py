"""Measured spectra beside those of a fit, as a table of its result."""

from __future__ import annotations

import numpy as np

from ..store.stored_fit import FitColumn, FitTable
from .interface_spectra import MeasuredSpectra, area_of
from .problem import Array, Estimate


def spectra_table(spectra: MeasuredSpectra, estimate: Estimate) -> FitTable | None:
    """Return the measured spectra, those of the fit, and what the Kramers-Kronig series leaves; None without any."""
    config = spectra.config
    if not config.spectra:
        return None
    fitted = [spectra.impedance(estimate.values, i) for i in range(len(config.spectra))]
    sigma = spectra.sigma
    if estimate.problem.sigma is not None:
        sigma = estimate.problem.sigma[len(config.data) :]
    columns: dict[str, list[Array]] = {}
    start = 0
    for i, (s, test) in enumerate(zip(config.spectra, spectra.tests, strict=True)):
        n, modulus, factor = s.frequency.size, np.abs(s.impedance), 1.0
        if s.per_area != config.spectra[0].per_area:
            # One unit for all: that of the first.
            area = float(area_of(spectra, estimate.values[None])[0])
            factor = 1.0 / area if s.per_area else area
        rank = np.argsort(np.argsort(s.frequency))
        parts = {
            "spectrum": np.full(n, float(i)),
            "frequency": s.frequency,
            "measured_real": factor * s.impedance.real,
            "measured_imag": factor * s.impedance.imag,
            "fitted_real": factor * fitted[i].real,
            "fitted_imag": factor * fitted[i].imag,
            "sigma_real": factor * modulus * sigma[start : start + n],
            "sigma_imag": factor * modulus * sigma[start + n : start + 2 * n],
            "kramers_kronig_real": test.residual.real[rank],
            "kramers_kronig_imag": test.residual.imag[rank],
        }
        start += 2 * n
        for key, values in parts.items():
            columns.setdefault(key, []).append(values)
    unit = "ohm m2" if config.spectra[0].per_area else "ohm"
    units = {"spectrum": "1", "frequency": "Hz", "kramers_kronig_real": "1", "kramers_kronig_imag": "1"}
    words = {
        "spectrum": "which spectrum, by names",
        "kramers_kronig_real": "residual of the Kramers-Kronig series over the modulus, real part",
        "kramers_kronig_imag": "residual of the Kramers-Kronig series over the modulus, imaginary part",
    }
    return FitTable(
        columns={
            key: FitColumn(
                values=np.concatenate(values),
                unit=units.get(key, unit),
                long_name=words.get(key, key.replace("_", " ").replace("imag", "imaginary")),
            )
            for key, values in columns.items()
        },
        attributes={"names": tuple(s.interface for s in config.spectra)},
    )


__all__ = ["spectra_table"]
