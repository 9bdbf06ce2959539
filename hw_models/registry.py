"""Named presets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NoReturn, TypeVar

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
        return self._entries[name] if name in self._entries else self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        raise HardwareError(f"no {self.kind} {name!r}; choose one of {', '.join(self.names())}")


class LazyRegistry(Registry[T]):
    """Presets that are made when they are first asked for."""

    def __init__(self, kind: str, names: Iterable[str], make: Callable[[str], T]) -> None:
        super().__init__(kind, ())
        self._names, self._make = tuple(names), make

    def names(self) -> tuple[str, ...]:
        """All names, in the order given."""
        return self._names

    def get(self, name: str) -> T:
        """The preset of that name; HardwareError lists the choices if there is none."""
        if name not in self._entries and name in self._names:
            self._entries[name] = self._make(name)
        return self._entries[name] if name in self._entries else self._refuse(name)
