"""Are two circuits equal? All patterns where there are few, else random ones, then SAT sweeping.

No pass takes part, so that a proof does not rest on the simplifier that it checks.
SAT sweeping: A. Kuehlmann et al., IEEE TCAD 21(12), 2002: nets of one circuit that simulation finds
equal to nets of the other are proved equal in topological order, which makes the outputs easy.
With an encoder, only the patterns that it can make count: others are masked where circuits are
simulated, and its implications between inputs are clauses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.circuits.evaluate import WORD, all_patterns, evaluate_words, pack_bits
from compiler.circuits.possible import implications, possible_words
from compiler.errors import NetlistError, ThermocError
from compiler.ir.gates import NONE, READS_A, READS_B, GateNetlist, Thermometer, make_gates, verify_gates
from compiler.ir.kinds import expect

EXHAUSTIVE = 20  # inputs up to which all patterns are tried
RANDOM_WORDS = 1024
SWEEP_WORDS = 64
SWEEP_CONFLICTS = 1000  # spent on a pair of inner nets before it is left open
BLOCK_WORDS = 1024


class UndecidedError(ThermocError):
    """A comparison ran out of its budget: the circuits may be equal or not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether two circuits are equal, and how that is known.

    method : "exhaustive", "simulation" (only for different ones) or "sat"
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
    n_first: int  # nets of the first circuit, with the inputs
    left: np.ndarray
    right: np.ndarray
    names: tuple[str, ...]
    matched: dict[str, str]
    encoder: Thermometer | None
    implied: np.ndarray


def check_equal(
    a: GateNetlist,
    b: GateNetlist,
    *,
    exhaustive: int = EXHAUSTIVE,
    seed: int = 0,
    encoder: Thermometer | None = None,
    conflicts: int | None = None,
) -> Verdict:
    """Compare two circuits, matching inputs and outputs by name, else by position.

    exhaustive : inputs up to which all patterns are tried; seed : of the random patterns
    encoder : of the first circuit's inputs; only patterns that it can make are compared (none:
        all patterns, whatever encoders the circuits have)
    conflicts : that the SAT solver may spend on each question about an output; none: no limit

    Class sums, if there are any, are compared net by net, which is stricter than by their counts.

    Raises NetlistError if the numbers of inputs, outputs or class sums differ, or the encoder makes
    another number of inputs; UndecidedError where `conflicts` were too few.
    """
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
    words = np.concatenate([_corners(pair), _random(rng, pair, RANDOM_WORDS)], axis=1)
    patterns = words.shape[1] * WORD
    if (found := _difference(pair, words)) is not None:
        return _verdict(pair, "simulation", found, patterns)
    found, calls = _Sweep(pair, rng, conflicts).run()
    return _verdict(pair, "sat", found, patterns, calls)


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


def _paired(a: GateNetlist, b: GateNetlist, encoder: Thermometer | None) -> _Pair:
    for netlist in (a, b):
        expect(netlist, "gates", "check_equal", "compiler.equal compares how two netlists are written")
        verify_gates(netlist)
    if encoder is not None and encoder.feature.size != a.n_inputs:
        raise NetlistError(
            f"the encoder makes {encoder.feature.size} inputs, the first circuit has {a.n_inputs}"
        )
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
        a.n_nets,
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
    """All zeros, all ones, and single ones and zeros: what random patterns never hit.

    A one comes with the ones that it implies, a zero with the zeros.
    """
    n_inputs = pair.both.n_inputs
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


# --- SAT sweeping ----------------------------------------------------------------------------


class _Sweep:
    """Proves or refutes that every output pair is equal."""

    def __init__(self, pair: _Pair, rng: np.random.Generator, conflicts: int | None) -> None:
        self.pair, self.conflicts = pair, conflicts
        self.words = _random(rng, pair, SWEEP_WORDS)
        self.calls = 0
        self.proved: set[tuple[int, int]] = set()
        self.open: set[tuple[int, int]] = set()

    def run(self) -> tuple[tuple[np.ndarray, int] | None, int]:
        """((input bits, output index) of a counterexample or None, SAT calls)."""
        from pysat.solvers import Glucose4

        with Glucose4(bootstrap_with=clauses(self.pair.both), incr=False) as solver:
            self.solver = solver
            for high, low in self.pair.implied.tolist():
                solver.add_clause((-(high + 1), low + 1))
            while self.sweep():
                pass
            undecided = []
            for k, (x, y) in enumerate(zip(self.pair.left, self.pair.right, strict=True)):
                self.open.discard((int(x), int(y)))
                model = self.differ(int(x), int(y), False, self.conflicts)
                if model is not None:
                    return (model, k), self.calls
                if (int(x), int(y)) in self.open:
                    undecided.append(self.pair.names[k])
        if undecided:
            named = ", ".join(undecided[:3]) + (", ..." if len(undecided) > 3 else "")
            raise UndecidedError(
                f"undecided: {len(undecided)} output(s) ({named}) were neither proved equal nor "
                f"found to differ within {self.conflicts} conflicts of the SAT solver; allow more"
            )
        return None, self.calls

    def sweep(self) -> bool:
        """Try to merge every net of the second circuit with an earlier one; whether simulation
        learnt new patterns, so that another round is worth it."""
        first: dict[bytes, int] = {}
        values = evaluate_words(self.pair.both, self.words, np.arange(self.pair.both.n_nets))
        flipped = (values[:, 0] & np.uint64(1)).astype(bool)
        values[flipped] = ~values[flipped]
        learnt: list[np.ndarray] = []
        for net in range(self.pair.both.n_nets):
            representative = first.setdefault(values[net].tobytes(), net)
            key = (representative, net)
            if net < self.pair.n_first or representative == net or key in self.proved or key in self.open:
                continue
            opposite = bool(flipped[net] ^ flipped[representative])
            model = self.differ(representative, net, opposite, SWEEP_CONFLICTS)
            if model is not None:
                learnt.append(model)
                if len(learnt) == WORD:
                    break
        if not learnt:
            return False
        self.words = np.concatenate([self.words, pack_bits(np.array(learnt))], axis=1)
        return True

    def differ(self, x: int, y: int, opposite: bool, conflicts: int | None = None) -> np.ndarray | None:
        """Input bits for which net x is not y (not its complement if `opposite`), or None.

        Equality that is proved becomes a clause. A pair that exceeds `conflicts` is left open.
        """
        if x == y and not opposite:
            return None
        p, q = x + 1, -(y + 1) if opposite else y + 1
        for assumptions in ((p, -q), (-p, q)):
            answer = self.ask(assumptions, conflicts)
            if answer is None:
                self.open.add((x, y))
                return None
            if answer:
                bits = np.zeros(self.pair.both.n_inputs, dtype=bool)
                given = np.array(self.solver.get_model()[: bits.size]) > 0
                bits[: given.size] = given
                return bits
        self.proved.add((x, y))
        self.solver.add_clause((-p, q))
        self.solver.add_clause((p, -q))
        return None

    def ask(self, assumptions: tuple[int, int], conflicts: int | None) -> bool | None:
        """Whether the assumptions can hold; None if `conflicts` were too few to tell."""
        self.calls += 1
        try:
            if conflicts is None:
                return self.solver.solve(assumptions=assumptions)
            self.solver.conf_budget(conflicts)
            return self.solver.solve_limited(assumptions=assumptions)
        except Exception as error:
            # the solver, written in C, turns Ctrl-C into an error of its own
            if "keyboard interrupt" in str(error):
                raise KeyboardInterrupt from None
            raise


def clauses(netlist: GateNetlist) -> Iterator[tuple[int, ...]]:
    """Tseitin's clauses; net k is variable k + 1."""
    # every variable occurs, so that a model names each input
    for k in range(netlist.n_nets):
        yield (k + 1, -(k + 1))
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for k, (op, a, b) in enumerate(zip(*columns, strict=True)):
        out = netlist.n_inputs + k + 1
        for row, prime in _PRIMES[op]:
            literals = tuple(
                (net + 1) if value == 0 else -(net + 1)
                for net, value in zip((a, b), row, strict=True)
                if value is not None
            )
            yield (*literals, out if prime else -out)


def _primes(op: int) -> list[tuple[tuple[int | None, int | None], int]]:
    """Operand values (None: any) that fix the output, and its value."""
    table = {(x, y): op >> (3 - 2 * x - y) & 1 for x in (0, 1) for y in (0, 1)}
    if not READS_A[op] and not READS_B[op]:
        return [((None, None), table[0, 0])]
    found: list[tuple[tuple[int | None, int | None], int]] = []
    for x in (0, 1):
        if table[x, 0] == table[x, 1] and READS_A[op]:
            found.append(((x, None), table[x, 0]))
        if table[0, x] == table[1, x] and READS_B[op]:
            found.append(((None, x), table[0, x]))
    covered = {
        row
        for row in table
        for (x, y), _ in found
        if (x is None or x == row[0]) and (y is None or y == row[1])
    }
    return found + [(row, value) for row, value in table.items() if row not in covered]


_PRIMES = [_primes(op) for op in range(16)]
