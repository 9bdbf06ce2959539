"""Adders of two outputs: found under any complement of operands, put back where the circuit had them."""

from dataclasses import replace

import numpy as np
import pytest
from toys.cells import FOUR_CELLS

from compiler.cell_counts import cell_area, cell_columns
from compiler.circuits.builder import Builder
from compiler.circuits.from_cells import cells_to_gates
from compiler.circuits.reference import net_values
from compiler.equivalence import check_equal
from compiler.errors import NetlistError
from compiler.ir.cells import verify_cells
from compiler.ir.gates import AND, OR, XOR
from compiler.passes.gates import cell_mapping
from compiler.passes.gates.cell_adders import adder_cells
from compiler.passes.gates.cell_mapping import map_cells
from hw_models.cells import Cell

NANGATE = FOUR_CELLS
AREA = 4.256


def with_adders(flipped=False, area=AREA):
    """nangate45 and adders of our own; flipped : pins show complements, as in some libraries"""
    full = [sum(f(row) << 7 - row for row in range(8)) for f in (parity, majority)]
    half = [6, 1]
    if flipped:
        full, half = [t ^ 255 for t in full], [t ^ 15 for t in half]
    cells = [
        Cell(f"FA/{out}", ("A", "B", "CI"), table, area, 4e-15, 5e-8, 8e-11, 2e3, 3e-15, out, "FA")
        for out, table in zip(("S", "CO"), full, strict=True)
    ]
    cells += [
        Cell(f"HA/{out}", ("A", "B"), table, 0.6 * area, 3e-15, 3e-8, 5e-11, 2e3, 3e-15, out, "HA")
        for out, table in zip(("S", "CO"), half, strict=True)
    ]
    return replace(NANGATE, cells=(*NANGATE.cells, *cells))


def parity(row):
    return row.bit_count() & 1


def majority(row):
    return int(row.bit_count() >= 2)


def counter(seed, n=15):
    """Ones among bits and complements of bits, by full and half adders."""
    rng = np.random.default_rng(seed)
    builder = Builder([f"x{k}" for k in range(n)])
    columns = [[2 * k + int(rng.integers(2)) for k in range(n)], [], [], [], []]
    shown = {}
    for place, column in enumerate(columns):
        while len(column) > 1:
            x, y, z = (column.pop(0) if column else None for _ in range(3))
            half, carry = 2 * builder.gate(XOR, x, y), 2 * builder.gate(AND, x, y)
            if z is not None:
                late = 2 * builder.gate(AND, half, z)
                half, carry = 2 * builder.gate(XOR, half, z), 2 * builder.gate(OR, carry, late)
            column.append(half)
            if place + 1 < len(columns):
                columns[place + 1].append(carry)
        if column:
            shown[f"y{place}"] = builder.copy(column[0]) if column[0] & 1 else column[0] >> 1
    return builder.netlist(shown)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_adders_are_found_and_the_function_stays(flipped, seed):
    netlist = counter(seed)
    library = with_adders(flipped)
    plain, mapped = (map_cells(netlist, library, adders=on) for on in (False, True))
    assert mapped.names().count("FA") >= 10
    assert cell_area(mapped) < 0.95 * cell_area(plain)
    assert check_equal(cells_to_gates(mapped), netlist).equal
    check_origins(mapped, seed)


def test_adders_that_show_complements_read_complements_in_turn(monkeypatch):
    """A full adder of complements shows complements, so that few inverters stand between adders."""
    netlist, library = counter(3, n=31), with_adders(flipped=True)
    mapped = map_cells(netlist, library)
    monkeypatch.setattr(cell_mapping, "choose_phases", lambda adders, cells, n_inputs: adders)
    plain = map_cells(netlist, library)
    inverters, before = (m.names().count("INV_X1") for m in (mapped, plain))
    assert mapped.names().count("FA") == plain.names().count("FA")
    assert inverters < 0.7 * before
    assert check_equal(cells_to_gates(mapped), netlist).equal


def check_origins(mapped, seed):
    """Every cell shows what it says it shows of its subject."""
    rng = np.random.default_rng(seed)
    for bits in rng.integers(0, 2, (20, mapped.n_inputs)).astype(bool):
        theirs = net_values(mapped.subject, bits)
        value = [int(v) for v in bits]
        for k, index in enumerate(mapped.cell.tolist()):
            row = 0
            for net in mapped.pins(k).tolist():
                row = 2 * row + value[net]
            value.append(mapped.library.cells[index].value(row))
            assert value[-1] == int(theirs[mapped.origin[k]]) ^ int(mapped.inverted[k])


def test_dear_adders_are_left_alone():
    netlist = counter(1)
    mapped = map_cells(netlist, with_adders(area=20.0))
    assert not {"FA", "HA"} & set(mapped.names())
    assert cell_area(mapped) == cell_area(map_cells(netlist, NANGATE))


def test_area_leakage_and_pins_of_an_adder_count_once():
    mapped = map_cells(counter(2, n=3), with_adders())
    assert mapped.names().count("FA") == 1 and mapped.n_cells == len(mapped.names()) + 1
    columns = cell_columns(mapped)
    adder = mapped.library.cell("FA/S")
    others = [mapped.library.cell(name) for name in mapped.names() if name != "FA"]
    assert columns.area.sum() == pytest.approx(adder.area + sum(c.area for c in others))
    assert columns.leakage.sum() == pytest.approx(adder.leakage + sum(c.leakage for c in others))
    # an input that only the adder reads, or an inverter before it
    assert max(columns.load[:3]) == pytest.approx(adder.capacitance)


def test_adder_cells_are_told_by_their_functions():
    found = adder_cells(with_adders(flipped=True))
    assert set(found) == {2, 3} and found[3].flipped_sum and found[3].flipped_carry
    assert adder_cells(NANGATE) == {}


def test_outputs_that_share_an_instance_must_be_one_cell():
    mapped = map_cells(counter(2, n=3), with_adders())
    wrong = replace(mapped, instance=np.zeros(mapped.n_cells, np.int32))
    with pytest.raises(NetlistError, match=r"shares instance 0, which is another cell|is an output that"):
        verify_cells(wrong)
