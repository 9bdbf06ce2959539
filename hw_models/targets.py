"""Targets: what a piece of hardware can hold. Lowering ends when a netlist is legal for one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hw_models.errors import HardwareError
from hw_models.registry import Registry
from hw_models.source import Source
from hw_models.topologies import Topology
from hw_models.working import WorkingGraph, nodes_and_wires, without


@dataclass(frozen=True, slots=True)
class Target:
    """What is legal. None means no limit.

    cell_kinds, coupling_kinds, activations : lower-case names of the IR's codes
    max_coupling : largest |W| in the netlist's force units; max_field : largest |h|
    bits : resolution of a coupling, and of a field where max_field is given
    max_degree : couplings into one dynamic cell; symmetric : W_ij must equal W_ji
    max_cells : dynamic cells
    topology : which cells are wired to which; cells are placed on its nodes
    wells : a p-bit asked of it is made as a double well of a continuous cell

    Raises HardwareError for a limit that no hardware can have.
    """

    name: str
    summary: str
    source: Source
    cell_kinds: frozenset[str] = frozenset({"continuous"})
    coupling_kinds: frozenset[str] = frozenset({"linear"})
    activations: frozenset[str] = frozenset({"identity"})
    max_coupling: float | None = None
    bits: int | None = None
    max_degree: int | None = None
    max_cells: int | None = None
    symmetric: bool = False
    max_field: float | None = None
    topology: Topology | WorkingGraph | None = None
    wells: bool = False

    def __post_init__(self) -> None:
        for name in ("max_coupling", "max_field"):
            limit = getattr(self, name)
            if limit is not None and not 0 < limit < math.inf:
                raise HardwareError(
                    f"target {self.name}: {name} must be a finite number > 0 or None, got {limit}"
                )
        for name, least in (("bits", 2), ("max_degree", 1), ("max_cells", 1)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < least):
                raise HardwareError(
                    f"target {self.name}: {name} must be a whole number >= {least} or None, got {value}"
                )

    def describe(self) -> dict[str, Any]:
        """Summary and limits for `thermoc presets`."""
        limits = {
            "max_coupling": (self.max_coupling, "force"),
            "max_field": (self.max_field, "force"),
            "bits": (self.bits, "bit"),
            "max_degree": (self.max_degree, "couplings"),
            "max_cells": (self.max_cells, "cells"),
        }
        return {
            "name": self.name,
            "summary": self.summary,
            "cell_kinds": sorted(self.cell_kinds),
            "coupling_kinds": sorted(self.coupling_kinds),
            "activations": sorted(self.activations),
            "symmetric": self.symmetric,
            "topology": None if self.topology is None else self.topology.name,
            "figures": {
                k: {"value": v, "unit": u, "kind": self.source.kind, "ref": self.source.ref}
                for k, (v, u) in limits.items()
                if v is not None
            },
        }


def with_holes(target: Target, *, working_graph: Any = None, missing: Any = None) -> Target:
    """The target as one chip has it: what works, less what is missing.

    working_graph : its nodes and wires, in place of the target's topology, by the maker's numbers
    missing : nodes and wires that are dead. Both as
        `hw_models.working.nodes_and_wires` reads them: a file, a graph, (nodes, wires)

    Raises HardwareError for what cannot be read, is not there, or is missing of a target without topology.
    """
    topology = target.topology
    if working_graph is not None:
        whole = topology.whole if isinstance(topology, WorkingGraph) else topology
        try:
            topology = WorkingGraph.of(*nodes_and_wires(working_graph), whole)
        except HardwareError as error:
            if not isinstance(working_graph, str | Path) or str(error).startswith(str(working_graph)):
                raise
            raise HardwareError(f"{working_graph}: {error}") from None
        if whole is not None:
            _within(topology, whole)
    if missing is not None:
        if topology is None:
            raise HardwareError(
                f"target {target.name} is wired without limits, nothing of it can be missing: name one with "
                "a topology, or give its working graph (--working-graph)"
            )
        topology = without(topology, *nodes_and_wires(missing))
    if topology is target.topology:
        return target
    return replace(target, name=f"{target.name} with holes", topology=topology)


def _within(chip: WorkingGraph, whole: Topology) -> None:
    """Raise HardwareError if a chip has what its topology does not."""
    graph, some = whole.graph(), chip.graph()
    known = np.isin(some.ids, graph.ids)
    if not known.all():
        raise HardwareError(
            f"the working graph has node {some.ids[np.argmin(known)]}, which {whole.name} does not: name the "
            "target that it is a part of, or leave --target out"
        )
    at = np.searchsorted(graph.ids, some.ids)[some.edges].astype(np.int64)
    have = graph.edges.astype(np.int64) @ np.array([graph.n, 1])
    wired = np.isin(np.sort(at, axis=1) @ np.array([graph.n, 1]), have)
    if not wired.all():
        a, b = some.ids[some.edges[np.argmin(wired)]]
        raise HardwareError(
            f"the working graph has the wire ({a}, {b}), which {whole.name} does not: name the target that "
            "it is a part of, or leave --target out"
        )


_IDEAL = Target(
    name="ideal",
    summary="every cell, coupling and activation of the IR, no limits",
    source=Source("exact", "the IR itself"),
    cell_kinds=frozenset({"continuous", "phase", "pbit"}),
    coupling_kinds=frozenset({"linear", "gradient", "resistive", "sine"}),
    activations=frozenset({"identity", "clip", "sigmoid", "tanh", "relu", "cosine"}),
)

_RC_ARRAY = Target(
    name="rc-array",
    summary="quartic RC cells on a full crossbar, 8-bit couplings up to 32, up to 1,100 cells",
    source=Source("assumed", "a plausible array, no published chip"),
    max_coupling=32.0,
    bits=8,
    max_cells=1100,
)

_DOUBLE_WELL = Target(
    name="double-well",
    summary="bistable quartic cells with symmetric linear couplings; p-bits become double wells",
    source=Source("exact", "the kinds of cells and couplings it is made of; no limits"),
    symmetric=True,
    wells=True,
)

_GRID = "bipartite grid of p-bits wired by rule {rule} of arXiv 2510.23972"
_OFFSETS = Source("second-hand", "offsets of arXiv 2510.23972; open rim, range and bits assumed")
_ASSUMED = Source("assumed", "exact graph; range and bits assumed, no published chip")
_MAKER = "exact graph without faulty qubits; |J| and |h| from D-Wave's manuals (memory); bits assumed"


def _of_p_bits(
    name: str, summary: str, topology: Topology, source: Source, bits: int, max_field: float
) -> Target:
    return Target(
        name=name,
        summary=f"{summary}, {bits}-bit symmetric couplings up to 1",
        source=source,
        cell_kinds=frozenset({"pbit"}),
        max_coupling=1.0,
        bits=bits,
        symmetric=True,
        max_field=max_field,
        topology=topology,
    )


def _grid(kind: str, rule: str) -> Callable[[str, int], Target]:
    def make(name: str, size: int) -> Target:
        summary = f"{size} x {size} {_GRID.format(rule=rule)}"
        return _of_p_bits(name, summary, Topology(kind, (size, size)), _OFFSETS, 8, 4.0)

    return make


def _square(name: str, size: int) -> Target:
    summary = f"{size} x {size} square lattice of p-bits, open rim"
    return _of_p_bits(name, summary, Topology("square", (size, size)), _ASSUMED, 8, 4.0)


def _king(name: str, size: int) -> Target:
    summary = f"{size} x {size} p-bits on a king's graph (8 neighbours)"
    return _of_p_bits(name, summary, Topology("king", (size, size)), _ASSUMED, 5, 4.0)


def _complete(name: str, size: int) -> Target:
    summary = f"{size} p-bits, all wired to all"
    return _of_p_bits(name, summary, Topology("complete", (size,)), _ASSUMED, 8, 4.0)


def _chimera(name: str, size: int) -> Target:
    topology = Topology("chimera", (size, size, 4))
    summary = f"D-Wave's Chimera C{size} of {8 * size * size:,} spins (2000Q: C16)"
    return _of_p_bits(name, summary, topology, Source("assumed", _MAKER), 5, 2.0)


def _pegasus(name: str, size: int) -> Target:
    summary = f"D-Wave's Pegasus P{size} (Advantage: P16, 5,640 spins)"
    return _of_p_bits(name, summary, Topology("pegasus", (size,)), Source("assumed", _MAKER), 5, 4.0)


def _zephyr(name: str, size: int) -> Target:
    summary = f"D-Wave's Zephyr Z{size} (Advantage2: Z12)"
    topology = Topology("zephyr", (size, 4))
    return _of_p_bits(name, summary, topology, Source("assumed", _MAKER), 5, 4.0)


@dataclass(frozen=True, slots=True)
class Family:
    """Targets of one make and any size, `prefix`-N for N from `least` to `most`."""

    make: Callable[[str, int], Target]
    least: int
    most: int


FAMILIES: dict[str, Family] = {
    "square": Family(_square, 1, 1000),
    "king": Family(_king, 1, 1000),
    "grid-g8": Family(_grid("g8", "G8"), 1, 1000),
    "grid-g12": Family(_grid("g12", "G12"), 1, 1000),
    "grid-g16": Family(_grid("g16", "G16"), 1, 1000),
    "complete": Family(_complete, 1, 4096),
    "chimera": Family(_chimera, 1, 128),
    "pegasus": Family(_pegasus, 2, 64),
    "zephyr": Family(_zephyr, 1, 64),
}


class Targets(Registry[Target]):
    """Named targets, and families with their size: `king-32` and `king-57` alike."""

    def get(self, name: str) -> Target:
        """The target of that name; HardwareError lists the choices if there is none."""
        prefix, _, digits = name.rpartition("-")
        if name in self.names() or prefix not in FAMILIES:
            try:
                return super().get(name)
            except HardwareError as error:
                families = ", ".join(f"{f}-N" for f in FAMILIES)
                raise HardwareError(f"{error}; or a size N of {families}") from None
        family = FAMILIES[prefix]
        size = int(digits) if digits.isdecimal() and len(digits) < 9 else 0
        if not family.least <= size <= family.most:
            raise HardwareError(
                f"target {name!r}: the size must be a whole number from {family.least} to "
                f"{family.most}, got {digits!r}"
            )
        return family.make(f"{prefix}-{size}", size)


_SIZES = (
    ("square", 64),
    ("king", 32),
    ("grid-g8", 70),
    ("grid-g12", 70),
    ("grid-g16", 70),
    ("chimera", 16),
    ("pegasus", 16),
    ("zephyr", 12),
)
_PRESETS = (_IDEAL, _RC_ARRAY, _DOUBLE_WELL, *(FAMILIES[f].make(f"{f}-{n}", n) for f, n in _SIZES))
TARGETS = Targets("target", [(t.name, t) for t in _PRESETS])
