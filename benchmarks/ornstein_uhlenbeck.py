"""Exact Ornstein-Uhlenbeck sampling beside thermox, in one process, interleaved.

    python benchmarks/ornstein_uhlenbeck.py [--repeats 9] [--threads N]

64 cells with a symmetric positive definite drift, identity diffusion (which thermox samples
correctly), 256 trajectories x 1000 steps, every state kept; the matrices of both are worked out
before. thermox runs jitted and vmapped over trajectories, in its two forms: the associative scan,
which is its default, and the scan, which is faster on a CPU; both ratios are printed. Beside stands
the limit measured in the same run: the matrix products by themselves plus the normal numbers by
themselves, and our share of it. Each time is that of the second of two calls in a row: what another
method did to the memory is over by then. Medians; the spread is half the interquartile range. The
covariance errors of both are printed last.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numba
import numpy as np
import thermox
from scipy.integrate import quad_vec
from scipy.linalg import expm
from threadpoolctl import threadpool_limits

from thermo.kernels.jit import njit
from thermo.kernels.random import fill_normals
from thermo.reproduce.host import this_host
from thermo.simulate.gaussian.exact import exact_sampler, transition

CELLS, RUNS, STEPS, DT = 64, 256, 1000, 0.01
GOAL = 20.0


def drift() -> np.ndarray:
    """A symmetric positive definite matrix with eigenvalues from about 0.1 to 4."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(CELLS, CELLS))
    return root @ root.T / CELLS + 0.1 * np.eye(CELLS)


def peers(a: np.ndarray) -> dict[str, Callable[[], None]]:
    """thermox's two forms, jitted, all trajectories in one call."""
    ts = jnp.arange(STEPS + 1) * DT
    pa, pd = thermox.utils.preprocess(jnp.asarray(a), jnp.eye(CELLS))
    x0, b = jnp.zeros(CELLS), jnp.ones(CELLS)
    out = {}
    for name, associative in (("scan", False), ("associative scan", True)):

        @jax.jit
        def run(keys, associative=associative):
            return jax.vmap(lambda k: thermox.sample(k, ts, x0, pa, b, pd, associative))(keys)

        keys = jax.random.split(jax.random.PRNGKey(0), RUNS)
        out[f"thermox, {name}"] = lambda run=run, keys=keys: run(keys).block_until_ready()
    return out


@njit(cache=True, nogil=True)
def _normals(out, steps, first):  # type: ignore[no-untyped-def]
    for k in range(steps):
        fill_normals(out, np.uint64(0), np.uint64(first), k)


@njit(cache=True, nogil=True)
def _products(maps, old, new, steps):  # type: ignore[no-untyped-def]
    for _ in range(steps):
        np.dot(maps, old, new)


def limits(threads: int) -> dict[str, Callable[[], None]]:
    """The products V y of all states, and the normals, each with all threads."""
    maps = np.ones((CELLS, CELLS), np.float32)
    tiles = RUNS // 64

    def product(tile: int) -> None:
        old, new = np.ones((CELLS, 64), np.float32), np.empty((CELLS, 64), np.float32)
        _products(maps, old, new, STEPS)

    def normals(tile: int) -> None:
        _normals(np.empty((CELLS, 64), np.float32), STEPS, 64 * tile)

    def all_tiles(work: Callable[[int], None]) -> None:
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(tiles)))

    return {"products": lambda: all_tiles(product), "normals": lambda: all_tiles(normals)}


def interleave(calls: dict[str, Callable[[], None]], repeats: int) -> dict[str, np.ndarray]:
    """Of every call, all in turn: median seconds, half the interquartile range, CPU seconds."""
    for call in calls.values():
        call()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            call()  # fresh pages cost up to as much as the sampling: each has its own back first
            cpu, start = time.process_time(), time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start, time.process_time() - cpu))
    out = {}
    for name, pairs in times.items():
        wall, cpu_seconds = np.array(pairs).T
        low, middle, high = np.percentile(wall, [25, 50, 75])
        out[name] = np.array([middle, (high - low) / 2, np.median(cpu_seconds)])
    return out


def errors() -> None:
    """Relative covariance errors against quadrature."""
    print("\ncovariance after t = 1, relative error to adaptive quadrature")
    chain = 2 * np.eye(5) + 0.5 * (np.eye(5, k=1) + np.eye(5, k=-1))
    noise = 2 * np.eye(5)
    noise[0, 1] = noise[1, 0] = 1.0
    singular = np.array([[1.0, -1.0], [-1.0, 1.0]])
    for name, a, q in (
        ("thermox README", chain, noise),
        ("A = [[1, 3], [0, 2]], D = I", np.array([[1.0, 3.0], [0.0, 2.0]]), np.eye(2)),
        ("A = [[1, -1], [-1, 1]], D = I", singular, np.eye(2)),
    ):
        want = quad_vec(lambda s, a=a, q=q: expm(-a * s) @ q @ expm(-a * s).T, 0, 1, epsabs=1e-13)[0]
        ours = transition((a, 0.0, q), 1.0).covariance
        theirs = np.asarray(thermox.conditional.covariance(1.0, jnp.asarray(a), jnp.asarray(q)))
        size = np.linalg.norm(want)
        gaps = [np.linalg.norm(x - want) / size for x in (ours, theirs)]
        print(f"  {name:<30} ours {gaps[0]:.1e}   thermox {gaps[1]:.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=numba.config.NUMBA_NUM_THREADS)
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{options.threads} threads of {os.cpu_count()}, load before the run {load:.2f}, "
        f"jax {jax.__version__}, numba {numba.__version__}; {this_host()}"
    )
    a = drift()
    skewed = a + 0.01 * np.triu(np.ones_like(a), 1)  # no detailed balance: no independent modes
    times = np.arange(STEPS + 1) * DT
    calls: dict[str, Callable[[], None]] = {}
    for name, matrix in (("ours", a), ("ours, general way", skewed)):
        sampler = exact_sampler((matrix, a @ np.ones(CELLS), 1.0), times)
        calls[name] = lambda s=sampler: s.sample(RUNS, threads=options.threads)  # type: ignore[misc]
    calls |= peers(a) | limits(options.threads)
    got = interleave(calls, options.repeats)
    print(f"{CELLS} cells x {RUNS} trajectories x {STEPS} steps")
    for name, (seconds, spread, cpu) in got.items():
        print(f"  {name:<28} {seconds:8.4f} s +- {spread:.4f}   {cpu:8.4f} CPU s")
    best = min((n for n in got if n.startswith("thermox")), key=lambda n: got[n][0])
    # wall time, then CPU time, which other work on the machine disturbs less
    default = "thermox, associative scan"
    for k, what in ((0, "wall"), (2, "CPU")):
        mine = got["ours"][k]
        bound = got["products"][k] + got["normals"][k]
        rate = CELLS * RUNS * STEPS / got["normals"][k]
        general = got[best][k] / got["ours, general way"][k]
        print(
            f"  {what:<4}: ratio to thermox's default form {got[default][k] / mine:.1f}, to its "
            f"faster one ({best}) {got[best][k] / mine:.1f} (goal {GOAL:g}), by "
            f"transition matrices {general:.1f}; limit {bound:.4f} s, our share "
            f"{bound / mine:.2f}; {rate:.3g} normals a second"
        )
    errors()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"\nload after the run {load:.2f}")


if __name__ == "__main__":
    main()
