"""Small things that layers, network and trainer of logic-gate networks hand each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NO_BITS = np.zeros((0, 0), np.uint16)


@dataclass(frozen=True, slots=True)
class Rates:
    """What Adam needs at one step (counted from 1); rates of logits and scores, weight decay."""

    step: int
    logits: float
    scores: float
    decay: float
    beta1: float
    beta2: float
    epsilon: float


@dataclass(slots=True)
class Values:
    """Nets of one layer for a batch: bits (n, lanes / 64) uint64, or floats (n, lanes) float32."""

    bits: np.ndarray | None
    floats: np.ndarray | None

    @property
    def halves(self) -> np.ndarray:
        """Bits as the primitives read them, (n, lanes / 16) uint16."""
        return _NO_BITS if self.bits is None else self.bits.view(np.uint16)

    def candidates(self) -> np.ndarray:
        """What weighted sums are taken over: bits where there are bits, else floats."""
        if self.bits is not None:
            return self.halves
        assert self.floats is not None
        return self.floats
