"""Yosys' JSON netlist (read_json, write_json): internal gate cells.

Source: Yosys manual, command write_json: ports with direction and bits, cells with type and
connections; a bit is the number of a net or the string "0" or "1". Cells: chapter "Gates" of the
internal cell library; $_ANDNOT_ is A & ~B, $_ORNOT_ is A | ~B.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from compiler.errors import MALFORMED, FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.names import fresh_prefix, part_shared, refuse_class_sums, title
from compiler.formats.circuits.ports import group_ports
from compiler.formats.circuits.state import Holder, Pin, next_name, refuse_state
from compiler.formats.circuits.wires import Wires
from compiler.formats.format import Format
from compiler.formats.options import DEFAULTS, Options
from compiler.ir.gates import AND, OR, XOR, GateNetlist

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

    An output called like an input gets a name of its own.

    Raises UnsupportedError for class sums.
    """
    refuse_class_sums(netlist, "Yosys JSON")
    netlist, _ = part_shared(netlist)
    n = netlist.n_inputs
    bits: list[int | str] = [FIRST + k for k in range(n)]
    # cells and nets share one space of names
    prefix = fresh_prefix("gate", (*netlist.input_names, *netlist.output_names))
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
        cells[f"{prefix}{k}"] = {
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
            ports[_public(port.name)] = {"direction": side, "bits": shown}
            at += port.bits
    module = {"attributes": {"top": "1"}, "ports": ports, "cells": cells}
    return json.dumps({"creator": "thermoc", "modules": {title(netlist): module}}, indent=1) + "\n"


KEPT = tuple("$\\0123456789")  # before these the backslash of a name that a person gave is written


def _public(name: str) -> str:
    """A name that a person gave, as Yosys writes it."""
    return f"\\{name}" if name[:1] in KEPT else name


# cells read: (pins, table), bit p of the table for the pattern with pin k in bit k of p
_READ = {
    "$_BUF_": ("A", 0b10),
    "$_NOT_": ("A", 0b01),
    "$_AND_": ("AB", 0b1000),
    "$_NAND_": ("AB", 0b0111),
    "$_OR_": ("AB", 0b1110),
    "$_NOR_": ("AB", 0b0001),
    "$_XOR_": ("AB", 0b0110),
    "$_XNOR_": ("AB", 0b1001),
    "$_ANDNOT_": ("AB", 0b0010),
    "$_ORNOT_": ("AB", 0b1011),
    "$_MUX_": ("ABS", 0b11001010),
    "$_NMUX_": ("ABS", 0b00110101),
    "$_AOI3_": ("ABC", 0b00000111),
    "$_OAI3_": ("ABC", 0b00011111),
    "$_AOI4_": ("ABCD", 0x0777),
    "$_OAI4_": ("ABCD", 0x111F),
}
# those of one gate, so that a circuit comes back as it was written
_TREES = {"$_AND_": (AND, 0), "$_NAND_": (AND, 1), "$_OR_": (OR, 0), "$_NOR_": (OR, 1), "$_XOR_": (XOR, 0)}
_TREES["$_XNOR_"] = (XOR, 1)


STATE = re.compile(r"\$_(FF|DFF_[PN]([PN][01])?|DLATCH_[PN]([PN][01])?)_")
"""Flip-flops and latches without an enable that is logic; reset to a first value or not."""
STATEFUL = ("$_DFF", "$_SDFF", "$_ALDFF", "$_DLATCH", "$_SR_")
_NOTED = {"$scopeinfo", "$print", "$check", "$assert", "$assume", "$cover", "$live", "$fair"}
"""Cells that compute nothing: where an instance was, what a simulation prints or checks."""


def read_yosys_json(path: str | os.PathLike, options: Options = DEFAULTS) -> GateNetlist:
    """The netlist of a .json file of Yosys; errors as parse_yosys_json. options : top, cut_latches"""
    try:
        document = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: is no JSON ({error})") from None
    return parse_yosys_json(document, name=str(path), top=options.top, cut_latches=options.cut_latches)


def is_yosys_json(document: Any) -> bool:
    """Whether a JSON document is a netlist of Yosys."""
    return isinstance(document, dict) and isinstance(document.get("modules"), dict)


def parse_yosys_json(
    document: Any, *, name: str = "document", top: str | None = None, cut_latches: bool = False
) -> GateNetlist:
    """The netlist of a JSON document: one module of internal gates and $lut cells.

    Raises FormatError for a malformed document, UnsupportedError for cells that are no gates.
    """
    try:
        return _parse(document, name, top, cut_latches)
    except MALFORMED as error:
        raise FormatError(f"{name}: is no netlist of Yosys ({type(error).__name__}: {error})") from None


def _parse(document: Any, name: str, top: str | None, cut_latches: bool) -> GateNetlist:
    title_, module = _module(document["modules"], name, top)
    found = _Module(name, _titles(module), cut_latches)
    for key, facts in module["ports"].items():
        found.port(key[1:] if key[:1] == "\\" and key[1:2] in KEPT else key, facts)
    for cell, facts in module.get("cells", {}).items():
        found.cell(cell, facts["type"], facts)
    return found.netlist(title_)


class _Module:
    """A module while it is read. shown : outputs, label and bit; states : (next, state), bits"""

    def __init__(self, where: str, titles: Mapping[Any, str], cut_latches: bool) -> None:
        self.where, self.titles, self.cut = where, titles, cut_latches
        self.wires = Wires(where)
        self.nets: dict[int, int] = {}
        self.inputs: list[tuple[int, int]] = []
        self.shown: list[tuple[str, Any]] = []
        self.states: list[tuple[Any, Any]] = []
        self.driven: dict[int, str] = {}

    def port(self, port: str, facts: Any) -> None:
        if facts["direction"] not in ("input", "output"):
            raise UnsupportedError(
                f"{self.where}: port {port!r} is {facts['direction']}; ports are input or output"
            )
        first, bits = int(facts.get("offset", 0)), facts["bits"]
        vector = len(bits) > 1 or "offset" in facts or "upto" in facts
        for k, bit in enumerate(reversed(bits) if facts.get("upto") else bits):
            label = f"{port}[{k + first}]" if vector else port
            if facts["direction"] == "output":
                self.shown.append((label, bit))
                continue
            if bit in self.nets:
                raise FormatError(
                    f"{self.where}: {self.driven[bit]} and {label!r} are one net; a net has one driver"
                )
            self.nets[bit] = self.wires.net(label)
            self.driven[bit] = f"input {label!r}"
            self.inputs.append((self.nets[bit], 1))

    def literal(self, bit: Any) -> int:
        if bit in ("0", "1"):
            return int(bit)
        if not isinstance(bit, int):
            raise UnsupportedError(f"{self.where}: a bit is {bit!r}, neither 0 nor 1; give it a value")
        if bit not in self.nets:
            self.nets[bit] = self.wires.net(f"net {bit}")
        return 2 * self.nets[bit]

    def drives(self, cell: str, bit: Any) -> int:
        """The net of an output of a cell, its one driver."""
        if not isinstance(bit, int):
            raise FormatError(f"{self.where}: cell {cell!r} drives the constant {bit!r}")
        if (other := self.driven.get(bit)) is not None:
            net = self.titles.get(bit, str(bit))
            raise FormatError(
                f"{self.where}: net {net!r} is driven by cell {cell!r} and by {other}; a net has one driver"
            )
        self.driven[bit] = f"cell {cell!r}"
        return self.literal(bit) >> 1

    def cell(self, cell: str, kind: str, facts: Any) -> None:
        pins = facts["connections"]
        if kind in _NOTED:
            return
        if kind == "$lut":
            operands = [self.literal(bit) for bit in pins["A"]]
            found = self.wires.table(operands, self.lut(cell, facts["parameters"]["LUT"]))
            self.wires.drive(self.drives(cell, pins["Y"][0]), found, 1)
            return
        if wide := [pin for pin, bits in pins.items() if len(bits) != 1]:
            raise FormatError(f"{self.where}: pin {wide[0]!r} of cell {cell!r} is not of one bit")
        if kind in _READ:
            order, table = _READ[kind]
            operands = [self.literal(pins[pin][0]) for pin in order]
            if kind in _TREES:
                found = self.wires.tree(_TREES[kind][0], operands, invert=bool(_TREES[kind][1]))
            else:
                found = self.wires.table(operands, table)
            self.wires.drive(self.drives(cell, pins["Y"][0]), found, 1)
        elif STATE.fullmatch(kind):
            if not self.cut:
                raise refuse_state(self.where, f"the {'latch' if 'LATCH' in kind else 'flip-flop'} {cell!r}")
            self.drives(cell, pins["Q"][0])
            self.states.append((pins["D"][0], pins["Q"][0]))
            control = {pin: pins[pin][0] for pin in "CER" if pin in pins and pins[pin][0] not in ("x", "z")}
            made = {
                pin: Pin(self.literal(bit), self.titles.get(bit, str(bit))) for pin, bit in control.items()
            }
            self.wires.holders.append(_holder(kind, made))
        elif kind.startswith(STATEFUL):
            raise UnsupportedError(
                f"{self.where}: cell {cell!r} is {kind}, state of a kind that cannot be cut; flip-flops and "
                "latches with one reset or none can"
            )
        else:
            raise UnsupportedError(
                f"{self.where}: cell {cell!r} is {kind}, no gate; run `proc; flatten; dffunmap; techmap; "
                "simplemap` on it, and cut latches out"
            )

    def lut(self, cell: str, table: Any) -> int:
        if not isinstance(table, str):
            return int(table)
        if set(table) - {"0", "1"}:
            raise UnsupportedError(
                f"{self.where}: cell {cell!r} has the table {table!r}; each entry must be 0 or 1"
            )
        return int(table, 2)

    def netlist(self, title_: str) -> GateNetlist:
        """States last, called as they are where no port is."""
        wires, outputs = self.wires, []
        labels = {label for label, _ in self.shown} | {wires.names[net] for net, _ in self.inputs}
        for k, (following, state) in enumerate(self.states):
            net, title = self.literal(state) >> 1, self.titles.get(state, f"state{k}")
            title = f"{title}_state" if title in labels else title
            wires.names[net] = wires.names[wires.net(title)]
            self.inputs.append((net, 1))
            self.shown.append((next_name(wires.names[net], wires.taken), following))
        for label, bit in self.shown:
            net = wires.net(label)
            wires.drive(net, self.literal(bit), 1)
            outputs.append((net, 1))
        return wires.netlist(self.inputs, outputs, title_)


def _holder(kind: str, pins: Mapping[str, Pin]) -> Holder:
    """What holds the state of such a cell. pins : connected to something"""
    latch, letters = "LATCH" in kind, kind.strip("$_").partition("_")[2]
    acting = {
        name: Pin(pin.literal ^ (letter != "P"), pin.title)
        for name, letter in zip(("E" if latch else "C", "R"), letters, strict=False)
        if (pin := pins.get(name)) is not None
    }
    resets = ((int(letters[2]), acting["R"]),) if "R" in acting else ()
    return Holder(acting.get("E" if latch else "C"), latch, resets)


def _titles(module: Any) -> dict[Any, str]:
    """What the bits are called: by a person rather than Yosys, at the top rather than in an instance."""
    found: dict[Any, str] = {}
    nets = module.get("netnames", {}).items()
    best_first = sorted(nets, key=lambda item: (int(item[1].get("hide_name", 0)), item[0].count(".")))
    for name, facts in reversed(best_first):
        bits, first = facts["bits"], int(facts.get("offset", 0))
        for k, bit in enumerate(reversed(bits) if facts.get("upto") else bits):
            found[bit] = name if len(bits) == 1 else f"{name}[{k + first}]"
    return found


def _module(modules: Mapping[str, Any], name: str, top: str | None) -> tuple[str, Any]:
    if top is not None:
        if top not in modules:
            raise FormatError(f"{name}: has no module {top!r}; there are {', '.join(modules)}")
        return top, modules[top]
    marked = [m for m in modules if int(str(modules[m].get("attributes", {}).get("top", "0")), 2)]
    found = marked or list(modules)
    if len(found) != 1:
        raise UnsupportedError(
            f"{name}: holds {len(found)} modules and marks none as the whole circuit; choose it with "
            "--top NAME"
        )
    return found[0], modules[found[0]]


FORMAT = Format(
    "yosys-json",
    "Yosys JSON",
    (),
    re.compile(rb'\s*\{\s*"creator"\s*:\s*"[^"]*"\s*,\s*"modules"'),
    read_yosys_json,
    write_yosys_json,
    asks=frozenset({"top", "cut_latches"}),
)
