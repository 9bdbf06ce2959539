"""thermoc study: many trainings, one table and figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.families.machine import lower_machine
from compiler.files import make_folder, replacing
from hw_models.imperfect import Imperfections
from thermo.cli.console import BarProgress, emit, manifest, notes, plain
from thermo.cli.options import AsJson, DataDir, Seed, Threads
from thermo.data import load_dataset
from thermo.report.figures import accuracy_against_heat, device_spread, save_png
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.studies.devices import accuracy_on_devices, paired
from thermo.studies.points import Measured, load_machine, run_point, run_points
from thermo.studies.records import Point
from thermo.studies.summary import pareto_series, seeds_table
from thermo.training.langevin.presets import likelihood_preset, pathwise_preset

Out = Annotated[
    Path, typer.Option("-o", "--out", help="Folder of the study; what is in it is not run again.")
]
Data = Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")]
PARETO_PENALTIES = (0.0, 1e-5, 1e-4, 3e-4, 1e-3)
WIDE_PENALTIES = (0.0, 3e-5, 3e-4)
WIDE = 512
MILD_DRIVE = 100.0  # of the idealised trajectories; comes nearest to the published accuracy


def seeds(
    out: Out,
    data: Data = "mnist",
    data_dir: DataDir = None,
    n_seeds: Annotated[int, typer.Option("--seeds", min=1, help="Seeds of each setting.")] = 5,
    budgets: Annotated[
        list[float] | None, typer.Option("--budget", help="Heat budgets in kT; may be repeated.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="At most.")] = None,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Also the teacher-student method.")
    ] = True,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train the default and every heat budget over several seeds, with the no-coupling control.

    Example: thermoc study seeds --data mnist -o runs/seeds
    """
    dataset = load_dataset(data, data_dir)
    points: list[Point] = []
    for budget in [None, *(budgets if budgets is not None else [1000.0, 525.0])]:
        for couplings in (True, False):
            config = pathwise_preset(dataset, heat_budget=budget, couplings=couplings)
            name = "default" if budget is None else f"budget {budget:,.0f} kT"
            name += "" if couplings else ", no couplings"
            points += [Point(name, _short(config, epochs, s)) for s in range(n_seeds)]
    if published and dataset.n_classes:
        exact = likelihood_preset(dataset)
        mild = replace(exact, drive_hidden=MILD_DRIVE, drive_out=MILD_DRIVE)
        for name, teacher in ((f"drive {exact.drive_out:g}", exact), ("drive 100", mild)):
            series = f"published loss, least squares, {name}"
            points += [Point(series, replace(teacher, seed=s)) for s in range(n_seeds)]
    measured = run_points(points, dataset, out, threads=threads, progress=BarProgress())
    _finish(out, "seeds", measured, seeds_table(measured), as_json)


def pareto(
    out: Out,
    data: Data = "mnist",
    data_dir: DataDir = None,
    hidden: Annotated[
        list[int] | None, typer.Option("--hidden", help="Hidden cells; may be repeated.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="At most.")] = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy against heat for several widths, with the no-coupling control, in one figure.

    Machines of 512 hidden cells and more get three points, smaller ones five.

    Example: thermoc study pareto --data mnist -o runs/pareto
    """
    dataset = load_dataset(data, data_dir)
    points = []
    for width in hidden or [16, 64, 256, 1024]:
        for penalty in WIDE_PENALTIES if width >= WIDE else PARETO_PENALTIES:
            config = replace(pathwise_preset(dataset, n_hidden=width), heat_penalty=penalty)
            series = f"{width} hidden, penalty {penalty:g}"
            points.append(Point(series, _short(config, epochs, seed)))
    for penalty in PARETO_PENALTIES:
        config = replace(pathwise_preset(dataset, couplings=False), heat_penalty=penalty)
        points.append(Point(f"no couplings, penalty {penalty:g}", _short(config, epochs, seed)))
    measured = run_points(points, dataset, out, threads=threads, progress=BarProgress())
    figure = accuracy_against_heat(pareto_series(measured), score="test accuracy, %")
    with replacing(Path(out) / "pareto.png") as beside:
        save_png(figure, str(beside))
    notes.print(f"figure: {Path(out) / 'pareto.png'}", markup=False)
    _finish(out, "pareto", measured, seeds_table(measured), as_json)


def devices(
    out: Out,
    data: Data = "mnist",
    data_dir: DataDir = None,
    n_devices: Annotated[int, typer.Option("--devices", min=2, help="Devices drawn.")] = 20,
    spreads: Annotated[
        list[float] | None, typer.Option("--mismatch", help="Mismatches; may be repeated.")
    ] = None,
    budget: Annotated[float | None, typer.Option("--heat-budget", help="Budget in kT.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="At most.")] = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """The same mismatched devices under a machine trained clean and one trained with mismatch.

    Example: thermoc study devices --data mnist -o runs/devices
    """
    dataset = load_dataset(data, data_dir)
    folder = make_folder(out)
    config = _short(pathwise_preset(dataset, heat_budget=budget), epochs, seed)
    clean = run_point(
        Point("trained clean", config), dataset, folder, threads=threads, progress=BarProgress()
    )
    rows, groups, result = [], [], []
    for spread in spreads or [0.1, 0.3]:
        device = Imperfections(mismatch=spread)
        aware = run_point(
            Point(f"trained with {spread:g} mismatch", replace(config, non_ideal=device)),
            dataset,
            folder,
            threads=threads,
            progress=BarProgress(),
        )
        accuracies = [
            accuracy_on_devices(
                lower_machine(load_machine(m, folder)),
                dataset,
                device,
                n_devices,
                seed=1000,
                threads=threads,
                progress=BarProgress(),
            )
            for m in (clean, aware)
        ]
        p = paired(*accuracies)
        groups += [
            (f"{100 * spread:g} %, clean", 100 * p.first),
            (f"{100 * spread:g} %, aware", 100 * p.second),
        ]
        rows.append(
            (
                f"{100 * spread:g} %",
                f"{100 * clean.accuracy:.2f}",
                f"{100 * p.first.mean():.2f} ± {100 * p.first.std(ddof=1):.2f}",
                f"{100 * aware.accuracy:.2f}",
                f"{100 * p.second.mean():.2f} ± {100 * p.second.std(ddof=1):.2f}",
                f"{100 * p.gain:+.2f} ± {100 * p.sem:.2f}",
                f"{p.p:.1e}",
            )
        )
        result.append(
            {
                "mismatch": spread,
                "clean": p.first,
                "aware": p.second,
                "gain": p.gain,
                "sem": p.sem,
                "p": p.p,
                "heat_clean": clean.heat,
                "heat_aware": aware.heat,
            }
        )
    with replacing(folder / "devices.png") as beside:
        save_png(device_spread(groups, score="test accuracy, %"), str(beside))
    notes.print(f"figure: {folder / 'devices.png'}", markup=False)
    table = Table(
        (
            "mismatch",
            "clean, ideal %",
            "clean, devices %",
            "aware, ideal %",
            "aware, devices %",
            "gain, points",
            "p (paired)",
        ),
        tuple(rows),
        tuple(range(1, 7)),
        f"Test accuracy on the same {n_devices} devices: mean ± spread over devices",
    )
    _finish(out, "devices", result, table, as_json)


def _short(config: Any, epochs: int | None, seed: int) -> Any:
    """The configuration with this seed and, where asked for, fewer epochs."""
    return replace(config, seed=seed, epochs=min(epochs or config.epochs, config.epochs))


def _finish(
    out: Path, name: str, points: Sequence[Measured] | Sequence[dict], table: Table, as_json: bool
) -> None:
    text = text_table(table)
    result = {"points": [asdict(p) if isinstance(p, Measured) else p for p in points], "manifest": manifest()}
    with replacing(Path(out) / f"{name}.json") as beside:
        beside.write_text(json.dumps(plain(result), indent=1))
    with replacing(Path(out) / f"{name}.txt") as beside:
        beside.write_text(text + "\n")
    emit(result, as_json, text)
