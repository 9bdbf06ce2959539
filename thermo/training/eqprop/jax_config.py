"""Settings of training layered networks with JAX."""

from __future__ import annotations

from dataclasses import dataclass, field

from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.errors import EqpropError
from thermo.training.eqprop.jax_estimators import ESTIMATORS, Nudging
from thermo.training.eqprop.jax_layers import SIGMAS, Conv, Dense
from thermo.training.eqprop.jax_rest import Relaxation
from thermo.training.rules import Rules

OPTIMISERS = ("momentum", "adam")


@dataclass(frozen=True, slots=True)
class LayersConfig:
    """Settings of `train_layers`; cost 1/2 |u_out - one-hot|^2.

    layers : hidden ones from the inputs up, convolutions first; the outputs are added
    activation : "hard-sigmoid", "sigmoid", "shifted-sigmoid" (1 / (1 + exp(2 - 4 z)), Laborieux and
        Zenke 2023) or "tanh"
    estimator, beta, points : thermo.training.eqprop.jax_estimators.Nudging
    symmetric : one parameter both ways; otherwise backward weights of their own, which start at
        `angle` degrees to the forward ones
    homeostasis : factor on the homeostatic loss, of `homeostasis_draws` vectors a batch; needs
        symmetric False
    sweeps_free, sweeps_nudged : at most; tolerance : largest change of a unit in the last sweep
        that counts as settled, 0: all sweeps are run
    residual_limit : mean of what is left over an epoch at which training stops
    state_noise : EqpropDevice.state_noise: standard deviation of noise on every unit at each of its
        updates, in training and in evaluation; in both parts of complex units
    rates : learning rate of each layer (one value: of all), times the batch mean gradient
    optimiser : "momentum" (heavy ball) or "adam"; momentum : of the first
    warmup_epochs, final_rate : linear warm-up, half cosine down to final_rate * rate
    init_gain : weights start uniform in +-gain sqrt(6 / (n_in + n_out)) (Glorot), n couplings of a
        unit; init_bias : of hidden units
    """

    layers: tuple[Conv | Dense, ...] = (Dense(128),)
    activation: str = "hard-sigmoid"
    epochs: int = 20
    batch: int = 64
    estimator: str = "centred"
    beta: float = 0.5
    points: int = 2
    symmetric: bool = True
    angle: float = 0.0
    homeostasis: float = 0.0
    homeostasis_draws: int = 5
    sweeps_free: int = 30
    sweeps_nudged: int = 12
    tolerance: float = 1e-2
    residual_limit: float = 0.2
    state_noise: float = 0.0
    rates: tuple[float, ...] = (0.1,)
    optimiser: str = "momentum"
    momentum: float = 0.9
    warmup_epochs: float = 0.5
    final_rate: float = 0.01
    init_gain: float = 0.5
    init_bias: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0

    def __post_init__(self) -> None:
        rules = Rules(self, EqpropError)
        rules.whole("epochs", "batch", "sweeps_free", "sweeps_nudged", "homeostasis_draws")
        rules.seed(32)
        rules.positive("residual_limit", "init_gain")
        rules.not_negative("tolerance", "warmup_epochs", "homeostasis", "state_noise")
        rules.rates(len(self.layers) + 1)
        rules.below_one("momentum")
        rules.share("final_rate")
        rules.finite("init_bias")
        rules.choice("activation", tuple(SIGMAS))
        rules.choice("estimator", ESTIMATORS)
        rules.choice("optimiser", OPTIMISERS)
        if not 0 <= self.angle <= 180:
            rules.fail("angle", "between 0 and 180 degrees")
        if self.symmetric and (self.angle or self.homeostasis):
            raise EqpropError(
                f"training: angle {self.angle:g} and homeostasis {self.homeostasis:g} need "
                "backward weights of their own; set symmetric to False"
            )

    @property
    def layer_rates(self) -> tuple[float, ...]:
        """The learning rate of each layer."""
        n = len(self.layers) + 1
        return self.rates if len(self.rates) == n else self.rates * n

    @property
    def nudging(self) -> Nudging:
        """Estimator and phases."""
        return Nudging(
            self.estimator,
            self.beta,
            self.points,
            Relaxation(self.sweeps_free, self.tolerance, self.state_noise),
            Relaxation(self.sweeps_nudged, self.tolerance, self.state_noise),
        )
