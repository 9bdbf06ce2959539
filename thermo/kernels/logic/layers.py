"""Layers of two-input logic gates, forward and backward, for a batch of samples.

Arrays are (nets, lanes): a lane is one sample, see `thermo.kernels.logic.lanes`. Values of nets are
float32 rows, or bits: (nets, lanes / 64) uint64, which the primitives read as uint16. Gate g has
the table t[g] = f(0, 0), f(0, 1), f(1, 0), f(1, 1), relaxed to numbers in [0, 1], and computes

    y = c0 + c1 a + c2 b + c3 a b,
    c0 = t00, c1 = t10 - t00, c2 = t01 - t00, c3 = t11 - t10 - t01 + t00,

of a = sum_k p_k x[wire_k] with p the softmax of the candidates' scores, and b likewise (Petersen,
Borgelt, Kuehne and Deussen, arXiv 2210.08277; learnable wires: LILogicNet, arXiv 2511.12340).

Forward in bits, the wire is the best candidate and the table is thresholded. The backward pass then
takes the derivatives of the relaxed layer with a and b as the bits that were read (straight
through; Bengio, Leonard and Courville, arXiv 1308.3432).

Kernels work on gates (or nets) lo .. hi of a layer, each row is made by one call in a fixed order,
and so results do not depend on how the work is divided. They check nothing.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.logic.lanes import combine, exp_below, lane_dot, scale_by_bit
from thermo.kernels.random import fma

# Where a layer's gate inputs come from.
WIRES_FIXED = 0  # one candidate, nothing to learn
WIRES_SPARSE = 1  # K candidates each
WIRES_DENSE = 2  # all nets below: the sums are matrix products, made by the caller

# Derivative of a thresholded table entry by its logit.
ESTIMATE_SIGMOID = 0
ESTIMATE_RESTE = 1

# Rectified straight-through estimator, Wu et al., arXiv 2308.06689: f(z) = sign(z) |z|^(1/o), slope
# (1/o) |z|^((1 - o)/o), its mean up to NEAR on |z| <= NEAR, and 0 beyond FAR. Theirs are the values
# of the two.
RESTE_NEAR = np.float32(0.1)
RESTE_FAR = np.float32(1.5)

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


@njit(cache=True, nogil=True)
def gate_tables(  # type: ignore[no-untyped-def]
    logits, noise, inverse, estimator, power, soft, inner, op, lo, hi
):
    """Relaxed and hard functions of gates lo .. hi.

    logits : (G, 4) one a table entry, or (G, 16) one a gate id; noise : same shape, or (0, 0)
    inverse : one over the temperature of (logits + noise); power : o of ESTIMATE_RESTE
    soft : (G, 4) out, relaxed table; op : (G,) out, uint8 gate ids
    inner : (G, 4 or 16) out, slope of each table entry by its logit, or probability of each gate
    """
    noisy = noise.shape[0] > 0
    n = logits.shape[1]
    z = np.empty(n, np.float32)
    for g in range(lo, hi):
        for j in range(n):
            z[j] = (logits[g, j] + noise[g, j]) * inverse if noisy else logits[g, j] * inverse
        if n == 4:
            code = 0
            for j in range(4):
                code = 2 * code + (1 if z[j] > _ZERO else 0)
                size = abs(z[j])
                if estimator == ESTIMATE_RESTE:
                    f = np.float32(size ** (_ONE / power))
                    slope = f / (power * size) if size > RESTE_NEAR else _ZERO
                    if size <= RESTE_NEAR:
                        slope = np.float32(RESTE_NEAR ** (_ONE / power)) / RESTE_NEAR
                    if size > RESTE_FAR:
                        slope = _ZERO
                    f = min(f, _ONE)
                    soft[g, j] = _HALF * (_ONE + f) if z[j] > _ZERO else _HALF * (_ONE - f)
                    inner[g, j] = _HALF * slope * inverse
                else:
                    e = exp_below(-size)
                    s = _ONE / (_ONE + e)
                    soft[g, j] = s if z[j] > _ZERO else e * s
                    inner[g, j] = e * s * s * inverse
            op[g] = code
        else:
            best = 0
            for j in range(1, n):
                if z[j] > z[best]:
                    best = j
            op[g] = best
            total = _ZERO
            top = z[best]
            for j in range(n):
                inner[g, j] = exp_below(z[j] - top)
                total += inner[g, j]
            for t in range(4):
                soft[g, t] = _ZERO
            for j in range(n):
                inner[g, j] /= total
                for t in range(4):
                    if (j >> (3 - t)) & 1:
                        soft[g, t] += inner[g, j]


@njit(cache=True, nogil=True)
def table_gradient(d_table, inner, inverse, d_logits, g):  # type: ignore[no-untyped-def]
    """Gradient by the logits of gate g from the one by its relaxed table, (4,)."""
    if inner.shape[1] == 4:
        for j in range(4):
            d_logits[g, j] = d_table[j] * inner[g, j]
        return
    mean = _ZERO
    for j in range(16):
        v = _ZERO
        for t in range(4):
            if (j >> (3 - t)) & 1:
                v += d_table[t]
        d_logits[g, j] = v
        mean += inner[g, j] * v
    for j in range(16):
        d_logits[g, j] = inner[g, j] * (d_logits[g, j] - mean) * inverse


@njit(cache=True, nogil=True)
def choose_wires(scores, noise, inverse, wires, weights, nets, lo, hi):  # type: ignore[no-untyped-def]
    """Softmax of (scores + noise) inverse over candidates, and the net of the first best one.

    scores : (G, K); noise : (G, K) or (0, 0); wires : (G, K), or (0, 0) where candidate j is net j
    weights : (G, K) out; nets : (G,) int32 out
    """
    listed = wires.shape[0] > 0
    noisy = noise.shape[0] > 0
    k = scores.shape[1]
    for g in range(lo, hi):
        for j in range(k):
            weights[g, j] = (scores[g, j] + noise[g, j]) * inverse if noisy else scores[g, j] * inverse
        best = 0
        top = weights[g, 0]
        for j in range(1, k):
            if weights[g, j] > top:
                top = weights[g, j]
                best = j
        nets[g] = wires[g, best] if listed else best
        for j in range(k):
            weights[g, j] = exp_below(weights[g, j] - top)
        total = _ZERO
        for j in range(k):
            total += weights[g, j]
        total = _ONE / total
        for j in range(k):
            weights[g, j] *= total


@njit(cache=True, nogil=True)
def softmax_gradient(weights, gradient, inverse, lo, hi):  # type: ignore[no-untyped-def]
    """In place: gradient by the scores from the one by their softmax; (G, K) each."""
    k = weights.shape[1]
    for g in range(lo, hi):
        mean = _ZERO
        for j in range(k):
            mean += weights[g, j] * gradient[g, j]
        for j in range(k):
            gradient[g, j] = weights[g, j] * (gradient[g, j] - mean) * inverse


@njit(cache=True, nogil=True)
def forward_bits(op, nets, below, out, lo, hi):  # type: ignore[no-untyped-def]
    """Hard gates lo .. hi on bits.

    op : (G,) uint8; nets : (2, G) int32; below : (n, words), out : (G, words), uint64
    """
    full = np.uint64(0xFFFFFFFFFFFFFFFF)
    none = np.uint64(0)
    for g in range(lo, hi):
        code = op[g]
        m00 = full if code & 8 else none
        m01 = full if code & 4 else none
        m10 = full if code & 2 else none
        m11 = full if code & 1 else none
        for w in range(below.shape[1]):
            a = below[nets[0, g], w]
            b = below[nets[1, g], w]
            out[g, w] = (~a & ((~b & m00) | (b & m01))) | (a & ((~b & m10) | (b & m11)))


@njit(cache=True, nogil=True)
def forward_soft(soft, weights, wires, mixed, below, inputs, out, lo, hi):  # type: ignore[no-untyped-def]
    """Relaxed gates lo .. hi.

    soft : (G, 4); weights : (2 G K,) float32; wires : (2 G K,) int32
    mixed : whether `inputs` is already filled (dense wires)
    below : (n, lanes) float32 or (n, lanes / 16) uint16; inputs : (2 G, lanes) out, a then b
    out : (G, lanes)
    """
    n_gates = soft.shape[0]
    k = wires.shape[0] // (2 * n_gates)
    for g in range(lo, hi):
        if not mixed:
            for row in (g, n_gates + g):
                combine(inputs, row, below, wires, weights, row * k, (row + 1) * k)
        c0 = soft[g, 0]
        c1 = soft[g, 2] - c0
        c2 = soft[g, 1] - c0
        c3 = soft[g, 3] - soft[g, 2] - c2
        for l in range(out.shape[1]):
            a = inputs[g, l]
            out[g, l] = fma(fma(c3, a, c2), inputs[n_gates + g, l], fma(c1, a, c0))


@njit(cache=True, nogil=True)
def _input_gradient(inputs, row, wires, below, d_scores, side, g, k):  # type: ignore[no-untyped-def]
    """Gradient by the weights of the candidates of one gate input."""
    first = (side * d_scores.shape[1] + g) * k
    for j in range(k):
        d_scores[side, g, j] = lane_dot(below, np.int64(wires[first + j]), inputs, row)


@njit(cache=True, nogil=True)
def backward_gates(  # type: ignore[no-untyped-def]
    hard,
    dy,
    dy_row,
    gain,
    soft,
    inner,
    inverse,
    wiring,
    wires,
    weights,
    nets,
    below_bits,
    below,
    inputs,
    keep,
    d_logits,
    d_scores,
    lo,
    hi,
):
    """Gradients of gates lo .. hi by their logits, their wires' scores and the nets they read.

    hard : the forward pass was in bits, and below_bits (n, lanes / 16) uint16 is read at
        nets (2, G); else `inputs` holds a and b, as forward_soft left it
    dy : rows of the loss's derivative by the outputs; gate g has gain[g] dy[dy_row[g]]
    below : what the candidates are: bits, or floats (n, lanes)
    inputs : (2 G, lanes) out, derivative by a and by b; without keep (2, lanes) scratch, bits only
    d_logits : (G, 4 or 16) out; d_scores : (2, G, K) out, not filled for dense or fixed wires
    """
    n_gates = soft.shape[0]
    words = dy.shape[1] // 16
    k = d_scores.shape[2]
    both = np.empty((1, words), np.uint16)
    whole = np.empty((1, words), np.uint16)
    whole[:] = np.uint16(0xFFFF)
    row_a = np.empty((1, dy.shape[1]), np.float32)
    d_table = np.empty(4, np.float32)
    for g in range(lo, hi):
        row = np.int64(dy_row[g])
        share = gain[g]
        ra = g if keep or not hard else 0
        rb = n_gates + g if keep or not hard else 1
        t00, t01, t10, t11 = soft[g, 0], soft[g, 1], soft[g, 2], soft[g, 3]
        if hard:
            a = np.int64(nets[0, g])
            b = np.int64(nets[1, g])
            for w in range(words):
                both[0, w] = below_bits[a, w] & below_bits[b, w]
            s_a = lane_dot(below_bits, a, dy, row)
            s_b = lane_dot(below_bits, b, dy, row)
            s_ab = lane_dot(both, 0, dy, row)
            low, high = (t10 - t00) * share, (t11 - t01) * share
            scale_by_bit(inputs, ra, dy, row, below_bits, b, low, high)
            low, high = (t01 - t00) * share, (t11 - t10) * share
            scale_by_bit(inputs, rb, dy, row, below_bits, a, low, high)
        else:
            c1 = (t10 - t00) * share
            c2 = (t01 - t00) * share
            c3 = (t11 - t10 - t01 + t00) * share
            s_a = lane_dot(inputs, ra, dy, row)
            s_b = lane_dot(inputs, rb, dy, row)
            for l in range(dy.shape[1]):
                row_a[0, l] = inputs[ra, l] * inputs[rb, l]
            s_ab = lane_dot(row_a, 0, dy, row)
            for l in range(dy.shape[1]):
                va = inputs[ra, l]
                inputs[ra, l] = dy[row, l] * fma(c3, inputs[rb, l], c1)
                inputs[rb, l] = dy[row, l] * fma(c3, va, c2)
        s = lane_dot(whole, 0, dy, row)
        d_table[0] = (s - s_a - s_b + s_ab) * share
        d_table[1] = (s_b - s_ab) * share
        d_table[2] = (s_a - s_ab) * share
        d_table[3] = s_ab * share
        table_gradient(d_table, inner, inverse, d_logits, g)
        if wiring == WIRES_SPARSE:
            _input_gradient(inputs, ra, wires, below, d_scores, 0, g, k)
            _input_gradient(inputs, rb, wires, below, d_scores, 1, g, k)
            softmax_gradient(weights[0], d_scores[0], inverse, g, g + 1)
            softmax_gradient(weights[1], d_scores[1], inverse, g, g + 1)


@njit(cache=True, nogil=True)
def readers(wires, n, indptr, entry):  # type: ignore[no-untyped-def]
    """Who reads each of n nets: entries indptr[i] .. indptr[i + 1] of wires are net i, in order.

    wires : (E,) int32; indptr : (n + 1,) int64 out; entry : (E,) int32 out
    """
    indptr[:] = 0
    for e in range(wires.shape[0]):
        indptr[wires[e] + 1] += 1
    for i in range(n):
        indptr[i + 1] += indptr[i]
    at = indptr[:-1].copy()
    for e in range(wires.shape[0]):
        i = wires[e]
        entry[at[i]] = e
        at[i] += 1


@njit(cache=True, nogil=True)
def gather(out, inputs, rows, entry, weights, coefficients, indptr, lo, hi):  # type: ignore[no-untyped-def]
    """out[i] = sum over the readers e of net i of weights[entry[e]] inputs[rows[e]], lo <= i < hi.

    coefficients : (E,) float32 scratch
    """
    for e in range(indptr[lo], indptr[hi]):
        coefficients[e] = weights[entry[e]]
    for i in range(lo, hi):
        combine(out, i, inputs, rows, coefficients, indptr[i], indptr[i + 1])
