"""Liberty files: parser, functions, figures worked out by hand, every refusal by its line."""

import gzip
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.cell_timing import path_delay
from compiler.ir.gates import make_gates
from compiler.passes.gates.cell_mapping import map_cells
from hw_models.characterise import characterise, load_library
from hw_models.liberty import LibertyError, function_table, parse_liberty, read_liberty
from hw_models.liberty_write import write_liberty

SLEWS, LOADS = (0.01, 0.05, 0.2), (0.001, 0.004, 0.02)


def table(name, value, *, axes=True, template="grid", turned=False):
    """A table group of value(slew, load); turned : load is the first axis."""
    outer, inner = (LOADS, SLEWS) if turned else (SLEWS, LOADS)
    rows = [", ".join(f"{value(*((y, x) if turned else (x, y))):.9g}" for y in inner) for x in outer]
    lines = [f"{name} ({'turned' if turned else template}) {{"]
    if axes:
        for k, axis in ((1, outer), (2, inner)):
            lines.append(f'index_{k} ("{", ".join(map(str, axis))}");')
    lines.append("values (" + ", \\\n  ".join(f'"{row}"' for row in rows) + "); }")
    return "\n".join(lines)


def arc(pin, rise, fall, *, kind="timing", when="", more="", **options):
    names = ("cell_rise", "cell_fall") if kind == "timing" else ("rise_power", "fall_power")
    condition = f'when : "{when}";' if when else ""
    tables = table(names[0], rise, **options) + table(names[1], fall, **options)
    return f'{kind} () {{ related_pin : "{pin}"; {condition} {tables} {more} }}'


def slews(rise, fall):
    return table("rise_transition", rise) + table("fall_transition", fall)


def pin(name, capacitance):
    return f"pin ({name}) {{ direction : input ; capacitance : {capacitance} ; }}"


NAND2 = f"""
cell (ND2) {{
  area : 3.5 /* no semicolon: many writers leave it out */
  cell_leakage_power : 2.5;
  {pin("A", 0.002)} {pin("B", 0.004)}
  pin (Y) {{
    direction : "output"; function : "!(A & B)";
    {
    arc(
        "A",
        lambda s, c: 0.01 + s / 4 + 3 * c,
        lambda s, c: 0.01 + c,
        more=slews(lambda s, c: 0.02 + s / 2 + 2 * c, lambda s, c: 0.01 + s / 2 + 2 * c),
    )
}
    {
    arc(
        "B",
        lambda s, c: 0.02 + c,
        lambda s, c: 0.002,
        axes=False,
        more=slews(lambda s, c: 0.02 + s / 2 + 2 * c, lambda s, c: 0.01 + s / 2 + 2 * c),
    )
}
    {arc("A", lambda s, c: 0.004 + c, lambda s, c: 0.001, kind="internal_power")}
    {arc("B", lambda s, c: 0.006, lambda s, c: 0.002, kind="internal_power", turned=True)}
  }}
}}
"""
INV = f"""
cell ("IV") {{ area : 2;
  leakage_power () {{ when : "A"; value : 1; }}
  leakage_power () {{ when : "!A"; value : 3; }}
  {pin("A", 0.003)}
  pin (Y) {{ direction : output; function : "A'"; {arc("A", lambda s, c: 0.005 + c, lambda s, c: 0)}
  {arc("A", lambda s, c: 0.002, lambda s, c: -0.001, kind="internal_power")} }} }}
"""
XOR2 = f"""
cell (XR2) {{ area : 8; cell_leakage_power : 4; {pin("A", 0.005)} {pin("B", 0.005)}
  pg_pin (VDD) {{ pg_type : primary_power; }} pg_pin (VSS) {{ pg_type : primary_ground; }}
  pin (Z) {{ direction : output; function : "A ^ B";
  {arc("A", lambda s, c: 0.03, lambda s, c: 0.04, when="B")}
  {arc("A", lambda s, c: 0.05 + s, lambda s, c: 0.04, when="!B")}
  {arc("B", lambda s, c: 0.01, lambda s, c: 0.01)}
  {arc("A", lambda s, c: 0.004, lambda s, c: 0.002, kind="internal_power", when="B")}
  {arc("A", lambda s, c: 0.008, lambda s, c: 0.002, kind="internal_power", when="!B")}
  {arc("B", lambda s, c: 0.006, lambda s, c: 0.002, kind="internal_power", more="related_pg_pin : VDD;")}
  {arc("B", lambda s, c: 9, lambda s, c: 9, kind="internal_power", more="related_pg_pin : VSS;")}
  }} }}
"""
LEFT_OUT = """
cell (DFF) { area : 9; ff (IQ, IQN) { next_state : "D"; } pin (D) { direction : input; } }
cell (TB) { area : 9; pin (A) { direction : input; }
  pin (Z) { direction : output; function : "A"; three_state : "B"; } }
cell (HA) { area : 9; pin (A) { direction : input; } pin (S) { direction : output; }
  pin (CO) { direction : output; } }
cell (BAD) { area : 9; dont_use : true; pin (A) { direction : input; }
  pin (Z) { direction : output; function : "A"; } }
cell (TIE) { area : 1; pin (Z) { direction : output; function : "1"; } }
cell (FILL) { area : 1; }
"""
HEAD = """/* a file
   of our own */
library (toy) {
  // units
  time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1nW";
  capacitive_load_unit (1, pf) ;
  nom_voltage : 1.0;
  define (odd_word, cell, float);
  power_lut_template (turned) { variable_1 : total_output_net_capacitance;
    variable_2 : input_transition_time; index_1 ("1, 2"); index_2 ("1, 2"); }
  lu_table_template (grid) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0.01, 0.05, 0.2"); index_2 ("0.001, 0.004, 0.02");
  }
"""


def toy(*cells, head=HEAD):
    return head + "".join(cells or (NAND2, INV, XOR2, LEFT_OUT)) + "}\n"


def read(text):
    return characterise((parse_liberty(text, "toy.lib"), "toy.lib"))


def test_figures_by_hand():
    library = read(toy())
    # load: the mean of 2 and 4 fF; slew: s = mean(.02, .01) + s / 2 + 2 load, so s = 42 ps
    assert library.load.value == pytest.approx(3e-15)
    assert library.slew.value == pytest.approx(42e-12)
    assert library.voltage.value == 1.0
    nand, inverter, xor = (library.cell(name) for name in ("ND2", "IV", "XR2"))
    assert (nand.table, nand.inputs, nand.area) == (14, ("A", "B"), 3.5)
    assert (inverter.table, xor.table) == (2, 6)
    # A: (4 + 3 + 1) / 2 fJ, B: (6 + 2) / 2 fJ; C V^2 / 2 = 1.5 fJ
    assert nand.energy == pytest.approx(5.5e-15)
    assert nand.leakage == pytest.approx(2.5e-9)
    assert nand.delay == pytest.approx((0.01 + 0.0105 + 0.009) * 1e-9)
    assert nand.slope == pytest.approx(3000.0)
    assert nand.capacitance == pytest.approx(3e-15)
    assert inverter.leakage == pytest.approx(2e-9)  # the mean of both states
    assert inverter.energy == pytest.approx((2.0 - 1.0) / 2 * 1e-15 + 1.5e-15)
    # A: mean of the conditions (4 + 2) / 2 and (8 + 2) / 2; B: the supply pin's share alone
    assert xor.energy == pytest.approx(((3 + 5) / 2 + 4) / 2 * 1e-15 + 1.5e-15)
    assert xor.delay == pytest.approx(92e-12)
    assert library.inverter is inverter and library.nand2 is nand


def test_a_cell_of_two_outputs_is_two_that_share_area_and_pins():
    adder = f"""
cell (HA) {{ area : 9; cell_leakage_power : 5; {pin("A", 0.005)} {pin("B", 0.003)}
  pin (S) {{ direction : output; function : "A ^ B"; {arc("A", lambda s, c: 0.03, lambda s, c: 0.04)} }}
  pin (CO) {{ direction : output; function : "A & B"; {arc("B", lambda s, c: 0.02, lambda s, c: 0.01)} }} }}
"""
    library = read(toy(NAND2, INV, adder))
    total, carry = (library.cell(f"HA/{output}") for output in ("S", "CO"))
    assert (total.table, carry.table) == (6, 1)
    assert (total.macro, total.output, carry.macro, carry.output) == ("HA", "S", "HA", "CO")
    assert total.inputs == carry.inputs == ("A", "B")
    assert total.area == carry.area == 9 and total.capacitance == pytest.approx(4e-15)
    assert (total.delay, carry.delay) == (pytest.approx(40e-12), pytest.approx(20e-12))


def test_what_is_written_is_read_again():
    library = read(toy())
    again = characterise((parse_liberty(write_liberty(library), "again.lib"), "again.lib"))
    for old, new in zip(library.cells, again.cells, strict=True):
        assert (old.name, old.inputs, old.table, old.output) == (new.name, new.inputs, new.table, new.output)
        for name in ("area", "energy", "leakage", "delay", "slope", "capacitance"):
            assert getattr(new, name) == pytest.approx(getattr(old, name), rel=1e-6), (old.name, name)
    assert again.slew.value == pytest.approx(library.slew.value)
    assert [c.name for c in read_some(library, ["IV"]).cells] == ["IV"]


def read_some(library, names):
    return characterise((parse_liberty(write_liberty(library, names), "some.lib"), "some.lib"))


def test_what_is_left_out_is_counted():
    library = read(toy())
    assert dict(library.skipped) == {
        "has state": 1,
        "has a third state": 1,
        "no function": 1,
        "dont_use": 1,
        "a constant": 1,
        "no output": 1,
    }
    assert [c.name for c in library.cells] == ["ND2", "IV", "XR2"]


def test_files_of_one_library_may_have_their_own_units():
    head = HEAD.replace('"1ns"', '"1ps"').replace("(1, pf)", "(1, ff)")
    inverter = INV.replace("0.003", "3")
    whole = read(toy(NAND2, INV))
    split = characterise(
        (parse_liberty(toy(NAND2), "a.lib"), "a.lib"),
        (parse_liberty(toy(inverter, head=head), "b.lib"), "b.lib"),
    )
    assert split.load.value == whole.load.value and split.slew.value == whole.slew.value
    assert split.cell("ND2") == whole.cell("ND2")
    assert split.cell("IV").capacitance == pytest.approx(whole.cell("IV").capacitance)
    # the same numbers in another unit are another delay: 5 of the second file's ps, and 3 fF of load
    assert split.cell("IV").delay == pytest.approx(3.005e-12)
    assert split.source.ref == "a.lib, b.lib"
    with pytest.raises(LibertyError, match=r"b\.lib, line 3: nom_voltage is 2 V, that of a\.lib 1 V"):
        characterise(
            (parse_liberty(toy(NAND2), "a.lib"), "a.lib"),
            (
                parse_liberty(toy(INV, head=HEAD.replace("nom_voltage : 1.0", "nom_voltage : 2.0")), "b"),
                "b.lib",
            ),
        )


def test_without_a_nand2_the_inverter_sets_load_and_slew():
    library = read(toy(INV))
    assert library.load.value == pytest.approx(3e-15)
    assert library.slew.value == 0.0


def test_units_scale_the_figures():
    head = HEAD.replace('"1ns"', '"1ps"').replace("(1, pf)", "(10, ff)").replace("1nW", "1pW")
    library = read(toy(head=head.replace("nom_voltage : 1.0", "nom_voltage : 2.0")))
    nand = library.cell("ND2")
    assert library.load.value == pytest.approx(3e-17)
    assert nand.delay == pytest.approx(29.5e-15)
    assert nand.leakage == pytest.approx(2.5e-12)
    assert nand.energy == pytest.approx(4e-3 * 1e-14 + 3e-17 * 4 / 2)


def test_missing_tables_leave_figures_out():
    bare = f"cell (BARE) {{ area : 1; {pin('A', 0.001)} pin (Y) {{ direction : output;"
    library = read(toy(NAND2, bare + ' function : "A"; } }'))
    cell = library.cell("BARE")
    assert (cell.energy, cell.leakage, cell.delay, cell.slope) == (None, None, None, None)
    assert "BARE delay" not in library.figures()
    assert library.figures()["BARE area"].source.kind == "code"
    assert library.figures()["ND2 energy"].source.kind == "derived"


def test_files_packed_or_not(tmp_path):
    plain, packed = tmp_path / "a.lib", tmp_path / "b.lib.gz"
    plain.write_text(toy())
    packed.write_bytes(gzip.compress(toy().encode()))
    a, b = load_library(plain), load_library(packed)
    assert a.cells == b.cells and a.name == "toy"
    damaged = tmp_path / "c.lib"
    damaged.write_bytes(packed.read_bytes()[:40])
    with pytest.raises(LibertyError, match=r"c\.lib: is a damaged gzip file"):
        load_library(damaged)
    with pytest.raises(LibertyError, match="is a folder"):
        read_liberty(tmp_path)
    damaged.write_bytes(b"library (x) {\0")
    with pytest.raises(LibertyError, match="line 1: is no text file"):
        load_library(damaged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[: t.index("cell (HA)") + 30], r"line \d+: the file ends within cell \(HA\)"),
        (lambda t: t.replace("library (toy)", "cell (toy)"), "line 3: a Liberty file must begin"),
        (lambda t: t.replace("library (toy) {", "library (toy) ;"), "line 3: `{` must follow"),
        (lambda t: t + "more", r"line \d+: 'more' stands after the library's end"),
        (lambda t: t.replace('time_unit : "1ns"', 'time_unit : "1ns'), "a string is not closed"),
        (lambda t: t.replace('"1nW"', '"1 apple"'), "line 3: unit '.*' is not understood"),
        (lambda t: t.replace("define (odd", "define odd"), "line 8: `:` or `\\(` must follow 'def"),
        (
            lambda t: t.replace("define (odd_word, cell, float);", "define (odd {"),
            "line 8: the parenthesis opened here is not closed",
        ),
        (lambda t: t.replace("nom_voltage : 1.0;", "nom_voltage :\n;"), "line 7: a value must follow"),
        (lambda t: t.replace("nom_voltage : 1.0;", ""), "must give nom_voltage"),
        (lambda t: t.replace("nom_voltage : 1.0", "nom_voltage : one"), "a number is expected, got"),
        (lambda t: t.replace("nom_voltage : 1.0", "nom_voltage : nan"), "a finite number is"),
        (lambda t: t.replace("capacitive_load_unit (1, pf) ;", ""), "must give capacitive_load_unit"),
        (lambda t: t.replace("!(A & B)", "!(A & )"), "cell ND2: function .* cannot be read"),
        (lambda t: t.replace('"A ^ B"', '"A ^ B)"'), "'\\)' is not expected"),
        (lambda t: t.replace('"A ^ B"', '"1"'), "cell XR2: function '1' reads no pin"),
        (lambda t: t.replace("cell (XR2)", "cell (ND2)"), "cell ND2 is described twice"),
        (
            lambda t: t.replace('index_1 ("0.01, 0.05, 0.2")', 'index_1 ("0.01, 0.05")'),
            "has 9 values for axes of",
        ),
        (
            lambda t: t.replace('index_1 ("0.01, 0.05, 0.2")', 'index_1 ("0.05, 0.01, 0.2")'),
            "index_1 must ascend",
        ),
        (
            lambda t: t.replace("variable_1 : input_net_transition", "variable_1 : weather"),
            "a table over 'weather' is not supported",
        ),
    ],
)
def test_malformed_files_are_refused_by_file_and_line(change, message):
    text = toy()
    changed = change(text)
    assert changed != text
    with pytest.raises(LibertyError, match=message) as error:
        read(changed)
    assert str(error.value).startswith("toy.lib, line ")
    assert "\n" not in str(error.value)


def test_a_library_without_nand2_or_inverter_is_refused():
    with pytest.raises(LibertyError, match=r"toy\.lib, line 3: no combinational cell is a NAND2"):
        read(toy(XOR2))


@pytest.mark.parametrize(
    ("text", "table_"),
    [
        ("!A", 0b1100),
        ("A'", 0b1100),
        ("A B", 0b0001),
        ("A*B", 0b0001),
        ("A+B", 0b0111),
        ("(A)(B)", 0b0001),
        ("!(A|B)'", 0b0111),
        ("A B' + A' B", 0b0110),
        ("A ^ B", 0b0110),
        ("A & B ^ B", 0b0000),
        ("A + B ^ 1", 0b1011),
        ("A ^ !B", 0b1001),
        ("0", 0),
        ("A !B", 0b10),
    ],
)
def test_functions(text, table_):
    assert function_table(text, ("A", "B")) == table_


@given(st.integers(0, 255))
def test_a_function_written_as_a_sum_of_products_is_read_back(table_):
    pins = ("x", "y[1]", "z_2")
    products = [
        " & ".join(p if row >> (2 - k) & 1 else f"!{p}" for k, p in enumerate(pins))
        for row in range(8)
        if table_ >> (7 - row) & 1
    ]
    assert function_table(" | ".join(f"({p})" for p in products) or "0", pins) == table_


@pytest.mark.parametrize("text", ["", "A &", "A B)", "(A", "A $ B", "&A", "A ^"])
def test_broken_functions(text):
    with pytest.raises(ValueError, match=r"not expected|too early|not closed"):
        function_table(text, ("A", "B"))


def test_arcs_of_every_pin_and_edge_by_hand():
    library = read(toy())
    nand, xor = library.cell("ND2").timing, library.cell("XR2").timing
    # a NAND2 falls with its inputs, by the function where the file gives no sense
    assert sorted((arc.pin, arc.rises) for arc in nand.arcs) == [
        (0, (0, 1)),
        (0, (1, 0)),
        (1, (0, 1)),
        (1, (1, 0)),
    ]
    rise = next(arc for arc in nand.arcs if (arc.pin, arc.rises) == (0, (0, 1)))
    assert rise.delay.at(40e-12, 5e-15) == pytest.approx((0.01 + 0.01 + 0.015) * 1e-9)
    assert rise.slew.at(40e-12, 5e-15) == pytest.approx((0.02 + 0.02 + 0.01) * 1e-9)
    assert nand.capacitance == pytest.approx(np.array([[2e-15] * 2, [4e-15] * 2]))
    assert xor is None  # its groups say nothing of transitions


def test_a_path_takes_slews_and_edges():
    """An and, NAND2 and inverter. The NAND2 rises 29.5 ps after A falls, with a slew of 47 ps, and falls
    13 ps after A rises, with 37 ps; then the inverter falls at 29.5 + 1 + 47 / 2 = 54 ps and rises at
    13 + 5 + 37 = 55 ps. Its one figure is 47 ps, at the library's slew, behind 29.5 ps.
    """
    tables = arc(
        "A", lambda s, c: 0.005 + s, lambda s, c: 0.001 + s / 2, more=slews(*[lambda s, c: 0.03] * 2)
    )
    inverter = f"""
cell (IV) {{ area : 2; cell_leakage_power : 1; {pin("A", 0.003)}
  pin (Y) {{ direction : output; function : "!A"; {tables}
  {arc("A", lambda s, c: 0.002, lambda s, c: 0.001, kind="internal_power")} }} }}
"""
    mapped = map_cells(make_gates(["a", "b"], [1], [0], [1], {"y": 2}), read(toy(NAND2, inverter)))
    assert mapped.names() == ["ND2", "IV"]
    assert path_delay(mapped) == pytest.approx(55e-12)
    single = tuple(replace(cell, timing=None) for cell in mapped.library.cells)
    mapped = replace(mapped, library=replace(mapped.library, cells=single))
    assert path_delay(mapped) == pytest.approx(76.5e-12)


def test_a_flip_flop_by_hand():
    """Clock: (6 + 2) fJ a period, the ground pin's share left out. A bit that changes: (1 + 3) / 2 of its
    data pin, (4 + 2) / 2 of the output, and 3 fF at 1 V. Setup is read at the slews of both pins.
    """
    supply, ground = (f"related_pg_pin : {pg};" for pg in ("VDD", "VSS"))
    power = arc("", lambda s, c: 0.006, lambda s, c: 0.002, kind="internal_power", more=supply)
    power += arc("", lambda s, c: 9, lambda s, c: 9, kind="internal_power", more=ground)
    setup = table("rise_constraint", lambda s, c: 0.02) + table("fall_constraint", lambda s, c: 0.01 + s)
    flipflop = f"""
cell (FF) {{ area : 12; cell_leakage_power : 7;
  pg_pin (VDD) {{ pg_type : primary_power; }} pg_pin (VSS) {{ pg_type : primary_ground; }}
  ff (IQ, IQN) {{ clocked_on : "CK"; next_state : "D"; }}
  pin (CK) {{ direction : input; capacitance : 0.002; {power} }}
  pin (D) {{ direction : input; capacitance : 0.001;
    timing () {{ related_pin : "CK"; timing_type : setup_rising; {setup} }}
    {arc("", lambda s, c: 0.001, lambda s, c: 0.003, kind="internal_power")} }}
  pin (Q) {{ direction : output; function : "IQ";
    {arc("CK", lambda s, c: 0.1 + c, lambda s, c: 0.09, more="timing_type : rising_edge;")}
    {arc("CK", lambda s, c: 0.004, lambda s, c: 0.002, kind="internal_power")} }} }}
"""
    found = read(toy(NAND2, INV, flipflop)).flipflop
    assert (found.name, found.area, found.leakage) == ("FF", 12, pytest.approx(7e-9))
    assert found.clock_energy == pytest.approx(8e-15)
    assert found.energy == pytest.approx((2 + 3 + 1.5) * 1e-15)
    assert (found.clock_capacitance, found.capacitance) == (pytest.approx(2e-15), pytest.approx(1e-15))
    assert found.delay == pytest.approx(103e-12)
    assert found.setup == pytest.approx(52e-12)
    assert read(toy(NAND2, INV)).flipflop is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.replace("area : 3.5", ""), "no area"),
        (lambda t: t.replace("!(A & B)", "!(A & C)"), "reads what is no input pin"),
        (lambda t: t.replace("area : 3.5", "is_isolation_cell : TRUE ; area : 3.5"), "is_isolation_cell"),
        (lambda t: t.replace("area : 3.5", "is_level_shifter : true ; area : 3.5"), "is_level_shifter"),
        (lambda t: t.replace("area : 3.5", "dont_use : True ; area : 3.5"), "dont_use"),
    ],
)
def test_one_unfit_cell_is_left_out_and_counted(change, reason, tmp_path):
    (tmp_path / "x.lib").write_text(toy())
    before = load_library(tmp_path / "x.lib")
    changed = change(toy())
    assert changed != toy()
    (tmp_path / "x.lib").write_text(changed)
    library = load_library(tmp_path / "x.lib")
    assert {c.name for c in before.cells} - {c.name for c in library.cells} == {"ND2"}
    assert library.skipped[reason] == before.skipped.get(reason, 0) + 1


def test_marks_comments_and_includes(tmp_path):
    text = toy().replace("area : 3.5", "area : 3.5/* um2 */")
    assert text != toy()
    (tmp_path / "x.lib").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert load_library(tmp_path / "x.lib").cell("ND2").area == 3.5
    (tmp_path / "x.lib").write_text(text.replace("nom_voltage", "include_file (a.lib) ; nom_voltage"))
    with pytest.raises(LibertyError, match=r"include_file \(a\.lib\) is not followed"):
        load_library(tmp_path / "x.lib")
