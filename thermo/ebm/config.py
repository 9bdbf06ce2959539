"""Settings of training restricted Boltzmann machines."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hw_models.nonideal import NonIdeal
from thermo.ebm.errors import EbmError

METHODS = ("pcd", "cd", "tempered")


@dataclass(frozen=True, slots=True)
class RbmConfig:
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
    non_ideal : imperfections of the device that is trained on, drawn once from the seed
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
    non_ideal: NonIdeal | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        def fail(name: str, rule: str) -> None:
            raise EbmError(f"training: {name} must be {rule}, got {getattr(self, name)!r}")

        if self.method not in METHODS:
            fail("method", f"one of {', '.join(METHODS)}")
        for name in ("n_hidden", "k", "epochs", "batch", "evaluate_every", "evaluate_steps"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                fail(name, "a whole number >= 1")
        for name in ("temperatures", "evaluate_chains"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 2:
                fail(name, "a whole number >= 2")
        if self.chains is not None and (not isinstance(self.chains, int) or self.chains < 1):
            fail("chains", "a whole number >= 1 or none")
        if self.chains is not None and self.method == "cd":
            raise EbmError("training: chains belong to pcd and tempered; cd starts at the data")
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**64:
            fail("seed", "a whole number from 0 to 2^64 - 1")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            fail("learning_rate", "a number > 0")
        for name in ("weight_decay", "init_w"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                fail(name, "a number >= 0")
        for name in ("hold", "momentum"):
            if not 0 <= getattr(self, name) < 1:
                fail(name, "at least 0 and below 1")
        for name in ("final_rate", "centre_rate"):
            if not 0 <= getattr(self, name) <= 1:
                fail(name, "between 0 and 1")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            fail("threshold", "above 0 and at most 1, or none")

    @property
    def n_chains(self) -> int:
        return self.batch if self.chains is None else self.chains
