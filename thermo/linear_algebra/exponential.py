"""Matrix exponentials as correlation functions: how much of x(s) is left in x(s + t)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thermo.linear_algebra.machine import (
    GROUPS,
    SAVE,
    LinearAlgebraError,
    batches_of,
    check_time,
    fastest_rate,
    make_machine,
    record,
)
from thermo.linear_algebra.measurement import Measurement, effective_samples
from thermo.progress import Progress

NOISES = ("white", "matched")
STEP = 0.05


def exponential(
    A: Any,
    t: float,
    *,
    time: float,
    burn_in: float | None = None,
    machines: int = 64,
    noise: str = "white",
    dt: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Measurement:
    """exp(-A t), from the correlation C(t) = <x(s + t) x(s)^T> of the machine in its steady state.

    A : (n, n), every eigenvalue with a positive real part; t > 0
    noise : "white": C(t) C(0)^-1, both measured and divided outside the machine; "matched": the
        noise has the covariance (A + A^T) dt, so that C(0) = I and C(t) is the answer by itself,
        which needs A + A^T positive semi-definite

    Stepped by Heun; `bias` bounds what that leaves, (r dt)^2 (r t / 6 + 1 / 4 if matched), r a
    bound of the fastest rate. Other arguments as in thermo.linear_algebra.solve.
    """
    check_time("t", t)
    check_time("time", time)
    if noise not in NOISES:
        raise LinearAlgebraError(f"noise must be one of {', '.join(NOISES)}, got {noise!r}")
    matrix = np.asarray(A.toarray() if hasattr(A, "toarray") else A, dtype=np.float64)
    matched = 0.5 * (matrix + matrix.T) if noise == "matched" else None
    if matched is not None and not _semidefinite(matched):
        raise LinearAlgebraError(
            "A + A^T has a negative eigenvalue, so no noise has it as its covariance; use noise 'white'"
        )
    machine = make_machine(
        matrix,
        0.0,
        kT=1.0,
        noise=matched,
        machines=machines,
        method="heun",
        dt=dt,
        seed=seed,
        step=STEP,
        symmetric=False,
        options=options,
    )
    rate = fastest_rate(machine.model)
    lag = max(1, round(t * rate / SAVE))
    every = max(1, math.ceil(t / lag / machine.dt - 1e-9))
    dt = t / (lag * every)
    machine = make_machine(
        matrix,
        0.0,
        kT=1.0,
        noise=matched,
        machines=machines,
        method="heun",
        dt=dt,
        seed=seed,
        symmetric=False,
        options=options,
    )
    n, batches = machine.model.n, batches_of(machines)
    now, then = np.zeros((2, batches, machines, n, n))
    count = np.zeros(batches)

    def take(batch: int, states: np.ndarray) -> None:
        x = states.astype(np.float64).transpose(1, 2, 0)
        early, late = x[:, :, :-lag], x[:, :, lag:]
        now[batch] += early @ early.transpose(0, 2, 1)
        then[batch] += late @ early.transpose(0, 2, 1)
        count[batch] += early.shape[2]

    before = 0.25 * time if burn_in is None else burn_in
    ran = record(
        machine,
        take,
        time=time,
        burn_in=before,
        batches=batches,
        every=every,
        least=2 * lag + 1,
        progress=progress,
    )
    now /= count[:, None, None, None]
    then /= count[:, None, None, None]
    # groups of machines, or stretches of time where there are few machines
    groups = max(GROUPS, batches) if machines >= GROUPS else batches * machines
    shape = (batches * machines, n, n)
    order = np.arange(batches * machines).reshape(batches, machines).T.ravel()
    parts = np.array_split(order, min(groups, machines if machines >= GROUPS else groups))
    flat_now, flat_then = now.reshape(shape), then.reshape(shape)

    def ratio(keep: np.ndarray) -> np.ndarray:
        c0, ct = flat_now[keep].mean(axis=0), flat_then[keep].mean(axis=0)
        return ct if matched is not None else np.linalg.solve(c0, ct.T).T

    everything = np.arange(batches * machines)
    value = ratio(everything)
    left = np.array([ratio(np.setdiff1d(everything, part)) for part in parts])
    m = len(parts)
    error = np.sqrt((m - 1) / m * np.sum((left - left.mean(axis=0)) ** 2, axis=0))
    power = np.diagonal(flat_now.mean(axis=0))
    variance = np.outer(power, 1.0 / power)  # of one sample's x_i(t) x_j(0) / C_jj
    size = rate * dt
    bias = size**2 * (rate * t / 6.0 + (0.25 if matched is not None else 0.0))
    return Measurement(
        value=value,
        error=error,
        samples=effective_samples(variance, error),
        drift=float("nan"),
        bias=bias,
        time=ran.time,
        burn_in=ran.burn_in,
        machines=machines,
        reads=ran.reads,
        heat=ran.heat if matched is None else None,
        kT=1.0,
        dt=dt,
        method="heun",
        extra={"t": float(t), "noise": noise},
    )


def _semidefinite(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix is a covariance: a check of the input, not of the answer."""
    largest = float(np.abs(matrix).max(initial=0.0))
    return bool(np.linalg.eigvalsh(matrix)[0] >= -1e-12 * len(matrix) * largest)
