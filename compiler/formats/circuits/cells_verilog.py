"""A circuit of library cells as structural Verilog: one instance a cell, for layout and timing tools."""

from __future__ import annotations

import re

from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import fresh_prefix, parted, title
from compiler.formats.circuits.verilog_write import LEGAL, escaped
from compiler.ir.cells import CONSTANT_1, CellNetlist


def write_cells_verilog(netlist: CellNetlist) -> str:
    """The netlist as a Verilog module of cells; every port is a wire of its own.

    Outputs beyond the named ones (nets that class sums count) are called root0, root1, ...; an output
    that shows an input, a constant or another output's net is an assign. An output called like an input gets
    a name of its own, told in a comment.

    Raises UnsupportedError for a name that Verilog cannot hold.
    """
    library, n = netlist.library, netlist.n_inputs
    named = netlist.output_names
    every = (*named, *(f"root{k}" for k in range(netlist.roots.size - len(named))))
    outputs, moved = parted(every, netlist.input_names)
    _check((*netlist.input_names, *outputs))
    prefix = fresh_prefix("n", (*netlist.input_names, *outputs))
    nets = [*netlist.input_names, *(f"{prefix}{net}" for net in range(n, n + netlist.n_cells))]
    copies = []
    shown: set[int] = set()
    for name, net in zip(outputs, netlist.roots.tolist(), strict=True):
        if net >= n and net not in shown:
            nets[net] = name
            shown.add(net)
        else:
            copies.append((name, net))
    ports = [f"  input {escaped(name)}" for name in netlist.input_names]
    ports += [f"  output {escaped(name)}" for name in outputs]
    lines = [f"// output {old} is called {new}: it is an input, too" for old, new in moved]
    lines += [f"module {escaped(title(netlist.subject))} (", ",\n".join(ports), ");"]
    lines += [f"  wire {nets[net]};" for net in range(n, n + netlist.n_cells) if net not in shown]
    instance = netlist.instance.tolist()
    members: dict[int, list[int]] = {}
    for k, number in enumerate(instance):
        members.setdefault(number, []).append(k)
    for number, outs in members.items():
        first = library.cells[netlist.cell[outs[0]]]
        pins = [
            f".{pin}({escaped(nets[net])})"
            for pin, net in zip(first.inputs, netlist.pins(outs[0]).tolist(), strict=True)
        ]
        pins += [f".{library.cells[netlist.cell[k]].output}({escaped(nets[n + k])})" for k in outs]
        lines.append(f"  {escaped(first.macro or first.name)} u{number} ({', '.join(pins)});")
    for name, net in copies:
        value = f"1'b{int(net == CONSTANT_1)}" if net < 0 else escaped(nets[net])
        lines.append(f"  assign {escaped(name)} = {value};")
    return "\n".join([*lines, "endmodule", ""])


def _check(names: tuple[str, ...]) -> None:
    pattern = re.compile(LEGAL)
    for name in names:
        if not pattern.fullmatch(name):
            raise UnsupportedError(f"Verilog cannot hold the name {name!r}; rename the port")
