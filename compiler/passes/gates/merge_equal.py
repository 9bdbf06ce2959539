"""Nets that are equal for every pattern, though made differently, become one: SAT sweeping.

A. Kuehlmann et al., IEEE TCAD 21(12), 2002. Simulation proposes, a solver proves; with an encoder,
only for the patterns that it can make.
"""

from __future__ import annotations

import numpy as np

from compiler.circuits.evaluate import evaluate_words, pack_bits
from compiler.circuits.possible import implications, possible_words
from compiler.equivalence import clauses
from compiler.ir.gates import GateNetlist
from compiler.passes.gates.local import ONE, ZERO, redirect, sweep_dead

WORDS = 64
CONFLICTS = 200  # spent on a pair before it is left as it is
ROUNDS = 8


def merge_equal(netlist: GateNetlist, *, impossible: bool = False, seed: int = 0) -> GateNetlist:
    """Reads of a net go to an earlier one that is equal or its complement, or to a constant.

    impossible : whether outputs may change for patterns that the encoder cannot make
    seed : of the random patterns, which decide only what is tried
    """
    if netlist.n_gates == 0:
        return netlist
    rng = np.random.default_rng(seed)
    bound = netlist.encoder if impossible else None
    if bound is None:
        words = rng.integers(0, 2**64, (netlist.n_inputs, WORDS), dtype=np.uint64)
        implied: list[list[int]] = []
    else:
        words = possible_words(bound, rng, WORDS)
        implied = implications(bound).tolist()
    found = _Search(netlist, words, implied).run()

    def rule(net: int, gate: tuple[int, int, int], literals: list[int]) -> int:
        if net not in found:
            return 2 * net
        literal = found[net]
        return literal if literal < 0 else literals[literal >> 1] ^ (literal & 1)

    return sweep_dead(redirect(netlist, rule, wires=True))


class _Search:
    """What is proved: for nets, the literal (of an earlier net, or ZERO, ONE) that each equals."""

    def __init__(self, netlist: GateNetlist, words: np.ndarray, implied: list[list[int]]) -> None:
        self.netlist, self.words, self.implied = netlist, words, implied
        self.equal: dict[int, int] = {}
        self.tried: set[tuple[int, int]] = set()

    def run(self) -> dict[int, int]:
        from pysat.solvers import Glucose4

        with Glucose4(bootstrap_with=clauses(self.netlist), incr=False) as solver:
            for high, low in self.implied:
                solver.add_clause((-(high + 1), low + 1))
            self.solver = solver
            for _ in range(ROUNDS):
                learnt = self.round()
                if not learnt:
                    break
                self.words = np.concatenate([self.words, pack_bits(np.array(learnt))], axis=1)
        return self.equal

    def round(self) -> list[np.ndarray]:
        """Try every net once; input patterns that tell some apart."""
        netlist = self.netlist
        values = evaluate_words(netlist, self.words, np.arange(netlist.n_nets))
        flipped = (values[:, 0] & np.uint64(1)).astype(bool)
        values[flipped] = ~values[flipped]
        first: dict[bytes, int] = {bytes(values.shape[1] * 8): -1}  # the constant
        learnt: list[np.ndarray] = []
        for net in range(netlist.n_nets):
            other = first.setdefault(values[net].tobytes(), net)
            if net < netlist.n_inputs or other == net or net in self.equal:
                continue
            if (other, net) in self.tried:
                continue
            self.tried.add((other, net))
            model = self.prove(net, other, bool(flipped[net]), bool(other >= 0 and flipped[other]))
            if model is not None:
                learnt.append(model)
        return learnt

    def prove(self, net: int, other: int, flip: bool, flip_other: bool) -> np.ndarray | None:
        """Inputs for which the nets differ, or None: proved, or given up."""
        y = net + 1
        if other < 0:  # the net is 1 throughout if `flip`, else 0
            questions: list[tuple[int, ...]] = [(-y,) if flip else (y,)]
        else:
            x = other + 1 if flip == flip_other else -(other + 1)
            questions = [(x, -y), (-x, y)]
        for question in questions:
            self.solver.conf_budget(CONFLICTS)
            answer = self.solver.solve_limited(assumptions=question)
            if answer is None:
                return None
            if answer:
                bits = np.zeros(self.netlist.n_inputs, dtype=bool)
                given = np.array(self.solver.get_model()[: bits.size]) > 0
                bits[: given.size] = given
                return bits
        if other < 0:
            self.equal[net] = ONE if flip else ZERO
        else:
            self.equal[net] = 2 * other + (flip != flip_other)
        for question in questions:
            self.solver.add_clause([-v for v in question])
        return None
