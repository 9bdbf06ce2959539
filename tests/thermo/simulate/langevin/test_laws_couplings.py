"""Laws of gradient and sine couplings, phase cells and nudges, each beside a twin that fails.

Statistical checks are two-sided at ALPHA; seeds are fixed. Twins: noise times 1.1 (kT times 1.21),
a flipped sign, the Ito sum.
"""

import numpy as np
import pytest
from scipy import stats
from scipy.special import i0
from toys.couplings import A, mixed, mixed_data
from toys.simulate import cell

from compiler.ir.langevin import CellKind, Cells, CouplingKind, Couplings, LangevinNetlist, Phase, Role
from compiler.ir.law import Law, Setting
from thermo.simulate import simulate
from thermo.simulate.langevin.prepare import encode, prepare

ALPHA = 1e-6


def pair_of(kind, n, weight, back=None):
    """Couplings (0, 1), (2, 3), ... of one weight, or another one back."""
    i, j = np.arange(0, n, 2), np.arange(1, n, 2)
    weights = np.repeat([weight, weight if back is None else back], n // 2)
    return Couplings.from_coo(kind, n, np.r_[i, j], np.r_[j, i], weights)


# Boltzmann histograms -----------------------------------------------------------------------------

PAIR = dict(j2=0.5, j4=0.25, h=np.tile([0.3, -0.2], 8))
WEIGHT = 1.6


def pair_density(kT=1.0, weight=WEIGHT, cells=5):
    """Weights of `cells` x `cells` bins of a tanh pair with V = U_0 + U_1 - W phi phi."""
    x = (np.arange(720) + 0.5) / 80 - 4.5  # midpoints: every inner edge is a border between two
    a, b = np.meshgrid(x, x, indexing="ij")
    v = 0.5 * (a**2 + b**2) + 0.25 * (a**4 + b**4) - 0.3 * a + 0.2 * b
    p = np.exp(-(v - weight * np.tanh(a) * np.tanh(b)) / kT)
    edges = np.concatenate([[-9.0], np.linspace(-0.75, 0.75, cells - 1), [9.0]])
    return edges, np.histogram2d(a.ravel(), b.ravel(), [edges, edges], weights=p.ravel())[0]


def pair_p(x, **changes):
    """p-value of chi-square of pairs x (count, 2)."""
    edges, expected = pair_density(**changes)
    counts = np.histogram2d(x[:, 0], x[:, 1], [edges, edges])[0].ravel()
    expected = expected.ravel() / expected.sum() * x.shape[0]
    assert counts.sum() == x.shape[0]
    assert expected.min() > 20
    return stats.chisquare(counts, expected).pvalue


def test_boltzmann_histogram_of_a_gradient_coupled_pair():
    """40,000 pairs, of which chi-square sees a relative bias of 1e-2.

    The scheme is of second order in the stationary measure: V'' is at most 5 in the bulk, so its
    bias is of order (5 dt)^2 / 12, below 1e-3. Dropping dt to 0.01 changes nothing that is seen.
    """
    netlist = cell([Phase("run", 12.0)], n=16, activation=A.TANH, x0=0.0, **PAIR)
    netlist = netlist.with_(couplings=(pair_of(CouplingKind.GRADIENT, 16, WEIGHT),))
    options = dict(method="leimkuhler-matthews", dt=0.02, runs=5_000, heat=False)
    x = simulate(netlist, **options).outputs[0, 0].astype(float).reshape(-1, 2)
    assert pair_p(x) > ALPHA
    assert pair_p(1.05 * x) < ALPHA
    assert pair_p(x, kT=1.21) < ALPHA  # noise x 1.1
    assert pair_p(x, weight=-WEIGHT) < ALPHA
    assert pair_p(x, weight=0.9 * WEIGHT) < ALPHA
    # linear couplings of the same weight leave out phi'(x_i) and are no gradient
    linear = netlist.with_(couplings=(pair_of(CouplingKind.LINEAR, 16, WEIGHT),))
    other = simulate(linear, **(options | dict(method="heun", runs=2_000)))
    assert pair_p(other.outputs[0, 0].astype(float).reshape(-1, 2)) < ALPHA


FIELD, PULL, ANGLE, SECOND = 0.8, 1.1, 2.0, 0.6


def angle_p(x, kT=1.0, second=SECOND, sign=1.0):
    """p-value of chi-square of angles against exp((h cos x + W cos(x - u) - j2 sin^2 x) / kT)."""
    fine = (np.arange(2400) + 0.5) / 2400 * 2 * np.pi
    v = -FIELD * np.cos(fine) - PULL * np.cos(fine - sign * ANGLE) + second * np.sin(fine) ** 2
    p = np.exp(-v / kT).reshape(24, 100).sum(axis=1)
    counts = np.histogram(x, 24, (0.0, 2 * np.pi))[0]
    assert counts.sum() == x.size
    return stats.chisquare(counts, p / p.sum() * x.size).pvalue


def phase_cells(second, run=12.0):
    """Sixteen phase cells in their field, each pulled by a sine coupling to one input's angle."""
    cells = Cells.make(
        17,
        kind=CellKind.PHASE,
        h=FIELD,
        j2=second,
        role=[Role.INPUT] + [Role.DYNAMIC] * 16,
        x0=[ANGLE] + [1.0] * 16,
    )
    ends = np.arange(1, 17), np.zeros(16, int)
    sine = Couplings.from_coo(CouplingKind.SINE, 17, *ends, np.full(16, PULL))
    return LangevinNetlist(cells, (sine,), 1.0, 1.0, (Phase("run", run),), dt=0.02)


@pytest.mark.parametrize("second", [0.0, SECOND])
def test_stationary_angles_of_a_phase_cell(second):
    """von Mises without a second harmonic; 32,000 angles, chi-square sees 1e-2."""
    got = simulate(phase_cells(second), runs=2_000, method="leimkuhler-matthews", heat=False)
    x = got.outputs[0, 0].astype(float).ravel()
    assert angle_p(x, second=second) > ALPHA
    assert angle_p(x, second=second, kT=1.21) < ALPHA
    assert angle_p(x, second=second, sign=-1.0) < ALPHA
    assert angle_p(x, second=second + 0.2) < ALPHA
    if second == 0.0:  # the mean resultant length, in closed form
        size = np.hypot(FIELD + PULL * np.cos(ANGLE), PULL * np.sin(ANGLE))
        middle = np.arctan2(PULL * np.sin(ANGLE), FIELD + PULL * np.cos(ANGLE))
        along = np.cos(x - middle)
        exact = (i0(size + 1e-5) - i0(size - 1e-5)) / 2e-5 / i0(size)
        z = (along.mean() - exact) / (along.std() / np.sqrt(along.size))
        assert abs(z) < stats.norm.isf(ALPHA / 2)


# deterministic laws -------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
def test_phase_difference_of_two_kuramoto_oscillators(backend):
    """d(x_1 - x_0)/dt = -mu (W_01 + W_10) sin: tan(d / 2) falls exponentially."""
    forward, back, mobility, start = 0.9, 0.4, 0.7, 2.6
    netlist = cell([Phase("run", 2.0)], n=2, kind=CellKind.PHASE, x0=[0.5, 0.5 + start], kT=0.0)
    netlist = netlist.with_(
        couplings=(pair_of(CouplingKind.SINE, 2, forward, back),), mobility=mobility, dt=0.01
    )
    times = np.array([0.5, 1.0, 2.0])
    rate = mobility * (forward + back)
    exact = 2 * np.arctan(np.tan(start / 2) * np.exp(-rate * times))
    error = []
    for dt in (0.02, 0.01):
        got = simulate(netlist, method="heun", dt=dt, observe=times, backend=backend)
        error.append(np.diff(got.outputs[:, 0, 0], axis=1)[:, 0] - exact)
    # Heun: error (rate dt)^2 times the time and derivatives of order 1; float32 adds 1e-6
    assert np.abs(error[0]).max() < (rate * 0.02) ** 2 * 2.0
    assert np.abs(error[1]).max() < (rate * 0.01) ** 2 * 2.0
    twin = 2 * np.arctan(np.tan(start / 2) * np.exp(-2 * mobility * forward * times))
    assert np.abs(error[1] + exact - twin).max() > 0.1  # W taken as symmetric
    # the mean moves by mu (W_01 - W_10) / 2 times the integral of the sine of the difference
    drift = (forward - back) / (forward + back) * (start - exact) / 2
    got = simulate(netlist, method="heun", observe=times, backend=backend).outputs[:, 0, 0]
    np.testing.assert_allclose(got.mean(axis=1) - 0.5 - start / 2, drift, atol=2e-3)


def quadratic(phases, symmetric=True, n=6, seed=2):
    rng = np.random.default_rng(seed)
    w = 0.25 * rng.normal(size=(n, n))
    w = 0.5 * (w + w.T) if symmetric else w
    np.fill_diagonal(w, 0.0)
    h = rng.normal(size=n)
    role = [Role.DYNAMIC] * (n - 2) + [Role.OUTPUT] * 2
    netlist = LangevinNetlist(
        Cells.make(n, j2=0.5, h=h, role=role),
        (Couplings.from_dense(CouplingKind.LINEAR, w),),
        0.0,
        1.0,
        tuple(phases),
        dt=0.05,
    )
    return netlist, np.eye(n) - w, h


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_nudge_shifts_a_quadratic_net_by_its_linear_response(backend, symmetric):
    """(A + beta P) x = h + beta P y, and its slope at beta = 0 is A^-1 P (y - x)."""
    beta, y = 0.2, np.array([0.7, -0.4])
    phases = [Phase("free", 60.0), Phase("up", 60.0, nudge=beta), Phase("down", 60.0, nudge=-beta)]
    netlist, a, h = quadratic(phases, symmetric)
    got = simulate(
        netlist,
        targets=[y],
        observe=["free", "up", "down"],
        backend=backend,
        heat=False,
        trajectory_every=1200,
    ).trajectory[1:, 0, 0]
    project = np.diag([0.0] * 4 + [1.0] * 2)
    goal = np.r_[np.zeros(4), y]
    for x, strength in zip(got, (0.0, beta, -beta), strict=True):
        exact = np.linalg.solve(a + strength * project, h + strength * goal)
        # float32 stops where a step is less than half a unit in the last place
        residual = 2.0**-24 * np.abs(exact).max() / netlist.dt
        stall = np.sqrt(6) * residual * np.linalg.norm(np.linalg.inv(a + strength * project), 2)
        np.testing.assert_allclose(x, exact, rtol=0, atol=2 * stall)
    response = np.linalg.solve(a, project @ (goal - np.linalg.solve(a, h)))
    # centred difference: (A + beta P)^-1 expanded, the error is (beta |A^-1 P|)^2 of the response
    gain = np.linalg.norm(np.linalg.solve(a, project), 2)
    bound = (beta * gain) ** 2 / (1 - (beta * gain) ** 2) * np.linalg.norm(response)
    centred = (got[1] - got[2]) / (2 * beta)
    assert np.linalg.norm(centred - response) < bound + 2 * stall / beta
    assert np.linalg.norm(-centred - response) > bound + 0.1  # a nudge that pushes away


def test_contrast_of_two_nudges_is_the_gradient_of_the_cost():
    """Equilibrium propagation through `simulate`: (phi phi|beta - phi phi|-beta) / 2 beta."""
    rng = np.random.default_rng(5)
    n, beta, y = 7, 0.02, np.array([0.5, -0.3])
    w = 0.6 * rng.normal(size=(n, n))
    w = np.triu(w, 1) + np.triu(w, 1).T
    role = [Role.DYNAMIC] * (n - 2) + [Role.OUTPUT] * 2
    cells = Cells.make(n, j2=0.5, h=rng.normal(size=n), activation=A.TANH, role=role)

    def rest(w, nudge):
        netlist = LangevinNetlist(
            cells,
            (Couplings.from_dense(CouplingKind.GRADIENT, w),),
            0.0,
            1.0,
            (Phase("rest", 80.0, nudge=nudge),),
            dt=0.1,
        )
        got = simulate(netlist, targets=[y], backend="numpy", keep_final=True, heat=False)
        return np.tanh(got.final[0, 0].astype(float))

    up, down = rest(w, beta), rest(w, -beta)
    i, j = 1, 6
    contrast = -(up[i] * up[j] - down[i] * down[j]) / (2 * beta)

    def cost(e):
        moved = w.copy()
        moved[[i, j], [j, i]] += e
        return 0.5 * np.sum((rest(moved, 0.0)[-2:] - y) ** 2)

    numeric = (cost(1e-2) - cost(-1e-2)) / 2e-2
    # both differences are centred: errors of order beta^2 and 1e-4, float32 output adds 1e-5
    assert contrast == pytest.approx(numeric, rel=5e-3)
    assert abs(numeric) > 0.01


def test_heat_by_potential_is_the_stratonovich_integral():
    """Along a straight step the trapezoid differs from V by an error that Simpson's rule gives.

    Per step the trapezoid of f.dx misses V by 1/12 V'''(dx)^3 to leading order; trapezoid minus
    Simpson is that term. Kinked activations are left out, as they have no third derivative.
    """
    codes = [A.IDENTITY] * 6 + [A.TANH, A.SIGMOID, A.TANH, A.SIGMOID, A.TANH]
    codes += [A.IDENTITY, A.COSINE, A.IDENTITY, A.COSINE]
    netlist = mixed(phases=[Phase("free", 0.5), Phase("nudged", 0.5, nudge=0.8, clamped=("pair",))])
    cells = netlist.cells
    netlist = netlist.with_(
        cells=Cells.make(
            15,
            j2=cells.j2,
            j3=cells.j3,
            j4=cells.j4,
            h=cells.h,
            x0=cells.x0,
            kind=cells.kind,
            role=cells.role,
            activation=codes,
        )
    )
    data, targets = mixed_data()
    options = dict(targets=targets, trajectory_every=1, runs=4, backend="numpy")
    exact = simulate(netlist, data, heat_method="potential", **options)
    along = simulate(netlist, data, heat_method="stratonovich", **options)
    prepared = prepare(netlist)
    model = Law(prepared, np.repeat(targets, 4, 0).T)
    drive = model.drive(np.repeat(encode(netlist, data), 4, 0).T)
    x = exact.trajectory.reshape(101, 28, 12).astype(float).swapaxes(1, 2)
    for q, beta in enumerate((0.0, 0.8)):
        at = Setting(1.0, 0.0, beta, drive)
        error, ito = np.zeros(28), np.zeros(28)
        for k in range(50 * q, 50 * (q + 1)):
            step = x[k + 1] - x[k]
            f = [np.sum(model.force(x[k] + t * step, at) * step, axis=0) for t in (0.0, 0.5, 1.0)]
            error += np.abs((f[0] + f[2]) / 2 - (f[0] + 4 * f[1] + f[2]) / 6)
            ito += f[0]
        heat = exact.heat_by_phase[q].ravel()
        difference = np.abs(along.heat_by_phase[q].ravel() - heat)
        # Simpson's own error is (dx)^2 of the trapezoid's; states were kept as float32
        assert np.all(difference < 1.1 * error + 1e-4)
        assert np.max(difference) > 1e-6
        assert np.median(np.abs(ito - heat) / (1.1 * error + 1e-4)) > 10
