"""Minor embedding: verified placement, whole chains sample the model exactly, weak ones break."""

import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.spins import all_states, boltzmann, netlist_of, number_of, tv

from compiler.api import compile
from compiler.errors import NetlistError, TargetError, UnsupportedError
from compiler.families.ising import from_edges, lower_ising
from compiler.ir.container import load, save
from compiler.ir.kinds import verify
from compiler.ir.langevin import CellKind, Cells, LangevinNetlist
from compiler.ir.lowered import Embedded, Placement
from compiler.passes.legalize import MendOptions, legalize, violations
from compiler.passes.spins.chains import embed, torque_compensation
from compiler.passes.spins.embed import Embedding, find_embedding, verify_embedding
from compiler.passes.spins.model import decode, logical_model, logical_netlist, unembed
from hw_models.targets import TARGETS
from hw_models.topologies import Topology


def edges_of(graph):
    return np.array(graph.edges, dtype=np.int64).reshape(-1, 2)


def is_minor(embedding, graph, topology):
    """The definition, by networkx."""
    hardware = nx.Graph(topology.graph().edges.tolist())
    hardware.add_nodes_from(range(topology.graph().n))
    chains = [set(embedding.chain(i).tolist()) for i in range(embedding.n)]
    disjoint = len(set().union(*chains)) == sum(map(len, chains))
    connected = all(nx.is_connected(hardware.subgraph(c)) for c in chains)
    joined = all(any(hardware.has_edge(p, q) for p in chains[a] for q in chains[b]) for a, b in graph.edges)
    return disjoint and connected and joined


GRAPHS = {
    "3-regular on chimera": (nx.random_regular_graph(3, 24, seed=1), Topology("chimera", (6, 6, 4))),
    "sparse on pegasus": (nx.gnp_random_graph(30, 0.15, seed=2), Topology("pegasus", (4,))),
    "K7 on king": (nx.complete_graph(7), Topology("king", (16, 16))),
    "tree on grid": (nx.balanced_tree(2, 4), Topology("g8", (10, 10))),
    "cycle on zephyr": (nx.cycle_graph(31), Topology("zephyr", (2, 4))),
    "alone": (nx.empty_graph(3), Topology("king", (2, 2))),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_chains_are_a_minor(name):
    graph, topology = GRAPHS[name]
    embedding = find_embedding(len(graph), edges_of(graph), topology, seed=3)
    assert is_minor(embedding, graph, topology)
    again = find_embedding(len(graph), edges_of(graph), topology, seed=3)
    assert np.array_equal(embedding.nodes, again.nodes)
    assert np.array_equal(embedding.indptr, again.indptr)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 14), st.floats(0.1, 0.5), st.integers(0, 1000))
def test_chains_of_random_graphs_are_a_minor(n, density, seed):
    graph, topology = nx.gnp_random_graph(n, density, seed=seed), Topology("chimera", (5, 5, 4))
    assert is_minor(find_embedding(n, edges_of(graph), topology, seed=seed), graph, topology)


@pytest.mark.parametrize("m", [1, 2, 5])
def test_the_clique_of_chimera_has_chains_of_m_plus_1(m):
    n, topology = 4 * m, Topology("chimera", (m, m, 4))
    embedding = find_embedding(n, edges_of(nx.complete_graph(n)), topology)
    assert (embedding.lengths == m + 1).all()
    assert is_minor(embedding, nx.complete_graph(n), topology)


def test_not_much_larger_than_minorminers():
    minorminer = pytest.importorskip("minorminer", reason="minorminer is the peer")
    topology = Topology("chimera", (16, 16, 4))
    wires = [tuple(e) for e in topology.graph().edges.tolist()]
    ours = theirs = 0
    for seed in range(2):
        graph = nx.random_regular_graph(3, 40, seed=seed)
        ours += find_embedding(40, edges_of(graph), topology, seed=seed).nodes.size
        found = minorminer.find_embedding(list(graph.edges), wires, random_seed=seed)
        theirs += sum(map(len, found.values()))
    assert ours < 1.4 * theirs


def test_what_cannot_be_embedded_is_one_clear_line():
    complete = edges_of(nx.complete_graph(9))
    topology = Topology("square", (4, 4))
    with pytest.raises(TargetError) as caught:
        find_embedding(9, complete, topology)
    assert str(caught.value).startswith(
        "a graph of 9 spins with 36 couplings cannot be embedded into topology square(4, 4) with "
        "16 cells and 24 wires; "
    )
    assert "choose a larger or better connected target" in str(caught.value)
    with pytest.raises(TargetError, match="collided; choose a larger"):
        find_embedding(6, edges_of(nx.complete_graph(6)), topology)
    # degree 20 needs chains of 5 on Chimera, 3,000 cells, which is known without a search
    with pytest.raises(TargetError, match="cells and 6,016 wires; choose a larger"):
        ring = nx.circulant_graph(600, range(1, 11))
        find_embedding(600, edges_of(ring), Topology("chimera", (16, 16, 4)))
    with pytest.raises(TargetError, match="too large for the search"):
        find_embedding(3000, edges_of(nx.cycle_graph(3000)), Topology("square", (700, 700)))


def test_the_search_ends(monkeypatch):
    graph = nx.random_regular_graph(3, 24, seed=1)
    monkeypatch.setattr("compiler.passes.spins.embed.BUDGET", 1e4)
    with pytest.raises(TargetError, match="400 cells and 1,482 wires; choose a larger"):
        find_embedding(24, edges_of(graph), Topology("king", (20, 20)))
    # on Chimera the clique layout is still there
    chimera = Topology("chimera", (6, 6, 4))
    assert (find_embedding(24, edges_of(graph), chimera).lengths == 7).all()


PATH = edges_of(nx.path_graph(3))
BROKEN = {
    "shares": ([[0], [1], [1, 2]], PATH, "node 1 is in the chains"),
    "pieces": ([[0, 3], [1], [2]], PATH, r"chain 0 \(0, 3\) is in pieces"),
    "no wire": ([[0], [1], [3]], PATH, "spins 1 and 2 are coupled, but no wire"),
    "empty": ([[0], [], [2]], PATH, "chain 1 is empty"),
    "outside": ([[0], [1], [9]], PATH, "chain 2 holds node 9; the hardware has nodes 0 to 3"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_bad_placements_are_found(case):
    graph = Topology("square", (1, 4)).graph()  # a line of four
    verify_embedding(Embedding.of([[0, 1], [2], [3]]), PATH, graph)
    chains, edges, message = BROKEN[case]
    with pytest.raises(TargetError, match=message):
        verify_embedding(Embedding.of(chains), edges, graph)


# --- netlists ------------------------------------------------------------------------------------

TARGET = TARGETS.get("king-3")
# three spins, all coupled, on six cells of the king's 3 x 3 grid
CHAINS = Embedding.of([[0, 1], [3, 6], [4, 5]])


def whole(embedded):
    """(mask, spins): which states of the p-bits have no broken chain, and what they say."""
    states = all_states(embedded.n_cells)
    chains = embedded.lowered.embedded.chains
    mask = np.all([np.ptp(states[:, c], axis=1) == 0 for c in chains], axis=0)
    return mask, states[:, [c[0] for c in chains]]


def marginal(embedded, method="majority"):
    """Exact distribution of the unembedded spins; a tie of n cells counts half on either side."""
    p, states = boltzmann(embedded), all_states(embedded.n_cells)
    n = len(embedded.lowered.embedded.chains)
    total = np.zeros(2**n)
    for seed in range(40):
        spins, _ = unembed(states, embedded, method=method, seed=seed)
        total += np.bincount(number_of(spins), weights=p, minlength=2**n) / 40
    return total


def test_whole_chains_have_exactly_the_models_distribution():
    netlist = netlist_of(3, density=1.0, seed=4)
    embedded = embed(netlist, TARGET, chain_strength=0.8, embedding=CHAINS)
    verify(embedded)
    assert embedded.n_cells == 6
    legal = TARGETS.get("king-3")
    assert not any("wire" in v for v in violations(embedded, legal))
    mask, spins = whole(embedded)
    p = np.bincount(number_of(spins[mask]), weights=boltzmann(embedded)[mask], minlength=8)
    assert tv(p / p.sum(), boltzmann(netlist)) < 1e-12


def test_strong_chains_do_not_break_and_weak_ones_do():
    netlist = netlist_of(3, density=1.0, seed=4)
    exact = boltzmann(netlist)
    distances, broken = [], []
    for strength in (0.1, 0.5, 1.0, 2.0, 4.0, 6.0):
        embedded = embed(netlist, TARGET, chain_strength=strength, embedding=CHAINS)
        mask, _ = whole(embedded)
        broken.append(1 - boltzmann(embedded)[mask].sum())
        distances.append(tv(marginal(embedded), exact))
    assert (np.diff(broken) < 0).all() and broken[0] > 0.3
    # three chains of one wire each; each breaks with about exp(-2 S / kT) times a constant
    assert broken[-1] < 20 * np.exp(-2 * 6.0)
    assert distances[0] > 0.05 and distances[-1] < 1e-4
    assert (np.diff(distances[1:]) < 0).all()


def test_fields_and_couplings_are_split_and_add_up():
    netlist = netlist_of(6, density=0.8, seed=1)
    embedded = embed(netlist, TARGETS.get("king-6"), seed=1)
    h, edges, J = logical_model(embedded)
    chain = np.zeros(embedded.n_cells, int)
    for i, cells in enumerate(embedded.lowered.embedded.chains):
        chain[cells] = i
    want_h, want_edges, want_J = logical_model(netlist)
    assert np.allclose(np.bincount(chain, weights=h), want_h)
    total = {}
    for (a, b), w in zip(chain[edges], J, strict=True):
        total[min(a, b), max(a, b)] = total.get((min(a, b), max(a, b)), 0.0) + w
    for (a, b), w in zip(want_edges.tolist(), want_J, strict=True):
        assert total[a, b] == pytest.approx(w)
    strength = torque_compensation(want_J, 6)
    assert strength == pytest.approx(np.sqrt(2) * np.sqrt(np.mean(want_J**2)) * np.sqrt(2 * len(want_J) / 6))
    inside = chain[edges[:, 0]] == chain[edges[:, 1]]
    assert np.allclose(J[inside], strength) and inside.any()


def test_a_graph_that_fits_stays_as_it_is():
    wires = Topology("square", (4, 5)).graph().edges
    model = from_edges(np.zeros(20), wires[:, 0], wires[:, 1], np.ones(len(wires)))
    netlist = lower_ising(model, sample=True)
    target = TARGETS.get("square-5")
    # 4 x 5 numbered row by row is the upper part of 5 x 5
    assert embed(netlist, target) is netlist
    assert legalize(netlist, TARGETS.get("square-5")) is netlist
    crossing = lower_ising(from_edges(np.zeros(3), [0], [2], [1.0]), sample=True)
    with pytest.raises(TargetError) as caught:
        legalize(crossing, target)
    assert str(caught.value) == (
        "coupling (0, 2) has no wire; target `square-5` is wired as square(5, 5): add --embed"
    )


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (Topology("g8", (6, 9)), "grid-g8-12"),
        (Topology("king", (5, 4)), "king-7"),
        (Topology("chimera", (2, 3, 4)), "chimera-4"),
    ],
)
def test_a_smaller_grid_of_the_same_kind_needs_no_chains(small, large):
    graph = small.graph()
    J = np.random.default_rng(0).normal(size=len(graph.edges))
    model = from_edges(np.zeros(graph.n), graph.edges[:, 0], graph.edges[:, 1], J)
    netlist = lower_ising(model, sample=True)
    target = TARGETS.get(large)
    placed = embed(netlist, target)
    assert placed.lowered.embedded is None
    assert placed.couplings is netlist.couplings and placed.cells is netlist.cells
    assert not any("wire" in v for v in violations(placed, target))
    assert any("wire" in v for v in violations(netlist, target))
    found = decode(placed, np.ones(graph.n))
    assert found.energies == pytest.approx(-J.sum()) and found.broken is None


def test_a_wrong_placement_is_illegal():
    netlist = netlist_of(3, density=1.0, seed=4)
    embedded = embed(netlist, TARGET, embedding=CHAINS)
    for nodes, message in (
        ([0, 1, 3, 4, 5, 8], "has no wire"),
        ([0, 1, 3, 4, 5, 99], "at nodes up to 99"),
        ([0, 0, 3, 4, 5, 6], "does not give each of the 6 cells a node"),
        ([0, 1, 3], "does not give each of the 6 cells a node"),
    ):
        placement = Placement("king(3, 3)", np.array(nodes, np.int32))
        moved = embedded.with_(lowered=embedded.lowered.with_(placement=placement))
        assert any(message in v for v in violations(moved, TARGET))
    assert not any("wire" in v for v in violations(embedded, TARGET))


def test_compile_embeds_scales_and_rounds_and_the_answer_is_the_models(tmp_path):
    model = from_edges(
        [0.5, -1.0, 0.25, 0.0],
        [0, 0, 1, 2, 0, 1],
        [1, 2, 2, 3, 3, 3],
        [1.0, -2.0, 3.0, 1.5, 0.7, -0.4],
        offset=7.5,
    )
    target = TARGETS.get("chimera-2")
    with pytest.raises(TargetError, match="add --embed"):
        compile(model, target=target)
    netlist = compile(model, target=target, mend=["embed", "rescale", "quantize"])
    save(netlist, tmp_path / "net.tnl")
    netlist = load(tmp_path / "net.tnl")
    assert not violations(netlist, target)
    assert netlist.n_cells > 4 and netlist.kT < 1
    spins = all_states(4)
    states = np.zeros((16, netlist.n_cells), np.int8)
    for i, cells in enumerate(netlist.lowered.embedded.chains):
        states[:, cells] = spins[:, i, None]
    found = decode(netlist, states)
    assert np.array_equal(found.states, spins)
    assert np.allclose(found.energies, model.energy(spins))
    assert found.broken is not None and not found.broken.any()
    logical = logical_netlist(netlist)
    assert logical.kT == model.kT
    assert np.allclose(logical_model(logical)[2], model.J)
    # the last phase keeps kT over energies
    assert logical.schedule[0].kT == pytest.approx(lower_ising(model).schedule[0].kT)


# --- unembedding ---------------------------------------------------------------------------------


def test_majority_and_broken_shares():
    notes = Embedded(np.array([0, 3, 4, 6]), np.array([0, 3, 4, 1, 2, 5], np.int32), 1.0)
    states = np.array(
        [[1, -1, 1, 1, -1, 1], [-1, -1, 1, 1, -1, -1], [1, 1, -1, 1, 1, -1], [1, 1, 1, 1, 1, -1]]
    )
    spins, broken = unembed(states, notes, seed=5)
    assert spins[:, 0].tolist() == [1, -1, 1, 1] and spins[:, 1].tolist() == [-1, -1, 1, 1]
    assert spins[[0, 2], 2].tolist() == [1, -1]
    assert broken.tolist() == [0.5, 0.0, 0.5]
    assert set(unembed(np.tile(states[1], (200, 1)), notes)[0][:, 2].tolist()) == {-1, 1}
    one, share = unembed(states[0], notes)
    assert one.shape == (3,) and share.tolist() == [1.0, 0.0, 0.0]
    assert unembed(np.zeros((0, 6), int), notes)[0].shape == (0, 3)
    assert unembed(np.ones((2, 5, 6), int), notes)[0].shape == (2, 5, 3)


def test_energy_unembedding_keeps_whole_chains_and_lowers_the_energy():
    netlist = netlist_of(3, density=1.0, seed=4)
    embedded = embed(netlist, TARGET, chain_strength=0.5, embedding=CHAINS)
    states = all_states(6)
    greedy, broken = unembed(states, embedded, method="energy")
    voted, same = unembed(states, embedded)
    assert np.array_equal(broken, same)
    mask, spins = whole(embedded)
    assert np.array_equal(greedy[mask], spins[mask]) and np.array_equal(voted[mask], spins[mask])
    chains = embedded.lowered.embedded.chains
    intact = np.stack([np.ptp(states[:, c], axis=1) == 0 for c in chains], axis=1)
    assert (greedy[intact] == voted[intact]).all()
    energies = {method: decode(embedded, states, method=method).energies for method in ("energy", "majority")}
    assert (energies["energy"] - energies["majority"])[~mask].mean() < -0.2
    # one broken chain: the greedy choice is the better of the two
    one = (~intact).sum(axis=1) == 1
    for state, spin, ok in zip(states[one], greedy[one], intact[one], strict=True):
        del state
        other = spin.copy()
        other[~ok] *= -1
        pair = np.stack([spin, other])
        h, edges, J = logical_model(netlist)
        e = -(pair @ h) - (pair[:, edges[:, 0]] * pair[:, edges[:, 1]]) @ J
        assert e[0] <= e[1] + 1e-12


def test_bad_uses_are_refused():
    netlist = netlist_of(3, density=1.0, seed=4)
    for strength in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(TargetError, match="chain strength must be a number above 0"):
            embed(netlist, TARGET, chain_strength=strength)
    with pytest.raises(TargetError, match="target `ideal` is wired without limits"):
        embed(netlist, TARGETS.get("ideal"))
    with pytest.raises(TargetError, match="2 chains are given for 3 spins"):
        embed(netlist, TARGET, embedding=Embedding.of([[0], [1]]))
    embedded = embed(netlist, TARGET, embedding=CHAINS)
    with pytest.raises(TargetError, match="embedded already"):
        embed(embedded, TARGET)
    with pytest.raises(NetlistError, match="the chains have 6 cells"):
        unembed(np.ones((2, 5)), embedded)
    with pytest.raises(NetlistError, match="not embedded"):
        unembed(np.ones((2, 3)), netlist)
    with pytest.raises(UnsupportedError, match="method must be majority"):
        unembed(np.ones((2, 6)), embedded, method="vote")
    with pytest.raises(UnsupportedError, match="with the netlist itself"):
        unembed(np.ones((2, 6)), embedded.lowered.embedded, method="energy")
    continuous = LangevinNetlist(Cells.make(2), (), 1.0, 1.0, ())
    with pytest.raises(UnsupportedError, match="cell 0 is continuous; only a netlist of p-bits"):
        embed(continuous, TARGET)
    one_way = netlist.with_(cells=Cells.make(3, kind=CellKind.PBIT, role=[1, 0, 0]))
    with pytest.raises(UnsupportedError, match="cell 0 is an input"):
        embed(one_way, TARGET)
    with pytest.raises(TargetError, match="chain strength"):
        compile(
            random_square(), target=TARGETS.get("king-3"), mend=["embed"], how=MendOptions(chain_strength=0.0)
        )


def random_square():
    return from_edges(np.zeros(4), [0, 1, 2, 0], [1, 2, 3, 3], [1.0, -1.0, 1.0, 0.5])


def test_a_search_tells_how_far_it_is_and_can_be_interrupted():
    heard = []

    def told(share):
        heard.append(share)
        if len(heard) == 3:
            raise KeyboardInterrupt

    graph = nx.random_regular_graph(20, 400, seed=1)  # takes all of the search's work
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        find_embedding(400, edges_of(graph), Topology("pegasus", (16,)), told=told)
    assert len(heard) == 3 and 0 <= heard[0] <= heard[1] <= heard[2] <= 1
    assert time.perf_counter() - begin < 30  # compilation included; else some two minutes
