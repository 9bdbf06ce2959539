"""Trajectories in tiles of SIMD lanes: what the numba runners share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np

from thermo.simulate.langevin.job import Job, Raw
from thermo.simulate.threads import limited_threads

Divergence = tuple[int, int, int]  # trajectory, steps done, dynamic cell


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One tile's lanes and what its kernel fills.

    index : (lanes,) trajectory in every lane; first, last : first and last + 1 live lane
    origin : id of the trajectory in lane 0
    out : (n_times, n_read, lanes); trajectory : (n_saved, n, lanes), float32
    ledger : (P, 2, lanes) float64, heat and work
    bad : (2, lanes) int64, steps done and cell where a lane diverged, else -1
    """

    index: np.ndarray
    first: int
    last: int
    origin: np.uint64
    out: np.ndarray
    trajectory: np.ndarray
    ledger: np.ndarray
    bad: np.ndarray

    @staticmethod
    def open(job: Job, tile: int, lanes: int) -> Tile:
        """Tiles begin at multiples of `lanes` in trajectory ids, so a trajectory has the same lane
        however the batch is split. Padding repeats the nearest trajectory.
        """
        plan, p = job.plan, job.prepared
        start = tile * lanes - job.first % lanes
        index = start + np.arange(lanes)
        live = np.flatnonzero((index >= 0) & (index < job.n_trajectories))
        return Tile(
            np.clip(index, 0, job.n_trajectories - 1),
            int(live[0]),
            int(live[-1]) + 1,
            np.uint64(job.first + start),
            np.zeros((plan.ends.size, p.read.size, lanes), np.float32),
            np.zeros((plan.saved.size, p.n, lanes), np.float32),
            np.zeros((len(plan.names), 2, lanes)),
            np.full((2, lanes), -1, np.int64),
        )

    def columns(self, start: np.ndarray) -> np.ndarray:
        """(n, lanes) of start (N or 1, n): one column a lane."""
        if start.shape[0] > 1:
            return start[self.index].T
        return np.repeat(start, self.index.size, axis=0).T

    def keep(self, raw: Raw, x: np.ndarray, v: np.ndarray | None = None) -> Divergence | None:
        """Copy the live lanes, states x and velocities v (n, lanes) too; the first divergence."""
        bad = np.flatnonzero(self.bad[0] >= 0)
        if bad.size:
            k = bad[0]
            return int(self.index[k]), int(self.bad[0, k]), int(self.bad[1, k])
        live = slice(self.first, self.last)
        here = slice(int(self.index[self.first]), int(self.index[self.last - 1]) + 1)
        raw.outputs[:, here] = self.out[:, :, live].swapaxes(1, 2)
        raw.heat[:, here] = self.ledger[:, 0, live]
        raw.work[:, here] = self.ledger[:, 1, live]
        if raw.final is not None:
            raw.final[here] = x[:, live].T
        if raw.velocity is not None and v is not None:
            raw.velocity[here] = v[:, live].T
        if raw.trajectory is not None:
            raw.trajectory[:, here] = self.trajectory[:, :, live].swapaxes(1, 2)
        return None


def over_tiles(
    job: Job, raw: Raw, width: Callable[[int], int], run_tile: Callable[[int, int], Divergence | None]
) -> Raw:
    """run_tile(tile, lanes) for all tiles, one thread each; width(threads) -> lanes."""
    with limited_threads(job.threads) as threads, ThreadPoolExecutor(threads) as pool:
        lanes = width(threads)
        n_tiles = -(-(job.first % lanes + job.n_trajectories) // lanes)
        job.progress.start(job.n_trajectories, "simulating")
        try:
            # in the order of the tiles, so that the divergence named is always the same one
            for tile, diverged in enumerate(pool.map(run_tile, range(n_tiles), repeat(lanes))):
                if diverged is not None:
                    return replace(raw, diverged=diverged)
                done = (tile + 1) * lanes - job.first % lanes
                job.progress.update(min(done, job.n_trajectories))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            job.progress.stop()
    return raw
