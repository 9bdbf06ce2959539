"""Random simulation of netlists, and circuits of gates with their faults."""

from thermo.simulate.api import simulate
from thermo.simulate.errors import DivergenceError, SimulationError
from thermo.simulate.gates import GateResult, simulate_gates
from thermo.simulate.gates_faults import Faults
from thermo.simulate.result import SimulationResult

__all__ = [
    "DivergenceError",
    "Faults",
    "GateResult",
    "SimulationError",
    "SimulationResult",
    "simulate",
    "simulate_gates",
]
