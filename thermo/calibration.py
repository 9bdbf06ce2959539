"""What probabilities are worth: calibration error, log likelihood, and doubt about what is foreign.

Sources: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, equation 3
(expected calibration error); Brier 1950; Hanley and McNeil 1982 (area under the curve as a rank statistic)
(memory).
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from compiler.errors import ThermocError

BINS = 15  # of equal width, as Guo et al. have them


class CalibrationError(ThermocError):
    """Probabilities that cannot be judged."""


def expected_calibration_error(p: np.ndarray, y: np.ndarray, bins: int = BINS) -> float:
    """sum over bins of share * |accuracy - mean confidence|; confidence is the largest probability.

    p : (n, classes) probabilities; y : (n,) classes. Even of a perfectly calibrated model it is above 0, by
    about sum over bins of sqrt(2 a (1 - a) share / pi n). Raises CalibrationError for rows that do not fit.
    """
    p, y = _rows(p, y)
    if bins < 1:
        raise CalibrationError(f"calibration: bins must be at least 1, got {bins}")
    confidence, right = p.max(axis=1), p.argmax(axis=1) == y
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / y.size)


def negative_log_likelihood(p: np.ndarray, y: np.ndarray) -> float:
    """Mean of -ln p[y], nats; a probability of 0 counts as the least positive float32."""
    p, y = _rows(p, y)
    return float(-np.log(np.maximum(p[np.arange(y.size), y], np.finfo(np.float32).tiny)).mean())


def brier_score(p: np.ndarray, y: np.ndarray) -> float:
    """Mean of |p - e_y|^2, from 0 to 2."""
    p, y = _rows(p, y)
    return float((np.square(p).sum(axis=1) - 2 * p[np.arange(y.size), y] + 1).mean())


def entropy(p: np.ndarray) -> np.ndarray:
    """(n,) nats of the rows of p (n, classes)."""
    return np.asarray(-(p * np.log(np.maximum(p, np.finfo(np.float32).tiny))).sum(axis=1))


def area_under_curve(within: np.ndarray, outside: np.ndarray) -> float:
    """The chance that a score of `outside` is above one of `within`, equal ones half: AUROC.

    Raises CalibrationError if either is empty.
    """
    n, m = within.size, outside.size
    if min(n, m) == 0:
        raise CalibrationError("calibration: an area under the curve needs scores of both kinds")
    ranks = rankdata(np.concatenate([within, outside]))
    return float((ranks[n:].sum() - m * (m + 1) / 2) / (n * m))


def _rows(p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, y = np.asarray(p, np.float64), np.asarray(y)
    if p.ndim != 2 or y.shape != p.shape[:1] or y.size == 0:
        raise CalibrationError(
            f"calibration: p must be (n, classes) with n labels beside it, got p {p.shape} and y {y.shape}"
        )
    if (p < 0).any() or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise CalibrationError("calibration: every row of p must be probabilities that sum to 1")
    return p, y
