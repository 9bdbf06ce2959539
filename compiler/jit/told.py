"""Who is told that kernels are being compiled, once a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Told = Callable[[], None]
_listeners: list[Told] = []


@contextmanager
def telling(told: Told) -> Iterator[None]:
    """Inside, `told` is called once, from another thread, if compiling takes more than half a second."""
    _listeners.append(told)
    try:
        yield
    finally:
        if told in _listeners:
            _listeners.remove(told)


def tell() -> None:
    """Call every listener, each once."""
    while _listeners:
        _listeners.pop()()
