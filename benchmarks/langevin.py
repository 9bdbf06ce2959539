"""Our Euler-Maruyama kernels beside a jitted JAX scan, in one process, interleaved.

    python benchmarks/langevin.py [--repeats 9] [--threads N] [--only dense]

Two netlists: 128 densely coupled cells x 256 trajectories x 1000 steps, and 4096 cells of degree 8
x 256 trajectories x 200 steps. The peer is the fastest of several JAX formulations, for each of its
two generators; without noise apart. Beside each stands the limit measured in the same run: the
couplings' product by itself plus our normal numbers by themselves, and our share of it. Medians;
the spread is half the interquartile range.
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
from jax.experimental import sparse as jsparse
from million_cells import random_netlist
from threadpoolctl import threadpool_limits

from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase
from thermo.kernels.random import fill_normals
from thermo.reproduce.host import this_host
from thermo.simulate import simulate

DT = 1e-3


def dense_netlist(n: int, steps: int) -> LangevinNetlist:
    """n quartic cells, all coupled symmetrically."""
    rng = np.random.default_rng(0)
    w = 0.1 * rng.standard_normal((n, n))
    w = (w + w.T).astype(np.float32)
    np.fill_diagonal(w, 0.0)
    couplings = Couplings.from_dense(CouplingKind.LINEAR, w)
    cells = Cells.make(n, j2=1.0, j4=1.0, h=rng.standard_normal(n))
    return LangevinNetlist(cells, (couplings,), 1.0, 1.0, (Phase("run", steps * DT),), dt=DT)


def scan(couple: Callable, h: np.ndarray, steps: int, shape: tuple[int, int], kT: float, impl: str):
    """A jitted Euler-Maruyama scan on states of `shape`; x -> couple(x) is the coupling force."""
    sigma = np.float32(np.sqrt(2 * kT * DT))
    bias = jnp.asarray(h, jnp.float32)
    bias = bias[:, None] if shape[0] == h.size else bias

    def step(carry, _):
        x, key = carry
        force = bias + couple(x) - x * (2.0 + 4.0 * x * x)
        new = x + DT * force
        if kT > 0:
            key, sub = jax.random.split(key)
            new = new + sigma * jax.random.normal(sub, shape, jnp.float32)
        return (new, key), None

    @jax.jit
    def run(key):
        (x, _), _ = jax.lax.scan(step, (jnp.zeros(shape, jnp.float32), key), None, length=steps)
        return x

    key = jax.random.key(0, impl=impl)
    return lambda: run(key).block_until_ready()


def dense_forms(netlist: LangevinNetlist) -> dict[str, tuple[Callable, bool]]:
    """JAX formulations of a dense product; True where cells are the first axis."""
    group = netlist.couplings[0]
    w = np.zeros((netlist.n_cells,) * 2, np.float32)
    w[group.rows, group.indices] = group.values
    w = jnp.asarray(w)
    return {
        "matmul (cells, runs)": (lambda x: w @ x, True),
        "matmul (runs, cells)": (lambda x: x @ w.T, False),
    }


def sparse_forms(netlist: LangevinNetlist) -> dict[str, tuple[Callable, bool]]:
    """JAX formulations of a sparse product."""
    group, n = netlist.couplings[0], netlist.n_cells
    rows, cols = jnp.asarray(group.rows), jnp.asarray(group.indices)
    values = jnp.asarray(group.values)
    degree = np.diff(group.indptr)
    width = int(degree.max())
    table, weight = np.zeros((n, width), np.int32), np.zeros((n, width), np.float32)
    slot = np.arange(len(group)) - np.repeat(group.indptr[:-1], degree)
    table[group.rows, slot], weight[group.rows, slot] = group.indices, group.values
    bcoo = jsparse.BCOO(
        (values, jnp.stack([rows, cols], axis=1)), shape=(n, n), indices_sorted=True, unique_indices=True
    )

    def by_table(x):
        return sum(weight[:, k, None] * x[table[:, k]] for k in range(width))

    def by_segment(x):
        return jax.ops.segment_sum(values[:, None] * x[cols], rows, n, indices_are_sorted=True)

    return {
        "gather of a degree table": (by_table, True),
        "gather + segment_sum": (by_segment, True),
        "BCOO": (lambda x: bcoo @ x, True),
    }


@numba.njit(parallel=True, cache=True)
def _normals(out, steps):
    for t in numba.prange(out.shape[0]):
        for k in range(steps):
            fill_normals(out[t], np.uint64(0), np.uint64(64 * t), k)


def limit(netlist: LangevinNetlist, runs: int, steps: int, threads: int) -> dict[str, Callable]:
    """The parts of the limit: the product with all cores, and the normals alone."""
    n, group = netlist.n_cells, netlist.couplings[0]
    out = np.empty((max(1, runs // 64), n, 64), np.float32)
    if len(group) > n * n / 2:
        w = np.zeros((n, n), np.float32)
        w[group.rows, group.indices] = group.values
        parts = [np.ones((n, runs // threads), np.float32) for _ in range(threads)]

        def work(x):
            y = np.empty_like(x)
            for _ in range(steps):
                np.dot(w, x, out=y)

        def product():  # every core with its share of the batch; BLAS's own threads do no better
            with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
                list(pool.map(work, parts))
    else:
        still = netlist.with_(cells=Cells.make(n), kT=0.0)

        def product():  # our own product, with nothing else to do: an Euler step of a bare cell
            simulate(still, runs=runs, heat=False, threads=threads)

    return {"product": product, "normals": lambda: _normals(out, steps)}


def interleave(calls: dict[str, Callable], repeats: int) -> dict[str, np.ndarray]:
    """Of every call, all in turn: median seconds, half the interquartile range, CPU seconds."""
    for call in calls.values():
        call()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            cpu, start = time.process_time(), time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start, time.process_time() - cpu))
    result = {}
    for name, pairs in times.items():
        wall, cpu_seconds = np.array(pairs).T
        low, middle, high = np.percentile(wall, [25, 50, 75])
        result[name] = np.array([middle, (high - low) / 2, np.median(cpu_seconds)])
    return result


def compare(
    title: str,
    netlist: LangevinNetlist,
    forms: dict,
    runs: int,
    steps: int,
    goal: float,
    repeats: int,
    threads: int,
) -> None:
    """Run and print one comparison."""
    print(f"\n{title}: {netlist.n_cells} cells x {runs} trajectories x {steps} steps")
    n, h = netlist.n_cells, netlist.cells.h

    def ours(kT):
        return lambda: simulate(netlist, kT=kT, runs=runs, heat=False, threads=threads)

    def peer(form, kT, impl):
        couple, cells_first = form
        return scan(couple, h, steps, (n, runs) if cells_first else (runs, n), kT, impl)

    still = {name: peer(form, 0.0, "threefry2x32") for name, form in forms.items()}
    first = interleave(still, 3) if len(still) > 1 else {}
    best = min(first, key=lambda name: first[name][0]) if first else next(iter(forms))
    for name, (seconds, _, _) in first.items():
        mark = "  <- the peer" if name == best else ""
        print(f"  JAX, kT = 0, {name:<28} {seconds:8.4f} s{mark}")
    calls = {
        "ours": ours(1.0),
        "JAX default generator": peer(forms[best], 1.0, "threefry2x32"),
        "JAX rbg generator": peer(forms[best], 1.0, "rbg"),
        "ours, kT = 0": ours(0.0),
        "JAX, kT = 0": still[best],
    } | limit(netlist, runs, steps, threads)
    got = interleave(calls, repeats)
    for name, (seconds, spread, cpu) in got.items():
        print(f"  {name:<28} {seconds:8.4f} s +- {spread:.4f}   {cpu:8.4f} CPU s")
    # wall time, then CPU time, which other work on the machine disturbs less
    for k, clock in ((0, "wall"), (2, "CPU")):
        default, rbg = got["JAX default generator"][k], got["JAX rbg generator"][k]
        mine, still_mine = got["ours"][k], got["ours, kT = 0"][k]
        bound = got["product"][k] + got["normals"][k]
        print(
            f"  {clock:<4}: ratio to the default generator {default / mine:.2f}, to the faster one "
            f"{min(default, rbg) / mine:.2f} (goal {goal}), at kT = 0 "
            f"{got['JAX, kT = 0'][k] / still_mine:.2f}; "
            f"limit {bound:.4f} s, our share {bound / mine:.2f} (goal 0.6)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--threads", type=int, default=numba.config.NUMBA_NUM_THREADS)
    parser.add_argument("--only", choices=["dense", "sparse"])
    options = parser.parse_args()
    numba.set_num_threads(options.threads)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{options.threads} threads of {os.cpu_count()}, load before the run {load:.2f}, "
        f"jax {jax.__version__}, numba {numba.__version__}; {this_host()}"
    )
    if options.only != "sparse":
        dense = dense_netlist(128, 1000)
        compare("dense", dense, dense_forms(dense), 256, 1000, 2.5, options.repeats, options.threads)
    if options.only != "dense":
        sparse = random_netlist(4096, 8).with_(schedule=(Phase("run", 200 * DT),))
        compare("degree 8", sparse, sparse_forms(sparse), 256, 200, 5.0, options.repeats, options.threads)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"\nload after the run {load:.2f}")


if __name__ == "__main__":
    main()
