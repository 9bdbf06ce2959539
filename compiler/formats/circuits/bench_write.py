"""ISCAS .bench. The format's source: compiler.formats.circuits.bench."""

from __future__ import annotations

from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import name_nets
from compiler.ir.gates import GateNetlist

# a and not b, ... have no gate of their own: an inverter, then and or or
GATES = {1: "AND", 6: "XOR", 7: "OR", 8: "NOR", 9: "XNOR", 14: "NAND"}
SINGLES = {3: ("BUFF", 0), 12: ("NOT", 0), 5: ("BUFF", 1), 10: ("NOT", 1)}
INVERTING = {2: ("AND", 1), 4: ("AND", 0), 11: ("OR", 1), 13: ("OR", 0)}


def write_bench(netlist: GateNetlist) -> str:
    """The netlist as .bench; gates that complement one operand get an inverter, shared by all.

    Constants become x XOR x or x XNOR x of the first input, since the format has none.

    Raises UnsupportedError as name_nets, and for constants in a circuit without inputs.
    """
    named = name_nets(netlist, ".bench", r"[^\s(),=#]+")
    nets = named.nets
    lines = [f"INPUT({name})" for name in netlist.input_names]
    lines += [f"OUTPUT({name})" for name in netlist.output_names]
    taken = {*nets, *netlist.output_names}
    inverters: dict[int, str] = {}
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for out, (op, a, b) in zip(nets[netlist.n_inputs :], zip(*columns, strict=True), strict=True):
        if op in GATES:
            lines.append(f"{out} = {GATES[op]}({nets[a]}, {nets[b]})")
        elif op in SINGLES:
            gate, side = SINGLES[op]
            lines.append(f"{out} = {gate}({nets[(a, b)[side]]})")
        elif op in INVERTING:
            gate, side = INVERTING[op]
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
