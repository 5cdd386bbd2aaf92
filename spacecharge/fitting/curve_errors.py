"""Errors of an equilibrium curve on their way into other fits: what moves it as a whole, and what moves its points.

The potential of a reference electrode moves every point alike. Half the hysteresis between charge and discharge does
so with its own size at every composition, since equilibrium lies between the branches on the same side everywhere.
What is left, scatter and what the end of a rest leaves to come, is independent from rest to rest.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .least_squares import _Work
from .problem import Array

if TYPE_CHECKING:
    from .ocv_result import OcvResult
    from .result import FitResult
    from .setup import Setup

REFERENCE, HYSTERESIS = "reference potential", "half the hysteresis"

LINEAR_V = 5e-3
"""Changes of a potential up to this, a fifth of kT/e, are carried on by derivatives; larger ones by a refit."""


def curve_shifts(result: OcvResult) -> dict[str, Array]:
    """Return what each independent error of one sigma adds to the potentials of a curve, by its name, (n,) [V]."""
    ocv = result.ocv
    half = np.nan_to_num(ocv.half_hysteresis)
    shifts = {}
    if ocv.reference_sigma > 0.0:
        shifts[REFERENCE] = np.full(ocv.potential.shape, ocv.reference_sigma)
    if np.any(half != 0.0):
        shifts[HYSTERESIS] = half
    own = np.sqrt(np.clip(np.nan_to_num(ocv.sigma) ** 2 - half**2 - ocv.reference_sigma**2, 0.0, None))
    for k in np.flatnonzero(own > 1e-3 * np.nan_to_num(ocv.sigma)):
        shift = np.zeros(own.shape)
        shift[k] = own[k]
        shifts[f"potential at {ocv.composition[k]:.6g}"] = shift
    return shifts


def without_error(result: OcvResult) -> str:
    """Say how many points of a curve have no error; empty for none."""
    ocv = result.ocv
    n = int(np.sum(~(ocv.sigma > 0.0)))
    if not n:
        return ""
    return f"{n} of {ocv.sigma.size} potentials have no error of their own: they are handed on as exact"


def moved_curve(result: OcvResult, shift: Array) -> OcvResult:
    """Return the result with other potentials [V]."""
    return replace(result, ocv=replace(result.ocv, potential=result.ocv.potential + shift))


def error_at(result: OcvResult, place: float) -> dict[str, float]:
    """Return what each independent error adds to the potential at a composition [V]."""
    x = result.ocv.composition
    found = {key: float(np.interp(place, x, shift)) for key, shift in curve_shifts(result).items()}
    return {key: error for key, error in found.items() if error != 0.0}


def linear_changes(result: FitResult, moved: Setup) -> dict[str, float]:
    """Return by how much the numbers of a fit change where its model or its data are slightly different.

    Parameters
    ----------
    result : FitResult
        As it was fitted.
    moved : Setup
        The same fit with what it takes from others changed a little.

    Returns
    -------
    dict
        Changes of fitted parameters and of what follows from them, by name.

    Notes
    -----
    One step of Gauss and Newton from the old minimum, du = -(J'J)^-1 J' (r' - r) with J of the old fit, normal priors
    included: exact to first order in the change, and one prediction in place of a fit.
    """
    estimate = result.estimate
    assert estimate is not None
    old, new = _Work(estimate.problem), _Work(moved.problem)
    values = estimate.values.copy()
    fixed = np.setdiff1d(np.arange(values.size), old.free)
    values[fixed] = moved.problem.initial[fixed]
    after, model = values.copy(), moved.problem.predict(values)
    same = np.array_equal(moved.problem.data, estimate.problem.data) and np.array_equal(values, estimate.values)
    if same and np.allclose(model, estimate.model, rtol=0.0, atol=_NOTHING, equal_nan=True):
        return dict.fromkeys(_names(result), 0.0)
    if old.free.size:
        change = new._weigh(model) - old._weigh(estimate.model)
        jacobian, priors = estimate.jacobian, estimate.prior_jacobian
        gradient, whole = jacobian.T @ change, np.vstack([jacobian, priors]) if priors.size else jacobian
        u = old.internal(estimate.values)
        # In units of what each parameter is known to alone: bounds that are decades away cost no digit.
        size = np.linalg.norm(whole, axis=0)
        step = np.linalg.solve((whole / size).T @ (whole / size), gradient / size) / size
        after[old.free] = old.values(np.clip(u - step, old.lower, old.upper))[old.free]
    found = {name: float(after[k] - estimate.values[k]) for k, name in enumerate(result.parameters)}
    for q in moved.derived:
        if q.name in result.derived:
            value = result.derived[q.name]
            found[q.name] = float(q.function(after)) - (value.value if value.best is None else value.best)
    return {name: found[name] for name in _names(result)}


_NOTHING = 1e-7
"""Change of a prediction (logarithms, parts over the modulus) that is none: contact potentials are known to 1e-9 V."""


def _names(result: FitResult) -> list[str]:
    """Return the names of what was fitted and follows from it."""
    return [*(name for name, p in result.parameters.items() if not p.fixed), *result.derived]


def is_small(shift: Any) -> bool:
    """Say whether a change of potentials is carried on by derivatives."""
    return bool(np.max(np.abs(shift), initial=0.0) <= LINEAR_V) and math.isfinite(float(np.sum(shift)))


__all__ = ["curve_shifts", "error_at", "is_small", "linear_changes", "moved_curve", "without_error"]
