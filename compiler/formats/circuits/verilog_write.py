"""Structural Verilog: one module, one assign a gate, optionally pipelined, with class sums."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.circuits.class_nets import fresh_name
from compiler.errors import UnsupportedError
from compiler.formats.circuits.names import fresh_prefix, name_nets, part_shared, title
from compiler.formats.circuits.operators import operators
from compiler.formats.circuits.ports import Port, group_ports
from compiler.ir.gates import NONE, READS_A, READS_B, TWO_INPUT, ClassSums, GateNetlist
from compiler.passes.gates.local import sweep_dead

EXPRESSIONS = operators("1'b0", "1'b1")


@dataclass(frozen=True, slots=True)
class VerilogOptions:
    """pipeline : registers after every so many levels of two-input gates, 0: none
    vectors : all inputs as one vector x, outputs as y, sums as one; else a port for each, but for
        x[0], x[1], ..., which are a vector x
    """

    pipeline: int = 0
    vectors: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """What a module shows, in the order of its ports.

    inputs, outputs : ports whose bits, one after another, are the netlist's inputs and outputs
    sums : ports whose bits are the class sums, sum_bits each; decision : the largest's number
    clock : None without registers; latency : clock edges from a sample to its answer
    """

    module: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    sums: tuple[Port, ...] = ()
    sum_bits: int = 0
    decision: Port | None = None
    clock: str | None = None
    latency: int = 0


def verilog_interface(netlist: GateNetlist, options: VerilogOptions | None = None) -> Interface:
    """The ports that write_verilog gives the netlist; errors as write_verilog."""
    return _Writer(netlist, options or VerilogOptions()).interface


def write_verilog(netlist: GateNetlist, options: VerilogOptions | None = None) -> str:
    """The netlist as a Verilog-2001 module; names that are no identifiers are escaped.

    Class sums become ports sum_0, sum_1, ... (`sums` as a vector, class 0 in the low bits) and the
    decision, the number of the first largest, written as additions and comparisons. tau only scales
    scores and is told in a comment. Pipelined sums and decisions take a register each; the latency
    is told in a comment, and counts to the answer that all outputs show at the same time.

    An output called like an input gets a name of its own, told in a comment.

    Raises UnsupportedError as name_nets.
    """
    return _Writer(netlist, options or VerilogOptions()).text()


class _Writer:
    def __init__(self, netlist: GateNetlist, options: VerilogOptions) -> None:
        if options.pipeline:
            netlist = sweep_dead(netlist)  # a gate that nobody reads would cost registers
        netlist, self.moved = part_shared(netlist)
        self.netlist, self.options = netlist, options
        self.sums = netlist.class_sums
        name_nets(netlist, "Verilog", LEGAL, shared_ports=False, sums=True)  # refuses bad names
        vectors = options.vectors
        ports = () if vectors else (*netlist.input_names, *netlist.output_names)
        self.prefix = fresh_prefix("n", ports)
        taken = {*ports, title(netlist)}
        clock = fresh_name("clk", taken) if options.pipeline else None
        self.stages = cut_levels(netlist, options.pipeline) if options.pipeline else None
        head = _head_ports(self.sums, vectors, fresh_prefix("sum_", taken), taken)
        inputs = ports_of(netlist.input_names, netlist.output_names, "x", vectors)
        outputs = ports_of(netlist.output_names, netlist.input_names, "y", vectors)
        self.interface = Interface(
            module=title(netlist),
            inputs=inputs,
            outputs=outputs,
            clock=clock,
            latency=self._latency(),
            **head,
        )
        # an output's wire is its gate's, where nothing stands between them
        self.direct = not vectors and self.stages is None
        self.shown = port_bits(outputs)
        n = netlist.n_inputs
        self.references = [*port_bits(inputs), *(f"{self.prefix}{net}" for net in range(n, netlist.n_nets))]
        self.driven: set[str] = set()
        if self.direct:
            for name, net in zip(self.shown, netlist.outputs.tolist(), strict=True):
                if net >= n and self.references[net] not in self.driven:
                    self.references[net] = name
                    self.driven.add(name)
        if self.stages is not None:
            self.stages = self._wait_for_decision(self.stages)
            self.places = _places(self.stages)

    def _latency(self) -> int:
        if self.stages is None:
            return 0
        return self.stages.ranks + (2 if self.sums is not None else 0)

    def text(self) -> str:
        ports = [*self._port_lines()]
        head = f"module {escaped(self.interface.module)}"
        lines = [*self._comments()]
        lines += [f"{head} (", ",\n".join(ports), ");"] if ports else [f"{head};"]
        lines += self._gates()
        lines += self._registers()
        lines += self._outputs()
        return "\n".join([*lines, "endmodule"]) + "\n"

    def _comments(self) -> list[str]:
        lines = [f"// output {old} is called {new}: it is an input, too" for old, new in self.moved]
        if self.stages is not None:
            lines.append(
                f"// registers after every {self.options.pipeline} levels; latency "
                f"{self.interface.latency} clocks, a sample a clock"
            )
        if self.sums is not None:
            lines.append(
                f"// {self.sums.n_classes} classes, score = sum / {self.sums.tau:g}; decision: the "
                "first of the largest"
            )
            labels = [label for label in self.sums.labels if label.isprintable()]
            lines += [f"// classes: {', '.join(labels)}"] if labels else []
        return lines

    def _port_lines(self) -> list[str]:
        face = self.interface
        lines = [f"  input {face.clock}"] if face.clock else []
        lines += [f"  {declaration('input', port)}" for port in face.inputs]
        shown = [*face.outputs, *face.sums, *([face.decision] if face.decision else [])]
        return lines + [f"  {declaration('output', port)}" for port in shown]

    # --- gates and registers ---

    def at(self, net: int, cycle: int) -> str:
        """The name of what the net shows in a cycle; after registers where it is an earlier net."""
        if self.stages is None or cycle <= self.stages.stage[net]:
            return self.references[net]
        if cycle > self.stages.last[net] and self.stages.last[net] == self.stages.stage[net]:
            return self.references[net]  # a constant
        return f"{self.prefix}rank{cycle}[{self.places[cycle][net]}]"

    def _gates(self) -> list[str]:
        netlist, n = self.netlist, self.netlist.n_inputs
        names = self.references[n:]
        lines = [f"  wire {name};" for name in names if name not in self.driven]
        columns = (netlist.op.tolist(), netlist.a.tolist(), netlist.b.tolist())
        for k, (op, a, b) in enumerate(zip(*columns, strict=True)):
            cycle = 0 if self.stages is None else int(self.stages.stage[n + k])
            left = self.at(a, cycle) if READS_A[op] else ""
            right = self.at(b, cycle) if READS_B[op] else ""
            lines.append(f"  assign {names[k]} = {EXPRESSIONS[op].format(a=left, b=right)};")
        return lines

    def _registers(self) -> list[str]:
        if self.stages is None:
            return []
        declarations, moves = [], []
        for cycle, place in self.places.items():
            name = f"{self.prefix}rank{cycle}"
            declarations.append(f"  reg [{len(place) - 1}:0] {name};")
            # a concatenation begins with the high bit
            bits = [self.at(net, cycle - 1) for net in reversed(place)]
            rows = [", ".join(bits[k : k + 8]) for k in range(0, len(bits), 8)]
            moves.append(f"    {name} <= {{" + ",\n      ".join(rows) + "};")
        if not moves:
            return []
        return [*declarations, f"  always @(posedge {self.interface.clock}) begin", *moves, "  end"]

    def _wait_for_decision(self, stages: Stages) -> Stages:
        """Named outputs pass more registers, so that one sample's answers come together."""
        last, outputs = stages.last.copy(), self.netlist.outputs
        changing = outputs[last[outputs] > stages.stage[outputs]]
        last[changing] = self.interface.latency
        return Stages(stages.stage, last, stages.ranks)

    # --- outputs ---

    def _outputs(self) -> list[str]:
        nets = self.netlist.outputs.tolist()
        lines = [
            f"  assign {name} = {self.at(net, self.interface.latency)};"
            for name, net in zip(self.shown, nets, strict=True)
            if name not in self.driven
        ]
        if self.sums is not None:
            lines += self._head(self.sums)
        return lines

    def _head(self, sums: ClassSums) -> list[str]:
        face, prefix = self.interface, self.prefix
        width, classes = face.sum_bits, sums.n_classes
        ranks = 0 if self.stages is None else self.stages.ranks
        counts = [f"{prefix}count{c}" for c in range(classes)]
        lines = [f"  {declared('wire', width, name)};" for name in counts]
        for c, name in enumerate(counts):
            nets = sums.nets[sums.indptr[c] : sums.indptr[c + 1]].tolist()
            bits = [self.at(net, ranks) for net in nets]
            lines += count_lines(bits, f"{prefix}part{c}_", width, name)
        shown = counts
        assert face.decision is not None
        decision = f"{prefix}decision"
        lines.append(f"  {declared('wire', face.decision.bits, decision)};")
        chosen = decision
        registers: list[tuple[int, str, str]] = []
        if self.stages is not None:
            first = [f"{prefix}held{c}" for c in range(classes)]
            shown = [f"{prefix}shown{c}" for c in range(classes)]
            chosen = f"{prefix}chosen"
            for names, sources in ((first, counts), (shown, first)):
                registers += [(width, n, s) for n, s in zip(names, sources, strict=True)]
            registers.append((face.decision.bits, chosen, decision))
            lines += [f"  {declared('reg', bits, name)};" for bits, name, _ in registers]
            lines += decision_lines(first, width, prefix, face.decision.bits, decision)
            lines.append(f"  always @(posedge {face.clock}) begin")
            lines += [f"    {name} <= {source};" for _, name, source in registers]
            lines.append("  end")
        else:
            lines += decision_lines(counts, width, prefix, face.decision.bits, decision)
        if self.options.vectors:
            lines.append(f"  assign {face.sums[0].name} = {{{', '.join(reversed(shown))}}};")
        else:
            for port, name in zip(face.sums, shown, strict=True):
                lines.append(f"  assign {port.name} = {name};")
        return [*lines, f"  assign {face.decision.name} = {chosen};"]


def _places(stages: Stages) -> dict[int, dict[int, int]]:
    """For every rank of registers, the bit in which it holds a net."""
    places: dict[int, dict[int, int]] = {}
    for net in np.flatnonzero(stages.last > stages.stage).tolist():
        for cycle in range(int(stages.stage[net]) + 1, int(stages.last[net]) + 1):
            place = places.setdefault(cycle, {})
            place[net] = len(place)
    return dict(sorted(places.items()))


def ports_of(
    names: tuple[str, ...], others: tuple[str, ...], vector: str = "", vectors: bool = False
) -> tuple[Port, ...]:
    """Ports of one side: as they are called, or all bits as one vector."""
    if not vectors:
        return group_ports(names, others)
    return (Port(vector, len(names), True),) if names else ()


def port_bits(ports: tuple[Port, ...]) -> list[str]:
    """How Verilog writes every bit."""
    return [
        f"{escaped(port.name)}[{k}]" if port.vector else escaped(port.name)
        for port in ports
        for k in range(port.bits)
    ]


def declaration(side: str, port: Port) -> str:
    """`input [3:0] x`"""
    if port.vector:
        return f"{side} [{port.bits - 1}:0] {escaped(port.name)}"
    return f"{side} {escaped(port.name)}"


def _head_ports(sums: ClassSums | None, vectors: bool, prefix: str, taken: set[str]) -> dict:
    if sums is None:
        return {}
    width = max(1, int(np.diff(sums.indptr).max()).bit_length())
    bits = max(1, (sums.n_classes - 1).bit_length())
    if vectors:
        ports: tuple[Port, ...] = (Port("sums", width * sums.n_classes, True),)
    else:
        ports = tuple(Port(f"{prefix}{c}", width, width > 1) for c in range(sums.n_classes))
    decision = Port(fresh_name("decision", taken), bits, bits > 1)
    return {"sums": ports, "sum_bits": width, "decision": decision}


_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
# reserved words of IEEE 1364-2005 and IEEE 1800-2017; as an escaped name they are none
_WORDS = """
    always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign default
    defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule
    endprimitive endspecify endtable endtask event for force forever fork function generate genvar
    highz0 highz1 if ifnone incdir include initial inout input instance integer join large liblist
    library localparam macromodule medium module nand negedge nmos nor noshowcancelled not notif0
    notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos
    rtran rtranif0 rtranif1 scalared showcancelled signed small specify specparam strong0 strong1
    supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg
    unsigned use uwire vectored wait wand weak0 weak1 while wire wor xnor xor
    accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break byte
    chandle checker class clocking const constraint context continue cover covergroup coverpoint cross dist do
    endchecker endclass endclocking endgroup endinterface endpackage endprogram endproperty endsequence enum
    eventually expect export extends extern final first_match foreach forkjoin global iff ignore_bins
    illegal_bins implements implies import inside int interconnect interface intersect join_any join_none let
    local logic longint matches modport nettype new nexttime null package packed priority program property
    protected pure rand randc randcase randsequence ref reject_on restrict return s_always s_eventually
    s_nexttime s_until s_until_with sequence shortint shortreal soft solve static string strong struct super
    sync_accept_on sync_reject_on tagged this throughout timeprecision timeunit type typedef union unique
    unique0 until until_with untyped var virtual void wait_order weak wildcard with within
"""
_KEYWORDS = frozenset(_WORDS.split())
LEGAL = r"[!-~]+"


def escaped(name: str) -> str:
    """The name as Verilog writes it: itself, or escaped and ended by a space."""
    if _SIMPLE.fullmatch(name) and name not in _KEYWORDS:
        return name
    return f"\\{name} "


def declared(kind: str, width: int, name: str) -> str:
    """`wire [3:0] x`; one bit is no vector."""
    return f"{kind} {name}" if width == 1 else f"{kind} [{width - 1}:0] {name}"


CHUNK = 16  # operands of one sum: deep expressions stop parsers, and a tree is shallow in hardware


def count_lines(bits: Sequence[str], prefix: str, width: int, out: str) -> list[str]:
    """Statements that assign the number of ones among `bits` to the vector `out` of `width` bits.

    prefix : of the names of partial sums
    """
    lines: list[str] = []
    level = [(bit, 1) for bit in bits]
    number = 0
    while len(level) > CHUNK:
        above = []
        for start in range(0, len(level), CHUNK):
            part = level[start : start + CHUNK]
            most = sum(value for _, value in part)
            name = f"{prefix}{number}"
            number += 1
            lines += _sum(declared("wire", most.bit_length(), name), [term for term, _ in part])
            above.append((name, most))
        level = above
    lines += _sum(f"assign {out}", [term for term, _ in level] or [f"{width}'d0"])
    return lines


def _sum(target: str, terms: Sequence[str]) -> list[str]:
    rows = [" + ".join(terms[k : k + 8]) for k in range(0, len(terms), 8)]
    return [f"  {target} = " + "\n    + ".join(rows) + ";"]


def decision_lines(sums: Sequence[str], width: int, prefix: str, index_width: int, out: str) -> list[str]:
    """Statements that assign the number of the largest sum, the first of equal ones, to `out`."""
    lines: list[str] = []
    level = [(name, f"{index_width}'d{k}") for k, name in enumerate(sums)]
    number = 0
    while len(level) > 1:
        above = []
        for (left, i), (right, k) in zip(level[0::2], level[1::2], strict=False):
            keep, best, which = (f"{prefix}{kind}{number}" for kind in ("keep", "best", "which"))
            number += 1
            lines += [
                f"  wire {keep} = {left} >= {right};",
                f"  {declared('wire', width, best)} = {keep} ? {left} : {right};",
                f"  {declared('wire', index_width, which)} = {keep} ? {i} : {k};",
            ]
            above.append((best, which))
        level = above + level[len(level) & ~1 :]
    lines.append(f"  assign {out} = {level[0][1]};")
    return lines


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """stage : (n_nets,) int64, the cycle in which a net is computed; inputs in 0
    ranks : registers that every root passes on its way; last : (n_nets,) the latest cycle in which
    a net is read, `ranks` for roots
    """

    stage: np.ndarray
    last: np.ndarray
    ranks: int


def cut_levels(netlist: GateNetlist, levels: int) -> Stages:
    """A rank of registers after every `levels` two-input gates, and after the last of them.

    Constants never change, so that they need no register: their `last` is their own stage.

    Raises UnsupportedError unless levels is at least 1.
    """
    if levels < 1:
        raise UnsupportedError(f"registers after every {levels} levels; give at least 1")
    n = netlist.n_inputs
    level = [0] * n
    weight = TWO_INPUT[netlist.op].astype(int).tolist()
    for w, a, b in zip(weight, netlist.a.tolist(), netlist.b.tolist(), strict=True):
        level.append(w + max(0 if a == NONE else level[a], 0 if b == NONE else level[b]))
    deepest = max((level[net] for net in netlist.roots.tolist()), default=0)
    ranks = max(1, -(-deepest // levels))
    stage = np.maximum(0, (np.array(level, dtype=np.int64) - 1) // levels)
    last = stage.copy()
    for nets, reads in ((netlist.a, READS_A), (netlist.b, READS_B)):
        read = reads[netlist.op]
        np.maximum.at(last, nets[read], stage[n:][read])
    last[netlist.roots] = ranks
    constant = np.concatenate([np.zeros(n, dtype=bool), ~(READS_A | READS_B)[netlist.op]])
    last[constant] = stage[constant]
    return Stages(stage, last, ranks)
