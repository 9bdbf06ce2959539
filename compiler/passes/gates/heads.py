"""The class head as gates: popcounts of the class sums and the index of the largest.

Popcount: carry-save adders on columns of equal weight. A full adder takes 5 gates and removes one
bit. The double full adder of E. Demenkov, A. Kojevnikov, A. Kulikov, G. Yaroslavtsev, Information
Processing Letters 110(7), 2010, takes 8 gates and removes two, if bits come in pairs (x, x xor y)
instead of (x, y): 4.5 gates a bit in place of 5. Its sums form chains, which makes it deeper.
Argmax: a tree of comparators; the left word wins a tie, so that the first class does.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from compiler.circuits.builder import Builder
from compiler.circuits.class_nets import expose_class_nets
from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.gates import AND, CONST0, CONST1, OR, XOR, GateNetlist, make_gates
from compiler.ir.kinds import expect
from compiler.passes.gates.exclusive import merge_exclusive

ADDERS = ("small", "fast")
CHAIN = 8  # double full adders in a row before a new chain begins
_ZERO = -2  # literals of the constants; x ^ 1 complements these, too


@dataclass(frozen=True, slots=True, order=True)
class _Bits:
    """One bit (pair < 0) or two (x and x xor y) of a column, and when they are there."""

    level: int
    x: int
    pair: int = -1


class _Head:
    """Literals in, literals out; constants fold, and every literal has a level."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.levels: dict[int, int] = {}

    def gate(self, op: int, x: int, y: int) -> int:
        """op(x, y), op one of AND, OR, XOR."""
        if x > y:
            x, y = y, x
        if op == OR:
            return self.gate(AND, x ^ 1, y ^ 1) ^ 1
        if x < 0:
            if op == XOR:
                return y ^ (x & 1)
            return y if x & 1 else _ZERO
        net = self.builder.gate(op, x, y)
        self.levels[net] = 1 + max(self.level(x), self.level(y))
        return 2 * net

    def level(self, x: int) -> int:
        return self.levels.get(x >> 1, 0)

    def bits(self, x: int, pair: int | None = None) -> _Bits:
        if pair is None:
            return _Bits(self.level(x), x)
        return _Bits(max(self.level(x), self.level(pair)), x, pair)

    def choose(self, select: int, one: int, zero: int) -> int:
        if one == zero:
            return one
        return self.gate(XOR, zero, self.gate(AND, select, self.gate(XOR, one, zero)))

    def full_adder(self, x: int, y: int, z: int) -> tuple[int, int]:
        """(sum, carry) of three bits, 5 gates; the latest should be z."""
        different = self.gate(XOR, x, y)
        late = self.gate(XOR, z, different)
        carry = self.gate(OR, self.gate(AND, x, y), self.gate(AND, z, different))
        return late, carry

    def double_adder(self, z: int, one: _Bits, two: _Bits) -> tuple[int, int, int]:
        """(sum, c, c xor d) of a bit and two pairs, c and d the carries; 8 gates."""
        first = self.gate(XOR, z, one.pair)
        either = self.gate(OR, one.pair, self.gate(XOR, one.x, z))
        carry = self.gate(XOR, first, either)
        total = self.gate(XOR, first, two.pair)
        rest = self.gate(AND, self.gate(XOR, two.x, first), two.pair ^ 1)
        return total, carry, self.gate(XOR, either, rest)

    # --- popcount ----------------------------------------------------------------------------

    def count(self, literals: Sequence[int], adder: str, most: int) -> list[int]:
        """The number of ones, at most `most`, as a binary word, lowest bit first."""
        ones = sum(x == _ZERO ^ 1 for x in literals)  # constants are added as a number
        column = [self.bits(x) for x in literals if x >= 0]
        word = []
        for place in range(most.bit_length()):
            if ones >> place & 1:
                column.append(self.bits(_ZERO ^ 1))
            column, low = (self._fast if adder == "fast" else self._small)(column)
            word.append(low)
        return word

    def _fast(self, column: list[_Bits]) -> tuple[list[_Bits], int]:
        """Carries and sum of a column; always the earliest three bits."""
        heap = list(column)
        heapq.heapify(heap)
        carries = []
        while len(heap) > 1:
            x, y = heapq.heappop(heap).x, heapq.heappop(heap).x
            z = heapq.heappop(heap).x if heap else _ZERO
            total, carry = self.full_adder(x, y, z)
            heapq.heappush(heap, self.bits(total))
            carries.append(self.bits(carry))
        return carries, heap[0].x if heap else _ZERO

    def _small(self, column: list[_Bits]) -> tuple[list[_Bits], int]:
        """As _fast, by double adders on pairs, in chains that are joined in the end."""
        pairs = sorted(bits for bits in column if bits.pair >= 0)
        lone = [bits for bits in column if bits.pair < 0]
        heapq.heapify(lone)
        carries: list[_Bits] = []
        while pairs:
            chain, pairs = pairs[: 2 * CHAIN], pairs[2 * CHAIN :]
            # without a bit to start from, a zero folds one gate away
            z = heapq.heappop(lone).x if lone else _ZERO
            for one, two in zip(chain[0::2], chain[1::2], strict=False):
                z, carry, pair = self.double_adder(z, one, two)
                carries.append(self.bits(carry, pair))
            if len(chain) % 2:
                z, carry = self._pair_adder(z, chain[-1])
                carries.append(self.bits(carry))
            heapq.heappush(lone, self.bits(z))
        while len(lone) >= 5:
            z, a, b, c, d = (heapq.heappop(lone).x for _ in range(5))
            ab, cd = (self.bits(x, self.gate(XOR, x, y)) for x, y in ((a, b), (c, d)))
            total, carry, pair = self.double_adder(z, ab, cd)
            heapq.heappush(lone, self.bits(total))
            carries.append(self.bits(carry, pair))
        rest, low = self._fast(lone)
        return carries + rest, low

    def _pair_adder(self, z: int, two: _Bits) -> tuple[int, int]:
        """(sum, carry) of a bit and a pair, 4 gates."""
        total = self.gate(XOR, z, two.pair)
        either = self.gate(OR, two.pair, self.gate(XOR, two.x, z))
        return total, self.gate(XOR, total, either)

    # --- argmax ------------------------------------------------------------------------------

    def largest(self, words: Sequence[list[int]]) -> list[int]:
        """The index of the first largest word, lowest bit first."""
        width = max(1, (len(words) - 1).bit_length())
        entries = [(word, [_ZERO + (c >> bit & 1) for bit in range(width)]) for c, word in enumerate(words)]
        while len(entries) > 1:
            joined = [
                self._winner(left, right, last=len(entries) == 2)
                for left, right in zip(entries[0::2], entries[1::2], strict=False)
            ]
            entries = joined + entries[len(entries) & ~1 :]
        return entries[0][1]

    def _winner(
        self, left: tuple[list[int], list[int]], right: tuple[list[int], list[int]], *, last: bool
    ) -> tuple[list[int], list[int]]:
        width = max(len(left[0]), len(right[0]))
        a, b = (word + [_ZERO] * (width - len(word)) for word in (left[0], right[0]))
        below = _ZERO  # whether a < b in the bits so far
        different = [self.gate(XOR, x, y) for x, y in zip(a, b, strict=True)]
        for y, d in zip(b, different, strict=True):
            below = self.gate(XOR, below, self.gate(AND, d, self.gate(XOR, y, below)))
        index = [self.choose(below, y, x) for x, y in zip(left[1], right[1], strict=True)]
        if last:
            return [], index
        word = [self.gate(XOR, x, self.gate(AND, below, d)) for x, d in zip(a, different, strict=True)]
        return word, index


def lower_head(
    netlist: GateNetlist,
    *,
    sums: bool = True,
    adder: str = "small",
    merge: bool = True,
    impossible: bool = True,
) -> GateNetlist:
    """The netlist with its class sums and decision made of gates, as named outputs.

    sums : whether the counts are outputs `sum{c}[bit]`, too, beside the decision `class[bit]`;
        lowest bit first; the count of n nets has as many bits as n, the decision as many as the
        last class's number (at least one)
    adder : "small" (double full adders) or "fast" (full adders only, less deep)
    merge : whether nets of a class that are never 1 together are counted as one, see exclusive.py;
        impossible : also those that the encoder keeps apart

    The result has no class sums (so no tau, which does not change the decision); meta["head"] holds
    the number of gates that were added.

    Raises NetlistError for a netlist without class sums, one with outputs of these names, and an
    unknown adder; UnsupportedError for what is no circuit of gates.
    """
    expect(netlist, "gates", "lower_head", "only a classifier made of gates has class sums")
    classes = netlist.class_sums
    if classes is None:
        raise NetlistError("this netlist has no class sums, so that there is no head to lower")
    if adder not in ADDERS:
        raise NetlistError(f"adder {adder!r} is unknown; adders are {', '.join(ADDERS)}")
    sizes = np.diff(classes.indptr).tolist()
    n_gates = netlist.n_gates
    if merge:
        netlist = merge_exclusive(netlist, impossible=impossible)
        assert netlist.class_sums is not None
        classes = netlist.class_sums
    builder = Builder(netlist.input_names)
    builder.op, builder.a, builder.b = (getattr(netlist, column).tolist() for column in ("op", "a", "b"))
    head = _Head(builder)
    nets, ends = classes.nets.tolist(), classes.indptr.tolist()
    n, op = netlist.n_inputs, builder.op
    constants = {n + k: _ZERO + (v & 1) for k, v in enumerate(op) if v in (CONST0, CONST1)}
    words = [
        head.count([constants.get(net, 2 * net) for net in nets[start:stop]], adder, size)
        for (start, stop), size in zip(pairwise(ends), sizes, strict=True)
    ]
    shown = {f"sum{c}[{k}]": x for c, word in enumerate(words) for k, x in enumerate(word)}
    shown = shown if sums else {}
    shown |= {f"class[{k}]": x for k, x in enumerate(head.largest(words))}
    taken = [name for name in netlist.output_names if name in shown]
    if taken:
        raise NetlistError(f"an output is called {taken[0]!r} already; rename it to lower the head")
    outputs = dict(zip(netlist.output_names, netlist.outputs.tolist(), strict=True))
    outputs |= {name: _net(builder, x) for name, x in shown.items()}
    lowered = make_gates(builder.inputs, builder.op, builder.a, builder.b, outputs, encoder=netlist.encoder)
    added = lowered.n_gates - n_gates
    facts = {**netlist.meta, "head": {"adder": adder, "gates": added, "sums": sums}}
    return replace(lowered, name=netlist.name, meta=facts)


HEADS = ("sums", "nets", "gates")


def with_head(netlist: GateNetlist, head: str = "sums", *, pipelined: bool = False) -> GateNetlist:
    """A classifier's answers as a format wants them: sums (as they are), nets (those counted, as
    outputs) or gates (adders and comparators).

    pipelined : registers follow the levels, of which fast adders have fewest; else gates count

    Raises UnsupportedError for another head, and for a circuit without class sums.
    """
    if head not in HEADS:
        raise UnsupportedError(f"--head must be one of {', '.join(HEADS)}, got {head!r}")
    if head == "sums":
        return netlist
    if netlist.class_sums is None:
        raise UnsupportedError(f"--head {head} has no meaning for a circuit without class sums")
    if head == "nets":
        return expose_class_nets(netlist)
    return lower_head(netlist, adder="fast" if pipelined else "small")


def _net(builder: Builder, x: int) -> int:
    if x < 0:
        return builder.constant(x & 1)
    return builder.copy(x) if x & 1 else x >> 1


def read_words(values: np.ndarray, names: Sequence[str], prefix: str) -> np.ndarray:
    """(n_samples,) int64: the number shown by outputs prefix[0], prefix[1], ...

    values : (n_samples, n_outputs) of 0 and 1, as from evaluate; names : of the outputs

    Raises NetlistError if there is no such output.
    """
    place = {name: k for k, name in enumerate(names)}
    total = np.zeros(values.shape[0], dtype=np.int64)
    bit = 0
    while (name := f"{prefix}[{bit}]") in place:
        total += values[:, place[name]].astype(np.int64) << bit
        bit += 1
    if bit == 0:
        raise NetlistError(f"there is no output {prefix}[0]; outputs are {', '.join(names[:8])}")
    return total
