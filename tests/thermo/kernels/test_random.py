"""The counter-based normals: published vectors, distribution, independence, identity."""

import platform

import numpy as np
import pytest
from numba import njit
from scipy import stats

from thermo.kernels import random as rnd

# Two-sided level of every statistical check in this file; seeds are fixed.
Z = stats.norm.isf(1e-6 / 2)
ZERO, ONES = (0, 0, 0, 0), (0xFFFFFFFF,) * 4
PI_COUNTER = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
PI_KEY = (0xA4093822, 0x299F31D0, 0x082EFA98, 0xEC4E6C89)

# Random123 1.14, tests/kat_vectors, lines "threefry4x32 13" and "threefry4x32 20".
KNOWN = [
    (13, ZERO, ZERO, (0x531C7E4F, 0x39491EE5, 0x2C855A92, 0x3D6ABF9A)),
    (13, ONES, ONES, (0xC4189358, 0x1C9CC83A, 0xD5881C67, 0x6A0A89E0)),
    (13, PI_COUNTER, PI_KEY, (0x4AA71D8F, 0x734738C2, 0x431FC6A8, 0xAE6DEBF1)),
    (20, ZERO, ZERO, (0x9C6CA96A, 0xE17EAE66, 0xFC10ECD4, 0x5256A7D8)),
    (20, ONES, ONES, (0x2A881696, 0x57012287, 0xF6C7446E, 0xA16A6732)),
    (20, PI_COUNTER, PI_KEY, (0x59CD1DBB, 0xB8879579, 0x86B5D00C, 0xAC8B6D84)),
]


@njit
def _kernel_words(key, counter):
    return rnd._threefry13(key[0], key[1], key[2], key[3], counter[0], counter[1], counter[2], counter[3])


def normals(n_cells, tile, seed=1, traj0=0, step=0, stream=rnd.STREAM_NOISE):
    out = np.full((n_cells, tile), np.nan, np.float32)
    rnd.fill_normals(out, np.uint64(seed), np.uint64(traj0), step, stream)
    return out


@pytest.mark.parametrize(("rounds", "counter", "key", "expected"), KNOWN)
def test_published_vectors(rounds, counter, key, expected):
    words = rnd.threefry4x32_numpy(key, tuple(np.array([c]) for c in counter), rounds)
    assert tuple(int(w[0]) for w in words) == expected
    if rounds == rnd.ROUNDS:
        got = _kernel_words(np.array(key, np.uint32), np.array(counter, np.uint32))
        assert tuple(int(w) for w in got) == expected


@pytest.mark.parametrize("traj0", [0, 12345, 2**32 - 20, 2**63 + 7])
@pytest.mark.parametrize("seed", [0, 2**64 - 3])
def test_kernel_equals_numpy_twin(seed, traj0):
    got = normals(40, 48, seed=seed, traj0=traj0, step=2**32 - 1, stream=3)
    ids = np.uint64(traj0) + np.arange(48, dtype=np.uint64)
    want = rnd.normals_numpy(seed, ids, 2**32 - 1, 40, stream=3)
    # the pair's radius r obeys r dr = du / u with du = 2^-25; all else is a few units of rounding
    radius = np.hypot(want[0::2], want[1::2]).repeat(2, axis=0)
    assert np.all(np.abs(got - want) <= 2.0**-22 * (radius + 1 / radius))


def test_bits_do_not_depend_on_the_split():
    whole = normals(13, 67, traj0=2**32 - 30, step=5)
    parts = [
        normals(13, b - a, traj0=2**32 - 30 + a, step=5) for a, b in ((0, 1), (1, 18), (18, 50), (50, 67))
    ]
    assert np.array_equal(whole, np.hstack(parts))
    for n in (1, 2, 3, 4, 7):
        assert np.array_equal(normals(n, 67, traj0=2**32 - 30, step=5), whole[:n])


def test_single_trajectory_form_gives_the_same_bits():
    whole = normals(64, 16, seed=9, traj0=100, step=7)
    out = np.empty(40, np.float32)
    rnd.fill_normals_cells(out, np.uint64(9), np.uint64(103), 7, 24)
    assert np.array_equal(out, whole[24:, 3])


def moment_z(x):
    """z-scores of the first four moments, for independent standard normals."""
    n = x.size
    x = x.astype(np.float64).ravel()
    variances = (1, 2, 15, 96)  # of x, x^2, x^3, x^4
    return [
        (np.mean(x**k) - m) / np.sqrt(v / n)
        for k, m, v in zip((1, 2, 3, 4), (0, 1, 0, 3), variances, strict=True)
    ]


def tail_p(x, at=4.0):
    """p-value of the number of values beyond +-at, two-sided."""
    count = int(np.sum(np.abs(x) > at))
    return stats.binomtest(count, x.size, 2 * stats.norm.sf(at)).pvalue


@pytest.fixture(scope="module")
def sample():
    return np.stack([normals(256, 512, seed=11, step=s) for s in range(32)])


def test_moments_tail_and_distribution(sample):
    assert np.max(np.abs(moment_z(sample))) < Z
    assert tail_p(sample) > 1e-6
    assert stats.kstest(sample[:8].ravel(), "norm").pvalue > 1e-6
    phases = np.arctan2(sample[:, 1::2], sample[:, 0::2])[:8].ravel() / (2 * np.pi) + 0.5
    assert stats.kstest(phases, "uniform").pvalue > 1e-6


def test_broken_distributions_fail(sample):
    assert np.max(np.abs(moment_z(1.1 * sample))) > Z
    assert np.max(np.abs(moment_z(sample + 0.01))) > Z
    uniforms = np.random.default_rng(0).random((12, 1 << 20))
    assert tail_p(uniforms.sum(axis=0) - 6) < 1e-6  # the central-limit shortcut has no tail


def correlation_z(a, b):
    """z-score of the mean product of two sets that should be independent."""
    return float(np.mean(a.astype(np.float64) * b) * np.sqrt(a.size))


def neighbours(x):
    """Pairs of numbers whose identities differ a little; x is (step, cell, trajectory)."""
    yield "next trajectory", x[:, :, 1:], x[:, :, :-1]
    yield "next tile", x[:, :, 16:], x[:, :, :-16]
    yield "next step", x[1:], x[:-1]
    yield "next block", x[:, 4:], x[:, :-4]
    for i in range(4):
        for j in range(i):
            yield f"cells {j} and {i} of a block", x[:, i::4], x[:, j::4]


def test_neighbours_are_independent(sample):
    squares = (sample.astype(np.float64) ** 2 - 1) / np.sqrt(2)
    for x in (sample, squares):
        for name, a, b in neighbours(x):
            assert abs(correlation_z(a, b)) < Z, name


def test_streams_and_seeds_are_independent(sample):
    for other in (
        normals(256, 512, seed=11, stream=rnd.STREAM_TRAINING),
        normals(256, 512, seed=12),
        normals(256, 512, seed=11 + 2**32),
    ):
        assert abs(correlation_z(sample[0], other)) < Z
        assert np.mean(sample[0] == other) < 1e-3


def test_reused_noise_is_caught(sample):
    stuck = sample.copy()
    stuck[1::2] = stuck[::2]
    assert any(abs(correlation_z(a, b)) > Z for _, a, b in neighbours(stuck))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="looks for x86 instructions")
def test_vector_code_is_emitted():
    fresh = njit(rnd.fill_block.py_func)  # one read from the cache has no listing
    rows = np.zeros((4, 16), np.float32)
    fresh(rows[0], rows[1], rows[2], rows[3], np.uint64(1), np.uint64(0), 0, 0, 0)
    assert any("sqrtps" in asm for asm in fresh.inspect_asm().values())
