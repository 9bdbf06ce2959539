"""Colouring: proper, two colours where two are enough, quick on large graphs."""

import time

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.errors import NetlistError
from compiler.ir.langevin import CellKind, Cells, CouplingKind, Couplings, LangevinNetlist, Role
from compiler.passes.spins.colour import colour


def _matrix(graph: nx.Graph) -> sparse.csr_array:
    return sparse.csr_array(nx.to_scipy_sparse_array(graph, nodelist=sorted(graph), weight=None))


def _proper(graph: nx.Graph, colours: np.ndarray) -> bool:
    return all(colours[a] != colours[b] for a, b in graph.edges)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**31))
def test_no_two_coupled_cells_share_a_colour(n, p, seed):
    graph = nx.gnp_random_graph(n, p, seed=seed)
    colours = colour(_matrix(graph))
    assert colours.dtype == np.int32 and colours.shape == (n,) and colours.min() == 0
    assert _proper(graph, colours)
    assert set(colours.tolist()) == set(range(colours.max() + 1))
    assert colours.max() <= max((d for _, d in graph.degree), default=0)
    if nx.is_bipartite(graph):
        assert colours.max() <= 1


@pytest.mark.parametrize(
    ("graph", "n_colours"),
    [
        (nx.cycle_graph(6), 2),
        (nx.cycle_graph(7), 3),
        (nx.complete_graph(5), 5),
        (nx.grid_2d_graph(4, 5), 2),
        (nx.complete_bipartite_graph(3, 9), 2),
        (nx.empty_graph(4), 1),
        (nx.disjoint_union(nx.cycle_graph(3), nx.path_graph(10)), 3),
    ],
)
def test_known_graphs(graph, n_colours):
    graph = nx.convert_node_labels_to_integers(graph)
    colours = colour(_matrix(graph))
    assert _proper(graph, colours)
    assert colours.max() + 1 == n_colours


def test_directed_couplings_of_any_weight_count_and_inputs_do_not():
    role = np.array([0, 0, 0, Role.INPUT])
    cells = Cells.make(4, kind=CellKind.PBIT, x0=1.0, role=role)
    # a one-way chain 0 <- 1 <- 2 with a weight of zero, all driven by the input 3
    linear = Couplings.from_coo(
        CouplingKind.LINEAR, 4, [0, 1, 0, 1, 2], [1, 2, 3, 3, 3], [0.0, 1.0, 1.0, 1.0, 1.0]
    )
    netlist = LangevinNetlist(cells=cells, couplings=(linear,), kT=1.0, mobility=1.0, schedule=())
    assert colour(netlist).tolist() == [0, 1, 0, 0]
    # as bare couplings the input counts as well: 0-1-3 is a triangle
    assert len(set(colour(linear).tolist())) == 3


def test_no_cells_and_no_couplings():
    assert colour(sparse.csr_array((0, 0))).shape == (0,)
    cells = Cells.make(3, kind=CellKind.PBIT)
    netlist = LangevinNetlist(cells=cells, couplings=(), kT=1.0, mobility=1.0, schedule=())
    assert colour(netlist).tolist() == [0, 0, 0]


def test_a_self_loop_is_refused():
    with pytest.raises(NetlistError, match="cell 1 couples to itself"):
        colour(sparse.csr_array(([1.0], ([1], [1])), shape=(3, 3)))


def test_a_hundred_thousand_cells_take_seconds():
    rng = np.random.default_rng(1)
    n = 100_000
    ends = rng.integers(0, n, (600_000, 2))
    ends = ends[ends[:, 0] != ends[:, 1]]
    graph = sparse.csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    start = time.perf_counter()
    colours = colour(graph)
    assert time.perf_counter() - start < 5
    assert (colours[ends[:, 0]] != colours[ends[:, 1]]).all()
    assert colours.max() < 20
