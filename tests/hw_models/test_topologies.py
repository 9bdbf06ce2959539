"""Topologies: counts by hand, and the makers' own graphs."""

import networkx as nx
import numpy as np
import pytest

from hw_models.errors import HardwareError
from hw_models.topologies import GRID_RULES, TOPOLOGY_KINDS, Topology


def _nx(graph):
    made = nx.Graph()
    made.add_nodes_from(range(graph.n))
    made.add_edges_from(graph.edges.tolist())
    return made


def _makers():
    return pytest.importorskip("dwave_networkx", reason="dwave_networkx has the makers' graphs")


def _same(graph, theirs):
    assert graph.ids.tolist() == sorted(theirs.nodes)
    ours = {tuple(pair) for pair in graph.ids[graph.edges].tolist()}
    assert ours == {(min(a, b), max(a, b)) for a, b in theirs.edges}


@pytest.mark.filterwarnings("ignore:dwave-networkx is deprecated")
@pytest.mark.parametrize("shape", [(1, 1, 4), (2, 3, 4), (4, 4, 2), (3, 2, 1), (16, 16, 4)])
def test_chimera_is_the_makers(shape):
    _same(Topology("chimera", shape).graph(), _makers().chimera_graph(*shape))


@pytest.mark.filterwarnings("ignore:dwave-networkx is deprecated")
@pytest.mark.parametrize("m", [2, 3, 6, 16])
def test_pegasus_is_the_makers(m):
    _same(Topology("pegasus", (m,)).graph(), _makers().pegasus_graph(m))


@pytest.mark.filterwarnings("ignore:dwave-networkx is deprecated")
@pytest.mark.parametrize("shape", [(1, 1), (2, 4), (3, 2), (6, 4), (15, 4)])
def test_zephyr_is_the_makers(shape):
    _same(Topology("zephyr", shape).graph(), _makers().zephyr_graph(*shape))


@pytest.mark.parametrize("kind", list(GRID_RULES))
def test_grids_are_bipartite_and_turn_onto_themselves(kind):
    graph = Topology(kind, (20, 20)).graph()
    made = _nx(graph)
    assert nx.is_bipartite(made)
    # a cell in the middle of a large grid has all its wires
    degree = {"square": 4, "g8": 8, "g12": 12, "g16": 16}[kind]
    large = Topology(kind, (40, 40)).graph()
    assert dict(_nx(large).degree)[20 * 40 + 20] == degree == large.degree
    turned = [19 * 20 - 20 * (k % 20) + k // 20 for k in range(400)]  # (i, j) -> (19 - j, i)
    assert nx.utils.edges_equal(
        [tuple(sorted(e)) for e in nx.relabel_nodes(made, dict(enumerate(turned))).edges],
        [tuple(sorted(e)) for e in made.edges],
    )


def test_an_offset_goes_where_it_says():
    edges = {tuple(e) for e in Topology("g8", (6, 7)).graph().edges.tolist()}
    at = lambda i, j: i * 7 + j  # noqa: E731
    assert (at(0, 0), at(4, 1)) in edges  # (4, 1)
    assert (at(0, 1), at(1, 5)) not in edges  # (1, 4) is no turn of (4, 1)
    assert (at(1, 0), at(0, 4)) not in edges and (at(0, 4), at(1, 0)) in edges  # (1, -4) = turn


def test_kings_grid_and_complete_graph():
    graph = Topology("king", (5, 7)).graph()
    board = nx.strong_product(nx.path_graph(5), nx.path_graph(7))
    assert {tuple(e) for e in graph.edges.tolist()} == {
        tuple(sorted((a * 7 + b, c * 7 + d))) for (a, b), (c, d) in board.edges
    }
    assert Topology("complete", (9,)).graph().edges.shape == (36, 2)
    alone = Topology("complete", (1,)).graph()
    assert alone.n == 1 and alone.edges.shape == (0, 2) and alone.degree == 0


@pytest.mark.parametrize("kind", TOPOLOGY_KINDS)
def test_edges_ascend_and_are_single(kind):
    size = {"chimera": (3, 3, 2), "pegasus": (3,), "zephyr": (2, 2), "complete": (6,)}
    graph = Topology(kind, size.get(kind, (6, 5))).graph()
    assert graph.edges.dtype == np.int32 and (graph.edges[:, 0] < graph.edges[:, 1]).all()
    keys = graph.edges[:, 0].astype(int) * graph.n + graph.edges[:, 1]
    assert (np.diff(keys) > 0).all()


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("torus", (3,), "no topology 'torus'; choose one of square"),
        ("king", (3,), "takes the parameters rows, columns, got 1"),
        ("chimera", (3, 0, 4), "n must be a whole number >= 1, got 0"),
        ("pegasus", (1,), "m must be a whole number >= 2, got 1"),
        ("king", (3, 2.5), "columns must be a whole number >= 1, got 2.5"),
    ],
)
def test_bad_topologies_are_refused(kind, parameters, message):
    with pytest.raises(HardwareError, match=message.replace("(", r"\(")):
        Topology(kind, parameters)
