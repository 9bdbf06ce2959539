"""What a device's converters do to a network that learns by relaxing: levels of its inputs and of what is
read of its outputs, as a simulation of its netlist has them (hw_models.converters).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from compiler.families.layered import Layers
from hw_models.converters import Lines, input_lines, output_lines
from thermo.kernels.langevin.lines import STREAM_INPUTS, STREAM_READ, line_normals
from thermo.simulate.langevin.conversion import Span, input_range, output_range
from thermo.training.eqprop.device import EqpropDevice

CALIBRATION = 256
"""Training samples that the read-out's range is found on, as thermo.simulate.langevin.calibrate."""
TRAJECTORY = 1 << 61
"""Their noise is that of trajectories that no other run has."""


@dataclass(frozen=True, slots=True, eq=False)
class Converting:
    """Converters of one device's network.

    inputs : of data, None where they are ideal; outputs : of outputs, None where they are, or their range is
        not known yet; device : whose they are; cells : (n_out,) the outputs' in the netlist
    """

    inputs: Lines | None
    outputs: Lines | None
    device: EqpropDevice
    cells: np.ndarray

    def drive(self, x: np.ndarray, seed: int, trajectory: int) -> None:
        """Make of data (rows, n_in), in place, what input converters drive; row r is trajectory + r."""
        if self.inputs is not None:
            normals = np.empty(x.shape, np.float32)
            line_normals(normals, np.uint64(seed), np.uint64(trajectory), 1, 0, STREAM_INPUTS)
            x[:] = self.inputs.driven(x.astype(np.float64), normals)

    def read(self, outputs: np.ndarray, seed: int, trajectory: int, step: int) -> np.ndarray:
        """What output converters make of outputs (rows, n_out), after `step` steps of their trajectory."""
        if self.outputs is None:
            return outputs
        normals = np.empty(outputs.shape, np.float32)
        line_normals(normals, np.uint64(seed), np.uint64(trajectory), 1, step, STREAM_READ)
        return self.outputs.read(outputs.astype(np.float64), normals).astype(np.float32)

    def calibrated(self, outputs: np.ndarray) -> Converting:
        """With a read-out over the range of these outputs, of calibration samples."""
        converter = self.device.output_converter
        if converter is None:
            return self
        return replace(
            self, outputs=output_lines(converter, output_range(outputs), self.device.seed, self.cells)
        )


def converting(device: EqpropDevice | None, sizes: tuple[int, ...], x: np.ndarray) -> Converting | None:
    """The converters of a network of these layers, inputs first, over the range of all training data x; None
    where they are ideal.
    """
    if device is None or not device.converts:
        return None
    cells, lines = Layers(sizes).cells, None
    if device.input_converter is not None:
        span: Span = input_range(x)
        lines = input_lines(device.input_converter, span, device.seed, cells[0])
    return Converting(lines, None, device, cells[-1])
