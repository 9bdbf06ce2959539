"""Synthesis at scale: `check` and -O2 of large circuits, against ABC, and a million gates read.

    THERMOC_DATA=data python benchmarks/scale.py [--only shared large million]

`shared`: every EPFL and ISCAS-85 circuit with more than 20 inputs against its -O2, by our own proof and
by ABC's `&cec` (CPU seconds; compiled kernels are loaded first, ABC's figure holds its start). `large`:
-O2 of random circuits of 100,000 gates, of a restoring divider and of an array multiplier, and the
proof of each, then the search for what tells it from a twin with one gate complemented. `million`: an AIGER
file of 1,000,000 gates, binary and ascii, each read in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from abc_sizes import program
from circuits import circuits

from compiler.circuits.builder import Builder
from compiler.equivalence import check_equal
from compiler.formats.circuits.aiger import write_aiger
from compiler.formats.circuits.circuits import read_circuit
from compiler.ir.gates import AND, OR, TWO_INPUT, XOR, GateNetlist, make_gates
from compiler.jit import compiled
from compiler.passes.gates.local import live_gates
from compiler.pipelines import simplify

PARTS = ("shared", "large", "million")


def random_circuit(n: int, inputs: int = 256, near: int | None = None, seed: int = 0) -> GateNetlist:
    """Gates of all kinds that read any earlier nets, or one of the `near` nets before them (deep, and hard to
    prove); what nothing reads is an output."""
    rng = np.random.default_rng(seed)
    k = inputs + np.arange(n)
    if near is None:
        a, b = ((rng.random(n) * k).astype(np.int64) for _ in range(2))
    else:
        a, b = (np.maximum(k - 1 - rng.integers(0, near, n), 0) for _ in range(2))
    unread = np.setdiff1d(k, np.concatenate([a, b]))
    names = [f"x{i}" for i in range(inputs)]
    return make_gates(
        names, rng.integers(1, 15, n), a, b, {f"y{i}": net for i, net in enumerate(unread.tolist())}
    )


def divider(width: int) -> GateNetlist:
    """Quotient and remainder of two words, a row of subtracters and multiplexers for every bit."""
    builder = Builder([f"{word}{k}" for word in "nd" for k in range(width)])
    zero = builder.constant(0)
    remainder = [zero] * width
    outputs = {}
    for k in reversed(range(width)):
        shifted = [k, *remainder]
        borrow, differences = zero, []
        for x, y in zip(shifted, [*range(width, 2 * width), zero], strict=True):
            odd = builder.gate(XOR, 2 * x, 2 * y)
            differences.append(builder.gate(XOR, 2 * odd, 2 * borrow))
            made, passed = builder.gate(AND, 2 * x + 1, 2 * y), builder.gate(AND, 2 * odd + 1, 2 * borrow)
            borrow = builder.gate(OR, 2 * made, 2 * passed)
        outputs[f"q{k}"] = builder.copy(2 * borrow + 1)
        remainder = [
            builder.choose(2 * borrow, 2 * old, 2 * new)
            for old, new in zip(shifted[:width], differences[:width], strict=True)
        ]
    return builder.netlist(outputs | {f"r{k}": net for k, net in enumerate(remainder)})


def multiplier(width: int) -> GateNetlist:
    """The product of two words, by a row of adders for every bit."""
    builder = Builder([f"{word}{k}" for word in "xy" for k in range(width)])
    zero = builder.constant(0)
    outputs, total = {}, [zero] * width
    for k in range(width):
        carry, sums = zero, []
        for j, y in enumerate(total):
            x = builder.gate(AND, 2 * j, 2 * (width + k))
            odd = builder.gate(XOR, 2 * x, 2 * y)
            sums.append(builder.gate(XOR, 2 * odd, 2 * carry))
            made, passed = builder.gate(AND, 2 * x, 2 * y), builder.gate(AND, 2 * odd, 2 * carry)
            carry = builder.gate(OR, 2 * made, 2 * passed)
        outputs[f"p{k}"], total = sums[0], [*sums[1:], carry]
    return builder.netlist(outputs | {f"p{width + k}": net for k, net in enumerate(total)})


def as_ands(netlist: GateNetlist, folder: Path) -> GateNetlist:
    """The circuit as an AIGER file holds it: xor-gates are three and-gates each."""
    path = folder / "ands.aig"
    path.write_bytes(write_aiger(netlist))
    return read_circuit(path)


def twin(netlist: GateNetlist) -> GateNetlist:
    """The circuit with one gate complemented: the middle one of those that some output needs."""
    needed = np.flatnonzero(live_gates(netlist) & TWO_INPUT[netlist.op])
    op = netlist.op.copy()
    op[needed[needed.size // 2]] ^= 15
    return replace(netlist, op=op)


def cec(a: GateNetlist, b: GateNetlist, folder: Path, limit: float = 600) -> float | None:
    """CPU seconds of ABC's `&cec`; None if it came to no proof in time."""
    name = program()
    if name is None:
        return None
    for path, netlist in (("a.aig", a), ("b.aig", b)):
        (folder / path).write_bytes(write_aiger(netlist))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(
            [name, "-q", "&cec a.aig b.aig"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent if "are equivalent" in done.stdout else None


def shown(seconds: float | None) -> str:
    return "none" if seconds is None else f"{seconds:.2f}"


def proof(a: GateNetlist, b: GateNetlist) -> tuple[float, int]:
    """(CPU seconds of our own proof, questions put to the SAT solver)."""
    start = time.process_time()
    verdict = check_equal(a, b)
    assert verdict.equal
    return time.process_time() - start, verdict.sat_calls


def shared(folder: Path, data: Path) -> None:
    print(f"{'circuit':<11}{'gates':>7}{'-O2':>7}{'ours, s':>9}{'asked':>7}{'&cec, s':>9}")
    ours, theirs = 0.0, 0.0
    for path in circuits(data, None):
        netlist = read_circuit(path)
        if netlist.n_inputs <= 20:
            continue  # decided by all patterns
        small = simplify(netlist, 2)
        seconds, calls = proof(netlist, small)
        other = cec(netlist, small, folder)
        sizes = f"{netlist.n_gates:>7}{small.n_gates:>7}"
        print(f"{path.stem:<11}{sizes}{seconds:>9.2f}{calls:>7}{shown(other):>9}", flush=True)
        ours, theirs = ours + seconds, theirs + (other or 0.0)
    print(f"{'all':<25}{ours:>9.2f}{'':>7}{theirs:>9.2f}")


def large(folder: Path) -> None:
    made = {
        "random, any net": random_circuit(100_000),
        "divider, 76 bits": divider(76),
        "multiplier, 64 bits": multiplier(64),
        "random, 500 nets before": random_circuit(10_000, near=500, seed=1),
    }
    print(f"{'circuit':<25}{'gates':>8}{'-O2':>8}{'-O2, s':>8}{'check, s':>9}{'&cec, s':>9}{'twin, s':>9}")
    for name, netlist in made.items():
        ands = as_ands(netlist, folder)
        start = time.process_time()
        small = simplify(ands, 2)
        seconds = time.process_time() - start
        checked = proof(ands, small)[0]
        other = cec(ands, small, folder)
        start = time.process_time()
        verdict = check_equal(twin(small), ands)
        wrong = time.process_time() - start
        assert not verdict.equal, "the twin's gate does not matter"
        sizes = f"{ands.n_gates:>8}{small.n_gates:>8}"
        print(f"{name:<25}{sizes}{seconds:>8.1f}{checked:>9.2f}{shown(other):>9}{wrong:>9.2f}", flush=True)


def million(folder: Path) -> None:
    rng = np.random.default_rng(0)
    n, inputs = 1_000_000, 1000
    k = inputs + np.arange(n)
    a, b = ((rng.random(n) * k).astype(np.int64) for _ in range(2))
    circuit = make_gates(
        [f"x{i}" for i in range(inputs)],
        np.array([1, 2, 4, 8])[rng.integers(0, 4, n)],
        a,
        b,
        {f"y{i}": inputs + n - 1 - i for i in range(100)},
    )
    print(f"{'file':<14}{'gates':>9}{'CPU s':>7}{'s':>7}{'GB':>6}")
    for ending, binary in ((".aig", True), (".aag", False)):
        path = folder / f"million{ending}"
        path.write_bytes(write_aiger(circuit, binary=binary))
        subprocess.run([sys.executable, __file__, "--read", str(path)], check=True)


def read_one(path: Path) -> None:
    started, start = time.perf_counter(), time.process_time()
    netlist = read_circuit(path)
    seconds, cpu = time.perf_counter() - started, time.process_time() - start
    # of this program alone: getrusage keeps what its parent had
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1e6
    print(f"{path.name:<14}{netlist.n_gates:>9}{cpu:>7.2f}{seconds:>7.2f}{peak:>6.2f}", flush=True)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.read is not None:
        read_one(options.read)
        return
    data = Path(os.environ.get("THERMOC_DATA", "data")) / "circuits"
    with tempfile.TemporaryDirectory() as scratch, compiled():
        folder = Path(scratch)
        warm = divider(4)
        check_equal(warm, simplify(warm, 2), exhaustive=0)  # loads or compiles the kernels
        if "shared" in options.only:
            shared(folder, data)
        if "large" in options.only:
            large(folder)
        if "million" in options.only:
            million(folder)


if __name__ == "__main__":
    main()
