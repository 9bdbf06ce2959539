"""Slopes that stand in for a sign's are the derivatives that they are said to be."""

import numpy as np
import pytest

from thermo.data import load_dataset
from thermo.training.errors import TrainingError
from thermo.training.integer import IntegerConfig, IntegerTrainer, train_integer
from thermo.training.signs import ESTIMATORS, SLOPES_WEIGHTS, slope

Z = np.array([-1.4, -0.7, -0.3, 0.15, 0.5, 0.9])
H = 1e-5


def _derivative(f):
    return (f(Z + H) - f(Z - H)) / (2 * H)


@pytest.mark.parametrize("progress", [0.0, 0.4, 1.0])
def test_slopes_are_derivatives(progress):
    o, t = 1 + 2 * progress, 0.1 * 100**progress
    rounded = {
        "clip": lambda z: np.clip(z, -1, 1),
        "polynomial": lambda z: np.where(np.abs(z) < 1, 2 * z - z * np.abs(z), np.sign(z)),
        "tanh": lambda z: max(1, 1 / t) * np.tanh(t * z),
        "reste": lambda z: np.sign(z) * np.abs(z) ** (1 / o),
    }
    assert set(rounded) == set(ESTIMATORS)
    for name, f in rounded.items():
        assert slope(name, Z, progress) == pytest.approx(_derivative(f), rel=1e-3, abs=1e-6), name


def test_reste_is_flat_near_the_step_and_ends():
    near = slope("reste", np.array([0.0, 0.05, -0.1]), 1.0)
    assert near == pytest.approx(0.1 ** (1 / 3) / 0.1)  # mean slope of the cube root between 0 and 0.1
    assert slope("reste", np.array([1.49, 1.51]), 1.0)[1] == 0 < slope("reste", np.array([1.49]), 1.0)[0]
    with pytest.raises(KeyError):
        slope("sigmoid", Z, 0.0)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_gradient_of_a_binary_network_by_hand(digits, estimator):
    trainer = IntegerTrainer(
        digits, IntegerConfig(hidden=(7,), precision="binary", top=1, estimator=estimator, epochs=4)
    )
    trainer.step = 2 * trainer.n_batches  # half way
    x, y = trainer.x[:60].astype(float), digits.y_train[:60]
    q = [np.sign(v).astype(float) for v in trainer.latent]
    bias = [np.round(b * unit) for b, unit in zip(trainer.bias, trainer.unit, strict=True)]
    z = (x @ q[0].T + bias[0]) / 2.0 ** trainer.shifts[0]
    h = (z >= 1).astype(float)
    factor = np.exp(trainer.gain[0]) / trainer.unit[1]
    p = np.exp(factor * (h @ q[1].T + bias[1]))
    delta = factor * (p / p.sum(axis=1, keepdims=True) - np.eye(10)[y]) / 60
    below = (delta @ q[1]) * slope(estimator, z - 1, 0.5) / 2.0 ** trainer.shifts[0]
    if estimator == "clip":  # the edges of its window are without
        below *= np.abs(z - 1) < 1
    expected = [below.T @ x, delta.T @ h]
    if SLOPES_WEIGHTS[estimator]:
        expected = [g * slope(estimator, v, 0.5) for g, v in zip(expected, trainer.latent, strict=True)]
    for found, wanted in zip(trainer._gradient(x.astype(np.float32), y), expected, strict=False):
        assert np.allclose(found, wanted, rtol=2e-3, atol=1e-6)
        assert np.abs(wanted).max() > 1e-4


def test_estimators_are_of_bits_alone(digits):
    with pytest.raises(TrainingError, match="estimator must be clip unless weights are binary"):
        IntegerConfig(precision="ternary", estimator="reste")
    with pytest.raises(TrainingError, match="estimator must be clip unless"):
        IntegerConfig(precision="binary", bits=2, estimator="reste")
    with pytest.raises(TrainingError, match="estimator must be one of clip"):
        IntegerConfig(precision="binary", estimator="identity")
    scores = {
        e: train_integer(digits, (24,), "binary", top=1, epochs=80, estimator=e).score for e in ESTIMATORS
    }
    assert min(scores.values()) > 0.75 and len(set(scores.values())) > 1
