"""train_logic: one way to train a logic-gate network, whatever its settings."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from thermo.data import Dataset
from thermo.progress import Progress
from thermo.training.errors import TrainingError
from thermo.training.logic.config import HIGHER, LogicConfig
from thermo.training.logic.offered_bits import patches_of
from thermo.training.logic.patch_training import learn_bank
from thermo.training.logic.patches import Bank
from thermo.training.logic.presets import logic_preset
from thermo.training.logic.result import TrainedLogic
from thermo.training.logic.tables import TableTrainer, trains_tables
from thermo.training.logic.targets import checked_teacher
from thermo.training.logic.trainer import LogicTrainer
from thermo.training.loop import fit
from thermo.training.tiles import Tiles


def train_logic(
    dataset: Dataset,
    config: LogicConfig | None = None,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
    backend: str = "numba",
    teacher: np.ndarray | None = None,
) -> TrainedLogic:
    """Train on the train split; the epoch is chosen by the hard network's validation accuracy.

    config : None: logic_preset(dataset)
    checkpoint : file written after every epoch; if it exists, training goes on from it and ends as
        the uninterrupted one would, bit for bit; shared tables are kept in shared_tables_file(checkpoint)
    threads : None: all; results do not depend on it
    backend : "numba", or "jax" on JAX's default device
    teacher : (n_train, n_classes) probabilities of the training samples in their order, of which
        config.teacher_share goes into the targets (arXiv 1503.02531); `softened` makes them of logits. A
        moved, mirrored or warped picture has those of its original. Shared tables learn from labels alone

    Raises TrainingError for settings, a teacher or a checkpoint that do not fit.
    """
    if dataset.n_classes < 2:
        has = "values, not classes" if dataset.n_classes == 0 else "one class only"
        raise TrainingError(
            f"data set {dataset.name} has {has}; a logic-gate network decides between at least 2 classes"
        )
    config = logic_preset(dataset) if config is None else config
    bank = None
    identity: tuple = (dataset, config)
    if teacher is not None:
        teacher = checked_teacher(teacher, dataset)
        identity = (*identity, teacher)
    if config.patches:
        file = None if checkpoint is None else shared_tables_file(checkpoint)
        patches = patches_of(dataset, config)
        bank = learn_bank(dataset, config, patches, progress=progress, checkpoint=file)
    trainer = _trainer(dataset, config, backend, bank, teacher)
    trained = fit(
        trainer,
        identity,
        f"logic gates on {dataset.name}",
        progress=progress,
        checkpoint=checkpoint,
        threads=threads,
    )
    with Tiles(threads) as tiles:
        return trained.extended(TrainedLogic, soft_accuracy=trainer.soft_accuracy(tiles))


def shared_tables_file(checkpoint: str | os.PathLike) -> Path:
    """Where the shared tables of a training with this checkpoint are kept, beside it."""
    path = Path(checkpoint)
    return path.with_name(path.name + ".tables")


def _trainer(
    dataset: Dataset, config: LogicConfig, backend: str, bank: Bank | None, teacher: np.ndarray | None
) -> LogicTrainer:
    if backend == "jax" and config.inputs > 2:
        raise TrainingError(
            f"backend jax trains gates of two inputs, got inputs = {config.inputs}; leave it out"
        )
    if backend == "jax" and config.wiring in HIGHER:
        raise TrainingError(
            f"backend jax trains wiring learnable or fixed, got wiring {config.wiring!r}; leave it out"
        )
    if backend == "jax" and config.freeze < 1:
        raise TrainingError(
            f"backend jax trains all layers to the end, got freeze = {config.freeze:g}; leave it out"
        )
    if backend == "jax":
        from thermo.training.logic.jax_trainer import JaxTrainer

        return JaxTrainer(dataset, config, bank, teacher)
    if backend != "numba":
        raise TrainingError(f"backend must be numba or jax, got {backend!r}")
    if trains_tables(config):
        return TableTrainer(dataset, config, bank=bank, teacher=teacher)
    from thermo.training.logic.general import GeneralTrainer

    return GeneralTrainer(dataset, config, bank, teacher)
