"""Many chains of p-bits, one bit each: for couplings that are small multiples of one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from compiler.errors import UnsupportedError
from thermo.kernels.spins import packed as kernel
from thermo.simulate.errors import SimulationError
from thermo.simulate.gates.run import empty_rows
from thermo.simulate.spins.lanes import Workers, check_identity, check_sweeps
from thermo.simulate.spins.system import SpinSystem

CHAINS = 512  # of a tile
LEVELS_MOST = 32  # of a local field
TABLE_MOST = 1 << 24  # bytes of thresholds
SLICE = 64  # sweeps of one kernel call


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Local fields as levels: f_i = h_i + unit (2 l_i - total_i).

    first : (n + 1,) terms of each row; sources, signs, shifts : (n_terms,), see sweep_packed
    total : (n,) int64 largest level; kind : (n,) int64, rows alike in (h, total); h, totals :
        (n_kinds,) of each kind
    """

    unit: float
    first: np.ndarray
    sources: np.ndarray
    signs: np.ndarray
    shifts: np.ndarray
    total: np.ndarray
    kind: np.ndarray
    h: np.ndarray
    totals: np.ndarray

    @property
    def n_levels(self) -> int:
        return int(self.totals.max(initial=0)) + 1


def make_terms(system: SpinSystem) -> Terms:
    """The terms of a system; UnsupportedError, with the reason, where it cannot be packed."""
    layout = system.layout
    w = system.weights[layout.source]
    unit = common_unit(np.abs(w), LEVELS_MOST)
    if unit is None:
        raise UnsupportedError("couplings are no small multiples of one number: use method 'lanes'")
    whole = np.rint(np.abs(w) / unit).astype(np.int64)
    rows = np.repeat(np.arange(system.n), np.diff(layout.indptr))
    total = np.bincount(rows, weights=whole, minlength=system.n).astype(np.int64)
    if total.max(initial=0) >= LEVELS_MOST:
        raise UnsupportedError(
            f"a p-bit's couplings add up to {total.max()} units, packed ones to at most "
            f"{LEVELS_MOST - 1}: use method 'lanes'"
        )
    h = system.h[layout.order]
    kinds, kind = np.unique(np.stack([h, total.astype(float)], axis=1), axis=0, return_inverse=True)
    if len(kinds) * 8 * kernel.DIGITS * (int(total.max(initial=0)) + 1) > TABLE_MOST:
        raise UnsupportedError(
            f"the p-bits have {len(kinds)} different fields, too many thresholds to keep: use method 'lanes'"
        )
    digits = [
        (rows[b], s, layout.indices[b], w[b]) for s in range(5) for b in [np.flatnonzero((whole >> s) & 1)]
    ]
    row, shift, source, weight = (
        np.concatenate([np.broadcast_to(d[k], d[0].shape) for d in digits]) for k in range(4)
    )
    order = np.argsort(row, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=system.n))])
    signs = np.where(weight[order] < 0, np.uint64(2**64 - 1), np.uint64(0))
    return Terms(
        unit,
        first.astype(np.int64),
        source[order].astype(np.int64),
        signs,
        shift[order].astype(np.int64),
        total,
        kind.ravel().astype(np.int64),
        kinds[:, 0],
        kinds[:, 1].astype(np.int64),
    )


def can_pack(system: SpinSystem) -> bool:
    """Whether a system's couplings are small multiples of one number."""
    try:
        make_terms(system)
    except UnsupportedError:
        return False
    return True


def common_unit(size: np.ndarray, most: int) -> float | None:
    """The largest number of which all sizes are multiples, by `most` at most, if there is one."""
    least = float(size[size > 0].min(initial=np.inf))
    if np.isinf(least):
        return 1.0
    if size.max() > most * least:
        return None
    for part in range(1, 9):
        unit = least / part
        if np.allclose(np.rint(size / unit) * unit, size, rtol=1e-12, atol=0.0):
            return unit
    return None


def thresholds(terms: Terms, kT: float, scale: float) -> np.ndarray:
    """(n_kinds, 32, n_levels) uint64: binary digits of P(+1 | level), all ones for 1."""
    from scipy import special

    level = np.arange(terms.n_levels)
    force = terms.unit * scale * (2 * level - terms.totals[:, None]) + terms.h[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        p = special.expit(np.where(force == 0, 0.0, 2 * force / kT))
    whole = np.minimum(np.rint(p * 2.0**32), 2.0**32 - 1).astype(np.uint64)
    places = np.arange(kernel.DIGITS - 1, -1, -1, dtype=np.uint64)[None, :, None]
    bit = (whole[:, None, :] >> places) & np.uint64(1)
    return np.ascontiguousarray(np.uint64(0) - bit)


class PackedTiles(Workers):
    """States of many chains, 512 a tile and a bit each, between calls of `sweep`. A context."""

    hit = flips = None  # are not looked at

    def __init__(
        self,
        system: SpinSystem,
        states: np.ndarray,
        seed: int = 0,
        first_chain: int = 0,
        threads: int | None = None,
    ) -> None:
        """states : (chains, n) int8 of +-1, checked; first_chain : a multiple of 512.

        Raises UnsupportedError for couplings that cannot be packed.
        """
        super().__init__(threads)
        check_identity(seed, first_chain)
        if first_chain % CHAINS:
            raise SimulationError(
                f"packed chains begin at multiples of {CHAINS}, not at {first_chain}: use method "
                "'lanes' to split a batch elsewhere"
            )
        self.system, self.chains = system, states.shape[0]
        self.seed, self._group = np.uint64(seed), first_chain // 32
        self._terms = make_terms(system)
        n_tiles = -(-self.chains // CHAINS)
        up = np.zeros((system.n, n_tiles * CHAINS // 8), np.uint8)
        packed = np.packbits(np.ascontiguousarray(states.T) > 0, axis=1, bitorder="little")
        up[:, : packed.shape[1]] = packed[system.layout.order]
        bits = up.view(np.uint64)
        self._rows = []
        for k in range(n_tiles):
            rows = empty_rows(max(1, system.n))
            rows[: system.n] = bits[:, 8 * k : 8 * k + 8]
            self._rows.append(rows)
        self._known: tuple[float, float] | None = None
        self._digits = np.zeros((1, kernel.DIGITS, 1), np.uint64)
        self.freeze(system.frozen)

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def freeze(self, frozen: np.ndarray) -> None:
        """From now on these cells, (n,) bool, and no others keep their state."""
        layout = self.system.layout
        self._cells = np.flatnonzero(~frozen[layout.order])
        self._places = layout.place[self._cells]

    def sweep(self, kT: Any, n_sweeps: int, step: int, scale: Any = 1.0) -> None:
        """n_sweeps sweeps, numbered from `step`, in place.

        kT, scale : a number, or one a sweep: (n_sweeps,), kT also (n_sweeps, 1)
        """
        check_sweeps(step, n_sweeps)
        try:
            kT = np.broadcast_to(np.ravel(np.asarray(kT, dtype=np.float64)), (n_sweeps,))
        except ValueError:
            raise SimulationError(
                f"packed chains share one temperature, got shape {np.shape(kT)}: use method 'lanes'"
            ) from None
        bad = ~(np.isfinite(kT) & (kT >= 0))
        if bad.any():
            raise SimulationError(f"kT must be a finite number of at least 0, got {kT[bad].flat[0]:g}")
        scale = np.broadcast_to(np.asarray(scale, np.float64), (n_sweeps,))
        changes = np.flatnonzero((np.diff(kT) != 0) | (np.diff(scale) != 0)) + 1
        for start, stop in zip([0, *changes], [*changes, n_sweeps], strict=True):
            if start < stop:
                self._constant(float(kT[start]), float(scale[start]), step + start, step + stop)

    def _constant(self, kT: float, scale: float, start: int, stop: int) -> None:
        """Sweeps start to stop - 1 at one temperature."""
        terms = self._terms
        if self._known != (kT, scale):
            self._known, self._digits = (kT, scale), thresholds(terms, kT, scale)
        n_planes = (terms.n_levels - 1).bit_length()

        def run(k: int) -> None:
            planes, masks = empty_rows(n_planes + 1), empty_rows(1 << n_planes)
            words, open_ = empty_rows(4).view(np.uint32), empty_rows(1)
            for begin in range(start, stop, SLICE):
                kernel.sweep_packed(
                    self._rows[k],
                    self._cells,
                    self._places,
                    terms.first,
                    terms.sources,
                    terms.signs,
                    terms.shifts,
                    terms.kind,
                    self._digits,
                    n_planes,
                    terms.n_levels,
                    min(SLICE, stop - begin),
                    self.seed,
                    np.uint64(self._group + 16 * k),
                    begin,
                    planes,
                    masks,
                    words,
                    open_,
                )

        self.each(run, range(len(self._rows)))

    @property
    def energies(self) -> np.ndarray:
        """(chains,) float64 with full couplings; NaN if these are directed."""
        if not self.system.symmetric:
            return np.full(self.chains, np.nan)
        return self.system.energy(self.states())

    def states(self) -> np.ndarray:
        """(chains, n) int8."""
        n = self.system.n
        bytes_ = np.concatenate([rows[:n].view(np.uint8) for rows in self._rows], axis=1)
        by_cell = np.empty_like(bytes_)
        by_cell[self.system.layout.order] = bytes_
        bits = np.unpackbits(by_cell, axis=1, bitorder="little", count=self.chains).view(np.int8)
        bits += bits
        bits -= 1
        return np.ascontiguousarray(bits.T)
