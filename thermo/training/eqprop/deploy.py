"""A programmed network on a device: what drives there, and how often it is right."""

from __future__ import annotations

import numpy as np

from compiler.families.hopfield import HopfieldNetwork
from thermo.data import Dataset
from thermo.training.eqprop.device import EqpropDevice, draw
from thermo.training.eqprop.layers import EVALUATION_SWEEPS, EVALUATION_TOLERANCE, Acting, free_outputs
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
    """Share of right decisions of these acting couplings, with the device's state noise if any."""
    x, y = dataset.part(split)
    with Tiles(threads) as tiles:
        rest = free_outputs(
            acting,
            np.ascontiguousarray(x, np.float32),
            sweeps=EVALUATION_SWEEPS,
            tolerance=EVALUATION_TOLERANCE,
            tiles=tiles,
            seed=seed,
            device=device,
        )
    return float(np.mean(rest.predictions() == y))


def acting_on(network: HopfieldNetwork, device: EqpropDevice | None) -> Acting:
    """What a programmed network does on a device (None: a perfect one)."""
    forward = [np.ascontiguousarray(w, np.float32) for w in network.weights]
    back = [forward[0]] + [np.ascontiguousarray(b.T, np.float32) for b in network.feedback]
    bias = [np.asarray(b, np.float32) for b in network.biases]
    if device is None:
        return Acting(tuple(forward), tuple(back), tuple(bias))
    return Acting(*draw(device, network.sizes).act(forward, back, bias))
