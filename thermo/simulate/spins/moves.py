"""Chains of moves of several spins at once, where penalties hold every single one."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import sparse

from compiler.errors import UnsupportedError
from thermo.kernels.spins import moves as kernel
from thermo.simulate.spins.dense import DenseSystem
from thermo.simulate.spins.lanes import Workers, check_identity, check_sweeps
from thermo.simulate.spins.system import SpinSystem

TRIALS = 4  # minima that the trial begins at
TRIAL_SWEEPS = 10
MOST_COUPLINGS = 1 << 20  # of a system that is tried
PENALTY = 2.5  # graphs, glasses, lattices and formulas show 1 to 2, penalties 3 and more
COLD = 0.1
REFRESH = 256  # sweeps after which sums are made anew, at multiples of it


class MoveChains(Workers):
    """States of some chains between calls of `sweep`, and the best that each has seen. A context.

    A sweep is as many turns of single spins, undone ones too, as spins are free.
    energies, least : (chains,) float64 of the present and of the best states
    turns : of all chains so far; hit, flips : None, as nothing of the kind is counted
    """

    hit = None
    flips = None

    def __init__(
        self,
        system: SpinSystem | DenseSystem,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
    ) -> None:
        """states : (chains, n) int8 of +-1, checked. UnsupportedError for directed couplings."""
        super().__init__(threads)
        check_identity(seed, first_chain)
        if not system.symmetric:
            raise UnsupportedError("moves need energies: the couplings must be symmetric")
        self.system, self.chains = system, states.shape[0]
        self.seed, self.first = np.uint64(seed), first_chain
        n = system.n
        pairs = sparse.coo_array((system.weights, (system.driven, system.driving)), shape=(n, n))
        both = (pairs + pairs.T).tocsr()
        self._indptr, self._ends = both.indptr.astype(np.int64), both.indices.astype(np.int64)
        self._weights = both.data.astype(np.float64)
        self._spin = states.astype(np.float64)
        self._force = np.empty_like(self._spin)
        self._best = states.copy()
        self._stamp = np.zeros(self.chains, np.int64)
        self.energies = np.zeros(self.chains)
        for c in range(self.chains):
            self._refresh(c)
        self.least = self.energies.copy()
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        self._free = np.flatnonzero(~frozen)
        self._mark = np.where(frozen, -1, 0) * np.ones((self.chains, 1), np.int64)

    def descend(self) -> None:
        """Turn single spins while that lowers the energy."""
        for c in range(self.chains):
            self._descend(c)

    def _descend(self, c: int) -> None:
        spin, force = self._spin[c], self._force[c]
        kernel.descend(spin, force, self._indptr, self._ends, self._weights, self._free)
        self._refresh(c)
        if self.energies[c] < self.least[c]:
            self.least[c], self._best[c] = self.energies[c], spin.astype(np.int8)

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """n_sweeps sweeps, numbered from `step`, in place.

        kT : a number, or one a sweep: (n_sweeps,) or (n_sweeps, 1); scale : 1
        """
        self.moved(kT, n_sweeps, step, 0)

    def moved(self, kT: Any, n_sweeps: int, step: int, seen: int) -> np.ndarray:
        """`sweep`, and the energies (chains, seen) of each chain's last moves, 0 where there were fewer."""
        check_sweeps(step, n_sweeps)
        kT = np.broadcast_to(np.ravel(np.asarray(kT, dtype=np.float64)), (n_sweeps,)).copy()
        changes = np.zeros((self.chains, seen))

        stops = [*range(step - step % REFRESH + REFRESH, step + n_sweeps, REFRESH), step + n_sweeps]

        def run(c: int) -> None:
            if not step:
                self._descend(c)  # from wherever it was put
            start = step
            for stop in stops:
                self.energies[c], self.least[c], self._stamp[c] = kernel.move_chain(
                    self._spin[c],
                    self._force[c],
                    self._indptr,
                    self._ends,
                    self._weights,
                    self._free,
                    self._mark[c],
                    kT[start - step : stop - step],
                    self.seed,
                    np.uint64(self.first + c),
                    start,
                    self._stamp[c],
                    self.energies[c],
                    self.least[c],
                    self._best[c],
                    changes[c],
                )
                start = stop
                if stop % REFRESH == 0:
                    self._refresh(c)

        if self._free.size:
            self.each(run, range(self.chains))
        return changes

    def _refresh(self, c: int) -> None:
        self.energies[c] = kernel.sum_forces(
            self._spin[c], self.system.h, self._indptr, self._ends, self._weights, self._force[c]
        )

    def costs(self) -> np.ndarray:
        """(chains, n_free) energies that turning each free spin would cost."""
        return 2.0 * (self._spin * self._force)[:, self._free]

    def states(self) -> np.ndarray:
        """(chains, n) int8."""
        return self._spin.astype(np.int8)

    def best(self) -> np.ndarray:
        """(chains, n) int8, the state of least energy that each chain has seen."""
        return self._best.copy()


def ramp(system: SpinSystem | DenseSystem) -> tuple[float, float, bool]:
    """(hot, cold, penalties): temperatures of moves, by what moves between minima cost at random.

    hot : median of the changes of energy that are not 0; cold : a tenth of a small one (2 %)
    penalties : whether turning one spin of a minimum costs far more than that, so that p-bits are
        stuck where moves are not; False of a system with too many couplings to try

    From starts of its own: a function of the system alone.
    """
    if system.n_pairs > MOST_COUPLINGS or not system.symmetric:
        return 1.0, 1.0, False
    states = system.random_states(TRIALS, 0)
    with MoveChains(system, states, 0, 0, 1) as chains:
        chains.descend()
        cost = chains.costs()
        changes = np.abs(chains.moved(np.inf, TRIAL_SWEEPS, 1, 1 << 10))
    changes, cost = changes[changes > 0], cost[cost > 0]
    if not changes.size:
        return 1.0, 1.0, False
    hot = float(np.median(changes))
    cold = min(hot, COLD * float(np.quantile(changes, 0.02)))
    return hot, cold, bool(cost.size and np.median(cost) > PENALTY * hot)
