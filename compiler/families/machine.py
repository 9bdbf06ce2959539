"""LangevinMachine: the trained machine's parameters, as training makes them and files hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.errors import NetlistError


@dataclass(frozen=True, slots=True, eq=False)
class LangevinMachine:
    """Fully coupled hidden and output cells driven by frozen inputs (Whitelam, arXiv 2509.15324).

    dx = mobility (-2 J2 x - 3 J3 x^2 - 4 J4 x^3 + bias + w_in u + coupling x) dt
         + sqrt(2 mobility kT) dW,      u = (data - input_shift) * input_scale

    Dynamic cells are the hidden ones, then the outputs; n = n_hidden + n_out.

    w_in : (n, n_in); coupling : (n, n), zero diagonal, directed (row is driven); bias : (n,)
    j2, j3, j4 : (n,), self-energy; x0 : (n,), start
    readout_scale, readout_offset : (n_out,); answers = readout_scale * x_out(t_f) + readout_offset
    head : "classification" (label of the largest answer) or "regression" (the answers)
    """

    w_in: np.ndarray
    coupling: np.ndarray
    bias: np.ndarray
    j2: np.ndarray
    j3: np.ndarray
    j4: np.ndarray
    x0: np.ndarray
    n_out: int
    input_shift: np.ndarray
    input_scale: np.ndarray
    readout_scale: np.ndarray
    readout_offset: np.ndarray
    kT: float = 1.0
    mobility: float = 1.0
    t_f: float = 0.2
    dt: float = 1e-3
    head: str = "classification"
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def n_cells(self) -> int:
        """Number of dynamic cells."""
        return self.w_in.shape[0]

    @property
    def n_hidden(self) -> int:
        return self.n_cells - self.n_out

    @property
    def n_inputs(self) -> int:
        return self.w_in.shape[1]

    def __post_init__(self) -> None:
        n, n_in = self.w_in.shape
        shapes = {
            "coupling": (n, n),
            "bias": (n,),
            "j2": (n,),
            "j3": (n,),
            "j4": (n,),
            "x0": (n,),
            "readout_scale": (self.n_out,),
            "readout_offset": (self.n_out,),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise NetlistError(
                    f"machine: {name} must have shape {shape}, got {getattr(self, name).shape}"
                )
        for name in ("input_shift", "input_scale"):
            if getattr(self, name).shape not in ((1,), (n_in,)):
                raise NetlistError(
                    f"machine: {name} must have 1 or {n_in} values, got shape {getattr(self, name).shape}"
                )
        if np.any(np.diagonal(self.coupling)):
            i = int(np.flatnonzero(np.diagonal(self.coupling))[0])
            raise NetlistError(
                f"machine: cell {i} couples to itself ({self.coupling[i, i]:g}); "
                "a self-coupling belongs into j2"
            )
        if self.head not in ("classification", "regression"):
            raise NetlistError(f"machine: head must be classification or regression, got {self.head!r}")
