"""`temper`: p-bits at a ladder of temperatures that exchange their states."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.html import fields_html
from compiler.ir.kinds import verify
from compiler.ir.langevin import LangevinNetlist
from thermo.kernels.random import threefry4x32_numpy
from thermo.kernels.spins.clusters import EVERY
from thermo.kernels.spins.tempering import STREAM_SWAPS
from thermo.progress import NullProgress, Progress
from thermo.simulate.errors import SimulationError
from thermo.simulate.saving import contents, save_arrays
from thermo.simulate.spins.chains import Chains, Ladders
from thermo.simulate.spins.lanes import LaneTiles
from thermo.simulate.spins.method import LANES_FROM, check_backend
from thermo.simulate.spins.result import no_decision
from thermo.simulate.spins.run import MAX_BYTES
from thermo.simulate.spins.starts import start_states
from thermo.simulate.spins.system import SpinSystem

INSIDE = 1 << 26  # p-bit updates between two looks at progress
METHODS = ("auto", "chains", "lanes")
TUNINGS = 4  # times that the ladder is measured and spaced anew


@dataclass(frozen=True, slots=True, eq=False)
class TemperResult:
    """What `sets` independent ladders of K temperatures saw.

    kT : (K,) ladder, cold to hot; acceptance : (K - 1,) share of the proposed exchanges between
        neighbours that were accepted; round_trips : (sets,) journeys of states from the coldest to
        the hottest temperature and back
    energy : (sets, K, n_observed) float64; observed_at : (n_observed,) sweeps done
    samples : (sets, n_observed, n) int8 at the coldest temperature, or (sets, n_observed, K, n) at
        all, or None
    best_states, best_energies : (sets, n), (sets,); sweeps : of each chain, tuning included
    seconds : wall time; method : "chains" or "lanes"; backend : "numba" or "jax"

    Energies and kT are in the model's unit, whatever the netlist's; energies include the offset.
    """

    kT: np.ndarray
    acceptance: np.ndarray
    round_trips: np.ndarray
    energy: np.ndarray
    observed_at: np.ndarray
    samples: np.ndarray | None
    best_states: np.ndarray
    best_energies: np.ndarray
    sweeps: int
    updates: int
    seed: int
    seconds: float
    method: str
    backend: str = "numba"

    _repr_html_ = fields_html

    @property
    def best_state(self) -> np.ndarray:
        """(n,) int8"""
        return self.best_states[int(np.argmin(self.best_energies))]

    @property
    def best_energy(self) -> float:
        return float(self.best_energies.min())

    @property
    def heat(self) -> None:
        """Sweeps have no trajectory between states, and so no measured heat."""
        return None

    def answers(self, time: int = -1) -> np.ndarray:
        """(sets, n) states +-1 of least energy."""
        return self.best_states

    def predictions(self, time: int = -1) -> np.ndarray:
        """SimulationError: p-bits answer with states."""
        raise no_decision()

    def save(self, path: str | Path) -> Path:
        """Write every array and figure, and the best state, as an npz; returns the path."""
        return save_arrays(path, {"best_state": self.best_state} | contents(self), compressed=True)


def geometric_ladder(cold: float, hot: float, n: int) -> np.ndarray:
    """(n,) temperatures from cold to hot in a constant ratio.

    Raises SimulationError unless 0 < cold < hot and n >= 2.
    """
    if not (np.isfinite(hot) and 0 < cold < hot):
        raise SimulationError(f"a ladder needs 0 < cold < hot, got {cold:g} and {hot:g}")
    if n < 2:
        raise SimulationError(f"a ladder needs at least 2 temperatures, got {n}")
    return np.geomspace(cold, hot, n)


def temper(
    netlist: LangevinNetlist,
    *,
    ladder: Any,
    sweeps: int,
    sets: int = 2,
    swap_every: int = 1,
    tune: int = 0,
    burn_in: int = 0,
    observe_every: int | None = None,
    keep_samples: str = "none",
    clusters: bool = False,
    start: Any = "random",
    method: str = "auto",
    backend: str = "numba",
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> TemperResult:
    """Parallel tempering of a netlist's p-bits (its schedule is not used).

    Every swap_every sweeps neighbours in temperature exchange states with probability
    min(1, exp((1/kT_a - 1/kT_b) (E_a - E_b))), pairs (0, 1), (2, 3), ... and (1, 2), (3, 4), ...
    taking turns (Hukushima and Nemoto, J. Phys. Soc. Jpn. 65, 1604, 1996; Okabe et al., Chem.
    Phys. Lett. 335, 435, 2001).

    ladder : (K,) temperatures, ascending, above 0, in the model's unit of energy
    sweeps : of every chain after tuning and burn-in; sets : independent ladders
    tune : sweeps, in four rounds, after each of which the temperatures between the two ends are
        spaced so that every exchange is rejected equally often (Syed et al., J. R. Stat. Soc. B 84,
        321, 2022); 0 keeps the ladder
    burn_in : sweeps that count for nothing
    observe_every : look at every so many sweeps, a multiple of swap_every (default: swap_every)
    keep_samples : "none", "cold" or "all"
    clusters : with every second round of exchanges, ladders 0 and 1, 2 and 3, ... exchange one cluster of
        spins at each temperature of the colder half (thermo.kernels.spins.clusters): the same law, and
        shorter ways between the valleys of glasses on sparse graphs
    backend : "numba", or "jax" on JAX's default devices, by method "lanes"

    Raises SimulationError for bad options, UnsupportedError for directed couplings.
    """
    unit = netlist.lowered.energy_scale
    kT = _ladder(ladder) * unit
    for name, number, least in (
        ("sweeps", sweeps, 1),
        ("sets", sets, 1),
        ("swap_every", swap_every, 1),
        ("tune", tune, 0),
        ("burn_in", burn_in, 0),
    ):
        if number < least:
            raise SimulationError(f"{name} must be at least {least}, got {number}")
    observe_every = swap_every if observe_every is None else observe_every
    if observe_every < 1 or observe_every % swap_every:
        raise SimulationError(
            f"observe_every must be a multiple of swap_every = {swap_every}, got {observe_every}"
        )
    if keep_samples not in ("none", "cold", "all"):
        raise SimulationError(f"keep_samples must be none, cold or all, got {keep_samples!r}")
    check_backend(backend, threads)
    if backend == "jax":
        if clusters:
            raise SimulationError("clusters are exchanged by backend 'numba': leave clusters or backend out")
        if method not in ("auto", "lanes"):
            raise SimulationError(f"method {method!r} has no JAX backend: leave method or backend out")
        method = "lanes"
    if clusters and (sets % 2 or method == "lanes"):
        raise SimulationError(
            f"clusters are exchanged between two ladders, by method 'chains': got {sets} ladders (--chains) "
            f"and method {method!r}"
        )
    if method not in METHODS:
        raise SimulationError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    verify(netlist)
    system = SpinSystem.from_netlist(netlist)
    if not system.symmetric:
        raise UnsupportedError("tempering needs energies: the couplings must be symmetric")
    chains = sets * kT.size
    kept = {"none": 0, "cold": sets, "all": chains}[keep_samples] * (sweeps // observe_every)
    size = system.n * (kept + 16 * chains)
    if size > MAX_BYTES:
        raise SimulationError(
            f"the results would take {size} bytes, more than {MAX_BYTES}: "
            + ("raise observe_every, or keep no samples" if kept else "ask for fewer sets (--chains)")
        )
    states = start_states(netlist, system, start, chains, seed)
    if method == "auto":
        many = keep_samples != "none" and chains >= LANES_FROM
        method = "lanes" if many and not clusters else "chains"
    begin = time.perf_counter()
    progress = NullProgress() if progress is None else progress
    progress.start(tune + burn_in + sweeps, "tempering")
    try:
        with _engine(backend, method, system, states, seed, threads) as engine:
            swarm = _Swarm(engine, kT, sets, seed, swap_every, progress, clusters)
            for _ in range(TUNINGS if tune else 0):
                swarm.run(max(1, tune // TUNINGS))
                if swarm.tried_all:  # a short round has not come to every pair yet
                    swarm.kT = spaced(swarm.kT, 1.0 - swarm.acceptance())
            swarm.run(burn_in)
            swarm.forget()
            looks = swarm.run(sweeps, observe_every, keep_samples)
    finally:
        progress.stop()
    offset = 0.0 if netlist.problem is None else netlist.problem.offset
    at, energy, samples = looks
    return TemperResult(
        kT=swarm.kT / unit,
        acceptance=swarm.acceptance(),
        round_trips=swarm.round_trips,
        energy=energy / unit + offset,
        observed_at=at,
        samples=samples,
        best_states=swarm.best_states,
        best_energies=system.energy(swarm.best_states) / unit + offset,
        sweeps=swarm.step,
        updates=swarm.step * int((~system.frozen).sum()) * chains,
        seed=seed,
        seconds=time.perf_counter() - begin,
        method=method,
        backend=backend,
    )


def _engine(
    backend: str, method: str, system: SpinSystem, states: np.ndarray, seed: int, threads: int | None
) -> Any:
    if backend == "jax":
        from thermo.simulate.spins.jax_chains import JaxChains  # takes a while to import

        return JaxChains(system, states, seed)
    return (Chains if method == "chains" else LaneTiles)(system, states, seed, 0, threads)


def spaced(kT: np.ndarray, rejection: np.ndarray) -> np.ndarray:
    """(K,) temperatures between the same ends at which exchanges are rejected equally often.

    rejection : (K - 1,) share of rejections between neighbours; their running sum over 1 / kT is
        the communication barrier (Syed et al. 2022, eq. 19), interpolated linearly
    """
    barrier = np.concatenate([[0.0], np.cumsum(np.maximum(rejection, 1e-3))])
    beta = np.interp(np.linspace(0.0, barrier[-1], kT.size), barrier, 1.0 / kT)
    return np.concatenate([kT[:1], 1.0 / beta[1:-1], kT[-1:]])


class _Swarm:
    """Chains and who is at which temperature: chain slots[r, k] of set r is at kT[k].

    Single chains exchange inside their kernel (Chains.temper), unless their states are kept on the
    way; tiles of chains do after each call of theirs. Both draw the same numbers.
    """

    def __init__(
        self,
        engine: Chains | LaneTiles,
        kT: np.ndarray,
        sets: int,
        seed: int,
        swap_every: int,
        progress: Progress,
        clusters: bool = False,
    ) -> None:
        self._clusters = clusters
        self._engine, self.kT, self._every, self._progress = engine, kT, swap_every, progress
        self._key = (seed & 0xFFFFFFFF, seed >> 32, STREAM_SWAPS, 0)
        slots = np.arange(sets * kT.size).reshape(sets, kT.size)
        self._ladders = Ladders(
            slots=slots,
            journey=np.zeros((sets, kT.size), np.int8),
            counts=np.zeros((sets, 2, kT.size - 1), np.int64),
            trips=np.zeros(sets, np.int64),
            best=engine.states()[slots[:, 0]],
            least=engine.energies[slots[:, 0]].copy(),
        )
        self.step = 0
        self._turn = 0
        self.forget()

    def forget(self) -> None:
        """Begin to count exchanges and round trips anew."""
        for array in (self._ladders.counts, self._ladders.trips, self._ladders.journey):
            array[:] = 0

    @property
    def best_states(self) -> np.ndarray:
        return self._ladders.best

    @property
    def round_trips(self) -> np.ndarray:
        return self._ladders.trips

    @property
    def tried_all(self) -> bool:
        """Whether every exchange was proposed once at least."""
        return bool(self._ladders.counts[:, 0].sum(axis=0).all())

    def acceptance(self) -> np.ndarray:
        """(K - 1,) share of exchanges accepted; NaN where none was tried."""
        tried, taken = self._ladders.counts.sum(axis=0)
        with np.errstate(invalid="ignore"):
            return taken / tried

    def run(self, sweeps: int, every: int | None = None, keep: str = "none") -> Any:
        """So many sweeps; looks every `every` sweeps: (times, energies, samples)."""
        at: list[int] = []
        energies: list[np.ndarray] = []
        samples: list[np.ndarray] = []
        engine, ladders, done = self._engine, self._ladders, 0
        kT = np.empty(ladders.slots.size)
        while done < sweeps:
            some = min(self._every, sweeps - done)
            if isinstance(engine, Chains) and keep == "none" and some == self._every:
                looks = (every or 0) // self._every
                turns = min(
                    (sweeps - done) // some, max(1, INSIDE // (some * engine.chains * engine.system.n))
                )
                if looks:
                    turns = max(looks, turns - turns % looks)
                    turns = min(turns, (sweeps - done) // some)
                seen = engine.temper(
                    self.kT, some, turns, self.step, self._turn, ladders, looks, self._clusters
                )
                at += [self.step + (k + 1) * looks * some for k in range(seen.shape[2])]
                energies += list(np.moveaxis(seen, 2, 0))
                self.step, done, self._turn = (
                    self.step + turns * some,
                    done + turns * some,
                    self._turn + turns,
                )
                self._progress.update(self.step)
                continue
            kT[ladders.slots] = self.kT
            engine.sweep(kT[None, :], some, self.step)
            self.step, done = self.step + some, done + some
            energy = engine.energies.copy()
            self._keep_best(energy)
            if every is not None and done % every == 0:
                at.append(self.step)
                energies.append(energy[ladders.slots])
                if keep != "none":
                    which = ladders.slots if keep == "all" else ladders.slots[:, 0]
                    samples.append(engine.states()[which])
            self._exchange(energy)
            self._exchange_clusters()
            if self._turn % 64 == 0 or done == sweeps:
                self._progress.update(self.step)
        shape = (*ladders.slots.shape, 0)
        return (
            np.array(at, dtype=np.int64),
            np.stack(energies, axis=-1) if energies else np.zeros(shape),
            np.stack(samples, axis=1) if samples else None,
        )

    def _exchange_clusters(self) -> None:
        if self._clusters and isinstance(self._engine, Chains) and self._turn % EVERY == 0:
            self._engine.clusters(self._ladders, self._turn)
            self._keep_best(self._engine.energies)

    def _keep_best(self, energy: np.ndarray) -> None:
        ladders = self._ladders
        mine = energy[ladders.slots]
        at = mine.argmin(axis=1)
        rows = np.arange(at.size)
        better = mine[rows, at] < ladders.least
        if better.any():
            chain = ladders.slots[rows, at][better]
            ladders.best[better] = self._engine.states()[chain]
            ladders.least[better] = energy[chain]

    def _exchange(self, energy: np.ndarray) -> None:
        """Propose the exchanges whose turn it is, and note the journeys' ends."""
        ladders = self._ladders
        slots, counts = ladders.slots, ladders.counts
        first = np.arange(self._turn % 2, self.kT.size - 1, 2)
        self._turn += 1
        if first.size:
            a, b = slots[:, first], slots[:, first + 1]
            gain = (1.0 / self.kT[first] - 1.0 / self.kT[first + 1]) * (energy[a] - energy[b])
            accept = np.log(self._uniform(a.shape)) < gain
            counts[:, 0, first] += 1
            counts[:, 1, first] += accept
            slots[:, first] = np.where(accept, b, a)
            slots[:, first + 1] = np.where(accept, a, b)
        journey = ladders.journey.reshape(-1)  # a view: by chain
        cold, hot = slots[:, 0], slots[:, -1]
        ladders.trips += journey[cold] == 2
        journey[cold] = 1
        back = hot[journey[hot] == 1]
        journey[back] = 2

    def _uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers in (0, 1), a function of (seed, exchange, set, pair)."""
        sets, pairs = np.indices(shape).astype(np.uint64)
        turn = np.full(shape, self._turn, np.uint64)
        word = threefry4x32_numpy(self._key, (sets, pairs, turn, np.zeros(shape, np.uint64)))[0]
        return (word.astype(np.float64) + 0.5) * 2.0**-32


def _ladder(ladder: Any) -> np.ndarray:
    kT = np.asarray(ladder, dtype=np.float64)
    if kT.ndim != 1 or kT.size < 2:
        raise SimulationError(f"the ladder needs at least 2 temperatures, got shape {kT.shape}")
    if not (np.isfinite(kT).all() and kT[0] > 0 and (np.diff(kT) > 0).all()):
        raise SimulationError(
            f"the ladder must be finite temperatures above 0 that ascend, got {kT.tolist()}"
        )
    return kT
