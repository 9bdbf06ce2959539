"""Against dimod, thrml and networkx themselves: the same energies, both ways."""

import json

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys.ising import all_states, random_model

from compiler.api import to_netlist
from compiler.formats.detect import read_model_or_netlist
from compiler.formats.ising.bqm import from_bqm, labels, parse_bqm, read_bqm, write_bqm
from compiler.formats.ising.graph import from_graph
from compiler.formats.ising.qubo import parse_qubo, write_coo
from compiler.formats.networks.thrml import from_thrml

FINITE = st.floats(-8, 8, allow_subnormal=False)
LABELS = st.one_of(
    st.integers(-9, 40),
    st.text('abc[]1 "-.', min_size=1, max_size=3),
    st.floats(-2, 2),
    st.tuples(st.integers(0, 3), st.text("ab1", max_size=1)),
)


@st.composite
def bqms(draw):
    """Models with any labels, isolated variables, zero biases, no pairs, an offset."""
    dimod = pytest.importorskip("dimod")
    labels = draw(st.lists(LABELS, min_size=1, max_size=5, unique=True))
    bqm = dimod.BinaryQuadraticModel(draw(st.sampled_from(["SPIN", "BINARY"])))
    for label in labels:
        bqm.add_linear(label, draw(FINITE))
    for k, u in enumerate(labels):
        for v in labels[:k]:
            if draw(st.booleans()):
                bqm.add_quadratic(u, v, draw(FINITE))
    bqm.offset = draw(FINITE)
    return bqm


def listed(label):
    """A label as JSON has it."""
    return [listed(part) for part in label] if isinstance(label, tuple) else label


def energies(bqm, model, states):
    """dimod's energies of our states, matched by the variables' labels, of the type they had."""
    ours = [(type(label), label) for label in labels(model)]
    columns = [ours.index((type(listed(label)), listed(label))) for label in bqm.variables]
    values = states[:, columns] if bqm.vartype.name == "SPIN" else (states[:, columns] + 1) // 2
    return bqm.energies((values, list(bqm.variables)))


@given(bqms())
def test_every_way_from_dimod_keeps_its_energies(tmp_path_factory, bqm):
    path = tmp_path_factory.mktemp("bqm") / "m.bqm"
    models = [from_bqm(bqm), parse_bqm(json.loads(json.dumps(bqm.to_serializable())))]
    for version in (1, 2):
        path.write_bytes(bqm.to_file(version=version).read())
        models += [read_bqm(path), read_model_or_netlist(path)]
    states = all_states(bqm.num_variables)
    for model in models:
        np.testing.assert_allclose(model.energy(states), energies(bqm, model, states), rtol=0, atol=1e-9)
        assert model.vartype == bqm.vartype.name.lower()


@given(bqms())
def test_dimod_reads_what_we_write(bqm):
    dimod = pytest.importorskip("dimod")
    model = from_bqm(bqm)
    again = dimod.BinaryQuadraticModel.from_serializable(json.loads(write_bqm(model)))
    states = all_states(model.n)
    np.testing.assert_allclose(energies(again, model, states), model.energy(states), rtol=0, atol=1e-9)
    assert [(type(v), v) for v in again.variables] == [(type(v), v) for v in bqm.variables]
    assert again.vartype == bqm.vartype


@given(st.integers(0, 2**32 - 1), st.sampled_from(["spin", "binary"]))
def test_coo_files_go_both_ways(seed, vartype):
    coo = pytest.importorskip("dimod.serialization.coo")
    model = random_model(np.random.default_rng(seed), vartype=vartype)
    theirs = coo.loads(write_coo(model))
    states = all_states(model.n)
    difference = model.energy(states) - energies(theirs, model, states)
    np.testing.assert_allclose(difference, difference[0], rtol=0, atol=1e-9)
    back = parse_qubo(coo.dumps(theirs, vartype_header=True))  # six digits only
    np.testing.assert_allclose(back.J, model.J, atol=1e-6)


def test_reference_check_value():
    """h = (1, -1), J = 2, offset 0.5 in SPIN is the QUBO diag(-2, -6), 8 with offset 2.5."""
    dimod = pytest.importorskip("dimod")
    bqm = dimod.BinaryQuadraticModel({0: 1, 1: -1}, {(0, 1): 2}, 0.5, "SPIN")
    qubo, offset = bqm.to_qubo()
    assert (qubo[0, 0], qubo[1, 1], offset) == (-2, -6, 2.5)
    model = from_bqm(bqm)
    assert write_coo(model).splitlines()[1:] == [
        "# the offset 2.5 is to be added to every energy",
        "0 0 -2",
        "1 1 -6",
        "0 1 8",
    ]
    assert to_netlist(bqm).problem.offset == 0.5


def test_truncated_and_altered_bqm_files(tmp_path):
    dimod = pytest.importorskip("dimod")
    from compiler.errors import ThermocError

    bqm = dimod.BinaryQuadraticModel({"a": 1, "b": -1}, {("a", "b"): 2}, 0.5, "SPIN")
    whole = bqm.to_file().read()
    path = tmp_path / "m.bqm"
    body = 14 + int.from_bytes(whole[10:14], "little")
    broken = [whole[:n] for n in (9, 13, 40, body + 4, body + 30, body + 60, body + 90)]
    broken += [
        whole[:8] + b"\x09" + whole[9:],
        whole.replace(b"SPIN", b"SPUN"),
        whole.replace(b"[2, 1]", b"[9, 1]"),
        whole.replace(b'["a", "b"]', b'["a", "a"]'),
        whole.replace(b"VARS", b"VERS"),
    ]
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(ThermocError) as caught:
            read_bqm(path)
        assert "\n" not in str(caught.value)


@given(st.integers(0, 2**32 - 1))
def test_graphs_cut_as_networkx_counts(seed):
    rng = np.random.default_rng(seed)
    graph = nx.gnp_random_graph(6, 0.6, seed=int(rng.integers(1 << 30)))
    if not graph.number_of_edges():
        return
    for edge in graph.edges.values():
        edge["weight"] = float(rng.normal())
    model = from_graph(graph)
    for s in all_states(6)[::5]:
        cut = nx.cut_size(graph, {k for k in range(6) if s[k] > 0}, weight="weight")
        total = model.problem.goal.total_weight
        assert (total - (model.energy(s) - model.offset)) / 2 == pytest.approx(cut)


def test_thrml_energies():
    """thrml's energy is dimensionless, E / kT of ours."""
    thrml = pytest.importorskip("thrml")
    models = pytest.importorskip("thrml.models")
    jnp = pytest.importorskip("jax.numpy")
    nodes = [thrml.SpinNode() for _ in range(4)]
    pairs = [(2, 0), (1, 2), (3, 1)]
    biases, weights = np.array([0.5, -1.0, 0.25, 0.75]), np.array([1.5, -0.5, 2.0])
    ebm = models.IsingEBM(
        nodes, [(nodes[i], nodes[j]) for i, j in pairs], jnp.array(biases), jnp.array(weights), jnp.array(0.4)
    )
    model = from_thrml(ebm)
    assert model.kT == pytest.approx(2.5)
    states = all_states(4)
    block = thrml.Block(nodes)
    ours = model.energy(states) / model.kT
    theirs = [float(ebm.energy([jnp.array(s > 0)], [block])) for s in states]
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert to_netlist(ebm).kT == model.kT
