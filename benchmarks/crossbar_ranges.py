"""How much of what a column gives an output converter of few levels should clip: chosen on validation data.

    python benchmarks/crossbar.py                  trains and saves the two networks
    python benchmarks/crossbar_ranges.py
    python benchmarks/crossbar_ranges.py --data mnist --limit 500 --devices 5

Accuracy in per cent on the validation split, mean and standard error over devices, for shares of currents
beyond the range of c / levels; machine.BEYOND is the c with the best mean at 3 and 4 bits.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from compiler.families.feedforward import on_tiles
from compiler.families.store import load_model
from compiler.ir.tiles import Layout
from thermo.data import load_dataset
from thermo.evaluate import evaluate
from thermo.simulate.tiles import machine

SHARES = (0.0, 0.03, 0.06, 0.125, 0.25, 0.5, 1.0)
BITS = (3, 4, 5, 6, 8)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="digits")
    parser.add_argument("--folder", type=Path, default=Path("."))
    parser.add_argument("--limit", type=int, default=None, help="validation samples")
    parser.add_argument("--devices", type=int, default=20)
    given = parser.parse_args()
    data = load_dataset(given.data)
    print(f"{data.name}: {len(data.x_valid[: given.limit])} validation samples, {given.devices} devices")
    few: dict[float, list[float]] = {c: [] for c in SHARES}
    for name in ("mlp", "cnn"):
        netlist = on_tiles(load_model(given.folder / f"{data.name}-{name}.safetensors"), Layout(64, 64))
        for bits in BITS:
            told = []
            for c in SHARES:
                machine.BEYOND = c
                found = [
                    100
                    * (
                        evaluate(
                            netlist,
                            data,
                            "valid",
                            limit=given.limit,
                            device="tile-ideal",
                            input_bits=bits,
                            output_bits=bits,
                            ir_drop="fast",
                            device_seed=k,
                            seed=k,
                        )[0].accuracy
                        or 0.0
                    )
                    for k in range(given.devices)
                ]
                told.append(f"{np.mean(found):.2f} ± {np.std(found, ddof=1) / np.sqrt(given.devices):.2f}")
                if bits < 5:
                    few[c].append(float(np.mean(found)))
            print(f"  {name}, {bits} bits, c = {SHARES}: {'; '.join(told)}", flush=True)
    print("  mean at 3 and 4 bits: " + "; ".join(f"{c:g}: {np.mean(v):.2f}" for c, v in few.items()))


if __name__ == "__main__":
    main()
