"""Tables shared by all places of a picture: what they may read, and where they are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.circuits.encoder_builder import EncoderBuilder
from compiler.ir.encoders import CountingEncoder
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig
from thermo.training.logic.local_bits import LocalBits, slow


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """Tables on a patch. entries : (n, 2^inputs) bool; taps : (n, inputs, 3) int, the kind of local bit, row
    and column in the patch that each input reads, bit j of an entry's number being input j
    """

    entries: np.ndarray
    taps: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Patches:
    """Local bits on a coarse grid, of which patches of `size` x `size` places are cut.

    encoder : of all of them, kind by kind, row by row; shape : (kinds, height, width)
    """

    encoder: CountingEncoder
    shape: tuple[int, int, int]
    size: int

    @classmethod
    def of(cls, builder: EncoderBuilder, kinds: Sequence[LocalBits | None], config: LogicConfig) -> Patches:
        """TrainingError for pictures smaller than a patch."""
        things = _coarse(builder, kinds, config)
        if min(things.shape[1:]) < config.patch_size:
            raise TrainingError(
                f"training: patch_size must be at most {min(things.shape[1:])}, the places of local bits "
                f"along the pictures' shorter side, got {config.patch_size}"
            )
        for thing in things.reshape(-1).tolist():
            builder.bit(thing)
        return cls(builder.build(), things.shape, config.patch_size)

    @property
    def places(self) -> tuple[int, int]:
        """Rows and columns of places at which a patch fits."""
        return self.shape[1] - self.size + 1, self.shape[2] - self.size + 1

    @property
    def n_taps(self) -> int:
        """Bits of a patch; tap (c size + i) size + j is kind c in row i, column j of it."""
        return self.shape[0] * self.size**2


def applied(
    builder: EncoderBuilder, kinds: Sequence[LocalBits | None], bank: Bank, config: LogicConfig
) -> list[LocalBits]:
    """The bank's tables at every place at which a patch fits, as local bits of its middle; not where a table
    reads nothing but what lies beyond the border.
    """
    never = _never(builder)
    things, step, size = _coarse(builder, kinds, config), slow(config), config.patch_size
    height, width = things.shape[1:]
    ones = [kind.ones[:, ::step, ::step][:, :height, :width] for kind in kinds if kind is not None]
    rows, columns = height - size + 1, width - size + 1
    full = max((kind for kind in kinds if kind is not None), key=lambda kind: kind.thing.size)
    middle = slice(step * (size // 2), None, step)
    found = []
    powers = 1 << np.arange(bank.entries.shape[1], dtype=object)
    for entries, taps in zip(bank.entries, bank.taps.tolist(), strict=True):
        table = builder.shared(int((entries * powers).sum()))
        parts = [np.s_[..., i : i + rows, j : j + columns] for _, i, j in taps]
        read = np.stack([things[c][part] for (c, _, _), part in zip(taps, parts, strict=True)], axis=-1)
        address = sum(
            ones[c][part].astype(np.uint8) << n
            for n, ((c, _, _), part) in enumerate(zip(taps, parts, strict=True))
        )
        there = (read != never).any(axis=-1)
        number = np.full((rows, columns), -1, dtype=np.int64)
        number[there] = [builder.apply(table, row) for row in read[there].tolist()]
        thing = np.full(full.thing.shape, -1, dtype=np.int64)
        thing[middle, middle][:rows, :columns] = number
        shown = np.zeros(full.ones.shape, dtype=bool)
        shown[:, middle, middle][:, :rows, :columns] = entries[address] & there
        found.append(LocalBits(thing, shown))
    return found


def _coarse(builder: EncoderBuilder, kinds: Sequence[LocalBits | None], config: LogicConfig) -> np.ndarray:
    """(kinds, height, width) things at every `slow` th place; one that is never 1 beyond the border."""
    step = slow(config)
    every = [kind.thing[::step, ::step] for kind in kinds if kind is not None]
    height, width = (min(sizes) for sizes in zip(*(thing.shape for thing in every), strict=True))
    things = np.stack([thing[:height, :width] for thing in every])
    return np.where(things < 0, _never(builder), things)


def _never(builder: EncoderBuilder) -> int:
    """A comparison that is always 0."""
    return builder.above(0, builder.top)
