"""Settings of logic-gate training."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import ClassVar

import numpy as np

from compiler.ir.luts import WIDEST
from thermo.training.augmentation import Augmentation
from thermo.training.config import TrainingConfig
from thermo.training.errors import TrainingError
from thermo.training.rules import Rules, finite, whole

CHOICES = {
    "encoder": ("thermometer", "comparisons", "blocks", "counts", "mix", "patches"),
    "wiring": ("learnable", "fixed", "tree", "residual"),
    "forward": ("straight-through", "soft", "gumbel"),
    "parametrisation": ("table", "gates"),
    "estimator": ("identity", "reste"),
    "init": ("normal", "residual"),
    "encoding": ("absolute", "dataset-quantile", "image-quantile"),
    "schedule": ("cosine", "validation"),
}
PATIENCE = 5
MIN_RATE, MAX_RATE = 1e-30, 100.0
"""Of Adam, whose step is about the rate: above it one step takes a logit to where a sigmoid has no slope in
float32, below it squares and products of rates are 0 there.
"""
COUNTED = ("counts", "mix", "patches")
"""Encoders of which shared tables may be a part."""
READ_BY = {
    "pixel_bits": ("comparisons", "blocks", *COUNTED),
    "comparisons": ("comparisons", "blocks", "mix"),
    "stride": COUNTED,
    "keep": COUNTED,
}
"""Encoders that settings mean something for."""
HIGHER = ("tree", "residual")
"""Wirings that are about layers above the first."""


@dataclass(frozen=True, slots=True)
class LogicAugmentation:
    """What is done to the training images of an epoch.

    shift : largest translation in whole pixels, each axis; shift_share : share of the images moved
    flip : mirror left and right with probability 1/2
    warp : affine warps; elastic : root-mean-square displacement in pixels of a smooth random field
    warp_share : share of the images that an epoch warps, drawn anew; the others are as they are
    brightness, contrast : largest change of all values of an image, and of their distance from 1/2
        as a factor; drawn anew for each image and epoch
    """

    shift: int = 0
    shift_share: float = 0.5
    flip: bool = False
    warp: Augmentation = field(default_factory=Augmentation)
    elastic: float = 0.0
    warp_share: float = 0.3
    brightness: float = 0.0
    contrast: float = 0.0

    def __post_init__(self) -> None:
        rules = Rules(self, TrainingError, "augmentation")
        rules.whole("shift", least=0)
        rules.share("shift_share", "warp_share")
        rules.not_negative("elastic", "brightness")
        rules.below_one("contrast")

    @property
    def warps(self) -> bool:
        """Whether pixels are interpolated, and not only moved."""
        return self.warp_share > 0 and (self.warp.active or self.elastic > 0)

    @property
    def lights(self) -> bool:
        """Whether brightness or contrast change."""
        return self.brightness > 0 or self.contrast > 0

    @property
    def active(self) -> bool:
        moved = self.shift > 0 and self.shift_share > 0
        return self.flip or self.warps or self.lights or moved


@dataclass(frozen=True, slots=True)
class LogicConfig(TrainingConfig):
    """Settings of `train_logic`.

    Network
    layers : gates of each layer; the last is a multiple of the number of classes
    inputs : of a gate, 2 to 6; a gate of more than two is a table of 2^inputs entries, with straight-through
        training and any wiring but the fixed one
    wiring : "learnable" (k candidates an input, chosen by score), "fixed" (one, balanced fan-out), "tree" (of
        layers above the first: table t reads the tables inputs t, ..., inputs t + inputs - 1 of the layer
        below, which has `inputs` times as many; the first layer's is learnt; arXiv 2411.04732) or "residual"
        (learnable; candidates above the first layer are nets of the layer below and input bits)
    k : candidates of each input, or "all" nets of the layer below; 1 with fixed wiring
    parametrisation : "table" (4 logits, one an entry) or "gates" (16 logits, softmax)
    encoder : what makes the input bits of pictures: "thermometer" (values above thresholds), "comparisons"
        (of two pixels), "blocks" (of two sums of 2x2 or 4x4 pixels), "counts" (of local bits over windows,
        compared with thresholds), "mix" (blocks and counts) or "patches" (counts of shared tables alone); of
        colours, luminance and opponents are taken
    pixel_bits : upper bits of a pixel's eight that encoders other than thermometers read
    comparisons : how many random ones "comparisons", "blocks" and "mix" choose from
    offsets, coarse, cuts : neighbours that a local bit compares a pixel with, and a block of 2x2 pixels, and
        bounds of each difference
    patches : how many tables of patch_inputs inputs, shared by all places of a picture, are counted, too, by
        "counts" and "mix"; they read patches of patch_size x patch_size places of local bits, `stride` and
        at least two pixels apart. They are trained before the gates, for patch_epochs epochs (0: random
        ones), and fixed from there on
    keep : share of the kinds of local bits, and of shared tables, left after prune_rounds rounds, which close
        those that gates read least for their price in gates
    stride : pixels from one local bit to the next, along both axes
    encoding : thermometers' thresholds are "absolute" values, "dataset-quantile" levels turned into values
        once, or "image-quantile" levels within each sample
    thresholds : one tuple for all features; values or levels in (0, 1), rising
    drop : bits whose mean over the training split is outside [drop, 1 - drop] are left out

    Training
    forward : "straight-through" (bits forward, soft gradient), "soft" (expectations) or "gumbel"
        (noise on the logits of gates and wires, then straight-through; gumbel_noise is its size, 1
        for a draw from the softmax, and gumbel_temperature divides the sum), arXiv 2506.07500
    estimator : derivative of a straight-through threshold: "identity" (of the sigmoid) or "reste"
        (power function of order reste_power, arXiv 2308.06689)
    tau : class sums are divided by it; a number, "adaptive" (running standard deviation of the
        sums / (4 tau_target)) or "width" (sqrt(gates a class / (4 tau_target))), arXiv 2511.12340
    init : table logits normal(0, init_scale), or "residual": +- residual so that the gate is input
        a; wire scores are normal(0, init_wire), one candidate of each wire init_peak higher
    refresh : each epoch from the second until refresh_until of training, this many of the worst
        candidates of each wire become new ones at (largest score - refresh_gap): random ones, or
        those of refresh_pool random ones (32 gates share them) of the lowest derivative over
        refresh_samples samples
    learning_rate : Adam, cosine to final_rate * learning_rate after warmup_steps of rise; wire
        scores take rate_wire times it
    schedule : "cosine", or "validation": the rate falls where `patience` validations in a row brought no
        better network (thermo.training.logic.schedule)
    freeze : layer i of L learns for this share of the epochs and i / (L - 1) of the rest, and is fixed from
        there on: its cosine ends and its candidates are refreshed within its own epochs. 1: all learn to the
        end. FreezeOut, arXiv 1706.04983
    decay : weight decay of the table or gate logits, per step and unit of learning rate
    smoothing : of labels; teacher_share : of a teacher's probabilities in the targets, where there is one
        (train_logic's `teacher`), the rest are the smoothed labels
    dropout : share of gates silenced in each step
    evaluate_every : epochs between validations; the last tenth is always validated
    """

    layers: tuple[int, ...] = (8000,)
    inputs: int = 2
    wiring: str = "learnable"
    k: int | str = 16
    parametrisation: str = "table"
    encoder: str = "thermometer"
    pixel_bits: int = 8
    comparisons: int = 16000
    offsets: int = 6
    coarse: int = 6
    cuts: int = 4
    stride: int = 1
    patches: int = 0
    patch_size: int = 3
    patch_inputs: int = 4
    patch_epochs: int = 6
    keep: float = 1.0
    prune_rounds: int = 3
    encoding: str = "absolute"
    thresholds: tuple[float, ...] = (0.5,)
    drop: float = 0.002
    forward: str = "straight-through"
    estimator: str = "identity"
    reste_power: float = 3.0
    gumbel_temperature: float = 1.0
    gumbel_noise: float = 1.0
    tau: float | str = 7.0
    tau_target: float = 1.5
    init: str = "normal"
    init_scale: float = 0.1
    init_wire: float = 0.1
    init_peak: float = 0.0
    residual: float = 2.0
    refresh: int = 0
    refresh_until: float = 0.6
    refresh_gap: float = 2.0
    refresh_pool: int = 0
    refresh_samples: int = 1024
    augmentation: LogicAugmentation = field(default_factory=LogicAugmentation)
    epochs: int = 40
    batch: int = 256
    learning_rate: float = 0.05
    schedule: str = "cosine"
    patience: int = PATIENCE
    final_rate: float = 0.0
    warmup_steps: int = 0
    rate_wire: float = 1.0
    freeze: float = 1.0
    decay: float = 0.0
    smoothing: float = 0.0
    teacher_share: float = 0.5
    dropout: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    evaluate_every: int = 1

    SEED_BITS: ClassVar[int] = 63

    @property
    def n_gates(self) -> int:
        return sum(self.layers)

    @property
    def spans(self) -> tuple[int, ...]:
        """Epochs that each layer learns, see `freeze`."""
        n, rest = len(self.layers), 1 - self.freeze
        shares = [self.freeze + rest * i / max(n - 1, 1) for i in range(n - 1)]
        return (*(max(round(self.epochs * share), 1) for share in shares), self.epochs)

    def check(self, rules: Rules) -> None:
        for name, choices in CHOICES.items():
            rules.choice(name, choices)
        listed = isinstance(self.layers, tuple | list) and len(self.layers) > 0
        if not listed or any(not whole(width) for width in self.layers):
            rules.fail("layers", "at least one width, each a whole number >= 1")
        if not isinstance(self.augmentation, LogicAugmentation):
            rules.fail("augmentation", "a LogicAugmentation; LogicAugmentation() changes nothing")
        if not (whole(self.inputs) and 2 <= self.inputs <= WIDEST):
            rules.fail("inputs", f"a whole number from 2 to {WIDEST}")
        if not (finite(self.freeze) and 0 < self.freeze <= 1):
            rules.fail("freeze", "above 0 and at most 1")
        self._check_higher(rules)
        if self.inputs > 2 or self.wiring in HIGHER or self.freeze < 1:
            self._check_tables(rules)
        if self.k != "all" and not whole(self.k):
            rules.fail("k", 'a whole number >= 1 or "all"')
        if self.wiring == "fixed" and self.k != 1:
            rules.fail("k", "1 with fixed wiring, which has nothing to choose from")
        if self.estimator == "reste" and (self.forward == "soft" or self.parametrisation == "gates"):
            rules.fail(
                "estimator",
                'identity where nothing is thresholded: forward "soft", or parametrisation "gates"',
            )
        levels = self.thresholds
        if not levels or not np.isfinite(levels).all() or np.any(np.diff(levels) <= 0):
            rules.fail("thresholds", "at least one finite number, rising")
        if self.encoding != "absolute" and not (levels[0] > 0 and levels[-1] < 1):
            rules.fail("thresholds", f"levels between 0 and 1 with encoding {self.encoding}")
        if self.augmentation.lights and self.encoding == "image-quantile":
            rules.fail("encoding", "another than image-quantile, on which light has no effect")
        rules.whole(
            "evaluate_every", "refresh_samples", "pixel_bits", "comparisons", "stride", "cuts", "prune_rounds"
        )
        for name, most in (("pixel_bits", 8), ("cuts", 4), ("stride", 4)):
            if getattr(self, name) > most:
                rules.fail(name, f"at most {most}")
        rules.whole("patience")
        if self.schedule == "cosine" and self.patience != PATIENCE:
            rules.fail(
                "schedule", f'"validation" with a patience of {self.patience}; a cosine waits for nothing'
            )
        rules.whole("refresh", "refresh_pool", "warmup_steps", "offsets", "coarse", least=0)
        self._check_patches(rules)
        self._check_read(rules)
        if self.refresh and (self.k == "all" or self.refresh >= int(self.k)):
            rules.fail("refresh", f"below the number of candidates, k = {self.k}")
        named = self.tau in ("adaptive", "width")
        if not named and not (finite(self.tau) and float(self.tau) > 0):
            rules.fail("tau", 'a number > 0, "adaptive" or "width"')
        rules.positive("tau_target", "learning_rate", "epsilon", "reste_power", "gumbel_temperature")
        rules.not_negative("gumbel_noise", "init_scale", "init_wire", "init_peak", "residual")
        rules.not_negative("refresh_gap", "rate_wire", "decay")
        if not MIN_RATE <= self.learning_rate <= MAX_RATE:
            rules.fail("learning_rate", f"from {MIN_RATE:g} to {MAX_RATE:g}, as float32 weights can follow")
        if self.rate_wire * self.learning_rate > MAX_RATE:
            limit = MAX_RATE / self.learning_rate
            rules.fail("rate_wire", f"at most {limit:g} with a learning_rate of {self.learning_rate:g}")
        rules.below_one("beta1", "beta2", "smoothing", "dropout")
        if not (finite(self.drop) and 0 <= self.drop < 0.5):
            rules.fail("drop", "at least 0 and below 0.5")
        rules.share("final_rate", "refresh_until", "keep")
        if not (finite(self.teacher_share) and 0 < self.teacher_share <= 1):
            rules.fail("teacher_share", "above 0 and at most 1")

    def _check_patches(self, rules: Rules) -> None:
        rules.whole("patches", "patch_epochs", least=0)
        rules.whole("patch_size")
        if not (whole(self.patch_inputs) and 2 <= self.patch_inputs <= WIDEST):
            rules.fail("patch_inputs", f"a whole number from 2 to {WIDEST}")
        if self.encoder == "patches" and not self.patches:
            rules.fail("patches", "at least 1 with encoder patches, which offers their counts alone")
        if self.patches and self.encoder not in COUNTED:
            rules.fail("patches", f"0 with encoder {self.encoder}; take encoder {' or '.join(COUNTED)}")

    def _check_read(self, rules: Rules) -> None:
        """Settings that nothing reads are as they are by default."""
        default = {field.name: field.default for field in fields(self)}
        for name, encoders in READ_BY.items():
            if self.encoder not in encoders and getattr(self, name) != default[name]:
                several = f"{', '.join(encoders[:-1])} or {encoders[-1]}"
                rules.fail(
                    name,
                    f"left at {default[name]} with encoder {self.encoder}, which ignores it, or take encoder "
                    + several,
                )
        for name in ("patch_size", "patch_inputs", "patch_epochs"):
            if not self.patches and getattr(self, name) != default[name]:
                rules.fail(name, f"left at {default[name]} without shared tables; or set patches to how many")

    def _check_higher(self, rules: Rules) -> None:
        """What needs layers above the first, and the widths of trees."""
        if len(self.layers) == 1 and self.wiring in HIGHER:
            rules.fail("layers", f"at least two widths with wiring {self.wiring}")
        if len(self.layers) == 1 and self.freeze < 1:
            rules.fail("freeze", "1 with one layer, which learns to the end; set layers to several widths")
        if self.wiring == "residual" and self.keep < 1:
            rules.fail("keep", "1 with wiring residual, whose higher layers read input bits, too")
        if self.wiring != "tree":
            return
        if any(wide != self.inputs * narrow for wide, narrow in pairwise(self.layers)):
            n, last = len(self.layers), self.layers[-1]
            fitting = ",".join(str(last * self.inputs**i) for i in reversed(range(n)))
            rules.fail(
                "layers",
                f"each {self.inputs} times as wide as the next with wiring tree and {self.inputs} inputs, "
                f"as {fitting} are",
            )

    def _check_tables(self, rules: Rules) -> None:
        """What only the training of tables can do, and what it cannot."""
        if self.inputs > 2:
            why = f"{self.inputs} inputs a table; others take gates of two inputs"
        elif self.wiring in HIGHER:
            why = f"wiring {self.wiring}; others take wiring learnable or fixed"
        else:
            why = f"freeze {self.freeze:g}; others take freeze 1"
        only = {
            "forward": "straight-through",
            "parametrisation": "table",
            "estimator": "identity",
            "dropout": 0,
            "init_peak": 0,
        }
        for name, value in only.items():
            if getattr(self, name) != value:
                rules.fail(name, f"{value} with {why}")
        if self.wiring == "fixed":
            rules.fail("wiring", f"tree, residual or learnable with {why}")
