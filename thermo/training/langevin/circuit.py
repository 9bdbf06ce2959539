"""What a device's couplings do to the cells that they drive, as functions of what is trained.

With S_i = sum_j |J_ij| + sum_k |W_ik| the noise power of cell i is 1 + source |b_i| + excess S_i times its
own, b_i its bias, and, where couplings load it, its J2 is load S_i / 2 larger: `each` holds excess, load,
range and source as hw_models.couplings.burden has them for S_i = 1. Elements between two cells share their
noise, with covariance - excess w_ij. All change with the parameters, so that
dL/dS_i sign(W) is a part of the gradient of W, and likewise of b.
"""

from __future__ import annotations

import numpy as np

from hw_models.couplings import Burden, burden
from thermo.kernels.langevin.circuit import Circuit
from thermo.training.langevin.config import PathwiseConfig


def strengths(w_in: np.ndarray, coupling: np.ndarray) -> np.ndarray:
    """(n,) S_i, float64."""
    return np.abs(w_in).sum(axis=1, dtype=np.float64) + np.abs(coupling).sum(axis=1, dtype=np.float64)


def pairs(coupling: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, n) w, the part of J_ij and J_ji that one element is (compiler.ir.mutual), and dw_ij / dJ_ij."""
    j = coupling.astype(np.float64)
    size, other = np.abs(j), np.abs(j.T)
    alike = j * j.T > 0
    w = np.where(alike, np.sign(j) * np.minimum(size, other), 0.0)
    return w, np.where(alike, np.where(size < other, 1.0, np.where(size == other, 0.5, 0.0)), 0.0)


def circuit_of(
    each: Burden, w_in: np.ndarray, coupling: np.ndarray, bias: np.ndarray, cells: np.ndarray
) -> tuple[Circuit, np.ndarray]:
    """The kernel's circuit and the cells (3, n) as they are loaded, in the type of `cells`."""
    total, real = strengths(w_in, coupling), cells.dtype.type
    loaded = cells
    if each.load:
        loaded = cells.copy()
        loaded[0] = cells[0] + 0.5 * each.load * total
    ranged = bool(np.isfinite(each.reach))
    power = 1.0 + each.source * np.abs(bias.astype(np.float64)) + each.excess * total
    root = None
    if each.mutual and each.excess:
        covariance = -each.excess * pairs(coupling)[0]
        np.fill_diagonal(covariance, power)
        root = np.ascontiguousarray(np.linalg.cholesky(covariance), dtype=cells.dtype)
    noise = np.sqrt(power).astype(real)
    return Circuit(noise, root, ranged, real(each.reach if ranged else 1.0)), loaded


def rows_of(circuit: Circuit) -> int:
    """Rows of derivatives by a circuit: noise, J2, and the root of shared noise."""
    return 2 if circuit.root is None else 2 + circuit.noise.size


def by_covariance(circuit: Circuit, by_circuit: np.ndarray) -> np.ndarray:
    """dL/dN of the noise's covariance, (n, n) symmetric, or (n,) of its diagonal where cells share none.

    Through the Cholesky factor (Murray, arXiv 1602.07527, eq. 10): with P the lower triangle of L^T dL, its
    diagonal halved, dN = L^-T (P + P^T) L^-1 / 2.
    """
    if circuit.root is None:
        return np.asarray(by_circuit[0] * (0.5 / circuit.noise))
    root = circuit.root.astype(np.float64)
    p = np.tril(root.T @ np.tril(by_circuit[2:]))
    np.fill_diagonal(p, 0.5 * np.diag(p))
    half = np.linalg.solve(root.T, p + p.T)
    return np.asarray(0.5 * np.linalg.solve(root.T, half.T))


def add_circuit(
    gradient: tuple[np.ndarray, ...],
    values: tuple[np.ndarray, np.ndarray, np.ndarray],
    each: Burden,
    circuit: Circuit,
    by_circuit: np.ndarray,
) -> None:
    """Add what the loss owes to the circuit to the gradients of w_in, coupling and bias, in place.

    gradient : begins with those three; values : theirs; by_circuit : the kernel's derivatives by it
    """
    by = by_covariance(circuit, by_circuit)
    power = by if by.ndim == 1 else np.diag(by)
    strength = each.excess * power + 0.5 * each.load * by_circuit[1]
    add_strengths(gradient, values[:2], strength)
    gradient[2][...] += (each.source * power * np.sign(values[2])).astype(gradient[2].dtype)
    if by.ndim == 2:
        gradient[1][...] -= (2.0 * each.excess * by * pairs(values[1])[1]).astype(gradient[1].dtype)


def add_strengths(
    gradient: tuple[np.ndarray, ...], values: tuple[np.ndarray, np.ndarray], by: np.ndarray
) -> None:
    """Add dL/dS_i sign(W) to the gradients of w_in and coupling, whose values these are, in place."""
    for part, value in zip(gradient, values, strict=False):
        part += (by[:, None] * np.sign(value)).astype(part.dtype)


def burden_of(config: PathwiseConfig, j2: float) -> Burden | None:
    """What the couplings of a training's device do for each unit of S_i; None for the ideal equation.

    j2 : the median of the cells, which sets the device's units
    """
    device = config.hardware
    if device is None or device.couplings.ideal:
        return None
    units = device.units(kT=config.kT, mobility=config.mobility, j2=j2)
    return burden(device.couplings, 1.0, j2=j2, voltage=units.voltage)
