"""The answer to "what would this circuit cost": joules, area and delay by library, and counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from hw_models.cells import CellLibrary
from hw_models.constants import ROOM, landauer
from hw_models.frozen import Frozen
from hw_models.interval import Interval
from thermo.energy.baselines import Baseline, cheapest
from thermo.energy.registers import Registers

EXCLUDED = ("wires", "memory")
NO_ENCODER, NO_REGISTERS = "the encoder that makes the input bits", "registers and clock"


@dataclass(frozen=True, slots=True)
class GateJoules:
    """Energy of one inference by place, J."""

    dynamic: float
    input_pins: float
    leakage: float

    @property
    def total(self) -> float:
        return self.dynamic + self.input_pins + self.leakage


@dataclass(frozen=True, slots=True)
class Glitches:
    """What the cells switch before they settle, see thermo.simulate.gates.glitches.

    n_pairs : of consecutive samples that were simulated; step_s : grid of the library's delays
    settled, library, unit : transitions a cell and inference: of the settled values, and all of them
        with the library's delays and with unit delay
    library_factor, unit_factor : joules of all transitions over those of the settled ones
    """

    n_pairs: int
    step_s: float
    settled: float
    library: float
    unit: float
    library_factor: float
    unit_factor: float


@dataclass(frozen=True, slots=True)
class MappedFigures:
    """One circuit in the cells of one library.

    cells : number of each cell by name; inverters : among them
    nand2_equivalents : area / area of the library's NAND2, None where it has none
    depth : cells on the longest path; delay_s : its length, with the loads the cells really drive
    f_max_Hz : 1 / delay_s, None for a circuit without cells; latency_s : time of one inference
    leakage_W : power of all cells
    energy : of settled values; with_glitches : its total with the library's delays
    registers : of its inputs and outputs, None where the library has no flip-flop; not in energy
    """

    cells: Mapping[str, int]
    inverters: int
    area_um2: float
    nand2_equivalents: float | None
    depth: int
    delay_s: float
    f_max_Hz: float | None
    latency_s: float
    leakage_W: float
    energy: GateJoules
    glitches: Glitches
    registers: Registers | None

    @property
    def with_glitches(self) -> float:
        """J of one inference, every transition with the library's delays counted."""
        return self.energy.total + self.energy.dynamic * (self.glitches.library_factor - 1)

    @property
    def with_unit_glitches(self) -> float:
        """The same with unit delay: an upper bound."""
        return self.energy.total + self.energy.dynamic * (self.glitches.unit_factor - 1)

    def to_dict(self) -> dict[str, Any]:
        """JSON's keys."""
        return {
            "cells": dict(self.cells),
            "n_cells": sum(self.cells.values()),
            "inverters": self.inverters,
            "area_um2": self.area_um2,
            "nand2_equivalents": self.nand2_equivalents,
            "depth": self.depth,
            "delay_s": self.delay_s,
            "f_max_Hz": self.f_max_Hz,
            "latency_s": self.latency_s,
            "leakage_W": self.leakage_W,
            "energy_J": {
                **_parts(self.energy),
                "total": self.energy.total,
                "with_glitches": self.with_glitches,
                "with_unit_glitches": self.with_unit_glitches,
            },
            "glitches": asdict(self.glitches),
            "registers": None if self.registers is None else asdict(self.registers),
        }


@dataclass(frozen=True, slots=True, eq=False)
class LibraryEstimate:
    """A library's answer. gates : without the class head; whole : with it (the same if none)

    encoder : what makes the input bits, None where it is not known; it has a clock period of its own
        before the registers of the inputs
    """

    library: CellLibrary
    gates: MappedFigures
    whole: MappedFigures
    encoder: MappedFigures | None = None

    @property
    def period_s(self) -> float:
        """Least time between answers: the slower of encoder and circuit, and the registers."""
        stages = [self.whole.latency_s] + ([] if self.encoder is None else [self.encoder.delay_s])
        held = self.whole.registers
        return max(stages) + (0.0 if held is None else held.delay_s)

    @property
    def everything(self) -> dict[str, float]:
        """J of one answer by place, one after the other without a pause, glitches by the library's
        delays, and their total.
        """
        parts = [self.whole] + ([] if self.encoder is None else [self.encoder])
        held = self.whole.registers
        leakage = sum(part.leakage_W for part in parts) + (0.0 if held is None else held.leakage_W)
        found = {
            "settled": self.whole.energy.dynamic + self.whole.energy.input_pins,
            "glitches": self.whole.energy.dynamic * (self.whole.glitches.library_factor - 1),
        }
        if self.encoder is not None:
            found["encoder"] = self.encoder.with_glitches - self.encoder.energy.leakage
        if held is not None:
            found |= {"registers": held.data_J, "clock": held.clock_J + held.tree_J}
        found["leakage"] = leakage * self.period_s
        return {**found, "total": sum(found.values())}


@dataclass(frozen=True, slots=True, eq=False)
class GateEstimate:
    """The whole answer to "what would it cost".

    accuracy : None for a circuit that decides nothing; source : where the samples come from
    toggles_per_gate : mean over the two-input gates of the optimised circuit, per inference
    gates, depth : counts by the names of definitions (docs/cli.md)
    libraries : in the order asked for, the first one is the one JSON's top level shows
    refused : why a library gives no estimate, by its name
    right : (n_samples,) decisions that were right, None for a circuit that decides nothing
    advantage : joules of the cheapest digital design, its weights wired as the circuit is, over those of
        the circuit, by library
    Its designs: thermo.energy.circuit.circuit_designs.
    """

    accuracy: float | None
    accuracy_sem: float | None
    n_samples: int
    split: str
    source: str
    toggles_per_gate: float
    has_head: bool
    gates: Mapping[str, int | float]
    depth: Mapping[str, int]
    libraries: tuple[LibraryEstimate, ...]
    refused: Mapping[str, str]
    baselines: tuple[Baseline, ...]
    cheapest: Baseline | None
    n_classes: int
    right: np.ndarray | None = None
    advantage: Mapping[str, Interval] = field(default_factory=Frozen)

    def cheapest_at(self, node: str) -> Baseline | None:
        """The design that a library of this node is compared with: the cheapest of its own node of at
        least the accuracy, of 45 nm where there is none (of older nodes no arithmetic is known).
        """
        return cheapest(self.baselines, self.accuracy, node) or self.cheapest

    @property
    def excluded(self) -> tuple[str, ...]:
        """What no figure counts."""
        out: tuple[str, ...] = EXCLUDED
        if any(entry.encoder is None for entry in self.libraries):
            out += (NO_ENCODER,)
        if any(entry.whole.registers is None for entry in self.libraries):
            out += (NO_REGISTERS,)
        return out

    def to_dict(self) -> dict[str, Any]:
        """JSON's keys (docs/cli.md)."""
        first = self.libraries[0].whole if self.libraries else None
        return {
            "accuracy": self.accuracy,
            "accuracy_sem": self.accuracy_sem,
            "n_samples": self.n_samples,
            "split": self.split,
            "samples": self.source,
            "toggles_per_gate": self.toggles_per_gate,
            "gates": dict(self.gates),
            "depth": dict(self.depth),
            "library": self.libraries[0].library.name if self.libraries else None,
            "energy_J": None if first is None else first.to_dict()["energy_J"],
            "latency_s": None if first is None else first.latency_s,
            "f_max_Hz": None if first is None else first.f_max_Hz,
            "area_um2": None if first is None else first.area_um2,
            "advantage": {name: over.describe() for name, over in self.advantage.items()},
            "libraries": {
                entry.library.name: {
                    **entry.whole.to_dict(),
                    "without_head": entry.gates.to_dict(),
                    "encoder": None if entry.encoder is None else entry.encoder.to_dict(),
                    "everything_J": entry.everything,
                    "period_s": entry.period_s,
                    "voltage": entry.library.voltage.describe(),
                    "source": asdict(entry.library.source),
                }
                for entry in self.libraries
            },
            "refused": dict(self.refused),
            "excluded": list(self.excluded),
            "landauer_J": landauer(ROOM),
            "digital_baseline_J": None if self.cheapest is None else self.cheapest.energy.total,
            "digital_baseline": None if self.cheapest is None else self.cheapest.describe(),
            "baselines": [b.describe() for b in self.baselines],
        }


def _parts(energy: GateJoules) -> dict[str, float]:
    return {"dynamic": energy.dynamic, "input_pins": energy.input_pins, "leakage": energy.leakage}
