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
from thermo.energy.cycle import Reset, cycle_netlists, measure_cycle
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


def moments(phases, k, kT):
    """Mean and mean square of x at the end of each phase (duration, force, kappa, dt, scheme), from x = 0.

    Mobility 1. Euler-Maruyama x' = x + f dt + s z, Heun x' = x + (1 - a / 2) (f dt + s z) with
    a = (k + kappa) dt, f = force - (k + kappa) x and s^2 = 2 kT dt: exact for both.
    """
    m, v, out = 0.0, 0.0, [(0.0, 0.0)]
    for duration, force, kappa, dt, scheme in phases:
        a = (k + kappa) * dt
        part = 1 - a / 2 if scheme == "heun" else 1.0
        for _ in range(round(duration / dt)):
            m, v = m + part * (force * dt - a * m), (1 - part * a) ** 2 * v + part**2 * 2 * kT * dt
        out.append((m, m * m + v))
    return out


def expected_cycle(k, kT, relax, reset, dt, force, scheme="heun", fine=None):
    """Mean work_on, heat_relax, work_off, heat_reset of the second cycle, in energy units."""
    kappa = reset.stiffness
    if fine is None:
        fine = dt if scheme == "euler" else cycle_netlists(driven_well(k, kT, relax, dt), reset)[1].dt
    on, off = (relax, force, 0.0, dt, "euler"), (reset.duration, 0.0, kappa, fine, scheme)
    _, _, start, read, end = moments([on, off, on, off], k, kT)

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
        assert abs(z_of(getattr(got, name), value)) < Z, name
        assert abs(z_of(getattr(noisy, name), value)) > Z, name
        assert abs(z_of(-getattr(got, name), value)) > Z, name
    np.testing.assert_allclose(got.entropy, got.heat / kT)


def test_euler_s_bias_of_a_stiff_reset_is_gone():
    """Stiffness 100 at dt 1e-3: Euler's variance is 5.4 % too large, and the heat of that stroke with it."""
    k, kT, force, dt, reset = 2.0, 1.0, 1.0, 1e-3, Reset(100.0, 0.1)
    exact = expected_cycle(k, kT, 0.2, reset, dt, force, fine=1e-5)
    euler = expected_cycle(k, kT, 0.2, reset, dt, force, "euler")
    ours = expected_cycle(k, kT, 0.2, reset, dt, force)
    variance = kT / (k + 100.0)
    _, end = moments([(0.1, 0.0, 100.0, dt, "euler")] * 1, k, kT)
    assert end[1] / variance - 1 == pytest.approx(0.0537, abs=1e-3)
    got = measure_cycle(driven_well(k, kT, 0.2, dt), [[0.5]], reset, runs=RUNS, seed=2)
    for name, at in (("work_on", 0), ("heat_reset", 3)):
        assert abs(euler[at] - exact[at]) > 10 * abs(ours[at] - exact[at]), name
        assert abs(z_of(getattr(got, name), exact[at])) < Z, name
    assert abs(z_of(got.work_on, euler[0])) > Z  # kappa / 2 times the variance that the well leaves


def test_switching_couplings_off_is_work_too():
    """With couplings off during the reset their energy at the read state is paid, and given back later."""
    netlist = replace(toy(), schedule=(Phase("relax", 0.2),))
    netlist = netlist.with_(readout=replace(netlist.readout, phase="relax"))
    reset, data = Reset(8.0, 0.2, couplings=False), toy_data(3)
    got = measure_cycle(netlist, data, reset, runs=2, seed=5)
    begin, read = got.result.trajectory.astype(np.float64)[:2]
    for sample in range(3):
        u = reference.encode(netlist, data[sample])
        for run in range(2):
            a, b = begin[sample, run], read[sample, run]
            well = [reference.potential(netlist, x, 0 * u, stiffness=8.0, coupling_scale=0.0) for x in (a, b)]
            on = [reference.potential(netlist, x, u) for x in (a, b)]
            scale = 1e-5 * (1 + abs(on[1]) + abs(well[1]))
            assert abs(got.work_on[sample, run] - (on[0] - well[0])) < scale
            assert abs(got.work_off[sample, run] - (well[1] - on[1])) < scale
    np.testing.assert_allclose(got.work - got.heat, got.stored, atol=1e-9)
    stays = measure_cycle(netlist, data, Reset(8.0, 0.2), runs=2, seed=5)
    assert not np.allclose(stays.work_off, got.work_off)


def test_half_the_step_halves_it_in_every_stroke():
    reset, net = Reset(100.0, 0.1), driven_well(2.0, 1.0, 0.2, 1e-3)
    relaxing, resetting = cycle_netlists(net, reset)
    halved = cycle_netlists(net, reset, net.dt / 2)
    assert (relaxing.dt, halved[0].dt) == (1e-3, 5e-4)
    assert resetting.dt <= 0.05 / 102 and halved[1].dt == pytest.approx(resetting.dt / 2, rel=0.02)
    slow = cycle_netlists(net, Reset(3.0, 0.1))[1]
    assert slow.dt == pytest.approx(1e-3)  # no finer than the relaxation needs


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
    got = measure_cycle(netlist, data, reset, runs=3, seed=5)
    begin, read = got.result.trajectory.astype(np.float64)[:2]
    for sample in range(data.shape[0]):
        u = reference.encode(netlist, data[sample])

        def on(x, u=u):
            return reference.potential(netlist, x, u)

        def off(x, u=u):
            return reference.potential(netlist, x, 0 * u, stiffness=reset.stiffness)

        for run in range(3):
            at = (sample, run)
            a, b = begin[at], read[at]
            scale = 1e-5 * (1 + abs(on(b)) + abs(off(b)))
            assert abs(got.work_on[at] - (on(a) - off(a))) < scale
            assert abs(got.heat_relax[at] - (on(a) - on(b))) < scale
            assert abs(got.work_off[at] - (off(b) - on(b))) < scale
    np.testing.assert_allclose(got.work - got.heat, got.stored, atol=1e-9)


def test_heat_of_a_steady_cycle_equals_its_work():
    """The second cycle stores nothing on average; the first, which starts at x = 0, does."""
    netlist = toy(schedule=(Phase("relax", 0.2),), x0=0.0)
    reset = Reset(stiffness=50.0, duration=0.1)
    got = measure_cycle(netlist, toy_data(1), reset, runs=RUNS, seed=3)
    assert abs(z_of(got.stored, 0.0)) < Z
    assert np.mean(got.work) > 0
    # one that starts at x = 0 would be told that switching on is free
    once = simulate(cycle_netlists(netlist, reset)[0], toy_data(1), runs=2, seed=3)
    assert not once.work[0].any() and abs(z_of(got.work_on, 0.0)) > Z


def test_the_strokes_of_a_cycle():
    relaxing, resetting = cycle_netlists(driven_well(), Reset(5.0, 0.3))
    assert [p.name for p in relaxing.schedule] == ["relax", "off"]
    assert [p.name for p in resetting.schedule] == ["reset", "off"]
    assert [p.duration for p in relaxing.schedule] == [0.4, 0.01]
    assert [p.stiffness for p in (*relaxing.schedule, *resetting.schedule)] == [0.0, 0.0, 5.0, 0.0]
    assert [p.input_scale for p in (*relaxing.schedule, *resetting.schedule)] == [1.0, 0.0, 0.0, 0.0]
    assert relaxing.readout.phase == "relax" and resetting.readout is None


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
    given = {"stiffness": 1.0, "duration": 1.0, name: value}
    if (name, value) == ("stiffness", 0.0):
        assert Reset(**given).stiffness == 0.0
        return
    with pytest.raises(UnsupportedError, match=f"reset: {name} must be a finite number >"):
        Reset(**given)


def test_what_has_no_cycle_is_refused():
    netlist = driven_well()
    two = netlist.with_(schedule=(*netlist.schedule, Phase("again", 0.1)))
    with pytest.raises(UnsupportedError, match="schedule with 2 phases"):
        measure_cycle(two, [[1.0]], Reset(5.0, 0.1))
    skew = toy(symmetric=False, schedule=(Phase("relax", 0.2),))
    with pytest.raises(UnsupportedError, match="not symmetric"):
        measure_cycle(skew, toy_data(), Reset(5.0, 0.1))
    for options in (dict(kT=0.0), dict(heat=False)):
        with pytest.raises(UnsupportedError, match="measured at kT > 0"):
            measure_cycle(netlist, [[1.0]], Reset(5.0, 0.1), **options)
    even = toy(schedule=(Phase("relax", 0.2),))
    with pytest.raises(UnsupportedError, match="this device are not symmetric"):
        measure_cycle(even, toy_data(), Reset(5.0, 0.1), non_ideal=Imperfections(mismatch=0.1))
