"""The loss of one noisy batch and its exact gradient, and where the parameters lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hw_models.couplings import Burden
from thermo.kernels.langevin import bptt
from thermo.kernels.langevin.images import Images
from thermo.kernels.langevin.lines import Line
from thermo.training.errors import TrainingDivergedError
from thermo.training.langevin.circuit import add_circuit, circuit_of, rows_of
from thermo.training.tiles import Tiles


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each group lies in the flat parameter vector."""

    n: int
    n_in: int
    n_out: int

    @property
    def size(self) -> int:
        return self.n * self.n_in + self.n * self.n + self.n + 2 * self.n_out

    def split(self, flat: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views: w_in (n, n_in), coupling (n, n), bias (n,), scale (n_out,), offset (n_out,)."""
        sizes = [self.n * self.n_in, self.n * self.n, self.n, self.n_out]
        w, j, b, s, o = np.split(flat, np.cumsum(sizes))
        return w.reshape(self.n, self.n_in), j.reshape(self.n, self.n), b, s, o


def loss_and_gradient(
    theta: np.ndarray,
    layout: tuple[int, int, int],
    cells: np.ndarray,
    x0: np.ndarray,
    data: np.ndarray,
    answers: np.ndarray,
    *,
    n_steps: int,
    dt: float,
    mobility: float = 1.0,
    kT: float = 1.0,
    heat_penalty: float = 0.0,
    stratonovich: bool = False,
    coupled: bool = True,
    smoothing: float = 0.0,
    each: Burden | None = None,
    dacs: Line | None = None,
    adcs: Line | None = None,
    seed: int = 0,
    trajectory: int = 0,
    tile: int = 128,
) -> tuple[float, np.ndarray, float]:
    """Mean loss (heat term included), its exact gradient and the mean heat of one noisy batch.

    theta : flat w_in (n, n_in), coupling (n, n) directed, bias (n,), scale and offset (n_out,),
        float32 or float64, which is the type everything is computed in
    layout : (n, n_in, n_out); cells : (3, n) J2, J3, J4; data : (batch, n_in), already encoded
    answers : (batch,) int labels, or (batch, n_out) float values
    each : of a device's couplings, which the gradient is taken through
    dacs, adcs : of its converters, through whose rounding the gradient goes straight
    heat_penalty : per unit of energy. The heat is V(x_0) - V(x_K), right for symmetric couplings
        of infinite range only, or with `stratonovich` the sum of 1/2 (f_k + f_{k+1}) (x_{k+1} - x_k).
    """
    where = Layout(*layout)
    real = theta.dtype.type
    w, j, b, s, o = where.split(theta)
    batch = data.shape[0]
    classes = answers.ndim == 1
    scratch = (n_steps + 1) * where.n * min(tile, batch)
    total = np.zeros_like(theta)
    figures = np.zeros(3)
    cells, circuit, by_circuit = cells.astype(theta.dtype), None, None
    loaded, by_all = cells, np.zeros((2, where.n), theta.dtype)
    if each is not None:
        circuit, loaded = circuit_of(each, w, j, b, cells)
        by_all = np.zeros((rows_of(circuit), where.n), theta.dtype)
        by_circuit = np.zeros_like(by_all)
    machine = bptt.Machine(w, j, coupled, b, loaded, x0.astype(theta.dtype))
    head = bptt.HEAD_CLASSES if classes else bptt.HEAD_VALUES
    loss_of = bptt.Loss(head, s, o, smoothing, real(1 / batch), real(heat_penalty))
    noise = real(math.sqrt(2 * mobility * kT * dt))
    steps = bptt.Steps(n_steps, real(mobility * dt), noise, int(stratonovich))
    rows, unwarped = np.ascontiguousarray(data, theta.dtype), np.empty((0, 6), theta.dtype)
    encoder = np.zeros(1, theta.dtype), np.ones(1, theta.dtype)
    with Tiles(1):
        for lo in range(0, batch, tile):
            hi = min(batch, lo + tile)
            part = np.zeros_like(theta)
            *sums, runaway = bptt.gradient_rows(
                machine,
                circuit,
                dacs,
                adcs,
                loss_of,
                Images(rows, np.arange(lo, hi), unwarped, (0, 0, 0), *encoder),
                answers[lo:hi].astype(np.int64) if classes else np.zeros(hi - lo, np.int64),
                np.zeros((hi - lo, 0), theta.dtype)
                if classes
                else np.ascontiguousarray(answers[lo:hi], theta.dtype),
                steps,
                np.uint64(seed),
                np.uint64(trajectory + lo),
                np.empty(scratch, theta.dtype),
                np.empty(scratch, theta.dtype),
                np.empty(tile * where.n_in, theta.dtype),
                part,
                by_circuit,
            )
            if runaway >= 0:
                raise TrainingDivergedError(f"cell {runaway} ran away at dt = {dt:g}; halve it")
            total += part
            figures += sums
            if by_circuit is not None:
                by_all += by_circuit
    if each is not None and circuit is not None:
        add_circuit(where.split(total), (w, j, b), each, circuit, by_all)
    loss, _, heat = figures / batch
    return loss + heat_penalty * heat, total, heat
