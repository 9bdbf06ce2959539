"""`thermoc warm`: compile every kernel before it is needed, for images and clusters."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Annotated

import typer

from compiler.errors import ThermocError
from thermo.cli.console import BarProgress, emit
from thermo.cli.warm.jobs import FAMILIES


def warm(
    only: Annotated[
        str | None, typer.Option("--only", help=f"Some families of {', '.join(FAMILIES)}: pbits,logic.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="Families at a time (default: one a core).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compile all kernels now, so that no later run waits for them.

    Kernels are kept beside the package where that can be written, else in the user's cache; what is
    kept is not compiled again. A folder of your choice: NUMBA_CACHE_DIR, here and later.

    Example: thermoc warm --only langevin,pbits
    """
    names = list(dict.fromkeys(only.split(","))) if only else list(FAMILIES)
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        raise ThermocError(f"--only: family {unknown[0]!r} is unknown; choose from {', '.join(FAMILIES)}")
    bar = BarProgress()
    bar.start(len(names), "compiling kernels")
    begun, counts = time.perf_counter(), {}
    try:
        with ThreadPoolExecutor(processes or len(os.sched_getaffinity(0))) as pool:
            running = {pool.submit(_compiled, name): name for name in names}
            for done in as_completed(running):
                counts[running[done]] = done.result()
                bar.update(len(counts), running[done])
    finally:
        bar.stop()
    seconds = time.perf_counter() - begun
    text = [f"{name}: {counts[name]} functions compiled" for name in names]
    result = {"compiled": {name: counts[name] for name in names}, "seconds": seconds}
    emit(result, as_json, "\n".join([*text, f"{seconds:.0f} s"]))


def _compiled(family: str) -> int:
    """How many functions a process of its own compiled for a family."""
    command = [sys.executable, "-m", "thermo.cli.warm", family]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ThermocError(f"warm: family {family} failed: {done.stderr.strip().splitlines()[-1]}")
    return int(done.stdout.split()[-1])
