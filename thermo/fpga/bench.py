"""The synthesised netlist simulated on samples, with yosys' models of its cells."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compiler.errors import UnsupportedError
from compiler.formats.circuits.fpga_verilog import Feed, hex_words, word_rows, write_bench
from hw_models.fpgas import Fpga
from thermo.fpga.errors import FpgaError
from thermo.fpga.tools import needed, program_of, run_program, run_tool, yosys_share

SIMULATORS = {"verilator": ("verilator",), "iverilog": ("iverilog", "vvp")}
"""The programs of each."""
FEW = 2_000_000
"""Tables times samples from which on compiling by Verilator pays."""
MODELS = {"ice40": ("cells_sim.v",), "ecp5": ("cells_sim.v", "cells_ff.vh", "cells_io.vh")}
NO_DEFAULTS = "-DNO_ICE40_DEFAULT_ASSIGNMENTS"  # of ports, which simulators refuse


@dataclass(frozen=True, slots=True)
class BenchResult:
    """samples : fed; equal : of them, answers that were expected; differing : the first of the others"""

    simulator: str
    samples: int
    equal: int
    differing: tuple[str, ...]
    seconds: float


def simulator_for(work: int, asked: str | None = None) -> str:
    """Which simulator is used. work : tables times samples

    Raises UnsupportedError for an unknown one, or where none is installed.
    """
    if asked is not None:
        if asked not in SIMULATORS:
            raise UnsupportedError(f"simulator {asked!r} is unknown; there are {', '.join(SIMULATORS)}")
        needed(*SIMULATORS[asked])
        return asked
    there = [name for name, programs in SIMULATORS.items() if all(map(program_of, programs))]
    if not there:
        needed(*SIMULATORS["iverilog"])
    return there[0] if work > FEW else there[-1]


def write_stimuli(folder: Path, feed: Feed, bits: np.ndarray, expected: np.ndarray) -> None:
    """stream.hex and expected.hex. bits : (n, inputs); expected : (n, answer) of 0 and 1"""
    (folder / "stream.hex").write_text(hex_words(word_rows(bits, feed)), encoding="ascii")
    (folder / "expected.hex").write_text(hex_words(expected), encoding="ascii")


def copy_models(part: Fpga, folder: Path) -> None:
    """yosys' models of the family's cells, as cells_sim.v and what it includes."""
    for name in MODELS[part.family]:
        source = yosys_share() / part.family / name
        if source.is_file():
            shutil.copyfile(source, folder / name)


def simulate_netlist(
    feed: Feed, n_samples: int, folder: Path, simulator: str, tell: Callable[[str], None] | None = None
) -> BenchResult:
    """Run bench.v on netlist.v and cells_sim.v; FpgaError for a simulation that does not end as it should."""
    began = time.perf_counter()
    (folder / "bench.v").write_text(write_bench(feed, n_samples), encoding="ascii")
    said = _run(folder, "bench.v", simulator, tell)
    end = re.search(r"^EQUAL (\d+) OF (\d+)", said, re.MULTILINE)
    if end is None:
        raise FpgaError(
            f"{simulator}: the simulation gave no count; {said.strip()[-200:] or 'it says nothing'}"
        )
    differing = tuple(line for line in said.splitlines() if line.startswith("sample "))
    return BenchResult(simulator, int(end[2]), int(end[1]), differing, time.perf_counter() - began)


def record_activity(
    feed: Feed, n_samples: int, folder: Path, tell: Callable[[str], None] | None = None
) -> None:
    """activity.vcd: every signal of the netlist while it is fed the first samples, by iverilog."""
    bench = write_bench(feed, n_samples, vcd="activity.vcd")
    (folder / "activity.v").write_text(bench, encoding="ascii")
    _run(folder, "activity.v", "iverilog", tell)


def _run(folder: Path, bench: str, simulator: str, tell: Callable[[str], None] | None) -> str:
    files = [bench, "netlist.v", "cells_sim.v"]
    if simulator == "iverilog":
        run_tool("iverilog", ["-g2012", NO_DEFAULTS, "-o", "bench.vvp", *files], folder, tell)
        return run_tool("vvp", ["-n", "bench.vvp"], folder, tell)
    flags = ["--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-TIMESCALEMOD"]
    flags += [NO_DEFAULTS, "--top-module", "bench", "-Mdir", "verilated", "-o", "bench"]
    run_tool("verilator", [*flags, "-CFLAGS", "-O1", *files], folder, tell)
    return run_program("bench", [str((folder / "verilated" / "bench").resolve())], folder, tell)
