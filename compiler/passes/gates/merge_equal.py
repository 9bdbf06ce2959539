"""Nets that are equal for every pattern, though made differently, become one: SAT sweeping.

Simulation proposes, compiler.sat_sweeping proves; with an encoder, only for the patterns that it can make.
"""

from __future__ import annotations

import numpy as np

from compiler.circuits.possible import implications, possible_words
from compiler.ir.gates import GateNetlist
from compiler.passes.gates.local import redirect, sweep_dead
from compiler.sat_sweeping import Sweeper

WORDS = 256
CONFLICTS = 200  # spent on a pair before it is left as it is
EFFORT = 3000  # spent on the circuit, in values found for each gate


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
        implied = np.zeros((0, 2), dtype=np.int64)
    else:
        words, implied = possible_words(bound, rng, WORDS), implications(bound)
    sweeper = Sweeper(netlist, words, implied, rng, CONFLICTS, EFFORT * netlist.n_gates)
    try:
        sweeper.run()
    finally:
        sweeper.close()
    found = sweeper.literals()
    n = netlist.n_inputs

    def rule(net: int, gate: tuple[int, int, int], literals: list[int]) -> int:
        literal = found[net]
        if literal >> 1 == net or net < n:
            return 2 * net
        return literal if literal < 0 else literals[literal >> 1] ^ (literal & 1)

    return sweep_dead(redirect(netlist, rule, wires=True))
