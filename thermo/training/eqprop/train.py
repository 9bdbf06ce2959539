"""Training a layered hard-sigmoid network by equilibrium propagation: see thermo.training.eqprop.trainer."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from compiler.files import check_writable
from thermo.data import Dataset
from thermo.progress import Progress
from thermo.training import checkpoint as checkpoints
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.layers import settling_time
from thermo.training.eqprop.result import EqpropResult
from thermo.training.eqprop.running import run_epochs
from thermo.training.eqprop.trainer import Trainer
from thermo.training.tiles import Tiles


def train_eqprop(
    dataset: Dataset,
    config: EqpropConfig,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> EqpropResult:
    """Train a layered hard-sigmoid network; the test split is never looked at.

    checkpoint : file written after every epoch; if it exists, training goes on from it, and the
        result is bitwise that of an uninterrupted run
    threads : tiles run at once (None: one a core); results do not depend on it

    Raises EqpropError on a setting or checkpoint that does not fit, UnsettledError where phases do
    not come to rest.
    """
    path = None if checkpoint is None else check_writable(Path(checkpoint))
    with Tiles(threads) as tiles:
        trainer = Trainer(dataset, config, tiles)
        identity = checkpoints.identity(dataset, config) if path else ""
        run_epochs(trainer, path, identity, f"eqprop on {dataset.name}", progress)
        trainer.w, trainer.back, trainer.b = trainer.best
        network = trainer.network(trainer.best)
        network = replace(network, relax_time=settling_time(network, dataset.x_valid[:1000]))
        return EqpropResult(
            network,
            trainer.acting(),
            trainer.drawn,
            tuple(trainer.history),
            trainer.best_accuracy,
            trainer.best_epoch,
            trainer.seconds,
            config,
        )
