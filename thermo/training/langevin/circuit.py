"""What a device's couplings do to the cells that they drive, as functions of what is trained.

With S_i = sum_j |J_ij| + sum_k |W_ik| the noise power of cell i is 1 + source |b_i| + excess S_i times its
own, b_i its bias, and, where couplings load it, its J2 is load S_i / 2 larger: `each` holds excess, load,
range and source as hw_models.couplings.burden has them for S_i = 1. All change with the parameters, so that
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
    own = 1.0 + each.source * np.abs(bias.astype(np.float64))
    noise = np.sqrt(own + each.excess * total).astype(real)
    return Circuit(noise, ranged, real(each.reach if ranged else 1.0)), loaded


def by_strength(each: Burden, circuit: Circuit, by_circuit: np.ndarray) -> np.ndarray:
    """(n,) dL/dS_i from (2, n) derivatives by the noise's amplitude and by J2."""
    return by_circuit[0] * (0.5 * each.excess / circuit.noise) + 0.5 * each.load * by_circuit[1]


def by_bias(each: Burden, circuit: Circuit, bias: np.ndarray, by_circuit: np.ndarray) -> np.ndarray:
    """(n,) what the noise of biases adds to dL/db_i."""
    return np.asarray(by_circuit[0] * (0.5 * each.source / circuit.noise) * np.sign(bias))


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
