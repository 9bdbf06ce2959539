"""Delay and area of mapped circuits: OpenSTA, our tables, one figure a cell.

    python benchmarks/cell_timing.py FILE.lib CIRCUIT... [--preset NAME]

Every circuit is mapped for area to the Liberty file's cells (with a preset: to those that it holds), and
the same netlist is asked about: OpenSTA with the file, our timing with the file's tables, with one delay a
cell, and with the preset's figures. ns, and each over OpenSTA's.
"""

import argparse
from dataclasses import replace

from compiler.api import to_netlist
from compiler.cell_counts import cell_area
from compiler.cell_timing import path_delay
from compiler.mapped import best_mapping, shapes
from compiler.opensta import ask_opensta
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.cells import CellLibrary
from hw_models.characterise import load_library


def with_cells(library: CellLibrary, names: list[str]) -> CellLibrary:
    """The library with these cells alone, in this order."""
    return replace(library, cells=tuple(library.cell(name) for name in names))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("liberty")
    parser.add_argument("circuits", nargs="+")
    parser.add_argument("--preset")
    asked = parser.parse_args()
    library, preset = load_library(asked.liberty), None
    if asked.preset:
        preset = CELL_LIBRARIES.get(asked.preset)
        library = with_cells(library, [cell.name for cell in preset.cells])
    single = replace(library, cells=tuple(replace(cell, timing=None) for cell in library.cells))
    names = ["OpenSTA", "tables", "one figure"] + (["preset"] if preset else [])
    print(f"{'circuit':28}{'cells':>8}", *(f"{name:>16}" for name in names), f"{'area':>8}")
    for path in asked.circuits:
        circuit = best_mapping(shapes(to_netlist(path)), library)
        theirs = ask_opensta(circuit, liberty=[asked.liberty])
        assert theirs.delay_s is not None
        ours = [circuit, replace(circuit, library=single)]
        ours += [replace(circuit, library=preset)] if preset else []
        delays = [theirs.delay_s, *(path_delay(one) for one in ours)]
        told = [f"{1e9 * d:9.4f} {d / theirs.delay_s:6.3f}" for d in delays]
        area = cell_area(circuit) / theirs.area_um2
        print(f"{path.split('/')[-1]:28}{len(circuit.names()):8}", *told, f"{area:8.4f}", flush=True)


if __name__ == "__main__":
    main()
