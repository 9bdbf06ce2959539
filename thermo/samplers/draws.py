"""Kept states of chains with their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


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

    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """(mean, standard error) of every coordinate, (d,)."""
        return self.expectation(lambda x: x)
