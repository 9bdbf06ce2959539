"""Mapped circuits, sized and buffered, against ABC's flow with the same Liberty file.

    python benchmarks/sized.py FILE.lib CIRCUIT...

Ours: `best_mapping` by area, and by delay with sizes and buffers. ABC's: the best of `dch` after nothing,
resyn2 and compress2rs, mapped by `map -a` and `amap`, and by delay by `map; topo; buffer -c; upsize; dnsize`,
there also after one, three and seven rounds of its balancing of sums of products, `if -g`.
OpenSTA reads all netlists under the same constraints (inputs change with the library's slew, outputs drive
its load, wires hold nothing): um2, ns, and our figures over ABC's; last our own timing over OpenSTA's, and
our CPU seconds.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from math import exp, log
from pathlib import Path

from abc_sizes import COMPRESS2RS, RESYN2, program

from compiler.api import to_netlist
from compiler.cell_counts import cell_area
from compiler.cell_timing import path_delay
from compiler.formats.circuits.cells_verilog import write_cells_verilog
from compiler.formats.circuits.export import export_circuit
from compiler.formats.circuits.names import title
from compiler.mapped import AGAIN, best_mapping, cell_shapes
from compiler.opensta import StaFigures, ask_about
from hw_models.cells import CellLibrary
from hw_models.characterise import load_library

START = [f"strash; {script}ifraig; dch" for script in ("", f"{RESYN2}; ", f"{COMPRESS2RS}; ")]
AREA = ("map -a", "amap")
BALANCED = [f"strash; {'if -g -K 6; strash; ' * rounds}ifraig; dch" for rounds in (1, 3, 7)]
DELAY = "map; topo; buffer -c; upsize; dnsize"


def abc_verilog(circuit: Path, liberty: Path, script: str, folder: Path) -> str:
    """The netlist that ABC makes."""
    name = program()
    assert name is not None, "ABC is not installed"
    out = folder / "abc.v"
    out.unlink(missing_ok=True)
    line = f"read_lib -w {liberty}; read {circuit}; {script}; write_verilog {out}"
    subprocess.run([name, "-q", line], capture_output=True, timeout=1800, check=True)
    return out.read_text()


def told(verilog: str, top: str, library: CellLibrary, liberty: Path) -> StaFigures:
    return ask_about(verilog, top, library, [liberty])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("liberty", type=Path)
    parser.add_argument("circuits", nargs="+")
    asked = parser.parse_args()
    liberty, library = asked.liberty.resolve(), load_library(str(asked.liberty))
    heads = [f"{head:>20}" for head in ("ours, area", "ABC", "ours, delay", "ABC")]
    print(f"{'':12}", *heads, f"{'area':>7} {'delay':>7} {'STA':>7} {'s':>6}")
    ratios = []
    for path in asked.circuits:
        netlist = to_netlist(path)
        began = time.process_time()
        ours = [
            best_mapping(cell_shapes(netlist, objective=objective), library, objective, again=AGAIN)
            for objective in ("area", "delay")
        ]
        seconds = time.process_time() - began
        seen = [told(write_cells_verilog(m), title(m.subject), library, liberty) for m in ours]
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            export_circuit(netlist, "blif", folder / "c.blif")
            texts = [
                [
                    abc_verilog(folder / "c.blif", liberty, f"{start}; {way}", folder)
                    for start in starts
                    for way in ways
                ]
                for starts, ways in ((START, AREA), (START + BALANCED, (DELAY,)))
            ]
        top = re.search(r"module (\S+)", texts[0][0])
        assert top is not None
        theirs = [[told(text, top[1], library, liberty) for text in made] for made in texts]
        small = min(theirs[0], key=lambda figures: figures.area_um2)
        quick = min(theirs[1], key=lambda figures: figures.delay_s or 0)
        own = path_delay(ours[1]) / (seen[1].delay_s or 1)
        assert abs(cell_area(ours[1]) / seen[1].area_um2 - 1) < 0.01
        ratio = seen[0].area_um2 / small.area_um2, (seen[1].delay_s or 1) / (quick.delay_s or 1)
        ratios.append(ratio)
        four = [seen[0], small, seen[1], quick]
        columns = [f"{f.area_um2:11,.0f} {1e9 * (f.delay_s or 0):8.3f}" for f in four]
        print(
            f"{Path(path).stem:12}",
            *columns,
            f"{ratio[0]:7.3f} {ratio[1]:7.3f} {own:7.3f} {seconds:6.1f}",
            flush=True,
        )
    means = [exp(sum(log(r[k]) for r in ratios) / len(ratios)) for k in (0, 1)]
    print(f"geometric means: area {means[0]:.3f}, delay {means[1]:.3f}")


if __name__ == "__main__":
    main()
