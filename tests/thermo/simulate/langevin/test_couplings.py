"""Every kind of coupling, phase cells, clamps and nudges: backends agree, energies add up."""

import json
from dataclasses import replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numba
import numpy as np
import pytest
from toys.couplings import PHASES, A, mixed, mixed_data
from toys.simulate import cell, toy, toy_data

from compiler import reference
from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.activations import activate, slope
from compiler.ir.container import save
from compiler.ir.langevin import (
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
    Role,
)
from compiler.ir.law import Law, Setting
from hw_models.imperfect import Imperfections
from thermo.cli.main import main
from thermo.simulate import SimulationError, simulate
from thermo.simulate.langevin.arguments import is_dense
from thermo.simulate.langevin.jax_forces import slope as jax_slope
from thermo.simulate.langevin.jax_runner import langevin_function
from thermo.simulate.langevin.plan import make_plan
from thermo.simulate.langevin.prepare import encode, prepare

DATA, TARGETS = mixed_data()
FIELDS = ("outputs", "heat_by_phase", "work", "final", "trajectory")
OPTIONS = dict(
    targets=TARGETS,
    runs=3,
    seed=3,
    keep_final=True,
    trajectory_every=7,
    observe=["free", "nudged", 0.35, "reset"],
)


def with_spins(netlist):
    """Every phase cell shows its cosine, so that a cross-entropy has a meaning."""
    codes = np.where(netlist.cells.kind == CellKind.PHASE, A.COSINE, netlist.cells.activation)
    return netlist.with_(cells=replace(netlist.cells, activation=codes.astype(np.int8)))


def worst(a, b):
    """Largest absolute difference of two optional arrays, relative to max(1, |b|)."""
    assert (a is None) == (b is None)
    return 0.0 if a is None else float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b))))


# backends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("density", [0.2, 1.0])
@pytest.mark.parametrize(
    ("method", "heat_method"), [("euler", "auto"), ("heun", "auto"), ("euler", "stratonovich")]
)
def test_numba_equals_numpy_with_the_same_noise(symmetric, density, method, heat_method):
    netlist = mixed(symmetric, density)
    prepared = prepare(netlist)
    assert prepared.has_potential == symmetric
    assert is_dense(prepared.curved["sine"]) == is_dense(prepared.curved["gradient"]) == (density == 1.0)
    options = OPTIONS | dict(method=method, heat_method=heat_method)
    fast = simulate(netlist, DATA, **options)
    slow = simulate(netlist, DATA, backend="numpy", **options)
    assert (fast.heat_method == "potential") == (symmetric and heat_method == "auto")
    for name in FIELDS:
        # 50 steps of float32 against float64
        assert worst(getattr(fast, name), getattr(slow, name)) < 1e-5, name
    twin = simulate(mixed(symmetric, density, seed=1), DATA, backend="numpy", **options)
    assert worst(twin.outputs, slow.outputs) > 0.1


@pytest.mark.parametrize(
    ("symmetric", "method", "density", "cost"),
    [(True, "euler", 0.2, "squared"), (False, "heun", 1.0, "squared"), (True, "euler", 1.0, "cross-entropy")],
)
def test_three_backends_agree_without_noise(symmetric, method, density, cost):
    netlist = mixed(symmetric, density)
    netlist = with_spins(netlist) if cost == "cross-entropy" else netlist
    options = OPTIONS | dict(method=method, kT=0.0, cost=cost)
    fast, other, slow = (simulate(netlist, DATA, backend=b, **options) for b in ("numba", "jax", "numpy"))
    for name in FIELDS:
        assert worst(getattr(fast, name), getattr(slow, name)) < 1e-5, name
        assert worst(getattr(other, name), getattr(slow, name)) < 1e-5, name
    without = simulate(netlist, DATA, backend="numba", **(options | dict(targets=1 - TARGETS)))
    assert worst(without.outputs[1:], fast.outputs[1:]) > 1e-3


def test_the_third_scheme_runs_them_too():
    netlist = mixed()
    options = OPTIONS | dict(method="leimkuhler-matthews")
    fast, slow = (simulate(netlist, DATA, backend=b, **options) for b in ("numba", "numpy"))
    for name in FIELDS:
        assert worst(getattr(fast, name), getattr(slow, name)) < 1e-5, name
    with pytest.raises(UnsupportedError, match=r"couplings \(\d+, \d+\) and .* differ"):
        simulate(mixed(symmetric=False), DATA, **options)


@pytest.mark.parametrize("density", [0.2, 1.0])
@pytest.mark.parametrize("cost", ["squared", "cross-entropy"])
def test_bits_do_not_depend_on_the_split(density, cost):
    netlist = with_spins(mixed(density=density))
    data, targets = mixed_data(30)
    options = dict(runs=7, seed=5, keep_final=True, cost=cost)
    whole = simulate(netlist, data, targets=targets, **options)
    parts = [
        simulate(netlist, data[a:b], targets=targets[a:b], first_trajectory=7 * a, **options)
        for a, b in pairwise([0, 1, 13, 30])
    ]
    for name, axis in (("outputs", 1), ("final", 0), ("heat", 0), ("work", 1)):
        joined = np.concatenate([getattr(p, name) for p in parts], axis=axis)
        assert np.array_equal(getattr(whole, name), joined), name


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@pytest.mark.parametrize("density", [0.2, 1.0])
def test_bits_do_not_depend_on_threads(density):
    netlist = mixed(False, density)
    data, targets = mixed_data(40)
    for method in ("euler", "heun"):
        one, two = (
            simulate(netlist, data, targets=targets, runs=5, threads=t, method=method) for t in (1, 2)
        )
        assert np.array_equal(one.outputs, two.outputs)
        assert np.array_equal(one.heat, two.heat)


def test_jax_gradient_equals_finite_differences():
    with jax.enable_x64(True):
        netlist = mixed(False, phases=PHASES[:2])
        prepared = prepare(netlist)
        plan = make_plan(netlist, kT=None, dt=0.02, observe=["nudged"], trajectory_every=None)
        params, function = langevin_function(prepared, plan, heat_method="stratonovich")
        inputs, goals = encode(netlist, DATA[:3]), jnp.asarray(TARGETS[:3])
        key = jax.random.key(0)

        def loss(params, goals):
            x0 = np.repeat(prepared.x0[None], 3, 0)
            run = function(params, inputs, x0, key, jnp.arange(3), goals)
            return jnp.sum(run.outputs**2) + 0.1 * run.heat.sum()

        value = jax.jit(loss)
        by_params, by_goals = jax.jit(jax.grad(loss, argnums=(0, 1)))(params, goals)

        def slope_of(moved):
            return (float(value(*moved(1e-5))) - float(value(*moved(-1e-5)))) / 2e-5

        for name, index in (
            ("gradient", 2),
            ("gradient_in", 1),
            ("sine", 3),
            ("sine_in", 0),
            ("field", 9),
            ("second", 10),
        ):
            at = np.unravel_index(index, params[name].shape)
            numeric = slope_of(lambda e: ({**params, name: params[name].at[at].add(e)}, goals))  # noqa: B023
            assert float(by_params[name][at]) == pytest.approx(numeric, rel=1e-6, abs=1e-8), name
            assert abs(numeric) > 1e-4 or name == "gradient", name
        numeric = slope_of(lambda e: (params, goals.at[1, 2].add(e)))
        assert float(by_goals[1, 2]) == pytest.approx(numeric, rel=1e-6)


# forces and energies ------------------------------------------------------------------------------


def test_slopes_are_derivatives():
    x = np.linspace(-2.05, 2.05, 42)  # keeps clear of the kinks
    for code in A:
        numeric = (activate(code, x + 1e-6) - activate(code, x - 1e-6)) / 2e-6
        np.testing.assert_allclose(slope(code, x), numeric, atol=1e-9)
        codes = np.full(x.size, code, np.int8)
        np.testing.assert_allclose(jax_slope(codes, jnp.asarray(x)), numeric, atol=1e-6)


@pytest.mark.parametrize("cost", ["squared", "cross-entropy"])
def test_force_is_minus_the_gradient_of_the_energy(cost):
    netlist = mixed(density=0.6)
    netlist = with_spins(netlist) if cost == "cross-entropy" else netlist
    prepared, rng = prepare(netlist), np.random.default_rng(4)
    model = Law(prepared, TARGETS[:2].T, cost)
    u = encode(netlist, DATA[:2])
    at = Setting(0.7, 1.3, 0.9, model.drive(u.T, 0.5))
    x = rng.normal(size=(12, 2)) + 0.2
    force = model.force(x, at)
    numeric = np.array(
        [
            -(model.potential(x + d[:, None], at) - model.potential(x - d[:, None], at)) / 2e-6
            for d in 1e-6 * np.eye(12)
        ]
    )
    np.testing.assert_allclose(force, numeric, atol=2e-8)
    flipped = at._replace(beta=-0.9)
    assert not np.allclose(model.force(x, flipped), numeric, atol=1e-3)
    # the IR's own slow evaluator says the same
    for s in range(2):
        options = dict(coupling_scale=0.7, input_scale=0.5, stiffness=1.3, nudge=0.9)
        options |= dict(targets=TARGETS[s], cost=cost)
        full = reference.force(netlist, x[:, s], u[s], **options)
        np.testing.assert_allclose(full[3:], force[:, s], atol=1e-12)
        energy = reference.potential(netlist, x[:, s], u[s], **options)
        # a resistor to an input counts the input's own end, a constant, in one of the two
        other = reference.potential(netlist, 0 * x[:, s], u[s], **options)
        mine = model.potential(x, at)[s] - model.potential(0 * x, at)[s]
        assert energy - other == pytest.approx(mine, abs=1e-10)


def test_heat_and_work_of_clamps_and_nudges_are_those_of_the_reference_evaluator():
    """First law, phase by phase, with the work of switching the nudge on and off."""
    phases = (PHASES[0], PHASES[1], replace(PHASES[2], coupling_scale=(0.6, 0.6)), PHASES[3])
    netlist = mixed(phases=phases)
    got = simulate(netlist, DATA[:1], targets=TARGETS[:1], trajectory_every=1)
    u = encode(netlist, DATA[:1])[0]
    states = got.trajectory[:, 0, 0].astype(float)
    ends = np.cumsum([0, 20, 10, 10, 10])

    def energy(k, phase):
        return reference.potential(
            netlist,
            states[k],
            u,
            input_scale=phase.input_scale,
            coupling_scale=phase.coupling_scale[0],
            stiffness=phase.stiffness,
            nudge=phase.nudge,
            targets=TARGETS[0],
        )

    def at_zero(phase):  # what a resistor's other end holds, which the simulator leaves out
        return 0.5 * phase.coupling_scale[0] * phase.input_scale**2 * resistors

    resistive = next(c for c in netlist.couplings if c.kind == CouplingKind.RESISTIVE)
    from_input = netlist.cells.frozen[resistive.indices]
    resistors = np.sum(resistive.values[from_input] * u[resistive.indices[from_input]] ** 2)
    for q, phase in enumerate(phases):
        heat = energy(ends[q], phase) - energy(ends[q + 1], phase)
        assert got.heat_by_phase[q, 0, 0] == pytest.approx(heat, abs=2e-5)
    for q, (old, new) in enumerate(pairwise(phases), 1):
        work = energy(ends[q], new) - at_zero(new) - energy(ends[q], old) + at_zero(old)
        assert got.work[q, 0, 0] == pytest.approx(work, abs=2e-5)
        wrong = replace(new, nudge=-new.nudge)
        if new.nudge:
            assert abs(energy(ends[q], wrong) - energy(ends[q], new)) > 1e-3


def with_inputs(code, scale, phases=PHASES[:1], weight=1.0):
    """The skewed netlist with inputs that show phi(u), at an input scale and no resistors to them."""
    netlist = mixed(phases=[replace(p, input_scale=scale) for p in phases])
    frozen = netlist.cells.frozen
    activation = np.where(frozen, code, netlist.cells.activation).astype(np.int8)
    couplings = []
    for c in netlist.couplings:
        driven = frozen[c.indices]
        keep = ~driven if c.kind == CouplingKind.RESISTIVE else driven | True
        values = c.values * np.where(driven, weight, 1.0)
        couplings.append(Couplings.from_coo(c.kind, frozen.size, c.rows[keep], c.indices[keep], values[keep]))
    return netlist.with_(cells=replace(netlist.cells, activation=activation), couplings=tuple(couplings))


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
@pytest.mark.parametrize("code", list(A))
def test_an_input_scale_multiplies_what_inputs_bring(code, backend):
    """At every scale: the same bits as couplings from the inputs that are as much weaker."""
    options = dict(runs=2, seed=5, keep_final=True, backend=backend)
    for scale in (0.0, 0.5):
        scaled = simulate(with_inputs(code, scale), DATA, **options)
        weaker = simulate(with_inputs(code, 1.0, weight=scale), DATA, **options)
        for name in ("outputs", "final", "heat_by_phase", "work"):
            a, b = getattr(scaled, name), getattr(weaker, name)
            np.testing.assert_array_equal(a, b, err_msg=name)
    full = simulate(with_inputs(code, 1.0), DATA, **options)
    assert np.abs(full.final - scaled.final).max() > 1e-2


@pytest.mark.parametrize("code", list(A))
def test_inputs_off_do_no_work_and_show_nothing(code):
    """The twin, phi(0) in place of 0, would show at sigmoid and cosine, and by the sine couplings."""
    phases = (PHASES[0], replace(PHASES[0], name="off"))
    netlist = with_inputs(code, 0.0, phases)
    got = simulate(netlist, DATA, runs=2, seed=5)
    assert np.array_equal(got.work, np.zeros_like(got.work))
    x, u = 0.3 * np.ones(12), encode(netlist, DATA)[0]
    off = reference.force(netlist, x, u, input_scale=0.0)
    assert np.array_equal(off, reference.force(netlist, x, 3 * u, input_scale=0.0))
    twin = reference.force(netlist, x, 0 * u)
    assert not np.allclose(twin, off, atol=1e-3)


def test_a_resistor_to_an_input_off_stays_to_zero():
    c = Cells.make(2, role=[Role.INPUT, Role.DYNAMIC], x0=[2.0, 0.0])
    wire = Couplings.from_coo(CouplingKind.RESISTIVE, 2, [1], [0], [1.5])
    netlist = LangevinNetlist(c, (wire,), 1.0, 1.0, (Phase("off", 1.0, input_scale=0.0),))
    assert reference.force(netlist, [0.4], [2.0], input_scale=0.0)[1] == pytest.approx(-0.6)
    assert reference.force(netlist, [0.4], [2.0], input_scale=0.5)[1] == pytest.approx(1.5 * 0.6)
    prepared = prepare(netlist)
    model = Law(prepared)
    for scale, force in ((0.0, -0.6), (0.5, 0.9)):
        at = Setting(1.0, 0.0, 0.0, model.drive(np.array([[2.0]]), scale))
        assert model.force(np.array([[0.4]]), at)[0, 0] == pytest.approx(force)


def test_clamped_cells_stay_and_cost_nothing():
    netlist = mixed()
    got = simulate(netlist, DATA, targets=TARGETS, trajectory_every=1, runs=2)
    held = np.array([0, 8, 9])
    nudged = got.trajectory[20:31]
    assert np.array_equal(nudged[..., held], np.broadcast_to(nudged[:1, ..., held], nudged[..., held].shape))
    free = np.setdiff1d(np.arange(12), held)
    assert np.all(nudged[1][..., free] != nudged[0][..., free])
    assert np.all(got.trajectory[32][..., held] != nudged[-1][..., held])
    everything = Group("all", 0, netlist.n_cells)
    stopped = netlist.with_(
        groups=(*netlist.groups, everything), schedule=(replace(PHASES[0], clamped=("all",)), PHASES[1])
    )
    for backend, heat_method in (
        ("numba", "potential"),
        ("numba", "stratonovich"),
        ("numpy", "potential"),
        ("jax", "auto"),
    ):
        still = simulate(
            stopped, DATA, targets=TARGETS, backend=backend, trajectory_every=20, heat_method=heat_method
        )
        assert np.array_equal(still.trajectory[0], still.trajectory[1])
        assert np.max(np.abs(still.heat_by_phase[0])) < 1e-5


def test_a_device_differs_in_every_kind_of_coupling():
    netlist = mixed()
    ideal, real = prepare(netlist), prepare(netlist, Imperfections(mismatch=0.1), 3)
    ratios = []
    for name in ("w", "w_in", "gradient", "gradient_in", "sine", "sine_in"):
        a, b = ideal.matrices[name].toarray(), real.matrices[name].toarray()
        there = a != 0
        np.fill_diagonal(there, False)  # a resistive group's own diagonal
        ratios.append(b[there] / a[there] - 1)
        assert 0.02 < np.std(ratios[-1]) < 0.3, name
    assert np.corrcoef(ratios[2][:10], ratios[4][:10])[0, 1] < 0.9  # groups draw apart
    assert ideal.has_potential
    for device in (Imperfections(mismatch=0.1), Imperfections(asymmetry=0.1)):
        got = simulate(netlist, DATA, targets=TARGETS, non_ideal=device)
        assert got.heat_method == "stratonovich"
        assert got.work is None
    coarse = prepare(netlist, Imperfections(bits=3))
    for name in ("gradient", "sine"):  # seven levels of each group's own range
        assert np.unique(np.abs(coarse.curved[name].data)).size <= 4
    biased = prepare(netlist, Imperfections(bias_mismatch=0.1))
    assert np.all(biased.field[8:] != ideal.field[8:])


# reading ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
def test_angles_are_read_modulo_a_turn(backend):
    angles = np.array([-0.5, 7.0, -1e-9, 100.0])
    netlist = cell([Phase("hold", 0.1, clamped=("all",))], n=4, kind=CellKind.PHASE, x0=angles)
    netlist = netlist.with_(groups=(Group("all", 0, 4),), dt=0.1)
    got = simulate(netlist, backend=backend, keep_final=True)
    assert np.allclose(got.outputs[0, 0, 0], np.mod(angles, 2 * np.pi) % 6.2831853, atol=1e-5)
    assert got.outputs.min() >= 0
    assert got.outputs.max() < 2 * np.pi
    assert np.allclose(got.final, angles)  # the state itself is not wrapped


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
def test_a_window_averages_what_is_shown(backend):
    netlist = mixed(phases=PHASES[:2])
    readout = replace(netlist.readout, phase="nudged", window=0.05, shown=True)
    options = dict(targets=TARGETS, runs=2, trajectory_every=1, backend=backend)
    got = simulate(netlist.with_(readout=readout), DATA, **options)
    states = got.trajectory[26:31, ..., 4:]
    codes = netlist.cells.activation[7:]
    shown = np.stack([activate(c, states[..., k]) for k, c in enumerate(codes)], axis=-1).mean(0)
    angles = (codes == A.IDENTITY) & (netlist.cells.kind[7:] == CellKind.PHASE)
    shown[..., angles] %= 2 * np.pi
    assert np.allclose(got.outputs[0], shown, atol=2e-6)


def test_observing_by_phase():
    netlist, options = mixed(), dict(targets=TARGETS, runs=2)
    by_name = simulate(netlist, DATA, observe=["free", "nudged", "reset"], **options)
    by_time = simulate(netlist, DATA, observe=[0.2, 0.3, 0.5], **options)
    assert np.array_equal(by_name.outputs, by_time.outputs)
    assert np.allclose(by_name.times, [0.2, 0.3, 0.5])
    one = simulate(netlist, DATA, observe="nudged", **options)
    assert np.array_equal(one.outputs[0], by_name.outputs[1])
    with pytest.raises(SimulationError, match=r"phase 'gone'.*phases are free, nudged, ramp"):
        simulate(netlist, DATA, observe=["gone"], **options)
    with pytest.raises(SimulationError, match="increase"):
        simulate(netlist, DATA, observe=["nudged", "free"], **options)
    with pytest.raises(SimulationError, match="times or names"):
        simulate(netlist, DATA, observe=[None], **options)


# refusals -----------------------------------------------------------------------------------------

SHAPE = r"\(7, 6\), \(samples, output cells\)"
BAD_TARGETS = [
    (dict(targets=None), rf"phase 'nudged' nudges .* 0\.7: give targets of shape {SHAPE}"),
    (dict(targets=TARGETS[:3]), rf"targets have shape \(3, 6\); they must be {SHAPE}"),
    (dict(targets=TARGETS[:, 0]), r"targets have shape \(7,\)"),
    (dict(targets=np.where(TARGETS > 0.8, np.nan, TARGETS)), "target of sample .* not finite"),
    (dict(targets=TARGETS, cost="hinge"), "squared, cross-entropy"),
    (dict(targets=TARGETS, cost="cross-entropy"), "no meaning for the angle .* cell 11"),
    (dict(targets=-TARGETS, cost="cross-entropy"), "at least 0"),
]


@pytest.mark.parametrize(("options", "message"), BAD_TARGETS)
def test_bad_targets_are_refused(options, message):
    with pytest.raises(SimulationError, match=message) as caught:
        simulate(mixed(), DATA, **options)
    assert "\n" not in str(caught.value)


def test_a_nudge_needs_outputs_and_a_clamp_its_group():
    phases = [Phase("pull", 0.1, nudge=1.0)]
    with pytest.raises(SimulationError, match="no cell has the role output"):
        simulate(cell(phases, j2=1.0), targets=np.zeros((1, 0)))
    with pytest.raises(NetlistError, match=r"clamps the cell group 'gone', which does not exist"):
        simulate(cell([Phase("hold", 0.1, clamped=("gone",))], j2=1.0))
    # a nudge of strength 0 is none, and targets are looked at all the same
    quiet = toy(schedule=(Phase("run", 0.1),))
    goals = np.ones((11, 2))
    same = simulate(quiet, toy_data(), targets=goals).outputs
    assert np.array_equal(same, simulate(quiet, toy_data()).outputs)
    with pytest.raises(SimulationError, match="targets have shape"):
        simulate(quiet, toy_data(), targets=goals[:2])


def odd_angles():
    phase = dict(kind=CellKind.PHASE)
    run = [Phase("run", 0.1)]
    yield cell(run, n=2, j3=[0.0, 0.5], **phase), "phase cell 1 has j3 = 0.5"
    yield cell(run, n=2, j4=[0.5, 0.0], **phase), "phase cell 0 has j4 = 0.5"
    yield cell(run, n=1, lo=-1.0, **phase), "phase cell 0 has lo = -1"
    pair = Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 1], [1, 0], [1.0, 1.0])
    for kind in (CouplingKind.LINEAR, CouplingKind.GRADIENT, CouplingKind.RESISTIVE):
        coupled = cell(run, n=2, **phase).with_(couplings=(replace(pair, kind=kind),))
        yield coupled, f"phase cell 1 drives by {kind.name.lower()} couplings"
    to_tanh = cell(run, n=2, activation=[A.TANH, A.IDENTITY])
    one_way = Couplings.from_coo(CouplingKind.RESISTIVE, 2, [0], [1], [1.0])
    yield to_tanh.with_(couplings=(one_way,)), "resistive coupling to cell 0, whose activation"


@pytest.mark.parametrize("case", range(7))
def test_what_an_angle_cannot_have_is_refused(case):
    netlist, message = list(odd_angles())[case]
    with pytest.raises(UnsupportedError, match=message) as caught:
        simulate(netlist, dt=0.01)
    assert "\n" not in str(caught.value)


def test_spins_of_phase_cells_may_drive():
    pair = Couplings.from_coo(CouplingKind.GRADIENT, 2, [0, 1], [1, 0], [1.5, 1.5])
    columns = dict(kind=CellKind.PHASE, activation=A.COSINE, x0=[0.4, 2.0], kT=0.0)
    netlist = cell([Phase("run", 20.0)], n=2, **columns).with_(couplings=(pair,), dt=0.05)
    read = ReadOut(np.array([0, 1], np.int32), "run", shown=True)
    spins = simulate(netlist.with_(readout=read)).outputs[0, 0, 0]
    assert abs(spins[0] * spins[1] - 1) < 1e-5  # the ground state of -W cos x_0 cos x_1
    outputs = replace(netlist.cells, role=np.full(2, Role.OUTPUT, np.int8))
    pulled = LangevinNetlist(outputs, (), 0.0, 1.0, (Phase("pull", 60.0, nudge=1.0),), readout=None, dt=0.05)
    shown = pulled.with_(readout=replace(read, phase="pull"))
    spins = simulate(shown, targets=[[0.3, -0.6]]).outputs[0, 0, 0]
    assert np.allclose(spins, [0.3, -0.6], atol=1e-4)
    bare = pulled.with_(cells=replace(outputs, activation=np.zeros(2, np.int8)))
    angles = simulate(bare, targets=[[-1.0, 8.0]]).outputs[0, 0, 0]
    assert np.allclose(angles, [2 * np.pi - 1.0, 8.0 - 2 * np.pi], atol=1e-4)


def test_stiffness_of_a_phase_cell_is_periodic():
    columns = dict(kind=CellKind.PHASE, x0=2 * np.pi + 0.5, kT=0.0)
    netlist = cell([Phase("reset", 4.0, stiffness=3.0)], **columns)
    final = simulate(netlist, dt=0.01, keep_final=True)
    assert final.final[0, 0, 0] == pytest.approx(2 * np.pi, abs=1e-4)
    # on at pi + 0.5 - ..: work is kappa (1 - cos x), all of which becomes heat
    assert final.work[0, 0, 0] == pytest.approx(3.0 * (1 - np.cos(0.5)), rel=1e-5)
    assert final.heat[0, 0] == pytest.approx(3.0 * (1 - np.cos(0.5)), rel=1e-4)


def test_cells_columns_are_not_needed_for_angles_that_stand_still():
    lone = LangevinNetlist(Cells.make(1, kind=CellKind.PHASE), (), 0.0, 1.0, (Phase("p", 1.0),))
    assert simulate(lone, dt=0.5).outputs[0, 0, 0, 0] == 0.0


def test_the_command_line_observes_phases_and_refuses_what_it_would_ignore(capsys, tmp_path):
    net = tmp_path / "n.tnl"
    save(cell([Phase("first", 0.1), Phase("second", 0.2)], j2=1.0, h=1.0).with_(dt=0.05), net)

    def run(*options):
        code = main(["simulate", str(net), "--kT", "0", "--json", *options])
        return code, *capsys.readouterr()

    values = {}
    for moment in ("first", "0.1", "second"):
        code, out, _ = run("--observe", moment)
        assert code == 0
        values[moment] = json.loads(out)["outputs_mean"]
    assert values["first"] == values["0.1"] != values["second"]
    for options, message in (
        (("--observe", "third"), "phases are first, second"),
        (("--limit", "3"), "--limit 3 counts samples of a data set"),
        (("--threads", "1", "--backend", "numpy"), "--threads = 1 are for --backend 'numba'"),
    ):
        code, out, err = run(*options)
        assert (code, out) == (2, "")
        assert message in " ".join(err.split())
