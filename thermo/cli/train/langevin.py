"""thermoc train: make a machine from data."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from compiler.families.conv_langevin import ConvLangevinMachine
from compiler.families.langevin import LangevinMachine
from compiler.families.registry import family_of
from compiler.families.store import load_model
from compiler.files import check_writable
from hw_models.imperfect import Imperfections
from hw_models.presets import file_read
from thermo.cli.console import BarProgress, emit, manifest, notes
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, CHECKPOINT, DATA_DIR, LOG, SEED, THREADS, Given, with_flags
from thermo.cli.logged import progress_of
from thermo.cli.train.saving import checkpoint_of, save_trained
from thermo.common_options import INPUT_BITS, OUTPUT_BITS
from thermo.evaluate import evaluate
from thermo.options import Option
from thermo.report.page import Table
from thermo.report.text import text_table
from thermo.simulate.threads import check_threads
from thermo.training import TrainingError, train_onsager_machlup, train_pathwise
from thermo.training.langevin.circuit import strengths
from thermo.training.langevin.presets import likelihood_preset, pathwise_preset
from thermo.training.regimes import AT, REGIME

OPTIONS = (
    Option("out", "--out", Path, ..., "Model to write (.safetensors).", short="-o"),
    Option("data", "--data", str, "digits", "Data set; see `thermoc data`."),
    DATA_DIR,
    Option(
        "method",
        "--method",
        str,
        "pathwise",
        "pathwise (gradients through the noisy run), likelihood (teacher-student, streamed) or "
        "least-squares (the same, exact).",
    ),
    Option("hidden", "--hidden", int, None, "Hidden cells.", min=0),
    Option(
        "channels",
        "--channels",
        int,
        None,
        "Cells at every place of a convolutional front, whose couplings are tied (pictures).",
        min=1,
    ),
    Option("epochs", "--epochs", int, None, "", min=1),
    Option("start", "--start", Path, None, "Trained model to go on from."),
    Option("heat_penalty", "--heat-penalty", float, None, "Loss per kT of heat.", min=0),
    Option("heat_budget", "--heat-budget", float, None, "Wanted mean heat in kT; finds the penalty."),
    Option("coupling_penalty", "--coupling-penalty", float, None, "Loss per sum |W| of a cell.", min=0),
    Option("coupled", "--coupled/--uncoupled", bool, True, "Couplings among dynamic cells."),
    Option("directed", "--directed", bool, False, "Train J_ij and J_ji apart; no potential then."),
    Option(
        "device", "--device", str, None, "Hardware trained for, `thermoc presets` lists it, or a file.toml."
    ),
    AT,
    Option("couplings", "--couplings", str, None, "What its couplings are made of (none: its own)."),
    INPUT_BITS,
    OUTPUT_BITS,
    Option("mismatch", "--mismatch", float, 0.0, "Relative spread of every directed coupling."),
    Option("asymmetry", "--asymmetry", float, 0.0, "Relative spread of W_ij against W_ji."),
    Option("bits", "--bits", int, None, "Resolution of the couplings (none: exact)."),
    Option("bias_mismatch", "--bias-mismatch", float, 0.0, "Relative spread of every bias."),
    Option(
        "device_seed",
        "--device-seed",
        int,
        None,
        "Train in place on this device (none: a new one a batch); with --regime, the one that is tested on.",
        min=0,
    ),
    REGIME,
    Option("engine", "--engine", str, "numba", "numba, or jax: JAX's devices share a batch's tiles."),
    CHECKPOINT,
    LOG,
    SEED,
    THREADS,
    AS_JSON,
)

PATHWISE = {"channels", "start", "heat_penalty", "heat_budget", "directed", "checkpoint", "device_seed"}
PATHWISE |= {"input_bits", "output_bits", "at", "regime", "engine"}
PATHWISE |= {"coupling_penalty", "device", "couplings", "mismatch", "asymmetry", "bits", "bias_mismatch"}
"""Flags that back-propagation through the noisy run takes, and teacher and student do not."""


@with_flags(*OPTIONS)
def langevin(given: Given) -> None:
    """Train a Langevin machine; defaults are the settings tuned for the data set.

    Mismatch, asymmetry and bits are drawn anew for every batch: a machine trained so keeps its
    accuracy on devices it has never seen. With --device-seed it is trained in place, on that one
    device, and accuracies are those it has there. --regime says which of the two, or neither, and has the
    test on device --device-seed.

    With --device training, validation and test have the noise, load and range of its couplings, at
    voltages found for them, and the levels, offsets and noise of its converters.

    Example: thermoc train langevin --data mnist -o mnist.safetensors
    """
    check_writable(given["out"])
    kept = checkpoint_of(given["checkpoint"], given["out"])
    check_threads(given["threads"])  # the simulator's limit, told before hours of training and not after
    if given["method"] in ("likelihood", "least-squares"):
        for option in OPTIONS:
            if option.key in PATHWISE and option.is_given(given[option.key]):
                raise TrainingError(
                    f"{option.flag} needs --method pathwise, got {given['method']}: leave it out"
                )
    dataset = told_dataset(given["data"], given["data_dir"])
    first = _machine(given["start"]) if given["start"] else None
    if first is not None and given["hidden"] not in (None, first.n_hidden):
        raise TrainingError(
            f"{given['start']}: has {first.n_hidden} hidden cells, --hidden asks for {given['hidden']}; "
            "leave it out"
        )
    told = progress_of(given["log"])
    if given["method"] == "pathwise":
        config = _changed(
            pathwise_preset(
                dataset,
                heat_budget=given["heat_budget"],
                coupled=given["coupled"],
                n_hidden=given["hidden"] if first is None else first.n_hidden,
                device=file_read(given["device"]),
                couplings=given["couplings"],
                channels=given["channels"],
            ),
            epochs=given["epochs"],
            heat_penalty=given["heat_penalty"],
            coupling_penalty=given["coupling_penalty"],
            input_bits=given["input_bits"],
            output_bits=given["output_bits"],
            seed=given["seed"],
            symmetric=not given["directed"],
            non_ideal=_non_ideal(
                given["mismatch"], given["asymmetry"], given["bits"], given["bias_mismatch"]
            ),
            device_seed=given["device_seed"],
            at=given["at"],
            regime=given["regime"],
            engine=given["engine"],
        )
        if kept.exists():
            notes.print(f"resuming from {kept}", markup=False)
        trained = train_pathwise(
            dataset, config, start=first, progress=told, checkpoint=kept, threads=given["threads"]
        )
    elif given["method"] in ("likelihood", "least-squares"):
        config = _changed(
            likelihood_preset(dataset, exact=given["method"] == "least-squares", n_hidden=given["hidden"]),
            epochs=given["epochs"],
            coupled=given["coupled"],
            seed=given["seed"],
        )
        trained = train_onsager_machlup(dataset, config, progress=told, threads=given["threads"])
    else:
        raise TrainingError(f"method must be pathwise, likelihood or least-squares, got {given['method']!r}")

    if given["heat_budget"] is not None and trained.mean_heat > given["heat_budget"]:
        notes.print(
            f"the heat budget of {given['heat_budget']:g} kT was not met ({trained.mean_heat:,.0f} kT on "
            "validation data): train longer or raise it"
        )
    there: dict[str, Any] = {}
    if given["device"] is not None:
        there = {name: given[name] for name in ("device", "at", "couplings", "input_bits", "output_bits")}
    if given["device_seed"] is not None or given["regime"] is not None:
        there |= {"non_ideal": trained.config.non_ideal, "device_seed": given["device_seed"] or 0}
    evaluation, _ = evaluate(
        _netlist(trained.model),
        dataset,
        "test",
        seed=given["seed"],
        threads=given["threads"],
        progress=BarProgress(),
        **there,
    )
    facts = {
        "validation": trained.score,
        "test": evaluation.accuracy if evaluation.accuracy is not None else evaluation.rmse,
        "heat_kT": None if evaluation.heat_kT is None else asdict(evaluation.heat_kT),
    }
    machine = save_trained(trained.model, given["out"], facts, given["seed"], trained.seconds)
    if given["method"] == "pathwise" and given["checkpoint"] is None:
        kept.unlink(missing_ok=True)  # not before the model is there: a training may take hours
    emit(
        {
            "model": given["out"],
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
            "manifest": manifest(seed=given["seed"]),
        },
        given["json"],
        text_table(Table(("trained machine", ""), _rows(machine, evaluation, trained), (1,)))
        + f"\n\nwrote {given['out']}; next: thermoc compile {given['out']} -o net.tnl",
    )


def _machine(path: Path) -> LangevinMachine:
    model = load_model(path)
    if not isinstance(model, LangevinMachine):
        raise TrainingError(f"{path}: --start needs a Langevin machine, got another kind of model")
    return model


def _netlist(model: Any) -> Any:
    family = family_of(model)
    assert family is not None
    return family.lowered(model)


def _changed(config: Any, **changes: Any) -> Any:
    return replace(config, **{k: v for k, v in changes.items() if v is not None})


def _non_ideal(
    mismatch: float, asymmetry: float, bits: int | None, bias_mismatch: float
) -> Imperfections | None:
    law = Imperfections(mismatch, asymmetry, bits, bias_mismatch)
    return None if law.ideal else law


def _largest(machine: Any) -> float:
    found = float(np.abs(machine.coupling).max(initial=0.0))
    return max(found, float(np.abs(machine.across).max())) if hasattr(machine, "across") else found


def _rows(machine: Any, evaluation: Any, trained: Any) -> tuple[tuple[str, str], ...]:
    if isinstance(machine, ConvLangevinMachine):
        n_in, front, hidden, out = machine.sizes
        shape = "x".join(str(k) for k in machine.front_shape)
        rows = [("cells", f"{n_in} frozen, {front} in front ({shape}), {hidden} hidden, {out} out")]
        rows.append(("parameters, tied ones once", f"{machine.n_parameters:,}"))
    else:
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
    if (hardware := getattr(trained.config, "hardware", None)) is not None:
        strength = strengths(machine.w_in, machine.coupling).mean()
        rows.append(("trained for", f"{hardware.name}, {hardware.couplings.name} couplings"))
        rows.append(("kT in the machine's units", f"{machine.kT:.3g}"))
        rows.append(("sum of |W| a cell, mean", f"{strength:.0f}"))
    rows.append(("training time", f"{trained.seconds:.0f} s"))
    return tuple(rows)
