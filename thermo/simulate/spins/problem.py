"""What states of p-bits mean for the problem they were compiled from."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from compiler.ir.goals import Circuit, Formula, MaxCut, Polynomial
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.problem import PLAIN, Problem
from thermo.simulate.errors import SimulationError


def facts(netlist: LangevinNetlist) -> Problem:
    """The netlist's problem, or what holds for p-bits that have none."""
    return netlist.problem or PLAIN


def named(netlist: LangevinNetlist, spins: np.ndarray) -> dict[str, Any]:
    """{name: value} of one number in [-1, 1] a spin (n,), as the user calls the variables.

    Auxiliary spins of a formula or polynomial are left out. Values are -1 to 1, or 0 to 1 of binary
    variables; clamped variables have the value they are clamped to.
    """
    told = facts(netlist)
    values = spins
    if told.spin is not None:
        values = spins[told.spin]
        taken = told.spin < 0
        if told.held is not None:
            values[taken] = told.held[taken]
    if told.vartype == "binary":
        values = (values + 1) // 2 if spins.dtype.kind == "i" else (values + 1) / 2
    called = dict(zip(told.variable_names(spins.size), values.tolist(), strict=True))
    if isinstance(told.goal, Formula | Polynomial):  # whose own variables are the first ones
        return dict(islice(called.items(), told.goal.variables))
    return called


def variables(netlist: LangevinNetlist, state: np.ndarray) -> dict[str, int]:
    """{name: value} of a state (n,) of +-1, as the user calls them: -1 and 1, or 0 and 1."""
    return named(netlist, np.asarray(state))


def cuts(netlist: LangevinNetlist, states: Any) -> np.ndarray:
    """(k,) weights of the graph's edges that states (k, n) of +-1 cut.

    Raises SimulationError if the p-bits are no Max-Cut problem.
    """
    told = facts(netlist)
    if not isinstance(told.goal, MaxCut):
        raise SimulationError("these p-bits are no Max-Cut problem; compile a graph")
    return told.goal.cut(told.variables(states))


def satisfied(netlist: LangevinNetlist, states: np.ndarray) -> np.ndarray:
    """(k,) clauses that hold in states (k, n) of +-1.

    Raises SimulationError if the p-bits are no satisfiability problem.
    """
    told = facts(netlist)
    if not isinstance(told.goal, Formula):
        raise SimulationError("these p-bits are no satisfiability problem; compile a DIMACS file")
    return told.goal.satisfied(told.variables(states))


def words(netlist: LangevinNetlist, state: np.ndarray) -> dict[str, int]:
    """{word: number} of a circuit's inputs and outputs in a state (n,) of +-1; p[0] is bit 0 of p.

    Raises SimulationError if the p-bits are no circuit.
    """
    told = facts(netlist)
    if not isinstance(told.goal, Circuit):
        raise SimulationError("these p-bits are no circuit; compile a netlist of gates")
    state = np.asarray(state)
    return told.goal.words(told.variable_names(state.size), told.variables(state))


def answer(
    netlist: LangevinNetlist, states: np.ndarray, energies: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    """What the best of some states says in the problem's own terms, and that state (n,).

    states, energies : (k, n) of +-1 and (k,), in the model's unit. The best has the least energy, of
    a formula the least weight of violated clauses.
    Returns keys by the kind of problem: cut; clauses, satisfied, assignment (DIMACS literals), of weights
    also violated_weight (of wishes) and violated_musts (clauses);
    words and consistent (every gate agrees).
    """
    problem = facts(netlist)
    goal = problem.goal
    best = int(np.argmin(energies))
    told: dict[str, Any] = {}
    if isinstance(goal, MaxCut):
        told["cut"] = float(cuts(netlist, states[best : best + 1])[0])
    elif isinstance(goal, Formula):
        values = problem.variables(states)
        cost = goal.cost(values)
        best = int(np.argmin(cost))
        value = values[best][: goal.variables]
        told = {
            "clauses": goal.n_clauses,
            "satisfied": int(satisfied(netlist, states[best : best + 1])[0]),
            "assignment": (np.arange(1, goal.variables + 1) * value).tolist(),
        }
        if goal.weights is not None:
            broken = ~goal.holds(values[best])
            must = goal.weights >= goal.top
            told["violated_weight"] = float(goal.weights[broken & ~must].sum())
            told["violated_musts"] = int((broken & must).sum())
    elif isinstance(goal, Circuit):
        consistent = bool(energies[best] < 0.5 * goal.gap)
        told = {"words": words(netlist, states[best]), "consistent": consistent}
    return told, states[best]
