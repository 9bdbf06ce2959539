"""Multiplicative updates, training without nudges, coupled replicas."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from hw_models.imperfect import Imperfections
from thermo.cli.main import main
from thermo.data import Dataset, load_dataset
from thermo.gradients.errors import EqpropError
from thermo.gradients.reference import implicit_gradient
from thermo.gradients.rest import Settling
from thermo.gradients.system import from_network
from thermo.kernels.eqprop import layers as kernel
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.deploy import deployed_accuracy
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.estimators import PUSHES, UNNUDGED, pushes
from thermo.training.eqprop.presets import eqprop_preset, resistive_preset
from thermo.training.eqprop.resistive import ResistiveTrainer, train_resistive
from thermo.training.eqprop.start import start_weights
from thermo.training.eqprop.train import train_eqprop
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.tiles import Tiles

SIZES = (4, 5, 3)
NO_WARPS = np.empty((0, 6), np.float32)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def toy(n=32, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (n, SIZES[0])).astype(np.float32)
    y = rng.integers(0, SIZES[-1], n)
    return Dataset("toy", x, y, x[:8], y[:8], x[:8], y[:8], SIZES[-1])


def config(**changes):
    plain = {
        "hidden": SIZES[1:-1],
        "epochs": 1,
        "batch": 32,
        "tile": 16,
        "momentum": 0.0,
        "warmup_epochs": 0.0,
        "final_rate": 1.0,
        "rates": (1.0,),
        "sweeps_free": 400,
        "sweeps_nudged": 400,
        "tolerance": 3e-7,
        "init_bias": 0.3,
        "init_gain": 0.8,
    }
    return EqpropConfig(**{**plain, **changes})


def step_of(trainer):
    """What one batch adds to every parameter; the trainer is put back."""
    before = [p.values.copy() for p in trainer.parameters()]
    trainer.run_batch(np.arange(trainer.n), NO_WARPS)
    steps = [p.values - b for p, b in zip(trainer.parameters(), before, strict=True)]
    for p, b in zip(trainer.parameters(), before, strict=True):
        p.values[...], p.velocity[...] = b, 0
    return steps


# ---------------------------------------------------------------- multiplicative


@pytest.mark.parametrize("init", ["uniform", "log-normal"])
def test_starting_couplings_have_glorots_size(init):
    n = (300, 200)
    w = start_weights(np.random.default_rng(0), n, init, 0.5)
    # w^2 of a log-normal with s = 1 has a spread of sqrt(e^4 - 1) = 7.3 of its mean
    spread = 7.3 if init == "log-normal" else 0.9
    rms = 0.5 * np.sqrt(2 / sum(n))
    assert np.mean(w**2) == pytest.approx(rms**2, rel=5 * spread / np.sqrt(w.size))
    assert np.mean(w > 0) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(w.size))
    assert (start_weights(np.random.default_rng(0), n, init, 0.5, positive=True) >= 0).all()


def test_a_multiplicative_step_is_the_exponential_of_the_additive_one():
    with Tiles(1) as tiles:
        plain = step_of(HopfieldTrainer(toy(), config(rates=(0.1,)), tiles))
        trainer = HopfieldTrainer(toy(), config(rates=(0.1,), update="multiplicative"), tiles)
        before = [p.values.copy() for p in trainer.parameters()]
        got = step_of(trainer)
    for p, b, a, m in zip(trainer.parameters(), before, plain, got, strict=True):
        wanted = b * np.exp(np.sign(b) * a) - b if p.coupling else a
        np.testing.assert_allclose(m, wanted, rtol=1e-4, atol=3e-7)  # float32 couplings of order 1
    assert max(np.abs(a).max() for a in plain) > 1e-3


def test_a_step_is_bounded_and_nothing_dies():
    w = np.array([[1.0, -1.0, 1e-6, -1e-6, 0.5]], np.float32)
    v = np.array([[9.0, 9.0, -9.0, 9.0, 0.0]], np.float32)
    kernel.grow(w, v, np.float32(1), np.float32(1e-6))
    np.testing.assert_allclose(w, [[np.e, -1 / np.e, 1e-6, -1e-6, 0.5]], rtol=1e-6)


def test_no_coupling_changes_sign_and_digits_are_learnt(digits):
    base = replace(eqprop_preset(digits, update="multiplicative"), epochs=25)
    with Tiles(1) as tiles:
        start = [np.sign(w) for w in HopfieldTrainer(digits, base, tiles).w]
    device = EqpropDevice(Imperfections(mismatch=0.1), flipped=0.02)
    done = train_eqprop(digits, base, threads=1)
    odd = train_eqprop(digits, replace(base, device=device, epochs=3), threads=1)
    additive = train_eqprop(digits, replace(eqprop_preset(digits), epochs=3), threads=1)
    for s, a, b, c in zip(start, done.model.weights, odd.model.weights, additive.model.weights, strict=True):
        assert np.array_equal(np.sign(a), s) and np.array_equal(np.sign(b), s)
        assert not np.array_equal(np.sign(c), s)  # the check sees an additive step
    assert deployed_accuracy(done.acting, digits) > 0.94  # as additive: test_eqprop_training
    both = replace(base, rule="field", angle=40.0, epochs=1)
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(digits, both, tiles)
        before = np.sign(trainer.back[1])
        trainer.run_epoch(tiles)
    assert np.array_equal(np.sign(trainer.back[1]), before)


def test_conductances_grow_and_shrink_by_shares(digits):
    settings, gain = resistive_preset(digits, update="multiplicative")
    settings = replace(settings, epochs=20, hidden=(40,))
    done = train_resistive(digits, settings, gain=gain, threads=1)
    assert all((g > 0).all() for g in done.model.conductances)
    assert done.score > 0.88


# ---------------------------------------------------------------- without nudges


def reference_slopes(trainer, y):
    """-dC/d(parameters) by implicit differentiation, in the order of trainer.parameters()."""
    system = from_network(trainer.network(trainer.copies()))
    g, _ = implicit_gradient(
        system, trainer.x.astype(float), y, settling=Settling(tolerance=1e-11, newton=False)
    )
    ends = np.cumsum([0, *SIZES[1:]])
    out = [-g.w_in[: ends[1]]]
    for l in range(1, len(SIZES) - 1):
        out.append(-g.w[ends[l] : ends[l + 1], ends[l - 1] : ends[l]])
    return out + [-g.b[a:b] for a, b in pairwise(ends)]


def flat(arrays):
    return np.concatenate([np.ravel(a) for a in arrays]).astype(float)


def draws(n, **changes):
    """n estimates of the slopes, (n, parameters), and the reference."""
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(toy(), config(**changes), tiles)
        truth = flat(reference_slopes(trainer, np.eye(SIZES[-1])[trainer.data.y_train]))
        steps = []
        for _ in range(n):
            steps.append(flat(step_of(trainer)))
        return np.array(steps), truth


@pytest.mark.parametrize("estimator", ["spsa", "weight-perturbation", "node-perturbation"])
def test_perturbations_find_the_gradient_in_the_mean(estimator):
    """z-scores against implicit differentiation; a sum over parameters of z^2 - 1 of mean 0 and
    spread sqrt(2 parameters). Costs are float32 rest states, settled to 3e-7: over 2 c some 1e-5 an
    image at most, below the standard errors of the batch's mean. Currents reach past walls that are
    nearer than c, of which the slope knows nothing: their noise is small enough to see it, unless c
    is small as well.
    """
    n = 1500
    c = 0.005 if estimator == "node-perturbation" else 0.02
    got, truth = draws(n, estimator=estimator, perturbation=c)
    sem = got.std(axis=0, ddof=1) / np.sqrt(n)
    # a unit at a wall in every sample has no slope, and currents find none
    some = sem > 2e-5
    assert (np.abs(truth[~some]) < 1e-6).all() and some.mean() > 0.5
    got, truth, sem = got[:, some], truth[some], sem[some]

    def excess(mean, wanted):
        z = (mean - wanted) / sem
        return (np.sum(z**2) - z.size) / np.sqrt(2 * z.size)

    assert abs(excess(got.mean(axis=0), truth)) < 5
    assert excess(got.mean(axis=0), 0.8 * truth) > 8  # a twin with the wrong scale is seen
    assert excess(got.mean(axis=0), -truth) > 8  # and one with the wrong sign


def test_the_bias_grows_with_the_square_of_the_perturbation():
    """Along one pattern of signs the two-point difference is off by C''' c^2 / 6: halving c
    quarters it, a one-point difference only halves. All units stay inside the box, where C is
    smooth; float32 costs to 1e-7 leave 1e-6 of a difference over 2 c.
    """
    with Tiles(1) as tiles:
        trainer = HopfieldTrainer(toy(8), config(estimator="spsa", init_gain=0.1, init_bias=0.5), tiles)
        trainer.b[-1][:] = 0.5
        y = np.eye(SIZES[-1])[trainer.data.y_train]
        truth = reference_slopes(trainer, y)
        trainer.load(np.arange(trainer.n), NO_WARPS)
        learnt = trainer.parameters()
        old = [p.values.copy() for p in learnt]
        rng = np.random.default_rng(2)
        signs = [np.where(rng.random(o.shape) < 0.5, -1, 1).astype(np.float32) for o in old]
        slope = -sum(float(np.sum(t * d)) for t, d in zip(truth, signs, strict=True))

        def cost(change):
            for p, o, d in zip(learnt, old, signs, strict=True):
                p.values[...] = o + np.float32(change) * d
            report = trainer.free_phase(trainer.acting(), slice(0, trainer.n_rows), 0)
            assert all(((s > 0) & (s < 1)).all() for s in trainer.free)
            return report[0] / trainer.n_rows

        two = [(cost(c) - cost(-c)) / (2 * c) - slope for c in (0.04, 0.02)]
        one = [(cost(c) - cost(0)) / c - slope for c in (0.04, 0.02)]
    assert abs(two[1]) > 1e-3
    assert two[0] / two[1] == pytest.approx(4, rel=0.25)
    assert one[0] / one[1] == pytest.approx(2, rel=0.25)


def test_more_directions_less_noise():
    one, _ = draws(300, estimator="spsa")
    eight, _ = draws(300, estimator="spsa", directions=8)
    # variances of 300 draws of ~50 parameters: ratio to sqrt(4 / 300 / 50), and correlations
    assert one.var() / eight.var() == pytest.approx(8, rel=0.3)
    assert UNNUDGED["spsa"].relaxations(8) == 16 and UNNUDGED["weight-perturbation"].relaxations(8) == 9


@pytest.mark.parametrize("estimator", ["spsa", "weight-perturbation", "node-perturbation"])
def test_a_chip_without_nudges_learns_on_a_mismatched_device(digits, estimator):
    """Chance is 10 %; a twin whose updates all have the wrong sign stays there."""
    device = EqpropDevice(Imperfections(mismatch=0.3, asymmetry=0.3))
    settings = replace(
        eqprop_preset(digits, [16], estimator=estimator), epochs=12, device=device, directions=4
    )
    done = train_eqprop(digits, settings, threads=1)
    assert done.history[-1].sweeps_nudged == 0
    assert deployed_accuracy(done.acting, digits, device) > 0.3
    wrong = replace(settings, device=replace(device, flipped=1.0))
    assert train_eqprop(digits, wrong, threads=1).score < 0.25


def test_conductances_are_perturbed_too(digits):
    settings, gain = resistive_preset(digits)
    settings = replace(settings, hidden=(12,), epochs=1, estimator="spsa", rates=(1e-4,))
    with Tiles(1) as tiles:
        trainer = ResistiveTrainer(digits, settings, gain, tiles)
        before = [g.copy() for g in trainer.w]
        trainer.run_batch(np.arange(trainer.batch), NO_WARPS)
    assert all((g >= 0).all() for g in trainer.w)
    assert any(np.abs(g - b).max() > 0 for g, b in zip(trainer.w, before, strict=True))


# ---------------------------------------------------------------- replicas


def spread_of_updates(replicas, coupling, seeds=40, shared=False):
    """Standard deviation over noise of one update, root mean square over couplings."""
    device = EqpropDevice(state_noise=0.04, replicas=replicas, replica_coupling=coupling)
    steps = []
    with Tiles(1) as tiles:
        for seed in range(seeds):
            trainer = HopfieldTrainer(
                toy(), config(device=device, seed=seed, sweeps_free=12, sweeps_nudged=12), tiles
            )
            start = HopfieldTrainer(toy(), config(), tiles)
            for mine, same in zip(trainer.parameters(), start.parameters(), strict=True):
                mine.values[...] = same.values
            if shared:  # every copy with the noise of the first
                relax = trainer.relax

                def alike(acting, p, states, *rest, relax=relax):
                    used = relax(acting, p, states, *rest)
                    for s in states:
                        s[:] = s[::replicas].repeat(replicas, axis=0)
                    return used

                trainer.relax = alike
            steps.append(flat(step_of(trainer)))
    return float(np.sqrt(np.mean(np.var(steps, axis=0, ddof=1))))


@pytest.mark.parametrize("coupling", [0.0, 1.0])
def test_noise_of_updates_falls_with_the_root_of_the_replicas(coupling):
    """A variance of 40 draws spreads by sqrt(2 / 39) a coupling; 35 of them, partly correlated, so
    that ratios of deviations hold to some 10 %. Coupling changes the noise of one copy as well, by
    no more than a fifth here.
    """
    one = spread_of_updates(1, 0.0)
    four, sixteen = (spread_of_updates(r, coupling) for r in (4, 16))
    assert four / one == pytest.approx(1 / 2, rel=0.3)
    assert sixteen / four == pytest.approx(1 / 2, rel=0.3)


def test_replicas_with_the_same_noise_gain_nothing():
    assert spread_of_updates(4, 0.0, shared=True) > 0.8 * spread_of_updates(1, 0.0)


def test_coupled_copies_keep_together():
    apart = []
    for coupling in (0.0, 3.0):
        device = EqpropDevice(state_noise=0.04, replicas=4, replica_coupling=coupling)
        with Tiles(1) as tiles:
            trainer = HopfieldTrainer(toy(), config(device=device, sweeps_free=30), tiles)
            trainer.run_batch(np.arange(trainer.n), NO_WARPS)
        hidden = trainer.free[0].reshape(-1, 4, SIZES[1])
        apart.append(hidden.std(axis=1, ddof=1).mean())
    # what is left of the noise added last is 1 / (1 + k) of it
    assert 0.15 < apart[1] / apart[0] < 0.4
    kept = np.arange(12, dtype=np.float32).reshape(6, 2)
    mixed = kept.copy()
    kernel.mix(mixed, 3, np.float32(0.5))
    np.testing.assert_allclose(mixed.reshape(2, 3, 2).mean(1), kept.reshape(2, 3, 2).mean(1))
    np.testing.assert_allclose(mixed[0], (kept[0] + kept[1]) / 2)


def test_quiet_replicas_are_one_machine(digits):
    base = replace(eqprop_preset(digits), hidden=(24,), epochs=1)
    one = train_eqprop(digits, base, threads=1)
    device = EqpropDevice(replicas=3, replica_coupling=1.0)
    three = train_eqprop(digits, replace(base, device=device), threads=1)
    for a, b in zip(one.model.weights, three.model.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)  # float32 sums in another order, 36 updates


# ---------------------------------------------------------------- settings, command


def test_every_push_has_the_width_of_its_phase():
    assert [p.width for p in pushes("centred", 0.3, 0, 0)] == [0.3, -0.3]
    assert pushes("contrastive", 0.3, 0, 0)[0].towards == 1.0
    assert {pushes("one-sided", 0.3, 0, k)[0].beta for k in range(20)} == {0.3, -0.3}
    for name in PUSHES:
        for p in pushes(name, 0.3, 0, 0):
            assert p.width == (p.beta if p.towards is None else p.towards)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"update": "magic"}, "update must be one of"),
        ({"init": "magic"}, "init must be one of"),
        ({"estimator": "magic"}, "estimator must be one of .*spsa"),
        ({"perturbation": 0.0}, "perturbation must be a number > 0"),
        ({"directions": 0}, "directions must be"),
        ({"estimator": "coupled-centred", "beta": 1.5}, "share of the error"),
        ({"estimator": "spsa", "persistent": True}, "leave persistent"),
        ({"update": "multiplicative", "rule": "field", "homeostasis": 1.0}, "would change sign"),
        ({"estimator": "node-perturbation", "hidden": (4, 4)}, "take at most one"),
        ({"persistent": True, "device": EqpropDevice(replicas=2)}, "has 2 replicas"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(EqpropError, match=message):
        config(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": 0}, "replicas must be"),
        ({"replica_coupling": 1.0}, "needs replicas of 2"),
        ({"replica_coupling": -1.0}, "replica_coupling must be"),
    ],
)
def test_bad_replicas_are_named(change, message):
    with pytest.raises(EqpropError, match=message):
        EqpropDevice(**change)


def test_the_command_takes_them(tmp_path, capsys):
    out = str(tmp_path / "m.safetensors")
    base = ["train", "eqprop", "-o", out, "--hidden", "12", "--epochs", "2", "--threads", "1"]
    for more in (
        ["--update", "multiplicative", "--init", "log-normal", "--rate", "1", "--rate", "0.2"],
        ["--estimator", "spsa", "--directions", "2", "--perturbation", "0.02"],
        ["--estimator", "coupled-centred"],
        ["--estimator", "node-perturbation"],
        ["--state-noise", "0.04", "--replicas", "2", "--replica-coupling", "1"],
        ["--network", "resistive", "--update", "multiplicative"],
    ):
        assert main([*base, *more, "--json"]) == 0, more
        assert '"training_energy_J"' in capsys.readouterr().out
    assert main([*base, "--network", "resistive", "--replicas", "2"]) == 2
    assert "--replicas needs --network hopfield" in capsys.readouterr().err
    assert main([*base, "--weight-memory", "wax"]) == 2
    assert "choose one of sram-8bit" in capsys.readouterr().err
