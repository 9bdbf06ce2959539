"""Bits of data: which features lie above which thresholds."""

from __future__ import annotations

import numpy as np

from thermo.kernels.jit import njit


@njit(cache=True, nogil=True)
def encode_block(data, feature, bound, out):  # type: ignore[no-untyped-def]
    """out[s, k] = data[s, feature[k]] > bound[k].

    data : (n, n_features) and bound : (n_inputs,), both float32 or both float64
    feature : (n_inputs,) int32; out : (n, n_inputs) uint8
    """
    for s in range(data.shape[0]):
        for k in range(np.uint64(feature.shape[0])):
            out[s, k] = data[s, np.uint64(feature[k])] > bound[k]
