"""Multiplicative denoising beside ordinary: the same network and budget, signs that stay, measured images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compiler.files import replacing
from compiler.ir.container import save
from thermo.data import DataError, Dataset
from thermo.options import Option
from thermo.progress import Progress
from thermo.quality.measure import Quality, held_out, independent_pixels, measure
from thermo.quality.reader import Reader, load_reader, train_reader
from thermo.report.figures import sample_grid
from thermo.report.page import Table
from thermo.simulate.langevin.run import simulate_langevin
from thermo.studies.records import Point, run_recorded
from thermo.studies.study import WHERE, Findings, Study
from thermo.training.denoising import KINDS, DenoisingConfig, draw, lower_denoiser, train_denoiser

SHOWN = 50  # images of each panel
PANEL = ".npy"  # beside a record: the first images of seed 0
CELLS, NETLIST = "multiplicative, cells", "its netlist, run"


@dataclass(frozen=True, slots=True)
class Trial:
    """samples : drawn; reader : digest of what measures them"""

    seed: int
    samples: int
    reader: str
    training: DenoisingConfig


@dataclass(frozen=True, slots=True)
class DenoisingMeasured:
    """quality : of the images, thermo.quality.measure; crossed : share of weights whose sign is another than
    their cell's, half of which are inhibitory; loss : of the last epoch
    machine : of a network of cells, the same of images that its netlist drew; apart : its mean log weights
        less the model's in standard errors, rms over cells, 1 where both draw from one law
    """

    series: str
    seed: int
    quality: dict[str, Any]
    crossed: float
    loss: float
    seconds: float
    drawing: float
    machine: dict[str, Any] | None = None
    apart: float | None = None


def signs_of(d: int) -> np.ndarray:
    """(d,) +1 and -1 in turn: half of the cells are excitatory."""
    return np.where(np.arange(d) % 2, -1.0, 1.0)


def _measure(
    point: Point, common: tuple[Dataset, Reader], checkpoint: Path, model: Path
) -> DenoisingMeasured:
    dataset, reader = common
    trial: Trial = point.config
    trained = train_denoiser(dataset.x_train, trial.training)
    signs = signs_of(dataset.n_features)
    began = time.perf_counter()
    w = draw(trained, trial.samples, seed=trial.seed, signs=signs)
    spent = time.perf_counter() - began
    images = (signs * w - trial.training.floor).clip(0, 1).astype(np.float32)
    panels, machine, apart = [images[:SHOWN]], None, None
    if trial.training.cells:
        net = lower_denoiser(trained)
        run = simulate_langevin(net, runs=trial.samples, seed=trial.seed, heat=False, threads=1)
        logs = run.run_answers().reshape(images.shape)
        apart = standard_errors_apart(logs, np.log(signs * w))
        made = (np.exp(logs) - trial.training.floor).clip(0, 1).astype(np.float32)
        panels.append(made[:SHOWN])
        machine = asdict(measure(made, dataset, reader))
        if trial.seed == 0:
            save(net, model.with_suffix(".tnl"))
    if trial.seed == 0:
        with replacing(model.with_suffix(PANEL)) as beside, open(beside, "wb") as file:
            np.save(file, np.stack(panels))
    return DenoisingMeasured(
        point.series,
        trial.seed,
        asdict(measure(images, dataset, reader)),
        float(np.mean(signs * w <= 0)),
        trained.losses[-1],
        trained.seconds,
        spent,
        machine,
        apart,
    )


def standard_errors_apart(a: np.ndarray, b: np.ndarray) -> float:
    """Root mean square, over columns, of the difference of means of two samples (n, d) in standard errors."""
    error = (a.var(axis=0, ddof=1) / a.shape[0] + b.var(axis=0, ddof=1) / b.shape[0]).clip(1e-300)
    return float(np.sqrt(np.mean((a.mean(axis=0) - b.mean(axis=0)) ** 2 / error)))


def run_denoising(
    folder: Path,
    *,
    dataset: Dataset,
    reader: Path | None = None,
    epochs: int = 400,
    hidden: int = 256,
    samples: int = 1000,
    n_seeds: int = 5,
    cells: bool = False,
    progress: Progress | None = None,
    executor: Executor | None = None,
) -> Findings:
    """Both kinds at every seed, beside test images and images of independent pixels.

    cells : a third, whose network is one of cells: drawn by the model, and by its netlist on the simulator
    """
    if len(dataset.image_shape) != 2:
        raise DataError(
            f"data set {dataset.name}: has images of shape {dataset.image_shape}; grey ones (height, width) "
            "are measured and shown"
        )
    eye = Reader(train_reader(dataset, progress=progress).model) if reader is None else load_reader(reader)
    points = []
    for kind in KINDS:
        for seed in range(n_seeds):
            training = DenoisingConfig(epochs=epochs, seed=seed, kind=kind, hidden=hidden)
            points.append(Point(kind, Trial(seed, samples, eye.digest, training)))
    for seed in range(n_seeds if cells else 0):
        training = DenoisingConfig(epochs=epochs, seed=seed, hidden=hidden, cells=True)
        points.append(Point(CELLS, Trial(seed, samples, eye.digest, training)))
    measured = run_recorded(
        DenoisingMeasured,
        points,
        dataset,
        folder,
        _measure,
        lambda m: f"{m.series}: Fréchet {m.quality['frechet']:.2f}",
        progress,
        executor,
        common=(dataset, eye),
    )
    beside = [
        ("test images", measure(held_out(dataset, samples), dataset, eye)),
        ("independent pixels", measure(independent_pixels(dataset, samples), dataset, eye)),
    ]
    result = {
        "data": dataset.name,
        "reader": eye.digest,
        "points": [asdict(m) for m in measured],
        "beside": {name: asdict(q) for name, q in beside},
    }
    shown = [("training images", dataset.x_train[:SHOWN])]
    kept = {p.series: folder / f"{p.key(dataset)}{PANEL}" for p in points if p.config.seed == 0}
    for kind, path in kept.items():
        if path.exists():
            shown += zip((kind, NETLIST), np.load(path), strict=False)
    figure = sample_grid(shown, dataset.image_shape)
    return Findings(result, (denoising_table(measured, beside),), {"denoising": figure})


COLUMNS = ("frechet", "precision", "recall", "confident", "balance", "nearest", "diversity")


def denoising_table(measured: Sequence[DenoisingMeasured], beside: Sequence[tuple[str, Quality]]) -> Table:
    """A row a kind: means and standard deviations over seeds; then what they lie between."""
    rows = []
    for kind in dict.fromkeys(m.series for m in measured):
        mine = [m for m in measured if m.series == kind]
        told = [_spread([m.quality[name] for m in mine]) for name in COLUMNS]
        crossed = 100 * np.mean([m.crossed for m in mine])
        spent = np.mean([m.seconds for m in mine])
        rows.append((kind, *told, f"{crossed:.2f}", f"{spent:.0f}", ""))
        run = [m for m in mine if m.machine is not None]
        if run:
            told = [_spread([(m.machine or {})[name] for m in run]) for name in COLUMNS]
            rows.append((NETLIST, *told, "0.00", "", _spread([m.apart or 0.0 for m in run])))
    rows += [(name, *(f"{getattr(q, c):.2f}" for c in COLUMNS), "", "", "") for name, q in beside]
    n, reader = measured[0].quality["n"], measured[0].quality["reader"]
    return Table(
        (
            "denoising",
            "Fréchet",
            "precision",
            "recall",
            "read, p > 0.9",
            "balance",
            "nearest",
            "diversity",
            "signs crossed %",
            "seconds",
            "means apart",
        ),
        tuple(rows),
        tuple(range(1, 11)),
        f"{n:,} images, {len({m.seed for m in measured})} seeds, mean ± standard deviation; the features of "
        f"reader {reader[:12]}, not of Inception; means of a netlist's log weights less the "
        "model's in standard errors",
    )


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f}" + ("" if len(values) < 2 else f" ± {np.std(values, ddof=1):.2f}")


STUDY = Study(
    "denoising",
    """Multiplicative denoising, whose weights keep their signs, beside ordinary denoising.

The same network and budget. Noise multiplies weights (geometric Brownian motion) or is added to them; half of
the cells are inhibitory. Images are measured in the features of a small classifier, trained here or given.

Example: thermoc study denoising --data digits -o runs/denoising""",
    (
        Option("dataset", "--data", str, "digits", "Data set of grey images with classes."),
        Option(
            "reader", "--reader", Path, None, "Classifier of `thermoc train reader` (none: trained here)."
        ),
        Option("epochs", "--epochs", int, 400, "Passes over the training images.", min=1),
        Option("hidden", "--hidden", int, 256, "Units of each of two layers.", min=1),
        Option("samples", "--samples", int, 1000, "Images drawn by each.", min=10),
        Option("n_seeds", "--seeds", int, 5, "Seeds.", min=1),
        Option("cells", "--cells", bool, False, "Also a network that cells make, and its netlist run."),
        *WHERE,
    ),
    run_denoising,
)
