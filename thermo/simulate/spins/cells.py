"""One machine of very many p-bits: chain after chain, the cells of each shared by all threads."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any, Self

import numpy as np

from thermo.kernels.spins import cells as kernel
from thermo.kernels.spins.rows import GROUP
from thermo.simulate.spins.lanes import Workers, check_identity, check_sweeps, exponent, inverse, quantum
from thermo.simulate.spins.layout import Spins

UPDATES = 1 << 27  # of one kernel call, after which Ctrl-C is heard
NAP = 2e-5  # seconds
BYTE = 127.0  # largest sum of a p-bit's couplings that is kept in bytes


class CellChains(Workers):
    """States of some chains between calls of `sweep`, as thermo.simulate.spins.lanes.LaneTiles. A context.

    The same bits on any number of threads; those of Chains where sums are exact.
    """

    hit = flips = None  # are not looked at

    def __init__(
        self,
        system: Spins,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
    ) -> None:
        """states : (chains, n) int8 of +-1, checked."""
        super().__init__(threads)
        check_identity(seed, first_chain)
        layout = system.layout
        place = layout.place
        self.system, self.chains = system, states.shape[0]
        self.seed, self.first = np.uint64(seed), first_chain
        self._unit = exponent(system.h, system.weights)
        self._own = np.zeros(layout.n_places, np.float32)
        self._own[place] = np.ldexp(system.h[layout.order], -self._unit)
        n_groups = layout.n_places // GROUP
        most = np.zeros(n_groups, np.int64)
        np.maximum.at(most, place // GROUP, np.diff(layout.indptr))
        slots = np.concatenate([[0], np.cumsum(most)])
        bases = np.zeros(slots[-1], np.int32)
        apart = kernel.find_bases(place, layout.indptr, layout.indices, slots, bases)
        values = np.ldexp(system.weights, -self._unit)
        self._quantum = quantum(values)
        values = (values / (self._quantum or 1.0))[layout.source]
        rows = np.repeat(np.arange(system.n), np.diff(layout.indptr))
        reach = np.bincount(rows, np.abs(values), minlength=1).max()
        if self._quantum and reach <= BYTE:
            values = values.astype(np.int8)
        else:
            self._quantum, values = 1.0, (values * (self._quantum or 1.0)).astype(np.float32)
        ends, weight = np.zeros((apart, GROUP), np.int32), np.zeros((slots[-1], GROUP), values.dtype)
        kernel.fill_slots(place, layout.indptr, layout.indices, values, slots, bases, ends, weight)
        self._graph = slots, bases, ends, weight
        self._pieces, self._before = _pieces(layout.colours[layout.order], place)
        self._spin = np.ones((self.chains, layout.n_places + kernel.PADDING), np.int8)
        self._spin[:, place] = states[:, layout.order]
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        layout = self.system.layout
        place = layout.place[~frozen[layout.order]]
        free = np.zeros(layout.n_places, dtype=bool)
        free[place] = True
        bits = np.packbits(free.reshape(-1, GROUP), axis=1, bitorder="little")
        self._free = bits.view("<u2").ravel().astype(np.int64)

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """n_sweeps sweeps, numbered from `step`, in place; as LaneTiles.sweep."""
        check_sweeps(step, n_sweeps)
        beta = inverse(kT, n_sweeps, self.chains, self._unit)
        scale = np.broadcast_to(np.asarray(scale, np.float32), (n_sweeps,))
        some = max(1, UPDATES // max(1, self.system.n))
        for start in range(0, n_sweeps, some):
            here = slice(start, min(start + some, n_sweeps))
            for c in range(self.chains):
                self._share(c, beta[here, c].copy(), scale[here] * np.float32(self._quantum), step + start)

    def _share(self, c: int, beta: np.ndarray, scale: np.ndarray, step: int) -> None:
        """Sweeps of one chain by all threads."""
        counters = np.zeros(2, np.int64)

        def run(_: int) -> None:
            ticket = -1
            while True:
                ticket = kernel.sweep_cells(
                    self._spin[c],
                    self._own,
                    *self._graph,
                    self._free,
                    self._pieces,
                    self._before,
                    beta,
                    scale,
                    self.seed,
                    np.uint64(self.first + c),
                    step,
                    counters,
                    ticket,
                )
                if ticket < 0:
                    return
                time.sleep(NAP)  # the thread that is waited for has no processor: it may have this one

        self.each(run, range(min(self.n_threads, len(self._pieces))))

    @property
    def energies(self) -> np.ndarray:
        """(chains,) float64 with full couplings; NaN if these are directed."""
        if not self.system.symmetric:
            return np.full(self.chains, np.nan)

        def run(k: int) -> float:
            spin = self._spin[k // len(self._pieces)]
            piece = self._pieces[k % len(self._pieces)]
            return kernel.cells_energy(spin, self._own, *self._graph, self._quantum, *piece)

        parts = self.each(run, range(self.chains * len(self._pieces)))
        return np.ldexp(np.array(parts, dtype=float).reshape(self.chains, -1).sum(axis=1), self._unit)

    def states(self) -> np.ndarray:
        """(chains, n) int8."""
        layout = self.system.layout
        out = np.empty((self.chains, self.system.n), np.int8)
        out[:, layout.order] = self._spin[:, layout.place]
        return out


def _pieces(colours: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(pieces, before) of the kernel: colours (n,) of the rows, ascending, at ascending places."""
    begin = place[np.flatnonzero(np.diff(colours, prepend=-1))] // GROUP
    end = np.append(begin[1:], place[-1] // GROUP + 1) if place.size else begin
    each: list[tuple[int, int]] = []
    before: list[int] = []
    for start, stop in zip(begin.tolist(), end.tolist(), strict=True):
        cuts = [*range(start, stop, kernel.PIECE), stop]
        before += [len(each)] * (len(cuts) - 1)
        each += pairwise(cuts)
    return np.array(each, np.int64).reshape(-1, 2), np.array(before, np.int64)
