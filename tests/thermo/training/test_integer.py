"""Integer networks are trained with the arithmetic that they have afterwards."""

from dataclasses import replace

import numpy as np
import pytest

from thermo.data import load_dataset
from thermo.training.augmentation import Augmentation
from thermo.training.errors import TrainingError
from thermo.training.integer import IntegerConfig, IntegerTrainer, train_integer, whole_inputs
from thermo.training.logic.config import LogicAugmentation

VALUES = {
    "int4": range(-7, 8),
    "powers": (0, 1, 2, 4, 8, -1, -2, -4, -8),
    "ternary": (-1, 0, 1),
    "binary": (-1, 1),
}


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.mark.parametrize("precision", VALUES)
def test_weights_take_the_values_of_their_precision(digits, precision):
    trained = train_integer(digits, (8,), precision, top=3, bits=2, epochs=3)
    network = trained.model
    assert network.sizes == (64, 8, 10) and network.top == 3 and network.bits == (2,)
    used = whole_inputs(digits.x_train, 3).any(axis=0)
    assert not network.weights[0][:, ~used].any() and not used.all()
    for w in (network.weights[0][:, used], network.weights[1]):
        assert set(np.unique(w).tolist()) <= set(VALUES[precision])
        assert w.min() < 0 < w.max()
    # what was chosen is the network's own accuracy: nothing is rounded afterwards
    right = network.predictions(whole_inputs(digits.x_valid, 3)) == digits.y_valid
    assert trained.score == right.mean() == max(e.valid_accuracy for e in trained.history)


@pytest.mark.parametrize(("hidden", "precision"), [((), "int4"), ((24,), "ternary")])
def test_training_learns_what_a_still_one_does_not(digits, hidden, precision):
    options = {"top": 7, "bits": 2, "epochs": 40, "learning_rate": 0.02}
    assert train_integer(digits, hidden, precision, **options).score > 0.9
    assert train_integer(digits, hidden, precision, **{**options, "learning_rate": 1e-9}).score < 0.5


def test_the_gradient_of_a_linear_classifier_by_hand(digits):
    trainer = IntegerTrainer(digits, IntegerConfig(precision="int4", top=3))
    trainer.gain[:] = 0.3
    x, y = trainer.x[:50].astype(np.float32), digits.y_train[:50]
    q, unit = np.round(7 * trainer.latent[0]).astype(float), trainer.unit[0]
    s = x @ q.T + np.round(trainer.bias[0] * unit)
    p = np.exp(np.exp(0.3) / unit * s)
    p = p / p.sum(axis=1, keepdims=True) - np.eye(10)[y]
    weight, bias, gain = trainer._gradient(x, y)
    scale = np.exp(0.3) / unit / 50
    assert np.allclose(weight, 7 * scale * p.T @ x, rtol=1e-4, atol=1e-6)
    assert np.allclose(bias, unit * scale * p.sum(axis=0), rtol=1e-4, atol=1e-6)
    assert np.allclose(gain, scale * (p * s).sum(), rtol=1e-4, atol=1e-5)


def test_results_belong_to_the_seed(digits):
    first, same, other = (train_integer(digits, (), "ternary", epochs=2, seed=s).model for s in (1, 1, 2))
    assert np.array_equal(first.weights[0], same.weights[0])
    assert not np.array_equal(first.weights[0], other.weights[0])


def test_augmented_images_move_and_stay_whole_numbers(digits):
    moved = LogicAugmentation(shift=1, shift_share=1.0)
    trainer = IntegerTrainer(digits, IntegerConfig(top=16, augmentation=moved))
    plain, images = trainer.x.reshape(-1, 8, 8), trainer._augmented().reshape(-1, 8, 8)
    framed = np.pad(plain, ((0, 0), (1, 1), (1, 1)))
    places = [framed[:, y : y + 8, x : x + 8] for y in range(3) for x in range(3)]
    hits = np.array([(images == place).all(axis=(1, 2)) for place in places])
    assert hits.any(axis=0).all() and (hits.mean(axis=1) > 0.05).all()
    warped = LogicAugmentation(warp=Augmentation(rotate=10.0), warp_share=0.5)
    trainer = IntegerTrainer(digits, IntegerConfig(top=16, augmentation=warped))
    one = trainer._augmented()
    trainer.epoch = 1
    two = trainer._augmented()
    assert one.dtype == np.uint8 and one.max() <= 16 and not np.array_equal(one, two)
    assert 0.3 < (one == trainer.x).all(axis=1).mean() < 0.7


def test_inputs_are_the_nearest_whole_numbers():
    assert whole_inputs(np.array([0.0, 0.49, 0.51, 1.0, 1.7]), 1).tolist() == [0, 0, 1, 1, 1]
    assert whole_inputs(np.array([1.0]), 1000).dtype == np.uint16


def test_errors(digits):
    for name, value, match in (
        ("precision", "int3", "precision must be one of int8, int4"),
        ("top", 0, "top must be a whole number >= 1"),
        ("bits", 0, "bits must be a whole number >= 1"),
        ("hidden", (0,), "hidden must be widths >= 1"),
        ("learning_rate", 0.0, "learning_rate must be a number > 0"),
        ("weight_decay", -1.0, "weight_decay must be a number >= 0"),
    ):
        with pytest.raises(TrainingError, match=match):
            IntegerConfig(**{name: value})
    with pytest.raises(TrainingError, match="has no classes"):
        train_integer(load_dataset("cosine"))
    flat = replace(digits, image_shape=())
    with pytest.raises(TrainingError, match="has no images to augment"):
        train_integer(flat, augmentation=LogicAugmentation(shift=1))
