"""Oracles of the p-bit simulators: a NumPy twin, enumeration, Kaufman's torus, the law of TV."""

from __future__ import annotations

import numpy as np
from scipy import special

from thermo.kernels.random import threefry4x32_numpy
from thermo.kernels.spins.rows import STREAM_SPINS
from thermo.simulate.spins.system import SpinSystem


def random_pairs(n: int, share: float, seed: int, *, whole: bool = False):
    """h, row, col, J of a random model, skewed by its fields."""
    rng = np.random.default_rng(seed)
    row, col = np.triu_indices(n, 1)
    some = rng.random(row.size) < share
    row, col = row[some], col[some]
    if whole:
        return (rng.integers(-1, 3, n).astype(float), row, col, rng.choice([-1.0, 1.0, 2.0], row.size))
    return rng.normal(0.3, 0.4, n), row, col, rng.normal(0.1, 0.6, row.size)


def lattice_pairs(rows: int, cols: int):
    """row, col of the nearest neighbours on a torus."""
    site = np.arange(rows * cols).reshape(rows, cols)
    right, down = np.roll(site, -1, 1).ravel(), np.roll(site, -1, 0).ravel()
    return np.tile(site.ravel(), 2), np.concatenate([right, down])


def uniform(system: SpinSystem, seed: int, chains: np.ndarray, sweep: int) -> np.ndarray:
    """(chains, n) float64 random numbers of one sweep, by cell."""
    layout = system.layout
    block = layout.place[None, :] // 4
    lo = np.broadcast_to(chains[:, None] & 0xFFFFFFFF, (chains.size, layout.n)).astype(np.uint64)
    hi = np.broadcast_to(chains[:, None] >> 32, lo.shape).astype(np.uint64)
    counter = (lo, hi, np.full(lo.shape, sweep, np.uint64), np.broadcast_to(block, lo.shape))
    key = (seed & 0xFFFFFFFF, seed >> 32, STREAM_SPINS, 0)
    words = np.stack(threefry4x32_numpy(key, counter))
    rows = np.take_along_axis(words, np.broadcast_to(layout.place % 4, (1, *lo.shape)), 0)[0]
    out = np.empty(lo.shape)
    out[:, layout.order] = (rows.astype(np.float64) + 0.5) * 2.0**-32
    return out


def twin_sweep(system, states, kT, seed, sweep, first_chain=0, fields=None, scale=1.0):
    """One sweep in float64, colour by colour; and how close each choice was, (chains, n)."""
    s = np.array(states, dtype=np.float64)
    n = system.n
    w = np.zeros((n, n))
    w[system.driven, system.driving] += system.weights
    if system.symmetric:
        w[system.driving, system.driven] += system.weights
    h = system.h if fields is None else fields
    u = uniform(system, seed, first_chain + np.arange(s.shape[0]), sweep)
    margin = np.ones(s.shape)
    for c in range(system.layout.colours.max(initial=0) + 1):
        mine = (system.layout.colours == c) & ~system.frozen
        z = (2 / kT * (h + scale * (s @ w.T)))[:, mine]
        against = special.expit(-np.abs(z))
        margin[:, mine] = np.abs(u[:, mine] - against)
        s[:, mine] = np.where((u[:, mine] < against) ^ (z >= 0), 1.0, -1.0)
    return s.astype(np.int8), margin


def all_states(n: int) -> np.ndarray:
    """(2^n, n) int8; bit i of the row's number is cell i."""
    return (2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1).astype(np.int8)


def exact_law(system: SpinSystem, kT: float) -> np.ndarray:
    """(2^n,) Boltzmann probabilities."""
    energy = system.energy(all_states(system.n))
    p = np.exp(-(energy - energy.min()) / kT)
    return p / p.sum()


def shares(states: np.ndarray) -> np.ndarray:
    """(2^n,) how often each state occurs in states (k, n)."""
    code = ((states > 0) << np.arange(states.shape[1])).sum(axis=1)
    return np.bincount(code, minlength=2 ** states.shape[1]) / states.shape[0]


def total_variation(p: np.ndarray, states: np.ndarray) -> float:
    return float(np.abs(p - shares(states)).sum() / 2)


def tv_law(p: np.ndarray, n: int, alpha: float) -> tuple[float, float]:
    """Mean total variation of n independent draws from p, and how far it strays at level alpha.

    The mean by de Moivre's E|X - n p| = 2 m C(n, m) p^m q^(n - m + 1), m = floor(n p) + 1. One draw
    changes the distance by at most 1 / n, so that it strays by t with probability at most
    2 exp(-2 n t^2) (McDiarmid).
    """
    m = np.floor(n * p) + 1
    q = np.maximum(1 - p, 1e-300)
    log = special.gammaln(n + 1) - special.gammaln(m + 1) - special.gammaln(n - m + 1)
    spread = 2 * m * np.exp(log + m * np.log(np.maximum(p, 1e-300)) + (n - m + 1) * np.log(q))
    return float(spread.sum() / (2 * n)), float(np.sqrt(np.log(2 / alpha) / (2 * n)))


def kaufman_log_z(rows: int, cols: int, K: float) -> float:
    """ln Z of the ferromagnetic Ising model on a rows x cols torus, K = J / kT.

    Kaufman, Phys. Rev. 76, 1232 (1949), eq. 40 (as in Ferdinand and Fisher, Phys. Rev. 185, 832):
    four products over cosh g_k = cosh 2K coth 2K - cos(pi k / cols), g_0 = 2K + ln tanh K.
    """
    k = np.arange(2 * cols)
    c = np.cosh(2 * K) / np.tanh(2 * K) - np.cos(np.pi * k / cols)
    g = np.arccosh(np.maximum(c, 1.0))
    g[0] = 2 * K + np.log(np.tanh(K))
    half = rows * g / 2

    def product(which: np.ndarray, sign: int) -> tuple[float, float]:
        """Logarithm and sign of prod 2 cosh (sign +1) or prod 2 sinh (sign -1)."""
        x = half[which]
        size = np.abs(x) + np.log1p(sign * np.exp(-2 * np.abs(x)))
        return float(size.sum()), float(np.prod(np.sign(x))) if sign < 0 else 1.0

    odd, even = k[1::2], k[::2]
    terms = [product(odd, 1), product(odd, -1), product(even, 1), product(even, -1)]
    top = max(t for t, _ in terms)
    total = sum(s * np.exp(t - top) for t, s in terms)
    return rows * cols / 2 * np.log(2 * np.sinh(2 * K)) + top + np.log(total) - np.log(2)


def kaufman_energy(rows: int, cols: int, kT: float) -> float:
    """Energy per spin of the torus, J = 1: -d ln Z / dK / N, by central differences."""
    K, step = 1 / kT, 1e-5
    up, down = (kaufman_log_z(rows, cols, K + s) for s in (step, -step))
    return -(up - down) / (2 * step) / (rows * cols)
