"""Settings of training by equilibrium propagation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from compiler.errors import ThermocError
from thermo.gradients.errors import EqpropError, NudgeError
from thermo.training.augmentation import Augmentation
from thermo.training.config import TrainingConfig
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.estimators import (
    BY_JAX,
    CIRCULAR,
    ESTIMATORS,
    NEGATIVE,
    NODES,
    PUSHES,
    UNNUDGED,
    points_of,
)
from thermo.training.eqprop.start import INITS
from thermo.training.regimes import AWARE, IN_PLACE
from thermo.training.rules import Rules, whole

ENGINES = ("numba", "jax")
UPDATES = ("additive", "multiplicative")
OPTIMISERS = ("momentum", "adam", "muon")
SCHEDULES = ("parity", "up-down")
PRECISIONS = ("float32", "bfloat16")
ACTIVATIONS = ("hard-sigmoid", "sigmoid", "shifted-sigmoid", "tanh")
RULES = ("energy", "field")
CURVATURE = 1.0  # of a hard-sigmoid output by itself
ONLY_NUMBA = ("curvature", "perturbation", "directions", "persistent", "update", "init")
ONLY_JAX = (
    "activation",
    "points",
    "optimiser",
    "schedule",
    "precision",
    "feedback",
    "weight_decay",
    "standardise",
    "whitened",
    "residual",
)
ONLY_UPDOWN = ("precision", "feedback", "tile")


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolutional layer: `channels` maps, square kernel, zero padding on all sides."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True, slots=True)
class EqpropConfig(TrainingConfig):
    """Settings of `train_eqprop`; layered networks, cost 1/2 |u_out - one-hot|^2.

    hidden : hidden layers, from the inputs up: numbers of units, and by JAX convolutions before them
    engine : "numba", hard-sigmoid units on perfect and imperfect devices; or "jax" on its default
        device, with convolutions, other activations and complex nudges
    estimator : by numba one of thermo.training.eqprop.estimators.PUSHES, named as in thermo.gradients:
        "centred" (+-beta), "one-sided" (random sign a batch), "positive", "negative", "contrastive"
        (outputs held at the target), "coupled-..." (held a share beta of the way to it); or, without
        any nudge, "spsa" or "weight-perturbation" (thermo.training.eqprop.zeroth),
        "node-perturbation" (thermo.training.eqprop.nodes). By JAX "positive", "one-sided",
        "centred", "holomorphic" or "generalised-cauchy" (jax_estimators.Nudging)
    beta : nudge, or that share, or the radius of the circle of nudges, which has `points`
    curvature : of the outputs by themselves, which a negative nudge must stay below; inf where it
        is not known before (conductances, which training checks) or any nudge leaves a minimum
        (oscillators)
    perturbation, directions : without nudges, size of a change of every parameter or drive, and
        how many directions an update is the mean of
    activation : "hard-sigmoid", or by JAX "sigmoid", "shifted-sigmoid" (1 / (1 + exp(2 - 4 z)),
        Laborieux and Zenke 2023) or "tanh"
    rule : "energy", contrast of u_post u_pre, one parameter both ways; "field", two parameters:
        change of the driven unit times the free state of the driving one
    sweeps_free, sweeps_nudged : at most; tolerance : largest change of a unit in the last sweep
        that counts as settled, 0: all sweeps are run
    schedule : by JAX, "parity", layers of the outputs' parity first, then the others, until they settle;
        or "up-down", layers one after another (thermo.training.eqprop.jax_updown): then sweeps_free are
        sweeps down and up, sweeps_nudged sweeps down, all of them run
    precision : of products of "up-down", sums are float32
    feedback : of "up-down", what layers drive below them is this share of the weights' transposes, or of
        weights down of their own: the energy of layer l weighs feedback^l (Xie and Seung 2003)
    residual_limit : mean of what is left over an epoch at which training by "parity" stops
    persistent : free phases start from the example's state of the epoch before
    rates : learning rate of each layer (one value: of all), times the batch mean gradient
    update : "additive", or "multiplicative": w <- w exp(-rate sign(w) gradient), no coupling ever
        changes sign (biases may); rates are then of log w
    optimiser : "momentum" (heavy ball), or by JAX "adam" or "muon" (thermo.training.eqprop.jax_muon);
        momentum : of the first and the last
    bias_rate : by "muon", of biases
    weight_decay : by JAX, share of every weight that a rate of 1 takes away in an update
    standardise : inputs less their mean, over their spread, of each channel; the model's encoder has it
    residual : by JAX, every convolution from the second on also hears the layer two below, which hears it,
        through a convolution of its own (Layout.skips; with rule "energy", on a perfect device)
    whitened : the first layer starts at patches' principal directions and their opposites
    init : "uniform" or "log-normal" (thermo.training.eqprop.start), of size init_gain times Glorot's;
    init_bias : of hidden units
    warmup_epochs, final_rate : linear warm-up, half cosine down to final_rate * rate
    restarts : epochs after which that begins again, each time from half the rate before (Loshchilov and
        Hutter 2017, arXiv 1608.03983)
    angle : degrees between the starting forward and transposed backward weights; needs "field"
    homeostasis : factor on the homeostatic loss, estimated with `homeostasis_draws` vectors a batch; 0:
        its expectation.
        By "adam" and "muon", whose updates know no scale, beside them: what a rate of 1 takes from either
        way in an update, as a share of its difference to the other, whatever the layer's own rate
    tile : rows relaxed at once; row blocks and tiles are fixed, so that threads change no bit
    device : imperfections of the machine trained on, None is a perfect one
    regime : "in-place", on that device, or "aware", on another one every batch and validated on that one
    """

    hidden: tuple[int | Conv, ...] = (500,)
    engine: str = "numba"
    tile: int = 64
    beta: float = 0.5
    curvature: float = CURVATURE
    estimator: str = "centred"
    points: int = 2
    perturbation: float = 0.01
    directions: int = 1
    activation: str = "hard-sigmoid"
    rule: str = "energy"
    sweeps_free: int = 30
    sweeps_nudged: int = 12
    tolerance: float = 1e-2
    residual_limit: float = 0.2
    schedule: str = "parity"
    precision: str = "float32"
    feedback: float = 1.0
    persistent: bool = False
    rates: tuple[float, ...] = (0.2,)
    update: str = "additive"
    optimiser: str = "momentum"
    bias_rate: float = 3e-3
    weight_decay: float = 0.0
    standardise: bool = False
    whitened: bool = False
    residual: bool = False
    init: str = "uniform"
    init_gain: float = 1.0
    init_bias: float = 0.0
    momentum: float = 0.9
    warmup_epochs: float = 0.5
    final_rate: float = 0.01
    restarts: tuple[int, ...] = ()
    angle: float = 0.0
    homeostasis: float = 0.0
    homeostasis_draws: int = 5
    augmentation: Augmentation = field(default_factory=Augmentation)
    device: EqpropDevice | None = None
    regime: str = IN_PLACE

    ERROR: ClassVar[type[ThermocError]] = EqpropError

    def check(self, rules: Rules) -> None:
        rules.choice("engine", ENGINES)
        rules.choice("regime", (AWARE, IN_PLACE))
        if self.device is not None and (self.engine == "jax" or self.regime == AWARE):
            rules.unpulsed(self.device.imperfections)
        rules.whole("tile", "sweeps_free", "sweeps_nudged", "directions", "points")
        rules.whole("homeostasis_draws", least=0)
        rules.positive("beta", "residual_limit", "init_gain", "perturbation", "bias_rate", "feedback")
        rules.not_negative("tolerance", "warmup_epochs", "homeostasis", "weight_decay")
        rules.rates(len(self.hidden) + 1)
        rules.below_one("momentum")
        rules.share("final_rate")
        if any(not whole(e) for e in self.restarts) or list(self.restarts) != sorted(set(self.restarts)):
            rules.fail("restarts", "whole numbers >= 1 that rise")
        rules.finite("init_bias")
        rules.choice("activation", ACTIVATIONS)
        rules.choice("update", UPDATES)
        rules.choice("optimiser", OPTIMISERS)
        rules.choice("schedule", SCHEDULES)
        rules.choice("precision", PRECISIONS)
        rules.choice("init", INITS)
        rules.choice("rule", RULES)
        if not 0 <= self.angle <= 180:
            rules.fail("angle", "between 0 and 180 degrees")
        if not self.curvature > 0:
            rules.fail("curvature", "a number > 0, or inf")
        if self.rule == "energy" and (self.angle or self.homeostasis):
            raise EqpropError(
                f"training: angle {self.angle:g} and homeostasis {self.homeostasis:g} need "
                "backward weights of their own; set rule to 'field'"
            )
        if self.engine == "jax":
            self._check_jax(rules)
        else:
            self._check_numba(rules)

    def _check_jax(self, rules: Rules) -> None:
        rules.seed(32)
        rules.choice("estimator", BY_JAX)
        self._usual(rules, ONLY_NUMBA)
        if self.schedule == "parity":
            self._usual(rules, ONLY_UPDOWN)
        else:
            self._check_updown(rules)
        if any(not (isinstance(n, Conv) or whole(n)) for n in self.hidden):
            rules.fail("hidden", "whole numbers >= 1 or convolutions")
        if self.residual and (self.rule, self.device) != ("energy", None):
            raise EqpropError(
                "training: residual couplings are trained by rule 'energy' on a perfect device; leave --rule "
                "and what makes the device imperfect out, or --residual"
            )
        if self.residual and self.estimator == "generalised-cauchy":
            rules.fail("estimator", "one that takes its gradient from energies, for a residual network")

    def _check_updown(self, rules: Rules) -> None:
        if self.activation != "hard-sigmoid":
            rules.fail("activation", "'hard-sigmoid' with schedule 'up-down'; set schedule to 'parity'")
        if self.estimator in CIRCULAR:
            rules.fail("estimator", "one of real nudges with schedule 'up-down'; set schedule to 'parity'")
        if self.device is not None:
            raise EqpropError(
                "training: schedule 'up-down' knows no imperfect device; leave the device out, or set "
                "schedule to 'parity'"
            )

    def _check_numba(self, rules: Rules) -> None:
        if self.estimator in CIRCULAR:
            raise EqpropError(
                f"training: estimator {self.estimator!r} has complex nudges; set engine to 'jax'"
            )
        rules.choice("estimator", ESTIMATORS)
        self._usual(rules, ONLY_JAX)
        if any(not whole(n) for n in self.hidden):
            rules.fail("hidden", "whole numbers >= 1, or engine 'jax' for convolutions")
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
        if self.estimator in UNNUDGED and (self.persistent or self.homeostasis):
            raise EqpropError(
                f"training: estimator {self.estimator!r} takes no persistent states and no "
                "homeostasis; leave persistent and homeostasis out"
            )
        if self.persistent and self.device is not None and self.device.replicas > 1:
            raise EqpropError(
                "training: persistent keeps one state an image, the device has "
                f"{self.device.replicas} replicas; leave one of them out"
            )
        if self.estimator in NEGATIVE and self.beta >= self.curvature:
            raise NudgeError(
                f"training: nudge beta = {self.beta:g} reaches the output curvature "
                f"{self.curvature:g}: at -beta the outputs have no minimum; take beta < "
                f"{self.curvature:g} or estimator 'positive'"
            )
        ranged = self.device is not None and math.isfinite(self.device.reach)
        if ranged and (self.estimator.startswith("coupled") or self.estimator == NODES):
            raise EqpropError(
                f"training: estimator {self.estimator!r} reads units, which couplings of finite range "
                "hide; take 'centred', or couplings without a range (crossbar)"
            )
        if self.estimator.startswith("coupled") and self.beta > 1:
            rules.fail("beta", f"a share of the error, at most 1, for estimator {self.estimator!r}")

    def _usual(self, rules: Rules, names: tuple[str, ...]) -> None:
        """Raise for one of these fields that is not at its default: the engine does not have it."""
        usual: dict[str, Any] = {f.name: f.default for f in fields(self)}
        for name in names:
            if getattr(self, name) != usual[name]:
                more = f" and schedule {self.schedule!r}" if name in ONLY_UPDOWN else ""
                rules.fail(name, f"{usual[name]!r} with engine {self.engine!r}{more}, which has no other")

    @property
    def layer_rates(self) -> tuple[float, ...]:
        """The learning rate of each layer."""
        n = len(self.hidden) + 1
        return self.rates if len(self.rates) == n else self.rates * n

    @property
    def units(self) -> tuple[int, ...]:
        """Units of the hidden layers that are no convolutions."""
        return tuple(n for n in self.hidden if not isinstance(n, Conv))

    @property
    def state_noise(self) -> float:
        """Of the device trained on."""
        return 0.0 if self.device is None else self.device.state_noise

    @property
    def phases(self) -> float:
        """Nudged relaxations of a real machine for each free one; a complex point counts twice."""
        if self.engine == "jax":
            real, off, _, _ = points_of(self.estimator, self.beta, self.points)
            return len(real) + 2 * len(off)
        return len(PUSHES[self.estimator](0.5)) if self.estimator in PUSHES else 0

    @property
    def nudges(self) -> tuple[float, ...] | None:
        """Strengths of the nudged phases: none of them for complex and held ones; None without any."""
        if self.engine == "jax":
            real, off, _, _ = points_of(self.estimator, self.beta, self.points)
            return () if off else tuple(real)
        if self.estimator not in PUSHES:
            return None
        return tuple(p.beta for p in PUSHES[self.estimator](self.beta) if p.towards is None)
