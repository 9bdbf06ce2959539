"""GaussianModel: a linear machine (A, b), whose mean solves A x = b.

    dx = -(A x - b) dt + sqrt(2 kT) dW

For symmetric positive definite A its states are Gaussian with mean A^-1 b and covariance kT A^-1
(thermodynamic linear algebra, arXiv 2308.05660).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import sparse

from compiler.errors import NetlistError


@dataclass(frozen=True, slots=True, eq=False)
class GaussianModel:
    """A : (n, n) SciPy CSR array, float64; b : (n,) float64; kT >= 0

    noise : (n, n) float64 covariance D, symmetric positive semi-definite, or None: the noise of a
        step then has the covariance 2 kT D dt instead of 2 kT dt
    labels : names of the coordinates, or empty

    A need not be symmetric, nor regular: the machine exists without, only its mean may not. Build
    it with `gaussian(A, b)`. Raises NetlistError naming the entry that breaks a rule.
    """

    A: sparse.csr_array
    b: np.ndarray
    kT: float = 1.0
    noise: np.ndarray | None = None
    labels: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def n(self) -> int:
        return self.b.shape[0]

    @property
    def symmetric(self) -> bool:
        """Whether A equals its transpose, to rounding."""
        difference = self.A - self.A.T
        largest = float(np.abs(self.A.data).max(initial=0.0))
        return bool(np.abs(difference.data).max(initial=0.0) <= 1e-12 * largest)

    def __post_init__(self) -> None:
        if self.b.ndim != 1 or self.b.shape[0] == 0:
            raise NetlistError(f"Gaussian model: b has shape {self.b.shape}; it must be (n,) with n >= 1")
        n = self.b.shape[0]
        if self.A.shape != (n, n):
            raise NetlistError(
                f"Gaussian model: A has shape {self.A.shape}; with {n} values of b it must be ({n}, {n})"
            )
        if not np.isfinite(self.A.data).all():
            k = int(np.argmax(~np.isfinite(self.A.data)))
            i = int(np.searchsorted(self.A.indptr, k, side="right")) - 1
            raise NetlistError(
                f"Gaussian model: A({i}, {self.A.indices[k]}) is {self.A.data[k]}; it must be finite"
            )
        if not np.isfinite(self.b).all():
            i = int(np.argmax(~np.isfinite(self.b)))
            raise NetlistError(f"Gaussian model: b({i}) is {self.b[i]}; it must be finite")
        if not (np.isfinite(self.kT) and self.kT >= 0):
            raise NetlistError(f"Gaussian model: kT must be a finite number >= 0, got {self.kT}")
        if self.noise is not None and self.noise.shape != (n, n):
            raise NetlistError(f"Gaussian model: noise has shape {self.noise.shape}; it must be ({n}, {n})")
        if self.labels and len(self.labels) != n:
            raise NetlistError(
                f"Gaussian model: {len(self.labels)} labels for {n} coordinates; give one each"
            )


def gaussian(
    A: Any,
    b: Any = 0.0,
    *,
    kT: float = 1.0,
    noise: Any = None,
    labels: tuple[str, ...] = (),
    meta: Mapping[str, Any] | None = None,
) -> GaussianModel:
    """The model of any array or SciPy sparse matrix A (n, n) and b, a number or (n,)."""
    if not sparse.issparse(A):
        A = np.asarray(A, dtype=np.float64)
        if A.ndim != 2:
            raise NetlistError(f"Gaussian model: A has shape {A.shape}; it must be (n, n)")
    matrix = sparse.csr_array(A, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    values = np.asarray(b, dtype=np.float64)
    if values.ndim == 0:
        values = np.full(matrix.shape[0], float(values))
    return GaussianModel(
        A=matrix,
        b=values,
        kT=float(kT),
        noise=None if noise is None else np.asarray(noise, dtype=np.float64),
        labels=tuple(labels),
        meta=MappingProxyType(dict(meta or {})),
    )
