"""What surrounds the layers of a logic-gate network in a training step.

Bits of samples net by net, class sums and cross-entropy, Gumbel noise, Adam. Layout as in
`thermo.kernels.logic.layers`; kernels check nothing.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.logic.lanes import combine, exp_below, spread_bits
from thermo.kernels.random import _threefry13

STREAM_GUMBEL = 3  # beside the streams of thermo.kernels.random
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@njit(cache=True, nogil=True)
def class_sums(values, index, gain, sums):  # type: ignore[no-untyped-def]
    """sums[c] = sum of gain[g] values[g] over the gates g of block c; sums : (classes, lanes)."""
    block = index.shape[0] // sums.shape[0]
    for c in range(sums.shape[0]):
        combine(sums, c, values, index, gain, c * block, (c + 1) * block)


@njit(cache=True, nogil=True)
def cross_entropy(sums, labels, targets, tau, delta):  # type: ignore[no-untyped-def]
    """Cross-entropy of softmax(sums / tau), and a derivative by the sums.

    labels : (batch,); targets : (batch, classes) float32, what the probabilities should be
    delta : (classes, lanes) out, of the batch's mean cross-entropy of the targets, 0 in padding lanes
    Returns (sum of losses by the labels, number right with the first of equal sums).
    """
    n, lanes = sums.shape
    batch = labels.shape[0]
    inverse = _ONE / tau
    scale = _ONE / (tau * np.float32(batch))
    loss = 0.0
    right = 0
    for l in range(lanes):
        if l >= batch:
            for c in range(n):
                delta[c, l] = _ZERO
            continue
        best = 0
        for c in range(1, n):
            if sums[c, l] > sums[best, l]:
                best = c
        right += best == labels[l]
        total = _ZERO
        for c in range(n):
            z = (sums[c, l] - sums[best, l]) * inverse
            delta[c, l] = exp_below(z)
            total += delta[c, l]
        own = (sums[labels[l], l] - sums[best, l]) * inverse
        loss += np.log(np.float64(total)) - own
        for c in range(n):
            delta[c, l] = (delta[c, l] / total - targets[l, c]) * scale
    return loss, right


@njit(cache=True, nogil=True)
def pack_lanes(x, out):  # type: ignore[no-untyped-def]
    """(nets, lanes) uint8 of 0 and 1 to (nets, lanes / 64) uint64; bit l % 64 of word l // 64."""
    for i in range(out.shape[0]):
        for w in range(out.shape[1]):
            word = np.uint64(0)
            for l in range(64):
                word |= np.uint64(x[i, 64 * w + l]) << np.uint64(l)
            out[i, w] = word


@njit(cache=True, nogil=True)
def bits_to_floats(bits, out):  # type: ignore[no-untyped-def]
    """(n, lanes / 16) uint16 to (n, lanes) float32 of 0 and 1."""
    for i in range(out.shape[0]):
        spread_bits(out, i, bits, i)


@njit(cache=True, nogil=True)
def fill_gumbel(out, size, seed, identity, step, first, logistic):  # type: ignore[no-untyped-def]
    """Noise that turns a softmax into a draw: out[i] belongs to (seed, identity, step, first + i).

    out : (n,) float32, times `size`; identity : of the array that the noise is for
    logistic : the difference of two Gumbel variables, for a choice of two by one logit
    """
    seed64 = np.uint64(seed)
    k0 = np.uint32(seed64 & np.uint64(0xFFFFFFFF))
    k1 = np.uint32(seed64 >> np.uint64(32))
    word = np.empty(4, np.uint32)
    for i in range(out.shape[0]):
        place = first + i
        if i == 0 or place % 4 == 0:
            word[0], word[1], word[2], word[3] = _threefry13(
                k0,
                k1,
                np.uint32(STREAM_GUMBEL),
                np.uint32(0),
                np.uint32(identity),
                np.uint32(0),
                np.uint32(step),
                np.uint32(place // 4),
            )
        u = (np.float64(word[place % 4]) + 0.5) * 2.0**-32
        low = -np.log(u)
        out[i] = size * (-np.log1p(-u) - low if logistic else -np.log(low))


@njit(cache=True, nogil=True)
def adam(theta, gradient, m, v, rate, decay, step, beta1, beta2, epsilon):  # type: ignore[no-untyped-def]
    """One Adam update in place (arXiv 1412.6980), after decoupled weight decay (arXiv 1711.05101).

    theta, gradient, m, v : (n,) float32; step : from 1
    """
    b1, b2 = np.float32(beta1), np.float32(beta2)
    c1 = np.float32(rate / (1.0 - beta1**step))
    c2 = np.float32(1.0 / (1.0 - beta2**step))
    keep = np.float32(1.0 - rate * decay)
    eps = np.float32(epsilon)
    for i in range(theta.shape[0]):
        g = gradient[i]
        m[i] = b1 * m[i] + (_ONE - b1) * g
        v[i] = b2 * v[i] + (_ONE - b2) * g * g
        theta[i] = keep * theta[i] - c1 * m[i] / (np.sqrt(c2 * v[i]) + eps)
