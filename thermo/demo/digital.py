"""The digital designs that the demo's machines stand beside, measured while those are trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from thermo.data import Dataset
from thermo.energy.digital import measured_designs
from thermo.progress import Progress

ACCURACY = 0.95
"""About that of the machines; the comparison, which knows it, measures what it needs beyond."""


def wired_part(dataset: Dataset, folder: Path, *, progress: Progress, **options: Any) -> None:
    """Measure the hard-wired designs into the user's cache, where the comparison finds them."""
    if dataset.n_classes:
        measured_designs(dataset, gates=False, progress=progress)


def last_wired_part(dataset: Dataset, folder: Path, *, progress: Progress, **options: Any) -> None:
    """Help with the hard-wired designs, from the other end: the two processes meet."""
    if dataset.n_classes:
        measured_designs(dataset, gates=False, backwards=True, progress=progress)


def gates_part(dataset: Dataset, folder: Path, *, progress: Progress, **options: Any) -> None:
    """Measure networks of gates into it, up to one that reads ACCURACY."""
    if dataset.n_classes:
        measured_designs(dataset, accuracy=ACCURACY, wired=False, progress=progress)
