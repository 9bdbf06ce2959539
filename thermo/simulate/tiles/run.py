"""`simulate_tiles`: a feed-forward network run on crossbar tiles, with their devices and converters."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from compiler.ir.kinds import verify
from compiler.ir.network import Network
from compiler.ir.tiles import TileNetlist
from hw_models.crossbar import CrossbarDevice
from hw_models.imperfect import Imperfections, on_device
from hw_models.presets import chosen_crossbar
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.threads import check_threads
from thermo.simulate.tiles.machine import Machine, Ranges, Tally
from thermo.simulate.tiles.result import TileResult
from thermo.simulate.tiles.written import SOLVERS, Wiring, written_layers

BATCH = 256
CALIBRATION = 256
"""Samples that ranges of converters are found on."""
_CALIBRATING = 1 << 40
"""Noise of calibrations belongs to samples that no run has."""


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
    scale_inputs: bool = False,
    ranges_at: Any = None,
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
    scale_inputs : whether every vector that a layer reads is scaled to its largest value and the result back
    ranges_at : age of the device at which converters' ranges are found; None: that of the run
    calibration : (n, n_inputs) samples that converters' ranges are found on, of which the first 256 are
        used; None: those of the run

    Noise of a conversion is a function of seed, sample, position, line and layer. Ranges: inputs from the
    least to the largest value, 0 among them; currents but for those farthest out (machine.BEYOND).

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
    machine = Machine(
        network=netlist.network,
        shares=netlist.layout.shares,
        cuts=tuple(netlist.layout.row_cuts(layer.n_read) for layer, _, _ in netlist.network.weighted),
        written=written_layers(netlist, law, device_seed, wiring),
        device=found,
        device_seed=device_seed,
        seed=seed,
        scale_inputs=scale_inputs,
    )
    young = machine
    if ranges_at is not None:
        then = written_layers(netlist, on_device(own, non_ideal, ranges_at), device_seed, wiring)
        young = replace(machine, written=then)
    samples = rows if calibration is None else _samples(netlist.network, calibration)
    ready = time.perf_counter()
    ranges: list[Ranges] = []
    tally = Tally()
    outputs = np.empty((rows.shape[0], netlist.network.n_answers))
    progress = progress or NullProgress()
    progress.start(rows.shape[0], "simulating")
    try:
        with threadpool_limits(threads):
            if rows.shape[0]:
                young.forward(samples[:CALIBRATION], _CALIBRATING, ranges, Tally())
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
