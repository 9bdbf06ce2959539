"""New candidates for the wires of layers in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermo.kernels.logic.above import Given, Handed
from thermo.kernels.logic.dots import GROUP
from thermo.kernels.logic.pool import lowest_new
from thermo.kernels.logic.updates import LANES
from thermo.training.logic.flow import Flow, lay
from thermo.training.logic.images import Epoch
from thermo.training.tiles import Tiles

BATCH = 512
"""Samples at a time: few enough for the rows of a block's nets to stay in a cache."""
_REFRESH = 21
"""Tag of a generator."""


def refresh(trainer: Any, data: Epoch, tiles: Tiles) -> None:
    """Replace the worst candidates of every wire by new ones (see LogicConfig)."""
    config = trainer.config
    learns = [trainer.epoch < config.refresh_until * span for span in config.spans]
    if not config.refresh or trainer.epoch < 1 or not any(learns):
        return
    rng = np.random.default_rng([config.seed, _REFRESH, trainer.epoch])
    nets = [np.flatnonzero(trainer.open), *(np.arange(layer.n_below) for layer in trainer.layers[1:])]
    wanted = [
        min(config.refresh, layer.k - 1) * (layer.k < layer.n_below) * learning
        for layer, learning in zip(trainer.layers, learns, strict=True)
    ]
    found = _from_pools(trainer, nets, wanted, data, rng, tiles) if config.refresh_pool else None
    for number, (layer, n) in enumerate(zip(trainer.layers, wanted, strict=True)):
        if n < 1:
            continue
        scores, *moments = (
            array[:, :, : layer.k].transpose(0, 1, 3, 2)  # views: (blocks, inputs, LANES, k)
            for array in (layer.scores, layer.scores_m, layer.scores_v)
        )
        worst = np.argpartition(scores, n, axis=3)[..., :n]
        if found is not None:
            new = np.where(found[number] < 0, np.take_along_axis(layer.wires, worst, axis=3), found[number])
        else:
            bits = nets[number]
            new = bits[rng.integers(0, bits.size, worst.shape, dtype=np.int32)].astype(np.int32)
        np.put_along_axis(layer.wires, worst, new, axis=3)
        level = scores.max(axis=3, keepdims=True) - np.float32(config.refresh_gap)
        for array, value in ((scores, level), (moments[0], 0), (moments[1], 0)):
            np.put_along_axis(array, worst, np.broadcast_to(value, worst.shape), axis=3)
        layer.choose()


def _from_pools(
    trainer: Any,
    nets: list[np.ndarray],
    wanted: list[int],
    data: Epoch,
    rng: np.random.Generator,
    tiles: Tiles,
) -> list[np.ndarray]:
    """(blocks, inputs, LANES, wanted) int32 a layer: of each block's random nets those of lowest
    derivative over the last samples of the epoch; -1 where there are too few new ones.

    nets : of each layer, what may become a candidate
    """
    config, layers, threads = trainer.config, trainer.layers, tiles.threads
    pools, h, new = [], [], []
    for layer, may, n in zip(layers, nets, wanted, strict=True):
        size = min(-(-config.refresh_pool // GROUP) * GROUP, may.size // GROUP * GROUP) if n > 0 else 0
        drawn = [rng.permutation(may)[:size] for _ in range(layer.blocks)]
        pools.append(np.stack(drawn).astype(np.int32))
        h.append(np.zeros((layer.blocks, layer.inputs, LANES, size), np.float32))
        new.append(np.full((layer.blocks, layer.inputs, LANES, max(n, 0)), -1, np.int32))
    flow = Flow(layers, trainer.n_classes, BATCH, threads, trainer.path, trainer.fixed)
    batch = flow.batch(trainer.source.n_bits)

    def ask(number: int, i: int, given: Given, handed: Handed) -> None:
        flow.ask(number, i, pools[number], h[number], given, handed)

    n = data.labels.size
    for start in range(n - min(config.refresh_samples, n), n, BATCH):
        part = slice(start, min(start + BATCH, n))
        trainer.data.fill(data, part, batch.x)
        lay(batch, tiles)
        for number in range(len(layers)):
            tiles.map(lambda i, number=number: flow.up(number, i, batch), threads)  # type: ignore[misc]
        trainer.derive(flow, data, part, rng, np.zeros(4))
        flow.turn(batch, rng, tiles)
        flow.descend(ask, tiles)
    for number, layer in enumerate(layers):
        if pools[number].shape[1] == 0:
            continue

        def pick(i: int, number: int = number, layer: Any = layer) -> None:
            first, last = flow.shares[number][i : i + 2]
            lowest_new(
                layer.wires, layer.k, pools[number], h[number], layer.n_below, new[number], first, last
            )

        tiles.map(pick, threads)
    return new
