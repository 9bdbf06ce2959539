"""Graphviz DOT, to look at small circuits."""

from __future__ import annotations

import json

from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import refuse_class_sums
from compiler.formats.format import Format
from compiler.ir.gates import NONE, OP_NAMES, GateNetlist

LIMIT = 500


def write_dot(netlist: GateNetlist) -> str:
    """The netlist as a DOT graph, left to right; dashed: the operand b.

    Raises UnsupportedError for more than LIMIT gates and for class sums.
    """
    refuse_class_sums(netlist, "DOT")
    if netlist.n_gates > LIMIT:
        raise UnsupportedError(
            f"a drawing of {netlist.n_gates} gates cannot be read; DOT is written up to {LIMIT}"
        )
    n = netlist.n_inputs
    lines = ["digraph circuit {", "  rankdir=LR;"]
    for k, name in enumerate(netlist.input_names):
        lines.append(f"  {k} [shape=triangle, orientation=-90, label={_quoted(name)}];")
    for k, op in enumerate(netlist.op.tolist()):
        lines.append(f'  {n + k} [shape=box, label="{OP_NAMES[op]}"];')
    for k, (a, b) in enumerate(zip(netlist.a.tolist(), netlist.b.tolist(), strict=True)):
        lines += [f"  {a} -> {n + k};"] if a != NONE else []
        lines += [f"  {b} -> {n + k} [style=dashed];"] if b != NONE else []
    for k, (name, net) in enumerate(zip(netlist.output_names, netlist.outputs.tolist(), strict=True)):
        lines.append(f"  out{k} [shape=doublecircle, label={_quoted(name)}];")
        lines.append(f"  {net} -> out{k};")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


FORMAT = Format("dot", "DOT", write=write_dot)
