"""Entropy given to the bath: the integral of dQ / kT, which is heat / kT only at one temperature.

A phase whose kT is ramped is run in slices. Nothing else about the run changes; each slice has its own
heat, and its kT is the logarithmic mean of its ends, exact where heat flows in proportion to the change
of kT (a heat capacity that is constant within the slice; docs/physics.md#ramps).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from thermo.simulate.langevin.plan import Plan

SLICES = 32  # of a phase whose temperature is ramped, or as many as it has steps
TRACED = 8  # where each slice is compiled


def slices(plan: Plan, most: int = SLICES) -> tuple[Plan, np.ndarray]:
    """The plan with every ramp of kT cut into slices, and (P,) int64, where each phase begins in it.

    most : slices of a ramp
    """
    count = np.where(plan.kT[:, 0] == plan.kT[:, 1], 1, np.clip(plan.n_steps, 1, most))
    phase = np.repeat(np.arange(count.size), count)
    first = np.cumsum(count) - count
    part = np.arange(phase.size) - first[phase]  # number of each slice in its phase
    total = plan.n_steps[phase]
    begin, end = (total * (part + k) // count[phase] for k in (0, 1))
    at = np.stack([begin, end], axis=1) / np.maximum(total, 1)[:, None]
    at[count[phase] == 1] = 0.0, 1.0

    def along(ramp: np.ndarray) -> np.ndarray:
        a, b = ramp[phase, 0, None], ramp[phase, 1, None]
        return np.asarray(np.where(at == 1.0, b, a + (b - a) * at))

    cut = replace(
        plan,
        names=tuple(plan.names[p] for p in phase),
        n_steps=end - begin,
        scale=along(plan.scale),
        kT=along(plan.kT),
        stiffness=plan.stiffness[phase],
        nudge=plan.nudge[phase],
        held=np.ascontiguousarray(plan.held[phase]),
        drive=plan.drive[phase],
    )
    return cut, first


def bath_entropy(plan: Plan, heat: np.ndarray) -> np.ndarray | None:
    """(P, N) entropy in units of k_B that (P, N) heat by slice gives to the bath.

    None where a phase reaches kT = 0: a bath at temperature 0 takes up heat without end of entropy.
    """
    a, b = plan.kT[:, 0], plan.kT[:, 1]
    if (plan.kT <= 0).any():
        return None
    ratio = np.log(b / a)
    even = np.abs(ratio) < 1e-9
    mean = np.where(even, a, (b - a) / np.where(even, 1.0, ratio))
    return np.asarray(heat / mean[:, None])
