"""TableNetwork: layers of tables of 2 to 6 inputs with learnt entries and learnt wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compiler.circuits.free_entries import filled
from compiler.errors import NetlistError
from compiler.families.blocks import (
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
from compiler.families.logic import input_names
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.circuit_parts import encoder_parts
from compiler.ir.encoders import CountingEncoder, Encoder, selected
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.luts import WIDEST, LutNetlist, verify_luts


@dataclass(frozen=True, slots=True, eq=False)
class TableLayer:
    """T tables of k inputs. Each chooses its entries and, for every input, one of K nets of the layer below.

    table : (T, 2^k) float32 logits; entry e is the answer where input j is bit j of e
    wires : (k, T, K) int32, candidate nets: tables of the layer below, or input bits
    scores : (k, T, K) float32, logits of the candidates
    addressed : (T, 2^k) int32, how many training samples address each entry, or None: not known

    As hardware: an entry is 1 where its logit is above 0, a wire the candidate of the largest score
    (the first on a tie).
    """

    table: np.ndarray
    wires: np.ndarray
    scores: np.ndarray
    addressed: np.ndarray | None = None

    @property
    def n_tables(self) -> int:
        return self.table.shape[0]

    @property
    def inputs(self) -> int:
        """Inputs of a table."""
        return self.wires.shape[0]

    @property
    def k(self) -> int:
        """Number of candidates of each input."""
        return self.wires.shape[2]

    def with_addressed(self, addressed: np.ndarray) -> TableLayer:
        """The same with these counts."""
        return replace(self, addressed=addressed)

    def chosen(self) -> np.ndarray:
        """(k, T) int32: the nets that the tables read."""
        best = np.argmax(self.scores, axis=2)
        return np.take_along_axis(self.wires, best[..., None], axis=2)[..., 0]

    def hard(self) -> np.ndarray:
        """(T, 2^k) bool: the entries."""
        return self.table > 0

    def __repr__(self) -> str:
        return f"TableLayer({self.n_tables:,} tables of {self.inputs} inputs, {self.k} candidates a wire)"

    def __post_init__(self) -> None:
        if self.wires.ndim != 3 or min(self.wires.shape) == 0 or not 2 <= self.wires.shape[0] <= WIDEST:
            raise NetlistError(
                f"table layer: wires must be (inputs, tables, candidates) with 2 to {WIDEST} inputs, got "
                f"shape {self.wires.shape}"
            )
        inputs, tables, _ = self.wires.shape
        entries = (tables, 1 << inputs)
        wanted: dict[str, tuple[tuple[int, ...], type]] = {
            "table": (entries, np.float32),
            "wires": (self.wires.shape, np.int32),
            "scores": (self.wires.shape, np.float32),
            "addressed": (entries, np.int32),
        }
        given = {column: getattr(self, column) for column in wanted}
        if self.addressed is None:
            del wanted["addressed"]
        check_columns("table layer", given, wanted)


@dataclass(frozen=True, slots=True, eq=False)
class TableNetwork:
    """Data to bits (`encoder`), bits through the layers, ones counted in equal blocks a class.

    The last layer's tables are n_classes blocks of equal size in order; the score of a class is the
    count of its block / tau, the decision the largest, on a tie the first.
    skips : whether layers above the first may read the input bits, too: bit i as the net i + the tables
        of the layer below
    labels : none, or one string a class; meta : facts for people, JSON-able
    """

    layers: tuple[TableLayer, ...]
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
    def n_tables(self) -> int:
        """Tables of all layers."""
        return sum(layer.n_tables for layer in self.layers)

    def __repr__(self) -> str:
        return f"TableNetwork({self.n_inputs:,} bits, {self.n_tables:,} tables, {self.n_classes} classes)"

    def __post_init__(self) -> None:
        freeze_meta(self)
        check_ends("network of tables", self.n_inputs, len(self.layers))
        widths = tuple(layer.n_tables for layer in self.layers)
        nets = nets_below(self.n_inputs, widths, self.skips)
        for number, (layer, below) in enumerate(zip(self.layers, nets, strict=True)):
            bad = (layer.wires < 0) | (layer.wires >= below)
            if bad.any():
                j, t = (int(v[0]) for v in np.nonzero(bad.any(axis=2)))
                raise NetlistError(
                    f"network of tables: layer {number}, table {t}, input {j}: candidates must be "
                    f"{said_below(number, below, self.skips)}, got {layer.wires[j, t].tolist()}"
                )
        check_answers("network of tables", "tables", self.n_classes, widths[-1], self.tau, self.labels)


LAYER_ARRAYS = ("table", "wires", "scores", "addressed")


def parts(model: TableNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    told, columns = encoder_parts(model.encoder)
    arrays = {f"encoder.{name}": column for name, column in columns.items()}
    arrays |= layer_arrays(model.layers, LAYER_ARRAYS)
    facts = {
        "n_layers": len(model.layers),
        "n_classes": model.n_classes,
        "tau": float(model.tau),
        "encoder": told,
        **({"skips": True} if model.skips else {}),
    }
    return facts, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> TableNetwork:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    layers = []
    for k in range(int(document["n_layers"])):
        table, wires, scores = (arrays[f"layers.{k}.{name}"] for name in LAYER_ARRAYS[:3])
        layers.append(TableLayer(table, wires, scores, arrays.get(f"layers.{k}.addressed")))
    return TableNetwork(
        layers=tuple(layers),
        encoder=told_encoder(document, arrays),
        n_classes=int(document["n_classes"]),
        tau=float(document["tau"]),
        skips=bool(document.get("skips", False)),
        **common_fields(document),
    )


def lower_tables(network: TableNetwork, *, free: int | None = None) -> LutNetlist:
    """Hard tables, layer after layer; every declared table is kept, also an unread one.

    free : entries that at most so many training samples address may take any value: the one that makes
        the table read fewer inputs, or be made of fewer gates (compiler.circuits.free_entries). None: all
        are as learnt

    Answers are class sums over the last layer's blocks; the encoder goes along, one that counts with what
    tables read of it alone.

    Raises NetlistError for a negative `free`, and where it is not known which entries are addressed.
    """
    if free is not None and free < 0:
        raise NetlistError(f"free entries are those addressed by at most a number >= 0, got {free}")
    encoder, columns = network.encoder, []
    below = start = network.n_inputs
    first = 0  # the nets of the layer below begin here
    widest = max(layer.inputs for layer in network.layers)
    for number, layer in enumerate(network.layers):
        hard = layer.hard()
        if free is not None:
            if layer.addressed is None:
                raise NetlistError(
                    f"network of tables: layer {number} does not say which entries training samples "
                    "address; leave --free out"
                )
            hard = filled(hard, layer.addressed <= free)
        fanins = np.full((layer.n_tables, widest), -1, dtype=np.int32)
        fanins[:, : layer.inputs] = netlist_nets(layer.chosen(), first, below).T
        powers = np.uint64(1) << np.arange(1 << layer.inputs, dtype=np.uint64)
        columns.append((fanins, (hard * powers).sum(axis=1, dtype=np.uint64)))
        first, below, start = start, layer.n_tables, start + layer.n_tables
    fanins, table = (np.concatenate(column) for column in zip(*columns, strict=True))
    if isinstance(encoder, CountingEncoder):
        fanins, encoder = _read_alone(fanins, encoder)
    names = input_names(encoder)
    last = network.layers[-1].n_tables
    sums = block_sums(
        len(names) + fanins.shape[0] - last, last, network.n_classes, network.tau, network.labels
    )
    netlist = LutNetlist(
        k=widest,
        input_names=names,
        fanins=fanins,
        table=table,
        output_names=(),
        outputs=np.empty(0, np.int32),
        class_sums=sums,
        encoder=encoder,
        meta={**network.meta, "source": "network of tables"},
    )
    verify_luts(netlist)
    return netlist


def _read_alone(fanins: np.ndarray, encoder: CountingEncoder) -> tuple[np.ndarray, Encoder]:
    """The nets that tables read, with those bits alone that one of them reads, and what makes these."""
    n, size = encoder.n_bits, fanins.shape[0]
    bits = np.unique(fanins[(fanins >= 0) & (fanins < n)])
    place = np.full(n + size + 1, -1, dtype=np.int32)  # the last one is that of an input that is not there
    place[bits], place[n:-1] = np.arange(bits.size), bits.size + np.arange(size)
    return place[fanins], selected(encoder, bits)


FAMILY = Family("tables", TableNetwork, "a network of tables", parts, build, lower_tables)
