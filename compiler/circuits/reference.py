"""The slow evaluator that says what a GateNetlist's columns mean; the oracle of the fast one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from compiler.ir.gates import NONE, GateNetlist


def net_values(netlist: GateNetlist, bits: Sequence[int]) -> list[int]:
    """0 or 1 of every net, for one input pattern (n_inputs,)."""
    values = [int(bool(bit)) for bit in bits]
    for op, a, b in zip(netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist(), strict=True):
        row = 2 * (0 if a == NONE else values[a]) + (0 if b == NONE else values[b])
        values.append((op >> (3 - row)) & 1)
    return values


def output_values(netlist: GateNetlist, bits: Sequence[int]) -> list[int]:
    """0 or 1 of every named output, for one input pattern (n_inputs,)."""
    values = net_values(netlist, bits)
    return [values[net] for net in netlist.outputs.tolist()]


def class_counts(netlist: GateNetlist, bits: Sequence[int]) -> list[int]:
    """Ones counted for every class, for one input pattern (n_inputs,); [] without class sums."""
    sums = netlist.class_sums
    if sums is None:
        return []
    values = net_values(netlist, bits)
    ends = sums.indptr.tolist()
    nets = sums.nets.tolist()
    return [sum(values[net] for net in nets[start:stop]) for start, stop in pairwise(ends)]
