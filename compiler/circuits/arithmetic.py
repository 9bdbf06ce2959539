"""Arithmetic circuits: what invertible logic and tests run."""

from __future__ import annotations

from compiler.circuits.builder import Builder
from compiler.errors import NetlistError
from compiler.ir.gates import AND, OR, XOR, GateNetlist


def multiplier(bits_a: int, bits_b: int) -> GateNetlist:
    """p = a b, an array of ripple-carry adders; inputs a[k], b[k], outputs p[k], lowest bit first.

    Raises NetlistError for words of less than one bit.
    """
    if min(bits_a, bits_b) < 1:
        raise NetlistError(f"multiplier: words need at least 1 bit, got {bits_a} and {bits_b}")
    b = Builder([*(f"a[{k}]" for k in range(bits_a)), *(f"b[{k}]" for k in range(bits_b))])
    rows = [[2 * b.gate(AND, 2 * i, 2 * (bits_a + j)) for i in range(bits_a)] for j in range(bits_b)]
    product, total = [rows[0][0]], rows[0][1:]
    for row in rows[1:]:
        carry: int | None = None
        sums = []
        for k, x in enumerate(row):
            y = total[k] if k < len(total) else None
            s, carry = _add(b, [v for v in (x, y, carry) if v is not None])
            sums.append(s)
        product.append(sums[0])
        total = sums[1:] + ([] if carry is None else [carry])
    product += total
    return b.netlist({f"p[{k}]": x >> 1 for k, x in enumerate(product)}, f"multiplier {bits_a} x {bits_b}")


def _add(b: Builder, bits: list[int]) -> tuple[int, int | None]:
    """(sum, carry) literals of one to three bits."""
    if len(bits) == 1:
        return bits[0], None
    half = 2 * b.gate(XOR, bits[0], bits[1])
    carry = 2 * b.gate(AND, bits[0], bits[1])
    if len(bits) == 2:
        return half, carry
    second = 2 * b.gate(AND, half, bits[2])
    return 2 * b.gate(XOR, half, bits[2]), 2 * b.gate(OR, carry, second)
