"""Max-Cut in one second a run: thermoc's annealed p-bits beside dwave-samplers, interleaved.

    python benchmarks/max_cut.py [--runs 20] [--seconds 1] [--graphs G14 G22 G55] [--peer]

Ours: the default schedule of `compile`, two chains on two threads, stretched to the wall time
(`simulate_spins(net, chains=2, seconds=1)`), the ramp following the clock; reading the file and compiling
kernels are not counted. The peer, SimulatedAnnealingSampler with its own default range of
temperatures, gets the same wall time and threads in two ways: one long read a thread, and as many
reads of its default 1000 sweeps as fit. Its speed is measured before its time begins. Best known
cuts: 3064, 13359, 10299. Seeds are 0 to runs - 1.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from compiler.families.ising import IsingModel, lower_ising
from compiler.formats.ising.rudy import read_rudy
from thermo.simulate.spins.run import simulate_spins

BAR = {"G14": 3055, "G22": 13350, "G55": 10280}
BEST = {"G14": 3064, "G22": 13359, "G55": 10299}
THREADS = 2


class Peer:
    """dwave-samplers' simulated annealing in a given wall time."""

    def __init__(self, model: IsingModel) -> None:
        import dimod
        from dwave.samplers import SimulatedAnnealingSampler

        bqm = dimod.BinaryQuadraticModel("SPIN")
        bqm.add_linear_from_array(-model.h)
        pairs = model.row.tolist(), model.col.tolist(), (-model.J).tolist()
        bqm.add_quadratic_from(zip(*pairs, strict=True))
        self.bqm, self.offset = bqm, model.offset
        self.sampler = SimulatedAnnealingSampler()
        sweeps, took = 250, 0.0
        while took < 0.3:  # long enough that a start or a hiccup does not count
            sweeps *= 2
            took = min(self.sample(1, sweeps, 0)[1] for _ in range(2))
        self.sweep = took / sweeps  # seconds, on THREADS threads at once

    def sample(self, reads: int, sweeps: int, seed: int) -> tuple[float, float]:
        """Least energy and seconds of so many reads on each thread."""
        began = time.perf_counter()

        def work(k: int) -> float:
            found = self.sampler.sample(
                self.bqm, num_reads=reads, num_sweeps=sweeps, seed=THREADS * seed + k + 1
            )
            return float(found.record.energy.min())

        with ThreadPoolExecutor(THREADS) as pool:
            least = min(pool.map(work, range(THREADS)))
        return least + self.offset, time.perf_counter() - began

    def long(self, seconds: float, seed: int) -> tuple[float, float]:
        return self.sample(1, max(1, int(seconds / self.sweep)), seed)

    def many(self, seconds: float, seed: int) -> tuple[float, float]:
        return self.sample(max(1, int(seconds / self.sweep / 1000)), 1000, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--graphs", nargs="*", default=list(BAR))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("THERMOC_DATA", ".")))
    parser.add_argument("--peer", action="store_true", help="beside dwave-samplers")
    arguments = parser.parse_args()
    print(f"{arguments.runs} runs of {arguments.seconds:g} s wall each, {THREADS} threads")
    print(
        f"{'graph':>6} {'program':>12} {'median':>8} {'least':>7} {'most':>7} {'wall s':>7} "
        f"{'sweeps':>8} {'wanted':>7} {'known':>7}"
    )
    for graph in arguments.graphs:
        model = read_rudy(arguments.data / "gset" / f"{graph}.txt")
        net = lower_ising(model)
        peer = Peer(model) if arguments.peer else None
        simulate_spins(net, chains=2, sweeps=10, threads=THREADS)  # numba compiles
        found: dict[str, list[float]] = {}
        taken: dict[str, list[float]] = {}
        sweeps: list[int] = []
        for seed in range(arguments.runs):
            began = time.perf_counter()
            result = simulate_spins(net, chains=2, seconds=arguments.seconds, seed=seed, threads=THREADS)
            seconds = time.perf_counter() - began
            sweeps.append(result.sweeps)
            runs = {"thermoc": (result.best_energy, seconds)}
            if peer is not None:
                runs["dwave long"] = peer.long(arguments.seconds, seed)
                runs["dwave 1000"] = peer.many(arguments.seconds, seed)
            for name, (energy, wall) in runs.items():
                found.setdefault(name, []).append((net.problem.goal.total_weight - energy) / 2)
                taken.setdefault(name, []).append(wall)
        for name, values in found.items():
            print(
                f"{graph:>6} {name:>12} {np.median(values):>8.1f} {min(values):>7.0f} "
                f"{max(values):>7.0f} {np.median(taken[name]):>7.2f} "
                f"{np.median(sweeps) if name == 'thermoc' else np.nan:>8.0f} "
                f"{BAR.get(graph, np.nan):>7} {BEST.get(graph, np.nan):>7}",
                flush=True,
            )


if __name__ == "__main__":
    main()
