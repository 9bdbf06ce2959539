"""What a trained machine reads with its couplings' noise, in the simulator and as circuits in ngspice.

    thermoc train langevin --data digits -o d.safetensors
    thermoc compile d.safetensors -o digits.tnl
    python benchmarks/spice_accuracy.py digits.tnl 50 kept.json

One deck an image against 400 runs of ours, on rc-1fF with its couplings' noise and range (weak inversion) and
exact converters. What is done is kept in a file, from which a second call goes on.
"""

import json
import sys
from pathlib import Path

import numpy as np

import thermo
from compiler.ir.container import load
from hw_models.presets import chosen_device
from thermo.data import load_dataset


def main(path: str, images: int, file: Path) -> None:
    netlist, (x, y) = load(path), load_dataset("digits").part("test")
    device = chosen_device("rc-1fF", input_bits="ideal", output_bits="ideal")
    kept = json.loads(file.read_text()) if file.exists() else []
    for k in range(len(kept), images):
        found = thermo.check_with_ngspice(netlist, x[k : k + 1], runs=1, seed=k, device=device)
        ours, theirs = (decided == y[k] for decided in (found.decided, found.theirs_decided))
        kept.append([float(ours.mean()), float(theirs.mean()), found.seconds, found.spice_seconds])
        file.write_text(json.dumps(kept))
    ours, theirs, seconds, spice = np.array(kept).T
    spread = np.sqrt((ours * (1 - ours)).sum()) / len(kept)
    z = (theirs.mean() - ours.mean()) / spread
    print(f"{len(kept)} images: ours {100 * ours.mean():.1f} % right, ngspice {100 * theirs.mean():.1f}")
    print(f"+- {100 * spread:.1f} % (z {z:.2f}); seconds {seconds.sum():.0f} and {spice.sum():.0f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
