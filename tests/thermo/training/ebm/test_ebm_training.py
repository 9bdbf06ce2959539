"""Training of restricted Boltzmann machines: gradients, convergence, resumption, settings."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.families.rbm import RBM
from hw_models.imperfect import Imperfections
from thermo.data import Dataset
from thermo.training.ebm.config import RbmConfig
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.exact import exact_gradient, exact_log_likelihood, states
from thermo.training.ebm.layers import sample_rbm
from thermo.training.ebm.rbm import RbmTrainer, train_rbm
from thermo.training.tiles import Tiles

TEACHER = RBM(
    1.5 * np.random.default_rng(1).standard_normal((6, 3)),
    0.5 * np.random.default_rng(2).standard_normal(6),
    0.5 * np.random.default_rng(3).standard_normal(3),
)


def rows_of(model, n, seed=0):
    """n rows of bits with exactly the model's law."""
    s = states(model.n_visible)
    log_p = -model.free_energy(s)
    p = np.exp(log_p - log_p.max())
    return s[np.random.default_rng(seed).choice(len(s), n, p=p / p.sum())].astype(np.float32)


def dataset(x, name="toy"):
    y = np.zeros(len(x), np.int64)
    return Dataset(name, x, y, x, y, x, y, 1)


DATA = dataset(rows_of(TEACHER, 200))
PLAIN = RbmConfig(
    n_hidden=3, epochs=1, batch=200, threshold=0.5, learning_rate=1e-12, centred=False, chains=5000
)


def free_products(config, sweeps, start=TEACHER, data=DATA):
    """(v h of single chains (chains, 18), exact mean) of a machine that is held fixed."""
    with Tiles(1) as tiles:
        trainer = RbmTrainer(data, config)
        trainer.w[:], trainer.b[:], trainer.c[:] = start.w, start.b_visible, start.b_hidden
        if config.method == "cd":
            trainer.run_batch(np.arange(trainer.batch), tiles)
        for _ in range(sweeps):
            trainer.advance(trainer.layers(trainer.device), tiles)
            trainer.step += 1
        v, p = trainer.v[-trainer.n_free :], trainer.p_h[-trainer.n_free :]
    s = states(6)
    log_p = -start.free_energy(s)
    weight = np.exp(log_p - log_p.max())
    weight /= weight.sum()
    h = 1 / (1 + np.exp(-(s @ start.w + start.b_hidden)))
    return (v[:, :, None] * p[:, None, :]).reshape(len(v), -1), ((s.T * weight) @ h).ravel()


def worst_z(stats, exact):
    return np.abs((stats.mean(axis=0) - exact) / (stats.std(axis=0) / np.sqrt(len(stats)))).max()


LIMIT = 4.5  # 18 normals exceed it with probability 1.2e-4


TEMPERED = replace(PLAIN, method="tempered", temperatures=4, chains=4000)
# pairs (0, 1) and (2, 3) of the four temperatures swap in even steps: the last of 101 sweeps
ODD = 101
STRONG = replace(TEACHER, w=2 * TEACHER.w)


def test_persistent_chains_give_the_exact_products():
    assert worst_z(*free_products(PLAIN, 150)) < LIMIT


def test_tempered_chains_give_the_exact_products():
    assert worst_z(*free_products(TEMPERED, ODD, STRONG)) < LIMIT


def test_a_swap_that_ignores_energies_does_not(monkeypatch):
    real = RbmTrainer.swap

    def careless(self, layers, step, tiles):
        flat = replace(layers, up=np.zeros_like(layers.up), b=layers.base, c=0 * layers.c)
        real(self, flat, step, tiles)

    monkeypatch.setattr(RbmTrainer, "swap", careless)
    assert worst_z(*free_products(TEMPERED, ODD, STRONG)) > 2 * LIMIT


def test_one_sweep_from_the_data_is_biased():
    far = replace(TEACHER, w=-TEACHER.w)  # a machine that is not the data's
    data = dataset(np.tile(DATA.x_train, (25, 1)))
    once = replace(PLAIN, method="cd", chains=None, batch=5000)
    assert worst_z(*free_products(once, 0, far, data)) > 2 * LIMIT
    assert worst_z(*free_products(replace(once, k=100), 0, far, data)) < LIMIT


def settings(method, **more):
    return RbmConfig(
        n_hidden=3,
        method=method,
        epochs=1200,
        batch=200,
        threshold=0.5,
        learning_rate=0.3,
        hold=0.5,
        evaluate_every=1200,
        chains=None if method == "cd" else 1000,
        **more,
    )


def steepest(model, x):
    return max(np.abs(g).max() for g in exact_gradient(model, x))


def test_pcd_comes_to_the_optimum():
    x = DATA.x_train
    pcd = train_rbm(DATA, settings("pcd"), threads=1)
    # products of 1000 chains have a spread below 1/2: 4.5 / 2 / sqrt(1000) = 0.07 in one step, less
    # as the falling rate averages over many
    assert steepest(pcd.model, x) < 0.03
    assert pcd.score == pytest.approx(exact_log_likelihood(pcd.model, x))
    assert pcd.score > exact_log_likelihood(TEACHER, x)  # the teacher is not these rows' optimum


def test_the_gradient_that_is_followed_is_centred_right():
    """Both forms vanish together: with centring off the same optimum is reached."""
    plain = train_rbm(DATA, settings("pcd", centred=False), threads=1)
    assert steepest(plain.model, DATA.x_train) < 0.05


def test_a_trainer_without_its_free_phase_fails(monkeypatch):
    def forgetful(self, data, v, p_h, tiles):
        return real(self, data, np.zeros_like(v), np.zeros_like(p_h), tiles)

    real = RbmTrainer.update
    monkeypatch.setattr(RbmTrainer, "update", forgetful)
    config = replace(settings("pcd"), epochs=100, evaluate_every=100)
    assert steepest(train_rbm(DATA, config, threads=1).model, DATA.x_train) > 0.1


WIDE = dataset(np.random.default_rng(5).random((150, 40)).astype(np.float32))
SHORT = RbmConfig(
    n_hidden=20,
    epochs=4,
    batch=70,
    evaluate_every=2,
    evaluate_steps=20,
    evaluate_chains=8,
    momentum=0.5,
    weight_decay=1e-3,
)


@pytest.mark.parametrize("method", ["pcd", "cd", "tempered"])
def test_the_same_bits_for_any_number_of_threads(method):
    config = replace(SHORT, method=method, temperatures=3)
    one, three = (train_rbm(WIDE, config, threads=k) for k in (1, 3))
    for name in ("w", "b_visible", "b_hidden"):
        np.testing.assert_array_equal(getattr(one.model, name), getattr(three.model, name))
    assert one.score == three.score
    other = train_rbm(WIDE, replace(config, seed=1), threads=1)
    assert (other.model.w != one.model.w).any()


class Stop(Exception):
    pass


class Interrupting:
    def __init__(self, at):
        self.at = at

    def start(self, total, label):
        pass

    def update(self, done, note=""):
        if done == self.at:
            raise Stop

    def stop(self):
        pass


@pytest.mark.parametrize("method", ["pcd", "cd", "tempered"])
def test_an_interrupted_training_goes_on_bitwise(tmp_path, method):
    config = replace(SHORT, method=method, temperatures=3, non_ideal=Imperfections(mismatch=0.1, bits=5))
    whole = train_rbm(WIDE, config, threads=1)
    kept = tmp_path / "kept"
    with pytest.raises(Stop):
        train_rbm(WIDE, config, threads=1, checkpoint=kept, progress=Interrupting(2))
    again = train_rbm(WIDE, config, threads=1, checkpoint=kept)
    for name in ("w", "b_visible", "b_hidden"):
        np.testing.assert_array_equal(getattr(whole.model, name), getattr(again.model, name))
    assert [h.valid for h in whole.history] == [h.valid for h in again.history]
    with pytest.raises(EbmError, match="another configuration or data set"):
        train_rbm(WIDE, replace(config, seed=9), checkpoint=kept)
    kept.write_bytes(b"nonsense")
    with pytest.raises(EbmError, match="not a training checkpoint"):
        train_rbm(WIDE, config, checkpoint=kept)


def test_training_on_a_device_makes_up_for_it():
    """Units with a bias each come to the data's means on the device that they were trained on."""
    device = Imperfections(mismatch=0.2, bias_mismatch=0.4, bits=6)
    config = replace(settings("pcd"), seed=5)
    there = train_rbm(DATA, replace(config, non_ideal=device), threads=1)
    ideal = train_rbm(DATA, config, threads=1)

    def off(model):
        layers = there.device.act(model.w, model.b_visible, model.b_hidden, there.base)
        with Tiles(1) as tiles:
            v, _ = sample_rbm(layers, np.tile(DATA.x_train, (50, 1)), 200, tiles, seed=8)
        return np.abs(v.mean(axis=0) - DATA.x_train.mean(axis=0)).max()

    # 10,000 samples: 4.5 / 2 / 100 = 0.023 by chance
    assert off(there.model) < 0.03 < 0.045 < off(ideal.model)
    assert there.best_epoch == config.epochs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "sgd"}, "method must be one of pcd, cd, tempered"),
        ({"k": 0}, "k must be a whole number >= 1"),
        ({"temperatures": 1}, "temperatures must be a whole number >= 2"),
        ({"chains": 0}, "chains must be a whole number >= 1"),
        ({"method": "cd", "chains": 5}, "chains belong to pcd"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number > 0"),
        ({"weight_decay": -1.0}, "weight_decay must be a number >= 0"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1"),
        ({"final_rate": 2.0}, "final_rate must be between 0 and 1"),
        ({"threshold": 0.0}, "threshold must be above 0"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
)
def test_bad_settings_are_named(change, message):
    with pytest.raises(EbmError, match=message):
        RbmConfig(**change)


def test_bad_data_and_rates_are_named():
    bad = dataset(np.array([[0.0, 2.0], [1.0, 0.5]], np.float32))
    with pytest.raises(EbmError, match="must lie in"):
        train_rbm(bad, SHORT)
    with np.errstate(all="ignore"), pytest.raises(EbmError, match="have run away"):
        train_rbm(WIDE, replace(SHORT, learning_rate=1e38))
