"""thermoc estimate for a netlist of p-bits: joules and seconds of one run of its schedule."""

from __future__ import annotations

from pathlib import Path

from compiler.ir.langevin import LangevinNetlist
from compiler.ir.symmetry import is_gradient
from hw_models.pbits import PBITS
from thermo.cli.console import BarProgress, emit, manifest
from thermo.energy.samples import SampleEnergy, netlist_energy
from thermo.report.page import Table
from thermo.report.text import si, text_table
from thermo.simulate.spins.run import simulate_spins

DEVICE = "pbit-cmos"
CHAINS = 4  # runs that the share of flips is measured on


def estimate_spins(
    netlist: LangevinNetlist, net: Path, *, device: str, seed: int, threads: int | None, as_json: bool
) -> None:
    """Print the estimate; flips are counted in runs of the schedule where couplings are symmetric,
    else every update is taken to flip.
    """
    preset = PBITS.get(device)
    activity = 1.0
    if is_gradient(netlist):
        run = simulate_spins(
            netlist, chains=CHAINS, seed=seed, method="chains", threads=threads, progress=BarProgress()
        )
        activity = (run.flips or 0) / run.updates if run.updates else 0.0
    cost = netlist_energy(netlist, preset, activity=activity)
    emit(
        {**cost.describe(), "energies": preset.describe(), "manifest": manifest(net=net, seed=seed)},
        as_json,
        text_table(_table(cost)),
    )


def _table(cost: SampleEnergy) -> Table:
    energy = cost.energy.describe()
    rows = (
        ("p-bits, couplings", f"{cost.cells:,}, {cost.couplings:,}"),
        ("sweeps", f"{cost.sweeps:,}"),
        ("updates of single p-bits", f"{cost.updates:,.0f}"),
        ("share that flips", f"{cost.activity:.3f}"),
        *((name, si(energy[name], "J")) for name in energy if name != "total"),
        ("energy of a run", si(energy["total"], "J")),
        ("time of a run", si(cost.seconds, "s")),
    )
    title = f"One run of the schedule on {cost.device} (thermoc presets {cost.device} has sources)"
    return Table((title, ""), rows, (1,))
