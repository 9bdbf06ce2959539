"""Couplings as circuits: their noise, load and range in every backend, against formulas by hand."""

import importlib.util
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

from compiler.errors import UnsupportedError
from compiler.families.langevin import lower_langevin
from compiler.families.resistive import ResistiveNetwork, lower_resistive
from compiler.formats.spice.deck import make_deck
from compiler.formats.spice.options import DeckOptions
from compiler.ir.burdens import typical_j2
from compiler.ir.langevin import (
    Activation,
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    LangevinNetlist,
    Order,
    Phase,
    ReadOut,
    Role,
)
from hw_models.couplings import COUPLING_TECHNOLOGIES
from hw_models.presets import chosen_device
from hw_models.source import with_values
from thermo.data import load_dataset
from thermo.simulate import SimulationError, simulate
from thermo.simulate.langevin.run import simulate_langevin
from thermo.simulate.langevin.wiring import device_units, wire
from thermo.training import train_pathwise
from thermo.training.langevin.presets import pathwise_preset

TECHNOLOGIES = [name for name in COUPLING_TECHNOLOGIES.names() if name != "capacitive"]
W = np.array([3.0, -1.5, 0.5])
J2, DT, RUNS = 0.8, 0.05, 20_000


RELAX = Phase("relax", 6.0)


def one_cell(*phases, kT=1.0):
    """A harmonic cell driven by three inputs."""
    n = len(W)
    role = [Role.INPUT] * n + [Role.OUTPUT]
    group = Couplings.from_coo(CouplingKind.LINEAR, n + 1, [n] * n, range(n), W)
    cells = Cells.make(n + 1, j2=J2, role=role)
    return LangevinNetlist(cells, (group,), kT, 1.0, phases or (RELAX,), dt=DT)


def network(**cells):
    """Six cells and four inputs, two phases, a ramp, inputs off in the second."""
    rng = np.random.default_rng(0)
    n, m = 6, 4
    w = rng.normal(size=(n + m, n + m))
    w[:m] = 0
    np.fill_diagonal(w, 0)
    role = [Role.INPUT] * m + [Role.DYNAMIC] * 4 + [Role.OUTPUT] * 2
    made = Cells.make(n + m, **{"j2": 1.0, "j4": 0.3, "h": 0.2, "role": role} | cells)
    phases = (Phase("a", 0.2, coupling_scale=(0.3, 1.0)), Phase("b", 0.1, input_scale=0.0, stiffness=3.0))
    couplings = (Couplings.from_dense(CouplingKind.LINEAR, w),)
    return LangevinNetlist(made, couplings, 1.0, 1.0, phases, dt=1e-2), rng.normal(size=(5, m))


def bare(technology):
    """rc-1fF with that technology, its converters ideal."""
    return replace(chosen_device("rc-1fF", technology), input_converter=None, output_converter=None)


def narrow(technology):
    """The same with a range so small that it acts."""
    device = bare(technology)
    return with_values(device, {k: 5e-3 for k in device.figures() if k == "couplings linear_range"})


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_stationary_variance(technology):
    """kT (1 + e) / k / (1 - k dt / 2), k = 2 J2 + load; sample variances spread by sqrt(2 / (runs - 1))."""
    made = COUPLING_TECHNOLOGIES.get(technology)
    result = simulate_langevin(one_cell(), np.zeros((1, 3)), device=bare(technology), runs=RUNS)
    k = 2 * J2 + (np.abs(W).sum() if made.loads else 0.0)
    excess = made.noise.value * np.abs(W).sum() / (2 * J2)

    def z(expected):
        return (result.outputs.var() / expected - 1) / np.sqrt(2 / (RUNS - 1))

    assert abs(z((1 + excess) / k / (1 - k * DT / 2))) < 4
    if technology != "ideal":
        k = 2 * J2
        assert abs(z(1 / k / (1 - k * DT / 2))) > 8 or made.loads  # a conductor leaves kT / C as it is
        assert abs(z((1 + excess / 2) / k / (1 - k * DT / 2))) > 8


def test_a_resistor_leaves_a_capacitor_at_kT_over_C():
    """(1 + L / 2 J2) / (2 J2 + L) = 1 / 2 J2: Nyquist's theorem."""
    net = one_cell().with_(dt=1e-3)
    result = simulate_langevin(net, np.zeros((1, 3)), device=bare("resistor"), runs=RUNS)
    bias = 1 / (1 - (2 * J2 + np.abs(W).sum()) * 1e-3 / 2)
    assert abs(result.outputs.var() * 2 * J2 / bias - 1) < 4 * np.sqrt(2 / (RUNS - 1))


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
def test_a_bias_is_a_current_source_with_noise(backend):
    """Shot noise 2 q I of I = h v0 / (2 J2 R), also where couplings are off; a tenth more is told apart."""
    h, off = 160.0, Phase("off", 6.0, coupling_scale=(0.0, 0.0))
    net = one_cell(off)
    net = net.with_(cells=replace(net.cells, h=np.array([0.0, 0.0, 0.0, -h])))
    device, runs = bare("weak-inversion"), RUNS
    found = simulate_langevin(net, np.zeros((1, 3)), device=device, runs=runs, backend=backend).outputs
    own = h * device_units(net, device).voltage / (4 * J2 * 0.025852)  # q / 2 k_B T = 1 / 2 V_T

    def z(extra):
        wanted = (1 + extra) / (2 * J2) / (1 - J2 * DT)
        return (found.var() / wanted - 1) / np.sqrt(2 / (runs - 1))

    assert own > 4 and abs(z(own)) < 4 and abs(z(own * 1.1)) > 4


def test_noise_is_gated_by_scale_and_inputs():
    weak = COUPLING_TECHNOLOGIES.get("weak-inversion").noise.value
    off, half = Phase("off", 6.0, input_scale=0.0), Phase("half", 6.0, coupling_scale=(0.5, 0.5))
    for phase, on in ((off, 0), (half, 0.5)):
        net = one_cell(phase)
        result = simulate_langevin(net, np.zeros((1, 3)), device=bare("weak-inversion"), runs=RUNS)
        expected = (1 + on * weak * np.abs(W).sum() / (2 * J2)) / (2 * J2) / (1 - J2 * DT)
        assert abs(result.outputs.var() / expected - 1) < 4 * np.sqrt(2 / (RUNS - 1))


@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
def test_load_and_range_move_the_mean(backend):
    """At rest x = W u / (2 J2 + sum |W|) behind resistors, W R tanh(u / R) / 2 J2 behind transconductors."""
    net, u = one_cell(Phase("relax", 20.0)), np.array([[0.7, -2.0, 4.0]])
    options = {"kT": 0.0, "backend": backend, "heat": False}
    loaded = simulate_langevin(net, u, device=bare("resistor"), **options).outputs.item()
    assert loaded == pytest.approx((W @ u[0]) / (2 * J2 + np.abs(W).sum()), rel=1e-5)
    device = narrow("weak-inversion")
    reach = 5e-3 / device_units(net, device).voltage
    shown = simulate_langevin(net, u, device=device, **options).outputs.item()
    assert shown == pytest.approx(W @ (reach * np.tanh(u[0] / reach)) / (2 * J2), rel=1e-5)
    assert abs(shown - W @ u[0] / (2 * J2)) > 0.1 and abs(loaded - W @ u[0] / (2 * J2)) > 0.1


@pytest.mark.parametrize("method", ["euler", "heun"])
@pytest.mark.parametrize("technology", ["weak-inversion", "resistor", "crossbar"])
def test_numba_follows_the_oracle(technology, method):
    net, data = network(activation=Activation.TANH) if technology == "crossbar" else network()
    options = dict(device=narrow(technology), method=method, runs=3, trajectory_every=1)
    fast = simulate_langevin(net, data, **options)
    slow = simulate_langevin(net, data, backend="numpy", **options)
    np.testing.assert_allclose(fast.trajectory, slow.trajectory, atol=2e-5)
    np.testing.assert_allclose(fast.heat, slow.heat, atol=1e-3)
    ideal = simulate_langevin(net, data, **options | {"device": None})
    assert np.abs(fast.trajectory - ideal.trajectory).max() > 0.1


@pytest.mark.parametrize("technology", ["weak-inversion", "resistor"])
def test_sparse_couplings_follow_the_oracle(technology):
    rng = np.random.default_rng(1)
    n = 40
    w = rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.1)
    np.fill_diagonal(w, 0)
    couplings = (Couplings.from_dense(CouplingKind.LINEAR, w),)
    net = LangevinNetlist(Cells.make(n, j2=1.0), couplings, 1.0, 1.0, (Phase("a", 0.2),), dt=1e-2)
    options = dict(device=narrow(technology), runs=4, trajectory_every=1)
    fast, slow = simulate_langevin(net, **options), simulate_langevin(net, backend="numpy", **options)
    np.testing.assert_allclose(fast.trajectory, slow.trajectory, atol=2e-5)


@pytest.mark.parametrize("technology", ["weak-inversion", "resistor"])
def test_jax_follows_the_oracle(technology):
    """Without noise step by step; its noise by the variance of the first step."""
    net, data = network()
    options = dict(device=narrow(technology), trajectory_every=1)
    jax = simulate_langevin(net, data, backend="jax", kT=0.0, **options)
    slow = simulate_langevin(net, data, backend="numpy", kT=0.0, **options)
    np.testing.assert_allclose(jax.trajectory, slow.trajectory, atol=1e-5)
    runs = 4000
    noisy = simulate_langevin(net, data[:1], backend="jax", runs=runs, **options).trajectory[1, 0]
    sums = np.abs(net.couplings[0].values).reshape(6, -1).sum(axis=1)
    s = 0.3 + 0.7 * 0.5 / 20
    noise = COUPLING_TECHNOLOGIES.get(technology).noise.value
    expected = 2e-2 * (1 + s * noise * sums / 2)
    z = (noisy.var(axis=0) / expected - 1) / np.sqrt(2 / (runs - 1))
    assert np.abs(z).max() < 4.5
    assert np.abs((noisy.var(axis=0) / 2e-2 - 1) / np.sqrt(2 / (runs - 1))).max() > 8


def test_heat_goes_by_the_path_where_there_is_no_potential():
    net, data = one_cell(), np.ones((2, 3))
    for technology, how in (("crossbar", "potential"), ("ideal", "potential"), ("resistor", "stratonovich")):
        result = simulate_langevin(net, data, device=bare(technology))
        assert result.heat_method == how
    with pytest.raises(UnsupportedError, match="its weak-inversion couplings load their cells or saturate"):
        simulate_langevin(net, data, device=bare("weak-inversion"), heat_method="potential")
    assert simulate_langevin(net, data, device=bare("weak-inversion")).entropy is None


def test_ideal_couplings_are_the_ideal_equation_to_the_bit():
    net, data = network()
    plain = simulate_langevin(net, data, runs=2)
    ideal = simulate_langevin(net, data, runs=2, device=bare("ideal"))
    np.testing.assert_array_equal(plain.outputs, ideal.outputs)


def test_a_cold_netlist_has_the_device_s_temperature():
    """kT = k_B T 2 J2 / (C swing^2); with kT = 0 given there is no noise."""
    net = one_cell(kT=0.0)
    kT = device_units(net, bare("crossbar")).kT
    assert kT == pytest.approx(4.1419e-21 * 2 * J2 / (1e-15 * 0.1**2), rel=1e-3)
    result = simulate_langevin(net, np.zeros((1, 3)), device=bare("crossbar"), runs=RUNS)
    excess = (1 + 1 / 15) * np.abs(W).sum() / (2 * J2)
    expected = kT * (1 + excess) / (2 * J2) / (1 - J2 * DT)
    assert result.kT == pytest.approx(kT)
    assert abs(result.outputs.var() / expected - 1) < 4 * np.sqrt(2 / (RUNS - 1))
    assert not simulate_langevin(net, np.zeros((1, 3)), device=bare("weak-inversion"), kT=0.0).outputs.any()


def pair(w, w_back=None, j2=1.0):
    group = Couplings.from_coo(CouplingKind.LINEAR, 2, [0, 1], [1, 0], [w, w if w_back is None else w_back])
    return LangevinNetlist(Cells.make(2, j2=j2), (group,), 1.0, 1.0, (Phase("a", 1.0),), dt=DT)


def test_capacitors_need_a_positive_definite_matrix():
    """2 J2 - W of two cells has the eigenvalues 2 J2 - w and 2 J2 + w."""
    ideal = simulate_langevin(pair(1.9), None, runs=3)
    made = simulate_langevin(pair(1.9), None, runs=3, device=bare("capacitive"))
    np.testing.assert_array_equal(ideal.outputs, made.outputs)
    with pytest.raises(UnsupportedError, match=r"eigenvalue of 2 J2 - W is -1; .*0.67 times .*0.5"):
        simulate_langevin(pair(3.0), None, device=bare("capacitive"))
    with pytest.raises(UnsupportedError, match=r"\(0, 1\) is 1 and \(1, 0\) is 0.5"):
        simulate_langevin(pair(1.0, 0.5), None, device=bare("capacitive"))


def steady(drift, noise):
    """Covariance of x' = x - dt drift x + N(0, dt noise), dt = DT."""
    step = np.eye(len(drift)) - DT * drift
    return solve_discrete_lyapunov(step, DT * noise)


def far(found, wanted, runs):
    """Largest z of sample covariances (n, n) of normal x: var c_ij = (s_ii s_jj + s_ij^2) / (runs - 1)."""
    own = np.diag(wanted)
    return np.max(np.abs(found - wanted) / np.sqrt((np.outer(own, own) + wanted**2) / (runs - 1)))


def resistors(n, share, *, skew=0.0, **cells):
    """n cells joined by resistors, some to inverted ones; (netlist, W)."""
    rng = np.random.default_rng(n)
    w = np.triu(rng.normal(size=(n, n)) * (rng.random((n, n)) < share), 1)
    w = w + w.T + skew * np.tril(np.abs(w.T), -1)
    made = Cells.make(n, **{"j2": J2} | cells)
    phases = (Phase("a", 6.0, coupling_scale=(0.5, 0.5)),)
    return LangevinNetlist(made, (Couplings.from_dense(CouplingKind.LINEAR, w),), 1.0, 1.0, phases, dt=DT), w


@pytest.mark.parametrize("method", ["euler", "heun"])
@pytest.mark.parametrize("backend", ["numba", "numpy", "jax"])
@pytest.mark.parametrize(("n", "share"), [(4, 1.0), (9, 0.25)], ids=["dense", "sparse"])
def test_resistors_at_one_temperature_leave_capacitors_uncorrelated(n, share, backend, method):
    """Their noise is 2 kT A / 2 J2 with A what damps, so that at rest <x x^T> = kT / 2 J2, each capacitor's
    own k_B T / C; with independent currents the cells would be correlated.
    """
    net, w = resistors(n, share)
    runs = RUNS // 4
    found = simulate_langevin(net, None, device=bare("resistor"), runs=runs, backend=backend, method=method)
    drift = np.diag(2 * J2 + 0.5 * np.abs(w).sum(axis=1)) - 0.5 * w
    x = found.outputs[-1, 0].astype(float)
    wanted = steady(drift, drift / J2)
    assert np.abs(wanted * 2 * J2 - np.eye(n)).max() < 0.3  # what steps of DT make of the identity
    apart = steady(drift, np.diag(np.diag(drift)) / J2)
    if method == "heun":
        drop = np.eye(n) - DT * drift + (DT * drift) @ (DT * drift) / 2
        gain = np.eye(n) - DT * drift / 2
        wanted = solve_discrete_lyapunov(drop, DT * gain @ (drift / J2) @ gain.T)
    assert far(np.cov(x.T), wanted, runs) < 4.5
    assert far(np.cov(x.T), apart, runs) > 8


def test_what_both_directions_share_is_one_element():
    """Directed couplings of different size: the smaller is an element, the rest drives one way, alone."""
    net, w = resistors(4, 1.0, skew=0.7)
    runs = RUNS // 2
    found = simulate_langevin(net, None, device=bare("resistor"), runs=runs)
    x = found.outputs[-1, 0].astype(float)
    load = np.diag(2 * J2 + 0.5 * np.abs(w).sum(axis=1))
    shared = np.where(w * w.T > 0, np.sign(w) * np.minimum(np.abs(w), np.abs(w.T)), 0.0)
    wanted = steady(load - 0.5 * w, (load - 0.5 * shared) / J2)
    assert far(np.cov(x.T), wanted, runs) < 4.5
    assert far(np.cov(x.T), steady(load - 0.5 * w, load / J2), runs) > 8


def test_a_buffer_s_noise_is_its_own():
    """What cells show by an activation drives through buffers: currents of the two ends are independent."""
    net, w = resistors(4, 1.0, activation=Activation.TANH)
    runs = 4000
    options = dict(device=bare("resistor"), trajectory_every=1, runs=runs)
    first = simulate_langevin(net, None, **options).trajectory[1, 0].astype(float)
    wanted = DT * np.diag(2 * J2 + 0.5 * np.abs(w).sum(axis=1)) / J2
    assert far(np.cov(first.T), wanted, runs) < 4.5


def test_a_network_of_resistors_is_one_on_every_device():
    """Noise of its conductances, no load beside its own."""
    group = Couplings.from_coo(CouplingKind.RESISTIVE, 2, [0, 1], [1, 0], [0.5, 0.5])
    net = LangevinNetlist(Cells.make(2, j2=1.0), (group,), 1.0, 1.0, (Phase("a", 6.0),), dt=DT)
    result = simulate_langevin(net, None, device=bare("weak-inversion"), runs=RUNS)
    kappa = np.array([[2.5, -0.5], [-0.5, 2.5]])
    found = np.cov(result.outputs[-1, 0].astype(float).T)
    assert far(found, steady(kappa, kappa), RUNS) < 4.5
    assert far(found, steady(kappa, 2.5 * np.eye(2)), RUNS) > 8


def passive(layers):
    """A resistive network's netlist without its diodes, and the matrix that damps it."""
    rng = np.random.default_rng(3)
    shapes = [(n, 2 * m if k == 0 else m) for k, (m, n) in enumerate(itertools.pairwise(layers))]
    net = lower_resistive(ResistiveNetwork([rng.random(shape).astype(np.float32) for shape in shapes]))
    walls = np.full(net.n_cells, np.inf)
    cells = replace(net.cells, lo=-walls, hi=walls)
    joined = np.zeros((net.n_cells, net.n_cells))
    for group in net.couplings:
        if group.kind == CouplingKind.RESISTIVE:
            joined[group.rows, group.indices] = group.values
    moving = ~cells.frozen
    damps = np.diag(2 * cells.j2 + joined.sum(axis=1)) - joined
    return net.with_(cells=cells), damps[np.ix_(moving, moving)]


@pytest.mark.parametrize("layers", [(3, 5, 2), (4, 12, 5, 3)], ids=["two", "three"])
def test_every_resistor_of_a_network_makes_noise_once(layers):
    """At rest each capacitor has k_B T / C and nothing is correlated: the resistors of the inputs are in the
    J2 of the nodes that they load, and make no noise again for the current that they drive (derived).
    """
    net, damps = passive(layers)
    j2 = typical_j2(net)
    noise = wire(net, bare("weak-inversion")).covariance(1.0, True)
    np.testing.assert_allclose(noise, damps / (2 * j2), atol=1e-8)
    np.testing.assert_allclose(wire(net, bare("resistor")).covariance(1.0, False), noise)  # inputs at 0 V
    rest = solve_continuous_lyapunov(damps, 2 * noise)
    np.testing.assert_allclose(rest, np.eye(len(damps)) / (2 * j2), atol=1e-7)
    twice = noise + np.eye(len(damps))
    assert np.abs(solve_continuous_lyapunov(damps, 2 * twice) - rest).max() > 0.1 / j2
    deck = make_deck(net, DeckOptions(device=bare("resistor"))).noise
    np.testing.assert_allclose(deck, noise, atol=1e-8)


def test_nodes_without_a_source_have_the_noise_of_their_resistors():
    """Nodes of J2 = 0, the read ones, at their k_B T / C in the kernels."""
    net, damps = passive((4, 12, 5, 3))
    net = net.with_(schedule=(Phase("free", 20.0),))
    runs = RUNS // 4
    found = simulate_langevin(net, np.zeros((1, 4)), device=bare("resistor"), runs=runs, kT=1.0, dt=DT)
    wanted = steady(damps, damps / typical_j2(net))[-3:, -3:]
    assert np.abs(wanted * 2 * typical_j2(net) - np.eye(3)).max() < 0.1
    assert far(np.cov(found.outputs[-1, 0].astype(float).T), wanted, runs) < 4.5


def test_what_is_no_circuit_is_refused():
    net = pair(1.0)
    sine = replace(net.couplings[0], kind=CouplingKind.SINE)
    heavy = replace(net.cells, order=np.full(2, Order.UNDERDAMPED, np.int8))
    angles = replace(net.cells, kind=np.full(2, CellKind.PHASE, np.int8))
    for bad, match in (
        (net.with_(couplings=(sine,)), "linear or resistive; sine ones"),
        (net.with_(cells=heavy), "underdamped; couplings = ideal"),
        (net.with_(cells=angles, couplings=(sine,)), "cell 0 is a phase cell"),
        (net.with_(noise=np.eye(2)), "noise matrix"),
    ):
        with pytest.raises(UnsupportedError, match=match):
            simulate_langevin(bad, None, device=bare("weak-inversion"))
        simulate_langevin(bad, None, device=bare("ideal"))
    with pytest.raises(UnsupportedError, match="leimkuhler-matthews' needs one temperature"):
        simulate_langevin(net, None, device=bare("crossbar"), method="leimkuhler-matthews")
    with pytest.raises(SimulationError, match="couplings = 'resistor' are those of a device: give a device"):
        simulate_langevin(net, None, couplings="resistor")


@pytest.mark.slow
def test_the_demo_s_machine_reads_a_fifth_of_the_digits():
    """Simulator and benchmarks/coupling_noise.py, which shares nothing with it, 20 runs each: 20 ± 2 %, and
    alike within the spread of their runs. With noiseless inputs both would read three times as many.
    """
    path = Path(__file__).parents[4] / "benchmarks" / "coupling_noise.py"
    spec = importlib.util.spec_from_file_location("coupling_noise", path)
    apart = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(apart)
    dataset = load_dataset("digits")
    model = train_pathwise(dataset, pathwise_preset(dataset)).model
    net, (images, truth) = lower_langevin(model), dataset.part("test")
    names = ("w_in", "coupling", "bias", "j2", "j3", "j4", "x0", "input_shift", "input_scale")
    m = {name: np.asarray(getattr(model, name), float) for name in names}
    m |= dict(kT=1.0, dt=1e-3, t_f=0.2, n_out=10)
    flat = images.reshape(len(truth), -1)

    def share(answers):
        right = [100 * np.mean(a == truth) for a in answers]
        return np.mean(right), np.std(right, ddof=1) / np.sqrt(len(right))

    seeds = range(20)
    ours, spread = share(
        simulate_langevin(net, flat, device=bare("weak-inversion"), seed=s, heat=False).predictions()
        for s in seeds
    )
    theirs, other = share(apart.run(m, flat, noise=0.65, reach=23.3, seed=s) for s in seeds)
    assert abs(ours - 20) < 2 and abs(theirs - 20) < 2
    assert abs(ours - theirs) < 4 * np.hypot(spread, other)
    quiet, _ = share(apart.run(m, flat, noise=0.65, inputs_noisy=False, seed=s) for s in seeds)
    assert abs(ours - quiet) > 8 * np.hypot(spread, other)


@pytest.mark.parametrize("technology", ["resistor", "crossbar"])
def test_exact_transitions_on_a_device(technology):
    """Covariance of the Lyapunov equation without steps; the ideal equation's is another."""
    net, w = resistors(4, 1.0)
    net = net.with_(schedule=(Phase("a", 60.0, coupling_scale=(0.5, 0.5)),))
    made, runs = COUPLING_TECHNOLOGIES.get(technology), 4000
    options = dict(method="exact", runs=runs)
    x = simulate(net, device=bare(technology), **options).outputs[-1, 0].astype(float)
    strength = 0.5 * np.abs(w).sum(axis=1)
    drift = np.diag(2 * J2 + made.loads * strength) - 0.5 * w
    noise = np.diag(1 + made.noise.value * strength / (2 * J2)) - made.mutual * 0.5 * w / (2 * J2)
    assert far(np.cov(x.T), solve_continuous_lyapunov(drift, 2 * noise), runs) < 4.5
    ideal = solve_continuous_lyapunov(np.diag(np.full(4, 2 * J2)) - 0.5 * w, 2 * np.eye(4))
    assert far(np.cov(x.T), ideal, runs) > 8
    cold = simulate(net.with_(kT=0.0), device=bare("crossbar"), **options)
    assert cold.kT == pytest.approx(device_units(net.with_(kT=0.0), bare("crossbar")).kT)
    with pytest.raises(
        UnsupportedError, match="weak-inversion couplings saturate, so its process is not Gau"
    ):
        simulate(net, device=bare("weak-inversion"), **options)


def test_exact_transitions_read_through_converters():
    net = one_cell().with_(readout=ReadOut(np.array([3], np.int32), "relax", decision="value"))
    device = chosen_device("rc-1fF", "ideal", input_bits=2, output_bits=3)
    found = simulate(net, np.ones((2, 3)), device=device, method="exact", runs=50)
    assert [c.bits for c in found.conversions] == [2, 3]
    assert np.unique(found.outputs).size <= 8
