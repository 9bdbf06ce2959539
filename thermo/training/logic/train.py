"""train_logic: one way to train a logic-gate network, whatever its settings."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from thermo.data import Dataset
from thermo.progress import NullProgress, Progress
from thermo.training import checkpoint as checkpoints
from thermo.training.langevin.result import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.fast import FastTrainer, is_fast
from thermo.training.logic.presets import logic_preset
from thermo.training.logic.result import LogicEpoch, LogicResult
from thermo.training.tiles import Tiles


def train_logic(
    dataset: Dataset,
    config: LogicConfig | None = None,
    *,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    threads: int | None = None,
    backend: str = "numba",
) -> LogicResult:
    """Train on the train split; the epoch is chosen by the hard network's validation accuracy.

    config : None: logic_preset(dataset)
    checkpoint : file written after every epoch; if it exists, training goes on from it and ends as
        the uninterrupted one would, bit for bit
    threads : None: all; results do not depend on it
    backend : "numba", or "jax" on JAX's default device

    Raises TrainingError for settings or a checkpoint that do not fit.
    """
    if dataset.n_classes < 2:
        has = "values, not classes" if dataset.n_classes == 0 else "one class only"
        raise TrainingError(
            f"data set {dataset.name} has {has}; a logic-gate network decides between at least 2 classes"
        )
    config = logic_preset(dataset) if config is None else config
    trainer = _trainer(dataset, config, backend)
    progress = progress or NullProgress()
    own = checkpoints.identity(dataset, config) if checkpoint is not None else ""
    if checkpoint is not None and checkpoint.exists():
        checkpoints.restore(trainer, checkpoint, own)
    progress.start(config.epochs, f"logic gates on {dataset.name}")
    try:
        with Tiles(threads) as tiles:
            while trainer.epoch < config.epochs:
                _epoch(trainer, config, tiles)
                if checkpoint is not None:
                    checkpoints.save(trainer, checkpoint, own)
                progress.update(trainer.epoch, _note(trainer))
            soft = trainer.soft_accuracy(tiles)
    finally:
        progress.stop()
    return LogicResult(
        network=trainer.result_network(),
        history=tuple(trainer.history),
        valid_accuracy=trainer.best_accuracy,
        soft_accuracy=soft,
        best_epoch=trainer.best_epoch,
        seconds=trainer.seconds,
        config=config,
    )


def _trainer(dataset: Dataset, config: LogicConfig, backend: str) -> Any:
    if backend == "jax":
        from thermo.training.logic.jax_trainer import JaxTrainer

        return JaxTrainer(dataset, config)
    if backend != "numba":
        raise TrainingError(f"backend must be numba or jax, got {backend!r}")
    if is_fast(config):
        return FastTrainer(dataset, config)
    from thermo.training.logic.general import GeneralTrainer

    return GeneralTrainer(dataset, config)


def _epoch(trainer: Any, config: LogicConfig, tiles: Tiles) -> None:
    began = time.perf_counter()
    loss, seen = trainer.run_epoch(tiles)
    if not math.isfinite(loss):
        raise TrainingError(
            f"training: the loss of epoch {trainer.epoch} is {loss}; lower learning_rate "
            f"({config.learning_rate:g}) or raise tau"
        )
    accuracy = None
    late = trainer.epoch > 0.9 * config.epochs or trainer.epoch == config.epochs
    if late or trainer.epoch % config.evaluate_every == 0:
        accuracy = trainer.accuracy(tiles)
        trainer.keep_if_best(accuracy)
    seconds = time.perf_counter() - began
    trainer.seconds += seconds
    trainer.history.append(LogicEpoch(trainer.epoch, loss, seen, accuracy, trainer.tau, seconds))


def _note(trainer: Any) -> str:
    last = next((r for r in reversed(trainer.history) if r.valid_accuracy is not None), None)
    if last is None:
        return f"loss {trainer.history[-1].loss:.3f}"
    return f"loss {trainer.history[-1].loss:.3f}, validation {100 * last.valid_accuracy:.2f} %"
