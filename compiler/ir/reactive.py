"""Couplings that are capacitors: an energy that charges can have."""

from __future__ import annotations

import numpy as np

from compiler.errors import UnsupportedError
from compiler.ir.langevin import Activation, LangevinNetlist
from compiler.ir.symmetry import matrix

SYMMETRY = 1e-6  # largest |W_ij - W_ji| over largest |W| that counts as rounding


def check_reactive(netlist: LangevinNetlist, name: str, way_out: str) -> None:
    """Raise UnsupportedError unless the dynamic cells have the energy 1/2 x^T (2 J2 - W) x of charges.

    name : of the couplings' technology; way_out : what to take instead, the end of a message
    """
    dynamic = np.flatnonzero(~netlist.cells.frozen)
    curved = netlist.cells.activation[dynamic] != Activation.IDENTITY
    if curved.any():
        raise UnsupportedError(
            f"{name} couplings are charges, but cell {int(dynamic[np.argmax(curved)])} shows an "
            f"activation of its state; take transconductors, or {way_out}"
        )
    w = np.zeros((dynamic.size, dynamic.size))
    for group in (g for g in netlist.couplings if len(g)):
        w += matrix(group)[dynamic][:, dynamic].toarray()
    odd = np.abs(w - w.T)
    if odd.max(initial=0.0) > SYMMETRY * np.abs(w).max(initial=0.0):
        i, j = np.unravel_index(int(np.argmax(odd)), w.shape)
        raise UnsupportedError(
            f"{name} couplings act both ways, but ({dynamic[i]}, {dynamic[j]}) is {w[i, j]:g} and "
            f"({dynamic[j]}, {dynamic[i]}) is {w[j, i]:g}; make the netlist symmetric, or {way_out}"
        )
    j2 = netlist.cells.j2[dynamic]
    least = float(np.linalg.eigvalsh(2.0 * np.diag(j2) - (w + w.T) / 2)[0])
    if not least > 0:
        factor = 2.0 * float(j2.min()) / (2.0 * float(j2.min()) - least)
        raise UnsupportedError(
            f"{name} couplings need a positive definite matrix of capacitances: the smallest "
            f"eigenvalue of 2 J2 - W is {least:.4g}; couplings {factor:.2g} times as large, or J2 larger by "
            f"{-least / 2:.3g}, would do; else take transconductors, or {way_out}"
        )
