"""What a point of the frontier is counted by, and which points no other beats.

Every definition stands by itself: a point is compared with others under one definition at a time, and
published networks only under those that their numbers allow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.circuits.encoder import grid_of
from compiler.circuits.from_tables import circuit_of
from compiler.counting import bits_read, gate_counts, whole_counts
from compiler.errors import UnsupportedError
from compiler.ir.gates import GateNetlist
from compiler.ir.luts import LutNetlist
from compiler.passes.gates.heads import lower_head
from compiler.passes.gates.lut_map import map_luts
from compiler.pipelines import simplify
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.published_networks import NETWORKS, PublishedNetwork
from thermo.data import Dataset
from thermo.energy.circuit import circuit_designs
from thermo.energy.gate_samples import dataset_samples
from thermo.energy.gates import estimate_gates
from thermo.energy.ledger import bill
from thermo.studies.recount import Count, recounted

LIBRARIES = {"45 nm": "nangate45", "7 nm": "asap7"}
"""A cell library a node."""

DEFINITIONS = {
    "declared": "trained",
    "live": "live",
    "core": "core -O2",
    "with_head": "+ head",
    "with_encoder_and_head": "+ encoder",
    "lut4_with_head": "LUT4",
    "lut6_with_head": "LUT6",
}
"""Counts by name, and the head of their column.

declared : gates or tables trained
live : gates of two inputs, or tables, on which an answer depends, before any pass
core, with_head, with_encoder_and_head : two-input gates after -O2, inverters free, the head's by the smaller
    adder, the encoder's for all positions in parallel (compiler.counting.whole_counts)
lut4_with_head, lut6_with_head : tables of at most so many inputs, core and head together, by the better adder
"""

RANKED = ("core", "with_head", "with_encoder_and_head", "lut4_with_head", "lut6_with_head", *LIBRARIES)
"""Under which of them, and of joules, points are compared."""


@dataclass(frozen=True, slots=True)
class FrontierMeasured:
    """Figures of one trained network. Counts as DEFINITIONS has them, None where they cannot be made.

    series : what a row of the table holds; network : the same for a reader
    accuracy, valid_accuracy : of the hard network; n_samples, n_valid : of how many
    bits : that the gates read of those the encoder offers (compiler.counting.bits_read)
    answer : by node, joules of an answer with low and high, and its seconds (the ledger's); {}: not priced
    unpriced : why
    cpu_minutes : of training, every thread counted; seconds : by the clock; model : file of the network
    """

    series: str
    network: str
    encoder: str
    inputs: int
    declared: int
    epochs: int
    seed: int
    valid_accuracy: float
    n_valid: int
    accuracy: float
    n_samples: int
    bits: int
    live: int
    core: int
    with_head: int
    with_encoder_and_head: int | None
    lut4_with_head: int
    lut6_with_head: int
    answer: Mapping[str, Mapping[str, float]]
    unpriced: str
    cpu_minutes: float
    seconds: float
    model: str


def counted(netlist: GateNetlist | LutNetlist, dataset: Dataset) -> dict[str, Any]:
    """The netlist's counts from `live` on, and `bits`."""
    circuit = circuit_of(netlist)
    if isinstance(netlist, LutNetlist):
        live = int((simplify(netlist, 1).widths > 1).sum())
    else:
        live = gate_counts(netlist)["gates"]["two_input"]
    small = simplify(circuit, 2)
    try:
        grid = grid_of(circuit.encoder, dataset.x_train) if circuit.encoder is not None else None
    except UnsupportedError:  # data that are no whole numbers: their encoder is no circuit
        grid = None
    whole = whole_counts(small, grid, 0)
    return {
        "bits": bits_read(circuit),
        "live": live,
        "core": whole["core"],
        "with_head": whole["with_head"],
        "with_encoder_and_head": whole.get("with_encoder_and_head"),
        **{f"lut{k}_with_head": tables_with_head(small, k) for k in (4, 6)},
    }


def tables_with_head(netlist: GateNetlist, k: int) -> int:
    """Tables of two to k inputs of a classifier with its head, mapped together, by the better adder."""
    found = []
    for adder in ("fast", "small"):
        mapped = map_luts(simplify(lower_head(netlist, sums=False, adder=adder), 1), k)
        found.append(int((mapped.widths > 1).sum()))
    return min(found)


def priced(netlist: GateNetlist, dataset: Dataset, threads: int | None = None) -> dict[str, dict[str, float]]:
    """Joules (with low and high) and seconds of an answer by the ledger, answers without a pause, by node."""
    samples = dataset_samples(netlist, dataset, "test")
    libraries = tuple(CELL_LIBRARIES.get(name) for name in LIBRARIES.values())
    estimate = estimate_gates(netlist, samples, libraries, luts=False, strict=True, threads=threads)
    found = {}
    for node, design in zip(LIBRARIES, circuit_designs(estimate), strict=True):
        billed = bill(design)
        between = billed.total
        found[node] = {
            "joules": between.likely,
            "low": between.low,
            "high": between.high,
            "seconds": billed.time.likely,
        }
    return found


@dataclass(frozen=True, slots=True)
class FrontierRow:
    """A network over its seeds, or a published one.

    accuracy, valid_accuracy : shares, means; None where it is not told
    error : standard error of the test accuracy by the samples of one seed
    spread, valid_spread : standard deviation over seeds, None for one
    counts : by the names of DEFINITIONS and nodes (J); seconds : by node
    ours : trained here; stated : how a published size was counted, with its source
    encoder, inputs, seeds, cpu_minutes : of ours
    """

    network: str
    ours: bool
    accuracy: float
    counts: Mapping[str, Count]
    inputs: int = 2
    error: float | None = None
    spread: float | None = None
    valid_accuracy: float | None = None
    valid_spread: float | None = None
    seconds: Mapping[str, float] | None = None
    encoder: str = ""
    seeds: int = 0
    cpu_minutes: float | None = None
    stated: str = ""
    source: Mapping[str, object] | None = None
    note: str = ""


def rows_of(measured: Sequence[FrontierMeasured]) -> list[FrontierRow]:
    """Ours, one a series, means over seeds."""
    rows = []
    for series in dict.fromkeys(m.series for m in measured):
        group = [m for m in measured if m.series == series]
        counts = {}
        for name in DEFINITIONS:
            values = [getattr(m, name) for m in group]
            if None not in values:
                counts[name] = Count(float(np.mean(values)))
        seconds = None
        if all(m.answer for m in group):
            joules, seconds = (
                {node: float(np.mean([m.answer[node][what] for m in group])) for node in LIBRARIES}
                for what in ("joules", "seconds")
            )
            counts |= {node: Count(value) for node, value in joules.items()}
        accuracy = float(np.mean([m.accuracy for m in group]))
        rows.append(
            FrontierRow(
                network=group[0].network,
                ours=True,
                accuracy=accuracy,
                counts=counts,
                inputs=group[0].inputs,
                error=float(np.sqrt(accuracy * (1 - accuracy) / group[0].n_samples)),
                spread=_spread([m.accuracy for m in group]),
                valid_accuracy=float(np.mean([m.valid_accuracy for m in group])),
                valid_spread=_spread([m.valid_accuracy for m in group]),
                seconds=seconds,
                encoder=group[0].encoder,
                seeds=len(group),
                cpu_minutes=float(np.mean([m.cpu_minutes for m in group])),
                note=next((m.unpriced for m in group if m.unpriced), ""),
            )
        )
    return rows


def _spread(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def published_rows(
    data: str, classes: int, networks: Sequence[PublishedNetwork] = NETWORKS
) -> list[FrontierRow]:
    """Those of the data set, recounted where that can be done."""
    return [
        FrontierRow(
            network=f"{n.who}, {n.size.value:,.0f}",
            ours=False,
            accuracy=n.accuracy.value,
            counts=recounted(n, classes),
            inputs=n.inputs,
            stated=n.counted,
            source=n.size.describe(),
        )
        for n in networks
        if n.data == data
    ]


def on_front(rows: Sequence[FrontierRow], definition: str) -> list[int]:
    """Rows that no other beats: none is at least as accurate at most as large, and better in one of these.

    Rows without a firm count under the definition take no part.
    """
    part = [
        (k, row.counts[definition].value, row.accuracy)
        for k, row in enumerate(rows)
        if _firm(row, definition)
    ]
    return [
        k
        for k, size, accuracy in part
        if not any(
            other <= size and better >= accuracy and (other < size or better > accuracy)
            for _, other, better in part
        )
    ]


def _firm(row: FrontierRow, definition: str) -> bool:
    return definition in row.counts and row.counts[definition].firm != "≈"
