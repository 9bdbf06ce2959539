"""The Ising model behind a netlist: what was lowered, whatever it became, and what states mean.

Passes that change an Ising netlist for its hardware leave the model in meta["logical"], as {"h",
"row", "col", "J", "kT"}, so that energies and answers are those of the model, in its own units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.langevin import CellKind, Cells, CouplingKind, Couplings, LangevinNetlist, ReadOut
from compiler.ir.symmetry import first_asymmetry, matrix

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
    if "logical" in netlist.meta:
        return netlist
    notes = model.meta.get("logical")
    if notes is None:
        h, edges, J = logical_model(model)
        notes = {
            "h": h.tolist(),
            "row": edges[:, 0].tolist(),
            "col": edges[:, 1].tolist(),
            "J": J.tolist(),
            "kT": model.kT,
        }
    return netlist.with_(meta=MappingProxyType({**netlist.meta, "logical": notes}))


def spin_couplings(n: int, row: Any, col: Any, J: Any) -> tuple[Couplings, ...]:
    """`linear` couplings both ways of the pairs (row, col); no group if there are none."""
    if not len(row):
        return ()
    ends = np.concatenate([row, col]), np.concatenate([col, row])
    return (Couplings.from_coo(CouplingKind.LINEAR, n, *ends, np.tile(J, 2)),)


def logical_netlist(netlist: LangevinNetlist) -> LangevinNetlist:
    """The p-bits of the model that the netlist was made from, at the same schedule of kT / E.

    The netlist itself if it holds no such notes. Time and starting states are no part of it.
    """
    notes = netlist.meta.get("logical")
    if notes is None:
        return netlist
    h = np.array(notes["h"], dtype=np.float64)
    row, col = (np.array(notes[name], dtype=np.int64) for name in ("row", "col"))
    readout = netlist.readout
    if readout is not None:
        readout = ReadOut(np.arange(h.size, dtype=np.int32), readout.phase, decision="value")
    unit = notes["kT"] / netlist.kT if netlist.kT else 1.0
    made = ("logical", "embedding", "placement", "gauge", "double_well", "energy_scale")
    return LangevinNetlist(
        cells=Cells.make(h.size, h=h, x0=1.0, kind=CellKind.PBIT),
        couplings=spin_couplings(h.size, row, col, np.array(notes["J"], dtype=np.float64)),
        kT=float(notes["kT"]),
        mobility=1.0,
        schedule=tuple(
            replace(p, kT=None if p.kT is None else (p.kT[0] * unit, p.kT[1] * unit))
            for p in netlist.schedule
        ),
        readout=readout,
        dt=netlist.dt,
        meta=MappingProxyType({k: v for k, v in netlist.meta.items() if k not in made}),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """States of hardware in the terms of the model.

    netlist : the model's p-bits; states : (..., n) int8 of +-1
    energies : (...,) float64 with the offset; broken : (n,) share of broken chains, None without
    """

    netlist: LangevinNetlist
    states: np.ndarray
    energies: np.ndarray
    broken: np.ndarray | None


def decode(netlist: LangevinNetlist, states: Any, *, method: str = "majority", seed: int = 0) -> Decoded:
    """What states (..., n_cells) of a lowered Ising netlist say: signs, gauge and chains undone.

    States of continuous cells count by their sign (0 as +1). method, seed : of `unembed`
    """
    raw = np.where(np.asarray(states) >= 0, 1, -1).astype(np.int8)
    gauge = netlist.meta.get("gauge")
    if gauge is not None:
        raw = raw * np.asarray(gauge, dtype=np.int8)
    broken = None
    if "embedding" in netlist.meta:
        raw, broken = unembed(raw, netlist, method=method, seed=seed)
    model = logical_netlist(netlist)
    return Decoded(model, raw, _energies(model, raw), broken)


def _energies(model: LangevinNetlist, states: np.ndarray) -> np.ndarray:
    """(...,) float64 offset - h s - s J s / 2."""
    flat = states.reshape(-1, model.n_cells)
    out = np.full(flat.shape[0], float(model.meta.get("ising", {}).get("offset", 0.0)))
    out -= flat @ model.cells.h
    for c in model.couplings:
        out -= 0.5 * (flat * (matrix(c) @ flat.T.astype(np.float64)).T).sum(axis=1)
    return out.reshape(states.shape[:-1])


def unembed(
    states: Any, embedding: LangevinNetlist | Mapping[str, Any], *, method: str = "majority", seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Logical spins from the p-bits of chains: ((..., n) int8 of +-1, (n,) share of broken chains).

    states : (..., n_cells) of +-1
    embedding : the netlist, or its meta["embedding"] where the method is "majority"
    method : "majority", of each chain's cells, ties broken at random; "energy", which keeps whole
        chains and gives the broken ones, those first that are pulled most, the sign of their field
        h_i + sum_j J_ij s_j from the spins decided so far

    A chain is broken in a state when its cells disagree. Raises NetlistError for states of another
    size or a netlist without chains, UnsupportedError for an unknown method.
    """
    whole = isinstance(embedding, LangevinNetlist)
    notes = embedding.meta.get("embedding") if isinstance(embedding, LangevinNetlist) else embedding
    if notes is None:
        raise NetlistError("unembed: the netlist is not embedded, its states are the spins")
    if method not in METHODS or (method == "energy" and not whole):
        raise UnsupportedError(
            f"unembed: method must be majority, or energy with the netlist itself, got {method!r}"
        )
    states = np.asarray(states)
    chains = notes["chains"]
    sizes = np.array([len(c) for c in chains])
    cells = np.concatenate([np.asarray(c, dtype=np.int64) for c in chains])
    if states.ndim == 0 or states.shape[-1] != cells.size:
        raise NetlistError(
            f"unembed: states have the shape {states.shape}; the chains have {cells.size} cells"
        )
    flat = states.reshape(-1, cells.size)[:, cells].astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    total = np.add.reduceat(flat, starts, axis=1)
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
