"""Volumes of diagonal and cross peaks of an exchange spectrum, with errors from its noise.

Boxes of overlapping lines hold each other's tails, and a weak cross peak stands on those of two strong diagonal ones.
The spectrum is therefore fitted as a whole: every peak is the product of the line of its site before and of its site
after mixing, on a tilted plane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError

Array = NDArray[np.float64]

_STEPS = 200
"""Steps of the fit; it takes ten to thirty."""

_BEYOND = 0.5
"""Share of the regions' span by which the fitted window reaches beyond them on either side."""

_ROUGH = 1.3
"""Root mean square residual over the noise, within the regions, above which the lines are said not to fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """Peak volumes of one spectrum.

    Parameters
    ----------
    sites : tuple of str
        Letters.
    value, sigma : ndarray, shape (n_sites, n_sites)
        Row: site before mixing (indirect dimension); column: site after it.
    noise : float
        Standard deviation of a point of the spectrum.
    misfit : float
        Root mean square residual within the regions over the noise; NaN for boxes.
    warnings : tuple of str
        What a reader has to know.
    """

    sites: tuple[str, ...]
    value: Array
    sigma: Array
    noise: float
    misfit: float
    warnings: tuple[str, ...] = ()


def peak_volumes(
    ppm_1: Array,
    ppm_2: Array,
    intensity: Array,
    regions: Mapping[str, Sequence[float]],
    noise_ppm: Sequence[float],
    *,
    method: str = "lines",
    name: str = "spectrum",
) -> Volumes:
    """Return the volumes of the diagonal and cross peaks.

    Parameters
    ----------
    ppm_1, ppm_2 : ndarray, shape (n_1,), (n_2,)
        Axes, rising or falling evenly [ppm].
    intensity : ndarray, shape (n_1, n_2)
        The spectrum.
    regions : mapping of str to two floats
        Site to its range of shifts [ppm].
    noise_ppm : sequence of two floats
        A range without signal, in both dimensions [ppm].
    method : {'lines', 'boxes'}
        Fit lines (pseudo-Voigt, one per site and dimension) on a plane, or add up boxes above the plane of the rest.
    name : str
        Of the spectrum, for messages.

    Returns
    -------
    Volumes
        Sums over points, tails included for lines.

    Raises
    ------
    FitError
        A region has too few points or no peak, regions overlap, or the fit does not end.
    """
    sites = tuple(regions)
    places_1 = [_rows(ppm_1, regions[site], f"{name}: regions_ppm.{site}", 2) for site in sites]
    places_2 = [_rows(ppm_2, regions[site], f"{name}: regions_ppm.{site}", 2) for site in sites]
    for places in (places_1, places_2):
        taken = np.concatenate(places)
        if np.unique(taken).size < taken.size:
            raise FitError(f"{name}: regions_ppm overlap")
    block = (
        _rows(ppm_1, noise_ppm, f"{name}: noise_ppm", 8),
        _rows(ppm_2, noise_ppm, f"{name}: noise_ppm", 8),
    )
    quiet = intensity[np.ix_(*block)]
    noise, inflation = _noise(quiet)
    if not noise > 0.0:
        raise FitError(f"{name}: noise_ppm: the spectrum has no noise there")
    if method == "boxes":
        value, sigma = _boxes(intensity, places_1, places_2, noise * inflation)
        return Volumes(sites=sites, value=value, sigma=sigma, noise=noise, misfit=float("nan"))
    window_1, window_2 = _window(places_1, ppm_1.size), _window(places_2, ppm_2.size)
    fit = _LineFit(intensity[window_1, window_2], noise * inflation)
    fit.start([p - window_1.start for p in places_1], [p - window_2.start for p in places_2])
    fit.run(name)
    value, sigma = fit.volumes()
    misfit = fit.misfit([p - window_1.start for p in places_1], [p - window_2.start for p in places_2]) * inflation
    said: tuple[str, ...] = ()
    if misfit > _ROUGH:
        said = (
            f"{name}: the lines fit the peaks to {misfit:.3g} times the noise only: volumes may err by more than sigma "
            "(data.volumes: boxes adds up the regions instead)",
        )
    return Volumes(sites=sites, value=value, sigma=sigma, noise=noise, misfit=misfit, warnings=said)


def _rows(ppm: Array, bounds: Sequence[float], name: str, least: int) -> NDArray[np.intp]:
    low, high = min(bounds), max(bounds)
    rows = np.flatnonzero((ppm >= low) & (ppm <= high))
    if rows.size < least:
        raise FitError(
            f"{name}: {low:g} to {high:g} ppm holds {rows.size} points (allowed: {least} or more; the axis goes from "
            f"{ppm.min():.4g} to {ppm.max():.4g} ppm)"
        )
    return rows


def _window(places: Sequence[NDArray[np.intp]], n: int) -> slice:
    low, high = min(p[0] for p in places), max(p[-1] for p in places)
    beyond = int(_BEYOND * (high - low))
    return slice(max(0, low - beyond), min(n, high + beyond + 1))


def _plane(block: Array) -> Array:
    """Return the plane through a block."""
    u, v = (np.linspace(-1.0, 1.0, n) for n in block.shape)
    return np.asarray(
        block.mean() + u[:, None] * (u @ block.mean(axis=1) / (u @ u)) + v[None, :] * (block.mean(axis=0) @ v / (v @ v))
    )


def _noise(block: Array) -> tuple[float, float]:
    """Return the standard deviation of a point, and the factor by which neighbours that go together raise errors.

    Zero filling and apodisation make noise of a grain of some points: sums over a line then scatter more than those
    of independent points, by the root of the sum of the autocorrelation.
    """
    rest = block - _plane(block)
    noise = float(np.sqrt(np.sum(rest**2) / (rest.size - 3)))
    if noise == 0.0:
        return noise, 1.0
    total = 1.0
    for own in (rest, rest.T):
        along = 1.0
        for lag in range(1, own.shape[0] // 3):
            share = float(np.mean(own[lag:] * own[:-lag])) / noise**2
            # Where the correlation drowns in its own scatter it ends.
            if share < 3.0 / np.sqrt(rest.size):
                break
            along += 2.0 * share
        total *= along
    return noise, float(np.sqrt(total))


def _boxes(
    intensity: Array, places_1: Sequence[NDArray[np.intp]], places_2: Sequence[NDArray[np.intp]], noise: float
) -> tuple[Array, Array]:
    """Return sums over boxes above the plane through everything that is in no region."""
    n_1, n_2 = intensity.shape
    free = np.ones(intensity.shape, dtype=bool)
    free[np.concatenate(places_1), :] = False
    free[:, np.concatenate(places_2)] = False
    u, v = np.meshgrid(np.linspace(-1, 1, n_1), np.linspace(-1, 1, n_2), indexing="ij")
    columns = np.stack([np.ones(intensity.shape), u, v], axis=-1)
    plane, *_ = np.linalg.lstsq(columns[free], intensity[free], rcond=None)
    level = intensity - columns @ plane
    value = np.array([[level[np.ix_(a, b)].sum() for b in places_2] for a in places_1])
    sigma = np.array([[noise * np.sqrt(a.size * b.size) for b in places_2] for a in places_1])
    return value, sigma


def _line(x: Array, centre: float, width: float, share: float) -> tuple[Array, Array, Array, Array]:
    """Return a pseudo-Voigt line of area 1 and its derivatives by centre, logarithm of its half width, and share."""
    z = (x - centre) / width
    lorentz = 1.0 / (np.pi * width * (1.0 + z**2))
    gauss = np.sqrt(np.log(2.0) / np.pi) / width * np.exp(-np.log(2.0) * np.minimum(z**2, 1e3))
    by_z_lorentz = -2.0 * z / (1.0 + z**2) * lorentz
    by_z_gauss = -2.0 * np.log(2.0) * z * gauss
    by_z = share * by_z_lorentz + (1.0 - share) * by_z_gauss
    value = share * lorentz + (1.0 - share) * gauss
    return value, -by_z / width, -value - z * by_z, lorentz - gauss


class _LineFit:
    """Least squares of separable lines; every column of its Jacobian is the product of two vectors.

    Parameters are, for the lines before mixing and then for those after it, centre, logarithm of the half width at
    half height and Lorentzian share of every site; then the volumes; then the plane.
    """

    def __init__(self, data: Array, noise: float) -> None:
        self.data, self.noise = data, noise
        self.axes = [np.arange(n, dtype=np.float64) for n in data.shape]
        self.tilts = [np.linspace(-1.0, 1.0, n) for n in data.shape]

    def start(self, places_1: Sequence[NDArray[np.intp]], places_2: Sequence[NDArray[np.intp]]) -> None:
        """Set first values from the diagonal boxes."""
        self.n = n = len(places_1)
        level = self.data - np.median(self.data)
        shapes, self.bounds = [], []
        for places, axis in ((places_1, 0), (places_2, 1)):
            for k in range(n):
                box = level[np.ix_(places_1[k], places_2[k])]
                profile = np.maximum(box.sum(axis=1 - axis), 0.0)
                top = int(np.argmax(profile))
                half = max(1.0, 0.5 * float(np.sum(profile > 0.5 * profile[top])))
                shapes.append([float(places[k][0] + top), np.log(half), 0.5])
                self.bounds.append((float(places[k][0]), float(places[k][-1])))
        volumes = np.array([[level[np.ix_(a, b)].sum() for b in places_2] for a in places_1])
        self.values = np.concatenate([np.ravel(shapes), volumes.ravel(), [float(np.median(self.data)), 0.0, 0.0]])

    def columns(self, values: Array) -> tuple[Array, Array, Array]:
        """Return the factors of the Jacobian's columns (n_1, m), (n_2, m), and the prediction (n_1, n_2)."""
        n = self.n
        shapes = values[: 6 * n].reshape(2, n, 3)
        volumes = values[6 * n : 6 * n + n * n].reshape(n, n)
        lines = [[_line(self.axes[d], c, float(np.exp(w)), s) for c, w, s in shapes[d]] for d in (0, 1)]
        first = np.column_stack([line[0] for line in lines[0]])
        second = np.column_stack([line[0] for line in lines[1]])
        ones = [np.ones(size) for size in self.data.shape]
        left, right = [], []
        for k in range(n):
            for part in lines[0][k][1:]:
                left.append(part)
                right.append(second @ volumes[k])
        for k in range(n):
            for part in lines[1][k][1:]:
                left.append(first @ volumes[:, k])
                right.append(part)
        for a in range(n):
            for b in range(n):
                left.append(first[:, a])
                right.append(second[:, b])
        left += [ones[0], self.tilts[0], ones[0]]
        right += [ones[1], ones[1], self.tilts[1]]
        plane = values[-3] + values[-2] * self.tilts[0][:, None] + values[-1] * self.tilts[1][None, :]
        return np.column_stack(left), np.column_stack(right), first @ volumes @ second.T + plane

    def run(self, name: str) -> None:
        """Minimise the sum of squares (Levenberg and Marquardt)."""
        damping = 1e-3
        left, right, model = self.columns(self.values)
        rest = self.data - model
        cost = float(np.sum(rest**2))
        for _ in range(_STEPS):
            gram = (left.T @ left) * (right.T @ right)
            slope = np.einsum("ik,ij,jk->k", left, rest, right, optimize=True)
            scale = np.sqrt(np.diag(gram)) + 1e-300
            system = gram / scale[:, None] / scale[None, :]
            while damping < 1e12:
                step = np.linalg.solve(system + damping * np.eye(scale.size), slope / scale) / scale
                trial = self._within(self.values + step)
                new = self.columns(trial)
                new_rest = self.data - new[2]
                new_cost = float(np.sum(new_rest**2))
                if new_cost <= cost:
                    break
                damping *= 4.0
            else:
                break
            gain = cost - new_cost
            self.values, (left, right, _), rest, cost = trial, new, new_rest, new_cost
            damping = max(1e-12, damping / 8.0)
            # Less than a thousandth of what noise moves chi-square by.
            if gain < 1e-3 * self.noise**2:
                break
        else:
            raise FitError(f"{name}: the fit of the lines did not end: check regions_ppm, or data.volumes: boxes")
        self.left, self.right, self.rest = left, right, rest

    def _within(self, values: Array) -> Array:
        """Keep centres in their regions, widths finite and shares near 0 to 1."""
        out = values.copy()
        shapes = out[: 6 * self.n].reshape(-1, 3)
        for shape, (low, high) in zip(shapes, self.bounds, strict=True):
            shape[0] = np.clip(shape[0], low, high)
            shape[1] = np.clip(shape[1], np.log(0.2), np.log(2.0 * (high - low) + 2.0))
            shape[2] = np.clip(shape[2], -0.3, 1.3)
        return out

    def volumes(self) -> tuple[Array, Array]:
        """Return volumes and their errors, those of the lines' shapes included."""
        n = self.n
        gram = (self.left.T @ self.left) * (self.right.T @ self.right)
        scale = np.sqrt(np.diag(gram)) + 1e-300
        inverse = np.linalg.pinv(gram / scale[:, None] / scale[None, :], rcond=1e-12, hermitian=True)
        sigma = self.noise * np.sqrt(np.maximum(np.diag(inverse), 0.0)) / scale
        own = slice(6 * n, 6 * n + n * n)
        return self.values[own].reshape(n, n).copy(), np.asarray(sigma[own].reshape(n, n))

    def misfit(self, places_1: Sequence[NDArray[np.intp]], places_2: Sequence[NDArray[np.intp]]) -> float:
        """Return the root mean square residual of the regions over the noise."""
        part = self.rest[np.ix_(np.concatenate(places_1), np.concatenate(places_2))]
        return float(np.sqrt(np.mean(part**2)) / self.noise)


__all__ = ["Volumes", "peak_volumes"]
