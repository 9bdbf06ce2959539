"""Noisy runs of a Langevin machine with a convolutional front, and exact gradients through them.

Equation, loss and heat are those of `thermo.kernels.langevin.bptt` for a machine with a potential and
x_0 = 0; its couplings are blocks. Front cells q, one a place and channel, are driven by their patch of the
input through taps that all places share; back cells y, hidden ones and then the outputs, are coupled with all
front cells and among themselves:

    f_q = taps . patch + bias + A^T y + own,      f_y = bias + A q + B y + own,      A, B = B^T trained

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
def forward_front(c, machine, steps, seed, trajectory, xs, f):  # type: ignore[no-untyped-def]
    """Run one tile from 0.

    xs : (steps.n + 1 or 2, n, lanes), a ring of states; f : (n, lanes), the last force, written
    Returns the heat, (lanes,) float64.
    """
    n, lanes = c.shape
    cells, h, noise = machine.cells, steps.h, steps.noise
    front = machine.across.shape[1]
    real = c.dtype.type
    slots = xs.shape[0]
    z = np.empty((n, lanes), np.float32)
    inner = np.empty((n - front, lanes), c.dtype)
    for i in range(n):
        for l in range(lanes):
            xs[0, i, l] = real(0)
    for k in range(steps.n + 1):
        x = xs[k % slots]
        np.dot(machine.across.T, x[front:], f[:front])
        np.dot(machine.across, x[:front], f[front:])
        np.dot(machine.coupling, x[front:], inner)
        for i in range(front, n):
            for l in range(lanes):
                f[i, l] += inner[i - front, l]
        for i in range(n):
            a1 = real(-2) * cells[0, i]
            a2 = real(-3) * cells[1, i]
            a3 = real(-4) * cells[2, i]
            for l in range(lanes):
                v = x[i, l]
                f[i, l] += c[i, l] + v * (a1 + v * (a2 + v * a3))
        if k < steps.n:
            after = xs[(k + 1) % slots]
            if noise > 0:
                fill_normals(z, seed, trajectory, k, STREAM_TRAINING)
                for i in range(n):
                    for l in range(lanes):
                        after[i, l] = x[i, l] + h * f[i, l] + noise * real(z[i, l])
            else:
                for i in range(n):
                    for l in range(lanes):
                        after[i, l] = x[i, l] + h * f[i, l]
    start = np.zeros(n, c.dtype)
    return energy_drop(c, machine.coupling, False, cells, start, xs[steps.n % slots], f)


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
    heat = forward_front(c, machine, steps, seed, trajectory, states, f)
    end = states[steps.n]
    lost = runaway_cell(end, cells, h)
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
        x = states[k]
        for i in range(n):
            for l in range(lanes):
                v = h * lam[i, l]
                nu[i, l] = v
                total[i, l] += v
        if k == 0:
            break  # x_0 = 0 adds nothing to couplings
        np.dot(nu[front:], x[:front].T, part)
        for i in range(back):
            for j in range(front):
                ga[i, j] += part[i, j]
        np.dot(x[front:], nu[:front].T, part)
        for i in range(back):
            for j in range(front):
                ga[i, j] += part[i, j]
        np.dot(nu[front:], x[front:].T, small)
        for i in range(back):
            for j in range(back):
                gj[i, j] += small[i, j]
        np.dot(machine.across.T, nu[front:], pull[:front])
        np.dot(machine.across, nu[:front], pull[front:])
        np.dot(machine.coupling.T, nu[front:], inner)
        for i in range(front, n):
            for l in range(lanes):
                pull[i, l] += inner[i - front, l]
        for i in range(n):
            d1 = real(-2) * cells[0, i]
            d2 = real(-6) * cells[1, i]
            d3 = real(-12) * cells[2, i]
            for l in range(lanes):
                v = x[i, l]
                lam[i, l] += pull[i, l] + nu[i, l] * (d1 + v * (d2 + v * d3))
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
