"""Sweeps of p-bits as pure functions of JAX, compiled once for each shape of graph.

The law, the order and the random words are those of thermo.kernels.spins: where sums of couplings are exact,
the states are those of its kernels. Everything is elementwise along chains, the last axis, which is what
devices share: a chain's states do not depend on how many there are. Weights, fields, temperatures, seeds and
which cells are held are arguments, and so is the graph: graphs of one shape share one program.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from thermo.kernels.spins.rows import STREAM_SPINS
from thermo.simulate.jax_random import threefry

DENSE_BLOCK = 64  # cells of a dense graph between two products of matrices
REFRESH = 64  # sweeps after which a dense graph's sums are made anew, at multiples of it
_LOG2E = np.float32(1.4426950408889634)
_UNIT, _HALF = np.float32(2.0**-32), np.float32(2.0**-33)
_U32 = jnp.uint32


class Identity(NamedTuple):
    """Of random words. key : (2,) uint32, the seed's low and high word; chain : (2, C) uint32, likewise"""

    key: Any
    chain: Any


class Steps(NamedTuple):
    """A graph as S steps, each of which updates P cells of one colour at once.

    start : (S,) int32 place of each step's first cell, a multiple of 4
    fours : (S,) int32 how many times four couplings its cells have at most
    ends, weight : (S, K, P) places that drive each cell and their weights, 0 where there are fewer
    own : (S, P) float32 fields; free : (S, P) bool, cells that may change; 0 and False where a step ends
    """

    start: Any
    fours: Any
    ends: Any
    weight: Any
    own: Any
    free: Any


class Dense(NamedTuple):
    """An all-to-all graph: matrix (n, n) float32, own (n,) float32, free (n,) bool, n in whole blocks."""

    matrix: Any
    own: Any
    free: Any


def words(identity: Identity, step: Any, places: Any) -> Any:
    """(p, C) uint32 uniform words of these places (p,) uint32 in sweep `step`, uint32."""
    shape = (places.shape[0], identity.chain.shape[1])
    key = (identity.key[0], identity.key[1], _U32(STREAM_SPINS), _U32(0))
    counter = (identity.chain[:1], identity.chain[1:], step, (places >> _U32(2))[:, None])
    x = threefry(key, [jnp.broadcast_to(c, shape) for c in counter])
    # four cells have one block: each makes it, and takes its word. Sharing it takes a concatenation,
    # which costs compilers more than the arithmetic
    one = (places & _U32(3))[:, None]
    return jnp.where(one < 2, jnp.where(one == 0, x[0], x[1]), jnp.where(one == 2, x[2], x[3]))


def heat_bath(z: Any, word: Any) -> Any:
    """Which become +1 at z = 2 f / kT, float32, by uniform words; see thermo.kernels.spins.rows."""
    e = jnp.exp2(jnp.maximum(-_LOG2E * jnp.abs(z), jnp.float32(-126.0)))
    u = word.astype(jnp.float32) * _UNIT + _HALF
    return (z >= 0) ^ (u * e + u < e)


def _sums(steps: Steps, k: Any, spin: Any) -> Any:
    """(P, C) float32 sums of couplings of step k's cells."""
    size = (steps.ends.shape[2], spin.shape[1])

    def four(f: Any, total: Any) -> Any:
        for j in range(4):
            driving = spin.at[steps.ends[k, 4 * f + j]].get(mode="promise_in_bounds")
            total = total + steps.weight[k, 4 * f + j][:, None] * driving.astype(jnp.float32)
        return total

    return lax.fori_loop(0, steps.fours[k], four, jnp.zeros(size, jnp.float32))


@partial(jax.jit, donate_argnums=0)
def sweep_steps(
    spin: Any, steps: Steps, beta: Any, scale: Any, count: Any, identity: Identity, step: Any
) -> Any:
    """States (R, C) int8 of +-1, by places, after `count` sweeps numbered from `step`, uint32.

    beta : (most, C) float32, 2 / kT; scale : (most,) float32, factor on couplings; count <= most
    """
    cells = steps.own.shape[1]

    def sweep(t: Any, spin: Any) -> Any:
        def one(k: Any, spin: Any) -> Any:
            at = steps.start[k]
            places = at.astype(_U32) + jnp.arange(cells, dtype=_U32)
            z = beta[t] * (scale[t] * _sums(steps, k, spin) + steps.own[k][:, None])
            up = heat_bath(z, words(identity, step + t.astype(_U32), places))
            new = jnp.where(up, jnp.int8(1), jnp.int8(-1))
            new = jnp.where(steps.free[k][:, None], new, lax.dynamic_slice_in_dim(spin, at, cells))
            return lax.dynamic_update_slice_in_dim(spin, new, at, 0)

        return lax.fori_loop(0, steps.start.shape[0], one, spin)

    return lax.fori_loop(0, count, sweep, spin)


@jax.jit
def step_energies(spin: Any, steps: Steps) -> Any:
    """(S, parts, C) float32 parts of the energies of states (R, C), where couplings act both ways."""
    cells = steps.own.shape[1]

    def one(k: Any) -> Any:
        s = lax.dynamic_slice_in_dim(spin, steps.start[k], cells).astype(jnp.float32)
        energy = -s * (steps.own[k][:, None] + 0.5 * _sums(steps, k, spin))
        return energy.reshape(cells // 16, 16, -1).sum(axis=1)

    return lax.map(one, jnp.arange(steps.start.shape[0]))


def _product(a: Any, b: Any) -> Any:
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)  # float32 in full, on accelerators too


@jax.jit
def dense_sums(spin: Any, dense: Dense) -> Any:
    """(n, C) float32 sums of couplings."""
    return _product(dense.matrix, spin.astype(jnp.float32))


@partial(jax.jit, donate_argnums=(0, 1))
def sweep_dense(
    spin: Any, total: Any, dense: Dense, beta: Any, scale: Any, count: Any, identity: Identity, step: Any
) -> tuple[Any, Any]:
    """As sweep_steps, cell after cell, and the sums of couplings (n, C), kept up to date.

    Changes within a block act at once on its own cells, on all others by one product of matrices.
    """
    n, size = spin.shape[0], DENSE_BLOCK

    def sweep(t: Any, carry: Any) -> Any:
        spin, total = carry
        total = lax.cond(
            (step + t.astype(_U32)) % REFRESH == 0, lambda: dense_sums(spin, dense), lambda: total
        )

        def block(b: Any, carry: Any) -> Any:
            spin, total = carry
            at = b * size
            rows = lax.dynamic_slice_in_dim(dense.matrix, at, size)
            inner = lax.dynamic_slice_in_dim(rows, at, size, 1)
            own = lax.dynamic_slice_in_dim(dense.own, at, size)
            free = lax.dynamic_slice_in_dim(dense.free, at, size)
            was = lax.dynamic_slice_in_dim(spin, at, size).astype(jnp.float32)
            places = at.astype(_U32) + jnp.arange(size, dtype=_U32)
            word = words(identity, step + t.astype(_U32), places)

            def cell(i: Any, carry: Any) -> Any:
                now, sums = carry
                up = heat_bath(beta[t] * (scale[t] * sums[i] + own[i]), word[i])
                new = jnp.where(free[i], jnp.where(up, jnp.float32(1.0), jnp.float32(-1.0)), now[i])
                sums = sums + inner[i][:, None] * (new - now[i])
                return now.at[i].set(new), sums

            now, _ = lax.fori_loop(0, size, cell, (was, lax.dynamic_slice_in_dim(total, at, size)))
            spin = lax.dynamic_update_slice_in_dim(spin, now.astype(jnp.int8), at, 0)
            return spin, total + _product(rows.T, now - was)

        return lax.fori_loop(0, n // size, block, (spin, total))

    return lax.fori_loop(0, count, sweep, (spin, total))


@jax.jit
def dense_energies(spin: Any, total: Any, dense: Dense) -> Any:
    """(parts, C) float32 parts of the energies of states (n, C) with their sums (n, C)."""
    energy = -spin.astype(jnp.float32) * (dense.own[:, None] + 0.5 * total)
    return energy.reshape(-1, 16, spin.shape[1]).sum(axis=1)
