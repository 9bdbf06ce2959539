"""Physical constants in SI units."""

import math

K_B = 1.380649e-23
"""Boltzmann's constant, J/K, exact by the definition of the kelvin."""

E_CHARGE = 1.602176634e-19
"""Elementary charge, C, exact by the definition of the ampere."""

ROOM = 300.0
"""Room temperature, K."""


def thermal_energy(ambient_K: float = ROOM) -> float:
    """k_B T in joules: 4.142e-21 J at 300 K."""
    return K_B * ambient_K


def thermal_voltage(ambient_K: float = ROOM) -> float:
    """k_B T / e in volts: 25.85 mV at 300 K."""
    return thermal_energy(ambient_K) / E_CHARGE


def landauer(ambient_K: float = ROOM) -> float:
    """Least heat of erasing one bit, k_B T ln 2 in joules: 2.871e-21 J at 300 K."""
    return thermal_energy(ambient_K) * math.log(2.0)
