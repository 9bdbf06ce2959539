"""Solve, invert, Lyapunov: means and covariances of the machine in its steady state."""

from __future__ import annotations

from typing import Any

import numpy as np

from thermo.linear_algebra.machine import SAVE, Machine, Ran, batches_of, check_time, make_machine, record
from thermo.linear_algebra.measurement import Measurement, effective_samples, estimate
from thermo.progress import Progress


class _Sums:
    """Sums of x and x x^T over time, for every batch and machine; float64."""

    def __init__(self, batches: int, machines: int, n: int, squares: bool) -> None:
        self.count = np.zeros(batches)
        self.first = np.zeros((batches, machines, n))
        self.second = np.zeros((batches, machines, n, n)) if squares else None
        self.square = np.zeros(n)

    def take(self, batch: int, states: np.ndarray) -> None:
        x = states.astype(np.float64)
        self.count[batch] += x.shape[0]
        self.first[batch] += x.sum(axis=0)
        self.square += (x**2).mean(axis=1).sum(axis=0)
        if self.second is not None:
            across = x.transpose(1, 2, 0)
            self.second[batch] += across @ across.transpose(0, 2, 1)


def _observe(
    machine: Machine, time: float, burn_in: float | None, squares: bool, progress: Progress | None
) -> tuple[_Sums, Ran]:
    check_time("time", time)
    before = 0.25 * time if burn_in is None else burn_in
    if before:
        check_time("burn_in", before)
    batches = batches_of(machine.machines)
    sums = _Sums(batches, machine.machines, machine.model.n, squares)
    every = max(1, round(SAVE / (machine.rate * machine.dt)))
    ran = record(
        machine, sums.take, time=time, burn_in=before, batches=batches, every=every, progress=progress
    )
    return sums, ran


def _measurement(
    machine: Machine,
    ran: Ran,
    value: Any,
    error: Any,
    samples: float,
    drift: float,
    bias: float,
    **extra: Any,
) -> Measurement:
    kT = machine.model.kT
    # a noise matrix is no bath: what feeds the noise is not the heat that the cells give off
    thermal = ran.heat is not None and kT > 0 and machine.model.noise is None
    heat = ran.heat / kT if ran.heat is not None and thermal else None
    return Measurement(
        value,
        error,
        samples,
        drift,
        bias,
        ran.time,
        ran.burn_in,
        machine.machines,
        ran.reads,
        heat,
        kT,
        machine.dt,
        machine.method,
        extra,
    )


def solve(
    A: Any,
    b: Any,
    *,
    time: float,
    burn_in: float | None = None,
    machines: int = 64,
    kT: float = 1.0,
    dt: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Measurement:
    """x with A x = b, as the mean state of the machine over time and copies.

    A : (n, n), every eigenvalue with a positive real part (symmetric or not); b : (n,)
    time, burn_in : of one machine, in units of 1 / A; burn_in must be several times 1 / the
        smallest eigenvalue (default: a quarter of `time`; `settled` tells whether it was enough)
    kT : noise; the error is proportional to its square root
    options : non_ideal, device_seed, threads of thermo.simulate.simulate

    Source: arXiv 2308.05660 (second-hand). The mean has no error of the step. Raises
    LinearAlgebraError for bad input, DivergenceError where the machine does not relax.
    """
    machine = make_machine(
        A, b, kT=kT, machines=machines, method="euler", dt=dt, seed=seed, symmetric=False, options=options
    )
    sums, ran = _observe(machine, time, burn_in, False, progress)
    value, error, drift = estimate(sums.first / sums.count[:, None, None], machines)
    variance = np.maximum(sums.square / sums.count.sum() - value**2, 0.0)
    samples = effective_samples(variance, error)
    return _measurement(machine, ran, value, error, samples, drift, 0.0)


def _covariance(
    machine: Machine, time: float, burn_in: float | None, scale: float, bias: float, progress: Progress | None
) -> Measurement:
    """scale times the second moments of a machine whose mean is 0."""
    sums, ran = _observe(machine, time, burn_in, True, progress)
    assert sums.second is not None
    value, error, drift = estimate(scale * sums.second / sums.count[:, None, None, None], machine.machines)
    power = np.diagonal(value)
    # x_i x_j of a normal pair has the variance S_ii S_jj + S_ij^2
    variance = np.outer(power, power) + value**2
    samples = effective_samples(variance, error)
    return _measurement(machine, ran, value, error, samples, drift, bias)


def inverse(
    A: Any,
    *,
    time: float,
    burn_in: float | None = None,
    machines: int = 64,
    kT: float = 1.0,
    dt: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Measurement:
    """A^-1 of a symmetric positive definite A, as the covariance of the machine over kT.

    Stepped by Leimkuhler-Matthews, whose stationary covariance is exact in every harmonic mode; the
    relative error does not depend on kT > 0. Arguments as in `solve`.
    """
    machine = make_machine(
        A,
        0.0,
        kT=check_time("kT", kT),
        machines=machines,
        method="leimkuhler-matthews",
        dt=dt,
        seed=seed,
        symmetric=True,
        options=options,
    )
    return _covariance(machine, time, burn_in, 1.0 / kT, 0.0, progress)


def lyapunov(
    A: Any,
    Q: Any,
    *,
    time: float,
    burn_in: float | None = None,
    machines: int = 64,
    dt: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Measurement:
    """S with A S + S A^T = Q, as the covariance of a machine whose noise has the covariance Q dt.

    A : (n, n), every eigenvalue with a positive real part; Q : (n, n) symmetric positive
    semi-definite. Stepped by Heun, whose stationary covariance is off by at most about
    (r dt)^2 / 4, r a bound of the fastest rate: the `bias`. Arguments as in `solve`.
    """
    noise = 0.5 * np.asarray(Q, dtype=np.float64)
    machine = make_machine(
        A,
        0.0,
        kT=1.0,
        noise=noise,
        machines=machines,
        method="heun",
        dt=dt,
        seed=seed,
        symmetric=False,
        options=options,
    )
    bias = 0.25 * (machine.rate * machine.dt) ** 2
    return _covariance(machine, time, burn_in, 1.0, bias, progress)
