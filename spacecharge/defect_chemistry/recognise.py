"""Which format a file of defects has, by what stands in it: the right reader, or one line that names what was found."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..document.problems import shown as as_shown
from ..errors import ConfigError
from ..measured.text import is_number
from .read_table import NEEDED, OPTIONAL, read_csv
from .reading import Draft, as_text, raw_bytes

_HEAD = 200_000
"""Characters that are looked at."""

_MSON = re.compile(r'"@module"\s*:\s*"(?P<module>[\w.]+)"\s*,\s*"@class"\s*:\s*"(?P<name>\w+)"')
"""How pymatgen, and doped with it, write their objects."""
_KEY = re.compile(r"(?:-\s+)?[\w\"'+. ()-]+:(?:\s|$)")
_TABLE = ",".join(NEEDED)
_DOPED = f"write its formation energies at E_F = 0, its degeneracies and its sites as a table with the header {_TABLE}"


def read_draft(file: Path, shown: str, trail: tuple[Path, ...] = ()) -> Draft:
    """Read a file of defects with the reader of the format that its content shows; its name plays no part.

    Parameters
    ----------
    file : Path
        The file.
    shown : str
        Its name in messages.
    trail : tuple of Path
        Files whose ``path`` led here.

    Returns
    -------
    Draft
        What stands in it.

    Raises
    ------
    ConfigError
        The file cannot be read, or is something else: one line says what was recognised and what to do.
    """
    form = _form(as_text(raw_bytes(file, shown), shown, loose=True), shown)
    if form == "yaml":
        from .read_yaml import read_yaml_defects

        return read_yaml_defects(file, shown, trail)
    if form == "csv":
        return read_csv(file, shown)
    from .read_scfermi import read_input_fermi

    return read_input_fermi(file, shown)


def is_mapping(path: str | os.PathLike[str]) -> bool:
    """Say whether a file that can be read holds a mapping in YAML or JSON, by its content."""
    shown = os.fspath(path)
    try:
        return _form(as_text(raw_bytes(Path(path), shown), shown, loose=True), shown) == "yaml"
    except ConfigError:
        return False


def _form(text: str, shown: str) -> str:
    """Return yaml, csv or fermi.

    Raises
    ------
    ConfigError
        It is none of them.
    """
    head = text[:_HEAD]
    numbered = [(n, line.strip()) for n, line in enumerate(head.splitlines(), 1)]
    lines = [(n, line) for n, line in numbered if line and not line.startswith("#")]
    if not lines:
        raise ConfigError([f"{shown}: {'holds comments only' if numbered else 'is empty'}, no defects"])
    first = lines[0][1]
    if first[0] in "{[":
        return _json(head, shown)
    if first[0] == "<":
        what = "a vasprun.xml: a density of states" if "<modeling" in head else "XML"
        raise ConfigError([f"{shown}: recognised as {what}, no defects; a density of states goes to density_of_states"])
    cells = [_cells(line) for _, line in lines]
    if _is_header(cells[0]):
        return "csv"
    words = [line.split("#")[0].split() for _, line in lines]
    if len(words[0]) == 1 and is_number(words[0][0]):
        return _numbers(words, shown)
    if any({*NEEDED} <= {*row} for row in cells):
        return "csv"  # below a title
    if any(_KEY.match(line) for _, line in lines) or first.startswith(("---", "%YAML", "- ")):
        return "yaml"
    _refuse_others(lines, cells, words, shown)
    raise ConfigError(
        [f"{shown}:{lines[0][0]}:1: not recognised as defects, begins with {as_shown(first)}; read are YAML with "
         f"defect_species or species, SC-Fermi's input-fermi.dat, and a table with the header {_TABLE}"]
    )  # fmt: skip


def _json(head: str, shown: str) -> str:
    """Pass JSON with this package's or py-sc-fermi's keys, which is YAML; name what else it is."""
    found = _MSON.search(head)
    if found is not None:
        package = found["module"].split(".")[0]
        raise ConfigError([f"{shown}: recognised as JSON of {package} ({found['name']}), which is not read; {_DOPED}"])
    if head.lstrip()[0] == "[":
        raise ConfigError([f"{shown}: recognised as a JSON list; a mapping with defect_species or species is needed"])
    return "yaml"


def _cells(line: str) -> list[str]:
    """Return the cells of a line, whatever parts them."""
    delimiter = next((d for d in (",", ";", "\t") if d in line), None)
    return [cell.strip().strip("\"'") for cell in (line.split(delimiter) if delimiter else line.split())]


def _is_header(cells: list[str]) -> bool:
    """Say whether cells name a column of the table of defects: with one, its reader names the misspelled others."""
    return len(cells) > 1 and bool({*NEEDED, *OPTIONAL} & set(cells))


def _numbers(words: list[list[str]], shown: str) -> str:
    """Part SC-Fermi's input, which begins with one number a line, from a cell and from a list of numbers."""
    numeric = [all(map(is_number, row)) for row in words]
    if len(words) >= 4 and all(numeric[:4]) and [len(row) for row in words[:4]] == [1, 3, 3, 3]:
        raise ConfigError([f"{shown}: recognised as a cell (unitcell.dat); it stands beside an input-fermi.dat"])
    return "fermi"


def _refuse_others(lines: list[tuple[int, str]], cells: list[list[str]], words: list[list[str]], shown: str) -> None:
    """Name what lies beside defects on many discs: densities of states, cells, site files, tables of other programs.

    Raises
    ------
    ConfigError
        It is one of them.
    """
    at, _ = lines[0]
    numeric = [bool(row) and all(map(is_number, row)) for row in words]
    if numeric[0] and len(words[0]) in (2, 3):
        raise ConfigError(
            [f"{shown}: recognised as a density of states; give the file of the defects, and this one as "
             "density_of_states"]
        )  # fmt: skip
    if [len(row) for row in words[1:5]] == [1, 3, 3, 3] and all(numeric[1:5]):
        raise ConfigError([f"{shown}: recognised as a cell (POSCAR); it stands beside an input-fermi.dat"])
    row = words[0]
    if len(row) >= 5 and [is_number(cell) for cell in row[:5]] == [False, True, True, False, True]:
        raise ConfigError(
            [f"{shown}: recognised as a site file of lattice planes; it belongs to lattice.sites of a configuration"]
        )
    if "Defect" in cells[0] and "q" in cells[0]:
        raise ConfigError([f"{shown}:{at}:1: recognised as a table of doped; {_DOPED}"])
    if len(cells[0]) >= 3 and any(is_number(cell) for cell in cells[0]):
        raise ConfigError([f"{shown}:{at}:1: recognised as a table without a header; needed is {_TABLE}"])
    if len(cells) > 1 and len(cells[0]) > 1 and len(cells[0]) == len(cells[1]):
        columns = as_shown(", ".join(cells[0]), 120)[1:-1]
        raise ConfigError([f"{shown}:{at}:1: recognised as a table with the columns {columns}; needed are {_TABLE}"])


__all__ = ["is_mapping", "read_draft"]
