"""The published training method: teacher, idealised trajectories, trajectory likelihood.

S. Whitelam, "Training thermodynamic computers by gradient descent", arXiv 2509.15324:

1. An ordinary network's hidden values and outputs from 0 to 1 are the targets A_i.
2. A machine without couplings, at kT = 0 and from x_0, driven by a constant force a_i, gives the
   idealised trajectories: a_i = drive_hidden A_i, and drive_out (2 A_i - 1) for the outputs.
3. The student's parameters minimise -ln P of these under its own noisy dynamics (Onsager-Machlup),

       -ln P = sum_k sum_i (dx_i + mu dV/dx_i dt)^2 / (4 mu kT dt).

Self-energies are shared, so dx_i + mu dV/dx_i dt = mu (a_i - b_i - W_i u - sum_j J_ij x_j) dt and

    -ln P = mu dt / (4 kT) sum_k sum_i r_i(k)^2,    r_i(k) = a_i - b_i - W_i u - sum_j J_ij x_j(k),

with derivatives -mu dt / (2 kT) sum_k of r_i, r_i u_p and r_i x_j + r_j x_i (J symmetric, i != j).
It is quadratic in the parameters: `solve` finds the minimum, `train_onsager_machlup` can also
stream. The student is never integrated. The paper's drives, and what its
teacher's outputs are, are not known to us: they are settings.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.special import expit, softmax

from compiler.families.langevin import LangevinMachine
from compiler.families.mlp import MLP
from thermo.data import Dataset
from thermo.progress import Progress
from thermo.training.errors import TrainingError
from thermo.training.langevin.config import OnsagerMachlupConfig
from thermo.training.langevin.encoder import fit_encoder
from thermo.training.langevin.mlp import hidden_and_answers, train_mlp
from thermo.training.langevin.quick import VALID_TRAJECTORY, run_machine
from thermo.training.langevin.result import EpochRecord, TrainedMachine
from thermo.training.loop import fit
from thermo.training.optimise import Adam, cosine_rate
from thermo.training.tiles import Tiles


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
    coupled: bool = True,
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
        if coupled:
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
    if coupled:
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


def targets(teacher: MLP, data: np.ndarray, config: OnsagerMachlupConfig) -> tuple[np.ndarray, np.ndarray]:
    """The teacher's hidden values, (n, n_hidden), and outputs A, (n, n_out) from 0 to 1."""
    hidden, answers = hidden_and_answers(teacher, data)
    z = config.answer_gain * (answers - answers.mean(axis=1, keepdims=True))
    return hidden, softmax(z, axis=1) if config.answers == "softmax" else expit(z)


class OnsagerMachlupTrainer:
    """Student of a teacher: one epoch that solves for it, or epochs of Adam over batches of samples,
    all steps of each at once. A checkpoint holds `arrays()`, the NUMBERS and the history.

    theta : w_in (n, n_in) per unit of root-mean-square input, coupling (n, n), bias (n,)
    """

    NUMBERS = ("epoch", "step", "seconds", "score", "best_epoch", "best_heat")
    RECORD, ERROR = EpochRecord, TrainingError

    def __init__(self, dataset: Dataset, config: OnsagerMachlupConfig, teacher: MLP) -> None:
        self.data, self.config = dataset, config
        hidden, answer = targets(teacher, dataset.x_train, config)
        if hidden.shape[1] != config.n_hidden:
            raise TrainingError(
                f"teacher has {hidden.shape[1]} hidden cells, the configuration {config.n_hidden}; "
                "set hidden to the teacher's widths"
            )
        self.drive = np.concatenate(
            [config.drive_hidden * hidden, config.drive_out * (2.0 * answer - 1.0)], axis=1
        ).astype(np.float32)
        n = self.drive.shape[1]
        self.cells = np.repeat(np.array([[config.j2], [config.j3], [config.j4]]), n, axis=1)
        self.x0 = np.zeros(n)
        self.shift, self.scale = fit_encoder(dataset.x_train, config.input_shift, config.input_scale)
        self.u = (dataset.x_train - self.shift) * self.scale
        self.n_steps = max(1, round(config.t_f / config.dt))
        self.dt = config.t_f / self.n_steps
        size = np.sqrt(np.mean(np.square(self.u, dtype=np.float64)))
        self.unit = np.float32(1.0 / max(float(size), 1e-30))
        shapes = ((n, self.u.shape[1]), (n, n), (n,))
        self.theta = [np.zeros(shape, np.float32) for shape in shapes]
        self.best = [np.zeros(shape, np.float32) for shape in shapes]
        self.adams = [Adam(p, folded=True) for p in self.theta]
        self.epoch = self.step = self.best_epoch = 0
        self.score, self.best_heat, self.seconds = -1.0, math.nan, 0.0
        self.history: list[EpochRecord] = []

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint holds, by name."""
        out: dict[str, np.ndarray] = {}
        for k, (p, best, adam) in enumerate(zip(self.theta, self.best, self.adams, strict=True)):
            out |= {f"theta{k}": p, f"best{k}": best, f"m{k}": adam.m, f"v{k}": adam.v}
        return out

    def run_epoch(self, tiles: Tiles) -> EpochRecord:
        config = self.config
        if config.exact:
            loss, found = math.nan, self.solved()
        else:
            loss = self.stream()
            w, j, b = self.theta
            found = Parameters(w * self.unit, j, b)
        self.epoch += 1
        machine = self.machine(found.w_in, found.coupling, found.bias)
        outputs, heat = run_machine(
            machine, self.data.x_valid, seed=config.seed, trajectory=VALID_TRAJECTORY, tiles=tiles
        )
        right = float(np.mean(outputs.argmax(axis=1) == self.data.y_valid))
        q = float(heat.mean()) / config.kT
        if right >= self.score:
            self.score, self.best_heat, self.best_epoch = right, q, self.epoch
            for kept, now in zip(self.best, (found.w_in, found.coupling, found.bias), strict=True):
                kept[:] = now
        return EpochRecord(self.epoch, loss, math.nan, math.nan, right, q, 0.0, self.dt, 0)

    def solved(self) -> Parameters:
        """The least-squares student."""
        config = self.config
        return solve(
            self.u,
            self.drive,
            self.cells,
            self.x0,
            n_steps=self.n_steps,
            dt=self.dt,
            mobility=config.mobility,
            ridge=config.ridge,
            coupled=config.coupled,
        )

    def stream(self) -> float:
        """One pass over the samples; the mean loss of its batches."""
        config, samples = self.config, self.u.shape[0]
        peak = config.learning_rate * max(config.drive_hidden, config.drive_out)
        rates = (1.0, config.rate_j if config.coupled else 0.0, config.rate_bias)
        cells, x0 = self.cells.astype(np.float32), self.x0.astype(np.float32)
        batch = min(config.batch, samples)
        n_batches = samples // batch
        order = np.random.default_rng([config.seed, 1, self.epoch + 1]).permutation(samples)
        total = 0.0
        for k in range(n_batches):
            rows = order[k * batch : (k + 1) * batch]
            states = idealised_trajectories(
                self.drive[rows], cells, x0, n_steps=self.n_steps, dt=self.dt, mobility=config.mobility
            )
            loss, by = loss_and_gradient(
                Parameters(*self.theta),
                self.u[rows] * self.unit,
                self.drive[rows],
                states[:: config.every],
                dt=self.dt * config.every,
                mobility=config.mobility,
                kT=config.kT,
            )
            total += loss
            rate = cosine_rate(peak, self.step, config.epochs * n_batches)
            gradient = (by.w_in, by.coupling, by.bias)
            for p, g, adam, factor in zip(self.theta, gradient, self.adams, rates, strict=True):
                p -= adam.change(g.astype(np.float32), rate, self.step, factor)
            self.step += 1
        return total / n_batches

    def note(self) -> str:
        last = self.history[-1]
        return f"loss {last.loss:.5g}, validation {last.valid_accuracy:.4f}"

    def model(self) -> LangevinMachine:
        """The student of the best epoch."""
        return self.machine(*self.best)

    def machine(self, w_in: np.ndarray, coupling: np.ndarray, bias: np.ndarray) -> LangevinMachine:
        """The machine with these parameters."""
        config, data = self.config, self.data
        return LangevinMachine(
            w_in=w_in.astype(np.float32),
            coupling=coupling.astype(np.float32),
            bias=bias.astype(np.float32),
            j2=self.cells[0].astype(np.float32),
            j3=self.cells[1].astype(np.float32),
            j4=self.cells[2].astype(np.float32),
            x0=self.x0.astype(np.float32),
            n_out=data.n_classes,
            input_shift=self.shift.copy(),
            input_scale=self.scale.copy(),
            readout_scale=np.ones(data.n_classes),
            readout_offset=np.zeros(data.n_classes),
            kT=config.kT,
            mobility=config.mobility,
            t_f=config.t_f,
            dt=self.dt,
            labels=data.labels,
            meta={
                "method": "least squares" if config.exact else "likelihood",
                "data": data.name,
                "split": data.split,
            },
        )


def train_onsager_machlup(
    dataset: Dataset,
    config: OnsagerMachlupConfig,
    *,
    teacher: MLP | None = None,
    progress: Progress | None = None,
    checkpoint: str | os.PathLike | None = None,
    threads: int | None = None,
) -> TrainedMachine:
    """Teacher and student by trajectory likelihood; classification only.

    teacher : with as many hidden cells in all as config.hidden; trained here if None
    The streamed student is chosen on the validation split, the exact one is what it is.
    checkpoint, threads : see thermo.training.loop.fit; a teacher trained here is trained anew

    Raises TrainingError for regression data and for a teacher that does not fit.
    """
    if dataset.n_classes == 0:
        raise TrainingError(
            f"training by likelihood needs classes, data set {dataset.name} has values; use pathwise training"
        )
    spent = 0.0
    if teacher is None:
        found = train_mlp(
            dataset, config.hidden, epochs=config.teacher_epochs, seed=config.seed, progress=progress
        )
        teacher, spent = found.model, found.seconds
    if (teacher.n_inputs, teacher.n_answers) != (dataset.n_features, dataset.n_classes):
        raise TrainingError(
            f"teacher maps {teacher.n_inputs} inputs to {teacher.n_answers} answers, data set "
            f"{dataset.name} needs {dataset.n_features} and {dataset.n_classes}"
        )
    trainer = OnsagerMachlupTrainer(dataset, config, teacher)
    trainer.seconds = spent
    trained = fit(
        trainer,
        (dataset, config, *teacher.weights, *teacher.biases),
        f"trajectory likelihood on {dataset.name}",
        progress=progress,
        checkpoint=checkpoint,
        threads=threads,
        epochs=1 if config.exact else None,
    )
    return trained.extended(TrainedMachine, mean_heat=trainer.best_heat, heat_penalty=0.0)
