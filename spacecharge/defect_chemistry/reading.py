"""Read defects from the files that people have; which format it is, and what the caller adds or overrides."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..document.problems import Position, Problems
from ..errors import ConfigError, ModelError
from .bands import Bands, DensityOfStates, EffectiveBands
from .system import ChargeState, Defect, DefectSystem, FixedCharge, check_number

MAX_BYTES = 50_000_000
"""Largest table that is read [bytes]; a density of states has a few thousand lines."""

OPTIONS: dict[str, str] = {
    "density_of_states": "file with the density of states (totdos.dat, vasprun.xml with the extra `defects`)",
    "cell_volume_A3": "volume of the cell [A^3]",
    "band_gap_eV": "band gap [eV]",
    "electrons_per_cell": "electrons of the cell that the density of states is normalised to",
    "quadrature": "edges or mid_gap",
    "conduction_per_cm3": "N_c [cm^-3]",
    "valence_per_cm3": "N_v [cm^-3]",
    "electron_mass": "effective mass of electrons",
    "hole_mass": "effective mass of holes",
    "carrier_statistics": "boltzmann or fermi_dirac, with N_c and N_v or masses",
    "temperature_K": "temperature [K]",
    "frozen_at_K": "temperature below which totals are frozen [K]",
    "reference_potential_V": "potential against Li/Li+ of the formation energies [V]",
    "statistics": "dilute or pool",
    "lithium": "lithium atoms that each defect adds, by name",
}
"""What a caller may state beside a file, with what it is; it wins over the file."""


@dataclass(slots=True)
class Draft:
    """What a reader found, before the caller's options are applied and the whole is checked."""

    path: Path
    shown: str
    problems: Problems
    defects: list[Defect] = field(default_factory=list)
    fixed_charges: list[FixedCharge] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    """Entries of OPTIONS that the file states."""
    places: dict[str, str] = field(default_factory=dict)
    """Dotted paths of those entries, where they are not the key itself."""
    bands: Bands | None = None
    """Bands that stand in the file itself."""
    default_quadrature: str = "edges"
    notes: list[str] = field(default_factory=list)

    def number(self, value: object, key: str, path: str, position: Position | None = None) -> float | None:
        """Return a number in the range of `key`, or note the problem and return None."""
        try:
            return check_number(value, key)
        except ModelError as error:
            self.problems.add(path, error.message, position=position)
            return None

    def add_defect(self, path: str, position: Position | None = None, **parts: Any) -> None:
        """Make a defect of its parts, or note what is wrong with it."""
        try:
            self.defects.append(Defect(**parts))
        except ModelError as error:
            self.problems.add(path, error.message, position=position)

    def add_state(self, states: list[ChargeState], path: str, position: Position | None = None, **parts: Any) -> None:
        """Append a charge state, or note what is wrong with it."""
        try:
            states.append(ChargeState(**parts))
        except ModelError as error:
            self.problems.add(path, error.message, position=position)


def read_defects(path: str | os.PathLike[str], **options: Any) -> DefectSystem:
    """Read the defects of a material from a file.

    Parameters
    ----------
    path : str or path
        py-sc-fermi's YAML in either shape, YAML of this package, SC-Fermi's ``input-fermi.dat`` (also frozen), or a
        CSV table ``species,charge,formation_energy_eV,sites_per_cell,degeneracy,lithium``. The format is recognised by
        the content; the name of the file plays no part.
    **options
        Entries of :data:`OPTIONS`; they win over the file. Paths are relative to the working directory.

    Returns
    -------
    DefectSystem
        Checked.

    Raises
    ------
    ConfigError
        One line per problem, ``FILE:LINE:COLUMN: what is wrong``.

    Notes
    -----
    Beside an ``input-fermi.dat`` stand, by the habit of SC-Fermi, a ``totdos.dat`` and a ``unitcell.dat`` or
    ``POSCAR``; they are read from the same folder, with the same prefix before ``input-fermi`` if there is one, and the
    notes say so. Nothing is ever read from the working directory unasked.
    """
    unknown = [key for key in options if key not in OPTIONS]
    if unknown:
        raise ModelError(f"unknown option (known: {', '.join(OPTIONS)})", unknown[0])
    file = Path(path)
    shown = os.fspath(path)
    from .recognise import read_draft

    draft = read_draft(file, shown)
    return finish(draft, options, Path())


def finish(draft: Draft, options: Mapping[str, Any], folder: Path) -> DefectSystem:
    """Apply the caller's options to what was read, and check the whole.

    Parameters
    ----------
    draft : Draft
        From a reader.
    options : mapping
        Entries of :data:`OPTIONS`, None counts as not given.
    folder : Path
        What their file names are relative to.

    Raises
    ------
    ConfigError
        One line per problem.
    """
    given = {key: value for key, value in options.items() if value is not None}
    values = {**draft.values, **given}
    for key in given:
        draft.places.pop(key, None)
    problems = draft.problems
    if "cell_volume_A3" not in values:
        problems.add("", "the volume of the cell is needed: cell_volume_A3 (--cell-volume-A3 on the command line)")
    if "density_of_states" in given:
        values["density_of_states"] = folder / os.path.expanduser(str(given["density_of_states"]))
    problems.raise_if_any()
    bands = _bands(draft, values, bands_given=bool(given.keys() & _BAND_KEYS))
    problems.raise_if_any()
    lithium = values.get("lithium") or {}
    known = [d.name for d in draft.defects]
    for name in lithium:
        if name not in known:
            problems.add("lithium", f"no defect {name} (known: {', '.join(known)})")
    defects = []
    for defect in draft.defects:
        if defect.name in lithium:
            count = draft.number(lithium[defect.name], "lithium", f"lithium.{defect.name}")
            parts = {name: getattr(defect, name) for name in Defect.__slots__}
            defect = Defect(**(parts | {"lithium": count}))
        defects.append(defect)
    problems.raise_if_any()
    try:
        return DefectSystem(
            defects=tuple(defects),
            cell_volume_A3=check_number(values["cell_volume_A3"], "cell_volume_A3", "cell_volume_A3"),
            bands=bands,
            fixed_charges=tuple(draft.fixed_charges),
            temperature_K=values.get("temperature_K", 298.15),
            statistics=values.get("statistics", "dilute"),
            frozen_at_K=values.get("frozen_at_K"),
            reference_potential_V=values.get("reference_potential_V"),
            notes=tuple(draft.notes),
            source=draft.shown,
        )
    except ModelError as error:
        problems.add(draft.places.get(error.path, error.path), error.message)
        problems.raise_if_any()
        raise


_BAND_KEYS = {
    "density_of_states", "band_gap_eV", "electrons_per_cell", "quadrature", "conduction_per_cm3", "valence_per_cm3",
    "electron_mass", "hole_mass", "carrier_statistics",
}  # fmt: skip


def _bands(draft: Draft, values: Mapping[str, Any], bands_given: bool) -> Bands | None:
    """Return the bands that the values describe, those of the file itself, or none."""
    if draft.bands is not None and not bands_given:
        return draft.bands
    problems = draft.problems
    effective = {
        k: values[k] for k in ("conduction_per_cm3", "valence_per_cm3", "electron_mass", "hole_mass") if k in values
    }
    if "carrier_statistics" in values and not effective:
        problems.add(
            "carrier_statistics",
            "belongs to effective densities of states or masses; a density of states is filled by Fermi and Dirac",
        )
        return None
    if not effective and "density_of_states" not in values:
        if "band_gap_eV" in values:
            draft.notes.append("no density of states: electrons and holes take no part")
        return None
    if effective and "density_of_states" in values:
        problems.add(next(iter(effective)), "stands beside a density of states: give one of the two")
        return None
    needed = ("band_gap_eV",) if effective else ("band_gap_eV", "electrons_per_cell")
    from_vasp = str(values.get("density_of_states", "")).endswith(".xml")
    missing = [key for key in needed if key not in values and not from_vasp]
    for key in missing:
        # A gap that is missing belongs beside the density of states that is there.
        beside = draft.places.get("density_of_states", "density_of_states").rpartition(".")[0]
        problems.add(f"{beside}.{key}" if beside else key, "needed for electrons and holes")
    if missing:
        return None
    try:
        if effective:
            law = {k: values[k] for k in ("carrier_statistics",) if k in values}
            return EffectiveBands(band_gap_eV=float(values["band_gap_eV"]), **effective, **law)
        return _density_of_states(draft, values, from_vasp)
    except ModelError as error:
        # Of the file alone: a gap or a number of electrons stands where the defects do.
        where = str(values["density_of_states"]) if error.path == "density_of_states" else None
        problems.add(draft.places.get(error.path, error.path), error.message, file=where)
    return None


def _density_of_states(draft: Draft, values: Mapping[str, Any], from_vasp: bool) -> DensityOfStates:
    """Read a file with a density of states."""
    file = Path(values["density_of_states"])
    quadrature = values.get("quadrature", draft.default_quadrature)
    if from_vasp:
        from .py_sc_fermi import density_of_states_from_vasprun

        return density_of_states_from_vasprun(
            file, values.get("band_gap_eV"), values.get("electrons_per_cell"), quadrature
        )
    from .read_scfermi import read_totdos

    energy, states = read_totdos(file, os.fspath(file))
    return DensityOfStates(
        energy_eV=energy,
        states_per_eV=states,
        band_gap_eV=float(values["band_gap_eV"]),
        electrons_per_cell=float(values["electrons_per_cell"]),
        quadrature=quadrature,
    )


_PACKED = {
    b"\x1f\x8b": "packed with gzip: unpack it first",
    b"BZh": "packed with bzip2: unpack it first",
    b"\xfd7zXZ": "packed with xz: unpack it first",
    b"PK\x03\x04": "a spreadsheet or another zip file: save the table as CSV, or unpack it",
    b"\x89HDF": "HDF5, no text",
    b"\x89PNG": "a picture, no text",
    b"%PDF": "a PDF, no text",
}
"""First bytes of files that are no text, and what to say."""


def raw_bytes(file: Path, shown: str) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    ConfigError
        It is missing, too large, or no regular file.
    """
    try:
        if file.exists() and not file.is_file():
            raise ConfigError([f"{shown}: is {'a directory' if file.is_dir() else 'no regular file'}"])
        if file.stat().st_size > MAX_BYTES:
            raise ConfigError([f"{shown}: is too large (allowed: {MAX_BYTES / 1e6:g} MB)"])
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", None) or error
        raise ConfigError([f"{shown}: {reason}"]) from None


def as_text(raw: bytes, shown: str, *, loose: bool = False) -> str:
    """Return bytes as text: UTF-8, UTF-16 by its mark; `loose` takes anything else for Latin-1, as tables are.

    Raises
    ------
    ConfigError
        They are no text; what they are is said where the first bytes tell.
    """
    for mark, what in _PACKED.items():
        if raw.startswith(mark):
            raise ConfigError([f"{shown}: recognised as {what}"])
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        if not loose:
            raise ConfigError([f"{shown}: is no UTF-8 text (byte {error.start + 1})"]) from None
        text = raw.decode("latin-1")
    zero = text.find("\0")
    if zero >= 0:
        line = text.count("\n", 0, zero) + 1
        raise ConfigError([f"{shown}:{line}:1: is no text: it holds a zero byte"])
    return text


def read_lines(file: Path, shown: str) -> list[tuple[int, str]]:
    """Return the lines of a text file that are neither empty nor comments, with their numbers.

    Raises
    ------
    ConfigError
        The file cannot be read as text.
    """
    return lines_of(raw_bytes(file, shown), shown)


def lines_of(raw: bytes, shown: str) -> list[tuple[int, str]]:
    """Return the same of the bytes of a file."""
    numbered = enumerate(as_text(raw, shown).splitlines(), 1)
    return [(n, line.strip()) for n, line in numbered if line.strip() and not line.lstrip().startswith("#")]
