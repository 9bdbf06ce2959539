"""Kinds of local bits given up in training: those that gates read least for their price in gates."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.circuits.encoder import Codes, encoder_circuit
from thermo.kernels.logic.updates import LANES
from thermo.training.logic.counting_source import CountingSource

FIRST, LAST = 0.15, 0.45
"""Parts of training at which the first and the last round are."""
_PRUNE = 23
"""Tag of a generator."""


def prune(trainer: Any) -> None:
    """At the epochs of its rounds: close the channels that the first layer's gates read least for their
    price, and put open bits in the place of their candidates; the best network is looked for anew.
    """
    config, source = trainer.config, trainer.source
    if config.keep >= 1 or not isinstance(source, CountingSource):
        return
    rounds = [
        round(config.spans[0] * (FIRST + (LAST - FIRST) * r / max(config.prune_rounds - 1, 1)))
        for r in range(config.prune_rounds)
    ]
    if trainer.epoch not in rounds:
        return
    done = 1 + rounds.index(trainer.epoch)
    channel, opened = source.channel, trainer.open
    n = int(channel.max(initial=-1)) + 1
    left = np.unique(channel[(opened > 0) & (channel >= 0)])
    wanted = max(round(n * config.keep ** (done / config.prune_rounds)), 1)
    if wanted >= left.size:
        return
    layer, k = trainer.layers[0], trainer.layers[0].k
    chosen = np.take_along_axis(layer.wires, layer.best[..., None], axis=3)
    gate = LANES * np.arange(chosen.shape[0])[:, None, None] + np.arange(LANES)
    real = np.broadcast_to(gate < layer.n_tables, chosen.shape[:3])  # the last block may be filled up
    read = channel[chosen[..., 0][real]]
    use = np.bincount(read[read >= 0], minlength=n)[left]
    for c in left.tolist():
        if c not in trainer.prices:
            trainer.prices[c] = price(source, c)
    worth = use / np.array([trainer.prices[c] for c in left.tolist()])
    gone = left[np.argsort(worth, kind="stable")[: left.size - wanted]]
    opened[np.isin(channel, gone)] = 0
    rng = np.random.default_rng([config.seed, _PRUNE, trainer.epoch])
    bits = np.flatnonzero(opened)
    wires = layer.wires[..., :k]
    closed = opened[wires] == 0
    wires[closed] = bits[rng.integers(0, bits.size, int(closed.sum()))]
    closed = closed.transpose(0, 1, 3, 2)
    scores = layer.scores[:, :, :k]
    kept = np.where(closed, -np.inf, scores).max(axis=2, keepdims=True)
    level = np.where(np.isfinite(kept), kept - np.float32(config.refresh_gap), 0)
    for array, value in ((scores, level), (layer.scores_m[:, :, :k], 0), (layer.scores_v[:, :, :k], 0)):
        array[:] = np.where(closed, value, array)
    layer.choose()
    trainer.score = -1.0


def price(source: CountingSource, channel: int) -> int:
    """Gates that make all bits of a channel, alone."""
    bits = np.flatnonzero(source.channel == channel)
    return encoder_circuit(source.encoder, Codes(source.encoder), bits).n_gates
