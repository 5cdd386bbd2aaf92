"""Checksums on datasets: those of the HDF5 library, found again by it, and a flipped bit that does not pass."""

import h5py
import numpy as np
import pytest

import spacecharge as sc
from spacecharge.errors import StoreError
from spacecharge.store import WorkFile, edited_hdf5, pack, read_results
from spacecharge.store.fits import write_fit
from tests.sweeping.fake import FakeTask, check_file, fake_layout

from .test_fits_and_runs import DATA


def test_the_checksum_is_that_of_the_library(tmp_path):
    from spacecharge.store.checksum import BLOCK_WORDS, fletcher32

    source = np.random.default_rng(1)
    chunks = [source.integers(0, 256, n, dtype=np.uint8) for n in (1, 2, 3, 1000, 1 << 16, 2 * BLOCK_WORDS + 7)]
    # Sums of zero, and multiples of 65535 that are not zero.
    chunks += [np.zeros(100, np.uint8), np.full(4 * BLOCK_WORDS, 255, np.uint8), np.full(65535, 1, np.uint8)]
    with h5py.File(tmp_path / "c.h5", "w") as file:
        for k, values in enumerate(chunks):
            dataset = file.create_dataset(str(k), data=values, chunks=values.shape, fletcher32=True)
            file.flush()
            _, stored = dataset.id.read_direct_chunk((0,))
            assert stored[:-4] == values.tobytes()
            assert int.from_bytes(stored[-4:], "little") == fletcher32(values.tobytes())


def arrays(file):
    found = []

    def look(name, item):
        if isinstance(item, h5py.Dataset) and item.ndim and item.size and item.dtype.kind in "fiu":
            found.append(item)

    file.visititems(look)
    return found


@pytest.mark.parametrize("shape", [(7,), (5000,), (60, 70)], ids=str)
def test_every_array_of_numbers_has_one(tmp_path, shape):
    path = tmp_path / "r.h5"
    task = FakeTask(fake_layout(shape, n_x=5))
    work = WorkFile.create(path, task.layout)
    work.write(0, task.evaluate(0, task.layout.n_points))
    work.commit()
    pack(work)
    write_fit(path, sc.fit(DATA / "f1.yaml"))
    check_file(path, task)
    with h5py.File(path) as file:
        found = arrays(file)
        assert len(found) > 15
        assert [item.name for item in found if not item.fletcher32] == []


@pytest.mark.parametrize("name", ["charge", "status", "axis0"])
def test_a_flipped_bit_does_not_pass(tmp_path, name):
    path = tmp_path / "r.h5"
    task = FakeTask(fake_layout((300,)))
    work = WorkFile.create(path, task.layout)
    work.write(0, task.evaluate(0, 300))
    work.commit()
    pack(work)
    with h5py.File(path) as file:
        chunk = file[name].id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    raw[chunk.byte_offset + chunk.size // 2] ^= 4
    path.write_bytes(raw)
    with pytest.raises(StoreError, match=f"{name} cannot be read"):
        read_results(path)[name]


def test_a_fit_with_tables_replaces_its_file_once(tmp_path, monkeypatch):
    import os
    from dataclasses import replace as changed

    from spacecharge.store.stored_fit import FitColumn, FitTable, read_fits

    path = tmp_path / "f.h5"
    replace, seen = os.replace, []
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append(b), replace(a, b)))
    column = FitColumn(values=np.array([1.0, 2.0]), unit="ohm m2", long_name="resistance of the fit")
    tables = {"interfaces": FitTable(columns={"fitted_resistance": column}, attributes={"names": ("a", "b")})}
    write_fit(path, changed(sc.fit(DATA / "f1.yaml"), tables=tables, texts={"verdict": ("a word",)}))
    assert seen == [path]
    (stored,) = read_fits(path)
    assert stored.attributes["verdict"] == ("a word",)
    assert stored.tables["interfaces"].attributes["names"] == ("a", "b")
    with edited_hdf5(path) as file:
        assert file["fits/fit1/interfaces/fitted_resistance"].fletcher32
