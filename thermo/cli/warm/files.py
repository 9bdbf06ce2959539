"""Small inputs of the commands that `thermoc warm` runs, written where a command names them."""

from __future__ import annotations

import gzip
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from compiler.circuits.arithmetic import multiplier
from compiler.ir.gates_text import dump_gates

QUARTIC = """langevin 1
kT 0.8
mobility 1.5
dt 0.01
cells 6
  j2 0.5 1.0 -0.5 0.75 1.0 0.25
  j3 0.0 0.1 0.0 -0.1 0.0 0.2
  j4 1.0 0.5 1.0 0.25 0.5 0.3
  h 0.3 -0.2 0.1 0.7 0.0 -0.4
  x0 0.1 0.0 -0.2 0.0 0.3 0.0
couplings linear float64 8
  0 <- 1: 0.7; 5: -0.3
  1 <- 0: 0.7
  2 <- 3: -1.1
  3 <- 2: -1.1; 4: 0.2
  4 <- 3: 0.2
  5 <- 0: -0.3
phase run 1.0
readout run
  cells 0..5
  window 0.0
  reads state
  decision value
"""
DIRECTED = """langevin 1
kT 0.3
mobility 1.25
dt 0.01
cells 7
  j2 0.0*2 1.0*2 0.5 0.75 0.5
  j3 0.0*2 0.1 -0.2 0.0*3
  j4 0.0*2 1.0*3 0.3 0.4
  h 0.0*2 0.3 -1.1 0.2 0.0 -0.7
  x0 0.0*2 0.1 0.0*2 -0.2 0.0
  activation identity*2 tanh clip sigmoid identity*2
  role input*2 dynamic*3 output*2
group input 0 2
group hidden 2 5
group out 5 7
couplings linear float64 8
  2 <- 0: 1.5; 3: -0.25
  3 <- 2: 2.0
  4 <- 1: 0.1; 5: -3.0
  5 <- 2: 0.7; 4: 0.25
  6 <- 4: -0.5
couplings resistive float64 3
  parameters 0.3 0.8
  5 <- 6: @0
  6 <- 0: @1; 5: @0
phase settle 0.3 input_scale 0.0 stiffness 2.5
phase relax 0.5 coupling_scale 0.5 1.0 kT 0.3 0.1
encoder
  shift 0.1 0.2
  scale 2.0
readout relax
  cells 5..6
  window 0.25
  reads state
  decision argmax
  scale 1.0 -0.5
  scale 0.1 2.0
  scale 0.0 1.0
  offset 0.1 0.0 -0.3
"""
GRADIENT = """langevin 1
kT 1.0
mobility 1.0
dt 0.005
cells 5
  j2 0.5 0.5 1.0 0.75 0.25
  j4 0.0 1.0 0.5 1.0 0.3
  h 0.0 0.3 -0.2 0.1 0.7
  activation sigmoid identity tanh identity sigmoid
couplings gradient float64 4
  1 <- 2: 0.7
  2 <- 1: 0.7; 4: 1.3
  4 <- 2: 1.3
couplings resistive float64 2
  1 <- 3: 0.4
  3 <- 1: 0.4
couplings sine float64 2
  2 <- 3: 0.8
  3 <- 2: 0.8
phase relax 0.5
readout relax
  cells 1..4
  window 0.0
  reads shown
  decision value
"""
PHASES = """langevin 1
kT 0.2
mobility 1.0
dt 0.02
cells 5
  j2 0.3 0.0 0.3 0.0 0.1
  h 0.1 0.2 0.0 -0.1 0.4
  x0 0.1 1.0 2.0 3.0 4.0
  activation cosine*5
  kind phase*5
couplings sine float64 6
  0 <- 1: 0.8
  1 <- 0: 0.8; 2: -0.5
  2 <- 1: -0.5
  3 <- 4: 0.3
  4 <- 3: 0.3
phase relax 1.0
readout relax
  cells 0..4
  window 0.0
  reads state
  decision value
"""
INERTIA = """langevin 1
kT 0.7
mobility 1.0
dt 0.02
cells 4
  j2 0.5 0.6 0.7 0.8
  j4 0.1*4
  x0 0.1 -0.2 0.3 0.0
  mass 1.0 2.0 0.5 1.0
  friction 0.3 0.5 1.0 0.2
  order underdamped*4
couplings linear float64 4
  0 <- 1: 0.3
  1 <- 0: 0.3
  2 <- 3: -0.2
  3 <- 2: -0.2
phase heat 0.5 kT 1.0 0.2
phase run 1.0
readout run
  cells 0..3
  window 0.5
  reads state
  decision value
"""
NOISE = """langevin 1
kT 0.6
mobility 1.0
dt 0.02
cells 3
  j2 0.5 0.4 0.6
  h 0.1 0.0 -0.2
couplings linear float64 4
  0 <- 1: 1.0
  1 <- 0: -1.0; 2: 0.5
  2 <- 1: -0.5
phase run 1.0
readout run
  cells 0..2
  window 0.0
  reads state
  decision value
noise 1.0 0.2 0.0
noise 0.2 0.5 0.1
noise 0.0 0.1 0.8
"""
HARMONIC = """langevin 1
kT 0.6
mobility 1.0
dt 0.02
cells 3
  j2 0.5 0.4 0.6
  h 0.1 0.0 -0.2
couplings linear float64 4
  0 <- 1: 0.3
  1 <- 0: 0.3; 2: -0.2
  2 <- 1: -0.2
phase run 1.0
readout run
  cells 0..2
  window 0.0
  reads state
  decision value
"""
PBITS = """langevin 1
kT 1.0
mobility 1.0
dt 1.0
cells 6
  h 0.3 -0.2 0.1 0.0 0.4 0.0
  x0 1.0 -1.0*2 1.0*3
  kind pbit*6
group first 0 3
group second 3 6
couplings linear float64 6
  0 <- 1: 0.5
  1 <- 0: 0.25; 2: -0.7
  3 <- 0: 0.9
  4 <- 1: 0.9
  5 <- 2: 0.9
phase start 20.0 clamped second
phase sample 60.0 clamped first
readout sample
  cells 3..5
  window 0.0
  reads state
  decision value
"""


def _images(path: Path) -> None:
    """Three classes of 4 x 4 images, 96 to train and validate, 32 to test."""
    rng = np.random.default_rng(7)
    y = np.arange(128) % 3
    means = rng.random((3, 4, 4))
    x = np.clip(means[y] + 0.25 * rng.standard_normal((128, 4, 4)), 0.0, 1.0).astype(np.float32)
    np.savez(path, x=x[:96], y=y[:96], x_test=x[96:], y_test=y[96:])


def _mnist(path: Path) -> None:
    """Small files in MNIST's format beside `path`; the last 5,000 images validate."""
    few = (255 * np.random.default_rng(8).random((64, 28, 28))).astype(np.uint8)
    for part, n in (("train", 5064), ("t10k", 48)):
        images, labels = np.resize(few, (n, 28, 28)), (np.arange(n) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
            packed = gzip.compress(head + array.tobytes(), compresslevel=1, mtime=0)
            path.with_name(f"{part}-{kind}-ubyte.gz").write_bytes(packed)


def _pairs(path: Path) -> None:
    """Two features, three classes."""
    rng = np.random.default_rng(3)
    y = np.arange(60) % 3
    np.savez(path, x=(y[:, None] / 3 + 0.2 * rng.random((60, 2))).astype(np.float32), y=y)


def _curve(path: Path) -> None:
    """A regression from two features."""
    x = np.random.default_rng(4).random((80, 2)).astype(np.float32)
    np.savez(path, x=x, y=np.sin(3 * x[:, 0]) * x[:, 1])


def _mlp(path: Path) -> None:
    """A torch state dict of an ordinary network 16-8-3."""
    rng = np.random.default_rng(11)
    shapes = {"0.weight": (8, 16), "0.bias": (8,), "2.weight": (3, 8), "2.bias": (3,)}
    arrays: dict[str, Any] = {k: rng.normal(0, 0.4, s).astype(np.float32) for k, s in shapes.items()}
    np.savez(path, **arrays)


def _system(path: Path) -> None:
    """A linear system of six unknowns."""
    rng = np.random.default_rng(12)
    root = rng.normal(size=(6, 6))
    np.savez(path, A=root @ root.T / 6 + np.eye(6), b=rng.normal(size=6), kT=np.array(0.5))


def _circuit(path: Path) -> None:
    """A classifier of 48 gates on 16 thresholded features."""
    rng, ops = np.random.default_rng(16), ("and", "gt", "xor", "or", "nor", "xnor", "ge", "nand")
    gates = []
    for net in range(16, 64):
        a, b = rng.choice(net, 2, replace=False)
        gates.append(f"  {net} = {ops[net % 8]} {a} {b}")
    classes = [f"  {c}: {28 + 12 * c}..{39 + 12 * c}" for c in range(3)]
    names, features = (" ".join(f"{prefix}{k}" for k in range(16)) for prefix in ("x", ""))
    lines = ["gates 1", f"inputs 16 {names}", "gates 48", *gates, "classes 3 tau 2.0", *classes]
    lines += ["thermometer 16", f"  feature {features}", "  threshold 0.5*16"]
    path.write_text("\n".join(lines) + "\n")


def _multiplier(path: Path) -> None:
    path.write_text(dump_gates(multiplier(4, 4)))


def _chain(path: Path) -> None:
    """So many cells that one trajectory's are shared among threads."""
    n = 1 << 16
    rows = [f"  {i} <- {i - 1}: 0.4; {i + 1}: 0.4" for i in range(1, n - 1)]
    path.write_text(
        f"langevin 1\nkT 0.5\nmobility 1.0\ndt 0.05\ncells {n}\n  j2 1.0*{n}\n  j4 0.25*{n}\n"
        f"couplings linear float64 {2 * n - 2}\n  0 <- 1: 0.4\n"
        + "\n".join(rows)
        + f"\n  {n - 1} <- {n - 2}: 0.4"
        "\nphase run 0.1\nreadout run\n  cells 0..7\n  window 0.0\n  reads state\n  decision value\n"
    )


def _all_to_all(path: Path) -> None:
    """A complete graph, large enough for the kernels of dense and of large ones."""
    n = 280
    pairs = [(i, j) for i in range(1, n + 1) for j in range(i + 1, n + 1)]
    lines = [f"{i} {j} {(7 * i + 3 * j) % 11 - 5.5}" for i, j in pairs]
    path.write_text("\n".join([f"{n} {len(pairs)}", *lines]) + "\n")


def _graph(weights: tuple[float, ...], n: int) -> Callable[[Path], None]:
    """A random graph in rudy's format."""

    def write(path: Path) -> None:
        rng = np.random.default_rng(n)
        pairs = sorted(
            {(int(min(p)), int(max(p))) for p in rng.integers(1, n + 1, (3 * n, 2)) if p[0] != p[1]}
        )
        rows = [f"{i} {j} {weights[k % len(weights)]}" for k, (i, j) in enumerate(pairs)]
        path.write_text("\n".join([f"{n} {len(rows)}", *rows]) + "\n")

    return write


INPUTS: dict[str, str | Callable[[Path], None]] = {
    "images.npz": _images,
    "mnist": _mnist,
    "pairs.npz": _pairs,
    "curve.npz": _curve,
    "mlp.npz": _mlp,
    "system.npz": _system,
    "circuit.txt": _circuit,
    "chain.txt": _chain,
    "signed.txt": _graph((-1, 1), 24),
    "real.txt": _graph((0.5, -1.25, 2.0), 14),
    "dense.txt": _all_to_all,
    "quartic.txt": QUARTIC,
    "directed.txt": DIRECTED,
    "gradient.txt": GRADIENT,
    "phases.txt": PHASES,
    "inertia.txt": INERTIA,
    "noise.txt": NOISE,
    "harmonic.txt": HARMONIC,
    "pbits.txt": PBITS,
    "multiplier.txt": _multiplier,
}
"""Files by name."""


def write_inputs(folder: Path, commands: Iterable[str]) -> None:
    """Write the files that the commands name into `folder`."""
    words = {word for command in commands for word in shlex.split(command)}
    for name in sorted(words & INPUTS.keys()):
        content = INPUTS[name]
        if isinstance(content, str):
            (folder / name).write_text(content, encoding="utf-8")
        else:
            content(folder / name)
