"""What a trainer asks of whatever makes the input bits."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from compiler.ir.encoders import Encoder


class BitSource(Protocol):
    """How bits are made of stored samples, bit for bit as the netlist's encoder makes them.

    encoder : for the netlist; features : (n,) int64, of which positions in frames are wanted
    by_image : whether `bounds` belong to an image's content
    """

    @property
    def encoder(self) -> Encoder: ...
    @property
    def n_bits(self) -> int: ...
    @property
    def features(self) -> np.ndarray: ...
    @property
    def by_image(self) -> bool: ...

    def store(self, x: np.ndarray) -> np.ndarray:
        """Samples (n, d) float32 as they are kept."""

    def bounds(self, stored: np.ndarray) -> np.ndarray:
        """(m, n): m numbers of each stored sample (n, d) by which its values become bits."""

    def lit(self, bounds: np.ndarray, by: np.ndarray, gain: np.ndarray, out: np.ndarray) -> None:
        """Into out: the bounds (m, n) by which sample s, of values v, shows the bits of
        (v - 1/2) (1 + gain[s]) + 1/2 + by[s].
        """

    def fill(
        self,
        frames: np.ndarray,
        rows: np.ndarray,
        moves: np.ndarray,
        position: np.ndarray,
        bounds: np.ndarray,
        x: np.ndarray,
        share: int,
        shares: int,
    ) -> None:
        """A thread's share of the bits of samples into x, see TrainingImages.fill.

        frames : stored samples in frames, of which `rows` are meant, moved by `moves`
        position : of every one of `features` in a frame; bounds : (m, rows.size)
        """
