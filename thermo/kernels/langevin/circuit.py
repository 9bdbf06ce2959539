"""What a device's couplings do to the cells of a machine in training, and its share of the gradient.

On a device cell i has noise nu_i sqrt(2 h kT), and couplings are given g(x) = R tanh(x / R) in place of
x, of inputs too. Then F^T nu = g'(x) J^T nu + s'(x) nu, with s the cell's own force, dJ = sum_k nu_k
g(x_k)^T, and what nu_i and J2_i depend on needs

    d nu_i = sqrt(2 h kT) sum_k lambda_{k+1,i} z_{k,i}
    d J2_i = -2 sum_k nu_{k,i} x_{k,i}   (+ gamma (x_0^2 - x_K^2) where the heat is V(x_0) - V(x_K))

Where elements couple two cells both ways noise has a covariance N, L L^T = N, in units of a cell's own, and
(L z)_i stands for nu_i z_i:

    d L = sqrt(2 h kT) sum_k lambda_{k+1} z_k^T

No potential exists with a finite R, and the heat is then the Stratonovich sum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from thermo.kernels.jit import njit


class Circuit(NamedTuple):
    """What a device's couplings do to its cells.

    noise : (n,), amplitude of a cell's noise by that of its own, >= 1; root : (n, n) lower triangle L of
    noise that cells share, or None; ranged : whether couplings have a finite range, reach, in units of x
    """

    noise: np.ndarray
    root: np.ndarray | None
    ranged: bool
    reach: np.floating


@njit(cache=True, nogil=True)
def _kick(root, spread, noise, z, room, after):  # type: ignore[no-untyped-def]
    n, lanes = z.shape
    real = after.dtype.type
    if root is None:
        for i in range(n):
            sigma = noise * spread[i]
            for l in range(lanes):
                after[i, l] += sigma * real(z[i, l])
    else:
        for i in range(n):
            for l in range(lanes):
                room[0, i, l] = real(z[i, l])
        np.dot(root, room[0], room[1])
        for i in range(n):
            for l in range(lanes):
                after[i, l] += noise * room[1, i, l]


@njit(cache=True, nogil=True)
def kick(circuit, noise, z, room, after):  # type: ignore[no-untyped-def]
    """Add a step's noise to the states `after` (n, lanes). z : normals; room : (2, n, lanes) scratch"""
    _kick(circuit.root, circuit.noise, noise, z, room, after)


@njit(cache=True, nogil=True)
def _root_gradient(root, lam, z, noise, room, part, by_root):  # type: ignore[no-untyped-def]
    """Add noise lam z^T to by_root where there is a root."""
    if root is None:
        return
    n, lanes = z.shape
    real = lam.dtype.type
    for i in range(n):
        for l in range(lanes):
            room[0, i, l] = real(z[i, l])
    np.dot(lam, room[0].T, part)
    for i in range(n):
        for j in range(n):
            by_root[i, j] += noise * part[i, j]


@njit(cache=True, nogil=True)
def circuit_gradient(circuit, lam, nu, x, z, moves, noise, room, part, by_circuit):  # type: ignore[no-untyped-def]
    """Add step k's derivatives by the noise of each cell, by its J2 and by the root of shared noise, rows of
    by_circuit (2 or 2 + n, n). moves : whether k < n_steps; room, part : (2, n, lanes), (n, n) scratch
    """
    real = lam.dtype.type
    n, lanes = x.shape
    for i in range(n):
        by_noise = real(0)
        by_well = real(0)
        if moves:
            for l in range(lanes):
                by_noise += lam[i, l] * real(z[i, l])
        for l in range(lanes):
            by_well += nu[i, l] * x[i, l]
        by_circuit[0, i] += noise * by_noise
        by_circuit[1, i] -= real(2) * by_well
    if moves:
        _root_gradient(circuit.root, lam, z, noise, room, part, by_circuit[2:])
