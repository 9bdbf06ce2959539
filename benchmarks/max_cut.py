"""Max-Cut and an all-to-all glass in a given wall time: thermoc beside its peers, interleaved.

    python benchmarks/max_cut.py [--runs 20] [--seconds 1] [--graphs G14 G22 G55] [--glass 4096] [--peers]

Ours: what `simulate_spins(net, chains=2, seconds=1)` does on two threads, of sparse graphs two searches by
populations of annealed states (thermo.kernels.spins.population); reading the file and compiling kernels are
not counted. Peers get the same wall time and threads. dwave-samplers' SimulatedAnnealingSampler, with its
own default range of temperatures, in two forms: one long read a thread, and as many reads of its default
1000 sweeps as fit. ferrotherm in two forms, one run a thread: `anneal` at its default temperatures, its
stages made longer, and `breakout`, its search for cuts. A peer's work is what fits by the speed of its run
before; the first's is measured before the time begins. Best known cuts: 3064, 13359, 10299. --glass N is
Sherrington and Kirkpatrick's of N spins, told as least energy a spin (with its sign turned). Seeds are 0 to
runs - 1.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from compiler.families.ising import IsingModel, from_edges, lower_ising
from compiler.formats.ising.rudy import read_rudy
from compiler.ir.goals import MaxCut
from thermo.simulate.spins.run import simulate_spins

BEST = {"G14": 3064, "G22": 13359, "G55": 10299}
THREADS = 2


def instructions() -> str:
    """Of this processor, the widest that kernels use."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return "unknown"
    return next((name for name in ("avx512f", "avx2", "asimd") if name in flags), "unknown")


def pool(work: Callable[[int], float]) -> tuple[float, float]:
    """Least energy and seconds of one piece of work a thread."""
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        least = min(threads.map(work, range(THREADS)))
    return least, time.perf_counter() - began


def speed(sample: Callable[[int], tuple[float, float]], size: int) -> float:
    """Seconds of one unit of work, on all threads at once."""
    took = 0.0
    while took < 0.3:  # long enough that a start or a hiccup does not count
        size *= 2
        took = min(sample(size)[1] for _ in range(2))
    return took / size


class DWave:
    """dwave-samplers' simulated annealing in a given wall time."""

    def __init__(self, model: IsingModel) -> None:
        import dimod
        from dwave.samplers import SimulatedAnnealingSampler

        bqm = dimod.BinaryQuadraticModel("SPIN")
        bqm.add_linear_from_array(-model.h)
        pairs = model.row.tolist(), model.col.tolist(), (-model.J).tolist()
        bqm.add_quadratic_from(zip(*pairs, strict=True))
        self.bqm, self.offset = bqm, model.problem.offset
        self.sampler = SimulatedAnnealingSampler()
        self.sweep = speed(lambda sweeps: self.sample(1, sweeps, 0), 16)
        self.read = 1000 * self.sweep

    def sample(self, reads: int, sweeps: int, seed: int) -> tuple[float, float]:
        """Least energy and seconds of so many reads on each thread."""

        def work(k: int) -> float:
            found = self.sampler.sample(
                self.bqm, num_reads=reads, num_sweeps=sweeps, seed=THREADS * seed + k + 1
            )
            return float(found.record.energy.min()) + self.offset

        return pool(work)

    def long(self, seconds: float, seed: int) -> tuple[float, float]:
        sweeps = max(1, int(seconds / self.sweep))
        least, took = self.sample(1, sweeps, seed)
        self.sweep = took / sweeps
        return least, took

    def many(self, seconds: float, seed: int) -> tuple[float, float]:
        reads = max(1, int(seconds / self.read))
        least, took = self.sample(reads, 1000, seed)
        self.read = took / reads
        return least, took


class Ferrotherm:
    """ferrotherm's annealing and breakout search in a given wall time."""

    def __init__(self, model: IsingModel) -> None:
        self.model = model
        self.edges = list(zip(model.row.tolist(), model.col.tolist(), model.J.tolist(), strict=True))
        self.sweep = speed(lambda size: self.sample("anneal", size, 0), 1)
        self.turn = speed(lambda size: self.sample("breakout", size, 0), 1000)

    def sample(self, method: str, size: int, seed: int) -> tuple[float, float]:
        """Least energy and seconds of one run on each thread, building the model not counted."""
        import ferrotherm

        sims = []
        for k in range(THREADS):
            built = ferrotherm.Model(self.model.h.size)
            built.couple_many(self.edges)
            sims.append(built.build(beta=1.0, seed=THREADS * seed + k + 1))

        def work(k: int) -> float:
            if method == "breakout":
                least = sims[k].breakout(size).energy
            else:
                least = sims[k].anneal(sweeps_per_stage=size)
            return float(least) + self.model.problem.offset

        return pool(work)

    def anneal(self, seconds: float, seed: int) -> tuple[float, float]:
        sweeps = max(1, int(seconds / self.sweep))
        least, took = self.sample("anneal", sweeps, seed)
        self.sweep = took / sweeps
        return least, took

    def breakout(self, seconds: float, seed: int) -> tuple[float, float]:
        turns = max(1, int(seconds / self.turn))
        least, took = self.sample("breakout", turns, seed)
        self.turn = took / turns
        return least, took


def ours(model: IsingModel) -> Callable[[float, int], tuple[float, float]]:
    net = lower_ising(model)
    simulate_spins(net, chains=2, seconds=0.2, threads=THREADS)  # numba compiles

    def run(seconds: float, seed: int) -> tuple[float, float]:
        began = time.perf_counter()
        result = simulate_spins(net, chains=2, seconds=seconds, seed=seed, threads=THREADS)
        return result.best_energy, time.perf_counter() - began

    return run


def glass(n: int) -> IsingModel:
    row, col = np.triu_indices(n, 1)
    J = np.random.default_rng(0).normal(size=row.size) / np.sqrt(n)
    return from_edges(np.zeros(n), row, col, J)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--graphs", nargs="*", default=list(BEST))
    parser.add_argument("--glass", type=int, nargs="*", default=[])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("THERMOC_DATA", ".")))
    parser.add_argument("--peers", nargs="*", default=[], help="dwave, ferrotherm")
    parser.add_argument("--one-form", action="store_true", help="of each peer the first form alone")
    arguments = parser.parse_args()
    print(
        f"{arguments.runs} runs of {arguments.seconds:g} s wall each, {THREADS} threads, {instructions()}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'problem':>8} {'program':>19} {'median':>9} {'worst':>9} {'best':>9} {'at best known':>13} "
        f"{'wall s':>7}"
    )
    problems = [(g, read_rudy(arguments.data / "gset" / f"{g}.txt")) for g in arguments.graphs]
    problems += [(f"SK {n}", glass(n)) for n in arguments.glass]
    for problem, model in problems:
        programs = {"thermoc": ours(model)}
        if "dwave" in arguments.peers:
            dwave = DWave(model)
            programs["dwave long"] = dwave.long
            if not arguments.one_form:
                programs["dwave 1000"] = dwave.many
        if "ferrotherm" in arguments.peers:
            ferrotherm = Ferrotherm(model)
            programs["ferrotherm anneal"] = ferrotherm.anneal
            if not arguments.one_form:
                programs["ferrotherm breakout"] = ferrotherm.breakout
        found: dict[str, list[float]] = {name: [] for name in programs}
        taken: dict[str, list[float]] = {name: [] for name in programs}
        for seed in range(arguments.first, arguments.first + arguments.runs):
            for name, run in programs.items():
                energy, wall = run(arguments.seconds, seed)
                goal = model.problem.goal
                cut = isinstance(goal, MaxCut)
                found[name].append((goal.total_weight - energy) / 2 if cut else -energy / model.h.size)
                taken[name].append(wall)
        best = BEST.get(problem)
        digits = ".1f" if best else ".5f"
        for name, values in found.items():
            share = "" if best is None else f"{sum(v >= best for v in values)} of {len(values)}"
            print(
                f"{problem:>8} {name:>19} {np.median(values):>9{digits}} {min(values):>9{digits}} "
                f"{max(values):>9{digits}} {share:>13} {np.median(taken[name]):>7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
