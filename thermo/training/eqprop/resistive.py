"""Training deep resistive networks: currents nudge, each conductance sees its own voltage drop.

With E = 1/2 sum g_ij (v_i - v_j)^2, dE/dg_ij = 1/2 (v_i - v_j)^2 is local to the branch, and its
contrast between nudges is the gradient (Kendall and others 2020, arXiv 2006.01981). Conductances
are kept at or above 0. A nudge is a conductance beta from the output to the target's voltage.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from compiler.families.layered import Layers
from compiler.families.resistive import ResistiveNetwork
from hw_models.imperfect import Ends, act, factors, written
from thermo.data import Dataset
from thermo.gradients.errors import EqpropError, NudgeError
from thermo.kernels.eqprop import layers as kernel
from thermo.progress import Progress
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.converting import CALIBRATION, TRAJECTORY, Converting, converting
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.epochs import INIT
from thermo.training.eqprop.estimators import NEGATIVE, UNNUDGED
from thermo.training.eqprop.layers import (
    EVALUATION_STEP,
    EVALUATION_SWEEPS,
    EVALUATION_TOLERANCE,
    AtRest,
    scratch,
)
from thermo.training.eqprop.machine import Parameter
from thermo.training.eqprop.pulses import Pulses
from thermo.training.eqprop.result import EqpropEpoch
from thermo.training.eqprop.start import start_weights
from thermo.training.eqprop.trainer import HopfieldTrainer
from thermo.training.eqprop.updates import advance, contrast
from thermo.training.loop import Trained, fit
from thermo.training.tiles import Tiles

ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Circuit:
    """What drives: w (n_1, n_in) = gain (g+ - g-); g, load, low, high by layer, float32."""

    w: np.ndarray
    g: tuple[np.ndarray, ...]
    load: tuple[np.ndarray, ...]
    low: tuple[np.ndarray, ...]
    high: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DrawnCircuit:
    """One device's factors, float32. first : (n_1, n_in) of what an input drives, g+ - g-; inner :
    (n_(l+1), n_l) of the conductances above, each one element both ways.

    What the resistors of the inputs load a node with is taken as exact, as in the netlist: it is the
    sum of 2 n_in of them. ends : cells of each layer's conductances
    """

    first: np.ndarray
    inner: tuple[np.ndarray, ...]
    ends: tuple[Ends, ...]
    device: EqpropDevice

    @staticmethod
    def draw(device: EqpropDevice, sizes: Sequence[int]) -> DrawnCircuit:
        """For layers of these sizes, inputs (n_in, not 2 n_in) first.

        Raises EqpropError for a device whose states are noisy or that learns backwards.
        """
        law, seed, cells = device.imperfections, device.seed, Layers(tuple(sizes)).cells
        converters = device.input_converter, device.output_converter
        known = EqpropDevice(law, input_converter=converters[0], output_converter=converters[1], seed=seed)
        if device != known:
            others = {f.name: getattr(device, f.name) for f in fields(device)}
            told = ", ".join(f"{k} = {v}" for k, v in others.items() if v != getattr(known, k))
            raise EqpropError(
                "resistive training: of a device only imperfections of conductances and converters are known "
                f"here, got {told}; leave that out"
            )
        ends = [(above[:, None], below[None, :]) for below, above in pairwise(cells)]
        return DrawnCircuit(
            factors(law, seed, *ends[0]),
            tuple(factors(law, seed, *pair, mutual=True) for pair in ends[1:]),
            tuple(ends),
            device,
        )

    def act(
        self, g: Sequence[np.ndarray], gain: float, low: tuple[np.ndarray, ...], high: tuple[np.ndarray, ...]
    ) -> Circuit:
        """What drives where the conductances g are written."""
        n, law, seed = self.first.shape[1], self.device.imperfections, self.device.seed
        net = g[0][:, :n].astype(np.float64) - g[0][:, n:]
        net = act(written([net], self.ends[:1], law, seed)[0], self.first, np.float64)
        made = written(g[1:], self.ends[1:], law, seed, mutual=True)
        inner = [act(w, f, np.float32) for w, f in zip(made, self.inner, strict=True)]
        loads = [a.sum(axis=1, dtype=np.float64) for a in (g[0], *inner)]
        for l, above in enumerate(inner):
            loads[l] += above.sum(axis=0, dtype=np.float64)
        return Circuit(
            (net * gain).astype(np.float32),
            (g[0], *inner),
            tuple(a.astype(np.float32) for a in loads),
            low,
            high,
        )


def circuit(network: ResistiveNetwork, device: EqpropDevice | None = None) -> Circuit:
    """The network as its kernels want it, on a device if one is given."""
    g = tuple(np.ascontiguousarray(a, np.float32) for a in network.conductances)
    n = network.n_inputs
    limits = network.limits()
    if device is not None:
        low, high = (tuple(a.astype(np.float32) for a in side) for side in zip(*limits, strict=True))
        return DrawnCircuit.draw(device, network.sizes).act(g, network.gain, low, high)
    return Circuit(
        np.ascontiguousarray((g[0][:, :n] - g[0][:, n:]) * np.float32(network.gain)),
        g,
        tuple(a.astype(np.float32) for a in network.loads()),
        tuple(a.astype(np.float32) for a, _ in limits),
        tuple(b.astype(np.float32) for _, b in limits),
    )


class ResistiveTrainer(HopfieldTrainer):
    """The shared trainer with voltages for states and conductances for weights.

    `w` are the conductances, the first (n_1, 2 n_inputs); `b` are not used.
    """

    polarity = None  # no conductance is updated backwards

    def __init__(
        self, dataset: Dataset, config: EqpropConfig, gain: float, tiles: Tiles | None = None
    ) -> None:
        self.gain = gain
        super().__init__(dataset, config, tiles)

    def initial(self) -> None:
        config = self.config
        if config.rule != "energy":
            raise EqpropError("resistive training: a conductance is one parameter both ways; leave rule out")
        rule = UNNUDGED.get(config.estimator)
        if rule is not None and rule.local:
            raise EqpropError(
                f"resistive training: estimator {rule.name!r} multiplies slopes by drives with states, "
                "a conductance sees differences of voltages; take 'spsa'"
            )
        rng = np.random.default_rng([config.seed, INIT])
        joined = (2 * self.sizes[0], *self.sizes[1:])
        self.w = []
        for n_in, n_out in pairwise(joined):
            self.w.append(start_weights(rng, (n_out, n_in), config.init, config.init_gain, positive=True))
        self.b = [np.zeros(n, np.float32) for n in self.sizes[1:]]
        self.back = self.w
        self.vw = [np.zeros_like(a) for a in self.w]
        self.vb = [np.zeros_like(a) for a in self.b]
        self.vback = self.vw

    def resistive(self, g: Sequence[np.ndarray]) -> ResistiveNetwork:
        return ResistiveNetwork(
            tuple(a.copy() for a in g),
            self.gain,
            self.data.labels,
            {"method": "eqprop", "data": self.data.name, "split": self.data.split},
        )

    def draw(self, device: EqpropDevice) -> DrawnCircuit:
        return DrawnCircuit.draw(device, self.sizes)

    def acting(self) -> Circuit:
        drawn = self.drawn
        acting = self._ideal() if drawn is None else drawn.act(self.w, self.gain, self._low, self._high)
        least = float(acting.load[-1].min())
        if self.config.estimator in NEGATIVE and self.config.beta >= least:
            raise NudgeError(
                f"resistive training, epoch {self.epoch + 1}: nudge beta = {self.config.beta:g} "
                f"reaches the output curvature {least:.3g}, the least conductance at an output; "
                "lower beta, raise init_gain, or take estimator 'positive'"
            )
        return acting

    def _ideal(self) -> Circuit:
        g, n = self.w, self.sizes[0]
        loads = [a.sum(axis=1) for a in g]
        for l, above in enumerate(g[1:]):
            loads[l] = loads[l] + above.sum(axis=0)
        return Circuit(
            (g[0][:, :n] - g[0][:, n:]) * np.float32(self.gain), tuple(g), tuple(loads), self._low, self._high
        )

    def allocate(self) -> None:
        super().allocate()
        limits = self.resistive(self.w).limits()
        self._low = tuple(a.astype(np.float32) for a, _ in limits)
        self._high = tuple(b.astype(np.float32) for _, b in limits)
        self.blocks = []
        for l, a in enumerate(self.w):
            rows = max(1, 100_000 // a.shape[1])
            self.blocks += [(l, slice(k, min(k + rows, a.shape[0]))) for k in range(0, a.shape[0], rows)]

    def project(self, acting: Circuit, x: np.ndarray, p: np.ndarray) -> None:
        np.dot(x, acting.w.T, out=p)

    def start(
        self, acting: Circuit, p: np.ndarray, states: tuple[np.ndarray, ...], drives: tuple[np.ndarray, ...]
    ) -> None:
        for s in states:
            s[:] = 0

    def relax(
        self,
        acting: Circuit,
        p: np.ndarray,
        states: tuple[np.ndarray, ...],
        drives: tuple[np.ndarray, ...],
        y: np.ndarray,
        beta: float,
        most: int,
        first: int,
        row0: int,
    ) -> tuple[int, float]:
        return kernel.relax_resistive(
            acting.g,
            acting.load,
            acting.low,
            acting.high,
            p,
            states,
            drives,
            y,
            np.float32(beta),
            most,
            np.float32(self.config.tolerance),
        )

    def learn(self, betas: Sequence[float]) -> None:
        """g <- max(0, g - rate slope), or g exp(-rate slope), slope the contrast of dE/dg =
        1/2 v_a^2 + 1/2 v_b^2 - v_a v_b."""
        n, inputs, two = self.n_rows, self.sizes[0], len(betas) == 2
        contrast(self, betas)
        scale = np.float32(1.0 / ((betas[0] - betas[1] if two else betas[0]) * n))
        halves = []
        for up, down in ((a[:n], a[n:]) for a in self.pushed):
            halves.append(0.5 * scale * (np.square(up) - np.square(down)).sum(axis=0))
        rates, momentum = self.layer_rates(), np.float32(self.config.momentum)
        multiplicative = self.config.update == "multiplicative"

        def one(k: int) -> None:
            l, rows = self.blocks[k]
            g, v = self.w[l][rows], self.vw[l][rows]
            if l == 0:
                product = np.dot(self.change[0][:, rows].T, self.u0) * np.float32(self.gain)
                slope = np.empty_like(g)
                slope[:, :inputs] = halves[0][rows, None] - product
                slope[:, inputs:] = halves[0][rows, None] + product
            else:
                slope = halves[l][rows, None] + halves[l - 1][None, :]
                slope -= np.dot(self.signed[l][:, rows].T, self.pushed[l - 1])
            advance(g, v, -slope, momentum, rates[l], multiplicative)

        self.tiles.map(one, len(self.blocks))
        self.limit()

    def pulsed(self) -> Pulses | None:
        if self.drawn is None or self.config.device is None:
            return None
        device, (first, *rest) = self.config.device, self.drawn.ends
        # an input drives through two conductances: the second is of a cell of its own
        joined = first[0], np.concatenate([first[1], first[1] + sum(self.sizes)], axis=1)
        return Pulses.of(device.imperfections, device.seed, self.w, [joined, *rest], conductances=True)

    def parameters(self) -> list[Parameter]:
        return [p for p in super().parameters() if p.coupling]

    def limit(self) -> None:
        """Conductances at or above 0."""
        for g in self.w:
            np.maximum(g, np.float32(0), out=g)

    def model(self) -> ResistiveNetwork:
        return self.resistive(self.best[0])

    def resting(
        self, acting: Circuit, x: np.ndarray, conversion: Converting | None, trajectory: int = 0
    ) -> AtRest:
        return circuit_outputs(acting, x, self.tiles, conversion, self.config.seed, trajectory)


def circuit_outputs(
    acting: Circuit,
    x: np.ndarray,
    tiles: Tiles,
    conversion: Converting | None = None,
    seed: int = 0,
    trajectory: int = 0,
) -> AtRest:
    """Output voltages at rest for raw data x (n, n_inputs) float32; see layers.free_outputs."""
    starts = range(0, x.shape[0], ROWS)
    out = np.empty((x.shape[0], acting.g[-1].shape[0]), np.float32)

    def one(k: int) -> tuple[int, float]:
        rows = slice(starts[k], min(starts[k] + ROWS, x.shape[0]))
        u = np.array(x[rows])
        if conversion is not None:
            conversion.drive(u, seed, trajectory + rows.start)
        p = np.dot(u, acting.w.T)
        states, drives = scratch([a.shape[0] for a in acting.g], p.shape[0])
        for s in states:
            s[:] = 0
        used, left = kernel.relax_resistive(
            acting.g,
            acting.load,
            acting.low,
            acting.high,
            p,
            states,
            drives,
            states[-1],
            np.float32(0),
            EVALUATION_SWEEPS,
            np.float32(EVALUATION_TOLERANCE),
        )
        out[rows] = states[-1]
        if conversion is not None:
            out[rows] = conversion.read(states[-1], seed, trajectory + rows.start, EVALUATION_STEP)
        return used, left

    report = np.array(tiles.map(one, len(starts)), float)
    return AtRest(out, float(report[:, 0].mean()), float(report[:, 1].mean()), float(report[:, 1].max()))


def train_resistive(
    dataset: Dataset,
    config: EqpropConfig,
    *,
    gain: float = 100.0,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> Trained[ResistiveNetwork, EqpropEpoch]:
    """Train a deep resistive network 2 n_inputs - hidden - classes; see train_eqprop.

    gain : volts of a source per unit of data; deep in the network voltages are averages, so that
        sources must be strong for outputs near 1 V

    Raises EqpropError as train_eqprop, NudgeError where beta reaches the outputs' conductance.
    """
    if not (math.isfinite(gain) and gain > 0):
        raise EqpropError(f"resistive training: gain must be a number > 0, got {gain}")
    return fit(
        ResistiveTrainer(dataset, config, float(gain)),
        (dataset, config, "resistive", float(gain)),
        f"eqprop, resistive, on {dataset.name}",
        progress=progress,
        checkpoint=checkpoint,
        threads=threads,
    )


def resistive_accuracy(
    network: ResistiveNetwork,
    dataset: Dataset,
    split: str = "test",
    threads: int | None = None,
    *,
    device: EqpropDevice | None = None,
) -> float:
    """Share of right decisions of one split, on a device if one is given."""
    x, y = dataset.part(split)
    acting, train = circuit(network, device), np.ascontiguousarray(dataset.x_train, np.float32)
    conversion = converting(device, network.sizes, train)
    with Tiles(threads) as tiles:
        if conversion is not None:
            some = circuit_outputs(acting, train[:CALIBRATION], tiles, conversion, trajectory=TRAJECTORY)
            conversion = conversion.calibrated(some.outputs)
        rest = circuit_outputs(acting, np.ascontiguousarray(x, np.float32), tiles, conversion)
    return float(np.mean(rest.predictions() == y))
