"""Settings of training by equilibrium propagation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from thermo.eqprop.device import EqpropDevice
from thermo.eqprop.errors import EqpropError, NudgeError
from thermo.training.config import Augmentation

NUDGINGS = ("centred", "one-sided", "positive")
RULES = ("energy", "field")
CURVATURE = 1.0  # of a hard-sigmoid output by itself: a negative nudge must stay below it


@dataclass(frozen=True, slots=True)
class EqpropConfig:
    """Settings of `train_eqprop`; layered hard-sigmoid networks, cost 1/2 |u_out - one-hot|^2.

    hidden : units of the hidden layers, from the inputs up
    beta : nudge; nudging : "centred" (+-beta), "one-sided" (random sign a batch), "positive"
    rule : "energy", contrast of u_post u_pre, one parameter both ways; "field", two parameters:
        change of the driven unit times the free state of the driving one
    sweeps_free, sweeps_nudged : at most; tolerance : largest change of a unit in the last sweep
        that counts as settled, 0: all sweeps are run
    residual_limit : mean of what is left over an epoch at which training stops
    persistent : free phases start from the example's state of the epoch before
    rates : learning rate of each layer (one value: of all), times the batch mean gradient
    init_gain : weights start uniform in +-gain sqrt(6 / (n_in + n_out)) (Glorot);
    init_bias : of hidden units
    momentum, warmup_epochs, final_rate : heavy ball, linear warm-up, half cosine down to
        final_rate * rate
    angle : degrees between the starting forward and transposed backward weights; needs "field"
    homeostasis : factor on the homeostatic loss, estimated with `homeostasis_draws` vectors a batch
    tile : rows relaxed at once; row blocks and tiles are fixed, so that threads change no bit
    device : imperfections of the machine trained on, None is a perfect one
    """

    hidden: tuple[int, ...] = (500,)
    epochs: int = 30
    batch: int = 128
    tile: int = 64
    beta: float = 0.5
    nudging: str = "centred"
    rule: str = "energy"
    sweeps_free: int = 30
    sweeps_nudged: int = 12
    tolerance: float = 1e-2
    residual_limit: float = 0.2
    persistent: bool = False
    rates: tuple[float, ...] = (0.2,)
    init_gain: float = 1.0
    init_bias: float = 0.0
    momentum: float = 0.9
    warmup_epochs: float = 0.5
    final_rate: float = 0.01
    angle: float = 0.0
    homeostasis: float = 0.0
    homeostasis_draws: int = 5
    augmentation: Augmentation = field(default_factory=Augmentation)
    device: EqpropDevice | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        def fail(name: str, rule: str) -> None:
            raise EqpropError(f"training: {name} must be {rule}, got {getattr(self, name)!r}")

        for name in (
            "epochs", "batch", "tile", "sweeps_free", "sweeps_nudged", "homeostasis_draws",
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                fail(name, "a whole number >= 1")
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**64:
            fail("seed", "a whole number from 0 to 2^64 - 1")
        if any(not isinstance(n, int) or n < 1 for n in self.hidden):
            fail("hidden", "whole numbers >= 1")
        for name in ("beta", "residual_limit", "init_gain"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                fail(name, "a number > 0")
        for name in ("tolerance", "warmup_epochs", "homeostasis"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                fail(name, "a number >= 0")
        if not all(math.isfinite(r) and r >= 0 for r in self.rates):
            fail("rates", "numbers >= 0")
        if len(self.rates) not in (1, len(self.hidden) + 1):
            fail("rates", f"one value, or one for each of {len(self.hidden) + 1} layers")
        if not 0 <= self.momentum < 1:
            fail("momentum", "at least 0 and below 1")
        if not 0 <= self.final_rate <= 1:
            fail("final_rate", "between 0 and 1")
        if not math.isfinite(self.init_bias):
            fail("init_bias", "a finite number")
        if self.nudging not in NUDGINGS:
            fail("nudging", f"one of {', '.join(NUDGINGS)}")
        if self.rule not in RULES:
            fail("rule", f"one of {', '.join(RULES)}")
        if self.rule == "energy" and (self.angle or self.homeostasis):
            raise EqpropError(
                f"training: angle {self.angle:g} and homeostasis {self.homeostasis:g} need "
                "backward weights of their own; set rule to 'field'"
            )
        if not 0 <= self.angle <= 180:
            fail("angle", "between 0 and 180 degrees")
        if self.nudging != "positive" and self.beta >= CURVATURE:
            raise NudgeError(
                f"training: nudge beta = {self.beta:g} reaches the output curvature {CURVATURE:g}: "
                f"at -beta the outputs have no minimum; take beta < {CURVATURE:g} or nudging "
                "'positive'"
            )

    @property
    def layer_rates(self) -> tuple[float, ...]:
        """The learning rate of each layer."""
        n = len(self.hidden) + 1
        return self.rates if len(self.rates) == n else self.rates * n
