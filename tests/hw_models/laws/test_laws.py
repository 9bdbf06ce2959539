"""Laws of cells: their statistics against the formulas, and that none touches another's draws."""

from dataclasses import fields, replace

import numpy as np
import pytest
from scipy import stats

from hw_models.ages import seconds_of
from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections, on_device, perturb, written
from hw_models.laws.circuit import Nonlinear, Temperature
from hw_models.laws.defects import OpenCouplings, StuckCells
from hw_models.laws.families import LAWS
from hw_models.laws.law import MINUS, PLUS, Where, conductances
from hw_models.laws.on_off import Limits, OnOff
from hw_models.laws.pcm import COMPENSATION, PCM
from hw_models.laws.programming import ProgrammingNoise
from hw_models.laws.pulsed import PulsedUpdate
from hw_models.laws.read import WhiteRead
from hw_models.laws.relaxation import Relaxation
from hw_models.laws.sets import LAW_SETS
from hw_models.presets import DEVICES, chosen_device
from hw_models.source import Quantity, Source, with_values

PROGRAMMING, DRIFT, READ = PCM
N = 40_000
P = 1e-4  # of each test that the law is as it says
YEAR = 365.25 * 86400


def cells(n=N, seed=0):
    """Targets all over the range, and the numbers of their cells."""
    rng = np.random.default_rng(seed)
    return rng.random(n), np.arange(n), np.full(n, n)


def one_side(laws, seed, at=None, read=0, side=PLUS, n=N):
    g, driven, driving = cells(n)
    return g, conductances(laws, g, driven, driving, side, seed, at, read)


def is_normal(z):
    return stats.kstest(z, "norm").pvalue > P


def test_programming_noise_is_the_polynomial_and_a_wider_one_is_seen():
    g, made = one_side([PROGRAMMING], 1)
    sigma = (0.26348 + 1.9650 * g - 1.1731 * g**2) / 25
    z = ((made - g) / sigma)[g > 0.3]  # far from the clamp at 0
    assert is_normal(z) and not is_normal(1.05 * z)
    assert made.min() == 0.0
    _, at_nothing = cells()[1:], conductances([PROGRAMMING], np.zeros(N), *cells()[1:], PLUS, 1, None)
    # half of the cells that should be off are clamped, the others off by 0.26 uS
    assert abs(np.mean(at_nothing == 0) - 0.5) < 4.4 * 0.5 / np.sqrt(N)


def test_drift_is_a_power_of_time_with_the_exponents_law():
    g, later = one_side([DRIFT], 2, at=YEAR)
    nu = -np.log(later / g) / np.log((YEAR + 20) / 20)
    m = np.clip(-0.0155 * np.log(g) + 0.0244, 0.049, 0.1)
    s = np.clip(-0.0125 * np.log(g) - 0.0059, 0.008, 0.045)
    high = g > 0.5  # m is 6 s away from 0, where nu is folded
    assert is_normal(((nu - m) / s)[high]) and not is_normal(((nu - 1.02 * m) / s)[high])
    _, soon = one_side([DRIFT], 2, at=3600.0)
    again = -np.log(soon / g) / np.log((3600 + 20) / 20)
    np.testing.assert_allclose(again, nu, rtol=1e-9, atol=1e-12)  # a cell keeps its exponent
    for just in (None, 0.0):
        np.testing.assert_array_equal(one_side([DRIFT], 2, at=just)[1], g)


def test_read_noise_grows_with_time_and_is_drawn_anew_every_read():
    for at in (0.0, 86400.0):
        g, made = one_side([READ], 3, at=at)
        q = np.minimum(0.0088 / g**0.65, 0.2)
        sigma = q * np.sqrt(np.log((at + 20 + 250e-9) / (2 * 250e-9)))
        z = ((made / g - 1) / sigma)[g > 0.3]
        assert is_normal(z) and not is_normal(1.05 * z)
    other = ((one_side([READ], 3, at=at, read=1)[1] / g - 1) / sigma)[g > 0.3]
    assert is_normal(other) and abs(np.sum(other * z)) / np.sqrt(z.size) < 4.4
    np.testing.assert_array_equal(
        one_side([READ], 3, at=at, read=1)[1], one_side([READ], 3, at=at, read=1)[1]
    )


def test_a_law_leaves_the_draws_of_the_others_the_same_bits():
    where = Where(*cells()[1:], PLUS, *(cells()[0],) * 2)
    _, alone = one_side([PROGRAMMING], 4)
    joined = one_side([PROGRAMMING, DRIFT, READ], 4, at=0.0)[1]
    # at 0 s drift does nothing: what read noise multiplies is the programmed conductance, bit for bit
    noise = where.normals("read", "noise", 4, each_read=True)
    np.testing.assert_array_equal(joined, np.maximum(alone * (1.0 + READ.sigma(alone, 0.0) * noise), 0.0))
    # and mismatch multiplies what the laws made of a coupling by the factor it has without them
    w, rows, cols = np.random.default_rng(1).normal(size=300), np.arange(300), np.arange(300) + 1
    spread = Imperfections(mismatch=0.1, asymmetry=0.1)
    factor = perturb(w, rows, cols, spread, 7) / w
    laws = perturb(w, rows, cols, Imperfections(laws=PCM, at=3600.0), 7)
    both = perturb(w, rows, cols, replace(spread, laws=PCM, at=3600.0), 7)
    np.testing.assert_allclose(both, laws * factor, rtol=1e-14)
    assert not np.allclose(laws, perturb(w, rows, cols, Imperfections(laws=PCM, at=3600.0), 8))


def test_the_elements_of_a_pair_and_the_streams_are_independent():
    sides = [
        conductances([PROGRAMMING], np.full(N, 0.5), *cells()[1:], side, 5, None) for side in (PLUS, MINUS)
    ]
    a, b = ((x - 0.5) / PROGRAMMING.sigma(np.full(N, 0.5)) for x in sides)
    assert abs(np.sum(a * b)) / np.sqrt(N) < 4.4
    assert abs(np.sum(a * a)) / np.sqrt(N) > 4.4


def test_dense_and_sparse_arrays_are_the_same_device():
    rng = np.random.default_rng(2)
    w = rng.normal(size=(30, 40)).astype(np.float32)
    w[rng.random(w.shape) < 0.3] = 0.0  # no elements
    law = Imperfections(bits=6, mismatch=0.05, laws=(*PCM, COMPENSATION), at="1d")
    dense = written([w], [(np.arange(30)[:, None], 100 + np.arange(40)[None, :])], law, 3)[0]
    rows, cols = np.nonzero(w)
    order = rng.permutation(rows.size)
    sparse = written([w[rows, cols][order]], [(rows[order], 100 + cols[order])], law, 3)[0]
    np.testing.assert_array_equal(dense[rows, cols][order], sparse)
    assert not dense[w == 0].any()


def test_a_conductance_is_one_element_both_ways():
    n = 20
    g = np.abs(np.random.default_rng(3).normal(size=(n, n)))
    g = (g + g.T) / 2
    rows, cols = np.nonzero(~np.eye(n, dtype=bool))
    made = perturb(g[rows, cols], rows, cols, Imperfections(laws=PCM, at=60.0), 1, mutual=True)
    matrix = np.zeros((n, n))
    matrix[rows, cols] = made
    np.testing.assert_array_equal(matrix, matrix.T)
    assert matrix.min() >= 0


def test_compensation_takes_the_mean_drift_out():
    w, rows, cols = np.random.default_rng(4).normal(size=N), np.arange(N), np.arange(N) + 1
    slope = []
    for laws in (PCM[:2], (*PCM[:2], COMPENSATION)):
        made = perturb(w, rows, cols, Imperfections(laws=laws, at="1y"), 2)
        slope.append(
            np.sum(np.abs(made)) / np.sum(np.abs(perturb(w, rows, cols, Imperfections(laws=laws), 2)))
        )
    assert slope[0] < 0.55  # (1 year / 20 s)^-0.05 is 0.49
    assert slope[1] == pytest.approx(1.0, abs=1e-9)
    off = with_values(COMPENSATION, {"error": 0.01})
    made = [perturb(w, rows, cols, Imperfections(laws=(*PCM, off), at="1y", read=k), 2) for k in range(2)]
    assert not np.allclose(np.abs(made[0]).sum(), np.abs(made[1]).sum(), rtol=1e-4)


def test_laws_are_ordered_and_refused_twice():
    assert [law.name for law in Imperfections(laws=(COMPENSATION, READ, DRIFT, PROGRAMMING)).laws] == [
        "programming",
        "drift",
        "read",
        "compensation",
    ]
    with pytest.raises(HardwareError, match="law 'drift' is given twice"):
        Imperfections(laws=(DRIFT, DRIFT))
    with pytest.raises(HardwareError, match="laws must be laws of"):
        Imperfections(laws=("pcm",))
    with pytest.raises(HardwareError, match="no law 'glue'; choose one of pulsed"):
        LAWS.get("glue")


def test_bad_figures_name_the_rule():
    for law, values, said in (
        (READ, {"scale": -1.0}, "law read: scale must be >= 0 1, got -1"),
        (READ, {"t_read": 0.0}, "law read: t_read must be > 0 s, got 0"),
        (PROGRAMMING, {"constant": -0.5}, "law programming: the standard deviation must be >= 0"),
        (DRIFT, {"spread_high": 0.001}, "law drift: spread_low and spread_high must rise"),
        (COMPENSATION, {"error": float("nan")}, "law compensation: error must be >= 0"),
    ):
        with pytest.raises(HardwareError, match=said):
            with_values(law, values)


def test_times():
    assert [seconds_of(t) for t in (None, 3, "3", "25s", "10 min", "1h", "1.5d", "1y")] == [
        None,
        3.0,
        3.0,
        25.0,
        600.0,
        3600.0,
        129600.0,
        YEAR,
    ]
    for bad in ("-1h", "soon", "1 fortnight", -1, float("inf"), True):
        with pytest.raises(HardwareError, match=r"at must be a time >= 0 since the device was programmed"):
            seconds_of(bad)


def test_a_device_has_its_laws_and_what_is_given_replaces_them():
    own = DEVICES.get("pcm-crossbar").imperfections
    assert [law.name for law in own.laws] == ["programming", "drift", "read", "compensation"]
    there = on_device(own, Imperfections(mismatch=0.1), "1h")
    assert (there.mismatch, there.at, there.laws) == (0.1, 3600.0, own.laws)
    assert on_device(own, Imperfections(laws=(READ,))).laws == (READ,)
    assert chosen_device("pcm-crossbar", at="1d").imperfections.at == 86400.0
    with pytest.raises(HardwareError, match="the device has no laws: leave --at out"):
        chosen_device("rc-1fF", at="1h")
    assert "drift mean" in DEVICES.get("pcm-crossbar").describe()["figures"]


def test_imperfections_with_laws_are_recorded():
    law = Imperfections(mismatch=0.1, laws=PCM, at="1h", read=2)
    back = Imperfections.from_dict(law.to_dict())
    assert back.to_dict() == law.to_dict() and isinstance(back.laws[0].figures()["linear"], Quantity)
    with pytest.raises(HardwareError, match="no law 'glue'"):
        Imperfections.from_dict({"laws": [{"law": "glue"}]})


def test_a_source_is_told():
    assert all(f.source.kind == "code" for f in DRIFT.figures().values())
    assert isinstance(DRIFT.mean.source, Source)


def given(value, unit="1"):
    return Quantity(value, unit, Source("assumed", "a test"), value, value)


def test_a_cell_that_is_off_conducts_and_a_pair_takes_it_out():
    ratio = OnOff(ratio=given(4.5))
    w, rows, cols = np.random.default_rng(1).normal(size=500), np.arange(500), np.arange(500) + 1
    np.testing.assert_allclose(perturb(w, rows, cols, Imperfections(laws=(ratio,)), 0), w, atol=1e-14)
    one = perturb(np.abs(w), rows, cols, Imperfections(laws=(ratio,)), 0, mutual=True)
    top = np.abs(w).max()
    np.testing.assert_allclose(one, top / 4.5 + (1 - 1 / 4.5) * np.abs(w), rtol=1e-14)
    # noise of cells is larger by the range that is lost
    noise = ProgrammingNoise(constant=given(0.01))
    spread = [
        np.std(perturb(w, rows, cols, Imperfections(laws=laws), 0) - w) for laws in ((noise,), (noise, ratio))
    ]
    # without off conductance half of the cells that should be off are clamped at 0
    assert 1.2 < spread[1] / spread[0] < 1.7


def test_the_largest_weights_of_an_array_are_clipped():
    w = np.array([4.0, -3.0, 1.0, -0.5])
    law = Imperfections(laws=(OnOff(ratio=given(100.0), share=given(0.5)),))
    np.testing.assert_allclose(perturb(w, np.arange(4), np.arange(4), law, 0), [2.0, -2.0, 1.0, -0.5])


def test_no_cell_leaves_its_limits():
    wide = ProgrammingNoise(constant=given(0.5))
    _, free = one_side([wide], 1)
    _, held = one_side([wide, Limits(given(0.05), given(1.0))], 1)
    assert free.min() == 0.0 and free.max() > 1.5 and (held.min(), held.max()) == (0.05, 1.0)
    inside = (free > 0.05) & (free < 1.0)
    np.testing.assert_array_equal(held[inside], free[inside])


def test_stuck_cells_and_open_couplings_have_their_shares():
    def seen(count, share):
        return abs(count - N * share) < 4.4 * np.sqrt(N * share * (1 - share))

    g, made = one_side([StuckCells(off=given(0.03), on=given(0.01))], 2)
    assert seen(np.sum(made == 0.0), 0.03) and seen(np.sum(made == 1.0), 0.01)
    assert not seen(np.sum(made == 0.0), 0.035)
    moved = (made != 0.0) & (made != 1.0)
    np.testing.assert_array_equal(made[moved], g[moved])
    w, rows, cols = np.ones(N), np.arange(N), np.arange(N) + 1
    opened = perturb(w, rows, cols, Imperfections(laws=(OpenCouplings(given(0.02)),)), 3) == 0
    assert seen(opened.sum(), 0.02)
    # a coupling is open as a whole, whatever the sign of what is asked of it
    other = perturb(-w, rows, cols, Imperfections(laws=(OpenCouplings(given(0.02)),)), 3) == 0
    np.testing.assert_array_equal(opened, other)
    alone, both = (
        perturb(w, rows, cols, Imperfections(laws=laws, at=60.0), 3)
        for laws in ((*PCM,), (*PCM, OpenCouplings(given(0.02))))
    )
    np.testing.assert_array_equal(alone[~opened], both[~opened])


def test_relaxation_grows_with_the_logarithm_of_time():
    law = Relaxation(shift=given(0.001), spread=given(0.005), slope=given(0.0005), t0=given(1.0, "s"))
    for at in (10.0, 1e5):
        g, made = one_side([law], 4, at=at)
        z = (made - g + 0.001 * np.log(at)) / (0.005 + 0.0005 * np.log(at))
        assert is_normal(z[g > 0.1]) and not is_normal(1.05 * z[g > 0.1])
    np.testing.assert_array_equal(one_side([law], 4)[1], g)


def test_cells_are_read_at_another_voltage_than_they_were_verified_at():
    v, v0, off, on = 0.1, 0.4, 5.0, 1.0
    law = Nonlinear(given(v, "V"), given(v0, "V"), given(off, "1/V"), given(on, "1/V"))
    g, made = one_side([law], 0)
    a = off + (on - off) * g
    wanted = g * (np.sinh(a * v) / (a * v)) / (np.sinh(a * v0) / (a * v0))
    np.testing.assert_allclose(made, wanted, rtol=1e-12)
    same = Nonlinear(given(v0, "V"), given(v0, "V"), given(off, "1/V"), given(on, "1/V"))
    np.testing.assert_array_equal(one_side([same], 0)[1], g)
    ohmic = Nonlinear(given(v, "V"), given(v0, "V"), given(0.0, "1/V"), given(0.0, "1/V"))
    np.testing.assert_array_equal(one_side([ohmic], 0)[1], g)


def test_a_gradient_of_temperature_leans_over_the_tile():
    law = Temperature(given(0.002, "1/K"), given(5.0, "K"), given(1e-3, "K/s"), given(10.0, "K"), given(4))
    g = np.full(8, 0.5)
    made = conductances([law], g, np.zeros(8, int), np.arange(8), PLUS, 0, 1000.0)
    warmth = 5.0 + 1.0 + 10.0 * (np.arange(8) % 4 / 3 - 0.5)
    np.testing.assert_allclose(made, 0.5 * (1 + 0.002 * warmth), rtol=1e-14)


def test_white_read_noise_saturates():
    law = WhiteRead(constant=given(0.0), saturating=given(0.008), knee=given(0.13))
    g, made = one_side([law], 5)
    z = (made - g) / (0.008 * (1 - np.exp(-g / 0.13)))
    assert is_normal(z[g > 0.1]) and not is_normal(1.05 * z[g > 0.1])
    assert not np.array_equal(one_side([law], 5, read=1)[1], made)


PULSED = PulsedUpdate(step=given(0.01), low=given(-0.8), high=given(1.2), cycle=given(0.3))


def test_pulses_are_the_recursion_one_by_one():
    ideal = with_values(PULSED, {"cycle": 0.0, "asymmetry": 0.1})
    cells_ = np.arange(200), np.zeros(200, int)
    w = np.linspace(-0.8, 1.2, 200)
    for n, sign in ((1, 1), (7, 1), (7, -1)):
        stepwise = w.copy()
        for _ in range(n):
            d, bound = (0.011, 1.2) if sign > 0 else (-0.009, -0.8)
            stepwise = np.clip(stepwise + d * (1 - stepwise / bound), -0.8, 1.2)
        moved = ideal.moved(w, np.full(200, sign * n * 0.01 * (1 + 1e-9)), *cells_, 0, 0)
        np.testing.assert_allclose(moved, stepwise, rtol=1e-9, atol=1e-12)
    constant = with_values(ideal, {"slope_up": 0.0, "slope_down": 0.0, "asymmetry": 0.0})
    moved = constant.moved(np.zeros(200), np.full(200, 0.05 * (1 + 1e-9)), *cells_, 0, 0)
    np.testing.assert_allclose(moved, 0.05)


def test_small_changes_are_pulses_now_and_then_and_their_mean_is_right():
    ideal = with_values(PULSED, {"cycle": 0.0, "slope_up": 0.0})
    zero, wanted = np.zeros(N), np.full(N, 0.0037)
    moved = ideal.moved(zero, wanted, np.arange(N), zero.astype(int), 1, 5)
    assert set(np.round(np.unique(moved), 12)) == {0.0, 0.01}
    assert abs(moved.mean() - 0.0037) < 4.4 * 0.01 * np.sqrt(0.37 * 0.63 / N)
    again = ideal.moved(zero, wanted, np.arange(N), zero.astype(int), 1, 6)
    assert not np.array_equal(again, moved)  # each update has draws of its own
    z = (PULSED.moved(zero, np.full(N, 0.04001), np.arange(N), zero.astype(int), 1, 5)) / 0.01
    assert abs(z.mean() - 4.0) < 0.15 and 0.5 < z.std() < 0.7  # 4 pulses of 30 %, 0.6


def test_sets_of_laws_are_devices_laws():
    for name in LAW_SETS.names():
        law = Imperfections(laws=LAW_SETS.get(name), at="1d")
        w, rows, cols = np.random.default_rng(1).normal(size=4000), np.arange(4000), np.arange(4000) + 1
        made = perturb(w, rows, cols, law, 1)
        off = np.std(made - w) / np.abs(w).max()
        assert np.isfinite(made).all() and off < 0.1, name
        assert (off == 0) == (name.endswith("pulsed")), name


def test_units_are_those_of_the_figures():
    laws = [law for name in LAW_SETS.names() for law in LAW_SETS.get(name)]
    assert {law.name for law in laws} < set(LAWS.names())
    for law in laws:
        assert {name: figure.unit for name, figure in law.figures().items()} == dict(law.UNITS)
    for name in LAWS.names():
        family = LAWS.get(name)
        quantities = {f.name for f in fields(family) if f.type == "Quantity"}
        assert set(family.UNITS) == quantities, name


def test_charge_traps_are_as_crosssim_has_them():
    """Mean and spread of 800 nA after 1, 3 and 5 days, of CrossSim's SONOS: variability A (1 - exp(-I / B)),
    and the polynomials of the mean drift.
    """
    laws = [law for law in LAW_SETS.get("sonos") if law.name in ("programming", "drift", "relaxation")]
    laws = Imperfections(laws=tuple(laws)).laws
    g, cells_ = np.full(N, 0.5), cells()[1:]
    for days, a, b, shift in ((1, 25.59, 186.9, -24.9), (3, 31.04, 198.9, None), (5, 34.58, 207.3, -37.9)):
        made = 1600 * conductances(laws, g, *cells_, PLUS, 1, days * 86400.0)
        assert made.std() == pytest.approx(a * (1 - np.exp(-800 / b)), rel=0.05)
        if shift is not None:
            assert made.mean() - 800 == pytest.approx(shift, rel=0.05)


def test_resistive_cells_are_as_their_simulators_have_them():
    g, cells_ = np.full(N, 0.5), cells()[1:]
    milo = Imperfections(laws=LAW_SETS.get("reram-hfo2")[:2]).laws
    made = 225 * conductances(milo, g, *cells_, PLUS, 1, None)
    middle = 225 / 4.5 + (225 - 225 / 4.5) * 0.5
    assert made.mean() == pytest.approx(middle, abs=4.4 * 4 / np.sqrt(N))
    assert made.std() == pytest.approx(4.782321 - 0.009107 * middle, rel=4.4 / np.sqrt(2 * N))
    cmo = Imperfections(laws=LAW_SETS.get("reram-cmo")[:3]).laws
    made = 88.2 * conductances(cmo, g, *cells_, PLUS, 1, 1e4)
    middle = 9 + (88.2 - 9) * 0.5
    assert made.mean() - middle == pytest.approx(-0.08900206 * np.log(1e4), abs=0.03)
    spread = np.hypot(0.0112185 + 0.01129027 * middle, 0.04201137 * np.log(1e4) + 0.41183342)
    assert made.std() == pytest.approx(spread, rel=4.4 / np.sqrt(2 * N))
