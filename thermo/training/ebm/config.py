"""Settings of training restricted Boltzmann machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from compiler.errors import ThermocError
from hw_models.imperfect import Imperfections
from thermo.training.config import TrainingConfig
from thermo.training.ebm.errors import EbmError
from thermo.training.regimes import AWARE, IN_PLACE
from thermo.training.rules import Rules

METHODS = ("pcd", "cd", "tempered")


@dataclass(frozen=True, slots=True)
class RbmConfig(TrainingConfig):
    """Settings of `train_rbm`.

    method : "cd", k sweeps from the data (Hinton 2002); "pcd", chains that persist (Tieleman 2008);
        "tempered", persistent chains at `temperatures` values of beta from 0 (independent units
        with the data's means) to 1 that swap states (Desjardins et al. 2010)
    k : sweeps per update; chains : persistent chains (at beta = 1), None: as many as a batch
    threshold : data become bits by x >= threshold; None redraws each bit, every epoch, with its
        datum's probability
    learning_rate : falls linearly to final_rate times itself after `hold` of the training
    centred : subtract running means of the units in products (Melchior, Fischer and Wiskott 2016,
        arXiv 1311.1354); off gives the plain gradient
    weight_decay : of w, per unit of learning rate; momentum : of all updates
    init_w : standard deviation of w times sqrt of the number of units
    evaluate_every : epochs between likelihoods on the validation split (the last is always
        measured), by annealed importance sampling with evaluate_chains and evaluate_steps, or
        exactly where a layer has at most 16 units
    non_ideal, device_seed : imperfections of the device that is trained on, and which one it is
        (None: that of the seed)
    regime : "in-place", on that device, or "aware", on another one every batch
    """

    n_hidden: int = 500
    method: str = "pcd"
    k: int = 1
    chains: int | None = None
    temperatures: int = 10
    epochs: int = 50
    batch: int = 128
    threshold: float | None = None
    learning_rate: float = 0.05
    hold: float = 0.0
    final_rate: float = 0.0
    centred: bool = True
    centre_rate: float = 0.01
    weight_decay: float = 0.0
    momentum: float = 0.0
    init_w: float = 0.1
    evaluate_every: int = 10
    evaluate_chains: int = 128
    evaluate_steps: int = 1000
    non_ideal: Imperfections | None = None
    device_seed: int | None = None
    regime: str = IN_PLACE

    ERROR: ClassVar[type[ThermocError]] = EbmError

    def check(self, rules: Rules) -> None:
        rules.choice("method", METHODS)
        rules.device_seed()
        rules.choice("regime", (AWARE, IN_PLACE))
        rules.unpulsed(self.non_ideal)
        rules.whole("n_hidden", "k", "evaluate_every", "evaluate_steps")
        rules.whole("temperatures", "evaluate_chains", least=2)
        rules.whole_or_none("chains")
        if self.chains is not None and self.method == "cd":
            raise EbmError("training: chains belong to pcd and tempered; cd starts at the data")
        rules.positive("learning_rate")
        rules.not_negative("weight_decay", "init_w")
        rules.below_one("hold", "momentum")
        rules.share("final_rate", "centre_rate")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            rules.fail("threshold", "above 0 and at most 1, or none")

    @property
    def n_chains(self) -> int:
        return self.batch if self.chains is None else self.chains

    @property
    def on_device(self) -> int:
        """The device that is trained on."""
        return self.seed if self.device_seed is None else self.device_seed
