"""Training of Boltzmann machines on graphs, alone or as a denoising chain (arXiv 2510.23972).

A step moves h and J along <s> and <s s> with data clamped minus the same of the free machine; in a
chain both given the noisier bits. With the correlation penalty, lambda (<s_i><s_j> - <s_i s_j>) of
the free machine is added, and lambda follows the measured autocorrelation. Centred, J moves along
<(s - m) (s' - m')> in place of <s s'>, and h takes back what J does at the means m: another direction of
a step with the same fixed points, in which pixels that are nearly always dark do not drive every hidden spin.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from typing import Any

import numba
import numpy as np

from compiler.families.denoising_chain import DenoisingChain, chain_cells, noise_coupling
from compiler.families.ising import IsingModel
from compiler.ir.goals import Boltzmann
from hw_models.imperfect import largest
from thermo.data import Dataset
from thermo.progress import Progress
from thermo.training.ebm.ais import base_rates
from thermo.training.ebm.bits import check_unit_interval, static_bits, to_bits
from thermo.training.ebm.boltzmann_config import BoltzmannConfig
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.graph import GraphSampler, autocorrelation, centred, place_on_grid, start_model
from thermo.training.ebm.noise import add_noise, noise_steps
from thermo.training.ebm.two_layers import sampler_of
from thermo.training.loop import Trained, fit
from thermo.training.optimise import Adam
from thermo.training.regimes import AWARE, device_of_batch, reads_anew
from thermo.training.tiles import Tiles

_ORDER, _NOISE = 21, 22
_CLAMPED = 1 << 41  # chain ids of the clamped phase: other random numbers than the free one
RUNAWAY = 1e4  # far beyond any coupling whose spins still toss
CENTRING = 0.01  # of an update in the running means
MEASURED = 128  # pairs of chains that autocorrelations are measured with


@dataclass(frozen=True, slots=True)
class BoltzmannEpoch:
    """What one epoch did, a list entry a model.

    gradient : root mean square of the difference of products; autocorrelation : at lag `sweeps`,
    of the free machine given validation data; penalty : lambda after the epoch
    """

    epoch: int
    gradient: list[float]
    autocorrelation: list[float]
    penalty: list[float]
    seconds: float = 0.0


class BoltzmannTrainer:
    """Everything a checkpoint must hold, and samplers.

    conditional : a chain, each model given the noisier bits; else one machine with chains of its
    own that persist (pcd, tempered) or start at the data (cd)
    """

    NUMBERS = ("epoch", "step", "seconds")
    RECORD, ERROR = BoltzmannEpoch, EbmError

    def __init__(
        self, dataset: Dataset, config: BoltzmannConfig, conditional: bool, start: IsingModel | None = None
    ) -> None:
        for x in (dataset.x_train, dataset.x_valid):
            check_unit_interval(x, dataset.name)
        self.data, self.config, self.conditional = dataset, config, conditional
        self.x = np.ascontiguousarray(dataset.x_train, np.float32)
        self.n_rows, self.nv = self.x.shape
        self.batch = min(config.batch, self.n_rows)
        self.n_batches = self.n_rows // self.batch
        if config.batches is not None:
            self.n_batches = min(config.batches, self.n_batches)
        self.T = config.steps if conditional else 1
        self.g = noise_steps(config) if conditional else np.zeros(0)
        self.w = noise_coupling(self.g)
        bits = self.x if config.threshold is None else self.x >= config.threshold
        self.base = base_rates(bits.mean(axis=0, dtype=np.float64), self.n_rows)
        if start is None:
            shape = dataset.image_shape if len(dataset.image_shape) == 2 else ()
            placement = place_on_grid(self.nv, config.rule, config.side, shape, config.seed)
            starts = [start_model(placement, self.base, config.init, config.seed + t) for t in range(self.T)]
        else:
            starts = [_checked(start, self.nv, dataset.name)]
        self.start = starts[0]
        self.h = np.stack([s.h for s in starts])
        self.J = np.stack([s.J for s in starts])
        blocks = chain_cells(self.T, self.start.n, self.nv) if conditional else [np.arange(self.start.n)]
        self.samplers = [
            (sampler_of if conditional else GraphSampler)(
                s,
                self.nv,
                1,
                config.non_ideal,
                config.on_device,
                first_cell=int(blocks[t][0]),
                above=blocks[t + 1][: self.nv] if conditional else None,
            )
            for t, s in enumerate(starts)
        ]
        self.adam_h = [Adam(h, config.beta1, config.beta2) for h in self.h]
        self.adam_J = [Adam(J, config.beta1, config.beta2) for J in self.J]
        self.centre = np.zeros((self.T, self.start.n))
        if config.centred:
            self.centre[:, : self.nv] = 2.0 * bits.mean(axis=0, dtype=np.float64) - 1.0
        self.penalty = np.full(self.T, config.penalty)
        self.seen = np.full(self.T, np.inf)  # autocorrelation of the epoch before
        replicas = config.temperatures if config.method == "tempered" else 1
        self.n_free = config.chains or self.batch
        self.states = np.zeros((0, 0), np.int8)
        if not conditional and config.method != "cd":
            self.states = self.samplers[0].random(replicas * self.n_free, config.seed, 0)
        # temperatures of the chains: kT, ..., 1 / 0 would be free spins; a factor of 5 will do
        self.kT = self.start.kT * np.repeat(
            np.geomspace(5.0, 1.0, replicas) if replicas > 1 else np.ones(1), self.n_free
        )
        valid = dataset.x_valid[: 2 * MEASURED]
        self.valid = (2 * static_bits(valid, "valid", config.threshold) - 1).astype(np.int8)
        self.epoch = self.step = 0
        self.seconds = 0.0
        self.history: list[BoltzmannEpoch] = []

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        out = {name: getattr(self, name) for name in ("h", "J", "penalty", "seen", "states", "centre")}
        for kind in ("adam_h", "adam_J"):
            for t, adam in enumerate(getattr(self, kind)):
                out |= {f"{kind}{t}_m": adam.m, f"{kind}{t}_v": adam.v}
        return out

    @property
    def range(self) -> float:
        """Largest coupling: all models of a chain and the couplings between them are one array."""
        return largest([self.J, self.w])

    def rate(self) -> float:
        config = self.config
        done = self.step / (config.epochs * self.n_batches)
        return config.learning_rate * (1.0 - (1.0 - config.final_rate) * done)

    def run_batch(self, rows: np.ndarray, tiles: Tiles) -> np.ndarray:
        """One update of every model; returns (T,) root mean square gradients of J."""
        config = self.config
        bits = to_bits(self.x[rows], config.threshold, seed=config.seed, ids=rows, draw=self.epoch)
        levels = add_noise((2 * bits - 1).astype(np.int8), self.g, (config.seed, _NOISE, self.step))
        top = self.range
        law = self.samplers[0].device

        def one(t: int) -> float:
            sampler = self.samplers[t]
            if law is not None and config.regime == AWARE:
                sampler.draw(device_of_batch(config.seed, self.step))
            elif law is not None and reads_anew(law):
                sampler.draw(config.on_device, read=1 + self.step)
            sampler.set(self.h[t], self.J[t], top)
            mean, pairs = self.clamped(t, levels[t])
            if self.conditional:
                free, free_pairs, apart = self.given(t, levels[t + 1])
            else:
                free, free_pairs = self.alone(levels[0])
                apart = free_pairs
            dh, dJ = mean - free, pairs - free_pairs
            if config.centred:
                centre = self.centre[t]
                centre += CENTRING * (mean - centre)
                dJ = centred(dh, dJ, centre, sampler.row, sampler.col)
            size = float(np.sqrt(np.mean(dJ**2)))
            if self.penalty[t]:
                dJ = dJ + self.penalty[t] * (apart - free_pairs)
            if config.centred:
                dh = dh - sampler.across(dJ, centre)
            rate = self.rate()
            self.h[t] += self.adam_h[t].change(dh, rate, self.step)
            self.J[t] += self.adam_J[t].change(dJ, rate, self.step)
            return size

        sizes = np.array(tiles.map(one, self.T))
        largest = float(np.abs(self.J).max(initial=0.0))
        if not (largest < RUNAWAY and np.isfinite(self.h).all()):
            raise EbmError(
                f"training, epoch {self.epoch + 1}: couplings have run away (the largest is "
                f"{largest:.3g}); lower learning_rate, now {config.learning_rate:g}"
            )
        self.step += 1
        return sizes

    def clamped(self, t: int, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Moments with data x (chains, n_visible) held and hidden spins free."""
        config, sampler = self.config, self.samplers[t]
        states = sampler.random(x.shape[0], config.seed, 2 * (self.step * self.T + t))
        states[:, : self.nv] = x
        if sampler.n > self.nv:
            states = sampler.sweep(
                states,
                config.clamped_sweeps,
                config.seed,
                self.step * config.clamped_sweeps,
                clamped=True,
                first_chain=_CLAMPED * (t + 1),
            )
        return sampler.moments(states)

    def given(self, t: int, above: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Moments of the free machine given noisier bits; two chains for each row of them."""
        config, sampler = self.config, self.samplers[t]
        twice = np.concatenate([above, above])
        states = self.samples_given(t, twice, config.sweeps, self.step)
        half = above.shape[0]
        apart = sampler.apart(states[:half], states[half:])
        return *sampler.moments(states), apart

    def samples_given(self, t: int, above: np.ndarray, sweeps: int, step: int) -> np.ndarray:
        """(chains, n) samples given noisier bits, from those bits and random hidden spins."""
        config, sampler = self.config, self.samplers[t]
        states = sampler.random(above.shape[0], config.seed, 2 * (step * self.T + t) + 1)
        states[:, : self.nv] = above
        return sampler.sweep(
            states,
            sweeps,
            config.seed,
            step * sweeps,
            fields=self.fields(t, above),
            first_chain=(t + 1) << 32,
        )

    def fields(self, t: int, above: np.ndarray) -> np.ndarray:
        return self.samplers[t].fields(above, float(self.w[t]))

    def alone(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Moments of a single machine's own chains."""
        config, sampler = self.config, self.samplers[0]
        step = self.step * config.sweeps
        if config.method == "cd":
            states = sampler.random(x.shape[0], config.seed, 2 * self.step + 1)
            states[:, : self.nv] = x
            states = sampler.sweep(
                states,
                config.clamped_sweeps,
                config.seed,
                self.step * config.clamped_sweeps,
                clamped=True,
                first_chain=_CLAMPED << 1,
            )
            return sampler.moments(sampler.sweep(states, config.sweeps, config.seed, step))
        self.states[:] = sampler.sweep(
            self.states, config.sweeps, config.seed, step, kT=self.kT if self.kT.size > self.n_free else None
        )
        if config.method == "tempered":
            self.swap()
        return sampler.moments(self.states[-self.n_free :])

    def swap(self) -> None:
        """Neighbouring temperatures exchange states with the Metropolis probability."""
        sampler, n = self.samplers[0], self.n_free
        if not sampler.system.symmetric:
            raise EbmError(
                "training: tempered chains need an energy; a device with mismatch has none, use pcd"
            )
        beta = 1.0 / self.kT[::n]
        e = sampler.system.energy(self.states).reshape(beta.size, n)
        rng = np.random.default_rng([self.config.seed, 23, self.step])
        u = rng.random((beta.size, n))
        for r in range(self.step % 2, beta.size - 1, 2):
            accept = np.log(u[r]) < (beta[r + 1] - beta[r]) * (e[r + 1] - e[r])
            a, b = r * n + np.flatnonzero(accept), (r + 1) * n + np.flatnonzero(accept)
            self.states[a], self.states[b] = self.states[b], self.states[a]

    def measured(self) -> list[float]:
        """Autocorrelation of every free machine at lag `sweeps`, given validation data."""
        config = self.config
        half = self.valid.shape[0] // 2
        out = []
        levels = add_noise(self.valid[:half], self.g, (config.seed, _NOISE, 1 << 62, self.epoch))
        for t in range(self.T):
            sampler = self.samplers[t]
            sampler.draw(config.on_device)  # not that of a batch
            sampler.set(self.h[t], self.J[t], self.range)
            step = (1 << 31) + 2 * config.sweeps * self.epoch
            fields = None
            states = sampler.random(2 * half, config.seed, (1 << 40) + self.epoch)
            if self.conditional:
                above = np.concatenate([levels[t + 1]] * 2)
                states[:, : self.nv] = above
                fields = self.fields(t, above)
            first = sampler.sweep(
                states, config.sweeps, config.seed, step, fields=fields, first_chain=1 << 50
            )
            later = sampler.sweep(
                first, config.sweeps, config.seed, step + config.sweeps, fields=fields, first_chain=1 << 50
            )
            shape = (2, half, sampler.n)
            out.append(autocorrelation(first.reshape(shape), later.reshape(shape)))
        return out

    def adapt(self, seen: list[float]) -> None:
        """lambda follows the autocorrelation: down while it is small, up while it rises."""
        config = self.config
        if not config.penalty:
            return
        for t, now in enumerate(seen):
            value = max(self.penalty[t], config.penalty_floor)
            if now < config.penalty_target:
                value *= 1.0 - config.penalty_step
            elif now >= self.seen[t]:
                value *= 1.0 + config.penalty_step
            self.penalty[t] = max(value, config.penalty_floor)
            self.seen[t] = now

    def run_epoch(self, tiles: Tiles) -> BoltzmannEpoch:
        config = self.config
        if not self.conditional:  # models of a chain run side by side, a single machine's chains in tiles
            self.samplers[0].threads = min(tiles.threads, numba.get_num_threads())
        order = np.random.default_rng([config.seed, _ORDER, self.epoch]).permutation(self.n_rows)
        sizes = np.zeros(self.T)
        for rows in order[: self.n_batches * self.batch].reshape(self.n_batches, self.batch):
            sizes += self.run_batch(rows, tiles) / self.n_batches
        self.epoch += 1
        seen = self.measured()
        self.adapt(seen)
        return BoltzmannEpoch(self.epoch, sizes.tolist(), seen, self.penalty.tolist())

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
        return f"gradient {max(last.gradient):.3f}, autocorrelation {max(last.autocorrelation):.3f}"

    def model(self) -> DenoisingChain | IsingModel:
        """The chain, or the single machine."""
        config, start = self.config, self.start
        facts: dict[str, Any] = {"data": self.data.name, "split": self.data.split}
        if self.conditional:
            grid = start.grid
            assert grid is not None  # a chain's models are made by start_model
            return DenoisingChain(
                self.h.copy(),
                start.row,
                start.col,
                self.J.copy(),
                self.g,
                grid.place,
                grid.shape,
                self.nv,
                config.sweeps,
                self.data.image_shape,
                config.threshold,
                meta={**facts, "method": "chain"},
            )
        facts |= {
            "method": config.method,
            "image_shape": list(self.data.image_shape),
            "threshold": config.threshold,
        }
        return replace(
            start,
            h=self.h[0].copy(),
            J=self.J[0].copy(),
            problem=replace(start.problem, vartype="binary"),
            meta={**start.meta, **facts},
        )


def _checked(start: IsingModel, n_visible: int, name: str) -> IsingModel:
    """The start, if its first spins are the data's columns."""
    goal = start.problem.goal
    if not isinstance(goal, Boltzmann) or goal.visible != n_visible:
        raise EbmError(
            f"training: the start must be a Boltzmann machine with {n_visible} visible spins, the "
            f"columns of {name}, got problem {goal.kind}"
        )
    return start


def train_boltzmann(
    dataset: Dataset,
    config: BoltzmannConfig,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
    start: IsingModel | None = None,
) -> Trained[IsingModel, BoltzmannEpoch]:
    """Train one Boltzmann machine by CD-k, PCD or tempered PCD.

    start : graph and first values of any Boltzmann machine (problem "boltzmann"), its kT kept;
        None: the grid of the configuration
    checkpoint : file written after every epoch; if it exists, training goes on from it, and the
        result is bitwise that of an uninterrupted run
    threads : results do not depend on it

    Raises EbmError on a setting, data set or checkpoint that does not fit.
    """
    origin = () if start is None else (start.h, start.row, start.col, start.J, start.kT)
    trainer: Any = BoltzmannTrainer(dataset, config, False, start)
    identity = (dataset, config, "grid", *origin)
    label = f"grid on {dataset.name}"
    return fit(trainer, identity, label, progress=progress, checkpoint=checkpoint, threads=threads)


def train_denoising(
    dataset: Dataset,
    config: BoltzmannConfig,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> Trained[DenoisingChain, BoltzmannEpoch]:
    """Train a denoising chain of `config.steps` models; arguments as of train_boltzmann."""
    trainer: Any = BoltzmannTrainer(dataset, config, True)
    label = f"chain of {config.steps} on {dataset.name}"
    identity = (dataset, config, "chain")
    return fit(trainer, identity, label, progress=progress, checkpoint=checkpoint, threads=threads)
