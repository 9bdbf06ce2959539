"""Named presets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from hw_models.errors import HardwareError

T = TypeVar("T")


class Registry(Generic[T]):
    """Presets by name: refuses duplicates, lists the choices on an unknown name."""

    def __init__(self, kind: str, entries: Iterable[tuple[str, T]]) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        for name, entry in entries:
            if name in self._entries:
                raise HardwareError(f"{kind} {name!r} is registered twice; rename one of them")
            self._entries[name] = entry

    def names(self) -> tuple[str, ...]:
        """All names, in the order of registration."""
        return tuple(self._entries)

    def get(self, name: str) -> T:
        """The preset of that name; HardwareError lists the choices if there is none."""
        if name not in self._entries:
            raise HardwareError(f"no {self.kind} {name!r}; choose one of {', '.join(self._entries)}")
        return self._entries[name]
