"""A direct current: state of a node, jump of v at a contact.

With y_c = (phi - phi_b - v_c)/(kT/e) of a component c the occupancies are those of equilibrium at the potential y_c,
and v_c' = -j_c/sigma_c(y_c). One component, which conducts through the whole stack, is the reference: its y is carried,
and of the others the offset delta_c = (v_c - v_reference)/(kT/e), so that nothing that is solved for contains the large
common part of phi and v. A component between two places that it cannot pass is a route; route 0 is the reference.
"""

from __future__ import annotations

import math

from . import layout as o
from ._jit import kernel
from .laws import LEAST_SLOPE, lattice_point, state_of
from .layout import CODE_START, N_SPECIES
from .planes import filled_share
from .rows import LATTICE, TRANSPORT_VACANCY
from .statistics import delta_of

# Columns of the state of a node: potential y of the reference, charge, -d charge/dy of all components together; then
# per route: offset, -d charge/dy_c, conductivity, its derivative by y_c, charge above that of the bulk.
Y, CHARGE, SLOPE, ROUTE_START = range(4)
OFFSET, PULL, SIGMA, SIGMA_SLOPE, AMOUNT, ROUTE_SIZE = range(6)
# How a route ends: it passes from reservoir to reservoir (the offset is 0 at both ends, its current is looked for),
# hangs on the left or on the right reservoir, or keeps its amount.
PASSING, FROM_LEFT, FROM_RIGHT, ISOLATED = range(4)
# Columns of a contact for a route: kind, prefactor |z| e k0 [A m-2] or resistance [ohm m2], alpha, charge number, jump
# of y at rest, sheet charge, species of the law left and right; then of a plane of sites whose species goes this route:
# side (0 none, 1 left, 2 right), z n as `planes.STRENGTH`, z, ln of the odds at y_c = 0.
C_KIND, C_VALUE, C_ALPHA, C_CHARGE, C_STEP, C_SHEET, C_LEFT, C_RIGHT = range(8)
C_SIDE, C_SITES, C_PLANE_Z, C_ODDS, CONTACT_COLUMNS = range(8, 13)
OPEN, JUMPS, RESISTOR = 0, 1, 2

# An inner step below this is taken along the tangent: what that leaves is its square.
TANGENT = 3e-7


@kernel
def species_at(species, layer, s, y, start):
    """Return Delta at potential y, -d Delta/dy over z, theta, 1 - theta, theta - theta_b and d theta/d Delta.

    Newton from a start that is mostly close, the safe search where that fails.
    """
    z = species[layer, s, o.P_Z]
    lowest, highest = species[layer, s, o.P_LOWEST], species[layer, s, o.P_HIGHEST]
    free = species[layer, s, o.P_OCC] == 0.0 and species[layer, s, o.P_VAC] == 0.0
    delta = -z * y if free else start
    if lowest < delta < highest:
        for _ in range(5):
            theta, vacancy, off, response, potential, steep = state_of(species, layer, s, delta)
            if free:
                return delta, 1.0, theta, vacancy, off, response
            inverse = 1.0 / max(steep, LEAST_SLOPE)
            move = (delta + potential + z * y) * inverse
            delta -= move
            if not lowest < delta < highest:
                break
            if abs(move) < TANGENT:
                change = response * move
                return delta, inverse, theta - change, vacancy + change, off - change, response
    delta = delta_of(species, layer, s, y, start)
    theta, vacancy, off, response, _, steep = state_of(species, layer, s, delta)
    # Beyond the branch of rising chemical potential the occupancy stays where it is.
    inside = lowest < delta < highest
    return delta, (1.0 / max(steep, LEAST_SLOPE) if inside else 0.0), theta, vacancy, off, response


@kernel
def fill_nodes(problem, mesh):
    """Fill the state of all nodes from their y and offsets; Delta holds a start and becomes the answer.

    The turns of a mesh are d Delta/dy_c.
    """
    species, codes, _, _, _, routes, _, _ = problem
    elements, nodes, deltas, turns = mesh
    n_species = codes[N_SPECIES]
    for e in range(elements.shape[0]):
        layer = int(elements[e, 1])
        for i in range(5):
            nodes[e, i, CHARGE], nodes[e, i, SLOPE] = 0.0, 0.0
            for at in range(ROUTE_START, nodes.shape[2], ROUTE_SIZE):
                nodes[e, i, at + PULL], nodes[e, i, at + AMOUNT] = 0.0, 0.0
                nodes[e, i, at + SIGMA], nodes[e, i, at + SIGMA_SLOPE] = 0.0, 0.0
        for s in range(n_species):
            if routes[layer, s] < 0:
                continue
            at = ROUTE_START + ROUTE_SIZE * routes[layer, s]
            z, strength = species[layer, s, o.P_Z], species[layer, s, o.P_STRENGTH]
            theta_b, vacancy_b = species[layer, s, o.P_THETA], species[layer, s, o.P_VACANCY]
            lowest, highest = species[layer, s, o.P_LOWEST], species[layer, s, o.P_HIGHEST]
            free = species[layer, s, o.P_OCC] == 0.0 and species[layer, s, o.P_VAC] == 0.0
            plain = free and species[layer, s, o.P_DILUTE] == LATTICE
            conduct = species[layer, s, o.P_CONDUCT] if species[layer, s, o.P_CONDUCT] > 0.0 else 0.0
            jumps = codes[CODE_START + 2 * (layer * n_species + s) + 1] == TRANSPORT_VACANCY
            if jumps:
                conduct /= vacancy_b
            for i in range(5):
                y = nodes[e, i, Y] - nodes[e, i, at + OFFSET]
                if plain and lowest < -z * y < highest:
                    delta, inverse = -z * y, 1.0
                    theta, vacancy, off = lattice_point(delta, theta_b, vacancy_b)
                    response = theta * vacancy
                else:
                    delta, inverse, theta, vacancy, off, response = species_at(species, layer, s, y, deltas[e, i, s])
                turn = -z * inverse
                bend = response * turn
                deltas[e, i, s], turns[e, i, s] = delta, turn
                nodes[e, i, CHARGE] += strength * off
                nodes[e, i, SLOPE] -= strength * bend
                nodes[e, i, at + AMOUNT] += strength * off
                nodes[e, i, at + PULL] -= strength * bend
                nodes[e, i, at + SIGMA] += conduct * theta * (vacancy if jumps else 1.0)
                nodes[e, i, at + SIGMA_SLOPE] += conduct * bend * (vacancy - theta if jumps else 1.0)


@kernel
def overpotential_of(ratio, alpha):
    """Return Delta where exp(alpha Delta) - exp(-(1 - alpha) Delta) = ratio, NaN where there is none."""
    if ratio == 0.0:
        return 0.0
    up, down = (alpha, 1.0 - alpha) if ratio > 0.0 else (1.0 - alpha, alpha)
    size = abs(ratio)
    if up == 0.0:
        if size >= 1.0:
            return math.nan
        return math.copysign(-math.log1p(-size) / down, ratio)
    low, high = 0.0, math.log1p(size) / up
    x = high
    for _ in range(100):
        a, b = math.expm1(up * x), -math.expm1(-down * x)
        slope = up * (a + 1.0) + down * (1.0 - b)
        rest = a + b - size
        if rest > 0.0:
            high = x
        else:
            low = x
        # Of the logarithm of what grows: nearly straight for large currents.
        trial = x - rest / slope
        if a > 1.0:
            trial = x + math.log(max(size - b + 1.0, 1e-300) / (a + 1.0)) / up
        if not low <= trial <= high:
            trial = 0.5 * (low + high)
        if abs(trial - x) <= 1e-15 * x:
            x = trial
            break
        x = trial
    return math.copysign(x, ratio)


@kernel
def face_logarithms(species, layer, s, delta):
    """Return ln theta, ln(1 - theta) of a species and their derivatives by y."""
    theta, vacancy, _, response, _, steep = state_of(species, layer, s, delta)
    turn = -species[layer, s, o.P_Z] / max(steep, LEAST_SLOPE)
    return math.log(theta), math.log(vacancy), response / theta * turn, -response / vacancy * turn


@kernel
def contact_jump(contact, species, layer, deltas, current, volt, out):
    """Fill `out` (6): overpotential over kT/e, derivatives by y_c left, y_c right and j_c; i0 [A m-2], Delta.

    `contact` (CONTACT_COLUMNS): that of the route between `layer` and the next; `deltas`: a pair of those of the faces.
    """
    out[:] = 0.0
    out[4] = math.nan
    if contact[C_KIND] == RESISTOR:
        out[0], out[3] = contact[C_VALUE] * current / volt, contact[C_VALUE] / volt
        return
    if contact[C_KIND] != JUMPS:
        return
    alpha, z = contact[C_ALPHA], contact[C_CHARGE]
    left, right = int(contact[C_LEFT]), int(contact[C_RIGHT])
    theta, vacancy, theta_y, vacancy_y = face_logarithms(species, layer, left, deltas[0][left])
    theta_r, vacancy_r, theta_ry, vacancy_ry = face_logarithms(species, layer + 1, right, deltas[1][right])
    exchange = contact[C_VALUE] * math.exp((1.0 - alpha) * (theta + vacancy_r) + alpha * (theta_r + vacancy))
    sign = 1.0 if z > 0.0 else -1.0
    ratio = sign * current / exchange
    delta = overpotential_of(ratio, alpha)
    slope = alpha * math.exp(alpha * delta) + (1.0 - alpha) * math.exp(-(1.0 - alpha) * delta)
    out[0] = delta / z
    out[1] = -ratio / slope * ((1.0 - alpha) * theta_y + alpha * vacancy_y) / z
    out[2] = -ratio / slope * ((1.0 - alpha) * vacancy_ry + alpha * theta_ry) / z
    out[3] = sign / (exchange * slope * z)
    out[4], out[5] = exchange, delta


@kernel
def plane_state(contacts, c, k, left, right):
    """Return the charge that the sites of a plane hold and - d charge/d y_c, of route `k` in inner contact `c`.

    `left`, `right`: the nodes of its faces. The sites are level with the component on the side of their layer, at any
    current.
    """
    contact = contacts[c, k]
    if contact[C_SIDE] == 0.0:
        return 0.0, 0.0
    node = left if contact[C_SIDE] == 1.0 else right
    y = node[Y] - (node[ROUTE_START + ROUTE_SIZE * k + OFFSET] if k > 0 else 0.0)
    theta, vacancy = filled_share(contact[C_ODDS] - contact[C_PLANE_Z] * y)
    return contact[C_SITES] * theta, contact[C_SITES] * contact[C_PLANE_Z] * theta * vacancy


@kernel
def add_planes(contacts, layer, side, faces, chain):
    """Put the charge of a plane on one side of the contact right of `layer` into `chain` = (x, b, links); returns x.

    Its charge falls with y_c, which is y less the offset of its route.
    """
    x, b, links = chain
    for k in range(contacts.shape[1]):
        if contacts[layer, k, C_SIDE] != side:
            continue
        charge, response = plane_state(contacts, layer, k, faces[0], faces[1])
        b[0] += charge
        x += response
        if k > 0:
            x -= response * links[k - 1, 0]
            for c in range(b.shape[0]):
                b[c] += response * links[k - 1, 1 + c]
    return x


@kernel
def plane_charges(problem, mesh, charges, responses):
    """Fill what `plane_state` returns of every inner contact and route (n_layers - 1, n_routes)."""
    contacts, (elements, nodes, _, _) = problem[3], mesh
    for e in range(1, elements.shape[0]):
        c = int(elements[e - 1, 1])
        if int(elements[e, 1]) != c:
            for k in range(contacts.shape[1]):
                charges[c, k], responses[c, k] = plane_state(contacts, c, k, nodes[e - 1, 4], nodes[e, 0])
