"""Phase-change memory, as measured on a million cells by IBM and as their aihwkit has it."""

from __future__ import annotations

from hw_models.laws.compensation import Compensation
from hw_models.laws.drift import Drift
from hw_models.laws.law import Law
from hw_models.laws.programming import ProgrammingNoise
from hw_models.laws.read import ReadNoise
from hw_models.source import Quantity, Source, chosen

_AIHWKIT = "aihwkit 1.1.0, PCMLikeNoiseModel, after Joshi et al., Nat. Commun. 11, 2473 (2020)"
_G_MAX = 25.0  # uS, on conductance that the polynomial is told for


def _figure(value: float, unit: str, locator: str) -> Quantity:
    return Quantity(value, unit, Source("code", _AIHWKIT, locator))


_T0 = _figure(20.0, "s", "t_0")

PCM: tuple[Law, ...] = (
    ProgrammingNoise(
        constant=_figure(0.26348 / _G_MAX, "1", "prog_coeff over 25 uS"),
        linear=_figure(1.9650 / _G_MAX, "1", "prog_coeff over 25 uS"),
        quadratic=_figure(-1.1731 / _G_MAX, "1", "prog_coeff over 25 uS"),
    ),
    Drift(
        mean=_figure(0.0244, "1", "generate_drift_coefficients"),
        mean_slope=_figure(-0.0155, "1", "generate_drift_coefficients"),
        mean_low=_figure(0.049, "1", "generate_drift_coefficients"),
        mean_high=_figure(0.1, "1", "generate_drift_coefficients"),
        spread=_figure(-0.0059, "1", "generate_drift_coefficients"),
        spread_slope=_figure(-0.0125, "1", "generate_drift_coefficients"),
        spread_low=_figure(0.008, "1", "generate_drift_coefficients"),
        spread_high=_figure(0.045, "1", "generate_drift_coefficients"),
        t0=_T0,
    ),
    ReadNoise(
        scale=_figure(0.0088, "1", "apply_drift_noise_to_conductance"),
        power=_figure(0.65, "1", "apply_drift_noise_to_conductance"),
        cap=_figure(0.2, "1", "apply_drift_noise_to_conductance"),
        t_read=_figure(250e-9, "s", "t_read"),
        t0=_T0,
    ),
)

COMPENSATION = Compensation(error=chosen(0.0, "1", "a reference read often enough"))
"""Scale by a reference that is known exactly."""
