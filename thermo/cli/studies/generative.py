"""thermoc study generative: a machine that runs noising backwards."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from compiler import save
from compiler.files import make_folder, replacing
from thermo.cli.console import BarProgress, notes
from thermo.cli.options import AsJson, DataDir, Seed, Threads
from thermo.cli.studies.eqprop import finish
from thermo.data import load_dataset
from thermo.report.ebm_figures import sample_grid
from thermo.report.figures import save_png
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.studies.generative import GenerativeStudy, generative_study
from thermo.training.ebm.errors import EbmError
from thermo.training.ebm.reverse_path import ReversePathConfig

SHOWN = 50  # images in each panel of the picture


def generative(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for netlist, figure, table.")],
    data: Annotated[str, typer.Option("--data", help="Data set of grey images.")] = "digits",
    data_dir: DataDir = None,
    time: Annotated[float, typer.Option("--time", min=0, help="Length of noising and of generation.")] = 1.0,
    hidden: Annotated[
        int, typer.Option("--hidden", min=0, help="Cells driven by random projections of the data.")
    ] = 0,
    kt: Annotated[float, typer.Option("--kT", help="Temperature.")] = 0.1,
    samples: Annotated[int, typer.Option("--samples", min=2, help="Images generated.")] = 2000,
    rows: Annotated[
        int | None, typer.Option("--rows", min=2, help="Train on the first so many rows only.")
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Generative thermodynamic computing: couplings that most probably run noising backwards.

    Least squares gives them exactly; the machine then makes images from noise.

    Example: thermoc study generative --data digits -o runs/generative
    """
    folder = make_folder(out)
    dataset = load_dataset(data, data_dir)
    if len(dataset.image_shape) != 2:
        raise EbmError(
            f"data set {dataset.name}: has images of shape {dataset.image_shape}; generation "
            "shows grey images (height, width)"
        )
    config = replace(ReversePathConfig(), t_f=time, hidden=hidden, kT=kt, seed=seed)
    study = generative_study(
        dataset, config, samples=samples, rows=rows, threads=threads, progress=BarProgress()
    )
    save(study.netlist, folder / "generator.tnl")
    panels = [(name, x[:SHOWN].clip(0, 1)) for name, x in study.images]
    with replacing(folder / "generative.png") as beside:
        save_png(sample_grid(panels, dataset.image_shape), str(beside))
    notes.print(f"figure: {folder / 'generative.png'}", markup=False)
    result = {
        "data": dataset.name,
        "loss": study.loss,
        "loss_untrained": study.untrained,
        "n_samples": study.n_samples,
        "sources": [asdict(s) for s in study.sources],
        "config": asdict(config),
    }
    finish(folder, "generative", result, text_table(table(study)), as_json)


def table(study: GenerativeStudy) -> Table:
    """Every source of images beside the noised data."""
    rows = tuple(
        (
            s.name,
            f"{s.mean_error:.3f}",
            f"{s.covariance_error:.3f}",
            f"{s.correlation:.3f}",
            "" if s.heat_kT != s.heat_kT else f"{s.heat_kT:,.1f} ± {s.heat_sem:.1f}",
        )
        for s in study.sources
    )
    return Table(
        ("images", "error of means", "of covariances", "correlation of these", "heat, kT"),
        rows,
        (1, 2, 3, 4),
        f"Beside noised training data; covariances of different pixels. -ln P of held-out noising "
        f"paths run backwards: {study.untrained - study.loss:.3f} a step below that of the machine "
        f"without couplings and forces. {study.n_samples:,} images generated",
    )
