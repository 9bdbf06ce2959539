"""All epochs of a training, each kept in its checkpoint."""

from __future__ import annotations

from pathlib import Path

from thermo.progress import NullProgress, Progress
from thermo.training import checkpoint as checkpoints
from thermo.training.eqprop.trainer import Trainer


def run_epochs(
    trainer: Trainer, path: Path | None, identity: str, label: str, progress: Progress | None
) -> None:
    """All epochs that are left, each kept in the checkpoint `path` if there is one."""
    progress = progress or NullProgress()
    if path is not None and path.exists():
        checkpoints.restore(trainer, path, identity)
    progress.start(trainer.config.epochs, label)
    try:
        while trainer.epoch < trainer.config.epochs:
            trainer.run_epoch()
            last = trainer.history[-1]
            if path is not None:
                checkpoints.save(trainer, path, identity)
            progress.update(
                trainer.epoch,
                f"validation {100 * last.valid_accuracy:.2f} %, {last.sweeps_free:.0f}+"
                f"{last.sweeps_nudged:.0f} sweeps, residual {last.residual_free:.1e}",
            )
    finally:
        progress.stop()
