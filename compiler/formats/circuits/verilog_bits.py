"""Verilog expressions as bits: widths and signs of IEEE 1364-2005, clauses 5.4 and 5.5.

An expression has a width and a sign of its own; the assignment or operator around it may widen it,
and then its operands are widened *before* the operation: ~a next to a 32-bit constant has 32 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.verilog_tree import Expr
from compiler.formats.circuits.verilog_words import BeyondError
from compiler.formats.circuits.wires import Wires
from compiler.ir.gates import AND, OR, XOR

Shape = tuple[int, bool]  # width, signed
OPS = {"&": AND, "|": OR, "^": XOR, "&&": AND, "||": OR}
REDUCE = {
    "&": (AND, 0),
    "|": (OR, 0),
    "^": (XOR, 0),
    "~&": (AND, 1),
    "~|": (OR, 1),
    "~^": (XOR, 1),
    "^~": (XOR, 1),
}
COMPARE = ("==", "!=", "===", "!==", "<", "<=", ">", ">=")
SHIFTS = ("<<", ">>", "<<<", ">>>")
MAX_BITS = 1 << 20


@dataclass(frozen=True, slots=True)
class Vector:
    """A net or constant of a module.

    bits : literals, low first; numbers : index of each; vector : whether it was declared with a range
    fixed : whether nothing inside the module may drive it
    """

    bits: list[int]
    numbers: range
    signed: bool
    vector: bool
    fixed: bool


class Expressions:
    """Expressions of one instance of a module. find : the vector of a name"""

    def __init__(self, wires: Wires, where: str, find: Callable[[str, int], Vector]) -> None:
        self.wires, self.where, self.find = wires, where, find
        self.shapes: dict[int, Shape] = {}

    def fail(self, rule: str, line: int) -> NoReturn:
        raise FormatError(f"{self.where}, line {line}: {rule}")

    def beyond(self, what: str, line: int) -> NoReturn:
        raise BeyondError(f"{self.where}, line {line}: {what} is not supported here")

    # --- widths ---

    def shape(self, e: Expr) -> Shape:
        """Width and sign that the expression has by itself."""
        chain = []
        inner: Expr | None = e
        while inner is not None and id(inner) not in self.shapes:
            chain.append(inner)
            inner = _longest(inner)
        for x in reversed(chain):
            width, signed = self._shape(x)
            if width > MAX_BITS:
                self.fail(f"an expression is {width} bits wide; the most are {MAX_BITS}", x.line)
            self.shapes[id(x)] = width, signed
        return self.shapes[id(e)]

    def _shape(self, e: Expr) -> Shape:
        parts = e.parts
        if e.kind == "number":
            return parts[1], parts[2]
        if e.kind == "name":
            vector = self.find(parts[0], e.line)
            return len(vector.bits), vector.signed
        if e.kind == "bit":
            return 1, False
        if e.kind == "part":
            return len(self.part(e)), False
        if e.kind in ("up", "down"):
            return self.positive(parts[2], "the width of a part"), False
        if e.kind == "join":
            return sum(self.sized(part) for part in parts), False
        if e.kind == "repeat":
            return self.positive(parts[0], "a repetition") * self.shape(parts[1])[0], False
        if e.kind == "cast":
            return self.shape(parts[1])[0], parts[0]
        if e.kind == "unary":
            return self.shape(parts[1]) if parts[0] in ("~", "-", "+") else (1, False)
        if e.kind == "nary" and parts[0] not in ("&&", "||"):
            return _joint(*(self.shape(x) for x in parts[1]))
        if e.kind == "nary" or (e.kind == "binary" and parts[0] in COMPARE):
            return 1, False
        if e.kind == "binary" and parts[0] in (*SHIFTS, "**"):
            return self.shape(parts[1])
        return _joint(self.shape(parts[1]), self.shape(parts[2]))

    def sized(self, e: Expr) -> int:
        """Width of a part of a concatenation."""
        if (found := _unsized(e)) is not None:
            raise UnsupportedError(
                f"{self.where}, line {found.line}: the constant {found.parts[0]} in a concatenation has no "
                f"width; write {max(1, found.parts[0].bit_length())}'d{found.parts[0]}"
            )
        return self.shape(e)[0]

    def constant(self, e: Expr, what: str) -> int:
        width, signed = self.shape(e)
        bits = self.bits(e, width, signed)
        if any(bit > 1 for bit in bits):
            self.fail(f"{what} is no constant", e.line)
        return _value(bits, signed)

    def positive(self, e: Expr, what: str) -> int:
        value = self.constant(e, what)
        if not 0 < value <= MAX_BITS:
            self.fail(f"{what} is {value}; it lies between 1 and {MAX_BITS}", e.line)
        return value

    # --- bits ---

    def own(self, e: Expr) -> list[int]:
        """Bits of an expression that nothing widens."""
        return self.bits(e, *self.shape(e))

    def assigned(self, e: Expr, width: int) -> list[int]:
        """Bits of the right side of an assignment to `width` bits."""
        own, signed = self.shape(e)
        return self.bits(e, max(own, width), signed)[:width]

    def bits(self, e: Expr, width: int, signed: bool) -> list[int]:
        """Bits, low first, of the expression in a context of that width and sign."""
        self.wires.line = e.line
        parts, wires = e.parts, self.wires
        if e.kind == "nary" and parts[0] not in ("&&", "||"):
            columns = zip(*(self.bits(x, width, signed) for x in parts[1]), strict=True)
            return [wires.tree(OPS[parts[0]], column, invert=parts[2]) for column in columns]
        if e.kind == "unary" and parts[0] in ("~", "-", "+"):
            x = self.bits(parts[1], width, signed)
            if parts[0] == "+":
                return x
            flipped = [bit ^ 1 for bit in x]
            return flipped if parts[0] == "~" else wires.add(flipped, [0] * width, 1)[0]
        if e.kind == "choice":
            return self.chosen(e, width, signed)
        if e.kind == "binary" and parts[0] not in COMPARE:
            chain = _chain(e)
            x = self.bits(chain[-1].parts[1], width, signed)
            for step in reversed(chain):
                x = self.step(step, x, signed)
            return x
        found = self.leaf(e)
        fill = found[-1] if signed else 0
        return (found + [fill] * (width - len(found)))[:width]

    def chosen(self, e: Expr, width: int, signed: bool) -> list[int]:
        """Bits of conditions one after another, the last first."""
        arms = []
        for arm in _chain(e):
            test, one, last = arm.parts
            arms.append((self.wires.tree(OR, self.own(test)), self.bits(one, width, signed)))
        found = self.bits(last, width, signed)
        for test, one in reversed(arms):
            found = [self.wires.choose(test, x, y) for x, y in zip(one, found, strict=True)]
        return found

    def step(self, e: Expr, x: list[int], signed: bool) -> list[int]:
        """Bits of an operator other than comparisons whose left operand has the bits x."""
        op, _, right = e.parts
        self.wires.line = e.line
        if op in SHIFTS:
            return self.shifted(op, x, self.own(right), signed)
        if op != "**":
            return self.arithmetic(e, x, self.bits(right, len(x), signed), signed)
        power = self.own(right)
        if any(bit > 1 for bit in (*x, *power)):
            self.beyond("the operator **", e.line)
        return self.divided(e, _value(x, signed), _value(power, self.shape(right)[1]), len(x))

    def leaf(self, e: Expr) -> list[int]:
        """Bits of what has a width of its own, whatever is around."""
        parts, wires = e.parts, self.wires
        if e.kind == "number":
            return [parts[0] >> k & 1 for k in range(parts[1])]
        if e.kind == "name":
            return self.find(parts[0], e.line).bits
        if e.kind == "bit":
            return [self.one_bit(e)]
        if e.kind in ("part", "up", "down"):
            return self.part(e)
        if e.kind == "join":
            for part in parts:
                self.sized(part)
            return [bit for part in reversed(parts) for bit in self.own(part)]
        if e.kind == "repeat":
            return self.own(parts[1]) * self.positive(parts[0], "a repetition")
        if e.kind == "cast":
            return self.own(parts[1])
        if e.kind == "unary":
            if parts[0] == "!":
                return [wires.tree(OR, self.own(parts[1])) ^ 1]
            op, flip = REDUCE[parts[0]]
            return [wires.tree(op, self.own(parts[1])) ^ flip]
        if e.kind == "nary":
            return [wires.tree(OPS[parts[0]], [wires.tree(OR, self.own(x)) for x in parts[1]])]
        return [self.compared(e)]

    def compared(self, e: Expr) -> int:
        """The bit of comparisons one after another, each of the one before it with its right operand."""
        chain = _chain(e)
        first = chain.pop()
        width, signed = _joint(*(self.shape(x) for x in first.parts[1:]))
        x, y = (self.bits(p, width, signed) for p in first.parts[1:])
        bit = self.relation(first.parts[0], x, y, signed)
        for step in reversed(chain):
            width, _ = self.shape(step.parts[2])
            y = self.bits(step.parts[2], width, False)
            bit = self.relation(step.parts[0], [bit] + [0] * (width - 1), y, False)
        return bit

    def relation(self, op: str, x: list[int], y: list[int], signed: bool) -> int:
        wires = self.wires
        if op in ("==", "!=", "===", "!=="):
            unequal = wires.tree(OR, [wires.tree(XOR, pair) for pair in zip(x, y, strict=True)])
            return unequal ^ (op in ("==", "==="))
        if signed:
            x, y = ([*v[:-1], v[-1] ^ 1] for v in (x, y))
        return {
            "<": lambda: wires.less(x, y),
            ">": lambda: wires.less(y, x),
            "<=": lambda: wires.less(y, x) ^ 1,
            ">=": lambda: wires.less(x, y) ^ 1,
        }[op]()

    def shifted(self, op: str, x: list[int], amount: list[int], signed: bool) -> list[int]:
        width = len(x)
        fill = x[-1] if op == ">>>" and signed else 0
        for k, bit in enumerate(amount):
            if not bit:
                continue
            by = min(1 << k, width)
            moved = [0] * by + x[: width - by] if op in ("<<", "<<<") else x[by:] + [fill] * by
            x = [self.wires.choose(bit, one, zero) for one, zero in zip(moved, x, strict=True)]
        return x

    def arithmetic(self, e: Expr, x: list[int], y: list[int], signed: bool) -> list[int]:
        op, wires, width = e.parts[0], self.wires, len(x)
        if op == "+":
            return wires.add(x, y)[0]
        if op == "-":
            return wires.add(x, [bit ^ 1 for bit in y], 1)[0]
        if op == "*":
            total = [0] * width
            for k, bit in enumerate(y):
                if bit:
                    row = [0] * k + [wires.tree(AND, (bit, other)) for other in x[: width - k]]
                    total = wires.add(total, row)[0]
            return total
        if op in ("/", "%") and all(bit < 2 for bit in (*x, *y)):
            return self.divided(e, _value(x, signed), _value(y, signed), width)
        self.beyond(f"the operator {op}", e.line)

    def divided(self, e: Expr, x: int, y: int, width: int) -> list[int]:
        """/, % and ** of constants, which parameters need; quotients are rounded towards 0."""
        op = e.parts[0]
        if (op != "**" and y == 0) or (op == "**" and not 0 <= y <= MAX_BITS):
            self.fail(f"{x} {op} {y} is no number", e.line)
        if op == "**":
            value = pow(x, y, 1 << width)
        else:
            quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
            value = quotient if op == "/" else x - quotient * y
        return [value >> k & 1 for k in range(width)]

    # --- selections ---

    def one_bit(self, e: Expr) -> int:
        name, index = e.parts
        vector = self.find(name, e.line)
        if not vector.vector:
            self.fail(f"{name!r} is not declared as a vector", e.line)
        width, signed = self.shape(index)
        bits = self.bits(index, width, signed)
        if all(bit < 2 for bit in bits):
            at = self.constant(index, "a bit's number")
            if at not in vector.numbers:
                self.fail(f"{name}[{at}] lies outside {_range(vector.numbers)}", e.line)
            return vector.bits[vector.numbers.index(at)]
        values = range(-(1 << (width - 1)) if signed else 0, 1 << (width - signed)) if width < 20 else ()
        if not values or any(value not in vector.numbers for value in values):
            raise UnsupportedError(
                f"{self.where}, line {e.line}: the bit chosen of {name!r} may lie outside "
                f"{_range(vector.numbers)}, where it is unknown; choose with an index of fewer bits"
            )
        row = [
            vector.bits[vector.numbers.index(v - (1 << width) if v not in values else v)]
            for v in range(1 << width)
        ]
        for bit in bits:
            row = [self.wires.choose(bit, one, zero) for zero, one in zip(row[::2], row[1::2], strict=True)]
        return row[0]

    def part(self, e: Expr) -> list[int]:
        name, first, second = e.parts
        vector = self.find(name, e.line)
        if not vector.vector:
            self.fail(f"{name!r} is not declared as a vector", e.line)
        if e.kind == "part":
            high, low = (self.constant(x, "the bound of a part") for x in (first, second))
        else:
            width, signed = self.shape(first)
            if any(bit > 1 for bit in self.bits(first, width, signed)):
                self.beyond(f"a part of {name!r} that begins anywhere", e.line)
            count = self.positive(second, "the width of a part")
            start = self.constant(first, "the begin of a part")
            ends = (start, start + count - 1) if e.kind == "up" else (start - count + 1, start)
            low, high = ends if vector.numbers.step > 0 else ends[::-1]
        for at in (high, low):
            if at not in vector.numbers:
                self.fail(f"{name}[{at}] lies outside {_range(vector.numbers)}", e.line)
        low_at, high_at = vector.numbers.index(low), vector.numbers.index(high)
        if low_at > high_at:
            self.fail(f"{name}[{high}:{low}] runs against {_range(vector.numbers)}", e.line)
        return vector.bits[low_at : high_at + 1]

    def target(self, e: Expr) -> list[int]:
        """Nets, low bit first, that an assignment to the expression drives."""
        if e.kind == "join":
            return [net for part in reversed(e.parts) for net in self.target(part)]
        if e.kind not in ("name", "bit", "part", "up", "down"):
            self.fail("only nets, their parts and concatenations of them can be driven", e.line)
        if self.find(e.parts[0], e.line).fixed:
            self.fail(f"{e.parts[0]!r} cannot be driven: it is an input or a constant", e.line)
        found = self.leaf(e)
        if any(bit >> 1 in self.wires.inner for bit in found):
            self.fail(f"the bit of {e.parts[0]!r} that is driven is no constant", e.line)
        return [bit >> 1 for bit in found]


def _longest(e: Expr) -> Expr | None:
    """The operand that is another link of a chain: the left one of operators, the last one of `?:`."""
    if e.kind == "choice":
        return e.parts[2]
    return e.parts[1] if e.kind == "binary" else None


def _chain(e: Expr) -> list[Expr]:
    """e and what of its sort it begins (operators) or ends with (`?:`): may be longer than a recursion."""
    found = [e]
    while (inner := _longest(found[-1])) is not None and inner.kind == e.kind:
        if e.kind == "binary" and (inner.parts[0] in COMPARE) != (e.parts[0] in COMPARE):
            break
        found.append(inner)
    return found


def _unsized(e: Expr) -> Expr | None:
    """A constant without a width that decides how wide the expression is."""
    left = [e]
    while left:
        e = left.pop()
        if e.kind == "number" and e.parts[3]:
            return e
        left += reversed(_widening(e))
    return None


def _widening(e: Expr) -> tuple[Expr, ...]:
    """Operands that decide how wide the expression is."""
    if e.kind == "nary" and e.parts[0] not in ("&&", "||"):
        return e.parts[1]
    if e.kind == "unary" and e.parts[0] in ("~", "-", "+"):
        return (e.parts[1],)
    if e.kind == "binary" and e.parts[0] not in COMPARE:
        return e.parts[1:2] if e.parts[0] in (*SHIFTS, "**") else e.parts[1:]
    return e.parts[1:] if e.kind in ("choice", "cast") else ()


def _joint(*shapes: Shape) -> Shape:
    return max(width for width, _ in shapes), all(signed for _, signed in shapes)


def _value(bits: list[int], signed: bool) -> int:
    value = sum(bit << k for k, bit in enumerate(bits))
    return value - (1 << len(bits)) if signed and bits[-1] else value


def _range(numbers: range) -> str:
    return f"[{numbers[-1]}:{numbers[0]}]"
