"""Settings of pathwise training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

import numpy as np

from hw_models.imperfect import NonIdeal
from thermo.training.langevin.result import TrainingError


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Random affine warps, redrawn for every image and epoch.

    shift : largest translation in pixels, each axis; rotate : largest angle in degrees
    zoom, shear : largest relative change of size and of slant
    """

    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if not (math.isfinite(value) and value >= 0):
                raise TrainingError(
                    f"augmentation: {f.name} must be a number >= 0, got {value}; 0 turns it off"
                )

    @property
    def active(self) -> bool:
        return any(getattr(self, f.name) > 0 for f in fields(self))

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """(n, 6) float32 coefficients for `bptt.warp_image`."""
        r = rng.uniform(-1.0, 1.0, (n, 6)).astype(np.float32)
        angle = np.deg2rad(self.rotate) * r[:, 0]
        zoom_y, zoom_x = 1.0 + self.zoom * r[:, 1], 1.0 + self.zoom * r[:, 2]
        shear = self.shear * r[:, 3]
        cos, sin = np.cos(angle), np.sin(angle)
        out = np.empty((n, 6), np.float32)
        out[:, 0], out[:, 1] = cos * zoom_y, -sin * zoom_x
        out[:, 3], out[:, 4] = sin * zoom_y + shear, cos * zoom_x
        out[:, 2], out[:, 5] = self.shift * r[:, 4], self.shift * r[:, 5]
        return out


@dataclass(frozen=True, slots=True)
class PathwiseConfig:
    """Settings of `train_pathwise`; the defaults are the published MNIST machine.

    Machine: n_hidden cells beside the outputs, U = j2 x^2 + j3 x^3 + j4 x^4, x_0 = 0, read at t_f.
    symmetric : tie J_ij = J_ji (then a potential exists); couplings=False removes those among
        dynamic cells: a linear classifier as control
    input_shift, input_scale : u = (data - shift) * scale; None: the mean over the training split,
        and one over the largest L2 norm of a shifted row
    dt_schedule : (fraction of training at which it begins, step) in rising order
    dt_evaluate : step at which validation accuracy and heat are measured
    rate_* : factors on learning_rate; w_in is rated per unit of root-mean-square input, so that
        the setting does not depend on input_scale
        rate_j holds up to 64 hidden cells and falls as 64 / n_hidden beyond
    init_w, init_j, init_bias : standard deviations of the start, those of w_in (in the same unit)
        and J times the square root of the number of inputs and of dynamic cells
    heat_penalty : lambda, loss per kT of heat; heat_budget : wanted mean heat in kT, found by a
        controller on log(lambda), which starts at heat_penalty (0: a guess from the budget)
    evaluate_every : epochs between validations; the last tenth is always validated
    max_halvings : how often a batch with a runaway trajectory is tried again at half the step
    non_ideal : imperfections of the device, drawn anew for every batch
    """

    n_hidden: int = 64
    symmetric: bool = True
    couplings: bool = True
    kT: float = 1.0
    mobility: float = 1.0
    j2: float = 1.0
    j3: float = 0.0
    j4: float = 1.0
    t_f: float = 0.2
    input_shift: float | None = None
    input_scale: float | None = None
    epochs: int = 60
    batch: int = 256
    tile: int = 128
    dt_schedule: tuple[tuple[float, float], ...] = ((0.0, 1e-2), (0.5, 5e-3))
    dt_evaluate: float = 1e-3
    learning_rate: float = 0.01
    warmup_steps: int = 50
    final_rate: float = 0.02
    rate_w: float = 1.0
    rate_bias: float = 20.0
    rate_j: float = 20.0
    rate_scale: float = 5.0
    init_w: float = 1.4
    init_j: float = 8.6
    init_bias: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip: float = 1.0
    smoothing: float = 0.0
    heat_penalty: float = 0.0
    heat_budget: float | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    non_ideal: NonIdeal | None = None
    evaluate_every: int = 1
    max_halvings: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        def fail(name: str, rule: str) -> None:
            raise TrainingError(f"training: {name} must be {rule}, got {getattr(self, name)}")

        for name in ("n_hidden", "max_halvings", "warmup_steps", "seed"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                fail(name, "a whole number >= 0")
        if self.seed >= 2**64:
            fail("seed", "below 2^64")
        for name in ("epochs", "batch", "tile", "evaluate_every"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                fail(name, "a whole number >= 1")
        for name in ("mobility", "t_f", "dt_evaluate", "learning_rate", "epsilon"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                fail(name, "a number > 0")
        for name in (
            "kT",
            "j4",
            "rate_w",
            "rate_bias",
            "rate_j",
            "rate_scale",
            "init_w",
            "init_j",
            "init_bias",
            "clip",
            "heat_penalty",
        ):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                fail(name, "a number >= 0")
        for name in ("j2", "j3"):
            if not math.isfinite(getattr(self, name)):
                fail(name, "a finite number")
        for name in ("beta1", "beta2", "smoothing"):
            if not 0 <= getattr(self, name) < 1:
                fail(name, "at least 0 and below 1")
        if not 0 <= self.final_rate <= 1:
            fail("final_rate", "between 0 and 1")
        if self.heat_budget is not None and not math.isfinite(self.heat_budget):
            fail("heat_budget", "a finite number of kT")
        starts = [start for start, _ in self.dt_schedule]
        if not starts or starts[0] != 0 or sorted(starts) != starts or starts[-1] >= 1:
            fail("dt_schedule", "pairs (fraction, dt) with fractions rising from 0 to below 1")
        for _, dt in self.dt_schedule:
            if not 0 < dt <= self.t_f:
                fail("dt_schedule", f"of steps above 0 and at most t_f = {self.t_f:g}")
        if self.dt_evaluate > self.t_f:
            fail("dt_evaluate", f"at most t_f = {self.t_f:g}")
