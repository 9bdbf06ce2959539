"""Noisy Euler-Maruyama runs of a dense Langevin machine and exact gradients through them.

State arrays are (cells, lanes): a lane is one trajectory, so that SIMD runs over trajectories and
the coupling product is one matrix product per step and tile. The noise is additive, so only the
states x_k need to be kept. Kernels are generic in the float type: float32 in training, float64 in
the tests against finite differences. They check nothing; `thermo.training` does.

With h = mobility dt, f(x) = -2 J2 x - 3 J3 x^2 - 4 J4 x^3 + c + J x, c = bias + w_in u:

    x_{k+1} = x_k + h f(x_k) + sqrt(2 h kT) z_k,   k = 0 .. K-1
    loss    = mean over lanes of  L(x_K) + gamma Q

Q is V(x_0) - V(x_K) where a potential exists (HEAT_ENERGY), else the Stratonovich sum
1/2 sum (f_k + f_{k+1}) . (x_{k+1} - x_k) (HEAT_STRATONOVICH). Let lambda_k be the derivative of the
loss by x_k with everything after it, nu_k the one by f_k. For the sum,

    nu_K     = gamma/2 (x_K - x_{K-1})
    lambda_K = L' + F_K^T nu_K + gamma/2 (f_{K-1} + f_K)
    nu_k     = h lambda_{k+1} + gamma/2 (x_{k+1} - x_{k-1})        (x_{-1} := x_0)
    lambda_k = lambda_{k+1} + F_k^T nu_k + gamma/2 (f_{k-1} - f_{k+1})

with F = df/dx, and dJ = sum_k nu_k x_k^T, dbias = sum_k nu_k, dw_in = (sum_k nu_k) u^T. For the
potential, the explicit derivative of V adds gamma/2 (x_K x_K^T - x_0 x_0^T) to dJ (a symmetric
matrix, each entry counted once in the directed gradient) and gamma (x_K - x_0) to dbias.

What a device's couplings change: thermo.kernels.langevin.circuit. Converters make levels of inputs and of
what is read. The derivative passes straight through the rounding (Bengio, Leonard and Courville, arXiv
1308.3432, section 3); all else is taken at the levels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.langevin.circuit import circuit_gradient, kick
from thermo.kernels.langevin.images import fill_inputs
from thermo.kernels.langevin.lines import read_lines
from thermo.kernels.langevin.range import range_tile, slope_tile
from thermo.kernels.random import STREAM_TRAINING, fill_normals

HEAT_ENERGY = 0
HEAT_STRATONOVICH = 1

HEAD_CLASSES = 0
HEAD_VALUES = 1

# Cells without a quartic term have no bound of their own beyond which they never come back.
RUNAWAY = 1e4


class Machine(NamedTuple):
    """w_in (n, n_in), coupling (n, n), bias, x0 (n,); cells : (3, n) J2, J3, J4
    coupled : whether there is any coupling."""

    w_in: np.ndarray
    coupling: np.ndarray
    coupled: bool
    bias: np.ndarray
    cells: np.ndarray
    x0: np.ndarray


class Steps(NamedTuple):
    """n steps of h = mobility dt; noise : sqrt(2 h kT); heat : HEAT_ENERGY or HEAT_STRATONOVICH."""

    n: int
    h: np.floating
    noise: np.floating
    heat: int


class Loss(NamedTuple):
    """head : HEAD_CLASSES or HEAD_VALUES of scale x + offset, (n_out,); smoothing : of labels
    weight : 1 / batch; gamma : price of heat."""

    head: int
    scale: np.ndarray
    offset: np.ndarray
    smoothing: float
    weight: np.floating
    gamma: np.floating


@njit(cache=True, nogil=True)
def runaway_cell(x, cells, h):  # type: ignore[no-untyped-def]
    """The first cell with a lane that will not come back, or -1.

    Under the quartic force alone x -> x (1 - 4 h J4 x^2) grows where x^2 > 1 / (2 h J4).
    """
    for i in range(x.shape[0]):
        bound = RUNAWAY
        if cells[2, i] > 0:
            bound = min(bound, np.sqrt(1.0 / (2.0 * h * cells[2, i])))
        for l in range(x.shape[1]):
            if not (abs(x[i, l]) <= bound):  # NaN too
                return i
    return -1


@njit(cache=True, nogil=True)
def energy_drop(c, coupling, coupled, cells, x0, x, force):  # type: ignore[no-untyped-def]
    """V(x_0) - V(x) per lane, (lanes,) float64.

    c, x, force : (n, lanes), force is the one at x; x0 : (n,)
    With s(x) = 2 J2 x + 3 J3 x^2 + 4 J4 x^3 the coupling force is J x = force + s(x) - c, so that
    V = sum_i U_i(x_i) - c_i x_i - 1/2 x_i (J x)_i needs no second matrix product.
    """
    n, lanes = x.shape
    real = x.dtype.type
    drop = np.zeros(lanes, np.float64)
    half = real(0.5)
    push = np.zeros(n, x.dtype)
    if coupled:
        push = np.dot(coupling, x0)
    for i in range(n):
        # U - 1/2 x s = -1/2 J3 x^3 - J4 x^4, and the rest is -1/2 x (c + force)
        b3 = real(-0.5) * cells[1, i]
        b4 = -cells[2, i]
        for l in range(lanes):
            v = x[i, l]
            drop[l] -= v * v * v * (b3 + b4 * v) - half * v * (c[i, l] + force[i, l])
        v0 = x0[i]
        if v0 != 0:
            own = v0 * v0 * (cells[0, i] + v0 * (cells[1, i] + v0 * cells[2, i]))
            for l in range(lanes):
                drop[l] += own - v0 * (c[i, l] + half * push[i])
    return drop


@njit(cache=True, nogil=True)
def forward_tile(c, machine, circuit, steps, seed, trajectory, xs, fs, shown, zs):  # type: ignore[no-untyped-def]
    """Run one tile from x0; xs and fs hold all n + 1 states and forces, or the last two.

    c : (n, lanes) constant force; xs, fs : (steps.n + 1 or 2, n, lanes), ring buffers
    circuit : of a device, or None; shown : (steps.n + 1 or 1, n, lanes), ring buffer of what a finite
        range shows; zs : (steps.n or 1, n, lanes) float32, ring buffer of the normals
    Returns the heat, (lanes,) float64.
    """
    n, lanes = c.shape
    coupling, coupled, cells, x0 = machine.coupling, machine.coupled, machine.cells, machine.x0
    n_steps, h, noise, heat_mode = steps.n, steps.h, steps.noise, steps.heat
    real = c.dtype.type
    slots = xs.shape[0]
    force_slots = fs.shape[0]
    heat = np.zeros(lanes, np.float64)
    room = np.empty((2, n, lanes), c.dtype)
    for i in range(n):
        for l in range(lanes):
            xs[0, i, l] = x0[i]
    for k in range(n_steps + 1):
        x = xs[k % slots]
        f = fs[k % force_slots]
        if coupled:
            seen = x
            if circuit is not None and circuit.ranged:
                seen = shown[k % shown.shape[0]]
                range_tile(x, circuit.reach, seen)
            np.dot(coupling, seen, f)
        for i in range(n):
            a1 = real(-2) * cells[0, i]
            a2 = real(-3) * cells[1, i]
            a3 = real(-4) * cells[2, i]
            if coupled:
                for l in range(lanes):
                    v = x[i, l]
                    f[i, l] += c[i, l] + v * (a1 + v * (a2 + v * a3))
            else:
                for l in range(lanes):
                    v = x[i, l]
                    f[i, l] = c[i, l] + v * (a1 + v * (a2 + v * a3))
        if k > 0 and heat_mode == HEAT_STRATONOVICH:
            before = xs[(k - 1) % slots]
            g = fs[(k - 1) % force_slots]
            half = real(0.5)
            for i in range(n):
                for l in range(lanes):
                    heat[l] += half * (g[i, l] + f[i, l]) * (x[i, l] - before[i, l])
        if k < n_steps:
            after = xs[(k + 1) % slots]
            z = zs[k % zs.shape[0]]
            if noise > 0:
                fill_normals(z, seed, trajectory, k, STREAM_TRAINING)
            if circuit is None and noise > 0:
                for i in range(n):
                    for l in range(lanes):
                        after[i, l] = x[i, l] + h * f[i, l] + noise * real(z[i, l])
            else:
                for i in range(n):
                    for l in range(lanes):
                        after[i, l] = x[i, l] + h * f[i, l]
                if circuit is not None and noise > 0:
                    kick(circuit, noise, z, room, after)
    if heat_mode == HEAT_ENERGY:
        return energy_drop(c, coupling, coupled, cells, x0, xs[n_steps % slots], fs[n_steps % force_slots])
    return heat


@njit(cache=True, nogil=True)
def head_gradient(x_out, loss, label, target, out, gs, go):  # type: ignore[no-untyped-def]
    """Loss and derivative by the outputs: cross-entropy of softmax(scale x), or squared error.

    x_out, out : (n_out, lanes); label : (lanes,); target : (lanes, n_out) (HEAD_VALUES only)
    gs, go : (n_out,) derivatives by scale and offset, written
    Returns (sum of losses, number of right answers).
    """
    scale, offset, smoothing, weight = loss.scale, loss.offset, loss.smoothing, loss.weight
    n_out, lanes = x_out.shape
    real = x_out.dtype.type
    total_loss = 0.0
    right = 0
    gs[:] = real(0)
    go[:] = real(0)
    p = np.empty(n_out, np.float64)
    for l in range(lanes):
        if loss.head == HEAD_CLASSES:
            top = -np.inf
            best = 0
            for o in range(n_out):
                p[o] = scale[o] * x_out[o, l] + offset[o]
                if p[o] > top:
                    top = p[o]
                    best = o
            total = 0.0
            for o in range(n_out):
                total += np.exp(p[o] - top)
            log_total = np.log(total) + top
            right += best == label[l]
            for o in range(n_out):
                want = smoothing / n_out + (1.0 - smoothing if o == label[l] else 0.0)
                total_loss -= want * (p[o] - log_total)
                d = real(np.exp(p[o] - log_total) - want) * weight
                gs[o] += d * x_out[o, l]
                go[o] += d
                out[o, l] = d * scale[o]
        else:
            for o in range(n_out):
                error = scale[o] * x_out[o, l] + offset[o] - target[l, o]
                total_loss += 0.5 * error * error
                d = error * weight
                gs[o] += d * x_out[o, l]
                go[o] += d
                out[o, l] = d * scale[o]
    return total_loss, right


@njit(cache=True, nogil=True)
def gradient_tile(  # type: ignore[no-untyped-def]
    machine, circuit, adcs, loss, u, label, target, steps, seed, trajectory, xs, fs, gradient, by_circuit
):
    """Loss and gradient of one tile.

    u : (lanes, n_in) encoded inputs; xs, fs : see forward_tile
    gradient : (n_parameters,), order w_in, coupling, bias, scale, offset, written
    by_circuit : (2, n), derivatives by circuit.noise and by J2, and n more rows by its root where it has
        one, written; None without a circuit
    Returns (sum of losses, right answers, sum of heat, first runaway cell or -1).
    """
    coupling, coupled, cells, x0 = machine.coupling, machine.coupled, machine.cells, machine.x0
    n_steps, h, heat_mode, gamma = steps.n, steps.h, steps.heat, loss.gamma
    n, n_in = machine.w_in.shape
    n_out = loss.scale.shape[0]
    a = n * n_in
    b = a + n * n
    d = b + n + n_out
    gw, gj = gradient[:a].reshape((n, n_in)), gradient[a:b].reshape((n, n))
    gb, gs, go = gradient[b : b + n], gradient[b + n : d], gradient[d : d + n_out]
    lanes = u.shape[0]
    real = u.dtype.type
    c = np.empty((n, lanes), u.dtype)
    np.dot(machine.w_in, u.T, c)
    for i in range(n):
        for l in range(lanes):
            c[i, l] += machine.bias[i]
    ranged = False
    kept = 1
    if circuit is not None:
        kept = n_steps
        ranged = circuit.ranged
        by_circuit[:] = real(0)
    zs = np.empty((kept, n, lanes), np.float32)
    shown = np.empty((n_steps + 1 if ranged else 1, n, lanes), u.dtype)
    heat = forward_tile(c, machine, circuit, steps, seed, trajectory, xs, fs, shown, zs)
    force_slots = fs.shape[0]
    end = xs[n_steps]
    f_end = fs[n_steps % force_slots]
    lost = runaway_cell(end, cells, h)
    if lost >= 0:
        return 0.0, 0, 0.0, lost

    lam = np.zeros((n, lanes), u.dtype)
    read = end[n - n_out :]
    if adcs is not None:
        read = np.empty((n_out, lanes), u.dtype)
        read_lines(end[n - n_out :], adcs, seed, trajectory, n_steps, read)
    error, right = head_gradient(read, loss, label, target, lam[n - n_out :], gs, go)
    g = gamma * loss.weight
    half_g = real(0.5) * g
    nu = np.empty((n, lanes), u.dtype)
    total = np.zeros((n, lanes), u.dtype)
    back = np.zeros((n, lanes), u.dtype)
    part, room = np.empty((n, n), u.dtype), np.empty((2, n, lanes), u.dtype)
    gj[:] = real(0)
    resting = True
    for i in range(n):
        resting = resting and x0[i] == 0
    if heat_mode == HEAT_ENERGY:
        if gamma != 0:
            for i in range(n):
                for l in range(lanes):
                    lam[i, l] += g * f_end[i, l]
                    total[i, l] = g * (end[i, l] - x0[i])
            if coupled:
                np.dot(end, end.T, part)
                for i in range(n):
                    for j in range(n):
                        gj[i, j] = half_g * (part[i, j] - real(lanes) * x0[i] * x0[j])
            if circuit is not None:
                for i in range(n):
                    for l in range(lanes):
                        by_circuit[1, i] += g * (x0[i] * x0[i] - end[i, l] * end[i, l])
        f_steps = n_steps - 1
    else:
        f_steps = n_steps
        for i in range(n):
            for l in range(lanes):
                nu[i, l] = half_g * (end[i, l] - xs[n_steps - 1, i, l])
    for k in range(f_steps, -1, -1):
        x = xs[k]
        if k < n_steps:
            if heat_mode == HEAT_ENERGY:
                for i in range(n):
                    for l in range(lanes):
                        nu[i, l] = h * lam[i, l]
            else:
                after = xs[k + 1]
                before = xs[max(k - 1, 0)]
                for i in range(n):
                    for l in range(lanes):
                        nu[i, l] = h * lam[i, l] + half_g * (after[i, l] - before[i, l])
        for i in range(n):
            for l in range(lanes):
                total[i, l] += nu[i, l]
        if circuit is not None:
            z = zs[min(k, n_steps - 1)]
            circuit_gradient(circuit, lam, nu, x, z, k < n_steps, steps.noise, room, part, by_circuit)
        if k == 0 and resting:
            break  # x_0 = 0 adds nothing to dJ
        seen = x
        if ranged:
            seen = shown[k]
        if coupled:
            np.dot(nu, seen.T, part)
            for i in range(n):
                for j in range(n):
                    gj[i, j] += part[i, j]
            if k == 0:
                break
            np.dot(coupling.T, nu, back)
            if circuit is not None and ranged:
                slope_tile(seen, circuit.reach, back)
        for i in range(n):
            d1 = real(-2) * cells[0, i]
            d2 = real(-6) * cells[1, i]
            d3 = real(-12) * cells[2, i]
            for l in range(lanes):
                v = x[i, l]
                lam[i, l] += back[i, l] + nu[i, l] * (d1 + v * (d2 + v * d3))
        if heat_mode == HEAT_STRATONOVICH and k > 0:
            f_before = fs[k - 1]
            if k == n_steps:
                for i in range(n):
                    for l in range(lanes):
                        lam[i, l] += half_g * (f_before[i, l] + fs[k, i, l])
            else:
                for i in range(n):
                    for l in range(lanes):
                        lam[i, l] += half_g * (f_before[i, l] - fs[k + 1, i, l])
    np.dot(total, u, gw)
    for i in range(n):
        s = 0.0
        for l in range(lanes):
            s += total[i, l]
        gb[i] = real(s)
        gj[i, i] = real(0)
    q = 0.0
    for l in range(lanes):
        q += heat[l]
    return error, right, q, -1


@njit(cache=True, nogil=True)
def gradient_rows(  # type: ignore[no-untyped-def]
    machine,
    circuit,
    dacs,
    adcs,
    loss,
    batch,
    label,
    target,
    steps,
    seed,
    trajectory,
    xs,
    fs,
    u,
    gradient,
    by_circuit,
):
    """`gradient_tile` of Images, with flat scratch.

    xs, fs, u : flat scratch of at least slots * n * lanes and lanes * n_in
    """
    n, n_in = machine.w_in.shape
    lanes = batch.rows.shape[0]
    size = n * lanes
    inputs = u[: lanes * n_in].reshape((lanes, n_in))
    fill_inputs(batch, dacs, inputs, seed, trajectory)
    if circuit is not None and circuit.ranged:
        range_tile(inputs, circuit.reach, inputs)
    x = xs[: (steps.n + 1) * size].reshape((steps.n + 1, n, lanes))
    force_slots = steps.n + 1 if steps.heat == HEAT_STRATONOVICH else 2
    f = fs[: force_slots * size].reshape((force_slots, n, lanes))
    return gradient_tile(
        machine,
        circuit,
        adcs,
        loss,
        inputs,
        label,
        target,
        steps,
        seed,
        trajectory,
        x,
        f,
        gradient,
        by_circuit,
    )


@njit(cache=True, nogil=True)
def read_out(x, q, outputs, heat):  # type: ignore[no-untyped-def]
    """outputs <- last cells of x (n, lanes), a lane a row; heat <- q; (lanes,)."""
    n, lanes = x.shape
    n_out = outputs.shape[1]
    for l in range(lanes):
        heat[l] = q[l]
        for o in range(n_out):
            outputs[l, o] = x[n - n_out + o, l]


@njit(cache=True, nogil=True)
def run_rows(machine, circuit, dacs, batch, steps, seed, trajectory, outputs, heat):  # type: ignore[no-untyped-def]
    """Run Images once; outputs : (lanes, n_out), heat : (lanes,) float64, written.

    Returns the first runaway cell or -1.
    """
    n, n_in = machine.w_in.shape
    lanes = outputs.shape[0]
    u = np.empty((lanes, n_in), batch.images.dtype)
    fill_inputs(batch, dacs, u, seed, trajectory)
    if circuit is not None and circuit.ranged:
        range_tile(u, circuit.reach, u)
    c = np.empty((n, lanes), batch.images.dtype)
    np.dot(machine.w_in, u.T, c)
    for i in range(n):
        for l in range(lanes):
            c[i, l] += machine.bias[i]
    xs = np.empty((2, n, lanes), batch.images.dtype)
    fs = np.empty((2, n, lanes), batch.images.dtype)
    shown = np.empty((1, n, lanes), batch.images.dtype)
    zs = np.empty((1, n, lanes), np.float32)
    q = forward_tile(c, machine, circuit, steps, seed, trajectory, xs, fs, shown, zs)
    end = xs[steps.n % 2]
    lost = runaway_cell(end, machine.cells, steps.h)
    if lost >= 0:
        return lost
    read_out(end, q, outputs, heat)
    return -1


@njit(cache=True, nogil=True)
def adam_step(theta, gradient, m, v, rates, rate, step, beta1, beta2, epsilon):  # type: ignore[no-untyped-def]
    """One Adam update in place (Kingma and Ba, arXiv 1412.6980, algorithm 1, bias-corrected).

    theta, gradient, m, v, rates : (n_parameters,); parameter i learns at rate * rates[i]
    """
    real = theta.dtype.type
    one = real(1)
    c1 = real(1.0 / (1.0 - beta1**step))
    c2 = real(1.0 / (1.0 - beta2**step))
    b1 = real(beta1)
    b2 = real(beta2)
    eps = real(epsilon)
    for i in range(theta.shape[0]):
        g = gradient[i]
        m[i] = b1 * m[i] + (one - b1) * g
        v[i] = b2 * v[i] + (one - b2) * g * g
        theta[i] -= rate * rates[i] * c1 * m[i] / (np.sqrt(c2 * v[i]) + eps)
