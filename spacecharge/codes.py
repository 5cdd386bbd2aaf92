"""Codes that kernels, result files and people share: each with its words, in one place.

Kernels see plain integers (``kernels.rows``; a test holds them equal); everything else names the members.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Status(IntEnum):
    """What became of a point.

    Attributes
    ----------
    words : str
        As tables print it.
    advice : str
        What it means, and what to try next.
    flag : str
        As the attribute ``flag_meanings`` of a result file has it.
    """

    words: str
    advice: str

    SOLVED = 0, "solved", "the estimated error is within the tolerance"
    NOT_CONVERGED = (
        1,
        "not converged",
        "Newton's steps did not die out within the effort allowed for a point; another tolerance_V makes another mesh",
    )
    MISCIBILITY_GAP = (
        2,
        "miscibility gap",
        "the chemical potential falls with occupancy within the range that the solve reaches",
    )
    INVALID_POINT = 3, "invalid point", "a value lies outside its allowed range"
    ACCURACY_NOT_REACHED = 4, "accuracy not reached", "the finest mesh misses the tolerance; loosen tolerance_V"
    NOT_RUN = -1, "not yet run", ""

    def __new__(cls, code: int, words: str = "", advice: str = "") -> Status:
        """Make a member of its code and words."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.words = words
        member.advice = advice
        return member

    @property
    def flag(self) -> str:
        """The name as CF attributes have it."""
        return self.name.lower()

    @property
    def message(self) -> str:
        """Words and advice in one line."""
        return f"{self.words}: {self.advice}" if self.advice else self.words

    @property
    def has_answer(self) -> bool:
        """Whether profiles and observables stand behind it."""
        return self in (Status.SOLVED, Status.ACCURACY_NOT_REACHED)


FIT_WORDS = {
    Status.SOLVED: "fitted",
    Status.NOT_CONVERGED: Status.NOT_CONVERGED.words,
    Status.INVALID_POINT: "refused",
    Status.NOT_RUN: Status.NOT_RUN.words,
}
"""The statuses that a fit may have, in its words."""

FIT_FLAGS = " ".join(status.flag if words == status.words else words for status, words in FIT_WORDS.items())
"""The same as the attribute ``flag_meanings`` has it."""


def status_words(code: int, *, fit: bool = False) -> str:
    """Return the words for a status as a file has it; a code that nobody knows is shown as it is."""
    try:
        status = Status(code)
    except ValueError:
        return f"status {code}"
    return FIT_WORDS.get(status, status.words) if fit else status.words


class Validity(IntFlag):
    """Where the continuum, or what it leaves out, is strained.

    Attributes
    ----------
    words : str
        As tables print it.
    """

    SHORT_DEBYE_LENGTH = 1
    STRONG_FIELD = 2
    THIN_LAYER = 4
    DILUTE_ABOVE_ONE = 8
    DILUTE_ABOVE_TENTH = 16
    FEW_CARRIERS = 32
    HIGH_RESISTANCE = 64

    @property
    def flag(self) -> str:
        """The names as CF attributes have them."""
        return " ".join(str(flag.name).lower() for flag in Validity if flag in self)

    @property
    def words(self) -> str:
        """What is strained, one text after the other."""
        return "; ".join(text for flag, text in _VALIDITY_WORDS.items() if flag in self)


_VALIDITY_WORDS = {
    Validity.SHORT_DEBYE_LENGTH: "Debye length under 0.2 nm",
    Validity.STRONG_FIELD: "field over 1 V/nm",
    Validity.THIN_LAYER: "a layer too thin to reach its bulk",
    Validity.DILUTE_ABOVE_ONE: "a dilute species with more than one carrier on a site",
    Validity.DILUTE_ABOVE_TENTH: "a dilute species on more than a tenth of its sites",
    Validity.FEW_CARRIERS: "fewer than one carrier in 100 nm x 100 nm of a region",
    Validity.HIGH_RESISTANCE: "a region above 1e9 Ohm cm2, where other carriers would take over",
}


NO_STATIC_CAPACITANCE = (
    "no number where the stack, cut at the contact, has no solved state without charge there, "
    "or a plane of sites shares it"
)
"""Why a contact of a point with an answer may have no static capacitance."""

NO_CAPACITANCE_UNDER_LOAD = (
    "capacitances are those of equilibrium: none beside a load "
    "(a spectrum about it, `impedance:`, holds what is stored)"
)
"""Why no contact of a state with current has a capacitance."""

NO_ARCS = (
    "the spectrum has an inductive loop (-Im Z below 0), no resistance beside a capacitance, its poles "
    "about a current drown in rounding, or nothing relaxes"
)
"""Why a point with an answer may have no arcs."""


class Statistics(IntEnum):
    """How the occupancy of a species follows its chemical potential; the name in lower case is the word of the file.

    Attributes
    ----------
    words : str
        What it is.
    has_vacancies : bool
        Whether sites limit the occupancy: only then are there vacancies.
    is_ideal : bool
        Whether the law knows neither an interaction nor a diffusivity that follows the vacancies.
    """

    words: str
    has_vacancies: bool
    is_ideal: bool

    LATTICE = 0, "site-limited", True
    DILUTE = 1, "Boltzmann", False
    FERMI_DIRAC = 2, "degenerate electrons and holes", False, True
    POOL = 3, "charge states on one pool of sites", True, True

    def __new__(cls, code: int, words: str = "", has_vacancies: bool = False, is_ideal: bool = False) -> Statistics:
        """Make a member of its code and what it is."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.words = words
        member.has_vacancies = has_vacancies
        member.is_ideal = is_ideal
        return member


class Transport(IntEnum):
    """How the diffusivity follows the occupancy: ``f = 1`` or ``f = 1 - theta``."""

    CONSTANT = 0
    VACANCY = 1


class EndKind(IntEnum):
    """What holds at an outer end of the stack.

    Attributes
    ----------
    key : str
        Word or key of the configuration; a key has a number of its own in ``model.numbers``.
    """

    key: str

    ZERO_FIELD = 0, "zero_field"
    BULK = 1, "bulk"
    ELECTROSTATIC_POTENTIAL = 2, "electrostatic_potential_V"
    SURFACE_CHARGE = 3, "surface_charge_C_per_m2"
    METAL = 4, "potential_V"
    """Becomes an electrostatic potential with the potentials of the layers (``model.parameters``)."""

    def __new__(cls, code: int, key: str = "") -> EndKind:
        """Make a member of its code and key."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.key = key
        return member

    @classmethod
    def of(cls, key: str) -> EndKind:
        """Return the kind with this key."""
        return next(kind for kind in cls if kind.key == key)

    @property
    def takes_any_charge(self) -> bool:
        """Whether the end takes up any charge, as every potential that is given does."""
        return self is EndKind.BULK or self.is_potential

    @property
    def is_potential(self) -> bool:
        """Whether its number is a potential that holds there."""
        return self in (EndKind.ELECTROSTATIC_POTENTIAL, EndKind.METAL)

    @property
    def is_contact(self) -> bool:
        """Whether the end has a number, and with it potentials and charges of its own: it counts as a contact."""
        return self >= EndKind.ELECTROSTATIC_POTENTIAL


STATISTICS_NAMES = tuple(member.name.lower() for member in Statistics)
TRANSPORT_NAMES = tuple(member.name.lower() for member in Transport)
END_KINDS = tuple(member.key for member in EndKind)

__all__ = [
    "END_KINDS",
    "FIT_FLAGS",
    "FIT_WORDS",
    "STATISTICS_NAMES",
    "TRANSPORT_NAMES",
    "EndKind",
    "Statistics",
    "Status",
    "Transport",
    "Validity",
    "status_words",
]
