"""A feed-forward graph as cells that relax to its values.

dx_i = -(x_i - sum_j W_ij phi(x_j) - b_i) dt: each cell holds what goes into its activation and shows phi of
it, so that the fixed point is the network's forward pass. Euler steps have the same fixed point: the step
costs no accuracy, and as nothing drives back, a step of 1 reaches it exactly in as many steps as there are
layers of cells.

What is linear between two activations becomes couplings, as few as there are: normalisation goes into them,
sums (residual connections) are couplings from several layers, orders (reshape, flatten, concatenation) cost
nothing. Couplings of one kernel are tied to its parameters. max(a, b) = b + relu(a - b): largest values are
a tree of relu cells. clamp is a clip cell between two scalings, leaky relu a x + (1 - a) relu(x).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from compiler.errors import NetlistError
from compiler.families.activations import PHIS
from compiler.families.graph import Affine, Convolution, Dense, Graph, Larger, Node, Pool, Shown, Sum, Taken
from compiler.families.windows import NONE
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
MAX_TIME = 1e5


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Affine functions of cells, one a value: sum_k parameters[tie[k]] shown(unit[k]) + bias.

    indptr : (n + 1,); unit : (nnz,) cells; tie : (nnz,) into parameters; bias : (n,) float64
    """

    indptr: np.ndarray
    unit: np.ndarray
    tie: np.ndarray
    parameters: np.ndarray
    bias: np.ndarray

    @property
    def n(self) -> int:
        return self.bias.size

    @property
    def row(self) -> np.ndarray:
        return np.repeat(np.arange(self.n), np.diff(self.indptr))


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """Values that are one cell each, up to a factor: scale shown(unit) + shift, all (n,); NONE: shift."""

    unit: np.ndarray
    scale: np.ndarray
    shift: np.ndarray

    @property
    def n(self) -> int:
        return self.unit.size

    def at(self, members: np.ndarray) -> Plain:
        """Those of `members`, 0 where there is NONE."""
        there = members != NONE
        return Plain(
            np.where(there, self.unit[members], NONE),
            np.where(there, self.scale[members], 0.0),
            np.where(there, self.shift[members], 0.0),
        )


Value = Rows | Plain


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Cells start, ..., start + n - 1, driven by rows and showing phi."""

    name: str
    start: int
    rows: Rows
    activation: str


def _rows(
    n: int, row: np.ndarray, unit: np.ndarray, tie: np.ndarray, w: np.ndarray, bias: np.ndarray
) -> Rows:
    """Rows of couplings in any order; those of one cell in one row are added up, zeros left out."""
    keep = (unit != NONE) & (w[tie] != 0)
    if not keep.all():
        row, unit, tie = row[keep], unit[keep], tie[keep]
    key = row.astype(np.int64) * (int(unit.max(initial=0)) + 1) + unit
    if key.size and (np.diff(key) <= 0).any():
        order = np.argsort(key, kind="stable")
        key, row, unit, tie = key[order], row[order], unit[order], tie[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        if first.size < key.size:
            total = np.add.reduceat(w[tie].astype(np.float64), first)
            row, unit = row[first], unit[first]
            w, tie = np.unique(total, return_inverse=True)
            return (
                _rows(n, row, unit, tie, w, bias) if (w == 0).any() else _counted(n, row, unit, tie, w, bias)
            )
    return _counted(n, row, unit, tie, w, bias)


def _counted(
    n: int, row: np.ndarray, unit: np.ndarray, tie: np.ndarray, w: np.ndarray, bias: np.ndarray
) -> Rows:
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
    return Rows(indptr, unit, tie, w, np.array(np.broadcast_to(bias, (n,)), np.float64))


def _scaled(tie: np.ndarray, w: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(tie, parameters) of couplings times a factor each: a parameter for every pair that there is."""
    if (factor == 1.0).all():
        return tie, w
    by, which = np.unique(factor, return_inverse=True)
    found, tie = _numbered(tie.astype(np.int64) * by.size + which, w.size * by.size)
    return tie, w[found // by.size] * by[found % by.size]


def _numbered(codes: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """(those of 0, ..., top - 1 that occur, the place of each code among them)."""
    if top > 8 * codes.size + 1_000_000:
        return np.unique(codes, return_inverse=True)
    there = np.zeros(top, bool)
    there[codes] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[codes]


def _as_rows(value: Value) -> Rows:
    if isinstance(value, Rows):
        return value
    w, tie = np.unique(value.scale, return_inverse=True)
    return _rows(value.n, np.arange(value.n), value.unit, tie, w, value.shift)


def _mapped(
    source: Plain,
    n: int,
    row: np.ndarray,
    column: np.ndarray,
    tie: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray,
) -> Rows:
    """The linear map of couplings from values `column` to rows, of what a source is of its cells."""
    shift = source.shift[column]
    if shift.any():
        bias = bias + np.bincount(row, weights=w[tie] * shift, minlength=n)
    tie, w = _scaled(tie, w, source.scale[column])
    return _rows(n, row, source.unit[column], tie, w, bias)


def _added(values: Sequence[Value], factors: Sequence[float]) -> Rows:
    """The sum of values of one size, each times its factor."""
    n, bias = values[0].n, np.zeros(values[0].n)
    row: list[np.ndarray] = []
    unit: list[np.ndarray] = []
    tie: list[np.ndarray] = []
    w: list[np.ndarray] = []
    first = 0
    for value, factor in zip(values, factors, strict=True):
        rows = _as_rows(value)
        row.append(rows.row)
        unit.append(rows.unit)
        tie.append(rows.tie + first)
        w.append(rows.parameters if factor == 1.0 else rows.parameters * factor)
        first += rows.parameters.size
        bias = bias + factor * rows.bias
    return _rows(n, np.concatenate(row), np.concatenate(unit), np.concatenate(tie), np.concatenate(w), bias)


def _affine(value: Value, scale: np.ndarray, shift: np.ndarray) -> Value:
    """scale value + shift, both (n,)."""
    if isinstance(value, Plain):
        return Plain(value.unit, value.scale * scale, value.shift * scale + shift)
    tie, w = _scaled(value.tie, value.parameters, np.repeat(scale, np.diff(value.indptr)))
    return replace(value, tie=tie, parameters=w, bias=value.bias * scale + shift)


def _stacked(values: Sequence[Value]) -> Value:
    """One after another."""
    if len(values) == 1:
        return values[0]
    if all(isinstance(v, Plain) for v in values):
        return Plain(*(np.concatenate([getattr(v, k) for v in values]) for k in ("unit", "scale", "shift")))
    rows = [_as_rows(v) for v in values]
    ends = np.cumsum([0, *(r.unit.size for r in rows)])
    firsts = np.cumsum([0, *(r.parameters.size for r in rows)])
    return Rows(
        np.concatenate([r.indptr[:-1] + e for r, e in zip(rows, ends, strict=False)] + [ends[-1:]]),
        np.concatenate([r.unit for r in rows]),
        np.concatenate([r.tie + f for r, f in zip(rows, firsts, strict=False)]),
        np.concatenate([r.parameters for r in rows]),
        np.concatenate([r.bias for r in rows]),
    )


def _chosen(value: Value, members: np.ndarray) -> Value:
    if isinstance(value, Plain):
        return value.at(members)
    there = members != NONE
    lengths = np.where(there, np.diff(value.indptr)[members], 0)
    starts = np.where(there, value.indptr[:-1][members], 0)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
    bias = np.where(there, value.bias[members], 0.0)
    return Rows(indptr, value.unit[at], value.tie[at], value.parameters, bias)


@dataclass(slots=True)
class _Machine:
    """Layers of cells made so far; the first n_inputs cells are the inputs."""

    n: int
    layers: list[Layer] = field(default_factory=list)

    def cells(self, name: str, value: Value, activation: str = "identity") -> Plain:
        """New cells that show phi of these values."""
        rows = _as_rows(value)
        start, self.n = self.n, self.n + rows.n
        self.layers.append(Layer(name, start, rows, activation))
        unit = np.arange(start, self.n)
        return Plain(unit, np.ones(rows.n), np.zeros(rows.n))

    def plain(self, name: str, value: Value) -> Plain:
        """The values as cells: as they are, or held by new ones."""
        return value if isinstance(value, Plain) else self.cells(name, value)

    def largest(self, name: str, values: list[list[Plain]]) -> list[Plain]:
        """max_k sum(values[k]), as the terms of a sum: pairs, then pairs of these, and so on."""
        level = 0
        while len(values) > 1:
            level += 1
            pairs = list(zip(values[::2], values[1::2], strict=False))
            over = [_added([*a, *b], [1.0] * len(a) + [-1.0] * len(b)) for a, b in pairs]
            shown = self.cells(f"{name}.max{level}", _stacked(over), "relu")
            n = over[0].n
            left = [values[-1]] if len(values) % 2 else []
            values = [[*b, shown.at(np.arange(k * n, (k + 1) * n))] for k, (_, b) in enumerate(pairs)] + left
        return values[0]

    def lowered(
        self, node: Node, given: list[Value], shapes: list[tuple[int, ...]], called: list[str]
    ) -> Value:
        """What a node makes of the values that it reads; `called` is what cells are that hold these."""
        name, operation, n = called[0], node.operation, math.prod(node.shape)
        match operation:
            case Dense():
                return self._dense(name, operation, given[0], shapes[0])
            case Convolution():
                return self._convolution(name, operation, given[0], shapes[0])
            case Pool():
                return self._pool(node.name, self.plain(name, given[0]), operation, shapes[0])
            case Affine():
                full = (np.broadcast_to(a, node.shape).ravel() for a in (operation.scale, operation.shift))
                return _affine(given[0], *full)
            case Shown():
                return self._shown(name, operation, given[0], node.shape)
            case Sum():
                return _added(given, operation.factors)
            case Larger():
                sign = np.full(n, -1.0 if operation.smaller else 1.0)
                held = [self.plain(name, v) for name, v in zip(called, given, strict=True)]
                both = [[_affine(v, sign, np.zeros(n))] for v in held]
                terms = self.largest(node.name, both)  # type: ignore[arg-type]
                return _added(terms, [float(sign[0])] * len(terms))
            case Taken():
                return _chosen(_stacked(given), operation.members)

    def _dense(self, name: str, dense: Dense, value: Value, shape: tuple[int, ...]) -> Rows:
        source, (m, k) = self.plain(name, value), dense.weight.shape
        times = math.prod(shape[:-1])
        i, j = np.divmod(np.arange(m * k), k)
        row = (np.arange(times)[:, None] * m + i).ravel()
        column = (np.arange(times)[:, None] * k + j).ravel()
        tie = np.tile(np.arange(m * k), times)
        return _mapped(source, times * m, row, column, tie, dense.weight.ravel(), np.tile(dense.bias, times))

    def _convolution(self, name: str, layer: Convolution, value: Value, shape: tuple[int, ...]) -> Rows:
        source, w = self.plain(name, value), layer.flat
        out, inner, taps = w.shape
        places, positions = math.prod(shape[1:]), len(layer.members)
        o, p, c, t = np.ogrid[:out, :positions, :inner, :taps]
        channel = o // (out // layer.groups) * inner + c
        seen = layer.members[p, t]
        there = np.broadcast_to(seen != NONE, (out, positions, inner, taps))
        row, column, tie = (
            np.broadcast_to(a, there.shape)[there].astype(np.int32)
            for a in (o * positions + p, channel * places + seen, (o * inner + c) * taps + t)
        )
        return _mapped(source, out * positions, row, column, tie, w.ravel(), np.repeat(layer.bias, positions))

    def _pool(self, name: str, source: Plain, layer: Pool, shape: tuple[int, ...]) -> Rows:
        places, (positions, taps) = math.prod(shape[1:]), layer.members.shape
        first = np.arange(shape[0])[:, None] * places
        if layer.kind == "average":
            w, tie = np.unique(1.0 / layer.divisor, return_inverse=True)
            there = np.broadcast_to(layer.members != NONE, (shape[0], positions, taps))
            column = np.broadcast_to(first[..., None] + layer.members, there.shape)[there]
            row = np.broadcast_to(
                np.arange(shape[0] * positions).reshape(shape[0], positions, 1), there.shape
            )[there]
            n = shape[0] * positions
            return _mapped(source, n, row, column, np.tile(tie, shape[0])[row], w, np.zeros(n))
        # a tap that sees no place repeats one that does
        some = layer.members.max(axis=1, keepdims=True)
        filled = np.where(layer.members == NONE, some, layer.members)
        each = [[source.at((first + filled[:, t]).ravel())] for t in range(taps)]
        return _added(terms := self.largest(name, each), [1.0] * len(terms))

    def _shown(self, name: str, shown: Shown, value: Value, shape: tuple[int, ...]) -> Value:
        n = value.n
        one = np.ones(n)
        if shown.phi == "leaky":
            slope = np.broadcast_to(shown.slope, shape).ravel().astype(np.float64)
            x = self.plain(name, value)
            both = [_affine(x, slope, 0 * one), _affine(self.cells(name, x, "relu"), 1 - slope, 0 * one)]
            return _added(both, [1.0, 1.0])
        if shown.phi != "clamp":
            return self.cells(name, value, shown.phi)
        low, high = shown.low, shown.high
        if math.isinf(low):  # high - relu(high - x)
            return _affine(self.cells(name, _affine(value, -one, high * one), "relu"), -one, high * one)
        if math.isinf(high):
            return _affine(self.cells(name, _affine(value, one, -low * one), "relu"), one, low * one)
        width = high - low
        inner = value if (low, high) == (0.0, 1.0) else _affine(value, one / width, -low / width * one)
        return _affine(self.cells(name, inner, "clip"), width * one, low * one)


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


def layers_of(graph: Graph, start: int = 0) -> tuple[list[Layer], np.ndarray]:
    """(layers of cells, cells of the result); the first `start` nodes are left out, what they make being the
    data.
    """
    machine, readers = _Machine(graph.n_inputs), graph.readers
    n = graph.n_inputs
    data = Plain(np.arange(n), np.ones(n), np.zeros(n))
    values: list[Value | None] = [data] * (start + 1) + [None] * (len(graph.nodes) - start)
    called = ["data"] * len(values)
    for k in range(start, len(graph.nodes)):
        node = graph.nodes[k]
        given: list[Value] = [values[j] for j in node.reads]  # type: ignore[misc]
        shapes, names = [graph.shape(j) for j in node.reads], [called[j] for j in node.reads]
        made = machine.lowered(node, given, shapes, names)
        called[k + 1] = names[0] if isinstance(node.operation, Affine | Shown | Taken) else node.name
        # what several read is held by cells, once
        values[k + 1] = machine.plain(called[k + 1], made) if readers[k + 1] > 1 else made
        for j in node.reads:
            readers[j] -= 1
            if not readers[j]:
                values[j] = None
    result = values[-1]
    assert result is not None
    if machine.layers and isinstance(result, Plain):
        last = machine.layers[-1]
        bare = (result.scale == 1).all() and not result.shift.any()
        if bare and np.array_equal(np.sort(result.unit), np.arange(last.start, machine.n)):
            return machine.layers, result.unit.astype(np.int32)
    return machine.layers, machine.cells("output", result).unit.astype(np.int32)


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
    used, tie = _numbered(tie, every.size)
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


def settling_time(
    n_inputs: int,
    layers: Sequence[Layer],
    encoder: Encoder,
    tolerance: float,
    dt: float,
    input_range: tuple[float, float] = (0.0, 1.0),
) -> float:
    """Time after which every output cell, started at 0, is within `tolerance` of its fixed point.

    Let e_l(t) bound the error of layer l (in the largest or the Euclidean norm), X_l the size of its fixed
    point, and G_lm = |W_lm| Lip(phi_m) for every layer m that drives it. Then
    de_l/dt <= -e_l + sum_m G_lm e_m, hence

        e_L(t) <= exp(-t) sum_k c_k t^k / k!

    with c_k the sum, over all paths of k couplings that end in L, of the gains on the way times X of where
    they begin; and for n Euler steps the same with C(n, k) dt^k (1 - dt)^(n-k) for exp(-t) t^k / k!. The
    time returned satisfies both in the better norm.

    Raises NetlistError if the input range is not finite or the time exceeds 1e5.
    """
    lo, hi = input_range
    if not (math.isfinite(lo) and math.isfinite(hi) and lo <= hi):
        raise NetlistError(f"input_range must be finite with low <= high, got {input_range!r}")
    ends = (np.array([[lo], [hi]]) - encoder.shift) * encoder.scale
    u = np.broadcast_to(np.abs(ends).max(axis=0), (n_inputs,))
    blocks = [_blocks(n_inputs, layers, k) for k in range(len(layers))]
    return min(_settle(_terms(layers, blocks, u, norm), tolerance, dt) for norm in (np.inf, 2))


Norms = dict[int, dict[float, float]]


def _blocks(n_inputs: int, layers: Sequence[Layer], k: int) -> Norms:
    """Norms of layer k's couplings from each layer that drives it (-1: the inputs), by that layer.

    Of a matrix of less than a million weights, few of them 0, the spectral norm itself, else a bound on it,
    sqrt(|W|_1 |W|_inf).
    """
    rows = layers[k].rows
    starts = np.array([0, *(layer.start for layer in layers[:k])])
    sources = np.searchsorted(starts, rows.unit, side="right") - 2
    at, size = rows.row, np.abs(rows.parameters.astype(np.float64))[rows.tie]
    found: Norms = {}
    for m in np.unique(sources):
        these = sources == m if (sources != m).any() else slice(None)
        first, width = (0, n_inputs) if m < 0 else (layers[m].start, layers[m].rows.n)
        row, column, w = at[these], rows.unit[these] - first, size[these]
        largest = float(np.bincount(row, w).max(initial=0.0))
        if 2 * w.size > rows.n * width and w.size < 1_000_000:
            block = np.zeros((rows.n, width))
            block[row, column] = rows.parameters[rows.tie[these]]
            euclid = float(np.linalg.norm(block, 2))
        else:
            euclid = math.sqrt(largest * float(np.bincount(column, w).max(initial=0.0)))
        found[int(m)] = {np.inf: largest, 2: euclid}
    return found


def _terms(layers: Sequence[Layer], blocks: Sequence[Norms], u: np.ndarray, norm: float) -> list[float]:
    """c_k of the last layer, see settling_time."""
    shown = {-1: float(np.linalg.norm(u, norm))}  # bounds on what layers show
    terms: list[list[float]] = []
    for layer, driven in zip(layers, blocks, strict=True):
        b = layer.rows.bias
        size = float(np.linalg.norm(b, norm)) + sum(g[norm] * shown[m] for m, g in driven.items())
        mine = [size]
        for m, g in driven.items():
            if m >= 0:
                steep = g[norm] * PHIS[layers[m].activation].steepest
                mine += [0.0] * (len(terms[m]) + 1 - len(mine))
                for k, term in enumerate(terms[m]):
                    mine[k + 1] += steep * term
        terms.append(mine)
        phi = PHIS[layer.activation]
        width = 1.0 if norm == np.inf else math.sqrt(b.size)
        zero = abs(float(phi.value(np.zeros(1))[0]))
        shown[len(terms) - 1] = min(phi.steepest * size + zero * width, phi.bound * width)
    return terms[-1]


def _settle(terms: list[float], tolerance: float, dt: float) -> float:
    """Smallest time, a multiple of dt, at which both bounds are below the tolerance."""

    def error(n: int) -> float:
        t = n * dt
        continuous = steps = 0.0
        for k, term in enumerate(terms):
            if term == 0:
                continue
            log = math.log(term)
            log_t = k * math.log(t) if k else 0.0
            continuous += math.exp(min(700.0, log - t + log_t - math.lgamma(k + 1)))
            if n >= k:
                choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
                log_steps = choose + k * math.log(dt) + (n - k) * math.log1p(-dt)
                steps += math.exp(min(700.0, log + log_steps))
        return max(continuous, steps)

    # beyond t = L + 1 every term falls with time, so that bisection finds the end
    low = math.ceil((len(terms) + 1) / dt)
    high = low
    while error(high) > tolerance:
        low, high = high, 2 * high
        if high * dt > MAX_TIME:
            raise NetlistError(
                f"the network needs longer than {MAX_TIME:g} to settle within {tolerance:g}; "
                "its weights are too large: raise the tolerance"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if error(middle) > tolerance else (low, middle)
    return high * dt
