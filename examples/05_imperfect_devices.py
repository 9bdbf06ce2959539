"""Train clean or with mismatch, then meet the same ten mismatched devices."""

from dataclasses import replace

from compiler import lower_langevin
from hw_models.imperfect import Imperfections
from thermo.data import load_dataset
from thermo.studies.instances import accuracy_on_devices, paired
from thermo.training import train_pathwise
from thermo.training.langevin.presets import pathwise_preset

digits = load_dataset("digits")
device = Imperfections(mismatch=0.3)
clean = pathwise_preset(digits)
aware = replace(clean, non_ideal=device)
on_devices = [
    accuracy_on_devices(lower_langevin(train_pathwise(digits, c).model), digits, device, 10)
    for c in (clean, aware)
]
both = paired(*on_devices)
print(f"trained clean:         {100 * both.first.mean():.1f} %")
print(f"trained with mismatch: {100 * both.second.mean():.1f} %")
print(f"gain {100 * both.gain:+.1f} ± {100 * both.sem:.1f} points (paired, p = {both.p:.1e})")
