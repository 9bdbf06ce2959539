"""Chains of p-bits one by one, local fields kept up to date: work only where a cell flips."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from compiler.errors import UnsupportedError
from thermo.kernels.spins import colours as kernel
from thermo.kernels.spins.clusters import exchange_clusters, temper_pair
from thermo.kernels.spins.rows import GROUP, pack_edges
from thermo.kernels.spins.tempering import temper_ladder
from thermo.simulate.spins.lanes import EXACT, check_sweeps, exponent, inverse, quantum
from thermo.simulate.spins.layout import Layout
from thermo.simulate.spins.running import REFRESH, RunningChains
from thermo.simulate.spins.system import SpinSystem

BLOCK = 64  # places whose random words are made together


@dataclass(slots=True, eq=False)
class Ladders:
    """Who is at which temperature, and what was seen, of `sets` ladders of K chains each.

    slots : (sets, K) int64, the chain at each temperature; journey : (sets, K) int8 of each ladder's
        chains: 0 unknown, 1 was cold, 2 then hot; counts : (sets, 2, K - 1) int64 exchanges tried and taken
    trips : (sets,) int64 round trips; best : (sets, n) int8, least : (sets,) float64 its energy
    """

    slots: np.ndarray
    journey: np.ndarray
    counts: np.ndarray
    trips: np.ndarray
    best: np.ndarray
    least: np.ndarray


class Chains(RunningChains):
    """Chains of a sparse system; see RunningChains."""

    def __init__(
        self,
        system: SpinSystem,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
        target: float = -np.inf,
    ) -> None:
        """states : (chains, n) int8 of +-1, checked; target : energy at which a chain stops.

        Raises UnsupportedError for directed couplings.
        """
        unit = exponent(system.h, system.weights)
        super().__init__(unit, states.shape[0], seed, first_chain, threads, target)
        if not system.symmetric:
            raise UnsupportedError("chains with running sums need symmetric couplings: use method 'lanes'")
        layout = system.layout
        n, place = layout.n_places + -layout.n_places % BLOCK, layout.place
        self.system = system
        self._indptr = np.zeros(n + 1, np.int64)
        self._indptr[place + 1] = np.diff(layout.indptr)
        np.cumsum(self._indptr, out=self._indptr)
        weights, fields = (np.ldexp(v, -self._unit) for v in (system.weights, system.h))
        self._edges = pack_edges(place[layout.indices], weights[layout.source])
        self._runs = _runs(layout)
        self._own = np.zeros(n, np.float32)
        self._own[place] = fields[layout.order]
        self._spin = np.ones((self.chains, n), np.float32)
        self._spin[:, place] = states[:, layout.order]
        self._total = np.zeros((self.chains, n), np.float32)
        self._best = self._spin.copy()
        reach = float(np.abs(self._own).max(initial=0.0) + 2.0 * np.diff(self._indptr).max(initial=0))
        self.exact = reach < EXACT * quantum(weights, fields)
        self._begin()
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        layout = self.system.layout
        place = layout.place[~frozen[layout.order]]
        run = np.searchsorted(self._runs[:, 0], place // GROUP, side="right") - 1
        self._free = np.zeros(len(self._runs), np.int64)
        np.bitwise_or.at(self._free, run, np.int64(1) << (place - GROUP * self._runs[run, 0]))

    def _advance(
        self, c: int, beta: np.ndarray, scale: np.ndarray, step: int
    ) -> tuple[int, float, float, int]:
        return kernel.sweep_chain(
            self._spin[c],
            self._total[c],
            self._own,
            self._indptr,
            self._edges,
            self._runs,
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

    def temper(
        self,
        kT: np.ndarray,
        every: int,
        turns: int,
        step: int,
        turn: int,
        ladders: Ladders,
        look_every: int = 0,
        clusters: bool = False,
    ) -> np.ndarray:
        """`turns` times `every` sweeps and one round of exchanges of each ladder, in place.

        kT : (K,) from the coldest on; step, turn : sweeps and rounds done before
        clusters : pairs of ladders exchange clusters after every second turn
        Returns (sets, K, looks) energies by temperature, looked at every so many turns, 0: none.
        """
        sets, size = ladders.slots.shape
        check_sweeps(step, every * turns)
        beta = inverse(kT[None, :], 1, size, self._unit)[0].copy()
        cold = 1.0 / np.ldexp(kT, -self._unit)
        looks = turns // look_every if look_every else 0
        seen = np.empty((sets, looks, size))
        # inexact sums are made anew at multiples of REFRESH, or at the turn after
        stops = [0]
        while stops[-1] < turns:
            at = step + stops[-1] * every
            some = max(1, (REFRESH - at % REFRESH) // every)
            if look_every:
                some = max(look_every, some - some % look_every)
            stops.append(min(turns, stops[-1] + some))

        width = 2 if clusters else 1

        def run(group: int) -> int:
            flips = 0
            here = slice(group * width, (group + 1) * width)
            chains = slice(here.start * size, here.stop * size)
            own = (np.arange(here.start, here.stop) * size)[:, None]  # chains are counted in their ladder
            slots, least = ladders.slots[here] - own, np.ldexp(ladders.least[here], -self._unit)
            best, before = np.empty((width, self._own.size), np.float32), least.copy()
            for start, stop in pairwise(stops):
                at = step + start * every
                looked = seen[here, start // look_every :] if look_every else seen[here]
                columns = slots, ladders.journey[here], ladders.counts[here], best, looked
                at_kT, journey, counts, states, energies = (v if clusters else v[0] for v in columns)
                flips += (temper_pair if clusters else temper_ladder)(
                    self._spin[chains],
                    self._total[chains],
                    self._own,
                    self._indptr,
                    self._edges,
                    self._runs,
                    self._free,
                    beta,
                    cold,
                    every,
                    stop - start,
                    self.seed,
                    self.first + chains.start,
                    group,
                    at,
                    turn + start,
                    at_kT,
                    self._energies[chains],
                    journey,
                    counts,
                    ladders.trips[here],
                    states,
                    least,
                    look_every,
                    energies,
                )
                if not self.exact and (step + stop * every) // REFRESH > at // REFRESH:
                    for c in range(chains.start, chains.stop):
                        self._refresh(c)
            ladders.slots[here] = slots + own
            for r in np.flatnonzero(least < before):
                ladders.least[here.start + r] = np.ldexp(least[r], self._unit)
                ladders.best[here.start + r] = self._cells(best[r : r + 1])[0]
            return flips

        self.flips += sum(self.each(run, range(sets // width)))
        return np.ldexp(seen.transpose(0, 2, 1), self._unit)

    def clusters(self, ladders: Ladders, turn: int) -> None:
        """Ladders 0 and 1, 2 and 3, ... exchange one cluster at each temperature of the colder half."""

        def run(pair: int) -> int:
            return exchange_clusters(
                self._spin,
                self._total,
                self._own,
                self._indptr,
                self._edges,
                self.seed,
                pair,
                turn,
                ladders.slots[2 * pair],
                ladders.slots[2 * pair + 1],
                self._energies,
                np.zeros(self._own.size, np.int64),
                np.empty(self._own.size, np.int64),
                1,
            )

        self.flips += 2 * sum(self.each(run, range(len(ladders.slots) // 2)))

    def _refresh(self, c: int) -> None:
        self._energies[c] = kernel.sum_couplings(
            self._spin[c], self._own, self._indptr, self._edges, self._total[c]
        )

    def states(self) -> np.ndarray:
        """(chains, n) int8."""
        return self._cells(self._spin)

    def best(self) -> np.ndarray:
        """(chains, n) int8, the state of each chain with its least energy after any sweep."""
        return self._cells(self._best)

    def _cells(self, places: np.ndarray) -> np.ndarray:
        layout = self.system.layout
        out = np.empty((places.shape[0], self.system.n), np.int8)
        out[:, layout.order] = places[:, layout.place]
        return out


def _runs(layout: Layout) -> np.ndarray:
    """(n_runs, 2) int64 groups of one colour that lie side by side in a block of 64 places."""
    n_groups = -(-layout.n_places // BLOCK) * BLOCK // GROUP
    colour = np.full(n_groups, -1)
    colour[layout.place // GROUP] = layout.colours[layout.order]
    new = np.ones(n_groups, dtype=bool)
    new[1:] = (np.diff(colour) != 0) | (np.arange(1, n_groups) % (BLOCK // GROUP) == 0)
    first = np.flatnonzero(new)
    return np.stack([first, np.diff(np.append(first, n_groups))], axis=1)
