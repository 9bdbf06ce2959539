"""Random simulation of netlists."""

from thermo.simulate.api import simulate
from thermo.simulate.errors import DivergenceError, SimulationError
from thermo.simulate.result import SimulationResult

__all__ = ["DivergenceError", "SimulationError", "SimulationResult", "simulate"]
