"""Yosys' JSON netlist (read_json): internal gate cells.

Source: Yosys manual, command write_json: ports with direction and bits, cells with type and
connections; a bit is the number of a net or the string "0" or "1". Cells: chapter "Gates" of the
internal cell library; $_ANDNOT_ is A & ~B, $_ORNOT_ is A | ~B.
"""

from __future__ import annotations

import json
from typing import Any

from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import refuse_class_sums, title
from compiler.formats.circuits.ports import group_ports
from compiler.formats.format import Format
from compiler.ir.gates import GateNetlist

FIRST = 2  # Yosys keeps 0 and 1 free, so that they are not mistaken for the constants
CELLS = {
    1: ("$_AND_", "ab"),
    2: ("$_ANDNOT_", "ab"),
    3: ("$_BUF_", "a"),
    4: ("$_ANDNOT_", "ba"),
    5: ("$_BUF_", "b"),
    6: ("$_XOR_", "ab"),
    7: ("$_OR_", "ab"),
    8: ("$_NOR_", "ab"),
    9: ("$_XNOR_", "ab"),
    10: ("$_NOT_", "b"),
    11: ("$_ORNOT_", "ab"),
    12: ("$_NOT_", "a"),
    13: ("$_ORNOT_", "ba"),
    14: ("$_NAND_", "ab"),
}


def write_yosys_json(netlist: GateNetlist) -> str:
    """The netlist as one Yosys module; constants are bits, every other gate is a cell.

    Raises UnsupportedError for class sums.
    """
    refuse_class_sums(netlist, "Yosys JSON")
    if shared := set(netlist.input_names) & set(netlist.output_names):
        raise UnsupportedError(f"Yosys JSON: {min(shared)!r} is an input and an output; rename one of them")
    n = netlist.n_inputs
    bits: list[int | str] = [FIRST + k for k in range(n)]
    cells: dict[str, Any] = {}
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for k, (op, a, b) in enumerate(zip(*columns, strict=True)):
        if op in (0, 15):
            bits.append("1" if op else "0")
            continue
        bits.append(FIRST + n + k)
        kind, order = CELLS[op]
        operands = {"a": a, "b": b}
        pins = {pin: [bits[operands[side]]] for pin, side in zip("AB", order, strict=False)}
        cells[f"gate{k}"] = {
            "type": kind,
            "port_directions": {**dict.fromkeys(pins, "input"), "Y": "output"},
            "connections": {**pins, "Y": [bits[-1]]},
        }
    ports = {}
    for side, names, others, nets in (
        ("input", netlist.input_names, netlist.output_names, list(range(n))),
        ("output", netlist.output_names, netlist.input_names, netlist.outputs.tolist()),
    ):
        at = 0
        for port in group_ports(names, others):
            shown = [bits[net] for net in nets[at : at + port.bits]]
            ports[port.name] = {"direction": side, "bits": shown}
            at += port.bits
    module = {"attributes": {"top": "1"}, "ports": ports, "cells": cells}
    return json.dumps({"creator": "thermoc", "modules": {title(netlist): module}}, indent=1) + "\n"


FORMAT = Format("yosys-json", "Yosys JSON", write=write_yosys_json)
