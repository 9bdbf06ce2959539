"""What a trained machine decides with its couplings' noise, driven by the very samples of ngspice's decks.

    python benchmarks/spice_accuracy.py digits.tnl 28 kept.json
    python benchmarks/spice_paths.py digits.tnl 50 kept.json

The decks of spice_accuracy.py in NumPy, RK4 within a noise step: as many images as are asked for, and how
many of those kept ngspice decided as rightly or wrongly.
"""

import json
import sys
from pathlib import Path

import numpy as np
from joined_noise import Machine

from compiler.formats.spice.options import DeckOptions
from compiler.formats.spice.plan import plan_of
from compiler.formats.spice.powers import cell_spread, excess, source
from compiler.ir.container import load
from hw_models.presets import chosen_device
from thermo.data import load_dataset
from thermo.simulate.langevin.prepare import encode


def main(path: str, images: int, file: Path) -> None:
    net, (x, y) = load(path), load_dataset("digits").part("test")
    device = chosen_device("rc-1fF", input_bits="ideal", output_bits="ideal")
    plan = plan_of(net, DeckOptions(noise="tables", device=device))
    machine = Machine(net, plan.reach)
    bias = machine.driven @ machine.shown(encode(net, x[:images])).T + machine.h
    step = plan.step / plan.scale.time
    count = round(machine.end / step) + 1
    tables = [
        [
            cell_spread(plan, i)
            * np.sqrt(source(plan, i) + excess(plan, i))
            * np.random.default_rng((1 + k, i)).standard_normal(count)
            for k in range(images)
        ]
        for i in plan.dynamic.tolist()
    ]
    samples = list(net.mobility / plan.scale.current * np.moveaxis(np.array(tables), 2, 0))
    right = machine.joined(bias, step, samples).argmax(axis=0) == y[:images]
    kept = np.array(json.loads(file.read_text()))[:images, 1] if file.exists() else np.zeros(0)
    same = int((right[: len(kept)] == (kept > 0.5)).sum())
    print(f"{images} images: {100 * right.mean():.1f} % right; {same} of {len(kept)} as in ngspice")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
