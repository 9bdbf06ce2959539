"""thermoc train logic: a classifier of two-input gates, or of tables of more inputs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from compiler.circuits.encoder import Grid, grid_of
from compiler.circuits.from_tables import circuit_of
from compiler.counting import bits_read, counts, shared_counts, whole_counts
from compiler.errors import UnsupportedError
from compiler.families.logic import LogicNetwork, lower_logic
from compiler.families.tables import lower_tables
from compiler.files import check_writable
from compiler.ir.gates import GateNetlist
from thermo.cli.console import emit, manifest, notes
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, CHECKPOINT, DATA_DIR, LOG, SEED, THREADS, Given, with_flags
from thermo.cli.logged import progress_of
from thermo.cli.train.saving import checkpoint_of, save_trained
from thermo.data import Dataset
from thermo.evaluate import Evaluation, evaluate
from thermo.options import Option
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.simulate.threads import check_threads
from thermo.training import TrainingError
from thermo.training.logic import LogicAugmentation, TrainedLogic, logic_preset, train_logic
from thermo.training.logic.teachers import mean_of, read_teacher
from thermo.training.logic.train import shared_tables_file

TEACHING = (
    Option("teacher_share", "--teacher-share", float, None, "Of the targets, the rest are labels (0.5)."),
    Option("teacher_temperature", "--teacher-temperature", float, None, "Its logits are divided by it (1)."),
)
"""What means something with a teacher alone."""

OPTIONS = (
    Option("out", "--out", Path, ..., "Model to write (.safetensors).", short="-o"),
    Option("data", "--data", str, "digits", "Data set; see `thermoc data`."),
    DATA_DIR,
    Option("gates", "--gates", list[int], None, "Gates, or tables, of a layer; of several 500,300.", min=1),
    Option(
        "inputs",
        "--inputs",
        int,
        None,
        "Inputs of a gate, 2 to 6; more than two make it a table (default 2).",
        min=2,
        max=6,
    ),
    Option(
        "candidates", "--candidates", str, None, "Wires that each input chooses from, or all.", short="-k"
    ),
    Option(
        "wiring",
        "--wiring",
        str,
        None,
        "learnable, fixed (balanced); of several layers also tree (the first layer learns its wiring, higher "
        "ones read tables side by side) or residual (learnable, higher layers read input bits, too).",
    ),
    Option("forward", "--forward", str, None, "straight-through, soft or gumbel."),
    Option("parametrisation", "--parametrisation", str, None, "table (4 logits) or gates (16)."),
    Option("estimator", "--estimator", str, None, "Of a threshold's slope: identity or reste."),
    Option(
        "encoder",
        "--encoder",
        str,
        None,
        "Input bits: thermometer, comparisons (of pixels), blocks (of sums), counts (over windows), mix or "
        "patches (counts of shared tables alone).",
    ),
    Option("comparisons", "--comparisons", int, None, "Random comparisons to choose from.", min=1),
    Option("pixel_bits", "--pixel-bits", int, None, "Upper bits of a pixel that encoders read.", min=1),
    Option("stride", "--stride", int, None, "Pixels from one counted local bit to the next.", min=1),
    Option("patches", "--patches", int, None, "Tables shared by all places, counted, too.", min=0),
    Option("patch_size", "--patch-size", int, None, "Places along a side that they read (default 3).", min=1),
    Option("patch_inputs", "--patch-inputs", int, None, "Of a shared table (default 4).", min=2, max=6),
    Option("patch_epochs", "--patch-epochs", int, None, "They learn, 0 for random ones (default 6).", min=0),
    Option("keep", "--keep", float, None, "Share of the kinds of local bits and tables left after pruning."),
    Option("encoding", "--encoding", str, None, "absolute, dataset-quantile or image-quantile."),
    Option("threshold", "--threshold", list[float], None, "Of the encoding; repeat it for several."),
    Option("tau", "--tau", str, None, "Divisor of the class sums: a number, adaptive or width."),
    Option("epochs", "--epochs", int, None, "", min=1),
    Option("batch", "--batch", int, None, "", min=1),
    Option("learning_rate", "--learning-rate", float, None, ""),
    Option(
        "schedule",
        "--schedule",
        str,
        None,
        "Of the learning rate: cosine, or validation, which lowers it where validation gets no better.",
    ),
    Option(
        "patience", "--patience", int, None, "Validations without a better one before it does (5).", min=1
    ),
    Option("smoothing", "--smoothing", float, None, "Of labels: share spread over all classes (default 0)."),
    Option(
        "teacher",
        "--teacher",
        list[Path],
        None,
        "Also learn from what it says of the training samples: a model or netlist, or an .npz with logits or "
        "probabilities, a row a sample; repeat it for the mean of several.",
    ),
    *TEACHING,
    Option(
        "freeze",
        "--freeze",
        float,
        None,
        "Share of the epochs after which the first of several layers is fixed, the next ones evenly later.",
    ),
    Option("augment", "--augment/--no-augment", bool, True, "Move and warp training images."),
    Option("backend", "--backend", str, "numba", "numba, or jax on its default device."),
    CHECKPOINT,
    LOG,
    SEED,
    THREADS,
    AS_JSON,
)


@with_flags(*OPTIONS)
def logic(given: Given) -> None:
    """Train a network of two-input gates, or of tables, functions and wiring; defaults suit the data set.

    The epoch is chosen by the validation accuracy of the hard network, the one that becomes gates;
    its test accuracy is measured once, on the compiled circuit.

    Example: thermoc train logic --data mnist --gates 8000 -o mnist-gates.safetensors

    Example: thermoc train logic --data mnist --inputs 6 --gates 2000 -o mnist-tables.safetensors

    Example: thermoc train logic --data mnist --gates 2000 --teacher large.safetensors -o small.safetensors
    """
    check_writable(given["out"])
    kept = checkpoint_of(given["checkpoint"], given["out"])
    check_threads(given["threads"])
    dataset = told_dataset(given["data"], given["data_dir"])
    config = logic_preset(
        dataset,
        layers=tuple(given["gates"]) if given["gates"] else None,
        inputs=given["inputs"],
        k=_count(given["candidates"]),
        wiring=given["wiring"],
        forward=given["forward"],
        parametrisation=given["parametrisation"],
        estimator=given["estimator"],
        encoder=given["encoder"],
        comparisons=given["comparisons"],
        pixel_bits=given["pixel_bits"],
        stride=given["stride"],
        patches=given["patches"],
        patch_size=given["patch_size"],
        patch_inputs=given["patch_inputs"],
        patch_epochs=given["patch_epochs"],
        keep=given["keep"],
        encoding=given["encoding"],
        thresholds=tuple(given["threshold"]) if given["threshold"] else None,
        tau=_tau(given["tau"]),
        epochs=given["epochs"],
        batch=given["batch"],
        learning_rate=given["learning_rate"],
        schedule=given["schedule"],
        patience=given["patience"],
        smoothing=given["smoothing"],
        teacher_share=given["teacher_share"],
        freeze=given["freeze"],
        seed=given["seed"],
        augmentation=None if given["augment"] else LogicAugmentation(),
    )
    if kept.exists() or shared_tables_file(kept).exists():
        notes.print(f"resuming from {kept}", markup=False)
    teacher = _teacher(given, dataset)
    trained = train_logic(
        dataset,
        config,
        teacher=teacher,
        progress=progress_of(given["log"]),
        checkpoint=kept,
        threads=given["threads"],
        backend=given["backend"],
    )
    model = trained.model
    netlist = lower_logic(model) if isinstance(model, LogicNetwork) else lower_tables(model)
    evaluation, _ = evaluate(netlist, dataset, "test", threads=given["threads"])
    facts = {"data": dataset.name, "validation": trained.score, "test": evaluation.accuracy}
    network = save_trained(model, given["out"], facts, given["seed"], trained.seconds)
    if given["checkpoint"] is None:
        for file in (kept, shared_tables_file(kept)):
            file.unlink(missing_ok=True)  # not before the model is there
    counted = counts(netlist)
    circuit = circuit_of(netlist)
    whole = whole_counts(circuit, _grid(circuit, dataset))
    assert circuit.encoder is not None
    shared = shared_counts(circuit.encoder)
    rows = _rows(evaluation, trained, counted, whole, shared, bits_read(circuit))
    emit(
        {
            "model": given["out"],
            "data": dataset.name,
            "split": "test",
            "accuracy": evaluation.accuracy,
            "runs": 1,
            "n_samples": evaluation.n_samples,
            "valid_accuracy": trained.score,
            **(
                {}
                if trained.soft_accuracy is None
                else {"soft_accuracy": trained.soft_accuracy, "soft_hard_gap": trained.gap}
            ),
            "best_epoch": trained.best_epoch,
            **{name: counted[name] for name in ("gates", "tables") if name in counted},
            "two_input_gates": whole,
            **({"shared_tables": shared} if shared else {}),
            "inputs": network.n_inputs,
            "seconds": trained.seconds,
            **({} if teacher is None else {"teacher_accuracy": _accuracy(teacher, dataset)}),
            "config": asdict(config),
            "manifest": manifest(seed=given["seed"], teacher=given["teacher"]),
        },
        given["json"],
        text_table(Table(("trained network", ""), rows, (1,)))
        + f"\n\nwrote {given['out']}; next: thermoc compile {given['out']} -o net.tnl",
    )


WHOLE = {"core": "core only", "with_head": "with head", "with_encoder_and_head": "with encoder and head"}


def _grid(netlist: GateNetlist, dataset: Dataset) -> Grid | None:
    """What whole numbers the data are, None where they are none."""
    assert netlist.encoder is not None
    try:
        return grid_of(netlist.encoder, dataset.x_train)
    except UnsupportedError:
        return None


def _teacher(given: Given, dataset: Dataset) -> np.ndarray | None:
    """Probabilities of the training samples, once it has been said how good they are."""
    paths, temperature = given["teacher"], given["teacher_temperature"]
    if not paths:
        for option in TEACHING:
            if given[option.key] is not None:
                told = f"{option.flag} {given[option.key]:g}"
                raise TrainingError(f"{told} is for --teacher: add it, or leave {option.flag} out")
        return None
    for path in paths:
        if not path.exists():  # before long work of those before it
            raise TrainingError(f"{path}: cannot be read (No such file or directory); check the name")
    same = {path.resolve() for path in paths}
    if len(same) < len(paths):
        raise TrainingError(
            f"--teacher names {len(paths)} files of which {len(same)} are different; name each once"
        )
    found = []
    for path in paths:
        found.append(
            read_teacher(
                path,
                dataset,
                temperature=1.0 if temperature is None else temperature,
                seed=given["seed"],
                threads=given["threads"],
            )
        )
        _say(f"teacher {path}", found[-1], dataset)
    together = mean_of(found)
    if len(found) > 1:
        _say(f"{len(found)} teachers together", together, dataset)
    return together


def _say(who: str, teacher: np.ndarray, dataset: Dataset) -> None:
    share, n = 100 * _accuracy(teacher, dataset), dataset.y_train.size
    notes.print(f"{who}: right on {share:.2f} % of {n:,} training samples", markup=False)


def _accuracy(teacher: np.ndarray, dataset: Dataset) -> float:
    """Share of training samples whose class is the teacher's most probable one."""
    return float(np.mean(np.argmax(teacher, axis=1) == dataset.y_train))


def _count(text: str | None) -> int | str | None:
    if text is None or text == "all":
        return text
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise TrainingError(f'--candidates must be a whole number below 10^9 or "all", got {text!r}')
    return int(text)


def _tau(text: str | None) -> float | str | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _rows(
    evaluation: Evaluation,
    trained: TrainedLogic,
    counted: dict[str, Any],
    whole: dict[str, int],
    shared: dict[str, int],
    read: int,
) -> tuple[tuple[str, str], ...]:
    network = trained.model
    assert evaluation.accuracy is not None and evaluation.accuracy_sem is not None
    test = f"{100 * evaluation.accuracy:.2f} ± {100 * evaluation.accuracy_sem:.2f} %"
    if isinstance(network, LogicNetwork):
        widths = ", ".join(f"{layer.n_gates:,}" for layer in network.layers)
        sizes = [("gates, layer by layer", widths)]
        sizes.append(("live two-input gates", f"{counted['gates']['two_input']:,}"))
    else:
        sizes = [(f"tables of {layer.inputs} inputs", f"{layer.n_tables:,}") for layer in network.layers]
        sizes.append(("  as two-input gates", ""))
    relaxed = trained.soft_accuracy
    soft = () if relaxed is None else (("  of the relaxed network", f"{100 * relaxed:.2f} %"),)
    return (
        *sizes,
        *((f"  {WHOLE[name]}, after -O1", f"{n:,}") for name, n in whole.items()),
        *_shared_rows(shared),
        ("input bits, read of those offered", f"{read:,} of {network.n_inputs:,}"),
        ("validation accuracy, chosen on", f"{100 * trained.score:.2f} %"),
        *soft,
        (f"test accuracy, {evaluation.n_samples:,} samples", test),
        ("best epoch", f"{trained.best_epoch} of {trained.config.epochs}"),
        ("training time", f"{trained.seconds:.0f} s"),
    )


def _shared_rows(shared: dict[str, int]) -> tuple[tuple[str, str], ...]:
    """Tables applied at many places, with gates of their own at each, or one place after another."""
    if not shared:
        return ()
    return (
        ("shared tables, times they are applied", f"{shared['tables']:,}, {shared['places']:,}"),
        ("  as gates, all places at once", f"{shared['gates_unrolled']:,}"),
        (
            "  as gates, one place at a time",
            f"{shared['gates_once']:,} and {shared['memory_bits']:,} bits of memory",
        ),
    )
