"""What a training sees of the devices that it is for: none of them, another every batch, or the one."""

from __future__ import annotations

import numpy as np

from hw_models.imperfect import Imperfections
from hw_models.laws.law import Stage
from thermo.options import Option

CLEAN, AWARE, IN_PLACE = REGIMES = ("clean", "aware", "in-place")
"""Trained on a perfect machine and run on devices; on another device every batch; on one device."""

REGIME = Option(
    "regime",
    "--regime",
    str,
    None,
    "clean (train on a perfect machine, test on device --device-seed), aware (another device every batch) "
    "or in-place (on that device).",
)
AT = Option(
    "at",
    "--at",
    str,
    None,
    "Time since the device was programmed, as 25s, 10min, 1h, 1d, 1y (none: just then).",
)


def device_of_batch(seed: int, step: int) -> int:
    """Seed of the device that is drawn for one batch of a training."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0])


def reads_anew(law: Imperfections) -> bool:
    """Whether every read of one device is another draw."""
    return any(one.stage == Stage.READ for one in law.laws)
