"""Bits and augmented images of logic-gate training."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.circuits.evaluate import encode_bits
from compiler.ir.gates import make_gates
from thermo.data import Dataset
from thermo.kernels.logic.images import encode, order_statistics, warp
from thermo.training.augmentation import Augmentation
from thermo.training.logic.config import LogicAugmentation, LogicConfig
from thermo.training.logic.encoder import bit_source
from thermo.training.logic.images import NODES, TrainingImages
from thermo.training.tiles import Tiles


def toy(shape=(6, 5), n=40, eight_bit=True, seed=0) -> Dataset:
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape))
    x = rng.integers(0, 256, (n, size)).astype(np.float32) / np.float32(255)
    if not eight_bit:
        x = rng.normal(size=(n, size)).astype(np.float32)
    y = rng.integers(0, 2, n)
    part = slice(0, n // 2), slice(n // 2, 3 * n // 4), slice(3 * n // 4, n)
    parts = [a[s] for s in part for a in (x, y)]
    return Dataset("toy", *parts, 2, shape)


def bits_of(source, x):
    stored = source.store(x)
    bounds = source.bounds(stored)
    return stored[:, source.encoder.feature] > bounds[source.level].T


@pytest.mark.parametrize("eight_bit", [True, False])
@pytest.mark.parametrize(
    ("encoding", "levels"),
    [
        ("absolute", (0.1, 100 / 255, 0.4, 0.9)),
        ("image-quantile", (0.13, 0.5, 0.77)),
        ("dataset-quantile", (0.2, 0.5, 0.9)),
    ],
)
def test_training_sees_the_bits_of_the_netlist(eight_bit, encoding, levels):
    data = toy(eight_bit=eight_bit)
    source = bit_source(data, LogicConfig(encoding=encoding, thresholds=levels, drop=0.0))
    assert (source.values is not None) == eight_bit
    n = source.n_bits
    netlist = make_gates([f"b{i}" for i in range(n)], [3], [0], [0], {"y": n}, encoder=source.encoder)
    want = encode_bits(netlist, data.x_train)
    assert 0.02 < want.mean() < 0.98
    assert np.array_equal(bits_of(source, data.x_train), want)


def test_bits_that_hardly_vary_are_dropped():
    data = toy(n=400)
    x = data.x_train.copy()
    x[:, 3] = 0.0
    x[:1, 3] = 1.0  # one sample of 200
    x[:, 4] = 0.7
    data = replace(data, x_train=x)
    kept = bit_source(data, LogicConfig(drop=0.02)).encoder.feature
    assert 3 not in kept and 4 not in kept and 2 in kept
    assert 3 in bit_source(data, LogicConfig(drop=0.005)).encoder.feature


def test_order_statistics():
    codes = np.random.default_rng(0).integers(0, 256, (30, 50)).astype(np.uint8)
    out = np.empty((4, 30), np.uint8)
    order_statistics(codes, np.array([0, 10, 48, 49]), out)
    assert np.array_equal(out, np.sort(codes, axis=1)[:, [0, 10, 48, 49]].T)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("order", ["as they lie", "at random", "few, far apart"])
def test_bits_are_comparisons_of_moved_frames(kind, order):
    rng, n, size, m, levels = np.random.default_rng(3), 30, 300, 75, 3
    frames = rng.integers(0, 256, (n, size)).astype(kind)
    rows, moves = rng.integers(1, n - 1, m), rng.integers(-20, 21, m)
    position = {
        "as they lie": np.repeat(np.arange(20, 280), 2),
        "at random": rng.integers(20, 280, 500),
        "few, far apart": np.arange(20, 280, 60),
    }[order]
    bound = rng.integers(0, 256, (levels, m)).astype(kind)
    level = rng.integers(0, levels, position.size)
    out = np.full((position.size, 128), 7, np.uint8)
    first, last = 1, position.size - 1
    encode(frames, rows, moves, position, bound, level, out, first, last)
    values = frames.reshape(-1)[rows * size + moves + position[:, None]]
    want = (values > bound[level]).astype(np.uint8)
    assert np.array_equal(out[first:last, :m], want[first:last]) and not out[first:last, m:].any()
    assert (out[[0, -1]] == 7).all()  # another thread's


def warped(images, coefficients, elastic, shape, epoch=0, margin=0, rounding=0.0, first=0):
    height, width, channels = shape
    n = images.shape[0]
    size = (height + 2 * margin) * (width + 2 * margin) * channels
    frames = np.zeros((n, size), images.dtype)
    warp(
        images,
        np.arange(n),
        coefficients,
        elastic,
        NODES,
        5,
        epoch,
        *shape,
        margin,
        np.float32(rounding),
        frames,
        first,
        n,
    )
    return frames


def still(n):
    return np.tile(np.array([1, 0, 0, 0, 1, 0], np.float32), (n, 1))


def test_warp_without_warp_copies_into_the_frame():
    images = np.random.default_rng(0).integers(0, 256, (3, 6 * 5 * 3)).astype(np.uint8)
    frames = warped(images, still(3), 0.0, (6, 5, 3), margin=2, rounding=0.5)
    inner = frames.reshape(3, 10, 9, 3)[:, 2:8, 2:7]
    assert np.array_equal(inner.reshape(3, -1), images)
    assert frames.sum(dtype=np.int64) == images.sum(dtype=np.int64)  # the margin stays 0


def test_warp_by_whole_and_half_pixels():
    image = np.random.default_rng(1).random((1, 36)).astype(np.float32)
    by_one = still(1)
    by_one[0, 2] = 1.0  # out(y, x) = image(y + 1, x)
    got = warped(image, by_one, 0.0, (6, 6, 1)).reshape(6, 6)
    assert np.allclose(got[:5], image.reshape(6, 6)[1:]) and not got[5].any()
    half = still(1)
    half[0, 5] = 0.5
    got = warped(image, half, 0.0, (6, 6, 1)).reshape(6, 6)
    square = image.reshape(6, 6)
    assert np.allclose(got[:, :5], (square[:, :5] + square[:, 1:]) / 2, atol=1e-6)


def test_elastic_displacement_has_the_size_it_is_told():
    # a ramp shows the displacement along x; the middle of the image stays inside
    n, shape = 600, (21, 33, 1)
    ramp = np.tile(np.arange(33, dtype=np.float32), (n, 21, 1)).reshape(n, -1)
    size = 0.5
    moved = warped(ramp, still(n), size, shape).reshape(n, 21, 33) - np.arange(33)
    moved = moved[:, 3:18, 4:29]
    # mean over images; one image has at least the 3 x 4 nodes' worth of independent numbers
    square = (moved.astype(np.float64) ** 2).mean(axis=(1, 2))
    error = square.std(ddof=1) / np.sqrt(n)
    # the mean of w^2 + (1 - w)^2 over pixels is near 2/3 along each axis, 2/3 for fine grids
    y, x = (np.modf(np.arange(a, b) * 4 / (m - 1))[0] for a, b, m in ((3, 18, 21), (4, 29, 33)))
    exact = np.prod([np.mean(w**2 + (1 - w) ** 2) for w in (y, x)]) * (1.5 * size) ** 2
    assert abs(square.mean() - exact) < 4 * error
    assert abs(exact - size**2) < 0.05 * size**2
    twice = warped(ramp, still(n), 1.1 * size, shape).reshape(n, 21, 33) - np.arange(33)
    assert abs((twice[:, 3:18, 4:29] ** 2).mean() - exact) > 4 * error


def test_random_numbers_belong_to_image_and_epoch():
    images = np.random.default_rng(0).random((4, 60)).astype(np.float32)
    all_of_them = warped(images, still(4), 0.7, (6, 10, 1))
    assert np.array_equal(warped(images, still(4), 0.7, (6, 10, 1), first=2)[2:], all_of_them[2:])
    assert not np.array_equal(warped(images, still(4), 0.7, (6, 10, 1), epoch=1), all_of_them)
    same = np.repeat(images[:1], 2, axis=0)
    one, two = warped(same, still(2), 0.7, (6, 10, 1))
    assert not np.array_equal(one, two)


MOVES = LogicAugmentation(shift=1, flip=True, warp=Augmentation(rotate=10.0), elastic=0.4, warp_share=0.5)


@pytest.mark.parametrize("encoding", ["absolute", "image-quantile"])
def test_epochs_can_be_entered_anywhere(encoding):
    config = LogicConfig(augmentation=MOVES, encoding=encoding, thresholds=(0.3, 0.6))
    data = toy()
    source = bit_source(data, config)
    through, later = (TrainingImages(data, config, source) for _ in range(2))
    with Tiles(1) as one, Tiles(2) as two:
        for e in range(3):
            epoch = through.epoch(e, one)
        again = later.epoch(2, two)
    for name in ("rows", "moves", "labels"):
        assert np.array_equal(getattr(epoch, name), getattr(again, name))
    assert np.array_equal(through.train.pixels, later.train.pixels)
    assert np.array_equal(through.train.bounds, later.train.bounds)
    assert np.array_equal(epoch.labels, data.y_train[epoch.rows % 20])
    assert sorted(epoch.rows % 20) == list(range(20)) and set(epoch.rows // 20) == {0, 1}
    # half of the images are warped, the other half are what they were, in both their copies
    framed = through.train.pixels.reshape(2, 20, 8, 7)[:, :, 1:7, 1:6]
    assert np.array_equal(framed[0], framed[1][..., ::-1])
    original = through.images.reshape(20, 6, 5)
    assert (framed[0] == original).all(axis=(1, 2)).sum() == 10


def test_moves_reach_every_neighbour():
    config = LogicConfig(augmentation=LogicAugmentation(shift=1, shift_share=1.0))
    data = toy(n=800)
    images = TrainingImages(data, config, bit_source(data, config))
    with Tiles(1) as tiles:
        epoch = images.epoch(0, tiles)
    row = 5 + 2
    assert set(epoch.moves) == {dy * row + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
