"""FPGAs that free tools lay circuits out for: what a part is called there, and how many pins it has.

Pins that a design may use: Lattice FPGA-DS-02029 (iCE40 LP and HX), FPGA-DS-02008 (iCE40 UltraPlus) and
FPGA-DS-02012 (ECP5), tables of selection; from memory, so that what nextpnr says of a part counts.
How many tables and registers a part holds is read from nextpnr's own report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hw_models.errors import HardwareError
from hw_models.frozen import Frozen


@dataclass(frozen=True, slots=True)
class Fpga:
    """name : as --fpga has it; family : ice40 or ecp5
    device, package : nextpnr's names; pins : that a design may use; synthesis : options of yosys' synth
    """

    name: str
    family: str
    device: str
    package: str
    pins: int
    synthesis: str = ""


def _all() -> Mapping[str, Fpga]:
    rows = [
        ("ice40", "lp1k", "cm121", 95, "-device lp"),
        ("ice40", "lp8k", "ct256", 206, "-device lp"),
        ("ice40", "hx1k", "tq144", 95, "-device hx"),
        ("ice40", "hx4k", "tq144", 107, "-device hx"),
        ("ice40", "hx8k", "ct256", 206, "-device hx"),
        ("ice40", "up5k", "sg48", 39, "-device u"),
        ("ecp5", "12k", "CABGA256", 197, ""),
        ("ecp5", "25k", "CABGA256", 197, ""),
        ("ecp5", "45k", "CABGA381", 203, ""),
        ("ecp5", "85k", "CABGA756", 365, ""),
    ]
    return Frozen(
        {
            f"{family}-{device}": Fpga(f"{family}-{device}", family, device, package, pins, synthesis)
            for family, device, package, pins, synthesis in rows
        }
    )


FPGAS = _all()


def fpga_named(name: str) -> Fpga:
    """The part; HardwareError with all names for another."""
    if name not in FPGAS:
        raise HardwareError(f"FPGA {name!r} is unknown; there are {', '.join(FPGAS)}")
    return FPGAS[name]
