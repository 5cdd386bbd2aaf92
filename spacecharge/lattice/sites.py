"""Files of lattice sites: one line a site, repeated lines are multiplicity (the format of pyscses)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError

Array = NDArray[np.float64]

COLUMNS = "site_label site_charge x_m defect E_seg_eV [defect E_seg_eV ...]"
"""What a line of a site file holds."""
TITLES = frozenset(
    "site_label label site sublattice site_charge charge valence x_m x x_nm position defect defects species e_seg_ev "
    "e_seg energy energy_ev segregation_energy segregation_energy_ev".split()
)
"""Words, in lower case, that tables have above their columns."""
_OF_FOUR = {"NNSN": "site_label", "SNSN": "site_charge or x_m", "SNNN": "defect", "SNNS": "E_seg_eV"}
"""The column that is missing, by which of the four words are numbers (N)."""
MOST_METRES = 1e-4
"""Positions beyond this are not in metres [m]: a site file describes one grain boundary."""
MOST_CHARGE = 20.0
MOST_ENERGY = 50.0
MOST_BYTES = 200_000_000
"""Files larger than this are no site files."""


@dataclass(frozen=True, slots=True)
class Site:
    """A kind of site at one position.

    Attributes
    ----------
    label : str
        Sublattice, such as ``O``.
    charge : float
        Charge number of the perfect lattice there [1].
    x : float
        Position along the normal of the planes [m].
    defects : tuple of (str, float)
        Defects that may stand on the site, each with its segregation energy [eV] (in the grain boundary minus in the
        grain; negative attracts).
    count : int
        How many of them there are per cross-section.
    """

    label: str
    charge: float
    x: float
    defects: tuple[tuple[str, float], ...]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Sites:
    """All sites of a file, in order of their positions.

    Attributes
    ----------
    items : tuple of Site
        One entry per kind and position; equal lines are counted.
    source : str
        The file, for messages.
    """

    items: tuple[Site, ...]
    source: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """Sublattices in the order in which the positions show them."""
        return tuple(dict.fromkeys(site.label for site in self.items))

    @property
    def defects(self) -> tuple[str, ...]:
        """Names of all defects of the file."""
        return tuple(dict.fromkeys(name for site in self.items for name, _ in site.defects))

    def labels_of(self, defect: str) -> tuple[str, ...]:
        """Sublattices on which a defect may stand."""
        return tuple(dict.fromkeys(site.label for site in self.items if defect in dict(site.defects)))


def read_sites(path: str | Path) -> Sites:
    """Read a file of lattice sites.

    Each line is one site: ``site_label site_charge x_m defect E_seg_eV [defect E_seg_eV ...]``, separated by blanks.
    Repeated lines are multiplicity. Empty lines and what follows ``#`` are skipped; the order of lines is free.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    Sites
        The sites, sorted by position.

    Raises
    ------
    ConfigError
        The file cannot be read, or lines are broken: every one is named as ``FILE:LINE: what is wrong; what to do``.

    References
    ----------
    Wellock and Morgan, J. Open Source Softw. 4 (2019) 1209, doi 10.21105/joss.01209 (pyscses).
    """
    file = Path(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ConfigError([f"{path}: larger than {MOST_BYTES / 1e6:g} MB; a site file has one line a site"])
        text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror or error}); give a file of sites"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: is no text in UTF-8; save the site file as plain text"]) from None
    problems: list[str] = []
    counts: dict[Site, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split("#", 1)[0].split()
        if words:
            foreign = _foreign(words)
            if foreign:
                # Every other line would have the same to say.
                raise ConfigError([*problems, f"{path}:{number}: {foreign}"])
            site = _site(words, f"{path}:{number}", problems)
            if site is not None:
                counts[site] = counts.get(site, 0) + 1
    if not counts and not problems:
        problems.append(f"{path}:1: no site in the file; each line must hold {COLUMNS}")
    if problems:
        raise ConfigError(problems)
    items = [Site(s.label, s.charge, s.x, s.defects, count) for s, count in counts.items()]
    items.sort(key=lambda site: site.x)
    return Sites(tuple(items), str(path))


def _foreign(words: list[str]) -> str:
    """Return what makes a line one of another kind of file: titles of columns, another separator; else nothing."""
    titles = [word for word in words if word.strip(",;").lower() in TITLES]
    if len(titles) > 1 and not any(_is_number(word.strip(",;")) for word in words):
        return f"titles of columns ({_short(' '.join(words))}); put # before them, each line must hold {COLUMNS}"
    for mark, name in ((",", "commas"), (";", "semicolons"), ("|", "bars")):
        parts = " ".join(words).replace(mark, " ").split()
        if len(words) < 5 <= len(parts) or (len(words) > 1 and all(word.endswith(mark) for word in words[:-1])):
            return f"columns are separated by {name}; separate them by blanks: {COLUMNS}"
    return ""


def _missing_column(words: list[str]) -> str:
    """Return the name of the column that a line of fewer than five does not have."""
    kinds = "".join("N" if _is_number(word) else "S" for word in words)
    return _OF_FOUR.get(kinds) or ("site_charge", "x_m", "defect", "E_seg_eV")[len(words) - 1]


def _site(words: list[str], where: str, problems: list[str]) -> Site | None:
    """Return the site of a line, or None with its problems added."""
    before = len(problems)
    if len(words) < 5:
        missing = _missing_column(words)
        problems.append(f"{where}: {len(words)} columns, {missing} is missing; each line must hold {COLUMNS}")
        return None
    if len(words) % 2 == 0:
        # A number too many puts those behind it where names belong.
        number = next((word for word in words[3::2] if _is_number(word)), None)
        if number is None:
            text = f"E_seg_eV of defect {_short(words[-1])} is missing; defects and energies come in pairs"
        else:
            text = f"defect {_short(number)} is a number; each line must hold {COLUMNS}"
        problems.append(f"{where}: {text}")
        return None
    charge = _number(words[1], "site_charge", MOST_CHARGE, where, problems)
    x = _number(words[2], "x_m", MOST_METRES, where, problems)
    defects: list[tuple[str, float]] = []
    if _is_number(words[0]):
        problems.append(f"{where}: site_label {_short(words[0])} is a number; each line must hold {COLUMNS}")
    for name, text in zip(words[3::2], words[4::2], strict=True):
        energy = _number(text, f"E_seg_eV of defect {_short(name)}", MOST_ENERGY, where, problems)
        if _is_number(name):
            problems.append(f"{where}: defect {_short(name)} is a number; each line must hold {COLUMNS}")
        elif name in dict(defects):
            problems.append(f"{where}: defect {_short(name)} stands there twice; name each defect of a site once")
        defects.append((name, energy))
    return Site(words[0], charge, x, tuple(defects)) if len(problems) == before else None


def _number(text: str, name: str, most: float, where: str, problems: list[str]) -> float:
    """Return the number that `text` stands for; 0 with a problem added where it is none or out of range."""
    advice = "; positions are in metres (1 nm is 1e-9)" if name == "x_m" else ""
    if name.startswith("E_seg_eV"):
        advice = "; energies are in eV (1 kJ/mol is 0.0103643)"
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        problems.append(f"{where}: {name} is {_short(text)}, a finite number is needed{advice}")
        return 0.0
    if abs(value) > most:
        problems.append(f"{where}: {name} {value:g} is out of range (allowed: {-most:g} to {most:g}){advice}")
        return 0.0
    # -0.0 and 0.0 are one value and must count as one line.
    return value + 0.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.lower() not in ("nan", "inf", "infinity")


def _short(text: str) -> str:
    """Return a word of a file for a message: quoted, without control characters, not too long."""
    return repr(text if len(text) <= 30 else text[:27] + "...")


def plane_positions(x: Array, count: Array, merge: float) -> tuple[Array, NDArray[np.int64]]:
    """Return the positions of the planes and the plane of each site.

    Parameters
    ----------
    x : ndarray, shape (n_sites,)
        Positions in rising order [m].
    count : ndarray, shape (n_sites,)
        Sites there.
    merge : float
        Sites within this distance of the first one of a plane belong to it [m].

    Returns
    -------
    positions : ndarray, shape (n_planes,)
        Mean over the sites of each plane [m].
    plane : ndarray of int, shape (n_sites,)
        Index of the plane of each site.
    """
    plane = np.zeros(len(x), dtype=np.int64)
    first = x[0]
    for i in range(1, len(x)):
        new = x[i] - first > merge
        plane[i] = plane[i - 1] + new
        first = x[i] if new else first
    start = np.searchsorted(plane, np.arange(plane[-1] + 1))
    # Offsets from the first site keep the mean of equal positions equal to them.
    offset = np.bincount(plane, weights=count * (x - x[start][plane])) / np.bincount(plane, weights=count)
    return x[start] + offset, plane
