"""ONNX graphs beside onnx's own reference, and what does not fit by name."""

import numpy as np
import pytest

import compiler
from compiler.errors import UnsupportedError
from compiler.families.mlp import MLP
from compiler.families.tiled import on_tiles
from compiler.formats.detect import Options, read_model_or_netlist
from compiler.ir.tiles import Layout
from thermo import simulate

onnx = pytest.importorskip("onnx", reason="onnx is not installed; it comes with thermoc[test]")
reference = pytest.importorskip("onnx.reference")
RNG = np.random.default_rng(3)


def array(*shape):
    return RNG.normal(0, 0.5, shape).astype(np.float32)


CONSTANTS = {
    "k": array(6, 2, 3, 3),
    "kb": array(6),
    "depth": array(6, 1, 3, 3),
    "up": array(6, 4, 3, 3),
    "four": np.abs(array(6)) + 0.5,
    "one": array(1, 2, 1, 1),
    "low": np.float32(-0.3),
    "high": np.float32(0.4),
    "flat": np.array([0, -1]),
    "w": array(24, 5),
    "wb": array(5),
    "pads": np.array([0, 0, 1, 0, 0, 0, 0, 1]),
    "zero": np.float32(0),
    "first": np.array(0),
    "rest": np.array([-1]),
    "axis": np.array([0]),
    "slope": np.abs(array(6, 1, 1)),
    "mean": np.array([2, 3]),
}
CONSTANTS["double"] = np.float32(2)
CONV = ("Conv", "x k kb", "c", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]})
GRAPHS = {
    "pools": [
        ("Sub", "x one", "s", {}),
        ("Conv", "s k kb", "c", {"pads": [1, 1, 0, 0], "strides": [2, 1]}),
        ("BatchNormalization", "c four kb kb four", "b", {"epsilon": 1e-3}),
        ("Clip", "b low high", "h", {}),
        ("MaxPool", "h", "m", {"kernel_shape": [2, 2], "strides": [1, 1], "auto_pad": "SAME_LOWER"}),
        ("AveragePool", "m", "y", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    ],
    "groups": [
        CONV,
        ("Conv", "c depth", "d", {"group": 6, "dilations": [2, 2], "pads": [2, 2, 2, 2]}),
        ("PRelu", "d slope", "p", {}),
        ("ConvTranspose", "p up", "u", {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
        ("LeakyRelu", "u", "y", {"alpha": 0.2}),
    ],
    "residual": [
        CONV,
        ("Relu", "c", "r", {}),
        ("Add", "r c", "a", {}),
        ("Concat", "a r", "j", {"axis": 1}),
        ("ReduceMean", "j mean", "g", {"keepdims": 0}),
        ("Neg", "g", "y", {}),
    ],
    "shapes": [
        CONV,
        ("Pad", "c pads zero", "q", {}),
        ("MaxPool", "q", "m", {"kernel_shape": [3, 3], "strides": [3, 3]}),
        ("Shape", "m", "shape", {}),
        ("Gather", "shape first", "n", {}),
        ("Unsqueeze", "n axis", "n1", {}),
        ("Concat", "n1 rest", "target", {"axis": 0}),
        ("Reshape", "m target", "f", {}),
        ("MatMul", "f w", "t", {}),
        ("Add", "wb t", "z", {}),
        ("Max", "z low", "y", {}),
    ],
}


def graph_of(path, nodes, shape=("n", 2, 6, 6), constants=CONSTANTS):
    helper, kinds = onnx.helper, onnx.TensorProto
    made = [helper.make_node(op, reads.split(), [out], **how) for op, reads, out, how in nodes]
    read = {name for _, reads, _, _ in nodes for name in reads.split()}
    held = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items() if k in read]
    ends = [
        helper.make_tensor_value_info(name, kinds.FLOAT, s)
        for name, s in (("x", shape), (nodes[-1][2], None))
    ]
    graph = helper.make_graph(made, "g", ends[:1], ends[1:], held)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_are_those_of_the_reference(name, tmp_path):
    path = graph_of(tmp_path / "m.onnx", GRAPHS[name])
    x = RNG.normal(size=(8, 2, 6, 6)).astype(np.float32)
    (theirs,) = reference.ReferenceEvaluator(str(path)).run(None, {"x": x})
    model = read_model_or_netlist(path, Options(head="regression"))
    ours = model.answers(x.transpose(0, 2, 3, 1).reshape(8, -1))
    np.testing.assert_allclose(ours, theirs.reshape(8, -1), atol=2e-5)
    assert np.ptp(theirs, axis=0).max() > 0.02
    run = simulate(compiler.compile(model), x.transpose(0, 2, 3, 1).reshape(8, -1), method="rest")
    np.testing.assert_allclose(run.answers(), ours, rtol=1e-5, atol=1e-5)


def test_channels_are_innermost_either_way(tmp_path):
    """A file of Keras transposes what it is given; another one has the channels first."""
    nodes = [CONV, ("ReduceMean", "c mean", "y", {"keepdims": 0})]
    last = [
        ("Mul", "x double", "d", {}),
        ("Transpose", "d", "t", {"perm": [0, 3, 1, 2]}),
        ("Conv", "t k kb", "c", CONV[3]),
        nodes[1],
    ]
    nodes = [("Mul", "x double", "d", {}), ("Conv", "d k kb", "c", CONV[3]), nodes[1]]
    first = read_model_or_netlist(graph_of(tmp_path / "a.onnx", nodes))
    second = read_model_or_netlist(graph_of(tmp_path / "b.onnx", last, ("n", 6, 6, 2)))
    x = RNG.normal(size=(5, 72))
    np.testing.assert_array_equal(first.answers(x), second.answers(x))


def test_dense_graphs_with_scaled_data_are_mlps(tmp_path):
    held = {"mean": array(4), "scale": np.abs(array(4)) + 0.5, "v": array(4, 3), "b": array(3)}
    nodes = [
        ("Sub", "x mean", "s", {}),
        ("Div", "s scale", "d", {}),
        ("MatMul", "d v", "m", {}),
        ("Add", "m b", "a", {}),
        ("Sigmoid", "a", "y", {}),
    ]
    path = graph_of(tmp_path / "m.onnx", nodes, ("n", 4), held)
    model = read_model_or_netlist(path)
    assert isinstance(model, MLP)
    np.testing.assert_allclose(model.input_shift, held["mean"], rtol=1e-6)
    np.testing.assert_allclose(model.input_scale, 1 / held["scale"], rtol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "shape", "message"),
    [
        (
            [CONV, ("LayerNormalization", "c kb", "y", {})],
            ("n", 2, 6, 6),
            "divides by its own inputs' spread",
        ),
        ([CONV, ("Gelu", "c", "y", {})], ("n", 2, 6, 6), "operator Gelu has a curve that no cell shows"),
        ([("Conv", "x depth", "y", {})], ("n", 2, 6, 6), "has a kernel for 1 channels where 2 come"),
        ([CONV], ("n", 2, 6, "w"), "has no fixed size"),
        ([("MaxPool", "x", "y", {"kernel_shape": [9, 9]})], ("n", 2, 6, 6), "window larger than the image"),
        ([CONV, ("ReduceMean", "c axis", "y", {})], ("n", 2, 6, 6), "mixes the samples of a batch"),
    ],
)
def test_what_does_not_fit_is_named(nodes, shape, message, tmp_path):
    with pytest.raises(UnsupportedError, match=message) as caught:
        read_model_or_netlist(graph_of(tmp_path / "m.onnx", nodes, shape))
    assert "m.onnx" in str(caught.value)


def test_a_chain_goes_on_tiles(tmp_path):
    nodes = [
        CONV,
        ("Relu", "c", "r", {}),
        ("AveragePool", "r", "y", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ]
    model = read_model_or_netlist(graph_of(tmp_path / "m.onnx", nodes), Options(head="regression"))
    x = RNG.normal(size=(5, 72))
    # answers have the channels first, as the graph has them, whereas a tile's image has them innermost
    np.testing.assert_allclose(on_tiles(model, Layout()).network.answers(x), model.answers(x), atol=1e-12)
