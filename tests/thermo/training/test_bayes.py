"""Networks drawn from their posterior, and their rivals, at equal passes."""

import numpy as np
import pytest

from hw_models.constants import thermal_energy
from hw_models.presets import DEVICES
from hw_models.weights import WEIGHT_MEMORIES
from thermo.energy.sampling import sampling_energy
from thermo.training.bayes import METHODS, BayesConfig, fit_bayes
from thermo.training.bayes.fit import Passes
from thermo.training.bayes.network import Network, potential
from thermo.training.errors import TrainingDivergedError, TrainingError

RNG = np.random.default_rng(1)
X = RNG.random((40, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 1).astype(int)


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_weights_that_data_say_nothing_of_have_the_prior_s_width_at_the_temperature(temperature):
    """Behind inputs of 0 they are Euler chains of stiffness k: variance T sd^2 / (1 - k dt / 2)."""
    rows, dt, prior, fan = 10, 0.1, 1.0, 50
    config = BayesConfig(
        method="sgld",
        epochs=240,
        batch=rows,
        hidden=20,
        prior=prior,
        step=dt,
        temperature=temperature,
        draws=20,
        seed=3,
    )
    fitted = fit_bayes(np.zeros((rows, fan)), np.zeros(rows, int), config, n_classes=2)
    first = fitted.weights[:, : 20 * fan].astype(float)
    k = fan / (rows * prior**2)
    expected = temperature * prior**2 / fan / (1 - k * dt / 2)
    # draws are 6 steps apart, correlated by (1 - k dt)^6 = 0.016: each counts as one
    error = expected * np.sqrt(2 / first.size)
    assert abs(first.var() - expected) < 4 * error
    assert abs(first.var() - expected * (1 - k * dt / 2)) > 4 * error  # twin without the step's own error
    assert abs(first.mean()) < 4 * np.sqrt(expected / first.size)


def test_the_potential_is_that_of_the_posterior():
    net = Network(6, 3, 2)
    w = np.random.default_rng(2).normal(size=net.size)
    stiffness = np.linspace(0.1, 1, net.size)
    w1, b1, w2, b2 = np.split(w, np.cumsum([18, 3, 6]))
    logits = np.tanh(X @ w1.reshape(3, 6).T + b1) @ w2.reshape(2, 3).T + b2
    own = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(40), Y]
    value, gradient = potential(net)(
        w.astype(np.float32), stiffness.astype(np.float32), X, Y.astype(np.int32)
    )
    assert float(value) == pytest.approx(own.mean() + (stiffness * w**2).sum() / 2, rel=1e-5)
    assert np.asarray(gradient)[-2:] == pytest.approx(
        (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True) - np.eye(2)[Y]).mean(axis=0)
        + stiffness[-2:] * b2,
        abs=1e-5,
    )


def test_all_methods_learn_and_see_the_rows_as_often():
    updates = {}
    for method in METHODS:
        step = 0.5 if "sgld" in method else 0.03
        config = BayesConfig(
            method=method, epochs=200, batch=10, hidden=5, prior=5, step=step, temperature=0.1
        )
        fitted = fit_bayes(X, Y, config, n_classes=2)
        p = fitted.predictions(X)
        assert np.mean(p.argmax(axis=1) == Y) > 0.85, method
        assert p.sum(axis=1) == pytest.approx(1, abs=1e-5) and fitted.share.sum() == pytest.approx(1)
        updates[method] = fitted.updates
        again = fit_bayes(X, Y, config, n_classes=2)
        assert np.array_equal(again.weights, fitted.weights)
    assert set(updates.values()) == {800}


def test_a_pass_shows_every_row_once():
    passes = Passes(X, Y, 8, seed=4)
    shown = np.concatenate([passes.rows(k)[0] for k in range(5, 10)])
    assert passes.each == 5 and np.array_equal(np.sort(shown, axis=0), np.sort(X, axis=0))
    assert not np.array_equal(shown, np.concatenate([passes.rows(k)[0] for k in range(5)]))


def test_settings_and_rows_that_do_not_fit_are_named():
    with pytest.raises(TrainingError, match="method must be one of adam"):
        BayesConfig(method="hmc")
    with pytest.raises(TrainingError, match="members must be at most the 3 passes"):
        BayesConfig(method="ensemble", epochs=3)
    with pytest.raises(TrainingError, match="do not fit each other"):
        fit_bayes(X, Y[:3], BayesConfig(), n_classes=2)
    with pytest.raises(TrainingDivergedError, match="take a smaller one"):
        fit_bayes(X, Y, BayesConfig(method="sgld", step=1e6, epochs=20, batch=10), n_classes=2)


def test_joules_of_a_machine_that_samples():
    device, memory = DEVICES.get("rc-1fF"), WEIGHT_MEMORIES.get("capacitor-10fF")
    found = sampling_energy(
        100,
        80,
        presentations=1000,
        updates=10,
        heat=50,
        rows=200,
        temperature=0.5,
        device=device,
        memory=memory,
    )
    by_name = {t.name: t.joules for t in found.terms}
    # forward and gradient of all couplings, deltas of those behind the hidden units, and the updates
    assert found.digital.macs == 1000 * (100 + 20 + 100) + 10 * 100
    assert by_name["gradient"] == found.digital.arithmetic
    assert by_name["weight_write"] == pytest.approx(1000 * memory.write.value)
    assert by_name["heat"] == pytest.approx(50 * thermal_energy(device.ambient.value))
    # the device's own units say the same: kT of the mean loss is temperature / rows
    sd = 0.3
    units = device.units(kT=0.5 / 200, mobility=1.0, j2=1 / (2 * 200 * sd**2))
    assert found.nat == pytest.approx(units.energy)
    assert found.sd == pytest.approx(units.voltage * sd * np.sqrt(0.5))
