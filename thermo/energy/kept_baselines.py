"""Digital baselines of a data set, kept in the user's cache: they take minutes to train."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from compiler.files import replacing
from hw_models.digital import network_energy
from hw_models.errors import HardwareError
from thermo.data import Dataset
from thermo.energy.baselines import WIDTHS, Baseline, measure_baselines
from thermo.energy.kept import kept_folder
from thermo.progress import Progress

KEPT = ("digits", "mnist", "fashion-mnist", "cifar10")


def cached_baselines(
    dataset: Dataset, split: str, accuracy: float, progress: Progress, widths: Sequence[int] = WIDTHS
) -> tuple[Baseline, ...]:
    """Baselines from the user's cache if they reach the accuracy, else trained and kept there.

    widths : hidden cells of the designs, in the order in which they are tried
    """
    if dataset.name not in KEPT:
        return measure_baselines(dataset, split=split, stop_at=accuracy, widths=widths, progress=progress)
    key = f"{dataset.name}-{dataset.x_train.shape[0]}x{dataset.n_features}-{split}.json"
    path = kept_folder("baselines-3") / key
    kept = _read(path)
    if any(b.accuracy >= accuracy for b in kept):
        return kept
    # designs come in the order of their widths: those that are kept need not be trained again
    rest = widths[len(kept) :]
    found = kept
    if rest:
        found += measure_baselines(dataset, split=split, stop_at=accuracy, widths=rest, progress=progress)
        with replacing(path) as beside:
            kept_facts = ("name", "sizes", "accuracy", "float_accuracy")
            beside.write_text(json.dumps([{k: getattr(b, k) for k in kept_facts} for b in found]))
    return found


def _read(path: Path) -> tuple[Baseline, ...]:
    try:
        return tuple(
            Baseline(**{**entry, "sizes": sizes, "energy": network_energy(sizes)})
            for entry in json.loads(path.read_text())
            for sizes in (tuple(entry["sizes"]),)
        )
    except (OSError, ValueError, TypeError, KeyError, HardwareError):
        return ()
