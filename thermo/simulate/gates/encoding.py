"""A counting encoder's columns as its kernel takes them."""

from __future__ import annotations

import numpy as np

from compiler.ir.encoders import CountingEncoder
from thermo.kernels.gates.counting import LANES, Counting, Rows, encode_codes


def counting_columns(encoder: CountingEncoder) -> tuple[Counting, np.dtype]:
    """(columns, type of the sums): 16 bits where they suffice."""
    low, high = encoder.ranges()
    reach = max(-int(low.min(initial=0)), int(high.max(initial=0)), encoder.top >> encoder.dropped)
    weights = int(np.abs(encoder.weight).max(initial=0))
    dtype = np.dtype(np.int16 if max(reach, weights) < 1 << 15 else np.int32)
    least, most = (-(1 << 15), (1 << 15) - 1) if dtype == np.int16 else (-(1 << 31), (1 << 31) - 1)
    # a sum never reaches the ends of the type, so that a bound beyond them means the same there
    bound = np.clip(encoder.bound, least, most)
    columns = Counting(
        encoder.sum_ends,
        encoder.feature,
        encoder.weight.astype(dtype),
        encoder.compared,
        bound.astype(dtype),
        encoder.count_ends,
        encoder.counted,
        encoder.tested,
        encoder.least,
        encoder.shared.entries(),
        encoder.shared.applied,
        encoder.shared.taps.reshape(encoder.shared.n_applied, encoder.shared.inputs),
    )
    return columns, dtype


def scratch(encoder: CountingEncoder, dtype: np.dtype) -> Rows:
    """Rows for one thread; for as many samples at a time as the kernel takes."""
    return Rows(
        np.empty((encoder.n_features + encoder.n_sums, LANES), dtype),
        np.empty((encoder.n_local, LANES), np.uint8),
        np.empty((encoder.n_counts, LANES), np.uint16),
        halves(encoder.shared.inputs, LANES),
    )


def halves(inputs: int, lanes: int) -> np.ndarray:
    """Scratch of apply_tables."""
    return np.empty((2, 1 << max(inputs - 1, 0), lanes), np.uint8)


def counted_bits(encoder: CountingEncoder, codes: np.ndarray) -> np.ndarray:
    """(n, n_bits) uint8 of codes (n, n_features): what encoder.of_codes says."""
    columns, dtype = counting_columns(encoder)
    out = np.empty((codes.shape[0], encoder.n_bits), np.uint8)
    encode_codes(np.ascontiguousarray(codes, dtype=dtype), columns, scratch(encoder, dtype), out)
    return out
