"""Writing files so that nothing is lost or half-written."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler.errors import ThermocError


class OutputError(ThermocError):
    """A result cannot be written where the user asked for it."""


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary path whose file becomes `path` only if the block succeeds.

    A link's target is replaced and the link kept; a device, pipe or socket is written to, not replaced.

    Raises OutputError if `path` is a folder, its folder cannot be written to, or the disk is full.
    """
    path = check_writable(path)
    folder = None if is_stream(path) else path.parent
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=folder)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if folder is None:
            with open(temporary, "rb") as source, open(path, "wb") as stream:
                shutil.copyfileobj(source, stream)
            return
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes private files
        temporary.replace(path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise OutputError(f"{path}: cannot be written ({error.strerror}); nothing was changed") from None
    finally:
        temporary.unlink(missing_ok=True)


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def is_stream(path: Path) -> bool:
    """Whether it is written to as it is: a device, pipe or socket, or what /dev/stdout stands for."""
    return path.is_relative_to("/dev") or (path.exists() and not path.is_file())


def check_writable(path: str | os.PathLike) -> Path:
    """Check, before long work begins, that `path` can be written at its end; the path, links followed."""
    given = Path(path)
    if given.is_dir():
        raise OutputError(f"{given}: is a folder; give a file name")
    if is_stream(given):
        if not os.access(given, os.W_OK):
            raise OutputError(f"{given}: cannot be written (Permission denied); choose another")
        return given
    try:
        path = given.resolve()
    except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
        raise OutputError(f"{given}: is a link that leads nowhere; give a file name") from None
    _probe(path.parent, given)
    return path


def make_folder(path: str | os.PathLike) -> Path:
    """Make the folder if need be; OutputError if nothing can be written in it."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be made ({error.strerror}); choose another folder") from None
    _probe(path, path)
    return path


def _probe(folder: Path, named: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{named}: cannot be written ({error.strerror}); make its folder or choose another"
        ) from None
