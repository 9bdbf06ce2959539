"""What brings the accuracy back that couplings cost: digits on rc-1fF, trained step by step for it.

python benchmarks/coupling_training.py

Every row is a training of the preset (seed 0, chosen on the validation split), compiled and simulated on the
device with its converters: mean and spread over five noisy runs of the 359 test samples.
"""

from dataclasses import replace

import numpy as np

from compiler.families.langevin import lower_langevin
from thermo.data import load_dataset
from thermo.evaluate import evaluate
from thermo.training import train_pathwise
from thermo.training.langevin.circuit import strengths
from thermo.training.langevin.presets import pathwise_preset

DEVICE = "rc-1fF"
RUNS = 5


def row(name, config, couplings=None):
    machine = train_pathwise(digits, config, threads=1).model
    net = lower_langevin(machine)
    options = {"device": DEVICE, "couplings": couplings, "threads": 1}
    found = [100 * evaluate(net, digits, "test", seed=s, **options)[0].accuracy for s in range(RUNS)]
    strength = strengths(machine.w_in, machine.coupling).mean()
    print(
        f"{name:52} {np.mean(found):6.2f} ± {np.std(found, ddof=1):.2f} %   "
        f"kT {config.kT:<8.3g} sum |W| {strength:.0f}",
        flush=True,
    )


digits = load_dataset("digits")
ideal = pathwise_preset(digits)
whole = pathwise_preset(digits, device=DEVICE)
print("weak inversion, the device's own couplings")
row("trained for the ideal equation", ideal)
row("trained with their noise and range", replace(ideal, device=DEVICE))
row("and a larger swing (kT in the machine's units)", replace(whole, input_scale=None))
row("and larger inputs on smaller couplings: the preset", whole)
for seed in (1, 2):
    row(f"the preset, seed {seed}", replace(whole, seed=seed))
print("other couplings, their presets")
for name in ("strong-inversion", "crossbar", "resistor", "switched-capacitor"):
    row(name, pathwise_preset(digits, device=DEVICE, couplings=name), name)
