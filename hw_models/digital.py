"""Energy of digital arithmetic: what the physics is compared with.

45 nm, 0.9 V figures of M. Horowitz, "Computing's energy problem", ISSCC 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hw_models.errors import HardwareError
from hw_models.source import Quantity, Source

_HOROWITZ = "M. Horowitz, Computing's energy problem, ISSCC 2014, 45 nm 0.9 V"
_PAPER = Source("paper", _HOROWITZ)
_SECOND_HAND = Source("second-hand", _HOROWITZ, "quoted in gist V0XNIHILI/2b6fa61edd4c06d9ffce5551065124c1")
_PJ = 1e-12

FP32_MAC = Quantity(4.6 * _PJ, "J", Source("paper", _HOROWITZ, "fp32 multiply 3.7 + add 0.9 pJ"))
INT8_MAC = Quantity(0.23 * _PJ, "J", Source("second-hand", _HOROWITZ, "int8 multiply 0.2 + add 0.03 pJ"))

SRAM_READ = (
    (8 * 1024, Quantity(10 * _PJ, "J / 64 bit", _PAPER)),
    (32 * 1024, Quantity(20 * _PJ, "J / 64 bit", _SECOND_HAND)),
    (1024 * 1024, Quantity(100 * _PJ, "J / 64 bit", _SECOND_HAND)),
)
"""(capacity in bytes, energy of a 64-bit read), smallest first."""

DRAM_READ = Quantity(
    1300 * _PJ, "J / 64 bit", Source("second-hand", _HOROWITZ, "the lower end of 1300 to 2600 pJ")
)


@dataclass(frozen=True, slots=True)
class DigitalEnergy:
    """Joules of one inference: arithmetic alone, and reading every weight once beside it."""

    macs: int
    arithmetic: float
    weight_memory: float

    @property
    def total(self) -> float:
        return self.arithmetic + self.weight_memory


def weight_read(n_bytes: int) -> Quantity:
    """Energy of a 64-bit read from the smallest memory that holds n_bytes of weights."""
    for capacity, figure in SRAM_READ:
        if n_bytes <= capacity:
            return figure
    return DRAM_READ


def network_energy(layer_sizes: tuple[int, ...], bits: int = 8) -> DigitalEnergy:
    """One forward pass of a dense network, int8 (bits = 8) or fp32 (bits = 32), batch of one.

    layer_sizes : cells of every layer, inputs first
    Activations and control are not counted, which favours the digital side.
    Raises HardwareError for another number of bits or fewer than two layers.
    """
    macs_of = {8: INT8_MAC, 32: FP32_MAC}
    if bits not in macs_of:
        raise HardwareError(f"digital design: bits must be 8 (int8) or 32 (fp32), got {bits}")
    if len(layer_sizes) < 2 or min(layer_sizes) < 1:
        raise HardwareError(
            f"digital design: layer sizes must be two or more numbers >= 1, got {layer_sizes}"
        )
    macs = sum(a * b for a, b in pairwise(layer_sizes))
    mac = macs_of[bits]
    n_bytes = macs * bits // 8
    return DigitalEnergy(macs, macs * mac.value, n_bytes / 8 * weight_read(n_bytes).value)
