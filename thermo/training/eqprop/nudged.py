"""A batch by free and nudged phases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from thermo.training.eqprop.pushes import pushes

if TYPE_CHECKING:
    from thermo.training.eqprop.trainer import Trainer


def nudged_batch(trainer: Trainer, rows: np.ndarray, warps: np.ndarray) -> np.ndarray:
    """Free phase, nudged phases from where it ended, one local update.

    rows : (batch,) of the training data; returns sums over rows of cost and right answers, over
        tiles of sweeps and what moved in the last, free and nudged
    """
    config, n = trainer.config, trainer.n_rows
    acting = trainer.acting()
    rows = trainer.load(rows, warps)
    nudges = pushes(config.estimator, config.beta, config.seed, trainer.step)
    first = trainer.step * (config.sweeps_free + 2 * config.sweeps_nudged)

    def one(t: int) -> tuple[float, ...]:
        part = trainer.tile(t)
        mine, y = rows[part], trainer.target[part]
        kept = tuple(s[mine] for s in trainer.states)
        cost, right, used, left = trainer.free_phase(acting, part, first, kept)
        free = tuple(s[part] for s in trainer.free)
        for s, f in zip(trainer.states, free, strict=False):
            s[mine] = f
        drives = tuple(d[part] for d in trainer.drives)
        out = free[-1]
        used_n, left_n = 0.0, 0.0
        for k, push in enumerate(nudges):
            there = slice(part.start + k * n, part.stop + k * n)
            states = tuple(s[there] for s in trainer.pushed)
            for s, f in zip(states, free, strict=True):
                s[:] = f
            goal = y if push.towards is None else out + np.float32(push.towards) * (y - out)
            a, b = trainer._relax(
                acting,
                trainer.p[part],
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

    report = np.array(trainer.tiles.map(one, trainer.n_tiles), float)
    trainer._read()
    trainer._update([push.width for push in nudges])
    return report.sum(axis=0)
