"""Structural Verilog (IEEE 1364): one module of primitive gates and bitwise assigns.

Understood: ports and wires, single or vectors of them; and, nand, or, nor, xor, xnor, not, buf;
`assign` of single bits with ~ & | ^ ~^ && || ! ?: and the constants 1'b0, 1'b1. Everything else is
refused with its line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from compiler.circuits.assemble import Definition, Port, assemble
from compiler.circuits.builder import Builder
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.verilog_write import VerilogOptions, write_verilog
from compiler.formats.format import Format, plain
from compiler.ir.gates import AND, BUF, NOT, OR, XNOR, XOR, GateNetlist

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f]+|//[^\n]*|\(\*(?!\s*\)).*?\*\)|/\*.*?\*/)
    |(?P<newline>\n)
    |(?P<directive>`(?:timescale|default_nettype|celldefine|endcelldefine|resetall)[^\n]*)
    |\\(?P<escaped>[^\s]+)
    |(?P<name>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<number>\d*'[sS]?[bBoOdDhH][0-9a-fA-FxXzZ_?]+|\d+)
    |(?P<symbol>~\^|\^~|&&|\|\||[=!]=|<=|>=|<<|>>|[~!&|^?:=(){}\[\],;.\#@*+\-/%<>])
    """,
    re.VERBOSE | re.DOTALL,
)
TREES = {
    "and": (AND, False),
    "nand": (AND, True),
    "or": (OR, False),
    "nor": (OR, True),
    "xor": (XOR, False),
    "xnor": (XOR, True),
}
SINGLES = {"not": 1, "buf": 0}
# loosest first; && and || of single bits are & and |
LEVELS: tuple[dict[str, int], ...] = (
    {"||": OR},
    {"&&": AND},
    {"|": OR},
    {"^": XOR, "~^": XNOR, "^~": XNOR},
    {"&": AND},
)
UNSUPPORTED = ("+", "-", "*", "/", "%", "<", ">", "<=", ">=", "==", "!=", "<<", ">>")
MAX_WIDTH = 1 << 20
MAX_DEPTH = 120  # nested parentheses: the parser calls itself

Literal = Callable[[Builder, dict[str, int]], int]


def read_verilog(path: str | os.PathLike) -> GateNetlist:
    """The netlist of a .v file; errors as parse_verilog."""
    return parse_verilog(read_text(path), name=str(path))


def parse_verilog(text: str, *, name: str = "text") -> GateNetlist:
    """The netlist of a structural Verilog module. Bit k of a vector x is called x[k].

    Raises FormatError, with `name` and line, for malformed text, UnsupportedError for everything
    that is not a primitive gate or a bitwise assign.
    """
    return _Parser(_tokens(text, name), name).module()


@dataclass(frozen=True, slots=True)
class _Word:
    kind: str
    text: str
    line: int


def _tokens(text: str, name: str) -> list[_Word]:
    words = []
    line, at = 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise FormatError(f"{name}, line {line}: cannot read {text[at : at + 20].split()[0]!r}")
        kind = match.lastgroup or ""
        if kind in ("escaped", "name", "number", "symbol"):
            words.append(_Word(kind, match[kind], line))
        line += match[0].count("\n")
        at = match.end()
    words.append(_Word("end", "the end of the file", line))
    return words


class _Parser:
    def __init__(self, words: list[_Word], name: str) -> None:
        self.words, self.name = words, name
        self.at = 0
        self.ports: list[_Word] = []
        self.sides: dict[str, str] = {}
        self.ranges: dict[str, list[int]] = {}  # bit numbers of a vector, in declared order
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self.definitions: list[Definition] = []
        self.operands: dict[str, None] = {}  # nets read by the statement at hand, in order
        self.depth = 0

    # --- words ---

    @property
    def word(self) -> _Word:
        return self.words[self.at]

    def fail(self, rule: str, line: int | None = None) -> NoReturn:
        raise FormatError(f"{self.name}, line {line or self.word.line}: {rule}")

    def refuse(self, what: str, line: int | None = None) -> NoReturn:
        raise UnsupportedError(
            f"{self.name}, line {line or self.word.line}: {what} is not supported; only primitive "
            "gates and bitwise assigns of single bits are: flatten and map the design to gates"
        )

    def take(self) -> _Word:
        word = self.word
        if word.kind == "end":
            self.fail("the file ends within the module; it is truncated")
        self.at += 1
        return word

    def is_symbol(self, *texts: str) -> bool:
        return self.word.kind == "symbol" and self.word.text in texts

    def accept(self, text: str) -> bool:
        found = self.is_symbol(text)
        self.at += found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.fail(f"expected {text!r}, got {self.word.text[:40]!r}")

    def identifier(self) -> _Word:
        if self.word.kind not in ("name", "escaped"):
            self.fail(f"expected a name, got {self.word.text[:40]!r}")
        return self.take()

    # --- module ---

    def module(self) -> GateNetlist:
        if self.word.kind == "end":
            raise FormatError(f"{self.name}: holds no module")
        first = self.take()
        if first.kind != "name" or first.text != "module":
            self.refuse(repr(first.text[:40]), first.line)
        title = self.identifier().text
        if self.is_symbol("#"):
            self.refuse("a parameter list (#)")
        if self.accept("("):
            self.header()
        self.expect(";")
        while not (self.word.kind == "name" and self.word.text == "endmodule"):
            self.item()
        self.take()
        if self.word.kind != "end":
            if self.word.text == "module":
                self.refuse("a second module")
            self.fail(f"unexpected {self.word.text[:40]!r} after endmodule")
        for port in self.ports:
            if port.text not in self.sides:
                self.fail(f"port {port.text!r} is neither input nor output", port.line)
        return assemble(self.name, self.inputs, self.outputs, self.definitions, title)

    def header(self) -> None:
        """Port list: plain names, or declarations (`input [1:0] a, b, output y`)."""
        side, bits = "", None
        while not self.accept(")"):
            if self.word.kind == "name" and self.word.text in ("input", "output", "inout"):
                side = self.take().text
                if side == "inout":
                    self.refuse("an inout port")
                if self.word.kind == "name" and self.word.text in ("wire", "reg"):
                    if self.word.text == "reg":
                        self.refuse("reg")
                    self.take()
                bits = self.range()
            port = self.identifier()
            self.ports.append(port)
            if side:
                self.declare(side, port, bits)
            if not self.is_symbol(",", ")"):
                self.fail(f"expected ',' or ')', got {self.word.text[:40]!r}")
            self.accept(",")

    def item(self) -> None:
        word = self.take()
        if word.kind != "name":
            self.fail(f"expected a statement, got {word.text[:40]!r}", word.line)
        if word.text in ("input", "output", "wire"):
            self.declaration(word.text)
        elif word.text == "assign":
            self.assigns()
        elif word.text in TREES or word.text in SINGLES:
            self.instances(word)
        elif self.word.kind in ("name", "escaped"):
            self.refuse(f"{word.text!r} ({self.word.text})", word.line)
        else:
            self.refuse(repr(word.text), word.line)

    def range(self) -> list[int] | None:
        if not self.accept("["):
            return None
        ends = []
        for closing in (":", "]"):
            if not (self.word.kind == "number" and self.word.text.isdigit()):
                self.refuse(f"the range bound {self.word.text[:40]!r}")
            ends.append(int(self.take().text))
            self.expect(closing)
        first, last = ends
        if abs(first - last) >= MAX_WIDTH:
            self.fail(f"the range [{first}:{last}] is too wide")
        step = 1 if last >= first else -1
        return list(range(first, last + step, step))

    def declaration(self, side: str) -> None:
        if self.word.kind == "name" and self.word.text == "wire":
            self.take()
        if self.word.kind == "name" and self.word.text in ("reg", "signed"):
            self.refuse(self.word.text)
        bits = self.range()
        while True:
            word = self.identifier()
            self.declare(side, word, bits)
            if self.is_symbol("="):
                if bits is not None or side == "input":
                    self.refuse(f"a value in the declaration of {word.text!r}")
                self.take()
                self.define(word.text, word.line)
            if not self.accept(","):
                break
        self.expect(";")

    def declare(self, side: str, word: _Word, bits: list[int] | None) -> None:
        if side == "wire":
            if word.text not in self.sides and bits is not None:
                self.ranges[word.text] = bits
            return
        if word.text in self.sides:
            self.fail(f"port {word.text!r} is declared twice", word.line)
        self.sides[word.text] = side
        names = [word.text]
        if bits is not None:
            self.ranges[word.text] = bits
            names = [f"{word.text}[{k}]" for k in sorted(bits)]
        ports = self.inputs if side == "input" else self.outputs
        ports += [Port(name, word.line) for name in names]

    def net(self) -> tuple[str, int]:
        """A single bit: a name, or a vector's name with its bit."""
        word = self.identifier()
        bits = self.ranges.get(word.text)
        if not self.accept("["):
            if bits is not None and len(bits) > 1:
                self.refuse(f"the whole vector {word.text!r} as an operand", word.line)
            return (word.text if bits is None else f"{word.text}[{bits[0]}]"), word.line
        if not (self.word.kind == "number" and self.word.text.isdigit()):
            self.refuse(f"the bit {self.word.text[:40]!r} of {word.text!r}")
        bit = int(self.take().text)
        if self.is_symbol(":"):
            self.refuse(f"a part of the vector {word.text!r}")
        self.expect("]")
        if bits is None:
            self.fail(f"{word.text!r} is not declared as a vector", word.line)
        if bit not in bits:
            self.fail(f"{word.text}[{bit}] lies outside [{bits[0]}:{bits[-1]}]", word.line)
        return f"{word.text}[{bit}]", word.line

    # --- statements ---

    def instances(self, gate: _Word) -> None:
        if self.is_symbol("#"):
            self.refuse(f"a delay (#) of {gate.text}")
        while True:
            if self.word.kind in ("name", "escaped"):
                self.take()
            if self.is_symbol("["):
                self.refuse(f"an array of {gate.text}")
            line = self.word.line
            self.expect("(")
            if gate.text in SINGLES:
                self.copies(gate, line)
            else:
                self.wide(gate, line)
            if not self.accept(","):
                break
        self.expect(";")

    def wide(self, gate: _Word, line: int) -> None:
        out, _ = self.net()
        operands = []
        self.operands = {}
        while self.accept(","):
            operands.append(self.expression())
        self.expect(")")
        if not operands:
            self.fail(f"{gate.text} driving {out!r} has no operand", line)
        op, invert = TREES[gate.text]
        self.add(out, line, lambda b, nets: b.tree(op, [o(b, nets) for o in operands], invert=invert))

    def copies(self, gate: _Word, line: int) -> None:
        """not and buf drive every terminal but the last, which they read."""
        outs = []
        inverted = SINGLES[gate.text]
        while True:
            self.operands = {}
            start = self.at
            value = self.expression()
            if self.accept(")"):
                break
            self.at = start
            outs.append(self.net()[0])
            self.expect(",")
        if not outs:
            self.fail(f"{gate.text} needs an output and an operand", line)
        for out in outs:
            self.add(out, line, lambda b, nets: b.copy(value(b, nets) ^ inverted))

    def assigns(self) -> None:
        if self.is_symbol("#"):
            self.refuse("a delay (#)")
        while True:
            if self.is_symbol("{"):
                self.refuse("a concatenation ({)")
            out, line = self.net()
            self.expect("=")
            self.define(out, line)
            if not self.accept(","):
                break
        self.expect(";")

    def define(self, out: str, line: int) -> None:
        self.operands = {}
        value = self.expression()
        self.add(out, line, lambda b, nets: b.copy(value(b, nets)), expression=True)

    def add(self, out: str, line: int, make: Literal, *, expression: bool = False) -> None:
        names = tuple(self.operands)

        def emit(builder: Builder, nets: tuple[int, ...]) -> int:
            before = len(builder.op)
            net = make(builder, dict(zip(names, nets, strict=True)))
            # an assign's buffer after a gate of its own is that gate
            if expression and len(builder.op) - before > 1:
                return _without_copy(builder, before, net)
            return net

        self.definitions.append(Definition(out, line, names, emit))

    # --- expressions: a parsed one is a function giving its literal ---

    def expression(self) -> Literal:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"an expression is nested deeper than {MAX_DEPTH}")
        condition = self.binary(0)
        if self.accept("?"):
            one = self.expression()
            self.expect(":")
            zero = self.expression()
            test = condition

            def choice(b: Builder, nets: dict[str, int]) -> int:
                return 2 * b.choose(test(b, nets), one(b, nets), zero(b, nets))

            condition = choice
        if self.is_symbol(*UNSUPPORTED):
            self.refuse(f"the operator {self.word.text}")
        self.depth -= 1
        return condition

    def level(self) -> int:
        """How tightly the operator at hand binds; -1 if there is none."""
        text = self.word.text if self.word.kind == "symbol" else ""
        return next((k for k, level in enumerate(LEVELS) if text in level), -1)

    def binary(self, least: int) -> Literal:
        """Operands joined by operators that bind at least as tightly as LEVELS[least]."""
        left = self.unary()
        while (level := self.level()) >= least:
            parts, signs = [left], []
            while self.level() == level:
                signs.append(LEVELS[level][self.take().text])
                parts.append(self.binary(level + 1))
            left = _joined(parts, signs)
        return left

    def unary(self) -> Literal:
        complement = 0
        while self.is_symbol("~", "!"):
            self.take()
            complement ^= 1
        if self.accept("("):
            inner = self.expression()
            self.expect(")")
        elif self.word.kind == "number":
            inner = self.constant()
        elif self.word.kind in ("name", "escaped"):
            net, _ = self.net()
            self.operands[net] = None
            inner = _reader(net)
        else:
            self.refuse(f"{self.word.text[:20]!r} in an expression")
        return (lambda b, nets: inner(b, nets) ^ 1) if complement else inner

    def constant(self) -> Literal:
        word = self.take()
        size, quote, digits = word.text.partition("'")
        digits = digits.lstrip("sS") if quote else "d" + size
        base = {"b": 2, "o": 8, "d": 10, "h": 16}[digits[0].lower()]
        try:
            value = int(digits[1:].replace("_", ""), base)
        except ValueError:
            self.refuse(f"the constant {word.text}", word.line)
        if value > 1 or (quote and size not in ("", "1")):
            self.refuse(f"the constant {word.text}, which is no single bit,", word.line)
        return lambda b, nets: 2 * b.constant(value)


def _reader(net: str) -> Literal:
    return lambda b, nets: 2 * nets[net]


def _joined(parts: list[Literal], signs: list[int]) -> Literal:
    op = XOR if signs[0] == XNOR else signs[0]
    invert = signs.count(XNOR) % 2 == 1
    return lambda b, nets: 2 * b.tree(op, [p(b, nets) for p in parts], invert=invert)


def _without_copy(builder: Builder, before: int, net: int) -> int:
    """Drop the buffer just built if it copies the gate built before it; its net."""
    source = len(builder.inputs) + len(builder.op) - 2
    if builder.op[-1] in (BUF, NOT) and builder.a[-1] == source:
        inverted = builder.op[-1] == NOT
        for column in (builder.op, builder.a, builder.b):
            column.pop()
        if inverted:
            builder.op[-1] = 15 - builder.op[-1]
        return source
    return net


def _write(netlist: GateNetlist, pipeline: int = 0, vectors: bool = False) -> str:
    return write_verilog(netlist, VerilogOptions(pipeline, vectors))


FORMAT = Format(
    "verilog",
    "Verilog",
    (".v",),
    re.compile(rb"(?:\s|//[^\n]*\n|/\*.*?\*/|`[^\n]*\n|\(\*.*?\*\))*module\s", re.DOTALL),
    plain(read_verilog),
    _write,
    frozenset({"pipeline", "vectors"}),
)
