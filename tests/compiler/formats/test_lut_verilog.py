"""Verilog of table instances: Icarus Verilog, with the primitives as their maker describes them."""

import shutil
import subprocess
from itertools import product

import numpy as np
import pytest

from compiler.circuits.from_tables import circuit_of
from compiler.circuits.reference import output_values
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.export import ExportOptions, export_circuit
from compiler.formats.circuits.lut_verilog import write_lut_verilog
from compiler.formats.circuits.testbench import write_testbench
from compiler.formats.circuits.verilog import parse_verilog
from compiler.ir.gates import NONE, ClassSums
from compiler.ir.luts import LutNetlist, verify_luts
from compiler.passes.gates.lut_map import map_luts


def primitives() -> str:
    """LUT1 to LUT6: O = INIT[{I5, ..., I0}]."""
    made = []
    for k in range(1, 7):
        pins = [f"I{i}" for i in range(k)]
        made.append(
            f"module LUT{k} #(parameter [{(1 << k) - 1}:0] INIT = 0) (output O, input {', '.join(pins)});\n"
            f"  assign O = INIT[{{{', '.join(reversed(pins))}}}];\nendmodule\n"
        )
    return "".join(made)


def circuit(**more) -> LutNetlist:
    """Tables of every width; an output that is an input, and one called like an input it does not show."""
    rng = np.random.default_rng(0)
    names = ("a[0]", "a[1]", "a[2]", "odd$", "n4", "wire", "z")
    n, m = len(names), 24
    fanins, table = np.full((m, 6), NONE, np.int32), np.zeros(m, np.uint64)
    for t in range(m):
        width = t % 7
        fanins[t, :width] = rng.choice(n + t, width, replace=False)
        table[t] = int(rng.integers(0, 2**64, dtype=np.uint64)) & ((1 << (1 << width)) - 1)
    outputs = np.concatenate([[6, n + 3], np.arange(n, n + m)]).astype(np.int32)
    shown = ("z", "out", *(f"y[{t}]" for t in range(m)))
    netlist = LutNetlist(6, names, fanins, table, shown, outputs, **more)
    verify_luts(netlist)
    return netlist


def run(text: str, bench: str, folder) -> str:
    for name, content in (("net.v", text), ("luts.v", primitives()), ("bench.v", bench)):
        (folder / name).write_text(content)
    tool = ["iverilog", "-g2012", "-o", "sim", "net.v", "luts.v", "bench.v"]
    built = subprocess.run(tool, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return subprocess.run(["vvp", "sim"], cwd=folder, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog")
def test_instances_compute_the_tables(tmp_path):
    netlist = circuit()
    bits = np.random.default_rng(1).integers(0, 2, (128, netlist.n_inputs), dtype=np.uint8)
    bench = write_testbench(circuit_of(netlist), bits)
    text = write_lut_verilog(netlist)
    assert run(text, bench, tmp_path) == "PASS: all 128 samples agree\n"
    wrong = text.replace("LUT3 #(.INIT(8'h", "LUT3 #(.INIT(~8'h", 1)
    assert "PASS" not in run(wrong, bench, tmp_path)


def test_export_maps_gates_or_keeps_tables(tmp_path):
    netlist = circuit()
    gates = circuit_of(netlist)
    for source, luts, count in (
        (netlist, 6, int((netlist.widths > 0).sum())),
        (gates, 4, int((map_luts(gates, 4).widths > 0).sum())),
        (netlist, 4, int((map_luts(gates, 4).widths > 0).sum())),
    ):
        export_circuit(source, "verilog", tmp_path / "n.v", ExportOptions(luts=luts))
        assert (tmp_path / "n.v").read_text().count(" #(.INIT(") == count


def test_what_instances_do_not_hold_is_refused(tmp_path):
    sums = ClassSums(np.array([8, 9], np.int32), np.array([0, 1, 2], np.int64), 1.0)
    with pytest.raises(UnsupportedError, match=r"write the counted nets \(--head nets\)"):
        write_lut_verilog(circuit(class_sums=sums))
    with pytest.raises(UnsupportedError, match="neither registers nor vectors"):
        export_circuit(circuit_of(circuit()), "verilog", tmp_path / "n.v", ExportOptions(luts=4, pipeline=1))


def same(netlist, back) -> bool:
    """On all patterns; outputs by position."""
    bits = np.array(list(product((0, 1), repeat=netlist.n_inputs)), dtype=np.uint8)
    assert back.input_names == netlist.input_names
    gates = circuit_of(netlist)
    return all(output_values(gates, row) == output_values(back, row) for row in bits.tolist())


def test_instances_are_read_back():
    netlist = circuit()
    text = write_lut_verilog(netlist)
    assert same(netlist, parse_verilog(text))
    assert not same(netlist, parse_verilog(text.replace("LUT3 #(.INIT(8'h", "LUT3 #(.INIT(~8'h", 1)))


@pytest.mark.parametrize(
    "instance",
    [
        "SB_LUT4 #(.LUT_INIT(16'hd0d0)) t (.I0(a), .I1(1'b0), .I2(b), .I3(c), .O(y));",
        "LUT4 #(.INIT(16'hd0d0)) t (.A(a), .B(1'b0), .C(b), .D(c), .Z(y));",
        "LUT4 #(.INIT(16'hd0d0)) t (.I0(a), .I1(1'b0), .I2(b), .I3(c), .O(y));",
    ],
)
def test_primitives_of_each_maker_are_read(instance):
    netlist = parse_verilog(f"module t(input a, b, c, output y); {instance} endmodule")
    for a, b, c in product((0, 1), repeat=3):
        assert output_values(netlist, (a, b, c)) == [0xD0D0 >> (a + 4 * b + 8 * c) & 1]


def test_tables_that_say_too_little_are_refused():
    start = "module t(input a, b, output y); "
    for instance, message in (
        ("LUT2 t (.I0(a), .I1(b), .O(y));", r"needs its table, \.INIT"),
        ("LUT2 #(.INIT(4'h8), .X(1)) t (.I0(a), .I1(b), .O(y));", r"needs its table, \.INIT"),
        ("LUT2 #(.INIT({3'b0, a})) t (.I0(a), .I1(b), .O(y));", "INIT of 't' is no constant"),
        ("LUT2 #(.INIT(4'h8)) t (.I0(a), .O(y));", "pin 'I1' of 't' is open"),
        ("LUT2 #(.INIT(4'h8)) t (y, a, b);", "connects pins by order"),
        ("LUT2 #(.INIT(4'h8)) t (.I0(a), .I2(b), .O(y));", "has no port 'I2'"),
    ):
        with pytest.raises(FormatError, match=message):
            parse_verilog(f"{start}{instance} endmodule")
