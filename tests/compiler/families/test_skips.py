"""Couplings across a layer: their geometry, the netlist, files and refusals."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from compiler.errors import NetlistError
from compiler.families.conv_hopfield import (
    ConvHopfieldNetwork,
    convolution,
    image_shapes,
    lower_conv_hopfield,
)
from compiler.families.skips import skip_geometries, skip_geometry
from compiler.families.store import load_model, save_model
from compiler.ir.kinds import verify
from compiler.ir.symmetry import matrix


def test_as_many_places_around_the_same_centres():
    some = [(k, s, p) for k, s in product(range(1, 6), range(1, 4)) for p in range(k)]
    for first, second in product(some, some):
        kernel, stride, padding = skip_geometry(first, second)
        assert 0 <= padding < kernel
        (k1, s1, p1), (k2, _, p2) = first, second
        # twice the middle of what place 0 sees, by either way
        assert kernel - 1 - 2 * padding == k1 - 1 - 2 * p1 + s1 * (k2 - 1 - 2 * p2)
        for side in (21, 22, 23):
            kernels = [(k, k, 1, 1) for k in (first[0], second[0])]
            shape = image_shapes((side, side, 1), kernels, (first[1], second[1]), (p1, p2))[-1]
            assert image_shapes((side, side, 1), [(kernel, kernel, 1, 1)], (stride,), (padding,))[-1] == shape


def test_narrow():
    assert skip_geometry((3, 1, 1), (3, 1, 1)) == (1, 1, 0)
    assert skip_geometries([(6, 2, 2), (4, 2, 1), (4, 2, 1)]) == [(4, 4, 0), (4, 4, 0)]


def network(*, backward=False):
    rng = np.random.default_rng(3)
    kernels = tuple(rng.normal(0.05, 0.2, (3, 3, *c)) for c in ((2, 3), (3, 4), (4, 3)))
    skips = tuple(rng.normal(0.1, 0.3, s) for s in ((3, 3, 2, 4), (3, 3, 3, 3)))
    weights = (rng.normal(0.02, 0.2, (3, 27)),)
    down = {
        "backward_kernels": tuple(rng.normal(0.0, 0.1, k.shape) for k in kernels[1:]),
        "backward": (rng.normal(0.1, 0.1, (27, 3)),),
        "backward_skips": (rng.normal(0.1, 0.1, skips[1].shape),),
    }
    biases = tuple(rng.normal(0.1, 0.2, m) for m in (3, 4, 3, 3))
    fields = ((6, 6, 2), kernels, (1, 2, 1), (1, 1, 1), weights, biases)
    return ConvHopfieldNetwork(*fields, activation="tanh", skips=skips, **(down if backward else {}))


DATA = np.random.default_rng(0).uniform(0, 1, (6, 72))


@pytest.mark.parametrize("backward", [False, True])
def test_the_netlist_has_them_with_one_parameter_for_all_places(backward):
    net = network(backward=backward)
    netlist = lower_conv_hopfield(net)
    verify(netlist)
    found = matrix(netlist.couplings[0]).toarray()
    plain = lower_conv_hopfield(replace(net, skips=(), backward_skips=None))
    more = found - matrix(plain.couplings[0]).toarray()
    first = np.concatenate([[0], np.cumsum(net.sizes)])
    for l, skip in enumerate(net.skips):
        low, high = slice(*first[l : l + 2]), slice(*first[l + 2 : l + 4])
        wide, stride, padding = net.skip_geometries[l]
        way = convolution(net.shapes[l], (wide, wide, *skip.shape[2:]), stride, padding)
        np.testing.assert_allclose(more[high, low], way.matrix(skip).toarray(), atol=1e-15)
        back = (np.zeros_like(skip) if not l else net.backward_skips[0]) if backward else skip * (l > 0)
        np.testing.assert_allclose(more[low, high], way.matrix(back).toarray().T, atol=1e-15)
        more[high, low] = more[low, high] = 0
    assert np.abs(more).max() < 1e-15  # nowhere else
    assert netlist.couplings[0].weight.size == net.n_parameters < len(netlist.couplings[0])
    assert netlist.dt <= plain.dt


@pytest.mark.parametrize("backward", [False, True])
def test_file_round_trip(tmp_path, backward):
    net = network(backward=backward)
    save_model(net, tmp_path / "a.safetensors")
    again = load_model(tmp_path / "a.safetensors")
    wanted = net.answers(DATA)
    np.testing.assert_array_equal(again.answers(DATA), wanted)
    without = replace(net, skips=(), backward_skips=None)
    assert np.abs(without.answers(DATA) - wanted).max() > 1e-3
    assert again.n_parameters == net.n_parameters > without.n_parameters


def test_refusals():
    net = network()
    with pytest.raises(NetlistError, match=r"skips must have shapes \[\(3, 3, 2, 4\), \(3, 3, 3, 3\)\]"):
        replace(net, skips=net.skips[:1])
    with pytest.raises(NetlistError, match="backward skips must have shapes"):
        replace(net, backward_skips=net.skips[1:])
    with pytest.raises(NetlistError, match="backward skips must have shapes"):
        replace(network(backward=True), backward_skips=None)
    with pytest.raises(NetlistError, match="no couplings across a layer"):
        net.unrolled()
