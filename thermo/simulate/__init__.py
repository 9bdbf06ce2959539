"""`simulate`, for every kind of netlist, and what it returns; `thermo.simulate(netlist)` calls it."""

from thermo.simulate.errors import DivergenceError, SimulationError
from thermo.simulate.gates.faults import Faults
from thermo.simulate.gates.run import GateResult
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.run import DYNAMICS, Dynamics, Result, dynamics_of, simulate
from thermo.simulate.spins.result import SpinResult
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.temper import TemperResult, geometric_ladder
from thermo.verb import make_verb

make_verb(__name__)

__all__ = [
    "DYNAMICS",
    "DivergenceError",
    "Dynamics",
    "Faults",
    "GateResult",
    "Result",
    "SimulationError",
    "SimulationResult",
    "SpinResult",
    "SpinSystem",
    "TemperResult",
    "dynamics_of",
    "geometric_ladder",
    "simulate",
]
