"""Values that lie in [0, 1], as every trainer takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CODES = 255  # of pictures of 8 bits
WIDTH = 3.0  # standard deviations of a column on each side of its mean that become [0, 1]


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """x -> (x - low) / width, kept in [0, 1] where `bounded`.

    low, width : (1,) or one a column, float64; told : in words; "" : values are as given
    """

    low: np.ndarray
    width: np.ndarray
    bounded: bool = False
    told: str = ""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(n, d) float32 of (n, d) numbers."""
        if not self.told:
            return np.ascontiguousarray(x, np.float32)
        if not self.bounded and not self.low.any():
            return x.astype(np.float32) / self.width.astype(np.float32)
        z = (x - self.low) / self.width
        return np.clip(z, 0.0, 1.0, out=z).astype(np.float32) if self.bounded else z.astype(np.float32)


AS_GIVEN = Scaling(np.zeros(1), np.ones(1))


def fitted(x: np.ndarray, pictures: bool) -> Scaling:
    """What brings rows like these into [0, 1]; nothing where they lie there.

    x : (n, d) training rows, finite. Pictures are divided by 255 (whole numbers of more than 7 bits),
    by their largest value, or moved, too, where there are negative ones: all values alike. Columns of
    tables are each taken at their own mean and 3 standard deviations on both sides of it.
    """
    low, high = float(x.min()), float(x.max())
    if low >= 0 and high <= 1:
        return AS_GIVEN
    one = np.ones(1)
    if not pictures:
        mean, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
        width = np.where(spread > 0, 2 * WIDTH * spread, 1.0)
        told = f"each column from its mean - {WIDTH:g} to its mean + {WIDTH:g} standard deviations to [0, 1]"
        return Scaling(mean - width / 2, width, True, told)
    if low >= 0:
        top = CODES if CODES // 2 < high <= CODES and not np.any(x % 1) else high
        return Scaling(0 * one, top * one, told=f"divided by {top:g}")
    return Scaling(low * one, (high - low) * one, told=f"from [{low:g}, {high:g}] to [0, 1]")
