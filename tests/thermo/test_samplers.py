"""Samplers on skewed posteriors that are known: a Gamma density and its logarithm."""

import numpy as np
import pytest
from scipy.special import polygamma

from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase
from thermo.samplers import (
    Clock,
    Draws,
    SamplerError,
    average,
    dale_langevin,
    minibatch,
    netlist_gradient,
    sa_sgld,
    sgld,
    window_averages,
)

SHAPE = 1.5  # of the Gamma density; x = log of a Gamma variable has U = e^x - SHAPE x
MEAN, VARIANCE = float(polygamma(0, SHAPE)), float(polygamma(1, SHAPE))
SIGMAS = 4.5  # of a two-sided normal: 7e-6, a handful of comparisons


def log_gamma(x, step):
    return np.exp(x) - SHAPE


def euler_moments(dt, lo=-12.0, hi=4.0, n=700):
    """Mean and variance of the Euler chain's own stationary density, by its transition kernel."""
    x = np.linspace(lo, hi, n)
    centre = x - dt * log_gamma(x, 0)
    kernel = np.exp(-((x[:, None] - centre[None]) ** 2) / (4 * dt))
    kernel /= kernel.sum(axis=0)
    p = np.full(n, 1.0 / n)
    for _ in range(12):  # squared: 4096 steps
        kernel = kernel @ kernel
        kernel /= kernel.sum(axis=0)
    p = kernel @ p
    m = p @ x
    return m, p @ (x - m) ** 2


def starts(chains, seed=3):
    return np.log(np.random.default_rng(seed).gamma(SHAPE, size=(1, chains)))


def test_sgld_has_the_moments_of_its_own_discretisation():
    dt = 0.2
    mean, variance = euler_moments(dt)
    drawn = sgld(log_gamma, starts(2000), step=dt, steps=600, burn_in=100, keep_every=5, seed=1)
    m, sem = drawn.expectation(lambda x: np.concatenate([x, (x - mean) ** 2], axis=1))
    assert abs(m[0] - mean) < SIGMAS * sem[0]
    assert abs(m[1] - variance) < SIGMAS * sem[1]
    # the twin without discretisation's own moments: the exact density is told apart
    assert abs(m[1] - VARIANCE) > SIGMAS * sem[1]


def test_falling_steps_weigh_states_by_their_time():
    drawn = sgld(
        log_gamma,
        starts(4000),
        step=lambda k: 0.5 * (1 + k) ** -0.6,
        steps=2000,
        burn_in=500,
        keep_every=5,
        seed=2,
    )
    m, sem = drawn.mean()
    # bias: of first order in dt, at most that of the largest kept step
    bias = abs(euler_moments(0.5 * 501**-0.6)[0] - MEAN)
    assert abs(m[0] - MEAN) < SIGMAS * sem[0] + bias
    assert np.ptp(drawn.weight) > 0


def test_a_run_cut_in_two_gives_the_same_bits():
    x0 = starts(8)
    whole = sgld(log_gamma, x0, step=0.1, steps=40, seed=5)
    first = sgld(log_gamma, x0, step=0.1, steps=25, seed=5)
    rest = sgld(log_gamma, first.final, step=0.1, steps=15, seed=5, first_step=25)
    np.testing.assert_array_equal(whole.final, rest.final)
    np.testing.assert_array_equal(whole.x[25:], rest.x)


def test_minibatches_sample_a_poisson_posterior():
    """Counts with rate e^x and a Gamma prior: the posterior of the rate is a Gamma, too."""
    counts = np.random.default_rng(0).poisson(2.0, 40).astype(float)
    a, b = 12.0 + counts.sum(), 1.0 + counts.size
    gradient = minibatch(
        lambda x, rows: rows.size * np.exp(x) - counts[rows].sum(),
        lambda x: np.exp(x) - 12.0,
        counts.size,
        20,
        seed=1,
    )
    full = minibatch(
        lambda x, rows: rows.size * np.exp(x) - counts[rows].sum(),
        lambda x: np.exp(x) - 12.0,
        counts.size,
        counts.size,
    )
    x0 = np.full((1, 400), np.log(a / b))
    np.testing.assert_allclose(full(x0 + 0.1, 0), b * np.exp(x0 + 0.1) - a, rtol=1e-10)
    # rows without replacement: variance of a scaled sum of 20 of 40
    noise = 40**2 / 20 * (1 - 20 / 40) * counts.var(ddof=1)
    some = [gradient(x0, k)[0, 0] - full(x0, k)[0, 0] for k in range(4000)]
    assert abs(np.mean(some)) < SIGMAS * np.sqrt(noise / 4000)
    assert np.var(some) == pytest.approx(noise, rel=SIGMAS * np.sqrt(2 / 4000))
    dt = 2e-4  # a dt = 0.016: the posterior's curvature is a
    drawn = sgld(gradient, x0, step=dt, steps=6000, burn_in=1000, keep_every=20, seed=3)
    # the mean of x stands still, so that the mean gradient is 0 and that of e^x is a / b, whatever
    # the step and the minibatches; all chains see the same rows: error of their mean over time
    rate = np.exp(drawn.x).mean(axis=2, keepdims=True)
    found = average(Draws(rate, drawn.weight[:, :1], drawn.final[:, :1]))
    assert abs(found.mean[0, 0] - a / b) < SIGMAS * found.sem[0, 0]
    assert abs(found.mean[0, 0] - counts.mean()) > SIGMAS * found.sem[0, 0]  # without the prior
    # the step widens the posterior by a dt / 2, the minibatches' noise by noise dt / 2, to first
    # order in both
    wider = (a + noise) * dt / 2
    width, sem = drawn.expectation(lambda x: (x - x.mean()) ** 2)
    exact = float(polygamma(1, a))
    assert abs(width[0] / exact - 1 - wider) < SIGMAS * sem[0] / exact + wider**2


def adaptive(tau, seed):
    return sa_sgld(
        log_gamma,
        starts(3000),
        tau=tau,
        clock=Clock(slowest=0.1, fastest=10.0),
        steps=6000,
        burn_in=500,
        keep_every=8,
        seed=seed,
    )


def test_adaptive_steps_are_unbiased_only_with_their_weights():
    """Two time steps, extrapolated to none: exact with weights, not without."""
    coarse, fine = adaptive(0.02, 7), adaptive(0.01, 8)
    (a, da), (b, db) = coarse.mean(), fine.mean()
    error = np.hypot(2 * db[0], da[0])
    assert abs(2 * b[0] - a[0] - MEAN) < SIGMAS * error
    flat = [Draws(d.x, np.ones_like(d.weight), d.final).mean()[0][0] for d in (coarse, fine)]
    assert abs(2 * flat[1] - flat[0] - MEAN) > SIGMAS * error
    assert coarse.weight.min() >= 0.1 * 0.02 and coarse.weight.max() <= 10 * 0.02
    assert np.ptp(coarse.weight) > 0.02


def test_adaptive_steps_hold_where_fixed_ones_of_the_same_mean_jump():
    """At x = 8 the force is e^8. P(x < -14) = e^-21: nothing but a jump brings a chain there."""
    x0 = np.full((1, 16), 8.0)
    drawn = sa_sgld(log_gamma, x0, tau=0.02, steps=400, seed=1)
    fixed = sgld(log_gamma, x0, step=float(drawn.weight.mean()), steps=400, seed=1)
    assert drawn.x.min() > -14 > fixed.x.min()
    with pytest.raises(SamplerError, match="diverges at step 0"):
        sgld(log_gamma, np.full((1, 1), 40.0), step=0.2, steps=2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_dale_samples_a_gamma_density_and_keeps_signs(sign):
    """U(w) = |w| - (SHAPE - 1) log |w| on one side of 0 is a Gamma density of |w|."""
    dt = 0.02
    w0 = sign * np.random.default_rng(1).gamma(SHAPE, size=(1, 3000))
    drawn = dale_langevin(
        lambda w, k: sign - (SHAPE - 1) / w, w0, step=dt, steps=500, burn_in=100, keep_every=4, seed=4
    )
    assert (np.sign(drawn.x) == sign).all()
    m, sem = drawn.expectation(lambda w: np.log(np.abs(w)))
    # in the logarithm it is the Euler chain above
    mean, _ = euler_moments(dt)
    assert abs(m[0] - mean) < SIGMAS * sem[0]
    # the twin without the Jacobian of the logarithm has the shape parameter SHAPE - 1
    assert abs(m[0] - float(polygamma(0, SHAPE - 1))) > SIGMAS * sem[0]


def test_dale_at_zero_temperature_is_exponentiated_gradient_descent():
    gradient = lambda w, k: w - np.array([[2.0], [-0.5]])  # noqa: E731
    w0 = np.array([[1.0], [-1.0]])
    once = dale_langevin(gradient, w0, step=0.1, steps=1, kT=0.0).final
    np.testing.assert_allclose(once, w0 * np.exp(-0.1 * w0 * gradient(w0, 0)), rtol=1e-12)
    rest = dale_langevin(gradient, w0, step=0.1, steps=2000, kT=0.0).final
    np.testing.assert_allclose(rest, [[2.0], [-0.5]], rtol=1e-6)


def test_averages_of_correlated_draws_know_their_error():
    """AR(1) draws of variance 1: the variance of the mean of n is (1 + r) / (1 - r) / n."""
    r, n, chains = 0.9, 4000, 300
    rng = np.random.default_rng(0)
    x = np.empty((n, 1, chains))
    now = rng.standard_normal((1, chains))
    for k in range(n):
        x[k] = now = r * now + np.sqrt(1 - r * r) * rng.standard_normal((1, chains))
    found = average(Draws(x, np.ones((n, chains)), now))
    z = found.mean / found.sem
    true = (1 + r) / (1 - r) / n
    # sums of `chains` squares of standard normals over their number; batches of 63 draws forget
    # 2 r / (1 - r^2) / 63 = 15 % of the variance, stated by the method
    ratio = np.mean(found.mean**2) / true
    assert abs(ratio - 1) < SIGMAS * np.sqrt(2 / chains)
    assert 0.75 < np.mean(found.sem**2) / true < 1.0
    assert np.mean(z**2) < 2  # errors of independent draws would give 19
    assert found.draws.mean() == pytest.approx(n * (1 - r) / (1 + r), rel=0.35)
    windows = window_averages(Draws(x, np.ones((n, chains)), now), 50)
    m = 50
    exact = ((1 + r) / (1 - r) - 2 * r * (1 - r**m) / (m * (1 - r) ** 2)) / m
    assert windows.var() == pytest.approx(exact, rel=SIGMAS * np.sqrt(2 * 19 / (n * chains / m)))


def quartic_pair(weight=0.5):
    return LangevinNetlist(
        cells=Cells.make(2, j2=[1.0, 0.5], j4=[0.25, 0.5], h=[0.3, -0.2]),
        couplings=(Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 1], [1, 0], [0.5, weight]),),
        kT=1.0,
        mobility=1.0,
        schedule=(Phase("run", 1.0),),
    )


def test_a_netlist_is_a_potential():
    gradient = netlist_gradient(quartic_pair())
    x = np.array([[0.7, -1.0], [0.2, 0.4]])
    expected = [
        2 * 1.0 * x[0] + 4 * 0.25 * x[0] ** 3 - 0.3 - 0.5 * x[1],
        2 * 0.5 * x[1] + 4 * 0.5 * x[1] ** 3 + 0.2 - 0.5 * x[0],
    ]
    np.testing.assert_allclose(gradient(x, 0), expected, rtol=1e-12)
    with pytest.raises(SamplerError, match="no potential"):
        netlist_gradient(quartic_pair(0.1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": 0.0}, "time step must be a number > 0"),
        ({"steps": 5, "burn_in": 5}, "steps > burn_in"),
        ({"kT": -1.0}, "kT must be a number >= 0"),
        ({"x0": np.zeros(3)}, "shape"),
        ({"x0": np.full((1, 2), np.nan)}, "finite"),
        ({"gradient": lambda x, k: x[:0]}, "gradient has shape"),
    ],
)
def test_bad_input_is_named(change, message):
    given = {"gradient": log_gamma, "x0": np.zeros((1, 2)), "step": 0.1, "steps": 10} | change
    with pytest.raises(SamplerError, match=message):
        sgld(given.pop("gradient"), given.pop("x0"), **given)


def test_more_bad_input_is_named():
    with pytest.raises(SamplerError, match="no sign"):
        dale_langevin(log_gamma, np.zeros((1, 1)), step=0.1, steps=2)
    with pytest.raises(SamplerError, match="slowest < fastest"):
        Clock(slowest=2.0, fastest=1.0)
    with pytest.raises(SamplerError, match="at least 16"):
        average(Draws(np.zeros((3, 1, 1)), np.ones((3, 1)), np.zeros((1, 1))))
    with pytest.raises(SamplerError, match="window"):
        window_averages(Draws(np.zeros((3, 1, 1)), np.ones((3, 1)), np.zeros((1, 1))), 9)
    with pytest.raises(SamplerError, match="40 rows"):
        minibatch(log_gamma, log_gamma, 40, 41)
