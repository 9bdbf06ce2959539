"""Input patterns that an encoder can make."""

from dataclasses import replace
from itertools import product

import numpy as np

from compiler.circuits.evaluate import encode_bits
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import make_gates


def thermometer(rng, n_inputs, n_features):
    """Skewed: features of several inputs in any order, some thresholds equal."""
    return Thermometer(
        n_features, rng.integers(0, n_features, n_inputs).astype(np.int32), rng.integers(0, 4, n_inputs) / 4
    )


def every_pattern(encoder):
    """All input patterns that data can make, by encoding a grid of data."""
    wires = make_gates([f"x{k}" for k in range(encoder.feature.size)], [], [], [], {})
    levels = [-1.0, *(np.unique(encoder.threshold) + 1e-3).tolist()]
    data = np.array(list(product(levels, repeat=encoder.n_features)))
    return np.unique(encode_bits(replace(wires, encoder=encoder), data), axis=0)
