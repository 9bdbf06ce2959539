"""Stochastic-gradient Langevin dynamics at fixed, falling or adaptive steps.

dx = -grad U dt + sqrt(2 kT) dW leaves exp(-U / kT) invariant. SGLD (Welling and Teh 2011) takes
Euler steps with an unbiased estimate of grad U. SA-SGLD (Rajpal, Leimkuhler and Jiang 2025, arXiv
2511.11666, on the scheme of Leimkuhler, Lohmann and Whalley 2025, arXiv 2504.18911; abstracts
read, form derived) lets a monitored quantity zeta set the step,

    zeta <- rho zeta + (1 - rho) |grad U|^s,   dt = tau (m (zeta^r + M) / (zeta^r + m)),

from tau M where zeta is small down to tau m where it is large. zeta knows only the past, so that x
is the same diffusion run by another clock: averages over time weigh every state by its dt, and no
correction of the drift is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from thermo.kernels.random import fill_normals
from thermo.progress import NullProgress, Progress
from thermo.samplers.draws import Draws
from thermo.samplers.potential import Gradient, SamplerError

BOUND = 1e12  # a state beyond it has diverged
TELL = 256  # steps between two signs of progress


@dataclass(frozen=True, slots=True)
class Clock:
    """How a monitored quantity sets the step of `sa_sgld`.

    slowest, fastest : m < M, least and largest dt in units of tau; memory : rho; power : s of the
    gradient's norm; sharpness : r
    """

    slowest: float = 0.1
    fastest: float = 10.0
    memory: float = 0.9
    power: float = 2.0
    sharpness: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.slowest < self.fastest < math.inf:
            raise SamplerError(
                f"clock: 0 < slowest < fastest is needed, got {self.slowest:g} and {self.fastest:g}"
            )
        if not 0 <= self.memory < 1:
            raise SamplerError(f"clock: memory must be at least 0 and below 1, got {self.memory}")
        for name in ("power", "sharpness"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise SamplerError(f"clock: {name} must be above 0, got {getattr(self, name)}")

    def rate(self, zeta: np.ndarray) -> np.ndarray:
        """dt / tau for the monitored quantity, between slowest and fastest."""
        z = zeta**self.sharpness
        m, top = self.slowest, self.fastest
        # the same fraction, finite where z overflows
        return m * (1 + (top - m) / (z + m))


def sgld(
    gradient: Gradient,
    x0: np.ndarray,
    *,
    step: float | Callable[[int], float],
    steps: int,
    kT: float = 1.0,
    burn_in: int = 0,
    keep_every: int = 1,
    seed: int = 0,
    first_step: int = 0,
    progress: Progress | None = None,
) -> Draws:
    """Euler steps x <- x - dt g + sqrt(2 kT dt) xi from x0 (d, chains).

    step : dt, or dt as a function of the step's number, for example a (b + k)^-c; a state's weight
        is the dt that leads away from it
    burn_in : steps before the first kept state; keep_every : of the others, one in so many
    seed, first_step : noise is a function of (seed, chain, step), so that a run may be cut in two

    A fixed dt samples a distribution O(dt) beside exp(-U / kT); the noise of a stochastic gradient
    adds to that (variance of g times dt / 2 kT, in units of the injected noise's).
    Raises SamplerError for options out of range and a state that diverges.
    """
    at = step if callable(step) else (lambda k: step)
    return run(
        gradient,
        x0,
        lambda g, k: np.full(x0.shape[1], _positive(at(k), k)),
        steps=steps,
        kT=kT,
        burn_in=burn_in,
        keep_every=keep_every,
        seed=seed,
        first_step=first_step,
        progress=progress,
    )


def sa_sgld(
    gradient: Gradient,
    x0: np.ndarray,
    *,
    tau: float,
    steps: int,
    clock: Clock | None = None,
    kT: float = 1.0,
    burn_in: int = 0,
    keep_every: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Draws:
    """SGLD with steps between clock.slowest tau and clock.fastest tau, each chain its own.

    Draws carry dt as their weight: averages without it are those of another density.
    Raises SamplerError for options out of range and a state that diverges.
    """
    clock = Clock() if clock is None else clock
    _positive(tau, 0)
    # zeta starts from the first gradient seen: chains that start far out begin with small steps
    zeta = np.empty(0)

    def step(g: np.ndarray, k: int) -> np.ndarray:
        nonlocal zeta
        monitor = np.sum(g**2, axis=0) ** (clock.power / 2)
        zeta = clock.memory * zeta + (1 - clock.memory) * monitor if zeta.size else monitor
        return tau * clock.rate(zeta)

    return run(
        gradient,
        x0,
        step,
        steps=steps,
        kT=kT,
        burn_in=burn_in,
        keep_every=keep_every,
        seed=seed,
        first_step=0,
        progress=progress,
    )


def _positive(step: float, k: int) -> float:
    if not (math.isfinite(step) and step > 0):
        raise SamplerError(f"sampler: the time step must be a number > 0, got {step} at step {k}")
    return float(step)


def run(
    gradient: Gradient,
    x0: np.ndarray,
    step: Callable[[np.ndarray, int], np.ndarray],
    *,
    steps: int,
    kT: float,
    burn_in: int,
    keep_every: int,
    seed: int,
    first_step: int,
    progress: Progress | None,
) -> Draws:
    """The loop of all samplers; step(g, k) -> (chains,) dt."""
    x = np.array(x0, np.float64)
    if x.ndim != 2 or x.size == 0 or not np.isfinite(x).all():
        raise SamplerError(
            f"sampler: x0 must be finite, with shape (dimensions, chains), got shape {x.shape}"
        )
    if not (math.isfinite(kT) and kT >= 0):
        raise SamplerError(f"sampler: kT must be a number >= 0, got {kT}")
    if not (steps > burn_in >= 0 and keep_every >= 1):
        raise SamplerError(
            f"sampler: steps > burn_in >= 0 and keep_every >= 1 are needed, got steps {steps}, "
            f"burn_in {burn_in} and keep_every {keep_every}"
        )
    kept = range(burn_in, steps, keep_every)
    draws = np.empty((len(kept), *x.shape))
    weight = np.empty((len(kept), x.shape[1]))
    noise = np.empty(x.shape, np.float32)
    progress = NullProgress() if progress is None else progress
    progress.start(steps, "sampling")
    try:
        for k in range(steps):
            now = first_step + k
            g = gradient(x, now)
            if g.shape != x.shape:
                raise SamplerError(f"sampler: the gradient has shape {g.shape}; states have {x.shape}")
            dt = step(g, now)
            if k >= burn_in and (k - burn_in) % keep_every == 0:
                j = (k - burn_in) // keep_every
                draws[j], weight[j] = x, dt
            fill_normals(noise, np.uint64(seed), np.uint64(0), now)
            x = x - dt * g + np.sqrt(2 * kT * dt) * noise
            bad = ~(np.abs(x) < BOUND)
            if bad.any():
                i, c = np.argwhere(bad)[0]
                raise SamplerError(
                    f"sampler: coordinate {i} of chain {c} diverges at step {now} with time step "
                    f"{dt[c]:.3g}; take a smaller one"
                )
            if k % TELL == TELL - 1:
                progress.update(k + 1)
    finally:
        progress.stop()
    return Draws(draws, weight, x)
