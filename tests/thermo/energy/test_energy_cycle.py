"""Heat, work and the whole cycle against closed forms; every statistic has a broken twin.

References are those of the *discretised* dynamics (Euler-Maruyama), so no tolerance hides a bias
of the time step. z-scores are two-sided at ALPHA.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from toys.simulate import cell, toy, toy_data

from compiler import reference
from compiler.errors import UnsupportedError
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, ReadOut, Role
from hw_models.imperfect import Imperfections
from thermo.energy.cycle import Reset, cycle_netlist, measure_cycle
from thermo.energy.inference import idle_heat, idle_netlist
from thermo.simulate import simulate

ALPHA = 1e-4
Z = stats.norm.isf(ALPHA / 2)
RUNS = 40_000


def z_of(values, expected):
    """z-score of the sample mean."""
    return (np.mean(values) - expected) / (np.std(values, ddof=1) / np.sqrt(np.size(values)))


def driven_well(k=3.0, kT=1.0, relax=0.4, dt=0.01):
    """One cell k x^2 / 2, driven by its single input with the force 2 u."""
    return LangevinNetlist(
        cells=Cells.make(2, j2=[0.0, k / 2], role=[Role.INPUT, Role.OUTPUT]),
        couplings=(Couplings.from_coo(CouplingKind.LINEAR, 2, [1], [0], [2.0]),),
        kT=kT,
        mobility=1.0,
        schedule=(Phase("relax", relax),),
        readout=ReadOut(np.array([1], np.int32), "relax", decision="value"),
        dt=dt,
    )


def moments(phases, k, kT, dt):
    """Mean and mean square of x at the end of each phase (duration, force, kappa), from x = 0.

    x' = (1 - (k + kappa) dt) x + force dt + sqrt(2 kT dt) z, mobility 1: exact for Euler-Maruyama.
    """
    m, v, out = 0.0, 0.0, [(0.0, 0.0)]
    for duration, force, kappa in phases:
        a = 1 - (k + kappa) * dt
        for _ in range(round(duration / dt)):
            m, v = a * m + force * dt, a * a * v + 2 * kT * dt
        out.append((m, m * m + v))
    return out


def expected_cycle(k, kT, relax, reset, dt, force):
    """Mean work_on, heat_relax, work_off, heat_reset of the second cycle, in energy units."""
    kappa = reset.stiffness
    on, off = (relax, force, 0.0), (reset.duration, 0.0, kappa)
    _, _, start, read, end = moments([on, off, on, off], k, kT, dt)

    def v_on(s):
        return k / 2 * s[1] - force * s[0]

    def v_off(s):
        return (k + kappa) / 2 * s[1]

    return (
        v_on(start) - v_off(start),
        v_on(start) - v_on(read),
        v_off(read) - v_on(read),
        v_off(read) - v_off(end),
    )


@pytest.mark.parametrize("kT", [1.0, 0.25])
def test_cycle_of_a_driven_harmonic_cell(kT):
    """Work and heat of every stroke against the closed form; noise x 1.1 is found out."""
    reset, force = Reset(stiffness=20.0, duration=0.05), 2.0 * 1.5
    netlist = driven_well(kT=kT)
    got = measure_cycle(netlist, [[1.5]], reset, runs=RUNS, seed=11)
    noisy = measure_cycle(netlist, [[1.5]], reset, runs=RUNS, seed=11, kT=1.21 * kT)
    names = ("work_on", "heat_relax", "work_off", "heat_reset")
    want = expected_cycle(3.0, kT, 0.4, reset, 0.01, force)
    for name, value in zip(names, want, strict=True):
        assert abs(z_of(getattr(got, name) * kT, value)) < Z, name
        assert abs(z_of(getattr(noisy, name) * 1.21 * kT, value)) > Z, name
        assert abs(z_of(-getattr(got, name) * kT, value)) > Z, name


def test_slow_cycle_tends_to_the_textbook_s_work():
    """Complete relaxation: W_on = -kappa <x^2> / 2 with kT / (k + kappa), W_off = F^2/k + ..."""
    k, kT, kappa, force, dt = 3.0, 1.0, 20.0, 3.0, 1e-5
    on, _, off, _ = expected_cycle(k, kT, 5.0, Reset(kappa, 1.0), dt, force)
    assert on == pytest.approx(-kappa / 2 * kT / (k + kappa), rel=1e-3)
    mean_square = kT / k + (force / k) ** 2
    assert off == pytest.approx(force**2 / k + kappa / 2 * mean_square, rel=1e-3)


def test_first_law_closes_against_the_reference_potential():
    """W - Q of the second cycle is the potential's difference, states taken from a trajectory."""
    netlist = replace(toy(), schedule=(Phase("relax", 0.2),))
    netlist = netlist.with_(readout=replace(netlist.readout, phase="relax"))
    reset, data = Reset(stiffness=8.0, duration=0.2), toy_data()
    got = measure_cycle(netlist, data, reset, runs=3, seed=5, trajectory_every=20)
    states = got.result.trajectory.astype(np.float64)
    assert states.shape[0] == 5  # start, and the end of each of the four phases
    for sample in range(data.shape[0]):
        u = reference.encode(netlist, data[sample])

        def on(k, run, u=u, sample=sample):
            return reference.potential(netlist, states[k, sample, run], u)

        def off(k, run, u=u, sample=sample):
            x = states[k, sample, run]
            return reference.potential(netlist, x, 0 * u, stiffness=reset.stiffness)

        for run in range(3):
            at = (sample, run)
            scale = 1e-5 * (1 + abs(on(3, run)) + abs(off(3, run)))
            assert abs(got.work_on[at] - (on(2, run) - off(2, run))) < scale
            assert abs(got.heat_relax[at] - (on(2, run) - on(3, run))) < scale
            assert abs(got.work_off[at] - (off(3, run) - on(3, run))) < scale
            assert abs(got.heat_reset[at] - (off(3, run) - off(4, run))) < scale
            assert abs(got.stored[at] - (off(4, run) - off(2, run))) < scale
    np.testing.assert_allclose(got.work - got.heat, got.stored, atol=1e-9)


def test_heat_of_a_steady_cycle_equals_its_work():
    """The second cycle stores nothing on average; the first, which starts at x = 0, does."""
    netlist = toy(schedule=(Phase("relax", 0.2),), x0=0.0)
    reset = Reset(stiffness=50.0, duration=0.1)
    got = measure_cycle(netlist, toy_data(1), reset, runs=RUNS, seed=3)
    assert abs(z_of(got.stored, 0.0)) < Z
    assert np.mean(got.work) > 0
    first = got.result.work[:2].sum(axis=0) - got.result.heat_by_phase[:2].sum(axis=0)
    assert abs(z_of(first, 0.0)) > Z


def test_the_cycle_reads_the_second_relaxation():
    netlist = driven_well()
    twice = cycle_netlist(netlist, Reset(5.0, 0.3))
    assert [p.name for p in twice.schedule] == ["relax", "reset", "relax again", "reset again"]
    assert [p.duration for p in twice.schedule] == [0.4, 0.3, 0.4, 0.3]
    assert [p.stiffness for p in twice.schedule] == [0.0, 5.0, 0.0, 5.0]
    assert [p.input_scale for p in twice.schedule] == [1.0, 0.0, 1.0, 0.0]
    assert twice.readout.phase == "relax again"
    got = measure_cycle(netlist, [[1.0]], Reset(5.0, 0.3), seed=1)
    assert got.result.times == pytest.approx([1.1])


def test_heat_is_the_potential_s_drop():
    """Q = V(x_0) - V(x_t) at fixed V, for any couplings that have a potential."""
    netlist = toy(schedule=(Phase("relax", 0.2),))
    data = toy_data(4)
    result = simulate(netlist, data, runs=2, seed=9, keep_final=True)
    start = netlist.cells.x0[~netlist.cells.frozen]
    for sample in range(4):
        u = reference.encode(netlist, data[sample])
        for run in range(2):
            drop = reference.potential(netlist, start, u) - reference.potential(
                netlist, result.final[sample, run].astype(np.float64), u
            )
            assert result.heat[sample, run] == pytest.approx(drop, rel=1e-5, abs=1e-5)


def idle_reference(t=0.2, dt=1e-3, kT=1.0, sigma=1.0):
    """Heat of one idle cell x^2 + x^4 from x = 0: the scheme's own density on a grid."""
    x = np.linspace(-2.5, 2.5, 801)
    width = sigma * np.sqrt(2 * kT * dt)
    to = x - dt * (2 * x + 4 * x**3)
    kernel = stats.norm.pdf((x[:, None] - to[None, :]) / width) / width * (x[1] - x[0])
    density = stats.norm.pdf(x / width) / width  # after the first step from 0
    for _ in range(round(t / dt) - 1):
        density = kernel @ density
    return -np.sum((x**2 + x**4) * density) * (x[1] - x[0])


def test_idle_machine_of_74_cells_absorbs_23_kT():
    netlist = cell((Phase("relax", 0.2),), n=74, j2=1.0, j4=1.0).with_(dt=1e-3)
    got = idle_heat(netlist, runs=2000, seed=4)
    want = 74 * idle_reference()
    assert want == pytest.approx(-23.0, abs=1.0)
    assert abs((got.mean - want) / got.sem) < Z
    assert abs((got.mean - 74 * idle_reference(sigma=1.1)) / got.sem) > Z
    assert abs((-got.mean - want) / got.sem) > Z
    assert got.sem == pytest.approx(got.std / np.sqrt(2000))


def test_idle_netlist_has_no_drive():
    netlist = toy()
    idle = idle_netlist(netlist)
    assert idle.n_couplings == 0
    assert not idle.cells.h.any()
    np.testing.assert_array_equal(idle.cells.j4, netlist.cells.j4)
    assert idle_heat(driven_well(kT=0.0)) is None


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan])
@pytest.mark.parametrize("name", ["stiffness", "duration"])
def test_a_reset_is_checked(name, value):
    with pytest.raises(UnsupportedError, match=f"reset: {name} must be a finite number > 0"):
        Reset(**{name: value})


def test_what_has_no_cycle_is_refused():
    netlist = driven_well()
    two = netlist.with_(schedule=(*netlist.schedule, Phase("again", 0.1)))
    with pytest.raises(UnsupportedError, match="schedule with 2 phases"):
        measure_cycle(two, [[1.0]])
    skew = toy(symmetric=False, schedule=(Phase("relax", 0.2),))
    with pytest.raises(UnsupportedError, match="not symmetric"):
        measure_cycle(skew, toy_data())
    for options in (dict(kT=0.0), dict(heat=False)):
        with pytest.raises(UnsupportedError, match="measured at kT > 0"):
            measure_cycle(netlist, [[1.0]], **options)
    even = toy(schedule=(Phase("relax", 0.2),))
    with pytest.raises(UnsupportedError, match="this device are not symmetric"):
        measure_cycle(even, toy_data(), non_ideal=Imperfections(mismatch=0.1))
