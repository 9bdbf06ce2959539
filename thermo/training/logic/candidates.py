"""New candidates for the wires of a layer in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermo.kernels.logic import one_layer as kernels
from thermo.kernels.logic import phase as phases
from thermo.kernels.logic.dots import GROUP, aligned
from thermo.training.logic.images import Epoch
from thermo.training.tiles import Tiles

LANES = kernels.LANES
BATCH = 512
"""Samples at a time: few enough for the rows of a block's nets to stay in a cache."""
_REFRESH = 21
"""Tag of a generator."""


def refresh(trainer: Any, data: Epoch, tiles: Tiles) -> None:
    """Replace the worst candidates of every wire of one layer by new ones (see LogicConfig)."""
    config, k, n = trainer.config, trainer.k, trainer.source.n_bits
    wanted = min(config.refresh, k - 1)
    late = trainer.epoch >= config.refresh_until * config.epochs
    if wanted < 1 or k == n or trainer.epoch < 1 or late:
        return
    rng = np.random.default_rng([config.seed, _REFRESH, trainer.epoch])
    scores, *moments = (
        array[:, :, :k].transpose(0, 1, 3, 2)  # views: (blocks, inputs, LANES, k)
        for array in (trainer.scores, trainer.scores_m, trainer.scores_v)
    )
    worst = np.argpartition(scores, wanted, axis=3)[..., :wanted]
    if config.refresh_pool:
        new = _from_pool(trainer, wanted, data, rng, tiles)
        new = np.where(new < 0, np.take_along_axis(trainer.wires, worst, axis=3), new)
    else:
        bits = np.flatnonzero(trainer.open)
        new = bits[rng.integers(0, bits.size, worst.shape, dtype=np.int32)].astype(np.int32)
    np.put_along_axis(trainer.wires, worst, new, axis=3)
    level = scores.max(axis=3, keepdims=True) - np.float32(config.refresh_gap)
    for array, value in ((scores, level), (moments[0], 0), (moments[1], 0)):
        np.put_along_axis(array, worst, np.broadcast_to(value, worst.shape), axis=3)
    kernels.choose(trainer.scores, k, trainer.best, 0, trainer.best.shape[0])


def _from_pool(trainer: Any, wanted: int, data: Epoch, rng: np.random.Generator, tiles: Tiles) -> np.ndarray:
    """(blocks, inputs, LANES, wanted) int32: of each block's random nets those of lowest derivative
    over the last samples of the epoch; -1 where there are too few new ones."""
    t, config, threads = trainer, trainer.config, tiles.threads
    n_bits, blocks, shares = t.source.n_bits, t.best.shape[0], t.shares(threads)
    bits = np.flatnonzero(t.open)
    size = min(-(-config.refresh_pool // GROUP) * GROUP, bits.size // GROUP * GROUP)
    new = np.full((blocks, t.inputs, LANES, wanted), -1, np.int32)
    if size == 0:
        return new
    pool = np.stack([rng.permutation(bits)[:size] for _ in range(blocks)]).astype(np.int32)
    x = aligned((n_bits, BATCH), np.uint8)
    scratch = t.scratch(threads, BATCH)
    counts = np.zeros((threads, t.n_classes, BATCH), np.int32)
    h = np.zeros((blocks, t.inputs, LANES, size), np.float32)
    n = data.labels.size
    for start in range(n - min(config.refresh_samples, n), n, BATCH):
        part = slice(start, min(start + BATCH, n))
        t.data.fill(data, part, x)
        counts[:] = 0
        tiles.map(lambda i: t.count(x, counts[i], shares[i], shares[i + 1]), threads)
        t.derive(counts, data.labels[part], rng, scratch.weights, np.zeros(4))
        t.prepare(scratch, x, rng)
        tiles.map(lambda i: t.ask(i, scratch, x, pool, h, shares[i], shares[i + 1]), threads)
    tiles.map(
        lambda i: phases.lowest_new(t.wires, t.k, pool, h, n_bits, new, shares[i], shares[i + 1]), threads
    )
    return new
