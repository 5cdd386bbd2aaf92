"""The safe reader: scalars of YAML 1.2, positions, aliases within bounds."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from spacecharge.document.problems import Problems, nearest
from spacecharge.document.yaml import as_yaml, parse_document, read_yaml
from spacecharge.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e28", 1e28),
        ("1E-6", 1e-6),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1", 1),
        ("+7", 7),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("12345678901234567890", 12345678901234567890.0),
        ("1_000", "1_000"),
        ("1:20", "1:20"),
        ("yes", "yes"),
        ("off", "off"),
        ("2001-01-01", "2001-01-01"),
        ("'1'", "1"),
        ('"1e5"', "1e5"),
        ("1,5", "1,5"),
        ("\u0661", "\u0661"),  # a digit elsewhere, but not in YAML
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("[]", []),
        ("{}", {}),
        ("|\n  a\n  b", "a\nb\n"),
    ],
)
def test_scalars(written: str, value: object) -> None:
    got = parse_document(f"key: {written}\n").data["key"]
    assert got == value
    assert type(got) is type(value)


def test_nan() -> None:
    assert math.isnan(parse_document("key: .nan").data["key"])


def test_positions() -> None:
    locate = parse_document(
        "title: x\nlayers:\n  electrode:\n    occupancy: 1.2\n    ocv: {composition: [1, 2]}\n"
        "sweep:\n  electrode.potential_V: {start: 2}\n"
    ).locate
    assert locate("layers.electrode.occupancy") == (4, 16)
    assert locate("layers.electrode.occupancy", key=True) == (4, 5)
    assert locate("layers.electrode") == (3, 3)
    assert locate(("layers", "electrode", "ocv", "composition", 1)) == (5, 28)
    assert locate("sweep.electrode.potential_V.start") == (7, 34)
    assert locate("layers.electrode.missing.deeper") == (3, 3)
    assert locate("elsewhere") is None


def test_aliases_are_followed() -> None:
    data = parse_document("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\n").data
    assert data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": [{"b": [1, 2]}] * 2}


def test_merge_keys_bring_in_what_is_not_there() -> None:
    text = (
        "base: &base {a: 1, b: {c: 2}}\nmore: &more {a: 5, d: 6}\n"
        "one: {<<: *base, a: 3}\ntwo:\n  <<: [*base, *more]\n  e: 7\nthree: {<<: {x: 1}, y: 2}\n"
    )
    document = parse_document(text)
    assert document.data["one"] == {"a": 3, "b": {"c": 2}}
    # Of several mappings the first one wins.
    assert document.data["two"] == {"a": 1, "b": {"c": 2}, "d": 6, "e": 7}
    assert document.data["three"] == {"x": 1, "y": 2}
    assert document.locate("two.d") == (2, 23)
    assert document.locate("one.a") == (3, 21)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.linspace(0.0, 1.0, 3), [0.0, 0.5, 1.0]),
        (np.float64(1e-28), 1e-28),
        ((1, 2), [1, 2]),
        (Path("a/b"), "a/b"),
        (np.int64(3), 3),
        ("1e5", "1e5"),
        (None, None),
    ],
)
def test_mappings_of_python_become_text_and_back(value: object, expected: object) -> None:
    back = parse_document(as_yaml({"key": {"inner": value}})).data["key"]["inner"]
    assert back == expected
    assert type(back) is type(expected)


def test_a_mapping_with_something_else_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"<mapping>: key\.1: numbers, texts, lists and mappings are read"):
        as_yaml({"key": [1, object()]})


def test_byte_order_mark_and_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_yaml(file)[0] == {"a": 1, "b": 2}


_leaves = st.one_of(
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text("abc xyz:#-'\"{}[],&*!|>%@`\u00e4", max_size=12),
)
_trees = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcde_", min_size=1), inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(st.text("klmn_", min_size=1), _trees, max_size=4))
def test_what_a_writer_writes_is_read_back(tree: dict[str, object]) -> None:
    import io

    text = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.dump(tree, text)
    assert parse_document(text.getvalue()).data == tree if tree else text.getvalue() == "{}\n"


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        assert isinstance(parse_document(text).data, dict)
    except ConfigError as error:
        assert all("\n" not in line for line in error.problems)


def test_all_slips_of_a_text_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_document("a: 1\na: !x 2\n3: 4\n", "f.yaml")
    assert caught.value.problems == [
        "f.yaml:2:1: a: the key stands twice (first in line 1)",
        "f.yaml:2:4: a: tags are not read, got !x",
        "f.yaml:3:1: a key must be a text, got '3'",
    ]


def test_problems_come_in_the_order_of_the_file_and_once() -> None:
    document = parse_document("a: 1\nb: {c: 2}\n", "f.yaml")
    problems = document.problems()
    problems.raise_if_any()
    problems.add("b.c", "second")
    problems.add("b.c", "second")
    problems.add("a", "first\n  in two lines")
    problems.add("", "whole file")
    problems.add("", "elsewhere", file="p.csv", position=(7, 1))
    assert problems.lines == [
        "f.yaml: whole file",
        "f.yaml:1:4: a: first in two lines",
        "f.yaml:2:8: b.c: second",
        "p.csv:7:1: elsewhere",
    ]
    with pytest.raises(ConfigError):
        problems.raise_if_any()
    assert Problems("x").lines == []


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("LAPG", "nearest: LAGP"),
        ("latp", "nearest: LATP"),
        ("thicknes_nm", "nearest: thickness_nm"),
        ("zzz", "known: LATP, LAGP, thickness_nm"),
    ],
)
def test_nearest(written: str, expected: str) -> None:
    assert nearest(written, ["LATP", "LAGP", "thickness_nm"]) == expected
