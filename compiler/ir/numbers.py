"""What counts as a number in a netlist."""

from __future__ import annotations

from typing import Any

import numpy as np


def real(value: Any) -> bool:
    """Whether a value is a number, true and false excepted."""
    return isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool)


def whole(value: Any) -> bool:
    """Whether a value is a whole number, true and false excepted."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
