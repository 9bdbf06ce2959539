"""AIGER, ascii (.aag) and binary (.aig): and-inverter graphs; properties of AIGER 1.9, cut latches.

Source: A. Biere, The AIGER And-Inverter Graph (AIG) Format, version 20071012; A. Biere, K. Heljanko,
S. Wieringa, AIGER 1.9 and beyond, 2011. Variable v has the literals 2 v and 2 v + 1 (complemented);
literals 0 and 1 are false and true.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from compiler.circuits.assemble import Definition, Port, assemble
from compiler.circuits.builder import Builder
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.names import refuse_class_sums
from compiler.formats.circuits.state import next_name, refuse_state
from compiler.formats.format import Format
from compiler.formats.options import DEFAULTS, Options
from compiler.ir.gates import AND, READS_A, READS_B, GateNetlist
from compiler.packed import read_packed


def read_aiger(path: str | os.PathLike, options: Options = DEFAULTS) -> GateNetlist:
    """The netlist of an .aig, .aag or gzipped file; errors as parse_aiger. options : cut_latches"""
    return parse_aiger(read_packed(path), name=str(path), cut_latches=options.cut_latches)


@dataclass(frozen=True, slots=True)
class _Header:
    """Numbers of the header, by the letters that the format gives them."""

    binary: bool
    m: int
    i: int
    latches: int
    o: int
    a: int
    bad: int = 0
    constraints: int = 0


@dataclass(frozen=True, slots=True)
class _Graph:
    """inputs : (literal, line), the latches' states last; outputs : (literal, line), bad states, constraints
    and next states last; ands : (left side, right sides, line)
    """

    inputs: list[tuple[int, int]]
    outputs: list[tuple[int, int]]
    ands: list[tuple[int, int, int, int]]


def parse_aiger(data: bytes, *, name: str = "data", cut_latches: bool = False) -> GateNetlist:
    """The netlist of AIGER bytes. Ports without a symbol are called i0, i1, ... and o0, o1, ...

    Bad states b0, ... and constraints c0, ... of AIGER 1.9 are outputs. Cut latches l0, ... are inputs, and
    outputs l0_next, ...; their first values are left out.

    Raises FormatError, with `name` and line, for malformed or truncated data, UnsupportedError for
    latches that are not cut, and for justice and fairness properties.
    """
    return _Parser(data, name, cut_latches).netlist()


class _Parser:
    def __init__(self, data: bytes, name: str, cut: bool) -> None:
        self.data, self.name, self.cut = data, name, cut
        self.at = 0
        self.line = 0

    def fail(self, rule: str) -> NoReturn:
        raise FormatError(f"{self.name}, line {self.line}: {rule}")

    def next_line(self, what: str) -> str:
        self.line += 1
        if self.at >= len(self.data):
            self.fail(f"the file ends where {what} should follow; it is truncated")
        end = self.data.find(b"\n", self.at)
        end = len(self.data) if end < 0 else end
        raw, self.at = self.data[self.at : end], end + 1
        return raw.decode("latin-1").rstrip("\r")

    def numbers(self, what: str, count: int, most: int | None = None) -> list[int]:
        words = self.next_line(what).split()
        if not count <= len(words) <= (most or count) or not all(w.isascii() and w.isdigit() for w in words):
            self.fail(f"{what} must be {count} whole number(s), got {' '.join(words)[:40]!r}")
        return [int(w) for w in words]

    def netlist(self) -> GateNetlist:
        header = self.header()
        graph = self.binary(header) if header.binary else self.ascii(header)
        return self.build(graph, header, self.symbols(header))

    def header(self) -> _Header:
        words = self.next_line("the header").split()
        if not 6 <= len(words) <= 10 or words[0] not in ("aag", "aig"):
            self.fail("an AIGER file begins with `aag M I L O A` or `aig M I L O A`")
        if not all(w.isascii() and w.isdigit() and len(w) < 12 for w in words[1:]):
            self.fail(f"the header must hold whole numbers, got {' '.join(words)[:60]!r}")
        maxvar, n_inputs, n_latches, n_outputs, n_ands, *more = (int(w) for w in words[1:])
        if n_latches and not self.cut:
            raise refuse_state(f"{self.name}, line 1", f"the file's {n_latches} latch(es)")
        if any(more[2:]):
            raise UnsupportedError(
                f"{self.name}, line 1: holds justice or fairness properties of AIGER 1.9, which are about "
                "runs without end; leave them out"
            )
        used = n_inputs + n_latches + n_ands
        if used > maxvar or (words[0] == "aig" and used != maxvar):
            latches = f", {n_latches} latches" if n_latches else ""
            self.fail(
                f"the header states {maxvar} variables for {n_inputs} inputs{latches} and {n_ands} gates"
            )
        if used + n_outputs + sum(more) > 3 * len(self.data):
            self.fail("the header states more than the file can hold; it is truncated or altered")
        return _Header(words[0] == "aig", maxvar, n_inputs, n_latches, n_outputs, n_ands, *more[:2])

    def literal(self, what: str, value: int, maxvar: int) -> int:
        if value > 2 * maxvar + 1:
            self.fail(f"{what} has the literal {value}; the largest is {2 * maxvar + 1}")
        return value

    def own(self, what: str, value: int, maxvar: int) -> int:
        """The literal that an input or latch has."""
        if value & 1 or value == 0:
            self.fail(f"{what} has the literal {value}; it must be even and not 0")
        return self.literal(what, value, maxvar)

    def ascii(self, header: _Header) -> _Graph:
        inputs = []
        for k in range(header.i):
            (literal,) = self.numbers(f"input {k}", 1)
            inputs.append((self.own(f"input {k}", literal, header.m), self.line))
        following = []
        for k in range(header.latches):
            state, value, *_ = self.numbers(f"latch {k}", 2, 3)
            inputs.append((self.own(f"latch {k}", state, header.m), self.line))
            following.append((self.literal(f"latch {k}", value, header.m), self.line))
        outputs = self.outputs(header)
        ands = []
        for k in range(header.a):
            left, x, y = self.numbers(f"gate {k}", 3)
            for literal in (left, x, y):
                self.literal(f"gate {k}", literal, header.m)
            if left & 1 or left == 0:
                self.fail(f"gate {k} drives the literal {left}; it must be even and not 0")
            ands.append((left, x, y, self.line))
        return _Graph(inputs, outputs + following, ands)

    def outputs(self, header: _Header) -> list[tuple[int, int]]:
        found = []
        for what, count in (
            ("output", header.o),
            ("bad state", header.bad),
            ("constraint", header.constraints),
        ):
            for k in range(count):
                (literal,) = self.numbers(f"{what} {k}", 1)
                found.append((self.literal(f"{what} {k}", literal, header.m), self.line))
        return found

    def binary(self, header: _Header) -> _Graph:
        known = header.i + header.latches
        inputs = [(2 * v, 1) for v in range(1, known + 1)]
        following = []
        for k in range(header.latches):
            value, *_ = self.numbers(f"latch {k}", 1, 2)
            following.append((self.literal(f"latch {k}", value, header.m), self.line))
        outputs = self.outputs(header)
        ands = []
        self.line += 1
        for k in range(header.a):
            left = 2 * (known + 1 + k)
            x = left - self.delta(k)
            y = x - self.delta(k)
            if not 0 <= y <= x < left:
                self.fail(f"gate {k} (literal {left}) reads literals {x} and {y}; order is broken")
            ands.append((left, x, y, self.line))
        self.line -= 1
        return _Graph(inputs, outputs + following, ands)

    def delta(self, k: int) -> int:
        """One number of seven bits a byte, the low ones first."""
        value = shift = 0
        while True:
            if self.at >= len(self.data):
                self.fail(f"the file ends within gate {k}; it is truncated")
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 35:
                self.fail(f"gate {k} holds a number that is too large; the file was altered")

    def symbols(self, header: _Header) -> dict[str, str]:
        limits = {"i": header.i, "l": header.latches, "o": header.o, "b": header.bad, "c": header.constraints}
        found: dict[str, str] = {}
        while self.at < len(self.data):
            line = self.next_line("a symbol")
            if line == "c":
                break
            key, space, symbol = line.partition(" ")
            limit = limits.get(key[:1], 0)
            number = int(key[1:]) if key[1:].isascii() and key[1:].isdigit() and len(key) < 12 else limit
            if not (space and symbol and number < limit):
                self.fail(f"cannot read the symbol {line[:40]!r}; expected `i0 NAME` or `o0 NAME`")
            if key in found:
                self.fail(f"symbol {key} is given twice")
            found[key] = symbol
        return found

    def build(self, graph: _Graph, header: _Header, symbols: dict[str, str]) -> GateNetlist:
        """Nets are named by their variable, so that the shared sorter finds every fault."""
        variables = {literal >> 1 for literal, _ in graph.inputs}
        if len(variables) < len(graph.inputs):
            raise FormatError(f"{self.name}: two inputs have the same literal")
        definitions = [
            Definition(f"{left >> 1}", line, _operands(x, y), _and(x, y)) for left, x, y, line in graph.ands
        ]
        used = {literal for literal, _ in graph.outputs}
        used |= {literal for _, x, y, _ in graph.ands for literal in (x, y)}
        if used & {0, 1}:
            definitions.append(Definition("0", 1, (), lambda builder, nets: builder.constant(0)))
        # complemented outputs get one inverter each literal
        lines = {literal: line for literal, line in graph.outputs}
        for literal, line in lines.items():
            if literal & 1:
                definitions.append(Definition(f"-{literal >> 1}", line, (f"{literal >> 1}",), _complement))
        ports = [Port(f"{literal >> 1}", line) for literal, line in graph.inputs]
        outs = {literal: Port(_net(literal), line) for literal, line in lines.items()}
        netlist = assemble(self.name, ports, list(outs.values()), definitions)
        net_of = dict(zip(netlist.output_names, netlist.outputs.tolist(), strict=True))
        named_in = _ports((("i", header.i), ("l", header.latches)), symbols)
        named_out = _ports((("o", header.o), ("b", header.bad), ("c", header.constraints)), symbols)
        for state in named_in[header.i :]:
            named_out.append(next_name(state, {*named_in, *named_out}))
        builder = Builder(named_in)
        builder.op, builder.a, builder.b = (getattr(netlist, column).tolist() for column in ("op", "a", "b"))
        shown = [net_of[_net(literal)] for literal, _ in graph.outputs]
        return builder.netlist(dict(zip(named_out, shown, strict=True)))


def _ports(sides: Sequence[tuple[str, int]], symbols: dict[str, str]) -> list[str]:
    """Names of ports; a symbol that another port has, or none, leaves it letter and number."""
    keys = [f"{letter}{k}" for letter, count in sides for k in range(count)]
    named: dict[str, str] = {}
    taken: set[str] = set()
    for key in keys:
        if (symbol := symbols.get(key)) is not None and symbol not in taken:
            named[key] = symbol
            taken.add(symbol)
    for key in keys:
        if key not in named:
            name = key
            while name in taken:
                name += "_"
            named[key] = name
            taken.add(name)
    return [named[key] for key in keys]


def _net(literal: int) -> str:
    return f"-{literal >> 1}" if literal & 1 else f"{literal >> 1}"


def _operands(x: int, y: int) -> tuple[str, ...]:
    return (f"{x >> 1}", f"{y >> 1}")


def _and(x: int, y: int) -> Callable[[Builder, tuple[int, ...]], int]:
    def emit(builder: Builder, nets: tuple[int, ...]) -> int:
        return builder.gate(AND, 2 * nets[0] + (x & 1), 2 * nets[1] + (y & 1))

    return emit


def _complement(builder: Builder, nets: tuple[int, ...]) -> int:
    return builder.copy(2 * nets[0] + 1)


def to_and_inverter(netlist: GateNetlist) -> tuple[list[tuple[int, int]], list[int]]:
    """(and-gates, literal of every net): AIGER literals, inputs first, then the gates in order.

    An xor takes three gates, any other two-input op one; equal and trivial gates are not repeated.
    """
    ands: list[tuple[int, int]] = []
    known: dict[tuple[int, int], int] = {}

    def conjunction(x: int, y: int) -> int:
        x, y = max(x, y), min(x, y)
        if y == 0 or x == y ^ 1:
            return 0
        if y == 1 or x == y:
            return x
        if (x, y) not in known:
            ands.append((x, y))
            known[x, y] = 2 * (netlist.n_inputs + len(ands))
        return known[x, y]

    literals = [2 * (k + 1) for k in range(netlist.n_inputs)]
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for op, a, b in zip(*columns, strict=True):
        if not READS_A[op] and not READS_B[op]:
            literals.append(int(op == 15))
        elif not READS_B[op]:
            literals.append(literals[a] ^ (op == 12))
        elif not READS_A[op]:
            literals.append(literals[b] ^ (op == 10))
        elif op in (6, 9):
            x, y = literals[a], literals[b]
            either = conjunction(conjunction(x, y) ^ 1, conjunction(x ^ 1, y ^ 1) ^ 1)
            literals.append(either ^ (op == 9))
        else:
            table = [op >> 3 & 1, op >> 2 & 1, op >> 1 & 1, op & 1]
            lone = int(sum(table) == 1)
            row = table.index(lone)  # the one row that differs
            found = conjunction(literals[a] ^ (row < 2), literals[b] ^ (row % 2 == 0))
            literals.append(found ^ (lone == 0))
    return ands, literals


def write_aiger(netlist: GateNetlist, *, binary: bool = True) -> bytes:
    """The netlist as .aig (binary) or .aag bytes, with the symbols of all ports.

    Raises UnsupportedError for class sums and for names with a line break.
    """
    refuse_class_sums(netlist, "AIGER")
    for name in (*netlist.input_names, *netlist.output_names):
        if "\n" in name or "\r" in name or not _is_latin(name):
            raise UnsupportedError(f"AIGER cannot hold the name {name!r}; rename the port")
    ands, literals = to_and_inverter(netlist)
    n, m, o = netlist.n_inputs, len(ands), netlist.n_outputs
    parts = [f"{'aig' if binary else 'aag'} {n + m} {n} 0 {o} {m}\n".encode()]
    if not binary:
        parts += [f"{2 * (k + 1)}\n".encode() for k in range(n)]
    parts += [f"{literals[net]}\n".encode() for net in netlist.outputs.tolist()]
    for k, (x, y) in enumerate(ands):
        left = 2 * (n + 1 + k)
        if binary:
            parts += [_delta(left - x), _delta(x - y)]
        else:
            parts.append(f"{left} {x} {y}\n".encode())
    for letter, names in (("i", netlist.input_names), ("o", netlist.output_names)):
        parts += [f"{letter}{k} {name}\n".encode("latin-1") for k, name in enumerate(names)]
    return b"".join(parts)


def _delta(value: int) -> bytes:
    """Seven bits a byte, the low ones first."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _is_latin(name: str) -> bool:
    try:
        name.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


FORMAT = Format("aiger", "AIGER", (".aig", ".aag"), re.compile(rb"a[ai]g \d+ \d+ "), read_aiger, write_aiger)
ASCII = Format("aiger-ascii", "AIGER in ascii", write=partial(write_aiger, binary=False))
