"""A machine trained on its own short runs as a netlist: class off, clamped, or chosen by cells of its own.

Cells of U = J2 x^2 + J4 x^4 that inhibit each other by J = 2 (J2 + 2 J4), under one force that holds their
sum near one up and the others down, have

    V = J4 sum (x^2 - 1)^2 + J/2 (sum x - s)^2 + const:

wells at +-1, J4 deep. With s half a cell above the sum of one up they leave the state of all down by heat
within a few units of time, and once one is up it stays: which one is the bath's choice, each equally often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.generator import Generator
from thermo.training.ebm.short_runs import CellLaw, ShortRunConfig, ShortRunMachine

BEFORE = 2.5  # time without couplings that a run starts after
TURN = 0.8  # of a layer while the other is held: its cells then keep at most an eighth of what they were
CHOICE = 12.0  # time that class cells have: at kT = 0.1, ten of them end with one up 99 times of 100
ABOVE = 0.5  # of the sum that class cells are held near, over that of one up

OFF, CLAMPED, CHOSEN = "off", "clamped", "chosen"
CLASSES = (OFF, CLAMPED, CHOSEN)


@dataclass(frozen=True, slots=True)
class Choice:
    """Couplings of n class cells.

    inhibition : force on each of the others' states, negative; force : constant on each
    up, down : where they rest with one up, which count as 1 and 0
    """

    inhibition: float
    force: float
    up: float
    down: float

    @staticmethod
    def of(n: int, j2: float, j4: float) -> Choice:
        """Raises EbmError for less than two classes."""
        if n < 2:
            raise EbmError(f"generation: {n} classes leave nothing to choose; let the class be off")
        j = 2.0 * (j2 + 2.0 * j4)
        force = j * (2.0 - n + ABOVE)
        x = np.array([1.0, -1.0])  # of the cell that is up, of each of the others
        for _ in range(50):  # Newton's steps to where both forces vanish
            f = force - 2 * j2 * x - 4 * j4 * x**3 - j * np.array([(n - 1) * x[1], x[0] + (n - 2) * x[1]])
            slope = -np.diag(2 * j2 + 12 * j4 * x**2) - j * np.array([[0.0, n - 1.0], [1.0, n - 2.0]])
            x = x - np.linalg.solve(slope, f)
        return Choice(-j, force, float(x[0]), float(x[1]))


def lower_short_runs(
    machine: ShortRunMachine,
    *,
    time: float | None = None,
    dt: float = 5e-3,
    classes: str = OFF,
    turns: bool = False,
    visible_shape: tuple[int, ...] = (),
) -> LangevinNetlist:
    """The machine as a netlist.

    time : of its runs, None: as in training, and with turns 0.8 for each
    classes : "off"; "clamped": its inputs are the classes, one of them 1; "chosen": by cells of its own,
        before the run
    turns : layers move in turn, the other held, as often as there are sweeps in training

    Raises EbmError for classes of a machine that was trained without, and for another word.
    """
    if classes not in CLASSES:
        raise EbmError(f"generation: classes must be one of {', '.join(CLASSES)}, got {classes!r}")
    config = machine.config
    d, m = machine.weights.shape
    k = machine.class_visible.shape[1]
    if classes != OFF and k == 0:
        raise EbmError("generation: the machine was trained without classes; train it with some clamped")
    forces = np.concatenate([machine.visible, machine.hidden])[:, None].astype(np.float64)
    own = np.concatenate([machine.class_visible, machine.class_hidden]).astype(np.float64)
    i, j = np.indices((d, m)).reshape(2, -1)
    w = machine.weights.ravel().astype(np.float64)
    row, col, value = np.concatenate([i, d + j]), np.concatenate([d + j, i]), np.concatenate([w, w])
    if classes == CLAMPED:
        forces = forces + own
    elif classes == CHOSEN:
        choice = Choice.of(k, config.j2, config.j4)
        own /= choice.up - choice.down
        forces = np.concatenate([forces - choice.down * own.sum(axis=1, keepdims=True), np.zeros((k, 1))])
        forces[d + m :] = choice.force
        to, of = np.nonzero(own)
        a, b = np.nonzero(~np.eye(k, dtype=bool))
        row = np.concatenate([row, to, d + m + a])
        col = np.concatenate([col, d + m + of, d + m + b])
        value = np.concatenate([value, own[to, of], np.full(a.size, choice.inhibition)])
    return Generator(
        forces,
        row,
        col,
        value,
        d,
        config.kT,
        config.j2,
        config.j4,
        1.0,
        BEFORE,
        time or lasting(config, turns),
        dt,
        0.5 / CellLaw.of(config.kT, config.j2, config.j4).at(config.gain),
        0.5,
        visible_shape,
        config.sweeps if turns else 0,
        k if classes == CHOSEN else 0,
        CHOICE,
    ).lower(source="short runs", seed=config.seed)


def lasting(config: ShortRunConfig, turns: bool) -> float:
    """Time of a run where none is asked for."""
    return 2 * TURN * config.sweeps if turns else config.time
