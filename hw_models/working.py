"""Chips as they were delivered: the nodes and wires that work, with the maker's numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw_models.errors import MALFORMED, HardwareError
from hw_models.topologies import Graph, Topology

NODES = ("nodelist", "nodes", "qubits")
WIRES = ("edgelist", "edges", "couplers", "links")


@dataclass(frozen=True, slots=True, eq=False)
class WorkingGraph:
    """Nodes and wires of one chip, in place of its whole topology.

    name : tells it from other chips, by a digest of what works
    working : the graph, its `ids` the maker's numbers; whole : the topology without faults, if known
    """

    name: str
    working: Graph
    whole: Topology | None = None
    kind = "working"
    parameters = ()

    @staticmethod
    def of(nodes: Iterable[int], wires: Iterable[Any], whole: Topology | None = None) -> WorkingGraph:
        """From nodes and pairs of nodes by the maker's numbers; wires' ends work, too.

        Raises HardwareError for numbers that are none, wires from a node to itself, and an empty chip.
        """
        ends = np.array([tuple(w) for w in wires], dtype=np.int64).reshape(-1, 2)
        ids = np.unique(np.concatenate([np.array(list(nodes), dtype=np.int64), ends.ravel()]))
        if not ids.size:
            raise HardwareError(
                "no nodes in the working graph; a line of a file is a node, 17, or a wire, 17 23"
            )
        if ids[0] < 0:
            raise HardwareError(f"node {ids[0]}: nodes are whole numbers from 0 on")
        if (ends[:, 0] == ends[:, 1]).any():
            node = ends[np.argmax(ends[:, 0] == ends[:, 1]), 0]
            raise HardwareError(f"wire ({node}, {node}) joins a node with itself")
        at = np.unique(np.sort(np.searchsorted(ids, ends), axis=1), axis=0).astype(np.int32)
        for column in (ids, at):
            column.setflags(write=False)
        digest = hashlib.sha256(ids.tobytes() + at.tobytes()).hexdigest()[:8]
        base = "a working graph" if whole is None else f"a working {whole.name}"
        name = f"{base} of {ids.size:,} nodes and {len(at):,} wires ({digest})"
        return WorkingGraph(name, Graph(int(ids.size), at, ids), whole)

    def graph(self) -> Graph:
        """Nodes and wires."""
        return self.working


LARGEST = (1 << 62) - 1
"""The largest number of a node."""


def without(topology: Topology | WorkingGraph, nodes: Iterable[int], wires: Iterable[Any]) -> WorkingGraph:
    """The topology less some nodes, with their wires, and some wires, by the maker's numbers.

    Raises HardwareError for a node or wire that the topology does not have.
    """
    graph = topology.graph()
    dead = np.unique(np.array(list(nodes), dtype=np.int64))
    if (strange := ~np.isin(dead, graph.ids)).any():
        raise HardwareError(
            f"node {dead[np.argmax(strange)]} cannot be missing: {topology.name} does not have it; its nodes "
            f"have the maker's numbers, {graph.ids[0]} to {graph.ids[-1]}"
        )
    cut = {tuple(sorted((int(a), int(b)))) for a, b in wires}
    ends = graph.ids[graph.edges]
    kept = ~np.isin(ends, dead).any(axis=1)
    if cut:
        pairs = list(map(tuple, np.sort(ends, axis=1).tolist()))
        if unknown := cut - set(pairs):
            a, b = min(unknown)
            raise HardwareError(f"wire ({a}, {b}) cannot be missing: {topology.name} does not have it")
        kept &= np.array([pair not in cut for pair in pairs], dtype=bool)
    whole = topology.whole if isinstance(topology, WorkingGraph) else topology
    return WorkingGraph.of(graph.ids[~np.isin(graph.ids, dead)].tolist(), ends[kept].tolist(), whole)


def nodes_and_wires(source: Any) -> tuple[list[int], list[tuple[int, int]]]:
    """Nodes and wires of a file, a mapping, a networkx graph, a sampler of Ocean's, or a pair of lists.

    A file is JSON with nodes (also nodelist, qubits) and edges (also edgelist, couplers, links), or text:
    a line is a node, 17, or a wire, 17 23; what follows # is a comment.

    Raises HardwareError, naming the line of a text, for anything else.
    """
    if isinstance(source, str | Path):
        return _read(Path(source))
    if hasattr(source, "nodelist") and hasattr(source, "edgelist"):
        source = (source.nodelist, source.edgelist)
    elif hasattr(source, "nodes") and hasattr(source, "edges") and not isinstance(source, Mapping):
        source = (list(source.nodes), list(source.edges))
    if isinstance(source, Mapping):
        return _of_mapping(source, "the working graph")
    try:
        nodes, wires = source
        return [_number(v) for v in nodes], [(_number(a), _number(b)) for a, b in wires]
    except MALFORMED:
        raise HardwareError(
            "nodes and wires are a file, a graph, or (nodes, pairs of nodes) of whole numbers"
        ) from None


def _read(path: Path) -> tuple[list[int], list[tuple[int, int]]]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise HardwareError(f"{path}: cannot be read as text ({error})") from None
    if text.lstrip().startswith("{"):
        try:
            return _of_mapping(json.loads(text), str(path))
        except json.JSONDecodeError as error:
            raise HardwareError(f"{path}: is no JSON ({error})") from None
    nodes: list[int] = []
    wires: list[tuple[int, int]] = []
    for k, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        if len(words) > 2 or not all(w.isdecimal() for w in words):
            raise HardwareError(f"{path}: line {k} is {line.strip()!r}; a node is 17, a wire 17 23")
        if len(words) == 1:
            nodes.append(int(words[0]))
        else:
            wires.append((int(words[0]), int(words[1])))
    return nodes, wires


def _of_mapping(data: Mapping[str, Any], where: str) -> tuple[list[int], list[tuple[int, int]]]:
    """Of the names that makers and networkx use; an entry may be a mapping with id, or source and target."""
    found: list[Any] = [next((data[name] for name in names if name in data), []) for names in (NODES, WIRES)]
    if not any(name in data for name in (*NODES, *WIRES)):
        raise HardwareError(
            f"{where}: names neither nodes ({', '.join(NODES)}) nor wires ({', '.join(WIRES)})"
        )
    try:
        nodes = [_number(v["id"] if isinstance(v, Mapping) else v) for v in found[0]]
        wires = [
            (_number(w["source"]), _number(w["target"]))
            if isinstance(w, Mapping)
            else (_number(w[0]), _number(w[1]))
            for w in found[1]
        ]
    except MALFORMED:
        raise HardwareError(f"{where}: nodes are whole numbers and wires pairs of them") from None
    return nodes, wires


def _number(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value or abs(int(value)) > LARGEST:
        raise ValueError(value)
    return int(value)
