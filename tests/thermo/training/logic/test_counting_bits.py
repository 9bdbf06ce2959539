"""Bits of pictures offered to training: the kernel's are the encoder's, augmented or not; pruning."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.circuits.encoder import inputs_read
from compiler.families.logic import lower_logic
from tests.toys.encoders import counting, pixels
from thermo.data import Dataset
from thermo.simulate import simulate
from thermo.simulate.gates.encoding import counted_bits, counting_columns
from thermo.training import TrainingError
from thermo.training.logic import LogicAugmentation, LogicConfig, train_logic
from thermo.training.logic.encoder import bit_source
from thermo.training.logic.images import TrainingImages
from thermo.training.tiles import Tiles


@pytest.fixture(scope="module")
def pictures():
    """Two classes of 12x12 colour pictures: bright stripes across and along, on noise."""
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 150)
    x = rng.integers(0, 140, (300, 12, 12, 3))
    for k, row in enumerate(x):
        for place in rng.permutation(12)[:4]:
            row[np.s_[place] if y[k] else np.s_[:, place]] += 110
    x = (x.reshape(300, -1) / 255).astype(np.float32)
    parts = x[:200], y[:200], x[200:260], y[200:260], x[260:], y[260:]
    return Dataset("stripes", *parts, 2, (12, 12, 3), ("along", "across"), "made up")


SMALL = LogicConfig(
    layers=(40,), k=8, encoder="counts", offsets=2, coarse=1, cuts=2, epochs=10, batch=32, tau=2.0
)


@pytest.mark.parametrize("weight, inputs", [(1, 0), (100, 3), (1, 2), (1, 6)])
def test_kernel_gives_the_encoders_bits(weight, inputs):
    rng = np.random.default_rng(weight)
    encoder = counting(rng, sums=6, inputs=inputs)
    encoder = replace(encoder, weight=weight * encoder.weight)
    assert counting_columns(encoder)[1] == (np.int16 if weight == 1 else np.int32)
    data = pixels(rng, 150)
    bits = counted_bits(encoder, encoder.codes(data))
    assert np.array_equal(bits, encoder.bits(data)) and 0.05 < bits.mean() < 0.95


@pytest.mark.parametrize("kind", ["comparisons", "blocks", "counts", "mix"])
@pytest.mark.parametrize("pixel_bits", [8, 5])
def test_bits_of_training_images_are_the_encoders(pictures, kind, pixel_bits):
    few = {} if kind == "counts" else {"comparisons": 300}
    config = replace(SMALL, encoder=kind, pixel_bits=pixel_bits, **few)
    source = bit_source(pictures, config)
    images = TrainingImages(pictures, config, source)
    every = images.valid_epoch()
    whole, shared = (np.ones((source.n_bits, 128), np.uint8) for _ in range(2))
    images.fill(every, slice(0, 60), whole)
    assert np.array_equal(whole[:, :60].T, source.encoder.bits(pictures.x_valid))
    assert not whole[:, 60:].any()
    for share in range(3):
        images.fill(every, slice(0, 60), shared, share, 3)
    assert np.array_equal(whole, shared)


def test_augmented_images_go_through_the_encoder(pictures):
    config = replace(
        SMALL,
        augmentation=LogicAugmentation(shift=2, shift_share=1.0, flip=True, brightness=0.2, contrast=0.3),
    )
    source = bit_source(pictures, config)
    images = TrainingImages(pictures, config, source)
    with Tiles(1) as tiles:
        epoch = images.epoch(3, tiles)
    x = np.zeros((source.n_bits, 64), np.uint8)
    images.fill(epoch, slice(0, 50), x)
    # the same pictures, moved, mirrored and lit by hand
    n, frames = 200, images.train.pixels.reshape(-1, 16, 16, 3)
    seen = []
    for row, move in zip(epoch.rows[:50], epoch.moves[:50], strict=True):
        dy, dx = divmod(int(move) // 3 + 2 * 16 + 2, 16)
        whole = frames[row, dy : dy + 12, dx : dx + 12].reshape(-1)
        seen.append(images.train.bounds[whole, row])
        assert row < 2 * n
    assert np.array_equal(x[:, :50].T, source.encoder.of_codes(np.array(seen, dtype=np.int32)))
    assert len({tuple(column) for column in images.train.bounds[:, :5].T}) == 5  # light differs
    # without light a value is read as its own code
    dark = TrainingImages(pictures, SMALL, source).train.bounds
    assert np.array_equal(dark[:, 0], np.arange(256))


def test_a_network_of_counts_learns_and_is_its_netlist(pictures):
    trained = train_logic(pictures, SMALL, threads=1)
    assert trained.score >= 0.9  # chance is 0.5, of 60 pictures 0.9 is 6 standard errors above
    netlist = lower_logic(trained.model)
    assert netlist.n_inputs == inputs_read(netlist).size < trained.model.n_inputs
    decided = simulate(netlist, pictures.x_valid).predictions()
    assert (decided == pictures.y_valid).mean() == trained.score


def test_pruned_channels_are_read_by_no_gate(pictures, tmp_path):
    config = replace(SMALL, keep=0.4, refresh=2, refresh_pool=16, refresh_samples=64)
    channel = bit_source(pictures, config).channel
    assert channel.max() + 1 > 10

    def channels(config, **how):
        model = train_logic(pictures, config, threads=1, **how).model
        layer = model.layers[0]
        return set(channel[np.concatenate([layer.wires_a, layer.wires_b])].ravel().tolist())

    n = channel.max() + 1
    assert len(channels(config)) <= round(0.4 * n) < len(channels(replace(config, keep=1.0)))


def test_small_pictures_have_some_of_the_bits(pictures):
    x = pictures.x_train.reshape(-1, 12, 12, 3)[:, :4, :5].reshape(200, -1)
    small = replace(
        pictures,
        x_train=x,
        x_valid=x[:20],
        x_test=x[:20],
        y_valid=pictures.y_train[:20],
        y_test=pictures.y_train[:20],
        image_shape=(4, 5, 3),
    )
    source = bit_source(small, replace(SMALL, offsets=6, coarse=6))
    assert 0 < source.n_bits < bit_source(pictures, replace(SMALL, offsets=6, coarse=6)).n_bits


def test_what_are_no_pictures_have_no_such_bits(pictures):
    rows = replace(pictures, image_shape=())
    with pytest.raises(TrainingError, match="compares pixels of pictures"):
        bit_source(rows, SMALL)
    with pytest.raises(TrainingError, match="encoder"):
        replace(SMALL, encoder="counter")
