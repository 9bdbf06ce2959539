"""The command line with circuits: compile, show, check, export, and one line for bad input."""

import gzip
import json

import pytest
from toys.gates import circuits_folder

from compiler import check_equal, compile, load, read_circuit
from compiler.errors import UnsupportedError
from thermo.cli.main import main

# not (x > y), and z twice inverted; two gates are too many
BLIF = """.model skew
.inputs x y z
.outputs p q
.names x y t
10 1
.names t p
0 1
.names z s
0 1
.names s q
0 1
.end
"""
BENCH = """INPUT(x)
INPUT(y)
INPUT(z)
OUTPUT(p)
OUTPUT(q)
n = NOT(x)
p = {gate}(n, y)
q = BUFF(z)
"""


@pytest.fixture
def blif(tmp_path):
    path = tmp_path / "skew.blif.gz"
    path.write_bytes(gzip.compress(BLIF.encode()))
    return path


@pytest.fixture
def bench(tmp_path):
    path = tmp_path / "skew.bench"
    path.write_text(BENCH.format(gate="OR"))
    return path


def _json(capsys, code, *arguments):
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def _fails(capsys, *arguments):
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and len(lines) == 1 and lines[0].startswith("error: "), err
    return lines[0]


@pytest.mark.parametrize(("level", "gates"), [(0, 4), (1, 1), (2, 1)])
def test_compile_simplifies_and_counts(capsys, blif, tmp_path, level, gates):
    out = tmp_path / "net.tnl"
    found = _json(capsys, 0, "compile", blif, "-o", out, "-O", level)
    assert found["counts"]["gates"]["declared"] == load(out).n_gates == gates
    assert found["counts_before"]["gates"] == {
        "declared": 4,
        "live": 4,
        "two_input": 1,
        "inverters": 3,
        "buffers": 0,
        "constants": 0,
    }
    assert check_equal(load(out), read_circuit(blif)).equal


def test_compile_says_what_it_did(capsys, blif, tmp_path):
    assert main(["compile", str(blif), "-o", str(tmp_path / "net.tnl")]) == 0
    out = capsys.readouterr().out
    assert "gates: two input" in out
    assert "1 live two-input gates became 1 at -O1" in out


def test_compile_says_where_fewer_gates_are_deeper(capsys, tmp_path):
    c432 = circuits_folder() / "iscas85" / "c432.bench"
    told = []
    for level in (1, 2):
        assert main(["compile", str(c432), "-O", str(level), "-o", str(tmp_path / "net.tnl")]) == 0
        told.append("the depth of 24 became 26" in capsys.readouterr().out)
    assert told == [False, True]


def test_show_prints_counts_and_canonical_text(capsys, blif, tmp_path):
    main(["compile", str(blif), "-o", str(tmp_path / "net.tnl")])
    capsys.readouterr()
    found = _json(capsys, 0, "show", tmp_path / "net.tnl")
    assert found["text"].splitlines()[:4] == ["gates 2", "inputs 3 x y z", "gates 1", "  3 = le 0 1"]
    assert main(["show", str(tmp_path / "net.tnl")]) == 0
    assert "output p 3" in capsys.readouterr().out


def test_check_equal_circuits(capsys, blif, bench):
    assert main(["check", str(blif), str(bench), "--no-abc"]) == 0
    assert capsys.readouterr().out == "equal: all 8 input patterns agree\n"
    found = _json(capsys, 0, "check", blif, bench)
    assert found["equal"] and found["method"] == "exhaustive" and found["patterns"] == 8


def test_check_prints_a_counterexample_and_exits_1(capsys, blif, bench):
    bench.write_text(BENCH.format(gate="NOR"))
    assert main(["check", str(blif), str(bench), "--no-abc"]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("different: output p is ")
    assert [word.split("=")[0] for word in second.split()] == ["x", "y", "z"]
    found = _json(capsys, 1, "check", blif, bench)
    x, y = found["counterexample"]["x"], found["counterexample"]["y"]
    assert found["values"] == [int(not (x > y)), int(not (not x or y))]


def test_check_says_when_it_matches_by_position(capsys, blif, bench):
    bench.write_text(BENCH.format(gate="OR").replace("y", "u"))
    assert main(["check", str(blif), str(bench)]) == 0
    out, err = capsys.readouterr()
    assert "matched by position" in err and "inputs" in err and "outputs" not in err
    assert out.startswith("equal")


@pytest.mark.parametrize(
    ("format_", "ending", "begins"),
    [
        ("verilog", "v", "module skew ("),
        ("blif", "blif", ".model skew"),
        ("aiger", "aig", "aig 4 3 0 2 1"),
        ("aiger", "aag", "aag 4 3 0 2 1"),
        ("bench", "bench", "INPUT(x)"),
        ("dot", "dot", "digraph circuit {"),
    ],
)
def test_export(capsys, blif, tmp_path, format_, ending, begins):
    net, out = tmp_path / "net.tnl", tmp_path / f"out.{ending}"
    main(["compile", str(blif), "-o", str(net)])
    assert main(["export", str(net), "--format", format_, "-o", str(out)]) == 0
    assert f"wrote {out}: 1 gates, 3 inputs, 2 outputs" in capsys.readouterr().out
    assert out.read_bytes().startswith(begins.encode())
    if format_ != "dot":
        assert main(["check", str(blif), str(out)]) == 0


def test_export_reads_foreign_files_too(capsys, bench, tmp_path):
    found = _json(capsys, 0, "export", bench, "--format", "blif", "-o", tmp_path / "o.blif")
    assert found["counts"]["gates"]["declared"] == 3 and found["format"] == "blif"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.aig", b"aig 3 2 0 1 1\n6\n", "the file ends within gate 0; it is truncated"),
        ("x.blif", b".inputs a\n.outputs y\n.names y y\n1 1\n", "line 3: net 'y' depends on itself"),
        ("x.bench", b"INPUT(a)\nOUTPUT(y)\ny = NOT(a)\ny = BUFF(a)\n", "line 4: net 'y' is driven"),
        ("x.v", b"module m(a); input a; assign y = ; endmodule", "line 1: expected an operand, got ';'"),
        ("x.txt", b"gates 1\ninputs 1 a\ngates 1\n  1 = op16 0\n", "line 4: expected `NET = OP"),
        ("x.blif.gz", b"\x1f\x8bxxxxxxxx", "is a damaged gzip file"),
        ("x.blif", b"", "holds no BLIF model"),
    ],
)
@pytest.mark.parametrize("command", ["compile", "check", "export"])
def test_malformed_circuits_get_one_line(capsys, tmp_path, name, content, message, command):
    path = tmp_path / name
    path.write_bytes(content)
    rest = {
        "compile": ["-o", tmp_path / "o.tnl"],
        "check": [path],
        "export": ["--format", "blif", "-o", tmp_path / "o.blif"],
    }
    line = _fails(capsys, command, path, *rest[command])
    assert str(path) in line and message in line
    assert not list(tmp_path.glob("o.*"))


def test_other_refusals(capsys, blif, bench, tmp_path):
    net = tmp_path / "net.tnl"
    assert "--target does not apply to a circuit of gates" in _fails(
        capsys, "compile", blif, "-o", net, "--target", "rc-array"
    )
    assert "--quantize does not apply" in _fails(capsys, "compile", blif, "-o", net, "--quantize")
    assert "--format 'edif' is unknown; choices are verilog" in _fails(
        capsys, "export", blif, "--format", "edif", "-o", tmp_path / "x"
    )
    bench.write_text("INPUT(a)\nOUTPUT(a)\n")
    assert "first circuit has 3 inputs, the second 1" in _fails(capsys, "check", blif, bench)
    main(["compile", str(blif), "-o", str(net)])
    capsys.readouterr()
    for command in ("simulate", "estimate"):
        assert "digits" in _fails(capsys, command, net, "--data", "digits")


def test_the_python_interface_refuses_what_is_no_circuit():
    with pytest.raises(UnsupportedError, match="a dict cannot be compiled; give a netlist"):
        compile({})


def test_export_in_cells(capsys, blif, tmp_path):
    net, cells = tmp_path / "net.v", tmp_path / "cells.lib"
    found = _json(
        capsys,
        0,
        "export",
        blif,
        "--format",
        "verilog",
        "--library",
        "nangate45",
        "--liberty",
        cells,
        "-o",
        net,
    )
    assert (found["library"], found["liberty"]) == ("nangate45", str(cells))
    assert found["counts"]["cells"]["total"] == net.read_text().count("_X1 u") > 0
    assert found["area_um2"] == pytest.approx(found["counts"]["area"]) and found["delay_s"] > 0
    text = cells.read_text()
    assert all(f"cell ({name})" in text for name in found["counts"]["cells"] if name != "total")


def test_cells_of_a_library_that_tells_no_delay(capsys, tmp_path):
    """Nothing that the library does not tell is needed to write them."""
    pins = "".join(f"pin({p}) {{ direction : input; capacitance : 0.01; }} " for p in "AB")
    cell = 'cell({}) {{ area : {}; {} pin(Y) {{ direction : output; function : "{}"; }} }}\n'
    cells = cell.format("INV", 1, pins[: pins.index("pin(B)")], "!A") + cell.format("ND", 2, pins, "!(A*B)")
    library, source, out = tmp_path / "m.lib", tmp_path / "m.v", tmp_path / "o.v"
    library.write_text(f"library(tiny) {{ capacitive_load_unit (1,pf); nom_voltage : 1.8;\n{cells}}}\n")
    source.write_text("module x(input a, b, output y); assign y = a & b; endmodule\n")
    words = ("export", source, "--format", "verilog", "--library", library, "-o", out)
    found = _json(capsys, 0, *words)
    assert (found["delay_s"], found["area_um2"]) == (None, 3.0) and "ND u" in out.read_text()
    assert main([str(word) for word in words]) == 0
    assert "thermoc: no delay told, 3.0 um2" in capsys.readouterr().out


def test_registers_are_exported_as_flip_flops(capsys, tmp_path):
    source, cut, out = tmp_path / "s.blif", tmp_path / "s.tnl", tmp_path / "s.v"
    source.write_text(
        ".model s\n.inputs a b\n.outputs y\n.names a q d\n10 1\n01 1\n.latch d q\n.names q b y\n11 1\n.end\n"
    )
    _json(capsys, 0, "compile", source, "--cut-latches", "-o", cut)
    found = _json(
        capsys, 0, "export", cut, "--format", "verilog", "--registers", "--library", "nangate45", "-o", out
    )
    held = found["registers"]
    assert (held["cell"], held["registers"], held["area_um2"]) == ("DFF_X1", 1, pytest.approx(4.522))
    assert (
        held["period_s"] > found["delay_s"] > 0 and "DFF_X1 r0 (.CK(clk), .D(d0), .Q(s0));" in out.read_text()
    )
    again = tmp_path / "s.bench"
    words = ("export", cut, "--format", "bench", "--registers", "-o", again)
    assert _json(capsys, 0, *words)["registers"] == {"registers": 1}
    assert main([str(word) for word in words]) == 0
    assert "1 registers, 2 inputs, 1 outputs" in capsys.readouterr().out
    # read back by the same name, its clock left out, and found equal; another wiring is not
    reading = ("--library", "nangate45", "--cut-latches")
    for pair in ((source, out), (out, cut)):
        assert _json(capsys, 0, "check", *pair, *reading)["equal"]
    code = main(["check", str(source), str(out), *reading])
    assert code == 0 and f"note: {out}: nothing reads clk" in " ".join(capsys.readouterr().err.split())
    other = tmp_path / "other.v"
    other.write_text(out.read_text().replace(".D(d0)", ".D(a)"))
    assert not _json(capsys, 1, "check", source, other, *reading)["equal"]
    for wrong, told in (
        (("check", source, out, "--cut-latches"), "name the library that holds it"),
        (("check", source, out, "--library", "nangate45"), "--cut-latches makes it an input"),
        (("check", cut, cut, *reading), "--library has no meaning for"),
        (("check", source, source, "--library", "none.lib", "--cut-latches"), "none.lib: is no Liberty file"),
        (
            ("check", cut, "--with", "ngspice", "--cut-latches"),
            "--cut-latches does not apply to --with ngspice",
        ),
    ):
        assert main([str(word) for word in wrong]) == 2
        assert told in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "options, told",
    [
        (["--format", "verilog", "--library", "asap7", "--registers"], "the circuit has none"),
        (["--format", "verilog", "--library", "asap7", "--registers", "--liberty", "x.lib"], "no flip-flops"),
        (["--format", "blif", "--library", "asap7"], "--library has no meaning for blif"),
        (["--format", "verilog", "--library", "asap7", "--pipeline", "2"], "--pipeline"),
        (["--format", "verilog", "--sta"], "--sta"),
    ],
)
def test_export_in_cells_refuses_what_has_no_meaning(capsys, blif, tmp_path, options, told):
    assert main(["export", str(blif), *options, "-o", str(tmp_path / "o.v")]) == 2
    assert told in capsys.readouterr().err
