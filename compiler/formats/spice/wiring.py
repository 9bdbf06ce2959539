"""What a device's couplings bring to a deck: noise of their own, load and range (hw_models.couplings)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.spice.scale import Scale
from compiler.ir.burdens import burdens, technology_of
from compiler.ir.langevin import CellKind, CouplingKind, LangevinNetlist
from compiler.ir.reactive import check_reactive

if TYPE_CHECKING:
    from scipy import sparse

WAY_OUT = "ideal couplings (--couplings ideal)"


@dataclass(frozen=True, slots=True, eq=False)
class Wiring:
    """Couplings of a technology at coupling scale 1.

    own : (n_cells,) noise power of a cell's resistor and bias source, over that of its resistor
    excess, load : (2, n_cells), by couplings among dynamic cells and by those from inputs: noise power over
        the cell's own, of what is not an element between two of them, and stiffness
    shared : (n_dynamic, m) noise of m sources that elements between cells are, as compiler.ir.mutual.mixing
        has it, in units of a cell's own, or None; reach : largest that they show, in units of x
    among, on : |s| at the start and end of each phase, and the same where inputs are on, else 0
    """

    name: str
    own: np.ndarray
    excess: np.ndarray
    load: np.ndarray
    shared: np.ndarray | sparse.csr_matrix | None
    reach: float
    among: list[tuple[float, float]]
    on: list[tuple[float, float]]

    @property
    def steady(self) -> bool:
        """Whether what they bring is the same all the time."""
        return len(set(self.among)) == len(set(self.on)) == 1 and len({*self.among[0]}) == 1

    def total(self, of: np.ndarray, i: int, phase: int = -1) -> float:
        """`excess` or `load` of cell i at the end of a phase."""
        return float(of[0, i] * self.among[phase][1] + of[1, i] * self.on[phase][1])


def wire(netlist: LangevinNetlist, device: Any, scale: Scale, cells: str) -> Wiring | None:
    """The netlist's couplings as the device makes them; None where its cells obey the ideal equation.

    cells : of the deck, "force" or "reactive"

    UnsupportedError for couplings that the technology cannot be.
    """
    technology = getattr(device, "couplings", None)
    if technology is None or technology.name == "ideal" or not netlist.n_couplings:
        return None
    kinds = {CouplingKind(g.kind) for g in netlist.couplings if len(g)}
    technology = technology_of(netlist, technology)
    if technology.reactive:
        if cells != "reactive":
            raise UnsupportedError(
                f"{technology.name} couplings join charges: take cells whose state is one (--cells reactive)"
            )
        check_reactive(netlist, technology.name, WAY_OUT)
        return None  # the ideal equation, of charges
    other = kinds - {CouplingKind.LINEAR, CouplingKind.RESISTIVE}
    columns = netlist.cells
    if other or (~columns.frozen & (columns.kind == CellKind.PHASE)).any():
        what = f"{min(other).name.lower()} couplings" if other else "phase cells"
        raise UnsupportedError(f"{what} have no circuit as {technology.name}; choose {WAY_OUT}")
    found = burdens(
        netlist, technology, voltage=scale.voltage, values=lambda group: group.values, h=columns.h
    )
    among = [(abs(a), abs(b)) for a, b in (p.coupling_scale for p in netlist.schedule)]
    on = [pair if p.input_scale else (0.0, 0.0) for pair, p in zip(among, netlist.schedule, strict=True)]
    excess, load = (np.diff(part, axis=0, prepend=0.0) for part in (found.excess, found.load))
    return Wiring(technology.name, found.own, excess, load, found.shared, found.reach, among, on)
