"""Feed-forward graphs as cells: the rest is the graph's own value, couplings are few and tied."""

from dataclasses import replace

import numpy as np
import pytest

import compiler
from compiler.errors import NetlistError
from compiler.families.feedforward import FeedForward
from compiler.families.graph import Dense, Graph, Node
from compiler.families.windows import windows
from compiler.formats.networks.builder import Builder
from compiler.ir.langevin import Activation
from compiler.reference import read, relax
from thermo import simulate


def block(rng, *, channels=4, dtype=np.float64):
    """Normalised data, a padded convolution in groups, leaky relu, overlapping maxima, a sum, a clamp."""
    made = Builder("toy")
    x = made.affine("norm", made.data((2, 6, 6)), rng.uniform(0.5, 2, (2, 1, 1)), rng.normal(size=(2, 1, 1)))
    seen = windows((6, 6), (3, 3), stride=(1, 1), padding=[(1, 1), (1, 1)])
    kernel = rng.normal(0, 0.4, (channels, 1, 3, 3)).astype(dtype)
    x = made.convolution("conv", x, kernel, rng.normal(size=channels).astype(dtype), seen, 2)
    x = made.normalise("bn", x, rng.normal(size=channels), rng.uniform(1, 2, channels), None, None, 1e-5)
    y = made.shown("leaky", x, "leaky", slope=0.25)
    pooled = windows((6, 6), (3, 3), stride=(2, 2), padding=[(1, 1), (1, 1)])
    y = made.pool("max", y, "max", pooled, (3, 3))
    x = made.pool("mean", x, "average", pooled, (3, 3), pooled.inside.sum(axis=1))
    z = made.shown("clamp", made.sum("add", [x, y], [1.0, -0.5]), "clamp", low=-0.5, high=1.5)
    z = made.larger("larger", z, made.affine("half", y, 0.5, 0.1), smaller=True)
    flat = made.view([z], np.arange(z.size))
    return made.finish(
        made.dense("out", flat, rng.normal(size=(3, z.size)).astype(dtype), None), "regression", ()
    )


def test_the_rest_is_the_graphs_value():
    rng = np.random.default_rng(0)
    model = block(rng)
    assert isinstance(model, FeedForward)
    netlist, data = compiler.compile(model), rng.uniform(size=(40, 72))
    expected = model.answers(data)
    # read-outs are of single precision
    np.testing.assert_allclose(simulate(netlist, data, method="rest").answers(), expected, atol=2e-6)
    slow = read(netlist, relax(netlist, data[0]))
    np.testing.assert_allclose(slow, expected[0], atol=1e-6)
    length = netlist.schedule[0].duration
    stepped = simulate(netlist, data[:8], dt=length / round(length / 0.5)).answers()
    np.testing.assert_allclose(stepped, expected[:8], atol=2e-5)


def test_steps_of_one_reach_the_rest_in_as_many_as_there_are_levels():
    rng = np.random.default_rng(1)
    model = block(rng)
    netlist, data = compiler.compile(model), rng.uniform(size=(5, 72))
    levels = simulate(netlist, data, method="rest").n_steps
    short = replace(netlist, schedule=(replace(netlist.schedule[0], duration=float(levels)),))
    np.testing.assert_allclose(simulate(short, data, dt=1.0).answers(), model.answers(data), atol=2e-5)
    early = replace(netlist, schedule=(replace(netlist.schedule[0], duration=float(levels - 1)),))
    assert np.abs(simulate(early, data, dt=1.0).answers() - model.answers(data)).max() > 1e-3


def test_kernels_stay_tied_and_normalisation_costs_no_cell():
    rng = np.random.default_rng(2)
    made = Builder("toy")
    x = made.data((1, 8, 8))
    seen = windows((8, 8), (3, 3), stride=(1, 1), padding=[(0, 0), (0, 0)])
    x = made.convolution("conv", x, rng.normal(size=(5, 1, 3, 3)), None, seen)
    x = made.normalise("bn", x, *(rng.uniform(1, 2, 5) for _ in range(4)), 1e-5)
    x = made.shown("relu", x, "relu")
    x = made.reduced("mean", x, (1, 2), False, "average")
    netlist = compiler.compile(
        made.finish(made.dense("out", x, rng.normal(size=(4, 5)), None), "regression", ())
    )
    assert netlist.n_cells == 64 + 5 * 36 + 5 + 4
    assert [g.name for g in netlist.groups] == ["input", "conv", "mean", "output"]
    (couplings,) = netlist.couplings
    assert len(couplings) == 5 * 36 * 9 + 5 * 36 + 4 * 5
    assert couplings.weight.size == 5 * 9 + 1 + 4 * 5
    assert netlist.encoder.scale.tolist() == [1.0]


def test_scaled_data_are_the_encoders():
    rng = np.random.default_rng(3)
    made = Builder("toy")
    x = made.affine("scale", made.data((6,)), 2.0, -1.0)
    x = made.affine("norm", x, rng.uniform(1, 2, 6), rng.normal(size=6))
    x = made.shown("leaky", made.dense("in", x, rng.normal(size=(4, 6)), None), "leaky", slope=0.1)
    model = made.finish(made.dense("out", x, rng.normal(size=(3, 4)), None), "regression", ())
    netlist, data = compiler.compile(model), rng.normal(size=(9, 6))
    assert netlist.encoder.scale.shape == (6,) and not np.allclose(netlist.encoder.scale, 1)
    np.testing.assert_allclose(
        simulate(netlist, data, method="rest").answers(), model.answers(data), atol=1e-6
    )


def test_files_keep_them(tmp_path):
    model = block(np.random.default_rng(4), dtype=np.float32)
    compiler.save_model(model, tmp_path / "m.safetensors")
    again = compiler.load_model(tmp_path / "m.safetensors")
    assert compiler.equal(compiler.compile(again), compiler.compile(model))
    assert compiler.compile(model).couplings[0].weight.dtype == np.float32
    compiler.save_model(again, tmp_path / "n.safetensors")
    assert (tmp_path / "m.safetensors").read_bytes() == (tmp_path / "n.safetensors").read_bytes()


def test_what_is_several_times_read_is_one_cell():
    made = Builder("toy")
    x = made.dense("in", made.data((3,)), np.eye(3), None)
    y = made.sum("twice", [made.shown("a", x, "tanh"), x, made.shown("b", x, "relu")], [1.0, 1.0, -1.0])
    netlist = compiler.compile(made.finish(y, "regression", ()))
    assert netlist.n_cells == 3 + 3 + 3 + 3 + 3
    shown = netlist.cells.activation[6:12]
    assert set(shown) == {Activation.TANH, Activation.RELU}
    found = simulate(netlist, np.array([[0.5, -1.0, 2.0]]), method="rest").answers()[0]
    np.testing.assert_allclose(found, np.tanh([0.5, -1, 2]) - np.array([0, 1, 0]), atol=1e-6)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((), "there is no layer with weights"),
        ((Node("a", Dense(np.eye(2), np.zeros(2)), (0,), (2,)),), r"node 0 \(a\) makes -1 values"),
        ((Node("a", Dense(np.eye(3), np.zeros(3)), (1,), (3,)),), "must read the data or nodes before it"),
        ((Node("a", Dense(np.full((3, 3), np.nan), np.zeros(3)), (0,), (3,)),), "weight of node 0"),
        ((Node("a", Dense(np.eye(3), np.zeros(3)), (0,), (2,)),), r"makes 3 values, not the \(2,\) it says"),
    ],
)
def test_a_graph_that_breaks_a_rule(nodes, message):
    with pytest.raises(NetlistError, match=message):
        Graph(nodes, 3)
