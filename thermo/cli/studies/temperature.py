"""thermoc study eqprop-temperature: a trained network in a thermal bath."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from compiler.api import compile
from compiler.files import make_folder, replacing
from hw_models.presets import DEVICES
from thermo.cli.console import BarProgress, notes
from thermo.cli.options import AsJson, DataDir, DataName, Seed, Split, Threads
from thermo.cli.studies.eqprop import finish
from thermo.data import DataError, load_dataset
from thermo.report.figures import save_png
from thermo.report.page import Table
from thermo.report.temperature_figures import accuracy_over_temperature
from thermo.report.text import si, text_table
from thermo.studies.eqprop_temperature import Reading, TemperatureStudy, temperature_study


def temperature(
    model: Annotated[Path, typer.Argument(help="Trained model (.safetensors), or its netlist (.tnl).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder; a temperature in it is not run again.")],
    data: DataName = None,
    data_dir: DataDir = None,
    split: Split = "test",
    kTs: Annotated[
        list[float] | None, typer.Option("--kT", help="Temperatures, netlist units; may be repeated.")
    ] = None,
    windows: Annotated[
        list[float] | None,
        typer.Option("--window", help="Averaging times after the relaxation, 0 is an instant; repeated."),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", min=2, help="The first so many samples of the split.")
    ] = 500,
    runs: Annotated[int, typer.Option("--runs", min=1, help="Inferences of every sample.")] = 4,
    dt: Annotated[float | None, typer.Option("--dt", help="Time step instead of its own.")] = None,
    device: Annotated[
        str, typer.Option("--device", help="Hardware preset; `thermoc presets` lists them.")
    ] = "rc-1fF",
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Accuracy over temperature and averaging time, with heat and joules of an inference.

    The network is compiled as it was trained, at kT = 0, and run in a bath: it relaxes for its own
    time, then its outputs are averaged. Every run decides by itself. Without --data, the data set
    that the model was trained on.

    Example: thermoc study eqprop-temperature mnist.safetensors --data mnist -o runs/temperature
    """
    preset = DEVICES.get(device)
    netlist = compile(model)
    trained_on = data or netlist.meta.get("data")
    if not trained_on:
        raise DataError(f"{model}: does not tell the data set it was trained on; name one with --data")
    dataset = load_dataset(str(trained_on), data_dir)
    folder = make_folder(out)
    study = temperature_study(
        netlist,
        dataset,
        preset,
        folder,
        kTs=kTs,
        windows=windows,
        samples=samples,
        runs=runs,
        split=split,
        dt=dt,
        seed=seed,
        threads=threads,
        progress=BarProgress(),
    )
    figure = folder / "eqprop-temperature.png"
    with replacing(figure) as beside:
        save_png(accuracy_over_temperature(study, 1 / dataset.n_classes), str(beside))
    notes.print(f"figure: {figure}", markup=False)
    text = "\n\n".join(text_table(t) for t in temperature_tables(study))
    finish(folder, "eqprop-temperature", asdict(study), text, as_json)


def temperature_tables(study: TemperatureStudy) -> list[Table]:
    """Accuracies over kT and window; heat and joules of the instant and of the longest window."""
    windows = sorted({r.window for r in study.readings})
    found = {(r.kT, r.window): r for r in study.readings}
    kTs = sorted({r.kT for r in study.readings})

    def cell(r: Reading) -> str:
        lost = "" if r.lost != r.lost else f" ({0.0 - 100 * r.lost:+.1f} ± {100 * r.lost_sem:.1f})"
        return f"{100 * r.accuracy:.2f} ± {100 * r.sem:.2f}{lost}"

    heads = ["one instant" if w == 0 else f"average over {w:g}" for w in windows]
    first = Table(
        ("kT", *heads),
        tuple((f"{kT:g}", *(cell(found[kT, w]) for w in windows)) for kT in kTs),
        tuple(range(len(windows) + 1)),
        f"Accuracy of one inference, %: {study.samples} {study.split} samples, {study.runs} "
        f"run{'s' if study.runs > 1 else ''} each, read after {study.relaxation:g} units of "
        f"time in steps of {study.dt:g}; ± standard error over samples; in brackets the change to "
        "kT = 0, paired",
    )
    rows = []
    for kT in kTs:
        for w in dict.fromkeys((windows[0], windows[-1])):
            r = found[kT, w]
            heat = "" if kT == 0 else f"{r.heat_kT:.4g} ± {r.heat_sem:.2g}"
            rows.append(
                (
                    f"{kT:g}",
                    f"{w:g}",
                    f"{r.energy:.4g}",
                    heat,
                    "" if kT == 0 else f"{r.above_idle_kT:.4g}",
                    "" if r.physics_J != r.physics_J else si(r.physics_J, "J"),
                    "" if r.total_J is None else si(r.total_J, "J"),
                    "" if r.latency_s is None else si(r.latency_s, "s"),
                )
            )
    timeless = (
        ""
        if rows and rows[0][-1]
        else ("; phase cells have no RC time, hence no periphery and no latency here")
    )
    second = Table(
        ("kT", "window", "heat", "heat, kT", "above idle, kT", "heat, J", "with periphery", "latency"),
        tuple(rows),
        tuple(range(8)),
        f"Heat given to the bath by one inference ({study.heat_method}), reset not counted; idle: "
        f"without couplings and drive. Joules on {study.device} at {study.ambient:g} K{timeless}",
    )
    if not study.halved:
        return [first, second]

    def both(a: float, b: float, digits: str) -> str:
        return f"{a:{digits}} ± {b:.2g}"

    again = []
    for h in study.halved:
        r = found[h.kT, h.window]
        again.append(
            (
                f"{h.kT:g}",
                f"{h.window:g}",
                both(100 * r.accuracy, 100 * r.sem, ".2f"),
                both(100 * h.accuracy, 100 * h.sem, ".2f"),
                both(r.heat_kT, r.heat_sem, ".4g"),
                both(h.heat_kT, h.heat_sem, ".4g"),
            )
        )
    third = Table(
        ("kT", "window", "accuracy %", "with dt halved", "heat, kT", "with dt halved"),
        tuple(again),
        tuple(range(6)),
        f"Again with half the time step {study.dt:g}, where accuracy falls",
    )
    return [first, second, third]
