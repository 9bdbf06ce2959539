"""A multiplier run backwards on p-bits: how often one annealing run factors an 8-bit semiprime.

Every product of two primes from 128 to 255 is clamped at the output of a 4 x 7 bit multiplier
(`compiler.formats.ising.invertible`), which no trivial 1 x p fits. A run is one chain; it succeeds if
it reaches energy 0, every gate right, where it stops. Rates are over independent chains; the
interval is Wilson's at 95 %.

    python benchmarks/factoring.py [--chains 100] [--sweeps 500 20000] [--threads 1]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from compiler.api import compile
from compiler.circuits.arithmetic import multiplier
from compiler.formats.ising.invertible import invertible
from thermo.simulate.spins.problem import words
from thermo.simulate.spins.run import simulate_spins

SWEEPS = (500, 1000, 2000, 5000, 10000, 20000)


def semiprimes(low: int, high: int) -> list[int]:
    """Products of two primes, from low to high."""
    primes = [p for p in range(2, high) if all(p % q for q in range(2, int(p**0.5) + 1))]
    return sorted({p * q for p in primes for q in primes if low <= p * q <= high})


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927)."""
    p, w = hits / n, z * z / n
    half = z * np.sqrt(p * (1 - p) / n + w / (4 * n))
    return (p + w / 2 - half) / (1 + w), (p + w / 2 + half) / (1 + w)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--sweeps", type=int, nargs="+", default=SWEEPS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    circuit = multiplier(4, 7)
    numbers = semiprimes(128, 255)
    netlists = {p: compile(invertible(circuit, clamp={"p": p})) for p in numbers}
    first = netlists[numbers[0]]
    print(
        f"{len(numbers)} semiprimes from 128 to 255; {first.n_cells} p-bits and "
        f"{first.n_couplings // 2} couplings each; kT {first.schedule[0].kT}"
    )
    for sweeps in arguments.sweeps:
        hits, when, began = {}, [], time.perf_counter()
        for p, netlist in netlists.items():
            result = simulate_spins(
                netlist, chains=arguments.chains, sweeps=sweeps, threads=arguments.threads, target=0.5
            )
            good = result.best_energies < 0.5
            for state in result.best_states[good]:
                found = words(netlist, state)
                assert found["a"] * found["b"] == p and 1 not in (found["a"], found["b"])
            hits[p] = int(good.sum())
            assert result.hit is not None
            when += [result.hit[good]]
        worst = min(hits, key=lambda p: hits[p])
        low, high = wilson(hits[worst], arguments.chains)
        rates = np.array(list(hits.values())) / arguments.chains
        print(
            f"{sweeps:6d} sweeps: mean {rates.mean():.3f}, {np.sum(rates >= 0.9)} of "
            f"{len(numbers)} at 0.9 or more, worst {worst} {rates.min():.2f} "
            f"[{low:.2f}, {high:.2f}], successes after {np.median(np.concatenate(when)):.0f} "
            f"sweeps (median), {time.perf_counter() - began:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
