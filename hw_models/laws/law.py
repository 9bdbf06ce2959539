"""What a law is, and the cells that it acts on.

A law draws from streams of its own, named after it: what a cell is given by one law is a function of
(law, device seed, cell, side), whatever other laws there are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, ClassVar, Protocol

import numpy as np

from hw_models.errors import HardwareError
from hw_models.frozen import Frozen
from hw_models.normals import make_key, standard_normals
from hw_models.source import Quantity, Source, figures_of

PLUS, MINUS = 1, -1

_ABSENT = Source("exact", "a term that the law does not have")
NOTHING = Quantity(0.0, "1", _ABSENT)
UNIT = Quantity(1.0, "1", _ABSENT)


class Stage(IntEnum):
    """When a law acts, in this order."""

    UPDATE = 0
    RANGE = 1
    PROGRAMMING = 2
    LIMITS = 3
    DEFECT = 4
    DRIFT = 5
    CIRCUIT = 6
    READ = 7
    READ_OUT = 8


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """Cells of one side of an array: coupling k is the difference of cell k of either side.

    driven, driving : (n,) numbers of the netlist's cells that it joins; side : PLUS or MINUS
    target : (n,) what was asked for, 0 to 1 of the on conductance, within the range that cells have
    programmed : (n,) what was made of it, for laws after Stage.DEFECT; for those before, the target
    read : which read this is; read noise is drawn anew for each
    """

    driven: np.ndarray
    driving: np.ndarray
    side: int
    target: np.ndarray
    programmed: np.ndarray
    read: int = 0

    def normals(self, law: str, draw: str, seed: int, *, each_read: bool = False) -> np.ndarray:
        """(n,) standard normals of these cells on device `seed`, from the stream `draw` of a law.

        each_read : drawn anew for every read
        """
        return standard_normals(
            stream_key(law, draw, seed, self.side, self.read if each_read else 0), self.driven, self.driving
        )


def units(*relative: str, **others: str) -> Mapping[str, str]:
    """Units of a law's figures by name: 1 of the relative ones."""
    return Frozen({**dict.fromkeys(relative, "1"), **others})


class Law(Protocol):
    """One way in which the cells of a device differ from what they should be, a dataclass of Quantities.

    name : of the law, as in files; stage : when it acts; UNITS : of its figures by name
    """

    UNITS: ClassVar[Mapping[str, str]]

    @property
    def name(self) -> str: ...
    @property
    def stage(self) -> Stage: ...

    def figures(self) -> dict[str, Quantity]:
        """Every figure by its name."""

    def apply(self, g: np.ndarray, where: Where, seed: int, at: float | None) -> np.ndarray:
        """(n,) float64 conductances after the law, of conductances g (n,) before it, pure.

        g : relative to the on conductance; at : s since programming, None: just programmed
        """


def stream_key(law: str, draw: str, seed: int, side: int = PLUS, read: int = 0) -> int:
    """Key for `standard_normals` of one stream of a law on device `seed`."""
    digest = hashlib.sha256(f"{law}/{draw}/{side:+d}/{read}".encode()).digest()
    # streams of hw_models.imperfect and hw_models.converters are small numbers
    return make_key(seed, int.from_bytes(digest[:7], "little") + (1 << 32))


def check_laws(laws: Any) -> tuple[Law, ...]:
    """The laws in the order in which they act; HardwareError for one that is none or given twice."""
    given = tuple(laws) if isinstance(laws, list | tuple) else (laws,)
    for law in given:
        if not hasattr(law, "apply") or not hasattr(law, "stage"):
            raise HardwareError(f"laws must be laws of hw_models.laws, got {law!r}")
    names = [law.name for law in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise HardwareError(
            f"law {twice[0]!r} is given twice; a device has one of each: leave one of them out"
        )
    return tuple(sorted(given, key=lambda law: (law.stage, law.name)))


def conductances(
    laws: Sequence[Law],
    target: np.ndarray,
    driven: np.ndarray,
    driving: np.ndarray,
    side: int,
    seed: int,
    at: float | None,
    read: int = 0,
) -> np.ndarray:
    """(n,) float64 of one side of an array at `at`, relative to its on conductance.

    laws : in the order of `check_laws`; target : (n,) from 0 to 1
    """
    where = Where(driven, driving, side, target, target, read)
    g = target
    for law in laws:
        g = law.apply(g, where, seed, at)
        if law.stage <= Stage.RANGE:
            where = replace(where, target=g, programmed=g)
        elif law.stage <= Stage.DEFECT:
            where = replace(where, programmed=g)
    return g


def check_law(law: Any, positive: tuple[str, ...] = (), signed: tuple[str, ...] = ()) -> None:
    """Raise HardwareError for a figure that is not finite, below 0 unless `signed`, or 0 where `positive`."""
    for name, figure in figures_of(law).items():
        value = figure.value
        bad = value <= 0 if name in positive else value < 0 and name not in signed
        if bad or not math.isfinite(value):
            rule = "finite" if name in signed else "> 0" if name in positive else ">= 0"
            raise HardwareError(
                f"law {law.name}: {name} must be {rule} {figure.unit}".rstrip() + f", got {value:g}"
            )
