"""A generative Langevin machine trained on its own short runs from noise.

Cells x of potential U(x) = J2 x^2 + J4 x^4 in two layers, visible v and hidden h:

    V = sum U(x_i) - b.v - c.h - v.W h,   and with a class k clamped - B_k.v - C_k.h

A datum p in [0, 1] is held by visible cells in equilibrium under the forces gain (2 p - 1). Training moves W
along <v h> with data held minus <v h> at the end of runs of the machine from equilibrium without couplings,
`sweeps` long (E. Nijkamp et al. 2019, arXiv 1904.09770; A. Decelle, C. Furtlehner and B. Seoane 2021,
arXiv 2105.13889): such machines make images in runs of that length, though these end far from equilibrium.

A cell's law under a force is taken as normal, with its exact mean m and variance s^2. In the first epochs a
sweep draws all hidden cells from their laws given the visible ones, then these given those. Machines so
trained draw well by sweeps and less well in time: so the last epochs run in time, in steps h in which

    x -> m + exp(-r h) (x - m) + s sqrt(1 - exp(-2 r h)) n,    r = kT / s^2,

which leaves the law as it is and relaxes as fast as the cell does, for small fluctuations exactly.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from compiler.errors import ThermocError
from thermo.data import Dataset
from thermo.kernels.langevin.heat_bath import heat_bath
from thermo.kernels.random import STREAM_INITIAL, STREAM_NOISE, fill_normals
from thermo.progress import Progress
from thermo.training.config import TrainingConfig
from thermo.training.ebm.bits import check_unit_interval
from thermo.training.ebm.errors import EbmError
from thermo.training.loop import Trained, fit
from thermo.training.optimise import Adam
from thermo.training.rules import Rules
from thermo.training.tiles import Tiles

REACH, PER_UNIT = 64.0, 16.0  # of the tables of a cell's mean and spread
FORCES = np.linspace(-REACH, REACH, int(2 * REACH * PER_UNIT) + 1)
_ORDER, _START, _CLASS = 81, 82, 83


@dataclass(frozen=True, slots=True)
class ShortRunConfig(TrainingConfig):
    """Settings; kT, J2, J4 and the numbers of cells are those of arXiv 2506.15121.

    gain : force on a visible cell for a datum of 1, and minus that for 0
    sweeps : of the runs that are compared with data, in the first epochs
    in_time : share of the epochs, the last ones, whose runs last `time` in steps of `step`
    clamped : share of the rows whose class is held, in the data as in the run; the others' is off
    batches : of an epoch, None: all of the data
    learning_rate : of Adam, falls linearly to final_rate times itself
    """

    hidden: int = 512
    kT: float = 0.1
    j2: float = 1.0
    j4: float = 1.0
    gain: float = 2.0
    sweeps: int = 10
    in_time: float = 0.25
    time: float = 6.0
    step: float = 0.2
    clamped: float = 0.0
    epochs: int = 20
    batch: int = 128
    batches: int | None = None
    learning_rate: float = 3e-3
    final_rate: float = 0.02
    init: float = 0.05

    ERROR: ClassVar[type[ThermocError]] = EbmError

    def check(self, rules: Rules) -> None:
        rules.whole("hidden", "sweeps")
        rules.whole_or_none("batches")
        rules.positive("kT", "j4", "gain", "learning_rate", "time", "step")
        rules.not_negative("init")
        rules.share("final_rate", "clamped", "in_time")
        if self.step > self.time:
            rules.fail("step", f"at most {self.time:g}")


@dataclass(frozen=True, slots=True, eq=False)
class ShortRunMachine:
    """weights : (n_visible, n_hidden); visible, hidden : (n_visible,) and (n_hidden,) constant forces;
    class_visible, class_hidden : (n_visible, n_classes) and (n_hidden, n_classes), what a clamped class
    adds to them; unclamped machines have none of these
    """

    weights: np.ndarray
    visible: np.ndarray
    hidden: np.ndarray
    class_visible: np.ndarray
    class_hidden: np.ndarray
    config: ShortRunConfig


@dataclass(frozen=True, slots=True)
class ShortRunEpoch:
    """gradient : root mean square of that of W; off : of the difference of visible means"""

    epoch: int
    gradient: float
    off: float
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class CellLaw:
    """mean, spread : float32, of a cell in equilibrium under forces of -REACH to REACH; kept : share of its
    distance from the mean that is left after a step, spread : of what a step adds
    """

    mean: np.ndarray
    kept: np.ndarray
    spread: np.ndarray

    @staticmethod
    def of(kT: float, j2: float, j4: float, step: float = math.inf) -> CellLaw:
        """After a step of so much time; without end, equilibrium."""
        far = 2.0 * float(np.cbrt(REACH / j4)) + 10 * math.sqrt(kT)
        x = np.linspace(-far, far, 2001)
        mean, spread = np.empty_like(FORCES), np.empty_like(FORCES)
        own = j2 * x**2 + j4 * x**4
        for k, f in enumerate(FORCES):
            energy = own - f * x
            p = np.exp((energy.min() - energy) / kT)
            p /= p.sum()
            mean[k] = p @ x
            spread[k] = math.sqrt(p @ (x - mean[k]) ** 2)
        kept = np.exp(-kT / spread**2 * step)
        spread *= np.sqrt(1.0 - kept**2)
        return CellLaw(*(a.astype(np.float32) for a in (mean, kept, spread)))

    def draw(
        self, force: np.ndarray, bias: np.ndarray, noise: np.ndarray, old: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(states, their means), each (n, tile), of cells under force (n, tile) + bias (n,); old : before."""
        out, means = np.empty_like(force), np.empty_like(force)
        before = noise if old is None else old  # of which nothing is kept in equilibrium
        law = np.float32(REACH), np.float32(PER_UNIT), self.mean, self.kept, self.spread
        heat_bath(force, bias, noise, before, law, means, out)
        return out, means

    def at(self, force: float) -> float:
        """Mean under one force."""
        return float(np.interp(force, FORCES, self.mean))

    def force_for(self, mean: np.ndarray) -> np.ndarray:
        """The forces that give these means."""
        return np.interp(mean, self.mean, FORCES).astype(np.float32)


class ShortRunTrainer:
    """Everything a checkpoint must hold."""

    NUMBERS = ("epoch", "step", "seconds")
    RECORD, ERROR = ShortRunEpoch, EbmError

    def __init__(self, dataset: Dataset, config: ShortRunConfig) -> None:
        check_unit_interval(dataset.x_train, dataset.name)
        if config.clamped and dataset.n_classes < 2:
            raise EbmError(f"training: data set {dataset.name} has no classes to clamp; leave clamped at 0")
        self.config, self.labels = config, dataset.y_train
        self.x = np.ascontiguousarray(dataset.x_train, np.float32)
        n, d = self.x.shape
        self.batch = min(config.batch, n)
        self.n_batches = n // self.batch
        if config.batches is not None:
            self.n_batches = min(config.batches, self.n_batches)
        self.law = CellLaw.of(config.kT, config.j2, config.j4)
        self.moving = CellLaw.of(config.kT, config.j2, config.j4, config.step)
        self.one_hot = np.eye(dataset.n_classes if config.clamped else 0, dtype=np.float32)
        rng = np.random.default_rng([config.seed, _START])
        spread = config.init / math.sqrt(config.kT)
        w = (spread * rng.standard_normal((d, config.hidden)) / math.sqrt(10.0)).astype(np.float32)
        force = np.ascontiguousarray(config.gain * (2 * self.x[:: max(1, n // 5000)].T - 1))
        means = self.law.draw(force, np.zeros(d, np.float32), np.zeros_like(force))[1].mean(axis=1)
        k = self.one_hot.shape[0]
        self.parameters = [w, self.law.force_for(means), np.zeros(config.hidden, np.float32)]
        self.parameters += [np.zeros((d, k), np.float32), np.zeros((config.hidden, k), np.float32)]
        self.adams = [Adam(p) for p in self.parameters]
        # running means, which products are centred by (arXiv 1311.1354)
        self.centre_v, self.centre_h = means.copy(), np.zeros(config.hidden, np.float32)
        self.epoch = self.step = 0
        self.seconds = 0.0
        self.history: list[ShortRunEpoch] = []

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        out = {f"p{k}": p for k, p in enumerate(self.parameters)}
        for k, adam in enumerate(self.adams):
            out |= {f"m{k}": adam.m, f"v{k}": adam.v}
        return out | {"centre_v": self.centre_v, "centre_h": self.centre_h}

    def normals(self, n: int, stream: int, step: int) -> np.ndarray:
        out = np.empty((n, self.batch), np.float32)
        fill_normals(out, np.uint64(self.config.seed), np.uint64(self.step * self.batch), step, stream)
        return out

    def run_batch(self, rows: np.ndarray) -> tuple[float, float]:
        """One update; root mean squares of the gradient of W and of the difference of visible means."""
        config, law = self.config, self.law
        w, b, c, class_v, class_h = self.parameters
        d, m = w.shape
        zero = np.zeros((d, self.batch), np.float32)
        still = np.zeros(d, np.float32)
        classes = self.clamped(rows)
        above_v, above_h = class_v @ classes, class_h @ classes
        held = np.ascontiguousarray(config.gain * (2 * self.x[rows].T - 1))
        data, _ = law.draw(held, still, self.normals(d, STREAM_INITIAL, 0))
        none = np.zeros((m, self.batch), np.float32)
        _, data_h = law.draw(w.T @ data + above_h, c, none)
        v, _ = law.draw(zero, still, self.normals(d, STREAM_NOISE, 0))
        run, sweeps = law, config.sweeps
        h = none
        if self.in_time:
            run, sweeps = self.moving, max(1, round(config.time / config.step))
            h, _ = law.draw(none, np.zeros(m, np.float32), self.normals(m, STREAM_INITIAL, 1))
        for k in range(sweeps):
            h, _ = run.draw(w.T @ v + above_h, c, self.normals(m, STREAM_NOISE, 2 * k + 1), h)
            v, _ = run.draw(w @ h + above_v, b, self.normals(d, STREAM_NOISE, 2 * k + 2), v)
        _, run_h = law.draw(w.T @ v + above_h, c, none)
        scale = np.float32(1.0 / self.batch)
        for centre, now in ((self.centre_v, data), (self.centre_h, data_h)):
            centre += np.float32(0.01) * (now.mean(axis=1) - centre)
        cv, ch = self.centre_v, self.centre_h
        dw = scale * (
            (data - cv[:, None]) @ (data_h - ch[:, None]).T - (v - cv[:, None]) @ (run_h - ch[:, None]).T
        )
        off_v, off_h = data - v, data_h - run_h
        mean_v, mean_h = off_v.mean(axis=1), off_h.mean(axis=1)
        gradient = [
            dw,
            mean_v - dw @ ch,
            mean_h - dw.T @ cv,
            scale * off_v @ classes.T,
            scale * off_h @ classes.T,
        ]
        rate = config.learning_rate
        rate *= 1.0 - (1.0 - config.final_rate) * self.step / (config.epochs * self.n_batches)
        for p, g, adam in zip(self.parameters, gradient, self.adams, strict=True):
            p += adam.change(g, rate, self.step)
        self.step += 1
        return float(np.sqrt(np.mean(dw**2))), float(np.sqrt(np.mean(mean_v**2)))

    @property
    def in_time(self) -> bool:
        """Whether this epoch's runs are in time."""
        return self.epoch >= round((1.0 - self.config.in_time) * self.config.epochs)

    def clamped(self, rows: np.ndarray) -> np.ndarray:
        """(classes, batch) ones where a row's class is clamped."""
        share = self.config.clamped
        if not share:
            return np.zeros((0, rows.size), np.float32)
        on = np.random.default_rng([self.config.seed, _CLASS, self.step]).random(rows.size) < share
        return np.ascontiguousarray((self.one_hot[self.labels[rows]] * on[:, None]).T)

    def run_epoch(self, tiles: Tiles) -> ShortRunEpoch:
        order = np.random.default_rng([self.config.seed, _ORDER, self.epoch]).permutation(self.x.shape[0])
        batches = order[: self.n_batches * self.batch].reshape(self.n_batches, self.batch)
        sizes = np.mean([self.run_batch(rows) for rows in batches], axis=0)
        self.epoch += 1
        if not all(np.isfinite(p).all() for p in self.parameters):
            raise EbmError(
                f"training, epoch {self.epoch}: couplings have run away; lower learning_rate, now "
                f"{self.config.learning_rate:g}"
            )
        return ShortRunEpoch(self.epoch, float(sizes[0]), float(sizes[1]))

    @property
    def best_epoch(self) -> int:
        """The last one: nothing here chooses."""
        return self.epoch

    @property
    def score(self) -> float:
        """None, nan."""
        return math.nan

    def note(self) -> str:
        last = self.history[-1]
        return f"gradient {last.gradient:.4f}, means off {last.off:.3f}"

    def model(self) -> ShortRunMachine:
        w, b, c, class_v, class_h = (p.copy() for p in self.parameters)
        return ShortRunMachine(w, b, c, class_v, class_h, self.config)


def train_short_runs(
    dataset: Dataset,
    config: ShortRunConfig,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
) -> Trained[ShortRunMachine, ShortRunEpoch]:
    """Train on images with values in [0, 1], the last epoch's machine; checkpoint as in `fit`.

    Raises EbmError for other data, a setting that does not fit, or couplings that run away.
    """
    trainer = ShortRunTrainer(dataset, config)
    label = f"{trainer.x.shape[1]} and {config.hidden} cells on {dataset.name}"
    return fit(
        trainer, (dataset, config, "short runs"), label, progress=progress, checkpoint=checkpoint, threads=1
    )


def as_cells(images: np.ndarray, config: ShortRunConfig, seed: int = 0) -> np.ndarray:
    """Images (n, n_pixels) as visible cells hold them, thermal noise included, read as images again."""
    law = CellLaw.of(config.kT, config.j2, config.j4)
    force = np.ascontiguousarray(config.gain * (2 * np.asarray(images, np.float32).T - 1))
    noise = np.empty_like(force)
    fill_normals(noise, np.uint64(seed), np.uint64(1 << 40), 0, STREAM_INITIAL)
    states, _ = law.draw(force, np.zeros(force.shape[0], np.float32), noise)
    return np.ascontiguousarray((0.5 + 0.5 / law.at(config.gain) * states.T).clip(0.0, 1.0))
