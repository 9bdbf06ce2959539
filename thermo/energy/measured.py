"""A digital design as it was measured once: all that its bills need, as a file keeps it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.digital import DIGITAL_NODES, PRECISIONS, DigitalEnergy, DigitalNode, mac_energy
from hw_models.frozen import Frozen
from thermo.energy.baselines import Baseline
from thermo.energy.circuit import circuit_design
from thermo.energy.gate_result import GateJoules, Glitches, LibraryEstimate, MappedFigures
from thermo.energy.gate_samples import share_right
from thermo.energy.ledger import Design, Parameters, Price, named, values_of
from thermo.energy.registers import Registers

WEIGHT_BITS = {"int8": 8, "int4": 4, "powers": 5, "ternary": 2, "binary": 2}
"""Bits of the largest weight and its sign."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredDesign:
    """A classifier of digital hardware on one split.

    sizes : cells of every layer, inputs first; of gates the inputs, gates and classes
    precision : of the weights, None for gates; input_bits : of each layer's inputs
    right : (n_samples,) bool, decisions that were right
    gates, whole : figures of the circuit in each library without and with its class head
    encoder : of what makes its input bits, empty where it reads whole numbers as they come
    """

    name: str
    sizes: tuple[int, ...]
    precision: str | None
    input_bits: tuple[int, ...]
    split: str
    right: np.ndarray
    gates: Mapping[str, MappedFigures]
    whole: Mapping[str, MappedFigures]
    encoder: Mapping[str, MappedFigures] = field(default_factory=Frozen)

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    @property
    def macs(self) -> int:
        """Products of one answer, 0 of gates."""
        return sum(a * b for a, b in pairwise(self.sizes)) if self.precision else 0

    def circuits(self) -> tuple[Design, ...]:
        """The circuit in each library."""
        kind = "gates" if self.precision is None else "hard-wired"
        what = self.name if self.precision is None else f"{self.name}, {kind}"
        return tuple(
            circuit_design(
                LibraryEstimate(
                    CELL_LIBRARIES.get(library), self.gates[library], whole, self.encoder.get(library)
                ),
                f"{what}, {library}",
                family=kind,
                **self._measured(),
            )
            for library, whole in self.whole.items()
        )

    def designs(self) -> tuple[Design, ...]:
        """The circuits, then, where there are weights, arithmetic that they stream through at each node."""
        if self.precision is None:
            return self.circuits()
        nodes = (DIGITAL_NODES.get(name) for name in DIGITAL_NODES.names())
        return (*self.circuits(), *(streaming_design(self, node, **self._measured()) for node in nodes))

    def baselines(self) -> tuple[Baseline, ...]:
        """One a library: no memory is read."""
        return tuple(
            Baseline(
                name=circuit.name,
                sizes=self.sizes,
                accuracy=self.accuracy,
                float_accuracy=None,
                energy=DigitalEnergy(self.macs, circuit.price(circuit.likely, None).total, 0.0),
                node=circuit.node,
                settled=whole.energy.total,
                circuit=circuit,
            )
            for circuit, whole in zip(self.circuits(), self.whole.values(), strict=True)
        )

    def _measured(self) -> dict[str, Any]:
        accuracy, sem = share_right(self.right)
        return {
            "accuracy": accuracy,
            "accuracy_sem": sem,
            "n_samples": self.right.size,
            "split": self.split,
            "right": self.right,
        }

    def to_text(self) -> str:
        """JSON."""
        told = {
            "name": self.name,
            "sizes": self.sizes,
            "precision": self.precision,
            "input_bits": self.input_bits,
            "split": self.split,
            "n": int(self.right.size),
            "right": np.packbits(self.right).tobytes().hex(),
            "gates": {name: _plain(figures) for name, figures in self.gates.items()},
            "whole": {name: _plain(figures) for name, figures in self.whole.items()},
            "encoder": {name: _plain(figures) for name, figures in self.encoder.items()},
        }
        return json.dumps(told)

    @classmethod
    def from_text(cls, text: str) -> MeasuredDesign:
        """Raises ValueError, TypeError or KeyError for what to_text did not write."""
        told = json.loads(text)
        packed = np.frombuffer(bytes.fromhex(told.pop("right")), np.uint8)
        return cls(
            right=np.unpackbits(packed, count=told.pop("n")).astype(bool),
            sizes=tuple(told.pop("sizes")),
            input_bits=tuple(told.pop("input_bits")),
            gates=Frozen({name: _figures(entry) for name, entry in told.pop("gates").items()}),
            whole=Frozen({name: _figures(entry) for name, entry in told.pop("whole").items()}),
            encoder=Frozen({name: _figures(entry) for name, entry in told.pop("encoder").items()}),
            **told,
        )


def streaming_design(measured: MeasuredDesign, node: DigitalNode, **accuracy: Any) -> Design:
    """Its products and sums by the node's figures; what reads weights is a matter of their storage.

    A sum is as wide as the whole layer's. Registers and control are not counted.
    """
    precision = measured.precision
    assert precision is not None
    layers = [
        (n * m, bits, bits + WEIGHT_BITS[precision] - 1 + (n - 1).bit_length())
        for (n, m), bits in zip(pairwise(measured.sizes), measured.input_bits, strict=True)
    ]
    prefix = f"arithmetic, {node.name}"
    used = {k: q for k, q in node.figures().items() if k in ("add", "multiply")}

    def price(values: Mapping[str, float], rate: float | None) -> Price:
        own = values_of(prefix, values)
        joules = sum(macs * mac_energy(own, precision, bits, total) for macs, bits, total in layers)
        return Price({"physics": joules}, 0.0)

    return Design(
        name=f"{measured.name}, arithmetic, {node.name}",
        family="digital",
        node=node.name,
        voltage=node.voltage.value,
        figures=named(prefix, used),
        price=price,
        parameters=Parameters(measured.macs, PRECISIONS[precision]),
        **accuracy,
    )


def _plain(figures: MappedFigures) -> dict[str, Any]:
    return {**asdict(figures), "cells": dict(figures.cells)}


def _figures(entry: dict[str, Any]) -> MappedFigures:
    entry["cells"] = Frozen(entry["cells"])
    energy, seen = GateJoules(**entry.pop("energy")), Glitches(**entry.pop("glitches"))
    held = entry.pop("registers")
    registers = None if held is None else Registers(**held)
    return MappedFigures(energy=energy, glitches=seen, registers=registers, **entry)
