"""Fits of the kind ocv: from a cycler's file to a curve that a layer takes."""

import json
import lzma
from pathlib import Path

import h5py
import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.config.load import load_config
from spacecharge.errors import ConfigError, FitError
from spacecharge.fitting.kinds.ocv import OcvSampleKeys, sample_of
from spacecharge.store.fits import write_fit
from tests.measured.titration import slab_titration

DATA = Path(__file__).parents[1] / "measured" / "data"
KT = 0.025692579
COLUMNS = {"time_h": "time_h", "voltage_V": "voltage_V", "capacity_mAh_per_g": "capacity_mAh_g"}
GITT = {
    "fit": "ocv",
    "name": "nmc",
    "title": "Titration",
    "data": {"path": str(DATA / "gitt.csv"), "columns": COLUMNS},
    "sample": {"theoretical_capacity_mAh_per_g": 275, "composition_start": 0.95},
    "model": {"kind": "rests", "rest_at_least_s": 3600},
}
PRINTED = {10: 3.55318, 60: 3.70474, 100: 3.84495, 130: 4.00229, 160: 4.1369, 180: 4.20522}
STACK = """
layers:
  electrode:
    composition: 0.5
    ocv: OCV
    permittivity: 12.0
    site_density_per_nm3: 30.0
    thickness_nm: 30
  electrolyte: {material: LAGP, thickness_nm: 30}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the configuration as a file."""
    path = tmp_path_factory.mktemp("ocv")
    (path / "gitt.yaml").write_text(json.dumps(GITT))
    return path


def test_command_file_and_layer(folder, capsys):
    out = folder / "nmc.h5"
    assert main(["fit", str(folder / "gitt.yaml"), "-o", str(out), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    curve = shown["curve"]
    assert len(curve["composition"]) == shown["data"]["n_rests"] == 18
    for charge, potential in PRINTED.items():
        near = int(np.argmin(np.abs(np.array(curve["composition"]) - (0.95 - charge / 275))))
        assert curve["potential_V"][near] == pytest.approx(potential, abs=5e-6)
        assert 0.0 < curve["sigma_V"][near] < 5e-3
    assert set(curve["branch"]) == {"charge"}
    assert curve["chemical_diffusivity_m2_per_s"] == [None] * 18
    with h5py.File(out) as file:
        group = file["fits/nmc"]
        assert group.attrs["kind"] == "ocv"
        for name, unit in {
            "potential": "V",
            "potential_sigma": "V",
            "branch": "1",
            "thermodynamic_factor": "1",
        }.items():
            assert group[name].shape == (18,)
            assert group[name].attrs["units"] == unit
        assert group["chemical_diffusivity"].attrs["units"] == "m2 s-1"
        np.testing.assert_array_equal(group["potential"], curve["potential_V"])
    # The layer: the potential at a composition is that of the measured curve.
    (folder / "stack.yaml").write_text(STACK.replace("OCV", "{from_fit: nmc.h5}").replace("0.5\n", "0.58636364\n"))
    stack = load_config(folder / "stack.yaml").parameters()
    assert stack.potential[0, 0] == pytest.approx(3.84495, abs=1e-5)
    assert stack.bulk_occupancy[0].flat[0] == pytest.approx(0.58636364, abs=1e-8)
    assert main(["check", str(folder / "gitt.yaml")]) == 0
    assert "275 mAh/g per unit of composition, which starts at 0.95" in capsys.readouterr().out
    for command in (["show"], ["plot", "-o", str(folder / "nmc.png")]):
        assert main([command[0], str(out), *command[1:]]) == 0
    assert "0.58636  3.84495" in capsys.readouterr().out
    assert (folder / "nmc.png").stat().st_size > 20_000


def test_python_and_text_and_figure(folder):
    rows = (DATA / "gitt.csv").read_text().splitlines()
    (folder / "one.csv").write_text("\n".join([rows[0], *rows[13:30]]))
    result = sc.fit(GITT)
    assert "18 points, composition 0.2955 to 0.9136" in repr(result)
    assert len(result.plot().axes) == 3
    assert result.ocv.potential[-1] == pytest.approx(3.55318, abs=5e-6)
    assert result.curve["potential"][-1] == result.ocv.potential[-1]
    # One rest is one point: it prints, draws and is stored.
    one = sc.fit(
        {**GITT, "model": {"rest_at_least_s": 3600}, "data": {**GITT["data"], "path": str(folder / "one.csv")}}
    )
    assert one.ocv.composition.size == 1
    assert "1 point" in repr(one)
    assert one.plot().axes
    write_fit(folder / "one.h5", one)


def test_diffusivity_and_both_shapes_of_a_record(tmp_path):
    """A slab of 2 um: current of the cell, formula and mass give what the titration was made with."""

    def potential(x):
        return 3.9 - 0.5 * x - KT * np.log(x / (1.0 - x))

    t, u, rate, _ = slab_titration(
        potential, diffusivity=4e-15, thickness=2e-6, step=0.01, n_pulses=40, pulse_s=8.0, rest_s=5000.0, start=0.9,
        resistance_V=0.01,
    )  # fmt: skip
    # 1 mg of V2O5: F/M = 530.5 C/g for one lithium.
    current = rate * 1e-3 * 96485.33 / 181.879
    rows = "".join(
        f"{a!r};{b!r};{1e3 * c!r}\n" for a, b, c in zip(t.tolist(), u.tolist(), current.tolist(), strict=True)
    )
    (tmp_path / "cell.csv").write_text(("t;U;I\ns;V;mA\n" + rows).replace(".", ","))
    config = {
        "fit": "ocv",
        "data": {
            "path": str(tmp_path / "cell.csv"),
            "columns": {"time_s": "t", "voltage_V": "U", "current_mA": "I"},
        },
        "sample": {"active_mass_g": 1e-3, "formula": "V2O5", "composition_start": 0.9, "thickness_nm": 2000},
    }
    result = sc.fit(config)
    curve = result.ocv
    assert curve.composition == pytest.approx(0.9 - 0.01 * np.arange(40, -1, -1), abs=1e-5)
    assert curve.potential == pytest.approx(potential(curve.composition), abs=1e-3)
    told = np.isfinite(curve.chemical_diffusivity)
    assert np.sum(told) > 20
    assert curve.chemical_diffusivity[told] == pytest.approx(4e-15, rel=0.03, abs=0)
    inner = slice(2, -2)
    x = curve.composition[inner]
    expected = 1.0 / (1.0 - x) + 0.5 * x / KT
    assert curve.thermodynamic_factor[inner] == pytest.approx(expected, rel=0.02, abs=0)
    assert "1 row of units" in " ".join(result.notes)
    assert len(result.plot().axes) == 4
    # The same with the other sign convention: found, and refused where the file says otherwise.
    swapped = "".join(
        f"{a!r};{b!r};{-1e3 * c!r}\n" for a, b, c in zip(t.tolist(), u.tolist(), current.tolist(), strict=True)
    )
    (tmp_path / "cell.csv").write_text("t;U;I\n" + swapped)
    other = sc.fit(config)
    assert other.ocv.potential == pytest.approx(curve.potential, abs=1e-12)
    assert "taken as discharge: the voltage falls" in other.warnings[0]
    given = {**config, "data": {**config["data"], "positive_current": "discharge"}}
    assert sc.fit(given).warnings == other.warnings[1:]
    given["data"]["positive_current"] = "charge"
    with pytest.raises(FitError, match=r"data\.positive_current: discharge"):
        sc.fit(given)


def test_the_published_scan(tmp_path):
    (tmp_path / "lnmo.bdf.csv").write_bytes(lzma.decompress((DATA / "LNMO_pOCV_DLR.bdf.csv.xz").read_bytes()))
    config = {
        "fit": "ocv",
        "data": {"path": str(tmp_path / "lnmo.bdf.csv")},
        "sample": {"active_mass_g": 0.0455, "theoretical_capacity_mAh_per_g": 147},
        "model": {"kind": "slow_scan"},
    }
    with pytest.raises(FitError, match=r"3384 times the stated capacity.* 3600 times .*data\.time_scale: 2\.7778e-04"):
        sc.fit(config)
    config["data"]["time_scale"] = 2.7778e-4
    shown = sc.fit(config).to_json()
    data = shown["data"]
    assert data["n_rows"] == 17_860
    assert data["duration_h"] == pytest.approx(40.93, abs=0.005)
    assert (data["charge_mAh"], data["discharge_mAh"]) == pytest.approx((6.288, 6.190), abs=5e-4)
    assert (data["voltage_min_V"], data["voltage_max_V"]) == pytest.approx((2.99383, 4.90010), abs=5e-6)
    assert "composition_start is not given" in shown["warnings"][0]


def test_a_plateau_is_not_handed_on(tmp_path):
    x = np.linspace(0.95, 0.05, 19)
    u = np.where((x > 0.2) & (x < 0.8), 3.43, 3.43 - KT * np.log(x / (1 - x) / np.where(x < 0.5, 0.25, 4.0)))
    rows = []
    for k, (a, b) in enumerate(zip(x, u, strict=True)):
        q = 170 * (0.95 - a)
        rows += [(k * 2.0, b, q), (k * 2.0 + 1.5, b, q)]
    text = "t,U,q\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    (tmp_path / "lfp.csv").write_text(text)
    config = {
        "fit": "ocv",
        "name": "lfp",
        "data": {
            "path": str(tmp_path / "lfp.csv"),
            "columns": {"time_h": "t", "voltage_V": "U", "capacity_mAh_per_g": "q"},
        },
        "sample": {"theoretical_capacity_mAh_per_g": 170, "composition_start": 0.95},
    }
    result = sc.fit(config)
    assert "two-phase plateau: composition 0.2 to 0.8 at 3.43 V" in result.warnings[-1]
    assert result.to_json()["plateaus"][0]["composition"] == pytest.approx([0.2, 0.8])
    write_fit(tmp_path / "lfp.h5", result)
    (tmp_path / "c.yaml").write_text(STACK.replace("OCV", "{from_fit: lfp.h5}"))
    with pytest.raises(ConfigError, match=r"a plateau, composition 0\.2 to 0\.8 at 3\.43 V: .*two phases"):
        load_config(tmp_path / "c.yaml")
    part = STACK.replace("OCV", "{from_fit: lfp.h5, fit: lfp, composition_range: [0.8, 1]}").replace("0.5\n", "0.9\n")
    (tmp_path / "c.yaml").write_text(part)
    assert load_config(tmp_path / "c.yaml").parameters().potential[0, 0] < 3.43
    (tmp_path / "c.yaml").write_text(STACK.replace("OCV", "{from_fit: lfp.h5, fit: other}"))
    with pytest.raises(ConfigError, match=r"has no fit other of the kind ocv \(fits: lfp\)"):
        load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("section", "keys", "message"),
    [
        ("sample", {"theoretical_capacity_mAh_per_g": None}, "one of theoretical_capacity_mAh_per_g"),
        ("sample", {"formula": "Li(O"}, "a parenthesis is not closed"),
        ("sample", {"formula": "V2O5", "molar_mass_g_per_mol": 150}, r"150, but V2O5 has 181\.88 g/mol"),
        ("sample", {"thickness_nm": 10, "particle_radius_nm": 10}, "give one"),
        ("sample", {"theoretical_capacity_mAh_per_g": -1}, "theoretical_capacity_mAh_per_g"),
        ("data", {"columns": {**COLUMNS, "current_ma": "x"}}, "unknown key .*nearest: current_mA"),
        ("data", {"time_scale": 0}, "time_scale"),
        ("model", {"kind": "rest"}, "rests"),
    ],
)
def test_keys_are_checked(section, keys, message):
    changed = {key: value for key, value in {**GITT[section], **keys}.items() if value is not None}
    with pytest.raises((ConfigError, FitError), match=message):
        sc.fit({**GITT, section: changed})


def test_the_current_of_a_rest_in_any_unit():
    for sample, model in (
        ({}, {"rest_current_below_A": 1e-6}),
        ({"active_mass_g": 0.01}, {"rest_current_below_A": 1e-6}),
    ):
        result = sc.fit({**GITT, "sample": {**GITT["sample"], **sample}, "model": {**GITT["model"], **model}})
        assert len(result.ocv.rests) == 18
        assert ("needs active_mass_g here" in " ".join(result.warnings)) == (not sample)


def test_ways_to_say_what_the_sample_is():
    film = sample_of(
        OcvSampleKeys(formula="V2O5", area_cm2=2.0, thickness_nm=500, density_g_per_cm3=3.36, electrons=2.0)
    )
    assert film.mass == pytest.approx(2e-4 * 500e-9 * 3360, rel=1e-12, abs=0)
    assert film.length == pytest.approx(500e-9, rel=1e-12, abs=0)
    assert film.capacity / 3600 == pytest.approx(294.7, abs=0.1)
    powder = OcvSampleKeys(active_mass_g=1e-2, formula="V2O5", area_cm2=100.0, molar_volume_cm3_per_mol=54.1)
    assert sample_of(powder).length == pytest.approx(1e-5 / 0.18188 * 54.1e-6 / 1e-2, rel=1e-4, abs=0)
    inferred = OcvSampleKeys(
        active_mass_g=1e-2, theoretical_capacity_mAh_per_g=147.36, area_cm2=100.0, molar_volume_cm3_per_mol=54.1
    )
    assert sample_of(inferred).length == pytest.approx(sample_of(powder).length, rel=1e-4, abs=0)
    area = sample_of(OcvSampleKeys(area_cm2=2.0, theoretical_capacity_mAh_per_cm2=3.0))
    assert area.capacity * area.mass / 3.6 == pytest.approx(6.0, rel=1e-12, abs=0)
