"""Chains whose local fields are kept up to date: what single chains on a graph and on a matrix share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from thermo.simulate.spins.lanes import Workers, check_identity, check_sweeps, inverse

REFRESH = 1024  # sweeps after which inexact sums are made anew, at multiples of it


class RunningChains(Workers):
    """Some chains between calls of `sweep`, and the best that each has seen. A context.

    energies, least : (chains,) float64 of the present and of the best states, full couplings
    hit : (chains,) int64, number of sweeps after which the target energy was reached, there the
        chain stopped; -1 before that
    flips : of all chains so far; exact : whether sums in float32 are
    """

    exact = False

    def __init__(
        self, unit: int, chains: int, seed: int, first_chain: int, threads: int | None, target: float
    ) -> None:
        """unit : of the kernels' energies, a power of two; target : energy at which a chain stops."""
        super().__init__(threads)
        check_identity(seed, first_chain)
        self.chains, self.seed, self.first = chains, np.uint64(seed), first_chain
        self._unit, self._target = unit, float(np.ldexp(target, -unit))
        self._energies = np.zeros(chains)
        self.flips = 0

    def _begin(self) -> None:
        """Sum up what the chains start from."""
        for c in range(self.chains):
            self._refresh(c)
        self._least = self._energies.copy()
        self.hit = np.where(self._least <= self._target, 0, -1)

    @abstractmethod
    def _refresh(self, c: int) -> None:
        """Make the sums and the energy of a chain anew."""

    @abstractmethod
    def _advance(
        self, c: int, beta: np.ndarray, scale: np.ndarray, step: int
    ) -> tuple[int, float, float, int]:
        """Sweeps of a chain at beta, scale (n_sweeps,): (how many, energy, least energy, flips)."""

    @property
    def energies(self) -> np.ndarray:
        return np.ldexp(self._energies, self._unit)

    @property
    def least(self) -> np.ndarray:
        return np.ldexp(self._least, self._unit)

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """n_sweeps sweeps, numbered from `step`, in place; as LaneTiles.sweep."""
        check_sweeps(step, n_sweeps)
        beta = inverse(kT, n_sweeps, self.chains, self._unit)
        scale = np.broadcast_to(np.asarray(scale, np.float32), (n_sweeps,))
        stops = [*range(step - step % REFRESH + REFRESH, step + n_sweeps, REFRESH), step + n_sweeps]

        def run(c: int) -> int:
            flips, start = 0, step
            for stop in stops:
                if self.hit[c] >= 0:
                    break
                here = slice(start - step, stop - step)
                done, self._energies[c], self._least[c], some = self._advance(
                    c, beta[here, c].copy(), scale[here].copy(), start
                )
                if self._least[c] <= self._target:
                    self.hit[c] = start + done
                flips, start = flips + some, stop
                if not (self.exact or stop % REFRESH):
                    self._refresh(c)
            return flips

        self.flips += sum(self.each(run, range(self.chains)))
