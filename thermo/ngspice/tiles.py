"""Crossbar tiles in ngspice."""

from __future__ import annotations

import numpy as np

from compiler.formats.spice.crossbar import tile_deck
from hw_models.ir_drop import Wires
from thermo.ngspice.run import run_deck


def tile_currents(
    conductances: np.ndarray, volts: np.ndarray, wires: Wires, *, program: str | None = None
) -> np.ndarray:
    """(columns,) A into the virtual grounds of a tile by ngspice; what hw_models.ir_drop.transfer says.

    conductances : (rows, columns) S; volts : (rows,)

    Raises UnsupportedError without ngspice, SpiceError where it fails.
    """
    run = run_deck(tile_deck(conductances, volts, wires), program=program)
    return np.asarray(run.states[-1])
