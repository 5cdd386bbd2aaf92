"""Configurations and data made on the spot."""

from __future__ import annotations

import numpy as np

from spacecharge.config.nmr_keys import check_fit


def write_csv(path, columns):
    names = list(columns)
    rows = zip(*(np.asarray(columns[n]) for n in names), strict=True)
    path.write_text("\n".join([",".join(names), *(",".join(f"{v:.12g}" for v in row) for row in rows)]) + "\n")
    return path


def configured(tmp_path, columns, roles=None, **sections):
    """Return a checked configuration on a CSV file of `columns` (role to values)."""
    write_csv(tmp_path / "data.csv", columns)
    data = {"path": "data.csv", "columns": roles or {name: name for name in columns}} | sections.pop("data", {})
    config, check = check_fit({"data": data, **sections}, path=str(tmp_path / "fit.yaml"))
    assert config is not None, check.found
    return config
