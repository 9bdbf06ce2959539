"""Convolutional networks that relax both ways: model, file, netlist with shared parameters."""

from dataclasses import replace

import numpy as np
import pytest

from compiler.api import compile
from compiler.counting import counts
from compiler.errors import FormatError, NetlistError
from compiler.families.conv_hopfield import (
    ConvHopfieldNetwork,
    conv_step,
    convolution,
    image_shapes,
    lower_conv_hopfield,
)
from compiler.families.hopfield import lower_hopfield, stable_step
from compiler.families.layered import ACTIVATIONS
from compiler.families.store import load_model, save_model
from compiler.ir import container, kinds
from compiler.ir.kinds import verify
from compiler.ir.symmetry import matrix
from compiler.passes.langevin import prune, quantize_couplings, select_cells, sweep_unread, symmetrize
from compiler.passes.units import change_units, rescale


def network(activation="hard-sigmoid", *, backward=False, seed=3, **changes):
    """Two convolutions (a stride that leaves a row over, padding), two dense layers; skewed."""
    rng = np.random.default_rng(seed)
    kernels = (rng.normal(0.1, 0.4, (3, 3, 2, 3)), rng.normal(0.1, 0.3, (2, 3, 3, 4)))
    weights = (rng.normal(0.02, 0.2, (5, 16)), rng.normal(0.1, 0.4, (3, 5)))
    parts = {
        "input_shape": (6, 7, 2),
        "kernels": kernels,
        "strides": (2, 1),
        "paddings": (1, 0),
        "weights": weights,
        "biases": tuple(rng.normal(0.1, 0.2, m) for m in (3, 4, 5, 3)),
        "activation": activation,
        "backward_kernels": (rng.normal(0.0, 0.2, (2, 3, 3, 4)),) if backward else None,
        "backward": tuple(rng.normal(0.1, 0.2, w.shape[::-1]) for w in weights) if backward else None,
    }
    return ConvHopfieldNetwork(**{**parts, **changes})


DATA = np.random.default_rng(0).uniform(0, 1, (6, 84))


def test_shapes():
    net = network()
    assert net.shapes == ((6, 7, 2), (3, 4, 3), (2, 2, 4))
    assert net.sizes == (84, 36, 16, 5, 3) and net.n_inputs == 84 and net.n_outputs == 3
    assert net.n_parameters == 54 + 72 + 80 + 15
    assert network(backward=True).n_parameters == 221 + 72 + 80 + 15


def test_a_convolution_by_hand():
    """Against loops over places and taps, as it is defined."""
    rng = np.random.default_rng(1)
    shape, kernel, stride, padding = (5, 4, 2), rng.normal(size=(3, 2, 2, 3)), 2, 1
    u = rng.normal(size=shape)
    framed = np.pad(u, ((1, 1), (1, 1), (0, 0)))
    rows, columns, _ = image_shapes(shape, [kernel.shape], (stride,), (padding,))[1]
    wanted = np.empty((rows, columns, 3))
    for y in range(rows):
        for x in range(columns):
            patch = framed[stride * y : stride * y + 3, stride * x : stride * x + 2]
            wanted[y, x] = np.tensordot(patch, kernel, 3)
    shared = convolution(shape, kernel.shape, stride, padding)
    np.testing.assert_allclose(shared.matrix(kernel) @ u.ravel(), wanted.ravel(), rtol=0, atol=1e-12)
    assert shared.tie.size < rows * columns * kernel.size  # no couplings from the padding


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_dense_equivalent_rests_alike(activation, backward):
    net = network(activation, backward=backward)
    dense = net.unrolled()
    np.testing.assert_allclose(net.answers(DATA), dense.answers(DATA), atol=1e-9)
    assert (dense.backward is None) == (not backward)
    assert np.ptp(net.answers(DATA), axis=0).max() > 1e-4  # answers differ from datum to datum


@pytest.mark.parametrize("backward", [False, True])
def test_netlist_shares_parameters_and_is_the_dense_one(backward):
    net = network(backward=backward)
    netlist = lower_conv_hopfield(net)
    verify(netlist)
    dense = lower_hopfield(net.unrolled())
    assert netlist.dt == dense.dt and conv_step(net) == stable_step(net.unrolled())
    assert [g.name for g in netlist.groups] == ["input", "layer1", "layer2", "layer3", "output"]
    np.testing.assert_array_equal(netlist.cells.h, dense.cells.h)
    (group,) = netlist.couplings
    assert abs(matrix(group) - matrix(dense.couplings[0])).max() == 0
    facts = counts(netlist)
    assert facts["parameters"] == net.n_parameters
    assert facts["couplings"]["total"] == counts(dense)["couplings"]["total"] > 3 * net.n_parameters
    assert facts["symmetric"] == (not backward)
    if not backward:  # both ways of a pair are one parameter
        among = (group.indices >= 84) & (group.rows >= 84)
        pairs = {}
        for i, j, t in zip(group.rows[among], group.indices[among], group.tie[among], strict=True):
            pairs[(i, j)] = t
        assert pairs and all(pairs[(j, i)] == t for (i, j), t in pairs.items())


def test_text_and_container_keep_the_ties(tmp_path):
    netlist = compile(network())
    assert netlist.couplings[0].tie is not None
    again = kinds.parse(kinds.dump(netlist))
    container.save(netlist, tmp_path / "a.tnl")
    for other in (again, container.load(tmp_path / "a.tnl")):
        np.testing.assert_array_equal(other.couplings[0].tie, netlist.couplings[0].tie)
        np.testing.assert_array_equal(other.couplings[0].weight, netlist.couplings[0].weight)
        assert kinds.dump(other) == kinds.dump(netlist)


@pytest.mark.parametrize(
    "pass_",
    [
        lambda n: quantize_couplings(n, 6),
        lambda n: rescale(n, 0.1),
        lambda n: change_units(n, energy=3.0),
        lambda n: prune(n, 0.05),
        sweep_unread,
        symmetrize,
        lambda n: select_cells(n, np.arange(n.n_cells) != 90),
    ],
)
def test_passes_keep_the_ties(pass_):
    """What a pass does to the untied netlist it does to the tied one, parameters staying shared."""
    netlist = lower_conv_hopfield(network())
    untied = lower_hopfield(network().unrolled())
    after, wanted = pass_(netlist), pass_(untied)
    verify(after)
    (group,) = after.couplings
    assert group.tie is not None and group.weight.size == network().n_parameters < len(group)
    difference = abs(matrix(group) - matrix(wanted.couplings[0])).max()
    assert difference <= 1e-12


@pytest.mark.parametrize("backward", [False, True])
def test_file_round_trip(tmp_path, backward):
    net = network("sigmoid", backward=backward, labels=("a", "b", "c"), meta={"seed": 3})
    save_model(net, tmp_path / "a.safetensors")
    again = load_model(tmp_path / "a.safetensors")
    assert again.shapes == net.shapes and again.labels == net.labels and again.meta["seed"] == 3
    assert (again.backward is None) == (not backward)
    np.testing.assert_array_equal(again.answers(DATA), net.answers(DATA))


def test_a_damaged_file_is_named(tmp_path, monkeypatch):
    from safetensors.numpy import save

    monkeypatch.setattr(
        "compiler.families.store.to_bytes",
        lambda tensors, metadata: save(
            {k: v for k, v in tensors.items() if k != "layers.1.weight"}, metadata=metadata
        ),
    )
    save_model(network(), tmp_path / "a.safetensors")
    with pytest.raises(FormatError, match=r"conv-hopfield model lacks 'layers.1.weight'"):
        load_model(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernels": ()}, "0 kernels and 2 dense layers"),
        ({"strides": (2,)}, "need 2 strides"),
        ({"strides": (0, 1)}, "stride is at least 1"),
        ({"paddings": (3, 0)}, "padding at least 0 and below the kernel's 3"),
        ({"kernels": (np.ones((3, 3, 1, 3)), np.ones((2, 3, 3, 4)))}, "takes 1 channels"),
        ({"kernels": (np.ones((3, 3, 2, 3)), np.ones((4, 3, 3, 4)))}, "larger than its layer"),
        ({"kernels": (np.ones((3, 3, 2)), np.ones((2, 3, 3, 4)))}, "kernel 0 must be"),
        ({"weights": (np.ones((5, 15)), np.ones((3, 5)))}, r"weights 0 must be \(n_out, 16\)"),
        ({"biases": (np.ones(3),) * 4}, r"bias 1 must have shape \(4,\)"),
        ({"biases": tuple(np.full(m, np.nan) for m in (3, 4, 5, 3))}, "not finite"),
        ({"backward": (np.ones((16, 5)), np.ones((5, 3)))}, "both be given or both be"),
        (
            {"backward": (np.ones((16, 5)), np.ones((5, 3))), "backward_kernels": (np.ones(1),)},
            "must have shapes",
        ),
        ({"input_shape": (6, 7)}, "input_shape must be"),
        ({"activation": "relu"}, "activation must be one of"),
        ({"input_scale": np.ones(3)}, "input_scale must be 1 or 84"),
        ({"head": "both"}, "head must be"),
        ({"relax_time": 0.0}, "relax_time must be"),
        ({"labels": ("a",)}, "1 labels for 3 outputs"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(NetlistError, match=message):
        replace(network(), **change)


def test_large_networks_are_not_unrolled():
    big = ConvHopfieldNetwork(
        (100, 100, 3),
        (np.zeros((3, 3, 3, 8)),),
        (1,),
        (1,),
        (np.zeros((2, 80000)),),
        (np.zeros(8), np.zeros(2)),
    )
    with pytest.raises(NetlistError, match="use operators"):
        big.unrolled()
    assert replace(big, activation="tanh").sizes == (30000, 80000, 2)
