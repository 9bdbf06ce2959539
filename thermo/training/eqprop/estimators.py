"""The estimators of a gradient that training knows, and the relaxations that each asks for.

Those by nudges are named as in thermo.gradients.estimators, where every one is measured against the
gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thermo.kernels.eqprop.layers import HELD
from thermo.training.eqprop import nodes, zeroth

_SIGN = 3
UNNUDGED = {e.name: e for e in (*zeroth.ESTIMATORS, nodes.ESTIMATOR)}
"""Estimators without nudges. A further one is a file beside these and its name here."""
NODES = nodes.ESTIMATOR.name
CIRCULAR = ("holomorphic", "generalised-cauchy")
"""Nudges on a circle in the complex plane, by JAX."""
BY_JAX = ("positive", "one-sided", "centred", *CIRCULAR)


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
ESTIMATORS = (*PUSHES, *UNNUDGED)

NEGATIVE = ("centred", "one-sided", "negative")
"""Those with a negative nudge, which must stay below the outputs' curvature."""


def coin(seed: int, step: int) -> float:
    """The sign of the nudge of estimator "one-sided" at training step `step`."""
    return 1.0 if np.random.default_rng([seed, _SIGN, step]).random() < 0.5 else -1.0


def pushes(estimator: str, beta: float, seed: int, step: int) -> tuple[Push, ...]:
    """The nudged phases of training step `step`; one-sided: a random sign of (seed, step)."""
    return PUSHES[estimator](beta * coin(seed, step) if estimator == "one-sided" else beta)


def points_of(
    estimator: str, beta: float, points: int
) -> tuple[list[float], list[complex], list[float], int]:
    """(real nudges, complex ones, weight of each in that order, N) of an estimator of BY_JAX."""
    from thermo.gradients.estimators import circle  # loads SciPy's solvers, of which most need nothing

    n = points if estimator in CIRCULAR else 2 if estimator == "centred" else 1
    some = circle(beta, n)
    real = [(float(np.real(b)), w) for b, w in some if np.imag(b) == 0]
    off = [(complex(b), w) for b, w in some if np.imag(b) != 0]
    return [b for b, _ in real], [b for b, _ in off], [w for _, w in real + off], n
