"""Portable C (C99): straight-line code over 64-bit words, 64 samples a word.

With the harness, byte-wise packing and bit-sliced ripple counters as in the C code that difflogic
generates (compiled_model.py), so that it can stand for that in comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compiler.formats.circuits.names import title
from compiler.formats.circuits.operators import operators
from compiler.formats.format import Format
from compiler.ir.gates import READS_A, READS_B, ClassSums, GateNetlist
from compiler.passes.gates.local import live_gates

PART = 500  # gates a function; compilers take time that grows with the square of its length
EXPRESSIONS = operators("0", "~(uint64_t)0")


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
    lines = [
        f"/* {name}: {n} inputs, {netlist.n_gates} gates, {netlist.n_outputs} outputs"
        + (f", {len(roots) - netlist.n_outputs} counted nets */" if netlist.class_sums else " */"),
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
        f"#define INPUTS {n}",
        f"#define WORDS {len(roots)} /* written by {name}_words */",
        "",
        *_words(name, netlist),
    ]
    if harness:
        sums = netlist.class_sums
        lines += _counting(name, netlist.n_outputs, sums) if sums else _packing(name)
    return "\n".join(lines) + "\n"


def _words(name: str, netlist: GateNetlist) -> list[str]:
    """NAME_words; of many gates, in functions of PART each that hand on what others read."""
    n, roots = netlist.n_inputs, netlist.roots.tolist()
    places: dict[int, list[int]] = {}
    for place, net in enumerate(roots):
        places.setdefault(net, []).append(place)
    live = np.flatnonzero(live_gates(netlist)).tolist()
    parts = [live[k : k + PART] for k in range(0, len(live), PART)]
    part_of = {n + k: number for number, part in enumerate(parts) for k in part}
    gates = {k: (int(netlist.op[k]), int(netlist.a[k]), int(netlist.b[k])) for k in live}
    handed: dict[int, int] = {}  # nets that a later part reads, and their places in v
    for k, (op, a, b) in gates.items():
        for net, read in ((a, READS_A[op]), (b, READS_B[op])):
            if read and net >= n and part_of[net] != part_of[n + k]:
                handed.setdefault(net, len(handed))
    shown = [f"  y[{place}] = x[{net}];" for net in range(n) for place in places.get(net, ())]
    unused = [] if n else ["  (void)x;"]
    body = [_part(part, n, part_of, gates, handed, places) for part in parts]
    head = f"void {name}_words(const uint64_t *restrict x, uint64_t *restrict y)"
    if len(body) < 2:
        return [head, "{", *unused, *shown, *(line for part in body for line in part), "}"]
    lines = []
    for number, part in enumerate(body):
        lines += [
            f"static void part{number}(const uint64_t *restrict x, uint64_t *restrict y, "
            "uint64_t *restrict v)",
            "{",
            "  (void)x, (void)y, (void)v;",
            *part,
            "}",
            "",
        ]
    calls = [f"  part{number}(x, y, v);" for number in range(len(body))]
    return [*lines, head, "{", f"  uint64_t v[{len(handed) + 1}];", *shown, *calls, "}"]


def _part(
    part: Sequence[int],
    n: int,
    part_of: Mapping[int, int],
    gates: Mapping[int, tuple[int, int, int]],
    handed: Mapping[int, int],
    places: Mapping[int, Sequence[int]],
) -> list[str]:
    """A statement a gate; values are stored as soon as they are known."""
    lines = []

    def name(net: int, here: int) -> str:
        if net < n:
            return f"x[{net}]"
        return f"n{net}" if part_of[net] == here else f"v[{handed[net]}]"

    for k in part:
        op, a, b = gates[k]
        here = part_of[n + k]
        left, right = (name(a, here) if READS_A[op] else ""), name(b, here) if READS_B[op] else ""
        lines.append(f"  const uint64_t n{n + k} = {EXPRESSIONS[op].format(a=left, b=right)};")
        lines += [f"  y[{place}] = n{n + k};" for place in places.get(n + k, ())]
        if n + k in handed:
            lines.append(f"  v[{handed[n + k]}] = n{n + k};")
    return lines


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


FORMAT = Format("c", "C", write=write_c, takes=frozenset({"harness"}))
