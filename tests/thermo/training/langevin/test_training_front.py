"""A convolutional front: exact gradients, its netlist, threads and resuming."""

import json
from dataclasses import replace

import numpy as np
import pytest

from compiler.errors import NetlistError
from compiler.families.conv_langevin import ConvLangevinMachine, lower_conv_langevin
from compiler.families.store import load_model, save_model
from thermo.cli.main import main
from thermo.data import Dataset, load_dataset
from thermo.kernels.langevin import bptt, front
from thermo.kernels.langevin.images import Images
from thermo.kernels.random import STREAM_TRAINING, normals_numpy
from thermo.simulate import simulate
from thermo.training import PathwiseConfig, TrainingDivergedError, TrainingError, train_pathwise
from thermo.training.langevin.config import Front
from thermo.training.langevin.front import FrontLayout, FrontTrainer, seen_by, whitening
from thermo.training.tiles import Tiles

SHAPE, OF = (5, 4, 2), Front(channels=3, kernel=3, stride=2, padding=1, whiten=0.1)
SEEN, FRONT = seen_by(SHAPE, OF)
LAYOUT = FrontLayout(3, 18, SEEN.shape[0] * 3, 5, 40, 2)
STEPS, H, KT, GAMMA, LANES, SEED, FIRST = 7, 0.02, 0.4, 0.3, 6, 3, 11
CELLS = np.repeat(np.array([[1.0], [0.2], [0.9]]), LAYOUT.n, axis=1)


def problem():
    rng = np.random.default_rng(0)
    theta = 0.8 * rng.standard_normal(LAYOUT.size)
    coupling = LAYOUT.split(theta)[3]
    coupling[:] = np.triu(coupling, 1) + np.triu(coupling, 1).T
    return theta, rng.standard_normal((LANES, 40)), rng.integers(0, 2, LANES), rng


def dense(theta):
    """Input and dynamic couplings and biases, written out place by place."""
    taps, front_bias, across, coupling, bias, *_ = LAYOUT.split(theta)
    places, w_in = SEEN.shape[0], np.zeros((LAYOUT.n, 40))
    for p in range(places):
        for t, i in enumerate(SEEN[p]):
            if i >= 0:
                w_in[3 * p : 3 * p + 3, i] = taps[:, t]
    f = LAYOUT.n_front
    j = np.zeros((LAYOUT.n, LAYOUT.n))
    j[f:, :f], j[:f, f:], j[f:, f:] = across, across.T, coupling
    return w_in, j, np.concatenate([np.tile(front_bias, places), bias])


def settled(r):
    """The y with y + H U'(y) = r, by halving."""
    low, high = np.full_like(r, -50.0), np.full_like(r, 50.0)
    for _ in range(70):
        y = 0.5 * (low + high)
        below = y + H * (2 * y + 3 * 0.2 * y**2 + 4 * 0.9 * y**3) < r
        low, high = np.where(below, y, low), np.where(below, high, y)
    return 0.5 * (low + high)


def oracle(theta, u, label):
    """Loss with the price of heat in plain NumPy, couplings dense."""
    w_in, j, b = dense(theta)
    s = LAYOUT.split(theta)[5]
    c, x = u @ w_in.T + b, np.zeros((LANES, LAYOUT.n))
    for k in range(STEPS):
        z = normals_numpy(SEED, FIRST + np.arange(LANES), k, LAYOUT.n, STREAM_TRAINING)
        noise, f = np.sqrt(2 * H * KT) * np.asarray(z, float).T, LAYOUT.n_front
        seen = x.copy()
        seen[:, :f] = settled(x + H * (c + x @ j.T) + noise)[:, :f]  # the back sees the front moved
        seen[:, f:] = settled(x + H * (c + seen @ j.T) + noise)[:, f:]
        x = seen
    heat = -(x**2 + 0.2 * x**3 + 0.9 * x**4 - c * x - 0.5 * x * (x @ j.T)).sum(axis=1)
    logits = x[:, -2:] * s
    cost = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(LANES), label]
    return float((cost + GAMMA * heat).mean()), float(heat.mean())


def gradient(theta, u, label):
    taps, front_bias, across, coupling, bias, s, _ = LAYOUT.split(theta)
    machine = front.FrontMachine(taps, front_bias, across, coupling, bias, SEEN, CELLS)
    out = np.empty(LAYOUT.size)
    loss, _, heat, lost = front.front_gradient(
        machine,
        bptt.Loss(bptt.HEAD_CLASSES, s, np.zeros(2), 0.0, 1 / LANES, GAMMA),
        Images(u, np.arange(LANES), np.empty((0, 6)), (0, 0, 0), np.zeros(1), np.ones(1)),
        label.astype(np.int64),
        np.empty((LANES, 0)),
        bptt.Steps(STEPS, H, np.sqrt(2 * H * KT), bptt.HEAT_ENERGY),
        np.uint64(SEED),
        np.uint64(FIRST),
        np.empty((STEPS + 1) * LAYOUT.n * LANES),
        np.empty(LANES * 40),
        out,
    )
    assert lost < 0
    return (loss + GAMMA * heat) / LANES, heat / LANES, out


@pytest.mark.slow  # kernels compile
def test_gradient_is_exact():
    theta, u, label, rng = problem()
    loss, heat, g = gradient(theta, u, label)
    wanted = oracle(theta, u, label)
    assert (loss, heat) == pytest.approx(wanted, rel=1e-6)
    parts = LAYOUT.split(g)
    parts[3][:] = parts[3] + parts[3].T  # a pair is one parameter
    for k in range(6):
        along = np.zeros(LAYOUT.size)
        group = LAYOUT.split(along)[k]
        group[:] = rng.standard_normal(group.shape)
        if k == 3:
            group[:] = np.triu(group, 1) + np.triu(group, 1).T
        e = 1e-5
        slope = (oracle(theta + e * along, u, label)[0] - oracle(theta - e * along, u, label)[0]) / (2 * e)
        mine = float(g @ along) if k != 3 else float((parts[3] * np.triu(group)).sum())
        assert mine == pytest.approx(slope, rel=1e-5, abs=1e-8), k
        assert abs(1.1 * mine - slope) > 1e-5 * abs(slope)  # the twin: a gradient that is 10 % off


def test_whitened_patches_have_unit_moments():
    rng = np.random.default_rng(1)
    u = (rng.standard_normal((4000, 40)) @ rng.standard_normal((40, 40))).astype(np.float32)
    inside = SEEN[[p for p in range(SEEN.shape[0]) if (SEEN[p] >= 0).all()]]
    for floor, least in ((1e-3, True), (0.0, False)):
        c = whitening(u, inside, floor)
        z = u[:, inside].reshape(-1, 18) @ c
        spread = np.linalg.eigvalsh(z.T @ z / len(z))
        assert (spread[0] > 0.5) == least
        assert spread[-1] < 1.01 or not least


@pytest.fixture(scope="module")
def few() -> Dataset:
    full = load_dataset("digits")
    return replace(full, x_train=full.x_train[:256], y_train=full.y_train[:256])


CONFIG = PathwiseConfig(
    n_hidden=6,
    front=Front(4, 4, 2),
    epochs=2,
    batch=64,
    tile=32,
    dt_schedule=((0.0, 0.02),),
    dt_evaluate=0.01,
    rate_bias=7.0,
    rate_j=2.0,
    rate_scale=2.0,
    heat_penalty=1e-4,
)


@pytest.mark.slow  # kernels compile
def test_threads_and_resuming_change_no_bit(few, tmp_path):
    whole = train_pathwise(few, CONFIG, threads=1)
    path = tmp_path / "checkpoint"
    trainer = FrontTrainer(few, CONFIG, None)
    from thermo.training import checkpoint as checkpoints

    own = checkpoints.identity(few, CONFIG)
    with Tiles(2) as tiles:
        trainer.history.append(trainer.run_epoch(tiles))
    checkpoints.save(trainer, path, own)
    again = train_pathwise(few, CONFIG, threads=2, checkpoint=path)
    for name in ("taps", "front_bias", "across", "coupling", "bias"):
        assert np.array_equal(getattr(whole.model, name), getattr(again.model, name)), name
    assert whole.score == again.score


@pytest.mark.slow  # kernels compile
def test_netlist_runs_as_trained(few, tmp_path):
    """At next to no temperature netlist and trainer give the same outputs and heat, from a file, too."""
    cold = replace(CONFIG, kT=1e-12, dt_evaluate=0.01)
    trainer = FrontTrainer(few, cold, None)
    x = np.ascontiguousarray(few.x_valid[:20], np.float32)
    with Tiles(1) as tiles:
        outputs, heat = trainer._run(x, 0, tiles)
    machine = trainer.machine(trainer.theta)
    save_model(machine, tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    netlist = lower_conv_langevin(loaded)
    result = simulate(netlist, x, dt=0.01)
    assert np.allclose(result.answers().reshape(20, -1), outputs, atol=2e-5)
    assert np.allclose(result.heat[:, 0], heat, rtol=1e-4, atol=1e-3)
    tied = netlist.couplings[0]
    assert tied.tie is not None and tied.weight.size == machine.n_parameters
    other = lower_conv_langevin(replace(loaded, taps=1.02 * loaded.taps))
    assert not np.allclose(simulate(other, x, dt=0.01).answers().reshape(20, -1), outputs, atol=2e-5)


@pytest.mark.slow
def test_command_line(tmp_path, capsys):
    out = tmp_path / "m.safetensors"
    line = ["train", "langevin", "--data", "digits", "--channels", "8", "--hidden", "16", "--epochs", "8"]
    assert main([*line, "-o", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["accuracy"] > 0.1 + 5 * np.sqrt(0.1 * 0.9 / 359)  # chance of 359 samples, five errors above
    assert load_model(out).front_shape == (3, 3, 8)
    for flags, said in (
        (["--directed"], "leave --directed out"),
        (["--uncoupled"], "leave --uncoupled or --channels out"),
        (["--device", "rc-1fF"], "leave the device"),
        (["--data", "monk1"], "leave channels (--channels) out"),
    ):
        assert main([*line, "-o", str(out), *flags]) == 2
        assert said in " ".join(capsys.readouterr().err.split())


def test_what_a_front_does_not_know(few):
    with pytest.raises(TrainingError, match=r"directed"):
        replace(CONFIG, symmetric=False)
    with pytest.raises(TrainingError, match=r"uncoupled"):
        replace(CONFIG, coupled=False)
    with pytest.raises(TrainingError, match=r"device"):
        replace(CONFIG, device="rc-1fF")
    with pytest.raises(TrainingError, match=r"needs images"):
        train_pathwise(load_dataset("monk1"), CONFIG)
    with pytest.raises(TrainingError, match=r"kernel"):
        Front(4, 0, 1)
    with pytest.raises(NetlistError, match=r"larger than"):
        train_pathwise(few, replace(CONFIG, front=Front(4, 9, 1)))
    machine = FrontTrainer(few, CONFIG, None).machine(FrontTrainer(few, CONFIG, None).theta)
    with pytest.raises(NetlistError, match=r"across must have shape"):
        replace(machine, across=machine.across[:, 1:])
    assert isinstance(machine, ConvLangevinMachine)


@pytest.mark.slow  # kernels compile
def test_steps_hold_where_explicit_ones_run_away(few):
    """Ten times the drives of the start at two steps a run: training goes on, the explicit twin would not."""
    coarse = replace(CONFIG, init_w=60.0, dt_schedule=((0.0, 0.1),), epochs=1)
    trainer = FrontTrainer(few, coarse, None)
    with Tiles(1) as tiles:
        record = trainer.run_epoch(tiles)
    assert np.isfinite(record.loss) and record.refined == 0
    trainer.config = replace(coarse, dt_evaluate=0.1, max_halvings=0)
    with Tiles(1) as tiles, pytest.raises(TrainingDivergedError, match=r"lower dt_evaluate"):
        trainer.validate(tiles)
    trainer.config = replace(coarse, dt_evaluate=0.1, max_halvings=6)
    with Tiles(1) as tiles:
        assert trainer.validate(tiles)[1] > 0  # at half the step, as a simulation would


def test_a_front_s_step_has_one_solution():
    with pytest.raises(TrainingError, match=r"shorter than 0.125, the time"):
        replace(CONFIG, j2=-4.0, dt_schedule=((0.0, 0.2),))
    with pytest.raises(TrainingError, match=r"need a wall"):
        replace(CONFIG, j3=1.0, j4=0.0)
    replace(CONFIG, j2=-4.0, dt_schedule=((0.0, 0.1),))
