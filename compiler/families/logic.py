"""LogicNetwork: layers of two-input gates with learnt functions and learnt wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.blocks import (
    Wanted,
    block_sums,
    check_answers,
    check_columns,
    check_ends,
    layer_arrays,
    netlist_nets,
    nets_below,
    said_below,
    told_encoder,
)
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.circuit_parts import encoder_of, encoder_parts
from compiler.ir.encoders import CountingEncoder, Encoder, Thermometer, selected
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.gates import READS_A, READS_B, GateNetlist, make_gates

TABLE_BITS = np.array([8, 4, 2, 1], dtype=np.uint8)
"""Weights of f(0, 0), f(0, 1), f(1, 0), f(1, 1) in a gate id."""


@dataclass(frozen=True, slots=True, eq=False)
class LogicLayer:
    """G gates. Each chooses its function and, for either input, one of K nets of the layer below.

    table : (G, 4) float32 logits of f(0, 0), f(0, 1), f(1, 0), f(1, 1), or None
    gates : (G, 16) float32 logits of the 16 gate ids, or None; exactly one of the two is given
    wires_a, wires_b : (G, K) int32, candidate nets: gates of the layer below, or input bits
    scores_a, scores_b : (G, K) float32, logits of the candidates

    As hardware: an entry of the table is 1 where its logit is above 0, the gate is the one of the
    largest logit, the wire the candidate of the largest score (the first on a tie).
    """

    table: np.ndarray | None
    gates: np.ndarray | None
    wires_a: np.ndarray
    wires_b: np.ndarray
    scores_a: np.ndarray
    scores_b: np.ndarray

    @property
    def n_gates(self) -> int:
        return self.wires_a.shape[0]

    @property
    def k(self) -> int:
        """Number of candidates of each input."""
        return self.wires_a.shape[1]

    def hard(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(op uint8, a int32, b int32), each (G,): the gate ids and the nets that they read."""
        if self.table is not None:
            op = ((self.table > 0) * TABLE_BITS).sum(axis=1).astype(np.uint8)
        else:
            assert self.gates is not None
            op = np.argmax(self.gates, axis=1).astype(np.uint8)
        rows = np.arange(self.n_gates)
        a = self.wires_a[rows, np.argmax(self.scores_a, axis=1)]
        b = self.wires_b[rows, np.argmax(self.scores_b, axis=1)]
        return op, a, b

    def __repr__(self) -> str:
        return f"LogicLayer({self.n_gates:,} gates, {self.k} candidates a wire)"

    def __post_init__(self) -> None:
        if (self.table is None) == (self.gates is None):
            raise NetlistError("logic layer: give either table or gates, not both and not none")
        name, logits = ("table", self.table) if self.gates is None else ("gates", self.gates)
        assert logits is not None
        if self.wires_a.ndim != 2 or min(self.wires_a.shape) == 0:
            raise NetlistError(
                f"logic layer: wires_a must be (gates, candidates), got shape {self.wires_a.shape}"
            )
        wanted: Wanted = {
            name: ((self.n_gates, 4 if name == "table" else 16), np.float32),
            "wires_a": (self.wires_a.shape, np.int32),
            "wires_b": (self.wires_a.shape, np.int32),
            "scores_a": (self.wires_a.shape, np.float32),
            "scores_b": (self.wires_a.shape, np.float32),
        }
        check_columns("logic layer", {column: getattr(self, column) for column in wanted}, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class LogicNetwork:
    """Data to bits (`encoder`), bits through the layers, ones counted in equal blocks a class.

    The last layer's gates are n_classes blocks of equal size in order; the score of a class is the
    count of its block / tau, the decision the largest, on a tie the first.
    skips : whether layers above the first may read the input bits, too: bit i as the net i + the gates
        of the layer below
    labels : none, or one string a class; meta : facts for people, JSON-able
    """

    layers: tuple[LogicLayer, ...]
    encoder: Encoder
    n_classes: int
    tau: float
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)
    skips: bool = False

    _repr_html_ = fields_html

    @property
    def n_inputs(self) -> int:
        """Number of input bits."""
        return self.encoder.n_bits

    @property
    def n_gates(self) -> int:
        """Gates of all layers."""
        return sum(layer.n_gates for layer in self.layers)

    def hard(self) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]:
        """(op, a, b) of every layer, see LogicLayer.hard."""
        return tuple(layer.hard() for layer in self.layers)

    def __repr__(self) -> str:
        return f"LogicNetwork({self.n_inputs:,} bits, {self.n_gates:,} gates, {self.n_classes} classes)"

    def __post_init__(self) -> None:
        freeze_meta(self)
        check_ends("logic network", self.n_inputs, len(self.layers))
        widths = tuple(layer.n_gates for layer in self.layers)
        nets = nets_below(self.n_inputs, widths, self.skips)
        for number, (layer, below) in enumerate(zip(self.layers, nets, strict=True)):
            for name in ("wires_a", "wires_b"):
                wires = getattr(layer, name)
                if wires.min() < 0 or wires.max() >= below:
                    bad = int(np.argmax(((wires < 0) | (wires >= below)).any(axis=1)))
                    raise NetlistError(
                        f"logic network: layer {number}, gate {bad}: {name} must be "
                        f"{said_below(number, below, self.skips)}, got {wires[bad].tolist()}"
                    )
        check_answers("logic network", "gates", self.n_classes, widths[-1], self.tau, self.labels)


LAYER_ARRAYS = ("table", "gates", "wires_a", "wires_b", "scores_a", "scores_b")


def parts(model: LogicNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    encoder = model.encoder
    told, columns = encoder_parts(encoder)
    arrays = {f"encoder.{name}" if "kind" in told else name: column for name, column in columns.items()}
    arrays |= layer_arrays(model.layers, LAYER_ARRAYS)
    facts = {
        "n_layers": len(model.layers),
        "n_classes": model.n_classes,
        "tau": float(model.tau),
        **({"skips": True} if model.skips else {}),
        **({"encoder": told} if "kind" in told else told),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> LogicNetwork:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    layers = []
    for k in range(int(document["n_layers"])):
        given = {name: arrays.get(f"layers.{k}.{name}") for name in LAYER_ARRAYS[:2]}
        given |= {name: arrays[f"layers.{k}.{name}"] for name in LAYER_ARRAYS[2:]}
        layers.append(LogicLayer(**given))  # type: ignore[arg-type]
    old = not document.get("encoder")  # thermometers alone, their columns beside the layers'
    encoder = encoder_of(document, arrays) if old else told_encoder(document, arrays)
    return LogicNetwork(
        layers=tuple(layers),
        encoder=encoder,
        n_classes=int(document["n_classes"]),
        tau=float(document["tau"]),
        skips=bool(document.get("skips", False)),
        **common_fields(document),
    )


def lower_logic(network: LogicNetwork) -> GateNetlist:
    """Discretised gates, layer after layer; every declared gate is kept, also an unread one.

    Inputs are called x{feature}_{number of its threshold}. Answers are class sums over the last
    layer's blocks; the encoder goes along, one that counts with what the gates read of it alone.
    """
    encoder, columns = network.encoder, []
    below = start = network.n_inputs
    first = 0  # the nets of the layer below begin here
    for op, a, b in network.hard():
        columns.append((op, netlist_nets(a, first, below), netlist_nets(b, first, below)))
        first, below, start = start, op.size, start + op.size
    op, a, b = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    if isinstance(encoder, CountingEncoder):
        a, b, encoder = _read_alone(op, a, b, encoder)
    names = input_names(encoder)
    last = network.layers[-1].n_gates
    sums = block_sums(len(names) + op.size - last, last, network.n_classes, network.tau, network.labels)
    meta = {**network.meta, "source": "logic network"}
    return make_gates(names, op, a, b, {}, class_sums=sums, encoder=encoder, meta=meta)


def _read_alone(
    op: np.ndarray, a: np.ndarray, b: np.ndarray, encoder: CountingEncoder
) -> tuple[np.ndarray, np.ndarray, Encoder]:
    """The nets that gates read, with those bits alone on which a gate depends, and what makes these."""
    read, n = np.concatenate([a[READS_A[op]], b[READS_B[op]]]), encoder.n_bits
    bits = np.unique(read[read < n])
    place = np.zeros(n + op.size, dtype=np.int64)
    place[bits], place[n:] = np.arange(bits.size), bits.size + np.arange(op.size)
    return place[a], place[b], selected(encoder, bits)


def input_names(encoder: Encoder) -> tuple[str, ...]:
    """x{feature}_{k} for the k-th bit of each feature, in the order of the bits; x{k} of one that counts."""
    if not isinstance(encoder, Thermometer):
        return tuple(f"x{k}" for k in range(encoder.n_bits))
    seen: dict[int, int] = {}
    names = []
    for feature in encoder.feature.tolist():
        seen[feature] = seen.get(feature, -1) + 1
        names.append(f"x{feature}_{seen[feature]}")
    return tuple(names)


FAMILY = Family("logic", LogicNetwork, "a logic network", parts, build, lower_logic)
