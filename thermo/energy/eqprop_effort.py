"""What a training asked of its device, and what that costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.oscillator import OscillatorNetwork
from compiler.families.resistive import ResistiveNetwork, conductance_unit
from compiler.ir.langevin import LangevinNetlist
from hw_models.device import Device
from hw_models.weights import WeightMemory
from thermo.data import Dataset
from thermo.energy.digital_training import PRECISIONS, DigitalTraining, digital_training
from thermo.energy.training import (
    MEASURED,
    RelaxationCost,
    TrainingEffort,
    TrainingEnergy,
    measured_relaxation,
    training_energy,
)
from thermo.training.eqprop.config import EqpropConfig
from thermo.training.eqprop.estimators import UNNUDGED

MEASURED_LAYERS = 16  # images that unrolled convolutions are simulated for


def effort_of(trained: Any, dataset: Dataset) -> TrainingEffort:
    """Counts of a training.

    trained : a thermo.training.loop.Trained of a network with layers

    A training step by nudges reads every unit in each phase that its update compares, and does two
    multiply-adds a coupling and image; one by perturbations of couplings reads the outputs alone,
    and writes all couplings for each; one by currents reads the outputs, and all units once. A
    complex nudge is a pair of conjugate ones; copies of a shared parameter are couplings that are
    written each.
    """
    config: EqpropConfig = trained.config
    sizes = trained.model.sizes
    n = dataset.x_train.shape[0]
    batch = min(config.batch, n)
    copies = 1 if config.device is None else config.device.replicas
    epochs = len(trained.history)
    updates = float(epochs * (n // batch))
    images = updates * batch
    couplings = couplings_of(trained.model)
    products = 2.0 * images * copies * couplings
    rule = UNNUDGED.get(config.estimator)
    if rule is not None:
        free, nudged = images * copies * rule.relaxations(config.directions), 0.0
        writes, reads = rule.writes(config.directions), free * sizes[-1]
        if rule.local:
            reads += images * copies * sum(sizes[1:-1])
        else:
            products = updates * config.directions * couplings
    else:
        free, nudged = images * copies, images * copies * config.phases
        # the phases that updates compare; without an energy, and for du/dbeta, the free states as well
        response = config.rule == "field" or config.estimator == "generalised-cauchy"
        compared = max(2.0, config.phases + (response and config.phases > 1))
        reads = images * copies * compared * sum(sizes[1:])
        writes = 1
    used_free = float(np.mean([h.sweeps_free for h in trained.history]))
    used_nudged = float(np.mean([h.sweeps_nudged for h in trained.history]))
    return TrainingEffort(
        presentations=images,
        free=free,
        nudged=nudged,
        reads=reads,
        products=products,
        writes=updates * copies * couplings * writes,
        sweeps=free * used_free + nudged * used_nudged,
        updates=updates,
    )


def couplings_of(network: Any) -> int:
    """Number of stored couplings, copies of a shared parameter each."""
    if hasattr(network, "shared"):
        some, skips = ([s.row.size for s in shared] for shared in (network.shared(), network.shared_skips()))
        return sum(some) + sum(skips) + (0 if network.backward is None else sum(some[1:]) + sum(skips[1:]))
    arrays = getattr(network, "conductances", None) or network.weights
    backward = getattr(network, "backward", None) or ()
    return sum(a.size for a in (*arrays, *backward))


def unpriced(network: Any) -> str:
    """Why a training of this network has no joules, "" where it has."""
    return "no device preset has phase oscillators" if isinstance(network, OscillatorNetwork) else ""


def energy_of(
    trained: Any,
    dataset: Dataset,
    netlist: LangevinNetlist,
    device: Device,
    memory: WeightMemory,
    *,
    scale: float = 1.0,
) -> TrainingEnergy:
    """Joules of a training: its counts, with the heat of relaxations measured on the trained
    network as `netlist`, validation images. Complex nudges, which no netlist has, take what a free
    relaxation does.

    scale : drive of the netlist's cells per drive of the trained units

    Raises UnsupportedError where no preset is hardware of this kind, see `unpriced`.
    """
    if reason := unpriced(trained.model):
        raise UnsupportedError(f"this training has no joules: {reason}; its effort_of is known")
    if isinstance(trained.model, ResistiveNetwork):
        return resistive_energy_of(trained, dataset, netlist, device, memory)
    config: EqpropConfig = trained.config
    effort = effort_of(trained, dataset)
    last = trained.history[-1]
    share = last.sweeps_nudged / last.sweeps_free if effort.nudged else 0.0
    betas = None if config.nudges is None else tuple(scale * b for b in config.nudges)
    some = slice(0, MEASURED_LAYERS if config.engine == "jax" else MEASURED)
    x, y = dataset.x_valid[some], np.eye(dataset.n_classes)[dataset.y_valid[some]]
    cost = measured_relaxation(netlist, x, y, betas, share=share)
    priced = training_energy(effort, cost, device, memory, sizes=trained.model.sizes)
    return replace(priced, digital=baselines_of(trained.model, effort))


def baselines_of(network: Any, effort: TrainingEffort) -> tuple[DigitalTraining, ...]:
    """The network trained by back-propagation, shown as many images in as many batches.

    Its couplings are the forward ones: back-propagation uses them both ways.
    """
    if hasattr(network, "shared"):
        counts = [s.row.size for s in (*network.shared(), *network.shared_skips())]
    else:
        counts = [a.size for a in getattr(network, "conductances", None) or network.weights]
    images, updates = effort.presentations, effort.updates
    return tuple(
        digital_training(sum(counts), counts[0], presentations=images, updates=updates, precision=p)
        for p in PRECISIONS
    )


def resistive_energy_of(
    trained: Any, dataset: Dataset, netlist: LangevinNetlist, device: Device, memory: WeightMemory
) -> TrainingEnergy:
    """The same of a resistive network, whose currents flow for as long as its sources are on: the
    power sum g (v_i - v_j)^2 at rest of validation images, a volt of the model being the device's
    swing and the netlist's unit of conductance its 1 / R. Resistors are taken as they are written.
    """
    network = trained.model
    effort = effort_of(trained, dataset)
    x = np.asarray(dataset.x_valid[:MEASURED], float)
    layers = [np.hstack([x, -x]) * network.gain, *network.voltages(x)]
    power = 0.0
    for l, g in enumerate(network.conductances):
        a, b = layers[l], layers[l + 1]
        power += (b**2 @ g.sum(axis=1)).mean() + (a**2 @ g.sum(axis=0)).mean()
        power -= 2 * ((b @ g) * a).sum(axis=1).mean()
    scale = 1.0 / conductance_unit(network)
    last = trained.history[-1]
    share = last.sweeps_nudged / last.sweeps_free if effort.nudged else 0.0
    time = netlist.schedule[0].duration
    cost = RelaxationCost(
        0.0,
        0.0,
        time,
        share * time,
        f"power at rest of {x.shape[0]} images, V^2 / R of the swing",
        current=float(power) * scale,
    )
    priced = training_energy(effort, cost, device, memory, sizes=network.sizes)
    return replace(priced, digital=baselines_of(network, effort))
