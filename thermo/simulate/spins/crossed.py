"""Searches by populations of annealed states that are crossed, one a chain."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from thermo.kernels.spins import crossing as kernel
from thermo.simulate.spins.chains import Chains
from thermo.simulate.spins.lanes import check_sweeps
from thermo.simulate.spins.system import SpinSystem


class CrossedChains(Chains):
    """Each chain is a search of its own, see thermo.kernels.spins.crossing; a context.

    Its result is a function of (seed, chain, sweeps, `expected`), not of how sweeps are cut into calls.
    expected : sweeps that the whole run will have, about, as far as it is known; set before `sweep`
    """

    def __init__(
        self,
        system: SpinSystem,
        states: np.ndarray,
        kT: tuple[float, float],
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
    ) -> None:
        """states : (chains, n) int8 of +-1, where first members begin; kT : ends of the members' ramps."""
        super().__init__(system, states, seed, first_chain, threads)
        self.expected = 0.0
        n, chains = self._own.size, self.chains
        self._filled = np.sort(system.layout.place)
        self._ends_kT = tuple(float(np.ldexp(t, -self._unit)) for t in kT)
        self._logs = kernel.quantiles()
        self._state = np.zeros((chains, 14), np.int64)
        self._state[:, kernel.SIZE], self._state[:, kernel.SWEEPS] = 1, kernel.FIRST
        self._found = np.full((chains, kernel.MEMBERS + 4), np.inf)
        self._found[:, -1] = self._least
        self._now = self._spin.copy()
        self._members = np.ones((chains, kernel.MEMBERS + 1, n), np.int8)
        self._until = 0

    def __enter__(self) -> Self:
        super().__enter__()
        m = self._edges.size
        self._scratch = [
            tuple(np.empty(size, np.int64) for size in (*[self._own.size + 1] * 5, m))
            for _ in range(self.chains)
        ]
        self._numbers = [
            tuple(np.empty(size) for size in (*[self._own.size] * 4, m)) for _ in range(self.chains)
        ]
        return self

    def freeze(self, frozen: np.ndarray) -> None:
        super().freeze(frozen)
        layout = self.system.layout
        self._held = np.zeros(self._own.size, dtype=bool)
        self._held[layout.place] = frozen[layout.order]

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """Go on by the work of n_sweeps sweeps; kT and scale are the search's own."""
        check_sweeps(step, n_sweeps)
        self._until += 0 if self._held[self._filled].all() else n_sweeps
        hot, cold = self._ends_kT

        def run(c: int) -> int:
            turns = self._state[c, kernel.TURNS]
            kernel.search_chain(
                self._spin[c],
                self._total[c],
                self._own,
                self._indptr,
                self._edges,
                self._runs,
                self._free,
                self._filled,
                self._held,
                self._logs,
                hot,
                cold,
                self._until,
                self.expected,
                self.seed,
                np.uint64(self.first + c),
                self._state[c],
                self._found[c],
                self._now[c],
                self._members[c],
                self._best[c],
                self._scratch[c],
                self._numbers[c],
            )
            self._least[c], self._energies[c] = self._found[c, -1], self._found[c, -3]
            return int(self._state[c, kernel.TURNS] - turns)

        self.flips += sum(self.each(run, range(self.chains)))
