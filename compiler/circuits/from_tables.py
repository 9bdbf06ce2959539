"""A circuit of tables as two-input gates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compiler.circuits.builder import Builder
from compiler.circuits.expansion import Expansion
from compiler.circuits.from_cells import cells_to_gates
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import NONE, GateNetlist
from compiler.ir.luts import LutNetlist


def circuit_of(netlist: GateNetlist | LutNetlist | CellNetlist) -> GateNetlist:
    """The circuit in two-input gates: of tables and of a library's cells what they compute, with the same
    read-out.
    """
    if isinstance(netlist, GateNetlist):
        return netlist
    if isinstance(netlist, LutNetlist):
        return tables_to_gates(netlist)
    named, subject = len(netlist.output_names), netlist.subject
    gates = cells_to_gates(netlist)
    sums = subject.class_sums
    return replace(
        gates,
        output_names=netlist.output_names,
        outputs=gates.outputs[:named],
        class_sums=None if sums is None else replace(sums, nets=gates.outputs[named:]),
        encoder=subject.encoder,
    )


def tables_to_gates(netlist: LutNetlist) -> GateNetlist:
    """The same circuit in two-input gates, every root kept, each table by compiler.circuits.small_functions.

    Equal gates of equal operands are made once; `simplify` finds what else tables share.
    """
    made = _Made(netlist)
    nets = list(range(netlist.n_inputs))
    for row, table in zip(netlist.fanins.tolist(), netlist.table.tolist(), strict=True):
        literals = [nets[net] if net >= netlist.n_inputs else 2 * net for net in row if net != NONE]
        nets.append(made.function(tuple(literals), table))
    roots = [made.net(nets[net] if net >= netlist.n_inputs else 2 * net) for net in netlist.roots.tolist()]
    builder, sums, named = made.builder, netlist.class_sums, netlist.n_outputs
    gates = builder.netlist(dict(zip(netlist.output_names, roots[:named], strict=True)), netlist.name)
    return replace(
        gates,
        class_sums=None if sums is None else replace(sums, nets=np.array(roots[named:], np.int32)),
        encoder=netlist.encoder,
        meta=netlist.meta,
    )


class _Made:
    """Gates so far, each once. Literals: 2 net, 2 net + 1 for the complement."""

    def __init__(self, netlist: LutNetlist) -> None:
        self.builder = builder = Builder(netlist.input_names)
        self.function = Expansion(
            lambda op, x, y: 2 * builder.gate(op, x, y),
            lambda: 2 * builder.constant(0),
            zip(netlist.widths.tolist(), netlist.table.tolist(), strict=True),
        ).function
        self.copies: dict[int, int] = {}

    def net(self, literal: int) -> int:
        """A net with the value of the literal."""
        if not literal & 1:
            return literal >> 1
        if literal not in self.copies:
            self.copies[literal] = self.builder.copy(literal)
        return self.copies[literal]
