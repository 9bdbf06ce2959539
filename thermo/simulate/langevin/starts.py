"""Where a run begins and what it is pulled towards: states, velocities and targets, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.ir.langevin import Activation, LangevinNetlist
from thermo.kernels.random import STREAM_INITIAL, normals_numpy
from thermo.simulate.errors import SimulationError
from thermo.simulate.langevin.plan import Plan
from thermo.simulate.langevin.prepare import Prepared
from thermo.simulate.langevin.scheme import choice


def start_states(prepared: Prepared, x0: Any, n_samples: int, runs: int, name: str = "x0") -> np.ndarray:
    """(N, n) or (1, n) float64 starting states."""
    if x0 is None:
        return prepared.x0[None, :]
    array = np.asarray(x0, dtype=np.float64)
    if array.shape == (prepared.n,):
        start = array[None, :]
    else:
        shape = (n_samples, runs, prepared.n)
        try:
            start = np.broadcast_to(array, shape).reshape(-1, prepared.n)
        except ValueError:
            raise SimulationError(
                f"{name} has shape {array.shape}, which cannot be broadcast to {shape}, "
                "(samples, runs, dynamic cells)"
            ) from None
    if not np.all(np.isfinite(start)):
        raise SimulationError(f"{name} has values that are not finite")
    return start


def start_velocities(
    prepared: Prepared, v0: Any, n_samples: int, runs: int, plan: Plan, seed: int, first: int
) -> np.ndarray | None:
    """(N, n) or (1, n) float64 starting velocities; None where cells have none."""
    if prepared.mass is None or prepared.friction is None:
        if v0 is not None:
            raise SimulationError("v0 is given, but overdamped cells have no velocity: leave it out")
        return None
    if v0 is None:
        return np.zeros((1, prepared.n))
    if isinstance(v0, str):
        choice("v0", v0, ("thermal",))
        ids = np.uint64(first) + np.arange(n_samples * runs, dtype=np.uint64)
        normals = normals_numpy(seed, ids, 0, prepared.n, STREAM_INITIAL).T
        return np.asarray(normals * np.sqrt(plan.kT[0, 0] / prepared.mass))
    return start_states(prepared, v0, n_samples, runs, "v0")


def targets_of(
    netlist: LangevinNetlist, prepared: Prepared, targets: Any, cost: str, n_samples: int
) -> np.ndarray | None:
    """(n_samples, n_out) float64, or None where none are given and none are needed."""
    nudging = [phase for phase in netlist.schedule if phase.nudge]
    wanted = (n_samples, prepared.outputs.size)
    if nudging and not prepared.outputs.size:
        raise SimulationError(
            f"phase {nudging[0].name!r} nudges the output cells, but no cell has the role output"
        )
    if targets is None:
        if nudging:
            raise SimulationError(
                f"phase {nudging[0].name!r} nudges the outputs with strength {nudging[0].nudge:g}: "
                f"give targets of shape {wanted}, (samples, output cells)"
            )
        return None
    array = np.asarray(targets, dtype=np.float64)
    if array.shape != wanted:
        raise SimulationError(
            f"targets have shape {array.shape}; they must be {wanted}, (samples, output cells)"
        )
    if not np.all(np.isfinite(array)):
        s, i = np.argwhere(~np.isfinite(array))[0]
        raise SimulationError(f"the target of sample {s}, output {i} is {array[s, i]}, not finite")
    if cost == "cross-entropy":
        if array.size and array.min() < 0:
            s, i = np.unravel_index(int(np.argmin(array)), wanted)
            raise SimulationError(
                f"the target of sample {s}, output {i} is {array[s, i]:g}; cost 'cross-entropy' "
                "wants probabilities, at least 0"
            )
        bare = prepared.angle & (prepared.activation == Activation.IDENTITY)
        if bare[prepared.outputs].any():
            i = prepared.cells[prepared.outputs[np.argmax(bare[prepared.outputs])]]
            raise SimulationError(
                f"cost 'cross-entropy' has no meaning for the angle that output cell {i} shows; "
                "give it the activation cosine or use cost 'squared'"
            )
    return array
