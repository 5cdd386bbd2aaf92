"""Files that are damaged, foreign, or lead out of themselves: one line, exit code 2, nothing read elsewhere."""

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

import spacecharge as sc
from spacecharge.cli import main
from spacecharge.errors import ConfigError, StoreError
from spacecharge.fitting.from_fit import with_fits
from spacecharge.store import read_results
from spacecharge.store.fit_reader import read_fit
from spacecharge.store.fits import write_fit
from tests.sweeping.fake import FakeTask, fake_layout
from tests.sweeping.test_engine import half_done

from .damage import ACTIONS, ENDED, FROM_FIT, KINDS, SICK, mutant, survey
from .test_fits_and_runs import DATA, run

ROOT = Path(__file__).resolve().parents[2]
EXSY = ROOT / "configs" / "exsy_livo.yaml"
STACK = """\
layers:
  electrode: {material: LixV2O5, potential_V: 2.4, thickness_nm: 30}
  electrolyte: {material: LAGP, thickness_nm: 30}
sweep: {electrode.potential_V: {start: 2.4, stop: 3.4, num: 11}, temperature_K: [298.15, 350]}
output: {profiles: true, resistance_of: [electrolyte]}
"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return result files as they are meant: of a sweep with a fit, of a fit, and of a run that was killed."""
    folder = tmp_path_factory.mktemp("sound")
    fit = sc.fit(EXSY)
    (folder / "c.yaml").write_text(STACK)
    sc.run_sweep(folder / "c.yaml", output=folder / "sweep.h5", workers=1)
    half_done(folder / "work.h5", FakeTask(fake_layout((20, 3)), chunk_points=8))
    for name in ("sweep", "fit", "work"):
        write_fit(folder / f"{name}.h5", fit)
    return folder


def shipped(name, folder):
    path = folder / f"{name}.h5"
    path.write_bytes(gzip.decompress((DATA / f"{name}.h5.gz").read_bytes()))
    return path


def refused(capsys, *arguments):
    """Return the one line with which a command refuses its input."""
    assert main([str(a) for a in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize("name", ["axes_none", "fv_text", "hdf5_hang"])
@pytest.mark.parametrize("command", ["show", "plot", "export"])
def test_shipped_damage_is_one_line(tmp_path, capsys, name, command):
    path = shipped(name, tmp_path)
    assert "damaged or not ours" in refused(capsys, command, path)
    with pytest.raises(StoreError, match="damaged or not ours"):
        sc.open_results(path)
    with pytest.raises(StoreError, match="damaged or not ours"):
        run(FakeTask(fake_layout((10,))), path, resume=True)
    with pytest.raises(StoreError, match=r"damaged or not ours|holds no fits"):
        read_fit(path, "x")


RESUME = """
import sys
from pathlib import Path
from spacecharge.store import opening
from spacecharge.sweeping import engine
from spacecharge.sweeping.pools import ThreadPool
from tests.sweeping.fake import FakeTask, fake_layout
opening._check_heaps = lambda name: None
print("ready", flush=True)
engine.run_task(FakeTask(fake_layout((10,))), Path(sys.argv[1]), lambda t: ThreadPool(t, 1), resume=True)
"""


def test_a_resumption_that_hangs_in_the_library_ends_with_the_first_signal(tmp_path):
    path = shipped("hdf5_hang", tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", RESUME, str(path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout.readline() == b"ready\n"
    time.sleep(1.5)
    if process.poll() is not None:
        process.stdout.close()
        pytest.skip("this version of the HDF5 library ends on that file")
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == -signal.SIGTERM
    process.stdout.close()
    # What it left does not keep the next one out.
    with pytest.raises(StoreError, match="damaged or not ours"):
        run(FakeTask(fake_layout((10,))), path, resume=True)


def soft(file, name, secret):
    file[name] = h5py.SoftLink("/status")


def external_link(file, name, secret):
    file[name] = h5py.ExternalLink(str(secret), "/secret")


def virtual(file, name, secret):
    layout = h5py.VirtualLayout(shape=(3,), dtype="f8")
    layout[...] = h5py.VirtualSource(str(secret), "secret", shape=(3,))
    file.create_virtual_dataset(name, layout)


def external(file, name, secret):
    file.create_dataset(name, shape=(3,), dtype="f8", external=[(str(secret), 0, 24)])


@pytest.mark.parametrize("way", [soft, external_link, virtual, external])
@pytest.mark.parametrize("name", ["debye_length", "fits/exsy_livo/parameters/diffusivity_m2_per_s", "fits/other"])
@pytest.mark.parametrize("source", ["sweep", "fit"])
def test_nothing_outside_the_file_is_read(tmp_path, capsys, sound, way, name, source):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = np.full(3, 123.456)
    path = tmp_path / "f.h5"
    shutil.copy(sound / f"{source}.h5", path)
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        way(file, name, secret)
    # A secret that is opened would be found missing.
    secret.chmod(0)
    for command in ("show", "plot", "export"):
        assert f"'/{name}' " in refused(capsys, command, path)
    with pytest.raises(StoreError, match="damaged or not ours"):
        sc.open_results(path)
    config = tmp_path / "c.yaml"
    config.write_text(FROM_FIT.format(file="f.h5", parameter="exsy_livo/diffusivity_m2_per_s"))
    with pytest.raises(ConfigError, match="damaged or not ours"):
        with_fits(sc.load_config(config))


def test_a_whole_group_elsewhere_is_not_followed(tmp_path, capsys, sound):
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format_version"] = 1
        file["fits"] = h5py.ExternalLink(str(sound / "fit.h5"), "/fits")
    assert "'/fits' is an external link" in refused(capsys, "show", path)
    with pytest.raises(StoreError, match="external link"):
        read_fit(path, "diffusivity_m2_per_s")


def test_from_fit_reads_files_of_this_format_only(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        group = file.create_group("fits/exsy_livo/parameters")
        group["diffusivity_m2_per_s"] = 1e-16
        group["diffusivity_m2_per_s"].attrs.update({"units": "m2 s-1", "sigma": 1e-17})
    with pytest.raises(StoreError, match=r"damaged or not ours .*no attribute format_version"):
        read_fit(tmp_path / "f.h5", "diffusivity_m2_per_s")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "text", "empty"])
def test_what_is_no_file_of_values(tmp_path, capsys, kind):
    path = tmp_path / "f.h5"
    if kind == "pipe":
        # A pipe without a writer would be waited for.
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("no HDF5" if kind == "text" else "")
    words = {"pipe": "no regular file", "device": "no regular file", "folder": "is a directory"}
    assert words.get(kind, "damaged or not ours") in refused(capsys, "show", path)


def test_values_that_no_file_of_this_size_can_hold(tmp_path, capsys):
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format_version"] = 1
        file.create_dataset("status", shape=(10**9, 10**6), dtype="i4", chunks=(1000, 1000), compression="gzip")
    assert "claims 4e+15 bytes" in refused(capsys, "show", path)


def test_a_result_that_is_sound_stays_readable(sound, capsys):
    for name in ("sweep", "fit", "work"):
        assert main(["show", str(sound / f"{name}.h5")]) == 0
        assert "exsy_livo" in capsys.readouterr().out
    assert read_results(sound / "sweep.h5").shape == (11, 2)
    with sc.open_results(sound / "sweep.h5", group="profiles/electrode") as data:
        assert data.potential.dims == ("electrode_potential", "temperature", "x")


@pytest.mark.parametrize("command", ["plot", "show"])
def test_tables_of_a_fit_that_do_not_fit_each_other_are_one_line(tmp_path, capsys, sound, command):
    path = tmp_path / "f.h5"
    shutil.copy(sound / "fit.h5", path)
    with h5py.File(path, "r+") as file:
        data = file["fits/exsy_livo/data"]
        for name in list(data):
            if name != "datum":
                attributes = {key: data[name].attrs[key] for key in ("units", "long_name")}
                del data[name]
                data.create_dataset(name, data=np.zeros(7)).attrs.update(attributes)
        del file["fits/exsy_livo/parameters"]["diffusivity_m2_per_s"].attrs["sigma"]
    assert "damaged or not ours" in refused(capsys, command, path)


def mutants(sound, folder, n, seed):
    rng = random.Random(seed)
    jobs = []
    for k in range(n):
        kind = KINDS[k % len(KINDS)]
        source = rng.choice(["sweep", "sweep", "fit", "work"])
        path = folder / f"{k}_{kind}_{source}.h5"
        mutant(sound / f"{source}.h5", path, rng, kind)
        jobs.append(path)
    return jobs


@pytest.fixture(scope="module")
def copies(sound):
    """Return sound files that a survey may warm up with: it leaves figures beside them."""
    folder = sound / "copies"
    folder.mkdir()
    return [Path(shutil.copy(sound / f"{name}.h5", folder)) for name in ("sweep", "fit")]


def test_some_damaged_files(tmp_path, sound, copies):
    paths = mutants(sound, tmp_path, 3 * len(KINDS), 1)
    jobs = [(path, action) for path in paths for action in ACTIONS if action != "plot"]
    jobs += [(path, "plot") for path in paths[:: len(KINDS) + 1]]
    wrong, ended = survey(jobs, copies)
    assert wrong == []
    # What the HDF5 library itself does on a damaged file, in one call.
    assert ended <= 3


VERDICTS = {
    "trace": "KeyError in", "loop": "EndlessError in", "call": ENDED, "crash": ENDED, "deaf": "SIGTERM does not end it",
    "leave": "ended with 3",
}  # fmt: skip


@pytest.mark.parametrize(("every", "silent"), [(1, 1.5), (101, 0.5)], ids=["anew", "forked"])
def test_what_a_survey_notices(tmp_path, every, silent):
    """Each illness by its name; what hangs or crashes in one call, and ends with SIGTERM, is the library's."""
    assert set(VERDICTS) == set(SICK)
    wrong, ended = survey([(tmp_path / "f.h5", action) for action in VERDICTS], [], silent, every)
    named = [verdict for verdict in VERDICTS.values() if verdict != ENDED]
    assert ended == len(VERDICTS) - len(named)
    assert len(wrong) == len(named)
    for words, verdict in zip(wrong, named, strict=True):
        assert f": {verdict}" in words


@pytest.mark.slow
def test_two_thousand_damaged_files(tmp_path, sound, copies):
    wrong, ended = [], 0
    for first in range(0, 20, 5):
        folder = tmp_path / str(first)
        paths = []
        for seed in range(first, first + 5):
            (folder / str(seed)).mkdir(parents=True)
            paths += mutants(sound, folder / str(seed), 100, seed)
        more, n = survey([(path, action) for path in paths for action in ACTIONS], copies)
        wrong += more
        ended += n
        shutil.rmtree(folder)
    assert wrong == []
    assert ended <= 100
