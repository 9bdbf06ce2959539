"""`simulate_spins`: a netlist of p-bits run through its schedule."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from compiler.ir.kinds import verify
from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import Imperfections
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.chains import Chains
from thermo.simulate.spins.lanes import LaneTiles
from thermo.simulate.spins.packed import PackedTiles, can_pack
from thermo.simulate.spins.plan import SpinPhase, plan_spins
from thermo.simulate.spins.result import SpinResult
from thermo.simulate.spins.system import SpinSystem, device_system

METHODS = ("auto", "chains", "lanes", "packed")
Engine = Chains | LaneTiles | PackedTiles
LANES_FROM = 8  # chains from which sums made anew, 16 chains at a time, are faster at constant kT
PACKED_FROM = 512  # chains that fill one tile of bits
SEGMENT = 4_000_000  # p-bit updates between two looks at progress: some milliseconds
MAX_BYTES = 4 << 30
TRIAL = 0.04  # share of `seconds` that is spent on finding the speed


def simulate_spins(
    netlist: LangevinNetlist,
    *,
    chains: int = 16,
    seed: int = 0,
    kT: float | None = None,
    sweeps: int | None = None,
    seconds: float | None = None,
    target: float | None = None,
    start: Any = "random",
    observe_every: int | None = None,
    looks: int | None = None,
    keep_samples: bool = False,
    method: str = "auto",
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
    seconds : wall time to fill: the schedule is stretched so that the run takes about as long.
        The result tells the sweeps; with them in place of seconds the run is repeated exactly
    target : energy (offset included, the model's unit) at which a chain stops; needs method "chains"
    start : "random", "x0" (the netlist's), or (n,) or (chains, n) of +-1; inputs keep their x0
    observe_every : look at every so many sweeps, in the read-out's phase (else the last)
    looks : in place of it, about how often to look in that phase
    keep_samples : keep the states that are looked at
    method : "lanes" sums local fields anew, many chains at a time; "chains" keeps them up to date,
        which is faster where few p-bits flip; same random numbers, same law. "packed" has 512
        chains in a row of bits, where couplings are small multiples of one number; same law, other
        random numbers. "auto": chains if anything is ramped or there are few; packed if there are
        512 and they can be packed; else lanes
    non_ideal, device_seed : mismatch, asymmetry and quantisation of one device: its couplings and
        fields drive the p-bits, while energies are those of the netlist itself
    seed, first_chain : chain c is a function of (seed, first_chain + c) and of packed or not, and
        not of threads or batches

    Raises SimulationError for a bad option, NetlistError and UnsupportedError for the netlist.
    """
    if chains < 1:
        raise SimulationError(f"chains must be at least 1, got {chains}")
    if method not in METHODS:
        raise SimulationError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if observe_every is not None and observe_every < 1:
        raise SimulationError(f"observe_every must be at least 1 sweep, got {observe_every}")
    if looks is not None and (looks < 1 or observe_every is not None):
        raise SimulationError(
            f"looks must be at least 1, in place of observe_every; got {looks} and {observe_every}"
        )
    if seconds is not None and sweeps is not None:
        raise SimulationError("give either sweeps or seconds: one follows from the other")
    if seconds is not None and not (np.isfinite(seconds) and seconds > 0):
        raise SimulationError(f"seconds must be above 0, got {seconds:g}")
    verify(netlist)
    ideal = SpinSystem.from_netlist(netlist)
    system = ideal if non_ideal is None else device_system(netlist, non_ideal, device_seed)
    plan = plan_spins(netlist, kT=kT, sweeps=sweeps)
    observed = _observed_phase(netlist, plan)

    def interval(phases: tuple[SpinPhase, ...]) -> int | None:
        """Sweeps between two looks; raises SimulationError where the results would not fit."""
        length, every = phases[observed].sweeps, observe_every
        if looks is not None:
            every = max(1, length // looks)
        kept = length // every if keep_samples and every is not None else 0
        size = chains * system.n * (kept + 16)
        if size > max_bytes:
            way = "raise observe_every, or keep no samples" if kept else "ask for fewer chains"
            raise SimulationError(
                f"the results would take {size} bytes, more than max_bytes = {max_bytes}: {way}"
            )
        return every

    interval(plan)  # before memory is taken
    states = start_states(netlist, system, start, chains, seed, first_chain)
    if method == "auto":
        few = chains < LANES_FROM or target is not None or any(p.ramped for p in plan)
        method = "chains" if few and system.symmetric else "lanes"
        if method == "lanes" and chains >= PACKED_FROM and not first_chain % PACKED_FROM:
            method = "packed" if can_pack(system) else "lanes"
    if target is not None and non_ideal is not None:
        raise SimulationError("a target is an energy of the netlist, which no device knows: drop it")
    if target is not None and (method != "chains" or observe_every or looks or seconds):
        raise SimulationError(
            "a target stops chains one by one: use method 'chains' on symmetric couplings, without "
            "observations and seconds"
        )
    offset = 0.0 if netlist.problem is None else netlist.problem.offset
    unit = netlist.lowered.energy_scale
    progress = NullProgress() if progress is None else progress

    def run(phases: tuple[SpinPhase, ...], told: Progress) -> _Run:
        """The whole schedule."""
        every = interval(phases)
        if method == "chains":
            # energies are sums of float32 weights
            goal = -np.inf
            if target is not None:
                size = min(1.0, float(np.abs(np.append(system.h, system.weights)).max()) / unit)
                goal = (target - offset + 1e-6 * max(size, abs(target))) * unit
            running: Engine = Chains(system, states, seed, first_chain, threads, goal)
        elif method == "packed":
            running = PackedTiles(system, states, seed, first_chain, threads)
        else:
            running = LaneTiles(system, states, seed, first_chain, threads)
        with running as engine:
            return _Run(engine, ideal, phases, observed, every, keep_samples, told)

    if seconds is not None:
        plan = _fill(netlist, kT, seconds, run)
    done = run(plan, progress)
    total = sum(p.sweeps for p in plan)
    free = sum(p.sweeps * int((~p.frozen).sum()) for p in plan) * chains
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
        phases=tuple(p.name for p in plan),
        sweeps=total,
        hit=done.hit,
        updates=free,
        flips=done.flips,
        kT=plan[-1].kT[1] / unit if kT is None else kT,
        seed=seed,
        seconds=done.seconds,
        method=method,
    )


class _Run:
    """One pass through the schedule, and what was seen on the way."""

    def __init__(
        self,
        engine: Engine,
        ideal: SpinSystem,
        plan: tuple[SpinPhase, ...],
        observed: int,
        every: int | None,
        keep_samples: bool,
        progress: Progress,
    ) -> None:
        begin = time.perf_counter()
        self._engine, self._ideal, system = engine, ideal, engine.system
        self.looked_at: list[int] = []
        self.energies: list[np.ndarray] = []
        self.samples: list[np.ndarray] = []
        self.sums = np.zeros((engine.chains, system.n))
        self.best_states = engine.states()
        self.best_energies = self._energy(self.best_states)
        total, step = sum(p.sweeps for p in plan), 0
        slice_ = max(1, SEGMENT // max(1, engine.chains * system.n))
        progress.start(total, "sweeping")
        try:
            for p, phase in enumerate(plan):
                engine.freeze(phase.frozen)
                look = every if p == observed else None
                done = 0
                while done < phase.sweeps:
                    stop = min(done + slice_, phase.sweeps)
                    if look is not None:
                        stop = min(stop, done - done % look + look)
                    kT, scale = phase.ramps(done, stop)
                    engine.sweep(kT[:, None], stop - done, step, scale)
                    step, done = step + stop - done, stop
                    if look is not None and done % look == 0:
                        self._look(step, keep_samples)
                    progress.update(step)
                    if isinstance(engine, Chains) and (engine.hit >= 0).all():
                        break
        finally:
            progress.stop()
        self.states = engine.states()
        self.energy = self._energy(self.states)
        self._keep_best(self.states, self.energy)
        if not ideal.symmetric:
            self.best_states = self.states  # no state is better than another
        self.hit = engine.hit if isinstance(engine, Chains) else None
        self.flips = engine.flips if isinstance(engine, Chains) else None
        if isinstance(engine, Chains):
            best = engine.best()
            self._keep_best(best, self._energy(best))
        self.seconds = time.perf_counter() - begin

    def _energy(self, states: np.ndarray) -> np.ndarray:
        ideal = self._ideal
        return ideal.energy(states) if ideal.symmetric else np.full(states.shape[0], np.nan)

    def _look(self, step: int, keep: bool) -> None:
        engine, states = self._engine, self._engine.states()
        # of the same system, the engine knows its energies faster
        same = engine.system is self._ideal
        energy = engine.energies.copy() if same else self._energy(states)
        self.looked_at.append(step)
        self.energies.append(energy)
        self.sums += states
        if keep:
            self.samples.append(states)
        self._keep_best(states, energy)

    def _keep_best(self, states: np.ndarray, energy: np.ndarray) -> None:
        better = energy < self.best_energies
        self.best_states[better] = states[better]
        self.best_energies[better] = energy[better]


def _fill(netlist: LangevinNetlist, kT: float | None, seconds: float, run: Any) -> Any:
    """The schedule stretched to take about `seconds`, its speed found by short trials."""
    sweeps = len(netlist.schedule)
    run(plan_spins(netlist, kT=kT, sweeps=sweeps), NullProgress())  # compiles
    begin = time.perf_counter()
    taken = 0.0
    while taken < TRIAL * seconds:
        sweeps *= int(np.clip(1.2 * TRIAL * seconds / max(taken, 1e-6), 2, 16))
        plan = plan_spins(netlist, kT=kT, sweeps=sweeps)
        # the better of two: other programs may be in the way of one
        taken = min(run(plan, NullProgress()).seconds for _ in range(2))
    left = seconds - (time.perf_counter() - begin)
    return plan_spins(netlist, kT=kT, sweeps=max(sweeps, int(sweeps / taken * left)))


def _observed_phase(netlist: LangevinNetlist, plan: tuple[SpinPhase, ...]) -> int:
    """Number of the phase that is looked at."""
    names = [p.name for p in plan]
    return len(plan) - 1 if netlist.readout is None else names.index(netlist.readout.phase)


def start_states(
    netlist: LangevinNetlist, system: SpinSystem, start: Any, chains: int, seed: int, first_chain: int = 0
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
