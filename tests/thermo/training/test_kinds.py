"""Settings follow from what a data set is: the same arrays in a file get those of the known name."""

from dataclasses import replace

import numpy as np
import pytest

from thermo.data import DataError, Dataset, load_dataset
from thermo.data.arrays import dataset_of
from thermo.training.ebm.presets import boltzmann_preset, rbm_preset
from thermo.training.eqprop.conv_presets import conv_preset, dense_preset
from thermo.training.eqprop.oscillator_presets import oscillator_preset
from thermo.training.eqprop.presets import eqprop_preset, resistive_preset
from thermo.training.kinds import Kind, kind_of, may_be_mirrored
from thermo.training.langevin.presets import likelihood_preset, pathwise_preset
from thermo.training.logic import logic_preset

PRESETS = {
    "langevin": pathwise_preset,
    "langevin, a budget": lambda d: pathwise_preset(d, heat_budget=500.0),
    "langevin, no couplings": lambda d: pathwise_preset(d, coupled=False),
    "langevin, 256 cells": lambda d: pathwise_preset(d, n_hidden=256),
    "langevin on a device": lambda d: pathwise_preset(d, device="rc-1fF"),
    "likelihood": likelihood_preset,
    "gates": logic_preset,
    "many gates": lambda d: logic_preset(d, layers=(64_000,)),
    "eqprop": eqprop_preset,
    "eqprop, multiplicative": lambda d: eqprop_preset(d, update="multiplicative"),
    "eqprop, spsa": lambda d: eqprop_preset(d, estimator="spsa"),
    "resistive": resistive_preset,
    "oscillators": oscillator_preset,
    "convolutional": conv_preset,
    "dense": dense_preset,
    "rbm": rbm_preset,
    "grid": lambda d: boltzmann_preset(d, chain=False),
    "chain": lambda d: boltzmann_preset(d, chain=True),
}
NAMED = ("digits", "mnist", "cifar10")


def _named(name):
    try:
        return load_dataset(name)
    except DataError as error:
        pytest.skip(str(error))


def _whole(named, top):
    """Its images as bytes or numbers up to `top`, as they were before they were brought into [0, 1]."""
    return {
        part: (np.round(named.part(part)[0] * top).astype(np.uint8), named.part(part)[1])
        for part in ("train", "valid", "test")
    }


@pytest.mark.parametrize("layout", ["flat", "square", "channels first"])
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "cifar10" else n for n in NAMED]
)
def test_the_same_arrays_in_a_file_get_the_same_settings_to_the_letter(tmp_path, name, layout):
    named = _named(name)
    arrays = _whole(named, 16 if name == "digits" else 255)
    sides = (*named.image_shape, 1)[:3]

    def laid(x):
        if layout == "flat":
            return x
        x = x.reshape(-1, *sides)
        return x if layout == "square" else np.moveaxis(x, -1, 1)

    keys = {"train": ("x", "y"), "valid": ("x_valid", "y_valid"), "test": ("x_test", "y_test")}
    np.savez(
        tmp_path / "mine.npz",
        **{k: v for part, (x, y) in arrays.items() for k, v in zip(keys[part], (laid(x), y), strict=True)},
    )
    mine = load_dataset(str(tmp_path / "mine.npz"))
    assert mine.image_shape == named.image_shape
    for part in keys:
        for ours, theirs in zip(mine.part(part), named.part(part), strict=True):
            assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    for what, preset in PRESETS.items():
        assert repr(preset(mine)) == repr(preset(named)), what
        # names alone change nothing
        assert repr(preset(replace(mine, name=NAMED[0]))) == repr(preset(mine)), what


def test_digits_as_scikit_learn_has_them_are_the_digits_by_name():
    from sklearn.datasets import load_digits

    raw, named = load_digits(), load_dataset("digits")
    for x in (raw.data, raw.images):
        mine = dataset_of("mine", x, raw.target)
        for part in ("train", "valid", "test"):
            assert all(np.array_equal(a, b) for a, b in zip(mine.part(part), named.part(part), strict=True))


def _rows(n, d, classes=2, shape=()):
    x = np.linspace(0, 1, n * d, dtype=np.float32).reshape(n, d)
    y = np.arange(n) % classes if classes else np.linspace(0, 1, n, dtype=np.float32)
    return Dataset("mine", x, y, x[:9], y[:9], x[:9], y[:9], classes, shape)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ((10_000, 64, 2, (8, 8)), Kind.PICTURES),
        ((10_000, 48, 2, (4, 4, 3)), Kind.COLOUR),
        ((9_999, 64, 2, (8, 8)), Kind.FEW_PICTURES),
        ((10_000, 64), Kind.ROWS),
        ((9_999, 64), Kind.FEW_ROWS),
        ((500, 1, 0), Kind.CURVE),
        ((500, 3, 0), Kind.FEW_ROWS),
    ],
)
def test_kinds_are_of_shape_and_size(data, kind):
    assert kind_of(_rows(*data)) is kind


def test_settings_fit_any_number_of_classes():
    for classes in (2, 3, 7, 26):
        for data in ((10_000, 64, classes, (8, 8)), (500, 64, classes, (8, 8)), (500, 5, classes)):
            assert logic_preset(_rows(*data)).layers[0] % classes == 0


def test_pictures_are_mirrored_where_their_classes_are_symmetric():
    """On average: of 2,000 noisy pictures a class the mean is off by 1 / sqrt(2,000) of the noise."""
    rng = np.random.default_rng(0)
    y = np.arange(4_000) % 2
    centre = rng.uniform(size=(2, 6, 6))
    told = {}
    for what, means in (("things", centre + centre[:, :, ::-1]), ("signs", 2 * centre)):
        x = (means[y] + 0.3 * rng.standard_normal((4_000, 6, 6))).reshape(4_000, 36).astype(np.float32)
        told[what] = may_be_mirrored(Dataset("d", x, y, x, y, x, y, 2, (6, 6)))
    assert told == {"things": True, "signs": False}
    assert not may_be_mirrored(_rows(100, 36))
