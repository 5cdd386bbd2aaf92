"""Open-circuit voltages from tables: the stack of the same lists, and what is wrong with its line."""

from pathlib import Path

import numpy as np
import pytest

from spacecharge.config.load import load_config, parse_config
from spacecharge.errors import ConfigError

STACK = """
layers:
  electrode:
    composition: 0.5
    ocv: OCV
    permittivity: 12.0
    site_density_per_nm3: 30.0
    thickness_nm: 30
  electrolyte: {material: LAGP, thickness_nm: 30}
sweep:
  electrode.composition: [0.2, 0.5, 0.8]
"""
X, U = [0.1, 0.3, 0.7, 0.9], [3.9, 3.6, 3.3, 3.0]
TABLE = "x;U (V);theta\n" + "".join(f"{x};{u};{0.9 * x}\n" for x, u in zip(X, U, strict=True)).replace(".", ",")


def load(folder: Path, table: str, more: str = "", columns: str = "composition: x, potential_V: U (V)"):
    (folder / "curve.csv").write_text(table)
    (folder / "c.yaml").write_text(STACK.replace("OCV", f"{{path: curve.csv, columns: {{{columns}}}{more}}}"))
    return load_config(folder / "c.yaml")


def test_a_table_gives_the_stack_of_its_lists(tmp_path):
    lists = f"{{composition: {X}, occupancy: {[0.9 * x for x in X]}, potential_V: {U}}}"
    inline = parse_config(STACK.replace("OCV", lists))
    column = load(tmp_path, TABLE, columns="composition: x, potential_V: U (V), occupancy: theta")
    share = load(tmp_path, TABLE, ", occupancy_per_composition: 0.9")
    for config in (column, share):
        for name in ("potential", "bulk_occupancy"):
            expected = getattr(inline.parameters(), name)
            np.testing.assert_allclose(getattr(config.parameters(), name), expected, rtol=1e-14)
        assert "decimal commas" in config.sweep.notes[0]
    # A run that is resumed is one on the same curve.
    assert load(tmp_path, TABLE.replace("3,6", "3,61"), ", occupancy_per_composition: 0.9").sha256 != share.sha256


def test_part_of_a_curve(tmp_path):
    config = load(tmp_path, TABLE.replace("0,9;3,0", "0,9;3,3"), ", composition_range: [0.8, 0.0]")
    assert list(config.base_stack.layers[0].ocv["composition"]) == X[:3]
    with pytest.raises(ConfigError, match=r"1 rows within composition_range .*the file has 0\.1 to 0\.9"):
        load(tmp_path, TABLE, ", composition_range: [0.0, 0.2]")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "x,U (V)\n# said\n0.1,3.9\n0.3,3.4\n0.5,3.4\n0.6,3.4\n0.9,3.0\n",
            r"curve\.csv:5:1: potential_V: 3\.4 stands in line 4 to line 6: .*a plateau means two phases side by side",
        ),
        (
            "x,U (V)\n0.1,3.9\n0.3,3.4\n0.5,3.45\n0.9,3.0\n",
            r"curve\.csv:4:1: potential_V: 3\.45 \(line 4\) after 3\.4 \(line 3\) while the others are falling",
        ),
        ("x,U (V)\n0.1,3.9\n0.1,3.4\n0.9,3.0\n", r"curve\.csv:3:1: composition: 0\.1 stands in line 2 to line 3"),
        ("x,U (V)\n0.1,3.9\n0.3,3.4\n0.55,3.399\n0.9,3.0\n", r"a plateau, composition 0\.3 to 0\.55 at 3\.399 V"),
        ("x,U (V)\n0.1,3.9\n1.3,3.4\n", r"curve\.csv:3:1: occupancy 1\.3 is out of range .*occupancy_per_composition"),
        ("x,V\n0.1,3.9\n0.3,3.4\n", r"layers\.electrode\.ocv: .*curve\.csv:1: no column U \(V\) \(columns: x, V\)"),
        ("x,U (V)\n0.1,3.9\n0.3,high\n", r"curve\.csv:3: U \(V\): a number is needed, got high"),
        ("x,U (V)\n0.1,3.9\n", r"1 rows within"),
    ],
)
def test_what_is_no_curve_of_one_phase(tmp_path, table, message):
    with pytest.raises(ConfigError, match=message) as error:
        load(tmp_path, table)
    assert len(error.value.problems) == 1


def test_keys_of_a_curve_are_checked(tmp_path):
    with pytest.raises(ConfigError, match=r"ocv\.decimals: unknown key .*nearest: decimal"):
        load(tmp_path, TABLE, ", decimals: ','")
    with pytest.raises(ConfigError, match=r"columns\.potential_V: is missing"):
        load(tmp_path, TABLE, columns="composition: x")
    with pytest.raises(ConfigError, match=r"ocv: .*none\.h5: no such file; spacecharge fit -o writes it"):
        (tmp_path / "c.yaml").write_text(STACK.replace("OCV", "{from_fit: none.h5}"))
        load_config(tmp_path / "c.yaml")


LISTS = "{composition: [0, 0.1, 0.5, 0.9, 1], occupancy: [0.02, 0.1, 0.5, 0.9, 0.98], potential_V: VALUES}"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            "[3.6, 3.4, 3.45, 3.3, 3.0]",
            r"electrode\.ocv\.potential_V: 3\.45 \(row 3\) after 3\.4 \(row 2\) while the others are falling: "
            "must rise or fall strictly along the list",
        ),
        (
            "[3.6, 3.43, 3.43, 3.43, 3.0]",
            r"electrode\.ocv\.potential_V: 3\.43 stands in row 2 to row 4: must rise or fall strictly .*two phases",
        ),
    ],
)
def test_lists_name_the_row_and_what_a_plateau_means(values, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(STACK.replace("OCV", LISTS.replace("VALUES", values)))
