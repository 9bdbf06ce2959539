"""What cells show, in NumPy: phi and its slope, in the precision of the states."""

from __future__ import annotations

import numpy as np

from compiler.ir.langevin import Activation


def activate(code: int, x: np.ndarray) -> np.ndarray:
    """phi(x) of one activation."""
    match Activation(code):
        case Activation.IDENTITY:
            return x
        case Activation.CLIP:
            return np.clip(x, 0.0, 1.0)
        case Activation.SIGMOID:
            return 0.5 * (1.0 + np.tanh(0.5 * x))
        case Activation.TANH:
            return np.tanh(x)
        case Activation.RELU:
            return np.maximum(x, 0.0)
        case Activation.COSINE:
            return np.cos(x)


def slope(code: int, x: np.ndarray) -> np.ndarray:
    """phi'(x) of one activation; 0 at a kink."""
    match Activation(code):
        case Activation.IDENTITY:
            return np.ones_like(x)
        case Activation.CLIP:
            return ((x > 0.0) & (x < 1.0)).astype(x.dtype)
        case Activation.SIGMOID:
            y = activate(code, x)
            return y * (1.0 - y)
        case Activation.TANH:
            return 1.0 - np.tanh(x) ** 2
        case Activation.RELU:
            return (x > 0.0).astype(x.dtype)
        case Activation.COSINE:
            return -np.sin(x)


def activate_rows(codes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """phi_i(x_i) of a (n, ...) array, row i with activation codes[i]."""
    if not codes.any():
        return x
    out = np.array(x, copy=True)
    for code in np.unique(codes):
        if code != Activation.IDENTITY:
            rows = codes == code
            out[rows] = activate(int(code), x[rows])
    return out


def slope_rows(codes: np.ndarray, x: np.ndarray) -> np.ndarray:
    """phi_i'(x_i) of a (n, ...) array, row i with activation codes[i]."""
    out = np.ones_like(x)
    for code in np.unique(codes):
        if code != Activation.IDENTITY:
            rows = codes == code
            out[rows] = slope(int(code), x[rows])
    return out
