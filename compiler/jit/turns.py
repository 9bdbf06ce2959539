"""Processes that want the same kernel at the same time: one compiles it, the others wait and read it.

A lock on a file beside the compiled code; the system lets go of it when a process ends. A process waits
for a kernel that its own kernel calls while it holds the latter's lock, so that processes cannot wait for
each other in a circle: kernels do not.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from compiler.jit.places import is_safe

try:
    import fcntl
except ImportError:  # not on this system
    fcntl = None  # type: ignore[assignment]


class Turn:
    """A turn to compile one kernel, by a lock on the first of these files that can be made."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._held: tuple[Path, IO[str]] | None = None

    def take(self) -> bool:
        """Hold the turn from here on; whether another process had it, which may have kept its code."""
        if fcntl is None or self._held is not None:
            return False
        for path in self._paths:
            if not is_safe(path.parent):
                continue
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                file = path.open("w")
            except OSError:
                continue
            try:
                waited = _locked(file)
            except OSError:  # a file system without locks
                file.close()
                continue
            self._held = path, file
            return waited
        return False

    def give(self) -> None:
        """Let the next process have it."""
        if self._held is not None:
            path, file = self._held
            self._held = None
            with suppress(OSError):
                path.unlink(missing_ok=True)
            file.close()


def _locked(file: IO[str]) -> bool:
    """Lock the file; whether that took waiting."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    return False


@contextmanager
def without_collection() -> Iterator[None]:
    """Inside, Python looks for no garbage: compiling makes a million objects that live until it ends."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
