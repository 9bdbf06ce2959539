"""A batch by free and nudged phases."""

from __future__ import annotations

import numpy as np

from thermo.training.eqprop.estimators import pushes
from thermo.training.eqprop.machine import Machine


def nudged_batch(machine: Machine, rows: np.ndarray, warps: np.ndarray) -> np.ndarray:
    """Free phase, nudged phases from where it ended, one local update.

    rows : (batch,) of the training data; returns sums over rows of cost and right answers, over
        tiles of sweeps and what moved in the last, free and nudged
    """
    config, n = machine.config, machine.n_rows
    acting = machine.acting()
    rows = machine.load(rows, warps)
    nudges = pushes(config.estimator, config.beta, config.seed, machine.step)
    first = machine.step * (config.sweeps_free + 2 * config.sweeps_nudged)

    def one(t: int) -> tuple[float, ...]:
        part = machine.tile(t)
        mine, y = rows[part], machine.target[part]
        kept = tuple(s[mine] for s in machine.states)
        cost, right, used, left = machine.free_phase(acting, part, first, kept)
        free = tuple(s[part] for s in machine.free)
        for s, f in zip(machine.states, free, strict=False):
            s[mine] = f
        drives = tuple(d[part] for d in machine.drives)
        out = free[-1]
        used_n, left_n = 0.0, 0.0
        for k, push in enumerate(nudges):
            there = slice(part.start + k * n, part.stop + k * n)
            states = tuple(s[there] for s in machine.pushed)
            for s, f in zip(states, free, strict=True):
                s[:] = f
            goal = y if push.towards is None else out + np.float32(push.towards) * (y - out)
            a, b = machine.relax(
                acting,
                machine.p[part],
                states,
                drives,
                goal,
                push.beta,
                config.sweeps_nudged,
                first + config.sweeps_free + k * config.sweeps_nudged,
                part.start,
            )
            used_n, left_n = used_n + a / len(nudges), left_n + b / len(nudges)
        return cost, right, used, left, used_n, left_n

    report = np.array(machine.tiles.map(one, machine.n_tiles), float)
    machine.read()
    machine.learn([push.width for push in nudges])
    return report.sum(axis=0)
