"""Minor embeddings beside minorminer's: cells used, longest chain, seconds.

    python benchmarks/embedding.py [--seeds 3]

For every problem the median over seeds; both take what they find in one call with their defaults.
"""

from __future__ import annotations

import argparse
import os
import time

import minorminer
import networkx as nx
import numpy as np

from compiler.errors import TargetError
from compiler.passes.spins.embed import find_embedding
from hw_models.topologies import Topology

CHIMERA, PEGASUS = Topology("chimera", (16, 16, 4)), Topology("pegasus", (8,))
GRID, KING = Topology("g12", (40, 40)), Topology("king", (32, 32))


def problems(seed: int) -> dict[str, tuple[nx.Graph, Topology]]:
    """Graphs by name, drawn anew for each seed where they are random."""
    cubic = {n: nx.random_regular_graph(3, n, seed=seed) for n in (40, 100, 120)}
    return {
        "cubic, 40": (cubic[40], CHIMERA),
        "cubic, 120": (cubic[120], CHIMERA),
        "all pairs, 30": (nx.complete_graph(30), CHIMERA),
        "3 of 10 pairs, 30": (nx.gnp_random_graph(30, 0.3, seed=seed), CHIMERA),
        "cubic, 120, Pegasus": (cubic[120], PEGASUS),
        "cubic, 100, G12 grid": (cubic[100], GRID),
        "all pairs, 10, king": (nx.complete_graph(10), KING),
    }


def ours(graph: nx.Graph, topology: Topology, seed: int) -> list[int]:
    try:
        edges = np.array(graph.edges)
        return find_embedding(len(graph), edges, topology, seed=seed).lengths.tolist()
    except TargetError:
        return []


def theirs(graph: nx.Graph, topology: Topology, seed: int) -> list[int]:
    wires = [tuple(e) for e in topology.graph().edges.tolist()]
    found = minorminer.find_embedding(list(graph.edges), wires, random_seed=seed)
    return [len(chain) for chain in found.values()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    ours(nx.cycle_graph(5), CHIMERA, 0)  # compile
    print(
        f"load {os.getloadavg()[0]:.2f}; ours | minorminer: cells, longest chain, CPU seconds, "
        f"found; medians of {seeds}"
    )
    for name in problems(0):
        line = []
        for find in (ours, theirs):
            rows = []
            for seed in range(seeds):
                graph, topology = problems(seed)[name]
                start = time.process_time()
                lengths = find(graph, topology, seed)
                rows.append((sum(lengths), max(lengths, default=0), time.process_time() - start))
            cells, longest, seconds = np.median([r for r in rows if r[0]] or rows, axis=0)
            good = sum(r[0] > 0 for r in rows)
            line.append(f"{cells:5.0f} {longest:4.0f} {seconds:7.2f} s  {good}/{seeds}")
        print(f"  {name:<22} {line[0]}  |  {line[1]}", flush=True)


if __name__ == "__main__":
    main()
