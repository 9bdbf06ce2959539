"""Certificates: true samples pass, each fault fails the claim that is made for it."""

import itertools

import numpy as np
import pytest
from scipy.special import expit

from thermo.worth.certificate import certify
from thermo.worth.errors import WorthError
from thermo.worth.pairs import Pairs

N, KT = 8, 1.3
RNG = np.random.default_rng(21)
ROW, COL = np.triu_indices(N, 1)
J, H = RNG.normal(size=ROW.size) * 0.4, RNG.normal(size=N) * 0.3
PAIRS = Pairs.of(H, ROW, COL, J)
STATES = np.array(list(itertools.product([1, -1], repeat=N)), dtype=np.int8)


def exact_samples(kT, chains=32, draws=400, seed=5):
    """Independent draws of the exact law."""
    energy = -STATES @ H - (STATES[:, ROW] * STATES[:, COL]) @ J
    law = np.exp(-(energy - energy.min()) / kT)
    rng = np.random.default_rng(seed)
    return STATES[rng.choice(len(STATES), (chains, draws), p=law / law.sum())]


def failing(samples, kT=KT):
    return {claim.name for claim in certify(PAIRS, samples, kT).refused}


def test_samples_of_the_law_are_certified():
    told = certify(PAIRS, exact_samples(KT), KT)
    assert told.granted, told.refused
    assert told.kT_low < KT < told.kT_high
    # 12,800 draws of 8 spins: about 1e5 conditional draws, each of which tells 1 / kT to about 2 / |f|
    assert told.kT_high - told.kT_low < 0.1 * KT
    assert told.total_variation <= told.noise_floor
    assert len(told.claims) == 6


def test_the_interval_of_kT_holds_it_as_often_as_it_says():
    """99 %: of 60 sets, 4 or more outside has the probability 0.003; a twin at half the width fails."""
    told = [certify(PAIRS, exact_samples(KT, 12, 60, seed), KT) for seed in range(60)]
    assert sum(not t.kT_low < KT < t.kT_high for t in told) < 4
    half = [(t.kT + (t.kT_low - t.kT) / 3, t.kT + (t.kT_high - t.kT) / 3) for t in told]
    assert sum(not low < KT < high for low, high in half) >= 4


def test_samples_of_another_temperature_are_refused():
    told = certify(PAIRS, exact_samples(1.1 * KT), KT)
    assert {claim.name for claim in told.refused} == {"effective kT", "mean energy", "total variation"}
    assert told.kT_low < 1.1 * KT < told.kT_high


def test_a_unit_of_1e_minus_200_changes_nothing():
    small = Pairs.of(H * 1e-200, ROW, COL, J * 1e-200)
    told, plain = (certify(p, exact_samples(KT), k) for p, k in ((small, KT * 1e-200), (PAIRS, KT)))
    assert told.granted
    assert told.kT == pytest.approx(plain.kT * 1e-200, rel=1e-9)


def test_chains_that_never_meet_are_refused():
    """Two modes of a ferromagnet, each chain in one: every conditional law is right all the same."""
    n = 24
    row, col = np.triu_indices(n, 1)
    model = Pairs.of(np.zeros(n), row, col, np.full(row.size, 3.0 / n))
    rng = np.random.default_rng(3)
    s = np.where(np.arange(16) % 4 < 2, 1, -1)[:, None] * np.ones((16, n))
    kept = []
    for _ in range(300):
        for i in range(n):
            field = (s.sum(axis=1) - s[:, i]) * 3.0 / n
            s[:, i] = np.where(rng.random(16) < expit(2 * field), 1, -1)
        kept.append(s.copy())
    told = certify(model, np.stack(kept, axis=1), 1.0)
    assert told.kT_low < 1.0 < told.kT_high
    assert {"R-hat", "effective sample size"} <= {claim.name for claim in told.refused}


def test_halves_that_differ_are_refused():
    samples = exact_samples(KT)
    samples[::2] = exact_samples(2 * KT, 16, seed=9)
    assert "independent halves agree" in failing(samples)


def test_a_law_that_is_right_but_for_one_state_is_refused():
    """Every pair of spins is nearly right; only the histogram of states tells."""
    samples = exact_samples(KT)
    flat = samples.reshape(-1, N)
    rng = np.random.default_rng(2)
    swap = rng.random(len(flat)) < 0.03
    flat[swap] = 1
    assert "total variation" in failing(samples)


def test_frozen_samples_tell_no_temperature():
    samples = np.ones((8, 50, 6), np.int8)
    ring = Pairs.of(np.zeros(6), np.arange(6), (np.arange(6) + 1) % 6, np.ones(6))
    told = certify(ring, samples, 1.0)
    assert not told.granted
    assert told.refused[0].name == "effective kT"
    assert "against its field" in told.refused[0].told


def test_what_is_no_set_of_samples():
    with pytest.raises(WorthError, match="4 independent chains"):
        certify(PAIRS, exact_samples(KT, chains=2), KT)
    with pytest.raises(WorthError, match="must be"):
        certify(PAIRS, exact_samples(KT)[..., :3], KT)
    with pytest.raises(WorthError, match="2 x - 1"):
        certify(PAIRS, (exact_samples(KT) + 1) // 2, KT)
    with pytest.raises(WorthError, match="above 0"):
        certify(PAIRS, exact_samples(KT), 0.0)
