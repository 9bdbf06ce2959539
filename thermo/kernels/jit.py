"""The decorators of kernels: compiler.jit's `njit` and numba's `prange`."""

from __future__ import annotations

from typing import Any

from compiler.jit import njit

__all__ = ["njit"]


def __getattr__(name: str) -> Any:
    """`prange` on first use: it is numba's, which takes its time to import."""
    if name == "prange":
        import numba

        return numba.prange
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
