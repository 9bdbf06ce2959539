"""thermoc estimate: joules, seconds and the digital design beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from compiler.errors import UnsupportedError
from compiler.ir.container import load
from compiler.ir.gates import GateNetlist
from compiler.ir.langevin import CellKind
from hw_models.presets import DEVICES
from thermo.cli.baselines import cached_baselines
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.estimating_gates import estimate_circuit
from thermo.cli.estimating_spins import DEVICE as PBIT_DEVICE
from thermo.cli.estimating_spins import estimate_spins
from thermo.cli.options import AsJson, DataDir, DataName, Runs, Seed, Split, Threads
from thermo.data import load_dataset
from thermo.energy.baselines import Baseline
from thermo.energy.cycle import Reset
from thermo.energy.inference import device_units
from thermo.energy.inference import estimate as run
from thermo.evaluate import evaluate
from thermo.report.estimate import estimate_tables
from thermo.report.text import text_table

DEVICE = "rc-1fF"


def estimate(
    net: Annotated[Path, typer.Argument(help="Netlist (.tnl).")],
    data: DataName = None,
    data_dir: DataDir = None,
    split: Split = "test",
    device: Annotated[
        str, typer.Option("--device", help="Hardware preset; `thermoc presets` lists them.")
    ] = DEVICE,
    library: Annotated[
        list[str] | None,
        typer.Option(
            "--library",
            help="Circuits: cell library, a preset or a Liberty file (.lib, .lib.gz); may be "
            "repeated; all presets by default.",
        ),
    ] = None,
    clock: Annotated[
        float | None, typer.Option("--clock", help="Circuits: clock in MHz in place of each library's f_max.")
    ] = None,
    objective: Annotated[
        str, typer.Option("--objective", help="Circuits: what cell mapping minimises, area or delay.")
    ] = "area",
    runs: Runs = 1,
    stiffness: Annotated[
        float, typer.Option("--reset-stiffness", help="Well kappa x^2 / 2 that resets the cells.")
    ] = Reset().stiffness,
    adder: Annotated[
        str, typer.Option("--adder", help="Circuits: adders of the class head, fast or small.")
    ] = "fast",
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Estimate accuracy, heat, energy with and without periphery, and latency of one inference.

    Beside them stands the cheapest digital design of at least the same accuracy, trained here. A
    circuit of gates gets its counts by every definition, and area, delay and energy in each cell
    library, from the toggles of the real samples; without data, of random patterns. p-bits get the
    joules and seconds of one run of their schedule on an array of p-bits.

    Example: thermoc estimate net.tnl --data mnist --device rc-1fF

    Example: thermoc estimate gates.tnl --data mnist --library nangate45 --library my.lib
    """
    netlist = load(net)
    if isinstance(netlist, GateNetlist):
        _refuse(
            {
                "--device": device != DEVICE,
                "--runs": runs != 1,
                "--reset-stiffness": stiffness != Reset().stiffness,
            },
            "a circuit of gates; it is estimated in cell libraries (--library)",
        )
        estimate_circuit(
            netlist,
            net,
            data=data,
            data_dir=data_dir,
            split=split,
            libraries=library or (),
            clock_MHz=clock,
            objective=objective,
            adder=adder,
            seed=seed,
            as_json=as_json,
        )
        return
    _refuse(
        {
            "--library": bool(library),
            "--clock": clock is not None,
            "--objective": objective != "area",
            "--adder": adder != "fast",
        },
        "a Langevin machine; it is estimated on a device (--device)",
    )
    if (netlist.cells.kind == CellKind.PBIT).any():
        _refuse(
            {
                "--data": data is not None,
                "--runs": runs != 1,
                "--split": split != "test",
                "--reset-stiffness": stiffness != Reset().stiffness,
            },
            "p-bits; one run of their schedule is estimated",
        )
        estimate_spins(
            netlist,
            net,
            device=PBIT_DEVICE if device == DEVICE else device,
            seed=seed,
            threads=threads,
            as_json=as_json,
        )
        return
    preset = DEVICES.get(device)
    device_units(netlist, preset)  # raises before any digital design is trained
    dataset = load_dataset(data or "digits", data_dir)
    progress = BarProgress()
    baselines: tuple[Baseline, ...] = ()
    if dataset.n_classes:
        first, _ = evaluate(netlist, dataset, split, runs=runs, seed=seed, threads=threads)
        assert first.accuracy is not None
        baselines = cached_baselines(dataset, split, first.accuracy, progress)
    result = run(
        netlist,
        dataset,
        preset,
        baselines,
        split=split,
        runs=runs,
        seed=seed,
        reset=Reset(stiffness=stiffness),
        threads=threads,
        progress=progress,
    )
    text = "\n\n".join(text_table(t) for t in estimate_tables(result))
    emit({**result.to_dict(), "manifest": manifest(net=net, seed=seed)}, as_json, text)


def _refuse(given: dict[str, bool], what: str) -> None:
    """UnsupportedError for options that mean nothing for this kind of netlist."""
    for option, is_given in given.items():
        if is_given:
            raise UnsupportedError(f"{option} has no meaning for {what}: drop it")
