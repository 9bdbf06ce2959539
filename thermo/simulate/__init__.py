"""Random simulation of netlists: Langevin cells, p-bits, and circuits of gates with faults."""

from thermo.simulate.errors import DivergenceError, SimulationError
from thermo.simulate.gates.faults import Faults
from thermo.simulate.gates.run import GateResult, simulate_gates
from thermo.simulate.langevin.result import SimulationResult
from thermo.simulate.langevin.run import simulate
from thermo.simulate.spins.result import SpinResult
from thermo.simulate.spins.run import simulate_spins
from thermo.simulate.spins.system import SpinSystem
from thermo.simulate.spins.temper import TemperResult, geometric_ladder, temper

__all__ = [
    "DivergenceError",
    "Faults",
    "GateResult",
    "SimulationError",
    "SimulationResult",
    "SpinResult",
    "SpinSystem",
    "TemperResult",
    "geometric_ladder",
    "simulate",
    "simulate_gates",
    "simulate_spins",
    "temper",
]
