"""Generative Langevin machines as netlists: equilibrium without couplings, then a run with them.

One whose class is free chooses it itself, by cells that inhibit each other until one of them is up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.ir.langevin import Cells, CouplingKind, Couplings, Group, LangevinNetlist, Phase, ReadOut, Role


@dataclass(frozen=True, slots=True, eq=False)
class Generator:
    """Dynamic cells of U = j2 x^2 + j4 x^4, the first n_visible of them read as `scale` x + `offset`.

    forces : (n, n_inputs), what a frozen input cell at 1 adds to each cell's force; with one input it
        stays at 1, else the inputs are data, one of them 1
    row, col, value : couplings among dynamic cells, force on the row
    before, after : lengths of the two phases; dt : step
    turns : how often hidden and visible cells move in turn while the others are held, `after` shared
        among them; 0: all at once
    classes : the last cells, which move for `choice` after equilibrium while the others are held, and are
        held from then on
    """

    forces: np.ndarray
    row: np.ndarray
    col: np.ndarray
    value: np.ndarray
    n_visible: int
    kT: float
    j2: float
    j4: float
    mobility: float
    before: float
    after: float
    dt: float
    scale: float
    offset: float = 0.0
    image_shape: tuple[int, ...] = ()
    turns: int = 0
    classes: int = 0
    choice: float = 0.0

    def lower(self, **meta: Any) -> LangevinNetlist:
        """Phases equilibrate (couplings and inputs off), choose if there are classes, and generate; frozen
        cells carry the constant forces, so that they can be switched. Groups one (or class, of inputs),
        visible, hidden, and class where it is chosen.
        """
        cells, inputs = self.forces.shape
        n, seen = inputs + cells, inputs + self.n_visible
        unseen = n - self.classes
        i, j = np.nonzero(self.forces)
        role = np.full(n, Role.DYNAMIC)
        role[:inputs] = Role.INPUT
        role[inputs:seen] = Role.OUTPUT
        start = np.zeros(n)
        if inputs == 1:
            start[0] = 1.0
        groups = [Group("one" if inputs == 1 else "class", 0, inputs), Group("visible", inputs, seen)]
        if unseen > seen:
            groups.append(Group("hidden", seen, unseen))
        if self.classes:
            groups.append(Group("class", unseen, n))
        own = np.where(role == Role.INPUT, 0.0, 1.0)
        return LangevinNetlist(
            cells=Cells.make(n, j2=self.j2 * own, j4=self.j4 * own, x0=start, role=role),
            couplings=(
                Couplings.from_coo(
                    CouplingKind.LINEAR,
                    n,
                    np.concatenate([i, self.row]) + inputs,
                    np.concatenate([j, self.col + inputs]),
                    np.concatenate([self.forces[i, j], self.value]).astype(np.float64),
                ),
            ),
            kT=self.kT,
            mobility=self.mobility,
            schedule=(
                Phase(
                    "equilibrate",
                    round(self.before / self.dt) * self.dt,
                    input_scale=0.0,
                    coupling_scale=(0.0, 0.0),
                ),
                *self._generate(),
            ),
            groups=tuple(groups),
            readout=ReadOut(
                cells=np.arange(inputs, seen, dtype=np.int32),
                phase=self._generate()[-1].name,
                decision="value",
                scale=self.scale * np.eye(self.n_visible),
                offset=None if self.offset == 0.0 else np.full(self.n_visible, self.offset),
            ),
            dt=self.dt,
            meta={**meta, "image_shape": list(self.image_shape)},
        )

    def _generate(self) -> list[Phase]:
        """The phases with couplings."""

        def lasting(time: float) -> float:
            return max(1, round(time / self.dt)) * self.dt

        chosen = ("class",) if self.classes else ()
        first = [Phase("choose", lasting(self.choice), clamped=("visible", "hidden"))] if chosen else []
        if not self.turns:
            return [*first, Phase("generate", lasting(self.after), clamped=chosen)]
        each = lasting(self.after / (2 * self.turns))
        return [
            *first,
            *(
                Phase(f"{moves} {k + 1}", each, clamped=(held, *chosen))
                for k in range(self.turns)
                for moves, held in (("hidden", "visible"), ("visible", "hidden"))
            ),
        ]
