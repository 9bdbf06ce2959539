"""thermoc study linear-algebra: how well a linear machine measures."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.errors import UnsupportedError
from compiler.files import make_folder, replacing
from hw_models.presets import DEVICES
from thermo.cli.console import BarProgress, emit, manifest, notes, plain
from thermo.cli.options import AsJson, Seed, Threads
from thermo.report.figures import save_png
from thermo.report.linear_figures import linear_algebra_errors
from thermo.report.page import Table
from thermo.report.text import si, text_table
from thermo.studies.linear_algebra import (
    OPERATIONS,
    TIMES,
    Curve,
    LinearPoint,
    Setting,
    curve,
    run_study,
    settings,
)

AXES = {
    "time": "measured for, in slowest relaxation times",
    "kT": "kT",
    "condition": "condition number of A (the run is longer by as much)",
}


def linear_algebra(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the study; points in it are kept.")],
    n: Annotated[int, typer.Option("--size", min=2, max=256, help="Cells: A is size x size.")] = 16,
    conditions: Annotated[
        list[float] | None, typer.Option("--condition", help="Condition numbers of A; may be repeated.")
    ] = None,
    machines: Annotated[int, typer.Option("--machines", min=16, help="Copies that run side by side.")] = 64,
    seeds: Annotated[int, typer.Option("--seeds", min=2, help="Problems of each setting.")] = 8,
    device: Annotated[str, typer.Option("--device", help="Preset for seconds and joules.")] = ("rc-1fF"),
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Solve, invert, Lyapunov, exponential, determinant as measurements: error against time, kT and
    condition number, beside the exact answers; a table and a figure.

    Example: thermoc study linear-algebra -o runs/linear
    """
    asked = conditions or [4.0, 16.0, 64.0]
    for c in asked:
        if not 1 < c <= 1e4:
            raise UnsupportedError(f"condition must be above 1 and at most 10000, got {c:g}")
    preset = DEVICES.get(device)
    folder = make_folder(out)
    wanted = settings(n, asked, machines, seeds, seed)
    points = run_study(wanted, folder, preset, threads=threads, progress=BarProgress())
    middle = sorted(asked)[len(asked) // 2]
    base = Setting("solve", n, float(middle), TIMES[-2], 1.0, machines, seed)
    panels: list[tuple[str, list[Curve]]] = []
    for along, label in AXES.items():
        found = [curve(points, name, along, base) for name in OPERATIONS]
        curves = [c for c in found if c is not None]
        if curves:
            panels.append((label, curves))
    with replacing(folder / "linear-algebra.png") as beside:
        save_png(linear_algebra_errors(panels), str(beside))
    notes.print(f"figure: {folder / 'linear-algebra.png'}", markup=False)
    tables = [_accuracy(points, replace(base, time=TIMES[-1])), _slopes(panels)]
    text = "\n\n".join(text_table(t) for t in tables)
    result: dict[str, Any] = {
        "points": [asdict(p) for p in points],
        "curves": {label: [asdict(c) for c in curves] for label, curves in panels},
        "manifest": manifest(),
    }
    with replacing(folder / "linear-algebra.json") as beside:
        beside.write_text(json.dumps(plain(result), indent=1))
    with replacing(folder / "linear-algebra.txt") as beside:
        beside.write_text(text + "\n")
    emit(result, as_json, text)


def _accuracy(points: list[LinearPoint], at: Setting) -> Table:
    """Mean figures over the seeds, at the longest time."""
    rows = []
    for name in OPERATIONS:
        here = [p for p in points if replace(p.setting, seed=at.seed) == replace(at, operation=name)]
        if not here:
            continue
        count = len(here)

        def mean(values: list[float], count: int = count) -> float:
            return sum(values) / count

        def root(values: list[float], count: int = count) -> float:
            return float((sum(v * v for v in values) / count) ** 0.5)

        joules = [p.cost["physics"] for p in here if p.cost["physics"] is not None]
        rows.append(
            (
                name,
                f"{root([p.error for p in here]):.2g}",
                f"{root([p.own_error for p in here]):.2g}",
                f"{root([p.z for p in here]):.2f}",
                f"{min(p.samples for p in here):,.0f}",
                f"{here[0].time:,.0f}",
                si(mean([p.cost["seconds"] for p in here]), "s"),
                si(mean(joules), "J") if len(joules) == count else "not measured",
                si(mean([p.cost["total"] for p in here]), "J"),
                f"{mean([p.seconds for p in here]):.2g} s",
            )
        )
    return Table(
        (
            "operation",
            "error",
            "own estimate",
            "z",
            "samples",
            "time of one machine",
            "on the device",
            "physics",
            "with periphery",
            "simulated in",
        ),
        tuple(rows),
        tuple(range(1, 10)),
        f"{at.n} cells, condition number {at.condition:g}, {at.machines} machines side by side, "
        f"kT {at.kT:g}: relative error to the exact answer (ln det: absolute), root mean square "
        f"over problems; energy of all machines",
    )


def _slopes(panels: list[tuple[str, list[Curve]]]) -> Table:
    rows = [
        (
            label,
            c.operation,
            f"{c.slope:+.2f} ± {c.slope_error:.2f}",
            f"{c.own_slope:+.2f}",
            "  ".join(f"{e:.2g}" for e in c.error),
        )
        for label, curves in panels
        for c in curves
    ]
    return Table(
        ("along", "operation", "slope", "own slope", "errors"),
        tuple(rows),
        (),
        "Slope of the logarithm of the error, ± one standard error over problems; own slope: of "
        "the machines' own estimates",
    )
