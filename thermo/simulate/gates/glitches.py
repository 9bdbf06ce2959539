"""Glitches: every transition of a circuit of cells or gates with delays, beside its settled toggles.

All inputs change at once, as registers let them, from one sample to the next; then each cell follows
its inputs after its delay until nothing changes any more. A path's delays differ, so that a cell may
switch several times before it settles; each time charges its load.

Delay models: "unit", one step for every cell, which sees every difference of depth and is an upper
bound; "library", each cell's slowest delay into its real load on a grid. By default a pulse shorter
than a cell's delay does not pass it (inertial); transport delay lets every pulse through.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np

from compiler.cell_counts import cell_columns
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import READS_A, READS_B, GateNetlist
from thermo.kernels.gates.glitches import count_transitions
from thermo.simulate.errors import SimulationError
from thermo.simulate.threads import check_threads

MODELS = ("unit", "library")
PAIRS = 512
"""Pairs simulated of a larger set: on MNIST's test images 8,000 gates and their head in nangate45 have
a factor of 2.802, with 2,048 pairs of 2.806."""
STEPS = 8
"""Steps of the grid in the delay of the library's inverter; twice as many give 2.765 there."""


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """Changes of every cell's output after one change of the inputs, on average.

    settled : (n_cells,) of the settled value, at most 1; seen : (n_cells,) all of them
    n_pairs : of consecutive samples; step_s : the grid, None for unit delay
    """

    settled: np.ndarray
    seen: np.ndarray
    n_pairs: int
    step_s: float | None = None

    @property
    def factor(self) -> float:
        """Transitions a settled toggle, over all cells; 1 where nothing toggles."""
        total = float(self.settled.sum())
        return float(self.seen.sum()) / total if total > 0 else 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Timed:
    """Cells as columns; table : (n_cells,) uint64, bit r the value for row r of the input pins."""

    n_inputs: int
    indptr: np.ndarray
    fanin: np.ndarray
    table: np.ndarray


def glitches(
    circuit: CellNetlist | GateNetlist,
    bits: np.ndarray,
    *,
    delays: str = "unit",
    inertial: bool = True,
    pairs: int = PAIRS,
    steps: int = STEPS,
    threads: int | None = None,
) -> Transitions:
    """Transitions of every cell (of gates: every gate, wires and constants among them).

    bits : (n_samples, n_inputs), non-zero counts as 1, in the order in which they come
    delays : "unit" or "library" (cells only): the delay into the real load, in `steps` steps of a
        grid to the library's inverter, rounded to at least one step
    pairs : at most so many pairs of consecutive samples, evenly spread

    Raises SimulationError for a bad option or data, UnsupportedError as cell_columns.
    """
    check_threads(threads)
    bits = np.asarray(bits)
    if bits.ndim != 2 or bits.shape[1] != circuit.n_inputs:
        raise SimulationError(
            f"glitches: bits must have shape (n_samples, {circuit.n_inputs}), got {bits.shape}"
        )
    if bits.shape[0] < 2:
        raise SimulationError(
            f"glitches need two samples or more that follow each other, got {bits.shape[0]}"
        )
    for name, number in (("pairs", pairs), ("steps", steps)):
        if number < 1:
            raise SimulationError(f"glitches: {name} must be at least 1, got {number}")
    timed = _timed(circuit)
    delay, step_s = _delays(circuit, delays, steps)
    last = bits.shape[0] - 1
    first = np.unique(np.linspace(0, last - 1, min(pairs, last)).round().astype(np.int64))
    before, lanes = _words(bits[first])
    after, _ = _words(bits[first + 1])
    readers = _readers(timed)
    threads = int(numba.get_num_threads()) if threads is None else threads
    parts = np.array_split(np.arange(before.shape[0]), min(threads, before.shape[0]))

    def run(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        settled, seen = (np.zeros(delay.size, np.int64) for _ in range(2))
        count_transitions(
            before[part],
            after[part],
            lanes[part],
            timed.indptr,
            timed.fanin,
            timed.table,
            *readers,
            delay,
            inertial,
            settled,
            seen,
        )
        return settled, seen

    if len(parts) == 1:
        counted = [run(parts[0])]
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            counted = list(pool.map(run, parts))
    settled, seen = np.sum(counted, axis=0) / first.size
    return Transitions(settled, seen, int(first.size), step_s)


def _timed(circuit: CellNetlist | GateNetlist) -> _Timed:
    if isinstance(circuit, CellNetlist):
        cells = circuit.library.cells
        rows = [sum(c.value(r) << r for r in range(1 << c.n_inputs)) for c in cells]
        table = np.array(rows, dtype=np.uint64)[circuit.cell]
        return _Timed(circuit.n_inputs, circuit.indptr, circuit.fanin.astype(np.int64), table)
    op, a, b = circuit.op.astype(np.int64), circuit.a, circuit.b
    reads = np.stack([READS_A[op], READS_B[op]], axis=1)
    fanin = np.stack([a, b], axis=1)[reads].astype(np.int64)
    indptr = np.concatenate([[0], np.cumsum(reads.sum(axis=1))]).astype(np.int64)
    table = np.array([_gate_rows(k) for k in range(16)], dtype=np.uint64)[op]
    return _Timed(circuit.n_inputs, indptr, fanin, table)


def _gate_rows(op: int) -> int:
    """The op over the operands that it reads."""
    value = [op >> (3 - row) & 1 for row in range(4)]  # row 2 a + b
    if READS_A[op] and READS_B[op]:
        return sum(bit << row for row, bit in enumerate(value))
    if READS_A[op]:
        return value[0] | value[2] << 1
    return value[0] | value[1] << 1 if READS_B[op] else value[0]


def _delays(circuit: CellNetlist | GateNetlist, model: str, steps: int) -> tuple[np.ndarray, float | None]:
    """Steps of every cell, and what a step is in seconds."""
    if model not in MODELS:
        raise SimulationError(f"glitches: delays must be one of {', '.join(MODELS)}, got {model!r}")
    if model == "unit":
        n = circuit.n_cells if isinstance(circuit, CellNetlist) else circuit.n_gates
        return np.ones(n, np.int64), None
    if not isinstance(circuit, CellNetlist):
        raise SimulationError('glitches: delays="library" needs a circuit of cells: map it with map_cells')
    step_s = (circuit.library.inverter.delay or 0.0) / steps
    if step_s <= 0:
        raise SimulationError(
            f"glitches: library {circuit.library.name} gives no delay of its inverter to make a grid of"
        )
    delay = cell_columns(circuit).delay
    return np.maximum(np.rint(delay / step_s).astype(np.int64), 1), step_s


def _readers(timed: _Timed) -> tuple[np.ndarray, np.ndarray]:
    """Where each net's readers begin, and the readers, each once."""
    n_cells = timed.table.size
    who = np.repeat(np.arange(n_cells), np.diff(timed.indptr))
    pairs = np.unique(np.stack([timed.fanin, who], axis=1), axis=0)
    start = np.searchsorted(pairs[:, 0], np.arange(timed.n_inputs + n_cells + 1))
    return start.astype(np.int64), np.ascontiguousarray(pairs[:, 1])


def _words(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((n_words, n_inputs) uint64, 64 samples a word, and which lanes hold one)."""
    n = bits.shape[0]
    padded = np.zeros((-(-n // 64) * 64, bits.shape[1] + 1), dtype=np.uint8)
    padded[:n, :-1] = bits != 0
    padded[:n, -1] = 1
    packed = np.packbits(padded.reshape(-1, 64, padded.shape[1]), axis=1, bitorder="little")
    words = np.ascontiguousarray(packed.transpose(0, 2, 1)).view("<u8")[:, :, 0]
    return np.ascontiguousarray(words[:, :-1]), np.ascontiguousarray(words[:, -1])
