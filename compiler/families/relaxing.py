"""A feed-forward graph as cells that relax to its values.

dx_i = -(x_i - sum_j W_ij phi(x_j) - b_i) dt: each cell holds what goes into its activation and shows phi of
it, so that the fixed point is the network's forward pass. Euler steps have the same fixed point: the step
costs no accuracy, and as nothing drives back, a step of 1 reaches it exactly in as many steps as there are
layers of cells (compiler.families.cell_layers). Couplings of one kernel are tied to its parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from compiler.errors import NetlistError
from compiler.families.affine_values import numbered
from compiler.families.cell_layers import Layer, layers_of
from compiler.families.graph import Affine, Graph
from compiler.families.settling import settling_time
from compiler.ir.langevin import (
    Activation,
    Cells,
    CouplingKind,
    Couplings,
    Encoder,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
    Role,
)

CODES = {a.name.lower(): a for a in Activation}


class Answering(Protocol):
    """What becomes of a graph's values."""

    @property
    def head(self) -> str: ...
    @property
    def output_scale(self) -> np.ndarray | None: ...
    @property
    def output_offset(self) -> np.ndarray | None: ...
    @property
    def labels(self) -> tuple[str, ...]: ...
    @property
    def meta(self) -> Mapping[str, Any]: ...


def relaxing_cells(
    graph: Graph,
    model: Answering,
    facts: Mapping[str, Any],
    *,
    encoder: Encoder | None = None,
    tolerance: float = 1e-6,
    dt: float = 0.05,
    input_range: tuple[float, float] = (0.0, 1.0),
) -> LangevinNetlist:
    """The graph as cells that relax to its values at kT = 0.

    Cells are the inputs (frozen), then layers of them, in groups called after the network's layers; the
    last is `output`. J2 = 1/2, h = bias, mobility 1, linear couplings. Scaling of the data themselves is the
    encoder's.

    facts : for meta, beside the model's
    encoder : of the data; None: scalings at the graph's beginning
    tolerance : largest error of an output cell when it is read, in its own units, for any data
        within `input_range`; sets the duration (see settling_time)
    dt : time step, 0 < dt < 1

    Raises NetlistError for a tolerance, dt or range that is not usable.
    """
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise NetlistError(f"tolerance must be a finite number above 0, got {tolerance!r}")
    if not 0 < dt < 1:
        raise NetlistError(f"dt must lie between 0 and 1 for cells of rate 1, got {dt!r}")
    start = 0
    if encoder is None:
        encoder, start = encoded(graph)
    layers, output = layers_of(graph, start)
    time = settling_time(graph.n_inputs, layers, encoder, tolerance, dt, input_range)
    n, last = layers[-1].start + layers[-1].rows.n, layers[-1]
    role = np.full(n, Role.DYNAMIC)
    role[: graph.n_inputs], role[last.start :] = Role.INPUT, Role.OUTPUT
    shown = [Activation.IDENTITY, *(CODES[layer.activation] for layer in layers)]
    sizes = [graph.n_inputs, *(layer.rows.n for layer in layers)]
    return LangevinNetlist(
        cells=Cells.make(
            n,
            j2=np.where(role == Role.INPUT, 0.0, 0.5),
            h=np.concatenate([np.zeros(graph.n_inputs), *(layer.rows.bias for layer in layers)]),
            activation=np.repeat(shown, sizes),
            role=role,
        ),
        couplings=(_couplings(graph, layers),),
        kT=0.0,
        mobility=1.0,
        schedule=(Phase("relax", round(time / dt) * dt),),
        groups=_groups(graph.n_inputs, layers),
        readout=ReadOut(
            cells=output,
            phase="relax",
            shown=last.activation != "identity",
            decision="argmax" if model.head == "classification" else "value",
            scale=_float64(model.output_scale),
            offset=_float64(model.output_offset),
            labels=model.labels,
        ),
        encoder=encoder,
        dt=dt,
        meta={**model.meta, **facts},
    )


def _float64(array: np.ndarray | None) -> np.ndarray | None:
    return None if array is None else np.asarray(array, dtype=np.float64)


def encoded(graph: Graph) -> tuple[Encoder, int]:
    """(encoder, nodes that it takes the place of): scalings of the data that nothing else reads."""
    readers = graph.readers
    scale, shift, done = np.ones(1), np.zeros(1), 0
    for k, node in enumerate(graph.nodes):
        operation = node.operation
        alone = node.reads == (k,) and readers[k] == 1
        if not (alone and isinstance(operation, Affine) and np.all(operation.scale != 0)):
            break
        # scale (a u + c), u = (data - shift) scale so far
        a, c = (np.broadcast_to(x, node.shape).ravel() for x in (operation.scale, operation.shift))
        a, c = (x[:1] if (x == x[0]).all() else x for x in (a, c))
        shift, scale, done = shift - c / (a * scale), scale * a, k + 1
    return Encoder(np.asarray(shift, np.float64), np.asarray(scale, np.float64)), done


def _couplings(graph: Graph, layers: Sequence[Layer]) -> Couplings:
    """Those of all layers, tied where a parameter has several."""
    rows = [layer.rows for layer in layers]
    ends = np.cumsum([0, *(r.unit.size for r in rows)])
    first = np.zeros(graph.n_inputs, np.int64)
    indptr = [r.indptr[:-1] + e for r, e in zip(rows, ends, strict=False)]
    unit = np.concatenate([r.unit for r in rows]).astype(np.int32)
    # weights of single precision stay so; factors beside them (1 / 3) are rounded
    single = all(w.dtype == np.float32 for w in graph.weights)
    every = np.concatenate([r.parameters for r in rows]).astype(np.float32 if single else np.float64)
    firsts = np.cumsum([0, *(r.parameters.size for r in rows)])
    tie = np.concatenate([r.tie + f for r, f in zip(rows, firsts, strict=False)])
    used, tie = numbered(tie, every.size)
    tied = used.size < tie.size
    return Couplings(
        CouplingKind.LINEAR,
        np.concatenate([first, *indptr, ends[-1:]]),
        unit,
        every[used] if tied else every[used][tie],
        tie.astype(np.int32) if tied else None,
    )


def _groups(n_inputs: int, layers: Sequence[Layer]) -> tuple[Group, ...]:
    groups, taken = [Group("input", 0, n_inputs)], {"input", "output"}
    for layer in layers[:-1]:
        name, again = layer.name or "layer", 1
        while name in taken:
            again += 1
            name = f"{layer.name or 'layer'}#{again}"
        taken.add(name)
        groups.append(Group(name, layer.start, layer.start + layer.rows.n))
    last = layers[-1]
    return (*groups, Group("output", last.start, last.start + last.rows.n))
