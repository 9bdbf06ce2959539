"""ISCAS .bench: INPUT(x), OUTPUT(y), y = GATE(a, b, ...).

Source: F. Brglez and H. Fujiwara, ISCAS 1985. Gates take any number of operands; XNOR is the
complement of the parity.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import NoReturn

from compiler.circuits.assemble import Definition, Port, assemble
from compiler.circuits.builder import Builder
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.circuits.names import name_nets
from compiler.formats.circuits.state import is_next, next_name, refuse_state, with_state
from compiler.formats.format import Format
from compiler.formats.options import DEFAULTS, Options
from compiler.ir.gates import AND, OR, XOR, GateNetlist

_PORT = re.compile(r"(INPUT|OUTPUT)\s*\(\s*([^\s(),=]+)\s*\)\Z", re.IGNORECASE)
_GATE = re.compile(r"([^\s(),=]+)\s*=\s*([A-Za-z0-9_]+)\s*\(([^()=]*)\)\Z")
_LUT = re.compile(r"([^\s(),=]+)\s*=\s*LUT\s+0[xX]([0-9A-Fa-f]+)\s*\(([^()=]*)\)\Z", re.IGNORECASE)
_CONSTANT = re.compile(r"([^\s(),=]+)\s*=\s*(vdd|gnd)(?:\s*\(\s*\))?\Z", re.IGNORECASE)
TREES = {
    "AND": (AND, False),
    "NAND": (AND, True),
    "OR": (OR, False),
    "NOR": (OR, True),
    "XOR": (XOR, False),
    "XNOR": (XOR, True),
}
SINGLES = {"NOT": True, "INV": True, "BUFF": False, "BUF": False}
MUX = "MUX"
STATE = ("DFF", "DFFRSE", "FF", "LATCH")
MAX_LUT = 12


def read_bench(path: str | os.PathLike, options: Options = DEFAULTS) -> GateNetlist:
    """The netlist of a .bench file; errors as parse_bench. options : cut_latches"""
    return parse_bench(read_text(path), name=str(path), cut_latches=options.cut_latches)


def parse_bench(text: str, *, name: str = "text", cut_latches: bool = False) -> GateNetlist:
    """The netlist of a .bench text; gates of more than two operands become balanced trees.

    An output that is given twice is one output.

    Raises FormatError, with `name` and line, for malformed text, UnsupportedError for flip-flops, unless
    they are cut, and unknown gates.
    """
    inputs: list[Port] = []
    outputs: dict[str, Port] = {}
    definitions: list[Definition] = []
    states: list[tuple[str, str, int]] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        if port := _PORT.match(line):
            if port[1].upper() == "INPUT":
                inputs.append(Port(port[2], number))
            else:
                outputs.setdefault(port[2], Port(port[2], number))
        elif table := _LUT.match(line):
            definitions.append(_lut(name, number, table[1], table[2], table[3]))
        elif gate := _GATE.match(line):
            if gate[2].upper() in STATE:
                if not cut_latches:
                    raise refuse_state(f"{name}, line {number}", f"the flip-flop {gate[1]!r}")
                read = _operands(name, number, gate[1], gate[3])
                if len(read) != 1:
                    rule = f"the flip-flop {gate[1]!r} has {len(read)} operands; it takes one, its next state"
                    _fail(name, number, f"{rule}: make enable, set and reset of gates, leave the clock out")
                states.append((read[0], gate[1], number))
            else:
                definitions.append(_definition(name, number, gate[1], gate[2], gate[3]))
        elif constant := _CONSTANT.match(line):
            definitions.append(_constant(number, constant[1], constant[2].lower() == "vdd"))
        else:
            _fail(name, number, f"cannot read {line[:60]!r}; expected `y = GATE(a, b)`")
    if not inputs and not outputs and not definitions and not states:
        raise FormatError(f"{name}: holds no .bench circuit")
    taken = {d.name for d in definitions} | {port.name for port in inputs} | {state for _, state, _ in states}
    for following, state, number in states:
        inputs.append(Port(state, number))
        if is_next(following, state) and following not in outputs:
            outputs[following] = Port(following, number)
            continue
        shown = next_name(state, taken)
        taken.add(shown)
        definitions.append(Definition(shown, number, (following,), _copied(0)))
        outputs[shown] = Port(shown, number)
    return assemble(name, inputs, list(outputs.values()), definitions)


def _fail(name: str, line: int, rule: str) -> NoReturn:
    raise FormatError(f"{name}, line {line}: {rule}")


def _operands(name: str, line: int, net: str, operands: str) -> tuple[str, ...]:
    nets = tuple(word.strip() for word in operands.split(",")) if operands.strip() else ()
    if not all(nets) or any(len(net.split()) > 1 for net in nets):
        _fail(name, line, f"the operands ({operands.strip()[:40]}) of {net!r} are malformed")
    return nets


def _copied(inverted: int) -> Callable[[Builder, tuple[int, ...]], int]:
    return lambda builder, nets: builder.copy(2 * nets[0] + inverted)


def _chosen(builder: Builder, nets: tuple[int, ...]) -> int:
    """As ABC reads it: of select, one and zero the second where the first is 1."""
    select, one, zero = (2 * net for net in nets)
    return builder.choose(select, one, zero)


def _lut(name: str, line: int, net: str, digits: str, operands: str) -> Definition:
    """A table as ABC writes it: bit p for the pattern with operand k in bit k of p."""
    nets = _operands(name, line, net, operands)
    size = 1 << len(nets)
    if len(nets) > MAX_LUT or (table := int(digits, 16)) >> size:
        _fail(name, line, f"LUT 0x{digits[:20]} of {net!r} does not fit {len(nets)} operands")

    def emit(builder: Builder, x: tuple[int, ...]) -> int:
        return builder.table([2 * k for k in x], table)

    return Definition(net, line, nets, emit)


def _definition(name: str, line: int, net: str, gate: str, operands: str) -> Definition:
    nets = _operands(name, line, net, operands)
    kind = gate.upper()
    if kind in SINGLES:
        if len(nets) != 1:
            _fail(name, line, f"{gate} takes 1 operand, {net!r} gives it {len(nets)}")
        return Definition(net, line, nets, _copied(SINGLES[kind]))
    if kind == MUX:
        if len(nets) != 3:
            _fail(name, line, f"{gate} takes select, one and zero, {net!r} gives it {len(nets)} operand(s)")
        return Definition(net, line, nets, _chosen)
    if kind not in TREES:
        raise UnsupportedError(
            f"{name}, line {line}: gate {gate} of {net!r} is not supported; gates are "
            + ", ".join([*TREES, *SINGLES, MUX, "LUT 0x..."])
        )
    if not nets:
        _fail(name, line, f"{gate} needs an operand, {net!r} gives it none")
    op, invert = TREES[kind]

    def emit(builder: Builder, x: tuple[int, ...]) -> int:
        return builder.tree(op, [2 * k for k in x], invert=invert)

    return Definition(net, line, nets, emit)


def _constant(line: int, net: str, value: bool) -> Definition:
    return Definition(net, line, (), lambda builder, nets: builder.constant(value))


# a and not b, ... have no gate of their own: an inverter, then and or or
_WRITTEN = {1: "AND", 6: "XOR", 7: "OR", 8: "NOR", 9: "XNOR", 14: "NAND"}
_SINGLES = {3: ("BUFF", 0), 12: ("NOT", 0), 5: ("BUFF", 1), 10: ("NOT", 1)}
_INVERTING = {2: ("AND", 1), 4: ("AND", 0), 11: ("OR", 1), 13: ("OR", 0)}


def write_bench(netlist: GateNetlist, *, registers: bool = False) -> str:
    """The netlist as .bench; gates that complement one operand get an inverter, shared by all.

    Constants become x XOR x or x XNOR x of the first input, since the format has none.

    registers : inputs NAME with outputs NAME_next are flip-flops

    Raises UnsupportedError as name_nets and with_registers, for constants in a circuit without inputs, and
    for a circuit without ports.
    """
    netlist, (inputs, outputs, states) = with_state(netlist, registers)
    if not netlist.n_inputs and not netlist.n_outputs:
        raise UnsupportedError(".bench tells a circuit by its ports, and this one has none")
    named = name_nets(netlist, ".bench", r"[^\s(),=#]+")
    nets = named.nets
    lines = [f"INPUT({name})" for name in inputs]
    lines += [f"OUTPUT({name})" for name in outputs]
    lines += [f"{state} = DFF({following})" for state, following in states]
    taken = {*nets, *netlist.output_names}
    inverters: dict[int, str] = {}
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for out, (op, a, b) in zip(nets[netlist.n_inputs :], zip(*columns, strict=True), strict=True):
        if op in _WRITTEN:
            lines.append(f"{out} = {_WRITTEN[op]}({nets[a]}, {nets[b]})")
        elif op in _SINGLES:
            gate, side = _SINGLES[op]
            lines.append(f"{out} = {gate}({nets[(a, b)[side]]})")
        elif op in _INVERTING:
            gate, side = _INVERTING[op]
            net = (a, b)[side]
            if net not in inverters:
                name = f"{nets[net]}_not"
                while name in taken:
                    name += "_"
                taken.add(name)
                inverters[net] = name
                lines.append(f"{name} = NOT({nets[net]})")
            operands = [nets[a], nets[b]]
            operands[side] = inverters[net]
            lines.append(f"{out} = {gate}({operands[0]}, {operands[1]})")
        else:
            if not netlist.n_inputs:
                raise UnsupportedError(".bench has no constants; a circuit without inputs cannot be written")
            lines.append(f"{out} = {'XNOR' if op else 'XOR'}({nets[0]}, {nets[0]})")
    lines += [f"{name} = BUFF({source})" for name, source in named.copies]
    return "\n".join(lines) + "\n"


FORMAT = Format(
    "bench",
    "bench",
    (".bench",),
    re.compile(rb"(?:\s|#[^\n]*\n)*(?:INPUT|OUTPUT)\s*\("),
    read_bench,
    write_bench,
    frozenset({"registers"}),
    frozenset({"cut_latches"}),
)
