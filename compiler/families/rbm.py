"""RBM: a restricted Boltzmann machine of binary units, visible and hidden.

    E(v, h) = -(b . v + c . h + v W h),   P(v, h) ~ exp(-E),   v, h in {0, 1}

(Smolensky 1986; Hinton 2002, "Training products of experts", Neural Computation 14, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.ising import IsingModel, lower_ising
from compiler.families.layout import side_by_side, square
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.goals import Boltzmann
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.problem import Problem

CHUNK = 1024  # rows handled at once


@dataclass(frozen=True, slots=True, eq=False)
class RBM:
    """Binary units in two layers, coupled across and not within.

    w : (n_visible, n_hidden); b_visible : (n_visible,); b_hidden : (n_hidden,)
    image_shape : (height, width[, channels]) of the visible units, or () where they are no image
    threshold : how data in [0, 1] become bits: None, a bit is 1 with the datum's probability;
        else it is 1 where the datum is at least this

    Raises NetlistError for arrays that do not fit or are not finite.
    """

    w: np.ndarray
    b_visible: np.ndarray
    b_hidden: np.ndarray
    image_shape: tuple[int, ...] = ()
    threshold: float | None = None
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    def __repr__(self) -> str:
        return f"RBM({self.n_visible:,} visible, {self.n_hidden:,} hidden)"

    def __post_init__(self) -> None:
        freeze_meta(self)
        if self.w.ndim != 2 or min(self.w.shape) == 0:
            raise NetlistError(f"RBM: w must be (n_visible, n_hidden), at least 1 each, got {self.w.shape}")
        for name, n in (("b_visible", self.n_visible), ("b_hidden", self.n_hidden)):
            if getattr(self, name).shape != (n,):
                raise NetlistError(
                    f"RBM: {name} must be ({n},) as w is {self.w.shape}, got {getattr(self, name).shape}"
                )
        for name in ("w", "b_visible", "b_hidden"):
            if not np.isfinite(getattr(self, name)).all():
                raise NetlistError(f"RBM: {name} has a value that is not finite; train at a lower rate")
        if self.image_shape and int(np.prod(self.image_shape)) != self.n_visible:
            raise NetlistError(
                f"RBM: image_shape {self.image_shape} does not hold {self.n_visible} visible units"
            )

    @property
    def n_visible(self) -> int:
        return self.w.shape[0]

    @property
    def n_hidden(self) -> int:
        return self.w.shape[1]

    def energy(self, v: Any, h: Any) -> np.ndarray:
        """(...,) float64 energies of v (..., n_visible) and h (..., n_hidden) in {0, 1}."""
        v, h = np.asarray(v, np.float64), np.asarray(h, np.float64)
        w = self.w.astype(np.float64)
        return -(v @ self.b_visible + h @ self.b_hidden + ((v @ w) * h).sum(axis=-1))

    def free_energy(self, v: Any) -> np.ndarray:
        """(n,) float64 F(v) = -log sum_h exp(-E(v, h)) of v (n, n_visible)."""
        v = np.asarray(v)
        w, out = self.w.astype(np.float64), np.empty(v.shape[0])
        for k in range(0, v.shape[0], CHUNK):
            part = v[k : k + CHUNK].astype(np.float64)
            z = part @ w + self.b_hidden
            out[k : k + CHUNK] = -(part @ self.b_visible) - np.logaddexp(0.0, z).sum(axis=1)
        return out

    def to_ising(self) -> IsingModel:
        """The same distribution over spins s = 2x - 1, visible units first, energies equal.

        J = W / 4, h = b / 2 + (row sums of W) / 4, offset = -(sum b + sum c) / 2 - (sum W) / 4.
        The layers lie as two squares beside each other.
        """
        w = self.w.astype(np.float64)
        b, c = self.b_visible.astype(np.float64), self.b_hidden.astype(np.float64)
        goal = Boltzmann(self.n_visible, side_by_side((square(self.n_visible), square(self.n_hidden))))
        i, j = np.nonzero(self.w)  # row-major: ascending (row, col)
        return IsingModel(
            h=np.concatenate([b / 2 + w.sum(axis=1) / 4, c / 2 + w.sum(axis=0) / 4]),
            row=i.astype(np.int32),
            col=(self.n_visible + j).astype(np.int32),
            J=w[i, j] / 4,
            problem=Problem(goal, -(b.sum() + c.sum()) / 2 - w.sum() / 4, "binary"),
            labels=self.labels,
            meta={**self.meta, "source": "rbm", "image_shape": list(self.image_shape)},
        )


def parts(model: RBM) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(facts, arrays by name)."""
    facts = {"image_shape": list(model.image_shape), "threshold": model.threshold}
    return facts, {"w": model.w, "b_visible": model.b_visible, "b_hidden": model.b_hidden}


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> RBM:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    return RBM(
        arrays["w"],
        arrays["b_visible"],
        arrays["b_hidden"],
        image_shape=tuple(document["image_shape"]),
        threshold=document["threshold"],
        **common_fields(document),
    )


def lower_rbm(model: RBM, *, sweeps: int | None = None) -> LangevinNetlist:
    """p-bits, visible units then hidden ones; a sweep updates one layer, then the other.

    sweeps : length of the sampling phase, that of lower_ising by default
    """
    return lower_ising(model.to_ising(), sweeps=sweeps, sample=True)


FAMILY = Family("rbm", RBM, "an RBM", parts, build, lower_rbm)
