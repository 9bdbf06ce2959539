"""p-bit updates a second of the JAX backend, on all devices that JAX has, beside the kernels of numba.

    python benchmarks/spins_jax.py [--sides 64 1024] [--chains 32 1024] [--glass 1024] [--no-numba] [--check]

lattice : nearest neighbours on a torus, couplings +-1, two colours; random : as many p-bits with six random
neighbours each, some ten colours; glass : all pairs of so many p-bits, real couplings. Sides are interleaved,
medians of --rounds. Beside each rate are the seconds that compiling took and the memory that one update
moves at least, states and couplings counted once a sweep, as a share of --bandwidth where that is given.
--check compares states with those of numba first, which they equal where couplings are +-1.
Ready for an accelerator: on a GPU give it many chains or large sides (--sides 1024 4096 --chains 1 256).
"""

from __future__ import annotations

import argparse
import time

import jax
import numpy as np

from compiler.families.ising import from_edges, lower_ising
from thermo.simulate.spins.dense import DenseSystem
from thermo.simulate.spins.jax_chains import JaxChains
from thermo.simulate.spins.lanes import LaneTiles
from thermo.simulate.spins.system import SpinSystem

kT = 2.0


def lattice(side: int) -> SpinSystem:
    at = np.arange(side * side).reshape(side, side)
    row, col = np.tile(at.ravel(), 2), np.concatenate([np.roll(at, 1, k).ravel() for k in (0, 1)])
    J = np.random.default_rng(0).choice([-1.0, 1.0], row.size)
    return SpinSystem.from_pairs(np.zeros(side * side), row, col, J)


def scattered(n: int) -> SpinSystem:
    pair = np.unique(np.sort(np.random.default_rng(1).integers(0, n, (3 * n, 2)), axis=1), axis=0)
    pair = pair[pair[:, 0] != pair[:, 1]]
    J = np.random.default_rng(2).choice([-1.0, 1.0], len(pair))
    return SpinSystem.from_pairs(np.zeros(n), pair[:, 0], pair[:, 1], J)


def glass(n: int) -> DenseSystem:
    row, col = np.triu_indices(n, 1)
    J = np.random.default_rng(0).normal(size=row.size)
    system = DenseSystem.from_netlist(lower_ising(from_edges(np.zeros(n), row, col, J)))
    assert system is not None
    return system


def rate(engine: JaxChains | LaneTiles, sweeps: int, step: int) -> float:
    """Updates a second."""
    began = time.perf_counter()
    engine.sweep(kT, sweeps, step)
    return sweeps * engine.chains * engine.system.n / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sides", type=int, nargs="*", default=[64, 1024])
    parser.add_argument("--chains", type=int, nargs="*", default=[32])
    parser.add_argument("--glass", type=int, nargs="*", default=[1024])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=float, default=2e8, help="updates of one timing")
    parser.add_argument("--bandwidth", type=float, help="bytes a second of the devices' memory, all together")
    parser.add_argument("--no-numba", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    devices = jax.devices()
    print(f"{len(devices)} x {devices[0].device_kind} ({devices[0].platform}), JAX {jax.__version__}")
    systems: list[tuple[str, SpinSystem | DenseSystem]] = []
    for side in arguments.sides:
        systems += [(f"lattice {side} x {side}", lattice(side)), (f"random {side**2:,}", scattered(side**2))]
    systems += [(f"glass {n:,}", glass(n)) for n in arguments.glass]
    print(f"{'p-bits':>20} {'chains':>6} {'JAX/s':>9} {'compiled s':>10} {'of limit':>8} {'numba/s':>9}")
    for name, system in systems:
        for chains in arguments.chains:
            states = system.random_states(chains, 1)
            ours = JaxChains(system, states, 1)
            began = time.perf_counter()
            ours.sweep(kT, 1, 0)
            compiled = time.perf_counter() - began
            sweeps = max(1, int(arguments.work / (chains * system.n)))
            theirs = None
            if not arguments.no_numba and isinstance(system, SpinSystem):
                theirs = LaneTiles(system, states, 1).__enter__()
                theirs.sweep(kT, 1, 0)
            if arguments.check and theirs is not None:
                same = (ours.states() == theirs.states()).mean()
                assert same > 1 - 1e-5, f"{name}: only {same} of the states are those of numba"
            found = []
            for k in range(arguments.rounds):
                step = 1 + k * sweeps
                found.append(
                    (rate(ours, sweeps, step), rate(theirs, sweeps, step) if theirs is not None else np.nan)
                )
            mine, other = np.median(found, axis=0)
            degree = 2 * system.n_pairs / system.n
            # a state is read and written; of an edge, an end and a weight are read
            moved = 1 + 1 + (4 if isinstance(system, DenseSystem) else 8) * degree / chains
            limit = "" if arguments.bandwidth is None else f"{mine * moved / arguments.bandwidth:.2f}"
            print(
                f"{name:>20} {chains:>6} {mine:>9.2e} {compiled:>10.1f} {limit:>8} "
                f"{'' if np.isnan(other) else f'{other:.2e}':>9}",
                flush=True,
            )
            if theirs is not None:
                theirs.__exit__()


if __name__ == "__main__":
    main()
