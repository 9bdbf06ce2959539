"""What a runner is asked to do and what it hands back, the same for every backend."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from thermo.progress import NullProgress, Progress
from thermo.simulate.langevin.plan import Plan
from thermo.simulate.langevin.prepare import Prepared

METHODS = ("euler", "heun", "leimkuhler-matthews", "baoab")

COSTS = ("squared", "cross-entropy")  # what a nudge pulls down

LANES = 64  # most trajectories in a tile


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """N = n_samples * runs trajectories of one prepared netlist.

    inputs : (n_samples, n_in) float64 input states at scale 1
    x0 : (N, n) or (1, n) float64 starting states; v0 : likewise velocities of underdamped cells
    targets : (n_samples, n_out) float64, or None where nothing is nudged; cost : one of COSTS
    first : id of trajectory 0; trajectory k belongs to sample k // runs
    heat_method : "potential", "stratonovich" or "none"
    bound : a state beyond it, or one that is not finite, has diverged
    check_every : steps between looks for diverged trajectories
    """

    prepared: Prepared
    plan: Plan
    method: str
    inputs: np.ndarray
    runs: int
    x0: np.ndarray
    targets: np.ndarray | None
    cost: str
    seed: int
    first: int
    heat_method: str
    keep_final: bool
    bound: float
    threads: int | None = None
    check_every: int = 32
    progress: Progress = field(default_factory=NullProgress)
    v0: np.ndarray | None = None

    @property
    def n_trajectories(self) -> int:
        return self.inputs.shape[0] * self.runs

    @property
    def inertial(self) -> bool:
        """Whether cells are underdamped or have a noise matrix: the runners of their own."""
        return self.prepared.mass is not None or self.prepared.factor is not None

    @property
    def linear(self) -> bool:
        """Whether linear couplings, free polynomial cells and no nudge are all there is."""
        p, plan = self.prepared, self.plan
        extras = p.n_curved or p.angle.any() or plan.nudge.any() or plan.held.any()
        return not extras

    def only(self, k: int, **changes: object) -> Job:
        """Trajectory k of this job alone, with its own id, looked at after every step."""
        sample = k // self.runs
        plain: dict[str, object] = dict(
            inputs=self.inputs[sample : sample + 1],
            runs=1,
            x0=self.x0[k : k + 1] if self.x0.shape[0] > 1 else self.x0,
            v0=self.v0[k : k + 1] if self.v0 is not None and self.v0.shape[0] > 1 else self.v0,
            targets=None if self.targets is None else self.targets[sample : sample + 1],
            first=self.first + k,
            heat_method="none",
            keep_final=False,
            check_every=1,
            progress=NullProgress(),
        )
        return replace(self, **(plain | changes))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """What the trajectories did; N as in the job.

    outputs : (n_times, N, n_read) float32; heat, work : (P, N) float64
    final, velocity : (N, n) or None; trajectory : (n_saved, N, n) float32 or None
    diverged : (trajectory, steps done, dynamic cell) of the first one found, or None
    """

    outputs: np.ndarray
    heat: np.ndarray
    work: np.ndarray
    final: np.ndarray | None
    trajectory: np.ndarray | None
    diverged: tuple[int, int, int] | None = None
    velocity: np.ndarray | None = None


def empty_raw(job: Job) -> Raw:
    """Room for the results of a job."""
    n, plan, prepared = job.n_trajectories, job.plan, job.prepared
    phases = len(plan.names)
    return Raw(
        outputs=np.empty((plan.ends.size, n, prepared.read.size), np.float32),
        heat=np.zeros((phases, n)),
        work=np.zeros((phases, n)),
        final=np.empty((n, prepared.n), np.float32) if job.keep_final else None,
        trajectory=np.empty((plan.saved.size, n, prepared.n), np.float32) if plan.saved.size else None,
        velocity=np.empty((n, prepared.n), np.float32)
        if job.keep_final and prepared.mass is not None
        else None,
    )


def result_bytes(job: Job) -> int:
    """Bytes that the results of a job will take; a tile is filled however few trajectories run."""
    n, plan = max(job.n_trajectories, LANES), job.plan
    states = plan.ends.size * job.prepared.read.size
    states += (plan.saved.size + 2 * int(job.keep_final)) * job.prepared.n
    return n * (4 * states + 16 * len(plan.names))
