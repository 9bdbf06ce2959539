"""A whole file of every format, and the command lines that read it."""

import contextlib
import gzip
import io
import json
import shutil
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from dialects import netlists, verilog
from toys import families
from toys.compiler import toy
from toys.gates import random_circuit

from compiler import compile
from compiler.families.ising import from_edges
from compiler.families.store import save_model
from compiler.ir.container import save
from compiler.ir.kinds import dump

FILES = Path(__file__).parent / "files"
OMMX = bytes.fromhex(
    "1215080310011a0911000000000000f03f2201782a01031215080510011a0911000000000000f03f2201782a01051215080810011a09"
    "11000000000000f03f2201782a01081a371a350a01031201081a08000000000000084022230a0b080511000000000000f0bf0a0b0803"
    "11000000000000004011000000000000f83f28023a00"
)
PLAIN = ["compile", "{f}", "-o", "{out}"]
TRAIN = ["train", "logic", "--gates", "300", "--epochs", "1", "-o", "{out}.st", "--checkpoint"]
READ = {
    ".coo": [PLAIN, [*PLAIN, "--as", "qubo"]],
    ".mtx": [[*PLAIN, "--as", "qubo"]],
    ".lib": [["compile", "{here}/cells.v", "--library", "{f}", "-o", "{out}"]],
    ".tnl": [["show", "{f}"], ["compile", "{f}", "-o", "{out}"]],
    ".toml": [["presets", "{f}"]],
    ".npz": [PLAIN, ["data", "show", "{f}"]],
    ".c": [[*PLAIN, "--thresholds", "0.5"]],
    ".csv": [["data", "show", "{f}"]],
    ".idx": [["data", "show", "{f}"]],
    ".checkpoint": [[*TRAIN, "{f}"]],
    ".aig": [PLAIN, [*PLAIN, "--cut-latches", "-O", "2"]],
}


def write(folder: Path) -> dict[Path, list[list[str]]]:
    """Files of every format in the folder, each with the command lines that read it."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(5)
    for path in FILES.iterdir():
        shutil.copy(path, folder)
    for kind in netlists.DIALECTS:
        text = netlists.DIALECTS[kind](3).text
        (folder / f"circuit.{kind}").write_text(text if isinstance(text, str) else json.dumps(text))
    (folder / "many.v").write_text(verilog.make(4).text)
    (folder / "instance.ommx").write_bytes(OMMX)
    (folder / "packed.cnf.gz").write_bytes(gzip.compress((FILES / "sat.cnf").read_bytes()))
    for name, model in families.models().items():
        save_model(model, folder / f"{name}.safetensors")
        with contextlib.suppress(Exception):
            save(compile(model), folder / f"{name}.tnl")
    ring = from_edges(np.zeros(5), np.arange(5), (np.arange(5) + 1) % 5, -np.ones(5))
    save(compile(ring), folder / "ring.tnl")
    save(toy(), folder / "toy.tnl")
    (folder / "toy.txt").write_text(dump(toy()))
    (folder / "gates.txt").write_text(dump(random_circuit(rng, 5, 12, 3)))
    golden = Path(__file__).parents[1] / "compiler" / "ir" / "golden"
    for path in golden.glob("*_v1.*"):
        shutil.copy(path, folder / f"old_{path.name}")
    _arrays(folder, rng)
    shutil.copy(_device(), folder / "device.toml")
    _training(folder)
    skipped = {folder / "cells.v"}  # which the library reads
    skipped |= {p for p in folder.iterdir() if find_spec(NEEDS.get(p.suffix, "numpy")) is None}
    return {path: _lines(path) for path in sorted(folder.iterdir()) if path not in skipped}


def _arrays(folder, rng):
    x = rng.random((40, 6)).astype(np.float32)
    y = rng.integers(0, 3, 40)
    y[:3] = [0, 1, 2]
    np.savez(folder / "data.npz", x=x, y=y)
    np.savez_compressed(folder / "packed.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    np.savez(folder / "system.npz", A=np.eye(3) + 0.1, b=np.ones(3))
    np.savez(folder / "ising.npz", J=np.ones(2), row=[0, 1], col=[1, 2], h=np.zeros(3))
    np.savez(folder / "state.npz", **{"0.weight": x[:4, :4], "0.bias": x[0, :4], "2.weight": x[:3, :4]})
    lines = [",".join([*map(str, row), f"class{k}"]) for row, k in zip(x, y, strict=True)]
    (folder / "table.csv").write_text("\n".join(["a,b,c,d,e,f,y", *lines]) + "\n")
    images = rng.integers(0, 255, (40, 3, 3)).astype(np.uint8)
    head = struct.pack(">BBBBIII", 0, 0, 8, 3, 40, 3, 3)
    (folder / "train-images.idx").write_bytes(head + images.tobytes())
    (folder / "train-labels.idx").write_bytes(
        struct.pack(">BBBBI", 0, 0, 8, 1, 40) + y.astype(np.uint8).tobytes()
    )


def _training(folder):
    """What a training leaves to be resumed from."""
    from thermo.cli.main import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        main([*(word.format(out=folder / "o") for word in TRAIN), str(folder / "logic.checkpoint")])
    (folder / "o.st").unlink()
    (folder / "o.st.json").unlink()


def _device():
    from hw_models.files import TEMPLATE

    return TEMPLATE


NEEDS = {".pt2": "torch", ".onnx": "onnx"}


def _lines(path):
    if path.name == "working.json":
        line = ["compile", "{here}/ring.tnl", "--target", "chimera-16", "--working-graph", "{f}", "--embed"]
        return [[*line, "-o", "{out}"]]
    if path.name == "state.npz":
        return [[*PLAIN, "--activation", "tanh"]]
    return READ.get(path.suffix, [PLAIN])
