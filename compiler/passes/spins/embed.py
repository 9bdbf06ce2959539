"""Minor embedding: every logical spin becomes a chain of cells that wires of hardware connect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from compiler.errors import TargetError
from compiler.passes.spins.embed_kernels import balance, negotiate, shorten
from hw_models.topologies import Graph, Topology
from hw_models.working import WorkingGraph

DENSE = 0.5  # share of coupled pairs above which a known clique layout is taken at once
EMBEDDERS = ("auto", "thermoc", "minorminer")
TRIES, ROUNDS, POLISH = 4, 50, 40
LARGEST = 1 << 30  # spins times cells that the search may take, one byte each
BUDGET = 6e9  # wires that the search looks at: some two minutes
SECONDS = 120  # that minorminer may take
WATCH = 0.1  # seconds between two looks at the search
# price of a cell in use, its growth a round and its end, and what a collision adds; see negotiate
BASE, GROWTH, MOST, RISE = 2.0, 1.2, 100.0, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Chains of hardware nodes, one for each logical spin.

    indptr : (n + 1,) int64, nodes : int32; chain i is nodes[indptr[i] : indptr[i + 1]], ascending
    """

    indptr: np.ndarray
    nodes: np.ndarray

    @property
    def n(self) -> int:
        return self.indptr.size - 1

    @property
    def lengths(self) -> np.ndarray:
        """(n,) cells of each chain."""
        return np.diff(self.indptr)

    def chain(self, i: int) -> np.ndarray:
        return self.nodes[self.indptr[i] : self.indptr[i + 1]]

    @staticmethod
    def of(chains: Any) -> Embedding:
        """From a sequence of sequences of node numbers."""
        sizes = [len(c) for c in chains]
        nodes = [np.sort(np.asarray(c, dtype=np.int32)) for c in chains if len(c)]
        joined = np.concatenate(nodes) if nodes else np.zeros(0, np.int32)
        return Embedding(np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]), joined)


def verify_embedding(embedding: Embedding, edges: np.ndarray, graph: Graph) -> None:
    """Check that chains are disjoint and connected and that every edge has a wire.

    edges : (m, 2) pairs of logical spins

    Raises TargetError naming the first chain or edge at fault.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    owner = np.full(graph.n, -1, dtype=np.int64)
    chain = np.repeat(np.arange(embedding.n), embedding.lengths)
    bad = (embedding.nodes < 0) | (embedding.nodes >= graph.n)
    if bad.any():
        k = int(np.argmax(bad))
        raise TargetError(
            f"chain {chain[k]} holds node {embedding.nodes[k]}; the hardware has nodes 0 to {graph.n - 1}"
        )
    if (embedding.lengths == 0).any():
        raise TargetError(f"chain {int(np.argmin(embedding.lengths))} is empty; give it a cell")
    owner[embedding.nodes] = chain
    shared = owner[embedding.nodes] != chain
    if shared.any() or np.unique(embedding.nodes).size < embedding.nodes.size:
        k = int(np.argmax(shared))
        node = int(embedding.nodes[k])
        raise TargetError(f"node {node} is in the chains {chain[k]} and {owner[node]}; a node belongs to one")
    a, b = owner[graph.edges].T
    within = (a >= 0) & (a == b)
    wires = sparse.csr_array((np.ones(within.sum()), graph.edges[within].T), shape=(graph.n, graph.n))
    _, part = connected_components(wires, directed=False)
    loose = part[embedding.nodes] != part[embedding.nodes[embedding.indptr[chain]]]
    if loose.any():
        i = int(chain[np.argmax(loose)])
        raise TargetError(
            f"chain {i} ({', '.join(map(str, embedding.chain(i).tolist()))}) is in pieces; its "
            "cells must be connected by wires"
        )
    edges = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    across = (a >= 0) & (b >= 0) & (a != b)
    n = embedding.n
    have = np.unique(np.minimum(a, b)[across] * n + np.maximum(a, b)[across])
    need = edges.min(axis=1) * n + edges.max(axis=1)
    missing = ~np.isin(need, have)
    if missing.any():
        i, j = edges[np.argmax(missing)]
        raise TargetError(f"spins {i} and {j} are coupled, but no wire joins their chains")


def find_embedding(
    n: int,
    edges: np.ndarray,
    topology: Topology | WorkingGraph,
    *,
    seed: int = 0,
    tries: int = TRIES,
    embedder: str = "thermoc",
    told: Callable[[float], None] | None = None,
) -> Embedding:
    """Chains for the logical graph of n spins and `edges` (m, 2), verified.

    Spin i goes to node i where the graph fits so, or the same grid of another width into a corner
    of the topology's. Otherwise chains are routed along shortest paths that pay for cells in use
    (Cai, Macready and Roy, arXiv 1406.2741), with prices that rise where chains collide again and
    again (McMurchie and Ebeling, PathFinder, FPGA'95), then shortened. Of `tries` starts the one
    with the fewest cells is kept, or a clique's layout (Chimera's; of Pegasus and Zephyr where minorminer
    and dwave-networkx are installed) where that is no larger or more than
    half of all pairs are coupled. The same arguments give the same chains. The search ends after a
    fixed amount of work, some two minutes, or a moment after it is interrupted.

    embedder : thermoc, the search told of here; minorminer, D-Wave's (Cai et al.), which must be installed;
        or auto: minorminer where it is installed, and ours where that finds nothing
    told : called now and then with the share of that work that is used, from 0 to 1

    Raises TargetError where no way is found: the search is a heuristic, no proof that none exists.
    """
    if embedder not in EMBEDDERS:
        raise TargetError(f"the embedder is {', '.join(EMBEDDERS)}; got {embedder!r}")
    graph = topology.graph()
    edges = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    what = f"a graph of {n:,} spins with {edges.shape[0]:,} couplings"
    where = f"topology {topology.name} with {graph.n:,} cells and {len(graph.edges):,} wires"
    nodes = _native(n, edges, topology, graph)
    if nodes is not None:
        return Embedding.of(nodes[:, None])
    best: Embedding | None = None
    least = graph.n + 1
    clique = _clique(n, topology)
    dense = clique is not None and edges.shape[0] > DENSE * n * (n - 1) / 2
    if _least_cells(n, edges, graph) <= graph.n and not dense:
        if n * graph.n > LARGEST:
            raise TargetError(
                f"{what} is too large for the search of an embedding into {where}; choose a target "
                "on which the graph is native"
            )
        if embedder != "thermoc":
            best = _minorminer(n, edges, graph, seed, needed=embedder == "minorminer")
        if best is None and embedder != "minorminer":
            best, least = _watched(n, edges, graph, seed, tries, told)
    if clique is not None and (best is None or clique.nodes.size <= best.nodes.size):
        best = clique
    if best is None:
        short = "" if least >= graph.n else f"; in the best of {tries} tries {least} cells collided"
        raise TargetError(
            f"{what} cannot be embedded into {where}{short}; choose a larger or better connected "
            "target, or a sparser model"
        )
    verify_embedding(best, edges, graph)
    return best


def _least_cells(n: int, edges: np.ndarray, graph: Graph) -> int:
    """Cells that any embedding needs: a tree of L cells of degree D has L (D - 2) + 2 open ends."""
    if edges.shape[0] > graph.edges.shape[0]:
        return graph.n + 1
    degree = np.bincount(edges.ravel(), minlength=n)
    wide = max(graph.degree - 2, 0)
    if wide == 0:
        return graph.n + 1 if degree.max(initial=0) > 2 else n
    return int(np.maximum(1, -(-(degree - 2) // wide)).sum())


def fits(edges: np.ndarray, graph: Graph, nodes: np.ndarray | None = None) -> bool:
    """Whether all edges are wires, spin i being at nodes[i], by default at node i."""
    return not missing_wires(edges, graph, nodes).any()


def missing_wires(edges: np.ndarray, graph: Graph, nodes: np.ndarray | None = None) -> np.ndarray:
    """(m,) bool: edges that are no wires, spin i being at nodes[i], by default at node i."""
    return _missing(edges, graph.n, _keys(graph), nodes)


def _keys(graph: Graph) -> np.ndarray:
    """(wires,) int64, one ascending number a wire."""
    wires = graph.edges.astype(np.int64)
    return wires[:, 0] * graph.n + wires[:, 1]


def _missing(edges: np.ndarray, n: int, keys: np.ndarray, nodes: np.ndarray | None) -> np.ndarray:
    ends = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    if nodes is not None:
        ends = np.asarray(nodes, dtype=np.int64)[ends]
    wanted = ends.min(axis=1) * n + ends.max(axis=1)
    if not keys.size:
        return np.ones(wanted.size, dtype=bool)
    at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
    return keys[at] != wanted


def _minorminer(n: int, edges: np.ndarray, graph: Graph, seed: int, needed: bool) -> Embedding | None:
    """Chains by D-Wave's heuristic, None where it finds none; lone spins take cells that are left.

    Raises TargetError if it is needed and not installed.
    """
    try:
        import minorminer
    except ImportError:
        if needed:
            raise TargetError(
                "minorminer is not installed: pip install minorminer, or leave --embedder out"
            ) from None
        return None
    found = minorminer.find_embedding(edges.tolist(), graph.edges.tolist(), random_seed=seed, timeout=SECONDS)
    if not found and edges.size:
        return None
    used = np.zeros(graph.n, dtype=bool)
    for chain in found.values():
        used[list(chain)] = True
    free = iter(np.flatnonzero(~used).tolist())
    chains = [
        list(found[i]) if i in found else [k for k in [next(free, None)] if k is not None] for i in range(n)
    ]
    return Embedding.of(chains) if all(chains) else None


def _native(n: int, edges: np.ndarray, topology: Topology | WorkingGraph, graph: Graph) -> np.ndarray | None:
    """(n,) ascending nodes that hold the graph without chains, or None if no such way was found.

    Tried are node i for spin i and, on grids and Chimera, rows of every smaller width: a model made
    for a smaller grid of the same kind.
    """
    if n > graph.n:
        return None
    if isinstance(topology, WorkingGraph):
        return _native_part(n, edges, topology, graph)
    spin = np.arange(n)
    if fits(edges, graph):
        return spin
    if topology.kind in ("pegasus", "zephyr", "complete"):
        return None
    rows, columns, *rest = topology.parameters
    block = 2 * rest[0] if rest else 1
    cell, within = np.divmod(spin, block)
    keys = _keys(graph)
    for width in range(1, columns):
        row, column = np.divmod(cell, width)
        nodes = (row * columns + column) * block + within
        # a wrong width is nearly always seen in the first few edges
        if row[-1] >= rows or _missing(edges[:64], graph.n, keys, nodes).any():
            continue
        if not _missing(edges, graph.n, keys, nodes).any():
            return nodes
    return None


def _native_part(n: int, edges: np.ndarray, chip: WorkingGraph, graph: Graph) -> np.ndarray | None:
    """As `_native` where the chip's whole topology has a way that uses nothing that is dead."""
    if chip.whole is None:
        nodes = np.arange(n)
        return nodes if fits(edges, graph, nodes) else None
    whole = chip.whole.graph()
    at = _native(n, edges, chip.whole, whole)
    if at is None:
        return None
    ids = whole.ids[at]
    nodes = np.minimum(np.searchsorted(graph.ids, ids), graph.n - 1)
    return nodes if (graph.ids[nodes] == ids).all() and fits(edges, graph, nodes) else None


def _watched(
    n: int, edges: np.ndarray, graph: Graph, seed: int, tries: int, told: Callable[[float], None] | None
) -> tuple[Embedding | None, int]:
    """`_search` on a thread of its own: kernels hear no interrupt, this thread does."""
    budget = np.array([BUDGET])
    with ThreadPoolExecutor(1) as pool:
        search = pool.submit(_search, n, edges, graph, seed, tries, budget)
        try:
            while not wait([search], timeout=WATCH).done:
                if told is not None:
                    told(min(1.0, 1.0 - float(budget[0]) / BUDGET))
        finally:
            budget[0] = -1.0  # of no effect on a search that is done
    return search.result()


def _search(
    n: int, edges: np.ndarray, graph: Graph, seed: int, tries: int, budget: np.ndarray
) -> tuple[Embedding | None, int]:
    """(best embedding or None, fewest cells that chains collided at).

    budget : (1,) float64, work that is left; ends early once it is negative
    """
    hardware, logical = _csr(graph.n, graph.edges), _csr(n, edges)
    best: Embedding | None = None
    collisions = graph.n
    for attempt in range(tries):
        if budget[0] < 0:
            break
        rng = np.random.default_rng([seed, attempt])
        tie = 1e-3 * rng.random(graph.n)
        start = int(rng.integers(n))
        if attempt == 0:  # from the middle outwards: right for grids and other flat graphs
            tie = 1e-4 * tie + 1e-3 * _depth(*hardware, _middle(*hardware)) / graph.n
            start = _middle(*logical)
        nodes = np.zeros((n, min(graph.n, 2048)), dtype=np.int32)
        size = np.zeros(n, dtype=np.int64)
        usage = np.zeros(graph.n, dtype=np.int64)
        member = np.zeros((n, graph.n), dtype=bool)
        orders = np.stack([rng.permutation(n) for _ in range(ROUNDS)])
        orders[0] = np.argsort(_depth(*logical, start), kind="stable")
        done = negotiate(
            hardware, logical, nodes, size, member, usage, orders, tie, BASE, GROWTH, MOST, RISE, budget
        )
        if not 0 <= done <= ROUNDS:
            if done >= 0 and budget[0] >= 0:
                collisions = min(collisions, int((usage > 1).sum()))
            continue
        polish = np.stack([rng.permutation(n) for _ in range(POLISH)])
        shorten(hardware, logical, nodes, size, member, usage, polish, tie, budget)
        balance(hardware, logical, nodes, size, member, usage)
        found = Embedding.of([nodes[i, : size[i]] for i in range(n)])
        if best is None or found.nodes.size < best.nodes.size:
            best = found
    return best, collisions


def _csr(n: int, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbour lists of an undirected graph, ascending."""
    from scipy import sparse

    both = np.concatenate([edges, edges[:, ::-1]])
    ones = np.ones(both.shape[0], dtype=bool)
    matrix = sparse.csr_array((ones, both.T), shape=(n, n))
    matrix.sum_duplicates()
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)


def _depth(ptr: np.ndarray, adj: np.ndarray, start: int) -> np.ndarray:
    """(n,) steps of a breadth-first search from `start`; what it does not reach comes last."""
    from scipy import sparse
    from scipy.sparse.csgraph import dijkstra

    n = ptr.size - 1
    matrix = sparse.csr_array((np.ones(adj.size), adj, ptr), shape=(n, n))
    steps = dijkstra(matrix, indices=start, unweighted=True)
    return np.where(np.isfinite(steps), steps, n)


def _middle(ptr: np.ndarray, adj: np.ndarray) -> int:
    """A node about half way between two far ends, found by two searches (a double sweep)."""
    n = ptr.size - 1

    def far(steps: np.ndarray) -> int:
        return int(np.argmax(np.where(steps < n, steps, -1)))

    one = _depth(ptr, adj, far(_depth(ptr, adj, 0)))
    two = _depth(ptr, adj, far(one))
    return int(np.argmin(np.maximum(one, two)))


def _clique(n: int, topology: Topology | WorkingGraph) -> Embedding | None:
    """Chains of m + 1 cells, every two joined, for up to t m spins on a square Chimera, or see `_bus_clique`.

    Choi, "Minor-embedding in adiabatic quantum computation II", Quantum Inf. Process. 10 (2011):
    spin t i + k takes wire k of row i up to the diagonal and wire k of column i from there on.

    Of a chip with holes the smallest square is taken that holds n chains that work.
    """
    whole = topology.whole if isinstance(topology, WorkingGraph) else topology
    if whole is not None and whole.kind in ("pegasus", "zephyr"):
        return _bus_clique(n, whole, topology.graph())
    if whole is None or whole.kind != "chimera":
        return None
    rows, columns, t = whole.parameters
    least, most = -(-n // t), min(rows, columns)
    if not isinstance(topology, WorkingGraph):
        return None if least > most else Embedding.of(_clique_chains(n, least, (0, 0), columns, t))
    graph = topology.graph()
    for side in range(least, most + 1):
        for row in range(rows - side + 1):
            for column in range(columns - side + 1):
                chains = _clique_chains(side * t, side, (row, column), columns, t)
                found = _working_chains(chains, n, graph)
                if found is not None:
                    return found
    return None


def _bus_clique(n: int, whole: Topology, graph: Graph) -> Embedding | None:
    """Chains of a clique on Pegasus or Zephyr, also with holes, by minorminer's busclique; else None.

    None where minorminer or dwave-networkx is not installed, or no clique of n spins is found (Boothby,
    King and Roy, "Fast clique minor generation in Chimera qubit connectivity graphs", Quantum Inf. Process.
    15, 2016).
    """
    try:
        import dwave_networkx
        from minorminer.busclique import find_clique_embedding
    except ImportError:
        return None
    ids, wires = graph.ids.tolist(), graph.ids[graph.edges].tolist()
    make = getattr(dwave_networkx, f"{whole.kind}_graph")
    chip = make(*whole.parameters, node_list=ids, edge_list=wires)
    found = find_clique_embedding(n, chip, use_cache=False, seed=0)
    if len(found) != n:
        return None
    return Embedding.of([np.searchsorted(graph.ids, np.array(found[i])) for i in range(n)])


def _clique_chains(n: int, side: int, corner: tuple[int, int], columns: int, t: int) -> list[list[int]]:
    """The first n chains of a square of unit cells."""
    chains = []
    for spin in range(n):
        i, k = divmod(spin, t)
        row, column = corner[0] + i, corner[1]
        across = [((row * columns + column + j) * 2 + 1) * t + k for j in range(i + 1)]
        down = [((corner[0] + r) * columns + column + i) * 2 * t + k for r in range(i, side)]
        chains.append(across + down)
    return chains


def _working_chains(chains: list[list[int]], n: int, graph: Graph) -> Embedding | None:
    """n of some chains by the maker's numbers, every two of them joined, that have no dead cell or wire."""
    alive = [c for c in chains if np.isin(c, graph.ids).all()]
    if len(alive) < n:
        return None
    wires = {tuple(e) for e in graph.edges.tolist()}
    here = [np.searchsorted(graph.ids, np.array(c)).tolist() for c in alive]

    def wired(a: list[int], b: list[int]) -> bool:
        return any((min(p, q), max(p, q)) in wires for p in a for q in b)

    whole = [c for c in here if all(wired([p], [q]) for p, q in pairwise(c))]
    kept: list[list[int]] = []
    for chain in whole:
        if all(wired(chain, other) for other in kept):
            kept.append(chain)
        if len(kept) == n:
            return Embedding.of(kept)
    return None
