"""Facts: what `meta` holds, which no number and no decision depends on."""

from __future__ import annotations

from typing import Any

from hw_models.frozen import Frozen


class Facts(Frozen[str, Any]):
    """Facts for people, JSON-able."""

    __slots__ = ()


def freeze_meta(holder: Any) -> None:
    """Turn `holder.meta`, of a frozen dataclass in its __post_init__, into Facts."""
    if not isinstance(holder.meta, Facts):
        object.__setattr__(holder, "meta", Facts(holder.meta))
