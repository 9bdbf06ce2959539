"""The ledger: draws, intervals of totals and ratios, the tornado."""

import math

import numpy as np
import pytest

from hw_models.errors import HardwareError
from hw_models.interval import Interval
from hw_models.source import Quantity, Source
from thermo.energy.ledger import (
    PLACES,
    Design,
    Price,
    all_figures,
    bill,
    draw,
    named,
    occupied,
    ratio,
    tornado,
    values_of,
)


def figure(value, kind="assumed", **ends):
    return Quantity(value, "J", Source(kind, "a test"), **ends)


def design(name, figures, price):
    return Design(name, "test", 0.9, 0.01, 100, "test", "45 nm", 1.0, figures, price)


def total(**places):
    """A price that is figure times count, place by place: total(physics=("a", 3.0))."""

    def price(values, rate):
        return Price({p.replace("_", " "): values[f] * c for p, (f, c) in places.items()}, 1.0)

    return price


def log_triangular(between, n, seed):
    """NumPy's own triangular distribution, of the logarithm."""
    ends = np.log([between.low, between.likely, between.high])
    return np.exp(np.random.default_rng(seed).triangular(*ends, n))


def test_draws_are_the_log_triangular_distribution():
    between = Interval(1.0, 4.0, 64.0)
    got = np.sort(draw("a figure", between, 400))
    assert between.low <= got[0] and got[-1] <= between.high
    # one draw in each 400th of the distribution: its cumulative function is met within 1 / 400
    x, low, peak, high = np.log(got), 0.0, math.log(4.0), math.log(64.0)
    below = (x - low) ** 2 / ((high - low) * (peak - low))
    above = 1 - (high - x) ** 2 / ((high - low) * (high - peak))
    cumulative = np.where(x < peak, below, above)
    k = np.arange(400)
    assert ((cumulative >= k / 400 - 1e-9) & (cumulative <= (k + 1) / 400 + 1e-9)).all()


def test_draws_depend_on_the_name_and_the_seed_alone():
    between = Interval(1.0, 2.0, 4.0)
    assert (draw("a", between) == draw("a", between)).all()
    # two names, two seeds: 400 ranks agree by chance with a correlation of 1 / sqrt(400) = 0.05
    for other in (draw("b", between), draw("a", between, seed=1)):
        assert abs(np.corrcoef(draw("a", between), other)[0, 1]) < 4 * 0.05
    # the same name with other ends keeps its ranks: it moves together
    wide = draw("a", Interval(0.1, 2.0, 40.0))
    assert (np.argsort(wide) == np.argsort(draw("a", between))).all()


def test_a_figure_that_may_be_nothing_is_drawn_linearly():
    got = draw("a", Interval(0.0, 1.0, 2.0), 400)
    assert 0 <= got.min() < 0.1 and abs(got.mean() - 1.0) < 0.01
    assert (draw("a", Interval(3.0, 3.0, 3.0), 5) == 3.0).all()


def test_one_figures_interval_is_its_own_distributions():
    got = bill(design("one", {"a": figure(2.0, low=1.0, high=4.0)}, total(physics=("a", 10.0)))).total
    # symmetric in the logarithm: 5 % lie below low * (high / low)^sqrt(0.05 / 2)
    edge = 4.0 ** math.sqrt(0.05 / 2)
    assert got.likely == 20.0
    assert got.low == pytest.approx(10.0 * edge, rel=0.01)
    assert got.high == pytest.approx(40.0 / edge, rel=0.01)


def test_independent_figures_interval_is_numpys():
    figures = {"a": figure(1.0), "b": figure(2.0, "memory"), "c": figure(0.5, low=0.4, high=5.0)}
    places = {"physics": ("a", 1.0), "weights": ("b", 2.0), "clock": ("c", 4.0)}
    got = bill(design("three", figures, total(**places)), n=2000).total
    n = 200_000
    drawn = sum(
        count * log_triangular(figures[f].interval, n, seed)
        for seed, (f, count) in enumerate(places.values())
    )
    low, high = np.percentile(drawn, (5, 95))
    # a quantile of 2,000 draws: sqrt(p (1-p) / n) / density, density from NumPy's draws; four of these
    for q, ours, theirs in ((0.05, got.low, low), (0.95, got.high, high)):
        width = np.percentile(drawn, 100 * q + 1) - np.percentile(drawn, 100 * q - 1)
        sigma = math.sqrt(q * (1 - q) / 2000) * width / 0.02
        assert abs(ours - theirs) < 4 * sigma
    # the failing twin: one common draw for all three is wider than that
    same = sum(count * log_triangular(figures[f].interval, n, 7) for f, count in places.values())
    assert abs(np.percentile(same, 95) - high) > 4 * sigma


def test_a_design_over_itself_is_exactly_one():
    one = design("one", {"a": figure(1.0), "b": figure(3.0)}, total(physics=("a", 1.0), head=("b", 1.0)))
    assert ratio(bill(one), bill(one)) == Interval(1.0, 1.0, 1.0)


def test_shared_figures_cancel_in_a_ratio_and_others_do_not():
    a, b = {"shared": figure(1.0)}, {"own": figure(1.0)}
    small, large = design("s", a, total(physics=("shared", 1.0))), design("l", a, total(head=("shared", 5.0)))
    got = ratio(bill(large), bill(small))
    assert (got.low, got.high) == pytest.approx((5.0, 5.0))
    other = design("o", b, total(physics=("own", 2.0)))
    assert ratio(bill(other), bill(small)).spans(1.0)


def test_no_ratio_to_what_costs_nothing():
    free = design("free", {"a": figure(0.0)}, total(physics=("a", 1.0)))
    with pytest.raises(HardwareError, match="free costs nothing"):
        ratio(bill(free), bill(free))


def test_places_are_intervals_in_their_order():
    figures = {"a": figure(1.0, "exact"), "b": figure(2.0)}
    got = bill(design("two", figures, total(leakage=("b", 1.0), physics=("a", 1.0)))).places
    assert list(got) == ["physics", "leakage"]
    assert got["physics"] == Interval(1.0, 1.0, 1.0)
    assert got["leakage"].low < 2.0 < got["leakage"].high


def test_a_price_knows_its_places():
    with pytest.raises(HardwareError, match="no place 'magic'"):
        Price({"magic": 1.0}, 1.0)
    assert Price(dict.fromkeys(PLACES, 1.0), 1.0).total == len(PLACES)


def test_tornado_moves_one_figure_at_a_time_and_leaves_out_what_moves_nothing():
    figures = {"a": figure(1.0), "b": figure(10.0, "measured"), "c": figure(5.0, "exact")}
    got = tornado(design("t", figures, total(physics=("a", 1.0), clock=("b", 1.0), head=("c", 1.0))))
    assert [s.figure for s in got] == ["a", "b"]
    assert got[0].at_low == pytest.approx(1 / 3 + 15) and got[0].at_high == pytest.approx(3 + 15)
    assert got[1].span == pytest.approx(11 - 10 / 1.1)


def test_static_power_waits_for_the_next_answer():
    assert occupied(1e-6, None) == 1e-6
    assert occupied(1e-6, 10.0) == 0.1
    assert occupied(1e-6, 1e9) == 1e-6
    one = design(
        "one", {"p": figure(2.0, "exact")}, lambda v, r: Price({"leakage": v["p"] * occupied(0.5, r)}, 0.5)
    )
    assert bill(one).total.likely == 1.0
    assert bill(one, rate=0.1).total.likely == 20.0


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_rate_must_be_positive(rate):
    with pytest.raises(HardwareError, match="rate must be"):
        bill(design("one", {"a": figure(1.0)}, total(physics=("a", 1.0))), rate)


def test_names_of_figures_say_whose_they_are():
    ours = named("rc-1fF", {"capacitance": figure(1.0)})
    assert list(ours) == ["rc-1fF capacitance"]
    assert values_of("rc-1fF", {"rc-1fF capacitance": 2.0, "rc-1pF capacitance": 3.0}) == {"capacitance": 2.0}
    one = design("one", {"b": figure(1.0)}, total(physics=("b", 1.0)))
    two = design("two", {"a": figure(1.0), "b": figure(1.0)}, total(physics=("a", 1.0)))
    assert list(all_figures((one, two))) == ["a", "b"]
