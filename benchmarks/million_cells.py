"""A sparse netlist of degree 8, from a thousand to a million cells: verify, save, load and run.

    python benchmarks/million_cells.py [--steps 20] [--threads N]

Prints seconds of each stage, seconds per step and bytes per cell at each size, and by which power
of the number of cells they grow.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from compiler.ir.container import load, save
from compiler.ir.kinds import verify
from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase
from thermo.simulate import simulate

DT = 1e-3


def random_netlist(n: int, degree: int, seed: int = 0) -> LangevinNetlist:
    """n quartic cells on a random graph of degree / 2 rings, symmetric float32 couplings."""
    rng = np.random.default_rng(seed)
    ends = []
    for _ in range(degree // 2):
        ring = rng.permutation(n)
        ends.append(np.stack([ring, np.roll(ring, 1)]))
    a, b = np.sort(np.concatenate(ends, axis=1), axis=0)
    pairs = np.unique(a.astype(np.int64) * n + b)
    a, b = pairs // n, pairs % n
    w = (0.3 * rng.standard_normal(pairs.size)).astype(np.float32)
    couplings = Couplings.from_coo(CouplingKind.LINEAR, n, np.r_[a, b], np.r_[b, a], np.concatenate([w, w]))
    cells = Cells.make(n, j2=1.0, j4=1.0, h=rng.standard_normal(n))
    return LangevinNetlist(cells, (couplings,), 1.0, 1.0, (Phase("run", DT),), dt=DT)


def timed(call):
    """The call's result and its seconds."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**3, 10**4, 10**5, 10**6])
    options = parser.parse_args()

    small = random_netlist(1000, 8)
    for n in (1000, options.sizes[-1]):  # compile both forms of the kernel before any clock runs
        simulate(small if n == 1000 else random_netlist(1 << 16, 8), heat=False)
    print(
        f"{'cells':>8} {'build s':>8} {'verify s':>8} {'save s':>8} {'load s':>8} "
        f"{'s/step':>10} {'ns/cell':>8} {'file B/cell':>11} {'state B/cell':>12}"
    )
    rows = []
    for n in options.sizes:
        netlist, build = timed(lambda n=n: random_netlist(n, 8))
        _, check = timed(lambda netlist=netlist: verify(netlist))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.tnl"
            _, write = timed(lambda netlist=netlist, path=path: save(netlist, path))
            size = path.stat().st_size
            loaded, read = timed(lambda path=path: load(path))
        steps = max(options.steps, 2_000_000 // n)
        long = loaded.with_(schedule=(Phase("run", steps * DT),))
        times = []
        for _ in range(5):  # the difference of a long and a one-step run leaves the steps
            start = time.perf_counter()
            simulate(loaded, heat=False, threads=options.threads)
            middle = time.perf_counter()
            simulate(long, heat=False, threads=options.threads)
            times.append((time.perf_counter() - 2 * middle + start) / (steps - 1))
        step = float(np.median(times))
        # what a step touches: two states, the couplings and the cells' six columns, in float32
        touched = 4 * (2 * n + 2 * loaded.n_couplings + 6 * n) + loaded.couplings[0].indptr.nbytes
        rows.append((n, step, size / n))
        print(
            f"{n:>8} {build:>8.3f} {check:>8.3f} {write:>8.3f} {read:>8.3f} {step:>10.3e} "
            f"{step / n * 1e9:>8.2f} {size / n:>11.1f} {touched / n:>12.1f}"
        )
    n, step, size = np.array(rows).T
    if len(rows) > 1:
        slope = [np.polyfit(np.log(n), np.log(v), 1)[0] for v in (step, size * n)]
        print(f"seconds per step grow as cells^{slope[0]:.2f}, file bytes as cells^{slope[1]:.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory of the process {peak:.2f} GiB")


if __name__ == "__main__":
    main()
