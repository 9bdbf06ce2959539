"""Energy of digital arithmetic: what the physics is compared with.

45 nm, 0.9 V figures of M. Horowitz, "Computing's energy problem", ISSCC 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hw_models.source import Figure, Source

_HOROWITZ = "M. Horowitz, Computing's energy problem, ISSCC 2014, 45 nm 0.9 V"
_PAPER = Source("paper", _HOROWITZ)
_MEMORY = Source("memory", _HOROWITZ)
_PJ = 1e-12

FP32_MAC = Figure(4.6 * _PJ, "J", Source("paper", _HOROWITZ, "fp32 multiply 3.7 + add 0.9 pJ"))
INT8_MAC = Figure(0.23 * _PJ, "J", Source("memory", _HOROWITZ, "int8 multiply 0.2 + add 0.03 pJ"))

SRAM_READ = (
    (8 * 1024, Figure(10 * _PJ, "J / 64 bit", _PAPER)),
    (32 * 1024, Figure(20 * _PJ, "J / 64 bit", _MEMORY)),
    (1024 * 1024, Figure(100 * _PJ, "J / 64 bit", _MEMORY)),
)
"""(capacity in bytes, energy of a 64-bit read), smallest first."""

DRAM_READ = Figure(1300 * _PJ, "J / 64 bit", _MEMORY)


@dataclass(frozen=True, slots=True)
class DigitalEnergy:
    """Joules of one inference: arithmetic alone, and reading every weight once beside it."""

    macs: int
    arithmetic: float
    weight_memory: float

    @property
    def total(self) -> float:
        return self.arithmetic + self.weight_memory


def weight_read(n_bytes: int) -> Figure:
    """Energy of a 64-bit read from the smallest memory that holds n_bytes of weights."""
    for capacity, figure in SRAM_READ:
        if n_bytes <= capacity:
            return figure
    return DRAM_READ


def network_energy(layer_sizes: tuple[int, ...], bits: int = 8) -> DigitalEnergy:
    """One forward pass of a dense network, int8 (bits = 8) or fp32 (bits = 32), batch of one.

    Activations and control are not counted, which favours the digital side.
    """
    macs = sum(a * b for a, b in pairwise(layer_sizes))
    mac = {8: INT8_MAC, 32: FP32_MAC}[bits]
    n_bytes = macs * bits // 8
    return DigitalEnergy(macs, macs * mac.value, n_bytes / 8 * weight_read(n_bytes).value)
