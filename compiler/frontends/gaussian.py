"""A linear system (A, b) as relaxing cells, and the .npz files that hold one."""

from __future__ import annotations

import math
import os
from types import MappingProxyType

import numpy as np
from scipy import sparse

from compiler.errors import FormatError, NetlistError, UnsupportedError
from compiler.families.gaussian import GaussianModel, gaussian
from compiler.formats.networks.state import npz_names, read_npz
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, ReadOut, Role

BURN_IN = 10.0  # relaxation times of the cell that relaxes slowest by itself
DURATION = 100.0
STIFFEST = 0.1  # dt times a bound of the largest rate

OURS = frozenset({"A.npy", "b.npy"})
SPARSE = frozenset({"format.npy", "shape.npy", "data.npy"})


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
        meta=MappingProxyType({**model.meta, "source": "gaussian", "n": n}),
    )


def is_gaussian_npz(path: str | os.PathLike) -> bool:
    """Whether the file is an .npz with A and b, or a sparse matrix as SciPy saves it."""
    names = npz_names(path) or frozenset()
    return names >= OURS or names >= SPARSE


def read_gaussian(path: str | os.PathLike) -> GaussianModel:
    """A model from .npz: arrays A (n, n), b (n,) and, if wanted, kT and noise (n, n); or a matrix
    of scipy.sparse.save_npz, with b = 0.

    Raises FormatError naming the file and the rule it breaks.
    """
    arrays = read_npz(path)
    meta = {"origin": os.path.basename(os.fspath(path))}
    try:
        if "A" in arrays:
            noise = arrays.get("noise")
            kT = float(np.asarray(arrays.get("kT", 1.0)))
            return gaussian(arrays["A"], arrays["b"], kT=kT, noise=noise, meta=meta)
        return gaussian(sparse.load_npz(path), meta=meta)
    except NetlistError as error:
        raise FormatError(f"{path}: {error}") from None
    except (TypeError, ValueError, KeyError) as error:
        raise FormatError(
            f"{path}: is no Gaussian model ({' '.join(str(error).split())}); save A, b and, if "
            "wanted, kT and noise with numpy.savez"
        ) from None
