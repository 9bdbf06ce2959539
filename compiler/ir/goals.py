"""Goals: what the energy of a model stands for, in the problem's own terms (edges, clauses, words)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from compiler.ir.numbers import real, whole
from compiler.ir.words import words_and_nets


@dataclass(frozen=True, slots=True, eq=False)
class Ising:
    """An energy to be made small, and nothing more."""

    kind: ClassVar[str] = "ising"


@dataclass(frozen=True, slots=True, eq=False)
class MaxCut:
    """A graph to be cut: edges between variables, those between the two sides count.

    row, col : (m,) int32 variables; weight : (m,) float64
    """

    row: np.ndarray
    col: np.ndarray
    weight: np.ndarray
    kind: ClassVar[str] = "max-cut"

    @property
    def total_weight(self) -> float:
        return float(self.weight.sum())

    def cut(self, values: np.ndarray) -> np.ndarray:
        """(k,) float64 weights cut by values (k, n_variables) of +-1."""
        return np.array([float(self.weight[v[self.row] != v[self.col]].sum()) for v in values])


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """Clauses to be satisfied, each of which costs its weight where it is violated.

    variables : of the formula, the first ones; others are auxiliary
    literals : (n_literals,) int32, +-(1 + variable); clause c is literals[indptr[c] : indptr[c + 1]]
    indptr : (n_clauses + 1,) int64
    weights : (n_clauses,) float64 above 0, None: 1 each
    top : clauses of this weight and more must hold, the others are wishes
    """

    variables: int
    indptr: np.ndarray
    literals: np.ndarray
    weights: np.ndarray | None = None
    top: float = np.inf
    kind: ClassVar[str] = "sat"

    @staticmethod
    def of(
        variables: int, clauses: Iterable[Iterable[int]], weights: Any = None, top: float = np.inf
    ) -> Formula:
        """From clauses as lists of literals."""
        each = [list(clause) for clause in clauses]
        ends = np.cumsum([0, *map(len, each)], dtype=np.int64)
        literals = np.array([v for clause in each for v in clause], dtype=np.int32)
        return Formula(variables, ends, literals, None if weights is None else np.array(weights, float), top)

    @property
    def n_clauses(self) -> int:
        return self.indptr.size - 1

    @property
    def clauses(self) -> list[list[int]]:
        return [c.tolist() for c in np.split(self.literals, self.indptr[1:-1])] if self.n_clauses else []

    def holds(self, value: np.ndarray) -> np.ndarray:
        """(n_clauses,) bool, the clauses that hold in one value (n_variables,) of +-1."""
        at, wanted = np.abs(self.literals) - 1, np.sign(self.literals)
        true = np.concatenate([[0], np.cumsum(value[at] == wanted)])
        return np.diff(true[self.indptr]) > 0

    def satisfied(self, values: np.ndarray) -> np.ndarray:
        """(k,) int64 clauses that hold in values (k, n_variables) of +-1."""
        return np.array([int(self.holds(v).sum()) for v in values], dtype=np.int64)

    def cost(self, values: np.ndarray) -> np.ndarray:
        """(k,) float64 weight of the clauses that values (k, n_variables) of +-1 violate."""
        weights = np.ones(self.n_clauses) if self.weights is None else self.weights
        return np.array([float(weights[~self.holds(v)].sum()) for v in values])


@dataclass(frozen=True, slots=True, eq=False)
class Polynomial:
    """Products of any number of variables, the energy of a model at its best auxiliary spins.

    variables : of the products, the first ones, +-1 or 0 and 1 as `Problem.vartype` says
    members : (n_members,) int32 variables; product t is of members[indptr[t] : indptr[t + 1]], each once
    indptr : (n_products + 1,) int64
    weights : (n_products,) float64
    """

    variables: int
    indptr: np.ndarray
    members: np.ndarray
    weights: np.ndarray
    kind: ClassVar[str] = "polynomial"

    @staticmethod
    def of(variables: int, products: Iterable[Iterable[int]], weights: Any) -> Polynomial:
        """From products as lists of variables."""
        each = [list(product) for product in products]
        ends = np.cumsum([0, *map(len, each)], dtype=np.int64)
        members = np.array([v for product in each for v in product], dtype=np.int32)
        return Polynomial(variables, ends, members, np.array(weights, dtype=np.float64))

    @property
    def n_products(self) -> int:
        return self.indptr.size - 1

    @property
    def products(self) -> list[list[int]]:
        return [t.tolist() for t in np.split(self.members, self.indptr[1:-1])] if self.n_products else []

    @property
    def degree(self) -> int:
        """Variables of the longest product."""
        return int(np.diff(self.indptr).max(initial=0))


@dataclass(frozen=True, slots=True, eq=False)
class Circuit:
    """A circuit whose gates agree where the energy is 0.

    inputs, outputs : (k,) int32 variables, whose names p[0], p[1], ... make the word p
    gap : least energy of a state in which a gate is wrong
    """

    inputs: np.ndarray
    outputs: np.ndarray
    gap: float = 1.0
    kind: ClassVar[str] = "circuit"

    def words(self, names: tuple[str, ...], value: np.ndarray) -> dict[str, int]:
        """{word: number} of the inputs and outputs in one value (n_variables,) of +-1."""
        bits = {names[v]: int(value[v] > 0) for v in (*self.inputs.tolist(), *self.outputs.tolist())}
        return {
            word: sum(bits[net] << k for k, net in enumerate(nets))
            for word, nets in words_and_nets(list(bits)).items()
        }


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the units of a machine lie: unit k at row and column divmod(place[k], shape[1]).

    place : (n,) int32, one place each; shape : rows and columns
    """

    place: np.ndarray
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Boltzmann:
    """A machine to be sampled: the first `visible` variables are seen, the others hidden."""

    visible: int
    grid: Grid | None = None
    kind: ClassVar[str] = "boltzmann"


Goal = Ising | MaxCut | Formula | Polynomial | Circuit | Boltzmann
ENERGY = Ising()
GOALS: dict[str, type] = {g.kind: g for g in (Ising, MaxCut, Formula, Polynomial, Circuit, Boltzmann)}


def check_goal(goal: Goal, n: int, fail: Any) -> None:
    """Call `fail` with the first rule that a goal in n variables breaks."""
    if not isinstance(goal, tuple(GOALS.values())):
        fail(f"problem kind must be one of {', '.join(GOALS)}, got {goal!r}")
    if isinstance(goal, MaxCut):
        row, col, weight = goal.row, goal.col, goal.weight
        if not (row.dtype == col.dtype == np.int32 and row.shape == col.shape == weight.shape):
            fail("a graph's row and col must be int32, one of each and a weight an edge")
        if row.size and (min(row.min(), col.min()) < 0 or max(row.max(), col.max()) >= n):
            fail(f"an edge of the graph names a node that does not exist; nodes are 0 to {n - 1}")
        if not np.isfinite(weight).all():
            fail(f"edge {int(np.argmin(np.isfinite(weight)))} of the graph has a weight that is not finite")
    elif isinstance(goal, Formula):
        if not (whole(goal.variables) and 0 <= goal.variables <= n):
            fail(f"{goal.variables!r} variables need as many spins, it has {n}")
        ends, literals = goal.indptr, goal.literals
        if ends.dtype != np.int64 or literals.dtype != np.int32 or ends.ndim != 1 or not ends.size:
            fail("a formula's indptr must be int64 and its literals int32")
        if ends[0] != 0 or ends[-1] != literals.size or (np.diff(ends) < 0).any():
            fail(f"a formula's indptr must rise from 0 to its {literals.size} literals")
        size = np.abs(literals)
        if (bad := (size < 1) | (size > goal.variables)).any():
            c = int(np.searchsorted(ends, int(np.argmax(bad)), side="right")) - 1
            clause = literals[ends[c] : ends[c + 1]].tolist()
            fail(f"clause {clause} must be of literals 1 to {goal.variables} or their negatives")
        if (weights := goal.weights) is not None:
            fits = weights.shape == (goal.n_clauses,) and weights.dtype == np.float64
            if not (fits and np.isfinite(weights).all() and (weights > 0).all()):
                fail(f"a formula's weights must be {goal.n_clauses} finite float64 numbers above 0")
        if not (real(goal.top) and goal.top > 0):
            fail(f"a formula's top must be a number above 0, got {goal.top!r}")
    elif isinstance(goal, Polynomial):
        _check_polynomial(goal, n, fail)
    elif isinstance(goal, Circuit):
        for name, nets in (("input", goal.inputs), ("output", goal.outputs)):
            if nets.dtype != np.int32 or nets.ndim != 1:
                fail(f"a circuit's {name}s must be int32 variables")
            if nets.size and (nets.min() < 0 or nets.max() >= n):
                fail(f"an {name} of the circuit names a variable that does not exist")
        if not (real(goal.gap) and np.isfinite(goal.gap) and goal.gap > 0):
            fail(f"the circuit's gap must be a finite number above 0, got {goal.gap!r}")
    elif isinstance(goal, Boltzmann):
        if not (whole(goal.visible) and 1 <= goal.visible <= n):
            fail(f"the number of visible units must be from 1 to {n}, got {goal.visible!r}")
        if (grid := goal.grid) is not None:
            rows, columns = grid.shape
            places = np.unique(grid.place)
            if (
                grid.place.shape != (n,)
                or places.size < n
                or not 0 <= places[0] <= places[-1] < rows * columns
            ):
                fail(f"the grid must give each of the {n} units a place of its own in {rows} x {columns}")


def _check_polynomial(goal: Polynomial, n: int, fail: Any) -> None:
    if not (whole(goal.variables) and 0 <= goal.variables <= n):
        fail(f"{goal.variables!r} variables need as many spins, it has {n}")
    ends, members, weights = goal.indptr, goal.members, goal.weights
    if ends.dtype != np.int64 or members.dtype != np.int32 or ends.ndim != 1 or not ends.size:
        fail("a polynomial's indptr must be int64 and its members int32")
    if ends[0] != 0 or ends[-1] != members.size or (np.diff(ends) < 0).any():
        fail(f"a polynomial's indptr must rise from 0 to its {members.size} members")
    if members.size and (members.min() < 0 or members.max() >= goal.variables):
        fail(f"a product names a variable that does not exist; variables are 0 to {goal.variables - 1}")
    product = np.repeat(np.arange(goal.n_products), np.diff(ends))
    if np.unique(product * max(goal.variables, 1) + members).size < members.size:
        fail("a product names a variable twice; x x = x, and s s = 1")
    if not (
        weights.shape == (goal.n_products,) and weights.dtype == np.float64 and np.isfinite(weights).all()
    ):
        fail(f"a polynomial's weights must be {goal.n_products} finite float64 numbers")
