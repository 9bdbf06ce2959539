"""Where figures that take minutes to make are kept between runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pooch

from compiler.files import OutputError, make_folder
from compiler.jit.places import is_safe


def kept_folder(*parts: str) -> Path:
    """A folder of the user's cache, or where that cannot be made one of this user's among temporary files.

    Raises OutputError where neither can be made.
    """
    try:
        return make_folder(Path(pooch.os_cache("thermoc"), *parts))
    except OutputError as error:  # a user without a home, as containers have
        if not hasattr(os, "getuid"):
            raise
        own = Path(tempfile.gettempdir()) / f"thermoc-cache-{os.getuid()}"
        try:
            own.mkdir(mode=0o700, exist_ok=True)
        except OSError:
            raise error from None
        if not is_safe(own):
            raise
        return make_folder(Path(own, *parts))
