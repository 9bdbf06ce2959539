"""DenoisingChain: energy-based models that undo noise one after another (denoising chain).

Forward, every bit is resampled with probability 1 - exp(-g_t), so that
P(x_(t+1) | x_t) ~ exp(w_t sum_i x_(t+1),i x_t,i) with w_t = -1/2 ln tanh(g_t / 2); x_T is nearly
noise. Backward, step t draws x_t and hidden spins z from

    E_t(x, z | x_(t+1)) = -(h . s + sum_(i<j) J_ij s_i s_j + w_t sum_i x_i x_(t+1),i),  s = (x, z)

with a sampler of its own (denoising thermodynamic models, arXiv 2510.23972).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.ising import IsingModel
from compiler.families.layout import side_by_side
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.goals import Boltzmann, Grid
from compiler.ir.langevin import (
    CellKind,
    Cells,
    CouplingKind,
    Couplings,
    Group,
    LangevinNetlist,
    Phase,
    ReadOut,
)
from compiler.ir.problem import Problem

LARGEST = 1 << 15  # cells along a side of the grid


def noise_coupling(g: Any) -> np.ndarray:
    """w = -1/2 ln tanh(g / 2) of a step whose bits are resampled with probability 1 - exp(-g)."""
    return -0.5 * np.log(np.tanh(np.asarray(g, np.float64) / 2.0))


def chain_cells(steps: int, n: int, n_visible: int) -> list[np.ndarray]:
    """Cell numbers, in the netlist that a chain is lowered to, of every model's spins, data's model
    first, then of the noise that the last one starts from. Devices are drawn for these numbers, in
    training as in simulation (hw_models.imperfect).
    """
    return [np.arange(k * n, k * n + (n if k < steps else n_visible)) for k in range(steps + 1)]


@dataclass(frozen=True, slots=True, eq=False)
class DenoisingChain:
    """T energy-based models on one graph of spins; the first n_visible spins are the data.

    h : (T, n) fields; J : (T, m) of the pairs (row, col), row < col ascending, as in IsingModel
    noise : (T,) g_t > 0 of the step that model t undoes; model 0 gives data, model T - 1 starts
        from independent fair bits
    place : (n,) int32, cell of a grid of `shape` (rows, columns) that each spin sits on
    sweeps : of every model when sampling
    image_shape, threshold : as in RBM

    Raises NetlistError for arrays that do not fit.
    """

    h: np.ndarray
    row: np.ndarray
    col: np.ndarray
    J: np.ndarray
    noise: np.ndarray
    place: np.ndarray
    shape: tuple[int, int]
    n_visible: int
    sweeps: int
    image_shape: tuple[int, ...] = ()
    threshold: float | None = None
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    @property
    def n_steps(self) -> int:
        return self.h.shape[0]

    @property
    def n(self) -> int:
        return self.h.shape[1]

    @property
    def couplings(self) -> np.ndarray:
        """(T,) w_t between x_t and the noisier x_(t+1)."""
        return noise_coupling(self.noise)

    @property
    def blocks(self) -> list[np.ndarray]:
        """`chain_cells` of this chain."""
        return chain_cells(self.n_steps, self.n, self.n_visible)

    def step(self, t: int, above: np.ndarray | None = None) -> IsingModel:
        """Model t given x_(t+1), (n_visible,) of +-1; None: without it."""
        h = self.h[t].astype(np.float64)
        if above is not None:
            h[: self.n_visible] += self.couplings[t] * np.asarray(above, np.float64)
        return IsingModel(
            h=h,
            row=self.row,
            col=self.col,
            J=self.J[t].astype(np.float64),
            problem=Problem(Boltzmann(self.n_visible), vartype="binary"),
        )

    def __repr__(self) -> str:
        return f"DenoisingChain({self.n_steps} steps of {self.n:,} spins, {self.n_visible:,} of them data)"

    def __post_init__(self) -> None:
        freeze_meta(self)
        if self.h.ndim != 2 or min(self.h.shape) == 0:
            raise NetlistError(
                f"chain of models: h must be (steps, spins), at least 1 each, got {self.h.shape}"
            )
        t, n = self.h.shape
        for name, want in (
            ("J", (t, self.row.size)),
            ("noise", (t,)),
            ("place", (n,)),
            ("col", self.row.shape),
        ):
            if getattr(self, name).shape != want:
                raise NetlistError(
                    f"chain of models: {name} must be {want} as h is {self.h.shape}, got "
                    f"{getattr(self, name).shape}"
                )
        if not (np.isfinite(self.noise).all() and (self.noise > 0).all()):
            raise NetlistError(
                f"chain of models: noise must be finite and above 0, the least is {np.nanmin(self.noise):g}"
            )
        if not 1 <= self.n_visible <= n:
            raise NetlistError(f"chain of models: n_visible must be from 1 to {n}, got {self.n_visible}")
        if self.sweeps < 1:
            raise NetlistError(f"chain of models: sweeps must be at least 1, got {self.sweeps}")
        if self.image_shape and int(np.prod(self.image_shape)) != self.n_visible:
            raise NetlistError(
                f"chain of models: image_shape {self.image_shape} does not hold {self.n_visible} "
                "visible spins"
            )
        if not all(isinstance(side, int | np.integer) and 1 <= side <= LARGEST for side in self.shape):
            raise NetlistError(
                f"chain of models: shape must be two whole numbers from 1 to {LARGEST:,}, got {self.shape}"
            )
        places = self.place
        if ((places < 0) | (places >= self.shape[0] * self.shape[1])).any() or (np.unique(places).size != n):
            raise NetlistError(
                f"chain of models: place must name {n} different cells of a grid of {self.shape}"
            )
        for k in range(t):
            self.step(k)  # IsingModel checks fields and couplings


ARRAYS = ("h", "row", "col", "J", "noise", "place")


def parts(model: DenoisingChain) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays) that a file holds."""
    facts = {
        "shape": list(model.shape),
        "n_visible": model.n_visible,
        "sweeps": model.sweeps,
        "image_shape": list(model.image_shape),
        "threshold": model.threshold,
    }
    return facts, {name: getattr(model, name) for name in ARRAYS}


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> DenoisingChain:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    given: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    return DenoisingChain(
        **given,
        shape=(int(document["shape"][0]), int(document["shape"][1])),
        n_visible=int(document["n_visible"]),
        sweeps=int(document["sweeps"]),
        image_shape=tuple(document["image_shape"]),
        threshold=document["threshold"],
        **common_fields(document),
    )


def lower_denoising_chain(model: DenoisingChain, *, sweeps: int | None = None) -> LangevinNetlist:
    """p-bits of every model, data's model first, then the noise that the last one starts from.

    Groups step0, ..., noise. A first sweep draws the noise; then model T - 1, ..., 0 each run for
    `sweeps` sweeps (default: the model's) while all other blocks are held. Bits reach the next
    model through directed couplings w_t. The read-out are the data's bits. Every block lies on a grid
    of the model's shape, side by side.
    """
    t, n, nv = model.n_steps, model.n, model.n_visible
    duration = float(model.sweeps if sweeps is None else sweeps)
    blocks = model.blocks
    total = t * n + nv
    rows, cols, values = [], [], []
    for k in range(t):
        i, j = blocks[k][model.row], blocks[k][model.col]
        rows += [i, j]
        cols += [j, i]
        values += [model.J[k], model.J[k]]
        rows.append(blocks[k][:nv])
        cols.append(blocks[k + 1][:nv])
        values.append(np.full(nv, model.couplings[k]))
    groups = [Group(f"step{k}", k * n, (k + 1) * n) for k in range(t)]
    groups.append(Group("noise", t * n, total))
    names = [g.name for g in groups]
    layout = side_by_side([Grid(model.place[: len(b)], model.shape) for b in blocks])

    def phase(name: str, run: str, length: float) -> Phase:
        return Phase(name, length, clamped=tuple(g for g in names if g != run))

    schedule = [phase("noise", "noise", 1.0)]
    schedule += [phase(f"denoise{k}", f"step{k}", duration) for k in range(t - 1, -1, -1)]
    return LangevinNetlist(
        cells=Cells.make(
            total, h=np.concatenate([model.h.ravel(), np.zeros(nv)]), x0=1.0, kind=CellKind.PBIT
        ),
        couplings=(
            Couplings.from_coo(
                CouplingKind.LINEAR,
                total,
                np.concatenate(rows),
                np.concatenate(cols),
                np.concatenate(values).astype(np.float64),
            ),
        ),
        kT=1.0,
        mobility=1.0,
        schedule=tuple(schedule),
        groups=tuple(groups),
        readout=ReadOut(cells=np.arange(nv, dtype=np.int32), phase=schedule[-1].name, decision="value"),
        dt=1.0,
        problem=Problem(Boltzmann(nv, layout), vartype="binary"),
        meta={**model.meta, "source": "ebm_chain", "image_shape": list(model.image_shape)},
    )


FAMILY = Family("denoising-chain", DenoisingChain, "a chain of models", parts, build, lower_denoising_chain)
