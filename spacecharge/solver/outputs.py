"""The variables of a result, each declared once: name, dimensions, unit, words, notes and how the kernel's row is read.

A decorated reader is the declaration: its name is that of the variable, its docstring says what it is, and in its place
stands the plain function of a solution, :func:`spacecharge.contact_potential` and so on. Columns of tables, the layout
of the result file, properties of :class:`~spacecharge.solver.solution.Solution` and sensitivities follow from it.

Arrays over contacts have shape (n_contacts, 2): contacts left to right (an end with a fixed potential or charge is
one), then the layer left and right of it; what a side does not have is NaN. With several species an axis
(n_species) follows. Every definition is that of the design of the package and is tested against an independent route.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from ..codes import NO_STATIC_CAPACITANCE, Status, Validity
from ..kernels import rows as o
from .bulk import of_bulks
from .output import Output as Output
from .output import Registry, Rows
from .strain import strained, without_cores

Array = NDArray[np.float64]

SIDES, SPECIES, LAYERS, CONTACTS = ("contact", "side"), ("contact", "side", "species"), ("layer",), ("contact",)

STATUS_ATTRIBUTES = {
    "flag_values": np.array([*Status], dtype=np.int32),
    "flag_meanings": " ".join(status.flag for status in Status),
}
VALIDITY_ATTRIBUTES = {
    "flag_masks": np.array([*Validity], dtype=np.int32),
    "flag_meanings": " ".join(flag.flag for flag in Validity),
}

observable = Registry()


def _frequency_slope(rows: Rows, slopes: Rows) -> Array:
    """Return the derivative of 1/(2 pi R C)."""
    change, value = slopes.contact_resistance, rows.contact_resistance
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = change / value + slopes.capacitance(o.DIFFERENTIAL) / rows.capacitance(o.DIFFERENTIAL)
        frequency = 1.0 / (2.0 * np.pi * value * rows.capacitance(o.DIFFERENTIAL))
    frequency[~((value > 0.0) & (rows.capacitance(o.DIFFERENTIAL) > 0.0))] = np.nan
    return np.asarray(-frequency * relative)


@observable((), "1", "status of the solve", dtype="i4", attributes=STATUS_ATTRIBUTES)
def status(rows: Rows) -> Array:
    """Return the status of the solve (see `spacecharge.codes.Status`)."""
    return np.asarray(rows.head(o.STATUS).astype(np.int32))


@observable((), "1", "Newton iterations", dtype="i4")
def iterations(rows: Rows) -> Array:
    """Return the number of Newton iterations over all meshes."""
    return np.asarray(rows.counts(o.ITERATIONS))


@observable(SIDES, "V", "electrostatic potential at the contact")
def contact_potential(rows: Rows) -> Array:
    """Return the electrostatic potential at each contact.

    Phi(contact) against the neutral bulk of the last layer.

    Notes
    -----
    The two sides differ by the dipole of the contact only.
    """
    return np.asarray(rows.sides[..., o.FACE_POTENTIAL] + rows.neutral)


@observable(SIDES, "V m-1", "electric field at the contact")
def contact_field(rows: Rows) -> Array:
    """Return the electric field -dphi/dx at each contact.

    Notes
    -----
    From Gauss's law over the discrete charge, hence consistent with `charge` to rounding.
    """
    return np.asarray(rows.sides[..., o.FACE_FIELD])


@observable(SIDES, "V", "contact potential minus neutral bulk of the layer")
def space_charge_potential(rows: Rows) -> Array:
    """Return phi(contact) minus phi of the neutral bulk of the layer on that side.

    Notes
    -----
    Positive where the contact repels Li+ from the layer: the layer is depleted there.
    """
    return np.asarray(rows.sides[..., o.FACE_POTENTIAL])


def _occupancy_slope(rows: Rows, slopes: Rows) -> Array:
    return rows.of_own_species(slopes.of_species(o.FACE_THETA))


def _vacancy_slope(rows: Rows, slopes: Rows) -> Array:
    return rows.of_own_species(slopes.of_species(o.FACE_VACANCY))


@observable(SPECIES, "1", "occupancy at the contact", slope=_occupancy_slope)
def contact_occupancy(rows: Rows) -> Array:
    """Return the occupancy theta at each contact; NaN for species that the layer on that side lacks."""
    return rows.of_own_species(rows.of_species(o.FACE_THETA))


@observable(SPECIES, "1", "vacancy fraction at the contact", slope=_vacancy_slope)
def contact_vacancy(rows: Rows) -> Array:
    """Return the vacancy fraction 1 - theta at each contact.

    Carried separately (no cancellation); NaN for dilute species and those that the layer on that side lacks.
    """
    return rows.of_own_species(rows.of_species(o.FACE_VACANCY))


@observable(SPECIES, "m", "width of the space-charge region")
def space_charge_width(rows: Rows) -> Array:
    """Return how far the space-charge region reaches into the layer.

    Notes
    -----
    Distance from the contact to where theta first comes within `width_fraction` (default 1 %) of min(theta_b, 1
    - theta_b) of the bulk, found on the element polynomials, not snapped to a node; the whole layer where it
    never does.
    """
    return rows.of_species(o.FACE_WIDTH)


@observable(SIDES, "ohm m2", "resistance of the space-charge region")
def resistance(rows: Rows) -> Array:
    """Return the resistance of the space-charge region, int dx/sigma over its width.

    Notes
    -----
    With several species the widest region of those that conduct counts, sigma is their sum. NaN without a
    diffusivity.
    """
    return np.asarray(rows.sides[..., o.FACE_RESISTANCE])


@observable(LAYERS, "C m-2", "areal charge of the layer")
def charge(rows: Rows) -> Array:
    """Return the areal charge of each layer, int rho dx."""
    return np.asarray(rows.blocks[..., o.CHARGE])


@observable(LAYERS, "m", "Debye length of the layer")
def debye_length(rows: Rows) -> Array:
    """Return sqrt(eps0 eps / (-d rho/d phi)) of the neutral bulk of each layer."""
    return np.asarray(rows.blocks[..., o.DEBYE])


@observable(LAYERS, "ohm m2", "resistance of the whole layer")
def layer_resistance(rows: Rows) -> Array:
    """Return int dx/sigma over the whole of each layer.

    Notes
    -----
    sigma = (z e)^2 N theta D(theta)/kT (Nernst-Einstein), D = D_b or D_b (1 - theta)/(1 - theta_b). NaN without
    a diffusivity.
    """
    return np.asarray(rows.blocks[..., o.RESISTANCE])


@observable(LAYERS, "ohm m2", "resistance of the layer minus that of its neutral bulk")
def excess_resistance(rows: Rows) -> Array:
    """Return int (1/sigma - 1/sigma_b) dx over each layer, formed from theta - theta_b."""
    return np.asarray(rows.blocks[..., o.EXCESS])


@observable((), "ohm m2", "interface resistance")
def interface_resistance(rows: Rows) -> Array:
    """Return the resistance of all space-charge regions of the layers asked for.

    Notes
    -----
    Layers: `resistance_of` of the solve, by default all with a diffusivity. Where the two regions of a thin
    layer overlap their union counts once.
    """
    if not rows.counted.any():
        return np.full(rows.parameters.n_points, np.nan)
    return np.asarray(rows.blocks[:, rows.counted, o.REGION].sum(axis=1))


@observable(CONTACTS, "F m-2", "static capacitance", attributes={"comment": NO_STATIC_CAPACITANCE})
def static_capacitance(rows: Rows) -> Array:
    """Return q/(U - U_0) of each contact: charge to its left over the bias from the neutral bias U_0.

    Notes
    -----
    The bias acts between all that lies left and all that lies right, at fixed bulk occupancies; at U = U_0 the
    differential capacitance, its limit. NaN where the stack has no state with that bias: the charges of contacts and
    ends that lie on one side of the cut are more than the layers there can undo, a plane of sites answers to the bias
    too, or the solve of a part fails.
    """
    return rows.capacitance(o.STATIC)


@observable(CONTACTS, "F m-2", "differential capacitance")
def differential_capacitance(rows: Rows) -> Array:
    """Return dq/dU of each contact by implicit differentiation of the discrete equations.

    Notes
    -----
    The two chains of elements left and right of the contact are eliminated exactly and stand in series.
    """
    return rows.capacitance(o.DIFFERENTIAL)


@observable(CONTACTS, "Hz", "characteristic frequency 1/(2 pi R C)", slope=_frequency_slope)
def characteristic_frequency(rows: Rows) -> Array:
    """Return 1/(2 pi R C) of each contact.

    Notes
    -----
    R: the regions on both sides in the layers asked for; C: the differential capacitance. NaN where R is 0 or
    unknown.
    """
    differential, resistance = rows.capacitance(o.DIFFERENTIAL), rows.contact_resistance
    product, known = 2.0 * np.pi * resistance * differential, (resistance > 0.0) & (differential > 0.0)
    return np.divide(1.0, product, out=np.full_like(product, np.nan), where=known)


@observable((), "V", "estimated error of the contact potential", slope=False)
def potential_error_estimate(rows: Rows) -> Array:
    """Return the estimated error of the contact potentials."""
    return rows.head(o.POTENTIAL_ERROR)


@observable((), "1", "estimated relative error of the resistance", slope=False)
def resistance_error_estimate(rows: Rows) -> Array:
    """Return the estimated relative error of the region resistances, against max(R, debye/sigma_b)."""
    return rows.head(o.RESISTANCE_ERROR)


@observable((), "C m-2", "total charge of the stack and its ends", slope=False)
def charge_balance(rows: Rows) -> Array:
    """Return the total charge of the stack, its contacts and ends: zero to rounding."""
    return rows.head(o.BALANCE)


@observable((), "1", "validity flags", dtype="i4", attributes=VALIDITY_ATTRIBUTES)
def validity(rows: Rows) -> Array:
    """Return the flags of strained assumptions, added up; 0 where nothing is strained.

    :class:`spacecharge.codes.Validity` holds them with their words.
    """
    flags = rows.counts(o.VALIDITY)
    whole = without_cores(rows, flags) | strained(rows)
    return np.asarray(whole if rows.all_answered else np.where(rows.has_answer, whole, flags))


OUTPUTS: tuple[Output, ...] = (*observable.outputs, *of_bulks.outputs)
"""What a solve has, in the order of the file."""

TRANSFER_OUTPUTS: tuple[Output, ...] = (
    Output("exchange_current_density", CONTACTS, "A m-2", "exchange current density", needs="charge_transfer"),
    Output("charge_transfer_resistance", CONTACTS, "ohm m2", "charge-transfer resistance", needs="charge_transfer"),
    Output("total_resistance", (), "ohm m2", "total resistance", needs="charge_transfer"),
)
"""Where a contact has a law of charge transfer (see :mod:`spacecharge.solver.transfer`)."""

ACTIVATION_OUTPUT = Output(
    "apparent_activation_energy", CONTACTS, "eV", "apparent activation energy", needs="charge_transfer_and_temperature"
)
"""The same in a sweep over the temperature."""

BOUNDARY_ACTIVATION = Output(
    "grain_boundary_activation_energy",
    (),
    "eV",
    "activation energy of the grain-boundary resistance",
    needs="grain_boundary_and_temperature",
)
TOTAL_ACTIVATION = Output(
    "total_conductivity_activation_energy",
    LAYERS,
    "eV",
    "activation energy of the conductivity of a polycrystal",
    needs="grain_size_and_temperature",
)
"""d ln(R)/d(1/kT) of a grain boundary, and -d ln(sigma)/d(1/kT) of a polycrystal, in a sweep over the temperature."""

CELL_VOLTAGE = Output(
    "cell_voltage", (), "V", "cell voltage, U of the left electrode minus the right", needs="full_cell"
)
"""Where both ends are electrodes; under a load that under current."""

PARTIAL = ("contact", "species")
_PASSING, _CURRENT, _SIGNAL = "current", "load", "impedance"
CURRENT_OUTPUTS: tuple[Output, ...] = (
    Output("current_density", (), "A m-2", "current density", needs=_PASSING),
    Output("overpotential", CONTACTS, "V", "overpotential", needs=_PASSING),
    Output("differential_resistance", (), "ohm m2", "differential resistance", needs=_PASSING),
    Output("contact_current_density", CONTACTS, "A m-2", "current density of the contact", needs="bias"),
    Output("contact_current_density", PARTIAL, "A m-2", "current density of the contact", needs=_CURRENT),
    Output("voltage", (), "V", "polarisation", needs=_CURRENT),
    Output("layer_voltage", LAYERS, "V", "drop of the electrochemical potential", needs=_CURRENT),
)
"""Where a contact has a bias or the stack a load (see :mod:`spacecharge.solver.bias` and ``steady``)."""

_FREQUENCIES, _BY_LAYER = ("frequency",), ("layer", "frequency")
IMPEDANCE_OUTPUTS: tuple[Output, ...] = (
    Output("impedance_real", _FREQUENCIES, "ohm m2", "real part of the impedance", needs=_SIGNAL),
    Output("impedance_imag", _FREQUENCIES, "ohm m2", "imaginary part of the impedance", needs=_SIGNAL),
    Output("impedance_error_estimate", _FREQUENCIES, "1", "estimated relative error of the impedance", needs=_SIGNAL),
    Output("layer_impedance_real", _BY_LAYER, "ohm m2", "real part of the layer's impedance", needs=_SIGNAL),
    Output("layer_impedance_imag", _BY_LAYER, "ohm m2", "imaginary part of the layer's impedance", needs=_SIGNAL),
    Output("dc_resistance", (), "ohm m2", "resistance to a direct current", needs=_SIGNAL),
    Output("blocking_resistance", (), "ohm m2", "resistance between blocking plates", needs=_SIGNAL),
    Output("geometric_capacitance", (), "F m-2", "geometric capacitance", needs=_SIGNAL),
)
"""Where a configuration asks for a spectrum (see :mod:`spacecharge.solver.small_signal`)."""

_ARCS, _ARC, _TIME = "arcs", ("arc",), ("relaxation",)
ARC_OUTPUTS: tuple[Output, ...] = (
    Output("arc_resistance", _ARC, "ohm m2", "resistance of the arc", needs=_ARCS),
    Output("arc_capacitance", _ARC, "F m-2", "capacitance of the arc, 1/(2 pi f R)", needs=_ARCS),
    Output("arc_frequency", _ARC, "Hz", "frequency at the top of the arc", needs=_ARCS),
    Output("arc_place", _ARC, "1", "where the arc dissipates (number among its names, -1: none)", "i4", needs=_ARCS),
    Output("arc_share", _ARC, "1", "share of the arc's power there", needs=_ARCS),
    Output("arc_activation_energy", _ARC, "eV", "d ln(R/T)/d(1/kT) of the arc", needs="arcs_and_temperature"),
    Output("relaxation_time", _TIME, "s", "relaxation time", needs=_ARCS),
    Output("relaxation_strength", _TIME, "ohm m2", "strength of the relaxation", needs=_ARCS),
)
"""And for its relaxation times (see :mod:`spacecharge.solver.arcs`)."""

EVERY_OUTPUT: tuple[Output, ...] = (
    *OUTPUTS,
    CELL_VOLTAGE,
    *TRANSFER_OUTPUTS,
    ACTIVATION_OUTPUT,
    BOUNDARY_ACTIVATION,
    TOTAL_ACTIVATION,
    *CURRENT_OUTPUTS,
    *IMPEDANCE_OUTPUTS,
    *ARC_OUTPUTS,
)
"""What a result may have; :meth:`Output.exists` says whether it has."""

SENSITIVE = tuple(output.name for output in OUTPUTS if output.is_sensitive)
"""Observables that have sensitivities."""


def outputs_for(facts: Collection[str]) -> tuple[Output, ...]:
    """Return the variables of a task of which these facts hold, in the order of the file."""
    return tuple(output for output in EVERY_OUTPUT if output.exists(facts))
