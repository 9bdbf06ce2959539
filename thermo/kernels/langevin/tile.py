"""Overdamped Langevin dynamics of one tile of trajectories, any method.

Arrays are (cells, lanes) float32 with the trajectories innermost, so that SIMD lanes are
trajectories; energies are float64. A dense coupling matrix is multiplied by BLAS, one thread and
one fixed shape a tile, so that neither threads nor the split of the batch can change a bit; a
sparse one is summed row by row in the order of its columns. Symbols: docs/physics.md#dynamics.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.activations import activate_row
from thermo.kernels.jit import njit
from thermo.kernels.langevin.couplings import add_extras, couple, make_room, nudge_cost, potential_parts
from thermo.kernels.langevin.rows import clamp, csr_euler_row, euler_row, self_force
from thermo.kernels.random import fill_block, fill_normals, fma, magnitude

SPARSE_BYTES = 1 << 26  # states of one tile of sparsely coupled cells
EULER, HEUN, LEIMKUHLER_MATTHEWS = 0, 1, 2
CHECK_EVERY = 32  # steps between looks for diverged trajectories

_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)


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
def _add_drive(h, s, coupled, drive, out):  # type: ignore[no-untyped-def]
    """out = h + s (coupled + drive), the force on one cell but for its self-energy."""
    for l in range(out.shape[0]):
        out[l] = fma(s, coupled[l] + drive[l], h)


@njit(cache=True, nogil=True)
def _observe(done, x, read, shown, ends, window, out, next_obs, open_obs, row):  # type: ignore[no-untyped-def]
    """Add the state after `done` steps to the open read-outs; returns next_obs, open_obs."""
    while next_obs < ends.shape[0] and ends[next_obs] - window < done:
        out[next_obs] = _ZERO
        next_obs += 1
    for o in range(open_obs, next_obs):
        if window == 1:
            for r in range(read.shape[0]):
                activate_row(shown[r], x[read[r]], out[o, r])
        else:
            share = np.float32(1.0 / window)
            for r in range(read.shape[0]):
                activate_row(shown[r], x[read[r]], row)
                for l in range(row.shape[0]):
                    out[o, r, l] = fma(share, row[l], out[o, r, l])
    while open_obs < next_obs and ends[open_obs] <= done:
        open_obs += 1
    return next_obs, open_obs


@njit(cache=True, nogil=True)
def _note_diverged(done, x, peak, most, live0, live1, bad_step, bad_cell):  # type: ignore[no-untyped-def]
    """Whether any live trajectory left the bound; says when and which cell first."""
    bad = False
    for l in range(live0, live1):
        if peak[l] > most:
            bad = True
            bad_step[l] = done
            bad_cell[l] = 0
            for i in range(x.shape[0]):
                if magnitude(x[i, l]) > most:
                    bad_cell[l] = i
                    break
    return bad


@njit(cache=True, nogil=True)
def run_tile(  # type: ignore[no-untyped-def]
    dense,
    w,
    indptr,
    indices,
    weight,
    c1,
    c2,
    c3,
    h,
    lo,
    hi,
    activation,
    active,
    mobility,
    dt,
    method,
    n_steps,
    scale,
    kT,
    stiffness,
    drive_of,
    x,
    spare,
    drives,
    extras,
    seed,
    traj0,
    stream,
    read,
    shown_as,
    ends,
    window,
    out,
    saved,
    trajectory,
    energies,
    stratonovich,
    heat,
    work,
    bound,
    check_every,
    live0,
    live1,
    bad_step,
    bad_cell,
):
    """Run one tile of trajectories through the P phases of a schedule.

    dense, w : linear couplings as an (n, n) matrix if dense, else indptr, indices, weight (CSR)
    c1, c2, c3, h, lo, hi, activation : (n,) cells, see thermo.simulate.langevin.prepare.Prepared
    active : whether any activation is other than the identity
    n_steps, scale, kT, stiffness, drive_of : the phases, see thermo.simulate.langevin.plan.Plan
    x : (n, lanes) float32, start on entry and end on return; spare : room for as much
    drives : (n_drives, n, lanes) float32, force of the inputs at each input scale; one row of
        zeros instead of n where nothing is driven
    extras : thermo.kernels.langevin.couplings.Extras, or None; the kernel is compiled once for
        each, so that what is not there costs nothing
    traj0 : id of the first lane
    read, shown_as : (n_read,) cells, and the activation codes that they are read through
    out : (n_times, n_read, lanes); trajectory : (n_saved, n, lanes), float32
    heat, work : (P, lanes) float64, zero on entry; see thermo.simulate.langevin.run.simulate
    live0, live1 : first and last + 1 of the lanes that count; the others are padding
    bad_step, bad_cell : (lanes,) int64, -1 on entry; the check that found |x| > bound
    """
    n, lanes = x.shape
    start = x
    swapped = False
    driven_cells = 1 if drives.shape[1] == n else 0
    fused = not dense and method == EULER and not stratonovich and not energies
    room = None
    if extras is not None:
        fused = False
        room = make_room(extras, n, lanes)
    coupled = np.empty((1 if fused else n, lanes), np.float32)
    phi = np.empty((n if active else 1, lanes), np.float32)
    keep = method == HEUN
    guess = np.empty((n if keep else 1, lanes), np.float32)
    first = np.empty((n if keep or stratonovich else 1, lanes), np.float32)
    moved = np.empty((n if stratonovich else 1, lanes), np.float32)
    last = np.zeros((n if method == LEIMKUHLER_MATTHEWS else 1, lanes), np.float32)
    noise = np.zeros((4, lanes), np.float32)
    shot = np.zeros((n if keep else 1, lanes), np.float32)
    row = np.empty(lanes, np.float32)
    nothing = np.zeros((1, lanes), np.float32)
    k1 = np.empty(n, np.float32)
    own = np.zeros(lanes)
    pair = np.zeros(lanes)
    driven = np.zeros(lanes)
    old_driven = np.zeros(lanes)
    square = np.zeros(lanes)
    cost = np.zeros(lanes)
    peak = np.zeros(lanes, np.int32)
    most = magnitude(bound)
    mdt = np.float32(mobility * dt)
    half_mdt = np.float32(0.5 * mobility * dt)
    next_saved = 0
    if saved.shape[0] and saved[0] == 0:
        trajectory[0] = x
        next_saved = 1
    next_obs, open_obs = 0, 0
    if ends[0] == 0:
        next_obs, open_obs = _observe(0, x, read, shown_as, ends, 1, out, 0, 0, row)
    done = 0
    primed = False
    s_old = scale[0, 0]
    kappa_old = 0.0
    beta_old = 0.0
    drive_old = 0
    for p in range(n_steps.shape[0]):
        drive = drives[drive_of[p]]
        kappa = stiffness[p]
        beta = 0.0
        s0, s1 = scale[p, 0], scale[p, 1]
        for i in range(n):
            k1[i] = np.float32(np.float64(c1[i]) + kappa)
        if extras is not None:
            beta = extras.nudge[p]
            for i in range(n):
                if extras.angle[i]:
                    k1[i] = _ZERO
        if energies:
            couple(dense, w, indptr, indices, weight, active, activation, x, phi, coupled)
            potential_parts(
                extras,
                drive_old,
                c1,
                c2,
                c3,
                h,
                active,
                x,
                phi,
                coupled,
                drives,
                own,
                pair,
                old_driven,
                square,
                room,
            )
            potential_parts(
                extras,
                drive_of[p],
                c1,
                c2,
                c3,
                h,
                active,
                x,
                phi,
                coupled,
                drives,
                own,
                pair,
                driven,
                square,
                room,
            )
            if extras is not None:
                nudge_cost(extras, activation, x, cost, room)
            for l in range(lanes):
                work[p, l] = (
                    s0 * (pair[l] + driven[l])
                    - s_old * (pair[l] + old_driven[l])
                    + 0.5 * (kappa - kappa_old) * square[l]
                    + (beta - beta_old) * cost[l]
                )
                heat[p, l] = own[l] + s0 * (pair[l] + driven[l]) + 0.5 * kappa * square[l] + beta * cost[l]
        steps = n_steps[p]
        plain = method == EULER and not stratonovich and not (energies and s0 != s1)
        for k in range(steps):
            s_now = s0 + (s1 - s0) * k / steps
            s = np.float32(s_now)
            heat_now = kT[p, 0] + (kT[p, 1] - kT[p, 0]) * (k + 0.5) / steps
            sigma = np.float32(math.sqrt(2.0 * mobility * heat_now * dt))
            noisy = bool(sigma > 0)
            if method == LEIMKUHLER_MATTHEWS and noisy and not primed:
                # step k's noise is (R_k + R_(k-1)) / 2; R_(-1) has the number 2^32 - 1
                fill_normals(last, seed, traj0, done - 1, stream)
            primed = noisy
            if plain:
                shown = x
                if active:
                    for i in range(n):
                        activate_row(activation[i], x[i], phi[i])
                    shown = phi
                if extras is not None:
                    couple(dense, w, indptr, indices, weight, False, activation, shown, phi, coupled)
                    add_extras(
                        extras, p, drive_of[p], s, kappa, active, activation, x, phi, drive, coupled, room
                    )
                elif dense:
                    np.dot(w, shown, coupled)
                for block in range((n + 3) // 4):
                    if noisy:
                        fill_block(noise[0], noise[1], noise[2], noise[3], seed, traj0, done, block, stream)
                    for j in range(min(4, n - 4 * block)):
                        i = 4 * block + j
                        if extras is not None:
                            if extras.held[p, i]:
                                for l in range(lanes):
                                    spare[i, l] = x[i, l]
                            else:
                                euler_row(
                                    x[i],
                                    spare[i],
                                    coupled[i],
                                    nothing[0],
                                    noise[j],
                                    h[i],
                                    _ONE,
                                    k1[i],
                                    c2[i],
                                    c3[i],
                                    lo[i],
                                    hi[i],
                                    mdt,
                                    sigma,
                                    peak,
                                )
                        elif dense:
                            euler_row(
                                x[i],
                                spare[i],
                                coupled[i],
                                drive[i * driven_cells],
                                noise[j],
                                h[i],
                                s,
                                k1[i],
                                c2[i],
                                c3[i],
                                lo[i],
                                hi[i],
                                mdt,
                                sigma,
                                peak,
                            )
                        else:
                            csr_euler_row(
                                indices,
                                weight,
                                indptr[i],
                                indptr[i + 1],
                                shown,
                                x[i],
                                spare[i],
                                drive[i * driven_cells],
                                noise[j],
                                h[i],
                                s,
                                k1[i],
                                c2[i],
                                c3[i],
                                lo[i],
                                hi[i],
                                mdt,
                                sigma,
                                peak,
                            )
                x, spare = spare, x
                swapped = not swapped
            else:
                couple(dense, w, indptr, indices, weight, active, activation, x, phi, coupled)
                if energies and s0 != s1 and k > 0:
                    potential_parts(
                        extras,
                        drive_of[p],
                        c1,
                        c2,
                        c3,
                        h,
                        active,
                        x,
                        phi,
                        coupled,
                        drives,
                        own,
                        pair,
                        driven,
                        square,
                        room,
                    )
                    ds = (s1 - s0) / steps
                    for l in range(lanes):
                        work[p, l] += ds * (pair[l] + driven[l])
                        heat[p, l] += ds * (pair[l] + driven[l])
                if extras is not None:
                    add_extras(
                        extras, p, drive_of[p], s, kappa, active, activation, x, phi, drive, coupled, room
                    )
            gain, push, each = s, drive, driven_cells
            if extras is not None:  # the force is whole already
                gain, push, each = _ONE, nothing, 0
            for block in range(0 if plain else (n + 3) // 4):
                if noisy:
                    fill_block(noise[0], noise[1], noise[2], noise[3], seed, traj0, done, block, stream)
                for j in range(min(4, n - 4 * block)):
                    i = 4 * block + j
                    xi = x[i]
                    z = noise[j]
                    a1, a2, a3 = k1[i], c2[i], c3[i]
                    free = True
                    if extras is not None:
                        free = not extras.held[p, i]
                    _add_drive(h[i], gain, coupled[i], push[i * each], row)
                    for l in range(lanes):
                        row[l] = self_force(row[l], xi[l], a1, a2, a3)
                    if stratonovich:
                        if k > 0:
                            for l in range(lanes):
                                heat[p, l] += np.float64(_HALF * (first[i, l] + row[l])) * np.float64(
                                    moved[i, l]
                                )
                        for l in range(lanes):
                            moved[i, l] = xi[l]
                    if keep or stratonovich:
                        for l in range(lanes):
                            first[i, l] = row[l]
                    if method == LEIMKUHLER_MATTHEWS:
                        if noisy:
                            lz = last[i]
                            for l in range(lanes):
                                v = z[l]
                                z[l] = _HALF * (v + lz[l])
                                lz[l] = v
                        xn = xi
                    elif keep:
                        xn = guess[i]
                        if noisy:
                            for l in range(lanes):
                                shot[i, l] = sigma * z[l]
                        else:
                            for l in range(lanes):
                                shot[i, l] = np.float32(0.0)
                    else:
                        xn = xi
                    if not free:
                        for l in range(lanes):
                            xn[l] = xi[l]
                    elif noisy:
                        for l in range(lanes):
                            xn[l] = fma(sigma, z[l], fma(mdt, row[l], xi[l]))
                    else:
                        for l in range(lanes):
                            xn[l] = fma(mdt, row[l], xi[l])
                    if not keep:
                        if free:
                            for l in range(lanes):
                                v = clamp(xn[l], lo[i], hi[i])
                                xn[l] = v
                                bits = magnitude(v)
                                peak[l] = bits if bits > peak[l] else peak[l]
                        if stratonovich:
                            for l in range(lanes):
                                moved[i, l] = xn[l] - moved[i, l]
            if keep:
                s = np.float32(s0 + (s1 - s0) * (k + 1) / steps)
                couple(dense, w, indptr, indices, weight, active, activation, guess, phi, coupled)
                gain = s
                if extras is not None:
                    gain = _ONE
                    add_extras(
                        extras, p, drive_of[p], s, kappa, active, activation, guess, phi, drive, coupled, room
                    )
                for i in range(n):
                    xi = x[i]
                    a1, a2, a3 = k1[i], c2[i], c3[i]
                    free = True
                    if extras is not None:
                        free = not extras.held[p, i]
                    if free:
                        _add_drive(h[i], gain, coupled[i], push[i * each], row)
                        for l in range(lanes):
                            f = self_force(row[l], guess[i, l], a1, a2, a3)
                            xi[l] = fma(half_mdt, first[i, l] + f, xi[l]) + shot[i, l]
                        for l in range(lanes):
                            v = clamp(xi[l], lo[i], hi[i])
                            xi[l] = v
                            bits = magnitude(v)
                            peak[l] = bits if bits > peak[l] else peak[l]
                    if stratonovich:
                        for l in range(lanes):
                            moved[i, l] = xi[l] - moved[i, l]
            done += 1
            next_obs, open_obs = _observe(done, x, read, shown_as, ends, window, out, next_obs, open_obs, row)
            if next_saved < saved.shape[0] and saved[next_saved] == done:
                trajectory[next_saved] = x
                next_saved += 1
            if (done % check_every == 0 or k == steps - 1) and _note_diverged(
                done, x, peak, most, live0, live1, bad_step, bad_cell
            ):
                return
        if energies or stratonovich:
            couple(dense, w, indptr, indices, weight, active, activation, x, phi, coupled)
        if energies:
            potential_parts(
                extras,
                drive_of[p],
                c1,
                c2,
                c3,
                h,
                active,
                x,
                phi,
                coupled,
                drives,
                own,
                pair,
                driven,
                square,
                room,
            )
            if extras is not None:
                nudge_cost(extras, activation, x, cost, room)
            for l in range(lanes):
                extra = (s1 - s0) / steps * (pair[l] + driven[l]) if s0 != s1 else 0.0
                work[p, l] += extra
                end = own[l] + s1 * (pair[l] + driven[l]) + 0.5 * kappa * square[l]
                heat[p, l] += extra - (end + beta * cost[l])
        if stratonovich:
            s = np.float32(s1)
            gain, push, each = s, drive, driven_cells
            if extras is not None:
                gain, push, each = _ONE, nothing, 0
                add_extras(extras, p, drive_of[p], s, kappa, active, activation, x, phi, drive, coupled, room)
            for i in range(n):
                _add_drive(h[i], gain, coupled[i], push[i * each], row)
                for l in range(lanes):
                    f = self_force(row[l], x[i, l], k1[i], c2[i], c3[i])
                    heat[p, l] += np.float64(_HALF * (first[i, l] + f)) * np.float64(moved[i, l])
        s_old = s1
        kappa_old = kappa
        beta_old = beta
        drive_old = drive_of[p]
    if swapped:
        start[:] = x
