"""The encoder as comparators gives the encoder's bits, on grids of any number of bits."""

import numpy as np
import pytest

from compiler.circuits.encoder import code_bits, data_levels, encoder_circuit
from compiler.circuits.evaluate import evaluate
from compiler.errors import UnsupportedError
from compiler.ir.gates import Thermometer


def thermometer(rng, n_features, n, low, high, scope="absolute"):
    feature = rng.integers(0, n_features, n).astype(np.int32)
    return Thermometer(n_features, feature, rng.uniform(low, high, n), scope)


@pytest.mark.parametrize("levels, scale", [(17, 1 / 16), (256, 1 / 255), (2, 1.0), (5, 0.25)])
def test_comparators_give_the_encoders_bits(levels, scale):
    rng = np.random.default_rng(levels)
    data = (rng.integers(0, levels, (300, 6)) * scale).astype(np.float32)
    top = (levels - 1) * scale
    encoder = thermometer(rng, 6, 40, -0.1 * top, 1.1 * top)
    encoder.threshold[:3] = data[0, encoder.feature[:3]]  # on the grid: not above
    grid = data_levels(data)
    assert grid.bits == int(levels - 1).bit_length()
    read = np.flatnonzero(rng.random(40) < 0.8)
    circuit = encoder_circuit(encoder, grid, read)
    features = np.unique(encoder.feature[read])
    assert circuit.n_inputs == features.size * grid.bits
    assert circuit.n_gates <= read.size * grid.bits
    bits = evaluate(circuit, code_bits(grid, data, features))
    np.testing.assert_array_equal(bits, encoder.bits(data)[:, read])


def test_equal_thresholds_share_their_comparator():
    encoder = Thermometer(1, np.zeros(3, np.int32), np.array([0.3, 0.31, 0.9]))
    grid = data_levels(np.arange(17)[:, None] / 16)
    one = encoder_circuit(encoder, grid, np.array([0]))
    two = encoder_circuit(encoder, grid, np.array([0, 1]))
    assert one.n_gates == two.n_gates < encoder_circuit(encoder, grid, np.arange(3)).n_gates


def test_what_is_no_grid_or_needs_the_whole_image_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(UnsupportedError, match="lie on no even grid of at most 4,096 levels"):
        data_levels(rng.random((50, 3)))
    encoder = thermometer(rng, 3, 4, 0.2, 0.8, "image")
    with pytest.raises(UnsupportedError, match="scope 'image' depend on all of a sample's values"):
        encoder_circuit(encoder, data_levels(np.array([[0.0], [1.0]])), np.arange(4))
