"""What one image of a generative Langevin machine costs: heat, that of its cycle, joules on a device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from compiler.ir.burdens import magnitudes, typical_j2
from compiler.ir.langevin import LangevinNetlist
from hw_models.device import Device
from thermo.energy.inference import n_parameters
from thermo.energy.ledger import Price
from thermo.energy.machine import MachineRun


@dataclass(frozen=True, slots=True)
class ImageHeat:
    """kT given to the bath per image, with standard errors.

    run, run_sem : from equilibrium without couplings to the image
    cycle, cycle_sem : and back, couplings switched off; in the mean this is also the work of switching
    """

    run: float
    run_sem: float
    cycle: float
    cycle_sem: float


def image_heat(netlist: LangevinNetlist, heat: np.ndarray, final: np.ndarray) -> ImageHeat:
    """Of the heat (n,) while couplings are on, energy, and the states (n, n_dynamic) that cells end in.

    With couplings off the cells give off U(x) minus its mean in equilibrium.
    """
    dynamic = ~netlist.cells.frozen
    j2, j4 = netlist.cells.j2[dynamic], netlist.cells.j4[dynamic]
    x = np.asarray(final, np.float64)
    own = (j2 * x**2 + j4 * x**4).sum(axis=1)
    cell = np.linspace(-4.0, 4.0, 8001)
    rest = 0.0
    for (a, b), count in _kinds(j2, j4):
        energy = a * cell**2 + b * cell**4
        weight = np.exp((energy.min() - energy) / netlist.kT)
        rest += count * float(weight @ energy / weight.sum())
    run, whole = heat / netlist.kT, (heat + own - rest) / netlist.kT
    root = np.sqrt(heat.size)
    return ImageHeat(
        float(run.mean()), float(run.std(ddof=1) / root), float(whole.mean()), float(whole.std(ddof=1) / root)
    )


def _kinds(j2: np.ndarray, j4: np.ndarray) -> list[tuple[tuple[float, float], int]]:
    pairs, counts = np.unique(np.stack([j2, j4], axis=1), axis=0, return_counts=True)
    return [((float(a), float(b)), int(n)) for (a, b), n in zip(pairs, counts, strict=True)]


def price_image(netlist: LangevinNetlist, heat: ImageHeat, span: float, device: Device) -> Price:
    """One image on a device; span : range of the read-out in units of x. Raises HardwareError."""
    dynamic = ~netlist.cells.frozen
    run = MachineRun(
        n_inputs=netlist.inputs.size,
        n_outputs=netlist.outputs.size,
        n_cells=int(dynamic.sum()),
        n_phases=len(netlist.schedule),
        n_parameters=n_parameters(netlist),
        runs=1,
        duration=sum(p.duration for p in netlist.schedule),
        physics=heat.cycle * netlist.kT,
        input_span=1.0,
        output_span=span,
        kT=netlist.kT,
        mobility=netlist.mobility,
        j2=typical_j2(netlist),
        n_couplings=netlist.n_couplings,
        strength=float(magnitudes(netlist, lambda group: group.values)[:, dynamic].sum()),
    )
    return run.price(device)
