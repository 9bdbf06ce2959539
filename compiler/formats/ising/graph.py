"""networkx graphs with `weight` as Ising models: live ones, and GraphML, GML and JSON files.

`max-cut`: J = -weight, cut = (W - (E - offset)) / 2. `ising`: J = weight, h = the nodes' `h`, and
the graph's `offset`. An edge without a weight has 1. Parallel edges of a multigraph add up.
"""

from __future__ import annotations

import io
import os
from collections.abc import Hashable, Mapping
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np

from compiler.errors import FormatError, NetlistError, UnsupportedError
from compiler.families.ising import IsingModel, from_edges
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.ising.bqm import label_names
from compiler.formats.ising.rudy import max_cut

PROBLEMS = ("max-cut", "ising")


def from_graph(
    graph: nx.Graph, problem: str = "max-cut", *, weight: str = "weight", field: str = "h"
) -> IsingModel:
    """The Max-Cut problem, or the Ising model, of a graph; spins in the order of its nodes.

    weight, field : names of the edges' and nodes' attributes

    Raises NetlistError for a directed or empty graph, a node joined to itself and attributes that
    are no finite numbers, UnsupportedError for an unknown problem.
    """
    if problem not in PROBLEMS:
        raise UnsupportedError(f"a graph is read as {' or '.join(PROBLEMS)}, not as {problem!r}; choose one")
    if graph.is_directed():
        raise NetlistError("graph: is directed, and couplings have no direction; give graph.to_undirected()")
    if not graph.number_of_edges():
        raise NetlistError(f"graph: has {graph.number_of_nodes()} nodes and no edges; give at least one edge")
    place: dict[Hashable, int] = {node: k for k, node in enumerate(graph)}
    ends = np.empty((graph.number_of_edges(), 2), dtype=np.int64)
    values = np.empty(len(ends))
    for k, (a, b, data) in enumerate(graph.edges(data=True)):
        if a == b:
            raise NetlistError(f"graph: an edge joins node {a!r} to itself; leave it out")
        ends[k] = place[a], place[b]
        values[k] = _number(data.get(weight, 1.0), f"edge ({a!r}, {b!r}) has the {weight}")
    facts: dict[str, Any] = {"names": label_names(list(graph)), "meta": {"source": "graph"}}
    if problem == "max-cut":
        return max_cut(len(place), ends[:, 0], ends[:, 1], values, **facts)
    fields = [
        _number(data.get(field, 0.0), f"node {node!r} has the {field}")
        for node, data in graph.nodes(data=True)
    ]
    offset = _number(graph.graph.get("offset", 0.0), "graph: the offset is")
    return from_edges(fields, ends[:, 0], ends[:, 1], values, offset=offset, **facts)


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise NetlistError(f"{what} {value!r}; it must be a finite number")
    return number


def parse_node_link(
    document: Mapping[str, Any], problem: str = "max-cut", *, name: str = "document"
) -> IsingModel:
    """The model in networkx's node-link JSON, whose edges are called `edges` or `links`.

    Raises FormatError for edges whose ends are no nodes and malformed entries, and as from_graph.
    """
    if document.get("directed"):
        raise FormatError(
            f"{name}: the graph is directed, and couplings have no direction; save graph.to_undirected()"
        )
    graph = nx.MultiGraph() if document.get("multigraph") else nx.Graph()
    try:
        facts = document.get("graph", {})
        graph.graph.update(facts if isinstance(facts, Mapping) else dict(facts))
        for node in document["nodes"]:
            graph.add_node(_label(node["id"]), **{k: v for k, v in node.items() if k != "id"})
        for k, edge in enumerate(document["links" if "links" in document else "edges"]):
            a, b = _label(edge["source"]), _label(edge["target"])
            for node in (a, b):
                if node not in graph:
                    raise FormatError(
                        f"{name}: edge {k} ends at {node!r}, which is no node; list it in nodes"
                    )
            if not graph.is_multigraph() and graph.has_edge(a, b):
                raise FormatError(
                    f"{name}: edge ({a!r}, {b!r}) is given twice; only a multigraph adds them up"
                )
            rest = {k: v for k, v in edge.items() if k not in ("source", "target", "key")}
            graph.add_edge(a, b, **rest)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise FormatError(f"{name}: is no node-link graph ({reason}); save it again") from None
    return _told(graph, problem, name)


def _label(label: Any) -> Hashable:
    return tuple(map(_label, label)) if isinstance(label, list) else label


def read_graph(path: str | os.PathLike, problem: str = "max-cut") -> IsingModel:
    """The model in a GraphML or GML file, told by its content; errors as from_graph.

    Raises FormatError for files that networkx cannot read.
    """
    text = read_text(path)
    markup = text.lstrip().startswith("<")
    try:
        if markup:
            graph = nx.read_graphml(io.BytesIO(text.encode()), force_multigraph=False)
        else:
            graph = nx.parse_gml(text.splitlines())
    except (
        nx.NetworkXError,
        ParseError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        kind = "GraphML" if markup else "GML"
        reason = " ".join(str(error).split())[:120]
        raise FormatError(f"{path}: is no {kind} that networkx reads ({reason})") from None
    return _told(graph, problem, str(path))


def _told(graph: nx.Graph, problem: str, name: str) -> IsingModel:
    """from_graph with the file's name before its errors."""
    try:
        return from_graph(graph, problem)
    except NetlistError as error:
        raise FormatError(f"{name}: {error}") from None
