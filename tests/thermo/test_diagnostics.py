"""Diagnostics against processes whose answers are known."""

import numpy as np
import pytest
from scipy import stats

from thermo.diagnostics import (
    DiagnosticsError,
    autocorrelation_time,
    autocovariance,
    effective_sample_size,
    energy_histogram,
    report_mean,
    spin_ess,
    split_rhat,
)


def autoregressive(rho, chains=8, draws=20_000, seed=0):
    """x_t = rho x_(t-1) + noise, stationary: tau = (1 + rho) / (1 - rho)."""
    noise = np.random.default_rng(seed).normal(size=(chains, draws)) * np.sqrt(1 - rho**2)
    noise[:, 0] /= np.sqrt(1 - rho**2)
    x = np.empty_like(noise)
    x[:, 0] = noise[:, 0]
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + noise[:, t]
    return x


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.5, 0.9, 0.98])
def test_autocorrelation_time_of_a_known_process(rho):
    """Relative error of tau over N draws: about sqrt(2 (2 W + 1) / N) with a window W of ~6 tau
    (Sokal 1997, eq. 3.19); four of these."""
    x = autoregressive(rho)
    tau = (1 + rho) / (1 - rho)
    error = 4 * np.sqrt(2 * (12 * max(tau, 1) + 1) / x.size)
    assert autocorrelation_time(x) == pytest.approx(tau, rel=error)
    assert effective_sample_size(x) == pytest.approx(x.size / tau, rel=error)


def test_the_error_of_the_mean_covers_it():
    """z = mean / sem over 200 repetitions is standard normal; a twin without tau is not."""
    z, naive = [], []
    for seed in range(200):
        x = autoregressive(0.8, chains=4, draws=2_000, seed=seed)
        report = report_mean(x)
        z.append(report.mean / report.sem)
        naive.append(report.mean / (x.std() / np.sqrt(x.size)))
    low, high = stats.chi2.ppf([1e-6, 1 - 1e-6], 200)
    assert low < np.square(z).sum() < high
    assert np.square(naive).sum() > high


def test_autocovariance_is_the_sum():
    x = np.random.default_rng(0).normal(size=(3, 17))
    c = x - x.mean(axis=1, keepdims=True)
    want = [[(row[: 17 - k] * row[k:]).sum() / 17 for k in range(17)] for row in c]
    np.testing.assert_allclose(autocovariance(x), want, atol=1e-12)


def test_chains_that_disagree():
    x = autoregressive(0.0, chains=4, draws=1000)
    assert split_rhat(x) == pytest.approx(1.0, abs=0.01)
    x[0] += 3
    assert split_rhat(x) > 1.3
    assert effective_sample_size(x) < 20
    drift = autoregressive(0.0, chains=1, draws=1000) + np.linspace(0, 3, 1000)
    assert split_rhat(drift) > 1.3
    stuck = np.repeat([[1.0], [2.0]], 10, axis=1)
    assert split_rhat(stuck) == np.inf


def test_draws_that_say_nothing():
    same = np.ones((2, 50))
    assert np.isnan(effective_sample_size(same))
    assert np.isnan(split_rhat(same))
    report = report_mean(same)
    assert "nothing moved" in report.warning
    assert "NOT RELIABLE" in report.text()
    assert np.isnan(report.sem)
    assert "error unknown" in report.text()
    assert "nan" not in report.text()


def test_reports_warn():
    good = report_mean(autoregressive(0.5, chains=4))
    assert good.warning == ""
    assert "NOT" not in good.text()
    short = report_mean(autoregressive(0.9, chains=4, draws=200))
    assert "effective sample size" in short.warning
    assert report_mean(autoregressive(0.9, chains=4, draws=200), ess_least=10).ess > 10
    apart = autoregressive(0.0, chains=4, draws=4000)
    apart[0] += 0.5
    assert "disagree" in report_mean(apart, ess_least=1).warning


def test_spin_ess_from_the_chains_means():
    rng = np.random.default_rng(1)
    chains, draws = 400, 250
    spins = np.where(rng.random((chains, draws, 3)) < [0.5, 0.9, 1.0], 1, -1)
    ess = spin_ess(spins.mean(axis=1))
    error = 5 * np.sqrt(2 / (chains - 1))
    assert ess[:2] == pytest.approx(chains * draws, rel=error)
    assert np.isnan(ess[2])
    slow = np.repeat(spins[:, :50], 5, axis=1)
    assert spin_ess(slow.mean(axis=1))[:2] == pytest.approx(chains * 50, rel=error)


def test_histograms():
    counts, edges = energy_histogram([[-3.0, -3.0], [0.0, 1.0]])
    assert counts.tolist() == [2, 0, 0, 1, 1]
    assert edges.tolist() == [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5]
    counts, _ = energy_histogram(np.linspace(0, 1, 100), bins=10)
    assert counts.tolist() == [10] * 10


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: effective_sample_size(np.zeros((0, 3))), "at least one"),
        (lambda: split_rhat([[1.0, np.nan]]), "draw 1 of chain 0"),
        (lambda: report_mean(np.zeros((2, 2, 2))), "must be"),
        (lambda: energy_histogram([]), "at least one"),
        (lambda: energy_histogram([np.nan]), "finite"),
        (lambda: spin_ess(np.zeros((1, 3))), "at least 2 chains"),
    ],
)
def test_bad_draws_say_so(call, message):
    with pytest.raises(DiagnosticsError, match=message):
        call()
