"""Assignments and tours as QUBOs with penalties: how far from the best, whatever the penalty.

    python benchmarks/penalties.py [--seconds 2] [--runs 3] [--threads N] [--penalties 1e2 1e3 1e6]

Costs of 1 to 100 (assignments of 10 and 20) and distances in a square of side 100 (a tour of 17); the
best is the Hungarian method's and dynamic programming's. Each run has two chains for so many
seconds of wall time; `p-bits alone` is `--method chains`, in the same time. Seeds are 0 to runs - 1.
"""

from __future__ import annotations

import argparse

import numpy as np
from penalty_problems import assignment, tour

from compiler.families.ising import lower_ising
from thermo.simulate.spins.run import simulate_spins

PROBLEMS = {"assignment 10": (assignment, 10), "assignment 20": (assignment, 20), "tour 17": (tour, 17)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--penalties", type=float, nargs="+", default=[1e2, 1e3, 1e6])
    arguments = parser.parse_args()
    print("problem        penalty   best   found / best (each run)   p-bits alone   seconds kept")
    for name, (make, n) in PROBLEMS.items():
        for penalty in arguments.penalties:
            model, best = make(n, penalty)
            net = lower_ising(model)
            runs = [
                [
                    simulate_spins(
                        net,
                        chains=2,
                        seconds=arguments.seconds,
                        seed=seed,
                        threads=arguments.threads,
                        method=method,
                    )
                    for seed in range(arguments.runs)
                ]
                for method in ("auto", "chains")
            ]
            ours, alone = ([r.best_energy / best for r in each] for each in runs)
            off = max(abs(r.seconds / arguments.seconds - 1.0) for each in runs for r in each)
            print(
                f"{name:14} {penalty:<9.0e} {best:<6.0f} {' '.join(f'{r:.3f}' for r in ours):25} "
                f"{np.median(alone):<14.3f} within {100 * off:.1f} %"
            )


if __name__ == "__main__":
    main()
