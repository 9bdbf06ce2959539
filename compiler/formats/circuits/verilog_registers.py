"""A circuit whose state was cut, as Verilog with registers: the logic as a module, and one around it."""

from __future__ import annotations

from dataclasses import replace

from compiler.circuits.class_nets import fresh_name
from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import part_shared, title
from compiler.formats.circuits.state import with_state
from compiler.formats.circuits.verilog_write import declaration, escaped, ports_of, write_verilog
from compiler.ir.gates import GateNetlist

CLOCKS = ("clk", "clock", "ck", "clk_i")


def write_sequential(netlist: GateNetlist) -> str:
    """Inputs NAME with outputs NAME_next as registers, all at the rising edge of one clock.

    The clock is an input that nothing reads, called as in CLOCKS in any case, else a new one, clk. Registers
    have no first value. Bit k of `state` is told in a comment.

    Raises UnsupportedError for class sums, and as with_registers and write_verilog.
    """
    if netlist.class_sums is not None:
        raise UnsupportedError("Verilog with registers holds plain outputs: --head nets or --head gates")
    inner, (inputs, outputs, states) = with_state(netlist, True)
    taken = {title(inner), *(name.partition("[")[0] for name in (*inputs, *outputs)), *inputs, *outputs}
    state, following = (fresh_name(name, taken) for name in ("state", "next"))
    one = len(states) == 1  # a bit is no vector
    named = [[name] if one else [f"{name}[{k}]" for k in range(len(states))] for name in (state, following)]
    wide = "" if one else f"[{len(states) - 1}:0] "
    inner, _ = part_shared(
        replace(
            inner,
            name=fresh_name(f"{title(inner)}_logic", taken),
            input_names=(*inputs, *named[0]),
            output_names=(*outputs, *named[1]),
        )
    )
    clock = clock_of(netlist, inputs)
    shown = inner.output_names[: len(outputs)]
    ins, outs = ports_of(inputs, shown), ports_of(shown, inputs)
    ports = [*(declaration("input", p) for p in ins), *(declaration("output", p) for p in outs)]
    if clock is None:
        clock = fresh_name("clk", {*taken, *shown, state, following})
        ports = [f"input {clock}", *ports]
    names = [port.name for port in (*ins, *outs)] + [state, following]
    pins = ", ".join(f".{escaped(name)}({escaped(name)})" for name in names)
    return "\n".join(
        [
            *(f"// {bit} is {name}" for bit, (name, _) in zip(named[0], states, strict=True)),
            f"module {title(netlist)} (",
            ",\n".join(f"  {port}" for port in ports),
            ");",
            f"  reg {wide}{state};",
            f"  wire {wide}{following};",
            f"  {inner.name} logic_of ({pins});",
            f"  always @(posedge {escaped(clock)}) {state} <= {following};",
            "endmodule",
            "",
            write_verilog(inner),
        ]
    )


def clock_of(netlist: GateNetlist, inputs: tuple[str, ...]) -> str | None:
    """The input that is the clock, None if no unread one is called like one."""
    used = {*netlist.a.tolist(), *netlist.b.tolist(), *netlist.outputs.tolist()}
    place = {name: k for k, name in enumerate(netlist.input_names)}
    return next((name for name in inputs if name.lower() in CLOCKS and place[name] not in used), None)
