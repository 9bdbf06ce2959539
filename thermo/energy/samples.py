"""Joules per generated sample of a machine of p-bits, every term."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from compiler.families.denoising_chain import DenoisingChain
from compiler.families.ising import IsingModel
from compiler.families.rbm import RBM
from compiler.ir.langevin import LangevinNetlist
from compiler.ir.symmetry import matrix
from compiler.passes.spins.colour import colour
from hw_models.pbits import PBitDevice, PBitEnergy, pbit_energy
from thermo.simulate.spins.system import check_spins


@dataclass(frozen=True, slots=True)
class SampleEnergy:
    """What one sample costs on a device.

    updates : of single p-bits; wire : metres of wire that an update of an average cell drives
    seconds : sweeps, colour after colour
    """

    device: str
    energy: PBitEnergy
    updates: float
    sweeps: int
    cells: int
    couplings: int
    wire: float
    activity: float
    seconds: float

    def describe(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "energy_J": self.energy.describe(),
            "updates": self.updates,
            "sweeps": self.sweeps,
            "cells": self.cells,
            "couplings": self.couplings,
            "wire_m": self.wire,
            "activity": self.activity,
            "latency_s": self.seconds,
        }


def sample_energy(
    model: RBM | IsingModel | DenoisingChain,
    device: PBitDevice,
    *,
    sweeps: int | None = None,
    activity: float = 1.0,
    colours: int = 2,
) -> SampleEnergy:
    """Energy of drawing one sample: every p-bit updated in every sweep, visible bits read out.

    sweeps : from the start to the sample; a chain of models: of each model, its own by default
    activity : measured share of updates that flip; 1 is the upper bound
    Wires go along rows and columns from each cell to each of its neighbours. A chain's cells sit
    where its graph puts them; other models are laid out in a square in the order of their cells,
    an RBM as two blocks side by side.
    """
    if isinstance(model, DenoisingChain):
        n, nv, steps = model.n, model.n_visible, model.n_steps
        row, col, m = model.row, model.col, model.row.size
        lines, places = np.divmod(model.place, model.shape[1])
        length = _lengths(lines, places, row, col)
        each = model.sweeps if sweeps is None else sweeps
        # every model's start is loaded: the bits of the model before it, or the noise
        written, total = nv * steps, each * steps
        inputs = 2 * m + nv
    elif isinstance(model, RBM):
        nv, nh = model.n_visible, model.n_hidden
        n, m, total, written, steps = nv + nh, nv * nh, sweeps or 1, 0, 1
        inputs, length = 2 * m, _rbm_length(nv, nh)
    else:
        n, m, total, written, steps = model.n, model.n_couplings, sweeps or 1, 0, 1
        nv, grid = model.n_visible, model.grid
        side, place = math.isqrt(n - 1) + 1, np.arange(n)
        if grid is not None:
            side, place = grid.shape[1], grid.place.astype(np.int64)
        lines, places = np.divmod(place, side)
        inputs, length = 2 * m, _lengths(lines, places, model.row, model.col)
    updates = float(n) * total
    energy = pbit_energy(
        device,
        updates=updates,
        inputs=float(inputs) * total,
        wire=2.0 * length * total,
        activity=activity,
        written=written,
        read=nv * steps,
    )
    seconds = total * colours * device.update_time.value
    wire = 2.0 * length / n * device.pitch.value
    return SampleEnergy(device.name, energy, updates, int(total), n, int(m), wire, activity, seconds)


def netlist_energy(netlist: LangevinNetlist, device: PBitDevice, *, activity: float = 1.0) -> SampleEnergy:
    """Energy of one run of a netlist of p-bits through its schedule.

    Every phase updates the p-bits that it does not clamp, colour by colour; read are the read-out's
    cells (all without one), written are the frozen ones. Cells are laid out in a square in their
    order. Raises UnsupportedError for cells that are no p-bits.
    """
    check_spins(netlist)
    n, frozen = netlist.n_cells, netlist.cells.frozen
    w = sum((abs(matrix(c)) for c in netlist.couplings), sparse.csr_array((n, n)))
    driven, driving = sparse.coo_array(w).coords
    side = math.isqrt(max(n, 1) - 1) + 1
    lines, places = np.divmod(np.arange(n), side)
    updates = inputs = wire = 0.0
    sweeps = 0
    for phase in netlist.schedule:
        free = ~frozen
        for name in phase.clamped:
            group = netlist.group(name)
            free = free & ~((np.arange(n) >= group.start) & (np.arange(n) < group.stop))
        some = free[driven]
        length = round(phase.duration / netlist.dt)
        updates += float(free.sum()) * length
        inputs += float(some.sum()) * length
        wire += _lengths(lines, places, driven[some], driving[some]) * length
        sweeps += length
    read = n if netlist.readout is None else netlist.readout.cells.size
    energy = pbit_energy(
        device,
        updates=updates,
        inputs=inputs,
        wire=wire,
        activity=activity,
        written=float(frozen.sum()),
        read=float(read),
    )
    colours = int(colour(netlist).max(initial=0)) + 1
    seconds = sweeps * colours * device.update_time.value
    each = wire / updates * device.pitch.value if updates else 0.0
    return SampleEnergy(device.name, energy, updates, sweeps, n, netlist.n_couplings, each, activity, seconds)


def _lengths(lines: np.ndarray, places: np.ndarray, row: np.ndarray, col: np.ndarray) -> float:
    """Sum over couplings of the wire's length in pitches."""
    down = np.abs(lines[row].astype(np.int64) - lines[col])
    along = np.abs(places[row].astype(np.int64) - places[col])
    return float((down + along).sum())


def _rbm_length(nv: int, nh: int) -> float:
    """Sum over all pairs of the two blocks, cells row by row in squares beside each other."""
    a, b = math.isqrt(nv - 1) + 1, math.isqrt(nh - 1) + 1
    vi, vj = np.divmod(np.arange(nv), a)
    hi, hj = np.divmod(np.arange(nh), b)
    down = np.abs(vi[:, None] - hi[None, :]).sum()
    along = np.abs(vj[:, None] - (a + hj)[None, :]).sum()
    return float(down + along)
