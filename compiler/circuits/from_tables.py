"""A circuit of tables as two-input gates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from compiler.circuits import small_functions as forms
from compiler.circuits.builder import Builder
from compiler.circuits.from_cells import cells_to_gates
from compiler.ir.cells import CellNetlist
from compiler.ir.gates import AND, NONE, OR, XOR, GateNetlist
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
        self.builder = Builder(netlist.input_names)
        self.known: dict[Any, int] = {}
        self.plans: dict[tuple[int, int], int] = {}
        self._plan(netlist)

    def _plan(self, netlist: LutNetlist) -> None:
        """Choices of all functions of more than SMALL inputs, many at a time."""
        widths = netlist.widths
        wanted = {k: set(netlist.table[widths == k].tolist()) for k in range(forms.SMALL + 1, netlist.k + 1)}
        for k in sorted(wanted, reverse=True):
            functions = np.array(sorted(wanted[k]), np.uint64)
            if functions.size == 0:
                continue
            choice = forms.choices(functions, k)[1]
            for f, c in zip(functions.tolist(), choice.tolist(), strict=True):
                self.plans[k, f] = c
            if k - 1 in wanted:
                for j in range(k):
                    own = functions[choice >> 4 == j]
                    f0, f1 = forms.halves(own, k, j)
                    wanted[k - 1] |= {*f0.tolist(), *f1.tolist(), *(f0 ^ f1).tolist()}

    def gate(self, op: int, x: int, y: int) -> int:
        """Literal of op(x, y), op and, or or xor; constants and equal operands vanish."""
        if op == XOR:  # complements go to the output
            flip, (x, y) = (x ^ y) & 1, sorted((x & ~1, y & ~1))
            return self._kept(op, x, y) ^ flip
        if op == OR:
            return self._kept(AND, *sorted((x ^ 1, y ^ 1))) ^ 1
        return self._kept(op, *sorted((x, y)))

    def _kept(self, op: int, x: int, y: int) -> int:
        if x >> 1 == y >> 1:
            if op == XOR:
                return self.constant(0)
            return x if x == y else self.constant(0)
        key = op, x, y
        if key not in self.known:
            self.known[key] = 2 * self.builder.gate(op, x, y)
        return self.known[key]

    def constant(self, value: int) -> int:
        if "0" not in self.known:
            self.known["0"] = 2 * self.builder.constant(0)
        return self.known["0"] ^ value

    def net(self, literal: int) -> int:
        """A net with the value of the literal."""
        if not literal & 1:
            return literal >> 1
        key = "not", literal
        if key not in self.known:
            self.known[key] = self.builder.copy(literal)
        return self.known[key]

    def function(self, operands: tuple[int, ...], f: int) -> int:
        """Literal of the function f of these literals."""
        k = len(operands)
        if f in (0, (1 << (1 << k)) - 1):
            return self.constant(f & 1)
        if k == 1:
            return operands[0] ^ (f & 1)
        key = operands, f
        if key not in self.known:
            self.known[key] = self._expanded(operands, f)
        return self.known[key]

    def _expanded(self, operands: tuple[int, ...], f: int) -> int:
        k = len(operands)
        plan = forms.choice_of(f, k) if k <= forms.SMALL else self.plans[k, f]
        j, form = plan >> 4, plan & 15
        x, rest = operands[j], operands[:j] + operands[j + 1 :]
        f0, f1 = forms.halves_of(f, k, j)

        def part(g: int) -> int:
            return self.function(rest, g)

        if form == forms.SAME:
            return part(f0)
        if form == forms.XOR:
            return self.gate(XOR, x, part(f0))
        if form == forms.ZERO0:
            return self.gate(AND, x, part(f1))
        if form == forms.ONE1:
            return self.gate(OR, x, part(f0))
        if form == forms.ZERO1:
            return self.gate(AND, x ^ 1, part(f0))
        if form == forms.ONE0:
            return self.gate(OR, x ^ 1, part(f1))
        if form == forms.LOW:
            return self.gate(OR, part(f0), self.gate(AND, x, part(f1)))
        if form == forms.HIGH:
            return self.gate(OR, part(f1), self.gate(AND, x ^ 1, part(f0)))
        if form == forms.DAVIO0:
            return self.gate(XOR, part(f0), self.gate(AND, x, part(f0 ^ f1)))
        if form == forms.DAVIO1:
            return self.gate(XOR, part(f1), self.gate(AND, x ^ 1, part(f0 ^ f1)))
        return self.gate(OR, self.gate(AND, x, part(f1)), self.gate(AND, x ^ 1, part(f0)))
