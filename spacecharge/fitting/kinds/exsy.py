"""Exchange build-ups: diffusion models and kinetic models against mixing time and temperature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StrictStr, Tag

from ...config.fit_keys import FitConfig, FitDataKeys, FitKeys, check_curve_fit, number
from ...config.schema import Keys
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


class ExchangeDataKeys(FitDataKeys):
    """Data of an exchange fit."""

    observable: Literal["fraction", "intensities"] = "fraction"


class DiffusionKeys(Keys):
    """Diffusion out of particles."""

    kind: Literal["diffusion"]
    geometry: Literal["slab", "cylinder", "sphere"]
    boundary: Literal["sink", "barrier", "bath", "barrier_bath", "two_phase"]
    radius_nm: Size | None = None
    half_thickness_nm: Size | None = None
    size_nm: Size | None = None
    size_spread: Annotated[float, number(0.0, 2.0, "Sigma of ln(size), lognormal")] = 0.0
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
    return float(model[given[0]]) * 1e-9


def _check(document: Document, problems: Problems) -> FitConfig | None:
    return check_curve_fit(
        document,
        problems,
        "exsy",
        ExchangeKeys,
        _finish,
        lambda model, data: rules_for("exsy", model, str(data.get("observable", "fraction"))),
    )


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
    return build(config, data)


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
