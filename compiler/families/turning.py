"""Where a model's spins begin to freeze, by a short trial."""

from __future__ import annotations

import math

import numpy as np

SHARE = 0.075  # of updates turn a spin against or along a field: below it little is left to settle
STEP = 0.9
SWEEPS = 12  # at each temperature, a third of which count for nothing
MOST_PAIRS, MOST_DEGREE = 1 << 17, 64
ALIKE = 8.0  # sizes of coefficients, the largest over the least


def freezing(h: np.ndarray, row: np.ndarray, col: np.ndarray, J: np.ndarray, hot: float) -> float:
    """Temperature of at most `hot` at which a share SHARE of updates turn a spin, as it cools from there.

    h : (n,); row, col, J : (m,) pairs, each once. Turns of spins without a local field, which cost nothing,
    do not count. Runs on random graphs and on planar ones laid over each other, of 800 to 5,000 nodes,
    gained nothing from time above it.

    `hot` itself where the model is too large or too dense to try, or where coefficients are of many
    sizes and freeze one after the other. From a start of its own: a function of the model alone.
    """
    n = h.size
    if 2 * J.size > MOST_DEGREE * n or J.size > MOST_PAIRS or not J.any():
        return hot
    sizes = np.abs(np.concatenate([h, J]))
    sizes = sizes[sizes > 0]
    if sizes.max() > ALIKE * sizes.min():
        return hot
    ends = np.concatenate([row, col])
    order = np.argsort(ends, kind="stable")
    other, weight = np.concatenate([col, row])[order], np.concatenate([J, J])[order]
    degree = np.bincount(ends, minlength=n)
    some = np.flatnonzero(degree)
    first = (np.cumsum(degree) - degree)[some]
    rng = np.random.default_rng(0)
    s = rng.choice([-1.0, 1.0], n)
    rounds = math.ceil(SWEEPS * (1.0 + degree.mean()))
    kT, before = hot, (hot, 1.0)
    brink = 1e-9 * float(sizes.max())
    while kT > STEP**40 * hot:
        turned = tried = 0
        for k in range(rounds):
            # those with a number above all neighbours' do not see each other and move together
            number = rng.random(n)
            on = np.ones(n, bool)
            on[some] = number[some] > np.maximum.reduceat(number[other], first)
            field = h.copy()
            field[some] += np.add.reduceat(weight * s[other], first)
            up = rng.random(n) < 1.0 / (1.0 + np.exp(np.clip(-2.0 * field / kT, -700.0, 700.0)))
            new = np.where(on, np.where(up, 1.0, -1.0), s)
            if 3 * k >= rounds:
                turned += int(((new != s) & (np.abs(field) > brink)).sum())
                tried += int(on.sum())
            s = new
        share = turned / max(1, tried)
        if share < SHARE:
            if before[1] <= share or kT == hot:
                return kT
            between = (before[1] - SHARE) / (before[1] - share)
            return float(before[0] * (kT / before[0]) ** between)
        kT, before = kT * STEP, (kT, share)
    return hot
