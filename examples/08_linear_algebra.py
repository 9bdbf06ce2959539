"""Solve, invert, take a determinant by watching noisy cells; then read a circuit's own inverse."""

import numpy as np

from compiler.families.rlc import lower_rlc
from hw_models.presets import DEVICES, RLC_UNITS
from thermo.linear_algebra import analog_cost, inverse, log_determinant, solve
from thermo.simulate import simulate

A = np.array([[2.0, -0.5, 0.0], [-0.5, 1.5, 0.3], [0.0, 0.3, 1.0]])
b = np.array([1.0, -2.0, 0.5])

x = solve(A, b, time=400.0)
print("A^-1 b    ", x.value.round(3), "+-", x.error.round(3), " exact", np.linalg.solve(A, b).round(3))

c = inverse(A, time=400.0)
worst = np.abs(c.value - np.linalg.inv(A)).max()
cost = analog_cost(c, A, DEVICES.get("rc-1fF"))
print(f"A^-1       off by {worst:.3f} at most, in {cost.seconds:.2g} s and {cost.total:.2g} J")

d = log_determinant(A, time=20.0)
print(f"ln det A   {d.value:.3f} +- {d.error:.3f}, exact {np.linalg.slogdet(A)[1]:.3f}")

# Three LC oscillators joined by capacitors: their thermal voltages know the inverse capacitances.
array = RLC_UNITS.get("rlc-board").array(3, 1.0)
volts = simulate(lower_rlc(array, duration=100.0), runs=4000).outputs[-1, 0]
print("capacitors", np.cov(volts.T).round(2).tolist())
print("exact     ", np.linalg.inv(array.maxwell() / 1e-9).round(2).tolist())
