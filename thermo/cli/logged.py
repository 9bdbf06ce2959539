"""Progress that is written for TensorBoard, too: `--log DIR`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.errors import UnsupportedError
from compiler.files import make_folder
from thermo.cli.console import BarProgress


class LoggedProgress(BarProgress):
    """A bar, and event files in a folder with the figures of every epoch.

    A training that is resumed goes on in the same curves. Raises UnsupportedError without tensorboardX.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise UnsupportedError("--log needs tensorboardX: pip install 'thermoc[tensorboard]'") from None
        self._writer: Any = SummaryWriter(str(make_folder(folder)))

    def record(self, done: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(name, value, done)
        self._writer.flush()


def progress_of(log: Path | None) -> BarProgress:
    """The bar of a training, written for TensorBoard to the folder `log` if there is one."""
    return BarProgress() if log is None else LoggedProgress(log)
