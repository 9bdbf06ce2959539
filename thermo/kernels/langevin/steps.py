"""The schemes: steps of a tile of trajectories within one phase. docs/physics.md#integrators.

Arrays are (cells, lanes) float32. Each function does steps first to stop - 1 of phase `stage`, `done`
steps having been done before them. All but BAOAB write each state beside the last, in x and new by
turns: after an odd number of steps the state is in `new`.
"""

from __future__ import annotations

import math

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.langevin.couplings import add_extras, finish_force, multiply, show
from thermo.kernels.langevin.energies import add_ramp
from thermo.kernels.langevin.parts import C1, HEAT, HI, KEEP, KICK, LO, NOTHING, ROW, SIGMA, Bath, Setting
from thermo.kernels.langevin.rows import clamp, copy, csr_euler_row, euler_row, own_law
from thermo.kernels.langevin.wiring import add_shared, load_wells, show_within, spread
from thermo.kernels.random import fill_block, fill_normals, fma, magnitude

_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)


@njit(cache=True, nogil=True, forceinline=True)
def setting(stage, k):  # type: ignore[no-untyped-def]
    """The Setting at the start of step k."""
    return Setting(stage.s0 + (stage.s1 - stage.s0) * k / stage.steps, stage.kappa, stage.beta, stage.input)


@njit(cache=True, nogil=True, forceinline=True)
def _kT(stage, k):  # type: ignore[no-untyped-def]
    """The temperature in the middle of step k."""
    return stage.kT0 + (stage.kT1 - stage.kT0) * (k + 0.5) / stage.steps


@njit(cache=True, nogil=True, forceinline=True)
def _fill_block(noise, source, step, block, noisy):  # type: ignore[no-untyped-def]
    """noise = normals of cells 4 block to 4 block + 3 in this step, or zeros."""
    if noisy:
        fill_block(
            noise[0], noise[1], noise[2], noise[3], source.seed, source.origin, step, block, source.stream
        )
    elif block == 0:
        noise[:4] = _ZERO


@njit(cache=True, nogil=True, forceinline=True)
def _note_peak(x, peak):  # type: ignore[no-untyped-def]
    """peak = max(peak, |x|) as bits."""
    for l in range(x.shape[0]):
        bits = magnitude(x[l])
        peak[l] = bits if bits > peak[l] else peak[l]


@njit(cache=True, nogil=True)
def sparse_euler(  # type: ignore[no-untyped-def]
    linear, cells, stage, source, scratch, x, new, first, stop, done
):
    """Euler-Maruyama, the sums over sparse couplings made within the step, row by row."""
    n = x.shape[0]
    values, indptr, indices = linear.weights[0], linear.indptr, linear.indices
    columns, noise, peak, k1, drive = cells.columns, scratch.noise, scratch.peak, scratch.k1, stage.drive
    each = 1 if drive.shape[0] == n else 0
    mdt = np.float32(stage.mobility * stage.dt)
    for k in range(first, stop):
        s = np.float32(setting(stage, k).s)
        sigma = np.float32(math.sqrt(2.0 * stage.mobility * _kT(stage, k) * stage.dt))
        shown = x
        if cells.active:
            shown = show(cells, x, scratch.phi)
        for block in range((n + 3) // 4):
            _fill_block(noise, source, done, block, sigma > 0)
            for j in range(min(4, n - 4 * block)):
                i = 4 * block + j
                csr_euler_row(
                    indices,
                    values,
                    indptr[i],
                    indptr[i + 1],
                    shown,
                    x[i],
                    new[i],
                    drive[i * each],
                    noise[j],
                    s,
                    own_law(columns, k1, i),
                    mdt,
                    sigma,
                    peak,
                )
        x, new = new, x
        done += 1


@njit(cache=True, nogil=True)
def euler(  # type: ignore[no-untyped-def]
    linear, cells, extras, stage, source, scratch, x, new, first, stop, done
):
    """Euler-Maruyama: x' = x + mu f dt + sqrt(2 mu kT dt) z, kept in the interval."""
    n, lanes = x.shape
    dense, weights, active, columns = linear.dense, linear.weights, cells.active, cells.columns
    force, noise, peak, k1, drive = scratch.force, scratch.noise, scratch.peak, scratch.k1, stage.drive
    held, push = stage.held, drive
    if extras is not None:
        push = noise[NOTHING:]  # the force is whole but for h and the polynomial
    each = 1 if push.shape[0] == n else 0
    mdt = np.float32(stage.mobility * stage.dt)
    for k in range(first, stop):
        now = setting(stage, k)
        sigma = np.float32(math.sqrt(2.0 * stage.mobility * _kT(stage, k) * stage.dt))
        shown = x
        if active:
            shown = show(cells, x, scratch.phi)
        if dense:
            np.dot(weights, shown, force)
        else:
            multiply(linear, shown, force)
        if stage.ramped and k > 0:
            add_ramp(extras, cells, None, stage, x, shown, force, scratch.parts, scratch.room)
        gain = np.float32(now.s)
        if extras is not None:
            gain = _ONE
            add_extras(extras, cells, now, x, shown, drive, force, scratch.room)
        for block in range((n + 3) // 4):
            _fill_block(noise, source, done, block, sigma > 0)
            for j in range(min(4, n - 4 * block)):
                i = 4 * block + j
                stays = False
                if extras is not None:
                    stays = held[i]
                if stays:
                    for l in range(lanes):
                        new[i, l] = x[i, l]
                else:
                    own = own_law(columns, k1, i)
                    euler_row(x[i], new[i], force[i], push[i * each], noise[j], gain, own, mdt, sigma, peak)
        x, new = new, x
        done += 1


@njit(cache=True, nogil=True)
def _shots(factor, last, normals, product, noisy, source, step):  # type: ignore[no-untyped-def]
    """normals = what the noise of a step is made of; product = factor times it where there is one."""
    if not noisy:
        normals[:] = _ZERO
        if factor is not None:
            product[:] = _ZERO
        return
    fill_normals(normals, source.seed, source.origin, step, source.stream)
    if last is not None:
        # step k's noise is (R_k + R_(k-1)) / 2; R_(-1) has the number 2^32 - 1
        if step == 0:
            fill_normals(last, source.seed, source.origin, step - 1, source.stream)
        for i in range(normals.shape[0]):
            for l in range(normals.shape[1]):
                z = normals[i, l]
                normals[i, l] = _HALF * (z + last[i, l])
                last[i, l] = z
    if factor is not None:
        np.dot(factor, normals, product)


@njit(cache=True, nogil=True)
def _forward(  # type: ignore[no-untyped-def]
    factor, sigmas, columns, held, force, shots, sigma, mdt, x, new, peak
):
    """new = x + mu f dt + sigma shots, kept in the interval; clamped cells stay.

    sigmas : (n,) each cell's sigma, or None. Where the noise has a factor, new holds the shots on entry.
    """
    for i in range(x.shape[0]):
        if sigmas is not None:
            sigma = sigmas[i]
        at, f, z, out, lo, hi = x[i], force[i], shots[i], new[i], columns[LO, i], columns[HI, i]
        if held[i]:
            for l in range(at.shape[0]):
                out[l] = at[l]
        else:
            if factor is None:
                for l in range(at.shape[0]):
                    out[l] = clamp(fma(sigma, z[l], fma(mdt, f[l], at[l])), lo, hi)
            else:
                for l in range(at.shape[0]):
                    out[l] = clamp(fma(mdt, f[l], at[l]) + sigma * out[l], lo, hi)
            _note_peak(out, peak)


@njit(cache=True, nogil=True)
def _guess(factor, sigmas, columns, held, force, shots, sigma, mdt, x, new):  # type: ignore[no-untyped-def]
    """Heun's predictor, as _forward; shots = sigma shots for the corrector.

    It is kept in the interval, too: neighbours must not see a state that no cell can have, or cells at a
    wall would rest elsewhere.
    """
    for i in range(x.shape[0]):
        if sigmas is not None:
            sigma = sigmas[i]
        at, f, z, out, lo, hi = x[i], force[i], shots[i], new[i], columns[LO, i], columns[HI, i]
        if held[i]:
            for l in range(at.shape[0]):
                out[l] = at[l]
        else:
            if factor is None:
                for l in range(at.shape[0]):
                    out[l] = clamp(fma(sigma, z[l], fma(mdt, f[l], at[l])), lo, hi)
                for l in range(at.shape[0]):
                    z[l] = sigma * z[l]
            else:
                for l in range(at.shape[0]):
                    shot = sigma * out[l]
                    out[l] = clamp(fma(mdt, f[l], at[l]) + shot, lo, hi)
                    z[l] = shot


@njit(cache=True, nogil=True)
def _correct(columns, held, force, second, shots, half_mdt, x, new, peak):  # type: ignore[no-untyped-def]
    """Heun's corrector: new = x + mu dt (f + f at the guess) / 2 + shots, kept in the interval."""
    for i in range(x.shape[0]):
        if not held[i]:
            at, f, g, z, out, lo, hi = (
                x[i],
                force[i],
                second[i],
                shots[i],
                new[i],
                columns[LO, i],
                columns[HI, i],
            )
            for l in range(at.shape[0]):
                out[l] = clamp(fma(half_mdt, f[l] + g[l], at[l]) + z[l], lo, hi)
            _note_peak(out, peak)


@njit(cache=True, nogil=True)
def _add_path_heat(factor, force, before, x, old, heat):  # type: ignore[no-untyped-def]
    """heat += the mean of the forces before and after a step, times the displacement."""
    for i in range(x.shape[0]):
        for l in range(x.shape[1]):
            gap = np.float64(x[i, l] - old[i, l])
            if factor is not None:
                gap = np.float64(x[i, l]) - np.float64(old[i, l])
            heat[l] += np.float64(_HALF * (before[i, l] + force[i, l])) * gap


@njit(cache=True, nogil=True)
def whole_steps(  # type: ignore[no-untyped-def]
    linear, cells, extras, whole, stage, source, scratch, x, new, first, stop, done
):
    """Schemes with the force of all cells at once: Heun, Leimkuhler-Matthews,
    noise matrices, and Euler-Maruyama where heat is summed along the path.

    scratch.force : the force at x on entry, at the end on return but where nobody asks for it
    """
    force, drive, held, columns = scratch.force, stage.drive, stage.held, cells.columns
    k1, peak, room, shots, before = scratch.k1, scratch.peak, scratch.room, whole.normals, whole.before
    wiring, c1 = whole.wiring, columns[C1]
    mdt = np.float32(stage.mobility * stage.dt)
    half_mdt = np.float32(0.5 * stage.mobility * stage.dt)
    correlated = whole.factor is not None
    # a noise matrix sums a ramp's work to the last step, the others leave that to the phase's end
    at_end = whole.along or (stage.ramped and correlated)
    for k in range(first, stop):
        then = setting(stage, k + 1)
        amount = 2.0 * _kT(stage, k) * stage.dt
        if not correlated:
            amount = 2.0 * stage.mobility * _kT(stage, k) * stage.dt
        sigma = np.float32(math.sqrt(amount))
        middle = setting(stage, k + 0.5).s
        sigmas = spread(wiring, amount, middle, stage.input)
        _shots(whole.factor, whole.last, shots, new, sigma > 0, source, done)
        if sigma > 0:
            add_shared(whole.shared, wiring, middle, stage.input, source, done, shots)
        if not whole.heun:
            _forward(whole.factor, sigmas, columns, held, force, shots, sigma, mdt, x, new, peak)
        else:
            _guess(whole.factor, sigmas, columns, held, force, shots, sigma, mdt, x, new)
            shown = show_within(wiring, cells, new, scratch.phi)
            multiply(linear, shown, whole.corrector)
            load_wells(wiring, c1, then, k1)
            finish_force(extras, cells, then, k1, new, shown, drive, whole.corrector, room)
            _correct(columns, held, force, whole.corrector, shots, half_mdt, x, new, peak)
        x, new = new, x
        done += 1
        if k + 1 < stage.steps or at_end:
            if whole.along:
                copy(force, before)
            shown = show_within(wiring, cells, x, scratch.phi)
            multiply(linear, shown, force)
            if stage.ramped and (k + 1 < stage.steps or correlated):
                add_ramp(extras, cells, None, stage, x, shown, force, scratch.parts, room)
            load_wells(wiring, c1, then, k1)
            finish_force(extras, cells, then, k1, x, shown, drive, force, room)
            if whole.along:
                _add_path_heat(whole.factor, force, before, x, new, stage.ledger[HEAT])


@njit(cache=True, nogil=True)
def make_bath(inertia, dt):  # type: ignore[no-untyped-def]
    """What BAOAB does to each underdamped cell in a step dt."""
    n = inertia.mass.size
    rates, loss = np.empty((3, n), np.float32), np.empty(n)
    for i in range(n):
        c = math.exp(-inertia.friction[i] * dt / inertia.mass[i])
        rates[KICK, i] = np.float32(0.5 * dt / inertia.mass[i])
        rates[KEEP, i] = np.float32(c)
        loss[i] = 1.0 - c * c
    return Bath(inertia.mass, inertia.v, rates, loss)


@njit(cache=True, nogil=True)
def baoab(  # type: ignore[no-untyped-def]
    linear, cells, extras, bath, along, stage, source, scratch, x, first, stop, done
):
    """Half a kick, half a drift, the bath, half a drift, half a kick; x is moved in place.

    scratch.force : the force at x, on entry and on return
    along : add the kinetic energy that the bath takes to the heat
    """
    n, lanes = x.shape
    mass, v, rates, loss = bath.mass, bath.v, bath.rates, bath.loss
    force, noise, peak, k1, room = scratch.force, scratch.noise, scratch.peak, scratch.k1, scratch.room
    row, heat, hdt = noise[ROW], stage.ledger[HEAT], np.float32(0.5 * stage.dt)
    for k in range(first, stop):
        kT = _kT(stage, k)
        for i in range(n):
            rates[SIGMA, i] = np.float32(math.sqrt(kT * loss[i] / mass[i]))
        for block in range((n + 3) // 4):
            _fill_block(noise, source, done, block, kT > 0)
            for j in range(min(4, n - 4 * block)):
                i = 4 * block + j
                vi, xi, fi, z = v[i], x[i], force[i], noise[j]
                push, c, spread = rates[KICK, i], rates[KEEP, i], rates[SIGMA, i]
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
                        heat[l] += half * (a * a - b * b)
                _note_peak(xi, peak)
        done += 1
        shown = show(cells, x, scratch.phi)
        multiply(linear, shown, force)
        if stage.ramped:
            add_ramp(extras, cells, bath, stage, x, shown, force, scratch.parts, room)
        finish_force(extras, cells, setting(stage, k + 1), k1, x, shown, stage.drive, force, room)
        for i in range(n):
            push, vi, fi = rates[KICK, i], v[i], force[i]
            for l in range(lanes):
                vi[l] = fma(push, fi[l], vi[l])
