"""What a deck is written for: inputs, device, temperature, times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.formats.spice.diodes import Rests

CELLS = ("force", "reactive")
NOISE = ("trnoise", "tables")
ANALYSES = ("tran", "op")
DIODES = ("ideal", "dull", "silicon", "silicon-biased")


@dataclass(frozen=True, slots=True, eq=False)
class DeckOptions:
    """Of one run of a Langevin netlist in ngspice.

    inputs : (n_inputs,) encoded states of the input cells; None: their x0
    device : whose C, R and couplings the deck has (an RCDevice); None: dimensionless, without them
    cells : "force", a nonlinear energy as a nonlinear conductance; "reactive", as a nonlinear
        capacitor beside a linear resistor
    kT : in the model's unit of energy, in place of the netlist's
    noise : "trnoise", ngspice's own source, whose normals no seed repeats (docs/spice.md); "tables", the
        same samples drawn here and written out
    seed : of the noise, at least 1 (ngspice takes 0 for the time of day)
    noise_step : between noise samples, in the netlist's unit of time; None: half its dt, and less for
        cells that are faster
    observe : (n_times,) in the netlist's unit of time; None: the end of the read-out's phase
    source : where the inputs come from, for the header
    analysis : "tran", the schedule; "op", the rest state alone, of a netlist whose one phase relaxes
        without noise
    states : whether every dynamic cell's state is kept, not only those that are read
    input_range, output_range : (lo, hi) of the device's converters in units of x, which are ideal quantisers
        of its bits in the deck; None: exact
    diode : of walls: "ideal", IS and N 1e-14 and 1e-4 of the deck's units, which holds within 1e-4 of a unit
        of x; "dull", ten times as much; "silicon", IS 1e-14 A and N 1, refused where nodes swing too
        little; "silicon-biased", its sources moved by what it drops at a typical wall
    rests : what nodes do at rest over all inputs in use (diodes.rests_of); None: with these alone
    """

    inputs: np.ndarray | None = None
    device: Any = None
    cells: str = "force"
    kT: float | None = None
    noise: str = "trnoise"
    seed: int = 1
    noise_step: float | None = None
    observe: tuple[float, ...] | None = None
    source: str = ""
    states: bool = False
    analysis: str = "tran"
    diode: str = "ideal"
    rests: Rests | None = None
    input_range: tuple[float, float] | None = None
    output_range: tuple[float, float] | None = None
    table: str = "states.out"


DEFAULTS = DeckOptions()
