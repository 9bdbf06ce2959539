"""The encoder as comparators gives the encoder's bits, on grids of any number of bits."""

import numpy as np
import pytest

from compiler.circuits.encoder import (
    code_bits,
    data_levels,
    encoder_circuit,
    features_read,
    grid_of,
    inputs_read,
    with_encoder,
)
from compiler.circuits.evaluate import evaluate, evaluate_classes
from compiler.errors import UnsupportedError
from compiler.ir.encoders import CountingEncoder, Thermometer
from compiler.ir.gates import ClassSums, make_gates
from tests.toys.encoders import counting, pixels, ragged


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


@pytest.mark.parametrize("adder", ["small", "fast"])
@pytest.mark.parametrize("top, dropped, inputs", [(255, 0, 0), (16, 2, 4), (1, 0, 6), (7, 1, 2), (255, 4, 5)])
def test_adders_and_comparators_give_a_counting_encoders_bits(top, dropped, inputs, adder):
    rng = np.random.default_rng(top + dropped)
    encoder = counting(rng, top=top, dropped=dropped, inputs=inputs)
    data = pixels(rng, 200, top=top)
    read = np.flatnonzero(rng.random(40) < 0.6)
    grid = grid_of(encoder, data)
    circuit = encoder_circuit(encoder, grid, read, adder)
    features = features_read(encoder, read)
    assert circuit.n_inputs == features.size * encoder.code_bits
    bits = evaluate(circuit, code_bits(grid, data, features))
    np.testing.assert_array_equal(bits, encoder.bits(data)[:, read])


def windows(sizes):
    """Counts of one local bit, a pixel above 7, over nested windows of a row of 16 pixels."""
    rows, read = [], []
    for size in sizes:  # a window is two of half its size, or its pixels
        first = len(rows)
        for k in range(16 // size):
            half = 16 + first - 32 // size
            rows.append([half + 2 * k, half + 2 * k + 1] if rows else list(range(size * k, size * k + size)))
        read += range(first, len(rows))
    count_ends, counted = ragged(rows)
    sum_ends, feature = ragged([[f] for f in range(16)])
    ones = np.ones(16, np.int32)
    tested = np.array(read, np.int32)
    return CountingEncoder(
        16,
        15,
        0,
        sum_ends,
        feature,
        ones,
        np.arange(16, dtype=np.int32),
        7 * ones,
        count_ends,
        counted,
        tested,
        np.ones(tested.size, np.int32),
    )


def test_nested_windows_share_their_partial_sums():
    both = windows([4, 8])
    grid = grid_of(both, np.zeros((1, 16)))
    size = {
        name: encoder_circuit(both, grid, read).n_gates
        for name, read in (("both", np.arange(6)), ("small", np.arange(4)), ("large", np.arange(4, 6)))
    }
    assert size["both"] < size["small"] + size["large"]
    # alone, a large window counts its 8 bits at once: at most 5 gates an adder, and its test
    assert size["large"] <= 2 * (7 * 5 + 4)


def test_a_circuit_with_its_encoder_is_the_circuit():
    rng = np.random.default_rng(8)
    encoder, data = counting(rng), pixels(rng, 150)
    sums = ClassSums(np.arange(40, 50, dtype=np.int32), np.array([0, 5, 10]))
    op, a, b = rng.integers(0, 16, 10), rng.integers(0, 40, 10), rng.integers(0, 40, 10)
    names = [f"x{k}" for k in range(40)]
    netlist = make_gates(names, op, a, b, {"y": 3, "z": 41}, class_sums=sums, encoder=encoder)
    whole = with_encoder(netlist)
    assert whole.encoder is None and whole.n_gates == 10 + whole.meta["encoder"]["gates"]
    bits = code_bits(grid_of(encoder, data), data, features_read(encoder, inputs_read(netlist)))
    np.testing.assert_array_equal(evaluate(whole, bits), evaluate(netlist, encoder.bits(data)))
    np.testing.assert_array_equal(
        evaluate_classes(whole, bits), evaluate_classes(netlist, encoder.bits(data))
    )
    with pytest.raises(UnsupportedError, match="has no encoder"):
        with_encoder(whole)
