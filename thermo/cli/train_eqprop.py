"""thermoc train eqprop: a network that learns by relaxing."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from compiler.files import check_writable, replacing
from compiler.models.store import save_model
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.options import AsJson, Asymmetry, Checkpoint, DataDir, Mismatch, Seed, Threads
from thermo.data import Dataset, load_dataset
from thermo.eqprop.device import EqpropDevice
from thermo.eqprop.diagnose import Diagnosis, diagnose
from thermo.eqprop.errors import EqpropError
from thermo.eqprop.presets import eqprop_preset, resistive_preset
from thermo.eqprop.resistive import resistive_accuracy, train_resistive
from thermo.eqprop.result import EqpropResult
from thermo.eqprop.train import deployed_accuracy, effort_of, train_eqprop
from thermo.report.eqprop_figures import diagnosis_errors
from thermo.report.figures import save_png
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.simulate.threads import check_threads
from thermo.training.config import Augmentation

DIAGNOSED = 32


def eqprop(
    out: Annotated[Path, typer.Option("-o", "--out", help="Model to write (.safetensors).")],
    data: Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")] = "digits",
    data_dir: DataDir = None,
    network: Annotated[
        str,
        typer.Option("--network", help="hopfield, or resistive: conductances and diodes."),
    ] = "hopfield",
    gain: Annotated[
        float | None, typer.Option("--gain", help="Volts of a resistive network's sources.")
    ] = None,
    hidden: Annotated[
        list[int] | None, typer.Option("--hidden", min=1, help="Hidden layers; may be repeated.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    beta: Annotated[float | None, typer.Option("--beta", help="Strength of the nudge.")] = None,
    nudging: Annotated[
        str | None, typer.Option("--nudging", help="centred, one-sided or positive.")
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option("--rule", help="energy (one weight both ways) or field (two)."),
    ] = None,
    angle: Annotated[
        float, typer.Option("--angle", help="Start: degrees between the two ways (rule field).")
    ] = 0.0,
    homeostasis: Annotated[
        float, typer.Option("--homeostasis", min=0, help="Factor on the homeostatic loss.")
    ] = 0.0,
    persistent: Annotated[
        bool, typer.Option("--persistent", help="Free phases start where the last epoch's ended.")
    ] = False,
    augment: Annotated[
        bool, typer.Option("--augment/--no-augment", help="Warp images anew in every epoch.")
    ] = True,
    mismatch: Mismatch = 0.0,
    asymmetry: Asymmetry = 0.0,
    weight_bits: Annotated[
        int | None, typer.Option("--weight-bits", help="Resolution of written couplings.")
    ] = None,
    state_noise: Annotated[
        float, typer.Option("--state-noise", min=0, help="Noise of every unit at every update.")
    ] = 0.0,
    read_noise: Annotated[
        float, typer.Option("--read-noise", min=0, help="Noise of the states that are read.")
    ] = 0.0,
    read_bits: Annotated[
        int | None, typer.Option("--read-bits", help="Resolution of the states that are read.")
    ] = None,
    flipped: Annotated[
        float,
        typer.Option("--flipped", min=0, max=1, help="Share of couplings updated backwards."),
    ] = 0.0,
    device_seed: Annotated[
        int, typer.Option("--device-seed", min=0, help="Which device is drawn.")
    ] = 0,
    diagnosis: Annotated[
        bool,
        typer.Option("--diagnose", help="Compare gradients with implicit differentiation."),
    ] = False,
    checkpoint: Checkpoint = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train a layered network by equilibrium propagation, on a perfect or an imperfect device.

    Defaults are the settings tuned for the data set. With a device, updates come from its states
    and go to its programmed couplings; the model holds the programmed ones.

    Example: thermoc train eqprop --data mnist -o mnist.safetensors
    """
    check_writable(out)
    check_threads(threads)
    dataset = load_dataset(data, data_dir)
    device = EqpropDevice(
        mismatch=mismatch, asymmetry=asymmetry, weight_bits=weight_bits, state_noise=state_noise,
        read_noise=read_noise, read_bits=read_bits, flipped=flipped, seed=device_seed,
    )  # fmt: skip
    perfect = device == EqpropDevice(seed=device_seed)
    given = {"epochs": epochs, "beta": beta, "nudging": nudging, "rule": rule}
    changes: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    if network not in ("hopfield", "resistive"):
        raise EqpropError(f"--network must be hopfield or resistive, got {network!r}")
    if network == "hopfield" and gain is not None:
        raise EqpropError(f"--gain {gain:g} needs --network resistive: leave it out")
    if network == "resistive":
        asked = {
            "--rule": rule is not None, "--angle": angle != 0, "--homeostasis": homeostasis != 0,
            "a device": not perfect, "--diagnose": diagnosis,
        }  # fmt: skip
        for option in (name for name, there in asked.items() if there):
            raise EqpropError(f"{option} needs --network hopfield: leave it out")
        _resistive(
            out, dataset, hidden, gain, {**changes, "persistent": persistent, "seed": seed},
            checkpoint, threads, as_json,
        )  # fmt: skip
        return
    if not augment:
        changes["augmentation"] = Augmentation()
    config = replace(
        eqprop_preset(dataset, hidden or None), angle=angle, homeostasis=homeostasis,
        persistent=persistent, device=None if perfect else device, seed=seed, **changes,
    )  # fmt: skip
    kept = checkpoint or out.with_name(out.name + ".checkpoint")
    if kept.exists():
        notes.print(f"resuming from {kept}", markup=False)
    trained = train_eqprop(
        dataset, config, progress=BarProgress(), checkpoint=kept, threads=threads
    )
    accuracy = deployed_accuracy(
        trained.acting, dataset, config.device, seed=config.seed, threads=threads
    )
    facts = {
        "validation": trained.valid_accuracy, "test": accuracy, "training_seconds": trained.seconds,
    }  # fmt: skip
    model = replace(
        trained.network,
        meta={**trained.network.meta, **facts, "manifest": manifest(seed=seed)},
    )
    save_model(model, out)
    found = _diagnosis(trained, dataset, out) if diagnosis else None
    if checkpoint is None:
        kept.unlink(missing_ok=True)  # not before the model is there
    last = trained.history[-1]
    effort = effort_of(trained, dataset)
    tables = [Table(("trained network", ""), _rows(trained, dataset, accuracy, effort), (1,))]
    if found is not None:
        tables.append(diagnosis_table(found))
    emit(
        {
            "model": out,
            "data": dataset.name,
            "split": "test",
            "accuracy": accuracy,
            "runs": 1,
            "n_samples": dataset.x_test.shape[0],
            "valid_accuracy": trained.valid_accuracy,
            "best_epoch": trained.best_epoch,
            "seconds": trained.seconds,
            "last_epoch": asdict(last),
            "effort": effort,
            "diagnosis": None if found is None else asdict(found),
            "config": asdict(config),
            "manifest": manifest(seed=seed),
        },
        as_json,
        "\n\n".join(text_table(t) for t in tables)
        + f"\n\nwrote {out}; next: thermoc compile {out} -o net.tnl",
    )


def _resistive(
    out: Path, dataset: Dataset, hidden: list[int] | None, gain: float | None,
    changes: dict[str, Any], checkpoint: Path | None, threads: int | None, as_json: bool,
) -> None:  # fmt: skip
    config, usual = resistive_preset(dataset, hidden or None)
    config = replace(config, **changes)
    kept = checkpoint or out.with_name(out.name + ".checkpoint")
    if kept.exists():
        notes.print(f"resuming from {kept}", markup=False)
    trained = train_resistive(
        dataset, config, gain=usual if gain is None else gain, progress=BarProgress(),
        checkpoint=kept, threads=threads,
    )  # fmt: skip
    accuracy = resistive_accuracy(trained.network, dataset, threads=threads)
    facts = {
        "validation": trained.valid_accuracy, "test": accuracy, "training_seconds": trained.seconds,
    }  # fmt: skip
    meta = {**trained.network.meta, **facts, "manifest": manifest(seed=config.seed)}
    save_model(replace(trained.network, meta=meta), out)
    if checkpoint is None:
        kept.unlink(missing_ok=True)
    last = trained.history[-1]
    n = dataset.x_test.shape[0]
    sem = np.sqrt(accuracy * (1 - accuracy) / n)
    sizes = trained.network.sizes
    rows = (
        ("nodes", "-".join([f"2·{sizes[0]}", *(str(k) for k in sizes[1:])])),
        ("validation accuracy, chosen on", f"{100 * trained.valid_accuracy:.2f} %"),
        (f"test accuracy, {n:,} samples", f"{100 * accuracy:.2f} ± {100 * sem:.2f} %"),
        ("sweeps, free and nudged", f"{last.sweeps_free:.1f} and {last.sweeps_nudged:.1f}"),
        ("left in the last sweep, V", f"{last.residual_free:.1e} and {last.residual_nudged:.1e}"),
        ("training time", f"{trained.seconds:.0f} s"),
    )
    emit(
        {
            "model": out,
            "data": dataset.name,
            "split": "test",
            "accuracy": accuracy,
            "runs": 1,
            "n_samples": n,
            "valid_accuracy": trained.valid_accuracy,
            "best_epoch": trained.best_epoch,
            "seconds": trained.seconds,
            "gain": trained.network.gain,
            "last_epoch": asdict(last),
            "config": asdict(config),
            "manifest": manifest(seed=config.seed),
        },
        as_json,
        text_table(Table(("trained resistive network", ""), rows, (1,)))
        + f"\n\nwrote {out}; next: thermoc compile {out} -o net.tnl",
    )


def _diagnosis(trained: EqpropResult, dataset: Dataset, out: Path) -> Diagnosis:
    x = dataset.x_valid[:DIAGNOSED]
    y = np.eye(dataset.n_classes)[dataset.y_valid[:DIAGNOSED]]
    name = "centred" if trained.config.nudging == "centred" else "positive"
    found = diagnose(trained.network, x, y, estimator=name)
    figure = out.with_name(out.stem + "-diagnosis.png")
    with replacing(figure) as beside:
        save_png(diagnosis_errors(found), str(beside))
    notes.print(f"figure: {figure}", markup=False)
    return found


def diagnosis_table(found: Diagnosis) -> Table:
    """Relative error and cosine of every layer over beta."""
    betas = sorted({r.beta for r in found.layers})
    rows = []
    for layer in dict.fromkeys(r.layer for r in found.layers):
        some = {r.beta: r for r in found.layers if r.layer == layer}
        rows.append((layer, *(f"{some[b].error:.1e} ({some[b].cosine:.4f})" for b in betas)))
    return Table(
        ("layer", *(f"β = {b:g}" for b in betas)),
        tuple(rows),
        tuple(range(1, len(betas) + 1)),
        f"{found.estimator} estimate against implicit differentiation, {DIAGNOSED} validation "
        f"samples: relative error (cosine). Jacobian {found.angle:.1f}° from its transpose, "
        f"largest residual {found.residual:.1e}, {100 * found.free_units:.0f} % of units off "
        "their walls",
    )


def _rows(
    trained: EqpropResult, dataset: Dataset, accuracy: float, effort: dict[str, float]
) -> tuple[tuple[str, str], ...]:
    config, last = trained.config, trained.history[-1]
    n = dataset.x_test.shape[0]
    sem = np.sqrt(accuracy * (1 - accuracy) / n)
    rows = [
        ("units", "-".join(str(k) for k in trained.network.sizes)),
        ("validation accuracy, chosen on", f"{100 * trained.valid_accuracy:.2f} %"),
        (f"test accuracy, {n:,} samples", f"{100 * accuracy:.2f} ± {100 * sem:.2f} %"),
        ("sweeps, free and nudged", f"{last.sweeps_free:.1f} and {last.sweeps_nudged:.1f}"),
        (
            "left in the last sweep, free and nudged",
            f"{last.residual_free:.1e} and {last.residual_nudged:.1e}",
        ),
        (
            "relaxations, weight writes",
            f"{effort['relaxations']:.2e}, {effort['weight_writes']:.2e}",
        ),
        ("training time", f"{trained.seconds:.0f} s"),
    ]  # fmt: skip
    if config.rule == "field":
        rows.insert(3, ("angle between forward and backward", f"{last.angle:.1f}°"))
    if config.augmentation.active:
        rows.append(("images", "warped anew in every epoch"))
    return tuple(rows)
