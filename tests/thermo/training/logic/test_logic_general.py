"""Training of logic-gate networks of several layers: threads, hardware, head, learning, JAX."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.families.logic import lower_logic
from thermo.data import Dataset, load_dataset
from thermo.progress import NullProgress
from thermo.training import TrainingError
from thermo.training.logic import general_layer
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general import GeneralTrainer
from thermo.training.logic.jax_trainer import JaxTrainer
from thermo.training.logic.train import train_logic
from thermo.training.tiles import Tiles

SMALL = LogicConfig(layers=(120, 80), k=6, epochs=4, batch=64, tau=3.0, drop=0.0, learning_rate=0.1, seed=5)
VARIANTS = {
    "bits": {},
    "soft": {"forward": "soft", "init_wire": 1.0},
    "gumbel": {"forward": "gumbel", "gumbel_noise": 0.1},
    "gates": {"parametrisation": "gates", "init": "residual"},
    "reste": {"estimator": "reste"},
    "dense": {"k": "all"},
    "dense soft": {"k": "all", "forward": "soft", "init_peak": 5.0, "init": "residual"},
    "fixed": {"k": 1, "wiring": "fixed", "learning_rate": 0.2},
    "three layers": {"layers": (100, 90, 80), "refresh": 2, "tau": "adaptive"},
}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def trained(digits: Dataset, config: LogicConfig, threads: int = 1) -> GeneralTrainer:
    trainer = GeneralTrainer(digits, config)
    with Tiles(threads) as tiles:
        while trainer.epoch < config.epochs:
            trainer.run_epoch(tiles)
    return trainer


def differing(one: GeneralTrainer, other: GeneralTrainer) -> list[str]:
    theirs = other.arrays()
    return [name for name, a in one.arrays().items() if not np.array_equal(a, theirs[name])]


# --- results do not depend on how the work is done -----------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_threads_do_not_change_a_bit(digits, monkeypatch, name):
    monkeypatch.setattr(general_layer, "BLOCK", 32)  # several blocks a layer
    config = replace(SMALL, epochs=2, dropout=0.1, **VARIANTS[name])
    one, two = trained(digits, config), trained(digits, config, threads=2)
    assert differing(one, two) == []
    other = trained(digits, replace(config, seed=6))
    assert "0.logits" in differing(one, other)


def test_blocks_do_not_change_a_bit(digits, monkeypatch):
    config = replace(SMALL, epochs=1, forward="gumbel", gumbel_noise=0.1)
    whole = trained(digits, config)
    monkeypatch.setattr(general_layer, "BLOCK", 7)
    assert differing(whole, trained(digits, config)) == []


class StopsAfter(NullProgress):
    """Interrupts a training when so many epochs are done."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def update(self, done: int, note: str = "") -> None:
        if done == self.epochs:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["bits", "dense soft", "gumbel", "three layers"])
def test_a_resumed_training_is_the_uninterrupted_one(digits, tmp_path, name):
    config = replace(SMALL, dropout=0.1, **VARIANTS[name])
    whole = train_logic(digits, config, threads=1)
    kept = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        train_logic(digits, config, threads=1, checkpoint=kept, progress=StopsAfter(2))
    resumed = train_logic(digits, config, threads=1, checkpoint=kept)
    assert [r.loss for r in resumed.history] == [r.loss for r in whole.history]
    assert (resumed.model.tau, resumed.best_epoch) == (whole.model.tau, whole.best_epoch)
    assert resumed.gap == whole.gap
    for one, other in zip(resumed.model.layers, whole.model.layers, strict=True):
        for part in ("table", "scores_a", "scores_b", "wires_a", "wires_b"):
            assert np.array_equal(getattr(one, part), getattr(other, part))
    # what an epoch less leaves is something else
    short = train_logic(digits, replace(config, epochs=3), threads=1)
    assert not np.array_equal(short.model.layers[0].table, whole.model.layers[0].table)


# --- hardware ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_hard_network_is_what_the_compiler_evaluates(digits, name):
    """Counts of every class, bit for bit, on all validation samples."""
    trainer = trained(digits, replace(SMALL, epochs=2, **VARIANTS[name]))
    model = trainer.model()
    netlist = lower_logic(model)
    scores = evaluate_classes(netlist, encode_bits(netlist, digits.x_valid))
    right = float(np.mean(np.argmax(scores, axis=1) == digits.y_valid))
    assert right == trainer.score
    trainer.put(trainer.best)
    ours = counts(trainer, digits)
    assert np.array_equal(ours, np.round(scores * model.tau))
    first = trainer.network.layers[0]  # a broken twin: one gate of each class inverted
    last = trainer.network.layers[-1]
    last.logits[::8] *= -1
    first.logits[0] *= -1
    assert not np.array_equal(counts(trainer, digits), ours)


def counts(trainer: GeneralTrainer, digits: Dataset, relaxed: bool = False) -> np.ndarray:
    parts = []
    with Tiles(1) as tiles:
        for lo in range(0, digits.y_valid.size, trainer.batch):
            part = slice(lo, min(digits.y_valid.size, lo + trainer.batch))
            words = trainer.encoded(trainer.data.valid_epoch(), part, tiles)
            sums = trainer.network.class_sums(words, tiles, relaxed=relaxed)
            parts.append(sums[:, : part.stop - lo].T)
    return np.concatenate(parts)


@pytest.mark.parametrize("name", VARIANTS)
def test_saturated_networks_are_their_hardware(digits, name):
    trainer = GeneralTrainer(digits, replace(SMALL, **VARIANTS[name]))
    hard = counts(trainer, digits)
    relaxed = counts(trainer, digits, relaxed=True)
    assert np.abs(relaxed - hard).max() > 0.5
    for layer in trainer.network.layers:
        layer.logits[:] = 1e6 * layer.logits
        layer.scores[:] = 1e6 * layer.scores
    assert np.array_equal(counts(trainer, digits), hard)
    # what is left of a candidate that was not chosen is below 2e-38
    assert np.abs(counts(trainer, digits, relaxed=True) - hard).max() < 1e-30


# --- learning ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_every_mode_learns(digits, name):
    """At least five times the accuracy of guessing, a tenth."""
    trainer = GeneralTrainer(digits, replace(SMALL, epochs=10, **VARIANTS[name]))
    with Tiles(1) as tiles:
        first = trainer.run_epoch(tiles)
        while trainer.epoch < 10:
            last = trainer.run_epoch(tiles)
        soft = trainer.soft_accuracy(tiles)
    assert last.loss < first.loss and last.train_accuracy > first.train_accuracy
    assert trainer.score > 0.5
    assert 0.2 < soft <= 1
    if trainer.config.forward == "soft":
        assert soft == pytest.approx(last.train_accuracy, abs=0.12)


def test_the_best_epoch_is_kept(digits):
    trainer = trained(digits, replace(SMALL, epochs=3))
    kept, epoch = [p.copy() for p in trainer.best[0]], trainer.best_epoch
    trainer.keep_if_best(trainer.score)  # not better
    assert trainer.best_epoch == epoch
    trainer.network.layers[0].logits += 1
    assert all(np.array_equal(a, b) for a, b in zip(kept, trainer.best[0], strict=True))
    trainer.keep_if_best(1.0)
    assert np.array_equal(trainer.best[0][0], trainer.network.layers[0].logits)


def test_refreshed_candidates_are_the_worst_ones(digits):
    trainer = trained(digits, replace(SMALL, epochs=1))
    trainer.config = replace(SMALL, refresh=2, refresh_gap=1.5)
    layer = trainer.network.layers[1]
    scores, wires = layer.scores.copy(), layer.wires.copy()
    order = np.argsort(scores, axis=2)
    trainer.refresh()
    kept = np.take_along_axis(layer.wires, order[..., 2:], 2)
    assert np.array_equal(kept, np.take_along_axis(wires, order[..., 2:], 2))
    new = np.take_along_axis(layer.scores, order[..., :2], 2)
    assert np.array_equal(
        new, np.broadcast_to(scores.max(axis=2, keepdims=True) - np.float32(1.5), new.shape)
    )
    assert not np.take_along_axis(layer.m_scores, order[..., :2], 2).any()
    moved = np.take_along_axis(layer.wires, order[..., :2], 2)
    assert (moved != np.take_along_axis(wires, order[..., :2], 2)).mean() > 0.9
    # who reads what follows
    assert np.array_equal(layer.wires.reshape(-1)[layer.entry], np.sort(layer.wires.reshape(-1)))


def test_temperature_of_the_head(digits):
    width = GeneralTrainer(digits, replace(SMALL, tau="width", tau_target=0.5))
    assert width.tau == pytest.approx(np.sqrt(8 / 2))
    trainer = GeneralTrainer(digits, replace(SMALL, tau="adaptive", epochs=1))
    follow, seen = trainer.network.follow, []

    def watch(sums: np.ndarray) -> None:
        seen.append(sums.astype(float).std())
        follow(sums)

    trainer.network.follow = watch
    with Tiles(1) as tiles:
        trainer.run_epoch(tiles)
    running = seen[0]
    for value in seen[1:]:
        running = 0.99 * running + 0.01 * value
    assert trainer.tau == pytest.approx(running / 6) and running != pytest.approx(seen[0])


# --- JAX -----------------------------------------------------------------------------------------


def test_jax_takes_the_same_steps(digits):
    """Relaxed training is smooth, so that rounding stays small over an epoch of Adam steps."""
    config = replace(
        SMALL,
        epochs=1,
        batch=167,
        forward="soft",
        init_wire=1.0,
        tau="adaptive",
        decay=0.01,
        dropout=0.1,
        smoothing=0.05,
    )
    teacher = np.random.default_rng(8).dirichlet(np.arange(1, 11) / 10, digits.y_train.size)
    ours, theirs = (kind(digits, config, teacher=teacher) for kind in (GeneralTrainer, JaxTrainer))
    start = ours.network.layers[0].logits.copy()
    with Tiles(1) as tiles:
        a, b = ours.run_epoch(tiles), theirs.run_epoch(tiles)
    assert a.loss == pytest.approx(b.loss, rel=1e-4)
    assert ours.tau == pytest.approx(theirs.tau, rel=1e-4)
    moved = np.abs(ours.network.layers[0].logits - start).max()
    for one, other in zip(ours.network.layers, theirs.network.layers, strict=True):
        for name in ("logits", "scores", "m_logits", "v_scores"):
            x, y = getattr(one, name), getattr(other, name)
            assert np.abs(x - y).max() < 1e-3 * np.abs(x).max()
    assert moved > 0.1


def test_jax_trains_bits_with_noise(digits):
    config = replace(SMALL, layers=(200,), epochs=6, batch=167, forward="gumbel", gumbel_noise=0.1)
    result = train_logic(digits, config, threads=1, backend="jax")
    assert result.history[-1].loss < result.history[0].loss
    assert result.score > 0.5
    assert result.score == max(r.valid_accuracy for r in result.history)


# --- errors --------------------------------------------------------------------------------------


def test_settings_that_do_not_fit_are_refused(digits):
    with pytest.raises(TrainingError, match="multiple of the 10 classes, got 85"):
        GeneralTrainer(digits, replace(SMALL, layers=(120, 85)))
    with pytest.raises(TrainingError, match="k must be at most the 4 nets of the layer below"):
        GeneralTrainer(digits, replace(SMALL, layers=(4, 80)))
    with pytest.raises(TrainingError, match=r"refresh_pool must be 0 .* got 32"):
        GeneralTrainer(digits, replace(SMALL, refresh=2, refresh_pool=32))
    for more in ({"forward": "soft"}, {"parametrisation": "gates"}):
        with pytest.raises(TrainingError, match="estimator must be identity where nothing is"):
            replace(SMALL, estimator="reste", **more)
    with pytest.raises(TrainingError, match="init_peak must be a number >= 0, got -1"):
        replace(SMALL, init_peak=-1.0)
    with pytest.raises(TrainingError, match="gumbel_noise must be a number >= 0, got nan"):
        replace(SMALL, gumbel_noise=float("nan"))
