"""What the converters of a training's device do: levels of inputs and of what is read, as kernels and
simulations have them (hw_models.converters), in the ranges that a simulation on this data would take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.families.langevin import langevin_cells
from hw_models.converters import Lines, input_lines, output_lines
from hw_models.device import Device
from thermo.kernels.langevin.lines import STREAM_READ, Line, line_normals
from thermo.simulate.langevin.conversion import Span, input_range


@dataclass(frozen=True, slots=True)
class Converting:
    """Converters of a device around a machine of n cells, n_out of them outputs, and n_in inputs.

    span : range of the inputs, in units of x
    """

    device: Device
    n: int
    n_in: int
    n_out: int
    span: Span

    def dacs(self, seed: int, unit: float = 1.0) -> Line | None:
        """Input converters of device `seed`, None where they are ideal; unit : that inputs are scaled by."""
        if self.device.input_converter is None:
            return None
        cells, _ = langevin_cells(self.n, self.n_in)
        return _line(input_lines(self.device.input_converter, self.span, seed, cells), unit)

    def adcs(self, seed: int, span: Span | None) -> Line | None:
        """Output converters of device `seed` over this range, None where they are ideal."""
        lines = self._read(seed, span)
        return None if lines is None else _line(lines, 1.0)

    def read(
        self, states: np.ndarray, device: int, span: Span | None, *, seed: int, trajectory: int, steps: int
    ) -> np.ndarray:
        """What output converters of this device make of final states (n, n_out), as in a simulation."""
        lines = self._read(device, span)
        if lines is None:
            return states
        normals = np.empty(states.shape, np.float32)
        line_normals(normals, np.uint64(seed), np.uint64(trajectory), 1, steps, STREAM_READ)
        return lines.read(states.astype(np.float64), normals).astype(np.float32)

    def _read(self, seed: int, span: Span | None) -> Lines | None:
        if self.device.output_converter is None or span is None:
            return None
        _, cells = langevin_cells(self.n, self.n_in)
        return output_lines(self.device.output_converter, span, seed, cells[self.n - self.n_out :])


def encoded_range(x: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> Span:
    """What rows (n, n_in) span, encoded as (x - shift) scale."""
    ends = np.stack([x.min(axis=0), x.max(axis=0)]).astype(np.float64)
    return input_range((ends - shift.astype(np.float64)) * scale.astype(np.float64))


def _line(lines: Lines, unit: float) -> Line:
    lo, step, noise = (np.float32(v * unit) for v in (lines.lo, lines.step, lines.noise))
    return Line(lo, step, np.float32(lines.levels - 1), noise, (lines.offset * unit).astype(np.float32))
