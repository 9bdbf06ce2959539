"""Pathwise gradients: exact, independent of threads, resumable; budgets and errors."""

import math
from dataclasses import replace

import numpy as np
import pytest

from compiler.families.langevin import lower_langevin
from hw_models.couplings import Burden
from hw_models.errors import HardwareError
from hw_models.imperfect import Imperfections, bias_factors, factors
from hw_models.presets import chosen_device
from thermo.data import Dataset, load_dataset
from thermo.kernels.langevin.range import range_tile, slope_tile
from thermo.kernels.random import STREAM_TRAINING, normals_numpy
from thermo.simulate import simulate
from thermo.simulate.langevin.wiring import wire
from thermo.training import (
    Augmentation,
    PathwiseConfig,
    TrainingDivergedError,
    TrainingError,
    run_machine,
    train_pathwise,
)
from thermo.training.langevin.circuit import burden_of, strengths
from thermo.training.langevin.gradient import Layout, loss_and_gradient
from thermo.training.langevin.imperfect import draw_machine
from thermo.training.langevin.presets import likelihood_preset, pathwise_preset
from thermo.training.regimes import device_of_batch

N, N_IN, N_OUT, BATCH = 7, 5, 3, 11
SIZE = N * N_IN + N * N + N + 2 * N_OUT
J = slice(N * N_IN, N * N_IN + N * N)
RUN = {"n_steps": 12, "dt": 0.02, "mobility": 1.3, "kT": 0.5, "seed": 3, "trajectory": 5, "tile": 4}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def problem(symmetric: bool, regression: bool):
    """A skewed instance: J3 != 0, x_0 != 0, three tiles of unequal width, kT and mobility != 1."""
    rng = np.random.default_rng([symmetric, regression])
    theta = 0.7 * rng.standard_normal(SIZE)
    coupling = theta[J].reshape(N, N)
    np.fill_diagonal(coupling, 0.0)
    if symmetric:
        coupling[:] = coupling + coupling.T
    cells = np.stack([np.ones(N), 0.3 * rng.standard_normal(N), 1 + 0.1 * rng.random(N)])
    x0 = 0.5 * rng.standard_normal(N)
    data = rng.standard_normal((BATCH, N_IN))
    y = rng.standard_normal((BATCH, N_OUT)) if regression else rng.integers(0, N_OUT, BATCH)
    return theta, cells, x0, data, y


def direction(rng: np.random.Generator, symmetric: bool) -> np.ndarray:
    d = rng.standard_normal(SIZE)
    coupling = d[J].reshape(N, N)
    np.fill_diagonal(coupling, 0.0)
    if symmetric:
        coupling[:] = coupling + coupling.T
    return d


def oracle(theta, cells, x0, data, y, *, heat_penalty, stratonovich, noise_of=math.sqrt):
    """Loss and heat in plain NumPy; `noise_of(2 mu kT dt)` is where a twin can be broken."""
    w, j, b, s, o = np.split(theta, np.cumsum([N * N_IN, N * N, N, N_OUT]))
    w, j = w.reshape(N, N_IN), j.reshape(N, N)
    c = data @ w.T + b
    j2, j3, j4 = cells
    ids = RUN["trajectory"] + np.arange(BATCH)

    def force(x):
        return c + x @ j.T - 2 * j2 * x - 3 * j3 * x**2 - 4 * j4 * x**3

    def energy(x):
        own = (j2 * x**2 + j3 * x**3 + j4 * x**4 - c * x).sum(axis=1)
        return own - 0.5 * np.einsum("bi,ij,bj->b", x, j, x)

    x = np.tile(x0, (BATCH, 1))
    start, heat = energy(x), np.zeros(BATCH)
    for k in range(RUN["n_steps"]):
        z = normals_numpy(RUN["seed"], ids, k, N, STREAM_TRAINING).T
        size = noise_of(2 * RUN["mobility"] * RUN["kT"] * RUN["dt"])
        new = x + RUN["mobility"] * RUN["dt"] * force(x) + size * z
        heat += 0.5 * ((force(x) + force(new)) * (new - x)).sum(axis=1)
        x = new
    q = heat if stratonovich else start - energy(x)
    score = s * x[:, -N_OUT:] + o
    if y.ndim == 1:
        log_p = score - np.log(np.exp(score).sum(axis=1, keepdims=True))
        loss = -log_p[np.arange(BATCH), y]
    else:
        loss = 0.5 * ((score - y) ** 2).sum(axis=1)
    return float(np.mean(loss + heat_penalty * q)), float(q.mean())


@pytest.mark.parametrize("regression", [False, True])
@pytest.mark.parametrize(("symmetric", "stratonovich"), [(True, False), (True, True), (False, True)])
@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_gradient_is_that_of_finite_differences(symmetric, stratonovich, penalty, regression):
    theta, *fixed = problem(symmetric, regression)
    options = RUN | {"heat_penalty": penalty, "stratonovich": stratonovich}

    def loss(t):
        return loss_and_gradient(t, (N, N_IN, N_OUT), *fixed, **options)[0]

    _, gradient, _ = loss_and_gradient(theta, (N, N_IN, N_OUT), *fixed, **options)
    rng = np.random.default_rng(1)
    # Central differences: truncation e^2 |f'''| / 6 and rounding 1e-16 |f| / e, both below 1e-9
    # times figures of order 100 here, so 1e-6 leaves room only for a right gradient.
    e = 1e-5
    worst_sign = 0.0
    for _ in range(8):
        d = direction(rng, symmetric)
        slope = (loss(theta + e * d) - loss(theta - e * d)) / (2 * e)
        assert abs(slope - gradient @ d) <= 1e-6 * (1 + abs(slope))
        worst_sign = max(worst_sign, abs(slope + gradient @ d) / (1 + abs(slope)))
    assert worst_sign > 1e-3  # the broken twin: a flipped sign


@pytest.mark.parametrize(("symmetric", "stratonovich"), [(True, False), (False, True)])
def test_run_is_that_of_the_numpy_oracle(symmetric, stratonovich):
    theta, *fixed = problem(symmetric, False)
    penalty = {"heat_penalty": 0.3, "stratonovich": stratonovich}
    loss, _, heat = loss_and_gradient(theta, (N, N_IN, N_OUT), *fixed, **RUN, **penalty)
    want_loss, want_heat = oracle(theta, *fixed, **penalty)
    # The kernel's normals are float32: 12 steps of noise of order 0.2, each off by 1e-7.
    assert loss == pytest.approx(want_loss, rel=2e-6)
    assert heat == pytest.approx(want_heat, rel=2e-6)
    broken, _ = oracle(theta, *fixed, **penalty, noise_of=lambda v: v)  # dt for sqrt(dt)
    assert abs(broken - want_loss) > 1e-3


LAWS = {
    "noise": Burden(0.4, 0.0, math.inf, 0.3),
    "noise and load": Burden(0.5, 1.0, math.inf, 0.3),
    "noise and range": Burden(0.4, 0.0, 1.3, 0.3),
    "all": Burden(0.4, 1.0, 1.3, 0.3),
    "shared noise": Burden(0.4, 1.0, math.inf, 0.3, True),
}


def on_device(theta, cells, x0, data, y, *, each, heat_penalty):
    """Loss of a machine whose couplings make noise, load and saturate, in plain NumPy: each written
    out from the sums of |W|, heat by Stratonovich.
    """
    w, j, b, s, o = np.split(theta, np.cumsum([N * N_IN, N * N, N, N_OUT]))
    w, j = w.reshape(N, N_IN), j.reshape(N, N)
    sums = np.abs(w).sum(axis=1) + np.abs(j).sum(axis=1)
    j2, j3, j4 = cells
    h = RUN["mobility"] * RUN["dt"]

    def show(x):
        return x if math.isinf(each.reach) else each.reach * np.tanh(x / each.reach)

    def force(x):
        own = 2 * j2 * x + 3 * j3 * x**2 + 4 * j4 * x**3 + each.load * sums * x
        return show(data) @ w.T + b + show(x) @ j.T - own

    covariance = np.diag(1 + each.source * np.abs(b) + each.excess * sums)
    if each.mutual:  # the smaller of what both ways share is one element
        shared = np.where(j * j.T > 0, np.sign(j) * np.minimum(np.abs(j), np.abs(j.T)), 0.0)
        covariance -= each.excess * shared
    root = np.linalg.cholesky(covariance)
    x, heat = np.tile(x0, (BATCH, 1)), np.zeros(BATCH)
    for k in range(RUN["n_steps"]):
        z = normals_numpy(RUN["seed"], RUN["trajectory"] + np.arange(BATCH), k, N, STREAM_TRAINING).T
        new = x + h * force(x) + math.sqrt(2 * h * RUN["kT"]) * z @ root.T
        heat += 0.5 * ((force(x) + force(new)) * (new - x)).sum(axis=1)
        x = new
    score = s * x[:, -N_OUT:] + o
    log_p = score - np.log(np.exp(score).sum(axis=1, keepdims=True))
    return float(np.mean(-log_p[np.arange(BATCH), y] + heat_penalty * heat))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_run_on_a_device_is_that_of_the_numpy_oracle(law, penalty):
    theta, *fixed = problem(True, False)
    options = RUN | {"heat_penalty": penalty, "stratonovich": True}
    loss, _, _ = loss_and_gradient(theta, (N, N_IN, N_OUT), *fixed, **options, each=LAWS[law])
    want = on_device(theta, *fixed, each=LAWS[law], heat_penalty=penalty)
    # As above: the kernel's normals are float32.
    assert loss == pytest.approx(want, rel=1e-5)
    ideal, _, _ = loss_and_gradient(theta, (N, N_IN, N_OUT), *fixed, **options)
    assert abs(ideal - want) > 1e-3


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("symmetric", "stratonovich"), [(True, False), (True, True), (False, True)])
def test_gradient_on_a_device_is_that_of_finite_differences(law, symmetric, stratonovich):
    """With the noise fixed: its amplitude, the loads and the range move with the parameters."""
    each = LAWS[law]
    if math.isfinite(each.reach) and not stratonovich:
        pytest.skip("couplings of finite range have no potential")
    theta, *fixed = problem(symmetric, False)
    options = RUN | {"heat_penalty": 0.1, "stratonovich": stratonovich, "each": each}

    def loss(t):
        return loss_and_gradient(t, (N, N_IN, N_OUT), *fixed, **options)[0]

    _, gradient, _ = loss_and_gradient(theta, (N, N_IN, N_OUT), *fixed, **options)
    w, j, *_ = Layout(N, N_IN, N_OUT).split(theta)
    rng = np.random.default_rng(1)
    e, twin = 1e-6, 0.0  # no |W| of the instance is below 1e-3: no kink within e
    assert np.abs(np.concatenate([w.ravel(), j[j != 0]])).min() > 1e-3
    without = loss_and_gradient(theta, (N, N_IN, N_OUT), *fixed, **options | {"each": None})[1]
    for _ in range(8):
        d = direction(rng, symmetric)
        slope = (loss(theta + e * d) - loss(theta - e * d)) / (2 * e)
        # Truncation and rounding are below 1e-8 here, as above.
        assert abs(slope - gradient @ d) <= 1e-6 * (1 + abs(slope))
        twin = max(twin, abs(slope - without @ d) / (1 + abs(slope)))
    assert twin > 1e-3  # the gradient of the ideal machine is another


def test_couplings_without_noise_load_and_range_change_no_bit():
    theta, *fixed = problem(True, False)
    theta = theta.astype(np.float32)
    options = RUN | {"heat_penalty": 0.1}
    loss, gradient, heat = loss_and_gradient(theta, (N, N_IN, N_OUT), *fixed, **options)
    again = loss_and_gradient(
        theta, (N, N_IN, N_OUT), *fixed, **options, each=Burden(0.0, 0.0, math.inf, 0.0)
    )
    assert (loss, heat) == (again[0], again[2])
    np.testing.assert_array_equal(gradient, again[1])


def test_range_is_tanh():
    x = np.linspace(-30, 30, 4001)
    for real, error in ((np.float32, 1e-6), (np.float64, 1e-14)):
        out = np.empty((1, x.size), real)
        range_tile(x[None].astype(real), real(2.5), out)
        assert np.abs(out[0] - 2.5 * np.tanh(x / 2.5)).max() < error
        slope = np.ones_like(out)
        slope_tile(out, real(2.5), slope)
        assert np.abs(slope[0] - 1 / np.cosh(x / 2.5) ** 2).max() < error


def test_float32_gradient_is_that_of_float64():
    theta, *fixed = problem(True, False)
    options = RUN | {"heat_penalty": 0.1}
    _, want, _ = loss_and_gradient(theta, (N, N_IN, N_OUT), *fixed, **options)
    _, got, _ = loss_and_gradient(theta.astype(np.float32), (N, N_IN, N_OUT), *fixed, **options)
    # 12 steps of sums of about 10 float32 products
    assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


def test_threads_do_not_matter(digits):
    config = PathwiseConfig(
        n_hidden=16, epochs=2, batch=100, tile=32, augmentation=Augmentation(shift=0.3, rotate=5.0)
    )
    one, two = (train_pathwise(digits, config, threads=t) for t in (1, 2))
    assert np.array_equal(one.model.w_in, two.model.w_in)
    assert np.array_equal(one.model.coupling, two.model.coupling)
    assert one.score == two.score and one.mean_heat == two.mean_heat


class Stop:
    """Interrupts after a number of epochs, as Ctrl-C would."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.stopped = False

    def start(self, total: int, label: str) -> None:
        pass

    def update(self, done: int, note: str = "") -> None:
        if done == self.after:
            raise KeyboardInterrupt

    def stop(self) -> None:
        self.stopped = True


def test_resumed_training_is_bitwise_the_uninterrupted_one(digits, tmp_path):
    config = PathwiseConfig(
        n_hidden=12, epochs=4, batch=128, heat_budget=300.0, non_ideal=Imperfections(mismatch=0.1, bits=6)
    )
    whole = train_pathwise(digits, config)
    path, stop = tmp_path / "state.npz", Stop(2)
    with pytest.raises(KeyboardInterrupt):
        train_pathwise(digits, config, checkpoint=path, progress=stop)
    assert stop.stopped and path.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]
    resumed = train_pathwise(digits, config, checkpoint=path)
    assert np.array_equal(whole.model.w_in, resumed.model.w_in)
    assert np.array_equal(whole.model.coupling, resumed.model.coupling)
    assert whole.heat_penalty == resumed.heat_penalty
    assert [h.loss for h in whole.history] == [h.loss for h in resumed.history]

    with pytest.raises(TrainingError, match="another configuration"):
        train_pathwise(digits, replace(config, seed=1), checkpoint=path)
    path.write_bytes(b"not an archive")
    with pytest.raises(TrainingError, match=r"state\.npz: not a training checkpoint"):
        train_pathwise(digits, config, checkpoint=path)


@pytest.fixture(scope="module")
def budgeted(digits):
    config = PathwiseConfig(n_hidden=32, epochs=40, batch=64, tile=64, heat_budget=300.0, evaluate_every=4)
    return train_pathwise(digits, config)


def test_heat_budget_is_met_and_used(budgeted):
    assert 0.8 * 300.0 <= budgeted.mean_heat <= 300.0
    assert budgeted.score > 0.9
    # Reported figures are those of the machine: its heat at the evaluation step, again.
    assert budgeted.heat_penalty > 0


def test_machine_reproduces_the_reported_figures(digits, budgeted):
    n = digits.x_valid.shape[0]

    def agrees(machine):
        outputs, heat = run_machine(machine, digits.x_valid, seed=1)
        # Other noise: 5 standard errors of a mean over n runs, and of a share of right answers.
        same_heat = abs(heat.mean() - budgeted.mean_heat) < 5 * heat.std() * math.sqrt(2 / n)
        p = budgeted.score
        right = np.mean(outputs.argmax(axis=1) == digits.y_valid)
        return same_heat, abs(right - p) < 5 * math.sqrt(2 * max(p * (1 - p), 0.01) / n)

    assert agrees(budgeted.model) == (True, True)
    flipped = replace(budgeted.model, coupling=-budgeted.model.coupling)
    assert agrees(flipped) == (False, False)


def test_training_kernels_and_the_simulator_run_the_same_machine(digits, budgeted):
    cold = replace(budgeted.model, kT=0.0)
    outputs, heat = run_machine(cold, digits.x_valid)
    result = simulate(lower_langevin(cold), digits.x_valid)
    # float32 on both sides, sums in another order, 200 steps
    assert np.abs(outputs - result.outputs[0, :, 0]).max() < 1e-4
    assert np.allclose(heat, result.heat[:, 0], rtol=1e-4, atol=1e-2)
    flipped = replace(cold, coupling=-cold.coupling)
    assert np.abs(run_machine(flipped, digits.x_valid)[0] - outputs).max() > 0.1


def test_start_is_gone_on_from(digits, budgeted):
    config = PathwiseConfig(epochs=1, batch=64, learning_rate=1e-5, heat_penalty=1e-4)
    more = train_pathwise(digits, config, start=budgeted.model)
    assert more.model.n_hidden == 32
    assert np.abs(more.model.coupling - budgeted.model.coupling).max() < 0.1
    assert more.score > 0.85
    with pytest.raises(TrainingError, match=r"start machine has kT = 1, the configuration 0\.5"):
        train_pathwise(digits, replace(config, kT=0.5), start=budgeted.model)
    with pytest.raises(TrainingError, match="start machine has 64 inputs and 10 outputs"):
        train_pathwise(load_dataset("cosine"), config, start=budgeted.model)


def test_control_has_no_couplings_and_directed_ones_are_free(digits):
    control = train_pathwise(digits, PathwiseConfig(n_hidden=8, epochs=1, coupled=False))
    assert not control.model.coupling.any()
    directed = train_pathwise(digits, PathwiseConfig(n_hidden=8, epochs=1, symmetric=False))
    j = directed.model.coupling
    assert not np.array_equal(j, j.T) and not np.diagonal(j).any()
    tied = train_pathwise(digits, PathwiseConfig(n_hidden=8, epochs=1))
    assert np.array_equal(tied.model.coupling, tied.model.coupling.T)
    with pytest.raises(TrainingError, match="directed couplings"):
        train_pathwise(digits, PathwiseConfig(epochs=1), start=directed.model)


def test_regression_learns_a_cosine():
    data = load_dataset("cosine")
    result = train_pathwise(data, replace(pathwise_preset(data), epochs=120))
    assert -result.score < 0.25  # the mean as answer is off by 0.71
    assert result.model.head == "regression"


DEVICE = chosen_device("rc-1fF", input_bits="ideal", output_bits="ideal")


def right_on(machine, config, data, runs=3):
    """Share of right decisions on the device of this training, each sample `runs` times."""
    each = burden_of(config, float(np.median(machine.j2)))
    found = [
        run_machine(machine, data.x_valid, seed=seed, each=each)[0].argmax(axis=1) for seed in range(runs)
    ]
    return float(np.mean([f == data.y_valid for f in found]))


def test_training_with_the_noise_of_weak_inversion_brings_accuracy_back(digits):
    """The ideal machine reads about a fifth of the digits with these couplings, the one trained for them
    nearly all; the same machine with the others' device tells them apart.
    """
    ideal = replace(pathwise_preset(digits), epochs=40, evaluate_every=10)
    there = replace(pathwise_preset(digits, device="rc-1fF"), epochs=40, evaluate_every=10)
    blind, aware = train_pathwise(digits, ideal), train_pathwise(digits, there)
    lost = right_on(blind.model, replace(ideal, device="rc-1fF"), digits)
    kept = right_on(aware.model, there, digits)
    # 269 validation samples three times: a standard error of at most 1.8 points each
    assert blind.score > 0.9 and lost < 0.45
    assert kept > 0.92
    assert dict(aware.model.meta)["couplings"] == "weak-inversion"
    assert aware.model.kT == there.kT < 0.1


@pytest.fixture(scope="module")
def there(digits):
    config = replace(pathwise_preset(digits, device=DEVICE), epochs=30, evaluate_every=10)
    return config, train_pathwise(digits, config).model


def test_the_machine_in_training_is_the_one_that_is_simulated(digits, there):
    """Noise, load and range of every cell to the bit, and without noise every decision."""
    config, machine = there
    each = burden_of(config, float(np.median(machine.j2)))
    net = lower_langevin(machine)
    wiring = wire(net, DEVICE)
    sums = strengths(machine.w_in, machine.coupling)
    np.testing.assert_array_equal(each.excess * sums, wiring.excess[1])
    np.testing.assert_array_equal(each.load * sums, wiring.load[1])
    np.testing.assert_array_equal(1 + each.source * np.abs(machine.bias.astype(float)), wiring.own)
    assert (wiring.own > 1).any()
    assert each.reach == wiring.reach and math.isfinite(each.reach)
    assert (wiring.excess[1] > 1).all()

    outputs, _ = run_machine(replace(machine, kT=0.0), digits.x_valid, each=each)
    result = simulate(net, digits.x_valid, device=DEVICE, kT=0.0)
    np.testing.assert_array_equal(outputs.argmax(axis=1), result.predictions())
    # float32 on both sides, sums in another order, 200 steps
    assert np.abs(outputs - result.outputs[0, :, 0]).max() < 1e-4
    plain, _ = run_machine(replace(machine, kT=0.0), digits.x_valid)
    assert np.abs(outputs - plain).max() > 0.05


def test_noisy_runs_of_the_simulator_are_as_often_right_as_in_training(digits, there):
    config, machine = there
    runs = 5
    mine = right_on(machine, config, digits, runs)
    net = lower_langevin(machine)
    result = simulate(net, digits.x_valid, device=DEVICE, runs=runs, seed=1)
    decided = result.outputs[0].argmax(axis=-1)
    theirs = float((decided == digits.y_valid[:, None]).mean())
    # Both are means over the same samples: 5 standard errors of the difference of two noisy shares
    assert abs(mine - theirs) < 5 * math.sqrt(2 * 0.05 / decided.size)
    hot = simulate(net, digits.x_valid, device=DEVICE, runs=runs, seed=1, kT=30 * machine.kT)
    assert abs(mine - float((hot.outputs[0].argmax(axis=-1) == digits.y_valid[:, None]).mean())) > 0.1


def test_what_couplings_cost_is_paid_for_in_their_strength(digits):
    base = replace(pathwise_preset(digits, device="rc-1fF"), epochs=20, evaluate_every=10)
    dear, cheap = (train_pathwise(digits, replace(base, coupling_penalty=p)).model for p in (1e-2, 0.0))
    sums = [strengths(m.w_in, m.coupling).mean() for m in (dear, cheap)]
    assert sums[0] < 0.6 * sums[1]
    ideal = replace(pathwise_preset(digits), epochs=5, evaluate_every=5)
    sums = [
        strengths(m.w_in, m.coupling).mean()
        for m in (train_pathwise(digits, replace(ideal, coupling_penalty=p)).model for p in (1e-2, 0.0))
    ]
    assert sums[0] < 0.9 * sums[1]  # the ideal machine, too


def test_devices_that_cannot_be_are_refused():
    with pytest.raises(TrainingError, match="'crossbar' need the cells that they drive; give a device"):
        PathwiseConfig(couplings="crossbar")
    with pytest.raises(TrainingError, match="resistor couplings are one element both ways"):
        PathwiseConfig(device="rc-1fF", couplings="resistor", symmetric=False)
    with pytest.raises(TrainingError, match="capacitive couplings need 2 J2 - W positive definite"):
        PathwiseConfig(device="rc-1fF", couplings="capacitive")
    with pytest.raises(HardwareError, match=r"no device 'rc-1GF'; choose one of .*rc-1fF"):
        PathwiseConfig(device="rc-1GF")
    assert burden_of(PathwiseConfig(device="rc-1fF", couplings="ideal"), 1.0) is None


def test_a_device_of_a_batch_is_the_netlists():
    n, n_in = 12, 20
    law = Imperfections(mismatch=0.2, asymmetry=0.1, bias_mismatch=0.3)
    seed = device_of_batch(1, 2)
    assert seed != device_of_batch(1, 3) != device_of_batch(2, 3)
    drawn = draw_machine(n, n_in, law, seed)
    cells = np.arange(n_in, n_in + n)
    np.testing.assert_array_equal(drawn.w_in, factors(law, seed, cells[:, None], np.arange(n_in)))
    np.testing.assert_array_equal(drawn.coupling, factors(law, seed, cells[:, None], cells))
    np.testing.assert_array_equal(drawn.bias, bias_factors(law, seed, cells))


def test_runaway_is_named_with_a_step_that_holds(digits):
    config = PathwiseConfig(
        n_hidden=16,
        epochs=1,
        t_f=2.0,
        init_w=30.0,
        init_j=60.0,
        dt_schedule=((0.0, 0.1),),
        dt_evaluate=1e-3,
        max_halvings=0,
    )
    with pytest.raises(TrainingDivergedError, match=r"cell \d+ ran away at dt = 0\.1") as caught:
        train_pathwise(digits, config)
    holds = float(str(caught.value).split("; dt = ")[1].split(" holds")[0])
    small = replace(config, dt_schedule=((0.0, holds),), dt_evaluate=holds, learning_rate=1e-6)
    few = replace_training_rows(digits, 64)
    assert train_pathwise(few, small).history[0].refined == 0


def replace_training_rows(data: Dataset, n: int) -> Dataset:
    return replace(data, x_train=data.x_train[:n], y_train=data.y_train[:n])


def test_a_batch_that_runs_away_is_tried_at_finer_steps(digits):
    config = PathwiseConfig(n_hidden=16, epochs=1, init_w=30.0, dt_schedule=((0.0, 0.1),), max_halvings=6)
    assert train_pathwise(digits, config).history[0].refined > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_hidden": -1}, "n_hidden must be a whole number >= 0, got -1"),
        ({"epochs": 0}, "epochs must be a whole number >= 1"),
        ({"kT": -1.0}, "kT must be a number >= 0, got -1"),
        ({"t_f": math.nan}, "t_f must be a number > 0"),
        ({"dt_schedule": ()}, "dt_schedule must be pairs"),
        ({"dt_schedule": ((0.0, 0.0),)}, "dt_schedule must be of steps above 0"),
        ({"dt_schedule": ((0.5, 1e-2),)}, "dt_schedule must be pairs"),
        ({"dt_evaluate": 1.0}, "dt_evaluate must be at most t_f"),
        ({"beta1": 1.0}, "beta1 must be at least 0 and below 1"),
        ({"final_rate": 2.0}, "final_rate must be between 0 and 1"),
        ({"heat_budget": math.inf}, "heat_budget must be a finite number"),
        ({"j3": math.inf}, "j3 must be a finite number"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(TrainingError, match=message):
        PathwiseConfig(**change)


def test_augmentation_and_threads_are_checked(digits):
    with pytest.raises(TrainingError, match="shift must be a number >= 0"):
        Augmentation(shift=-1.0)
    with pytest.raises(TrainingError, match="threads must be"):
        train_pathwise(digits, PathwiseConfig(), threads=0)
    with pytest.raises(TrainingError, match="augmentation needs images"):
        train_pathwise(load_dataset("cosine"), PathwiseConfig(augmentation=Augmentation(shift=1.0)))


def test_warp_shifts_by_whole_pixels_exactly():
    from thermo.kernels.langevin.images import warp_image

    image = np.arange(20, dtype=np.float32)
    out = np.empty_like(image)
    frame = np.empty((8, 9), np.float32)
    identity = np.array([1, 0, 0, 0, 1, 0], np.float32)
    warp_image(image, out, 4, 5, 1, identity, frame)
    assert np.array_equal(out, image)
    shifted = np.array([1, 0, 1, 0, 1, -1], np.float32)  # from one row below, one column left
    warp_image(image, out, 4, 5, 1, shifted, frame)
    want = np.zeros((4, 5), np.float32)
    want[:3, 1:] = image.reshape(4, 5)[1:, :4]
    assert np.array_equal(out.reshape(4, 5), want)
    far = np.array([1, 0, 100, 0, 1, -100], np.float32)
    warp_image(image, out, 4, 5, 1, far, frame)
    assert not out.any()
    colours = np.stack([image, 2 * image], axis=-1).ravel()
    both = np.empty_like(colours)
    warp_image(colours, both, 4, 5, 2, np.array([1, 0, 0.5, 0, 1, 0], np.float32), frame)
    between = both.reshape(4, 5, 2)
    assert np.allclose(between[:3, :, 0], image.reshape(4, 5)[:3] + 2.5)
    assert np.array_equal(between[..., 1], 2 * between[..., 0])


def test_presets_fit_their_data_sets(digits):
    free = pathwise_preset(digits)
    assert free.heat_budget is None and free.coupled
    bound = pathwise_preset(digits, heat_budget=200.0)
    assert (bound.heat_budget, bound.heat_penalty) == (200.0, 0.0)
    control = pathwise_preset(digits, heat_budget=200.0, coupled=False)
    assert (control.coupled, control.heat_budget, control.heat_penalty) == (False, 200.0, 0.0)
    assert pathwise_preset(digits, n_hidden=300).n_hidden == 300
    assert likelihood_preset(digits, exact=False, n_hidden=7).hidden == (4, 3)
    # Without warps where there is no image.
    rows = replace(digits, name="rows", image_shape=())
    assert not pathwise_preset(rows).augmentation.active
    x = np.zeros((10_000, 2), np.float32)
    y = np.zeros(10_000, np.int64)
    large = Dataset("rows", x, y, x[:9], y[:9], x[:9], y[:9], 2)
    assert not pathwise_preset(large).augmentation.active
    wide, wider = (pathwise_preset(large, n_hidden=n) for n in (256, 1024))
    assert wider.epochs < wide.epochs < pathwise_preset(large).epochs
