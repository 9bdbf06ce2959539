"""`simulate_spins`: a netlist of p-bits run through its schedule."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from compiler.ir.goals import Formula, Ising, MaxCut, Polynomial
from compiler.ir.kinds import verify
from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import Imperfections
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.cells import CellChains
from thermo.simulate.spins.chains import Chains
from thermo.simulate.spins.clock import Clock, Slice, replayed, slices
from thermo.simulate.spins.crossed import CrossedChains
from thermo.simulate.spins.dense import DenseChains, DenseSystem
from thermo.simulate.spins.lanes import LaneTiles
from thermo.simulate.spins.moves import MoveChains, ramp
from thermo.simulate.spins.packed import PackedTiles, can_pack
from thermo.simulate.spins.plan import SpinPhase, plan_spins
from thermo.simulate.spins.population import Populations, is_whole
from thermo.simulate.spins.result import SpinResult
from thermo.simulate.spins.system import SpinSystem, device_system
from thermo.simulate.spins.terms import TermChains, Terms

if TYPE_CHECKING:
    from thermo.simulate.spins.jax_chains import JaxChains

METHODS = ("auto", "cells", "chains", "crossed", "dense", "lanes", "packed", "moves", "terms")
BACKENDS = ("numba", "jax")
BY_JAX = ("auto", "dense", "lanes")
Engine: TypeAlias = (
    "Chains | CellChains | DenseChains | JaxChains | LaneTiles | PackedTiles | MoveChains | "
    "Populations | TermChains"
)
LANES_FROM = 8  # chains from which sums made anew, 16 chains at a time, are faster at constant kT
CELLS_FROM = 100_000  # p-bits from which a chain's running sums leave the cache and all are made anew
CELLS_PAIRS = 4  # couplings of a p-bit up to which that is faster in the cold, too
PACKED_FROM = 512  # chains that fill one tile of bits
SWEEPING = 0.8  # of the time asked for, at least, goes into sweeps
SEGMENT = 4_000_000  # p-bit updates between two looks at progress: some milliseconds
SEGMENT_JAX = 1 << 32  # likewise of an accelerator
MAX_BYTES = 4 << 30
SPEED = 4e8  # updates a second of one annealed chain, about
MOST_ROUNDS = 16
ROUND = 300  # sweeps for each p-bit, after which another descent finds more than a slower one
CROSSED_FROM = 20_000  # sweeps of a chain from which a population finds more than one annealed state
BITS_FROM = 40_000  # likewise a population of 512 states, a bit each, more than one of a few


def simulate_spins(
    netlist: LangevinNetlist,
    *,
    chains: int = 16,
    seed: int = 0,
    kT: float | None = None,
    sweeps: int | None = None,
    seconds: float | None = None,
    clock: Any = None,
    target: float | None = None,
    start: Any = "random",
    observe_every: int | None = None,
    looks: int | None = None,
    keep_samples: bool = False,
    method: str = "auto",
    backend: str = "numba",
    non_ideal: Imperfections | None = None,
    device_seed: int = 0,
    first_chain: int = 0,
    threads: int | None = None,
    max_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
) -> SpinResult:
    """Run `chains` independent chains of p-bits through the netlist's schedule.

    Chromatic block Gibbs: in a sweep every p-bit that is free becomes +1 with probability
    1 / (1 + exp(-2 f / kT)), f its local field, colour by colour (docs/physics.md#p-bits). A phase
    of duration d has d / dt sweeps; ramps of kT and of the coupling scale are linear in time.

    Parameters
    ----------
    kT, sweeps : temperature in place of all phases', in the model's unit of energy; length in place
        of the schedule's
    seconds : wall time to fill, preparation included up to a fifth of it, compiling of kernels not: the
        schedule is stretched to it, its ramps following the clock; where one ramp of n p-bits would take
        far more than ROUND n sweeps, several follow one another
    clock : `clock` of a result, in place of seconds: the same run once more, exactly
    target : energy (offset included, the model's unit) at which a chain stops; needs method "chains"
    start : "random", "x0" (the netlist's), or (n,) or (chains, n) of +-1; inputs keep their x0
    observe_every : look at every so many sweeps, in the read-out's phase (else the last)
    looks : in place of it, about how often to look in that phase
    keep_samples : keep the states that are looked at
    method : "lanes" sums local fields anew, many chains at a time; "chains" keeps them up to date,
        which is faster where few p-bits flip; "cells" runs chain after chain, all threads sharing
        the cells of one; same random numbers, same law. "dense" keeps fields on one
        matrix where most pairs are coupled; same law, other random numbers. "packed" has 512
        chains in a row of bits, where couplings are small multiples of one number; same law, other
        random numbers. "moves" searches, see below. "auto": if anything is ramped or there are few, dense,
        or cells of 100,000 p-bits and more with few couplings each, or chains; packed if there are 512 and
        they can be packed; else lanes.
        "moves" turns several spins at once, in float64, and
        is no law of p-bits but a search (thermo.kernels.spins.moves); "auto" takes it where a model is
        annealed by its own schedule and a trial finds that penalties hold each single spin. "crossed" is a
        search, too: many annealed states, and crossed (thermo.kernels.spins.population; of couplings that are
        no small whole numbers of one unit, or in little time, thermo.kernels.spins.crossing); "auto"
        takes it where a sparse model is annealed by its own ramp in so many seconds that there is time
        "terms" turns the variables of a polynomial or formula by its products, without the auxiliary spins
        of those of three and more, on a ramp of its own (thermo.kernels.spins.terms); "auto" takes it where
        such a polynomial or weighted formula is annealed by its own schedule, of other formulas in `seconds`
    backend : "numba", or "jax" on JAX's default devices, which share the chains: methods "lanes" and
        "dense", the law and the random words of these
    non_ideal, device_seed : mismatch, asymmetry and quantisation of one device: its couplings and
        fields drive the p-bits, while energies are those of the netlist itself
    seed, first_chain : chain c is a function of (seed, first_chain + c) and of packed or not, and
        not of threads or batches

    Raises SimulationError for a bad option, NetlistError and UnsupportedError for the netlist.
    """
    begin = time.perf_counter()
    if chains < 1:
        raise SimulationError(f"chains must be at least 1, got {chains}")
    if method not in METHODS:
        raise SimulationError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    check_backend(backend, threads)
    by_jax = backend == "jax"
    if by_jax and method not in BY_JAX:
        raise SimulationError(
            f"method {method!r} has no JAX backend; that has {', '.join(BY_JAX)}: leave method or backend out"
        )
    if observe_every is not None and observe_every < 1:
        raise SimulationError(f"observe_every must be at least 1 sweep, got {observe_every}")
    if looks is not None and (looks < 1 or observe_every is not None):
        raise SimulationError(
            f"looks must be at least 1, in place of observe_every; got {looks} and {observe_every}"
        )
    if sum(v is not None for v in (seconds, sweeps, clock)) > 1:
        raise SimulationError("give either sweeps or seconds or a clock: each follows from the others")
    if seconds is not None and not (np.isfinite(seconds) and seconds > 0):
        raise SimulationError(f"seconds must be above 0, got {seconds:g}")
    verify(netlist)
    plan = plan_spins(netlist, kT=kT, sweeps=sweeps)
    timed = seconds is not None or clock is not None
    observed = _observed_phase(netlist, plan)
    looking = _Looks.of(observed, plan[observed].sweeps, observe_every, looks, keep_samples, timed)
    least = _only_least(netlist, plan, kT, non_ideal, target, looking)
    products = None
    if method == "terms" or (method == "auto" and not by_jax and least and _by_terms(netlist, timed)):
        products = Terms.of(netlist)
        if products is None and method == "terms":
            raise SimulationError(
                "method 'terms' is for polynomials and formulas with products of three variables and more, "
                "lowered to no hardware: use 'chains'"
            )
    few = chains < LANES_FROM or target is not None or any(p.ramped for p in plan)
    dense = None
    if products is None and method in ("auto", "dense", "moves") and non_ideal is None and (few or by_jax):
        dense = DenseSystem.from_netlist(netlist)
    if method == "dense" and dense is None:
        raise SimulationError(
            "method 'dense' is for 64 to 16,384 p-bits of which most pairs are coupled, annealed or few: "
            "use 'chains'"
        )
    ideal = SpinSystem.from_netlist(netlist) if dense is None else dense
    system = ideal if non_ideal is None else device_system(netlist, non_ideal, device_seed)

    def check_size(kept: int) -> None:
        """Raise SimulationError where the results would not fit."""
        size = chains * system.n * (kept + 16)
        if size > max_bytes:
            way = "raise observe_every, or keep no samples" if kept else "ask for fewer chains"
            raise SimulationError(
                f"the results would take {size} bytes, more than max_bytes = {max_bytes}: {way}"
            )

    check_size(looking.most)  # before memory is taken
    states = start_states(netlist, system, start, chains, seed, first_chain)
    searching, by_bits = None, False
    if products is not None:
        method, total = "terms", sum(p.sweeps for p in plan)
        still = plan[0].frozen.copy()
        still[products.auxiliary] = True
        searching = SpinPhase("terms", total, products.ramp(), (1.0, 1.0), still, geometric=True)
    elif method == "moves" or (method == "auto" and not by_jax and least and _may_move(netlist)):
        hot, cold, penalties = ramp(system)
        if method == "moves" or penalties:
            method, total = "moves", sum(p.sweeps for p in plan)
            searching = SpinPhase("moves", total, (hot, cold), (1.0, 1.0), plan[0].frozen, geometric=True)
    own = least and _may_move(netlist) and len(plan) == 1
    spare = 0.0 if seconds is None else seconds * SPEED / system.n * min(1.0, 2 / chains)
    crossable = own and isinstance(system, SpinSystem) and system.symmetric and system.n_pairs > 0
    fresh = isinstance(start, str) and start == "random"
    if method == "auto" and not by_jax and crossable and fresh:
        method = "crossed" if spare >= CROSSED_FROM or _first_phase(clock) > 0 else method
    if method == "auto":
        method = "lanes" if dense is None else "dense"
        single = few and not by_jax
        if single and target is None and system.n >= CELLS_FROM and system.n_pairs <= CELLS_PAIRS * system.n:
            method = "cells"
        elif single and dense is None and system.symmetric:
            method = "chains"
        if method == "lanes" and not by_jax and chains >= PACKED_FROM and not first_chain % PACKED_FROM:
            method = "packed" if isinstance(system, SpinSystem) and can_pack(system) else "lanes"
    if searching is not None:
        rounds = 1
        if products is not None and timed:
            rounds = _rounds(1, products.place.size, seconds, clock)
        plan, looking = (searching,) * rounds, replace(looking, phase=rounds - 1)
    elif method == "crossed":
        # after the schedule's own phases, which have no sweeps, and with one more such phase if states are
        # bits: a clock's record shows how it was crossed
        searching = _one_ramp(plan)
        by_bits = isinstance(system, SpinSystem) and is_whole(system)
        if seconds is not None:
            by_bits &= spare >= BITS_FROM
        elif clock is not None:
            by_bits &= _first_phase(clock) > len(plan)
        before = (*plan, searching) if by_bits else plan
        plan = (*(replace(p, sweeps=0) for p in before), searching)
        looking = replace(looking, phase=len(plan) - 1)
    elif timed and method in ("chains", "dense") and all(p.ramped for p in plan):
        rounds = _rounds(len(plan), system.n, seconds, clock)
        looking = replace(looking, phase=looking.phase + (rounds - 1) * len(plan))
        plan = plan * rounds
    if target is not None and non_ideal is not None:
        raise SimulationError("a target is an energy of the netlist, which no device knows: drop it")
    if target is not None and (
        by_jax or method not in ("chains", "dense") or observe_every or looks or seconds
    ):
        raise SimulationError(
            "a target stops chains one by one: use method 'chains' on symmetric couplings, with backend "
            "'numba', without observations and seconds"
        )
    offset = 0.0 if netlist.problem is None else netlist.problem.offset
    unit = netlist.lowered.energy_scale
    progress = NullProgress() if progress is None else progress

    goal = -np.inf
    if target is not None:
        # energies are sums of float32 weights
        size = float(np.abs(np.append(system.h, system.weights)).max(initial=0.0)) / unit
        goal = (target - offset + 1e-6 * max(min(1.0, size), abs(target - offset))) * unit
    if by_jax:
        from thermo.simulate.spins.jax_chains import JaxChains  # takes a while to import

        running: Engine = JaxChains(system, states, seed, first_chain)
    elif products is not None and isinstance(system, SpinSystem):
        running = TermChains(system, products, states, seed, first_chain, threads)
    elif method == "moves":
        running = MoveChains(system, states, seed, first_chain, threads)
    elif isinstance(system, DenseSystem):
        running = DenseChains(system, states, seed, first_chain, threads, goal)
    elif method == "chains":
        running = Chains(system, states, seed, first_chain, threads, goal)
    elif method == "crossed":
        search = Populations if by_bits else CrossedChains
        running = search(system, states, plan[-1].kT, seed, first_chain, threads)
    elif method == "cells":
        running = CellChains(system, states, seed, first_chain, threads)
    elif method == "packed":
        running = PackedTiles(system, states, seed, first_chain, threads)
    else:
        running = LaneTiles(system, states, seed, first_chain, threads)
    timer = (
        None if seconds is None else Clock(max(seconds - (time.perf_counter() - begin), SWEEPING * seconds))
    )
    with running as engine:
        if timer is not None:
            _compile(engine, plan)
            parts: Iterable[Slice] = timer.slices(plan)
        elif clock is not None:
            parts = replayed(clock, len(plan))
        else:
            segment = SEGMENT_JAX if by_jax else SEGMENT
            parts = slices(plan, max(1, segment // max(1, chains * system.n)))
        done = _Run(engine, ideal, plan, parts, looking, check_size, progress)
    plan = done.plan
    total = sum(p.sweeps for p in plan)
    free = sum(p.sweeps * int((~p.frozen).sum()) for p in plan) * chains
    free *= running.width if isinstance(running, Populations) else 1
    if done.hit is not None:
        free = int(free * np.where(done.hit < 0, total, done.hit).mean() / total)
    return SpinResult(
        states=done.states,
        energy=done.energy / unit + offset,
        best_states=done.best_states,
        best_energies=done.best_energies / unit + offset,
        observed_at=np.array(done.looked_at, dtype=np.int64),
        observed_energy=np.array(done.energies).reshape(-1, chains).T / unit + offset,
        means=done.sums / len(done.looked_at) if done.looked_at else None,
        samples=np.stack(done.samples, axis=1) if done.samples else None,
        phases=tuple(p.name for p in (plan[-1:] if method == "crossed" else plan)),
        sweeps=total,
        hit=None if method == "crossed" else done.hit,
        updates=free,
        flips=done.flips,
        kT=plan[-1].kT[1] / unit if kT is None else kT,
        seed=seed,
        seconds=done.seconds,
        method=method,
        clock=None if timer is None else timer.record(),
        backend=backend,
    )


@dataclass(frozen=True, slots=True)
class _Looks:
    """When to look: every so many sweeps of the phase, or so often in the time that it takes."""

    phase: int
    every: int | None
    times: int | None
    keep: bool
    most: int
    """States of each chain that are kept, where it is known before."""

    @staticmethod
    def of(phase: int, sweeps: int, every: int | None, times: int | None, keep: bool, timed: bool) -> _Looks:
        if times is not None and not timed:
            every, times = max(1, sweeps // times), None
        most = times if timed and every is None else None if every is None or timed else sweeps // every
        return _Looks(phase, every, times, keep, (most or 0) if keep else 0)

    def passed(self, part: Slice) -> bool:
        """Whether it is time to look after a slice of a timed run."""
        return self.times is not None and int(part.stop * self.times) > int(part.start * self.times)


class _Run:
    """One pass through the schedule, and what was seen on the way.

    plan : the phases with the sweeps that they had
    """

    def __init__(
        self,
        engine: Engine,
        ideal: SpinSystem | DenseSystem,
        plan: tuple[SpinPhase, ...],
        parts: Iterable[Slice],
        looks: _Looks,
        check_size: Callable[[int], None],
        progress: Progress,
    ) -> None:
        begin = time.perf_counter()
        self._engine, self._ideal, system = engine, ideal, engine.system
        self._looks, self._check_size = looks, check_size
        self.looked_at: list[int] = []
        self.energies: list[np.ndarray] = []
        self.samples: list[np.ndarray] = []
        self.sums = np.zeros((engine.chains, system.n))
        self.best_states = engine.states()
        self.best_energies = self._energy(self.best_states)
        ends = np.cumsum([0, *(p.sweeps for p in plan)])
        counts = [0] * len(plan)
        number = -1
        progress.start(int(ends[-1]), "sweeping")
        try:
            for part in parts:
                if part.phase != number:
                    number = part.phase
                    engine.freeze(plan[number].frozen)
                self._slice(plan[number], part, sum(counts), counts[number])
                counts[number] += part.sweeps
                progress.update(int(ends[number] + part.stop / part.of * plan[number].sweeps))
                if engine.hit is not None and (engine.hit >= 0).all():
                    break
        finally:
            progress.stop()
        stopped = engine.hit is not None and (engine.hit >= 0).all()
        self.plan = (
            plan if stopped else tuple(replace(p, sweeps=k) for p, k in zip(plan, counts, strict=True))
        )
        self.states = engine.states()
        self.energy = self._energy(self.states)
        self._keep_best(self.states, self.energy)
        if not ideal.symmetric:
            self.best_states = self.states  # no state is better than another
        self.hit, self.flips = engine.hit, engine.flips
        if isinstance(engine, Chains | DenseChains | MoveChains | Populations | TermChains):
            best = engine.best()
            self._keep_best(best, self._energy(best))
        self.seconds = time.perf_counter() - begin

    def _slice(self, phase: SpinPhase, part: Slice, step: int, done: int) -> None:
        """A slice, `step` sweeps into the run and `done` into its phase."""
        looks = self._looks
        every = looks.every if part.phase == looks.phase else None
        kT, scale = phase.ramps(part.shares)
        if isinstance(self._engine, CrossedChains | Populations):
            self._engine.expected = (step + part.sweeps) * part.of / part.stop
        at = 0
        while at < part.sweeps:
            stop = part.sweeps
            if every is not None:
                stop = min(stop, at + every - (done + at) % every)
            self._engine.sweep(kT[at:stop, None], stop - at, step + at, scale[at:stop])
            at = stop
            if every is not None and (done + at) % every == 0:
                self._look(step + at)
        if part.phase == looks.phase and looks.passed(part):
            self._look(step + at)

    def _energy(self, states: np.ndarray) -> np.ndarray:
        ideal = self._ideal
        return ideal.energy(states) if ideal.symmetric else np.full(states.shape[0], np.nan)

    def _look(self, step: int) -> None:
        engine, states = self._engine, self._engine.states()
        # of the same system, the engine knows its energies faster
        same = engine.system is self._ideal
        energy = engine.energies.copy() if same else self._energy(states)
        self.looked_at.append(step)
        self.energies.append(energy)
        self.sums += states
        if self._looks.keep:
            self.samples.append(states)
            self._check_size(len(self.samples))
        self._keep_best(states, energy)

    def _keep_best(self, states: np.ndarray, energy: np.ndarray) -> None:
        better = energy < self.best_energies
        self.best_states[better] = states[better]
        self.best_energies[better] = energy[better]


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


def _only_least(
    netlist: LangevinNetlist,
    plan: tuple[SpinPhase, ...],
    kT: float | None,
    non_ideal: Imperfections | None,
    target: float | None,
    looks: _Looks,
) -> bool:
    """Whether a netlist that no hardware has changed is annealed by its own schedule, and not looked at."""
    return (
        (kT is None and target is None and looks.every is None and looks.times is None)
        and (non_ideal is None or non_ideal.ideal)
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


def check_backend(backend: str, threads: int | None) -> None:
    """Raise SimulationError for a backend that p-bits do not have, or threads for JAX."""
    if backend not in BACKENDS:
        raise SimulationError(f"backend must be {' or '.join(BACKENDS)} for p-bits, got {backend!r}")
    if threads is not None and backend != "numba":
        raise SimulationError(
            f"threads = {threads} are for backend 'numba'; {backend!r} chooses its own: drop one"
        )


def _compile(engine: Engine, plan: tuple[SpinPhase, ...]) -> None:
    """Compile the kernels before the clock runs: a sweep of no cell."""
    engine.freeze(np.ones(engine.system.n, dtype=bool))
    engine.sweep(plan[0].kT[0], 1, 0)


def _observed_phase(netlist: LangevinNetlist, plan: tuple[SpinPhase, ...]) -> int:
    """Number of the phase that is looked at."""
    names = [p.name for p in plan]
    return len(plan) - 1 if netlist.readout is None else names.index(netlist.readout.phase)


def start_states(
    netlist: LangevinNetlist,
    system: SpinSystem | DenseSystem,
    start: Any,
    chains: int,
    seed: int,
    first_chain: int = 0,
) -> np.ndarray:
    """(chains, n) int8 starts; input cells at their x0.

    Raises SimulationError for a start that is not +-1 or of another shape.
    """
    x0, frozen = netlist.cells.x0, netlist.cells.frozen
    if isinstance(start, str) and start == "random":
        states = system.random_states(chains, seed, first_chain=first_chain)
    elif isinstance(start, str) and start != "x0":
        raise SimulationError(f"start must be 'random', 'x0' or states, got {start!r}")
    else:
        given = np.asarray(x0 if isinstance(start, str) else start)
        if given.shape not in ((system.n,), (chains, system.n)):
            raise SimulationError(
                f"start has shape {given.shape}; it must be ({system.n},) or ({chains}, {system.n})"
            )
        states = system.checked(np.broadcast_to(given, (chains, system.n))).copy()
    states[:, frozen] = system.checked(np.where(frozen, x0, 1.0))[frozen]
    return states
