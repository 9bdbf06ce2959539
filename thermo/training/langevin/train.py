"""Training of a Langevin machine by back-propagation through noisy runs: which trainer, and its epochs."""

from __future__ import annotations

import os

from compiler.families.langevin import LangevinMachine
from thermo.data import Dataset
from thermo.progress import Progress
from thermo.training.langevin.config import PathwiseConfig
from thermo.training.langevin.front import FrontTrainer
from thermo.training.langevin.pathwise import PathwiseTrainer
from thermo.training.langevin.result import TrainedMachine
from thermo.training.loop import fit


def train_pathwise(
    dataset: Dataset,
    config: PathwiseConfig,
    *,
    start: LangevinMachine | None = None,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> TrainedMachine:
    """Train by back-propagation through noisy runs; the test split is never looked at.

    start : a machine to go on from (its cells, encoder and size are kept)
    checkpoint : a file written after every epoch; if it exists, training goes on from it, and the
        result is bitwise that of an uninterrupted run
    threads : tiles run at once (None: one a core); results do not depend on it

    Raises TrainingError on a setting, start or checkpoint that does not fit and
    TrainingDivergedError where trajectories run away at every step size tried.
    """
    kind = PathwiseTrainer if config.front is None else FrontTrainer
    trainer = kind(dataset, config, start)
    origin = () if start is None else (start.w_in, start.coupling, start.bias)
    trained = fit(
        trainer,
        (dataset, config, *origin),
        f"training on {dataset.name}",
        progress=progress,
        checkpoint=checkpoint,
        threads=threads,
    )
    return trained.extended(TrainedMachine, mean_heat=trainer.best_heat, heat_penalty=trainer.penalty)
