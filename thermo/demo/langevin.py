"""The Langevin machine on the demo's data: trained for ideal couplings, and for those of a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from compiler.families.langevin import lower_langevin
from compiler.families.mlp import MLP, lower_mlp
from compiler.families.store import save_model
from compiler.ir.container import load_langevin, save
from compiler.ir.langevin import LangevinNetlist
from hw_models.imperfect import Imperfections
from thermo.data import Dataset
from thermo.demo.part import Drawing, Part, Row, per_cent
from thermo.evaluate import Evaluation, evaluate
from thermo.progress import Progress
from thermo.report.page import Section
from thermo.simulate.langevin.run import simulate_langevin
from thermo.studies.instances import accuracy_on_devices
from thermo.training import TrainedMachine, train_mlp, train_pathwise
from thermo.training.langevin.presets import pathwise_preset

NAME, NETLIST = "Langevin machine", "machine.tnl"
DEVICE = "rc-1fF"
MISMATCH = 0.1
N_DEVICES = 10
N_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Ideal:
    """Accuracy of a machine that was trained for ideal couplings, with them and on the device."""

    accuracy: float | None
    there: float | None


@dataclass(frozen=True, slots=True)
class _Found:
    """main : trained for the device, run there from its file, once, and ten times a decision"""

    ideal: Ideal
    trained: TrainedMachine
    main: Evaluation
    ten: Evaluation
    devices: np.ndarray


def ideal_part(
    dataset: Dataset, folder: Path, *, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> Ideal:
    """Train a machine for ideal couplings; run it with them, and on the device."""
    netlist = lower_langevin(_train(dataset, seed, threads, epochs, progress).model)
    options: dict[str, Any] = {"seed": seed, "threads": threads}
    return Ideal(
        evaluate(netlist, dataset, "test", **options)[0].accuracy,
        evaluate(netlist, dataset, "test", device=DEVICE, **options)[0].accuracy,
    )


def langevin_part(
    dataset: Dataset, folder: Path, *, seed: int, threads: int | None, epochs: int | None, progress: Progress
) -> Callable[[Ideal], Part]:
    """Train a machine for the device's couplings and run it there; what makes the part, given what
    ideal_part found. Its file is there before.
    """
    options: dict[str, Any] = {"seed": seed, "threads": threads}
    trained = _train(dataset, seed, threads, epochs, progress, device=DEVICE)
    save_model(trained.model, folder / "machine.safetensors")
    save(lower_langevin(trained.model), folder / NETLIST)
    # what follows runs the file, not the object in memory
    netlist = load_langevin(folder / NETLIST)
    main = evaluate(netlist, dataset, "test", device=DEVICE, **options)[0]
    ten = evaluate(netlist, dataset, "test", device=DEVICE, runs=10, **options)[0]
    devices = accuracy_on_devices(
        netlist,
        dataset,
        Imperfections(mismatch=MISMATCH),
        N_DEVICES,
        device=DEVICE,
        progress=progress,
        **options,
    )
    mlp, mlp_accuracy, lowered = _teacher(dataset, seed, threads)
    decisions = _decisions(dataset, netlist, seed, threads)

    def part(ideal: Ideal) -> Part:
        found = _Found(ideal, trained, main, ten, devices)
        return Part(
            name=NAME,
            rows=_rows(found, mlp, mlp_accuracy, lowered),
            reading=_reading(found),
            sections=(Section("A few decisions", ()),),
            drawings=(decisions,),
            figures={
                "langevin": {
                    "accuracy": found.main.accuracy,
                    "mean_of_10": found.ten.accuracy,
                    "ideal_couplings": found.ideal.accuracy,
                    "trained_for_ideal_couplings": found.ideal.there,
                    "mismatched_devices": found.devices,
                },
                "mlp": {"accuracy": mlp_accuracy, "as_netlist": lowered.accuracy},
            },
            netlist=folder / NETLIST,
        )

    return part


def _train(
    dataset: Dataset, seed: int, threads: int | None, epochs: int | None, progress: Progress, **device: Any
) -> TrainedMachine:
    config = replace(pathwise_preset(dataset, **device), seed=seed)
    if epochs is not None:
        config = replace(config, epochs=epochs)
    return train_pathwise(dataset, config, threads=threads, progress=progress)


def _teacher(dataset: Dataset, seed: int, threads: int | None) -> tuple[MLP, float, Evaluation]:
    """An ordinary network, its accuracy, and the same network as relaxing cells."""
    mlp = train_mlp(dataset, hidden=(32,), activation="tanh", epochs=200, seed=seed).model
    x, y = dataset.part("test")
    accuracy = float(np.mean(mlp.predictions(x) == y))
    lowered, _ = evaluate(lower_mlp(mlp), dataset, "test", threads=threads, heat=False)
    return mlp, accuracy, lowered


def _rows(found: _Found, mlp: MLP, mlp_accuracy: float, lowered: Evaluation) -> tuple[Row, ...]:
    spread = f"{100 * found.devices.mean():.1f} ± {100 * found.devices.std(ddof=1):.1f} %"
    size = "-".join(str(s) for s in mlp.sizes)
    cells = found.trained.model.n_cells
    return (
        Row(f"ordinary network {size}", per_cent(mlp_accuracy)),
        Row("  the same, compiled to relaxing cells, kT = 0", per_cent(lowered.accuracy)),
        Row(f"Langevin machine, {cells} noisy cells, ideal couplings", per_cent(found.ideal.accuracy)),
        Row(f"  the same with the couplings of {DEVICE}: noise, range", per_cent(found.ideal.there)),
        Row(
            f"  trained for {DEVICE}, run there, answer after answer",
            per_cent(found.main.accuracy),
            priced=True,
        ),
        Row("    from a fresh start, mean of 10 runs", per_cent(found.ten.accuracy)),
        Row(f"    on {N_DEVICES} devices with {100 * MISMATCH:.0f} % mismatched couplings", spread),
    )


def _reading(found: _Found) -> str:
    return (
        f"With couplings that cost and disturb nothing a machine of noisy cells reads "
        f"{per_cent(found.ideal.accuracy)} of the digits. Couplings are made of transistors: with the "
        f"noise and the range that those of {DEVICE} have, the same machine reads "
        f"{per_cent(found.ideal.there)}. Trained with that noise it reads "
        f"{per_cent(found.main.accuracy)} from a fresh start, one run a decision; the accuracy beside its "
        "joules is that of answers which each start from the reset after the one before."
    )


def _decisions(dataset: Dataset, netlist: LangevinNetlist, seed: int, threads: int | None) -> Drawing:
    x, y = dataset.part("test")
    first = [int(np.flatnonzero(y == k)[0]) for k in range(min(N_SHOWN, dataset.n_classes))]
    steps = round(netlist.schedule[0].duration / netlist.dt)
    observe = netlist.dt * np.linspace(1, steps, min(steps, 100)).round()
    shown = simulate_langevin(
        netlist, x[first], observe=observe, seed=seed, threads=threads, heat=False, device=DEVICE
    )
    names = [dataset.labels[k] for k in y[first]]
    return Drawing(
        "thermo.report.figures:output_trajectories",
        (shown.times, shown.outputs[:, :, 0], dataset.labels, names),
        f"Output cells of single noisy runs on {DEVICE}; the cell of the true class is red. The answer is "
        "the largest at the end.",
        f"Voltages of the output cells against time for images of {', '.join(str(n) for n in names)}.",
    )
