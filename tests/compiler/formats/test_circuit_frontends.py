"""Foreign circuits: what they mean, and one clear line for everything that is refused."""

import gzip
import json
import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import every_op, random_circuit, same_function

from compiler.circuits.builder import Builder
from compiler.circuits.evaluate import evaluate_words
from compiler.circuits.reference import output_values
from compiler.errors import FormatError, ThermocError, UnsupportedError
from compiler.formats.circuits import aiger, pla, verilog_words
from compiler.formats.circuits.aiger import parse_aiger, write_aiger
from compiler.formats.circuits.bench import parse_bench
from compiler.formats.circuits.blif import parse_blif
from compiler.formats.circuits.circuits import READ, read_circuit
from compiler.formats.circuits.eqn import parse_eqn
from compiler.formats.circuits.library_cells import cell_functions
from compiler.formats.circuits.pla import parse_pla
from compiler.formats.circuits.verilog import parse_verilog
from compiler.formats.circuits.yosys import yosys_program
from compiler.formats.circuits.yosys_json import parse_yosys_json, write_yosys_json
from compiler.formats.detect import read_model_or_netlist
from compiler.formats.format import told
from compiler.formats.options import Options
from compiler.ir.gates import AND
from compiler.ir.kinds import dump, equal, parse


def _table(netlist):
    """Every output's column, inputs counting up with the first as the high bit."""
    rows = [output_values(netlist, bits) for bits in product((0, 1), repeat=netlist.n_inputs)]
    return {name: "".join(str(row[k]) for row in rows) for k, name in enumerate(netlist.output_names)}


# --- BLIF ------------------------------------------------------------------------------------

BLIF = """# a comment
.model skew
.inputs a b \\
 c   # continued
.outputs wide off odd one zero copy
.names wide copy
1 1
.names a b c wide
1-0 1
011 1
.names a b c off
11- 0
--1 0
.names a b odd
01 1
.names one
1
.names zero
.end
"""


def test_blif_covers():
    netlist = parse_blif(BLIF)
    assert netlist.input_names == ("a", "b", "c") and netlist.name == "skew"
    assert _table(netlist) == {
        "wide": "00011010",
        "off": "10101000",
        "odd": "00110000",
        "one": "1" * 8,
        "zero": "0" * 8,
        "copy": "00011010",
    }


@pytest.mark.parametrize("width", range(7))
@pytest.mark.parametrize("value", "01")
def test_blif_covers_of_any_width(width, value):
    cubes = ["".join("01-"[(3 * i + j * j + i * j) % 3] for j in range(width)) for i in range(3)]
    names = " ".join(f"x{k}" for k in range(width))
    rows = "\n".join(f"{cube} {value}" for cube in cubes)
    netlist = parse_blif(f".inputs {names}\n.outputs y\n.names {names} y\n{rows}\n.end")
    for bits in product((0, 1), repeat=width):
        hit = any(all(c in ("-", str(b)) for c, b in zip(cube, bits, strict=True)) for cube in cubes)
        assert output_values(netlist, bits) == [int(hit) if value == "1" else int(not hit)]


def test_a_cover_of_one_literal_leaves_its_operand_alone():
    text = ".inputs a b c\n.outputs t y\n.names a b t\n11 1\n.names c b t y\n--1 0\n.end"
    assert _table(parse_blif(text)) == {"t": "00000011", "y": "11111100"}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            ".inputs a\n.outputs y\n.names y z\n1 1\n.names z y\n1 1\n.end",
            FormatError,
            "line 3: net 'z' depends on itself, by z <- y <- z|line 5: net 'y' depends on itself",
        ),
        (
            ".inputs a\n.outputs y\n.latch a y 0\n.end",
            UnsupportedError,
            "line 3: the latch .y.: .*--cut-latches",
        ),
        (
            ".inputs a\n.outputs y\n.mlatch f a y\n.end",
            UnsupportedError,
            r"line 3: \.mlatch \(f a y\) is not",
        ),
        (
            ".inputs a\n.outputs y\n.subckt ff d=a q=y\n.end",
            UnsupportedError,
            r"line 3: 'ff' is no model of this file known; .* --library FILE\.lib",
        ),
        (
            ".model a\n.inputs a\n.outputs a\n.end\n.model a\n.end",
            FormatError,
            "line 5: model 'a' is described at line 1 already",
        ),
        (
            ".model a\n.inputs x\n.outputs y\n.subckt a x=x y=y\n.end",
            FormatError,
            "line 1: model 'a' holds itself",
        ),
        (
            ".inputs a\n.outputs y\n.names a y\n1 1\n.names a y\n0 1\n.end",
            FormatError,
            "line 5: net 'y' is driven here and at line 3",
        ),
        (
            ".inputs a\n.outputs a\n.names a a\n1 1\n.end",
            FormatError,
            "line 3: net 'a' is driven here and at line 1",
        ),
        (
            ".inputs a\n.outputs y\n.names a y\n11 1",
            FormatError,
            "line 4: row '11 1' of 'y' must be 1 characters",
        ),
        (".inputs a\n.outputs y\n.names a y\n1 1\n0 0", FormatError, "line 5: .* mixes rows"),
        (".inputs a a\n.outputs a", FormatError, "line 1: input 'a' is declared at line 1"),
        ("1 1", FormatError, "line 1: '1 1' belongs to no .names table"),
        (".names", FormatError, "line 1: .names needs at least"),
        (
            ".model t .inputs a\n.outputs y",
            FormatError,
            "line 1: .model takes one name, and '.inputs a' follows 't'; a statement begins on a line",
        ),
        (".inputs a\n.latch a", FormatError, "line 2: .latch needs the net it reads and the net it drives"),
        (".inputs a\n.latch a q foo c 0", FormatError, "line 2: .latch a q: the type 'foo' must be .* as"),
        (".inputs a\n.latch a q 4", FormatError, "line 2: .latch a q: the first value '4' must be 0, 1, 2"),
        (".inputs a\n.latch a q re c x", FormatError, "line 2: .latch a q: the first value 'x' must be"),
        (".inputs a\n.latch a q re c 0 1", FormatError, "line 2: .latch a q: '1' follows the first value"),
        ("", FormatError, "holds no BLIF model"),
    ],
)
def test_bad_blif(text, error, message):
    with pytest.raises(error, match=message) as caught:
        parse_blif(text, name="x.blif")
    assert str(caught.value).startswith("x.blif") and "\n" not in str(caught.value)


MODELS = """
.model top
.inputs a b c # none
.outputs y z q
.subckt and2 x=a y=b z=t
.cname one
.subckt and2 y=c x=t z=y
.conn and20.u z
.gate nand2 A=a B=b Y=and20.u
.latch y q re clk 0
.end
.model and2
.inputs x y
.outputs z
.names x u
1 1
.names u y z
11 1
.end
.exdc
.names a y
1 1
.end
"""


def test_models_cells_and_latches(tmp_path):
    (tmp_path / "x.lib").write_text(CELLS.replace("nand2_1", "nand2"))
    netlist = parse_blif(MODELS, cells=cell_functions(tmp_path / "x.lib"), cut_latches=True)
    assert netlist.input_names == ("a", "b", "c", "q")
    table = {name: rows[::2] for name, rows in _table(netlist).items()}  # q = 0
    assert table == {"y": "00000001", "z": "11111100", "q": "0" * 8, "q_next": "00000001"}
    inner = parse_blif(MODELS, top="and2")
    assert _table(inner) == {"z": "0001"}
    with pytest.raises(FormatError, match=r"has no model 'or2'; there are 'top', 'and2'"):
        parse_blif(MODELS, top="or2")


def test_what_nothing_drives_is_0_and_told():
    netlist = parse_blif(".inputs a\n.outputs y z\n.names a q y\n1- 1\n-1 1\n.end")
    assert _table(netlist) == {"y": "01", "z": "00"} and list(netlist.meta["undriven"]) == ["q", "z"]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\r\r\n"])
def test_line_ends_of_any_machine(tmp_path, end):
    texts = {"x.blif": BLIF, "x.pla": PLA, "x.eqn": EQN, "x": "# c17\nINPUT(a)\nOUTPUT(y)\ny = NOT(a)\n"}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode())
        expected = _table(read_circuit(tmp_path / name))
        (tmp_path / name).write_bytes(text.replace("\n", end).encode())
        assert _table(read_circuit(tmp_path / name)) == expected
    (tmp_path / "x.blif").write_bytes(end.join([".inputs a", "", ".names", ""]).encode())
    with pytest.raises(FormatError, match="line 3"):
        read_circuit(tmp_path / "x.blif")


TIMING = """.area 4
.delay a INV 1 999 1 .2 1 .2
.wire_load_slope 0.1
.wire 1 2 3
.input_arrival a 1.0 1.0
.default_input_arrival 0 0
.output_required y 5 5
.default_output_required 5 5
.input_drive a 1 1
.default_input_drive 1 1
.output_load y 2
.default_output_load 2
.max_input_load a 3
.default_max_input_load 3
.cycle 10
.clock_event 50.0 r'clk
.and_gate_delay 1
"""


def test_timing_of_blif_is_skipped():
    text = f".inputs a\n.outputs y\n{TIMING}.names a y\n0 1\n{TIMING}.end"
    assert _table(parse_blif(text)) == {"y": "10"}


@pytest.mark.parametrize(
    ("parse_", "text"),
    [
        (parse_blif, ".inputs a\n.outputs y y\n.names a y\n0 1\n.outputs y a\n.end"),
        (parse_eqn, "INORDER = a; OUTORDER = y y a; y = !a;"),
        (parse_bench, "INPUT(a)\nOUTPUT(y)\nOUTPUT(y)\nOUTPUT(a)\ny = NOT(a)"),
    ],
)
def test_an_output_given_twice_is_one(parse_, text):
    assert list(_table(parse_(text)).items()) == [("y", "10"), ("a", "01")]


# --- AIGER -----------------------------------------------------------------------------------

# y = a and not b, n = its complement, t = true, p = a
AAG = b"aag 3 2 0 4 1\n2\n4\n6\n7\n1\n2\n6 2 5\ni0 a\ni1 b\no0 y\no1 n\no2 t\nc\nfree text\n"
AIG = b"aig 3 2 0 4 1\n6\n7\n1\n2\n\x01\x03i0 a\ni1 b\no0 y\no1 n\no2 t\nc\nfree text\n"


@pytest.mark.parametrize("data", [AAG, AIG])
def test_aiger(data):
    expected = {"y": "0010", "n": "1101", "t": "1111", "o3": "0011"}
    assert _table(parse_aiger(data)) == expected


def test_ascii_aiger_in_any_order():
    text = b"aag 4 2 0 1 2\n2\n4\n8\n8 7 2\n6 5 3\n"
    assert _table(parse_aiger(text)) == {"o0": "0011"}


@pytest.mark.parametrize("binary", [True, False])
def test_aiger_in_order_is_not_sorted_again(monkeypatch, binary):
    """A million gates take no object each: only files out of order go to the sorter."""

    def never(*args):
        raise AssertionError("sorted")

    circuit = random_circuit(np.random.default_rng(3), 7, 300, 20)
    data = write_aiger(circuit, binary=binary)
    monkeypatch.setattr(aiger, "assemble", never)
    assert same_function(parse_aiger(data), circuit)
    with pytest.raises(AssertionError, match="sorted"):
        parse_aiger(b"aag 4 2 0 1 2\n2\n4\n8\n8 7 2\n6 5 3\n")


def test_aiger_with_large_numbers():
    """Literals of one to three bytes, and a constant that the first, the middle and no gate reads."""
    for reader in (0, 9_000, None):
        builder = Builder([f"x{k}" for k in range(20_000)])
        zero = builder.constant(0)
        for k in range(19_000):
            builder.gate(AND, 2 * zero + 1 if k == reader else 2 * k, 2 * (k + 7) + 1)
        circuit = builder.netlist({f"o{k}": 20_001 + 997 * k for k in range(19)} | {"zero": zero})
        words = np.random.default_rng(1).integers(0, 2**64, (20_000, 1), dtype=np.uint64)
        again = parse_aiger(write_aiger(circuit))
        assert np.array_equal(evaluate_words(again, words), evaluate_words(circuit, words))


def test_aiger_without_gates():
    assert _table(parse_aiger(b"aag 1 1 0 2 0\n2\n3\n0\n")) == {"o0": "10", "o1": "00"}


def test_aiger_names_that_ports_share():
    data = AAG.replace(b"i1 b", b"i1 a").replace(b"o1 n", b"o1 y").replace(b"o2 t", b"o2 o1")
    netlist = parse_aiger(data.replace(b"\nc\nfree text\n", b""))
    assert netlist.input_names == ("a", "i1") and netlist.output_names == ("y", "o1_", "o1", "o3")


def test_binary_aiger_has_no_bytes_for_its_inputs():
    netlist = parse_aiger(b"aig 100 100 0 1 0\n2\n")
    assert netlist.n_inputs == 100 and netlist.outputs.tolist() == [0]
    assert parse_aiger(b"aig 9000 9000 0 0 0").n_inputs == 9000
    with pytest.raises(UnsupportedError, match=r"line 1: states 99999999999 inputs, .* 1,048,576 .*ascii"):
        parse_aiger(b"aig 99999999999 99999999999 0 0 0\n")


NAMES = ["\xe4", "\u4e2d", "\U0001d11e", "x"]


@pytest.mark.parametrize("binary", [True, False])
def test_aiger_symbols_are_utf_8(binary):
    builder = Builder(NAMES[:2])
    circuit = builder.netlist(dict(zip(NAMES[2:], (builder.gate(AND, 0, 2), 0), strict=True)))
    data = write_aiger(circuit, binary=binary)
    assert "i0 \xe4\ni1 \u4e2d\no0 \U0001d11e\no1 x\n".encode() in data
    again = parse_aiger(data)
    assert [*again.input_names, *again.output_names] == NAMES
    # what is no UTF-8 is latin-1, line by line
    again = parse_aiger(data.replace("\xe4".encode(), b"\xe4"))
    assert [*again.input_names, *again.output_names] == NAMES
    with pytest.raises(UnsupportedError, match="AIGER cannot hold the name"):
        write_aiger(Builder(["\ud800"]).netlist({"y": 0}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"aag 2 1 1 0 0\n2\n4 3 7\n", "line 3: latch 0 begins as 7; it must be 0, 1 or its .* 4, unknown"),
        (b"aag 2 1 1 0 0\n2\n4 3 2\n", "line 3: latch 0 begins as 2"),
        (b"aig 3 1 2 0 0\n3 4\n3 4\n", "line 3: latch 1 begins as 4; .* 6"),
    ],
)
def test_a_latch_of_aiger_begins_as_0_as_1_or_unknown(data, message):
    with pytest.raises(FormatError, match=message):
        parse_aiger(data, cut_latches=True)


def test_aiger_properties_and_cut_latches():
    ascii_ = b"aag 4 1 2 1 1 1 1\n2\n4 8 1\n6 5 6\n8\n9\n6\n8 2 4\nl0 q\nb0 wrong\n"
    binary = b"aig 4 1 2 1 1 1 1\n8 1\n5 6\n8\n9\n6\n" + bytes([4, 2]) + b"l0 q\nb0 wrong"
    for data in (ascii_, binary):
        netlist = parse_aiger(data, cut_latches=True)
        assert netlist.input_names == ("i0", "q", "l1")
        assert netlist.output_names == ("o0", "wrong", "c0", "q_next", "l1_next")
        for x, q, p in product((0, 1), repeat=3):
            assert output_values(netlist, (x, q, p)) == [x & q, 1 - (x & q), p, x & q, 1 - q]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"aag 2 1 1 0 0\n2\n4 2\n", UnsupportedError, r"line 1: the file's 1 latch\(es\).* --cut-latches"),
        (b"aag 1 1 0 0 0 0 0 1\n2\n1\n2\n", UnsupportedError, "justice or fairness"),
        (b"aag 3 2 0 1 1\n2\n4\n6\n6 6 2\n", FormatError, "line 5: net '3' depends on itself"),
        (b"aag 4 2 0 1 1\n2\n4\n6\n6 8 2\n", FormatError, "net '4', read by '3', is driven by noth"),
        (b"aag 3 2 0 1 1\n2\n4\n9\n6 2 4\n", FormatError, "output 0 has the literal 9"),
        (b"aag 3 2 0 1 1\n2\n4\n6\n7 2 4\n", FormatError, "drives the literal 7"),
        (b"aag 3 2 0 1 1\n2\n4\n6\n2 4 4\n", FormatError, "net '1' is driven here"),
        (b"aag 3 2 0 1 1\n2\n2\n6\n6 2 2\n", FormatError, "two inputs have the same literal"),
        (b"aag 3 2 0 1 1\n2\nx\n", FormatError, "line 3: input 1 must be 1 whole number"),
        (b"aag 3 2 0 1 1\n2\n4\n6\n", FormatError, "the file ends where gate 0 should follow"),
        (b"aag 1 1 0 1 5\n2\n", FormatError, "1 variables for 1 inputs and 5 gates"),
        (b"aag 3 2\n", FormatError, "begins with `aag M I L O A`"),
        (b"aig 3 2 0 1 1\n6\n\x07\x03", FormatError, "order is broken"),
        (b"aig 3 2 0 1 1\n6\n\xff\xff\xff\xff\xff\xff\xff", FormatError, "too large"),
        (b"aig 999999 999990 0 9 9\n", FormatError, "more than the file can hold"),
        (AAG.replace(b"i0 a", b"i7 a"), FormatError, "cannot read the symbol 'i7 a'"),
        (AAG.replace(b"i1 b", b"i0 b"), FormatError, "symbol i0 is given twice"),
    ],
)
def test_bad_aiger(data, error, message):
    with pytest.raises(error, match=message):
        parse_aiger(data, name="x.aig")


@pytest.mark.parametrize("data", [AAG, AIG])
def test_truncated_aiger_never_passes_for_whole(data):
    end = data.index(b"c\nfree")
    # where a symbol has ended, what is left is a complete file with fewer names
    whole = {k + 1 for k in range(data.index(b"i0 a") - 1, end) if data[k] == 10}
    whole.add(data.index(b"i0 a"))
    # so is one without its last line end, or with a part of a name
    whole |= {data.index(b"i0 a") - 1}
    whole |= {k for k in range(end) if k > data.index(b"i0 a") and len(data[:k].split(b"\n")[-1]) > 3}
    for cut in range(end):
        if cut not in whole:
            with pytest.raises(FormatError):
                parse_aiger(data[:cut])


# --- .bench ----------------------------------------------------------------------------------


def test_bench_gates_of_any_width():
    gates = ("AND", "NAND", "OR", "NOR", "XOR", "XNOR")
    text = "INPUT(a)\nINPUT(b)\nINPUT(c)\nOUTPUT(i)\nOUTPUT(f)\n"
    text += "".join(f"OUTPUT({g.lower()})\n{g.lower()} = {g}(a, b, c)\n" for g in gates)
    text += "i = NOT(f)  # before f\nf = buff(a)\nOUTPUT(alone)\nalone = nor(b)\n"
    assert _table(parse_bench(text)) == {
        "i": "11110000",
        "f": "00001111",
        "and": "00000001",
        "nand": "11111110",
        "or": "01111111",
        "nor": "10000000",
        "xor": "01101001",
        "xnor": "10010110",
        "alone": "11001100",
    }


def test_bench_tables_flip_flops_and_repeated_outputs():
    text = """INPUT(a)\nINPUT(b)\nINPUT(c)\nOUTPUT(y)\nOUTPUT(y)\nOUTPUT(q)
    t       = LUT 0xe8 ( a, b, c )\ny = LUT 0x2 (t, q)\nq = DFF(y)\none = vdd\nq_next = gnd\n"""
    netlist = parse_bench(text, cut_latches=True)
    assert netlist.input_names == ("a", "b", "c", "q") and netlist.output_names == ("y", "q", "q_next_")
    rows = _table(netlist)["y"]
    assert rows[::2] == "00010111" and rows[1::2] == "0" * 8 and _table(netlist)["q_next_"] == rows


def test_bench_mux():
    text = "INPUT(s)\nINPUT(a)\nINPUT(b)\nOUTPUT(y)\nOUTPUT(z)\ny = MUX(s, a, b)\nz = mux(a, a, a)\n"
    assert _table(parse_bench(text)) == {"y": "01010011", "z": "00110011"}  # the second where s is 1


@pytest.mark.parametrize("width", range(5))
def test_tables_of_any_width(width):
    for table in random.Random(width).sample(range(1 << (1 << width)), min(40, 1 << (1 << width))):
        builder = Builder([f"x{k}" for k in range(width)])
        netlist = builder.netlist({"y": builder.table([2 * k for k in range(width)], table)})
        for p in range(1 << width):
            assert output_values(netlist, [p >> k & 1 for k in range(width)]) == [table >> p & 1]


def test_wide_gates_become_balanced_trees():
    from compiler.counting import gate_counts

    names = [f"x{k}" for k in range(9)]
    text = "".join(f"INPUT({n})\n" for n in names) + f"OUTPUT(y)\ny = NAND({', '.join(names)})"
    counts = gate_counts(parse_bench(text))
    assert counts["gates"]["declared"] == 8 and counts["depth"] == 4


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("INPUT(a)\nOUTPUT(q)\nq = DFF(a)", UnsupportedError, "line 3: the flip-flop .q.: .*--cut-latches"),
        ("INPUT(a)\nOUTPUT(q)\nq = LUT 0x10 (a, a)", FormatError, "LUT 0x10 of 'q' does not fit 2 operands"),
        ("INPUT(a)\nOUTPUT(q)\nq = MAJ(a, a, a)", UnsupportedError, "gate MAJ of 'q'"),
        ("INPUT(a)\nOUTPUT(q)\nq = NOT(a, a)", FormatError, "NOT takes 1 operand, 'q' gives it 2"),
        ("INPUT(a)\nOUTPUT(q)\nq = MUX(a, a)", FormatError, "line 3: MUX takes select, .* gives it 2 oper"),
        ("INPUT(a)\nOUTPUT(q)\nq = AND()", FormatError, "AND needs an operand"),
        ("INPUT(a)\nOUTPUT(q)\nq = AND(a,)", FormatError, "malformed"),
        ("INPUT(a)\nOUTPUT(q)\nq = AND(a", FormatError, "line 3: cannot read 'q = AND.a'"),
        ("INPUT(a)\nOUTPUT(q)\nq = NOT(p)\np = NOT(q)", FormatError, "depends on itself"),
        ("INPUT(a)\nOUTPUT(q)\nq = NOT(a)\nq = BUFF(a)", FormatError, "line 4: net 'q' is driven"),
        ("INPUT(a)\nINPUT(a)", FormatError, "line 2: input 'a' is declared at line 1 already"),
        ("# nothing", FormatError, "holds no .bench circuit"),
    ],
)
def test_bad_bench(text, error, message):
    with pytest.raises(error, match=message):
        parse_bench(text, name="x.bench")


# --- PLA, EQN, genlib ------------------------------------------------------------------------

PLA = """# two-level
.i 3
.o 3
.ilb a b c
.ob y z w
.p 3
11- 1-0
--1|110
0 0 2 ~41
.e
what follows is no row
"""


def test_pla():
    assert _table(parse_pla(PLA)) == {"y": "01010111", "z": "11010101", "w": "11000000"}
    assert _table(parse_pla(".i 1\n.o 1\n.type fr\n1 1\n0 0\n")) == {"z0": "01"}
    assert _table(parse_pla(".i 0\n.o 2\n 10")) == {"z0": "1", "z1": "0"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("11 1-\n0- -0\n11 0-", "line 6: 11 gives 'z0' a 0, and 11 at line 4, which meets it, a 1; on-set"),
        ("0- -0\n-1 01\n", "line 5: -1 gives 'z1' a 1, and 0- at line 4, which meets it, a 0"),
        ("1- 1-\n-1 -0\n0- 0~\n-0 -1\n", None),
    ],
)
@pytest.mark.parametrize("most", [pla.MOST_PAIRED, 0])
def test_on_set_and_off_set_lie_apart(monkeypatch, rows, message, most):
    """Of any two cubes, and in files too large for that of equal ones."""
    monkeypatch.setattr(pla, "MOST_PAIRED", most)
    head = ".i 2\n.o 2\n.type {}\n"
    parse_pla(head.format("fd") + rows)
    for type_ in ("fr", "fdr"):
        if message is None or (not most and "0- " in rows.split("\n")[0]):
            parse_pla(head.format(type_) + rows)
        else:
            with pytest.raises(FormatError, match=message):
                parse_pla(head.format(type_) + rows)


def test_two_rows_meet_as_every_pattern_tells():
    rng = random.Random(4)
    found = []
    for _ in range(300):
        rows = [
            ("".join(rng.choice("01---") for _ in range(9)), "".join(rng.choice("01-~") for _ in range(3)), k)
            for k in range(rng.randint(0, 6))
        ]
        pairs = [
            (i, k)
            for k, (cube, shown, _) in enumerate(rows)
            for i, (other, against, _) in enumerate(rows[:k])
            if not any({a, b} == {"0", "1"} for a, b in zip(cube, other, strict=True))
            and any({a, b} == {"0", "1"} for a, b in zip(shown, against, strict=True))
        ]
        found.append(pla._disputed(rows))
        assert found[-1] == (pairs[0] if pairs else None)
    assert 30 < found.count(None) < 270


EQN = """# Equations
INORDER = a b
 c;
OUTORDER = y z w a;
n = a*!b; y = (n + c')';
z=1; w = CONST0 | a ^ b & !!c;
"""


def test_eqn():
    netlist = parse_eqn(EQN)
    assert netlist.input_names == ("a", "b", "c")
    assert _table(netlist) == {"y": "01010001", "z": "1" * 8, "w": "00011110", "a": "00001111"}


GENLIB = """GATE "nand2" 2 O=!(a*b); PIN * INV 1 999 1 .2 1 .2
GATE inv1 1 O=a';
  PIN a INV 1 999 1 .2 1 .2  # comment
GATE one 0 O=CONST1;
GATE ha 2 S=x^y; PIN * UNKNOWN 1 999 1 1 1 1
GATE ha 2 C=x*y; PIN * NONINV 1 999 1 1 1 1
LATCH "dff" 1 Q=D; PIN D NONINV 1 1 1 1 1 1
SEQ Q ANY RISING_EDGE
"""


def test_genlib(tmp_path):
    (tmp_path / "x.genlib").write_text(GENLIB)
    cells = cell_functions(tmp_path / "x.genlib")
    assert set(cells.cells) == {"nand2", "inv1", "one", "ha"}
    text = ".inputs a b\n.outputs y c s o\n.gate nand2 a=a b=b O=t\n.gate inv1 a=t O=y\n"
    text += ".gate ha x=t y=b C=c S=s\n.gate one O=o\n.end"
    expected = {"y": "0001", "c": "0100", "s": "1011", "o": "1111"}
    assert _table(parse_blif(text, cells=cells)) == expected
    for bad in ("GATE x 1 O=a*;", "GATE x 1 O=(a;", "GATES"):
        (tmp_path / "y.genlib").write_text(GENLIB + bad)
        with pytest.raises(FormatError, match=r"y\.genlib, line 9"):
            cell_functions(tmp_path / "y.genlib")


@pytest.mark.parametrize(
    ("parse_", "text", "error", "message"),
    [
        (parse_pla, ".i 2\n.o 1\n1- 11", FormatError, "line 3: row '1-11' must be 2 characters"),
        (parse_pla, ".i 2\n1- 1", FormatError, "line 2: a row before .i and .o"),
        (parse_pla, ".i x", FormatError, "line 1: .i takes a number"),
        (parse_pla, ".mv 4 2 3 4", UnsupportedError, "line 1: .mv is not supported"),
        (parse_pla, ".i 1\n.o 1\n.ilb a\n.ob a\n", FormatError, "'a' is an input and an output"),
        (parse_pla, ".i 1\n.o 1\n.ilb a b\n", FormatError, "line 3: .ilb gives 2 names; there are 1"),
        (parse_pla, "", FormatError, "holds no PLA"),
        (parse_eqn, "INORDER = a;\ny = a *;", FormatError, "line 2: the equation of 'y': an operand"),
        (parse_eqn, "INORDER = a;\n\ny = a", FormatError, "line 3: 'y = a' lacks its ';'"),
        (parse_eqn, "INORDER = a; OUTORDER = y;", FormatError, "output 'y' is driven by nothing"),
        (parse_eqn, "a b = c;", FormatError, "is no equation"),
        (parse_eqn, "y = " + "(" * 300 + "a;", FormatError, "deeper"),
        (parse_eqn, "", FormatError, "holds no equations"),
    ],
)
def test_bad_pla_and_eqn(parse_, text, error, message):
    with pytest.raises(error, match=message) as caught:
        parse_(text, name="x")
    assert str(caught.value).startswith("x") and "\n" not in str(caught.value)


# --- Verilog ---------------------------------------------------------------------------------

VERILOG = r"""// skewed
`timescale 1ns/1ps
(* top *) module skew (a, \b.1 , v, y, z, w, u);
  input a, \b.1 ; input [1:0] v;
  output y, z; output [2:1] w; output u;
  /* two
     lines */ wire t = ~(a & v[0]);
  nand (y, a, \b.1 , v[1]), g2 (w[2], t, v[0]);
  not n1 (w[1], z1, ~a);
  assign z = a ? \b.1 ^ t : v[1] | 1'b0, u = z1 ~^ a && !v[0];
  buf (z1, \b.1 );
endmodule
"""


def test_verilog():
    netlist = parse_verilog(VERILOG.replace("not n1 (w[1], z1, ~a)", "not n1 (w[1], ~a)"), name="skew.v")
    assert netlist.input_names == ("a", "b.1", "v[0]", "v[1]")
    assert netlist.output_names == ("y", "z", "w[1]", "w[2]", "u")
    for a, b, v0, v1 in product((0, 1), repeat=4):
        t = 1 - (a & v0)
        expected = [1 - (a & b & v1), (b ^ t) if a else v1, a, 1 - (t & v0), int((1 - (b ^ a)) and not v0)]
        assert output_values(netlist, (a, b, v0, v1)) == expected


def test_not_and_buf_drive_all_terminals_but_the_last():
    netlist = parse_verilog("module m(output p, q, input a); not (p, q, a); endmodule")
    assert _table(netlist) == {"p": "10", "q": "10"}


def test_operator_precedence():
    text = "module m(input a, b, c, output y); assign y = {}; endmodule"
    for loose, tight in (
        ("a | b & c", "a | (b & c)"),
        ("a ^ b & c", "a ^ (b & c)"),
        ("a | b ^ c", "a | (b ^ c)"),
        ("~a & b", "(~a) & b"),
        ("a || b && c", "a || (b && c)"),
        ("a ? b : b ? c : a", "a ? b : (b ? c : a)"),
    ):
        one, other = parse_verilog(text.format(loose)), parse_verilog(text.format(tight))
        assert _table(one) == _table(other), loose
    assert _table(parse_verilog(text.format("a | b & c"))) == {"y": "00011111"}


def _module(body):
    return f"module m (a, b, y);\ninput a, b;\noutput y;\n{body}\nendmodule\n"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (_module("always @(a) y = a;"), UnsupportedError, "line 4: 'always' is not supported"),
        (_module("reg q;"), UnsupportedError, r"line 4: 'reg' \(q\)"),
        (_module("dff u1 (.d(a), .q(y));"), UnsupportedError, r"line 4: 'dff' \(u1\) .* --library FILE"),
        (_module("assign y = a / b;"), UnsupportedError, "line 4: the operator /"),
        (_module("assign y = {a, 1};"), UnsupportedError, "line 4: the constant 1 in a concat.*1'd1"),
        (_module("assign y = 4294967296;"), UnsupportedError, "does not fit 32 bits.*33'd4294967296"),
        (_module("assign y = 1'bx;"), UnsupportedError, "the constant 1'bx"),
        (_module("and #2 (y, a, b);"), UnsupportedError, r"line 4: a delay \(#\) of and"),
        (_module("wire [1:0] v; and (y, v, a);"), UnsupportedError, "a terminal of and is 2 bits wide"),
        (_module("wire [1:0] v; assign y = v[0:1];"), FormatError, r"v\[0:1\] runs against \[1:0\]"),
        (_module("wire [2:0] v; assign y = v[{a, b}];"), UnsupportedError, "may lie outside"),
        (_module("assign a = b;"), FormatError, "'a' cannot be driven: it is an input"),
        (_module("assign y = `W;"), FormatError, "`W is defined nowhere above"),
        (_module("`ifdef W"), FormatError, "without its `endif"),
        ("module m; m u(); endmodule", FormatError, "every module is an instance of another"),
        ("module m; n u(); endmodule module n; n u(); endmodule", FormatError, "holds itself"),
        (
            "module n(input [1:0] p); endmodule module m(input a); n u(~a); endmodule",
            UnsupportedError,
            "has 2 bits",
        ),
        ("module n(input p); endmodule module m(input a); n u(.q(a)); endmodule", FormatError, "no port 'q'"),
        (_module("wire [1:0] v; assign y = v[2];"), FormatError, r"v\[2\] lies outside \[1:0\]"),
        (_module("assign y = a[0];"), FormatError, "'a' is not declared as a vector"),
        (_module("buf (y, a);\nnot (y, b);"), FormatError, "line 5: net 'y' is driven here and at"),
        (_module("not (y, y);"), FormatError, "net 'y' depends on itself"),
        (_module("assign y = c;"), FormatError, "net 'c', read by 'y', is driven by nothing"),
        (_module("and (y);"), FormatError, "and driving 'y' has no operand"),
        (_module("not (y);"), FormatError, "not needs an output and an operand"),
        (_module("assign y = " + "(" * 500 + "a"), FormatError, "nested deeper than"),
        (_module("assign y = a;") * 2, FormatError, "line 6: module 'm' is described twice"),
        ("module m; endmodule module n; endmodule", UnsupportedError, "'m', 'n' .* --top NAME"),
        ("module m (a);\n", FormatError, "the file ends within the module; it is truncated"),
        ("module m (a);\nendmodule", FormatError, "port 'a' is neither input nor output"),
        ("module m (inout a);\nendmodule", UnsupportedError, "an inout port"),
        ("module m;\n€\nendmodule", FormatError, "line 2: cannot read '€'"),
        ("// nothing", FormatError, "holds no module"),
    ],
)
def test_bad_verilog(text, error, message):
    with pytest.raises(error, match=message):
        parse_verilog(text, name="x.v")


def test_macros_stand_for_what_they_are_where_they_are_used():
    for text in (
        "`define K a\n`define Y `K\n`undef K\n`define K b\n",
        "`define Y `K\n`define K b\n",
        "`define Y `Z\n`define Z `ifdef Q a `else b `endif\n",
    ):
        netlist = parse_verilog(f"{text}module m(input a, b, output y); assign y = `Y; endmodule")
        assert _table(netlist) == {"y": "0101"}, text
    text = "`define RANGE [`HI:`LO]\n`define HI 3\n`define LO 2\nmodule m(input `RANGE a, output `RANGE y); "
    assert parse_verilog(text + "assign y = a; endmodule").output_names == ("y[2]", "y[3]")


@pytest.mark.parametrize("constant", ["`W'hA", "4 'hA", "4 ' h A", "`W 'h`V", "4'h`V", "`W `B `V", "`W`B`V"])
def test_size_base_and_digits_of_a_constant_may_be_macros(constant):
    text = "`define W 4\n`define B 'h\n`define V A\nmodule m(input [3:0] a, output [3:0] y); assign y = a ^ "
    one, other = (parse_verilog(f"{text}{value}; endmodule") for value in (constant, "4'b1010"))
    assert equal(one, other)


def _macros(n, body):
    """`A0 to `An, each made of the one before it."""
    return "".join(f"`define A{k + 1} {body.replace('A', f'A{k}')}\n" for k in range(n))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("`define K a & `K\nassign y = `K;", r"line 5: the macro `K inserts itself; .* \(`K of line 4\)"),
        ("`define K `L\n`define L `K\nassign y = `K;", r"line 6: the macro `K inserts itself"),
        ("`define A0 a\n" + _macros(60, "`A & `A") + "assign y = `A60;", "line 65: the macros insert a mill"),
        ("`define A0\n" + _macros(60, "`A `A") + "assign y = a `A60;", "line 65: the macros insert a mill"),
        ("`define A0 a\n" + _macros(999, "`A") + "assign y = `A999;", "more than 100 deep"),
        ("`define K `ifdef W\nassign y = a `K; `endif", "line 5: `ifdef and its `endif stand in different"),
        ("`define K `none\nassign y = `K;", r"line 5: `none is defined nowhere above \(`K of line 4\)"),
        ("assign y = 4'h;", "line 4: the constant 4'h is malformed"),
    ],
)
def test_bad_macros(monkeypatch, text, message):
    monkeypatch.setattr(verilog_words, "MAX_MACROS", 1 << 12)  # not to wait for a million
    with pytest.raises(FormatError, match=message):
        parse_verilog(_module(text), name="x.v")


def _value_of(netlist, bits):
    return sum(bit << k for k, bit in enumerate(output_values(netlist, bits)))


@pytest.mark.parametrize("op", ["+", "-", "<<", "==", "<", "&", "^", "&&", "||"])
def test_chains_of_operators_may_be_long(op):
    n = 5000 if op == "+" else 1500
    chain = f" {op} ".join(f"a[{k % 8}]" for k in range(n))
    netlist = parse_verilog(f"module m(input [7:0] a, output [4:0] y); assign y = {chain}; endmodule")
    step = {
        "+": lambda x, y: x + y,
        "-": lambda x, y: x - y,
        "<<": lambda x, y: x << y & 31,
        "==": lambda x, y: x == y,
        "<": lambda x, y: x < y,
        "&": lambda x, y: x & y,
        "^": lambda x, y: x ^ y,
        "&&": lambda x, y: x and y,
        "||": lambda x, y: x or y,
    }[op]
    for bits in ([0, 1, 1, 0, 1, 0, 0, 1], [1] * 8, [0] * 8):
        expected = bits[0]
        for k in range(1, n):
            expected = step(expected, bits[k % 8])
        assert _value_of(netlist, bits) == expected % 32


def test_lists_of_cases_may_be_long():
    arms = " ".join(f"s == {k} ? 8'd{k * 7 % 256} :" for k in range(1000))
    netlist = parse_verilog(f"module m(input [9:0] s, output [7:0] y); assign y = {arms} 8'd255; endmodule")
    for s in (0, 1, 500, 999, 1000, 1023):
        expected = s * 7 % 256 if s < 1000 else 255
        assert _value_of(netlist, [s >> k & 1 for k in range(10)]) == expected


def test_operators_nested_too_deeply_are_refused_with_their_line():
    nested = "a"
    for _ in range(100):
        nested = f"(a || a && a | a ^ a & a == a < a << a + a * {nested})"
    with pytest.raises(FormatError, match=r"x\.v, line 4: an expression is nested .* name its parts"):
        parse_verilog(_module(f"assign y = {nested};"), name="x.v")


def test_nets_are_declared_where_default_nettype_asks_for_it():
    used = _module("and g(t, a, b);\nassign y = t;")
    strict = "`default_nettype none\n"
    with pytest.raises(FormatError, match=r"line 5: net 't' is not declared, .*`default_nettype none"):
        parse_verilog(strict + used, name="x.v")
    for text in (
        used,
        f"{strict}`default_nettype wire\n{used}",
        f"{strict}`resetall {used}",
        f"`ifdef W\n{strict}`endif\n{used}",
        used + strict,
        strict + used.replace("and", "wire t; and"),
        f"{strict}{_module('assign y = a & b;').replace(' m ', ' n ')}`default_nettype wire\n{used}",
    ):
        assert _table(parse_verilog(text, top="m")) == {"y": "0001"}


def test_an_end_may_name_its_module():
    assert parse_verilog(_module("assign y = a & b;").replace("endmodule", "endmodule : m")).name == "m"
    with pytest.raises(FormatError, match="line 5: module 'm' ends as 'n'"):
        parse_verilog(_module("assign y = a & b;").replace("endmodule", "endmodule : n"), name="x.v")


# --- which format ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (BLIF.encode(), "BLIF"),
        (AAG, "AIGER"),
        (AIG, "AIGER"),
        (PLA.encode(), "PLA"),
        (EQN.encode(), "EQN"),
        (write_yosys_json(parse_blif(BLIF)).encode(), "Yosys JSON"),
        (b"# c17\n\nINPUT(a)\nOUTPUT(a)\n", "bench"),
        (VERILOG.replace("z1, ~a", "~a").encode(), "Verilog"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_content_tells_the_format(tmp_path, content, name, pack):
    path = tmp_path / "circuit"
    path.write_bytes(pack(content))
    assert told(READ, path).title == name
    assert equal(read_model_or_netlist(path), read_circuit(path))


def test_a_damaged_file_is_named_by_its_ending(tmp_path):
    (tmp_path / "x.aig").write_bytes(b"aig x\n")
    with pytest.raises(FormatError, match=r"x\.aig, line 1: an AIGER file begins"):
        read_model_or_netlist(tmp_path / "x.aig")
    (tmp_path / "x.blif.gz").write_bytes(gzip.compress(BLIF.encode())[:60])
    with pytest.raises(FormatError, match=r"x\.blif\.gz: is a damaged gzip file"):
        read_model_or_netlist(tmp_path / "x.blif.gz")


def test_unknown_and_missing_circuits(tmp_path):
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(FormatError, match="is no circuit known here"):
        read_circuit(tmp_path / "x.txt")
    with pytest.raises(ThermocError, match="cannot be read"):
        read_circuit(tmp_path / "none.blif")
    (tmp_path / "x.v").write_bytes(b"module \xff")
    with pytest.raises(FormatError, match="is no UTF-8 text"):
        read_circuit(tmp_path / "x.v")


def test_a_long_comment_before_the_content_is_no_trap(tmp_path):
    (tmp_path / "x").write_bytes(b" # x\n" * 700 + b"?")
    assert told(READ, tmp_path / "x") is None


# --- damage ----------------------------------------------------------------------------------

FORMATS = {
    "blif": (parse_blif, BLIF.encode()),
    "bench": (parse_bench, b"INPUT(a)\nINPUT(b)\nOUTPUT(y)\nt = NAND(a, b)\ny = XOR(t, a, b)\n"),
    "verilog": (parse_verilog, VERILOG.replace("z1, ~a", "~a").encode()),
    "pla": (parse_pla, PLA.encode()),
    "eqn": (parse_eqn, EQN.encode()),
    "models": (lambda text: parse_blif(text, cut_latches=True), MODELS.encode()),
    "aag": (parse_aiger, AAG),
    "aig": (parse_aiger, AIG),
    "text": (parse, dump(every_op()).encode()),
}
SNIPPETS = st.sampled_from([b"", b"0", b"9", b"-", b"(", b")", b"..", b" = ", b"\n", b"\xb2", b"\\"])


@pytest.mark.parametrize("name", FORMATS)
@given(edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), SNIPPETS), max_size=4))
@settings(max_examples=200)
def test_a_damaged_file_is_read_or_refused_but_never_crashes(name, edits):
    parse, data = FORMATS[name]
    for place, removed, inserted in edits:
        at = int(place * len(data))
        data = data[:at] + inserted + data[at + removed :]
    try:
        parse(data if parse is parse_aiger else data.decode("latin-1"))
    except ThermocError as error:
        assert "\n" not in str(error)


# --- Yosys -----------------------------------------------------------------------------------

BEHAVIOUR = """
module t(input [3:0] a, input [1:0] s, output reg [3:0] y);
  always @(*) case (s) 2'd0: y = a; 2'd1: y = ~a; 2'd2: y = a + 1; default: y = 0; endcase
endmodule
"""


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_behaviour_is_read_through_yosys(tmp_path):
    (tmp_path / "t.v").write_text(BEHAVIOUR)
    netlist = read_circuit(tmp_path / "t.v")
    assert netlist.meta["read_through"] == "yosys"
    for a, s in product(range(16), range(4)):
        expected = (a, ~a & 15, (a + 1) & 15, 0)[s]
        bits = [a >> k & 1 for k in range(4)] + [s & 1, s >> 1]
        assert output_values(netlist, bits) == [expected >> k & 1 for k in range(4)]
    (tmp_path / "t.v").write_text(BEHAVIOUR.replace("endcase", ""))
    with pytest.raises(FormatError, match=r"t\.v: line 2: reg is not .*; yosys: line 4: syntax error"):
        read_circuit(tmp_path / "t.v")
    (tmp_path / "t.v").write_text("module t(input a, c, output reg y); always @(*) if (c) y = a; endmodule")
    with pytest.raises(UnsupportedError, match=r"the latch .*: state, .*--cut-latches makes it"):
        read_circuit(tmp_path / "t.v")
    (tmp_path / "t.v").write_text(
        """module t(input ck, rn, en, a, output reg q, r); always @(posedge ck or negedge rn)
        if (!rn) begin q <= 0; r <= 1; end else begin q <= a ^ q; if (en) r <= q; end endmodule"""
    )
    cut = read_circuit(tmp_path / "t.v", Options(cut_latches=True))
    inputs, outputs = list(cut.input_names), list(cut.output_names)
    assert inputs[:4] == ["ck", "rn", "en", "a"] and set(inputs[4:]) == {"q_state", "r_state"}
    for bits in product((0, 1), repeat=6):
        x = dict(zip(inputs, bits, strict=True))
        shown = dict(zip(outputs, output_values(cut, bits), strict=True))
        assert shown["q_state_next"] == x["a"] ^ x["q_state"]
        assert shown["r_state_next"] == (x["q_state"] if x["en"] else x["r_state"])


NAND = """library (s) { cell (NAND2) { area : 2;
  pin(A) { direction : input; } pin(B) { direction : input; }
  pin(Y) { direction : output; function : "!(A*B)"; } } }
"""


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_what_yosys_is_asked_is_what_was_meant(tmp_path):
    path = tmp_path / "t.v"
    path.write_text(BEHAVIOUR)
    ran = tmp_path / "ran"
    for top in (f"t; tee -o {ran} help", "t\nhelp", "none"):  # a name, never commands
        with pytest.raises(FormatError, match=r"none|has no module 't"):
            read_circuit(path, Options(top=top))
    assert not ran.exists() and read_circuit(path, Options(top="t")).n_inputs == 6
    # keywords of SystemVerilog, a delay behind a range
    path.write_text("module t(input bit, input do, output q); assign q = bit & do; endmodule\n")
    assert output_values(read_circuit(path), [1, 1]) == [1]
    path.write_text(
        "module t(input [1:0] a, output [1:0] y); wire [1:0] #1 d = a; assign y = ~d; endmodule\n"
    )
    assert output_values(read_circuit(path), [1, 0]) == [0, 1]
    # cells of a library among behaviour
    path.write_text(
        """module t(input a, b, output reg y); wire n; NAND2 g(.A(a), .B(b), .Y(n));
        always @* y = ~n; endmodule"""
    )
    (tmp_path / "s.lib").write_text(NAND)
    found = read_circuit(path, Options(library=str(tmp_path / "s.lib")))
    assert [output_values(found, bits) for bits in product((0, 1), repeat=2)] == [[0], [0], [0], [1]]
    with pytest.raises(UnsupportedError, match="nangate45, which is no Liberty file"):
        read_circuit(path, Options(library="nangate45"))
    # a library that the file has no use for, a module of the file called as a cell
    path.write_text(BEHAVIOUR)
    assert read_circuit(path, Options(library="nangate45")).n_inputs == 6
    path.write_text(
        """module NAND2(input A, B, output reg Y); always @* Y = A | B; endmodule
        module t(input a, b, output y); NAND2 g(.A(a), .B(b), .Y(y)); endmodule"""
    )
    found = read_circuit(path, Options(library=str(tmp_path / "s.lib")))
    assert output_values(found, [1, 0]) == [1] and output_values(found, [0, 0]) == [0]
    # the fault is told, not that of the other dialect
    path.write_text("module t(input bit, output reg q); always @* q = bit ^ none(1); endmodule\n")
    with pytest.raises(FormatError, match="none"):
        read_circuit(path)


MEMORY = """module t(input clk, we, a, d, output y); reg r [0:1];
always @(posedge clk) if (we) r[a] <= d; assign y = r[a]; endmodule"""


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_what_yosys_leaves_undefined_is_0_and_what_the_file_does_is_asked_for(tmp_path):
    path, cut = tmp_path / "t.v", Options(cut_latches=True)
    path.write_text(MEMORY)
    found = read_circuit(path, cut)
    assert found.meta["undefined"] == "0"
    for bits in product((0, 1), repeat=6):
        given = dict(zip(found.input_names, bits, strict=True))
        shown = dict(zip(found.output_names, output_values(found, list(bits)), strict=True))
        a, written = given["a"], given["we"]
        assert shown.pop("y") == given[f"r[{a}]"]
        assert shown == {
            f"r[{k}]_next": given["d"] if written and a == k else given[f"r[{k}]"] for k in (0, 1)
        }
    path.write_text(MEMORY.replace("<= d", "<= d ^ 1'bx"))
    with pytest.raises(UnsupportedError, match="a bit is 'x', neither 0 nor 1; give it a value"):
        read_circuit(path, cut)
    path.write_text("module t(input a, output reg y); always @* y = a; endmodule\n")
    assert "undefined" not in read_circuit(path).meta


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_bits_of_an_ascending_register_have_their_names(tmp_path):
    path = tmp_path / "t.v"
    path.write_text(
        """module t(input clk, input [0:1] d, output y); reg [0:1] r; always @(posedge clk) r <= d;
        assign y = r[0] & ~r[1]; endmodule"""
    )
    found = read_circuit(path, Options(cut_latches=True))
    for bits in product((0, 1), repeat=5):
        given = dict(zip(found.input_names, bits, strict=True))
        shown = dict(zip(found.output_names, output_values(found, list(bits)), strict=True))
        assert shown == {
            "y": given["r[0]"] & ~given["r[1]"],
            "r[0]_next": given["d[0]"],
            "r[1]_next": given["d[1]"],
        }


SYSTEM = """module t(input [3:0] a, output [3:0] y);
parameter real X = 2.5;
typedef logic [3:0] word;
word n;
assign n = 4'(a) + 4'd1;
assign y = n;
endmodule : t
"""


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
@pytest.mark.parametrize("left_out", [(), (1,), (1, 2, 3), (2, 3)])
def test_systemverilog_is_read_through_yosys(tmp_path, left_out):
    lines = [line for k, line in enumerate(SYSTEM.splitlines()) if k not in left_out]
    declared = "wire [3:0] n" if 3 in left_out else "assign n"
    (tmp_path / "t.v").write_text("\n".join(lines).replace("assign n", declared))
    netlist = read_circuit(tmp_path / "t.v")
    assert netlist.meta["read_through"] == "yosys"
    for a in range(16):
        assert _value_of(netlist, [a >> k & 1 for k in range(4)]) == (a + 1) % 16


BROKEN = [
    ("assign y = a b;", "line 4: expected ';', got 'b'"),
    ("assign y = ;", "line 4: expected an operand, got ';'"),
    ("assign y = $$;", r"line 4: cannot read '\$\$;'"),
    ("= y;", "line 4: expected a statement, got '='"),
    ("parameter real X = ;\nassign y = a;", "line 4: a parameter of type 'real' is not supported"),
]


@pytest.mark.parametrize(("body", "message"), BROKEN)
def test_broken_text_has_its_line_with_and_without_yosys(tmp_path, monkeypatch, body, message):
    path = tmp_path / "t.v"
    path.write_text(_module(body))
    with pytest.raises(ThermocError, match=rf"t\.v[,:] {message}"):
        read_circuit(path)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(ThermocError, match=rf"t\.v, {message}"):
        read_circuit(path)


@pytest.mark.skipif(yosys_program() is None, reason="yosys is not installed")
def test_files_that_a_file_names_lie_beside_it(tmp_path):
    folder = tmp_path / "of cells"
    folder.mkdir()
    (folder / "rom.hex").write_text("2\n3\n0\n1\n")
    (folder / "not.vh").write_text("assign y = ~r[a];\n")
    (folder / "t.v").write_text(
        """module t(input [1:0] a, output [1:0] y); reg [1:0] r [0:3];
        initial $readmemh("rom.hex", r);\n`include "not.vh"\nendmodule"""
    )
    netlist = read_circuit(folder / "t.v")
    assert [_value_of(netlist, [a & 1, a >> 1]) for a in range(4)] == [1, 0, 3, 2]
    assert sorted(file.name for file in folder.iterdir()) == ["not.vh", "rom.hex", "t.v"]


def test_an_include_without_yosys_names_its_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "t.v").write_text('module t(input a, output y);\n`include "x.vh"\nendmodule\n')
    with pytest.raises(UnsupportedError, match=r"line 2: `include is not followed here.*install yosys"):
        read_circuit(tmp_path / "t.v")


@pytest.mark.parametrize("space, code", [("\x0b", r"U\+000B"), ("\xa0" * 30, r"U\+00A0")])
def test_strange_spaces_are_named(tmp_path, space, code):
    (tmp_path / "t.v").write_text(f"module t(input a, output y);\n{space}assign y = a;\nendmodule\n")
    with pytest.raises(FormatError, match=rf"line 2: cannot read the character {code}"):
        read_circuit(tmp_path / "t.v")


def test_behaviour_without_yosys_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "t.v").write_text(BEHAVIOUR)
    with pytest.raises(UnsupportedError, match="line 2: reg is not supported here; install yosys"):
        read_circuit(tmp_path / "t.v")


def test_yosys_json_comes_back(tmp_path):
    netlist = parse_blif(BLIF)
    document = write_yosys_json(netlist)
    (tmp_path / "x.json").write_text(document)
    back = read_model_or_netlist(tmp_path / "x.json")
    assert _table(back) == _table(netlist) and _table(read_circuit(tmp_path / "x.json")) == _table(netlist)
    (tmp_path / "y.json").write_text(document.replace("$_BUF_", "$dff").replace("$_AND_", "$dff"))
    with pytest.raises(UnsupportedError, match=r"is \$dff, no gate"):
        read_circuit(tmp_path / "y.json")
    (tmp_path / "z.json").write_text('{"creator": "x", "modules": {"m": {"ports": 3}}}')
    with pytest.raises(FormatError, match="is no netlist of Yosys"):
        read_circuit(tmp_path / "z.json")


def _of_cells(cells):
    """Of Yosys, with inputs a and b, bits 2 and 3, and output y, bit 4."""
    ports = {
        name: {"direction": side, "bits": [bit]}
        for name, side, bit in (("a", "input", 2), ("b", "input", 3), ("y", "output", 4))
    }
    return {"modules": {"t": {"ports": ports, "cells": cells, "netnames": {"n": {"bits": [4]}}}}}


def test_cells_of_yosys_that_compute_nothing_are_left_out():
    gate = {"type": "$_AND_", "connections": {"A": [2], "B": [3], "Y": [4]}}
    noted = {
        "u": {"type": "$scopeinfo", "connections": {}},
        "p": {"type": "$print", "connections": {"EN": ["1"], "TRG": [2, 3], "ARGS": []}},
        "c": {"type": "$check", "connections": {"A": [2], "EN": ["x"]}},
    }
    found = parse_yosys_json(_of_cells({"g": gate, **noted}))
    assert [output_values(found, bits) for bits in product((0, 1), repeat=2)] == [[0], [0], [0], [1]]


@pytest.mark.parametrize(
    ("kind", "pins", "error", "told"),
    [
        ("$_NOT_", {"A": [2], "Y": ["0"]}, FormatError, "cell 'g' drives the constant '0'"),
        ("$_NOT_", {"A": [2, 3], "Y": [4]}, FormatError, "pin 'A' of cell 'g' is not of one bit"),
        ("$_NOT_", {"A": [2], "Y": [3]}, FormatError, "net '3' is driven by cell 'g' and by input 'b'"),
        ("$_ALDFF_PP_", {"D": [2], "Q": [4]}, UnsupportedError, "state of a kind that cannot be cut"),
        ("$_MUX4_", {"A": [2], "Y": [4]}, UnsupportedError, r"is \$_MUX4_, no gate"),
    ],
)
def test_bad_cells_of_yosys(kind, pins, error, told):
    with pytest.raises(error, match=told):
        parse_yosys_json(_of_cells({"g": {"type": kind, "connections": pins}}), cut_latches=True)


def test_bad_nets_and_tables_of_yosys():
    gate = {"type": "$_BUF_", "connections": {"A": [2], "Y": [4]}}
    with pytest.raises(FormatError, match="net 'n' is driven by cell 'h' and by cell 'g'"):
        parse_yosys_json(_of_cells({"g": gate, "h": gate}))
    table = {"type": "$lut", "parameters": {"LUT": "0x"}, "connections": {"A": [2], "Y": [4]}}
    with pytest.raises(UnsupportedError, match="cell 'g' has the table '0x'; each entry must be 0 or 1"):
        parse_yosys_json(_of_cells({"g": table}))
    joined = _of_cells({})
    joined["modules"]["t"]["ports"]["b"]["bits"] = [2]
    with pytest.raises(FormatError, match="input 'a' and 'b' are one net"):
        parse_yosys_json(joined)


def test_cells_written_for_yosys_are_not_called_as_ports():
    netlist = parse_blif(".model t\n.inputs gate0 b\n.outputs y\n.names gate0 b y\n11 1\n.end\n")
    module = json.loads(write_yosys_json(netlist))["modules"]["t"]
    assert not set(module["ports"]) & set(module["cells"])


CELLS = """
library (s) {
  cell (nand2_1) { pg_pin (VPWR) {} pin (A) {direction : input;} pin (B) {direction : input;}
    pin (Y) {direction : output; function : "(!A) | (!B)";} }
  cell (ha) { pin (A, B) {direction : input;}
    pin (C) {direction : output; function : "A B";} pin (S) {direction : output; function : "A ^ B";} }
  cell (dff) { ff (IQ, IQN) {} pin (D) {direction : input;} pin (Q) {direction : output; function : "IQ";} }
}
"""


FLOPS = """
library (f) {
  cell (dffr) { ff (IQ, IQN) {next_state : "D"; clocked_on : "CK"; clear : "!RN";}
    pin (D, CK, RN) {direction : input;} pin (Q) {direction : output; function : "IQ";}
    pin (QN) {direction : output; function : "IQN";} }
  cell (hold) { latch (IQ, IQN) {data_in : "D"; enable : "G";} pin (D, G) {direction : input;}
    pin (Q) {direction : output; function : "IQ";} }
  cell (dff2) { ff_bank (IQ, IQN, 2) {next_state : "D";} pin (D) {direction : input;}
    pin (Q) {direction : output; function : "IQ";} }
}
"""


def test_state_of_library_cells_is_cut_and_a_library_may_be_split(tmp_path):
    (tmp_path / "s.lib").write_text(CELLS)
    (tmp_path / "f.lib").write_text(FLOPS)
    both = f"{tmp_path / 's.lib'}+{tmp_path / 'f.lib'}"
    start = "module t(input ck, rn, a, output q, n); "
    (tmp_path / "t.v").write_text(
        f"""{start}wire d, e; dffr f(.CK(ck), .RN(rn), .D(d), .Q(q), .QN(n));
        nand2_1 g(.A(a), .B(q), .Y(d)); hold h(.D(n), .G(ck)); endmodule"""
    )
    (tmp_path / "t.blif").write_text(
        """.model t\n.inputs ck rn a\n.outputs q n\n.gate dffr CK=ck RN=rn D=d Q=q QN=n
        .gate nand2_1 A=a B=q Y=d\n.gate hold D=n G=ck\n.end"""
    )
    for file, second in (("t.v", "h"), ("t.blif", "state1")):
        netlist = read_circuit(tmp_path / file, Options(library=both, cut_latches=True))
        assert netlist.input_names == ("ck", "rn", "a", "q", second)
        assert netlist.output_names == ("q", "n", "q_next", f"{second}_next")
        for _, _, a, q, held in product((0, 1), repeat=5):
            assert output_values(netlist, (0, 1, a, q, held)) == [q, 1 - q, 1 - (a & q), 1 - q]
        with pytest.raises(UnsupportedError, match=r"cell 'dffr' of .* --cut-latches makes it"):
            read_circuit(tmp_path / file, Options(library=both))
    (tmp_path / "t.v").write_text(f"{start}dff2 g(.Q(n), .D(a)); endmodule")
    with pytest.raises(
        UnsupportedError, match=r"cell 'dff2' of .* has state, but not one flip-flop or latch"
    ):
        read_circuit(tmp_path / "t.v", Options(library=both, cut_latches=True))
    (tmp_path / "t.v").write_text(f"{start}dffr f(.D(a), .Q(n)); dffr g(.D(a), .Q(n)); endmodule")
    with pytest.raises(FormatError, match="net 'n' is driven"):
        read_circuit(tmp_path / "t.v", Options(library=both, cut_latches=True))
    with pytest.raises(FormatError, match=r"no\.lib: is no Liberty file here"):
        cell_functions(f"{tmp_path / 's.lib'}+{tmp_path / 'no.lib'}")


def test_cells_of_a_library(tmp_path):
    (tmp_path / "s.lib").write_text(CELLS)
    cells = cell_functions(tmp_path / "s.lib")
    text = """module t(input a, b, output c, s, n);
      ha h(.A(a), .B(b), .C(c), .S(s)); nand2_1 g(.Y(n), .A(a), .B(~b), .VPWR(1'b1)); endmodule"""
    assert _table(parse_verilog(text, cells=cells)) == {"c": "0001", "s": "0110", "n": "1101"}
    start = "module t(input a, b, output n); "
    for instance, error, message in (
        ("nand2_1 g(.Y(n), .A(a))", FormatError, "pin 'B' of 'g' is open"),
        ("nand2_1 g(a, b, n)", FormatError, "connects pins by order"),
        ("nand3_1 g(.Y(n))", UnsupportedError, r"no cell of .*s\.lib, did you mean 'nand2_1'"),
        ("dff g(.Q(n), .D(a))", UnsupportedError, "cell 'dff' of .* has state"),
    ):
        with pytest.raises(error, match=message):
            parse_verilog(f"{start}{instance}; endmodule", cells=cells)


def test_a_presets_cells_have_supply_pins_and_its_flip_flop():
    text = """module m(input a, b, clk, output y); wire d, q, on, off; assign on = 1'b1; assign off = 1'b0;
      sky130_fd_sc_hd__nand2_1 g(.A(a), .B(b), .Y(d), .VPWR(on), .VGND(off), .VPB(on), .VNB(off));
      sky130_fd_sc_hd__dfxtp_1 r(.CLK(clk), .D(d), .Q(q)); assign y = q; endmodule"""
    netlist = parse_verilog(text, cells=cell_functions("sky130hd", cut_latches=True))
    assert netlist.input_names == ("a", "b", "clk", "q") and netlist.output_names == ("y", "q_next")
    for a, b, clk, q in product((0, 1), repeat=4):
        assert output_values(netlist, (a, b, clk, q)) == [q, 1 - (a & b)]
