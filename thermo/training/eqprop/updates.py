"""Local updates: each coupling learns from the states of its own two ends.

trainer : holds `n_rows` rows of free states and both nudged phases one upon another in `pushed`
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from thermo.kernels.eqprop import layers as kernel

if TYPE_CHECKING:
    from thermo.training.eqprop.trainer import Trainer


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """Values that are learnt and their velocity; layer : whose rate they take; coupling : else a
    bias
    """

    values: np.ndarray
    velocity: np.ndarray
    layer: int
    coupling: bool


LEAST = np.float32(1e-6)
"""Size below which multiplicative updates let no coupling fall: from 0 none would come back."""


def local_update(trainer: Trainer, betas: Sequence[float], rates: Sequence[np.float32]) -> None:
    """One step down the contrast of the phases, with momentum, by blocks of couplings. Biases are
    updated additively in any case.

    betas : width of each nudged phase; one phase is compared with the free one
    rates : of each layer

    Rule "energy": both ends' products at one nudge less those at the other. Rule "field": change
    of the driven unit times the free state of the driving one, each direction by itself.
    """
    contrast(trainer, betas)
    step_products(trainer, rates)


def step_products(trainer: Trainer, rates: Sequence[np.float32]) -> None:
    """Add products of what `contrast` left in change, signed and pushed to the couplings."""
    momentum = np.float32(trainer.config.momentum)
    multiplicative = trainer.config.update == "multiplicative"
    polarity = None if trainer.drawn is None else trainer.drawn.polarity

    def one(k: int) -> None:
        l, rows = trainer.blocks[k]
        if l == 0:
            post, pre = trainer.change[0], trainer.u0
        elif trainer.apart:
            post, pre = trainer.change[l], trainer.free[l - 1]
        else:
            post, pre = trainer.signed[l], trainer.pushed[l - 1]
        block = np.ascontiguousarray(post[:, rows])
        w, v = trainer.w[l][rows], trainer.vw[l][rows]
        if polarity is None and not multiplicative:
            kernel.momentum_step(w, v, block, pre, momentum, rates[l])
            if trainer.apart and l:
                block = np.ascontiguousarray(trainer.free[l][:, rows])
                kernel.momentum_step(
                    trainer.back[l][rows],
                    trainer.vback[l][rows],
                    block,
                    trainer.change[l - 1],
                    momentum,
                    rates[l],
                )
            return
        flip = np.float32(1) if polarity is None else polarity[l][rows]
        advance(w, v, (block.T @ pre) * flip, momentum, rates[l], multiplicative)
        if trainer.apart and l:
            down = trainer.free[l][:, rows].T @ trainer.change[l - 1]
            advance(
                trainer.back[l][rows], trainer.vback[l][rows], down * flip, momentum, rates[l], multiplicative
            )

    trainer.tiles.map(one, len(trainer.blocks))
    for l, (b, v) in enumerate(zip(trainer.b, trainer.vb, strict=True)):
        v *= momentum
        v += trainer.change[l].sum(axis=0)
        b += rates[l] * v


def advance(
    w: np.ndarray,
    v: np.ndarray,
    slope: np.ndarray,
    momentum: np.float32,
    rate: np.float32,
    multiplicative: bool,
) -> None:
    """v <- momentum v + slope; w <- w + rate v, or w exp(rate sign(w) v): exponentiated gradient,
    under which no coupling changes sign (Dale's law, conductances) and large ones move most.

    slope : down the cost
    """
    v *= momentum
    v += slope
    if multiplicative:
        kernel.grow(w, v, rate, LEAST)
    else:
        w += rate * v


def contrast(trainer: Trainer, betas: Sequence[float]) -> None:
    """change <- (one phase - the other) / (width n); of an energy also signed, with which
    signed^T pushed is the contrast of products.
    """
    n, two = trainer.n_rows, len(betas) == 2
    scale = np.float32(1.0 / ((betas[0] - betas[1] if two else betas[0]) * n))
    for l, change in enumerate(trainer.change):
        other = trainer.pushed[l][n:] if two else trainer.free[l]
        np.subtract(trainer.pushed[l][:n], other, out=change)
        change *= scale
        if not trainer.apart:
            signed = trainer.signed[l]
            np.multiply(trainer.pushed[l][:n], scale, out=signed[:n])
            np.multiply(other, -scale, out=signed[n:])
            if not two:
                trainer.pushed[l][n:] = trainer.free[l]


def homeostatic_step(
    w: Sequence[np.ndarray],
    back: Sequence[np.ndarray],
    rates: Sequence[Any],
    draws: int,
    rng: np.random.Generator,
) -> None:
    """One step on the homeostatic loss (thermo.gradients.homeostasis), layer by layer, in place.

    w, back : (n_(l+1), n_l) of every layer, the first without a way back; rates : of each layer
    """
    top = len(w)
    sizes = [a.shape[0] for a in w]
    e = [rng.standard_normal((draws, m), np.float32) for m in sizes]
    je, te = [np.zeros_like(a) for a in e], [np.zeros_like(a) for a in e]
    for l in range(1, top):  # between layer l and layer l + 1
        je[l] += e[l - 1] @ w[l].T
        je[l - 1] += e[l] @ back[l]
        te[l - 1] += e[l] @ w[l]
        te[l] += e[l - 1] @ back[l].T
    n = sum(sizes)
    for l in range(1, top):
        f = np.float32(rates[l] / (n * draws))
        up = 2 * je[l].T @ e[l - 1] - e[l].T @ je[l - 1] - te[l].T @ e[l - 1]
        down = 2 * e[l].T @ je[l - 1] - je[l].T @ e[l - 1] - e[l].T @ te[l - 1]
        w[l] -= f * up
        back[l] -= f * down
