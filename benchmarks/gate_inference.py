"""A gate network at work: thermoc's simulator beside compiled C, in one process, interleaved.

    python benchmarks/gate_inference.py [--repeats 15] [--width 8000] [--inputs 784] [--keep DIR]

Two layers of `width` random two-input gates on `inputs` booleans, ten classes; booleans in
(n, inputs) uint8, class sums out (n, 10) int32, one thread. The peer is the C back end's program of
the same netlist, compiled with gcc -O3 -march=native: a statement a gate on words of 64 samples,
booleans packed one by one, class sums by a ripple counter a gate, as difflogic's compiled networks
do it. Ours is prepared once, as the C program is compiled once; both times are printed. Below: the
gates alone, packed in and packed out, and the bound of the vector unit: the loads, three logic
operations and stores of so many gates, 512 bits each, on data that lie in the first cache.
Medians of processor time; the spread is half the interquartile range.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np

from compiler.circuits.evaluate import evaluate_classes
from compiler.formats.circuits.c import write_c
from compiler.ir.gates import ClassSums, GateNetlist, make_gates
from thermo.kernels.gates.program import run_steps
from thermo.reproduce.host import this_host
from thermo.simulate.gates.program import FIRST_INPUT, GateProgram, prepare_gates
from thermo.simulate.gates.run import empty_rows, simulate_gates

N_CLASSES = 10
TURN = 0.02  # seconds: many short runs in a row, so that they find their own data in the caches
TWO_INPUT = (1, 2, 4, 6, 7, 8, 9, 11, 13, 14)


def random_network(n_inputs: int, width: int, layers: int = 2, seed: int = 0) -> GateNetlist:
    """Layers wired by permutations, so that every net is read about equally often."""
    rng = np.random.default_rng(seed)
    op, a, b = [], [], []
    base, size = 0, n_inputs
    for _ in range(layers):
        wires = rng.permutation(np.resize(rng.permutation(size), 2 * width)).reshape(2, width)
        op.append(rng.choice(TWO_INPUT, width))
        a.append(base + wires[0])
        b.append(base + np.where(wires[0] == wires[1], (wires[1] + 1) % size, wires[1]))
        base, size = base + size, width
    ends = np.linspace(0, width, N_CLASSES + 1).astype(np.int64)
    sums = ClassSums((base + np.arange(width)).astype(np.int32), ends)
    names = [f"x{k}" for k in range(n_inputs)]
    columns = (np.concatenate(v) for v in (op, a, b))
    return make_gates(names, *columns, {}, class_sums=sums)


def c_text(netlist: GateNetlist) -> str:
    """The peer: the C back end's program, and `circuit_gates`, which runs it on words alone."""
    sums = netlist.class_sums
    assert sums is not None
    return (
        write_c(netlist, harness=True)
        + f"""
void circuit_gates(const uint64_t *x, uint64_t *y, size_t n_words)
{{
  for (size_t w = 0; w < n_words; ++w)
    circuit_words(x + w * {netlist.n_inputs}, y + w * {sums.nets.size});
}}
"""
    )


def compiled(text: str, folder: Path) -> tuple[ctypes.CDLL, float]:
    """The library of a C text and the seconds gcc took (0 if it was there)."""
    stem = folder / f"peer-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    library, began = stem.with_suffix(".so"), time.perf_counter()
    if not library.exists():
        stem.with_suffix(".c").write_text(text)
        command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", "-o", str(library)]
        subprocess.run([*command, str(stem.with_suffix(".c"))], check=True)
    return ctypes.CDLL(str(library)), time.perf_counter() - began


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


@numba.njit(nogil=True)
def packed_run(steps, code, nets, planes, inputs, rows):
    """The gates alone: (n_blocks, n_inputs, 8) words in, outputs and class sums left in rows."""
    rows[0] = 0
    rows[1] = ~np.uint64(0)
    for t in range(inputs.shape[0]):
        rows[FIRST_INPUT : FIRST_INPUT + inputs.shape[1]] = inputs[t]
        planes[:] = 0
        run_steps(steps, code, nets, rows, planes, rows, 0, 0)


@numba.njit(nogil=True)
def bound_run(a, b, out, p, q, r, rounds):
    """Loads, three logic operations and stores of 64 gates, `rounds` times."""
    for k in range(rounds):
        p ^= np.uint64(k)
        for w in range(out.size):
            out[w] = ((a[w] ^ p) & (b[w] ^ q)) ^ r


def medians(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Median seconds and half the interquartile range of each, taking turns of TURN seconds.

    Seconds of this thread's processor time: other programs on the machine do not count.
    """
    taken: dict[str, list[float]] = {name: [] for name in runs}
    times = dict.fromkeys(runs, 1)
    for turn in range(repeats + 1):
        for name, run in runs.items():
            if not turn:
                run()  # numba compiles
            began = time.thread_time()
            for _ in range(times[name]):
                run()
            each = (time.thread_time() - began) / times[name]
            if turn:
                taken[name].append(each)
            else:
                times[name] = max(1, round(TURN / max(each, 1e-6)))
    return {
        name: (float(np.median(t)), float(np.subtract(*np.percentile(t, [75, 25])) / 2))
        for name, t in taken.items()
    }


def whole_way(program: GateProgram, peer: ctypes.CDLL, sizes: list[int], repeats: int, seed: int = 1) -> None:
    """Booleans in, class sums out."""
    netlist = program.netlist
    print("booleans in, class sums out, one thread")
    print(f"{'samples':>9} {'MB in':>7} {'ours M/s':>15} {'C M/s':>15} {'ratio':>7} {'ours GB/s':>10}")
    for n in sizes:
        bits = np.random.default_rng(seed).integers(0, 2, (n, netlist.n_inputs), dtype=np.uint8)
        theirs = np.zeros((n, N_CLASSES), np.int32)
        ours = simulate_gates(program, bits=bits, threads=1).class_sums
        peer.circuit_samples(pointer(bits), ctypes.c_size_t(n), pointer(theirs))
        assert ours is not None and (ours == theirs).all()
        assert (evaluate_classes(netlist, bits[:64]) == ours[:64]).all()

        def mine(bits: np.ndarray = bits) -> None:
            simulate_gates(program, bits=bits, threads=1)

        def other(bits: np.ndarray = bits, out: np.ndarray = theirs) -> None:
            peer.circuit_samples(pointer(bits), ctypes.c_size_t(bits.shape[0]), pointer(out))

        t = medians({"ours": mine, "C": other}, repeats)
        rate = {k: f"{n / m / 1e6:.2f} ± {n * s / m**2 / 1e6:.2f}" for k, (m, s) in t.items()}
        ratio = t["C"][0] / t["ours"][0]
        stream = bits.nbytes / t["ours"][0] / 1e9
        print(
            f"{n:>9} {bits.nbytes / 1e6:>7.1f} {rate['ours']:>15} {rate['C']:>15} "
            f"{ratio:>7.1f} {stream:>10.1f}"
        )


def gates_alone(netlist: GateNetlist, peer: ctypes.CDLL, repeats: int) -> None:
    """Packed in, packed out, on a batch that fits the second cache beside the nets."""
    sums = netlist.class_sums
    assert sums is not None
    shown = {f"o{i}": int(k) for i, k in enumerate(sums.nets)}
    plain = make_gates(netlist.input_names, netlist.op, netlist.a, netlist.b, shown)
    program = prepare_gates(plain)
    counting = prepare_gates(netlist)
    rng = np.random.default_rng(2)
    words = rng.integers(0, 2**64, (1, netlist.n_inputs, 8), dtype=np.uint64)
    rows, planes = empty_rows(program.n_rows), empty_rows(counting.n_planes)
    fewer_rows = empty_rows(counting.n_rows)
    by_word = np.ascontiguousarray(words[0].T)
    theirs = np.zeros((8, sums.nets.size), np.uint64)
    a, b, out = (empty_rows(64).reshape(-1) for _ in range(3))
    for array in (a, b):
        array[:] = rng.integers(0, 2**64, array.size, dtype=np.uint64)

    def ours() -> None:
        packed_run(program.steps, program.code, program.nets, planes, words, rows)

    def summed() -> None:
        packed_run(counting.steps, counting.code, counting.nets, planes, words, fewer_rows)

    def c_gates() -> None:
        peer.circuit_gates(pointer(by_word), pointer(theirs), ctypes.c_size_t(8))

    def bound() -> None:
        bound_run(a, b, out, *map(np.uint64, (1, 2, 3)), netlist.n_gates // 64)

    t = medians({"ours": ours, "summed": summed, "C": c_gates, "bound": bound}, repeats)
    assert (rows[program.output_rows] == theirs.T).all()
    rate = {k: 512 / m / 1e6 for k, (m, _) in t.items()}
    print("gates alone, 512 samples, packed in and out: M samples/s")
    print(
        f"  ours {rate['ours']:.1f}, C {rate['C']:.1f} (ratio {rate['ours'] / rate['C']:.1f}), "
        f"bound of 512-bit loads, 3 operations and stores {rate['bound']:.1f}: "
        f"ours is at {100 * rate['ours'] / rate['bound']:.0f} % of it"
    )
    print(
        f"  ours with the class sums' adders, outputs not stored {rate['summed']:.1f} "
        f"({100 * rate['summed'] / rate['bound']:.0f} %)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--width", type=int, default=8000)
    parser.add_argument("--inputs", type=int, default=784)
    parser.add_argument("--samples", type=int, nargs="*", default=[1024, 4096, 131072])
    parser.add_argument("--keep", type=Path, help="folder that keeps the compiled peer")
    arguments = parser.parse_args()
    netlist = random_network(arguments.inputs, arguments.width)
    prepare_gates(netlist)  # numba compiles once, into a cache on disk
    began = time.perf_counter()
    program = prepare_gates(netlist)
    prepared = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as spare:
        folder = arguments.keep or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        peer, seconds = compiled(c_text(netlist), folder)
        print(this_host())
        print(
            f"{netlist.n_gates} gates on {netlist.n_inputs} inputs ({program.evaluated} live): "
            f"prepared in {prepared:.3f} s, gcc {seconds:.1f} s"
        )
        whole_way(program, peer, arguments.samples, arguments.repeats)
        gates_alone(netlist, peer, arguments.repeats)


if __name__ == "__main__":
    main()
