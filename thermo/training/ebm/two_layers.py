"""Sampling of spins in two layers that are coupled across, all with all: products of whole layers."""

from __future__ import annotations

import numpy as np

from compiler.families.ising import IsingModel
from hw_models.imperfect import Imperfections
from thermo.kernels.spins import rbm as kernel
from thermo.training.ebm.graph import GraphSampler


def is_two_layers(model: IsingModel, n_visible: int) -> bool:
    """Whether each of the first n_visible spins is coupled to each of the others, and to no more."""
    hidden = model.n - n_visible
    return bool(
        hidden
        and model.row.size == n_visible * hidden
        and (model.row < n_visible).all()
        and (model.col >= n_visible).all()
    )


class LayerSampler(GraphSampler):
    """A GraphSampler of such a model on an ideal device: hidden spins of a sweep, then the visible ones."""

    def __init__(self, model: IsingModel, n_visible: int) -> None:
        self.row, self.col, self.n, self.n_visible = model.row, model.col, model.n, n_visible
        self.kT, self.device = model.kT, None
        self.set(model.h, model.J)

    def set(self, h: np.ndarray, J: np.ndarray, top: float | None = None) -> None:
        """Program fields (n,) and couplings (m,), sorted by visible spin."""
        self.h = np.asarray(h, np.float64)
        self.weights = J.reshape(self.n_visible, -1).astype(np.float32)

    def sweep(
        self,
        states: np.ndarray,
        sweeps: int,
        seed: int,
        step: int,
        *,
        fields: np.ndarray | None = None,
        clamped: bool = False,
        first_chain: int = 0,
        kT: float | np.ndarray | None = None,
    ) -> np.ndarray:
        """States after so many sweeps; clamped: visible spins are held, and one sweep is enough."""
        sweeps = min(sweeps, 1) if clamped else sweeps
        nv, n = self.n_visible, states.shape[0]
        twice = (2.0 / np.broadcast_to(self.kT if kT is None else kT, (n,))).astype(np.float32)
        drive = np.tile(self.h, (n, 1)) if fields is None else fields
        own = drive.astype(np.float32)
        v, h = states[:, :nv].astype(np.float32), states[:, nv:].astype(np.float32)
        ids = first_chain + np.arange(n)
        for k in range(step, step + sweeps):
            h = self._half(v @ self.weights + own[:, nv:], twice, seed, ids, k, kernel.STREAM_HIDDEN)
            if not clamped:
                v = self._half(h @ self.weights.T + own[:, :nv], twice, seed, ids, k, kernel.STREAM_VISIBLE)
        return np.concatenate([v, h], axis=1).astype(np.int8)

    @staticmethod
    def _half(
        force: np.ndarray, twice: np.ndarray, seed: int, ids: np.ndarray, step: int, stream: int
    ) -> np.ndarray:
        none = np.zeros(force.shape[1], np.float32)
        kernel.mean_rows(force, none, none, twice)
        out = np.empty_like(force)
        kernel.sample_rows(force, np.uint64(seed), ids, step, stream, out)
        out *= 2
        out -= 1
        return out

    def fields(self, above: np.ndarray, w: float) -> np.ndarray:
        """(chains, n) fields with noisier bits `above` (chains, n_visible) of +-1 coupled by w."""
        out = np.tile(self.h, (above.shape[0], 1))
        out[:, : self.n_visible] += w * above
        return out

    def moments(self, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(<s_i> (n,), <s_i s_j> (m,)) over chains of states (chains, n) int8."""
        return states.mean(axis=0, dtype=np.float64), self._products(states, states)

    def apart(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(m,) mean over chains of <s_i><s_j>, from two independent samples of each chain's law."""
        return 0.5 * (self._products(a, b) + self._products(b, a))

    def across(self, J: np.ndarray, values: np.ndarray) -> np.ndarray:
        """(n,) sum over each spin's neighbours of J (m,) times their value (n,)."""
        weights, nv = J.reshape(self.n_visible, -1), self.n_visible
        return np.concatenate([weights @ values[nv:], values[:nv] @ weights])

    def _products(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        nv = self.n_visible
        product = a[:, :nv].astype(np.float32).T @ b[:, nv:].astype(np.float32)
        return product.ravel().astype(np.float64) / a.shape[0]


def sampler_of(
    model: IsingModel,
    n_visible: int,
    threads: int | None = None,
    device: Imperfections | None = None,
    seed: int = 0,
    first_cell: int = 0,
    above: np.ndarray | None = None,
) -> GraphSampler:
    """What samples the model: of two layers on an ideal device by whole layers."""
    if (device is None or device.ideal) and is_two_layers(model, n_visible):
        return LayerSampler(model, n_visible)
    return GraphSampler(model, n_visible, threads, device, seed, first_cell, above)
