"""Rates of the solver, each beside what it is held to, in one process and interleaved.

    python benchmarks/solver_rates.py [--size 4096] [--runs 3]

tempering : p-bit updates a second of replica exchange (two ladders of 8, exchanges after every sweep)
    over those of plain sampling of as many chains, on one thread; a torus of 32 x 32, couplings +-1
all to all : Sherrington and Kirkpatrick's glass of `size` spins: processor seconds and peak memory from
    couplings as arrays to p-bits ready to run, by part; sweeps a second of one chain on its one matrix;
    least energy a spin of 2,000 sweeps (Parisi's limit for infinitely many spins is -0.7632)
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from compiler.families.ising import from_edges, lower_ising
from thermo.simulate.spins.dense import DenseSystem
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.temper import temper


def tempering(runs: int) -> None:
    side = 32
    at = np.arange(side * side).reshape(side, side)
    row, col = np.tile(at.ravel(), 2), np.concatenate([np.roll(at, 1, k).ravel() for k in (0, 1)])
    J = np.random.default_rng(0).choice([-1.0, 1.0], row.size)
    net = lower_ising(from_edges(np.zeros(side * side), row, col, J), sample=True)
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


def all_to_all(n: int) -> None:
    small = lower_ising(from_edges(np.zeros(100), *np.triu_indices(100, 1), np.ones(4950)), sweeps=10)
    simulate_spins(small, chains=1)  # numba compiles
    row, col = np.triu_indices(n, 1)
    J = np.random.default_rng(0).normal(size=row.size) / np.sqrt(n)
    before, began = peak(), time.process_time()
    told = []
    model = from_edges(np.zeros(n), row, col, J)
    told.append(("model", time.process_time() - began))
    net = lower_ising(model)
    told.append(("netlist", time.process_time() - began))
    system = DenseSystem.from_netlist(net)
    told.append(("matrix", time.process_time() - began))
    starts = [0.0, *(end for _, end in told)]
    parts = ", ".join(f"{name} {end - start:.2f}" for (name, end), start in zip(told, starts, strict=False))
    size = peak() - before
    print(f"all to all  {n:,} spins: built in {told[-1][1]:.2f} s of processor ({parts}), {size:.0f} MB")
    del system
    result = simulate_spins(net, chains=1, sweeps=2000, seed=1, threads=1)
    rates = f"{result.sweeps / result.seconds:.0f} sweeps/s, {result.flips / result.seconds:.2e} flips/s"
    print(f"            {rates}, least energy {result.best_energy / n:.4f} a spin")


def peak() -> float:
    """MB that this process has taken at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    tempering(arguments.runs)
    all_to_all(arguments.size)


if __name__ == "__main__":
    main()
