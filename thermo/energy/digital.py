"""The digital designs that are always tried, strong ones: what a machine must beat.

    hard-wired    linear classifiers and networks with constant weights as circuits, priced by our own
                  gate flow: int8, int4, powers of two, ternary, binary; inputs of one bit upwards
    streaming     the same arithmetic with weights from a memory, at 45 and 7 nm
    int8 networks growing until one is as accurate (thermo.energy.baselines)
    gates         the product's own networks of two-input gates, class sums and decision included

All are trained on the same images, chosen on the validation split and measured once. What was measured
is kept in the user's cache, a file a design, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from compiler.families.logic import LogicNetwork, lower_logic
from compiler.files import replacing
from compiler.jit import compiled
from hw_models.cell_presets import CELL_LIBRARIES
from hw_models.frozen import Frozen
from thermo.data import Dataset
from thermo.energy.baselines import WIDTHS, Baseline
from thermo.energy.gate_samples import dataset_samples
from thermo.energy.gates import estimate_gates
from thermo.energy.kept import kept_folder
from thermo.energy.kept_baselines import cached_baselines
from thermo.energy.ledger import Design
from thermo.energy.measured import MeasuredDesign
from thermo.energy.wired import Recipe, measure_wired
from thermo.progress import NullProgress, Progress
from thermo.training.logic import logic_preset, train_logic

LIBRARIES = ("nangate45", "asap7")
"""One cell library a node."""
VERSION = "digital-4"
"""Folder of the cache: another one when what is measured changes."""
LARGE = 10_000
"""Training images from which a data set has the recipes of large ones."""


def recipes(dataset: Dataset) -> tuple[Recipe, ...]:
    """Classifiers to try, the cheap ones first."""
    exact, large = exact_top(dataset), dataset.x_train.shape[0] >= LARGE
    tops = [top for top in (1, 3, 7) if top < exact] + [exact if exact <= 16 else 15]
    if large:  # many inputs of few bits each: more bits no longer help, and cost minutes to map
        tops = tops[:2]
    few = tops[:2]
    found = [Recipe((), precision, top) for precision in ("binary", "ternary") for top in few]
    found += [Recipe((), "powers", top) for top in tops]
    found += [Recipe((), "int4", tops[-1]), Recipe((), "rounded int8", tops[-1])]
    widths = (32, 64) if large else (16, 32)
    found += [Recipe((width,), "ternary", few[-1], 2) for width in widths]
    found += [Recipe((widths[-1],), "binary", few[-1], 2)]
    return tuple(found)


def gate_widths(dataset: Dataset) -> tuple[int, ...]:
    """Gates of the networks of gates to try: the preset's number, and fewer."""
    most = sum(logic_preset(dataset).layers)
    return tuple(most // part // dataset.n_classes * dataset.n_classes for part in (16, 8, 4, 2, 1))


def exact_top(dataset: Dataset) -> int:
    """The largest input with which the data's values from 0 to 1 are whole numbers, 255 if none is."""
    values = np.unique(dataset.x_train)
    for top in (1, 3, 7, 15, 16, 31, 63, 127):
        if np.allclose(values * top, np.round(values * top), atol=1e-4):
            return top
    return 255


def unit_range(dataset: Dataset) -> Dataset:
    """The data set with values from 0 to 1, by the range of its training split."""
    low, high = float(dataset.x_train.min()), float(dataset.x_train.max())
    if low >= 0 and high <= 1:
        return dataset
    parts = {
        name: np.clip((getattr(dataset, name) - low) / ((high - low) or 1.0), 0, 1).astype(np.float32)
        for name in ("x_train", "x_valid", "x_test")
    }
    return replace(dataset, **parts)


def measured_designs(
    dataset: Dataset,
    split: str = "test",
    accuracy: float | None = None,
    *,
    wired: bool = True,
    gates: bool = True,
    backwards: bool = False,
    progress: Progress | None = None,
) -> tuple[MeasuredDesign, ...]:
    """Hard-wired classifiers (with `wired`) and networks of gates (with `gates`), from the user's cache or
    measured.

    accuracy : networks of gates grow until one reaches it; None: all of them
    backwards : begin with the last, for a second process that helps a first one
    """
    progress = progress or NullProgress()
    libraries = tuple(CELL_LIBRARIES.get(name) for name in LIBRARIES)
    scaled = unit_range(dataset)
    tasks: list[tuple[str, Callable[[], MeasuredDesign]]] = [
        (
            recipe.name(dataset.n_features, dataset.n_classes),
            partial(measure_wired, scaled, recipe, split, libraries),
        )
        for recipe in (recipes(scaled) if wired else ())
    ]
    if gates:
        tasks += [
            (f"{width} gates", partial(measure_gates, dataset, width, split))
            for width in gate_widths(dataset)
        ]
    if backwards:
        tasks.reverse()
    folder = kept_folder(VERSION, f"{_identity(dataset)}-{split}")
    found = []
    progress.start(len(tasks), "digital designs")
    try:
        for k, (name, measure) in enumerate(tasks):
            path = folder / (name.replace(" ", "_").replace(",", "") + ".json")
            design = _read(path)
            if design is None:
                # small products, the same bits on any machine; so many circuits are worth compiled kernels
                with threadpool_limits(1, user_api="blas"), compiled():
                    design = measure()
                with replacing(path) as beside:
                    beside.write_text(design.to_text())
            found.append(design)
            progress.update(k + 1, f"{name}: {100 * design.accuracy:.2f} %")
            if design.precision is None and accuracy is not None and design.accuracy >= accuracy:
                break
    finally:
        progress.stop()
    return tuple(reversed(found) if backwards else found)


def measure_gates(dataset: Dataset, width: int, split: str) -> MeasuredDesign:
    """Train a network of so many gates in one layer, and measure it in the libraries."""
    config = logic_preset(dataset, layers=(width,), encoder="thermometer")
    network = train_logic(dataset, config).model
    assert isinstance(network, LogicNetwork), "gates of two inputs"
    netlist = lower_logic(network)
    samples = dataset_samples(netlist, dataset, split)
    libraries = tuple(CELL_LIBRARIES.get(name) for name in LIBRARIES)
    got = estimate_gates(netlist, samples, libraries, classes=dataset.labels, luts=False)
    assert got.right is not None
    return MeasuredDesign(
        name=f"{width:,} trained gates",
        sizes=(dataset.n_features, width, dataset.n_classes),
        precision=None,
        input_bits=(),
        split=split,
        right=got.right,
        gates=Frozen({entry.library.name: entry.gates for entry in got.libraries}),
        whole=Frozen({entry.library.name: entry.whole for entry in got.libraries}),
        encoder=Frozen({e.library.name: e.encoder for e in got.libraries if e.encoder is not None}),
    )


def digital_designs(
    dataset: Dataset, split: str = "test", accuracy: float | None = None, progress: Progress | None = None
) -> tuple[Design, ...]:
    """Every digital design that is always tried, for bills and comparisons; () without classes.

    accuracy : int8 networks and networks of gates grow until one reaches it; None: the former are left
        out, and all of the latter are measured
    """
    if not dataset.n_classes:
        return ()
    progress = progress or NullProgress()
    found: list[Design] = []
    for measured in measured_designs(dataset, split, accuracy, progress=progress):
        found += measured.designs()
    if accuracy is not None:
        n = dataset.part(split)[1].shape[0]
        for baseline in cached_baselines(dataset, split, accuracy, progress):
            found += baseline.designs(n, split)
    return tuple(found)


def digital_baselines(
    dataset: Dataset, split: str, accuracy: float, progress: Progress, widths: tuple[int, ...] = WIDTHS
) -> tuple[Baseline, ...]:
    """The same as rows of an estimate: int8 networks from memory, hard-wired classifiers, gates."""
    found = cached_baselines(dataset, split, accuracy, progress, widths)
    for measured in measured_designs(dataset, split, accuracy, progress=progress):
        found += measured.baselines()
    return found


def _identity(dataset: Dataset) -> str:
    """Name and a digest of all samples and labels."""
    digest = hashlib.sha256()
    for part in ("train", "valid", "test"):
        for array in dataset.part(part):
            digest.update(np.ascontiguousarray(array).tobytes())
    return f"{Path(dataset.name).stem}-{digest.hexdigest()[:16]}"


def _read(path: Path) -> MeasuredDesign | None:
    try:
        return MeasuredDesign.from_text(path.read_text())
    except (OSError, ValueError, TypeError, KeyError):
        return None
