"""Settings on a device: how large a voltage a unit of x and of the inputs is, and what couplings cost.

A cell's own noise is fixed by its capacitor; what the couplings add grows with sum |W|. Both lose
against a larger voltage for a unit of x, which is a smaller kT in the model's units: C v^2 is what it
costs. Inputs of a larger voltage need smaller couplings for the same drive, and those make less noise
and draw less current. Couplings of finite range bound both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hw_models.device import Device
from thermo.data import Dataset
from thermo.training.langevin.config import PathwiseConfig
from thermo.training.langevin.encoder import fit_encoder

REACH = 2.5
"""Range of couplings, in units of x."""
INPUTS = 1.5
"""Root-mean-square input, in units of x."""
UNBOUND = 0.1  # V, a unit of x where couplings have no range
PRICE = 3e-4  # loss per unit of mean sum |W|


def on_device(config: PathwiseConfig, dataset: Dataset, device: Device) -> PathwiseConfig:
    """The settings of the ideal machine, fitted to what the device's couplings do."""
    couplings = device.couplings
    if couplings.ideal:
        return config
    one = device.units(kT=1.0, mobility=config.mobility, j2=config.j2).voltage
    bound = couplings.linear_range
    voltage = UNBOUND if bound is None else bound.value / REACH
    shift, _ = fit_encoder(dataset.x_train, config.input_shift, config.input_scale)
    spread = float(np.sqrt(np.mean(np.square(dataset.x_train - shift, dtype=np.float64))))
    kT = (one / voltage) ** 2
    return replace(
        config,
        kT=kT,
        input_scale=INPUTS / max(spread, 1e-30),
        coupling_penalty=PRICE,
        heat_penalty=config.heat_penalty * kT / config.kT,  # the same for a unit of energy
    )
