"""The whole way on the embedded digits, for every model family there is."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.files import make_folder, replacing
from thermo.data import Dataset, load_dataset
from thermo.demo.apart import answer, apart
from thermo.demo.langevin import langevin_part
from thermo.demo.part import Part
from thermo.progress import NullProgress, Progress
from thermo.report.page import Section, Table, html_page
from thermo.simulate.threads import check_threads

APART = ("thermo.demo.eqprop:eqprop_part", "thermo.demo.logic:logic_part", "thermo.demo.ebm:ebm_part")
"""Families that run beside the first, each in a process of its own."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo ends in: a table and sentences for people, figures for JSON, files."""

    table: Table
    reading: str
    figures: dict[str, Any]
    page: Path
    netlists: tuple[Path, ...]


def run_demo(
    folder: str | Path,
    *,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    dataset: Dataset | None = None,
    epochs: int | None = None,
) -> Demo:
    """Train, compile, simulate and estimate; write models, netlists and the report page.

    dataset, epochs : in place of the embedded digits and the presets' numbers, for tests
    Raises OutputError, before any work, if the folder cannot be written.
    """
    check_threads(threads)
    folder = make_folder(folder)
    progress = progress or NullProgress()
    dataset = dataset or load_dataset("digits")
    options: dict[str, Any] = {"seed": seed, "threads": threads, "epochs": epochs}
    with ExitStack() as stack:
        others = [stack.enter_context(apart(p, dataset, folder, **options)) for p in APART]
        parts = [langevin_part(dataset, folder, **options, progress=progress)]
        progress.start(len(others), "other families, in processes of their own")
        try:
            for k, process in enumerate(others):
                parts.append(answer(process))
                progress.update(k + 1)
        finally:
            progress.stop()
    table = _table(dataset, parts)
    reading = "\n\n".join(part.reading for part in parts)
    page = folder / "report.html"
    with replacing(page) as beside:
        beside.write_text(_page(dataset, table, parts))
    figures = {name: value for part in parts for name, value in part.figures.items()}
    return Demo(table, reading, {**figures, "report": page}, page, tuple(part.netlist for part in parts))


def _table(dataset: Dataset, parts: list[Part]) -> Table:
    return Table(
        ("what", "test accuracy", "heat", "energy per answer"),
        tuple(row for part in parts for row in part.rows),
        (1, 2, 3),
        f"Handwritten digits, {dataset.x_test.shape[0]} test images never used in training",
    )


def _page(dataset: Dataset, table: Table, parts: list[Part]) -> str:
    return html_page(
        "A classifier of digits on simulated physical hardware",
        [part.reading for part in parts],
        (
            Section("What came out", (table,)),
            *(section for part in parts for section in part.sections),
            Section(
                "How to read this",
                (
                    "kT is the thermal energy k_B T, 4.14e-21 J at 300 K. Heat is what one "
                    "relaxation gives to its surroundings; work of the cycle adds switching the "
                    "inputs on and off and resetting the cells. The machine is simulated with its "
                    "thermal noise by Euler-Maruyama; 'time step halved' shows that the figures "
                    "do not hang on the step. Every device figure is marked by how firm it is; "
                    "assumed ones are ours, to be replaced by yours.",
                    f"Data: {dataset.name}, {dataset.split}. No model was trained or chosen on "
                    "test images; every one shown is measured on them. The digital design is the "
                    "cheapest tried that reaches the machine's accuracy there.",
                ),
            ),
        ),
        "Made by thermoc demo; the .tnl files beside this page are the compiled netlists.",
    )
