"""The nudged phases of each estimator that needs them: how strong, towards what, over what width.

The names are those of thermo.gradients.estimators, where every one is measured against the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermo.kernels.eqprop.layers import HELD

_SIGN = 3


@dataclass(frozen=True, slots=True)
class Push:
    """One nudged phase.

    beta : strength of the nudge; towards : None: the target y; a share s: outputs are held at
        u + s (y - u), u the free ones
    width : what the difference to the other phase is divided by, with its sign
    """

    beta: float
    towards: float | None
    width: float


def _nudge(*betas: float) -> tuple[Push, ...]:
    return tuple(Push(b, None, b) for b in betas)


def _hold(*shares: float) -> tuple[Push, ...]:
    return tuple(Push(HELD, s, s) for s in shares)


PUSHES = {
    "centred": lambda b: _nudge(b, -b),
    "one-sided": lambda b: _nudge(b),
    "positive": lambda b: _nudge(b),
    "negative": lambda b: _nudge(-b),
    "contrastive": lambda b: _hold(1.0),
    "coupled-positive": lambda b: _hold(b),
    "coupled-negative": lambda b: _hold(-b),
    "coupled-centred": lambda b: _hold(b, -b),
}
"""Estimators by relaxation: nudges of `estimator` at strength b."""

NEGATIVE = ("centred", "one-sided", "negative")
"""Those with a negative nudge, which must stay below the outputs' curvature."""


def pushes(estimator: str, beta: float, seed: int, step: int) -> tuple[Push, ...]:
    """The nudged phases of training step `step`; one-sided: a random sign of (seed, step)."""
    if estimator == "one-sided":
        rng = np.random.default_rng([seed, _SIGN, step])
        beta = beta if rng.random() < 0.5 else -beta
    return PUSHES[estimator](beta)
