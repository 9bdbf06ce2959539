"""What a run of any netlist says, for people and for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from compiler.circuits.from_tables import circuit_of
from compiler.counting import gate_counts
from compiler.ir.burdens import technology_of
from compiler.ir.langevin import LangevinNetlist
from hw_models.presets import chosen_device, device_of
from thermo.evaluate import Evaluation, Heat, heats, summarise
from thermo.report.spins import SHOWN, UNRELIABLE, Rows, is_lowered, sign_rows, spin_report, too_few
from thermo.report.text import si
from thermo.report.tiles import tile_report
from thermo.simulate.gates.run import GateResult
from thermo.simulate.langevin.baths import BathHeat
from thermo.simulate.langevin.conversion import Conversion
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.tiles.result import TileResult

FEW_RUNS = 16  # below which the spread over runs tells the error poorly, to 1 / sqrt(2 runs)


def run_report(
    netlist: Any,
    result: Any,
    evaluation: Evaluation | None,
    options: Mapping[str, Any],
    device: str | None = None,
) -> tuple[Rows, dict[str, Any]]:
    """(rows of a table, JSON's keys) of what `simulate` returned.

    evaluation : of a run on a data set; options : that the run was made with
    device : preset or file on which a Langevin machine's heat is told in joules
    """
    if isinstance(result, GateResult):
        return _gates(netlist, result, evaluation, options)
    if isinstance(result, TileResult):
        return tile_report(netlist, result, evaluation, device)
    if isinstance(result, SimulationResult):
        return _langevin(netlist, result, evaluation, device, options.get("couplings"))
    return spin_report(netlist, result, options)


def _langevin(
    netlist: LangevinNetlist,
    result: SimulationResult,
    evaluation: Evaluation | None,
    device: str | None,
    couplings: str | None,
) -> tuple[Rows, dict[str, Any]]:
    signs: tuple[Rows, dict[str, Any]] = [], {}
    if evaluation is None and is_lowered(netlist):
        signs = sign_rows(netlist, result.outputs[-1][0])
    outputs: tuple[Rows, dict[str, Any]] = [], {"outputs_mean": None}
    if evaluation is None:
        outputs = _outputs(result, told=not signs[0])
    made: dict[str, Any] = {}
    rows: Rows = []
    if device is not None:
        made = {"couplings": technology_of(netlist, chosen_device(device, couplings).couplings).name}
        ideal = made["couplings"] == "ideal"
        rows.append(("couplings", "ideal: no noise, load or range" if ideal else made["couplings"]))
    rows += [*signs[0], *_what(evaluation), *outputs[0], *_energy(netlist, result, device)]
    rows += conversion_rows(result.conversions)
    rows.append(("steps", f"{result.n_steps:,} of dt = {result.dt:g}, {result.method}"))
    rows.append(("wall time", f"{result.seconds:.2f} s"))
    return rows, {
        **made,
        **({} if evaluation is None else asdict(evaluation)),
        **signs[1],
        "runs": result.outputs.shape[2],
        **{name: None if h is None else asdict(h) for name, h in heats(result).items()},
        **({"converters": [asdict(c) for c in result.conversions]} if device is not None else {}),
        "heat_method": result.heat_method,
        "dt": result.dt,
        "method": result.method,
        "kT": result.kT,
        "seconds": result.seconds,
        **outputs[1],
    }


def _outputs(result: SimulationResult, told: bool) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Mean of every answer over the runs and its standard error, for people (if told) and JSON."""
    mean = result.answers()
    runs = result.outputs[-1].shape[1]
    error = None
    if runs > 1:
        last = result.outputs[-1:]
        each = [replace(result, outputs=last[:, :, r : r + 1]).answers() for r in range(runs)]
        error = np.std(each, axis=0, ddof=1) / np.sqrt(runs)
    # without noise all runs are alike: one is as good as many
    warning = "" if result.kT == 0 else too_few(runs, FEW_RUNS)
    found = {
        "outputs_mean": mean.tolist(),
        "outputs_error": None if error is None else error.tolist(),
        "outputs_warning": warning.removeprefix(f"{UNRELIABLE}, "),
    }
    if not told or mean.shape[0] != 1:
        return [], found
    shown = [
        f"{mean[0, k]:.5g}" + ("" if error is None else f" ± {error[0, k]:.2g}")
        for k in range(min(SHOWN, mean.shape[1]))
    ]
    text = ", ".join(shown) + (f", ... of {mean.shape[1]:,}" if mean.shape[1] > SHOWN else "")
    return [("outputs", f"{text}: {warning}" if warning else text)], found


def _what(evaluation: Evaluation | None) -> list[tuple[str, str]]:
    if evaluation is None:
        return []
    samples = f"{evaluation.n_samples:,} {evaluation.split} samples"
    rows = [("decisions", f"{samples}, mean of {evaluation.runs} run(s) each")]
    if evaluation.accuracy is not None and evaluation.accuracy_sem is not None:
        rows.append(("accuracy", f"{100 * evaluation.accuracy:.2f} ± {100 * evaluation.accuracy_sem:.2f} %"))
    else:
        rows.append(("rms error", f"{evaluation.rmse:.4g}"))
    return rows


def _energy(netlist: LangevinNetlist, result: SimulationResult, device: str | None) -> list[tuple[str, str]]:
    if result.heat is None:
        return []
    heat = result.heat.sum(axis=1)
    unit = "kT" if result.kT > 0 else "energy units"
    heat = heat / result.kT if result.kT > 0 else heat
    sem = heat.std(ddof=1) / np.sqrt(heat.size) if heat.size > 1 else None
    if sem is None and result.heat.shape[1] > 1:  # of a sum over runs, which are independent
        spread = result.heat[0].std(ddof=1) * np.sqrt(result.heat.shape[1])
        sem = spread / result.kT if result.kT > 0 else spread
    error = "" if sem is None else f" ± {sem:,.1f}"
    rows = [("heat per inference", f"{heat.mean():,.1f}{error} {unit}")]
    if np.isnan(result.kT):
        rows.append(("entropy given to the bath", _entropy(result)))
    if device is not None:
        dynamic = ~netlist.cells.frozen
        own = netlist.lowered.energy_scale  # the result's unit in the netlist's
        hardware = device_of(device)
        units = hardware.units(
            kT=netlist.kT if np.isnan(result.kT) else result.kT * own,
            mobility=netlist.mobility,
            j2=float(np.median(netlist.cells.j2[dynamic])),
        )
        scale = units.energy * own * (result.kT if result.kT > 0 else 1.0)
        seconds = units.time * sum(p.duration for p in netlist.schedule)
        rows.append((f"the same on {hardware.name}", si(heat.mean() * scale, "J")))
        rows.append(("relaxation time of one run", si(seconds, "s")))
    return rows


def bath_report(found: BathHeat) -> tuple[Rows, dict[str, Any]]:
    """(rows, JSON) of heat and entropy into each bath, of an inference with all its runs."""

    def summed(values: np.ndarray) -> Heat:
        """Of one sample the runs tell the error: its sum over them has that of independent ones."""
        if values.shape[0] > 1:
            return summarise(values)
        each = values[0]
        spread = float(each.std(ddof=1)) if each.size > 1 else 0.0
        sem = spread * float(np.sqrt(each.size))
        return Heat(float(each.sum()), sem, sem)

    rows: list[tuple[str, str]] = []
    each = []
    for b, temperature in enumerate(found.temperatures.tolist()):
        heat, entropy = summed(found.heat[b]), summed(found.entropy[b])
        finite = bool(np.isfinite(entropy.mean))
        name = f"heat into the bath at {temperature:g} kT ({found.cells[b]} cells)"
        rows.append((name, f"{heat.mean:,.3f} ± {heat.sem:,.3f} energy units"))
        if finite:
            rows.append(("  its entropy", f"{entropy.mean:,.3f} ± {entropy.sem:,.3f} k_B"))
        told = {"temperature": temperature, "cells": int(found.cells[b]), "heat": asdict(heat)}
        each.append({**told, "entropy_kB": asdict(entropy) if finite else None})
    whole = summed(found.entropy.sum(axis=0))
    finite = bool(np.isfinite(whole.mean))
    shown = f"{whole.mean:,.3f} ± {whole.sem:,.3f} k_B" if finite else "none: a bath is at kT = 0"
    rows.append(("entropy given to all baths", shown))
    return rows, {"each": each, "entropy_kB": asdict(whole) if finite else None}


def _entropy(result: SimulationResult) -> str:
    """The integral of dQ / kT, or why there is none."""
    if result.entropy is None:
        return "none: kT reaches 0, couplings bring noise of their own, or the backend does not sum it"
    values = result.entropy.sum(axis=1) if result.entropy.shape[0] > 1 else result.entropy[0]
    sem = values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else None
    if result.entropy.shape[0] == 1:  # of a sum over runs, which are independent
        values, sem = values * values.size, None if sem is None else sem * values.size
    return f"{values.mean():,.1f}{'' if sem is None else f' ± {sem:,.1f}'} k_B"


def conversion_rows(conversions: Sequence[Conversion]) -> list[tuple[str, str]]:
    """A row for the converters of each side: bits, range, what clipped."""
    return [
        (
            f"{c.side} converters",
            f"{c.bits} bit{'s' if c.bits > 1 else ''} over {c.lo:.4g} to {c.hi:.4g}"
            + ("" if c.given else " (of these samples)")
            + f", {100 * c.clipped:.2g} % clipped",
        )
        for c in conversions
    ]


def _gates(
    netlist: Any, result: GateResult, evaluation: Evaluation | None, options: Mapping[str, Any]
) -> tuple[Rows, dict[str, Any]]:
    gates = gate_counts(circuit_of(netlist))["gates"]
    rate = result.n_samples / result.run_seconds
    split = "" if evaluation is None else evaluation.split
    rows = [("samples", f"{result.n_samples:,}" + (f" of the {split} split" if split else ""))]
    accuracy, sem = (None, None) if evaluation is None else (evaluation.accuracy, evaluation.accuracy_sem)
    if accuracy is not None and sem is not None:
        rows.append(("accuracy", f"{100 * accuracy:.2f} ± {100 * sem:.2f} %"))
    rows += [(f"gates, {name.replace('_', '-')}", f"{n:,}") for name, n in gates.items()]
    answer: dict[str, Any] = {}
    faults = options.get("faults")
    if faults is not None:
        rows.append(
            ("faults", f"flip {faults.flip:g} a gate and sample, {faults.stuck_at:g} of the gates stuck")
        )
        answer["faults"] = {"flip": faults.flip, "stuck_at": faults.stuck_at}
    if result.toggles is not None and result.input_toggles is not None:
        steps = max(result.n_samples - 1, 1)
        answer["toggles"] = {
            "gates": int(result.toggles.sum()),
            "inputs": int(result.input_toggles.sum()),
            "gates_per_sample": result.toggles.sum() / steps,
            "mean_activity": result.toggles.mean() / steps if result.toggles.size else 0.0,
        }
        told = answer["toggles"]
        rows.append(("gate toggles a sample", f"{told['gates_per_sample']:,.1f}"))
        rows.append(("toggles a gate and sample", f"{told['mean_activity']:.4f}"))
    rows += [("samples a second", f"{rate:,.0f}"), ("wall time", f"{result.seconds:.3f} s")]
    return rows, {
        "accuracy": accuracy,
        "accuracy_sem": sem,
        "split": split,
        "n_samples": result.n_samples,
        "runs": 1,
        "gates": gates,
        "seconds": result.seconds,
        "run_seconds": result.run_seconds,
        "samples_per_second": rate,
        **answer,
    }
