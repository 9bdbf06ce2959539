"""Training of restricted Boltzmann machines: CD-k, persistent and tempered chains.

dW_ij = <v_i h_j> over data - <v_i h_j> over the machine's own samples (Hinton 2002). Hidden units
enter as probabilities given visible bits, in both terms. With `centred`, products are those of
deviations from running means (Melchior et al. 2016, arXiv 1311.1354), which changes the
direction of a step and not where it vanishes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np

from compiler.families.rbm import RBM
from thermo.data import Dataset
from thermo.kernels.spins import rbm as kernel
from thermo.progress import Progress
from thermo.training.ebm.ais import base_rates
from thermo.training.ebm.bits import check_unit_interval, static_bits, to_bits
from thermo.training.ebm.config import RbmConfig
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.evaluate import log_likelihood, reconstruction_error
from thermo.training.ebm.layers import DrawnDevice, Layers
from thermo.training.loop import Trained, fit
from thermo.training.regimes import AWARE, device_of_batch, reads_anew
from thermo.training.tiles import Tiles

_INIT, _ORDER, _CHAINS = range(3)
BLOCK = 112  # rows of w updated at once
RUNAWAY = 1e4  # far beyond any weight whose units still toss
EVALUATED = 10_000  # rows of the validation split that likelihoods are measured on


@dataclass(frozen=True, slots=True)
class RbmEpoch:
    """What one epoch did. Likelihoods are nats a row on the validation split, None between them.

    activity : mean probability of hidden units given data; reconstruction : mean squared difference
    between validation bits and their probabilities one sweep later
    """

    epoch: int
    rate: float
    activity: float
    reconstruction: float
    valid: float | None
    valid_error: float | None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TrainedRbm(Trained[RBM, RbmEpoch]):
    """score : nats a row on the validation split, error : of log Z in it; base : starts the AIS

    Trained on a device it is what was programmed after the last epoch; likelihoods are then those
    of the same weights on an ideal machine.
    """

    error: float
    base: np.ndarray
    device: DrawnDevice | None


class RbmTrainer:
    """Everything a checkpoint must hold, and scratch."""

    NUMBERS = ("epoch", "step", "seconds", "score", "best_error", "best_epoch")
    RECORD, ERROR = RbmEpoch, EbmError

    def __init__(self, dataset: Dataset, config: RbmConfig) -> None:
        check_unit_interval(dataset.x_train, dataset.name)
        check_unit_interval(dataset.x_valid, dataset.name)
        self.data, self.config = dataset, config
        self.x = np.ascontiguousarray(dataset.x_train, np.float32)
        self.valid = static_bits(dataset.x_valid[:EVALUATED], "valid", config.threshold)
        self.n, nv = self.x.shape
        nh = config.n_hidden
        self.batch = min(config.batch, self.n)
        self.n_batches = self.n // self.batch
        bits = self.x if config.threshold is None else (self.x >= config.threshold)
        mean = bits.mean(axis=0, dtype=np.float64)
        self.base = base_rates(mean, self.n)
        rng = np.random.default_rng([config.seed, _INIT])
        scale = config.init_w / np.sqrt(nv + nh)
        self.w = (scale * rng.standard_normal((nv, nh))).astype(np.float32)
        self.b, self.c = self.base.copy(), np.zeros(nh, np.float32)
        self.mw, self.mb, self.mc = (np.zeros_like(a) for a in (self.w, self.b, self.c))
        self.mu = mean.astype(np.float32)
        self.lam = np.full(nh, 0.5, np.float32)
        if not config.centred:
            self.mu[:], self.lam[:] = 0.0, 0.0
        replicas = config.temperatures if config.method == "tempered" else 1
        self.n_free = self.batch if config.method == "cd" else config.n_chains
        rows = replicas * self.n_free
        self.ids = np.arange(rows, dtype=np.int64)
        grid = np.linspace(0.0, 1.0, replicas) if replicas > 1 else np.ones(1)
        self.beta = np.repeat(grid, self.n_free).astype(np.float32)
        self.v, self.h = np.empty((rows, nv), np.float32), np.empty((rows, nh), np.float32)
        self.h[:] = np.random.default_rng([config.seed, _CHAINS]).random(self.h.shape) < 0.5
        self.p_v, self.p_h = np.empty_like(self.v), np.empty_like(self.h)
        self.p_data = np.empty((self.batch, nh), np.float32)
        self.device = None
        if config.non_ideal is not None and not config.non_ideal.ideal:
            self.device = DrawnDevice.draw(config.non_ideal, nv, nh, config.on_device)
        self.best = (self.w.copy(), self.b.copy(), self.c.copy())
        self.score, self.best_error, self.best_epoch = -1e300, 0.0, 0
        self.epoch = self.step = 0
        self.seconds = 0.0
        self.history: list[RbmEpoch] = []

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        names = ("w", "b", "c", "mw", "mb", "mc", "mu", "lam", "v", "h")
        best = dict(zip(("best_w", "best_b", "best_c"), self.best, strict=True))
        return {name: getattr(self, name) for name in names} | best

    def layers(self, device: DrawnDevice | None) -> Layers:
        """What drives the units: programmed values, or what a device makes of them."""
        if device is None:
            return Layers(self.w, self.w, self.b, self.c, self.base)
        return device.act(self.w, self.b, self.c, self.base)

    def device_of_batch(self) -> DrawnDevice | None:
        """The device that is trained on, in a read of its own, or another one."""
        config, own = self.config, self.device
        if own is None:
            return None
        law = own.non_ideal
        if config.regime == AWARE:
            nv, nh = self.w.shape
            return DrawnDevice.draw(law, nv, nh, device_of_batch(config.seed, self.step))
        return replace(own, non_ideal=replace(law, read=law.read + 1 + self.step)) if reads_anew(law) else own

    def rate(self) -> float:
        """Learning rate of this step."""
        config = self.config
        done = self.step / (config.epochs * self.n_batches)
        fall = max(0.0, (done - config.hold) / (1.0 - config.hold))
        return config.learning_rate * (1.0 - (1.0 - config.final_rate) * fall)

    def run_batch(self, rows: np.ndarray, tiles: Tiles) -> float:
        """One update; returns the mean probability of hidden units given the data."""
        config = self.config
        layers = self.layers(self.device_of_batch())
        data = to_bits(self.x[rows], config.threshold, seed=config.seed, ids=rows, draw=self.epoch)
        layers.hidden(tiles, data, self.p_data)
        if config.method == "cd":
            ids = self.ids
            kernel.sample_rows(
                self.p_data,
                np.uint64(config.seed),
                ids,
                self.step * (config.k + 1),
                kernel.STREAM_SWAP,
                self.h,
            )
        self.advance(layers, tiles)
        free = slice(self.v.shape[0] - self.n_free, None)  # the rows at beta = 1
        self.update(data, self.v[free], self.p_h[free], tiles)
        self.step += 1
        return float(self.p_data.mean(dtype=np.float64))

    def advance(self, layers: Layers, tiles: Tiles) -> None:
        """k sweeps of the chains: v, h are states, p_h (at beta = 1) probabilities given v."""
        config = self.config
        for j in range(config.k):
            common = {
                "beta": self.beta,
                "seed": config.seed,
                "ids": self.ids,
                "step": self.step * config.k + j,
            }
            layers.visible(tiles, self.h, self.p_v, out=self.v, **common)  # type: ignore[arg-type]
            layers.hidden(tiles, self.v, self.p_h, out=self.h, **common)  # type: ignore[arg-type]
            if config.method == "tempered":
                self.swap(layers, self.step * config.k + j, tiles)
        if config.method == "tempered":
            free = slice(self.v.shape[0] - self.n_free, None)
            layers.hidden(tiles, self.v[free], self.p_h[free])

    def swap(self, layers: Layers, step: int, tiles: Tiles) -> None:
        """Neighbouring temperatures exchange states with the Metropolis probability."""
        n, replicas = self.n_free, self.config.temperatures
        z = np.empty_like(self.h)
        tile_rows = -(-self.v.shape[0] // n)

        def one(t: int) -> None:
            np.matmul(self.v[t * n : (t + 1) * n], layers.up, out=z[t * n : (t + 1) * n])

        tiles.map(one, tile_rows)
        # the energy that beta multiplies
        e = -(
            (z * self.h).sum(axis=1, dtype=np.float64) + self.h @ layers.c + self.v @ (layers.b - layers.base)
        ).reshape(replicas, n)
        beta = self.beta.reshape(replicas, n)
        accept = np.zeros((n, replicas), np.float32)
        low = np.arange(step % 2, replicas - 1, 2)
        ratio = (beta[low + 1] - beta[low]) * (e[low + 1] - e[low])
        accept[:, low] = np.exp(np.minimum(0.0, ratio)).T
        taken = np.empty_like(accept)
        kernel.sample_rows(accept, np.uint64(self.config.seed), self.ids[:n], step, kernel.STREAM_SWAP, taken)
        r, chain = np.nonzero(taken.T)
        a, b = r * n + chain, (r + 1) * n + chain
        for state in (self.v, self.h):
            state[a], state[b] = state[b], state[a]

    def update(self, data: np.ndarray, v: np.ndarray, p_h: np.ndarray, tiles: Tiles) -> None:
        """One step along the difference of data's and machine's products."""
        config = self.config
        rate, momentum = self.rate(), np.float32(config.momentum)
        if config.centred:
            self.lam += np.float32(config.centre_rate) * (self.p_data.mean(axis=0) - self.lam)
            self.mu += np.float32(config.centre_rate) * (data.mean(axis=0) - self.mu)
        left = np.concatenate(
            [(data - self.mu) / np.float32(data.shape[0]), (self.mu - v) / np.float32(v.shape[0])]
        )
        right = np.concatenate([self.p_data - self.lam, p_h - self.lam])
        db = data.mean(axis=0) - v.mean(axis=0)
        dc = self.p_data.mean(axis=0) - p_h.mean(axis=0)
        starts = range(0, self.w.shape[0], BLOCK)
        shift = np.empty((len(starts), self.c.size), np.float32)
        decay = np.float32(config.weight_decay)

        def one(t: int) -> None:
            part = slice(starts[t], starts[t] + BLOCK)
            change = left[:, part].T @ right
            if config.weight_decay:
                change -= decay * self.w[part]
            if config.centred:
                shift[t] = self.mu[part] @ change
                db[part] -= change @ self.lam
            if config.momentum:
                self.mw[part] = momentum * self.mw[part] + change
                change = self.mw[part]
            change = np.float32(rate) * change
            self.w[part] += change

        tiles.map(one, len(starts))
        if config.centred:
            dc -= shift.sum(axis=0)
        for value, memory, change in ((self.b, self.mb, db), (self.c, self.mc, dc)):
            memory[:] = momentum * memory + change
            value += np.float32(rate) * memory

    def run_epoch(self, tiles: Tiles) -> RbmEpoch:
        config = self.config
        order = np.random.default_rng([config.seed, _ORDER, self.epoch]).permutation(self.n)
        activity = 0.0
        rate = self.rate()
        for rows in order[: self.n_batches * self.batch].reshape(self.n_batches, self.batch):
            activity += self.run_batch(rows, tiles) / self.n_batches
        largest = float(np.abs(self.w).max())
        if not largest < RUNAWAY:
            raise EbmError(
                f"training, epoch {self.epoch + 1}: weights have run away (the largest is "
                f"{largest:.3g}); lower learning_rate, now {config.learning_rate:g}"
            )
        self.epoch += 1
        layers = self.layers(self.device)
        error = reconstruction_error(layers, self.valid, tiles, seed=config.seed)
        valid = valid_error = None
        if self.epoch % config.evaluate_every == 0 or self.epoch == config.epochs:
            found = log_likelihood(
                self.machine(self.w, self.b, self.c),
                self.valid,
                base=self.base,
                tiles=tiles,
                seed=config.seed,
                chains=config.evaluate_chains,
                steps=config.evaluate_steps,
            )
            valid, valid_error = found.mean, found.error
            # on a device there is no likelihood that could choose an epoch: the last one stays
            if valid > self.score or self.device is not None:
                self.score, self.best_error, self.best_epoch = valid, found.error, self.epoch
                self.best = (self.w.copy(), self.b.copy(), self.c.copy())
        return RbmEpoch(self.epoch, rate, activity, error, valid, valid_error)

    def note(self) -> str:
        seen = next((r.valid for r in reversed(self.history) if r.valid is not None), None)
        told = "" if seen is None else f", validation {seen:.2f} nats"
        return f"reconstruction {self.history[-1].reconstruction:.4f}{told}"

    def model(self) -> RBM:
        """The machine of the best epoch, as programmed."""
        return self.machine(*self.best)

    def machine(self, w: np.ndarray, b: np.ndarray, c: np.ndarray) -> RBM:
        """The machine with these weights and biases of visible and hidden units."""
        return RBM(
            w.copy(),
            b.copy(),
            c.copy(),
            self.data.image_shape,
            self.config.threshold,
            meta={"method": self.config.method, "data": self.data.name, "split": self.data.split},
        )


def train_rbm(
    dataset: Dataset,
    config: RbmConfig,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> TrainedRbm:
    """Train a restricted Boltzmann machine on bits of the data; the test split is never looked at.

    checkpoint : file written after every epoch; if it exists, training goes on from it, and the
        result is bitwise that of an uninterrupted run
    threads : tiles run at once (None: one a core); results do not depend on it

    Raises EbmError on a setting, data set or checkpoint that does not fit.
    """
    trainer = RbmTrainer(dataset, config)
    trained = fit(
        trainer,
        (dataset, config, "rbm"),
        f"rbm on {dataset.name}",
        progress=progress,
        checkpoint=checkpoint,
        threads=threads,
    )
    return trained.extended(TrainedRbm, error=trainer.best_error, base=trainer.base, device=trainer.device)
