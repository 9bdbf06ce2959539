"""ONNX graphs of images: the same network as its module, and what does not fit by name."""

import numpy as np
import pytest
from toys.images import sequential, torch_like

from compiler.errors import UnsupportedError
from compiler.formats.detect import read_model_or_netlist
from compiler.formats.networks.torch import from_module

onnx = pytest.importorskip("onnx", reason="onnx is not installed; it comes with thermoc[test]")


def graph_of(children, path, shape=(1, 2, 8, 8), **changed):
    """A file of what toys.images.torch_like lists; changed : attributes of the first convolution."""
    helper, nodes, constants, tensor = onnx.helper, [], [], "x"

    def constant(array):
        name = f"c{len(constants)}"
        constants.append(onnx.numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    for k, child in enumerate(children):
        name, out = type(child).__name__, f"t{k}"
        if name == "Conv2d":
            inputs = [constant(child.weight), constant(child.bias)]
            pad = child.padding if isinstance(child.padding, int) else child.padding[0]
            attributes = {"strides": [1, 1], "pads": [pad] * 4, "kernel_shape": [3, 3]} | (
                changed if k == 0 else {}
            )
            nodes.append(helper.make_node("Conv", [tensor, *inputs], [out], **attributes))
        elif name == "BatchNorm2d":
            four = (child.weight, child.bias, child.running_mean, child.running_var)
            nodes.append(
                helper.make_node(
                    "BatchNormalization", [tensor, *map(constant, four)], [out], epsilon=child.eps
                )
            )
        elif name in ("MaxPool2d", "AvgPool2d"):
            op = "MaxPool" if name == "MaxPool2d" else "AveragePool"
            nodes.append(helper.make_node(op, [tensor], [out], kernel_shape=[2, 2], strides=[2, 2]))
        elif name == "Linear":
            nodes.append(helper.make_node("Gemm", [tensor, constant(child.weight)], [out], transB=1))
        else:
            nodes.append(helper.make_node({"ReLU": "Relu"}.get(name, name), [tensor], [out]))
        tensor = out
    ends = [
        helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in (("x", shape), (tensor, None))
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    onnx.save(helper.make_model(graph), path)
    return path


def test_it_is_the_module(tmp_path):
    rng = np.random.default_rng(5)
    children = torch_like(rng)
    read = read_model_or_netlist(graph_of(children, tmp_path / "m.onnx"))
    module = from_module(sequential(*children), input_shape=(8, 8, 2))
    x = rng.uniform(size=(20, 128))
    # the file's numbers are of single precision
    np.testing.assert_allclose(read.answers(x), module.answers(x), atol=1e-5)
    assert repr(read) == repr(module)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda c: c, {"pads": [1, 1, 0, 0]}, "same stride and padding"),
        (lambda c: c, {"group": 2}, "group 1"),
        (lambda c: [*c[:1], c[2], c[1]], {}, "must stand right behind a layer with weights"),
        (lambda c: c[:-2] + c[-1:], {}, "put a Flatten between them"),
        (lambda c: c, {"shape": (1, 128)}, "give input_shape"),
    ],
)
def test_what_does_not_fit_is_named(change, options, message, tmp_path):
    children = torch_like(np.random.default_rng(5))
    with pytest.raises(UnsupportedError, match=message):
        read_model_or_netlist(graph_of(change(children), tmp_path / "m.onnx", **options))
