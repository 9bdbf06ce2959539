"""thermoc simulate, for a circuit of gates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import typer

from compiler.counts import gate_counts
from compiler.errors import UnsupportedError
from compiler.files import replacing
from compiler.ir.gates import GateNetlist
from thermo.cli.console import BarProgress, emit, manifest
from thermo.data import Dataset
from thermo.evaluate_gates import evaluate_gates
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates.faults import Faults
from thermo.simulate.gates.run import GateResult

# what `thermoc simulate` offers for one kind of netlist only, by parameter
FOR_GATES = ("toggles", "flip", "stuck")
FOR_ANALOG = (
    "device",
    "runs",
    "kT",
    "dt",
    "method",
    "observe",
    "mismatch",
    "asymmetry",
    "bits",
    "bias_mismatch",
    "device_seed",
    "every",
    "backend",
)


def refuse(context: typer.Context, names: tuple[str, ...], kind: str, others: str) -> None:
    """Raise UnsupportedError for an option among `names` that differs from its default."""
    for parameter in context.command.params:
        given = context.params.get(parameter.name or "")
        if parameter.name in names and given not in (parameter.get_default(context), [], ()):
            raise UnsupportedError(
                f"{parameter.opts[0]} does not apply to {kind}, only to {others}: leave it out"
            )


def simulate_circuit(
    netlist: GateNetlist,
    net: Path,
    dataset: Dataset | None,
    split: str,
    *,
    limit: int | None,
    toggles: bool,
    flip: float,
    stuck: float,
    seed: int,
    threads: int | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Run the circuit on the data set and write its figures."""
    if dataset is None:
        raise SimulationError(
            "a circuit of gates answers samples: name a data set with --data (`thermoc data` lists them)"
        )
    faults = Faults(flip, stuck) if flip or stuck else None
    evaluation, result = evaluate_gates(
        netlist,
        dataset,
        split,
        limit=limit,
        toggles=toggles,
        faults=faults,
        seed=seed,
        threads=threads,
        progress=BarProgress(),
    )
    if save is not None:
        save = _save(result, save)
    gates = gate_counts(netlist)["gates"]
    rate = result.n_samples / result.run_seconds
    rows = [("samples", f"{result.n_samples:,} of the {split} split")]
    if evaluation.accuracy is not None and evaluation.accuracy_sem is not None:
        figures = f"{100 * evaluation.accuracy:.2f} ± {100 * evaluation.accuracy_sem:.2f} %"
        rows.append(("accuracy", figures))
    rows += [(f"gates, {name.replace('_', '-')}", f"{n:,}") for name, n in gates.items()]
    answer: dict[str, Any] = {}
    if faults is not None:
        rows.append(("faults", f"flip {flip:g} a gate and sample, {stuck:g} of the gates stuck"))
        answer["faults"] = {"flip": flip, "stuck_at": stuck}
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
    if save is not None:
        rows.append(("saved", str(save)))
    emit(
        {
            "accuracy": evaluation.accuracy,
            "accuracy_sem": evaluation.accuracy_sem,
            "split": split,
            "n_samples": result.n_samples,
            "runs": 1,
            "gates": gates,
            "seconds": result.seconds,
            "run_seconds": result.run_seconds,
            "samples_per_second": rate,
            **answer,
            "saved": save,
            "manifest": manifest(net=net, seed=seed, data=dataset.name),
        },
        as_json,
        text_table(Table(("simulation", ""), tuple(rows), (1,))),
    )


def _save(result: GateResult, path: Path) -> Path:
    """Write class sums, outputs and toggles as an npz; returns the path written."""
    target = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
    names = ("class_sums", "outputs", "toggles", "input_toggles")
    content = {name: getattr(result, name) for name in names}
    with replacing(target) as beside, beside.open("wb") as file:
        np.savez(file, **{name: a for name, a in content.items() if a is not None})
    return target
