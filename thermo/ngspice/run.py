"""One deck run by ngspice, where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.deck import Deck
from compiler.ir.activations import activate_rows
from hw_models.converters import Lines
from thermo.ngspice.errors import SpiceError

PROGRAM = "ngspice"
TIMEOUT = 600.0  # s


@dataclass(frozen=True, slots=True, eq=False)
class SpiceRun:
    """What one run says.

    time : (n,) s; states : (n, n_columns) V of the deck's cells, and behind them of its read-out
        converters, on ngspice's grid of its step
    seconds : wall time of the program, reading the deck included
    """

    time: np.ndarray
    states: np.ndarray
    seconds: float


def find_ngspice(program: str | None = None) -> str:
    """The path of ngspice; UnsupportedError where there is none."""
    found = shutil.which(program or PROGRAM)
    if found is None:
        raise UnsupportedError(
            f"{program or PROGRAM} is not installed; install it (Debian: apt-get install ngspice) or name "
            "the program"
        )
    return found


class Runnable(Protocol):
    """text : a deck that writes one table; end : s at which it ends, 0 of an operating point"""

    @property
    def text(self) -> str: ...
    @property
    def end(self) -> float: ...


def run_deck(deck: Runnable, *, program: str | None = None, timeout: float = TIMEOUT) -> SpiceRun:
    """Run a deck; its table is read and removed.

    Raises UnsupportedError without ngspice, SpiceError with ngspice's own first complaint.
    """
    found = find_ngspice(program)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "deck.cir").write_text(deck.text, encoding="ascii", errors="replace")
        began = time.perf_counter()
        try:
            done = subprocess.run(
                [found, "-n", "-b", "deck.cir"],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SpiceError(
                f"ngspice did not end within {timeout:g} s: take a larger noise step or fewer cells"
            ) from None
        seconds = time.perf_counter() - began
        tables = list(Path(folder).glob("*.out"))
        said = done.stdout + "\n" + done.stderr
        if not tables:
            raise SpiceError(f"ngspice cannot run the deck: {complaint(said)}")
        table = np.loadtxt(tables[0], skiprows=1, ndmin=2)
    if table.size and deck.end == 0:
        table[:, 0] = 0.0  # an operating point has no scale of its own
    if not table.size or table[-1, 0] < deck.end * (1 - 1e-6):
        reached = float(table[-1, 0]) if table.size else 0.0
        raise SpiceError(f"ngspice stopped at {reached:g} of {deck.end:g} s: {complaint(said)}")
    return SpiceRun(table[:, 0], table[:, 1:], seconds)


def complaint(said: str) -> str:
    """The first line of ngspice's that names an error; else its last one."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    found = (
        line for line in lines if re.search(r"error|timestep too small|singular|unknown|fatal", line, re.I)
    )
    return next(found, lines[-1] if lines else "it says nothing")


def observe(deck: Deck, run: SpiceRun, codes: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n_times, n_read) what is read at the deck's times, or averaged over its window, in the netlist's unit.

    codes, columns : (n_read,) activations that cells are read through, and their columns in the table
    """
    shown = activate_rows(codes, run.states.T[columns] / deck.scale.voltage)
    out = []
    for at in deck.times:
        if deck.window > 0:
            inside = (run.time >= at - deck.window * (1 + 1e-9)) & (run.time <= at * (1 + 1e-9))
            t, x = run.time[inside], shown[:, inside]
            out.append(np.sum((x[:, 1:] + x[:, :-1]) / 2 * np.diff(t), axis=1) / (t[-1] - t[0]))
        else:
            out.append(np.array([np.interp(at, run.time, row) for row in shown]))
    return np.asarray(out)


def observe_levels(
    deck: Deck, run: SpiceRun, cells: np.ndarray, lines: Lines, means: np.ndarray
) -> np.ndarray:
    """(n_read,) levels of the read-out converters at the deck's last time, in the netlist's unit.

    cells : (n_read,) the netlist's, that are read; means : (n_read,) what observe found, of which the
        levels are taken where it is an average, which no node of the deck has
    """
    if not deck.levels.size:
        return lines.rounded(means)
    at = int(np.argmin(np.abs(run.time - deck.times[-1])))
    columns = deck.cells.size + np.searchsorted(deck.levels, cells)
    return np.asarray(run.states[at, columns] / deck.scale.voltage)
