"""The fewest bits of a device's converters that keep a machine's accuracy, found on validation data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import LangevinNetlist
from hw_models.converters import IDEAL
from hw_models.device import Device
from hw_models.presets import chosen_device
from thermo.data import Dataset
from thermo.evaluate import label_codes, right_answers
from thermo.progress import NullProgress, Progress
from thermo.simulate.langevin.conversion import converted_outputs
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.run import simulate_langevin

TOLERANCE = 0.003
"""Accuracy that may be lost."""
MOST = 8
DECISIONS = 4096
"""Decisions of one pair of resolutions, at least: samples times draws of noise and offsets."""
DRAWS = (4, 32)  # fewest, most


@dataclass(frozen=True, slots=True)
class Loss:
    """Accuracy lost against ideal converters, mean of paired decisions, and its standard error."""

    mean: float
    sem: float


@dataclass(frozen=True, slots=True)
class FewestBits:
    """What was found.

    input_bits, output_bits : of the cheapest pair whose mean loss is at most `tolerance`
    loss : of that pair; own_input_bits, own_output_bits, own_loss : of the device's own converters
    ideal : accuracy with ideal converters; samples, draws : that all were measured on, draws being of
        thermal noise and devices, one of each
    """

    input_bits: int
    output_bits: int
    loss: Loss
    own_input_bits: int
    own_output_bits: int
    own_loss: Loss
    ideal: float
    tolerance: float
    samples: int
    draws: int
    split: str = "valid"


def fewest_bits(
    netlist: LangevinNetlist,
    dataset: Dataset,
    device: Device,
    price: Callable[[Device], float],
    *,
    tolerance: float = TOLERANCE,
    options: Mapping[str, Any],
    progress: Progress | None = None,
) -> FewestBits:
    """Decide every validation sample with every pair of resolutions up to 8 bits or the device's own.

    price : J of a device; the cheapest pair within the tolerance is chosen
    options : of `thermo.simulate.simulate`, with input_range and output_range

    All pairs have the same samples, thermal noise and draws of offsets, so that a loss is a mean of paired
    differences. Its variance is taken as that of the samples' means plus that of the draws' means, which
    counts what is particular to one decision twice. A read-out does nothing to a run, so that each input
    resolution is simulated once and its states are read by ADCs of every resolution.

    Raises UnsupportedError for regression, for ideal converters, and where no pair is within the tolerance.
    """
    x, y = dataset.part("valid")
    dac, adc = device.input_converter, device.output_converter
    if dac is None or adc is None:
        raise UnsupportedError(f"device {device.name} has ideal converters, which have no bits to be found")
    if not dataset.n_classes:
        raise UnsupportedError("the fewest bits keep an accuracy; this data set asks for numbers")
    own = int(dac.bits.value), int(adc.bits.value)
    inputs, outputs = (range(1, max(MOST, bits) + 1) for bits in own)
    draws = min(max(DRAWS[0], math.ceil(DECISIONS / y.size)), DRAWS[1])
    codes, span = label_codes(netlist, dataset), options["output_range"]
    base, device_seed = int(options.get("seed", 0)), int(options.get("device_seed", 0))
    seen = progress or NullProgress()
    lost: dict[tuple[int, int], np.ndarray] = {}
    ideal = 0.0
    seen.start(draws, f"{len(inputs)} x {len(outputs)} resolutions on {y.size} samples")
    try:
        for d in range(draws):
            seeds = {"seed": base + d, "device_seed": device_seed + d}

            def run(bits: int | str, seeds: dict[str, int] = seeds) -> SimulationResult:
                there = chosen_device(device, input_bits=bits, output_bits=IDEAL)
                kept = {**options, **seeds, "progress": None, "heat": False, "device": there}
                return simulate_langevin(netlist, x, **kept)

            truth = _right(run(IDEAL), y, codes)
            ideal += float(truth.mean()) / draws
            for i in inputs:
                result = run(i)
                for o in outputs:
                    there = replace(result, outputs=_read(netlist, result, adc.with_bits(o), span, seeds))
                    loss = truth - _right(there, y, codes)
                    lost.setdefault((i, o), np.zeros((draws, y.size)))[d] = loss
            seen.update(d + 1, f"ideal {100 * truth.mean():.1f} %")
    finally:
        seen.stop()
    losses = {pair: _loss(values) for pair, values in lost.items()}
    good = [pair for pair, loss in losses.items() if loss.mean <= tolerance]
    if not good:
        least = min(losses, key=lambda pair: losses[pair].mean)
        raise UnsupportedError(
            f"no converters of up to {outputs[-1]} bits keep the accuracy on {device.name} within "
            f"{100 * tolerance:g} points: {least[0]} and {least[1]} bits lose "
            f"{100 * losses[least].mean:.2f}; give --input-bits and --output-bits for more"
        )
    chosen = min(good, key=lambda p: price(chosen_device(device, input_bits=p[0], output_bits=p[1])))
    return FewestBits(
        *chosen, losses[chosen], *own, losses[own], ideal, tolerance, samples=y.size, draws=draws
    )


def _right(result: SimulationResult, y: np.ndarray, codes: np.ndarray | None) -> np.ndarray:
    found = right_answers(result, y, codes)
    assert found is not None
    return found.astype(float)


def _read(
    netlist: LangevinNetlist, result: SimulationResult, adc: Any, span: Any, seeds: dict[str, int]
) -> np.ndarray:
    """The last states of a run as these ADCs read them in it."""
    states = result.outputs[-1:]
    flat = states.reshape(1, -1, states.shape[-1])
    cells = np.asarray(netlist.outputs if netlist.readout is None else netlist.readout.cells)
    ends = np.rint(result.times[-1:] / result.dt).astype(np.int64)
    read, _ = converted_outputs(netlist, flat, cells, ends, adc, span, first=0, **seeds)
    return read.reshape(states.shape)


def _loss(values: np.ndarray) -> Loss:
    """Of (draws, samples) differences."""
    draws, samples = values.shape
    by_sample, by_draw = values.mean(axis=0), values.mean(axis=1)
    variance = by_sample.var(ddof=1) / samples + by_draw.var(ddof=1) / draws
    return Loss(float(values.mean()), float(math.sqrt(variance)))
