"""What passes did to bring a netlist to its hardware: chains, signs, wells, units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.numbers import real


@dataclass(frozen=True, slots=True, eq=False)
class Logical:
    """The Ising model that hardware's cells stand for, in its own unit of energy.

    h : (n,) float64; J : (m,) float64 of the pairs row < col, (m,) int32, ascending
    """

    h: np.ndarray
    row: np.ndarray
    col: np.ndarray
    J: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """topology : name of the wiring; nodes : (n_cells,) int32, the node of each cell."""

    topology: str
    nodes: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The cells that each spin became.

    chain i is cells[indptr[i] : indptr[i + 1]]; indptr : (n_spins + 1,) int64, cells : int32
    strength : coupling within a chain, in the model's unit of energy
    """

    indptr: np.ndarray
    cells: np.ndarray
    strength: float

    @property
    def n_spins(self) -> int:
        return self.indptr.size - 1

    @property
    def lengths(self) -> np.ndarray:
        """(n_spins,) cells of each chain."""
        return np.diff(self.indptr)

    @property
    def chains(self) -> list[np.ndarray]:
        """The cells of each spin."""
        return np.split(self.cells, self.indptr[1:-1])


@dataclass(frozen=True, slots=True, eq=False)
class Wells:
    """Bistable cells in place of p-bits (compiler.passes.spins.double_well).

    barrier, kT : of a well and of the run it was made for, in the model's unit; barrier_kT : their ratio
    flip_rate, flip_rate_exact : escapes a unit of time by Kramers' law, and exactly
    sweep : time that stands for one sweep; compensated : whether the finite barrier was allowed for
    """

    barrier: float
    barrier_kT: float
    kT: float
    flip_rate: float
    flip_rate_exact: float
    sweep: float
    compensated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """What passes did to bring a netlist to its hardware; None and 1 where they did nothing.

    logical : the model behind the cells; placement, embedded, wells : see there
    gauge : (n_cells,) int8 of +-1, product of all signs applied
    energy_scale, length_scale : size of the model's unit in the netlist's: an energy of the model
        times energy_scale is the netlist's. What users give and what results tell is the model's
    """

    logical: Logical | None = None
    placement: Placement | None = None
    embedded: Embedded | None = None
    gauge: np.ndarray | None = None
    wells: Wells | None = None
    energy_scale: float = 1.0
    length_scale: float = 1.0

    def with_(self, **changes: Any) -> Lowered:
        """A copy with these fields replaced."""
        return replace(self, **changes)


def check_lowered(lowered: Lowered, n_cells: int, what: str = "lowered") -> None:
    """Raise NetlistError for the first rule that notes on a netlist of n_cells cells break."""

    def fail(rule: str) -> NoReturn:
        raise NetlistError(f"{what}: {rule}")

    for name in ("energy_scale", "length_scale"):
        value = getattr(lowered, name)
        if not (real(value) and np.isfinite(value) and value > 0):
            fail(f"{name} must be a finite number above 0, got {value!r}")
    if (gauge := lowered.gauge) is not None:
        fits = gauge.dtype == np.int8 and gauge.shape == (n_cells,)
        if not (fits and (np.abs(gauge) == 1).all()):
            fail(f"gauge must be {n_cells} int8 values of +1 or -1, one a cell")
    if (placement := lowered.placement) is not None:
        nodes = placement.nodes
        if nodes.dtype != np.int32 or nodes.shape != (n_cells,):
            fail(f"placement must give each of the {n_cells} cells a node (int32)")
        if n_cells and (nodes.min() < 0 or np.unique(nodes).size < n_cells):
            fail(f"placement does not give each of the {n_cells} cells a node of its own")
    spins = n_cells
    if (embedded := lowered.embedded) is not None:
        ends, cells = embedded.indptr, embedded.cells
        spins = ends.size - 1
        if ends.dtype != np.int64 or cells.dtype != np.int32 or ends.ndim != 1 or not ends.size:
            fail("chains need indptr (int64) and cells (int32)")
        if ends[0] != 0 or ends[-1] != cells.size or (np.diff(ends) < 1).any():
            fail("chains must have a cell each, and indptr must rise from 0 to the number of cells")
        if not np.array_equal(np.sort(cells), np.arange(n_cells)):
            fail(f"chains must hold each of the {n_cells} cells once")
        if not (real(embedded.strength) and np.isfinite(embedded.strength)):
            fail(f"the chain strength must be a finite number, got {embedded.strength!r}")
        if lowered.logical is None:
            fail("chains stand for a model, which is missing: give logical")
    if (model := lowered.logical) is not None:
        if model.h.shape != (spins,) or model.h.dtype != np.float64 or not np.isfinite(model.h).all():
            fail(f"the logical model's h must be {spins} finite float64 values, one a spin")
        row, col, J = model.row, model.col, model.J
        if not (
            row.dtype == col.dtype == np.int32 and J.dtype == np.float64 and row.shape == col.shape == J.shape
        ):
            fail("the logical model's row and col must be int32 and J float64, one of each a coupling")
        if row.size and (row.min() < 0 or col.max() >= spins or (row >= col).any()):
            fail("the logical model's couplings must be of pairs row < col of its spins")
        if not np.isfinite(J).all():
            fail("the logical model has a coupling that is not finite")
    if (wells := lowered.wells) is not None:
        for name in ("barrier", "barrier_kT", "kT", "flip_rate", "flip_rate_exact", "sweep"):
            if not (real(getattr(wells, name)) and getattr(wells, name) > 0):
                fail(f"wells: {name} must be above 0, got {getattr(wells, name)!r}")


NOTHING_DONE = Lowered()
