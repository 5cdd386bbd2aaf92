"""What reaches the terminal: no escape sequence of a file, no traceback when it cannot be written."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spacecharge.errors import SystemStop
from spacecharge.terminal import PlainStream

ROOT = Path(__file__).resolve().parents[2]
TITLE = '"日本語 ✓ \\e[31mred\\u202e\\r\\b\\u009b"'


def command(*arguments, shell=None, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    line = [sys.executable, "-m", "spacecharge", *arguments]
    if shell:
        line = ["sh", "-c", f'exec "$@" {shell}', "sh", *line]
    return subprocess.run(line, capture_output=True, text=True, env=environment, timeout=120, check=False, **options)


@pytest.fixture
def titled(configuration):
    return configuration(rest="", title=TITLE)


def test_a_title_in_an_encoding_that_lacks_it(titled):
    done = command("check", titled, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stderr == ""
    assert r"\u65e5\u672c\u8a9e \u2713 \x1b[31mred\u202e\r\x08\x9b" in done.stdout


def test_control_characters_of_a_title_do_not_reach_the_terminal(titled, call):
    code, out, _ = call("check", titled)
    assert code == 0
    assert r"日本語 ✓ \x1b[31mred\u202e\r\x08\x9b" in out
    code, out, err = call("run", titled, "-o", "r.h5")
    assert code == 0
    shown = call("show", "r.h5")
    assert shown[0] == 0
    for text in (out, err, shown[1], shown[2]):
        assert not any(c in text for c in "\x1b\u202e\x08\x9b")


@pytest.mark.parametrize("where", ["> /dev/full", ">&-"])
@pytest.mark.parametrize("arguments", [("check", "c.yaml"), ("show", "r.h5"), ("materials",), ("--help",)])
def test_output_that_cannot_be_written_is_one_line_and_exit_code_three(configuration, call, where, arguments):
    if where.endswith("full") and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    name = configuration(rest="")
    assert call("run", name, "-o", "r.h5", "--quiet")[0] == 0
    done = command(*arguments, shell=where)
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("spacecharge: standard output cannot be written (")


def test_a_run_whose_summary_cannot_be_written_is_complete(configuration, call):
    done = command("run", configuration(rest=""), "-o", "r.h5", "--quiet", shell=">&-")
    assert done.returncode == 3
    code, out, _ = call("show", "r.h5")
    assert code == 0
    assert "1 solved" in out


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "<&-"])
def test_a_run_without_its_other_streams(configuration, where):
    done = command("run", configuration(rest=""), "-o", "r.h5", shell=where)
    assert done.returncode == 0
    assert done.stdout.startswith("r.h5: 1 point, 0 failed")
    assert command("check", "no.yaml", shell=where).returncode == 2


def test_a_reader_that_goes_away_is_no_error(configuration):
    done = command("check", configuration(rest=""), shell="| true")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_stream_shows_by_backslashes_what_it_cannot():
    raw = io.BytesIO()
    stream = PlainStream(io.TextIOWrapper(raw, "latin-1", newline=""), is_output=True)
    assert stream.write("é\t\x1b[0m\u2028 \r\n ok\rno ✓\n") == 19
    stream.flush()
    assert raw.getvalue() == b"\xe9\t\\x1b[0m\\u2028 \r\n ok\\rno \\u2713\n"
    # The progress bar goes back to the beginning of its line.
    raw = io.BytesIO()
    stream = PlainStream(io.TextIOWrapper(raw, "utf-8", newline=""), is_output=False)
    stream.write("\r50 %\x07")
    stream.flush()
    assert raw.getvalue() == b"\r50 %\\x07"


def test_a_closed_stream():
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        with pytest.raises(SystemStop, match="standard output cannot be written"):
            PlainStream(stream, is_output=True).write("a")
        PlainStream(stream, is_output=False).write("a")
        assert not PlainStream(None, is_output=False).isatty()
