"""What a run of a network on tiles says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.html import fields_html
from thermo.simulate.errors import SimulationError
from thermo.simulate.saving import save_arrays

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TileConversion:
    """What the converters of one side of one layer did.

    layer : number among all layers; side : "input" or "output"; bits : resolution
    lo, hi : range, of inputs in the units of the layer's values, of outputs in sums of those times relative
        conductances; clipped : share of the values that lay beyond it
    """

    layer: int
    side: str
    bits: int
    lo: float
    hi: float
    clipped: float


@dataclass(frozen=True, slots=True, eq=False)
class TileResult:
    """What the tiles answered.

    outputs : (n_samples, n_answers); decides : whether the largest one is the decision
    conversions : of every layer with weights; calibrated : whether ranges were found on samples of their own
    activity : of every layer with weights, sum an answer over reads and devices of the square of the
        voltage over that of a full-scale input, times the relative conductance
    seconds : wall time, with writing the devices; run_seconds : of it, the time the samples took
    """

    outputs: np.ndarray
    decides: bool
    conversions: tuple[TileConversion, ...]
    calibrated: bool
    activity: tuple[float, ...]
    seconds: float
    run_seconds: float

    _repr_html_ = fields_html

    @property
    def n_samples(self) -> int:
        return int(self.outputs.shape[0])

    @property
    def heat(self) -> None:
        """What devices dissipate is priced by thermo.energy.estimate."""
        return None

    def answers(self, time: int = -1) -> np.ndarray:
        """(n_samples, n_answers) numbers."""
        return self.outputs

    def predictions(self, time: int = -1) -> np.ndarray:
        """(n_samples,) index of the largest answer; SimulationError for a network of numbers."""
        if not self.decides:
            raise SimulationError("this network answers with numbers and decides nothing: read its answers")
        return np.argmax(self.outputs, axis=1)

    def save(self, path: str | Path) -> Path:
        """Write the answers as an npz; returns the path written."""
        return save_arrays(path, {"outputs": self.outputs, "activity": np.array(self.activity)})
