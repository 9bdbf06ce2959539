"""Logic networks: their invariants, their files and what they become as circuits."""

from dataclasses import replace

import numpy as np
import pytest

import compiler
from compiler.circuits.evaluate import encode_bits, evaluate_classes
from compiler.errors import FormatError, NetlistError, TargetError, UnsupportedError
from compiler.families.logic import LogicLayer, LogicNetwork, input_names
from compiler.ir.encoders import Thermometer
from hw_models.targets import TARGETS


def layer(rng, gates, below, k, kind="table"):
    def floats(n):
        return rng.normal(size=(gates, n)).astype(np.float32)

    def wires():
        return rng.integers(0, below, (gates, k)).astype(np.int32)

    table, ids = (floats(4), None) if kind == "table" else (None, floats(16))
    return LogicLayer(table, ids, wires(), wires(), floats(k), floats(k))


def network(seed=0, kind="table", scope="absolute"):
    rng = np.random.default_rng(seed)
    feature = np.repeat(np.arange(6), 2).astype(np.int32)
    encoder = Thermometer(6, feature, np.tile([0.3, 0.6], 6), scope)
    layers = (layer(rng, 20, 12, 3, kind), layer(rng, 15, 20, 4, kind))
    return LogicNetwork(layers, encoder, 3, 2.5, ("x", "y", "z"), {"note": "toy"})


def scores_in_numpy(model, x):
    bits = x[:, model.encoder.feature] > (
        np.quantile(x, model.encoder.threshold, axis=1).T
        if model.encoder.scope == "image"
        else model.encoder.threshold
    )
    given = bits
    for number, (op, a, b) in enumerate(model.hard()):
        read = np.concatenate([bits, given], axis=1) if number else bits
        row = 2 * read[:, a] + read[:, b]
        bits = (op >> (3 - row)) & 1 == 1
    return bits.reshape(x.shape[0], model.n_classes, -1).sum(axis=2) / model.tau


@pytest.mark.parametrize("kind", ["table", "gates"])
@pytest.mark.parametrize("scope", ["absolute", "image"])
def test_circuit_answers_as_the_network(kind, scope):
    model = network(kind=kind, scope=scope)
    x = np.random.default_rng(1).random((200, 6))
    circuit = compiler.lower_logic(model)
    assert circuit.n_gates == model.n_gates == 35
    want = scores_in_numpy(model, x)
    assert np.array_equal(evaluate_classes(circuit, encode_bits(circuit, x)), want)
    assert len(np.unique(want)) > 3  # the toy is no constant
    small = compiler.compile(model, optimise=1)
    assert np.array_equal(evaluate_classes(small, encode_bits(small, x)), want)
    assert small.n_gates < circuit.n_gates


def skipping():
    """Its second layer reads input bits, too."""
    model, rng = network(), np.random.default_rng(3)
    return replace(model, layers=(model.layers[0], layer(rng, 15, 20 + 12, 4)), skips=True)


def test_higher_layers_may_read_input_bits(tmp_path):
    model, x = skipping(), np.random.default_rng(1).random((200, 6))
    circuit = compiler.lower_logic(model)
    assert (circuit.a[20:] < 12).any() and (circuit.a[20:] >= 12).any()
    want = scores_in_numpy(model, x)
    assert np.array_equal(evaluate_classes(circuit, encode_bits(circuit, x)), want)
    small = compiler.compile(model, optimise=2)
    assert np.array_equal(evaluate_classes(small, encode_bits(small, x)), want)
    compiler.save_model(model, tmp_path / "m.safetensors")
    back = compiler.load_model(tmp_path / "m.safetensors")
    assert back.skips and compiler.equal(compiler.lower_logic(back), circuit)
    with pytest.raises(
        NetlistError, match=r"layer 1, gate \d+: wires_. must be nets of the layer below, 0 to 19"
    ):
        replace(model, skips=False)
    with pytest.raises(NetlistError, match="nets of the layer below or input bits, 0 to 20, got"):
        replace(
            model, encoder=Thermometer(6, np.zeros(1, I), np.zeros(1)), layers=(one_bit(), model.layers[1])
        )


def one_bit():
    return layer(np.random.default_rng(0), 20, 1, 3)


def test_hard_choices_take_the_first_of_equals():
    one = np.zeros((1, 3), np.float32)
    wires = np.array([[5, 6, 7]], np.int32)
    table = np.array([[0, 1e-30, -1, 1]], np.float32)
    op, a, b = LogicLayer(table, None, wires, wires, one, one + np.array([0, 1, 1], np.float32)).hard()
    assert (op.tolist(), a.tolist(), b.tolist()) == ([0b0101], [5], [6])
    gates = np.zeros((1, 16), np.float32)
    gates[0, [9, 11]] = 2
    assert LogicLayer(None, gates, wires, wires, one, one).hard()[0].tolist() == [9]


def test_inputs_are_named_by_feature_and_threshold():
    assert network().n_inputs == 12
    assert input_names(network().encoder)[:4] == ("x0_0", "x0_1", "x1_0", "x1_1")
    circuit = compiler.lower_logic(network())
    assert circuit.class_sums.labels == ("x", "y", "z")
    assert circuit.encoder is not None and circuit.meta["note"] == "toy"


@pytest.mark.parametrize("kind", ["table", "gates"])
def test_files_keep_every_array(tmp_path, kind):
    model = network(kind=kind, scope="image")
    compiler.save_model(model, tmp_path / "m.safetensors")
    back = compiler.load_model(tmp_path / "m.safetensors")
    assert isinstance(back, LogicNetwork)
    for one, other in zip(model.layers, back.layers, strict=True):
        for name in LogicLayer.__slots__:
            x, y = getattr(one, name), getattr(other, name)
            assert (x is None and y is None) or np.array_equal(x, y)
    assert back.encoder.scope == "image" and back.tau == 2.5 and back.labels == ("x", "y", "z")
    compiler.save_model(back, tmp_path / "again.safetensors")
    assert (tmp_path / "m.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()
    circuit = compiler.compile(tmp_path / "m.safetensors", optimise=0)
    assert circuit.n_gates == 35


def test_a_file_without_a_layer_is_refused(tmp_path):
    from safetensors.numpy import load_file, save_file

    from compiler.arrays import read_safetensors

    path = tmp_path / "m.safetensors"
    compiler.save_model(network(), path)
    metadata, arrays = read_safetensors(path)[0], load_file(path)
    del arrays["layers.1.wires_b"]
    save_file(arrays, path, metadata)
    with pytest.raises(FormatError, match=r"m.safetensors: the logic model lacks 'layers.1.wires_b'"):
        compiler.load_model(path)


def test_a_logic_network_becomes_a_circuit_which_has_no_target():
    assert isinstance(compiler.compile(network(), optimise=0), compiler.GateNetlist)
    with pytest.raises(TargetError, match="a circuit of gates has no use for target rc-array"):
        compiler.compile(network(), target=TARGETS.get("rc-array"))
    with pytest.raises(UnsupportedError, match="sweeps: a logic network is lowered as it is"):
        compiler.compile(network(), sweeps=5)


def broken(**changes):
    first = network().layers[0]
    return lambda: replace(first, **changes)


def net(**changes):
    return lambda: replace(network(), **changes)


F, I = np.float32, np.int32
CASES = {
    "either table or gates": broken(gates=np.zeros((20, 16), F)),
    r"table must be float32 of shape \(20, 4\), got float32 of shape": broken(table=np.zeros((20, 3), F)),
    "scores_a has a value that is not finite": broken(scores_a=np.full((20, 3), np.nan, F)),
    "wires_b must be int32 of shape": broken(wires_b=np.zeros((20, 3), np.int64)),
    r"wires_a must be \(gates, candidates\)": broken(wires_a=np.zeros((0, 3), I)),
    "there are no layers": net(layers=()),
    "the encoder makes no bits": net(encoder=Thermometer(2, np.zeros(0, I), np.zeros(0))),
    "layer 0, gate 0: wires_a must be nets of the layer below, 0 to 1": net(
        encoder=Thermometer(2, np.zeros(2, I), np.zeros(2))
    ),
    "15 gates of the last layer must be equal blocks for at least 2 classes, got 4": net(
        n_classes=4, labels=()
    ),
    "tau must be a number above 0, got 0": net(tau=0.0),
    "2 labels for 3 classes": net(labels=("x", "y")),
}


@pytest.mark.parametrize("message", CASES)
def test_broken_networks_are_refused(message):
    with pytest.raises(NetlistError, match=message):
        CASES[message]()
