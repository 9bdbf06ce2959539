"""Langevin dynamics with inertia, and overdamped with correlated noise: one tile of trajectories.

BAOAB (Leimkuhler and Matthews, AMRX 2013, section 2: half a kick, half a drift, the bath exactly,
half a drift, half a kick) for cells with mass and friction; Euler-Maruyama and Heun for overdamped
cells whose noise has a covariance 2 kT D dt. Arrays are (cells, lanes) float32 as in
thermo.kernels.langevin.tile; energies are float64. Symbols: docs/physics.md#underdamped.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.langevin.couplings import add_extras, couple, make_room, nudge_cost, potential_parts
from thermo.kernels.langevin.rows import clamp, self_force
from thermo.kernels.langevin.tile import HEUN, _note_diverged, _observe
from thermo.kernels.random import fill_block, fill_normals, fma, magnitude

BAOAB = 3
_HALF = np.float32(0.5)


@njit(cache=True, nogil=True)
def _whole_force(  # type: ignore[no-untyped-def]
    dense,
    w,
    indptr,
    indices,
    weight,
    active,
    activation,
    k1,
    c2,
    c3,
    h,
    extras,
    p,
    k,
    s,
    kappa,
    drive,
    x,
    phi,
    force,
    room,
):
    """force = all of it at x: couplings and inputs at scale s, nudge, well and self-energy."""
    couple(dense, w, indptr, indices, weight, active, activation, x, phi, force)
    add_extras(extras, p, k, s, kappa, active, activation, x, phi, drive, force, room)
    for i in range(x.shape[0]):
        a1, a2, a3, own, at, out = k1[i], c2[i], c3[i], h[i], x[i], force[i]
        for l in range(out.shape[0]):
            out[l] = self_force(out[l] + own, at[l], a1, a2, a3)


@njit(cache=True, nogil=True)
def _kinetic(mass, v, total):  # type: ignore[no-untyped-def]
    """total += sum m v^2 / 2, by lane."""
    for i in range(v.shape[0]):
        half = 0.5 * mass[i]
        for l in range(v.shape[1]):
            speed = np.float64(v[i, l])
            total[l] += half * speed * speed


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
    mass,
    friction,
    factor,
    dt,
    method,
    n_steps,
    scale,
    kT,
    stiffness,
    drive_of,
    x,
    v,
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
    along,
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

    mass, friction : (n,) float64, used by BAOAB, whose velocities are v (n, lanes) float32; one row
        of v will do otherwise
    factor : (n, n) float32 with factor factor^T = D, used by Euler-Maruyama and Heun
    along : the heat is summed along the path: kinetic energy given to the bath (BAOAB), or the
        Stratonovich sum of force times displacement
    The rest is as in thermo.kernels.langevin.tile.run_tile; x and v hold the end on return.
    """
    n, lanes = x.shape
    inert = method == BAOAB
    room = make_room(extras, n, lanes)
    force = np.empty((n, lanes), np.float32)
    second = np.empty((1 if inert else n, lanes), np.float32)
    old = np.empty((1 if inert else n, lanes), np.float32)
    normals = np.empty((4 if inert else n, lanes), np.float32)
    shot = np.zeros((1 if inert else n, lanes), np.float32)
    phi = np.empty((n if active else 1, lanes), np.float32)
    row = np.empty(lanes, np.float32)
    k1 = np.empty(n, np.float32)
    kick = np.empty(n, np.float32)
    keep = np.empty(n, np.float32)
    sigma = np.empty(n, np.float32)
    own, pair, driven, old_driven = np.zeros((4, lanes))
    square, cost, kinetic, coupled_energy = np.zeros((4, lanes))
    peak = np.zeros(lanes, np.int32)
    most = magnitude(bound)
    hdt = np.float32(0.5 * dt)
    mdt = np.float32(mobility * dt)
    half_mdt = np.float32(0.5 * mobility * dt)
    if inert:
        for i in range(n):
            kick[i] = np.float32(0.5 * dt / mass[i])
            keep[i] = np.float32(math.exp(-friction[i] * dt / mass[i]))
    next_saved = 0
    if saved.shape[0] and saved[0] == 0:
        trajectory[0] = x
        next_saved = 1
    next_obs, open_obs = 0, 0
    if ends[0] == 0:
        next_obs, open_obs = _observe(0, x, read, shown_as, ends, 1, out, 0, 0, row)
    done = 0
    s_old = scale[0, 0]
    kappa_old = 0.0
    beta_old = 0.0
    drive_old = 0
    for p in range(n_steps.shape[0]):
        k_in = drive_of[p]
        drive = drives[k_in]
        kappa, beta = stiffness[p], extras.nudge[p]
        s0, s1 = scale[p, 0], scale[p, 1]
        for i in range(n):
            k1[i] = np.float32(np.float64(c1[i]) + kappa)
            if extras.angle[i]:
                k1[i] = np.float32(0.0)
        if energies:
            couple(dense, w, indptr, indices, weight, active, activation, x, phi, force)
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
                force,
                drives,
                own,
                pair,
                old_driven,
                square,
                room,
            )
            potential_parts(
                extras, k_in, c1, c2, c3, h, active, x, phi, force, drives, own, pair, driven, square, room
            )
            nudge_cost(extras, activation, x, cost, room)
            kinetic[:] = 0.0
            if inert:
                _kinetic(mass, v, kinetic)
            for l in range(lanes):
                coupled_energy[l] = pair[l] + driven[l]
                work[p, l] = (
                    s0 * (pair[l] + driven[l])
                    - s_old * (pair[l] + old_driven[l])
                    + 0.5 * (kappa - kappa_old) * square[l]
                    + (beta - beta_old) * cost[l]
                )
                heat[p, l] = (
                    own[l]
                    + s0 * (pair[l] + driven[l])
                    + 0.5 * kappa * square[l]
                    + beta * cost[l]
                    + kinetic[l]
                )
        _whole_force(
            dense,
            w,
            indptr,
            indices,
            weight,
            active,
            activation,
            k1,
            c2,
            c3,
            h,
            extras,
            p,
            k_in,
            np.float32(s0),
            kappa,
            drive,
            x,
            phi,
            force,
            room,
        )
        steps = n_steps[p]
        for k in range(steps):
            s_next = s0 + (s1 - s0) * (k + 1) / steps
            kT_now = kT[p, 0] + (kT[p, 1] - kT[p, 0]) * (k + 0.5) / steps
            noisy = kT_now > 0
            if inert:
                for i in range(n):
                    c = math.exp(-friction[i] * dt / mass[i])
                    sigma[i] = np.float32(math.sqrt(kT_now * (1.0 - c * c) / mass[i]))
                for block in range((n + 3) // 4):
                    if noisy:
                        fill_block(
                            normals[0], normals[1], normals[2], normals[3], seed, traj0, done, block, stream
                        )
                    else:
                        normals[:] = np.float32(0.0)
                    for j in range(min(4, n - 4 * block)):
                        i = 4 * block + j
                        vi, xi, fi, z = v[i], x[i], force[i], normals[j]
                        push, c, spread = kick[i], keep[i], sigma[i]
                        half = 0.5 * mass[i]
                        for l in range(lanes):
                            before = fma(push, fi[l], vi[l])
                            after = fma(spread, z[l], c * before)
                            xi[l] = fma(hdt, before + after, xi[l])
                            vi[l] = after
                            row[l] = before
                        if along:
                            for l in range(lanes):
                                a, b = np.float64(row[l]), np.float64(vi[l])
                                heat[p, l] += half * (a * a - b * b)
            else:
                spread = np.float32(math.sqrt(2.0 * kT_now * dt))
                if noisy:
                    fill_normals(normals, seed, traj0, done, stream)
                    np.dot(factor, normals, shot)
                for i in range(n):
                    xi, fi, kept, new = x[i], force[i], shot[i], old[i]
                    if extras.held[p, i]:
                        for l in range(lanes):
                            new[l] = xi[l]
                            kept[l] = np.float32(0.0)
                    else:
                        for l in range(lanes):
                            kept[l] = spread * kept[l] if noisy else np.float32(0.0)
                            guess = fma(mdt, fi[l], xi[l]) + kept[l]
                            new[l] = xi[l]
                            # Heun clamps its result alone, as the uncorrelated kernel does
                            xi[l] = guess if method == HEUN else clamp(guess, lo[i], hi[i])
                if method == HEUN:
                    _whole_force(
                        dense,
                        w,
                        indptr,
                        indices,
                        weight,
                        active,
                        activation,
                        k1,
                        c2,
                        c3,
                        h,
                        extras,
                        p,
                        k_in,
                        np.float32(s_next),
                        kappa,
                        drive,
                        x,
                        phi,
                        second,
                        room,
                    )
                    for i in range(n):
                        if not extras.held[p, i]:
                            for l in range(lanes):
                                moved = fma(half_mdt, force[i, l] + second[i, l], old[i, l])
                                x[i, l] = clamp(moved + shot[i, l], lo[i], hi[i])
                if along:
                    second[:] = force
            _whole_force(
                dense,
                w,
                indptr,
                indices,
                weight,
                active,
                activation,
                k1,
                c2,
                c3,
                h,
                extras,
                p,
                k_in,
                np.float32(s_next),
                kappa,
                drive,
                x,
                phi,
                force,
                room,
            )
            if inert:
                for i in range(n):
                    push = kick[i]
                    for l in range(lanes):
                        v[i, l] = fma(push, force[i, l], v[i, l])
            elif along:
                for i in range(n):
                    for l in range(lanes):
                        heat[p, l] += np.float64(_HALF * (second[i, l] + force[i, l])) * (
                            np.float64(x[i, l]) - np.float64(old[i, l])
                        )
            if energies and s0 != s1:
                # the product is read before the extras use its room
                couple(dense, w, indptr, indices, weight, active, activation, x, phi, room.product)
                potential_parts(
                    extras,
                    k_in,
                    c1,
                    c2,
                    c3,
                    h,
                    active,
                    x,
                    phi,
                    room.product,
                    drives,
                    own,
                    pair,
                    driven,
                    square,
                    room,
                )
                ds = (s1 - s0) / steps
                for l in range(lanes):
                    now = pair[l] + driven[l]
                    # half of it acts before the drift and half after, as the kicks do
                    ramped = ds * (0.5 * (now + coupled_energy[l]) if inert else now)
                    coupled_energy[l] = now
                    work[p, l] += ramped
                    heat[p, l] += ramped
            for i in range(n):
                for l in range(lanes):
                    bits = magnitude(x[i, l])
                    peak[l] = bits if bits > peak[l] else peak[l]
            done += 1
            next_obs, open_obs = _observe(done, x, read, shown_as, ends, window, out, next_obs, open_obs, row)
            if next_saved < saved.shape[0] and saved[next_saved] == done:
                trajectory[next_saved] = x
                next_saved += 1
            if (done % check_every == 0 or k == steps - 1) and _note_diverged(
                done, x, peak, most, live0, live1, bad_step, bad_cell
            ):
                return
        if energies:
            couple(dense, w, indptr, indices, weight, active, activation, x, phi, force)
            potential_parts(
                extras, k_in, c1, c2, c3, h, active, x, phi, force, drives, own, pair, driven, square, room
            )
            nudge_cost(extras, activation, x, cost, room)
            kinetic[:] = 0.0
            if inert:
                _kinetic(mass, v, kinetic)
            for l in range(lanes):
                heat[p, l] -= (
                    own[l]
                    + s1 * (pair[l] + driven[l])
                    + 0.5 * kappa * square[l]
                    + beta * cost[l]
                    + kinetic[l]
                )
        s_old = s1
        kappa_old = kappa
        beta_old = beta
        drive_old = k_in
