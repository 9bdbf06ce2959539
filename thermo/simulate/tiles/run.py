"""`simulate_tiles`: a feed-forward network run on crossbar tiles, with their devices and converters."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from compiler.ir.kinds import verify
from compiler.ir.network import Network, Pooling, Weighted, shown
from compiler.ir.tiles import TileNetlist
from hw_models.converters import Lines, input_lines, output_lines
from hw_models.crossbar import CrossbarDevice
from hw_models.imperfect import Imperfections, on_device
from hw_models.normals import make_key, standard_normals
from hw_models.presets import chosen_crossbar
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.threads import check_threads
from thermo.simulate.tiles.result import Span, TileConversion, TileResult
from thermo.simulate.tiles.written import SOLVERS, Wiring, WrittenLayer, written_layers

BATCH = 256
CALIBRATION = 256
"""Samples that ranges of converters are found on."""
BEYOND = 0.25
"""Share of those samples' currents beyond an output converter's range, times its levels: fewer levels gain
more by being closer together than they lose by clipping."""
_CALIBRATING = 1 << 40
"""Noise of calibrations belongs to samples that no run has."""
_INPUTS, _OUTPUTS = 1 << 20, 1 << 21  # streams of noise, one a layer, beside those of hw_models.converters


@dataclass(frozen=True, slots=True)
class Ranges:
    """Of one layer's converters: of its inputs, and of currents (None while they are not known)."""

    inputs: Span
    outputs: Span | None = None


def simulate_tiles(
    netlist: TileNetlist,
    data: Any,
    *,
    device: str | CrossbarDevice | None = None,
    at: Any = None,
    non_ideal: Imperfections | None = None,
    device_seed: int = 0,
    seed: int = 0,
    input_bits: int | str | None = None,
    output_bits: int | str | None = None,
    wire: float | None = None,
    ir_drop: str = "exact",
    calibration: Any = None,
    batch: int = BATCH,
    threads: int | None = None,
    progress: Progress | None = None,
) -> TileResult:
    """Run a network on samples.

    Parameters
    ----------
    data : (n_samples, n_inputs) raw
    device : whose wires, converters, noise and laws act, a preset's name or a CrossbarDevice; None: none of
        these, sums are exact
    at : s since the devices were programmed, or "1h"; non_ideal : in place of what the device has of it
    device_seed : which device is drawn; seed : noise of reads and conversions; threads : of matrix products
    input_bits, output_bits : of the converters, or "ideal"
    wire : ohm of a wire from crossing to crossing, in place of the device's
    ir_drop : "exact", "fast" (hw_models.ir_drop) or "none": wires without resistance
    calibration : (n, n_inputs) samples that converters' ranges are found on, of which the first 256 are
        used; None: those of the run

    Noise of a conversion is a function of seed, sample, position, line and layer. Ranges: inputs from the
    least to the largest value, 0 among them; currents all but a quarter of
    a level's share, those farthest out.

    Raises SimulationError for a bad option or data, HardwareError for an unknown device.
    """
    begin = time.perf_counter()
    verify(netlist)
    check_threads(threads)
    rows = _samples(netlist.network, data)
    if batch < 1:
        raise SimulationError(f"batch must be at least 1 sample, got {batch}")
    found = None
    if device is not None:
        found = chosen_crossbar(device, input_bits=input_bits, output_bits=output_bits, wire=wire)
    elif input_bits is not None or output_bits is not None or wire is not None:
        raise SimulationError("converters and wires belong to a device: give --device pcm-tile, or another")
    own = Imperfections() if found is None else found.imperfections
    law = on_device(own, non_ideal, at)
    if ir_drop not in (*SOLVERS, "none"):
        raise SimulationError(
            f"ir_drop must be {', '.join(SOLVERS)} or none, got {ir_drop!r}: give --ir-drop fast"
        )
    wiring = None
    if found is not None and not found.wires.ideal and ir_drop != "none":
        wiring = Wiring(found.wires, found.conductance.value, ir_drop)
    machine = _Machine(
        netlist.network,
        netlist.layout.shares,
        tuple(netlist.layout.row_cuts(layer.n_read) for layer, _, _ in netlist.network.weighted),
        written_layers(netlist, law, device_seed, wiring),
        found,
        device_seed,
        seed,
    )
    samples = rows if calibration is None else _samples(netlist.network, calibration)
    ready = time.perf_counter()
    ranges: list[Ranges] = []
    tally = _Tally()
    outputs = np.empty((rows.shape[0], netlist.network.n_answers))
    progress = progress or NullProgress()
    progress.start(rows.shape[0], "simulating")
    try:
        with threadpool_limits(threads):
            if rows.shape[0]:
                machine.forward(samples[:CALIBRATION], _CALIBRATING, ranges, _Tally())
            for first in range(0, rows.shape[0], batch):
                part = slice(first, min(first + batch, rows.shape[0]))
                outputs[part] = machine.forward(rows[part], first, ranges, tally)
                progress.update(part.stop)
    finally:
        progress.stop()
    end = time.perf_counter()
    return TileResult(
        outputs=outputs,
        decides=netlist.network.decision == "argmax",
        conversions=tally.conversions(machine, ranges),
        calibrated=calibration is not None,
        activity=tally.activity(len(machine.written), rows.shape[0]),
        seconds=end - begin,
        run_seconds=end - ready,
    )


def _samples(network: Network, data: Any) -> np.ndarray:
    rows = np.asarray(data)
    if rows.ndim != 2 or rows.shape[1] != network.n_inputs:
        raise SimulationError(
            f"data must be (n_samples, {network.n_inputs}), what the network reads, got shape {rows.shape}"
        )
    if rows.dtype.kind not in "buif" or not np.isfinite(rows).all():
        raise SimulationError("data must be finite numbers: fill or drop what is missing")
    return rows


class _Tally:
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

    def conversions(self, machine: _Machine, ranges: Sequence[Ranges]) -> tuple[TileConversion, ...]:
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
class _Machine:
    """shares : of the slices; cuts : of each layer with weights, the rows of every tile"""

    network: Network
    shares: tuple[float, ...]
    cuts: tuple[list[slice], ...]
    written: tuple[WrittenLayer, ...]
    device: CrossbarDevice | None
    device_seed: int
    seed: int

    def forward(self, rows: np.ndarray, first: int, ranges: list[Ranges], tally: _Tally) -> np.ndarray:
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
        self, k: int, layer: Weighted, u: np.ndarray, first: int, ranges: list[Ranges], tally: _Tally
    ) -> np.ndarray:
        """(n, positions, n_out) of what is read, (n, positions, n_read)."""
        made = self.written[k]
        known = k < len(ranges)
        if not known:
            ranges.append(Ranges(_input_span(u)))
        span = ranges[k].inputs
        u = self._driven(k, u, span, first, tally)
        full = max(abs(span[0]), abs(span[1]))
        tally.squares[k] = tally.squares.get(k, 0.0) + _dissipated(u / full, made.load)
        sums = _currents(made.effective, u, self.cuts[k])
        if not known:
            levels = (
                np.inf
                if self.device is None or self.device.output_converter is None
                else (self.device.output_converter.levels)
            )
            ranges[k] = Ranges(span, _output_span(sums, BEYOND / levels))
        outputs = ranges[k].outputs
        assert outputs is not None
        sums = self._read(k, sums, outputs, full, first, tally)
        whole = np.einsum("npkdo,k->npo", sums, np.array(self.shares))
        return made.gain * whole + layer.bias

    def _driven(self, k: int, u: np.ndarray, span: Span, first: int, tally: _Tally) -> np.ndarray:
        """What the rows are driven with for numbers u (n, positions, n_read)."""
        converter = None if self.device is None else self.device.input_converter
        if converter is None:
            return u
        lines = input_lines(converter, span, self.device_seed, self.written[k].lines)
        tally.add(k, "input", u, lines)
        return lines.driven(u, self._normals(_INPUTS + k, first, u.shape))

    def _read(
        self, k: int, sums: np.ndarray, span: Span, full: float, first: int, tally: _Tally
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
