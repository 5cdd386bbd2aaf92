"""What carries current in a stack: components, which of them conducts best in a layer, what stops them where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..constants import BOLTZMANN, ELEMENTARY_CHARGE
from ..errors import ModelError
from ..model import StackParameters
from ..model.components import Components, components_of

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

REVERSIBLE, BLOCKING = "reversible", "blocking"

EndKinds = str | Mapping[str, Sequence[str]]
"""Kind of an end for a small signal: ``reversible``, ``blocking`` or ``{"reversible": [components]}``."""


class Network(NamedTuple):
    """Who conducts where, as the kernels take it.

    Attributes
    ----------
    order : ndarray of int, shape (n_layers, n_components)
        Components that conduct in a layer, the best conductor first; padded with -1.
    counts : ndarray of int, shape (n_layers,)
        How many conduct.
    positions : ndarray of int, shape (n_layers, n_species)
        Place in `order` of the component of each species; -1 where it does not conduct.
    contacts : ndarray, shape (n_layers - 1, 4, n_components)
        Resistance of every component [ohm m2] (0 passes freely, inf is blocked), ratio of the slopes of the jump
        law on its two sides (1 at rest), and what a plane of sites of the left and of the right layer stores [F m-2]:
        0 until a state is known.
    planes : tuple of (int, int, int)
        Contact, side and component of every plane of sites whose component conducts in its layer.
    transfers : tuple of (int, float, float)
        Contact, symmetry factor and resistance [ohm m2] of every law of charge transfer, whose exchange current hangs
        on the occupancies of the state.
    """

    order: Integers
    counts: Integers
    positions: Integers
    contacts: Array
    planes: tuple[tuple[int, int, int], ...] = ()
    transfers: tuple[tuple[int, float, float], ...] = ()


def bulk_conductivities(parameters: StackParameters, point: int, components: Components) -> Array:
    """Return the bulk conductivity [S/m] of every component, shape (n_layers, n_components); 0 if none is known."""
    p = parameters
    charge = p.charge_number[point] * ELEMENTARY_CHARGE
    sigma = charge**2 * p.site_density[point] * p.bulk_occupancy[point] * p.diffusivity[point]
    sigma = np.nan_to_num(sigma / (BOLTZMANN * p.temperature[point]), nan=0.0)
    result = np.zeros((p.n_layers, len(components.names)))
    for layer in range(p.n_layers):
        for s in range(components.of_species.shape[1]):
            if components.of_species[layer, s] >= 0:
                result[layer, components.of_species[layer, s]] += sigma[layer, s]
    return result


def network_of(
    parameters: StackParameters, point: int, components: Components, resistance: Array | None = None
) -> Network:
    """Return the network of one point.

    Parameters
    ----------
    parameters : StackParameters
        The points.
    point : int
        Which of them.
    components : Components
        Components of the stack.
    resistance : ndarray, shape (n_layers - 1,) or (n_layers - 1, n_components), optional
        Resistance of each contact [ohm m2]; default 0.

    Returns
    -------
    Network
        Layers and contacts.
    """
    sigma = bulk_conductivities(parameters, point, components)
    n_layers, m = sigma.shape
    order = np.full((n_layers, m), -1, dtype=np.int64)
    counts = np.zeros(n_layers, dtype=np.int64)
    positions = np.full(components.of_species.shape, -1, dtype=np.int64)
    for layer in range(n_layers):
        best = [int(c) for c in np.argsort(-sigma[layer], kind="stable") if sigma[layer, c] > 0.0]
        order[layer, : len(best)] = best
        counts[layer] = len(best)
        for s, component in enumerate(components.of_species[layer]):
            if component in best:
                positions[layer, s] = best.index(int(component))
    contacts = np.zeros((n_layers - 1, 4, m))
    contacts[:, 1] = 1.0
    if resistance is not None:
        contacts[:, 0] = resistance if resistance.ndim == 2 else resistance[:, None]
    planes = []
    for plane in parameters.planes:
        component = int(components.of_species[plane.contact + plane.side, plane.species])
        if component in order[plane.contact + plane.side]:
            planes.append((plane.contact, plane.side, component))
    return Network(order, counts, positions, contacts, tuple(planes))


def held_components(
    ends: EndKinds | Mapping[str, EndKinds], components: Components, exchanged: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """Return which components each end exchanges freely, shape (2, n_components).

    Parameters
    ----------
    ends : str or mapping
        ``reversible``, ``blocking``, ``{"reversible": [components]}``, or ``{"left": ..., "right": ...}`` of these.
    components : Components
        Components of the stack.
    exchanged : sequence of str, optional
        Components that a ``reversible`` end exchanges: those of the state with current; default all.

    Raises
    ------
    ModelError
        A kind or a component is not known.
    """
    sides: Sequence[tuple[str, object]]
    if isinstance(ends, Mapping) and not set(ends) <= {REVERSIBLE}:
        extra = sorted(set(ends) - {"left", "right"})
        if extra:
            raise ModelError(f"{extra[0]!r} is not known (allowed: left, right, reversible)", "impedance.ends")
        sides = [(side, ends.get(side, REVERSIBLE)) for side in ("left", "right")]
    else:
        sides = [("left", ends), ("right", ends)]
    held = np.zeros((2, len(components.names)), dtype=np.bool_)
    for i, (side, kind) in enumerate(sides):
        path = f"impedance.ends.{side}"
        if kind == REVERSIBLE:
            held[i] = [exchanged is None or name in exchanged for name in components.names]
        elif isinstance(kind, Mapping):
            if set(kind) != {REVERSIBLE}:
                raise ModelError("a mapping names its components under `reversible`", path)
            for name in kind[REVERSIBLE]:
                if name not in components.names:
                    known = ", ".join(components.names)
                    raise ModelError(f"no component is called {name!r} (components: {known})", path)
                held[i, components.names.index(name)] = True
        elif kind != BLOCKING:
            raise ModelError(f"{kind!r} is not known (allowed: reversible, blocking, {{reversible: [...]}})", path)
    return held


__all__ = ["Components", "EndKinds", "Network", "bulk_conductivities", "components_of", "held_components", "network_of"]
