"""White noise as samples that ngspice joins by straight lines (TRNOISE), and what that takes away.

A current of samples of spread NA every NT, held, has the power NA^2 NT a hertz (two-sided), so that a
resistor's 2 k_B T / R asks for NA = sqrt(2 k_B T / (R NT)). Joined by lines instead, the noise of a
cell that forgets in tau comes out smaller by a known factor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

RESOLUTION = 0.05  # noise step over the fastest cell's own time: its correction is 2.5 %


def interpolation_loss(h: Any) -> Any:
    """Variance of a linear cell under joined samples over that under white noise; h = NT / tau >= 0.

    At the sample times x' = a x + c0 n_k + c1 n_(k+1), a = exp(-h), so that with independent n

        r = (2 / h) (c0^2 + c1^2 + 2 a c0 c1) / (1 - a^2),   about 1 - h / 2

    (derived; c1 = 1 - (1 - a) / h, c0 = (1 - a) / h - a).
    """
    h = np.asarray(h, dtype=float)
    safe = np.where(h < 1e-4, 1.0, h)
    a = np.exp(-safe)
    c1 = 1.0 - (1.0 - a) / safe
    c0 = (1.0 - a) / safe - a
    r = (2.0 / safe) * (c0**2 + c1**2 + 2.0 * a * c0 * c1) / (1.0 - a**2)
    return np.where(h < 1e-4, 1.0 - h / 2.0, r)


def spread(power: Any, step: float, rate: Any) -> Any:
    """NA of samples every `step` for two-sided power `power`, in a cell that forgets at `rate`; a rate of
    0 or less (no well of its own) is not corrected for.
    """
    return np.sqrt(power / step / interpolation_loss(np.maximum(rate, 0.0) * step))
