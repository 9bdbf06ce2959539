"""A circuit of library cells as two-input gates."""

from __future__ import annotations

from compiler.circuits.builder import Builder
from compiler.ir.cells import CONSTANT_0, CONSTANT_1, CellNetlist
from compiler.ir.gates import AND, OR, GateNetlist
from hw_models.cells import Cell


def cells_to_gates(netlist: CellNetlist) -> GateNetlist:
    """The same circuit in two-input gates, every root a named output, to be compared with others.

    A cell becomes the or of its table's ones. Outputs beyond the named ones are called root0, ...
    """
    builder = Builder(netlist.input_names)
    nets = list(range(netlist.n_inputs))
    for k, index in enumerate(netlist.cell.tolist()):
        pins = [nets[net] for net in netlist.pins(k).tolist()]
        nets.append(_cell_gates(builder, netlist.library.cells[index], pins))
    constants = {value: builder.constant(bit) for bit, value in enumerate((CONSTANT_0, CONSTANT_1))}
    names = list(netlist.output_names)
    names += [f"root{k}" for k in range(netlist.roots.size - len(names))]
    shown = [constants[r] if r < 0 else nets[r] for r in netlist.roots.tolist()]
    return builder.netlist(dict(zip(names, shown, strict=True)))


def _cell_gates(builder: Builder, cell: Cell, pins: list[int]) -> int:
    n = cell.n_inputs
    products = [
        2 * builder.tree(AND, [2 * pins[k] + 1 - (row >> (n - 1 - k) & 1) for k in range(n)])
        for row in range(1 << n)
        if cell.value(row)
    ]
    return builder.tree(OR, products)
