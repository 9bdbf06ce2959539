"""Named devices. Where nothing is published the figure is marked assumed: change it for yours."""

from __future__ import annotations

from dataclasses import replace

from hw_models.device import Device
from hw_models.rc import RCDevice
from hw_models.registry import Registry
from hw_models.source import Quantity, Source

_SWITCH = Source("assumed", "1 fF of gate and wire switched at 0.8 V")
_WALDEN = Source("memory", "Walden figure of merit, 10 fJ a conversion step, 8 bits")
_CONVERTER = Source("memory", "switched-capacitor converter, 8 bits, about 10 fJ a bit")
_UNIT = "pre-silicon sampling unit, energy model of its authors"

_RC_1FF = RCDevice(
    name="rc-1fF",
    summary="1 fF, 1 Mohm cells at 300 K, thermal swing 2.9 mV, optimistic converters on chip",
    capacitance=Quantity(1e-15, "F", Source("assumed", "small metal-insulator-metal capacitor")),
    resistance=Quantity(1e6, "ohm", Source("assumed", "transistor in weak inversion")),
    ambient=Quantity(300.0, "K", Source("assumed", "room temperature")),
    swing=Quantity(0.1, "V", Source("assumed", "well above offset and noise")),
    input_bits=Quantity(8, "bit", Source("assumed", "as the images")),
    input_energy=Quantity(10e-15, "J/bit", _CONVERTER),
    output_bits=Quantity(8, "bit", Source("assumed", "enough to rank the outputs")),
    output_energy=Quantity(10e-15 * 256, "J", _WALDEN),
    clock_energy=Quantity(1e-15 * 0.8**2, "J", _SWITCH),
    static_power=Quantity(1e-9 * 0.8, "W", Source("assumed", "1 nA a cell at 0.8 V")),
    converter_time=Quantity(20e-9, "s", Source("assumed", "8-bit converter at 50 MS/s")),
)

_RC_1PF = replace(
    _RC_1FF,
    name="rc-1pF",
    summary="1 pF, 10 kohm cells at 300 K, thermal swing 91 uV: easy to match, hard to read",
    capacitance=Quantity(1e-12, "F", Source("assumed", "board-level or large on-chip capacitor")),
    resistance=Quantity(1e4, "ohm", Source("assumed", "poly resistor")),
)

_SAMPLING_UNIT = replace(
    _RC_1FF,
    name="rc-sampling-unit",
    summary="rc-1fF with the read and write energies published for a pre-silicon sampling unit",
    input_energy=Quantity(153.6e-12, "J/bit", Source("second-hand", _UNIT, "write per bit")),
    output_energy=Quantity(8 * 1.692e-12, "J", Source("second-hand", _UNIT, "8 bits, read per bit")),
)

DEVICES: Registry[Device] = Registry("device", [(d.name, d) for d in (_RC_1FF, _RC_1PF, _SAMPLING_UNIT)])
