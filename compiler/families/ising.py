"""IsingModel: fields and pair couplings of +-1 spins, which p-bits sample and anneal.

    E(s) = offset - (sum_i h_i s_i + sum_(i<j) J_ij s_i s_j),   P(s) ~ exp(-E / kT)

The signs of Ising's energy and of thrml; those of dimod and of QUBO files are the opposite, and
their front ends convert, once. A binary variable is x = (1 + s) / 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.families.registry import Family, common_fields
from compiler.families.turning import freezing
from compiler.html import fields_html
from compiler.ir.complete import LEAST, AllToAll
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.goals import Boltzmann, Circuit, Formula, Goal, Grid, Ising
from compiler.ir.langevin import (
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
)
from compiler.ir.problem import PLAIN, Problem, check_problem
from compiler.ir.problem_parts import problem_of, problem_parts
from compiler.ir.version1 import grid_of_facts, problem_of_facts

_BLOCK = 1 << 22  # values handled at a time


@dataclass(frozen=True, slots=True, eq=False)
class IsingModel:
    """Spins with fields h and couplings J, each pair once.

    h : (n,) float64; J : (m,) float64, of the pairs (row, col)
    row, col : (m,) int32, row < col, ascending in (row, col), no pair twice
    kT > 0 : temperature in the units of h and J
    problem : what the spins mean: variables and their names, the offset of the energy, the goal
    labels : class names of visible units, for the tools that store models; usually empty

    Raises NetlistError naming the first spin or coupling that breaks a rule.
    """

    h: np.ndarray
    row: np.ndarray
    col: np.ndarray
    J: np.ndarray
    kT: float = 1.0
    problem: Problem = PLAIN
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    @property
    def n(self) -> int:
        return self.h.shape[0]

    @property
    def offset(self) -> float:
        """Energy added to every state."""
        return self.problem.offset

    @property
    def vartype(self) -> str:
        """What users call the variables: "spin" (+-1) or "binary" (0 and 1)."""
        return self.problem.vartype

    @property
    def names(self) -> tuple[str, ...]:
        """What the spins are called, one each, or empty: their numbers."""
        return self.problem.spin_names(self.n)

    @property
    def n_visible(self) -> int:
        """How many of the first spins are seen; all of what is no Boltzmann machine."""
        goal = self.problem.goal
        if not isinstance(goal, Boltzmann):
            return self.n
        return int((self.problem.places(self.n)[: goal.visible] >= 0).sum())

    @property
    def grid(self) -> Grid | None:
        """Where the spins lie, if they were trained on a grid."""
        goal = self.problem.goal
        if not isinstance(goal, Boltzmann) or goal.grid is None:
            return None
        return Grid(goal.grid.place[self.problem.places(self.n) >= 0], goal.grid.shape)

    @property
    def n_couplings(self) -> int:
        return self.J.shape[0]

    def name(self, spin: int) -> str:
        """What messages call a spin."""
        names = self.names
        return repr(names[spin]) if names else str(spin)

    def degree(self) -> np.ndarray:
        """(n,) int64 couplings of each spin."""
        return np.bincount(self.row, minlength=self.n) + np.bincount(self.col, minlength=self.n)

    def energy(self, states: Any) -> np.ndarray:
        """(...,) float64 energies of states (..., n) of +-1."""
        from scipy import sparse

        states = np.asarray(states)
        if states.ndim == 0 or states.shape[-1] != self.n:
            raise NetlistError(
                f"Ising model: states must have {self.n} spins in their last axis, got shape {states.shape}"
            )
        flat = states.reshape(-1, self.n)
        pairs = sparse.csr_array((self.J, (self.row, self.col)), shape=(self.n, self.n))
        out = np.empty(flat.shape[0])
        step = max(1, _BLOCK // self.n)
        for start in range(0, flat.shape[0], step):
            s = flat[start : start + step].astype(np.float64)
            out[start : start + step] = self.offset - s @ self.h - ((s @ pairs) * s).sum(axis=1)
        return out.reshape(states.shape[:-1])

    def __repr__(self) -> str:
        return f"IsingModel({self.n:,} spins, {self.n_couplings:,} couplings, {self.problem.goal.kind})"

    def __post_init__(self) -> None:
        freeze_meta(self)
        n = self.h.shape[0] if self.h.ndim == 1 else -1
        if n < 1:
            raise NetlistError(
                f"Ising model: h has shape {self.h.shape}; give one field a spin, at least one spin"
            )
        check_problem(self.problem, n, "Ising model")
        for name, kind in (("row", np.integer), ("col", np.integer), ("J", np.floating)):
            column = getattr(self, name)
            if column.shape != self.row.shape or column.ndim != 1:
                raise NetlistError(
                    f"Ising model: {name} has shape {column.shape} and row {self.row.shape}; both "
                    "must be one value a coupling"
                )
            if not np.issubdtype(column.dtype, kind):
                raise NetlistError(
                    f"Ising model: {name} must be an array of {kind.__name__} numbers, got {column.dtype}"
                )
        if (bad := ~np.isfinite(self.h)).any():
            i = int(np.argmax(bad))
            raise NetlistError(
                f"Ising model: spin {self.name(i)} has the field {self.h[i]}; it must be finite"
            )
        self._check_pairs(n)
        if not np.isfinite(self.kT):
            raise NetlistError(f"Ising model: kT is {self.kT}; it must be a finite number")
        if self.kT <= 0:
            raise NetlistError(f"Ising model: kT is {self.kT:g}; a temperature must be above 0")

    def _check_pairs(self, n: int) -> None:
        row, col = self.row, self.col

        def pair(k: int) -> str:
            ends = [self.name(int(i)) if 0 <= i < n else str(i) for i in (row[k], col[k])]
            return f"({ends[0]}, {ends[1]})"

        if (bad := (row < 0) | (row >= n) | (col < 0) | (col >= n)).any():
            raise NetlistError(
                f"Ising model: coupling {pair(int(np.argmax(bad)))} names a spin that does not "
                f"exist; spins are 0 to {n - 1}"
            )
        if (bad := ~np.isfinite(self.J)).any():
            k = int(np.argmax(bad))
            raise NetlistError(
                f"Ising model: coupling {pair(k)} has the weight {self.J[k]}; it must be finite"
            )
        if (bad := row == col).any():
            i = int(row[np.argmax(bad)])
            raise NetlistError(
                f"Ising model: spin {self.name(i)} couples to itself; s^2 is 1, add such a term to the offset"
            )
        back = (row[1:] < row[:-1]) | ((row[1:] == row[:-1]) & (col[1:] <= col[:-1]))
        if (row > col).any() or back.any():
            key = row.astype(np.int64) * n + col
            bad = row > col
            bad[1:] |= back
            k = int(np.argmax(bad))
            rule = "is given twice" if k and key[k] == key[k - 1] else "is out of order"
            raise NetlistError(f"Ising model: coupling {pair(k)} {rule}; build the model with from_edges")


def from_edges(
    h: Any,
    row: Any,
    col: Any,
    J: Any,
    *,
    goal: Goal = Ising(),  # noqa: B008 - frozen
    offset: float = 0.0,
    vartype: str = "spin",
    names: tuple[str, ...] = (),
    **facts: Any,
) -> IsingModel:
    """A model from couplings in any order and direction; those of one pair are added up.

    h : (n,) fields; row, col, J : (m,); goal, offset, vartype, names : of its problem
    facts : the other fields of IsingModel (problem : in place of its parts)
    Raises NetlistError for a self-coupling, an unknown spin or a number that is not finite.
    """
    h = np.array(h, dtype=np.float64)
    a, b, J = np.asarray(row, np.int64), np.asarray(col, np.int64), np.array(J, np.float64)
    n = h.shape[0] if h.ndim == 1 else -1
    sound = a.ndim == 1 and a.shape == b.shape == J.shape and n > 0
    if sound and a.size and min(a.min(), b.min()) >= 0 and max(a.max(), b.max()) < n:
        if (a > b).any():
            a, b = np.minimum(a, b), np.maximum(a, b)
        if not _ascending(a, b):
            key = a * n + b
            key, place = np.unique(key, return_inverse=True)
            a, b = key // n, key % n
            J = np.bincount(place, weights=J, minlength=key.size) if J.size else J
    facts.setdefault("problem", Problem(goal, offset, vartype, names))
    return IsingModel(h=h, row=_int32(a), col=_int32(b), J=J, **facts)


def _ascending(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether pairs (a, b) come in their order, each once; in parts, which take no memory to speak of."""
    for k in range(0, a.size, _BLOCK):
        c, d = a[k : k + _BLOCK + 1], b[k : k + _BLOCK + 1]
        if not ((c[1:] > c[:-1]) | ((c[1:] == c[:-1]) & (d[1:] > d[:-1]))).all():
            return False
    return True


def _int32(values: np.ndarray) -> np.ndarray:
    """As int32; numbers that do not fit become -1, which no spin has."""
    if values.size and values.min() >= -(1 << 31) and values.max() < 1 << 31:
        return values.astype(np.int32)
    return np.where(np.abs(values) < 1 << 31, values, -1).astype(np.int32)


ARRAYS = ("h", "row", "col", "J")


def parts(model: IsingModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    arrays = {name: getattr(model, name) for name in ARRAYS}
    problem, columns = problem_parts(model.problem)
    return {"kT": float(model.kT), "problem": problem}, arrays | columns


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> IsingModel:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    common = common_fields(document)
    if int(document["version"]) == 1:  # the grid was in meta, a graph's edges were the couplings
        meta, n = dict(common["meta"]), arrays["h"].size
        grid = grid_of_facts(meta, n)
        if grid is not None:
            del meta["place"], meta["shape"]
        common["meta"] = meta
        problem = problem_of_facts(document, n, (arrays["row"], arrays["col"], arrays["J"]), grid)
    else:
        problem = problem_of(document["problem"], arrays)
    return IsingModel(**given, kT=document["kT"], problem=problem, **common)


def without_spins(
    h: np.ndarray, row: np.ndarray, col: np.ndarray, J: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(h, row, col, J) of the spins that stay when others are taken out at values (n,) of +-1, 0 staying."""
    held, n = values != 0, h.size
    if not held.any():
        return h, row, col, J
    h = h + np.bincount(row, weights=J * values[col], minlength=n)
    h += np.bincount(col, weights=J * values[row], minlength=n)
    keep, new = ~(held[row] | held[col]), (np.cumsum(~held) - 1).astype(np.int32)
    return h[~held], new[row[keep]], new[col[keep]], J[keep]


ANNEAL, BURN_IN, SAMPLE = 5000, 200, 1000  # default sweeps of the phases
SEARCH = 20000  # of circuits and formulas, which are small and hard
WIDE = 0.0099  # cold / hot below which a ramp is geometric; a hundredth, and rounding, is not
PIECES = 40  # of a geometric ramp: twenty decades
ROUNDS = 50  # of finding spins that cannot turn


def lower_ising(
    model: IsingModel,
    *,
    sweeps: int | None = None,
    kT: tuple[float, float] | None = None,
    sample: bool | None = None,
) -> LangevinNetlist:
    """p-bits whose stationary distribution is exp(-E / kT); one unit of time is one sweep.

    sweeps : how long to anneal (5000 by default, circuits and formulas 20000), or to sample after
        a burn-in of 200 (1000)
    kT : (hot, cold) ends of the annealing ramp, one phase; by default `anneal_range(model)`, in
        phases of half a decade where that is wide (`ramp_phases`)
    sample : at the model's own kT instead of annealing; None samples Boltzmann machines and
        anneals every other problem

    Raises UnsupportedError for sweeps < 1, a negative or rising kT, or a ramp where none is run.
    """
    goal = model.problem.goal
    if sample is None:
        sample = isinstance(goal, Boltzmann)
    if sweeps is None:
        search = isinstance(goal, Circuit | Formula)
        sweeps = SAMPLE if sample else SEARCH if search else ANNEAL
    if not (isinstance(sweeps, int) and sweeps >= 1):
        raise UnsupportedError(f"sweeps must be a whole number of at least 1, got {sweeps!r}")
    if sample:
        if kT is not None:
            raise UnsupportedError(
                "a sampling run has one temperature, the model's; an annealing ramp (hot, cold) "
                "needs sample=False"
            )
        schedule = [Phase("burn-in", float(BURN_IN)), Phase("sample", float(sweeps))]
    else:
        hot, cold = anneal_range(model) if kT is None else kT
        if not (math.isfinite(hot) and hot >= cold >= 0 and hot > 0):
            raise UnsupportedError(
                f"an annealing ramp needs temperatures hot >= cold >= 0 with hot > 0, got ({hot}, {cold})"
            )
        if kT is None:
            schedule = list(ramp_phases(sweeps, hot, cold))
        else:
            schedule = [Phase("anneal", float(sweeps), kT=(float(hot), float(cold)))]
    n = model.n
    couplings = both_ways(n, model.row, model.col, model.J)
    groups: tuple[Group, ...] = ()
    visible = model.n_visible
    if 0 < visible < n:
        groups = (Group("visible", 0, visible), Group("hidden", visible, n))
    return LangevinNetlist(
        cells=Cells.make(n, h=model.h, x0=1.0, kind=CellKind.PBIT),
        couplings=(couplings,) if len(couplings) else (),
        kT=float(model.kT),
        mobility=1.0,
        schedule=tuple(schedule),
        groups=groups,
        readout=ReadOut(cells=np.arange(n, dtype=np.int32), phase=schedule[-1].name, decision="value"),
        dt=1.0,
        problem=model.problem,
        meta={"source": "ising", **model.meta},
    )


def both_ways(n: int, row: np.ndarray, col: np.ndarray, J: np.ndarray) -> Couplings:
    """`linear` couplings of pairs row < col, ascending and each once, in both directions.

    Nothing is sorted: in row i come the pairs that end there, by their other end, then those that begin.
    """
    if n >= LEAST and J.size == n * (n - 1) // 2:
        return AllToAll(n, J)
    upper = np.bincount(row, minlength=n)
    lower = np.bincount(col, minlength=n)
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(upper + lower, out=indptr[1:])
    indices, weight = np.empty(2 * J.size, np.int32), np.empty(2 * J.size, np.float64)
    place = np.arange(J.size)
    first = np.cumsum(upper) - upper
    place += (indptr[:-1] + lower - first)[row]
    indices[place], weight[place] = col, J
    few = n <= 1 << 16
    by_end = np.argsort(col.astype(np.uint16) if few else col, kind="stable")  # few bits: by radix
    place = np.arange(J.size)
    first = np.cumsum(lower) - lower
    place += (indptr[:-1] - first)[col[by_end]]
    indices[place], weight[place] = row[by_end], J[by_end]
    return Couplings(CouplingKind.LINEAR, indptr, indices, weight)


def anneal_range(model: IsingModel) -> tuple[float, float]:
    """(hot, cold) temperatures of the default annealing ramp.

    A circuit and a formula without weights know what one wrong gate or clause costs, g, and are
    searched where such errors come and go: 0.45 g to 0.35 g and 0.3 g to 0.25 g. The best state on
    the way counts; colder runs were caught between half-solved states. Of all others:

    hot : 0.7 of the root mean square of sqrt(h_i^2 + sum_j J_ij^2), the typical force on a spin
        among random ones; or less, where a trial finds that spins begin to freeze below that
        (compiler.families.turning), as in graphs with triangles or with a few nodes of high degree
    cold : a fifth of the smallest coefficient's size, so that a move against it survives with
        probability exp(-10); but no less than a hundredth of hot, for real-valued couplings, or
        than a tenth of the weakest spin's force where that is smaller

    Spins that cannot turn are left out, and what couples to them acts as a field: those that a
    field holds for a clamp, and those whose field outweighs all their couplings.
    """
    goal = model.problem.goal
    if isinstance(goal, Circuit):
        return 0.45 * goal.gap, 0.35 * goal.gap
    if isinstance(goal, Formula) and goal.weights is None:
        return 0.3, 0.25
    largest = max(max(float(v.max(initial=0.0)), -float(v.min(initial=0.0))) for v in (model.h, model.J))
    if not largest:
        return model.kT, model.kT
    # squares must not leave the numbers there are; a power of two changes no digit
    unit = 1.0 if 2.0**-64 < largest < 2.0**64 else 2.0 ** (math.frexp(largest)[1] - 1)
    parts = model.h / unit, model.row, model.col, model.J if unit == 1.0 else model.J / unit
    held = _decided(*parts, model.problem.held_by_field(model.n))
    if held.all():
        held = np.zeros_like(held)
    h, row, col, J = without_spins(*parts, held)
    force = np.sqrt(h**2 + _squares(h.size, row, col, J))
    hot = 0.7 * math.sqrt(float((force**2).mean()))
    if hot == 0.0:
        return model.kT, model.kT
    hot = freezing(h, row, col, J, hot)
    least = min(_smallest(v) for v in (h, J))
    cold = min(hot, max(0.2 * least, min(0.01 * hot, 0.1 * _smallest(force))))
    return hot * unit, cold * unit


def _smallest(values: np.ndarray) -> float:
    """The smallest size that is not 0; infinite where there is none. In parts, which take little memory."""
    parts = (np.abs(values[k : k + _BLOCK]) for k in range(0, values.size, _BLOCK))
    return min((float(v.min(initial=np.inf, where=v > 0)) for v in parts), default=np.inf)


def _squares(n: int, row: np.ndarray, col: np.ndarray, J: np.ndarray) -> np.ndarray:
    """(n,) sum of J^2 over each spin's pairs; in parts, as `_smallest`."""
    total = np.zeros(n)
    for k in range(0, J.size, _BLOCK):
        here = slice(k, k + _BLOCK)
        total += _at_ends(n, row[here], col[here], J[here] ** 2)
    return total


def _at_ends(n: int, row: np.ndarray, col: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n,) sum of the values of each spin's pairs."""
    return np.bincount(row, weights=values, minlength=n) + np.bincount(col, weights=values, minlength=n)


def _decided(h: np.ndarray, row: np.ndarray, col: np.ndarray, J: np.ndarray, held: np.ndarray) -> np.ndarray:
    """(n,) int8: +-1 of spins that no other can turn, 0 of the rest; `held` are so to begin with."""
    n = h.size
    for _ in range(ROUNDS if h.any() else 0):
        free = held == 0
        field, reach = h, np.zeros(n)
        for a, b in ((row, col), (col, row)):
            if not free.all():
                field = field + np.bincount(a, weights=J * held[b], minlength=n)
            reach = reach + np.bincount(a, weights=np.abs(J) * free[b], minlength=n)
        sure = free & (np.abs(field) > reach)
        if not sure.any():
            break
        held[sure] = np.sign(field[sure])
    return held


def ramp_phases(sweeps: int, hot: float, cold: float) -> tuple[Phase, ...]:
    """The phases of an annealing ramp, each linear in time.

    One phase down to a hundredth; further down, half a decade each and the last one to 0, so that
    coefficients of every size have their share of the time.
    """
    if not 0 < cold < WIDE * hot:
        return (Phase("anneal", float(sweeps), kT=(hot, cold)),)
    n = min(math.ceil(2 * math.log10(hot / cold)), PIECES, sweeps - 1)
    ends = [*np.geomspace(hot, cold, max(n, 1) + 1).tolist()[: n + 1], 0.0]
    lengths = np.diff(np.round(np.linspace(0, sweeps, len(ends)))).tolist()
    return tuple(
        Phase(f"anneal-{k + 1}", length, kT=(ends[k], ends[k + 1])) for k, length in enumerate(lengths)
    )


FAMILY = Family("ising", IsingModel, "an Ising model", parts, build, lower_ising)
