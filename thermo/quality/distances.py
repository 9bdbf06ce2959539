"""Distances between two clouds of feature vectors: pure functions of arrays (n, d)."""

from __future__ import annotations

import numpy as np

CHUNK = 512  # rows compared at a time; part of no result


def frechet(made: np.ndarray, real: np.ndarray) -> float:
    """Fréchet distance of the Gaussians with the means and covariances of two clouds (n, d), (m, d):

        |mu - mu'|^2 + tr(C + C' - 2 (C^(1/2) C' C^(1/2))^(1/2))

    (Dowson and Landau 1982; of classifier features by Heusel et al. 2017, arXiv 1706.08500). With few rows
    it is too large, by about d^2 / n of a feature's variance: compare measurements of as many rows.
    """
    return frechet_of_gaussians(*gaussian(made), *gaussian(real))


def gaussian(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and covariance (d, d) of rows."""
    rows = np.asarray(x, np.float64)
    return rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False))


def frechet_of_gaussians(
    mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray
) -> float:
    """The same of two Gaussians."""
    values, vectors = np.linalg.eigh(cov_a)
    root = (vectors * np.sqrt(values.clip(0.0))) @ vectors.T
    both = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0.0)).sum()
    apart = float(np.square(mean_a - mean_b).sum() + np.trace(cov_a) + np.trace(cov_b) - 2.0 * both)
    return max(apart, 0.0)


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) squared Euclidean distances between rows of a (n, d) and b (m, d), float32."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    out = -2.0 * (a @ b.T)
    out += np.square(a).sum(axis=1)[:, None]
    out += np.square(b).sum(axis=1)
    return np.maximum(out, np.float32(0.0), out=out)


def nearest(rows: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(n,) distance of each row (n, d) to the nearest one of `among` (m, d)."""
    parts = (rows[k : k + CHUNK] for k in range(0, rows.shape[0], CHUNK))
    return np.sqrt(np.concatenate([squared_distances(part, among).min(axis=1) for part in parts]))


def mean_pairwise(x: np.ndarray) -> float:
    """Mean distance between two different rows of x (n, d)."""
    n = x.shape[0]
    parts = (squared_distances(x[k : k + CHUNK], x) for k in range(0, n, CHUNK))
    total = 0.0
    for k, d in enumerate(parts):
        own = np.arange(d.shape[0])
        d[own, own + k * CHUNK] = 0.0  # not quite so by rounding
        total += float(np.sqrt(d).sum(dtype=np.float64))
    return total / (n * (n - 1))


def precision_recall(made: np.ndarray, real: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Share of made rows that lie among real ones, and of real rows that lie among made ones.

    A row lies among others where it is nearer to one of them than that one's k-th neighbour of its own kind
    is (Kynkäänniemi et al. 2019, arXiv 1904.06991, equations 1 and 2). made (n, d), real (m, d), both > k.
    """

    def radii(x: np.ndarray) -> np.ndarray:
        found = squared_distances(x, x)
        np.fill_diagonal(found, 0.0)
        return np.partition(found, k, axis=1)[:, k]

    apart = squared_distances(made, real)
    precision = (apart <= radii(real)[None, :]).any(axis=1).mean()
    recall = (apart <= radii(made)[:, None]).any(axis=0).mean()
    return float(precision), float(recall)
