"""200 measured cells become a device, and the device a yield curve."""

import csv

import numpy as np

from compiler import lower_langevin, save
from hw_models import device_of_cells, save_device
from thermo.cli.main import main
from thermo.data import load_dataset
from thermo.training import train_pathwise
from thermo.training.langevin.presets import pathwise_preset

# Made up, in place of your own: ten conductances asked for, twenty cells each.
rng = np.random.default_rng(0)
target = np.repeat(np.linspace(0.0, 20.0, 10), 20)
measured = np.maximum(0.97 * target + (0.3 + 0.04 * target) * rng.normal(size=200), 0.0)
with open("cells.csv", "w", newline="") as file:
    csv.writer(file).writerows([("target_uS", "measured_uS"), *zip(target, measured, strict=True)])

# A machine to run on them.
net = lower_langevin(train_pathwise(load_dataset("digits"), pathwise_preset(load_dataset("digits"))).model)
save(net, "net.tnl")

# The device, as a file.
mine = device_of_cells("cells.csv", "mine", "made up, 200 cells", couplings="ideal")
save_device(mine, "mine.toml")

# The yield, on the command line: thermoc study devices net.tnl --data digits --device mine.toml -o yield
line = "study devices net.tnl --data digits --device mine.toml --devices 20 --limit 100 -o yield"
main([*line.split(), "--strength", "0.5,1,2,4"])
