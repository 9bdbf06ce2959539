"""Two layers of binary units that drive each other: block Gibbs sampling in fixed tiles.

Rows are independent chains. Every product has a fixed shape and one thread, and a random number
belongs to (seed, stream, chain, step, unit): results do not depend on threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.families.layered import Layers as CellLayers
from compiler.families.rbm import RBM
from hw_models.imperfect import Ends, Imperfections, act, bias_factors, factors, written
from thermo.kernels.spins import rbm as kernel
from thermo.training.tiles import Tiles

TILE = 64  # rows of one product


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """What drives the units: of an ideal machine up and down are the same array.

    up, down : (n_visible, n_hidden) float32, weights that drive hidden and visible units
    b, c : biases of visible and hidden units; base : (n_visible,) biases at beta = 0
    """

    up: np.ndarray
    down: np.ndarray
    b: np.ndarray
    c: np.ndarray
    base: np.ndarray

    @staticmethod
    def of(model: RBM, base: np.ndarray | None = None) -> Layers:
        w, b, c = (np.ascontiguousarray(a, np.float32) for a in (model.w, model.b_visible, model.b_hidden))
        return Layers(w, w, b, c, b if base is None else np.asarray(base, np.float32))

    def hidden(
        self,
        tiles: Tiles,
        v: np.ndarray,
        prob: np.ndarray,
        *,
        beta: np.ndarray | None = None,
        out: np.ndarray | None = None,
        seed: int = 0,
        ids: np.ndarray | None = None,
        step: int = 0,
    ) -> None:
        """prob (n, n_hidden) of v (n, n_visible), and a sample in `out` if given."""
        zero = np.zeros_like(self.c)
        _half(tiles, v, self.up, self.c, zero, beta, prob, out, seed, ids, step, kernel.STREAM_HIDDEN)

    def visible(
        self,
        tiles: Tiles,
        h: np.ndarray,
        prob: np.ndarray,
        *,
        beta: np.ndarray | None = None,
        out: np.ndarray | None = None,
        seed: int = 0,
        ids: np.ndarray | None = None,
        step: int = 0,
    ) -> None:
        """prob (n, n_visible) of h (n, n_hidden), and a sample in `out` if given."""
        _half(
            tiles, h, self.down.T, self.b, self.base, beta, prob, out, seed, ids, step, kernel.STREAM_VISIBLE
        )


def _half(
    tiles: Tiles,
    x: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray,
    base: np.ndarray,
    beta: np.ndarray | None,
    prob: np.ndarray,
    out: np.ndarray | None,
    seed: int,
    ids: np.ndarray | None,
    step: int,
    stream: int,
) -> None:
    n = x.shape[0]
    beta = np.ones(n, np.float32) if beta is None else beta
    rows = np.arange(n, dtype=np.int64) if ids is None else ids

    def one(t: int) -> None:
        part = slice(t * TILE, min(n, (t + 1) * TILE))
        np.matmul(x[part], w, out=prob[part])
        kernel.mean_rows(prob[part], bias, base, beta[part])
        if out is not None:
            kernel.sample_rows(prob[part], np.uint64(seed), rows[part], step, stream, out[part])

    tiles.map(one, -(-n // TILE))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnDevice:
    """Factors of one device on the couplings and biases of its p-bits, fixed once it is drawn.

    The device holds spins s = 2x - 1: J = W / 4 of each direction and h are what its imperfections
    act on, for the cells of the lowered netlist (visible units, then hidden ones), so that the
    netlist on the same device is the same machine.

    up, down : (n_visible, n_hidden) float32 factors; b, c : factors on the fields; ends : cells of both
    """

    non_ideal: Imperfections
    seed: int
    ends: tuple[Ends, Ends]
    up: np.ndarray
    down: np.ndarray
    b: np.ndarray
    c: np.ndarray

    @staticmethod
    def draw(non_ideal: Imperfections, n_visible: int, n_hidden: int, seed: int) -> DrawnDevice:
        visible, hidden = CellLayers((n_visible, n_hidden)).cells
        v, h = visible[:, None], hidden[None, :]
        return DrawnDevice(
            non_ideal,
            seed,
            ((h, v), (v, h)),
            factors(non_ideal, seed, h, v),
            factors(non_ideal, seed, v, h),
            bias_factors(non_ideal, seed, visible),
            bias_factors(non_ideal, seed, hidden),
        )

    def act(self, w: np.ndarray, b: np.ndarray, c: np.ndarray, base: np.ndarray) -> Layers:
        """What the programmed weights and biases do on this device.

        A field h = b / 2 + sum W / 4 is written beside the couplings; in units of 0 and 1 their
        errors shift the bias by sum W (field's factor - coupling's factor) / 2. Sums are of double
        precision, as those of RBM.to_ising.
        """
        made = written([w, w], self.ends, self.non_ideal, self.seed)
        up, down = (act(m, f, np.float32) for m, f in zip(made, (self.up, self.down), strict=True))
        above, below = (w.sum(axis=k, dtype=np.float64) / 2 for k in (1, 0))
        b_acts = (b + above) * self.b - down.sum(axis=1, dtype=np.float64) / 2
        c_acts = (c + below) * self.c - up.sum(axis=0, dtype=np.float64) / 2
        return Layers(up, down, b_acts.astype(np.float32), c_acts.astype(np.float32), base)


def sample_rbm(
    layers: Layers,
    v: np.ndarray,
    sweeps: int,
    tiles: Tiles,
    *,
    seed: int = 0,
    step: int = 0,
    ids: Sequence[int] | np.ndarray | None = None,
    betas: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(states, probabilities) (n, n_visible) float32 after so many sweeps from v (n, n_visible).

    betas : (sweeps,) beta of each sweep; None: 1
    """
    v = np.array(v, np.float32)
    rows = np.arange(v.shape[0]) if ids is None else np.asarray(ids)
    p_h = np.empty((v.shape[0], layers.c.size), np.float32)
    h, p_v = np.empty_like(p_h), v.copy()
    for k in range(sweeps):
        beta = None if betas is None else np.full(v.shape[0], betas[k], np.float32)
        layers.hidden(tiles, v, p_h, beta=beta, out=h, seed=seed, ids=rows, step=step + k)
        layers.visible(tiles, h, p_v, beta=beta, out=v, seed=seed, ids=rows, step=step + k)
    return v, p_v
