"""Small models by enumeration: the oracle of training and of likelihoods."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logsumexp

from compiler.families.ising import IsingModel
from compiler.families.rbm import RBM
from thermo.training.ebm.errors import EbmError

MOST = 22  # units whose states are listed


def states(n: int) -> np.ndarray:
    """(2^n, n) float64, all rows of zeros and ones, first unit the highest bit."""
    if n > MOST:
        raise EbmError(f"enumeration: {n} units have too many states; at most {MOST} are listed, use ais")
    return ((np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)) & 1).astype(np.float64)


def exact_log_partition(model: RBM) -> float:
    """log Z, over the states of the smaller layer."""
    w = model.w.astype(np.float64)
    one, other, few, many = w, w.T, model.b_visible, model.b_hidden
    if model.n_hidden < model.n_visible:
        one, few, many = other, model.b_hidden, model.b_visible
    s = states(one.shape[0])
    return float(logsumexp(s @ few + np.logaddexp(0.0, s @ one + many).sum(axis=1)))


def exact_log_likelihood(model: RBM, v: np.ndarray) -> float:
    """Mean log P(v) in nats a row."""
    return float(-model.free_energy(v).mean() - exact_log_partition(model))


def exact_gradient(model: RBM, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient of the mean log-likelihood of v (n, n_visible): for w, b_visible, b_hidden."""
    w, c = model.w.astype(np.float64), model.b_hidden
    v = np.asarray(v, np.float64)
    s = states(model.n_visible)
    p = np.exp(-model.free_energy(s) - exact_log_partition(model))
    h, hs = expit(v @ w + c), expit(s @ w + c)
    return (v.T @ h / v.shape[0] - (s * p[:, None]).T @ hs, v.mean(axis=0) - p @ s, h.mean(axis=0) - p @ hs)


def exact_moments(model: IsingModel) -> tuple[np.ndarray, np.ndarray, float]:
    """(<s_i> (n,), <s_i s_j> (m,) of the couplings, log Z) of spins +-1."""
    s = 2.0 * states(model.n) - 1.0
    log_p = -model.energy(s) / model.kT
    log_z = float(logsumexp(log_p))
    p = np.exp(log_p - log_z)
    return p @ s, p @ (s[:, model.row] * s[:, model.col]), log_z


def exact_ising_gradient(model: IsingModel, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of the mean log-likelihood of spins (n, n_visible): for h (n,) and J (m,), times kT.

    The first n_visible spins are the data, the rest are summed over.
    """
    k = visible.shape[1]
    hidden = 2.0 * states(model.n - k) - 1.0
    mean, pairs = np.zeros(model.n), np.zeros(model.n_couplings)
    for row in np.asarray(visible, np.float64):
        s = np.concatenate([np.broadcast_to(row, (hidden.shape[0], k)), hidden], axis=1)
        log_p = -model.energy(s) / model.kT
        p = np.exp(log_p - logsumexp(log_p))
        mean += p @ s / visible.shape[0]
        pairs += p @ (s[:, model.row] * s[:, model.col]) / visible.shape[0]
    free, free_pairs, _ = exact_moments(model)
    return mean - free, pairs - free_pairs
