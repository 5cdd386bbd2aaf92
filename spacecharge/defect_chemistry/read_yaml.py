"""Defects as YAML: py-sc-fermi's files in the two shapes that go round, and this package's own.

py-sc-fermi's: ``bandgap, nelect, volume, temperature, edos, dos`` and a list ``defect_species``; new shape

    - {name: v_Li, nsites: 3, charge_states: {-1: {charge: -1, energy: 4.26, degeneracy: 1}}}

and old shape, a mapping by name whose states have ``formation_energy`` and take their charge from the key

    - v_Li: {nsites: 3, charge_states: {-1: {formation_energy: 4.26, degeneracy: 1}}}

A file holds one shape. Fixed concentrations are in cm^-3, volumes in A^3.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..document.problems import Problems, nearest
from ..document.problems import shown as as_shown
from ..document.yaml import read_document
from ..errors import ModelError
from .bands import DensityOfStates
from .reading import OPTIONS, Draft, finish
from .system import ChargeState, DefectSystem, FixedCharge

TOP = {
    "volume": "cell_volume_A3",
    "temperature": "temperature_K",
    "bandgap": "band_gap_eV",
    "nelect": "electrons_per_cell",
}
"""py-sc-fermi's names of numbers, and ours."""

IGNORED = ("convergence_tolerance", "n_trial_steps", "spin_pol", "edos", "dos", "defect_species")

BAND_KEYS = (
    "band_gap_eV", "density_of_states", "electrons_per_cell", "quadrature", "conduction_per_cm3", "valence_per_cm3",
    "electron_mass", "hole_mass", "carrier_statistics",
)  # fmt: skip
OWN_KEYS = (
    "cell_volume_A3", "temperature_K", "frozen_at_K", "reference_potential_V", "statistics", "electrons",
    "fixed_charges", "species", "path", "lithium",
)  # fmt: skip
SPECIES_KEYS = ("sites_per_cell", "states", "lithium", "pool", "frozen", "fixed_concentration_per_cm3")
STATE_KEYS = ("charge", "formation_energy_eV", "degeneracy", "fixed_concentration_per_cm3")


def read_yaml_defects(file: Path, shown: str, trail: tuple[Path, ...] = ()) -> Draft:
    """Read a YAML file of either program; `trail` holds the files whose ``path`` led here.

    Raises
    ------
    ConfigError
        The file is no YAML; problems of its content are in the draft.
    """
    document = read_document(file)
    problems = Problems(shown, document.locate)
    if "defect_species" in document.data:
        return _py_sc_fermi(Draft(file, shown, problems), document.data)
    if "defects" in document.data and isinstance(document.data["defects"], Mapping):
        return read_own(document.data["defects"], problems, "defects.", file, trail)
    if "species" in document.data or "path" in document.data:
        return read_own(document.data, problems, "", file, trail)
    problems.add("", "holds no defects: defect_species (py-sc-fermi) or species is needed")
    problems.raise_if_any()
    raise AssertionError("a problem was added")


def defects_of_mapping(
    data: Mapping[str, Any],
    *,
    problems: Problems | None = None,
    prefix: str = "",
    folder: Path | None = None,
) -> DefectSystem:
    """Return the defects that an inline mapping describes, as it stands in a configuration or in Python.

    Parameters
    ----------
    data : mapping
        Keys of this package's own YAML, or ``path`` with what is to be added to the file.
    problems : Problems, optional
        Takes the errors, with the positions of the configuration.
    prefix : str
        Dotted path of `data` in the configuration, with a dot at its end.
    folder : Path, optional
        What file names in `data` are relative to. Default: the working directory.

    Returns
    -------
    DefectSystem
        Checked.

    Raises
    ------
    ConfigError
        One line per problem.
    """
    problems = problems if problems is not None else Problems("defects")
    file = (folder or Path()) / "inline"
    draft = read_own(data, problems, prefix, file)
    return finish(draft, {}, Path())


def read_own(
    data: Mapping[str, Any], problems: Problems, prefix: str, file: Path, trail: tuple[Path, ...] = ()
) -> Draft:
    """Read this package's own keys; a ``path`` among them names a file that they add to."""
    draft = Draft(file, problems.file, problems)
    for key in data:
        if key not in (*OWN_KEYS, *BAND_KEYS):
            problems.add(f"{prefix}{key}", f"unknown key ({nearest(key, (*OWN_KEYS, *BAND_KEYS))})", key=True)
    bands = data.get("electrons", {})
    if not isinstance(bands, Mapping):
        problems.add(f"{prefix}electrons", f"a mapping is needed, got {as_shown(bands)}")
        bands = {}
    for key in bands:
        if key not in BAND_KEYS:
            problems.add(f"{prefix}electrons.{key}", f"unknown key ({nearest(key, BAND_KEYS)})", key=True)
    values = {k: v for k, v in {**data, **bands}.items() if k in OPTIONS}
    places = {}
    for key in values:
        inside = f"{prefix}electrons.{key}" if key in bands else f"{prefix}{key}"
        _check_value(problems, key, values[key], inside)
        places[key] = inside
    if "density_of_states" in values:
        values["density_of_states"] = file.parent / os.path.expanduser(str(values["density_of_states"]))
    problems.raise_if_any()
    if "path" in data:
        draft = _added_to_file(data, values, problems, prefix, (*trail, file))
    else:
        draft.values, draft.places = values, places
        _own_species(draft, data.get("species"), f"{prefix}species")
    _fixed_charges(draft, data.get("fixed_charges", {}), f"{prefix}fixed_charges", problems)
    return draft


def _added_to_file(
    data: Mapping[str, Any], values: dict[str, Any], problems: Problems, prefix: str, trail: tuple[Path, ...]
) -> Draft:
    """Read the file that ``path`` names, and let what stands beside it win."""
    if "species" in data:
        problems.add(f"{prefix}species", "stands beside path: give one of the two", key=True)
        problems.raise_if_any()
    target = trail[-1].parent / os.path.expanduser(str(data["path"]))
    if target.resolve() in [before.resolve() for before in trail]:
        problems.add(f"{prefix}path", f"{data['path']} leads back to itself; name the file that holds the defects")
        problems.raise_if_any()
    from .recognise import read_draft

    draft = read_draft(target, str(target), trail)
    if values.keys() & set(BAND_KEYS):
        draft.bands = None
    draft.values.update(values)
    for key in values:
        draft.places.pop(key, None)
    return draft


def _check_value(problems: Problems, key: str, value: Any, path: str) -> None:
    """Check the kind of a value that goes to the options."""
    if key in ("density_of_states", "quadrature", "statistics", "carrier_statistics"):
        if not isinstance(value, str):
            problems.add(path, f"a text is needed, got {as_shown(value)}")
    elif key == "lithium":
        if not isinstance(value, Mapping):
            problems.add(path, f"a mapping from defects to numbers is needed, got {as_shown(value)}")
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        problems.add(path, f"a number is needed, got {as_shown(value)}")


def _fixed_charges(draft: Draft, entries: Any, path: str, problems: Problems) -> None:
    if not isinstance(entries, Mapping):
        problems.add(path, f"a mapping by name is needed, got {as_shown(entries)}")
        return
    for name, entry in entries.items():
        where = f"{path}.{name}"
        if not isinstance(entry, Mapping) or set(entry) != {"charge", "concentration_per_cm3"}:
            problems.add(where, "needs charge and concentration_per_cm3, and nothing else")
            continue
        for key in entry:
            _check_value(problems, key, entry[key], f"{where}.{key}")
        if len(problems):
            continue
        try:
            charge = FixedCharge(name=str(name), **{k: float(v) for k, v in entry.items()})
        except ModelError as error:
            problems.add(f"{path}.{error.path}", error.message)
            continue
        # Beside a file, a fixed charge of the same name replaces the file's.
        draft.fixed_charges = [f for f in draft.fixed_charges if f.name != name] + [charge]


def _own_species(draft: Draft, entries: Any, path: str) -> None:
    problems = draft.problems
    if not isinstance(entries, Mapping) or not entries:
        problems.add(path, f"a mapping from names of defects is needed, got {as_shown(entries)}")
        return
    for name, entry in entries.items():
        where = f"{path}.{name}"
        if not isinstance(entry, Mapping):
            problems.add(where, f"a mapping is needed, got {as_shown(entry)}")
            continue
        for key in entry:
            if key not in SPECIES_KEYS:
                problems.add(f"{where}.{key}", f"unknown key ({nearest(key, SPECIES_KEYS)})", key=True)
        if "sites_per_cell" not in entry:
            problems.add(f"{where}.sites_per_cell", "needed")
            continue
        sites = draft.number(entry["sites_per_cell"], "sites_per_cell", f"{where}.sites_per_cell")
        found = _own_states(draft, entry.get("states"), f"{where}.states")
        optional = {k: entry[k] for k in ("lithium", "pool", "frozen", "fixed_concentration_per_cm3") if k in entry}
        if sites is not None and found:
            draft.add_defect(where, name=str(name), sites_per_cell=sites, states=tuple(found), **optional)


def _own_states(draft: Draft, entries: Any, path: str) -> list[ChargeState]:
    """Read states as a mapping by charge, or as a list of mappings with ``charge``."""
    problems = draft.problems
    states: list[ChargeState] = []
    if isinstance(entries, Mapping):
        items = [(f"{path}.{q}", {"charge": _charge_of_key(q), **(e if isinstance(e, Mapping) else {"?": e})})
                 for q, e in entries.items()]  # fmt: skip
    elif (
        isinstance(entries, Sequence) and not isinstance(entries, str) and all(isinstance(e, Mapping) for e in entries)
    ):
        items = [(f"{path}.{i}", dict(e)) for i, e in enumerate(entries)]
    else:
        problems.add(path, f"charge states are needed, as a mapping by charge or a list, got {as_shown(entries)}")
        return states
    n_before = len(problems)
    for where, entry in items:
        unknown = [key for key in entry if key not in STATE_KEYS]
        if unknown:
            problems.add(f"{where}.{unknown[0]}", f"unknown key ({nearest(unknown[0], STATE_KEYS)})", key=True)
        elif "charge" not in entry:
            problems.add(where, "the charge is missing")
        else:
            draft.add_state(states, where, **entry)
    if not items:
        problems.add(path, "at least one charge state is needed")
    return states if len(problems) == n_before else []


def _charge_of_key(key: object) -> float:
    try:
        return float(str(key))
    except ValueError:
        return math.nan


def _py_sc_fermi(draft: Draft, data: Mapping[str, Any]) -> Draft:
    problems = draft.problems
    draft.default_quadrature = "mid_gap"
    nested = data.get("dos") if isinstance(data.get("dos"), Mapping) else None
    numbers = {**data, **nested} if nested is not None else dict(data)
    for theirs, ours in TOP.items():
        if theirs in numbers:
            value = numbers[theirs]
            path = f"dos.{theirs}" if nested is not None and theirs in nested else theirs
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                problems.add(path, f"a number is needed, got {as_shown(value)}")
            else:
                draft.values[ours] = float(value)
    for key in data:
        if key not in (*TOP, *IGNORED):
            problems.add(key, f"unknown key ({nearest(key, (*TOP, *IGNORED))})", key=True)
    entries = data["defect_species"]
    if isinstance(entries, Mapping):
        named = [(f"defect_species.{name}", str(name), entry) for name, entry in entries.items()]
    elif isinstance(entries, Sequence) and not isinstance(entries, str):
        named = _listed(draft, entries)
    else:
        problems.add("defect_species", f"a list of defects is needed, got {as_shown(entries)}")
        named = []
    shapes: dict[str, str] = {}
    for path, name, entry in named:
        _add(draft, path, name, entry, shapes)
    _bands_of_file(draft, numbers, "dos." if nested is not None else "")
    return draft


def _listed(draft: Draft, entries: Sequence[Any]) -> list[tuple[str, str, Any]]:
    """Return path, name and content of the entries of a list: ``name: ...`` inside, or one key that is the name."""
    named = []
    for i, entry in enumerate(entries):
        path = f"defect_species.{i}"
        if isinstance(entry, Mapping) and "name" in entry:
            named.append((path, str(entry["name"]), entry))
        elif isinstance(entry, Mapping) and len(entry) == 1 and isinstance(next(iter(entry.values())), Mapping):
            name = next(iter(entry))
            named.append((f"{path}.{name}", str(name), entry[name]))
        else:
            draft.problems.add(path, "a mapping with a name is needed")
    return named


def _add(draft: Draft, path: str, name: str, entry: Any, shapes: dict[str, str]) -> None:
    """Add one defect of a py-sc-fermi file."""
    problems = draft.problems
    if not isinstance(entry, Mapping):
        problems.add(path, f"a mapping is needed, got {as_shown(entry)}")
        return
    sites = None
    if "nsites" not in entry:
        problems.add(path, f"{name}: nsites is missing")
    else:
        sites = draft.number(entry["nsites"], "sites_per_cell", f"{path}.nsites")
    listed = entry.get("charge_states")
    if not isinstance(listed, Mapping) or not listed:
        problems.add(f"{path}.charge_states", f"{name}: a mapping of charge states is needed, got {as_shown(listed)}")
        return
    states: list[ChargeState] = []
    n_before = len(problems)
    for key, content in listed.items():
        _state(draft, f"{path}.charge_states.{key}", str(key), content, shapes, states)
    total = entry.get("fixed_concentration")
    if total is not None:
        total = draft.number(total, "concentration_per_cm3", f"{path}.fixed_concentration")
    for key in entry:
        if key not in ("name", "nsites", "charge_states", "fixed_concentration"):
            problems.add(f"{path}.{key}", f"unknown key ({nearest(key, ('nsites', 'charge_states'))})", key=True)
    if sites is not None and len(problems) == n_before:
        draft.add_defect(path, name=name, sites_per_cell=sites, states=tuple(states), fixed_concentration_per_cm3=total)


def _state(draft: Draft, path: str, key: str, content: Any, shapes: dict[str, str], states: list[ChargeState]) -> None:
    """Add one charge state, in the shape that the file has kept to so far."""
    problems = draft.problems
    if not isinstance(content, Mapping):
        problems.add(path, f"a mapping with energy and degeneracy is needed, got {as_shown(content)}")
        return
    shape = "new" if content.keys() & {"energy", "charge"} else "old" if "formation_energy" in content else ""
    if "formation_energy" in content and shape == "new":
        problems.add(path, "two shapes are mixed: energy or charge beside formation_energy")
        return
    first = next(iter(shapes), shape)
    if shape and first and shape != first:
        words = {"new": "charge and energy", "old": "formation_energy"}
        problems.add(
            path, f"two shapes are mixed: {words[shape]} here, {words[first]} in {shapes[first]}; keep to one of them"
        )
        return
    if shape:
        shapes.setdefault(shape, path)
    values: dict[str, Any] = {"degeneracy": content.get("degeneracy", 1.0)}
    if "charge" in content:
        values["charge"] = content["charge"]
        if _charge_of_key(key) != content["charge"]:
            problems.add(f"{path}.charge", f"{as_shown(content['charge'])} stands under the key {key}")
            return
    elif first == "new":
        problems.add(path, "the charge is missing")
        return
    else:
        values["charge"] = _charge_of_key(key)
    energy = content.get("energy", content.get("formation_energy"))
    if energy is not None:
        values["formation_energy_eV"] = energy
    if content.get("fixed_concentration") is not None:
        values["fixed_concentration_per_cm3"] = content["fixed_concentration"]
    unknown = [
        k for k in content if k not in ("charge", "energy", "formation_energy", "degeneracy", "fixed_concentration")
    ]
    if unknown:
        problems.add(f"{path}.{unknown[0]}", f"unknown key ({nearest(unknown[0], ('energy', 'degeneracy'))})", key=True)
        return
    if energy is not None and (isinstance(energy, (bool, str)) or not isinstance(energy, (int, float))):
        problems.add(f"{path}.energy", f"one number [eV] is needed, got {as_shown(energy)}")
        return
    draft.add_state(states, path, **values)


def _bands_of_file(draft: Draft, numbers: Mapping[str, Any], prefix: str) -> None:
    """Make the bands of a density of states that stands in the file."""
    if not isinstance(numbers.get("edos"), Sequence) or not isinstance(numbers.get("dos"), Sequence):
        return
    problems = draft.problems
    for key in ("edos", "dos"):
        rows = numbers[key]
        flat = [v for row in rows for v in (row if isinstance(row, Sequence) and not isinstance(row, str) else [row])]
        bad = next(
            (i for i, v in enumerate(flat) if isinstance(v, (bool, str)) or not isinstance(v, (int, float))), None
        )
        if bad is not None:
            problems.add(f"{prefix}{key}", f"numbers are needed, entry {bad + 1} is {as_shown(flat[bad])}")
            return
    missing = [key for key in ("bandgap", "nelect") if TOP[key] not in draft.values]
    for key in missing:
        if key not in numbers:
            problems.add(f"{prefix}{key}", "needed with a density of states")
    if missing:
        return
    try:
        draft.bands = DensityOfStates(
            energy_eV=numbers["edos"],
            states_per_eV=numbers["dos"],
            band_gap_eV=draft.values["band_gap_eV"],
            electrons_per_cell=draft.values["electrons_per_cell"],
            quadrature=draft.default_quadrature,
        )
    except ModelError as error:
        problems.add(f"{prefix}edos", error.message)
    except ValueError as error:
        problems.add(f"{prefix}dos", f"two lists of one length are needed ({error})")
