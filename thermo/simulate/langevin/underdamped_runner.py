"""Underdamped cells and noise matrices by numba kernels, one thread a tile of trajectories."""

from __future__ import annotations

from functools import partial

import numpy as np

from thermo.kernels.langevin import tile as kernel
from thermo.kernels.langevin import underdamped
from thermo.kernels.random import STREAM_NOISE
from thermo.simulate.langevin.activations import activate_rows
from thermo.simulate.langevin.job import METHODS, Job, Raw, empty_raw
from thermo.simulate.langevin.numba_runner import (
    Inputs,
    drives_of,
    extras_of,
    input_product,
    is_dense,
    matrix_of,
)
from thermo.simulate.langevin.tiling import Divergence, Tile, over_tiles


def run_underdamped(job: Job) -> Raw:
    """Run a job; float32 states, the same bits for any number of threads and any split."""
    p, plan = job.prepared, job.plan
    couplings = (p.w, p.gradient, p.sine)
    linear, gradient, sine = (matrix_of(w) for w in couplings)
    cells = [c.astype(np.float32) for c in (p.c1, p.c2, p.c3, p.h, p.lo, p.hi)]
    inputs = Inputs(*(input_product(w) for w in (p.w_in, p.gradient_in, p.sine_in)))
    show = partial(activate_rows, p.input_activation)
    one = np.ones(p.n)
    mass, friction = (one if c is None else c for c in (p.mass, p.friction))
    factor = np.zeros((1, 1)) if p.factor is None else p.factor
    factor = np.ascontiguousarray(factor, np.float32)
    raw = empty_raw(job)

    def run_tile(tile: int, lanes: int) -> Divergence | None:
        """Run one tile into `raw`; the first divergence, if any."""
        t = Tile.open(job, tile, lanes)
        x = np.ascontiguousarray(t.columns(job.x0), np.float32)
        v = np.zeros((1, lanes), np.float32)
        if job.v0 is not None:
            v = np.ascontiguousarray(t.columns(job.v0), np.float32)
        underdamped.run_tile(
            *linear,
            *cells,
            p.activation,
            bool(p.activation.any()),
            p.mobility,
            mass,
            friction,
            factor,
            plan.dt,
            METHODS.index(job.method),
            plan.n_steps,
            plan.scale,
            plan.kT,
            plan.stiffness,
            plan.drive,
            x,
            v,
            drives_of(job, t.index, inputs.linear, show),
            extras_of(job, gradient, sine, inputs, t.index),
            np.uint64(job.seed),
            t.origin,
            STREAM_NOISE,
            p.read,
            p.read_as,
            plan.ends,
            plan.window,
            t.out,
            plan.saved,
            t.trajectory,
            job.heat_method == "potential",
            job.heat_method == "stratonovich",
            t.heat,
            t.work,
            np.float32(job.bound),
            job.check_every,
            t.first,
            t.last,
            t.bad_step,
            t.bad_cell,
        )
        return t.keep(raw, x, v)

    def width(threads: int) -> int:
        # a product with the noise factor is dense: its width must not depend on the batch
        if p.factor is not None or any(is_dense(w) for w in couplings):
            return kernel.dense_lanes(p.n)
        return kernel.sparse_lanes(p.n, job.n_trajectories, threads)

    return over_tiles(job, raw, width, run_tile)
