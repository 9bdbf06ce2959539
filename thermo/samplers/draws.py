"""Kept states of chains with their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.html import fields_html
from thermo import exports


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """x : (n, d, chains) float64 kept states; weight : (n, chains), the time that each stands for;
    final : (d, chains), the state after the last step, from which another call can go on
    """

    x: np.ndarray
    weight: np.ndarray
    final: np.ndarray

    def expectation(self, f: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """(mean, standard error), each (k,), of f : (n, d, chains) -> (n, k, chains).

        Every chain gives one ratio of weighted sums; chains are independent, so that the error is
        that of their mean, whatever the autocorrelation. It is nan for a single chain.
        """
        value = f(self.x)
        each = np.einsum("nc,nkc->kc", self.weight, value) / self.weight.sum(axis=0)
        chains = each.shape[1]
        if chains < 2:
            return each[:, 0], np.full(each.shape[0], np.nan)
        return each.mean(axis=1), each.std(axis=1, ddof=1) / np.sqrt(chains)

    _repr_html_ = fields_html

    def to_xarray(self) -> Any:
        """xarray.Dataset: x (chain, draw, coordinate), weight (chain, draw).

        Raises UnsupportedError without xarray.
        """
        return exports.dataset(self._x | self._weight, {}, {})

    def to_arviz(self) -> Any:
        """x as chains and draws of arviz, weights among the statistics.

        Diagnostics of arviz weigh all draws alike: thin or resample weighted ones first.
        Raises UnsupportedError without arviz.
        """
        return exports.samples(self._x, self._weight, {})

    @property
    def _x(self) -> dict[str, Any]:
        return {"x": (("chain", "draw", "coordinate"), np.transpose(self.x, (2, 0, 1)))}

    @property
    def _weight(self) -> dict[str, Any]:
        return {"weight": (("chain", "draw"), self.weight.T)}

    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """(mean, standard error) of every coordinate, (d,)."""
        return self.expectation(lambda x: x)
