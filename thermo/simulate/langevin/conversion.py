"""What a device's converters do to inputs and to the read-out of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from hw_models.converters import Converter, Lines, input_lines, output_lines
from thermo.kernels.langevin.lines import STREAM_INPUTS, STREAM_READ, line_normals

SHARE = 0.99
"""Share of the states read in a calibration that an output converter's range holds: noise has no
largest value, and levels spent on the rarest ones are missing where decisions fall."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What one side's converters did in a run.

    side : "input" or "output"; bits : resolution; lo, hi : range, in units of x
    given : whether the range was, else it is that of the run's own values
    clipped : share of the values that lay beyond it
    """

    side: str
    bits: int
    lo: float
    hi: float
    given: bool
    clipped: float


def input_range(values: np.ndarray) -> Span:
    """From the least to the largest of encoded inputs; one unit about them where all are alike."""
    return _widened(float(values.min()), float(values.max()))


def output_range(values: np.ndarray) -> Span:
    """What holds the middle SHARE of read states."""
    lo, hi = np.quantile(values, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return _widened(float(lo), float(hi))


def _widened(lo: float, hi: float) -> Span:
    return (lo, hi) if lo < hi else (lo - 0.5, hi + 0.5)


def decoded(netlist: LangevinNetlist, inputs: np.ndarray) -> np.ndarray:
    """Data that are encoded as these inputs (n_samples, n_inputs)."""
    if netlist.encoder is None:
        return inputs
    return np.asarray(inputs / netlist.encoder.scale + netlist.encoder.shift)


def converted_inputs(
    netlist: LangevinNetlist,
    values: np.ndarray,
    converter: Converter,
    span: Span | None,
    *,
    device_seed: int,
    seed: int,
    first: int,
    runs: int,
) -> tuple[np.ndarray, Conversion]:
    """What the DACs make of encoded inputs (n_samples, n_inputs), once for all runs of a sample."""
    cells = netlist.cells.known_as[netlist.inputs]
    lines = input_lines(converter, span or input_range(values), device_seed, cells)
    normals = np.empty(values.shape, np.float32)
    line_normals(normals, np.uint64(seed), np.uint64(first), runs, 0, STREAM_INPUTS)
    return lines.driven(values, normals), _conversion("input", converter, lines, values, span)


def converted_outputs(
    netlist: LangevinNetlist,
    states: np.ndarray,
    cells: np.ndarray,
    ends: np.ndarray,
    converter: Converter,
    span: Span | None,
    *,
    device_seed: int,
    seed: int,
    first: int,
) -> tuple[np.ndarray, Conversion]:
    """What the ADCs make of states (n_times, N, n_read) float32 of the netlist's `cells` (n_read,).

    ends : (n_times,) steps done at each observation, which its noise is a function of
    """
    lines = output_lines(converter, span or output_range(states), device_seed, netlist.cells.known_as[cells])
    read = np.empty_like(states)
    normals = np.empty(states.shape[1:], np.float32)
    for k, end in enumerate(ends):
        line_normals(normals, np.uint64(seed), np.uint64(first), 1, int(end), STREAM_READ)
        read[k] = lines.read(states[k].astype(np.float64), normals)
    return read, _conversion("output", converter, lines, states, span)


def _conversion(
    side: str, converter: Converter, lines: Lines, values: np.ndarray, span: Span | None
) -> Conversion:
    bits = int(converter.bits.value)
    return Conversion(side, bits, lines.lo, lines.hi, span is not None, lines.clipped(values))
