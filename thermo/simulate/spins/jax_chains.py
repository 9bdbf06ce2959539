"""Chains of p-bits on JAX's devices, which share the chains among them."""

from __future__ import annotations

from typing import Any, Self

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from thermo.kernels.spins.rows import GROUP
from thermo.simulate.jax_random import halves
from thermo.simulate.spins.dense import DenseSystem
from thermo.simulate.spins.jax_sweeps import (
    DENSE_BLOCK,
    Dense,
    Identity,
    Steps,
    dense_energies,
    dense_sums,
    step_energies,
    sweep_dense,
    sweep_steps,
)
from thermo.simulate.spins.lanes import check_identity, check_sweeps, exponent, inverse
from thermo.simulate.spins.system import SpinSystem

AT_ONCE = 256  # sweeps of one call at most, of which it holds the temperatures
STEP_COST = 512  # cells that could be updated while a step begins


class JaxChains:
    """States of some chains between calls of `sweep`, as thermo.simulate.spins.lanes.LaneTiles. A context.

    devices : JAX's by default, as many as there are chains at most; a chain does not depend on their number,
        but of dense graphs by the rounding of products
    """

    hit = flips = None  # are not looked at

    def __init__(
        self,
        system: SpinSystem | DenseSystem,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        devices: Any = None,
    ) -> None:
        """states : (chains, n) int8 of +-1, checked."""
        check_identity(seed, first_chain)
        self.system, self.chains = system, states.shape[0]
        devices = (jax.devices() if devices is None else list(devices))[: self.chains]
        mesh = Mesh(np.array(devices), ("chains",))
        self._by_chain = NamedSharding(mesh, PartitionSpec(None, "chains"))
        self._everywhere = NamedSharding(mesh, PartitionSpec())
        self._padded = self.chains + -self.chains % len(devices)
        chain = np.uint64(first_chain) + np.arange(self._padded, dtype=np.uint64)
        self._identity = Identity(
            jax.device_put(halves(np.uint64(seed)), self._everywhere),
            jax.device_put(halves(chain), self._by_chain),
        )
        self._dense = isinstance(system, DenseSystem)
        if isinstance(system, DenseSystem):
            self._unit = system.unit
            self._place = np.arange(system.n)
            self._where: tuple[np.ndarray, ...] = (self._place,)
            n = system.n + -system.n % DENSE_BLOCK
            more = n - system.n
            own = np.pad(np.ldexp(system.h, -self._unit).astype(np.float32), (0, more))
            matrix = np.pad(system.matrix, (0, more)) if more else system.matrix
            self._graph: Any = self._put(Dense(matrix, own, np.zeros(n, bool)))
        else:
            self._unit = exponent(system.h, system.weights)
            steps, self._where, n = _steps(system, self._unit)
            self._place = np.empty(system.n, np.int64)
            self._place[system.layout.order] = system.layout.place
            self._graph = self._put(steps)
        spin = np.ones((n, self._padded), np.int8)
        spin[self._place] = states[np.minimum(np.arange(self._padded), self.chains - 1)].T
        self._spin = jax.device_put(spin, self._by_chain)
        self._total = dense_sums(self._spin, self._graph) if self._dense else None
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def _put(self, tree: Any) -> Any:
        return jax.device_put(tree, self._everywhere)

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        free = np.zeros(self._graph.own.shape, bool)
        free[self._where] = ~frozen
        self._graph = self._graph._replace(free=self._put(free))

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """n_sweeps sweeps, numbered from `step`, in place; as LaneTiles.sweep."""
        check_sweeps(step, n_sweeps)
        beta = inverse(kT, n_sweeps, self.chains, self._unit)
        scale = np.broadcast_to(np.asarray(scale, np.float32), (n_sweeps,))
        which = np.minimum(np.arange(self._padded), self.chains - 1)
        for start in range(0, n_sweeps, AT_ONCE):
            here = slice(start, start + AT_ONCE)
            count = min(AT_ONCE, n_sweeps - start)
            # of one length, whatever the number of sweeps: no program is compiled for it
            rows = np.ones((AT_ONCE, self._padded), np.float32)
            rows[:count] = beta[here][:, which]
            factors = np.ones(AT_ONCE, np.float32)
            factors[:count] = scale[here]
            given = (
                jax.device_put(rows, self._by_chain),
                self._put(factors),
                np.int32(count),
                self._identity,
                np.uint32(step + start),
            )
            if self._dense:
                self._spin, self._total = sweep_dense(self._spin, self._total, self._graph, *given)
            else:
                self._spin = sweep_steps(self._spin, self._graph, *given)
        self._spin.block_until_ready()

    @property
    def energies(self) -> np.ndarray:
        """(chains,) float64 with full couplings; NaN if these are directed."""
        if not self.system.symmetric:
            return np.full(self.chains, np.nan)
        if self._dense:
            parts = dense_energies(self._spin, self._total, self._graph)
        else:
            parts = step_energies(self._spin, self._graph)
        parts = np.asarray(parts, dtype=np.float64).reshape(-1, self._padded)
        return np.ldexp(parts.sum(axis=0)[: self.chains], self._unit)

    def states(self) -> np.ndarray:
        """(chains, n) int8."""
        return np.ascontiguousarray(np.asarray(self._spin)[self._place, : self.chains].T)


def _steps(system: SpinSystem, unit: int) -> tuple[Steps, tuple[np.ndarray, np.ndarray], int]:
    """(steps with no cell free, step and number within it of each cell, places in all)."""
    layout = system.layout
    n, place = layout.n, layout.place
    colour = layout.colours[layout.order]
    sizes = np.bincount(colour, minlength=1)
    begin = np.zeros(sizes.size, np.int64)
    first = np.flatnonzero(np.diff(colour, prepend=-1))
    begin[colour[first]] = place[first]
    cells = _cells(sizes)
    steps = -(-sizes // cells)
    at = place - begin[colour]
    step = (np.cumsum(steps) - steps)[colour] + at // cells
    within = at % cells

    total = max(1, int(steps.sum()))
    start = np.zeros(total, np.int32)
    start[step] = place - within
    degree = np.diff(layout.indptr)
    most = np.zeros(total, np.int64)
    np.maximum.at(most, step, degree)
    fours = -(-most // 4)
    shape = (total, max(4, 4 * int(fours.max())), cells)
    row = np.repeat(np.arange(n), degree)
    where = step[row], np.arange(row.size) - layout.indptr[row], within[row]
    ends, weight = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    ends[where] = place[layout.indices]
    weight[where] = np.ldexp(system.weights, -unit)[layout.source]
    own = np.zeros((total, cells), np.float32)
    own[step, within] = np.ldexp(system.h, -unit)[layout.order]
    of_cell = np.empty((2, n), np.int64)
    of_cell[:, layout.order] = step, within
    made = Steps(start, fours.astype(np.int32), ends, weight, own, np.zeros(own.shape, bool))
    return made, (of_cell[0], of_cell[1]), layout.n_places + cells


def _cells(sizes: np.ndarray) -> int:
    """How many cells a step has, for colours of these sizes: least work, a beginning counted as STEP_COST."""
    choices = [GROUP << k for k in range(32) if GROUP << k < 2 * max(int(sizes.max()), GROUP)]
    whole = -(-int(sizes.max()) // GROUP) * GROUP  # all of the largest colour at once
    cost = {c: int((-(-sizes // c)).sum()) * (c + STEP_COST) for c in [*choices, max(whole, GROUP)]}
    return min(cost, key=lambda c: cost[c])
