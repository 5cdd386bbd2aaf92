"""Relaxation times against temperature: BPP, Richards, quadrupolar, Anderson-Weiss, plateau and break.

The logarithm of the time is fitted, since times span decades and their errors are relative; rates are
turned into times first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Tag

from ...config.fit_keys import FitConfig, FitKeys, check_curve_fit, number
from ...config.schema import Keys
from ...constants import BOLTZMANN, ELEMENTARY_CHARGE
from ...document.problems import Problems
from ...document.yaml import Document
from ...errors import FitError
from ...nmr.parameters import rules_for
from ...nmr.relaxation import (
    BPP_MAXIMUM_R1,
    CRITERIA,
    anderson_weiss_t2,
    break_correlation_time,
    break_t2,
    dipolar_rates,
    quadrupolar_rates,
)
from ...nmr.transport import correlation_time, jump_diffusivity, nernst_einstein, prefactor_correlation_time
from ..curves import curve_summary, curve_text, model_tag
from ..kind import Kind
from ..least_squares import Array, Problem
from ..run import run_curve_fit
from ..setup import Column, ParameterSet, Quantity, Rows, Setup, distinct, table_of, transport_number

_TIMES = ("T1", "T2", "T1rho")
_ACCEPTED = {"bpp": _TIMES, "quadrupolar": ("T1",), "anderson_weiss": ("T2",), "break": ("T2",)}

_MOST_CORNERS = 100
"""Places of the break that are tried at most."""

BREAK_WARNING = (
    "the apparent activation energy just above the break is biased low by the bend itself (0.17 eV can read "
    "0.09 eV): model anderson_weiss describes the bend"
)


PLATEAU_WARNING = (
    "BPP has no rigid lattice: where T2 stops falling towards the cold, it is described by anderson_weiss or break"
)

Larmor = Annotated[float, number(1e-3, 1e5, "Larmor frequency", "MHz")]


class BppKeys(Keys):
    """Dipolar relaxation by jumps."""

    kind: Literal["bpp"]
    larmor_frequency_MHz: Larmor
    spin_lock_frequency_kHz: Annotated[float, number(1e-3, 1e5, "Nutation frequency of the lock", "kHz")] | None = None
    spectral_density: Literal["bpp", "richards"] = "bpp"


class QuadrupolarKeys(Keys):
    """Quadrupolar relaxation of I = 3/2."""

    kind: Literal["quadrupolar"]
    larmor_frequency_MHz: Larmor
    spectral_density: Literal["bpp", "richards"] = "bpp"


class AndersonWeissKeys(Keys):
    """T2 from the rigid lattice to fast motion."""

    kind: Literal["anderson_weiss"]


class BreakKeys(Keys):
    """T2 as a plateau and an Arrhenius rise."""

    kind: Literal["break"]
    criterion: Literal["unit-product", "asymptotes"] = "unit-product"


class RelaxationKeys(FitKeys):
    """Relaxation times or rates against temperature."""

    fit: Literal["relaxation"]
    model: Annotated[
        Annotated[BppKeys, Tag("<bpp>")]
        | Annotated[QuadrupolarKeys, Tag("<quadrupolar>")]
        | Annotated[AndersonWeissKeys, Tag("<anderson_weiss>")]
        | Annotated[BreakKeys, Tag("<break>")],
        Discriminator(model_tag),
    ]


def _finish(keys: Keys, problems: Problems) -> dict[str, Any]:
    return keys.model_dump(exclude_none=True)


def _check(document: Document, problems: Problems) -> FitConfig | None:
    return check_curve_fit(
        document, problems, "relaxation", RelaxationKeys, _finish, lambda model, _: rules_for("relaxation", model)
    )


class _Data:
    """Relaxation times of all columns as one vector of logarithms."""

    def __init__(self, config: FitConfig) -> None:
        table = table_of(config, ("temperature",))
        self.notes = table.notes
        accepted = _ACCEPTED[config.model["kind"]]
        logs, sigmas, limits, self.kinds = [], [], [], []
        bound = table.get("limit")
        for kind in _TIMES:
            rate = f"R{kind[1:]}"
            if kind in table and rate in table:
                raise FitError(f"data.columns: {kind} and {rate} are the same quantity: give one")
            stem = kind if kind in table else rate if rate in table else None
            if stem is None:
                continue
            if kind not in accepted:
                raise FitError(f"the model {config.model['kind']} describes {', '.join(accepted)}, not {kind}")
            sign = 1.0 if stem == kind else -1.0
            value = table[stem]
            self.kinds.append(kind)
            logs.append(sign * np.log(value))
            sigmas.append(table[f"sigma_{stem}"] / value if f"sigma_{stem}" in table else None)
            if bound is not None:
                limits.append((sign * bound).astype(np.int8))
        if not logs:
            columns = ", ".join(f"{k}_s or R{k[1:]}_per_s" for k in accepted)
            raise FitError(f"{config.path}: data.columns: one of {columns} is needed")
        if any(s is None for s in sigmas) and any(s is not None for s in sigmas):
            raise FitError("either every relaxation time has an error column or none")
        repeat, n = len(logs), table["temperature"].size
        self.y = np.concatenate(logs)
        self.sigma = None if sigmas[0] is None else np.concatenate([s for s in sigmas if s is not None])
        self.limit = np.concatenate(limits) if limits else None
        self.temperature = np.tile(table["temperature"], repeat)
        self.series = np.repeat(np.arange(repeat), n)
        self.temperatures, self.index = distinct(self.temperature)


def build_relaxation(config: FitConfig) -> Setup:
    """Return the fit of a relaxation configuration.

    Parameters
    ----------
    config : FitConfig
        Of kind ``relaxation``.

    Returns
    -------
    Setup
        Ready to run.

    Raises
    ------
    FitError
        Data that cannot be fitted.
    """
    data = _Data(config)
    make = _break if config.model["kind"] == "break" else _jumps
    parameters, times, starts, derived, warnings, notes = make(config, data)
    wanted = [(k, data.series == n) for n, k in enumerate(data.kinds)]

    def predict(values: Array, rows: Rows) -> Array:
        by_kind = times(values, rows)
        out = np.empty(data.y[rows].shape)
        for kind, mask in wanted:
            here = mask[rows]
            out[here] = by_kind[kind][here]
        return np.log(out)

    problem = Problem(
        parameters=tuple(parameters.parameters),
        predict=lambda values: predict(values, slice(None)),
        data=data.y,
        sigma=data.sigma,
        limit=data.limit,
        absolute_sigma=config.absolute_sigma,
        starts=starts,
    )
    return Setup(
        problem=problem,
        predict=predict,
        columns={"temperature": Column(values=data.temperature, unit="K", long_name="temperature")},
        quantity=Column(values=data.y, unit="s", long_name="relaxation time"),
        series=data.series,
        series_names=tuple(data.kinds),
        temperature_index=data.index,
        temperatures=data.temperatures,
        laws=("correlation_time_s",) if "correlation_time_s" in parameters else (),
        derived=tuple(derived),
        warnings=tuple(warnings),
        notes=(*data.notes, *notes),
        is_log=True,
    )


_Made = tuple[
    ParameterSet,
    Callable[[Array, Rows], dict[str, NDArray[np.float64]]],
    tuple[Array, ...],
    list[Quantity],
    list[str],
    list[str],
]


def _jumps(config: FitConfig, data: _Data) -> _Made:
    model, reference = config.model, config.reference_temperature_K
    kind = model["kind"]
    omega = 2e6 * math.pi * float(model.get("larmor_frequency_MHz") or 1.0)
    lock = 2e3 * math.pi * float(model.get("spin_lock_frequency_kHz") or 0.0)
    if "T1rho" in data.kinds and lock == 0.0:
        raise FitError("T1rho needs model.spin_lock_frequency_kHz")
    shortest, longest = float(np.exp(data.y.min())), float(np.exp(data.y.max()))
    guess = omega / (BPP_MAXIMUM_R1 * shortest)
    moment = 2.0 / shortest**2
    parameters = ParameterSet(
        rules_for("relaxation", model),
        config.parameters,
        None,
        {
            "correlation_time_s": shortest if kind == "anderson_weiss" else 1.0 / omega,
            "dipolar_coupling_per_s2": guess,
            "quadrupolar_coupling_per_s2": guess,
            "second_moment_per_s2": moment,
        },
    )
    tau_at = parameters.law("correlation_time_s", data.temperature, reference)

    def times(values: Array, rows: Rows) -> dict[str, NDArray[np.float64]]:
        tau = tau_at(values, rows)
        if kind == "anderson_weiss":
            return {"T2": anderson_weiss_t2(tau, parameters.get(values, "second_moment_per_s2", 1.0))}
        beta, rest = parameters.get(values, "beta", 2.0), parameters.get(values, "rate_offset_per_s", 0.0)
        if kind == "quadrupolar":
            coupling = parameters.get(values, "quadrupolar_coupling_per_s2", 1.0)
            slow, fast = quadrupolar_rates(tau, larmor_rad_s=omega, coupling=coupling, beta=beta)
            return {"T1": 1.0 / (0.2 * slow + 0.8 * fast + rest)}
        coupling = parameters.get(values, "dipolar_coupling_per_s2", 1.0)
        rates = dipolar_rates(tau, larmor_rad_s=omega, coupling=coupling, spin_lock_rad_s=lock, beta=beta)
        return {name: 1.0 / (rate + rest) for name, rate in zip(_TIMES, rates, strict=True)}

    if kind == "anderson_weiss":
        grids = {
            "correlation_time_s": list(np.geomspace(1e-3 * shortest, 1e6 * longest, 13)),
            "second_moment_per_s2": [moment, 4.0 * moment, moment / 4.0],
        }
    else:
        coupling_key = "quadrupolar_coupling_per_s2" if kind == "quadrupolar" else "dipolar_coupling_per_s2"
        grids = {
            "correlation_time_s": list(np.geomspace(1e-4, 1e5, 13) / omega),
            coupling_key: list(guess * np.array([1.0, 4.0, 30.0, 1000.0])),
        }
    grids["activation_energy_eV"] = [0.1, 0.2, 0.35, 0.6] if data.temperatures.size > 1 else [0.3]
    derived = _from_tau(
        config,
        lambda v: float(prefactor_correlation_time(v[parameters.place("correlation_time_s")], reference, energy(v))),
        lambda v: energy(v),
    )

    def energy(values: Array) -> float:
        return parameters.get(values, "activation_energy_eV", 0.0)

    notes = ["quadrupolar: the initial rate 0.2 K j(w) + 0.8 K j(2w)"] if kind == "quadrupolar" else []
    warnings = [PLATEAU_WARNING] if kind == "bpp" and "T2" in data.kinds else []
    return parameters, times, parameters.starts(grids), derived, warnings, notes


def _break(config: FitConfig, data: _Data) -> _Made:
    criterion = config.model["criterion"]
    temperatures = data.temperatures
    cold = data.temperature <= np.quantile(temperatures, 0.34)
    parameters = ParameterSet(
        rules_for("relaxation", config.model),
        config.parameters,
        None,
        {
            "plateau_s": float(np.exp(np.median(data.y[cold]))),
            "break_temperature_K": float(np.median(temperatures)),
        },
    )
    plateau, corner, slope = (parameters.place(n) for n in ("plateau_s", "break_temperature_K", "activation_energy_eV"))
    per_ev = ELEMENTARY_CHARGE / BOLTZMANN

    def times(values: Array, rows: Rows) -> dict[str, NDArray[np.float64]]:
        return {
            "T2": break_t2(
                data.temperature[rows],
                plateau=float(values[plateau]),
                break_temperature=float(values[corner]),
                activation_temperature=float(values[slope]) * per_ev,
            )
        }

    starts = _broken_lines(parameters, data)
    derived = [
        Quantity(
            name="correlation_time_at_break",
            unit="s",
            long_name=f"correlation time at the break ({criterion}: T2 x {CRITERIA[criterion]:.4g})",
            function=lambda v: break_correlation_time(float(v[plateau]), criterion),
        )
    ]
    derived += _from_tau(
        config,
        lambda v: float(
            prefactor_correlation_time(break_correlation_time(float(v[plateau]), criterion), v[corner], v[slope])
        ),
        lambda v: float(v[slope]),
    )
    other = next(name for name in CRITERIA if name != criterion)
    notes = [
        f"correlation time at the break: {criterion}, tau = T2 x {CRITERIA[criterion]:.4g}; "
        f"{other} would give T2 x {CRITERIA[other]:.4g}"
    ]
    return parameters, times, starts, derived, [BREAK_WARNING], notes


def _broken_lines(parameters: ParameterSet, data: _Data) -> tuple[Array, ...]:
    """Return the best broken line for every place of the break, as starting points.

    Between two neighbouring temperatures the model is linear in ln(plateau), Ea/k and their product with
    the break, so each place has its answer at once. A search alone creeps along the kinks instead.
    """
    warmth = 1.0 / data.temperature
    weight = np.ones(data.y.size) if data.sigma is None else 1.0 / data.sigma
    first = np.array([p.initial for p in parameters.parameters])
    names = ("plateau_s", "break_temperature_K", "activation_energy_eV")
    places = [parameters.place(n) for n in names]
    corners = 1.0 / data.temperatures
    points = []

    def add(plateau: float, corner: float, slope: float) -> None:
        point = first.copy()
        for place, value in zip(
            places, (math.exp(plateau), 1.0 / corner, slope * BOLTZMANN / ELEMENTARY_CHARGE), strict=True
        ):
            p = parameters.parameters[place]
            if not p.fixed:
                point[place] = float(np.clip(value, p.minimum, p.maximum))
        points.append(point)

    stride = max(1, corners.size // _MOST_CORNERS)
    for low, high in zip(corners[stride::stride], corners[:-stride:stride], strict=False):
        hot = warmth < 0.5 * (low + high)
        design = np.column_stack([np.ones(hot.size), np.where(hot, 1.0, 0.0), np.where(hot, -warmth, 0.0)])
        (plateau, lift, slope), *_ = np.linalg.lstsq(design * weight[:, None], data.y * weight, rcond=None)
        if slope != 0.0 and low <= lift / slope <= high:
            add(plateau, lift / slope, slope)
    for corner in corners[1:-1:stride]:
        design = np.column_stack([np.ones(warmth.size), np.maximum(corner - warmth, 0.0)])
        (plateau, slope), *_ = np.linalg.lstsq(design * weight[:, None], data.y * weight, rcond=None)
        add(plateau, corner, slope)
    return tuple(points)


def _from_tau(
    config: FitConfig, prefactor: Callable[[Array], float], energy: Callable[[Array], float]
) -> list[Quantity]:
    """Return correlation time, diffusivity and conductivity at room temperature."""
    room = config.transport["temperature_K"]

    def tau(values: Array) -> float:
        return float(correlation_time(prefactor(values), room, energy(values)))

    derived = [
        Quantity(
            name="correlation_time_prefactor",
            unit="s",
            long_name="correlation time at infinite temperature",
            function=prefactor,
        ),
        Quantity(name="correlation_time", unit="s", long_name=f"correlation time at {room:g} K", function=tau),
    ]
    length = transport_number(config, "jump_length_nm") * 1e-9
    directions = config.transport["jump_directions"]
    if math.isnan(length):
        return derived

    def diffusivity(values: Array) -> float:
        return float(jump_diffusivity(length, tau(values), directions))

    derived.append(
        Quantity(
            name="diffusivity",
            unit="m2 s-1",
            function=diffusivity,
            long_name=f"jump diffusivity l^2/({directions} tau) at {room:g} K",
        )
    )
    density = transport_number(config, "number_density_per_nm3") * 1e27
    if not math.isnan(density):
        options = {k: config.transport[k] for k in ("charge_number", "haven_ratio")}
        derived.append(
            Quantity(
                name="conductivity",
                unit="S m-1",
                long_name=f"Nernst-Einstein conductivity at {room:g} K",
                function=lambda v: float(nernst_einstein(diffusivity(v), density, room, **options)),
            )
        )
    return derived


KIND = Kind(
    name="relaxation",
    words="relaxation times or rates against temperature",
    keys=RelaxationKeys,
    check=_check,
    run=run_curve_fit,
    build=build_relaxation,
    summary=curve_summary,
    text=curve_text,
    figure="fits:fit_figure",
    sweeps=("model", "data", "parameters"),
)
