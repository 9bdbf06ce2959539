"""The published training method: teacher, idealised trajectories, trajectory likelihood.

S. Whitelam, "Training thermodynamic computers by gradient descent", arXiv 2509.15324:

1. An ordinary network's hidden values and class probabilities are the targets A_i.
2. A machine without couplings, at kT = 0 and from x_0, driven by a constant force a_i, gives the
   idealised trajectories: a_i = drive_hidden A_i, and drive_out (2 A_i - 1) for the outputs.
3. The student's parameters minimise -ln P of these under its own noisy dynamics (Onsager-Machlup),

       -ln P = sum_k sum_i (dx_i + mu dV/dx_i dt)^2 / (4 mu kT dt).

Self-energies are shared, so dx_i + mu dV/dx_i dt = mu (a_i - b_i - W_i u - sum_j J_ij x_j) dt and

    -ln P = mu dt / (4 kT) sum_k sum_i r_i(k)^2,    r_i(k) = a_i - b_i - W_i u - sum_j J_ij x_j(k),

with derivatives -mu dt / (2 kT) sum_k of r_i, r_i u_p and r_i x_j + r_j x_i (J symmetric, i != j).
It is quadratic in the parameters: `solve` finds the minimum, `train_onsager_machlup` can also
stream. The student is never integrated. The paper's drives are not known to us: they are settings.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import scipy.linalg

from compiler.families.machine import LangevinMachine
from compiler.families.mlp import MLP
from thermo.data import Dataset
from thermo.progress import NullProgress, Progress
from thermo.training.langevin.encoder import fit_encoder
from thermo.training.langevin.mlp import hidden_activations, train_mlp
from thermo.training.langevin.quick import VALID_TRAJECTORY, run_machine
from thermo.training.langevin.result import EpochRecord, TrainingError, TrainingResult
from thermo.training.optimise import cosine_rate
from thermo.training.tiles import Tiles


@dataclass(frozen=True, slots=True)
class OnsagerMachlupConfig:
    """Settings of `train_onsager_machlup`.

    hidden : widths of the teacher's hidden layers; the machine has as many hidden cells
    teacher_epochs : of the teacher's training, if none is given
    drive_hidden, drive_out : proportionality of the idealised forces, energy per length
    exact : solve the least-squares problem; else stream with Adam for `epochs`
    ridge : lambda of lambda sum(W^2), relative to the mean square input; for pixels that never vary
    dt : step of the idealised trajectories and of evaluation
    every : the streaming trainer sums over each every-th step only
    learning_rate, rate_* : of the streaming trainer, in units of the larger drive; w_in is rated
        per unit of root-mean-square input
    """

    hidden: tuple[int, ...] = (32, 32)
    teacher_epochs: int = 30
    drive_hidden: float = 20.0
    drive_out: float = 20.0
    exact: bool = True
    ridge: float = 1e-6
    couplings: bool = True
    kT: float = 1.0
    mobility: float = 1.0
    j2: float = 1.0
    j3: float = 0.0
    j4: float = 1.0
    t_f: float = 0.2
    dt: float = 1e-3
    input_shift: float | None = None
    input_scale: float | None = None
    epochs: int = 10
    batch: int = 256
    every: int = 5
    learning_rate: float = 3e-3
    rate_j: float = 0.3
    rate_bias: float = 3.0
    seed: int = 0

    @property
    def n_hidden(self) -> int:
        return sum(self.hidden)

    def __post_init__(self) -> None:
        def fail(name: str, rule: str) -> None:
            raise TrainingError(f"training: {name} must be {rule}, got {getattr(self, name)}")

        for name in ("teacher_epochs", "epochs", "batch", "every"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                fail(name, "a whole number >= 1")
        for name in ("kT", "mobility", "t_f", "dt", "learning_rate", "drive_hidden", "drive_out"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                fail(name, "a number > 0")
        for name in ("ridge", "j4", "rate_j", "rate_bias"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                fail(name, "a number >= 0")
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**64:
            fail("seed", "a whole number from 0 to 2^64 - 1")
        if any(not isinstance(w, int) or w < 1 for w in self.hidden):
            fail("hidden", "widths >= 1")
        if self.dt > self.t_f:
            fail("dt", f"at most t_f = {self.t_f:g}")


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """What -ln P depends on: w_in (n, n_in), symmetric coupling (n, n) and bias (n,)."""

    w_in: np.ndarray
    coupling: np.ndarray
    bias: np.ndarray


def idealised_trajectories(
    drive: np.ndarray, cells: np.ndarray, x0: np.ndarray, *, n_steps: int, dt: float, mobility: float = 1.0
) -> np.ndarray:
    """Free cells at kT = 0 under constant forces, explicit Euler.

    drive : (n_samples, n); cells : (3, n) J2, J3, J4; x0 : (n,)
    Returns (n_steps, n_samples, n): the states at the start of each step.
    """
    out = np.empty((n_steps, *drive.shape), drive.dtype)
    for k, x in enumerate(_walk(drive, cells, x0, n_steps, mobility * dt)):
        out[k] = x
    return out


def _walk(
    drive: np.ndarray, cells: np.ndarray, x0: np.ndarray, n_steps: int, h: float
) -> Iterator[np.ndarray]:
    """The states of `idealised_trajectories` one by one."""
    x = np.broadcast_to(x0.astype(drive.dtype), drive.shape).copy()
    a1, a2, a3 = (factor * row.astype(drive.dtype) for factor, row in zip((-2, -3, -4), cells, strict=True))
    for _ in range(n_steps):
        yield x
        force = x * a3
        force += a2
        force *= x
        force += a1
        force *= x
        force += drive
        force *= drive.dtype.type(h)
        x = x + force


def loss_and_gradient(
    parameters: Parameters,
    u: np.ndarray,
    drive: np.ndarray,
    states: np.ndarray,
    *,
    dt: float,
    mobility: float = 1.0,
    kT: float = 1.0,
) -> tuple[float, Parameters]:
    """-ln P per sample without its constant, and its derivatives; those by J_ij count both places.

    u : (n_samples, n_in) encoded; drive : (n_samples, n); states : (n_steps, n_samples, n)
    """
    _, samples, n = states.shape
    still = drive - parameters.bias - u @ parameters.w_in.T
    r = still[None] - states @ parameters.coupling.T
    price = mobility * dt / (4.0 * kT * samples)
    loss = price * float(np.sum(np.square(r, dtype=np.float64)))
    by_force = -2.0 * price * r.sum(axis=0)
    one_way = -2.0 * price * (r.reshape(-1, n).T @ states.reshape(-1, n))
    by_coupling = one_way + one_way.T
    np.fill_diagonal(by_coupling, 0.0)
    return loss, Parameters(by_force.T @ u, by_coupling, by_force.sum(axis=0))


def solve(
    u: np.ndarray,
    drive: np.ndarray,
    cells: np.ndarray,
    x0: np.ndarray,
    *,
    n_steps: int,
    dt: float,
    mobility: float = 1.0,
    ridge: float = 0.0,
    couplings: bool = True,
    chunk: int = 1024,
) -> Parameters:
    """The minimum of -ln P over W, b and symmetric J with zero diagonal, in float64.

    W and b see the same input in every step, so they are eliminated: with P the projection on
    (1, u), y the mean of x over the K steps, G = sum_k x_k^T x_k - K y^T P y and
    C = K a^T (1 - P) y, J obeys J G + G J = C + C^T off the diagonal (a Lyapunov equation without
    its diagonal), which conjugate gradients solve. float64 throughout.
    ridge : added to the diagonal of u^T u / n_samples, relative to its mean
    """
    samples, n_in = u.shape
    n = drive.shape[1]
    v_v = np.zeros((n_in + 1, n_in + 1))
    v_a = np.zeros((n_in + 1, n))
    v_x = np.zeros((n_in + 1, n))
    x_x = np.zeros((n, n))
    a_x = np.zeros((n, n))
    for lo in range(0, samples, chunk):
        v = np.ones((min(chunk, samples - lo), n_in + 1))
        v[:, 1:] = u[lo : lo + chunk]
        a = drive[lo : lo + chunk].astype(np.float64)
        v_v += v.T @ v
        v_a += v.T @ a
        if couplings:
            total = np.zeros_like(a)
            for x in _walk(a, cells, x0, n_steps, mobility * dt):
                total += x
                x_x += x.T @ x
            v_x += v.T @ (total / n_steps)
            a_x += a.T @ (total / n_steps)
    size = np.trace(v_v[1:, 1:]) / n_in
    weight = np.full(n_in + 1, ridge * size)
    weight[0] = 0.0
    factor = scipy.linalg.cho_factor(v_v + np.diag(weight) + 1e-12 * size * np.eye(n_in + 1))
    j = np.zeros((n, n))
    if couplings:
        g = x_x - n_steps * v_x.T @ scipy.linalg.cho_solve(factor, v_x)
        c = n_steps * (a_x - v_a.T @ scipy.linalg.cho_solve(factor, v_x))
        j = symmetric_lyapunov(0.5 * (g + g.T), c + c.T)
    w = scipy.linalg.cho_solve(factor, v_a - v_x @ j)
    return Parameters(w[1:].T.copy(), j, w[0].copy())


def symmetric_lyapunov(g: np.ndarray, c: np.ndarray) -> np.ndarray:
    """J = J^T with zero diagonal and (J G + G J)_ij = C_ij off the diagonal, G positive definite.

    Conjugate gradients in the basis of the off-diagonal entries, preconditioned by G_ii + G_jj.
    """
    n = g.shape[0]
    scale = np.maximum(np.add.outer(np.diag(g), np.diag(g)), 1e-300)

    def masked(a: np.ndarray) -> np.ndarray:
        out = a.copy()
        np.fill_diagonal(out, 0.0)
        return out

    j = np.zeros((n, n))
    r = masked(c)
    z = r / scale
    p = z.copy()
    rz = float(np.sum(r * z))
    goal = 1e-26 * rz
    for _ in range(10 * n * n):
        if rz <= goal:
            break
        half = p @ g
        q = masked(half + half.T)
        step = rz / float(np.sum(p * q))
        j += step * p
        r -= step * q
        z = r / scale
        rz, before = float(np.sum(r * z)), rz
        p = z + (rz / before) * p
    return j


def train_onsager_machlup(
    dataset: Dataset,
    config: OnsagerMachlupConfig,
    *,
    teacher: MLP | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> TrainingResult:
    """Teacher and student by trajectory likelihood; classification only.

    teacher : with as many hidden cells in all as config.hidden; trained here if None
    The streamed student is chosen on the validation split, the exact one is what it is.
    Raises TrainingError for regression data and for a teacher that does not fit.
    """
    if dataset.n_classes == 0:
        raise TrainingError(
            f"training by likelihood needs classes, data set {dataset.name} has values; use pathwise training"
        )
    progress = progress or NullProgress()
    began = time.perf_counter()
    if teacher is None:
        teacher = train_mlp(
            dataset, config.hidden, epochs=config.teacher_epochs, seed=config.seed, progress=progress
        ).machine
    if (teacher.n_inputs, teacher.n_answers) != (dataset.n_features, dataset.n_classes):
        raise TrainingError(
            f"teacher maps {teacher.n_inputs} inputs to {teacher.n_answers} answers, data set "
            f"{dataset.name} needs {dataset.n_features} and {dataset.n_classes}"
        )
    hidden, answer = hidden_activations(teacher, dataset.x_train)
    if hidden.shape[1] != config.n_hidden:
        raise TrainingError(
            f"teacher has {hidden.shape[1]} hidden cells, the configuration {config.n_hidden}; "
            "set hidden to the teacher's widths"
        )
    drive = np.concatenate(
        [config.drive_hidden * hidden, config.drive_out * (2.0 * answer - 1.0)], axis=1
    ).astype(np.float32)
    n = drive.shape[1]
    cells = np.repeat(np.array([[config.j2], [config.j3], [config.j4]]), n, axis=1)
    x0 = np.zeros(n)
    shift, scale = fit_encoder(dataset.x_train, config.input_shift, config.input_scale)
    u = (dataset.x_train - shift) * scale
    n_steps = max(1, round(config.t_f / config.dt))
    dt = config.t_f / n_steps

    def machine(p: Parameters) -> LangevinMachine:
        return LangevinMachine(
            w_in=p.w_in.astype(np.float32),
            coupling=p.coupling.astype(np.float32),
            bias=p.bias.astype(np.float32),
            j2=cells[0].astype(np.float32),
            j3=cells[1].astype(np.float32),
            j4=cells[2].astype(np.float32),
            x0=x0.astype(np.float32),
            n_out=dataset.n_classes,
            input_shift=shift.copy(),
            input_scale=scale.copy(),
            readout_scale=np.ones(dataset.n_classes),
            readout_offset=np.zeros(dataset.n_classes),
            kT=config.kT,
            mobility=config.mobility,
            t_f=config.t_f,
            dt=dt,
            labels=dataset.labels,
            meta=MappingProxyType(
                {
                    "method": "least squares" if config.exact else "likelihood",
                    "data": dataset.name,
                    "split": dataset.split,
                    "training_readout_scale": 1.0,
                }
            ),
        )

    history: list[EpochRecord] = []
    best: tuple[float, float, int, LangevinMachine] | None = None

    def judge(p: Parameters, epoch: int, loss: float, seconds: float, tiles: Tiles) -> None:
        nonlocal best
        made = machine(p)
        outputs, heat = run_machine(
            made, dataset.x_valid, seed=config.seed, trajectory=VALID_TRAJECTORY, tiles=tiles
        )
        right = float(np.mean(outputs.argmax(axis=1) == dataset.y_valid))
        q = float(heat.mean()) / config.kT
        history.append(EpochRecord(epoch, loss, float("nan"), float("nan"), right, q, 0.0, dt, 0, seconds))
        if best is None or right >= best[0]:
            best = right, q, epoch, made

    with Tiles(threads) as tiles:
        if config.exact:
            p = solve(
                u,
                drive,
                cells,
                x0,
                n_steps=n_steps,
                dt=dt,
                mobility=config.mobility,
                ridge=config.ridge,
                couplings=config.couplings,
            )
            judge(p, 1, float("nan"), time.perf_counter() - began, tiles)
        else:
            progress.start(config.epochs, f"trajectory likelihood on {dataset.name}")
            try:
                for epoch, loss, p, seconds in _stream(u, drive, cells, x0, n_steps, dt, config):
                    judge(p, epoch, loss, seconds, tiles)
                    progress.update(epoch, f"loss {loss:.5g}, validation {history[-1].valid_accuracy:.4f}")
            finally:
                progress.stop()
    assert best is not None
    return TrainingResult(
        machine=best[3],
        history=tuple(history),
        valid_accuracy=best[0],
        mean_heat=best[1],
        best_epoch=best[2],
        heat_penalty=0.0,
        seconds=time.perf_counter() - began,
        config=config,
    )


def _stream(
    u: np.ndarray,
    drive: np.ndarray,
    cells: np.ndarray,
    x0: np.ndarray,
    n_steps: int,
    dt: float,
    config: OnsagerMachlupConfig,
) -> Iterator[tuple[int, float, Parameters, float]]:
    """Adam over batches of samples, the steps of each at once; yields after every epoch."""
    samples, n_in = u.shape
    n = drive.shape[1]
    unit = 1.0 / max(float(np.sqrt(np.mean(np.square(u, dtype=np.float64)))), 1e-30)
    theta = [np.zeros((n, n_in), np.float32), np.zeros((n, n), np.float32), np.zeros(n, np.float32)]
    peak = config.learning_rate * max(config.drive_hidden, config.drive_out)
    rates = (1.0, config.rate_j if config.couplings else 0.0, config.rate_bias)
    m = [np.zeros_like(p) for p in theta]
    v = [np.zeros_like(p) for p in theta]
    cells, x0 = cells.astype(np.float32), x0.astype(np.float32)
    batch = min(config.batch, samples)
    n_batches = samples // batch
    step = 0
    for epoch in range(1, config.epochs + 1):
        began = time.perf_counter()
        order = np.random.default_rng([config.seed, 1, epoch]).permutation(samples)
        total = 0.0
        for k in range(n_batches):
            rows = order[k * batch : (k + 1) * batch]
            states = idealised_trajectories(
                drive[rows], cells, x0, n_steps=n_steps, dt=dt, mobility=config.mobility
            )
            loss, by = loss_and_gradient(
                Parameters(*theta),
                u[rows] * np.float32(unit),
                drive[rows],
                states[:: config.every],
                dt=dt * config.every,
                mobility=config.mobility,
                kT=config.kT,
            )
            total += loss
            rate = cosine_rate(peak, step, config.epochs * n_batches)
            step += 1
            scale = rate * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            gradient = (by.w_in, by.coupling, by.bias)
            for p, g, m_, v_, factor in zip(theta, gradient, m, v, rates, strict=True):
                m_ += np.float32(0.1) * (g.astype(np.float32) - m_)
                v_ += np.float32(0.001) * (np.square(g.astype(np.float32)) - v_)
                p -= np.float32(factor * scale) * m_ / (np.sqrt(v_) + np.float32(1e-8))
        w, j, b = theta
        now = Parameters(w * np.float32(unit), j.copy(), b.copy())
        yield epoch, total / n_batches, now, time.perf_counter() - began
