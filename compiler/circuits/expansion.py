"""Functions of a few literals as gates, each made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from compiler.circuits import small_functions as forms
from compiler.ir.gates import AND, OR, XOR


class Expansion:
    """Gates so far, each once, by compiler.circuits.small_functions. Literals: x, x ^ 1 its complement.

    make : literal of a new gate, AND or XOR of two literals; zero : literal of the constant 0
    functions : (inputs, function) of all that will be asked for; those of many inputs are planned together
    """

    def __init__(
        self,
        make: Callable[[int, int, int], int],
        zero: Callable[[], int],
        functions: Iterable[tuple[int, int]],
    ) -> None:
        self.make, self.zero = make, zero
        self.known: dict[Any, int] = {}
        self.plans: dict[tuple[int, int], int] = {}
        self._plan(functions)

    def _plan(self, asked: Iterable[tuple[int, int]]) -> None:
        """Choices of all functions of more than SMALL inputs, many at a time."""
        wanted: dict[int, set[int]] = {}
        for k, f in asked:
            if k > forms.SMALL:
                wanted.setdefault(k, set()).add(f)
        for k in range(max(wanted, default=0), forms.SMALL, -1):
            functions = np.array(sorted(wanted.get(k, ())), np.uint64)
            if functions.size == 0:
                continue
            choice = forms.choices(functions, k)[1]
            for f, c in zip(functions.tolist(), choice.tolist(), strict=True):
                self.plans[k, f] = c
            if k - 1 > forms.SMALL:
                for j in range(k):
                    own = functions[choice >> 4 == j]
                    f0, f1 = forms.halves(own, k, j)
                    wanted.setdefault(k - 1, set()).update(f0.tolist(), f1.tolist(), (f0 ^ f1).tolist())

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
            self.known[key] = self.make(op, x, y)
        return self.known[key]

    def constant(self, value: int) -> int:
        if "0" not in self.known:
            self.known["0"] = self.zero()
        return self.known["0"] ^ value

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
