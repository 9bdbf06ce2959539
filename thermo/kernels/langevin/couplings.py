"""Forces of one tile of trajectories: couplings of every kind, phase cells, nudges.

Arrays are (cells, lanes) float32 with the trajectories innermost. A dense matrix is multiplied by
BLAS, one thread and one fixed shape a tile, so that neither threads nor the split of the batch can
change a bit; a sparse one is summed row by row in the order of its columns.
Equations: docs/physics.md#couplings.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.activations import activate_row, sin_cos, sin_cos_row, slope_row
from thermo.kernels.jit import njit
from thermo.kernels.langevin.parts import C2, C3, COSINE, FIELD, PRODUCT, SECOND, SINE, H, Room
from thermo.kernels.langevin.rows import csr_row, self_force
from thermo.kernels.random import fma

SQUARED, CROSS_ENTROPY = 0, 1  # what a nudge pulls down
SHOWN = 4  # first of Room.rows with what the output cells show
_ZERO = np.float32(0.0)
_TWO = np.float32(2.0)


@njit(cache=True, nogil=True)
def make_room(extras, n, lanes):  # type: ignore[no-untyped-def]
    """Scratch for these extras."""
    return Room(
        np.empty((3, n, lanes), np.float32), np.empty((SHOWN + extras.pull.cells.size, lanes), np.float32)
    )


@njit(cache=True, nogil=True)
def show(cells, x, phi):  # type: ignore[no-untyped-def]
    """phi(x) of every cell: x itself where none is active, else phi, filled."""
    if not cells.active:
        return x
    for i in range(x.shape[0]):
        activate_row(cells.activation[i], x[i], phi[i])
    return phi


@njit(cache=True, nogil=True)
def multiply(matrix, x, out):  # type: ignore[no-untyped-def]
    """out = matrix @ x; the matrix may be oblong."""
    if matrix.dense:
        np.dot(matrix.weights, x, out)
    else:
        values, indptr, indices = matrix.weights[0], matrix.indptr, matrix.indices
        for i in range(out.shape[0]):
            csr_row(indices, values, indptr[i], indptr[i + 1], x, out[i])


@njit(cache=True, nogil=True)
def take_sines(all_cells, angle, x, waves):  # type: ignore[no-untyped-def]
    """Sines and cosines of all cells, or of the phase cells alone."""
    for i in range(x.shape[0]):
        if all_cells or angle[i]:
            sin_cos_row(x[i], waves[SINE, i], waves[COSINE, i])


@njit(cache=True, nogil=True)
def add_extras(extras, cells, now, x, shown, drive, force, room):  # type: ignore[no-untyped-def]
    """Make the sum of the linear couplings all of the force but h and the polynomial.

    force : (n, lanes), W phi(x) on entry; now : Setting; shown : phi(x)
    drive : (n, lanes) linear force of the inputs, or (1, lanes) of zeros
    """
    n, lanes = x.shape
    s = np.float32(now.s)
    each = 1 if drive.shape[0] == n else 0
    for i in range(n):
        out, more = force[i], drive[i * each]
        for l in range(lanes):
            out[l] = s * (out[l] + more[l])
    waves, slope, activation, angle = room.waves, room.rows[0], cells.activation, extras.angle
    product = waves[PRODUCT]
    if extras.has_gradient:
        drives = extras.gradient_drives[now.input]
        each = 1 if drives.shape[0] == n else 0
        multiply(extras.gradient, shown, product)
        for i in range(n):
            out, one, more = force[i], product[i], drives[i * each]
            slope_row(activation[i], x[i], shown[i], slope)
            for l in range(lanes):
                out[l] = fma(s * slope[l], one[l] + more[l], out[l])
    take_sines(extras.has_sine, angle, x, waves)
    if extras.has_sine:
        # sin(x_j - x_i) = cos x_i sin x_j - sin x_i cos x_j
        for half in range(2):
            drives = extras.sine_drives[half, now.input]
            each = 1 if drives.shape[0] == n else 0
            multiply(extras.sine, waves[half], product)
            gain = s if half == SINE else -s
            for i in range(n):
                out, one, more, lever = force[i], product[i], drives[i * each], waves[1 - half, i]
                for l in range(lanes):
                    out[l] = fma(gain * lever[l], one[l] + more[l], out[l])
    for i in range(n):
        if angle[i]:
            out, sine, cosine = force[i], waves[SINE, i], waves[COSINE, i]
            field = extras.phase[FIELD, i] + np.float32(now.kappa)
            second = _TWO * extras.phase[SECOND, i]  # sin 2x = 2 sin x cos x
            for l in range(lanes):
                out[l] = fma(-sine[l], fma(second, cosine[l], field), out[l])
    if now.beta != 0.0:
        _add_nudge(extras.pull, np.float32(now.beta), activation, x, force, room.rows)


@njit(cache=True, nogil=True)
def finish_force(extras, cells, now, k1, x, shown, drive, force, room):  # type: ignore[no-untyped-def]
    """force = all of it at x; W phi(x) on entry. k1 : (n,) c1 with the phase's well."""
    n, lanes = x.shape
    c2, c3, h = cells.columns[C2], cells.columns[C3], cells.columns[H]
    s = np.float32(now.s)
    each = 1 if drive.shape[0] == n else 0
    if extras is not None:
        add_extras(extras, cells, now, x, shown, drive, force, room)
    for i in range(n):
        own, a1, a2, a3, at, out, more = h[i], k1[i], c2[i], c3[i], x[i], force[i], drive[i * each]
        for l in range(lanes):
            b = out[l] + own
            if extras is None:
                b = fma(s, out[l] + more[l], own)
            out[l] = self_force(b, at[l], a1, a2, a3)


@njit(cache=True, nogil=True)
def softmax(pull, activation, x, rows):  # type: ignore[no-untyped-def]
    """rows[SHOWN:] = exp(phi - top) of the output cells; rows[0], [1] = top, their sum."""
    shown, top, total = rows[SHOWN:], rows[0], rows[1]
    for r in range(pull.cells.size):
        i = pull.cells[r]
        activate_row(activation[i], x[i], shown[r])
        for l in range(x.shape[1]):
            top[l] = shown[r, l] if r == 0 else max(top[l], shown[r, l])
    total[:] = _ZERO
    for r in range(pull.cells.size):
        for l in range(x.shape[1]):
            shown[r, l] = np.float32(math.exp(shown[r, l] - top[l]))
            total[l] += shown[r, l]


@njit(cache=True, nogil=True)
def _add_nudge(pull, beta, activation, x, force, rows):  # type: ignore[no-untyped-def]
    """Add -beta dC/dx to the force on the output cells."""
    lanes = x.shape[1]
    shown, slope, targets = rows[3], rows[2], pull.targets
    if pull.cost == CROSS_ENTROPY:
        softmax(pull, activation, x, rows)
        mass, total = rows[0], rows[1]
        mass[:] = _ZERO
        for r in range(pull.cells.size):
            for l in range(lanes):
                mass[l] += targets[r, l]
        for l in range(lanes):
            mass[l] /= total[l]
        for r in range(pull.cells.size):
            i = pull.cells[r]
            activate_row(activation[i], x[i], shown)
            slope_row(activation[i], x[i], shown, slope)
            for l in range(lanes):
                wanted = fma(-mass[l], rows[SHOWN + r, l], targets[r, l])
                force[i, l] = fma(beta * slope[l], wanted, force[i, l])
        return
    for r in range(pull.cells.size):
        i = pull.cells[r]
        if pull.bare[r]:
            for l in range(lanes):
                force[i, l] = fma(-beta, sin_cos(x[i, l] - targets[r, l])[0], force[i, l])
        else:
            activate_row(activation[i], x[i], shown)
            slope_row(activation[i], x[i], shown, slope)
            for l in range(lanes):
                force[i, l] = fma(beta * slope[l], targets[r, l] - shown[l], force[i, l])
