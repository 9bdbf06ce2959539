"""Data sets: splits are disjoint, bad files are named, real sets are as published."""

import gzip
import struct

import numpy as np
import pytest

from thermo.data import SOURCES, DataError, Dataset, fetch, load_dataset
from thermo.data.dataset import split_rows


def _need(name):
    try:
        return load_dataset(name)
    except DataError as error:
        pytest.skip(str(error))


def test_digits_are_embedded_and_split_without_overlap():
    d = load_dataset("digits")
    assert (d.x_train.shape[0], d.x_valid.shape[0], d.x_test.shape[0]) == (1169, 269, 359)
    assert d.x_train.dtype == np.float32 and d.x_train.min() >= 0 and d.x_train.max() == 1
    for part in ("train", "valid", "test"):
        assert set(np.unique(d.part(part)[1])) == set(range(10))


def test_split_rows_is_a_partition():
    y = np.repeat(np.arange(3), (10, 20, 31))
    rows = np.concatenate(split_rows(y, 0.2, 0.3))
    assert np.array_equal(np.sort(rows), np.arange(61))


def test_cosine_is_regression():
    d = load_dataset("cosine")
    assert d.n_classes == 0
    assert np.allclose(d.y_train, np.cos(2 * np.pi * d.x_train[:, 0]))


def test_mnist_is_the_published_set():
    d = _need("mnist")
    assert [d.part(p)[0].shape for p in ("train", "valid", "test")] == [
        (55000, 784),
        (5000, 784),
        (10000, 784),
    ]
    pixels = np.concatenate([d.x_train, d.x_valid])
    assert pixels.mean() == pytest.approx(0.1306605, abs=1e-5)
    assert d.y_test[:5].tolist() == [7, 2, 1, 0, 4]


def test_monk_sets_hold_all_432_combinations():
    d = _need("monk1")
    assert d.x_test.shape == (432, 17) and (d.x_test.sum(axis=1) == 6).all()
    # The rule of MONK-1: a1 = a2 or a5 = 1.
    same = (d.x_test[:, :3] * d.x_test[:, 3:6]).sum(axis=1) == 1
    assert np.array_equal(d.y_test == 1, same | (d.x_test[:, 11] == 1))


def _write_mnist(folder, images=b"", labels=b""):
    folder = folder / "mnist"
    folder.mkdir()
    for stem in ("train", "t10k"):
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (b"", "not an IDX file"),
        (struct.pack(">IIII", 0x803, 5, 28, 28), "its header promises"),
        (b"\x89PNG" + bytes(40), "not an IDX file"),
    ],
)
def test_damaged_idx_files_are_named(tmp_path, images, message):
    _write_mnist(tmp_path, images)
    with pytest.raises(DataError, match=message):
        load_dataset("mnist", tmp_path)


def test_truncated_gzip_is_named(tmp_path):
    _write_mnist(tmp_path, bytes(100))
    path = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match="train-images"):
        load_dataset("mnist", tmp_path)


def test_missing_files_tell_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr("thermo.data.sources.pooch.os_cache", lambda _: tmp_path / "cache")
    with pytest.raises(DataError, match=r"thermoc data fetch mnist.*THERMOC_DATA"):
        load_dataset("mnist", tmp_path)


def test_npz_round_trip_and_its_errors(tmp_path):
    path = tmp_path / "mine.npz"
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 2, 2)), np.repeat([3, 7], 25)
    np.savez(path, x=x, y=y)
    d = load_dataset(str(path))
    assert d.n_classes == 2 and d.labels == ("3", "7") and d.image_shape == (2, 2)
    assert sum(d.part(p)[0].shape[0] for p in ("train", "valid", "test")) == 50
    np.savez(path, x=x)
    with pytest.raises(DataError, match="needs arrays x and y"):
        load_dataset(str(path))
    np.savez(path, x=x, y=y[:-1])
    with pytest.raises(DataError, match="they must match"):
        load_dataset(str(path))
    x[4, 0, 0] = np.nan
    np.savez(path, x=x, y=y)
    with pytest.raises(DataError, match="must be finite"):
        load_dataset(str(path))
    for content in (b"not a zip", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"is no whole \.npz file"):
            load_dataset(str(path))
    with pytest.raises(DataError, match="no such file"):
        load_dataset(str(tmp_path / "none.npz"))


def test_unknown_names_list_the_choices():
    with pytest.raises(DataError, match="choose one of digits"):
        load_dataset("imagenet")
    with pytest.raises(DataError, match="can be had"):
        fetch("imagenet")
    with pytest.raises(DataError, match="train, valid or test"):
        load_dataset("cosine").part("all")


def test_a_data_set_checks_its_own_shapes():
    x, y = np.zeros((4, 2), np.float32), np.zeros(4, np.int64)
    with pytest.raises(DataError, match=r"got x \(4, 2\) and y \(3,\)"):
        Dataset("bad", x, y[:3], x, y, x, y, 2)
    with pytest.raises(DataError, match="valid split is empty"):
        Dataset("bad", x, y, x[:0], y[:0], x, y, 2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((4, 2)), "y": np.int64(1)}, "y is a single number"),
        ({"x": np.float64(1), "y": np.arange(4)}, "x is a single number"),
        ({"x": np.zeros((4, 2)), "y": np.arange(5)}, "x has 4 rows and y 5"),
        ({"x": np.zeros((0, 2)), "y": np.arange(0)}, "x is empty"),
        ({"x": np.zeros((4, 2)), "y": np.arange(4) * 1j}, "number the classes"),
        (
            {"x": np.zeros((4, 2)), "y": np.arange(4), "x_test": np.zeros((4, 3)), "y_test": np.arange(4)},
            r"rows of x have shape \(2,\), those of x_test \(3,\)",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named_from_their_headers(tmp_path, monkeypatch, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    monkeypatch.setattr("thermo.data.npz.read_npz", None)  # nothing is unpacked
    with pytest.raises(DataError, match=message):
        load_dataset(str(tmp_path / "a.npz"))


def test_every_file_to_be_fetched_has_a_sha256():
    files = [file for source in SOURCES.values() for file in source.files]
    assert len(files) == 9 and len({file.sha256 for file in files}) == 9
    assert all(len(file.sha256) == 64 and int(file.sha256, 16) for file in files)


def test_a_model_may_teach_in_place_of_the_truth():
    data = load_dataset("digits")

    class Backwards:
        def predictions(self, x):
            return 9 - np.arange(len(x)) % 10

    taught = data.answered_by(Backwards())
    assert taught.y_train[:11].tolist() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9]
    assert taught.y_valid.dtype == data.y_valid.dtype and taught.x_train is data.x_train
    np.testing.assert_array_equal(taught.y_test, data.y_test)

    class Eleven:
        def predictions(self, x):
            return np.full(len(x), 10)

    with pytest.raises(DataError, match="has 10 classes, the model answers 10"):
        data.answered_by(Eleven())
