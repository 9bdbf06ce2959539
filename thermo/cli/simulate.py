"""thermoc simulate: run a netlist with its noise, on data or alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from compiler.files import check_writable
from compiler.ir.container import load
from compiler.ir.gates import GateNetlist
from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import NonIdeal
from hw_models.presets import DEVICES
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.lowered_spins import SHOWN, UNRELIABLE, is_lowered, sign_rows, too_few
from thermo.cli.options import (
    AsJson,
    Asymmetry,
    Bits,
    DataDir,
    DataName,
    Device,
    Mismatch,
    Runs,
    Seed,
    Split,
    Threads,
)
from thermo.cli.simulating_gates import FOR_ANALOG, FOR_GATES, refuse, simulate_circuit
from thermo.cli.simulating_spins import FOR_SPINS, NOT_FOR_SPINS, is_spins, simulate_pbits
from thermo.data import load_dataset
from thermo.evaluate import Evaluation, evaluate
from thermo.report.page import Table
from thermo.report.text import si, text_table
from thermo.simulate import SimulationError, SimulationResult
from thermo.simulate import simulate as run

FEW_RUNS = 16  # below which the spread over runs tells the error poorly, to 1 / sqrt(2 runs)


def simulate(
    context: typer.Context,
    net: Annotated[Path, typer.Argument(help="Netlist (.tnl).")],
    data: DataName = None,
    data_dir: DataDir = None,
    split: Split = "test",
    device: Device = None,
    runs: Runs = 1,
    kT: Annotated[float | None, typer.Option("--kT", help="Temperature in place of the netlist's.")] = None,
    dt: Annotated[float | None, typer.Option("--dt", help="Time step in place of the netlist's.")] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="euler, heun or leimkuhler-matthews; baoab for underdamped cells."),
    ] = None,
    observe: Annotated[
        list[str] | None,
        typer.Option("--observe", help="Read-out time, or a phase for its end; may be repeated."),
    ] = None,
    mismatch: Mismatch = 0.0,
    asymmetry: Asymmetry = 0.0,
    bits: Bits = None,
    bias_mismatch: Annotated[
        float, typer.Option("--bias-mismatch", help="Relative spread of every bias.")
    ] = 0.0,
    device_seed: Annotated[int, typer.Option("--device-seed", min=0, help="Which device is drawn.")] = 0,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write outputs, heat and trajectories (.npz).")
    ] = None,
    every: Annotated[
        int | None,
        typer.Option("--trajectory-every", min=1, help="With --save: keep states at every Nth step."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first samples of the split.")
    ] = None,
    backend: Annotated[str, typer.Option("--backend", help="numba, jax or numpy.")] = "numba",
    toggles: Annotated[
        bool, typer.Option("--toggles", help="Circuits: count how often each gate switches.")
    ] = False,
    flip: Annotated[
        float, typer.Option("--flip", help="Circuits: probability that a gate errs in a sample.")
    ] = 0.0,
    stuck: Annotated[float, typer.Option("--stuck", help="Circuits: share of gates stuck at 0 or 1.")] = 0.0,
    chains: Annotated[
        int | None, typer.Option("--chains", min=1, help="p-bits: independent chains or ladders.")
    ] = None,
    sweeps: Annotated[
        int | None, typer.Option("--sweeps", min=1, help="p-bits: length in place of the schedule's.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="p-bits: stretch the schedule to this wall time.")
    ] = None,
    tempering: Annotated[
        int | None, typer.Option("--tempering", min=2, help="p-bits: replica exchange at so many kT.")
    ] = None,
    hot: Annotated[float | None, typer.Option("--hot", help="p-bits: hottest kT of --tempering.")] = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Run a netlist: accuracy and heat, a circuit's accuracy, or the best state of p-bits.

    Example: thermoc simulate net.tnl --data mnist --runs 10 --mismatch 0.1

    p-bits need no data: thermoc simulate g22.tnl --seconds 1
    """
    if save is not None:
        check_writable(save)
    if data is None and limit is not None:
        raise SimulationError(f"--limit {limit} counts samples of a data set: add --data NAME or drop it")
    netlist = load(net)
    if isinstance(netlist, GateNetlist):
        refuse(context, FOR_ANALOG, "a circuit of gates", "an analog netlist")
        refuse(context, FOR_SPINS, "a circuit of gates", "p-bits")
        simulate_circuit(
            netlist,
            net,
            None if data is None else load_dataset(data, data_dir),
            split,
            limit=limit,
            toggles=toggles,
            flip=flip,
            stuck=stuck,
            seed=seed,
            threads=threads,
            save=save,
            as_json=as_json,
        )
        return
    if is_spins(netlist):
        refuse(context, NOT_FOR_SPINS, "p-bits", "other netlists")
        simulate_pbits(
            netlist,
            net,
            chains=chains,
            sweeps=sweeps,
            seconds=seconds,
            kT=kT,
            tempering=tempering,
            hot=hot,
            every=every,
            device_seed=device_seed,
            seed=seed,
            non_ideal=NonIdeal(mismatch, asymmetry, bits, bias_mismatch),
            threads=threads,
            save=save,
            as_json=as_json,
        )
        return
    refuse(context, FOR_GATES, "an analog netlist", "a circuit of gates")
    refuse(context, FOR_SPINS, "an analog netlist", "p-bits")
    options: dict[str, Any] = {
        "runs": runs,
        "seed": seed,
        "kT": kT,
        "dt": dt,
        "method": method,
        "observe": None if observe is None else [_moment(o) for o in observe],
        "non_ideal": NonIdeal(mismatch, asymmetry, bits, bias_mismatch),
        "device_seed": device_seed,
        "backend": backend,
        "threads": threads,
        "trajectory_every": every,
        "progress": BarProgress(),
    }
    if data is None:
        evaluation, result = None, run(netlist, None, **options)
    else:
        dataset = load_dataset(data, data_dir)
        evaluation, result = evaluate(netlist, dataset, split, limit=limit, **options)
    if save is not None:
        save = result.save(save)
    signs: tuple[list[tuple[str, str]], dict[str, Any]] = [], {}
    if evaluation is None and is_lowered(netlist):
        signs = sign_rows(netlist, result.outputs[-1][0])
    outputs: tuple[list[tuple[str, str]], dict[str, Any]] = [], {"outputs_mean": None}
    if evaluation is None:
        outputs = _outputs(result, told=not signs[0])
    rows = [*signs[0], *_what(evaluation), *outputs[0], *_energy(netlist, result, device)]
    rows.append(("steps", f"{result.n_steps:,} of dt = {result.dt:g}, {result.method}"))
    rows.append(("wall time", f"{result.seconds:.2f} s"))
    if save is not None:
        rows.append(("saved", str(save)))
    emit(
        {
            **({} if evaluation is None else asdict(evaluation)),
            **signs[1],
            "runs": runs,
            "heat_method": result.heat_method,
            "dt": result.dt,
            "method": result.method,
            "kT": result.kT,
            "seconds": result.seconds,
            **outputs[1],
            "saved": save,
            "manifest": manifest(net=net, seed=seed, data=data),
        },
        as_json,
        text_table(Table(("simulation", ""), tuple(rows), (1,))),
    )


def _moment(text: str) -> float | str:
    """A time, or the name of a phase."""
    try:
        return float(text)
    except ValueError:
        return text


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
    if device is not None:
        dynamic = ~netlist.cells.frozen
        units = DEVICES.get(device).units(
            kT=netlist.kT if np.isnan(result.kT) else result.kT,
            mobility=netlist.mobility,
            j2=float(np.median(netlist.cells.j2[dynamic])),
        )
        scale = units.energy * (result.kT if result.kT > 0 else 1.0)
        seconds = units.time * sum(p.duration for p in netlist.schedule)
        rows.append((f"the same on {device}", si(heat.mean() * scale, "J")))
        rows.append(("relaxation time of one run", si(seconds, "s")))
    return rows
