"""Figures of machines that others published, by machine: presets use them, a study reproduces them."""

from __future__ import annotations

from hw_models.source import Quantity, Source

ARRAY = "arXiv 2608.01615, pre-silicon p-bit array (SPICE), as retold"
ARRAY_DEGREE = 16


def _array(value: float, unit: str, locator: str) -> Quantity:
    return Quantity(value, unit, Source("second-hand", ARRAY, locator))


ARRAY_CYCLE = _array(7.09e-15, "J", "Table IV: whole Gibbs cycle of one p-bit at 50 MHz")
ARRAY_READ = _array(1.692e-12, "J", "Table IV: read per node")
ARRAY_WRITE = _array(
    153.6e-12, "J", "Table IV: write per node, which sets all couplings and the bias of a p-bit of degree 16"
)
ARRAY_NODES = _array(269_568, "p-bits", "array, degree 16")
ARRAY_SWEEP = _array(20e-9, "s", "a sweep")
ARRAY_FRAME = _array(25e-6, "s", "a frame")
ARRAY_TIME = _array(7.5e-3, "s", "a reconstruction")
ARRAY_RECONSTRUCTION = _array(0.50e-6, "J", "a reconstruction")
