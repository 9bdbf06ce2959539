"""Training oscillator networks: free and nudged phases, each coupling sees cos(phi_i - phi_j).

With E = - sum J_ij cos(phi_i - phi_j) - sum h_i cos phi_i, dE/dJ_ij = -cos(phi_i - phi_j) and
dE/dh_i = -cos phi_i are local, and their contrast between nudges is the gradient of
C = sum_k (1 - cos(phi_k - t_k)) (equilibrium propagation on an oscillator Ising machine: Gower
2025, arXiv 2505.02103, abstract read; targets, nudge and inputs are ours). The output of the right
class has the target t = pi/2, the others 0, where their fields hold them: with opposite targets an
output at rest on the wrong one would feel no torque.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.families.oscillator import OscillatorNetwork
from thermo.data import Dataset
from thermo.gradients.errors import EqpropError
from thermo.progress import Progress
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.epochs import READ
from thermo.training.eqprop.layers import AtRest
from thermo.training.eqprop.oscillator_layers import (
    Acting,
    acting_of,
    begin_tile,
    make_acting,
    phase_outputs,
    read_spins,
    relax_tile,
    settling,
    spins,
)
from thermo.training.eqprop.result import EqpropEpoch
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.loop import Trained, fit
from thermo.training.tiles import Tiles

NUDGES = ("centred", "one-sided", "positive", "negative")
AVERAGED = 2000  # training rows whose mean is taken at the start
SETTLED_ON = 300  # validation samples that the netlist's time is measured on


@dataclass(frozen=True, slots=True)
class Oscillators:
    """What an oscillator network has that does not learn.

    locking : S of hidden and of output oscillators; inputs, shift, scale : the encoder, see
    compiler.families.oscillator.OscillatorNetwork
    right : radians, target of the right class's output; the others' is 0
    hold : field of the outputs at the start
    """

    locking: tuple[float, float] = (0.0, 0.0)
    inputs: str = "phase"
    shift: float = 0.0
    scale: float = math.pi / 2
    right: float = math.pi / 2
    hold: float = 4.0


class OscillatorTrainer(HopfieldTrainer):
    """The shared trainer with spins for states: two rows a sample, cosines and sines.

    `w` are the couplings J, `b` the fields h: J <- J + rate contrast of cos(phi_i - phi_j) and
    h <- h + rate contrast of cos phi_i.
    """

    lanes = 2

    def __init__(
        self, dataset: Dataset, config: EqpropConfig, kind: Oscillators, tiles: Tiles | None = None
    ) -> None:
        self.kind = kind
        for name, usual in (("rule", "energy"), ("update", "additive"), ("persistent", False)):
            if getattr(config, name) != usual:
                raise EqpropError(
                    f"oscillator training: {name} must be {usual!r}, got "
                    f"{getattr(config, name)!r}; leave it out"
                )
        if config.estimator not in NUDGES:
            raise EqpropError(
                f"oscillator training: estimator must be one of {', '.join(NUDGES)}, got {config.estimator!r}"
            )
        if config.device is not None and config.device.replicas > 1:
            raise EqpropError("oscillator training: a device has one replica here; leave replicas out")
        if config.device is not None and math.isfinite(config.device.reach):
            raise EqpropError(
                "oscillator training: couplings see angles, which no range in volts bounds; leave device "
                "and couplings out"
            )
        if config.device is not None and config.device.converts:
            raise EqpropError(
                "oscillator training: converters of voltages read no phases; leave device out, and take "
                "read_bits (--read-bits), which divides the circle"
            )
        super().__init__(dataset, config, tiles)

    def initial(self) -> None:
        super().initial()
        # what all images have in common must not hold the hidden oscillators: they would only tilt
        self.plain = self.oscillators(self.w, self.b)
        common = self.plain.encode(self.x[:AVERAGED])[:, 0].mean(axis=0).astype(np.float32)
        if len(self.w) > 1:
            self.b[0] -= self.w[0] @ common
        self.b[-1][:] = self.kind.hold
        self.plain = self.oscillators(self.w, self.b)
        self.encode = acting_of(self.plain).encode

    def acting(self) -> Acting:
        if self.drawn is None:
            return make_acting(self.w, self.w, self.b, self.plain)
        forward, back, fields = self.drawn.act(self.w, self.w, self.b)
        return make_acting(forward, back, fields, self.plain)

    def load(self, rows: np.ndarray, warps: np.ndarray) -> np.ndarray:
        self.labels = self.data.y_train[rows]
        hot = self.one_hot[self.labels]
        self.target[0::2] = 1 - hot + np.float32(math.cos(self.kind.right)) * hot
        self.target[1::2] = np.float32(math.sin(self.kind.right)) * hot

        def one(t: int) -> None:
            part = self.tile(t)
            mine = slice(part.start // 2, part.stop // 2)
            x = np.empty((mine.stop - mine.start, self.sizes[0]), np.float32)
            self.batches.fill(x, rows[mine], warps[mine])
            spins(self.encode, x, self.u0[part])

        self.tiles.map(one, self.n_tiles)
        return rows.repeat(2)

    def project(self, acting: Acting, x: np.ndarray, p: np.ndarray) -> None:
        np.dot(x, acting.forward[0].T, out=p)

    def start(
        self, acting: Acting, p: np.ndarray, states: tuple[np.ndarray, ...], drives: tuple[np.ndarray, ...]
    ) -> None:
        begin_tile(acting, p, states, drives)

    def relax(
        self,
        acting: Acting,
        p: np.ndarray,
        states: tuple[np.ndarray, ...],
        drives: tuple[np.ndarray, ...],
        y: np.ndarray,
        beta: float,
        most: int,
        first: int,
        row0: int,
    ) -> tuple[int, float]:
        config = self.config
        return relax_tile(
            acting,
            p,
            states,
            drives,
            y,
            beta,
            most,
            config.tolerance,
            config.state_noise,
            config.seed,
            row0 // 2,
            first,
        )

    def judge(self, out: np.ndarray, part: slice, step: int) -> tuple[float, float]:
        cost = out.shape[0] // 2 * out.shape[1] - np.sum(out * self.target[part], dtype=np.float64)
        labels = self.labels[part.start // 2 : part.stop // 2]
        return float(cost), float((out[0::2].argmin(axis=1) == labels).sum())

    def read(self) -> None:
        if self.config.device is not None:
            rng = np.random.default_rng([self.config.seed, READ, self.step])
            read_spins((*self.free, *self.pushed), self.config.device, rng)

    def model(self) -> OscillatorNetwork:
        network = self.oscillators(self.best[0], self.best[2])
        dt, time = settling(network, self.data.x_valid[:SETTLED_ON], self.config.device)
        return replace(network, dt=dt, relax_time=time)

    def outputs(self, split: str) -> AtRest:
        x, _ = self.data.part(split)
        return phase_outputs(
            self.acting(),
            np.ascontiguousarray(x, np.float32),
            tiles=self.tiles,
            device=self.config.device,
            seed=self.config.seed,
        )

    def oscillators(self, w: Sequence[np.ndarray], h: Sequence[np.ndarray]) -> OscillatorNetwork:
        """The programmed network."""
        hidden, output = self.kind.locking
        locking = None
        if hidden or output:
            some = [hidden] * (len(h) - 1) + [output]
            locking = tuple(np.full(b.size, s, np.float32) for b, s in zip(h, some, strict=True))
        return OscillatorNetwork(
            weights=tuple(a.copy() for a in w),
            fields=tuple(a.copy() for a in h),
            locking=locking,
            inputs=self.kind.inputs,
            input_shift=np.full(1, self.kind.shift),
            input_scale=np.full(1, self.kind.scale),
            start=0.0 if self.kind.inputs == "phase" else math.pi / 2,
            labels=self.data.labels,
            meta={"method": "eqprop", "data": self.data.name, "split": self.data.split},
        )


def train_oscillator(
    dataset: Dataset,
    config: EqpropConfig,
    kind: Oscillators | None = None,
    *,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> Trained[OscillatorNetwork, EqpropEpoch]:
    """Train an oscillator network inputs - hidden - classes; see train_eqprop.

    config : init_bias is the hidden oscillators' first field; tolerance and residual_limit are of
        spins, cosine and sine together; a device's state_noise and read_noise are in radians and
        its read_bits divide the circle

    Raises EqpropError, UnsettledError as train_eqprop.
    """
    kind = kind or Oscillators()
    return fit(
        OscillatorTrainer(dataset, config, kind),
        (dataset, config, "oscillator", kind),
        f"eqprop, oscillators, on {dataset.name}",
        progress=progress,
        checkpoint=checkpoint,
        threads=threads,
    )


def oscillator_accuracy(
    network: OscillatorNetwork,
    dataset: Dataset,
    split: str = "test",
    *,
    device: EqpropDevice | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> float:
    """Share of right decisions of one split, on a device if one is given."""
    x, y = dataset.part(split)
    with Tiles(threads) as tiles:
        rest: Any = phase_outputs(
            acting_of(network, device),
            np.ascontiguousarray(x, np.float32),
            tiles=tiles,
            device=device,
            seed=seed,
        )
    return float(np.mean(rest.predictions() == y))
