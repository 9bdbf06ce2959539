"""Random simulation of netlists: Langevin cells, p-bits, and circuits of gates with faults."""

from thermo.simulate.api import simulate
from thermo.simulate.errors import DivergenceError, SimulationError
from thermo.simulate.gates import GateResult, simulate_gates
from thermo.simulate.gates_faults import Faults
from thermo.simulate.result import SimulationResult
from thermo.simulate.spin_result import SpinResult
from thermo.simulate.spin_system import SpinSystem
from thermo.simulate.spin_temper import TemperResult, geometric_ladder, temper
from thermo.simulate.spins import simulate_spins

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
