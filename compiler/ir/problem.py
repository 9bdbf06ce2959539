"""What the spins of a netlist mean, and what became of them on the way to hardware.

`Problem` says what the user asked: the variables, what they are called, and the goal, in the
problem's own terms (edges of a graph, clauses, words of a circuit), so that answers are read off
the state and nothing else. `Lowered` is what passes did: chains, signs, wells, units.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NoReturn

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.words import words_and_nets

VARTYPES = ("spin", "binary")


# --- goals: what an energy stands for ------------------------------------------------------------


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
GOALS: dict[str, type] = {g.kind: g for g in (Ising, MaxCut, Formula, Polynomial, Circuit, Boltzmann)}


# --- the problem ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What the spins of a model mean.

    goal : what the energy stands for, in variables
    offset : energy added to every state; every energy here is in the model's own unit
    vartype : what users call the variables, "spin" (+-1) or "binary" (0 and 1)
    names : one a variable, or empty: their numbers
    spin : (n_variables,) int32, the spin that is the variable, -1 of one that was taken out; None:
        variable k is spin k. Passes that renumber spins renumber it
    held : (n_variables,) int8, +-1 of variables that are clamped (taken out, or held by a strong
        field), 0 of the others; None: none is
    """

    goal: Goal = Ising()
    offset: float = 0.0
    vartype: str = "spin"
    names: tuple[str, ...] = ()
    spin: np.ndarray | None = None
    held: np.ndarray | None = None

    def n_variables(self, n_spins: int) -> int:
        return n_spins if self.spin is None else self.spin.size

    def places(self, n_spins: int) -> np.ndarray:
        """(n_variables,) int32, `spin` written out."""
        return np.arange(n_spins, dtype=np.int32) if self.spin is None else self.spin

    def variables(self, states: Any) -> np.ndarray:
        """(..., n_variables) int8 of +-1 of states (..., n_spins); held ones as they are held."""
        states = np.asarray(states, dtype=np.int8)
        if self.spin is None:
            return states
        out = states[..., self.spin]  # -1 reads any spin, and is replaced
        taken = self.spin < 0
        if taken.any() and self.held is not None:
            out[..., taken] = self.held[taken]
        return out

    def variable_names(self, n_spins: int) -> tuple[str, ...]:
        """What the variables are called, one each."""
        return self.names or tuple(map(str, range(self.n_variables(n_spins))))

    def spin_names(self, n_spins: int) -> tuple[str, ...]:
        """What the variables of the spins are called, in the order of the spins; () without names."""
        if self.spin is None:
            return self.names
        names = self.variable_names(n_spins)
        free = np.flatnonzero(self.spin >= 0)
        return tuple(names[k] for k in free[np.argsort(self.spin[free])].tolist())

    def held_by_field(self, n_spins: int) -> np.ndarray:
        """(n_spins,) int8: +-1 of spins that a field holds, 0 of the others."""
        values = np.zeros(n_spins, dtype=np.int8)
        if self.held is not None:
            places = self.places(n_spins)
            values[places[places >= 0]] = self.held[places >= 0]
        return values

    def holding(self, values: np.ndarray) -> Problem:
        """The problem with spins noted as held: values (n_spins,) of +-1, 0 of free ones."""
        places = self.places(values.size)
        held = np.zeros(places.size, dtype=np.int8) if self.held is None else self.held.copy()
        named = (places >= 0) & (values[places] != 0)
        held[named] = values[places[named]]
        return replace(self, held=held)

    def without(self, values: np.ndarray) -> Problem:
        """The problem after spins were taken out: values (n_spins,) of +-1, 0 of those that stay."""
        stays = values == 0
        return replace(self.holding(values), spin=self.places(values.size)).moved(
            np.where(stays, np.cumsum(stays) - 1, -1)
        )

    def moved(self, new: np.ndarray) -> Problem:
        """The problem after spin i became spin new[i] (n_spins,); -1 of those that are no more."""
        places = self.places(new.size)
        return replace(self, spin=np.where(places >= 0, new[places], -1).astype(np.int32))


PLAIN = Problem()


def check_problem(problem: Problem, n_spins: int, what: str = "problem") -> None:
    """Raise NetlistError, beginning with `what`, for the first rule that the problem breaks."""

    def fail(rule: str) -> NoReturn:
        raise NetlistError(f"{what}: {rule}")

    if not isinstance(problem, Problem):
        fail(f"problem must be a Problem, got a {type(problem).__name__}")
    n = problem.n_variables(n_spins)
    _check_places(problem, n_spins, n, fail)
    if problem.names and len(problem.names) != n:
        fail(f"{len(problem.names)} names for {n} spins; give one each")
    if not all(isinstance(name, str) for name in problem.names):
        fail("names must be strings; give one each")
    if len(set(problem.names)) != len(problem.names):
        seen: set[str] = set()
        twice = next(name for name in problem.names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        fail(f"two spins are called {twice!r}; names must be unique")
    if not (_real(problem.offset) and np.isfinite(problem.offset)):
        fail(f"offset is {problem.offset}; it must be a finite number")
    if problem.vartype not in VARTYPES:
        fail(f"vartype must be {' or '.join(VARTYPES)}, got {problem.vartype!r}")
    _check_goal(problem.goal, n, fail)


def _check_places(problem: Problem, n_spins: int, n: int, fail: Any) -> None:
    spin, held = problem.spin, problem.held
    if spin is not None:
        if spin.dtype != np.int32 or spin.ndim != 1:
            fail(f"spin must be one int32 a variable, got {spin.dtype} of shape {spin.shape}")
        if not np.array_equal(np.sort(spin[spin >= 0]), np.arange(n_spins)):
            fail(f"spin must name each of the {n_spins} spins once, and -1 of variables taken out")
        if (spin < -1).any():
            fail(f"spin of variable {int(np.argmin(spin))} is {spin.min()}; use -1 of one taken out")
    if held is not None:
        fits = held.dtype == np.int8 and held.shape == (n,)
        if not (fits and np.isin(held, (-1, 0, 1)).all()):
            fail(f"held must be {n} int8 values of -1, 0 or +1, one a variable")
    if spin is not None and (spin < 0).any() and (held is None or (held[spin < 0] == 0).any()):
        fail("a variable that was taken out must be held at -1 or +1")


def _check_goal(goal: Goal, n: int, fail: Any) -> None:
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
        if not (_whole(goal.variables) and 0 <= goal.variables <= n):
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
        if not (_real(goal.top) and goal.top > 0):
            fail(f"a formula's top must be a number above 0, got {goal.top!r}")
    elif isinstance(goal, Polynomial):
        _check_polynomial(goal, n, fail)
    elif isinstance(goal, Circuit):
        for name, nets in (("input", goal.inputs), ("output", goal.outputs)):
            if nets.dtype != np.int32 or nets.ndim != 1:
                fail(f"a circuit's {name}s must be int32 variables")
            if nets.size and (nets.min() < 0 or nets.max() >= n):
                fail(f"an {name} of the circuit names a variable that does not exist")
        if not (_real(goal.gap) and np.isfinite(goal.gap) and goal.gap > 0):
            fail(f"the circuit's gap must be a finite number above 0, got {goal.gap!r}")
    elif isinstance(goal, Boltzmann):
        if not (_whole(goal.visible) and 1 <= goal.visible <= n):
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
    if not (_whole(goal.variables) and 0 <= goal.variables <= n):
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


def _real(value: Any) -> bool:
    return isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool)


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


# --- what passes did -----------------------------------------------------------------------------


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
        if not (_real(value) and np.isfinite(value) and value > 0):
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
        if not (_real(embedded.strength) and np.isfinite(embedded.strength)):
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
            if not (_real(getattr(wells, name)) and getattr(wells, name) > 0):
                fail(f"wells: {name} must be above 0, got {getattr(wells, name)!r}")


NOTHING_DONE = Lowered()
