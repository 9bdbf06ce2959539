"""Double wells in the Langevin simulator: escapes at Kramers' rate, signs at their marginal."""

import numpy as np
import pytest
from scipy.stats import chi2
from toys.spins import all_states, boltzmann, netlist_of, number_of, tv

from compiler.ir.langevin import Cells, LangevinNetlist, Phase, ReadOut
from compiler.passes.spins.double_well import double_wells, escape_rate, kramers_rate, sign_marginal
from compiler.passes.spins.model import logical_model
from thermo.simulate import simulate

ALPHA = 1e-4  # of every statistical test here; seeds are fixed


def one_well(a, kT, time, dt):
    cells = Cells.make(1, j2=-2 * a, j4=a, x0=-1.0)
    readout = ReadOut(np.zeros(1, np.int32), "run", decision="value")
    return LangevinNetlist(cells, (), kT, 1.0, (Phase("run", time),), readout=readout, dt=dt)


def memory(a, kT, runs=16384, seed=1):
    """(-<sign x(t)>, its standard error) of runs started at -1, at t = 1 / (2 k) for kT = 1."""
    dt = 2.0**-9
    time = np.round(0.5 / escape_rate(a, 1.0) / dt) * dt
    result = simulate(
        one_well(a, kT, time, dt), runs=runs, seed=seed, heat=False, method="leimkuhler-matthews"
    )
    mean = -np.where(result.outputs[-1, 0, :, 0] >= 0, 1.0, -1.0).mean()
    return mean, np.sqrt((1 - mean**2) / runs)


@pytest.mark.parametrize("a", [3.0, 4.0])
def test_a_sign_is_forgotten_at_the_exact_rate(a):
    mean, error = memory(a, 1.0)
    # exp(-2 k t) of the slowest mode; others hold a little at the start: allow for 1 %
    assert abs(mean - np.exp(-1.0)) < 4 * error + 0.01
    # Kramers' law is above the exact rate by 19 and 14 %, and the runs see it
    over = kramers_rate(a, 1.0) / escape_rate(a, 1.0)
    assert abs(mean - np.exp(-over)) > 4 * error
    # a twin with 10 % more noise does not pass
    mean, error = memory(a, 1.1)
    assert abs(mean - np.exp(-1.0)) > 4 * error + 0.01


def signs(netlist, runs, seed, kT=None):
    """Counts of the sign states at the end of independent runs."""
    result = simulate(netlist, runs=runs, seed=seed, kT=kT, heat=False, method="leimkuhler-matthews")
    n = netlist.n_cells
    return np.bincount(number_of(result.outputs[-1, 0]), minlength=2**n)


def glauber_gap(netlist):
    """Slowest rate of the p-bits' master equation, one update of each a unit of time."""
    h, edges, J = logical_model(netlist)
    n = h.size
    w = np.zeros((n, n))
    w[edges[:, 0], edges[:, 1]] = J
    w += w.T
    rates = np.zeros((2**n, 2**n))
    for k, s in enumerate(all_states(n).astype(float)):
        flip = 1 / (1 + np.exp(2 * s * (h + w @ s) / netlist.kT))
        rates[k, k ^ (1 << np.arange(n))] = flip
        rates[k, k] = -flip.sum()
    return np.sort(-np.linalg.eigvals(rates).real)[1]


def wells_of(n, seed, barrier=2.5):
    """A model, and its wells run for ten of its relaxation times: e^-10 of the start is left."""
    netlist = netlist_of(n, density=1.0, seed=seed)
    sweeps = float(np.ceil(10 / glauber_gap(netlist)))
    netlist = netlist.with_(
        schedule=(Phase("sample", sweeps),),
        readout=ReadOut(np.arange(n, dtype=np.int32), "sample", decision="value"),
    )
    return netlist, double_wells(netlist, barrier=barrier)


def chi_squared(counts, p):
    """Pearson's statistic's p-value."""
    expected = counts.sum() * p
    return chi2.sf(((counts - expected) ** 2 / expected).sum(), p.size - 1)


@pytest.mark.parametrize(("n", "seed"), [(2, 5), (3, 1)])
def test_signs_follow_their_marginal(n, seed):
    netlist, wells = wells_of(n, seed)
    exact = sign_marginal(wells)
    counts = signs(wells, 3072, seed=2)
    assert chi_squared(counts, exact) > ALPHA
    # the Ising model itself is that near (the floor), a hotter machine is not
    assert tv(exact, boltzmann(netlist)) < 0.006
    assert chi_squared(signs(wells, 3072, seed=2, kT=1.3), exact) < ALPHA


@pytest.mark.slow
def test_distance_to_the_marginal_falls_as_one_over_the_root_of_the_samples():
    netlist, wells = wells_of(3, 1)
    exact = sign_marginal(wells)
    sizes = np.array([128, 512, 2048, 8192])
    counts = [signs(wells, 8192, seed=s) for s in range(4)]
    whole = np.sum(counts, axis=0)
    assert chi_squared(whole, exact) > ALPHA
    rng = np.random.default_rng(0)
    pool = np.concatenate([np.repeat(np.arange(8), c) for c in counts])
    rng.shuffle(pool)
    distances = []
    for size in sizes:
        parts = pool[: pool.size // size * size].reshape(-1, size)
        some = [tv(np.bincount(p, minlength=8) / size, exact) for p in parts]
        distances.append(np.mean(some))
        # E |count / N - p| = sqrt(2 p (1 - p) / (pi N)) for each state
        wanted = 0.5 * np.sqrt(2 * exact * (1 - exact) / (np.pi * size)).sum()
        error = np.std(some) / np.sqrt(len(some)) if len(some) > 8 else wanted / 2
        assert abs(distances[-1] - wanted) < 4 * error
    slope = np.polyfit(np.log(sizes), np.log(distances), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1)
    assert tv(exact, boltzmann(netlist)) < 0.006
