"""SATLIB's uf20-91: all 1000 formulas on p-bits, sweeps until they are solved.

    python benchmarks/uf20.py [--chains 16] [--sweeps 20000] [--first 0] [--limit 1000]

Each satisfiable 3-SAT formula of 20 variables and 91 clauses becomes 111 p-bits (a helper for each
clause). Two schedules: kT = 0.3 all along (a violated clause costs 1; chosen on other random
formulas of this kind), and the ramp that `compile` gives. A chain stops when its energy is 0; that
all clauses hold is then checked against the formula itself. "sweeps" are of one chain until it
stops in the first round, medians over all chains and formulas; a chain that does not stop counts
in full. A formula that no chain solves is tried again with new chains and ten, then a hundred times
the sweeps.
"""

from __future__ import annotations

import argparse
import os
import tarfile
import time
from pathlib import Path

import numpy as np

from compiler.families.ising import IsingModel, lower_ising
from compiler.formats.ising.dimacs import parse_dimacs
from thermo.simulate.spins.problem import satisfied
from thermo.simulate.spins.run import simulate_spins

ROUNDS = 3


def formulas(path: Path, first: int, limit: int) -> list[IsingModel]:
    """The formulas of the archive, in the order of their names."""
    with tarfile.open(path) as archive:
        members = [m for m in archive.getmembers() if m.name.endswith(".cnf")]
        members.sort(key=lambda m: m.name)
        texts = [(m.name, archive.extractfile(m)) for m in members[first : first + limit]]
        return [parse_dimacs(f.read().decode(), name=n) for n, f in texts if f is not None]


def solve(models: list[IsingModel], what: str, chains: int, sweeps: int | None, **options) -> None:
    began, solved, hits, late, most = time.perf_counter(), 0, [], 0, 0
    for model in models:
        net = lower_ising(model, **options)
        clauses, length, done = net.problem.goal.n_clauses, sweeps, 0
        for attempt in range(ROUNDS):
            result = simulate_spins(
                net, chains=chains, sweeps=length, target=0.0, first_chain=attempt * chains
            )
            hit = np.where(result.hit < 0, result.sweeps, result.hit)
            if not attempt:
                hits.append(hit)
            if int(satisfied(net, result.best_states).max()) == clauses:
                solved, late = solved + 1, late + (attempt > 0)
                most = max(most, done + int(hit.min()))
                break
            length, done = 10 * result.sweeps, done + result.sweeps
    each = np.concatenate(hits)
    stopped = 100 * np.mean(each < each.max())
    print(
        f"{what}: {solved} of {len(models)} solved by {chains} chains, {late} of them in later "
        f"rounds, {time.perf_counter() - began:.0f} s; median {np.median(each):.0f} sweeps a "
        f"chain, {stopped:.1f} % of chains stop within {each.max():,}; the slowest formula after "
        f"{most:,}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chains", type=int, default=16)
    parser.add_argument("--sweeps", type=int, default=20_000, help="at most, at kT = 0.3")
    parser.add_argument("--first", type=int, default=0, help="formula, by name")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("THERMOC_DATA", ".")))
    arguments = parser.parse_args()
    models = formulas(arguments.data / "satlib" / "uf20-91.tar.xz", arguments.first, arguments.limit)
    solve(models, "kT = 0.3", arguments.chains, arguments.sweeps, kT=(0.3, 0.3))
    solve(models, "default schedule", arguments.chains, None)


if __name__ == "__main__":
    main()
