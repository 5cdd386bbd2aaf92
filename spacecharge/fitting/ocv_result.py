"""The result of a fit of the kind ocv: the curve with its branches, rests and plateaus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..measured.cycler import Cycling
from ..measured.equilibrium import BRANCHES, Curve
from ..measured.ocv import Ocv
from ..report.ocv_fits import ocv_text
from ..store.stored_fit import FitColumn, FitTable, StoredFit
from .result import UnfittedResult, pointed

NAME = "ocv"

MOST_ROWS = 20_000
"""Rows of the record that are kept for figures; a longer one is thinned."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OcvResult(UnfittedResult):
    """An equilibrium curve.

    Parameters
    ----------
    name, title, text
        As :class:`~spacecharge.fitting.result.UnfittedResult` has them.
    ocv : Ocv
        The curve in SI.
    cycling : Cycling
        What was recorded.
    taken_from : {'rests', 'slow_scan'}
        What the curve was taken from.
    notes, warnings : tuple of str
        Choices and what was left out; what a reader has to know.
    """

    kind: ClassVar[str] = NAME
    ocv: Ocv
    cycling: Cycling
    taken_from: str = "rests"
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def n_failed(self) -> int:
        """None: a curve that cannot be had raises."""
        return 0

    @property
    def curve(self) -> dict[str, Any]:
        """Columns of the curve in SI, by their names in the result file, (n,) each."""
        return {name: column.values for name, column in self.tables[""].columns.items()}

    @property
    def texts(self) -> Mapping[str, tuple[str, ...]]:
        """Notes and warnings."""
        return {"notes": self.notes, "warnings": self.warnings}

    def __repr__(self) -> str:
        """Return the range of the curve and its plateaus in a few lines."""
        x, u = self.ocv.composition, self.ocv.potential
        lines = [
            f"<fit {self.name} ({NAME}): {x.size} point{'s' if x.size > 1 else ''}, "
            f"composition {x[0]:.4g} to {x[-1]:.4g}, {u[0]:.4g} to {u[-1]:.4g} V, {len(self.ocv.rests)} rests"
        ]
        lines += [f"  two-phase plateau: {plateau}" for plateau in self.ocv.plateaus]
        return "\n".join([*lines, *pointed(self.warnings)]) + ">"

    @property
    def tables(self) -> Mapping[str, FitTable]:
        """The curve in the group itself; branches, rests, record and plateaus beside it."""
        ocv = self.ocv
        tables = {"": self._curve_table()}
        for branch, curve in ocv.branches.items():
            tables[BRANCHES[branch]] = _branch_table(curve)
        if ocv.rests:
            tables["rests"] = self._rest_table()
        tables["record"] = self._record_table()
        if ocv.plateaus:
            columns = {
                "lowest_composition": ([p.low for p in ocv.plateaus], "1", "lowest composition"),
                "highest_composition": ([p.high for p in ocv.plateaus], "1", "highest composition"),
                "plateau_potential": ([p.potential for p in ocv.plateaus], "V", "potential in the middle"),
            }
            tables["plateaus"] = FitTable(columns=_columns(columns))
        return tables

    def _curve_table(self) -> FitTable:
        ocv = self.ocv
        columns = {
            "composition": (ocv.composition, "1", "composition"),
            "potential": (ocv.potential, "V", "equilibrium potential"),
            "potential_measured": (ocv.potential_measured, "V", "potential before the monotone regression"),
            "potential_sigma": (ocv.sigma, "V", "one sigma of the potential (half the hysteresis, reference included)"),
            "half_hysteresis": (ocv.half_hysteresis, "V", "half of charge minus discharge (0: of one branch)"),
            "branch": (ocv.branch, "1", "branch: 0 mean, 1 charge, -1 discharge"),
            "chemical_diffusivity": (ocv.chemical_diffusivity, "m2 s-1", "chemical diffusivity (NaN: not told)"),
            "thermodynamic_factor": (ocv.thermodynamic_factor, "1", "thermodynamic factor d ln a/d ln x"),
        }
        unit: dict[str, Any] = {
            "charge_unit": "C kg-1" if self.cycling.specific else "C",
            "taken_from": self.taken_from,
        }
        unit |= {"reference_sigma_V": ocv.reference_sigma} if ocv.reference_sigma else {}
        return FitTable(columns=_columns(columns), attributes={**ocv.summary, **unit}, axis="composition")

    def _rest_table(self) -> FitTable:
        rests, time = self.ocv.rests, self.cycling.time
        columns = {
            "start": (time[[r.first for r in rests]], "s", "when the current was cut off"),
            "end": (time[[r.last for r in rests]], "s", "end of the rest"),
            "rest_composition": (self.ocv.rest_composition, "1", "composition"),
            "rest_potential": (np.array([r.potential for r in rests]), "V", "potential that the rest tends to"),
            "rest_sigma": (np.array([r.sigma for r in rests]), "V", "one sigma of it"),
        }
        return FitTable(columns=_columns(columns))

    def _record_table(self) -> FitTable:
        n = self.cycling.time.size
        rows = np.unique(np.linspace(0, n - 1, min(n, MOST_ROWS)).astype(np.intp))
        columns = {
            "time": (self.cycling.time[rows], "s", "time"),
            "voltage": (self.cycling.voltage[rows], "V", "voltage"),
        }
        return FitTable(columns=_columns(columns))

    def stored(self) -> StoredFit:
        """Return what the group ``fits/NAME`` of a result file would hold."""
        attributes = {**self.tables[""].attributes, **self.texts}
        return StoredFit(name=self.name, kind=NAME, title=self.title, tables=dict(self.tables), attributes=attributes)

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``spacecharge fit --json`` prints; what is not known is null."""
        ocv, said = self.ocv, self.ocv.summary
        scale, unit = (3600.0, "mAh_per_g") if self.cycling.specific else (3.6, "mAh")
        return {
            "name": self.name,
            "kind": NAME,
            "title": self.title,
            "curve": {
                "composition": _listed(ocv.composition),
                "potential_V": _listed(ocv.potential),
                "sigma_V": _listed(ocv.sigma),
                "chemical_diffusivity_m2_per_s": _listed(ocv.chemical_diffusivity),
                "thermodynamic_factor": _listed(ocv.thermodynamic_factor),
                "potential_measured_V": _listed(ocv.potential_measured),
                "branch": [BRANCHES[int(b)] for b in ocv.branch],
            },
            "plateaus": [{"composition": [p.low, p.high], "potential_V": p.potential} for p in ocv.plateaus],
            "data": {
                "n_rows": int(said["n_rows"]),
                "duration_h": said["duration_s"] / 3600.0,
                f"charge_{unit}": said["charge"] / scale,
                f"discharge_{unit}": said["discharge"] / scale,
                "voltage_min_V": said["voltage_min"],
                "voltage_max_V": said["voltage_max"],
                "n_rests": len(ocv.rests),
                "format": self.cycling.format,
            },
            "parameters": {},
            "derived": {},
            "n_data": int(said["n_rows"]),
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def _repr_html_(self) -> str:
        """Return the table for notebooks."""
        import html

        return f"<pre>{html.escape(ocv_text(self.stored()))}</pre>"


def _columns(given: Mapping[str, tuple[Any, str, str]]) -> dict[str, FitColumn]:
    return {name: FitColumn(values=v, unit=unit, long_name=words) for name, (v, unit, words) in given.items()}


def _branch_table(curve: Curve) -> FitTable:
    n = curve.composition.size
    rows = np.unique(np.linspace(0, n - 1, min(n, MOST_ROWS // 10)).astype(np.intp))
    columns = {
        "branch_composition": (curve.composition[rows], "1", "composition"),
        "branch_potential": (curve.potential[rows], "V", "potential"),
    }
    return FitTable(columns=_columns(columns))


def _listed(values: Any) -> list[float | None]:
    return [float(v) if math.isfinite(v) else None for v in values]


__all__ = ["NAME", "OcvResult"]
