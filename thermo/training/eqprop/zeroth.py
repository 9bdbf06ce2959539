"""Training without nudges: parameters are perturbed and costs compared, as any chip can.

Both estimates are unbiased but for O(c^2): perturbations are fair signs, whose odd moments vanish.
Their variance grows with the number of parameters perturbed at once, that of EP does not.

    spsa                  (C(w + c d) - C(w - c d)) / 2c d, signs d of all parameters at once (Spall 1992)
    weight-perturbation   (C(w + c d) - C(w)) / c d, one cost at w for all directions (parallel
                          stochastic error descent, Cauwenberghs 1993; memory)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from thermo.training.eqprop.machine import Machine
from thermo.training.eqprop.unnudged import Unnudged
from thermo.training.eqprop.updates import advance

_DELTA = 7
_PHASES: dict[str, Callable[[int], int]] = {"spsa": lambda k: 2 * k, "weight-perturbation": lambda k: 1 + k}
"""Costs that k directions take."""


def perturbed_batch(machine: Machine, rows: np.ndarray, warps: np.ndarray) -> np.ndarray:
    """Free phases of perturbed parameters and one update; returns as nudged_batch does, with the
    costs, sweeps and residuals of all free phases' mean and zeros for the nudged ones.
    """
    config = machine.config
    machine.load(rows, warps)
    learnt = machine.parameters()
    before = [p.values.copy() for p in learnt]
    slopes = [np.zeros_like(p.values) for p in learnt]
    c, n = config.perturbation, config.directions
    spsa = config.estimator == "spsa"
    phases = _PHASES[config.estimator](n)
    reports: list[np.ndarray] = []

    def measured(step: float, signs: list[np.ndarray]) -> float:
        for p, old, d in zip(learnt, before, signs, strict=True):
            p.values[...] = old + np.float32(step) * d if step else old
        machine.limit()
        acting = machine.acting()
        first = (machine.step * phases + len(reports)) * config.sweeps_free
        found = machine.tiles.map(
            lambda t: machine.free_phase(acting, machine.tile(t), first), machine.n_tiles
        )
        reports.append(np.array(found, float).sum(axis=0))
        return float(reports[-1][0]) / machine.n_rows

    base = 0.0 if spsa else measured(0.0, before)
    for k in range(n):
        rng = np.random.default_rng([config.seed, _DELTA, machine.step, k])
        signs = [(2 * rng.integers(0, 2, p.values.shape, np.int8) - 1).astype(np.float32) for p in learnt]
        up = measured(c, signs)
        drop = (measured(-c, signs) - up) / 2 if spsa else base - up
        for slope, d in zip(slopes, signs, strict=True):
            slope += np.float32(drop / (c * n)) * d
    for p, old in zip(learnt, before, strict=True):
        p.values[...] = old
    polarity = machine.polarity
    rates, momentum = machine.layer_rates(), np.float32(config.momentum)
    for p, slope in zip(learnt, slopes, strict=True):
        if polarity is not None and p.coupling:
            slope *= polarity[p.layer]
        multiplicative = p.coupling and config.update == "multiplicative"
        advance(p.values, p.velocity, slope, momentum, rates[p.layer], multiplicative)
    machine.limit()
    return np.append(np.mean(reports, axis=0), (0.0, 0.0))


ESTIMATORS = (
    Unnudged("spsa", perturbed_batch, _PHASES["spsa"], lambda k: 2 * k + 1),
    Unnudged("weight-perturbation", perturbed_batch, _PHASES["weight-perturbation"], lambda k: k + 1),
)
"""The last write puts the unperturbed couplings back."""
