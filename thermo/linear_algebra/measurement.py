"""A measured value with its error and what it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FEW = 100.0  # effective samples below which an error estimate itself is poor
DRIFT = 5.0  # standard errors between the two halves of a run that count as not settled


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What was observed, as accurately as it was.

    value, error : the estimate and its standard error, entry by entry
    samples : effective independent ones behind the least certain entry, var(x) / error^2
    drift : largest difference of the run's two halves, in its own standard errors (nan if unknown)
    bias : bound of the relative error that the finite step leaves, 0 where there is none (derived)
    time, burn_in : of one machine, in units of 1 / A; machines : how many ran
    reads : how often each machine's cells were read
    heat : mean heat one machine gave to the bath, kT, or None where it has no meaning
    kT, dt, method : of the run; extra : figures that belong to one measurement alone
    """

    value: np.ndarray
    error: np.ndarray
    samples: float
    drift: float
    bias: float
    time: float
    burn_in: float
    machines: int
    reads: int
    heat: float | None
    kT: float
    dt: float
    method: str
    extra: dict[str, Any]

    @property
    def settled(self) -> bool:
        """Whether the two halves of the run agree; a longer burn_in mends it."""
        return not self.drift > DRIFT

    @property
    def reliable(self) -> bool:
        """Whether the run settled and there are samples enough for `error` to be trusted."""
        return self.settled and self.samples >= FEW

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must be told beside the value; empty if nothing."""
        out = []
        if not self.settled:
            out.append(f"the halves of the run differ by {self.drift:.1f} standard errors: raise burn_in")
        if self.samples < FEW:
            out.append(
                f"only {self.samples:.0f} effective samples, less than {FEW:.0f}: raise time or machines"
            )
        return tuple(out)


def estimate(parts: np.ndarray, machines: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(value, error, drift) of parts (batches, machines, ...), means over stretches of time.

    Machines are independent, so where there are enough of them the error is that of their means,
    whatever the autocorrelation; with few, stretches of each count as independent too (the method
    of batch means).
    """
    batches = parts.shape[0]
    each = parts.mean(axis=0) if machines >= 16 else parts.reshape(-1, *parts.shape[2:])
    count = each.shape[0]
    value = each.mean(axis=0)
    error = each.std(axis=0, ddof=1) / np.sqrt(count)
    half = batches // 2
    gap = parts[:half].mean(axis=0) - parts[half:].mean(axis=0)
    drift = float("nan")
    if machines >= 16:
        spread = gap.std(axis=0, ddof=1) / np.sqrt(machines)
        with np.errstate(divide="ignore", invalid="ignore"):
            drift = float(np.nanmax(np.abs(gap.mean(axis=0)) / spread, initial=0.0))
    return value, error, drift


def effective_samples(variance: np.ndarray, error: np.ndarray) -> float:
    """Independent samples that would give this error, for the least certain entry."""
    moves = error > 0
    if not moves.any():
        return float("inf")
    return float((variance[moves] / error[moves] ** 2).min())
