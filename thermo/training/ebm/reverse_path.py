"""Generative thermodynamic computing: a machine that runs a noising process backwards.

S. Whitelam, "Generative thermodynamic computing", arXiv 2506.15121 (code read in a reproduction):

1. Noising: cells without couplings start in equilibrium under a force 2 p_i, p the datum, which
   falls linearly to 0; they end in equilibrium without it.
2. A machine with couplings J and constant forces b is to run these paths backwards. Of a path
   x_0, ..., x_K its probability of doing so is, up to a constant,

       -ln P = sum_k sum_i (-dx_i + mu dt dV/dx_i(x_(k+1)))^2 / (4 mu kT dt),  dx = x_(k+1) - x_k:

   the reversed step starts where the step ended, and so must the force.
3. Generation: equilibrium without J and b, then t_f with them; visible cells are read.

V = sum U(x_i) - b.x - x.J.x / 2 is linear in (J, b), so -ln P is a convex quadratic in them, and
`train_reverse_path` solves it. With y = -dx / (mu dt) + U'(x_(k+1)) it is least squares of
y on b + J x_(k+1) with a symmetric J of zero diagonal.

Without couplings nothing but their own noise moves hidden cells. Ours, where there are any, feel a
fixed random projection of the datum in the noising run (not in the paper).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from compiler.ir.langevin import LangevinNetlist
from thermo.kernels.random import STREAM_INITIAL, fill_normals
from thermo.progress import NullProgress, Progress
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.generator import Generator
from thermo.training.langevin.onsager_machlup import symmetric_lyapunov
from thermo.training.rules import Rules

COLUMNS = 512  # trajectories handled at a time; part of no result but the last bits
_PROJECTION = 61  # which use of the seed draws the hidden cells' projection


@dataclass(frozen=True, slots=True)
class ReversePathConfig:
    """Settings; the defaults are the paper's but for dt and the hidden cells.

    gain : force on a visible cell per unit of its datum, at the start of noising
    fall : share of t_f after which the force is 0
    hidden : cells driven by `projection` times a fixed random projection of the datum
    t_equilibrium : of the runs that precede noising and generation
    ridge : lambda of lambda sum J^2, relative to the mean square of a cell
    """

    kT: float = 0.1
    j2: float = 1.0
    j4: float = 1.0
    mobility: float = 1.0
    t_f: float = 2.5
    dt: float = 5e-3
    gain: float = 2.0
    fall: float = 0.75
    hidden: int = 0
    projection: float = 2.0
    t_equilibrium: float = 2.5
    ridge: float = 1e-4
    seed: int = 0

    def __post_init__(self) -> None:
        rules = Rules(self, EbmError)
        rules.positive("kT", "j4", "mobility", "t_f", "dt", "gain", "t_equilibrium", "projection")
        rules.not_negative("ridge")
        rules.finite("j2")
        rules.whole("hidden", least=0)
        rules.seed(63)
        if not 0 < self.fall <= 1:
            rules.fail("fall", "above 0 and at most 1")
        if self.dt > min(self.t_f, self.t_equilibrium):
            rules.fail("dt", f"at most {min(self.t_f, self.t_equilibrium):g}")

    @property
    def steps(self) -> int:
        return max(1, round(self.t_f / self.dt))


@dataclass(frozen=True, slots=True, eq=False)
class ReversePath:
    """coupling : (n, n) symmetric, zero diagonal, force on the row; bias : (n,) forces; visible
    cells first. loss : -ln P per path and step of the training paths, without its constant;
    untrained : that of J = b = 0
    """

    coupling: np.ndarray
    bias: np.ndarray
    visible: int
    config: ReversePathConfig
    loss: float
    untrained: float


def forces_of(data: np.ndarray, config: ReversePathConfig) -> np.ndarray:
    """(n, n_samples) float32 forces at the start of noising, visible cells first; data
    (n_samples, d). Raises EbmError for data that are no finite rows.
    """
    rows = np.asarray(data, np.float32)
    if rows.ndim != 2 or rows.shape[0] == 0 or not np.isfinite(rows).all():
        raise EbmError(f"training: data must be finite rows (n_samples, d), got shape {np.shape(data)}")
    seen = config.gain * rows.T
    if not config.hidden:
        return np.ascontiguousarray(seen)
    rng = np.random.default_rng([config.seed, _PROJECTION])
    d = rows.shape[1]
    mixing = rng.standard_normal((config.hidden, d)).astype(np.float32) / math.sqrt(d)
    # around one half: an offset of all data would tell hidden cells nothing
    return np.concatenate([seen, config.projection * 2 * mixing @ (rows.T - 0.5)])


def noising_paths(forces: np.ndarray, config: ReversePathConfig, *, first: int = 0) -> Iterator[np.ndarray]:
    """x_0, x_1, ..., x_K of the noising run, each (n, n_samples) float32, one trajectory a column.

    Noise is a function of (seed, first + column, step).
    """
    h = np.float32(config.mobility * config.dt)
    width = np.float32(math.sqrt(2 * config.mobility * config.kT * config.dt))
    x = np.zeros_like(forces)
    noise = np.empty_like(forces)
    before = round(config.t_equilibrium / config.dt)
    for k in range(before + config.steps):
        if k >= before:
            yield x
        on = max(0.0, 1 - (max(k - before, 0) * config.dt) / (config.fall * config.t_f))
        fill_normals(noise, np.uint64(config.seed), np.uint64(first), k, STREAM_INITIAL)
        x = x + h * (np.float32(on) * forces - slope(x, config)) + width * noise
    yield x


def slope(x: np.ndarray, config: ReversePathConfig) -> np.ndarray:
    """U'(x) of a cell."""
    return x * (x.dtype.type(2 * config.j2) + x.dtype.type(4 * config.j4) * x * x)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over steps and samples of z z^T, y z^T and y^2, z = (x_(k+1), 1), float64; count of both
    together
    """

    zz: np.ndarray
    yz: np.ndarray
    yy: float
    count: int

    def loss(self, coupling: np.ndarray, bias: np.ndarray, config: ReversePathConfig) -> float:
        """-ln P per path and step, without its constant."""
        both = np.concatenate([coupling, bias[:, None]], axis=1)
        square = self.yy - 2 * np.sum(both * self.yz) + np.sum((both @ self.zz) * both)
        return float(config.mobility * config.dt / (4 * config.kT) * square / self.count)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.zz + other.zz, self.yz + other.yz, self.yy + other.yy, self.count + other.count)


def path_moments(paths: Iterator[np.ndarray], config: ReversePathConfig) -> Moments:
    """Of x_0, x_1, ..., x_K, each (n, trajectories): what -ln P of running them backwards needs."""
    x = next(paths)
    n, samples = x.shape
    zz, yz, yy, steps = np.zeros((n + 1, n + 1)), np.zeros((n, n + 1)), 0.0, 0
    z = np.ones((n + 1, samples), x.dtype)
    h = x.dtype.type(config.mobility * config.dt)
    for after in paths:
        z[:n] = after
        y = (x - after) / h + slope(after, config)
        zz += z @ z.T
        yz += y @ z.T
        yy += float(np.sum(np.square(y, dtype=np.float64)))
        x, steps = after, steps + 1
    return Moments(zz, yz, yy, samples * steps)


def moments(
    data: np.ndarray, config: ReversePathConfig, *, first: int = 0, progress: Progress | None = None
) -> Moments:
    """Those of the noising paths of data (n_samples, d), trajectories `first` and following."""
    forces = forces_of(data, config)
    samples = forces.shape[1]
    progress = NullProgress() if progress is None else progress
    progress.start(samples, "noising paths")
    total = None
    try:
        for lo in range(0, samples, COLUMNS):
            part = np.ascontiguousarray(forces[:, lo : lo + COLUMNS])
            found = path_moments(noising_paths(part, config, first=first + lo), config)
            total = found if total is None else total + found
            progress.update(min(lo + COLUMNS, samples))
    finally:
        progress.stop()
    assert total is not None
    return total


def best_reversal(m: Moments, config: ReversePathConfig) -> tuple[np.ndarray, np.ndarray]:
    """(J, b) that minimise -ln P: J G + G J = C + C^T off the diagonal, G and C the centred moments
    of x and of y with x (a Lyapunov equation without its diagonal), plus ridge.
    """
    n = m.yz.shape[0]
    mean_x, mean_y = m.zz[n, :n] / m.count, m.yz[:, n] / m.count
    g = m.zz[:n, :n] / m.count - np.outer(mean_x, mean_x)
    c = m.yz[:, :n] / m.count - np.outer(mean_y, mean_x)
    g[np.diag_indices(n)] += config.ridge * np.trace(g) / n
    j = symmetric_lyapunov(0.5 * (g + g.T), c + c.T)
    return j, mean_y - j @ mean_x


def train_reverse_path(
    data: np.ndarray, config: ReversePathConfig, *, progress: Progress | None = None
) -> ReversePath:
    """The machine that most probably runs the noising paths of `data` (n_samples, d) backwards.

    Raises EbmError for data that are no finite rows.
    """
    m = moments(data, config, progress=progress)
    j, b = best_reversal(m, config)
    n = b.size
    visible = np.asarray(data).shape[1]
    still = m.loss(np.zeros((n, n)), np.zeros(n), config)
    return ReversePath(j, b, visible, config, m.loss(j, b, config), still)


def lower_reverse_path(trained: ReversePath, *, visible_shape: tuple[int, ...] = ()) -> LangevinNetlist:
    """The generator as a netlist: phases equilibrate (couplings and forces off) and generate; a
    frozen cell at 1 carries the constant forces, so that they can be switched. Reads the visible
    cells divided by the rest position of a cell under `gain`: a datum of 1 is read as about 1.
    """
    config = trained.config
    i, j = np.nonzero(trained.coupling)
    return Generator(
        trained.bias[:, None],
        i,
        j,
        trained.coupling[i, j],
        trained.visible,
        config.kT,
        config.j2,
        config.j4,
        config.mobility,
        config.t_equilibrium,
        config.t_f,
        config.dt,
        1.0 / rest_position(config),
        image_shape=visible_shape,
    ).lower(source="reverse path", seed=config.seed)


def rest_position(config: ReversePathConfig) -> float:
    """Where a cell rests under the force `gain`: the largest real root of U'(x) = gain."""
    roots = np.roots([4 * config.j4, 0.0, 2 * config.j2, -config.gain])
    return float(max(r.real for r in roots if abs(r.imag) < 1e-9))
