"""GaussianModel: a linear machine (A, b), whose mean solves A x = b.

    dx = -(A x - b) dt + sqrt(2 kT) dW

For symmetric positive definite A its states are Gaussian with mean A^-1 b and covariance kT A^-1
(thermodynamic linear algebra, arXiv 2308.05660).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.families.registry import Family, common_fields
from compiler.html import fields_html
from compiler.ir.facts import Facts, freeze_meta
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, ReadOut, Role

if TYPE_CHECKING:
    from scipy import sparse


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
    meta: Mapping[str, Any] = field(default_factory=Facts)

    _repr_html_ = fields_html

    @property
    def n(self) -> int:
        return self.b.shape[0]

    @property
    def symmetric(self) -> bool:
        """Whether A equals its transpose, to rounding."""
        difference = self.A - self.A.T
        largest = float(np.abs(self.A.data).max(initial=0.0))
        return bool(np.abs(difference.data).max(initial=0.0) <= 1e-12 * largest)

    def __repr__(self) -> str:
        return f"GaussianModel({self.n:,} coordinates, {self.A.nnz:,} entries, kT {self.kT:g})"

    def __post_init__(self) -> None:
        freeze_meta(self)
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
    from scipy import sparse

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
        meta=dict(meta or {}),
    )


def parts(model: GaussianModel) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Facts and arrays of a model file."""
    arrays = {
        "A.indptr": model.A.indptr.astype(np.int64),
        "A.indices": model.A.indices.astype(np.int32),
        "A.values": model.A.data,
        "b": model.b,
    }
    if model.noise is not None:
        arrays["noise"] = model.noise
    return {"kT": float(model.kT)}, arrays


def build(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> GaussianModel:
    """The model; KeyError, TypeError or NetlistError for what is missing or does not fit."""
    from scipy import sparse

    n = arrays["b"].shape[0]
    csr = (arrays["A.values"], arrays["A.indices"], arrays["A.indptr"])
    return GaussianModel(
        A=sparse.csr_array(csr, shape=(n, n)),
        b=arrays["b"],
        kT=float(document["kT"]),
        noise=arrays.get("noise"),
        **common_fields(document),
    )


BURN_IN = 10.0  # relaxation times of the cell that relaxes slowest by itself
DURATION = 100.0
STIFFEST = 0.1  # dt times a bound of the largest rate


def lower_gaussian(
    model: GaussianModel,
    *,
    burn_in: float | None = None,
    duration: float | None = None,
    dt: float | None = None,
    kT: float | None = None,
) -> LangevinNetlist:
    """Cells with J2 = A_ii / 2 and h = b, `linear` couplings -A_ij; read as averages over time.

    burn_in, duration : of the two phases; by default 10 and 100 times 1 / min A_ii, which is too
        short where A is ill-conditioned: give several times 1 / the smallest eigenvalue
    dt : default 0.1 over the largest row sum of |A|, a bound of the fastest rate

    Raises UnsupportedError where a default needs A_ii > 0, NetlistError for a time that is not > 0.
    """
    from scipy import sparse

    n, a = model.n, model.A
    diagonal = a.diagonal()
    if burn_in is None or duration is None:
        if not (diagonal > 0).all():
            i = int(np.argmax(~(diagonal > 0)))
            raise UnsupportedError(
                f"A({i}, {i}) is {diagonal[i]:g}: that cell does not relax by itself, so no time "
                "is known to be long enough; give burn_in and duration"
            )
        slowest = 1.0 / float(diagonal.min())
        burn_in = BURN_IN * slowest if burn_in is None else burn_in
        duration = DURATION * slowest if duration is None else duration
    fastest = float(abs(a).sum(axis=1).max())
    if dt is None:
        dt = STIFFEST / fastest if fastest > 0 else STIFFEST
    for name, value in (("burn_in", burn_in), ("duration", duration), ("dt", dt)):
        if not (math.isfinite(value) and value > 0):
            raise NetlistError(f"Gaussian model: {name} must be a finite time > 0, got {value}")
    before, after = (max(1, math.ceil(t / dt)) * dt for t in (burn_in, duration))
    coo = sparse.coo_array(a)
    off = coo.row != coo.col
    couplings = Couplings.from_coo(CouplingKind.LINEAR, n, coo.row[off], coo.col[off], -coo.data[off])
    return LangevinNetlist(
        cells=Cells.make(n, j2=0.5 * diagonal, h=model.b, role=Role.OUTPUT),
        couplings=(couplings,) if len(couplings) else (),
        kT=model.kT if kT is None else float(kT),
        mobility=1.0,
        schedule=(Phase("burn-in", before), Phase("measure", after)),
        readout=ReadOut(
            np.arange(n, dtype=np.int32), "measure", window=after, decision="value", labels=model.labels
        ),
        noise=None if model.noise is None else np.array(model.noise, dtype=np.float64),
        dt=dt,
        meta={**model.meta, "source": "gaussian", "n": n},
    )


FAMILY = Family("gaussian", GaussianModel, "a Gaussian model", parts, build, lower_gaussian)
