"""Threads for kernels that release the lock, with one-threaded matrix products inside."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import scipy.linalg.cython_blas  # noqa: F401  numba's products: loaded now, so that the limit binds
from threadpoolctl import threadpool_limits

from thermo.training.errors import TrainingError


class Tiles:
    """Runs kernels that release the lock on several tiles at once; matrix products use one thread.

    Plain threads that sleep while they wait: spinning ones lose a busy machine many times over.
    """

    def __init__(self, threads: int | None) -> None:
        n = (os.cpu_count() or 1) if threads is None else threads
        if not isinstance(n, int) or n < 1:
            raise TrainingError(f"threads must be a whole number >= 1, got {threads}")
        self.threads = n

    def __enter__(self) -> Tiles:
        self._limit = threadpool_limits(1, user_api="blas")
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._limit.restore_original_limits()

    def map(self, function: Callable[[int], Any], n: int) -> list[Any]:
        """[function(0), ..., function(n - 1)], in that order."""
        if self._pool is None or n == 1:
            return [function(t) for t in range(n)]
        return list(self._pool.map(function, range(n)))
