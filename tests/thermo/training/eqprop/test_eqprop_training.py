"""Training by relaxation: exact layer updates, local rules, devices, checkpoints."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.api import compile
from compiler.families.hopfield import HopfieldNetwork
from compiler.families.hopfield import relax as reference_rest
from compiler.families.store import load_model
from hw_models.imperfect import Imperfections
from thermo.cli.main import main
from thermo.data import Dataset, load_dataset
from thermo.energy.eqprop_effort import effort_of
from thermo.evaluate import evaluate
from thermo.gradients.diagnose import diagnose
from thermo.gradients.errors import EqpropError, NudgeError, UnsettledError
from thermo.gradients.estimators import How, estimate
from thermo.gradients.rest import Settling
from thermo.gradients.system import from_network
from thermo.kernels.eqprop import layers as kernel
from thermo.studies.eqprop import (
    SYMMETRIC,
    Trained,
    asymmetry_points,
    devices_study,
    lost_to_asymmetry,
    noise_points,
    run_trainings,
)
from thermo.studies.eqprop_asymmetry import settings
from thermo.studies.records import Point
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.deploy import acting_on, deployed_accuracy
from thermo.training.eqprop.device import EqpropDevice, draw
from thermo.training.eqprop.layers import free_outputs, scratch, settling_time
from thermo.training.eqprop.presets import eqprop_preset
from thermo.training.eqprop.train import train_eqprop
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.eqprop.updates import homeostatic_step
from thermo.training.tiles import Tiles

SIZES = (6, 9, 8, 3)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def trained(digits):
    return train_eqprop(digits, replace(eqprop_preset(digits), epochs=25), threads=1)


def toy(n=64, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (n, SIZES[0])).astype(np.float32)
    y = rng.integers(0, SIZES[-1], n)
    return Dataset("toy", x, y, x[:8], y[:8], x[:8], y[:8], SIZES[-1])


def config(**changes):
    plain = {
        "hidden": SIZES[1:-1],
        "epochs": 1,
        "batch": 64,
        "tile": 24,
        "momentum": 0.0,
        "warmup_epochs": 0.0,
        "final_rate": 1.0,
        "rates": (0.1,),
        "sweeps_free": 400,
        "sweeps_nudged": 400,
        "tolerance": 3e-7,
        "init_bias": 0.3,
        "init_gain": 0.8,
    }
    return EqpropConfig(**{**plain, **changes})


def network_of(trainer):
    return trainer.network(trainer.copies())


def test_the_kernel_rests_where_the_reference_does():
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(toy(), config(rule="field", angle=50.0), tiles)
        net = network_of(trainer)
        wanted = reference_rest(net, trainer.x, tolerance=1e-10)[-1]
        rest = free_outputs(trainer.acting(), trainer.x, sweeps=400, tolerance=3e-7, tiles=tiles)
    inside = (wanted > 0) & (wanted < 1)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(rest.outputs, wanted, atol=1e-5)  # 3e-7 a sweep, slowly fading
    assert rest.worst <= 3e-7 and rest.sweeps > 3


def energy(net, u, states):
    e = sum(0.5 * (s**2).sum(1) - s @ b for s, b in zip(states, net.biases, strict=True))
    below = [u, *states]
    return e - sum(((below[l] @ w.T) * below[l + 1]).sum(1) for l, w in enumerate(net.weights))


@pytest.mark.parametrize("beta", [0.0, 0.5, -0.5])
def test_every_sweep_lowers_the_nudged_energy(beta):
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(toy(), config(), tiles)
    net, acting = network_of(trainer), trainer.acting()
    x = trainer.x
    y = trainer.one_hot[trainer.data.y_train]
    states, drives = scratch(SIZES[1:], x.shape[0])
    p = np.empty_like(states[0])
    kernel.project(x, acting.forward[0], acting.bias[0], p)
    kernel.start_free(p, np.float32(0), states)
    last = None
    for _ in range(6):
        total = energy(net, x, states) + beta / 2 * ((states[-1] - y) ** 2).sum(1)
        if last is not None:
            assert (total <= last + 1e-5).all()  # float32 sums of some ten terms of order 1
        last = total
        kernel.relax(
            acting.forward,
            acting.back,
            acting.bias,
            p,
            states,
            drives,
            y,
            np.float32(beta),
            1,
            np.float32(0),
            np.float32(0),
            1,
            np.float32(0),
            np.float32(0),
            np.uint64(0),
            0,
            0,
        )


def changes_of(trainer):
    """What one batch adds to every array, over the learning rate."""
    before = [a.copy() for a in (*trainer.w, *trainer.b, *trainer.back)]
    trainer.run_batch(np.arange(trainer.n), np.empty((0, 6), np.float32))
    after = (*trainer.w, *trainer.b, *trainer.back)
    return [(b - a) / 0.1 for a, b in zip(before, after, strict=True)]


def blocks(gradient, sizes=SIZES):
    """An estimate cut into layers: weights up, biases, weights down (transposed)."""
    ends = np.cumsum([0, *sizes[1:]])
    up, down, b = [gradient.w_in[: ends[1]]], [None], []
    for l in range(len(sizes) - 1):
        b.append(gradient.b[ends[l] : ends[l + 1]])
        if l:
            here, below = slice(ends[l], ends[l + 1]), slice(ends[l - 1], ends[l])
            up.append(gradient.w[here, below])
            down.append(gradient.w[below, here].T)
    return up, b, down


@pytest.mark.parametrize(
    ("rule", "angle", "estimator", "name"),
    [
        ("energy", 0.0, "centred", "centred"),
        ("energy", 0.0, "positive", "positive"),
        ("field", 50.0, "centred", "centred"),
        ("field", 50.0, "positive", "positive"),
        ("energy", 0.0, "negative", "negative"),
        ("energy", 0.0, "contrastive", "contrastive"),
        ("energy", 0.0, "coupled-positive", "coupled-positive"),
        ("energy", 0.0, "coupled-negative", "coupled-negative"),
        ("energy", 0.0, "coupled-centred", "coupled-centred"),
    ],
)
def test_an_update_is_the_estimate_of_the_gradient(rule, angle, estimator, name):
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(toy(), config(rule=rule, angle=angle, estimator=estimator), tiles)
        net = network_of(trainer)
        got = changes_of(trainer)
    y = np.eye(3)[trainer.data.y_train]
    how = How(beta=0.5, settling=Settling(tolerance=1e-11, newton=False))
    up, b, down = blocks(estimate(name, from_network(net), trainer.x, y, how).gradient)
    wanted = [*up, *b]
    if rule == "field":
        wanted += [np.zeros_like(up[0]), *down[1:]]
        got[6] = np.zeros_like(up[0])  # the first layer has no way back
    scale = max(np.abs(w).max() for w in wanted)
    assert scale > 0.01
    for g, w in zip(got, wanted, strict=False):
        np.testing.assert_allclose(g, -w, atol=1e-4 * scale)  # states settle within 3e-7


def test_the_test_of_updates_sees_a_missing_half():
    """Half a centred update, as of a rule that forgets a phase, is not the estimate."""
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(toy(), config(), tiles)
        net = network_of(trainer)
        got = changes_of(trainer)
    y = np.eye(3)[trainer.data.y_train]
    g = estimate("positive", from_network(net), trainer.x, y, How(beta=0.5)).gradient
    up, *_ = blocks(g)
    assert np.abs(got[1] + up[1]).max() > 1e-2 * np.abs(up[1]).max()


def test_homeostasis_brings_both_ways_together():
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(
            toy(), config(rule="field", angle=90.0, homeostasis=0.2, rates=(0.0, 0.1, 0.1)), tiles
        )
        skew = [w - b for w, b in zip(trainer.w[1:], trainer.back[1:], strict=True)]
        total, n = [np.zeros_like(s) for s in skew], 400
        rates = [np.float32(0.1)] * 3
        for step in range(n):
            trainer.step = step
            before = [w.copy() for w in trainer.w[1:]], [b.copy() for b in trainer.back[1:]]
            trainer.homeostatic(rates)
            for k in range(2):
                total[k] += (before[0][k] - trainer.w[k + 1]) / (0.2 * 0.1)
                trainer.w[k + 1][:], trainer.back[k + 1][:] = before[0][k], before[1][k]
    # expected gradient of 1/2 |J - J^T|^2 / n by a forward weight: 2 (w - back) / n
    for t, s in zip(total, skew, strict=True):
        wanted = 2 * s / sum(SIZES[1:])
        cosine = np.sum(t * wanted) / np.linalg.norm(t) / np.linalg.norm(wanted)
        slope = np.sum(t * wanted) / n / np.sum(wanted**2)
        # noise of a mean of 400 steps of 5 draws each: some 1 / sqrt(2000) a vector, times a few
        assert cosine > 0.95 and slope == pytest.approx(1, abs=0.15)
    w, back = [a.copy() for a in trainer.w], [a.copy() for a in trainer.back]
    homeostatic_step(w, back, [np.float32(0.02)] * 3, 0, np.random.default_rng(0))  # the expectation
    for k, s in enumerate(skew, 1):
        np.testing.assert_allclose(trainer.w[k] - w[k], 0.02 * 2 * s / sum(SIZES[1:]), atol=1e-7)
        np.testing.assert_allclose(back[k] - trainer.back[k], trainer.w[k] - w[k], atol=1e-7)


def test_digits_are_learnt_in_seconds(trained, digits):
    assert deployed_accuracy(trained.acting, digits) > 0.94  # a linear classifier reaches 94 to 95
    assert trained.history[-1].cost < 0.1 * trained.history[0].cost
    assert trained.history[-1].residual_free < 0.05
    effort = effort_of(trained, digits)
    assert effort.relaxations == 25 * 3 * (digits.x_train.shape[0] // 32) * 32
    assert effort.writes == 25 * (digits.x_train.shape[0] // 32) * (64 * 128 + 1280)


def test_the_compiled_network_decides_as_the_model(trained, digits):
    net = trained.model
    netlist = compile(net)
    figures, result = evaluate(netlist, digits, "test")
    assert np.array_equal(result.predictions(), net.predictions(digits.x_test))
    assert figures.accuracy == pytest.approx(deployed_accuracy(trained.acting, digits), abs=0.003)
    assert 10 <= settling_time(net, digits.x_valid) <= 200


@pytest.mark.parametrize(
    "changes",
    [{}, {"estimator": "spsa"}, {"device": EqpropDevice(state_noise=0.02, replicas=3, replica_coupling=1.0)}],
)
def test_threads_change_no_bit(digits, changes):
    few = replace(eqprop_preset(digits), epochs=1, hidden=(24,), **changes)
    runs = [train_eqprop(digits, few, threads=t) for t in (1, 2)]
    for a, b in zip(runs[0].model.weights, runs[1].model.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"persistent": True, "rule": "field", "angle": 40.0, "homeostasis": 0.1},
        {"device": EqpropDevice(Imperfections(mismatch=0.3), state_noise=0.02, read_noise=0.01, read_bits=8)},
        {"estimator": "spsa", "rates": (1e-3,), "update": "multiplicative"},
        {"estimator": "node-perturbation", "device": EqpropDevice(state_noise=0.02, replicas=2)},
    ],
)
def test_resuming_is_bitwise(digits, tmp_path, changes):
    whole = replace(eqprop_preset(digits), hidden=(24,), epochs=3, **changes)
    straight = train_eqprop(digits, whole, threads=1)
    path = tmp_path / "c"

    class Stop:
        def start(self, total, label): ...

        def update(self, done, note=""):
            if done == 2:
                raise KeyboardInterrupt

        def stop(self): ...

    with pytest.raises(KeyboardInterrupt):
        train_eqprop(digits, whole, threads=1, checkpoint=path, progress=Stop())
    again = train_eqprop(digits, whole, threads=1, checkpoint=path)
    assert len(again.history) == 3
    for a, b in zip(straight.model.weights, again.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(EqpropError, match="checkpoint of another configuration"):
        train_eqprop(digits, replace(whole, beta=0.4), threads=1, checkpoint=path)
    path.write_bytes(b"nothing")
    with pytest.raises(EqpropError, match="not a training checkpoint"):
        train_eqprop(digits, whole, threads=1, checkpoint=path)


def test_a_device_is_drawn_once_by_its_laws():
    device = EqpropDevice(Imperfections(mismatch=0.3, asymmetry=0.2, bias_mismatch=0.1), flipped=0.25, seed=4)
    sizes = (40, 300, 50)
    drawn = draw(device, sizes)
    again = draw(device, sizes)
    np.testing.assert_array_equal(drawn.forward[1], again.forward[1])
    assert not np.array_equal(drawn.forward[1], draw(replace(device, seed=5), sizes).forward[1])
    up, down = drawn.forward[1] - 1, drawn.back[1] - 1
    n = up.size
    # var (1 + m a)(1 + s p) - 1 = m^2 + s^2 + m^2 s^2; a variance of n normals spreads sqrt(2 / n)
    wanted = 0.09 + 0.04 + 0.0036
    assert up.var() == pytest.approx(wanted, rel=5 * 2 * np.sqrt(2 / n))
    # both ways share the antisymmetric draw with opposite signs: covariance -s^2
    assert np.mean(up * down) == pytest.approx(-0.04, abs=5 * wanted / np.sqrt(n))
    share = np.mean(drawn.polarity[1] < 0)
    assert share == pytest.approx(0.25, abs=5 * np.sqrt(0.25 * 0.75 / n))
    w = [np.linspace(-1, 1, 12000, dtype=np.float32).reshape(300, 40)] * 1
    coarse = draw(EqpropDevice(Imperfections(bits=3)), (40, 300)).written(w, w)[0]
    assert np.unique(np.round(coarse[0], 5)).size == 7


def test_the_device_acts_in_training(digits):
    base = replace(eqprop_preset(digits), hidden=(24,), epochs=1)
    plain = train_eqprop(digits, base, threads=1).model.weights[0]
    for change in (
        {"imperfections": Imperfections(mismatch=0.2)},
        {"imperfections": Imperfections(asymmetry=0.2)},
        {"imperfections": Imperfections(bits=4)},
        {"state_noise": 0.05},
        {"read_noise": 0.05},
        {"read_bits": 4},
        {"flipped": 0.2},
    ):
        other = train_eqprop(digits, replace(base, device=EqpropDevice(**change)), threads=1)
        moved = np.abs(other.model.weights[0] - plain).max()
        assert moved > 1e-4, change
        perfect = train_eqprop(digits, replace(base, device=EqpropDevice()), threads=1)
    np.testing.assert_array_equal(perfect.model.weights[0], plain)


@pytest.mark.parametrize("rule", ["energy", "field"])
def test_flipped_wires_are_updated_backwards(rule):
    with Tiles(1) as tiles:
        plain = HopfieldTrainer(toy(), config(rule=rule), tiles)
        right = changes_of(plain)
        every = HopfieldTrainer(toy(), config(rule=rule, device=EqpropDevice(flipped=1.0)), tiles)
        wrong = changes_of(every)
    weights = 3
    for k, (a, b) in enumerate(zip(right, wrong, strict=True)):
        sign = 1.0 if weights <= k < 2 * weights else -1.0  # biases have no polarity
        np.testing.assert_allclose(b, sign * a, atol=1e-6)
    assert np.abs(right[-1]).max() > 1e-3


def test_in_situ_training_beats_deploying(digits, tmp_path):
    base = replace(eqprop_preset(digits), hidden=(32,), epochs=12)
    device = EqpropDevice(Imperfections(mismatch=0.4, asymmetry=0.4))
    study = devices_study(digits, base, device, 3, tmp_path, threads=1)
    assert study.pair.gain > 0.02 and study.ideal > 0.9
    assert [t.series for t in study.trainings] == ["device 0", "device 1", "device 2"]
    again = devices_study(digits, base, device, 3, tmp_path, threads=1)  # read from the folder
    np.testing.assert_array_equal(again.pair.second, study.pair.second)
    network = load_model(next(tmp_path.glob("clean*.safetensors")))
    assert isinstance(network, HopfieldNetwork)
    assert deployed_accuracy(acting_on(network, device), digits) == study.pair.first[0]


def test_a_study_reports_what_does_not_settle(digits, tmp_path):
    bad = replace(eqprop_preset(digits), hidden=(32,), epochs=2, init_gain=8.0, sweeps_free=1)
    bad = replace(bad, residual_limit=1e-6)
    (got,) = run_trainings([Point("bad", bad)], digits, tmp_path, threads=1)
    assert np.isnan(got.accuracy) and "still move" in got.failed


def test_points_of_studies():
    base = EqpropConfig(hidden=(8, 8), rates=(0.1,))
    points = asymmetry_points(base, (0.0, 90.0), 5.0)
    assert [p.config.homeostasis for p in points] == [0, 0, 0, 5, 5]
    assert [p.config.rule for p in points] == ["energy", *4 * ["field"]]
    noisy = noise_points(base, (0.0, 0.04), (0.1, 0.5))
    assert len({p.series for p in noisy}) == 8
    assert noisy[-1].config.device.state_noise == 0.04


def test_settings_of_the_study_of_angles(digits):
    assert settings(digits, None, [12], 2, 3).hidden == (12,)
    conv = settings(digits, [4, 8], None, 2, 3)
    assert conv.engine == "jax" and [c.channels for c in conv.hidden] == [4, 8]
    assert (conv.epochs, conv.seed, conv.augmentation.active, conv.restarts) == (2, 3, False, ())


def test_points_lost_are_paired_by_seed():
    figures = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, "")
    rows = ((SYMMETRIC, 0.9, 0), (SYMMETRIC, 0.8, 1), ("90 degrees", 0.89, 0), ("90 degrees", 0.77, 1))
    found = [Trained(series, a, *figures, seed=k) for series, a, k in rows]
    found.append(Trained("60 degrees", np.nan, *figures, failed="still moves", seed=0))
    lost, none = lost_to_asymmetry(found)
    assert (lost.series, lost.n) == ("90 degrees", 2) and none.n == 0
    assert lost.points == pytest.approx(2.0) and lost.sem == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"beta": 1.0}, NudgeError, r"beta = 1 reaches the output curvature 1"),
        ({"beta": 2.0, "curvature": 2.0}, NudgeError, r"curvature 2: .*; take beta < 2"),
        ({"curvature": 0.0}, EqpropError, "curvature must be"),
        ({"beta": -0.5}, EqpropError, "beta must be"),
        ({"estimator": "sideways"}, EqpropError, "estimator must be one of"),
        ({"rule": "magic"}, EqpropError, "rule must be one of"),
        ({"angle": 30.0}, EqpropError, "set rule to 'field'"),
        ({"rates": (0.1, 0.2)}, EqpropError, "one value, or one for each of 3"),
        ({"rates": (-0.1,)}, EqpropError, "rates must be numbers"),
        ({"hidden": (0, 3)}, EqpropError, "hidden must be"),
        ({"momentum": 1.0}, EqpropError, "momentum must be"),
        ({"epochs": 0}, EqpropError, "epochs must be"),
        ({"seed": -1}, EqpropError, "seed must be"),
        ({"final_rate": 2.0}, EqpropError, "final_rate must be"),
        ({"init_bias": np.nan}, EqpropError, "init_bias must be"),
        ({"homeostasis": -1.0}, EqpropError, "homeostasis must be"),
        ({"rule": "field", "angle": 270.0}, EqpropError, "angle must be"),
    ],
)
def test_bad_settings_are_named(change, error, message):
    with pytest.raises(error, match=message):
        config(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"imperfections": 0.1}, "imperfections must be"),
        ({"read_bits": 1}, "read_bits must be"),
        ({"flipped": 1.5}, "flipped must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_devices_are_named(change, message):
    with pytest.raises(EqpropError, match=message):
        EqpropDevice(**change)


def test_what_cannot_be_trained_is_named(digits):
    rows = toy()
    values = Dataset(
        "values", rows.x_train, rows.x_train, rows.x_valid, rows.x_valid, rows.x_test, rows.x_test, 0
    )
    with pytest.raises(EqpropError, match="has values, not classes"):
        train_eqprop(values, config())
    with pytest.raises(EqpropError, match="augmentation needs images"):
        train_eqprop(rows, config(augmentation=Augmentation(shift=1.0)))
    with pytest.raises(UnsettledError, match=r"epoch 1: phases .* raise sweeps_free"):
        train_eqprop(rows, config(sweeps_free=1, residual_limit=1e-9))


def test_diagnosis_of_a_trained_network(trained, digits):
    y = np.eye(10)[digits.y_valid[:12]]
    found = diagnose(trained.model, digits.x_valid[:12], y, betas=(0.01, 0.5))
    assert found.angle == pytest.approx(0, abs=1e-4) and found.residual <= 1e-7
    first = {r.layer: r for r in found.layers if r.beta == 0.01}
    assert set(first) == {"layer1", "output"} and 0 < found.free_units < 1
    assert all(r.cosine > 0.99 for r in first.values()) and found.usable >= 0.01
    with pytest.raises(EqpropError, match="no sample"):
        diagnose(trained.model, digits.x_valid[:0], y[:0])


def test_the_command_trains_and_says_what_it_did(tmp_path, capsys):
    out = tmp_path / "m.safetensors"
    arguments = ["train", "eqprop", "-o", str(out), "--hidden", "16", "--epochs", "3", "--json"]
    assert (
        main(
            [
                *arguments,
                "--rule",
                "field",
                "--angle",
                "30",
                "--homeostasis",
                "1",
                "--diagnose",
                "--threads",
                "1",
            ]
        )
        == 0
    )
    text = capsys.readouterr().out
    assert '"diagnosis"' in text and '"weight_writes"' in text
    assert load_model(out).backward is not None
    assert (tmp_path / "m-diagnosis.png").exists() and not list(tmp_path.glob("*.checkpoint"))
    assert main(["train", "eqprop", "-o", str(out), "--beta", "3"]) == 2
    assert "output curvature" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("study", "options"),
    [
        ("devices", ["--devices", "2"]),
        ("asymmetry", ["--angle", "0", "--angle", "90", "--seeds", "1"]),
        ("noise", ["--noise", "0.04", "--beta", "0.5", "--holomorphic", "0", "--seeds", "2"]),
    ],
)
def test_studies_write_a_figure_and_a_table(tmp_path, capsys, study, options):
    name = f"eqprop-{study}"
    arguments = ["study", name, "-o", str(tmp_path), "--data", "digits", "--threads", "1"]
    assert main([*arguments, "--hidden", "12", "--epochs", "1", *options]) == 0
    assert (tmp_path / f"{name}.png").stat().st_size > 5000
    assert (tmp_path / f"{name}.txt").read_text() == capsys.readouterr().out
    assert len(list(tmp_path.glob("*.safetensors"))) >= 2
