"""A layered network at rest, in float32 and by tiles: what training and evaluation share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.families.hopfield import HopfieldNetwork, stable_step
from thermo.kernels.eqprop import layers as kernel
from thermo.kernels.langevin.range import range_tile
from thermo.training.eqprop.converting import Converting
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.tiles import Tiles

EVALUATION_ROWS = 64
EVALUATION_SWEEPS = 100
EVALUATION_TOLERANCE = 1e-3
SHORTEST, LONGEST = 10.0, 200.0
EVALUATION_STEP = 1 << 30  # noise steps far from those of training


@dataclass(frozen=True, slots=True, eq=False)
class Acting:
    """Couplings and biases that drive: forward and back (n_(l+1), n_l), bias (n_l,), float32 C.

    back[l] drives layer l by layer l + 1 (entry 0 is not used).
    """

    forward: tuple[np.ndarray, ...]
    back: tuple[np.ndarray, ...]
    bias: tuple[np.ndarray, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return (self.forward[0].shape[1], *(w.shape[0] for w in self.forward))


@dataclass(frozen=True, slots=True, eq=False)
class AtRest:
    """outputs : (n, n_out) float32; sweeps : mean over tiles; residual : largest change of a unit
    in the last sweep, mean and maximum over tiles
    """

    outputs: np.ndarray
    sweeps: float
    residual: float
    worst: float

    def predictions(self) -> np.ndarray:
        return np.argmax(self.outputs, axis=1)


def physics_of(device: EqpropDevice | None) -> tuple[np.float32, int, np.float32, np.float32]:
    """(state noise, replicas, share of the way to their mean a unit moves after each update, reach): a
    spring k / 2 |u - mean|^2 beside a unit's own curvature 1 leaves 1 / (1 + k) of a difference; reach
    0 stands for linear couplings.
    """
    if device is None:
        return np.float32(0), 1, np.float32(0), np.float32(0)
    k = device.replica_coupling
    return np.float32(device.state_noise), device.replicas, np.float32(k / (1 + k)), reach_of(device)


def reach_of(device: EqpropDevice | None) -> np.float32:
    """What kernels take for the range of a device's couplings, 0 where they are linear."""
    return np.float32(0 if device is None or math.isinf(device.reach) else device.reach)


def units_of(shown: np.ndarray, device: EqpropDevice | None) -> np.ndarray:
    """The units that couplings are given `shown` of."""
    reach = reach_of(device)
    return shown if reach == 0 else reach * np.arctanh(shown / reach)


def free_outputs(
    acting: Acting,
    u: np.ndarray,
    *,
    sweeps: int,
    tolerance: float,
    tiles: Tiles,
    device: EqpropDevice | None = None,
    conversion: Converting | None = None,
    seed: int = 0,
    trajectory: int = 0,
) -> AtRest:
    """Outputs at rest for encoded inputs u (n, n_in) float32; the mean of a device's replicas.

    conversion : of inputs and outputs; trajectory : whose noise the converters of the first row have
    """
    n = u.shape[0]
    physics = physics_of(device)
    replicas, reach = physics[1], physics[3]
    starts = range(0, n, EVALUATION_ROWS)
    out = np.empty((n, acting.sizes[-1]), np.float32)

    def one(k: int) -> tuple[int, float]:
        rows = slice(starts[k], min(starts[k] + EVALUATION_ROWS, n))
        x = np.array(u[rows])
        if conversion is not None:
            conversion.drive(x, seed, trajectory + rows.start)
        x = np.ascontiguousarray(x.repeat(replicas, axis=0))
        if reach > 0:
            range_tile(x, reach, x)
        states, drives = scratch(acting.sizes[1:], x.shape[0])
        p = np.empty_like(states[0])
        kernel.project(x, acting.forward[0], acting.bias[0], p)
        kernel.start_free(p, reach, states)
        used, left = kernel.relax(
            acting.forward,
            acting.back,
            acting.bias,
            p,
            states,
            drives,
            states[-1],
            np.float32(0),
            sweeps,
            np.float32(tolerance),
            *physics,
            np.uint64(seed),
            rows.start * replicas,
            EVALUATION_STEP,
        )
        found = units_of(states[-1], device).reshape(-1, replicas, out.shape[1]).mean(axis=1)
        if conversion is not None:
            found = conversion.read(found, seed, trajectory + rows.start, EVALUATION_STEP)
        out[rows] = found
        return used, left

    report = np.array(tiles.map(one, len(starts)), float)
    return AtRest(out, float(report[:, 0].mean()), float(report[:, 1].mean()), float(report[:, 1].max()))


def scratch(sizes: Sequence[int], rows: int) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """States and drives of these layers."""
    states = tuple(np.empty((rows, n), np.float32) for n in sizes)
    return states, tuple(np.empty_like(s) for s in states)


def settling_time(
    network: HopfieldNetwork,
    data: np.ndarray,
    acting: Acting | None = None,
    *,
    device: EqpropDevice | None = None,
    tolerance: float = 1e-3,
) -> float:
    """Time after which the compiled netlist's cells rest, half as long again as measured on raw
    `data` (n, n_inputs) in Euler steps of the netlist's own dt: all but one sample in a thousand
    move at a speed below `tolerance`. At least 10, at most 200 of a cell's own relaxation times.

    acting : what drives, on a device; None: the network's own couplings; device : for their range
    """
    reach = reach_of(device)

    def shown(u: np.ndarray) -> np.ndarray:
        return u if reach == 0 else reach * np.tanh(u / reach)

    weights, biases, back = network.weights, network.biases, network.feedback
    if acting is not None:
        weights, biases = acting.forward, acting.bias
        back = tuple(a.T for a in acting.back[1:])
    u = (np.asarray(data, np.float32) - network.input_shift) * network.input_scale
    p = (shown(u) @ weights[0].T + biases[0]).astype(np.float32)
    states = [np.zeros((u.shape[0], w.shape[0]), np.float32) for w in weights]
    dt = stable_step(network)
    for step in range(1, math.ceil(LONGEST / dt) + 1):
        speed = np.zeros(u.shape[0])
        new = []
        seen = [shown(s) for s in states]
        for l, s in enumerate(states):
            z = p if l == 0 else seen[l - 1] @ weights[l].T + biases[l]
            if l + 1 < len(states):
                z = z + seen[l + 1] @ back[l].T
            moved = np.clip(s + np.float32(dt) * (z - s), 0, 1) - s
            speed = np.maximum(speed, np.abs(moved).max(axis=1) / dt)
            new.append(s + moved)
        states = new
        if np.quantile(speed, 0.999) < tolerance:
            return float(max(SHORTEST, 1.5 * step * dt))
    return LONGEST


def rotate(weights: np.ndarray, angle: float, rng: np.random.Generator) -> np.ndarray:
    """Weights of the same norm at `angle` degrees to the given ones."""
    other = rng.standard_normal(weights.shape)
    other -= weights * np.sum(other * weights) / np.sum(weights**2)
    other *= np.linalg.norm(weights) / np.linalg.norm(other)
    a = np.deg2rad(angle)
    return np.cos(a) * weights + np.sin(a) * other
