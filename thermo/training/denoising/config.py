"""Settings of a denoising score model."""

from __future__ import annotations

from dataclasses import dataclass

from thermo.training.config import TrainingConfig
from thermo.training.rules import Rules

KINDS = ("multiplicative", "additive")


@dataclass(frozen=True, slots=True)
class DenoisingConfig(TrainingConfig):
    """What is noised are weights w = floor + data, positive ones.

    kind : "multiplicative" noise drives w by geometric Brownian motion, dw = w sigma dW (Stratonovich;
        Shetty, Prasath and Seelamantula, arXiv 2510.02730), so that log w is Brownian; "additive" noise
        drives w itself
    hidden : units of each of two layers; rate : Adam's peak
    cells : the network is one that relaxing cells make (thermo.training.denoising.netlist): rectified units,
        which see the noise's logarithm
    least, most : first and last noise, in units of the driven coordinates' spread over the data
    steps : of the reverse
    """

    epochs: int = 400
    batch: int = 128
    kind: str = "multiplicative"
    hidden: int = 256
    cells: bool = False
    rate: float = 2e-3
    floor: float = 0.2
    least: float = 0.02
    most: float = 20.0
    steps: int = 200

    def check(self, rules: Rules) -> None:
        rules.choice("kind", KINDS)
        rules.whole("hidden", "steps")
        rules.positive("rate", "floor", "least", "most")
        if not self.least < self.most:
            rules.fail("least", f"below most, {self.most:g}")
