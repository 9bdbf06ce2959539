"""Two-input gates of logic-gate networks after -O2, against named ABC and yosys scripts.

    python benchmarks/synthesis.py NET.tnl|MODEL.safetensors ... [--scripts NAME ...]
    python benchmarks/synthesis.py --random           # untrained stand-ins, said so in the table

Inverters are free for both sides (yosys' are not counted). `all patterns` is -O2 without the
encoder, the question that ABC gets; `possible ones` uses what the encoder cannot make. Both are
proved, the latter under the encoder's constraint. `at least` is a lower bound for whatever keeps
every counted net: those that random possible patterns tell from inputs, constants and each other
(up to complements) take a gate each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from abc_sizes import SCRIPTS, abc_gates, program, yosys_gates

from compiler.circuits.adders import ADDERS
from compiler.circuits.class_nets import expose_class_nets
from compiler.circuits.evaluate import evaluate_words
from compiler.circuits.possible import possible_words
from compiler.counting import gate_counts
from compiler.equivalence import check_equal
from compiler.families.logic import lower_logic
from compiler.families.store import load_model
from compiler.formats.circuits.export import export_circuit
from compiler.ir.container import load
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, GateNetlist, make_gates
from compiler.passes.gates.heads import lower_head
from compiler.pipelines import simplify


def two_input(netlist: GateNetlist) -> int:
    return gate_counts(netlist)["gates"]["two_input"]


def stand_in(layers: tuple[int, ...], thresholds: int, seed: int = 0) -> GateNetlist:
    """A random network, rich in xors, whose gates read neighbouring nets; nobody trained it."""
    rng = np.random.default_rng(seed)
    features = 300
    inputs = features * thresholds
    below = np.arange(inputs)
    op: list[int] = []
    a: list[int] = []
    b: list[int] = []
    for width in layers:
        centre = rng.integers(0, below.size, width)
        near = [np.clip(centre + rng.integers(-12, 13, width), 0, below.size - 1) for _ in range(2)]
        start = inputs + len(op)
        op += rng.integers(1, 15, width).tolist()
        a += below[near[0]].tolist()
        b += below[near[1]].tolist()
        below = start + np.arange(width)
    encoder = Thermometer(
        features,
        np.repeat(np.arange(features), thresholds).astype(np.int32),
        np.tile((np.arange(thresholds) + 1) / (thresholds + 1), features),
    )
    sums = ClassSums(below.astype(np.int32), np.arange(11) * (below.size // 10))
    names = [f"x{k}" for k in range(inputs)]
    return make_gates(names, op, a, b, {}, class_sums=sums, encoder=encoder)


def read(path: str) -> GateNetlist:
    if path.endswith(".tnl"):
        netlist = load(path)
        assert isinstance(netlist, GateNetlist), path
        return netlist
    return lower_logic(load_model(path))  # type: ignore[arg-type]


def least(netlist: GateNetlist) -> int:
    """Roots that differ, also from the complements of each other, from inputs and constants."""
    rng = np.random.default_rng(1)
    assert netlist.encoder is not None
    words = possible_words(netlist.encoder, rng, 256)
    words[:, 0] = 0  # the pattern of zeros, which settles the sign
    values = np.concatenate([words, evaluate_words(netlist, words, netlist.roots)])
    values[(values[:, 0] & np.uint64(1)).astype(bool)] ^= np.uint64(2**64 - 1)
    seen = [row.tobytes() for row in values]
    trivial = {*seen[: netlist.n_inputs], bytes(8 * 256)}
    return len(set(seen) - trivial)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--scripts", nargs="*", choices=SCRIPTS, default=list(SCRIPTS))
    options = parser.parse_args()
    if program() is None:
        parser.error("ABC is not installed")
    nets = {Path(path).stem: read(path) for path in options.files}
    if options.random:
        nets["random 2x4000"] = stand_in((4000, 4000), 1)
        nets["random 2x4000, 4 thresholds"] = stand_in((4000, 4000), 4)
        nets["random 4x2000, 4 thresholds"] = stand_in((2000,) * 4, 4)
    if not nets:
        parser.error("give networks, or --random")
    for name, netlist in nets.items():
        row(name, netlist, options.scripts)


def row(name: str, netlist: GateNetlist, scripts: list[str]) -> None:
    """Print what becomes of one network."""
    print(f"{name}: {netlist.n_gates} gates declared, {two_input(netlist)} live with two inputs")
    sizes = {}
    for label, impossible in (("all patterns", False), ("possible ones", True)):
        start = time.process_time()
        small = simplify(netlist, 2, impossible=impossible)
        seconds = time.process_time() - start
        encoder = netlist.encoder if impossible else None
        verdict = check_equal(netlist, small, encoder=encoder)
        assert verdict.equal, name
        sizes[label] = two_input(small)
        print(f"  -O2, {label:<29}{sizes[label]:>7}   {seconds:.1f} CPU s, proved equal")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        path = folder / "net.blif"
        export_circuit(expose_class_nets(replace(netlist, encoder=None)), "blif", path)
        theirs = {f"ABC {key}": abc_gates(path, SCRIPTS[key], folder) for key in scripts}
        theirs["yosys abc -g gates"] = yosys_gates(path, folder)
    for key, size in theirs.items():
        print(f"  {key:<34}{'failed' if size is None else size:>7}")
    best = min(size for size in theirs.values() if size is not None)
    print(
        f"  ratio to the best of them: {sizes['all patterns'] / best:.4f}, with impossible "
        f"patterns {sizes['possible ones'] / best:.4f}; at least {least(netlist)} gates are needed"
    )
    for adder in ADDERS:
        head = {
            merge: two_input(simplify(lower_head(small, sums=False, adder=adder, merge=merge), 1))
            for merge in (False, True)
        }
        print(f"  with head, {adder} adders: {head[False]}, exclusive nets merged {head[True]}")


if __name__ == "__main__":
    main()
