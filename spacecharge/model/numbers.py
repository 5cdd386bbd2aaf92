"""Every number of a model, declared once: key with its unit, range, words, default, and where it goes.

A row of the table is an annotated field: its name is the key of the configuration and the keyword in Python, typed for
checkers and editors; :class:`Number` beside it says the rest. Ranges, the keys that pydantic reads, the texts of axes
and of the schema, SI factors, sweepable paths, the arrays of :class:`~spacecharge.model.StackParameters`, their
derivatives and the values of invalid points follow from it.

Rows of layers and species stand in `layer_numbers`, those of planes of sites, lattice planes and loads in `planes`,
`lattice_numbers` and `loads`, all others here. Adding a number means adding its row, using its array where the law
needs it, a test and a line in the guide.
"""

# No future import: the table reads its annotations as they are (see `declaration.rows_of`).
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from ..units import last_key, stem
from .declaration import PREFIX, SECTION, Number, rows_of
from .lattice_numbers import FreezingNumbers, LatticeNumbers, LatticeSpeciesNumbers
from .layer_numbers import ARRHENIUS_REFERENCE_K, InteractionNumbers, LawNumbers, LayerNumbers, SpeciesNumbers
from .loads import LoadNumbers
from .planes import PLANE

DEFAULT_TOLERANCE_V = 1e-6
"""Error allowed in the contact potential where none is given [V]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactNumbers:
    """Numbers of the plane between two layers."""

    charge_C_per_m2: Annotated[
        float,
        Number(low=-1e2, high=1e2, text="Sheet charge", words="contact charge", default=0.0, array="contact_charge"),
    ] = 0.0
    dipole_V: Annotated[
        float,
        Number(low=-20.0, high=20.0, text="Step of phi, right minus left", default=0.0, array="contact_dipole"),
    ] = 0.0
    bias_V: Annotated[
        float,
        Number(low=-20.0, high=20.0, text="Overpotential, v left minus right", default=0.0, array="contact_bias"),
    ] = 0.0
    resistance_ohm_cm2: Annotated[
        float,
        Number(low=0.0, high=1e30, text="Step of v over j", default=0.0, array="contact_resistance"),
    ] = 0.0


class EndNumbers:
    """Numbers of an outer end: the key is that of the kind of the end."""

    potential_V: Annotated[
        float,
        Number(
            low=-20.0,
            high=20.0,
            text="Metal electrode held against Li/Li+",
            words="potential of the metal against Li/Li+",
            default=0.0,
            array="end_value",
        ),
    ]

    electrostatic_potential_V: Annotated[
        float,
        Number(
            low=-20.0,
            high=20.0,
            text="Against the neutral bulk of the last layer",
            words="electrostatic potential of the end",
            default=0.0,
            array="end_value",
        ),
    ]
    surface_charge_C_per_m2: Annotated[
        float,
        Number(
            low=-100.0,
            high=100.0,
            text="Surface charge",
            words="surface charge of the end",
            default=0.0,
            array="end_value",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNumbers:
    """Numbers of the stack as a whole."""

    temperature_K: Annotated[
        float,
        Number(
            low=1.0,
            high=5000.0,
            text="Temperature",
            default=ARRHENIUS_REFERENCE_K,
            array="temperature",
            rule="temperature",
        ),
    ] = ARRHENIUS_REFERENCE_K


class TransferNumbers:
    """Numbers of a law of charge transfer at a contact."""

    rate_constant_per_m2_s: Annotated[
        float, Number(low=1e-60, high=1e60, text="Jumps per area and time", rule="none", by_decades=True)
    ]
    reference_temperature_K: Annotated[
        float,
        Number(
            low=1.0,
            high=5000.0,
            text="Temperature of the rate constant",
            default=ARRHENIUS_REFERENCE_K,
            rule="none",
        ),
    ]
    activation_energy_eV: Annotated[
        float, Number(low=-5.0, high=10.0, text="Activation energy", default=0.0, rule="none")
    ]
    symmetry_factor: Annotated[
        float, Number(low=0.0, high=1.0, text="Symmetry factor alpha, 0 to 1", default=0.5, rule="none")
    ]
    grain_boundary_resistance_ohm_cm2: Annotated[
        float, Number(low=0.0, high=1e30, text="Resistance added to the total", default=0.0, rule="none")
    ]


class CalibrationNumbers:
    """Numbers below ``calibrate`` of a law of charge transfer."""

    exchange_current_density_mA_per_cm2: Annotated[
        float,
        Number(
            low=1e-30,
            high=1e30,
            text="Exchange current density of the neutral case",
            rule="none",
        ),
    ]


class SolverNumbers:
    """Numbers of the solve itself."""

    tolerance_V: Annotated[
        float,
        Number(
            low=1e-11,  # Below, rounding decides: 2e-12 V at a step of 5 V.
            high=1e-2,
            text="Error allowed in the contact potential",
            words="tolerance of the contact potential",
            default=DEFAULT_TOLERANCE_V,
            rule="none",
        ),
    ]


LAYER = rows_of(LayerNumbers, "layer")
SPECIES = (
    *rows_of(SpeciesNumbers, "species", law=LawNumbers),
    *rows_of(InteractionNumbers, "species", "interaction."),
)
CONTACT = rows_of(ContactNumbers, "contact")
TRANSFER = (
    *rows_of(TransferNumbers, "charge_transfer"),
    *rows_of(CalibrationNumbers, "charge_transfer", "calibrate."),
)
END = rows_of(EndNumbers, "end")
STACK = rows_of(StackNumbers, "stack")
SOLVER = rows_of(SolverNumbers, "solver")
LOAD = rows_of(LoadNumbers, "load")
LATTICE = rows_of(LatticeNumbers, "lattice", law=LawNumbers)
LATTICE_SPECIES = (
    *rows_of(LatticeSpeciesNumbers, "lattice_species"),
    *rows_of(FreezingNumbers, "lattice_species", "mobile."),
)

# Of rows with one key the last one counts: those of stacks.
NUMBERS = (*LATTICE, *LATTICE_SPECIES, *STACK, *END, *LAYER, *SPECIES, *CONTACT, *PLANE, *TRANSFER, *SOLVER, *LOAD)
"""The table."""

OF_DEFECTS = Number(low=-1e30, high=1e30, text="A number of the defects of a layer", rule="none", scope="layer")
"""Stands for the numbers below ``defects``, whose ranges the defects know themselves."""

_BY_KEY = {row.key: row for row in NUMBERS} | {
    row.key.rpartition(".")[2]: row for row in NUMBERS if not row.key.endswith(".value")
}

RANGES: dict[str, tuple[float, float]] = {key: (row.low, row.high) for key, row in _BY_KEY.items() if "." not in key}
"""Allowed range of every number by its key, in the unit of the key; numbers of one name share it (a test)."""


def _stems(key: str) -> str:
    return ".".join(stem(part) for part in key.split("."))


_WORDS = {(SECTION[row.scope], _stems(PREFIX.get(row.scope, "") + row.key)): row.words for row in NUMBERS}


def number_of(path: str) -> Number:
    """Return the declaration of the number at a dotted path.

    Parameters
    ----------
    path : str
        A key, or a path that ends in one; items of lists take the number of the key above them.

    Raises
    ------
    KeyError
        There is no such number.
    """
    parts = path.split(".")
    if "defects" in parts[:-1]:
        return replace(OF_DEFECTS, key=parts[-1], words=stem(parts[-1]).replace("_", " "))
    return _BY_KEY[last_key(path)]


def check_number(value: object, path: str) -> float:
    """Return `value` as a float inside the range of the number at `path`, or say what is wrong.

    Raises
    ------
    ModelError
        If it is no finite number or outside the range.
    """
    return number_of(path).check(value, path)


def long_name(path: str, n_names: int = 1) -> str:
    """Return what an axis of a figure says, without the unit.

    Parameters
    ----------
    path, n_names
        As :func:`~spacecharge.units.coordinate_name` takes them.

    Returns
    -------
    str
        ``electrode equilibrium potential against Li/Li+``.
    """
    parts = path.split(".")
    names, keys = parts[:n_names], _stems(".".join(parts[n_names:]))
    section = parts[0] if parts[0] in SECTION.values() else "layers"
    words = _WORDS.get((section, keys)) or keys.replace("_", " ").replace(".", " ")
    if section == "contacts" and len(names) > 1:
        # The first contact is the one that most stacks have; further ones are counted as people count.
        names = [] if names[1] == "0" else [f"contact {int(names[1]) + 1}"]
    if section == "ends" and len(names) > 1:
        return words.replace("the end", f"the {names[1]} end").replace("the metal", f"the {names[1]} metal")
    return " ".join([*(n for n in names if n not in ("species", "lattice")), words])


def described(rows: Sequence[Number]) -> str:
    """Return numpydoc lines of numbers, for the docstring of the class that takes them as keywords."""
    lines = []
    for row in rows:
        if "." not in row.key:
            kind = "float or mapping" if row.rule == "law" else "float"
            law = ", or ``{value, at_K, activation_energy_eV}``" if row.rule == "law" else ""
            lines += [f"{row.key} : {kind}", f"    {row.text} [{row.unit.text or '1'}]{law}."]
    return "\n    ".join(lines)


__all__ = [
    "ARRHENIUS_REFERENCE_K",
    "CONTACT",
    "DEFAULT_TOLERANCE_V",
    "END",
    "LATTICE",
    "LATTICE_SPECIES",
    "LAYER",
    "LOAD",
    "NUMBERS",
    "RANGES",
    "SOLVER",
    "SPECIES",
    "STACK",
    "TRANSFER",
    "ContactNumbers",
    "LayerNumbers",
    "Number",
    "check_number",
    "described",
    "long_name",
    "number_of",
]
