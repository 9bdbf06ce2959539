"""Which method runs a netlist of p-bits, and through which phases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.ir.goals import Formula, Ising, MaxCut, Polynomial
from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import Imperfections
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.dense import DenseSystem
from thermo.simulate.spins.looks import Looks
from thermo.simulate.spins.moves import ramp
from thermo.simulate.spins.packed import can_pack
from thermo.simulate.spins.plan import SpinPhase
from thermo.simulate.spins.population import is_whole
from thermo.simulate.spins.system import SpinSystem, device_system
from thermo.simulate.spins.terms import Terms

METHODS = ("auto", "cells", "chains", "crossed", "dense", "lanes", "packed", "moves", "terms")
BACKENDS = ("numba", "jax")
BY_JAX = ("auto", "dense", "lanes")
LANES_FROM = 8  # chains from which sums made anew, 16 chains at a time, are faster at constant kT
CELLS_FROM = 100_000  # p-bits from which a chain's running sums leave the cache and all are made anew
CELLS_PAIRS = 4  # couplings of a p-bit up to which that is faster in the cold, too
PACKED_FROM = 512  # chains that fill one tile of bits
SPEED = 4e8  # updates a second of one annealed chain, about
MOST_ROUNDS = 16
ROUND = 300  # sweeps for each p-bit, after which another descent finds more than a slower one
CROSSED_FROM = 20_000  # sweeps of a chain from which a population finds more than one annealed state
BITS_FROM = 40_000  # likewise a population of 512 states, a bit each, more than one of a few


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run of p-bits is asked for, as `simulate_spins` has it: what the choice of a method follows."""

    chains: int
    method: str
    backend: str
    kT: float | None
    sweeps: int | None
    seconds: float | None
    clock: Any
    target: float | None
    start: Any
    observe_every: int | None
    looks: int | None
    non_ideal: Imperfections | None
    device_seed: int
    first_chain: int
    threads: int | None

    @property
    def by_jax(self) -> bool:
        return self.backend == "jax"

    @property
    def timed(self) -> bool:
        return self.seconds is not None or self.clock is not None

    def check(self) -> None:
        """Raise SimulationError for what no netlist is run with."""
        if self.chains < 1:
            raise SimulationError(f"chains must be at least 1, got {self.chains}")
        if self.method not in METHODS:
            raise SimulationError(f"method must be one of {', '.join(METHODS)}, got {self.method!r}")
        check_backend(self.backend, self.threads)
        if self.by_jax and self.method not in BY_JAX:
            raise SimulationError(
                f"method {self.method!r} has no JAX backend; that has {', '.join(BY_JAX)}: leave method or "
                "backend out"
            )
        if self.observe_every is not None and self.observe_every < 1:
            raise SimulationError(f"observe_every must be at least 1 sweep, got {self.observe_every}")
        if self.looks is not None and (self.looks < 1 or self.observe_every is not None):
            raise SimulationError(
                f"looks must be at least 1, in place of observe_every; got {self.looks} and "
                f"{self.observe_every}"
            )
        if sum(v is not None for v in (self.seconds, self.sweeps, self.clock)) > 1:
            raise SimulationError("give either sweeps or seconds or a clock: each follows from the others")
        if self.seconds is not None and not (np.isfinite(self.seconds) and self.seconds > 0):
            raise SimulationError(f"seconds must be above 0, got {self.seconds:g}")

    def check_target(self, method: str) -> None:
        """Raise SimulationError for a target that the method, or a device, cannot stop at."""
        if self.target is None:
            return
        if self.non_ideal is not None:
            raise SimulationError("a target is an energy of the netlist, which no device knows: drop it")
        if (
            self.by_jax
            or method not in ("chains", "dense")
            or self.observe_every
            or self.looks
            or self.seconds
        ):
            raise SimulationError(
                "a target stops chains one by one: use method 'chains' on symmetric couplings, with backend "
                "'numba', without observations and seconds"
            )


@dataclass(frozen=True, slots=True)
class Choice:
    """A method, and the phases and looks that it has.

    products : of method "terms"; by_bits : whether a crossed population has a bit for each of its states
    """

    method: str
    plan: tuple[SpinPhase, ...]
    looks: Looks
    products: Terms | None = None
    by_bits: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What a netlist is before a method is chosen.

    ideal, system : the netlist's couplings, and what drives the p-bits; least : whether nothing but its
    lowest energy is asked for; products : where its variables may be turned by them
    """

    ideal: SpinSystem | DenseSystem
    system: SpinSystem | DenseSystem
    least: bool
    products: Terms | None

    @staticmethod
    def of(netlist: LangevinNetlist, asked: Asked, plan: tuple[SpinPhase, ...], looks: Looks) -> Machine:
        """Raises SimulationError where method "terms" or "dense" does not fit the netlist."""
        least = _only_least(netlist, plan, asked, looks)
        products = None
        by_terms = asked.method == "auto" and not asked.by_jax and least and _by_terms(netlist, asked.timed)
        if asked.method == "terms" or by_terms:
            products = Terms.of(netlist)
            if products is None and asked.method == "terms":
                raise SimulationError(
                    "method 'terms' is for polynomials and formulas with products of three variables and "
                    "more, lowered to no hardware: use 'chains'"
                )
        dense = None
        may = products is None and asked.method in ("auto", "dense", "moves") and asked.non_ideal is None
        if may and (_few(asked, plan) or asked.by_jax):
            dense = DenseSystem.from_netlist(netlist)
        if asked.method == "dense" and dense is None:
            raise SimulationError(
                "method 'dense' is for 64 to 16,384 p-bits of which most pairs are coupled, annealed or few: "
                "use 'chains'"
            )
        ideal = SpinSystem.from_netlist(netlist) if dense is None else dense
        device = asked.non_ideal
        system = ideal if device is None else device_system(netlist, device, asked.device_seed)
        return Machine(ideal, system, least, products)


def choose(
    netlist: LangevinNetlist, machine: Machine, asked: Asked, plan: tuple[SpinPhase, ...], looks: Looks
) -> Choice:
    """The method of a run and the phases that it passes through (see `simulate_spins`).

    Raises SimulationError for a schedule that the method asked for cannot have.
    """
    auto = asked.method == "auto" and not asked.by_jax
    searches = machine.least and _may_move(netlist)
    if machine.products is not None:
        return _by_products(machine.products, asked, plan, looks)
    if asked.method == "moves" or (auto and searches):
        hot, cold, penalties = ramp(machine.system)
        if asked.method == "moves" or penalties:
            total = sum(p.sweeps for p in plan)
            one = SpinPhase("moves", total, (hot, cold), (1.0, 1.0), plan[0].frozen, geometric=True)
            return Choice("moves", (one,), replace(looks, phase=0))
    if asked.method == "crossed" or (
        auto and searches and len(plan) == 1 and _may_cross(machine.system, asked)
    ):
        return _crossed(machine.system, asked, plan, looks)
    method = _by_law(machine.system, asked, plan) if asked.method == "auto" else asked.method
    if asked.timed and method in ("chains", "dense") and all(p.ramped for p in plan):
        rounds = _rounds(len(plan), machine.system.n, asked.seconds, asked.clock)
        looks = replace(looks, phase=looks.phase + (rounds - 1) * len(plan))
        plan = plan * rounds
    return Choice(method, plan, looks)


def check_backend(backend: str, threads: int | None) -> None:
    """Raise SimulationError for a backend that p-bits do not have, or threads for JAX."""
    if backend not in BACKENDS:
        raise SimulationError(f"backend must be {' or '.join(BACKENDS)} for p-bits, got {backend!r}")
    if threads is not None and backend != "numba":
        raise SimulationError(
            f"threads = {threads} are for backend 'numba'; {backend!r} chooses its own: drop one"
        )


def _few(asked: Asked, plan: tuple[SpinPhase, ...]) -> bool:
    """Whether chains are run one by one: few, to stop at a target, or cooled, where few p-bits flip."""
    return asked.chains < LANES_FROM or asked.target is not None or any(p.ramped for p in plan)


def _by_law(system: SpinSystem | DenseSystem, asked: Asked, plan: tuple[SpinPhase, ...]) -> str:
    """The fastest method that follows the p-bits' law."""
    if isinstance(system, DenseSystem):
        return "dense"
    if asked.by_jax:
        return "lanes"
    if _few(asked, plan):
        if asked.target is None and system.n >= CELLS_FROM and system.n_pairs <= CELLS_PAIRS * system.n:
            return "cells"
        if system.symmetric:
            return "chains"
    if asked.chains >= PACKED_FROM and not asked.first_chain % PACKED_FROM and can_pack(system):
        return "packed"
    return "lanes"


def _by_products(products: Terms, asked: Asked, plan: tuple[SpinPhase, ...], looks: Looks) -> Choice:
    total = sum(p.sweeps for p in plan)
    still = plan[0].frozen.copy()
    still[products.auxiliary] = True
    one = SpinPhase("terms", total, products.ramp(), (1.0, 1.0), still, geometric=True)
    rounds = _rounds(1, products.place.size, asked.seconds, asked.clock) if asked.timed else 1
    return Choice("terms", (one,) * rounds, replace(looks, phase=rounds - 1), products)


def _spare(n: int, asked: Asked) -> float:
    """Sweeps, about, that there is time for."""
    return 0.0 if asked.seconds is None else asked.seconds * SPEED / n * min(1.0, 2 / asked.chains)


def _may_cross(system: SpinSystem | DenseSystem, asked: Asked) -> bool:
    """Whether a sparse model is searched from random states with time enough for a population."""
    if not (isinstance(system, SpinSystem) and system.symmetric and system.n_pairs > 0):
        return False
    if not (isinstance(asked.start, str) and asked.start == "random"):
        return False
    return _spare(system.n, asked) >= CROSSED_FROM or _first_phase(asked.clock) > 0


def _crossed(
    system: SpinSystem | DenseSystem, asked: Asked, plan: tuple[SpinPhase, ...], looks: Looks
) -> Choice:
    # after the schedule's own phases, which have no sweeps, and with one more such phase if states are
    # bits: a clock's record shows how it was crossed
    search = _one_ramp(plan)
    by_bits = isinstance(system, SpinSystem) and is_whole(system)
    if asked.seconds is not None:
        by_bits &= _spare(system.n, asked) >= BITS_FROM
    elif asked.clock is not None:
        by_bits &= _first_phase(asked.clock) > len(plan)
    before = (*plan, search) if by_bits else plan
    whole = (*(replace(p, sweeps=0) for p in before), search)
    return Choice("crossed", whole, replace(looks, phase=len(whole) - 1), by_bits=by_bits)


def _goal(netlist: LangevinNetlist) -> Any:
    return None if netlist.problem is None else netlist.problem.goal


def _may_move(netlist: LangevinNetlist) -> bool:
    """Whether a search may answer for the p-bits: nothing of the problem is about how they behave."""
    goal = _goal(netlist)
    return isinstance(goal, Ising | MaxCut | Polynomial) or (
        isinstance(goal, Formula) and goal.weights is not None
    )


def _by_terms(netlist: LangevinNetlist, timed: bool) -> bool:
    """Whether "auto" turns a problem's variables by its products, if it has long ones."""
    goal = _goal(netlist)
    return isinstance(goal, Polynomial) or (isinstance(goal, Formula) and (timed or goal.weights is not None))


def _only_least(netlist: LangevinNetlist, plan: tuple[SpinPhase, ...], asked: Asked, looks: Looks) -> bool:
    """Whether a netlist that no hardware has changed is annealed by its own schedule, and not looked at."""
    return (
        (asked.kT is None and asked.target is None and looks.every is None and looks.times is None)
        and (asked.non_ideal is None or asked.non_ideal.ideal)
        and netlist.lowered.logical is None
        and all(p.ramped and p.scale == (1.0, 1.0) for p in plan)
    )


def _rounds(phases: int, n: int, seconds: float | None, clock: Any) -> int:
    """How often a ramp that fills a time begins anew: more sweeps than ROUND n gain little."""
    if seconds is not None:
        return max(1, int(min(seconds * SPEED / (ROUND * n**2), MOST_ROUNDS // phases)))
    rows = np.asarray(clock)
    if rows.ndim != 2 or not rows.size or not 0 <= rows[:, 0].max() < rows.shape[0]:
        return 1  # no clock of ours, which is told later
    return max(1, (int(rows[:, 0].max()) + 1) // phases)


def _first_phase(clock: Any) -> float:
    """Number of the first phase in a clock's record, -1 if it is none; a search follows the schedule."""
    rows = np.asarray([] if clock is None else clock)
    return float(rows[0, 0]) if rows.ndim == 2 and rows.size > 0 else -1.0


def _one_ramp(plan: tuple[SpinPhase, ...]) -> SpinPhase:
    """The ends of a schedule as one phase; SimulationError where it has no heat to begin with."""
    hot, cold = plan[0].kT[0], plan[-1].kT[1]
    if not hot > 0:
        raise SimulationError(
            f"method 'crossed' anneals from a temperature above 0, this schedule from {hot:g}: leave kT out"
        )
    total = sum(p.sweeps for p in plan)
    return SpinPhase("crossed", total, (hot, min(cold, hot)), (1.0, 1.0), plan[0].frozen)
