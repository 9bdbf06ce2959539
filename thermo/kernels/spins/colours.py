"""Sweeps of chromatic block Gibbs: cells of one colour do not see each other and move together.

Two kernels with the same random numbers and the same law. `sweep_lanes` runs a tile of chains, one
a SIMD lane, and sums every local field anew: best where many flip. `sweep_chain` runs one chain, 16
cells at a time, and keeps the local fields up to date: work is done only where a cell flips, which
is best in the cold. A sweep updates every free cell once. The random word of a cell is a function
of (seed, chain, sweep, place), its place being its number among cells ordered by colour, each
colour beginning at a multiple of 16. Where sums of couplings are exact (integers), both kernels
give the same states.
"""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit
from thermo.kernels.langevin.rows import csr_row
from thermo.kernels.spins.rows import (
    GROUP,
    end_of,
    lowest,
    turned,
    update_row,
    weight_of,
    words_of_cells,
    words_of_lanes,
)


@njit(cache=True, nogil=True)
def sweep_lanes(  # type: ignore[no-untyped-def]
    x, indptr, indices, weight, h, extra, blocks, block_id, beta, scale, seed, chain0, step0
):
    """Sweeps of a tile of chains, in place.

    x : (n, lanes) float32 of +-1, rows in the order of colours; lanes 16, 32 or 64
    indptr, indices, weight : CSR couplings, float32; h : (n,) float32
    extra : (n, lanes) float32 added to h, or (1, lanes) for all cells
    blocks : (n_blocks, 4) int32 rows that share random words, -1 where there is no free cell
    block_id : (n_blocks,) place of the block's first cell / 4
    beta : (n_sweeps, lanes) float32, 2 / kT; scale : (n_sweeps,) float32, factor on couplings
    seed, chain0, step0 : identity of the random numbers: lane l is chain chain0 + l
    """
    words = np.empty((4, x.shape[1]), np.uint32)
    one_extra = extra.shape[0] != x.shape[0]
    for t in range(scale.shape[0]):
        for b in range(blocks.shape[0]):
            words_of_lanes(words[0], words[1], words[2], words[3], seed, chain0, step0 + t, block_id[b])
            for j in range(4):
                r = blocks[b, j]
                if r >= 0:
                    update_row(
                        indices,
                        weight,
                        indptr[r],
                        indptr[r + 1],
                        x,
                        x[r],
                        extra[0 if one_extra else r],
                        h[r],
                        scale[t],
                        beta[t],
                        words[j],
                    )


@njit(cache=True, nogil=True)
def lane_energies(x, indptr, indices, weight, h, extra, out):  # type: ignore[no-untyped-def]
    """out[l] = energy of lane l, float64, where the couplings act both ways; see sweep_lanes."""
    n, lanes = x.shape
    total = np.empty(lanes, np.float32)
    out[:] = 0.0
    for r in range(n):
        csr_row(indices, weight, indptr[r], indptr[r + 1], x, total)
        more = extra[r if extra.shape[0] == n else 0]
        for l in range(lanes):
            field = np.float64(h[r]) + np.float64(more[l]) + 0.5 * np.float64(total[l])
            out[l] -= np.float64(x[r, l]) * field


@njit(cache=True, nogil=True)
def sum_couplings(spin, own, indptr, edges, total):  # type: ignore[no-untyped-def]
    """Make a chain's total[i] = sum over e of weight[e] spin[end[e]] anew; returns its energy.

    Sums are float64, rounded once. See sweep_chain.
    """
    energy = 0.0
    for i in range(total.shape[0]):
        acc = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            acc += np.float64(weight_of(edges[e])) * np.float64(spin[end_of(edges[e])])
        total[i] = np.float32(acc)
        energy -= np.float64(spin[i]) * (np.float64(own[i]) + 0.5 * acc)
    return energy


@njit(cache=True, nogil=True)
def sweep_chain(  # type: ignore[no-untyped-def]
    spin, total, own, indptr, edges, runs, free, beta, scale, seed, chain, step0, energy, least, best, target
):
    """Sweeps of one chain, in place; returns (sweeps done, energy, least energy seen, flips).

    spin : (n_places,) float32 of +-1; total : (n_places,) float32, coupling sums, kept up to date
    own : (n_places,) float32 fields
    indptr, edges : symmetric CSR among places; an edge is its end and weight, see pack_edges
    runs : (n_runs, 2) int64, a run of 1 to 4 neighbouring groups of 16 places of one colour: its
        first group and how many; runs cover all places and end at multiples of 64
    free : (n_runs,) int64, bit k set where cell k of the run may flip
    beta, scale : (n_sweeps,) float32
    energy : of `spin` with scale = 1; best : (n_places,) float32, the state with energy `least`,
        replaced whenever a sweep ends below it
    target : the chain stops after a sweep that ends at this energy or below
    """
    words = np.empty(64, np.uint32)
    flips = 0
    for t in range(beta.shape[0]):
        for q in range(runs.shape[0]):
            group = runs[q, 0]
            at, word_at = group * GROUP, (group % 4) * GROUP
            if word_at == 0:
                words_of_cells(words, seed, chain, step0 + t, at)
            # one mask for the whole run: a branch that nobody can predict costs as much as a flip
            mask = np.int64(0)
            for k in range(runs[q, 1]):
                here = k * GROUP
                some = turned(spin, total, own, words, at + here, word_at + here, scale[t], beta[t])
                mask |= some << here
            mask &= free[q]
            while mask:
                i = at + lowest(mask)
                mask &= mask - 1
                s = spin[i]
                energy += np.float64(s) * np.float64(total[i] + own[i]) * 2.0
                change = np.float32(-2.0) * s
                spin[i] = -s
                flips += 1
                for e in range(indptr[i], indptr[i + 1]):
                    total[end_of(edges[e])] += change * weight_of(edges[e])
        if energy < least:
            least = energy
            for i in range(spin.shape[0]):
                best[i] = spin[i]
            if least <= target:
                return t + 1, energy, least, flips
    return beta.shape[0], energy, least, flips


@njit(cache=True, nogil=True)
def load_rows(states, index, order, out):  # type: ignore[no-untyped-def]
    """out[r, l] = states[index[l], order[r]], as float32."""
    for l in range(index.shape[0]):
        row = states[index[l]]
        for r in range(order.shape[0]):
            out[r, l] = row[order[r]]


@njit(cache=True, nogil=True)
def save_rows(x, order, out):  # type: ignore[no-untyped-def]
    """out[l, order[r]] = x[r, l], as int8, for the first lanes."""
    for l in range(out.shape[0]):
        row = out[l]
        for r in range(order.shape[0]):
            row[order[r]] = np.int8(x[r, l])
