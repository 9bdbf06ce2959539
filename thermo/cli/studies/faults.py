"""thermoc study faults: how a circuit's accuracy falls as its gates fail."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from compiler.errors import UnsupportedError
from compiler.files import make_folder, replacing
from compiler.ir.container import load
from compiler.ir.gates import GateNetlist
from thermo.cli.console import BarProgress, notes
from thermo.cli.options import AsJson, DataDir, Seed, Split, Threads
from thermo.cli.studies.langevin import Data, _finish
from thermo.data import load_dataset
from thermo.evaluate import check_fit
from thermo.report.figures import save_png
from thermo.report.gate_figures import accuracy_against_fault_rate
from thermo.report.page import Table
from thermo.studies.faults import FaultPoint, Kind, accuracy_against_faults

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3)


def faults(
    net: Annotated[Path, typer.Argument(help="Circuit (.tnl) with an encoder and class sums.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the study.")],
    data: Data = "mnist",
    data_dir: DataDir = None,
    split: Split = "test",
    flips: Annotated[
        list[float] | None,
        typer.Option("--flip", help="Probability that a gate flips in a sample; may be repeated."),
    ] = None,
    stuck: Annotated[
        list[float] | None, typer.Option("--stuck", help="Share of gates that are stuck; may be repeated.")
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=1, help="Draws of every fault rate.")] = 5,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first samples of the split.")
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy of a circuit against the rate of flips and of stuck gates; a table and a figure.

    Without --flip and --stuck, both are tried from 0.0001 to 0.3.

    Example: thermoc study faults net.tnl --data mnist -o runs/faults
    """
    netlist = load(net)
    if not isinstance(netlist, GateNetlist):
        raise UnsupportedError(
            f"{net}: faults of gates need a circuit of gates, this is a "
            f"{type(netlist).__name__}; mismatch of analog devices: thermoc study devices"
        )
    dataset = load_dataset(data, data_dir)
    check_fit(netlist, dataset)
    folder = make_folder(out)
    asked: list[tuple[Kind, list[float]]] = [("flip", flips or []), ("stuck_at", stuck or [])]
    if flips is None and stuck is None:
        asked = [("flip", list(RATES)), ("stuck_at", list(RATES))]
    points: list[FaultPoint] = []
    for kind, rates in asked:
        # the circuit as it is, once, then every rate
        rates = ([] if points or 0.0 in rates else [0.0]) + rates if rates else []
        points += accuracy_against_faults(
            netlist,
            dataset,
            kind,
            rates,
            draws=draws,
            seed=seed,
            split=split,
            limit=limit,
            threads=threads,
            progress=BarProgress(),
        )
    with replacing(folder / "faults.png") as beside:
        save_png(accuracy_against_fault_rate(points, 1 / dataset.n_classes), str(beside))
    notes.print(f"figure: {folder / 'faults.png'}", markup=False)
    names = {"flip": "flips", "stuck_at": "stuck"}
    rows = tuple(
        (
            names[p.kind] if p.rate else "none",
            f"{p.rate:g}",
            f"{100 * p.mean:.2f} ± {100 * p.spread:.2f}" if p.rate else f"{100 * p.mean:.2f}",
            str(len(p.accuracies)),
        )
        for p in points
    )
    table = Table(
        ("faults", "rate", "accuracy %", "draws"),
        rows,
        (1, 2, 3),
        f"{data}, {split} split: mean ± spread over draws of the faults",
    )
    result = [{**asdict(p), "mean": p.mean, "spread": p.spread} for p in points]
    _finish(out, "faults", result, table, as_json)
