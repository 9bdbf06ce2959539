"""What an answer is worth, for people and for JSON: bound and gap, certificate, time to solution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from thermo.simulate.spins.result import SpinResult
from thermo.worth.time_to_solution import time_to_solution

if TYPE_CHECKING:
    from thermo.worth.bound import Bound
    from thermo.worth.certificate import Certificate

Rows = list[tuple[str, str]]
HOW = {
    "exact": "exact, by elimination",
    "cycles": "frustrated cycles",
    "semidefinite": "semidefinite",
    "decoupled": "every coupling by itself",
}


def bound_report(bound: Bound, told: Mapping[str, Any]) -> tuple[Rows, dict[str, Any]]:
    """How far the best state of a run can be from the optimum.

    told : of the run, energy and (of a graph) cut
    """
    energy = float(told["energy"])
    gap, relative, optimal = bound.gap(energy), bound.relative_gap(energy), bound.is_optimal(energy)
    how = HOW[bound.method]
    if bound.method == "semidefinite" and bound.cycles:
        how += f" with {bound.cycles:,} frustrated cycles"
    if bound.method == "cycles" and bound.planar:
        how += ", exact: the graph is planar"
    found: dict[str, Any] = {
        "energy": bound.energy,
        "gap": gap,
        "relative_gap": relative,
        "optimal": optimal,
        "method": bound.method,
        "by_method": dict(bound.by_method),
        "state_energy": bound.state_energy,
        "cycles": bound.cycles,
        "seconds": bound.seconds,
    }
    what = f"no energy is below {bound.energy:.10g}"
    if "cut" in told:
        cut = float(told["cut"])
        most = cut + gap / 2
        found |= {"cut": most, "relative_gap": 0.0 if gap == 0 else gap / 2 / abs(cut) if cut else np.inf}
        what = f"no cut is above {most:,.10g}"
        relative, gap = found["relative_gap"], gap / 2
    rows = [("bound", f"{what} ({how}; {bound.seconds:.1f} s)")]
    if optimal:
        rows.append(("gap", "0: this is the optimum, proved"))
    else:
        rows.append(("gap", f"at most {gap:.6g} ({100 * relative:.3g} %)"))
        if bound.state_energy < energy - 1e-9 * bound.scale:
            rows.append(("better state", f"the bound's search saw {bound.state_energy:.10g}: run longer"))
    return rows, found


def certificate_report(found: Certificate) -> tuple[Rows, dict[str, Any]]:
    """Every claim, those that fail marked."""
    rows = [(c.name, c.told if c.holds else f"{c.told}: FAILS") for c in found.claims]
    names = ", ".join(c.name for c in found.refused)
    rows.append(("certificate", "granted" if found.granted else f"REFUSED: {names}"))
    return rows, {
        "granted": found.granted,
        "asked_kT": found.asked_kT,
        "kT": found.kT,
        "kT_interval": [found.kT_low, found.kT_high],
        "ess": found.ess,
        "r_hat": found.r_hat,
        "total_variation": found.total_variation,
        "noise_floor": found.noise_floor,
        "claims": [
            {"name": c.name, "holds": c.holds, "value": c.value, "limit": c.limit, "told": c.told}
            for c in found.claims
        ],
    }


def solution_report(result: SpinResult, energies: np.ndarray, digits: float) -> tuple[Rows, dict[str, Any]]:
    """Time until the least energy seen is met again; nothing of one chain.

    energies : (chains,) least of each, in the model's unit; digits : two of which are one within this
    """
    chains = int(energies.size)
    if chains < 2 or not np.isfinite(energies).all():
        return [], {}
    hits = int((energies <= energies.min() + digits).sum())
    each = result.seconds / chains
    found = time_to_solution(hits, chains, each)
    sweeps = time_to_solution(hits, chains, float(result.sweeps))
    top = "no end" if not np.isfinite(found.high) else f"{found.high:.3g}"
    text = (
        f"{found.value:.3g} s ({found.low:.3g} to {top}), {sweeps.value:,.0f} sweeps: {hits} of {chains} "
        "chains reached the least energy seen"
    )
    told = found.to_dict() | {"sweeps": sweeps.value, "sweeps_interval": [sweeps.low, sweeps.high]}
    return [("time to solution (99 %)", text)], {"time_to_solution": told | {"goal": float(energies.min())}}
