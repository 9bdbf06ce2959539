"""A network's layers on one device's tiles: what is driven, what flows, what converters read of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.ir.network import Network, Pooling, Weighted, shown
from hw_models.converters import Lines, input_lines, output_lines
from hw_models.crossbar import CrossbarDevice
from hw_models.normals import make_key, standard_normals
from thermo.simulate.tiles.result import Span, TileConversion
from thermo.simulate.tiles.written import WrittenLayer

BEYOND = 0.5
"""Share of a calibration's currents beyond an output converter's range, times its levels: fewer levels gain
more by being closer together than they lose by clipping. Chosen on validation data
(benchmarks/crossbar_ranges.py)."""
_INPUTS, _OUTPUTS = 1 << 20, 1 << 21  # streams of noise, one a layer, beside those of hw_models.converters


@dataclass(frozen=True, slots=True)
class Ranges:
    """Of one layer's converters: of its inputs, and of currents (None while they are not known)."""

    inputs: Span
    outputs: Span | None = None


class Tally:
    """What the layers did, summed over samples."""

    def __init__(self) -> None:
        self.squares: dict[int, float] = {}
        self.clipped: dict[tuple[int, str], list[float]] = {}

    def add(self, layer: int, side: str, values: np.ndarray, lines: Lines) -> None:
        beyond = self.clipped.setdefault((layer, side), [0.0, 0.0])
        beyond[0] += lines.clipped(values) * values.size
        beyond[1] += values.size

    def activity(self, layers: int, n: int) -> tuple[float, ...]:
        return tuple(self.squares.get(k, 0.0) / max(n, 1) for k in range(layers))

    def conversions(self, machine: Machine, ranges: Sequence[Ranges]) -> tuple[TileConversion, ...]:
        names = [k for k, layer in enumerate(machine.network.layers) if isinstance(layer, Weighted)]
        found = []
        for (layer, side), (beyond, n) in sorted(self.clipped.items()):
            span = ranges[layer].inputs if side == "input" else ranges[layer].outputs
            assert machine.device is not None and span is not None
            converter = machine.device.input_converter if side == "input" else machine.device.output_converter
            assert converter is not None
            bits = int(converter.bits.value)
            found.append(TileConversion(names[layer], side, bits, *span, beyond / n))
        return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """shares : of the slices
    cuts, written : of each layer with weights, the rows of every tile, and its devices
    scale_inputs : whether every vector is scaled to its largest value
    """

    network: Network
    shares: tuple[float, ...]
    cuts: tuple[list[slice], ...]
    written: tuple[WrittenLayer, ...]
    device: CrossbarDevice | None
    device_seed: int
    seed: int
    scale_inputs: bool = False

    def forward(self, rows: np.ndarray, first: int, ranges: list[Ranges], tally: Tally) -> np.ndarray:
        """(n, n_answers) of samples `first` and on; ranges that are not known are found and appended."""
        values, k = self.network.encoded(rows), 0
        for layer, shape in zip(self.network.layers, self.network.shapes[1:], strict=True):
            if isinstance(layer, Pooling):
                values = layer.pooled(values)
            else:
                values = self._weigh(k, layer, layer.read(values), first, ranges, tally)
                values = values.reshape(-1, *shape)
                k += 1
            values = shown(layer, values)
        return self.network.answered(values)

    def _weigh(
        self, k: int, layer: Weighted, u: np.ndarray, first: int, ranges: list[Ranges], tally: Tally
    ) -> np.ndarray:
        """(n, positions, n_out) of what is read, (n, positions, n_read)."""
        made = self.written[k]
        known = k < len(ranges)
        scale = np.ones((1, 1, 1))
        if self.scale_inputs:
            scale = np.abs(u).max(axis=2, keepdims=True)
            scale[scale == 0] = 1.0
            u = u / scale
        if not known:
            ranges.append(Ranges(_input_span(u)))
        span = ranges[k].inputs
        u = self._driven(k, u, span, first, tally)
        full = max(abs(span[0]), abs(span[1]))
        tally.squares[k] = tally.squares.get(k, 0.0) + _dissipated(u / full, made.load)
        sums = _currents(made.effective, u, self.cuts[k])
        if not known:
            converter = None if self.device is None else self.device.output_converter
            beyond = 0.0 if converter is None else BEYOND / converter.levels
            ranges[k] = Ranges(span, _output_span(sums, beyond))
        outputs = ranges[k].outputs
        assert outputs is not None
        sums = self._read(k, sums, outputs, full, first, tally)
        whole = np.einsum("npkdo,k->npo", sums, np.array(self.shares))
        return made.gain * scale * whole + layer.bias

    def _driven(self, k: int, u: np.ndarray, span: Span, first: int, tally: Tally) -> np.ndarray:
        """What the rows are driven with for numbers u (n, positions, n_read)."""
        converter = None if self.device is None else self.device.input_converter
        if converter is None:
            return u
        lines = input_lines(converter, span, self.device_seed, self.written[k].lines)
        tally.add(k, "input", u, lines)
        return lines.driven(u, self._normals(_INPUTS + k, first, u.shape))

    def _read(
        self, k: int, sums: np.ndarray, span: Span, full: float, first: int, tally: Tally
    ) -> np.ndarray:
        """What converters read of currents (n, positions, slices, tiles down, n_out)."""
        if self.device is None:
            return sums
        made, device = self.written[k], self.device
        on = device.conductance.value
        # a current of a unit of x on a device that is on
        unit = device.voltage.value * on / full
        noise = device.noise(on * made.column_load) / unit
        converter = device.output_converter
        normals = self._normals(_OUTPUTS + k, first, sums.shape)
        if converter is None:
            return np.asarray(sums + noise * normals)
        lines = output_lines(converter, span, self.device_seed, made.pairs)
        tally.add(k, "output", sums, lines)
        return lines.rounded(sums + lines.offset + np.hypot(noise, lines.noise) * normals)

    def _normals(self, stream: int, first: int, shape: tuple[int, ...]) -> np.ndarray:
        """Standard normals of samples `first` and on: (n, positions, lines...)."""
        n, positions = shape[:2]
        reads = positions * (first + np.arange(n))[:, None] + np.arange(positions)
        lines = np.arange(math.prod(shape[2:]))
        return standard_normals(make_key(self.seed, stream), reads[..., None], lines).reshape(shape)


def _currents(effective: np.ndarray, u: np.ndarray, cuts: Sequence[slice]) -> np.ndarray:
    """(n, positions, slices, tiles down, n_out) of voltages u (n, positions, n_read)."""
    copies, slices, m, _ = effective.shape
    out = np.empty((*u.shape[:2], slices, len(cuts), m))
    for k in range(slices):
        for d, rows in enumerate(cuts):
            if copies == 1:
                out[:, :, k, d] = u[:, :, rows] @ effective[0, k, :, rows].T
            else:
                out[:, :, k, d] = np.einsum("npr,por->npo", u[:, :, rows], effective[:, k, :, rows])
    return out


def _dissipated(u: np.ndarray, load: np.ndarray) -> float:
    """Sum over samples, reads and devices of a squared voltage times the conductance."""
    if load.shape[0] == 1:
        return float(np.sum(u * u * load[0].sum(axis=0)))
    return float(np.sum(u * u * load.sum(axis=1)))


def _input_span(u: np.ndarray) -> Span:
    lo, hi = min(float(u.min()), 0.0), max(float(u.max()), 0.0)
    return (lo, hi) if lo < hi else (-0.5, 0.5)


def _output_span(sums: np.ndarray, beyond: float) -> Span:
    lo, hi = (float(q) for q in np.quantile(sums, [beyond / 2, 1 - beyond / 2]))
    return (lo, hi) if lo < hi else (lo - 0.5, hi + 0.5)
