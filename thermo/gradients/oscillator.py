"""The gradient of a small oscillator network, exactly and from nudged phases, float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.families.oscillator import OscillatorNetwork, relax
from thermo.gradients.errors import EqpropError

TOLERANCE = 1e-13
SWEEPS = 200_000


@dataclass(frozen=True, slots=True, eq=False)
class PhaseGradient:
    """Batch mean of dC/dtheta: weights and fields by layer, shaped as the network's."""

    weights: tuple[np.ndarray, ...]
    fields: tuple[np.ndarray, ...]

    def flat(self) -> np.ndarray:
        """All derivatives as one vector."""
        return np.concatenate([a.ravel() for a in (*self.weights, *self.fields)])


def implicit_phase_gradient(
    network: OscillatorNetwork, data: np.ndarray, targets: np.ndarray
) -> PhaseGradient:
    """dC/dtheta at the free rest state by the implicit function theorem (derived).

    With the Hessian H of E and H lambda = dC/dphi: dC/dtheta = -lambda . d^2E/dphi dtheta, hence
    dC/dJ_ij = -(lambda_i - lambda_j) sin(phi_i - phi_j) and dC/dh_i = -lambda_i sin phi_i.

    data : (n, n_inputs) raw; targets : (n, n_outputs) radians. Raises EqpropError where the rest
    state is no strict minimum.
    """
    phases = relax(network, data, sweeps=SWEEPS, tolerance=TOLERANCE)
    u = network.encode(data)
    n = u.shape[0]
    ends = np.cumsum([0, *network.sizes[1:]])
    weights = [np.zeros(w.shape) for w in network.weights]
    fields = [np.zeros(h.shape) for h in network.fields]
    for k in range(n):
        phi = np.concatenate([p[k] for p in phases])
        couplings = _matrix(network)
        cosines = couplings * np.cos(phi[:, None] - phi[None, :])
        z = u[k] @ network.weights[0].T  # (2, n_1)
        first = slice(0, ends[1])
        diagonal = np.cos(phi) * np.concatenate(network.fields) + cosines.sum(axis=1)
        diagonal[first] += z[0] * np.cos(phi[first]) + z[1] * np.sin(phi[first])
        if network.locking is not None:
            diagonal += 2 * np.concatenate(network.locking) * np.cos(2 * phi)
        hessian = np.diag(diagonal) - cosines
        if np.linalg.eigvalsh(hessian)[0] <= 1e-9:
            raise EqpropError(
                f"implicit gradient: sample {k} rests where the energy has no strict minimum; take "
                "other data or other couplings"
            )
        right = np.zeros(phi.size)
        right[ends[-2] :] = np.sin(phi[ends[-2] :] - targets[k])
        lam = np.linalg.solve(hessian, right)
        for l in range(len(weights)):
            here = slice(ends[l], ends[l + 1])
            if l:
                below = slice(ends[l - 1], ends[l])
                weights[l] -= (lam[here, None] - lam[None, below]) * np.sin(
                    phi[here, None] - phi[None, below]
                )
            else:  # sin(phi - theta) = sin phi cos theta - cos phi sin theta
                weights[0] -= lam[here, None] * (
                    np.sin(phi[here])[:, None] * u[k, 0] - np.cos(phi[here])[:, None] * u[k, 1]
                )
            fields[l] -= lam[here] * np.sin(phi[here])
    return PhaseGradient(tuple(w / n for w in weights), tuple(h / n for h in fields))


def nudged_phase_gradient(
    network: OscillatorNetwork, data: np.ndarray, targets: np.ndarray, beta: float, estimator: str = "centred"
) -> PhaseGradient:
    """The estimate that training follows: contrast of dE/dtheta between nudges, over their width.

    estimator : "centred" (+-beta), "positive" (+beta and 0), "negative" (0 and -beta)
    """
    pairs = {"centred": (beta, -beta), "positive": (beta, 0.0), "negative": (0.0, -beta)}
    if estimator not in pairs:
        raise EqpropError(f"estimator must be one of {', '.join(pairs)} for oscillators, got {estimator!r}")
    free = relax(network, data, sweeps=SWEEPS, tolerance=TOLERANCE)
    slopes = []
    for strength in pairs[estimator]:
        phases = free
        if strength:
            phases = relax(
                network, data, targets=targets, beta=strength, start=free, sweeps=SWEEPS, tolerance=TOLERANCE
            )
        slopes.append(_slope(network, data, phases))
    width = pairs[estimator][0] - pairs[estimator][1]
    high, low = slopes
    return PhaseGradient(
        tuple((a - b) / width for a, b in zip(high.weights, low.weights, strict=True)),
        tuple((a - b) / width for a, b in zip(high.fields, low.fields, strict=True)),
    )


def _slope(network: OscillatorNetwork, data: np.ndarray, phases: list[np.ndarray]) -> PhaseGradient:
    """Batch mean of dE/dtheta: -cos(phi_i - phi_j) and -cos phi_i."""
    below = network.encode(data)
    n = below.shape[0]
    weights, fields = [], []
    for phi in phases:
        here = np.stack([np.cos(phi), np.sin(phi)], axis=1)
        weights.append(-np.einsum("kai,kaj->ij", here, below) / n)
        fields.append(-here[:, 0].mean(axis=0))
        below = here
    return PhaseGradient(tuple(weights), tuple(fields))


def _matrix(network: OscillatorNetwork) -> np.ndarray:
    """(n, n) symmetric couplings among the oscillators that move."""
    ends = np.cumsum([0, *network.sizes[1:]])
    out = np.zeros((ends[-1], ends[-1]))
    for l, w in enumerate(network.weights[1:], 1):
        here, below = slice(ends[l], ends[l + 1]), slice(ends[l - 1], ends[l])
        out[here, below], out[below, here] = w, w.T
    return out
