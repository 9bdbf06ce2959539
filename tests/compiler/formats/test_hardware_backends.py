"""Verilog with registers and class sums, test benches, Yosys JSON, C, BLIF of tables: the tools
that read them find the values that our evaluator finds, and fail on a broken twin."""

import ctypes
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from toys.gates import every_op, random_circuit

from compiler.circuits.class_nets import expose_class_nets
from compiler.circuits.evaluate import all_patterns, evaluate, evaluate_classes, evaluate_words
from compiler.counting import gate_depth
from compiler.equivalence import check_equal
from compiler.errors import UnsupportedError
from compiler.formats.circuits.blif import parse_blif, write_blif
from compiler.formats.circuits.c import PART, write_c
from compiler.formats.circuits.circuits import FORMATS
from compiler.formats.circuits.export import ExportOptions, export_circuit
from compiler.formats.circuits.ports import Port, group_ports
from compiler.formats.circuits.testbench import write_testbench
from compiler.formats.circuits.verilog import parse_verilog
from compiler.formats.circuits.verilog_write import (
    VerilogOptions,
    cut_levels,
    verilog_interface,
    write_verilog,
)
from compiler.formats.circuits.yosys_json import write_yosys_json
from compiler.ir.gates import ClassSums, make_gates
from compiler.ir.luts import LutNetlist, evaluate_luts, verify_luts
from compiler.passes.gates.local import sweep_dead

AWKWARD = ("a[0]", "a[1]", "n7", "sum_0", "clk", "decision")
# classes of different sizes, one empty, nets counted twice
SUMS = ClassSums(
    np.random.default_rng(3).integers(0, 66, 90).astype(np.int32),
    np.array([0, 40, 40, 65, 89, 90]),
    3.0,
    ("zero", "one", "two", "three", "four"),
)


def _circuit(sums=False, seed=5):
    netlist = random_circuit(np.random.default_rng(seed), 6, 60, 7)
    netlist = replace(
        netlist, input_names=AWKWARD, output_names=("y[0]", "y[1]", "q", "z[0]", "z[1]", "z[2]", "w")
    )
    return replace(netlist, class_sums=SUMS) if sums else netlist


def _bits(n=40):
    return np.random.default_rng(1).integers(0, 2, (n, 6))


def _tool(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return name


def _run(*arguments, folder):
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=120)


def _simulated(verilog, bench, folder):
    """(exit code, output) of the test bench under Icarus Verilog, compiled without a warning."""
    _tool("iverilog")
    (folder / "net.v").write_text(verilog)
    (folder / "bench.v").write_text(bench)
    built = _run("iverilog", "-g2012", "-Wall", "-o", "sim", "net.v", "bench.v", folder=folder)
    assert built.returncode == 0 and not built.stdout + built.stderr, built.stdout + built.stderr
    done = _run("vvp", "sim", folder=folder)
    return done.returncode, done.stdout


# --- Verilog ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sums", [False, True])
@pytest.mark.parametrize("vectors", [False, True])
@pytest.mark.parametrize("pipeline", [0, 1, 3, 100])
def test_the_bench_passes(tmp_path, sums, vectors, pipeline):
    netlist, options = _circuit(sums), VerilogOptions(pipeline, vectors)
    bench = write_testbench(netlist, _bits(), options)
    code, said = _simulated(write_verilog(netlist, options), bench, tmp_path)
    assert (code, said) == (0, "PASS: all 40 samples agree\n")


BROKEN = [(kind, n) for kind in ("gate", "sum", "decision") for n in (0, 2)] + [("latency", 2)]


@pytest.mark.parametrize(("broken", "pipeline"), BROKEN)
def test_the_bench_fails_on_a_broken_twin(tmp_path, broken, pipeline):
    netlist, options = _circuit(True), VerilogOptions(pipeline)
    bench = write_testbench(netlist, _bits(), options)
    good = write_verilog(netlist, options)
    if broken == "gate":
        net = int(netlist.outputs[netlist.outputs >= 6][0])
        op = netlist.op.copy()
        op[net - 6] = 15 - op[net - 6]
        twin = write_verilog(replace(netlist, op=op), options)
    elif broken == "sum":
        twin = re.sub(r"(wire \[\d+:0\] \w+part0_0 = )", r"\1 1'b1 + ", good, count=1)
    elif broken == "decision":
        twin = good.replace(">=", "<")
    else:
        twin = write_verilog(netlist, VerilogOptions(pipeline + 1))
    assert twin != good
    code, said = _simulated(twin, bench, tmp_path)
    assert code != 0 and re.search(r"^FAIL: \d+ of 40 samples differ$", said, re.MULTILINE)
    assert "sample " in said and "expected" in said


def test_unknown_values_are_failures(tmp_path):
    netlist = make_gates(["x"], [3], [0], [0], {"y": 1})
    bench = write_testbench(netlist, np.array([[0], [1]]))
    code, said = _simulated("module circuit(input x, output y); endmodule\n", bench, tmp_path)
    assert code != 0 and "FAIL: 2 of 2 samples differ" in said


def test_a_tie_is_decided_for_the_first_class(tmp_path):
    sums = ClassSums(np.array([0, 1, 2], dtype=np.int32), np.arange(4), 1.0)
    netlist = make_gates(["x", "y", "z"], [], [], [], {}, class_sums=sums)
    bits = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    code, said = _simulated(write_verilog(netlist), write_testbench(netlist, bits), tmp_path)
    assert (code, said) == (0, "PASS: all 8 samples agree\n")


def test_latency_and_registers_follow_from_the_levels():
    netlist = _circuit()
    depth = gate_depth(netlist)
    for levels in (1, 2, 3, depth, 99):
        face = verilog_interface(netlist, VerilogOptions(levels))
        assert face.latency == -(-depth // levels) and face.clock == "clk_"
        with_sums = verilog_interface(_circuit(True), VerilogOptions(levels))
        assert with_sums.latency >= face.latency + 2
        stages = cut_levels(sweep_dead(netlist), levels)
        assert (stages.last >= stages.stage).all() and stages.stage.max() < stages.ranks
    assert f"latency {depth} clocks" in write_verilog(netlist, VerilogOptions(1))
    with pytest.raises(UnsupportedError, match="every 0 levels; give at least 1"):
        cut_levels(netlist, 0)


@pytest.mark.parametrize("vectors", [False, True])
def test_plain_verilog_comes_back(vectors):
    netlist = _circuit()
    back = parse_verilog(write_verilog(netlist, VerilogOptions(vectors=vectors)))
    assert check_equal(netlist, back).equal
    expected = tuple(f"x[{k}]" for k in range(6)) if vectors else AWKWARD
    assert back.input_names == expected


def test_numbered_names_become_vectors():
    def grouped(*names, others=()):
        return group_ports(names, others)

    assert grouped("x[0]", "x[1]", "y") == (Port("x", 2, True), Port("y"))
    assert grouped("x[0]") == (Port("x[0]"),)
    assert grouped("x[1]", "x[0]") == (Port("x[1]"), Port("x[0]"))
    assert grouped("x[0]", "x[1]", "x") == (Port("x[0]"), Port("x[1]"), Port("x"))
    assert grouped("x[0]", "x[1]", others=("x[2]",)) == (Port("x[0]"), Port("x[1]"))
    assert grouped("x[0]", "y", "x[1]") == (Port("x[0]"), Port("y"), Port("x[1]"))


def test_what_a_bench_refuses():
    with pytest.raises(UnsupportedError, match=r"samples of 6 bits, got .* shape \(4, 5\)"):
        write_testbench(_circuit(), np.zeros((4, 5)))
    with pytest.raises(UnsupportedError, match="samples of 6 bits"):
        write_testbench(_circuit(), np.zeros((0, 6)))
    with pytest.raises(UnsupportedError, match="has nothing to test"):
        write_testbench(make_gates(["x"], [], [], [], {}), np.zeros((1, 1)))


# --- Yosys -----------------------------------------------------------------------------------

MITER = (
    "read_json net.json; check -assert; rename {0} gold; read_verilog net.v; proc; "
    "rename {0} gate; miter -equiv -flatten -make_assert gold gate miter; hierarchy -top miter; "
    "sat -verify -prove-asserts miter"
)


@pytest.mark.parametrize("which", ["random", "every op", "broken"])
def test_yosys_proves_its_json_equal_to_the_verilog(tmp_path, which):
    _tool("yosys")
    netlist = _circuit()
    if which == "every op":
        plain = replace(every_op(), class_sums=None, encoder=None)
        netlist = replace(plain, output_names=tuple(n.replace(" ", "_") for n in plain.output_names))
    (tmp_path / "net.json").write_text(write_yosys_json(netlist))
    if which == "broken":
        op = netlist.op.copy()
        net = int(netlist.outputs[netlist.outputs >= 6][0])
        op[net - 6] = 15 - op[net - 6]
        netlist = replace(netlist, op=op)
    (tmp_path / "net.v").write_text(write_verilog(netlist))
    name = netlist.name or "circuit"
    done = _run("yosys", "-q", "-p", MITER.format(name), folder=tmp_path)
    assert (done.returncode == 0) == (which != "broken"), done.stdout + done.stderr


def test_yosys_reads_sums_and_registers(tmp_path):
    _tool("yosys")
    for options in (VerilogOptions(), VerilogOptions(2, True)):
        (tmp_path / "net.v").write_text(write_verilog(_circuit(True), options))
        script = "read_verilog net.v; hierarchy -auto-top; proc; opt; check -assert; stat"
        done = _run("yosys", "-p", script, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("$dff" in done.stdout) == bool(options.pipeline)


# --- C ---------------------------------------------------------------------------------------


def _compiled(source, folder):
    _tool("gcc")
    (folder / "net.c").write_text(source)
    flags = ["-std=c99", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-shared", "-fPIC"]
    done = _run("gcc", *flags, "-o", "net.so", "net.c", folder=folder)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "net.so"))


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def test_c_over_words(tmp_path):
    netlist = _circuit(True)
    library = _compiled(write_c(netlist), tmp_path)
    x = np.ascontiguousarray(all_patterns(6)[:, 0])
    y = np.zeros(netlist.roots.size, dtype=np.uint64)
    library.circuit_words(_pointer(x), _pointer(y))
    bits = (np.arange(64)[:, None] >> np.arange(6)) & 1
    got = (y[:, None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)).astype(bool).T
    np.testing.assert_array_equal(got[:, :7], evaluate(netlist, bits))


def test_c_in_parts(tmp_path):
    rng = np.random.default_rng(4)
    netlist = random_circuit(rng, 6, 5 * PART, 3 * PART)
    source = write_c(netlist)
    assert source.count("static void part") > 1
    library = _compiled(source, tmp_path)
    x = np.ascontiguousarray(all_patterns(6)[:, 0])
    y = np.zeros(netlist.roots.size, dtype=np.uint64)
    library.circuit_words(_pointer(x), _pointer(y))
    np.testing.assert_array_equal(y, evaluate_words(netlist, x[:, None])[:, 0])


@pytest.mark.parametrize("n", [1, 64, 150])
def test_c_counts_classes(tmp_path, n):
    netlist = _circuit(True)
    library = _compiled(write_c(netlist, harness=True), tmp_path)
    bits = np.ascontiguousarray(_bits(n), dtype=np.uint8)
    counts = np.full((n, 5), -1, dtype=np.int32)
    library.circuit_samples(_pointer(bits), ctypes.c_size_t(n), _pointer(counts))
    np.testing.assert_array_equal(counts, evaluate_classes(netlist, bits) * SUMS.tau)


@pytest.mark.parametrize("which", ["outputs", "constant"])
def test_c_without_classes(tmp_path, which):
    constant = make_gates([], [15], [0], [0], {"one": 0})
    netlist = constant if which == "constant" else _circuit()
    library = _compiled(write_c(netlist, harness=True), tmp_path)
    bits = np.ascontiguousarray(_bits(70)[:, : netlist.n_inputs], dtype=np.uint8)
    out = np.full((70, netlist.n_outputs), 7, dtype=np.uint8)
    library.circuit_samples(_pointer(bits), ctypes.c_size_t(70), _pointer(out))
    np.testing.assert_array_equal(out, evaluate(netlist, bits))


# --- BLIF of tables --------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 4, 6])
def test_blif_of_tables(tmp_path, k):
    netlist = _circuit()
    export_circuit(netlist, "blif", tmp_path / "net.blif", ExportOptions(luts=k))
    text = (tmp_path / "net.blif").read_text()
    widest = max(len(line.split()) - 2 for line in text.splitlines() if line.startswith(".names"))
    assert widest <= k and (k == 2 or widest > 2)
    assert check_equal(netlist, parse_blif(text)).equal


def test_any_table_is_written_right():
    """Tables of any width and any bits, constants among them, against the tables' own evaluator."""
    rng = np.random.default_rng(2)
    widths = np.array([0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 6])
    fanins = np.full((widths.size, 6), -1, dtype=np.int32)
    tables = []
    for t, width in enumerate(widths):
        fanins[t, :width] = rng.choice(6 + t, width, replace=False)
        tables.append(int.from_bytes(rng.bytes(8), "little") % (1 << (1 << int(width))))
    tables[:3] = [0, 1, 3]  # constants; a table of ones only
    shown = np.arange(6, 6 + widths.size, dtype=np.int32)
    netlist = LutNetlist(
        6,
        tuple("abcdef"),
        fanins,
        np.array(tables, dtype=np.uint64),
        tuple(f"o{k}" for k in range(shown.size)),
        shown,
    )
    verify_luts(netlist)
    words = all_patterns(6)
    bits = (np.arange(64)[:, None] >> np.arange(6)) & 1
    expected = evaluate_luts(netlist, words)[:, 0]
    got = evaluate(parse_blif(write_blif(netlist)), bits).T
    for k in range(shown.size):
        value = sum(int(bit) << s for s, bit in enumerate(got[k]))
        assert value == int(expected[k]), k


# --- heads and options -----------------------------------------------------------------------


def test_counted_nets_as_outputs():
    netlist = _circuit(True)
    plain = expose_class_nets(replace(netlist, output_names=("class0_0", *netlist.output_names[1:])))
    assert plain.class_sums is None and plain.output_names[7] == "class0_0_"
    assert plain.output_names[-1] == "class4_0" and plain.n_outputs == 7 + 90
    counted = evaluate(plain, _bits())[:, 7:]
    scores = np.stack(
        [counted[:, a:b].sum(axis=1) for a, b in zip(SUMS.indptr[:-1], SUMS.indptr[1:], strict=True)], axis=1
    )
    np.testing.assert_allclose(scores / SUMS.tau, evaluate_classes(netlist, _bits()))
    assert expose_class_nets(plain) is plain


@pytest.mark.parametrize(
    ("format_", "options", "flag"),
    [
        ("blif", ExportOptions(pipeline=2), "pipeline"),
        ("aiger", ExportOptions(vectors=True), "vectors"),
        ("verilog", ExportOptions(harness=True), "harness"),
        ("c", ExportOptions(luts=4), "luts"),
    ],
)
def test_options_that_a_format_ignores_are_refused(tmp_path, format_, options, flag):
    with pytest.raises(UnsupportedError, match=f"--{flag} has no meaning for {format_}"):
        export_circuit(_circuit(), format_, tmp_path / "x", options)


def test_every_format_writes_a_circuit_without_gates(tmp_path):
    netlist = make_gates(["x", "u"], [], [], [], {"y": 0, "z": 1, "v": 1})
    for format_ in FORMATS:
        export_circuit(netlist, format_, tmp_path / "out")
        assert (tmp_path / "out").stat().st_size > 0
