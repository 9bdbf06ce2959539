"""A machine in training, as the rules that nudge, perturb and update it see one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from thermo.training.tiles import Tiles


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """Values that are learnt and their velocity; layer : whose rate they take; coupling : else a
    bias
    """

    values: np.ndarray
    velocity: np.ndarray
    layer: int
    coupling: bool


class Settings(Protocol):
    """What rules read of thermo.training.eqprop.config.EqpropConfig, which knows the rules."""

    @property
    def estimator(self) -> str: ...
    @property
    def beta(self) -> float: ...
    @property
    def perturbation(self) -> float: ...
    @property
    def directions(self) -> int: ...
    @property
    def sweeps_free(self) -> int: ...
    @property
    def sweeps_nudged(self) -> int: ...
    @property
    def update(self) -> str: ...
    @property
    def momentum(self) -> float: ...
    @property
    def seed(self) -> int: ...


class Machine(Protocol):
    """Layers that come to rest, and the parameters between them. Arrays are float32.

    step : updates done; n_rows : rows of a batch, replicas of an image being neighbours, and `lanes`
        rows a sample: of oscillators two, cosines and sines, of which biases see the first
    w, back : (n_(l+1), n_l) of each layer, forward and back (the same where they are `tied`, and the
        first has no way back); b : (n_l,); vw, vback, vb : their velocities
    u0 : (n_rows, n_inputs); p : (n_rows, n_1) drive by the inputs; target : (n_rows, n_out)
    free : (n_rows, n_l) of each layer; pushed, signed : (2 n_rows, n_l), both nudged phases one
        upon another; change : (n_rows, n_l); drives : scratch
    states : where the free phases of all training rows ended, () if they are not kept
    blocks : (layer, driven units) that are updated at once; polarity : +-1 of every coupling's
        update, or None
    """

    tiles: Tiles
    step: int
    n_rows: int
    lanes: int
    w: list[np.ndarray]
    back: list[np.ndarray]
    b: list[np.ndarray]
    vw: list[np.ndarray]
    vback: list[np.ndarray]
    vb: list[np.ndarray]
    u0: np.ndarray
    p: np.ndarray
    target: np.ndarray
    free: tuple[np.ndarray, ...]
    pushed: tuple[np.ndarray, ...]
    signed: tuple[np.ndarray, ...]
    change: tuple[np.ndarray, ...]
    drives: tuple[np.ndarray, ...]
    states: tuple[np.ndarray, ...]
    blocks: list[tuple[int, slice]]

    @property
    def config(self) -> Settings: ...

    @property
    def apart(self) -> bool:
        """Whether the two directions of a coupling are two parameters."""

    @property
    def polarity(self) -> tuple[np.ndarray, ...] | None: ...

    @property
    def n_tiles(self) -> int: ...

    def tile(self, t: int) -> slice:
        """Rows that relax together."""

    def load(self, rows: np.ndarray, warps: np.ndarray) -> np.ndarray:
        """Inputs and targets of these rows; returns them once for each replica, (n_rows,)."""

    def acting(self) -> Any:
        """What drives in this batch: programmed values, or what the device makes of them."""

    def free_phase(
        self,
        acting: Any,
        part: slice,
        first: int,
        start: tuple[np.ndarray, ...] = (),
        currents: tuple[np.ndarray, ...] = (),
    ) -> tuple[float, float, float, float]:
        """Relax one tile without a nudge; cost, right answers, sweeps used, what moved in the last."""

    def relax(
        self,
        acting: Any,
        p: np.ndarray,
        states: tuple[np.ndarray, ...],
        drives: tuple[np.ndarray, ...],
        y: np.ndarray,
        beta: float,
        most: int,
        first: int,
        row0: int,
    ) -> tuple[int, float]:
        """Relax one tile in place; sweeps used and what moved in the last."""

    def answers(self, out: np.ndarray, part: slice, step: int) -> np.ndarray:
        """What converters read of these outputs of the rows `part` after `step` steps."""

    def read(self) -> None:
        """What the read-out makes of the states that updates are computed from."""

    def learn(self, widths: Sequence[float]) -> None:
        """Local updates from the states of the phases; widths : of each nudged phase."""

    def parameters(self) -> list[Parameter]:
        """All that is learnt."""

    def limit(self) -> None:
        """Bring parameters back to what the hardware can hold."""

    def layer_rates(self) -> list[np.float32]:
        """Every layer's learning rate at this step."""
