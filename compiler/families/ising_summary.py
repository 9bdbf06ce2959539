"""What a netlist of p-bits says about its problem, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compiler.ir.goals import Boltzmann, Circuit, Formula, MaxCut, Polynomial
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.problem import Problem
from compiler.ir.words import words_and_nets


def ising_summary(netlist: LangevinNetlist) -> dict[str, Any]:
    """What a netlist of p-bits is for and how it runs, for reports; {} for other netlists.

    Energies and temperatures are in the model's unit, whatever the netlist's.
    """
    problem, lowered = netlist.problem, netlist.lowered
    if problem is None:
        return {}
    goal, n = problem.goal, _spins(netlist)
    out: dict[str, Any] = {"problem": goal.kind, "variables": problem.vartype}
    if isinstance(goal, Formula):
        out["variables"] = goal.variables
        out["clauses"] = goal.n_clauses
        out["auxiliary_spins"] = problem.n_variables(n) - goal.variables
    elif isinstance(goal, Polynomial):
        out["products"], out["degree"] = goal.n_products, goal.degree
        out["auxiliary_spins"] = problem.n_variables(n) - goal.variables
    elif isinstance(goal, MaxCut):
        out["total_weight"] = goal.total_weight
    elif isinstance(goal, Boltzmann):
        out["visible"] = goal.visible
    names = problem.variable_names(n)
    held = _bits(problem, names)
    if isinstance(goal, Circuit):
        inputs, outputs = ([names[v] for v in nets.tolist()] for nets in (goal.inputs, goal.outputs))
        out["inputs"] = ", ".join(words_and_nets(inputs))
        out["outputs"] = ", ".join(words_and_nets(outputs))
        if held:
            out["clamped"] = ", ".join(_held(held, [*inputs, *outputs]))
        out["gap"] = goal.gap
    elif held:
        out["clamped"] = ", ".join(f"{name}={value}" for name, value in held.items())
    out["offset"] = problem.offset
    out |= _lowered(netlist)
    unit = lowered.energy_scale
    sweep = netlist.dt if lowered.wells is None else lowered.wells.sweep
    for phase in netlist.schedule:
        hot, cold = (kT / unit for kT in phase.kT or (netlist.kT, netlist.kT))
        at = f"kT {hot:.4g}" if hot == cold else f"kT {hot:.4g} to {cold:.4g}"
        out[f"phase_{phase.name}"] = f"{phase.duration / sweep:,.0f} sweeps, {at}"
    return out


def _spins(netlist: LangevinNetlist) -> int:
    """Spins of the model, whatever cells they became."""
    logical = netlist.lowered.logical
    return netlist.n_cells if logical is None else logical.h.size


def _bits(problem: Problem, names: Sequence[str]) -> dict[str, int]:
    """The values of clamped variables as users call them; of a circuit 0 and 1."""
    if problem.held is None:
        return {}
    values = {name: v for name, v in zip(names, problem.held.tolist(), strict=True) if v}
    binary = problem.vartype == "binary"
    return {name: (v + 1) // 2 for name, v in values.items()} if binary else values


def _lowered(netlist: LangevinNetlist) -> dict[str, Any]:
    """What became of the spins on their target."""
    out: dict[str, Any] = {}
    embedded, wells = netlist.lowered.embedded, netlist.lowered.wells
    if embedded is not None:
        out["spins"] = embedded.n_spins
        out["chain_cells"] = int(embedded.cells.size)
        out["longest_chain"] = int(embedded.lengths.max())
        out["chain_strength"] = embedded.strength
    if wells is not None:
        out["barrier_kT"] = wells.barrier_kT
        out["flip_rate"] = wells.flip_rate
        out["time_of_a_sweep"] = wells.sweep
    return out


def _held(clamped: Mapping[str, int], names: Sequence[str]) -> Iterator[str]:
    """word=value of words that are clamped whole, net=bit of the other clamped nets."""
    for word, nets in words_and_nets(names).items():
        if all(net in clamped for net in nets):
            yield f"{word}={sum(clamped[net] << k for k, net in enumerate(nets))}"
        else:
            yield from (f"{net}={clamped[net]}" for net in nets if net in clamped)
