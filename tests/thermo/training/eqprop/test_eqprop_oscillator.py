"""Oscillator networks: local gradients, training, devices, the compiled machine."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from compiler.api import compile
from compiler.families.oscillator import OscillatorNetwork, lower_oscillator, relax
from compiler.families.store import load_model
from hw_models.imperfect import Imperfections
from thermo.cli.main import main
from thermo.data import Dataset, load_dataset
from thermo.evaluate import evaluate
from thermo.gradients.errors import EqpropError, UnsettledError
from thermo.gradients.oscillator import PhaseGradient, implicit_phase_gradient, nudged_phase_gradient
from thermo.simulate import simulate
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.oscillator import (
    Oscillators,
    OscillatorTrainer,
    oscillator_accuracy,
    train_oscillator,
)
from thermo.training.eqprop.oscillator_layers import acting_of, phase_outputs, read_spins, settling
from thermo.training.eqprop.oscillator_presets import oscillator_preset
from thermo.training.tiles import Tiles

SIZES = (6, 9, 8, 3)
KINDS = {
    "phase": Oscillators(hold=0.5),
    "locked": Oscillators(locking=(-0.2, 0.1), shift=0.1, scale=2.0, hold=0.5),
    "field": Oscillators(inputs="field", locking=(-0.5, -0.3), shift=0.2, scale=1.5, hold=0.5),
}


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def trained(digits):
    config, kind = oscillator_preset(digits)
    return train_oscillator(digits, replace(config, epochs=30), kind, threads=1)


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
        "sweeps_free": 3000,
        "sweeps_nudged": 3000,
        "tolerance": 3e-7,
        "init_bias": 0.3,
        "init_gain": 1.5,
        "beta": 0.1,
    }
    return EqpropConfig(**{**plain, **changes})


def small(seed=2, locking=False):
    """Inputs outweigh what layers do to each other. (Where a sample rests close to a bifurcation
    its gradient is large, and only nudges smaller than these find it: seed 1 with locking.)
    """
    rng = np.random.default_rng(seed)
    pairs = list(pairwise(SIZES))
    return OscillatorNetwork(
        tuple(rng.normal(0.3, 1.0 if l == 0 else 0.3, (o, i)) for l, (i, o) in enumerate(pairs)),
        tuple(rng.normal(0.4, 0.3, o) for _, o in pairs),
        tuple(rng.uniform(-0.2, 0.2, o) for _, o in pairs) if locking else None,
    )


X = np.random.default_rng(4).uniform(0, 1, (8, SIZES[0]))
TARGETS = np.where(np.eye(3)[np.arange(8) % 3] > 0, np.pi / 2, 0.0)


@pytest.mark.parametrize("locking", [False, True])
def test_the_implicit_gradient_is_that_of_finite_differences(locking):
    net = small(locking=locking)
    got = implicit_phase_gradient(net, X, TARGETS)

    def cost(**changes):
        changed = replace(net, **changes)
        rest = relax(changed, X, sweeps=100_000, tolerance=1e-13)
        return np.sum(1 - np.cos(rest[-1] - TARGETS), axis=1).mean()

    rng = np.random.default_rng(0)
    for l in range(3):
        i, j = rng.integers(SIZES[l + 1]), rng.integers(SIZES[l])
        ends = []
        for sign in (1, -1):
            w = [a.copy() for a in net.weights]
            w[l][i, j] += sign * 1e-5
            ends.append(cost(weights=tuple(w)))
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(got.weights[l][i, j], abs=2e-8)
        ends = []
        for sign in (1, -1):
            h = [a.copy() for a in net.fields]
            h[l][i] += sign * 1e-5
            ends.append(cost(fields=tuple(h)))
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(got.fields[l][i], abs=2e-8)


def error(estimate: PhaseGradient, truth: PhaseGradient) -> float:
    a, b = estimate.flat(), truth.flat()
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


@pytest.mark.parametrize("locking", [False, True])
def test_centred_nudges_are_right_to_second_order(locking):
    net = small(locking=locking)
    truth = implicit_phase_gradient(net, X, TARGETS)
    betas = np.array([0.1, 0.05, 0.025])
    for name, order in (("centred", 2), ("positive", 1), ("negative", 1)):
        errors = [error(nudged_phase_gradient(net, X, TARGETS, b, name), truth) for b in betas]
        slope = np.polyfit(np.log(betas), np.log(errors), 1)[0]
        assert slope == pytest.approx(order, abs=0.2), name
    assert errors[-1] > 1e-3  # one-sided is visibly worse than what follows
    assert error(nudged_phase_gradient(net, X, TARGETS, 0.025), truth) < 2e-3


def test_a_rule_that_sees_only_cosines_is_caught():
    """The twin: cos phi_i cos phi_j in place of cos(phi_i - phi_j)."""
    net = small()
    truth = implicit_phase_gradient(net, X, TARGETS)
    free = relax(net, X, sweeps=100_000, tolerance=1e-13)
    slopes = []
    for beta in (0.025, -0.025):
        phases = relax(net, X, targets=TARGETS, beta=beta, start=free, sweeps=100_000, tolerance=1e-13)
        below, out = net.encode(X)[:, 0], []
        for phi in phases:
            out.append(-np.cos(phi).T @ below / len(X))
            below = np.cos(phi)
        slopes.append(out)
    twin = [(a - b) / 0.05 for a, b in zip(*slopes, strict=True)]
    off = np.linalg.norm(twin[1] - truth.weights[1]) / np.linalg.norm(truth.weights[1])
    assert off > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_rests_where_the_reference_does(kind):
    with Tiles(1) as tiles:
        trainer = OscillatorTrainer(toy(), config(), KINDS[kind], tiles)
        net = trainer.oscillators(trainer.w, trainer.b)
        wanted = 1 - np.cos(relax(net, trainer.x, sweeps=50_000, tolerance=1e-11)[-1])
        rest = phase_outputs(acting_of(net), trainer.x, tiles=tiles, sweeps=20_000)
        # tolerance 1e-3 a sweep there, slowly fading: the mean is much nearer than the worst
        off = np.abs(rest.outputs - wanted)
    assert np.median(off) < 5e-3 and np.quantile(off, 0.9) < 5e-2
    assert wanted.std() > 0.2


def changes_of(trainer):
    """What one batch adds to every array, over the learning rate."""
    before = [a.copy() for a in (*trainer.w, *trainer.b)]
    trainer.run_batch(np.arange(trainer.n), np.empty((0, 6), np.float32))
    after = (*trainer.w, *trainer.b)
    return [(b - a) / 0.1 for a, b in zip(before, after, strict=True)]


@pytest.mark.parametrize("estimator", ["centred", "positive", "negative"])
def test_an_update_is_the_estimate_of_the_gradient(estimator):
    with Tiles(1) as tiles:
        trainer = OscillatorTrainer(toy(), config(estimator=estimator), KINDS["locked"], tiles)
        net = trainer.oscillators(trainer.w, trainer.b)
        got = changes_of(trainer)
    targets = np.where(trainer.one_hot[trainer.data.y_train] > 0, np.pi / 2, 0.0)
    wanted = nudged_phase_gradient(net, trainer.x, targets, 0.1, estimator)
    g = -np.concatenate([a.ravel() for a in got])
    w = wanted.flat()
    assert np.linalg.norm(g - w) < 2e-3 * np.linalg.norm(w)  # float32 states over a nudge of 0.1
    if estimator == "centred":
        other = nudged_phase_gradient(net, trainer.x, targets, 0.1, "positive").flat()
        assert np.linalg.norm(g - other) > 2e-2 * np.linalg.norm(w)


def test_threads_and_interruption_change_no_bit(tmp_path):
    some = config(
        epochs=4,
        batch=32,
        tile=8,
        sweeps_free=40,
        sweeps_nudged=40,
        tolerance=1e-2,
        device=EqpropDevice(
            Imperfections(bits=8, mismatch=0.1), state_noise=0.02, read_bits=4, read_noise=0.02, flipped=0.05
        ),
    )
    whole = train_oscillator(toy(), some, threads=1)
    threaded = train_oscillator(toy(), some, threads=3)

    class Stop:
        def start(self, total, label):
            pass

        def update(self, done, note=""):
            if done == 2:
                raise KeyboardInterrupt

        def stop(self):
            pass

    with pytest.raises(KeyboardInterrupt):
        train_oscillator(toy(), some, progress=Stop(), checkpoint=tmp_path / "c", threads=1)
    resumed = train_oscillator(toy(), some, checkpoint=tmp_path / "c", threads=1)
    for other in (threaded, resumed):
        for a, b in zip(
            (*whole.model.weights, *whole.model.fields),
            (*other.model.weights, *other.model.fields),
            strict=True,
        ):
            np.testing.assert_array_equal(a, b)
    assert len(resumed.history) == 4


def test_a_network_without_hidden_layers_is_a_classifier(digits):
    some = replace(oscillator_preset(digits)[0], hidden=(), rates=(0.05,), epochs=20)
    assert train_oscillator(digits, some, threads=1).score > 0.88


@pytest.mark.slow
def test_digits_are_learnt(trained, digits):
    assert trained.score > 0.92
    assert oscillator_accuracy(trained.model, digits, threads=1) > 0.9
    assert trained.history[-1].cost < 0.2 * trained.history[0].cost


@pytest.mark.slow
def test_the_compiled_machine_decides_as_the_model(trained, digits):
    """It comes to rest where the model can. Of some samples in a hundred the energy has several
    minima, and slow cells may find another than layer updates do.
    """
    net, x = trained.model, digits.x_valid
    found, result = evaluate(compile(net), digits, "valid", heat=False, keep_final=True)
    assert found.accuracy > 0.92
    assert np.mean(result.predictions() == net.predictions(x)) > 0.985
    ends = np.cumsum(net.sizes[1:])
    phases = np.split(result.final[:, 0].astype(float), ends[:-1], axis=1)
    rest = relax(net, x, start=phases)
    off = np.abs((1 - np.cos(rest[-1])) - result.answers()).max(axis=1)
    assert np.mean(off < 0.05) > 0.985  # what is left of the slowest samples' way
    assert np.mean(np.abs(net.answers(x) - result.answers()).max(axis=1) < 0.05) > 0.95


def test_a_nudged_netlist_falls_into_step_with_the_nudged_model():
    net = replace(small(), relax_time=200.0)
    netlist = lower_oscillator(net, nudge=0.5)
    found = simulate(netlist, X, targets=TARGETS, observe=["free", "nudged"], heat=False)
    free = relax(net, X, tolerance=1e-12)[-1]
    pushed = relax(net, X, targets=TARGETS, beta=0.5, tolerance=1e-12)[-1]
    assert np.abs(np.exp(1j * pushed) - np.exp(1j * free)).max() > 0.05
    for got, wanted in zip(found.outputs[:, :, 0], (free, pushed), strict=True):
        np.testing.assert_allclose(np.exp(1j * got), np.exp(1j * wanted), atol=1e-3)


@pytest.mark.slow
def test_settling_finds_a_step_and_a_time(trained, digits):
    dt, time = settling(trained.model, digits.x_valid[:50])
    assert dt == 2.0 ** round(np.log2(dt)) and dt <= 0.25
    assert time >= 1.5 * dt
    stiff = replace(trained.model, fields=tuple(h + 300 for h in trained.model.fields))
    assert settling(stiff, digits.x_valid[:50])[0] < dt


def test_reading_has_as_many_levels_as_it_says():
    rng = np.random.default_rng(0)
    phi = rng.uniform(-np.pi, np.pi, 1000).astype(np.float32)
    s = np.empty((2, 1000), np.float32)
    s[0], s[1] = np.cos(phi), np.sin(phi)
    read_spins([s], EqpropDevice(read_bits=4), rng)
    seen = np.unique(np.round(np.arctan2(s[1], s[0]) / (2 * np.pi / 16)).astype(int) % 16)
    assert seen.size == 16
    turned = np.abs(np.angle(np.exp(1j * (np.arctan2(s[1], s[0]) - phi))))
    assert turned.max() <= np.pi / 16 + 1e-6 and turned.max() > 0.9 * np.pi / 16
    s[0], s[1] = np.cos(phi), np.sin(phi)
    read_spins([s], EqpropDevice(read_noise=0.1), rng)
    spread = np.angle(np.exp(1j * (np.arctan2(s[1], s[0]) - phi))).std()
    assert spread == pytest.approx(0.1, rel=4 / np.sqrt(2 * 1000))


def test_noise_turns_phases_by_what_it_says():
    """One update with noise against one without: the spread is sigma, cells and rows apart."""
    net = replace(
        small(), weights=(*small().weights[:2], np.zeros((3, 8))), fields=(np.ones(9), np.ones(8), np.ones(3))
    )
    x = np.random.default_rng(1).uniform(0, 1, (2000, SIZES[0])).astype(np.float32)
    with Tiles(1) as tiles:
        rest = phase_outputs(acting_of(net), x, tiles=tiles, device=EqpropDevice(state_noise=0.2), sweeps=1)
    # outputs see only their field along phase 0: cos of a normal angle of spread 0.2
    assert np.mean(1 - rest.outputs) == pytest.approx(np.exp(-0.02), abs=4 * 0.028 / np.sqrt(6000))
    assert abs(np.corrcoef(rest.outputs.T)[0, 1]) < 4 / np.sqrt(2000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "field"}, "rule must be 'energy'"),
        ({"persistent": True}, "persistent must be False"),
        ({"update": "multiplicative"}, "update must be 'additive'"),
        ({"estimator": "contrastive"}, "estimator must be one of centred"),
        ({"device": EqpropDevice(replicas=2)}, "leave replicas out"),
    ],
)
def test_what_it_cannot_do_is_refused(change, message):
    with pytest.raises(EqpropError, match=message):
        train_oscillator(toy(), config(**change))


def test_an_epoch_that_is_not_at_rest_is_an_error():
    with pytest.raises(UnsettledError, match="raise sweeps_free"):
        train_oscillator(toy(), config(sweeps_free=1, residual_limit=1e-3), threads=1)


def test_a_gradient_at_no_minimum_is_refused():
    flat = OscillatorNetwork((np.zeros((3, 6)),), (np.zeros(3),))
    with pytest.raises(EqpropError, match="no strict minimum"):
        implicit_phase_gradient(flat, X, TARGETS)
    with pytest.raises(EqpropError, match="estimator must be one of"):
        nudged_phase_gradient(flat, X, TARGETS, 0.1, "holomorphic")


def test_the_command_line_trains_compiles_and_simulates(tmp_path, capsys):
    model, net = tmp_path / "m.safetensors", tmp_path / "m.tnl"
    assert (
        main(
            [
                "train",
                "eqprop",
                "--network",
                "oscillator",
                "--hidden",
                "32",
                "--epochs",
                "2",
                "--weight-bits",
                "10",
                "--read-bits",
                "4",
                "--threads",
                "1",
                "--json",
                "-o",
                str(model),
                "--rate",
                "0.03",
                "--rate",
                "0.01",
                "--beta",
                "1.5",
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    found = json.loads(out)
    assert found["config"]["rates"] == [0.03, 0.01] and found["config"]["beta"] == 1.5
    effort = found["effort"]
    assert effort["nudged_relaxations"] == 2 * effort["presentations"]
    assert effort["weight_writes"] == effort["updates"] * (64 * 32 + 320)
    assert '"accuracy"' in out and isinstance(load_model(model), OscillatorNetwork)
    assert main(["compile", str(model), "-o", str(net)]) == 0
    bad = ["train", "eqprop", "--network", "oscillator", "--gain", "2", "-o", str(model)]
    assert main(bad) == 2
    assert "--gain needs" in capsys.readouterr().err
