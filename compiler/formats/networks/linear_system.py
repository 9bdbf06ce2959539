"""Linear systems A x = b in .npz files: our own, and sparse matrices as SciPy saves them."""

from __future__ import annotations

import os

import numpy as np

from compiler.arrays import npz_names, read_npz
from compiler.errors import MALFORMED, FormatError, NetlistError
from compiler.families.gaussian import GaussianModel, gaussian

OURS = frozenset({"A.npy", "b.npy"})
SPARSE = frozenset({"format.npy", "shape.npy", "data.npy"})


def is_gaussian_npz(path: str | os.PathLike) -> bool:
    """Whether the file is an .npz with A and b, or a sparse matrix as SciPy saves it."""
    names = npz_names(path) or frozenset()
    return names >= OURS or names >= SPARSE


def read_gaussian(path: str | os.PathLike) -> GaussianModel:
    """A model from .npz: arrays A (n, n), b (n,) and, if wanted, kT and noise (n, n); or a matrix
    of scipy.sparse.save_npz, with b = 0.

    Raises FormatError naming the file and the rule it breaks.
    """
    from scipy import sparse

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
    except MALFORMED as error:
        raise FormatError(
            f"{path}: is no Gaussian model ({' '.join(str(error).split())}); save A, b and, if "
            "wanted, kT and noise with numpy.savez"
        ) from None
