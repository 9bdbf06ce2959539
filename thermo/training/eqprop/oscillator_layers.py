"""Layers of oscillators at rest, in float32 and by tiles: what training and evaluation share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.families.oscillator import OscillatorNetwork, stable_step
from thermo.kernels.eqprop import oscillator as kernel
from thermo.training.eqprop.device import EqpropDevice, draw
from thermo.training.eqprop.layers import EVALUATION_STEP, AtRest, scratch
from thermo.training.tiles import Tiles

ROWS = 64
SWEEPS, TOLERANCE = 300, 1e-3
LONGEST = 400.0  # units of time
CALM = 1e-2  # radians a unit of time
MARGIN = 1.25  # of the largest input field over that of the samples looked at


@dataclass(frozen=True, slots=True, eq=False)
class Acting:
    """What drives: forward, back (n_(l+1), n_l); field (2, n_l): h, 0; lock_c, lock_s (n_l,), all
    float32 C. encode : (shift, scale, is a phase); start : (2,) spin
    """

    forward: tuple[np.ndarray, ...]
    back: tuple[np.ndarray, ...]
    field: tuple[np.ndarray, ...]
    lock_c: tuple[np.ndarray, ...]
    lock_s: tuple[np.ndarray, ...]
    encode: tuple[np.ndarray, np.ndarray, bool]
    start: np.ndarray

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.forward[0].shape[1], *(w.shape[0] for w in self.forward))


def make_acting(
    forward: Sequence[np.ndarray],
    back: Sequence[np.ndarray],
    h: Sequence[np.ndarray],
    network: OscillatorNetwork,
) -> Acting:
    """These couplings and fields with locking, encoder and start of `network`."""
    locking = network.locking or tuple(np.zeros(b.size) for b in h)

    def single(a: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(a, np.float32)

    return Acting(
        tuple(single(w) for w in forward),
        tuple(single(w) for w in back),
        tuple(np.stack([single(b), np.zeros(b.size, np.float32)]) for b in h),
        tuple(single(2.0 * np.maximum(s, 0.0)) for s in locking),
        tuple(single(2.0 * np.maximum(-s, 0.0)) for s in locking),
        (single(network.input_shift), single(network.input_scale), network.inputs == "phase"),
        np.array([math.cos(network.start), math.sin(network.start)], np.float32),
    )


def acting_of(network: OscillatorNetwork, device: EqpropDevice | None = None) -> Acting:
    """What a programmed network does on a device (None: a perfect one)."""
    w = [np.ascontiguousarray(a, np.float32) for a in network.weights]
    h = [np.asarray(a, np.float32) for a in network.fields]
    if device is None:
        return make_acting(w, w, h, network)
    forward, back, fields = draw(device, network.sizes).act(w, w, h)
    return make_acting(forward, back, fields, network)


def spins(encode: tuple[np.ndarray, np.ndarray, bool], x: np.ndarray, out: np.ndarray) -> None:
    """out (2 rows, n_in) <- input spins of raw data x (rows, n_in), both float32; see Acting.encode."""
    shift, scale, phase = encode
    u = (x - shift) * scale
    if phase:
        np.cos(u, out=out[0::2])
        np.sin(u, out=out[1::2])
    else:
        out[0::2] = u
        out[1::2] = 0.0


def read_spins(states: Sequence[np.ndarray], device: EqpropDevice, rng: np.random.Generator) -> None:
    """What the device's read-out makes of these spins (2 rows, n), in place.

    read_noise : radians; read_bits : the circle has 2^bits levels
    """
    if not (device.read_noise or device.read_bits):
        return
    for s in states:
        phi = np.arctan2(s[1::2], s[0::2])
        if device.read_noise:
            phi += np.float32(device.read_noise) * rng.standard_normal(phi.shape, np.float32)
        if device.read_bits:
            level = np.float32(2 * np.pi / 2**device.read_bits)
            phi = np.round(phi / level) * level
        np.cos(phi, out=s[0::2])
        np.sin(phi, out=s[1::2])


def relax_tile(
    acting: Acting,
    p: np.ndarray,
    states: tuple[np.ndarray, ...],
    drives: tuple[np.ndarray, ...],
    target: np.ndarray,
    beta: float,
    sweeps: int,
    tolerance: float,
    sigma: float,
    seed: int,
    row0: int,
    step0: int,
) -> tuple[int, float]:
    """One phase of one tile, in place; sweeps used and the largest move in the last."""
    moved = tuple(np.empty(s.shape[1], np.float32) for s in states)
    return kernel.relax(
        acting.forward,
        acting.back,
        acting.field,
        acting.lock_c,
        acting.lock_s,
        p,
        states,
        drives,
        moved,
        target,
        np.float32(beta),
        sweeps,
        np.float32(tolerance),
        np.float32(sigma),
        np.uint64(seed),
        row0,
        step0,
    )


def begin_tile(
    acting: Acting, p: np.ndarray, states: tuple[np.ndarray, ...], drives: tuple[np.ndarray, ...]
) -> None:
    """Every layer where the one below alone turns it."""
    moved = tuple(np.empty(s.shape[1], np.float32) for s in states)
    kernel.begin(
        p, acting.forward, acting.field, acting.lock_c, acting.lock_s, acting.start, states, drives, moved
    )


def phase_outputs(
    acting: Acting,
    x: np.ndarray,
    *,
    tiles: Tiles,
    device: EqpropDevice | None = None,
    seed: int = 0,
    sweeps: int = SWEEPS,
) -> AtRest:
    """1 - cos phi of the outputs at rest for raw data x (n, n_in) float32, as the device reads."""
    starts = range(0, x.shape[0], ROWS)
    out = np.empty((2 * x.shape[0], acting.sizes[-1]), np.float32)
    sigma = 0.0 if device is None else device.state_noise

    def one(k: int) -> tuple[int, float]:
        rows = slice(starts[k], min(starts[k] + ROWS, x.shape[0]))
        n = rows.stop - rows.start
        u = np.empty((2 * n, x.shape[1]), np.float32)
        spins(acting.encode, x[rows], u)
        p = np.dot(u, acting.forward[0].T)
        states, drives = scratch(acting.sizes[1:], 2 * n)
        begin_tile(acting, p, states, drives)
        used, left = relax_tile(
            acting,
            p,
            states,
            drives,
            states[-1],
            0.0,
            sweeps,
            TOLERANCE,
            sigma,
            seed,
            rows.start,
            EVALUATION_STEP,
        )
        out[2 * rows.start : 2 * rows.stop] = states[-1]
        return used, left

    report = np.array(tiles.map(one, len(starts)), float)
    if device is not None:
        read_spins([out], device, np.random.default_rng([seed, EVALUATION_STEP]))
    return AtRest(
        np.ascontiguousarray(1 - out[0::2]),
        float(report[:, 0].mean()),
        float(report[:, 1].mean()),
        float(report[:, 1].max()),
    )


def settling(
    network: OscillatorNetwork, data: np.ndarray, device: EqpropDevice | None = None
) -> tuple[float, float]:
    """(dt, time) for the compiled netlist, measured on raw `data` (n, n_inputs), on a device if given.

    dt is safe for input fields up to 1.25 times the largest found; the time is half as long again
    as it takes until in all but one sample of a hundred no phase moves faster than 0.01 rad a unit
    of time, in Euler steps from the netlist's own start.
    """
    acting = acting_of(network, device)
    x = np.asarray(data, np.float32)
    u = np.empty((2 * x.shape[0], x.shape[1]), np.float32)
    spins(acting.encode, x, u)
    p = np.dot(u, acting.forward[0].T) + np.tile(acting.field[0], (x.shape[0], 1))
    largest = float(np.sqrt(np.square(p[0::2]) + np.square(p[1::2])).max())
    dt = stable_step(network, MARGIN * largest)
    locking = network.locking or tuple(np.zeros(h.size) for h in network.fields)
    phases = [np.full((x.shape[0], n), network.start, np.float32) for n in network.sizes[1:]]
    top = len(phases) - 1
    for step in range(1, math.ceil(LONGEST / dt) + 1):
        now = [np.empty((2 * x.shape[0], a.shape[1]), np.float32) for a in phases]
        for s, a in zip(now, phases, strict=True):
            np.cos(a, out=s[0::2])
            np.sin(a, out=s[1::2])
        speed = np.zeros(x.shape[0])
        for l, (s, a) in enumerate(zip(now, phases, strict=True)):
            z = p if l == 0 else np.dot(now[l - 1], acting.forward[l].T)
            if l < top:
                z = z + np.dot(now[l + 1], acting.back[l + 1])
            rate = s[0::2] * z[1::2] - s[1::2] * z[0::2]
            if l:
                rate -= s[1::2] * acting.field[l][0]
            if network.locking is not None:
                rate -= 2.0 * s[1::2] * s[0::2] * locking[l].astype(np.float32)
            speed = np.maximum(speed, np.abs(rate).max(axis=1))
            a += np.float32(dt) * rate
        if np.quantile(speed, 0.99) < CALM:
            return dt, 1.5 * step * dt
    return dt, LONGEST
