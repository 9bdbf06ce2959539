"""Exact Ornstein-Uhlenbeck: transitions against quadrature, samples against them, thermox."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad_vec
from scipy.linalg import expm
from scipy.stats import norm
from toys.simulate import cell, toy, toy_data

from compiler.errors import UnsupportedError
from compiler.ir.langevin import (
    Activation,
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    LangevinNetlist,
    Order,
    Phase,
    Role,
)
from thermo.simulate import SimulationError, simulate
from thermo.simulate.gaussian import sampler as gaussian_sampler
from thermo.simulate.gaussian.exact import LinearSystem, linear_system, sample_exact, stationary, transition

ALPHA = 1e-4
NON_NORMAL = np.array([[1.0, 3.0], [0.0, 2.0]])
README = 2 * np.eye(5) + 0.5 * (np.eye(5, k=1) + np.eye(5, k=-1))
README_NOISE = 2 * np.eye(5)
README_NOISE[0, 1] = README_NOISE[1, 0] = 1.0


def by_quadrature(a, q, t):
    """int_0^t exp(-A s) Q exp(-A^T s) ds as one adaptive integral."""
    return quad_vec(lambda s: expm(-a * s) @ q @ expm(-a * s).T, 0, t, epsabs=1e-12, epsrel=1e-12)[0]


CASES = {
    "non-normal": (NON_NORMAL, np.eye(2), 1.0),
    "singular": (np.array([[1.0, -1.0], [-1.0, 1.0]]), np.eye(2), 2.0),
    "zero": (np.zeros((2, 2)), np.array([[2.0, 1.0], [1.0, 1.0]]), 3.0),
    "defective": (np.array([[1.0, 1.0], [0.0, 1.0]]), np.eye(2), 1.5),
    "rotation, singular noise": (np.array([[0.0, -1.0], [1.0, 0.2]]), np.diag([0.0, 1.0]), 4.0),
    "unstable": (np.array([[-0.3, 0.1], [0.0, 1.0]]), np.eye(2), 3.0),
    "thermox README": (README, README_NOISE, 0.01),
    "stiff": (np.diag([1e-3, 1.0, 200.0]) + 0.1, np.eye(3), 5.0),
}


@pytest.mark.parametrize("name", CASES)
def test_transition_equals_quadrature(name):
    a, q, t = CASES[name]
    step = transition((a, 0.0, q), t)
    want = by_quadrature(a, q, t)
    np.testing.assert_allclose(step.covariance, want, rtol=1e-9, atol=1e-10 * np.abs(want).max())
    np.testing.assert_allclose(step.propagator, expm(-a * t), rtol=1e-9, atol=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(0.01, 20.0))
def test_two_transitions_are_one(seed, n, t):
    rng = np.random.default_rng(seed)
    a, root, b = (rng.normal(size=(n, n)) / n + np.eye(n), rng.normal(size=(n, n)), rng.normal(size=n))
    system = (a, b, root @ root.T)
    half, whole = transition(system, t / 2), transition(system, t)
    f = half.propagator
    np.testing.assert_allclose(f @ f, whole.propagator, atol=1e-9)
    np.testing.assert_allclose(f @ half.shift + half.shift, whole.shift, rtol=1e-8, atol=1e-8)
    twice = f @ half.covariance @ f.T + half.covariance
    np.testing.assert_allclose(twice, whole.covariance, rtol=1e-8, atol=1e-8)


def test_long_transitions_reach_the_stationary_law():
    mean, covariance = stationary((NON_NORMAL, [1.0, -2.0], np.eye(2)))
    far = transition((NON_NORMAL, [1.0, -2.0], np.eye(2)), 1e4)
    np.testing.assert_allclose(far.mean([3.0, 3.0]), mean, rtol=1e-12)
    np.testing.assert_allclose(far.covariance, covariance, rtol=1e-10)
    np.testing.assert_allclose(NON_NORMAL @ mean, [1.0, -2.0], rtol=1e-12)
    left = NON_NORMAL @ covariance
    np.testing.assert_allclose(left + left.T, np.eye(2), atol=1e-12)
    with pytest.raises(SimulationError, match="real part"):
        stationary((np.array([[1.0, -1.0], [-1.0, 1.0]]), 0.0, 1.0))
    with pytest.raises(SimulationError, match="overflows"):
        transition((-np.eye(2), 0.0, 1.0), 1e5)


@pytest.mark.parametrize("order", [Order.OVERDAMPED, Order.UNDERDAMPED])
def test_a_netlists_process_is_what_the_simulator_runs(order):
    """The simulator's mean, to first or second order in dt, with inputs and directed couplings."""
    netlist = toy(symmetric=False, j3=0.0, j4=0.0, j2=3.0, order=order, mass=1.4, friction=0.8)
    netlist = netlist.with_(schedule=(Phase("run", 0.4, input_scale=0.7, stiffness=0.5),))
    netlist = netlist.with_(readout=None, kT=0.0)
    data = toy_data(1)
    system = linear_system(netlist, data=data[0])
    want = transition(system, 0.4).mean(system.start)
    gaps = []
    for dt in (0.002, 0.001):
        got = simulate(netlist, data, dt=dt, keep_final=True, backend="numpy").final[0, 0]
        gaps.append(np.abs(got - want[:9]).max())
    assert gaps[1] < 2e-3
    if order == Order.OVERDAMPED:
        assert gaps[0] / gaps[1] == pytest.approx(2.0, rel=0.05)


def z_of_covariance(x, want):
    """Standardised deviations of second moments about a known mean 0."""
    runs = x.shape[0]
    sem = np.sqrt((np.outer(np.diag(want), np.diag(want)) + want**2) / runs)
    return ((x.T @ x / runs - want) / sem)[np.triu_indices(len(want))]


def test_samples_follow_the_transition():
    runs, t = 40_000, np.array([0.3, 0.8, 1.0])
    out = sample_exact((NON_NORMAL, [1.0, 2.0], np.eye(2)), t, trajectories=runs, x0=[0.5, -1.0])
    assert out.states.shape == (3, runs, 2)
    limit = norm.isf(ALPHA / 2 / 15)
    for k, time in enumerate(t):
        step = transition((NON_NORMAL, [1.0, 2.0], np.eye(2)), time)
        x = out.states[k].astype(float) - step.mean([0.5, -1.0])
        z = z_of_covariance(x, step.covariance)
        mean = x.mean(axis=0) / np.sqrt(np.diag(step.covariance) / runs)
        assert max(np.abs(z).max(), np.abs(mean).max()) < limit
    # the covariance from the symmetric part of the drift, thermox's, is found out
    value, vector = np.linalg.eigh(0.5 * (NON_NORMAL + NON_NORMAL.T))
    broken = vector @ np.diag((1 - np.exp(-2 * value)) / (2 * value)) @ vector.T
    assert np.abs(z_of_covariance(x, broken)).max() > limit


def test_a_process_in_detailed_balance_runs_mode_by_mode():
    """A Q symmetric: independent modes, one of them free (rate 0); the same law, another way."""
    flow = np.array([[1.0, 0.3, 0.0], [0.3, 2.0, 0.0], [0.0, 0.0, 0.0]])
    noise = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.5]])
    system = linear_system((flow @ np.linalg.inv(noise), [1.0, 2.0, 3.0], noise))
    assert gaussian_sampler._modes(system) is not None
    assert gaussian_sampler._modes(linear_system((README, 0.5, README_NOISE))) is None
    runs, x0 = 40_000, np.array([1.0, -1.0, 0.5])
    x = sample_exact(system, [0.3, 0.7], trajectories=runs, x0=x0).states[1].astype(float)
    step = transition(system, 0.7)
    x -= step.mean(x0)
    limit = norm.isf(ALPHA / 2 / 9)
    assert np.abs(z_of_covariance(x, step.covariance)).max() < limit
    assert np.abs(x.mean(axis=0) / np.sqrt(np.diag(step.covariance) / runs)).max() < limit


@pytest.mark.parametrize("noise", [README_NOISE, np.eye(5)], ids=["matrices", "modes"])
def test_sample_bits_do_not_depend_on_threads_or_split(noise):
    system = (README, 0.5, noise)
    t = np.arange(6) * 0.1
    whole = sample_exact(system, t, trajectories=150, seed=5)
    alone = sample_exact(system, t, trajectories=150, seed=5, threads=1)
    later = sample_exact(system, t, trajectories=50, seed=5, first_trajectory=100)
    few = sample_exact(system, t, trajectories=7, seed=5, first_trajectory=66)
    np.testing.assert_array_equal(whole.states, alone.states)
    np.testing.assert_array_equal(whole.states[:, 100:], later.states)
    np.testing.assert_array_equal(whole.states[:, 66:73], few.states)
    assert not whole.states[0].any()
    np.testing.assert_array_equal(whole.times, t)


def test_underdamped_samples_have_the_netlists_covariance():
    netlist = cell([Phase("run", 1.0)], order=1, j2=0.5, mass=2.0, friction=0.3, kT=1.5)
    step = transition(netlist, 1.3)
    x = sample_exact(netlist, 1.3, trajectories=40_000).states[0].astype(float)
    assert np.abs(z_of_covariance(x, step.covariance)).max() < norm.isf(ALPHA / 2 / 3)
    _, still = stationary(netlist)
    np.testing.assert_allclose(still, np.diag([1.5 / 1.0, 1.5 / 2.0]), atol=1e-12)


def pair(**columns):
    kind = columns.pop("coupling", CouplingKind.LINEAR)
    group = Couplings.from_coo(kind, 2, [0], [1], [0.5])
    return LangevinNetlist(Cells.make(2, **columns), (group,), 1.0, 1.0, (Phase("p", 1.0),))


NOT_QUADRATIC = [
    (pair(j4=[0.0, 0.3]), "cell 1 has j4 = 0.3"),
    (pair(j3=[-0.2, 0.0]), "cell 0 has j3 = -0.2"),
    (pair(hi=[5.0, np.inf]), "cell 0 has hi = 5"),
    (pair(kind=CellKind.PHASE, coupling=CouplingKind.SINE), "cell 0 is of kind phase"),
    (pair(activation=Activation.TANH), r"cell 1 shows tanh\(x\)"),
    (pair(coupling=CouplingKind.SINE), r"coupling \(0, 1\) is a sine"),
    (pair().with_(schedule=(Phase("ramp", 1.0, kT=(1.0, 0.0)),)), "'ramp' ramps"),
    (pair(role=[Role.OUTPUT, 0]).with_(schedule=(Phase("n", 1.0, nudge=0.1),)), "clamps or nudges"),
]


@pytest.mark.parametrize(("netlist", "message"), NOT_QUADRATIC)
def test_what_is_not_quadratic_is_refused_by_name(netlist, message):
    with pytest.raises(UnsupportedError, match=message) as caught:
        transition(netlist, 1.0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transition((np.eye(2), 0.0, 1.0), -1.0), ">= 0"),
        (lambda: transition((np.eye(2), 0.0, -np.eye(2)), 1.0), "no negative eigenvalue"),
        (lambda: transition((np.eye(2), 0.0, NON_NORMAL), 1.0), "symmetric"),
        (lambda: transition((np.full((2, 2), np.nan), 0.0, 1.0), 1.0), "not finite"),
        (lambda: linear_system(pair(), phase=3), "phase 3 does not exist"),
        (lambda: sample_exact((np.eye(2), 0.0, 1.0), [0.2, 0.1]), "increase"),
        (lambda: sample_exact((np.eye(2), 0.0, 1.0), 1.0, trajectories=0), "at least 1"),
        (lambda: sample_exact((np.eye(2), 0.0, 1.0), 1.0, x0=np.zeros(3)), "x0 must be"),
        (lambda: sample_exact((np.eye(2), 0.0, 1.0), 1.0, max_bytes=1), "max_bytes"),
        (lambda: LinearSystem(np.eye(2), np.zeros(3), np.eye(2), np.zeros(2)), "drift has shape"),
    ],
)
def test_bad_requests_are_refused(call, message):
    with pytest.raises(SimulationError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "least"), [("non-normal", 0.25), ("thermox README", 0.0)])
def test_beside_thermox(name, least):
    """Relative covariance error of ours and of thermox 0.0.6 against quadrature, after t = 1."""
    thermox = pytest.importorskip("thermox", reason="thermox comes with thermoc[bench]")
    jnp = pytest.importorskip("jax.numpy")
    a, q, _ = CASES[name]
    want = by_quadrature(a, q, 1.0)
    ours = transition((a, 0.0, q), 1.0).covariance
    theirs = np.asarray(thermox.conditional.covariance(1.0, jnp.asarray(a), jnp.asarray(q)))
    size = np.linalg.norm(want)
    assert np.linalg.norm(ours - want) / size < 1e-13
    assert np.linalg.norm(theirs - want) / size > max(least, 1e-3)


def test_thermox_has_no_answer_for_a_singular_drift():
    thermox = pytest.importorskip("thermox", reason="thermox comes with thermoc[bench]")
    jnp = pytest.importorskip("jax.numpy")
    a, q, t = CASES["singular"]
    theirs = thermox.conditional.covariance(t, jnp.asarray(a), jnp.asarray(q))
    assert not np.isfinite(np.asarray(theirs)).all()
    assert np.isfinite(transition((a, 0.0, q), t).covariance).all()
