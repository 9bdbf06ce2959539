"""SpinSystem: p-bits in the order of their colours, ready for the kernels.

The validated way to the sweeps of thermo.kernels.spins.colours, for training, sampling and annealing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from compiler.errors import UnsupportedError
from compiler.ir.langevin import Activation, CellKind, CouplingKind, LangevinNetlist, Role
from compiler.ir.symmetry import matrix
from hw_models.imperfect import Imperfections
from thermo.simulate.device import acting_biases, acting_couplings
from thermo.simulate.errors import SimulationError
from thermo.simulate.spins.cells import CellChains
from thermo.simulate.spins.lanes import MOST_SWEEPS, LaneTiles
from thermo.simulate.spins.layout import Layout, make_layout

FEW = 8  # chains up to which half of the lanes would be empty


@dataclass(frozen=True, slots=False, eq=False)
class SpinSystem:
    """p-bits with fields h and couplings: E(s) = -(h . s + sum over pairs of J_ij s_i s_j).

    layout : order of updates; h : (n,) float64
    driven, driving : (m,) int64 ends of the couplings, each pair once if `symmetric`
    weights : (m,) float64, J of each pair; of a directed coupling the force on `driven`
    frozen : (n,) bool, cells that keep their state
    symmetric : couplings act both ways, so that there is an energy
    """

    layout: Layout
    h: np.ndarray
    driven: np.ndarray
    driving: np.ndarray
    weights: np.ndarray
    frozen: np.ndarray
    symmetric: bool = True

    @staticmethod
    def from_pairs(h: Any, row: Any, col: Any, J: Any, *, frozen: Any = None) -> SpinSystem:
        """Symmetric couplings, each pair (row, col) once in either order.

        h : (n,); row, col, J : (m,); frozen : (n,) bool, by default no cell
        Raises SimulationError for sizes, ids or values that do not fit, NetlistError for a
        self-coupling.
        """
        h, row, col, J = _checked(h, row, col, J)
        n, m = h.size, J.size
        if _twice(np.minimum(row, col) * n + np.maximum(row, col)):
            raise SimulationError("two couplings join the same pair of cells; add their J up")
        both = np.concatenate([row, col]), np.concatenate([col, row])
        layout = make_layout(n, *both, np.tile(np.arange(m), 2))
        return SpinSystem(layout, h, row, col, J, _mask(frozen, n))

    @staticmethod
    def directed(h: Any, driven: Any, driving: Any, W: Any, *, frozen: Any = None) -> SpinSystem:
        """Directed couplings: W is the force on `driven` per unit of `driving`. No energy."""
        h, driven, driving, W = _checked(h, driven, driving, W)
        if _twice(driven * h.size + driving):
            raise SimulationError("a directed coupling is given twice; add the two weights up")
        layout = make_layout(h.size, driven, driving, np.arange(W.size))
        return SpinSystem(layout, h, driven, driving, W, _mask(frozen, h.size), symmetric=False)

    @staticmethod
    def from_netlist(netlist: LangevinNetlist) -> SpinSystem:
        """The p-bits of a verified netlist; input cells are frozen.

        Raises UnsupportedError for what no p-bit has.
        """
        check_spins(netlist)
        cells, n = netlist.cells, netlist.n_cells
        groups = [matrix(c) for c in netlist.couplings if len(c)]
        w = sum(groups[1:], groups[0]) if groups else sparse.csr_array((n, n))
        frozen = cells.frozen
        if not frozen.any() and _mirrored(w):
            row = np.repeat(np.arange(n, dtype=w.indices.dtype), np.diff(w.indptr))
            one = row < w.indices
            return SpinSystem.from_pairs(cells.h, row[one], w.indices[one], w.data[one], frozen=frozen)
        w = sparse.coo_array(w)
        inner = ~(frozen[w.row] | frozen[w.col])
        upper = sparse.csr_array((w.data[inner], (w.row[inner], w.col[inner])), shape=(n, n))
        if (upper != upper.T).nnz == 0:
            # what an input drives is a pair, too: inputs do not move
            one = (w.row < w.col) | ~inner
            return SpinSystem.from_pairs(cells.h, w.row[one], w.col[one], w.data[one], frozen=frozen)
        return SpinSystem.directed(cells.h, w.row, w.col, w.data, frozen=frozen)

    @property
    def n(self) -> int:
        return self.h.size

    def with_parameters(self, *, h: Any = None, weights: Any = None) -> SpinSystem:
        """The same graph with other fields (n,) or weights (m,), in the order they were given."""
        h = self.h if h is None else _column("h", h, self.n)
        weights = self.weights if weights is None else _column("weights", weights, len(self.driven))
        return replace(self, h=h, weights=weights)

    def with_frozen(self, frozen: Any) -> SpinSystem:
        """The same system with these cells (n,) bool, and no others, keeping their state."""
        return replace(self, frozen=_mask(frozen, self.n))

    def energy(self, states: Any) -> np.ndarray:
        """(...,) float64 energies of states (..., n); UnsupportedError for directed couplings."""
        if not self.symmetric:
            raise UnsupportedError("directed couplings have no energy; give symmetric ones")
        flat = self.checked(states).reshape(-1, self.n)
        pairs = self.pairs
        out = np.empty(flat.shape[0])
        for k in range(0, flat.shape[0], 1024):
            s = flat[k : k + 1024].astype(np.float64)
            out[k : k + 1024] = -(s @ self.h) - ((pairs @ s.T) * s.T).sum(axis=0)
        return out.reshape(np.shape(states)[:-1])

    def random_states(self, chains: int, seed: int = 0, *, first_chain: int = 0) -> np.ndarray:
        """(chains, n) int8 of +-1 with equal probability, a function of (seed, chain, cell)."""
        if chains < 1:
            raise SimulationError(f"chains must be at least 1, got {chains}")
        free = np.zeros(self.n)
        none = replace(self, layout=self.layout.bare(), h=free, weights=free[:0], frozen=free > 0)
        up = np.ones((chains, self.n), np.int8)
        with (CellChains if chains < FEW else LaneTiles)(none, up, seed, first_chain) as engine:
            engine.sweep(1.0, 1, MOST_SWEEPS)  # this number is kept for starts
            return engine.states()

    def sweep(
        self,
        states: Any,
        kT: Any,
        n_sweeps: int,
        seed: int,
        step: int = 0,
        *,
        fields: Any = None,
        frozen: Any = None,
        first_chain: int = 0,
        threads: int | None = None,
    ) -> np.ndarray:
        """States (chains, n) int8 after n_sweeps sweeps of chromatic block Gibbs.

        states : (chains, n) of +-1
        kT : a number, or (chains,): a temperature each; >= 0
        seed, first_chain, step : random numbers are a function of (seed, first_chain + chain,
            step + sweep, cell): go on with step + n_sweeps
        fields : (n,) or (chains, n), in place of h
        frozen : (n,) bool, in place of the system's own

        Raises SimulationError for what does not fit.
        """
        system = self if frozen is None else self.with_frozen(frozen)
        states = self.checked(states)
        if states.ndim != 2:
            raise SimulationError(f"states must be (chains, {self.n}), got shape {states.shape}")
        with LaneTiles(system, states, seed, first_chain, threads, fields) as tiles:
            tiles.sweep(kT, n_sweeps, step)
            return tiles.states()

    def checked(self, states: Any) -> np.ndarray:
        """States (..., n) as int8; SimulationError unless every one is +1 or -1."""
        return checked_states(states, self.n)

    @property
    def n_pairs(self) -> int:
        return self.weights.size

    @cached_property
    def pairs(self) -> sparse.csr_array:
        """(n, n) float64 weights, each pair once."""
        return sparse.csr_array((self.weights, (self.driven, self.driving)), shape=(self.n, self.n))


def checked_states(states: Any, n: int) -> np.ndarray:
    """States (..., n) as int8; SimulationError unless every one is +1 or -1."""
    states = np.asarray(states)
    if states.ndim == 0 or states.shape[-1] != n:
        raise SimulationError(f"states must be (..., {n}), got shape {states.shape}")
    if not (np.abs(states) == 1).all():
        k = np.argwhere(np.abs(states) != 1)[0]
        raise SimulationError(
            f"states must be +1 or -1; cell {k[-1]} is {states[tuple(k)]}: a 0/1 variable x is 2 x - 1"
        )
    return np.ascontiguousarray(states, dtype=np.int8)


def device_system(netlist: LangevinNetlist, non_ideal: Imperfections, seed: int) -> SpinSystem:
    """The p-bits of a netlist on one imperfect device; see SpinSystem.from_netlist.

    Inputs' couplings and those among p-bits are quantised apart, as in Langevin simulations.
    """
    check_spins(netlist)
    groups = tuple(
        replace(c.plain(), weight=acting_couplings(netlist, c, non_ideal, seed), tie=None)
        for c in netlist.couplings
        if len(c)
    )
    h = acting_biases(netlist, non_ideal, seed)
    return SpinSystem.from_netlist(netlist.with_(cells=replace(netlist.cells, h=h), couplings=groups))


def check_spins(netlist: LangevinNetlist) -> None:
    """Raise UnsupportedError for the first feature of a netlist that p-bits do not have."""
    cells = netlist.cells
    dynamic = cells.role != Role.INPUT
    if (other := dynamic & (cells.kind != CellKind.PBIT)).any():
        i = int(np.argmax(other))
        raise UnsupportedError(
            f"cell {i} is {CellKind(int(cells.kind[i])).name.lower()} among p-bits; p-bits are "
            "simulated alone"
        )
    for name in ("j2", "j3", "j4"):
        column = getattr(cells, name)
        if (dynamic & (column != 0)).any():
            i = int(np.argmax(dynamic & (column != 0)))
            raise UnsupportedError(f"p-bit {i} has {name} = {column[i]:g}; a p-bit's self-energy is -h s")
    if (cells.activation != Activation.IDENTITY).any():
        i = int(np.argmax(cells.activation != Activation.IDENTITY))
        raise UnsupportedError(
            f"p-bit {i} has the activation {Activation(int(cells.activation[i])).name.lower()}; "
            "p-bits show their state: give it the identity"
        )
    for couplings in netlist.couplings:
        if couplings.kind not in (CouplingKind.LINEAR, CouplingKind.GRADIENT) and len(couplings):
            raise UnsupportedError(
                f"{couplings.kind.name.lower()} couplings do not act on p-bits; use linear ones"
            )
    for phase in netlist.schedule:
        for name in ("stiffness", "nudge"):
            if getattr(phase, name):
                raise UnsupportedError(
                    f"phase {phase.name!r} has {name} {getattr(phase, name):g}, which does nothing "
                    "to p-bits: set it to 0"
                )
    if netlist.noise is not None:
        raise UnsupportedError("a noise matrix means nothing for p-bits: leave it out")


def _mirrored(w: sparse.csr_array) -> bool:
    """Whether a matrix with ascending columns equals its transpose, entry by entry."""
    t = w.T.tocsr()
    return all(np.array_equal(getattr(w, k), getattr(t, k)) for k in ("indptr", "indices", "data"))


def _twice(key: np.ndarray) -> bool:
    """Whether any value stands twice."""
    if (key[1:] > key[:-1]).all():
        return False
    key = np.sort(key)
    return bool((key[1:] == key[:-1]).any())


def _column(what: str, values: Any, size: int) -> np.ndarray:
    column = np.array(values, dtype=np.float64)
    if column.shape != (size,):
        raise SimulationError(f"{what} must have {size} values, got shape {column.shape}")
    if not np.isfinite(column).all():
        k = int(np.argmax(~np.isfinite(column)))
        raise SimulationError(f"{what}[{k}] is {column[k]}; it must be finite")
    return column


def _mask(frozen: Any, n: int) -> np.ndarray:
    mask = np.zeros(n, dtype=bool) if frozen is None else np.asarray(frozen)
    if mask.shape != (n,) or mask.dtype != bool:
        raise SimulationError(
            f"frozen must be a mask of {n} booleans, got {mask.dtype} of shape {mask.shape}"
        )
    return mask


def _checked(h: Any, a: Any, b: Any, w: Any) -> tuple[np.ndarray, ...]:
    """Fields, ends and weights as float64 and int64 columns."""
    h = np.asarray(h, dtype=np.float64)
    h = _column("h", h, h.shape[0] if h.ndim == 1 else -1)
    a, b = np.asarray(a), np.asarray(b)
    w = _column("couplings", w, a.size)
    if a.shape != w.shape or b.shape != w.shape:
        raise SimulationError(f"{w.size} couplings have ends of shape {a.shape} and {b.shape}")
    a, b = a.astype(np.int64), b.astype(np.int64)
    if (bad := (np.minimum(a, b) < 0) | (np.maximum(a, b) >= h.size)).any():
        k = int(np.argmax(bad))
        raise SimulationError(
            f"coupling ({a[k]}, {b[k]}) names a cell that does not exist; cells are 0 to {h.size - 1}"
        )
    return h, a, b, w
