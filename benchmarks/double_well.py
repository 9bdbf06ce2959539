"""Our double wells beside a jitted JAX scan, in one process, interleaved.

    python benchmarks/double_well.py [--repeats 9] [--threads N]
    python benchmarks/double_well.py --floor

A 64 x 64 torus of p-bits with couplings of random sign, lowered to double wells of 4 kT, 32
trajectories, 1000 Euler-Maruyama steps. The peer is lax.scan with jax.random.normal in float32, the
neighbours' forces as shifted arrays: the fastest of several layouts, found without noise, for each
of JAX's generators. Beside them the limit of any such run: our normal numbers by themselves, and
the forces by themselves (our run at kT = 0). Medians; the spread is half the interquartile range.
--floor prints instead, for three cells and by quadrature, how far the signs are from Ising's law.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numba
import numpy as np
from langevin import interleave

from compiler.families.ising import from_edges, lower_ising
from compiler.ir.langevin import LangevinNetlist, Phase
from compiler.passes.spins.double_well import double_wells, escape_rate, kramers_rate, sign_marginal
from thermo.kernels.random import fill_normals
from thermo.reproduce.host import this_host
from thermo.simulate import simulate

SIDE, RUNS, STEPS = 64, 32, 1000
TILE = 32


def lattice(seed: int = 0) -> tuple[LangevinNetlist, np.ndarray, np.ndarray]:
    """The wells, and the couplings to the right and downwards, (side, side) each."""
    rng = np.random.default_rng(seed)
    right, down = rng.choice([-1.0, 1.0], (2, SIDE, SIDE))
    cell = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    ends = [(cell, np.roll(cell, -1, 1)), (cell, np.roll(cell, -1, 0))]
    row, col = (np.concatenate([e[k].ravel() for e in ends]) for k in range(2))
    model = from_edges(np.zeros(cell.size), row, col, np.concatenate([right.ravel(), down.ravel()]))
    netlist = lower_ising(model, sample=True)
    wells = double_wells(netlist, barrier=4.0, compensate=False)
    return wells.with_(schedule=(Phase("run", STEPS * wells.dt),), readout=None), right, down


def scan(
    wells: LangevinNetlist, right: np.ndarray, down: np.ndarray, axes: tuple[int, int], kT: float, impl: str
) -> Callable[[], jax.Array]:
    """A jitted scan; axes : where rows and columns of the lattice are, the runs on the other."""
    a, dt = float(wells.cells.j4[0]), wells.dt
    runs_axis = 3 - sum(axes)
    shape = [SIDE, SIDE, SIDE]
    shape[runs_axis] = RUNS
    r, d = (jnp.expand_dims(jnp.asarray(w, jnp.float32), runs_axis) for w in (right, down))
    left, up = jnp.roll(r, 1, axes[1]), jnp.roll(d, 1, axes[0])
    sigma, size = np.float32(np.sqrt(2 * kT * dt)), tuple(shape)

    def step(carry, _):
        x, key = carry
        force = 4 * a * x * (1 - x * x)
        force += r * jnp.roll(x, -1, axes[1]) + left * jnp.roll(x, 1, axes[1])
        force += d * jnp.roll(x, -1, axes[0]) + up * jnp.roll(x, 1, axes[0])
        new = x + dt * force
        if kT > 0:
            key, sub = jax.random.split(key)
            new = new + sigma * jax.random.normal(sub, size, jnp.float32)
        return (new, key), None

    @jax.jit
    def run(key):
        start = (jnp.ones(size, jnp.float32), key)
        return jax.lax.scan(step, start, None, length=STEPS)[0][0]

    key = jax.random.key(0, impl=impl)
    return lambda: run(key).block_until_ready()


def floors() -> None:
    """Total variation between the signs' marginal and exp(-E / kT), and what a sweep costs."""
    for J in ([0.8, -0.6, 0.5], [0.8, -0.6]):
        _floor_table(J)


def _floor_table(J: list[float]) -> None:
    """Of three cells: J of the pairs (0, 1), (1, 2) and, if given, (0, 2)."""
    pairs = ([0, 1, 0][: len(J)], [1, 2, 2][: len(J)])
    model = from_edges([0.3, -0.5, 0.2], *pairs, J)
    netlist = lower_ising(model, sample=True)
    states = np.where(np.arange(8)[:, None] >> np.arange(3) & 1, 1, -1)
    exact = np.exp(-model.energy(states))
    exact /= exact.sum()
    print(f"h = (0.3, -0.5, 0.2), J01, J12 and J02 = {J}, kT = 1")
    print("barrier  floor, bare  compensated  Kramers / exact rate  steps a sweep")
    for height in (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0):
        bare, mended = (
            0.5 * np.abs(sign_marginal(double_wells(netlist, barrier=height, compensate=c)) - exact)
            for c in (False, True)
        )
        wells = double_wells(netlist, barrier=height)
        steps = wells.meta["double_well"]["sweep"] / wells.dt
        over = kramers_rate(height, 1.0) / escape_rate(height, 1.0)
        floor = f"{bare.sum():11.5f}  {mended.sum():11.5f}"
        print(f"{height:4.0f} kT  {floor}  {over:20.3f}  {steps:13,.0f}")


@numba.njit(parallel=True, cache=True)
def _normals(out, steps):
    for t in numba.prange(out.shape[0]):
        for k in range(steps):
            fill_normals(out[t], np.uint64(0), np.uint64(TILE * t), k)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=numba.config.NUMBA_NUM_THREADS)
    parser.add_argument("--floor", action="store_true")
    options = parser.parse_args()
    if options.floor:
        floors()
        return
    numba.set_num_threads(options.threads)
    print(
        f"{options.threads} threads of {os.cpu_count()}, load before {os.getloadavg()[0]:.2f}, "
        f"jax {jax.__version__}, numba {numba.__version__}; {this_host()}"
    )
    wells, right, down = lattice()
    print(f"{wells.n_cells} double wells x {RUNS} trajectories x {STEPS} steps")
    layouts = {"(rows, columns, runs)": (0, 1), "(runs, rows, columns)": (1, 2)}
    still = {name: scan(wells, right, down, axes, 0.0, "threefry2x32") for name, axes in layouts.items()}
    first = interleave(still, 3)
    best = min(first, key=lambda name: first[name][0])
    for name, (seconds, _, _) in first.items():
        print(f"  JAX, kT = 0, {name:<34} {seconds:8.4f} s{'  <- the peer' * (name == best)}")
    axes = layouts[best]
    out = np.empty((RUNS // TILE, wells.n_cells, TILE), np.float32)

    def ours(kT):
        return lambda: simulate(wells, kT=kT, runs=RUNS, heat=False, threads=options.threads)

    calls = {
        "ours": ours(1.0),
        **{
            f"JAX, {impl}": scan(wells, right, down, axes, 1.0, impl)
            for impl in ("threefry2x32", "rbg", "unsafe_rbg")
        },
        "ours, kT = 0": ours(0.0),
        "our normals alone": lambda: _normals(out, STEPS),
    }
    got = interleave(calls, options.repeats)
    for name, (seconds, spread, cpu) in got.items():
        print(f"  {name:<24} {seconds:8.4f} s +- {spread:.4f}   {cpu:8.4f} CPU s")
    updates = wells.n_cells * RUNS * STEPS
    for k, clock in ((0, "wall"), (2, "CPU")):
        mine, normals = got["ours"][k], got["our normals alone"][k]
        default = got["JAX, threefry2x32"][k]
        fastest = min(seconds[k] for name, seconds in got.items() if name.startswith("JAX"))
        print(
            f"  {clock:<4}: {updates / mine:.3g} cell updates/s; ratio to the default generator "
            f"{default / mine:.2f}, to the fastest {fastest / mine:.2f} (goal 5); limit of the "
            f"normals {updates / normals:.3g}/s, our share {normals / mine:.2f}"
        )
    print(f"load after {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
