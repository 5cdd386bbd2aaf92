"""Exchange build-ups: diffusion models and kinetic models against mixing time and temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, StrictBool, StrictStr, Tag

from ...config.fields import Keys, Plain, Whole
from ...config.fit_keys import FitConfig, FitDataKeys, FitKeys, check_curve_fit, number
from ...constants import NM
from ...document.problems import Problems
from ...document.yaml import Document
from ...nmr.diffusion import GEOMETRIES
from ...nmr.parameters import rules_for
from ..curves import curve_summary, curve_text, model_tag
from ..exchange import diffusion_setup, kinetic_setup
from ..exchange_data import ExchangeData
from ..kind import Kind
from ..run import run_curve_fit
from ..setup import Setup

Size = Annotated[float, number(1e-3, 1e9, "Radius, or half thickness of a slab", "nm")]


MixingTime = Annotated[float, number(0.0, 1e6, "Mixing time", "s")]
Region = Annotated[list[Plain], Field(min_length=2, max_length=2)]


class ExchangeDataKeys(FitDataKeys):
    """Data of an exchange fit: a table, or processed spectra of one mixing time each."""

    model_config = ConfigDict(populate_by_name=True)

    observable: Literal["fraction", "intensities"] = "fraction"
    one_noise_level: StrictBool = Field(
        default=False, description="Intensities without errors share one: fractions weigh less as the signal decays"
    )
    bruker_2d: StrictStr | Annotated[list[StrictStr], Field(min_length=1)] | None = Field(
        default=None, description="Directories of Bruker experiments, relative to this configuration"
    )
    procno: Annotated[Whole, Field(ge=1, le=9999, description="Number of the processed data")] | None = None
    regions_ppm: Annotated[dict[StrictStr, Region], Field(min_length=2)] | None = Field(
        default=None, description="Letter of a site to its range of shifts [ppm]"
    )
    noise_ppm: Region | None = Field(default=None, description="A range without signal in both dimensions [ppm]")
    mixing_time_s: MixingTime | Annotated[list[MixingTime], Field(min_length=1)] | None = Field(
        default=None, description="Of every spectrum; default: from the parameters"
    )
    from_: StrictStr | None = Field(
        default=None,
        alias="from",
        pattern=r"^[DP][0-9]{1,2}$",
        description="Parameter with the mixing time; default: D8",
    )
    volumes: Literal["lines", "boxes"] | None = Field(
        default=None, description="Fit lines on a tilted plane (default), or add up boxes above it"
    )


_OF_SPECTRA = ("procno", "regions_ppm", "noise_ppm", "mixing_time_s", "from", "volumes")


def _check_spectra(data: Any, sites: Sequence[str], problems: Problems) -> None:
    """Check what pydantic cannot know of the keys of spectra."""
    if not isinstance(data, Mapping):
        return
    if "bruker_2d" not in data:
        for key in _OF_SPECTRA:
            if key in data:
                problems.add(("data", key), "belongs to bruker_2d", key=True)
        return
    for key in ("regions_ppm", "noise_ppm"):
        if key not in data:
            problems.add("data", f"{key} is missing beside bruker_2d")
    regions = data.get("regions_ppm")
    if isinstance(regions, Mapping) and set(regions) != set(sites):
        problems.add(
            ("data", "regions_ppm"), f"the sites {', '.join(sites)} are needed, got {', '.join(map(str, regions))}"
        )
    if "mixing_time_s" in data and "from" in data:
        problems.add(("data", "from"), "stands beside mixing_time_s: give either", key=True)
    if "columns" in data:
        problems.add(("data", "columns"), "belongs to path", key=True)


class DiffusionKeys(Keys):
    """Diffusion out of particles."""

    kind: Literal["diffusion"]
    geometry: Literal["slab", "cylinder", "sphere"]
    boundary: Literal["sink", "barrier", "bath", "barrier_bath", "two_phase"]
    radius_nm: Size | None = None
    half_thickness_nm: Size | None = None
    size_nm: Size | None = None
    size_spread: Annotated[float, number(0.0, 2.0, "Sigma of ln(size), lognormal")] = 0.0
    size_weighting: Literal["volume", "number"] = Field(
        default="volume", description="Whether the size is the median of the signal or of the numbers of particles"
    )
    geometry_B: Literal["slab", "cylinder", "sphere"] | None = None
    radius_B_nm: Size | None = None
    half_thickness_B_nm: Size | None = None
    size_B_nm: Size | None = None


class KineticKeys(Keys):
    """Exchange between sites at constant rates."""

    kind: Literal["kinetic"]
    sites: list[StrictStr] = Field(default=["A", "B"], description="One letter per site")


class ExchangeKeys(FitKeys):
    """Exchange build-ups against mixing time and temperature."""

    fit: Literal["exsy"]
    data: ExchangeDataKeys
    model: Annotated[
        Annotated[DiffusionKeys, Tag("<diffusion>")] | Annotated[KineticKeys, Tag("<kinetic>")],
        Discriminator(model_tag),
    ]


def _finish(keys: DiffusionKeys | KineticKeys, problems: Problems) -> dict[str, Any]:
    """Return the checked section ``model``, sizes in metres."""
    model = keys.model_dump(exclude_none=True)
    if isinstance(keys, KineticKeys):
        sites = keys.sites
        if len(sites) < 2 or not all(len(s) == 1 and s.isalpha() for s in sites) or len(set(sites)) < len(sites):
            problems.add("model.sites", f"two or more different letters are needed, got {sites!r}")
        return model
    model["size_m"] = _size(model, "", keys.geometry, problems)
    if keys.boundary != "two_phase":
        for key in ("geometry_B", "radius_B_nm", "half_thickness_B_nm", "size_B_nm"):
            if key in model:
                problems.add(f"model.{key}", "belongs to the boundary two_phase", key=True)
    elif keys.geometry_B is None:
        problems.add("model", f"geometry_B is missing (allowed: {', '.join(GEOMETRIES)})")
    else:
        model["size_B_m"] = _size(model, "_B", keys.geometry_B, problems)
    return model


def _size(model: Mapping[str, Any], suffix: str, geometry: str, problems: Problems) -> float:
    """Return radius or half thickness in metres."""
    own = f"half_thickness{suffix}_nm" if geometry == "slab" else f"radius{suffix}_nm"
    other = f"radius{suffix}_nm" if geometry == "slab" else f"half_thickness{suffix}_nm"
    generic = f"size{suffix}_nm"
    if other in model:
        problems.add(f"model.{other}", f"a {geometry} is described by {own}", key=True)
        return 1e-6
    given = [key for key in (own, generic) if key in model]
    if len(given) != 1:
        problems.add("model", f"{own} is missing" if not given else f"{own} and {generic} are the same: give one")
        return 1e-6
    return float(model[given[0]]) * NM


def _check(document: Document, problems: Problems) -> FitConfig | None:
    model = document.data.get("model")
    sites = model.get("sites", ["A", "B"]) if isinstance(model, Mapping) else ["A", "B"]
    before = len(problems)
    _check_spectra(document.data.get("data"), sites if isinstance(sites, list) else ["A", "B"], problems)
    config = check_curve_fit(
        document,
        problems,
        "exsy",
        ExchangeKeys,
        _finish,
        lambda model, data: rules_for("exsy", model, str(data.get("observable", "fraction"))),
    )
    return config if len(problems) == before else None


def build_exsy(config: FitConfig) -> Setup:
    """Return the fit of an exchange configuration.

    Parameters
    ----------
    config : FitConfig
        Of kind ``exsy``.

    Returns
    -------
    Setup
        Ready to run.

    Raises
    ------
    FitError
        Data that cannot be fitted.
    """
    data = ExchangeData(config)
    build = diffusion_setup if config.model["kind"] == "diffusion" else kinetic_setup
    return replace(build(config, data), dense=build(config, data.dense()))


KIND = Kind(
    name="exsy",
    words="exchange build-ups against mixing time and temperature",
    keys=ExchangeKeys,
    check=_check,
    run=run_curve_fit,
    build=build_exsy,
    summary=curve_summary,
    text=curve_text,
    figure="fits:fit_figure",
    sweeps=("model", "data", "parameters"),
)
