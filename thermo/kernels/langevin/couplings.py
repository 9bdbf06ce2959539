"""Forces and energies of one tile of trajectories: couplings of every kind, phase cells, nudges.

Arrays are (cells, lanes) float32 with the trajectories innermost; energies are float64. A dense
matrix is multiplied by BLAS, one thread and one fixed shape a tile, so that neither threads nor the
split of the batch can change a bit; a sparse one is summed row by row in the order of its columns.
Equations: docs/physics.md#couplings.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from thermo.kernels.activations import activate_row, sin_cos, sin_cos_row, slope_row
from thermo.kernels.jit import njit
from thermo.kernels.langevin.rows import csr_row
from thermo.kernels.random import fma

SQUARED, CROSS_ENTROPY = 0, 1  # what a nudge pulls down
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)


class Matrix(NamedTuple):
    """Couplings among the n dynamic cells: full (n, n) if dense, else a CSR matrix; float32."""

    dense: bool
    full: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray


class Extras(NamedTuple):
    """What a netlist has beyond linear couplings, cells with a polynomial energy and free cells.

    gradient, sine : couplings; has_gradient, has_sine : whether any drives a dynamic cell
    gradient_drives, sin_drives, cos_drives : (n_drives, n, lanes) float32, products of the
        couplings from the inputs with phi(u), sin u and cos u, u the inputs at each input scale;
        one row of zeros instead of n where there are none
    angle : (n,) bool, the phase cells; field, second : (n,) float32, their h and J2
    held : (P, n) bool, cells that a phase clamps
    nudge : (P,) strength; cost : SQUARED or CROSS_ENTROPY
    nudged : (n_out,) int64 cells; targets : (n_out, lanes) float32
    """

    gradient: Matrix
    sine: Matrix
    has_gradient: bool
    has_sine: bool
    gradient_drives: np.ndarray
    sin_drives: np.ndarray
    cos_drives: np.ndarray
    angle: np.ndarray
    field: np.ndarray
    second: np.ndarray
    held: np.ndarray
    nudge: np.ndarray
    cost: int
    nudged: np.ndarray
    targets: np.ndarray


class Room(NamedTuple):
    """Scratch: product, sine, cosine (n, lanes), shown (n_out, lanes), rows (3, lanes)."""

    product: np.ndarray
    sine: np.ndarray
    cosine: np.ndarray
    shown: np.ndarray
    rows: np.ndarray


@njit(cache=True, nogil=True)
def make_room(extras, n, lanes):  # type: ignore[no-untyped-def]
    """Scratch for these extras."""
    return Room(
        np.empty((n, lanes), np.float32),
        np.empty((n, lanes), np.float32),
        np.empty((n, lanes), np.float32),
        np.empty((extras.nudged.size, lanes), np.float32),
        np.empty((3, lanes), np.float32),
    )


@njit(cache=True, nogil=True)
def couple(dense, w, indptr, indices, weight, active, activation, x, phi, force):  # type: ignore[no-untyped-def]
    """force = W phi(x), and phi = phi(x) where any cell is active."""
    n = x.shape[0]
    shown = x
    if active:
        for i in range(n):
            activate_row(activation[i], x[i], phi[i])
        shown = phi
    if dense:
        np.dot(w, shown, force)
    else:
        for i in range(n):
            csr_row(indices, weight, indptr[i], indptr[i + 1], shown, force[i])


@njit(cache=True, nogil=True)
def _multiply(matrix, x, out):  # type: ignore[no-untyped-def]
    """out = matrix @ x."""
    if matrix.dense:
        np.dot(matrix.full, x, out)
    else:
        for i in range(x.shape[0]):
            csr_row(matrix.indices, matrix.values, matrix.indptr[i], matrix.indptr[i + 1], x, out[i])


@njit(cache=True, nogil=True)
def _sines(extras, x, room):  # type: ignore[no-untyped-def]
    """room.sine, room.cosine of all cells, or of the phase cells alone where no sine couples."""
    for i in range(x.shape[0]):
        if extras.has_sine or extras.angle[i]:
            sin_cos_row(x[i], room.sine[i], room.cosine[i])


@njit(cache=True, nogil=True)
def add_extras(extras, p, k, s, kappa, active, activation, x, phi, drive, force, room):  # type: ignore[no-untyped-def]
    """Make the sum of the linear couplings all of the force but h and the polynomial.

    force : (n, lanes), W phi(x) on entry; p : phase; k : input scale; s : scale of the couplings
    drive : (n, lanes) linear force of the inputs, or (1, lanes) of zeros
    """
    n, lanes = x.shape
    each = 1 if drive.shape[0] == n else 0
    for i in range(n):
        out, more = force[i], drive[i * each]
        for l in range(lanes):
            out[l] = s * (out[l] + more[l])
    product, rows = room.product, room.rows
    if extras.has_gradient:
        drives = extras.gradient_drives[k]
        each = 1 if drives.shape[0] == n else 0
        shown = phi if active else x
        _multiply(extras.gradient, shown, product)
        for i in range(n):
            out, one, more = force[i], product[i], drives[i * each]
            slope_row(activation[i], x[i], shown[i], rows[0])
            slope = rows[0]
            for l in range(lanes):
                out[l] = fma(s * slope[l], one[l] + more[l], out[l])
    _sines(extras, x, room)
    if extras.has_sine:
        # sin(x_j - x_i) = cos x_i sin x_j - sin x_i cos x_j
        for half in range(2):
            drives = extras.sin_drives[k] if half == 0 else extras.cos_drives[k]
            each = 1 if drives.shape[0] == n else 0
            _multiply(extras.sine, room.sine if half == 0 else room.cosine, product)
            gain = s if half == 0 else -s
            for i in range(n):
                out, one, more = force[i], product[i], drives[i * each]
                lever = room.cosine[i] if half == 0 else room.sine[i]
                for l in range(lanes):
                    out[l] = fma(gain * lever[l], one[l] + more[l], out[l])
    for i in range(n):
        if extras.angle[i]:
            out, sine, cosine = force[i], room.sine[i], room.cosine[i]
            field = extras.field[i] + np.float32(kappa)
            second = _TWO * extras.second[i]  # sin 2x = 2 sin x cos x
            for l in range(lanes):
                out[l] = fma(-sine[l], fma(second, cosine[l], field), out[l])
    if extras.nudge[p] != 0.0:
        _add_nudge(extras, np.float32(extras.nudge[p]), activation, x, force, room)


@njit(cache=True, nogil=True)
def _softmax(extras, activation, x, room):  # type: ignore[no-untyped-def]
    """room.shown = exp(phi - top) of the nudged cells; room.rows[0], [1] = top, their sum."""
    shown, top, total = room.shown, room.rows[0], room.rows[1]
    for r in range(extras.nudged.size):
        i = extras.nudged[r]
        activate_row(activation[i], x[i], shown[r])
        for l in range(x.shape[1]):
            top[l] = shown[r, l] if r == 0 else max(top[l], shown[r, l])
    total[:] = np.float32(0.0)
    for r in range(extras.nudged.size):
        for l in range(x.shape[1]):
            shown[r, l] = np.float32(math.exp(shown[r, l] - top[l]))
            total[l] += shown[r, l]


@njit(cache=True, nogil=True)
def _add_nudge(extras, beta, activation, x, force, room):  # type: ignore[no-untyped-def]
    """Add -beta dC/dx to the force on the nudged cells."""
    lanes = x.shape[1]
    shown, slope = room.rows[1], room.rows[2]
    if extras.cost == CROSS_ENTROPY:
        _softmax(extras, activation, x, room)
        mass, total = room.rows[0], room.rows[1]
        mass[:] = np.float32(0.0)
        for r in range(extras.nudged.size):
            for l in range(lanes):
                mass[l] += extras.targets[r, l]
        for l in range(lanes):
            mass[l] /= total[l]
        for r in range(extras.nudged.size):
            i = extras.nudged[r]
            activate_row(activation[i], x[i], room.product[0])
            slope_row(activation[i], x[i], room.product[0], slope)
            for l in range(lanes):
                pull = fma(-mass[l], room.shown[r, l], extras.targets[r, l])
                force[i, l] = fma(beta * slope[l], pull, force[i, l])
        return
    for r in range(extras.nudged.size):
        i = extras.nudged[r]
        if extras.angle[i] and activation[i] == 0:
            for l in range(lanes):
                force[i, l] = fma(-beta, sin_cos(x[i, l] - extras.targets[r, l])[0], force[i, l])
        else:
            activate_row(activation[i], x[i], shown)
            slope_row(activation[i], x[i], shown, slope)
            for l in range(lanes):
                force[i, l] = fma(beta * slope[l], extras.targets[r, l] - shown[l], force[i, l])


@njit(cache=True, nogil=True)
def _polynomial_energies(c1, c2, c3, h, x, coupled, drive, own, pair, driven, square):  # type: ignore[no-untyped-def]
    """Parts of the potential, (lanes,) float64 each.

    own = sum U_i, pair = -x.Wx / 2, driven = -x.drive, square = x.x
    """
    own[:] = 0.0
    pair[:] = 0.0
    driven[:] = 0.0
    square[:] = 0.0
    step = 1 if drive.shape[0] == x.shape[0] else 0
    for i in range(x.shape[0]):
        a1, a2, a3 = np.float64(c1[i]) / 2, np.float64(c2[i]) / 3, np.float64(c3[i]) / 4
        b = np.float64(h[i])
        for l in range(x.shape[1]):
            v = np.float64(x[i, l])
            own[l] += v * (v * (a1 + v * (a2 + v * a3)) - b)
            pair[l] -= 0.5 * v * np.float64(coupled[i, l])
            driven[l] -= v * np.float64(drive[i * step, l])
            square[l] += v * v


@njit(cache=True, nogil=True)
def potential_parts(  # type: ignore[no-untyped-def]
    extras, k, c1, c2, c3, h, active, x, phi, coupled, drives, own, pair, driven, square, room
):
    """Parts of the potential with the inputs at scale k; coupled = W phi(x), phi filled if active.

    own = sum U_i; pair and driven hold the energy of all couplings; square of a unit well.
    """
    _polynomial_energies(c1, c2, c3, h, x, coupled, drives[k], own, pair, driven, square)
    if extras is not None:
        _add_energies(extras, k, active, x, phi, own, pair, driven, square, room)


@njit(cache=True, nogil=True)
def _add_energies(extras, k, active, x, phi, own, pair, driven, square, room):  # type: ignore[no-untyped-def]
    """Add the extras' share to the parts of the potential; phi is phi(x) where active.

    square becomes twice the energy of a well of stiffness 1: 2 (1 - cos x) for a phase cell.
    """
    n, lanes = x.shape
    product = room.product
    if extras.has_gradient:
        shown = phi if active else x
        _multiply(extras.gradient, shown, product)
        _add_pairs(shown, product, extras.gradient_drives[k], pair, driven)
    _sines(extras, x, room)
    if extras.has_sine:
        _multiply(extras.sine, room.sine, product)
        _add_pairs(room.sine, product, extras.sin_drives[k], pair, driven)
        _multiply(extras.sine, room.cosine, product)
        _add_pairs(room.cosine, product, extras.cos_drives[k], pair, driven)
    for i in range(n):
        if extras.angle[i]:
            field, second = np.float64(extras.field[i]), np.float64(extras.second[i])
            for l in range(lanes):
                sine, cosine = np.float64(room.sine[i, l]), np.float64(room.cosine[i, l])
                own[l] += second * sine * sine - field * cosine
                v = np.float64(x[i, l])
                square[l] += 2.0 - 2.0 * cosine - v * v


@njit(cache=True, nogil=True)
def _add_pairs(shown, product, drive, pair, driven):  # type: ignore[no-untyped-def]
    """pair -= shown.product / 2, driven -= shown.drive, by lane."""
    step = 1 if drive.shape[0] == shown.shape[0] else 0
    for i in range(shown.shape[0]):
        for l in range(shown.shape[1]):
            v = np.float64(shown[i, l])
            pair[l] -= 0.5 * v * np.float64(product[i, l])
            driven[l] -= v * np.float64(drive[i * step, l])


@njit(cache=True, nogil=True)
def nudge_cost(extras, activation, x, cost, room):  # type: ignore[no-untyped-def]
    """cost = C of every trajectory, (lanes,) float64."""
    lanes = x.shape[1]
    cost[:] = 0.0
    if extras.cost == CROSS_ENTROPY:
        _softmax(extras, activation, x, room)
        top, total, shown = room.rows[0], room.rows[1], room.rows[2]
        for r in range(extras.nudged.size):
            i = extras.nudged[r]
            activate_row(activation[i], x[i], shown)
            for l in range(lanes):
                level = np.float64(top[l]) + math.log(np.float64(total[l]))
                cost[l] += np.float64(extras.targets[r, l]) * (level - np.float64(shown[l]))
        return
    shown = room.rows[0]
    for r in range(extras.nudged.size):
        i = extras.nudged[r]
        if extras.angle[i] and activation[i] == 0:
            for l in range(lanes):
                cost[l] += 1.0 - np.float64(sin_cos(x[i, l] - extras.targets[r, l])[1])
        else:
            activate_row(activation[i], x[i], shown)
            for l in range(lanes):
                gap = np.float64(shown[l]) - np.float64(extras.targets[r, l])
                cost[l] += 0.5 * gap * gap
