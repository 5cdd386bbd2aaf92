"""Tables of a sweep over two axes: what it is about comes first, each value stands under its own column."""

from __future__ import annotations

import numpy as np
import pytest

from spacecharge.config import parse_config
from spacecharge.report.points import points_text
from spacecharge.store import Coordinate, Layout, Variable, WorkFile, pack, read_results
from spacecharge.sweeping import run_sweep

CURRENTS, CHARGES = np.array([1.0, 10.0, 100.0]), np.array([0.1, 0.2])


def written(path, names: dict[str, str], *, first: str = "load_current_density", blank: tuple[str, ...] = ()):
    """Write variables (name: SI unit) over two axes, each with values of its own; `blank` are NaN."""
    coordinates = (
        Coordinate(name=first, values=CURRENTS, units="V" if first.endswith("voltage") else "A m-2"),
        Coordinate(name="site_charge", values=CHARGES, units="C m-2"),
    )
    variables = (Variable(name="status", dtype="i4"), *(Variable(name=n, units=u) for n, u in names.items()))
    layout = Layout(sweep=(first, "site_charge"), shape=(3, 2), coordinates=coordinates, variables=variables)
    values = {"status": np.zeros(6, dtype=np.int32)}
    for k, name in enumerate(names):
        values[name] = np.full(6, np.nan) if name in blank else 1e-4 * (np.arange(6.0) + 1.0 + 10.0 * k)
    with WorkFile.create(path, layout) as work:
        work.write(0, values)
        work.commit()
        pack(work)
    return read_results(path)


def shown(results) -> list[str]:
    return points_text(results, (), 40)[1]


LOAD = {
    "voltage": "V", "current_density": "A m-2", "differential_resistance": "ohm m2", "interface_resistance": "ohm m2",
    "grain_boundary_resistance": "ohm m2", "barrier": "V",
}  # fmt: skip


def numbers(lines: list[str], heading: str) -> list[list[float]]:
    at = next(i for i, line in enumerate(lines) if line.startswith(heading))
    return [[float(cell) for cell in line.split()[1:]] for line in lines[at + 2 : at + 5]]


def test_a_load_shows_what_a_cell_measures(tmp_path) -> None:
    lines = shown(written(tmp_path / "r.h5", LOAD))
    assert numbers(lines, "voltage [V]") == pytest.approx(1e-4 * np.array([[1, 2], [3, 4], [5, 6]]))
    # 1e-4 ohm m2 are 1 Ohm cm2.
    assert numbers(lines, "differential resistance [Ohm cm2]") == pytest.approx(
        np.array([[21.0, 22], [23, 24], [25, 26]])
    )
    assert not any("interface" in line for line in lines)


def test_a_swept_voltage_shows_the_current(tmp_path) -> None:
    lines = shown(written(tmp_path / "r.h5", LOAD, first="load_voltage"))
    assert numbers(lines, "current density [mA/cm2]")[0] == pytest.approx([1.1e-4, 1.2e-4])
    assert not any(line.startswith("voltage") for line in lines)


def test_a_boundary_at_rest_shows_itself(tmp_path) -> None:
    names = {k: u for k, u in LOAD.items() if k in ("interface_resistance", "grain_boundary_resistance", "barrier")}
    lines = shown(written(tmp_path / "r.h5", names))
    assert numbers(lines, "grain boundary resistance [Ohm cm2]")[2] == pytest.approx([15.0, 16.0])
    assert numbers(lines, "barrier [V]")[0] == pytest.approx([21e-4, 22e-4])
    lines = shown(written(tmp_path / "b.h5", names, blank=("grain_boundary_resistance",)))
    assert lines[0].startswith("barrier [V]")
    # Without a boundary, as before.
    lines = shown(written(tmp_path / "n.h5", names, blank=("grain_boundary_resistance", "barrier")))
    assert lines[0].startswith("interface resistance [Ohm cm2]")


def test_several_biased_contacts_have_no_current_of_the_whole(tmp_path) -> None:
    names = {k: u for k, u in LOAD.items() if k not in ("voltage", "grain_boundary_resistance", "barrier")}
    lines = shown(written(tmp_path / "r.h5", names, blank=("current_density", "differential_resistance")))
    assert lines[0].startswith("interface resistance [Ohm cm2]")


def test_the_name_of_an_axis_stands_once(tmp_path) -> None:
    names = {"interface_resistance": "ohm m2"}
    lines = shown(written(tmp_path / "r.h5", names))
    assert lines[0] == "interface resistance [Ohm cm2], a column for each site_charge [uC/cm2]"
    assert lines[1].split() == ["load_current_density", "[mA/cm2]", "10", "20"]
    assert sum(line.count("site_charge") for line in lines[:-1]) == 1


def test_one_point_under_a_load_says_what_a_cell_measures_and_why_it_has_no_capacitance(tmp_path) -> None:
    grain = "{thickness_nm: 10, permittivity: 30, potential_V: 3, site_density_per_nm3: 1, occupancy: 0.3, "
    grain += "diffusivity_m2_per_s: 1.0e-13}"
    text = f"layers:\n  left: {grain}\n  right: {grain}\nload: {{current_density_mA_per_cm2: 1}}\n"
    results = read_results(run_sweep(parse_config(text), output=tmp_path / "r.h5", workers=1, quiet=True))
    lines = shown(results)
    (why,) = [line for line in lines if "capacitances are those of equilibrium" in line]
    assert why.startswith("static C, differential C, 1/(2 pi R C): ")
    assert not any("cut at the contact" in line for line in lines)
    first = lines.index("", lines.index(why)) + 1
    # Twice 10 nm through sigma of the level state, whatever flows.
    ohms = 2 * float(results["layer_resistance"][0]) * 1e4
    assert lines[first].split() == ["polarisation", f"{1e-3 * ohms:.5g}", "V"]
    assert lines[first + 2].split() == ["differential", "resistance", f"{ohms:.5g}", "Ohm", "cm2"]
