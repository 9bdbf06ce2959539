"""Activations in NumPy, for models, their training and the gradients that training is compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True, slots=True)
class Phi:
    """One activation, of arrays of any float type, of complex ones where it is holomorphic.

    value : phi(x); slope : phi'(x) as a function of phi(x)
    steepest : largest slope; bound : largest |phi(x)| there can be
    """

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    steepest: float = 1.0
    bound: float = 1.0
    holomorphic: bool = True

    @property
    def curvature(self) -> float:
        """Smallest 1 / phi', the stiffness that a unit has by itself."""
        return 1.0 / self.steepest


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))  # does not overflow


_CLIP = Phi(lambda x: np.clip(x, 0, 1), lambda y: ((y > 0) & (y < 1)).astype(y.dtype), holomorphic=False)
PHIS: Mapping[str, Phi] = MappingProxyType(
    {
        "identity": Phi(lambda x: x, np.ones_like, bound=math.inf),
        "clip": _CLIP,
        "hard-sigmoid": _CLIP,
        "sigmoid": Phi(_sigmoid, lambda y: y * (1 - y), steepest=0.25),
        "tanh": Phi(np.tanh, lambda y: 1 - y * y),
        "relu": Phi(
            lambda x: np.maximum(x, 0), lambda y: (y > 0).astype(y.dtype), bound=math.inf, holomorphic=False
        ),
    }
)
