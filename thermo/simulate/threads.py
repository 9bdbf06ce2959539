"""How many threads a simulation uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba
from numba.core import config
from threadpoolctl import threadpool_limits

from thermo.simulate.errors import SimulationError


def check_threads(threads: int | None) -> None:
    """Raise SimulationError for a number of threads that this process cannot give."""
    most = int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if threads is not None and not 1 <= threads <= most:
        raise SimulationError(
            f"threads must be from 1 to {most}, got {threads}; NUMBA_NUM_THREADS sets the most"
        )


@contextmanager
def limited_threads(threads: int | None) -> Iterator[int]:
    """That many numba threads, and one BLAS thread in each."""
    check_threads(threads)
    before = numba.get_num_threads()
    numba.set_num_threads(before if threads is None else threads)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield numba.get_num_threads()
    finally:
        numba.set_num_threads(before)
