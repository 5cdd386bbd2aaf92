"""What is written is what is read: with h5py, with the package, with xarray and pandas."""

import itertools
import zlib

import h5py
import numpy as np
import pytest

from spacecharge.errors import StoreError
from spacecharge.store import (
    Coordinate,
    Layout,
    Variable,
    WorkFile,
    chunk_shape,
    edited_hdf5,
    open_results,
    pack,
    read_results,
    to_dataframe,
)
from spacecharge.store.packing import deflated
from tests.sweeping.fake import FakeTask, check_file, expected, fake_layout

SHAPES = [(), (1,), (7,), (5, 4), (3, 1, 4), (4, 3, 2, 5)]


def written(path, layout, *, packed=True, **task_options):
    task = FakeTask(layout, **task_options)
    work = WorkFile.create(path, layout)
    work.write(0, task.evaluate(0, layout.n_points))
    work.commit()
    if packed:
        pack(work, workers=2)
    else:
        work.close()
    return task


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("packed", [False, True])
def test_values_come_back_bit_for_bit(tmp_path, shape, packed):
    path = tmp_path / "r.h5"
    task = written(path, fake_layout(shape, n_x=11), packed=packed, fails=3)
    assert check_file(path, task) == task.layout.n_points


@pytest.mark.parametrize("shape", [(40_000,), (70, 600), (600, 70), (30, 40, 35), (3, 20_000), (20_000, 3)], ids=str)
def test_many_chunks_and_slabs(tmp_path, shape, monkeypatch):
    # Small limits make every branch of the cut into slabs and chunks run on a file of a megabyte.
    monkeypatch.setattr("spacecharge.store.layout.CHUNK_BYTES", 1 << 12)
    monkeypatch.setattr("spacecharge.store.packing.SLAB_BYTES", 1 << 14)
    path = tmp_path / "r.h5"
    layout = fake_layout(shape)
    task = written(path, layout)
    assert check_file(path, task) == layout.n_points
    with h5py.File(path) as file:
        chunks = file["contact_potential"].chunks
        assert np.prod(chunks) * 8 <= 1 << 12
        assert file["contact_potential"].compression == "gzip"
        assert file["contact_potential"].shuffle


@pytest.mark.parametrize("size", [1, 100, 5000, 70_000])
@pytest.mark.parametrize("noisy", list(itertools.product([False, True], repeat=4)), ids=str)
def test_planes_of_noise_are_stored_between_planes_that_shrink(size, noisy):
    source = np.random.default_rng(1)
    planes = np.array([source.integers(0, 256, size) if n else np.arange(size) // 200 for n in noisy], dtype=np.uint8)
    packed = deflated(planes)
    assert zlib.decompress(packed) == planes.tobytes()
    # Noise must not grow, and must not keep its neighbours from shrinking.
    assert len(packed) < 1.01 * size * sum(noisy) + 0.1 * size * (4 - sum(noisy)) + 100


def test_chunks_hold_whole_points_and_are_even_along_the_axes():
    for shape, n_sweep in [((1000, 100, 1, 2), 2), ((10**7,), 1), ((100, 100, 100), 3), ((201, 3, 400), 2)]:
        chunk = chunk_shape(shape, n_sweep, 8)
        assert chunk[n_sweep:] == shape[n_sweep:]
        assert np.prod(chunk) * 8 <= 1 << 18
        # Not needlessly small: a quarter of the aim at least, unless the dataset is smaller.
        assert np.prod(chunk) * 8 >= min(1 << 16, np.prod(shape) * 8)
        lengths = [c for c, s in zip(chunk, shape, strict=True) if c < s]
        assert all(a <= 3 * b for a, b in itertools.permutations(lengths, 2))


def test_a_single_point_larger_than_a_chunk_is_a_chunk():
    assert chunk_shape((5, 100_000), 1, 8) == (1, 100_000)


def test_every_dataset_has_units_long_name_and_scales(tmp_path):
    path = tmp_path / "r.h5"
    written(path, fake_layout((5, 4), n_x=11))
    with h5py.File(path) as file:
        datasets = []
        file.visititems(lambda _, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
        assert len(datasets) == 12
        for dataset in datasets:
            assert dataset.attrs["units"]
            assert dataset.attrs["long_name"]
            if not dataset.is_scale:
                assert all(len(dimension) == 1 for dimension in dataset.dims)
        assert file["profiles/electrode/potential"].dims[2][0].name == "/profiles/electrode/x"


@pytest.mark.parametrize("packed", [False, True])
def test_opens_in_xarray_without_warnings(tmp_path, packed):
    xarray = pytest.importorskip("xarray")
    path = tmp_path / "r.h5"
    task = written(path, fake_layout((5, 4), n_x=11), packed=packed)
    right = expected(task)
    # Warnings are errors here, also those of a plain xarray call without our help.
    with xarray.open_dataset(path, engine="h5netcdf") as plain:
        assert plain["charge"].dims == ("axis0", "axis1", "layer")
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        assert tree["profiles/electrode/potential"].dims == ("axis0", "axis1", "x")
    with open_results(path) as data:
        assert data.charge.attrs["units"] == "uC/cm2"
        np.testing.assert_allclose(data.charge, 1e2 * right["charge"].reshape(5, 4, 2), rtol=1e-15)
    with open_results(path, units="SI") as data:
        assert data.charge.attrs["units"] == "C m-2"
        at = {"axis0": 0.25, "side": "right", "contact": "electrode|electrolyte"}
        line = data.contact_potential.sel(at)
        np.testing.assert_array_equal(line, right["contact_potential"].reshape(5, 4, 1, 2)[1, :, 0, 1])
        frame = data.to_dataframe()
        assert frame.shape[0] == 5 * 4 * 2 * 2
        row = frame.xs(0.25, level="axis0").xs(0.0, level="axis1").xs("electrode", level="layer")
        assert set(row["charge"]) == {right["charge"].reshape(5, 4, 2)[1, 0, 0]}
    with open_results(path, group="profiles/electrode") as profiles:
        assert profiles.potential.sel(axis0=0.5, axis1=1.0).shape == (11,)
    with pytest.raises(StoreError, match=r"no group nowhere \(groups: profiles/electrode\)"):
        open_results(path, group="nowhere")


def test_points_run_along_one_axis_with_their_coordinates(tmp_path):
    xarray = pytest.importorskip("xarray")
    layout = Layout(
        sweep=("point",),
        shape=(6,),
        coordinates=(
            Coordinate(name="point", values=np.arange(6)),
            Coordinate(name="temperature", values=np.linspace(250.0, 350.0, 6), units="K", dimension="point"),
        ),
        variables=(Variable(name="status", dtype="i4"), Variable(name="y")),
    )
    path = tmp_path / "r.h5"
    work = WorkFile.create(path, layout)
    work.write(0, {"status": np.zeros(6, "i4"), "y": np.arange(6.0)})
    work.commit()
    pack(work)
    with open_results(path) as data:
        assert set(data.coords) == {"point", "temperature"}
        assert data.temperature.dims == ("point",)
    with xarray.open_dataset(path, engine="h5netcdf") as plain:
        assert "temperature" in plain.coords
    frame = to_dataframe(path)
    assert list(frame) == ["point", "temperature", "status", "y"]


def test_wide_table_has_one_row_per_point(tmp_path):
    path = tmp_path / "r.h5"
    task = written(path, fake_layout((5, 4)))
    frame = to_dataframe(path)
    assert len(frame) == 20
    assert list(frame)[:2] == ["axis0", "axis1"]
    np.testing.assert_array_equal(
        frame["contact_potential[electrode|electrolyte, right]"], expected(task)["contact_potential"][:, 0, 1]
    )


def test_single_solve_has_no_sweep_axis(tmp_path):
    path = tmp_path / "r.h5"
    written(path, fake_layout(()))
    results = read_results(path)
    assert results.sweep == ()
    assert results.n_points == 1
    assert results["interface_resistance"].shape == ()
    assert results.fields["charge"].dims == ("layer",)
    assert results.layers == ("electrode", "electrolyte")


def test_unrun_points_read_as_nan(tmp_path):
    path = tmp_path / "r.h5"
    layout = fake_layout((6,))
    with WorkFile.create(path, layout) as work:
        work.write(2, FakeTask(layout).evaluate(2, 4))
        work.commit()
    results = read_results(path)
    assert not results.is_complete
    np.testing.assert_array_equal(results["status"], [-1, -1, 0, 0, -1, -1])
    assert np.isnan(results["charge"][[0, 1, 4, 5]]).all()
    assert np.isfinite(results["charge"][2:4]).all()
    assert results.status_counts() == {-1: 4, 0: 2}


def test_what_is_no_result_file_is_refused(tmp_path):
    text = tmp_path / "text.h5"
    text.write_text("no HDF5")
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file["a"] = 1
    newer = tmp_path / "newer.h5"
    with h5py.File(newer, "w") as file:
        file.attrs["format_version"] = 99
        file.attrs["spacecharge_version"] = "9.9"
    for path, message in [
        (text, "not an HDF5 file or damaged"),
        (foreign, "not a spacecharge result file"),
        (newer, "format 99 is newer.*written by spacecharge 9.9"),
        (tmp_path / "missing.h5", "no such file"),
        (tmp_path, "is a directory"),
    ]:
        with pytest.raises(StoreError, match=message):
            read_results(path)
    assert not (tmp_path / "missing.h5").exists()


def test_wrong_shapes_are_refused(tmp_path):
    layout = fake_layout((6,))
    task = FakeTask(layout)
    with WorkFile.create(tmp_path / "r.h5", layout) as work:
        values = {**task.evaluate(0, 2), "charge": np.zeros((2, 3))}
        with pytest.raises(StoreError, match=r"charge: values of shape \(3,\) per point, expected \(2,\)"):
            work.write(0, values)
        work.commit()
        assert set(np.concatenate([s for _, s in work.statuses()])) == {-1}
    with pytest.raises(StoreError, match="does not have the shape"):
        WorkFile.open(tmp_path / "r.h5", fake_layout((7,)))


def test_editing_a_file_leaves_the_old_one_on_failure(tmp_path):
    path = tmp_path / "r.h5"
    written(path, fake_layout((4,)))
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError), edited_hdf5(path) as file:
        file["fits/a"] = 1.0
        raise ZeroDivisionError
    assert path.read_bytes() == before
    with edited_hdf5(path) as file:
        file["fits/a"] = 1.0
    assert read_results(path).has_fits
    assert [p.name for p in tmp_path.iterdir()] == ["r.h5"]


def test_reads_where_the_file_system_knows_no_locks(tmp_path, monkeypatch):
    path = tmp_path / "r.h5"
    task = written(path, fake_layout((4,)))
    real = h5py.File

    def refusing(name, *args, **options):
        if options.get("locking", True):
            raise OSError("[Errno 524] Unable to synchronously open file (unable to lock file, errno = 524)")
        return real(name, *args, **options)

    monkeypatch.setattr(h5py, "File", refusing)
    results = read_results(path)
    np.testing.assert_array_equal(results["charge"], expected(task)["charge"])


def test_a_file_open_elsewhere_in_the_process_can_be_read_and_replaced(tmp_path):
    path = tmp_path / "r.h5"
    written(path, fake_layout((4,)))
    with h5py.File(path) as file:
        assert read_results(path).n_points == 4
        old = file["charge"][...]
        written(path, fake_layout((5,)))
        # Who has the old file open keeps it; who opens now gets the new one.
        np.testing.assert_array_equal(file["charge"][...], old)
    assert read_results(path).n_points == 5
