"""Distances by formula, broken twins, and that real images are nearer than images of single pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compiler.families.rbm import RBM
from compiler.families.store import save_model
from thermo.data import load_dataset
from thermo.quality.bits import as_bits
from thermo.quality.distances import frechet, frechet_of_gaussians, mean_pairwise, nearest, precision_recall
from thermo.quality.draw import draw_images
from thermo.quality.errors import QualityError
from thermo.quality.measure import held_out, independent_pixels, measure
from thermo.quality.reader import Reader, load_reader, train_reader


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


@pytest.fixture(scope="module")
def reader(digits):
    return Reader(train_reader(digits, epochs=20).model)


def test_frechet_distance_of_gaussians_is_the_formulas():
    # covariances that commute: the distance is |mu - mu'|^2 + sum (sigma - sigma')^2, exactly
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    a, b = np.array([1.0, 2.0, 0.5, 3.0]), np.array([2.0, 0.25, 0.5, 1.0])
    mean = np.array([0.3, -1.0, 0.0, 2.0])
    found = frechet_of_gaussians(
        np.zeros(4), turn @ np.diag(a**2) @ turn.T, mean, turn @ np.diag(b**2) @ turn.T
    )
    assert found == pytest.approx(np.square(mean).sum() + np.square(a - b).sum())
    # and of one cloud with itself, which a distance without the covariances' root would not find to be 0
    x = np.random.default_rng(1).standard_normal((50, 3)) @ np.diag([1.0, 2.0, 0.1])
    assert frechet(x, x) == pytest.approx(0.0, abs=1e-9)


def test_frechet_distance_of_covariances_that_do_not_commute_is_scipys():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(2)
    a, b = (m @ m.T for m in rng.standard_normal((2, 5, 5)))
    want = np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert frechet_of_gaussians(np.zeros(5), a, np.zeros(5), b) == pytest.approx(want)


def test_precision_and_recall_tell_apart_what_is_missing_from_what_is_wrong():
    rng = np.random.default_rng(3)
    left, right = rng.standard_normal((200, 2)), rng.standard_normal((200, 2)) + 20
    both, noise = np.concatenate([left, right]), np.concatenate([left, right + 40])
    precision, recall = precision_recall(left + 0.01, both)  # a mode is missing
    assert precision > 0.95 and 0.4 < recall < 0.55
    precision, recall = precision_recall(noise, both[:200])  # half of it is elsewhere
    assert 0.4 < precision < 0.55 and recall > 0.95


def test_neighbours_and_pairs_by_hand():
    x = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    assert nearest(np.array([[0.0, 0.9]]), x) == pytest.approx([0.1], abs=1e-5)
    assert mean_pairwise(x) == pytest.approx((5.0 + 1.0 + np.sqrt(18.0)) / 3)


def test_real_images_are_nearer_than_images_of_single_pixels(digits, reader):
    n = digits.x_test.shape[0]
    floor = measure(held_out(digits, n), digits, reader)
    ceiling = measure(independent_pixels(digits, n), digits, reader)
    assert floor.over(ceiling) < 0.2
    assert floor.precision > 0.8 and floor.recall > 0.8 and floor.confident > 0.9
    assert ceiling.precision < 0.5 and ceiling.confident < 0.6
    assert floor.nearest == 1.0 and floor.diversity == 1.0 and floor.balance > 0.99
    # the measure sees pixels in their places: the same images with their pixels in another order are far
    order = np.random.default_rng(4).permutation(digits.n_features)
    assert measure(held_out(digits, n)[:, order], digits, reader).over(floor) > 5


def test_copies_and_one_class_are_seen(digits, reader):
    import thermo.quality.measure

    copies = thermo.quality.measure(digits.x_train[:300], digits, reader)
    assert copies.nearest < 0.05 and copies.missing == 0
    ones = measure(digits.x_train[digits.y_train == 1], digits, reader)
    assert ones.missing >= 8 and ones.balance < 0.2 and ones.diversity < 0.7


def test_measurements_of_two_scales_are_not_compared(digits, reader):
    one = measure(held_out(digits, 100), digits, reader)
    for other in (replace(one, reader="0" * 64), replace(one, data="mnist"), replace(one, n=50)):
        with pytest.raises(QualityError, match="not to be compared"):
            one.over(other)


def test_a_reader_is_known_by_its_digest(digits, reader, tmp_path):
    file = tmp_path / "reader.safetensors"
    save_model(reader.network, file)
    assert load_reader(file, reader.digest[:8]).digest == reader.digest
    with pytest.raises(QualityError, match="two readers"):
        load_reader(file, "f" * 64)
    other = replace(reader.network, biases=(*reader.network.biases[:-1], reader.network.biases[-1] + 1e-6))
    assert Reader(other).digest != reader.digest
    with pytest.raises(QualityError, match="64 pixels"):
        reader.read(np.zeros((3, 5)))
    with pytest.raises(QualityError, match="at least 10 images"):
        measure(digits.x_test[:3], digits, reader)


def test_bits_are_measured_beside_bits(digits, reader):
    bits = as_bits(digits, None)
    assert set(np.unique(bits.x_train)) == {0.0, 1.0} and "bits" in bits.name
    model = RBM(np.zeros((64, 3)), np.zeros(64), np.zeros(3), digits.image_shape)
    drawn = draw_images(model, 20, sweeps=2)
    assert drawn.bits and drawn.images.shape == (20, 64)
    with pytest.raises(QualityError, match="draws no images"):
        draw_images(reader.network, 20)
