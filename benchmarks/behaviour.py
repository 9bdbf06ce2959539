"""What a checkout of thermoc does, recorded through its command line, to compare two versions.

    python behaviour.py record CHECKOUT OUT.json [--only GLOB] [--keep FOLDER]
    python behaviour.py compare A.json B.json

`record` runs the cases below, each a list of `thermoc` commands in a fresh folder with small files
that this script writes, and notes {what: digest} of everything that must stay the same, bit for
bit, when the code is rearranged:

- tensors of every .safetensors file and arrays of every .npz file that a command wrote, by name
  (dtype, shape and bytes; headers and notes are left out: containers may change);
- the canonical text of every netlist, as `thermoc show` prints it, its line of notes (meta) apart;
- the JSON that a command prints, by its keys, and the texts of exported files;
- of a command that fails its exit code and the last line of standard error.

Wall-clock times, rates, versions, command lines, file names and digests of files are left out, and
so are pictures. The command is found in CHECKOUT/pyproject.toml (project.scripts) and runs with
CHECKOUT first on PYTHONPATH, with the Python that runs this script. All commands run in one worker
process, one after the other; it is started anew when a case takes too long or kills it.

Numba's own cache, which 0.1 used, does not notice that a kernel called by another has changed. Kernels
are therefore kept in a folder of their own for each state of the files that use numba.

Not reachable from the command line, hence not covered: exact Gaussian simulation, user-defined
potentials, targets of nudged phases, and everything else that only the Python interface has.
`thermoc demo` is left out as it takes minutes, `thermoc data fetch` as it needs a network.
"""

from __future__ import annotations

import argparse
import fnmatch
import gzip
import hashlib
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from thermo.cli.warm.files import DIRECTED, GRADIENT, INERTIA, NOISE, PBITS, PHASES, QUARTIC

Cases = dict[str, list[str]]
Found = dict[str, str]

LIMIT = 600.0  # seconds that a command may take; kernels may have to be compiled
TEXT = "text: "  # begins a command whose text for people is recorded in place of its JSON

# --- input files -----------------------------------------------------------------------------


def _random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _images(n: int, side: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, side, side) grey images around one picture a class, and their classes."""
    rng = _random(seed)
    means = _random(seed + 1000).random((classes, side, side))
    y = np.arange(n) % classes
    x = np.clip(means[y] + 0.25 * rng.standard_normal((n, side, side)), 0.0, 1.0)
    return x.astype(np.float32), y


def save_arrays(path: Path, *arrays: Any, **named: Any) -> None:
    np.savez(path, *arrays, **named)


def write_images(path: Path) -> None:
    """Three classes of 4 x 4 images, 120 to train and validate, 40 to test."""
    x, y = _images(160, 4, 3, 7)
    save_arrays(path, x=x[:120], y=y[:120], x_test=x[120:], y_test=y[120:])


def write_pairs(path: Path) -> None:
    """Two real features, three classes."""
    rng = _random(3)
    y = np.arange(60) % 3
    save_arrays(path, x=(y[:, None] / 3 + 0.2 * rng.random((60, 2))).astype(np.float32), y=y)


def write_curve(path: Path) -> None:
    """A regression from two features."""
    x = _random(4).random((80, 2)).astype(np.float32)
    save_arrays(path, x=x, y=np.sin(3 * x[:, 0]) * x[:, 1])


def write_bits(path: Path) -> None:
    """All patterns of four bits, six times."""
    x = np.tile((np.arange(16)[:, None] >> np.arange(4)) & 1, (6, 1)).astype(np.float32)
    save_arrays(path, x=x, y=x.sum(axis=1).astype(np.int64) % 2)


def write_monk(path: Path) -> None:
    """The two files of a MONK data set, beside `path`."""
    rng = _random(5)
    for part, n in (("train", 60), ("test", 40)):
        a = np.stack([rng.integers(1, v + 1, n) for v in (3, 3, 2, 3, 4, 2)], axis=1)
        c = (a[:, 0] == a[:, 1]) | (a[:, 4] == 1)
        words = (" ".join(map(str, row)) for row in np.column_stack([c, a]).tolist())
        rows = (f" {line} data_{i}" for i, line in enumerate(words))
        path.with_name(f"monks-1.{part}").write_text("\n".join(rows) + "\n")


def write_mnist(path: Path) -> None:
    """Small files in MNIST's format beside `path`; the last 5,000 images validate."""
    for part, n, seed in (("train", 5064, 8), ("t10k", 48, 9)):
        few, y = _images(64, 28, 10, seed)
        y = np.resize(y, n).astype(np.uint8)
        x = (255 * np.resize(few, (n, 28, 28))).astype(np.uint8)
        for kind, array in (("images-idx3", x), ("labels-idx1", y)):
            head = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
            packed = gzip.compress(head + array.tobytes(), compresslevel=1, mtime=0)
            path.with_name(f"{part}-{kind}-ubyte.gz").write_bytes(packed)


def write_mlp(path: Path) -> None:
    """A torch state dict of an ordinary network 16-8-3."""
    rng = _random(11)
    save_arrays(
        path,
        **{
            "0.weight": rng.normal(0, 0.5, (8, 16)).astype(np.float32),
            "0.bias": rng.normal(0, 0.2, 8).astype(np.float32),
            "2.weight": rng.normal(0, 0.5, (3, 8)).astype(np.float32),
            "2.bias": rng.normal(0, 0.2, 3).astype(np.float32),
        },
    )


def _wires(seed: int) -> list[np.ndarray]:
    """(2, width) wires of gate layers 16-24-12 that read every net below."""
    rng, below, found = _random(seed), 16, []
    for width in (24, 12):
        found.append(np.resize(rng.permutation(2 * width) % below, (2, width)).astype(np.int64))
        below = width
    return found


def _gate_weights(seed: int) -> list[np.ndarray]:
    rng = _random(seed)
    return [rng.normal(size=(width, 16)).astype(np.float32) for width in (24, 12)]


def write_difflogic(path: Path) -> None:
    save_arrays(path, **{f"{k}.weights": w for k, w in enumerate(_gate_weights(1))})


def write_wiring(path: Path) -> None:
    save_arrays(path, *_wires(2))


def write_lilogic(path: Path) -> None:
    layers = enumerate(zip(_gate_weights(3), _wires(4), strict=True))
    arrays = {}
    for k, (weights, wires) in layers:
        arrays[f"layers.{k}.w"] = weights.T.copy()
        arrays[f"layers.{k}.indices"] = wires.T.reshape(-1)
    save_arrays(path, **arrays)


def write_torchlogix(path: Path) -> None:
    """Layers with four weights a gate."""
    arrays = {}
    for k, wires in enumerate(_wires(5)):
        width = wires.shape[1]
        arrays[f"{k}.weight"] = _random(60 + k).normal(size=(width, 4)).astype(np.float32)
        arrays[f"{k}.connections.indices"] = wires
    save_arrays(path, **arrays)


def write_taped_out(path: Path) -> None:
    """Layers of 24 and 12 gates, the second filled up with zeros."""
    wires, rng = _wires(6), _random(61)
    types, a, b = (np.zeros((2, 24), np.int64) for _ in range(3))
    for k, (first, second) in enumerate(wires):
        width = first.size
        types[k, :width] = rng.integers(1, 15, width)
        a[k, :width], b[k, :width] = first, second
    save_arrays(path, **{"gate_types": types, "connections.A": a, "connections.B": b})


def write_system(path: Path) -> None:
    """A linear system A x = b of six unknowns."""
    rng = _random(12)
    root = rng.normal(size=(6, 6))
    save_arrays(path, A=root @ root.T / 6 + np.eye(6), b=rng.normal(size=6), kT=np.array(0.5))


def write_noisy_system(path: Path) -> None:
    """The same with a noise matrix."""
    rng = _random(13)
    root, spread = rng.normal(size=(4, 4)), rng.normal(size=(4, 4))
    noise = spread @ spread.T / 4 + 0.3 * np.eye(4)
    save_arrays(path, A=root @ root.T / 4 + np.eye(4), b=rng.normal(size=4), noise=noise)


def write_couplings(path: Path) -> None:
    """An Ising model of ten spins as arrays."""
    rng = _random(14)
    upper = np.triu(rng.normal(size=(10, 10)) * (rng.random((10, 10)) < 0.5), 1)
    save_arrays(path, J=upper + upper.T, h=0.3 * rng.normal(size=10), kT=np.array(0.8))


def write_thrml(path: Path) -> None:
    rng = _random(15)
    edges = np.array([(i, (i + 1) % 8) for i in range(8)])
    save_arrays(path, biases=rng.normal(size=8), edges=edges, weights=rng.normal(size=8), beta=1.5)


def circuit_text() -> str:
    """A classifier of 48 random gates on 16 thresholded features."""
    rng, lines = _random(16), []
    ops = ("and", "gt", "lt", "xor", "or", "nor", "xnor", "ge", "le", "nand")
    for net in range(16, 64):
        a, b = rng.choice(net, 2, replace=False)
        lines.append(f"  {net} = {ops[rng.integers(len(ops))]} {a} {b}")
    names = " ".join(f"x{k}" for k in range(16))
    classes = "\n".join(f"  {c}: {28 + 12 * c}..{39 + 12 * c}" for c in range(3))
    features = " ".join(map(str, range(16)))
    bounds = " ".join(f"{v:.3f}" for v in rng.uniform(0.3, 0.7, 16))
    return (
        f"gates 1\ninputs 16 {names}\ngates 48\n" + "\n".join(lines)
        + f"\nclasses 3 tau 2.0\n{classes}\n"
        + f"thermometer 16\n  feature {features}\n  threshold {bounds}\n"
    )  # fmt: skip


def write_chain(path: Path) -> None:
    """A chain of very many cells, whose simulator shares one trajectory's cells among threads."""
    n = 1 << 16
    rows = [f"  {i} <- {i - 1}: 0.4" if i == n - 1 else f"  {i} <- {i - 1}: 0.4; {i + 1}: 0.4"
            for i in range(1, n)]  # fmt: skip
    path.write_text(
        f"langevin 1\nkT 0.5\nmobility 1.0\ndt 0.05\ncells {n}\n  j2 1.0*{n}\n  j4 0.25*{n}\n"
        f"couplings linear float64 {2 * n - 2}\n  0 <- 1: 0.4\n" + "\n".join(rows)
        + "\nphase run 0.5\nreadout run\n  cells 0..7\n  window 0.0\n  reads state\n"
        "  decision value\n"
    )  # fmt: skip


def graph_text(n: int, degree: int, seed: int, weights: tuple[int, ...]) -> str:
    """A random graph in rudy's format."""
    rng = _random(seed)
    pairs = sorted({tuple(sorted((i, int(j)))) for i in range(1, n + 1)
                    for j in rng.integers(1, n + 1, degree) if i != j})  # fmt: skip
    lines = [f"{i} {j} {weights[rng.integers(len(weights))]}" for i, j in pairs]
    return "\n".join([f"{n} {len(lines)}", *lines]) + "\n"


def clauses_text() -> str:
    rng = _random(18)
    lines = []
    for k in range(24):
        chosen = rng.choice(np.arange(1, 11), 3 if k % 4 else 4, replace=False)
        signs = rng.choice([-1, 1], chosen.size)
        lines.append(" ".join(map(str, chosen * signs)) + " 0")
    return "p cnf 10 24\n" + "\n".join(lines) + "\n"


def bqm_text() -> str:
    linear = [0.5, -1.0, 0.25, 0.0, 1.5]
    heads, tails, biases = [0, 1, 2, 3], [1, 2, 3, 4], [1.0, -0.5, 2.0, -1.25]
    return json.dumps(
        {
            "type": "BinaryQuadraticModel",
            "version": {"bqm_schema": "3.0.0"},
            "use_bytes": False,
            "index_type": "int32",
            "bias_type": "float64",
            "num_variables": 5,
            "num_interactions": 4,
            "variable_labels": ["a", "b", "c", "d", "e"],
            "variable_type": "BINARY",
            "offset": 0.75,
            "info": {},
            "linear_biases": linear,
            "quadratic_biases": biases,
            "quadratic_head": heads,
            "quadratic_tail": tails,
        }
    )


def node_link_text() -> str:
    nodes = [{"id": k, "h": 0.1 * k} for k in range(6)]
    edges = [{"source": k, "target": (k + 1) % 6, "weight": 1.0 + 0.5 * k} for k in range(6)]
    return json.dumps(
        {"directed": False, "multigraph": False, "graph": {"offset": 0.5},
         "nodes": nodes, "edges": edges}
    )  # fmt: skip


def torchlogix_circuit_text() -> str:
    gates = [
        {"gate_id": 4, "op": "AND", "in0": 0, "in1": 1, "node_idx": 0},
        {"gate_id": 5, "op": "XOR", "in0": 2, "in1": 3, "node_idx": 1},
        {"gate_id": 6, "op": "OR_NOT_B", "in0": 4, "in1": 5, "node_idx": 2},
        {"gate_id": 7, "op": "NOT", "in0": 5, "in1": -1, "node_idx": 3},
    ]
    sums = [
        {"node_id": 8, "input_ids": [4, 6], "tau": 1.5, "beta": 0.0},
        {"node_id": 9, "input_ids": [5, 7], "tau": 1.5, "beta": 1.0},
    ]
    return json.dumps({"n_inputs": 4, "gates": gates, "sum_nodes": sums, "outputs": [8, 9]})


GROUPED = """langevin 1
kT 0.5
mobility 1.0
dt 0.01
cells 6
  j2 0.5 1.0 0.5 0.75 1.0 0.25
  j4 1.0 0.5 1.0 0.25 0.5 0.3
  lo -inf*2 -0.5*2 -inf*2
  hi inf*2 0.5*2 inf*2
group first 0 3
group second 3 6
couplings linear float64 4
  0 <- 3: 0.7
  1 <- 4: -0.4
  3 <- 0: 0.7
  4 <- 1: -0.4
phase heat 0.3 kT 2.0 0.5 stiffness 1.0 clamped second
phase ramp 0.5 coupling_scale 0.0 1.0
phase read 0.4 kT 0.5 0.1 clamped first
readout read
  cells 0..5
  window 0.2
  reads state
  decision value
"""
NUDGED = QUARTIC.replace("phase run 1.0", "phase run 1.0 nudge 0.5").replace(
    "couplings linear", "  role dynamic*4 output*2\ncouplings linear"
)
ADDER = """gates 1
inputs 4 a0 a1 b0 b1
gates 7
  4 = xor 0 2
  5 = and 0 2
  6 = xor 1 3
  7 = xor 6 5
  8 = and 6 5
  9 = and 1 3
  10 = or 8 9
output s0 4
output s1 7
output s2 10
thermometer 4
  feature 0 1 2 3
  threshold 0.5*4
"""
EVERY_OP = """gates 1
inputs 2 a "b[0]"
gates 16
  2 = const0
  3 = and 0 1
  4 = gt 0 1
  5 = buf 0
  6 = lt 0 1
  7 = bufb 1
  8 = xor 0 1
  9 = or 0 1
  10 = nor 0 1
  11 = xnor 0 1
  12 = notb 1
  13 = ge 0 1
  14 = not 0
  15 = le 0 1
  16 = nand 0 1
  17 = const1
""" + "".join(f"output f{k} {k + 2}\n" for k in range(16))
ADDER_BLIF = """.model adder
.inputs a[0] a[1] b[0] b[1]
.outputs s[0] s[1] s[2]
.names a[0] b[0] s[0]
10 1
01 1
.names a[0] b[0] c
11 1
.names a[1] b[1] c s[1]
100 1
010 1
001 1
111 1
.names a[1] b[1] c s[2]
11- 1
1-1 1
-11 1
.end
"""
ADDER_V = """module adder(a, b, s);
  input [1:0] a, b;
  output [2:0] s;
  wire c, x, y, z;
  assign s[0] = a[0] ^ b[0];
  and (c, a[0], b[0]);
  xor (x, a[1], b[1]);
  assign s[1] = x ^ c;
  nand (y, x, c);
  nand (z, a[1], b[1]);
  assign s[2] = ~y | ~z;
endmodule
"""
MULTIPLIER_V = """module multiplier(a, b, p);
  input [1:0] a, b;
  output [3:0] p;
  wire u, v, w, c;
  assign p[0] = a[0] & b[0];
  assign u = a[1] & b[0];
  assign v = a[0] & b[1];
  assign w = a[1] & b[1];
  assign p[1] = u ^ v;
  assign c = u & v;
  assign p[2] = w ^ c;
  assign p[3] = w & c;
endmodule
"""
HALF_ADDER_AAG = """aag 7 2 0 2 3
2
4
6
12
6 13 15
12 2 4
14 3 5
i0 x
i1 y
o0 s
o1 c
"""
HALF_ADDER_BENCH = """INPUT(x)
INPUT(y)
OUTPUT(s)
OUTPUT(c)
s = XOR(x, y)
n = NAND(x, y)
c = NOT(n)
"""
CYCLE_BENCH = "INPUT(x)\nOUTPUT(s)\ns = AND(x, t)\nt = NOT(s)\n"
QUBO_COO = "# vartype=BINARY\n0 0 1.5\n0 1 -2\n1 2 0.5\n2 2 -1\n2 3 3\n3 4 -1.25\n"
QUBO_P = "c a QUBO\np qubo 0 4 2 3\n0 0 1.0\n2 2 -1.5\n0 1 2\n1 2 -1\n2 3 0.5\n"
GML = """graph [
  node [ id 0 label "a" ] node [ id 1 label "b" ] node [ id 2 label "c" ] node [ id 3 label "d" ]
  edge [ source 0 target 1 weight 1.5 ] edge [ source 1 target 2 weight -1.0 ]
  edge [ source 2 target 3 weight 2.0 ] edge [ source 3 target 0 weight 0.5 ]
]
"""
LIBERTY = """library (toy) {
  time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1nW";
  capacitive_load_unit (1, pf);
  nom_voltage : 1.0;
  lu_table_template (grid) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 0.2"); index_2 ("0.001, 0.02");
  }
""" + "".join(
    f"""  cell ({name}) {{
    area : {area}; cell_leakage_power : {leakage};
    {" ".join(f"pin ({p}) {{ direction : input; capacitance : 0.003; }}" for p in pins)}
    pin (Z) {{ direction : output; function : "{function}";
      {" ".join(f'''timing () {{ related_pin : "{p}";
        cell_rise (grid) {{ values ("0.01, 0.04", "0.05, 0.09"); }}
        cell_fall (grid) {{ values ("0.02, 0.05", "0.04, 0.08"); }}
        rise_transition (grid) {{ values ("0.02, 0.06", "0.05, 0.10"); }}
        fall_transition (grid) {{ values ("0.01, 0.05", "0.04, 0.09"); }} }}
      internal_power () {{ related_pin : "{p}";
        rise_power (grid) {{ values ("0.004, 0.005", "0.005, 0.006"); }}
        fall_power (grid) {{ values ("0.002, 0.003", "0.003, 0.004"); }} }}''' for p in pins)}
    }}
  }}
"""
    for name, area, leakage, pins, function in (
        ("INV", 2, 1, "A", "!A"), ("ND2", 4, 2, "AB", "!(A & B)"), ("NR2", 4, 2, "AB", "!(A | B)"),
        ("XR2", 8, 4, "AB", "A ^ B"), ("AO21", 6, 3, "ABC", "(A & B) | C"),
    )
) + "}\n"  # fmt: skip

INPUTS: dict[str, str | Callable[[Path], None]] = {
    "images.npz": write_images, "pairs.npz": write_pairs, "curve.npz": write_curve,
    "bits.npz": write_bits, "monk1": write_monk, "mnist": write_mnist, "mlp.npz": write_mlp,
    "difflogic.npz": write_difflogic, "wiring.npz": write_wiring, "lilogic.npz": write_lilogic,
    "torchlogix.npz": write_torchlogix, "taped.npz": write_taped_out, "system.npz": write_system,
    "noisy.npz": write_noisy_system, "couplings.npz": write_couplings, "thrml.npz": write_thrml,
    "circuit.txt": circuit_text(), "chain.txt": write_chain, "quartic.txt": QUARTIC,
    "grouped.txt": GROUPED, "directed.txt": DIRECTED, "gradient.txt": GRADIENT,
    "phases.txt": PHASES, "inertia.txt": INERTIA, "noise.txt": NOISE, "pbits.txt": PBITS,
    "nudged.txt": NUDGED, "adder.txt": ADDER,
    "every_op.txt": EVERY_OP, "adder.blif": ADDER_BLIF, "adder.v": ADDER_V,
    "wrong.v": ADDER_V.replace("~y | ~z", "~y & ~z"), "multiplier.v": MULTIPLIER_V,
    "half.aag": HALF_ADDER_AAG, "half.bench": HALF_ADDER_BENCH, "cycle.bench": CYCLE_BENCH,
    "ring.txt": graph_text(16, 2, 20, (1,)), "signed.txt": graph_text(24, 3, 21, (-1, 1)),
    "dense.txt": graph_text(12, 9, 22, (-2, -1, 1, 2, 3)), "clauses.cnf": clauses_text(),
    "qubo.coo": QUBO_COO, "small.qubo": QUBO_P, "model.json": bqm_text(),
    "graph.json": node_link_text(), "graph.gml": GML, "logix.json": torchlogix_circuit_text(),
    "toy.lib": LIBERTY, "broken.tnl": "\x01 no netlist", "empty.tnl": "",
}  # fmt: skip
"""Files by name; a case gets those whose names occur in its commands."""


def write_inputs(folder: Path, commands: Iterable[str]) -> set[Path]:
    """Write the files that the commands name; returns what is in the folder then."""
    words = {word for command in commands for word in shlex.split(command)}
    for name in sorted(words & INPUTS.keys()):
        content = INPUTS[name]
        if isinstance(content, str):
            (folder / name).write_text(content, encoding="utf-8")
        else:
            content(folder / name)
    return set(folder.rglob("*"))


# --- cases -----------------------------------------------------------------------------------


def _used(name: str, *more: str) -> list[str]:
    """Compile m.safetensors, run it on the images, price it."""
    return ["compile m.safetensors -o n.tnl", f"simulate n.tnl --data {name} --runs 2 --save r.npz", *more]


def langevin_training() -> Cases:
    train = "train langevin --data images.npz --hidden 6 --epochs 2 -o m.safetensors"
    return {
        "langevin": [
            train,
            *_used("images.npz", "estimate n.tnl --data images.npz --device rc-1fF"),
            "estimate n.tnl --data images.npz --device rc-sampling-unit --runs 2 "
            "--reset-stiffness 3 --split valid --seed 1",
            "simulate n.tnl --data images.npz --mismatch 0.2 --asymmetry 0.1 --bits 6 "
            "--bias-mismatch 0.1 --device-seed 3 --save imperfect.npz",
            "simulate n.tnl --data images.npz --split valid --limit 10 --kT 0 --dt 0.005 --seed 4",
            TEXT + "simulate n.tnl --data images.npz --runs 3 --device rc-1pF",
        ],
        "langevin-text": [TEXT + train, TEXT + "compile m.safetensors -o n.tnl",
                          TEXT + "estimate n.tnl --data images.npz", TEXT + "show n.tnl"],
        "langevin-directed": [train + " --directed", *_used("images.npz")],
        "langevin-uncoupled": [train + " --uncoupled", *_used("images.npz")],
        "langevin-hidden-0": [train.replace("--hidden 6", "--hidden 0")],
        "langevin-device": [train + " --mismatch 0.2 --asymmetry 0.1 --bits 5"],
        "langevin-penalty": [train + " --heat-penalty 0.01 --seed 5"],
        "langevin-budget": [train + " --heat-budget 20"],
        "langevin-start": [train, "train langevin --data images.npz --start m.safetensors "
                           "--epochs 1 -o again.safetensors"],
        "langevin-checkpoint": [f"{train} --checkpoint kept", f"{train} --checkpoint kept"],
        "langevin-likelihood": [train + " --method likelihood", *_used("images.npz")],
        "langevin-least-squares": [train + " --method least-squares"],
        "langevin-regression": [
            "train langevin --data curve.npz --hidden 4 --epochs 2 -o m.safetensors",
            *_used("curve.npz", "estimate n.tnl --data curve.npz"),
        ],
        "langevin-cosine": [
            "train langevin --data cosine --hidden 4 --epochs 1 -o m.safetensors",
        ],
        "langevin-digits": [
            "train langevin --hidden 4 --epochs 1 -o m.safetensors",
        ],
        "langevin-mnist": [
            "train langevin --data mnist --data-dir . --hidden 4 --epochs 1 -o m.safetensors",
        ],
        "langevin-monk": [
            "train langevin --data monk1 --data-dir . --hidden 4 --epochs 1 -o m.safetensors",
        ],
        "langevin-threads": [f"{train} --threads 1", "compile m.safetensors -o n.tnl",
                             "simulate n.tnl --data images.npz --threads 1 --save r.npz"],
    }  # fmt: skip


def langevin_compiling() -> Cases:
    train = "train langevin --data images.npz --hidden 6 --epochs 1 --directed -o m.safetensors"
    mlp = "compile mlp.npz -o n.tnl"
    return {
        "compile-levels": [train, *(f"compile m.safetensors -O {k} -o n{k}.tnl" for k in range(3))],
        "compile-rc-array": [
            train,
            "compile m.safetensors --target rc-array -o no.tnl",
            "compile m.safetensors --target rc-array --quantize --rescale -o n.tnl",
            "simulate n.tnl --data images.npz --save r.npz",
        ],
        "compile-symmetrize": [train, "compile m.safetensors --symmetrize -o n.tnl"],
        "compile-limit-degree": [train,
                                 "compile m.safetensors --limit-degree --target rc-array "
                                 "--quantize --rescale -o n.tnl"],
        "compile-mlp-tanh": [f"{mlp} --activation tanh", "simulate n.tnl --data images.npz "
                             "--save r.npz", "estimate n.tnl --data images.npz"],
        "compile-mlp-relu": [f"{mlp} --activation relu --tolerance 1e-3 -O 2",
                             "simulate n.tnl --data images.npz --kT 0.01 --runs 2 --save r.npz"],
        "compile-mlp-sigmoid": [f"{mlp} --activation sigmoid --output-activation sigmoid "
                                "--head regression"],
        "compile-system": ["compile system.npz -o n.tnl", "simulate n.tnl --runs 4 --save r.npz"],
        "compile-noisy-system": ["compile noisy.npz -o n.tnl",
                                 "simulate n.tnl --runs 4 --save r.npz"],
        "compile-text": [f"compile {k}.txt -O {level} -o {k}{level}.tnl"
                         for k in ("quartic", "directed", "gradient", "phases")
                         for level in (0, 2)],
    }  # fmt: skip


def langevin_simulating() -> Cases:
    cases: Cases = {}
    for method in ("euler", "heun", "leimkuhler-matthews"):
        for backend in ("numba", "numpy", "jax"):
            cases[f"simulate-{method}-{backend}"] = [
                "compile quartic.txt -o n.tnl",
                f"simulate n.tnl --method {method} --backend {backend} --runs 5 --save r.npz "
                "--trajectory-every 10",
                f"simulate n.tnl --method {method} --backend {backend} --kT 0.3 --dt 0.02 --seed 9",
            ]
    for backend in ("numba", "numpy", "jax"):
        cases[f"simulate-directed-{backend}"] = [
            "compile directed.txt -o n.tnl",
            f"simulate n.tnl --data pairs.npz --backend {backend} --runs 3 --save r.npz "
            "--observe settle --observe 0.4 --observe relax --trajectory-every 7",
            f"simulate n.tnl --data pairs.npz --backend {backend} --method heun --save h.npz",
            f"simulate n.tnl --data pairs.npz --backend {backend} --mismatch 0.3 --bits 4 "
            "--device-seed 2 --save d.npz",
        ]
        cases[f"simulate-gradient-{backend}"] = [
            "compile gradient.txt -o n.tnl",
            f"simulate n.tnl --backend {backend} --runs 3 --save r.npz",
            f"simulate n.tnl --backend {backend} --method leimkuhler-matthews --runs 3 --save l.npz",
        ]
        cases[f"simulate-phases-{backend}"] = [
            "compile phases.txt -o n.tnl",
            f"simulate n.tnl --backend {backend} --runs 4 --save r.npz",
            f"simulate n.tnl --backend {backend} --method heun --asymmetry 0.2 --save h.npz",
        ]
        cases[f"simulate-grouped-{backend}"] = [
            "compile grouped.txt -o n.tnl",
            f"simulate n.tnl --backend {backend} --runs 4 --save r.npz --trajectory-every 25",
        ]
        cases[f"simulate-inertia-{backend}"] = [
            "compile inertia.txt -o n.tnl",
            f"simulate n.tnl --backend {backend} --runs 4 --save r.npz --trajectory-every 10",
            f"simulate n.tnl --backend {backend} --method baoab --kT 0 --save cold.npz",
        ]
        cases[f"simulate-noise-{backend}"] = [
            "compile noise.txt -o n.tnl",
            f"simulate n.tnl --backend {backend} --runs 4 --save r.npz",
            f"simulate n.tnl --backend {backend} --method euler --runs 4 --save e.npz",
        ]
    cases["simulate-chain"] = [
        "compile chain.txt -o n.tnl", "simulate n.tnl --save r.npz",
        "simulate n.tnl --method heun --save h.npz",
    ]  # fmt: skip
    cases["simulate-nudged"] = ["compile nudged.txt -o n.tnl", "simulate n.tnl --save r.npz"]
    cases["simulate-text"] = [
        "compile quartic.txt -o n.tnl", TEXT + "simulate n.tnl --runs 20 --device rc-1fF",
        TEXT + "simulate n.tnl --kT 0", TEXT + "show n.tnl --limit 2",
    ]  # fmt: skip
    return cases


def eqprop_training() -> Cases:
    train = "train eqprop --data images.npz --epochs 2 -o m.safetensors"
    plain = f"{train} --hidden 6"
    cases: Cases = {
        "eqprop": [plain, *_used("images.npz", "estimate n.tnl --data images.npz")],
        "eqprop-text": [TEXT + plain, TEXT + f"{train} --hidden 4 --network resistive"],
        "eqprop-layers": [f"{train} --hidden 8 --hidden 5 --rate 0.1 --rate 0.05 --rate 0.02 "
                          "--beta 0.3 --seed 3", *_used("images.npz")],
        "eqprop-multiplicative": [f"{plain} --update multiplicative --init log-normal"],
        "eqprop-log-normal": [f"{plain} --init log-normal"],
        "eqprop-persistent": [f"{plain} --persistent --no-augment"],
        "eqprop-field": [f"{plain} --rule field --angle 30 --homeostasis 1", *_used("images.npz")],
        "eqprop-field-plain": [f"{train} --hidden 6 --hidden 5 --rule field"],
        "eqprop-device": [f"{plain} --mismatch 0.3 --asymmetry 0.3 --weight-bits 6 "
                          "--read-noise 0.01 --read-bits 8 --device-seed 4"],
        "eqprop-noisy": [f"{plain} --state-noise 0.03 --flipped 0.1 --device rc-1pF "
                         "--weight-memory oxide-cell"],
        "eqprop-replicas": [f"{plain} --state-noise 0.03 --replicas 3 --replica-coupling 1"],
        "eqprop-diagnose": [f"{plain} --diagnose"],
        "eqprop-checkpoint": [f"{plain} --checkpoint kept", f"{plain} --checkpoint kept"],
        "eqprop-digits": ["train eqprop --hidden 8 --epochs 1 -o m.safetensors"],
        "eqprop-mnist": ["train eqprop --data mnist --data-dir . --hidden 8 --epochs 1 "
                         "-o m.safetensors"],
        "eqprop-resistive": [
            f"{train} --hidden 6 --network resistive --gain 20", *_used("images.npz"),
        ],
        "eqprop-resistive-update": [
            f"{train} --hidden 6 --network resistive --update multiplicative --persistent",
        ],
        "eqprop-resistive-spsa": [
            f"{train} --hidden 4 --network resistive --estimator spsa --directions 2",
        ],
        "eqprop-oscillator": [
            f"{train} --hidden 6 --network oscillator", *_used("images.npz"),
            "simulate n.tnl --data images.npz --kT 0.1 --limit 8 --save warm.npz",
        ],
        "eqprop-oscillator-device": [
            f"{train} --hidden 6 --network oscillator --mismatch 0.2 --asymmetry 0.1 "
            "--weight-bits 6 --state-noise 0.02 --read-noise 0.02 --read-bits 7 --flipped 0.05 "
            "--device-seed 2 --estimator one-sided",
        ],
        "eqprop-convolutional": [
            f"{train} --channels 3 --channels 4 --hidden 5 --network convolutional",
            *_used("images.npz"),
        ],
        "eqprop-convolutional-diagnose": [
            f"{train} --channels 2 --network convolutional --estimator holomorphic --points 4 "
            "--activation shifted-sigmoid --diagnose",
        ],
        "eqprop-convolutional-field": [
            f"{train} --channels 3 --network convolutional --rule field --angle 20",
        ],
        "eqprop-jax": [f"{plain} --backend jax", *_used("images.npz")],
        "eqprop-jax-cauchy": [
            f"{plain} --backend jax --estimator generalised-cauchy --points 6 --activation tanh "
            "--rule field --angle 40 --homeostasis 1",
        ],
        "eqprop-jax-noise": [f"{plain} --backend jax --state-noise 0.02 --activation sigmoid"],
    }  # fmt: skip
    pushes = ("one-sided", "positive", "negative", "contrastive", "coupled-positive",
              "coupled-negative", "coupled-centred")  # fmt: skip
    for estimator in (*pushes, "spsa", "weight-perturbation", "node-perturbation"):
        more = "" if estimator in pushes else " --perturbation 0.01 --directions 2"
        cases[f"eqprop-{estimator}"] = [f"{plain} --estimator {estimator}{more}"]
    return cases


def ebm_training() -> Cases:
    train = ("train ebm --data images.npz --epochs 2 --batch 32 --ais-chains 16 --ais-steps 50 "
             "--sample-sweeps 40 -o m.safetensors")  # fmt: skip
    rbm = f"{train} --hidden 6 --chains 32"
    wide = f"{train} --hidden 20 --chains 32"
    grid = f"{train} --side 6 --batches 3"
    used = ["compile m.safetensors -o n.tnl",
            "simulate n.tnl --chains 16 --sweeps 100 --save r.npz", "estimate n.tnl"]  # fmt: skip
    return {
        "ebm-rbm": [f"{rbm} --picture p.png", *used],
        "ebm-rbm-text": [TEXT + rbm],
        "ebm-rbm-ais": [f"{wide} --seed 2"],
        "ebm-rbm-cd": [f"{train} --hidden 6 --method cd -k 2 --threshold 0.5"],
        "ebm-rbm-tempered": [f"{rbm} --method tempered --temperatures 3 --learning-rate 0.05"],
        "ebm-rbm-device": [f"{rbm} --mismatch 0.2 --asymmetry 0.1 --bits 6",
                           "compile m.safetensors -o n.tnl",
                           "simulate n.tnl --chains 4 --sweeps 50 --mismatch 0.2 --bits 6 "
                           "--device-seed 1 --save r.npz"],
        "ebm-rbm-priced": [f"{rbm} --device pbit-magnetic"],
        "ebm-grid": [f"{grid} --model grid --grid g8 -k 3", *used],
        "ebm-grid-tempered": [f"{grid} --model grid --grid square --method tempered "
                              "--temperatures 3 -k 2 --chains 32"],
        "ebm-grid-cd": [f"{grid} --model grid --grid g12 --method cd -k 2"],
        "ebm-grid-device": [f"{grid} --model grid -k 2 --mismatch 0.2"],
        "ebm-chain": [f"{grid} --model dtm --steps 2 -k 3 --noise 1.5", *used],
        "ebm-chain-plain": [f"{grid} --model dtm --steps 2 -k 2 --grid g16 --no-penalty"],
        "ebm-checkpoint": [f"{rbm} --checkpoint kept", f"{rbm} --checkpoint kept"],
        "ebm-digits": [f"{rbm.replace('images.npz', 'digits')}"],
    }  # fmt: skip


def logic_training() -> Cases:
    train = "train logic --data images.npz --epochs 3 --batch 32 -o m.safetensors"
    one = f"{train} --gates 60"
    two = f"{train} --gates 48 --gates 24 -k 4"
    used = ["compile m.safetensors -O 2 -o n.tnl", "simulate n.tnl --data images.npz --toggles "
            "--save r.npz", "check m.safetensors n.tnl"]  # fmt: skip
    return {
        "logic": [one, *used],
        "logic-text": [TEXT + one],
        "logic-plain": [f"{one} --no-augment --learning-rate 0.05 --tau 3 --seed 4"],
        "logic-candidates": [f"{one} -k 3 --tau adaptive"],
        "logic-quantiles": [f"{one} --encoding dataset-quantile --threshold 0.3 --threshold 0.6"],
        "logic-image-quantiles": [f"{one} --encoding image-quantile --threshold 0.5", *used],
        "logic-reste": [f"{one} --estimator reste"],
        "logic-functions": [f"{one} --parametrisation gates -k 4"],
        "logic-soft": [f"{one} --forward soft -k 4"],
        "logic-gumbel": [f"{one} --forward gumbel -k 4"],
        "logic-fixed": [f"{one} --wiring fixed"],
        "logic-layers": [two, *used],
        "logic-layers-soft": [f"{two} --forward soft --parametrisation gates"],
        "logic-layers-all": [f"{train} --gates 24 --gates 12 -k all --forward soft"],
        "logic-layers-gumbel": [f"{two} --forward gumbel --tau width"],
        "logic-layers-fixed": [f"{two.replace(' -k 4', '')} --wiring fixed --forward soft"],
        "logic-jax": [f"{train} --gates 24 --gates 12 -k 3 --backend jax"],
        "logic-checkpoint": [f"{one} --checkpoint kept", f"{one} --checkpoint kept"],
        "logic-digits": ["train logic --gates 100 --epochs 1 -o m.safetensors"],
        "logic-mnist": ["train logic --data mnist --data-dir . --gates 100 --epochs 1 "
                        "-o m.safetensors"],
    }  # fmt: skip


def circuits() -> Cases:
    files = ("adder.blif", "adder.v", "half.aag", "half.bench", "every_op.txt", "circuit.txt")
    foreign = "--classes 3 --thresholds 0.5 -o n.tnl"
    run = "simulate n.tnl --data images.npz --save r.npz"
    cases: Cases = {
        f"circuit-{name.replace('.', '-')}": [f"compile {name} -O {k} -o n{k}.tnl"
                                              for k in range(3)]
        for name in files
    }  # fmt: skip
    cases |= {
        "circuit-difflogic": [f"compile difflogic.npz --wiring wiring.npz --tau 4 {foreign}", run],
        "circuit-difflogic-order": [
            "compile difflogic.npz --wiring wiring.npz --classes 3 --inputs 16 -O 0 -o n.tnl",
            "compile difflogic.npz --wiring wiring.npz --classes 3 --quantiles 0.5 "
            "--bit-order threshold -o q.tnl",
            "simulate q.tnl --data images.npz --save r.npz",
        ],
        "circuit-lilogic": [f"compile lilogic.npz {foreign}", run],
        "circuit-torchlogix": [f"compile torchlogix.npz --four-weights light {foreign}", run],
        "circuit-torchlogix-warp": [f"compile torchlogix.npz --four-weights warp {foreign}"],
        "circuit-torchlogix-json": ["compile logix.json -o n.tnl"],
        "circuit-taped-out": [f"compile taped.npz --widths 24,12 {foreign}", run],
        "check": [
            "check adder.blif adder.v", "check half.aag half.bench --no-abc",
            "check adder.blif wrong.v", TEXT + "check adder.v wrong.v --no-abc",
            TEXT + "check adder.v adder.blif --no-abc",
            "check adder.blif half.aag",
        ],
        "check-encoder": [
            "compile circuit.txt -O 2 -o n.tnl", "check circuit.txt n.tnl",
            "check circuit.txt n.tnl --possible", "check circuit.txt n.tnl --all-inputs "
            "--conflicts 1000",
        ],
        "simulate-circuit": [
            "compile circuit.txt -O 0 -o n.tnl", f"{run} --toggles",
            "simulate n.tnl --data images.npz --flip 0.05 --seed 2 --save f.npz",
            "simulate n.tnl --data images.npz --stuck 0.1 --seed 3 --save s.npz",
            "simulate n.tnl --data images.npz --flip 0.6 --stuck 0.05 --split train --limit 30 "
            "--toggles --save b.npz",
            TEXT + "simulate n.tnl --data images.npz --toggles",
        ],
        "simulate-circuit-bits": [
            "compile adder.txt -O 0 -o n.tnl",
            "simulate n.tnl --data bits.npz --toggles --save r.npz",
            "simulate n.tnl --data bits.npz --flip 0.02 --save f.npz",
        ],
        "estimate-circuit": [
            "compile circuit.txt -o n.tnl", "estimate n.tnl --data images.npz",
            "estimate n.tnl --data images.npz --library nangate45 --objective delay --adder small "
            "--clock 100",
            TEXT + "estimate n.tnl --data images.npz --library sky130hd --library asap7",
        ],
        "estimate-circuit-random": [
            "compile adder.v -o n.tnl", "estimate n.tnl --library ihp-sg13g2 --seed 3",
            "estimate n.tnl --data bits.npz --library nangate45",
        ],
        "estimate-circuit-liberty": [
            "compile circuit.txt -o n.tnl",
            "estimate n.tnl --data images.npz --library toy.lib --library nangate45",
        ],
    }  # fmt: skip
    return cases


def exporting() -> Cases:
    adder = {"verilog": "v", "blif": "blif", "aiger": "aig", "aiger-ascii": "aag",
             "bench": "bench", "yosys-json": "json", "c": "c", "dot": "dot"}  # fmt: skip
    cases = {
        f"export-{name}": [
            f"export adder.blif --format {name} -o out.{end}",
            f"export every_op.txt --format {name} -o every.{end}",
            f"export circuit.txt --head nets --format {name} -o nets.{end}",
            f"export circuit.txt --head gates --format {name} -o gates.{end}",
        ]
        for name, end in adder.items()
    }
    cases["export-verilog-options"] = [
        "export circuit.txt --format verilog -o sums.v --testbench tb.v --data images.npz --samples 10",
        "export circuit.txt --format verilog -o vectors.v --vectors --pipeline 2",
        "export circuit.txt --format verilog -o piped.v --head gates --pipeline 3",
        "export adder.v --format verilog -o adder.out.v --testbench random.v --samples 7 --seed 4",
        TEXT + "export circuit.txt --format verilog -o told.v --pipeline 1",
    ]
    cases["export-options"] = [
        "export circuit.txt --format c -o net.c --harness",
        "export adder.blif --format blif -o luts.blif --luts 4",
        "export circuit.txt --format blif -o six.blif --luts 6 --head nets",
        "compile adder.blif -o n.tnl",
        "export n.tnl --format aiger -o again.aig",
        "compile again.aig -O 0 -o again.tnl",
    ]
    cases["export-ising"] = [
        "compile ring.txt -o n.tnl", "export n.tnl --format rudy -o out.txt",
        "export n.tnl --format bqm -o out.json", "export n.tnl --format coo -o out.coo",
        "export model.json --format coo -o model.coo", "export qubo.coo --format bqm -o qubo.json",
        "export clauses.cnf --format dimacs -o out.cnf",
        "export clauses.cnf --format rudy -o none.txt",
    ]  # fmt: skip
    return cases


def ising() -> Cases:
    short = "--sweeps 200 -o n.tnl"
    run = "simulate n.tnl --save r.npz"
    return {
        "ising-rudy": [f"compile ring.txt {short}", run, f"{run} --chains 3 --seed 5",
                       "simulate n.tnl --kT 0.7 --chains 12 --sweeps 60 --trajectory-every 5 "
                       "--save k.npz", TEXT + "simulate n.tnl", TEXT + "show n.tnl",
                       "estimate n.tnl", TEXT + "estimate n.tnl --device pbit-sampling-unit"],
        "ising-anneal": [f"compile graph.json --as ising --anneal 3,0.2 {short}", run,
                          f"compile graph.json --as max-cut --anneal 2,0.3 {short}",
                         f"{run} --seed 1"],
        "ising-sample": ["compile signed.txt --sample --kT 1.5 --sweeps 100 -o n.tnl", run,
                         f"{run} --chains 3", TEXT + "simulate n.tnl"],
        "ising-packed": ["compile signed.txt --sample --kT 1.5 --sweeps 40 -o n.tnl",
                         "simulate n.tnl --chains 512 --save r.npz"],
        "ising-real": ["compile couplings.npz --sample --sweeps 60 -o n.tnl", run,
                       "simulate n.tnl --chains 512 --save p.npz",
                       "compile couplings.npz --optimise --sweeps 60 -o o.tnl",
                       "simulate o.tnl --save o.npz"],
        "ising-tempering": [f"compile signed.txt {short}",
                            f"{run} --tempering 4 --hot 3 --sweeps 100 --chains 3",
                            "simulate n.tnl --tempering 3 --kT 0.5 --sweeps 80 --save t.npz"],
        "ising-device": [f"compile dense.txt {short}",
                         f"{run} --mismatch 0.2 --asymmetry 0.1 --bits 5 --bias-mismatch 0.1 "
                         "--device-seed 3"],
        "ising-cnf": [f"compile clauses.cnf {short}", run, TEXT + "simulate n.tnl"],
        "ising-cnf-clamp": [f"compile clauses.cnf --clamp 3=1 --clamp 5=0 {short}", run],
        "ising-coo": [f"compile qubo.coo {short}", run],
        "ising-qubo": [f"compile small.qubo {short}", run],
        "ising-bqm": [f"compile model.json --clamp c=1 {short}", run],
        "ising-node-link": [f"compile graph.json {short}", run,
                            "compile graph.json --as ising -o i.tnl"],
        "ising-gml": [f"compile graph.gml --optimise {short}", run],
        "ising-thrml": [f"compile thrml.npz {short}", run],
        "ising-circuit": [f"compile multiplier.v --as ising --clamp p=6 {short}", run,
                          "compile multiplier.v --as ising --clamp a=0b11 --clamp p[3]=1 -O 0 "
                          "-o c.tnl", "simulate c.tnl --sweeps 100 --save c.npz"],
        "ising-circuit-tempering": [f"compile adder.blif --as ising --clamp s=5 {short}",
                                    f"{run} --tempering 4 --sweeps 200 --chains 2"],
        "ising-embed": ["compile dense.txt --target chimera-4 --embed --rescale --quantize "
                        f"--seed 1 {short}", run,
                        "compile ring.txt --target king-8 --embed --chain-strength 3 --rescale "
                        "--quantize --sweeps 50 -o k.tnl", "simulate k.tnl --save k.npz",
                        "estimate n.tnl"],
        "ising-limit-degree": ["compile dense.txt --target chimera-6 --limit-degree --embed "
                               f"--rescale --quantize {short}", run],
        "ising-embed-sample": ["compile couplings.npz --sample --target zephyr-2 --embed --rescale "
                               f"--quantize {short}", f"{run} --chains 4"],
        "ising-complete": [f"compile dense.txt --target complete-16 --rescale --quantize {short}",
                           run],
        "ising-illegal": [f"compile dense.txt --target square-8 {short}",
                          f"compile dense.txt --target square-8 --limit-degree {short}"],
        "ising-double-well": ["compile ring.txt --double-well --barrier 3 --sweeps 5 -o n.tnl",
                              "simulate n.tnl --runs 4 --save r.npz",
                              TEXT + "simulate n.tnl --runs 2"],
        "ising-double-well-rate": ["compile dense.txt --target double-well --flip-rate 0.1 "
                                   "--sweeps 5 -o n.tnl", "simulate n.tnl --save r.npz"],
        "ising-directed": ["compile pbits.txt -o n.tnl", run, f"{run} --chains 40 --sweeps 30",
                           "estimate n.tnl"],
    }  # fmt: skip


def studies() -> Cases:
    return {
        "study-seeds": ["study seeds --data images.npz --seeds 1 --budget 20 --epochs 1 -o s"],
        "study-pareto": ["study pareto --data images.npz --hidden 3 --epochs 1 -o s"],
        "study-devices": ["train langevin --data images.npz --hidden 5 --epochs 1 -o m.safetensors",
                          "compile m.safetensors -o n.tnl",
                          "study devices n.tnl --data images.npz --devices 2 --mismatch 0.2 "
                          "-o s"],
        "study-logic": ["study logic --data images.npz --gates 30 --gates 60 --epochs 2 --seeds 1 "
                        "-o s"],
        "study-faults": ["compile circuit.txt -o n.tnl",
                         "study faults n.tnl --data images.npz --flip 0.01 --flip 0.2 --stuck 0.1 "
                         "--draws 2 -o s"],
        "study-generative": ["study generative --data images.npz --samples 20 --time 0.2 "
                             "--hidden 4 -o s"],
        "study-generative-rows": ["study generative --data images.npz --samples 20 --time 0.1 "
                                  "--rows 30 --kT 0.2 -o s"],
        "study-linear-algebra": ["study linear-algebra --size 3 --condition 2 --machines 16 "
                                 "--seeds 2 -o s"],
        "study-gradients": ["study eqprop-gradients -o s"],
        "study-gradients-tanh": ["study eqprop-gradients --activation tanh --gain 1 -o s"],
        "study-eqprop-devices": ["study eqprop-devices --data images.npz --devices 2 --hidden 5 "
                                 "--epochs 1 -o s"],
        "study-eqprop-asymmetry": ["study eqprop-asymmetry --data images.npz --angle 0 --angle 60 "
                                   "--seeds 1 --hidden 5 --epochs 1 -o s"],
        "study-eqprop-noise": ["study eqprop-noise --data images.npz --noise 0 --noise 0.04 "
                               "--beta 0.5 --holomorphic 4 --replicas 2 --seeds 1 --hidden 5 "
                               "--epochs 1 -o s"],
        "study-eqprop-temperature": [
            "train eqprop --data images.npz --hidden 5 --epochs 1 -o m.safetensors",
            "study eqprop-temperature m.safetensors --data images.npz --kT 0 --kT 0.02 --window 0 "
            "--window 2 --samples 12 --runs 2 -o s",
        ],
        "study-resumed": [
            "study logic --data images.npz --gates 30 --epochs 2 --seeds 1 -o s",
            "study logic --data images.npz --gates 30 --epochs 2 --seeds 2 -o s",
        ],
    }  # fmt: skip


def presets_and_errors() -> Cases:
    presets = ("rc-1fF rc-1pF rc-sampling-unit pbit-cmos pbit-magnetic pbit-sampling-unit "
               "sram-8bit capacitor-10fF oxide-cell sampling-unit ideal rc-array double-well "
               "square-64 king-32 grid-g8-70 grid-g12-70 grid-g16-70 chimera-16 pegasus-16 "
               "zephyr-12 nangate45 sky130hd ihp-sg13g2 asap7")  # fmt: skip
    train = "train langevin --data images.npz --epochs 1 -o m.safetensors"
    return {
        "presets": ["presets", TEXT + "presets", *(f"presets {name}" for name in presets.split()),
                    TEXT + "presets rc-1fF", TEXT + "presets nangate45"],
        "data": ["data list --data-dir ."],
        "help": [TEXT + "--help", TEXT + "train --help", TEXT + "study --help"],
        "error-data": ["train langevin --data nothing -o m.safetensors",
                       "train langevin --data missing.npz -o m.safetensors",
                       "train eqprop --data curve.npz -o m.safetensors", "data fetch nothing",
                       "data other"],
        "error-files": ["show missing.tnl", "show broken.tnl", "show empty.tnl",
                        "simulate broken.tnl", "compile empty.tnl -o n.tnl",
                        "compile cycle.bench -o n.tnl",
                        "compile adder.blif -o nowhere/n.tnl"],
        "error-names": ["presets nothing", "compile quartic.txt --target nothing -o n.tnl",
                        f"{train} --method nothing", "train eqprop --network nothing -o m",
                        "train eqprop --estimator nothing --data images.npz -o m",
                        "train ebm --model nothing -o m", "train logic --forward nothing "
                        "--data images.npz -o m", "nothing"],
        "error-options": [f"{train} --method likelihood --directed",
                          f"{train} --mismatch -1", "train eqprop --network resistive "
                          "--mismatch 0.1 -o m", "train eqprop --estimator holomorphic -o m",
                          "train ebm --model rbm --side 4 -o m",
                          "train logic --candidates few -o m", "train langevin",
                          "compile quartic.txt -O 3 -o n.tnl",
                          "compile quartic.txt --flip-rate 1 -o n.tnl",
                          "compile adder.blif --quantize -o n.tnl",
                          "compile adder.blif --clamp s=3 -o n.tnl",
                          "compile ring.txt --anneal warm -o n.tnl",
                          "compile difflogic.npz -o n.tnl"],
        "error-simulate": ["compile quartic.txt -o a.tnl", "compile circuit.txt -o g.tnl",
                           "compile ring.txt -o p.tnl", "compile inertia.txt -o i.tnl",
                           "compile directed.txt -o d.tnl",
                           "simulate g.tnl", "simulate g.tnl --data pairs.npz",
                           "simulate g.tnl --data images.npz --kT 1", "simulate a.tnl --flip 0.1",
                           "simulate a.tnl --limit 3", "simulate a.tnl --method baoab",
                           "simulate i.tnl --method heun", "simulate p.tnl --data images.npz",
                           "simulate p.tnl --hot 3", "simulate p.tnl --tempering 3 --mismatch 0.1",
                           "simulate d.tnl", "simulate d.tnl --data images.npz",
                           "simulate d.tnl --data pairs.npz --method leimkuhler-matthews",
                           "simulate a.tnl --dt 0.6 --save r.npz", "simulate a.tnl --dt -1",
                           "simulate a.tnl --kT -1", "simulate a.tnl --observe nowhere",
                           "simulate a.tnl --backend nothing"],
        "error-others": ["compile quartic.txt -o a.tnl", "compile circuit.txt -o g.tnl",
                         "estimate g.tnl --device rc-1fF", "estimate g.tnl --library nothing",
                         "estimate a.tnl --library nangate45", "estimate a.tnl --device nothing",
                         "export a.tnl --format verilog -o out.v",
                         "export g.tnl --format blif -o out.blif",
                         "export g.tnl --format rudy -o out.txt",
                         "export g.tnl --format nothing -o out", "check a.tnl g.tnl",
                         "study faults a.tnl --data images.npz -o s",
                         "study linear-algebra --condition 0.5 -o s"],
    }  # fmt: skip


def all_cases() -> Cases:
    """Every case by name."""
    families = (
        langevin_training, langevin_compiling, langevin_simulating, eqprop_training, ebm_training,
        logic_training, circuits, exporting, ising, studies, presets_and_errors,
    )  # fmt: skip
    found: Cases = {}
    for family in families:
        found |= family()
    return found


# --- running commands ------------------------------------------------------------------------

WORKER = r"""
import importlib, json, os, sys, traceback

place, root = sys.argv[1:]
requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
module, function = place.split(":")
run = getattr(importlib.import_module(module), function)
where = os.path.realpath(sys.modules[module].__file__)
if not where.startswith(os.path.realpath(root) + os.sep):
    sys.exit(f"{module} was imported from {where}, not from {root}")
for line in requests:
    asked = json.loads(line)
    os.chdir(asked["folder"])
    for number, path in ((1, asked["out"]), (2, asked["err"])):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["thermoc", *asked["arguments"]]
    code = 0
    try:
        run()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    answers.write(f"{code}\n")
    answers.flush()
"""


def kernels_digest(checkout: Path) -> str:
    """Digest of all files of a checkout that mention numba."""
    digest = hashlib.sha256()
    for path in sorted(checkout.rglob("*.py")):
        content = path.read_bytes()
        if b"numba" in content and "tests" not in path.parts:
            digest.update(str(path.relative_to(checkout)).encode() + b"\0" + content)
    return digest.hexdigest()[:12]


class Worker:
    """A process that runs commands of one checkout, one after the other."""

    def __init__(self, checkout: Path, scratch: Path) -> None:
        self._checkout, self._scratch = checkout, scratch
        project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
        self._place = project["scripts"]["thermoc"]
        self._kernels = Path(tempfile.gettempdir()) / f"behaviour-{kernels_digest(checkout)}"
        self._process: subprocess.Popen[str] | None = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            environment = {
                **os.environ, "PYTHONPATH": str(self._checkout), "PYTHONHASHSEED": "0",
                "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_NUM_THREADS": "2",
                "NUMBA_CACHE_DIR": str(self._kernels), "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "JAX_PLATFORMS": "cpu",
                "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb",
            }  # fmt: skip
            environment.pop("THERMOC_DATA", None)
            self._process = subprocess.Popen(
                [sys.executable, "-c", WORKER, self._place, str(self._checkout)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
                cwd=self._scratch,
            )  # fmt: skip
        return self._process

    def run(self, folder: Path, arguments: list[str]) -> tuple[str, str, str]:
        """(exit code, or what ended it; standard output; standard error)."""
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        out, err = self._scratch / "out", self._scratch / "err"
        asked = {"folder": str(folder), "arguments": arguments, "out": str(out), "err": str(err)}
        late = threading.Timer(LIMIT, process.kill)
        late.start()
        try:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            code = process.stdout.readline().strip()
        except BrokenPipeError:
            code = ""
        finally:
            late.cancel()
        if not code:
            code = f"killed ({process.wait()})"
        texts = [p.read_text(errors="replace") if p.exists() else "" for p in (out, err)]
        return code, texts[0], texts[1]

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()


# --- what is noted ---------------------------------------------------------------------------

# paths of keys, list places left out; of wall clocks, versions, commands and file names
NOT_NOTED = (
    "*manifest", "*training_seconds", "seconds", "run_seconds", "samples_per_second",
    "updates_per_second", "points.seconds", "points.minutes", "points.model", "trainings.seconds",
    "series.seconds", "history.seconds", "last_epoch.seconds", "model", "netlist", "file", "saved",
    "picture", "abc", "testbench.file", "counts.bytes",
)  # fmt: skip
WALL_ARRAYS = ("seconds", "run_seconds")
WALL_LINES = re.compile(r"time|second|wrote|saved|minutes|simulated in|train s|wall|bytes")


def digest(content: bytes | str) -> str:
    """First 16 hexadecimal digits of the SHA-256."""
    raw = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(raw).hexdigest()[:16]


def without_clocks(value: Any, path: str = "") -> Any:
    """A JSON value without the keys of NOT_NOTED."""
    if isinstance(value, dict):
        named = {k: f"{path}.{k}".lstrip(".") for k in value}
        return {
            k: without_clocks(v, named[k])
            for k, v in value.items()
            if not any(fnmatch.fnmatchcase(named[k], pattern) for pattern in NOT_NOTED)
        }
    if isinstance(value, list):
        return [without_clocks(v, path) for v in value]
    return value


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def columns(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) of a JSON value; of a list of records each column of the table that it is."""
    records = isinstance(value, list) and value and all(isinstance(v, dict) for v in value)
    if not records:
        yield key, value
        return
    for name in sorted({name for v in value for name in v}):
        yield f"{key}.{name}", [v.get(name) for v in value]


def note_json(what: str, text: str) -> Found:
    """Digests of a JSON object by its keys."""
    try:
        document = json.loads(text)
    except ValueError:
        return {f"{what}:text": digest(text)}
    found: Found = {}
    for key, value in without_clocks(document).items():
        for name, part in columns(key, value):
            found[f"{what}:{name}"] = digest(canonical(part))
    return found


def note_text(what: str, text: str) -> Found:
    """Digest of a text for people, without spacing, rules and lines of wall-clock times."""
    lines = (" ".join(line.split()) for line in text.splitlines() if not WALL_LINES.search(line))
    return {what: digest("\n".join(line for line in lines if line.strip("- ")))}


def note_netlist(what: str, shown: str) -> Found:
    """Digests of the canonical text in what `show --limit 0 --json` printed, its notes apart."""
    document = without_clocks(json.loads(shown))
    lines = document.pop("text").splitlines()
    notes = "\n".join(line for line in lines if line.startswith("meta "))
    found = {f"{what}:text": digest("\n".join(x for x in lines if not x.startswith("meta ")))}
    if notes:
        found[f"{what}:text:meta"] = digest(canonical(without_clocks(json.loads(notes[5:]))))
    return found | {f"{what}:{k}": digest(canonical(v)) for k, v in document.items()}


def note_array(array: np.ndarray) -> str:
    return digest(f"{array.dtype.str} {array.shape} ".encode() + array.tobytes())


def note_arrays(what: str, path: Path) -> Found:
    with np.load(path, allow_pickle=False) as file:
        return {f"{what}:{k}": note_array(file[k]) for k in file.files if k not in WALL_ARRAYS}


def note_tensors(what: str, path: Path) -> Found:
    with safe_open(path, "np") as file:
        return {f"{what}:{k}": note_array(file.get_tensor(k)) for k in file.keys()}  # noqa: SIM118


def note_file(what: str, path: Path) -> Found:
    """Digests of a file that a command wrote; nothing of pictures, checkpoints and records."""
    try:
        if path.suffix == ".npz":
            return note_arrays(what, path)
        if path.suffix == ".safetensors":
            return note_tensors(what, path)
    except (OSError, ValueError, SafetensorError) as error:
        return {what: f"unreadable: {type(error).__name__}"}
    if path.suffix == ".aig":
        return {what: digest(path.read_bytes())}
    return {what: digest(path.read_text(encoding="utf-8"))}


NOTED = (".npz", ".safetensors", ".v", ".blif", ".aig", ".aag", ".bench", ".json", ".c", ".dot",
         ".txt", ".coo", ".cnf")  # fmt: skip


def run_case(worker: Worker, folder: Path, commands: list[str]) -> tuple[Found, list[str]]:
    """(digests, remarks on commands that failed) of a case in an empty folder."""
    given = write_inputs(folder, [c.removeprefix(TEXT) for c in commands])
    found: Found = {}
    remarks: list[str] = []
    for k, command in enumerate(commands, 1):
        arguments = shlex.split(command.removeprefix(TEXT))
        as_text = command.startswith(TEXT)
        code, out, err = worker.run(folder, arguments if as_text else [*arguments, "--json"])
        if code != "0":
            last = ([line for line in err.splitlines() if line.strip()] or [""])[-1]
            found |= {f"{k}:exit": code, f"{k}:error": digest(last)}
            remarks.append(f"{command}\n      exit {code}: {last}")
        if out:
            found |= note_text(f"{k}:text", out) if as_text else note_json(f"{k}:json", out)
    for path in sorted(set(folder.rglob("*")) - given):
        name = path.relative_to(folder)
        if path.suffix == ".tnl":
            code, out, _ = worker.run(folder, ["show", str(name), "--limit", "0", "--json"])
            found |= note_netlist(str(name), out) if code == "0" else {f"{name}:exit": code}
        elif path.suffix in NOTED and path.parent == folder:
            found |= note_file(str(name), path)
    return found, remarks


def chosen(only: str | None) -> Iterator[tuple[str, list[str]]]:
    for name, commands in all_cases().items():
        if only is None or fnmatch.fnmatchcase(name, only):
            yield name, commands


def record(checkout: Path, out: Path, only: str | None, keep: Path | None) -> int:
    """Run the cases and write the digests; a file is there after every case."""
    cases: dict[str, Found] = {}
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="behaviour-") as name:
        scratch = Path(name)
        worker = Worker(checkout.resolve(), scratch)
        for case, commands in chosen(only):
            start = time.perf_counter()
            folder = (keep.resolve() if keep else scratch) / case
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            cases[case], remarks = run_case(worker, folder, commands)
            if keep is None:
                shutil.rmtree(folder)
            seconds = time.perf_counter() - start
            print(f"{case}: {len(cases[case])} digests, {seconds:.1f} s", flush=True)
            for remark in remarks:
                print(f"    {remark}", flush=True)
            out.write_text(json.dumps({"cases": cases}, indent=1, sort_keys=True) + "\n")
        worker.close()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{len(cases)} cases, {sum(map(len, cases.values()))} digests, "
        f"{(time.perf_counter() - begun) / 60:.1f} minutes, "
        f"{(used.ru_utime + used.ru_stime) / 60:.1f} CPU minutes"
    )
    return 0


def compare(first: Path, second: Path) -> int:
    """Print what differs between two records; 1 if anything does."""
    a, b = (json.loads(path.read_text())["cases"] for path in (first, second))
    same = 0
    for case in sorted(a.keys() | b.keys()):
        if case not in a or case not in b:
            print(f"{case}: only in {first if case in a else second}")
            continue
        keys = [k for k in sorted(a[case].keys() | b[case].keys())
                if a[case].get(k) != b[case].get(k)]  # fmt: skip
        same += not keys
        told = ", ".join(k if k in a[case] and k in b[case] else f"{k} (only in "
                         f"{'first' if k in a[case] else 'second'})" for k in keys)  # fmt: skip
        print(f"{case}: differs in {told}" if keys else f"{case}: same")
    total = len(a.keys() | b.keys())
    print(f"{same} of {total} cases are the same")
    return int(same < total)


def main() -> int:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    recorder = verbs.add_parser("record", help="run the cases on a checkout")
    recorder.add_argument("checkout", type=Path)
    recorder.add_argument("out", type=Path)
    recorder.add_argument("--only", metavar="GLOB", help="names of cases, as simulate-*")
    recorder.add_argument("--keep", type=Path, help="folder that keeps what the commands wrote")
    comparer = verbs.add_parser("compare", help="compare two records")
    comparer.add_argument("first", type=Path)
    comparer.add_argument("second", type=Path)
    given = parser.parse_args()
    if given.verb == "compare":
        return compare(given.first, given.second)
    return record(given.checkout, given.out, given.only, given.keep)


if __name__ == "__main__":
    sys.exit(main())
