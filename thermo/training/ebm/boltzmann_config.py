"""Settings of training models on graphs: one Boltzmann machine, or a denoising chain of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from compiler.errors import ThermocError
from hw_models.imperfect import Imperfections
from thermo.training.config import TrainingConfig
from thermo.training.ebm.config import METHODS
from thermo.training.ebm.errors import EbmError
from thermo.training.regimes import AWARE, IN_PLACE
from thermo.training.rules import Rules


@dataclass(frozen=True, slots=True)
class BoltzmannConfig(TrainingConfig):
    """Settings of `train_boltzmann` and `train_denoising`.

    rule, side : grid of side x side spins (hw_models.topologies.GRID_RULES), or their two "layers"
    steps : models in the chain, for train_denoising; noise : sum of g_t; ramp : g_(T-1) / g_0
    method : of train_boltzmann, as in RbmConfig; in a chain every model's samples start at the
        noisier bits, `sweeps` before they are used
    sweeps : between updates, and of every model when sampling a chain
    clamped_sweeps : of hidden spins given data
    penalty : start of lambda, the weight of the correlation penalty (0: without); it falls by the
        factor 1 - penalty_step while the autocorrelation at lag `sweeps` is below penalty_target,
        and grows by 1 + penalty_step while that rises
    centred : steps for spins less their running means with data held (Melchior, Fischer and Wiskott 2016,
        arXiv 1311.1354)
    learning_rate : of Adam, falls linearly to final_rate times itself
    batches : of an epoch, None: all of the data
    non_ideal, device_seed : imperfections of the device that is trained on, and which one it is
        (None: that of the seed)
    regime : "in-place", on that device, or "aware", on another one every batch
    """

    rule: str = "g12"
    side: int = 40
    steps: int = 4
    noise: float = 4.0
    ramp: float = 1.0
    method: str = "pcd"
    sweeps: int = 30
    clamped_sweeps: int = 10
    chains: int | None = None
    temperatures: int = 6
    penalty: float = 0.0
    penalty_target: float = 0.03
    penalty_step: float = 0.2
    penalty_floor: float = 1e-4
    epochs: int = 10
    batch: int = 64
    batches: int | None = None
    threshold: float | None = None
    centred: bool = False
    learning_rate: float = 0.01
    final_rate: float = 0.02
    beta1: float = 0.9
    beta2: float = 0.999
    init: float = 0.01
    non_ideal: Imperfections | None = None
    device_seed: int | None = None
    regime: str = IN_PLACE

    ERROR: ClassVar[type[ThermocError]] = EbmError

    def check(self, rules: Rules) -> None:
        rules.choice("method", METHODS)
        rules.device_seed()
        rules.choice("regime", (AWARE, IN_PLACE))
        rules.unpulsed(self.non_ideal)
        rules.whole("side", "steps", "sweeps", "clamped_sweeps")
        rules.whole("temperatures", least=2)
        rules.whole_or_none("chains", "batches")
        rules.positive("noise", "ramp", "learning_rate")
        rules.not_negative("penalty", "penalty_target", "penalty_floor", "init")
        rules.below_one("penalty_step", "beta1", "beta2")
        rules.share("final_rate")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            rules.fail("threshold", "above 0 and at most 1, or none")

    @property
    def on_device(self) -> int:
        """The device that is trained on."""
        return self.seed if self.device_seed is None else self.device_seed
