"""`simulate_gates`: a circuit run on data, 512 samples at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np

from compiler.circuits.evaluate import encode_bits
from compiler.html import fields_html
from compiler.ir.encoders import CountingEncoder
from compiler.ir.gates import GateNetlist
from thermo.kernels.gates.encode import encode_block
from thermo.kernels.gates.faults import run_faulty_samples
from thermo.kernels.gates.program import SAMPLES, run_samples
from thermo.kernels.gates.vector import ROW_BYTES
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates.encoding import counted_bits
from thermo.simulate.gates.faults import Faults, FaultyProgram, prepare_faulty
from thermo.simulate.gates.program import FIRST_INPUT, GateProgram, prepare_gates
from thermo.simulate.saving import save_arrays
from thermo.simulate.threads import check_threads

BATCH = 64 * SAMPLES  # samples a thread takes at a time
ENCODED_BYTES = 1 << 22  # input bits made from data at a time


@dataclass(frozen=True, slots=True, eq=False)
class GateResult:
    """What a circuit answered.

    class_sums : (n_samples, n_classes) int32, ones among each class's nets, or None
    outputs : (n_samples, n_outputs) bool, named outputs in the netlist's order, or None
    toggles : (n_gates,) int64, how often each gate's output differs from the sample before, over
        the samples in their order, or None; input_toggles : (n_inputs,) int64, the same
    tau : the score of a class is its sum / tau
    seconds : wall time, with preparation and numba's compilation or reading of kernels
    run_seconds : of it, the time the samples took, their encoding included
    """

    class_sums: np.ndarray | None
    outputs: np.ndarray | None
    toggles: np.ndarray | None
    input_toggles: np.ndarray | None
    tau: float
    n_samples: int
    seconds: float
    run_seconds: float

    _repr_html_ = fields_html

    def scores(self) -> np.ndarray:
        """(n_samples, n_classes) float64, class sums / tau."""
        return self._sums() / self.tau

    @property
    def heat(self) -> None:
        """Gates are estimated in the cells of a library (thermo.energy.estimate), not measured."""
        return None

    def answers(self, time: int = -1) -> np.ndarray:
        """(n_samples, n_classes) scores, or without classes (n_samples, n_outputs) outputs 0 or 1."""
        if self.class_sums is None and self.outputs is not None:
            return self.outputs.astype(np.float64)
        return self.scores()

    def predictions(self, time: int = -1) -> np.ndarray:
        """(n_samples,) class with the largest sum, the first of equals."""
        return np.argmax(self._sums(), axis=1)

    def save(self, path: str | Path) -> Path:
        """Write class sums, outputs and toggles as an npz; returns the path written."""
        names = ("class_sums", "outputs", "toggles", "input_toggles")
        return save_arrays(path, {name: getattr(self, name) for name in names})

    def _sums(self) -> np.ndarray:
        if self.class_sums is None:
            raise SimulationError(
                "this circuit has no class sums, so no scores or predictions: read its outputs"
            )
        return self.class_sums


def simulate_gates(
    circuit: GateNetlist | GateProgram,
    data: np.ndarray | None = None,
    *,
    bits: np.ndarray | None = None,
    threads: int | None = None,
    toggles: bool = False,
    faults: Faults | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> GateResult:
    """Run a circuit on samples, given as data for its encoder or as input bits.

    Parameters
    ----------
    circuit : a netlist, or what prepare_gates made of it, for many short runs of the same one
    data : (n_samples, n_features) numbers, made bits by the netlist's encoder
    bits : (n_samples, n_inputs) bool or uint8; non-zero counts as 1. bool or uint8 in C order is
        read where it lies
    toggles : count changes of every gate's output from sample to sample; a program must have been
        prepared with every_gate
    faults, seed : gates that are stuck or flip, drawn by seed; sample s is the one at position s,
        so the errors depend neither on threads nor on batch
    batch : samples a thread takes at a time (rounded up to whole rows of 512)

    Raises
    ------
    SimulationError : bad option or data. NetlistError : a bad netlist. UnsupportedError : a circuit
    too large for one program.
    """
    begin = time.perf_counter()
    check_threads(threads)
    threads = int(numba.get_num_threads()) if threads is None else threads
    if batch < 1:
        raise SimulationError(f"batch must be at least 1 sample, got {batch}")
    if not 0 <= seed < 2**64:
        raise SimulationError(f"seed must be from 0 to 2^64 - 1, got {seed}")
    program = _program(circuit, toggles, faults, seed)
    netlist = program.netlist
    samples, read = _source(netlist, data, bits)
    n = samples.shape[0]
    sums = None
    if netlist.class_sums is not None:
        sums = np.empty((n, netlist.class_sums.n_classes), np.int32)
    outputs = np.empty((n, netlist.n_outputs), np.uint8) if netlist.n_outputs else None
    counted = program.n_rows - FIRST_INPUT if toggles else 0
    step = -(-batch // SAMPLES) * SAMPLES

    def run(start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Samples of one batch: changes in it, first and last values of every row."""
        rows, planes = empty_rows(program.n_rows + 1), empty_rows(program.n_planes)
        counts = np.zeros(counted, np.int64)
        ends = np.zeros((2, counted), np.uint8)
        piece = max(ENCODED_BYTES // max(netlist.n_inputs, 1) // SAMPLES, 1) * SAMPLES
        piece = step if read is None else piece
        for first in range(start, max(stop, start + 1), piece):
            last = min(first + piece, stop)
            here = samples if read is None else read(samples[first:last])
            offset = 0 if read is None else first
            tally = np.zeros(counted, np.int64), np.zeros(counted, np.uint8), ends[1].copy()
            _run(
                program,
                seed,
                here,
                first - offset,
                last - offset,
                first // SAMPLES,
                rows,
                planes,
                _NO_SUMS if sums is None else sums[offset:],
                _NO_OUTPUTS if outputs is None else outputs[offset:],
                *tally,
            )
            counts += tally[0]
            if first == start:
                ends[0] = tally[1]
            else:
                counts += ends[1] != tally[1]
            ends[1] = tally[2]
        return counts, ends[0], ends[1]

    run(0, 0)  # has numba compile or read the kernels
    ready = time.perf_counter()
    total = np.zeros(counted, np.int64)
    before: np.ndarray | None = None
    progress = progress or NullProgress()
    starts = range(0, n, step)
    stops = [min(start + step, n) for start in starts]
    progress.start(n, "simulating")
    pool = ThreadPoolExecutor(threads) if threads > 1 and len(starts) > 1 else None
    try:
        done = (map if pool is None else pool.map)(run, starts, stops)
        for stop, (counts, first_bit, last_bit) in zip(stops, done, strict=True):
            total += counts
            if before is not None:
                total += before != first_bit
            before = last_bit
            progress.update(stop)
    finally:
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
        progress.stop()
    by_gate = by_input = None
    if toggles:
        row = program.gate_row
        by_gate = np.zeros(netlist.n_gates, np.int64)
        by_gate[row >= 0] = total[row[row >= 0] - FIRST_INPUT]
        by_input = total[: netlist.n_inputs]
    return GateResult(
        class_sums=sums,
        outputs=None if outputs is None else outputs.view(bool),
        toggles=by_gate,
        input_toggles=by_input,
        tau=1.0 if netlist.class_sums is None else netlist.class_sums.tau,
        n_samples=n,
        seconds=(end := time.perf_counter()) - begin,
        run_seconds=end - ready,
    )


_NO_SUMS = np.zeros((0, 0), np.int32)
_NO_OUTPUTS = np.zeros((0, 0), np.uint8)


def empty_rows(n: int) -> np.ndarray:
    """(n, 8) uint64 at a multiple of ROW_BYTES, with any content."""
    raw = np.empty((n + 1) * ROW_BYTES, np.uint8)
    start = -raw.ctypes.data % ROW_BYTES
    return raw[start : start + n * ROW_BYTES].view(np.uint64).reshape(n, 8)


def _run(
    program: GateProgram | FaultyProgram,
    seed: int,
    bits: np.ndarray,
    first: int,
    last: int,
    block: int,
    *room: np.ndarray,
) -> None:
    """Samples first to last - 1 of bits, the first of which is in block number `block`."""
    tail = (program.steps, program.nets, program.first_plane, program.n_bits, program.output_rows)
    steps, nets, *rest = tail
    if isinstance(program, GateProgram):
        run_samples(steps, program.code, nets, *rest, FIRST_INPUT, bits, first, last, *room)
        return
    run_faulty_samples(
        program.forms,
        program.op,
        program.x,
        program.y,
        program.out,
        program.gates,
        program.stuck,
        program.stuck_inputs,
        np.uint64(seed),
        program.mode,
        program.table,
        steps,
        _NO_CODE,
        nets,
        *rest,
        FIRST_INPUT,
        bits,
        first,
        last,
        block,
        *room,
    )


_NO_CODE = np.zeros(0, np.uint64)


def _program(
    circuit: GateNetlist | GateProgram, toggles: bool, faults: Faults | None, seed: int
) -> GateProgram | FaultyProgram:
    netlist = circuit.netlist if isinstance(circuit, GateProgram) else circuit
    if faults is not None:
        return prepare_faulty(netlist, faults, seed, every_gate=toggles)
    if isinstance(circuit, GateNetlist):
        return prepare_gates(circuit, every_gate=toggles)
    if toggles and not circuit.every_gate:
        raise SimulationError(
            "this program leaves gates out, so their toggles are unknown: prepare it with every_gate=True"
        )
    return circuit


def _source(
    netlist: GateNetlist, data: np.ndarray | None, bits: np.ndarray | None
) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray] | None]:
    """Samples, and what makes uint8 bits of them, None if they are that already."""
    if (data is None) == (bits is None):
        raise SimulationError("give either data or bits, not both and not neither")
    if bits is not None:
        bits = np.asarray(bits)
        _check_shape(netlist, "bits", bits, netlist.n_inputs, "inputs")
        if bits.dtype.kind not in "bui":
            raise SimulationError(f"bits must be bool or whole numbers, got {bits.dtype}")
        if bits.dtype.itemsize == 1 and bits.flags.c_contiguous:
            return bits.view(np.uint8), None
        return bits, _as_bits
    assert data is not None
    if netlist.encoder is None:
        raise SimulationError(
            f"{_named(netlist)} has no encoder that makes bits of data: give bits, or compile it "
            "with an encoder"
        )
    data = np.asarray(data)
    _check_shape(netlist, "data", data, netlist.encoder.n_features, "features")
    if data.dtype.kind not in "buif":
        raise SimulationError(f"data must be numbers, got {data.dtype}")
    if data.dtype.kind == "f" and (bad := _nan(data)) is not None:
        sample, feature = np.argwhere(bad)[0].tolist()
        raise SimulationError(
            f"data for {_named(netlist)}: feature {feature} of sample {sample} is NaN, one of "
            f"{int(bad.sum())} such values: fill or drop them"
        )
    return data, _encoder(netlist, data.dtype)


def _nan(data: np.ndarray) -> np.ndarray | None:
    """Where data is NaN, or None if nowhere."""
    with np.errstate(all="ignore"):
        if np.isfinite(data.sum()):
            return None
    bad = np.isnan(data)
    return bad if bad.any() else None


def _as_bits(samples: np.ndarray) -> np.ndarray:
    return np.not_equal(samples, 0, order="C").view(np.uint8)


def _encoder(netlist: GateNetlist, dtype: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Data to uint8 bits, the same as compiler.circuits.evaluate.encode_bits."""
    encoder = netlist.encoder
    assert encoder is not None
    if isinstance(encoder, CountingEncoder):
        return partial(_counted, encoder)
    if encoder.scope != "absolute":
        return lambda data: np.ascontiguousarray(encode_bits(netlist, data)).view(np.uint8)
    bound = encoder.threshold
    kind = np.float32 if dtype in (np.float16, np.float32) else np.float64
    if kind is np.float32:
        # for float32 x, x > bound is x > the largest float32 that is not above bound
        with np.errstate(over="ignore"):
            bound = encoder.threshold.astype(np.float32)
        above = bound > encoder.threshold
        bound[above] = np.nextafter(bound[above], np.float32(-np.inf))

    def read(data: np.ndarray) -> np.ndarray:
        out = np.empty((data.shape[0], encoder.feature.size), np.uint8)
        encode_block(np.ascontiguousarray(data, dtype=kind), encoder.feature, bound, out)
        return out

    return read


def _counted(encoder: CountingEncoder, data: np.ndarray) -> np.ndarray:
    return counted_bits(encoder, encoder.codes(data))


def _check_shape(netlist: GateNetlist, what: str, given: np.ndarray, n: int, unit: str) -> None:
    if given.ndim != 2 or given.shape[1] != n:
        raise SimulationError(
            f"{_named(netlist)} takes {n} {unit} a sample: {what} must have shape (n_samples, {n}),"
            f" got {given.shape}"
        )


def _named(netlist: GateNetlist) -> str:
    name = netlist.name
    told = f"{netlist.n_inputs} inputs, {netlist.n_gates} gates"
    return f"circuit {name!r} ({told})" if name else f"the circuit ({told})"
