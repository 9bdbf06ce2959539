"""Linear algebra as measurements on a simulated machine that is stepped by its local forces.

Nothing here computes an answer: means, covariances, correlations and work are observed while noisy
cells relax, and every figure comes with the time it took and its statistical error.
"""

from thermo.linear_algebra.cost import AnalogCost, analog_cost
from thermo.linear_algebra.determinant import log_determinant
from thermo.linear_algebra.exponential import exponential
from thermo.linear_algebra.machine import LinearAlgebraError
from thermo.linear_algebra.measurement import Measurement
from thermo.linear_algebra.moments import inverse, lyapunov, solve

__all__ = [
    "AnalogCost",
    "LinearAlgebraError",
    "Measurement",
    "analog_cost",
    "exponential",
    "inverse",
    "log_determinant",
    "lyapunov",
    "solve",
]
