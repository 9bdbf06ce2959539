"""Units of energy and length of a netlist: the same machine, written in other numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from compiler.errors import NetlistError, UnsupportedError
from compiler.ir.couplings import COUPLINGS
from compiler.ir.langevin import Activation, CellKind, CouplingKind, Encoder, LangevinNetlist


def largest_coupling(netlist: LangevinNetlist) -> float:
    """Largest |W| over all couplings, 0 if there are none."""
    return max((float(np.abs(c.values).max()) for c in netlist.couplings if len(c)), default=0.0)


def rescale(netlist: LangevinNetlist, limit: float) -> LangevinNetlist:
    """Bring all |W| to at most `limit` by a smaller unit of energy; exact, to the last bit.

    Energies (J2, J3, J4, h, W, kT, stiffness, nudge, mass, friction) are divided by a power of two
    and the mobility multiplied by it, so that dx/dt and the noise stay the same: trajectories are
    those of the original, and energies come out in the new unit. A netlist within the limit is
    returned as it is. `lowered.energy_scale` holds the product of such factors.
    """
    if not (math.isfinite(limit) and limit > 0):
        raise NetlistError(f"rescale: limit must be a finite number above 0, got {limit}")
    largest = largest_coupling(netlist)
    if largest <= limit:
        return netlist
    return change_units(netlist, energy=2.0 ** math.floor(math.log2(limit / largest)))


def change_units(netlist: LangevinNetlist, *, energy: float = 1.0, length: float = 1.0) -> LangevinNetlist:
    """The same machine in other units: x = length y and V'(y) = energy V(length y); time stays.

    With a = length and c = energy: J2, W, stiffness, mass and friction are multiplied by c a^2,
    J3 by c a^3, J4 by c a^4, h by c a, kT by c; mobility and noise matrix are divided by c a^2;
    start, interval and inputs by a. Then dy = dx / a along every trajectory, exactly.

    Raises UnsupportedError for length != 1 with cells or couplings that are not homogeneous in x
    (a nonlinear phi, phases, p-bits, sine couplings) or with nudges, whose targets are data.
    """
    a, c = float(length), float(energy)
    if not all(math.isfinite(v) and v > 0 for v in (a, c)):
        raise NetlistError(f"change_units: energy and length must be above 0, got {c} and {a}")
    cells = netlist.cells
    if a != 1.0:
        kinds = {CouplingKind(g.kind) for g in netlist.couplings}
        bent = sorted(kind.name.lower() for kind in kinds if not COUPLINGS[kind].homogeneous)
        for bad, what in (
            ((cells.activation != Activation.IDENTITY).any(), "cells that show a nonlinear phi"),
            ((cells.kind != CellKind.CONTINUOUS).any(), "phase cells or p-bits"),
            (bool(bent), f"{', '.join(bent)} couplings"),
            (any(p.nudge for p in netlist.schedule), "nudges"),
        ):
            if bad:
                raise UnsupportedError(f"change_units: {what} have a length of their own; keep length = 1")
    k = c * a * a
    changed = {
        "j2": cells.j2 * k,
        "j3": cells.j3 * (k * a),
        "j4": cells.j4 * (k * a * a),
        "h": cells.h * (c * a),
        "mass": cells.mass * k,
        "friction": cells.friction * k,
        "lo": cells.lo / a,
        "hi": cells.hi / a,
        "x0": cells.x0 / a,
    }
    encoder = netlist.encoder
    readout = netlist.readout
    if a != 1.0:
        if netlist.inputs.size:
            old = encoder or Encoder(np.zeros(1), np.ones(1))
            encoder = Encoder(old.shift, old.scale / a)
        if readout is not None:
            scale = np.eye(readout.cells.size) if readout.scale is None else readout.scale
            readout = replace(readout, scale=scale * a)
    lowered = netlist.lowered
    lowered = lowered.with_(energy_scale=c * lowered.energy_scale, length_scale=a * lowered.length_scale)
    return netlist.with_(
        cells=replace(cells, **changed),
        couplings=tuple(
            replace(g, weight=(g.weight * np.asarray(k, g.weight.dtype))) for g in netlist.couplings
        ),
        kT=netlist.kT * c,
        mobility=netlist.mobility / k,
        noise=None if netlist.noise is None else netlist.noise / k,
        schedule=tuple(
            replace(
                p,
                kT=None if p.kT is None else (p.kT[0] * c, p.kT[1] * c),
                stiffness=p.stiffness * k,
                nudge=p.nudge * c,
            )
            for p in netlist.schedule
        ),
        encoder=encoder,
        readout=readout,
        lowered=lowered,
    )


def scale_inputs(netlist: LangevinNetlist, gain: float) -> LangevinNetlist:
    """Inputs of `gain` times the states, and couplings from them of weight W / gain: the same forces.

    On ideal couplings the run is the same; on a device the inputs' couplings are smaller conductances, with
    less noise and current, and its input converters have a larger signal.

    Raises NetlistError for a gain that is not above 0, UnsupportedError without inputs and where what they
    bring is not linear in their states.
    """
    g = float(gain)
    if not (math.isfinite(g) and g > 0):
        raise NetlistError(f"scale_inputs: gain must be a finite number above 0, got {gain} (--input-gain)")
    cells, inputs = netlist.cells, netlist.inputs
    if not inputs.size:
        raise UnsupportedError("scale_inputs: the netlist has no input cells; leave the gain out")
    if (cells.activation[inputs] != Activation.IDENTITY).any():
        raise UnsupportedError("scale_inputs: inputs that show a nonlinear phi have no other scale")
    groups = []
    for group in netlist.couplings:
        driven = cells.frozen[group.indices]
        if driven.any():
            if group.kind not in (CouplingKind.LINEAR, CouplingKind.GRADIENT):
                raise UnsupportedError(
                    f"scale_inputs: {group.kind.name.lower()} couplings from inputs are not linear in them"
                )
            # parameters that inputs and other cells share are one weight no more
            weight = np.where(driven, group.values / np.asarray(g, group.values.dtype), group.values)
            group = replace(group.plain(), weight=weight.astype(group.weight.dtype), tie=None)
        groups.append(group)
    old = netlist.encoder or Encoder(np.zeros(1), np.ones(1))
    return netlist.with_(
        cells=replace(cells, x0=np.where(cells.frozen, cells.x0 * g, cells.x0)),
        couplings=tuple(groups),
        encoder=Encoder(old.shift, old.scale * g),
    )
