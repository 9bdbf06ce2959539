"""Score models: their preconditioning, the reverse of noising, and signs that stay."""

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest

from thermo.samplers import dale_langevin
from thermo.training.denoising import DenoisingConfig, draw, levels, reverse, train_denoiser
from thermo.training.denoising.train import Denoiser
from thermo.training.errors import TrainingError

RNG = np.random.default_rng(7)
SD, MEAN = np.array([0.5, 1.5]), np.array([0.7, -0.2])


def _gaussian(v, sigma):
    """Mean of a datum N(MEAN, SD^2) that is seen as v."""
    s2 = np.asarray(sigma)[:, None] ** 2
    return (v * SD**2 + MEAN * s2) / (SD**2 + s2)


def test_the_reverse_of_noising_gives_the_data_s_law():
    config = DenoisingConfig(steps=60, most=10.0, least=0.05)
    sigmas = levels(config)
    n = 20_000
    v = sigmas[0] * RNG.standard_normal((n, 2))
    found = reverse(_gaussian, v, sigmas, np.random.default_rng(8))
    mean, variance = np.zeros(2), np.full(2, sigmas[0] ** 2)  # of the discrete chain, which is linear
    for now, after in pairwise(sigmas):
        q = (after / now) ** 2
        gain = SD**2 / (SD**2 + now**2)
        a = q + (1 - q) * gain
        mean = a * mean + (1 - q) * (1 - gain) * MEAN
        variance = a**2 * variance + now**2 * q * (1 - q)
    assert np.allclose(variance, SD**2, rtol=0.15) and np.allclose(mean, MEAN, atol=0.05)
    assert np.abs(found.mean(axis=0) - mean).max() < 4 * SD.max() / np.sqrt(n)
    assert (np.abs(found.var(axis=0) / variance - 1) < 4 * np.sqrt(2 / n)).all()
    # twin: the noise's variance for its deviation
    wrong = reverse(_gaussian, v, np.append(sigmas[:-1] ** 2, 0), np.random.default_rng(8))
    assert (np.abs(wrong.var(axis=0) / variance - 1) > 4 * np.sqrt(2 / n)).any()


def test_training_finds_the_best_denoiser_of_log_normal_data():
    rows = np.exp(0.5 * RNG.standard_normal((1000, 2)) + np.array([0.0, 1.0]))
    config = DenoisingConfig(epochs=60, hidden=16, rate=1e-2, floor=1e-6, least=0.05, most=5.0, steps=60)
    trained = train_denoiser(rows, config)
    assert trained.losses[-1] < 0.9 * trained.losses[0]
    logs = np.log(rows + 1e-6)
    assert trained.shift == pytest.approx(logs.mean(), rel=1e-4)
    mean = (logs.mean(axis=0) - trained.shift) / trained.scale
    sd = logs.std(axis=0) / trained.scale
    v = mean + np.array([[0.5, -0.5], [-0.8, 0.3]])
    for sigma in (0.3, 1.0):
        best = (v * sd**2 + mean * sigma**2) / (sd**2 + sigma**2)
        found = np.asarray(trained(jnp.asarray(v), jnp.full(2, sigma)))
        assert np.abs(found - best).max() < 0.15 < np.abs(v - best).max() + 0.15
    drawn = np.log(draw(trained, 2000, seed=1))
    assert np.abs(drawn.mean(axis=0) - logs.mean(axis=0)).max() < 0.1
    assert np.abs(drawn.std(axis=0) - 0.5).max() < 0.1


def _still(kind, floor=0.2):
    """A denoiser of weights that were not trained: D = v / (1 + sigma^2)."""
    config = DenoisingConfig(kind=kind, floor=floor, steps=20)
    shapes = [(3 + 10, 4), (4, 4), (4, 3)]
    return Denoiser(
        config,
        [(jnp.zeros(s), jnp.zeros(s[1])) for s in shapes],
        shift=-1.0,
        scale=1.0,
        losses=(),
        seconds=0.0,
    )


def test_signs_stay_where_noise_multiplies_and_do_not_where_it_adds():
    signs = np.array([1.0, -1.0, 1.0])
    w = draw(_still("multiplicative"), 400, signs=signs)
    assert (w * signs > 0).all()
    assert (draw(_still("additive"), 400, signs=signs) * signs < 0).mean() > 0.5
    assert np.array_equal(w, draw(_still("multiplicative"), 400, signs=signs))
    with pytest.raises(TrainingError, match="3 values of \\+1 or -1"):
        draw(_still("multiplicative"), 5, signs=np.zeros(3))


def test_the_score_is_what_dale_langevin_follows():
    """w dU/dw = kT - score of log w: the sampler of thermo.samplers at that potential keeps its law."""
    signs = np.array([1.0, -1.0])[:, None]
    sigma = 0.4
    law = SD[:, None] ** 2 + sigma**2

    def gradient(w, step):
        score = (MEAN[:, None] - np.log(np.abs(w))) / law
        denoiser = (
            _gaussian(np.log(np.abs(w)).T, np.full(w.shape[1], sigma)).T - np.log(np.abs(w))
        ) / sigma**2
        assert np.allclose(score, denoiser)
        return (1 - score) / w

    start = signs * np.exp(MEAN[:, None] + np.sqrt(law) * np.random.default_rng(3).standard_normal((2, 4000)))
    drawn = dale_langevin(gradient, start, step=0.02, steps=40, seed=5).final
    assert (drawn * signs > 0).all()
    logs = np.log(np.abs(drawn))
    z = (logs.mean(axis=1) - MEAN) / np.sqrt(law[:, 0] / 4000)
    assert np.abs(z).max() < 4
    assert (np.abs(logs.var(axis=1) / law[:, 0] - 1) < 4 * np.sqrt(2 / 4000) + 0.02 / law[:, 0]).all()


def test_data_and_settings_that_do_not_fit_are_named():
    with pytest.raises(TrainingError, match="kind must be one of multiplicative, additive"):
        DenoisingConfig(kind="both")
    with pytest.raises(TrainingError, match="least must be below most"):
        DenoisingConfig(least=3.0, most=1.0)
    with pytest.raises(TrainingError, match="values >= 0"):
        train_denoiser(np.array([[-0.1, 0.2]]), DenoisingConfig())
