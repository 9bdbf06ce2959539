"""The Ising model behind a netlist: what was lowered, whatever it became, and what states mean.

Passes that change an Ising netlist for its hardware leave the model in `lowered.logical`, so that
energies and answers are those of the model, in its own units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.langevin import CellKind, Cells, CouplingKind, Couplings, LangevinNetlist, ReadOut
from compiler.ir.lowered import Embedded, Logical
from compiler.ir.symmetry import first_asymmetry, matrix
from compiler.passes.units import change_units

METHODS = ("majority", "energy")
MOST_SPINS = 4096  # of unembedding by energy, which holds all pairs


def logical_model(netlist: LangevinNetlist) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(h (n,), edges (m, 2) with i < j ascending, J (m,)) of a netlist of symmetric p-bits.

    Raises UnsupportedError for a netlist that is no Ising model: other cells, inputs, couplings
    that are not linear and symmetric.
    """
    cells = netlist.cells
    other = (cells.kind != CellKind.PBIT) | cells.frozen
    if other.any():
        i = int(np.argmax(other))
        what = "an input" if cells.frozen[i] else CellKind(int(cells.kind[i])).name.lower()
        raise UnsupportedError(f"cell {i} is {what}; only a netlist of p-bits is an Ising model")
    linear = [c for c in netlist.couplings if len(c)]
    for c in linear:
        if c.kind != CouplingKind.LINEAR:
            raise UnsupportedError(
                f"the netlist has {CouplingKind(c.kind).name.lower()} couplings; an Ising model's are linear"
            )
    if not linear:
        return np.array(cells.h), np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    w = matrix(linear[0])
    found = first_asymmetry([(CouplingKind.LINEAR, w)], cells.activation)
    if found is not None:
        _, i, j = found
        raise UnsupportedError(
            f"coupling ({i}, {j}) is {w[i, j]:g} but ({j}, {i}) is {w[j, i]:g}; an Ising model is "
            "symmetric: add --symmetrize"
        )
    w = w.tocoo()
    upper = w.row < w.col
    edges = np.stack([w.row, w.col], axis=1)[upper].astype(np.int64)
    return np.array(cells.h), edges, w.data[upper]


def is_ising(netlist: LangevinNetlist) -> bool:
    """Whether the netlist is one of symmetric p-bits."""
    try:
        logical_model(netlist)
    except UnsupportedError:
        return False
    return True


def remember(netlist: LangevinNetlist, model: LangevinNetlist) -> LangevinNetlist:
    """The netlist with the Ising model of `model`, from which it was made, in its notes."""
    if netlist.lowered.logical is not None:
        return netlist
    logical = model.lowered.logical
    if logical is None:
        h, edges, J = logical_model(model)
        unit = model.lowered.energy_scale
        row, col = edges.T.astype(np.int32)
        logical = Logical(h / unit, row, col, J / unit)
    return netlist.with_(lowered=netlist.lowered.with_(logical=logical))


def changed(netlist: LangevinNetlist, model: LangevinNetlist) -> LangevinNetlist:
    """`remember` where `model` is an Ising model and the netlist no longer has its energies."""
    if netlist is model or not (model.cells.kind == CellKind.PBIT).any() or not is_ising(model):
        return netlist
    return remember(netlist, model)


def spin_couplings(n: int, row: Any, col: Any, J: Any) -> tuple[Couplings, ...]:
    """`linear` couplings both ways of the pairs (row, col); no group if there are none."""
    if not len(row):
        return ()
    ends = np.concatenate([row, col]), np.concatenate([col, row])
    return (Couplings.from_coo(CouplingKind.LINEAR, n, *ends, np.tile(J, 2)),)


def logical_netlist(netlist: LangevinNetlist) -> LangevinNetlist:
    """The p-bits of the model that the netlist was made from, in its own units.

    The netlist itself if it was not changed, but for the unit of energy, which is undone. Time and
    starting states are no part of a model that was noted.
    """
    logical, unit = netlist.lowered.logical, netlist.lowered.energy_scale
    if logical is None:
        return netlist if unit == 1.0 else change_units(netlist, energy=1.0 / unit)
    h = logical.h
    readout = netlist.readout
    if readout is not None:
        readout = ReadOut(np.arange(h.size, dtype=np.int32), readout.phase, decision="value")
    return LangevinNetlist(
        cells=Cells.make(h.size, h=h, x0=1.0, kind=CellKind.PBIT),
        couplings=spin_couplings(h.size, logical.row, logical.col, logical.J),
        kT=netlist.kT / unit,
        mobility=1.0,
        schedule=tuple(
            replace(p, kT=None if p.kT is None else (p.kT[0] / unit, p.kT[1] / unit))
            for p in netlist.schedule
        ),
        readout=readout,
        dt=netlist.dt,
        problem=netlist.problem,
        meta=netlist.meta,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """States of hardware in the terms of the model.

    netlist : the model's p-bits; states : (..., n) int8 of +-1
    energies : (...,) float64 with the offset; broken : (n,) share of broken chains, None without
    lengths : (n,) cells of each chain, None without
    """

    netlist: LangevinNetlist
    states: np.ndarray
    energies: np.ndarray
    broken: np.ndarray | None
    lengths: np.ndarray | None = None


def decode(netlist: LangevinNetlist, states: Any, *, method: str = "majority", seed: int = 0) -> Decoded:
    """What states (..., n_cells) of a lowered Ising netlist say: signs, gauge and chains undone.

    States of continuous cells count by their sign (0 as +1). method, seed : of `unembed`
    """
    raw = np.where(np.asarray(states) >= 0, 1, -1).astype(np.int8)
    gauge = netlist.lowered.gauge
    if gauge is not None:
        raw = raw * gauge
    broken = lengths = None
    if netlist.lowered.embedded is not None:
        lengths = netlist.lowered.embedded.lengths
        raw, broken = unembed(raw, netlist, method=method, seed=seed)
    model = logical_netlist(netlist)
    return Decoded(model, raw, _energies(model, raw), broken, lengths)


def _energies(model: LangevinNetlist, states: np.ndarray) -> np.ndarray:
    """(...,) float64 offset - h s - s J s / 2."""
    flat = states.reshape(-1, model.n_cells)
    out = np.full(flat.shape[0], 0.0 if model.problem is None else model.problem.offset)
    out -= flat @ model.cells.h
    for c in model.couplings:
        out -= 0.5 * (flat * (matrix(c) @ flat.T.astype(np.float64)).T).sum(axis=1)
    return out.reshape(states.shape[:-1])


def unembed(
    states: Any, embedding: LangevinNetlist | Embedded, *, method: str = "majority", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Logical spins from the p-bits of chains: ((..., n) int8 of +-1, (n,) share of broken chains).

    states : (..., n_cells) of +-1
    embedding : the netlist, or its `lowered.embedded` where the method is "majority"
    method : "majority", of each chain's cells, ties broken at random; "energy", which keeps whole
        chains and gives the broken ones, those first that are pulled most, the sign of their field
        h_i + sum_j J_ij s_j from the spins decided so far

    A chain is broken in a state when its cells disagree. Raises NetlistError for states of another
    size or a netlist without chains, UnsupportedError for an unknown method.
    """
    whole = isinstance(embedding, LangevinNetlist)
    chains = embedding.lowered.embedded if isinstance(embedding, LangevinNetlist) else embedding
    if chains is None:
        raise NetlistError("unembed: the netlist is not embedded, its states are the spins")
    if method not in METHODS or (method == "energy" and not whole):
        raise UnsupportedError(
            f"unembed: method must be majority, or energy with the netlist itself, got {method!r}"
        )
    states = np.asarray(states)
    sizes, cells = chains.lengths, chains.cells
    if states.ndim == 0 or states.shape[-1] != cells.size:
        raise NetlistError(
            f"unembed: states have the shape {states.shape}; the chains have {cells.size} cells"
        )
    flat = states.reshape(-1, cells.size)[:, cells].astype(np.int32)
    total = np.add.reduceat(flat, chains.indptr[:-1], axis=1)
    broken = np.abs(total) != sizes
    if method == "majority":
        coin = np.random.default_rng(seed).integers(0, 2, total.shape) * 2 - 1
        spins = np.where(total == 0, coin, np.sign(total))
    else:
        assert isinstance(embedding, LangevinNetlist)
        spins = _by_energy(np.where(broken, 0, np.sign(total)), logical_netlist(embedding))
    share = broken.mean(axis=0) if len(broken) else np.zeros(sizes.size)
    return spins.astype(np.int8).reshape(*states.shape[:-1], sizes.size), share


def _by_energy(spins: np.ndarray, model: LangevinNetlist) -> np.ndarray:
    """Fill in the zeros of spins (k, n), the one with the largest local field first."""
    n = model.n_cells
    if n > MOST_SPINS:
        raise UnsupportedError(
            f"unembed: method 'energy' takes up to {MOST_SPINS:,} spins, got {n:,}; use 'majority'"
        )
    w = sum((matrix(c).toarray() for c in model.couplings), np.zeros((n, n)))
    spins = spins.astype(np.float64)
    field = spins @ w + model.cells.h
    while (spins == 0).any():
        at = np.flatnonzero((spins == 0).any(axis=1))
        spin = np.argmax(np.where(spins[at] == 0, np.abs(field[at]), -1.0), axis=1)
        value = np.where(field[at, spin] >= 0, 1.0, -1.0)
        spins[at, spin] = value
        field[at] += value[:, None] * w[spin]
    return spins
