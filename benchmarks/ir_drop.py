"""Wires of a crossbar tile: exact solver, fast law and ngspice.

    python benchmarks/ir_drop.py

Devices uniform from 0 to 25 uS, 20 inputs uniform from 0 to 1; errors are of a column's current, over the
largest column's.
"""

from __future__ import annotations

import shutil
import time

import numpy as np

from hw_models.ir_drop import Wires, approximate, transfer
from thermo.ngspice.tiles import tile_currents


def main() -> None:
    rng = np.random.default_rng(0)
    print("tile   ohm   drop      fast law's error   over drop^2   seconds: exact, fast")
    for n in (16, 32, 64, 128, 256):
        g, v = 25e-6 * rng.uniform(size=(n, n)), rng.uniform(size=(20, n))
        for ohm in (0.3, 1.0, 3.0):
            wires, times = Wires(ohm, ohm), []
            found = []
            for solve in (transfer, approximate):
                began = time.perf_counter()
                found.append(v @ solve(g, wires))
                times.append(time.perf_counter() - began)
            full = np.abs(v @ g).max()
            drop, error = (float(np.abs(x - found[0]).max() / full) for x in (v @ g, found[1]))
            told = f"{drop:8.2%}   {error:16.1e}   {error / drop**2:11.3f}"
            print(f"{n:4d} {ohm:5.1f} {told}   {times[0]:.3f}, {times[1]:.4f}")
    if shutil.which("ngspice") is None:
        print("ngspice is not installed")
        return
    g, v = 25e-6 * rng.uniform(size=(64, 64)), rng.uniform(size=64)
    for wires in (Wires(1.0, 1.0), Wires(1.0, 1.5, 50.0, 20.0)):
        began = time.perf_counter()
        spice = tile_currents(g, v, wires)
        seconds = time.perf_counter() - began
        error = np.abs(v @ transfer(g, wires) - spice).max() / np.abs(spice).max()
        print(f"64 x 64, {wires}: ngspice differs by {error:.1e}, {seconds:.1f} s")


if __name__ == "__main__":
    main()
