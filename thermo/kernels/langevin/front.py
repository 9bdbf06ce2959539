"""Noisy runs of a Langevin machine with a convolutional front, and exact gradients through them.

Equation, loss and heat are those of `thermo.kernels.langevin.bptt` for a machine with a potential and
x_0 = 0; its couplings are blocks. Front cells q, one a place and channel, are driven by their patch of the
input through taps that all places share; back cells y, hidden ones and then the outputs, are coupled with all
front cells and among themselves:

    f_q = taps . patch + bias + A^T y + own,      f_y = bias + A q + B y + own,      A, B = B^T trained

A step of training takes cells' own forces at its end and moves the front before the back:

    q' + h U'(q') = q + h (taps . patch + bias + A^T y) + noise
    y' + h U'(y') = y + h (bias + A q' + B y) + noise

Each has one solution and never runs away, so that steps may be several relaxation times of a strongly driven
cell, which explicit ones throw past its wall; a signal loses no step on its way from front to back. With
D = 1 / (1 + h U'') at the end of the step and l the derivatives of the loss by states, from the last step on:

    n_y = h D_y l_y,   n_q = h D_q (l_q + A^T n_y),   l_y <- n_y / h + A n_q + B n_y,   l_q <- n_q / h
    dA = sum n_y q'^T + y n_q^T,   dB = sum n_y y^T

Runs without a gradient take the explicit step that machines are simulated by.

State arrays are (cells, lanes), places one after another, channels innermost. Kernels check nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.langevin.bptt import energy_drop, head_gradient, read_out, runaway_cell
from thermo.kernels.langevin.images import fill_inputs
from thermo.kernels.random import STREAM_TRAINING, fill_normals


class FrontMachine(NamedTuple):
    """taps (channels, k), tap_bias (channels,), across (n_back, n_front)
    coupling (n_back, n_back), bias (n_back,)
    seen : (places, k) which input each tap sees, -1 for none; cells : (3, n) J2, J3, J4."""

    taps: np.ndarray
    tap_bias: np.ndarray
    across: np.ndarray
    coupling: np.ndarray
    bias: np.ndarray
    seen: np.ndarray
    cells: np.ndarray


@njit(cache=True, nogil=True)
def gather(ut, seen, patch):  # type: ignore[no-untyped-def]
    """patch <- what a place sees, (k, lanes); ut : (n_in, lanes); seen : (k,)."""
    zero = ut.dtype.type(0)
    for t in range(seen.shape[0]):
        i = seen[t]
        for l in range(patch.shape[1]):
            patch[t, l] = ut[i, l] if i >= 0 else zero


@njit(cache=True, nogil=True)
def drive_front(machine, ut, patch, c):  # type: ignore[no-untyped-def]
    """c <- constant force of every cell, (n, lanes)."""
    channels = machine.taps.shape[0]
    places = machine.seen.shape[0]
    front = places * channels
    lanes = c.shape[1]
    for p in range(places):
        gather(ut, machine.seen[p], patch)
        here = c[p * channels : (p + 1) * channels]
        np.dot(machine.taps, patch, here)
        for i in range(channels):
            for l in range(lanes):
                here[i, l] += machine.tap_bias[i]
    for i in range(machine.bias.shape[0]):
        for l in range(lanes):
            c[front + i, l] = machine.bias[i]


@njit(cache=True, nogil=True)
def no_number(x):  # type: ignore[no-untyped-def]
    """The first cell with a lane that is no finite number, or -1; x : (n, lanes)."""
    for i in range(x.shape[0]):
        if not np.isfinite(x[i].sum()):
            return i
    return -1


@njit(cache=True, nogil=True, error_model="numpy")
def settle_own(x, cells, h):  # type: ignore[no-untyped-def]
    """x <- the y with y + h U'(y) = x of every cell, (n, lanes); needs 1 + h U'' > 0 everywhere.

    Without its square term, z = y + J3 / 4 J4, the equation is a z + b z^3 = r. With t = z sqrt(b / a) it is
    t + t^3 = w, whose concave solution lies below its tangents at t = 0, 1, 2, 4, 8: Newton's steps fall to
    it from there.
    """
    real = x.dtype.type
    for i in range(x.shape[0]):
        j2, j3, j4 = cells[0, i], cells[1, i], cells[2, i]
        if j4 == 0:
            shrink = real(1 / (1 + 2 * h * j2))
            for l in range(x.shape[1]):
                x[i, l] *= shrink
            continue
        shift = j3 / (4 * j4)
        a = real(1 + 2 * h * j2 - 3 * h * shift * j3)
        b = real(4 * h * j4)
        raised = real((1 + 2 * h * j2) * shift - 2 * h * j3 * shift * shift)
        size = real(np.sqrt(a / b))
        off, per, b3 = real(shift), real(1 / (a * size)), real(3) * b
        for l in range(x.shape[1]):
            r = x[i, l] + raised
            w = abs(r) * per
            t = min(min(w, real(0.5) + w * real(0.25)), real(16 / 13) + w * real(1 / 13))
            t = min(min(t, real(128 / 49) + w * real(1 / 49)), real(1024 / 193) + w * real(1 / 193))
            z = np.copysign(size * t, r)
            for _ in range(4):
                z -= (z * (a + b * z * z) - r) / (a + b3 * z * z)
            x[i, l] = z - off


@njit(cache=True, nogil=True)
def force_front(c, machine, x, inner, f):  # type: ignore[no-untyped-def]
    """f <- force on every cell at x, (n, lanes); inner : (n_back, lanes), scratch."""
    front, cells = machine.across.shape[1], machine.cells
    real = c.dtype.type
    np.dot(machine.across.T, x[front:], f[:front])
    np.dot(machine.across, x[:front], f[front:])
    np.dot(machine.coupling, x[front:], inner)
    for i in range(front, x.shape[0]):
        for l in range(x.shape[1]):
            f[i, l] += inner[i - front, l]
    for i in range(x.shape[0]):
        a1 = real(-2) * cells[0, i]
        a2 = real(-3) * cells[1, i]
        a3 = real(-4) * cells[2, i]
        for l in range(x.shape[1]):
            v = x[i, l]
            f[i, l] += c[i, l] + v * (a1 + v * (a2 + v * a3))


@njit(cache=True, nogil=True)
def forward_front(c, machine, steps, seed, trajectory, xs, f):  # type: ignore[no-untyped-def]
    """Run one tile from 0 in explicit steps.

    xs : (2, n, lanes), a ring of states; f : (n, lanes), the last force, written
    Returns the heat, (lanes,) float64.
    """
    n, lanes = c.shape
    h, noise = steps.h, steps.noise
    real = c.dtype.type
    z = np.empty((n, lanes), np.float32)
    inner = np.empty((machine.bias.shape[0], lanes), c.dtype)
    xs[0] = real(0)
    for k in range(steps.n):
        x, after = xs[k % 2], xs[(k + 1) % 2]
        force_front(c, machine, x, inner, f)
        if noise > 0:
            fill_normals(z, seed, trajectory, k, STREAM_TRAINING)
            for i in range(n):
                for l in range(lanes):
                    after[i, l] = x[i, l] + h * f[i, l] + noise * real(z[i, l])
        else:
            for i in range(n):
                for l in range(lanes):
                    after[i, l] = x[i, l] + h * f[i, l]
    end = xs[steps.n % 2]
    force_front(c, machine, end, inner, f)
    return energy_drop(c, machine.coupling, False, machine.cells, np.zeros(n, c.dtype), end, f)


@njit(cache=True, nogil=True)
def settle_front(c, machine, steps, seed, trajectory, xs, f):  # type: ignore[no-untyped-def]
    """Run one tile from 0 in steps of training.

    xs : (steps.n + 1, n, lanes), the states; f : (n, lanes), the last force, written
    Returns the heat, (lanes,) float64.
    """
    n, lanes = c.shape
    h, noise, front = steps.h, steps.noise, machine.across.shape[1]
    real = c.dtype.type
    z = np.zeros((n, lanes), np.float32)
    inner = np.empty((n - front, lanes), c.dtype)
    xs[0] = real(0)
    for k in range(steps.n):
        x, after = xs[k], xs[k + 1]
        if noise > 0:
            fill_normals(z, seed, trajectory, k, STREAM_TRAINING)
        np.dot(machine.across.T, x[front:], f[:front])
        for i in range(front):
            for l in range(lanes):
                after[i, l] = x[i, l] + h * (f[i, l] + c[i, l]) + noise * real(z[i, l])
        settle_own(after[:front], machine.cells[:, :front], h)
        np.dot(machine.across, after[:front], f[front:])
        np.dot(machine.coupling, x[front:], inner)
        for i in range(front, n):
            for l in range(lanes):
                push = f[i, l] + inner[i - front, l] + c[i, l]
                after[i, l] = x[i, l] + h * push + noise * real(z[i, l])
        settle_own(after[front:], machine.cells[:, front:], h)
    force_front(c, machine, xs[steps.n], inner, f)
    return energy_drop(c, machine.coupling, False, machine.cells, np.zeros(n, c.dtype), xs[steps.n], f)


@njit(cache=True, nogil=True, error_model="numpy")
def pull_back(lam, after, cells, h, nu, total):  # type: ignore[no-untyped-def]
    """lam <- D lam, nu <- h D lam, total += nu, with D = 1 / (1 + h U''(after)); all (cells, lanes)."""
    real = lam.dtype.type
    for i in range(lam.shape[0]):
        d1 = real(1 + 2 * h * cells[0, i])
        d2 = real(6 * h * cells[1, i])
        d3 = real(12 * h * cells[2, i])
        for l in range(lam.shape[1]):
            v = after[i, l]
            v = lam[i, l] / (d1 + v * (d2 + v * d3))
            lam[i, l] = v
            v *= h
            nu[i, l] = v
            total[i, l] += v


@njit(cache=True, nogil=True)
def front_gradient(machine, loss, batch, label, target, steps, seed, trajectory, xs, u, gradient):  # type: ignore[no-untyped-def]
    """Loss and gradient of a tile of Images.

    xs, u : flat scratch of at least (steps.n + 1) n lanes and lanes n_in
    gradient : (n_parameters,), order taps, tap_bias, across, coupling (directed, halves of a pair apart),
        bias, scale, offset, written
    Returns (sum of losses, right answers, sum of heat, first runaway cell or -1).
    """
    channels, k_in = machine.taps.shape
    back, front = machine.across.shape
    places = machine.seen.shape[0]
    n, lanes = front + back, batch.rows.shape[0]
    n_in, n_out = batch.images.shape[1], loss.scale.shape[0]
    real = u.dtype.type
    h, gamma, cells = steps.h, loss.gamma, machine.cells
    ends = np.cumsum(
        np.array([channels * k_in, channels, back * front, back * back, back, n_out, n_out], np.int64)
    )
    gw = gradient[: ends[0]].reshape((channels, k_in))
    gt = gradient[ends[0] : ends[1]]
    ga = gradient[ends[1] : ends[2]].reshape((back, front))
    gj = gradient[ends[2] : ends[3]].reshape((back, back))
    gb, gs, go = gradient[ends[3] : ends[4]], gradient[ends[4] : ends[5]], gradient[ends[5] : ends[6]]
    inputs = u[: lanes * n_in].reshape((lanes, n_in))
    fill_inputs(batch, None, inputs, seed, trajectory)
    ut = inputs.T.copy()
    patch = np.empty((k_in, lanes), u.dtype)
    c, f = np.empty((n, lanes), u.dtype), np.empty((n, lanes), u.dtype)
    drive_front(machine, ut, patch, c)
    states = xs[: (steps.n + 1) * n * lanes].reshape((steps.n + 1, n, lanes))
    heat = settle_front(c, machine, steps, seed, trajectory, states, f)
    end = states[steps.n]
    lost = no_number(end)
    if lost >= 0:
        return 0.0, 0, 0.0, lost

    lam = np.zeros((n, lanes), u.dtype)
    error, right = head_gradient(end[n - n_out :], loss, label, target, lam[n - n_out :], gs, go)
    g = gamma * loss.weight
    nu, total, pull = np.empty_like(c), np.zeros_like(c), np.empty_like(c)
    inner, part = np.empty((back, lanes), u.dtype), np.empty((back, front), u.dtype)
    small = np.empty((back, back), u.dtype)
    ga[:] = real(0)
    gj[:] = real(0)
    if gamma != 0:
        for i in range(n):
            for l in range(lanes):
                lam[i, l] += g * f[i, l]
                total[i, l] = g * end[i, l]
        np.dot(end[front:], end[:front].T, part)
        np.dot(end[front:], end[front:].T, small)
        for i in range(back):
            for j in range(front):
                ga[i, j] = g * part[i, j]
            for j in range(back):
                gj[i, j] = real(0.5) * g * small[i, j]
    for k in range(steps.n - 1, -1, -1):
        x, after = states[k], states[k + 1]
        pull_back(lam[front:], after[front:], cells[:, front:], h, nu[front:], total[front:])
        np.dot(machine.across.T, nu[front:], pull[:front])
        for i in range(front):
            for l in range(lanes):
                lam[i, l] += pull[i, l]
        pull_back(lam[:front], after[:front], cells[:, :front], h, nu[:front], total[:front])
        np.dot(nu[front:], after[:front].T, part)
        for i in range(back):
            for j in range(front):
                ga[i, j] += part[i, j]
        if k == 0:
            break  # x_0 = 0 adds nothing else
        np.dot(x[front:], nu[:front].T, part)
        for i in range(back):
            for j in range(front):
                ga[i, j] += part[i, j]
        np.dot(nu[front:], x[front:].T, small)
        for i in range(back):
            for j in range(back):
                gj[i, j] += small[i, j]
        np.dot(machine.across, nu[:front], pull[front:])
        np.dot(machine.coupling.T, nu[front:], inner)
        for i in range(front, n):
            for l in range(lanes):
                lam[i, l] += pull[i, l] + inner[i - front, l]
    gw[:] = real(0)
    gt[:] = real(0)
    taps = np.empty((channels, k_in), u.dtype)
    for p in range(places):
        gather(ut, machine.seen[p], patch)
        here = total[p * channels : (p + 1) * channels]
        np.dot(here, patch.T, taps)
        for i in range(channels):
            for j in range(k_in):
                gw[i, j] += taps[i, j]
            s = real(0)
            for l in range(lanes):
                s += here[i, l]
            gt[i] += s
    for i in range(back):
        s = real(0)
        for l in range(lanes):
            s += total[front + i, l]
        gb[i] = s
        gj[i, i] = real(0)
    q = 0.0
    for l in range(lanes):
        q += heat[l]
    return error, right, q, -1


@njit(cache=True, nogil=True)
def run_front(machine, batch, steps, seed, trajectory, outputs, heat):  # type: ignore[no-untyped-def]
    """Run Images once; outputs : (lanes, n_out), heat : (lanes,) float64, written.

    Returns the first runaway cell or -1.
    """
    back, front = machine.across.shape
    n, n_in = front + back, batch.images.shape[1]
    lanes = outputs.shape[0]
    u = np.empty((lanes, n_in), batch.images.dtype)
    fill_inputs(batch, None, u, seed, trajectory)
    c, f = np.empty((n, lanes), u.dtype), np.empty((n, lanes), u.dtype)
    drive_front(machine, u.T.copy(), np.empty((machine.taps.shape[1], lanes), u.dtype), c)
    xs = np.empty((2, n, lanes), u.dtype)
    q = forward_front(c, machine, steps, seed, trajectory, xs, f)
    end = xs[steps.n % 2]
    lost = runaway_cell(end, machine.cells, steps.h)
    if lost >= 0:
        return lost
    read_out(end, q, outputs, heat)
    return -1
