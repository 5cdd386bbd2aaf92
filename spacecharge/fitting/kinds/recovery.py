"""Recovery and decay curves against delay, one curve per temperature."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from pydantic import Field, StrictBool

from ...config.fields import Keys
from ...config.fit_keys import FitConfig, FitKeys, check_curve_fit
from ...document.problems import Problems
from ...document.yaml import Document, beside
from ...errors import FitError, FitReason
from ...measured.bruker import RecoverySeries, read_series
from ...nmr.parameters import rules_for
from ..curves import curve_summary, curve_text
from ..kind import Kind
from ..recovery_curves import RecoveryCurves
from ..run import run_curve_fit
from ..setup import Column, DataTable, Setup, table_of


class RecoveryModelKeys(Keys):
    """Shape of a curve and the sequence that recorded it."""

    kind: Literal["exponential", "stretched", "biexponential", "quadrupolar"]
    sequence: Literal["inversion", "saturation", "decay"]
    magnitude: StrictBool = Field(default=False, description="The intensities are magnitudes, their sign is lost")
    temperature_law: Literal["each", "arrhenius"] = Field(
        default="each", description="each: a time constant for every temperature; arrhenius: one law for all"
    )


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


def _read(config: FitConfig) -> tuple[DataTable, RecoverySeries | None]:
    if "bruker" not in config.data:
        return table_of(config, ("delay", "intensity")), None
    source = config.data
    series = read_series(
        beside(config.path, str(source["bruker"])),
        source=source.get("intensities"),
        **{key: source[key] for key in _OPTIONS if key in source},
    )
    table = DataTable(delay=series.delay, intensity=series.intensity)
    table.notes = series.notes
    return table, series


_OPTIONS = ("delay_unit", "delay_list", "echo_spacing_s", "peak", "procno", "use_first")


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
    table, series = _read(config)
    known = "temperature" in table or config.data.get("temperature_K") is not None
    room = float(config.data.get("temperature_K") or 298.15)
    temperature = table.get("temperature", np.full(table["delay"].size, room))
    try:
        curves = RecoveryCurves(config, table, temperature)
    except FitError as error:
        raise FitError(f"{config.path or config.name}: {error}", error.reason) from None
    if config.model["temperature_law"] == "arrhenius" and curves.temperatures.size < 2:
        raise FitError("model.temperature_law: arrhenius needs curves at two temperatures at least", FitReason.DATA)
    dense = curves.dense()
    names = tuple(f"{t:g} K" for t in curves.temperatures) if known else ("curve",)
    said = () if series is None else series.warnings
    warnings = [*said, *curves.warnings, *(() if known else ("no temperature is given; it is written as 298.15 K",))]
    setup = Setup(
        problem=curves.problem(),
        predict=curves.predict,
        columns={
            "temperature": Column(values=temperature, unit="K", long_name="temperature"),
            "delay": Column(values=table["delay"], unit="s", long_name="delay"),
            **{
                name: Column(values=values, unit="1", long_name=f"intensity by {name}")
                for name, values in (series.beside if series is not None else {}).items()
            },
        },
        quantity=Column(values=table["intensity"], unit="1", long_name="intensity"),
        series=curves.index,
        series_names=names,
        temperature_index=curves.index,
        temperatures=curves.temperatures,
        notes=table.notes,
        warnings=tuple(warnings),
        search=curves.search,
        order=table["delay"],
        bounds=curves.bounds,
    )
    columns = {
        "temperature": replace(setup.columns["temperature"], values=dense.temperature),
        "delay": replace(setup.columns["delay"], values=dense.table["delay"]),
    }
    smooth = replace(
        setup, problem=dense.problem(), predict=dense.predict, columns=columns, series=dense.index,
        temperature_index=dense.index, order=dense.table["delay"],
    )  # fmt: skip
    return replace(setup, dense=smooth)


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
