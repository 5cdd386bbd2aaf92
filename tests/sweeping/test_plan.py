"""The task of a configuration: layout, chunks, fingerprint, fits, explanations; the real solver behind it."""

import pickle

import h5py
import numpy as np
import pytest

from spacecharge.config import load_config
from spacecharge.errors import ConfigError
from spacecharge.solver.outputs import outputs_for
from spacecharge.store import read_results
from spacecharge.sweeping import make_task, run_sweep
from spacecharge.sweeping.facts import facts_of
from spacecharge.sweeping.plan import InterfaceTask

TEXT = """\
temperature_K: 298.15
layers:
  electrode:
    thickness_nm: 30
    potential_V: 3.2
    permittivity: 15
    site_density_per_nm3: 22.4
    occupancy: 0.3
  electrolyte:
    thickness_nm: 30
    potential_V: 3.0
    permittivity: 15
    site_density_per_nm3: 19.7
    occupancy: 0.3756
    diffusivity_m2_per_s: 1.0e-13
"""
SWEEP = """\
sweep:
  electrode.potential_V: {start: 2.6, stop: 3.4, num: 30}
  temperature_K: {start: 280, stop: 320, num: 10}
"""


@pytest.fixture
def load(tmp_path):
    def write(text=TEXT + SWEEP, name="c.yaml"):
        (tmp_path / name).write_text(text)
        return load_config(tmp_path / name)

    return write


def test_layout_declares_every_output_with_its_dims(load):
    config = load()
    layout = make_task(config).layout
    declared = outputs_for(facts_of(config))
    assert layout.sweep == ("electrode_potential", "temperature")
    assert layout.shape == (30, 10)
    by_name = {v.name: v for v in layout.variables}
    assert list(by_name) == [o.name for o in declared]
    for output in declared:
        # One species: its axis falls away.
        assert by_name[output.name].dims == tuple(d for d in output.dims if d != "species")
        assert by_name[output.name].units == output.units
    assert by_name["interface_resistance"].attributes["layers"] == ["electrolyte"]
    assert by_name["status"].attributes["flag_meanings"].split()[0] == "solved"


def test_evaluate_gives_what_the_layout_declares(load):
    task = make_task(load(TEXT + SWEEP + "output: {profiles: {nodes: 21}}\n"))
    values = task.evaluate(3, 8)
    for variable in task.layout.variables:
        assert values[variable.path].shape == (5, *task.layout.point_shape(variable)), variable.path
    assert {v.path for v in task.layout.variables} == set(values)
    assert len(task.profile_x) == 2
    assert task.profile_x[0][-1] == task.profile_x[1][0] == 0.0


def test_several_species_have_an_axis(load):
    text = """\
layers:
  wall:
    thickness_nm: 20
    permittivity: 50
    potential_V: 0
    species:
      vacancy: {charge_number: -1, site_density_per_nm3: 3, occupancy: 0.2}
      interstitial: {charge_number: 1, site_density_per_nm3: 3, occupancy: 0.2}
ends: {left: {electrostatic_potential_V: 0.3}}
"""
    task = make_task(load(text))
    by_path = {v.path: v for v in task.layout.variables}
    assert by_path["contact_occupancy"].dims == ("contact", "side", "species")
    assert by_path["profiles/wall/occupancy"].dims == ("species", "x")
    values = task.evaluate(0, 1)
    assert values["contact_occupancy"].shape == (1, 1, 2, 2)
    assert values["profiles/wall/occupancy"].shape[1] == 2


def test_a_stack_without_contacts_has_no_contact_variables(load, tmp_path):
    text = TEXT[: TEXT.index("  electrolyte:")]
    report = run_sweep(load(text), output=tmp_path / "r.h5")
    results = read_results(report)
    assert results.contacts == ()
    assert "space_charge_potential" not in results
    assert results["charge"].shape == (1,)


def test_fingerprint_knows_what_changes_values(load):
    base = make_task(load()).fingerprint
    assert make_task(load("# a remark\n" + TEXT + SWEEP + "output: {path: elsewhere.h5}\n")).fingerprint == base
    assert make_task(load("title: another\n" + TEXT + SWEEP)).fingerprint == base
    for old, new in [
        ("permittivity: 15", "permittivity: 16"),
        ("num: 30", "num: 31"),
        ("start: 280", "start: 281"),
        ("1.0e-13", "2.0e-13"),
        ("sweep:", "solver: {tolerance_V: 1.0e-7}\nsweep:"),
        ("sweep:", "output: {profiles: true}\nsweep:"),
    ]:
        assert make_task(load((TEXT + SWEEP).replace(old, new, 1))).fingerprint != base, new


def test_fingerprint_knows_the_numbers_of_a_table(load, tmp_path):
    table = tmp_path / "t.csv"
    prints = []
    for value in ("290", "291"):
        table.write_text(f"temperature_K\n280\n{value}\n300\n")
        prints.append(make_task(load(TEXT + "sweep: {points: t.csv}\n")).fingerprint)
    assert prints[0] != prints[1]


def test_a_task_can_be_sent(load):
    task = make_task(load())
    sent = pickle.loads(pickle.dumps(task))
    assert sent.fingerprint == task.fingerprint
    a, b = task.evaluate(0, 20), sent.evaluate(0, 20)
    for path in a:
        np.testing.assert_array_equal(a[path], b[path])


def test_values_do_not_depend_on_workers_or_chunks(load, tmp_path):
    config = load()
    one = read_results(run_sweep(config, output=tmp_path / "1.h5", workers=1))
    three = read_results(run_sweep(config, output=tmp_path / "3.h5", workers=3))
    whole = InterfaceTask(config).evaluate(0, 300)
    for variable in InterfaceTask(config).layout.variables:
        a = one[variable.path]
        np.testing.assert_array_equal(a, three[variable.path])
        if variable.dtype == "f8" and variable.name != "charge_balance":
            # Another cut into chunks: the contract says 1e-12 relative.
            b = whole[variable.path].reshape(a.shape)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.nanmax(np.abs(b)))


def test_explanations_name_the_place_and_the_reason(load):
    text = TEXT.replace("occupancy: 0.3756", "occupancy: 0.9\n    interaction: {vacancy_eV: -0.2}")
    task = make_task(load(text + SWEEP))
    status = task.evaluate(0, 300)["status"]
    index = int(np.flatnonzero(status == 2)[0])
    line = task.explain(index, 2)
    assert line.startswith(f"point {index} (electrode.potential_V = ")
    assert "miscibility gap" in line
    assert "electrolyte" in line
    assert "\n" not in line


def fit_file(path, unit="m2 s-1", value=2e-13, relative=0.1, has_law=True):
    with h5py.File(path, "w") as file:
        file.attrs["format_version"] = 1
        group = file.create_group("fits/exsy")
        group.attrs["reference_temperature_K"] = 310.0
        for name, number, u in (("diffusivity_m2_per_s", value, unit), ("activation_energy_eV", 0.3, "eV"))[
            : 1 + has_law
        ]:
            dataset = group.create_dataset(f"parameters/{name}", data=number)
            dataset.attrs.update({"units": u, "sigma": relative * number, "fixed": False})


FROM_FIT = TEXT.replace("1.0e-13", "{from_fit: fit.h5, parameter: diffusivity_m2_per_s}")


def test_diffusivity_from_a_fit(load, tmp_path):
    fit_file(tmp_path / "fit.h5")
    law = "{value: 2.0e-13, at_K: 310, activation_energy_eV: 0.3}"
    by_hand = make_task(load(TEXT.replace("1.0e-13", law) + SWEEP, "b.yaml"))
    fitted = make_task(load(FROM_FIT + SWEEP))
    a, b = fitted.evaluate(0, 5), by_hand.evaluate(0, 5)
    np.testing.assert_array_equal(a["interface_resistance"], b["interface_resistance"])
    before = fitted.fingerprint
    fit_file(tmp_path / "fit.h5", value=3e-13)
    assert make_task(load(FROM_FIT + SWEEP)).fingerprint != before


def test_fits_that_cannot_be_used_are_one_line_with_a_place(load, tmp_path):
    with pytest.raises(ConfigError, match=r"c\.yaml:\d+:\d+: electrolyte.*no such file"):
        make_task(load(FROM_FIT))
    fit_file(tmp_path / "fit.h5", unit="s")
    with pytest.raises(ConfigError, match=r"is in s \(allowed: a diffusivity in m2 s-1\)"):
        make_task(load(FROM_FIT))
    fit_file(tmp_path / "fit.h5")
    with pytest.raises(ConfigError, match="has no tau"):
        make_task(load(FROM_FIT.replace("parameter: diffusivity_m2_per_s", "parameter: tau")))


D = "electrolyte.diffusivity_m2_per_s"


def test_a_fitted_diffusivity_is_swept_within_its_uncertainty(load, tmp_path):
    """Two sigma of ln D on either side, the law kept: the same as the law's value swept by hand."""
    fit_file(tmp_path / "fit.h5")
    task = make_task(load(FROM_FIT + f"sweep:\n  {D}: {{within_sigma: 2, num: 5}}\n  temperature_K: [280, 310]\n"))
    values = 2e-13 * np.exp(0.1 * np.array([-2.0, -1.0, 0.0, 1.0, 2.0]))
    assert task.layout.sweep == ("electrolyte_diffusivity", "temperature")
    (coordinate,) = (c for c in task.layout.coordinates if c.name == "electrolyte_diffusivity")
    assert coordinate.units == "m2 s-1"
    np.testing.assert_allclose(coordinate.values, values, rtol=1e-13)  # a few roundings
    law = FROM_FIT.replace("{from_fit: fit.h5, parameter: diffusivity_m2_per_s}", "{value: 1, at_K: 310, %s: 0.3}")
    listed = f"sweep:\n  {D}.value: {[float(v) for v in values]}\n  temperature_K: [280, 310]\n"
    by_hand = make_task(load(law % "activation_energy_eV" + listed, "b.yaml"))
    a, b = task.evaluate(0, 10), by_hand.evaluate(0, 10)
    assert (a["status"] == 0).all()
    np.testing.assert_allclose(a["interface_resistance"], b["interface_resistance"], rtol=1e-12)
    # R is proportional to 1/D, at every temperature.
    ratio = a["interface_resistance"].reshape(5, 2) * values[:, None]
    np.testing.assert_allclose(ratio / ratio[2], 1.0, rtol=1e-12)


def test_within_sigma_of_a_number_without_a_law_and_of_an_activation_energy(load, tmp_path):
    fit_file(tmp_path / "fit.h5", has_law=False)
    for path in (D, f"{D}.value"):
        axis = make_task(load(FROM_FIT + f"sweep: {{{path}: {{within_sigma: 1, num: 3}}}}\n")).config.axes[0]
        np.testing.assert_allclose(axis.values, 2e-13 * np.exp([-0.1, 0.0, 0.1]), rtol=1e-13)
        assert axis.over == D
    with pytest.raises(ConfigError, match=r"c\.yaml:16:9: sweep\.electrolyte.*has no activation energy"):
        make_task(load(FROM_FIT + f"sweep: {{{D}.activation_energy_eV: {{within_sigma: 1, num: 3}}}}\n"))
    fit_file(tmp_path / "fit.h5")
    energy = f"sweep:\n  mode: zip\n  {D}: {{within_sigma: 1, num: 3}}\n"
    energy += f"  {D}.activation_energy_eV: {{within_sigma: 3, num: 3}}\n"
    task = make_task(load(FROM_FIT + energy))
    np.testing.assert_allclose(task.config.axes[1].values, [0.21, 0.3, 0.39], rtol=1e-14)
    # Even steps in an energy, which a fit has as it is.
    assert (task.evaluate(0, 3)["status"] == 0).all()


def test_a_changed_fit_is_another_sweep(load, tmp_path):
    text = FROM_FIT + f"sweep: {{{D}: {{within_sigma: 2, num: 5}}}}\n"
    fit_file(tmp_path / "fit.h5")
    before = make_task(load(text)).fingerprint
    fit_file(tmp_path / "fit.h5", relative=0.2)
    assert make_task(load(text)).fingerprint != before


@pytest.mark.parametrize(
    ("relative", "message"),
    [
        (0.0, "the fit gives no error of it (a fixed number has none)"),
        (np.nan, "the fit gives no error of it (a fixed number has none)"),
        (20.0, "2 sigma of the fit reach to 47077.1 (allowed: 1e-60 to 1)"),
        (1e6, "(allowed: 1e-60 to 1)"),
    ],
)
def test_uncertainties_that_cannot_be_swept_are_one_line_with_a_place(load, tmp_path, relative, message):
    fit_file(tmp_path / "fit.h5", relative=relative)
    with pytest.raises(ConfigError) as caught:
        make_task(load(FROM_FIT + f"sweep:\n  {D}: {{within_sigma: 2, num: 5}}\n"))
    (line,) = caught.value.problems
    assert line.startswith(str(tmp_path / "c.yaml") + f":17:3: sweep.{D}: ")
    assert line.endswith(message)


def test_an_axis_around_a_fit_has_no_values_before_the_fit_is_read(load):
    config = load(FROM_FIT + f"sweep: {{{D}: {{within_sigma: 2, num: 5}}}}\n")
    assert config.shape == (5,)
    with pytest.raises(ConfigError, match="has not been read yet"):
        config.point_values(0, 5)


def test_a_hundred_million_points_are_planned_without_being_listed(load):
    import resource

    text = SWEEP.replace("num: 30", "num: 10000").replace("num: 10}", "num: 10000}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    task = make_task(load(TEXT + text))
    assert task.layout.n_points == 10**8
    assert task.chunk_points <= 2048
    assert task.evaluate(10**8 - 3, 10**8)["status"].tolist() == [0, 0, 0]
    # Two axes of 10,000 values, and nothing of the size of the sweep (which would be 800 MB an array).
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_sensitivities_beside_an_axis_over_table_values_are_refused(load):
    table = "ocv: {composition: [0, 1], occupancy: [0.1, 0.9], potential_V: [3.4, 3.0]}"
    text = TEXT.replace("    occupancy: 0.3\n  electrolyte", f"    {table}\n  electrolyte")
    axis = "sweep: {electrode.ocv.potential_V.0: [3.4, 3.5]}\n"
    make_task(load(text + axis))
    with pytest.raises(ConfigError, match="sensitivities: needs one stack for all points"):
        load(text + axis + "output: {sensitivities: [electrode.permittivity]}\n")
