"""Whether the simulator keeps the laws of work, heat and entropy, on small machines from equilibrium.

    Jarzynski       <exp(-W / kT)> = Z_end / Z_start
    fluctuation     <exp(-Sigma)> = 1,  Sigma = ln p_0(x_0) - ln p_t(x_t) + integral of dQ / kT
    first law       V_end - V_start = W - Q, Q summed along the path
    housekeeping    of two cells coupled unequally, dQ/dt = mobility kT (w_12 - w_21)^2 / 2k

(docs/physics.md#fluctuation). Energies, partition functions and densities are written down here and found on
grids in double precision, apart from the simulator. A twin whose heat is summed by Ito's rule must fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import solve_banded

from compiler.ir.langevin import Cells, CouplingKind, Couplings, LangevinNetlist, Phase, Role
from thermo.options import Option
from thermo.progress import Progress
from thermo.report.page import Table
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.run import simulate_langevin
from thermo.simulate.threads import check_threads
from thermo.studies.jobs import run_all
from thermo.studies.study import SEED, THREADS, WHERE, Findings, Study

GRID = np.linspace(-4.5, 4.5, 1801)
FIRST = "first law, W - Q - dV"
LIMIT = 3.5  # |z| beyond which a law is said to be broken
DT = 2e-3
PUSH, KAPPA, COUPLED, COLD = 2.0, 6.0, 1.5, 0.3  # force, well, coupling, last kT
W12, W21, STIFF, LONG = 1.5, -1.0, 2.0, 1.0  # of the two unequal cells, and how long they turn

Energy = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Law:
    """One law on one machine. found, error : mean and standard error; expected : what the law says

    must : "hold", or "fail" of the twin
    """

    machine: str
    law: str
    found: float
    error: float
    expected: float
    must: str = "hold"

    @property
    def z(self) -> float:
        return (self.found - self.expected) / self.error if self.error else math.inf

    @property
    def verdict(self) -> str:
        if self.must == "fail":
            return "NOT NOTICED" if abs(self.z) < LIMIT else "fails, as it must"
        return "holds" if abs(self.z) < LIMIT else "BROKEN"

    @property
    def right(self) -> bool:
        return self.verdict in ("holds", "fails, as it must")


def single(x: np.ndarray) -> np.ndarray:
    """The skewed cell's own energy."""
    return x**2 + 0.3 * x**3 + x**4


def _cells(n: int, couplings: tuple[tuple[int, int, float], ...], *phases: Phase, **columns: float) -> Any:
    """n cells and an input, cell n, that is 1; couplings : (driven, driving, weight)."""
    role = [Role.DYNAMIC] * n + [Role.INPUT]
    given = {name: [value] * n + [0.0] for name, value in columns.items()}
    cells = Cells.make(n + 1, role=role, x0=[0.0] * n + [1.0], **given)
    made = [Couplings.from_coo(CouplingKind.LINEAR, n + 1, *map(list, zip(*couplings, strict=True)))]
    return LangevinNetlist(cells, tuple(made), 1.0, 1.0, phases, dt=DT)


_SKEWED = {"j2": 1.0, "j3": 0.3, "j4": 1.0}
PUSHED = _cells(
    1, ((0, 1, PUSH),), Phase("push", 0.3), Phase("well", 0.2, input_scale=0.0, stiffness=KAPPA), **_SKEWED
)
JOINED = _cells(
    2, ((0, 1, COUPLED), (1, 0, COUPLED)), Phase("join", 0.5, coupling_scale=(0.0, 1.0)), **_SKEWED
)
COOLED = _cells(1, ((0, 1, PUSH),), Phase("cool", 0.5, input_scale=0.0, kT=(1.0, COLD)), **_SKEWED)
TURNING = _cells(2, ((0, 1, W12), (1, 0, W21)), Phase("turn", LONG), j2=STIFF / 2)


def drawn(v: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) states distributed as exp(-v) of energies v on the grid."""
    p = np.exp(-(v - v.min()))
    whole = np.concatenate([[0.0], np.cumsum(0.5 * (p[1:] + p[:-1]))])
    return np.interp(rng.random(count) * whole[-1], whole, GRID)


def evolved(p: np.ndarray, stretches: list[tuple[np.ndarray, float, float, float]]) -> np.ndarray:
    """The density p on the grid after (energies, kT at start and end, time) one after the other.

    Jumps between neighbours with rates kT / d^2 exp(-dV / 2kT), which keep exp(-V / kT); Crank-Nicolson.
    """
    d = GRID[1] - GRID[0]
    for v, a, b, time in stretches:
        steps = round(time / DT)
        for k in range(steps):
            kT = a + (b - a) * (k + 0.5) / steps
            up = kT / d**2 * np.exp(-np.diff(v) / (2 * kT))  # from i to i + 1
            down = kT / d**2 * np.exp(np.diff(v) / (2 * kT))
            out = np.concatenate([up, [0.0]]) + np.concatenate([[0.0], down])
            h = 0.5 * time / steps
            right = p - h * out * p
            right[1:] += h * up * p[:-1]
            right[:-1] += h * down * p[1:]
            bands = np.zeros((3, p.size))
            bands[0, 1:], bands[1], bands[2, :-1] = -h * down, 1 + h * out, -h * up
            p = solve_banded((1, 1), bands, right)
    return p


def normal(v: np.ndarray, kT: float = 1.0) -> np.ndarray:
    """exp(-v / kT) on the grid, of integral 1."""
    p = np.exp(-(v - v.min()) / kT)
    return p / (p.sum() * (GRID[1] - GRID[0]))


def mean(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))


def _flat(found: SimulationResult) -> tuple[np.ndarray, np.ndarray]:
    """Work and final states of all runs, (runs,) and (runs, n)."""
    assert found.work is not None and found.final is not None
    return found.work.sum(axis=0).ravel(), found.final[0].astype(float)


def ito_heat(x: np.ndarray, force: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The sum of f(x_k) (x_(k+1) - x_k) over a trajectory (steps + 1, runs): wrong however small the step."""
    return np.asarray((force(x[:-1]) * np.diff(x, axis=0)).sum(axis=0))


@dataclass(frozen=True, slots=True)
class LawsPoint:
    """One machine, `runs` trajectories of it."""

    machine: str
    runs: int
    seed: int


@dataclass(frozen=True, slots=True)
class Laws:
    """Laws of one machine."""

    machine: str
    laws: tuple[Law, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """x0 : (runs, n) starts; runs of netlists that begin there"""

    x0: np.ndarray
    seed: int
    threads: int | None

    def run(self, net: LangevinNetlist, **options: Any) -> SimulationResult:
        return simulate_langevin(
            net,
            None,
            runs=self.x0.shape[0],
            seed=self.seed,
            x0=self.x0[None],
            method="heun",
            keep_final=True,
            threads=self.threads,
            **options,
        )

    def gap(self, net: LangevinNetlist, v_end: Energy, v_start: Energy) -> tuple[float, float]:
        """Mean and error of W - Q - dV, Q along the path; trapezoids are off by O(dt): taken to dt = 0."""
        means = []
        for part in (1, 2):
            fine = net.with_(dt=DT / part)
            found, along = self.run(fine), self.run(fine, heat_method="stratonovich")
            work, x = _flat(found)
            assert along.heat is not None
            means.append(mean(work - along.heat.ravel() - v_end(x) + v_start(self.x0)))
        (coarse, a), (half, b) = means
        return 2 * half - coarse, math.hypot(a, 2 * b)


def starts(runs: int, seed: int) -> dict[str, np.ndarray]:
    """(runs, n) states of each machine at equilibrium, drawn one machine after the other."""
    rng = np.random.default_rng([seed, 77])
    v0 = single(GRID)
    a = np.array([[STIFF, -W12], [-W21, STIFF]])
    lyapunov = np.linalg.solve(np.kron(a, np.eye(2)) + np.kron(np.eye(2), a), 2 * np.eye(2).ravel())
    return {
        "pushed": drawn(v0, runs, rng)[:, None],
        "joined": np.stack([drawn(v0, runs, rng), drawn(v0, runs, rng)], axis=1),
        "cooled": drawn(v0, runs, rng)[:, None],
        "turning": rng.multivariate_normal(np.zeros(2), lyapunov.reshape(2, 2), size=runs),
    }


def pushed(of: Ensemble) -> list[Law]:
    d, v0, x0 = GRID[1] - GRID[0], single(GRID), of.x0
    found = of.run(PUSHED)
    work, x = _flat(found)
    ends = v0, v0 + KAPPA / 2 * GRID**2
    z = [np.exp(-v).sum() * d for v in ends]
    name = "one skewed quartic cell, pushed, then held in a well"
    laws = [Law(name, "Jarzynski", *mean(np.exp(-work)), z[1] / z[0])]
    p = evolved(normal(v0), [(v0 - PUSH * GRID, 1.0, 1.0, 0.3), (ends[1], 1.0, 1.0, 0.2)])
    laws.append(Law(name, "fluctuation theorem", *mean(_exp_of_production(found, x0, x, normal(v0), p)), 1.0))
    in_well = of.gap(PUSHED, lambda y: single(y[:, 0]) + KAPPA / 2 * y[:, 0] ** 2, lambda y: single(y[:, 0]))
    laws.append(Law(name, FIRST, *in_well, 0.0))
    few = replace(of, x0=x0[:20_000])
    path = few.run(PUSHED, trajectory_every=1)
    assert path.trajectory is not None
    steps = round(PUSHED.schedule[0].duration / DT)
    states = path.trajectory[: steps + 1, 0, :, 0].astype(float)
    wrong = ito_heat(states, lambda y: PUSH - 2 * y - 0.9 * y**2 - 4 * y**3)
    drop = single(states[0]) - single(states[-1]) + PUSH * (states[-1] - states[0])
    return [*laws, Law(name, "first law with Ito's heat (twin)", *mean(wrong - drop), 0.0, "fail")]


def joined(of: Ensemble) -> list[Law]:
    v0 = single(GRID)
    work = _flat(of.run(JOINED))[0]
    weight = np.exp(-v0[::3, None] - v0[None, ::3])
    ratio = (weight * np.exp(COUPLED * GRID[::3, None] * GRID[None, ::3])).sum() / weight.sum()
    name = "two skewed quartic cells, coupled slowly"
    gap = of.gap(
        JOINED, lambda y: single(y).sum(axis=1) - COUPLED * y[:, 0] * y[:, 1], lambda y: single(y).sum(axis=1)
    )
    return [Law(name, "Jarzynski", *mean(np.exp(-work)), ratio), Law(name, FIRST, *gap, 0.0)]


def cooled(of: Ensemble) -> list[Law]:
    v0 = single(GRID)
    found = of.run(COOLED)
    x = _flat(found)[1]
    p = evolved(normal(v0), [(v0, 1.0, COLD, 0.5)])
    name = f"one skewed quartic cell, cooled from kT 1 to {COLD:g}"
    return [Law(name, "fluctuation theorem", *mean(_exp_of_production(found, of.x0, x, normal(v0), p)), 1.0)]


def turning(of: Ensemble) -> list[Law]:
    found = of.run(TURNING)
    assert found.heat is not None
    name = "two cells coupled unequally, turning"
    expected = LONG * (W12 - W21) ** 2 / (2 * STIFF)
    return [Law(name, "housekeeping heat", *mean(found.heat.ravel()), expected)]


MACHINES = {"pushed": pushed, "joined": joined, "cooled": cooled, "turning": turning}


def measure(
    folder: Path,
    *,
    runs: int,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> list[Law]:
    """Every law on every machine, each machine a point."""
    check_threads(threads)
    points = [(f"{name}-{runs}-seed{seed}", LawsPoint(name, runs, seed)) for name in MACHINES]
    found = run_all(
        points,
        folder,
        _laws,
        partial(_measure, threads=threads),
        starts(runs, seed),
        told=lambda m: f"{m.machine}: {sum(f.right for f in m.laws)} of {len(m.laws)} as they must be",
        label="machines",
        executor=executor,
        progress=progress,
    )
    return [law for machine in found for law in machine.laws]


def _measure(point: LawsPoint, begin: dict[str, np.ndarray], *_: Path, threads: int | None) -> Laws:
    of = Ensemble(begin[point.machine], point.seed, threads)
    return Laws(point.machine, tuple(MACHINES[point.machine](of)))


def _laws(machine: str, laws: list[dict[str, Any]]) -> Laws:
    """Of a record."""
    return Laws(machine, tuple(Law(**law) for law in laws))


def _exp_of_production(
    found: SimulationResult, x0: np.ndarray, x: np.ndarray, p0: np.ndarray, p: np.ndarray
) -> np.ndarray:
    """(runs,) exp(-Sigma)."""
    assert found.entropy is not None
    tiny = 1e-300
    before = np.interp(x0[:, 0], GRID, np.log(np.maximum(p0, tiny)))
    after = np.interp(x[:, 0], GRID, np.log(np.maximum(p, tiny)))
    return np.asarray(np.exp(-(before - after + found.entropy.ravel())))


def laws_table(laws: list[Law]) -> Table:
    """One row a law."""
    rows = tuple(
        (f.machine, f.law, f"{f.found:.5f} ± {f.error:.5f}", f"{f.expected:.5f}", f"{f.z:+.2f}", f.verdict)
        for f in laws
    )
    broken = sum(not f.right for f in laws)
    told = "every law is as it must be" if not broken else f"{broken} are NOT as they must be"
    return Table(
        ("machine", "law", "found", "expected", "z", "verdict"),
        rows,
        (2, 3, 4),
        f"Laws of work, heat and entropy: {told} (|z| < {LIMIT:g})",
    )


def run_laws(
    folder: Path,
    *,
    runs: int = 100_000,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """`measure` as findings."""
    laws = measure(folder, runs=runs, seed=seed, threads=threads, progress=progress, executor=executor)
    told = [{**asdict(f), "z": f.z, "verdict": f.verdict} for f in laws]
    return Findings({"runs": runs, "laws": told, "right": all(f.right for f in laws)}, (laws_table(laws),))


STUDY = Study(
    name="laws",
    told="""Jarzynski's equality, the fluctuation theorem, the first law and housekeeping heat.

    On small driven machines that start in equilibrium, each against what it must be by grids in double
    precision, with error bars and a verdict; heat summed by Ito's rule stands beside them and must fail.

    Example: thermoc study laws -o laws
    """,
    options=(
        Option("runs", "--runs", int, 100_000, "Trajectories of each machine.", min=100),
        SEED,
        THREADS,
        *WHERE,
    ),
    run=run_laws,
)
