"""A direct current through layers of one component each: state of nodes and elements, jump of v at a contact.

With y = (phi - phi_b - v)/(kT/e) the occupancies are those of equilibrium at the potential y, and v' = -J/sigma(y)
leaves one equation for y:  -(eps (y' + G))' = q(y),  G = -J/(sigma kT/e). At J = 0 it is Poisson and Boltzmann's.
"""

from __future__ import annotations

import math

import numpy as np

from . import layout as o
from ._jit import kernel
from .element import WEIGHTS
from .laws import state_of
from .layout import CODE_START, N_SPECIES, TRANSPORT_VACANCY
from .signal_element import SLOPES
from .statistics import delta_of

# Columns of the state of a node: potential, charge, -d charge/dy, conductivity, its derivative by y, G.
Y, CHARGE, SLOPE, SIGMA, SIGMA_SLOPE, DRIFT, NODE_STATE = range(7)
# Columns of a contact: kind, prefactor |z| e k0 [A m-2] or resistance [ohm m2], alpha, charge number, jump of y at
# rest, sheet charge.
C_KIND, C_VALUE, C_ALPHA, C_CHARGE, C_STEP, C_SHEET, CONTACT_COLUMNS = range(7)
OPEN, JUMPS, RESISTOR = 0, 1, 2

STIFF = np.array([[float(np.sum(WEIGHTS * SLOPES[i] * SLOPES[j])) for j in range(5)] for i in range(5)])
PULL = SLOPES * WEIGHTS


@kernel
def follow_delta(species, layer, s, y, start):
    """Return Delta at potential y, from a start that is mostly close: Newton, or the safe search where that fails."""
    if species[layer, s, o.P_OCC] == 0.0 and species[layer, s, o.P_VAC] == 0.0:
        return delta_of(species, layer, s, y, start)
    delta, z = start, species[layer, s, o.P_Z]
    for _ in range(4):
        _, _, _, _, potential, steep = state_of(species, layer, s, delta)
        move = (delta + potential + z * y) / max(steep, 1e-9)
        delta -= move
        if not species[layer, s, o.P_LOWEST] < delta < species[layer, s, o.P_HIGHEST]:
            break
        # What is left is of the order of its square.
        if abs(move) < 1e-8:
            return delta
    return delta_of(species, layer, s, y, start)


@kernel
def fill_node(species, codes, layer, current, volt, node, deltas):
    """Fill the state of a node from its y; `deltas` (n_species) hold a start and become the answer."""
    n_species = codes[N_SPECIES]
    charge, slope, sigma, change = 0.0, 0.0, 0.0, 0.0
    for s in range(n_species):
        strength = species[layer, s, o.P_STRENGTH]
        if strength == 0.0:
            continue
        z = species[layer, s, o.P_Z]
        delta = follow_delta(species, layer, s, node[Y], deltas[s])
        deltas[s] = delta
        theta, vacancy, off, response, _, steep = state_of(species, layer, s, delta)
        turn = -z / max(steep, 1e-9)
        charge += strength * off
        slope -= strength * response * turn
        conduct = species[layer, s, o.P_CONDUCT]
        if conduct > 0.0:
            if codes[CODE_START + 2 * (layer * n_species + s) + 1] == TRANSPORT_VACANCY:
                conduct /= species[layer, s, o.P_VACANCY]
                sigma += conduct * theta * vacancy
                change += conduct * response * (vacancy - theta) * turn
            else:
                sigma += conduct * theta
                change += conduct * response * turn
    node[CHARGE], node[SLOPE], node[SIGMA], node[SIGMA_SLOPE] = charge, slope, sigma, change
    node[DRIFT] = -current / (sigma * volt)


@kernel
def reduce_steady(size, permittivity, nodes, volt, by_current, matrix, load):
    """Fill matrix (5, 5) and load (5) of one element and eliminate its mid nodes.

    The load is minus the residual, or with `by_current` its derivative by J. Rows 1 to 3 are left as they are needed
    for the way back: upper triangular on the mid nodes.
    """
    stiff = permittivity / size
    for i in range(5):
        total = 0.0 if by_current else size * WEIGHTS[i] * nodes[i, CHARGE]
        for k in range(5):
            if by_current:
                total += permittivity * PULL[i, k] / (nodes[k, SIGMA] * volt)
            else:
                total -= permittivity * PULL[i, k] * nodes[k, DRIFT]
                total -= stiff * STIFF[i, k] * (nodes[k, Y] - nodes[0, Y])
            turned = -nodes[k, DRIFT] * nodes[k, SIGMA_SLOPE] / nodes[k, SIGMA]
            matrix[i, k] = stiff * STIFF[i, k] + permittivity * PULL[i, k] * turned
        matrix[i, i] += size * WEIGHTS[i] * nodes[i, SLOPE]
        load[i] = total
    for k in range(1, 4):
        pivot = 1.0 / matrix[k, k]
        for i in range(5):
            if i == k or (0 < i < k):
                continue
            factor = matrix[i, k] * pivot
            if factor == 0.0:
                continue
            for j in range(5):
                if j == 0 or j >= k:
                    matrix[i, j] -= factor * matrix[k, j]
            load[i] -= factor * load[k]


@kernel
def mid_steps(matrix, load, left, right, steps):
    """Fill the steps of all five nodes of a reduced element from those of its ends."""
    steps[0], steps[4] = left, right
    for k in range(3, 0, -1):
        total = load[k] - matrix[k, 0] * left - matrix[k, 4] * right
        for j in range(k + 1, 4):
            total -= matrix[k, j] * steps[j]
        steps[k] = total / matrix[k, k]


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
def face_logarithms(species, layer, delta):
    """Return ln theta, ln(1 - theta) of the first species and their derivatives by y."""
    theta, vacancy, _, response, _, steep = state_of(species, layer, 0, delta)
    turn = -species[layer, 0, o.P_Z] / max(steep, 1e-9)
    return math.log(theta), math.log(vacancy), response / theta * turn, -response / vacancy * turn


@kernel
def contact_jump(contact, species, layer, left_delta, right_delta, current, volt, out):
    """Fill `out` (6): overpotential over kT/e, derivatives by y left, y right and J; i0 [A m-2], Delta."""
    out[:] = 0.0
    out[4] = math.nan
    if contact[C_KIND] == RESISTOR:
        out[0], out[3] = contact[C_VALUE] * current / volt, contact[C_VALUE] / volt
        return
    if contact[C_KIND] != JUMPS:
        return
    alpha, z = contact[C_ALPHA], contact[C_CHARGE]
    theta, vacancy, theta_y, vacancy_y = face_logarithms(species, layer, left_delta)
    theta_r, vacancy_r, theta_ry, vacancy_ry = face_logarithms(species, layer + 1, right_delta)
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
