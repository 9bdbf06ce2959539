"""Score models: their preconditioning, the reverse of noising, and signs that stay."""

from dataclasses import replace
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest

from compiler.ir.kinds import verify
from thermo.samplers import dale_langevin
from thermo.simulate import simulate
from thermo.training.denoising import DenoisingConfig, draw, levels, lower_denoiser, reverse, train_denoiser
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


def _of_cells(size=3, hidden=8, steps=30):
    """Layers of fixed random weights, whose D is pulled in half way from where v is."""
    rng = np.random.default_rng(11)
    shapes = [(size + 1, hidden), (hidden, hidden), (hidden, size)]
    weights = [
        (jnp.asarray(0.7 * rng.normal(size=s) / np.sqrt(s[0])), jnp.asarray(rng.normal(size=s[1])))
        for s in shapes
    ]
    config = DenoisingConfig(cells=True, steps=steps, most=4.0, least=0.5, floor=0.1)
    return Denoiser(config, weights, shift=0.3, scale=0.8, losses=(), seconds=0.0)


def test_the_netlist_draws_from_the_models_law():
    """Means, variances and products of log w, by Hotelling's test; a bath 10 % too hot is seen."""
    trained, n = _of_cells(), 8000
    net = lower_denoiser(trained)
    verify(net)

    def features(logs):
        pairs = [logs[:, i] * logs[:, j] for i in range(3) for j in range(i, 3)]
        return np.column_stack([logs, *pairs])

    def apart(run):
        a, b = features(run), features(wanted)
        off = a.mean(axis=0) - b.mean(axis=0)
        return off @ np.linalg.solve((np.cov(a.T) + np.cov(b.T)) / n, off)

    wanted = np.log(draw(trained, n, seed=1)).astype(float)
    found = simulate(net, runs=n, seed=2).run_answers()[0]
    assert found.shape == (n, 3)
    limit = 27.9  # of chi-square with 9 degrees at p = 0.001
    assert apart(found) < limit
    hot = tuple(replace(p, kT=(1.1 * p.kT[0], 1.1 * p.kT[1])) for p in net.schedule)
    assert apart(simulate(replace(net, schedule=hot), runs=n, seed=2).run_answers()[0]) > limit


def test_only_a_network_of_cells_is_a_netlist():
    with pytest.raises(TrainingError, match="cells = True"):
        lower_denoiser(_still("multiplicative"))


@pytest.mark.slow
def test_a_network_of_cells_learns():
    rows = np.exp(0.5 * RNG.standard_normal((600, 2)) + np.array([0.0, 1.0]))
    config = DenoisingConfig(epochs=60, hidden=16, rate=1e-2, floor=1e-6, least=0.2, most=5.0, cells=True)
    trained = train_denoiser(rows, config)
    v = trained.driven(rows)
    near, far = (np.asarray(trained(jnp.asarray(v), jnp.full(600, sigma))) - v for sigma in (0.2, 5.0))
    assert (near**2).mean() < 0.05 < (far**2).mean()  # it passes v on, and shrinks it


def test_data_and_settings_that_do_not_fit_are_named():
    with pytest.raises(TrainingError, match="kind must be one of multiplicative, additive"):
        DenoisingConfig(kind="both")
    with pytest.raises(TrainingError, match="least must be below most"):
        DenoisingConfig(least=3.0, most=1.0)
    with pytest.raises(TrainingError, match="values >= 0"):
        train_denoiser(np.array([[-0.1, 0.2]]), DenoisingConfig())
