"""thermoc estimate: joules, seconds and the digital design beside them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import pooch
import typer

from compiler.files import make_folder, replacing
from compiler.ir.container import load_langevin
from hw_models.digital import DigitalEnergy
from hw_models.presets import DEVICES
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.options import AsJson, DataDir, Runs, Seed, Split, Threads
from thermo.data import Dataset, load_dataset
from thermo.energy.baselines import Baseline, measure_baselines
from thermo.energy.cycle import Reset
from thermo.energy.inference import estimate as run
from thermo.evaluate import evaluate
from thermo.report.estimate import estimate_tables
from thermo.report.text import text_table


def estimate(
    net: Annotated[Path, typer.Argument(help="Netlist (.tnl).")],
    data: Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")] = "digits",
    data_dir: DataDir = None,
    split: Split = "test",
    device: Annotated[
        str, typer.Option("--device", help="Hardware preset; `thermoc presets` lists them.")
    ] = "rc-1fF",
    runs: Runs = 1,
    stiffness: Annotated[
        float, typer.Option("--reset-stiffness", help="Well kappa x^2 / 2 that resets the cells.")
    ] = Reset().stiffness,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Estimate accuracy, heat, energy with and without periphery, and latency of one inference.

    Beside them stands the cheapest digital design of at least the same accuracy, trained here.

    Example: thermoc estimate net.tnl --data mnist --device rc-1fF
    """
    preset = DEVICES.get(device)
    netlist = load_langevin(net)
    dataset = load_dataset(data, data_dir)
    progress = BarProgress()
    baselines: tuple[Baseline, ...] = ()
    if dataset.n_classes:
        first, _ = evaluate(netlist, dataset, split, runs=runs, seed=seed, threads=threads)
        assert first.accuracy is not None
        baselines = cached_baselines(dataset, split, first.accuracy, progress)
    result = run(
        netlist, dataset, preset, baselines, split=split, runs=runs, seed=seed,
        reset=Reset(stiffness=stiffness), threads=threads, progress=progress,
    )  # fmt: skip
    text = "\n\n".join(text_table(t) for t in estimate_tables(result))
    emit({**result.to_dict(), "manifest": manifest(net=net, seed=seed)}, as_json, text)


def cached_baselines(
    dataset: Dataset, split: str, accuracy: float, progress: BarProgress
) -> tuple[Baseline, ...]:
    """Baselines from the user's cache if they reach the accuracy, else trained and kept there."""
    key = f"{dataset.name}-{dataset.x_train.shape[0]}x{dataset.n_features}-{split}.json"
    if dataset.name not in ("digits", "mnist", "fashion-mnist", "cifar10"):
        return measure_baselines(dataset, split=split, stop_at=accuracy, progress=progress)
    path = make_folder(Path(pooch.os_cache("thermoc")) / "baselines-2") / key
    try:
        kept = tuple(
            Baseline(
                **{
                    **entry,
                    "sizes": tuple(entry["sizes"]),
                    "energy": DigitalEnergy(**entry["energy"]),
                }
            )
            for entry in json.loads(path.read_text())
        )
    except (OSError, ValueError, TypeError, KeyError):
        kept = ()
    if any(b.accuracy >= accuracy for b in kept):
        return kept
    found = measure_baselines(dataset, split=split, stop_at=accuracy, progress=progress)
    with replacing(path) as beside:
        beside.write_text(json.dumps([asdict(b) for b in found]))
    return found
