"""Embeddings into chips with holes: nothing dead is used."""

import networkx as nx
import numpy as np
import pytest

from compiler.errors import TargetError
from compiler.passes.spins.embed import find_embedding, verify_embedding
from hw_models.topologies import Topology
from hw_models.working import WorkingGraph, without

CHIMERA = Topology("chimera", (6, 6, 4))


def edges_of(graph):
    return np.array(graph.edges, dtype=np.int64).reshape(-1, 2)


def holes(topology, share, seed):
    graph, rng = topology.graph(), np.random.default_rng(seed)
    nodes = graph.ids[rng.random(graph.n) < share].tolist()
    ends = graph.ids[graph.edges[rng.random(len(graph.edges)) < share]]
    return without(topology, nodes, ends.tolist()), set(nodes), {tuple(w) for w in ends.tolist()}


def used(embedding, chip):
    return {int(v) for v in chip.graph().ids[embedding.nodes]}


@pytest.mark.parametrize("seed", [0, 1])
def test_chains_avoid_what_is_dead(seed):
    chip, nodes, _ = holes(CHIMERA, 0.05, seed)
    graph = nx.random_regular_graph(3, 24, seed=seed)
    embedding = find_embedding(24, edges_of(graph), chip, seed=seed)
    verify_embedding(embedding, edges_of(graph), chip.graph())
    assert not used(embedding, chip) & nodes


def test_a_clique_finds_a_square_that_works():
    """Three dead cells in the first square of four: there is room elsewhere, chains are as short as ever."""
    dead = [0, 12, 70]
    chip = without(CHIMERA, dead, [])
    n = 16
    graph = nx.complete_graph(n)
    embedding = find_embedding(n, edges_of(graph), chip)
    assert (embedding.lengths == 5).all()
    assert not used(embedding, chip) & set(dead)
    verify_embedding(embedding, edges_of(graph), chip.graph())


def test_a_clique_on_a_chip_full_of_holes_takes_longer_chains():
    chip, nodes, wires = holes(CHIMERA, 0.02, 3)
    graph = nx.complete_graph(12)
    embedding = find_embedding(12, edges_of(graph), chip)
    verify_embedding(embedding, edges_of(graph), chip.graph())
    assert not used(embedding, chip) & nodes
    assert not wires & {tuple(w) for w in chip.graph().ids[chip.graph().edges].tolist()}


def test_a_graph_that_fits_around_the_holes_needs_no_chains():
    square = Topology("square", (8, 8))
    grid = nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 4))
    chip = without(square, [63, 40], [])
    embedding = find_embedding(16, edges_of(grid), chip)
    assert (embedding.lengths == 1).all()
    through = find_embedding(16, edges_of(grid), without(square, [9], []))
    verify_embedding(through, edges_of(grid), without(square, [9], []).graph())
    assert 9 not in used(through, without(square, [9], []))


def test_a_working_graph_alone_is_enough():
    chip = WorkingGraph.of([100], [(5, 9), (9, 12), (12, 20), (20, 5)])
    ring = edges_of(nx.cycle_graph(3))
    embedding = find_embedding(3, ring, chip)
    verify_embedding(embedding, ring, chip.graph())
    with pytest.raises(TargetError, match="a working graph of 5 nodes and 4 wires"):
        find_embedding(4, edges_of(nx.complete_graph(4)), chip)


def test_minorminer_where_it_is_installed():
    pytest.importorskip("minorminer", reason="minorminer is the peer")
    chip, nodes, _ = holes(CHIMERA, 0.05, 4)
    graph = nx.random_regular_graph(3, 24, seed=4)
    graph.add_node(24)  # alone: minorminer does not say where
    embedding = find_embedding(25, edges_of(graph), chip, embedder="minorminer", seed=1)
    verify_embedding(embedding, edges_of(graph), chip.graph())
    assert not used(embedding, chip) & nodes


def test_an_embedder_that_is_not_there(monkeypatch):
    ring = edges_of(nx.cycle_graph(5))
    monkeypatch.setitem(__import__("sys").modules, "minorminer", None)
    with pytest.raises(TargetError, match="pip install minorminer"):
        find_embedding(5, ring, CHIMERA, embedder="minorminer")
    assert find_embedding(5, ring, CHIMERA, embedder="auto").n == 5
    with pytest.raises(TargetError, match="the embedder is"):
        find_embedding(5, ring, CHIMERA, embedder="best")


@pytest.mark.parametrize(
    ("kind", "size", "n", "longest"), [("pegasus", (6,), 40, 6), ("zephyr", (4, 4), 36, 5)]
)
def test_cliques_of_pegasus_and_zephyr_with_holes(kind, size, n, longest):
    """The layout that the search is not asked for; chains as short as the square of the chip allows."""
    pytest.importorskip("minorminer")
    pytest.importorskip("dwave_networkx")
    whole = Topology(kind, size)
    graph = whole.graph()
    alive = np.sort(np.random.default_rng(0).choice(graph.ids, graph.n - 8, replace=False))
    wires = graph.ids[graph.edges]
    chip = WorkingGraph.of(alive.tolist(), wires[np.isin(wires, alive).all(axis=1)].tolist(), whole)
    for where, spins in ((whole, n), (chip, n - 10)):
        pairs = np.stack(np.triu_indices(spins, 1), axis=1)
        found = find_embedding(spins, pairs, where)  # verified there
        assert found.lengths.max() <= longest
