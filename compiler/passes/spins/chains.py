"""Ising netlists on hardware with few wires: spins as chains of p-bits.

The netlist of an embedded model carries in `lowered` the placement (the hardware node of each cell),
embedded (the cells of each logical spin) and logical, the model that was embedded; see
compiler.passes.spins.model, which reads states back.

Where no chain is broken the p-bits have exactly the logical model's distribution: a chain of k - 1
wires adds the constant -S (k - 1) to the energy. A chain that costs little to break spoils it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from compiler.errors import TargetError
from compiler.ir.langevin import CellKind, Cells, LangevinNetlist, ReadOut
from compiler.ir.lowered import Embedded, Placement
from compiler.passes.spins.embed import Embedding, find_embedding, verify_embedding
from compiler.passes.spins.model import logical_model, remember, spin_couplings
from hw_models.targets import Target
from hw_models.topologies import Topology
from hw_models.working import WorkingGraph

TORQUE = math.sqrt(2.0)


def torque_compensation(J: np.ndarray, n: int) -> float:
    """Chain strength sqrt(2) rms(J) sqrt(mean degree); 1 where there are no couplings.

    The couplings of a chain's two halves to the rest pull at random: a chain of this strength holds
    against their typical sum ("uniform torque compensation" of D-Wave's Ocean).
    """
    J = np.asarray(J, dtype=np.float64)
    rms = float(np.sqrt(np.mean(J**2))) if J.size else 0.0
    return TORQUE * rms * math.sqrt(2 * J.size / n) if rms else 1.0


def embed(
    netlist: LangevinNetlist,
    target: Target,
    *,
    chain_strength: float | None = None,
    seed: int = 0,
    embedding: Embedding | None = None,
    embedder: str = "thermoc",
    told: Callable[[float], None] | None = None,
) -> LangevinNetlist:
    """The Ising netlist with every spin as a chain of the target's p-bits; chains break: not exact.

    A field is split evenly over the chain, a coupling over all wires between the two chains, and
    every wire within a chain couples with chain_strength, by default `torque_compensation`. Cells
    are in the order of their nodes and all are read. A graph that fits as it is stays as it is, or
    gets the placement alone; that is exact.

    embedding : chains of nodes to use in place of a search with this seed
    embedder, told : as in `find_embedding`

    Raises TargetError for a strength that is not above 0, a target without topology or a graph for
    which no chains are found; UnsupportedError for what is no Ising model.
    """
    topology = target.topology
    if topology is None:
        raise TargetError(
            f"target `{target.name}` is wired without limits; leave --embed out, or choose one "
            "with a topology"
        )
    if chain_strength is not None and not (math.isfinite(chain_strength) and chain_strength > 0):
        raise TargetError(f"the chain strength must be a number above 0, got {chain_strength:g}")
    if netlist.lowered.embedded is not None:
        raise TargetError("the netlist is embedded already; compile it from its model")
    h, edges, J = logical_model(netlist)
    if embedding is None:
        embedding = find_embedding(h.size, edges, topology, seed=seed, embedder=embedder, told=told)
    elif embedding.n != h.size:
        raise TargetError(f"{embedding.n} chains are given for {h.size} spins; give one for each")
    else:
        verify_embedding(embedding, edges, topology.graph())
    if embedding.lengths.max() == 1 and (np.diff(embedding.nodes) > 0).all():
        nodes = embedding.nodes.tolist()
        if nodes == list(range(h.size)):
            return netlist
        placement = Placement(topology.name, embedding.nodes)
        return netlist.with_(lowered=netlist.lowered.with_(placement=placement))
    strength = torque_compensation(J, h.size) if chain_strength is None else float(chain_strength)
    return _chained(netlist, embedding, topology, strength, h, edges, J)


def _chained(
    netlist: LangevinNetlist,
    embedding: Embedding,
    topology: Topology | WorkingGraph,
    strength: float,
    h: np.ndarray,
    edges: np.ndarray,
    J: np.ndarray,
) -> LangevinNetlist:
    graph, n = topology.graph(), h.size
    nodes = np.sort(embedding.nodes)
    count = nodes.size
    owner = np.full(graph.n, -1, dtype=np.int64)
    owner[embedding.nodes] = np.repeat(np.arange(n), embedding.lengths)
    cell = np.full(graph.n, -1, dtype=np.int64)
    cell[nodes] = np.arange(count)
    spin = owner[nodes]
    a, b = graph.edges.T
    p, q = owner[a], owner[b]
    key = np.minimum(p, q) * n + np.maximum(p, q)
    inside = (p >= 0) & (p == q)
    wanted = edges[:, 0] * n + edges[:, 1]
    between = (p >= 0) & (q >= 0) & (p != q) & np.isin(key, wanted)
    at = np.searchsorted(wanted, key[between])
    share = J / np.bincount(at, minlength=J.size)
    row = np.concatenate([cell[a[inside]], cell[a[between]]])
    col = np.concatenate([cell[b[inside]], cell[b[between]]])
    weight = np.concatenate([np.full(int(inside.sum()), strength), share[at]])
    readout = netlist.readout
    if readout is not None:
        readout = ReadOut(np.arange(count, dtype=np.int32), readout.phase, decision="value")
    chains = np.argsort(spin, kind="stable").astype(np.int32)
    ends = np.concatenate([[0], np.cumsum(embedding.lengths)]).astype(np.int64)
    lowered = netlist.lowered.with_(
        placement=Placement(topology.name, nodes.astype(np.int32)),
        embedded=Embedded(ends, chains, strength / netlist.lowered.energy_scale),
    )
    placed = netlist.with_(
        cells=Cells.make(
            count, h=(h / embedding.lengths)[spin], x0=netlist.cells.x0[spin], kind=CellKind.PBIT
        ),
        couplings=spin_couplings(count, row, col, weight),
        groups=(),
        readout=readout,
        lowered=lowered,
    )
    return remember(placed, netlist)
