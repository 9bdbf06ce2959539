"""The published method: Onsager-Machlup likelihood, its gradient, its exact optimum, streaming."""

import math
from dataclasses import replace

import numpy as np
import pytest

from thermo.data import Dataset, load_dataset
from thermo.training import (
    OnsagerMachlupConfig,
    PathwiseConfig,
    TrainingError,
    train_mlp,
    train_onsager_machlup,
    train_pathwise,
)
from thermo.training.langevin.onsager_machlup import (
    Parameters,
    idealised_trajectories,
    loss_and_gradient,
    solve,
    targets,
)
from thermo.training.langevin.presets import likelihood_preset

N, N_IN, SAMPLES, STEPS = 6, 4, 40, 15
RUN = {"dt": 0.02, "mobility": 1.4}


def problem(seed: int = 0):
    """Encoded inputs, forces, self-energies and a start; skewed, nothing at its default."""
    rng = np.random.default_rng(seed)
    u = rng.standard_normal((SAMPLES, N_IN)) + 0.3
    drive = np.tanh(u @ rng.standard_normal((N_IN, N))) * 4 + 0.5 * rng.standard_normal((SAMPLES, N))
    cells = np.stack([np.ones(N), 0.2 * rng.standard_normal(N), 1 + 0.1 * rng.random(N)])
    return u, drive, cells, 0.2 * rng.standard_normal(N)


def shifted(p: Parameters, d: Parameters, e: float) -> Parameters:
    return Parameters(p.w_in + e * d.w_in, p.coupling + e * d.coupling, p.bias + e * d.bias)


def direction(rng: np.random.Generator) -> Parameters:
    j = np.triu(rng.standard_normal((N, N)), 1)
    return Parameters(rng.standard_normal((N, N_IN)), j + j.T, rng.standard_normal(N))


def inner(g: Parameters, d: Parameters) -> float:
    """The derivative by J_ij counts both places, so each pair enters once."""
    pairs = np.triu(g.coupling * d.coupling).sum()
    return float((g.w_in * d.w_in).sum() + pairs + (g.bias * d.bias).sum())


def states_of(drive, cells, x0):
    return idealised_trajectories(drive, cells, x0, n_steps=STEPS, **RUN)


def test_loss_is_the_onsager_machlup_action():
    u, drive, cells, x0 = problem()
    states = idealised_trajectories(drive, cells, x0, n_steps=STEPS + 1, **RUN)
    p = shifted(
        Parameters(*(np.zeros_like(v) for v in (np.zeros((N, N_IN)), np.zeros((N, N)), x0))),
        direction(np.random.default_rng(2)),
        1.0,
    )
    kT = 0.7
    dx = np.diff(states, axis=0)
    x = states[:-1]
    slope = (
        2 * cells[0] * x
        + 3 * cells[1] * x**2
        + 4 * cells[2] * x**3
        - p.bias
        - u @ p.w_in.T
        - x @ p.coupling.T
    )
    mu, dt = RUN["mobility"], RUN["dt"]
    action = np.sum((dx + mu * slope * dt) ** 2) / (4 * mu * kT * dt) / SAMPLES
    loss, _ = loss_and_gradient(p, u, drive, x, kT=kT, **RUN)
    assert loss == pytest.approx(action, rel=1e-10)
    wrong = np.sum((dx - mu * slope * dt) ** 2) / (4 * mu * kT * dt) / SAMPLES
    assert abs(wrong - action) > 0.1 * action  # broken twin: the force with its sign flipped


def test_gradient_is_that_of_finite_differences():
    u, drive, cells, x0 = problem()
    states = states_of(drive, cells, x0)
    rng = np.random.default_rng(1)
    p = direction(rng)

    def loss(q):
        return loss_and_gradient(q, u, drive, states, kT=0.7, **RUN)[0]

    _, g = loss_and_gradient(p, u, drive, states, kT=0.7, **RUN)
    for _ in range(5):
        d = direction(rng)
        # The loss is quadratic: central differences have no truncation error, only rounding.
        slope = (loss(shifted(p, d, 1e-3)) - loss(shifted(p, d, -1e-3))) / 2e-3
        assert slope == pytest.approx(inner(g, d), rel=1e-8)
        one_way = Parameters(g.w_in, 0.5 * g.coupling, g.bias)  # twin: r_i x_j without r_j x_i
        assert abs(slope - inner(one_way, d)) > 1e-3 * abs(slope)


@pytest.mark.parametrize("coupled", [True, False])
def test_least_squares_is_the_stationary_point(coupled):
    u, drive, cells, x0 = problem()
    states = states_of(drive, cells, x0)
    best = solve(u, drive, cells, x0, n_steps=STEPS, coupled=coupled, chunk=16, **RUN)
    assert np.array_equal(best.coupling, best.coupling.T) and not np.diagonal(best.coupling).any()
    low, g = loss_and_gradient(best, u, drive, states, **RUN)
    start = Parameters(np.zeros((N, N_IN)), np.zeros((N, N)), np.zeros(N))
    high, g0 = loss_and_gradient(start, u, drive, states, **RUN)
    assert low < high
    for name in ("w_in", "bias", *(("coupling",) if coupled else ())):
        assert np.abs(getattr(g, name)).max() < 1e-7 * np.abs(getattr(g0, name)).max()
    rng = np.random.default_rng(3)
    for _ in range(5):
        d = direction(rng)
        if not coupled:
            d = Parameters(d.w_in, np.zeros((N, N)), d.bias)
        assert loss_and_gradient(shifted(best, d, 0.05), u, drive, states, **RUN)[0] > low
    if coupled:
        free = solve(u, drive, cells, x0, n_steps=STEPS, coupled=False, **RUN)
        assert loss_and_gradient(free, u, drive, states, **RUN)[0] > low
        # Against a dense solver: the normal equations of all parameters at once.
        assert low == pytest.approx(dense_minimum(u, drive, states), rel=1e-8)


def dense_minimum(u, drive, states) -> float:
    """Minimum of the loss by numpy.linalg.lstsq on the full design matrix."""
    pairs = [(i, j) for i in range(N) for j in range(i + 1, N)]
    n_w = N * N_IN
    rows, wanted = [], []
    for x in states:
        for s in range(SAMPLES):
            for i in range(N):
                row = np.zeros(n_w + N + len(pairs))
                row[i * N_IN : (i + 1) * N_IN] = u[s]
                row[n_w + i] = 1.0
                for k, (a, b) in enumerate(pairs):
                    if i == a:
                        row[n_w + N + k] = x[s, b]
                    elif i == b:
                        row[n_w + N + k] = x[s, a]
                rows.append(row)
                wanted.append(drive[s, i])
    a, y = np.array(rows), np.array(wanted)
    fit = np.linalg.lstsq(a, y, rcond=None)[0]
    return RUN["mobility"] * RUN["dt"] / (4 * SAMPLES) * float(np.sum((y - a @ fit) ** 2))


def test_idealised_trajectories_relax_to_the_balance_of_forces():
    _, drive, cells, x0 = problem()
    x = idealised_trajectories(drive, cells, x0, n_steps=4000, dt=0.01)[-1]
    force = drive - 2 * cells[0] * x - 3 * cells[1] * x**2 - 4 * cells[2] * x**3
    assert np.abs(force).max() < 1e-9


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="module")
def teacher(digits):
    return train_mlp(digits, (16, 8), seed=1)


def test_teacher_learns_and_its_gradient_is_right(digits, teacher):
    assert teacher.score > 0.9
    assert teacher.model.sizes == (64, 16, 8, 10)
    assert teacher.score == np.mean(teacher.model.predictions(digits.x_valid) == digits.y_valid)
    linear = train_mlp(digits, (), epochs=20)
    assert linear.model.sizes == (64, 10) and linear.score > 0.85
    relu = train_mlp(digits, (12,), "relu", epochs=20)
    assert relu.score > 0.85


def test_mlp_gradient_is_that_of_finite_differences():
    from compiler.families.activations import PHIS
    from thermo.training.langevin.mlp import gradient_of

    rng = np.random.default_rng(0)
    sizes = (4, 5, 3)
    p = []
    for a, b in ((4, 5), (5, 3)):
        p += [rng.standard_normal((b, a)), rng.standard_normal(b)]
    x, y = rng.standard_normal((7, sizes[0])), np.eye(3)[rng.integers(0, 3, 7)]

    def loss(p):
        z = np.tanh(x @ p[0].T + p[1]) @ p[2].T + p[3]
        return -np.mean(np.sum(y * (z - np.log(np.exp(z).sum(axis=1, keepdims=True))), axis=1))

    g = gradient_of(p, x, y, True, PHIS["tanh"])
    for _ in range(5):
        d = [rng.standard_normal(v.shape) for v in p]
        e = 1e-5
        up, down = ([v + s * e * w for v, w in zip(p, d, strict=True)] for s in (1, -1))
        slope = (loss(up) - loss(down)) / (2 * e)
        # float32 only in the batch size, which is exact
        assert slope == pytest.approx(sum(float((a * b).sum()) for a, b in zip(g, d, strict=True)), rel=1e-6)


def test_streaming_comes_down_to_the_exact_optimum(digits, teacher):
    digits = replace(digits, x_train=digits.x_train[:256], y_train=digits.y_train[:256])
    base = OnsagerMachlupConfig(hidden=(16, 8), dt=1e-2, drive_hidden=30.0, drive_out=30.0)
    exact = train_onsager_machlup(digits, base, teacher=teacher.model, threads=1)
    streamed = train_onsager_machlup(
        digits,
        replace(base, exact=False, epochs=100, batch=32, learning_rate=0.01, every=1),
        teacher=teacher.model,
        threads=1,
    )
    losses = [h.loss for h in streamed.history]
    floor = action_of(exact.model, digits, teacher.model, base)
    got = action_of(streamed.model, digits, teacher.model, base)
    zero = action_of(
        replace(
            exact.model,
            w_in=0 * exact.model.w_in,
            coupling=0 * exact.model.coupling,
            bias=0 * exact.model.bias,
        ),
        digits,
        teacher.model,
        base,
    )
    assert losses[-1] < losses[0]
    # Never below the optimum, and within 5 % of the way down to it.
    assert floor <= got * (1 + 1e-6)
    assert got - floor < 0.05 * (zero - floor)
    assert exact.score > 0.5  # a tenth would be chance


def action_of(machine, data, teacher, config) -> float:
    """-ln P per sample of the idealised trajectories under a machine, on the training split."""
    hidden, answer = targets(teacher, data.x_train, config)
    drive = np.concatenate(
        [config.drive_hidden * hidden, config.drive_out * (2 * answer - 1)], axis=1
    ).astype(np.float64)
    cells = np.stack([machine.j2, machine.j3, machine.j4]).astype(float)
    steps = round(config.t_f / config.dt)
    states = idealised_trajectories(drive, cells, machine.x0.astype(float), n_steps=steps, dt=config.dt)
    u = (data.x_train - machine.input_shift) * machine.input_scale
    p = Parameters(*(v.astype(float) for v in (machine.w_in, machine.coupling, machine.bias)))
    return loss_and_gradient(p, u.astype(float), drive, states, dt=config.dt)[0]


def test_targets_are_outputs_of_the_teacher(digits, teacher):
    """Softmax is its class probabilities; logistic outputs rise with the same answers and do not compete."""
    data, base = digits.x_train[:50], OnsagerMachlupConfig(hidden=(16, 8))
    hidden, share = targets(teacher.model, data, base)
    _, each = targets(teacher.model, data, replace(base, answers="logistic", answer_gain=0.2))
    answers = teacher.model.answers(data)
    np.testing.assert_allclose(share, np.exp(answers) / np.exp(answers).sum(1, keepdims=True), rtol=1e-4)
    middle = answers - answers.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(each, 1 / (1 + np.exp(-0.2 * middle)), rtol=1e-4)
    assert hidden.shape == (50, 24) and (np.ptp(share, axis=1) > np.ptp(each, axis=1)).mean() > 0.9


def test_pathwise_training_goes_on_from_the_likelihood(digits, teacher):
    config = OnsagerMachlupConfig(hidden=(16, 8), drive_hidden=100.0, drive_out=100.0)
    first = train_onsager_machlup(digits, config, teacher=teacher.model)
    more = train_pathwise(
        digits, PathwiseConfig(epochs=10, batch=64, tile=64, heat_penalty=1e-6), start=first.model
    )
    assert more.score > first.score


def test_bad_settings_are_refused(digits, teacher):
    with pytest.raises(TrainingError, match="drive_out must be a number > 0"):
        OnsagerMachlupConfig(drive_out=0.0)
    with pytest.raises(TrainingError, match="answers must be one of softmax, logistic"):
        OnsagerMachlupConfig(answers="tanh")
    with pytest.raises(TrainingError, match="ridge must be a number >= 0"):
        OnsagerMachlupConfig(ridge=-1.0)
    with pytest.raises(TrainingError, match="epochs must be a whole number >= 1"):
        OnsagerMachlupConfig(epochs=0)
    with pytest.raises(TrainingError, match="dt must be at most t_f"):
        OnsagerMachlupConfig(dt=1.0)
    with pytest.raises(TrainingError, match="teacher has 24 hidden cells, the configuration 64"):
        train_onsager_machlup(digits, likelihood_preset(digits), teacher=teacher.model)
    with pytest.raises(TrainingError, match="needs classes"):
        train_onsager_machlup(load_dataset("cosine"), OnsagerMachlupConfig())
    with pytest.raises(TrainingError, match="activation must be one of"):
        train_mlp(digits, activation="sine")
    with pytest.raises(TrainingError, match="hidden must be widths >= 1"):
        train_mlp(digits, hidden=(0,))
    assert math.isfinite(teacher.seconds)
