"""Progress is an object handed in; library code never prints."""

from typing import Protocol


class Progress(Protocol):
    """What long work tells about itself."""

    def start(self, total: int, label: str) -> None:
        """Work of `total` steps begins."""

    def update(self, done: int, note: str = "") -> None:
        """`done` of the steps are finished; `note` is a short figure such as an accuracy."""

    def stop(self) -> None:
        """The work has ended or was interrupted."""


class NullProgress:
    """Tells nobody."""

    def start(self, total: int, label: str) -> None:
        pass

    def update(self, done: int, note: str = "") -> None:
        pass

    def stop(self) -> None:
        pass
