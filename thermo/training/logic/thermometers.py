"""Thermometer bits of a data set: which there are, and how they are made of stored training images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.encoders import Thermometer
from thermo.data import Dataset
from thermo.kernels.logic.images import encode, order_statistics
from thermo.training.errors import TrainingError
from thermo.training.logic.config import LogicConfig

CODES = np.arange(256, dtype=np.float32) / np.float32(255)
"""The values of 8-bit images."""


@dataclass(frozen=True, slots=True, eq=False)
class ThermometerSource:
    """Bits that are thresholds.

    encoder : for the netlist
    values : float32 value of each stored code where samples are stored as uint8; None: float32
    limits : (n_levels,) float64 thresholds or quantile levels, `level` says which one a bit has
    """

    encoder: Thermometer
    limits: np.ndarray
    level: np.ndarray
    values: np.ndarray | None

    @property
    def n_bits(self) -> int:
        return self.encoder.n_bits

    @property
    def features(self) -> np.ndarray:
        return self.encoder.feature.astype(np.int64)

    @property
    def by_image(self) -> bool:
        return self.encoder.scope == "image"

    def store(self, x: np.ndarray) -> np.ndarray:
        """Samples (n, d) float32 as they are kept: uint8 codes or the values themselves."""
        if self.values is None:
            return np.ascontiguousarray(x, dtype=np.float32)
        return np.round(x * np.float32(255)).astype(np.uint8)

    def bounds(self, stored: np.ndarray) -> np.ndarray:
        """(n_levels, n) of the stored type: bit = stored value > bound."""
        if self.encoder.scope == "image":
            limits = self._quantiles(stored)
        else:
            limits = np.broadcast_to(self.limits[:, None], (self.limits.size, stored.shape[0]))
        if self.values is None:
            below = limits.astype(np.float32)
            return np.where(below > limits, np.nextafter(below, np.float32(-np.inf)), below)
        codes = np.searchsorted(self.values.astype(np.float64), limits, side="right") - 1
        return np.maximum(codes, 0).astype(np.uint8)

    def lit(self, bounds: np.ndarray, by: np.ndarray, gain: np.ndarray, out: np.ndarray) -> None:
        top = 1.0 if self.values is None else 255.0
        moved = (bounds - top * (0.5 + by)) / (1 + gain) + 0.5 * top
        out[:] = moved if self.values is None else np.clip(np.round(moved), 0, top)

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
        first, last = (self.n_bits * n // shares for n in (share, share + 1))
        encode(frames, rows, moves, position, bounds, self.level, x, first, last)

    def _quantiles(self, stored: np.ndarray) -> np.ndarray:
        """np.quantile of every sample at `limits`, (n_levels, n) float64."""
        if self.values is None:
            return np.quantile(stored.astype(np.float64), self.limits, axis=1)
        place = self.limits * (stored.shape[1] - 1)
        below = np.floor(place)
        ranks = np.stack([below, np.minimum(below + 1, stored.shape[1] - 1)]).astype(np.int64)
        codes = np.empty((2, self.limits.size, stored.shape[0]), np.uint8)
        flat = codes.reshape(-1, stored.shape[0])
        order_statistics(np.ascontiguousarray(stored), ranks.reshape(-1), flat)
        low, high = self.values[codes].astype(np.float64)
        part, gap = (place - below)[:, None], high - low
        # as numpy interpolates, to the last bit
        return np.where(part >= 0.5, high - gap * (1 - part), low + gap * part)


def thermometer_source(dataset: Dataset, config: LogicConfig) -> ThermometerSource:
    """The thresholds that `config` asks for and that are not nearly constant over the training split.

    Raises TrainingError if none is left.
    """
    x = dataset.x_train
    codes = np.round(np.clip(x, 0, 1) * np.float32(255)).astype(np.uint8)
    values = CODES if np.array_equal(CODES[codes], x) else None
    n = dataset.n_features
    levels = np.asarray(config.thresholds, dtype=np.float64)
    image = config.encoding == "image-quantile"
    feature = np.repeat(np.arange(n), levels.size)
    if config.encoding == "dataset-quantile":
        threshold = np.quantile(x.astype(np.float64), levels, axis=0).T.reshape(-1)
    else:
        threshold = np.tile(levels, n)
    pairs = np.unique(np.stack([feature, threshold], axis=1), axis=0)
    features, bounds = pairs[:, 0].astype(np.int32), pairs[:, 1].copy()
    share = _shares(x, features, bounds, image)
    kept = (share >= config.drop) & (share <= 1 - config.drop) & (share > 0) & (share < 1)
    if not kept.any():
        raise TrainingError(
            f"data set {dataset.name}: no bit of its {n} features at thresholds "
            f"{', '.join(f'{v:g}' for v in levels)} varies over the training split; choose others"
        )
    limits, level = np.unique(bounds[kept], return_inverse=True)
    scope = "image" if image else "absolute"
    return ThermometerSource(
        Thermometer(n, features[kept], bounds[kept], scope), limits, level.astype(np.int64), values
    )


def _shares(
    x: np.ndarray, feature: np.ndarray, threshold: np.ndarray, image: bool, chunk: int = 2000
) -> np.ndarray:
    """Share of ones of every bit."""
    ones = np.zeros(feature.size)
    levels, which = np.unique(threshold, return_inverse=True)
    for start in range(0, x.shape[0], chunk):
        part = x[start : start + chunk].astype(np.float64)
        if image:
            limits = np.quantile(part, levels, axis=1)
            for k in range(levels.size):
                bits = (part > limits[k][:, None]).sum(axis=0)
                ones[which == k] += bits[feature[which == k]]
        else:
            ones += (part[:, feature] > threshold).sum(axis=0)
    return ones / x.shape[0]
