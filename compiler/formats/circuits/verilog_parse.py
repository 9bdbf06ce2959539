"""From words to modules (IEEE 1364-2005, annex A), without always blocks, functions and generate."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.verilog_tree import Assign, Declared, Expr, Gate, Instance, Module, Parameter
from compiler.formats.circuits.verilog_words import BeyondError, UnexpectedError, Word, words

GATES = ("and", "nand", "or", "nor", "xor", "xnor", "not", "buf")
SHAPES = (("signed", "unsigned"), ("scalared", "vectored"))  # words before a range
NETS = {"wire": None, "tri": None, "logic": None, "supply0": 0, "supply1": 1}
# loosest first
LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^", "~^", "^~"),
    ("&",),
    ("==", "!=", "===", "!=="),
    ("<", "<=", ">", ">="),
    ("<<", ">>", "<<<", ">>>"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)
NARY = {"||", "&&", "|", "^", "~^", "^~", "&"}
UNARY = ("~", "!", "-", "+", "&", "|", "^", "~&", "~|", "~^", "^~")
_BEHAVIOUR = """
    always always_comb always_ff always_latch initial reg integer real time realtime genvar generate for if
    case function task defparam primitive bit byte int shortint longint typedef enum struct interface package
    import program class wand wor triand trior tri0 tri1 trireg uwire var assert
"""
BEHAVIOUR = frozenset(_BEHAVIOUR.split())
MAX_DEPTH = 120  # nested parentheses: the parser calls itself
CONSTANT_WAY = "write the value that it should have, 0 or 1"


def parse_modules(text: str, name: str) -> dict[str, Module]:
    """The modules of a text by name, in order.

    Raises FormatError; UnexpectedError, which is one, for what may be legal for others; BeyondError for what
    is left to Yosys.
    """
    all_words, strict = words(text, name)
    parser = _Parser(all_words, name, strict)
    try:
        return parser.modules()
    except RecursionError:
        parser.too_deep()  # by operators that bind ever more tightly


class _Parser:
    def __init__(self, all_words: list[Word], name: str, strict: frozenset[int]) -> None:
        self.words, self.name, self.strict = all_words, name, strict
        self.at = 0
        self.depth = 0
        self.module = Module("", 0)

    # --- words ---

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def fail(self, rule: str, line: int | None = None) -> NoReturn:
        raise FormatError(f"{self.name}, line {line or self.word.line}: {rule}")

    def unexpected(self, wanted: str) -> NoReturn:
        raise UnexpectedError(
            f"{self.name}, line {self.word.line}: expected {wanted}, got {self.word.text[:40]!r}"
        )

    def too_deep(self) -> NoReturn:
        raise UnexpectedError(
            f"{self.name}, line {self.word.line}: an expression is nested deeper than {MAX_DEPTH}; "
            "name its parts"
        )

    def beyond(self, what: str, line: int | None = None) -> NoReturn:
        raise BeyondError(f"{self.name}, line {line or self.word.line}: {what} is not supported here")

    def take(self) -> Word:
        word = self.word
        if word.kind == "end":
            self.fail("the file ends within the module; it is truncated")
        self.at += 1
        return word

    def shows(self, *texts: str) -> bool:
        return self.word.kind == "symbol" and self.word.text in texts

    def names(self, *texts: str) -> bool:
        return self.word.kind == "name" and self.word.text in texts

    def accept(self, text: str) -> bool:
        found = self.shows(text)
        self.at += found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            self.unexpected(repr(text))

    def identifier(self) -> str:
        if self.word.kind not in ("name", "escaped"):
            self.unexpected("a name")
        word = self.take()
        # an escaped name that looks like a bit of a vector is none
        return word.text if word.kind == "name" or "[" not in word.text else f"\\{word.text} "

    # --- modules ---

    def modules(self) -> dict[str, Module]:
        found: dict[str, Module] = {}
        while self.word.kind != "end":
            word, strict = self.word, self.at in self.strict
            if word.kind != "name" or word.text not in ("module", "macromodule"):
                if word.text in BEHAVIOUR:
                    self.beyond(repr(word.text))
                self.unexpected("`module`")
            self.take()
            self.module = Module(self.identifier(), word.line, strict)
            if self.module.name in found:
                self.fail(f"module {self.module.name!r} is described twice", word.line)
            self.one()
            found[self.module.name] = self.module
        if not found:
            raise FormatError(f"{self.name}: holds no module")
        return found

    def one(self) -> None:
        if self.accept("#"):
            self.expect("(")
            while not self.accept(")"):
                local = self.names("localparam")
                if self.names("parameter", "localparam"):
                    self.take()
                self.parameters(local)
                if not self.shows(",", ")"):
                    self.unexpected("',' or ')'")
                self.accept(",")
        if self.accept("("):
            self.header()
        self.expect(";")
        while not self.names("endmodule"):
            self.item()
        self.take()
        if self.accept(":") and (named := self.identifier()) != self.module.name:  # of SystemVerilog
            self.fail(f"module {self.module.name!r} ends as {named!r}", self.words[self.at - 1].line)
        sides = {d.name for d in self.module.declared if d.side != "net"}
        for name, line in self.module.header:
            if name not in sides:
                self.fail(f"port {name!r} is neither input nor output", line)

    def header(self) -> None:
        """Port list: plain names, or declarations (`input [1:0] a, b, output y`)."""
        side, bounds, signed = "", None, False
        while not self.accept(")"):
            if self.names("input", "output", "inout"):
                side, signed, bounds = self.side()
            elif self.shows(".", "{"):
                self.beyond("a port with another name inside the module")
            line = self.word.line
            if self.word.kind == "name" and self.words[self.at + 1].kind in ("name", "escaped"):
                self.beyond(f"{self.word.text!r} in a port list")
            port = self.identifier()
            self.module.header.append((port, line))
            if side:
                self.module.declared.append(Declared(port, line, side, bounds, signed))
                if self.shows("["):
                    self.beyond("an array of nets")
                if self.shows("="):
                    self.beyond("a default value of a port")
            if not self.shows(",", ")"):
                self.unexpected("',' or ')'")
            self.accept(",")

    def side(self) -> tuple[str, bool, tuple[Expr, Expr] | None]:
        side = self.take().text
        if side == "inout":
            raise UnsupportedError(
                f"{self.name}, line {self.word.line}: an inout port is not supported; a circuit of gates "
                "has inputs and outputs: split it"
            )
        if self.names("wire", "tri", "logic"):
            self.take()
        if self.names(*BEHAVIOUR):
            self.beyond(self.word.text)
        return side, *self.shape()

    def shape(self) -> tuple[bool, tuple[Expr, Expr] | None]:
        """(signed, bounds)"""
        signed = self.names("signed")
        for pair in SHAPES:
            if self.names(*pair):
                self.take()
        bounds = None
        if self.accept("["):
            first = self.expression()
            self.expect(":")
            bounds = (first, self.expression())
            self.expect("]")
        return signed, bounds

    def item(self) -> None:
        word = self.word
        if self.accept(";"):
            return
        if word.kind == "end":
            self.take()
        if word.kind not in ("name", "escaped"):
            self.unexpected("a statement")
        if word.kind == "escaped":
            self.instances(self.identifier())
        elif word.text in ("input", "output", "inout"):
            side, signed, bounds = self.side()
            self.declare(side, signed, bounds, None)
        elif word.text in NETS:
            self.take()
            self.refuse_delay(word.text)
            signed, bounds = self.shape()
            self.refuse_delay(word.text)
            self.declare("net", signed, bounds, NETS[word.text])
        elif word.text in ("parameter", "localparam"):
            self.take()
            self.parameters(word.text == "localparam")
            self.expect(";")
        elif word.text == "assign":
            self.take()
            self.assigns()
        elif word.text in GATES:
            self.take()
            self.gates(word)
        elif word.text == "specify":  # delays
            while not self.names("endspecify"):
                self.take()
            self.take()
        elif word.text in BEHAVIOUR:
            self.take()
            shown = f" ({self.word.text})" if self.word.kind in ("name", "escaped") else ""
            self.beyond(repr(word.text) + shown, word.line)
        elif word.text in ("bufif0", "bufif1", "notif0", "notif1", "pullup", "pulldown", "tran", "cmos"):
            raise UnsupportedError(
                f"{self.name}, line {word.line}: {word.text!r} is not supported; a net here is 0 or 1, and "
                "has one driver"
            )
        else:
            self.instances(self.identifier())

    def refuse_delay(self, of: str) -> None:
        if self.shows("#"):
            self.beyond(f"a delay (#) of {of}")
        if self.shows("(") and self.words[self.at + 1].text[:-1] in (
            "strong",
            "pull",
            "weak",
            "highz",
            "supply",
        ):
            self.beyond(f"a strength of {of}")

    def declare(self, side: str, signed: bool, bounds: tuple[Expr, Expr] | None, value: int | None) -> None:
        while True:
            line, name = self.word.line, self.identifier()
            self.module.declared.append(Declared(name, line, side, bounds, signed, value))
            if self.shows("["):
                self.beyond("an array of nets")
            if self.accept("="):
                if side == "input":
                    self.fail(f"input {name!r} is given a value", line)
                self.module.items.append(Assign(Expr("name", line, (name,)), self.expression(), line))
            if not self.accept(","):
                break
        self.expect(";")

    def parameters(self, local: bool) -> None:
        if self.names("integer"):
            self.take()
            number = Expr("number", self.word.line, (31, 32, True, True))
            signed = True
            bounds: tuple[Expr, Expr] | None = (number, Expr("number", self.word.line, (0, 32, True, True)))
        else:
            after = self.words[self.at + 1]
            typed = after.kind in ("name", "escaped") or after.text == "["
            if self.word.kind == "name" and typed and not self.names(*SHAPES[0]):
                self.beyond(f"a parameter of type {self.word.text!r}")
            signed, bounds = self.shape()
        while True:
            line, name = self.word.line, self.identifier()
            self.expect("=")
            value = self.expression()
            self.module.parameters.append(Parameter(name, line, bounds, signed, value, local))
            after = self.words[self.at + 1]
            if not self.shows(",") or after.text in ("parameter", "localparam"):
                break
            self.take()

    # --- statements ---

    def assigns(self) -> None:
        self.refuse_delay("assign")
        while True:
            line = self.word.line
            target = self.target()
            self.expect("=")
            self.module.items.append(Assign(target, self.expression(), line))
            if not self.accept(","):
                break
        self.expect(";")

    def target(self) -> Expr:
        if self.shows("{"):
            return self.join()
        if self.word.kind not in ("name", "escaped"):
            self.unexpected("a name")
        return self.operand()

    def gates(self, gate: Word) -> None:
        self.refuse_delay(gate.text)
        while True:
            if self.word.kind in ("name", "escaped"):
                self.take()
            if self.shows("["):
                self.beyond(f"an array of {gate.text}")
            line = self.word.line
            self.expect("(")
            terminals = [self.expression()]
            while self.accept(","):
                terminals.append(self.expression())
            self.expect(")")
            self.module.items.append(Gate(gate.text, tuple(terminals), line))
            if not self.accept(","):
                break
        self.expect(";")

    def instances(self, kind: str) -> None:
        line = self.words[self.at - 1].line
        parameters: tuple[tuple[str, Expr | None], ...] = ()
        if self.accept("#"):
            if not self.accept("("):
                self.beyond(f"a delay (#) of {kind}")
            parameters = self.connections()
        while True:
            name = self.identifier()
            if self.shows("["):
                self.beyond(f"an array of {kind}")
            self.expect("(")
            pins = self.connections()
            self.module.items.append(Instance(kind, name, line, parameters, pins))
            if not self.accept(","):
                break
        self.expect(";")

    def connections(self) -> tuple[tuple[str, Expr | None], ...]:
        found: list[tuple[str, Expr | None]] = []
        while True:
            if self.accept("."):
                if self.shows("*"):
                    self.beyond("`.*`")
                name, value = self.identifier(), None
                if self.accept("("):
                    value = None if self.shows(")") else self.expression()
                    self.expect(")")
                else:
                    value = Expr("name", self.word.line, (name,))
                found.append((name, value))
            elif self.shows(",", ")"):
                found.append(("", None))
            else:
                found.append(("", self.expression()))
            if not self.accept(","):
                break
        self.expect(")")
        return () if found == [("", None)] else tuple(found)

    # --- expressions ---

    def expression(self) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.too_deep()
        arms: list[tuple[int, Expr, Expr]] = []  # line, condition, one: cases are listed as long chains
        line, found = self.word.line, self.binary(0)
        while self.accept("?"):
            arms.append((line, found, self.expression()))
            self.expect(":")
            line, found = self.word.line, self.binary(0)
        for line, condition, one in reversed(arms):
            found = Expr("choice", line, (condition, one, found))
        self.depth -= 1
        return found

    def level(self) -> int:
        """How tightly the operator at hand binds; -1 if there is none."""
        text = self.word.text if self.word.kind == "symbol" else ""
        return next((k for k, level in enumerate(LEVELS) if text in level), -1)

    def binary(self, least: int) -> Expr:
        """Operands joined by operators that bind at least as tightly as LEVELS[least]."""
        left = self.unary()
        while (level := self.level()) >= least:
            line = self.word.line
            if self.word.text in NARY:
                parts, inverted = [left], 0
                while self.level() == level:
                    inverted += len(self.take().text) == 2 and level == 3
                    parts.append(self.binary(level + 1))
                left = Expr("nary", line, (LEVELS[level][0], tuple(parts), inverted % 2 == 1))
            else:
                op = self.take().text
                left = Expr("binary", line, (op, left, self.binary(level + 1)))
        return left

    def unary(self) -> Expr:
        signs = []
        while self.shows(*UNARY):
            signs.append(self.take())
            if len(signs) > MAX_DEPTH:
                self.too_deep()
        found = self.operand()
        if self.shows("'"):
            self.beyond("a cast (')")
        for sign in reversed(signs):
            found = Expr("unary", sign.line, (sign.text, found))
        return found

    def operand(self) -> Expr:
        line = self.word.line
        if self.accept("("):
            inner = self.expression()
            self.expect(")")
            return inner
        if self.shows("{"):
            return self.join()
        if self.word.kind == "number":
            return self.constant()
        if self.word.kind == "system":
            call = self.take().text
            if call not in ("$signed", "$unsigned"):
                self.beyond(call, line)
            self.expect("(")
            inner = self.expression()
            self.expect(")")
            return Expr("cast", line, (call == "$signed", inner))
        if self.shows("'"):
            self.beyond("a constant without its base")
        if self.word.kind not in ("name", "escaped"):
            if self.word.kind == "string":
                self.beyond("a string")
            self.unexpected("an operand")
        name = self.identifier()
        if self.shows("("):
            self.beyond(f"the function {name!r}")
        if self.shows("."):
            self.beyond(f"a name inside another module, {name}.{self.words[self.at + 1].text}")
        if not self.accept("["):
            return Expr("name", line, (name,))
        first = self.expression()
        if self.accept(":"):
            found = Expr("part", line, (name, first, self.expression()))
        elif self.accept("+:"):
            found = Expr("up", line, (name, first, self.expression()))
        elif self.accept("-:"):
            found = Expr("down", line, (name, first, self.expression()))
        else:
            found = Expr("bit", line, (name, first))
        self.expect("]")
        if self.shows("["):
            self.beyond("a part of a part")
        return found

    def join(self) -> Expr:
        line = self.word.line
        self.expect("{")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.too_deep()
        first = self.expression()
        if self.shows("{"):
            found = Expr("repeat", line, (first, self.join()))
        else:
            parts = [first]
            while self.accept(","):
                parts.append(self.expression())
            found = Expr("join", line, tuple(parts))
        self.depth -= 1
        self.expect("}")
        return found

    def constant(self) -> Expr:
        word = self.take()
        if self.word.kind == "number" and self.word.text.startswith("'") and "'" not in word.text:
            word = replace(word, text=word.text + self.take().text)  # the size is a macro
        size, quote, rest = "".join(word.text.split()).partition("'")
        if "." in size:
            self.beyond(f"the real number {word.text}", word.line)
        signed = not quote or rest[:1] in "sS"
        digits = rest.lstrip("sS") if quote else "d" + size
        base = {"b": 2, "o": 8, "d": 10, "h": 16}[digits[0].lower()]
        if set(digits[1:].lower()) & set("xz?") and quote:
            raise UnsupportedError(
                f"{self.name}, line {word.line}: the constant {word.text} is not 0 or 1; {CONSTANT_WAY}"
            )
        try:
            value = int(digits[1:].replace("_", ""), base)
        except ValueError:
            self.fail(f"the constant {word.text} is malformed", word.line)
        if quote and size:
            width = int(size.replace("_", ""))
            if not 0 < width <= MAX_WIDTH:
                self.fail(f"the constant {word.text} has no legal width", word.line)
            return Expr("number", word.line, (value % (1 << width), width, signed, False))
        if signed and quote and base != 10 and value and int(digits[1], base) * 2 >= base:
            raise UnsupportedError(
                f"{self.name}, line {word.line}: the constant {word.text} has no width, and tools differ on "
                "whether it is negative; give it one"
            )
        if value >= 1 << (32 - (not quote)):
            raise UnsupportedError(
                f"{self.name}, line {word.line}: the constant {word.text} does not fit 32 bits, what one "
                f"without a width has; write {value.bit_length()}'d{value}"
            )
        return Expr("number", word.line, (value, 32, signed, True))


MAX_WIDTH = 1 << 20
