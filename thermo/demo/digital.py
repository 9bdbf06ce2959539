"""The digital designs that the demo's machines stand beside, measured while those are trained."""

from __future__ import annotations

from pathlib import Path

from thermo.data import Dataset
from thermo.energy.digital import measured_designs
from thermo.progress import Progress


def digital_part(
    dataset: Dataset, folder: Path, *, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> None:
    """Measure every digital design into the user's cache, where the comparison finds them."""
    if dataset.n_classes:
        measured_designs(dataset, progress=progress)
