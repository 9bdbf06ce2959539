"""Updates as pulses: what a device's cells do with the changes that a training wants of them.

A training computes what it wants, with whatever estimator and momentum; law "pulsed"
(hw_models.laws.pulsed) says where each coupling is after it. Biases are updated as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hw_models.imperfect import Ends, Imperfections
from hw_models.laws.pulsed import PulsedUpdate


@dataclass(frozen=True, slots=True, eq=False)
class Pulses:
    """law, seed : of one device; ends : cells of each array of couplings; full : what each array's on
    conductance stands for; conductances : whether couplings are conductances, from 0 to it, and else
    differences of a pair, from minus to plus it
    """

    law: PulsedUpdate
    seed: int
    ends: tuple[Ends, ...]
    full: tuple[float, ...]
    conductances: bool

    @staticmethod
    def of(
        law: Imperfections,
        seed: int,
        arrays: Sequence[np.ndarray],
        ends: Sequence[Ends],
        *,
        conductances: bool = False,
    ) -> Pulses | None:
        """Of the arrays as they start; None where updates are not pulsed."""
        found = [one for one in law.laws if isinstance(one, PulsedUpdate)]
        if not found:
            return None
        headroom = found[0].headroom.value
        full = tuple(headroom * float(np.abs(a).max(initial=0.0)) or 1.0 for a in arrays)
        return Pulses(found[0], seed, tuple(ends), full, conductances)

    def move(self, before: Sequence[np.ndarray], arrays: Sequence[np.ndarray], time: int) -> None:
        """Put the arrays, which are where they are wanted, to where pulses bring them from `before`."""
        for old, new, (driven, driving), full in zip(before, arrays, self.ends, self.full, strict=True):
            unit = 0.5 * full if self.conductances else full
            start, wanted = old.astype(np.float64) / unit, (new.astype(np.float64) - old) / unit
            shift = 1.0 if self.conductances else 0.0
            moved = self.law.moved(start - shift, wanted, driven, driving, self.seed, time)
            # what no pulse met keeps its bits
            new[:] = np.where(moved == start - shift, old, (moved + shift) * unit)
