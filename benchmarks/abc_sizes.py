"""Sizes by ABC and yosys for the other scripts: gates with free inverters, AIG nodes, tables."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("abc", "berkeley-abc", "yosys-abc")
# all gates of two inputs cost one, inverters and buffers nothing
GENLIB = """GATE zero 0 O=CONST0;
GATE one 0 O=CONST1;
GATE inv 0 O=!a; PIN * INV 1 999 0 0 0 0
GATE buf 0 O=a; PIN * NONINV 1 999 0 0 0 0
GATE and2 1 O=a*b; PIN * NONINV 1 999 1 0 1 0
GATE nand2 1 O=!(a*b); PIN * INV 1 999 1 0 1 0
GATE or2 1 O=a+b; PIN * NONINV 1 999 1 0 1 0
GATE nor2 1 O=!(a+b); PIN * INV 1 999 1 0 1 0
GATE andn 1 O=a*!b; PIN * UNKNOWN 1 999 1 0 1 0
GATE orn 1 O=a+!b; PIN * UNKNOWN 1 999 1 0 1 0
GATE xor2 1 O=a*!b+!a*b; PIN * UNKNOWN 1 999 1 0 1 0
GATE xnor2 1 O=a*b+!a*!b; PIN * UNKNOWN 1 999 1 0 1 0
"""
# as in ABC's own abc.rc, whose aliases Debian's package lacks
RESYN2 = "balance; rewrite; refactor; balance; rewrite; rewrite -z; balance; refactor -z; rewrite -z; balance"
COMPRESS2RS = (
    "balance -l; resub -K 6 -l; rewrite -l; resub -K 6 -N 2 -l; refactor -l; resub -K 8 -l; "
    "balance -l; resub -K 8 -N 2 -l; rewrite -l; resub -K 10 -l; rewrite -z -l; "
    "resub -K 10 -N 2 -l; balance -l; resub -K 12 -l; refactor -z -l; resub -K 12 -N 2 -l; "
    "rewrite -z -l; balance -l"
)
SCRIPTS = {
    "map": "strash; map -a",
    "dc2; dc2; map": "strash; dc2; dc2; map -a",
    "resyn2; map": f"strash; {RESYN2}; map -a",
    "compress2rs; map": f"strash; {COMPRESS2RS}; map -a",
    "dch; map": "strash; ifraig; dch; map -a",
    "dch; amap": "strash; ifraig; dch; amap",
    "dch; map; mfs2; dch; map": (
        "strash; ifraig; dc2; dch; map -a; mfs2 -a -W 8 -M 500 -C 5000; strash; dch; map -a"
    ),
}


def program() -> str | None:
    """ABC's name here, if it is installed."""
    return next((p for p in PROGRAMS if shutil.which(p)), None)


def abc_run(script: str, folder: Path) -> str:
    """What ABC prints; the genlib is in `folder`."""
    name = program()
    assert name is not None
    library = folder / "gates.genlib"
    library.write_text(GENLIB)
    done = subprocess.run(
        [name, "-q", f"read_genlib {library}; {script}; print_stats"],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    return done.stdout


def abc_gates(path: Path, script: str, folder: Path) -> int | None:
    """Gates of two inputs after mapping, inverters free; None if the script failed."""
    found = re.findall(r"area = *([\d.]+)", abc_run(f"read {path}; {script}", folder))
    return round(float(found[-1])) if found else None


def abc_ands(path: Path, script: str, folder: Path) -> int | None:
    """And-nodes after a script."""
    found = re.findall(r"and = *(\d+)", abc_run(f"read {path}; strash; {script}", folder))
    return int(found[-1]) if found else None


def abc_tables(path: Path, script: str, folder: Path) -> tuple[int, int] | None:
    """(tables, depth) after a script that ends in `if -K`."""
    found = re.findall(r"nd = *(\d+).*?lev = *(\d+)", abc_run(f"read {path}; strash; {script}", folder))
    return (int(found[-1][0]), int(found[-1][1])) if found else None


def yosys_gates(path: Path, folder: Path) -> int | None:
    """Cells after yosys' own script for ABC with all two-input gates, inverters not counted."""
    if shutil.which("yosys") is None:
        return None
    report = folder / "stat.json"
    subprocess.run(
        [
            "yosys",
            "-q",
            "-p",
            f"read_blif {path}; techmap; opt; abc -g gates; opt_clean; tee -q -o {report} stat -json",
        ],
        capture_output=True,
        timeout=1800,
        check=True,
    )
    # not read as JSON: version 0.23 writes a comma too many
    block = report.read_text().split('"num_cells_by_type"')[1].split("}")[0]
    cells = re.findall(r'"(\S+)": *(\d+)', block)
    return sum(int(count) for kind, count in cells if kind not in ("$_NOT_", "$_BUF_"))
