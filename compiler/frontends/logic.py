"""The trained logic-gate network as a circuit."""

from __future__ import annotations

import numpy as np

from compiler.families.logic import LogicNetwork
from compiler.ir.gates import ClassSums, GateNetlist, Thermometer, make_gates


def lower_logic(network: LogicNetwork) -> GateNetlist:
    """Discretised gates, layer after layer; every declared gate is kept, also an unread one.

    Inputs are called x{feature}_{number of its threshold}. Answers are class sums over the last
    layer's blocks; the encoder goes along.
    """
    names = input_names(network.encoder)
    first, start = 0, len(names)  # nets of the layer below begin at `first`
    columns = []
    for op, a, b in network.hard():
        columns.append((op, first + a.astype(np.int64), first + b.astype(np.int64)))
        first, start = start, start + op.size
    op, a, b = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    last = network.layers[-1].n_gates
    sums = ClassSums(
        nets=np.arange(first, first + last, dtype=np.int32),
        indptr=np.arange(network.n_classes + 1, dtype=np.int64) * (last // network.n_classes),
        tau=float(network.tau),
        labels=tuple(network.labels),
    )
    meta = {**network.meta, "source": "logic network"}
    return make_gates(names, op, a, b, {}, class_sums=sums, encoder=network.encoder, meta=meta)


def input_names(encoder: Thermometer) -> tuple[str, ...]:
    """x{feature}_{k} for the k-th bit of each feature, in the order of the bits."""
    seen: dict[int, int] = {}
    names = []
    for feature in encoder.feature.tolist():
        seen[feature] = seen.get(feature, -1) + 1
        names.append(f"x{feature}_{seen[feature]}")
    return tuple(names)
