"""Joules of one run of a netlist of p-bits through its schedule: a sample, or an answer.

There is one figure for one netlist, whoever asks: `spin_energy`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from compiler.ir.goals import Boltzmann
from compiler.ir.langevin import LangevinNetlist, Phase
from compiler.ir.symmetry import is_gradient, matrix
from compiler.passes.spins.colour import colour
from hw_models.imperfect import Imperfections
from hw_models.pbits import PBitDevice, PBitEnergy, pbit_energy
from hw_models.source import with_values
from thermo.energy.ledger import Design, Parameters, Price, named, occupied, values_of
from thermo.progress import Progress
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import check_spins

CHAINS = 4  # runs that the share of flips is measured on


@dataclass(frozen=True, slots=True)
class SpinRun:
    """What one run asks of any array of p-bits.

    updates : of single p-bits; inputs : the sum over updates of the cell's couplings
    wire : pitches that flips of every update would drive; activity : share of updates that flip
    sweeps, colours : of the run, one colour after the other; cells, couplings : of the netlist
    written, read : cells loaded and read out
    """

    updates: float
    inputs: float
    wire: float
    activity: float
    sweeps: int
    colours: int
    cells: int
    couplings: int
    written: int
    read: int

    def seconds(self, device: PBitDevice) -> float:
        """s of a run."""
        return self.sweeps * self.colours * device.update_time.value

    def energy(self, device: PBitDevice, rate: float | None = None) -> PBitEnergy:
        """J of a run term by term; rate : runs a second, None for back to back."""
        return pbit_energy(
            device,
            updates=self.updates,
            inputs=self.inputs,
            wire=self.wire,
            activity=self.activity,
            cell_seconds=self.cells * occupied(self.seconds(device), rate),
            written=self.written,
            read=self.read,
        )

    def price(self, device: PBitDevice, rate: float | None = None) -> Price:
        """J of a run by the ledger's places, see thermo.energy.ledger.Design.price."""
        e = self.energy(device, rate)
        joules = {
            "physics": e.rng + e.cycle,
            "couplings": e.bias + e.neighbour,
            "input converters": e.write,
            "output converters": e.read,
            "clock": e.clock,
            "leakage": e.static,
        }
        return Price(joules, self.seconds(device), self.cells * device.pitch.value**2)

    def design(self, device: PBitDevice, name: str) -> Design:
        """One run as a design that is priced on this device; couplings and biases of 8 bits."""

        def price(values: Mapping[str, float], rate: float | None) -> Price:
            return self.price(with_values(device, values_of(device.name, values)), rate)

        return Design(
            name=name,
            family="p-bits",
            accuracy=None,
            accuracy_sem=None,
            n_samples=0,
            split="",
            node="not stated",
            voltage=None,
            figures=named(device.name, device.figures()),
            price=price,
            parameters=Parameters(self.couplings + self.cells, 8),
        )


@dataclass(frozen=True, slots=True)
class SampleEnergy:
    """What one run costs on a device.

    updates : of single p-bits; couplings : directed; wire : metres of wire that an update of an
    average cell drives; activity : share of updates that flip
    seconds : sweeps, colour after colour; programming : J, all cells' couplings and biases set once
    asked : what the run asks of any device
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
    programming: float
    asked: SpinRun

    def describe(self) -> dict[str, Any]:
        """JSON's keys (docs/cli.md)."""
        return {
            "device": self.device,
            "energy_J": self.energy.describe(),
            "programming_J": self.programming,
            "updates": self.updates,
            "sweeps": self.sweeps,
            "cells": self.cells,
            "couplings": self.couplings,
            "wire_m": self.wire,
            "activity": self.activity,
            "latency_s": self.seconds,
        }


def spin_energy(
    netlist: LangevinNetlist,
    device: PBitDevice,
    *,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> SampleEnergy:
    """`netlist_energy` with the share of flips that runs of the schedule show, on device 0 if imperfect."""
    check_spins(netlist)
    activity = flip_share(netlist, device.imperfections, seed=seed, threads=threads, progress=progress)
    return netlist_energy(netlist, device, activity=activity)


def netlist_energy(netlist: LangevinNetlist, device: PBitDevice, *, activity: float = 1.0) -> SampleEnergy:
    """Energy of one run of a netlist of p-bits through its schedule.

    Every phase updates the p-bits that it does not clamp, colour by colour; read are the read-out's
    cells (all without one), loaded are the frozen ones. A flip charges the wires from a cell, along
    rows and columns, to every cell that it drives and that is free; a clamped cell charges its own once
    a phase. Cells lie where the problem's grid puts them, else in a square in their order.

    activity : share of updates that flip; 1 is the upper bound
    Raises UnsupportedError for cells that are no p-bits.
    """
    check_spins(netlist)
    n, frozen = netlist.n_cells, netlist.cells.frozen
    w = sum((abs(matrix(c)) for c in netlist.couplings), sparse.csr_array((n, n)))
    driven, driving = sparse.coo_array(w).coords
    length = _lengths(*_places(netlist), driven, driving)
    updates = inputs = wire = 0.0
    sweeps = 0
    for phase in netlist.schedule:
        free, steps = _free(netlist, phase), round(phase.duration / netlist.dt)
        hears, both = free[driven], free[driven] & free[driving]
        updates += float(free.sum()) * steps
        inputs += float(hears.sum()) * steps
        wire += float(length[both].sum()) * steps + float(length[hears & ~both].sum()) * (steps > 0)
        sweeps += steps
    read = n if netlist.readout is None else netlist.readout.cells.size
    colours = int(colour(netlist).max(initial=0)) + 1
    asked = SpinRun(
        updates=updates,
        inputs=inputs,
        wire=wire,
        activity=activity,
        sweeps=sweeps,
        colours=colours,
        cells=n,
        couplings=netlist.n_couplings,
        written=int(frozen.sum()),
        read=int(read),
    )
    each = wire / updates * device.pitch.value if updates else 0.0
    return SampleEnergy(
        device=device.name,
        energy=asked.energy(device),
        updates=updates,
        sweeps=sweeps,
        cells=n,
        couplings=netlist.n_couplings,
        wire=each,
        activity=activity,
        seconds=asked.seconds(device),
        programming=n * device.program_energy.value,
        asked=asked,
    )


def flip_share(
    netlist: LangevinNetlist,
    law: Imperfections | None = None,
    *,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> float:
    """Share of updates that flip, in CHAINS runs of the schedule; law : of device 0, None: ideal.

    Where couplings are directed, flips are those of the last sweep of every phase, and a phase of one
    sweep from a random start is taken to flip every p-bit.
    """
    common: dict[str, Any] = {"chains": CHAINS, "seed": seed, "threads": threads}
    if law is not None and not law.ideal:
        common["non_ideal"] = law
    elif is_gradient(netlist):
        run = simulate_spins(netlist, method="chains", progress=progress, **common)
        return (run.flips or 0) / run.updates if run.updates else 0.0

    def states(phases: tuple[Phase, ...]) -> np.ndarray:
        return np.asarray(simulate_spins(netlist.with_(schedule=phases, readout=None), **common).states)

    flips = updates = 0.0
    for k, phase in enumerate(netlist.schedule):
        before, steps = netlist.schedule[:k], round(phase.duration / netlist.dt)
        free = _free(netlist, phase)
        if not steps or not free.any():
            continue
        share = 1.0
        if before or steps > 1:
            shorter = before if steps == 1 else (*before, _without_last(phase, steps))
            share = float((states((*before, phase)) != states(shorter))[:, free].mean())
        flips += share * free.sum() * steps
        updates += free.sum() * steps
    return flips / updates if updates else 0.0


def _without_last(phase: Phase, steps: int) -> Phase:
    """The phase less its last sweep, with the same ramps up to there."""
    part = (steps - 1) / steps

    def upto(ramp: tuple[float, float]) -> tuple[float, float]:
        return ramp[0], ramp[0] + (ramp[1] - ramp[0]) * part

    kT = None if phase.kT is None else upto(phase.kT)
    return replace(phase, duration=phase.duration * part, kT=kT, coupling_scale=upto(phase.coupling_scale))


def _free(netlist: LangevinNetlist, phase: Phase) -> np.ndarray:
    """(n,) bool: cells that the phase updates."""
    free = ~netlist.cells.frozen
    for name in phase.clamped:
        group = netlist.group(name)
        free[group.start : group.stop] = False
    return free


def _places(netlist: LangevinNetlist) -> tuple[np.ndarray, np.ndarray]:
    """(n,) rows and columns of the cells."""
    n, problem = netlist.n_cells, netlist.problem
    goal = None if problem is None else problem.goal
    if problem is not None and isinstance(goal, Boltzmann) and goal.grid is not None:
        spin = problem.places(n)
        if np.array_equal(np.sort(spin), np.arange(n)):  # no cell without a unit, no unit without a cell
            place = np.empty(n, np.int64)
            place[spin] = goal.grid.place
            return np.divmod(place, goal.grid.shape[1])
    side = math.isqrt(max(n, 1) - 1) + 1
    return np.divmod(np.arange(n), side)


def _lengths(lines: np.ndarray, places: np.ndarray, row: np.ndarray, col: np.ndarray) -> np.ndarray:
    """(couplings,) length of each one's wire in pitches."""
    return np.abs(lines[row] - lines[col]) + np.abs(places[row] - places[col])
