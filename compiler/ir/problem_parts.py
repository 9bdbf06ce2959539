"""A problem, and what passes did, as a JSON object and arrays, for files.

Whatever grows with the number of spins is an array: names are their UTF-8 bytes and their ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from compiler.ir.goals import Boltzmann, Circuit, Formula, Goal, Grid, Ising, MaxCut, Polynomial
from compiler.ir.lowered import Embedded, Logical, Lowered, Placement, Wells
from compiler.ir.problem import Problem

Parts = tuple[dict[str, Any], dict[str, np.ndarray]]
Arrays = Mapping[str, np.ndarray]


def problem_parts(problem: Problem, prefix: str = "problem.") -> Parts:
    """(JSON object, arrays by name) of a problem."""
    goal = problem.goal
    body: dict[str, Any] = {
        "kind": goal.kind,
        "offset": float(problem.offset),
        "vartype": problem.vartype,
        "names": bool(problem.names),
    }
    arrays: dict[str, np.ndarray] = {}
    if problem.names:
        arrays["names"], arrays["names.ends"] = pack_names(problem.names)
    for name in ("spin", "held"):
        if (column := getattr(problem, name)) is not None:
            arrays[name] = column
    if isinstance(goal, MaxCut):
        arrays |= {"row": goal.row, "col": goal.col, "weight": goal.weight}
    elif isinstance(goal, Formula):
        body["variables"] = int(goal.variables)
        arrays |= {"indptr": goal.indptr, "literals": goal.literals}
        if goal.weights is not None:
            arrays["weights"] = goal.weights
            body["top"] = float(goal.top) if np.isfinite(goal.top) else None
    elif isinstance(goal, Polynomial):
        body["variables"] = int(goal.variables)
        arrays |= {"indptr": goal.indptr, "members": goal.members, "weights": goal.weights}
    elif isinstance(goal, Circuit):
        body["gap"] = float(goal.gap)
        arrays |= {"inputs": goal.inputs, "outputs": goal.outputs}
    elif isinstance(goal, Boltzmann):
        body["visible"] = int(goal.visible)
        body["grid"] = None if goal.grid is None else list(goal.grid.shape)
        if goal.grid is not None:
            arrays["place"] = goal.grid.place
    return body, {prefix + name: array for name, array in arrays.items()}


def problem_of(body: Mapping[str, Any], arrays: Arrays, prefix: str = "problem.") -> Problem:
    """The problem of `problem_parts`; KeyError and the like for what is incomplete."""
    kind = body["kind"]
    goal: Goal

    def column(name: str) -> np.ndarray:
        return arrays[prefix + name]

    if kind == Ising.kind:
        goal = Ising()
    elif kind == MaxCut.kind:
        goal = MaxCut(column("row"), column("col"), column("weight"))
    elif kind == Formula.kind:
        top = body.get("top")
        weights = arrays.get(prefix + "weights")
        goal = Formula(
            body["variables"],
            column("indptr"),
            column("literals"),
            weights,
            np.inf if top is None else float(top),
        )
    elif kind == Polynomial.kind:
        goal = Polynomial(body["variables"], column("indptr"), column("members"), column("weights"))
    elif kind == Circuit.kind:
        goal = Circuit(column("inputs"), column("outputs"), body["gap"])
    elif kind == Boltzmann.kind:
        grid = None if body["grid"] is None else Grid(column("place"), (body["grid"][0], body["grid"][1]))
        goal = Boltzmann(body["visible"], grid)
    else:
        raise ValueError(f"problem kind {kind!r} is unknown")
    return Problem(
        goal=goal,
        offset=body["offset"],
        vartype=body["vartype"],
        names=unpack_names(column("names"), column("names.ends")) if body["names"] else (),
        spin=arrays.get(prefix + "spin"),
        held=arrays.get(prefix + "held"),
    )


def lowered_parts(lowered: Lowered, prefix: str = "lowered.") -> Parts:
    """(JSON object, arrays by name) of what passes did."""
    body: dict[str, Any] = {"energy_scale": lowered.energy_scale, "length_scale": lowered.length_scale}
    arrays: dict[str, np.ndarray] = {}
    if (model := lowered.logical) is not None:
        arrays |= {f"logical.{name}": getattr(model, name) for name in ("h", "row", "col", "J")}
    if (placement := lowered.placement) is not None:
        body["topology"] = placement.topology
        arrays["nodes"] = placement.nodes
    if (embedded := lowered.embedded) is not None:
        body["chain_strength"] = float(embedded.strength)
        arrays |= {"chains.indptr": embedded.indptr, "chains.cells": embedded.cells}
    if lowered.gauge is not None:
        arrays["gauge"] = lowered.gauge
    body["wells"] = None if lowered.wells is None else asdict(lowered.wells)
    return body, {prefix + name: array for name, array in arrays.items()}


def lowered_of(body: Mapping[str, Any], arrays: Arrays, prefix: str = "lowered.") -> Lowered:
    """What passes did, of `lowered_parts`."""

    def column(name: str) -> np.ndarray:
        return arrays[prefix + name]

    logical = placement = embedded = None
    if prefix + "logical.h" in arrays:
        logical = Logical(*(column(f"logical.{name}") for name in ("h", "row", "col", "J")))
    if "topology" in body:
        placement = Placement(body["topology"], column("nodes"))
    if "chain_strength" in body:
        embedded = Embedded(column("chains.indptr"), column("chains.cells"), body["chain_strength"])
    wells = None if body["wells"] is None else Wells(**body["wells"])
    gauge = arrays.get(prefix + "gauge")
    return Lowered(logical, placement, embedded, gauge, wells, body["energy_scale"], body["length_scale"])


def pack_names(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(UTF-8 bytes of all names (uint8), end of each (int64)); lone surrogates are kept."""
    each = [name.encode("utf-8", "surrogatepass") for name in names]
    ends = np.cumsum([len(name) for name in each], dtype=np.int64)
    return np.frombuffer(b"".join(each), dtype=np.uint8), ends


def unpack_names(content: np.ndarray, ends: np.ndarray) -> tuple[str, ...]:
    """The names of `pack_names`; ValueError for ends that do not fit."""
    whole, stops = content.tobytes(), ends.tolist()
    starts = [0, *stops][:-1]
    if stops and (stops[-1] != len(whole) or any(a > b for a, b in zip(starts, stops, strict=True))):
        raise ValueError("the ends of names do not fit their bytes")
    return tuple(whole[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, stops, strict=True))
