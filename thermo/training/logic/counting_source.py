"""Bits of a counting encoder, made of stored training images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.encoders import CountingEncoder
from thermo.kernels.gates.counting import LANES, Counting, encode_frames
from thermo.simulate.gates.encoding import counting_columns, scratch
from thermo.training.errors import TrainingError


@dataclass(frozen=True, slots=True, eq=False)
class CountingSource:
    """Samples are kept as codes with all their bits, uint8; light changes the code that a value is read as.

    channel : (n_bits,) int32, what bits share and cost together, -1 of a bit that shares nothing
    columns, dtype : of the encoder, for its kernel
    """

    encoder: CountingEncoder
    channel: np.ndarray
    columns: Counting
    dtype: np.dtype

    @classmethod
    def of(cls, encoder: CountingEncoder, channel: np.ndarray) -> CountingSource:
        if encoder.top > 255:
            raise TrainingError(f"training: codes must fit 8 bits, got codes up to {encoder.top}")
        return cls(encoder, channel, *counting_columns(encoder))

    @property
    def n_bits(self) -> int:
        return self.encoder.n_bits

    @property
    def features(self) -> np.ndarray:
        return np.arange(self.encoder.n_features)

    @property
    def by_image(self) -> bool:
        return False

    def store(self, x: np.ndarray) -> np.ndarray:
        top = self.encoder.top
        return np.clip(np.rint(x.astype(np.float64) * top), 0, top).astype(np.uint8)

    def bounds(self, stored: np.ndarray) -> np.ndarray:
        """(256, n) int16: the code that each stored value is read as."""
        value = np.minimum(np.arange(256), self.encoder.top) >> self.encoder.dropped
        return np.repeat(value.astype(np.int16)[:, None], stored.shape[0], axis=1)

    def lit(self, bounds: np.ndarray, by: np.ndarray, gain: np.ndarray, out: np.ndarray) -> None:
        top = self.encoder.top
        value = np.arange(256, dtype=np.float32)[:, None]
        gain, by = (1 + gain).astype(np.float32), by.astype(np.float32)
        whole = np.rint((value - np.float32(top / 2)) * gain + np.float32(top) * (np.float32(0.5) + by))
        out[:] = np.clip(whole, 0, top).astype(np.int16) >> self.encoder.dropped

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
        cuts = np.linspace(0, -(-x.shape[1] // LANES), shares + 1).astype(int) * LANES
        if cuts[share] < cuts[share + 1]:
            encode_frames(
                frames,
                rows,
                moves,
                position,
                np.ascontiguousarray(bounds.T),
                self.columns,
                scratch(self.encoder, self.dtype),
                x,
                cuts[share],
                min(cuts[share + 1], x.shape[1]),
            )
