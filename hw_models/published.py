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

CHAIN = "arXiv 2510.23972, denoising chain, as retold"
CHAIN_CELL = Quantity(2e-15, "J", Source("second-hand", CHAIN, "E_cell, one update of one cell"))
CHAIN_LAYER = Quantity(1.6e-9, "J", Source("second-hand", CHAIN, "v2: 1.6 T nJ a sample of T layers"))
CHAIN_LAYER_RETOLD = Quantity(1.96e-9, "J", Source("second-hand", CHAIN, "a layer, another retelling"))
CHAIN_SIDE = Quantity(70, "cells", Source("second-hand", CHAIN, "side of the grid of one layer"))

MACHINE = "S. Whitelam, arXiv 2509.15324, as retold"
MACHINE_TOP1 = Quantity(0.917, "share", Source("second-hand", MACHINE, "MNIST, one trajectory"))
MACHINE_TOP2 = Quantity(0.967, "share", Source("second-hand", MACHINE, "MNIST, truth among the two largest"))
MACHINE_HEAT = Quantity(1e5, "kT", Source("second-hand", MACHINE, "a computation, about"))

CLASSIFIER = "Phil. Trans. R. Soc. A 378, 20190163 (2020), single-layer MNIST classifier, 0.18 um"
CLASSIFIER_ENERGY = Quantity(65.74e-12, "J", Source("paper", CLASSIFIER, "abstract: a decision at 0.6 V"))
CLASSIFIER_VOLTAGE = Quantity(0.6, "V", Source("paper", CLASSIFIER, "abstract"))
CLASSIFIER_ACCURACY = Quantity(0.88, "share", Source("paper", CLASSIFIER, "abstract"))
CLASSIFIER_RATE = Quantity(2.37e3, "1/s", Source("paper", CLASSIFIER, "abstract"))
