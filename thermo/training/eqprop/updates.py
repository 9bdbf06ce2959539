"""Local updates: each coupling learns from the states of its own two ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thermo.kernels.eqprop import layers as kernel
from thermo.training.eqprop.machine import Machine

LEAST = np.float32(1e-6)
"""Size below which multiplicative updates let no coupling fall: from 0 none would come back."""


def local_update(machine: Machine, betas: Sequence[float], rates: Sequence[np.float32]) -> None:
    """One step down the contrast of the phases, with momentum, by blocks of couplings. Biases are
    updated additively in any case.

    betas : width of each nudged phase; one phase is compared with the free one
    rates : of each layer

    Rule "energy": both ends' products at one nudge less those at the other. Rule "field": change
    of the driven unit times the free state of the driving one, each direction by itself.
    """
    contrast(machine, betas)
    step_products(machine, rates)


def step_products(machine: Machine, rates: Sequence[np.float32]) -> None:
    """Add products of what `contrast` left in change, signed and pushed to the couplings."""
    momentum = np.float32(machine.config.momentum)
    multiplicative = machine.config.update == "multiplicative"
    polarity = machine.polarity

    def one(k: int) -> None:
        l, rows = machine.blocks[k]
        if l == 0:
            post, pre = machine.change[0], machine.u0
        elif machine.apart:
            post, pre = machine.change[l], machine.free[l - 1]
        else:
            post, pre = machine.signed[l], machine.pushed[l - 1]
        block = np.ascontiguousarray(post[:, rows])
        w, v = machine.w[l][rows], machine.vw[l][rows]
        if polarity is None and not multiplicative:
            kernel.momentum_step(w, v, block, pre, momentum, rates[l])
            if machine.apart and l:
                block = np.ascontiguousarray(machine.free[l][:, rows])
                kernel.momentum_step(
                    machine.back[l][rows],
                    machine.vback[l][rows],
                    block,
                    machine.change[l - 1],
                    momentum,
                    rates[l],
                )
            return
        flip = np.float32(1) if polarity is None else polarity[l][rows]
        advance(w, v, (block.T @ pre) * flip, momentum, rates[l], multiplicative)
        if machine.apart and l:
            down = machine.free[l][:, rows].T @ machine.change[l - 1]
            advance(
                machine.back[l][rows], machine.vback[l][rows], down * flip, momentum, rates[l], multiplicative
            )

    machine.tiles.map(one, len(machine.blocks))
    for l, (b, v) in enumerate(zip(machine.b, machine.vb, strict=True)):
        v *= momentum
        v += machine.change[l][:: machine.lanes].sum(axis=0)
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


def contrast(machine: Machine, betas: Sequence[float]) -> None:
    """change <- (one phase - the other) / (width samples); of an energy also signed, with which
    signed^T pushed is the contrast of products.
    """
    n, two = machine.n_rows, len(betas) == 2
    samples = n // machine.lanes
    scale = np.float32(1.0 / ((betas[0] - betas[1] if two else betas[0]) * samples))
    for l, change in enumerate(machine.change):
        other = machine.pushed[l][n:] if two else machine.free[l]
        np.subtract(machine.pushed[l][:n], other, out=change)
        change *= scale
        if not machine.apart:
            signed = machine.signed[l]
            np.multiply(machine.pushed[l][:n], scale, out=signed[:n])
            np.multiply(other, -scale, out=signed[n:])
            if not two:
                machine.pushed[l][n:] = machine.free[l]


def homeostatic_step(
    w: Sequence[np.ndarray],
    back: Sequence[np.ndarray],
    rates: Sequence[Any],
    draws: int,
    rng: np.random.Generator,
) -> None:
    """One step on the homeostatic loss (thermo.gradients.homeostasis), layer by layer, in place.

    draws : random vectors that it is estimated with, 0: its expectation
    w, back : (n_(l+1), n_l) of every layer, the first without a way back; rates : of each layer
    """
    top = len(w)
    sizes = [a.shape[0] for a in w]
    if not draws:
        for l in range(1, top):
            apart = np.float32(2 * rates[l] / sum(sizes)) * (w[l] - back[l])
            w[l] -= apart
            back[l] += apart
        return
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
