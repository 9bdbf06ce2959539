"""How much a Markov chain's draws are worth: autocorrelation, effective sample size, split R-hat.

Draws are (chains, draws) of one quantity, from independent chains. Sources: Geyer, Stat. Sci. 7,
473, 1992 (initial monotone sequence); Gelman et al., "Bayesian Data Analysis", 3rd edition,
sections 11.4 and 11.5 (split R-hat, many chains); Vehtari et al., Bayesian Anal. 16, 667, 2021
(bounds on both below which a mean should not be trusted).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import ThermocError

ESS_LEAST = 100.0  # a chain: Vehtari et al. ask for this much for each of the usual four chains
R_HAT_MOST = 1.01  # Vehtari et al. 2021, section 4


class DiagnosticsError(ThermocError):
    """Draws that no diagnostic can be made of."""


@dataclass(frozen=True, slots=True)
class MeanReport:
    """A mean and whether it can be trusted.

    mean, sem : of all draws, sem = sd / sqrt(ess), NaN where ess is; n_draws : of all chains
    warning : "" or why the mean should not be trusted
    """

    mean: float
    sem: float
    ess: float
    r_hat: float
    n_draws: int
    warning: str = ""

    def text(self) -> str:
        """One line for people."""
        line = f"{self.mean:.6g}, error unknown ({self.n_draws:,} draws"
        if np.isfinite(self.ess):
            digits = 6
            if self.sem and self.mean:  # a mean far from 0 still shows where its error begins
                digits = min(17, max(6, 2 + math.ceil(math.log10(abs(self.mean) / self.sem))))
            line = f"{self.mean:.{digits}g} ± {self.sem:.2g} (ESS {self.ess:,.0f} of {self.n_draws:,}"
            line += f", R-hat {self.r_hat:.3f}"
        line += ")"
        return line if not self.warning else f"{line}: NOT RELIABLE, {self.warning}"


def autocovariance(x: Any) -> np.ndarray:
    """(chains, draws) float64: sum over t of (x_t - mean) (x_t+k - mean) / draws at lags k."""
    x = _draws(x)
    n = x.shape[1]
    centred = x - x.mean(axis=1, keepdims=True)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, size, axis=1)
    return np.fft.irfft(np.abs(spectrum) ** 2, size, axis=1)[:, :n] / n


def effective_sample_size(x: Any) -> float:
    """Independent draws that would tell the mean as well as x (chains, draws) does.

    Geyer's initial monotone sequence on the autocorrelations of all chains together, which also
    count how far the chains' means lie apart (BDA 3, eq. 11.7 and 11.8). NaN for draws that are all
    alike: these say nothing. At most draws * log10(draws) for anticorrelated chains, as in Stan.
    """
    x = _draws(x)
    chains, n = x.shape
    if n < 4 or np.ptp(x) == 0:
        return float("nan")
    covariance = autocovariance(x)
    within = float(covariance[:, 0].mean()) * n / (n - 1)
    plus = within * (n - 1) / n
    if chains > 1:
        plus += float(x.mean(axis=1).var(ddof=1))
    rho = 1.0 - (within - covariance.mean(axis=0)) / plus
    rho[0] = 1.0
    pairs = rho[: n - n % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    pairs = np.minimum.accumulate(pairs[: negative[0] if negative.size else pairs.size])
    tau = max(2.0 * float(pairs.sum()) - 1.0, 1.0 / np.log10(chains * n))
    return chains * n / tau


def autocorrelation_time(x: Any) -> float:
    """tau = 1 + 2 sum over k >= 1 of rho_k, in draws: chains * draws / effective_sample_size."""
    return float(np.size(x) / effective_sample_size(x))


def split_rhat(x: Any) -> float:
    """Potential scale reduction of the halves of each chain (BDA 3, eq. 11.4): 1 when mixed.

    NaN for fewer than 4 draws or draws all alike; infinite if each half is stuck by itself.
    """
    x = _draws(x)
    n = x.shape[1] // 2
    if n < 2 or np.ptp(x) == 0:
        return float("nan")
    halves = np.concatenate([x[:, :n], x[:, -n:]])
    within = float(halves.var(axis=1, ddof=1).mean())
    between = float(halves.mean(axis=1).var(ddof=1))
    if within == 0:
        return float("inf")
    return float(np.sqrt((n - 1) / n + between / within))


def spin_ess(means: Any) -> np.ndarray:
    """(n,) effective sample sizes of +-1 cells from the means (chains, n) of independent chains.

    Batch means with a chain a batch: chains * (variance of a draw) / (draw-to-draw variance of the
    chains' means), where a draw of a cell with mean m has the variance 1 - m^2. The estimate has
    the relative error sqrt(2 / (chains - 1)). NaN where nothing moved.
    """
    means = np.asarray(means, dtype=np.float64)
    if means.ndim != 2 or means.shape[0] < 2:
        raise DiagnosticsError(
            f"batch means need (chains, n) with at least 2 chains, got shape {means.shape}"
        )
    spread = means.var(axis=0, ddof=1)
    draw = 1.0 - means.mean(axis=0) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ess = means.shape[0] * draw / spread
    return np.where((spread > 0) & (draw > 0), ess, np.nan)


def energy_histogram(energy: Any, bins: int | Any = 50) -> tuple[np.ndarray, np.ndarray]:
    """(counts, edges) of all energies; integers up to `bins` apart get a bin each.

    Raises DiagnosticsError if there is no energy, or one that is not finite.
    """
    energy = np.asarray(energy, dtype=np.float64).ravel()
    if not energy.size or not np.isfinite(energy).all():
        raise DiagnosticsError("a histogram needs finite energies, at least one")
    if isinstance(bins, int) and (energy == np.rint(energy)).all() and np.ptp(energy) < bins:
        bins = np.arange(energy.min() - 0.5, energy.max() + 1.0)
    return np.histogram(energy, bins)


def report_mean(x: Any, *, ess_least: float | None = None) -> MeanReport:
    """The mean of draws (chains, draws), with its error, and a warning if it cannot be trusted.

    ess_least : what the effective sample size must reach; by default 100 a chain for up to four
        chains, as Vehtari et al. ask, hence 400 for more
    """
    x = _draws(x)
    least = ESS_LEAST * min(x.shape[0], 4) if ess_least is None else ess_least
    # whatever the unit and the offset: squares stay within the numbers there are, digits too
    start, exponent = x[0, 0], int(np.frexp(np.ptp(x))[1])
    x = np.ldexp(x - start, -exponent)
    ess, r_hat = effective_sample_size(x), split_rhat(x)
    sem = float(np.ldexp(x.std() / np.sqrt(ess), exponent)) if ess > 0 else float("nan")
    mean = float(start + np.ldexp(x.mean(), exponent))
    warning = ""
    if not ess >= least:
        told = f"{ess:.0f}" if np.isfinite(ess) else "unknown, as nothing moved"
        warning = f"the effective sample size is {told}, at least {least:.0f} is needed: run longer"
    elif not r_hat <= R_HAT_MOST:
        warning = f"the chains disagree (R-hat above {R_HAT_MOST}): run longer, or temper"
    return MeanReport(mean, sem, ess, r_hat, x.size, warning)


def _draws(x: Any) -> np.ndarray:
    """(chains, draws) float64; a single chain may be (draws,)."""
    x = np.atleast_2d(np.asarray(x, dtype=np.float64))
    if x.ndim != 2 or x.size == 0:
        raise DiagnosticsError(f"draws must be (chains, draws), at least one, got shape {x.shape}")
    if not np.isfinite(x).all():
        c, t = np.argwhere(~np.isfinite(x))[0]
        raise DiagnosticsError(f"draw {t} of chain {c} is {x[c, t]}; draws must be finite")
    return x
