"""What the states of hardware say about the Ising model that was lowered to it, for reports."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from compiler.passes.spins.model import Decoded, decode
from thermo.diagnostics import ESS_LEAST
from thermo.simulate.spins.problem import answer, facts, variables

Rows = list[tuple[str, str]]
SHOWN = 12  # variables in the text
UNRELIABLE = "NOT RELIABLE"


def is_lowered(netlist: LangevinNetlist) -> bool:
    """Whether the netlist was made from an Ising model and keeps it in its notes."""
    return "logical" in netlist.meta


def too_few(runs: int, least: int) -> str:
    """What must be said beside a mean over independent runs, "" where there are enough."""
    return "" if runs >= least else f"{UNRELIABLE}, of {runs} independent runs: add --runs {least}"


def chain_rows(decoded: Decoded) -> tuple[Rows, dict[str, Any]]:
    """How often chains were broken, for people and for JSON; empty without chains."""
    broken = decoded.broken
    if broken is None:
        return [], {}
    worst = int(np.argmax(broken))
    text = f"{100 * broken.mean():.2f} % of chains and states"
    if broken[worst] > 0:
        text += f", spin {worst} worst ({100 * broken[worst]:.1f} %)"
    told = {"mean": float(broken.mean()), "share": broken.tolist()}
    return [("broken chains", text)], {"broken_chains": told}


def sign_rows(netlist: LangevinNetlist, states: np.ndarray) -> tuple[Rows, dict[str, Any]]:
    """What the signs of continuous cells answer at the end of each run.

    states : (runs, n_cells), independent of each other
    """
    found = decode(netlist, states)
    told, best = answer(found.netlist, found.states, found.energies)
    energies = found.energies
    rows: Rows = []
    if "cut" in told:
        rows.append(("cut", f"{told['cut']:,.8g}"))
    if "satisfied" in told:
        rows.append(("clauses satisfied", f"{told['satisfied']:,} of {told['clauses']:,}"))
    if "words" in told:
        text = ", ".join(f"{word} = {value}" for word, value in told["words"].items())
        rows.append(("circuit", text if told["consistent"] else f"{text}; a gate is wrong"))
    rows.append(("least energy of the signs", f"{energies.min():.8g}"))
    mean, sem = float(energies.mean()), None
    warning = too_few(energies.size, int(ESS_LEAST))
    if energies.size > 1:
        sem = float(energies.std(ddof=1) / np.sqrt(energies.size))
        text = f"{mean:.6g} ± {sem:.2g}, {energies.size} runs"
        rows.append(("mean energy of the signs", f"{text}: {warning}" if warning else text))
    chains, more = chain_rows(found)
    named = variables(found.netlist, best)
    shown = ", ".join(f"{name} = {value}" for name, value in list(named.items())[:SHOWN])
    shown += f", ... of {len(named):,}" if len(named) > SHOWN else ""
    kind = facts(found.netlist)["vartype"]
    return [*rows, *chains, (f"variables ({kind})", shown)], {
        "problem": facts(found.netlist)["problem"].get("kind", "ising"),
        **told,
        "energy": float(energies.min()),
        "energies": energies.tolist(),
        "mean_energy": {
            "mean": mean,
            "sem": sem,
            "ess": energies.size,
            "reliable": not warning,
            "warning": warning.removeprefix(f"{UNRELIABLE}, "),
        },
        **more,
        "variables": named,
    }
