"""Node perturbation: currents into units instead of nudges, costs compared image by image.

The drive of every unit gets c d, d signs of its own for each image; (C(c d) - C(-c d)) / 2c d is an
estimate of dC/d(drive), what the adjoint equation would give. Its variance grows with the number of
units, not of couplings as in thermo.training.eqprop.zeroth, and every image of a batch has its own draw
(Fiete and Seung 2006, node perturbation; memory).
"""

from __future__ import annotations

import numpy as np

from thermo.training.eqprop.machine import Machine
from thermo.training.eqprop.unnudged import Unnudged
from thermo.training.eqprop.updates import step_products

_DELTA = 8


def node_batch(machine: Machine, rows: np.ndarray, warps: np.ndarray) -> np.ndarray:
    """Free phase, two with currents for each direction, one update; returns as nudged_batch does,
    the phases with currents counted as free ones.
    """
    config, n = machine.config, machine.n_rows
    acting = machine.acting()
    machine.load(rows, warps)
    c, k = config.perturbation, config.directions
    phases = 1 + 2 * k
    reports: list[np.ndarray] = []

    def relaxed(currents: tuple[np.ndarray, ...] = ()) -> np.ndarray:
        """Costs (n_rows,) of all images."""
        first = (machine.step * phases + len(reports)) * config.sweeps_free
        found = machine.tiles.map(
            lambda t: machine.free_phase(acting, machine.tile(t), first, (), currents), machine.n_tiles
        )
        reports.append(np.array(found, float).sum(axis=0))
        read = machine.answers(machine.free[-1], slice(0, n), first)
        return 0.5 * np.square(read - machine.target).sum(axis=1)

    for change in machine.change:
        change[:] = 0
    for i in range(k):
        rng = np.random.default_rng([config.seed, _DELTA, machine.step, i])
        signs = [(2 * rng.integers(0, 2, s.shape, np.int8) - 1).astype(np.float32) for s in machine.change]
        up, down = (relaxed(tuple(np.float32(a) * d for d in signs)) for a in (c, -c))
        drop = ((down - up) / np.float32(2 * c * k * n))[:, None]
        for change, d in zip(machine.change, signs, strict=True):
            change += drop * d
    relaxed()  # the states that the slopes by drives are multiplied with
    machine.read()
    if not machine.apart:  # a tied coupling drives both of its ends
        for free, change, signed, pushed in zip(
            machine.free, machine.change, machine.signed, machine.pushed, strict=True
        ):
            signed[:n], signed[n:] = change, free
            pushed[:n], pushed[n:] = free, change
    step_products(machine, machine.layer_rates())
    return np.append(np.mean(reports, axis=0), (0.0, 0.0))


ESTIMATOR = Unnudged("node-perturbation", node_batch, lambda k: 1 + 2 * k, lambda k: 1, local=True)
