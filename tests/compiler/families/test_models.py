import json
from contextlib import suppress
from dataclasses import fields, replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from toys.compiler import machine, mlp, toy

from compiler.arrays import read_safetensors
from compiler.errors import FormatError, NetlistError
from compiler.families.activations import PHIS
from compiler.families.mlp import ACTIVATIONS, MLP
from compiler.families.store import KEY, VERSION, digests, load_model, save_model
from compiler.files import OutputError


def same(a, b):
    assert type(a) is type(b)
    for f in fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if f.name in ("weights", "biases"):
            assert len(x) == len(y)
            for v, w in zip(x, y, strict=True):
                np.testing.assert_array_equal(v, w)
                assert v.dtype == w.dtype
        elif isinstance(x, np.ndarray):
            np.testing.assert_array_equal(x, y)
            assert x.dtype == y.dtype
        else:
            assert x == y if f.name != "meta" else dict(x) == dict(y)


MODELS = {
    "machine": machine(t_f=0.3, head="regression", meta={"accuracy": 0.97}),
    "no hidden": machine(n_hidden=0),
    "mlp": mlp(labels=("a", "b"), meta={"seed": 1}),
    "one output": mlp(
        "relu",
        (3, 4, 1),
        output="sigmoid",
        output_scale=np.array([[-1.0], [1.0]]),
        output_offset=np.array([0.5, -0.5]),
        labels=("no", "yes"),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_round_trip(tmp_path, name):
    model = MODELS[name]
    save_model(model, tmp_path / "a.safetensors")
    again = load_model(tmp_path / "a.safetensors")
    same(again, model)
    save_model(again, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_answers_are_the_formula():
    model = mlp("tanh", (2, 3, 2), input_shift=np.array([0.5]), input_scale=np.array([2.0, 3.0]))
    model = replace(model, output_scale=np.array([[1.0, -1.0]]), output_offset=np.array([0.25]), labels=())
    data = np.array([[0.1, 0.9], [0.4, -0.3]])
    u = (data - 0.5) * np.array([2.0, 3.0])
    hidden = np.tanh(u @ model.weights[0].T + model.biases[0])
    y = hidden @ model.weights[1].T + model.biases[1]
    np.testing.assert_allclose(model.answers(data), y[:, :1] - y[:, 1:] + 0.25, rtol=1e-14)
    assert model.sizes == (2, 3, 2)


def test_activations():
    x = np.array([-800.0, -0.5, 0.25, 2.0, 800.0])
    assert ACTIVATIONS == ("identity", "clip", "sigmoid", "tanh", "relu")
    np.testing.assert_array_equal(PHIS["identity"].value(x), x)
    np.testing.assert_array_equal(PHIS["clip"].value(x), [0, 0, 0.25, 1, 1])
    np.testing.assert_allclose(PHIS["sigmoid"].value(x), [0, 0.377540669, 0.562176501, 0.880797078, 1])
    np.testing.assert_array_equal(PHIS["tanh"].value(x), np.tanh(x))
    np.testing.assert_array_equal(PHIS["relu"].value(x), [0, 0, 0.25, 2, 800])


W, B = np.ones((2, 3)), np.zeros(2)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (((), (), ()), "there are no layers"),
        (((W,), (B,), ()), "1 weight matrices, 1 biases and 0 activations"),
        (((np.ones(3),), (B,), ("tanh",)), r"weights of layer 0 must be \(n_out, n_in\)"),
        (((W,), (np.zeros(3),), ("tanh",)), r"bias of layer 0 must have shape \(2,\)"),
        (((W, W), (B, B), ("tanh",) * 2), "layer 1 takes 3 values but layer 0 makes 2"),
        (((W,), (B,), ("gelu",)), "activation 'gelu' of layer 0 is unknown"),
        (((W * np.nan,), (B,), ("tanh",)), "layer 0 has a weight or bias that is not finite"),
    ],
)
def test_mlp_checks_its_layers(parts, message):
    with pytest.raises(NetlistError, match=message):
        MLP(*parts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_shift": np.zeros(2)}, "input_shift must be 1 or 3 finite values"),
        ({"input_scale": np.array([np.nan])}, "input_scale must be 1 or 3 finite values"),
        ({"head": "ranking"}, "head must be classification or regression, got 'ranking'"),
        ({"output_scale": np.ones((2, 3))}, r"output_scale must be \(n_answers, 2\)"),
        ({"output_offset": np.ones(3)}, r"output_offset must have shape \(2,\)"),
        ({"labels": ("a",)}, "1 labels for 2 answers"),
    ],
)
def test_mlp_checks_the_rest(changes, message):
    with pytest.raises(NetlistError, match=message):
        mlp(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bias": np.zeros(3)}, r"bias must have shape \(6,\)"),
        ({"input_shift": np.zeros(2)}, "input_shift must have 1 or 3 values"),
        ({"coupling": np.eye(6)}, "cell 0 couples to itself"),
        ({"head": "vote"}, "head must be classification or regression"),
    ],
)
def test_machine_checks_itself(changes, message):
    with pytest.raises(NetlistError, match=message):
        machine(**changes)


def test_save_refuses(tmp_path):
    with pytest.raises(NetlistError, match="a LangevinNetlist is no model"):
        save_model(toy(), tmp_path / "m.safetensors")
    with pytest.raises(NetlistError, match="must be JSON-able"):
        save_model(mlp(meta={"x": object()}), tmp_path / "m.safetensors")
    with pytest.raises(NetlistError, match="must be JSON-able"):
        save_model(machine(kT=float("nan")), tmp_path / "m.safetensors")
    with pytest.raises(OutputError, match="cannot be written"):
        save_model(mlp(), tmp_path / "no" / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(machine(), path)
    return path


def refused(path, match):
    with pytest.raises(FormatError, match=match) as caught:
        load_model(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_no_models(file, tmp_path):
    whole = file.read_bytes()
    for content in (b"", whole[:5], whole[:-1], b"PK\x03\x04" + whole):
        file.write_bytes(content)
        refused(file, "is no whole safetensors file")
    refused(tmp_path / "no.safetensors", "does not exist")
    refused(tmp_path, "is no whole safetensors file")
    save_file({"0.weight": np.ones((2, 2))}, file)
    refused(file, "has no 'thermoc_model' in its metadata")
    assert read_safetensors(file)[0] == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: "no json", "is no JSON object with family and version"),
        (lambda d: json.dumps([1]), "is no JSON object with family and version"),
        (lambda d: json.dumps({**d, "version": VERSION + 1}), f"has model version {VERSION + 1}"),
        (lambda d: json.dumps({**d, "family": "quantum"}), "family 'quantum'; known are conv-hopfield"),
        (lambda d: json.dumps({k: v for k, v in d.items() if k != "kT"}), "lacks 'kT'"),
        (lambda d: json.dumps({**d, "labels": 3}), "the langevin model is malformed"),
        (lambda d: json.dumps({**d, "head": "vote"}), "head must be classification"),
        (lambda d: json.dumps({**d, "n_out": 3}), "must have shape"),
    ],
)
def test_metadata_that_lies(file, change, message):
    document = json.loads(read_safetensors(file)[0][KEY])
    _write(file, load_file(file), change(document))
    refused(file, message)


def test_arrays_that_lie(file):
    metadata, arrays = read_safetensors(file)
    _write(file, {**arrays, "bias": arrays["bias"] * np.nan}, metadata[KEY])
    refused(file, "array 'bias' has a value that is not finite")
    del arrays["j2"]
    _write(file, arrays, metadata[KEY])
    refused(file, "lacks 'j2'")


def _write(file, arrays, text):
    """The file with digests of what it holds, as one who means to lie would write it."""
    with suppress(ValueError, TypeError):  # no document to sign
        document = json.loads(text)
        text = json.dumps({**document, "sha256": digests(document, arrays)})
    save_file(arrays, file, metadata={KEY: text})
