"""Named devices. Where nothing is published the figure is marked assumed: change it for yours."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any

from hw_models.constants import thermal_voltage
from hw_models.converters import ROUNDING, Converter, with_resolution
from hw_models.couplings import COUPLING_TECHNOLOGIES, CouplingTechnology
from hw_models.device import Device
from hw_models.errors import HardwareError
from hw_models.published import ARRAY_READ, ARRAY_WRITE
from hw_models.rc import RCDevice
from hw_models.registry import Registry
from hw_models.source import Quantity, Source, chosen

_SWITCH = Source("assumed", "1 fF of gate and wire switched at 0.8 V")

_DAC = Converter(
    name="input converter",
    bits=chosen(8, "bit", "as the images"),
    noise=chosen(ROUNDING, "step", "rms, as much as rounding adds: half of the error is heat"),
    offset=Quantity(0.5, "step", Source("assumed", "rms from line to line, after calibration")),
    walden=Quantity(10e-15, "J/level", Source("memory", "Walden figure of merit, good 8-bit converters")),
    corner=Quantity(1e8, "Hz", Source("memory", "Murmann's survey of ADCs: energy rises beyond 100 MS/s")),
    cycle=Quantity(2.5e-9, "s/bit", Source("assumed", "a bit a cycle; 8 bits at 50 MS/s")),
    wire=Quantity(0.6e-15, "F/column", Source("assumed", "columns of 3 um, wire of 0.2 fF/um")),
    supply=chosen(0.8, "V", "as the switches", 0.1),
    slope=Quantity(1.3, "V/V", Source("memory", "slope factor n of weak inversion, 1.2 to 1.5"), 1.2, 1.5),
)
_ADC = replace(_DAC, name="output converter", bits=chosen(8, "bit", "enough to rank the outputs"))

_RC_1FF = RCDevice(
    name="rc-1fF",
    summary="1 fF, 1 Mohm cells at 300 K, thermal swing 2.9 mV",
    capacitance=chosen(1e-15, "F", "small metal-insulator-metal capacitor", 0.2),
    resistance=chosen(1e6, "ohm", "transistor in weak inversion, biased to it", 0.3),
    ambient=Quantity(
        300.0, "K", Source("assumed", "room temperature; chips run from 0 to 85 C"), 273.0, 358.0
    ),
    swing=chosen(0.1, "V", "well above offset and noise", 0.1),
    input_converter=_DAC,
    output_converter=_ADC,
    clock_energy=Quantity(1e-15 * 0.8**2, "J", _SWITCH),
    static_power=Quantity(
        0.8 * 1.3 * thermal_voltage() / 1e6, "W", Source("derived", "n V_T / R at 0.8 V, n = 1.3")
    ),
    # as its resistors; a coupling of W = 1 is half a microsiemens
    couplings=COUPLING_TECHNOLOGIES.get("weak-inversion"),
)

_RC_1PF = replace(
    _RC_1FF,
    name="rc-1pF",
    summary="1 pF, 10 kohm cells at 300 K, thermal swing 91 uV: easy to match, hard to read",
    capacitance=chosen(1e-12, "F", "board-level or large on-chip capacitor", 0.2),
    resistance=chosen(1e4, "ohm", "poly resistor", 0.2),
    static_power=Quantity(
        1e-9 * 0.8, "W", Source("assumed", "1 nA a cell at 0.8 V: its resistor draws none")
    ),
    # 50 microsiemens a unit of W is beyond a small transistor in weak inversion, and resistors would
    # run none but symmetric netlists
    couplings=COUPLING_TECHNOLOGIES.get("strong-inversion"),
)

_SAMPLING_UNIT = replace(
    _RC_1FF,
    name="rc-sampling-unit",
    summary="rc-1fF with the read and write energies published for nodes of a pre-silicon p-bit array",
    input_converter=replace(_DAC, stated=ARRAY_WRITE),
    output_converter=replace(_ADC, stated=ARRAY_READ),
)

DEVICES: Registry[Device] = Registry("device", [(d.name, d) for d in (_RC_1FF, _RC_1PF, _SAMPLING_UNIT)])


def chosen_device(
    device: str | Device,
    couplings: str | CouplingTechnology | None = None,
    *,
    input_bits: int | str | None = None,
    output_bits: int | str | None = None,
) -> Device:
    """A device or the preset of that name, its couplings and converters made otherwise if so asked.

    couplings : a technology or its name; input_bits, output_bits : a number, or "ideal"; None: its own

    Raises HardwareError for an unknown name, for a resolution that there is not, and for a device of
    one's own that cannot take them.
    """
    chosen = DEVICES.get(device) if isinstance(device, str) else device
    technology = COUPLING_TECHNOLOGIES.get(couplings) if isinstance(couplings, str) else couplings
    changed: dict[str, Any] = {
        "couplings": chosen.couplings if technology is None else technology,
        "input_converter": with_resolution(chosen.input_converter, input_bits, "input_bits"),
        "output_converter": with_resolution(chosen.output_converter, output_bits, "output_bits"),
    }
    changed = {name: part for name, part in changed.items() if part != getattr(chosen, name)}
    if not changed:
        return chosen
    if not is_dataclass(chosen):
        raise HardwareError(f"device {chosen.name}: its {' and '.join(changed)} cannot be replaced")
    return replace(chosen, **changed)  # type: ignore[no-any-return]
