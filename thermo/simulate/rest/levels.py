"""Cells of a feed-forward machine in an order in which each comes behind those that drive it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.activations import activate_rows
from compiler.ir.langevin import CouplingKind
from thermo.simulate.langevin.prepare import Prepared

Matrix = Any  # a SciPy CSR matrix, whose types are not checked


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """parts : for each level its cells (ascending), their couplings from cells and from inputs
    stiffness, h : (n,) 2 J2 and the bias of every cell
    """

    parts: tuple[tuple[np.ndarray, Matrix, Matrix], ...]
    stiffness: np.ndarray
    h: np.ndarray
    prepared: Prepared

    def states(self, u: np.ndarray) -> np.ndarray:
        """(n, n_samples) float64 rest of every cell for states u (n_samples, n_inputs) of the inputs."""
        p = self.prepared
        driven = activate_rows(p.input_activation, u.T)
        x, shown = np.zeros((p.n, len(u))), np.zeros((p.n, len(u)))
        for cells, w, w_in in self.parts:
            force = w @ shown + w_in @ driven + self.h[cells, None]
            x[cells] = np.clip(force / self.stiffness[cells, None], p.lo[cells, None], p.hi[cells, None])
            shown[cells] = activate_rows(p.activation[cells], x[cells])
        return x


def levels_of(prepared: Prepared) -> Levels:
    """The machine level by level.

    Raises UnsupportedError naming a cell that has no rest of its own, or is driven by what it drives.
    """
    _check_cells(prepared)
    w, w_in = prepared.couplings[CouplingKind.LINEAR]
    found = []
    for cells in _peeled(w, prepared):
        found.append((cells, w[cells], w_in[cells]))
    return Levels(tuple(found), prepared.c1, prepared.h, prepared)


def _check_cells(prepared: Prepared) -> None:
    curved = (prepared.c2 != 0) | (prepared.c3 != 0) | (prepared.c1 <= 0) | prepared.angle
    rule = "is no cell of a quadratic energy with J2 > 0, whose rest its force says"
    if prepared.mass is not None:
        curved, rule = np.ones(prepared.n, bool), "is underdamped"
    if not curved.any() and prepared.n_curved:
        m = next(m for m in prepared.curved.values() if m.nnz)
        curved = np.arange(prepared.n) == int(np.argmax(np.diff(m.indptr) > 0))
        rule = "is driven by couplings that are not linear"
    if curved.any():
        cell = int(prepared.cells[np.argmax(curved)])
        raise UnsupportedError(f"method 'rest': cell {cell} {rule}; use 'euler', which runs every machine")


def _peeled(w: Matrix, prepared: Prepared) -> Iterator[np.ndarray]:
    """Cells whose drivers have all been given before, again and again."""
    onto = w.T.tocsr()
    waiting = np.diff(w.indptr)
    ready, left = np.flatnonzero(waiting == 0), prepared.n
    while ready.size:
        yield ready
        left -= ready.size
        waiting = waiting - np.bincount(onto[ready].indices, minlength=prepared.n)
        waiting[ready] = -1
        ready = np.flatnonzero(waiting == 0)
    if left:
        cell = int(prepared.cells[np.argmax(waiting > 0)])
        raise UnsupportedError(
            f"method 'rest': cell {cell} is driven by what it drives, or by cells that are; use "
            "'euler', which runs every machine"
        )
