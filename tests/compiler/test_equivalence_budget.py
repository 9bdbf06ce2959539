"""A comparison with a budget says that it is undecided; it never guesses."""

import pytest

from compiler import equivalence
from compiler.circuits.builder import Builder
from compiler.equivalence import UndecidedError, check_equal
from compiler.ir.gates import AND, OR, XOR


def _multiplier(n, *, last_first, wrong=False):
    """a * b of n bits each; columns are added from their front or from their back."""
    b = Builder([f"a{k}" for k in range(n)] + [f"b{k}" for k in range(n)])
    columns = [[] for _ in range(2 * n)]
    for i in range(n):
        for j in range(n):
            columns[i + j].append(2 * b.gate(AND, 2 * i, 2 * (n + j)))
    outputs = {}
    at = -1 if last_first else 0
    for c, column in enumerate(columns):
        while len(column) > 1:
            x, y = column.pop(at), column.pop(at)
            total = different = 2 * b.gate(XOR, x, y)
            carry = 2 * b.gate(AND, x, y)
            if column:
                z = column.pop(at)
                total = 2 * b.gate(XOR, different, z)
                carry = 2 * b.gate(OR, carry, 2 * b.gate(AND, different, z))
            column.insert(0 if last_first else len(column), total)
            if c + 1 < 2 * n:
                columns[c + 1].append(carry ^ (wrong and c == 2 * n - 3))
        if column:
            outputs[f"p{c}"] = b.copy(column[0])
    return b.netlist(outputs)


@pytest.fixture
def impatient(monkeypatch):
    """Inner nets are given up at once, so that outputs are hard."""
    monkeypatch.setattr(equivalence, "SWEEP_CONFLICTS", 1)


def test_too_small_a_budget_is_undecided(impatient):
    a, b = _multiplier(6, last_first=False), _multiplier(6, last_first=True)
    with pytest.raises(UndecidedError, match=r"undecided: \d+ output\(s\) \(p\d.* within 2 confl"):
        check_equal(a, b, exhaustive=0, conflicts=2)


def test_a_budget_that_is_enough():
    a, b = _multiplier(4, last_first=False), _multiplier(4, last_first=True)
    assert check_equal(a, b, exhaustive=0, conflicts=100_000).equal


def test_a_difference_is_found_all_the_same(impatient):
    a, b = _multiplier(6, last_first=False), _multiplier(6, last_first=True, wrong=True)
    assert not check_equal(a, b, exhaustive=0, conflicts=2).equal
