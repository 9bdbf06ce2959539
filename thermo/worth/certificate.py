"""A certificate of samples: what they claim to be, tested on the samples alone.

Samples are states of independent chains that should follow exp(-E / kT) / Z. Each claim can fail, and one
that fails refuses the certificate. None needs to know how the samples were made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit, stdtr, stdtrit

from thermo.diagnostics import ESS_LEAST, R_HAT_MOST, effective_sample_size, spin_ess, split_rhat
from thermo.worth.bound import pairs_of
from thermo.worth.elimination import free_energy
from thermo.worth.errors import WorthError
from thermo.worth.pairs import Pairs

LEVEL = 0.99  # of intervals
KT_TOLERANCE = 1e-3  # relative: an interval that comes so near to kT holds it
FEWEST_CHAINS = 4
P_LEAST = 1e-3  # of halves that agree, and of the total variation
MOST_ENUMERATED = 16  # spins
TRIALS = 400  # of the noise floor
EXACT_WIDTH = 14  # neighbours of a spin in the elimination that gives the exact mean energy
MOST_OFF = 3.3  # standard errors of a mean: p = 0.001
MOST_PAIRS = 5000  # whose products are compared between halves


@dataclass(frozen=True, slots=True)
class Claim:
    """name : what is claimed; holds; told : the evidence in one line; value, limit : in numbers"""

    name: str
    holds: bool
    told: str
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class Certificate:
    """claims : those that could be tested; kT, kT_low, kT_high : effective, with its interval at LEVEL

    total_variation, noise_floor : None where the states cannot be enumerated
    """

    claims: tuple[Claim, ...]
    asked_kT: float
    kT: float
    kT_low: float
    kT_high: float
    ess: float
    r_hat: float
    total_variation: float | None
    noise_floor: float | None

    @property
    def granted(self) -> bool:
        return all(claim.holds for claim in self.claims)

    @property
    def refused(self) -> tuple[Claim, ...]:
        """The claims that fail."""
        return tuple(claim for claim in self.claims if not claim.holds)


def certify(model: Any, samples: Any, kT: float, *, seed: int = 0) -> Certificate:
    """Test whether samples (chains, draws, n) of +-1 follow a model at a temperature.

    effective kT : by maximum pseudo-likelihood (Besag, The Statistician 24, 179, 1975); its interval by the
        chains' scores, which are independent, whatever the correlations inside a chain
    ESS and R-hat : of the energy, and the least and worst of all spins (Vehtari et al. 2021)
    halves : means of energy, spins and products of the coupled pairs, in one half of the chains and in the
        other: the largest t statistic, corrected for their number
    mean energy : where the treewidth is at most 14, against the exact one, within 3.3 standard errors
    total variation : up to 16 spins, from all states' probabilities, against what as many independent draws
        would show

    model : as in `bound_energy`; kT : in the model's unit; seed : of the noise floor
    Raises WorthError for samples of another shape, fewer than 4 chains and a kT that is not above 0.
    """
    pairs = pairs_of(model)
    s = np.asarray(samples)
    if s.ndim != 3 or s.shape[2] != pairs.n:
        raise WorthError(f"samples must be (chains, draws, {pairs.n}), got shape {s.shape}")
    if not (np.abs(s) == 1).all():
        raise WorthError("samples must be +1 or -1: a 0/1 variable x is 2 x - 1")
    if s.shape[0] < FEWEST_CHAINS or s.shape[1] < 4:
        raise WorthError(
            f"a certificate needs {FEWEST_CHAINS} independent chains of 4 draws, got {s.shape[0]} of "
            f"{s.shape[1]}: ask for more --chains"
        )
    if not (kT > 0 and math.isfinite(kT)):
        raise WorthError(f"samples are certified at a kT above 0, got {kT:g}")
    scaled = math.ldexp(kT, -pairs.exponent)
    energy, fit = _energy(pairs, s), _temperature(pairs, s, scaled)
    claims = [_temperature_claim(fit, scaled, kT)]
    ess, r_hat, mixing = _mixing(s, energy)
    claims += [*mixing, _halves(pairs, s, energy)]
    if (exactly := _exact_mean(pairs, energy, scaled)) is not None:
        claims.append(exactly)
    variation = floor = None
    if pairs.n <= MOST_ENUMERATED:
        claim = _variation(pairs, s, energy, scaled, seed)
        variation, floor = claim.value, claim.limit
        claims.append(claim)
    unit = kT / scaled
    low, middle, high = (1.0 / b if b > 0 else math.inf for b in (fit[2], fit[1], fit[0]))
    return Certificate(
        tuple(claims), kT, unit * middle, unit * low, unit * high, ess, r_hat, variation, floor
    )


def _blocks(s: np.ndarray) -> Any:
    """Flat states (k, n) float64 in pieces of 16 MB, chain by chain: (chain, states)."""
    step = max(1, (1 << 21) // max(1, s.shape[2]))
    for c in range(s.shape[0]):
        for k in range(0, s.shape[1], step):
            yield c, s[c, k : k + step].astype(np.float64)


def _couplings(pairs: Pairs) -> sparse.csr_array:
    ends = np.concatenate([pairs.row, pairs.col]), np.concatenate([pairs.col, pairs.row])
    return sparse.csr_array((np.tile(pairs.J, 2), ends), shape=(pairs.n,) * 2)


def _energy(pairs: Pairs, s: np.ndarray) -> np.ndarray:
    """(chains, draws) energies in the scaled unit, without offset."""
    w = _couplings(pairs)
    parts: list[list[np.ndarray]] = [[] for _ in range(s.shape[0])]
    for c, states in _blocks(s):
        parts[c].append(-states @ pairs.h - 0.5 * ((w @ states.T).T * states).sum(axis=1))
    return np.array([np.concatenate(p) for p in parts])


def _temperature(pairs: Pairs, s: np.ndarray, kT: float) -> tuple[float, float, float]:
    """(low, value, high) of 1 / kT in the scaled unit; 0 or infinite where the samples bound nothing.

    The log pseudo-likelihood sum ln expit(2 b s_i f_i) is concave in b: Newton's method, from 1 / kT.
    """
    w, chains = _couplings(pairs), s.shape[0]
    b = 1.0 / kT
    for turn in range(60):
        score, bend, against = np.zeros(chains), 0.0, False
        for c, states in _blocks(s):
            a = 2.0 * states * ((w @ states.T).T + pairs.h)
            against = against or bool((a < 0).any())
            q = expit(-b * a)
            score[c] += float((a * q).sum())
            bend += float((a * a * q * (1.0 - q)).sum())
        if not against or bend == 0.0:
            return 0.0, math.inf, math.inf
        step = float(score.sum()) / bend
        if abs(step) < 1e-10 * max(abs(b), 1e-300) or turn == 59:
            break
        # a step of Newton may leave where the curve is straight: at most thrice the value
        b = min(max(b + step, b / 3 if b > 0 else 3 * b), 3 * b) if b > 0 else b + step
        if 1.0 / kT / max(b, 1e-300) > 1e12 or b * kT > 1e12:
            return 0.0, math.inf, math.inf
    spread = score - score.mean()
    error = math.sqrt(chains / (chains - 1) * float((spread**2).sum())) / bend
    half = float(stdtrit(chains - 1, 0.5 + LEVEL / 2)) * error
    return b - half, b, b + half


def _temperature_claim(fit: tuple[float, float, float], scaled: float, kT: float) -> Claim:
    low, b, high = fit
    unit, ask = kT / scaled, 1.0 / scaled
    if not math.isfinite(b):
        told = "unknown: no spin ever went against its field, so that samples do not show it"
        return Claim("effective kT", False, told, math.nan, kT)
    holds = low <= ask * (1 + KT_TOLERANCE) and high >= ask * (1 - KT_TOLERANCE)
    ends = [unit / v if v > 0 else math.inf for v in (high, low)]
    value = unit / b if b > 0 else math.inf
    told = f"{value:.4g} ({ends[0]:.4g} to {ends[1]:.4g}, {LEVEL:.0%}), asked {kT:.4g}"
    return Claim("effective kT", holds, told, value, kT)


def _mixing(s: np.ndarray, energy: np.ndarray) -> tuple[float, float, list[Claim]]:
    least = ESS_LEAST * 4
    ess, r_hat = effective_sample_size(energy), split_rhat(energy)
    means = s.mean(axis=1)
    each = spin_ess(means)
    moved = each[np.isfinite(each)]
    worst = min(ess, float(moved.min())) if moved.size else ess
    known = math.isfinite(ess)
    told = f"{ess:,.0f} of the energy" if known else "unknown: the energy never moved"
    if known and moved.size:
        told += f", {moved.min():,.0f} of the slowest spin"
    claims = [
        Claim("effective sample size", bool(worst >= least), f"{told}; at least {least:.0f}", worst, least)
    ]
    rest = _spin_rhat(s)
    top = max(r_hat, rest) if math.isfinite(r_hat) else r_hat
    text = f"{r_hat:.4f} of the energy" + (f", {rest:.4f} of the worst spin" if rest > 0 else "")
    limit = 1.0 + (R_HAT_MOST - 1.0) * (1.0 if rest <= r_hat else 5.0)
    holds = bool(r_hat <= R_HAT_MOST and rest <= 1.05)
    return worst, top, [*claims, Claim("R-hat", holds, f"{text}; at most {R_HAT_MOST} and 1.05", top, limit)]


def _spin_rhat(s: np.ndarray) -> float:
    """The largest split R-hat among the spins that moved; 0 if none did.

    Of thousands of spins the largest lies above that of one: it may be 1.05, the older limit (BDA 3).
    """
    half = s.shape[1] // 2
    first, last = s[:, :half].mean(axis=1), s[:, -half:].mean(axis=1)
    means = np.concatenate([first, last])
    within = ((1.0 - means**2) * half / (half - 1)).mean(axis=0)
    between = means.var(axis=0, ddof=1)
    moved = between > 0
    if not moved.any():
        return 0.0
    with np.errstate(divide="ignore"):
        found = np.sqrt((half - 1) / half + between[moved] / within[moved])
    return float(found.max())


def _halves(pairs: Pairs, s: np.ndarray, energy: np.ndarray) -> Claim:
    """Welch's t between every other chain, of energy, spins and products of pairs."""
    some = np.linspace(0, pairs.J.size - 1, min(pairs.J.size, MOST_PAIRS)).astype(np.int64)
    products = np.array([(c[:, pairs.row[some]] * c[:, pairs.col[some]]).mean(axis=0) for c in s])
    means = np.concatenate([energy.mean(axis=1)[:, None], s.mean(axis=1), products], axis=1)
    a, b = means[::2], means[1::2]
    error2 = a.var(axis=0, ddof=1) / len(a) + b.var(axis=0, ddof=1) / len(b)
    apart = np.abs(a.mean(axis=0) - b.mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(apart == 0, 0.0, apart / np.sqrt(error2))
    largest, count = float(statistic.max()), int((error2 > 0).sum() or 1)
    p = min(1.0, count * 2.0 * float(stdtr(min(len(a), len(b)) - 1, -largest)))
    told = (
        f"largest of {count:,} differences {largest:.2f} standard errors, p = {p:.2g}; at least {P_LEAST:g}"
    )
    return Claim("independent halves agree", p >= P_LEAST, told, p, P_LEAST)


def _exact_mean(pairs: Pairs, energy: np.ndarray, kT: float) -> Claim | None:
    """The mean energy against -T^2 d(F / T) / dT by elimination; None where the graph is too wide."""
    step = 1e-3
    some = [free_energy(pairs, kT * (1.0 + k * step), EXACT_WIDTH) for k in (-1, 1)]
    if some[0] is None or some[1] is None or energy.std() == 0:
        return None
    low, high = some[0] / (1.0 - step), some[1] / (1.0 + step)
    mean = -(high - low) / (2 * step)
    error = float(energy.std() / np.sqrt(effective_sample_size(energy)))
    off = abs(float(energy.mean()) - mean) / error
    unit = 2.0**pairs.exponent
    told = (
        f"{energy.mean() * unit + pairs.offset:.6g} ± {error * unit:.2g}, exactly "
        f"{mean * unit + pairs.offset:.6g}: "
        f"{off:.2f} standard errors, at most {MOST_OFF}"
    )
    return Claim("mean energy", off <= MOST_OFF, told, off, MOST_OFF)


def _variation(pairs: Pairs, s: np.ndarray, energy: np.ndarray, kT: float, seed: int) -> Claim:
    """Draws so far apart that none tells of the next, against draws of the exact law."""
    n = pairs.n
    number = np.arange(1 << n)
    all_states = 1.0 - 2.0 * ((number[:, None] >> np.arange(n)) & 1)
    exact = -all_states @ pairs.h - (all_states[:, pairs.row] * all_states[:, pairs.col]) @ pairs.J
    law = np.exp(-(exact - exact.min()) / kT)
    law /= law.sum()
    times = [energy.size / v for v in (effective_sample_size(energy), *spin_ess(s.mean(axis=1))) if v > 0]
    gap = min(s.shape[1], max(1, math.ceil(2.0 * max(times, default=1.0))))
    thin = s[:, gap - 1 :: gap]
    index = ((thin < 0).astype(np.int64) @ (1 << np.arange(n))).ravel()
    seen = np.bincount(index, minlength=1 << n) / index.size
    found = 0.5 * float(np.abs(seen - law).sum())
    draws = np.random.default_rng(seed).multinomial(index.size, law, size=TRIALS) / index.size
    floor = 0.5 * np.abs(draws - law).sum(axis=1)
    limit = float(floor.mean() + 3.3 * floor.std())
    told = (
        f"{found:.4f} of {index.size:,} draws {gap} looks apart; {floor.mean():.4f} of as many independent, "
        f"at most {limit:.4f}"
    )
    return Claim("total variation", found <= limit, told, found, limit)
