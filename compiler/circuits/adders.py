"""Sums and comparisons of binary words, built of literals (see builder.py) whose constants fold.

Carry-save adders on columns of equal weight. A full adder takes 5 gates and removes one bit. The
double full adder of E. Demenkov, A. Kojevnikov, A. Kulikov, G. Yaroslavtsev, Information Processing
Letters 110(7), 2010, takes 8 gates and removes two, if bits come in pairs (x, x xor y) instead of
(x, y): 4.5 gates a bit in place of 5. Its sums form chains, which makes it deeper.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from compiler.circuits.builder import Builder
from compiler.ir.gates import AND, OR, XOR

ADDERS = ("small", "fast")
CHAIN = 8  # double full adders in a row before a new chain begins
ZERO, ONE = -2, -1  # literals of the constants; x ^ 1 complements these, too


@dataclass(frozen=True, slots=True, order=True)
class _Bits:
    """One bit (pair < 0) or two (x and x xor y) of a column, and when they are there."""

    level: int
    x: int
    pair: int = -1


class Adders:
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
            return y if x & 1 else ZERO
        net = self.builder.gate(op, x, y)
        self.levels[net] = 1 + max(self.level(x), self.level(y))
        return 2 * net

    def level(self, x: int) -> int:
        return self.levels.get(x >> 1, 0)

    def bits(self, x: int, pair: int | None = None) -> _Bits:
        if pair is None:
            return _Bits(self.level(x), x)
        return _Bits(max(self.level(x), self.level(pair)), x, pair)

    def net(self, x: int) -> int:
        """The net that shows literal x: a constant or an inverter of its own where it needs one."""
        if x < 0:
            return self.builder.constant(x & 1)
        return self.builder.copy(x) if x & 1 else x >> 1

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

    # --- sums --------------------------------------------------------------------------------

    def count(self, literals: Sequence[int], adder: str, most: int) -> list[int]:
        """The number of ones, at most `most`, as a binary word, lowest bit first."""
        return self.add([literals], adder, most.bit_length())

    def add(self, columns: Sequence[Sequence[int]], adder: str, width: int, constant: int = 0) -> list[int]:
        """constant + the sum of the columns' literals times 2^place, modulo 2^width, lowest bit first."""
        constant += sum(sum(x == ONE for x in column) << k for k, column in enumerate(columns))
        column: list[_Bits] = []
        word = []
        for place in range(width):
            own = columns[place] if place < len(columns) else ()
            column += [self.bits(x) for x in own if x >= 0]
            if constant >> place & 1:
                column.append(self.bits(ONE))
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
            z = heapq.heappop(heap).x if heap else ZERO
            total, carry = self.full_adder(x, y, z)
            heapq.heappush(heap, self.bits(total))
            carries.append(self.bits(carry))
        return carries, heap[0].x if heap else ZERO

    def _small(self, column: list[_Bits]) -> tuple[list[_Bits], int]:
        """As _fast, by double adders on pairs, in chains that are joined in the end."""
        pairs = sorted(bits for bits in column if bits.pair >= 0)
        lone = [bits for bits in column if bits.pair < 0]
        heapq.heapify(lone)
        carries: list[_Bits] = []
        while pairs:
            chain, pairs = pairs[: 2 * CHAIN], pairs[2 * CHAIN :]
            # without a bit to start from, a zero folds one gate away
            z = heapq.heappop(lone).x if lone else ZERO
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
        entries = [(word, [ZERO + (c >> bit & 1) for bit in range(width)]) for c, word in enumerate(words)]
        while len(entries) > 1:
            joined = [
                self._winner(left, right, last=len(entries) == 2)
                for left, right in zip(entries[0::2], entries[1::2], strict=False)
            ]
            entries = joined + entries[len(entries) & ~1 :]
        return entries[0][1]

    def largest_of_pairs(self, words: Sequence[list[int]]) -> list[int]:
        """The same by a comparator for every pair: less deep, with as many comparators as there are pairs."""
        n = len(words)
        wins: list[list[int]] = [[] for _ in words]  # whether a class beats each other
        for low in range(n):
            for high in range(low + 1, n):
                below = self._below(*self._equal_widths(words[low], words[high]))[0]
                wins[low].append(below ^ 1)
                wins[high].append(below)
        first = [self._all(literals) for literals in wins]
        width = max(1, (n - 1).bit_length())
        return [self._all([x ^ 1 for c, x in enumerate(first) if c >> bit & 1]) ^ 1 for bit in range(width)]

    def _all(self, literals: Sequence[int]) -> int:
        """The and of literals, the earliest joined first; 1 of none."""
        heap = [(self.level(x), x) for x in literals]
        heapq.heapify(heap)
        while len(heap) > 1:
            joined = self.gate(AND, heapq.heappop(heap)[1], heapq.heappop(heap)[1])
            heapq.heappush(heap, (self.level(joined), joined))
        return heap[0][1] if heap else ONE

    def _below(self, a: list[int], b: list[int]) -> tuple[int, list[int]]:
        """Whether a < b, lowest bits first, and where they differ."""
        below = ZERO
        different = [self.gate(XOR, x, y) for x, y in zip(a, b, strict=True)]
        for y, d in zip(b, different, strict=True):
            below = self.gate(XOR, below, self.gate(AND, d, self.gate(XOR, y, below)))
        return below, different

    @staticmethod
    def _equal_widths(left: list[int], right: list[int]) -> tuple[list[int], list[int]]:
        width = max(len(left), len(right))
        return left + [ZERO] * (width - len(left)), right + [ZERO] * (width - len(right))

    def _winner(
        self, left: tuple[list[int], list[int]], right: tuple[list[int], list[int]], *, last: bool
    ) -> tuple[list[int], list[int]]:
        a, b = self._equal_widths(left[0], right[0])
        below, different = self._below(a, b)
        index = [self.choose(below, y, x) for x, y in zip(left[1], right[1], strict=True)]
        if last:
            return [], index
        word = [self.gate(XOR, x, self.gate(AND, below, d)) for x, d in zip(a, different, strict=True)]
        return word, index
