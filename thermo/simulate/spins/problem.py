"""What states of p-bits mean for the problem they were compiled from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.families.words import words_and_nets
from compiler.ir.langevin import LangevinNetlist
from thermo.simulate.errors import SimulationError


def facts(netlist: LangevinNetlist) -> Mapping[str, Any]:
    """netlist.meta["ising"], or what holds for p-bits that say nothing."""
    return netlist.meta.get("ising", {"offset": 0.0, "vartype": "spin", "problem": {}})


def variables(netlist: LangevinNetlist, state: np.ndarray) -> dict[str, int]:
    """{name: value} of a state (n,) of +-1, as the user calls them: -1 and 1, or 0 and 1."""
    told = facts(netlist)
    names = told.get("names") or [str(i) for i in range(state.size)]
    values = (state + 1) // 2 if told.get("vartype") == "binary" else state
    return dict(zip(names, values.tolist(), strict=True))


def cuts(netlist: LangevinNetlist, energies: Any) -> np.ndarray:
    """Weights cut by states with these energies (offset included): (W - (E - offset)) / 2.

    Raises SimulationError if the p-bits are no Max-Cut problem.
    """
    told = facts(netlist)
    if told["problem"].get("kind") != "max-cut":
        raise SimulationError("these p-bits are no Max-Cut problem; compile a graph")
    bare = np.asarray(energies, dtype=np.float64) - told.get("offset", 0.0)
    return (told["problem"]["total_weight"] - bare) / 2


def satisfied(netlist: LangevinNetlist, states: np.ndarray) -> np.ndarray:
    """(k,) clauses that hold in states (k, n) of +-1.

    Raises SimulationError if the p-bits are no satisfiability problem.
    """
    problem = facts(netlist)["problem"]
    if problem.get("kind") != "sat":
        raise SimulationError("these p-bits are no satisfiability problem; compile a DIMACS file")
    count = np.zeros(states.shape[0], dtype=np.int64)
    for clause in problem["clauses"]:
        literals = np.array(clause, dtype=np.int64)
        if literals.size:
            true = states[:, np.abs(literals) - 1] == np.sign(literals)
            count += true.any(axis=1)
    return count


def words(netlist: LangevinNetlist, state: np.ndarray) -> dict[str, int]:
    """{word: number} of a circuit's inputs and outputs in a state (n,) of +-1; p[0] is bit 0 of p.

    Raises SimulationError if the p-bits are no circuit.
    """
    told = facts(netlist)
    problem = told["problem"]
    if problem.get("kind") != "circuit":
        raise SimulationError("these p-bits are no circuit; compile a netlist of gates")
    bits = {name: int(s > 0) for name, s in zip(told["names"], state, strict=True)}
    bits |= {name: int(bit) for name, bit in problem.get("clamped", {}).items()}
    nets = [name for name in (*problem["inputs"], *problem["outputs"]) if name in bits]
    return {
        word: sum(bits[net] << k for k, net in enumerate(parts))
        for word, parts in words_and_nets(nets).items()
    }


def answer(
    netlist: LangevinNetlist, states: np.ndarray, energies: np.ndarray
) -> tuple[dict[str, Any], np.ndarray]:
    """What the best of some states says in the problem's own terms, and that state (n,).

    states, energies : (k, n) of +-1 and (k,). The best has the least energy, of a formula the most
    clauses.
    Returns keys by the kind of problem: cut; clauses, satisfied, assignment (DIMACS literals);
    words and consistent (every gate agrees).
    """
    problem = facts(netlist)["problem"]
    best = int(np.argmin(energies))
    kind = problem.get("kind")
    told: dict[str, Any] = {}
    if kind == "max-cut":
        told["cut"] = float(cuts(netlist, energies)[best])
    elif kind == "sat":
        count = satisfied(netlist, states)
        best = int(np.argmax(count))
        literals = np.arange(1, problem["variables"] + 1) * states[best, : problem["variables"]]
        told = {
            "clauses": len(problem["clauses"]),
            "satisfied": int(count[best]),
            "assignment": literals.tolist(),
        }
    elif kind == "circuit":
        gap = float(problem.get("gap", 1.0))
        told = {"words": words(netlist, states[best]), "consistent": bool(energies[best] < 0.5 * gap)}
    return told, states[best]
