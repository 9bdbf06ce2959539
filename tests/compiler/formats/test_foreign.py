"""Foreign models: scikit-learn, torch, ONNX, and telling files apart."""

import io
import pickle
import sys
import warnings
from collections import OrderedDict

import numpy as np
import pytest
from safetensors.numpy import save_file
from toys.compiler import machine, mlp, toy

from compiler import compile, equal
from compiler.errors import FormatError, UnsupportedError
from compiler.families.langevin import LangevinMachine
from compiler.families.store import save_model
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.formats.networks.sklearn import from_sklearn
from compiler.formats.networks.torch import chain_to_mlp, from_module, from_state_dict, read_torch
from compiler.ir.container import save
from compiler.ir.kinds import dump
from compiler.reference import read, relax

RNG = np.random.default_rng(4)
X = RNG.uniform(size=(60, 3))


def relaxed(netlist, data):
    return np.array([read(netlist, relax(netlist, row)) for row in data])


# --- scikit-learn --------------------------------------------------------------------------------


def fitted(kind, y, **options):
    network = pytest.importorskip("sklearn.neural_network")
    options = {"hidden_layer_sizes": (5, 4), "max_iter": 60, "random_state": 0, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few rounds need not converge
        return getattr(network, kind)(**options).fit(X, y)


THREE = np.array(["low", "mid", "top"])[np.digitize(X @ [1.0, -2.0, 0.5], [-0.5, 0.1])]


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
def test_sklearn_classifier(activation):
    estimator = fitted("MLPClassifier", THREE, activation=activation)
    model = from_sklearn(estimator)
    assert model.labels == ("low", "mid", "top")
    predicted = np.array(model.labels)[model.predictions(X)]
    assert (predicted == estimator.predict(X)).all()
    netlist = compile(estimator)
    np.testing.assert_allclose(relaxed(netlist, X[:2]), model.answers(X[:2]), atol=1e-6)


@pytest.mark.parametrize("labels", [[False, True], ["yes", "no"], [7, 3]])
def test_sklearn_binary_classifier(labels):
    y = np.array(labels)[(X[:, 0] > X[:, 1]).astype(int)]
    estimator = fitted("MLPClassifier", y, learning_rate_init=0.05)
    model = from_sklearn(estimator)
    predicted = np.array(model.labels)[model.predictions(X)]
    expected = estimator.predict(X).astype(str)
    assert len(set(expected)) == 2
    assert (predicted == expected).all()
    p = estimator.predict_proba(X)[:, 1]
    np.testing.assert_allclose(model.answers(X)[:, 1], np.log(p / (1 - p)), atol=1e-6)


def test_sklearn_regressor_with_scalers():
    pipeline = pytest.importorskip("sklearn.pipeline")
    pre = pytest.importorskip("sklearn.preprocessing")
    network = pytest.importorskip("sklearn.neural_network")
    data = X * [1.0, 50.0, 0.1] + 7
    y = np.stack([X[:, 0] - X[:, 1], X[:, 2]], axis=1)
    for scalers in (
        [pre.StandardScaler()],
        [pre.MinMaxScaler((-1, 2))],
        [pre.StandardScaler(with_mean=False), pre.MinMaxScaler()],
        [pre.StandardScaler(with_std=False), "passthrough"],
    ):
        estimator = pipeline.make_pipeline(
            *scalers, network.MLPRegressor(hidden_layer_sizes=(4,), max_iter=30, random_state=1)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(data, y)
        model = from_sklearn(estimator)
        np.testing.assert_allclose(model.answers(data), estimator.predict(data), rtol=1e-9)
        assert model.head == "regression" and model.labels == ()


@pytest.mark.parametrize("name", ["pca", "clipped", "selected", "ridge", "binary", "search"])
def test_sklearn_pipelines(name):
    pipeline = pytest.importorskip("sklearn.pipeline")
    pre = pytest.importorskip("sklearn.preprocessing")
    linear = pytest.importorskip("sklearn.linear_model")
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import SelectKBest
    from sklearn.model_selection import GridSearchCV

    data, y = X * [1.0, 50.0, 0.1] + 7, THREE
    made = {
        "pca": ([pre.RobustScaler(), PCA(2, whiten=True)], linear.LogisticRegression()),
        "clipped": ([pre.MinMaxScaler((-1, 2), clip=True)], linear.LogisticRegression()),
        "selected": ([SelectKBest(k=2), pre.MaxAbsScaler()], linear.RidgeClassifier()),
        "ridge": ([pre.StandardScaler()], linear.Ridge()),
        "binary": ([pre.StandardScaler()], linear.LogisticRegression()),
        "search": ([pre.StandardScaler()], linear.LogisticRegression()),
    }
    steps, last = made[name]
    y = X @ [1.0, 2.0, -1.0] if name == "ridge" else (y == "low") if name == "binary" else y
    estimator = pipeline.make_pipeline(*steps, last)
    if name == "search":
        estimator = GridSearchCV(estimator, {"logisticregression__C": [0.1, 10.0]}, cv=2)
    estimator.fit(data, y)
    model = from_sklearn(estimator)
    # half of them beyond what the scalers have seen
    seen = np.concatenate([data, data + np.array([2.0, -80.0, 0.2])])
    if name == "ridge":
        np.testing.assert_allclose(model.answers(seen)[:, 0], estimator.predict(seen), rtol=1e-9)
        return
    predicted = np.array(model.labels)[model.predictions(seen)]
    assert (predicted == estimator.predict(seen).astype(str)).all()
    assert len(set(predicted)) > 1


def test_sklearn_refusals():
    network = pytest.importorskip("sklearn.neural_network")
    pipeline = pytest.importorskip("sklearn.pipeline")
    pre = pytest.importorskip("sklearn.preprocessing")
    linear = pytest.importorskip("sklearn.linear_model")
    svm = pytest.importorskip("sklearn.svm")
    search = pytest.importorskip("sklearn.model_selection")
    with pytest.raises(UnsupportedError, match="SVC is not supported; give an MLPClassifier"):
        from_sklearn(svm.SVC())
    with pytest.raises(UnsupportedError, match="this LogisticRegression is not fitted"):
        from_sklearn(linear.LogisticRegression())
    with pytest.raises(UnsupportedError, match="this GridSearchCV is not fitted with refit=True"):
        from_sklearn(search.GridSearchCV(linear.LogisticRegression(), {}))
    with pytest.raises(UnsupportedError, match="this MLPClassifier is not fitted"):
        from_sklearn(network.MLPClassifier())
    many = fitted("MLPClassifier", (X > 0.5).astype(int))
    with pytest.raises(UnsupportedError, match="multi-label MLPClassifier has no single answer"):
        from_sklearn(many)
    good = fitted("MLPClassifier", THREE)
    for step, rule in (
        (pre.PolynomialFeatures(), "PolynomialFeatures of the Pipeline is not supported; fitted Standard"),
        (pre.StandardScaler(), "StandardScaler of the Pipeline is not fitted"),
    ):
        with pytest.raises(UnsupportedError, match=f"step {rule}"):
            from_sklearn(pipeline.Pipeline([("a", step), ("b", good)]))
    regressor = fitted("MLPRegressor", X[:, 0])
    regressor.out_activation_ = "exp"
    with pytest.raises(UnsupportedError, match="MLPRegressor with output 'exp' is"):
        from_sklearn(regressor)
    good.activation = "swish"
    with pytest.raises(UnsupportedError, match="activation 'swish' is not supported"):
        from_sklearn(good)


# --- torch ---------------------------------------------------------------------------------------


def state_of(model, prefix="", gap=2):
    layers = zip(model.weights, model.biases, strict=True)
    return OrderedDict(
        item
        for k, (w, b) in enumerate(layers)
        for item in ((f"{prefix}{gap * k}.weight", w), (f"{prefix}{gap * k}.bias", b))
    )


@pytest.mark.parametrize("prefix", ["", "net.", "a.b."])
def test_state_dict_of_arrays(prefix):
    model = mlp("relu", (3, 5, 4, 2))
    again = from_state_dict(state_of(model, prefix), "relu", labels=("a", "b"))
    np.testing.assert_array_equal(again.answers(X), model.answers(X))
    assert again.labels == ("a", "b")


def test_layers_sort_by_number_and_biases_may_lack():
    model = mlp("tanh", (3,) + (4,) * 6 + (2,))
    state = state_of(model, gap=2)
    shuffled = OrderedDict(sorted(state.items()))  # "10.weight" before "2.weight"
    np.testing.assert_array_equal(from_state_dict(shuffled, "tanh").answers(X), model.answers(X))
    del state["0.bias"]
    assert (from_state_dict(state, "tanh").biases[0] == 0).all()


def test_one_output_decides_by_its_threshold():
    model = mlp("relu", (3, 4, 1))
    for output, threshold in (("identity", 0.0), ("sigmoid", 0.5)):
        m = from_state_dict(state_of(model), "relu", output_activation=output)
        y = model.answers(X)[:, 0] if output == "identity" else 1 / (1 + np.exp(-model.answers(X)[:, 0]))
        assert (m.predictions(X) == (y > threshold)).all()
        assert m.labels == ("0", "1")
    m = from_state_dict(state_of(model), "relu", head="regression")
    np.testing.assert_array_equal(m.answers(X), model.answers(X))


def test_state_dict_refusals():
    state = state_of(mlp())
    for bad, activation, message in (
        (state, None, "does not hold the activation; name it: identity, clip, sigmoid"),
        ({**state, "1.running_mean": np.ones(5)}, "tanh", "entry '1.running_mean' with shape"),
        (
            dict(reversed({"a.weight": np.ones((2, 3)), "b.weight": np.ones((4, 2))}.items())),
            "tanh",
            "layer a takes 3 values but layer b before it makes 4",
        ),
        ({"0.weight": np.ones((2, 3, 3, 3))}, "tanh", r"entry '0.weight' with shape \(2, 3, 3, 3\)"),
        ({"0.bias": np.ones(2)}, "tanh", "layer 0 has a bias but no weight"),
        ({}, "tanh", "there is no layer"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            from_state_dict(bad, activation)
    with pytest.raises(UnsupportedError, match="head must be classification or regression"):
        chain_to_mlp([np.ones((1, 1))], [np.ones(1)], ["tanh"], head="x", labels=(), origin="")


def torch_model():
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    return torch, nn.Sequential(
        nn.Flatten(),
        nn.Linear(3, 5),
        nn.Tanh(),
        nn.Dropout(),
        nn.Linear(5, 4),
        nn.ReLU(),
        nn.Linear(4, 2, bias=False),
        nn.Softmax(1),
    ).eval()


def test_torch_module():
    torch, module = torch_model()
    model = from_module(module)
    assert model.activations == ("tanh", "relu", "identity")
    with torch.no_grad():
        expected = module[:-1](torch.tensor(X, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(model.answers(X), expected, atol=1e-6)
    netlist = compile(module)
    np.testing.assert_allclose(relaxed(netlist, X[:2]), model.answers(X[:2]), atol=1e-6)
    one = from_module(module[1])
    assert one.sizes == (3, 5)


def test_torch_module_refusals():
    torch, module = torch_model()
    nn = torch.nn
    for modules, message in (
        ((nn.Conv2d(1, 1, 1),), "begins with Conv2d: give example_inputs"),
        ((nn.Linear(2, 2), nn.GELU()), "torch: 1: GELU has a curve that no cell shows"),
        ((nn.Linear(2, 2), nn.Softmax(1), nn.Linear(2, 2)), "1: Softmax is supported only at the end"),
        ((nn.Linear(2, 2), nn.Softmax(1), nn.ReLU()), "1: Softmax is supported only at the end"),
        ((nn.Flatten(),), "begins with no layer with weights: give example_inputs"),
    ):
        with pytest.raises(UnsupportedError, match=message):
            from_module(nn.Sequential(*modules))
    with pytest.raises(UnsupportedError, match="the network has no layer with weights"):
        from_module(nn.Tanh(), example_inputs=torch.zeros(2, 3))
    with pytest.raises(UnsupportedError, match="Softmax is supported only at the end of a classifier"):
        from_module(module, head="regression")


def test_torch_files(tmp_path):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    module = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 2))
    path = tmp_path / "m.pt"
    torch.save(module.state_dict(), path)
    with torch.no_grad():
        expected = module(torch.tensor(X, dtype=torch.float32)).numpy()
    for model in (read_torch(path, "sigmoid"), read_model_or_netlist(path, Options(activation="sigmoid"))):
        np.testing.assert_allclose(model.answers(X), expected, atol=1e-6)
    assert read_torch(path, "sigmoid").meta["origin"] == "m.pt"
    with pytest.raises(UnsupportedError, match="does not hold the activation"):
        read_model_or_netlist(path)
    half = {k: v.to(torch.bfloat16) for k, v in module.state_dict().items()}
    torch.save(half, path)
    assert read_torch(path, "sigmoid").weights[0].dtype == np.float32
    torch.save(module, path)  # a pickled module could run any code
    with pytest.raises(FormatError, match=r"save module.state_dict\(\), not the module"):
        read_torch(path, "sigmoid")
    torch.save([1, 2], path)
    with pytest.raises(FormatError, match="holds a list, not a state dict"):
        read_torch(path, "sigmoid")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"m\.pt: torch cannot read it"):
        read_torch(path, "sigmoid")
    with pytest.raises(FormatError, match="cannot be read"):
        read_torch(tmp_path / "no.pt", "sigmoid")


def test_safetensors_state_dict_needs_no_torch(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    model = mlp("tanh")
    save_file(dict(state_of(model)), tmp_path / "m.safetensors")
    again = read_model_or_netlist(tmp_path / "m.safetensors", Options(activation="tanh"))
    np.testing.assert_array_equal(again.answers(X), model.answers(X))
    (tmp_path / "m.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(UnsupportedError, match=r"pip install 'thermoc\[interop\]'"):
        read_torch(tmp_path / "m.pt", "tanh")


# --- ONNX ----------------------------------------------------------------------------------------


def onnx_file(path, nodes, constants, output="y"):
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node(op, i.split(), [o], **options) for op, i, o, options in nodes],
        "g",
        [value("x", kinds.FLOAT, ["n", 3])],
        [value(output, kinds.FLOAT, ["n", None])],
        [onnx.numpy_helper.from_array(v, k) for k, v in constants.items()],
    )
    onnx.save(helper.make_model(graph), path)
    return path


W1, B1 = RNG.normal(size=(5, 3)).astype(np.float32), RNG.normal(size=5).astype(np.float32)
W2, B2 = RNG.normal(size=(5, 2)).astype(np.float32), RNG.normal(size=2).astype(np.float32)
CHAIN = [
    ("Flatten", "x", "f", {"axis": 1}),
    ("Gemm", "f w1 b1", "a", {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("Tanh", "a", "t", {}),
    ("Identity", "t", "i", {}),
    ("MatMul", "i w2", "m", {}),
    ("Add", "b2 m", "s", {}),
    ("Sigmoid", "s", "g", {}),
    ("Softmax", "g", "y", {}),
]
CONSTANTS = {"w1": W1, "b1": B1, "w2": W2, "b2": B2}


def test_onnx_chain(tmp_path):
    path = onnx_file(tmp_path / "m.onnx", CHAIN, CONSTANTS)
    model = read_model_or_netlist(path, Options(labels=("a", "b")))
    hidden = np.tanh(0.5 * X @ W1.T.astype(float) + 2 * B1)
    expected = 1 / (1 + np.exp(-(hidden @ W2 + B2)))
    np.testing.assert_allclose(model.answers(X), expected, atol=1e-6)
    assert model.activations == ("tanh", "sigmoid")
    netlist = compile(path)
    np.testing.assert_allclose(relaxed(netlist, X[:2]), model.answers(X[:2]), atol=1e-6)


def test_onnx_agrees_with_its_reference_evaluator(tmp_path):
    reference = pytest.importorskip("onnx.reference")
    path = onnx_file(tmp_path / "m.onnx", CHAIN[:-1], CONSTANTS, output="g")
    (expected,) = reference.ReferenceEvaluator(str(path)).run(None, {"x": X.astype(np.float32)})
    model = read_model_or_netlist(path, Options(head="regression"))
    np.testing.assert_allclose(model.answers(X), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("LSTM", "x w1", "y", {})], "operator LSTM has a state from step to step"),
        ([("Det", "x", "y", {})], "operator Det has no counterpart among cells; what has: linear"),
        ([("Tanh", "x", "y", {})], "the network has no layer with weights"),
        ([("Mul", "x x", "y", {})], "operator Mul multiplies two values that both depend on the data"),
        ([("MatMul", "w1 x", "y", {})], "operator MatMul must be data times a constant"),
        ([("Gemm", "x w1 b2", "y", {"transB": 1})], r"Gemm has a bias of shape \(2,\) for 5"),
        ([("Gemm", "x w1", "y", {"transA": 1, "transB": 1})], "without transA"),
        ([("Flatten", "x", "y", {"axis": 0})], "operator Flatten mixes the samples of a batch"),
        ([("Flatten", "x", "y", {})], "the network has no layer with weights"),
        (
            [("Gemm", "x w1", "a", {"transB": 1}), ("Softmax", "a", "b", {}), ("Relu", "b", "y", {})],
            "operator Softmax is supported only at the end",
        ),
        ([("Gemm", "z w1", "y", {"transB": 1})], "operator Gemm takes 'z', which nothing before it makes"),
        ([("Relu", "w1", "y", {})], "output 'y' does not depend on the data"),
    ],
)
def test_onnx_refusals(tmp_path, nodes, message):
    path = onnx_file(tmp_path / "m.onnx", nodes, CONSTANTS)
    with pytest.raises(UnsupportedError, match=message) as caught:
        read_model_or_netlist(path)
    assert "m.onnx" in str(caught.value)


def test_onnx_constant_nodes_and_two_outputs(tmp_path):
    onnx = pytest.importorskip("onnx")
    w = onnx.numpy_helper.from_array(W1)
    path = tmp_path / "m.onnx"
    onnx_file(path, [("Constant", "", "w", {"value": w}), ("Gemm", "x w", "y", {"transB": 1})], {})
    model = read_model_or_netlist(path)
    np.testing.assert_allclose(model.answers(X), X @ W1.T, atol=1e-6)
    proto = onnx.load(path)
    proto.graph.output.append(proto.graph.output[0])
    onnx.save(proto, path)
    with pytest.raises(UnsupportedError, match="the graph has 1 inputs and 2 outputs"):
        read_model_or_netlist(path)


def test_onnx_damage_and_absence(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    path = tmp_path / "m.onnx"
    for content in (b"", b"\xff\xff\xff not onnx"):
        path.write_bytes(content)
        with pytest.raises(FormatError, match="is no"):
            read_model_or_netlist(path)
    from compiler.formats.networks.onnx import read_onnx

    with pytest.raises(FormatError, match="cannot be read"):
        read_onnx(tmp_path / "no.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'thermoc\[interop\]'"):
        read_onnx(path)


# --- telling files apart -------------------------------------------------------------------------


def test_files_are_told_by_content_whatever_their_ending(tmp_path):
    path = tmp_path / "thing.bin"
    save(toy(), path)
    assert equal(read_model_or_netlist(path), toy())
    path.write_text(dump(toy()))
    assert equal(read_model_or_netlist(path), toy())
    save_model(machine(), path)
    assert isinstance(read_model_or_netlist(path), LangevinMachine)
    save_model(mlp(), path)
    assert read_model_or_netlist(path).sizes == mlp().sizes


def test_files_of_no_known_format(tmp_path):
    path = tmp_path / "thing.bin"
    buffer = io.BytesIO()
    pickle.dump({"a": 1}, buffer)
    for content, message in (
        (b"", "is empty"),
        (b"GIF89a....", "is of no known format"),
        (buffer.getvalue(), "is a pickle, which could run any code"),
        (b"langevin 1\n\xff\xfe", "is no UTF-8 text"),
        (b"langevin 1\nkT x", "line 2"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=message) as caught:
            read_model_or_netlist(path)
        assert str(path) in str(caught.value)
    with pytest.raises(FormatError, match="cannot be read"):
        read_model_or_netlist(tmp_path / "no")
    with pytest.raises(FormatError, match="cannot be read"):
        read_model_or_netlist(tmp_path)


def test_a_damaged_file_is_named_by_its_ending(tmp_path):
    (tmp_path / "a.tnl").write_bytes(b"nonsense")
    with pytest.raises(FormatError, match=r"is no \.tnl file"):
        read_model_or_netlist(tmp_path / "a.tnl")
    (tmp_path / "a.tnl").write_bytes(b"")
    with pytest.raises(FormatError, match=r"is empty; a \.tnl file"):
        read_model_or_netlist(tmp_path / "a.tnl")
    (tmp_path / "a.safetensors").write_bytes(b"nonsense")
    with pytest.raises(FormatError, match="is no whole safetensors file"):
        read_model_or_netlist(tmp_path / "a.safetensors")
