"""Materials: their values, where each comes from, and layers made of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..document.problems import nearest, shown
from ..document.yaml import read_document
from ..errors import ConfigError, ModelError
from ..model.layer import Layer
from ..model.numbers import LAYER, SPECIES, number_of
from ..units import unit_of

FOLDER = Path(__file__).parent
ROLES = ("electrode", "electrolyte", "coating")
_TOP_KEYS = ("title", "formula", "role", "notes", "values")
_VALUE_KEYS = ("value", "source", "assumed", "range")
_NOT_OF_A_MATERIAL = ("thickness_nm", "composition", "charge_number", "diffusivity_m2_per_s")
"""What belongs to the cell (a thickness, a state of charge), or is given by its parts."""

_LAYER_KEYS = (*(row.key for row in (*LAYER, *SPECIES) if row.key not in _NOT_OF_A_MATERIAL), "ocv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a material.

    Parameters
    ----------
    key : str
        Layer key, dotted where nested: ``interaction.occupied_eV``.
    value : float or mapping
        In the unit of the key; a mapping of three lists for the `ocv`.
    source : str
        Where it comes from; empty if it is assumed.
    assumed : str
        Why it is assumed; empty if it has a source.
    range : (float, float), optional
        Lowest and highest plausible value; every assumed value has one.
    """

    key: str
    value: Any
    source: str = ""
    assumed: str = ""
    range: tuple[float, float] | None = None

    @property
    def unit(self) -> str:
        """Unit as printed."""
        return unit_of(self.key).text

    @property
    def is_assumed(self) -> bool:
        """Whether the value has no source of its own."""
        return bool(self.assumed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A material of the library; prints itself with its sources.

    Parameters
    ----------
    name : str
        Name in the library.
    title, formula, role, notes : str
        What it is; `role` is electrode, electrolyte or coating.
    values : mapping of str to Value
        By layer key.
    """

    name: str
    title: str
    formula: str
    role: str
    notes: str
    values: Mapping[str, Value]

    def keys(self) -> dict[str, Any]:
        """Return the material as keys of a layer, nested as in a configuration."""
        keys: dict[str, Any] = {}
        for path, entry in self.values.items():
            outer, _, inner = path.partition(".")
            if inner:
                keys.setdefault(outer, {})[inner] = entry.value
            elif isinstance(entry.value, Mapping):
                keys[outer] = {k: list(v) for k, v in entry.value.items()}
            else:
                keys[outer] = entry.value
        return keys

    def layer(self, *, thickness_nm: float, **overrides: Any) -> Layer:
        """Return a layer of this material.

        Parameters
        ----------
        thickness_nm : float
            Thickness [nm].
        **overrides
            Keys of :class:`~spacecharge.model.Layer` that replace those of the material.

        Returns
        -------
        Layer
            A layer.

        Raises
        ------
        ModelError
            A value is out of range, or a needed one is missing (an electrode with an ocv needs
            `potential_V` or `composition`).
        """
        return Layer(material=self.name, thickness_nm=thickness_nm, **overrides)

    @property
    def sources(self) -> dict[str, str]:
        """Source of each value by key; assumed ones begin with ``assumed``."""
        return {key: v.source or f"assumed: {v.assumed}" for key, v in self.values.items()}

    @property
    def assumed_ranges(self) -> dict[str, tuple[float, float]]:
        """Plausible range of every assumed value by key, in the unit of the key."""
        return {k: v.range for k, v in self.values.items() if v.is_assumed and v.range is not None}

    def __str__(self) -> str:
        lines = [f"{self.name}  {self.title}", f"{self.formula}, {self.role}"]
        lines += textwrap.wrap(self.notes, 96)
        width = max(len(key) for key in self.values)
        for entry in self.values.values():
            lines += ["", *_printed(entry, width)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        n_assumed = sum(v.is_assumed for v in self.values.values())
        return f"<Material {self.name}: {self.role}, {len(self.values)} values, {n_assumed} assumed>"


def _printed(entry: Value, width: int) -> list[str]:
    """Return the lines that show one value."""
    if isinstance(entry.value, Mapping):
        head = [f"{entry.key}"]
        head += [
            f"    {key:<{width - 2}}{', '.join(f'{v:.6g}' for v in column)}"
            + (f"  [{unit_of(key).text}]" if unit_of(key).text else "")
            for key, column in entry.value.items()
        ]
    else:
        unit = f" {entry.unit}" if entry.unit else ""
        extent = f"  (plausible: {entry.range[0]:g} to {entry.range[1]:g}{unit})" if entry.range else ""
        head = [f"{entry.key:<{width}}  {entry.value:.6g}{unit}{extent}"]
    text = f"assumed: {entry.assumed}" if entry.is_assumed else f"source: {entry.source}"
    return head + textwrap.wrap(text, 96, initial_indent="    ", subsequent_indent="    ")


class Library(Mapping[str, Material]):
    """Mapping from names to materials; iterates over the names in alphabetical order."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._names: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all materials."""
        if self._names is None:
            self._names = tuple(sorted((p.stem for p in self._folder.glob("*.yaml")), key=str.lower))
        return self._names

    def __getitem__(self, name: str) -> Material:
        """Return a material by its name, or by the path of a file of one's own (``./my_llzo.yaml``)."""
        if name.endswith((".yaml", ".yml")):
            return _load_own(Path(name).expanduser())
        if name not in self.names:
            raise UnknownMaterial(f"unknown material {shown(name)} ({nearest(name, self.names)})", "material")
        return _load(self._folder / f"{name}.yaml")

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __repr__(self) -> str:
        return f"<materials: {', '.join(self.names)}>"


class UnknownMaterial(ModelError, KeyError):
    """A name that the library does not hold; also a KeyError, as mappings raise it."""

    def __str__(self) -> str:
        return ModelError.__str__(self)


def material_keys(name: str) -> dict[str, Any]:
    """Return the layer keys that a material gives.

    Parameters
    ----------
    name : str
        Name in the library.

    Returns
    -------
    dict
        Keys of :class:`~spacecharge.model.Layer`, nested as in a configuration.

    Raises
    ------
    ModelError
        The library does not hold the name; the message gives the nearest.
    """
    from . import materials

    return materials[name].keys()


def _load_own(path: Path) -> Material:
    """Read and check a file that may change while the program runs.

    Raises
    ------
    ConfigError
        The file is missing or broken; one line per problem.
    """
    try:
        state = path.stat()
        stamp = (state.st_mtime_ns, state.st_size)
    except OSError:
        stamp = (0, 0)
    return _load(path, stamp)


@cache
def _load(path: Path, stamp: tuple[int, int] = (0, 0)) -> Material:
    """Read and check one material file, anew when its `stamp` differs; every problem of the file in one error."""
    document = read_document(path)
    problems = document.problems()
    data = document.data
    for key in data:
        if key not in _TOP_KEYS:
            problems.add(key, f"unknown key ({nearest(key, _TOP_KEYS)})", key=True)
    for key in ("title", "formula"):
        if not isinstance(data.get(key), str):
            problems.add(key, "a text is needed")
    if data.get("role") not in ROLES:
        problems.add("role", f"{shown(data.get('role'))} is not known (allowed: {', '.join(ROLES)})")
    raw = data.get("values")
    if not isinstance(raw, dict) or not raw:
        problems.add("values", "a mapping of values is needed")
        raw = {}
    values = {}
    for key, entry in raw.items():
        message = _value_problem(key, entry)
        if message:
            problems.add(("values", key), message, key=True)
            continue
        extent = entry.get("range")
        values[key] = Value(
            key=key,
            value=entry["value"],
            source=entry.get("source", ""),
            assumed=entry.get("assumed", ""),
            range=(float(extent[0]), float(extent[1])) if extent else None,
        )
    problems.raise_if_any()
    material = Material(
        name=path.stem,
        title=data["title"],
        formula=data["formula"],
        role=data["role"],
        notes=data.get("notes") or "",
        values=values,
    )
    _check_as_layer(material, path)
    return material


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _value_problem(key: str, entry: Any) -> str:
    """Return what is wrong with one entry of a material, or an empty text."""
    if key not in _LAYER_KEYS:
        return f"unknown key ({nearest(key, _LAYER_KEYS)})"
    if not isinstance(entry, dict) or "value" not in entry:
        return "a mapping with value and source, or value, assumed and range, is needed"
    unknown = [k for k in entry if k not in _VALUE_KEYS]
    if unknown:
        return f"unknown key {unknown[0]} ({nearest(unknown[0], _VALUE_KEYS)})"
    if bool(entry.get("source")) == bool(entry.get("assumed")):
        return "give either source or assumed"
    if key == "ocv":
        return "" if isinstance(entry["value"], dict) else "a mapping of three lists is needed"
    if not _is_number(entry["value"]):
        return f"a number is needed, got {shown(entry['value'])}"
    extent = entry.get("range")
    if extent is None:
        return "an assumed value needs a range" if entry.get("assumed") else ""
    if not isinstance(extent, list) or len(extent) != 2 or not all(_is_number(v) for v in extent):
        return "range: two numbers are needed"
    number = number_of(key)
    if not number.low <= extent[0] <= entry["value"] <= extent[1] <= number.high:
        return "range: the value lies outside it"
    return ""


def _check_as_layer(material: Material, path: Path) -> None:
    """Make a layer of the material once, so that a broken file is found when it is read."""
    keys = material.keys()
    if "ocv" in keys and "potential_V" not in keys:
        keys["composition"] = keys["ocv"]["composition"][0] if isinstance(keys["ocv"], dict) else None
        keys.pop("occupancy", None)
    try:
        Layer(name=material.name, thickness_nm=1.0, **keys)
    except (ModelError, TypeError, KeyError) as error:
        raise ConfigError([f"{path}: {error}"]) from None


__all__ = ["Library", "Material", "UnknownMaterial", "Value", "material_keys"]
