"""A graph gathered layer by layer, whatever library the layers come from.

Reshapes, transpositions and the like are remembered as orders of the values and cost no node until a layer
needs them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.checks import HEADS
from compiler.families.dense_chain import as_mlp
from compiler.families.feedforward import FeedForward
from compiler.families.graph import (
    Affine,
    Convolution,
    Dense,
    Graph,
    Larger,
    Node,
    Operation,
    Pool,
    Shape,
    Shown,
    Sum,
    Taken,
)
from compiler.families.mlp import MLP
from compiler.families.windows import Seen


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """What a node makes, in this order.

    number : 0 the data, k + 1 of node k; shape : without the batch
    members : (size,) places in what the node makes, row by row; None: as they are
    ended : the layer behind which nothing may come (a softmax), or ""
    """

    number: int
    shape: Shape
    members: np.ndarray | None = None
    ended: str = ""

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Builder:
    """origin : begins every error"""

    def __init__(self, origin: str) -> None:
        self.origin, self.n_inputs = origin, 0
        self.nodes: list[Node] = []

    def fail(self, what: str, rule: str) -> NoReturn:
        raise UnsupportedError(f"{self.origin}: {what}{' ' * bool(what)}{rule}")

    def data(self, shape: Shape, channels_last: bool = False) -> Value:
        """The rows of data as the network reads them. Of images (channels, height, width) rows have the
        channels innermost, as data sets have them; anything else row by row.

        channels_last : whether the network itself has them so
        """
        self.n_inputs = math.prod(shape)
        if len(shape) == 3 and shape[0] > 1 and not channels_last:
            channels, height, width = shape
            order = np.arange(self.n_inputs).reshape(height, width, channels).transpose(2, 0, 1)
            return Value(0, shape, order.ravel())
        return Value(0, shape)

    def _made(self, number: int) -> Shape:
        return self.nodes[number - 1].shape if number else (self.n_inputs,)

    def _add(self, what: str, operation: Operation, values: Sequence[Value], shape: Shape) -> Value:
        for value in values:
            if value.ended:
                self.fail(value.ended, "is supported only at the end of a classifier")
        self.nodes.append(Node(what, operation, tuple(v.number for v in values), shape))
        return Value(len(self.nodes), shape)

    def settled(self, x: Value) -> Value:
        """The value with its order and shape in a node of their own, if the node that makes it has others."""
        if x.members is None and x.shape == self._made(x.number):
            return x
        members = np.arange(x.size) if x.members is None else x.members
        return self._add("", Taken(members), [x], x.shape)

    def _whole(self, x: Value) -> Value:
        """The value as an order of all that its node makes."""
        if x.members is None:
            return x
        n = math.prod(self._made(x.number))
        same = x.size == n and np.array_equal(np.sort(x.members), np.arange(n))
        return x if same else self.settled(x)

    def _each(self, what: str, x: Value, operation: Operation) -> Value:
        """An operation of every value by itself, before the order."""
        return replace(x, number=self._add(what, operation, [x], self._made(x.number)).number)

    def _spread(self, x: Value, array: Any) -> np.ndarray:
        """An array that is broadcast to x, for what x's node makes."""
        array = np.asarray(array)
        array = array if array.dtype == np.float32 else array.astype(np.float64)
        if array.size == 1:
            return array.reshape(1)
        try:
            full = np.broadcast_to(array, x.shape)
        except ValueError:
            self.fail("", f"{array.shape} constants do not fit values of shape {x.shape}")
        made = self._made(x.number)
        if x.members is None and x.shape == made:
            return array
        flat = np.empty(x.size, array.dtype)
        flat[np.arange(x.size) if x.members is None else x.members] = full.ravel()
        return flat.reshape(made)

    def affine(self, what: str, x: Value, scale: Any = 1.0, shift: Any = 0.0) -> Value:
        """scale x + shift, by broadcasting."""
        shape = np.broadcast_shapes(x.shape, np.shape(scale), np.shape(shift))
        if shape != x.shape and math.prod(shape) > x.size:
            x = self.view([x], np.broadcast_to(np.arange(x.size).reshape(x.shape), shape))
        elif shape != x.shape:
            x = replace(x, shape=shape)
        x = self._whole(x)
        return self._each(what, x, Affine(self._spread(x, scale), self._spread(x, shift)))

    def shown(self, what: str, x: Value, phi: str, **how: Any) -> Value:
        """phi of every value: see Shown; a slope is broadcast."""
        x = self._whole(x)
        if "slope" in how:
            how["slope"] = self._spread(x, how["slope"])
        return self._each(what, x, Shown(phi, **how))

    def sum(self, what: str, values: Sequence[Value], factors: Sequence[float]) -> Value:
        """Of values that are broadcast to one shape."""
        values = self._alike(what, values)
        return self._add(what, Sum(tuple(float(f) for f in factors)), values, values[0].shape)

    def larger(self, what: str, a: Value, b: Value, smaller: bool = False) -> Value:
        values = self._alike(what, [a, b])
        return self._add(what, Larger(smaller), values, values[0].shape)

    def _alike(self, what: str, values: Sequence[Value]) -> list[Value]:
        try:
            shape = np.broadcast_shapes(*(v.shape for v in values))
        except ValueError:
            self.fail(what, "takes values of shapes " + ", ".join(str(v.shape) for v in values))
        return [
            self.settled(
                v
                if v.shape == shape
                else self.view([v], np.broadcast_to(np.arange(v.size).reshape(v.shape), shape))
            )
            for v in values
        ]

    def view(self, values: Sequence[Value], index: np.ndarray) -> Value:
        """Values numbered one after another, in the order and shape of an index array; NONE is 0."""
        shape, members = tuple(index.shape), index.ravel()
        if len(values) > 1:
            return self._add("", Taken(members.astype(np.int64)), [self.settled(v) for v in values], shape)
        x = values[0]
        if members.min(initial=0) < 0:
            return self._add("", Taken(members.astype(np.int64)), [self.settled(x)], shape)
        members = members if x.members is None else x.members[members]
        plain = members.size == math.prod(self._made(x.number)) and np.array_equal(
            members, np.arange(members.size)
        )
        return replace(x, shape=shape, members=None if plain else members)

    def dense(self, what: str, x: Value, weight: np.ndarray, bias: np.ndarray | None) -> Value:
        """Along the last axis; weight : (n_out, n_in)"""
        if weight.ndim != 2 or weight.shape[1] != x.shape[-1]:
            self.fail(what, f"has weights of shape {weight.shape} for {x.shape[-1]} values")
        bias = np.zeros(weight.shape[0], weight.dtype) if bias is None else np.asarray(bias).ravel()
        if bias.size == 1:
            bias = np.repeat(bias, weight.shape[0])
        if bias.size != weight.shape[0]:
            self.fail(what, f"has a bias of shape {bias.shape} for {weight.shape[0]} outputs")
        operation = Dense(np.ascontiguousarray(weight), np.ascontiguousarray(bias))
        return self._add(what, operation, [self.settled(x)], (*x.shape[:-1], weight.shape[0]))

    def convolution(
        self, what: str, x: Value, kernel: np.ndarray, bias: np.ndarray | None, seen: Seen, groups: int = 1
    ) -> Value:
        """kernel : (channels_out, channels_in / groups, *window)"""
        if kernel.shape[1] * groups != x.shape[0]:
            self.fail(what, f"has a kernel for {kernel.shape[1] * groups} channels where {x.shape[0]} come")
        self._fits(what, seen)
        bias = np.zeros(kernel.shape[0], kernel.dtype) if bias is None else np.asarray(bias).ravel()
        operation = Convolution(
            np.ascontiguousarray(kernel), np.ascontiguousarray(bias), seen.members, int(groups)
        )
        return self._add(what, operation, [self.settled(x)], (kernel.shape[0], *seen.shape))

    def pool(
        self, what: str, x: Value, kind: str, seen: Seen, window: Shape, divisor: np.ndarray | None = None
    ) -> Value:
        """divisor : of an average's sum; None: the places that each window shows"""
        self._fits(what, seen)
        divisor = np.asarray(seen.shown if divisor is None else divisor, np.float64)
        operation = Pool(kind, seen.members, divisor, tuple(int(k) for k in window))
        return self._add(what, operation, [self.settled(x)], (x.shape[0], *seen.shape))

    def _fits(self, what: str, seen: Seen) -> None:
        if not seen.members.size:
            self.fail(what, "has a window larger than the image that it reads")

    def reduced(self, what: str, x: Value, axes: Sequence[int], keep: bool, kind: str) -> Value:
        """The average, sum or largest along axes."""
        rank = len(x.shape)
        axes = sorted({a % rank for a in axes})
        kept = [k for k in range(rank) if k not in axes]
        index = np.arange(x.size).reshape(x.shape).transpose(*kept, *axes)
        count = math.prod(x.shape[a] for a in axes)
        rows = self.view([x], index.reshape(-1, count))
        members = np.arange(count, dtype=np.int32)[None, :]
        seen = Seen((1,), members, np.ones_like(members, bool))
        divisor = np.ones(1) if kind == "sum" else None
        y = self.pool(what, rows, "max" if kind == "max" else "average", seen, (count,), divisor)
        shape = [1 if k in axes else n for k, n in enumerate(x.shape) if keep or k not in axes]
        return self.view([y], np.arange(y.size).reshape(shape))

    def normalise(
        self, what: str, x: Value, mean: Any, variance: Any, weight: Any, bias: Any, eps: float
    ) -> Value:
        """Batch normalisation by its running statistics, channels being the first axis."""
        if mean is None or variance is None:
            self.fail(what, "has no running statistics: train it with track_running_stats")
        scale = (1.0 if weight is None else weight) / np.sqrt(np.asarray(variance, np.float64) + eps)
        shift = (0.0 if bias is None else bias) - np.asarray(mean, np.float64) * scale
        shape = (-1, *(1,) * (len(x.shape) - 1))
        if scale.size != x.shape[0]:
            self.fail(what, f"has {scale.size} channels where {x.shape[0]} come")
        return self.affine(what, x, scale.reshape(shape), shift.reshape(shape))

    def end(self, what: str, x: Value) -> Value:
        """A softmax, which changes no decision: left out if nothing but order comes behind it."""
        if x.ended:
            self.fail(x.ended, "is supported only at the end of a classifier")
        return replace(x, ended=what)

    def finish(self, x: Value, head: str, labels: tuple[str, ...], **meta: Any) -> MLP | FeedForward:
        """The model; of dense layers alone an MLP. A classifier with one output has two answers, y below and
        above its threshold: 0, or 1/2 behind a sigmoid or a clamp to [0, 1].
        """
        if head not in HEADS:
            raise UnsupportedError(f"head must be {' or '.join(HEADS)}, got {head!r}")
        if x.ended and head != "classification":
            self.fail(x.ended, "is supported only at the end of a classifier")
        self._read_alone(self.settled(replace(x, ended="")))
        if not any(isinstance(node.operation, Dense | Convolution) for node in self.nodes):
            raise UnsupportedError(f"{self.origin}: the network has no layer with weights")
        scale = offset = None
        if head == "classification" and x.size == 1:
            scale = np.array([[-1.0], [1.0]])
            last = next(n.operation for n in reversed(self.nodes) if not isinstance(n.operation, Taken))
            half = isinstance(last, Shown) and (last.phi == "sigmoid" or (last.low, last.high) == (0.0, 1.0))
            if half and last.phi in ("sigmoid", "clamp"):  # type: ignore[union-attr]
                offset = np.array([0.5, -0.5])
            labels = labels or ("0", "1")
        told = {"origin": os.path.basename(self.origin)} | meta
        graph = Graph(tuple(self.nodes), self.n_inputs)
        model = FeedForward(graph, head, scale, offset, labels, told)
        return as_mlp(model) or model

    def _read_alone(self, result: Value) -> None:
        """Leave out what the result does not depend on; its node becomes the last."""
        needed = [False] * result.number + [True]
        for k in range(result.number, 0, -1):
            for j in self.nodes[k - 1].reads if needed[k] else ():
                needed[j] = True
        place = np.cumsum([False, *needed[1:]])
        self.nodes = [
            replace(node, reads=tuple(int(place[j]) for j in node.reads))
            for node, wanted in zip(self.nodes, needed[1:], strict=False)
            if wanted
        ]
