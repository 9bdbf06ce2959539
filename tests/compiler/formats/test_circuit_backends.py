"""Written circuits: they come back equal, and the tools they are written for read them."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.gates import every_op, random_circuit

from compiler.circuits.evaluate import evaluate
from compiler.circuits.reference import output_values
from compiler.counting import gate_counts
from compiler.equivalence import check_equal
from compiler.errors import UnsupportedError
from compiler.files import OutputError
from compiler.formats.circuits.circuits import FORMATS, read_circuit
from compiler.formats.circuits.export import export_circuit
from compiler.formats.circuits.verilog import parse_verilog
from compiler.ir.gates import make_gates

ENDINGS = {"verilog": "v", "blif": "blif", "aiger": "aig", "aiger-ascii": "aag", "bench": "bench"}


def _plain():
    return replace(every_op(), class_sums=None, encoder=None)


def _returned(netlist, format_, folder):
    path = folder / f"circuit.{ENDINGS[format_]}"
    export_circuit(netlist, format_, path)
    return read_circuit(path)


@pytest.mark.parametrize("format_", ENDINGS)
@given(seed=st.integers(0, 2**32), odd_names=st.booleans())
@settings(max_examples=40)
def test_round_trip(tmp_path_factory, format_, seed, odd_names):
    netlist = random_circuit(np.random.default_rng(seed))
    if odd_names:
        netlist = replace(netlist, input_names=("a[0]", "wire", "n7", "x.y", "o0_not", "6"))
    back = _returned(netlist, format_, tmp_path_factory.mktemp("circuit"))
    assert back.input_names == netlist.input_names
    assert back.output_names == netlist.output_names
    assert check_equal(netlist, back).equal


@pytest.mark.parametrize("format_", ENDINGS)
def test_every_op_comes_back(tmp_path, format_):
    back = _returned(replace(_plain(), output_names=_safe(_plain())), format_, tmp_path)
    assert check_equal(_plain(), back).equal


def _safe(netlist):
    return tuple(name.replace(" ", "_") for name in netlist.output_names)


def test_blif_and_verilog_keep_the_gates(tmp_path):
    netlist = replace(_plain(), output_names=_safe(_plain()))
    for format_ in ("blif", "verilog"):
        back = gate_counts(_returned(netlist, format_, tmp_path))["gates"]
        assert back["two_input"] == gate_counts(netlist)["gates"]["two_input"] == 10


def test_an_output_that_is_its_input():
    netlist = make_gates(["x", "y"], [], [], [], {"x": 0, "z": 1})
    assert ".outputs x z\n.names y z\n1 1\n" in FORMATS["blif"].write(netlist)
    assert b"i0 x" in FORMATS["aiger"].write(netlist)
    crossed = make_gates(["x", "y"], [], [], [], {"x": 1, "x_out": 0})
    text = FORMATS["verilog"].write(crossed)
    assert text.startswith("// output x is called x_out_: it is an input, too\n")
    back = parse_verilog(text)
    assert back.output_names == ("x_out_", "x_out") and output_values(back, (0, 1)) == [1, 0]
    assert "x_out_" in FORMATS["yosys-json"].write(crossed)
    for format_ in ("blif", "bench"):
        with pytest.raises(UnsupportedError, match="'x' is an input and an output"):
            FORMATS[format_].write(crossed)


KEYWORDS = "program type automatic checker bit byte soft global let with tagged priority unique0"


@pytest.mark.skipif(not shutil.which("iverilog"), reason="iverilog is not installed")
def test_keywords_of_systemverilog_are_escaped(tmp_path):
    names = KEYWORDS.split()
    netlist = make_gates(names, [], [], [], {f"{name}_y": k for k, name in enumerate(names)}, name="program")
    text = FORMATS["verilog"].write(netlist)
    assert text.startswith("module \\program  (")
    (tmp_path / "x.v").write_text(text)
    subprocess.run(["iverilog", "-g2012", "-o", "x", "x.v"], cwd=tmp_path, check=True)
    assert parse_verilog(text).input_names == tuple(names)


@pytest.mark.parametrize("format_", ENDINGS)
def test_names_that_a_format_cannot_hold(format_):
    name = "a\nb" if "aiger" in format_ else "a b"
    with pytest.raises(UnsupportedError, match=r"cannot hold the name 'a.*b'; rename the port"):
        FORMATS[format_].write(make_gates([name], [], [], [], {"y": 0}))


def test_what_is_refused(tmp_path):
    for format_ in FORMATS:
        if format_ not in ("verilog", "c"):
            with pytest.raises(UnsupportedError, match="class sums of this netlist cannot be writ"):
                FORMATS[format_].write(every_op())
    with pytest.raises(UnsupportedError, match="format 'edif' is unknown for a circuit; choices"):
        export_circuit(_plain(), "edif", tmp_path / "x")
    with pytest.raises(OutputError, match="cannot be written"):
        export_circuit(_plain(), "dot", tmp_path / "no" / "x.dot")
    with pytest.raises(UnsupportedError, match="without inputs"):
        FORMATS["bench"].write(make_gates([], [15], [0], [0], {"one": 0}))
    long = make_gates(["x"], [12] * 501, range(501), [0] * 501, {"y": 501})
    with pytest.raises(UnsupportedError, match="a drawing of 501 gates cannot be read"):
        FORMATS["dot"].write(long)


def test_dot_draws_every_edge():
    text = FORMATS["dot"].write(make_gates(["x", "y"], [2], [0], [1], {'say "z"': 2}))
    for line in ("0 -> 2;", "1 -> 2 [style=dashed];", "2 -> out0;", 'label="gt"', r'"say \"z\""'):
        assert line in text


def test_an_and_inverter_graph_takes_three_gates_for_an_xor():
    text = FORMATS["aiger-ascii"].write(make_gates(["x", "y"], [6, 9, 2], [0] * 3, [1] * 3, {"p": 2}))
    assert text.startswith(b"aag 6 2 0 1 4\n")


# --- the tools that read them ----------------------------------------------------------------


def _tool(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def _run(*arguments, folder):
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _circuit():
    """Skewed, with awkward names, constants and outputs that share a net."""
    netlist = random_circuit(np.random.default_rng(5), 6, 60, 12)
    return replace(netlist, input_names=("a[0]", "wire", "n7", "x.y", "o0_not", "in6"))


def test_iverilog_computes_the_same(tmp_path):
    _tool("iverilog")
    netlist = _circuit()
    export_circuit(netlist, "verilog", tmp_path / "circuit.v")
    ports = ["x[0]", "x[1]", "x[2]", "x[3]", "x[4]", "x[5]", *(f"y[{k}]" for k in range(12))]
    bench = f"""module bench; reg [5:0] x; wire [11:0] y; integer i;
      circuit dut ({", ".join(ports)});
      initial for (i = 0; i < 64; i = i + 1) begin x = i; #1 $display("%b", y); end
    endmodule"""
    (tmp_path / "bench.v").write_text(bench)
    _run("iverilog", "-Wall", "-o", "sim", "circuit.v", "bench.v", folder=tmp_path)
    rows = _run("vvp", "sim", folder=tmp_path).split()
    bits = (np.arange(64)[:, None] >> np.arange(6)) & 1
    expected = evaluate(netlist, bits)[:, ::-1]
    assert rows == ["".join(str(int(v)) for v in row) for row in expected]


def test_yosys_reads_the_verilog_and_we_read_what_it_writes(tmp_path):
    _tool("yosys")
    netlist = replace(_circuit(), input_names=tuple("abcdef"))
    export_circuit(netlist, "verilog", tmp_path / "circuit.v")
    script = "read_verilog circuit.v; prep; techmap; abc -g AND,OR,XOR; opt_clean; "
    script += "write_verilog back.v; aigmap; write_aiger -symbols back.aig"
    _run("yosys", "-q", "-p", script, folder=tmp_path)
    for name in ("back.aig", "back.v"):
        assert check_equal(netlist, read_circuit(tmp_path / name)).equal, name


@pytest.mark.parametrize("format_", ["blif", "aiger", "bench"])
def test_abc_proves_the_formats_equal(tmp_path, format_):
    abc = _tool("berkeley-abc")
    netlist = replace(_circuit(), input_names=tuple("abcdef"))
    export_circuit(netlist, "blif", tmp_path / "one.blif")
    export_circuit(netlist, format_, tmp_path / f"two.{ENDINGS[format_]}")
    script = f"cec one.blif two.{ENDINGS[format_]}"
    assert "are equivalent" in _run(abc, "-c", script, folder=tmp_path)


def test_abc_and_we_agree_on_a_difference(tmp_path):
    abc = _tool("berkeley-abc")
    a = make_gates(["x", "y"], [2], [0], [1], {"p": 2})
    b = make_gates(["x", "y"], [4], [0], [1], {"p": 2})
    export_circuit(a, "blif", tmp_path / "a.blif")
    export_circuit(b, "blif", tmp_path / "b.blif")
    assert "NOT EQUIVALENT" in _run(abc, "-c", "cec a.blif b.blif", folder=tmp_path)
    assert not check_equal(a, b).equal


def test_we_read_what_abc_writes(tmp_path):
    abc = _tool("berkeley-abc")
    netlist = replace(_circuit(), input_names=tuple("abcdef"))
    export_circuit(netlist, "aiger", tmp_path / "in.aig")
    script = "read in.aig; write back.aig; write_bench -l back.bench; write_blif back.blif; "
    script += "collapse; write_blif flat.blif"
    _run(abc, "-c", script, folder=tmp_path)
    for name in ("back.aig", "back.bench", "back.blif", "flat.blif"):
        assert check_equal(netlist, read_circuit(tmp_path / name)).equal, name
