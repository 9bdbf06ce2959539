"""The classifier's head as Verilog expressions: counts of ones, and the first largest of them."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.formats.circuits.verilog_names import declared

CHUNK = 16  # operands of one sum: deep expressions stop parsers, and a tree is shallow in hardware


def count_lines(bits: Sequence[str], prefix: str, width: int, out: str) -> list[str]:
    """Statements that assign the number of ones among `bits` to the vector `out` of `width` bits.

    prefix : of the names of partial sums
    """
    lines: list[str] = []
    level = [(bit, 1) for bit in bits]
    number = 0
    while len(level) > CHUNK:
        above = []
        for start in range(0, len(level), CHUNK):
            part = level[start : start + CHUNK]
            most = sum(value for _, value in part)
            name = f"{prefix}{number}"
            number += 1
            lines += _sum(declared("wire", most.bit_length(), name), [term for term, _ in part])
            above.append((name, most))
        level = above
    lines += _sum(f"assign {out}", [term for term, _ in level] or [f"{width}'d0"])
    return lines


def _sum(target: str, terms: Sequence[str]) -> list[str]:
    rows = [" + ".join(terms[k : k + 8]) for k in range(0, len(terms), 8)]
    return [f"  {target} = " + "\n    + ".join(rows) + ";"]


def decision_lines(sums: Sequence[str], width: int, prefix: str, index_width: int, out: str) -> list[str]:
    """Statements that assign the number of the largest sum, the first of equal ones, to `out`."""
    lines: list[str] = []
    level = [(name, f"{index_width}'d{k}") for k, name in enumerate(sums)]
    number = 0
    while len(level) > 1:
        above = []
        for (left, i), (right, k) in zip(level[0::2], level[1::2], strict=False):
            keep, best, which = (f"{prefix}{kind}{number}" for kind in ("keep", "best", "which"))
            number += 1
            lines += [
                f"  wire {keep} = {left} >= {right};",
                f"  {declared('wire', width, best)} = {keep} ? {left} : {right};",
                f"  {declared('wire', index_width, which)} = {keep} ? {i} : {k};",
            ]
            above.append((best, which))
        level = above + level[len(level) & ~1 :]
    lines.append(f"  assign {out} = {level[0][1]};")
    return lines
