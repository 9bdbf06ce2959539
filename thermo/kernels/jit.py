"""Numba's decorators without its type hints, which know nothing of compiled signatures."""

from typing import Any

import numba

njit: Any = numba.njit
prange: Any = numba.prange
