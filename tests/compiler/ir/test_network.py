"""Networks of images against JAX's convolutions, and their layout on tiles."""

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from toys.images import image_network

import compiler
from compiler.errors import FormatError, NetlistError
from compiler.families.tiled import graph_of_network, on_tiles
from compiler.ir.network import Network, Pooling, Weighted, Window, check_network
from compiler.ir.tiles import Layout, TileNetlist, usage


def jax_forward(network: Network, data: np.ndarray) -> np.ndarray:
    """The first four layers of toys.images by XLA, the fifth by a product."""
    x = jnp.asarray(data.reshape(-1, 8, 8, 1), jnp.float32)
    for layer in network.layers[:-1]:
        w = layer.window
        if isinstance(layer, Pooling):
            size, strides = (1, w.height, w.width, 1), (1, w.stride, w.stride, 1)
            start, how = (-jnp.inf, lax.max) if layer.kind == "max" else (0.0, lax.add)
            x = lax.reduce_window(x, start, how, size, strides, "VALID")
            x = x if layer.kind == "max" else x / (w.height * w.width)
        else:
            kernel = jnp.asarray(layer.weight.T.reshape(w.height, w.width, -1, layer.n_out), jnp.float32)
            pad = [(w.padding, w.padding)] * 2
            numbers = ("NHWC", "HWIO", "NHWC")
            x = lax.conv_general_dilated(x, kernel, (w.stride,) * 2, pad, dimension_numbers=numbers)
            x = x + layer.bias
        x = {"relu": lambda v: jnp.maximum(v, 0), "tanh": jnp.tanh, "identity": lambda v: v}[
            layer.activation
        ](x)
    last = network.layers[-1]
    return np.asarray(x.reshape(x.shape[0], -1) @ last.weight.T + last.bias)


def test_forward_is_that_of_xla():
    rng = np.random.default_rng(0)
    network, data = image_network(rng), rng.uniform(size=(40, 64))
    assert network.shapes == ((8, 8, 1), (8, 8, 6), (4, 4, 6), (2, 2, 8), (1, 1, 8), (1, 1, 10))
    # single precision there
    np.testing.assert_allclose(network.answers(data), jax_forward(network, data), atol=2e-5)
    turned = replace(
        network, layers=(*network.layers[:1], Pooling("average", Window(2, 2, 2)), *network.layers[2:])
    )
    assert np.abs(turned.answers(data) - network.answers(data)).max() > 1e-2


@pytest.mark.parametrize(("slices", "bits"), [(1, 1), (1, 8), (2, 4), (3, 2), (4, 3)])
def test_slices_add_up_to_the_rounded_weight(slices, bits):
    layout = Layout(slices=slices, slice_bits=bits)
    w = np.random.default_rng(1).uniform(-1, 1, (5, 7))
    digits = layout.sliced(w)
    assert digits.shape == (slices, 5, 7) and np.abs(digits).max() <= 1
    whole = np.tensordot(layout.shares, digits, axes=1)
    levels = 2 ** (slices * bits) - 1
    np.testing.assert_allclose(whole, np.rint(w * levels) / levels, atol=1e-12)
    each = np.abs(digits) * (2**bits - 1)
    np.testing.assert_allclose(each, np.rint(each), atol=1e-9)


def test_usage_counts_what_a_layout_takes():
    network = image_network(np.random.default_rng(0))
    one = compiler.TileNetlist(network)
    first, second, last = usage(one)
    assert (first.tiles, first.devices, first.reads, first.output_conversions) == (1, 2 * 54, 64, 64 * 6)
    assert (second.input_conversions, second.lines, last.crossed) == (4 * 54, 54, 20)
    cut = usage(replace(one, layout=Layout(16, 8, 2, 4)))
    # 54 rows on 4 tiles down, 8 outputs on two tiles across, two slices
    assert cut[1].tiles == 4 * 2 * 2 and cut[1].devices == 2 * second.devices
    assert cut[1].output_conversions == 4 * 2 * second.output_conversions
    unrolled = usage(on_tiles(network, Layout(), unrolled=True))
    assert (unrolled[0].reads, unrolled[0].devices) == (1, 64 * first.devices)
    assert unrolled[0].input_conversions == first.input_conversions and unrolled[2] == last


def test_files_keep_them(tmp_path):
    network = image_network(np.random.default_rng(3), labels=tuple("abcdefghij"))
    model = graph_of_network(network, {"source": "toy"})
    compiler.save_model(model, tmp_path / "m.safetensors")
    netlist = on_tiles(compiler.load_model(tmp_path / "m.safetensors"), Layout())
    assert compiler.equal(replace(netlist, meta={}), replace(on_tiles(network, Layout()), meta={}))
    compiler.save(netlist, tmp_path / "n.tnl")
    again = compiler.load(tmp_path / "n.tnl")
    assert compiler.equal(again, netlist) and again.labels == tuple("abcdefghij")
    other = replace(network.layers[2], bias=network.layers[2].bias + 1e-12)
    changed = replace(
        netlist, network=replace(network, layers=(*network.layers[:2], other, *network.layers[3:]))
    )
    assert compiler.difference(netlist, changed) == "network.layers[2].bias"


def test_a_golden_file_stays_readable():
    """Of kind version 1: a kernel on tiles of 2 x 4 with two slices, pooling, a dense layer."""
    netlist = compiler.load(Path(__file__).parent / "golden" / "tiles_v1.tnl")
    assert netlist.layout == Layout(2, 4, 2, 3) and netlist.labels == ("no", "yes")
    np.testing.assert_allclose(
        netlist.network.answers([[0.25, 0.5, 1.0, 0.0]]), [[-7 / 24, 55 / 96]], rtol=1e-12
    )


WEIGHTED = Weighted(np.ones((2, 4)), np.zeros(2))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Network((2, 2, 1), ()), "no layer with weights"),
        (Network((2, 2), (WEIGHTED,)), "input shape must be"),
        (Network((2, 3, 1), (WEIGHTED,)), r"weights of layer 0 must be \(n_out, 6\)"),
        (Network((2, 2, 1), (replace(WEIGHTED, bias=np.zeros(3)),)), "bias of layer 0"),
        (Network((2, 2, 1), (replace(WEIGHTED, activation="gelu"),)), "'gelu' of layer 0 is unknown"),
        (Network((2, 2, 1), (replace(WEIGHTED, window=Window(3, 3)),)), "does not fit an image of 2 x 2"),
        (Network((2, 2, 1), (replace(WEIGHTED, unrolled=True),)), "nothing to unroll"),
        (Network((2, 2, 1), (Pooling("median", Window(1, 1)), WEIGHTED)), "pooling 'median'"),
        (Network((2, 2, 1), (WEIGHTED,), labels=("a",)), "1 labels for 2 answers"),
        (Network((2, 2, 1), (replace(WEIGHTED, weight=np.full((2, 4), np.nan)),)), "not finite"),
    ],
)
def test_what_breaks_a_rule_is_named(network, message):
    with pytest.raises(NetlistError, match=message):
        check_network(network)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({"columns": 1}, "2 columns or more"),
        ({"slices": 2}, "needs the bits of each"),
        ({"slices": 5, "slice_bits": 5}, "25 bits of a weight; 1 to 24"),
    ],
)
def test_layouts_that_hold_no_weight(layout, message):
    with pytest.raises(NetlistError, match=message):
        Layout(**layout)


def told():
    """Everything that a text of a network on tiles can say."""
    network = image_network(np.random.default_rng(4))
    first = network.layers[0]
    layers = (replace(first, unrolled=True, bias=-0.0 * first.bias), *network.layers[1:])
    rng = np.random.default_rng(5)
    network = replace(
        network,
        layers=layers,
        shift=rng.normal(size=64).astype(np.float32),
        output_scale=rng.normal(size=(2, 10)),
        output_offset=np.array([0.5, -1e-30]),
        decision="value",
        labels=("a b", "1"),
    )
    return TileNetlist(network, Layout(rows=16, columns=8, slices=2, slice_bits=3), {"source": "toys"})


def test_a_text_is_its_netlist():
    netlist = told()
    text = compiler.dump(netlist)
    back = compiler.parse(text)
    assert compiler.equal(back, netlist) and compiler.dump(back) == text
    assert compiler.equal(
        compiler.parse(compiler.dump(TileNetlist(netlist.network))), TileNetlist(netlist.network)
    )
    with pytest.raises(FormatError, match="leaves values out; dump it without a limit"):
        compiler.parse(compiler.dump(netlist, limit=3))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("tiles 1", "tiles 2", "line 1: expected 'tiles 1', got 'tiles 2'"),
        ("rows 16", "depth 16", "line 3: a layout is pairs of"),
        ("window 2 2", "window 2", "line .*: a layer is an activation and"),
        ("float64 2x10", "float64 3x10", "fewer rows than are announced"),
        ("float64 2x10", "float64 2x11", "a row has 10 values where 11 are announced"),
        ("output_offset float64", "output_offset int8", "numbers are float32 or float64, got 'int8'"),
        ("pool max", "pool least", "pooling 'least' of layer"),
        ("decision value", "speed value", "'speed value' is no statement of a network on tiles"),
    ],
)
def test_a_bad_text_says_where(old, new, why):
    text = compiler.dump(told())
    assert old in text
    with pytest.raises(FormatError, match=why):
        compiler.parse(text.replace(old, new, 1))
