"""Searches by populations of 512 annealed states, one search a chain, where couplings are whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import sparse

from compiler.errors import UnsupportedError
from thermo.kernels.spins import bits
from thermo.kernels.spins import population as kernel
from thermo.simulate.gates.run import empty_rows
from thermo.simulate.spins.lanes import Workers, check_identity, check_sweeps
from thermo.simulate.spins.packed import common_unit
from thermo.simulate.spins.system import SpinSystem


@dataclass(frozen=True, slots=True, eq=False)
class WholeSystem:
    """A symmetric system in whole numbers of one unit, its spins in the order of rows.

    order : (n,) int64, cell of each row; own : (n,) int64; total : (n,) int64 of |own| and couplings
    indptr, ends, weight : symmetric CSR, int64, uint32 and int16
    """

    unit: float
    order: np.ndarray
    own: np.ndarray
    total: np.ndarray
    indptr: np.ndarray
    ends: np.ndarray
    weight: np.ndarray


def whole_system(system: SpinSystem) -> WholeSystem:
    """UnsupportedError, with the reason, where a system is none of small whole numbers."""
    if not system.symmetric:
        raise UnsupportedError("a population needs energies: the couplings must be symmetric")
    values = np.concatenate([system.h, system.weights])
    unit = common_unit(np.abs(values), bits.MOST)
    if unit is None:
        raise UnsupportedError("couplings and fields are no small multiples of one number")
    h, J = (np.rint(v / unit).astype(np.int64) for v in (system.h, system.weights))
    n = system.n
    pairs = sparse.coo_array((J, (system.driven, system.driving)), shape=(n, n)).tocsr()
    both = (pairs + pairs.T).tocsr()
    total = np.abs(h) + np.asarray(abs(both).sum(axis=1)).ravel()
    if total[~system.frozen].max(initial=0) > bits.MOST:
        raise UnsupportedError(f"a spin's couplings and field add up to more than {bits.MOST} units")
    order = np.argsort(_counters(total), kind="stable")
    both = both[order][:, order]
    both.sort_indices()
    return WholeSystem(
        unit,
        order,
        h[order],
        total[order],
        both.indptr.astype(np.int64),
        both.indices.astype(np.uint32),
        both.data.astype(np.int16),
    )


def is_whole(system: SpinSystem) -> bool:
    """Whether a population can search a system."""
    try:
        whole_system(system)
    except UnsupportedError:
        return False
    return True


def _counters(total: np.ndarray) -> np.ndarray:
    """Place in COUNTERS of the counter that a spin of so many terms needs."""
    return np.searchsorted([(1 << p) - 1 for p in bits.COUNTERS], total | 1)


def make_plan(whole: WholeSystem, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(plan, terms) of thermo.kernels.spins.bits.sweep_bits for the rows `free`, (n,) bool."""
    n = whole.own.size
    zeros, ones = n, n + 1
    rows = np.arange(n)
    row = np.repeat(rows, np.diff(whole.indptr))
    even = whole.total % 2 == 0
    owner = np.concatenate([row, rows, rows[even]])
    source = np.concatenate([whole.ends, np.full(n, ones), rows[even]])
    value = np.concatenate([whole.weight, whole.own, np.full(int(even.sum()), -1)])
    copies = np.abs(value) * free[owner]
    place = np.repeat(2 * owner + (value > 0), copies)
    counts = np.bincount(place, minlength=2 * n)
    spare = -counts % bits.FOUR
    padding = np.repeat(np.arange(2 * n), spare)
    place = np.concatenate([place, padding])
    term = np.concatenate([np.repeat(source, copies), np.where(padding % 2, ones, zeros)])
    stops = np.cumsum(counts + spare)
    chosen = np.flatnonzero(free)
    plan = np.zeros((chosen.size, bits.COLUMNS), np.int64)
    plan[:, bits.CELL] = chosen
    plan[:, bits.FIRST] = np.concatenate([[0], stops])[2 * chosen]
    plan[:, bits.MIDDLE] = stops[2 * chosen]
    plan[:, bits.LAST] = stops[2 * chosen + 1]
    plan[:, bits.COUNTER] = _counters(whole.total)[chosen]
    size = 1 << np.array(bits.COUNTERS)[plan[:, bits.COUNTER]]
    plan[:, bits.MIDST] = (size - 1 - (whole.total[chosen] | 1)) // 2
    plan[:, bits.ODD] = whole.total[chosen] % 2
    return plan, term[np.argsort(place, kind="stable")].astype(np.int32)


class Populations(Workers):
    """Each chain is a search of its own, see thermo.kernels.spins.population; a context.

    Its result is a function of (seed, chain, sweeps, `expected`), not of how sweeps are cut into calls: a
    sweep is one of all 512 states, and crossing counts as much as it takes. The state of a chain is the best
    that it has seen.
    expected : sweeps that the whole run will have, about, as far as it is known; set before `sweep`
    """

    hit = flips = None  # are not looked at
    width = bits.STATES  # states of each chain

    def __init__(
        self,
        system: SpinSystem,
        states: np.ndarray,
        kT: tuple[float, float],
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
    ) -> None:
        """states : (chains, n) int8 of +-1, where one of the first 512 begins; kT : ends of the first ramp.

        Raises UnsupportedError for couplings and fields that are no small whole numbers of one unit.
        """
        super().__init__(threads)
        check_identity(seed, first_chain)
        self._whole = whole = whole_system(system)
        self.system, self.chains = system, states.shape[0]
        self.seed, self.first = np.uint64(seed), first_chain
        self._ends_kT = tuple(t / whole.unit for t in kT)
        self._numbers = bits.quantiles()
        self._words = -(-system.n // 64)
        self._best = self._packed(states[:, whole.order] > 0)
        self._members = np.repeat(self._best[:, None], bits.STATES, axis=1)
        self._found = np.zeros((self.chains, bits.STATES + 1), np.int64)
        for c in range(self.chains):
            self._found[c] = kernel.weigh(self._best[c], whole.own, whole.indptr, whole.ends, whole.weight)
        self._state = np.zeros((self.chains, kernel.COLUMNS), np.int64)
        self._until, self.expected = 0, 0.0
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        super().__enter__()
        n, chains = self.system.n, self.chains
        self._rows = [empty_rows(n + 2) for _ in range(chains)]
        for rows in self._rows:
            rows[n], rows[n + 1] = 0, ~np.uint64(0)
        self._others = np.zeros_like(self._members)
        self._table = np.zeros((chains, 2, bits.PLANES, bits.TABLE_WORDS), np.uint64)
        self._parts = np.zeros((chains, 2, self._words), np.uint64)
        self._queue = np.zeros((chains, n + 1), np.uint64)
        return self

    def _packed(self, up: np.ndarray) -> np.ndarray:
        """(..., words) uint64 of (..., n) bool."""
        out = np.zeros((*up.shape[:-1], 8 * self._words), np.uint8)
        packed = np.packbits(up, axis=-1, bitorder="little")
        out[..., : packed.shape[-1]] = packed
        return out.view(np.uint64)

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        free = ~frozen[self._whole.order]
        self._plan, self._terms = make_plan(self._whole, free)
        self._free = self._packed(free)

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """Go on by the work of n_sweeps sweeps; kT and scale are the search's own."""
        check_sweeps(step, n_sweeps)
        self._until += n_sweeps if len(self._plan) else 0
        whole, (hot, cold) = self._whole, self._ends_kT

        def run(c: int) -> None:
            kernel.search_population(
                self._rows[c],
                self._plan,
                self._terms,
                whole.own,
                whole.indptr,
                whole.ends,
                whole.weight,
                self._free,
                self._numbers,
                hot,
                cold,
                self._until,
                self.expected,
                self.seed,
                np.uint64(self.first + c),
                self._state[c],
                self._found[c],
                self._members[c],
                self._others[c],
                self._best[c],
                self._table[c],
                *self._parts[c],
                self._queue[c],
            )

        self.each(run, range(self.chains))

    @property
    def energies(self) -> np.ndarray:
        """(chains,) float64."""
        return self._whole.unit * self._found[:, -1]

    def states(self) -> np.ndarray:
        """(chains, n) int8, the state of least energy that each search has seen."""
        up = np.unpackbits(self._best.view(np.uint8), axis=1, bitorder="little", count=self.system.n)
        states = np.empty((self.chains, self.system.n), np.int8)
        states[:, self._whole.order] = 2 * up.astype(np.int8) - 1
        return states

    best = states
