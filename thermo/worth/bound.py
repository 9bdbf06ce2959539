"""A bound that no state's energy is below, and how far the best state found is from it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from compiler.families.ising import IsingModel
from compiler.families.quadratic import from_quadratic
from compiler.ir.langevin import LangevinNetlist
from thermo.worth import SECONDS, semidefinite
from thermo.worth.cycles import Cycles, cycle_bound
from thermo.worth.elimination import exact
from thermo.worth.errors import WorthError
from thermo.worth.pairs import Levels, Pairs
from thermo.worth.semidefinite import semidefinite_bound

METHODS = ("decoupled", "exact", "cycles", "semidefinite")
CYCLE_PAIRS = 100_000  # of the linear program
SPARSE = 8.0  # couplings a spin up to which it is tried on a graph that is not planar
FEW = 3.1  # couplings a spin, as in lattices of 2 and 3 dimensions, up to which it gets most of the time
OPTIMAL = 1e-9  # of the sum of all coefficients: a gap of rounding


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """What is known of the least energy of a model.

    energy : no state has less; offset included, in the model's unit, rounded down
    method : that gave it; by_method : the bound of each that was tried
    state, state_energy : (n,) int8, the best state that the search for the bound came across
    planar : whether the graph (with a spin for the fields) is; width : of the elimination, None if too wide
    cycles : frustrated cycles in the bound
    seconds : that it took
    """

    energy: float
    method: str
    by_method: Mapping[str, float]
    state: np.ndarray
    state_energy: float
    planar: bool
    cycles: int
    scale: float
    seconds: float

    def gap(self, energy: float) -> float:
        """How much more than the bound an energy is, at least 0."""
        return max(0.0, energy - self.energy)

    def is_optimal(self, energy: float) -> bool:
        """Whether an energy is proved to be the least, but for rounding in 1e-9 of all coefficients."""
        return self.gap(energy) <= OPTIMAL * self.scale

    def relative_gap(self, energy: float) -> float:
        """The gap over the energy's size, as branch and bound tell it; 0 where it is closed."""
        gap = self.gap(energy)
        return 0.0 if gap == 0 else gap / abs(energy) if energy else math.inf


def bound_energy(
    model: Any,
    *,
    seconds: float = SECONDS,
    methods: tuple[str, ...] = METHODS,
    known: float | None = None,
    seed: int = 0,
) -> Bound:
    """A lower bound on the energies of an Ising model, by the tightest of several methods.

    exact : elimination, where the treewidth is at most 20 (with the optimum's state)
    cycles : linear program over frustrated cycles: exact for planar graphs without fields
    semidefinite : up to 6,000 spins, with frustrated cycles up to 200,000 couplings
    decoupled : every coupling and field by itself; always there

    Whatever is interrupted, what is told is a bound; rounding is counted, and where coefficients are small
    multiples of one number it is lifted to the next energy that a state can have.

    model : an IsingModel, a netlist of p-bits (the model that it was lowered from), a dimod BQM, or Pairs
    seconds : to be spent, about; known : least energy found, at which a search can stop
    methods : of METHODS. Raises WorthError for a bad option, UnsupportedError for what is no Ising model.
    """
    if not (seconds > 0 and math.isfinite(seconds)):
        raise WorthError(f"seconds must be above 0, got {seconds:g}")
    if unknown := [m for m in methods if m not in METHODS]:
        raise WorthError(f"methods are {', '.join(METHODS)}; got {unknown[0]!r}")
    begin = time.monotonic()
    pairs = pairs_of(model)
    search = _Search(pairs, methods, begin + seconds, known, seed)
    search.run()
    unit = pairs.in_unit
    energies = {name: unit(value, down=True) for name, value in search.found.items()}
    method = max(search.found, key=lambda name: search.found[name])
    scale = math.ldexp(pairs.weight(), pairs.exponent) + abs(pairs.offset)
    return Bound(
        energy=energies[method],
        method=method,
        by_method=MappingProxyType(energies),
        state=search.state,
        state_energy=unit(pairs.energy(search.state)),
        planar=search.planar,
        cycles=search.cycles,
        scale=scale,
        seconds=time.monotonic() - begin,
    )


def pairs_of(model: Any) -> Pairs:
    """The pairs of an IsingModel, a netlist, a dimod BQM or Pairs; WorthError for anything else."""
    if isinstance(model, Pairs):
        return model
    if isinstance(model, LangevinNetlist):
        return Pairs.of_netlist(model)
    if isinstance(model, IsingModel):
        return Pairs.of(model.h, model.row, model.col, model.J, model.offset)
    if hasattr(model, "to_numpy_vectors"):
        fields, (row, col, terms), offset = model.to_numpy_vectors(variable_order=list(model.variables))
        kind = "spin" if model.vartype.name == "SPIN" else "binary"
        return pairs_of(from_quadratic(fields, row, col, terms, offset=float(offset), vartype=kind))
    raise WorthError(
        f"a bound is of an Ising model, a netlist of p-bits or a BQM, not {type(model).__name__}"
    )


class _Search:
    """Methods in turn, the cheap and exact ones first; bounds in the scaled unit, without offset."""

    def __init__(
        self, pairs: Pairs, methods: tuple[str, ...], deadline: float, known: float | None, seed: int
    ) -> None:
        self.pairs, self.methods, self.deadline, self.seed = pairs, methods, deadline, seed
        self.levels = Levels.of(pairs)
        self.found: dict[str, Fraction] = {}
        self.state = np.ones(pairs.n, dtype=np.int8)
        self.least = pairs.energy(self.state)
        self.known = math.inf
        if known is not None and math.isfinite(known):
            self.known = math.ldexp(known - pairs.offset, -pairs.exponent)
        self.planar, self.cycles = False, 0

    def tell(self, method: str, energy: float) -> None:
        """A bound that a method proved."""
        value = Fraction(energy)
        self.found[method] = value if self.levels is None else self.levels.lift(value)

    def saw(self, state: np.ndarray) -> None:
        """A state, which may be the best."""
        energy = self.pairs.energy(state)
        if energy < self.least:
            self.state, self.least = state, energy

    @property
    def enough(self) -> float:
        """A bound that leaves nothing to prove, before it is lifted."""
        goal = min(self.known, float(self.least))
        step = 0.0 if self.levels is None else float(self.levels.step)
        return goal - 0.999 * step if step else goal - 1e-10 * self.pairs.weight()

    @property
    def closed(self) -> bool:
        best = float(max(self.found.values()))
        return best >= min(self.known, float(self.least)) - 1e-10 * self.pairs.weight()

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    def run(self) -> None:
        pairs = self.pairs
        self.tell("decoupled", -pairs.weight() - pairs.lost())
        if self.closed:
            return
        if "exact" in self.methods and self._exact():
            return
        folded = pairs.with_ghost()
        self.planar = is_planar(folded)
        packed = None
        sparse_enough = folded.J.size <= SPARSE * folded.n or self.planar
        if "cycles" in self.methods and folded.J.size <= CYCLE_PAIRS and sparse_enough:
            packed = self._cycles(folded)
            if self.closed:
                return
        if "semidefinite" in self.methods and folded.n <= semidefinite.MOST_SPINS and self.left > 0:
            self._semidefinite(folded, packed)

    def _exact(self) -> bool:
        parts = components(self.pairs)
        pieces = [exact(part) for part, _ in parts]
        if any(piece is None for piece in pieces):
            return False
        state = np.ones(self.pairs.n, dtype=np.int8)
        total = Fraction(0)
        for piece, (_, spins) in zip(pieces, parts, strict=True):
            assert piece is not None
            state[spins] = piece.state
            total += Fraction(piece.energy_below)
        self.saw(state)
        self.found["exact"] = total if self.levels is None else self.levels.lift(total)
        return True

    def _cycles(self, folded: Pairs) -> Cycles:
        rest = self.left
        only = self.planar or "semidefinite" not in self.methods or folded.n > semidefinite.MOST_SPINS
        few = folded.J.size <= FEW * folded.n
        told = cycle_bound(
            folded,
            rest if only else (0.6 if few else 0.4) * rest,
            longest_round=math.inf if only or few else 0.04 * rest,
            enough=self.enough,
        )
        self.saw(self._unfolded(told.state))
        self.tell("cycles", told.energy_below)
        self.cycles = len(told.cycles)
        return told.cycles

    def _semidefinite(self, folded: Pairs, packed: Cycles | None) -> None:
        told = semidefinite_bound(folded, self.left, cycles=packed, enough=self.enough, seed=self.seed)
        self.saw(self._unfolded(told.state))
        before = self.found.get("cycles")
        self.tell("semidefinite", told.energy_below)
        if before is None or self.found["semidefinite"] > before:
            self.cycles = len(told.cycles)

    def _unfolded(self, state: np.ndarray) -> np.ndarray:
        """The state without the spin that stands for the fields."""
        n = self.pairs.n
        return state[:n] * state[n] if state.size > n else state


def components(pairs: Pairs) -> list[tuple[Pairs, np.ndarray]]:
    """(model, its spins) of each connected part; spins without couplings are one part."""
    n = pairs.n
    graph = sparse.csr_array((np.ones(pairs.J.size), (pairs.row, pairs.col)), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    if count <= 1:
        return [(pairs, np.arange(n))]
    sizes = np.bincount(label, minlength=count)
    lone = sizes[label] == 1
    label = np.where(lone, -1, label)
    spins = np.argsort(label, kind="stable")
    kinds, starts = np.unique(label[spins], return_index=True)
    place = np.empty(n, dtype=np.int64)
    edges = np.argsort(label[pairs.row], kind="stable")
    owners = label[pairs.row][edges]
    parts = []
    for kind, some in zip(kinds, np.split(spins, starts[1:]), strict=True):
        place[some] = np.arange(some.size)
        mine = edges[np.searchsorted(owners, kind) : np.searchsorted(owners, kind, side="right")]
        row, col, J = place[pairs.row[mine]], place[pairs.col[mine]], pairs.J[mine]
        parts.append((Pairs(pairs.h[some], row, col, J, pairs.exponent, inexact=pairs.inexact), some))
    return parts


def is_planar(pairs: Pairs) -> bool:
    """Whether the graph of the couplings can be drawn without crossings."""
    if pairs.n > 2 and pairs.J.size > 3 * pairs.n - 6:
        return False
    if pairs.J.size > CYCLE_PAIRS:
        return False
    import networkx  # takes its time

    graph = networkx.Graph(zip(pairs.row.tolist(), pairs.col.tolist(), strict=True))
    return bool(networkx.check_planarity(graph)[0])
