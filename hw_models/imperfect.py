"""How a device's couplings differ from the ones that were asked for: one law, one draw for all.

A device is a law and a seed. What a coupling is off by is a function of (seed, driven cell, driving
cell), as noise is one of (seed, trajectory, step, cell): blocks of layers, rows of a sparse matrix,
p-bits and couplings that share a parameter find the same machine, in whatever order they ask. A cell
is known by its number in the netlist that it is lowered to, or by the number it keeps where a pass
renumbers cells (compiler.ir.langevin.Cells.identity).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from hw_models.errors import HardwareError
from hw_models.normals import make_key, standard_normals

_MISMATCH, _ASYMMETRY, _BIAS = range(3)  # streams


@dataclass(frozen=True, slots=True)
class Imperfections:
    """Imperfections of couplings and biases; the default is a perfect device.

    mismatch : relative standard deviation of every directed coupling, drawn independently:
        W_ij (1 + mismatch xi_ij); of a conductance, which is one element both ways, drawn once
    asymmetry : relative standard deviation of an antisymmetric part: W_ij (1 + a_ij) and
        W_ji (1 - a_ij), a_ij = asymmetry xi_ij; a coupling without a partner gets its own a_ij,
        and a conductance has none
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
        return self == Imperfections()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Imperfections:
        """The reverse of to_dict; HardwareError names a field that does not exist."""
        unknown = set(values) - {f.name for f in fields(Imperfections)}
        if unknown:
            raise HardwareError(
                f"non-ideality {sorted(unknown)[0]!r} does not exist; choose from "
                f"{', '.join(f.name for f in fields(Imperfections))}"
            )
        return Imperfections(**values)


def factors(law: Imperfections, seed: int, driven: Any, driving: Any, *, mutual: bool = False) -> np.ndarray:
    """float32 factors on the couplings of device `seed` from cells `driving` to cells `driven`.

    driven, driving : whole numbers >= 0 that broadcast; mutual : one element both ways, a conductance

    They are rounded to single precision once, so that a product with a single-precision weight is
    the same coupling in a float32 trainer and in a float64 simulation.
    Raises HardwareError for a negative seed.
    """
    _check_seed(seed)
    driven, driving = np.asarray(driven), np.asarray(driving)
    out = np.ones(np.broadcast_shapes(driven.shape, driving.shape))
    paired = law.asymmetry and not mutual
    if (mutual and law.mismatch) or paired:
        high, low = np.maximum(driven, driving), np.minimum(driven, driving)
    if law.mismatch:
        ends = (high, low) if mutual else (driven, driving)
        out *= 1.0 + law.mismatch * standard_normals(make_key(seed, _MISMATCH), *ends)
    if paired:
        # both directions of a pair find the same draw and take it with opposite signs
        xi = standard_normals(make_key(seed, _ASYMMETRY), high, low)
        out *= 1.0 + law.asymmetry * np.where(driven > driving, xi, -xi)
    return out.astype(np.float32)


def bias_factors(law: Imperfections, seed: int, cells: Any) -> np.ndarray:
    """float32 factors on the biases of these cells of device `seed`; HardwareError as `factors`."""
    _check_seed(seed)
    cells = np.asarray(cells)
    if not law.bias_mismatch:
        return np.ones(cells.shape, np.float32)
    xi = standard_normals(make_key(seed, _BIAS), cells, 0)
    return (1.0 + law.bias_mismatch * xi).astype(np.float32)


def quantise(weights: np.ndarray, bits: int | None, top: float | None = None) -> np.ndarray:
    """Weights rounded to the levels of `bits`, float64; without bits the weights themselves.

    top : size of the outermost level; None: of the largest |W|
    """
    if top is None:
        top = largest([weights])
    if bits is None or top == 0:
        return weights
    step = top / (2 ** (bits - 1) - 1)
    return np.asarray(np.round(weights.astype(np.float64) / step) * step)


def quantise_blocks(blocks: Sequence[np.ndarray], bits: int | None) -> list[np.ndarray]:
    """`quantise` of the blocks of one array of couplings: their range is that of the largest."""
    top = largest(blocks) if bits is not None else 0.0
    return [quantise(w, bits, top) for w in blocks]


def largest(blocks: Iterable[np.ndarray]) -> float:
    """Largest |W|, 0 if there are none."""
    return max((float(np.abs(w).max(initial=0.0)) for w in blocks), default=0.0)


def act(written: np.ndarray, factor: np.ndarray, dtype: Any) -> np.ndarray:
    """What drives: written couplings (of `quantise`) times `factors`, rounded once to `dtype`."""
    return np.asarray(np.multiply(written, factor).astype(dtype, copy=False))


def perturb(
    weights: np.ndarray,
    rows: np.ndarray,
    cols: np.ndarray,
    law: Imperfections,
    seed: int,
    array: np.ndarray | None = None,
    *,
    mutual: bool = False,
) -> np.ndarray:
    """The couplings of one device: `quantise`, then `act` with `factors`.

    weights, rows, cols : (nnz,), coupling k drives cell rows[k] from cell cols[k]
    array : (nnz,) which physical array each coupling sits in; arrays are quantised apart, each to
        its own largest value. None: one array
    mutual : both directions are one element, see `factors`
    Returns (nnz,) of the same dtype.
    Raises HardwareError for a negative seed or columns of different lengths.
    """
    if not weights.shape == rows.shape == cols.shape or weights.ndim != 1:
        raise HardwareError(
            f"couplings: weights, rows and cols must be columns of one length, got shapes "
            f"{weights.shape}, {rows.shape} and {cols.shape}"
        )
    written = weights
    if law.bits is not None:
        written = weights.astype(np.float64)
        for part in [slice(None)] if array is None else [array == k for k in np.unique(array)]:
            written[part] = quantise(weights[part], law.bits)
    return act(written, factors(law, seed, rows, cols, mutual=mutual), weights.dtype)


def perturb_bias(bias: np.ndarray, law: Imperfections, seed: int, cells: np.ndarray) -> np.ndarray:
    """(n,) biases h of these cells (n,) of one device, of the same dtype; see bias_factors."""
    factor = bias_factors(law, seed, cells)
    return bias * factor if law.bias_mismatch else bias


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise HardwareError(f"device seed must be a whole number >= 0, got {seed}")
