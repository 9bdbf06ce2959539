"""One network in training: free and nudged phases relax, products of states are added to weights.

Scellier and Bengio 2017 (arXiv 1602.05179): dW_ij = (1 / 2 beta)(u_i u_j at +beta - at -beta)
lowers C = 1/2 |u_out - y|^2; with both signs of the nudge the error is O(beta^2) (Laborieux et al.
2021, arXiv 2006.03824). No derivative is taken anywhere. On a device (thermo.training.eqprop.device) states
are those of the imperfect machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from compiler.families.hopfield import HopfieldNetwork
from thermo.data import Dataset
from thermo.gradients.errors import EqpropError
from thermo.kernels.eqprop import layers as kernel
from thermo.kernels.langevin.range import range_tile
from thermo.training.eqprop.batches import Batches
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.converting import CALIBRATION, TRAJECTORY, Converting, converting
from thermo.training.eqprop.device import EqpropDevice, draw, read_states
from thermo.training.eqprop.epochs import HOMEOSTASIS, INIT, READ, EqpropTrainer
from thermo.training.eqprop.estimators import UNNUDGED
from thermo.training.eqprop.layers import (
    EVALUATION_SWEEPS,
    EVALUATION_TOLERANCE,
    Acting,
    AtRest,
    free_outputs,
    physics_of,
    reach_of,
    rotate,
    scratch,
    settling_time,
    units_of,
)
from thermo.training.eqprop.machine import Parameter
from thermo.training.eqprop.nudged import nudged_batch
from thermo.training.eqprop.pulses import Pulses
from thermo.training.eqprop.result import EqpropEpoch
from thermo.training.eqprop.start import start_weights
from thermo.training.eqprop.updates import homeostatic_step, local_update
from thermo.training.tiles import Tiles

FAINT = 1e-6
BLOCK = 100_000  # couplings updated at once


class HopfieldTrainer(EqpropTrainer):
    """Layers of hard-sigmoid units, and the base of other kinds of machines (the Machine of
    thermo.training.eqprop.machine).

    Another kind overrides what it needs of: initial (parameters w, back, b and their velocities),
    draw (a device's factors), acting (what drives in a batch), project (inputs' drive), start,
    relax (one tile of rows, one phase), judge, read, learn (from free and pushed states), outputs.

    lanes : rows of a sample
    """

    lanes = 1

    def __init__(self, dataset: Dataset, config: EqpropConfig, tiles: Tiles | None = None) -> None:
        super().__init__(dataset, config)
        if config.engine != "numba":
            raise EqpropError(
                f"training: engine {config.engine!r} trains layered networks by train_eqprop alone; set "
                "engine to 'numba'"
            )
        self.tiles = tiles
        self.sizes = (dataset.n_features, *config.units, dataset.n_classes)
        self.batches = Batches(dataset, config.augmentation)
        self.x = self.batches.x
        self.one_hot = np.eye(dataset.n_classes, dtype=np.float32)
        self.replicas = 1 if config.device is None else config.device.replicas
        per = self.replicas * self.lanes  # replicas of an image are neighbours
        self.n_rows = self.batch * per
        self.bounds = [*range(0, self.n_rows, config.tile * per), self.n_rows]
        self.drawn = None if config.device is None else self.draw(config.device)
        self.conversion = converting(config.device, self.sizes, self.x)
        with Tiles(1):  # the same start whatever the threads
            self.initial()
        self.pulses = self.pulsed()
        self.best = self.copies()
        self.states: tuple[np.ndarray, ...] = ()
        if config.persistent:
            self.states = tuple(np.zeros((self.n, k), np.float32) for k in self.sizes[1:])
        self.allocate()

    def draw(self, device: EqpropDevice) -> Any:
        """What this device makes of the network's couplings."""
        return draw(device, self.sizes)

    @property
    def apart(self) -> bool:
        return self.config.rule == "field"

    @property
    def polarity(self) -> tuple[np.ndarray, ...] | None:
        return None if self.drawn is None else self.drawn.polarity

    def initial(self) -> None:
        rng = np.random.default_rng([self.config.seed, INIT])
        self.w: list[np.ndarray] = []
        self.b: list[np.ndarray] = []
        for n_in, n_out in pairwise(self.sizes):
            self.w.append(start_weights(rng, (n_out, n_in), self.config.init, self.config.init_gain))
            self.b.append(np.full(n_out, self.config.init_bias, np.float32))
        self.b[-1][:] = 0.0
        self.back = self.w
        if self.apart:
            # layout of the forward weights: back[l] is the transpose of what drives layer l
            self.back = [self.w[0]] + [
                np.ascontiguousarray(rotate(w, self.config.angle, rng), np.float32) for w in self.w[1:]
            ]
        self.vw = [np.zeros_like(w) for w in self.w]
        self.vb = [np.zeros_like(b) for b in self.b]
        self.vback = [np.zeros_like(w) for w in self.back] if self.apart else self.vw

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        out: dict[str, np.ndarray] = {}
        kinds: dict[str, Sequence[np.ndarray]] = {
            "w": self.w,
            "b": self.b,
            "vw": self.vw,
            "vb": self.vb,
            "best_w": self.best[0],
            "best_b": self.best[2],
            "state": self.states,
        }
        if self.apart:
            kinds |= {"back": self.back, "vback": self.vback, "best_back": self.best[1]}
        for kind, some in kinds.items():
            out |= {f"{kind}{k}": a for k, a in enumerate(some)}
        return out

    def copies(self) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        w = [a.copy() for a in self.w]
        back = [a.copy() for a in self.back] if self.apart else w
        return w, back, [a.copy() for a in self.b]

    def allocate(self) -> None:
        n, sizes = self.n_rows, self.sizes
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
        """One update from these rows of the data, (batch,); returns sums over the batch of cost and
        right answers, and over tiles of sweeps and residuals, free and nudged.
        """
        rule = UNNUDGED.get(self.config.estimator)
        own, self.drawn = self.drawn, self.drawn_for_batch()
        before = [] if self.pulses is None else [w.copy() for w in self.couplings]
        report = (nudged_batch if rule is None else rule.batch)(self, rows, warps)
        if self.pulses is not None:
            self.pulses.move(before, self.couplings, self.step)
        self.drawn = own
        self.step += 1
        report[:2] /= self.replicas
        return report

    def free_phase(
        self,
        acting: Any,
        part: slice,
        first: int,
        start: tuple[np.ndarray, ...] = (),
        currents: tuple[np.ndarray, ...] = (),
    ) -> tuple[float, float, float, float]:
        """Relax one tile from `start` (else from its inputs alone), noise from step `first` on;
        cost, right answers, sweeps used, what moved in the last.

        currents : (n_rows, n_1) added to the drive of the first layer, and (n_rows, n_out) to that
            of outputs above it: a spring of FAINT strength to a target far away
        """
        goal, beta = self.target[part], 0.0
        p = self.p[part]
        self.project(acting, self.u0[part], p)
        if currents:
            p += currents[0][part]
            if len(currents) > 1:
                goal, beta = currents[1][part] / np.float32(FAINT), FAINT
        free, drives = (tuple(s[part] for s in some) for some in (self.free, self.drives))
        if start:
            for s, given in zip(free, start, strict=True):
                s[:] = given
        else:
            self.start(acting, p, free, drives)
        used, left = self.relax(
            acting, p, free, drives, goal, beta, self.config.sweeps_free, first, part.start
        )
        return *self.judge(free[-1], part, first), used, left

    def answers(self, out: np.ndarray, part: slice, step: int) -> np.ndarray:
        """What is read of these outputs of the rows `part`, by converters after `step` steps."""
        out = units_of(out, self.config.device)
        if self.conversion is None:
            return out
        return self.conversion.read(out, self.config.seed, self.step * self.n_rows + part.start, step)

    def judge(self, out: np.ndarray, part: slice, step: int) -> tuple[float, float]:
        """(sum of costs, number of right answers) of these outputs of the rows `part`."""
        y = self.target[part]
        out = self.answers(out, part, step)
        right = float((out.argmax(axis=1) == y.argmax(axis=1)).sum())
        return 0.5 * float(np.square(out - y).sum()), right

    def load(self, rows: np.ndarray, warps: np.ndarray) -> np.ndarray:
        """Inputs and targets of these rows; returns them once for each replica, (n_rows,)."""
        rows, warps = rows.repeat(self.replicas), warps.repeat(self.replicas, axis=0)
        self.target[:] = self.one_hot[self.data.y_train[rows]]
        reach = reach_of(self.config.device)

        def one(t: int) -> None:
            part = self.tile(t)
            self.batches.fill(self.u0[part], rows[part], warps[part])
            if self.conversion is not None:
                first = self.step * self.n_rows + part.start
                self.conversion.drive(self.u0[part], self.config.seed, first)
            if reach > 0:
                range_tile(self.u0[part], reach, self.u0[part])

        self.tiles.map(one, self.n_tiles)
        return rows

    @property
    def n_tiles(self) -> int:
        return len(self.bounds) - 1

    def tile(self, t: int) -> slice:
        """Rows that relax together."""
        return slice(self.bounds[t], self.bounds[t + 1])

    @property
    def couplings(self) -> list[np.ndarray]:
        """Every array of couplings that is learnt."""
        return [*self.w, *self.back[1:]] if self.apart else self.w

    def pulsed(self) -> Pulses | None:
        """How the device moves couplings, None where they go where they are wanted."""
        if self.drawn is None or self.config.device is None:
            return None
        device, ends = self.config.device, self.drawn.ends
        back = [(below, above) for above, below in ends[1:]] if self.apart else []
        return Pulses.of(device.imperfections, device.seed, self.couplings, [*ends, *back])

    def parameters(self) -> list[Parameter]:
        """All that is learnt."""
        out = [Parameter(w, v, l, True) for l, (w, v) in enumerate(zip(self.w, self.vw, strict=True))]
        out += [Parameter(b, v, l, False) for l, (b, v) in enumerate(zip(self.b, self.vb, strict=True))]
        if self.apart:
            pairs = zip(self.back[1:], self.vback[1:], strict=True)
            out += [Parameter(w, v, l, True) for l, (w, v) in enumerate(pairs, 1)]
        return out

    def limit(self) -> None:
        """Bring parameters back to what the hardware can hold."""

    def project(self, acting: Any, x: np.ndarray, p: np.ndarray) -> None:
        kernel.project(x, acting.forward[0], acting.bias[0], p)

    def start(
        self, acting: Any, p: np.ndarray, states: tuple[np.ndarray, ...], drives: tuple[np.ndarray, ...]
    ) -> None:
        kernel.start_free(p, reach_of(self.config.device), states)

    def relax(
        self,
        acting: Any,
        p: np.ndarray,
        states: tuple[np.ndarray, ...],
        drives: tuple[np.ndarray, ...],
        y: np.ndarray,
        beta: float,
        most: int,
        first: int,
        row0: int,
    ) -> tuple[int, float]:
        """Relax one tile in place; sweeps used and what moved in the last."""
        return kernel.relax(
            acting.forward,
            acting.back,
            acting.bias,
            p,
            states,
            drives,
            y,
            np.float32(beta),
            most,
            np.float32(self.config.tolerance),
            *physics_of(self.config.device),
            np.uint64(self.config.seed),
            row0,
            first,
        )

    def read(self) -> None:
        """What the read-out makes of the states that updates are computed from."""
        if self.config.device is not None:
            rng = np.random.default_rng([self.config.seed, READ, self.step])
            read_states((*self.free, *self.pushed), self.config.device, rng)

    def layer_rates(self) -> list[np.float32]:
        """Every layer's learning rate at this step."""
        rate = self.rate()
        return [np.float32(rate * r) for r in self.config.layer_rates]

    def learn(self, betas: Sequence[float]) -> None:
        """Local updates from the states of the phases; betas: width of each nudged phase."""
        rates = self.layer_rates()
        local_update(self, betas, rates)
        if self.config.homeostasis:
            self.homeostatic(rates)

    def homeostatic(self, rates: Sequence[np.float32]) -> None:
        rng = np.random.default_rng([self.config.seed, HOMEOSTASIS, self.step])
        homeostatic_step(
            self.w,
            self.back,
            [self.config.homeostasis * r for r in rates],
            self.config.homeostasis_draws,
            rng,
        )

    def mean(self, figures: list[np.ndarray]) -> np.ndarray:
        sums = np.zeros(6)
        for found in figures:
            sums += found
        images, pieces = self.n_batches * self.batch, self.n_batches * self.n_tiles
        return np.append(sums[:2] / images, sums[2:] / pieces)

    def predictions(self, split: str) -> np.ndarray:
        return self.outputs(split).predictions()

    def run_epoch(self, tiles: Tiles) -> EqpropEpoch:
        self.tiles = tiles
        if self.conversion is not None:
            self.conversion = self.calibrated(self.acting())
        return super().run_epoch(tiles)

    def calibrated(self, acting: Any) -> Converting | None:
        """The converters, their read-out over the range of what is read of training data."""
        return None if self.conversion is None else self.conversion.calibrated(self.calibration(acting))

    def calibration(self, acting: Any) -> np.ndarray:
        """Outputs at rest of the training rows that a read-out's range is found on, before it."""
        assert self.conversion is not None
        return self.resting(
            acting, self.x[:CALIBRATION], replace(self.conversion, outputs=None), TRAJECTORY
        ).outputs

    def keep(self) -> None:
        self.best = self.copies()

    def outputs(self, split: str) -> AtRest:
        """Outputs of a split at rest, as the machine is now."""
        x, _ = self.data.part(split)
        acting = self.acting()
        return self.resting(acting, np.ascontiguousarray(x, np.float32), self.calibrated(acting))

    def resting(
        self, acting: Any, x: np.ndarray, conversion: Converting | None, trajectory: int = 0
    ) -> AtRest:
        """Outputs at rest for data x, as converters drive and read them."""
        return free_outputs(
            acting,
            x,
            sweeps=EVALUATION_SWEEPS,
            tolerance=EVALUATION_TOLERANCE,
            tiles=self.tiles,
            seed=self.config.seed,
            device=self.config.device,
            conversion=conversion,
            trajectory=trajectory,
        )

    def angle(self) -> float:
        return self.network(self.copies()).angle if self.apart else 0.0

    def model(self) -> Any:
        network = self.network(self.best)
        acting = None if self.drawn is None else Acting(*self.drawn.act(*self.best))
        time = settling_time(network, self.data.x_valid[:1000], acting, device=self.config.device)
        return replace(network, relax_time=time)

    def best_acting(self) -> Any:
        """What drives with the parameters of the best epoch, which become the present ones."""
        self.w, self.back, self.b = self.best
        return self.acting()

    def network(self, parts: tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]) -> HopfieldNetwork:
        """The programmed network."""
        w, back, b = parts
        return HopfieldNetwork(
            weights=tuple(w),
            biases=tuple(b),
            activation="hard-sigmoid",
            backward=tuple(a.T.copy() for a in back[1:]) if self.apart else None,
            labels=self.data.labels,
            meta={"method": "eqprop", "data": self.data.name, "split": self.data.split},
        )
