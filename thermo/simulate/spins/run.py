"""`simulate_spins`: a netlist of p-bits run through its schedule."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from compiler.ir.kinds import verify
from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import Imperfections
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.clock import Clock, Slice, replayed, slices
from thermo.simulate.spins.dense import DenseSystem
from thermo.simulate.spins.engines import Engine, engine_of
from thermo.simulate.spins.looks import Looks, observed_phase
from thermo.simulate.spins.method import Asked, Choice, Machine, choose
from thermo.simulate.spins.passage import Passage
from thermo.simulate.spins.plan import SpinPhase, plan_spins
from thermo.simulate.spins.population import Populations
from thermo.simulate.spins.result import SpinResult
from thermo.simulate.spins.starts import start_states
from thermo.simulate.spins.system import SpinSystem

SWEEPING = 0.8  # of the time asked for, at least, goes into sweeps
SEGMENT = 4_000_000  # p-bit updates between two looks at progress: some milliseconds
SEGMENT_JAX = 1 << 32  # likewise of an accelerator
MAX_BYTES = 4 << 30


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
    asked = Asked(
        chains=chains,
        method=method,
        backend=backend,
        kT=kT,
        sweeps=sweeps,
        seconds=seconds,
        clock=clock,
        target=target,
        start=start,
        observe_every=observe_every,
        looks=looks,
        non_ideal=non_ideal,
        device_seed=device_seed,
        first_chain=first_chain,
        threads=threads,
    )
    asked.check()
    verify(netlist)
    plan = plan_spins(netlist, kT=kT, sweeps=sweeps)
    observed = observed_phase(netlist, plan)
    looking = Looks.of(observed, plan[observed].sweeps, observe_every, looks, keep_samples, asked.timed)
    machine = Machine.of(netlist, asked, plan, looking)

    def check_size(kept: int) -> None:
        """Raise SimulationError where the results would not fit."""
        size = chains * machine.system.n * (kept + 16)
        if size > max_bytes:
            way = "raise observe_every, or keep no samples" if kept else "ask for fewer chains"
            raise SimulationError(
                f"the results would take {size} bytes, more than max_bytes = {max_bytes}: {way}"
            )

    check_size(looking.most)  # before memory is taken
    states = start_states(netlist, machine.system, start, chains, seed, first_chain)
    choice = choose(netlist, machine, asked, plan, looking)
    asked.check_target(choice.method)
    engine = engine_of(
        choice,
        machine.system,
        states,
        backend=backend,
        seed=seed,
        first_chain=first_chain,
        threads=threads,
        least=_least(netlist, machine.system, target),
    )
    with engine:
        timer, parts = _parts(engine, choice, asked, begin)
        progress = NullProgress() if progress is None else progress
        done = Passage(engine, machine.ideal, choice.plan, parts, choice.looks, check_size, progress)
    return _result(netlist, asked, choice, engine, done, seed, timer)


def _least(netlist: LangevinNetlist, system: SpinSystem | DenseSystem, target: float | None) -> float:
    """The energy at which a chain stops, in the unit of the couplings; -inf without a target."""
    if target is None:
        return -np.inf
    unit = netlist.lowered.energy_scale
    offset = _offset(netlist)
    # energies are sums of float32 weights
    size = float(np.abs(np.append(system.h, system.weights)).max(initial=0.0)) / unit
    return (target - offset + 1e-6 * max(min(1.0, size), abs(target - offset))) * unit


def _offset(netlist: LangevinNetlist) -> float:
    return 0.0 if netlist.problem is None else netlist.problem.offset


def _parts(
    engine: Engine, choice: Choice, asked: Asked, begin: float
) -> tuple[Clock | None, Iterable[Slice]]:
    """The slices that a run is cut into, and the clock that cuts them where it fills a time from `begin`."""
    if asked.seconds is not None:
        spent = time.perf_counter() - begin
        timer = Clock(max(asked.seconds - spent, SWEEPING * asked.seconds))
        _compile(engine, choice.plan)
        return timer, timer.slices(choice.plan)
    if asked.clock is not None:
        return None, replayed(asked.clock, len(choice.plan))
    segment = SEGMENT_JAX if asked.by_jax else SEGMENT
    return None, slices(choice.plan, max(1, segment // max(1, asked.chains * engine.system.n)))


def _compile(engine: Engine, plan: tuple[SpinPhase, ...]) -> None:
    """Compile the kernels before the clock runs: a sweep of no cell."""
    engine.freeze(np.ones(engine.system.n, dtype=bool))
    engine.sweep(plan[0].kT[0], 1, 0)


def _result(
    netlist: LangevinNetlist,
    asked: Asked,
    choice: Choice,
    engine: Engine,
    done: Passage,
    seed: int,
    timer: Clock | None,
) -> SpinResult:
    """What a passage saw, in the model's unit and with its offset."""
    unit, offset = netlist.lowered.energy_scale, _offset(netlist)
    plan, crossed = done.plan, choice.method == "crossed"
    total = sum(p.sweeps for p in plan)
    free = sum(p.sweeps * int((~p.frozen).sum()) for p in plan) * asked.chains
    free *= engine.width if isinstance(engine, Populations) else 1
    if done.hit is not None:
        free = int(free * np.where(done.hit < 0, total, done.hit).mean() / total)
    return SpinResult(
        states=done.states,
        energy=done.energy / unit + offset,
        best_states=done.best_states,
        best_energies=done.best_energies / unit + offset,
        observed_at=np.array(done.looked_at, dtype=np.int64),
        observed_energy=np.array(done.energies).reshape(-1, asked.chains).T / unit + offset,
        means=done.sums / len(done.looked_at) if done.looked_at else None,
        samples=np.stack(done.samples, axis=1) if done.samples else None,
        phases=tuple(p.name for p in (plan[-1:] if crossed else plan)),
        sweeps=total,
        hit=None if crossed else done.hit,
        updates=free,
        flips=done.flips,
        kT=plan[-1].kT[1] / unit if asked.kT is None else asked.kT,
        seed=seed,
        seconds=done.seconds,
        method=choice.method,
        clock=None if timer is None else timer.record(),
        backend=asked.backend,
    )
