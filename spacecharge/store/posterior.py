"""The group ``fits/NAME/posterior``: the chain of a sampler, the priors, and how well it has converged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import h5py

Array = NDArray[np.float64]

GROUP = "posterior"

MOST_NUMBERS = 4_000_000
"""A chain of more numbers is stored every second, third ... step; the file says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPosterior:
    """A chain as files, tables and figures take it.

    Parameters
    ----------
    names, units, long_names : tuple of str
        Fitted parameters.
    chain : ndarray, shape (n_steps, n_walkers, n_parameters)
        Draws, in the units of the parameters.
    log_probability : ndarray, shape (n_steps, n_walkers)
        Up to a constant.
    acceptance : ndarray, shape (n_walkers,)
        Share of accepted proposals.
    autocorrelation, rhat, effective, best : ndarray, shape (n_parameters,)
        Integrated autocorrelation time in steps, split R-hat, draws that independent ones would be worth, and the
        least-squares value.
    is_log : ndarray of bool, shape (n_parameters,)
        Whether the logarithm was sampled.
    prior_laws : tuple of str
        Law of each prior.
    prior_numbers : ndarray, shape (n_parameters, 2)
        Mean (median) and sigma, or both ends.
    prior_texts : tuple of str
        The same in words.
    settings : dict
        ``converged``, ``samples``, ``samples_needed``, ``steps``, ``walkers``, ``warm_up``, ``seed``, ``thin``,
        ``moves``, ``sampler``, ``seconds``.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    long_names: tuple[str, ...]
    chain: Array
    log_probability: Array
    acceptance: Array
    autocorrelation: Array
    rhat: Array
    effective: Array
    best: Array
    is_log: NDArray[np.bool_]
    prior_laws: tuple[str, ...]
    prior_numbers: Array
    prior_texts: tuple[str, ...]
    settings: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Return what ``spacecharge fit --json`` prints under ``posterior``."""
        per = {
            name: {
                "prior": self.prior_texts[k],
                "autocorrelation_steps": _known(self.autocorrelation[k]),
                "rhat": _known(self.rhat[k]),
                "effective_samples": _known(self.effective[k]),
            }
            for k, name in enumerate(self.names)
        }
        status = "converged" if self.settings["converged"] else "not converged"
        return {
            "status": status,
            **self.settings,
            "acceptance": _known(float(np.mean(self.acceptance))),
            "parameters": per,
        }


def _known(number: float) -> float | None:
    return float(number) if math.isfinite(number) else None


_PER_PARAMETER = {
    "autocorrelation": "integrated autocorrelation time, in steps",
    "rhat": "rank-normalised split R-hat",
    "effective": "draws that independent ones would be worth",
    "best": "value of the least-squares fit, in the unit of the parameter",
}


def write_posterior(group: h5py.Group, stored: StoredPosterior) -> None:
    """Write a chain into the group of a fit.

    Parameters
    ----------
    group : h5py Group
        ``fits/NAME``.
    stored : StoredPosterior
        What to write.
    """
    from .fits import _dataset, _scale, _texts

    part = group.create_group(GROUP, track_order=True)
    thin = max(1, -(-stored.chain.size // MOST_NUMBERS))
    part.attrs.update({**stored.settings, "thin": int(stored.settings["thin"]) * thin})
    n_steps, n_walkers = stored.log_probability[::thin].shape
    step = _scale(part, "step", thin * np.arange(n_steps), "1", "step after the warm-up")
    walker = _scale(part, "walker", np.arange(n_walkers), "1", "walker")
    axis = _scale(part, "parameter", list(stored.names), "1", "fitted parameter")
    _texts(part, "parameter_units", stored.units)
    _texts(part, "parameter_long_names", stored.long_names)
    _texts(part, "prior_laws", stored.prior_laws)
    _texts(part, "priors", stored.prior_texts)
    words = "draws of the fitted parameters, in their units"
    _dataset(part, "chain", stored.chain[::thin], "1", words, step, walker, axis)
    words = "logarithm of the posterior density, up to a constant"
    _dataset(part, "log_probability", stored.log_probability[::thin], "1", words, step, walker)
    _dataset(part, "acceptance", stored.acceptance, "1", "share of accepted proposals", walker)
    for name, words in _PER_PARAMETER.items():
        _dataset(part, name, getattr(stored, name), "1", words, axis)
    _dataset(part, "is_log", stored.is_log.astype(np.int8), "1", "1: the logarithm was sampled", axis)
    end = _scale(part, "number", np.arange(2), "1", "0: mean, median or lower end, 1: sigma or upper end")
    _dataset(part, "prior_numbers", stored.prior_numbers, "1", "numbers of the priors, in their units", axis, end)


def read_posterior(group: h5py.Group) -> StoredPosterior | None:
    """Return the chain of a fit, or None where it has none.

    Parameters
    ----------
    group : h5py Group
        ``fits/NAME``.
    """
    if GROUP not in group:
        return None
    part = group[GROUP]

    def texts(name: str) -> tuple[str, ...]:
        return tuple(str(t) for t in part.attrs[name])

    lists = ("parameter_units", "parameter_long_names", "prior_laws", "priors")
    settings = {k: v.item() if isinstance(v, np.generic) else v for k, v in part.attrs.items() if k not in lists}
    names = part["parameter"][()]
    return StoredPosterior(
        names=tuple(n.decode() if isinstance(n, bytes) else str(n) for n in names),
        units=texts("parameter_units"),
        long_names=texts("parameter_long_names"),
        chain=part["chain"][()],
        log_probability=part["log_probability"][()],
        acceptance=part["acceptance"][()],
        **{name: part[name][()] for name in _PER_PARAMETER},
        is_log=part["is_log"][()].astype(bool),
        prior_laws=texts("prior_laws"),
        prior_numbers=part["prior_numbers"][()],
        prior_texts=texts("priors"),
        settings=settings,
    )


__all__ = ["GROUP", "StoredPosterior", "read_posterior", "write_posterior"]
