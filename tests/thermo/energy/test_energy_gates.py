"""What a circuit costs in cells: a full adder by hand, a small classifier, the command line."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from toys.cells import FOUR_CELLS

from compiler.cell_counts import cell_columns
from compiler.circuits.builder import Builder
from compiler.circuits.evaluate import evaluate_classes
from compiler.circuits.reference import net_values
from compiler.errors import UnsupportedError
from compiler.ir.cells import CellNetlist
from compiler.ir.container import save
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import XOR, ClassSums, make_gates
from compiler.passes.gates.cell_cuts import cut_circuit
from compiler.passes.gates.cell_mapping import map_cells
from compiler.passes.gates.lut_map import map_luts
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.constants import landauer
from hw_models.digital import network_energy
from hw_models.interval import Interval
from thermo.cli.console import plain
from thermo.cli.main import main
from thermo.data import DataError, Dataset
from thermo.energy.baselines import Baseline
from thermo.energy.circuit import circuit_designs
from thermo.energy.gate_samples import dataset_samples, random_samples, right_decisions, share_right
from thermo.energy.gates import estimate_gates, mapped_figures, mean_toggles, measure_glitches
from thermo.energy.ledger import bill, ratio
from thermo.energy.registers import registers
from thermo.report.gates import DEFINITIONS, gate_tables
from thermo.report.text import text_table

NANGATE = FOUR_CELLS
ALL = [CELL_LIBRARIES.get(name) for name in CELL_LIBRARIES.names()]


def full_adder():
    builder = Builder(["a", "b", "c"])
    half = builder.gate(XOR, 0, 2)
    total = builder.gate(XOR, 2 * half, 4)
    both, carried = builder.gate(14, 0, 2), builder.gate(14, 2 * half, 4)
    return builder.netlist({"sum": total, "carry": builder.gate(14, 2 * both, 2 * carried)})


# a b c, one after the other
SEQUENCE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool)


def test_energy_of_a_full_adder_by_hand():
    """Values of half, sum, nand(a, b), nand(half, c), carry along the sequence:

    000: 0 0 1 1 0   100: 1 1 1 1 0   110: 0 0 0 1 1   111: 0 1 0 1 1   011: 1 0 1 0 1
    changes: half 3, sum 4, nand(a, b) 2, nand(half, c) 1, carry 1; a 2, b 1, c 1; in 4 steps
    """
    subject = cut_circuit(full_adder())
    toggles = mean_toggles(subject.netlist, SEQUENCE)
    assert (4 * toggles).tolist() == [2, 1, 1, 3, 4, 2, 1, 1]
    mapped = map_cells(subject, NANGATE)
    seen = measure_glitches(mapped, SEQUENCE)
    figures = mapped_figures(mapped, toggles, seen)
    nand, xor = NANGATE.nand2, NANGATE.cell("XOR2_X1")
    half = 1.1**2 / 2
    both = xor.capacitance + nand.capacitance
    unit = NANGATE.load.value
    dynamic = (
        3 / 4 * (xor.energy + (both - unit) * half)
        + 4 / 4 * xor.energy
        + (2 + 1) / 4 * (nand.energy + (nand.capacitance - unit) * half)
        + 1 / 4 * nand.energy
    )
    assert figures.energy.dynamic == pytest.approx(dynamic, rel=1e-9)
    assert figures.energy.input_pins == pytest.approx((2 + 1 + 1) / 4 * both * half, rel=1e-9)
    assert figures.leakage_W == pytest.approx(2 * xor.leakage + 3 * nand.leakage)
    assert figures.energy.leakage == pytest.approx(figures.leakage_W * figures.delay_s)
    assert dict(figures.cells) == {"NAND2_X1": 3, "XOR2_X1": 2}
    assert figures.nand2_equivalents == pytest.approx(2 * 2 + 3)
    assert (figures.depth, figures.inverters) == (3, 0)
    assert figures.f_max_Hz == pytest.approx(1 / figures.delay_s)
    slow = mapped_figures(mapped, toggles, seen, 1e6)
    assert slow.latency_s == 1e-6
    assert slow.energy.leakage == pytest.approx(figures.leakage_W * 1e-6)
    assert slow.energy.dynamic == figures.energy.dynamic
    with pytest.raises(UnsupportedError, match="clock_Hz: 1e\\+05 MHz does not suit library nang"):
        mapped_figures(mapped, toggles, seen, 1e11)
    for clock in (0.0, -1e6, math.inf):
        with pytest.raises(UnsupportedError, match="clock_Hz: must be a number of MHz above 0"):
            mapped_figures(mapped, toggles, seen, clock)


def test_a_pulse_by_hand():
    """x and not x into an exclusive or: settled it rests at 1, with unit delay it falls and rises
    again each time x changes; an inverter is too fast for the library's xor to follow."""
    netlist = make_gates(["x"], [12, 6], [0, 0], [0, 1], {"y": 2})
    cells = CellNetlist(
        NANGATE,
        ("x",),
        ("y",),
        np.array([NANGATE.cells.index(c) for c in (NANGATE.inverter, NANGATE.cell("XOR2_X1"))], np.int32),
        np.array([0, 1, 3]),
        np.array([0, 0, 1], np.int32),
        np.array([2], np.int32),
        netlist,
        np.array([1, 2], np.int32),
        np.array([False, False]),
        np.arange(2, dtype=np.int32),
    )
    seen = measure_glitches(cells, np.array([[0], [1], [0]]))
    assert (seen.n_pairs, seen.settled, seen.unit, seen.library) == (2, 0.5, 1.5, 0.5)
    energy = cell_columns(cells).energy
    assert seen.unit_factor == pytest.approx((energy[0] + 2 * energy[1]) / energy[0])
    assert seen.library_factor == 1
    figures = mapped_figures(cells, np.array([1.0, 1.0, 0.0]), seen)
    assert figures.with_glitches == figures.energy.total
    assert figures.with_unit_glitches == pytest.approx(figures.energy.total + 2 * energy[1])


def test_toggles_are_those_of_the_slow_evaluator_and_depend_on_the_order():
    netlist = classifier()
    bits = np.random.default_rng(0).integers(0, 2, (150, netlist.n_inputs)).astype(bool)
    values = np.array([net_values(netlist, row) for row in bits])
    changes = (values[1:] != values[:-1]).mean(axis=0)
    np.testing.assert_allclose(mean_toggles(netlist, bits), changes, rtol=1e-12)
    # a twin that sorted its samples first would count fewer
    order = np.lexsort(bits.T)
    assert mean_toggles(netlist, bits[order]).sum() < 0.8 * changes.sum()
    with pytest.raises(DataError, match="two samples or more that follow each other, got 1"):
        mean_toggles(netlist, bits[:1])


def classifier(labels=("0", "1")):
    """Counts bits above .5: class 0 of the first three features, class 1 of the other two."""
    return make_gates(
        [f"x{k}" for k in range(5)],
        [1, 7, 6, 3, 12, 2],
        [0, 1, 3, 4, 2, 0],
        [1, 2, 4, 4, 0, 3],
        {},
        class_sums=ClassSums(np.array([5, 6, 2, 7, 8], dtype=np.int32), np.array([0, 3, 5]), 1.0, labels),
        encoder=Thermometer(5, np.arange(5, dtype=np.int32), np.full(5, 0.5)),
    )


def toy_data(n=400):
    x = np.random.default_rng(3).integers(0, 17, (n, 5)).astype(np.float32) / 16
    scores = evaluate_classes(classifier(), x > 0.5)
    y = scores.argmax(axis=1)
    y[: n // 10] = 1 - y[: n // 10]  # one in ten is wrong
    return Dataset("toy", x, y, x, y, x, y, n_classes=2, labels=("0", "1"))


def baseline(name, accuracy, sizes):
    return Baseline(name, sizes, accuracy, accuracy, network_energy(sizes))


BASELINES = (baseline("linear, int8", 0.85, (5, 2)), baseline("5-4-2 int8", 0.95, (5, 4, 2)))


def test_a_classifier_in_every_library():
    data = toy_data()
    samples = dataset_samples(classifier(), data, "test")
    got = estimate_gates(classifier(), samples, ALL, BASELINES, classes=data.labels)
    assert got.accuracy == pytest.approx(0.9)
    assert got.accuracy_sem == pytest.approx((0.9 * 0.1 / 400) ** 0.5)
    assert got.cheapest is not None and got.cheapest.name == "5-4-2 int8"
    assert (got.gates["declared"], got.gates["live"]) == (6, 4)
    assert got.gates["two_input"] == 3 and got.gates["buffers"] == 1
    assert got.gates["two_input_optimised"] == 3
    assert got.gates["two_input_with_head"] > 3
    # three functions of two inputs and two wires: one table each but for the wires
    assert got.gates["lut4_optimised"] == got.gates["lut6_optimised"] == 3
    # the decision is one bit of five inputs
    assert got.gates["lut6_with_head"] == 1 < got.gates["lut4_with_head"]
    assert got.depth["with_head"] > got.depth["optimised"] >= 1
    assert [e.library.name for e in got.libraries] == list(CELL_LIBRARIES.names())
    for entry in got.libraries:
        f = entry.whole
        areas = {cell.macro or cell.name: cell.area for cell in entry.library.cells}
        assert f.energy.total == f.energy.dynamic + f.energy.input_pins + f.energy.leakage
        assert f.area_um2 > entry.gates.area_um2 > 0
        assert f.area_um2 == pytest.approx(sum(n * areas[name] for name, n in f.cells.items()))
        assert got.gates[f"nand2_equivalents_with_head_{entry.library.name}"] == (
            f.area_um2 / entry.library.nand2.area
        )
        over = got.advantage[entry.library.name]
        ours = circuit_designs(got)[ALL.index(entry.library)]
        assert over.likely == pytest.approx(got.cheapest.energy.arithmetic / bill(ours).price.total)
        assert over.low < over.likely < over.high
    energies = [e.whole.energy.total for e in got.libraries]
    assert energies[1] > energies[2] > energies[0] > energies[3]  # 1.8, 1.2, 1.1 and 0.7 V


def test_designs_are_the_estimate_library_by_library():
    data = toy_data()
    samples = dataset_samples(classifier(), data, "test")
    got = estimate_gates(classifier(), samples, ALL, (), classes=data.labels)
    designs = circuit_designs(got)
    assert [d.node for d in designs] == ["45 nm", "130 nm", "130 nm", "7 nm"]
    for design, entry in zip(designs, got.libraries, strict=True):
        price = design.price(design.likely, None)
        assert price.total == pytest.approx(entry.everything["total"])
        model = next(name for name in design.figures if "glitches" in name)
        none, unit = (design.price({**design.likely, model: end}, None).total for end in (0.0, 2.0))
        assert none < price.total <= unit
        parts = (entry.whole, entry.encoder)
        steps = [p.energy.dynamic * (p.glitches.library_factor - 1) for p in parts]
        assert price.total - none == pytest.approx(sum(steps))
        held, encoder = entry.whole.registers, entry.encoder
        assert price.seconds == pytest.approx(entry.period_s)
        area = entry.whole.area_um2 + encoder.area_um2 + held.area_um2
        assert price.area_m2 == pytest.approx(area * 1e-12)
        static = entry.whole.leakage_W + encoder.leakage_W + held.leakage_W
        assert price.joules["leakage"] == pytest.approx(static * entry.period_s)
        assert price.joules["clock"] == pytest.approx(held.total)
        assert price.joules["encoder"] == pytest.approx(entry.everything["encoder"])
        bare = entry.gates
        without = bare.energy.dynamic * bare.glitches.library_factor + bare.energy.input_pins
        assert price.joules["physics"] == pytest.approx(without)
        assert design.right.mean() == got.accuracy
        # static power at a rate, switching not
        slow = design.price(design.likely, 1e3)
        assert slow.joules["leakage"] == pytest.approx(static * 1e-3)
        assert slow.joules["physics"] == price.joules["physics"]
    # libraries' doubts are their own, circuits in one library share theirs
    first, again = (bill(d) for d in (designs[0], circuit_designs(got, "again")[0]))
    assert ratio(first, again) == Interval(1.0, 1.0, 1.0)
    assert ratio(first, bill(designs[3])).low < 0.8 * ratio(first, bill(designs[3])).likely


def test_registers_by_hand():
    """A full adder's inputs and outputs: a flip-flop each, a clock period an answer."""
    subject = cut_circuit(full_adder())
    toggles = mean_toggles(subject.netlist, SEQUENCE)
    mapped = map_cells(subject, NANGATE)
    held, flipflop = registers(mapped, toggles), NANGATE.flipflop
    assert held.number == 3 + 2
    # a, b, c change 2, 1, 1 times in 4 answers, sum and carry 4 and 1 times
    inner = flipflop.energy - NANGATE.load.value * 1.1**2 / 2
    assert held.data_J == pytest.approx((2 + 1 + 1 + 4 + 1) / 4 * inner)
    pins = flipflop.clock_capacitance * 1.1**2
    assert held.clock_J == pytest.approx(5 * (flipflop.clock_energy + pins))
    assert held.tree_J == pytest.approx(5 * pins)
    assert held.delay_s == flipflop.delay + flipflop.setup
    assert registers(map_cells(subject, replace(NANGATE, flipflop=None)), toggles) is None


def test_data_beside_a_grid_have_no_encoder_of_gates():
    data = toy_data()
    rough = replace(data, x_test=np.random.default_rng(1).random(data.x_test.shape).astype(np.float32))
    got = [
        estimate_gates(classifier(), dataset_samples(classifier(), d, "test"), [NANGATE], ())
        for d in (data, rough)
    ]
    with_it, without = (e.libraries[0] for e in got)
    # above 8 of 0 to 16: b4 or (b3 and (b2 or b1 or b0)), four gates for each of five features
    assert sum(with_it.encoder.cells.values()) - with_it.encoder.inverters == 5 * 4
    assert without.encoder is None and "encoder" not in without.everything
    assert "the encoder that makes the input bits" in got[1].excluded
    assert got[0].excluded == ("wires", "memory")


def test_a_clocked_circuit_takes_its_clock():
    data = toy_data()
    samples = dataset_samples(classifier(), data, "test")
    got = estimate_gates(classifier(), samples, ALL[:1], (), classes=data.labels, clock_Hz=1e6)
    design = circuit_designs(got)[0]
    slower = {**design.likely, "nangate45 delay, of the tables'": 1.5}
    assert design.price(design.likely, None).seconds == design.price(slower, None).seconds == 1e-6


def test_json_has_the_keys_that_others_rely_on():
    data = toy_data()
    samples = dataset_samples(classifier(), data, "test")
    got = estimate_gates(classifier(), samples, ALL[:2], BASELINES, classes=data.labels)
    told = json.loads(json.dumps(plain(got.to_dict()), allow_nan=False))
    assert told["accuracy"] == pytest.approx(0.9) and told["n_samples"] == 400
    assert told["energy_J"]["total"] == pytest.approx(
        sum(v for k, v in told["energy_J"].items() if k != "total")
    )
    assert told["library"] == "nangate45"
    first = told["libraries"]["nangate45"]
    assert told["energy_J"] == first["energy_J"] and told["area_um2"] == first["area_um2"]
    assert told["latency_s"] == first["delay_s"] == pytest.approx(1 / told["f_max_Hz"])
    assert set(told["advantage"]) == {"nangate45", "sky130hd"}
    assert set(told["advantage"]["nangate45"]) == {"low", "likely", "high"}
    assert told["digital_baseline_J"] == pytest.approx(network_energy((5, 4, 2)).total)
    assert told["landauer_J"] == landauer()
    assert set(told["depth"]) == {"optimised", "with_head"}
    assert first["source"]["kind"] == "derived" and first["voltage"]["value"] == 1.1
    assert "wires" in told["excluded"]


def test_tables_name_every_definition():
    data = toy_data()
    samples = dataset_samples(classifier(), data, "test")
    got = estimate_gates(classifier(), samples, ALL, BASELINES, classes=data.labels)
    text = "\n".join(text_table(t) for t in gate_tables(got))
    counted = [name for name in got.gates if not name.startswith("nand2_equivalents")]
    assert all(name in DEFINITIONS and name in text for name in counted)
    for name in CELL_LIBRARIES.names():
        assert f"digital, weights wired / {name}" in text
    assert "90.00 ± 1.50 %" in text and "not counted: wires, memory" in text
    none = replace(got, cheapest=None, baselines=BASELINES[:1])
    assert "none of those tried is as accurate" in text_table(gate_tables(none)[-1])
    untried = gate_tables(estimate_gates(classifier(), samples, ALL[:1], classes=data.labels))
    assert not any("Digital designs" in text_table(t) for t in untried)
    assert estimate_gates(classifier(), samples, ALL[:1], BASELINES[:1]).advantage == {}


def test_labels_are_matched_by_name():
    data = toy_data()
    turned = classifier(("1", "0"))
    samples = dataset_samples(turned, data, "test")
    right, _ = share_right(right_decisions(turned, samples, data.labels))
    assert right == pytest.approx(0.1)
    assert share_right(right_decisions(turned, samples))[0] == pytest.approx(0.9)
    assert share_right(right_decisions(full_adder(), samples)) == (None, None)


def test_circuits_without_data_get_random_patterns():
    samples = random_samples(full_adder(), seed=4)
    assert samples.bits.shape == (10_000, 3) and samples.labels is None
    # each bit changes in half of the steps, within 5 standard errors
    changes = (samples.bits[1:] != samples.bits[:-1]).mean()
    assert abs(changes - 0.5) < 5 * 0.5 / np.sqrt(3 * 9_999)
    got = estimate_gates(full_adder(), samples, ALL)
    assert not got.has_head and got.accuracy is None and got.cheapest is None
    assert "two_input_with_head" not in got.gates and set(got.depth) == {"optimised"}
    assert got.libraries[0].whole == got.libraries[0].gates
    same = random_samples(full_adder(), seed=4).bits
    assert (same == samples.bits).all()
    assert not (random_samples(full_adder(), seed=5).bits == samples.bits).all()


def test_bits_are_taken_as_they_are_and_other_numbers_refused():
    data = toy_data()
    bits = replace(data, x_test=(data.x_test > 0.5).astype(np.float32))
    bare = replace(classifier(), encoder=None)
    samples = dataset_samples(bare, bits, "test")
    assert samples.bits.dtype == bool and (samples.bits == (data.x_test > 0.5)).all()
    with pytest.raises(DataError, match="has no encoder, so that data must be 0 and 1"):
        dataset_samples(bare, data, "test")
    with pytest.raises(DataError, match="toy has 5 values a sample; the circuit takes 3"):
        dataset_samples(full_adder(), data, "test")
    three = replace(data, n_classes=3)
    with pytest.raises(DataError, match="decides between 2 classes, data set toy has 3"):
        dataset_samples(classifier(), three, "test")


def test_a_library_that_lacks_a_figure_is_refused_by_name():
    cells = tuple(replace(c, energy=None) if c.table == 6 else c for c in NANGATE.cells)
    poor = replace(NANGATE, name="poor", cells=cells)
    samples = random_samples(full_adder())
    got = estimate_gates(full_adder(), samples, [poor, NANGATE])
    assert list(got.refused) == ["poor"]
    assert "library poor gives no energy of cell XOR2_X1" in got.refused["poor"]
    assert [e.library.name for e in got.libraries] == ["nangate45"]
    assert "no estimate because" in "\n".join(text_table(t) for t in gate_tables(got))
    with pytest.raises(UnsupportedError, match="poor gives no energy"):
        estimate_gates(full_adder(), samples, [poor], strict=True)
    only = estimate_gates(full_adder(), samples, [poor])
    assert only.to_dict()["energy_J"] is None and len(gate_tables(only)) == 3


def test_progress_is_told_and_stopped():
    told = []

    class Told:
        def start(self, total, label):
            told.append((total, label))

        def update(self, done, note=""):
            told.append(done)

        def stop(self):
            told.append("stop")

    estimate_gates(full_adder(), random_samples(full_adder()), ALL[:1], progress=Told())
    assert told == [(3, "estimate"), 1, 2, 3, "stop"]


# --- the command line --------------------------------------------------------------------------

LIBERTY = (
    """library (mine) {
  capacitive_load_unit (1, ff); nom_voltage : 1.0; leakage_power_unit : "1nW";
  lu_table_template (one) { variable_1 : total_output_net_capacitance; index_1 ("0, 100"); }
  power_lut_template (p) { variable_1 : total_output_net_capacitance; index_1 ("0, 100"); }
"""
    + "".join(
        f"""  cell ({name}) {{ area : {area}; cell_leakage_power : 1;
    {"".join(f"pin ({p}) {{ direction : input; capacitance : 2; }}" for p in pins)}
    pin (Y) {{ direction : output; function : "{function}";
      {
            "".join(
                f'''timing () {{ related_pin : "{p}";
        cell_rise (one) {{ values ("0.01, 0.11"); }} cell_fall (one) {{ values ("0.01, 0.11"); }}
      }} internal_power () {{ related_pin : "{p}"; rise_power (p) {{ values ("1, 1"); }} }}'''
                for p in pins
            )
        } }} }}
"""
        for name, area, pins, function in (
            ("IV", 1, "A", "!A"),
            ("ND", 2, "AB", "!(A B)"),
            ("XR", 5, "AB", "A ^ B"),
        )
    )
    + "  cell (FF) { ff (Q, QN) { } area : 9; }\n}\n"
)


@pytest.fixture
def adder(tmp_path):
    path = tmp_path / "adder.tnl"
    save(full_adder(), path)
    return path


def _fails(capsys, *arguments):
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert out == "" and len(lines) == 1, err
    return lines[0]


def test_estimate_with_a_liberty_file(capsys, adder, tmp_path):
    library = tmp_path / "my.lib"
    library.write_text(LIBERTY)
    assert main(["estimate", str(adder), "--library", str(library), "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert "3 cells used, 1 left out (1 has state)" in " ".join(err.split())
    mine = told["libraries"]["mine"]
    assert mine["cells"] == {"ND": 3, "XR": 2}
    assert mine["area_um2"] == 16 and mine["nand2_equivalents"] == 8
    # delays .012 and .002 more for the nets that drive two pins: XR, XR or XR, ND, ND
    assert mine["delay_s"] == pytest.approx((0.014 + 0.012 + 0.012) * 1e-9)
    assert told["manifest"]["library 0"]["path"] == str(library)
    assert main(["estimate", str(adder), "--library", str(library), "--library", "asap7"]) == 0
    text = capsys.readouterr().out
    assert "mine" in text and "asap7" in text and "nangate45" not in text


def test_cells_are_left_alone_and_libraries_put_together(capsys, adder, tmp_path):
    """Without the full adder an adder takes two XOR2 and three NAND2, without XOR2 two half
    adders; the toy library's exclusive or comes from a file of its own.
    """
    estimate = ("estimate", str(adder), "--json", "--library")

    def cells(*arguments):
        assert main([*estimate, *map(str, arguments)]) == 0
        return next(iter(json.loads(capsys.readouterr().out)["libraries"].values()))["cells"]

    assert cells("nangate45") == {"FA_X1": 1}
    left = [flag for name in ("FA_X1", "A[NO]*", "O*", "XN*") for flag in ("--dont-use", name)]
    assert cells("nangate45", *left) == {"NAND2_X1": 3, "XOR2_X1": 2}
    assert cells("nangate45", *left, "--dont-use", "X*")["HA_X1"] == 2
    cut = LIBERTY.index("cell (XR)")
    rest = LIBERTY.index("cell (", cut + 1)
    head = LIBERTY[: LIBERTY.index("cell (")]
    parts = [tmp_path / "a.lib", tmp_path / "b.lib"]
    parts[0].write_text(LIBERTY[:cut] + LIBERTY[rest:])
    parts[1].write_text(head + LIBERTY[cut:rest] + "}")
    assert cells(f"{parts[0]}+{parts[1]}") == {"ND": 3, "XR": 2}
    assert set(cells(parts[0])) == {"ND"}
    told = _fails(capsys, "estimate", adder, "--library", "nangate45", "--dont-use", "*")
    assert "--dont-use * leaves too little: library nangate45 has no cell with 1 input(s)" in told
    told = _fails(capsys, "estimate", adder, "--library", "nangate45", "--dont-use", "FA")
    assert "--dont-use FA: no cell of nangate45 is called that" in told


def test_estimate_refuses_what_it_cannot_use(capsys, adder, tmp_path):
    broken = tmp_path / "broken.lib"
    broken.write_text(LIBERTY[:-200])
    line = _fails(capsys, "estimate", adder, "--library", broken)
    assert str(broken) in line and ", line " in line
    assert "no cell library 'gf180'" in _fails(capsys, "estimate", adder, "--library", "gf180")
    twice = ("--library", "asap7", "--library", "asap7")
    assert "'asap7' was given before" in _fails(capsys, "estimate", adder, *twice)
    assert "no such file" in _fails(capsys, "estimate", adder, "--library", "missing.lib")
    told = _fails(capsys, "estimate", adder, "--library", "nangate45", "--clock", "1e6")
    assert "--clock: 1e+06 MHz does not suit library nangate45" in told
    told = _fails(capsys, "estimate", adder, "--library", "nangate45", "--clock", "-5")
    assert "--clock: must be a number of MHz above 0, got -5" in told
    bare = tmp_path / "bare.lib"
    bare.write_text(re.sub(r"area : [\d.]+;", "", LIBERTY))
    told = _fails(capsys, "estimate", adder, "--library", bare)
    assert "which load and slew are taken from; left out: " in told and " no area" in told


def test_two_corners_of_one_library_stand_side_by_side(capsys, adder, tmp_path):
    for name in ("slow", "fast"):
        (tmp_path / f"{name}.lib").write_text(LIBERTY)
    asked = [word for name in ("slow", "fast") for word in ("--library", tmp_path / f"{name}.lib")]
    assert main([str(word) for word in ("estimate", adder, *asked, "--no-digital", "--json")]) == 0
    first, second = json.loads(capsys.readouterr().out)["libraries"]
    assert second == f"{first} (fast.lib)"
    assert "was given before" in _fails(capsys, "estimate", adder, *asked, *asked[2:])
    assert "the circuit takes 3" in _fails(capsys, "estimate", adder, "--data", "digits")
    assert "--device does not apply to" in _fails(capsys, "estimate", adder, "--device", "rc-1pF")
    assert "--runs does not apply" in _fails(capsys, "estimate", adder, "--runs", "2")
    assert "objective 'x' is unknown" in _fails(capsys, "estimate", adder, "--objective", "x")
    assert "MHz does not suit" in _fails(capsys, "estimate", adder, "--library", "asap7", "--clock", "1e9")


def test_estimate_prints_all_libraries(capsys, adder):
    assert main(["estimate", str(adder), "--clock", "100"]) == 0
    text = capsys.readouterr().out
    for name in (*CELL_LIBRARIES.names(), "two_input_optimised", "NAND2 eq.", "f_max", "Landauer"):
        assert name in text
    assert text.count("10 ns") == len(CELL_LIBRARIES.names())


def test_the_fast_head_is_less_deep(capsys, tmp_path):
    wide = np.arange(40, dtype=np.int32)
    sums = ClassSums(wide, np.array([0, 20, 40]), 1.0)
    netlist = make_gates([f"x{k}" for k in range(40)], [], [], [], {}, class_sums=sums)
    samples = random_samples(netlist)
    small, fast = (estimate_gates(netlist, samples, ALL[:1], adder=adder) for adder in ("small", "fast"))
    assert fast.depth["with_head"] < small.depth["with_head"]
    assert fast.gates["two_input_with_head"] >= small.gates["two_input_with_head"]
    path = tmp_path / "wide.tnl"
    save(netlist, path)
    assert main(["estimate", str(path), "--library", "asap7", "--adder", "fast"]) == 0
    assert "with head" in capsys.readouterr().out
    assert "adder 'x' is unknown" in _fails(capsys, "estimate", path, "--adder", "x")


def test_show_tells_what_stands_around_the_gates(capsys, tmp_path):
    path = tmp_path / "c.tnl"
    save(classifier(), path)
    assert main(["show", str(path), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts["class_sums"] == {"classes": 2, "nets_of_the_largest": 3, "tau": 1.0}
    assert counts["encoder"] == {"features": 5, "features_read": 5, "thresholds": "absolute"}
    assert counts["most_readers_of_a_net"] == 3  # x0 is read by three gates, x2 by two and a sum
    assert main(["show", str(path)]) == 0
    assert "encoder: thresholds" in capsys.readouterr().out
    save(map_luts(classifier(), 4), path)  # the same of tables
    assert main(["show", str(path), "--json"]) == 0
    tables = json.loads(capsys.readouterr().out)["counts"]
    assert tables["tables"]["total"] > 0 and tables["most_readers_of_a_net"] >= 1
    assert {name: tables[name] for name in ("class_sums", "encoder")} == {
        name: counts[name] for name in ("class_sums", "encoder")
    }


def test_presets_show_cell_libraries(capsys):
    assert main(["presets", "--json"]) == 0
    assert "asap7" in json.loads(capsys.readouterr().out)["libraries"]
    assert main(["presets", "nangate45"]) == 0
    text = capsys.readouterr().out
    assert "NAND2_X1 energy" in text and "derived" in text and "check: NAND2_X1 energy" in text
    assert "rc-1fF, rc-1pF" in _fails(capsys, "presets", "nangate46")
