"""Files that once ended in a traceback, in gigabytes or in a wrong netlist: refused in one line, or read."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from toys import families

from compiler.errors import FormatError
from compiler.families.store import KEY, load_model, save_model
from thermo.cli.main import main

FAULTS = Path(__file__).parent / "fuzzing" / "faults"


def _refusal(capsys, *words):
    assert main([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and len(said.splitlines()) == 1, said
    return said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("compile", "float8.safetensors", "--activation", "tanh", "-o", "o.tnl"), "type F8_E4M3"),
        (("compile", "no_temperature.safetensors", "-o", "o.tnl"), "kT must be a finite number, got None"),
        (("compile", "clause_is_a_number.tnl", "-o", "o.tnl"), "is incomplete or malformed"),
        (("show", "clause_is_a_number.tnl"), "is incomplete or malformed"),
        (("data", "show", "one_label.npz"), "y is a single number"),
        (("data", "show", "one_value.npz"), "x is a single number"),
        (("data", "show", "bad_deflate.npz"), "is no whole .npz file"),
        (("data", "show", "deep_header.npz"), "is no whole .npz file"),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v[:3]),
)
def test_faults_are_named_in_one_line(words, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    there = [FAULTS / word if (FAULTS / word).exists() else word for word in words]
    said = _refusal(capsys, *there)
    assert told in said and any(word.name in said for word in there if isinstance(word, Path))
    assert not (tmp_path / "o.tnl").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("compile", "bfloat16.safetensors", "--activation", "tanh", "-o", "o.tnl"),
        ("compile", "pairs.json", "-o", "o.tnl"),
        ("compile", "one_xor.v", "-o", "o.tnl"),
    ],
    ids=lambda v: v[1],
)
def test_what_was_refused_is_read(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([str(FAULTS / word) if (FAULTS / word).exists() else word for word in words]) == 0


def test_a_library_without_an_exclusive_or_prices_one(capsys, tmp_path):
    net = tmp_path / "x.tnl"
    assert main(["compile", str(FAULTS / "one_xor.v"), "-o", str(net)]) == 0
    capsys.readouterr()
    assert main(["estimate", str(net), "--library", str(FAULTS / "few_cells.lib"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["area_um2"] > 0


def _bomb(path, small, big):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, array in small.items():
            raw = io.BytesIO()
            np.save(raw, array)
            out.writestr(f"{name}.npy", raw.getvalue())
        for name, size in big.items():  # written in parts: the test has no room for it either
            with out.open(f"{name}.npy", "w") as member:
                head = {"descr": "|u1", "fortran_order": False, "shape": (size,)}
                raw = io.BytesIO()
                np.lib.format.write_array_header_1_0(raw, head)
                member.write(raw.getvalue())
                for _ in range(size >> 20):
                    member.write(bytes(1 << 20))


@pytest.mark.parametrize(
    ("small", "big", "words"),
    [
        ({"h": np.zeros(5)}, "J", ("compile", "{}", "-o", "o.tnl")),
        ({"x": np.ones((60, 8))}, "y", ("data", "show", "{}")),
    ],
    ids=["couplings", "labels"],
)
def test_bombs_are_refused_by_their_headers(small, big, words, capsys, tmp_path, monkeypatch):
    _bomb(tmp_path / "bomb.npz", small, {big: 300 << 20})
    monkeypatch.setattr("numpy.lib.format.read_array", None)  # nothing is unpacked
    _refusal(capsys, *(word.format(tmp_path / "bomb.npz") for word in words))


# --- digests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", families.models())
def test_a_flipped_byte_is_named(family, tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(families.models()[family], path)
    whole = path.read_bytes()
    begins = 8 + int.from_bytes(whole[:8], "little")
    table = json.loads(whole[8:begins])
    names = [name for name in table if name != "__metadata__"]
    for name in names:
        start, end = table[name]["data_offsets"]
        if start == end:
            continue
        bent = bytearray(whole)
        bent[begins + (start + end) // 2] ^= 0x01
        path.write_bytes(bent)
        with pytest.raises(FormatError, match=f"array {name}"):
            load_model(path)
    path.write_bytes(whole)
    load_model(path)


def test_changed_facts_and_lost_digests_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(families.models()["langevin"], path)
    whole = path.read_bytes()
    begins = 8 + int.from_bytes(whole[:8], "little")
    table = json.loads(whole[8:begins])

    def written(change):
        document = json.loads(table["__metadata__"][KEY])
        change(document)
        meta = {KEY: json.dumps(document)}
        head = json.dumps({**table, "__metadata__": meta}).encode()
        path.write_bytes(len(head).to_bytes(8, "little") + head + whole[begins:])
        return load_model(path)

    assert written(lambda d: None).kT == 0.3
    with pytest.raises(FormatError, match="checksum of its facts"):
        written(lambda d: d.update(kT=1.1))
    with pytest.raises(FormatError, match="lost its digests"):
        written(lambda d: d.pop("sha256"))
    table["w_in"]["shape"] = table["w_in"]["shape"][::-1]
    with pytest.raises(FormatError, match="array w_in"):
        written(lambda d: None)


@pytest.mark.parametrize(
    "line",
    [
        "logic --gates 300 --epochs 1",
        "langevin --epochs 1 --hidden 8",
        "eqprop --epochs 1 --hidden 8",
        "ebm --epochs 1 --hidden 8",
    ],
    ids=lambda line: line.split()[0],
)
def test_the_same_training_gives_the_same_bytes(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.safetensors", "b.safetensors"):
        assert main(["train", *line.split(), "--data", "digits", "-o", name]) == 0
        told = json.loads((tmp_path / f"{name}.json").read_text())
        assert told["training_seconds"] > 0 and told["model"]["path"] == name
    a, b = (tmp_path / f"{name}.safetensors" for name in "ab")
    assert a.read_bytes() == b.read_bytes()
    assert main(["train", *line.split(), "--data", "digits", "--seed", "1", "-o", "c.safetensors"]) == 0
    assert (tmp_path / "c.safetensors").read_bytes() != a.read_bytes()


def test_archives_of_models_are_no_bombs(tmp_path):
    from compiler.arrays import members, whole

    path = tmp_path / "m.pt2"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out,
        out.open("models/model.json", "w") as member,
    ):
        for _ in range(300):
            member.write(bytes(1 << 20))
    with pytest.raises(FormatError, match="too much for a model"), members(path):
        pass
    path.write_bytes(path.read_bytes()[:-9])
    cut = pytest.raises(FormatError, match="is no whole program")
    with cut, whole(path, "program", "save it again"), members(path):
        pass
