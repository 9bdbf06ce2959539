"""Pipelines are data; the runner verifies after every pass, times it, and names one that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from compiler.errors import NetlistError
from compiler.ir.gates import GateNetlist, verify_gates
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.verify import verify
from compiler.passes.gates import (
    collapse_pairs,
    complement_drivers,
    fold_constants,
    hash_structurally,
    remove_buffers,
    sweep_dead,
)
from compiler.passes.langevin import drop_silent_inputs, drop_zero_couplings, sweep_unread

N = TypeVar("N")
P = TypeVar("P")
LangevinPass = Callable[[LangevinNetlist], LangevinNetlist]
GatePass = Callable[[GateNetlist], GateNetlist]

# all exact: what is read keeps its distribution
LANGEVIN: dict[int, tuple[LangevinPass, ...]] = {
    0: (),
    1: (drop_zero_couplings,),
    2: (drop_zero_couplings, drop_silent_inputs, sweep_unread),
}

# all keep every root's function
_SIMPLIFY: tuple[GatePass, ...] = (fold_constants, remove_buffers, hash_structurally, sweep_dead)
GATES: dict[int, tuple[GatePass, ...]] = {
    0: (),
    1: (*_SIMPLIFY, complement_drivers, sweep_dead),
    2: (
        *_SIMPLIFY,
        collapse_pairs,
        hash_structurally,
        collapse_pairs,
        hash_structurally,
        complement_drivers,
        sweep_dead,
    ),
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
    return _level(LANGEVIN, level)


def gate_pipeline(level: int) -> tuple[GatePass, ...]:
    """The passes of -O `level` for circuits; NetlistError lists the levels if there is none."""
    return _level(GATES, level)


def simplify_gates(netlist: GateNetlist, level: int = 2) -> GateNetlist:
    """The netlist after -O `level`, verified after every pass."""
    return run_passes(netlist, gate_pipeline(level), check=verify_gates)[0]


def _level(pipelines: Mapping[int, P], level: int) -> P:
    if level not in pipelines:
        raise NetlistError(
            f"optimisation level {level} is unknown; levels are {', '.join(map(str, pipelines))}"
        )
    return pipelines[level]


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
