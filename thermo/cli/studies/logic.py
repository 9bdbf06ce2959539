"""thermoc study logic: accuracy of gates over their number, minutes and seeds."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from compiler.files import replacing
from thermo.cli.console import BarProgress, emit, manifest, notes, plain
from thermo.cli.options import AsJson, DataDir, Threads
from thermo.data import load_dataset
from thermo.report.figures import save_png
from thermo.report.logic_figures import accuracy_against_gates
from thermo.report.text import text_table
from thermo.simulate.threads import check_threads
from thermo.studies.logic import logic_table, run_logic_points
from thermo.studies.records import Point
from thermo.training.logic import logic_preset

# hard networks on the official test sets, LILogicNet (arXiv 2511.12340)
PUBLISHED = {
    "mnist": ((4000, 97.96), (8000, 98.45), (32000, 98.95)),
    "cifar10": ((8000, 55.11), (64000, 57.66)),
}


def logic(
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder of the study; what is in it is not run again.")
    ],
    data: Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")] = "mnist",
    data_dir: DataDir = None,
    gates: Annotated[list[int] | None, typer.Option("--gates", min=1, help="Gates; may be repeated.")] = None,
    epochs: Annotated[
        list[int] | None, typer.Option("--epochs", min=1, help="Lengths of training; may be repeated.")
    ] = None,
    n_seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds of each.")] = 5,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train logic-gate networks of several sizes and lengths of training over several seeds.

    Example: thermoc study logic --data mnist --gates 4000 --gates 8000 -o runs/logic
    """
    check_threads(threads)
    dataset = load_dataset(data, data_dir)
    points = []
    sizes: list[int | None] = [*gates] if gates else [None]
    lengths: list[int | None] = [*epochs] if epochs else [None]
    for size in sizes:
        for length in lengths:
            for seed in range(n_seeds):
                layers = None if size is None else (size,)
                config = logic_preset(dataset, layers=layers, epochs=length, seed=seed)
                series = f"{config.n_gates} gates, {config.epochs} epochs"
                points.append(Point(series, config))
    measured = run_logic_points(points, dataset, out, threads=threads, progress=BarProgress())
    figure = accuracy_against_gates(
        [m.gates for m in measured],
        [m.seconds / 60 for m in measured],
        [100 * m.accuracy for m in measured],
        published=[("published", *p) for p in PUBLISHED.get(dataset.name, ())],
    )
    with replacing(out / "logic.png") as beside:
        save_png(figure, str(beside))
    notes.print(f"figure: {out / 'logic.png'}", markup=False)
    text = text_table(logic_table(measured))
    result = {"points": [asdict(m) for m in measured], "manifest": manifest()}
    with replacing(out / "logic.json") as beside:
        beside.write_text(json.dumps(plain(result), indent=1))
    with replacing(out / "logic.txt") as beside:
        beside.write_text(text + "\n")
    emit(result, as_json, text)
