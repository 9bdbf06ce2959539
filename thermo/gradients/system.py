"""A small network of units that drive each other at will, float64: the ground that estimators of
the gradient are compared on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.families.activations import PHIS, Phi
from compiler.families.hopfield import HopfieldNetwork
from thermo.gradients.errors import EqpropError

ACTIVATIONS = ("hard-sigmoid", "sigmoid", "tanh")


@dataclass(frozen=True, slots=True, eq=False)
class Gradient:
    """Derivatives by the couplings (n, n), the input couplings (n, n_in) and the biases (n,),
    zero where there is no coupling. Of a tied system, w is symmetric: each pair's one parameter.
    """

    w: np.ndarray
    w_in: np.ndarray
    b: np.ndarray
    tied: bool

    def flat(self) -> np.ndarray:
        """All derivatives as one vector, a tied pair once."""
        w = self.w[np.triu_indices_from(self.w, 1)] if self.tied else self.w.ravel()
        return np.concatenate([w, self.w_in.ravel(), self.b])


def relative_error(estimate: Gradient, truth: Gradient) -> float:
    """|estimate - truth| / |truth| over all parameters."""
    a, b = estimate.flat(), truth.flat()
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def cosine(estimate: Gradient, truth: Gradient) -> float:
    """Cosine of the angle between two gradients."""
    a, b = estimate.flat(), truth.flat()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """n units at rest where u = sigma(w u + w_in x + b - beta dC/du), C = 1/2 |u_out - y|^2.

    The nudge enters inside sigma, as a current into the output cells (the convention of Ernoult et
    al. 2019, arXiv 1905.13633, and of the code of Laborieux and Zenke 2023, arXiv 2309.02214). With
    symmetric w that is a stationary point of
    E + beta C, E = sum_i G(u_i) - 1/2 u^T w u - u^T (w_in x + b), G' the inverse of sigma.

    w : (n, n), zero diagonal, row is driven; mask : (n, n) bool, which couplings exist
    w_in : (n, n_in); mask_in : (n, n_in) bool; b : (n,); outputs : (n_out,) unit numbers
    tied : w_ij and w_ji are one parameter (w must be symmetric)
    """

    w: np.ndarray
    mask: np.ndarray
    w_in: np.ndarray
    mask_in: np.ndarray
    b: np.ndarray
    outputs: np.ndarray
    activation: str = "sigmoid"
    tied: bool = True

    @property
    def n(self) -> int:
        return self.b.size

    @property
    def sigma(self) -> Phi:
        return PHIS[self.activation]

    def __post_init__(self) -> None:
        n = self.b.size
        if self.activation not in ACTIVATIONS:
            raise EqpropError(
                f"system: activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}"
            )
        if self.w.shape != (n, n) or self.mask.shape != (n, n):
            raise EqpropError(f"system: w and mask must be ({n}, {n}), got {self.w.shape}")
        if self.w_in.shape[:1] != (n,) or self.mask_in.shape != self.w_in.shape:
            raise EqpropError(f"system: w_in must have {n} rows, got {self.w_in.shape}")
        if np.any(np.diagonal(self.w)):
            raise EqpropError("system: a unit couples to itself; give w a zero diagonal")
        if self.tied and not np.array_equal(self.w, self.w.T):
            raise EqpropError("system: tied couplings must be symmetric; give tied=False")

    def bias_drive(self, x: np.ndarray) -> np.ndarray:
        """(batch, n) what inputs (batch, n_in) and biases drive."""
        return np.asarray(x, dtype=float) @ self.w_in.T + self.b

    def slope(self, u: np.ndarray, fixed: np.ndarray) -> np.ndarray:
        """(batch, n) sigma' of every drive, by the states u and by what `bias_drive` gives."""
        return self.sigma.slope(self.sigma.value(u @ self.w.T + fixed))

    def cost(self, u: np.ndarray, y: np.ndarray) -> float:
        """Mean over the batch of 1/2 |u_out - y|^2."""
        return float(0.5 * np.square(u[:, self.outputs] - y).sum(axis=1).mean())

    def error(self, u: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(batch, n) dC/du: u_out - y at the outputs, 0 elsewhere."""
        out = np.zeros(u.shape, dtype=u.dtype)
        out[:, self.outputs] = u[:, self.outputs] - y
        return out

    def local(self, post: np.ndarray, pre: np.ndarray, x: np.ndarray) -> Gradient:
        """Batch mean of post_i pre_j, post_i x_j and post_i, on existing couplings."""
        k = post.shape[0]
        w = (post.T @ pre) / k
        if self.tied:
            w = w + w.T
        return Gradient(
            np.where(self.mask, w, 0.0),
            np.where(self.mask_in, (post.T @ x) / k, 0.0),
            post.mean(axis=0),
            self.tied,
        )

    def energy_slope(self, u: np.ndarray, x: np.ndarray) -> Gradient:
        """Batch mean of dE/dtheta at state u (real or complex): -u_i u_j, -u_i x_j, -u_i."""
        k = u.shape[0]
        w = -(u.T @ u) / k
        if not self.tied:
            raise EqpropError(
                "dE/dw needs an energy, and these couplings are not tied; use an estimator of the "
                "generalised family"
            )
        return Gradient(
            np.where(self.mask, w, 0.0), np.where(self.mask_in, -(u.T @ x) / k, 0.0), -u.mean(axis=0), True
        )


def from_network(network: HopfieldNetwork) -> System:
    """The units of layers 1 to L as one system; tied where backward weights are the transposes.

    Inputs are what the network's encoder makes of the data: give those to the estimators.
    """
    sizes = network.sizes[1:]
    ends = np.cumsum([0, *sizes])
    n = int(ends[-1])
    w, mask = np.zeros((n, n)), np.zeros((n, n), bool)
    for l in range(1, len(sizes)):
        up, down = slice(ends[l], ends[l + 1]), slice(ends[l - 1], ends[l])
        w[up, down] = network.weights[l]
        w[down, up] = network.feedback[l - 1]
        mask[up, down] = mask[down, up] = True
    w_in, mask_in = np.zeros((n, network.n_inputs)), np.zeros((n, network.n_inputs), bool)
    w_in[: sizes[0]], mask_in[: sizes[0]] = network.weights[0], True
    return System(
        w,
        mask,
        w_in,
        mask_in,
        np.concatenate(network.biases).astype(float),
        np.arange(ends[-2], n),
        network.activation,
        network.backward is None,
    )
