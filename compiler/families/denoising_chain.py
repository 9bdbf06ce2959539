"""EbmChain: energy-based models that undo noise one after another (denoising chain).

Forward, every bit is resampled with probability 1 - exp(-g_t), so that
P(x_(t+1) | x_t) ~ exp(w_t sum_i x_(t+1),i x_t,i) with w_t = -1/2 ln tanh(g_t / 2); x_T is nearly
noise. Backward, step t draws x_t and hidden spins z from

    E_t(x, z | x_(t+1)) = -(h . s + sum_(i<j) J_ij s_i s_j + w_t sum_i x_i x_(t+1),i),  s = (x, z)

with a sampler of its own (denoising thermodynamic models, arXiv 2510.23972).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.families.ising import IsingModel


def noise_coupling(g: Any) -> np.ndarray:
    """w = -1/2 ln tanh(g / 2) of a step whose bits are resampled with probability 1 - exp(-g)."""
    return -0.5 * np.log(np.tanh(np.asarray(g, np.float64) / 2.0))


@dataclass(frozen=True, slots=True, eq=False)
class EbmChain:
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
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

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
            vartype="binary",
            problem={"kind": "boltzmann", "visible": self.n_visible},
        )

    def __post_init__(self) -> None:
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
        places = self.place
        if ((places < 0) | (places >= self.shape[0] * self.shape[1])).any() or (np.unique(places).size != n):
            raise NetlistError(
                f"chain of models: place must name {n} different cells of a grid of {self.shape}"
            )
        for k in range(t):
            self.step(k)  # IsingModel checks fields and couplings
