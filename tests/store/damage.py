"""Damaged and foreign result files, made from a sound one; also a program that takes them through the commands."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import io
import itertools
import math
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import h5py
import numpy as np

KINDS = (
    "cut", "bits", "zeros", "noise", "swapped", "removed", "no_attribute", "empty_attribute", "other_attribute",
    "other_shape", "other_type", "link", "external_link", "virtual", "external", "text_damage", "grown",
)  # fmt: skip
ACTIONS = ("show", "plot", "open", "resume", "from_fit")
SILENT_SECONDS = 10.0
"""A call that takes more of the processor's time hangs inside the HDF5 library; SIGTERM has to end it."""

WAIT_SECONDS = 300.0
"""The same by the clock, on a machine that others use too."""

FRESH_EVERY = 101
"""One process in so many starts anew; no multiple of the number of commands, so that each has its turn."""

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-W", "ignore", "-m", "tests.store.damage")
RESULT, FINE, ENDED = "\x00result ", "-", "ended inside the library"


def mutant(source: Path, target: Path, rng: random.Random, kind: str) -> None:
    """Write a damaged copy of a file."""
    shutil.copy(source, target)
    if kind in ("cut", "bits", "zeros", "noise", "swapped", "text_damage", "grown"):
        raw = bytearray(target.read_bytes())
        _bytes(raw, rng, kind)
        target.write_bytes(raw)
        return
    with h5py.File(target, "r+") as file:
        _nodes(file, rng, kind, target)


def _bytes(raw: bytearray, rng: random.Random, kind: str) -> None:
    # Half of the damage in the first pages, where the structure stands.
    size = len(raw)
    at = rng.randrange(min(size, 1 << 15) if rng.random() < 0.5 else size)
    length = min(rng.choice([1, 4, 16, 64, 512, 4096]), size - at)
    if kind == "cut":
        del raw[rng.choice([0, 1, 8, 100, at]) :]
    elif kind == "bits":
        for _ in range(rng.choice([1, 3, 30])):
            raw[rng.randrange(size if rng.random() < 0.5 else min(size, 1 << 14))] ^= 1 << rng.randrange(8)
    elif kind == "zeros":
        raw[at : at + length] = bytes(length)
    elif kind == "noise":
        raw[at : at + length] = rng.randbytes(length)
    elif kind == "swapped":
        other = rng.randrange(size - length + 1)
        raw[at : at + length], raw[other : other + length] = raw[other : other + length], raw[at : at + length]
    elif kind == "grown":
        raw[at:at] = rng.randbytes(length)
    else:
        # A byte of a name or of a text.
        letters = [k for k in range(min(size, 1 << 16)) if chr(raw[k]).isalpha()]
        for _ in range(rng.choice([1, 5])):
            raw[rng.choice(letters)] = rng.choice(b"\x00\x1b\xffZ/._")


def _nodes(file: h5py.File, rng: random.Random, kind: str, target: Path) -> None:
    names = [""]
    file.visit(names.append)
    names = [n for n in names if n]
    name = rng.choice(names)
    item = file[name]
    if kind == "removed":
        for victim in rng.sample(names, rng.choice([1, 1, 3])):
            if victim in file:
                del file[victim]
    elif kind.endswith("attribute"):
        holder = file if rng.random() < 0.3 else item
        keys = list(holder.attrs)
        if not keys:
            holder, keys = file, list(file.attrs)
        key = rng.choice(keys)
        del holder.attrs[key]
        if kind == "empty_attribute":
            holder.attrs[key] = h5py.Empty("f8")
        elif kind == "other_attribute":
            odd = [math.nan, -5, "abc", "\x1b[31m", b"\xff\xfe", [1.0, 2.0], ["a", "b"], True]
            holder.attrs[key] = rng.choice(odd)
    else:
        _replaced(file, rng, kind, target, name, item)


def _replaced(file: h5py.File, rng: random.Random, kind: str, target: Path, name: str, item: h5py.Dataset) -> None:
    is_dataset = isinstance(item, h5py.Dataset)
    attributes = dict(item.attrs) if is_dataset else {}
    shape = item.shape if is_dataset else (3,)
    del file[name]
    if kind == "link":
        file[name] = h5py.SoftLink(rng.choice(["/", "/status", "/nowhere", f"/{name}"]))
    elif kind == "external_link":
        file[name] = h5py.ExternalLink(rng.choice([str(target), "/etc/hostname", "other.h5"]), "/status")
    elif kind == "virtual":
        layout = h5py.VirtualLayout(shape=shape or (1,), dtype="f8")
        layout[...] = h5py.VirtualSource("secret.h5", "x", shape=shape or (1,))
        file.create_virtual_dataset(name, layout)
    elif kind == "external":
        n = max(1, int(np.prod(shape)))
        file.create_dataset(name, shape=shape or (1,), dtype="i1", external=[("/etc/passwd", 0, n)])
    elif kind == "other_shape":
        other = rng.choice([(), (0,), (1,), (7,), (2, 3), (*shape, 2), shape[1:]])
        file.create_dataset(name, data=np.zeros(other))
    else:
        dtype = rng.choice(["i1", "f4", "S3", "c16", "u8", "bool", h5py.string_dtype(), np.dtype([("a", "f8")])])
        file.create_dataset(name, shape=shape, dtype=dtype)
    if kind.startswith("other") and isinstance(file[name], h5py.Dataset):
        for key in ("units", "long_name"):
            if key in attributes:
                file[name].attrs[key] = attributes[key]


FROM_FIT = """\
layers:
  a: {{thickness_nm: 20, potential_V: 3.2, permittivity: 12, site_density_per_nm3: 22, occupancy: 0.45,
      diffusivity_m2_per_s: {{from_fit: {file}, parameter: {parameter}}}}}
  b: {{thickness_nm: 20, potential_V: 3.0, permittivity: 18, site_density_per_nm3: 19.7, occupancy: 0.38}}
"""


def _trace() -> None:
    raise KeyError("status")


def _loop() -> None:
    while True:
        math.sqrt(2.0)


def _call() -> None:
    """Never come back from one call, as the HDF5 library on a damaged file: Python has no say in it."""
    collections.deque(itertools.repeat(0), maxlen=0)


def _deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _call()


SICK: dict[str, Callable[[], object]] = {
    "trace": _trace, "loop": _loop, "call": _call, "deaf": _deaf,
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV), "leave": lambda: os._exit(3),
}  # fmt: skip
"""Commands that are ill, for the test of this program."""


def attempt(path: Path, action: str) -> str:
    """Take a file through one command; return what is wrong with how that went, or nothing."""
    from spacecharge import SpaceChargeError
    from spacecharge.cli import main

    out, err = io.StringIO(), io.StringIO()
    code: int | None = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if action in SICK:
                SICK[action]()
            elif action == "show":
                code = main(["show", str(path)])
            elif action == "plot":
                code = main(["plot", str(path), "-o", str(path.with_suffix(".png")), "--dpi", "30"])
            elif action == "open":
                import spacecharge as sc

                sc.open_results(path).close()
            elif action == "resume":
                _resume(path)
            else:
                from spacecharge import load_config
                from spacecharge.fitting.from_fit import with_fits

                config = path.with_suffix(".yaml")
                config.write_text(FROM_FIT.format(file=path.name, parameter="exsy_livo/diffusivity_m2_per_s"))
                with_fits(load_config(config))
        except SpaceChargeError as error:
            if "\n" in str(error) or len(str(error)) > 600:
                return f"a long message: {error}"
        except BaseException as error:
            import traceback

            where = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__} in {where.filename}:{where.lineno}: {error}"
    if code not in (None, 0, 2):
        return f"exit code {code}: {err.getvalue()}"
    lines = [line for line in err.getvalue().splitlines() if "Warning" not in line and not line.startswith("  ")]
    if code == 2 and len(lines) != 1:
        return f"not one line: {err.getvalue()}"
    if "\x1b" in out.getvalue() + err.getvalue():
        return "an escape sequence reached the terminal"
    return ""


def _resume(path: Path) -> None:
    from spacecharge.store import read_results
    from spacecharge.sweeping.engine import run_task
    from spacecharge.sweeping.pools import ThreadPool

    from ..sweeping.fake import FakeTask, fake_layout

    # The fingerprint is that of the file where it can be read, so that the resumption goes on.
    try:
        fingerprint = read_results(path).attributes.get("task_fingerprint", "")
    except Exception:
        fingerprint = ""
    task = FakeTask(fake_layout((20, 3)), chunk_points=8, fingerprint=fingerprint)
    copy = path.with_suffix(".resumed")
    shutil.copy(path, copy)
    try:
        run_task(task, copy, lambda t: ThreadPool(t, 1), resume=True)
    finally:
        copy.unlink(missing_ok=True)


def used(pid: int) -> float:
    """Return the processor time of a process [s]; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def survey(
    jobs: list[tuple[Path, str]],
    sound: list[Path],
    silent: float = SILENT_SECONDS,
    fresh_every: int = FRESH_EVERY,
) -> tuple[list[str], int]:
    """Take files through commands, each in a process of its own; return what went wrong, and how many calls were ended.

    The processes are forked from one that has taken copies of sound files through all commands; one in `fresh_every`
    starts anew, so that this way is seen too.
    """
    with subprocess.Popen(
        [*PROGRAM, str(silent), str(fresh_every), *map(str, sound)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "MPLBACKEND": "Agg"},
    ) as process:  # fmt: skip
        found, _ = process.communicate("".join(f"{action} {path}\n" for path, action in jobs))
    verdicts = found.splitlines()
    assert (process.returncode, len(verdicts)) == (0, len(jobs)), verdicts[-1:]
    wrong = [f"{job}: {verdict}" for job, verdict in zip(jobs, verdicts, strict=True) if verdict not in (FINE, ENDED)]
    return wrong, verdicts.count(ENDED)


def _verdict(pid: int, pipe: int, silent: float) -> str:
    """Return how a process went that writes its result, behind what it has to complain about, to a pipe."""
    begin, said, signalled, killed = time.monotonic(), b"", 0.0, False
    while True:
        if select.select([pipe], [], [], 0.1)[0]:
            piece = os.read(pipe, 65536)
            if not piece:
                break
            said += piece
        now = time.monotonic()
        if not signalled and (now - begin > WAIT_SECONDS or used(pid) > silent):
            os.kill(pid, signal.SIGTERM)
            signalled = now
        elif signalled and not killed and now - signalled > silent:
            os.kill(pid, signal.SIGKILL)
            killed = True
    os.close(pipe)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    trouble, _, result = said.decode(errors="replace").rpartition(RESULT)
    if killed:
        return "SIGTERM does not end it"
    if result not in ("", FINE):
        return result
    # A crash inside the library (a signal) is the library's; anything else is ours.
    if code < 0:
        return ENDED
    return FINE if code == 0 and result else f"ended with {code}: {trouble[-500:]!r}"


def _process(action: str, path: str, silent: float, fresh: bool) -> tuple[int, int]:
    """Start a process for one command; return its number and the pipe that it writes to."""
    pipe, end = os.pipe()
    if fresh:
        both = [(os.POSIX_SPAWN_DUP2, end, 1), (os.POSIX_SPAWN_DUP2, end, 2)]
        pid = os.posix_spawn(PROGRAM[0], [*PROGRAM, str(silent), action, path], os.environ, file_actions=both)
    else:
        pid = os.fork()
        if pid == 0:
            os.dup2(end, 1)
            os.dup2(end, 2)
            _report(action, path, silent)
    os.close(end)
    return pid, pipe


class EndlessError(BaseException):
    """A loop of Python, not a call of the library, that does not end."""


def _report(action: str, path: str, silent: float) -> NoReturn:
    """Take a file through a command, write how that went, and leave by the exit of the HDF5 library.

    That of the whole C library takes down LLVM and all others too, which costs more than most commands.
    """
    rung = 0

    def ring(*_: object) -> None:
        # Python comes to handle a signal between two calls of the library only: three times are a loop of ours.
        nonlocal rung
        rung += 1
        if rung == 3:
            raise EndlessError

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, 0.5 * silent, 0.1 * silent)
    result = " ".join(attempt(Path(path), action).split()) or FINE
    os.write(1, (RESULT + result).encode(errors="replace"))
    ended = ctypes.CDLL(h5py.h5.__file__).H5close()
    os._exit(0 if ended >= 0 else 4)


def _warm(sound: list[str]) -> None:
    """Take sound files through all commands: what they import and read once is there for those forked from here."""
    for path in sound:
        Path(path).with_suffix(".png").unlink(missing_ok=True)
        for action in ACTIONS:
            trouble = attempt(Path(path), action)
            assert trouble == "", f"{action} {path}: {trouble}"
    # A thread would be missing behind a fork; those of a run's pool may still be on their way out.
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join(60.0)
    assert threading.active_count() == 1


def main() -> None:
    silent, second, *files = float(sys.argv[1]), *sys.argv[2:]
    warnings.simplefilter("ignore")
    if second in (*ACTIONS, *SICK):
        _report(second, files[0], silent)
    _warm(files)
    for number, line in enumerate(sys.stdin, 1):
        action, _, path = line.rstrip("\n").partition(" ")
        print(_verdict(*_process(action, path, silent, number % int(second) == 0), silent), flush=True)


if __name__ == "__main__":
    main()
