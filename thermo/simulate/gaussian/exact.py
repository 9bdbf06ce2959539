"""Quadratic netlists exactly: an oracle for the simulators and a fast sampler.

A netlist whose cells are quadratic and whose couplings are linear is an Ornstein-Uhlenbeck process

    dx = (c - A x) dt + N(0, Q dt),

whose transitions are Gaussian: x(t) = F x(0) + g + N(0, S). F, g and S come from the exponential
of one block matrix (Van Loan, IEEE Trans. Automatic Control 23 (1978) 395), which needs no
eigenvectors and no inverse: A may be non-normal, defective or singular and Q singular. Nothing here
belongs to the simulated machine; thermo.linear_algebra never uses it.
"""

from thermo.simulate.gaussian.sampler import ExactSample, ExactSampler, exact_sampler, sample_exact
from thermo.simulate.gaussian.system import LinearSystem, Process, linear_system
from thermo.simulate.gaussian.transition import Transition, stationary, transition

__all__ = [
    "ExactSample",
    "ExactSampler",
    "LinearSystem",
    "Process",
    "Transition",
    "exact_sampler",
    "linear_system",
    "sample_exact",
    "stationary",
    "transition",
]
