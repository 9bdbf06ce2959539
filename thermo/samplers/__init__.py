"""Langevin samplers for a user's potential: SGLD, adaptive steps, signs that stay, averages."""

from thermo.samplers.averaging import Average, average, window_averages
from thermo.samplers.dale import dale_langevin
from thermo.samplers.draws import Draws
from thermo.samplers.potential import SamplerError, minibatch, netlist_gradient
from thermo.samplers.sgld import Clock, sa_sgld, sgld

__all__ = [
    "Average",
    "Clock",
    "Draws",
    "SamplerError",
    "average",
    "dale_langevin",
    "minibatch",
    "netlist_gradient",
    "sa_sgld",
    "sgld",
    "window_averages",
]
