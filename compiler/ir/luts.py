"""LutNetlist: a combinational circuit of k-input tables held as columns.

Nets 0 .. n_inputs - 1 are the primary inputs, table t drives net n_inputs + t and reads earlier
nets only. **Bit order**: bit p of a table is its value where operand i (column i of `fanins`) is
bit i of p, so that operand 0 is the *low* bit of the row number. Two-input gate ids
(compiler.ir.gates) and BLIF covers are written the other way round; `gate_table` converts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.html import fields_html
from compiler.ir import shared_tables
from compiler.ir.encoders import Encoder
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.gates import NONE, ClassSums, verify_ends, verify_names

WIDEST = shared_tables.WIDEST  # operands of a table, whose 2^6 bits fill one uint64


@dataclass(frozen=True, slots=True, eq=False)
class LutNetlist:
    """A circuit of tables.

    k : operands of a table at most; input_names : one a primary input
    fanins : (n_luts, k) int32, earlier nets, then NONE; table : (n_luts,) uint64, bits from
        2^operands on are 0
    output_names, outputs : (n_outputs,) int32, the net each named output shows
    class_sums, encoder, name, meta : as in GateNetlist
    """

    k: int
    input_names: tuple[str, ...]
    fanins: np.ndarray
    table: np.ndarray
    output_names: tuple[str, ...]
    outputs: np.ndarray
    class_sums: ClassSums | None = None
    encoder: Encoder | None = None
    meta: Mapping[str, Any] = field(default_factory=Facts)
    name: str = ""

    _repr_html_ = fields_html

    def __post_init__(self) -> None:
        freeze_meta(self)

    @property
    def n_inputs(self) -> int:
        return len(self.input_names)

    @property
    def n_luts(self) -> int:
        return int(self.table.size)

    @property
    def n_nets(self) -> int:
        return self.n_inputs + self.n_luts

    @property
    def n_outputs(self) -> int:
        return len(self.output_names)

    @property
    def roots(self) -> np.ndarray:
        """Every net that is looked at: the outputs, then the nets of the class sums; int32."""
        if self.class_sums is None:
            return self.outputs
        return np.concatenate([self.outputs, self.class_sums.nets])

    def __repr__(self) -> str:
        classes = "" if self.class_sums is None else f", {self.class_sums.n_classes} classes"
        return (
            f"LutNetlist({self.n_luts:,} tables of up to {self.k} inputs, {self.n_inputs:,} inputs, "
            f"{self.n_outputs:,} outputs{classes})"
        )

    @property
    def widths(self) -> np.ndarray:
        """(n_luts,) operands of every table."""
        return (self.fanins != NONE).sum(axis=1)


def gate_table(op: int) -> int:
    """The table of a two-input gate id, operand a in column 0 and b in column 1."""
    return sum((op >> (3 - 2 * (p & 1) - (p >> 1)) & 1) << p for p in range(4))


def verify_luts(netlist: LutNetlist) -> None:
    """Check every invariant; NetlistError names the first offender."""
    verify_names(netlist)
    k, n, m = netlist.k, netlist.n_inputs, netlist.n_luts
    if not 1 <= k <= WIDEST:
        raise NetlistError(f"tables have 1 to {WIDEST} operands at most, got k = {k}")
    fanins, table = netlist.fanins, netlist.table
    if fanins.dtype != np.int32 or fanins.shape != (m, k):
        raise NetlistError(
            f"fanins must be int32 of shape ({m}, {k}), got {fanins.dtype} of shape {fanins.shape}"
        )
    if table.dtype != np.uint64 or table.ndim != 1:
        raise NetlistError(f"table must be a one-dimensional array of uint64, got {table.dtype}")
    used = fanins != NONE
    bad = used & ((fanins < 0) | (fanins >= n + np.arange(m)[:, None]))
    if bad.any():
        t, i = (int(v[0]) for v in np.nonzero(bad))
        raise NetlistError(
            f"table {t} (net {n + t}) reads net {fanins[t, i]} as operand {i}; it must read "
            f"earlier nets, 0 to {n + t - 1}: sort the tables"
        )
    gap = (~used[:, :-1] & used[:, 1:]).any(axis=1)
    if gap.any():
        raise NetlistError(f"table {int(np.argmax(gap))} has an operand after {NONE}; close the gap")
    rows = np.uint64(1) << netlist.widths.astype(np.uint64)
    beyond = (rows < 64) & (table >> np.minimum(rows, np.uint64(63)) != 0)
    if beyond.any():
        t = int(np.argmax(beyond))
        raise NetlistError(
            f"table {t} has {rows[t]} rows, but its bits are {int(table[t]):#x}; clear those above"
        )
    verify_ends(netlist)


def lut_depth(netlist: LutNetlist) -> int:
    """Tables of two operands or more on the longest path; constants and inverters count nothing."""
    levels = [0] * netlist.n_inputs
    for row, width in zip(netlist.fanins.tolist(), netlist.widths.tolist(), strict=True):
        levels.append(max((levels[net] for net in row if net != NONE), default=0) + (width > 1))
    return max((levels[net] for net in netlist.roots.tolist()), default=0)


def evaluate_luts(netlist: LutNetlist, words: np.ndarray, nets: np.ndarray | None = None) -> np.ndarray:
    """Values of `nets` (default: the named outputs) for packed input patterns, 64 a word.

    words : (n_inputs, n_words) uint64 as from gates.evaluate.pack_bits; returns (m, n_words).
    A table is evaluated by halving it on its highest operand (Shannon's expansion): for proofs and
    tests, not for speed.

    Raises NetlistError for inputs of another shape or type.
    """
    if words.dtype != np.uint64 or words.ndim != 2 or words.shape[0] != netlist.n_inputs:
        raise NetlistError(
            f"input words must be uint64 of shape ({netlist.n_inputs}, n_words), got "
            f"{words.dtype} of shape {words.shape}"
        )
    full = np.uint64(2**64 - 1)
    values = np.zeros((netlist.n_nets, words.shape[1]), dtype=np.uint64)
    values[: netlist.n_inputs] = words
    for t, (row, table) in enumerate(zip(netlist.fanins.tolist(), netlist.table.tolist(), strict=True)):
        operands = [net for net in row if net != NONE]
        parts = [full * np.uint64(table >> p & 1) for p in range(1 << len(operands))]
        for net in reversed(operands):
            half = len(parts) // 2
            v = values[net]
            parts = [(v & one) | (~v & zero) for zero, one in zip(parts[:half], parts[half:], strict=True)]
        values[netlist.n_inputs + t] = parts[0]
    return values[netlist.outputs if nets is None else nets]
