"""Times since a device was programmed, as people write them."""

from __future__ import annotations

import math
import re

from hw_models.errors import HardwareError

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "y": 31557600.0}


def seconds_of(at: str | float | None) -> float | None:
    """s of a number of seconds or of "25s", "10min", "1h", "1d", "1y" (365.25 d); None of None.

    Raises HardwareError for what is no time, or one before the device was programmed.
    """
    if at is None:
        return None
    value = math.nan
    if isinstance(at, str):
        found = re.fullmatch(r"\s*([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([a-z]*)\s*", at)
        if found and (found[2] or "s") in SECONDS:
            value = float(found[1]) * SECONDS[found[2] or "s"]
    elif isinstance(at, int | float) and not isinstance(at, bool):
        value = float(at)
    if not (math.isfinite(value) and value >= 0):
        raise HardwareError(
            f"at must be a time >= 0 since the device was programmed, in {', '.join(SECONDS)}, got {at!r}: "
            "give --at 1h"
        )
    return value
