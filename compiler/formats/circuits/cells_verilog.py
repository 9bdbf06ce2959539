"""A circuit of library cells as structural Verilog: one instance a cell, for layout and timing tools."""

from __future__ import annotations

import re

from compiler.circuits.class_nets import fresh_name
from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import fresh_prefix, parted, title
from compiler.formats.circuits.state import is_next
from compiler.formats.circuits.verilog_write import LEGAL, escaped
from compiler.ir.cells import CONSTANT_1, CellNetlist
from hw_models.cells import CellLibrary
from hw_models.flipflops import FlipFlop


def write_cells_verilog(netlist: CellNetlist) -> str:
    """The netlist as a Verilog module of cells; every port is a wire of its own.

    Outputs beyond the named ones (nets that class sums count) are called root0, root1, ...; an output
    that shows an input, a constant or another output's net is an assign. An output called like an input gets
    a name of its own, told in a comment.

    Raises UnsupportedError for a name that Verilog cannot hold.
    """
    inputs = netlist.input_names
    outputs, moved = _shown(netlist, inputs)
    return "\n".join(
        [*_head(netlist, inputs, outputs, moved), *_body(netlist, inputs, outputs), "endmodule", ""]
    )


def write_clocked_cells(netlist: CellNetlist, registers: int, clock: str | None) -> str:
    """The same with the library's flip-flop: the last `registers` inputs show its bits, the last outputs what
    they take next.

    clock : the input that is the clock, at its rising edge; None: a new one, clk
    Flip-flop r{k} is told with its bit's name in a comment; registers have no first value.

    Raises UnsupportedError for a library without a flip-flop whose pins are known, for ports in another order
    or class sums, and as write_cells_verilog.
    """
    library = netlist.library
    flipflop = flipflop_of(library)
    first, last = netlist.n_inputs - registers, len(netlist.output_names) - registers
    pairs = zip(netlist.output_names[last:], netlist.input_names[first:], strict=True)
    if netlist.roots.size > len(netlist.output_names) or not all(is_next(*pair) for pair in pairs):
        raise UnsupportedError(
            "the last outputs are not what the last inputs take next: make class sums gates, and order both "
            "by with_state, before the circuit is mapped"
        )
    inputs = netlist.input_names[:first]
    outputs, moved = parted(netlist.output_names[:last], inputs)
    _check((*inputs, *outputs))
    taken = {*inputs, *outputs}
    ports = inputs
    if clock is None:
        clock = fresh_name("clk", taken)
        ports = (clock, *inputs)
        taken.add(clock)
    state, following, held, register, inverts = (fresh_prefix(letter, tuple(taken)) for letter in "sdqrv")
    states, taking = ([f"{name}{k}" for k in range(registers)] for name in (state, following))
    holding = [f"{held}{k}" for k in range(registers)] if flipflop.inverts else states
    lines = [f"// {register}{k} holds {name}" for k, name in enumerate(netlist.input_names[first:])]
    lines += _head(netlist, ports, outputs, moved)
    lines += [f"  wire {name};" for name in (*states, *taking, *(holding if flipflop.inverts else ()))]
    lines += _body(netlist, (*inputs, *states), (*outputs, *taking))
    at, data, shows = flipflop.pins or ("", "", "")
    for k in range(registers):
        pins = f".{at}({escaped(clock)}), .{data}({taking[k]}), .{shows}({holding[k]})"
        lines.append(f"  {escaped(flipflop.name)} {register}{k} ({pins});")
        if flipflop.inverts:
            inverter = library.inverter
            pins = f".{inverter.inputs[0]}({holding[k]}), .{inverter.output}({states[k]})"
            lines.append(f"  {escaped(inverter.name)} {inverts}{k} ({pins});")
    return "\n".join([*lines, "endmodule", ""])


def flipflop_of(library: CellLibrary) -> FlipFlop:
    """The library's plain flip-flop; UnsupportedError where none is, or its pins are not known."""
    found = library.flipflop
    if found is None or found.pins is None:
        raise UnsupportedError(
            f"library {library.name} has no plain flip-flop whose pins are known: take a Liberty file that "
            "has one, or leave --registers out"
        )
    return found


def _shown(netlist: CellNetlist, inputs: tuple[str, ...]) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """Names of outputs, and those that had to change."""
    named = netlist.output_names
    every = (*named, *(f"root{k}" for k in range(netlist.roots.size - len(named))))
    outputs, moved = parted(every, inputs)
    _check((*inputs, *outputs))
    return outputs, moved


def _head(
    netlist: CellNetlist, inputs: tuple[str, ...], outputs: tuple[str, ...], moved: list[tuple[str, str]]
) -> list[str]:
    ports = [
        *(f"  input {escaped(name)}" for name in inputs),
        *(f"  output {escaped(name)}" for name in outputs),
    ]
    lines = [f"// output {old} is called {new}: it is an input, too" for old, new in moved]
    return [*lines, f"module {escaped(title(netlist.subject))} (", ",\n".join(ports), ");"]


def _body(netlist: CellNetlist, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> list[str]:
    """Wires, instances and assigns between nets of these names."""
    library, n = netlist.library, netlist.n_inputs
    prefix, instance = (fresh_prefix(letter, (*inputs, *outputs)) for letter in "nu")
    nets = [*inputs, *(f"{prefix}{net}" for net in range(n, n + netlist.n_cells))]
    copies = []
    shown: set[int] = set()
    for name, net in zip(outputs, netlist.roots.tolist(), strict=True):
        if net >= n and net not in shown:
            nets[net] = name
            shown.add(net)
        else:
            copies.append((name, net))
    lines = [f"  wire {nets[net]};" for net in range(n, n + netlist.n_cells) if net not in shown]
    members: dict[int, list[int]] = {}
    for k, number in enumerate(netlist.instance.tolist()):
        members.setdefault(number, []).append(k)
    for number, outs in members.items():
        first = library.cells[netlist.cell[outs[0]]]
        pins = [
            f".{pin}({escaped(nets[net])})"
            for pin, net in zip(first.inputs, netlist.pins(outs[0]).tolist(), strict=True)
        ]
        pins += [f".{library.cells[netlist.cell[k]].output}({escaped(nets[n + k])})" for k in outs]
        lines.append(f"  {escaped(first.macro or first.name)} {instance}{number} ({', '.join(pins)});")
    for name, net in copies:
        value = f"1'b{int(net == CONSTANT_1)}" if net < 0 else escaped(nets[net])
        lines.append(f"  assign {escaped(name)} = {value};")
    return lines


def _check(names: tuple[str, ...]) -> None:
    pattern = re.compile(LEGAL)
    for name in names:
        if not pattern.fullmatch(name):
            raise UnsupportedError(f"Verilog cannot hold the name {name!r}; rename the port")
