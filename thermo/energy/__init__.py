"""Measured energy: heat, the whole cycle, joules of an inference, the digital designs beside it."""

from thermo.energy.baselines import Baseline, cheapest, measure_baselines
from thermo.energy.cycle import Cycle, Reset, measure_cycle
from thermo.energy.gate_result import GateEstimate
from thermo.energy.inference import Estimate, idle_heat
from thermo.energy.ledger import Design, Price, bill, ratio, tornado
from thermo.energy.run import Priced, SpinEstimate, estimate

__all__ = [
    "Baseline",
    "Cycle",
    "Design",
    "Estimate",
    "GateEstimate",
    "Price",
    "Priced",
    "Reset",
    "SpinEstimate",
    "bill",
    "cheapest",
    "estimate",
    "idle_heat",
    "measure_baselines",
    "measure_cycle",
    "ratio",
    "tornado",
]
