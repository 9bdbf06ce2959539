"""Settings of training by equilibrium propagation."""

from __future__ import annotations

from dataclasses import dataclass, field

from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.errors import EqpropError, NudgeError
from thermo.training.eqprop.nodes import NODES
from thermo.training.eqprop.pushes import NEGATIVE, PUSHES
from thermo.training.eqprop.start import INITS
from thermo.training.eqprop.zeroth import ZEROTH
from thermo.training.rules import Rules

UPDATES = ("additive", "multiplicative")
ESTIMATORS = (*PUSHES, *ZEROTH, NODES)
RULES = ("energy", "field")
CURVATURE = 1.0  # of a hard-sigmoid output by itself


@dataclass(frozen=True, slots=True)
class EqpropConfig:
    """Settings of `train_eqprop`; layered hard-sigmoid networks, cost 1/2 |u_out - one-hot|^2.

    hidden : units of the hidden layers, from the inputs up
    estimator : one of thermo.training.eqprop.pushes.PUSHES, named as in thermo.gradients: "centred"
        (+-beta), "one-sided" (random sign a batch), "positive", "negative", "contrastive" (outputs
        held at the target), "coupled-..." (held a share beta of the way to it); or, without any
        nudge, "spsa" or "weight-perturbation" (thermo.training.eqprop.zeroth), "node-perturbation"
        (thermo.training.eqprop.nodes)
    beta : nudge, or that share
    curvature : of the outputs by themselves, which a negative nudge must stay below; inf where it
        is not known before (conductances, which training checks) or any nudge leaves a minimum
        (oscillators)
    perturbation, directions : of the last three, size of a change of every parameter or drive, and
        how many directions an update is the mean of
    rule : "energy", contrast of u_post u_pre, one parameter both ways; "field", two parameters:
        change of the driven unit times the free state of the driving one
    sweeps_free, sweeps_nudged : at most; tolerance : largest change of a unit in the last sweep
        that counts as settled, 0: all sweeps are run
    residual_limit : mean of what is left over an epoch at which training stops
    persistent : free phases start from the example's state of the epoch before
    rates : learning rate of each layer (one value: of all), times the batch mean gradient
    update : "additive", or "multiplicative": w <- w exp(-rate sign(w) gradient), no coupling ever
        changes sign (biases may); rates are then of log w
    init : "uniform" or "log-normal" (thermo.training.eqprop.start), of size init_gain times Glorot's;
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
    curvature: float = CURVATURE
    estimator: str = "centred"
    perturbation: float = 0.01
    directions: int = 1
    rule: str = "energy"
    sweeps_free: int = 30
    sweeps_nudged: int = 12
    tolerance: float = 1e-2
    residual_limit: float = 0.2
    persistent: bool = False
    rates: tuple[float, ...] = (0.2,)
    update: str = "additive"
    init: str = "uniform"
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
        rules = Rules(self, EqpropError)
        rules.whole(
            "epochs", "batch", "tile", "sweeps_free", "sweeps_nudged", "homeostasis_draws", "directions"
        )
        rules.seed()
        if any(not isinstance(n, int) or n < 1 for n in self.hidden):
            rules.fail("hidden", "whole numbers >= 1")
        rules.positive("beta", "residual_limit", "init_gain", "perturbation")
        rules.not_negative("tolerance", "warmup_epochs", "homeostasis")
        rules.rates(len(self.hidden) + 1)
        rules.below_one("momentum")
        rules.share("final_rate")
        rules.finite("init_bias")
        rules.choice("estimator", ESTIMATORS)
        rules.choice("update", UPDATES)
        rules.choice("init", INITS)
        rules.choice("rule", RULES)
        if self.update == "multiplicative" and self.homeostasis:
            raise EqpropError(
                f"training: homeostasis {self.homeostasis:g} adds to couplings, so that they would "
                "change sign; set update to 'additive' or homeostasis to 0"
            )
        if self.estimator == NODES and len(self.hidden) > 1:
            raise EqpropError(
                f"training: estimator {NODES!r} reaches the first layer and the outputs with its "
                f"currents, the network has {len(self.hidden)} hidden layers; take at most one"
            )
        if self.estimator in (*ZEROTH, NODES) and (self.persistent or self.homeostasis):
            raise EqpropError(
                f"training: estimator {self.estimator!r} takes no persistent states and no "
                "homeostasis; leave persistent and homeostasis out"
            )
        if self.persistent and self.device is not None and self.device.replicas > 1:
            raise EqpropError(
                "training: persistent keeps one state an image, the device has "
                f"{self.device.replicas} replicas; leave one of them out"
            )
        if self.rule == "energy" and (self.angle or self.homeostasis):
            raise EqpropError(
                f"training: angle {self.angle:g} and homeostasis {self.homeostasis:g} need "
                "backward weights of their own; set rule to 'field'"
            )
        if not 0 <= self.angle <= 180:
            rules.fail("angle", "between 0 and 180 degrees")
        if not self.curvature > 0:
            rules.fail("curvature", "a number > 0, or inf")
        if self.estimator in NEGATIVE and self.beta >= self.curvature:
            raise NudgeError(
                f"training: nudge beta = {self.beta:g} reaches the output curvature "
                f"{self.curvature:g}: at -beta the outputs have no minimum; take beta < "
                f"{self.curvature:g} or estimator 'positive'"
            )
        if self.estimator.startswith("coupled") and self.beta > 1:
            rules.fail("beta", f"a share of the error, at most 1, for estimator {self.estimator!r}")

    @property
    def layer_rates(self) -> tuple[float, ...]:
        """The learning rate of each layer."""
        n = len(self.hidden) + 1
        return self.rates if len(self.rates) == n else self.rates * n
