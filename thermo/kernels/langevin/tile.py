"""Langevin dynamics of one tile of trajectories through the phases of a schedule, any method.

Arrays are (cells, lanes) float32 with the trajectories innermost, so that SIMD lanes are
trajectories; energies are float64. The kernel is compiled once for each scheme and for each of the
extras there or not there (None), so that what is not there costs nothing, neither time nor
compilation. Symbols: docs/physics.md#dynamics.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.activations import activate_row
from thermo.kernels.jit import njit
from thermo.kernels.langevin.couplings import finish_force, make_room, multiply
from thermo.kernels.langevin.energies import PARTS, close_phase, open_phase
from thermo.kernels.langevin.parts import C1, CELL, ROW, STEP, Scratch, Setting, Stage
from thermo.kernels.langevin.rows import copy
from thermo.kernels.langevin.steps import baoab, euler, make_bath, setting, sparse_euler, whole_steps
from thermo.kernels.langevin.wiring import load_wells, show_within
from thermo.kernels.random import fma, magnitude

SPARSE_BYTES = 1 << 26  # states of one tile of sparsely coupled cells

_NEVER = 1 << 62
_ZERO = np.float32(0.0)


def sparse_lanes(n: int, trajectories: int, threads: int) -> int:
    """Trajectories of a tile with n sparsely coupled cells: 64, less if few or large.

    Each lane is summed by itself, so unlike in the dense case the width changes no bit.
    """
    lanes = 64
    while lanes > 16 and (lanes * threads > trajectories or 4 * n * lanes > SPARSE_BYTES):
        lanes //= 2
    return lanes


def dense_lanes(n: int) -> int:
    """Trajectories of a tile with n densely coupled cells; a function of n alone.

    OpenBLAS runs products of up to a million multiply-adds without repacking, 20 % faster.
    """
    return 32 if n * n * 32 <= 1_000_000 < n * n * 64 else 64


@njit(cache=True, nogil=True)
def _look(done, x, looks, kept, at, row):  # type: ignore[no-untyped-def]
    """Add the state after `done` steps to the open read-outs, and keep it where it is wanted.

    at : (3,) int64, the next read-out, the first one open and the next state to keep
    Returns how many steps will have been done when the next look is due.
    """
    ends, window, saved, out = looks.ends, looks.window, looks.saved, kept.out
    while at[0] < ends.shape[0] and ends[at[0]] - window < done:
        out[at[0]] = _ZERO
        at[0] += 1
    share = np.float32(1.0 / np.float64(window))
    for o in range(at[1], at[0]):
        for r in range(looks.read.shape[0]):
            shown = out[o, r] if window == 1 else row
            activate_row(looks.shown_as[r], x[looks.read[r]], shown)
            if window > 1:
                for l in range(row.shape[0]):
                    out[o, r, l] = fma(share, row[l], out[o, r, l])
    while at[1] < at[0] and ends[at[1]] <= done:
        at[1] += 1
    if at[2] < saved.shape[0] and saved[at[2]] == done:
        copy(x, kept.trajectory[at[2]])
        at[2] += 1
    due = _NEVER
    if at[1] < at[0]:
        due = done + 1
    elif at[0] < ends.shape[0]:
        due = ends[at[0]] - window + 1
    return min(due, saved[at[2]]) if at[2] < saved.shape[0] else due


@njit(cache=True, nogil=True)
def _has_diverged(done, x, peak, most, kept):  # type: ignore[no-untyped-def]
    """Whether any live trajectory left the bound; says when and which cell first."""
    found = False
    for l in range(kept.first, kept.last):
        if peak[l] > most:
            found = True
            kept.bad[STEP, l] = done
            kept.bad[CELL, l] = 0
            for i in range(x.shape[0]):
                if magnitude(x[i, l]) > most:
                    kept.bad[CELL, l] = i
                    break
    return found


@njit(cache=True, nogil=True)
def _set_wells(extras, c1, kappa, k1):  # type: ignore[no-untyped-def]
    """k1 = c1 with the phase's well, which a phase cell has elsewhere."""
    for i in range(k1.shape[0]):
        k1[i] = np.float32(np.float64(c1[i]) + kappa)
        if extras is not None and extras.angle[i]:
            k1[i] = _ZERO


@njit(cache=True, nogil=True)
def run_tile(  # type: ignore[no-untyped-def]
    linear,
    cells,
    extras,
    plain,
    fused,
    whole,
    inertia,
    schedule,
    source,
    drives,
    x,
    spare,
    looks,
    kept,
    energies,
):
    """Run one tile of trajectories through the P phases of a schedule.

    linear, cells, schedule, source, looks, kept : see thermo.kernels.langevin.parts
    extras : Extras, or None where there are none
    plain, fused, whole, inertia : the scheme; None but for plain = True, Euler-Maruyama, with fused,
        whether couplings are sparse, beside it where there are no extras; or a Whole; or an
        Inertia, BAOAB, which is always given extras
    drives : (n_drives, n, lanes) float32, force of the inputs at each input scale; one row of
        zeros instead of n where nothing is driven
    x : (n, lanes) float32, start on entry and end on return; spare : room for as much
    energies : whether heat and work are differences of energies
    """
    n, lanes = x.shape
    start, swapped, stepwise = x, False, inertia is not None
    room, bath, rows, wiring, shows = None, None, n, None, cells.active
    if extras is not None:
        room = make_room(extras, n, lanes)
    if inertia is not None:
        bath = make_bath(inertia, schedule.dt)
    if whole is not None:
        stepwise = whole.factor is not None
        wiring = whole.wiring
        shows = cells.active or wiring is not None
    if fused is not None and fused and not energies:
        rows = 1
    force = np.empty((rows, lanes), np.float32)
    phi = np.empty((n if shows else 1, lanes), np.float32)
    noise, k1 = np.zeros((6, lanes), np.float32), np.empty(n, np.float32)
    peak, parts, at = np.zeros(lanes, np.int32), np.zeros((PARTS, lanes)), np.zeros(3, np.int64)
    scratch = Scratch(force, phi, noise, k1, peak, parts, room)
    most = magnitude(looks.bound)
    done = 0
    due = _look(done, x, looks, kept, at, noise[ROW])
    scale, temperature = schedule.scale, schedule.kT
    old = Setting(scale[0, 0], 0.0, 0.0, done)
    for p in range(schedule.n_steps.shape[0]):
        stage = Stage(
            schedule.mobility,
            schedule.dt,
            schedule.n_steps[p],
            scale[p, 0],
            scale[p, 1],
            temperature[p, 0],
            temperature[p, 1],
            schedule.stiffness[p],
            schedule.nudge[p],
            schedule.drive[p],
            energies and scale[p, 0] != scale[p, 1],
            drives[schedule.drive[p]],
            schedule.held[p],
            kept.ledger[p],
        )
        _set_wells(extras, cells.columns[C1], stage.kappa, k1)
        k = 0
        if energies or whole is not None or inertia is not None:
            now = setting(stage, k)
            shown = show_within(wiring, cells, x, phi)
            load_wells(wiring, cells.columns[C1], now, k1)
            multiply(linear, shown, force)
            if energies:
                open_phase(
                    extras, cells, bath, old, drives[old.input], now, stage, x, shown, force, parts, room
                )
            if whole is not None or inertia is not None:
                finish_force(extras, cells, now, k1, x, shown, stage.drive, force, room)
        while k < stage.steps:
            stop = min(stage.steps, k + due - done, k + looks.check_every - done % looks.check_every)
            if inertia is not None:
                baoab(linear, cells, extras, bath, inertia.along, stage, source, scratch, x, k, stop, done)
            if whole is not None:
                whole_steps(linear, cells, extras, whole, stage, source, scratch, x, spare, k, stop, done)
            if plain is not None:
                summed = False
                if fused is not None:
                    summed = fused and not stage.ramped
                    if summed:
                        sparse_euler(linear, cells, stage, source, scratch, x, spare, k, stop, done)
                if not summed:
                    euler(linear, cells, extras, stage, source, scratch, x, spare, k, stop, done)
            if inertia is None and (stop - k) % 2:
                x, spare = spare, x
                swapped = not swapped
            done += stop - k
            k = stop
            if done == due:
                due = _look(done, x, looks, kept, at, noise[ROW])
            if (done % looks.check_every == 0 or k == stage.steps) and _has_diverged(
                done, x, peak, most, kept
            ):
                return
        old = Setting(stage.s1, stage.kappa, stage.beta, stage.input)
        if energies:
            shown = show_within(wiring, cells, x, phi)
            multiply(linear, shown, force)
            ds = (stage.s1 - stage.s0) / stage.steps if stage.ramped and not stepwise else 0.0
            close_phase(extras, cells, bath, ds, old, stage, x, shown, force, parts, room)
    if swapped:
        copy(x, start)
