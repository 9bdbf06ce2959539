"""Named devices, each a file in hw_models/devices, and devices from files of one's own."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, cast

from hw_models.cells_csv import read_cells
from hw_models.converters import with_resolution
from hw_models.couplings import COUPLING_TECHNOLOGIES, CouplingTechnology
from hw_models.crossbar import CrossbarDevice
from hw_models.device import Device
from hw_models.errors import HardwareError
from hw_models.files import PLACES, is_file, load_device, preset_files
from hw_models.imperfect import on_device
from hw_models.ir_drop import Wires
from hw_models.laws.measured import Measured
from hw_models.pbits import PBitDevice
from hw_models.registry import LazyRegistry
from hw_models.rlc import RLCUnit
from hw_models.source import Source, chosen

_CELLS, _PBITS, _TILES, _RLC = (preset_files(place) for place in PLACES)

DEVICES: LazyRegistry[Device] = LazyRegistry("device", _CELLS, lambda name: load_device(_CELLS[name]))
PBITS: LazyRegistry[PBitDevice] = LazyRegistry("p-bit device", _PBITS, lambda name: load_device(_PBITS[name]))
CROSSBARS: LazyRegistry[CrossbarDevice] = LazyRegistry(
    "crossbar device", _TILES, lambda name: load_device(_TILES[name])
)
RLC_UNITS: LazyRegistry[RLCUnit] = LazyRegistry("RLC unit", _RLC, lambda name: load_device(_RLC[name]))

_OTHERS = {PBitDevice: "an array of p-bits", CrossbarDevice: "crossbar tiles", RLCUnit: "an RLC unit"}


def device_of(device: str | Path | Device) -> Device:
    """A device for Langevin cells: itself, the preset of that name, or what is in the file of that name.

    Raises HardwareError for an unknown name, a file that is none (hw_models.files.load_device) and an
    array of p-bits.
    """
    if not isinstance(device, str | Path):
        return device
    if not is_file(device):
        return DEVICES.get(_known(str(device), DEVICES))
    found = load_device(device)
    if type(found) in _OTHERS:
        what = _OTHERS[type(found)]
        raise HardwareError(f"{device}: {what}; Langevin cells need a device of another kind")
    return cast(Device, found)


def pbits_of(device: str | Path | PBitDevice, at: str | float | None = None) -> PBitDevice:
    """An array of p-bits, as `device_of`, at a time since it was programmed, s or "1h"."""
    if at is not None:
        found = pbits_of(device)
        return replace(found, imperfections=on_device(found.imperfections, None, at))
    if not isinstance(device, str | Path):
        return device
    if not is_file(device):
        return PBITS.get(_known(str(device), PBITS))
    found = load_device(device)
    if not isinstance(found, PBitDevice):
        raise HardwareError(f'{device}: a device of another kind; p-bits need one of kind = "p-bit"')
    return found


def crossbar_of(device: str | Path | CrossbarDevice) -> CrossbarDevice:
    """Crossbar tiles, as `device_of`."""
    if not isinstance(device, str | Path):
        return device
    if not is_file(device):
        return CROSSBARS.get(_known(str(device), CROSSBARS))
    found = load_device(device)
    if not isinstance(found, CrossbarDevice):
        raise HardwareError(f'{device}: a device of another kind; tiles need one of kind = "tile"')
    return found


def any_device(device: str | Path) -> Device | PBitDevice | CrossbarDevice:
    """A device of any kind by its preset's name or its file; HardwareError as device_of."""
    if is_file(device):
        found = load_device(device)
        if isinstance(found, RLCUnit):
            raise HardwareError(f"{device}: an RLC unit; simulate an array of them (compiler.families.rlc)")
        return cast("Device | PBitDevice | CrossbarDevice", found)
    name = str(device)
    if name in CROSSBARS.names():
        return CROSSBARS.get(name)
    return PBITS.get(name) if name in PBITS.names() else device_of(name)


def file_read(device: Any) -> Any:
    """What is in a device's file, if this names one; anything else is left as it is.

    Settings hold what they were made of, so that a file that changes is another setting.
    """
    return any_device(device) if isinstance(device, str | Path) and is_file(device) else device


def device_of_cells(
    cells: str | Path,
    name: str,
    ref: str,
    *,
    like: str | Path | Device = "rc-1fF",
    couplings: str | CouplingTechnology | None = None,
    kind: str = "measured",
    locator: str = "",
) -> Device:
    """A device whose couplings are as the measured cells of a CSV file, in place of laws of its own.

    cells : hw_models.cells_csv, for the law hw_models.laws.measured; ref, kind, locator : its source
    like : what else the device is; couplings : what they are made of, None: as of `like`

    Raises HardwareError for a file that is no such table, and as chosen_device.
    """
    base = chosen_device(like, couplings)
    law = Measured(read_cells(cells), Source(kind, ref, locator))
    if not is_dataclass(base):
        raise HardwareError(f"device {base.name}: its laws cannot be replaced")
    made = {"name": name, "summary": f"{base.name} with the cells of {Path(cells).name}"}
    suffers = replace(base.imperfections, laws=(law,))
    return cast(Device, replace(base, **made, imperfections=suffers))  # type: ignore[arg-type]


def _known(name: str, presets: LazyRegistry[Any]) -> str:
    if name not in presets.names():
        names = ", ".join(presets.names())
        raise HardwareError(f"no {presets.kind} {name!r}; choose one of {names}, or give a file.toml")
    return name


def chosen_device(
    device: str | Path | Device,
    couplings: str | CouplingTechnology | None = None,
    *,
    input_bits: int | str | None = None,
    output_bits: int | str | None = None,
    at: str | float | None = None,
) -> Device:
    """A device, its preset's name or its file, with couplings and converters made otherwise if so asked.

    couplings : a technology or its name; input_bits, output_bits : a number, or "ideal"; None: its own
    at : time since it was programmed, s or "1h"; None: its own

    Raises HardwareError as device_of, for a resolution that there is not, and for a device of
    one's own that cannot take them.
    """
    found = device_of(device)
    technology = COUPLING_TECHNOLOGIES.get(couplings) if isinstance(couplings, str) else couplings
    changed: dict[str, Any] = {
        "couplings": found.couplings if technology is None else technology,
        "input_converter": with_resolution(found.input_converter, input_bits, "input_bits"),
        "output_converter": with_resolution(found.output_converter, output_bits, "output_bits"),
        "imperfections": on_device(found.imperfections, None, at),
    }
    changed = {name: part for name, part in changed.items() if part != getattr(found, name)}
    if not changed:
        return found
    if not is_dataclass(found):
        raise HardwareError(f"device {found.name}: its {' and '.join(changed)} cannot be replaced")
    return replace(found, **changed)  # type: ignore[no-any-return]


def chosen_crossbar(
    device: str | Path | CrossbarDevice,
    *,
    input_bits: int | str | None = None,
    output_bits: int | str | None = None,
    wire: float | None = None,
) -> CrossbarDevice:
    """Crossbar tiles, their preset's name or file, with converters and wires made otherwise if so asked.

    input_bits, output_bits : a number, or "ideal"; None: its own
    wire : ohm of a row and of a column from crossing to crossing, None: its own

    Raises HardwareError as crossbar_of, for a resolution and a resistance that there is not.
    """
    found = crossbar_of(device)
    if wire is not None:
        Wires(wire)  # raises for what is no resistance
        asked = chosen(wire, "ohm", "as asked for")
        found = replace(found, row=asked, column=asked)
    return replace(
        found,
        input_converter=with_resolution(found.input_converter, input_bits, "input_bits"),
        output_converter=with_resolution(found.output_converter, output_bits, "output_bits"),
    )
