"""Training a layered network by equilibrium propagation, by either engine."""

from __future__ import annotations

import os
from typing import Any

from thermo.data import Dataset
from thermo.progress import Progress
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.result import TrainedHopfield
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.loop import fit


def train_eqprop(
    dataset: Dataset,
    config: EqpropConfig,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> Any:
    """Train a layered network; the test split is never looked at.

    checkpoint : file written after every epoch; if it exists, training goes on from it, and the
        result is bitwise that of an uninterrupted run (by JAX: on one machine, by one version)
    threads : tiles run at once (None: one a core); results do not depend on it, JAX takes none

    Returns a TrainedHopfield; with engine "jax" a thermo.training.eqprop.jax_train.TrainedLayers.
    Raises EqpropError on a setting or checkpoint that does not fit, UnsettledError where phases do
    not come to rest.
    """
    run: dict[str, Any] = {"progress": progress, "checkpoint": checkpoint}
    facts, label = (dataset, config), f"eqprop on {dataset.name}"
    if config.engine == "jax":
        from thermo.training.eqprop.jax_train import LayersTrainer, TrainedLayers  # a second to import

        by_jax = LayersTrainer(dataset, config)
        found = fit(by_jax, facts, label, threads=1, **run)
        best = by_jax.best
        return found.extended(
            TrainedLayers, layout=by_jax.layout, parameters=best, acting=by_jax.acting(best)
        )
    trainer = HopfieldTrainer(dataset, config)
    trained = fit(trainer, facts, label, threads=threads, **run)
    return trained.extended(TrainedHopfield, acting=trainer.best_acting(), drawn=trainer.drawn)
