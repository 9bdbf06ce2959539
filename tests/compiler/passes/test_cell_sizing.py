"""Sizes, buffers and trees: the same functions, less delay by the tables, as little area as that allows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys.gates import random_circuit

from compiler.cell_counts import cell_area
from compiler.cell_timing import path_delay
from compiler.circuits.builder import Builder
from compiler.circuits.from_cells import cells_to_gates
from compiler.counting import gate_depth
from compiler.equivalence import check_equal
from compiler.errors import UnsupportedError
from compiler.ir.cells import verify_cells
from compiler.ir.gates import AND, XOR
from compiler.mapped import best_mapping, cell_shapes, shapes
from compiler.passes.gates.balance import balance
from compiler.passes.gates.cell_mapping import map_cells
from compiler.passes.gates.cell_sizing import (
    _buffered,
    _columns,
    _sized,
    _timed,
    _with_buffers,
    limit_fan_out,
    size_cells,
)
from compiler.passes.gates.sizing_kernels import LATER, arrivals, latest, needs, quicken, shrink
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.cells import leave_out
from hw_models.characterise import load_library

OSU = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
needs_osu = pytest.mark.skipif(not OSU.exists(), reason="Debian's qflow-tech-osu018 is not here")


def broad(readers=40):
    """One gate that many read, and a chain behind it: the readers have time."""
    builder = Builder([f"x{k}" for k in range(readers + 2)])
    net = 2 * builder.gate(AND, 0, 2)
    shown = {f"y{k}": builder.gate(AND, net, 2 * (k + 2)) for k in range(readers)}
    for k in range(8):
        net = 2 * builder.gate((AND, XOR)[k % 2], net, 2 * (k + 2))
    return builder.netlist({**shown, "late": net >> 1})


@needs_osu
@pytest.mark.parametrize("circuit", [broad(), random_circuit(np.random.default_rng(2), 12, 150, 6)])
def test_sizes_and_buffers_make_a_circuit_faster_and_nothing_else(circuit):
    library = load_library(OSU)
    plain = map_cells(circuit, library, objective="delay")
    sized = size_cells(plain)
    verify_cells(sized)
    assert check_equal(cells_to_gates(sized), circuit).equal
    assert path_delay(sized) < 0.95 * path_delay(plain)
    # no cell that is left can be smaller without making it slower
    tables = _columns(library)
    for k in range(0, sized.n_cells, 7):
        at = int(sized.cell[k])
        for other in tables.kin_of[tables.kin[at] : tables.kin[at + 1]].tolist():
            if library.cells[other].area < library.cells[at].area:
                cell = sized.cell.copy()
                cell[k] = other
                assert path_delay(replace(sized, cell=cell)) > path_delay(sized)


@needs_osu
def test_the_kernel_finds_the_arrivals_of_the_timing():
    library = load_library(OSU)
    mapped = map_cells(random_circuit(np.random.default_rng(4), 10, 120, 8), library, objective="delay")
    tables = _columns(library)
    for netlist in (mapped, _sized(mapped, tables), _buffered(mapped, tables)):
        t = _timed(netlist, tables)
        arrivals(t)
        assert latest(t) == pytest.approx(path_delay(netlist), rel=1e-12)
        pins = np.zeros((netlist.fanin.size, 2))
        needs(t, latest(t), pins)
        slack = (t.need - t.arrival)[t.need < LATER]
        assert slack.min() == pytest.approx(0, abs=1e-15)
        assert not pins[pins < t.need[t.fanin]].size  # a net is needed when its first reader needs it


@needs_osu
def test_trials_leave_the_timing_that_a_fresh_one_finds():
    library = load_library(OSU)
    mapped = map_cells(broad(), library, objective="delay")
    tables = _columns(library)
    t = _timed(mapped, tables)
    quicken(t, 10**6)
    shrink(t, latest(t), 10**6)
    assert (t.cell != mapped.cell).any()
    fresh = _timed(replace(mapped, cell=t.cell.astype(np.int32)), tables)
    arrivals(fresh)
    for column in ("load", "slew", "arrival"):
        assert getattr(t, column) == pytest.approx(getattr(fresh, column), rel=1e-9, abs=1e-24)


@needs_osu
def test_a_net_whose_readers_are_all_late_gets_buffers():
    builder = Builder([f"x{k}" for k in range(43)])
    net = 2 * builder.gate(XOR, 2 * builder.gate(XOR, 0, 2), 4)
    equal = builder.netlist({f"y{k}": builder.gate(AND, net, 2 * (k + 3)) for k in range(40)})
    mapped = map_cells(equal, load_library(OSU), objective="delay")
    found = _buffered(mapped, _columns(mapped.library))
    assert found.n_cells > mapped.n_cells and path_delay(found) < 0.8 * path_delay(mapped)
    assert check_equal(cells_to_gates(found), equal).equal


@needs_osu
def test_buffers_stand_behind_their_nets():
    library = load_library(OSU)
    mapped = map_cells(broad(), library)
    buffer = next(k for k, cell in enumerate(library.cells) if cell.name == "BUFX2")
    busy = int(np.bincount(mapped.fanin[mapped.fanin >= mapped.n_inputs]).argmax())
    places = np.flatnonzero(mapped.fanin == busy).tolist()
    found = _with_buffers(mapped, [(busy, buffer, places[1:])])
    verify_cells(found)
    assert found.n_cells == mapped.n_cells + 1 and (found.cell == buffer).sum() == 1
    assert check_equal(cells_to_gates(found), cells_to_gates(mapped)).equal


@needs_osu
@pytest.mark.parametrize("most", [2, 5])
def test_no_net_has_more_readers_than_asked_for(most):
    library = load_library(OSU)
    mapped = map_cells(broad(), library)
    nets = np.concatenate([mapped.fanin, mapped.roots])
    assert np.bincount(nets).max() > most
    found = limit_fan_out(mapped, most)
    assert np.bincount(np.concatenate([found.fanin, found.roots])).max() <= most
    assert check_equal(cells_to_gates(found), cells_to_gates(mapped)).equal
    assert limit_fan_out(mapped, 1000) is mapped
    with pytest.raises(UnsupportedError, match="allow 2 or more"):
        limit_fan_out(mapped, 1)
    with pytest.raises(UnsupportedError, match="no buffer"):
        limit_fan_out(replace(mapped, library=leave_out([library], ["BUF*", "CLKBUF*"])[0]), most)


@needs_osu
def test_cells_of_two_outputs_are_parted_whole():
    library = load_library(OSU)
    builder = Builder([f"x{k}" for k in range(9)])
    total = {}
    for k in range(1, 8):  # full adders that all read input 0
        half = 2 * builder.gate(XOR, 0, 2 * k)
        total[f"s{k}"] = builder.gate(XOR, half, 2 * k + 2)
        carries = 2 * builder.gate(AND, 0, 2 * k), 2 * builder.gate(AND, half, 2 * k + 2)
        total[f"c{k}"] = builder.gate(7, *carries)
    mapped = map_cells(builder.netlist(total), library)
    assert not mapped.first.all()
    found = limit_fan_out(mapped, 3)
    pins = np.repeat(found.first, np.diff(found.indptr))
    assert np.bincount(np.concatenate([found.fanin[pins], found.roots])).max() == 3
    assert check_equal(cells_to_gates(found), cells_to_gates(mapped)).equal


def test_cells_of_one_figure_are_left_alone():
    mapped = map_cells(broad(), CELL_LIBRARIES.get("nangate45"), objective="delay")
    assert size_cells(mapped) is mapped


@needs_osu
def test_more_shapes_are_never_worse():
    library = load_library(OSU)
    circuit = random_circuit(np.random.default_rng(9), 12, 120, 6)
    few, many = shapes(circuit), cell_shapes(circuit)
    assert all(check_equal(circuit, shape).equal for shape in many)
    assert cell_area(best_mapping(many, library)) <= cell_area(best_mapping(few, library))
    by_delay = [path_delay(best_mapping(made, library, "delay")) for made in (many, few)]
    assert by_delay[0] <= by_delay[1]


@pytest.mark.parametrize("op", [AND, 7, XOR])
def test_a_chain_becomes_a_tree(op):
    builder = Builder([f"x{k}" for k in range(16)])
    net = 0
    for k in range(1, 16):
        net = 2 * builder.gate(op, net, 2 * k)
    chain = builder.netlist({"y": net >> 1})
    tree = balance(chain)
    assert (gate_depth(chain), gate_depth(tree)) == (15, 4)
    assert check_equal(chain, tree).equal


@pytest.mark.parametrize("seed", range(8))
def test_balanced_circuits_are_equal_and_no_deeper(seed):
    circuit = random_circuit(np.random.default_rng(seed), 8, 60, 6, sums=seed % 2 == 0)
    found = balance(circuit)
    assert check_equal(circuit, found).equal
    assert gate_depth(found) <= gate_depth(circuit)
