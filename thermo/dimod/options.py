"""What the samplers take, checked and in our terms."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from typing import Any

SWEEPS = 1000  # of a read, where neither their number nor a time is given
TIMED_READS = 2
PARAMETERS = (
    "num_reads",
    "seed",
    "num_sweeps",
    "beta_range",
    "time_limit",
    "initial_states",
    "initial_states_generator",
    "return_embedding",
    "threads",
)


def parameters(*more: str) -> dict[str, Any]:
    """{parameter: properties that it is about}, as dimod wants it."""
    return {name: [] for name in (*PARAMETERS, *more)}


@dataclass(frozen=True, slots=True)
class Asked:
    """Options of one call.

    kT : (hot, cold) of the ramp, None: the model's own; the others as in ThermoSampler.sample
    """

    num_reads: int | None
    seed: int
    sweeps: int | None
    seconds: float | None
    kT: tuple[float, float] | None
    threads: int | None

    @property
    def reads(self) -> int:
        if self.num_reads is not None:
            return self.num_reads
        return 1 if self.seconds is None else TIMED_READS


def asked(
    num_reads: Any, seed: Any, num_sweeps: Any, beta_range: Any, time_limit: Any, threads: Any
) -> Asked:
    """The options; ValueError names the first that makes no sense."""
    for name, value in (("num_reads", num_reads), ("num_sweeps", num_sweeps), ("threads", threads)):
        if value is not None and (int(value) != value or value < 1):
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    if time_limit is not None and not (math.isfinite(time_limit) and time_limit > 0):
        raise ValueError(f"time_limit must be seconds above 0, got {time_limit!r}")
    if time_limit is not None and num_sweeps is not None:
        raise ValueError("give num_sweeps or time_limit: one follows from the other")
    if seed is not None and not (int(seed) == seed and 0 <= seed < 2**64):
        raise ValueError(f"seed must be a whole number from 0 to 2^64 - 1, got {seed!r}")
    kT = None
    if beta_range is not None:
        hot, cold = (float(b) for b in beta_range)
        if not (0 < hot <= cold and math.isfinite(hot)):
            raise ValueError(
                f"beta_range must be (hot, cold) inverse kT, 0 < hot <= cold, got {beta_range!r}"
            )
        kT = (1.0 / hot, 1.0 / cold)
    return Asked(
        None if num_reads is None else int(num_reads),
        secrets.randbits(32) if seed is None else int(seed),
        (SWEEPS if time_limit is None else None) if num_sweeps is None else int(num_sweeps),
        time_limit,
        kT,
        threads,
    )
