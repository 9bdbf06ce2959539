"""thermoc train logic: a classifier of two-input gates."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from compiler.counting import gate_counts
from compiler.families.logic import lower_logic
from compiler.families.store import save_model
from compiler.files import check_writable
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.options import AsJson, Checkpoint, DataDir, Seed, Threads
from thermo.data import load_dataset
from thermo.evaluate import Evaluation, evaluate
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.simulate.threads import check_threads
from thermo.training import TrainingError
from thermo.training.logic import LogicAugmentation, TrainedLogic, logic_preset, train_logic


def logic(
    out: Annotated[Path, typer.Option("-o", "--out", help="Model to write (.safetensors).")],
    data: Annotated[str, typer.Option("--data", help="Data set; see `thermoc data`.")] = "digits",
    data_dir: DataDir = None,
    gates: Annotated[
        list[int] | None,
        typer.Option("--gates", min=1, help="Gates of a layer; repeat it for several layers."),
    ] = None,
    candidates: Annotated[
        str | None, typer.Option("-k", "--candidates", help="Wires that each input chooses from, or all.")
    ] = None,
    wiring: Annotated[str | None, typer.Option("--wiring", help="learnable, or fixed (balanced).")] = None,
    forward: Annotated[
        str | None, typer.Option("--forward", help="straight-through, soft or gumbel.")
    ] = None,
    parametrisation: Annotated[
        str | None, typer.Option("--parametrisation", help="table (4 logits) or gates (16).")
    ] = None,
    estimator: Annotated[
        str | None, typer.Option("--estimator", help="Of a threshold's slope: identity or reste.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="absolute, dataset-quantile or image-quantile.")
    ] = None,
    threshold: Annotated[
        list[float] | None, typer.Option("--threshold", help="Of the encoding; repeat it for several.")
    ] = None,
    tau: Annotated[
        str | None, typer.Option("--tau", help="Divisor of the class sums: a number, adaptive or width.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1)] = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate")] = None,
    augment: Annotated[
        bool, typer.Option("--augment/--no-augment", help="Move and warp training images.")
    ] = True,
    backend: Annotated[str, typer.Option("--backend", help="numba, or jax on its default device.")] = "numba",
    checkpoint: Checkpoint = None,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train a network of two-input gates, functions and wiring; defaults suit the data set.

    The epoch is chosen by the validation accuracy of the hard network, the one that becomes gates;
    its test accuracy is measured once, on the compiled circuit.

    Example: thermoc train logic --data mnist --gates 8000 -o mnist-gates.safetensors
    """
    check_writable(out)
    check_threads(threads)
    dataset = load_dataset(data, data_dir)
    config = logic_preset(
        dataset,
        layers=tuple(gates) if gates else None,
        k=_count(candidates),
        wiring=wiring,
        forward=forward,
        parametrisation=parametrisation,
        estimator=estimator,
        encoding=encoding,
        thresholds=tuple(threshold) if threshold else None,
        tau=_tau(tau),
        epochs=epochs,
        batch=batch,
        learning_rate=learning_rate,
        seed=seed,
        augmentation=None if augment else LogicAugmentation(),
    )
    kept = checkpoint or out.with_name(out.name + ".checkpoint")
    if kept.exists():
        notes.print(f"resuming from {kept}", markup=False)
    trained = train_logic(
        dataset, config, progress=BarProgress(), checkpoint=kept, threads=threads, backend=backend
    )
    netlist = lower_logic(trained.model)
    evaluation, _ = evaluate(netlist, dataset, "test", threads=threads)
    facts = {
        "data": dataset.name,
        "validation": trained.score,
        "test": evaluation.accuracy,
        "training_seconds": trained.seconds,
    }
    made = manifest(seed=seed)
    network = replace(trained.model, meta={**trained.model.meta, **facts, "manifest": made})
    save_model(network, out)
    if checkpoint is None:
        kept.unlink(missing_ok=True)  # not before the model is there
    counted = gate_counts(netlist)
    emit(
        {
            "model": out,
            "data": dataset.name,
            "split": "test",
            "accuracy": evaluation.accuracy,
            "runs": 1,
            "n_samples": evaluation.n_samples,
            "valid_accuracy": trained.score,
            "soft_accuracy": trained.soft_accuracy,
            "soft_hard_gap": trained.gap,
            "best_epoch": trained.best_epoch,
            "gates": counted["gates"],
            "inputs": network.n_inputs,
            "seconds": trained.seconds,
            "config": asdict(config),
            "manifest": made,
        },
        as_json,
        text_table(Table(("trained network", ""), _rows(evaluation, trained, counted), (1,)))
        + f"\n\nwrote {out}; next: thermoc compile {out} -o net.tnl",
    )


def _count(text: str | None) -> int | str | None:
    if text is None or text == "all":
        return text
    if not text.isdigit():
        raise TrainingError(f'--candidates must be a whole number or "all", got {text!r}')
    return int(text)


def _tau(text: str | None) -> float | str | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _rows(
    evaluation: Evaluation, trained: TrainedLogic, counted: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    network = trained.model
    assert evaluation.accuracy is not None and evaluation.accuracy_sem is not None
    test = f"{100 * evaluation.accuracy:.2f} ± {100 * evaluation.accuracy_sem:.2f} %"
    return (
        ("gates, layer by layer", ", ".join(f"{layer.n_gates:,}" for layer in network.layers)),
        ("live two-input gates", f"{counted['gates']['two_input']:,}"),
        ("input bits", f"{network.n_inputs:,}"),
        ("validation accuracy, chosen on", f"{100 * trained.score:.2f} %"),
        ("  of the relaxed network", f"{100 * trained.soft_accuracy:.2f} %"),
        (f"test accuracy, {evaluation.n_samples:,} samples", test),
        ("best epoch", f"{trained.best_epoch} of {trained.config.epochs}"),
        ("training time", f"{trained.seconds:.0f} s"),
    )
