"""Bit-parallel evaluation: 64 samples a word, a numba loop over the gates.

Sample s is bit s % 64 of word s // 64. Every op but xor, xnor and the constants is
((a ^ p) & (b ^ q)) ^ r with all-zero or all-one words p, q, r; a buffer reads a twice.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.gates import READS_A, READS_B, GateNetlist
from compiler.ir.kinds import expect
from compiler.jit import interpreted_if_cheap, njit

WORD = 64
BLOCK_BYTES = 4 << 20  # values of all nets kept at a time, so that they stay in a cache

ROW, WORDS = 4e-6, 2e-9  # CPU seconds of `_rows` for a gate, and for each word of it


def _forms() -> np.ndarray:
    """(16, 4) uint64: kind (0 constant, 1 and-like, 2 xor-like) and the masks p, q, r."""
    ones = np.uint64(2**64 - 1)
    forms = np.zeros((16, 4), dtype=np.uint64)
    for op in range(16):
        table = [(op >> 3) & 1, (op >> 2) & 1, (op >> 1) & 1, op & 1]
        if op in (6, 9):
            forms[op] = 2, 0, 0, ones * np.uint64(op == 9)
        elif op in (0, 15):
            forms[op] = 0, 0, 0, ones * np.uint64(op == 15)
        elif sum(table) == 2:  # a buffer or inverter of one operand, read twice
            inverted = ones * np.uint64(table[0] == 1)
            forms[op] = 1, 0, 0, inverted
        else:
            lone = int(sum(table) == 1)
            row = table.index(lone)  # the one row that differs: a = row >> 1, b = row & 1
            forms[op] = (
                1,
                ones * np.uint64(row >> 1 == 0),
                ones * np.uint64(row & 1 == 0),
                ones * np.uint64(lone == 0),
            )
    return forms


FORMS = _forms()


def _rows(forms, op, a, b, values, n_inputs):  # type: ignore[no-untyped-def]
    """What `_kernel` does, a row at a time in NumPy."""
    for k, (kind, p, q, r) in enumerate(forms[op]):
        if kind == 0:
            values[n_inputs + k] = r
        elif kind == 1:
            values[n_inputs + k] = ((values[a[k]] ^ p) & (values[b[k]] ^ q)) ^ r
        else:
            values[n_inputs + k] = values[a[k]] ^ values[b[k]] ^ r


@njit(widen=True, plain=_rows, cache=True, nogil=True)
def _kernel(forms, op, a, b, values, n_inputs):  # pragma: no cover - compiled
    """Fill rows n_inputs.. of values (n_nets, n_words) from its first n_inputs rows."""
    # rows are indexed in the inner loop: a view of each would cost more than eight words of work
    words = values.shape[1]
    for k in range(op.size):
        kind, p, q, r = forms[op[k], 0], forms[op[k], 1], forms[op[k], 2], forms[op[k], 3]
        x, y, out = a[k], b[k], n_inputs + k
        if kind == 1:
            for w in range(words):
                values[out, w] = ((values[x, w] ^ p) & (values[y, w] ^ q)) ^ r
        elif kind == 2:
            for w in range(words):
                values[out, w] = values[x, w] ^ values[y, w] ^ r
        else:
            for w in range(words):
                values[out, w] = r


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """(n_samples, n) of 0 and 1 -> (n, n_words) uint64; bits beyond the last sample are 0."""
    bits = np.atleast_2d(np.asarray(bits)).astype(bool)
    n_samples, n = bits.shape
    padded = np.zeros((n, -(-n_samples // WORD) * WORD), dtype=bool)
    padded[:, :n_samples] = bits.T
    packed = np.packbits(padded, axis=1, bitorder="little")
    return packed.view("<u8").astype(np.uint64, copy=False)


def unpack_bits(words: np.ndarray, n_samples: int) -> np.ndarray:
    """(n, n_words) uint64 -> (n_samples, n) bool."""
    raw = np.ascontiguousarray(words, dtype="<u8").view(np.uint8)
    return np.unpackbits(raw, axis=1, count=n_samples, bitorder="little").T.astype(bool)


def evaluate_words(netlist: GateNetlist, inputs: np.ndarray, nets: np.ndarray | None = None) -> np.ndarray:
    """Values of `nets` (default: the named outputs) for packed input patterns.

    inputs : (n_inputs, n_words) uint64; nets : (m,) net ids
    Returns (m, n_words) uint64.

    Raises NetlistError for inputs of another shape or type.
    """
    inputs = np.asarray(inputs)
    if inputs.dtype != np.uint64 or inputs.ndim != 2 or inputs.shape[0] != netlist.n_inputs:
        raise NetlistError(
            f"input words must be uint64 of shape ({netlist.n_inputs}, n_words), got "
            f"{inputs.dtype} of shape {inputs.shape}: use pack_bits"
        )
    nets = netlist.outputs if nets is None else np.asarray(nets)
    result = np.empty((nets.size, inputs.shape[1]), dtype=np.uint64)

    def keep(start: int, values: np.ndarray) -> None:
        result[:, start : start + values.shape[1]] = values[nets]

    simulate_nets(netlist, inputs, keep)
    return result


def simulate_nets(netlist: GateNetlist, inputs: np.ndarray, use: Callable[[int, np.ndarray], None]) -> None:
    """Values of every net, for as many patterns at a time as a cache holds.

    inputs : (n_inputs, n_words) uint64; use : is given the number of the first word, and values
        (n_nets, n) uint64, which hold until it returns
    """
    # an unread operand is read where a buffer's other one is
    a = np.where(READS_A[netlist.op], netlist.a, netlist.b)
    b = np.where(READS_B[netlist.op], netlist.b, netlist.a)
    n_words = inputs.shape[1]
    block = min(max(8, BLOCK_BYTES // (8 * max(netlist.n_nets, 1))), max(n_words, 1))
    values = np.zeros((netlist.n_nets, block), dtype=np.uint64)
    blocks = range(0, n_words, block)
    rows = netlist.n_gates * len(blocks)
    with interpreted_if_cheap(rows * (ROW + WORDS * block), _kernel, compiling=1.5):
        for start in blocks:
            stop = min(start + block, n_words)
            values[: netlist.n_inputs, : stop - start] = inputs[:, start:stop]
            _kernel(FORMS, netlist.op, a, b, values, netlist.n_inputs)
            use(start, values[:, : stop - start])


def evaluate(netlist: GateNetlist, bits: np.ndarray) -> np.ndarray:
    """Named outputs (n_samples, n_outputs) bool for input patterns (n_samples, n_inputs) of 0, 1.

    Raises NetlistError for a wrong number of inputs, UnsupportedError for what is no circuit of gates.
    """
    expect(netlist, "gates", "evaluate", "thermo.simulate runs a Langevin netlist, evaluate_luts tables")
    bits = _checked(netlist, bits)
    return unpack_bits(evaluate_words(netlist, pack_bits(bits)), bits.shape[0])


def evaluate_classes(netlist: GateNetlist, bits: np.ndarray) -> np.ndarray:
    """Scores count / tau (n_samples, n_classes) float64 for (n_samples, n_inputs) of 0 and 1.

    Raises NetlistError for a wrong number of inputs or a netlist without class sums.
    """
    sums = netlist.class_sums
    if sums is None:
        raise NetlistError("this netlist has no class sums; read its outputs with evaluate")
    bits = _checked(netlist, bits)
    values = unpack_bits(evaluate_words(netlist, pack_bits(bits), sums.nets), bits.shape[0])
    running = np.zeros((bits.shape[0], sums.nets.size + 1))
    np.cumsum(values, axis=1, out=running[:, 1:])
    return (running[:, sums.indptr[1:]] - running[:, sums.indptr[:-1]]) / sums.tau


def encode_bits(netlist: GateNetlist, data: np.ndarray) -> np.ndarray:
    """Input bits (n_samples, n_inputs) bool of data (n_samples, n_features), by the encoder.

    Raises NetlistError for a netlist without encoder or a wrong number of features.
    """
    encoder = netlist.encoder
    if encoder is None:
        raise NetlistError("this netlist has no encoder; give it bits")
    data = np.asarray(data, dtype=np.float64)
    if data.ndim != 2 or data.shape[1] != encoder.n_features:
        raise NetlistError(f"data must have shape (n_samples, {encoder.n_features}), got {data.shape}")
    return encoder.bits(data)


def _checked(netlist: GateNetlist, bits: np.ndarray) -> np.ndarray:
    bits = np.asarray(bits)
    if bits.ndim != 2 or bits.shape[1] != netlist.n_inputs:
        raise NetlistError(
            f"input patterns must have shape (n_samples, {netlist.n_inputs}), got {bits.shape}"
        )
    return bits


def all_patterns(n_inputs: int, start: int = 0, n_words: int | None = None) -> np.ndarray:
    """Packed input patterns start * 64 ..., pattern p setting input i to bit i of p.

    Returns (n_inputs, n_words) uint64; all 2^n_inputs patterns by default (at least one word, in
    which patterns repeat where there are fewer than 64).
    """
    if n_words is None:
        n_words = max(1, (1 << n_inputs) // WORD)
    low = np.array([sum(1 << s for s in range(WORD) if s >> i & 1) for i in range(6)], dtype=np.uint64)
    words = np.zeros((n_inputs, n_words), dtype=np.uint64)
    index = np.arange(start, start + n_words, dtype=np.int64)
    for i in range(n_inputs):
        if i < 6:
            words[i] = low[i]
        else:
            words[i] = np.where((index >> (i - 6)) & 1, np.uint64(2**64 - 1), np.uint64(0))
    return words
