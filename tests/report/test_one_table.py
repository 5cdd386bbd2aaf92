"""A result is one table wherever it is asked for: as a frame of a file, as a sweep in memory, as an export."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spacecharge.report.export import point_table
from spacecharge.store import Coordinate, Layout, Variable, WorkFile, pack, read_results, to_dataframe
from spacecharge.sweeping.in_memory import SweepTable

VOLTS, KELVIN = np.array([2.4, 3.4]), np.array([298.15, 330.0, 363.15])
HERTZ = np.array([1.0, 1000.0])
OWN = {
    "contact": np.array(["electrode|electrolyte"], dtype=object),
    "side": np.array(["left", "right"], dtype=object),
    "layer": np.array(["electrode", "electrolyte"], dtype=object),
    "species": np.array(["Li+", "e-"], dtype=object),
    "frequency": HERTZ,
}
VARIABLES = (
    Variable(name="status", dtype="i4"),
    Variable(name="interface_resistance", units="ohm m2"),
    Variable(name="charge", dims=("layer",), units="C m-2"),
    Variable(name="contact_occupancy", dims=("contact", "side", "species")),
    Variable(name="impedance_real", dims=("frequency",), units="ohm m2"),
)
FACTORS = {"interface_resistance": 1e4, "charge": 1e2, "impedance_real": 1e4}
UNITS = {"interface_resistance": "Ohm cm2", "charge": "uC/cm2", "impedance_real": "Ohm cm2"}


def layout_of(kind):
    """Two axes with all their combinations, three points of both, or one point."""
    units = {"electrode_potential": "V", "temperature": "K"}
    if kind == "single":
        axes, sweep, shape = [], (), ()
    elif kind == "zip":
        axes = [Coordinate(name="point", values=np.arange(3))]
        along = (np.array([2.4, 3.4, 2.9]), KELVIN)
        axes += [
            Coordinate(name=n, values=v, units=u, dimension="point")
            for (n, u), v in zip(units.items(), along, strict=True)
        ]
        sweep, shape = ("point",), (3,)
    else:
        axes = [Coordinate(name=n, values=v, units=u) for (n, u), v in zip(units.items(), (VOLTS, KELVIN), strict=True)]
        sweep, shape = tuple(units), (2, 3)
    others = [Coordinate(name=n, values=v, units="Hz" if n == "frequency" else "1") for n, v in OWN.items()]
    profile = Variable(name="potential", dims=("x",), units="V", group="profiles/electrode")
    x = Coordinate(name="x", values=np.linspace(0.0, 1e-8, 4), units="m", group="profiles/electrode")
    return Layout(sweep=sweep, shape=shape, coordinates=(*axes, *others, x), variables=(*VARIABLES, profile))


def values_of(layout):
    random = np.random.default_rng(1)
    return {
        v.path: random.integers(0, 3, layout.full_shape(v)) if v.dtype == "i4" else random.random(layout.full_shape(v))
        for v in layout.variables
    }


@pytest.fixture(params=["outer", "zip", "single"])
def both(request, tmp_path):
    """The same sweep in memory and as a file."""
    layout = layout_of(request.param)
    values = values_of(layout)
    work = WorkFile.create(tmp_path / "r.h5", layout)
    work.write(0, {k: v.reshape(layout.n_points, *v.shape[len(layout.shape) :]) for k, v in values.items()})
    work.commit()
    pack(work)
    return SweepTable(layout, values), tmp_path / "r.h5"


def titles(name, dims):
    """Yield index and title of every column of a variable, as the guide describes them."""
    for index in itertools.product(*(range(len(OWN[d])) for d in dims)):
        where = ", ".join(str(OWN[d][i]) for d, i in zip(dims, index, strict=True))
        yield index, f"{name}[{where}]" if where else name


def expected(table, *, along=()):
    """Return the columns of a table, each value looked up for its own row; dimensions `along` run down the rows."""
    points = list(np.ndindex(*table.layout.shape))
    found = {}
    for variable in VARIABLES:
        dims = tuple(d for d in variable.dims if d not in along)
        for index, title in titles(variable.name, dims):
            rows = []
            for point in points:
                for down in range(len(HERTZ) if along else 1):
                    at = (*point, *index, down) if set(along) & set(variable.dims) else (*point, *index)
                    rows.append(table.values[variable.name][at])
            found[title] = np.array(rows)
    return found


def swept(table, repeat=1):
    """Return the swept numbers of every row."""
    if not table.layout.sweep:
        return {}
    if table.layout.sweep == ("point",):
        found = {"electrode_potential": np.array([2.4, 3.4, 2.9]), "temperature": KELVIN}
    else:
        pairs = np.array([(v, t) for v in VOLTS for t in KELVIN])
        found = {"electrode_potential": pairs[:, 0], "temperature": pairs[:, 1]}
    return {name: np.repeat(values, repeat) for name, values in found.items()}


def bare(title):
    return title.partition("[")[0]


def test_a_sweep_in_memory_has_shown_units_in_the_order_of_the_observables(both):
    table, _ = both
    columns, right = table.columns(), swept(table) | expected(table)
    assert list(columns) == list(right)
    for title, (values, unit) in columns.items():
        assert unit == {"electrode_potential": "V", "temperature": "K", **UNITS}.get(bare(title), "")
        np.testing.assert_array_equal(values, right[title] * FACTORS.get(bare(title), 1))
    frame = table.to_dataframe()
    assert list(frame) == list(right)
    assert frame.attrs["units"]["charge[electrolyte]"] == "uC/cm2"


def test_a_frame_of_a_file_is_in_si_by_name(both):
    table, path = both
    frame = to_dataframe(path)
    head = {"point": np.arange(3)} if table.layout.sweep == ("point",) else {}
    right = head | swept(table) | dict(sorted(expected(table).items(), key=lambda item: bare(item[0])))
    assert list(frame) == list(right)
    assert frame.attrs["units"]["impedance_real[1000.0]"] == "ohm m2"
    assert frame.attrs["units"].keys() == right.keys()
    for title in right:
        np.testing.assert_array_equal(frame[title], right[title])


def test_an_export_puts_frequencies_in_rows_and_units_in_headers(both):
    table, path = both
    columns = point_table(read_results(path))
    repeat = len(HERTZ)
    right = swept(table, repeat) | {"frequency": np.tile(HERTZ, table.layout.n_points)}
    right |= dict(sorted(expected(table, along=("frequency",)).items(), key=lambda item: bare(item[0])))
    assert [c.name for c in columns] == list(right)
    units = {"electrode_potential": "V", "temperature": "K", "frequency": "Hz", **UNITS}
    for column in columns:
        assert column.unit == units.get(bare(column.name), "")
        np.testing.assert_array_equal(column.values, right[column.name] * FACTORS.get(bare(column.name), 1))
