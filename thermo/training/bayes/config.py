"""Settings of a posterior, and of what draws from it or finds its top."""

from __future__ import annotations

from dataclasses import dataclass

from thermo.training.config import TrainingConfig
from thermo.training.rules import Rules

METHODS = ("adam", "adam-prior", "ensemble", "sgld", "sa-sgld")


@dataclass(frozen=True, slots=True)
class BayesConfig(TrainingConfig):
    """U(w) = -sum over rows of ln p(y | x, w) + sum w^2 / 2 sd^2, drawn from as exp(-U / temperature).

    method : "adam" descends the mean -ln p, "adam-prior" U / rows, "ensemble" is `members` times "adam" with
        that share of the passes each; "sgld" and "sa-sgld" are thermo.samplers' on U / rows at
        kT = temperature / rows
    epochs : passes over the rows, of all members and draws together
    hidden : tanh units; prior : sd of a unit's input sum for inputs of mean square 1, so that a weight has
        sd prior / sqrt(fan in) and a bias sd prior
    step : Adam's peak rate; dt of "sgld", tau of "sa-sgld"
    burn : share of the steps before the first kept draw; draws : kept ones
    noise : sd of values about the network's, in a regression
    """

    method: str = "sa-sgld"
    hidden: int = 100
    prior: float = 1.0
    temperature: float = 1.0
    step: float = 0.1
    burn: float = 0.5
    draws: int = 30
    members: int = 5
    noise: float = 0.1

    def check(self, rules: Rules) -> None:
        rules.choice("method", METHODS)
        rules.whole("hidden", "draws", "members")
        rules.positive("prior", "step", "noise")
        rules.not_negative("temperature")
        rules.below_one("burn")
        if self.method == "ensemble" and self.members > self.epochs:
            rules.fail("members", f"at most the {self.epochs} passes that they share")
