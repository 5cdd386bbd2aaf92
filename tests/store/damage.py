"""Damaged and foreign result files, made from a sound one; also a program that takes them through the commands."""

from __future__ import annotations

import contextlib
import io
import math
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np

KINDS = (
    "cut", "bits", "zeros", "noise", "swapped", "removed", "no_attribute", "empty_attribute", "other_attribute",
    "other_shape", "other_type", "link", "external_link", "virtual", "external", "text_damage", "grown",
)  # fmt: skip
ACTIONS = ("show", "plot", "open", "resume", "from_fit")
SILENT_SECONDS = 20.0
"""A call that takes more of the processor's time hangs inside the HDF5 library; SIGTERM has to end it."""

WAIT_SECONDS = 300.0
"""The same by the clock, on a machine that others use too."""


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


def attempt(path: Path, action: str) -> str:
    """Take a file through one command; return what is wrong with how that went, or nothing."""
    from spacecharge import SpaceChargeError
    from spacecharge.cli import main

    out, err = io.StringIO(), io.StringIO()
    code: int | None = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if action == "show":
                code = main(["show", str(path)])
            elif action == "plot":
                code = main(["plot", str(path), "-o", str(path.with_suffix(".png"))])
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


def survey(jobs: list[tuple[Path, str]], silent: float = SILENT_SECONDS) -> tuple[list[str], int]:
    """Take files through commands, many in a process; return what went wrong, and how many calls the library ended.

    A process that is silent for too long is sent SIGTERM, which has to end it; the next one goes on behind.
    """
    wrong, ended = [], 0
    left = list(jobs)
    while left:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.store.damage"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=Path(__file__).resolve().parents[2], env={**os.environ, "MPLBACKEND": "Agg"},
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write("".join(f"{action} {path}\n" for path, action in left))
        process.stdin.close()
        last = [time.monotonic(), 0.0]
        over = threading.Event()

        def watch(process=process, last=last, over=over):
            while not over.wait(0.2):
                if time.monotonic() - last[0] > WAIT_SECONDS or used(process.pid) - last[1] > silent:
                    process.terminate()
                    return

        watcher = threading.Thread(target=watch)
        watcher.start()
        n_done = 0
        for line in process.stdout:
            last[:] = time.monotonic(), used(process.pid)
            n_done += 1
            if line.strip() != "-":
                wrong.append(f"{left[n_done - 1]}: {line.strip()}")
        try:
            code = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            wrong.append(f"{left[n_done]}: SIGTERM does not end it")
            code = process.wait()
        over.set()
        watcher.join()
        trouble = process.stderr.read()
        process.stdout.close()
        process.stderr.close()
        left = left[n_done:]
        if left:
            ended += 1
            # A crash inside the library (a signal) is the library's; anything else is ours.
            if code >= 0:
                wrong.append(f"{left[0]}: ended with {code}: {trouble[-500:]}")
            left = left[1:]
    return wrong, ended


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        action, _, path = line.rstrip("\n").partition(" ")
        print(" ".join(attempt(Path(path), action).split()) or "-", file=out, flush=True)


if __name__ == "__main__":
    main()
