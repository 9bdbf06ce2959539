"""Underdamped cells (BAOAB) and noise matrices: kernels against twins and the exact law."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import solve_discrete_lyapunov
from scipy.stats import norm
from toys.simulate import cell, toy, toy_data

from compiler.errors import UnsupportedError
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Order, Phase
from thermo.simulate import DivergenceError, SimulationError, simulate
from thermo.simulate.langevin.factor import semidefinite_factor

ALPHA = 1e-4  # chance that a test of this file fails by bad luck


def bound(m):
    """Largest |z| that m standard normals reach with probability ALPHA."""
    return norm.isf(ALPHA / 2 / m)


def inert(*phases, dt=0.01, n=1, kT=1.0, **columns):
    columns = {"order": Order.UNDERDAMPED, **columns}
    return cell(phases, kT=kT, n=n, **columns).with_(dt=dt)


def skewed_noise(n, seed=3):
    root = np.random.default_rng(seed).normal(size=(n, n))
    return root @ root.T / n


def netlists():
    """(netlist, method, heat method) that the kernel and its twin must agree on."""
    underdamped = toy(order=Order.UNDERDAMPED, mass=1.3, friction=0.7)
    yield underdamped, "baoab", "auto"
    yield underdamped, "baoab", "stratonovich"
    yield toy(order=Order.UNDERDAMPED, symmetric=False, density=0.2), "baoab", "auto"
    noisy = toy().with_(noise=skewed_noise(14))
    walls = replace(noisy, cells=replace(noisy.cells, hi=np.full(14, 0.9)))
    for method in ("euler", "heun"):
        yield noisy, method, "auto"
        yield walls, method, "stratonovich"


@pytest.mark.parametrize("case", range(7))
def test_kernel_equals_its_twin(case):
    netlist, method, heat = list(netlists())[case]
    options = dict(runs=3, keep_final=True, trajectory_every=1, method=method, heat_method=heat)
    if method == "baoab":
        options["v0"] = "thermal"
    ours = simulate(netlist, toy_data(3), **options)
    twin = simulate(netlist, toy_data(3), backend="numpy", **options)
    for name in ("outputs", "final", "trajectory", "heat", "heat_by_phase", "work"):
        a, b = getattr(ours, name), getattr(twin, name)
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, atol=5e-5, err_msg=name)
    if method == "baoab":
        np.testing.assert_allclose(ours.final_velocity, twin.final_velocity, atol=5e-5)
        assert ours.method == simulate(netlist, toy_data(1)).method == "baoab"


@pytest.mark.parametrize("noise", [False, True])
def test_bits_do_not_depend_on_threads_or_split(noise):
    netlist = toy(order=Order.UNDERDAMPED) if not noise else toy().with_(noise=skewed_noise(14))
    data = toy_data(1)
    whole = simulate(netlist, data, runs=100, keep_final=True, heat=False)
    again = simulate(netlist, data, runs=100, keep_final=True, heat=False, threads=1)
    later = simulate(netlist, data, runs=30, first_trajectory=70, keep_final=True, heat=False)
    np.testing.assert_array_equal(whole.final, again.final)
    np.testing.assert_array_equal(whole.final[:, 70:], later.final)


def test_a_noise_matrix_of_ones_is_the_scalar_mobility():
    """The same normals through a factor I: the plain kernel's trajectory, to rounding."""
    plain = toy()
    matrix = plain.with_(noise=np.eye(14))
    for method in ("euler", "heun"):
        a, b = (simulate(n, toy_data(2), runs=2, method=method, keep_final=True) for n in (plain, matrix))
        np.testing.assert_allclose(a.final, b.final, atol=2e-5)
        np.testing.assert_allclose(a.heat, b.heat, atol=1e-4)


def linear_chain(noise=None, **columns):
    """Three quadratic cells with directed couplings."""
    w = np.array([[0.0, 0.4, 0.0], [-0.3, 0.0, 0.5], [0.2, 0.0, 0.0]])
    couplings = Couplings.from_dense(CouplingKind.LINEAR, w)
    cells = Cells.make(3, j2=[0.5, 0.7, 0.4], **columns)
    drift = np.diag([1.0, 1.4, 0.8]) - w
    netlist = LangevinNetlist(cells, (couplings,), 0.7, 1.0, (Phase("run", 30.0),), noise=noise)
    return netlist.with_(dt=0.25), drift


@pytest.mark.parametrize("method", ["euler", "heun"])
def test_noise_matrix_gives_the_discretised_covariance(method):
    """Stationary S = P S P^T + M (2 kT D dt) M^T, P the step's propagator, M what noise passes."""
    noise = np.array([[1.0, 0.6, 0.0], [0.6, 0.5, 0.0], [0.0, 0.0, 0.0]])
    netlist, drift = linear_chain(noise)
    runs, a = 40_000, drift * netlist.dt
    step, passed = np.eye(3) - a, np.eye(3)
    if method == "heun":
        step, passed = step + a @ a / 2, np.eye(3) - a / 2
    shot = 2 * netlist.kT * netlist.dt * passed @ noise @ passed.T
    want = solve_discrete_lyapunov(step, shot)
    final = simulate(netlist, runs=runs, method=method, keep_final=True, heat=False).final[0]
    got = final.T.astype(float) @ final / runs
    sem = np.sqrt((np.outer(np.diag(want), np.diag(want)) + want**2) / runs)
    z = np.abs((got - want) / sem)[np.triu_indices(3)]
    assert z.max() < bound(6)
    # a noise without its correlations would not pass
    broken = solve_discrete_lyapunov(step, np.diag(np.diag(shot)))
    assert np.abs((got - broken) / sem).max() > bound(6)


@pytest.mark.parametrize("dt", [0.5, 1.5])
def test_baoab_samples_a_harmonic_well_exactly_at_any_step(dt):
    """<x^2> = kT / k, <x v> = 0 and m <v^2> = kT (1 - (omega dt)^2 / 4) (derived)."""
    runs, k, m, kT = 60_000, 1.0, 1.0, 1.3
    netlist = inert(Phase("run", 40 * dt), dt=dt, kT=kT, j2=k / 2, mass=m, friction=0.8)
    done = simulate(netlist, runs=runs, keep_final=True)
    x, v = done.final[0, :, 0].astype(float), done.final_velocity[0, :, 0].astype(float)
    spread = np.sqrt(2 / runs)
    slow = 1 - k / m * dt**2 / 4
    z = [
        (np.mean(x**2) * k / kT - 1) / spread,
        (np.mean(v**2) * m / kT / slow - 1) / spread,
        np.mean(x * v) / np.sqrt(np.mean(x**2) * np.mean(v**2) / runs),
    ]
    assert np.abs(z).max() < bound(3)
    # a tenth more noise would not pass
    assert abs(np.mean((1.1 * x) ** 2) * k / kT - 1) / spread > bound(3)


def test_velocities_have_weak_order_two_on_a_skewed_potential():
    """m <v^2> / kT - 1 falls as dt^2 in V = j2 x^2 - h x - W cos(u - x), curved both ways."""
    errors, steps, runs = [], np.array([1.2, 0.6]), 100_000
    for dt in steps:
        cells = Cells.make(2, order=1, j2=[0.25, 0], h=[0.3, 0], friction=1.0, x0=[0, 1.0], role=[0, 1])
        sine = Couplings.from_coo(CouplingKind.SINE, 2, [0], [1], [1.5])
        netlist = LangevinNetlist(cells, (sine,), 1.0, 1.0, (Phase("run", 12.0),), dt=float(dt))
        v = simulate(netlist, runs=runs, keep_final=True, heat=False).final_velocity
        errors.append(np.mean(v.astype(float) ** 2) - 1)
    order = np.log(errors[0] / errors[1]) / np.log(2)
    # the second error has the sem sqrt(2 / runs)
    slack = bound(1) * np.sqrt(2 / runs) / abs(errors[1]) / np.log(2)
    assert slack < 0.4 and abs(order - 2) < 0.25 + slack


def test_without_noise_the_motion_is_that_of_an_ode_solver_to_second_order():
    netlist = inert(
        Phase("run", 4.0), n=1, kT=0.0, j2=0.5, j3=0.2, j4=0.3, h=0.4, mass=1.7, friction=0.5, x0=1.1
    )

    def motion(t, y):
        x, v = y
        force = 0.4 - 1.0 * x - 0.6 * x**2 - 1.2 * x**3
        return [v, (force - 0.5 * v) / 1.7]

    want = solve_ivp(motion, (0, 4), [1.1, -0.6], rtol=1e-10, atol=1e-12).y[:, -1]
    gaps = []
    for dt in (0.1, 0.05, 0.025):
        done = simulate(netlist, dt=dt, v0=np.array([-0.6]), keep_final=True, backend="numpy")
        gaps.append(np.hypot(*(np.array([done.final.item(), done.final_velocity.item()]) - want)))
    orders = np.log2(np.array(gaps[:-1]) / gaps[1:])
    assert np.abs(orders - 2).max() < 0.1


def test_heat_is_what_friction_and_noise_take():
    """First law: energy difference plus ramps' work, against the sum at the bath, whose gap is the
    step's own error and falls as dt^2."""
    gaps = []
    for dt in (0.02, 0.01):
        netlist = toy(order=Order.UNDERDAMPED, friction=0.9).with_(dt=dt)
        options = dict(runs=200, dt=dt, backend="numba", v0="thermal")
        exact = simulate(netlist, toy_data(2), **options)
        along = simulate(netlist, toy_data(2), heat_method="stratonovich", **options)
        assert exact.heat_method == "potential" and along.work is None
        gaps.append(np.abs(exact.heat - along.heat).mean())
        assert gaps[-1] < 0.05 * np.abs(exact.heat).mean()
    assert 2.5 < gaps[0] / gaps[1] < 6.0
    # without friction nothing reaches the bath
    free = toy(order=Order.UNDERDAMPED, friction=1e-9)
    alone = simulate(free, toy_data(2), heat_method="stratonovich")
    assert np.abs(alone.heat).max() < 1e-3


def test_work_of_a_ramp_obeys_jarzynski():
    """Two cells whose coupling is switched on within about a period, from exact equilibrium."""
    runs, w, kT = 40_000, 0.6, 0.8
    couplings = Couplings.from_dense(CouplingKind.LINEAR, np.array([[0, w], [w, 0]]))
    cells = Cells.make(2, j2=[0.5, 0.6], mass=1.0, friction=0.3, order=Order.UNDERDAMPED)
    ramp = (Phase("on", 4.0, coupling_scale=(0.0, 1.0)),)
    netlist = LangevinNetlist(cells, (couplings,), kT, 1.0, ramp, dt=0.02)
    rng = np.random.default_rng(0)
    x0 = rng.normal(size=(1, runs, 2)) * np.sqrt(kT / np.array([1.0, 1.2]))
    done = simulate(netlist, runs=runs, x0=x0, v0="thermal")
    work = done.work.sum(axis=0)[0] / kT
    free = 0.5 * (np.log(1.0 * 1.2 - w**2) - np.log(1.0 * 1.2))
    weights = np.exp(-work)
    sem = weights.std(ddof=1) / np.sqrt(runs)
    assert abs(weights.mean() - np.exp(-free)) < bound(1) * sem
    # the mean work alone is not the free energy: the ramp dissipates
    assert work.mean() - free > bound(1) * work.std() / np.sqrt(runs)


def test_starting_velocities():
    netlist = inert(Phase("run", 0.01), mass=4.0, kT=2.0)
    rest = simulate(netlist, kT=0.0, keep_final=True, backend="numpy")
    assert rest.final_velocity.item() == 0.0
    runs = 20_000
    warm = simulate(netlist, runs=runs, v0="thermal", keep_final=True)
    v = warm.final_velocity[0, :, 0].astype(float)
    assert abs(np.mean(v**2) * 4.0 / 2.0 - 1) < bound(1) * np.sqrt(2 / runs)
    part = simulate(netlist, runs=10, v0="thermal", first_trajectory=50, keep_final=True)
    np.testing.assert_array_equal(part.final, warm.final[:, 50:60])


def test_divergence_names_the_step_that_holds():
    netlist = inert(Phase("run", 400.0), dt=2.5, j2=0.5)  # omega dt = 2.5 > 2
    with pytest.raises(DivergenceError, match=r"cell 0 .* dt = 1.25 holds"):
        simulate(netlist)


REFUSED = [
    (inert(Phase("p", 1.0)), dict(method="euler"), "'euler' does not apply to the underdamped"),
    (cell([Phase("p", 1.0)]), dict(method="baoab"), "'baoab' does not apply to the overdamped"),
    (inert(Phase("p", 1.0)), dict(backend="jax"), "'jax' does not run underdamped"),
    (cell([Phase("p", 1.0)]).with_(noise=np.eye(1)), dict(backend="jax"), "a noise matrix"),
    (
        cell([Phase("p", 1.0)]).with_(noise=np.eye(1)),
        dict(method="leimkuhler-matthews"),
        "does not run a noise matrix",
    ),
]


@pytest.mark.parametrize(("netlist", "options", "message"), REFUSED)
def test_what_does_not_fit_is_refused(netlist, options, message):
    with pytest.raises(UnsupportedError, match=message) as caught:
        simulate(netlist, **options)
    assert "\n" not in str(caught.value)


def test_clamps_and_bad_velocities_are_refused():
    from compiler.ir.langevin import Group

    held = inert(Phase("p", 1.0, clamped=("all",))).with_(groups=(Group("all", 0, 1),))
    with pytest.raises(UnsupportedError, match="clamps 'all'"):
        simulate(held)
    with pytest.raises(SimulationError, match="overdamped cells have no velocity"):
        simulate(cell([Phase("p", 1.0)]), v0="thermal")
    with pytest.raises(SimulationError, match="v0 has shape"):
        simulate(inert(Phase("p", 1.0)), v0=np.zeros(3))
    with pytest.raises(SimulationError, match="v0 must be one of thermal"):
        simulate(inert(Phase("p", 1.0)), v0="hot")


def test_factor_of_a_singular_and_graded_covariance():
    root = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1e-7], [0.0, 0.0]])
    covariance = root @ root.T
    factor = semidefinite_factor(covariance)
    np.testing.assert_allclose(factor @ factor.T, covariance, rtol=1e-12, atol=1e-30)
    assert not factor[3].any()
    assert not semidefinite_factor(np.zeros((2, 2))).any()
