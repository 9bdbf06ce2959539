"""Products of three and more variables: by themselves, or through auxiliary spins, in the same wall time.

    python benchmarks/terms.py [--seconds 1] [--runs 5] [--threads 1] [--methods terms chains moves crossed]

Random problems: products of three spins with weights of +-1, of five spins with normal weights, formulas of
three and five literals a clause at 4.2 and 18 clauses a variable, and a weighted one. Energies, of
formulas the weight of what is violated: median, least and largest of the runs. Each run is one chain for so
many seconds; runs of the methods follow one another. `terms` turns variables by the products themselves
(thermo.kernels.spins.terms), all others the netlist's p-bits, auxiliary ones among them. Seeds are 0 to
runs - 1.
"""

from __future__ import annotations

import argparse

import numpy as np

from compiler.families.ising import IsingModel, lower_ising
from compiler.families.polynomial import from_polynomial
from compiler.formats.ising.dimacs import from_clauses
from thermo.simulate.spins.run import simulate_spins


def products(n: int, m: int, k: int, rng: np.random.Generator, *, normal: bool = False) -> IsingModel:
    each = (tuple(sorted(rng.choice(n, k, replace=False).tolist())) for _ in range(m))
    terms = {t: float(rng.normal() if normal else rng.choice([-1, 1])) for t in each}
    return from_polynomial(n, terms, vartype="spin")


def formula(n: int, m: int, k: int, rng: np.random.Generator, *, weighted: bool = False) -> IsingModel:
    variables = [rng.choice(n, k, replace=False) + 1 for _ in range(m)]
    clauses = [(v * rng.choice([-1, 1], k)).tolist() for v in variables]
    weights = rng.integers(1, 100, m).astype(float).tolist() if weighted else None
    return from_clauses(n, clauses, weights=weights)


def problems() -> dict[str, IsingModel]:
    rng = np.random.default_rng(1)
    return {
        "100 spins, 300 of three": products(100, 300, 3, rng),
        "400 spins, 1,200 of three": products(400, 1200, 3, rng),
        "60 spins, 250 of five": products(60, 250, 5, rng, normal=True),
        "250 variables, 1,050 clauses of three": formula(250, 1050, 3, rng),
        "60 variables, 1,100 clauses of five": formula(60, 1100, 5, rng),
        "250 variables, 2,000 weighted of three": formula(250, 2000, 3, rng, weighted=True),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--methods", nargs="+", default=["terms", "chains", "moves", "crossed"])
    arguments = parser.parse_args()
    print(f"{'problem':<40}{'p-bits':>7}  " + "".join(f"{m:>30}" for m in arguments.methods))
    for name, model in problems().items():
        net = lower_ising(model)
        found: dict[str, list[float]] = {method: [] for method in arguments.methods}
        for seed in range(arguments.runs):
            for method in arguments.methods:
                result = simulate_spins(
                    net,
                    chains=1,
                    seconds=arguments.seconds,
                    seed=seed,
                    threads=arguments.threads,
                    method=method,
                )
                found[method].append(result.best_energy)
        told = (f"{np.median(e):.5g} ({min(e):.5g} to {max(e):.5g})" for e in found.values())
        print(f"{name:<40}{model.n:>7,}  " + "".join(f"{text:>30}" for text in told), flush=True)


if __name__ == "__main__":
    main()
