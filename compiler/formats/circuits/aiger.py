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

import numpy as np

from compiler.circuits.assemble import Definition, Port, assemble
from compiler.circuits.builder import Builder
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.names import refuse_class_sums
from compiler.formats.circuits.state import next_name, refuse_state, with_state
from compiler.formats.format import Format
from compiler.formats.options import DEFAULTS, Options
from compiler.ir.gates import (
    AND,
    CONST0,
    NONE,
    NOT,
    READS_A,
    READS_B,
    GateNetlist,
    flip_a,
    flip_b,
    make_gates,
)
from compiler.packed import read_packed


def read_aiger(path: str | os.PathLike, options: Options = DEFAULTS) -> GateNetlist:
    """The netlist of an .aig, .aag or gzipped file; errors as parse_aiger. options : cut_latches"""
    return parse_aiger(read_packed(path), name=str(path), cut_latches=options.cut_latches)


MOST_BYTES = 6  # of a number in a binary file
FREE_INPUTS = 1 << 20  # of a binary file, which has no bytes for them, so that its length bounds them not


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
    and next states last; ands : (n_gates, 3) int64, left side and right sides; lines : of the gates
    """

    inputs: list[tuple[int, int]]
    outputs: list[tuple[int, int]]
    ands: np.ndarray
    lines: Sequence[int]


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
        return _decoded(raw).rstrip("\r")

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
        free = n_inputs if words[0] == "aig" else 0  # no bytes tell of them
        if 2 * (used - free + n_outputs + sum(more)) > len(self.data) + 1:
            self.fail("the header states more than the file can hold; it is truncated or altered")
        if free > max(FREE_INPUTS, 3 * len(self.data)):
            raise UnsupportedError(
                f"{self.name}, line 1: states {free} inputs, which binary files say no more of; up to "
                f"{FREE_INPUTS:,} are believed: write the circuit in ascii (aag)"
            )
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

    def reset(self, what: str, first: list[int], state: int) -> None:
        """Refuse a first value that is none. first : the value, or nothing, which is 0"""
        if first and first[0] not in (0, 1, state):
            self.fail(f"{what} begins as {first[0]}; it must be 0, 1 or its own literal {state}, unknown")

    def ascii(self, header: _Header) -> _Graph:
        inputs = []
        for k in range(header.i):
            (literal,) = self.numbers(f"input {k}", 1)
            inputs.append((self.own(f"input {k}", literal, header.m), self.line))
        following = []
        for k in range(header.latches):
            state, value, *first = self.numbers(f"latch {k}", 2, 3)
            inputs.append((self.own(f"latch {k}", state, header.m), self.line))
            self.reset(f"latch {k}", first, state)
            following.append((self.literal(f"latch {k}", value, header.m), self.line))
        outputs = self.outputs(header)
        begin = self.line + 1
        ands = self.triples(header)
        return _Graph(inputs, outputs + following, ands, range(begin, begin + header.a))

    def triples(self, header: _Header) -> np.ndarray:
        """The lines of the gates, read at once; one by one where some line is not as it should be."""
        lines = self.data[self.at :].split(b"\n", header.a)[: header.a]
        rows = [line.split() for line in lines]
        if (
            len(rows) == header.a
            and all(len(row) == 3 for row in rows)
            and all(word.isdigit() and len(word) < 12 for row in rows for word in row)
        ):
            found = np.array(rows, dtype="S12").astype(np.int64).reshape(-1, 3)
            driven = found[:, 0]
            if not ((found > 2 * header.m + 1).any() or (driven & 1).any() or (driven == 0).any()):
                self.line += header.a
                self.at += sum(map(len, lines)) + header.a
                return found
        one_by_one = []
        for k in range(header.a):
            left, x, y = self.numbers(f"gate {k}", 3)
            for literal in (left, x, y):
                self.literal(f"gate {k}", literal, header.m)
            if left & 1 or left == 0:
                self.fail(f"gate {k} drives the literal {left}; it must be even and not 0")
            one_by_one.append((left, x, y))
        return np.array(one_by_one, dtype=np.int64).reshape(-1, 3)

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
            value, *first = self.numbers(f"latch {k}", 1, 2)
            self.reset(f"latch {k}", first, 2 * (header.i + k + 1))
            following.append((self.literal(f"latch {k}", value, header.m), self.line))
        outputs = self.outputs(header)
        self.line += 1
        ands = self.deltas(known, header.a)
        line = self.line
        self.line -= 1
        return _Graph(inputs, outputs + following, ands, [line] * header.a)

    def deltas(self, known: int, n_gates: int) -> np.ndarray:
        """(n_gates, 3) left and right sides; a number has seven bits a byte, the low ones first."""
        raw = np.frombuffer(self.data, dtype=np.uint8)[self.at : self.at + 2 * MOST_BYTES * n_gates]
        ends = np.flatnonzero(raw < 128)[: 2 * n_gates]
        starts = np.concatenate([[0], ends[:-1] + 1])[: ends.size]
        sizes = ends + 1 - starts
        value = np.zeros(ends.size, dtype=np.int64)
        for j in range(min(MOST_BYTES, int(sizes.max(initial=0)))):
            longer = np.flatnonzero(sizes > j)
            value[longer] |= (raw[starts[longer] + j].astype(np.int64) & 127) << (7 * j)
        read = ends.size // 2
        left = 2 * (known + 1 + np.arange(n_gates))[:read]
        x = left - value[: 2 * read : 2]
        y = x - value[1 : 2 * read : 2]
        # the first fault in the file is the one that is told
        large = np.flatnonzero(sizes > MOST_BYTES)[:1] // 2
        broken = np.flatnonzero((y < 0) | (y > x) | (x >= left))[:1]
        if large.size and not (broken.size and broken[0] < large[0]):
            self.fail(f"gate {large[0]} holds a number that is too large; the file was altered")
        if broken.size:
            k = int(broken[0])
            self.fail(f"gate {k} (literal {left[k]}) reads literals {x[k]} and {y[k]}; order is broken")
        if ends.size < 2 * n_gates:
            if raw.size - (ends[-1] + 1 if ends.size else 0) > MOST_BYTES:
                self.fail(f"gate {read} holds a number that is too large; the file was altered")
            self.fail(f"the file ends within gate {read}; it is truncated")
        self.at += int(ends[-1]) + 1 if ends.size else 0
        return np.stack([left, x, y], axis=1)

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
        variables = {literal >> 1 for literal, _ in graph.inputs}
        if len(variables) < len(graph.inputs):
            raise FormatError(f"{self.name}: two inputs have the same literal")
        op, a, b, net_of = _in_order(graph, header) or self.sorted_columns(graph)
        named_in = _ports((("i", header.i), ("l", header.latches)), symbols)
        named_out = _ports((("o", header.o), ("b", header.bad), ("c", header.constraints)), symbols)
        taken = {*named_in, *named_out}
        for state in named_in[header.i :]:
            named_out.append(next_name(state, taken))
            taken.add(named_out[-1])
        shown = [net_of[literal] for literal, _ in graph.outputs]
        return make_gates(named_in, op, a, b, dict(zip(named_out, shown, strict=True)))

    def sorted_columns(self, graph: _Graph) -> _Columns:
        """The gates where some stand before what they read, or something is wrong, which is told."""
        rows = graph.ands.tolist()
        definitions = [
            Definition(f"{left >> 1}", line, _operands(x, y), _and(x, y))
            for (left, x, y), line in zip(rows, graph.lines, strict=True)
        ]
        used = {literal for literal, _ in graph.outputs}
        used |= {literal for _, x, y in rows for literal in (x, y)}
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
        nets = dict(zip(netlist.output_names, netlist.outputs.tolist(), strict=True))
        return netlist.op, netlist.a, netlist.b, {literal: nets[_net(literal)] for literal in lines}


_Columns = tuple[np.ndarray, np.ndarray, np.ndarray, dict[int, int]]
# op of the and of two literals, by their lowest bits
_AND_OPS = np.array([[AND, flip_b(AND)], [flip_a(AND), flip_a(flip_b(AND))]], dtype=np.uint8)


def _in_order(graph: _Graph, header: _Header) -> _Columns | None:
    """(op, a, b, net of every literal that is shown) where each gate reads inputs and gates before it."""
    left, right = graph.ands[:, 0] >> 1, graph.ands[:, 1:]
    n, size = len(graph.inputs), left.size
    if header.m > 4 * (n + size) + 1000:
        return None
    place = np.full(header.m + 1, header.m + 1, dtype=np.int64)  # inputs, then gates; what has none is last
    place[0] = -1
    place[[literal >> 1 for literal, _ in graph.inputs]] = np.arange(n)
    own = np.bincount(left, minlength=header.m + 1)
    if (place[left] < n).any() or (own > 1).any():
        return None
    place[left] = n + np.arange(size)
    operands = place[right >> 1]
    shown = dict.fromkeys(literal for literal, _ in graph.outputs)
    if (operands >= n + np.arange(size)[:, None]).any() or any(place[v >> 1] > header.m for v in shown):
        return None
    constant = (operands < 0).any(axis=1)
    first = int(np.argmax(constant)) if constant.any() else size  # the constant comes before its first reader
    op, (a, b) = _AND_OPS[right[:, 0] & 1, right[:, 1] & 1], operands.T
    if constant.any() or not shown.keys().isdisjoint((0, 1)):
        op = np.insert(op, first, CONST0)
        place[place >= n + first] += 1
        place[0] = n + first
        a, b = (np.insert(place[right[:, k] >> 1], first, NONE) for k in (0, 1))
    inverted = [literal for literal in shown if literal & 1]
    nets = {literal: int(place[literal >> 1]) for literal in shown}
    for k, literal in enumerate(inverted):
        nets[literal] = n + op.size + k
    sources = place[[literal >> 1 for literal in inverted]] if inverted else np.zeros(0, dtype=np.int64)
    return (
        np.concatenate([op, np.full(len(inverted), NOT, dtype=np.uint8)]),
        np.concatenate([a, sources]),
        np.concatenate([b, np.full(len(inverted), NONE)]),
        nets,
    )


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


def write_aiger(netlist: GateNetlist, *, binary: bool = True, registers: bool = False) -> bytes:
    """The netlist as .aig (binary) or .aag bytes, with the symbols of all ports.

    registers : inputs NAME with outputs NAME_next are latches, of an unknown first value (AIGER 1.9)

    Raises UnsupportedError for class sums and for names with a line break, and as with_registers.
    """
    netlist, (inputs, outputs, states) = with_state(netlist, registers)
    refuse_class_sums(netlist, "AIGER")
    for name in (*netlist.input_names, *netlist.output_names):
        if "\n" in name or "\r" in name or not _is_unicode(name):
            raise UnsupportedError(f"AIGER cannot hold the name {name!r}; rename the port")
    ands, literals = to_and_inverter(netlist)
    n, m = netlist.n_inputs, len(ands)
    i, o = len(inputs), len(outputs)
    parts = [f"{'aig' if binary else 'aag'} {n + m} {i} {n - i} {o} {m}\n".encode()]
    if not binary:
        parts += [f"{2 * (k + 1)}\n".encode() for k in range(i)]
    shown = [literals[net] for net in netlist.outputs.tolist()]
    for k, following in enumerate(shown[o:], i + 1):  # a latch that begins as itself begins unknown
        parts.append(
            f"{following} {2 * k}\n".encode() if binary else f"{2 * k} {following} {2 * k}\n".encode()
        )
    parts += [f"{literal}\n".encode() for literal in shown[:o]]
    for k, (x, y) in enumerate(ands):
        left = 2 * (n + 1 + k)
        if binary:
            parts += [_delta(left - x), _delta(x - y)]
        else:
            parts.append(f"{left} {x} {y}\n".encode())
    for letter, names in (("i", inputs), ("l", [state for state, _ in states]), ("o", outputs)):
        parts += [f"{letter}{k} {name}\n".encode() for k, name in enumerate(names)]
    return b"".join(parts)


def _delta(value: int) -> bytes:
    """Seven bits a byte, the low ones first."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _decoded(raw: bytes) -> str:
    """UTF-8 as ABC writes it, or latin-1 as earlier files of ours have it."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _is_unicode(name: str) -> bool:
    """Whether UTF-8 can hold it: not a half of a surrogate pair."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


FORMAT = Format(
    "aiger",
    "AIGER",
    (".aig", ".aag"),
    re.compile(rb"a[ai]g \d+ \d+ "),
    read_aiger,
    write_aiger,
    frozenset({"registers"}),
    frozenset({"cut_latches"}),
)
ASCII = Format(
    "aiger-ascii", "AIGER in ascii", write=partial(write_aiger, binary=False), takes=frozenset({"registers"})
)
