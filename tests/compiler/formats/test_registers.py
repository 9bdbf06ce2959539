"""State that was cut is written as registers again, and read back the same."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from toys.cells import FOUR_CELLS
from toys.gates import random_circuit

import compiler
from compiler.circuits.reference import output_values
from compiler.equivalence import check_equal
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.aiger import parse_aiger, write_aiger
from compiler.formats.circuits.bench import parse_bench, write_bench
from compiler.formats.circuits.blif import parse_blif, write_blif
from compiler.formats.circuits.cells_verilog import flipflop_of, write_clocked_cells
from compiler.formats.circuits.circuits import read_circuit
from compiler.formats.circuits.cut_pair import cut_pair
from compiler.formats.circuits.export import ExportOptions, export_circuit
from compiler.formats.circuits.state import clocks, holders, with_registers, with_state
from compiler.formats.circuits.verilog_registers import clock_of, write_sequential
from compiler.formats.circuits.yosys import yosys_program
from compiler.formats.options import Options
from compiler.ir.gates import ClassSums, make_gates
from compiler.mapped import best_mapping, cell_shapes
from compiler.passes.gates.lut_map import map_luts
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.liberty_write import write_liberty
from thermo.cli.main import main

COUNTER = """.model t
.inputs clk up
.outputs q0 carry q1_next
.latch d0 q0 re clk 0
.latch d1 q1
.names q0 up d0
10 1
01 1
.names q0 up both
11 1
.names q1 both d1
10 1
01 1
.names q1 both carry
11 1
.names q1 q1_next
1 1
.end
"""


def answers(netlist):
    """{output: value} for every {input: value}, ports in the order of their names."""
    found = {}
    order = sorted(range(netlist.n_inputs), key=netlist.input_names.__getitem__)
    for bits in product((0, 1), repeat=netlist.n_inputs):
        values = dict(zip(netlist.output_names, output_values(netlist, bits), strict=True))
        found[tuple((netlist.input_names[k], bits[k]) for k in order)] = values
    return found


def test_blif_bench_and_aiger_give_the_same_back():
    cut = parse_blif(COUNTER, cut_latches=True)
    assert cut.input_names[-2:] == ("q0", "q1") and cut.output_names[-2:] == ("q0_next", "q1_next_")
    bench = write_bench(cut, registers=True)
    assert "q1 = DFF(q1_next_)" in bench and "INPUT(q0)" not in bench and "OUTPUT(q0)" in bench
    backs = [
        parse_blif(write_blif(cut, registers=True), cut_latches=True),
        parse_blif(write_blif(map_luts(cut, 4), registers=True), cut_latches=True),
        parse_bench(bench, cut_latches=True),
        parse_aiger(write_aiger(cut, registers=True), cut_latches=True),
        parse_aiger(write_aiger(cut, binary=False, registers=True), cut_latches=True),
    ]
    for back in backs:
        assert answers(back) == answers(cut)
    with pytest.raises(UnsupportedError, match="the file's 2 latch"):
        parse_aiger(write_aiger(cut, registers=True))


@pytest.mark.parametrize("seed", range(4))
def test_states_anywhere_among_the_ports(seed):
    netlist = random_circuit(np.random.default_rng(seed), 5, 12)
    outputs = [f"y{k}" for k in range(netlist.n_outputs)]
    outputs[-1] = "x1_next"
    netlist = replace(netlist, input_names=tuple(f"x{k}" for k in range(5)), output_names=tuple(outputs))
    found = with_registers(netlist)
    assert (found.registers, found.netlist.input_names[-1], found.netlist.output_names[-1]) == (
        1,
        "x1",
        "x1_next",
    )
    assert answers(found.netlist) == answers(netlist)
    assert answers(parse_blif(write_blif(netlist, registers=True), cut_latches=True)) == answers(netlist)


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_verilog_keeps_the_clock_and_the_function(tmp_path):
    cut = parse_blif(COUNTER, cut_latches=True)
    text = write_sequential(cut)
    assert "// state[1] is q1\n" in text and "  input clk,\n  input up," in text
    assert "always @(posedge clk) state <= next;" in text
    (tmp_path / "t.v").write_text(text)
    back = read_circuit(tmp_path / "t.v", Options(cut_latches=True))
    assert back.input_names[:2] == ("clk", "up") and back.output_names[:3] == ("q0", "carry", "q1_next")
    named = {"q0_state": "q0", "q0_state_next": "q0_next"}  # called as the ports that show them
    named |= {"q1_next_state": "q1", "q1_next_state_next": "q1_next_"}
    inputs, outputs = (tuple(named.get(x, x) for x in side) for side in (back.input_names, back.output_names))
    assert answers(replace(back, input_names=inputs, output_names=outputs)) == answers(cut)
    other = write_sequential(replace(cut, input_names=("t", *cut.input_names[1:])))
    assert "  input clk,\n  input t," in other  # no input is called like a clock


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_verilog_of_one_register_is_read_back(tmp_path):
    cut = make_gates(["a", "q"], [6, 1], [0, 0], [1, 1], {"y": 3, "q_next": 2})
    text = write_sequential(cut)
    assert "// state is q\n" in text and "  reg state;\n  wire next;\n" in text
    (tmp_path / "t.v").write_text(text)
    back = cut_pair(cut, read_circuit(tmp_path / "t.v", Options(cut_latches=True)))
    assert back.left_out == ((), ("clk",)) and len(back.states) == 1
    assert answers(back.second) == answers(back.first)


def of_state(*lines, inputs="a b"):
    """A circuit with its state cut, of lines of BLIF."""
    text = "\n".join([".model m", f".inputs {inputs}", ".outputs y", *lines, ".end", ""])
    return parse_blif(text, cut_latches=True)


def test_states_are_matched_in_their_order_and_ports_by_name():
    ours = of_state(".latch d q 0", ".names a b d", "10 1", ".names q y", "1 1", inputs="a b clk")
    # ports in another order, another name of the state, another clock behind a buffer that nobody looks at
    same = of_state(
        ".latch e r 0", ".names ck idle", "1 1", ".names b a e", "01 1", ".names r y", "1 1", inputs="ck b a"
    )
    other = of_state(".latch e r 0", ".names b a e", "10 1", ".names r y", "1 1", inputs="b a ck")
    for second, equal in ((same, True), (other, False)):
        pair = cut_pair(ours, second)
        assert pair.left_out == (("clk",), ("ck",)) and pair.states == (("q", "r"),)
        verdict = check_equal(pair.first, pair.second)
        assert (verdict.equal, verdict.matched_inputs, verdict.matched_outputs) == (equal, "name", "name")
    # inputs that are read stay, and all of them where their numbers are not the same then
    read = of_state(".latch d q 0", ".names a c d", "11 1", ".names q y", "1 1", inputs="a c")
    assert cut_pair(ours, read).first.input_names == ("a", "b", "q")
    more = of_state(".latch d q 0", ".names a c e d", "111 1", ".names q y", "1 1", inputs="a c e")
    assert cut_pair(ours, more).first.input_names == ("a", "b", "clk", "q")
    # those that both have stay, and without state all
    assert cut_pair(ours, ours).left_out == ((), ()) and cut_pair(ours, ours).states == ()
    plain = make_gates(["a", "b"], [1], [0], [1], {"y": 2})
    assert cut_pair(plain, ours).second is ours


def test_states_of_the_same_names_are_matched_by_name():
    """In whatever order a file tells them; only what names do not tell goes by order."""
    latches = [".latch np p re clk 2", ".latch nq q re clk 2"]
    rest = [".names a np", "1 1", ".names b nq", "1 1", ".names p q y", "10 1"]
    ours, same = of_state(*latches, *rest), of_state(*latches[::-1], *rest)
    pair = cut_pair(ours, same)
    assert pair.states == () and check_equal(pair.first, pair.second).equal
    turned = [*rest[:-2], ".names p q y", "01 1"]
    pair = cut_pair(ours, of_state(*latches[::-1], *turned))
    assert not check_equal(pair.first, pair.second).equal
    renamed = replace(same, input_names=tuple(f"{n}_state" if n == "p" else n for n in same.input_names))
    renamed = replace(renamed, output_names=tuple(n.replace("p_", "p_state_") for n in same.output_names))
    pair = cut_pair(ours, renamed)
    assert pair.states == (("p", "p_state"),) and check_equal(pair.first, pair.second).equal
    # one called as another with what is added
    both = [line.replace("q", "p_state").replace("np_state", "nq") for line in (*latches, *rest)]
    first, second = of_state(*both), of_state(*both[:2][::-1], *both[2:])
    assert first.input_names[-2:] == ("p", "p_state") and second.input_names[-2:] == ("p_state", "p")
    pair = cut_pair(first, second)
    assert pair.states == () and check_equal(pair.first, pair.second).equal
    other = replace(same, input_names=tuple("r" if n == "p" else n for n in same.input_names))
    other = replace(other, output_names=tuple(n.replace("p_", "r_") for n in same.output_names))
    pair = cut_pair(ours, other)
    assert pair.states == (("p", "r"),) and check_equal(pair.first, pair.second).equal


def test_a_register_beside_a_net_with_the_name_of_its_next_state():
    inner = [".names a s s_next", "10 1", "01 1", ".names b s_next s d", "11- 1", "0-1 1"]
    nets = of_state(".latch d s 2", ".latch a t 2", *inner, ".names s t y", "11 1")
    table = (".latch d s 2", ".names s_next s d", "11 1", ".names s y", "1 1")
    given = of_state(*table, inputs="s_next")
    shown = of_state(".latch d s 2", ".names a s d", "10 1", ".names a s s_next", "11 1", ".names d y", "1 1")
    shown = replace(shown, output_names=("s_next", "s_next_"))
    for cut, registers in ((nets, 2), (given, 1), (shown, 1)):
        found = with_registers(cut)
        assert found.registers == registers and "s_next_" in cut.output_names
        ends = found.netlist.input_names[-registers:], found.netlist.output_names[-registers:]
        assert ("s", "s_next_") in zip(*ends, strict=True)
        back = parse_blif(write_blif(cut, registers=True), cut_latches=True)
        assert answers(back) == answers(cut) and back.input_names == cut.input_names


def test_registers_of_several_clocks_are_not_made_one():
    body = (".names a d", "1 1", ".names p q y", "11 1")
    one = of_state(".latch d p re c 2", ".latch d q re c 2", *body)
    assert holders(one) == ["the rising edge of c"] and "always" in write_sequential(one)
    two = of_state(".latch d p re c 2", ".latch d q fe c 2", *body)
    assert holders(two) == ["the falling edge of c", "the rising edge of c"]
    for write in (write_sequential, lambda cut: write_blif(cut, registers=True)):
        with pytest.raises(UnsupportedError, match="held by the falling edge of c; by the rising edge of c"):
            write(two)
    gate = of_state(".latch d p ah b 2", ".names a d", "1 1", ".names p y", "1 1")
    assert holders(gate) == ["a latch, open while b is 1"]
    assert holders(of_state(".latch d p 2", ".names a d", "1 1", ".names p y", "1 1")) == []


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_what_held_the_state_is_told_of_behavioural_verilog(tmp_path):
    ways = {
        "always @(posedge clk) q <= d;": "the rising edge of clk",
        "always @(negedge clk or negedge rst) if (!rst) q <= 1; else q <= d;": (
            "the falling edge of clk, 1 while rst is 0"
        ),
        "always @* if (clk) q = d;": "a latch, open while clk is 1",
    }
    for k, (way, told) in enumerate(ways.items()):
        path = tmp_path / f"{k}.v"
        path.write_text(f"module t(input clk, rst, d, output reg q); {way} endmodule\n")
        assert holders(read_circuit(path, Options(cut_latches=True))) == [told]


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_registers_of_one_clock_may_have_several_resets(tmp_path):
    (tmp_path / "t.v").write_text(
        """module t(input clk, rst, d, output reg q, r, s); always @(posedge clk) s <= q;
        always @(posedge clk or posedge rst) if (rst) begin q <= 0; r <= 1; end else begin q <= d; r <= q; end
        endmodule"""
    )
    cut = read_circuit(tmp_path / "t.v", Options(cut_latches=True))
    edge = "the rising edge of clk"
    assert holders(cut) == [edge, f"{edge}, 0 while rst is 1", f"{edge}, 1 while rst is 1"]
    assert clocks(cut) == [edge] and "always @(posedge clk)" in write_sequential(cut)


CELLS = """library (l) {
  cell (BUF) { pin (A) { direction : input; } pin (Y) { direction : output; function : "A"; } }
  cell (NAND) { pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A B)"; } }
  cell (INV) { pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; } }
  cell (DFF) { ff (IQ, IQN) { next_state : "D"; clocked_on : "CK"; clear : "!RN"; preset : "S"; }
    pin (D) { direction : input; } pin (CK) { direction : input; clock : true; }
    pin (RN) { direction : input; } pin (S) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } }
  cell (LAT) { latch (IQ, IQN) { data_in : "D"; enable : "!G"; }
    pin (D) { direction : input; } pin (G) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } }
}
"""
RISING = "the rising edge of"
HELD = [
    ("DFF D=d CK=clk Q=q; DFF D=d CK=other Q=r", [f"{RISING} clk", f"{RISING} other"]),
    ("BUF A=clk Y=n; BUF A=n Y=m; DFF D=d CK=n Q=q; DFF D=d CK=m Q=r", [f"{RISING} clk"]),
    ("INV A=clk Y=n; DFF D=d CK=n Q=q; DFF D=d CK=clk Q=r", ["the falling edge of clk", f"{RISING} clk"]),
    (
        "NAND A=clk B=other Y=n; INV A=n Y=m; DFF D=d CK=n Q=q; DFF D=d CK=m Q=r",
        ["the falling edge of n", f"{RISING} n"],
    ),
    (
        "DFF D=d CK=clk RN=other Q=q; DFF D=q CK=q RN=one S=other Q=r",
        [f"{RISING} clk, 0 while other is 0", f"{RISING} q, 1 while other is 1"],
    ),
    ("LAT D=d G=clk Q=q; LAT D=d G=zero Q=r", ["a latch that is always 1", "a latch, open while clk is 0"]),
]


@pytest.mark.parametrize(("cells", "told"), HELD)
def test_what_held_the_state_is_told_of_library_cells(cells, told, tmp_path):
    (tmp_path / "l.lib").write_text(CELLS)
    gates = [f".gate {cell.strip()}" for cell in cells.split(";")]
    constants = [".names one", "1", ".names zero"]
    blif = [".model t", ".inputs clk other d", ".outputs q r", *gates, *constants, ".end", ""]
    (tmp_path / "t.blif").write_text("\n".join(blif))
    verilog = "module t(input clk, other, d, output q, r); wire n, m, one = 1, zero = 0;\n"
    for k, (kind, *pins) in enumerate(cell.split() for cell in cells.split(";")):
        verilog += f"{kind} u{k} ({', '.join(f'.{pin})'.replace('=', '(') for pin in pins)});\n"
    (tmp_path / "t.v").write_text(f"{verilog}endmodule\n")
    for name in ("t.v", "t.blif"):
        cut = read_circuit(tmp_path / name, Options(cut_latches=True, library=str(tmp_path / "l.lib")))
        assert holders(cut) == told, name
    if len(clocks(cut)) > 1:
        with pytest.raises(UnsupportedError, match="registers of one clock would be another circuit"):
            write_sequential(cut)


def test_clocks_behind_buffers_are_one():
    copies = (".names b c", "1 1", ".names b n", "0 1", ".names a d", "1 1", ".names p q y", "11 1")
    one = of_state(".latch d p re c 2", ".latch d q re b 2", *copies)
    assert holders(one) == [f"{RISING} b"] and "always" in write_sequential(one)
    same = of_state(".latch d p re c 2", ".latch d q fe n 2", *copies)
    assert holders(same) == [f"{RISING} b"]
    two = of_state(".latch d p re c 2", ".latch d q re n 2", *copies)
    assert holders(two) == ["the falling edge of b", f"{RISING} b"]


def test_flip_flops_of_bench_take_their_next_state_alone():
    for operands, n in (("", 0), ("clk, d", 2)):
        with pytest.raises(FormatError, match=rf"line 3: the flip-flop 'q' has {n} operands"):
            parse_bench(f"INPUT(d)\nOUTPUT(q)\nq = DFF({operands})\n", cut_latches=True)


def test_a_circuit_without_ports_is_no_bench():
    with pytest.raises(UnsupportedError, match="this one has none"):
        write_bench(make_gates([], [], [], [], {}))


FLIPFLOP = """library (f) {
  cell (FF) { ff (IQ, IQN) {next_state : "D"; clocked_on : "CK";} pin (D, CK) {direction : input;}
    pin (Q) {direction : output; function : "IQ";} pin (QN) {direction : output; function : "IQN";} }
}
"""


def clocked(cut, inverts):
    """Text of the circuit in four cells and a flip-flop that shows its bit, or its complement."""
    inner, (inputs, _, states) = with_state(cut, True)
    flipflop = replace(
        FOUR_CELLS.flipflop, name="FF", pins=("CK", "D", "QN" if inverts else "Q"), inverts=inverts
    )
    mapped = best_mapping(cell_shapes(inner), replace(FOUR_CELLS, flipflop=flipflop))
    return write_clocked_cells(mapped, len(states), clock_of(cut, inputs))


@pytest.mark.parametrize("inverts", [False, True])
def test_cells_and_flip_flops_do_what_was_cut(tmp_path, inverts):
    cut = parse_blif(COUNTER, cut_latches=True)
    text = clocked(cut, inverts)
    assert "// r1 holds q1\n" in text and text.count(" FF r") == 2 and "  input clk,\n  input up,\n" in text
    (tmp_path / "f.lib").write_text(FLIPFLOP)
    (tmp_path / "c.lib").write_text(write_liberty(FOUR_CELLS, [c.name for c in FOUR_CELLS.cells]))
    options = Options(library=f"{tmp_path / 'c.lib'}+{tmp_path / 'f.lib'}", cut_latches=True)

    def same(text):
        (tmp_path / "t.v").write_text(text)
        back = read_circuit(tmp_path / "t.v", options)
        assert back.input_names[:2] == ("clk", "up") and back.output_names[:3] == ("q0", "carry", "q1_next")
        named = replace(back, input_names=cut.input_names, output_names=cut.output_names)
        return answers(named) == answers(cut)

    assert same(text)
    assert not same(text.replace(".D(d0)", ".D(x)").replace(".D(d1)", ".D(d0)").replace(".D(x)", ".D(d1)"))


def test_registers_of_a_circuit_that_counts(tmp_path, capsys):
    """Its decision is gates before its registers' outputs come last; mapped as it is, it is refused."""
    sums = ClassSums(np.array([2, 3], np.int32), np.array([0, 1, 2]))
    netlist = make_gates(["a", "q"], [6, 1], [0, 0], [1, 1], {"q_next": 2}, class_sums=sums)
    compiler.save(netlist, tmp_path / "net.tnl")
    flags = ["--format", "verilog", "--registers", "--library", "nangate45"]
    assert main(["export", str(tmp_path / "net.tnl"), *flags, "-o", str(tmp_path / "t.v")]) == 0
    text = (tmp_path / "t.v").read_text()
    assert "// r0 holds q\n" in text and "output \\class[0]" in text and "q_next" not in text
    inner, _ = with_state(netlist, True)
    mapped = best_mapping(cell_shapes(inner), FOUR_CELLS)
    with pytest.raises(UnsupportedError, match="make class sums gates"):
        write_clocked_cells(mapped, 1, None)


def test_a_library_without_a_flip_flop_is_refused():
    with pytest.raises(UnsupportedError, match="no plain flip-flop whose pins are known: take a"):
        flipflop_of(replace(FOUR_CELLS, flipflop=None))
    with pytest.raises(UnsupportedError, match="ihp-sg13g2 has no plain flip-flop"):
        flipflop_of(CELL_LIBRARIES.get("ihp-sg13g2"))  # its figures are assumed


def test_what_has_no_registers_is_refused(tmp_path):
    plain = make_gates(["a", "b"], [1], [0], [1], {"y": 2})
    for write in (write_blif, write_bench, write_aiger):
        with pytest.raises(UnsupportedError, match="and the circuit has none: leave --registers out"):
            write(plain, registers=True)
    with pytest.raises(UnsupportedError, match="--registers has no meaning for c; leave it out"):
        export_circuit(plain, "c", tmp_path / "x.c", ExportOptions(registers=True))
    with pytest.raises(UnsupportedError, match="takes no --pipeline, --vectors and --luts"):
        export_circuit(plain, "verilog", tmp_path / "x.v", ExportOptions(registers=True, pipeline=1))
