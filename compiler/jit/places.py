"""Where compiled kernels are kept: the bundle that came with the package, then folders of the user.

Nothing here needs numba. Files of one kernel begin with its module, name and stamp, so that stale
ones are never read.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BUNDLES = Path(__file__).parent / "bundle"
"""Folders of code compiled for a level of CPUs, read only; empty in a checkout."""


def file_base(function: Any, stamp: str, inner: bool) -> str:
    """What the names of a kernel's files begin with."""
    name = f"{function.__module__}.{function.__qualname__}".replace("<", "").replace(">", "")
    role = ".inner" if inner else ""
    return f"{name[-120:]}-{stamp}{role}.{sys.implementation.cache_tag}"


def bundle_name(numba_version: str, level: str) -> str:
    """The folder within BUNDLES for this Python, this platform, a numba and a level."""
    return f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}-numba-{numba_version}-{level}"


def folders(function: Any) -> Iterator[Path]:
    """Folders that may hold compiled code of `function`, best first; the first writable one keeps it.

    NUMBA_CACHE_DIR alone where it is set. Else the `__pycache__` beside the source, which may have
    been filled by another user (an image), the user's cache, and a folder for temporary files.
    """
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        yield Path(given) / "thermoc"
        return
    source = Path(function.__code__.co_filename)
    if source.parent.is_dir():
        yield source.parent / "__pycache__"
    yield from _of_the_user()


@functools.cache
def _of_the_user() -> tuple[Path, ...]:
    found = []
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        found.append(Path(cache) / "thermoc" / "kernels")
    except RuntimeError:  # no home
        pass
    if hasattr(os, "getuid"):
        found.append(Path(tempfile.gettempdir()) / f"thermoc-kernels-{os.getuid()}")
    return tuple(found)


def is_safe(folder: Path) -> bool:
    """Whether compiled code in `folder` can be trusted: others cannot have put it there.

    Asked of the folder for temporary files, where anyone may make one of that name.
    """
    if folder.parent != Path(tempfile.gettempdir()):
        return True
    try:
        facts = folder.lstat()
    except OSError:
        return True  # not there yet
    return facts.st_uid == os.getuid() and not facts.st_mode & 0o077 and folder.is_dir()


def kept_anywhere(function: Any, stamp: str) -> bool:
    """Whether some folder or bundle holds compiled code of `function` under this stamp."""
    index = file_base(function, stamp, inner=False) + ".nbi"
    bundles = BUNDLES.iterdir() if BUNDLES.is_dir() else ()
    return any((folder / index).exists() for folder in (*folders(function), *bundles))
