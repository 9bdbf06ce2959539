"""Keras models, live and from both kinds of file, beside Keras itself on JAX."""

import os

import numpy as np
import pytest

import compiler
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.networks.keras import from_keras
from thermo import simulate

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("h5py", reason="h5py is not installed")
keras = pytest.importorskip("keras", reason="keras is not installed")
layers = keras.layers


def functional():
    keras.utils.set_random_seed(0)
    start = keras.Input((12, 12, 3))
    x = layers.Rescaling(2.0, -1.0)(start)
    x = layers.Conv2D(4, 3, padding="same", strides=2, use_bias=False)(x)
    x = layers.ReLU(max_value=4.0)(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    y = layers.Conv2D(4, 1, activation="tanh")(y)
    x = layers.MaxPooling2D(3, 2, padding="same")(layers.Add()([x, y]))
    x = layers.LeakyReLU()(layers.SeparableConv2D(5, 3, padding="same")(x))
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same")(layers.UpSampling2D()(x))
    x = layers.AveragePooling2D(2)(layers.ZeroPadding2D(1)(x))
    x = layers.Concatenate()([layers.GlobalMaxPooling2D()(x), layers.Flatten()(x)])
    model = keras.Model(start, layers.Dense(6, activation="sigmoid")(layers.Dropout(0.5)(x)))
    norm = next(k for k in model.layers if isinstance(k, layers.BatchNormalization))
    rng = np.random.default_rng(0)
    norm.set_weights(
        [rng.uniform(0.5, 1.5, 4), rng.normal(size=4), rng.normal(size=4) / 9, rng.uniform(1, 2, 4)]
    )
    return model


def sequential():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((20, 2)),
            layers.Conv1D(4, 3, padding="causal", activation="relu", dilation_rate=2),
            layers.PReLU(shared_axes=[1]),
            layers.Conv1DTranspose(3, 3, strides=2, padding="valid"),
            layers.MaxPooling1D(2),
            layers.Cropping1D((1, 2)),
            layers.Permute((2, 1)),
            layers.Flatten(),
            layers.Dense(3, activation="hard_sigmoid"),
            layers.Dense(2),
        ]
    )


@pytest.mark.parametrize("make", [functional, sequential])
def test_it_answers_as_keras_does(make, tmp_path):
    model = make()
    x = np.random.default_rng(2).uniform(size=(20, *model.input_shape[1:])).astype(np.float32)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    options = Options(head="regression")
    read = [read_model_or_netlist(tmp_path / name, options) for name in ("m.keras", "m.h5")]
    for ours in (from_keras(model, head="regression"), *read):
        np.testing.assert_allclose(ours.answers(x.reshape(20, -1)), expected, atol=2e-6)
    run = simulate(compiler.compile(ours), x.reshape(20, -1), method="rest")
    np.testing.assert_allclose(run.answers(), ours.answers(x.reshape(20, -1)), atol=1e-5)


def test_what_has_no_counterpart_is_named(tmp_path):
    for layer, message in (
        (layers.LayerNormalization(name="n"), "n: LayerNormalization divides by its own inputs' spread"),
        (layers.Dense(3, activation="gelu", name="d"), "d: gelu has a curve that no cell shows"),
        (layers.ELU(name="e"), "e: ELU has a curve that no cell shows"),
    ):
        model = keras.Sequential([keras.Input((4,)), layer, layers.Dense(2)])
        model.save(tmp_path / "m.keras")
        with pytest.raises(UnsupportedError, match=message):
            read_model_or_netlist(tmp_path / "m.keras")
    model.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(FormatError, match="holds weights alone, not their order"):
        read_model_or_netlist(tmp_path / "w.weights.h5")
    whole = (tmp_path / "m.keras").read_bytes()
    (tmp_path / "m.keras").write_bytes(whole[:-200])
    with pytest.raises(FormatError):
        read_model_or_netlist(tmp_path / "m.keras")
