"""Bits of pictures that a training may choose from: comparisons of pixels, of blocks, window counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.circuits.encoder_builder import EncoderBuilder
from compiler.ir.encoders import CountingEncoder
from thermo.data import Dataset
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.local_bits import LocalBits, Plane, blocks, local_kinds, planes_of
from thermo.training.logic.patches import Bank, Patches, applied
from thermo.training.logic.windows import count_windows

SEEN = 1024
"""Training samples that bounds are found on, as quantiles."""
FAR = 4
"""Pixels, or blocks, that compared ones are apart at most along each axis."""
_DRAW = 30
"""Tag of a generator."""


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """encoder : of all bits; channel : (n_bits,) int32, the kind of local bit or the shared table that a
    count counts, -1 of other bits
    """

    encoder: CountingEncoder
    channel: np.ndarray


def offered_bits(dataset: Dataset, config: LogicConfig, bank: Bank | None = None) -> Offered:
    """The bits of config.encoder, and counts of the bank's tables.

    Raises TrainingError for data that are no pictures of values from 0 to 1.
    """
    builder, planes = _begun(dataset, config)
    rng = np.random.default_rng([config.seed, _DRAW])
    channel: list[int] = []
    kinds = ("blocks", "counts") if config.encoder == "mix" else (config.encoder,)
    for kind in kinds:
        if kind == "comparisons":
            _compared(builder, planes, config.comparisons, rng)
        elif kind == "blocks":
            several = [blocks(builder, plane, size) for plane in planes for size in (2, 4)]
            _compared(builder, several, config.comparisons, rng)
        else:
            channel += [-1] * (builder.n_bits - len(channel))
            channel += _counted(builder, planes, config, bank)
    channel += [-1] * (builder.n_bits - len(channel))
    return Offered(builder.build(), np.array(channel, dtype=np.int32))


def patches_of(dataset: Dataset, config: LogicConfig) -> Patches:
    """What shared tables may read of the data set's pictures."""
    builder, planes = _begun(dataset, config)
    return Patches.of(builder, local_kinds(builder, planes, config), config)


def _begun(dataset: Dataset, config: LogicConfig) -> tuple[EncoderBuilder, list[Plane]]:
    x = dataset.x_train
    if len(dataset.image_shape) not in (2, 3) or x.min() < 0 or x.max() > 1:
        raise TrainingError(
            f"data set {dataset.name}: encoder {config.encoder} compares pixels of pictures with values from "
            "0 to 1; take encoder thermometer"
        )
    shape = (*dataset.image_shape, 1)[:3]
    builder = EncoderBuilder(dataset.n_features, 255, 8 - config.pixel_bits)
    return builder, planes_of(builder, x[:: max(x.shape[0] // SEEN, 1)], shape)


def _compared(builder: EncoderBuilder, planes: list[Plane], n: int, rng: np.random.Generator) -> None:
    """n random comparisons: of two places of a plane, or of one with a constant, at a random quantile."""
    for _ in range(n):
        plane = planes[rng.integers(len(planes))]
        height, width = plane.number.shape
        y, x = int(rng.integers(height)), int(rng.integers(width))
        v = int(np.clip(y + rng.integers(-FAR, FAR + 1), 0, height - 1))
        u = int(np.clip(x + rng.integers(-FAR, FAR + 1), 0, width - 1))
        number, value = int(plane.number[y, x]), plane.value[:, y, x]
        if (y, x) != (v, u):
            number = builder.sum({number: 1, int(plane.number[v, u]): -1})
            value = value - plane.value[:, v, u]
        bound = int(np.floor(np.quantile(value, rng.uniform(0.1, 0.9))))
        builder.bit(builder.above(number, bound))


def _counted(
    builder: EncoderBuilder, planes: list[Plane], config: LogicConfig, bank: Bank | None
) -> list[int]:
    """Local bits, unless tables alone are wanted, and applied tables counted over windows; each bit's
    channel, one a kind of local bit and one a table.
    """
    kinds = local_kinds(builder, planes, config)
    counted: list[LocalBits | None] = [] if config.encoder == "patches" else [*kinds]
    if bank is not None:
        counted += applied(builder, kinds, bank, config)
    channel: list[int] = []
    for number, local in enumerate(counted):
        channel += [number] * (0 if local is None else count_windows(builder, local))
    return channel
