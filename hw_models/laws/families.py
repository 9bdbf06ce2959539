"""Every family of laws by its name, as files of devices have it."""

from __future__ import annotations

from typing import Any

from hw_models.laws.circuit import Nonlinear, Temperature
from hw_models.laws.compensation import Compensation
from hw_models.laws.defects import OpenCouplings, StuckCells
from hw_models.laws.drift import Drift
from hw_models.laws.measured import Measured
from hw_models.laws.on_off import Limits, OnOff
from hw_models.laws.programming import ProgrammingNoise
from hw_models.laws.pulsed import PulsedUpdate
from hw_models.laws.read import ReadNoise, WhiteRead
from hw_models.laws.relaxation import Relaxation
from hw_models.registry import Registry

_FAMILIES: tuple[Any, ...] = (
    *(PulsedUpdate, OnOff, ProgrammingNoise, Measured, Limits, StuckCells, OpenCouplings, Drift, Relaxation),
    *(Nonlinear, Temperature, ReadNoise, WhiteRead, Compensation),
)

LAWS: Registry[type[Any]] = Registry("law", [(law.name, law) for law in _FAMILIES])
"""Classes of laws; a class's fields are its figures."""
