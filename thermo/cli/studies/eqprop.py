"""thermoc study eqprop-...: gradients by relaxation, and training on imperfect devices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.files import make_folder, replacing
from hw_models.imperfect import Imperfections
from thermo.cli.console import BarProgress, emit, manifest, notes, plain
from thermo.cli.options import AsJson, DataDir, Seed, Threads
from thermo.data import load_dataset
from thermo.report.eqprop_figures import accuracy_lines, gradient_errors
from thermo.report.figures import device_spread, save_png
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.studies.eqprop import (
    OverSeeds,
    Trained,
    asymmetry_points,
    devices_study,
    holomorphic_points,
    noise_points,
    over_seeds,
    run_trainings,
    summarise,
)
from thermo.studies.eqprop_gradients import GradientStudy, fitted_slope, run_gradient_study
from thermo.training.eqprop.device import EqpropDevice
from thermo.training.eqprop.presets import study_preset

Out = Annotated[
    Path, typer.Option("-o", "--out", help="Folder of the study; what is in it is not run again.")
]
Data = Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")]
Hidden = Annotated[list[int] | None, typer.Option("--hidden", min=1, help="Hidden layers; may be repeated.")]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each row, seeds apart.")]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="Of every training.")]


def gradients(
    out: Out,
    activation: Annotated[
        str, typer.Option("--activation", help="sigmoid or tanh (holomorphic ones).")
    ] = "sigmoid",
    gain: Annotated[
        float, typer.Option("--gain", min=0, help="Size of the couplings; 2 feeds back clearly.")
    ] = 2.0,
    seed: Seed = 1,
    as_json: AsJson = False,
) -> None:
    """Relative error of every gradient estimator over nudge, points and asymmetry; one figure.

    A skewed 8-16-12-4 network in float64 against implicit differentiation.

    Example: thermoc study eqprop-gradients -o runs/gradients
    """
    folder = make_folder(out)
    study = run_gradient_study(seed=seed, activation=activation, gain=gain, progress=BarProgress())
    with replacing(folder / "eqprop-gradients.png") as beside:
        save_png(gradient_errors(study), str(beside))
    notes.print(f"figure: {folder / 'eqprop-gradients.png'}", markup=False)
    text = "\n\n".join(text_table(t) for t in gradient_tables(study))
    finish(folder, "eqprop-gradients", asdict(study), text, as_json)


def devices(
    out: Out,
    data: Data = "mnist",
    data_dir: DataDir = None,
    n_devices: Annotated[int, typer.Option("--devices", min=2, help="Devices drawn.")] = 10,
    spread: Annotated[float, typer.Option("--spread", min=0, help="Relative mismatch, and asymmetry.")] = 0.3,
    read_bits: Annotated[
        int | None, typer.Option("--read-bits", help="Resolution of the states that are read.")
    ] = 8,
    read_noise: Annotated[float, typer.Option("--read-noise", min=0, help="Their noise.")] = 0.01,
    hidden: Hidden = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Training on the imperfect device against training clean and deploying on it, paired.

    Example: thermoc study eqprop-devices --data mnist -o runs/eqprop-devices
    """
    folder = make_folder(out)
    dataset = load_dataset(data, data_dir)
    device = EqpropDevice(Imperfections(spread, spread), read_bits=read_bits, read_noise=read_noise)
    study = devices_study(
        dataset,
        study_preset(dataset, hidden or [64], epochs, seed),
        device,
        n_devices,
        folder,
        threads=threads,
        progress=BarProgress(),
    )
    first, second = study.pair.first, study.pair.second
    groups = [("clean, deployed", 100 * first), ("trained in situ", 100 * second)]
    with replacing(folder / "eqprop-devices.png") as beside:
        save_png(device_spread(groups, score="test accuracy, %"), str(beside))
    notes.print(f"figure: {folder / 'eqprop-devices.png'}", markup=False)
    table = Table(
        ("device", "clean, deployed %", "in situ %", "gain, points"),
        (
            *(
                (str(k), f"{100 * a:.2f}", f"{100 * b:.2f}", f"{100 * (b - a):+.2f}")
                for k, (a, b) in enumerate(zip(first, second, strict=True))
            ),
            (
                "mean",
                f"{100 * first.mean():.2f} ± {100 * first.std(ddof=1):.2f}",
                f"{100 * second.mean():.2f} ± {100 * second.std(ddof=1):.2f}",
                f"{100 * study.pair.gain:+.2f} ± {100 * study.pair.sem:.2f}",
            ),
        ),
        (1, 2, 3),
        f"{100 * spread:g} % mismatch and asymmetry; test accuracy. On a perfect device "
        f"{100 * study.ideal:.2f} %. Gain: mean ± standard error over devices, "
        f"p = {study.pair.p:.1e} (paired)",
    )
    result = {
        "ideal": study.ideal,
        "clean": first,
        "in_situ": second,
        "gain": study.pair.gain,
        "sem": study.pair.sem,
        "p": study.pair.p,
        "trainings": [asdict(t) for t in study.trainings],
    }
    finish(folder, "eqprop-devices", result, text_table(table), as_json)


def asymmetry(
    out: Out,
    data: Data = "mnist",
    data_dir: DataDir = None,
    angles: Annotated[list[float] | None, typer.Option("--angle", help="Degrees; may be repeated.")] = None,
    homeostasis: Annotated[
        float, typer.Option("--homeostasis", min=0, help="Factor on the homeostatic loss.")
    ] = 10.0,
    seeds: Seeds = 3,
    hidden: Hidden = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy over the starting angle between forward and transposed backward weights.

    Example: thermoc study eqprop-asymmetry --data mnist -o runs/eqprop-asymmetry
    """
    folder = make_folder(out)
    dataset = load_dataset(data, data_dir)
    chosen = angles or [0.0, 30.0, 60.0, 90.0]
    config = study_preset(dataset, hidden or [256, 256], epochs, seed)
    points = over_seeds(asymmetry_points(config, chosen, homeostasis), seeds)
    found = run_trainings(points, dataset, folder, threads=threads, progress=BarProgress())
    means, n = summarise(found), len(chosen)
    series = [("without", means[:n]), ("with homeostasis", means[n:])]
    _lines(folder, "eqprop-asymmetry", chosen, series, "starting angle, degrees")
    _trainings(folder, "eqprop-asymmetry", found, as_json)


def noise(
    out: Out,
    data: Data = "mnist",
    data_dir: DataDir = None,
    noises: Annotated[
        list[float] | None, typer.Option("--noise", help="State noises; may be repeated.")
    ] = None,
    betas: Annotated[list[float] | None, typer.Option("--beta", help="Nudges; may be repeated.")] = None,
    holomorphic: Annotated[
        int,
        typer.Option(
            "--holomorphic",
            min=0,
            help="Points N on the circle of sigmoid units, trained with JAX; 0: leave them out.",
        ),
    ] = 10,
    replicas: Annotated[
        list[int] | None, typer.Option("--replicas", min=2, help="Coupled copies as well; may be repeated.")
    ] = None,
    coupling: Annotated[
        float, typer.Option("--replica-coupling", min=0, help="Spring of units to copies' mean.")
    ] = 1.0,
    seeds: Seeds = 3,
    hidden: Hidden = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy with noisy states: small one-sided nudges against centred and holomorphic ones.

    Holomorphic nudges need units with a derivative everywhere: sigmoid ones, beside one-sided
    nudges of the same network.

    Example: thermoc study eqprop-noise --data mnist -o runs/eqprop-noise
    """
    folder = make_folder(out)
    dataset = load_dataset(data, data_dir)
    chosen, nudges = noises or [0.0, 0.04], betas or [0.02, 0.1, 0.5]
    config = study_preset(dataset, hidden or [256, 256], epochs, seed)
    points = noise_points(config, chosen, nudges, replicas or (), coupling)
    if holomorphic:
        points += holomorphic_points(dataset, config, chosen, nudges, holomorphic)
    found = run_trainings(over_seeds(points, seeds), dataset, folder, threads=threads, progress=BarProgress())
    means, k = summarise(found), len(nudges)
    series = []
    for first in range(0, len(means), k):
        name, _, noise = means[first].series.split(", ")
        series.append((f"{name}, {noise}", means[first : first + k]))
    # quietest first: its lines dashed, those of the next noise in the same colours
    series.sort(key=lambda s: float(s[0].rsplit(" ", 1)[1]))
    quiet = len(series) // len(chosen) if len(chosen) > 1 else 0
    _lines(folder, "eqprop-noise", nudges, series, "nudge β", log=True, dashed=quiet)
    _trainings(folder, "eqprop-noise", found, as_json)


def _lines(
    folder: Path,
    name: str,
    x: Sequence[float],
    series: Sequence[tuple[str, list[OverSeeds]]],
    xlabel: str,
    *,
    log: bool = False,
    dashed: int = 0,
) -> None:
    """Draw means over seeds with their standard errors."""
    figure = accuracy_lines(
        x,
        [(label, [100 * m.accuracy for m in some]) for label, some in series],
        xlabel,
        "test accuracy, %",
        errors=[[100 * m.sem for m in some] for _, some in series],
        log=log,
        dashed=dashed,
    )
    with replacing(folder / f"{name}.png") as beside:
        save_png(figure, str(beside))
    notes.print(f"figure: {folder / f'{name}.png'}", markup=False)


def _trainings(folder: Path, name: str, found: Sequence[Trained], as_json: bool) -> None:
    means = summarise(found)
    rows = tuple(
        (
            m.series,
            f"{m.n}",
            "none" if not m.n else f"{100 * m.accuracy:.2f}",
            f"{100 * m.sem:.2f}" if m.n > 1 else "",
            f"{m.angle:.0f}°" if m.n else "",
            f"{m.residual:.1e}" if m.n else "",
            f"{m.seconds:.0f}" if m.n else "",
            m.failed.split(":")[-1].strip(),
        )
        for m in means
    )
    table = Table(
        ("training", "seeds", "test accuracy %", "± sem", "angle after", "residual", "seconds", "way out"),
        rows,
        (1, 2, 3, 4, 5, 6),
    )
    result = {"trainings": [asdict(t) for t in found], "series": [asdict(m) for m in means]}
    finish(folder, name, result, text_table(table), as_json)


def gradient_tables(study: GradientStudy) -> list[Table]:
    """Errors over beta, errors over N, and the asymmetric systems."""
    betas = sorted({r.beta for r in study.nudges}, reverse=True)
    keys = dict.fromkeys((r.estimator, r.points) for r in study.nudges)
    found = {(r.estimator, r.points, r.beta): r.error for r in study.nudges}
    rows = []
    for name, points in keys:
        if name == "holomorphic" and points not in (1, 2, 3, 4, 6, 8, 12):
            continue
        label = f"{name}, N = {points}" if name == "holomorphic" else name
        slope = ""
        if name not in ("contrastive", "coupled-centred"):
            slope = f"{fitted_slope(study.nudges, name, points):.2f}"
        rows.append((label, *(f"{found[name, points, b]:.1e}" for b in betas), slope))
    first = Table(
        ("estimator", *(f"β = {b:g}" for b in betas), "slope"),
        tuple(rows),
        tuple(range(1, len(betas) + 2)),
        "Relative error to implicit differentiation; slope of log error over log β, three smallest"
        f" above rounding. Cauchy sums converge for |β| < {study.radius:.2g} (fitted)",
    )
    rows = [
        (
            f"{r.angle:.0f}°",
            f"{r.steps}",
            f"{r.loss:.1e}",
            f"{r.cauchy_error:.1e}",
            f"{r.cauchy_cosine:.4f}",
            f"{r.exact_cosine:.4f}",
            f"{r.asymep_error:.1e}",
            f"{r.asymep_cosine:.6f}",
        )
        for r in (*study.angles, *study.homeostasis)
    ]
    second = Table(
        (
            "angle",
            "homeostatic steps",
            "loss",
            "Cauchy to exact du/dβ",
            "its cosine",
            "exact's cosine",
            "AsymEP error",
            "AsymEP cosine",
        ),
        tuple(rows),
        tuple(range(8)),
        "Asymmetric couplings, N = 8, |β| = 0.2; cosines to the true gradient",
    )
    return [first, second]


def finish(folder: Path, name: str, result: dict[str, Any], text: str, as_json: bool) -> None:
    """Write the result as JSON and text, and print one of them."""
    result = {**result, "manifest": manifest()}
    with replacing(folder / f"{name}.json") as beside:
        beside.write_text(json.dumps(plain(result), indent=1))
    with replacing(folder / f"{name}.txt") as beside:
        beside.write_text(text + "\n")
    emit(result, as_json, text)
