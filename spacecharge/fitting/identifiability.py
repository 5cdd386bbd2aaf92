"""Which parameters the data can tell apart: the rank of a Jacobian, in names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RANK_TOLERANCE = 1e-7
"""Smallest singular value of the Jacobian with unit columns that counts as rank. Central differences give
its entries to about 1e-10, and a covariance behind it would have lost all but a digit or two."""

WIDEST_LOG_SIGMA = 3.0
"""Largest sigma of the logarithm of a parameter, a factor of twenty, that is still an estimate: the linear
covariance of a wider one means nothing."""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Parameters that cannot be told apart, or one that does not matter.

    Parameters
    ----------
    names : tuple of str
        The parameters.
    text : str
        One line for the user.
    """

    names: tuple[str, ...]
    text: str


def unresolved_parameters(
    jacobian: NDArray[np.float64],
    names: Sequence[str],
    is_log: NDArray[np.bool_],
    scale: float = 1.0,
) -> list[Unresolved]:
    """Return the groups of parameters that the data cannot tell apart.

    Parameters
    ----------
    jacobian : ndarray, shape (n_data, n_parameters)
        Weighted residuals by internal coordinates.
    names : sequence of str
        Of the columns.
    is_log : ndarray of bool, shape (n_parameters,)
        Columns whose coordinate is a logarithm.
    scale : float
        Factor of the covariance (reduced chi-square, or one); NaN if unknown.

    Returns
    -------
    list of Unresolved
        Empty where all parameters are determined.
    """
    n = len(names)
    norms = np.linalg.norm(jacobian, axis=0)
    largest = float(norms.max(initial=0.0))
    dead = norms <= 1e-12 * largest if largest > 0.0 else np.ones(n, dtype=bool)
    found = [Unresolved((names[k],), f"the data do not depend on {names[k]}") for k in np.flatnonzero(dead).tolist()]
    alive = np.flatnonzero(~dead)
    if not alive.size:
        return found
    # The triangular factor has the same singular values and a row per parameter, however many the data.
    _, s, vt = np.linalg.svd(np.linalg.qr(jacobian[:, alive] / norms[alive], mode="r"), full_matrices=True)
    singular = np.zeros(alive.size)
    singular[: s.size] = s
    null = vt[singular < RANK_TOLERANCE * singular[0]]
    if null.size:
        members = np.flatnonzero(np.sqrt(np.sum(null**2, axis=0)) > 0.1)
        found.append(_together([names[int(alive[k])] for k in members]))
        return found
    if found:
        return found
    root = vt.T / singular
    covariance = (root @ root.T) / np.outer(norms, norms) * (scale if math.isfinite(scale) else 1.0)
    sigma = np.sqrt(np.diag(covariance))
    vague = is_log & (sigma > WIDEST_LOG_SIGMA)
    seen: set[str] = set()
    for k in np.flatnonzero(vague).tolist():
        if names[k] in seen:
            continue
        correlation = np.abs(covariance[k] / (sigma[k] * sigma))
        group = [names[j] for j in range(n) if j == k or correlation[j] > 0.95]
        seen.update(group)
        found.append(
            _together(group)
            if len(group) > 1
            else Unresolved(
                (names[k],), f"the data hardly depend on {names[k]} (sigma of its logarithm {sigma[k]:.1f})"
            )
        )
    return found


def determined_only(by_log: NDArray[np.float64], names: Sequence[str], values: NDArray[np.float64]) -> str:
    """Say which products of powers the data determine of parameters that they cannot tell apart.

    Parameters
    ----------
    by_log : ndarray, shape (n_data, n)
        Weighted prediction by the logarithms of these parameters.
    names : sequence of str
        Of the columns.
    values : ndarray, shape (n,)
        Of the parameters.

    Returns
    -------
    str
        ``the data determine only a x b = 200 (1 sigma 0.3 %)``, several with commas; empty where there is none or a
        value is not above 0.

    Notes
    -----
    The eigenvectors of J^T J in the logarithms whose eigenvalues vanish are the directions along which nothing
    changes: one at least, the flattest. With one such direction v every pair has its own invariant,
    x_k / x_ref^(v_k/v_ref); with several the other eigenvectors are the exponents.
    """
    if len(names) < 2 or not np.all(values > 0.0) or not np.all(np.isfinite(by_log)):
        return ""
    # The triangular factor has the same singular values and a row per parameter, however many the data.
    _, found, vt = np.linalg.svd(np.linalg.qr(by_log, mode="r"), full_matrices=True)
    singular = np.zeros(len(names))
    singular[: found.size] = found
    known = min(int(np.sum(singular > _VANISHES * singular[0])), len(names) - 1)
    if not known:
        return ""
    if known == len(names) - 1:
        flat = vt[-1]
        first = int(np.argmax(np.abs(flat)))
        others = [k for k in range(len(names)) if k != first]
        powers = []
        for k in others:
            exponents = np.zeros(len(names))
            exponents[k], exponents[first] = 1.0, -flat[k] / flat[first]
            powers.append(exponents)
    else:
        powers = [row / np.max(np.abs(row)) * np.sign(row[np.argmax(np.abs(row))]) for row in vt[:known]]
    products = []
    for exponents in powers:
        # Only what lies in the known directions is known: the rest of the exponents is rounding.
        spread = float(np.sqrt(np.sum(((vt[:known] @ exponents) / singular[:known]) ** 2)))
        product = math.prod(float(v) ** e for v, e in zip(values, exponents, strict=True))
        products.append(f"{_product(names, exponents)} = {product:.4g} (1 sigma {100 * spread:.2g} %)")
    return f"the data determine only {', '.join(products)}"


_VANISHES = 1e-3
"""Singular value over the largest below which a direction is not determined: differences see no smaller one."""


def _product(names: Sequence[str], exponents: NDArray[np.float64]) -> str:
    """Return a product of powers in words: ``a x b``, ``a / b``, ``a x b^0.5``."""
    text = ""
    for k in np.argsort(-np.round(exponents, 2), kind="stable"):
        e = float(exponents[k])
        if abs(e) < _ROUND:
            continue
        size = abs(e) if text or e > 0.0 else e
        power = names[k] if abs(size - 1.0) < _ROUND else f"{names[k]}^{size:.2g}"
        text += power if not text else f" {'x' if e > 0.0 else '/'} {power}"
    return text


_ROUND = 0.02
"""Exponents this near to an integer are it."""


def _together(names: Sequence[str]) -> Unresolved:
    *most, last = names
    listed = f"{', '.join(most)} and {last}" if most else last
    return Unresolved(tuple(names), f"the data cannot tell apart {listed}")
