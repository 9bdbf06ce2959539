"""simulate: backends agree, bits belong to trajectories, bad input is refused by name."""

from dataclasses import replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numba
import numpy as np
import pytest
from toys.simulate import CYCLE, cell, toy, toy_data

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.langevin import (
    Activation,
    Cells,
    CouplingKind,
    Couplings,
    LangevinNetlist,
    Order,
    Phase,
    Role,
)
from compiler.reference import potential
from hw_models.imperfect import Imperfections
from thermo.simulate import DivergenceError, SimulationError, simulate
from thermo.simulate.langevin import numba_runner as runner
from thermo.simulate.langevin.jax_runner import langevin_function
from thermo.simulate.langevin.plan import make_plan
from thermo.simulate.langevin.prepare import encode, prepare

KINDS = {
    "dense": dict(),
    "sparse": dict(density=0.2, n=12),
    "directed": dict(symmetric=False),
    "tanh": dict(symmetric=False, activation=Activation.TANH, density=0.3),
    "mixed": dict(activation=[4] * 5 + [1, 2, 3, 4, 0, 1, 2, 0, 0]),
    "bounded": dict(lo=-0.3, hi=0.4),
}
SINGLE = CYCLE[:1]


def worst(a, b):
    """Largest absolute difference of two optional arrays, relative to max(1, |b|)."""
    assert (a is None) == (b is None)
    return 0.0 if a is None else float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b))))


FIELDS = ("outputs", "heat", "heat_by_phase", "work", "final", "trajectory")
OPTIONS = dict(runs=3, seed=3, keep_final=True, trajectory_every=4, observe=[0.0, 0.05, 0.2])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["euler", "heun", "leimkuhler-matthews"])
@pytest.mark.parametrize("heat_method", ["auto", "stratonovich"])
def test_numba_equals_numpy_with_the_same_noise(kind, method, heat_method):
    netlist = toy(**KINDS[kind])
    if method == "leimkuhler-matthews":
        if kind in ("directed", "tanh", "mixed"):
            pytest.skip("needs a gradient force")
        netlist = netlist.with_(schedule=CYCLE[:2])
    options = OPTIONS | dict(method=method, heat_method=heat_method)
    fast = simulate(netlist, toy_data(), backend="numba", **options)
    slow = simulate(netlist, toy_data(), backend="numpy", **options)
    for name in FIELDS:
        # 40 steps of float32 against float64
        assert worst(getattr(fast, name), getattr(slow, name)) < 1e-5, name


@pytest.mark.parametrize(
    ("kind", "method"), [("dense", "euler"), ("sparse", "heun"), ("tanh", "heun"), ("mixed", "euler")]
)
def test_numba_equals_jax_without_noise(kind, method):
    options = OPTIONS | dict(method=method, kT=0.0)
    fast = simulate(toy(**KINDS[kind]), toy_data(), backend="numba", **options)
    other = simulate(toy(**KINDS[kind]), toy_data(), backend="jax", **options)
    for name in FIELDS:
        assert worst(getattr(other, name), getattr(fast, name)) < 1e-5, name


def test_jax_agrees_with_noise_in_mean_and_variance():
    netlist = cell([Phase("run", 0.5)], n=64, j2=1.0, j3=0.2, j4=0.5, h=1.0)
    options = dict(runs=500, dt=0.01)

    def worst_z(method, kT):
        """Largest z of mean and variance, JAX at this kT against numba at the netlist's."""
        a = simulate(netlist, method=method, **options).outputs[0, 0].ravel().astype(float)
        b = simulate(netlist, method=method, kT=kT, backend="jax", **options)
        b = b.outputs[0, 0].ravel().astype(float)
        z_mean = (a.mean() - b.mean()) / np.sqrt((a.var() + b.var()) / a.size)
        fourth = np.mean((a - a.mean()) ** 4) - a.var() ** 2
        z_variance = (a.var() - b.var()) / np.sqrt(2 * fourth / a.size)
        return max(abs(z_mean), abs(z_variance))

    for method in ("euler", "leimkuhler-matthews"):
        assert worst_z(method, netlist.kT) < 4.9  # two-sided 1e-6
        assert worst_z(method, 1.21 * netlist.kT) > 4.9  # noise x 1.1


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("backend", ["numba", "numpy"])
def test_bits_do_not_depend_on_the_split(kind, backend):
    netlist, data = toy(**KINDS[kind], schedule=SINGLE), toy_data(30)
    options = dict(runs=7, seed=5, backend=backend, keep_final=True)
    whole = simulate(netlist, data, **options)
    parts = [
        simulate(netlist, data[a:b], first_trajectory=7 * a, **options) for a, b in pairwise([0, 1, 13, 30])
    ]
    assert np.array_equal(whole.outputs, np.concatenate([p.outputs for p in parts], axis=1))
    assert np.array_equal(whole.final, np.concatenate([p.final for p in parts]))
    assert np.array_equal(whole.heat, np.concatenate([p.heat for p in parts]))
    other = simulate(netlist, data, **(options | dict(seed=6)))
    assert not np.any(whole.final == other.final)


def test_jax_noise_does_not_depend_on_the_split():
    netlist, data = toy(schedule=SINGLE), toy_data(6)
    whole = simulate(netlist, data, runs=2, seed=5, backend="jax").outputs
    part = simulate(netlist, data[2:], runs=2, seed=5, backend="jax", first_trajectory=4).outputs
    assert worst(part, whole[:, 2:]) < 1e-5  # XLA may sum in another order


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@pytest.mark.parametrize("n", [9, 130, 300])
@pytest.mark.parametrize("density", [1.0, 0.1])
def test_bits_do_not_depend_on_threads(n, density):
    netlist = toy(n=n, density=density, schedule=SINGLE)
    runs = [
        simulate(netlist, toy_data(50), runs=5, seed=1, threads=t, method=m, heat_method=h)
        for t in (1, 2)
        for m, h in (("euler", "auto"), ("heun", "stratonovich"))
    ]
    for one, two in zip(runs[:2], runs[2:], strict=True):
        assert np.array_equal(one.outputs, two.outputs)
        assert np.array_equal(one.heat, two.heat)


@pytest.mark.parametrize("changes", [dict(), dict(activation=Activation.RELU, lo=-0.5)])
def test_many_cells_one_trajectory_gives_the_same_bits(monkeypatch, changes):
    netlist = toy(n_in=0, n=5000, density=0.001, **changes)
    options = OPTIONS | dict(heat=not changes, runs=2)
    netlist = netlist.with_(schedule=(SINGLE[0], replace(CYCLE[2], kT=None)))
    tiles = simulate(netlist, toy_data(2, 0), **options)
    monkeypatch.setattr(runner, "BY_CELLS_FROM", 1)
    cells = simulate(netlist, toy_data(2, 0), **options)
    for name in ("outputs", "final", "trajectory"):
        assert np.array_equal(getattr(tiles, name), getattr(cells, name)), name
    for name in ("heat_by_phase", "work"):
        assert worst(getattr(cells, name), getattr(tiles, name)) < 1e-5, name


def test_energies_are_those_of_the_reference_evaluator():
    """First law, phase by phase, against potentials of the slow evaluator."""
    netlist = toy()
    data = toy_data(1)
    got = simulate(netlist, data, trajectory_every=1, backend="numba")
    states = np.zeros((got.trajectory.shape[0], netlist.n_cells))
    states[:, netlist.inputs] = encode(netlist, data)[0]
    states[:, netlist.cells.role != Role.INPUT] = got.trajectory[:, 0, 0]

    def energy(k, phase, scale):
        inputs = phase.input_scale * states[k][netlist.inputs]
        return potential(netlist, states[k], inputs, coupling_scale=scale, stiffness=phase.stiffness)

    relax, off, _ = netlist.schedule
    assert got.work[1, 0, 0] == pytest.approx(
        energy(20, off, 1.0)
        - energy(20, relax, 1.0)
        + sum(
            energy(k, off, 1 - 0.06 * (k - 20)) - energy(k, off, 1 - 0.06 * (k - 21)) for k in range(21, 31)
        ),
        abs=2e-5,
    )
    assert got.heat_by_phase[0, 0, 0] == pytest.approx(
        energy(0, relax, 1.0) - energy(20, relax, 1.0), abs=2e-5
    )


def test_observation_windows_thinning_and_saving(tmp_path):
    netlist = toy()
    every = simulate(netlist, toy_data(), trajectory_every=1, observe=[0.07, 0.2], runs=2)
    thin = simulate(netlist, toy_data(), trajectory_every=8, runs=2)
    assert np.array_equal(every.trajectory[::8], thin.trajectory)
    assert np.allclose(thin.trajectory_times, np.arange(0, 0.401, 0.08))
    assert np.array_equal(every.outputs[0], every.trajectory[7][..., -2:])
    window = netlist.with_(readout=replace(netlist.readout, window=0.05))
    mean = simulate(window, toy_data(), runs=2, observe=[0.07, 0.1, 0.2])
    for row, end in enumerate((7, 10, 20)):
        assert np.allclose(
            mean.outputs[row], every.trajectory[end - 4 : end + 1, ..., -2:].mean(axis=0), atol=1e-6
        )
    path = thin.save(tmp_path / "run")
    with np.load(path) as file:
        assert np.array_equal(file["trajectory"], thin.trajectory)
        assert np.array_equal(file["heat"], thin.heat)
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_answers_and_predictions():
    netlist = toy()
    read = replace(netlist.readout, scale=np.array([[1.0, 2.0]]), offset=np.array([0.5]))
    got = simulate(netlist, toy_data(), runs=4)
    mapped = simulate(netlist.with_(readout=read), toy_data(), runs=4)
    means = got.outputs[-1].astype(float).mean(axis=1)
    assert np.allclose(got.answers(), means)
    assert np.allclose(mapped.answers()[:, 0], means @ [1, 2] + 0.5)
    assert np.array_equal(got.predictions(), means.argmax(axis=1))
    number = netlist.with_(readout=replace(netlist.readout, decision="value"))
    with pytest.raises(SimulationError, match="answers"):
        simulate(number, toy_data()).predictions()
    curved = toy(activation=Activation.TANH)
    shown = curved.with_(readout=replace(curved.readout, shown=True))
    plain = simulate(curved, toy_data()).outputs
    assert np.allclose(simulate(shown, toy_data()).outputs, np.tanh(plain), atol=1e-6)


def test_resistive_couplings_equal_their_linear_form():
    g = np.array([[0.0, 0.7, 0.0], [0.7, 0.0, 0.2], [0.0, 0.2, 0.0]])
    forms = [(CouplingKind.RESISTIVE, 0.5), (CouplingKind.LINEAR, 0.5 + g.sum(axis=1) / 2)]
    a, b = (
        simulate(
            LangevinNetlist(
                Cells.make(3, j2=j2, h=[1.0, 0.0, -1.0]),
                (Couplings.from_dense(kind, g),),
                1.0,
                1.0,
                (Phase("run", 0.5),),
            ),
            dt=0.01,
            runs=20,
        )
        for kind, j2 in forms
    )
    assert np.allclose(a.outputs, b.outputs, atol=1e-6)
    assert np.allclose(a.heat, b.heat, atol=1e-5)


def test_devices_are_drawn_once_and_named_by_their_seed():
    netlist, device = toy(schedule=SINGLE), Imperfections(mismatch=0.3, bias_mismatch=0.1)
    a, b, c = (simulate(netlist, toy_data(), non_ideal=device, device_seed=s).outputs for s in (1, 1, 2))
    ideal = simulate(netlist, toy_data()).outputs
    assert np.array_equal(a, b)
    assert not np.any(a == c)
    assert not np.any(a == ideal)
    assert np.array_equal(ideal, simulate(netlist, toy_data(), non_ideal=Imperfections()).outputs)
    assert simulate(netlist, toy_data(), non_ideal=device).work is None
    with pytest.raises(UnsupportedError, match=r"leimkuhler-matthews.*differ"):
        simulate(netlist, toy_data(), non_ideal=device, method="leimkuhler-matthews")


@pytest.mark.parametrize("backend", ["numba", "jax", "numpy"])
def test_a_diverging_trajectory_is_named_with_a_step_that_holds(backend):
    netlist = cell([Phase("run", 0.4)], n=3, j4=1.0, x0=0.0, kT=0.0)
    start = np.zeros((4, 2, 3))
    start[2, 1, 1] = 12.0  # beyond sqrt(2 / (4 dt)) = 7.07 the step overshoots for good
    with pytest.raises(DivergenceError) as caught:
        simulate(netlist, np.zeros((4, 0)), runs=2, x0=start, dt=0.01, backend=backend)
    error = caught.value
    assert (error.sample, error.run, error.cell) == (2, 1, 1)
    assert 0 < error.time < 0.1
    assert error.stable_dt == 0.0025  # 12 is below sqrt(2 / (4 dt)) = 14.1
    assert "sample 2, run 1 diverges: cell 1" in str(error)
    assert "dt = 0.0025 holds" in str(error)
    simulate(netlist, np.zeros((4, 0)), runs=2, x0=start, dt=0.0025, backend=backend)


def test_a_force_that_diverges_by_itself_is_said_to():
    with pytest.raises(DivergenceError, match="no step") as caught:
        simulate(cell([Phase("run", 40.0)], j2=-1.0, h=1.0), dt=0.1, kT=0.0)
    assert caught.value.stable_dt is None


def test_absurd_options_are_named_instead_of_the_force():
    """One cell each; the message names what the user can mend."""
    stiff = cell([Phase("reset", 1.0, stiffness=1e9)], j2=1.0, x0=1.0, kT=0.0)
    with pytest.raises(DivergenceError, match=r"stiffness 1e\+09 of phase 'reset' needs dt below"):
        simulate(stiff, dt=0.1)
    coarse = cell([Phase("run", 1e7)], j2=1.0, x0=1.0, kT=0.0)
    with pytest.raises(DivergenceError, match=r"phase 'run' needs dt below about 1$"):
        simulate(coarse, dt=1e5)
    with pytest.raises(DivergenceError, match=r"starts at \|x\| = 5, beyond the bound 2"):
        simulate(cell([Phase("run", 1.0)], x0=5.0, kT=0.0), dt=0.1, bound=2.0)
    pushed = cell([Phase("away", 60.0, nudge=-3.0)], j2=0.5, role=Role.OUTPUT, kT=0.0)
    with pytest.raises(DivergenceError, match=r"phase 'away' pushes the outputs away, nudge = -3"):
        simulate(pushed, dt=0.1, targets=[[1.0]])
    long = cell([Phase("run", 2e5)], j2=-1e-3, h=1.0, kT=0.0)
    with pytest.raises(DivergenceError, match="none below was tried: the schedule is long"):
        simulate(long, dt=0.1)
    for dt in (1.0, 0.1):  # a step that holds is still what is named first
        with pytest.raises(DivergenceError, match=r"dt = 0\.\d+ holds for this trajectory"):
            simulate(cell([Phase("run", 100.0)], j2=16.0, x0=1.0, kT=0.0), dt=dt)


def test_edges():
    one = simulate(cell([Phase("run", 0.1)], j2=1.0), dt=0.01)
    assert one.outputs.shape == (1, 1, 1, 1)
    assert one.heat.shape == (1, 1)
    with pytest.raises(SimulationError, match="nothing to simulate"):
        simulate(cell([Phase("run", 0.1)], role=Role.INPUT), dt=0.01)
    assert simulate(toy()).outputs.shape == (1, 1, 1, 2)  # inputs at their x0
    images = simulate(toy(n_in=6), toy_data(4, 6).reshape(4, 2, 3)).outputs
    assert np.array_equal(images, simulate(toy(n_in=6), toy_data(4, 6)).outputs)


BAD = [
    (dict(dt=0.0), "dt must be"),
    (dict(dt=-1.0), "dt must be"),
    (dict(dt=np.nan), "dt must be"),
    (dict(dt=0.003), "nearest dt that divides it is 0.00298507"),
    (dict(kT=-1.0), "kT must be"),
    (dict(kT=np.inf), "kT must be"),
    (dict(runs=0), "runs must be"),
    (dict(seed=-1), "seed must be"),
    (dict(first_trajectory=2**64), "first_trajectory must be"),
    (dict(method="rk4"), "euler, heun, leimkuhler-matthews"),
    (dict(backend="cuda"), "numba, jax, numpy"),
    (dict(heat_method="ito"), "auto, potential, stratonovich"),
    (dict(threads=0), "threads must be"),
    (dict(threads=1, backend="numpy"), "threads = 1 are for backend 'numba'"),
    (dict(threads=1, backend="jax"), "threads = 1 are for backend 'numba'"),
    (dict(bound=0.0), "bound must be"),
    (dict(observe=[0.5]), "observation times must lie in"),
    (dict(observe=[0.2, 0.1]), "must increase"),
    (dict(observe=[np.nan]), "finite times"),
    (dict(trajectory_every=0), "trajectory_every"),
    (dict(trajectory_every=1, max_bytes=1000), "would take [0-9]+ bytes"),
    (dict(x0=np.zeros(4)), "x0 has shape"),
    (dict(x0=np.full(9, np.nan)), "not finite"),
    (dict(data=np.zeros((3, 4))), "images of the wrong size"),
    (dict(data=np.zeros((0, 5))), "no sample"),
    (dict(data=np.full((1, 5), np.nan)), "sample 0, input 0"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_refused(options, message):
    with pytest.raises(SimulationError, match=message) as caught:
        simulate(toy(), **(dict(data=toy_data()) | options))
    assert "\n" not in str(caught.value)


def unsupported():
    base = toy()
    inert = toy(order=Order.UNDERDAMPED)
    yield inert.with_(noise=np.eye(base.n_cells)), "noise matrix"
    curved = toy(activation=Activation.TANH)
    resistive = replace(curved.couplings[0], kind=CouplingKind.RESISTIVE)
    yield curved.with_(couplings=(resistive,)), "tanh"
    yield toy(order=[0] * 13 + [1]), "cell 5 is overdamped and cell 13 underdamped"
    yield toy(order=Order.UNDERDAMPED, hi=2.0), "interval"


@pytest.mark.parametrize("case", range(4))
def test_what_is_not_simulated_is_refused_by_name(case):
    netlist, name = list(unsupported())[case]
    with pytest.raises(UnsupportedError, match=name):
        simulate(netlist, toy_data())


def test_schemes_and_heats_that_need_a_potential_say_why():
    with pytest.raises(UnsupportedError, match=r"couplings .* differ"):
        simulate(toy(symmetric=False), toy_data(), method="leimkuhler-matthews")
    with pytest.raises(UnsupportedError, match="tanh"):
        simulate(toy(activation=Activation.TANH), toy_data(), method="leimkuhler-matthews")
    with pytest.raises(UnsupportedError, match="one temperature"):
        simulate(toy(), toy_data(), method="leimkuhler-matthews")
    with pytest.raises(UnsupportedError, match="potential"):
        simulate(toy(symmetric=False), toy_data(), heat_method="potential")


def test_a_broken_netlist_is_refused():
    netlist = toy()
    gone = netlist.with_(readout=replace(netlist.readout, phase="gone"))
    for broken in (gone, netlist.with_(schedule=()), netlist.with_(kT=-1.0)):
        with pytest.raises(NetlistError):
            simulate(broken, toy_data())
    options = dict(kT=None, dt=None, observe=None, trajectory_every=None)
    with pytest.raises(SimulationError, match="phase 'gone'"):
        make_plan(gone, **options)
    with pytest.raises(SimulationError, match="no phase"):
        make_plan(netlist.with_(schedule=()), **options)
    with pytest.raises(SimulationError, match="is an input"):
        prepare(netlist.with_(readout=replace(netlist.readout, cells=np.array([0], np.int32))))
    bad = replace(netlist.couplings[0], weight=np.full(len(netlist.couplings[0]), np.nan))
    with pytest.raises(SimulationError, match="must be finite"):
        prepare(netlist.with_(couplings=(bad,)))


def test_progress_is_told():
    class Notes:
        def __init__(self):
            self.seen = []

        def start(self, total, label):
            self.seen.append(total)

        def update(self, done, note=""):
            self.seen.append(done)

        def stop(self):
            self.seen.append("stop")

    notes = Notes()
    simulate(toy(), toy_data(), runs=2, progress=notes)
    assert notes.seen[0] == 22
    assert notes.seen[-2:] == [22, "stop"]


def test_jax_gradient_equals_finite_differences_with_common_noise():
    with jax.enable_x64(True):
        netlist = toy(n=4, n_in=2, schedule=SINGLE)
        prepared = prepare(netlist)
        plan = make_plan(netlist, kT=None, dt=0.02, observe=None, trajectory_every=None)
        params, function = langevin_function(prepared, plan, heat_method="potential")
        inputs = encode(netlist, toy_data(3, 2))
        key = jax.random.key(0)

        def loss(params):
            run = function(params, inputs, np.repeat(prepared.x0[None], 3, 0), key, jnp.arange(3))
            return jnp.sum(run.outputs**2) + 0.1 * run.heat.sum()

        value = jax.jit(loss)
        gradient = jax.jit(jax.grad(loss))(params)
        for name, index in (("w", (0, 2)), ("w_in", (1, 1)), ("h", (3,)), ("c3", (0,))):
            steps = []
            for sign in (1, -1):
                moved = dict(params)
                moved[name] = params[name].at[index].add(sign * 1e-5)
                steps.append(float(value(moved)))
            slope = (steps[0] - steps[1]) / 2e-5
            assert float(gradient[name][index]) == pytest.approx(slope, rel=1e-6, abs=1e-8), name


def test_a_schedule_that_changes_kT_has_no_one_thermal_unit():
    cells = Cells.make(1, j2=1.0, h=1.0)
    phases = (Phase("hot", 0.1, kT=(2.0, 2.0)), Phase("cold", 0.1, kT=(1.0, 1.0)))
    netlist = LangevinNetlist(cells, (), kT=1.0, mobility=1.0, schedule=phases, dt=0.01)
    assert np.isnan(simulate(netlist).kT)
    assert simulate(netlist, kT=0.5).kT == 0.5


def test_a_filled_tile_counts_towards_the_memory_limit():
    cells = Cells.make(1, j2=1.0)
    netlist = LangevinNetlist(cells, (), 1.0, 1.0, (Phase("run", 1.0),), dt=1e-5)
    with pytest.raises(SimulationError, match="max_bytes"):
        simulate(netlist, trajectory_every=1, max_bytes=10_000_000)
