"""Training by equilibrium propagation: free and nudged phases relax, updates are local.

Scellier and Bengio 2017 (arXiv 1602.05179): dW_ij = (1 / 2 beta)(u_i u_j at +beta - at -beta)
lowers C = 1/2 |u_out - y|^2; with both signs of the nudge the error is O(beta^2) (Laborieux et al.
2021, arXiv 2006.03824). No derivative is taken anywhere; the network relaxes, and products of
states are added to couplings. On a device (thermo.eqprop.device) states are those of the imperfect
machine.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from compiler.files import check_writable
from compiler.models.hopfield import HopfieldNetwork
from thermo.data import Dataset
from thermo.eqprop import checkpoint as checkpoints
from thermo.eqprop.config import EqpropConfig
from thermo.eqprop.device import EqpropDevice, draw
from thermo.eqprop.errors import EqpropError, UnsettledError
from thermo.eqprop.layers import Acting, AtRest, free_outputs, rotate, scratch, settling_time
from thermo.eqprop.result import EqpropEpoch, EqpropResult
from thermo.kernels import bptt
from thermo.kernels import eqprop as kernel
from thermo.progress import NullProgress, Progress
from thermo.training.optimise import cosine_rate
from thermo.training.tiles import Tiles

_INIT, _ORDER, _WARP, _SIGN, _HOMEOSTASIS, _READ = range(6)
BLOCK = 100_000  # couplings updated at once
EVALUATION_SWEEPS = 100
EVALUATION_TOLERANCE = 1e-3


class Trainer:
    """Everything a checkpoint must hold, and scratch."""

    def __init__(self, dataset: Dataset, config: EqpropConfig, tiles: Tiles) -> None:
        self.config, self.data, self.tiles = config, dataset, tiles
        if dataset.n_classes < 2:
            raise EqpropError(
                f"training: data set {dataset.name} has values, not classes; equilibrium "
                "propagation here trains classifiers"
            )
        self.sizes = (dataset.n_features, *config.hidden, dataset.n_classes)
        self.x = np.ascontiguousarray(dataset.x_train, np.float32)
        self.one_hot = np.eye(dataset.n_classes, dtype=np.float32)
        self.n = self.x.shape[0]
        self.batch = min(config.batch, self.n)
        self.n_batches = self.n // self.batch
        self.bounds = [*range(0, self.batch, config.tile), self.batch]
        self.drawn = None if config.device is None else draw(config.device, self.sizes)
        self._initial()
        self.best = self._copy()
        self.best_accuracy, self.best_epoch = -1.0, -1
        self.step = self.epoch = 0
        self.seconds = 0.0
        self.history: list[EqpropEpoch] = []
        self.states: tuple[np.ndarray, ...] = ()
        if config.persistent:
            self.states = tuple(np.zeros((self.n, k), np.float32) for k in self.sizes[1:])
        self.shape = _image_shape(dataset, config)
        self._scratch()

    @property
    def apart(self) -> bool:
        return self.config.rule == "field"

    def _initial(self) -> None:
        rng = np.random.default_rng([self.config.seed, _INIT])
        self.w: list[np.ndarray] = []
        self.b: list[np.ndarray] = []
        for n_in, n_out in pairwise(self.sizes):
            top = self.config.init_gain * math.sqrt(6.0 / (n_in + n_out))
            self.w.append(rng.uniform(-top, top, (n_out, n_in)).astype(np.float32))
            self.b.append(np.full(n_out, self.config.init_bias, np.float32))
        self.b[-1][:] = 0.0
        self.back = self.w
        if self.apart:
            # layout of the forward weights: back[l] is the transpose of what drives layer l
            self.back = [self.w[0]] + [
                np.ascontiguousarray(rotate(w, self.config.angle, rng), np.float32)
                for w in self.w[1:]
            ]
        self.vw = [np.zeros_like(w) for w in self.w]
        self.vb = [np.zeros_like(b) for b in self.b]
        self.vback = [np.zeros_like(w) for w in self.back] if self.apart else self.vw

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        out: dict[str, np.ndarray] = {}
        kinds: dict[str, Sequence[np.ndarray]] = {
            "w": self.w, "b": self.b, "vw": self.vw, "vb": self.vb,
            "best_w": self.best[0], "best_b": self.best[2], "state": self.states,
        }  # fmt: skip
        if self.apart:
            kinds |= {"back": self.back, "vback": self.vback, "best_back": self.best[1]}
        for kind, some in kinds.items():
            out |= {f"{kind}{k}": a for k, a in enumerate(some)}
        return out

    def _copy(self) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        w = [a.copy() for a in self.w]
        back = [a.copy() for a in self.back] if self.apart else w
        return w, back, [a.copy() for a in self.b]

    def _scratch(self) -> None:
        n, sizes = self.batch, self.sizes
        self.u0 = np.empty((n, sizes[0]), np.float32)
        self.p = np.empty((n, sizes[1]), np.float32)
        self.target = np.empty((n, sizes[-1]), np.float32)
        self.free, self.drives = scratch(sizes[1:], n)
        self.pushed, self.signed = scratch(sizes[1:], 2 * n)  # both nudged phases, one upon another
        self.change, _ = scratch(sizes[1:], n)
        self.blocks: list[tuple[int, slice]] = []
        for l, (n_in, n_out) in enumerate(pairwise(sizes)):
            rows = max(1, BLOCK // n_in)
            self.blocks += [(l, slice(k, min(k + rows, n_out))) for k in range(0, n_out, rows)]

    def acting(self) -> Any:
        """What drives in this batch: programmed values, or what the device makes of them."""
        if self.drawn is None:
            return Acting(tuple(self.w), tuple(self.back), tuple(self.b))
        return Acting(*self.drawn.act(self.w, self.back, self.b))

    def run_batch(self, rows: np.ndarray, warps: np.ndarray) -> np.ndarray:
        """One update; returns sums over the batch of cost and right answers, and over tiles of
        sweeps and residuals, free and nudged.
        """
        config, n = self.config, self.batch
        acting = self.acting()
        labels = self.data.y_train[rows]
        self.target[:] = self.one_hot[labels]
        betas = [config.beta, -config.beta]
        if config.nudging != "centred":
            betas = [config.beta]
            if config.nudging == "one-sided":
                rng = np.random.default_rng([config.seed, _SIGN, self.step])
                betas = [config.beta if rng.random() < 0.5 else -config.beta]
        noise_step = self.step * (config.sweeps_free + 2 * config.sweeps_nudged)

        def one(t: int) -> tuple[float, ...]:
            part = slice(self.bounds[t], self.bounds[t + 1])
            mine = rows[part]
            x, p, y = self.u0[part], self.p[part], self.target[part]
            self._inputs(mine, warps, part, x)
            self._project(acting, x, p)
            free = tuple(s[part] for s in self.free)
            drives = tuple(d[part] for d in self.drives)
            if self.states:
                for s, kept in zip(free, self.states, strict=True):
                    s[:] = kept[mine]
            else:
                self._start(p, free)

            def relax(
                states: tuple[np.ndarray, ...], beta: float, most: int, first: int
            ) -> tuple[int, float]:
                return self._relax(acting, p, states, drives, y, beta, most, first, part.start)

            used, left = relax(free, 0.0, config.sweeps_free, noise_step)
            if self.states:
                for s, kept in zip(free, self.states, strict=True):
                    kept[mine] = s
            out = free[-1]
            cost = 0.5 * float(np.square(out - y).sum())
            right = float((out.argmax(axis=1) == labels[part]).sum())
            used_n, left_n = 0.0, 0.0
            for k, beta in enumerate(betas):
                there = slice(part.start + k * n, part.stop + k * n)
                states = tuple(s[there] for s in self.pushed)
                for s, f in zip(states, free, strict=True):
                    s[:] = f
                a, b = relax(
                    states, beta, config.sweeps_nudged,
                    noise_step + config.sweeps_free + k * config.sweeps_nudged,
                )  # fmt: skip
                used_n, left_n = used_n + a / len(betas), left_n + b / len(betas)
            return cost, right, used, left, used_n, left_n

        report = np.array(self.tiles.map(one, len(self.bounds) - 1), float)
        self._read()
        self._update(betas)
        self.step += 1
        return report.sum(axis=0)

    def _project(self, acting: Any, x: np.ndarray, p: np.ndarray) -> None:
        kernel.project(x, acting.forward[0], acting.bias[0], p)

    def _start(self, p: np.ndarray, states: tuple[np.ndarray, ...]) -> None:
        kernel.start_free(p, states)

    def _relax(
        self, acting: Any, p: np.ndarray, states: tuple[np.ndarray, ...],
        drives: tuple[np.ndarray, ...], y: np.ndarray, beta: float, most: int, first: int,
        row0: int,
    ) -> tuple[int, float]:  # fmt: skip
        """Relax one tile in place; sweeps used and what moved in the last."""
        device = self.config.device
        sigma = np.float32(0.0 if device is None else device.state_noise)
        return kernel.relax(
            acting.forward, acting.back, acting.bias, p, states, drives, y, np.float32(beta), most,
            np.float32(self.config.tolerance), sigma, np.uint64(self.config.seed), row0, first,
        )  # fmt: skip

    def _inputs(self, rows: np.ndarray, warps: np.ndarray, part: slice, x: np.ndarray) -> None:
        if not warps.size:
            x[:] = self.x[rows]
            return
        height, width, channels = self.shape
        frame = np.empty((height + 4, width + 4), np.float32)
        for k, row in enumerate(rows):
            bptt.warp_image(
                self.x[row], x[k], height, width, channels, warps[part.start + k], frame
            )

    def _read(self) -> None:
        """What the read-out makes of the states that updates are computed from."""
        device = self.config.device
        if device is None or not (device.read_noise or device.read_bits):
            return
        rng = np.random.default_rng([self.config.seed, _READ, self.step])
        for states in (self.free, self.pushed):
            for s in states:
                if device.read_noise:
                    s += np.float32(device.read_noise) * rng.standard_normal(s.shape, np.float32)
                if device.read_bits:
                    np.clip(s, 0.0, 1.0, out=s)
                    kernel.quantise_states(s, np.float32(device.read_step))

    def _update(self, betas: Sequence[float]) -> None:
        config, n = self.config, self.batch
        centred = len(betas) == 2
        scale = np.float32(1.0 / ((2 * config.beta if centred else betas[0]) * n))
        for l, change in enumerate(self.change):
            other = self.pushed[l][n:] if centred else self.free[l]
            np.subtract(self.pushed[l][:n], other, out=change)
            change *= scale
            if not self.apart:
                signed = self.signed[l]
                np.multiply(self.pushed[l][:n], scale, out=signed[:n])
                np.multiply(other, -scale, out=signed[n:])
                if not centred:
                    self.pushed[l][n:] = self.free[l]
        rate = cosine_rate(
            1.0, self.step, config.epochs * self.n_batches,
            warmup=round(config.warmup_epochs * self.n_batches), final=config.final_rate,
        )  # fmt: skip
        rates = [np.float32(rate * r) for r in config.layer_rates]
        momentum = np.float32(config.momentum)
        polarity = None if self.drawn is None else self.drawn.polarity

        def one(k: int) -> None:
            l, rows = self.blocks[k]
            if l == 0:
                post, pre = self.change[0], self.u0
            elif self.apart:
                post, pre = self.change[l], self.free[l - 1]
            else:
                post, pre = self.signed[l], self.pushed[l - 1]
            block = np.ascontiguousarray(post[:, rows])
            w, v = self.w[l][rows], self.vw[l][rows]
            if polarity is None:
                kernel.momentum_step(w, v, block, pre, momentum, rates[l])
                if self.apart and l:
                    block = np.ascontiguousarray(self.free[l][:, rows])
                    kernel.momentum_step(
                        self.back[l][rows], self.vback[l][rows], block, self.change[l - 1],
                        momentum, rates[l],
                    )  # fmt: skip
                return
            v *= momentum
            v += (block.T @ pre) * polarity[l][rows]
            w += rates[l] * v
            if self.apart and l:
                v = self.vback[l][rows]
                v *= momentum
                v += (self.free[l][:, rows].T @ self.change[l - 1]) * polarity[l][rows]
                self.back[l][rows] += rates[l] * v

        self.tiles.map(one, len(self.blocks))
        for l, (b, v) in enumerate(zip(self.b, self.vb, strict=True)):
            v *= momentum
            v += self.change[l].sum(axis=0)
            b += rates[l] * v
        if config.homeostasis:
            self._homeostasis(rates)

    def _homeostasis(self, rates: Sequence[np.float32]) -> None:
        """One step on the homeostatic loss (thermo.eqprop.homeostasis), layer by layer."""
        rng = np.random.default_rng([self.config.seed, _HOMEOSTASIS, self.step])
        k, top = self.config.homeostasis_draws, len(self.w)
        e = [rng.standard_normal((k, m), np.float32) for m in self.sizes[1:]]
        je, te = [np.zeros_like(a) for a in e], [np.zeros_like(a) for a in e]
        for l in range(1, top):  # between layer l and layer l + 1
            je[l] += e[l - 1] @ self.w[l].T
            je[l - 1] += e[l] @ self.back[l]
            te[l - 1] += e[l] @ self.w[l]
            te[l] += e[l - 1] @ self.back[l].T
        n = sum(self.sizes[1:])
        for l in range(1, top):
            f = np.float32(self.config.homeostasis * rates[l] / (n * k))
            up = 2 * je[l].T @ e[l - 1] - e[l].T @ je[l - 1] - te[l].T @ e[l - 1]
            down = 2 * e[l].T @ je[l - 1] - je[l].T @ e[l - 1] - e[l].T @ te[l - 1]
            self.w[l] -= f * up
            self.back[l] -= f * down

    def run_epoch(self) -> None:
        config = self.config
        began = time.perf_counter()
        order = np.random.default_rng([config.seed, _ORDER, self.epoch]).permutation(self.n)
        rng = np.random.default_rng([config.seed, _WARP, self.epoch])
        sums = np.zeros(6)
        for batch in order[: self.n_batches * self.batch].reshape(self.n_batches, self.batch):
            warps = np.empty((0, 6), np.float32)
            if config.augmentation.active:
                warps = config.augmentation.draw(self.batch, rng)
            sums += self.run_batch(batch, warps)
        images, pieces = self.n_batches * self.batch, self.n_batches * (len(self.bounds) - 1)
        cost, right = sums[:2] / images
        sweeps, left, sweeps_n, left_n = sums[2:] / pieces
        self._check(cost, left, left_n)
        self.epoch += 1
        accuracy = float(np.mean(self.outputs("valid").predictions() == self.data.y_valid))
        if accuracy >= self.best_accuracy:
            self.best_accuracy, self.best_epoch, self.best = accuracy, self.epoch, self._copy()
        spent = time.perf_counter() - began
        self.seconds += spent
        self.history.append(
            EqpropEpoch(
                self.epoch, float(cost), float(right), accuracy, float(sweeps), float(sweeps_n),
                float(left), float(left_n), self._angle(), spent,
            )
        )  # fmt: skip

    def _check(self, cost: float, left: float, left_n: float) -> None:
        """UnsettledError where the phases of the epoch are not at rest."""
        config = self.config
        if config.device is not None and config.device.state_noise:
            return
        for beta, value, sweeps in (
            (0.0, left, config.sweeps_free), (config.beta, left_n, config.sweeps_nudged)
        ):  # fmt: skip
            if not value <= config.residual_limit:
                name = "sweeps_nudged" if beta else "sweeps_free"
                raise UnsettledError(
                    f"training, epoch {self.epoch + 1}: phases at |beta| = {beta:g} still move by "
                    f"{value:.2g} a sweep after {sweeps}, limit {config.residual_limit:g}: raise "
                    f"{name}, or lower rates, init_gain" + (" or beta" if beta else "")
                )
        if not math.isfinite(cost):
            raise UnsettledError(f"training, epoch {self.epoch + 1}: cost is {cost}; lower rates")

    def outputs(self, split: str) -> AtRest:
        """Outputs of a split at rest, as the machine is now."""
        device = self.config.device
        x, _ = self.data.part(split)
        return free_outputs(
            self.acting(), np.ascontiguousarray(x, np.float32), sweeps=EVALUATION_SWEEPS,
            tolerance=EVALUATION_TOLERANCE, tiles=self.tiles, seed=self.config.seed,
            sigma=0.0 if device is None else device.state_noise,
        )  # fmt: skip

    def _angle(self) -> float:
        """Degrees between forward and transposed backward weights."""
        return self.network(self._copy()).angle if self.apart else 0.0

    def network(
        self, parts: tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]
    ) -> HopfieldNetwork:
        """The programmed network."""
        w, back, b = parts
        return HopfieldNetwork(
            weights=tuple(w),
            biases=tuple(b),
            activation="hard-sigmoid",
            backward=tuple(a.T.copy() for a in back[1:]) if self.apart else None,
            labels=self.data.labels,
            meta=MappingProxyType(
                {"method": "eqprop", "data": self.data.name, "split": self.data.split}
            ),
        )


def _image_shape(dataset: Dataset, config: EqpropConfig) -> tuple[int, int, int]:
    shape = dataset.image_shape
    if not config.augmentation.active:
        return (0, 0, 0)
    if len(shape) not in (2, 3):
        raise EqpropError(
            f"training: augmentation needs images, data set {dataset.name} has rows of "
            f"{dataset.n_features} values; set augmentation to Augmentation()"
        )
    return (shape[0], shape[1], shape[2] if len(shape) == 3 else 1)


def run_epochs(
    trainer: Trainer, path: Path | None, identity: str, label: str, progress: Progress | None
) -> None:
    """All epochs that are left, each kept in the checkpoint `path` if there is one."""
    progress = progress or NullProgress()
    if path is not None and path.exists():
        checkpoints.restore(trainer, path, identity)
    progress.start(trainer.config.epochs, label)
    try:
        while trainer.epoch < trainer.config.epochs:
            trainer.run_epoch()
            last = trainer.history[-1]
            if path is not None:
                checkpoints.save(trainer, path, identity)
            progress.update(
                trainer.epoch,
                f"validation {100 * last.valid_accuracy:.2f} %, {last.sweeps_free:.0f}+"
                f"{last.sweeps_nudged:.0f} sweeps, residual {last.residual_free:.1e}",
            )
    finally:
        progress.stop()


def train_eqprop(
    dataset: Dataset,
    config: EqpropConfig,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> EqpropResult:
    """Train a layered hard-sigmoid network; the test split is never looked at.

    checkpoint : file written after every epoch; if it exists, training goes on from it, and the
        result is bitwise that of an uninterrupted run
    threads : tiles run at once (None: one a core); results do not depend on it

    Raises EqpropError on a setting or checkpoint that does not fit, UnsettledError where phases do
    not come to rest.
    """
    path = None if checkpoint is None else check_writable(Path(checkpoint))
    with Tiles(threads) as tiles:
        trainer = Trainer(dataset, config, tiles)
        identity = checkpoints.identity(dataset, config) if path else ""
        run_epochs(trainer, path, identity, f"eqprop on {dataset.name}", progress)
        trainer.w, trainer.back, trainer.b = trainer.best
        network = trainer.network(trainer.best)
        network = replace(network, relax_time=settling_time(network, dataset.x_valid[:1000]))
        return EqpropResult(
            network, trainer.acting(), trainer.drawn,
            tuple(trainer.history), trainer.best_accuracy, trainer.best_epoch, trainer.seconds,
            config,
        )  # fmt: skip


def deployed_accuracy(
    acting: Acting,
    dataset: Dataset,
    device: EqpropDevice | None = None,
    *,
    split: str = "test",
    seed: int = 0,
    threads: int | None = None,
) -> float:
    """Share of right decisions of these acting couplings, with the device's state noise if any."""
    x, y = dataset.part(split)
    with Tiles(threads) as tiles:
        rest = free_outputs(
            acting, np.ascontiguousarray(x, np.float32), sweeps=EVALUATION_SWEEPS,
            tolerance=EVALUATION_TOLERANCE, tiles=tiles, seed=seed,
            sigma=0.0 if device is None else device.state_noise,
        )  # fmt: skip
    return float(np.mean(rest.predictions() == y))


def acting_on(network: HopfieldNetwork, device: EqpropDevice | None) -> Acting:
    """What a programmed network does on a device (None: a perfect one)."""
    forward = [np.ascontiguousarray(w, np.float32) for w in network.weights]
    back = [forward[0]] + [np.ascontiguousarray(b.T, np.float32) for b in network.feedback]
    bias = [np.asarray(b, np.float32) for b in network.biases]
    if device is None:
        return Acting(tuple(forward), tuple(back), tuple(bias))
    return Acting(*draw(device, network.sizes).act(forward, back, bias))


def effort_of(trained: EqpropResult, dataset: Dataset) -> dict[str, float]:
    """What training asked of the device: relaxations and sweeps of single images, nudged ones, and
    writes of single couplings.
    """
    config = trained.config
    batch = min(config.batch, dataset.x_train.shape[0])
    batches = dataset.x_train.shape[0] // batch
    phases = 2 if config.nudging == "centred" else 1
    epochs = len(trained.history)
    sweeps = sum(h.sweeps_free + phases * h.sweeps_nudged for h in trained.history)
    couplings = sum(w.size for w in trained.network.weights)
    if trained.network.backward is not None:
        couplings += sum(w.size for w in trained.network.backward)
    return {
        "relaxations": float(epochs * batches * batch * (1 + phases)),
        "nudged_relaxations": float(epochs * batches * batch * phases),
        "sweeps": float(sweeps * batches * batch),
        "weight_writes": float(epochs * batches * couplings),
    }
