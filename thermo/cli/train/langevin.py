"""thermoc train: make a machine from data."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from compiler.families.langevin import LangevinMachine, lower_langevin
from compiler.families.store import load_model, save_model
from compiler.files import check_writable
from hw_models.imperfect import Imperfections
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.options import (
    AsJson,
    Asymmetry,
    BiasMismatch,
    Bits,
    Checkpoint,
    DataDir,
    Mismatch,
    Seed,
    Threads,
)
from thermo.data import load_dataset
from thermo.evaluate import evaluate
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.simulate.threads import check_threads
from thermo.training import TrainingError, train_onsager_machlup, train_pathwise
from thermo.training.langevin.presets import likelihood_preset, pathwise_preset


def langevin(
    out: Annotated[Path, typer.Option("-o", "--out", help="Model to write (.safetensors).")],
    data: Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")] = "digits",
    data_dir: DataDir = None,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            help="pathwise (gradients through the noisy run), likelihood (teacher-student, "
            "streamed) or least-squares (the same, exact).",
        ),
    ] = "pathwise",
    hidden: Annotated[int | None, typer.Option("--hidden", min=0, help="Hidden cells.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    start: Annotated[Path | None, typer.Option("--start", help="Trained model to go on from.")] = None,
    heat_penalty: Annotated[
        float | None, typer.Option("--heat-penalty", min=0, help="Loss per kT of heat.")
    ] = None,
    heat_budget: Annotated[
        float | None, typer.Option("--heat-budget", help="Wanted mean heat in kT; finds the penalty.")
    ] = None,
    couplings: Annotated[
        bool, typer.Option("--couplings/--no-couplings", help="Couplings among dynamic cells.")
    ] = True,
    directed: Annotated[
        bool, typer.Option("--directed", help="Train J_ij and J_ji apart; no potential then.")
    ] = False,
    mismatch: Mismatch = 0.0,
    asymmetry: Asymmetry = 0.0,
    bits: Bits = None,
    bias_mismatch: BiasMismatch = 0.0,
    device_seed: Annotated[
        int | None,
        typer.Option("--device-seed", min=0, help="Train in place on this device (none: a new one a batch)."),
    ] = None,
    checkpoint: Checkpoint = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train a Langevin machine; defaults are the settings tuned for the data set.

    Mismatch, asymmetry and bits are drawn anew for every batch: a machine trained so keeps its
    accuracy on devices it has never seen. With --device-seed it is trained in place, on that one
    device, and accuracies are those it has there.

    Example: thermoc train langevin --data mnist -o mnist.safetensors
    """
    check_writable(out)
    check_threads(threads)  # the simulator's limit, told before hours of training and not after
    if method in ("likelihood", "least-squares"):
        given = {
            "--start": start is not None,
            "--heat-penalty": heat_penalty is not None,
            "--heat-budget": heat_budget is not None,
            "--directed": directed,
            "--mismatch": mismatch != 0,
            "--asymmetry": asymmetry != 0,
            "--bits": bits is not None,
            "--bias-mismatch": bias_mismatch != 0,
            "--device-seed": device_seed is not None,
            "--checkpoint": checkpoint is not None,
        }
        for option in (name for name, there in given.items() if there):
            raise TrainingError(f"{option} needs --method pathwise, got {method}: leave it out")
    dataset = load_dataset(data, data_dir)
    first = _machine(start) if start else None
    if first is not None and hidden not in (None, first.n_hidden):
        raise TrainingError(
            f"{start}: has {first.n_hidden} hidden cells, --hidden asks for {hidden}; leave it out"
        )
    kept = checkpoint or out.with_name(out.name + ".checkpoint")
    if method == "pathwise":
        config = _changed(
            pathwise_preset(
                dataset,
                heat_budget=heat_budget,
                couplings=couplings,
                n_hidden=hidden if first is None else first.n_hidden,
            ),
            epochs=epochs,
            heat_penalty=heat_penalty,
            seed=seed,
            symmetric=not directed,
            non_ideal=_non_ideal(mismatch, asymmetry, bits, bias_mismatch),
            device_seed=device_seed,
        )
        if kept.exists():
            notes.print(f"resuming from {kept}", markup=False)
        trained = train_pathwise(
            dataset, config, start=first, progress=BarProgress(), checkpoint=kept, threads=threads
        )
    elif method in ("likelihood", "least-squares"):
        config = _changed(
            likelihood_preset(dataset, exact=method == "least-squares", n_hidden=hidden),
            epochs=epochs,
            couplings=couplings,
            seed=seed,
        )
        trained = train_onsager_machlup(dataset, config, progress=BarProgress(), threads=threads)
    else:
        raise TrainingError(f"method must be pathwise, likelihood or least-squares, got {method!r}")

    if heat_budget is not None and trained.mean_heat > heat_budget:
        notes.print(
            f"the heat budget of {heat_budget:g} kT was not met ({trained.mean_heat:,.0f} kT on "
            "validation data): train longer or raise it"
        )
    there = {}
    if device_seed is not None:
        there = {"non_ideal": trained.config.non_ideal, "device_seed": device_seed}
    evaluation, _ = evaluate(
        lower_langevin(trained.model),
        dataset,
        "test",
        seed=seed,
        threads=threads,
        progress=BarProgress(),
        **there,
    )
    facts = {
        "validation": trained.score,
        "test": evaluation.accuracy if evaluation.accuracy is not None else evaluation.rmse,
        "heat_kT": None if evaluation.heat_kT is None else asdict(evaluation.heat_kT),
        "training_seconds": trained.seconds,
    }
    machine = replace(trained.model, meta={**trained.model.meta, **facts, "manifest": manifest(seed=seed)})
    save_model(machine, out)
    if method == "pathwise" and checkpoint is None:
        kept.unlink(missing_ok=True)  # not before the model is there: a training may take hours
    emit(
        {
            "model": out,
            "data": dataset.name,
            "split": "test",
            "accuracy": evaluation.accuracy,
            "rmse": evaluation.rmse,
            "runs": 1,
            "n_samples": evaluation.n_samples,
            "valid_accuracy": trained.score,
            "heat_kT": facts["heat_kT"],
            "largest_coupling": _largest(machine),
            "heat_penalty": trained.heat_penalty,
            "best_epoch": trained.best_epoch,
            "seconds": trained.seconds,
            "config": asdict(trained.config),
            "manifest": manifest(seed=seed),
        },
        as_json,
        text_table(Table(("trained machine", ""), _rows(machine, evaluation, trained), (1,)))
        + f"\n\nwrote {out}; next: thermoc compile {out} -o net.tnl",
    )


def _machine(path: Path) -> LangevinMachine:
    model = load_model(path)
    if not isinstance(model, LangevinMachine):
        raise TrainingError(f"{path}: --start needs a Langevin machine, got another kind of model")
    return model


def _changed(config: Any, **changes: Any) -> Any:
    return replace(config, **{k: v for k, v in changes.items() if v is not None})


def _non_ideal(
    mismatch: float, asymmetry: float, bits: int | None, bias_mismatch: float
) -> Imperfections | None:
    law = Imperfections(mismatch, asymmetry, bits, bias_mismatch)
    return None if law.ideal else law


def _largest(machine: LangevinMachine) -> float:
    return float(np.abs(machine.coupling).max(initial=0.0))


def _rows(machine: LangevinMachine, evaluation: Any, trained: Any) -> tuple[tuple[str, str], ...]:
    rows = [("cells", f"{machine.n_inputs} frozen, {machine.n_hidden} hidden, {machine.n_out} out")]
    if evaluation.accuracy is not None:
        rows.append(("validation accuracy, chosen on", f"{100 * trained.score:.2f} %"))
        rows.append(
            (
                f"test accuracy, {evaluation.n_samples:,} samples, one noisy run each",
                f"{100 * evaluation.accuracy:.2f} ± {100 * evaluation.accuracy_sem:.2f} %",
            )
        )
    else:
        rows.append(("validation rms error, chosen on", f"{-trained.score:.4g}"))
        rows.append((f"test rms error, {evaluation.n_samples:,} samples", f"{evaluation.rmse:.4g}"))
    if evaluation.heat_kT is not None:
        rows.append(
            ("heat per inference", f"{evaluation.heat_kT.mean:,.0f} ± {evaluation.heat_kT.sem:,.0f} kT")
        )
    rows.append(("largest coupling among dynamic cells", f"{_largest(machine):.1f}"))
    rows.append(("training time", f"{trained.seconds:.0f} s"))
    return tuple(rows)
