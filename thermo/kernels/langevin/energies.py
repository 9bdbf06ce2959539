"""Energies of one tile of trajectories in float64: what the heat and the work are made of.

Arrays are (cells, lanes) float32, the parts of the potential (lanes,) float64.
Equations: docs/physics.md#couplings and docs/physics.md#heat.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.activations import activate_row, sin_cos
from thermo.kernels.jit import njit
from thermo.kernels.langevin.couplings import CROSS_ENTROPY, multiply, softmax, take_sines
from thermo.kernels.langevin.parts import C1, C2, C3, COSINE, FIELD, HEAT, PRODUCT, SECOND, SINE, WORK, H

# parts of the energy, (lanes,) float64 each: self-energies, couplings among the cells and from the
# inputs, twice a well of stiffness 1, what a nudge of strength 1 adds, kinetic, and the couplings'
# where they were last looked at
PARTS = 7
OWN, PAIR, DRIVEN, SQUARE, COST, KINETIC, LAST = range(PARTS)


@njit(cache=True, nogil=True)
def _polynomial_energies(columns, x, coupled, drive, parts):  # type: ignore[no-untyped-def]
    """own = sum U_i, pair = -x.Wx / 2, driven = -x.drive, square = x.x, by lane."""
    own, pair, driven, square = parts[OWN], parts[PAIR], parts[DRIVEN], parts[SQUARE]
    own[:] = 0.0
    pair[:] = 0.0
    driven[:] = 0.0
    square[:] = 0.0
    step = 1 if drive.shape[0] == x.shape[0] else 0
    for i in range(x.shape[0]):
        a1 = np.float64(columns[C1, i]) / 2
        a2, a3 = np.float64(columns[C2, i]) / 3, np.float64(columns[C3, i]) / 4
        b = np.float64(columns[H, i])
        for l in range(x.shape[1]):
            v = np.float64(x[i, l])
            own[l] += v * (v * (a1 + v * (a2 + v * a3)) - b)
            pair[l] -= 0.5 * v * np.float64(coupled[i, l])
            driven[l] -= v * np.float64(drive[i * step, l])
            square[l] += v * v


@njit(cache=True, nogil=True)
def _add_energies(extras, k, x, shown, parts, waves):  # type: ignore[no-untyped-def]
    """Add the extras' share to the parts of the energy.

    square becomes twice the energy of a well of stiffness 1: 2 (1 - cos x) for a phase cell.
    """
    own, square, angle, product = parts[OWN], parts[SQUARE], extras.angle, waves[PRODUCT]
    if extras.has_gradient:
        multiply(extras.gradient, shown, product)
        _add_pairs(shown, product, extras.gradient_drives[k], parts)
    take_sines(extras.has_sine, angle, x, waves)
    if extras.has_sine:
        for half in range(2):
            multiply(extras.sine, waves[half], product)
            _add_pairs(waves[half], product, extras.sine_drives[half, k], parts)
    for i in range(x.shape[0]):
        if angle[i]:
            field, second = np.float64(extras.phase[FIELD, i]), np.float64(extras.phase[SECOND, i])
            for l in range(x.shape[1]):
                sine, cosine = np.float64(waves[SINE, i, l]), np.float64(waves[COSINE, i, l])
                own[l] += second * sine * sine - field * cosine
                v = np.float64(x[i, l])
                square[l] += 2.0 - 2.0 * cosine - v * v


@njit(cache=True, nogil=True)
def _add_pairs(shown, product, drive, parts):  # type: ignore[no-untyped-def]
    """pair -= shown.product / 2, driven -= shown.drive, by lane."""
    pair, driven = parts[PAIR], parts[DRIVEN]
    step = 1 if drive.shape[0] == shown.shape[0] else 0
    for i in range(shown.shape[0]):
        for l in range(shown.shape[1]):
            v = np.float64(shown[i, l])
            pair[l] -= 0.5 * v * np.float64(product[i, l])
            driven[l] -= v * np.float64(drive[i * step, l])


@njit(cache=True, nogil=True)
def _nudge_cost(pull, activation, x, cost, rows):  # type: ignore[no-untyped-def]
    """cost = C of every trajectory, (lanes,) float64."""
    lanes, targets, shown = x.shape[1], pull.targets, rows[2]
    cost[:] = 0.0
    if pull.cost == CROSS_ENTROPY:
        softmax(pull, activation, x, rows)
        top, total = rows[0], rows[1]
        for r in range(pull.cells.size):
            i = pull.cells[r]
            activate_row(activation[i], x[i], shown)
            for l in range(lanes):
                level = np.float64(top[l]) + math.log(np.float64(total[l]))
                cost[l] += np.float64(targets[r, l]) * (level - np.float64(shown[l]))
        return
    for r in range(pull.cells.size):
        i = pull.cells[r]
        if pull.bare[r]:
            for l in range(lanes):
                cost[l] += 1.0 - np.float64(sin_cos(x[i, l] - targets[r, l])[1])
        else:
            activate_row(activation[i], x[i], shown)
            for l in range(lanes):
                gap = np.float64(shown[l]) - np.float64(targets[r, l])
                cost[l] += 0.5 * gap * gap


@njit(cache=True, nogil=True)
def _kinetic(mass, v, total):  # type: ignore[no-untyped-def]
    """total = sum m v^2 / 2, by lane."""
    total[:] = 0.0
    for i in range(v.shape[0]):
        half = 0.5 * mass[i]
        for l in range(v.shape[1]):
            speed = np.float64(v[i, l])
            total[l] += half * speed * speed


@njit(cache=True, nogil=True)
def _weigh(extras, cells, k, drive, x, shown, force, parts, room):  # type: ignore[no-untyped-def]
    """Fill own, pair, driven and square; drive : the inputs' force number k; force : W phi(x).

    pair and driven hold the energy of all couplings.
    """
    _polynomial_energies(cells.columns, x, force, drive, parts)
    if extras is not None:
        _add_energies(extras, k, x, shown, parts, room.waves)


@njit(cache=True, nogil=True)
def _weigh_all(extras, cells, bath, stage, x, shown, force, parts, room):  # type: ignore[no-untyped-def]
    """Fill all parts but the last in a phase."""
    _weigh(extras, cells, stage.input, stage.drive, x, shown, force, parts, room)
    if extras is not None:
        _nudge_cost(extras.pull, cells.activation, x, parts[COST], room.rows)
    if bath is not None:
        _kinetic(bath.mass, bath.v, parts[KINETIC])


@njit(cache=True, nogil=True, forceinline=True)
def _energy(at, parts, l):  # type: ignore[no-untyped-def]
    """Energy of lane l in a Setting."""
    potential = parts[OWN, l] + at.s * (parts[PAIR, l] + parts[DRIVEN, l]) + 0.5 * at.kappa * parts[SQUARE, l]
    return potential + at.beta * parts[COST, l] + parts[KINETIC, l]


@njit(cache=True, nogil=True)
def open_phase(  # type: ignore[no-untyped-def]
    extras, cells, bath, old, old_drive, now, stage, x, shown, force, parts, room
):
    """heat = the energy at the start of a phase; work = what switching from `old` to `now` costs.

    old, now : Settings; old_drive : the force of the inputs in the former; force : W phi(x)
    """
    _weigh(extras, cells, old.input, old_drive, x, shown, force, parts, room)
    for l in range(x.shape[1]):
        parts[LAST, l] = parts[DRIVEN, l]
    _weigh_all(extras, cells, bath, stage, x, shown, force, parts, room)
    for l in range(x.shape[1]):
        coupled = parts[PAIR, l] + parts[DRIVEN, l]
        stage.ledger[WORK, l] = (
            now.s * coupled
            - old.s * (parts[PAIR, l] + parts[LAST, l])
            + 0.5 * (now.kappa - old.kappa) * parts[SQUARE, l]
            + (now.beta - old.beta) * parts[COST, l]
        )
        stage.ledger[HEAT, l] = _energy(now, parts, l)
        parts[LAST, l] = coupled


@njit(cache=True, nogil=True)
def add_ramp(extras, cells, bath, stage, x, shown, force, parts, room):  # type: ignore[no-untyped-def]
    """Work of a step of the couplings' scale at x, which is not given to the bath."""
    _weigh(extras, cells, stage.input, stage.drive, x, shown, force, parts, room)
    ds = (stage.s1 - stage.s0) / stage.steps
    for l in range(x.shape[1]):
        energy = parts[PAIR, l] + parts[DRIVEN, l]
        ramped = ds * energy
        if bath is not None:  # half of it acts before the drift and half after, as the kicks do
            ramped = ds * (0.5 * (energy + parts[LAST, l]))
            parts[LAST, l] = energy
        stage.ledger[WORK, l] += ramped
        stage.ledger[HEAT, l] += ramped


@njit(cache=True, nogil=True)
def close_phase(extras, cells, bath, ds, now, stage, x, shown, force, parts, room):  # type: ignore[no-untyped-def]
    """Take the energy at the end from the heat; ds : a last step of the couplings' scale, or 0."""
    _weigh_all(extras, cells, bath, stage, x, shown, force, parts, room)
    for l in range(x.shape[1]):
        extra = ds * (parts[PAIR, l] + parts[DRIVEN, l]) if ds != 0.0 else 0.0
        stage.ledger[WORK, l] += extra
        stage.ledger[HEAT, l] += extra - _energy(now, parts, l)
