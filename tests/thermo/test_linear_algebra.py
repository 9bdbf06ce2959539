"""Linear algebra as measurements: every answer within its own error, and none of it computed."""

import math

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.stats import norm

import thermo.linear_algebra.machine as machine
from compiler.errors import ThermocError
from hw_models.presets import DEVICES
from thermo.diagnostics import effective_sample_size
from thermo.linear_algebra import (
    LinearAlgebraError,
    Measurement,
    analog_cost,
    exponential,
    inverse,
    log_determinant,
    lyapunov,
    solve,
)
from thermo.linear_algebra.measurement import estimate
from thermo.simulate import DivergenceError

ALPHA = 1e-4
N = 5


def matrix(condition=8.0, n=N, seed=0):
    """Symmetric positive definite with eigenvalues from 1 / condition to 1, turned at random."""
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))
    a = turn @ np.diag(np.geomspace(1 / condition, 1.0, n)) @ turn.T
    return 0.5 * (a + a.T)


SPD = matrix()
SKEWED = SPD + 0.15 * np.triu(np.random.default_rng(1).normal(size=(N, N)), 1)
B = np.random.default_rng(2).normal(size=N)
ROOT = np.random.default_rng(3).normal(size=(N, 2))
TIMES = dict(time=100.0, burn_in=60.0)


def z_of(found: Measurement, exact):
    """Deviations in standard errors, the step's own error allowed for."""
    slack = found.bias * np.abs(exact).max()
    gap = np.maximum(np.abs(found.value - exact) - slack, 0.0)
    return gap / found.error


def limit(found):
    """Student's t would be wider; 16 groups or more, m entries."""
    from scipy.stats import t

    return t.isf(ALPHA / 2 / found.value.size, 15)


CASES = {
    "solve": (lambda: solve(SPD, B, **TIMES), np.linalg.solve(SPD, B)),
    "solve, not symmetric": (lambda: solve(SKEWED, B, **TIMES), np.linalg.solve(SKEWED, B)),
    "solve, one machine": (lambda: solve(SPD, B, time=4000, machines=1), np.linalg.solve(SPD, B)),
    "inverse": (lambda: inverse(SPD, kT=0.3, **TIMES), np.linalg.inv(SPD)),
    "lyapunov": (
        lambda: lyapunov(SKEWED, ROOT @ ROOT.T, **TIMES),
        solve_continuous_lyapunov(SKEWED, ROOT @ ROOT.T),
    ),
    "determinant": (lambda: log_determinant(SPD, time=30.0), np.linalg.slogdet(SPD)[1]),
    "determinant, one way": (
        lambda: log_determinant(SPD, time=60.0, estimator="jarzynski"),
        np.linalg.slogdet(SPD)[1],
    ),
    "exponential": (lambda: exponential(SKEWED, 0.8, **TIMES), expm(-0.8 * SKEWED)),
    "exponential, matched": (lambda: exponential(SPD, 0.8, noise="matched", **TIMES), expm(-0.8 * SPD)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_measurement_is_within_its_error(name):
    call, exact = CASES[name]
    found = call()
    assert found.settled and found.time > 0
    assert z_of(found, exact).max() < limit(found)
    # and the error says something: it is small beside the answer
    assert np.abs(found.error).max() < 0.5 * np.abs(exact).max()


def test_errors_are_neither_too_small_nor_too_large():
    """Over 40 seeds the mean square of z is 63 / 61, that of Student's t from 64 machines; entries
    of one run are correlated, so each seed counts once."""
    from scipy.stats import t

    exact, power = np.linalg.solve(SPD, B), []
    for seed in range(40):
        found = solve(SPD, B, seed=seed, time=40.0, burn_in=60.0, machines=64)
        power.append(np.mean(((found.value - exact) / found.error) ** 2))

    def off(power):
        return abs(np.mean(power) - 63 / 61) / (np.std(power, ddof=1) / np.sqrt(40))

    wide = t.isf(ALPHA / 2, 39)
    assert off(power) < wide
    # errors half as large, or twice, would not pass
    assert off(4 * np.array(power)) > wide and off(np.array(power) / 4) > wide


def test_error_falls_as_the_root_of_time_and_grows_as_the_root_of_kT():
    options = dict(burn_in=60.0, machines=64, seed=7)
    short, long = (solve(SPD, B, time=t, **options).error for t in (50.0, 800.0))
    assert np.mean(short) / np.mean(long) == pytest.approx(4.0, rel=0.35)
    cold = solve(SPD, B, time=50.0, kT=0.01, **options).error
    np.testing.assert_allclose(short / cold, 10.0, rtol=0.02)
    # the covariance scales with kT, so the inverse does not care
    warm, cool = (inverse(SPD, time=50.0, kT=k, **options) for k in (1.0, 0.01))
    np.testing.assert_allclose(warm.value, cool.value, rtol=2e-3, atol=1e-3)
    # without noise the mean is reached as exp(-t / slowest), and nothing is left to average
    still = solve(SPD, B, time=10.0, burn_in=200.0, kT=0.0, machines=16)
    np.testing.assert_allclose(still.value, np.linalg.solve(SPD, B), rtol=1e-4)


def test_nothing_computes_the_answer(monkeypatch):
    """With every dense solver gone the measurements still come, and with the machine's noise too
    strong by a tenth, or its couplings cut, they come out wrong."""

    def forbidden(*args, **kwargs):
        raise AssertionError("a solver was called")

    answers = {"inverse": np.linalg.inv(SPD), "solve": np.linalg.solve(SPD, B)}
    for name in ("solve", "inv", "pinv", "lstsq", "eig", "eigh", "svd", "det", "slogdet", "qr"):
        monkeypatch.setattr(np.linalg, name, forbidden)
    for name in ("cholesky", "eigvals"):
        monkeypatch.setattr(np.linalg, name, forbidden)
    found = inverse(SPD, **TIMES)
    assert z_of(found, answers["inverse"]).max() < limit(found)
    found = solve(SPD, B, **TIMES)
    assert z_of(found, answers["solve"]).max() < limit(found)
    log_determinant(SPD, time=5.0)

    plain = machine.simulate_langevin
    monkeypatch.setattr(
        machine, "simulate_langevin", lambda netlist, **o: plain(netlist, **o, kT=1.21 * netlist.kT)
    )
    broken = inverse(SPD, **TIMES)
    assert z_of(broken, answers["inverse"]).max() > limit(broken)
    monkeypatch.setattr(
        machine, "simulate_langevin", lambda netlist, **o: plain(netlist.with_(couplings=()), **o)
    )
    broken = solve(SPD, B, **TIMES)
    assert z_of(broken, answers["solve"]).max() > limit(broken)


def test_a_run_that_has_not_settled_says_so():
    """Burn-in far below 1 / the smallest eigenvalue: the halves of the run differ."""
    slow = matrix(condition=200.0)
    found = solve(slow, 10 * B, time=100.0, burn_in=1.0, machines=64, kT=0.1)
    assert not found.settled and not found.reliable
    assert any("burn_in" in w for w in found.warnings)
    few = inverse(SPD, time=5.0, burn_in=60.0, machines=2)
    assert not few.reliable and any("effective samples" in w for w in few.warnings)
    good = solve(SPD, B, **TIMES)
    assert good.reliable and not good.warnings


def test_fast_ramps_dissipate_and_the_two_way_estimate_survives():
    found = log_determinant(SPD, time=2.0, burn_in=60.0, machines=2048)
    assert found.extra["dissipated_kT"] > 0.02
    assert z_of(found, np.linalg.slogdet(SPD)[1]).max() < limit(found)
    # the forward work alone, taken for the free energy, is off by what was dissipated
    own = np.log(np.diag(SPD)).sum()
    naive = own + 2 * found.extra["work_on_kT"]
    assert abs(naive - np.linalg.slogdet(SPD)[1]) > limit(found) * found.error


def test_estimate_by_hand():
    parts = np.array([[[1.0], [3.0]], [[2.0], [4.0]]])  # 2 batches, 2 machines
    value, error, drift = estimate(parts, 2)
    assert value[0] == 2.5 and error[0] == pytest.approx(np.std([1, 3, 2, 4], ddof=1) / 2)
    assert np.isnan(drift)


def test_effective_samples_are_those_of_the_autocorrelation():
    """Standard errors of independent machines and Geyer's sum of autocorrelations agree."""
    taken = []
    run = machine.make_machine(
        SPD, B, kT=1.0, machines=64, method="euler", dt=None, seed=9, symmetric=False, options={}
    )
    machine.record(
        run, lambda batch, states: taken.append(states), time=300.0, burn_in=60.0, batches=2, every=5
    )
    states = np.concatenate(taken)
    mean = states.mean(axis=0)
    _, error, _ = estimate(np.stack([mean, mean]), 64)
    ours = states.astype(float).var(axis=(0, 1)) / error**2
    theirs = [effective_sample_size(states[:, :, i].T) for i in range(N)]
    # ours has the spread of a variance from 64 machines: sqrt(2 / 63) = 18 %
    np.testing.assert_allclose(ours, theirs, rtol=norm.isf(ALPHA / 2 / N) * 0.18)


def test_same_seed_same_bits_and_another_seed_another_value():
    a, b = (inverse(SPD, time=5.0, machines=4, seed=s).value for s in (3, 3))
    np.testing.assert_array_equal(a, b)
    assert (a != inverse(SPD, time=5.0, machines=4, seed=4).value).any()


def test_blocks_join_without_a_seam(monkeypatch):
    """A tiny memory limit makes many blocks; the covariance is still right."""
    monkeypatch.setattr(machine, "BLOCK_BYTES", 4 * N * 64 * 10)
    found = inverse(SPD, **TIMES)
    assert z_of(found, np.linalg.inv(SPD)).max() < limit(found)


def test_cost_on_a_device():
    device = DEVICES.get("rc-1fF")
    found = inverse(SPD, time=20.0, machines=8)
    cost = analog_cost(found, SPD, device)
    median = float(np.median(np.diag(SPD)))
    assert cost.unit_seconds == pytest.approx(median * 1e-15 * 1e6)
    assert cost.seconds == pytest.approx((found.time + found.burn_in) * cost.unit_seconds)
    reads = N * found.reads * 8
    volts = 6 * math.sqrt(4.142e-21 / 1e-15)  # three standard deviations of kT / C either way
    assert cost.read_out == pytest.approx(reads * device.output_converter.energy(volts), rel=1e-3)
    averaged = analog_cost(found, SPD, device, analog_average=True)
    assert averaged.read_out == pytest.approx(cost.read_out / found.reads)
    assert cost.total > cost.read_out
    assert set(cost.to_dict()) >= {"seconds", "physics", "total"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: inverse(SKEWED, time=1.0), "not symmetric"),
        (lambda: inverse(-SPD, time=1.0), "must be|above 0"),
        (lambda: inverse(SPD, time=1.0, kT=0.0), "kT must be"),
        (lambda: solve(SPD, B, time=-1.0), "time must be a finite time > 0, got -1"),
        (lambda: solve(SPD, B, time=1.0, machines=0), "machines must be at least 1"),
        (lambda: solve(SPD, B, time=1.0, dt=0.0), "dt must be"),
        (lambda: solve(np.zeros((2, 2)), 0.0, time=1.0), "A is 0"),
        (lambda: solve(SPD, B[:2], time=1.0), "with 2 values of b"),
        (lambda: log_determinant(SPD, time=1.0, machines=4), "at least 16 machines"),
        (lambda: log_determinant(SPD, time=1.0, estimator="x"), "bennett, jarzynski, mean"),
        (lambda: exponential(SPD, 0.0, time=1.0), "t must be"),
        (lambda: exponential(SPD, 1.0, time=1.0, noise="red"), "white, matched"),
        (lambda: exponential(SPD - np.eye(N), 1.0, time=1.0, noise="matched"), "negative"),
        (lambda: lyapunov(SPD, -np.eye(N), time=1.0), "positive semi-definite"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(ThermocError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_an_unstable_matrix_diverges_by_name():
    with pytest.raises(DivergenceError, match="diverges"):
        solve(np.array([[1.0, 3.0], [3.0, 1.0]]), 0.0, time=50.0, machines=2)
    assert issubclass(LinearAlgebraError, ThermocError)


@pytest.mark.parametrize("dt", [0.9, 5.0])
def test_steps_that_may_grow_are_refused(dt):
    a = np.array([[2.0, -0.5], [-0.5, 1.5]])  # row sums up to 2.5
    with pytest.raises(LinearAlgebraError, match=r"above 0\.8, 2 / the largest row sum"):
        solve(a, [1.0, 2.0], time=20.0, dt=dt)
    assert solve(a, [1.0, 2.0], time=2000.0, dt=0.79).value == pytest.approx(
        np.linalg.solve(a, [1.0, 2.0]), abs=0.05
    )
