"""Pipelines are data; the runner verifies after every pass, times it, and names one that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.gates import GateNetlist
from compiler.ir.kinds import expect, kind_of, verify
from compiler.ir.langevin import LangevinNetlist
from compiler.jit import GATE, interpreted_if_cheap
from compiler.passes.gates.local import (
    collapse_pairs,
    complement_drivers,
    fold_constants,
    hash_structurally,
    remove_buffers,
    sweep_dead,
)
from compiler.passes.gates.lut_simplify import clean_tables, fill_impossible
from compiler.passes.gates.merge_equal import merge_equal
from compiler.passes.gates.npn_library import OBJECTIVES
from compiler.passes.gates.resub_kernels import resubstitute_all
from compiler.passes.gates.resubstitute import resubstitute
from compiler.passes.gates.rewrite import check_objective, rewrite_cuts
from compiler.passes.gates.rewrite_kernels import rewrite_all
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


def _with(step: Callable[..., GateNetlist], **options: Any) -> GatePass:
    """The pass with these options, and a name that tells them."""

    def run(netlist: GateNetlist) -> GateNetlist:
        return step(netlist, **options)

    shown = ", ".join(f"{key}={value}" for key, value in options.items())
    run.__name__ = f"{step.__name__}({shown})"
    return run


_SIMPLIFY: tuple[GatePass, ...] = (fold_constants, remove_buffers, hash_structurally, sweep_dead)
_FINISH: tuple[GatePass, ...] = (complement_drivers, sweep_dead)
ROUNDS = 4


def _area(objective: str) -> tuple[GatePass, ...]:
    """Rewriting and resubstitution in turns; what saves nothing opens ways for the next round.

    Outputs may change for input patterns that the netlist's encoder cannot make.
    """
    steps: list[GatePass] = []
    for turn in range(ROUNDS):
        same: dict[str, Any] = {"objective": objective}
        steps += [
            _with(rewrite_cuts, **same, turn=turn),
            _with(resubstitute, **same, leaves=8 if turn % 2 else 10, impossible=True),
            _with(rewrite_cuts, **same, zero=True, turn=turn + 1),
        ]
    sweep = _with(merge_equal, impossible=True)
    return (*_SIMPLIFY, collapse_pairs, sweep, *steps, *_FINISH)


# by what is made small, then by level. Every root keeps its function; at level 2, of a netlist with
# an encoder, for the input patterns that the encoder can make
GATES: dict[str, dict[int, tuple[GatePass, ...]]] = {
    objective: {
        0: (),
        1: (*_SIMPLIFY, collapse_pairs, _with(rewrite_cuts, objective=objective, keep_depth=True), *_FINISH),
        2: _area(objective),
    }
    for objective in OBJECTIVES
}

# by the names of compiler.ir.kinds
PIPELINES: dict[str, Mapping[int, tuple[Callable[[Any], Any], ...]]] = {
    "langevin": LANGEVIN,
    "gates": GATES["gates"],
    # at level 2, of a netlist with an encoder, for the input patterns that the encoder can make
    "luts": {0: (), 1: (clean_tables,), 2: (fill_impossible, clean_tables)},
    "tiles": {0: (), 1: (), 2: ()},  # every weight has its devices
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


def gate_pipeline(level: int, objective: str = "gates") -> tuple[GatePass, ...]:
    """The passes of -O `level` for circuits; NetlistError lists the levels if there is none.

    objective : "gates", any two-input gate counts one, or "ands", the nodes of an and-inverter
        graph: xor-gates come out as three and-gates
    """
    check_objective(objective)
    return _level(GATES[objective], level)


def simplify(netlist: Any, level: int = 2, *, objective: str = "gates", impossible: bool = True) -> Any:
    """The netlist after -O `level`, verified after every pass. Exact: what is read stays.

    Levels: 0 nothing; of a circuit 1 without making any gate later, 2 as few gates as possible; of
        a Langevin netlist 1 without couplings of weight 0, 2 without what drives nothing; of a circuit of
        tables 1 without tables and inputs that are not needed, 2 also where that changes outputs for
        patterns that the encoder cannot make; of a network on tiles nothing
    objective : of circuits, see gate_pipeline
    impossible : of circuits, whether outputs may change for input patterns that the encoder cannot
        make (level 2); to prove equality, give the encoder to compiler.equivalence.check_equal

    Raises UnsupportedError for circuits of cells, and for what is no netlist.
    """
    expect(netlist, tuple(PIPELINES), "simplify", "simplify the gates before they are mapped")
    if isinstance(netlist, GateNetlist):
        steps = gate_pipeline(level, objective)
        with interpreted_if_cheap(GATE * netlist.n_gates, rewrite_all, resubstitute_all):
            if impossible or netlist.encoder is None:
                return run_passes(netlist, steps)[0]
            bare = run_passes(replace(netlist, encoder=None), steps)[0]
            return replace(bare, encoder=netlist.encoder)
    if objective != "gates" or not impossible:
        raise UnsupportedError(
            f"objective and impossible are for circuits of gates; {kind_of(netlist).what} takes a level only"
        )
    return run_passes(netlist, _level(PIPELINES[kind_of(netlist).name], level))[0]


def _level(pipelines: Mapping[int, P], level: int) -> P:
    if level not in pipelines:
        raise NetlistError(
            f"optimisation level {level} is unknown; levels are {', '.join(map(str, pipelines))}"
        )
    return pipelines[level]


def run_passes(netlist: N, passes: Sequence[Callable[[N], N]]) -> tuple[N, tuple[PassRecord, ...]]:
    """Apply the passes in order, verifying the netlist before the first and after each;
    (netlist, records).

    Raises NetlistError for a bad netlist, PassError naming the pass that broke it.
    """
    verify(netlist)
    records = []
    for step in passes:
        name = getattr(step, "__name__", repr(step))
        start = time.perf_counter()
        netlist = step(netlist)
        records.append(PassRecord(name, time.perf_counter() - start))
        try:
            verify(netlist)
        except NetlistError as error:
            raise PassError(f"pass {name} broke the netlist: {error}") from error
    return netlist, tuple(records)
