"""A feed-forward network as a graph of few operations, whatever library it was written in.

Values are arrays without the batch, as the network has them: channels first, then places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np

from compiler.errors import NetlistError
from compiler.families.activations import PHIS
from compiler.families.windows import NONE

Shape = tuple[int, ...]
CHUNK = 128  # samples at once: what windows show of an image is many times the image


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """W x + b along the last axis. weight : (n_out, n_in); bias : (n_out,)"""

    weight: np.ndarray
    bias: np.ndarray
    reads: ClassVar[str] = "one"

    def value(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weight.T.astype(np.float64) + self.bias


@dataclass(frozen=True, slots=True, eq=False)
class Convolution:
    """A kernel at every position, the channels in `groups` that do not see each other.

    kernel : (channels_out, channels_in / groups, *window), the window's taps row by row
    bias : (channels_out,)
    members : (positions, taps) places of the taps (compiler.families.windows), NONE where a tap sees 0
    """

    kernel: np.ndarray
    bias: np.ndarray
    members: np.ndarray
    groups: int = 1
    reads: ClassVar[str] = "one"

    @property
    def flat(self) -> np.ndarray:
        """(channels_out, channels_in / groups, taps)"""
        return self.kernel.reshape(*self.kernel.shape[:2], -1)

    def value(self, x: np.ndarray) -> np.ndarray:
        n, channels = x.shape[:2]
        seen = _padded(x.reshape(n, channels, -1), 0.0)[:, :, self.members]
        parts = []
        for g, w in enumerate(np.split(self.flat.astype(np.float64), self.groups)):
            each = channels // self.groups
            one = seen[:, g * each : (g + 1) * each].transpose(0, 2, 1, 3).reshape(n, len(self.members), -1)
            parts.append(one @ w.reshape(w.shape[0], -1).T)
        return np.concatenate(parts, axis=2).transpose(0, 2, 1) + self.bias[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The average or the largest of the places that a window shows, every channel for itself.

    kind : "average" or "max"; members : (positions, taps); divisor : (positions,) of an average's sum
    window : number of taps along each axis
    """

    kind: str
    members: np.ndarray
    divisor: np.ndarray
    window: Shape
    reads: ClassVar[str] = "one"

    def value(self, x: np.ndarray) -> np.ndarray:
        empty = 0.0 if self.kind == "average" else -np.inf
        seen = _padded(x.reshape(*x.shape[:2], -1), empty)[:, :, self.members]
        return seen.sum(axis=3) / self.divisor if self.kind == "average" else seen.max(axis=3)


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """scale x + shift, both to be broadcast to the shape of x."""

    scale: np.ndarray
    shift: np.ndarray
    reads: ClassVar[str] = "one"

    def value(self, x: np.ndarray) -> np.ndarray:
        return x * self.scale + self.shift


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """phi of every value by itself: tanh, sigmoid, relu, clamp (between low and high, one of which may be
    infinite) or leaky (x where x > 0, else slope x; the slope to be broadcast).
    """

    phi: str
    low: float = 0.0
    high: float = 1.0
    slope: np.ndarray = field(default_factory=lambda: np.zeros(1))
    reads: ClassVar[str] = "one"

    def value(self, x: np.ndarray) -> np.ndarray:
        if self.phi == "clamp":
            return np.clip(x, self.low, self.high)
        if self.phi == "leaky":
            return np.where(x > 0, x, self.slope * x)
        return PHIS[self.phi].value(x)


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """factors[0] x + factors[1] y + ... of values of one shape."""

    factors: tuple[float, ...]
    reads: ClassVar[str] = "many"

    def value(self, *x: np.ndarray) -> np.ndarray:
        return np.add.reduce([f * each for f, each in zip(self.factors, x, strict=True)])


@dataclass(frozen=True, slots=True, eq=False)
class Larger:
    """The larger of two values, or the smaller."""

    smaller: bool = False
    reads: ClassVar[str] = "two"

    def value(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.minimum(x, y) if self.smaller else np.maximum(x, y)


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """Values of what is read, one after another and each row by row, in another order; NONE is 0.

    members : (n,) int64
    """

    members: np.ndarray
    reads: ClassVar[str] = "many"

    def value(self, *x: np.ndarray) -> np.ndarray:
        flat = np.concatenate([each.reshape(each.shape[0], -1) for each in x], axis=1)
        return _padded(flat, 0.0)[:, self.members]


Operation = Dense | Convolution | Pool | Affine | Shown | Sum | Larger | Taken
OPERATIONS: dict[str, type] = {
    cls.__name__.lower(): cls for cls in (Dense, Convolution, Pool, Affine, Shown, Sum, Larger, Taken)
}


def _padded(x: np.ndarray, value: float) -> np.ndarray:
    """x with one more column of this value, which NONE finds."""
    return np.concatenate([x, np.full((*x.shape[:-1], 1), value)], axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """name : the layer's path in the network it comes from; reads : values, 0 being the data and k + 1 what
    node k makes; shape : of what it makes
    """

    name: str
    operation: Operation
    reads: tuple[int, ...]
    shape: Shape


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """nodes : in an order in which each reads what is made already; the last one's values are the result
    n_inputs : values of a row of data

    Raises NetlistError for a graph that breaks a rule.
    """

    nodes: tuple[Node, ...]
    n_inputs: int

    def __post_init__(self) -> None:
        _check(self)

    @property
    def n_outputs(self) -> int:
        return math.prod(self.nodes[-1].shape)

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """Matrices and kernels."""
        found = (node.operation for node in self.nodes)
        both = (
            op.weight if isinstance(op, Dense) else op.kernel if isinstance(op, Convolution) else None
            for op in found
        )
        return tuple(w for w in both if w is not None)

    def shape(self, value: int) -> Shape:
        """Of a value: 0 the data, k + 1 what node k makes."""
        return self.nodes[value - 1].shape if value else (self.n_inputs,)

    @property
    def readers(self) -> list[int]:
        """How many nodes read each value, the result being read once more."""
        counts = [0] * (len(self.nodes) + 1)
        for node in self.nodes:
            for value in node.reads:
                counts[value] += 1
        counts[-1] += 1
        return counts

    def values(self, data: np.ndarray) -> np.ndarray:
        """(n, n_outputs) float64 of rows of data (n, n_inputs)."""
        rows = np.asarray(data, np.float64).reshape(-1, self.n_inputs)
        return np.concatenate([self._forward(rows[a : a + CHUNK]) for a in range(0, len(rows), CHUNK)])

    def _forward(self, rows: np.ndarray) -> np.ndarray:
        values, left = [rows], self.readers
        for node in self.nodes:
            made = node.operation.value(*(values[k] for k in node.reads))
            values.append(made.reshape(len(rows), *node.shape))
            for k in node.reads:
                left[k] -= 1
                if not left[k]:
                    values[k] = np.zeros(0)
        return values[-1].reshape(len(rows), -1)


def _check(graph: Graph) -> None:
    def fail(rule: str) -> None:
        raise NetlistError(f"feed-forward network: {rule}")

    if not any(isinstance(node.operation, Dense | Convolution) for node in graph.nodes):
        fail("there is no layer with weights; give at least one")
    for k, node in enumerate(graph.nodes):
        if not node.reads or not all(0 <= value <= k for value in node.reads):
            fail(f"node {k} ({node.name}) must read the data or nodes before it, reads {node.reads}")
        many = {"one": 1, "two": 2}.get(node.operation.reads, len(node.reads))
        if len(node.reads) != many:
            fail(f"node {k} ({node.name}) reads {len(node.reads)} values; it takes {many}")
        for part in fields(node.operation):
            array = getattr(node.operation, part.name)
            if isinstance(array, np.ndarray) and not np.isfinite(array).all():
                fail(f"{part.name} of node {k} ({node.name}) has a value that is not finite")
        wanted = _size(node.operation, [graph.shape(value) for value in node.reads])
        if wanted != math.prod(node.shape):
            fail(f"node {k} ({node.name}) makes {wanted} values, not the {node.shape} it says")


def _size(operation: Operation, shapes: Sequence[Shape]) -> int:
    """How many values an operation makes of these; -1 if it does not fit them."""
    first = shapes[0]
    match operation:
        case Dense():
            fits = (
                first[-1] == operation.weight.shape[1] and operation.bias.shape == operation.weight.shape[:1]
            )
            return math.prod(first[:-1]) * operation.weight.shape[0] if fits else -1
        case Convolution():
            out, per_group = operation.kernel.shape[:2]
            fits = per_group * operation.groups == first[0] and out % operation.groups == 0
            fits = fits and operation.bias.shape == (out,)
            fits = fits and operation.flat.shape[2] == operation.members.shape[1]
            fits = fits and operation.members.max(initial=NONE) < math.prod(first[1:])
            return out * len(operation.members) if fits else -1
        case Pool():
            fits = operation.members.max(initial=NONE) < math.prod(first[1:])
            return first[0] * len(operation.members) if fits and operation.kind in ("average", "max") else -1
        case Taken():
            total = sum(math.prod(shape) for shape in shapes)
            fits = operation.members.min(initial=NONE) >= NONE and operation.members.max(initial=NONE) < total
            return operation.members.size if fits else -1
        case Sum() | Larger():
            fits = len({math.prod(shape) for shape in shapes}) == 1
            fits = fits and (isinstance(operation, Larger) or len(operation.factors) == len(shapes))
            return math.prod(first) if fits else -1
        case Shown() if operation.phi not in ("clamp", "leaky", "relu", "tanh", "sigmoid"):
            return -1
    return math.prod(first)
