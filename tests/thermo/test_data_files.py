"""Files that users have: every form gives the data set of the same arrays; what is wrong is named."""

import gzip
import struct

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

from compiler.errors import ThermocError
from thermo.cli.main import main
from thermo.data import DataError, load_dataset
from thermo.data.arrays import dataset_of

WINE, DIGITS = load_wine(), load_digits()


def _same(a, b):
    assert (a.n_classes, a.image_shape) == (b.n_classes, b.image_shape)
    for part in ("train", "valid", "test"):
        for ours, theirs in zip(a.part(part), b.part(part), strict=True):
            assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


def _idx(array):
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


def _csv(path, columns, names=None, mark=","):
    lines = [mark.join(names)] if names else []
    lines += [mark.join(str(v) for v in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return load_dataset(str(path))


@pytest.mark.parametrize("keys", [("x", "y"), ("X", "y"), ("data", "target"), ("x_train", "y_train")])
def test_npz_takes_the_names_that_arrays_have_elsewhere(tmp_path, keys):
    np.savez(tmp_path / "a.npz", **dict(zip(keys, (WINE.data, WINE.target), strict=True)))
    _same(load_dataset(str(tmp_path / "a.npz")), dataset_of("a", WINE.data, WINE.target))


def test_words_and_one_hot_rows_are_classes():
    words = np.array(WINE.target_names)[WINE.target]
    hot = np.eye(3)[WINE.target]
    plain = dataset_of("a", WINE.data, WINE.target)
    _same(dataset_of("a", WINE.data, words), plain)
    found = dataset_of("a", WINE.data, hot)
    _same(found, plain)
    assert any("one-hot" in note for note in found.notes)
    assert dataset_of("a", WINE.data, words).labels == ("class_0", "class_1", "class_2")


@pytest.mark.parametrize("mark, ending", [(",", "csv"), (";", "csv"), ("\t", "tsv")])
def test_tables_of_text_are_read(tmp_path, mark, ending):
    plain = dataset_of("a", WINE.data, WINE.target)
    names = [*WINE.feature_names]
    last = _csv(tmp_path / f"last.{ending}", [*WINE.data.T, WINE.target], [*names, "kind"], mark)
    first = _csv(tmp_path / f"first.{ending}", [WINE.target, *WINE.data.T], ["Class", *names], mark)
    bare = _csv(tmp_path / f"bare.{ending}", [*WINE.data.T, WINE.target], None, mark)
    for found in (last, first, bare):
        _same(found, plain)


def test_columns_of_words_become_columns_of_bits_and_floats_are_values(tmp_path):
    rng = np.random.default_rng(0)
    colour, size = rng.choice(["red", "green", "blue"], 60), rng.integers(0, 9, 60)
    found = _csv(tmp_path / "a.csv", [colour, size, rng.normal(size=60)], ["colour", "size", "price"])
    assert (found.n_classes, found.n_features) == (0, 4)
    bits = (colour[:, None] == ["blue", "green", "red"]).astype(float)
    x = np.concatenate([bits, size[:, None]], 1)
    assert np.array_equal(
        np.sort(found.x_train.sum(0)), np.sort(found.scaling(x).astype(np.float32)[_train(60)].sum(0))
    )


def _train(n):
    from thermo.data.dataset import split_rows

    return split_rows(np.zeros(n), 0.15, 0.2)[0]


def test_parquet_is_read_as_the_csv_is(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    frame = pandas.DataFrame(WINE.data, columns=WINE.feature_names)
    frame["target"] = np.array(WINE.target_names)[WINE.target]
    frame.to_parquet(tmp_path / "a.parquet")
    _same(load_dataset(str(tmp_path / "a.parquet")), dataset_of("a", WINE.data, WINE.target))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1" + bytes(40))
    with pytest.raises(DataError, match=r"bad\.parquet: not read as Parquet"):
        load_dataset(str(tmp_path / "bad.parquet"))


def test_idx_files_and_folders_of_them(tmp_path):
    images, labels = DIGITS.images, DIGITS.target
    for stem, rows in (("train", slice(0, 1500)), ("t10k", slice(1500, None))):
        (tmp_path / f"{stem}-images-idx3-ubyte.gz").write_bytes(_idx(images[rows]))
        (tmp_path / f"{stem}-labels-idx1-ubyte.gz").write_bytes(_idx(labels[rows]))
    pairs = [(images[rows].astype(np.uint8), labels[rows]) for rows in (slice(0, 1500), slice(1500, None))]
    _same(load_dataset(str(tmp_path)), dataset_of("a", *pairs[0], test=pairs[1]))
    _same(load_dataset(str(tmp_path / "train-images-idx3-ubyte.gz")), dataset_of("a", *pairs[0]))
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"no IDX file of labels for the train split"):
        load_dataset(str(tmp_path))
    with pytest.raises(DataError, match=r"no labels beside it"):
        load_dataset(str(tmp_path / "train-images-idx3-ubyte.gz"))


@pytest.mark.parametrize("split", [False, True])
def test_folders_of_pictures(tmp_path, split):
    image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 6, 7), dtype=np.uint8)
    y = np.arange(40) % 2
    rows = {"train": np.arange(30), "test": np.arange(30, 40)} if split else {"": np.arange(40)}
    for part, some in rows.items():
        for k in some:
            folder = tmp_path / part / ("cat" if y[k] else "dog")
            folder.mkdir(parents=True, exist_ok=True)
            image.fromarray(x[k]).save(folder / f"{k:02}.png")
    found = load_dataset(str(tmp_path))
    order = {part: some[np.argsort(-y[some], kind="stable")] for part, some in rows.items()}
    words = np.array(["dog", "cat"])[y]
    if split:
        whole = dataset_of(
            "a", x[order["train"]], words[order["train"]], test=(x[order["test"]], words[order["test"]])
        )
    else:
        whole = dataset_of("a", x[order[""]], words[order[""]])
    _same(found, whole)
    assert found.labels == ("cat", "dog") and found.image_shape == (6, 7)
    image.fromarray(x[0][:3]).save(folder / "odd.png")
    with pytest.raises(DataError, match=r"odd\.png: 7 x 3 pixels, .*; bring all to one size"):
        load_dataset(str(tmp_path))
    (folder / "odd.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"odd\.png: not read as a picture"):
        load_dataset(str(tmp_path))


def test_rows_and_pictures_are_told_apart():
    """The twin: the same pixels in another order have no neighbours and are rows."""
    assert dataset_of("a", DIGITS.data, DIGITS.target).image_shape == (8, 8)
    mixed = DIGITS.data[:, np.random.default_rng(0).permutation(64)]
    rng = np.random.default_rng(1)
    series = np.cumsum(rng.normal(size=(500, 64)), axis=1)
    level = rng.normal(size=(500, 1)) + 0.3 * rng.normal(size=(500, 64))
    for x, y in ((mixed, DIGITS.target), (series, np.arange(500) % 2), (level, np.arange(500) % 2)):
        assert dataset_of("a", x, y).image_shape == ()
    assert dataset_of("a", DIGITS.data, DIGITS.target, image_shape=()).image_shape == ()
    with pytest.raises(DataError, match=r"image_shape \(9, 7\)"):
        dataset_of("a", DIGITS.data, DIGITS.target, image_shape=(9, 7))


def test_values_of_tables_do_not_depend_on_their_units():
    units = 10.0 ** np.arange(-6, 7)
    plain, one = dataset_of("a", WINE.data, WINE.target), dataset_of("a", WINE.data * units, WINE.target)
    assert np.allclose(plain.x_test, one.x_test, atol=1e-6)
    assert one.x_test.min() >= 0 and one.x_test.max() <= 1


def _missing():
    x = WINE.data.copy()
    x[7, 2] = x[9, 2] = np.nan
    return x


@pytest.mark.parametrize(
    "x, y, message",
    [
        (
            _missing(),
            WINE.target,
            r"2 missing or infinite values in 2 of 178 rows of column 2, the first in row 7",
        ),
        (WINE.data, np.where(WINE.target, WINE.target, np.nan), r"y must be finite, got 59 missing"),
        (WINE.data, np.arange(178), r"178 different values in 178 rows, too many for classes; save numbers"),
        (WINE.data[:2], WINE.target[:2], r"split is empty"),
    ],
)
def test_what_is_wrong_with_arrays_is_named(x, y, message):
    with pytest.raises(DataError, match=message):
        dataset_of("a", x, y)


def test_a_class_that_nobody_trained_is_named():
    with pytest.raises(DataError, match="class 2 has rows in test and none in training"):
        dataset_of("a", WINE.data[:100], WINE.target[:100], test=(WINE.data[100:], WINE.target[100:]))


def test_uneven_classes_are_told_and_even_ones_are_not():
    rng = np.random.default_rng(0)
    x = rng.random((1000, 3))
    uneven = dataset_of("a", x, (rng.permutation(1000) < 20).astype(int))
    assert any("always '0' is right in 98.0 %" in note for note in uneven.notes)
    assert not dataset_of("a", x, np.arange(1000) % 4).notes


@pytest.mark.parametrize(
    "text, message",
    [
        ("a,b\n1,2\n", "split is empty"),
        ("a\n1\n", "has one column, 'a'"),
        ("a,b\n", "has no rows"),
        ("a,b\n1,2,3\nx,2\n", r"line 2: 3 fields, the first line has 2"),
        (
            "a,colour,y\n" + "1,red,0\n" * 9 + ",red,1\n" * 9,
            r"9 missing or infinite values in 9 of 18 rows of column a",
        ),
        ("a,y\n" + "1,u\n" * 9 + "2,\n" * 3, r"3 of 12 answers \(column 'y'\) are missing; drop those rows"),
        (
            "name,y\n" + "".join(f"n{k},{k % 2}\n" for k in range(99)),
            "column 'name' holds 99 different words",
        ),
    ],
)
def test_tables_that_do_not_fit_are_named_on_the_command_line(tmp_path, capsys, text, message):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(ThermocError, match=message):
        load_dataset(str(path))
    assert main(["train", "logic", "--data", str(path), "-o", str(tmp_path / "m.safetensors")]) == 2
    err = capsys.readouterr().err.strip()
    assert err.startswith("error: ") and "Traceback" not in err
