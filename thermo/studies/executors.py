"""Where points run: here one after the other, in processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from compiler.errors import ThermocError
from thermo.options import Option

JOBS = Option(
    "jobs",
    "--jobs",
    int,
    None,
    "Points (recipes) at a time, each in a process of its own, one thread.",
    min=1,
)
SCHEDULER = Option(
    "scheduler", "--scheduler", str, None, "Run points on the Dask cluster at this address: tcp://host:8786."
)
WHERE = (JOBS, SCHEDULER)


class SerialExecutor(Executor):
    """Runs what is submitted at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # an interrupt is the caller's
            future.set_exception(error)
        return future


@contextmanager
def executor_for(jobs: int | None = None, scheduler: str | None = None) -> Iterator[Executor]:
    """One of the three. jobs : processes, started afresh; scheduler : a Dask scheduler's address

    Raises ThermocError if both are given, Dask is not installed or nobody answers at the address.
    """
    if jobs is not None and scheduler is not None:
        raise ThermocError("--jobs and --scheduler: points run in one place; leave one out")
    if scheduler is not None:
        with _dask(scheduler) as executor:
            yield executor
    elif jobs is not None:
        # a fork of a process whose threads have run kernels may die in them
        spawn = get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_leave_quietly) as executor:
            yield executor
    else:
        yield SerialExecutor()


def _leave_quietly() -> None:
    """An interrupt lets go of the point that a worker is at, and says nothing: the client does."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise ThermocError(
            f"--scheduler {address}: Dask is not installed: pip install 'thermoc[cluster]'"
        ) from None
    try:
        client = Client(address, timeout="15s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ThermocError(
            f"--scheduler {address}: no scheduler answers there ({error}); start one by `dask scheduler` and "
            "give the address that it prints"
        ) from None
    with client:
        yield client.get_executor(pure=False)
