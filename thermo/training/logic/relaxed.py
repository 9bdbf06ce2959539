"""Accuracy of one layer's relaxation: expectations over gates and wires instead of choices."""

from __future__ import annotations

import numpy as np

from compiler.families.logic import LogicLayer
from thermo.kernels.logic.batch import pack_lanes
from thermo.kernels.logic.images import encode
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.general_network import GeneralNetwork
from thermo.training.logic.images import TrainingImages
from thermo.training.tiles import Tiles

BATCH = 256


def relaxed_accuracy(
    layer: LogicLayer,
    n_classes: int,
    data: TrainingImages,
    level: np.ndarray,
    labels: np.ndarray,
    tiles: Tiles,
) -> float:
    """Share of the validation split that the relaxed layer decides right.

    level : of each bit, see BitSource; labels : of the validation split
    """
    n_bits = data.position.size
    config = LogicConfig(layers=(layer.n_gates,), k="all" if layer.k == n_bits else layer.k)
    network = GeneralNetwork(config, n_bits, n_classes, BATCH)
    target = network.layers[0]
    assert layer.table is not None
    target.logits[:] = layer.table
    target.scores[:] = np.stack([layer.scores_a, layer.scores_b])
    if target.wires.size:
        target.wires[:] = np.stack([layer.wires_a, layer.wires_b])
    target.rewired()
    x = np.zeros((n_bits, network.lanes), np.uint8)
    words = np.zeros((n_bits, network.lanes // 64), np.uint64)
    right, valid = 0, data.valid
    for start in range(0, labels.size, BATCH):
        rows = np.arange(start, min(start + BATCH, labels.size))
        bounds = np.ascontiguousarray(valid.bounds[:, rows])
        still = np.zeros(rows.size, np.int64)
        encode(valid.pixels, rows, still, data.position, bounds, level, x, 0, n_bits)
        pack_lanes(x, words)
        sums = network.class_sums(words, tiles, relaxed=True)[:, : rows.size]
        right += int((np.argmax(sums, axis=0) == labels[rows]).sum())
    return right / labels.size
