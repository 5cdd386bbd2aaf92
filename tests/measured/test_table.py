"""The one reader of tables: what spreadsheets, instruments and scripts write gives the same numbers."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacecharge.errors import DataError, FitError
from spacecharge.measured.table import TextTable, read_table
from spacecharge.measured.text import read_text

TITLES = ("T, K", "t_mix, s", "I")
ROWS = ((298.15, 5e-4, 0.97), (298.15, 1.0e-3, 0.5), (310.0, 2.5, 1e-2))


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


def lines_of(delimiter, decimal, titles=TITLES, rows=ROWS):
    """A table as CSV writers make it: quotes where a cell holds the delimiter or a blank for white space."""

    def cell(value):
        text = value if isinstance(value, str) else repr(value).replace(".", decimal)
        return f'"{text}"' if delimiter in text else text

    return "\n".join(delimiter.join(cell(c) for c in row) for row in (titles, *rows)) + "\n"


@pytest.mark.parametrize(("delimiter", "decimal"), list(itertools.product(",;\t ", ".,")))
@pytest.mark.parametrize("wanted", [True, False])
def test_every_delimiter_with_commas_in_titles_and_numbers(tmp_path, delimiter, decimal, wanted):
    path = written(tmp_path, lines_of(delimiter, decimal))
    table = read_table(path, TITLES if wanted else None)
    assert table.titles == TITLES
    assert np.array_equal(table.values, ROWS)
    assert list(table.lines) == [2, 3, 4]
    assert any("decimal comma" in note for note in table.notes) == (decimal == ",")


@settings(max_examples=60)
@given(
    data=st.data(),
    delimiter=st.sampled_from(",;\t"),
    decimal=st.sampled_from(".,"),
    n_columns=st.integers(2, 4),
    n_rows=st.integers(1, 5),
)
def test_what_is_written_is_read(tmp_path_factory, data, delimiter, decimal, n_columns, n_rows):
    word = st.text("abcXYZ ,;/()[]µ%", min_size=1, max_size=8).map(lambda t: "t" + t.strip() + "x")
    titles = tuple(
        data.draw(st.lists(word, min_size=n_columns, max_size=n_columns, unique_by=lambda t: " ".join(t.split())))
    )
    number = st.floats(-1e9, 1e9, allow_nan=False)
    rows = [tuple(data.draw(st.lists(number, min_size=n_columns, max_size=n_columns))) for _ in range(n_rows)]
    path = written(tmp_path_factory.mktemp("t"), lines_of(delimiter, decimal, titles, rows))
    assert np.array_equal(read_table(path, titles).values, rows)


def test_rows_left_out_are_counted_in_one_note(tmp_path):
    text = (
        "Instrument: X, 12\nDate: 2026-11-01\n\nT,t,other\nK,s,\n1,2,a\n,,b\nnan,4,c\n\n# remark\n3,6,d\n4,#N/A,e\n"
        "5,10,f # said\n"
    )
    table = read_table(written(tmp_path, text), ["T", "t"])
    assert np.array_equal(table.values, [[1, 2], [3, 6], [5, 10]])
    assert list(table.lines) == [6, 11, 13]
    (note,) = table.notes
    assert "2 lines above the header (lines 1 to 2)" in note
    assert "1 row of units (line 5)" in note
    assert "3 rows without a value (lines 7, 8, 12)" in note


def test_without_titles_the_header_is_found_by_the_numbers_below_it(tmp_path):
    table = read_table(written(tmp_path, "Bruker\nDate: 2026\n\nf;Re;Im\nHz;Ohm;Ohm\n1;2;3\n2;3;4\n"))
    assert table.titles == ("f", "Re", "Im")
    assert np.array_equal(table["Im"], [3, 4])


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        ("t (µs),I\n1,2\n".encode(), ""),
        ("\ufefft (µs),I\r\n1,2\r\n".encode(), ""),
        ("t (μs),I\r1,2\r".encode(), ""),
        ("t (µs),I\n1,2\n".encode("latin-1"), "Latin-1"),
        ("t (µs)\tI\n1\t2\n".encode("utf-16"), ""),
    ],
)
def test_encodings_and_ends_of_lines(tmp_path, raw, note):
    table = read_table(written(tmp_path, raw), ["t (µs)", "I"])
    assert np.array_equal(table.values, [[1, 2]])
    assert note in " ".join(table.notes)
    assert bool(note) == bool(table.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"data\.csv: is empty"),
        ("# only\n", r"data\.csv: is empty"),
        ("T,t\n", "no rows of numbers"),
        ("T,t\nK,s\n", r"no rows of numbers below its header; left out: 1 row of units \(line 2\)"),
        ("T,x\n1,2\n", r"data\.csv:1: no column t \(columns: T, x\)"),
        ("T,t,t\n1,2,3\n", r"data\.csv:1: the column t stands twice"),
        ("T,t\n1,2\n3,abc\n", r"data\.csv:3: t: a number is needed, got abc"),
        ("T,t\n1,2\n3,1_000\n", r"data\.csv:3: t: a number is needed, got 1_000"),
        ("T,t\n1,2\n3,inf\n", r"data\.csv:3: t: a finite number is needed, got inf"),
        ("T,t\n1,2\n3\n", r"data\.csv:3: t: the row has 1 cells"),
        ("T,t\n1,2\n3,4,5\n", r"data\.csv:3: the row has 3 cells, the header has 2; is the comma also"),
        ("T;t\n1.5;2\n3;4,5\n", r"data\.csv:3: t: a number is needed, got 4,5; other cells have a decimal point"),
        ("T;t\n1,5;2\n3;1.234,5\n", r"data\.csv:3: t: a number is needed, got 1\.234,5"),
        ("T,t\n1,\x1b[31m\n", r"t: a number is needed, got \\x1b\[31m|no rows of numbers"),
        ("T,t\n1,2\n3,\x00\n", r"data\.csv:3: is no text: it holds a zero byte"),
    ],
)
def test_broken_tables_are_one_line_with_its_number(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as error:
        read_table(written(tmp_path, text), ["T", "t"])
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)


def test_long_cells_are_cut_short_in_messages(tmp_path):
    for text in (
        "T,t\n1," + "9" * 140_000 + "x\n",
        'T,t\n1,"' + "9" * 140_000 + 'x"\n',
        "T" * 140_000 + ",t\n1,2\n",
        "T,t\n1,2\n" + "1," * 200_000 + "\n",
    ):
        with pytest.raises(FitError) as error:
            read_table(written(tmp_path, text), ["T", "t"])
        assert len(str(error.value)) < len(str(tmp_path)) + 300


def test_sizes_are_bounded_and_only_regular_files_are_read(tmp_path):
    path = written(tmp_path, "T,t\n" + "1,2\n" * 100)
    with pytest.raises(DataError, match="too large"):
        read_table(path, max_bytes=100)
    with pytest.raises(DataError, match="no regular file"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_table("a\0b")


def test_rows_without_values_can_be_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"data\.csv:3: column t: a number is needed, got nothing .*\(and 1 more\)"
    ) as error:
        read_table(written(tmp_path, "T,t\n1,2\n3,\nnan,4\n"), missing=False)
    assert [trouble.line for trouble in error.value.troubles] == [3, 4]


def test_a_decimal_comma_that_is_given_is_held_to(tmp_path):
    path = written(tmp_path, "T;t\n1;2\n3;4.5\n")
    with pytest.raises(DataError, match=r"data\.csv:3: t: a number with a decimal comma is needed, got 4\.5"):
        read_table(path, decimal=",")
    assert np.array_equal(read_table(path, decimal=".").values, [[1, 2], [3, 4.5]])
    path = written(tmp_path, 'T,t\n"1,5","2"\n')
    assert np.array_equal(read_table(path).values, [[1.5, 2]])


def test_the_quick_way_and_the_careful_one_agree(tmp_path):
    random = np.random.default_rng(3)
    values = random.standard_normal((500, 3)) * 10.0 ** random.integers(-12, 12, (500, 3))
    plain = "a,b,c\n" + "\n".join(",".join(map(repr, map(float, row))) for row in values)
    quoted = "a,b,c\n" + "\n".join(",".join(f'"{float(x)!r}"' for x in row) for row in values)
    assert np.array_equal(read_table(written(tmp_path, plain)).values, values)
    assert np.array_equal(read_table(written(tmp_path, quoted)).values, values)


def test_a_header_whose_line_is_known(tmp_path):
    path = written(tmp_path, "a b c\nx\ty\nt/s\tE/V\n1\t2\t\n3\t4\t\n")
    table = TextTable(read_text(path), header_line=3).numbers(["E/V"])
    assert np.array_equal(table.values, [[2], [4]])
