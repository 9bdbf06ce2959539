"""What makes a circuit's input bits of data: thresholds, or comparisons of whole numbers and their counts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.ragged import by_level, closed, rows_of
from compiler.ir.shared_tables import SharedTables

SCOPES = ("absolute", "image")
MOST = 1 << 30
"""A sum's largest size."""
LARGEST = (1 << 16) - 1
"""A count's largest value."""
ROWS = 256
"""Samples that are encoded at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Thermometer:
    """Input k is data[feature[k]] > threshold[k].

    feature : (n_bits,) int32, below n_features; threshold : (n_bits,) float64
    scope : "absolute"; or "image", where threshold[k] is a level in (0, 1), and the bound is that
        quantile of all the sample's features, linearly interpolated (LILogicNet, arXiv 2511.12340)
    """

    n_features: int
    feature: np.ndarray
    threshold: np.ndarray
    scope: str = "absolute"

    @property
    def n_bits(self) -> int:
        """Number of input bits made."""
        return self.feature.size

    def bits(self, data: np.ndarray) -> np.ndarray:
        """(n, n_bits) bool of data (n, n_features)."""
        if self.scope == "absolute":
            return data[:, self.feature] > self.threshold
        levels, which = np.unique(self.threshold, return_inverse=True)
        bounds = np.quantile(data, levels, axis=1).T
        return data[:, self.feature] > bounds[:, which]


@dataclass(frozen=True, slots=True, eq=False)
class CountingEncoder:
    """Sums of data, the sums compared with constants, the comparisons counted, the counts compared.

    A value v in [0, 1] is the whole number code = round(top v), clipped to [0, top], without its `dropped`
    lowest bits. All else is whole numbers; row r of a ragged column is what lies between ends[r] and
    ends[r + 1]:

        sum[s]        = sum over k in row s of weight[k] value(feature[k]); value(f) is the code of feature f,
                        or, from n_features on, the earlier sum f - n_features
        comparison[j] = sum[compared[j]] > bound[j]
        bit n_comparisons + t = application t of a shared table to comparisons, or to earlier applications
        count[w]      = sum over row w of `counted` of value(j), bit j, or, from n_local on, the earlier count
                        j - n_local
        input k       = count[tested[k]] >= least[k]

    sum_ends, count_ends : int64, from 0; the other columns : int32
    A threshold is a sum of one feature, a comparison of two pixels a sum of two, a block its pixels' sum,
    each counted alone; a window counts many. What several sums or counts have in common is made once.
    shared : tables that are applied at many places, see SharedTables
    """

    n_features: int
    top: int
    dropped: int
    sum_ends: np.ndarray
    feature: np.ndarray
    weight: np.ndarray
    compared: np.ndarray
    bound: np.ndarray
    count_ends: np.ndarray
    counted: np.ndarray
    tested: np.ndarray
    least: np.ndarray
    shared: SharedTables = field(default_factory=SharedTables)

    @property
    def n_bits(self) -> int:
        """Number of input bits made."""
        return self.tested.size

    @property
    def n_sums(self) -> int:
        return self.sum_ends.size - 1

    @property
    def n_comparisons(self) -> int:
        return self.compared.size

    @property
    def n_local(self) -> int:
        """Bits that may be counted: comparisons and applications of shared tables."""
        return self.compared.size + self.shared.n_applied

    @property
    def n_counts(self) -> int:
        return self.count_ends.size - 1

    @property
    def code_bits(self) -> int:
        """Bits of a code."""
        return (self.top >> self.dropped).bit_length()

    def __repr__(self) -> str:
        shared = self.shared
        tables = f"{shared.n_tables:,} tables at {shared.n_applied:,} places, " if shared.n_applied else ""
        return (
            f"CountingEncoder({self.n_features:,} features of {self.code_bits} bits, {self.n_sums:,} sums, "
            f"{self.n_comparisons:,} comparisons, {tables}{self.n_counts:,} counts, {self.n_bits:,} bits)"
        )

    def ranges(self) -> tuple[np.ndarray, np.ndarray]:
        """(least, largest) value of every sum, int64."""
        low = np.zeros(self.n_features + self.n_sums, dtype=np.int64)
        high = low.copy()
        high[: self.n_features] = self.top >> self.dropped
        for rows in by_level(self.sum_ends, self.feature, self.n_features):
            ends, feature = rows_of(self.sum_ends, self.feature, rows)
            weight = rows_of(self.sum_ends, self.weight, rows)[1].astype(np.int64)
            ways = weight * low[feature], weight * high[feature]
            low[self.n_features + rows] = np.add.reduceat(np.minimum(*ways), ends[:-1])
            high[self.n_features + rows] = np.add.reduceat(np.maximum(*ways), ends[:-1])
        return low[self.n_features :], high[self.n_features :]

    def sizes(self) -> np.ndarray:
        """Largest value of every count, int64."""
        most = np.ones(self.n_local + self.n_counts, dtype=np.int64)
        for rows in by_level(self.count_ends, self.counted, self.n_local):
            ends, counted = rows_of(self.count_ends, self.counted, rows)
            most[self.n_local + rows] = np.add.reduceat(most[counted], ends[:-1])
        return most[self.n_local :]

    def codes(self, data: np.ndarray) -> np.ndarray:
        """Whole numbers of data, int32 of its shape."""
        whole = np.rint(np.asarray(data, dtype=np.float64) * self.top)
        return np.clip(whole, 0, self.top).astype(np.int32) >> self.dropped

    def bits(self, data: np.ndarray) -> np.ndarray:
        """(n, n_bits) bool of data (n, n_features)."""
        out = np.empty((data.shape[0], self.n_bits), dtype=bool)
        for start in range(0, data.shape[0], ROWS):
            out[start : start + ROWS] = self.of_codes(self.codes(data[start : start + ROWS]))
        return out

    def of_codes(self, codes: np.ndarray) -> np.ndarray:
        """(n, n_bits) bool of codes (n, n_features), all samples at once."""
        sums = _added(self.sum_ends, self.feature, self.weight, codes.T.astype(np.int64))
        above = (sums[self.compared] > self.bound[:, None]).astype(np.int32)
        if self.shared.n_applied:
            above = np.concatenate([above, self.shared.values(above)])
        ones = np.ones(self.counted.size, dtype=np.int32)
        counts = _added(self.count_ends, self.counted, ones, above)
        return (counts[self.tested] >= self.least[:, None]).T


def _added(ends: np.ndarray, ids: np.ndarray, weight: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(n_rows, n) sums of weighted values, of `below` (n_below, n) and of earlier rows."""
    from scipy import sparse  # takes a while to import

    n = below.shape[0]
    values = np.concatenate([below, np.zeros((ends.size - 1, below.shape[1]), below.dtype)])
    for rows in by_level(ends, ids, n):
        own, read = rows_of(ends, ids, rows)
        parts = rows_of(ends, weight, rows)[1].astype(below.dtype)
        values[n + rows] = sparse.csr_matrix((parts, read, own), (rows.size, values.shape[0])) @ values
    return values[n:]


Encoder = Thermometer | CountingEncoder


def selected(encoder: Encoder, inputs: np.ndarray) -> Encoder:
    """What makes these of the encoder's bits, in this order, and nothing that they do not need."""
    if isinstance(encoder, Thermometer):
        return replace(encoder, feature=encoder.feature[inputs], threshold=encoder.threshold[inputs])
    read = np.zeros(encoder.n_counts, dtype=bool)
    read[encoder.tested[inputs]] = True
    n, n_local = encoder.n_comparisons, encoder.n_local
    counts = closed(encoder.count_ends, encoder.counted, n_local, read)
    count_ends, counted = rows_of(encoder.count_ends, encoder.counted, counts)
    read = np.zeros(encoder.shared.n_applied, dtype=bool)
    read[counted[(counted >= n) & (counted < n_local)] - n] = True
    applied, tapped = encoder.shared.kept(read, n)
    comparisons = np.union1d(counted[counted < n], tapped).astype(np.int64)
    read = np.zeros(encoder.n_sums, dtype=bool)
    read[encoder.compared[comparisons]] = True
    sums = closed(encoder.sum_ends, encoder.feature, encoder.n_features, read)
    sum_ends, feature = rows_of(encoder.sum_ends, encoder.feature, sums)
    nested = encoder.n_features + np.searchsorted(sums, feature - encoder.n_features)
    feature = np.where(feature < encoder.n_features, feature, nested)
    local = np.concatenate([comparisons, n + applied])
    nested = local.size + np.searchsorted(counts, counted - n_local)
    counted = np.where(counted < n_local, np.searchsorted(local, counted), nested)
    return replace(
        encoder,
        sum_ends=sum_ends,
        feature=feature.astype(np.int32),
        weight=rows_of(encoder.sum_ends, encoder.weight, sums)[1],
        compared=np.searchsorted(sums, encoder.compared[comparisons]).astype(np.int32),
        bound=encoder.bound[comparisons],
        count_ends=count_ends,
        counted=counted.astype(np.int32),
        tested=np.searchsorted(counts, encoder.tested[inputs]).astype(np.int32),
        least=encoder.least[inputs],
        shared=encoder.shared.smaller(applied, comparisons, n),
    )


def same_encoder(a: Encoder | None, b: Encoder | None) -> bool:
    """Whether both are there and written the same."""
    return a is not None and _same(a, b)


def _same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, Thermometer | CountingEncoder | SharedTables):
        return all(_same(getattr(a, name), getattr(b, name)) for name in a.__slots__)
    return bool(a == b)


# --- verification ----------------------------------------------------------------------------


def verify_encoder(encoder: Any, n_inputs: int) -> None:
    """Check every invariant; NetlistError names the first offender."""
    if isinstance(encoder, Thermometer | CountingEncoder):
        n = encoder.n_features
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            _fail(f"n_features must be a whole number >= 0, got {n!r}")
    if isinstance(encoder, Thermometer):
        _verify_thermometer(encoder, n_inputs)
    elif isinstance(encoder, CountingEncoder):
        _verify_counting(encoder, n_inputs)
    else:
        _fail(f"must be a Thermometer or a CountingEncoder, got a {type(encoder).__name__}")


def _fail(message: str) -> None:
    raise NetlistError(f"encoder: {message}")


def _first(bad: np.ndarray) -> int:
    return int(np.argmax(bad)) if bad.any() else -1


def _column(encoder: Encoder, name: str, dtype: Any, size: int | None = None) -> np.ndarray:
    column = getattr(encoder, name)
    if not isinstance(column, np.ndarray) or column.dtype != dtype or column.ndim != 1:
        _fail(f"{name} must be a one-dimensional array of {np.dtype(dtype).name}")
    if size is not None and column.size != size:
        _fail(f"{name} has {column.size} values; {size} are needed")
    return column


def _verify_thermometer(encoder: Thermometer, n_inputs: int) -> None:
    feature = _column(encoder, "feature", np.int32, n_inputs)
    levels = _column(encoder, "threshold", np.float64, n_inputs)
    if (k := _first((feature < 0) | (feature >= encoder.n_features))) >= 0:
        _fail(f"input {k} reads feature {feature[k]}; features are 0 to {encoder.n_features - 1}")
    if (k := _first(~np.isfinite(levels))) >= 0:
        _fail(f"threshold of input {k} is {levels[k]}; it must be finite")
    if encoder.scope not in SCOPES:
        _fail(f"scope must be {' or '.join(SCOPES)}, got {encoder.scope!r}")
    if encoder.scope == "image" and (k := _first((levels <= 0) | (levels >= 1))) >= 0:
        _fail(
            f"threshold of input {k} is {levels[k]}; of scope image it is a quantile level above 0 and "
            "below 1"
        )


def _verify_counting(encoder: CountingEncoder, n_inputs: int) -> None:
    top, dropped = encoder.top, encoder.dropped
    if not (isinstance(top, int) and 1 <= top < 1 << 16):
        _fail(f"top, the largest code, must be a whole number from 1 to {(1 << 16) - 1:,}, got {top!r}")
    if not (isinstance(dropped, int) and 0 <= dropped < top.bit_length()):
        _fail(f"dropped must leave a bit of the codes up to {top}, got {dropped!r}")
    feature = _ragged(encoder, "sum", "feature", encoder.n_features, "features")
    weight = _column(encoder, "weight", np.int32, feature.size)
    if (k := _first(weight == 0)) >= 0:
        _fail(f"weight {k}, of feature {feature[k]}, is 0; leave the feature out of the sum")
    low, high = encoder.ranges()
    if (k := _first((low < -MOST) | (high > MOST))) >= 0:
        _fail(f"sum {k} goes from {low[k]:,} to {high[k]:,}; sums must stay within {MOST:,}")
    compared = _column(encoder, "compared", np.int32)
    _column(encoder, "bound", np.int32, compared.size)
    _below(compared, encoder.n_sums, "comparison", "sum")
    if not isinstance(encoder.shared, SharedTables):
        _fail(f"shared must be SharedTables, got a {type(encoder.shared).__name__}")
    if (message := encoder.shared.broken(compared.size)) is not None:
        _fail(message)
    _ragged(encoder, "count", "counted", encoder.n_local, "comparisons" + _tables(encoder))
    tested = _column(encoder, "tested", np.int32, n_inputs)
    least = _column(encoder, "least", np.int32, n_inputs)
    _below(tested, encoder.n_counts, "input", "count")
    sizes = encoder.sizes()
    if (k := _first(sizes > LARGEST)) >= 0:
        _fail(f"count {k} goes up to {sizes[k]:,}; counts must stay within {LARGEST:,}")
    size = sizes[tested]
    if (k := _first((least < 1) | (least > size))) >= 0:
        _fail(f"input {k} asks for {least[k]} ones or more of {size[k]}; ask for 1 to {size[k]}")


def _tables(encoder: CountingEncoder) -> str:
    return " and applied tables" if encoder.shared.n_applied else ""


def _ragged(encoder: CountingEncoder, what: str, name: str, n: int, things: str) -> np.ndarray:
    """The values of ragged columns, checked: rows without end, of ascending ids below n, or of
    earlier rows.
    """
    ends, ids = _column(encoder, f"{what}_ends", np.int64), _column(encoder, name, np.int32)
    if ends.size < 1 or ends[0] != 0 or ends[-1] != ids.size or (np.diff(ends) < 1).any():
        _fail(f"{what}_ends must start at 0, always rise and end at the number of values, {ids.size}")
    row = np.repeat(np.arange(ends.size - 1), np.diff(ends))
    if (k := _first((ids < 0) | (ids >= n + row))) >= 0:
        _fail(
            f"{what} {row[k]} has {name} {ids[k]}; {things} are 0 to {n - 1}, earlier {what}s go on to "
            f"{n + row[k] - 1}"
        )
    inner = np.ones(max(ids.size - 1, 0), dtype=bool)
    inner[ends[1:-1] - 1] = False
    if (k := _first((np.diff(ids) < 1) & inner)) >= 0:
        _fail(f"{what} {row[k]} has {name} {ids[k + 1]} after {ids[k]}; they must ascend")
    return ids


def _below(ids: np.ndarray, n: int, who: str, what: str) -> None:
    if (k := _first((ids < 0) | (ids >= n))) >= 0:
        _fail(f"{who} {k} reads {what} {ids[k]}; {what}s are 0 to {n - 1}")
