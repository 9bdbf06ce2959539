"""The data set that a command's --data names."""

from __future__ import annotations

from pathlib import Path

from thermo.cli.console import notes
from thermo.data import Dataset, load_dataset


def told_dataset(name: str, data_dir: Path | None) -> Dataset:
    """The data set, once it has been said what it was taken for.

    Raises DataError if it is unknown, missing or damaged.
    """
    dataset = load_dataset(name, data_dir)
    for note in dataset.notes:
        notes.print(f"{dataset.name}: {note}", markup=False)
    return dataset
