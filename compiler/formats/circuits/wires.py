"""Single-bit nets under construction: what a front end with vectors and hierarchy breaks a file down to.

Bits are *literals*: 2 net for a net's value, 2 net + 1 for its complement; 0 and 1 are the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from compiler.circuits.assemble import Definition, Port, assemble
from compiler.circuits.builder import Builder
from compiler.errors import FormatError
from compiler.formats.circuits.state import Holder, Pin, held_by, holder_words, next_name
from compiler.ir.gates import AND, OR, XOR, GateNetlist

Emit = Callable[[Builder, list[int], int], int]  # builder, literals, complement -> net


@dataclass(slots=True)
class _Inner:
    """A gate of an expression, built where it is read."""

    operands: tuple[int, ...]
    emit: Emit
    line: int
    net: int = 0  # the named net that takes it over, if one does


class Wires:
    """Nets, their drivers, and gates between them; constants are folded."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.names = [""]  # of net 0, the constant
        self.taken: set[str] = set()
        self.inner: dict[int, _Inner] = {}
        self.drivers: dict[int, tuple[int, int]] = {}  # literal, line
        self.states: dict[int, tuple[int, int]] = {}  # net of what it takes next, line
        self.holders: list[Holder] = []  # of cut states
        self.line = 0

    def net(self, name: str) -> int:
        """A new net. One called as another before it (an escaped name) is told apart by a backslash."""
        while name in self.taken:
            name = "\\" + name
        self.taken.add(name)
        self.names.append(name)
        return len(self.names) - 1

    def drive(self, net: int, literal: int, line: int) -> None:
        if net in self.drivers:
            raise FormatError(
                f"{self.where}, line {line}: net {self.names[net]!r} is driven here and at line "
                f"{self.drivers[net][1]}; a net has one driver"
            )
        self.drivers[net] = (literal, line)

    def state(self, net: int, following: int, line: int) -> None:
        """A cut state: the net becomes an input, and the literal that it takes next an output NAME_next."""
        if before := self.states.get(net, self.drivers.get(net)):
            raise FormatError(
                f"{self.where}, line {line}: net {self.names[net]!r} is driven here, as a state, and at line "
                f"{before[1]}; a net has one driver"
            )
        shown = self.net(next_name(self.names[net], self.taken))
        self.states[net] = (shown, line)
        self.drive(shown, following, line)

    def pin(self, literals: Mapping[str, int], function: tuple[tuple[str, ...], int]) -> Pin | None:
        """Where a function of a cell's pins comes from, as `table` has it; None if it reads an open one."""
        operands, table = function
        if not literals.keys() >= set(operands):
            return None
        literal = self.table([literals[name] for name in operands], table)
        return Pin(literal, self.names[literal >> 1])

    def gate(self, operands: Sequence[int], emit: Emit) -> int:
        """Literal of a gate that an expression needs; built only if something reads it."""
        net = len(self.names)
        self.names.append(f"gate {net}, line {self.line}")
        self.inner[net] = _Inner(tuple(operands), emit, self.line)
        return 2 * net

    # --- functions of literals ---

    def tree(self, op: int, literals: Sequence[int], *, invert: bool = False) -> int:
        """AND, OR or XOR of any number of literals."""
        found, flip = [], int(invert)
        absorbing = {AND: 0, OR: 1}.get(op)
        for literal in literals:
            if literal == absorbing:
                return literal ^ flip
            if literal > 1:
                found.append(literal)
            elif op == XOR:
                flip ^= literal
        if op == XOR:
            flip ^= sum(x & 1 for x in found) & 1
            found = [x & ~1 for x in found]
        if not found:
            return int(op == AND) ^ flip
        if len(found) == 1:
            return found[0] ^ flip
        return self.gate(found, _tree(op)) ^ flip

    def choose(self, select: int, one: int, zero: int) -> int:
        if select < 2:
            return one if select else zero
        if one == zero:
            return one
        if one == zero ^ 1:
            return self.tree(XOR, (select, zero))
        if zero == 0 or one == 0:
            return self.tree(AND, (select, one) if zero == 0 else (select ^ 1, zero))
        if zero == 1 or one == 1:
            return self.tree(OR, (select ^ 1, one) if zero == 1 else (select, zero))
        return self.gate((select, one, zero), _choice)

    def table(self, literals: Sequence[int], table: int) -> int:
        """f(literals), bit p of `table` for the pattern with literal k in bit k of p."""
        if not literals:
            return table & 1
        half = 1 << (len(literals) - 1)
        low, high = table & ((1 << half) - 1), table >> half
        zero = self.table(literals[:-1], low)
        one = (
            zero
            if low == high
            else zero ^ 1
            if low ^ high == (1 << half) - 1
            else self.table(literals[:-1], high)
        )
        return self.choose(literals[-1], one, zero)

    def add(self, xs: Sequence[int], ys: Sequence[int], carry: int = 0) -> tuple[list[int], int]:
        """(sum, carry out) of two vectors of one length, low bits first."""
        found = []
        for x, y in zip(xs, ys, strict=True):
            half = self.tree(XOR, (x, y))
            found.append(self.tree(XOR, (half, carry)))
            carry = self.tree(OR, (self.tree(AND, (x, y)), self.tree(AND, (half, carry))))
        return found, carry

    def less(self, xs: Sequence[int], ys: Sequence[int]) -> int:
        """x < y, without signs: no carry out of x - y."""
        return self.add(xs, [y ^ 1 for y in ys], 1)[1] ^ 1

    # --- the netlist ---

    def netlist(
        self, inputs: Sequence[tuple[int, int]], outputs: Sequence[tuple[int, int]], title: str
    ) -> GateNetlist:
        """The circuit of all driven nets, cut states last. inputs, outputs : net, line; named as the net

        Raises FormatError as assemble.
        """
        inputs = [*inputs, *((net, line) for net, (_, line) in self.states.items())]
        outputs = [*outputs, *self.states.values()]
        claimed = self._claim()
        definitions = [self._definition(net, *driver, claimed) for net, driver in self.drivers.items()]
        helpers = [
            Definition(self.names[net], inner.line, *self._emit(inner.operands, inner.emit, 0))
            for net, inner in self.inner.items()
            if not inner.net
        ]
        first, last = ([Port(self.names[net], line) for net, line in side] for side in (inputs, outputs))
        found = assemble(self.where, first, last, definitions, title, helpers)
        return held_by(found, self._holders({net for net, _ in inputs}))

    def _holders(self, inputs: set[int]) -> set[tuple[str, str]]:
        """What holds the states, in words; a net and its copies behind buffers have one name."""
        titles: dict[int, tuple[str, int]] = {}

        def named(pin: Pin) -> tuple[str, int]:
            root = self._source(pin.literal)
            net, level = root >> 1, 1 - (root & 1)
            if root < 2:
                return "", root
            if net in inputs:
                return self.names[net], level
            title, turned = titles.setdefault(net, (pin.title, (root ^ pin.literal) & 1))
            return title, level ^ turned

        return {holder_words(holder, named) for holder in self.holders}

    def _source(self, literal: int) -> int:
        """What a literal copies, behind buffers and inverters."""
        while (driver := self.drivers.get(literal >> 1)) is not None:
            literal = driver[0] ^ (literal & 1)
        return literal

    def _claim(self) -> set[int]:
        """Nets that are a gate of an expression themselves, not a copy of it."""
        claimed = set()
        readers: dict[int, int] = {}
        for inner in self.inner.values():
            for literal in inner.operands:
                readers[literal >> 1] = readers.get(literal >> 1, 0) + 1
        for literal, _ in self.drivers.values():
            readers[literal >> 1] = readers.get(literal >> 1, 0) + 1
        for net, (literal, _) in self.drivers.items():
            gate = self.inner.get(literal >> 1)
            if gate and not gate.net and (not literal & 1 or readers[literal >> 1] == 1):
                gate.net = net
                claimed.add(net)
        return claimed

    def _definition(self, net: int, literal: int, line: int, claimed: set[int]) -> Definition:
        name = self.names[net]
        if net in claimed:
            inner = self.inner[literal >> 1]
            return Definition(name, line, *self._emit(inner.operands, inner.emit, literal & 1))
        if literal < 2:
            return Definition(name, line, (), lambda builder, nets: builder.constant(literal))
        return Definition(name, line, *self._emit((literal,), _copy, 0))

    def _emit(
        self, literals: Sequence[int], emit: Emit, flip: int
    ) -> tuple[tuple[str, ...], Callable[[Builder, tuple[int, ...]], int]]:
        """(operands by name, each once; how the gate is built from their nets)"""
        read: dict[int, int] = {}
        places = []
        for literal in literals:
            net = literal >> 1
            if net in self.inner and self.inner[net].net:
                net = self.inner[
                    net
                ].net  # which shows the gate itself, never its complement, if others read it
            places.append((read.setdefault(net, len(read)), literal & 1))

        def build(builder: Builder, nets: tuple[int, ...]) -> int:
            return emit(builder, [2 * nets[place] + flipped for place, flipped in places], flip)

        return tuple(self.names[net] for net in read), build


def _tree(op: int) -> Emit:
    return lambda builder, literals, flip: builder.tree(op, literals, invert=bool(flip))


def _choice(builder: Builder, literals: list[int], flip: int) -> int:
    select, one, zero = literals
    return builder.choose(select, one ^ flip, zero ^ flip)


def _copy(builder: Builder, literals: list[int], flip: int) -> int:
    return builder.copy(literals[0] ^ flip)
