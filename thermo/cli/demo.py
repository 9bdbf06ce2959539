"""thermoc demo: the whole way on the embedded digits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.options import AsJson, Seed, Threads
from thermo.demo import run_demo
from thermo.report.text import text_table


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path("thermoc-demo"),
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train, compile, run with noise and mismatch, and price a classifier of handwritten digits.

    Takes under two minutes on two cores and writes a report page.

    Example: thermoc demo --out thermoc-demo
    """
    began = time.perf_counter()
    done = run_demo(out, seed=seed, threads=threads, progress=BarProgress())
    seconds = time.perf_counter() - began
    text = "\n\n".join(
        [
            text_table(done.table),
            done.reading,
            "\n".join(
                [
                    f"Report page: {done.page}",
                    *(f"Netlist:     {path}   (thermoc show {path})" for path in done.netlists),
                    f"{seconds:.0f} s in all",
                ]
            ),
        ]
    )
    emit({**done.figures, "seconds": seconds, "manifest": manifest(seed=seed)}, as_json, text)
