"""Counting encoders put together sum by sum, comparison by comparison, count by count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.encoders import CountingEncoder, verify_encoder
from compiler.ir.shared_tables import SharedTables

_APPLIED = 1 << 40
"""Applications of tables are numbered from here, until the number of comparisons is known."""


class EncoderBuilder:
    """What is asked for twice is made once.

    n_features, top, dropped : as in CountingEncoder. Numbers to add up and compare: feature f is f, sums are
    what `sum` returns; things to count: what `above`, `apply` and `count` return.
    """

    def __init__(self, n_features: int, top: int = 255, dropped: int = 0) -> None:
        self.n_features, self.top, self.dropped = n_features, top, dropped
        self._sums: dict[tuple[tuple[int, int], ...], int] = {}
        self._comparisons: dict[tuple[int, int], int] = {}
        self._tables: list[int] = []
        self._applied: dict[tuple[int, tuple[int, ...]], int] = {}
        self._counts: dict[tuple[int, ...], int] = {}
        self._bits: list[tuple[int, int]] = []

    def sum(self, weights: Mapping[int, int]) -> int:
        """The number sum of weight times number."""
        key = tuple(sorted((number, weight) for number, weight in weights.items() if weight))
        if not key:
            raise NetlistError("encoder: a sum of nothing; give a number and a weight that is not 0")
        if len(key) == 1 and key[0][1] == 1 and key[0][0] >= self.n_features:
            return key[0][0]
        return self.n_features + self._sums.setdefault(key, len(self._sums))

    def above(self, number: int, bound: int) -> int:
        """The comparison number > bound."""
        if number < self.n_features:
            number = self.sum({number: 1})
        key = number - self.n_features, int(bound)
        return self._comparisons.setdefault(key, len(self._comparisons))

    def shared(self, table: int) -> int:
        """Number of a new table that may be applied at many places; bit e is entry e."""
        self._tables.append(int(table))
        return len(self._tables) - 1

    def apply(self, number: int, things: Sequence[int]) -> int:
        """The shared table on comparisons and applied tables, all on as many: entry e where thing j is bit j
        of e.
        """
        return _APPLIED + self._applied.setdefault((number, tuple(things)), len(self._applied))

    def count(self, things: Sequence[int]) -> int:
        """The count of ones among comparisons and applied tables, and of what other counts count; not the
        same thing twice.
        """
        key = tuple(sorted(things))
        return -1 - self._counts.setdefault(key, len(self._counts))

    def bit(self, thing: int, least: int = 1) -> int:
        """Number of a new input bit: the comparison is 1, or the count is at least `least`."""
        count = self.count([thing]) if thing >= 0 else thing
        self._bits.append((-1 - count, int(least)))
        return len(self._bits) - 1

    @property
    def n_bits(self) -> int:
        return len(self._bits)

    def build(self) -> CountingEncoder:
        """The encoder of the bits so far; NetlistError for one that breaks a rule of verify_encoder."""
        n = len(self._comparisons)
        n_local = n + len(self._applied)

        def placed(thing: int) -> int:  # counts are -1, -2, ... until the number of what they count is known
            return n_local - 1 - thing if thing < 0 else thing if thing < _APPLIED else n + thing - _APPLIED

        counts = [sorted(map(placed, key)) for key in self._counts]
        tapped = [placed(thing) for _, things in self._applied for thing in things]
        shared = SharedTables(
            len(next(iter(self._applied))[1]) if self._applied else 0,
            np.array(self._tables if self._applied else [], dtype=np.uint64),
            np.array([number for number, _ in self._applied], dtype=np.int32),
            np.array(tapped, dtype=np.int32),
        )
        sum_ends, number = _ragged([[f for f, _ in key] for key in self._sums])
        count_ends, counted = _ragged(counts)
        pairs = np.array(list(self._comparisons), dtype=np.int32).reshape(-1, 2)
        bits = np.array(self._bits, dtype=np.int32).reshape(-1, 2)
        encoder = CountingEncoder(
            self.n_features,
            self.top,
            self.dropped,
            sum_ends,
            number,
            np.array([w for key in self._sums for _, w in key], dtype=np.int32),
            pairs[:, 0].copy(),
            pairs[:, 1].copy(),
            count_ends,
            counted,
            bits[:, 0].copy(),
            bits[:, 1].copy(),
            shared,
        )
        verify_encoder(encoder, self.n_bits)
        return encoder


def _ragged(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return ends, np.array([v for row in rows for v in row], dtype=np.int32)
