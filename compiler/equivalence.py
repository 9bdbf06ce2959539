"""Are two circuits equal? All patterns where there are few, else random ones, then SAT sweeping.

Both circuits stand over the same inputs, and compiler.sat_sweeping proves nets of one equal to nets of
the other in topological order, which makes the outputs easy. The simplifier merges nets by the same
sweep; rewriting, resubstitution and mapping have no part in a proof. With an encoder, only the patterns
that it can make count: others are masked where circuits are simulated, and its implications between
inputs are clauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.circuits.evaluate import WORD, all_patterns, evaluate_words, pack_bits
from compiler.circuits.from_tables import circuit_of
from compiler.circuits.possible import implications, possible_words
from compiler.errors import NetlistError, ThermocError
from compiler.ir.encoders import Encoder
from compiler.ir.gates import NONE, GateNetlist, make_gates, verify_gates
from compiler.ir.kinds import expect
from compiler.ir.luts import LutNetlist
from compiler.sat_sweeping import Sweeper

EXHAUSTIVE = 20  # inputs up to which all patterns are tried
RANDOM_WORDS = 1024  # of every input, and
RANDOM_BYTES = 1 << 28  # of all inputs together at most
CORNERS = 4096
SWEEP_WORDS = 256
SWEEP_CONFLICTS = 1000  # spent on a pair of inner nets before it is left open
BLOCK_WORDS = 1024


class UndecidedError(ThermocError):
    """A comparison ran out of its budget: the circuits may be equal or not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether two circuits are equal, and how that is known.

    method : "exhaustive", "simulation" (only for different ones) or "sat", a sweep (compiler.sat_sweeping)
    matched_inputs, matched_outputs : "name" or "position"
    patterns : input patterns simulated; sat_calls : questions put to the SAT solver
    counterexample : value of every input, by the first circuit's names
    output, values : the first output that differs there, in the first and the second circuit
    possible_only : whether only patterns that an encoder can make were compared
    """

    equal: bool
    method: str
    matched_inputs: str
    matched_outputs: str
    patterns: int
    sat_calls: int = 0
    counterexample: Mapping[str, int] | None = None
    output: str | None = None
    values: tuple[int, int] | None = None
    possible_only: bool = False


@dataclass(frozen=True, slots=True)
class _Pair:
    """Both circuits over the inputs of the first; outputs as net ids of `both`, in pairs.

    encoder : limits the patterns; implied : see gates.possible.implications
    """

    both: GateNetlist
    left: np.ndarray
    right: np.ndarray
    names: tuple[str, ...]
    matched: dict[str, str]
    encoder: Encoder | None
    implied: np.ndarray


def check_equal(
    a: GateNetlist | LutNetlist,
    b: GateNetlist | LutNetlist,
    *,
    exhaustive: int = EXHAUSTIVE,
    seed: int = 0,
    encoder: Encoder | None = None,
    conflicts: int | None = None,
) -> Verdict:
    """Compare two circuits of gates or of tables, matching inputs and outputs by name, else by position.

    exhaustive : inputs up to which all patterns are tried; seed : of the random patterns
    encoder : of the first circuit's inputs; only patterns that it can make are compared (none:
        all patterns, whatever encoders the circuits have)
    conflicts : that the SAT solver may spend on each question about an output; none: no limit

    Class sums, if there are any, are compared net by net, which is stricter than by their counts.

    Raises NetlistError if the numbers of inputs, outputs or class sums differ, or the encoder makes
    another number of inputs; UndecidedError where `conflicts` were too few.
    """
    a, b = (circuit_of(circuit) if isinstance(circuit, LutNetlist) else circuit for circuit in (a, b))
    pair = _paired(a, b, encoder)
    found: tuple[np.ndarray, int] | None = None
    patterns = 0
    if a.n_inputs <= exhaustive:
        for words in _exhaustive(a.n_inputs):
            patterns += words.shape[1] * WORD
            if (found := _difference(pair, words)) is not None:
                break
        return _verdict(pair, "exhaustive", found, min(patterns, 1 << a.n_inputs))
    rng = np.random.default_rng(seed)
    n_words = max(1, min(RANDOM_WORDS, RANDOM_BYTES // (8 * a.n_inputs)))
    words = np.concatenate([_corners(pair), _random(rng, pair, n_words)], axis=1)
    patterns = words.shape[1] * WORD
    if (found := _difference(pair, words)) is not None:
        return _verdict(pair, "simulation", found, patterns)
    found, calls = _proof(pair, _random(rng, pair, min(n_words, SWEEP_WORDS)), rng, conflicts)
    return _verdict(pair, "sat", found, patterns, calls)


def _proof(
    pair: _Pair, words: np.ndarray, rng: np.random.Generator, conflicts: int | None
) -> tuple[tuple[np.ndarray, int] | None, int]:
    """((input bits, output index) of a counterexample or None, questions to the SAT solver)."""
    sweeper = Sweeper(pair.both, words, pair.implied, rng, SWEEP_CONFLICTS)
    try:
        sweeper.run()
        undecided = []
        for k, (x, y) in enumerate(zip(pair.left.tolist(), pair.right.tolist(), strict=True)):
            differs = sweeper.differ(2 * (x + 1), 2 * (y + 1), conflicts)
            if isinstance(differs, np.ndarray):
                return (differs, k), sweeper.calls
            if differs:
                undecided.append(pair.names[k])
    finally:
        sweeper.close()
    if undecided:
        named = ", ".join(undecided[:3]) + (", ..." if len(undecided) > 3 else "")
        raise UndecidedError(
            f"undecided: {len(undecided)} output(s) ({named}) were neither proved equal nor "
            f"found to differ within {conflicts} conflicts of the SAT solver; allow more"
        )
    return None, sweeper.calls


def _verdict(
    pair: _Pair, method: str, found: tuple[np.ndarray, int] | None, patterns: int, calls: int = 0
) -> Verdict:
    known: dict[str, Any] = {}
    if found is not None:
        bits, k = found
        word = np.where(bits, np.uint64(1), np.uint64(0)).astype(np.uint64)[:, None]
        nets = np.array([pair.left[k], pair.right[k]])
        values = evaluate_words(pair.both, word, nets)[:, 0] & np.uint64(1)
        names = pair.both.input_names
        known = {
            "counterexample": {n: int(v) for n, v in zip(names, bits, strict=True)},
            "output": pair.names[k],
            "values": (int(values[0]), int(values[1])),
        }
    return Verdict(
        equal=found is None,
        method=method,
        matched_inputs=pair.matched["input"],
        matched_outputs=pair.matched["output"],
        patterns=patterns,
        sat_calls=calls,
        possible_only=pair.encoder is not None,
        **known,
    )


# --- matching --------------------------------------------------------------------------------


def _paired(a: GateNetlist, b: GateNetlist, encoder: Encoder | None) -> _Pair:
    for netlist in (a, b):
        expect(netlist, "gates", "check_equal", "compiler.equal compares how two netlists are written")
        verify_gates(netlist)
    if encoder is not None and encoder.n_bits != a.n_inputs:
        raise NetlistError(f"the encoder makes {encoder.n_bits} inputs, the first circuit has {a.n_inputs}")
    inputs, by_input = _match("input", a.input_names, b.input_names)
    outputs, by_output = _match("output", a.output_names, b.output_names)
    sums = [n.class_sums for n in (a, b)]
    if (sums[0] is None) != (sums[1] is None) or (
        sums[0] is not None
        and sums[1] is not None
        and not (
            np.array_equal(sums[0].indptr, sums[1].indptr)
            and sums[0].tau == sums[1].tau
            and sums[0].labels == sums[1].labels
        )
    ):
        raise NetlistError("the circuits differ in their class sums; they cannot be compared")
    n = a.n_inputs
    # net of b -> net of the joint circuit; the last entry stands for NONE
    number = np.empty(b.n_nets + 1, dtype=np.int64)
    number[:n] = inputs
    number[n:-1] = a.n_nets + np.arange(b.n_gates)
    number[-1] = NONE
    right = number[b.outputs[outputs]]
    names = list(a.output_names)
    left = a.roots.astype(np.int64)
    if sums[0] is not None and sums[1] is not None:
        right = np.concatenate([right, number[sums[1].nets]])
        for c, size in enumerate(np.diff(sums[0].indptr)):
            names += [f"class {c}, net {k}" for k in range(size)]
    both = make_gates(
        a.input_names,
        np.concatenate([a.op, b.op]),
        np.concatenate([a.a, number[b.a]]),
        np.concatenate([a.b, number[b.b]]),
        {},
    )
    return _Pair(
        both,
        left,
        right,
        tuple(names),
        {"input": by_input, "output": by_output},
        encoder,
        np.zeros((0, 2), dtype=np.int64) if encoder is None else implications(encoder),
    )


def _match(what: str, a: tuple[str, ...], b: tuple[str, ...]) -> tuple[np.ndarray, str]:
    """(for inputs: place in a of each of b's; for outputs: place in b of each of a's, how)."""
    if len(a) != len(b):
        raise NetlistError(
            f"the first circuit has {len(a)} {what}s, the second {len(b)}; only circuits with the "
            "same ports can be compared"
        )
    if set(a) != set(b):
        return np.arange(len(a)), "position"
    keys, places = (b, a) if what == "input" else (a, b)
    place = {name: k for k, name in enumerate(places)}
    return np.array([place[name] for name in keys], dtype=np.int64), "name"


# --- simulation ------------------------------------------------------------------------------


def _exhaustive(n_inputs: int) -> Iterator[np.ndarray]:
    total = max(1, (1 << n_inputs) // WORD)
    for start in range(0, total, BLOCK_WORDS):
        yield all_patterns(n_inputs, start, min(BLOCK_WORDS, total - start))


def _random(rng: np.random.Generator, pair: _Pair, n_words: int) -> np.ndarray:
    if pair.encoder is not None:
        return possible_words(pair.encoder, rng, n_words)
    return rng.integers(0, 2**64, (pair.both.n_inputs, n_words), dtype=np.uint64)


def _corners(pair: _Pair) -> np.ndarray:
    """All zeros, all ones, and (up to CORNERS inputs) single ones and zeros: what random patterns never hit.

    A one comes with the ones that it implies, a zero with the zeros.
    """
    n_inputs = pair.both.n_inputs
    if n_inputs > CORNERS:
        return np.tile(np.array([2**64 - 2], dtype=np.uint64), (n_inputs, 1))
    bits = np.zeros((2 * n_inputs + 2, n_inputs), dtype=bool)
    k = np.arange(n_inputs)
    bits[k, k] = True
    bits[n_inputs : 2 * n_inputs] = ~bits[:n_inputs]
    bits[-1] = True
    ones, zeros = bits[:n_inputs], bits[n_inputs : 2 * n_inputs]
    changed = True
    while changed:
        changed = False
        for high, low in pair.implied.tolist():
            missing = ones[:, high] & ~ones[:, low]
            wrong = ~zeros[:, low] & zeros[:, high]
            changed |= bool(missing.any() or wrong.any())
            ones[:, low] |= ones[:, high]
            zeros[:, high] &= zeros[:, low]
    return pack_bits(bits)


def _possible(pair: _Pair, words: np.ndarray) -> np.ndarray:
    """(n_words,) uint64: the patterns that count."""
    mask = np.full(words.shape[1], 2**64 - 1, dtype=np.uint64)
    for high, low in pair.implied.tolist():
        mask &= ~words[high] | words[low]
    return mask


def _difference(pair: _Pair, words: np.ndarray) -> tuple[np.ndarray, int] | None:
    """(input bits, output index) where the circuits differ first, or None."""
    size = pair.left.size
    values = evaluate_words(pair.both, words, np.concatenate([pair.left, pair.right]))
    differ = (values[:size] ^ values[size:]) & _possible(pair, words)
    rows, columns = np.nonzero(differ)
    if rows.size == 0:
        return None
    k, w = int(rows[0]), int(columns[0])
    bit = int(differ[k, w]) & -int(differ[k, w])
    shift = np.uint64(bit.bit_length() - 1)
    return (words[:, w] >> shift & np.uint64(1)).astype(bool), k
