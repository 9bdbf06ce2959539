"""networkx graphs with `weight` as Ising models: live ones, and GraphML, GML and JSON files.

`max-cut`: J = -weight. `ising`: J = weight, h = the nodes' `h`, and the graph's `offset`. `qubo`: weights
are the quadratic, the nodes' `h` the linear terms, and the graph's `offset`. An edge
without a weight has GraphML's default, else 1. Parallel edges of a multigraph add up.
"""

from __future__ import annotations

import io
import os
from collections.abc import Hashable, Mapping
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np

from compiler.errors import MALFORMED, FormatError, NetlistError, UnsupportedError
from compiler.families.ising import IsingModel, from_edges
from compiler.families.quadratic import from_quadratic
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.ising.bqm import label_names
from compiler.formats.ising.terms import max_cut

PROBLEMS = ("max-cut", "ising", "qubo")
NOT_WEIGHTS = ("id", "key", "source", "target")  # numbers of edges that no one means


def from_graph(
    graph: nx.Graph,
    problem: str = "max-cut",
    *,
    weight: str | None = None,
    field: str | None = None,
    text: bool = False,
) -> IsingModel:
    """The Max-Cut problem, Ising model or QUBO of a graph; spins in the order of its nodes.

    weight : the edges' attribute, or "none": every edge weighs 1; None is "weight", unless no edge
        has it and other numbers stand in its place, which is refused
    field : the nodes' attribute; None is "h", which nodes need not have
    text : nodes come from a text, where all are strings and "1" is no other than 1

    Raises NetlistError for a directed or empty graph, a node joined to itself and attributes that
    are no finite numbers, UnsupportedError for an unknown problem.
    """
    if problem not in PROBLEMS:
        raise UnsupportedError(f"a graph is read as {', '.join(PROBLEMS)}, not as {problem!r}; choose one")
    if graph.is_directed():
        raise NetlistError("graph: is directed, and couplings have no direction; give graph.to_undirected()")
    if not graph.number_of_edges():
        raise NetlistError(f"graph: has {graph.number_of_nodes()} nodes and no edges; give at least one edge")
    attribute, default = _weight(graph, weight)
    place: dict[Hashable, int] = {node: k for k, node in enumerate(graph)}
    ends = np.empty((graph.number_of_edges(), 2), dtype=np.int64)
    values = np.empty(len(ends))
    for k, (a, b, data) in enumerate(graph.edges(data=True)):
        if a == b:
            raise NetlistError(f"graph: an edge joins node {a!r} to itself; leave it out")
        ends[k] = place[a], place[b]
        values[k] = _number(data.get(attribute, default), f"edge ({a!r}, {b!r}) has the {attribute}")
    facts: dict[str, Any] = {"names": _names(graph, text), "meta": {"source": "graph"}}
    if problem == "max-cut":
        return max_cut(len(place), ends[:, 0], ends[:, 1], values, **facts)
    fields = _fields(graph, field)
    offset = _number(graph.graph.get("offset", 0.0), "graph: the offset is")
    if problem == "qubo":
        return from_quadratic(
            fields, ends[:, 0], ends[:, 1], values, offset=offset, vartype="binary", **facts
        )
    return from_edges(fields, ends[:, 0], ends[:, 1], values, offset=offset, **facts)


def _names(graph: nx.Graph, text: bool) -> tuple[str, ...]:
    nodes = list(graph)
    return tuple(map(str, nodes)) if text else label_names(nodes)


def _fields(graph: nx.Graph, asked: str | None) -> list[float]:
    """The nodes' fields; NetlistError for an attribute that was asked for and no node has."""
    name = asked or "h"
    defaults = graph.graph.get("node_default", {})
    found: dict[str, Any] = dict(defaults)
    for _, data in graph.nodes(data=True):
        found |= data
    if asked is not None and asked not in found:
        numbers = [k for k, v in found.items() if type(v) in (int, float)]
        known = ", ".join(map(str, numbers)) or "none"
        raise NetlistError(f"graph: no node has the attribute {asked!r}; their numbers are {known}")
    none = defaults.get(name, 0.0)
    return [
        _number(data.get(name, none), f"node {node!r} has the {name}")
        for node, data in graph.nodes(data=True)
    ]


def _weight(graph: nx.Graph, asked: str | None) -> tuple[str | None, Any]:
    """(attribute, value without it) of the edges' weights.

    GraphML's defaults, which networkx keeps in graph.graph, count.
    """
    if asked == "none":
        return None, 1.0
    defaults = graph.graph.get("edge_default", {})
    found: dict[str, Any] = dict(defaults)
    for *_, data in graph.edges(data=True):
        found |= data
    name = asked or "weight"
    if name in found:
        return name, defaults.get(name, 1.0)
    numbers = [k for k, v in found.items() if k not in NOT_WEIGHTS and type(v) in (int, float)]
    if asked is not None:
        known = ", ".join(map(str, numbers)) or "none"
        raise NetlistError(f"graph: no edge has the attribute {asked!r}; their numbers are {known}")
    if numbers:
        raise NetlistError(
            f"graph: no edge has a `weight`, but they have {', '.join(map(str, numbers))}: say which it is "
            f"(--weight {numbers[0]}), or that every edge weighs 1 (--weight none)"
        )
    return name, 1.0


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except MALFORMED:
        number = float("nan")
    if not np.isfinite(number):
        raise NetlistError(f"{what} {value!r}; it must be a finite number")
    return number


def parse_node_link(
    document: Mapping[str, Any],
    problem: str = "max-cut",
    *,
    weight: str | None = None,
    field: str | None = None,
    name: str = "document",
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
    except MALFORMED as error:
        reason = f"{type(error).__name__}: {error}"
        raise FormatError(f"{name}: is no node-link graph ({reason}); save it again") from None
    return _told(graph, problem, weight, field, name, text=False)


def _label(label: Any) -> Hashable:
    return tuple(map(_label, label)) if isinstance(label, list) else label


def read_graph(
    path: str | os.PathLike, problem: str = "max-cut", *, weight: str | None = None, field: str | None = None
) -> IsingModel:
    """The model in a GraphML or GML file, told by its content; errors as from_graph.

    Nodes of a GML file without labels are called by their ids.

    Raises FormatError for files that networkx cannot read.
    """
    text = read_text(path)
    markup = text.lstrip().startswith("<")
    try:
        if markup:
            graph = nx.read_graphml(io.BytesIO(text.encode()), force_multigraph=False)
        else:
            graph = _parse_gml(text)
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
    return _told(graph, problem, weight, field, str(path), text=True)


def _parse_gml(text: str) -> nx.Graph:
    try:
        return nx.parse_gml(text.splitlines())
    except nx.NetworkXError as error:
        if "no 'label' attribute" not in str(error):
            raise
        return nx.parse_gml(text.splitlines(), label="id")


def _told(
    graph: nx.Graph, problem: str, weight: str | None, field: str | None, name: str, *, text: bool
) -> IsingModel:
    """from_graph with the file's name before its errors."""
    try:
        return from_graph(graph, problem, weight=weight, field=field, text=text)
    except NetlistError as error:
        raise FormatError(f"{name}: {error}") from None
