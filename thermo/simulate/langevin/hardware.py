"""The hardware that a run is asked for: a device, its couplings and its converters."""

from __future__ import annotations

from hw_models.couplings import CouplingTechnology
from hw_models.device import Device
from hw_models.presets import chosen_device
from thermo.simulate.errors import SimulationError


def hardware_of(
    device: str | Device | None,
    couplings: str | CouplingTechnology | None,
    input_bits: int | str | None,
    output_bits: int | str | None,
) -> Device | None:
    """The device with couplings and converters as asked for; SimulationError for parts of no device."""
    if device is not None:
        return chosen_device(device, couplings, input_bits=input_bits, output_bits=output_bits)
    if couplings is not None:
        raise SimulationError(
            f"couplings = {getattr(couplings, 'name', couplings)!r} are those of a device: "
            "give a device (--device NAME)"
        )
    for name, bits in (("input_bits", input_bits), ("output_bits", output_bits)):
        if bits is not None:
            raise SimulationError(
                f"{name} = {bits} is the resolution of a device's converters: give a device, too"
            )
    return None
