"""The digital designs that are always tried: strong, kept, and the cheapest is really the cheapest."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.circuits.evaluate import evaluate
from compiler.circuits.hardwired import hard_wire
from compiler.passes.gates.heads import read_words
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.digital import DIGITAL_NODES
from thermo.data import Dataset, load_dataset
from thermo.energy import digital
from thermo.energy.baselines import cheapest
from thermo.energy.compare import tabulate
from thermo.energy.ledger import bill
from thermo.energy.measured import MeasuredDesign
from thermo.energy.wired import Recipe, measure_wired, train_recipe
from thermo.progress import NullProgress
from thermo.training.integer import whole_inputs

BOTH = tuple(CELL_LIBRARIES.get(name) for name in digital.LIBRARIES)
FEW = (Recipe((), "ternary", 1), Recipe((), "powers", 3), Recipe((16,), "binary", 1, 2))


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def linear(digits):
    return measure_wired(digits, Recipe((), "rounded int8", 16), "test", BOTH)


@pytest.fixture
def few(monkeypatch, tmp_path):
    """A short list, with a cache of our own."""
    monkeypatch.setattr(digital, "recipes", lambda dataset: FEW)
    monkeypatch.setattr(digital, "gate_widths", lambda dataset: ())
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    return tmp_path


def test_the_hard_wired_int8_classifier_of_the_digits(digits, linear):
    """96.1 % at no more than 73 pJ in nangate45 and 5.9 pJ in asap7, settled toggles; glitches beside."""
    assert linear.accuracy == pytest.approx(0.961, abs=0.005)
    joules = {name: figures.energy.total for name, figures in linear.whole.items()}
    assert joules["nangate45"] < 73e-12 and joules["asap7"] < 5.9e-12
    for figures in linear.whole.values():
        assert figures.energy.total < figures.with_glitches < figures.with_unit_glitches
    network = train_recipe(digits, Recipe((), "rounded int8", 16))
    assert np.abs(network.weights[0]).max() == 127


def test_the_circuit_decides_what_was_counted_as_right(digits, linear):
    network = train_recipe(digits, Recipe((), "rounded int8", 16))
    circuit = hard_wire(network)
    bits = network.input_patterns(whole_inputs(digits.x_test, 16))
    decided = read_words(evaluate(circuit, bits), circuit.output_names, "class")
    assert np.array_equal(decided == digits.y_test, linear.right)


def test_designs_of_a_measured_one(linear):
    designs = linear.designs()
    assert [(d.node, d.family) for d in designs] == [
        ("45 nm", "hard-wired"),
        ("7 nm", "hard-wired"),
        ("45 nm", "digital"),
        ("7 nm", "digital"),
    ]
    assert len({d.name for d in designs}) == 4
    for design in designs:
        assert design.accuracy == linear.accuracy and np.array_equal(design.right, linear.right)
    wired, _, streaming, _ = (d.price(d.likely, None) for d in designs)
    figures = linear.whole["nangate45"]
    held = figures.registers
    static = held.leakage_W * wired.seconds + figures.leakage_W * held.delay_s
    assert wired.total == pytest.approx(figures.with_glitches + held.total + static)
    add, multiply = (getattr(DIGITAL_NODES.get("45 nm"), name).value for name in ("add", "multiply"))
    # activations of 5 bits, weights of 8 with their sign, 64 of them: sums of 18 bits
    assert streaming.total == pytest.approx(640 * (multiply * 5 / 8 + add * 18 / 8))
    assert designs[0].parameters is None and designs[2].parameters.number == 640


def test_what_is_kept_is_what_was_measured(linear):
    again = MeasuredDesign.from_text(linear.to_text())
    assert again.whole == linear.whole and again.gates == linear.gates
    assert np.array_equal(again.right, linear.right)
    for field in ("name", "sizes", "precision", "input_bits", "split"):
        assert getattr(again, field) == getattr(linear, field)
    prices = [[d.price(d.likely, 1e6).joules for d in m.designs()] for m in (linear, again)]
    assert prices[0] == prices[1]


def test_an_interrupted_run_goes_on_where_it_stopped(digits, few, monkeypatch):
    asked = []

    def counted(dataset, recipe, split, libraries):
        asked.append(recipe)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return measure_wired(dataset, recipe, split, libraries)

    monkeypatch.setattr(digital, "measure_wired", counted)
    with pytest.raises(KeyboardInterrupt):
        digital.measured_designs(digits)
    assert asked == list(FEW)
    first = digital.measured_designs(digits)
    assert asked == [*FEW, FEW[2]]  # the third alone
    assert [m.name for m in digital.measured_designs(digits)] == [m.name for m in first]
    assert len(asked) == 4
    # a damaged file is measured anew, other samples are another data set
    kept = sorted(few.rglob("*.json"))
    kept[0].write_text("{")
    digital.measured_designs(digits)
    assert len(asked) == 5
    other = replace(digits, y_test=digits.y_test[::-1].copy())
    from_the_end = digital.measured_designs(other, backwards=True)
    assert asked[5:] == [*reversed(FEW)]
    assert [m.name for m in from_the_end] == [m.name for m in first]
    digital.measured_designs(other)
    assert len(asked) == 8


def test_no_design_of_at_least_the_accuracy_is_cheaper_than_the_one_called_cheapest(digits, few):
    found = digital.digital_baselines(digits, "test", 0.5, NullProgress(), (0,))
    assert len(found) == 1 + 2 * len(FEW)
    for node in ("45 nm", "7 nm"):
        for accuracy in (0.3, 0.8, 0.9, 0.93, 0.96, 0.99):
            best = cheapest(found, accuracy, node)
            good = [b for b in found if b.accuracy >= accuracy and b.node == node]
            assert (best is None) == (not good)
            assert all(best.energy.total <= b.energy.total for b in good)
            if best is not None and best.circuit is not None:  # and its bill is the same figure
                price = best.circuit.price(best.circuit.likely, None)
                assert price.total == pytest.approx(best.energy.total)
    # and it is a hard-wired one: weights in a memory cost more than the whole circuit
    assert "hard-wired" in cheapest(found, 0.8).name


def test_designs_cover_families_and_nodes(digits, few):
    designs = digital.digital_designs(digits, accuracy=0.5)
    assert len(designs) == 4 * len(FEW) + 2  # the linear int8 classifier at two nodes
    assert {d.node for d in designs} == {"45 nm", "7 nm"}
    assert len({d.name for d in designs}) == len(designs)
    assert digital.digital_designs(load_dataset("cosine")) == ()


def test_the_lists_of_designs_have_every_kind(digits):
    for dataset in (digits, _large(digits)):
        found = digital.recipes(dataset)
        assert {r.precision for r in found} == {"rounded int8", "int4", "powers", "ternary", "binary"}
        assert {bool(r.hidden) for r in found} == {True, False}
        names = [r.name(64, 10) for r in found]
        assert len(set(names)) == len(names)
    assert digital.exact_top(digits) == 16
    assert digital.gate_widths(digits)[-1] == 1000


@pytest.mark.slow
def test_the_list_finds_the_gate_network_and_the_classifier_by_itself(digits, monkeypatch, tmp_path):
    """At 96 % of the digits: no more than 12.1 and 1.09 pJ of gates, 73 and 5.9 pJ hard-wired."""
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    found = [b for m in digital.measured_designs(digits, accuracy=0.96) for b in m.baselines()]
    good = [b for b in found if b.accuracy >= 0.96]
    for node, gates, wired in (("45 nm", 12.1e-12, 73e-12), ("7 nm", 1.09e-12, 5.9e-12)):
        best = cheapest(tuple(found), 0.96, node)
        assert "gates" in best.name and best.settled < gates
        assert min(b.settled for b in good if "hard-wired" in b.name and b.node == node) < wired
        assert all(best.energy.total <= b.energy.total for b in good if b.node == node)


@pytest.mark.slow
def test_no_design_of_any_table_of_the_digits_is_cheaper_than_the_one_called_cheapest(
    digits, monkeypatch, tmp_path
):
    """Of all lists and sizes, those included that a comparison stops before."""
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    tried = [d for m in digital.measured_designs(digits) for d in m.designs()]
    never = digital.cached_baselines(digits, "test", 1.1, NullProgress())  # all widths: none is as accurate
    tried += [d for b in never for d in b.designs(digits.y_test.size, "test")]

    def verdicts(designs, accuracy):
        return tabulate([], designs, data="digits", split="test", accuracy=accuracy).verdicts

    def cheaper(designs, accuracy):
        """Those of all tried that cost less than what a table of `designs` calls cheapest."""
        return [
            d
            for v in verdicts(designs, accuracy)
            for d in tried
            if d.node == v.node
            and d.accuracy >= accuracy
            and bill(d).price.total < v.cheapest.bill.price.total * (1 - 1e-9)
        ]

    for accuracy in (0.85, 0.9, 0.93, 0.95, 0.96, 0.97):
        found = digital.digital_designs(digits, "test", accuracy)
        assert not cheaper(found, accuracy)
        # a twin that must fail: a table without the cheapest names a dearer one
        best = {v.cheapest.bare.name for v in verdicts(found, accuracy)}
        rest = [d for d in found if d.name not in best]
        assert best and (cheaper(rest, accuracy) or not verdicts(rest, accuracy))


def _large(digits):
    rows = np.arange(digital.LARGE) % digits.x_train.shape[0]
    return replace(digits, x_train=digits.x_train[rows], y_train=digits.y_train[rows])


def test_values_outside_0_to_1_are_scaled_by_the_training_split(digits):
    scaled = replace(
        digits, **{f"x_{p}": 10 * getattr(digits, f"x_{p}") - 5 for p in ("train", "valid", "test")}
    )
    back = digital.unit_range(scaled)
    assert np.allclose(back.x_test, digits.x_test, atol=1e-6)
    assert digital.unit_range(digits) is digits
    assert isinstance(back, Dataset)
