"""Units of figures with prefixes: 1 fF is 1e-15 F, exactly as it is written.

A unit is a product of symbols over a product of symbols, each with a prefix and a power: "fF/um2",
"kohm", "J/level". What a figure is in is known; what is given may differ from it in prefixes alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from hw_models.errors import HardwareError
from hw_models.frozen import Frozen

PREFIXES: Mapping[str, int] = Frozen(
    {"a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}
)
"""Powers of ten."""

TIMES: Mapping[str, float] = Frozen({"min": 60.0, "h": 3600.0, "d": 86400.0, "y": 365.25 * 86400.0})
"""Seconds in the times that may stand for s alone."""

_COUNTED = ("1", "%")
_SYMBOL = re.compile(r"([A-Za-z]+)(\d?)$")


def in_unit(value: float, unit: str, wanted: str) -> float:
    """A value given in `unit`, in the unit `wanted`; prefixes move the decimal point and nothing else.

    "%" stands for "1", and min, h, d, y for "s". Raises HardwareError for another unit than `wanted`
    with prefixes.
    """
    if unit == wanted:
        return float(value)
    if wanted == "1" and unit in _COUNTED:
        return _shifted(value, -2)
    if wanted == "s" and unit in TIMES:
        return float(value) * TIMES[unit]
    power = _power(unit.replace("µ", "u").replace("μ", "u").replace("Ω", "ohm").replace("²", "2"), wanted)
    if power is None:
        raise HardwareError(f"unit {unit!r} is not one of {in_words(wanted)}")
    return _shifted(value, power)


def prefixed(values: Sequence[float], unit: str) -> tuple[list[float], str]:
    """Values and their unit with the prefix that leaves the first 1 to 999 before its point, where
    `in_unit` makes exactly these values of it again; else as they are.
    """
    first = float(values[0])
    if math.isfinite(first) and first != 0 and not stands_alone(unit):
        size = Decimal(repr(first)).adjusted()
        for prefix, power in PREFIXES.items():
            small = [_shifted(value, -power) for value in values]
            back = [_shifted(value, power) for value in small]
            if power <= size < power + 3 and back == [float(value) for value in values]:
                return small, prefix + unit
    return [float(value) for value in values], unit


def in_words(wanted: str) -> str:
    """What may be written for a unit: "F, or with a prefix (f, p, n, u, m, k, M, G, T): fF"."""
    if wanted == "1":
        return '"1" or "%"'
    if stands_alone(wanted):
        return f'"{wanted}"'
    example = {"ohm": "k", "F": "f", "J": "f"}.get(wanted.partition("/")[0], "n")
    times = f" or {', '.join(TIMES)}" if wanted == "s" else ""
    return f'"{wanted}", or with a prefix (a f p n u m k M G T) as "{example}{wanted}"{times}'


def stands_alone(unit: str) -> bool:
    """Whether the unit is counted or a ratio that no prefix suits: bits, steps, V/V."""
    first, _, last = unit.partition("/")
    return first in ("1", "bit", "step", "K", "%", "p-bits") or first == last or first[-1:].isdigit()


def _shifted(value: float, power: int) -> float:
    """value 10^power, rounded once from the decimal digits that it is written with."""
    return float(Decimal(repr(float(value))).scaleb(power)) if math.isfinite(value) else value


def _power(unit: str, wanted: str) -> int | None:
    """Power of ten by which `unit` is larger than `wanted`, None where it is another unit."""
    given, asked = unit.split("/"), wanted.split("/")
    if len(given) != len(asked):
        return None
    total = 0
    for sign, ours, theirs in zip((1, -1), given, asked, strict=False):
        found, known = _SYMBOL.match(ours), _SYMBOL.match(theirs)
        if ours == theirs:
            continue
        if found is None or known is None or found[2] != known[2] or not found[1].endswith(known[1]):
            return None
        prefix = found[1][: len(found[1]) - len(known[1])]
        if prefix not in PREFIXES:
            return None
        total += sign * PREFIXES[prefix] * int(known[2] or 1)
    return total
