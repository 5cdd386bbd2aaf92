"""Routes of a steady current: which component goes from where to where, and what ends its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codes import Statistics
from ..errors import ModelError
from ..model import Stack, StackParameters
from .network import bulk_conductivities, components_of

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Routes(NamedTuple):
    """Routes of the components of a stack; the first is the one that conducts best from end to end.

    Attributes
    ----------
    components : tuple of str
        Names of the components of the stack.
    of_species : ndarray of int, shape (n_layers, n_species)
        Route of each species of a layer; -1 where there is none.
    spans : ndarray of int, shape (n_routes, 3)
        First and last layer, and how the route ends (``kernels.steady_nodes``).
    component : ndarray of int, shape (n_routes,)
        Component of each route.
    exchanged : tuple of str
        Names of the components that the ends of the stack exchange.
    """

    components: tuple[str, ...]
    of_species: Integers
    spans: Integers
    component: Integers
    exchanged: tuple[str, ...]

    def by_component(self, values: Array) -> Array:
        """Return values that stand by route along their first axis by component, NaN where a component has none."""
        found = np.full((len(self.components), *values.shape[1:]), np.nan)
        for here, component in zip(values, self.component, strict=True):
            found[component] = np.where(np.isfinite(here), here, found[component])
        return found


def routes_of(stack: Stack, parameters: StackParameters, exchanged: Sequence[str] | None = None) -> Routes:
    """Return the routes of one point.

    Parameters
    ----------
    stack : Stack
        Its species and components.
    parameters : StackParameters
        The point.
    exchanged : sequence of str, optional
        Components that the ends exchange; default all. A component without a diffusivity in a layer does not leave it.

    Raises
    ------
    ModelError
        Nothing conducts in a layer, no component passes from end to end, or a name is not known.
    """
    from ..kernels.steady_nodes import FROM_LEFT, FROM_RIGHT, ISOLATED, PASSING

    names, of_species = components_of(stack)
    sigma = bulk_conductivities(parameters, 0, components_of(stack))
    there = of_species.copy()
    there[~(parameters.site_density[0] > 0.0)] = -1
    for i, layer in enumerate(parameters.layer_names):
        if not sigma[i].any():
            raise ModelError("a steady current needs a diffusivity in every layer", f"{layer}.diffusivity_m2_per_s")
    for i, name in enumerate(exchanged or ()):
        if name not in names:
            raise ModelError(
                f"no component is called {name!r} (components: {', '.join(names)})", f"load.components.{i}"
            )
    found = []
    last = len(stack.layers) - 1
    for c, name in enumerate(names):
        present = (there == c).any(axis=1)
        start = 0
        while start <= last:
            end = start
            if present[start]:
                while sigma[start, c] > 0.0 and end < last and present[end + 1] and sigma[end + 1, c] > 0.0:
                    end += 1
                open_ended = sigma[start, c] > 0.0 and (exchanged is None or name in exchanged)
                left, right = open_ended and start == 0, open_ended and end == last
                kind = PASSING if left and right else FROM_LEFT if left else FROM_RIGHT if right else ISOLATED
                found.append((start, end, kind, c))
            start = end + 1
    with np.errstate(divide="ignore"):
        series = (parameters.thickness[0][:, None] / sigma).sum(axis=0)
    # The best conductor from end to end comes first: nothing cancels against it.
    found.sort(key=lambda route: (route[2] != PASSING, series[route[3]]))
    if found[0][2] != PASSING:
        raise ModelError("no component passes from the first layer to the last one: no steady current can flow", "load")
    spans = np.array([route[:3] for route in found], dtype=np.int64)
    component = np.array([route[3] for route in found], dtype=np.int64)
    routes = np.full(there.shape, -1, dtype=np.int64)
    for k, (start, end, _, c) in enumerate(found):
        routes[start : end + 1][there[start : end + 1] == c] = k
    for i, layer in enumerate(parameters.layer_names):
        for pool in np.unique(parameters.pools[i][parameters.statistics[i] == Statistics.POOL]):
            shared = (parameters.statistics[i] == Statistics.POOL) & (parameters.pools[i] == pool)
            if np.unique(routes[i][shared]).size > 1:
                raise ModelError(
                    "species that share a pool of sites move under one v here: give them one `component`",
                    f"{layer}.species",
                )
    return Routes(names, routes, spans, component, tuple(names if exchanged is None else exchanged))


__all__ = ["Routes", "routes_of"]
