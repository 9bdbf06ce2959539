"""The table of all families: the cheapest really is, accuracies are paired, storage is for both sides."""

import math

import numpy as np
import pytest

from compiler.errors import UnsupportedError
from hw_models.digital import DIGITAL_NODES, storage_cost
from hw_models.source import Quantity, Source
from thermo.energy.break_even import equal_answers, equal_rates
from thermo.energy.compare import ANY, compare, tabulate
from thermo.energy.ledger import Design, Parameters, Price, bill, occupied
from thermo.energy.storage import stored
from thermo.report.compare import compare_keys, compare_sentences, compare_tables
from thermo.report.text import text_table

NODE = DIGITAL_NODES.get("45 nm")


def design(name, joules, accuracy=0.9, *, node="45 nm", watts=0.0, spread=1.5, weights=None, right=None):
    """A design of one figure of its own: J of switching, and power that it draws all the time."""
    figure = Quantity(joules, "J", Source("derived", "a test"), joules / spread, joules * spread)

    def price(values, rate):
        return Price({"physics": values[name], "leakage": watts * occupied(1e-6, rate)}, 1e-6, 1e-9)

    sem = None if accuracy is None else 0.01
    return Design(name, "test", accuracy, sem, 100, "test", node, 1.0, {name: figure}, price, weights, right)


def table(given, digital=(), **options):
    return tabulate([(d, None) for d in given], digital, data="toy", split="test", **options)


def test_no_design_of_at_least_the_accuracy_is_cheaper_than_the_one_called_cheapest():
    rng = np.random.default_rng(5)
    for _ in range(20):
        some = [
            design(f"d{k}", float(j), float(a), node=n, watts=float(w), weights=Parameters(100, 8))
            for k, (j, a, n, w) in enumerate(
                zip(
                    10.0 ** rng.uniform(-13, -10, 12),
                    rng.uniform(0.8, 1.0, 12),
                    rng.choice(["45 nm", "7 nm", ANY], 12),
                    10.0 ** rng.uniform(-9, -6, 12),
                    strict=True,
                )
            )
        ]
        for storage in ("wired", "sram"):
            for rate in (None, 1e3):
                c = table(some[:4], some[4:], rate=rate, weights=storage, accuracy=0.9)
                for v in c.verdicts:
                    good = [r for r in c.rows if r.node in (v.node, ANY) and r.design.accuracy >= c.accuracy]
                    least = min(r.bill.price.total for r in good)
                    assert v.cheapest.bill.price.total == least
                    assert v.cheapest.design.accuracy >= 0.9
                    assert len(v.others) == len(good) - 1
                    assert all(over.likely >= 1 for _, over in v.others)


def test_what_may_as_well_be_cheaper_is_undecided():
    c = table([design("a", 1e-12)], [design("b", 1.2e-12), design("c", 50e-12)])
    (v,) = c.verdicts
    assert v.cheapest.design.name == "a" and [r.design.name for r in v.undecided] == ["b"]
    said = " ".join(compare_sentences(c))
    assert "b is undecided, between" in said and "c costs" not in said
    assert "1 more costs more" in said


def test_designs_below_the_accuracy_and_without_one_are_shown_and_not_called_cheapest():
    cheap, none = design("cheap", 1e-15, 0.5), design("sampler", 1e-18, None)
    c = table([design("ours", 1e-12, 0.9), none], [cheap])
    assert c.verdicts[0].cheapest.design.name == "ours"
    text = "\n".join(text_table(t) for t in compare_tables(c))
    assert "sampler" in text and "cheap" in text
    nobody = table([design("ours", 1e-12, 0.9)], accuracy=0.99)
    assert not nobody.verdicts
    assert "No design of the table reaches 99.00 %" in compare_sentences(nobody)[0]


def test_accuracies_are_paired_where_the_same_samples_were_decided():
    rng = np.random.default_rng(0)
    ours = rng.random(400) < 0.9
    theirs = ours.copy()
    theirs[:8] = ~theirs[:8]
    a = design("a", 1e-12, float(ours.mean()), right=ours)
    b = design("b", 2e-12, float(theirs.mean()), right=theirs)
    c = table([a], [b, design("c", 3e-12, 0.95)])
    paired, other = (c.difference(row) for row in c.rows[1:])
    gap = theirs.astype(float) - ours
    assert paired == (pytest.approx(gap.mean()), pytest.approx(gap.std(ddof=1) / 20), True)
    # independent errors would be far larger than that of eight decisions that differ
    assert paired[1] < 0.5 * math.hypot(0.015, 0.015)
    assert other[1:] == (pytest.approx(math.hypot(0.01, 0.01)), False)
    assert c.difference(c.rows[0]) is None


def test_storage_is_the_same_for_every_family():
    weights = Parameters(1000, 8)
    some = design("ours", 1e-12, weights=weights), design("theirs", 2e-12, weights=Parameters(500, 8))
    values = {name: q.value for name, q in NODE.figures().items()}
    for storage in ("registers", "sram", "off-chip"):
        c = table(some[:1], [some[1], design("gates", 1e-13)], weights=storage)
        for row, bits in zip(c.rows, (8000, 4000), strict=True):
            cost = storage_cost(values, storage, bits)
            held = cost.read + cost.leakage * 1e-6
            assert row.bill.price.joules["weights"] == pytest.approx(held)
            assert row.bill.price.area_m2 == pytest.approx(1e-9 + cost.area)
        # a circuit is its wiring: it is refused, with the way out
        assert "--weights wired" in c.left_out["gates"]
        assert "gates" in text_table(compare_tables(c)[-1])
    assert not table(some).left_out
    with pytest.raises(UnsupportedError, match=r"--weights must be one of .*got 'tape'"):
        stored(some[0], "tape", NODE)


def test_a_machine_without_a_node_stands_beside_those_of_each():
    ours = design("ours", 1e-12, node=ANY, weights=Parameters(1000, 8))
    digital = [design("big", 2e-12, node="45 nm", weights=Parameters(1, 8))]
    digital += [design("small", 5e-13, node="7 nm", weights=Parameters(1, 8))]
    wired = table([ours], digital)
    assert [r.node for r in wired.rows] == [ANY, "45 nm", "7 nm"]
    assert [(v.node, v.cheapest.design.name) for v in wired.verdicts] == [
        ("45 nm", "ours"),
        ("7 nm", "small"),
    ]
    kept = table([ours], digital, weights="sram")
    assert [r.node for r in kept.rows] == ["45 nm", "7 nm", "45 nm", "7 nm"]
    for row in kept.rows[:2]:
        values = {name: q.value for name, q in DIGITAL_NODES.get(row.node).figures().items()}
        cost = storage_cost(values, "sram", 8000)
        assert row.bill.price.joules["weights"] == pytest.approx(cost.read + cost.leakage * 1e-6)


def test_equal_rates_by_hand():
    # 1 pJ and 1 uW against 3 pJ and nothing: equal where 1 uW / rate = 2 pJ
    one, other = design("a", 1e-12, watts=1e-6), design("b", 3e-12)
    assert equal_rates(one, other) == (pytest.approx(1e-6 / 2e-12, rel=1e-6),)
    assert equal_rates(other, other) == ()


def test_equal_answers_by_hand():
    values = {name: q.value for name, q in NODE.figures().items()}
    one = design("a", 1e-12, weights=Parameters(1000, 8))
    other = design("b", 3e-12, weights=Parameters(100, 8))
    reads = [storage_cost(values, "off-chip", bits).read for bits in (8000, 800)]
    want = (reads[0] - reads[1]) / 2e-12
    assert equal_answers(one, other, "off-chip", NODE) == pytest.approx(want)
    assert equal_answers(other, one, "off-chip", NODE) == pytest.approx(want)
    assert equal_answers(one, design("c", 1e-9, weights=Parameters(2000, 8)), "off-chip", NODE) is None


def test_keys_say_all_that_the_table_does():
    c = table([design("a", 1e-12)], [design("b", 1.2e-12)], accuracy=0.5)
    told = compare_keys(c)
    assert [d["name"] for d in told["designs"]] == ["a", "b"]
    first = told["designs"][0]
    assert first["energy_J"] == bill(c.rows[0].design).total.describe()
    assert set(told["cheapest"]) == {"45 nm"} and told["cheapest"]["45 nm"]["undecided"] == ["b"]


def test_compare_needs_netlists_and_a_share():
    with pytest.raises(UnsupportedError, match="one netlist or more"):
        compare([], None)
    with pytest.raises(UnsupportedError, match="share above 0"):
        compare([object()], None, accuracy=95.0)
