"""Measured energy: heat, the whole cycle, joules of an inference, the digital designs beside it."""

from thermo.energy.baselines import Baseline, measure_baselines
from thermo.energy.cycle import Cycle, Reset, measure_cycle
from thermo.energy.gate_result import GateEstimate
from thermo.energy.inference import Estimate, Joules, cheapest, idle_heat
from thermo.energy.run import Priced, SpinEstimate, estimate

__all__ = [
    "Baseline",
    "Cycle",
    "Estimate",
    "GateEstimate",
    "Joules",
    "Priced",
    "Reset",
    "SpinEstimate",
    "cheapest",
    "estimate",
    "idle_heat",
    "measure_baselines",
    "measure_cycle",
]
