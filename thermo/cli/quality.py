"""thermoc quality: how good the images are that a machine draws."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from compiler.files import check_writable, replacing
from compiler.formats.detect import read_model_or_netlist
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, DATA_DIR, SEED, THREADS, Given, with_flags
from thermo.options import Option
from thermo.quality.bits import as_bits
from thermo.quality.draw import draw_images
from thermo.quality.errors import QualityError
from thermo.quality.measure import held_out, independent_pixels, measure, quality_rows, scale_of
from thermo.quality.reader import load_reader
from thermo.report.figures import sample_grid, save_png
from thermo.report.page import Table
from thermo.report.text import text_table

SHOWN = 100  # images in each panel of the picture
DRAWN = 2_000  # the distance of fewer images is larger, so that all sources have as many


@with_flags(
    Option("reader", "--reader", Path, ..., "Classifier of `thermoc train reader` (.safetensors)."),
    Option("digest", "--digest", str, None, "Beginning of the digest that the reader must have."),
    Option("data", "--data", str, "digits", "Data set that the machine was trained on."),
    DATA_DIR,
    Option(
        "samples",
        "--samples",
        int,
        None,
        f"Images drawn (none: as many as there are test images, at most {DRAWN:,}).",
        min=10,
        short="-n",
    ),
    Option("sweeps", "--sweeps", int, None, "Of a model's sampler (none: its own).", min=1),
    Option("picture", "--picture", Path, None, "Write images beside data here (.png)."),
    SEED,
    THREADS,
    AS_JSON,
)
def quality(
    source: Annotated[Path, typer.Argument(help="Model that generates (.safetensors) or netlist (.tnl).")],
    given: Given,
) -> None:
    """Draw images and measure how near they are to the data, in the features of a small classifier.

    Fréchet distance, precision and recall are those of its features, not of Inception's. Beside the images
    stand test images, the floor, and images whose pixels are drawn one by one, the ceiling. What makes bits
    is compared with bits of the data.

    Example: thermoc quality chain.safetensors --data mnist --reader reader.safetensors --picture grid.png
    """
    if given["picture"] is not None:
        check_writable(given["picture"])
    machine = read_model_or_netlist(source)
    reader = load_reader(given["reader"], given["digest"])
    dataset = told_dataset(given["data"], given["data_dir"])
    n = given["samples"] or max(10, min(DRAWN, dataset.x_test.shape[0]))
    drawn = draw_images(
        machine,
        n,
        sweeps=given["sweeps"],
        seed=given["seed"],
        threads=given["threads"],
        progress=BarProgress(),
    )
    if drawn.images.shape[1] != dataset.n_features:
        raise QualityError(
            f"quality: {source} draws {drawn.images.shape[1]} pixels, images of {dataset.name} have "
            f"{dataset.n_features}; name its data set by --data"
        )
    if drawn.bits:
        dataset = as_bits(dataset, drawn.threshold)
    images = (
        ("drawn", drawn.images),
        ("test images", held_out(dataset, n)),
        ("pixels one by one", independent_pixels(dataset, n, given["seed"])),
    )
    named = [(name, measure(x, dataset, reader)) for name, x in images]
    if given["picture"] is not None:
        if len(dataset.image_shape) != 2:
            raise QualityError(f"--picture needs grey images, {dataset.name} has none; leave it out")
        panels = [("data", dataset.x_train[:SHOWN]), ("drawn", drawn.images[:SHOWN])]
        with replacing(given["picture"]) as beside:
            save_png(sample_grid(panels, dataset.image_shape), str(beside))
    heat = drawn.heat_kT
    text = text_table(Table(*quality_rows(named), tuple(range(1, 10)), scale_of(named[0][1])))
    if heat is not None:
        text += (
            f"\n\nheat of generation: {heat.mean():,.0f} ± {heat.std() / np.sqrt(heat.size):.0f} kT an image"
        )
    emit(
        {
            "data": dataset.name,
            "reader": named[0][1].reader,
            "images": {name: asdict(q) for name, q in named},
            "heat_kT": None if heat is None else float(heat.mean()),
            "picture": given["picture"],
            "manifest": manifest(source=source, reader=given["reader"], seed=given["seed"]),
        },
        given["json"],
        text,
    )
