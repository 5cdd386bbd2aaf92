"""Result files without physics, quick to make, for figures."""

import itertools

import numpy as np
import pytest

from spacecharge.store import Coordinate, Layout, Variable, WorkFile, pack

NAMES = {1: ("electrolyte",), 2: ("electrode", "electrolyte"), 3: ("cathode", "coating", "electrolyte")}


def make_file(path, axes, *, n_layers=2, zipped=False, profiles=False, packed=True, title="a title", ends=False):
    """Write values with a zero, a change of sign, several decades and a failed point."""
    layers = NAMES[n_layers]
    contacts = [f"{a}|{b}" for a, b in itertools.pairwise(layers)]
    if ends:
        contacts.insert(0, f"left|{layers[0]}")
    shape = (len(next(iter(axes.values()))[0]),) if zipped else tuple(len(v) for v, _ in axes.values())
    sweep = () if not axes else ("point",) if zipped else tuple(axes)
    coordinates = [
        Coordinate(
            name=name, values=np.array(v), units=unit, long_name=name.replace("_", " "),
            dimension="point" if zipped else "",
        )
        for name, (v, unit) in axes.items()
    ]  # fmt: skip
    if zipped:
        coordinates.insert(0, Coordinate(name="point", values=np.arange(shape[0])))
    for name, values in (("layer", layers), ("contact", contacts), ("side", ("left", "right"))):
        if values:
            coordinates.append(Coordinate(name=name, values=np.array(values, dtype=object)))
    counted = {"layers": [layers[-1]]}
    variables = [
        Variable(name="status", dtype="i4"),
        Variable(name="interface_resistance", units="ohm m2", long_name="interface resistance", attributes=counted),
        Variable(name="excess_resistance", dims=("layer",), units="ohm m2", long_name="excess resistance"),
        Variable(name="layer_resistance", dims=("layer",), units="ohm m2", long_name="resistance of the layer"),
        Variable(name="space_charge_potential", dims=("contact", "side"), units="V"),
        Variable(name="space_charge_width", dims=("contact", "side"), units="m"),
        Variable(name="charge", dims=("layer",), units="C m-2", long_name="areal charge"),
    ]
    if not contacts:
        variables = [v for v in variables if "contact" not in v.dims]
    if profiles:
        for i, layer in enumerate(layers):
            group = f"profiles/{layer}"
            x = np.linspace(0.0, 3e-8, 200) + (i - 1) * 3e-8
            coordinates.append(Coordinate(name="x", values=x, units="m", group=group))
            for name, unit in (("potential", "V"), ("occupancy", "1"), ("vacancy", "1")):
                variables.append(Variable(name=name, dims=("x",), units=unit, group=group))
    layout = Layout(
        sweep=sweep, shape=shape, coordinates=tuple(coordinates), variables=tuple(variables),
        attributes={"title": title},
    )  # fmt: skip
    n = layout.n_points
    at = np.linspace(-0.7, 1.0, n) if n > 1 else np.array([0.5])
    values = {}
    for v in variables:
        point = layout.point_shape(v)
        size = 10.0 ** (4 * np.abs(at)) * at
        if v.units == "1":
            size = 0.5 + 0.4 * at
        elif v.units != "ohm m2":
            size = at * (1e-9 if v.units == "m" else 1.0)
        elif v.name != "excess_resistance":
            size = np.abs(size)
        scale = 1.0 + np.arange(np.prod(point, dtype=int)).reshape(point) / 7.0
        if v.group:
            x = next(c for c in coordinates if c.group == v.group).values
            scale = np.exp(-np.abs(x) / 1e-9)
        values[v.path] = size.reshape(-1, *[1] * len(point)) * scale
        if n > 3 and v.name != "status":
            values[v.path][1] = np.nan
    values["status"] = np.zeros(n, np.int32)
    if n > 3:
        values["status"][1] = 1
    work = WorkFile.create(path, layout)
    work.write(0, values)
    work.commit()
    if packed:
        pack(work)
    else:
        work.close()
    return path


@pytest.fixture
def result_file(tmp_path):
    def make(axes, name="r.h5", **options):
        return make_file(tmp_path / name, axes, **options)

    return make
