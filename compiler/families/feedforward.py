"""FeedForward: an ordinary network with convolutions and pooling, which runs on crossbar tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compiler.families.mlp import MLP
from compiler.families.registry import Family, common_fields
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.network import Network, Weighted, check_network
from compiler.ir.tiles import Layout, TileNetlist
from compiler.ir.tiles_parts import network_of, network_parts


@dataclass(frozen=True, slots=True, eq=False)
class FeedForward:
    """A network as it was trained, batch normalisation folded into its weights.

    Raises NetlistError for a network that breaks a rule.
    """

    network: Network
    meta: Mapping[str, Any] = field(default_factory=Facts)

    def __post_init__(self) -> None:
        freeze_meta(self)
        check_network(self.network, "feed-forward network")

    @property
    def labels(self) -> tuple[str, ...]:
        return self.network.labels

    @property
    def n_inputs(self) -> int:
        return self.network.n_inputs

    def answers(self, data: Any) -> np.ndarray:
        """(n, n_answers) float64 answers to raw data (n, n_inputs)."""
        return self.network.answers(data)

    def predictions(self, data: Any) -> np.ndarray:
        """(n,) index of the largest answer."""
        return np.argmax(self.answers(data), axis=1)

    def __repr__(self) -> str:
        shapes = "-".join(
            "x".join(map(str, s)) if s[0] * s[1] > 1 else str(s[2]) for s in self.network.shapes
        )
        return f"FeedForward({shapes})"


def network_of_mlp(mlp: MLP) -> Network:
    """An MLP's network: one dense layer after another."""
    layers = zip(mlp.weights, mlp.biases, mlp.activations, strict=True)
    return Network(
        input_shape=(1, 1, mlp.n_inputs),
        layers=tuple(Weighted(w, b, phi) for w, b, phi in layers),
        shift=mlp.input_shift,
        scale=mlp.input_scale,
        decision="argmax" if mlp.head == "classification" else "value",
        output_scale=mlp.output_scale,
        output_offset=mlp.output_offset,
        labels=mlp.labels,
    )


def on_tiles(model: MLP | FeedForward, layout: Layout, unrolled: bool = False) -> TileNetlist:
    """The model on tiles of this layout.

    unrolled : whether every position of a convolution has devices of its own
    """
    network = network_of_mlp(model) if isinstance(model, MLP) else model.network
    if unrolled:
        layers = tuple(
            replace(one, unrolled=True) if isinstance(one, Weighted) and one.window is not None else one
            for one in network.layers
        )
        network = replace(network, layers=layers)
    source = "mlp" if isinstance(model, MLP) else "feedforward"
    return TileNetlist(network, layout, {**model.meta, "source": source})


def lower_feedforward(
    model: FeedForward,
    *,
    rows: int | None = None,
    columns: int | None = None,
    slices: int = 1,
    slice_bits: int | None = None,
    unrolled: bool = False,
) -> TileNetlist:
    """The network on tiles, see `compiler.ir.tiles.Layout`; by default each layer on one of its size.

    Raises NetlistError for a layout that holds no weight.
    """
    return on_tiles(model, Layout(rows, columns, slices, slice_bits), unrolled)


def parts(model: FeedForward) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    return network_parts(model.network)


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> FeedForward:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    fields = common_fields(document)
    return FeedForward(network_of(document, arrays, fields["labels"]), fields["meta"])


FAMILY = Family("feedforward", FeedForward, "a feed-forward network", parts, build, lower_feedforward)
