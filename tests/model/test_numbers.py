"""The table of numbers: what follows from a row is there, and is right by another route."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from spacecharge.cli import main
from spacecharge.codes import EndKind, Statistics, Status, Transport
from spacecharge.config import parse_config
from spacecharge.config.interface_parameters import ParameterKeys, fitted_path
from spacecharge.config.paths import allowed_range, sweepable
from spacecharge.document.problems import Problems
from spacecharge.errors import ConfigError, ModelError
from spacecharge.kernels import rows
from spacecharge.kernels.laws import has_vacancies
from spacecharge.model import Contact, End, Layer, Stack, plain, stack_parameters
from spacecharge.model.numbers import CONTACT, END, LAYER, NUMBERS, RANGES, SPECIES, STACK, TRANSFER, number_of
from spacecharge.model.parameters import numeric_paths
from spacecharge.model.species_keys import SPECIES_KEYS
from spacecharge.model.tangents import parameter_tangent
from spacecharge.units import unit_of

OCV = {"composition": [0.0, 0.4, 1.0], "occupancy": [0.1, 0.5, 0.9], "potential_V": [3.6, 3.2, 2.5]}
RICH = Stack(
    (
        Layer(
            name="a",
            thickness_nm=30.0,
            permittivity=12.0,
            site_density_per_nm3=20.0,
            potential_V=3.0,
            ocv=OCV,
            mobile_fraction=0.7,
            conductivity_S_per_m=0.01,
        ),
        Layer(
            name="b",
            thickness_nm=20.0,
            permittivity=9.0,
            potential_V=2.5,
            species={
                "x": {
                    "site_density_per_nm3": 8.0,
                    "occupancy": 0.3,
                    "mobile_fraction": 0.4,
                    "charge_number": 2.0,
                    "interaction": {"occupied_eV": 0.05, "vacancy_eV": 0.02},
                    "diffusivity_m2_per_s": {"value": 1e-13, "at_K": 310.0, "activation_energy_eV": 0.3},
                },
                "y": {
                    "site_density_per_nm3": 2.0,
                    "occupancy": 0.2,
                    "diffusivity_m2_per_s": 1e-14,
                    "mobile_fraction": 0.9,
                },
            },
        ),
        Layer(
            name="c",
            thickness_nm=5.0,
            permittivity=4.0,
            site_density_per_nm3=9.0,
            composition=0.3,
            ocv=OCV,
            mobile_fraction=0.5,
        ),
    ),
    temperature_K=330.0,
    contacts=(Contact(charge_C_per_m2=0.01, dipole_V=0.02, resistance_ohm_cm2=5.0), Contact(resistance_ohm_cm2=1.0)),
    left=End(kind="electrostatic_potential_V", value=0.1),
    right=End(kind="surface_charge_C_per_m2", value=-0.01),
)


def test_numbers_of_one_name_share_a_range_and_a_unit() -> None:
    for row in NUMBERS:
        if not row.key.endswith(".value"):
            leaf = row.key.rpartition(".")[2]
            assert RANGES[leaf] == (row.low, row.high), row.key
        assert row.low < row.high
        assert unit_of(row.key) == row.unit
        assert number_of(f"somewhere.{row.key}").low == row.low


def test_rows_have_what_needs_them() -> None:
    for row in NUMBERS:
        assert row.text[0].isupper() and not row.text.endswith("."), row.key
        assert row.words, row.key
        # Whatever fills an array has something harmless for points that cannot be solved, or leaves it unknown.
        assert not row.required or row.fill > 0.0, row.key
    parameters = stack_parameters(RICH)
    for row in NUMBERS:
        if row.array:
            assert parameters.array(row.array).shape[0] == 1, row.key


@pytest.mark.parametrize("path", numeric_paths(RICH))
def test_derivatives_are_those_of_differences(path: str) -> None:
    _hold_derivative(RICH, path, _value_at(path))


def _hold_derivative(stack: Stack, path: str, value: float) -> None:
    base, tangent = parameter_tangent(stack, path)
    number = number_of(path)
    step = 1e-5 * (abs(value) if value else 1.0)
    moved = stack_parameters(stack, {path: value + step * np.array([-2.0, -1.0, 1.0, 2.0])})
    assert not moved.invalid.any()
    for name, slope in tangent.over_points().items():
        if name == "invalid":
            continue
        lowest, low, high, highest = moved.over_points()[name]
        rule = (8.0 * (high - low) - (highest - lowest)) / (12.0 * step * number.unit.factor)
        scale = np.nanmax(np.abs(rule), initial=0.0)
        np.testing.assert_allclose(slope[0], rule, rtol=1e-7, atol=1e-9 * scale, err_msg=f"{path}: {name}")
    assert base.n_points == 1


@pytest.mark.parametrize("row", [row for row in SPECIES if row.rule == "law" and not row.is_part], ids=lambda r: r.key)
@pytest.mark.parametrize("part", ["", "value", "at_K", "activation_energy_eV"])
def test_every_arrhenius_law_has_its_derivatives(row, part: str) -> None:  # type: ignore[no-untyped-def]
    law = {"value": (row.low * row.high) ** 0.5, "at_K": 310.0, "activation_energy_eV": 0.3}
    keys = {"thickness_nm": 3.0, "permittivity": 4.0, "potential_V": 1.0, "site_density_per_nm3": 5.0, "occupancy": 0.4}
    layer = Layer(name="a", **keys, **{row.key: law if part else law["value"]})
    _hold_derivative(Stack([layer], temperature_K=330.0), f"a.{row.key}{part and '.'}{part}", law[part or "value"])


def _value_at(path: str) -> float:
    """Read a number back out of the stack, by hand."""
    head, *rest = path.split(".")
    if head == "temperature_K":
        return RICH.temperature_K
    if head == "contacts":
        return float(getattr(RICH.contacts[int(rest[0])], rest[1]))
    if head == "ends":
        return float(getattr(RICH, rest[0]).value)
    layer = RICH[head]
    if rest[0] == "species":
        keys = (layer.species or {})[rest[1]]
        rest = rest[2:]
    else:
        keys = {key: getattr(layer, key) for key in (*SPECIES_KEYS, "thickness_nm", "permittivity", "potential_V")}
    value = keys.get(rest[0])
    for key in rest[1:]:
        value = (value or {}).get(key)
    return float(value if value is not None else {"charge_number": 1.0}.get(rest[0], 0.0))


def test_every_number_can_be_swept_and_is_held_to_its_range() -> None:
    data = {
        "layers": {"a": {"thickness_nm": 1}, "b": {}},
        "contacts": [{"charge_transfer": {}}],
    }
    paths = sweepable(data)
    for section, declared in (
        ("", STACK),
        ("a.", (*LAYER, *SPECIES)),
        ("contacts.0.", CONTACT),
        ("contacts.0.charge_transfer.", TRANSFER),
        ("ends.left.", END),
    ):
        for row in declared:
            assert f"{section}{row.key}" in paths
            assert allowed_range(f"{section}{row.key}") == (row.low, row.high)


OF_CORES = ("segregation_energy_eV",)
TEXT = """\
layers:
  a: {{thickness_nm: 3, permittivity: 4, potential_V: 1, site_density_per_nm3: 5, occupancy: 0.5{layer}}}
  b: {{thickness_nm: 3, permittivity: 4, potential_V: 2, site_density_per_nm3: 5, occupancy: 0.5}}
{rest}
"""


@pytest.mark.parametrize("row", [row for row in (*LAYER, *SPECIES) if "." not in row.key], ids=lambda row: row.key)
def test_code_and_file_refuse_the_same_numbers(row) -> None:  # type: ignore[no-untyped-def]
    keys = {"thickness_nm": 3.0, "permittivity": 4.0, "potential_V": 1.0, "site_density_per_nm3": 5.0, "occupancy": 0.5}
    if row.key == "composition":
        keys = {"thickness_nm": 3.0, "permittivity": 4.0, "site_density_per_nm3": 5.0}
    for bad in (row.low - abs(row.low) * 0.01 - 1e-3 * (row.low == 0.0), row.high * 1.01):
        # A number of cores is refused for a layer that is none, whatever it is.
        wrong = "belongs to a core" if row.key in OF_CORES else "out of range"
        with pytest.raises(ModelError, match=wrong):
            Layer(**{**keys, "ocv": OCV if row.key == "composition" else None, row.key: bad})
        text = TEXT.format(layer="", rest="").replace("occupancy: 0.5}", f"occupancy: 0.5, {row.key}: {bad!r}}}", 1)
        if row.key in keys:
            text = TEXT.format(layer="", rest="").replace(f"{row.key}: {keys[row.key]:g}", f"{row.key}: {bad!r}", 1)
        with pytest.raises(ConfigError, match="out of range"):
            parse_config(text)


def test_the_layer_takes_every_number_as_a_keyword_and_says_so() -> None:
    for row in (*LAYER, *SPECIES):
        if "." not in row.key:
            assert f"{row.key} : " in (Layer.__doc__ or "")
            assert hasattr(Layer, row.key)
    assert all(f"{row.key} : " in (Contact.__doc__ or "") for row in CONTACT)


@pytest.mark.parametrize(
    "row", [row for row in SPECIES if row.rule == "plain" and row.key not in OF_CORES], ids=lambda row: row.key
)
def test_a_core_follows_its_grain_in_every_number_of_a_species(row) -> None:  # type: ignore[no-untyped-def]
    keys = {"permittivity": 9.0, "thickness_nm": 5.0}
    grain = Layer(name="g", potential_V=2.0, site_density_per_nm3=8.0, occupancy=0.3, **keys)
    core = Layer(name="c", core_of="g", segregation_energy_eV=0.1, **keys)
    values = np.array([0.2, 0.4])
    both = stack_parameters(Stack([grain, core]), {f"g.{row.key}": values})
    found = both.array(row.array)[:, :, 0]
    np.testing.assert_array_equal(found[:, 0], found[:, 1])
    assert found[0, 0] != found[1, 0]


def test_numbers_that_may_be_off_by_decades_are_fitted_by_their_logarithm() -> None:
    known = [row.key for row in (*LAYER, *SPECIES, *TRANSFER) if row.rule in ("plain", "law", "none") and row.unit]
    logarithmic = set()
    for key in known:
        problems = Problems("f.yaml")
        if fitted_path(f"a.{key}", ParameterKeys(min=1.0, max=2.0), [f"a.{key}"], problems).log:
            logarithmic.add(key)
    densities = {"site_density_per_nm3", "permittivity", "rate_constant_per_m2_s"}
    laws = {"diffusivity_m2_per_s", "conductivity_S_per_m", "conductivity_mS_per_cm"}
    assert logarithmic == densities | laws | {f"{law}.value" for law in laws}


def test_check_names_every_number_that_a_contact_has(tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    given = {row.key: 0.1 * (k + 1) * min(row.high, 10.0) for k, row in enumerate(CONTACT)}
    rest = "contacts: [{" + ", ".join(f"{key}: {value!r}" for key, value in given.items()) + "}]\n"
    path = tmp_path / "c.yaml"
    path.write_text(TEXT.format(layer="", rest=rest))
    assert main(["check", str(path)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("contact"))
    for row in CONTACT:
        assert f"{given[row.key]:g} {row.unit.text}" in line, row.key


def test_a_number_of_a_layer_has_its_default_where_the_layer_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(replace(row, default=7.0) if row.key == "grain_size_nm" else row for row in LAYER)
    monkeypatch.setattr(plain, "LAYER", rows)
    keys = {"thickness_nm": 5.0, "permittivity": 9.0, "site_density_per_nm3": 8.0, "occupancy": 0.3, "potential_V": 2.0}
    stack = Stack((Layer(name="a", **keys), Layer(name="b", grain_size_nm=4.0, **keys)))
    assert stack_parameters(stack).array("grain_size")[0] == pytest.approx([7e-9, 4e-9], rel=1e-15)


def test_codes_are_those_of_the_kernels() -> None:
    # A metal becomes an electrostatic potential before a kernel sees it.
    assert {kind.name: kind for kind in EndKind if kind is not EndKind.METAL}.items() <= vars(rows).items()
    for law in Statistics:
        assert law == getattr(rows, law.name)
        assert has_vacancies(int(law)) == law.has_vacancies
    assert (Transport.CONSTANT, Transport.VACANCY) == (rows.TRANSPORT_CONSTANT, rows.TRANSPORT_VACANCY)
    from spacecharge.kernels import poisson_boltzmann as k

    assert [*Status] == [k.SOLVED, k.UNCONVERGED, k.MISCIBILITY_GAP, k.INVALID, k.INACCURATE, k.NOT_RUN]


def test_kinds_of_ends_with_a_number_have_one_in_the_table() -> None:
    assert {kind.key for kind in EndKind if kind.is_contact} == {row.key for row in END}
    assert all(a < b for a, b in pairwise(EndKind))
