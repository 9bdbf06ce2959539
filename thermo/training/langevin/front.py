"""Pathwise training of machines with a convolutional front of tied couplings (ConvLangevinMachine).

Loss, gradient through the noisy run, heat budget and choice of the epoch are those of
`thermo.training.langevin.pathwise`; kernels, whose steps never run away, are thermo.kernels.langevin.front.
What is learnt of the taps are their components along whitened patches: taps = V C with C the inverse root of
the patches' second moments, so that contrasts of all sizes learn at one rate. The machine's taps are V C:
whitening costs no hardware.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.families.conv_hopfield import convolution, image_shapes
from compiler.families.conv_langevin import ConvLangevinMachine
from thermo.data import Dataset
from thermo.kernels.langevin import bptt, front
from thermo.kernels.langevin.images import Images
from thermo.training.errors import TrainingDivergedError, TrainingError
from thermo.training.langevin.config import Front
from thermo.training.langevin.pathwise import PathwiseTrainer
from thermo.training.langevin.quick import VALID_TRAJECTORY
from thermo.training.tiles import Tiles

SOME = 1000  # training rows whose patches are whitened


@dataclass(frozen=True, slots=True)
class FrontLayout:
    """Where each group lies in the flat parameter vector.

    channels, k : taps (channels, k); n_front, n_back : cells; n_out : the last back cells
    """

    channels: int
    k: int
    n_front: int
    n_back: int
    n_in: int
    n_out: int

    @property
    def n(self) -> int:
        """Dynamic cells."""
        return self.n_front + self.n_back

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        back, out = self.n_back, (self.n_out,)
        return (
            (self.channels, self.k),
            (self.channels,),
            (back, self.n_front),
            (back, back),
            (back,),
            out,
            out,
        )

    @property
    def size(self) -> int:
        return sum(math.prod(s) for s in self.shapes)

    def split(self, flat: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views: V, front bias, across, coupling, bias, scale, offset."""
        ends = np.cumsum([math.prod(s) for s in self.shapes])
        return tuple(a.reshape(s) for a, s in zip(np.split(flat, ends[:-1]), self.shapes, strict=True))


def seen_by(shape: tuple[int, ...], of: Front) -> tuple[np.ndarray, tuple[int, int, int]]:
    """(places, k) int32, the input that each tap sees, -1 outside, and the front's shape."""
    kernel = (of.kernel, of.kernel, shape[2], 1)
    rows, columns, _ = image_shapes(shape, [kernel], (of.stride,), (of.padding,))[1]
    one = convolution((shape[0], shape[1], shape[2]), kernel, of.stride, of.padding)
    seen = np.full((rows * columns, math.prod(kernel)), -1, np.int32)
    seen[one.row, one.tie] = one.col
    return seen, (rows, columns, of.channels)


def whitening(u: np.ndarray, seen: np.ndarray, floor: float) -> np.ndarray:
    """(k, k) float32 symmetric C, with which patches' second moments are nearly the unit matrix.

    u : (n, n_in); floor : of the moments' eigenvalues, added, over their mean. 0 gives a multiple of 1
    """
    padded = np.concatenate([u, np.zeros((u.shape[0], 1), u.dtype)], axis=1)
    patches = padded[:, seen].reshape(-1, seen.shape[1])
    moments = np.dot(patches.T, patches).astype(np.float64) / patches.shape[0]
    size = max(float(np.trace(moments)) / moments.shape[0], 1e-30)
    if floor == 0:
        return np.asarray(np.eye(moments.shape[0]) / math.sqrt(size), np.float32)
    values, vectors = np.linalg.eigh(moments)
    return np.asarray((vectors / np.sqrt(np.maximum(values, 0) + floor * size)) @ vectors.T, np.float32)


class FrontTrainer(PathwiseTrainer):
    """The pathwise trainer with a front; cells are ideal, couplings symmetric."""

    def _laid_out(self, dataset: Dataset, n_out: int, start: Any) -> FrontLayout:
        config, shape = self.config, (*dataset.image_shape, 1)[:3]
        assert config.front is not None
        if len(dataset.image_shape) not in (2, 3):
            raise TrainingError(
                f"training: a front needs images, data set {dataset.name} has rows of "
                f"{dataset.n_features} values; leave the front out"
            )
        if start is not None:
            raise TrainingError("training: a machine with a front starts anew; leave start (--start) out")
        if n_out < 2 or dataset.n_classes == 0:
            raise TrainingError(f"training: a front is for classes, data set {dataset.name} has values")
        self.seen, self.front_shape = seen_by(shape, config.front)
        places, k = self.seen.shape
        return FrontLayout(
            config.front.channels,
            k,
            places * config.front.channels,
            config.n_hidden + n_out,
            dataset.n_features,
            n_out,
        )

    def _scratch(self, n_steps: int) -> None:
        lanes = min(self.config.tile, self.batch)
        self.bounds = [*range(0, self.batch, lanes), self.batch]
        tiles = len(self.bounds) - 1
        self.scratch_steps = n_steps
        self.xs = np.empty((tiles, (n_steps + 1) * self.layout.n * lanes), np.float32)
        self.u = np.empty((tiles, lanes * self.layout.n_in), np.float32)
        self.gradient = np.empty((tiles, self.layout.size), np.float32)

    def _initial(self, start: Any) -> np.ndarray:
        config, layout = self.config, self.layout
        assert config.front is not None
        u = (self.x[:SOME] - self.shift) * self.scale
        self.white = whitening(u, self.seen, config.front.whiten)
        theta = np.zeros(layout.size, np.float32)
        v, front_bias, across, coupling, bias, scale, _ = layout.split(theta)
        rng = np.random.default_rng([config.seed, 0])
        v[:] = config.init_w / math.sqrt(layout.k) * rng.standard_normal(v.shape)
        size = config.init_j / math.sqrt(layout.n)
        across[:] = size * rng.standard_normal(across.shape)
        raw = np.triu(size * rng.standard_normal(coupling.shape), 1)
        coupling[:] = raw + raw.T
        # cells are odd functions of their drive: without biases no output would see an even one
        front_bias[:] = config.init_bias * rng.standard_normal(front_bias.shape)
        hidden = bias[: layout.n_back - layout.n_out]
        hidden[:] = config.init_bias * rng.standard_normal(hidden.shape)
        scale[:] = 1.0
        return theta

    def _rates(self) -> np.ndarray:
        config, rates = self.config, np.zeros(self.layout.size, np.float32)
        v, front_bias, across, coupling, bias, scale, _ = self.layout.split(rates)
        v[:], front_bias[:], bias[:], scale[:] = (
            config.rate_w,
            config.rate_bias,
            config.rate_bias,
            config.rate_scale,
        )
        across[:], coupling[:] = config.rate_j, config.rate_j
        return rates

    def _driving(self, theta: np.ndarray) -> front.FrontMachine:
        v, front_bias, across, coupling, bias, *_ = self.layout.split(theta)
        return front.FrontMachine(v @ self.white, front_bias, across, coupling, bias, self.seen, self.cells)

    def run_batch(self, rows: np.ndarray, warps: np.ndarray, dt: float, tiles: Tiles) -> tuple[float, ...]:
        """One step of Adam; returns loss, accuracy, heat (kT) and 0: no step needs halving."""
        config, layout = self.config, self.layout
        machine, (*_, s, o) = self._driving(self.theta), layout.split(self.theta)
        label = self.data.y_train[rows]
        price = np.float32(self.penalty / self.kT_unit)
        loss_of = bptt.Loss(self.head, s, o, config.smoothing, np.float32(1.0 / self.batch), price)
        none = np.zeros((rows.shape[0], 0), np.float32)
        n_steps = self._steps(dt)
        h = config.mobility * config.t_f / n_steps
        steps = bptt.Steps(n_steps, np.float32(h), np.float32(math.sqrt(2 * h * config.kT)), bptt.HEAT_ENERGY)

        def one(t: int) -> tuple[float, int, float, int]:
            part = slice(self.bounds[t], self.bounds[t + 1])
            return front.front_gradient(
                machine,
                loss_of,
                Images(self.x, rows[part], warps[part], self.shape, self.shift, self.scale),
                label[part],
                none[part],
                steps,
                np.uint64(config.seed),
                np.uint64(self.step * self.batch + part.start),
                self.xs[t],
                self.u[t],
                self.gradient[t],
            )

        report = tiles.map(one, len(self.bounds) - 1)
        g = self.gradient[0]
        for part in self.gradient[1:]:  # fixed order: threads do not matter
            g += part
        if any(cell >= 0 for *_, cell in report) or not math.isfinite(float(g.sum())):
            raise TrainingDivergedError(
                f"training, epoch {self.epoch + 1}: states or gradients are no numbers at dt = {dt:g}; lower "
                "learning_rate, or raise heat_penalty"
            )
        loss, right, heat = (sum(r[i] for r in report) / self.batch for i in range(3))
        gv, _, _, gj, _, gs, go = layout.split(g)
        gv[:] = gv @ self.white
        gj += gj.T.copy()
        gs[:] = gs.sum()
        go[:] = 0
        self._descend(g)
        self._control(heat / self.kT_unit)
        self.step += 1
        return loss, right, heat / self.kT_unit, 0

    def machine(self, theta: np.ndarray) -> Any:
        """The trained machine."""
        config, (height, width, channels) = self.config, (*self.data.image_shape, 1)[:3]
        assert config.front is not None
        v, front_bias, across, coupling, bias, *_ = self.layout.split(theta)
        kernel = (config.front.kernel, config.front.kernel, channels, config.front.channels)
        return ConvLangevinMachine(
            input_shape=(height, width, channels),
            taps=np.ascontiguousarray((v @ self.white).T.reshape(kernel)),
            stride=config.front.stride,
            padding=config.front.padding,
            front_bias=front_bias.copy(),
            across=across.copy(),
            coupling=coupling.copy(),
            bias=bias.copy(),
            n_out=self.layout.n_out,
            input_shift=self.shift.copy(),
            input_scale=self.scale.copy(),
            j2=config.j2,
            j3=config.j3,
            j4=config.j4,
            kT=config.kT,
            mobility=config.mobility,
            t_f=config.t_f,
            dt=config.dt_evaluate,
            labels=self.data.labels,
            meta={"method": "pathwise", "data": self.data.name, "split": self.data.split},
        )

    def validate(self, tiles: Tiles) -> tuple[float, float]:
        """Accuracy and heat in kT at the evaluation step."""
        outputs, heat = self._run(
            np.ascontiguousarray(self.data.x_valid, np.float32), VALID_TRAJECTORY, tiles
        )
        return float(np.mean(outputs.argmax(axis=1) == self.data.y_valid)), float(heat.mean()) / self.kT_unit

    def _run(self, x: np.ndarray, trajectory: int, tiles: Tiles) -> tuple[np.ndarray, np.ndarray]:
        """Outputs (n, n_out) and heat (n,) in energy units of rows run once each."""
        config, n, tile = self.config, x.shape[0], self.config.tile
        machine, unwarped = self._driving(self.theta), np.empty((0, 6), np.float32)
        outputs, heat = np.empty((n, self.layout.n_out), np.float32), np.empty(n)

        def one(t: int) -> int:
            lo, hi = t * tile, min(n, (t + 1) * tile)
            images = Images(x, np.arange(lo, hi), unwarped, (0, 0, 0), self.shift, self.scale)
            seed, first = np.uint64(config.seed), np.uint64(trajectory + lo)
            return front.run_front(machine, images, steps, seed, first, outputs[lo:hi], heat[lo:hi])

        for halvings in range(config.max_halvings + 1):
            n_steps = self._steps(config.dt_evaluate) << halvings
            h = config.mobility * config.t_f / n_steps
            noise = np.float32(math.sqrt(2 * h * config.kT))
            steps = bptt.Steps(n_steps, np.float32(h), noise, bptt.HEAT_ENERGY)
            runaways = [cell for cell in tiles.map(one, -(-n // tile)) if cell >= 0]
            if not runaways:
                return outputs, heat
        raise TrainingDivergedError(
            f"machine: cell {runaways[0]} ran away at dt = {config.t_f / n_steps:g}; lower dt_evaluate"
        )
