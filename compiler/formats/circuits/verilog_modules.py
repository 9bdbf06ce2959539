"""Modules put together: parameters, instances and primitive gates become single-bit nets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.library_cells import CellFunctions, Function
from compiler.formats.circuits.verilog_bits import MAX_BITS, Expressions, Vector
from compiler.formats.circuits.verilog_tree import Assign, Declared, Expr, Gate, Instance, Module
from compiler.formats.circuits.verilog_words import UnexpectedError
from compiler.formats.circuits.wires import Wires
from compiler.ir.gates import AND, OR, XOR, GateNetlist

TREES = {
    "and": (AND, False),
    "nand": (AND, True),
    "or": (OR, False),
    "nor": (OR, True),
    "xor": (XOR, False),
    "xnor": (XOR, True),
}
MAX_LEVELS = 64  # of instances in instances
WIDENED = ("nary", "choice", "binary", "unary")  # what an assignment around it may widen


@dataclass(frozen=True, slots=True)
class _Table:
    """Pins of an FPGA's look-up table, and its parameter."""

    operands: tuple[str, ...]
    out: str
    constant: str


TABLES: dict[str, tuple[_Table, ...]] = {
    f"LUT{n}": (_Table(tuple(f"I{k}" for k in range(n)), "O", "INIT"),) for n in range(1, 7)
}
TABLES["LUT4"] = (_Table(("A", "B", "C", "D"), "Z", "INIT"), *TABLES["LUT4"])
TABLES["SB_LUT4"] = (_Table(("I0", "I1", "I2", "I3"), "O", "LUT_INIT"),)
"""Those that we write: AMD's LUT1 to LUT6, Lattice's LUT4 (ECP5, told by its pin Z) and SB_LUT4 (iCE40)."""
Pins = dict[str, Expr | None]


def elaborate(
    modules: Mapping[str, Module], where: str, *, top: str | None = None, cells: CellFunctions | None = None
) -> GateNetlist:
    """The flat netlist of the top module: the one that no other instantiates, or that called `top`.

    cells : functions of instances that are no module of the file

    Raises FormatError with the line, UnsupportedError for several top modules and unknown cells.
    """
    wires = Wires(where)
    chosen = _top(modules, where, top)
    body = _Body(wires, where, modules, cells, chosen, "", {}, {}, 0)
    try:
        body.run()
    except RecursionError:
        raise UnexpectedError(
            f"{where}, line {wires.line}: an expression is nested too deeply; name its parts"
        ) from None
    sides = {side: [d for d in body.ports.values() if d.side == side] for side in ("input", "output")}
    ends = {
        side: [(bit >> 1, d.line) for d in found for bit in _by_number(body.vectors[d.name])]
        for side, found in sides.items()
    }
    return wires.netlist(ends["input"], ends["output"], chosen.name)


def _by_number(vector: Vector) -> list[int]:
    """Bits in the order of their numbers."""
    return vector.bits if vector.numbers.step > 0 else vector.bits[::-1]


def _top(modules: Mapping[str, Module], where: str, top: str | None) -> Module:
    if top is not None:
        if top not in modules:
            raise FormatError(f"{where}: has no module {top!r}; there are {', '.join(modules)}")
        return modules[top]
    used = {item.kind for m in modules.values() for item in m.items if isinstance(item, Instance)}
    found = [name for name in modules if name not in used]
    if not found:
        raise FormatError(f"{where}: every module is an instance of another; none is the whole circuit")
    if len(found) > 1:
        second = modules[found[1]]
        raise UnsupportedError(
            f"{where}, line {second.line}: modules {', '.join(map(repr, found[:6]))} are instances of no "
            "other; choose the whole circuit with --top NAME"
        )
    return modules[found[0]]


@dataclass(slots=True)
class _Body:
    """One instance of a module. given : nets or literals of its ports, from outside"""

    wires: Wires
    where: str
    modules: Mapping[str, Module]
    cells: CellFunctions | None
    module: Module
    prefix: str
    parameters: dict[str, Vector]
    given: dict[str, list[int]]
    level: int
    vectors: dict[str, Vector] = field(default_factory=dict)
    ports: dict[str, Declared] = field(default_factory=dict)
    e: Expressions = field(init=False)

    def __post_init__(self) -> None:
        self.e = Expressions(self.wires, self.where, self.find)

    # --- names ---

    def find(self, name: str, line: int) -> Vector:
        """The vector of a name; one that is declared nowhere is a net of one bit."""
        if name not in self.vectors:
            if self.module.strict:
                self.e.fail(f"net {name!r} is not declared, which `default_nettype none asks for", line)
            self.vectors[name] = self.fresh(name, range(1), False, False)
        return self.vectors[name]

    def fresh(self, name: str, numbers: range, signed: bool, vector: bool) -> Vector:
        plain = self.prefix + name.strip().removeprefix("\\" if name.endswith(" ") else "")
        names = [f"{plain}[{k}]" for k in sorted(numbers)] if vector else [plain]
        nets = dict(zip(sorted(numbers), map(self.wires.net, names), strict=True))
        return Vector([2 * nets[k] for k in numbers], numbers, signed, vector, False)

    def numbers(self, bounds: tuple[Expr, Expr] | None, line: int) -> range:
        if bounds is None:
            return range(1)
        first, last = (self.e.constant(bound, "a bound of a range") for bound in bounds)
        if abs(first - last) >= MAX_BITS:
            self.e.fail(f"the range [{first}:{last}] is too wide", line)
        return range(last, first + 1) if first >= last else range(last, first - 1, -1)

    # --- declarations ---

    def run(self) -> None:
        if self.level > MAX_LEVELS:
            self.e.fail(f"module {self.module.name!r} holds itself", self.module.line)
        self.constants()
        for d in self.module.declared:
            self.declare(d)
        for item in self.module.items:
            if isinstance(item, Assign):
                self.assign(item)
            elif isinstance(item, Gate):
                self.gate(item)
            else:
                self.instance(item)

    def constants(self) -> None:
        for p in self.module.parameters:
            if p.name in self.vectors:
                self.e.fail(f"parameter {p.name!r} is declared twice", p.line)
            over = None if p.local else self.parameters.get(p.name)
            width, signed = (len(over.bits), over.signed) if over else self.e.shape(p.value)
            bits = over.bits if over else self.e.own(p.value)
            if any(bit > 1 for bit in bits):
                self.e.fail(f"parameter {p.name!r} is no constant", p.line)
            numbers = range(width)
            if p.bounds is not None:
                numbers = self.numbers(p.bounds, p.line)
                fill = bits[-1] if signed else 0
                bits = (bits + [fill] * len(numbers))[: len(numbers)]
                signed = p.signed
            elif p.signed:
                signed = True
            self.vectors[p.name] = Vector(bits, numbers, signed, True, True)

    def declare(self, d: Declared) -> None:
        numbers = self.numbers(d.bounds, d.line)
        before = self.vectors.get(d.name)
        if d.side != "net":
            if before is not None:
                self.e.fail(f"port {d.name!r} is declared twice", d.line)
            self.ports[d.name] = d
        elif before is not None:
            if d.name not in self.ports:
                self.e.fail(f"net {d.name!r} is declared twice", d.line)
            if d.bounds is not None and before.numbers != numbers:
                self.e.fail(f"port {d.name!r} is declared with two ranges", d.line)
            if d.signed and not before.signed:
                self.vectors[d.name] = Vector(before.bits, numbers, True, before.vector, before.fixed)
            return
        vector = d.bounds is not None
        if d.value is not None:
            self.vectors[d.name] = Vector([d.value] * len(numbers), numbers, d.signed, vector, True)
        elif d.side == "net" or not self.level:
            made = self.fresh(d.name, numbers, d.signed, vector)
            self.vectors[d.name] = Vector(made.bits, numbers, d.signed, vector, d.side == "input")
        else:
            self.port(d, numbers)

    def port(self, d: Declared, numbers: range) -> None:
        """A port of an instance: what is connected outside, and nets of its own for the rest."""
        made = self.given.get(d.name)
        vector = d.bounds is not None
        if made is None or len(made) < len(numbers):
            own = self.fresh(d.name, numbers, d.signed, vector).bits
            made = own if made is None else made + own[len(made) :]
        self.vectors[d.name] = Vector(made[: len(numbers)], numbers, d.signed, vector, d.side == "input")

    # --- statements ---

    def assign(self, item: Assign) -> None:
        nets = self.e.target(item.target)
        for net, literal in zip(nets, self.e.assigned(item.value, len(nets)), strict=True):
            self.wires.drive(net, literal, item.line)

    def one(self, e: Expr, gate: str) -> int:
        """The single bit of a terminal."""
        bits = self.e.own(e)
        if len(bits) > 1 and not (e.kind == "number" and e.parts[3] and e.parts[0] < 2):
            raise UnsupportedError(
                f"{self.where}, line {e.line}: a terminal of {gate} is {len(bits)} bits wide; choose one bit"
            )
        return bits[0]

    def gate(self, item: Gate) -> None:
        *outs, last = item.terminals
        if item.kind in TREES:
            outs, operands = [item.terminals[0]], item.terminals[1:]
            op, invert = TREES[item.kind]
            shown = item.terminals[0].parts[0] if item.terminals[0].kind == "name" else "a net"
            if not operands:
                self.e.fail(f"{item.kind} driving {shown!r} has no operand", item.line)
            self.wires.line = item.line
            literal = self.wires.tree(op, [self.one(x, item.kind) for x in operands], invert=invert)
        else:
            if not outs:
                self.e.fail(f"{item.kind} needs an output and an operand", item.line)
            literal = self.one(last, item.kind) ^ (item.kind == "not")
        for out in outs:
            nets = self.e.target(out)
            if len(nets) > 1:
                self.e.fail(f"{item.kind} drives {len(nets)} bits; choose one", item.line)
            self.wires.drive(nets[0], literal, item.line)

    # --- instances ---

    def instance(self, item: Instance) -> None:
        child = self.modules.get(item.kind)
        if child is None:
            self.cell(item)
            return
        order = [name for name, _ in child.header]
        pins = self.pins(item, order)
        inner = _Body(
            self.wires,
            self.where,
            self.modules,
            self.cells,
            child,
            f"{self.prefix}{item.name.strip()}.",
            self.overrides(item, child),
            {},
            self.level + 1,
        )
        inner.constants()
        widths = {
            d.name: (len(inner.numbers(d.bounds, d.line)), d.side, d.signed)
            for d in child.declared
            if d.side != "net"
        }
        inner.vectors.clear()
        for name, e in pins.items():
            if e is not None:
                width, side, _ = widths[name]
                inner.given[name] = self.connect(item, name, e, width, side)
        inner.run()

    def connect(self, item: Instance, name: str, e: Expr, width: int, side: str) -> list[int]:
        """Literals that a port of an instance stands for."""
        what = f"port {name!r} of {item.name.strip()!r}"
        if side == "input":
            own, _ = self.e.shape(e)
            if own < width and e.kind in WIDENED and own > 0:
                raise UnsupportedError(
                    f"{self.where}, line {e.line}: {what} has {width} bits and reads an expression of {own}; "
                    "assign it to a net of that width first"
                )
            return self.e.assigned(e, width)
        nets = self.e.target(e)
        if len(nets) > width:
            raise UnsupportedError(
                f"{self.where}, line {e.line}: {what} has {width} bits and drives {len(nets)}; "
                "connect as many"
            )
        return [2 * net for net in nets]

    def pins(self, item: Instance, order: list[str]) -> Pins:
        named = [name for name, _ in item.pins if name]
        if named and len(named) < len(item.pins):
            self.e.fail(f"{item.name!r} mixes ports by name and by order", item.line)
        if named:
            if len(set(named)) < len(named):
                self.e.fail(f"{item.name!r} connects a port twice", item.line)
            if bad := [name for name in named if name not in order]:
                self.e.fail(f"{item.kind!r} has no port {bad[0]!r}, which {item.name!r} connects", item.line)
            return dict(item.pins)
        if len(item.pins) > len(order):
            self.e.fail(
                f"{item.name!r} connects {len(item.pins)} ports; {item.kind!r} has {len(order)}", item.line
            )
        return {name: e for name, (_, e) in zip(order, item.pins, strict=False)}

    def overrides(self, item: Instance, child: Module) -> dict[str, Vector]:
        known = [p.name for p in child.parameters if not p.local]
        found: dict[str, Vector] = {}
        for k, (name, e) in enumerate(item.parameters):
            if e is None:
                continue
            if (name and name not in known) or (not name and k >= len(known)):
                self.e.fail(f"{item.kind!r} has no parameter {name or k + 1!r}", item.line)
            bits = self.e.own(e)
            if any(bit > 1 for bit in bits):
                self.e.fail(f"parameter {name or known[k]!r} is given no constant", e.line)
            found[name or known[k]] = Vector(bits, range(len(bits)), self.e.shape(e)[1], True, True)
        return found

    def cell(self, item: Instance) -> None:
        if item.kind in TABLES and (self.cells is None or item.kind not in self.cells.cells):
            self.table(item)
            return
        if self.cells is None:
            raise UnsupportedError(
                f"{self.where}, line {item.line}: {item.kind!r} ({item.name.strip()}) is no module of this "
                "file; name the library that holds it: thermoc compile --library FILE.lib"
            )
        cell = self.cells.find(item.kind, f"{self.where}, line {item.line}")
        if any(not name for name, _ in item.pins):
            self.e.fail(f"cell {item.name!r} connects pins by order; connect them by name", item.line)
        known = {*cell.inputs, *cell.outputs}
        pins = self.pins(item, [*known, *cell.supplies])
        inputs = {}
        for name in cell.inputs:
            e = pins.get(name)
            if e is not None:
                inputs[name] = self.one(e, item.kind)
        driven = {name: self.pin(name, e) for name in cell.outputs if (e := pins.get(name)) is not None}
        if cell.state is not None:
            own = next((driven.pop(name) for name in cell.showing if name in driven), None)
            if own is None:
                own = self.wires.net(f"{self.prefix}{item.name.strip()}")
            inputs |= dict(zip(cell.state.names, (2 * own, 2 * own + 1), strict=True))
            self.wires.state(own, self.function(item, inputs, cell.state.following), item.line)
            self.wires.holders.append(cell.state.holder(partial(self.wires.pin, inputs)))
        for name, net in driven.items():
            self.wires.drive(net, self.function(item, inputs, cell.outputs[name]), item.line)

    def table(self, item: Instance) -> None:
        """An FPGA's look-up table: bit p of its constant where operand k is bit k of p."""
        if any(not name for name, _ in item.pins):
            self.e.fail(f"{item.kind} {item.name!r} connects pins by order; connect them by name", item.line)
        found = next(t for t in TABLES[item.kind] if t.out in dict(item.pins) or t is TABLES[item.kind][-1])
        pins = self.pins(item, [*found.operands, found.out])
        given = dict(item.parameters)
        init, out = given.pop(found.constant, None), pins.get(found.out)
        if init is None or given:
            self.e.fail(
                f"{item.kind} {item.name!r} needs its table, .{found.constant}(...), alone", item.line
            )
        bits = self.e.own(init)
        if any(bit > 1 for bit in bits[: 1 << len(found.operands)]):
            self.e.fail(f"{found.constant} of {item.name!r} is no constant", init.line)
        inputs = {
            name: self.one(e, item.kind) for name in found.operands if (e := pins.get(name)) is not None
        }
        table = sum(bit << p for p, bit in enumerate(bits[: 1 << len(found.operands)]))
        literal = self.function(item, inputs, (found.operands, table))
        if out is not None:
            self.wires.drive(self.pin(found.out, out), literal, item.line)

    def pin(self, name: str, e: Expr) -> int:
        """The net that an output pin drives."""
        nets = self.e.target(e)
        if len(nets) > 1:
            self.e.fail(f"pin {name!r} drives {len(nets)} bits; choose one", e.line)
        return nets[0]

    def function(self, item: Instance, inputs: Mapping[str, int], function: Function) -> int:
        operands, table = function
        if missing := [o for o in operands if o not in inputs]:
            self.e.fail(f"pin {missing[0]!r} of {item.name.strip()!r} is open", item.line)
        self.wires.line = item.line
        return self.wires.table([inputs[o] for o in operands], table)
