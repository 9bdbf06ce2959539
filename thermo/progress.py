"""Progress is an object handed in; library code never prints."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


class Progress(Protocol):
    """What long work tells about itself."""

    def start(self, total: int, label: str) -> None:
        """Work of `total` steps begins."""

    def update(self, done: int, note: str = "") -> None:
        """`done` of the steps are finished; `note` is a short figure such as an accuracy."""

    def stop(self) -> None:
        """The work has ended or was interrupted."""


@runtime_checkable
class Recorder(Protocol):
    """Progress that keeps the figures of every step, too."""

    def record(self, done: int, figures: Mapping[str, float]) -> None:
        """Figures of step number `done`, by name."""


class NullProgress:
    """Tells nobody."""

    def start(self, total: int, label: str) -> None:
        pass

    def update(self, done: int, note: str = "") -> None:
        pass

    def stop(self) -> None:
        pass
