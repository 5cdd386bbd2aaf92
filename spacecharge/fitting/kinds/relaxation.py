"""Relaxation times against temperature: BPP, Richards, quadrupolar, Anderson-Weiss, plateau and break.

The logarithm of the time is fitted, since times span decades and their errors are relative; rates are
turned into times first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Discriminator, Tag

from ...config.fields import Keys
from ...config.fit_keys import FitConfig, FitKeys, check_curve_fit, number
from ...constants import BOLTZMANN, ELEMENTARY_CHARGE, NM, PER_NM3
from ...document.problems import Problems
from ...document.yaml import Document
from ...errors import FitError, FitReason
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
from ..least_squares import Array, Problem, minimise, minimise_from_several
from ..relaxation_data import TIMES, RelaxationData, one_flank_advice
from ..run import run_curve_fit
from ..setup import Column, ParameterSet, Quantity, Rows, Setup, transport_number

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
    """Dipolar relaxation by jumps; the frequencies may stand in columns of the data instead."""

    kind: Literal["bpp"]
    larmor_frequency_MHz: Larmor | None = None
    spin_lock_frequency_kHz: Annotated[float, number(1e-3, 1e5, "Nutation frequency of the lock", "kHz")] | None = None
    spectral_density: Literal["bpp", "richards", "kww"] = "bpp"


class QuadrupolarKeys(Keys):
    """Quadrupolar relaxation of I = 3/2."""

    kind: Literal["quadrupolar"]
    larmor_frequency_MHz: Larmor | None = None
    spectral_density: Literal["bpp", "richards", "kww"] = "bpp"


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


def _check(document: Document, problems: Problems) -> FitConfig | None:
    data = document.data.get("data")
    columns = data.get("columns") if isinstance(data, Mapping) else None

    def finish(keys: Keys, problems: Problems) -> dict[str, Any]:
        given = columns if isinstance(columns, Mapping) else {}
        for key in ("larmor_frequency_MHz", "spin_lock_frequency_kHz"):
            if getattr(keys, key, None) is not None and key in given:
                problems.add(f"model.{key}", "stands in a column too: give one of them", key=True)
        if isinstance(keys, (BppKeys, QuadrupolarKeys)):
            if keys.larmor_frequency_MHz is None and "larmor_frequency_MHz" not in given:
                problems.add("model", "larmor_frequency_MHz is missing (here, or as a column of the data)")
        return keys.model_dump(exclude_none=True)

    return check_curve_fit(
        document, problems, "relaxation", RelaxationKeys, finish, lambda model, _: rules_for("relaxation", model)
    )


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
    data = RelaxationData(config)
    make = _break if config.model["kind"] == "break" else _jumps
    parameters, times, starts, derived, warnings, notes = make(config, data)
    wanted = [(k, data.kind_index == n) for n, k in enumerate(data.kinds)]

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
        advise=one_flank_advice,
    )
    return Setup(
        problem=problem,
        predict=predict,
        columns={"temperature": Column(values=data.temperature, unit="K", long_name="temperature")},
        quantity=Column(values=data.y, unit="s", long_name="relaxation time"),
        series=data.series,
        series_names=data.names,
        temperature_index=data.index,
        temperatures=data.temperatures,
        laws=("correlation_time_s",) if "correlation_time_s" in parameters else (),
        derived=tuple(derived),
        warnings=tuple(warnings),
        notes=(*data.notes, *notes),
        is_log=True,
        search=minimise if config.model["kind"] == "break" else minimise_from_several,
    )


_Made = tuple[
    ParameterSet,
    Callable[[Array, Rows], dict[str, NDArray[np.float64]]],
    tuple[Array, ...],
    list[Quantity],
    list[str],
    list[str],
]


def _jumps(config: FitConfig, data: RelaxationData) -> _Made:
    model, reference = config.model, config.reference_temperature_K
    kind = model["kind"]
    # A typical frequency, for first values alone; Anderson-Weiss has none.
    omega = float(np.exp(np.mean(np.log(data.larmor)))) if np.all(data.larmor > 0.0) else 2e6 * math.pi
    law = str(model.get("spectral_density", "bpp"))
    if "T1rho" in data.kinds and not np.all(data.lock > 0.0):
        raise FitError("T1rho needs model.spin_lock_frequency_kHz, or a column of it", FitReason.DATA)
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

    def times(values: Array, rows: Rows, law: str = law) -> dict[str, NDArray[np.float64]]:
        tau = tau_at(values, rows)
        if kind == "anderson_weiss":
            return {"T2": anderson_weiss_t2(tau, parameters.get(values, "second_moment_per_s2", 1.0))}
        beta, rest = parameters.get(values, "beta", 2.0), parameters.get(values, "rate_offset_per_s", 0.0)
        if law == "like kww":
            # The law of Richards with the same slopes: near enough to compare starting points, and fast.
            beta, law = 1.0 + beta, "richards"
        if kind == "quadrupolar":
            coupling = parameters.get(values, "quadrupolar_coupling_per_s2", 1.0)
            larmor = data.larmor[rows]
            slow, fast = quadrupolar_rates(tau, larmor_rad_s=larmor, coupling=coupling, beta=beta, law=law)
            return {"T1": 1.0 / (0.2 * slow + 0.8 * fast + rest)}
        coupling = parameters.get(values, "dipolar_coupling_per_s2", 1.0)
        larmor, lock = data.larmor[rows], data.lock[rows]
        rates = dipolar_rates(tau, larmor_rad_s=larmor, coupling=coupling, spin_lock_rad_s=lock, beta=beta, law=law)
        return {name: 1.0 / (rate + rest) for name, rate in zip(TIMES, rates, strict=True)}

    energies = [0.05, 0.1, 0.2, 0.35, 0.6, 1.0] if data.temperatures.size > 1 else [0.3]
    if kind == "anderson_weiss":
        starts = parameters.starts(
            {
                "correlation_time_s": list(np.geomspace(1e-3 * shortest, 1e6 * longest, 13)),
                "second_moment_per_s2": [moment, 4.0 * moment, moment / 4.0],
                "activation_energy_eV": energies,
            }
        )
    else:
        starts = parameters.starts(
            {
                "correlation_time_s": list(np.geomspace(1e-6, 1e6, 25) / omega),
                "activation_energy_eV": energies,
                "beta": [0.4, 0.6, 0.8, 1.0] if law == "kww" else [1.3, 1.6, 1.9],
            }
        )
        coupling_key = "quadrupolar_coupling_per_s2" if kind == "quadrupolar" else "dipolar_coupling_per_s2"
        quick = partial(times, law="like kww") if law == "kww" else times
        starts = _with_couplings(parameters, data, quick, starts, coupling_key)
    derived = _from_tau(
        config,
        lambda v: float(prefactor_correlation_time(v[parameters.place("correlation_time_s")], reference, energy(v))),
        lambda v: energy(v),
    )

    def energy(values: Array) -> float:
        return parameters.get(values, "activation_energy_eV", 0.0)

    notes = ["quadrupolar: the initial rate 0.2 K j(w) + 0.8 K j(2w)"] if kind == "quadrupolar" else []
    warnings = [PLATEAU_WARNING] if kind == "bpp" and "T2" in data.kinds else []
    return parameters, times, starts, derived, warnings, notes


_KEPT = 12
"""Starting points that are kept of some hundred."""


def _with_couplings(
    parameters: ParameterSet,
    data: RelaxationData,
    times: Callable[[Array, Rows], dict[str, NDArray[np.float64]]],
    starts: tuple[Array, ...],
    key: str,
) -> tuple[Array, ...]:
    """Return the best starts with the coupling that fits each of them: every rate is proportional to it."""
    weight = np.ones(data.y.size) if data.sigma is None else data.sigma**-2.0
    free = key in parameters.searched
    ranked = []
    for n, start in enumerate(starts):
        by_kind = times(start, slice(None))
        predicted = np.empty(data.y.size)
        for k, kind in enumerate(data.kinds):
            predicted[data.kind_index == k] = by_kind[kind][data.kind_index == k]
        with np.errstate(all="ignore"):
            off = data.y - np.log(predicted)
        shift = float(np.sum(weight * off) / np.sum(weight)) if free else 0.0
        point = start.copy()
        if free and math.isfinite(shift):
            place = parameters.place(key)
            p = parameters.parameters[place]
            point[place] = float(np.clip(start[place] * math.exp(-shift), p.minimum, p.maximum))
        ranked.append((float(np.sum(weight * (off - shift) ** 2)), n, point))
    ranked = [entry for entry in ranked if math.isfinite(entry[0])]
    return tuple(point for _, _, point in sorted(ranked, key=lambda entry: entry[:2])[:_KEPT])


def _break(config: FitConfig, data: RelaxationData) -> _Made:
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


def _broken_lines(parameters: ParameterSet, data: RelaxationData) -> tuple[Array, ...]:
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
    length = transport_number(config, "jump_length_nm") * NM
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
    density = transport_number(config, "number_density_per_nm3") * PER_NM3
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
