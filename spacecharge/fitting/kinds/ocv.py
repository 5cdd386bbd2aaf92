"""Equilibrium potential against composition from what a cycler recorded: titrations, slow scans, single rests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StrictStr

from ...config.fields import Keys, Whole
from ...config.fit_keys import FitOutputKeys, number, result_name
from ...config.validation import validate
from ...constants import CM2, FARADAY, NM
from ...document.problems import Problems, nearest
from ...document.yaml import Document, beside
from ...measured.counted_charge import Sample, capacity_from_molar_mass
from ...measured.cycler import ROLES, read_cycling
from ...measured.equilibrium import PLATEAU_SLOPE
from ...measured.formula import molar_mass
from ...measured.ocv import Analysis, equilibrium_curve, voltage_falls_with_current
from ...report.ocv_fits import ocv_text
from ..kind import Kind
from ..ocv_result import OcvResult

NAME = "ocv"


class OcvDataKeys(Keys):
    """Where the record of a cycler stands."""

    path: StrictStr = Field(description="File of the cycler, relative to this configuration")
    format: Literal["csv", "bdf", "biologic", "mpt", "mpr"] | None = Field(default=None, description="Default: found")
    columns: Annotated[dict[StrictStr, StrictStr], Field(min_length=1)] | None = Field(
        default=None, description=f"What a column is ({', '.join(ROLES)}) to its title; csv needs it"
    )
    time_scale: Annotated[float, number(1e-9, 1e9, "Factor on the times of the file")] = 1.0
    reference_sigma_V: Annotated[
        float, number(0.0, 1.0, "One sigma of what moves every potential alike (reference, calibration)", "V")
    ] = 0.0
    decimal: Literal[".", ","] | None = Field(default=None, description="Decimal sign; default: found")
    positive_current: Literal["charge", "discharge"] | None = Field(
        default=None, description="Which way a positive current or a growing capacity goes; default: found"
    )


class OcvSampleKeys(Keys):
    """What was measured."""

    active_mass_g: Annotated[float, number(1e-12, 1e6, "Mass of the active material", "g")] | None = None
    area_cm2: Annotated[float, number(1e-9, 1e9, "Area of contact with the electrolyte", "cm2")] | None = None
    theoretical_capacity_mAh_per_g: (
        Annotated[float, number(1e-3, 1e5, "Capacity that changes the composition by one", "mAh/g")] | None
    ) = None
    theoretical_capacity_mAh_per_cm2: Annotated[float, number(1e-9, 1e5, "The same of an area", "mAh/cm2")] | None = (
        None
    )
    formula: StrictStr | None = Field(default=None, description="Formula unit without the inserted ion; its molar mass")
    molar_mass_g_per_mol: Annotated[float, number(1.0, 1e5, "Mass of a mole of formula units", "g/mol")] | None = None
    composition_start: Annotated[float, number(-100.0, 100.0, "Composition in the first row")] | None = None
    composition_span: Annotated[float, number(0.01, 100.0, "Widest change of composition that there can be")] = 1.0
    electrons: Annotated[float, number(0.01, 100.0, "Elementary charges per unit of composition")] = 1.0
    molar_volume_cm3_per_mol: Annotated[float, number(1e-2, 1e5, "Volume of a mole", "cm3/mol")] | None = None
    density_g_per_cm3: Annotated[float, number(1e-3, 100.0, "Density of the active material", "g/cm3")] | None = None
    thickness_nm: Annotated[float, number(0.1, 1e9, "Thickness of a film", "nm")] | None = None
    particle_radius_nm: Annotated[float, number(0.1, 1e9, "Radius of the particles", "nm")] | None = None
    temperature_K: Annotated[float, number(1.0, 5000.0, "For the thermodynamic factor", "K")] = 298.15


class OcvModelKeys(Keys):
    """How the curve is taken."""

    kind: Literal["rests", "slow_scan"] = "rests"
    rest_current_below_A: Annotated[float, number(0.0, 1e6, "Current that counts as none", "A")] | None = None
    rest_current_below_mA_per_g: Annotated[float, number(0.0, 1e9, "The same of a mass", "mA/g")] | None = None
    rest_at_least_s: Annotated[float, number(0.0, 1e9, "Shortest rest", "s")] = 600.0
    extrapolate: Literal["end", "sqrt_time"] = "end"
    branch: Literal["mean", "charge", "discharge"] = "mean"
    points: Annotated[Whole, Field(ge=3, le=100_000, description="Compositions of a slow scan's curve")] = 101
    plateau_slope_below_V: Annotated[float, number(0.0, 10.0, "dU/dx of a plateau", "V")] = PLATEAU_SLOPE


class OcvFitKeys(Keys):
    """Equilibrium potential against composition."""

    fit: Literal["ocv"]
    name: StrictStr | None = None
    title: StrictStr = ""
    data: OcvDataKeys
    sample: OcvSampleKeys
    model: OcvModelKeys = Field(default_factory=OcvModelKeys)
    output: FitOutputKeys = Field(default_factory=FitOutputKeys)


_SECTIONS = {
    "data": "the section is missing (path of the cycler's file, and columns of a csv)",
    "sample": "the section is missing (active_mass_g, theoretical_capacity_mAh_per_g, composition_start)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OcvConfig:
    """A checked configuration.

    Parameters
    ----------
    name, title, output, path, text : str
        Name of the result, title, HDF5 file (empty for none), configuration file and its text.
    data, sample, model : keys
        The sections of these names.
    """

    name: str
    title: str
    output: str
    path: str
    text: str
    data: OcvDataKeys
    sample: OcvSampleKeys
    model: OcvModelKeys

    @property
    def kind(self) -> str:
        """Name of the kind of fit."""
        return NAME


def _check(document: Document, problems: Problems) -> OcvConfig | None:
    before = len(problems)
    keys = validate(OcvFitKeys, document.data, problems, sections=_SECTIONS)
    name = result_name(document, problems)
    if keys is None:
        return None
    for role in keys.data.columns or {}:
        if role not in ROLES:
            problems.add(("data", "columns", role), f"unknown key ({nearest(role, list(ROLES))})", key=True)
    _check_sample(keys.sample, problems)
    if len(problems) > before:
        return None
    return OcvConfig(
        name=name,
        title=keys.title,
        output=keys.output.path,
        path=document.path,
        text=document.text,
        data=keys.data,
        sample=keys.sample,
        model=keys.model,
    )


def _check_sample(sample: OcvSampleKeys, problems: Problems) -> None:
    by_mass, by_area = sample.theoretical_capacity_mAh_per_g, sample.theoretical_capacity_mAh_per_cm2
    by_formula = sample.formula is not None or sample.molar_mass_g_per_mol is not None
    given = (by_mass is not None) + (by_area is not None) + by_formula
    if given != 1 and not (given == 2 and by_formula and by_mass is not None):
        problems.add(
            "sample",
            "one of theoretical_capacity_mAh_per_g, theoretical_capacity_mAh_per_cm2 and formula (or "
            "molar_mass_g_per_mol) is needed: they turn charge into composition",
        )
    if by_area is not None and sample.area_cm2 is None:
        problems.add("sample", "area_cm2 is missing beside theoretical_capacity_mAh_per_cm2")
    if sample.formula is not None:
        try:
            mass = molar_mass(sample.formula)
        except ValueError as error:
            problems.add("sample.formula", str(error))
        else:
            stated = sample.molar_mass_g_per_mol
            if stated is not None and abs(stated / mass - 1.0) > 0.01:
                problems.add("sample.molar_mass_g_per_mol", f"{stated:g}, but {sample.formula} has {mass:.5g} g/mol")
    if sample.thickness_nm is not None and sample.particle_radius_nm is not None:
        problems.add("sample", "thickness_nm is that of a film, particle_radius_nm of particles: give one")


def _molar_mass(sample: OcvSampleKeys) -> float:
    """Return the molar mass [g/mol], from the theoretical capacity where nothing else tells it."""
    if sample.molar_mass_g_per_mol is not None:
        return sample.molar_mass_g_per_mol
    if sample.formula is not None:
        return molar_mass(sample.formula)
    capacity = sample.theoretical_capacity_mAh_per_g
    return math.nan if capacity is None else sample.electrons * FARADAY / (3.6 * capacity)


def sample_of(keys: OcvSampleKeys) -> Sample:
    """Return the sample in SI.

    Parameters
    ----------
    keys : OcvSampleKeys
        Checked.

    Returns
    -------
    Sample
        Capacity from the theoretical one or from the molar mass, mass, length of diffusion.
    """
    weight = math.nan if keys.active_mass_g is None else 1e-3 * keys.active_mass_g
    film = None not in (keys.area_cm2, keys.thickness_nm)
    if math.isnan(weight) and film and keys.density_g_per_cm3 is not None:
        assert keys.area_cm2 is not None and keys.thickness_nm is not None
        weight = 1e3 * keys.density_g_per_cm3 * CM2 * keys.area_cm2 * NM * keys.thickness_nm
    mass = weight
    if keys.theoretical_capacity_mAh_per_g is not None:
        capacity = 3600.0 * keys.theoretical_capacity_mAh_per_g
    elif keys.theoretical_capacity_mAh_per_cm2 is not None:
        # The whole cell is the unit: its capacity stands for that of a kilogram.
        assert keys.area_cm2 is not None
        capacity, mass = 3.6 * keys.theoretical_capacity_mAh_per_cm2 * keys.area_cm2, 1.0
    else:
        capacity = capacity_from_molar_mass(_molar_mass(keys), keys.electrons)
    return Sample(
        capacity=capacity,
        mass=mass,
        start=1.0 if keys.composition_start is None else keys.composition_start,
        electrons=keys.electrons,
        length=_length(keys, weight),
        radius=math.inf if keys.particle_radius_nm is None else 1e-9 * keys.particle_radius_nm,
        temperature=keys.temperature_K,
        span=keys.composition_span,
    )


def _length(keys: OcvSampleKeys, weight: float) -> float:
    """Return volume over area of contact [m], NaN where it is not known."""
    if keys.particle_radius_nm is not None:
        return 1e-9 * keys.particle_radius_nm / 3.0
    if keys.thickness_nm is not None:
        return 1e-9 * keys.thickness_nm
    if keys.area_cm2 is None:
        return math.nan
    if keys.molar_volume_cm3_per_mol is not None:
        return weight / (1e-3 * _molar_mass(keys)) * 1e-6 * keys.molar_volume_cm3_per_mol / (CM2 * keys.area_cm2)
    if keys.density_g_per_cm3 is not None:
        return weight / (1e3 * keys.density_g_per_cm3) / (CM2 * keys.area_cm2)
    return math.nan


def fit_ocv(config: OcvConfig) -> OcvResult:
    """Return the equilibrium curve of a configuration.

    Parameters
    ----------
    config : OcvConfig
        Checked.

    Returns
    -------
    OcvResult
        Curve, branches, rests, plateaus.

    Raises
    ------
    FitError
        The record cannot be read, or is no titration of this sample.
    """
    data, model = config.data, config.model
    cycling = read_cycling(
        beside(config.path, data.path),
        format=data.format,
        columns=data.columns,
        time_scale=data.time_scale,
        decimal=data.decimal,
    )
    sample = sample_of(config.sample)
    said: list[str] = []
    swapped = voltage_falls_with_current(cycling)
    if data.positive_current == "discharge" or (data.positive_current is None and swapped):
        cycling = cycling.reversed()
        if data.positive_current is None:
            said.append(
                f"{cycling.path}: positive current and growing capacity are taken as discharge: the voltage falls"
            )
    analysis = Analysis(
        kind=model.kind,
        rest_below=_rest_current(model, cycling.specific, sample.mass, said),
        rest_at_least_s=model.rest_at_least_s,
        extrapolate=model.extrapolate,
        branch=model.branch,
        points=model.points,
        plateau_slope=model.plateau_slope_below_V,
        reference_sigma=data.reference_sigma_V,
    )
    curve = equilibrium_curve(cycling, sample, analysis)
    warnings = [*said, *curve.warnings]
    if config.sample.composition_start is None:
        warnings.insert(0, "sample.composition_start is not given: 1 is taken")
    return OcvResult(
        name=config.name,
        title=config.title,
        text=config.text,
        ocv=curve,
        cycling=cycling,
        taken_from=model.kind,
        notes=(*cycling.notes, *curve.notes),
        warnings=tuple(warnings),
    )


def _rest_current(model: OcvModelKeys, specific: bool, mass: float, said: list[str]) -> float:
    """Return the current that counts as none in the unit of the file, NaN where it is to be found."""
    per_cell, per_mass = model.rest_current_below_A, model.rest_current_below_mA_per_g
    own, other = (per_mass, per_cell) if specific else (per_cell, per_mass)
    if own is not None:
        # mA/g and A/kg are the same number.
        return own
    if other is None:
        return math.nan
    if math.isnan(mass):
        said.append("model: the current that counts as none needs active_mass_g here: 1 % of the usual one is taken")
        return math.nan
    return other / mass if specific else other * mass


def _summary(config: OcvConfig) -> Iterator[tuple[str, str]]:
    """Yield the lines about the record and the sample."""
    data, sample = config.data, sample_of(config.sample)
    yield "fit", f"{NAME} {config.name}"
    yield "title", config.title
    yield "data", data.path + (f", times x {data.time_scale:g}" if data.time_scale != 1.0 else "")
    unit = f"{sample.capacity / 3600:.5g} mAh/g" if math.isnan(sample.mass) or sample.mass != 1.0 else ""
    unit = unit or f"{sample.capacity / 3.6:.5g} mAh"
    yield "capacity", f"{unit} per unit of composition, which starts at {sample.start:g}"
    yield "curve", f"{config.model.kind.replace('_', ' ')}, branch {config.model.branch}"


KIND = Kind(
    name=NAME,
    words="equilibrium potential against composition (GITT, slow scans)",
    keys=OcvFitKeys,
    check=_check,
    run=fit_ocv,
    summary=_summary,
    text=ocv_text,
    figure="ocv:ocv_figure",
)

__all__ = ["KIND", "OcvConfig", "fit_ocv", "sample_of"]
