"""What a fit configuration may say, checked; no YAML and no file access here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ..document.checker import Checker
from ..errors import FitError
from ..measured.bruker import LISTS
from ..measured.columns import TIME_UNITS, role_of
from ..nmr.diffusion import GEOMETRIES
from ..nmr.exchange import BOUNDARIES
from ..nmr.parameters import rules_for
from ..nmr.recovery import SEQUENCES, SHAPES
from ..nmr.relaxation import CRITERIA
from ..nmr.transport import READINGS

KINDS = ("exsy", "relaxation", "recovery")
UNCERTAINTIES = ("covariance", "bootstrap", "profile")

_TOP = (
    "fit",
    "name",
    "title",
    "data",
    "model",
    "reference_temperature_K",
    "parameters",
    "uncertainty",
    "level",
    "samples",
    "seed",
    "absolute_sigma",
    "transport",
    "sweep",
    "output",
)
_DATA = (
    "path",
    "columns",
    "bruker",
    "delay_unit",
    "delay_list",
    "echo_spacing_s",
    "intensities",
    "peak",
    "temperature_K",
    "observable",
)
_MODEL: dict[str, dict[str, tuple[str, ...]]] = {
    "exsy": {
        "diffusion": (
            "kind",
            "geometry",
            "radius_nm",
            "half_thickness_nm",
            "size_nm",
            "size_spread",
            "boundary",
            "geometry_B",
            "radius_B_nm",
            "half_thickness_B_nm",
            "size_B_nm",
        ),
        "kinetic": ("kind", "sites"),
    },
    "relaxation": {
        "bpp": ("kind", "larmor_frequency_MHz", "spin_lock_frequency_kHz", "spectral_density"),
        "quadrupolar": ("kind", "larmor_frequency_MHz", "spectral_density"),
        "anderson_weiss": ("kind",),
        "break": ("kind", "criterion"),
    },
    "recovery": {shape: ("kind", "sequence") for shape in SHAPES},
}
_TRANSPORT = (
    "temperature_K",
    "jump_length_nm",
    "jump_directions",
    "number_density_per_nm3",
    "haven_ratio",
    "charge_number",
    "reading",
    "exchange_time_s",
    "volume_to_area_nm",
)
_PARAMETER = ("initial", "min", "max", "fixed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSpec:
    """What the user says about one parameter; None where nothing is said."""

    initial: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    fixed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """A checked fit configuration, in the units of its keys.

    Parameters
    ----------
    name : str
        Name of the result, ``fits/NAME``.
    kind : {'exsy', 'relaxation', 'recovery'}
        What is fitted.
    data, model, transport : dict
        The sections of these names, defaults filled in; paths resolved.
    reference_temperature_K : float
        Where Arrhenius laws are stated [K].
    parameters : dict of str to ParameterSpec
        By parameter name.
    uncertainty : {'covariance', 'bootstrap', 'profile'}
        How intervals are made.
    level : float
        Confidence of intervals.
    samples, seed : int
        Of the bootstrap.
    absolute_sigma : bool
        Take the errors of the data as they are instead of as weights.
    sweep : dict
        Dotted path to a list of values; empty for a single fit.
    output : str
        HDF5 file; empty for none.
    path, text : str
        Configuration file and its text, verbatim.
    raw : dict
        The mapping as read, from which the points of a sweep are made.
    """

    name: str
    kind: str
    data: dict[str, Any]
    model: dict[str, Any]
    transport: dict[str, Any]
    title: str = ""
    reference_temperature_K: float = 298.15
    parameters: dict[str, ParameterSpec] = field(default_factory=dict)
    uncertainty: str = "covariance"
    level: float = 0.9545
    samples: int = 200
    seed: int = 0
    absolute_sigma: bool = False
    sweep: dict[str, list[Any]] = field(default_factory=dict)
    output: str = ""
    path: str = ""
    text: str = ""
    raw: dict[str, Any] = field(default_factory=dict)


def _all_known(name: object, known: Sequence[str]) -> str:
    return f"known: {', '.join(known)}"


def check_fit(
    data: Mapping[str, Any],
    *,
    path: str = "",
    text: str = "",
    nearest: Callable[[object, Sequence[str]], str] = _all_known,
) -> tuple[FitConfig | None, Checker]:
    """Check a fit configuration.

    Parameters
    ----------
    data : mapping
        The configuration as read.
    path, text : str
        File and its text; data paths are taken relative to the file by whoever opens them.
    nearest : callable
        ``nearest(unknown, known) -> str``, the tail of the message about an unknown key.

    Returns
    -------
    config : FitConfig or None
        None where anything is wrong.
    checker : Checker
        Its ``found`` lists every problem.
    """
    check = Checker(nearest)
    sweep = _check_sweep(check, data.get("sweep"))
    raw = dict(data)
    if sweep:
        # What is swept need not stand in its section: the first point fills it in.
        data = {**replaced(raw, {axis: values[0] for axis, values in sweep.items()}), "sweep": raw["sweep"]}
    top = check.mapping(data, "", _TOP)
    kind = check.choice(top, "fit", "", KINDS)
    name = _text(check, top, "name", "") or _stem(path)
    if "/" in name or not name:
        check.add("name", "a name without a slash is needed")
    source = _check_data(check, top.get("data"), kind)
    model = _check_model(check, top.get("model"), kind)
    parameters = _check_parameters(check, top.get("parameters"), kind, model, source.get("observable", "fraction"))
    transport = _check_transport(check, top.get("transport"))
    output = check.mapping(top.get("output"), "output", ("path",))
    absolute = top.get("absolute_sigma", False)
    if not isinstance(absolute, bool):
        check.add("absolute_sigma", f"true or false is needed, got {absolute!r}")
    config = FitConfig(
        name=name,
        kind=str(kind),
        data=source,
        model=model,
        transport=transport,
        title=_text(check, top, "title", ""),
        reference_temperature_K=check.number(top, "reference_temperature_K", "", 1.0, 5000.0, 298.15),
        parameters=parameters,
        uncertainty=check.choice(top, "uncertainty", "", UNCERTAINTIES, "covariance"),
        level=check.number(top, "level", "", 0.01, 0.99999, 0.9545),
        samples=int(check.number(top, "samples", "", 10, 100_000, 200)),
        seed=int(check.number(top, "seed", "", 0, 2**31, 0)),
        absolute_sigma=bool(absolute),
        sweep=sweep,
        output=_text(check, output, "path", "output"),
        path=path,
        text=text,
        raw=raw,
    )
    return (None if check.found else config), check


def _stem(path: str) -> str:
    import os

    return os.path.splitext(os.path.basename(path))[0] or "fit"


def _text(check: Checker, section: Mapping[str, Any], key: str, path: str) -> str:
    value = section.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        check.add(f"{path}.{key}" if path else key, f"a text is needed, got {value!r}")
        return ""
    return value


def _check_data(check: Checker, value: Any, kind: str) -> dict[str, Any]:
    source = check.mapping(value, "data", _DATA)
    if value is None:
        check.add("data", "the section is missing (path and columns, or bruker and delay_unit)")
        return source
    if ("path" in source) == ("bruker" in source):
        check.add("data", "one of path (a CSV file) and bruker (a directory) is needed")
    if "bruker" in source and kind != "recovery":
        check.add("data.bruker", f"a Bruker directory holds a recovery curve, it cannot feed a fit of kind {kind}")
    for key in ("path", "bruker"):
        if key in source:
            _text(check, source, key, "data")
    columns = source.get("columns")
    if "path" in source:
        if not isinstance(columns, Mapping) or not columns:
            check.add("data", "columns is missing: a mapping from what a column is to its name")
        else:
            for role, column in columns.items():
                try:
                    role_of(str(role))
                except FitError as error:
                    check.add(f"data.columns.{role}", str(error).partition(": ")[2], key=True)
                if not isinstance(column, str):
                    check.add(f"data.columns.{role}", f"the name of a column is needed, got {column!r}")
    check.choice(source, "delay_unit", "data", tuple(TIME_UNITS), "s")
    check.choice(source, "delay_list", "data", LISTS, "vdlist")
    check.choice(source, "intensities", "data", ("ser", "t1ints"), "ser")
    check.number(source, "echo_spacing_s", "data", 1e-9, 1e3)
    check.number(source, "temperature_K", "data", 0.1, 5000.0)
    check.number(source, "peak", "data", 1, 1000)
    if "observable" in source and kind == "exsy":
        check.choice(source, "observable", "data", ("fraction", "intensities"), "fraction")
    elif "observable" in source:
        check.add("data.observable", "belongs to fits of kind exsy", key=True)
    if kind == "exsy":
        source.setdefault("observable", "fraction")
    return source


def _check_model(check: Checker, value: Any, kind: str) -> dict[str, Any]:
    kinds = _MODEL.get(str(kind), {})
    if value is None:
        check.add("model", "the section is missing")
        return {}
    if not isinstance(value, Mapping):
        check.add("model", f"a mapping of keys is needed, got {value!r}")
        return {}
    model_kind = check.choice(value, "kind", "model", tuple(kinds)) if kinds else None
    if model_kind not in kinds:
        return {}
    model = check.mapping(value, "model", kinds[model_kind])
    model["kind"] = model_kind
    if model_kind == "diffusion":
        model["geometry"] = check.choice(model, "geometry", "model", tuple(GEOMETRIES)) or "sphere"
        model["boundary"] = check.choice(model, "boundary", "model", BOUNDARIES) or "sink"
        model["size_m"] = _size(check, model, "", model["geometry"])
        model["size_spread"] = check.number(model, "size_spread", "model", 0.0, 2.0, 0.0)
        beyond = ("geometry_B", "radius_B_nm", "half_thickness_B_nm", "size_B_nm")
        if model["boundary"] == "two_phase":
            model["geometry_B"] = check.choice(model, "geometry_B", "model", tuple(GEOMETRIES)) or "sphere"
            model["size_B_m"] = _size(check, model, "_B", model["geometry_B"])
        else:
            for key in beyond:
                if key in model:
                    check.add(f"model.{key}", "belongs to the boundary two_phase", key=True)
    elif model_kind == "kinetic":
        sites = model.get("sites", ["A", "B"])
        if (
            not isinstance(sites, list)
            or len(sites) < 2
            or not all(isinstance(s, str) and len(s) == 1 and s.isalpha() for s in sites)
            or len(set(sites)) < len(sites)
        ):
            check.add("model.sites", f"two or more different letters are needed, got {sites!r}")
            sites = ["A", "B"]
        model["sites"] = sites
    elif kind == "relaxation":
        if model_kind in ("bpp", "quadrupolar"):
            model["larmor_frequency_MHz"] = check.number(model, "larmor_frequency_MHz", "model", 1e-3, 1e5)
            if model["larmor_frequency_MHz"] is None:
                check.add("model", "larmor_frequency_MHz is missing")
            check.number(model, "spin_lock_frequency_kHz", "model", 1e-3, 1e5)
            check.choice(model, "spectral_density", "model", ("bpp", "richards"), "bpp")
        elif model_kind == "break":
            model["criterion"] = check.choice(model, "criterion", "model", tuple(CRITERIA), "unit-product")
    else:
        model["sequence"] = check.choice(model, "sequence", "model", SEQUENCES) or "decay"
    return model


def _size(check: Checker, model: Mapping[str, Any], suffix: str, geometry: str) -> float:
    """Return radius or half thickness in metres."""
    own = f"half_thickness{suffix}_nm" if geometry == "slab" else f"radius{suffix}_nm"
    other = f"radius{suffix}_nm" if geometry == "slab" else f"half_thickness{suffix}_nm"
    generic = f"size{suffix}_nm"
    if other in model:
        check.add(f"model.{other}", f"a {geometry} is described by {own}", key=True)
        return 1e-6
    given = [key for key in (own, generic) if key in model]
    if len(given) != 1:
        check.add("model", f"{own} is missing" if not given else f"{own} and {generic} are the same: give one")
        return 1e-6
    return float(check.number(model, given[0], "model", 1e-3, 1e9, 1e3)) * 1e-9


def _check_parameters(
    check: Checker, value: Any, kind: str, model: Mapping[str, Any], observable: Any
) -> dict[str, ParameterSpec]:
    if not model.get("kind"):
        return {}
    rules = {rule.name: rule for rule in rules_for(str(kind), model, str(observable))}
    section = check.mapping(value, "parameters", tuple(rules))
    specs = {}
    for name, given in section.items():
        path, rule = f"parameters.{name}", rules[name]
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            given = {"initial": given}
        entry = check.mapping(given, path, _PARAMETER)
        low, high = rule.minimum, rule.maximum
        numbers = {key: check.number(entry, key, path, low, high) for key in _PARAMETER}
        if "fixed" in entry and len(entry) > 1:
            check.add(path, "fixed stands alone: no initial, min or max with it")
        minimum = low if numbers["min"] is None else numbers["min"]
        maximum = high if numbers["max"] is None else numbers["max"]
        if minimum >= maximum:
            check.add(path, f"min {minimum:g} is not below max {maximum:g}")
        elif numbers["initial"] is not None and not minimum <= numbers["initial"] <= maximum:
            check.add(
                f"{path}.initial", f"{numbers['initial']:g} is out of bounds (allowed: {minimum:g} to {maximum:g})"
            )
        specs[name] = ParameterSpec(
            initial=numbers["initial"], minimum=numbers["min"], maximum=numbers["max"], fixed=numbers["fixed"]
        )
    return specs


def _check_transport(check: Checker, value: Any) -> dict[str, Any]:
    section = check.mapping(value, "transport", _TRANSPORT)
    out = {
        "temperature_K": check.number(section, "temperature_K", "transport", 1.0, 5000.0, 298.15),
        "haven_ratio": check.number(section, "haven_ratio", "transport", 1e-3, 1e3, 1.0),
        "charge_number": check.number(section, "charge_number", "transport", -10.0, 10.0, 1.0),
        "jump_length_nm": check.number(section, "jump_length_nm", "transport", 1e-3, 1e3),
        "number_density_per_nm3": check.number(section, "number_density_per_nm3", "transport", 1e-9, 1e4),
        "exchange_time_s": check.number(section, "exchange_time_s", "transport", 1e-12, 1e9),
        "volume_to_area_nm": check.number(section, "volume_to_area_nm", "transport", 1e-3, 1e9),
        "reading": check.choice(section, "reading", "transport", READINGS, "initial-rate"),
        "jump_directions": check.choice(section, "jump_directions", "transport", (2, 4, 6), 6),
    }
    if out["jump_length_nm"] is not None and "jump_directions" not in section:
        check.add("transport", "jump_directions is missing (2 along channels, 4 in planes, 6 in space)")
    return out


def replaced(raw: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the values of one point of its sweep, and without the sweep.

    Parameters
    ----------
    raw : mapping
        The configuration as read.
    point : mapping
        Dotted path to value.

    Returns
    -------
    dict
        A deep copy.
    """
    data = deepcopy(dict(raw))
    data.pop("sweep", None)
    for path, value in point.items():
        *parents, last = path.split(".")
        section = data
        for parent in parents:
            if not isinstance(section.get(parent), dict):
                section[parent] = {}
            section = section[parent]
        section[last] = value
    return data


def _check_sweep(check: Checker, value: Any) -> dict[str, list[Any]]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not value:
        check.add("sweep", f"a mapping from a dotted path to values is needed, got {value!r}")
        return {}
    out: dict[str, list[Any]] = {}
    for key, given in value.items():
        path = f"sweep.{key}"
        if not str(key).startswith(("model.", "data.", "parameters.")):
            check.add(path, "a path inside model, data or parameters is needed", key=True)
        if isinstance(given, Mapping):
            span = check.mapping(given, path, ("start", "stop", "num", "scale"))
            start, stop = (check.number(span, k, path, -1e300, 1e300) for k in ("start", "stop"))
            num = check.number(span, "num", path, 1, 100_000)
            scale = check.choice(span, "scale", path, ("linear", "log"), "linear")
            if start is None or stop is None or num is None:
                check.add(path, "start, stop and num are needed")
                continue
            given = _spread(start, stop, int(num), scale == "log")
        if not isinstance(given, list) or not given or any(isinstance(v, (list, Mapping)) for v in given):
            check.add(path, "a list of values, or start, stop and num, is needed")
            continue
        out[str(key)] = list(given)
    return out


def _spread(start: float, stop: float, num: int, logarithmic: bool) -> list[float]:
    import numpy as np

    if logarithmic and start > 0.0 and stop > 0.0:
        return [float(v) for v in np.geomspace(start, stop, num)]
    return [float(v) for v in np.linspace(start, stop, num)]
