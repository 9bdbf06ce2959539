"""Mapped circuits as Verilog and Liberty, read back by OpenSTA and Yosys: delay, area, function."""

import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from compiler import opensta
from compiler.api import to_netlist
from compiler.cell_counts import cell_area
from compiler.cell_timing import path_delay
from compiler.circuits.builder import Builder
from compiler.circuits.from_cells import cells_to_gates
from compiler.equivalence import check_equal
from compiler.errors import UnsupportedError
from compiler.formats.circuits.cells_verilog import write_cells_verilog
from compiler.ir.gates import AND, XOR, ClassSums, make_gates
from compiler.mapped import best_mapping, shapes
from compiler.opensta import ask_opensta
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.characterise import load_library
from hw_models.liberty_write import write_liberty
from thermo.cli.main import main

OSU = Path("/usr/share/qflow/tech")
REAL = [OSU / name / f"{name}_stdcells.lib" for name in ("osu018", "osu035")]
needs_sta = pytest.mark.skipif(
    opensta.find_sta() is None, reason="OpenSTA (Debian: opensta) is not installed"
)


def needs(path):
    return pytest.mark.skipif(not path.exists(), reason=f"Debian's qflow-tech-{path.parent.name} is not here")


def ripple_adder(bits=12):
    builder = Builder([f"{v}{k}" for v in "ab" for k in range(bits)])
    carry, sums = None, {}
    for k in range(bits):
        x, y = 2 * k, 2 * (bits + k)
        half = 2 * builder.gate(XOR, x, y)
        both = 2 * builder.gate(AND, x, y)
        if carry is None:
            sums[f"s{k}"], carry = half >> 1, both
            continue
        sums[f"s{k}"] = builder.gate(XOR, half, carry)
        carry = 2 * builder.gate(14, both + 1, 2 * builder.gate(AND, half, carry) + 1)
    return builder.netlist({**sums, "carry": carry >> 1})


def counting_classifier():
    """Two classes of twenty nets, with popcounts and the decision."""
    rng = np.random.default_rng(5)
    n = 16
    op = rng.choice([1, 6, 7, 8, 14], 40)
    a, b = rng.integers(0, n, (2, 40))
    sums = ClassSums(np.arange(n, n + 40, dtype=np.int32), np.array([0, 20, 40]))
    return make_gates([f"x{k}" for k in range(n)], op, a, b, {}, class_sums=sums)


def multiplier(bits=5):
    """Rows of an array of full adders."""
    builder = Builder([f"{v}{k}" for v in "ab" for k in range(bits)])
    columns = [[] for _ in range(2 * bits)]
    for i in range(bits):
        for j in range(bits):
            columns[i + j].append(2 * builder.gate(AND, 2 * i, 2 * (bits + j)))
    shown = {}
    for place in range(2 * bits):
        column = columns[place]
        while len(column) > 1:
            x, y, z = (column.pop(0) if column else None for _ in range(3))
            half, both = 2 * builder.gate(XOR, x, y), 2 * builder.gate(AND, x, y)
            if z is not None:
                both = 2 * builder.gate(14, both + 1, 2 * builder.gate(AND, half, z) + 1)
                half = 2 * builder.gate(XOR, half, z)
            column.append(half)
            if place + 1 < 2 * bits:
                columns[place + 1].append(both)
        if column:
            shown[f"p{place}"] = column[0] >> 1
    return builder.netlist(shown)


def tree():
    """And, or and exclusive or in turn, fed by a net that many read."""
    builder = Builder([f"x{k}" for k in range(24)])
    level = [2 * builder.gate(AND, 0, 2 * k) for k in range(1, 24)]
    for op in (XOR, 7, XOR, AND, 7):
        level = [2 * builder.gate(op, x, y) for x, y in pairwise(level)]
    return builder.netlist({f"y{k}": x >> 1 for k, x in enumerate(level)})


CIRCUITS = {"adder": ripple_adder, "classifier": counting_classifier, "multiplier": multiplier, "tree": tree}


def mapped(name, library):
    return best_mapping(shapes(CIRCUITS[name]()), library)


def ours(circuit):
    return path_delay(circuit), cell_area(circuit)


@needs_sta
@pytest.mark.parametrize("library", ["nangate45", "asap7"])
@pytest.mark.parametrize("name", CIRCUITS)
def test_opensta_finds_our_delay_and_area(name, library):
    circuit = mapped(name, CELL_LIBRARIES.get(library))
    delay, area = ours(circuit)
    theirs = ask_opensta(circuit)
    assert theirs.area_um2 == pytest.approx(area, rel=1e-6)
    assert theirs.delay_s == pytest.approx(delay, rel=1e-3)  # one model on both sides


@needs_sta
@pytest.mark.parametrize("path", [pytest.param(p, marks=needs(p), id=p.parent.name) for p in REAL])
@pytest.mark.parametrize("name", CIRCUITS)
def test_slews_and_edges_of_a_real_library_are_those_of_opensta(name, path):
    library = load_library(path)
    circuit = mapped(name, library)
    delay, area = ours(circuit)
    theirs = ask_opensta(circuit, liberty=[path])
    assert theirs.area_um2 == pytest.approx(area, rel=1e-6)
    assert theirs.delay_s == pytest.approx(delay, rel=1e-3)
    # the file that is written of them says the same
    again = ask_opensta(circuit)
    assert (again.delay_s, again.area_um2) == pytest.approx((delay, area), rel=1e-3)
    # one figure a cell is within a seventh, not within a hundredth, and without loads it is off
    single, blind = (
        ours(replace(circuit, library=replace(library, cells=tuple(replace(c, **to) for c in library.cells))))
        for to in ({"timing": None}, {"timing": None, "slope": 0.0})
    )
    assert single[0] == pytest.approx(theirs.delay_s, rel=1 / 7)
    assert blind[0] < 0.9 * theirs.delay_s


@needs(REAL[0])
def test_a_delay_first_mapping_is_chosen_by_the_tables():
    library = load_library(REAL[0])
    made = shapes(counting_classifier())
    by_area, by_delay = (best_mapping(made, library, objective) for objective in ("area", "delay"))
    assert path_delay(by_delay) < path_delay(by_area)
    assert path_delay(by_delay) == min(path_delay(best_mapping([m], library, "delay")) for m in made)


@pytest.mark.skipif(not shutil.which("yosys"), reason="yosys is not installed")
@pytest.mark.parametrize("name", ["adder", "classifier"])
def test_yosys_reads_the_same_function_and_area(tmp_path, name):
    circuit = mapped(name, CELL_LIBRARIES.get("nangate45"))
    (tmp_path / "c.v").write_text(write_cells_verilog(circuit))
    (tmp_path / "c.lib").write_text(write_liberty(circuit.library))
    script = (
        "read_verilog c.v; read_liberty -lib c.lib; hierarchy -auto-top; stat -liberty c.lib; design -reset; "
    )
    script += "read_liberty c.lib; read_verilog c.v; hierarchy -auto-top; flatten; opt_clean; aigmap; "
    script += "write_aiger -symbols c.aig"
    done = subprocess.run(["yosys", "-p", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    line = next(x for x in done.stdout.splitlines() if "Chip area" in x)
    assert float(line.split()[-1]) == pytest.approx(cell_area(circuit), rel=1e-6)
    assert check_equal(cells_to_gates(circuit), to_netlist(tmp_path / "c.aig")).equal


def test_without_opensta_the_message_says_where_it_is_found(monkeypatch):
    monkeypatch.setattr(opensta, "PROGRAMS", ("no-such-program",))
    with pytest.raises(UnsupportedError, match="Debian's package is opensta, its program sta"):
        ask_opensta(mapped("tree", CELL_LIBRARIES.get("nangate45")))


def test_nothing_is_written_where_opensta_cannot_be_asked(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(opensta, "PROGRAMS", ("no-such-program",))
    (tmp_path / "t.eqn").write_text("INORDER = a b;\nOUTORDER = y;\ny = a * b;\n")
    command = ["export", f"{tmp_path}/t.eqn", "--format", "verilog", "--library", "nangate45", "--sta"]
    assert main([*command, "-o", f"{tmp_path}/t.v"]) == 2
    assert "OpenSTA is not installed" in capsys.readouterr().err and not (tmp_path / "t.v").exists()


@needs_sta
def test_ports_with_brackets_inside_their_names_are_timed():
    circuit = mapped("tree", CELL_LIBRARIES.get("nangate45"))
    odd = replace(circuit, input_names=tuple(f"y[{k}]_state" for k in range(circuit.n_inputs)))
    assert ask_opensta(odd) == ask_opensta(circuit) and ask_opensta(odd).delay_s > 0


@needs_sta
def test_a_file_of_other_cells_is_told(tmp_path):
    other = tmp_path / "other.lib"
    other.write_text(write_liberty(CELL_LIBRARIES.get("asap7")))
    with pytest.raises(UnsupportedError, match="OpenSTA gave no answer"):
        ask_opensta(mapped("tree", CELL_LIBRARIES.get("nangate45")), liberty=[other])


def test_outputs_that_share_a_net_and_constants_are_assigns():
    netlist = make_gates(["a", "b"], [1, 0], [0, 0], [1, 0], {"y": 2, "z": 2, "w": 0, "no": 3})
    text = write_cells_verilog(best_mapping(shapes(netlist), CELL_LIBRARIES.get("nangate45")))
    assert "  assign z = y;" in text and "  assign w = a;" in text and "  assign no = 1'b0;" in text


@pytest.mark.skipif(not shutil.which("yosys"), reason="yosys is not installed")
def test_an_output_called_like_an_input_gets_a_name_of_its_own(tmp_path):
    both = make_gates(["a", "b", "b_out"], [14, 1], [0, 3], [1, 2], {"a": 3, "b": 1, "y": 4})
    circuit = best_mapping(shapes(both), CELL_LIBRARIES.get("nangate45"))
    (tmp_path / "c.v").write_text(write_cells_verilog(circuit))
    assert (tmp_path / "c.v").read_text().startswith("// output a is called a_out: it is an input, too\n")
    (tmp_path / "c.lib").write_text(write_liberty(circuit.library))
    script = "read_liberty c.lib; read_verilog c.v; hierarchy -auto-top; flatten; opt_clean; aigmap; "
    done = subprocess.run(
        ["yosys", "-q", "-p", script + "write_aiger -symbols c.aig"], cwd=tmp_path, check=False
    )
    assert done.returncode == 0
    back = to_netlist(tmp_path / "c.aig")
    assert set(back.output_names) == {"a_out", "b_out_", "y"} and len(back.input_names) == 3
    renamed = replace(both, output_names=("a_out", "b_out_", "y"))
    assert check_equal(renamed, back).equal
