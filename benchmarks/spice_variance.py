"""Means and variances of what a trained machine reads, in the simulator and in ngspice, over many runs.

    thermoc train langevin --data digits -o d.safetensors
    thermoc compile d.safetensors -o digits.tnl
    python benchmarks/spice_variance.py digits.tnl 10 20 kept

What `thermoc check digits.tnl --with ngspice --data digits --samples 10 --runs 20` compares, one image at a
time: each is kept in a file of the folder, from which a second call goes on.
"""

import sys
from pathlib import Path

import numpy as np

import thermo
from compiler.formats.spice.deck import make_deck
from compiler.ir.container import load
from thermo.data import load_dataset
from thermo.ngspice.figures import moments


def main(path: str, images: int, runs: int, folder: Path) -> None:
    netlist, (x, _) = load(path), load_dataset("digits").part("test")
    folder.mkdir(exist_ok=True)
    for k in range(images):
        file = folder / f"{k}.npz"
        if not file.exists():
            found = thermo.check_with_ngspice(netlist, x[k : k + 1], runs=runs, seed=k * runs)
            np.savez(file, ours=found.outputs[0], theirs=found.theirs[0], seconds=found.spice_seconds)
    kept = [np.load(folder / f"{k}.npz") for k in range(images)]
    ours, theirs = (np.stack([one[side] for one in kept]) for side in ("ours", "theirs"))
    deck = make_deck(netlist)
    lost = netlist.mobility * netlist.kT * deck.step / deck.scale.time * np.eye(ours.shape[2])
    assert netlist.readout is not None
    moving = np.flatnonzero(~netlist.cells.frozen)
    size = np.sqrt(deck.restored[np.searchsorted(moving, netlist.readout.cells)])
    for figure in moments(ours, theirs, lost, size):
        print(f"{figure.name}: {figure.told}")
    ratios = [moments(a[None], b[None], lost, size)[1].theirs for a, b in zip(ours, theirs, strict=True)]
    print("ratio of each image:", " ".join(f"{r:.2f}" for r in ratios))
    print(f"{images} images, {runs} runs each, {sum(float(one['seconds']) for one in kept):.0f} s in ngspice")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
