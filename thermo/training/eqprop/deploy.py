"""A programmed network on a device: what drives there, and how often it is right."""

from __future__ import annotations

import numpy as np

from compiler.families.hopfield import HopfieldNetwork
from thermo.data import Dataset
from thermo.training.eqprop.converting import CALIBRATION, TRAJECTORY, Converting, converting
from thermo.training.eqprop.device import EqpropDevice, draw
from thermo.training.eqprop.layers import (
    EVALUATION_SWEEPS,
    EVALUATION_TOLERANCE,
    Acting,
    AtRest,
    free_outputs,
)
from thermo.training.tiles import Tiles


def deployed_accuracy(
    acting: Acting,
    dataset: Dataset,
    device: EqpropDevice | None = None,
    *,
    split: str = "test",
    seed: int = 0,
    threads: int | None = None,
) -> float:
    """Share of right decisions of these acting couplings, with the device's state noise and converters."""
    x, y = dataset.part(split)
    train = np.ascontiguousarray(dataset.x_train, np.float32)
    conversion = converting(device, acting.sizes, train)
    with Tiles(threads) as tiles:

        def rest(x: np.ndarray, conversion: Converting | None, trajectory: int = 0) -> AtRest:
            return free_outputs(
                acting,
                np.ascontiguousarray(x, np.float32),
                sweeps=EVALUATION_SWEEPS,
                tolerance=EVALUATION_TOLERANCE,
                tiles=tiles,
                seed=seed,
                device=device,
                conversion=conversion,
                trajectory=trajectory,
            )

        if conversion is not None:
            conversion = conversion.calibrated(rest(train[:CALIBRATION], conversion, TRAJECTORY).outputs)
        found = rest(x, conversion)
    return float(np.mean(found.predictions() == y))


def acting_on(network: HopfieldNetwork, device: EqpropDevice | None) -> Acting:
    """What a programmed network does on a device (None: a perfect one)."""
    forward = [np.ascontiguousarray(w, np.float32) for w in network.weights]
    back = [forward[0]] + [np.ascontiguousarray(b.T, np.float32) for b in network.feedback]
    bias = [np.asarray(b, np.float32) for b in network.biases]
    if device is None:
        return Acting(tuple(forward), tuple(back), tuple(bias))
    return Acting(*draw(device, network.sizes).act(forward, back, bias))
