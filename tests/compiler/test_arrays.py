"""Arrays in files: bombs and damage are refused from headers, bfloat16 is read, digests hold."""

import gzip
import io
import json
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from compiler.arrays import npz_headers, read_npz, read_safetensors
from compiler.errors import FormatError
from compiler.families.langevin import LangevinMachine
from compiler.families.mlp import MLP
from compiler.families.store import digests, load_model, save_model
from compiler.packed import LARGE, read_packed


def zipped(path, members):
    """A zip with these members' bytes, packed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def npy(array):
    raw = io.BytesIO()
    np.save(raw, array)
    return raw.getvalue()


def tensors(path, entries):
    """A safetensors file of raw entries {name: (dtype, shape, bytes)}."""
    header, data = {}, b""
    for name, (dtype, shape, raw) in entries.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_headers_tell_shapes_without_unpacking(tmp_path):
    path = zipped(tmp_path / "a.npz", {"x.npy": npy(np.zeros((3, 4), np.float32)), "note.txt": b"hello"})
    headers = npz_headers(path)
    assert list(headers) == ["x"]
    assert (headers["x"].shape, headers["x"].dtype, headers["x"].nbytes) == ((3, 4), np.float32, 48)
    np.testing.assert_array_equal(read_npz(path)["x"], np.zeros((3, 4)))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = zipped(tmp_path / "bomb.npz", {"J.npy": npy(np.zeros(LARGE + 1, np.uint8))})
    tracemalloc.start()
    with pytest.raises(FormatError, match=r"'J' would unpack .* more than 200 times.*numpy.savez"):
        read_npz(path)
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


def test_large_arrays_that_are_not_packed_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", J=np.zeros(LARGE + 1, np.uint8))
    assert read_npz(tmp_path / "a.npz")["J"].size == LARGE + 1


@pytest.mark.parametrize(
    "content",
    [
        npy(np.arange(9.0))[:-8],  # fewer values than promised
        npy(np.arange(9.0)) + bytes(8),
        npy(np.arange(9.0)).replace(b"(9,)", b"(9,("),
        npy(np.arange(9.0)).replace(b"<f8", b"<q9"),
        b"no array",
        b"",
    ],
)
def test_damaged_arrays_are_one_line(tmp_path, content):
    with pytest.raises(FormatError, match=r"a\.npz: is no whole \.npz file"):
        read_npz(zipped(tmp_path / "a.npz", {"x.npy": content}))


def test_damaged_deflate_is_one_line(tmp_path):
    path = zipped(tmp_path / "a.npz", {"x.npy": npy(np.random.default_rng(0).random(500))})
    raw = bytearray(path.read_bytes())
    raw[400:440] = bytes(40)
    path.write_bytes(raw)
    with pytest.raises(FormatError, match=r"is no whole \.npz file"):
        read_npz(path)


def test_bfloat16_becomes_float32(tmp_path):
    values = np.array([1.0, -2.5, 3e38, 0.0], np.float32)
    upper = (values.view(np.uint32) >> 16).astype("<u2")
    read = read_safetensors(tensors(tmp_path / "a.safetensors", {"w": ("BF16", [2, 2], upper.tobytes())}))[1]
    assert read["w"].dtype == np.float32 and read["w"].shape == (2, 2)
    np.testing.assert_array_equal(
        read["w"].ravel(), (upper.astype(np.uint32) << 16).view(np.float32)
    )  # exact: the lower half is 0


def test_unknown_number_types_are_named(tmp_path):
    path = tensors(tmp_path / "a.safetensors", {"w": ("F8_E4M3", [2], bytes(2))})
    with pytest.raises(FormatError, match=r"'w' holds numbers of type F8_E4M3.*save it as F32"):
        read_safetensors(path)


def model():
    rng = np.random.default_rng(0)
    weights = (rng.normal(size=(3, 4)).astype(np.float32),)
    return MLP(weights, (np.zeros(3, np.float32),), ("tanh",))


def test_altered_arrays_of_a_model_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    save_model(model(), path)
    load_model(path)
    raw = path.read_bytes()
    first, second = model().weights[0][:2].tobytes(), model().weights[0][1::-1].tobytes()
    assert raw.count(first) == 1
    path.write_bytes(raw.replace(first, second))  # two rows change places
    with pytest.raises(FormatError, match="was altered: the checksum of array"):
        load_model(path)


@pytest.mark.parametrize("value", ["null", '"one"', "[1]", "true"])
def test_facts_that_are_no_numbers_are_named(tmp_path, value):
    n, ones = np.zeros(2), np.ones(1)
    path = tmp_path / "a.safetensors"
    machine = LangevinMachine(
        np.eye(2), np.zeros((2, 2)), n, n, n, n, n, 1, 0 * ones, ones, ones, 0 * ones, head="regression"
    )
    save_model(machine, path)
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + size])
    document = json.loads(header["__metadata__"]["thermoc_model"])
    document["kT"] = json.loads(value)
    del document["sha256"]
    document["sha256"] = digests(document, read_safetensors(path)[1])
    header["__metadata__"]["thermoc_model"] = json.dumps(document)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + size :])
    with pytest.raises(FormatError, match=r"kT|malformed"):
        load_model(path)


def test_gzip_bombs_stop_early(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(LARGE + (32 << 20)), 1))
    with pytest.raises(FormatError, match="too much for data"):
        read_packed(path)
    path.write_bytes(gzip.compress(b"abc" * 1000))
    assert read_packed(path) == b"abc" * 1000
    assert read_packed(path, 5) == b"abcab"
