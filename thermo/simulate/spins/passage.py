"""One passage of an engine through a schedule, and what was seen on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from thermo.progress import Progress
from thermo.simulate.spins.chains import Chains
from thermo.simulate.spins.clock import Slice
from thermo.simulate.spins.crossed import CrossedChains
from thermo.simulate.spins.dense import DenseChains, DenseSystem
from thermo.simulate.spins.engines import Engine
from thermo.simulate.spins.looks import Looks
from thermo.simulate.spins.moves import MoveChains
from thermo.simulate.spins.plan import SpinPhase
from thermo.simulate.spins.population import Populations
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.terms import TermChains


class Passage:
    """One pass through the schedule, and what was seen on the way.

    plan : the phases with the sweeps that they had
    """

    def __init__(
        self,
        engine: Engine,
        ideal: SpinSystem | DenseSystem,
        plan: tuple[SpinPhase, ...],
        parts: Iterable[Slice],
        looks: Looks,
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
