"""Pipelines are data; the runner verifies after every pass, times it, and names one that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from compiler.errors import NetlistError
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.verify import verify
from compiler.passes.langevin import drop_silent_inputs, drop_zero_couplings, sweep_unread

N = TypeVar("N")
LangevinPass = Callable[[LangevinNetlist], LangevinNetlist]

# all exact: what is read keeps its distribution
LANGEVIN: dict[int, tuple[LangevinPass, ...]] = {
    0: (),
    1: (drop_zero_couplings,),
    2: (drop_zero_couplings, drop_silent_inputs, sweep_unread),
}


class PassError(NetlistError):
    """A pass made a netlist that breaks an invariant: a bug in the pass, which is named."""


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What one pass did. seconds : wall time, without verification"""

    name: str
    seconds: float


def langevin_pipeline(level: int) -> tuple[LangevinPass, ...]:
    """The passes of -O `level`; NetlistError lists the levels if there is none."""
    if level not in LANGEVIN:
        raise NetlistError(
            f"optimisation level {level} is unknown; levels are {', '.join(map(str, LANGEVIN))}"
        )
    return LANGEVIN[level]


def run_passes(
    netlist: N,
    passes: Sequence[Callable[[N], N]],
    *,
    check: Callable[[N], None] = verify,  # type: ignore[assignment]
) -> tuple[N, tuple[PassRecord, ...]]:
    """Apply the passes in order; (netlist, records).

    check : verifies the netlist before the first pass and after each; verify by default

    Raises NetlistError for a bad netlist, PassError naming the pass that broke it.
    """
    check(netlist)
    records = []
    for step in passes:
        name = getattr(step, "__name__", repr(step))
        start = time.perf_counter()
        netlist = step(netlist)
        records.append(PassRecord(name, time.perf_counter() - start))
        try:
            check(netlist)
        except NetlistError as error:
            raise PassError(f"pass {name} broke the netlist: {error}") from error
    return netlist, tuple(records)
