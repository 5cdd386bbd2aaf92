"""Configurations and data made on the spot."""

from __future__ import annotations

import numpy as np

from spacecharge.fitting.load import check_fit_mapping


def write_csv(path, columns):
    names = list(columns)
    rows = zip(*(np.asarray(columns[n]) for n in names), strict=True)
    path.write_text("\n".join([",".join(names), *(",".join(f"{v:.12g}" for v in row) for row in rows)]) + "\n")
    return path


def configured(tmp_path, columns, roles=None, **sections):
    """Return a checked configuration on a CSV file of `columns` (role to values)."""
    write_csv(tmp_path / "data.csv", columns)
    data = {"path": "data.csv", "columns": roles or {name: name for name in columns}} | sections.pop("data", {})
    return check_fit_mapping({"data": data, **sections}, path=str(tmp_path / "fit.yaml"))
