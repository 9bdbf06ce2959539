"""Laws that an integrator must obey, each with a tolerance that is derived and a twin that fails.

Statistical checks are two-sided at ALPHA against the discretised reference; seeds are fixed.
Twins: noise times 1.1 (kT times 1.21), dt in place of sqrt(dt), a flipped sign, the Ito sum.
"""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad, solve_ivp
from scipy.linalg import solve_discrete_lyapunov
from toys.simulate import cell, toy, toy_data

from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, Role
from thermo.kernels.random import normals_numpy
from thermo.simulate import simulate
from thermo.simulate.langevin.prepare import encode

ALPHA = 1e-6
Z = stats.norm.isf(ALPHA / 2)


def z_of_mean(x, reference):
    """z-score of a sample mean of independent values."""
    x = np.asarray(x, dtype=float).ravel()
    return (x.mean() - reference) / (x.std(ddof=1) / np.sqrt(x.size))


# stationary variance of a harmonic well -----------------------------------------------------------

K, MU, DT = 3.0, 0.7, 0.2  # mu k dt = 0.42: the discretisation is no small matter


def harmonic_variance(method, k=K, mu=MU, dt=DT, kT=1.0):
    """Stationary variance of the linear recursion that each scheme is in a harmonic well.

    Euler-Maruyama and Heun: x' = r x + s xi, variance s^2 / (1 - r^2). Leimkuhler-Matthews:
    x' = r x + s (xi + xi') / 2, where xi' returns in the next step, gives kT / k exactly.
    """
    a, noise = k * mu * dt, 2 * mu * kT * dt
    if method == "euler":
        return (kT / k) / (1 - a / 2)
    if method == "heun":
        r, gain = 1 - a + a * a / 2, 1 - a / 2
        return gain**2 * noise / (1 - r * r)
    return kT / k


def harmonic_states(method, kT=1.0, count=40_000):
    netlist = cell([Phase("run", 8.0)], n=4, j2=K / 2, kT=kT).with_(mobility=MU)
    return simulate(netlist, method=method, dt=DT, runs=count, heat=False).outputs[0, 0]


@pytest.mark.parametrize("method", ["euler", "heun", "leimkuhler-matthews"])
def test_stationary_variance_of_a_harmonic_well(method):
    reference = harmonic_variance(method)
    # 40 steps: what is left of the start is r^80 < 1e-18 of the variance
    squares = harmonic_states(method).astype(float) ** 2
    assert abs(z_of_mean(squares, reference)) < Z
    assert abs(z_of_mean(1.21 * squares, reference)) > Z  # noise x 1.1
    assert abs(z_of_mean(DT * squares, reference)) > Z  # dt for sqrt(dt)
    if method != "leimkuhler-matthews":
        assert abs(z_of_mean(squares, K**-1)) > Z  # the variance of continuous time


# Boltzmann histogram of a skewed double well ------------------------------------------------------

WELL = dict(j2=-1.5, j3=0.25, j4=0.5, h=0.2)


def boltzmann(kT, j2, j3, j4, h):
    """Unnormalised density and its integral."""
    density = lambda x: np.exp(-(j2 * x**2 + j3 * x**3 + j4 * x**4 - h * x) / kT)  # noqa: E731
    return density, quad(density, -8, 8, epsabs=1e-12, limit=200)[0]


def histogram_p(x, kT=1.0, **well):
    """p-value of chi-square of independent states against the Boltzmann density, 30 bins."""
    density, total = boltzmann(kT, **(WELL | well))
    edges = np.concatenate([[-8.0], np.linspace(-2.0, 1.6, 29), [8.0]])
    expected = [quad(density, a, b)[0] / total for a, b in pairwise(edges)]
    counts = np.histogram(x, edges)[0]
    assert counts.sum() == x.size
    expected = np.array(expected) / np.sum(expected) * x.size
    assert expected.min() > 20
    return stats.chisquare(counts, expected).pvalue


def test_boltzmann_histogram_of_a_skewed_double_well():
    # independent trajectories, started in equilibrium's neighbourhood, run past many crossings;
    # at dt = 0.01 the bias of Leimkuhler-Matthews is below 1e-3 of a bin, chi-square sees 1e-2
    netlist = cell([Phase("run", 15.0)], n=16, **WELL)
    got = simulate(netlist, method="leimkuhler-matthews", dt=0.01, runs=2_500, heat=False)
    x = got.outputs[0, 0].ravel().astype(float)
    assert histogram_p(x) > ALPHA
    assert histogram_p(1.05 * x) < ALPHA
    assert histogram_p(x, kT=1.21) < ALPHA  # noise x 1.1
    assert histogram_p(-x) < ALPHA  # the sign of both skewed terms


# weak order in the stationary measure -------------------------------------------------------------

MILD = dict(j2=0.5, j3=0.15, j4=0.05, h=0.5)
FLAT = dict(j2=0.0, j3=0.2, j4=0.1, h=0.5)  # where the small bias of the last scheme shows
ORDERS = {
    # order, well, time steps, batches of 2^19 independent cells
    "euler": (1, MILD, (0.2, 0.1, 0.05), 1),
    "heun": (2, MILD, (0.3, 0.2, 0.15), 1),
    "leimkuhler-matthews": (2, FLAT, (0.25, 0.125), 80),
}


def stationary_bias(method, well, dt, batches, kT=1.0):
    """Bias of <x^2> in the stationary state and its standard error, from independent cells."""
    density, total = boltzmann(1.0, **well)
    reference = quad(lambda x: x**2 * density(x), -9, 9)[0] / total
    netlist = cell([Phase("run", 18.0)], n=64, **well)
    means = []
    for seed in range(batches):
        got = simulate(
            netlist,
            kT=kT,
            method=method,
            dt=dt,
            runs=8192,
            heat=False,
            seed=seed,
            observe=[6.0, 9.0, 12.0, 15.0, 18.0],
        )
        means.append(np.mean(got.outputs[:, 0].astype(float) ** 2, axis=(0, 1)))
    each = np.ravel(means)  # of every cell over its runs
    return each.mean() - reference, each.std(ddof=1) / np.sqrt(each.size)


def fitted_order(method, batches, kT=1.0):
    """Slope of log |bias| over log dt and its standard error."""
    _, well, steps, _ = ORDERS[method]
    bias, sem = np.array([stationary_bias(method, well, dt, batches, kT) for dt in steps]).T
    weight = np.abs(bias) / sem
    fit, covariance = np.polyfit(np.log(steps), np.log(np.abs(bias)), 1, w=weight, cov="unscaled")
    return fit[0], np.sqrt(covariance[0, 0])


@pytest.mark.slow
@pytest.mark.parametrize("method", ORDERS)
def test_weak_order_in_the_stationary_measure_of_a_skewed_well(method):
    order, _, _, batches = ORDERS[method]
    slope, error = fitted_order(method, batches)
    # nearer to its own order than to any other whole one, by the fit's own error
    assert abs(slope - order) + Z * error < 0.5
    slope, error = fitted_order(method, 1, kT=1.21)  # noise x 1.1: the bias stays as dt goes to 0
    assert abs(slope - order) - Z * error > 0.5


# kT = 0 against an ODE solver ---------------------------------------------------------------------


def ode_end(netlist, data, time):
    """State at `time` of sample 0 by an adaptive solver, at kT = 0."""
    dynamic = ~netlist.cells.frozen
    w = np.zeros((netlist.n_cells, netlist.n_cells))
    group = netlist.couplings[0]
    w[group.rows, group.indices] = group.values
    c, u = netlist.cells, encode(netlist, data)[0]
    among, drive = w[np.ix_(dynamic, dynamic)], w[np.ix_(dynamic, ~dynamic)] @ u
    j2, j3, j4, h = (column[dynamic] for column in (c.j2, c.j3, c.j4, c.h))

    def rate(t, x):
        return h + drive + among @ x - 2 * j2 * x - 3 * j3 * x**2 - 4 * j4 * x**3

    got = solve_ivp(rate, (0, time), c.x0[dynamic], rtol=1e-12, atol=1e-12, method="DOP853")
    return got.y[:, -1]


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2)])
def test_without_noise_the_ode_solver_is_met_at_the_schemes_order(method, order):
    netlist = toy(symmetric=False, schedule=(Phase("relax", 0.8),))
    data = toy_data(1)
    want = ode_end(netlist, data, 0.8)
    steps = np.array([0.04, 0.02, 0.01, 0.005])
    errors = []
    for dt in steps:
        got = simulate(netlist, data, kT=0.0, dt=dt, method=method, keep_final=True, backend="numpy")
        errors.append(np.abs(got.final[0, 0] - want).max())
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.25
    fast = simulate(netlist, data, kT=0.0, dt=0.8 / 1600, method="heun", keep_final=True)
    assert np.abs(fast.final[0, 0] - want).max() < 1600 * 2.0**-24 * 2  # rounding of 1600 steps
    flipped = netlist.with_(cells=toy(j3=-0.3, schedule=netlist.schedule).cells)
    wrong = simulate(flipped, data, kT=0.0, dt=0.005, method=method, keep_final=True)
    assert np.abs(wrong.final[0, 0] - want).max() > 10 * errors[-1]


# heat, section "Heat" of docs/physics.md ----------------------------------------------------------


def bounded_network():
    """Twelve cells in [0, 1], x' = clip(W x + b) at rest, half of them at a wall."""
    rng = np.random.default_rng(5)
    n = 12
    w = rng.normal(size=(n, n)) * 3 / np.sqrt(n)
    w = (w + w.T) / 2
    np.fill_diagonal(w, 0.0)
    h = rng.normal(size=n)
    cells = Cells.make(n, j2=0.5, h=h, lo=0.0, hi=1.0, x0=0.5, role=Role.OUTPUT)
    couplings = (Couplings.from_dense(CouplingKind.LINEAR, w),)
    return LangevinNetlist(cells, couplings, 0.0, 1.0, (Phase("run", 40.0),), dt=0.25), w, h


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
def test_heun_s_guess_stays_within_walls(backend):
    """Where cells rest no step moves them: x = clip(x + f), whatever dt."""
    net, w, h = bounded_network()
    x = simulate(net, method="heun", backend=backend, heat=False).outputs[-1, 0, 0].astype(float)
    assert np.abs(np.clip(w @ x + h, 0, 1) - x).max() < 1e-5
    assert 3 <= ((x == 0) | (x == 1)).sum() <= 10
    # the twin whose guess passes walls moves away from there, and comes to rest elsewhere
    y = x
    for _ in range(400):
        f = w @ y + h - y
        guess = y + 0.25 * f
        y = np.clip(y + 0.125 * (f + w @ guess + h - guess), 0, 1)
    assert np.abs(y - x).max() > 0.02


def test_heat_estimators_agree_and_ito_is_wrong_by_a_third():
    netlist = cell([Phase("run", 0.2)], j2=1.0, j4=1.0, h=8.0).with_(dt=1e-3)
    published = {"energy": 5.305, "trapezoid": 5.299, "ito": 6.99}  # 2e5 runs each
    runs = 200_000
    exact = simulate(netlist, runs=runs).heat[0]
    trapezoid = simulate(netlist, runs=runs, heat_method="stratonovich").heat[0]
    for name, heat in (("energy", exact), ("trapezoid", trapezoid)):
        sem = heat.std() / np.sqrt(runs)
        assert abs(heat.mean() - published[name]) < Z * np.sqrt(2) * sem
    some = simulate(netlist, runs=20_000, trajectory_every=1)
    x = some.trajectory[:, 0, :, 0].astype(float)
    dx, before, middle = np.diff(x, axis=0), x[:-1], 0.5 * (x[1:] + x[:-1])
    # The broken twin takes the force before the step; V is a quartic, so Taylor's series ends and
    # says what the twin counts too much, V'' dx^2 / 2 + ..., which no smaller dt removes.
    ito = np.sum((8 - 2 * before - 4 * before**3) * dx, axis=0)
    excess = np.sum((1 + 6 * before**2) * dx**2 + 4 * before * dx**3 + dx**4, axis=0)
    assert np.allclose(ito - some.heat[0], excess, atol=1e-4)
    # the trapezoid's error is the third derivative of V times dx^3 / 12 at the middle, exactly
    assert np.allclose(trapezoid[:20_000] - exact[:20_000], -2 * np.sum(middle * dx**3, axis=0), atol=1e-4)
    sem = ito.std() * np.sqrt(1 / ito.size + 1 / runs)
    assert abs(ito.mean() - published["ito"]) < Z * sem
    assert abs(ito.mean() - published["energy"]) > Z * sem


def test_stratonovich_heat_converges_to_the_energy_difference():
    netlist = cell([Phase("run", 0.2)], j2=1.0, j4=1.0, h=8.0)
    errors = []
    for dt in (0.004, 0.001):
        a, b = (
            simulate(netlist, runs=4000, dt=dt, heat_method=m).heat for m in ("potential", "stratonovich")
        )
        errors.append(np.sqrt(np.mean((a - b) ** 2)))
    # error a path: sqrt(steps) dx^3 ~ dt; the twin would not shrink
    assert errors[1] < 0.35 * errors[0]


# fluctuation theorems -----------------------------------------------------------------------------


def mean_exponential_z(values):
    """z-score of <exp(values)> - 1."""
    return z_of_mean(np.exp(values), 1.0)


def test_fluctuation_theorem_of_a_quenched_harmonic_cell():
    """Stiffness k0 -> k1 at t = 0: Jarzynski for the work, <exp(-Sigma)> = 1 for the whole."""
    k0, k1, kT, runs, time, dt = 1.0, 3.0, 0.8, 100_000, 0.4, 2e-3
    start = np.sqrt(kT / k0) * normals_numpy(7, np.arange(runs), 0, 1)[0]
    netlist = cell([Phase("before", dt), Phase("quenched", time, stiffness=k1 - k0)], j2=k0 / 2, kT=kT)
    got = simulate(
        netlist,
        np.zeros((1, 0)),
        runs=runs,
        x0=start[None, :, None],
        dt=dt,
        trajectory_every=1,
        max_bytes=1 << 28,
    )
    switched = got.trajectory[1, 0, :, 0].astype(float)
    assert np.allclose(got.work[1, 0], (k1 - k0) / 2 * switched**2, atol=1e-6)
    free_energy = kT / 2 * np.log(k1 / k0)
    jarzynski = (free_energy - got.work[1, 0]) / kT
    assert abs(mean_exponential_z(jarzynski)) < Z
    assert abs(mean_exponential_z(jarzynski - 2 * free_energy / kT)) > Z  # sign of dF
    assert abs(mean_exponential_z((free_energy - 1.21 * got.work[1, 0]) / kT)) > Z
    # Sigma = Q/T - change of ln p(x, t), p Gaussian with the variance of the discrete recursion
    variance, steps = kT / k0, got.n_steps - 1
    variance = (1 - k0 * dt) ** 2 * variance + 2 * kT * dt
    first = variance
    for _ in range(steps):
        variance = (1 - k1 * dt) ** 2 * variance + 2 * kT * dt
    end = got.trajectory[-1, 0, :, 0].astype(float)
    log_p = [-0.5 * np.log(v) - x**2 / (2 * v) for v, x in ((first, switched), (variance, end))]
    heat = got.heat_by_phase[1, 0]
    sigma = heat / kT - (log_p[1] - log_p[0])
    assert abs(mean_exponential_z(-sigma)) < Z
    assert sigma.mean() > 0  # the second law
    path = got.trajectory[1:, 0, :, 0].astype(float)
    ito = np.sum(-k1 * path[:-1] * np.diff(path, axis=0), axis=0)
    for wrong in (ito, 0.0 * heat, 1.21 * heat):
        assert abs(mean_exponential_z(-(wrong / kT - (log_p[1] - log_p[0])))) > Z


def test_jarzynski_and_second_law_of_a_dragged_harmonic_cell():
    """A well k (x - c)^2 / 2 dragged by a linear ramp of its force: dF = -(h1^2 - h0^2) / 2k."""
    k, kT, runs, dt = 2.0, 1.0, 100_000, 2e-3
    h = 1.5  # force at the end; a frozen input cell of value 1 pulls through a ramped coupling
    netlist = LangevinNetlist(
        Cells.make(2, j2=[0.0, k / 2], role=[Role.INPUT, Role.DYNAMIC], x0=[1.0, 0.0]),
        (Couplings.from_coo(CouplingKind.LINEAR, 2, [1], [0], [h]),),
        kT,
        1.0,
        (Phase("drag", 0.6, coupling_scale=(0.0, 1.0)),),
    )
    start = np.sqrt(kT / k) * normals_numpy(8, np.arange(runs), 0, 1)[0]
    got = simulate(netlist, runs=runs, x0=start[None, :, None], dt=dt, keep_final=True)
    work = got.work[0, 0]
    free_energy = -(h**2) / (2 * k)
    jarzynski = (free_energy - work) / kT
    assert abs(mean_exponential_z(jarzynski)) < Z
    assert abs(mean_exponential_z(-jarzynski)) > Z
    assert abs(mean_exponential_z(1.1 * jarzynski)) > Z
    assert abs(mean_exponential_z((0.0 - work) / kT)) > Z
    # first law on each trajectory
    end = got.final[0, :, 0].astype(float)
    energy = k / 2 * (end**2 - start**2) - h * end
    assert np.allclose(energy, work - got.heat_by_phase[0, 0], atol=1e-4)
    # Gaussian work: variance is 2 kT times the dissipated work
    z = (work.var() - 2 * kT * (work.mean() - free_energy)) / (
        work.var() * np.sqrt(2 / runs) + 2 * kT * work.std() / np.sqrt(runs)
    )
    assert abs(z) < Z


# rotational current -------------------------------------------------------------------------------


def rotation(sign=1.0, a=0.9, dt=0.05, runs=4096, steps=200):
    """Mean of x dy - y dx per step in the steady state of a rotating linear pair."""
    couplings = Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 1], [1, 0], [-sign * a + 0.2, sign * a + 0.2])
    netlist = LangevinNetlist(
        Cells.make(2, j2=[0.5, 0.8]), (couplings,), 0.7, 1.0, (Phase("run", steps * dt),)
    )
    x = simulate(netlist, runs=runs, dt=dt, trajectory_every=1, heat=False).trajectory[:, 0]
    x = x[steps // 2 :].astype(float)
    area = x[:-1, :, 0] * np.diff(x[..., 1], axis=0) - x[:-1, :, 1] * np.diff(x[..., 0], axis=0)
    matrix = np.array([[-1.0, -sign * a + 0.2], [sign * a + 0.2, -1.6]])
    step = np.eye(2) + dt * matrix
    covariance = solve_discrete_lyapunov(step, 2 * 0.7 * dt * np.eye(2))
    flow = step @ covariance - covariance  # <dx x^T>
    return area.mean(axis=0), flow[1, 0] - flow[0, 1]


def test_rotational_current_of_an_asymmetric_pair():
    area, reference = rotation()
    assert reference > 0
    assert abs(z_of_mean(area, reference)) < Z  # one independent mean a trajectory
    assert abs(z_of_mean(1.1 * area, reference)) > Z
    assert abs(z_of_mean(rotation(sign=-1.0)[0], reference)) > Z
    assert abs(z_of_mean(rotation(a=0.0)[0], 0.0)) < Z  # detailed balance: no current


def test_housekeeping_heat_is_positive_and_meets_its_closed_form():
    """In the steady state heat flows at the rate <f o dx>, here a (current), from a x dy - y dx."""
    a, dt, runs, steps = 0.9, 0.02, 4096, 400
    couplings = Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 1], [1, 0], [-a, a])
    netlist = LangevinNetlist(
        Cells.make(2, j2=0.5),
        (couplings,),
        0.7,
        1.0,
        (Phase("settle", steps * dt), Phase("steady", steps * dt)),
    )
    got = simulate(netlist, runs=runs, dt=dt)
    assert got.heat_method == "stratonovich"
    step = np.eye(2) + dt * np.array([[-1.0, -a], [a, -1.0]])
    covariance = solve_discrete_lyapunov(step, 2 * 0.7 * dt * np.eye(2))
    flow = step @ covariance - covariance
    # the symmetric part of the force is a gradient and adds nothing in the mean
    reference = steps * a * (flow[1, 0] - flow[0, 1])
    assert reference > 0
    assert abs(z_of_mean(got.heat_by_phase[1, 0], reference)) < Z
    assert abs(z_of_mean(-got.heat_by_phase[1, 0], reference)) > Z
