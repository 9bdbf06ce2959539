"""The layers of cells that hold a graph's values, and the couplings into them.

What is linear between two activations becomes couplings, as few as there are: normalisation goes into them,
sums (residual connections) are couplings from several layers, orders (reshape, flatten, concatenation) cost
nothing. max(a, b) = b + relu(a - b): largest values are a tree of relu cells. clamp is a clip cell between
two scalings, leaky relu a x + (1 - a) relu(x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from compiler.families.affine_values import (
    Plain,
    Rows,
    Value,
    added,
    affine,
    as_rows,
    chosen,
    mapped,
    stacked,
)
from compiler.families.graph import Affine, Convolution, Dense, Graph, Larger, Node, Pool, Shown, Sum, Taken
from compiler.families.windows import NONE


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Cells start, ..., start + n - 1, driven by rows and showing phi."""

    name: str
    start: int
    rows: Rows
    activation: str


@dataclass(slots=True)
class _Machine:
    """Layers of cells made so far; the first n_inputs cells are the inputs."""

    n: int
    layers: list[Layer] = field(default_factory=list)

    def cells(self, name: str, value: Value, activation: str = "identity") -> Plain:
        """New cells that show phi of these values."""
        rows = as_rows(value)
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
            over = [added([*a, *b], [1.0] * len(a) + [-1.0] * len(b)) for a, b in pairs]
            shown = self.cells(f"{name}.max{level}", stacked(over), "relu")
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
                return affine(given[0], *full)
            case Shown():
                return self._shown(name, operation, given[0], node.shape)
            case Sum():
                return added(given, operation.factors)
            case Larger():
                sign = np.full(n, -1.0 if operation.smaller else 1.0)
                held = [self.plain(name, v) for name, v in zip(called, given, strict=True)]
                both = [[affine(v, sign, np.zeros(n))] for v in held]
                terms = self.largest(node.name, both)  # type: ignore[arg-type]
                return added(terms, [float(sign[0])] * len(terms))
            case Taken():
                return chosen(stacked(given), operation.members)

    def _dense(self, name: str, dense: Dense, value: Value, shape: tuple[int, ...]) -> Rows:
        source, (m, k) = self.plain(name, value), dense.weight.shape
        times = math.prod(shape[:-1])
        i, j = np.divmod(np.arange(m * k), k)
        row = (np.arange(times)[:, None] * m + i).ravel()
        column = (np.arange(times)[:, None] * k + j).ravel()
        tie = np.tile(np.arange(m * k), times)
        return mapped(source, times * m, row, column, tie, dense.weight.ravel(), np.tile(dense.bias, times))

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
        return mapped(source, out * positions, row, column, tie, w.ravel(), np.repeat(layer.bias, positions))

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
            return mapped(source, n, row, column, np.tile(tie, shape[0])[row], w, np.zeros(n))
        # a tap that sees no place repeats one that does
        some = layer.members.max(axis=1, keepdims=True)
        filled = np.where(layer.members == NONE, some, layer.members)
        each = [[source.at((first + filled[:, t]).ravel())] for t in range(taps)]
        return added(terms := self.largest(name, each), [1.0] * len(terms))

    def _shown(self, name: str, shown: Shown, value: Value, shape: tuple[int, ...]) -> Value:
        n = value.n
        one = np.ones(n)
        if shown.phi == "leaky":
            slope = np.broadcast_to(shown.slope, shape).ravel().astype(np.float64)
            x = self.plain(name, value)
            both = [affine(x, slope, 0 * one), affine(self.cells(name, x, "relu"), 1 - slope, 0 * one)]
            return added(both, [1.0, 1.0])
        if shown.phi != "clamp":
            return self.cells(name, value, shown.phi)
        low, high = shown.low, shown.high
        if math.isinf(low):  # high - relu(high - x)
            return affine(self.cells(name, affine(value, -one, high * one), "relu"), -one, high * one)
        if math.isinf(high):
            return affine(self.cells(name, affine(value, one, -low * one), "relu"), one, low * one)
        width = high - low
        inner = value if (low, high) == (0.0, 1.0) else affine(value, one / width, -low / width * one)
        return affine(self.cells(name, inner, "clip"), width * one, low * one)


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
