"""A counting encoder as a circuit: adders, comparators with constants, and counts, each made once.

Numbers are words of literals, lowest bit first, that stand for base + sum of bit 2^place. A comparison with
a constant T reads only the bits above T's trailing ones; base is free, and is chosen so that these are many.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from compiler.circuits.adders import ONE, ZERO, Adders
from compiler.circuits.builder import Builder
from compiler.circuits.expansion import Expansion
from compiler.circuits.shared_sums import signed_digits
from compiler.ir.encoders import CountingEncoder, selected
from compiler.ir.gates import AND, OR, GateNetlist
from compiler.ir.shared_tables import SharedTables


@dataclass(frozen=True, slots=True)
class _Word:
    bits: list[int]
    base: int


def counting_circuit(encoder: CountingEncoder, read: np.ndarray, adder: str = "small") -> GateNetlist:
    """Gates for the input bits `read`, from the bits of the features that they depend on.

    read : (n,) int; output e{k} is input bit k. Input p{f}[b] is bit b of the code of feature f, lowest
        first, of the features that are read alone, in ascending order
    adder : as of compiler.circuits.adders
    """
    own = selected(encoder, read)
    assert isinstance(own, CountingEncoder)
    features = features_of(own)
    bits = own.code_bits
    builder = Builder([f"p{f}[{b}]" for f in features.tolist() for b in range(bits)])
    maker = _Maker(Adders(builder), adder)
    words: dict[int, _Word] = {}
    for place, f in enumerate(features.tolist()):
        words[f] = _Word([2 * (place * bits + b) for b in range(bits)], 0)
    comparisons = _comparisons(own, maker, words)
    counts = _counts(own, maker, comparisons + _applied(own.shared, maker, comparisons))
    outputs = {}
    for k, tested, least in zip(read.tolist(), own.tested.tolist(), own.least.tolist(), strict=True):
        outputs[f"e{k}"] = maker.adders.net(maker.above(counts[tested], least - 1))
    return builder.netlist(outputs)


def features_of(encoder: CountingEncoder) -> np.ndarray:
    """The features that sums read, ascending."""
    return np.unique(encoder.feature[encoder.feature < encoder.n_features])


class _Maker:
    """Sums of words and comparisons of them with constants."""

    def __init__(self, adders: Adders, adder: str) -> None:
        self.adders, self.adder = adders, adder
        self.known: dict[tuple[int, ...], int] = {}

    def add(self, terms: list[tuple[_Word, int]], base: int, width: int) -> _Word:
        """The sum of words times weights, which lies within base and base + 2^width - 1."""
        constant = -base
        columns: list[list[int]] = [[] for _ in range(width)]
        for word, weight in terms:
            constant += weight * word.base
            for shift, sign in signed_digits(weight):
                for b, x in enumerate(word.bits):
                    if b + shift < width:
                        columns[b + shift].append(x if sign > 0 else x ^ 1)
                if sign < 0:  # -x = sum of (1 - bit) 2^place, less 2^size - 1
                    constant -= ((1 << len(word.bits)) - 1) << shift
        return _Word(self.adders.add(columns, self.adder, width, constant % (1 << width)), base)

    def above(self, bits: list[int], bound: int) -> int:
        """Literal of: the word, without its base, is above `bound`."""
        if bound < 0:
            return ONE
        if bound >> len(bits):
            return ZERO
        greater = ZERO
        for b, x in enumerate(bits):
            key = (x, greater, bound >> b & 1)
            if key not in self.known:
                self.known[key] = self.adders.gate(AND if key[2] else OR, x, greater)
            greater = self.known[key]
        return greater


def _comparisons(encoder: CountingEncoder, maker: _Maker, words: dict[int, _Word]) -> list[int]:
    """Literal of every comparison; the sums are put into `words`."""
    low, high = (column.tolist() for column in encoder.ranges())
    asked: list[list[int]] = [[] for _ in range(encoder.n_sums)]
    for s, bound in zip(encoder.compared.tolist(), encoder.bound.tolist(), strict=True):
        asked[s].append(bound)
    feature, weight = encoder.feature.tolist(), encoder.weight.tolist()
    first = encoder.n_features
    inner = np.isin(np.arange(encoder.n_sums), encoder.feature[encoder.feature >= first] - first)
    scaled: dict[int, tuple[int, int]] = {}  # a sum of one word: its number and weight
    for s, (start, stop) in enumerate(pairwise(encoder.sum_ends.tolist())):
        if stop - start == 1:
            of, by = scaled.get(feature[start] - first, (feature[start], 1))
            scaled[s] = of, by * weight[start]
            if inner[s]:
                words[first + s] = _scaled(maker, words[feature[start]], weight[start], low[s], high[s])
            continue
        base, width = _placed(low[s], high[s], asked[s])
        terms = [(words[feature[k]], weight[k]) for k in range(start, stop)]
        words[first + s] = maker.add(terms, base, width)
    found = []
    for s, bound in zip(encoder.compared.tolist(), encoder.bound.tolist(), strict=True):
        if s not in scaled:
            word = words[first + s]
            found.append(maker.above(word.bits, bound - word.base))
            continue
        of, by = scaled[s]
        word = words[of]
        if by > 0:
            found.append(maker.above(word.bits, bound // by - word.base))
        else:  # -|by| x > bound, that is x < bound / by
            found.append(maker.above(word.bits, -(bound + 1) // -by - word.base) ^ 1)
    return found


def _scaled(maker: _Maker, word: _Word, weight: int, low: int, high: int) -> _Word:
    return word if weight == 1 else maker.add([(word, weight)], low, (high - low).bit_length())


def _placed(low: int, high: int, bounds: list[int]) -> tuple[int, int]:
    """(base, width) of a word from low to high by which comparisons with these bounds take fewest gates."""
    least = max((high - low).bit_length(), 1)
    best = None
    for width in (least, least + 1):
        room = (1 << width) - 1 - (high - low)
        shifts = {0}
        for bound in bounds:
            shifts |= {(low - bound - 1) % (1 << k) for k in range(1, width + 1)}
        for shift in sorted(shifts):
            if shift > room:
                continue
            places = {bound - low + shift for bound in bounds}
            free = [_trailing_ones(place, width) for place in places]
            # a comparator takes a gate a bit; a bit of the sum that none reads saves its xor
            cost = sum(width - 1 - k for k in free) - 2 * min(free, default=0) + 5 * width
            if best is None or cost < best[0]:
                best = cost, low - shift, width
    assert best is not None
    return best[1:]


def _trailing_ones(place: int, width: int) -> int:
    if place < 0 or place >> width:  # always or never
        return width - 1
    return min(((place + 1) & -(place + 1)).bit_length() - 1, width - 1)


def _applied(shared: SharedTables, maker: _Maker, comparisons: list[int]) -> list[int]:
    """Literal of every application of a table: each place has gates of its own."""
    tables = shared.table.tolist()
    made = Expansion(maker.adders.gate, lambda: ZERO, ((shared.inputs, table) for table in tables))
    found: list[int] = []
    known = [*comparisons]
    for table, taps in zip(
        shared.applied.tolist(), shared.taps.reshape(-1, shared.inputs or 1).tolist(), strict=True
    ):
        literal = made.function(tuple(known[tap] for tap in taps), tables[table])
        known.append(literal)
        found.append(literal)
    return found


def _counts(encoder: CountingEncoder, maker: _Maker, local: list[int]) -> list[list[int]]:
    """Bits of every count. One that a single other reads, and no input, is added up within that."""
    n, counted = encoder.n_local, encoder.counted.tolist()
    readers = np.bincount(encoder.counted[encoder.counted >= n] - n, minlength=encoder.n_counts)
    kept = readers > 1
    kept[encoder.tested] = True
    sizes = encoder.sizes().tolist()
    words: list[list[int]] = []
    columns: list[list[list[int]]] = []
    for w, (start, stop) in enumerate(pairwise(encoder.count_ends.tolist())):
        mine: list[list[int]] = [[] for _ in range(sizes[w].bit_length())]
        for j in counted[start:stop]:
            if j < n:
                mine[0].append(local[j])
                continue
            parts = [[x] for x in words[j - n]] if kept[j - n] else columns[j - n]
            for place, literals in enumerate(parts):
                mine[place] += literals
        columns.append(mine)
        words.append(maker.adders.add(mine, maker.adder, len(mine)) if kept[w] else [])
    return words
