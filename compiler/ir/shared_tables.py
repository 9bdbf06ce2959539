"""Tables of few inputs applied at many places, with the same entries at each: a convolution in logic."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from compiler.ir.ragged import by_level, closed

WIDEST = 6
"""Inputs of a table at most."""


def _no_ids() -> np.ndarray:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class SharedTables:
    """Application t reads `inputs` bits and shows entry e of its table, where e has bit j of what it reads
    at place j.

    inputs : of every table, 2 to 6; 0 where there are none
    table : (n_tables,) uint64, bit e is entry e; each is written once, however often it is applied
    applied : (n_applied,) int32, the table of each application
    taps : (n_applied inputs,) int32, what application t reads in inputs t ... inputs t + inputs - 1: one of
        the n bits below, or, from n on, the earlier application tap - n (a tree of tables)
    """

    inputs: int = 0
    table: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    applied: np.ndarray = field(default_factory=_no_ids)
    taps: np.ndarray = field(default_factory=_no_ids)

    @property
    def n_tables(self) -> int:
        return self.table.size

    @property
    def n_applied(self) -> int:
        return self.applied.size

    @property
    def ends(self) -> np.ndarray:
        """Of the ragged rows `taps`."""
        return np.arange(self.n_applied + 1) * self.inputs

    def values(self, below: np.ndarray) -> np.ndarray:
        """(n_applied, m) bits of every application, of the type of the bits below (n, m)."""
        n = below.shape[0]
        every = np.concatenate([below, np.zeros((self.n_applied, below.shape[1]), below.dtype)])
        taps = self.taps.reshape(self.n_applied, self.inputs)
        for rows in by_level(self.ends, self.taps, n):
            address = np.zeros((rows.size, below.shape[1]), np.uint64)
            for j in range(self.inputs):
                address |= every[taps[rows, j]].astype(np.uint64) << np.uint64(j)
            entries = self.table[self.applied[rows]][:, None]
            every[n + rows] = (entries >> address & np.uint64(1)).astype(below.dtype)
        return every[n:]

    def entries(self) -> np.ndarray:
        """(n_tables, 2^inputs) uint8: the tables' entries."""
        places = np.arange(1 << self.inputs, dtype=np.uint64)
        return (self.table[:, None] >> places & np.uint64(1)).astype(np.uint8)

    def kept(self, read: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """(applications that are read or that such ones read, what these read of the n bits below);
        read : (n_applied,) bool, is written.
        """
        rows = closed(self.ends, self.taps, n, read)
        taps = self.taps.reshape(self.n_applied, self.inputs)[rows]
        return rows, np.unique(taps[taps < n])

    def smaller(self, rows: np.ndarray, below: np.ndarray, n: int) -> SharedTables:
        """These applications alone, on these of the n bits below; as `kept` found them."""
        if not rows.size:
            return SharedTables()
        taps = self.taps.reshape(self.n_applied, self.inputs)[rows]
        nested = below.size + np.searchsorted(rows, taps - n)
        taps = np.where(taps < n, np.searchsorted(below, taps), nested)
        tables, applied = np.unique(self.applied[rows], return_inverse=True)
        return SharedTables(
            self.inputs, self.table[tables], applied.astype(np.int32), taps.reshape(-1).astype(np.int32)
        )

    def broken(self, n: int) -> str | None:
        """The first rule that is broken over n bits below, in words."""
        columns = (("table", np.uint64), ("applied", np.int32), ("taps", np.int32))
        for name, dtype in columns:
            column = getattr(self, name)
            if not isinstance(column, np.ndarray) or column.dtype != dtype or column.ndim != 1:
                return f"{name} of shared tables must be a one-dimensional array of {np.dtype(dtype).name}"
        inputs = self.inputs
        if not (isinstance(inputs, int) and (2 <= inputs <= WIDEST or (inputs == 0 and not self.n_tables))):
            return f"shared tables have 2 to {WIDEST} inputs, got {inputs!r}"
        if self.taps.size != inputs * self.n_applied:
            return f"taps has {self.taps.size} values; {inputs} for each of {self.n_applied} applications"
        if inputs < WIDEST and (bad := self.table >> np.uint64(1 << inputs) > 0).any():
            k = int(np.argmax(bad))
            return (
                f"shared table {k} is {int(self.table[k]):#x}; of {inputs} inputs it has {1 << inputs} bits"
            )
        if (bad := (self.applied < 0) | (self.applied >= self.n_tables)).any():
            t = int(np.argmax(bad))
            return f"application {t} is of table {self.applied[t]}; tables are 0 to {self.n_tables - 1}"
        row = np.repeat(np.arange(self.n_applied), inputs)
        if (bad := (self.taps < 0) | (self.taps >= n + row)).any():
            k = int(np.argmax(bad))
            return (
                f"application {row[k]} reads {self.taps[k]}; comparisons are 0 to {n - 1}, earlier "
                f"applications go on to {n + row[k] - 1}"
            )
        return None
