"""A circuit of tables as Verilog for an FPGA: registers around it, inputs fed word by word.

    posedge clk, valid: `data` is the next word of a sample, the first one in the low bits;
    `last` with it: the sample is complete, and held while its tables settle and the next one is shifted in.
    `latency` edges later `done` is 1 for one clock, and `answer` is the sample's until the next `done`.

A sample of one word has no `last`. There is no reset: registers begin at 0 when the part is configured,
and `last` starts the next sample whatever came before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.gates import NONE
from compiler.ir.luts import LutNetlist

MODULE = "top"
WIDTH = 4  # operands of a table of both families


def _ice40(number: int, table: int, operands: list[str], out: str) -> str:
    pins = ", ".join(f".I{k}({net})" for k, net in enumerate(operands))
    return f"  SB_LUT4 #(.LUT_INIT(16'h{table:04x})) t{number} ({pins}, .O({out}));"


def _ecp5(number: int, table: int, operands: list[str], out: str) -> str:
    pins = ", ".join(f".{pin}({net})" for pin, net in zip("ABCD", operands, strict=True))
    return f"  LUT4 #(.INIT(16'h{table:04x})) t{number} ({pins}, .Z({out}));"


PRIMITIVES: dict[str, Callable[[int, int, list[str], str], str]] = {"ice40": _ice40, "ecp5": _ecp5}
"""An instance of a table of four operands, by family: bit p of the table where operand i is bit i of p
(yosys' ice40/cells_sim.v and ecp5/cells_sim.v)."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How a module is fed and read.

    word : bits of `data`; words : of them a sample; inputs : bits a sample, the low ones of its words
    latency : clock edges from the one that takes the last word to `done`; answer : bits of `answer`
    """

    word: int
    words: int
    inputs: int
    latency: int
    answer: int

    @property
    def pins(self) -> int:
        """clk, valid, last, done, data and answer."""
        return 3 + (self.words > 1) + self.word + self.answer

    @property
    def clocks(self) -> int:
        """From a sample's first word to its answer."""
        return self.words + self.latency


@dataclass(frozen=True, slots=True)
class FpgaModule:
    """text : Verilog; feed; registers : of the pipeline inside"""

    text: str
    feed: Feed
    registers: int


def write_fpga(netlist: LutNetlist, family: str, *, word: int = 0, pipeline: int = 0) -> FpgaModule:
    """Module `top` of primitives of the family; bit k of `answer` is output k, in the netlist's order.

    word : bits of `data`; 0: all inputs at once
    pipeline : registers after every so many levels of tables; 0: none but those around the circuit

    Raises UnsupportedError for tables of more than four inputs, class sums, and a circuit without
    inputs or outputs.
    """
    if netlist.class_sums is not None or netlist.k > WIDTH:
        raise UnsupportedError(
            f"a module for an FPGA is made of tables of at most {WIDTH} inputs, class sums as tables, too"
        )
    n, m = netlist.n_inputs, netlist.n_outputs
    if not n or not m:
        raise UnsupportedError(f"a circuit of {n} inputs and {m} outputs is no design for an FPGA")
    word = min(word or n, n)
    words = -(-n // word)
    stage, last, stages = _stages(netlist, pipeline)
    feed = Feed(word, words, n, stages, m)
    lines = [
        f"// {netlist.n_luts} tables; {words} words of {word} bits a sample, answered {stages} clocks later",
        f"module {MODULE} (",
        "  input clk,",
        "  input valid,",
        *(["  input last,"] if words > 1 else []),
        f"  input [{word - 1}:0] data,",
        "  output reg done,",
        f"  output reg [{m - 1}:0] answer",
        ");",
        f"  reg [{n - 1}:0] x;",
        *_input(feed),
    ]
    ranks = _ranks(stage, last, stages)

    def at(net: int, cycle: int) -> str:
        """What the net's value of the sample in stage `cycle` is called."""
        if cycle > stage[net] and last[net] > stage[net]:
            return f"r{cycle}[{ranks[cycle][net]}]"
        return f"x[{net}]" if net < n else f"n{net}"

    lines += _tables(netlist, family, stage, at)
    for cycle, place in ranks.items():
        lines.append(f"  reg [{len(place) - 1}:0] r{cycle};")
        lines += _always(f"r{cycle}", [at(net, cycle - 1) for net in place])
    lines += _always(
        "answer", [at(net, stages - 1) for net in netlist.outputs.tolist()], f"taken[{stages - 1}]"
    )
    return FpgaModule("\n".join([*lines, "endmodule"]) + "\n", feed, sum(len(p) for p in ranks.values()))


def _input(feed: Feed) -> list[str]:
    """Shifting, holding, and the mark that goes along with a sample through the stages."""
    n, word, kept = feed.inputs, feed.word, (feed.words - 1) * feed.word
    complete = "valid"
    lines = []
    if feed.words > 1:
        complete = "valid & last"
        rest = f"shifted[{kept - 1}:{word}]" if kept > word else ""
        lines += [
            f"  reg [{kept - 1}:0] shifted;",
            f"  always @(posedge clk) if (valid) shifted <= {{data{', ' + rest if rest else ''}}};",
        ]
    high = n - kept  # bits of the last word that are inputs
    whole = f"{{data[{high - 1}:0], shifted}}" if feed.words > 1 else f"data[{high - 1}:0]"
    marks = f"reg [{feed.latency - 1}:0] taken = 0;" if feed.latency > 1 else "reg [0:0] taken = 0;"
    moved = f"{{taken[{feed.latency - 2}:0], {complete}}}" if feed.latency > 1 else complete
    return [
        *lines,
        f"  always @(posedge clk) if ({complete}) x <= {whole};",
        f"  {marks}",
        "  initial done = 0;",
        "  always @(posedge clk) begin",
        f"    taken <= {moved};",
        f"    done <= taken[{feed.latency - 1}];",
        "  end",
    ]


def _stages(netlist: LutNetlist, pipeline: int) -> tuple[np.ndarray, np.ndarray, int]:
    """(stage in which a net is made, last stage in which it is read, stages); inputs are made in stage 0.

    Constants never change, so that no register holds them.
    """
    if pipeline < 0:
        raise UnsupportedError(
            f"registers after every {pipeline} levels of tables; give 1 or more, 0 for none"
        )
    n = netlist.n_inputs
    level = np.zeros(netlist.n_nets, dtype=np.int64)
    rows, widths = netlist.fanins, netlist.widths
    for t in range(netlist.n_luts):
        row = rows[t, : widths[t]]
        level[n + t] = 1 + (level[row].max() if row.size else -1)
    every = pipeline or max(1, int(level.max(initial=1)))
    deepest = int(level[netlist.outputs].max())
    stages = max(1, -(-deepest // every))
    stage = np.maximum(0, (level - 1) // every)
    last = stage.copy()
    for column in range(netlist.k):
        read = rows[:, column] != NONE
        np.maximum.at(last, rows[read, column], stage[n:][read])
    np.maximum.at(last, netlist.outputs, stages - 1)
    constant = n + np.flatnonzero(widths == 0)
    last[constant] = stage[constant]
    return stage, last, stages


def _ranks(stage: np.ndarray, last: np.ndarray, stages: int) -> dict[int, dict[int, int]]:
    """For the registers before every stage but the first, the bit that holds a net."""
    held = np.flatnonzero(last > stage)
    ranks = {}
    for cycle in range(1, stages):
        nets = held[(stage[held] < cycle) & (last[held] >= cycle)].tolist()
        if nets:
            ranks[cycle] = {net: k for k, net in enumerate(nets)}
    return ranks


def _tables(netlist: LutNetlist, family: str, stage: np.ndarray, at: Callable[[int, int], str]) -> list[str]:
    n, instance = netlist.n_inputs, PRIMITIVES[family]
    lines = []
    for t, (row, table) in enumerate(zip(netlist.fanins.tolist(), netlist.table.tolist(), strict=True)):
        operands = [at(net, int(stage[n + t])) for net in row if net != NONE]
        lines.append(f"  wire n{n + t};")
        if not operands:
            lines.append(f"  assign n{n + t} = 1'b{table & 1};")
            continue
        full = table
        for k in range(len(operands), WIDTH):  # whatever an unused operand is, the same
            full |= full << (1 << k)
        lines.append(instance(t, full, operands + ["1'b0"] * (WIDTH - len(operands)), f"n{n + t}"))
    return lines


def _always(name: str, bits: list[str], when: str = "") -> list[str]:
    """A register of `bits`, the first one lowest, that is loaded at every edge or when `when` is 1."""
    high_first = bits[::-1]  # as a concatenation begins
    rows = [", ".join(high_first[k : k + 8]) for k in range(0, len(bits), 8)]
    condition = f"if ({when}) " if when else ""
    return [f"  always @(posedge clk) {condition}{name} <= {{" + ",\n    ".join(rows) + "};"]


def word_rows(bits: np.ndarray, feed: Feed) -> np.ndarray:
    """(n_samples, words, word) bool: samples as they are fed; bits : (n_samples, inputs)."""
    padded = np.zeros((bits.shape[0], feed.words * feed.word), dtype=bool)
    padded[:, : feed.inputs] = bits
    return padded.reshape(bits.shape[0], feed.words, feed.word)


def hex_words(rows: np.ndarray) -> str:
    """Lines of hexadecimal digits for $readmemh; rows : (..., width) bits, the lowest first."""
    flat = rows.reshape(-1, rows.shape[-1]).astype(bool)
    digits = (flat.shape[1] + 3) // 4
    packed = np.packbits(flat, axis=1, bitorder="little")[:, ::-1].copy()
    return "".join(f"{row.tobytes().hex()[-digits:]}\n" for row in packed)


def write_bench(feed: Feed, n_samples: int, *, vcd: str = "", seen: int = 0) -> str:
    """A test bench that feeds stream.hex through `top` without a pause and counts answers of expected.hex.

    It ends with `EQUAL k OF n`, after a line for each of the first ten that differ. vcd : file of the
    first `seen` samples' signals, by $dumpvars
    """
    dump = []
    if vcd:
        dump = [f'    $dumpfile("{vcd}");', "    $dumpvars(0, dut);"]
    ends = f"      if (fed == {seen} * WORDS) $dumpoff;" if vcd else ""
    last = ["      last <= fed % WORDS == WORDS - 1;"] if feed.words > 1 else []
    port = ", .last(last)" if feed.words > 1 else ""
    return "\n".join(
        [
            "`timescale 1ns/1ps",
            "module bench;",
            f"  localparam SAMPLES = {n_samples}, WORDS = {feed.words};",
            f"  reg [{feed.word - 1}:0] stream [0:SAMPLES * WORDS - 1];",
            f"  reg [{feed.answer - 1}:0] expected [0:SAMPLES - 1];",
            "  reg clk = 0, valid = 0, last = 0;",
            f"  reg [{feed.word - 1}:0] data = 0;",
            "  wire done;",
            f"  wire [{feed.answer - 1}:0] answer;",
            "  integer fed = 0, answered = 0, equal = 0, idle = 0;",
            f"  {MODULE} dut (.clk(clk), .valid(valid){port}, .data(data), .done(done), .answer(answer));",
            "  initial begin",
            '    $readmemh("stream.hex", stream);',
            '    $readmemh("expected.hex", expected);',
            *dump,
            "  end",
            "  always #5 clk = ~clk;",
            "  always @(negedge clk) begin",
            "    if (done) begin",
            "      if (answer === expected[answered]) equal = equal + 1;",
            "      else if (answered - equal < 10)",
            '        $display("sample %0d: %h, expected %h", answered, answer, expected[answered]);',
            "      answered = answered + 1;",
            "    end",
            "    if (fed < SAMPLES * WORDS) begin",
            "      valid <= 1;",
            "      data <= stream[fed];",
            *last,
            "      fed = fed + 1;",
            *([ends] if ends else []),
            "    end else begin",
            "      valid <= 0;",
            "      idle = idle + 1;",
            "    end",
            f"    if (answered == SAMPLES || idle > {feed.latency} + 8) begin",
            '      $display("EQUAL %0d OF %0d", equal, SAMPLES);',
            "      $finish;",
            "    end",
            "  end",
            "endmodule",
            "",
        ]
    )
