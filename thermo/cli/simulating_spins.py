"""thermoc simulate, for p-bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from compiler.ir.langevin import CellKind, LangevinNetlist
from compiler.passes.spins.model import decode
from hw_models.imperfect import NonIdeal
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.lowered_spins import UNRELIABLE, chain_rows, is_lowered
from thermo.diagnostics import ESS_LEAST, MeanReport, report_mean, spin_ess
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.plan import plan_spins
from thermo.simulate.spins.problem import answer, facts, variables
from thermo.simulate.spins.result import SpinResult
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.temper import TemperResult, geometric_ladder, temper

# what `thermoc simulate` offers for p-bits only, and what not for them, by parameter
FOR_SPINS = ("chains", "sweeps", "seconds", "tempering", "hot")
NOT_FOR_SPINS = (
    "data",
    "data_dir",
    "device",
    "runs",
    "dt",
    "method",
    "observe",
    "limit",
    "backend",
    "toggles",
    "flip",
    "stuck",
)

CHAINS = 8  # of an annealing run
SAMPLING_CHAINS = 32
LOOKS = 200  # at a sampling run
SHOWN = 12  # variables in the text


def is_spins(netlist: LangevinNetlist) -> bool:
    """Whether any cell is a p-bit."""
    return bool((netlist.cells.kind == CellKind.PBIT).any())


def simulate_pbits(
    netlist: LangevinNetlist,
    net: Path,
    *,
    chains: int | None,
    sweeps: int | None,
    seconds: float | None,
    kT: float | None,
    tempering: int | None,
    hot: float | None,
    every: int | None,
    non_ideal: NonIdeal,
    device_seed: int,
    seed: int,
    threads: int | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Run the p-bits and write the best state, in the terms of its problem, and the energies."""
    lowered = is_lowered(netlist)
    if tempering is None:
        if hot is not None:
            raise SimulationError(f"--hot {hot:g} is the top of a ladder: add --tempering N")
        plan = plan_spins(netlist, kT=kT, sweeps=sweeps)
        sampling = not plan[-1].ramped
        annealed = simulate_spins(
            netlist,
            chains=chains or _chains(sampling, seconds),
            seed=seed,
            kT=kT,
            sweeps=sweeps,
            seconds=seconds,
            observe_every=every,
            looks=LOOKS if sampling and every is None else None,
            non_ideal=None if non_ideal.ideal else non_ideal,
            device_seed=device_seed,
            keep_samples=sampling and (lowered or save is not None),
            threads=threads,
            progress=BarProgress(),
        )
        draws = annealed.observed_energy if sampling else None
        result: SpinResult | TemperResult = annealed
    else:
        if not non_ideal.ideal:
            raise SimulationError(
                "--tempering needs energies, which an imperfect device does not have: leave "
                "--mismatch, --asymmetry, --bits and --bias-mismatch out"
            )
        if seconds is not None:
            raise SimulationError("--seconds is for annealing: give --tempering its --sweeps")
        ladder = _ladder(netlist, tempering, kT, hot)
        plan = plan_spins(netlist, sweeps=sweeps)
        total = sum(p.sweeps for p in plan)
        result = temper(
            netlist,
            ladder=ladder,
            sweeps=total,
            sets=chains or 4,
            tune=max(4, total // 5),
            burn_in=total // 5,
            observe_every=every or max(1, total // (5 * LOOKS)),
            seed=seed,
            keep_samples="cold" if lowered or save is not None else "none",
            threads=threads,
            progress=BarProgress(),
        )
        draws = result.energy[:, 0]
    if save is not None:
        save = result.save(save)
    states, energies = result.best_states, result.best_energies
    by_chain = result.means if isinstance(result, SpinResult) and draws is not None else None
    if draws is not None and by_chain is None and result.samples is not None:
        by_chain = result.samples.mean(axis=1)
    chain_lines: list[tuple[str, str]] = []
    broken: dict[str, Any] = {}
    if lowered:  # chains, gauge and units of the hardware are undone
        found = decode(netlist, states)
        netlist, hardware, states, energies = found.netlist, netlist, found.states, found.energies
        if draws is not None and result.samples is not None:
            found = decode(hardware, result.samples)
            draws, by_chain = found.energies, found.states.mean(axis=1)
        chain_lines, broken = chain_rows(found)
    least = float(energies.min())
    told, best = answer(netlist, states, energies)
    mean = None if draws is None or not np.isfinite(draws).all() else report_mean(draws)
    kind = facts(netlist)["problem"].get("kind", "ising")
    rows = _problem_rows(told)
    if np.isfinite(least):
        rows.append(("least energy", f"{least:.8g}"))
    if mean is not None:
        rows.append(("mean energy", mean.text()))
    means = _means(netlist, by_chain)
    if means["means"] is not None:
        rows.append(("means of variables", _trust(means)))
    rows += [*chain_lines, *_run_rows(result, energies)]
    rows.append((f"variables ({facts(netlist)['vartype']})", _shown(variables(netlist, best))))
    if save is not None:
        rows.append(("saved", str(save)))
    emit(
        {
            "problem": kind,
            **told,
            "energy": least,
            "energies": energies,
            "mean_energy": _mean(mean),
            **means,
            **broken,
            "sweeps": result.sweeps,
            "chains": int(np.size(result.best_energies)),
            "seconds": result.seconds,
            "updates": result.updates,
            "updates_per_second": result.updates / max(result.seconds, 1e-9),
            "method": result.method,
            "kT": result.kT,
            **_swaps(result),
            "vartype": facts(netlist)["vartype"],
            "variables": variables(netlist, best),
            "saved": save,
            "manifest": manifest(net=net, seed=seed),
        },
        as_json,
        text_table(Table(("simulation", ""), tuple(rows), (1,))),
    )


def _chains(sampling: bool, seconds: float | None) -> int:
    """A run that must end in time puts it all into two long chains, else several are compared."""
    if sampling:
        return SAMPLING_CHAINS
    return CHAINS if seconds is None else 2


def _ladder(netlist: LangevinNetlist, n: int, kT: float | None, hot: float | None) -> np.ndarray:
    """n temperatures: from kT, else the schedule's end, to `hot`, else its start.

    Without a ramp the top is the root mean square force of random neighbours, or twice the lowest.
    """
    last = netlist.schedule[-1].kT if netlist.schedule else None
    cold = kT if kT is not None else (netlist.kT if last is None else last[1])
    if hot is None and last is not None and last[0] > cold:
        hot = last[0]
    if hot is None:
        system = SpinSystem.from_netlist(netlist)
        force = system.h**2
        np.add.at(force, system.driven, system.weights**2)
        np.add.at(force, system.driving, system.weights**2)
        hot = max(float(np.sqrt(force.mean())), 2.0 * cold)
    return geometric_ladder(cold, hot, n)


def _problem_rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if "cut" in told:
        rows.append(("cut", f"{told['cut']:,.8g}"))
    if "satisfied" in told:
        rows.append(("clauses satisfied", f"{told['satisfied']:,} of {told['clauses']:,}"))
    if "words" in told:
        text = ", ".join(f"{word} = {value}" for word, value in told["words"].items())
        rows.append(("circuit", text if told["consistent"] else f"{text}; a gate is wrong"))
    return rows


def _run_rows(result: SpinResult | TemperResult, spread: np.ndarray) -> list[tuple[str, str]]:
    chains = int(np.size(result.best_energies))
    rate = result.updates / max(result.seconds, 1e-9)
    if isinstance(result, TemperResult):
        rows = [
            ("ladder", f"{chains} of {result.kT.size} kT, {result.kT[0]:.4g} to {result.kT[-1]:.4g}"),
            ("exchanges accepted", ", ".join(f"{a:.2f}" for a in result.acceptance)),
            ("round trips a ladder", f"{result.round_trips.mean():.1f}"),
        ]
    else:
        told = f", least energies {spread.min():.8g} to {spread.max():.8g}"
        rows = [("chains", f"{chains}{told if np.isfinite(spread).all() else ''}")]
    rows.append(("sweeps of each chain", f"{result.sweeps:,}, {result.method}"))
    rows.append(("p-bit updates a second", f"{rate:.3g}"))
    rows.append(("wall time", f"{result.seconds:.2f} s"))
    return rows


def _swaps(result: SpinResult | TemperResult) -> dict[str, Any]:
    if isinstance(result, TemperResult):
        return {"acceptance": result.acceptance, "round_trips": result.round_trips}
    return {} if result.flips is None else {"flips": result.flips}


def _mean(mean: MeanReport | None) -> dict[str, Any] | None:
    if mean is None:
        return None
    return {
        "mean": mean.mean,
        "sem": mean.sem,
        "ess": mean.ess,
        "r_hat": mean.r_hat,
        "reliable": not mean.warning,
        "warning": mean.warning,
    }


def _means(netlist: LangevinNetlist, by_chain: np.ndarray | None) -> dict[str, Any]:
    """Mean of each variable by name, as users call them, and whether it can be trusted.

    means_ess : median and least effective sample size of the variables that moved
    means_warning : "" or which means say little, and why
    """
    if by_chain is None:
        return {"means": None, "means_ess": None, "means_warning": None}
    spins, ess = by_chain.mean(axis=0), None
    told = facts(netlist)
    names = told.get("names") or [str(i) for i in range(spins.size)]
    values = (spins + 1) / 2 if told.get("vartype") == "binary" else spins
    if by_chain.shape[0] < 2:
        warning = "one chain tells no error: ask for more --chains"
    else:
        each, least = spin_ess(by_chain), 4 * ESS_LEAST
        moved = each[np.isfinite(each)]
        ess = {"median": np.median(moved), "least": moved.min()} if moved.size else None
        few, stuck = int((moved < least).sum()), each.size - moved.size
        parts = [f"{few:,} with an ESS below {least:.0f}"] if few else []
        parts += [f"{stuck:,} alike in all chains"] if stuck else []
        warning = f"{' and '.join(parts)}, of {each.size:,}: run longer" if parts else ""
    return {
        "means": dict(zip(names, values.tolist(), strict=True)),
        "means_ess": ess,
        "means_warning": warning,
    }


def _trust(means: dict[str, Any]) -> str:
    """One line on the means of variables."""
    ess, warning = means["means_ess"], means["means_warning"]
    known = "" if ess is None else f"ESS {ess['median']:,.0f} (median), {ess['least']:,.0f} (least)"
    unsure = f"{UNRELIABLE} are {warning}" if ess else f"{UNRELIABLE}, {warning}"
    unsure = unsure if warning else ""
    return ": ".join(text for text in (known, unsure) if text)


def _shown(values: dict[str, int]) -> str:
    some = [f"{name} = {value}" for name, value in list(values.items())[:SHOWN]]
    return ", ".join(some) + (f", ... of {len(values):,}" if len(values) > SHOWN else "")
