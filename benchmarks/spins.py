"""Block Gibbs sampling: thermoc beside thrml, interleaved, and what bounds it.

    python benchmarks/spins.py [--repeats 7] [--sweeps 400] [--sites 4096] [--only NAME ...]

lattice: 64 x 64 torus, J = 1, kT = 2.5, 32 chains; graph: random regular of degree 12 with 4096
sites, normal couplings and fields, kT = 4, 32 chains. Both programs get the states of 32 chains and
return them after so many sweeps; both use all cores; numba and XLA have compiled. thrml gets the
same colouring (it has none of its own), one block a colour, chains by vmap. Rates are p-bit updates
a second, medians of wall time; the spread is half the interquartile range. Below: the bounds of our
kernel on one thread, its random numbers alone and its sums over neighbours alone, and how many
bytes of states and couplings these read. packed: the lattice with 1024 chains, a bit a chain,
beside our own kernel of a lane a chain.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import networkx as nx
import numba
import numpy as np

from thermo.kernels.langevin.rows import csr_row
from thermo.kernels.spins.rows import words_of_lanes
from thermo.reproduce.host import this_host
from thermo.simulate.spins.lanes import LaneTiles
from thermo.simulate.spins.packed import PackedTiles
from thermo.simulate.spins.system import SpinSystem

CHAINS = 32


def lattice(side: int) -> tuple[SpinSystem, float]:
    site = np.arange(side * side).reshape(side, side)
    ends = [np.roll(site, -1, axis).ravel() for axis in (0, 1)]
    row, col = np.tile(site.ravel(), 2), np.concatenate(ends)
    return SpinSystem.from_pairs(np.zeros(side * side), row, col, np.ones(row.size)), 2.5


def regular(n: int, degree: int = 12, seed: int = 0) -> tuple[SpinSystem, float]:
    edges = np.array(list(nx.random_regular_graph(degree, n, seed=seed).edges()))
    rng = np.random.default_rng(seed)
    J = rng.normal(size=len(edges))
    return SpinSystem.from_pairs(rng.normal(size=n), edges[:, 0], edges[:, 1], J), 4.0


def thrml_run(system: SpinSystem, kT: float, sweeps: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """A function (states, seed): thrml's bool states (chains, n) after so many sweeps."""
    import jax
    import jax.numpy as jnp
    from thrml import Block, SamplingSchedule, SpinNode, sample_states
    from thrml.models import IsingEBM, IsingSamplingProgram

    nodes = [SpinNode() for _ in range(system.n)]
    edges = [
        (nodes[i], nodes[j]) for i, j in zip(system.driven.tolist(), system.driving.tolist(), strict=True)
    ]
    model = IsingEBM(nodes, edges, jnp.asarray(system.h), jnp.asarray(system.weights), jnp.asarray(1 / kT))
    members = [
        np.flatnonzero(system.layout.colours == c) for c in range(int(system.layout.colours.max()) + 1)
    ]
    blocks = [Block([nodes[i] for i in cells]) for cells in members]
    program = IsingSamplingProgram(model, blocks, clamped_blocks=[])
    schedule = SamplingSchedule(n_warmup=sweeps, n_samples=1, steps_per_sample=1)

    @jax.jit
    def run(keys, start):
        def one(key, state):
            return sample_states(key, program, schedule, state, [], [Block(nodes)])

        return jax.vmap(one)(keys, start)

    def call(states: np.ndarray, seed: int) -> np.ndarray:
        start = [jnp.asarray(states[:, cells] > 0) for cells in members]
        keys = jax.random.split(jax.random.key(seed), states.shape[0])
        (found,) = run(keys, start)
        return np.asarray(found).reshape(states.shape)

    return call


@numba.njit(nogil=True)
def words_alone(words, blocks, sweeps):
    for t in range(sweeps):
        for b in range(blocks):
            words_of_lanes(words[0], words[1], words[2], words[3], 1, 0, t, b)


@numba.njit(nogil=True)
def sums_alone(x, indptr, indices, weight, out, sweeps):
    for _ in range(sweeps):
        for r in range(x.shape[0]):
            csr_row(indices, weight, indptr[r], indptr[r + 1], x, out)


def bounds(system: SpinSystem, sweeps: int) -> dict[str, Callable[[], object]]:
    """Parts of the kernel alone, for as many updates, on one thread."""
    layout, lanes = system.layout, CHAINS
    words = np.empty((4, lanes), np.uint32)
    x = np.ones((system.n, lanes), np.float32)
    out = np.empty(lanes, np.float32)
    weight = system.weights[layout.source].astype(np.float32)
    return {
        "random numbers": lambda: words_alone(words, system.n // 4, sweeps),
        "sums": lambda: sums_alone(x, layout.indptr, layout.indices, weight, out, sweeps),
    }


def medians(runs: dict[str, Callable[[], object]], repeats: int) -> dict[str, tuple[float, float]]:
    """Median wall seconds and half the interquartile range of each, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if turn:  # the first compiles
                taken[name].append(time.perf_counter() - began)
    return {
        name: (float(np.median(t)), float(np.subtract(*np.percentile(t, [75, 25])) / 2))
        for name, t in taken.items()
    }


def compare(name: str, system: SpinSystem, kT: float, sweeps: int, repeats: int) -> None:
    states = system.random_states(CHAINS, seed=1)
    theirs = thrml_run(system, kT, sweeps - 1)  # and one for the sample
    threads = numba.get_num_threads()

    def with_lanes(n_threads: int) -> np.ndarray:
        with LaneTiles(system, states, 2, 0, n_threads) as tiles:
            tiles.sweep(kT, sweeps, 0)
            return tiles.states()

    runs: dict[str, Callable[[], object]] = {
        "thermoc": lambda: with_lanes(threads),
        "thermoc, one thread": lambda: with_lanes(1),
        "thrml": lambda: theirs(states, 2),
        **bounds(system, sweeps),
    }
    t = medians(runs, repeats)
    # both end at the same energies, as two samplers of one law must
    ends = {"thermoc": with_lanes(threads), "thrml": 2 * theirs(states, 3).astype(np.int8) - 1}
    energies = {k: system.energy(s) / system.n for k, s in ends.items()}
    updates = system.n * CHAINS * sweeps
    degree = system.layout.indices.size / system.n
    print(f"{name}: {system.n} p-bits, {degree:.0f} neighbours, {CHAINS} chains, {sweeps} sweeps")
    for run, (median, spread) in t.items():
        rate = updates / median
        print(f"  {run:>22}: {rate:.3g} ± {rate * spread / median:.1g} updates/s")
    one = t["thermoc, one thread"][0]
    stream = degree * 4 * (1 + 1 / CHAINS) * updates / t["sums"][0] / 1e9
    told = (f"{k} {e.mean():.4f} ± {e.std() / np.sqrt(CHAINS):.4f}" for k, e in energies.items())
    print(f"  energy a p-bit at the end: {', '.join(told)}")
    print(f"  ratio to thrml: {t['thrml'][0] / t['thermoc'][0]:.1f}")
    words, sums = (100 * t[name][0] / one for name in ("random numbers", "sums"))
    print(
        f"  of one thread's time the random numbers alone take {words:.0f} %, the sums alone "
        f"{sums:.0f} % ({stream:.0f} GB/s of states and weights from cache)"
    )


def many_chains(sweeps: int, repeats: int, chains: int = 1024) -> None:
    """A bit a chain beside a lane a chain: the same lattice, many chains, all threads."""
    system, kT = lattice(64)
    states = system.random_states(chains, seed=1)

    def run(kind: type[LaneTiles] | type[PackedTiles]) -> None:
        with kind(system, states, 2) as tiles:
            tiles.sweep(kT, sweeps, 0)
            tiles.states()

    t = medians({"packed": lambda: run(PackedTiles), "lanes": lambda: run(LaneTiles)}, repeats)
    updates = system.n * chains * sweeps
    print(f"lattice: {system.n} p-bits, {chains} chains, {sweeps} sweeps")
    for name, (median, spread) in t.items():
        rate = updates / median
        print(f"  {name:>22}: {rate:.3g} ± {rate * spread / median:.1g} updates/s")
    print(f"  ratio of packed to lanes: {t['lanes'][0] / t['packed'][0]:.1f}")


def main() -> None:
    print(this_host())
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--sweeps", type=int, default=400)
    parser.add_argument("--sites", type=int, default=4096, help="of the random graph")
    parser.add_argument("--only", nargs="*", default=["lattice", "graph", "packed"])
    arguments = parser.parse_args()
    if "lattice" in arguments.only:
        compare("lattice", *lattice(64), arguments.sweeps, arguments.repeats)
    if "graph" in arguments.only:
        compare("graph", *regular(arguments.sites), arguments.sweeps, arguments.repeats)
    if "packed" in arguments.only:
        many_chains(max(1, arguments.sweeps // 2), arguments.repeats)


if __name__ == "__main__":
    main()
