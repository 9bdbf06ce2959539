"""LangevinNetlist: one stochastic differential equation held as columns.

Overdamped cell i obeys (docs/physics.md#dynamics)

    dx_i = mobility f_i dt + sqrt(2 mobility kT) dW_i
    f_i  = -U_i'(x_i) + sum over couplings of the force from cell j
    U_i  = J2_i x^2 + J3_i x^3 + J4_i x^4 - h_i x     (an angle: J2_i sin^2 x - h_i cos x)

Couplings are directed and stored in the *force* convention: `linear` weight W_ij is the force on
cell i per unit of phi(x_j). Whitelam's J is -W; Ising's J is W.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.lowered import NOTHING_DONE, Lowered
from compiler.ir.problem import Problem


class Activation(IntEnum):
    """What a cell shows to the others: phi(x)."""

    IDENTITY = 0
    CLIP = 1  # clip(x, 0, 1), the hard sigmoid of equilibrium propagation
    SIGMOID = 2
    TANH = 3
    RELU = 4
    COSINE = 5  # the spin of a phase cell


class Order(IntEnum):
    OVERDAMPED = 0
    UNDERDAMPED = 1


class CellKind(IntEnum):
    CONTINUOUS = 0
    PHASE = 1  # an angle, taken modulo 2 pi when read
    PBIT = 2  # a binary state +-1 with Glauber rates


class Role(IntEnum):
    DYNAMIC = 0
    INPUT = 1  # frozen: its state is what the encoder makes of the data
    OUTPUT = 2  # dynamic, and read out


class CouplingKind(IntEnum):
    """Force on cell i from cell j, per group."""

    LINEAR = 0  # W_ij phi_j(x_j)
    GRADIENT = 1  # phi_i'(x_i) W_ij phi_j(x_j)
    RESISTIVE = 2  # g_ij (x_j - x_i)
    SINE = 3  # W_ij sin(x_j - x_i)


def _column(value: Any, n: int, dtype: Any) -> np.ndarray:
    """`value` (a scalar, or n values) as a read-only column of n values."""
    array = np.array(np.broadcast_to(np.asarray(value, dtype=dtype), (n,)))
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells, as columns of equal length n.

    j2, j3, j4, h : (n,) float64, self-energy J2 x^2 + J3 x^3 + J4 x^4 - h x; of a phase cell
        J2 sin^2 x - h cos x, with J3 = J4 = 0
    lo, hi : (n,) float64, interval the state is kept in (infinite where there is none)
    mass, friction : (n,) float64, used by underdamped cells only
    x0 : (n,) float64, state at the start of a run
    activation, order, kind, role : (n,) int8, codes of the enumerations above
    identity : (n,) int32 or None, the number that each cell was lowered with, where passes have
        renumbered cells: a device's imperfections are drawn for it. None: its place here
    """

    j2: np.ndarray
    j3: np.ndarray
    j4: np.ndarray
    h: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    mass: np.ndarray
    friction: np.ndarray
    x0: np.ndarray
    activation: np.ndarray
    order: np.ndarray
    kind: np.ndarray
    role: np.ndarray
    identity: np.ndarray | None = None

    @staticmethod
    def make(
        n: int,
        *,
        j2: Any = 0.0,
        j3: Any = 0.0,
        j4: Any = 0.0,
        h: Any = 0.0,
        lo: Any = -np.inf,
        hi: Any = np.inf,
        mass: Any = 1.0,
        friction: Any = 1.0,
        x0: Any = 0.0,
        activation: Any = Activation.IDENTITY,
        order: Any = Order.OVERDAMPED,
        kind: Any = CellKind.CONTINUOUS,
        role: Any = Role.DYNAMIC,
        identity: Any = None,
    ) -> Cells:
        """n cells from columns or scalars, scalars being repeated."""
        real = (j2, j3, j4, h, lo, hi, mass, friction, x0)
        code = (activation, order, kind, role)
        cells = Cells(*(_column(v, n, np.float64) for v in real), *(_column(v, n, np.int8) for v in code))
        return cells if identity is None else replace(cells, identity=_column(identity, n, np.int32))

    def columns(self) -> dict[str, np.ndarray]:
        """Columns by name, `identity` only where there is one."""
        every = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: column for name, column in every.items() if column is not None}

    def __post_init__(self) -> None:
        n = self.j2.shape[0] if self.j2.ndim == 1 else -1
        for name, column in self.columns().items():
            if column.shape != (n,):
                raise NetlistError(
                    f"cell column {name} has shape {column.shape}; every column must be one "
                    f"value a cell, as j2 with shape {self.j2.shape}"
                )

    def __len__(self) -> int:
        return self.j2.shape[0]

    def __repr__(self) -> str:
        return f"Cells({len(self):,}, {int(self.frozen.sum()):,} of them inputs)"

    @property
    def known_as(self) -> np.ndarray:
        """(n,) the number that a device knows each cell by."""
        return np.arange(len(self)) if self.identity is None else self.identity

    @property
    def frozen(self) -> np.ndarray:
        """(n,) bool: cells whose state the data set, not the dynamics."""
        return self.role == Role.INPUT


@dataclass(frozen=True, slots=True, eq=False)
class Couplings:
    """One kind of directed couplings among n cells, as a CSR matrix whose row is the driven cell.

    indptr : (n + 1,) int64; indices : (nnz,) int32, the driving cell, ascending in each row
    weight : (nnz,) float32 or float64 in the force convention; with `tie`, (n_parameters,)
    tie : (nnz,) int32 or None; coupling k has the value weight[tie[k]] (shared parameters)
    """

    kind: CouplingKind
    indptr: np.ndarray
    indices: np.ndarray
    weight: np.ndarray
    tie: np.ndarray | None = None

    @staticmethod
    def from_coo(
        kind: CouplingKind, n: int, row: Any, col: Any, weight: Any, *, tie: Any = None
    ) -> Couplings:
        """Couplings from driven cells `row`, driving cells `col` and their weights, in any order.

        Raises NetlistError if a coupling is given twice or names a cell that does not exist.
        """
        row = np.asarray(row, dtype=np.int64)
        col = np.asarray(col, dtype=np.int64)
        weight = np.asarray(weight)
        if weight.dtype != np.float32:
            weight = weight.astype(np.float64)
        if row.size:
            bad = (row < 0) | (row >= n) | (col < 0) | (col >= n)
            if bad.any():
                k = int(np.argmax(bad))
                raise NetlistError(
                    f"coupling ({row[k]}, {col[k]}) names a cell that does not exist; cells are 0 to {n - 1}"
                )
        order = np.argsort(row * n + col, kind="stable")
        row, col = row[order], col[order]
        if row.size > 1:
            twice = (row[1:] == row[:-1]) & (col[1:] == col[:-1])
            if twice.any():
                k = int(np.argmax(twice))
                raise NetlistError(f"coupling ({row[k]}, {col[k]}) is given twice; add the two weights up")
        indptr = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(row, minlength=n), out=indptr[1:])
        if tie is None:
            return Couplings(kind, indptr, col.astype(np.int32), weight[order])
        ties = np.asarray(tie, dtype=np.int32)[order]
        return Couplings(kind, indptr, col.astype(np.int32), weight, ties)

    @staticmethod
    def from_dense(kind: CouplingKind, matrix: np.ndarray) -> Couplings:
        """Couplings from an (n, n) matrix; zeros are no couplings."""
        row, col = np.nonzero(matrix)
        return Couplings.from_coo(kind, matrix.shape[0], row, col, matrix[row, col])

    def __post_init__(self) -> None:
        for name in ("indptr", "indices", "weight", "tie"):
            column = getattr(self, name)
            if column is not None and column.ndim != 1:
                raise NetlistError(
                    f"{self.kind.name.lower()} couplings: {name} must have one dimension, "
                    f"got shape {column.shape}"
                )
        k = self.indices.shape[0] if self.tie is None else self.tie.shape[0]
        if self.indices.shape[0] != k or (self.tie is None and self.weight.shape[0] != k):
            raise NetlistError(
                f"{self.kind.name.lower()} couplings: {self.indices.shape[0]} indices, "
                f"{self.weight.shape[0]} weights"
                + ("" if self.tie is None else f" and {k} ties")
                + " do not match"
            )

    def __len__(self) -> int:
        return self.indices.shape[0]

    def __repr__(self) -> str:
        tied = "" if self.tie is None else f", {self.weight.size:,} parameters"
        return f"Couplings({len(self):,} {self.kind.name.lower()} among {self.indptr.size - 1:,} cells{tied})"

    def plain(self) -> Couplings:
        """The same couplings with columns that can be replaced."""
        return self

    @property
    def values(self) -> np.ndarray:
        """(nnz,) the value of each coupling, ties resolved."""
        return self.weight if self.tie is None else self.weight[self.tie]

    @property
    def rows(self) -> np.ndarray:
        """(nnz,) the driven cell of each coupling."""
        return np.repeat(np.arange(self.indptr.size - 1), np.diff(self.indptr))


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of the schedule.

    duration : time units, > 0
    input_scale : factor on what the inputs bring to each sum (1 on, 0 off); the state at the far end
        of a resistor
    coupling_scale : (start, end) factor on all couplings, ramped linearly
    kT : (start, end) ramped linearly, or None for the netlist's own
    stiffness : kappa >= 0; adds a well kappa x^2 / 2 to every dynamic cell (a reset); to a phase
        cell kappa (1 - cos x)
    nudge : strength beta of a nudge of the output cells: adds beta times the cost of what they
        show, given targets at run time (docs/ir.md#nudge)
    clamped : names of cell groups held at their present state
    """

    name: str
    duration: float
    input_scale: float = 1.0
    coupling_scale: tuple[float, float] = (1.0, 1.0)
    kT: tuple[float, float] | None = None
    stiffness: float = 0.0
    nudge: float = 0.0
    clamped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """How data become the states of the input cells: u = (data - shift) * scale.

    shift, scale : (1,) or (n_inputs,) float64; data in the data set's units (pixels in [0, 1])
    """

    shift: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class ReadOut:
    """What is measured, when, and what it means.

    cells : (n_read,) int32, in the order of the answer
    window : time over which states are averaged, ending with the read-out phase; 0 = one instant
    phase : name of the phase at whose end the read-out happens
    shown : read phi(x) instead of x
    decision : "argmax" (class labels[k]) or "value" (a number)
    scale, offset : (n_answers, n_read) and (n_answers,) or None; answer = scale @ state + offset
    labels : class names for "argmax"
    """

    cells: np.ndarray
    phase: str
    window: float = 0.0
    shown: bool = False
    decision: str = "argmax"
    scale: np.ndarray | None = None
    offset: np.ndarray | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A named run of consecutive cells [start, stop)."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class LangevinNetlist:
    """A netlist for simulated Langevin hardware. See the module's text for the equation.

    mobility : mu > 0, one value for all cells, unless `noise` is given
    noise : (n, n) float64 symmetric positive semi-definite D, or None: the noise has covariance
        2 kT D dt instead of 2 kT mobility dt (general Ornstein-Uhlenbeck, RLC cells)
    dt : time step that the netlist was made for, a default for the simulator
    meta : JSON-able facts for people and reports (where it came from, data set, accuracy); no number
        and no decision depends on them
    problem : what the spins of an Ising model mean, or None
    lowered : what passes did to bring it to hardware: chains, signs, wells and the unit of energy
    """

    cells: Cells
    couplings: tuple[Couplings, ...]
    kT: float
    mobility: float
    schedule: tuple[Phase, ...]
    groups: tuple[Group, ...] = ()
    readout: ReadOut | None = None
    encoder: Encoder | None = None
    noise: np.ndarray | None = None
    dt: float = 1e-3
    meta: Mapping[str, Any] = field(default_factory=Facts)
    problem: Problem | None = None
    lowered: Lowered = NOTHING_DONE

    _repr_html_ = fields_html

    def __post_init__(self) -> None:
        freeze_meta(self)

    @property
    def n_cells(self) -> int:
        return len(self.cells)

    @property
    def n_couplings(self) -> int:
        return sum(len(c) for c in self.couplings)

    @property
    def inputs(self) -> np.ndarray:
        """(n_inputs,) ids of the input cells, in order."""
        return np.flatnonzero(self.cells.role == Role.INPUT)

    @property
    def outputs(self) -> np.ndarray:
        """(n_outputs,) ids of the output cells, in order."""
        return np.flatnonzero(self.cells.role == Role.OUTPUT)

    def __repr__(self) -> str:
        source = self.meta.get("source")
        return f"LangevinNetlist({self.n_cells:,} cells, {self.n_couplings:,} couplings, kT {self.kT:g}" + (
            f', "{source}")' if source else ")"
        )

    def group(self, name: str) -> Group:
        """The group of that name; NetlistError lists the choices if there is none."""
        for g in self.groups:
            if g.name == name:
                return g
        raise NetlistError(
            f"no cell group {name!r}; groups are {', '.join(g.name for g in self.groups) or 'none'}"
        )

    def with_(self, **changes: Any) -> LangevinNetlist:
        """A copy with these fields replaced."""
        return replace(self, **changes)
