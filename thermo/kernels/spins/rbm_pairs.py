"""Sums of products of spins over chains, coupling by coupling."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit


@njit(cache=True, nogil=True)
def pair_sums(a, b, row, col, out):  # type: ignore[no-untyped-def]
    """out[k] = sum over chains of a[row[k]] b[col[k]]; a, b : (n, chains) int8 of +-1."""
    for k in range(row.shape[0]):
        x, y = a[row[k]], b[col[k]]
        total = np.int32(0)
        for c in range(x.shape[0]):
            total += np.int32(x[c] * y[c])
        out[k] = total
