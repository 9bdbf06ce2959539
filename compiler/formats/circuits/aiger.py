"""AIGER, ascii (.aag) and binary (.aig): combinational and-inverter graphs.

Source: A. Biere, The AIGER And-Inverter Graph (AIG) Format, version 20071012. Variable v has the
literals 2 v and 2 v + 1 (complemented); literals 0 and 1 are false and true.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from compiler.circuits.assemble import Definition, Port, assemble
from compiler.circuits.builder import Builder
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.names import refuse_class_sums
from compiler.formats.format import Format, plain
from compiler.ir.gates import AND, READS_A, READS_B, GateNetlist
from compiler.packed import read_packed


def read_aiger(path: str | os.PathLike) -> GateNetlist:
    """The netlist of an .aig, .aag or gzipped file; errors as parse_aiger."""
    return parse_aiger(read_packed(path), name=str(path))


@dataclass(frozen=True, slots=True)
class _Graph:
    """inputs, outputs : (literal, line); ands : (left side, right sides, line)"""

    maxvar: int
    inputs: list[tuple[int, int]]
    outputs: list[tuple[int, int]]
    ands: list[tuple[int, int, int, int]]


def parse_aiger(data: bytes, *, name: str = "data") -> GateNetlist:
    """The netlist of AIGER bytes. Ports without a symbol are called i0, i1, ... and o0, o1, ...

    Raises FormatError, with `name` and line, for malformed or truncated data, UnsupportedError for
    latches and the properties of AIGER 1.9.
    """
    return _Parser(data, name).netlist()


class _Parser:
    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name = data, name
        self.at = 0
        self.line = 0

    def fail(self, rule: str) -> NoReturn:
        raise FormatError(f"{self.name}, line {self.line}: {rule}")

    def next_line(self, what: str) -> str:
        self.line += 1
        if self.at >= len(self.data):
            self.fail(f"the file ends where {what} should follow; it is truncated")
        end = self.data.find(b"\n", self.at)
        if end < 0 and self.data[self.at :] != b"c":
            self.fail(f"the file ends within {what}, without a line end; it is truncated")
        end = len(self.data) if end < 0 else end
        raw, self.at = self.data[self.at : end], end + 1
        return raw.decode("latin-1").rstrip("\r")

    def numbers(self, what: str, count: int) -> list[int]:
        words = self.next_line(what).split()
        if len(words) != count or not all(w.isascii() and w.isdigit() for w in words):
            self.fail(f"{what} must be {count} whole number(s), got {' '.join(words)[:40]!r}")
        return [int(w) for w in words]

    def netlist(self) -> GateNetlist:
        words = self.next_line("the header").split()
        if len(words) < 6 or words[0] not in ("aag", "aig"):
            self.fail("an AIGER file begins with `aag M I L O A` or `aig M I L O A`")
        if not all(w.isascii() and w.isdigit() for w in words[1:]):
            self.fail(f"the header must hold whole numbers, got {' '.join(words)[:60]!r}")
        maxvar, n_inputs, n_latches, n_outputs, n_ands, *more = (int(w) for w in words[1:])
        if n_latches:
            raise UnsupportedError(
                f"{self.name}, line 1: holds {n_latches} latch(es); only combinational circuits "
                "are supported: cut the latches into inputs and outputs"
            )
        if any(more):
            raise UnsupportedError(
                f"{self.name}, line 1: holds AIGER 1.9 properties; only outputs are supported"
            )
        if n_inputs + n_ands > maxvar or (words[0] == "aig" and n_inputs + n_ands != maxvar):
            self.fail(f"the header states {maxvar} variables for {n_inputs} inputs and {n_ands} gates")
        if n_inputs + n_outputs + n_ands > 3 * len(self.data):
            self.fail("the header states more than the file can hold; it is truncated or altered")
        read = self.ascii if words[0] == "aag" else self.binary
        graph = read(maxvar, n_inputs, n_outputs, n_ands)
        symbols = self.symbols(n_inputs, n_outputs)
        return self.build(graph, symbols)

    def literal(self, what: str, value: int, maxvar: int) -> int:
        if value > 2 * maxvar + 1:
            self.fail(f"{what} has the literal {value}; the largest is {2 * maxvar + 1}")
        return value

    def ascii(self, maxvar: int, n_inputs: int, n_outputs: int, n_ands: int) -> _Graph:
        inputs = []
        for k in range(n_inputs):
            (literal,) = self.numbers(f"input {k}", 1)
            if literal & 1 or literal == 0:
                self.fail(f"input {k} has the literal {literal}; it must be even and not 0")
            inputs.append((self.literal(f"input {k}", literal, maxvar), self.line))
        outputs = self.outputs(maxvar, n_outputs)
        ands = []
        for k in range(n_ands):
            left, x, y = self.numbers(f"gate {k}", 3)
            for literal in (left, x, y):
                self.literal(f"gate {k}", literal, maxvar)
            if left & 1 or left == 0:
                self.fail(f"gate {k} drives the literal {left}; it must be even and not 0")
            ands.append((left, x, y, self.line))
        return _Graph(maxvar, inputs, outputs, ands)

    def outputs(self, maxvar: int, n_outputs: int) -> list[tuple[int, int]]:
        found = []
        for k in range(n_outputs):
            (literal,) = self.numbers(f"output {k}", 1)
            found.append((self.literal(f"output {k}", literal, maxvar), self.line))
        return found

    def binary(self, maxvar: int, n_inputs: int, n_outputs: int, n_ands: int) -> _Graph:
        inputs = [(2 * v, 1) for v in range(1, n_inputs + 1)]
        outputs = self.outputs(maxvar, n_outputs)
        ands = []
        self.line += 1
        for k in range(n_ands):
            left = 2 * (n_inputs + 1 + k)
            x = left - self.delta(k)
            y = x - self.delta(k)
            if not 0 <= y <= x < left:
                self.fail(f"gate {k} (literal {left}) reads literals {x} and {y}; order is broken")
            ands.append((left, x, y, self.line))
        self.line -= 1
        return _Graph(maxvar, inputs, outputs, ands)

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

    def symbols(self, n_inputs: int, n_outputs: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while self.at < len(self.data):
            line = self.next_line("a symbol")
            if line == "c":
                break
            key, space, symbol = line.partition(" ")
            limit = {"i": n_inputs, "o": n_outputs}.get(key[:1], 0)
            number = int(key[1:]) if key[1:].isascii() and key[1:].isdigit() else limit
            if not (space and symbol and number < limit):
                self.fail(f"cannot read the symbol {line[:40]!r}; expected `i0 NAME` or `o0 NAME`")
            if key in found:
                self.fail(f"symbol {key} is given twice")
            found[key] = symbol
        return found

    def build(self, graph: _Graph, symbols: dict[str, str]) -> GateNetlist:
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
        named_in = self.ports("i", len(graph.inputs), symbols)
        named_out = self.ports("o", len(graph.outputs), symbols)
        builder = Builder(named_in)
        builder.op, builder.a, builder.b = (getattr(netlist, column).tolist() for column in ("op", "a", "b"))
        shown = [net_of[_net(literal)] for literal, _ in graph.outputs]
        return builder.netlist(dict(zip(named_out, shown, strict=True)))

    def ports(self, letter: str, count: int, symbols: dict[str, str]) -> list[str]:
        names = [symbols.get(f"{letter}{k}", f"{letter}{k}") for k in range(count)]
        if len(set(names)) < count:
            twice = next(name for name in names if names.count(name) > 1)
            raise FormatError(f"{self.name}: two symbols are called {twice!r}; rename one")
        return names


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


FORMAT = Format(
    "aiger", "AIGER", (".aig", ".aag"), re.compile(rb"a[ai]g \d+ \d+ "), plain(read_aiger), write_aiger
)
ASCII = Format("aiger-ascii", "AIGER in ascii", write=partial(write_aiger, binary=False))
