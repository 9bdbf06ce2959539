"""Langevin dynamics by multiplication: weights never change sign (Dale's law).

In v = log |w| the density exp(-U(w) / kT) on one side of 0 is exp(-(U - kT v) / kT): an Euler step
of v multiplies w,

    w <- w exp(dt (kT - w dU/dw) + sqrt(2 kT dt) xi),

exponentiated gradient descent at kT = 0 (the sign-preserving sampler of Shetty, Prasath and
Seelamantula, "Dale meets Langevin", arXiv 2510.02730; abstract read, form derived).
"""

from __future__ import annotations

import numpy as np

from thermo.progress import Progress
from thermo.samplers.draws import Draws
from thermo.samplers.potential import Gradient, SamplerError
from thermo.samplers.sgld import run

LIMIT = 700.0  # |log w| beyond which a weight is no float


def dale_langevin(
    gradient: Gradient,
    w0: np.ndarray,
    *,
    step: float,
    steps: int,
    kT: float = 1.0,
    burn_in: int = 0,
    keep_every: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Draws:
    """Samples of exp(-U / kT) among weights with the signs of w0 (d, chains), dt = `step`.

    gradient : dU/dw. Raises SamplerError for a weight of 0, which has no sign, options out of range
    and weights that leave the range of floats.
    """
    w0 = np.asarray(w0, np.float64)
    if (w0 == 0).any():
        i, c = np.argwhere(w0 == 0)[0]
        raise SamplerError(
            f"sampler: weight {i} of chain {c} starts at 0, which has no sign; start beside it"
        )
    sign = np.sign(w0)

    def in_logarithms(v: np.ndarray, k: int) -> np.ndarray:
        if (np.abs(v) > LIMIT).any():
            raise SamplerError(
                f"sampler: a weight leaves the range of floats at step {k}; take a smaller step"
            )
        w = sign * np.exp(v)
        return w * gradient(w, k) - kT

    if not (np.isfinite(step) and step > 0):
        raise SamplerError(f"sampler: the time step must be a number > 0, got {step}")
    drawn = run(
        in_logarithms,
        np.log(np.abs(w0)),
        lambda g, k: np.full(w0.shape[1], step),
        steps=steps,
        kT=kT,
        burn_in=burn_in,
        keep_every=keep_every,
        seed=seed,
        first_step=0,
        progress=progress,
    )
    return Draws(sign * np.exp(drawn.x), drawn.weight, sign * np.exp(drawn.final))
