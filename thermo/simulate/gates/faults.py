"""What goes wrong in a circuit: gates that are stuck, gates that flip now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.circuits.evaluate import FORMS
from compiler.errors import UnsupportedError
from compiler.ir.gates import READS_A, READS_B, GateNetlist
from thermo.kernels.gates.faults import STREAM_STUCK, flip_law
from thermo.kernels.gates.plan import assign_rows, mark_live
from thermo.kernels.gates.program import ROWS
from thermo.kernels.gates.vector import GROUP, ROWS_MOST
from thermo.kernels.random import threefry4x32_numpy
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates.program import FIRST_INPUT, counters, input_rows


@dataclass(frozen=True, slots=True)
class Faults:
    """Errors of a circuit's gates.

    flip : probability that a gate's output is inverted, for every gate and sample independently
    stuck_at : share of gates that show 0 or 1 (either equally likely) whatever they read, each gate
        drawn by itself; or pairs (net, value) for gates and inputs that are stuck. A gate that is
        stuck does not flip.
    """

    flip: float = 0.0
    stuck_at: float | Sequence[tuple[int, int]] = 0.0

    def __post_init__(self) -> None:
        _share("flip", self.flip)
        if isinstance(self.stuck_at, int | float | np.number):
            _share("stuck_at", float(self.stuck_at))

    def stuck_values(self, netlist: GateNetlist, seed: int) -> np.ndarray:
        """(n_nets,) int8: the value each net is stuck at, -1 where it works.

        For one seed the stuck gates of a small share are among those of a larger one.
        Raises SimulationError for a pair that is not a net and 0 or 1, or contradicts another.
        """
        values = np.full(netlist.n_nets, -1, np.int8)
        if isinstance(self.stuck_at, int | float | np.number):
            if self.stuck_at:
                gates = np.arange(netlist.n_gates)
                none = np.zeros(gates.size, np.int64)
                key = (seed & 0xFFFFFFFF, seed >> 32, STREAM_STUCK, 0)
                u, value, _, _ = threefry4x32_numpy(key, (gates, none, none, none))
                stuck = u < float(self.stuck_at) * 2.0**32
                values[netlist.n_inputs :][stuck] = (value[stuck] & np.uint64(1)).astype(np.int8)
            return values
        for pair in self.stuck_at:
            try:
                net, at = (int(v) for v in pair)
            except (TypeError, ValueError):
                raise SimulationError(
                    f"stuck_at holds {pair!r}; give a share from 0 to 1 or pairs (net, value)"
                ) from None
            if not 0 <= net < netlist.n_nets:
                raise SimulationError(
                    f"stuck_at names net {net}; the circuit has nets 0 to {netlist.n_nets - 1}"
                )
            if at not in (0, 1):
                raise SimulationError(f"net {net} cannot be stuck at {at}; only at 0 or 1")
            if values[net] not in (-1, at):
                raise SimulationError(f"stuck_at has net {net} at 0 and at 1; keep one")
            values[net] = at
        return values


def _share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise SimulationError(f"{name} must be from 0 to 1, got {value!r}")


@dataclass(frozen=True, slots=True, eq=False)
class FaultyProgram:
    """A circuit evaluated gate by gate, as written, with its errors; see run_faulty_samples.

    Every gate is a gate here, buffers and constants too. Fields with the names of GateProgram's
    mean the same.
    """

    netlist: GateNetlist
    forms: np.ndarray
    op: np.ndarray
    x: np.ndarray
    y: np.ndarray
    out: np.ndarray
    gates: np.ndarray
    stuck: np.ndarray
    stuck_inputs: np.ndarray
    mode: int
    table: np.ndarray
    steps: np.ndarray
    nets: np.ndarray
    n_rows: int
    first_plane: np.ndarray
    n_bits: np.ndarray
    n_planes: int
    output_rows: np.ndarray
    gate_row: np.ndarray


def prepare_faulty(
    netlist: GateNetlist, faults: Faults, seed: int, *, every_gate: bool = False
) -> FaultyProgram:
    """The program of a netlist with its errors drawn. Raises SimulationError as stuck_values."""
    n, n_nets, roots = netlist.n_inputs, netlist.n_nets, netlist.roots
    driven = np.arange(n, n_nets)
    # an operand that is not read is taken from the other one, or from the gate's own old row
    a = np.where(READS_A[netlist.op], netlist.a, netlist.b)
    b = np.where(READS_B[netlist.op], netlist.b, netlist.a)
    a, b = (np.where(v < 0, driven, v).astype(np.int64) for v in (a, b))
    live = np.full(n_nets, every_gate)
    live[roots] = True
    mark_live(np.ones(netlist.n_gates, np.int64), a, b, n, live)
    run = np.flatnonzero(live[n:])
    reads = [np.where(v[run] < driven[run], v[run], -1) for v in (a, b)]
    readers = np.zeros(n_nets, np.int64)
    for operand in reads:
        readers += np.bincount(operand[operand >= 0], minlength=n_nets)
    kept = np.zeros(n_nets, dtype=bool)
    kept[roots] = True
    row = np.full(n_nets, -1)
    row[:n] = FIRST_INPUT + np.arange(n)
    first = FIRST_INPUT + input_rows(netlist)
    n_rows = assign_rows(*reads, n + run, readers, kept, row, first, not every_gate)
    if n_rows > ROWS_MOST:
        raise UnsupportedError(
            f"the circuit needs {n_rows} rows at a time, at most {ROWS_MOST} can be numbered: cut "
            "it into circuits of fewer gates"
        )
    values = faults.stuck_values(netlist, seed)
    mode, table = flip_law(faults.flip)
    first_plane, n_bits, n_planes = counters(netlist)
    steps, lists, used = [], [np.zeros(0, np.uint32)], 0
    if netlist.class_sums is not None:
        sums = netlist.class_sums
        planes = np.append(first_plane, n_planes)[1:] - first_plane
        for c in range(sums.n_classes):
            nets = sums.nets[sums.indptr[c] : sums.indptr[c + 1]]
            padded = np.zeros(-(-nets.size // GROUP) * GROUP, np.uint32)
            padded[: nets.size] = row[nets]
            lists.append(padded)
            steps.append((ROWS, used, used + padded.size, first_plane[c], planes[c]))
            used += padded.size
    return FaultyProgram(
        netlist=netlist,
        forms=FORMS,
        op=netlist.op[run],
        x=row[a[run]],
        y=row[b[run]],
        out=row[n + run],
        gates=run.astype(np.uint32),
        stuck=values[n + run],
        stuck_inputs=values[:n],
        mode=mode,
        table=table,
        steps=np.array(steps, dtype=np.int64).reshape(-1, 5),
        nets=np.concatenate(lists),
        n_rows=n_rows,
        first_plane=first_plane,
        n_bits=n_bits,
        n_planes=n_planes,
        output_rows=row[netlist.outputs].astype(np.int64),
        gate_row=row[n:] if every_gate else np.full(netlist.n_gates, -1),
    )
