"""A machine run once on raw data: the quick look that training needs."""

from __future__ import annotations

import math

import numpy as np

from compiler.families.langevin import LangevinMachine
from hw_models.couplings import Burden
from thermo.kernels.langevin import bptt
from thermo.kernels.langevin.images import Images
from thermo.kernels.langevin.lines import Line
from thermo.training.errors import TrainingDivergedError
from thermo.training.langevin.circuit import circuit_of
from thermo.training.tiles import Tiles

# Validation runs have trajectory ids that no training run reaches.
VALID_TRAJECTORY = 1 << 62


def run_machine(
    machine: LangevinMachine,
    data: np.ndarray,
    *,
    dt: float | None = None,
    seed: int = 0,
    trajectory: int = 0,
    tile: int = 128,
    tiles: Tiles | None = None,
    each: Burden | None = None,
    dacs: Line | None = None,
    heat: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Run raw data rows once each: outputs (n, n_out) at t_f and heat (n,) in energy units.

    The quick look that training needs; `thermo.simulate` is the full simulator. each : of a device's
    couplings, None for the ideal equation; dacs : what its input converters do; heat : False where the
    heat is not wanted, which is not meaningful then.
    Raises TrainingDivergedError if a trajectory runs away.
    """
    if tiles is None:
        with Tiles(1) as one_thread:
            return run_machine(
                machine,
                data,
                dt=dt,
                seed=seed,
                trajectory=trajectory,
                tile=tile,
                tiles=one_thread,
                each=each,
                dacs=dacs,
                heat=heat,
            )
    n = data.shape[0]
    dt = machine.dt if dt is None else dt
    n_steps = max(1, round(machine.t_f / dt))
    h = machine.mobility * machine.t_f / n_steps
    outputs = np.empty((n, machine.n_out), np.float32)
    lost = np.empty(n)
    coupling = np.ascontiguousarray(machine.coupling, np.float32)
    w_in = np.ascontiguousarray(machine.w_in, np.float32)
    circuit, cells = None, np.stack([machine.j2, machine.j3, machine.j4]).astype(np.float32)
    if each is not None:
        circuit, cells = circuit_of(each, w_in, coupling, np.asarray(machine.bias), cells)
    fixed = bptt.Machine(
        w_in,
        coupling,
        bool(coupling.any()),
        machine.bias.astype(np.float32),
        cells,
        machine.x0.astype(np.float32),
    )
    rows, unwarped = np.ascontiguousarray(data, np.float32), np.empty((0, 6), np.float32)
    encoder = machine.input_shift.astype(np.float32), machine.input_scale.astype(np.float32)
    noise = np.float32(math.sqrt(2.0 * h * machine.kT))
    symmetric = np.array_equal(coupling, coupling.T)
    potential = symmetric and not (circuit is not None and circuit.ranged)
    # a sum along the path takes time at every step
    mode = bptt.HEAT_ENERGY if potential or not heat else bptt.HEAT_STRATONOVICH
    steps = bptt.Steps(n_steps, np.float32(h), noise, mode)

    def one(t: int) -> int:
        lo, hi = t * tile, min(n, (t + 1) * tile)
        return bptt.run_rows(
            fixed,
            circuit,
            dacs,
            Images(rows, np.arange(lo, hi), unwarped, (0, 0, 0), *encoder),
            steps,
            np.uint64(seed),
            np.uint64(trajectory + lo),
            outputs[lo:hi],
            lost[lo:hi],
        )

    runaways = [cell for cell in tiles.map(one, -(-n // tile)) if cell >= 0]
    if runaways:
        raise TrainingDivergedError(
            f"machine: cell {runaways[0]} ran away at dt = {machine.t_f / n_steps:g}; "
            "evaluate with a smaller dt"
        )
    return outputs, lost
