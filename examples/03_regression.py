"""One machine learns cos(2 pi z), the task of arXiv 2412.17183."""

from dataclasses import replace

from compiler import lower_langevin
from thermo.data import load_dataset
from thermo.evaluate import evaluate
from thermo.training import train_pathwise
from thermo.training.langevin.presets import pathwise_preset

cosine = load_dataset("cosine")
trained = train_pathwise(cosine, replace(pathwise_preset(cosine), n_hidden=32))
netlist = lower_langevin(trained.model)
for runs in (1, 10, 100):
    figures, _ = evaluate(netlist, cosine, "test", runs=runs)
    print(f"mean of {runs:3d} runs: rms error {figures.rmse:.3f}")
