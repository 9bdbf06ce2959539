"""What runs of p-bits, and of hardware that Ising models were lowered to, say about their problem."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from compiler.passes.spins.model import Decoded, decode
from thermo.diagnostics import ESS_LEAST, MeanReport, report_mean, spin_ess
from thermo.report.worth import solution_report
from thermo.simulate.spins.dynamics import is_lowered, is_sampling
from thermo.simulate.spins.problem import answer, facts, named, variables
from thermo.simulate.spins.result import SpinResult
from thermo.simulate.spins.temper import TemperResult

Rows = list[tuple[str, str]]
SHOWN = 12  # variables in the text
WORST = 3  # chains that are named
MANY_BROKEN = 0.1  # share from which a majority of a chain says little
UNRELIABLE = "NOT RELIABLE"
MOVES = "moves of several spins by the host: penalties hold single p-bits (--method chains runs these)"
TERMS = "variables turned by their products by the host (--method chains runs the p-bits)"
CROSSED = "annealed states crossed by the host (--method chains anneals alone)"


def spin_report(
    netlist: LangevinNetlist, result: SpinResult | TemperResult, options: Mapping[str, Any]
) -> tuple[Rows, dict[str, Any]]:
    """The best state, in the terms of its problem, and the energies, for people and for JSON.

    options : that the run was made with
    """
    draws: np.ndarray | None = None
    if isinstance(result, TemperResult):
        draws = result.energy[:, 0]
    elif is_sampling(netlist, options.get("kT"), options.get("sweeps")):
        draws = result.observed_energy
    states, energies = result.best_states, result.best_energies
    by_chain = result.means if isinstance(result, SpinResult) and draws is not None else None
    if draws is not None and by_chain is None and result.samples is not None:
        by_chain = result.samples.mean(axis=1)
    chain_lines: list[tuple[str, str]] = []
    broken: dict[str, Any] = {}
    if is_lowered(netlist):  # chains, gauge and units of the hardware are undone
        found = decode(netlist, states)
        netlist, hardware, states, energies = found.netlist, netlist, found.states, found.energies
        if draws is not None and result.samples is not None:
            found = decode(hardware, result.samples)
            draws, by_chain = found.energies, found.states.mean(axis=1)
        chain_lines, broken = chain_rows(found)
    least = float(energies.min())
    told, best = answer(netlist, states, energies)
    mean = None if draws is None or not np.isfinite(draws).all() else report_mean(draws)
    kind = facts(netlist).goal.kind
    rows = _problem_rows(told)
    if np.isfinite(least):
        rows.append(("least energy", f"{least:.{_digits(netlist)}g}"))
    # chains that all came to the least energy and stayed are no failure to mix
    settled = draws is not None and draws.shape[0] > 1 and bool((draws == draws.min()).all())
    settled = settled and least >= float(np.min(draws if draws is not None else least))
    if mean is not None:
        mean = replace(mean, warning="") if settled else mean
        text = f"{mean.mean:.{_digits(netlist)}g} in all {mean.n_draws:,} draws, the least energy seen"
        rows.append(("mean energy", text if settled else mean.text()))
    means = _means(netlist, by_chain, settled)
    if means["means"] is not None:
        rows.append(("means of variables", _trust(means)))
    solution: dict[str, Any] = {}
    if draws is None and isinstance(result, SpinResult):
        found_rows, solution = solution_report(result, energies, 10.0 ** -_digits(netlist) * abs(least))
        rows += found_rows
    rows += [*chain_lines, *_run_rows(result, energies, _digits(netlist))]
    rows.append((f"variables ({facts(netlist).vartype})", _shown(variables(netlist, best))))
    return rows, {
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
        "backend": result.backend,
        "kT": result.kT,
        **_swaps(result),
        **solution,
        "vartype": facts(netlist).vartype,
        "variables": variables(netlist, best),
    }


def sign_rows(netlist: LangevinNetlist, states: np.ndarray) -> tuple[Rows, dict[str, Any]]:
    """What the signs of continuous cells answer at the end of each run.

    states : (runs, n_cells), independent of each other
    """
    found = decode(netlist, states)
    told, best = answer(found.netlist, found.states, found.energies)
    energies = found.energies
    rows = _problem_rows(told)
    rows.append(("least energy of the signs", f"{energies.min():.8g}"))
    mean, sem = float(energies.mean()), None
    same = energies.size > 1 and float(np.ptp(energies)) == 0
    warning = "" if same else too_few(energies.size, int(ESS_LEAST))
    if energies.size > 1:
        sem = float(energies.std(ddof=1) / np.sqrt(energies.size))
        text = f"{mean:.6g} ± {sem:.2g}, {energies.size} runs"
        rows.append(("mean energy of the signs", f"{text}: {warning}" if warning else text))
    chains, more = chain_rows(found)
    values = variables(found.netlist, best)
    kind = facts(found.netlist).vartype
    return [*rows, *chains, (f"variables ({kind})", _shown(values))], {
        "problem": facts(found.netlist).goal.kind,
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
        "variables": values,
    }


def too_few(runs: int, least: int) -> str:
    """What must be said beside a mean over independent runs, "" where there are enough."""
    return "" if runs >= least else f"{UNRELIABLE}, of {runs} independent runs: add --runs {least}"


def chain_rows(decoded: Decoded) -> tuple[Rows, dict[str, Any]]:
    """How often chains were broken, for people and for JSON; empty without chains."""
    broken = decoded.broken
    if broken is None:
        return [], {}
    lengths = np.ones(broken.size, np.int64) if decoded.lengths is None else decoded.lengths
    names = facts(decoded.netlist).spin_names(broken.size) or tuple(map(str, range(broken.size)))
    order = [k for k in np.argsort(-broken, kind="stable")[:WORST].tolist() if broken[k] > 0]
    text = f"{100 * broken.mean():.2f} % of chains and states; chains of up to {lengths.max()} p-bits"
    if order:
        each = (f"{names[k]} ({lengths[k]} p-bits, {100 * broken[k]:.1f} %)" for k in order)
        text += f"; worst {', '.join(each)}"
    if broken.mean() > MANY_BROKEN:
        text += ": raise --chain-strength when compiling"
    told = {
        "mean": float(broken.mean()),
        "share": broken.tolist(),
        "lengths": lengths.tolist(),
        "worst": [
            {"variable": names[k], "share": float(broken[k]), "length": int(lengths[k])} for k in order
        ],
    }
    return [("broken chains", text)], {"broken_chains": told}


def _problem_rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if "cut" in told:
        rows.append(("cut", f"{told['cut']:,.8g}"))
    if "satisfied" in told:
        rows.append(("clauses satisfied", f"{told['satisfied']:,} of {told['clauses']:,}"))
    if "violated_weight" in told:
        musts = told["violated_musts"]
        kept = "all that must hold do" if not musts else f"{musts:,} that must hold do NOT"
        rows.append(("weight of violated clauses", f"{told['violated_weight']:,.12g}; {kept}"))
    if "words" in told:
        text = ", ".join(f"{word} = {value}" for word, value in told["words"].items())
        rows.append(("circuit", text if told["consistent"] else f"{text}; a gate is wrong"))
    return rows


def _run_rows(result: SpinResult | TemperResult, spread: np.ndarray, digits: int) -> list[tuple[str, str]]:
    chains = int(np.size(result.best_energies))
    rate = result.updates / max(result.seconds, 1e-9)
    if isinstance(result, TemperResult):
        rows = [
            ("ladder", f"{chains} of {result.kT.size} kT, {result.kT[0]:.4g} to {result.kT[-1]:.4g}"),
            ("exchanges accepted", ", ".join(f"{a:.2f}" for a in result.acceptance)),
            ("round trips a ladder", f"{result.round_trips.mean():.1f}"),
        ]
    else:
        told = f", least energies {spread.min():.{digits}g} to {spread.max():.{digits}g}"
        rows = [("chains", f"{chains}{told if np.isfinite(spread).all() else ''}")]
    how = {"moves": MOVES, "crossed": CROSSED, "terms": TERMS}.get(result.method, result.method)
    rows.append(("sweeps of each chain", f"{result.sweeps:,}, {how}"))
    rows.append(("p-bit updates a second", f"{rate:.3g}"))
    rows.append(("wall time", f"{result.seconds:.2f} s"))
    return rows


def _swaps(result: SpinResult | TemperResult) -> dict[str, Any]:
    if isinstance(result, TemperResult):
        return {"acceptance": result.acceptance, "round_trips": result.round_trips}
    return {} if result.flips is None else {"flips": result.flips}


def _digits(netlist: LangevinNetlist) -> int:
    """Digits of an energy: eight of what the coefficients are, however large the offset is."""
    values = [netlist.cells.h, *(c.values for c in netlist.couplings)]
    size = max(float(np.abs(v).max(initial=0.0)) for v in values)
    offset = abs(facts(netlist).offset)
    return min(17, 8 + max(0, math.ceil(math.log10(offset / size)))) if size and offset else 8


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


def _means(netlist: LangevinNetlist, by_chain: np.ndarray | None, settled: bool = False) -> dict[str, Any]:
    """Mean of each variable by name, as users call them, and whether it can be trusted.

    means_ess : median and least effective sample size of the variables that moved
    means_warning : "" or which means say little, and why
    settled : all chains stay at the least energy seen, so that spins that are alike in all are no fault
    """
    if by_chain is None:
        return {"means": None, "means_ess": None, "means_warning": None}
    spins, ess = by_chain.mean(axis=0), None
    if by_chain.shape[0] < 2:
        warning = "one chain tells no error: ask for more --chains"
    else:
        each, least = spin_ess(by_chain), 4 * ESS_LEAST
        moved = each[np.isfinite(each)]
        ess = {"median": np.median(moved), "least": moved.min()} if moved.size else None
        few, stuck = int((moved < least).sum()), each.size - moved.size
        parts = [f"{few:,} with an ESS below {least:.0f}"] if few else []
        parts += [f"{stuck:,} alike in all chains"] if stuck and not settled else []
        warning = f"{' and '.join(parts)}, of {each.size:,}: run longer" if parts else ""
    return {"means": named(netlist, spins), "means_ess": ess, "means_warning": warning}


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
