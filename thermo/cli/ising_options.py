"""What the options of Ising models say: ramps, clamps."""

from __future__ import annotations

from math import isfinite
from typing import Any

from compiler.errors import UnsupportedError


def ising_options(sweeps: int | None, anneal: str | None, sample: bool | None) -> dict[str, Any]:
    """Keywords of lower_ising, those given only."""
    found: dict[str, Any] = {}
    if sweeps is not None:
        found["sweeps"] = sweeps
    if anneal is not None:
        try:
            hot, cold = (float(word) for word in anneal.split(","))
        except ValueError:
            hot = cold = float("nan")
        if not (isfinite(hot) and isfinite(cold)):
            raise UnsupportedError(f"--anneal takes two numbers, 3,0.2, got {anneal!r}")
        found["kT"] = (hot, cold)
    if sample is not None:
        found["sample"] = sample
    return found


def clamped_words(clamps: list[str] | None) -> dict[str, int]:
    """{name: value} of arguments name=value; values as 143, -1, 0b1011, 0x8f.

    Raises UnsupportedError for malformed ones and a name given twice.
    """
    found: dict[str, int] = {}
    for text in clamps or ():
        name, _, value = text.rpartition("=")
        try:
            number = int(value, 0)
        except ValueError:
            name = ""
        if not name:
            raise UnsupportedError(f"--clamp takes name=value, p=143 or p=0b1011, got {text!r}")
        if name in found:
            raise UnsupportedError(f"--clamp {name} is given twice; give it once")
        found[name] = number
    return found
