"""Verilog through yosys and nextpnr to a bitstream, and what their reports say."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.formats.circuits.fpga_verilog import MODULE, Feed
from hw_models.fpgas import Fpga
from thermo.fpga.errors import FpgaError, NoPinError
from thermo.fpga.tools import run_tool

Tell = Callable[[str], None]
TABLES = {"ice40": ("SB_LUT4",), "ecp5": ("LUT4", "TRELLIS_COMB")}
REGISTERS = {"ice40": "SB_DFF", "ecp5": "TRELLIS_FF"}
CELL = {"ice40": "ICESTORM_LC", "ecp5": "TRELLIS_COMB"}
BITSTREAM = {"ice40": f"{MODULE}.bin", "ecp5": f"{MODULE}.bit"}
NO_PIN = re.compile(r"(unable|fail).*plac.*(\$(sb|tr)_io|SB_IO|TRELLIS_IO)'", re.IGNORECASE)
"""What nextpnr says where a package has no pin left."""
PACKER = {"ice40": "icepack", "ecp5": "ecppack"}


@dataclass(frozen=True, slots=True)
class Synthesised:
    """Cells after yosys. tables, registers : of four inputs, and of one bit"""

    tables: int
    registers: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Routed:
    """After nextpnr.

    tables, registers : as Synthesised; cells : places taken, of cells_available (an iCE40's holds a
        table and a register, an ECP5's a table); pins
    f_max_Hz : of the clock, by nextpnr's timing; asked_Hz : what it was asked for
    """

    tables: int
    registers: int
    cells: int
    cells_available: int
    pins: int
    f_max_Hz: float
    asked_Hz: float
    seconds: float


def synthesise(part: Fpga, folder: Path, tell: Tell | None = None) -> Synthesised:
    """Makes netlist.json and netlist.v of top.v in the folder; errors as run_tool.

    netlist.v has single wires: a simulator looks at every reader of a vector when one of its bits changes.
    """
    began = time.perf_counter()
    script = (
        f"read_verilog {MODULE}.v; synth_{part.family} {part.synthesis} -top {MODULE} -json netlist.json; "
        "tee -q -o stat.json stat -json; splitnets; write_verilog -noattr netlist.v"
    )
    run_tool("yosys", ["-p", script], folder, tell)
    cells = cells_of(json.loads(json_part((folder / "stat.json").read_text(encoding="utf-8"))))
    tables = sum(cells.get(name, 0) for name in TABLES[part.family])
    registers = sum(n for name, n in cells.items() if name.startswith(REGISTERS[part.family]))
    return Synthesised(tables, registers, time.perf_counter() - began)


def json_part(text: str) -> str:
    """From the first brace to the last: yosys prints a title around its object."""
    return text[text.index("{") : text.rindex("}") + 1]


def cells_of(stat: Mapping[str, Any]) -> dict[str, int]:
    """Instances by type in yosys' `stat -json`."""
    design = stat.get("design") or next(iter(stat["modules"].values()))
    return {name.lstrip("\\"): int(n) for name, n in design["num_cells_by_type"].items()}


def place_and_route(
    part: Fpga,
    folder: Path,
    *,
    frequency_Hz: float,
    pins: str | None = None,
    package: str | None = None,
    seed: int = 1,
    tell: Tell | None = None,
) -> Routed:
    """Lays netlist.json out, and makes the bitstream.

    pins : text of a file of constraints, PCF or LPF; without one nextpnr chooses pins itself

    Raises FpgaError for what does not fit, NoPinError for a package of too few pins, and as run_tool.
    """
    began = time.perf_counter()
    name = f"nextpnr-{part.family}"
    kind, laid = ("pcf", "asc") if part.family == "ice40" else ("lpf", "textcfg")
    out = f"{MODULE}.asc" if part.family == "ice40" else f"{MODULE}.config"
    arguments = [f"--{part.device}", "--package", package or part.package, "--json", "netlist.json"]
    arguments += [f"--{laid}", out, "--report", "report.json", "--freq", f"{frequency_Hz / 1e6:g}"]
    arguments += ["--timing-allow-fail", "--seed", str(seed), f"--{kind}-allow-unconstrained"]
    if pins is not None:
        (folder / f"pins.{kind}").write_text(pins, encoding="utf-8")
        arguments += [f"--{kind}", f"pins.{kind}"]
    try:
        said = run_tool(name, arguments, folder, tell)
    except FpgaError as error:
        log = folder / f"{name}.log"
        used, there = used_cells(log.read_text(encoding="utf-8") if log.exists() else "", CELL[part.family])
        if used > there > 0:
            raise FpgaError(
                f"the design takes {used:,} logic cells, {part.name} has {there:,}: choose a larger part "
                "with --fpga, or a network of fewer gates"
            ) from None
        if NO_PIN.search(str(error)):
            raise NoPinError(str(error)) from None
        raise error
    run_tool(PACKER[part.family], [out, BITSTREAM[part.family]], folder, tell)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return read_report(part, report, said, frequency_Hz, time.perf_counter() - began)


def used_cells(said: str, cell: str) -> tuple[int, int]:
    """(used, available) by the last line of nextpnr's utilisation that names the cell; zeros without one."""
    found = re.findall(rf"{cell}:\s*(\d+)/\s*(\d+)", said)
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def read_report(
    part: Fpga, report: Mapping[str, Any], said: str, frequency_Hz: float, seconds: float
) -> Routed:
    """Figures of nextpnr's report, and on an iCE40 of what it said of packing.

    Raises FpgaError for a report without a clock.
    """
    used = report["utilization"]
    clocks = report.get("fmax", {})
    if not clocks:
        raise FpgaError(f"nextpnr-{part.family}: its report tells no frequency; is there a path at all?")
    slowest = min(clocks.values(), key=lambda clock: clock["achieved"])
    cell = used[CELL[part.family]]
    if part.family == "ice40":
        packed = [
            int(found[1]) if (found := re.search(rf"(\d+) LCs used as {what}\b", said)) else 0
            for what in ("LUT4 only", "LUT4 and DFF", "DFF only")
        ]
        tables, registers = packed[0] + packed[1], packed[1] + packed[2]
        pins = used.get("SB_IO", {}).get("used", 0)
    else:
        tables, registers = cell["used"], used["TRELLIS_FF"]["used"]
        pins = used.get("TRELLIS_IO", {}).get("used", 0)
    return Routed(
        tables=tables,
        registers=registers,
        cells=cell["used"],
        cells_available=cell["available"],
        pins=pins,
        f_max_Hz=1e6 * slowest["achieved"],
        asked_Hz=frequency_Hz,
        seconds=seconds,
    )


def constraints(f_Hz: float, feed: Feed) -> str:
    """SDC for tools of timing and power: the clock of the module, and edges that its pins keep to."""
    period = 1e9 / f_Hz
    inputs = "valid last data[*]" if feed.words > 1 else "valid data[*]"
    return "\n".join(
        [
            f"create_clock -name clk -period {period:.3f} [get_ports clk]",
            f"set_input_delay 0 -clock clk [get_ports {{{inputs}}}]",
            "set_output_delay 0 -clock clk [all_outputs]",
            "",
        ]
    )
