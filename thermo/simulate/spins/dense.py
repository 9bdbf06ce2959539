"""p-bits that are nearly all coupled to all: one matrix, no colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from compiler.ir.complete import AllToAll
from compiler.ir.langevin import CouplingKind, LangevinNetlist
from thermo.kernels.random import threefry4x32_numpy
from thermo.kernels.spins import dense as kernel
from thermo.kernels.spins.rows import STREAM_SPINS
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.lanes import MOST_SWEEPS, exponent
from thermo.simulate.spins.running import RunningChains
from thermo.simulate.spins.system import check_spins, checked_states

LEAST, MOST = 64, 1 << 14  # p-bits; the matrix of the largest takes 1 GiB
DENSE = 0.5  # share of all pairs that are coupled


@dataclass(frozen=True, slots=False, eq=False)
class DenseSystem:
    """As SpinSystem, of which it has what a run of chains needs.

    matrix : (n, n) float32 J in the kernels' unit of energy, 2^unit; h : (n,) float64
    pairs : (n (n - 1) / 2,) float64 J, see compiler.ir.complete, of which energies are made; 0 where
        there is no coupling
    """

    matrix: np.ndarray
    unit: int
    h: np.ndarray
    pairs: np.ndarray
    frozen: np.ndarray
    symmetric: bool = True

    @staticmethod
    def from_netlist(netlist: LangevinNetlist) -> DenseSystem | None:
        """The system of a verified netlist, None of one that is not dense, or not symmetric, p-bits."""
        groups = [c for c in netlist.couplings if len(c)]
        n = netlist.n_cells
        if len(groups) != 1 or groups[0].kind != CouplingKind.LINEAR or not LEAST <= n <= MOST:
            return None
        group = groups[0]
        if len(group) < DENSE * n * (n - 1) or netlist.cells.frozen.any():
            return None
        check_spins(netlist)
        if isinstance(group, AllToAll):
            pairs = group.pairs
        else:
            pairs = np.zeros(n * (n - 1) // 2)
            values = group.values.astype(np.float64, copy=False)
            if not kernel.pairs_of(group.indptr, group.indices, values, pairs):
                return None
        h = netlist.cells.h
        unit = exponent(h, pairs)
        matrix = np.zeros((n, n), np.float32)
        factor = float(np.ldexp(1.0, -unit)) if unit > -1000 else 2.0**1000
        kernel.fill_matrix(pairs, factor, matrix)
        return DenseSystem(matrix, unit, h, pairs, netlist.cells.frozen)

    @property
    def n(self) -> int:
        return self.h.size

    @cached_property
    def _coupled(self) -> tuple[np.ndarray, np.ndarray]:
        row, col = np.triu_indices(self.n, 1)
        return row[self.pairs != 0], col[self.pairs != 0]

    @property
    def driven(self) -> np.ndarray:
        return self._coupled[0]

    @property
    def driving(self) -> np.ndarray:
        return self._coupled[1]

    @property
    def weights(self) -> np.ndarray:
        return self.pairs[self.pairs != 0]

    @property
    def n_pairs(self) -> int:
        return int(np.count_nonzero(self.pairs))

    def sums(self, state: np.ndarray) -> np.ndarray:
        """(n,) float64 sums of couplings of one state (n,) float64."""
        out = np.empty(self.n)
        kernel.sum_pairs(self.pairs, state, out)
        return out

    def energy(self, states: Any) -> np.ndarray:
        """(...,) float64 energies of states (..., n)."""
        flat = self.checked(states).reshape(-1, self.n).astype(np.float64)
        out = np.array([-float(s @ (self.h + 0.5 * self.sums(s))) for s in flat])
        return out.reshape(np.shape(states)[:-1])

    def random_states(self, chains: int, seed: int = 0, *, first_chain: int = 0) -> np.ndarray:
        """(chains, n) int8 of +-1 with equal probability, a function of (seed, chain, cell)."""
        if chains < 1:
            raise SimulationError(f"chains must be at least 1, got {chains}")
        chain = np.arange(first_chain, first_chain + chains, dtype=np.uint64)[:, None]
        block = np.arange(-(-self.n // 4), dtype=np.uint64)[None, :]
        low, high = (
            np.broadcast_to(v, (chains, block.size))
            for v in (chain & np.uint64(0xFFFFFFFF), chain >> np.uint64(32))
        )
        step = np.full(low.shape, MOST_SWEEPS, np.uint64)  # this number is kept for starts
        key = (seed & 0xFFFFFFFF, seed >> 32, STREAM_SPINS, 0)
        words = threefry4x32_numpy(key, (low, high, step, np.broadcast_to(block, low.shape)))
        bits = np.stack(words, axis=-1).reshape(chains, -1)[:, : self.n]
        return np.where(bits < 1 << 31, 1, -1).astype(np.int8)

    def checked(self, states: Any) -> np.ndarray:
        """As SpinSystem.checked."""
        return checked_states(states, self.n)


class DenseChains(RunningChains):
    """Chains of a DenseSystem; see RunningChains."""

    def __init__(
        self,
        system: DenseSystem,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
        target: float = -np.inf,
    ) -> None:
        super().__init__(system.unit, states.shape[0], seed, first_chain, threads, target)
        self.system = system
        self._own = np.ldexp(system.h, -system.unit).astype(np.float32)
        self._spin = states.astype(np.float32)
        self._total = np.zeros_like(self._spin)
        self._best = states.copy()
        self._begin()
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        self._free = ~frozen

    def _advance(
        self, c: int, beta: np.ndarray, scale: np.ndarray, step: int
    ) -> tuple[int, float, float, int]:
        return kernel.sweep_dense(
            self._spin[c],
            self._total[c],
            self._own,
            self.system.matrix,
            self._free,
            beta,
            scale,
            self.seed,
            np.uint64(self.first + c),
            step,
            self._energies[c],
            self._least[c],
            self._best[c],
            self._target,
        )

    def _refresh(self, c: int) -> None:
        spin = self._spin[c].astype(np.float64)
        total = np.ldexp(self.system.sums(spin), -self._unit)
        self._total[c] = total
        self._energies[c] = -float(spin @ (self._own + 0.5 * total))

    def states(self) -> np.ndarray:
        """(chains, n) int8."""
        return self._spin.astype(np.int8)

    def best(self) -> np.ndarray:
        """(chains, n) int8, the state of each chain with its least energy after any sweep."""
        return self._best.copy()
