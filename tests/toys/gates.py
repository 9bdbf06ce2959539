"""Small circuits for tests: skewed, with every op, so that no symmetry hides a swapped operand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from compiler.circuits.evaluate import all_patterns, evaluate_words
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, GateNetlist, make_gates


def random_circuit(
    rng: np.random.Generator, n_inputs: int = 6, n_gates: int = 30, n_outputs: int = 5, *, sums: bool = False
) -> GateNetlist:
    """Any op, operands mostly near (deep circuits), outputs anywhere, inputs and repeats too."""
    op = rng.integers(0, 16, n_gates)
    latest = n_inputs + np.arange(n_gates) - 1
    a = np.maximum(latest - rng.integers(0, 8, n_gates), 0)
    b = rng.integers(0, latest + 1)
    nets = n_inputs + n_gates
    shown = rng.integers(0, nets, n_outputs)
    class_sums = None
    if sums:
        counted = rng.integers(0, nets, 5).astype(np.int32)
        class_sums = ClassSums(counted, np.array([0, 1, 1, 5]), 2.5, ("x", "y y", "z"))
    return make_gates(
        [f"i{k}" for k in range(n_inputs)],
        op,
        a,
        b,
        {f"o{k}": int(net) for k, net in enumerate(shown)},
        class_sums=class_sums,
    )


def every_op() -> GateNetlist:
    """All 16 ops of two inputs, in order, and all sections of the format in use."""
    return make_gates(
        ["a", "b[0]"],
        range(16),
        [0] * 16,
        [1] * 16,
        {f"f{op}": 2 + op for op in range(16)} | {"a copy": 0},
        class_sums=ClassSums(np.array([3, 4, 5, 0], dtype=np.int32), np.array([0, 3, 4]), 1.5, ("yes", "no")),
        encoder=Thermometer(3, np.array([2, 0], dtype=np.int32), np.array([0.25, 1 / 3])),
        name="every_op",
    )


def same_function(a: GateNetlist, b: GateNetlist) -> bool:
    """Whether all roots agree on all patterns."""
    words = all_patterns(a.n_inputs)
    return bool(
        (evaluate_words(a, words, a.roots) == evaluate_words(b, words, b.roots)).all()
        and a.input_names == b.input_names
        and a.output_names == b.output_names
    )


def mutated(netlist: GateNetlist, rng: np.random.Generator) -> GateNetlist:
    """The circuit with one gate's truth table changed in one row."""
    op = netlist.op.astype(int)
    k = int(rng.integers(0, netlist.n_gates))
    op[k] ^= 1 << int(rng.integers(0, 4))
    return make_gates(
        netlist.input_names,
        op,
        np.maximum(netlist.a, 0),
        np.maximum(netlist.b, 0),
        dict(zip(netlist.output_names, netlist.outputs.tolist(), strict=True)),
    )


def circuits_folder() -> Path:
    """Folder of the public benchmark circuits; skips the test where it is missing."""
    folder = Path(os.environ.get("THERMOC_DATA", "")) / "circuits"
    if "THERMOC_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("the EPFL and ISCAS circuits are not here; THERMOC_DATA names no such folder")
    return folder
