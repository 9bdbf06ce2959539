"""Images that a Langevin machine draws, trained on its own short runs: quality, heat, joules."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from compiler.families.store import save_model
from compiler.ir.container import save
from compiler.ir.langevin import LangevinNetlist
from hw_models.device import Device
from hw_models.presets import chosen_device
from thermo.data import Dataset
from thermo.energy.generation import ImageHeat, image_heat, price_image
from thermo.energy.ledger import Price
from thermo.options import Option
from thermo.progress import Progress
from thermo.quality.measure import held_out, independent_pixels, measure, quality_rows, scale_of
from thermo.quality.reader import Reader, load_reader, train_reader
from thermo.report.figures import sample_grid
from thermo.report.page import Table
from thermo.report.text import si
from thermo.simulate.langevin.run import simulate_langevin
from thermo.studies.study import SEED, THREADS, Findings, Study
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.presets import short_run_preset
from thermo.training.ebm.short_run_netlist import CHOSEN, CLAMPED, OFF, lower_short_runs
from thermo.training.ebm.short_runs import as_cells, train_short_runs

SHOWN = 100  # images in each panel of the picture


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """images : (n, n_pixels) clipped to [0, 1]; heat, price : of one; asked : (n,) clamped classes"""

    name: str
    images: np.ndarray
    heat: ImageHeat
    price: Price
    asked: np.ndarray | None = None


def draw(
    name: str,
    netlist: LangevinNetlist,
    n: int,
    device: Device,
    *,
    classes: int = 0,
    seed: int = 0,
    threads: int | None = None,
) -> Drawing:
    """n images of a generator's netlist; classes : of a clamped one, which are asked for in turn."""
    asked = np.arange(n) % classes if classes else None
    given = None if asked is None else np.eye(classes, dtype=np.float32)[asked]
    runs = n if given is None else 1
    run = simulate_langevin(netlist, given, runs=runs, seed=seed, keep_final=True, threads=threads)
    assert run.final is not None and run.heat_by_phase is not None
    heat = image_heat(netlist, run.heat_by_phase[1:].sum(axis=0).ravel(), run.final.reshape(n, -1))
    price = price_image(netlist, heat, float(np.ptp(run.outputs)), device)
    images = run.run_answers().reshape(n, -1).clip(0.0, 1.0).astype(np.float32)
    return Drawing(name, images, heat, price, asked)


def run_images(
    folder: Path,
    *,
    dataset: Dataset,
    reader: Path | None = None,
    hidden: int | None = None,
    gain: float | None = None,
    sweeps: int | None = None,
    clamped: float | None = None,
    epochs: int | None = None,
    batches: int | None = None,
    time: float | None = None,
    turns: bool = False,
    dt: float = 1e-2,
    samples: int = 1000,
    device: str = "rc-1fF",
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Train (or go on), draw with classes off and clamped, measure, price; keeps netlists and reader."""
    if len(dataset.image_shape) != 2:
        raise EbmError(f"data set {dataset.name}: has no grey images (height, width); name one that has")
    array = chosen_device(device)
    asked = {"hidden": hidden, "gain": gain, "sweeps": sweeps, "clamped": clamped}
    config = short_run_preset(dataset, **asked, epochs=epochs, batches=batches, seed=seed)
    lasts = config.time if time is None else time
    if not 0 < dt <= lasts < np.inf:  # before a training that may take hours
        what, value = ("dt", dt) if dt <= 0 or 0 < lasts < np.inf else ("time", lasts)
        raise EbmError(f"generation: {what} must be a number > 0 and dt at most the time, got {value:g}")
    if reader is None:
        read = Reader(train_reader(dataset, seed=seed, progress=progress).model)
        save_model(read.network, folder / "reader.safetensors")
    else:
        read = load_reader(reader)
    trained = train_short_runs(dataset, config, progress=progress, checkpoint=folder / "training.checkpoint")
    drawn = []
    for k, (name, classes) in enumerate(ways(config.clamped)):
        net = lower_short_runs(
            trained.model, time=time, dt=dt, classes=classes, turns=turns, visible_shape=dataset.image_shape
        )
        save(net, folder / f"{name.replace(' ', '-')}.tnl")
        n_asked = dataset.n_classes if classes == CLAMPED else 0
        drawn.append(draw(name, net, samples, array, classes=n_asked, seed=seed + k, threads=threads))
    held = held_out(dataset, samples)
    sources = [
        *((d.name, d.images) for d in drawn),
        ("test images", held),
        ("test images as cells hold them", as_cells(held, config)),
        ("pixels one by one", independent_pixels(dataset, samples, seed)),
    ]
    named = [(name, measure(x, dataset, read)) for name, x in sources]
    right = {
        d.name: float((read.read(d.images)[1].argmax(axis=1) == d.asked).mean())
        for d in drawn
        if d.asked is not None
    }
    result = {
        "data": dataset.name,
        "reader": read.digest,
        "images": {name: asdict(q) for name, q in named},
        "heat_kT": {d.name: asdict(d.heat) for d in drawn},
        "right_class": right,
        "energy_J": {d.name: {**d.price.joules, "total": d.price.total} for d in drawn},
        "latency_s": {d.name: d.price.seconds for d in drawn},
        "device": array.describe(),
        "training_seconds": trained.seconds,
        "config": asdict(config),
    }
    tables = (
        Table(*quality_rows(named), tuple(range(1, 10)), scale_of(named[0][1])),
        energy_table(drawn, right, array.name),
    )
    panels = [("data", dataset.x_train[:SHOWN]), *((d.name, d.images[:SHOWN]) for d in drawn)]
    return Findings(result, tables, {"images": sample_grid(panels, dataset.image_shape)})


def ways(clamped: float) -> tuple[tuple[str, str], ...]:
    """Names and classes of what a machine draws whose share of rows was trained with their class held."""
    off = (("drawn", OFF),) if clamped < 1 else ()
    held = (("drawn by class", CLAMPED), ("class chosen", CHOSEN)) if clamped > 0 else ()
    return (*off, *held)


def energy_table(drawn: list[Drawing], right: dict[str, float], device: str) -> Table:
    """Heat and joules of an image."""
    rows = tuple(
        (
            d.name,
            f"{d.heat.run:,.0f} ± {d.heat.run_sem:.0f}",
            f"{d.heat.cycle:,.0f} ± {d.heat.cycle_sem:.0f}",
            si(d.price.total, "J"),
            si(d.price.joules["physics"], "J"),
            si(d.price.seconds, "s"),
            f"{100 * right[d.name]:.1f} %" if d.name in right else "",
        )
        for d in drawn
    )
    heads = ("images", "heat, kT", "of the cycle", f"an image, {device}", "physics", "time", "class as asked")
    return Table(heads, rows, tuple(range(1, 7)))


STUDY = Study(
    "images",
    """A generative Langevin machine trained on its own short runs from noise: whole images.

Quality in the features of a reader (not Inception's), heat, and joules on a device; with classes off and with
one clamped. A study of one point: its training runs here, and interrupted goes on from what is in the folder.

Example: thermoc study images --data mnist --reader reader.safetensors -o runs/images""",
    (
        Option("dataset", "--data", str, "digits", "Data set of grey images."),
        Option("reader", "--reader", Path, None, "Of `thermoc train reader` (none: trained here)."),
        Option("hidden", "--hidden", int, None, "Hidden cells.", min=1),
        Option("gain", "--gain", float, None, "Force on a visible cell for white, minus it for black."),
        Option("sweeps", "--sweeps", int, None, "Of the runs in training.", min=1),
        Option("clamped", "--clamped", float, None, "Share of training rows with their class.", min=0, max=1),
        Option("epochs", "--epochs", int, None, "", min=1),
        Option("batches", "--batches", int, None, "Of an epoch (none: all).", min=1),
        Option("time", "--time", float, None, "Of the runs, units of a cell (none: as in training).", min=0),
        Option(
            "turns", "--turns", bool, False, "Layers move in turn, the other held, as in training's sweeps."
        ),
        Option("dt", "--dt", float, 1e-2, "Step of the simulation."),
        Option("samples", "--samples", int, 1000, "Images drawn, of each kind.", min=10),
        Option("device", "--device", str, "rc-1fF", "Preset of hardware, or a file.toml."),
        SEED,
        THREADS,
    ),
    run_images,
)
