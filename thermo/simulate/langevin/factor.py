"""A square root of a covariance that may be singular."""

from __future__ import annotations

import numpy as np


def semidefinite_factor(covariance: np.ndarray) -> np.ndarray:
    """(n, n) L with L L^T = covariance, symmetric positive semi-definite, float64.

    Coordinates without variance get a row of exact zeros. The rest is scaled to unit variance,
    so that variances of very different sizes keep their digits, and factored by Cholesky or, where
    that fails, by its eigenvectors, eigenvalues below rounding taken as 0.
    """
    covariance = np.asarray(covariance, dtype=np.float64)
    factor = np.zeros_like(covariance)
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    moves = np.flatnonzero(spread > 0)
    if moves.size == 0:
        return factor
    spread = spread[moves]
    scaled = covariance[np.ix_(moves, moves)] / np.outer(spread, spread)
    scaled = 0.5 * (scaled + scaled.T)
    try:
        root = np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        value, vector = np.linalg.eigh(scaled)
        value[value < 1e-15 * moves.size * value[-1]] = 0.0
        root = vector * np.sqrt(value)
    factor[np.ix_(moves, moves)] = spread[:, None] * root
    return factor
