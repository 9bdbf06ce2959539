"""Portable C (C99): straight-line code over 64-bit words, 64 samples a word.

With the harness, byte-wise packing and bit-sliced ripple counters as in the C code that difflogic
generates (compiled_model.py), so that it can stand for that in comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compiler.backends.names import title
from compiler.ir.gates import READS_A, READS_B, ClassSums, GateNetlist
from compiler.passes.gates import live_gates

EXPRESSIONS = (
    "0",
    "{a} & {b}",
    "{a} & ~{b}",
    "{a}",
    "~{a} & {b}",
    "{b}",
    "{a} ^ {b}",
    "{a} | {b}",
    "~({a} | {b})",
    "~({a} ^ {b})",
    "~{b}",
    "{a} | ~{b}",
    "~{a}",
    "~{a} | {b}",
    "~({a} & {b})",
    "~(uint64_t)0",
)


def write_c(netlist: GateNetlist, *, harness: bool = False) -> str:
    """A function NAME_words(x, y): words of all inputs in, words of the outputs out.

    Gates that nothing depends on are left out.
    x : one word an input, bit s of it for sample s; y : one word an output, then one for every net
    that a class sum counts, class after class
    harness : a second function NAME_samples(bits, n, out) takes n samples of one byte a bit and
        gives the class counts (int32), or without class sums the outputs (one byte each)
    """
    name = title(netlist)
    n, roots = netlist.n_inputs, netlist.roots.tolist()
    refs = [f"x[{k}]" for k in range(n)] + [f"n{k}" for k in range(n, netlist.n_nets)]
    lines = [
        f"/* {name}: {n} inputs, {netlist.n_gates} gates, {netlist.n_outputs} outputs"
        + (f", {len(roots) - netlist.n_outputs} counted nets */" if netlist.class_sums else " */"),
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        f"#define INPUTS {n}",
        f"#define WORDS {len(roots)} /* written by {name}_words */",
        "",
        f"void {name}_words(const uint64_t *restrict x, uint64_t *restrict y)",
        "{",
        *([] if n else ["  (void)x;"]),
    ]
    places: dict[int, list[int]] = {}
    for place, net in enumerate(roots):
        places.setdefault(net, []).append(place)
    lines += [f"  y[{place}] = x[{net}];" for net in range(n) for place in places.get(net, ())]
    # stored as soon as it is known: values that live to the end of a long function choke compilers
    for k in np.flatnonzero(live_gates(netlist)).tolist():
        op, a, b = int(netlist.op[k]), int(netlist.a[k]), int(netlist.b[k])
        left, right = refs[a] if READS_A[op] else "", refs[b] if READS_B[op] else ""
        lines.append(f"  const uint64_t n{n + k} = {EXPRESSIONS[op].format(a=left, b=right)};")
        lines += [f"  y[{place}] = n{n + k};" for place in places.get(n + k, ())]
    lines.append("}")
    if harness:
        sums = netlist.class_sums
        lines += _counting(name, netlist.n_outputs, sums) if sums else _packing(name)
    return "\n".join(lines) + "\n"


_PACK = """    for (size_t d = 0; d != INPUTS; ++d) {
      uint64_t word = 0;
      for (size_t s = 0; s < here; ++s)
        word |= (uint64_t)(bits[(start + s) * INPUTS + d] != 0) << s;
      x[d] = word;
    }"""


def _opening(name: str, out: str) -> list[str]:
    return [
        "",
        f"void {name}_samples(const uint8_t *bits, size_t n, {out} *out)",
        "{",
        "  uint64_t x[INPUTS + 1], y[WORDS + 1]; /* + 1: an array has at least one */",
        "  for (size_t start = 0; start < n; start += 64) {",
        "    const size_t here = n - start < 64 ? n - start : 64;",
        _PACK,
        f"    {name}_words(x, y);",
    ]


def _packing(name: str) -> list[str]:
    return [
        *_opening(name, "uint8_t"),
        "    for (size_t s = 0; s < here; ++s)",
        "      for (size_t k = 0; k < WORDS; ++k)",
        "        out[(start + s) * WORDS + k] = y[k] >> s & 1;",
        "  }",
        "}",
    ]


def _counting(name: str, n_outputs: int, sums: ClassSums) -> list[str]:
    width = max(1, int(np.diff(sums.indptr).max()).bit_length())
    first = [n_outputs + end for end in sums.indptr.tolist()]
    return [
        "",
        f"#define CLASSES {sums.n_classes} /* score = count / {sums.tau:g} */",
        "static const size_t first[CLASSES + 1] = {",
        *_table(first),
        "};",
        *_opening(name, "int32_t"),
        "    for (size_t c = 0; c < CLASSES; ++c) {",
        f"      uint64_t digits[{width}] = {{0}};",
        "      for (size_t k = first[c]; k < first[c + 1]; ++k) {",
        "        uint64_t carry = y[k];",
        f"        for (int d = 0; d < {width}; ++d) {{",
        "          const uint64_t digit = digits[d];",
        "          digits[d] = digit ^ carry;",
        "          carry &= digit;",
        "        }",
        "      }",
        "      for (size_t s = 0; s < here; ++s) {",
        "        int32_t count = 0;",
        f"        for (int d = {width - 1}; d >= 0; --d)",
        "          count = 2 * count + (int32_t)(digits[d] >> s & 1);",
        "        out[(start + s) * CLASSES + c] = count;",
        "      }",
        "    }",
        "  }",
        "}",
    ]


def _table(values: Sequence[int]) -> list[str]:
    return ["  " + ", ".join(map(str, values[k : k + 12])) + "," for k in range(0, len(values), 12)]
