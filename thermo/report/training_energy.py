"""The energy of a training as a table."""

from __future__ import annotations

from thermo.energy.training import TrainingEnergy
from thermo.report.page import Table
from thermo.report.text import si


def energy_table(energy: TrainingEnergy) -> Table:
    """Joules of a training by place."""
    rows = [(t.name.replace("_", " "), si(t.joules, "J"), t.kind, t.how) for t in energy.terms]
    each = energy.total / energy.effort.presentations
    rows.append(("total", si(energy.total, "J"), "", f"{si(each, 'J')} an image shown"))
    for d in energy.digital:
        what = f"the same network and images, {d.macs:.3g} multiply-adds at {d.node}"
        rows.append(
            (f"{d.name}, weights in place", si(d.arithmetic, "J"), d.kind, f"{what}; arithmetic alone")
        )
        memory = "weights and gradients in one SRAM, read and written for every image"
        rows.append((f"{d.name}, from SRAM", si(d.total, "J"), d.kind, memory))
    return Table(
        ("energy of training", "", "firmness", "what"),
        tuple(rows),
        (1,),
        f"On {energy.device}, weights in {energy.memory}: {energy.effort.relaxations:.3g} "
        f"relaxations ({energy.effort.nudged:.3g} nudged), {energy.effort.writes:.3g} weight "
        f"writes; {si(energy.seconds, 's')} of relaxing",
    )
