"""A classifier with constant weights as a circuit: no memory, no multipliers.

products   a constant's signed digits are shifts, which are wires; what is subtracted is
           complemented, and all the ones that belongs to it go into one constant
sums       parts that several sums share are made once (shared_sums.py), the rest is added in
           carry-save columns (adders.py), as wide as the sum's range asks for
hidden     ReLU, shift and saturation; all of them constants where the range says so
decision   a tree of comparators; what all classes' sums have in common is left out
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.circuits.adders import ADDERS, ZERO, Adders
from compiler.circuits.builder import Builder
from compiler.circuits.integer_network import IntegerNetwork
from compiler.circuits.shared_sums import Term, common_offsets, digit_counts, plan_sums, width_of
from compiler.errors import NetlistError
from compiler.ir.gates import AND, OR, GateNetlist


@dataclass(frozen=True, slots=True)
class _Word:
    """A number from low to high as literals, lowest bit first; the last one is -2^(n-1) if low < 0."""

    bits: tuple[int, ...]
    low: int
    high: int


def hard_wire(
    network: IntegerNetwork, *, adder: str = "fast", share: bool = True, name: str = ""
) -> GateNetlist:
    """The network as a circuit; outputs class[k], bits of the class's number, lowest first.

    Inputs are x{i}[k], bit k of input i, as IntegerNetwork.input_patterns makes them; for inputs above
    network.top the circuit is undefined.
    adder : "fast" or "small", see adders.py; share : whether sums share their parts

    Raises NetlistError for an unknown adder and a network of a single class.
    """
    if adder not in ADDERS:
        raise NetlistError(f"adder {adder!r} is unknown; adders are {', '.join(ADDERS)}")
    if network.sizes[-1] < 2:
        raise NetlistError("hard_wire: a network of a single class decides nothing; give two or more")
    width = network.input_bits
    names = [f"x{i}[{k}]" for i in range(network.sizes[0]) for k in range(width)]
    circuit = _Circuit(Adders(Builder(names)), adder, share)
    words = [
        _Word(tuple(2 * (i * width + k) for k in range(width)), 0, network.top)
        for i in range(network.sizes[0])
    ]
    for w, b, shift, bits in zip(network.weights, network.biases, network.shifts, network.bits, strict=False):
        words = [circuit.requantised(s, shift, bits) for s in circuit.sums(words, w, b)]
    scores = circuit.scores(words, network.weights[-1], network.biases[-1])
    decision = circuit.adders.largest([list(s.bits) for s in scores])
    outputs = {f"class[{k}]": circuit.adders.net(x) for k, x in enumerate(decision)}
    return circuit.adders.builder.netlist(outputs, name)


@dataclass(frozen=True, slots=True)
class _Circuit:
    adders: Adders
    adder: str
    share: bool

    def sums(self, words: list[_Word], weights: np.ndarray, biases: np.ndarray) -> list[_Word]:
        """weights @ words + biases; what many rows have in common is one more row, added to each."""
        weights = _read(words, weights)
        common = common_offsets(weights)
        bits = np.array([len(w.bits) for w in words])
        saved = (digit_counts(weights).sum(axis=0) - digit_counts(weights - common).sum(axis=0)) * bits
        common = np.where(saved > digit_counts(common) * bits, common, 0)
        low, high = _range(words, common, 0)
        cost = int((digit_counts(common) * bits).sum()) + weights.shape[0] * width_of(low, high)
        ranges = _ranges(words, weights, biases)
        if int(saved[common != 0].sum()) <= cost:
            return self._rows(words, weights, ranges, biases)
        (shared,) = self._rows(words, common[None], [(low, high)], np.zeros(1, np.int64))
        return self._rows(words, weights - common, ranges, biases, shared)

    def scores(self, words: list[_Word], weights: np.ndarray, biases: np.ndarray) -> list[_Word]:
        """As sums, but for a number that all of them have more or less, and none below 0."""
        weights = _read(words, weights)
        weights = weights - common_offsets(weights)
        biases = biases - min(low for low, _ in _ranges(words, weights, biases))
        return self._rows(words, weights, _ranges(words, weights, biases), biases)

    def _rows(
        self,
        words: list[_Word],
        weights: np.ndarray,
        ranges: Sequence[tuple[int, int]],
        biases: np.ndarray,
        shared: _Word | None = None,
    ) -> list[_Word]:
        """weights @ words + biases (+ the shared word), each as wide as its range."""
        plan = plan_sums(weights, [(w.low, w.high) for w in words], share=self.share)
        words = list(words)
        for pair in plan.pairs:
            terms = ((pair.first, 0, 1), (pair.second, pair.shift, pair.sign))
            words.append(self._sum(words, terms, 0, (pair.low, pair.high)))
        rows = plan.rows
        if shared is not None:
            rows = tuple((*row, (len(words), 0, 1)) for row in rows)
            words.append(shared)
        return [
            self._sum(words, row, int(bias), limits)
            for row, bias, limits in zip(rows, biases, ranges, strict=True)
        ]

    def _sum(
        self, words: Sequence[_Word], terms: Sequence[Term], constant: int, limits: tuple[int, int]
    ) -> _Word:
        low, high = limits
        width = width_of(low, high)
        columns: list[list[int]] = [[] for _ in range(width)]
        for index, shift, sign in terms:
            word = words[index]
            for k, x in enumerate(word.bits):
                own = -sign if word.low < 0 and k == len(word.bits) - 1 else sign
                if own < 0:  # - x = (not x) - 1
                    constant -= 1 << (k + shift)
                    x ^= 1
                if k + shift < width:
                    columns[k + shift].append(x)
        return _Word(tuple(self.adders.add(columns, self.adder, width, constant % (1 << width))), low, high)

    def requantised(self, word: _Word, shift: int, bits: int) -> _Word:
        """min(max(word >> shift, 0), 2^bits - 1)."""
        gate, high, most = self.adders.gate, word.high >> shift, (1 << bits) - 1
        if high <= 0:
            return _Word((), 0, 0)
        body, above = word.bits[shift:], ZERO
        if word.low < 0:
            body, above = body[:-1], word.bits[-1]
        kept = list(body[:bits])
        over = ZERO
        for x in body[bits:]:
            over = gate(OR, over, x)
        kept = [gate(AND, gate(OR, x, over), above ^ 1) for x in kept]
        return _Word(tuple(kept), 0, min(high, most))


def _read(words: Sequence[_Word], weights: np.ndarray) -> np.ndarray:
    """The weights without those of words that are always 0."""
    return np.where([w.high > 0 for w in words], weights, 0)


def _range(words: Sequence[_Word], weights: np.ndarray, constant: int) -> tuple[int, int]:
    """(least, largest) of constant + weights @ words, for words that do not depend on each other."""
    high = np.array([w.high for w in words], dtype=np.int64)
    low = np.array([w.low for w in words], dtype=np.int64)
    up, down = np.maximum(weights, 0), np.minimum(weights, 0)
    return constant + int(up @ low + down @ high), constant + int(up @ high + down @ low)


def _ranges(words: Sequence[_Word], weights: np.ndarray, biases: np.ndarray) -> list[tuple[int, int]]:
    return [_range(words, w, int(b)) for w, b in zip(weights, biases, strict=True)]
