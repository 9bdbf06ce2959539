"""Train a Langevin machine on the embedded digits, compile it, run it with noise."""

from compiler import lower_langevin, save
from thermo.data import load_dataset
from thermo.evaluate import evaluate
from thermo.training import train_pathwise
from thermo.training.langevin.presets import pathwise_preset

digits = load_dataset("digits")
trained = train_pathwise(digits, pathwise_preset(digits))
netlist = lower_langevin(trained.model)
save(netlist, "digits.tnl")

one, _ = evaluate(netlist, digits, "test")
ten, _ = evaluate(netlist, digits, "test", runs=10)
print(f"one noisy run:   {100 * one.accuracy:.1f} %, heat {one.heat_kT.mean:,.0f} kT")
print(f"mean of ten:     {100 * ten.accuracy:.1f} %, heat {ten.heat_kT.mean:,.0f} kT")
