"""Facts: the read-only mapping behind `meta`, which no number and no decision depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Facts(Mapping[str, Any]):
    """Facts for people, JSON-able: copied when made, read-only, equal to a dict of the same items.

    Unlike types.MappingProxyType it pickles and copies, so that what holds one does, too.
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any] | None = None) -> None:
        object.__setattr__(self, "_items", dict(items or {}))

    def __getitem__(self, key: str) -> Any:
        return self._items[key]  # type: ignore[attr-defined]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)  # type: ignore[attr-defined]

    def __len__(self) -> int:
        return len(self._items)  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"facts are read-only, {name!r} cannot be set; make new ones of a dict")

    def __repr__(self) -> str:
        return f"Facts({self._items!r})"  # type: ignore[attr-defined]

    def __reduce__(self) -> tuple[Any, ...]:
        return Facts, (self._items,)  # type: ignore[attr-defined]


def freeze_meta(holder: Any) -> None:
    """Turn `holder.meta`, of a frozen dataclass in its __post_init__, into Facts."""
    if not isinstance(holder.meta, Facts):
        object.__setattr__(holder, "meta", Facts(holder.meta))
