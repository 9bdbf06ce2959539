"""Writing an Ising model in a foreign format, by name."""

from __future__ import annotations

import os

from compiler.errors import UnsupportedError
from compiler.families.ising import IsingModel
from compiler.files import replacing
from compiler.formats.ising.files import FORMATS, WRITTEN


def export_ising(model: IsingModel, format_: str, path: str | os.PathLike) -> None:
    """Write `model` to `path` in a format of WRITTEN.

    Raises UnsupportedError for an unknown format and for what it cannot hold, OutputError where
    nothing can be written.
    """
    known = FORMATS.get(format_)
    if known is None or known.write is None:
        raise UnsupportedError(
            f"format {format_!r} is unknown for an Ising model; choices are {', '.join(WRITTEN)}"
        )
    content = known.write(model)
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
