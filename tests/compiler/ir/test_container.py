import hashlib
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from toys.compiler import gradient_toy, netlists, toy, with_couplings

from compiler.errors import FormatError, NetlistError, UnsupportedError
from compiler.files import OutputError
from compiler.ir import container
from compiler.ir.container import PREFIX, is_container, load, save
from compiler.ir.kinds import difference, equal
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.tnl"
    save(toy(), path)
    return path


def refused(path, match):
    with pytest.raises(FormatError, match=match) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message


@given(netlists())
@settings(max_examples=60, deadline=None)
def test_load_gives_back_what_was_saved(tmp_path_factory, netlist):
    path = tmp_path_factory.mktemp("tnl") / "net.tnl"
    save(netlist, path)
    assert difference(load(path), netlist) is None


def test_weights_keep_their_precision(tmp_path):
    for dtype in (np.float32, np.float64):
        save(toy(dtype), tmp_path / "net.tnl")
        assert load(tmp_path / "net.tnl").couplings[0].weight.dtype == dtype


def test_saving_is_deterministic_and_leaves_one_file(tmp_path):
    save(toy(), tmp_path / "a.tnl")
    save(load(tmp_path / "a.tnl"), tmp_path / "b.tnl")
    assert (tmp_path / "a.tnl").read_bytes() == (tmp_path / "b.tnl").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["a.tnl", "b.tnl"]


def test_version_1_is_read_for_ever():
    assert equal(load(GOLDEN / "toy_v1.tnl"), toy())


def test_arrays_are_aligned_and_read_only(file):
    netlist = load(file)
    assert netlist.couplings[0].weight.ctypes.data % 16 == 0
    with pytest.raises(ValueError, match="read-only"):
        netlist.couplings[0].weight[0] = 1


def test_empty(file):
    file.write_bytes(b"")
    refused(file, "is empty")


def test_missing(tmp_path):
    refused(tmp_path / "no.tnl", "cannot be read")
    refused(tmp_path, "cannot be read")


def test_every_truncation_is_noticed(file):
    whole = file.read_bytes()
    for n in [*range(1, PREFIX.size + 70), *range(PREFIX.size + 70, len(whole), 61)]:
        file.write_bytes(whole[:n])
        refused(file, "is truncated")


def test_altered_bytes_are_noticed_wherever_they_are(file):
    whole = bytearray(file.read_bytes())
    for k in [*range(PREFIX.size), *range(PREFIX.size, len(whole), 31)]:
        changed = bytearray(whole)
        changed[k] ^= 0x10
        file.write_bytes(changed)
        with pytest.raises(FormatError):
            load(file)


def test_messages_for_altered_files(file):
    whole = file.read_bytes()
    file.write_bytes(whole + b"x")
    refused(file, "was altered")
    file.write_bytes(whole[:-64] + b"\1" + whole[-63:])
    refused(file, "was altered: the checksum of array 'readout.offset' is wrong")
    file.write_bytes(whole.replace(b'"kT":0.3', b'"kT":0.4'))
    refused(file, "was altered: the header's checksum is wrong")


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"\x89PNG\r\n\x1a\n....", b"langevin 1\n"])
def test_foreign(file, content):
    file.write_bytes(content)
    refused(file, "is no .tnl file")


def rewrite(path, change=None, *, raw=None, version=1, limit=None):
    """Write the file again with a changed header under a correct checksum."""
    whole = path.read_bytes()
    magic, _, _, n, _, _ = PREFIX.unpack(whole[: PREFIX.size])
    header, content = whole[PREFIX.size : PREFIX.size + n], whole[PREFIX.size + n :]
    if change is not None:
        plain = json.loads(header)
        change(plain)
        raw = json.dumps(plain).encode()
    header = header if raw is None else raw
    total = PREFIX.size + len(header) + len(content)
    digest = hashlib.sha256(header).digest()
    size = len(header) if limit is None else limit
    path.write_bytes(PREFIX.pack(magic, version, 0, size, total, digest) + header + content)


def test_newer_version(file):
    rewrite(file, version=2)
    refused(file, "has .tnl version 2; this thermoc reads versions 1 to 1: update")
    rewrite(file, version=0)
    refused(file, "has .tnl version 0")


def test_a_version_without_a_reader(file, monkeypatch):
    monkeypatch.setattr(container, "VERSION", 9)
    rewrite(file, version=9)
    refused(file, "version 9 is not known here")


def test_header_too_large(file):
    rewrite(file, limit=container.HEADER_LIMIT + 1)
    refused(file, "states a header of")


@pytest.mark.parametrize("raw", [b"\xff not json", b"[]", b"{}", b"[" * 100_000])
def test_header_that_is_no_json_object(file, raw):
    rewrite(file, raw=raw)
    refused(file, "the header is not the JSON object")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(kind="optical"), "holds a netlist of kind 'optical'"),
        (lambda h: h.update(kind_version=3), "kind 'langevin' version 3; this thermoc reads"),
        (lambda h: h["arrays"][0].update(dtype="|O8"), "array 'cells.j2' has dtype '|O8'"),
        (lambda h: h["arrays"][0].update(shape=[-7]), "malformed shape or size"),
        (lambda h: h["arrays"][0].update(shape=[7.5]), "malformed shape or size"),
        (lambda h: h["arrays"][0].update(offset=64), "does not fit its shape"),
        (lambda h: h["arrays"][0].update(shape=[6]), "does not fit its shape"),
        (lambda h: h.update(arrays=3), "the header is not the JSON object"),
        (lambda h: h.update(netlist=3), "the header is not the JSON object"),
        (lambda h: h["arrays"].insert(0, 3), "entry of an array is malformed"),
        (lambda h: h["arrays"][0].pop("dtype"), "entry of an array is malformed"),
        (lambda h: h["arrays"][-1].update(shape=[30], bytes=240), "reaches beyond the end"),
        (lambda h: h["arrays"].pop(), "bytes belong to no array"),
        (lambda h: h["netlist"].pop("kT"), "incomplete or malformed (KeyError: 'kT')"),
        (lambda h: h["netlist"]["schedule"][0].update(colour=1), "incomplete or malformed"),
        (lambda h: h["netlist"]["couplings"][0].update(kind="magic"), "incomplete or malformed"),
        (lambda h: h["netlist"].update(kT=-1.0), "kT must be a finite number of at least 0"),
    ],
)
def test_headers_that_lie(file, change, message):
    rewrite(file, change)
    with pytest.raises(FormatError) as caught:
        load(file)
    assert message in str(caught.value) and str(file) in str(caught.value)


def test_a_constant_column_may_not_fill_the_memory(file):
    def change(header):
        entry = next(a for a in header["arrays"] if a.get("constant"))
        entry["shape"] = [1 << 40]

    rewrite(file, change)
    refused(file, "too many")


def test_illegal_netlists_are_neither_written_nor_read(tmp_path):
    path = tmp_path / "net.tnl"
    weight = np.array(toy().couplings[0].weight)
    weight[0] = np.nan
    bad = with_couplings(toy(), weight=weight)
    with pytest.raises(NetlistError, match=r"coupling \(2, 0\) has the weight nan"):
        save(bad, path)
    assert os.listdir(tmp_path) == []
    save(bad, path, check=False)
    refused(path, r"net.tnl: linear couplings: coupling \(2, 0\) has the weight nan")
    for changes, rule in (({"kT": -1.0}, "kT must"), ({"dt": 0.0}, "dt must")):
        save(toy().with_(**changes), path, check=False)
        refused(path, rule)


def test_nothing_half_written_remains(tmp_path, monkeypatch):
    path = tmp_path / "net.tnl"
    save(toy(), path)
    before = path.read_bytes()

    def broken(*_):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(container.hashlib, "sha256", broken)
    with pytest.raises(RuntimeError):
        save(gradient_toy(), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["net.tnl"]


def test_folders_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save(toy(), tmp_path / "no" / "net.tnl")
    with pytest.raises(OutputError, match="is a folder"):
        save(toy(), tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        save(toy(), "/dev/null/net.tnl")


def test_what_is_no_netlist_is_not_saved():
    with pytest.raises(
        UnsupportedError, match="a dict is no netlist; give one of a Langevin netlist, a circuit"
    ):
        save({}, "net.tnl")


def test_is_container(file, tmp_path):
    assert is_container(file)
    assert not is_container(tmp_path / "no.tnl")
    assert not is_container(__file__)


def test_a_million_couplings_open_in_half_a_second(tmp_path):
    n = 125_000
    rows = np.repeat(np.arange(n), 8)
    cols = (rows + np.tile(np.arange(1, 9) ** 2, n)) % n
    weight = np.random.default_rng(1).normal(size=rows.size)
    c = Couplings.from_coo(CouplingKind.LINEAR, n, rows, cols, weight)
    path = tmp_path / "big.tnl"
    save(LangevinNetlist(Cells.make(n, j2=1.0), (c,), 1.0, 1.0, (Phase("p", 1.0),)), path)
    start = time.perf_counter()
    netlist = load(path)
    assert time.perf_counter() - start < 0.5
    assert netlist.n_couplings == 1_000_000
