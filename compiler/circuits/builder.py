"""Builds GateNetlists gate by gate; wide functions become balanced trees of two-input gates.

Functions here handle *literals*: 2 * net for a net's value, 2 * net + 1 for its complement, which
costs nothing as an operand since it goes into the reading gate's truth table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.ir.gates import (
    AND,
    BUF,
    CONST0,
    CONST1,
    NOT,
    OR,
    READS_A,
    READS_B,
    XOR,
    GateNetlist,
    flip_a,
    flip_b,
    make_gates,
)


class Builder:
    """A circuit under construction. inputs : names of the primary inputs, nets 0, 1, ..."""

    def __init__(self, inputs: Sequence[str]) -> None:
        self.inputs = list(inputs)
        self.op: list[int] = []
        self.a: list[int] = []
        self.b: list[int] = []

    def gate(self, op: int, x: int, y: int) -> int:
        """Net of op(x, y) for literals x and y."""
        if x & 1:
            op = flip_a(op)
        if y & 1:
            op = flip_b(op)
        self.op.append(op)
        self.a.append(x >> 1 if READS_A[op] else -1)
        self.b.append(y >> 1 if READS_B[op] else -1)
        return len(self.inputs) + len(self.op) - 1

    def constant(self, value: int) -> int:
        """Net that always shows `value`."""
        return self.gate(CONST1 if value else CONST0, 0, 0)

    def copy(self, x: int) -> int:
        """New net with the value of literal x: a buffer or an inverter."""
        return self.gate(BUF, x, x)

    def tree(self, op: int, literals: Sequence[int], *, invert: bool = False) -> int:
        """Net of the and, or or xor of any number of literals, complemented if `invert`.

        No literal gives the operation's neutral element.
        """
        if not literals:
            return self.constant(int(op == AND) ^ invert)
        level = list(literals)
        if len(level) == 1:
            return self.copy(level[0] ^ invert)
        while len(level) > 2:
            pairs = [2 * self.gate(op, x, y) for x, y in zip(level[0::2], level[1::2], strict=False)]
            level = pairs + level[len(level) & ~1 :]
        return self.gate(15 - op if invert else op, *level)

    def choose(self, select: int, one: int, zero: int) -> int:
        """Net of `one` where `select` is 1, else `zero`; all literals."""
        taken, other = self.gate(AND, select, one), self.gate(AND, select ^ 1, zero)
        return self.gate(OR, 2 * taken, 2 * other)

    def table(self, literals: Sequence[int], table: int) -> int:
        """Net of f(literals), bit p of `table` for the pattern with literal k in bit k of p."""
        full = (1 << (1 << len(literals))) - 1
        table &= full
        if table in (0, full):
            return self.constant(table & 1)
        if len(literals) == 1:
            return self.copy(literals[0] ^ (table & 1))
        if len(literals) == 2:
            f00, f10, f01, f11 = (table >> p & 1 for p in range(4))
            return self.gate(8 * f00 + 4 * f01 + 2 * f10 + f11, *literals)
        rest, select = literals[:-1], literals[-1]
        full = (1 << (1 << len(rest))) - 1
        low, high = table & full, table >> (1 << len(rest))
        if low == high:
            return self.table(rest, low)
        if low ^ high == full:
            if low in (0, full):
                return self.copy(select ^ (low == full))
            return self.gate(XOR, 2 * self.table(rest, low), select)
        for value, other, flip in ((low, high, 0), (high, low, 1)):
            if value in (0, full):  # a gate of the other half
                op, literal = (AND, select ^ flip) if value == 0 else (OR, select ^ flip ^ 1)
                return self.gate(op, literal, 2 * self.table(rest, other))
        return self.choose(select, 2 * self.table(rest, high), 2 * self.table(rest, low))

    def cover(self, cubes: Sequence[str], operands: Sequence[int], value: int) -> int:
        """Net of a sum of products.

        cubes : strings over 0, 1, - with a character for each operand; operands : nets
        value : what the function is where a cube matches (an off-set cover has 0)
        """
        width = len(operands)
        if width <= 2:
            return self._small_cover(cubes, operands, value)
        products = []
        for cube in dict.fromkeys(cubes):
            literals = [2 * net + (bit == "0") for net, bit in zip(operands, cube, strict=True) if bit != "-"]
            if not literals:
                return self.constant(value)
            products.append(literals)
        if len(products) == 1:
            return self.tree(AND, products[0], invert=not value)
        terms = [p[0] if len(p) == 1 else 2 * self.tree(AND, p) for p in products]
        return self.tree(OR, terms, invert=not value)

    def _small_cover(self, cubes: Sequence[str], operands: Sequence[int], value: int) -> int:
        op = 0
        for row in range(4):
            bits = f"{row:02b}"[: len(operands)] if operands else ""
            hit = any(all(c in ("-", bit) for c, bit in zip(cube, bits, strict=True)) for cube in cubes)
            op = 2 * op + (hit == bool(value))
        x, y = [*operands, 0, 0][:2]
        if op in (BUF, NOT):  # of the first operand
            return self.copy(2 * x + (op == NOT))
        return self.gate(op, 2 * x, 2 * y)

    def netlist(self, outputs: Mapping[str, int], name: str = "") -> GateNetlist:
        """The finished netlist; outputs : net of each name; name : of the circuit."""
        return make_gates(self.inputs, self.op, self.a, self.b, outputs, name=name)
