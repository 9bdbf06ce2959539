"""A circuit of tables as Verilog, an instance LUT1 ... LUT6 a table (AMD's UNISIM names).

Bit p of INIT is a table's value where input I<i> is bit i of p, which is LutNetlist's own order.
"""

from __future__ import annotations

from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import fresh_prefix, name_nets, part_shared, title
from compiler.formats.circuits.verilog_write import LEGAL, declaration, escaped, port_bits, ports_of
from compiler.ir.gates import NONE
from compiler.ir.luts import LutNetlist


def write_lut_verilog(netlist: LutNetlist) -> str:
    """The netlist as a Verilog-2001 module of instances, with the ports that write_verilog gives it.

    Raises UnsupportedError for class sums, and as name_nets.
    """
    if netlist.class_sums is not None:
        raise UnsupportedError(
            "Verilog of tables holds plain outputs: write the counted nets (--head nets) or the adders "
            "(--head gates)"
        )
    netlist, moved = part_shared(netlist)
    name_nets(netlist, "Verilog", LEGAL, shared_ports=False)  # refuses bad names
    inputs = ports_of(netlist.input_names, netlist.output_names)
    outputs = ports_of(netlist.output_names, netlist.input_names)
    prefix = fresh_prefix("n", (*netlist.input_names, *netlist.output_names))
    n = netlist.n_inputs
    nets = [*port_bits(inputs), *(f"{prefix}{net}" for net in range(n, netlist.n_nets))]
    ports = [*(declaration("input", p) for p in inputs), *(declaration("output", p) for p in outputs)]
    lines = [f"// output {old} is called {new}: it is an input, too" for old, new in moved]
    head = f"module {escaped(title(netlist))}"
    lines += [f"{head} (", ",\n".join(f"  {port}" for port in ports), ");"] if ports else [f"{head};"]
    lines += [f"  wire {net};" for net in nets[n:]]
    for t, (row, table) in enumerate(zip(netlist.fanins.tolist(), netlist.table.tolist(), strict=True)):
        out, operands = nets[n + t], [nets[net] for net in row if net != NONE]
        if not operands:
            lines.append(f"  assign {out} = 1'b{table & 1};")
            continue
        size = 1 << len(operands)
        pins = ", ".join(f".I{i}({net})" for i, net in enumerate(operands))
        init = f"{size}'h{table:0{max(size // 4, 1)}x}"
        lines.append(f"  LUT{len(operands)} #(.INIT({init})) {prefix}t{t} (.O({out}), {pins});")
    shown = zip(port_bits(outputs), netlist.outputs.tolist(), strict=True)
    lines += [f"  assign {name} = {nets[net]};" for name, net in shown]
    return "\n".join([*lines, "endmodule"]) + "\n"
