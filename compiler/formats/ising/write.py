"""Writing an Ising model in a foreign format, by name."""

from __future__ import annotations

import os
from collections.abc import Callable

from compiler.errors import UnsupportedError
from compiler.families.ising import IsingModel
from compiler.files import replacing
from compiler.formats.ising.bqm import write_bqm
from compiler.formats.ising.dimacs import write_dimacs
from compiler.formats.ising.qubo import write_coo
from compiler.formats.ising.rudy import write_rudy

FORMATS: dict[str, Callable[[IsingModel], str]] = {
    "rudy": write_rudy,
    "bqm": write_bqm,
    "coo": write_coo,
    "dimacs": write_dimacs,
}


def export_ising(model: IsingModel, format_: str, path: str | os.PathLike) -> None:
    """Write `model` to `path` in a format of FORMATS.

    Raises UnsupportedError for an unknown format and for what it cannot hold, OutputError where
    nothing can be written.
    """
    if format_ not in FORMATS:
        raise UnsupportedError(
            f"format {format_!r} is unknown for an Ising model; choices are {', '.join(FORMATS)}"
        )
    text = FORMATS[format_](model)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
