"""Problems and notes as files of version 1 (0.1.0) kept them, in `meta`, and what they are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.ir.goals import Boltzmann, Circuit, Formula, Goal, Grid, Ising, MaxCut
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.lowered import Embedded, Logical, Lowered, Placement, Wells
from compiler.ir.problem import Problem

OLD_KEYS = (
    "ising",
    "logical",
    "embedding",
    "placement",
    "gauge",
    "double_well",
    "energy_scale",
    "length_scale",
)


def problem_of_facts(
    facts: Mapping[str, Any],
    n_spins: int,
    edges: tuple[np.ndarray, np.ndarray, np.ndarray],
    grid: Grid | None = None,
) -> Problem:
    """The problem of {"offset", "vartype", "problem", "names"} on n_spins spins.

    edges : (row, col, J) of the model, which are the edges of a graph to be cut, J = -weight
    """
    told, names = facts.get("problem", {}), tuple(facts.get("names", ()))
    kind = told.get("kind", Ising.kind)
    goal: Goal = Ising()
    spin = held = None
    if kind == MaxCut.kind:
        row, col, J = edges
        goal = MaxCut(row.astype(np.int32), col.astype(np.int32), 0.0 - np.asarray(J, np.float64))
    elif kind == Formula.kind:
        goal = Formula.of(int(told["variables"]), told["clauses"])
    elif kind == Boltzmann.kind:
        goal = Boltzmann(int(told["visible"]), grid)
    elif kind == Circuit.kind:
        taken = told.get("clamped", {})
        names = names or tuple(map(str, range(n_spins)))
        out = [name for name in taken if name not in names]
        if out:
            spin = np.concatenate([np.arange(n_spins), np.full(len(out), -1)]).astype(np.int32)
            held = np.zeros(spin.size, dtype=np.int8)
            held[n_spins:] = [2 * int(taken[name]) - 1 for name in out]
            names = (*names, *out)
        place = {name: k for k, name in enumerate(names)}
        nets = [
            np.array([place[name] for name in told[side]], dtype=np.int32) for side in ("inputs", "outputs")
        ]
        goal = Circuit(nets[0], nets[1], float(told.get("gap", 1.0)))
    elif kind != Ising.kind:
        raise ValueError(f"problem kind {kind!r} is unknown")
    offset = float(facts.get("offset", 0.0))
    return Problem(goal, offset, facts.get("vartype", "spin"), names, spin, held)


def _lowered(meta: Mapping[str, Any], kT: float) -> Lowered:
    """What the notes in a version 1 netlist's meta say; kT is the netlist's."""
    energy = float(meta.get("energy_scale", 1.0))
    logical = placement = embedded = gauge = wells = None
    if (notes := meta.get("logical")) is not None:
        # a model that was noted after a change of units was noted in the changed ones
        unit = kT / (energy * notes["kT"]) if kT and notes["kT"] else 1.0
        unit = 1.0 if abs(unit - 1.0) < 1e-9 else unit  # rounding of kT
        row, col = (np.array(notes[name], dtype=np.int32) for name in ("row", "col"))
        h, J = (np.array(notes[name], dtype=np.float64) * unit for name in ("h", "J"))
        logical = Logical(h, row, col, J)
    if (notes := meta.get("placement")) is not None:
        placement = Placement(notes["topology"], np.array(notes["nodes"], dtype=np.int32))
    if (notes := meta.get("embedding")) is not None:
        chains = [np.array(chain, dtype=np.int32) for chain in notes["chains"]]
        ends = np.cumsum([0, *(c.size for c in chains)], dtype=np.int64)
        embedded = Embedded(ends, np.concatenate(chains), float(notes["chain_strength"]))
    if (notes := meta.get("gauge")) is not None:
        gauge = np.array(notes, dtype=np.int8)
    if (notes := meta.get("double_well")) is not None:
        wells = Wells(**notes)
    return Lowered(logical, placement, embedded, gauge, wells, energy, float(meta.get("length_scale", 1.0)))


def is_old(netlist: LangevinNetlist) -> bool:
    """Whether version 1 says the same of the netlist: no problem, no traces, none of its keys in meta."""
    lowered = netlist.lowered
    parts = (lowered.logical, lowered.placement, lowered.embedded, lowered.gauge, lowered.wells)
    done = any(part is not None for part in parts) or lowered.energy_scale != 1 or lowered.length_scale != 1
    return netlist.problem is None and not done and not any(key in netlist.meta for key in OLD_KEYS)


def from_meta(netlist: LangevinNetlist) -> LangevinNetlist:
    """A netlist of version 1 with the problem and the notes in its meta as fields.

    Raises KeyError, TypeError or ValueError for notes that are malformed.
    """
    meta = netlist.meta
    if not any(key in meta for key in OLD_KEYS):
        return netlist
    lowered = _lowered(meta, float(netlist.kT))
    taken = {*OLD_KEYS}
    problem = None
    if "ising" in meta:
        n, edges = _model(netlist, lowered)
        grid = grid_of_facts(meta, n)
        if grid is not None:
            taken |= {"place", "shape"}
        problem = problem_of_facts(meta["ising"], n, edges, grid)
    rest = {key: value for key, value in meta.items() if key not in taken}
    return netlist.with_(problem=problem, lowered=lowered, meta=rest)


def grid_of_facts(meta: Mapping[str, Any], n: int) -> Grid | None:
    """Where the units of a machine lie, if its meta says so for all of them."""
    place = meta.get("place")
    if place is None or "shape" not in meta or len(place) != n:
        return None
    rows, columns = meta["shape"]
    return Grid(np.array(place, dtype=np.int32), (int(rows), int(columns)))


def _model(
    netlist: LangevinNetlist, lowered: Lowered
) -> tuple[int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(spins, (row, col, J) of each pair) of the model that the netlist is or was made from."""
    if (model := lowered.logical) is not None:
        return model.h.size, (model.row, model.col, model.J)
    for c in netlist.couplings:
        row, col, J = c.rows, c.indices, c.values.astype(np.float64) / lowered.energy_scale
        upper = row < col
        return netlist.n_cells, (row[upper], col[upper], J[upper])
    none = np.zeros(0)
    return netlist.n_cells, (none, none, none)
