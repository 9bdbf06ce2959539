"""A network that learns by relaxing: trained, compiled, run; on imperfect devices; its price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from compiler.families.hopfield import lower_hopfield
from compiler.families.store import save_model
from compiler.ir.container import load_langevin, save
from hw_models.imperfect import Imperfections
from hw_models.presets import DEVICES
from hw_models.weights import WEIGHT_MEMORIES
from thermo.data import Dataset
from thermo.demo.part import Drawing, Part, Row, per_cent
from thermo.energy.eqprop_effort import energy_of
from thermo.energy.training import TrainingEnergy, training_keys
from thermo.evaluate import evaluate
from thermo.progress import Progress
from thermo.report.page import Section
from thermo.report.text import si
from thermo.report.training_energy import energy_table
from thermo.studies.instances import Paired, paired
from thermo.training.augmentation import Augmentation
from thermo.training.eqprop.deploy import acting_on, deployed_accuracy
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.presets import eqprop_preset
from thermo.training.eqprop.result import TrainedHopfield
from thermo.training.eqprop.train import train_eqprop

DEVICE, MEMORY = "rc-1fF", "sram-8bit"
SPREAD = 0.3
N_DEVICES = 5
HIDDEN, EPOCHS = 32, 20  # of trainings on devices: small networks feel mismatch most


@dataclass(frozen=True, slots=True)
class _Found:
    """accuracy, there : of the netlist from its file, with ideal couplings and on the device
    devices : first deployed, second in situ
    """

    trained: TrainedHopfield
    accuracy: float | None
    there: float | None
    devices: Paired
    energy: TrainingEnergy


def eqprop_part(
    dataset: Dataset, folder: Path, *, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> Part:
    """Train on a perfect device, run the compiled file; train on imperfect devices; price it."""
    config = replace(eqprop_preset(dataset), seed=seed)
    if epochs is not None:
        config = replace(config, epochs=epochs)
    trained = train_eqprop(dataset, config, threads=threads, progress=progress)
    save_model(trained.model, folder / "eqprop.safetensors")
    save(lower_hopfield(trained.model), folder / "eqprop.tnl")
    netlist = load_langevin(folder / "eqprop.tnl")  # the file, not the object in memory
    answered, _ = evaluate(netlist, dataset, "test", seed=seed, threads=threads)
    there, _ = evaluate(netlist, dataset, "test", seed=seed, threads=threads, device=DEVICE)
    energy = energy_of(trained, dataset, netlist, DEVICES.get(DEVICE), WEIGHT_MEMORIES.get(MEMORY))
    found = _Found(
        trained, answered.accuracy, there.accuracy, _devices(dataset, seed, threads, epochs), energy
    )
    return Part(
        name="relaxing network",
        rows=_rows(found),
        reading=_reading(found),
        sections=(
            Section("A network that learns by relaxing, where it is", ()),
            Section("What training costs", (energy_table(found.energy),)),
        ),
        drawings=(_drawing(found.devices),),
        figures={
            "eqprop": {
                "accuracy": answered.accuracy,
                "on_device": there.accuracy,
                "deployed": found.devices.first,
                "in_situ": found.devices.second,
                **training_keys(energy),
            }
        },
        netlist=folder / "eqprop.tnl",
    )


def _devices(dataset: Dataset, seed: int, threads: int | None, epochs: int | None) -> Paired:
    """Accuracies of a small network on the same devices, deployed and trained there."""
    config = replace(
        eqprop_preset(dataset, [HIDDEN]), epochs=epochs or EPOCHS, augmentation=Augmentation(), seed=seed
    )
    clean = train_eqprop(dataset, config, threads=threads)
    deployed, in_situ = [], []
    for k in range(N_DEVICES):
        device = EqpropDevice(Imperfections(SPREAD, SPREAD), read_bits=8, read_noise=0.01, seed=k)
        there = train_eqprop(dataset, replace(config, device=device), threads=threads)
        options = {"seed": seed, "threads": threads}
        deployed.append(
            deployed_accuracy(acting_on(clean.model, device), dataset, device, **options)  # type: ignore[arg-type]
        )
        in_situ.append(deployed_accuracy(there.acting, dataset, device, **options))  # type: ignore[arg-type]
    return paired(deployed, in_situ)


def _rows(found: _Found) -> tuple[Row, ...]:
    size = "-".join(str(n) for n in found.trained.model.sizes)

    def spread(values: np.ndarray) -> str:
        return f"{100 * values.mean():.1f} ± {100 * values.std(ddof=1):.1f} %"

    where = f"{N_DEVICES} devices with {100 * SPREAD:g} % mismatch and asymmetry"
    first, second = (spread(v) for v in (found.devices.first, found.devices.second))
    return (
        Row(f"cells {size} that learnt by relaxing, kT = 0, ideal couplings", per_cent(found.accuracy)),
        Row(
            f"  the same on {DEVICE}: thermal noise, couplings, converters",
            per_cent(found.there),
            priced=True,
        ),
        Row(f"  {HIDDEN} hidden cells, trained clean, on {where}", first),
        Row("  the same, trained on each of those devices", second),
    )


def _reading(found: _Found) -> str:
    energy, pair = found.energy, found.devices
    largest = max(energy.terms, key=lambda t: t.joules)
    effort, score = energy.effort, per_cent(found.accuracy)
    digital = energy.digital[0]
    return (
        "Cells that settle twice, freely and pulled towards the right answer, learn from the "
        f"difference (equilibrium propagation): {score} of the digits, compiled and run at kT = 0. "
        f"On devices with {100 * SPREAD:g} % of mismatch and asymmetry, which "
        "nobody measured, a small network trained in place scores "
        f"{100 * pair.gain:+.1f} ± {100 * pair.sem:.1f} points against one that was trained clean "
        f"and put there. A training of {effort.relaxations:,.0f} relaxations and "
        f"{effort.writes:,.0f} weight writes would take {si(energy.total, 'J')}, most of it for "
        f"{largest.name.replace('_', ' ')} ({si(largest.joules, 'J')}); the same network and images by "
        f"{digital.name}, at {digital.node} take {si(digital.arithmetic, 'J')} of arithmetic alone."
    )


def _drawing(devices: Paired) -> Drawing:
    groups = [("trained clean, deployed", 100 * devices.first), ("trained in situ", 100 * devices.second)]
    return Drawing(
        "thermo.report.figures:device_spread",
        (groups,),
        "The same devices, drawn once: couplings differ from the programmed ones and "
        "between both directions, states are read with noise and 8 bits. Updates in "
        "situ are computed from those states.",
        f"Accuracies on {N_DEVICES} devices, trained clean and in place.",
        {"score": "test accuracy, %"},
    )
