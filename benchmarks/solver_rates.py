"""Rates of the solver, each beside what it is held to, in one process and interleaved.

    python benchmarks/solver_rates.py [--only NAME ...] [--size 4096] [--side 1000] [--runs 5]
        [--beside CHECKOUT]

tempering : p-bit updates a second of replica exchange (two ladders of 8, exchanges after every sweep)
    over those of plain sampling of as many chains, on one thread; a torus of 32 x 32, couplings +-1
clusters : sweeps of each of two ladders of 12 until the least energy known is seen, with and without
    exchanged clusters; tori of 24 x 24, couplings +-1, the least energy of 5,000 sweeps of both
lattice : one torus of side x side, kT = 2, couplings +-1, which the kernel keeps in bytes, and normal
    ones, in floats: updates a second on one thread and on two, wall and processor time; what the
    kernel's parts alone take: its random numbers, and its sums with their heat bath; bytes a second
    that it reads of the graph, beside a copy of memory. Best of so many runs: others' work on the
    machine only ever slows a run
all to all : Sherrington and Kirkpatrick's glass of `size` spins: processor seconds and memory (its own
    peak over what it began with) from couplings as arrays to p-bits ready to run, by part; sweeps of one
    chain; bytes a second of matrix rows that flips read, beside a copy of memory; least energy a spin of
    2,000 sweeps, beside -0.7632 + 0.70 n^(-2/3), ground states of n spins (memory)
--beside : sweeps of the same glass and of the lattice by another checkout of thermoc, in turns
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numba
import numpy as np

from compiler.families.ising import IsingModel, from_edges, lower_ising
from thermo.kernels.spins import cells as kernel
from thermo.kernels.spins.rows import words_of_cells
from thermo.simulate.spins.cells import CellChains
from thermo.simulate.spins.dense import DenseSystem
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.temper import temper

KT = (1.0, 0.05)  # ramp of the glass


def torus(side: int, seed: int = 0, normal: bool = False) -> IsingModel:
    at = np.arange(side * side).reshape(side, side)
    row, col = np.tile(at.ravel(), 2), np.concatenate([np.roll(at, 1, k).ravel() for k in (0, 1)])
    rng = np.random.default_rng(seed)
    J = rng.normal(size=row.size) if normal else rng.choice([-1.0, 1.0], row.size)
    return from_edges(np.zeros(side * side), row, col, J)


def glass(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    row, col = np.triu_indices(n, 1)
    return row, col, np.random.default_rng(0).normal(size=row.size) / np.sqrt(n)


def tempering(runs: int) -> None:
    net = lower_ising(torus(32), sample=True)
    ladder = np.geomspace(0.3, 3.0, 8)

    def rates() -> tuple[float, float]:
        ours = temper(net, ladder=ladder, sweeps=1000, sets=2, seed=1, threads=1)
        plain = [
            simulate_spins(net, chains=2, kT=float(kT), sweeps=1000, threads=1, method="chains")
            for kT in ladder
        ]
        seconds = sum(r.seconds for r in plain)
        return ours.updates / ours.seconds, sum(r.updates for r in plain) / seconds

    rates()  # numba compiles
    each = [rates() for _ in range(runs)]
    ours, plain = np.median(each, axis=0)
    ratio = np.median([a / b for a, b in each])
    print(f"tempering   {ours:.2e} updates/s, {ratio:.2f} of plain sampling ({plain:.2e})")


def clusters(runs: int) -> None:
    ladder = np.geomspace(0.2, 2.0, 12)
    needed: dict[bool, list[float]] = {False: [], True: []}
    longer = []
    for seed in range(runs):
        net = lower_ising(torus(24, seed), sample=True)
        found = {
            kind: temper(net, ladder=ladder, sweeps=5_000, sets=2, seed=seed, clusters=kind, method="chains")
            for kind in needed
        }
        longer.append(found[True].seconds / found[False].seconds)
        least = min(r.best_energy for r in found.values())
        for kind, r in found.items():
            seen = (r.energy <= least + 1e-6).any(axis=(0, 1))
            needed[kind].append(float(r.observed_at[np.argmax(seen)]) if seen.any() else np.inf)
    told = (f"{np.median(needed[k]):.0f} {name}" for k, name in ((True, "with"), (False, "without")))
    print(
        f"clusters    sweeps to the least energy, median of {runs} glasses: {', '.join(told)}; a sweep "
        f"takes {np.median(longer):.1f} times as long"
    )


@numba.njit(nogil=True)
def words_alone(words: np.ndarray, blocks: int, sweeps: int) -> None:
    for t in range(sweeps):
        for b in range(blocks):
            words_of_cells(words[b % 64], 1, 0, t, 64 * b)


@numba.njit(nogil=True)
def updates_alone(spin, own, slots, bases, ends, weight, words, sweeps):  # type: ignore[no-untyped-def]
    beta, scale = np.float32(1.0), np.float32(1.0)
    for _ in range(sweeps):
        for g in range(slots.size - 1):
            first, last = slots[g], slots[g + 1]
            kernel._update_group(
                spin, weight, bases, ends, first, last, own, words, g * 16, (g % 4) * 16, scale, beta, 65535
            )


def best(runs: int, **each: Callable[[], object]) -> dict[str, tuple[float, float]]:
    """Least wall and processor seconds of each, in turns."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in each}
    for turn in range(runs + 1):
        for name, run in each.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            if turn:  # numba compiles
                taken[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return {name: (min(w for w, _ in t), min(c for _, c in t)) for name, t in taken.items()}


def lattice(side: int, runs: int, normal: bool, sweeps: int = 100) -> None:
    system = SpinSystem.from_netlist(lower_ising(torus(side, normal=normal)))
    states, words = system.random_states(1), np.empty((64, 64), np.uint32)
    memory = np.ones(1 << 24), np.empty(1 << 24)
    threads = int(numba.config.NUMBA_NUM_THREADS)
    with (
        CellChains(system, states, 1, threads=1) as one,
        CellChains(system, states, 1, threads=threads) as two,
    ):
        graph, spin = one._graph, one._spin[0].copy()
        t = best(
            runs,
            one=lambda: one.sweep(2.0, sweeps, 0),
            two=lambda: two.sweep(2.0, sweeps, 0),
            words=lambda: words_alone(words, system.layout.n_places // 64, sweeps),
            updates=lambda: updates_alone(spin, one._own, *graph, words[0], sweeps),
            copy=lambda: np.copyto(memory[1], memory[0]),
        )
    n = system.n * sweeps
    share = graph[2].shape[0] / graph[1].size
    (one_wall, one_cpu), (two_wall, two_cpu) = t["one"], t["two"]
    kind = "floats" if normal else "bytes"
    print(f"lattice     {system.n:,} spins, {graph[1].size:,} slots of {kind}, {100 * share:.1f} % apart")
    print(f"            one thread {n / one_wall:.2e} updates/s ({n / one_cpu:.2e} a second of processor)")
    print(
        f"            {threads} threads {n / two_wall:.2e} updates/s ({n / two_cpu:.2e} a second of "
        f"processor), {one_wall / two_wall:.2f} times one"
    )
    parts = ", ".join(f"{name} {n / t[name][1]:.2e}" for name in ("words", "updates"))
    both = t["words"][1] + t["updates"][1]
    stream = sum(a.nbytes for a in graph) + one._own.nbytes + 2 * spin.nbytes
    print(
        f"            parts alone, updates/s of processor: {parts}; both {n / both:.2e}, the kernel's share "
        f"{both / one_cpu:.2f}; {stream * sweeps / one_cpu / 1e9:.1f} GB/s of graph, a copy "
        f"{2 * memory[0].nbytes / t['copy'][1] / 1e9:.1f}"
    )


def all_to_all(n: int) -> None:
    small = lower_ising(from_edges(np.zeros(100), *np.triu_indices(100, 1), np.ones(4950)), sweeps=10)
    simulate_spins(small, chains=1)  # numba compiles
    row, col, J = glass(n)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before, began = memory_of("VmRSS"), time.process_time()
    told = []
    model = from_edges(np.zeros(n), row, col, J)
    told.append(("model", time.process_time() - began))
    net = lower_ising(model)
    told.append(("netlist", time.process_time() - began))
    system = DenseSystem.from_netlist(net)
    told.append(("matrix", time.process_time() - began))
    size = memory_of("VmHWM") - before
    starts = [0.0, *(end for _, end in told)]
    parts = ", ".join(f"{name} {end - start:.2f}" for (name, end), start in zip(told, starts, strict=False))
    print(f"all to all  {n:,} spins: built in {told[-1][1]:.2f} s of processor ({parts}), {size:.0f} MB")
    del system
    memory = np.ones(1 << 24), np.empty(1 << 24)
    copy = best(3, copy=lambda: np.copyto(memory[1], memory[0]))["copy"][1]
    began = time.process_time()
    result = simulate_spins(net, chains=1, sweeps=2000, seed=1, threads=1)
    seconds = time.process_time() - began
    rate = f"{result.sweeps / result.seconds:.0f} sweeps/s, {result.flips / seconds:.2e} flips/s of processor"
    print(
        f"            {rate}, {4 * n * result.flips / seconds / 1e9:.1f} GB/s of rows, a copy "
        f"{2 * memory[0].nbytes / copy / 1e9:.1f}"
    )
    known = -0.7632 + 0.70 * n ** (-2 / 3)
    least = result.best_energy / n
    print(
        f"            least energy {least:.4f} a spin, {100 * abs(least / known - 1):.2f} % from {known:.4f}"
    )


WORKER = """
import sys
import numpy as np
try:  # thermoc 0.1.0
    from compiler.frontends.ising import lower_ising
    from compiler.models.ising import from_edges
    from thermo.simulate.spins import simulate_spins
except ImportError:
    from compiler.families.ising import from_edges, lower_ising
    from thermo.simulate.spins.run import simulate_spins
n, side = int(sys.argv[1]), int(sys.argv[2])
row, col = np.triu_indices(n, 1)
J = np.random.default_rng(0).normal(size=row.size) / np.sqrt(n)
glass = lower_ising(from_edges(np.zeros(n), row, col, J), sweeps=100, kT=(1.0, 0.05))
at = np.arange(side * side).reshape(side, side)
row, col = np.tile(at.ravel(), 2), np.concatenate([np.roll(at, 1, k).ravel() for k in (0, 1)])
J = np.random.default_rng(0).choice([-1.0, 1.0], row.size)
lattice = lower_ising(from_edges(np.zeros(side * side), row, col, J), sweeps=20, kT=(2.0, 1.9))
print("ready", flush=True)
for line in sys.stdin:
    net = glass if line.strip() == "glass" else lattice
    r = simulate_spins(net, chains=1, seed=1)
    print(r.updates / r.seconds, flush=True)
"""


def beside(checkout: str, n: int, side: int, runs: int) -> None:
    """Updates a second of the glass and of the lattice, ours and another version's in turns."""
    workers = {}
    for name, path in (("ours", str(Path(__file__).resolve().parents[1])), ("other", checkout)):
        workers[name] = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(n), str(side)],
            env=os.environ | {"PYTHONPATH": path},
            cwd=path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        workers[name].stdout.readline()
    for problem in ("glass", "lattice"):
        rates: dict[str, list[float]] = {name: [] for name in workers}
        for turn in range(runs + 1):
            for name, worker in workers.items():
                worker.stdin.write(problem + "\n")
                worker.stdin.flush()
                rate = float(worker.stdout.readline())
                if turn:  # numba compiles
                    rates[name].append(rate)
        ratio = np.median([a / b for a, b in zip(rates["ours"], rates["other"], strict=True)])
        ours, other = (np.median(rates[name]) for name in workers)
        print(f"beside      {problem}: {ours:.2e} updates/s, {ratio:.1f} times the other's {other:.2e}")
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()


def memory_of(what: str) -> float:
    """MB of this process: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what + ":")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ["tempering", "clusters", "lattice", "glass"]
    parser.add_argument("--only", nargs="*", choices=names, default=names)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--beside", default=None)
    arguments = parser.parse_args()
    if "tempering" in arguments.only:
        tempering(arguments.runs)
    if "clusters" in arguments.only:
        clusters(arguments.runs)
    if "lattice" in arguments.only:
        for normal in (False, True):
            lattice(arguments.side, arguments.runs, normal)
    if "glass" in arguments.only:
        all_to_all(arguments.size)
    if arguments.beside:
        beside(arguments.beside, arguments.size, arguments.side, arguments.runs)


if __name__ == "__main__":
    main()
