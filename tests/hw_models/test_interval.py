"""Intervals of figures, other values for them, and the words for a ratio."""

from dataclasses import dataclass, replace

import pytest

from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.errors import HardwareError
from hw_models.interval import Interval, times
from hw_models.presets import DEVICES
from hw_models.source import KINDS, SPREAD, Quantity, Source, chosen, figures_of, with_values


def figure(value, kind="derived", **ends):
    return Quantity(value, "J", Source(kind, "a test"), **ends)


def test_every_firmness_has_its_spread_and_a_weaker_one_never_less():
    assert tuple(SPREAD) == KINDS
    assert list(SPREAD.values()) == sorted(SPREAD.values())
    assert SPREAD["exact"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_interval_follows_from_firmness(kind):
    between = figure(6.0, kind).interval
    assert between == Interval(6.0 / SPREAD[kind], 6.0, 6.0 * SPREAD[kind])
    assert figure(0.0, kind).interval == Interval(0.0, 0.0, 0.0)
    below = figure(-6.0, kind).interval
    assert (below.low, below.high) == (-6.0 * SPREAD[kind], -6.0 / SPREAD[kind])


def test_given_ends_win_and_are_described():
    got = figure(2.0, "assumed", low=1.5, high=9.0)
    assert got.interval == Interval(1.5, 2.0, 9.0)
    assert (got.describe()["low"], got.describe()["high"]) == (1.5, 9.0)


@pytest.mark.parametrize("ends", [{"low": 1.0}, {"high": 3.0}, {"low": 2.5, "high": 3.0}])
def test_ends_come_together_and_hold_the_value(ends):
    with pytest.raises(HardwareError, match="low and high"):
        figure(2.0, **ends)


def test_interval_must_rise():
    with pytest.raises(HardwareError, match="must rise"):
        Interval(2.0, 1.0, 3.0)


def test_chosen_moves_by_its_tolerance_only():
    assert chosen(8, "bit", "as the images").interval == Interval(8, 8, 8)
    assert chosen(2.0, "V", "supply", 0.1).interval == Interval(1.8, 2.0, 2.2)


@dataclass(frozen=True)
class Part:
    name: str
    noise: Quantity
    area: Quantity

    def figures(self):
        return figures_of(self)


@dataclass(frozen=True)
class Whole:
    name: str
    area: Quantity
    input_converter: Part
    couplings: Part

    def figures(self):
        return figures_of(self)


WHOLE = Whole(
    "whole", figure(1.0), Part("in", figure(2.0), figure(3.0)), Part("between", figure(4.0), figure(5.0))
)


def test_parts_show_their_figures_with_their_names_and_take_other_values():
    assert {k: q.value for k, q in WHOLE.figures().items()} == {
        "area": 1.0,
        "input converter noise": 2.0,
        "input converter area": 3.0,
        "couplings noise": 4.0,
        "couplings area": 5.0,
    }
    got = with_values(WHOLE, {"couplings noise": 40.0, "couplings area": 50.0, "area": 10.0})
    assert [q.value for q in got.figures().values()] == [10.0, 2.0, 3.0, 40.0, 50.0]
    assert got.couplings.noise.source == WHOLE.couplings.noise.source
    assert with_values(WHOLE, {}) is WHOLE


def test_with_values_refuses_what_is_not_there():
    with pytest.raises(HardwareError, match="whole has no figure 'couplings gain'; its figures are area"):
        with_values(WHOLE, {"couplings gain": 1.0})


def test_a_devices_values_change_and_its_checks_still_hold():
    device = DEVICES.get("rc-1fF")
    assert with_values(device, {"capacitance": 2e-15}).capacitance.value == 2e-15
    with pytest.raises(HardwareError, match="capacitance must be > 0"):
        with_values(device, {"capacitance": 0.0})


def test_a_librarys_cells_change_one_by_one():
    library = CELL_LIBRARIES.get("asap7")
    cell = library.nand2.name
    got = with_values(library, {f"{cell} energy": 1e-18, "voltage": 0.5})
    assert got.cell(cell).energy == 1e-18 and got.voltage.value == 0.5
    assert got.cell(cell) == replace(library.cell(cell), energy=1e-18)
    assert [c for c in got.cells if c.name != cell] == [c for c in library.cells if c.name != cell]
    with pytest.raises(HardwareError, match="no figure 'ghost energy'"):
        with_values(library, {"ghost energy": 1.0})


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(20.1, 31, 49.2), "between 20 and 50 times"),
        (Interval(1.26, 2, 2.91), "between 1.2 and 3 times"),
        (Interval(0.5, 1.2, 3.0), "undecided, between 0.5 and 3 times"),
        (Interval(1, 1, 1), "equal"),
        (Interval(2, 2, 2), "2 times"),
        (Interval(1.0, 1.2, 2.0), "between 1 and 2 times"),
        (Interval(0.0113, 0.02, 0.0999), "between 0.011 and 0.1 times"),
        (Interval(9990, 10974, 12345), "between 9,900 and 13,000 times"),
    ],
)
def test_words_of_a_ratio_claim_no_more_than_the_interval(interval, words):
    assert times(interval) == words
