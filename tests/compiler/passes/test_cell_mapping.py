"""Mapping to cells keeps every function, uses what a library has, and counts what it uses."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.cells import FOUR_CELLS
from toys.gates import circuits_folder, random_circuit

from compiler import check_equal, compile
from compiler.cell_counts import cell_area, cell_columns, longest_path
from compiler.circuits.builder import Builder
from compiler.circuits.evaluate import all_patterns, evaluate_words
from compiler.circuits.from_cells import cells_to_gates
from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.cells import CONSTANT_0, CONSTANT_1, verify_cells
from compiler.ir.gates import OR, TWO_INPUT, XOR, make_gates
from compiler.passes.gates import cell_mapping
from compiler.passes.gates.cell_cuts import FULL, cut_circuit
from compiler.passes.gates.cell_mapping import map_cells
from compiler.passes.gates.cell_matches import find_matches
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.cells import Cell
from hw_models.errors import HardwareError
from hw_models.liberty import function_table

NANGATE = FOUR_CELLS


def cell(name, function, area, delay, pins="A B C D"):
    inputs = tuple(p for p in pins.split() if p in function)
    return Cell(name, inputs, function_table(function, inputs), area, 1e-15, 1e-9, delay, 1.0, 1e-15)


# skewed on purpose: areas and delays pull in different directions
RICH = replace(
    NANGATE,
    name="rich",
    cells=(
        cell("INV", "!A", 1.0, 1e-12),
        cell("NAND2", "!(A & B)", 2.0, 2e-12),
        cell("NAND2_fast", "!(A & B)", 2.5, 1.5e-12),
        cell("NOR2", "!(A + B)", 2.1, 3e-12),
        cell("ANDNOT", "A & !B", 2.6, 4e-12),
        cell("XNOR2", "!(A ^ B)", 4.5, 6e-12),
        cell("NAND3", "!(A B C)", 3.0, 3e-12),
        cell("AOI21", "!(A B + C)", 2.9, 3e-12),
        cell("MUX", "A C + B C'", 5.0, 5e-12),
        cell("AOI22", "!(A B + C D)", 3.8, 4e-12),
        cell("useless", "A & B & C & !C", 0.1, 1e-13),
    ),
    checks={},
)


def only(*names):
    """The rich library with these cells alone."""
    return replace(RICH, name="+".join(names), cells=tuple(c for c in RICH.cells if c.name in names))


LIBRARIES = {n: CELL_LIBRARIES.get(n) for n in CELL_LIBRARIES.names()} | {
    "rich": RICH,
    "nand": only("INV", "NAND2"),
    "nor": only("INV", "NOR2"),
    "and-not": only("INV", "ANDNOT", "MUX"),
}


def dense(seed, n_inputs=6, n_gates=60, n_outputs=20):
    """Gates that all depend on two different nets, so that few of them fold away."""
    rng = np.random.default_rng(seed)
    pairs = [rng.choice(n_inputs + k, 2, replace=False) for k in range(n_gates)]
    op = rng.choice(np.flatnonzero(TWO_INPUT), n_gates)
    nets = rng.choice(n_inputs + n_gates, n_outputs, replace=False)
    return make_gates(
        [f"i{k}" for k in range(n_inputs)],
        op,
        [p[0] for p in pairs],
        [p[1] for p in pairs],
        {f"o{k}": int(net) for k, net in enumerate(nets)},
    )


def agree(netlist, mapped):
    """Whether every root shows the same on all input patterns."""
    words = all_patterns(netlist.n_inputs)
    gates = cells_to_gates(mapped)
    return bool(
        (evaluate_words(netlist, words, netlist.roots) == evaluate_words(gates, words, gates.outputs)).all()
    )


@pytest.mark.parametrize("objective", ["area", "delay"])
@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())
@given(seed=st.integers(0, 10_000), n_gates=st.integers(0, 60))
def test_every_root_keeps_its_function(library, objective, seed, n_gates):
    if seed % 2:
        netlist = dense(seed, 6, n_gates, 5)
    else:
        netlist = random_circuit(np.random.default_rng(seed), 6, n_gates, 5, sums=True)
    mapped = map_cells(netlist, library, objective=objective)
    assert agree(netlist, mapped)
    assert mapped.roots.size == netlist.roots.size
    # a cell shows the net it says it shows
    words = all_patterns(6)
    gates = cells_to_gates(
        replace(mapped, roots=6 + np.arange(mapped.n_cells, dtype=np.int32), output_names=())
    )
    shown = evaluate_words(gates, words, gates.outputs)
    origin = evaluate_words(mapped.subject, words, mapped.origin)
    assert (shown == np.where(mapped.inverted[:, None], ~origin, origin)).all()


def test_xor_takes_the_area_of_four_nands_where_there_is_no_xor():
    xor = make_gates(["a", "b"], [XOR], [0], [1], {"y": 2})
    mapped = map_cells(xor, only("INV", "NAND2"))
    assert cell_area(mapped) == 4 * RICH.nand2.area
    assert agree(xor, mapped)


def test_a_library_without_and_is_refused():
    with pytest.raises(HardwareError, match="no cell that computes and, or, nand or nor"):
        map_cells(dense(1), only("INV", "XNOR2", "MUX"))


def test_a_wrong_cell_is_seen():
    """The comparison above can fail: the same netlist with one cell exchanged."""
    netlist = dense(5)
    mapped = map_cells(netlist, NANGATE)
    names = [c.name for c in NANGATE.cells]
    nand, nor = names.index("NAND2_X1"), names.index("NOR2_X1")
    assert (mapped.cell == nand).sum() > 3
    exchanged = mapped.cell.copy()
    exchanged[np.flatnonzero(exchanged == nand)[-1]] = nor
    assert not agree(netlist, replace(mapped, cell=exchanged))


@pytest.mark.parametrize("op", range(16))
def test_all_functions_of_two_inputs(op):
    netlist = make_gates(["a", "b"], [op], [0], [1], {"y": 2})
    for library in LIBRARIES.values():
        assert agree(netlist, map_cells(netlist, library))
    # the least area there is with inverter .532, NAND2 and NOR2 .798, XOR2 1.596
    least = {
        0: 0,
        15: 0,
        3: 0,
        5: 0,
        12: 1,
        10: 1,
        14: 1.5,
        8: 1.5,
        6: 3,
        9: 4,
        1: 2.5,
        7: 2.5,
        2: 2.5,
        4: 2.5,
        11: 2.5,
        13: 2.5,
    }
    assert cell_area(map_cells(netlist, NANGATE)) == pytest.approx(0.532 * least[op])


def built(make, n=4):
    builder = Builder([f"i{k}" for k in range(n)])
    return builder.netlist({"y": make(builder)})


@pytest.mark.parametrize(
    ("make", "cells"),
    [
        # not (a b or c), with c complemented: one AOI21 behind an inverter
        (lambda b: b.gate(8, 2 * b.gate(1, 0, 2), 5), {"AOI21": 1, "INV": 1}),
        (lambda b: b.gate(8, 2 * b.gate(1, 4, 6), 2 * b.gate(1, 0, 2)), {"AOI22": 1}),
        (lambda b: b.gate(14, 2 * b.gate(1, 0, 2), 4), {"NAND3": 1}),
        (lambda b: b.choose(2, 6, 0), {"MUX": 1}),
        (lambda b: b.gate(XOR, 0, 2), {"XNOR2": 1, "INV": 1}),
        (lambda b: b.gate(2, 0, 2), {"ANDNOT": 1}),
    ],
)
def test_cells_of_more_inputs_are_found_under_permutation_and_negation(make, cells):
    mapped = map_cells(built(make), RICH)
    names = [RICH.cells[k].name for k in mapped.cell.tolist()]
    assert {name: names.count(name) for name in names} == cells
    assert agree(built(make), mapped)


def test_constants_and_wires_need_no_cell():
    netlist = make_gates(
        ["a", "b"],
        [0, 15, 3, 6, 12],
        [0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
        {"zero": 2, "one": 3, "copy": 4, "same": 5, "not": 6, "in": 1},
    )
    mapped = map_cells(netlist, NANGATE)
    assert mapped.roots.tolist() == [CONSTANT_0, CONSTANT_1, 0, CONSTANT_0, 2, 1]
    assert mapped.n_cells == 1 and agree(netlist, mapped)
    empty = map_cells(make_gates(["a"], [], [], [], {"y": 0}), NANGATE)
    assert empty.n_cells == 0 and longest_path(empty, np.zeros(0)) == 0.0
    assert cell_columns(empty).area.size == 0


def test_delay_first_is_no_slower_and_area_first_no_larger():
    """Of area only all together: both modes search, and one circuit may go either way."""
    fast = {c.name: c.delay for c in RICH.cells}
    won, areas = 0, np.zeros(2)
    for seed in range(20):
        subject = cut_circuit(dense(seed, 8, 80, 10))
        by_area, by_delay = (map_cells(subject, RICH, objective=o) for o in ("area", "delay"))
        paths = [
            longest_path(m, np.array([fast[RICH.cells[k].name] for k in m.cell.tolist()]))
            for m in (by_area, by_delay)
        ]
        assert paths[1] <= paths[0] * (1 + 1e-9)
        won += paths[1] < paths[0]
        areas += cell_area(by_area), cell_area(by_delay)
    assert won > 10 and areas[0] < areas[1]


def test_delay_first_saves_exact_area_where_there_is_time(monkeypatch):
    areas, paths = [], []
    for rounds in (0, 2):
        monkeypatch.setattr(cell_mapping, "EXACT_ROUNDS", rounds)
        made = [map_cells(dense(seed, 8, 80, 10), RICH, objective="delay") for seed in range(8)]
        areas.append(sum(cell_area(one) for one in made))
        paths.append([longest_path(one, np.array([RICH.cells[k].delay for k in one.cell])) for one in made])
    assert paths[1] == pytest.approx(paths[0], rel=1e-9)
    assert areas[1] < areas[0]


def test_figures_of_a_full_adder_by_hand():
    """sum = (a ^ b) ^ c, carry = ab | c (a ^ b): two XOR2 and three NAND2 in nangate45."""
    builder = Builder(["a", "b", "c"])
    half = builder.gate(XOR, 0, 2)
    total = builder.gate(XOR, 2 * half, 4)
    carry = builder.gate(OR, 2 * builder.gate(1, 0, 2), 2 * builder.gate(1, 2 * half, 4))
    mapped = map_cells(builder.netlist({"sum": total, "carry": carry}), NANGATE)
    names = [NANGATE.cells[k].name for k in mapped.cell.tolist()]
    assert sorted(names) == ["NAND2_X1"] * 3 + ["XOR2_X1"] * 2
    assert cell_area(mapped) == pytest.approx(2 * 1.596 + 3 * 0.798)
    columns = cell_columns(mapped)
    nand, xor = NANGATE.cell("NAND2_X1"), NANGATE.cell("XOR2_X1")
    # a and b feed an XOR2 and a NAND2 each, c too
    assert columns.load[:3] == pytest.approx(xor.capacitance + nand.capacitance)
    half_load = xor.capacitance + nand.capacitance
    first = names.index("XOR2_X1")
    assert columns.load[3 + first] == pytest.approx(half_load)
    beyond = half_load - NANGATE.load.value
    assert columns.energy[first] == pytest.approx(xor.energy + beyond * 1.1**2 / 2)
    assert columns.delay[first] == pytest.approx(xor.delay + beyond * xor.slope)
    # outputs drive one NAND2 input each, which is the library's load
    assert columns.delay[int(mapped.roots[0]) - 3] == pytest.approx(xor.delay, rel=1e-3)
    path = longest_path(mapped, columns.delay)
    assert path == pytest.approx(xor.delay + beyond * xor.slope + xor.delay, rel=1e-3)
    assert longest_path(mapped, np.ones(mapped.n_cells)) == 3
    assert columns.leakage.sum() == pytest.approx(2 * xor.leakage + 3 * nand.leakage)


def test_matches_compute_the_table_they_are_listed_for():
    matches = find_matches(RICH, True)
    checked = 0
    for table in np.flatnonzero(np.diff(matches.start)).tolist():
        for m in range(matches.start[table], matches.start[table + 1]):
            one = RICH.cells[matches.cell[m]]
            for row in range(16):
                pins = [
                    (row ^ int(matches.negated[m])) >> int(matches.leaf[m, k]) & 1
                    for k in range(one.n_inputs)
                ]
                assert one.value(int("".join(map(str, pins)), 2)) == table >> row & 1
            checked += 1
    assert checked > 50
    used = {RICH.cells[k].name for k in matches.cell.tolist()}
    assert "NAND2_fast" in used and "useless" not in used
    assert "NAND2_fast" not in {RICH.cells[k].name for k in find_matches(RICH, False).cell.tolist()}


def test_cuts_have_the_functions_they_say():
    netlist = dense(11)
    subject = cut_circuit(netlist)
    assert subject.netlist.n_gates > 30
    nets = np.arange(subject.netlist.n_nets)
    values = evaluate_words(subject.netlist, all_patterns(6), nets)[:, 0]
    seen = 0
    for net in range(6, subject.netlist.n_nets):
        for c in range(int(subject.count[net])):
            leaves = subject.leaves[net, c, : subject.size[net, c]].tolist()
            assert all(x < y for x, y in pairwise(leaves)) and leaves[-1] < net
            index = sum(
                ((values[x] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)) << np.uint64(i)
                for i, x in enumerate(leaves)
            )
            table = int(subject.table[net, c])
            assert 0 < table < FULL
            want = sum(((table >> int(k)) & 1) << s for s, k in enumerate(index))
            assert want == int(values[net])
            seen += 1
    assert seen > 100


def test_refusals():
    netlist = make_gates(["a", "b"], [6], [0], [1], {"y": 2})
    with pytest.raises(NetlistError, match="objective 'power' is unknown; choose one of area"):
        map_cells(netlist, NANGATE, objective="power")
    no_inverter = replace(NANGATE, cells=NANGATE.cells[1:])
    with pytest.raises(HardwareError, match="mapping needs at least an inverter"):
        map_cells(netlist, no_inverter)
    mapped = map_cells(netlist, NANGATE)
    unknown = tuple(replace(c, energy=None) for c in NANGATE.cells)
    with pytest.raises(UnsupportedError, match="nangate45 gives no energy of cell XOR2_X1"):
        cell_columns(replace(mapped, library=replace(NANGATE, cells=unknown)))
    with pytest.raises(NetlistError, match="is number 9 of a library"):
        verify_cells(replace(mapped, cell=np.array([9], dtype=np.int32)))
    with pytest.raises(NetlistError, match="reads net 2; it must read earlier nets, 0 to 1"):
        verify_cells(replace(mapped, fanin=np.array([0, 2], dtype=np.int32)))
    with pytest.raises(NetlistError, match=r"reads 2 nets; it has 1 pins"):
        verify_cells(replace(mapped, cell=np.array([0], dtype=np.int32)))
    with pytest.raises(NetlistError, match="indptr must count the pins"):
        verify_cells(replace(mapped, indptr=np.array([0, 1])))
    with pytest.raises(NetlistError, match="root shows net 7, which does not exist"):
        verify_cells(replace(mapped, roots=np.array([7], dtype=np.int32)))


@pytest.mark.parametrize("name", ["c499.bench", "c3540.bench"])
def test_public_circuits_are_proved_equal_after_mapping(name):
    netlist = compile(circuits_folder() / "iscas85" / name)
    for objective in ("area", "delay"):
        mapped = map_cells(netlist, NANGATE, objective=objective)
        assert check_equal(netlist, cells_to_gates(mapped)).equal
