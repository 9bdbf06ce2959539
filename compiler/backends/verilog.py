"""Structural Verilog: one module, one assign a gate."""

from __future__ import annotations

import re

from compiler.backends.names import name_nets, title
from compiler.ir.gates import GateNetlist

EXPRESSIONS = (
    "1'b0",
    "{a} & {b}",
    "{a} & ~{b}",
    "{a}",
    "~{a} & {b}",
    "{b}",
    "{a} ^ {b}",
    "{a} | {b}",
    "~({a} | {b})",
    "~({a} ^ {b})",
    "~{b}",
    "{a} | ~{b}",
    "~{a}",
    "~{a} | {b}",
    "~({a} & {b})",
    "1'b1",
)
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
# words that a port may be called by in other formats; as an escaped name they are no keyword
_WORDS = """
    always and assign begin buf bufif0 bufif1 case casex casez cell cmos config deassign default
    defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule
    endprimitive endspecify endtable endtask event for force forever fork function generate genvar
    highz0 highz1 if ifnone incdir include initial inout input instance integer join large liblist
    library localparam macromodule medium module nand negedge nmos nor noshowcancelled not notif0
    notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos
    rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam strong0 strong1
    supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg
    unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
    logic bit byte int do final unique priority
"""
_KEYWORDS = frozenset(_WORDS.split())


def write_verilog(netlist: GateNetlist) -> str:
    """The netlist as a Verilog-2001 module; names that are no identifiers are escaped.

    Raises UnsupportedError as name_nets; a port cannot be both input and output.
    """
    named = name_nets(netlist, "Verilog", r"[!-~]+", shared_ports=False)
    nets = [escaped(name) for name in named.nets]
    inputs = nets[: netlist.n_inputs]
    outputs = [escaped(name) for name in netlist.output_names]
    ports = ",\n".join(
        [f"  input {name}" for name in inputs] + [f"  output {name}" for name in outputs]
    )
    head = f"module {escaped(title(netlist))}"
    lines = [f"{head} (", ports, ");"] if ports else [f"{head};"]
    driven = set(outputs)
    lines += [f"  wire {name};" for name in nets[netlist.n_inputs :] if name not in driven]
    columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
    for out, (op, a, b) in zip(nets[netlist.n_inputs :], zip(*columns, strict=True), strict=True):
        lines.append(f"  assign {out} = {EXPRESSIONS[op].format(a=nets[a], b=nets[b])};")
    for name, source in named.copies:
        lines.append(f"  assign {escaped(name)} = {escaped(source)};")
    return "\n".join([*lines, "endmodule"]) + "\n"


def escaped(name: str) -> str:
    """The name as Verilog writes it: itself, or escaped and ended by a space."""
    if _SIMPLE.fullmatch(name) and name not in _KEYWORDS:
        return name
    return f"\\{name} "
