"""FeedForward: an ordinary network as a graph of operations, whatever library it was written in.

It becomes cells that relax to its values or, where it is a chain of layers, layers on crossbar tiles
(compiler.families.tiled).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.checks import HEADS, check_choice
from compiler.families.graph import OPERATIONS, Convolution, Dense, Graph, Node, Pool
from compiler.families.registry import Family, common_fields
from compiler.families.relaxing import relaxing_cells
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import LangevinNetlist


@dataclass(frozen=True, slots=True, eq=False)
class FeedForward:
    """A network as it was trained.

    head : "classification" (label of the largest answer) or "regression"
    output_scale, output_offset : (n_answers, n_outputs) and (n_answers,) or None;
        answers = output_scale @ y + output_offset, y the graph's values
    labels : class names, one for each answer, or none

    Raises NetlistError for parts that do not fit.
    """

    graph: Graph
    head: str = "classification"
    output_scale: np.ndarray | None = None
    output_offset: np.ndarray | None = None
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    def __post_init__(self) -> None:
        freeze_meta(self)
        check_choice("feed-forward network", "head", self.head, HEADS)
        made, scale, offset = self.graph.n_outputs, self.output_scale, self.output_offset
        rule = ""
        if scale is not None and (scale.ndim != 2 or scale.shape[1] != made):
            rule = f"output_scale must be (n_answers, {made}), got shape {scale.shape}"
        elif offset is not None and offset.shape != (self.n_answers,):
            rule = f"output_offset must have shape ({self.n_answers},), got {offset.shape}"
        elif self.labels and len(self.labels) != self.n_answers:
            rule = f"{len(self.labels)} labels for {self.n_answers} answers; give one for each"
        if rule:
            raise NetlistError(f"feed-forward network: {rule}")

    @property
    def n_inputs(self) -> int:
        return self.graph.n_inputs

    @property
    def n_answers(self) -> int:
        scale = self.output_scale
        return self.graph.n_outputs if scale is None else int(scale.shape[0])

    def answers(self, data: Any) -> np.ndarray:
        """(n, n_answers) float64 answers to raw data (n, n_inputs)."""
        y = self.graph.values(data)
        y = y if self.output_scale is None else y @ self.output_scale.T
        return y if self.output_offset is None else y + self.output_offset

    def predictions(self, data: Any) -> np.ndarray:
        """(n,) index of the largest answer."""
        return np.argmax(self.answers(data), axis=1)

    def __repr__(self) -> str:
        layers = [n for n in self.graph.nodes if isinstance(n.operation, Dense | Convolution | Pool)]
        shapes = [(self.n_inputs,), *(node.shape for node in layers)]
        return f"FeedForward({' - '.join('x'.join(map(str, s)) for s in shapes)})"


def parts(model: FeedForward) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    nodes: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for k, node in enumerate(model.graph.nodes):
        operation = node.operation
        told: dict[str, Any] = {
            "operation": type(operation).__name__.lower(),
            "name": node.name,
            "reads": list(node.reads),
            "shape": list(node.shape),
        }
        for part in fields(operation):
            value = getattr(operation, part.name)
            if isinstance(value, np.ndarray):
                arrays[f"nodes.{k}.{part.name}"] = np.ascontiguousarray(value)
            else:  # infinite bounds are no JSON
                told[part.name] = str(value) if isinstance(value, float) and math.isinf(value) else value
        nodes.append(told)
    for name in ("output_scale", "output_offset"):
        if (array := getattr(model, name)) is not None:
            arrays[name] = array
    return {"nodes": nodes, "n_inputs": model.n_inputs, "head": model.head}, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> FeedForward:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    nodes = []
    for k, told in enumerate(document["nodes"]):
        cls = OPERATIONS[told["operation"]]
        given: dict[str, Any] = {}
        for part in fields(cls):
            if f"nodes.{k}.{part.name}" in arrays:
                given[part.name] = arrays[f"nodes.{k}.{part.name}"]
            elif part.name in told:
                value = told[part.name]
                given[part.name] = float(value) if part.name in ("low", "high") else value
                if isinstance(value, list):
                    given[part.name] = tuple(value)
        nodes.append(Node(told["name"], cls(**given), tuple(told["reads"]), tuple(told["shape"])))
    return FeedForward(
        Graph(tuple(nodes), document["n_inputs"]),
        document["head"],
        arrays.get("output_scale"),
        arrays.get("output_offset"),
        **common_fields(document),
    )


def lower_feedforward(
    model: FeedForward,
    *,
    tolerance: float = 1e-6,
    dt: float = 0.05,
    input_range: tuple[float, float] = (0.0, 1.0),
) -> LangevinNetlist:
    """The network as cells that relax to its values at kT = 0, see compiler.families.relaxing.

    Raises NetlistError for a tolerance, dt or range that is not usable.
    """
    return relaxing_cells(
        model.graph, model, {"source": "feedforward"}, tolerance=tolerance, dt=dt, input_range=input_range
    )


FAMILY = Family("feedforward", FeedForward, "a feed-forward network", parts, build, lower_feedforward)
