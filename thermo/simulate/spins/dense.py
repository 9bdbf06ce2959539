"""p-bits that are nearly all coupled to all: one matrix, no colours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy import sparse

from compiler.ir.langevin import CouplingKind, LangevinNetlist
from thermo.kernels.random import threefry4x32_numpy
from thermo.kernels.spins import dense as kernel
from thermo.kernels.spins.rows import STREAM_SPINS
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.chains import REFRESH
from thermo.simulate.spins.lanes import MOST_SWEEPS, Workers, check_identity, check_sweeps, exponent, inverse
from thermo.simulate.spins.system import check_spins, checked_states

LEAST, MOST = 64, 1 << 14  # p-bits; the matrix of the largest takes 1 GiB
DENSE = 0.5  # share of all pairs that are coupled


@dataclass(frozen=True, slots=False, eq=False)
class DenseSystem:
    """As SpinSystem, of which it has what a run of chains needs.

    matrix : (n, n) float32 J in the kernels' unit of energy, 2^unit; h : (n,) float64
    couplings : the netlist's own, (n, n) CSR float64, of which energies are made
    """

    matrix: np.ndarray
    unit: int
    h: np.ndarray
    couplings: sparse.csr_array
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
        values, h = group.values.astype(np.float64, copy=False), netlist.cells.h
        unit = exponent(h, values)
        matrix = np.zeros((n, n), np.float32)
        factor = float(np.ldexp(1.0, -unit)) if unit > -1000 else 2.0**1000
        if not kernel.fill_dense(group.indptr, group.indices, values, factor, matrix):
            return None
        pairs = sparse.csr_array((values, group.indices, group.indptr), shape=(n, n))
        return DenseSystem(matrix, unit, h, pairs, netlist.cells.frozen)

    @property
    def n(self) -> int:
        return self.h.size

    @cached_property
    def _upper(self) -> sparse.coo_array:
        return sparse.triu(self.couplings, 1).tocoo()

    @property
    def driven(self) -> np.ndarray:
        return self._upper.row.astype(np.int64)

    @property
    def driving(self) -> np.ndarray:
        return self._upper.col.astype(np.int64)

    @property
    def weights(self) -> np.ndarray:
        return self._upper.data

    @property
    def n_pairs(self) -> int:
        return self.couplings.nnz // 2

    def energy(self, states: Any) -> np.ndarray:
        """(...,) float64 energies of states (..., n)."""
        flat = self.checked(states).reshape(-1, self.n).astype(np.float64)
        out = np.array([-(s @ self.h) - 0.5 * float(s @ (self.couplings @ s)) for s in flat])
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


class DenseChains(Workers):
    """Chains of a DenseSystem between calls of `sweep`, as thermo.simulate.spins.chains.Chains."""

    def __init__(
        self,
        system: DenseSystem,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
        target: float = -np.inf,
    ) -> None:
        super().__init__(threads)
        check_identity(seed, first_chain)
        self.system, self.chains = system, states.shape[0]
        self.seed, self.first = np.uint64(seed), first_chain
        self._unit = system.unit
        self._own = np.ldexp(system.h, -system.unit).astype(np.float32)
        self._spin = states.astype(np.float32)
        self._total = np.zeros_like(self._spin)
        self._best = states.copy()
        self._energies = np.zeros(self.chains)
        self.flips = 0
        for c in range(self.chains):
            self._refresh(c)
        self._least = self._energies.copy()
        self._target = float(np.ldexp(target, -system.unit))
        self.hit = np.where(self._least <= self._target, 0, -1)
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    @property
    def energies(self) -> np.ndarray:
        return np.ldexp(self._energies, self._unit)

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        self._free = ~frozen

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
                done, self._energies[c], self._least[c], some = kernel.sweep_dense(
                    self._spin[c],
                    self._total[c],
                    self._own,
                    self.system.matrix,
                    self._free,
                    beta[here, c].copy(),
                    scale[here].copy(),
                    self.seed,
                    np.uint64(self.first + c),
                    start,
                    self._energies[c],
                    self._least[c],
                    self._best[c],
                    self._target,
                )
                if self._least[c] <= self._target:
                    self.hit[c] = start + done
                flips, start = flips + some, stop
                if stop % REFRESH == 0:
                    self._refresh(c)
            return flips

        self.flips += sum(self.each(run, range(self.chains)))

    def _refresh(self, c: int) -> None:
        spin = self._spin[c].astype(np.float64)
        total = np.ldexp(self.system.couplings @ spin, -self._unit)
        self._total[c] = total
        self._energies[c] = -float(spin @ (self._own + 0.5 * total))

    def states(self) -> np.ndarray:
        """(chains, n) int8."""
        return self._spin.astype(np.int8)

    def best(self) -> np.ndarray:
        """(chains, n) int8, the state of each chain with its least energy after any sweep."""
        return self._best.copy()
