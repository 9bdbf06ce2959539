"""Accuracy on many mismatched devices: the same machine, drawn again for each device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from compiler.ir.tiles import TileNetlist
from hw_models.imperfect import Imperfections
from thermo.data import Dataset
from thermo.evaluate import evaluate
from thermo.progress import NullProgress, Progress
from thermo.simulate.run import dynamics_of


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Two machines on the same devices.

    first, second : (n_devices,) accuracies; gain : mean of second - first; sem : its standard
    error over devices; p : two-sided p-value of the paired t-test
    """

    first: np.ndarray
    second: np.ndarray
    gain: float
    sem: float
    p: float


def accuracy_on_devices(
    netlist: LangevinNetlist | TileNetlist,
    dataset: Dataset,
    non_ideal: Imperfections,
    n_devices: int,
    *,
    seed: int = 0,
    split: str = "test",
    threads: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> np.ndarray:
    """(n_devices,) accuracies, one noisy trajectory a decision; device k is drawn by seed + k.

    options : of `thermo.evaluate`, device among them
    """
    quiet = {"heat": False} if "heat" in dynamics_of(netlist).takes else {}
    progress = progress or NullProgress()
    progress.start(n_devices, f"{n_devices} devices")
    out = np.empty(n_devices)
    try:
        for k in range(n_devices):
            figures, _ = evaluate(
                netlist,
                dataset,
                split,
                non_ideal=non_ideal,
                device_seed=seed + k,
                seed=seed,
                threads=threads,
                **quiet,
                **options,
            )
            assert figures.accuracy is not None
            out[k] = figures.accuracy
            progress.update(k + 1, f"{100 * out[k]:.2f} %")
    finally:
        progress.stop()
    return out


def paired(first: Sequence[float] | np.ndarray, second: Sequence[float] | np.ndarray) -> Paired:
    """Compare two machines device by device."""
    from scipy import stats

    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    gain = b - a
    sem = float(gain.std(ddof=1) / np.sqrt(gain.size))
    p = 0.0 if gain.any() else 1.0  # what the test tends to as the spread of the gains vanishes
    if np.ptp(gain) > 0:
        p = float(stats.ttest_rel(b, a).pvalue)
    return Paired(a, b, float(gain.mean()), sem, p)
