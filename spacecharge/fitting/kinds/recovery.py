"""Recovery and decay curves against delay, one curve per temperature."""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...config.fit_keys import FitConfig, FitKeys, check_curve_fit
from ...config.schema import Keys
from ...document.problems import Problems
from ...document.yaml import Document
from ...errors import FitError
from ...nmr.parameters import rules_for
from ...nmr.recovery import recovery_curve, relaxing_part
from ..curves import curve_summary, curve_text
from ..kind import Kind
from ..least_squares import Array, Problem
from ..run import run_curve_fit
from ..setup import Column, DataTable, ParameterSet, Rows, Setup, distinct, limits_of, table_of


class RecoveryModelKeys(Keys):
    """Shape of a curve and the sequence that recorded it."""

    kind: Literal["exponential", "stretched", "biexponential", "quadrupolar"]
    sequence: Literal["inversion", "saturation", "decay"]


class RecoveryKeys(FitKeys):
    """Recovery and decay curves against delay."""

    fit: Literal["recovery"]
    model: RecoveryModelKeys


def _finish(keys: RecoveryModelKeys, problems: Problems) -> dict[str, Any]:
    return keys.model_dump(exclude_none=True)


def _check(document: Document, problems: Problems) -> FitConfig | None:
    return check_curve_fit(
        document, problems, "recovery", RecoveryKeys, _finish, lambda model, _: rules_for("recovery", model)
    )


def _read(config: FitConfig) -> DataTable:
    if "bruker" not in config.data:
        return table_of(config, ("delay", "intensity"))
    from ...measured.bruker import read_recovery

    source = config.data
    delay, intensity = read_recovery(
        os.path.join(os.path.dirname(config.path), str(source["bruker"])),
        delay_unit=source.get("delay_unit"),
        delay_list=source.get("delay_list"),
        echo_spacing_s=source.get("echo_spacing_s"),
        source=source.get("intensities"),
        peak=int(source.get("peak", 1)),
    )
    return DataTable(delay=delay, intensity=intensity)


def build_recovery(config: FitConfig) -> Setup:
    """Return the fit of a recovery configuration.

    Parameters
    ----------
    config : FitConfig
        Of kind ``recovery``.

    Returns
    -------
    Setup
        Ready to run.

    Raises
    ------
    FitError
        Data that cannot be fitted.
    """
    table = _read(config)
    delay, y = table["delay"], table["intensity"]
    known = "temperature" in table or config.data.get("temperature_K") is not None
    room = float(config.data.get("temperature_K") or 298.15)
    temperature = table.get("temperature", np.full(delay.size, room))
    temperatures, index = distinct(temperature)
    model, sequence = config.model, config.model["sequence"]
    tops, constants = _guesses(delay, y, index, temperatures.size, sequence)
    names = tuple(f"{t:g} K" for t in temperatures) if known else ("curve",)
    parameters = ParameterSet(
        rules_for("recovery", model),
        config.parameters,
        temperatures,
        {"amplitude": tops, "time_constant_s": constants, "time_constant_2_s": [0.1 * c for c in constants]},
    )
    at = {name: parameters.per_datum(name, index) for name in parameters.places}

    def predict(values: Array, rows: Rows) -> Array:
        def get(name: str, default: float) -> Array | float:
            return at[name](values, rows) if name in at else default

        relaxing = relaxing_part(
            delay[rows],
            model["kind"],
            time_constant=get("time_constant_s", 1.0),
            stretching=get("stretching", 1.0),
            time_constant_2=get("time_constant_2_s", 1.0),
            fraction=get("fraction", 1.0),
        )
        return recovery_curve(
            relaxing,
            sequence,
            amplitude=get("amplitude", 1.0),
            offset=get("offset", 0.0),
            efficiency=get("efficiency", 1.0),
        )

    problem = Problem(
        parameters=tuple(parameters.parameters),
        predict=lambda values: predict(values, slice(None)),
        data=y,
        sigma=table.get("sigma_intensity"),
        limit=limits_of(table, y.size),
        absolute_sigma=config.absolute_sigma,
        starts=_scaled_starts(parameters),
    )
    return Setup(
        problem=problem,
        predict=predict,
        columns={
            "temperature": Column(values=temperature, unit="K", long_name="temperature"),
            "delay": Column(values=delay, unit="s", long_name="delay"),
        },
        quantity=Column(values=y, unit="1", long_name="intensity"),
        series=index,
        series_names=names,
        temperature_index=index,
        temperatures=temperatures,
        notes=table.notes,
        warnings=() if known else ("no temperature is given; it is written as 298.15 K",),
    )


def _guesses(
    delay: Array, y: Array, index: NDArray[np.intp], n_temperatures: int, sequence: str
) -> tuple[list[float], list[float]]:
    """Return amplitude and time constant of every curve: its end value and its 1/e crossing."""
    tops, constants = [], []
    for k in range(n_temperatures):
        here = index == k
        t, s = delay[here], y[here]
        if not np.any(t > 0.0):
            raise FitError("every delay is zero")
        order = np.argsort(t)
        t, s = t[order], s[order]
        first, last = float(s[0]), float(s[-1])
        top = first if sequence == "decay" else last
        tops.append(top if top != 0.0 else float(np.max(np.abs(s))) or 1.0)
        start, end = (first, 0.0) if sequence == "decay" else (first, last)
        level = end + (start - end) / np.e
        crossed = np.flatnonzero((s <= level) if start > end else (s >= level))
        positive = t[t > 0.0]
        at = float(t[crossed[0]]) if crossed.size else float(positive[-1])
        constants.append(max(at, float(positive[0])))
    return tops, constants


def _scaled_starts(parameters: ParameterSet) -> tuple[Array, ...]:
    """Return starts whose searched time constants are all shorter or longer by the same factor."""
    first = np.array([p.initial for p in parameters.parameters])
    out = []
    for factor in (0.1, 0.3, 3.0, 10.0):
        point = first.copy()
        for name in parameters.searched:
            if name.startswith("time_constant"):
                for place in parameters.places[name]:
                    p = parameters.parameters[place]
                    point[place] = float(np.clip(point[place] * factor, p.minimum, p.maximum))
        out.append(point)
    return tuple(out)


KIND = Kind(
    name="recovery",
    words="recovery and decay curves against delay",
    keys=RecoveryKeys,
    check=_check,
    run=run_curve_fit,
    build=build_recovery,
    summary=curve_summary,
    text=curve_text,
    figure="fits:fit_figure",
    sweeps=("model", "data", "parameters"),
)
