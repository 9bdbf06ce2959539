"""How a device's couplings differ from the ones that were asked for.

A device is drawn once from a seed and then stays as it is; the full device library (programming
noise, drift, converters) will join these draws here.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from hw_models.errors import HardwareError


@dataclass(frozen=True, slots=True)
class NonIdeal:
    """Imperfections of couplings and biases; the default is a perfect device.

    mismatch : relative standard deviation of every directed coupling, drawn independently:
        W_ij (1 + mismatch xi_ij)
    asymmetry : relative standard deviation of an antisymmetric part: W_ij (1 + a_ij) and
        W_ji (1 - a_ij), a_ij = asymmetry xi_ij; a coupling without a partner gets its own a_ij
    bits : resolution, uniform levels k max|W| / (2^(bits-1) - 1), k from -(2^(bits-1) - 1) to
        2^(bits-1) - 1; applied to what is written, before mismatch and asymmetry; None is exact
    bias_mismatch : relative standard deviation of every bias h

    All but bits are dimensionless. xi are independent standard normals.
    """

    mismatch: float = 0.0
    asymmetry: float = 0.0
    bits: int | None = None
    bias_mismatch: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mismatch", "asymmetry", "bias_mismatch"):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and math.isfinite(value) and value >= 0):
                raise HardwareError(
                    f"non-ideality {name} must be a relative spread >= 0, got {value!r}; 0.1 means 10 %"
                )
        if self.bits is not None and (not isinstance(self.bits, int) or not 2 <= self.bits <= 24):
            raise HardwareError(
                f"non-ideality bits must be a whole number from 2 to 24 or none, got {self.bits!r}"
            )

    @property
    def ideal(self) -> bool:
        return self == NonIdeal()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> NonIdeal:
        """The reverse of to_dict; HardwareError names a field that does not exist."""
        unknown = set(values) - {f.name for f in fields(NonIdeal)}
        if unknown:
            raise HardwareError(
                f"non-ideality {sorted(unknown)[0]!r} does not exist; choose from "
                f"{', '.join(f.name for f in fields(NonIdeal))}"
            )
        return NonIdeal(**values)


def quantise(weights: np.ndarray, bits: int | None) -> np.ndarray:
    """Weights rounded to the levels of `bits`, the largest |W| being the outermost level."""
    top = float(np.abs(weights).max(initial=0.0))
    if bits is None or top == 0:
        return weights
    step = top / (2 ** (bits - 1) - 1)
    return (np.round(weights / step) * step).astype(weights.dtype)


def perturb(
    weights: np.ndarray,
    rows: np.ndarray,
    cols: np.ndarray,
    non_ideal: NonIdeal,
    seed: int,
    array: np.ndarray | None = None,
) -> np.ndarray:
    """The couplings of one device.

    weights, rows, cols : (nnz,), coupling k drives cell rows[k] from cell cols[k]
    array : (nnz,) which physical array each coupling sits in; arrays are quantised apart, each to
        its own largest value. None: one array
    Returns (nnz,) of the same dtype. The draw is a function of (seed, the couplings) alone.
    Raises HardwareError for a negative seed or columns of different lengths.
    """
    _check_seed(seed)
    if not weights.shape == rows.shape == cols.shape or weights.ndim != 1:
        raise HardwareError(
            f"couplings: weights, rows and cols must be columns of one length, got shapes "
            f"{weights.shape}, {rows.shape} and {cols.shape}"
        )
    out = np.array(weights, dtype=np.float64)
    for part in [slice(None)] if array is None else [array == k for k in np.unique(array)]:
        out[part] = quantise(out[part], non_ideal.bits)
    if non_ideal.mismatch:
        rng = np.random.default_rng([seed, 0])
        out = out * (1.0 + non_ideal.mismatch * rng.standard_normal(out.size))
    if non_ideal.asymmetry:
        rng = np.random.default_rng([seed, 1])
        low, high = np.minimum(rows, cols), np.maximum(rows, cols)
        n = int(high.max(initial=0)) + 1
        # Both directions of a pair find the same draw and take it with opposite signs.
        _, pair = np.unique(low.astype(np.int64) * n + high, return_inverse=True)
        xi = rng.standard_normal(int(pair.max(initial=-1)) + 1)
        sign = np.where(rows > cols, 1.0, -1.0)
        out = out * (1.0 + non_ideal.asymmetry * sign * xi[pair])
    return out.astype(weights.dtype)


def perturb_bias(bias: np.ndarray, non_ideal: NonIdeal, seed: int) -> np.ndarray:
    """(n,) biases h of one device, of the same dtype; HardwareError for a negative seed."""
    _check_seed(seed)
    if not non_ideal.bias_mismatch:
        return bias
    rng = np.random.default_rng([seed, 2])
    factor = 1.0 + non_ideal.bias_mismatch * rng.standard_normal(bias.size)
    return (bias * factor).astype(bias.dtype)


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise HardwareError(f"device seed must be a whole number >= 0, got {seed}")
