"""thermoc demo: the whole way on the embedded digits."""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import fill

from compiler.files import replacing
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.flags import AS_JSON, SEED, THREADS, Given, with_flags
from thermo.demo.run import run_demo
from thermo.options import Option
from thermo.report.text import text_table

WIDTH = 110  # characters of a line of the file, as in the README

OPTIONS = (
    Option("out", "--out", Path, Path("thermoc-demo"), "Folder for the results.", short="-o"),
    SEED,
    THREADS,
    AS_JSON,
)


@with_flags(*OPTIONS)
def demo(*, given: Given) -> None:
    """Train, compile, run with noise and mismatch, and price a classifier of handwritten digits.

    Takes about 80 s on two cores, half a minute where kernels are compiled, and writes a report page.

    Example: thermoc demo --out thermoc-demo
    """
    began = time.perf_counter()
    done = run_demo(given["out"], seed=given["seed"], threads=given["threads"], progress=BarProgress())
    seconds = time.perf_counter() - began
    places = [f"Netlist:     {path}   (thermoc show {path})" for path in done.netlists]
    text = "\n\n".join(
        [text_table(done.table), done.reading, "\n".join([f"Report page: {done.page}", *places])]
    )
    wrapped = "\n".join(fill(line, WIDTH) for line in done.reading.split("\n"))
    with replacing(given["out"] / "demo.txt") as beside:
        beside.write_text(text.replace(done.reading, wrapped) + "\n", encoding="utf-8")
    text += f"\n{seconds:.0f} s in all"
    emit({**done.figures, "seconds": seconds, "manifest": manifest(seed=given["seed"])}, given["json"], text)
