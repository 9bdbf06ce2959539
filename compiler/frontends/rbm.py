"""A restricted Boltzmann machine as p-bits that sample it."""

from __future__ import annotations

from compiler.families.rbm import RBM
from compiler.frontends.ising import lower_ising
from compiler.ir.langevin import LangevinNetlist


def lower_rbm(model: RBM, *, sweeps: int | None = None) -> LangevinNetlist:
    """p-bits, visible units then hidden ones; a sweep updates one layer, then the other.

    sweeps : length of the sampling phase, that of lower_ising by default
    """
    return lower_ising(model.to_ising(), sweeps=sweeps, sample=True)
