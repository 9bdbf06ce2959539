"""What the commands share: progress on standard error, results on standard output."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from compiler.errors import ThermocError
from hw_models import __version__
from thermo.cli.streams import write_out

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

notes = Console(stderr=True, highlight=False)
"""Progress and notes; standard output holds the result and nothing else."""


class BarProgress:
    """Progress drawn as a bar with an estimate; plain lines where standard error is no terminal."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: Any = None
        self._total = 0
        self._label = ""
        self._told = 0.0

    def start(self, total: int, label: str) -> None:
        self.stop()
        self._total, self._label, self._told = total, label, 0.0
        if notes.is_terminal:
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=notes,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(label, total=total, note="")

    def update(self, done: int, note: str = "") -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)
            return
        # Without a terminal: a line at every quarter, so that logs stay short.
        share = done / max(self._total, 1)
        if share >= self._told + 0.25 or done == self._total:
            self._told = share
            notes.print(f"{self._label}: {done}/{self._total} {note}".rstrip())

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def telling(label: str) -> Iterator[Callable[[float], None]]:
    """A function to tell shares done, 0 to 1, to: a bar that begins with the first one."""
    bar, begun = BarProgress(), False

    def told(share: float) -> None:
        nonlocal begun
        if not begun:
            bar.start(100, label)
            begun = True
        bar.update(int(100 * share))

    try:
        yield told
    finally:
        bar.stop()


def emit(result: Mapping[str, Any], as_json: bool, text: str) -> None:
    """Write a command's result: one JSON object, or text for people. OutputError as write_out."""
    out = json.dumps(plain(result), indent=2, allow_nan=False) if as_json else text
    write_out(out.rstrip("\n") + "\n")


def plain(value: Any) -> Any:
    """`value` made of JSON's own types; NaN and infinities become null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and scalars
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def exit_message(error: Exception) -> str | None:
    """The one line for an error that the user can mend; None for a fault of ours."""
    if isinstance(error, ThermocError):
        return " ".join(str(error).split())
    if isinstance(error, FileNotFoundError):
        return f"{error.filename}: no such file"
    if isinstance(error, PermissionError):
        return f"{error.filename}: permission denied"
    if isinstance(error, MemoryError):
        return f"out of memory ({' '.join(str(error).split()) or 'no size told'}); ask for less"
    return None


def manifest(**inputs: Any) -> dict[str, Any]:
    """What made a result: version, command line, seed and the SHA-256 of each input file."""
    return {
        "thermoc": __version__,
        "command": " ".join(["thermoc", *sys.argv[1:]]),
        **{k: _told(v) for k, v in inputs.items() if v is not None},
    }


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [_told(one) for one in value]
    if isinstance(value, Path):
        return {"path": str(value), "sha256": hashlib.sha256(value.read_bytes()).hexdigest()}
    return value
