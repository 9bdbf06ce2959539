"""Accuracy of a network's relaxation: expectations over gates and wires instead of choices."""

from __future__ import annotations

import numpy as np

from compiler.families.logic import LogicNetwork
from thermo.kernels.logic.batch import pack_lanes
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general_network import GeneralNetwork
from thermo.training.logic.images import TrainingImages
from thermo.training.tiles import Tiles

BATCH = 256


def relaxed_accuracy(model: LogicNetwork, data: TrainingImages, labels: np.ndarray, tiles: Tiles) -> float:
    """Share of the validation split that the relaxed network decides right.

    labels : of the validation split
    """
    n_bits = data.source.n_bits
    config = LogicConfig(layers=tuple(layer.n_gates for layer in model.layers))
    network = GeneralNetwork(
        config, n_bits, model.n_classes, BATCH, candidates=tuple(layer.k for layer in model.layers)
    )
    for target, layer in zip(network.layers, model.layers, strict=True):
        assert layer.table is not None
        target.logits[:] = layer.table
        target.scores[:] = np.stack([layer.scores_a, layer.scores_b])
        if target.wires.size:
            target.wires[:] = np.stack([layer.wires_a, layer.wires_b])
        target.rewired()
    x = np.zeros((n_bits, network.lanes), np.uint8)
    words = np.zeros((n_bits, network.lanes // 64), np.uint64)
    right, every = 0, data.valid_epoch()
    for start in range(0, labels.size, BATCH):
        part = slice(start, min(start + BATCH, labels.size))
        data.fill(every, part, x)
        pack_lanes(x, words)
        sums = network.class_sums(words, tiles, relaxed=True)[:, : part.stop - part.start]
        right += int((np.argmax(sums, axis=0) == labels[part]).sum())
    return right / labels.size
