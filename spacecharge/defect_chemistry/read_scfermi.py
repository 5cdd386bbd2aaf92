"""SC-Fermi's files: ``input-fermi.dat`` with or without frozen concentrations, ``totdos.dat``, ``unitcell.dat``.

Lines that begin with ``#`` are comments. The first five numbers are spin polarisation (1 or 2), electrons of the cell,
band gap [eV], temperature [K] and the number of defects; then per defect a line ``name n_states sites`` and a line
``charge energy degeneracy`` per state. A frozen file goes on with the number of defects whose total is held and lines
``name concentration`` [cm^-3], then the number of charge states that are held and lines ``name charge concentration``;
a name not met before is a fixed charge.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..document.problems import Problems
from ..document.problems import shown as as_shown
from ..errors import ConfigError, ModelError
from .reading import Draft, lines_of, raw_bytes, read_lines
from .system import ChargeState, Defect, FixedCharge

Array = NDArray[np.float64]


class _Stop(Exception):
    """What follows in the file has lost its meaning."""


@dataclass(slots=True)
class _Lines:
    """The lines of a file, taken one by one."""

    draft: Draft
    lines: list[tuple[int, str]]
    at: int = 0

    def left(self) -> bool:
        return self.at < len(self.lines)

    def take(self, n_words: int, what: str) -> tuple[int, list[str]]:
        """Return number and words of the next line, which must have at least so many."""
        if not self.left():
            last = self.lines[-1][0] if self.lines else 1
            self.fail(last, f"the file ends where {what} is expected")
        number, line = self.lines[self.at]
        self.at += 1
        words = line.split("#")[0].split()
        if len(words) < n_words:
            self.fail(number, f"{what} needs {n_words} words, got {as_shown(line)}")
        return number, words

    def fail(self, number: int, message: str) -> None:
        self.draft.problems.add("", message, position=(number, 1))
        raise _Stop

    def number(self, line: int, word: str, what: str, *, whole: bool = False) -> float:
        """Return a word as a number."""
        value = as_number(word)
        if not math.isfinite(value) or (whole and value != round(value)):
            self.fail(line, f"{what}: a {'whole ' if whole else ''}number is needed, got {as_shown(word)}")
        return value


def as_number(word: str) -> float:
    """Return a number as Fortran or Python writes it, NaN for anything else."""
    try:
        return float(re.sub(r"(?<=[0-9.])[dD](?=[-+0-9])", "e", word) if "d" in word or "D" in word else word)
    except ValueError:
        return math.nan


def read_input_fermi(file: Path, shown: str) -> Draft:
    """Read an ``input-fermi.dat`` and what stands beside it.

    Raises
    ------
    ConfigError
        The file cannot be read; problems of its content are in the draft.
    """
    draft = Draft(file, shown, Problems(shown))
    lines = _Lines(draft, read_lines(file, shown))
    try:
        _header_and_defects(lines)
        _frozen(lines)
    except _Stop:
        pass
    draft.problems.raise_if_any()
    _beside(draft)
    return draft


def _header_and_defects(lines: _Lines) -> None:
    draft = lines.draft
    number, words = lines.take(1, "the spin polarisation (1 or 2)")
    if lines.number(number, words[0], "spin polarisation", whole=True) not in (1.0, 2.0):
        lines.fail(number, f"spin polarisation: allowed: 1 or 2, got {as_shown(words[0])}")
    for key, what in (
        ("electrons_per_cell", "number of electrons"),
        ("band_gap_eV", "band gap [eV]"),
        ("temperature_K", "temperature [K]"),
    ):
        number, words = lines.take(1, what)
        value = lines.number(number, words[0], what)
        if value <= 0.0:
            draft.problems.add("", f"{what}: {value:g} is out of range (allowed: above 0)", position=(number, 1))
        draft.values[key] = value
    number, words = lines.take(1, "number of defects")
    n_defects = int(lines.number(number, words[0], "number of defects", whole=True))
    if n_defects < 1:
        lines.fail(number, f"number of defects: {n_defects} is out of range (allowed: from 1)")
    for _ in range(n_defects):
        _defect(lines)


def _defect(lines: _Lines) -> None:
    draft = lines.draft
    number, words = lines.take(3, "a defect (name, number of charge states, sites)")
    name = words[0]
    n_states = int(lines.number(number, words[1], f"{name}, number of charge states", whole=True))
    sites = draft.number(
        lines.number(number, words[2], f"{name}, sites"), "sites_per_cell", f"{name}.sites", (number, 1)
    )
    states: list[ChargeState] = []
    for _ in range(n_states):
        at, parts = lines.take(3, f"a charge state of {name} (charge, formation energy, degeneracy)")
        if not math.isfinite(as_number(parts[0])):
            lines.fail(at, f"{name}: a charge state (charge, formation energy, degeneracy) is needed, got "
                           f"{as_shown(' '.join(parts))}; {n_states} were announced in line {number}")  # fmt: skip
        charge, energy, degeneracy = (
            lines.number(at, word, f"{name}, {what}")
            for word, what in zip(parts, ("charge", "formation energy", "degeneracy"), strict=False)
        )
        draft.add_state(
            states, f"{name}.{parts[0]}", (at, 1), charge=charge, formation_energy_eV=energy, degeneracy=degeneracy
        )
    if sites is not None and len(states) == n_states:
        draft.add_defect(name, (number, 1), name=name, sites_per_cell=sites, states=tuple(states))


def _frozen(lines: _Lines) -> None:
    """Read what a frozen file adds."""
    draft = lines.draft
    if not lines.left():
        return
    number, words = lines.take(1, "number of frozen defects")
    for _ in range(int(lines.number(number, words[0], "number of frozen defects", whole=True))):
        at, parts = lines.take(2, "a frozen defect (name, concentration [cm^-3])")
        total = lines.number(at, parts[1], f"{parts[0]}, concentration")
        _replace(draft, parts[0], at, fixed_concentration_per_cm3=total)
    if not lines.left():
        return
    number, words = lines.take(1, "number of frozen charge states")
    for _ in range(int(lines.number(number, words[0], "number of frozen charge states", whole=True))):
        at, parts = lines.take(3, "a frozen charge state (name, charge, concentration [cm^-3])")
        name = parts[0]
        charge = lines.number(at, parts[1], f"{name}, charge")
        held = lines.number(at, parts[2], f"{name}, concentration")
        defect = next((d for d in draft.defects if d.name == name), None)
        try:
            if defect is None:
                draft.fixed_charges.append(FixedCharge(name=name, charge=charge, concentration_per_cm3=held))
                continue
            fixed = ChargeState(charge=charge, fixed_concentration_per_cm3=held)
        except ModelError as error:
            draft.problems.add(name, error.message, position=(at, 1))
            continue
        others = tuple(s for s in defect.states if s.charge != charge)
        _replace(draft, name, at, states=(*others, fixed))
    if lines.left():
        number, line = lines.lines[lines.at]
        lines.fail(number, f"nothing more is expected here, got {as_shown(line)}")


def _replace(draft: Draft, name: str, line: int, **changes: object) -> None:
    """Change the defect of that name."""
    for i, defect in enumerate(draft.defects):
        if defect.name == name:
            parts = {slot: getattr(defect, slot) for slot in Defect.__slots__}
            try:
                draft.defects[i] = Defect(**(parts | changes))
            except ModelError as error:
                draft.problems.add(name, error.message, position=(line, 1))
            return
    known = ", ".join(d.name for d in draft.defects)
    draft.problems.add(name, f"a frozen defect must stand in the list above (known: {known})", position=(line, 1))


def _beside(draft: Draft) -> None:
    """Take up the density of states and the cell that SC-Fermi expects in the same folder."""
    name = draft.path.name
    at = name.find("input-fermi")
    prefix = name[:at] if at > 0 else ""
    densities = draft.path.with_name(f"{prefix}totdos.dat")
    if densities.is_file():
        draft.values["density_of_states"] = densities
        draft.notes.append(f"density of states: {densities.name} beside the input")
    for cell in ("unitcell.dat", "POSCAR"):
        found = draft.path.with_name(f"{prefix}{cell}")
        if found.is_file():
            draft.values["cell_volume_A3"] = read_cell_volume(found)
            draft.notes.append(f"volume of the cell: {found.name} beside the input")
            return


def read_cell_volume(file: Path) -> float:
    """Return the volume of the cell of a ``unitcell.dat`` or ``POSCAR`` [A^3].

    Raises
    ------
    ConfigError
        Scale and three lattice vectors do not stand where they should.
    """
    lines = read_lines(file, str(file))
    # A POSCAR has a title first; a unitcell.dat begins with the scale.
    skip = 0 if file.name.endswith(".dat") else 1
    rows = lines[skip : skip + 4]
    numbers = [[as_number(word) for word in line.split()[:3]] for _, line in rows]
    if (
        len(rows) < 4
        or not all(math.isfinite(v) for row in numbers for v in row)
        or any(len(r) != 3 for r in numbers[1:])
    ):
        at = rows[0][0] if rows else 1
        raise ConfigError([f"{file}:{at}:1: a scale and three lattice vectors of three numbers are needed"])
    volume = abs(float(np.linalg.det(np.array(numbers[1:]))))
    scale = numbers[0][0]
    # A negative scale of a POSCAR is the volume itself.
    return -scale if scale < 0.0 else volume * scale**3


def read_totdos(file: Path, shown: str) -> tuple[Array, Array]:
    """Read a ``totdos.dat``: energy and one or two columns of states, whose absolute values are added.

    Returns
    -------
    energy, states : ndarray, shape (n,)
        Energies [eV], states of both spins [eV^-1].

    Raises
    ------
    ConfigError
        One line per problem.
    """
    return _table_of_states(raw_bytes(file, shown), shown)


@functools.lru_cache(maxsize=2)
def _table_of_states(raw: bytes, shown: str) -> tuple[Array, Array]:
    """Return the columns of a ``totdos.dat``, not to be written to: a sweep asks for the same table at every point."""
    problems = Problems(shown)
    rows: list[list[float]] = []
    n_columns = 0
    for number, line in lines_of(raw, shown):
        values = [as_number(word) for word in line.replace(",", " ").split()]
        if not all(map(math.isfinite, values)):
            problems.add("", f"numbers are needed, got {as_shown(line)}", position=(number, 1))
        elif len(values) not in (2, 3):
            problems.add(
                "", f"2 columns (energy, states) or 3 (two spins) are needed, got {len(values)}", position=(number, 1)
            )
        elif n_columns and len(values) != n_columns:
            problems.add("", f"{len(values)} columns, the lines before have {n_columns}", position=(number, 1))
        elif rows and values[0] <= rows[-1][0]:
            problems.add("", f"energies must rise, {values[0]:g} follows {rows[-1][0]:g}", position=(number, 1))
        else:
            n_columns = len(values)
            rows.append(values)
        if len(problems) >= 3:
            break
    if not rows and not len(problems):
        problems.add("", "holds no density of states")
    problems.raise_if_any()
    table = np.array(rows)
    energy, states = table[:, 0], np.abs(table[:, 1:]).sum(axis=1)
    energy.flags.writeable = states.flags.writeable = False
    return energy, states
