"""Many chains of p-bits in tiles, one chain a SIMD lane: every local field is summed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Self

import numpy as np

from thermo.kernels.langevin.tile import sparse_lanes
from thermo.kernels.spins import colours as kernel
from thermo.kernels.spins.rows import BLOCK
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.layout import Spins
from thermo.simulate.threads import limited_threads

BETA_MOST = np.float32(1e30)  # 2 / kT where kT is 0: greedy descent
SLICE = 256  # sweeps of one kernel call, after which Ctrl-C is heard
EXACT = 2.0**24  # sums of integers up to here are exact in float32
MOST_SWEEPS = 2**32 - 1  # more cannot be numbered by the random numbers


def exponent(*values: np.ndarray) -> int:
    """Of the power of two that is the kernels' unit of energy: the largest size lies in [1, 2) of it.

    Kernels have float32, which ends at 1e38 and 1e-38; with a power of two no digit changes.
    """
    largest = max(float(max(v.max(initial=0.0), -v.min(initial=0.0))) for v in values)
    return int(np.frexp(largest)[1]) - 1 if largest else 0


def quantum(*values: np.ndarray) -> float:
    """The largest power of two from 2^-24 on of which all values, below 2, are multiples; 0: none is."""
    bits = 0
    for v in values:
        scaled = v * EXACT
        whole = scaled.astype(np.int64)
        if (whole != scaled).any():
            return 0.0
        bits |= int(np.bitwise_or.reduce(whole)) if whole.size else 0
    return float(bits & -bits or 1) / EXACT


def inverse(kT: Any, n_sweeps: int, chains: int, unit: int = 0) -> np.ndarray:
    """(n_sweeps, chains) float32 2^(1 + unit) / kT, BETA_MOST at kT = 0; a view where kT is one number.

    Raises SimulationError for a temperature below 0 or a shape that cannot be broadcast.
    """
    kT = np.asarray(kT, dtype=np.float64)
    bad = ~(np.isfinite(kT) & (kT >= 0))
    if bad.any():
        raise SimulationError(f"kT must be a finite number of at least 0, got {kT[bad].flat[0]:g}")
    with np.errstate(divide="ignore", over="ignore"):
        beta = np.minimum(2.0 / np.ldexp(kT, -unit), BETA_MOST).astype(np.float32)
    try:
        return np.broadcast_to(beta, (n_sweeps, chains))
    except ValueError:
        raise SimulationError(
            f"kT has shape {beta.shape}; give one number, one a chain, or one a sweep and chain"
        ) from None


def check_identity(seed: int, first_chain: int) -> None:
    """Raise SimulationError for numbers that do not fit the random numbers' key and counter."""
    for name, number in (("seed", seed), ("first_chain", first_chain)):
        if not 0 <= number < 2**64:
            raise SimulationError(f"{name} must be from 0 to 2^64 - 1, got {number}")


def check_sweeps(step: int, n_sweeps: int) -> None:
    """Raise SimulationError for sweeps that cannot be numbered."""
    if min(step, n_sweeps) < 0 or step + n_sweeps > MOST_SWEEPS + 1:
        raise SimulationError(
            f"sweeps {step} to {step + n_sweeps} cannot be numbered; they go from 0 to 2^32 - 1"
        )


class Workers:
    """Threads that a run keeps from its beginning to its end; a context."""

    def __init__(self, threads: int | None) -> None:
        self._threads, self._stack = threads, ExitStack()
        self.n_threads = 1
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        self.n_threads = self._stack.enter_context(limited_threads(self._threads))
        if self.n_threads > 1:
            self._pool = self._stack.enter_context(ThreadPoolExecutor(self.n_threads))
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def each(self, work: Callable[[int], Any], items: Iterable[int]) -> list[Any]:
        """[work(item) ...], on all threads."""
        items = list(items)
        if self._pool is None or len(items) < 2:
            return [work(k) for k in items]
        return list(self._pool.map(work, items))


class LaneTiles(Workers):
    """States of many chains in tiles of SIMD lanes, between calls of `sweep`. A context."""

    hit = flips = None  # are not looked at

    def __init__(
        self,
        system: Spins,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
        fields: Any = None,
    ) -> None:
        """states : (chains, n) int8 of +-1, checked; fields : as in SpinSystem.sweep."""
        super().__init__(threads)
        check_identity(seed, first_chain)
        self.system, self.chains = system, states.shape[0]
        self.seed, self.first = np.uint64(seed), first_chain
        self._start = states
        self._field = system.h if fields is None else np.asarray(fields, dtype=np.float64)
        shapes = (system.n,), states.shape
        if self._field.shape not in shapes or not np.isfinite(self._field).all():
            raise SimulationError(
                f"fields must be finite, {shapes[0]} or {shapes[1]}, got {self._field.shape}"
            )

    def __enter__(self) -> Self:
        super().__enter__()
        layout, h = self.system.layout, self._field
        self.lanes = sparse_lanes(self.system.n, self.chains, self.n_threads)
        self._index = [
            np.minimum(np.arange(k, k + self.lanes), self.chains - 1)
            for k in range(0, self.chains, self.lanes)
        ]
        self._unit = exponent(h, self.system.weights)
        h = np.ldexp(h, -self._unit)
        self._h = np.zeros(self.system.n, np.float32)
        self._extra = [np.zeros((1, self.lanes), np.float32)] * len(self._index)
        if h.ndim == 1:
            self._h = h[layout.order].astype(np.float32)
        else:
            self._extra = [_rows(h, i, layout.order) for i in self._index]
        self._tiles = [_rows(self._start, i, layout.order) for i in self._index]
        weights = np.ldexp(self.system.weights, -self._unit)
        self._weight = weights[layout.source].astype(np.float32)
        self.freeze(self.system.frozen)
        return self

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        layout = self.system.layout
        blocks = np.full((layout.n_places // BLOCK, BLOCK), -1, np.int32)
        free = np.flatnonzero(~frozen[layout.order])
        place = layout.place[free]
        blocks[place // BLOCK, place % BLOCK] = free
        used = np.flatnonzero((blocks >= 0).any(axis=1))
        self._blocks, self._block_id = np.ascontiguousarray(blocks[used]), used.astype(np.int64)

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """n_sweeps sweeps, numbered from `step`, in place.

        kT : to be broadcast to (n_sweeps, chains); scale : a number or
            (n_sweeps,), factor on the couplings
        """
        check_sweeps(step, n_sweeps)
        beta = inverse(kT, n_sweeps, self.chains, self._unit)
        scale = np.broadcast_to(np.asarray(scale, np.float32), (n_sweeps,))

        def run(k: int) -> None:
            layout, chain = self.system.layout, np.uint64(self.first + k * self.lanes)
            for start in range(0, n_sweeps, SLICE):
                stop = min(start + SLICE, n_sweeps)
                kernel.sweep_lanes(
                    self._tiles[k],
                    layout.indptr,
                    layout.indices,
                    self._weight,
                    self._h,
                    self._extra[k],
                    self._blocks,
                    self._block_id,
                    np.ascontiguousarray(beta[start:stop, self._index[k]]),
                    scale[start:stop].copy(),
                    self.seed,
                    chain,
                    step + start,
                )

        self.each(run, range(len(self._tiles)))

    @property
    def energies(self) -> np.ndarray:
        """(chains,) float64 with full couplings; NaN if these are directed."""
        if not self.system.symmetric:
            return np.full(self.chains, np.nan)
        layout, out = self.system.layout, np.empty((len(self._tiles), self.lanes))

        def run(k: int) -> None:
            kernel.lane_energies(
                self._tiles[k], layout.indptr, layout.indices, self._weight, self._h, self._extra[k], out[k]
            )

        self.each(run, range(len(self._tiles)))
        return np.ldexp(out.ravel()[: self.chains], self._unit)

    def states(self) -> np.ndarray:
        """(chains, n) int8."""
        out = np.empty((self.chains, self.system.n), np.int8)
        for index, tile in zip(self._index, self._tiles, strict=True):
            kernel.save_rows(tile, self.system.layout.order, out[index[0] : index[0] + self.lanes])
        return out


def _rows(states: np.ndarray, index: np.ndarray, order: np.ndarray) -> np.ndarray:
    """(n, lanes) float32 rows, sorted by colour, of the chains `index`."""
    out = np.empty((order.size, index.size), np.float32)
    kernel.load_rows(states, index, order, out)
    return out
