"""Teachers: what other networks, machines and files say of the training samples, as probabilities."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compiler import api
from compiler.arrays import npz_names, read_npz, whole
from compiler.errors import ThermocError
from compiler.formats.detect import read_model_or_netlist
from thermo.data import Dataset
from thermo.evaluate import codes_of, evaluate, label_codes
from thermo.progress import Progress
from thermo.training.errors import TrainingError
from thermo.training.logic.targets import SUM, checked_teacher, refuse, softened

NAMES = ("logits", "probabilities")
"""What an .npz file's array of a teacher is called."""
NPY = b"\x93NUMPY"


def read_teacher(
    path: str | os.PathLike,
    dataset: Dataset,
    *,
    temperature: float = 1.0,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """(n_train, n_classes) probabilities of the training samples by the teacher in a file.

    path : an .npz with `logits` or `probabilities`, a row for each training sample; an .npy with one of
        these, told by its values; or a model or netlist of any format that `thermoc compile` reads
    temperature, seed, threads, progress : as of teacher_of; probabilities have no temperature

    Raises TrainingError naming the file for what is no teacher of this data.
    """
    path = Path(path)
    try:
        found = _arrays(path)
        if found is None:
            source = _source(path)
            return teacher_of(
                source, dataset, temperature=temperature, seed=seed, threads=threads, progress=progress
            )
        name, values = found
        if name == "logits":
            return checked_teacher(softened(values, temperature), dataset)
        if temperature != 1:
            raise TrainingError(
                f"a temperature divides logits, and these are probabilities, got {temperature:g}; leave it "
                "out, or save the logits"
            )
        return checked_teacher(values, dataset)
    except ThermocError as error:
        told = str(error).removeprefix("teacher: ")
        raise TrainingError(told if str(path) in told else f"{path}: {told}") from None


def teacher_of(
    source: Any,
    dataset: Dataset,
    *,
    temperature: float = 1.0,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """(n_train, n_classes) softmax of what a network or machine answers to the training samples.

    source : a model or netlist. A model with `answers` says them itself, without noise; else it is compiled
        and run: class sums over tau of a circuit, answers of a machine that decides by the largest
    temperature : answers are divided by it
    seed, threads, progress : as of `simulate`, of a machine that runs

    Raises TrainingError for what does not decide between the data's classes, DataError and UnsupportedError
    for what does not fit the data or cannot be run.
    """
    codes: np.ndarray | None
    if hasattr(source, "answers"):
        answers, codes = _said(source, dataset), codes_of(source.labels, dataset)
    else:
        netlist = api.compile(source)
        options = {} if threads is None else {"threads": threads}
        evaluation, result = evaluate(netlist, dataset, "train", seed=seed, progress=progress, **options)
        if evaluation.accuracy is None:
            raise TrainingError(
                "teacher: the circuit has no class sums, so it decides nothing; compile it with --classes"
            )
        answers, codes = result.answers(), label_codes(netlist, dataset)
    logits = answers if codes is None else answers[:, np.argsort(codes)]
    return checked_teacher(softened(logits, temperature), dataset)


def mean_of(teachers: Sequence[np.ndarray]) -> np.ndarray:
    """(n_train, n_classes) what several teachers say together: the mean of their probabilities (Hinton,
    Vinyals and Dean, arXiv 1503.02531, section 2: of an ensemble). A single one is returned as it is.
    """
    if len(teachers) == 0:
        raise TrainingError("teacher: mean_of takes at least one teacher's probabilities, got none")
    return teachers[0] if len(teachers) == 1 else np.mean(teachers, axis=0)


def _said(model: Any, dataset: Dataset) -> np.ndarray:
    """(n_train, n_classes) answers of a model that has them without being run."""
    head = getattr(model, "head", "classification")
    if head != "classification" or model.n_inputs != dataset.n_features:
        raise TrainingError(
            f"teacher: the model makes a {head} of {model.n_inputs} values, data set {dataset.name} has "
            f"{dataset.n_features} values and {dataset.n_classes} classes: choose one made for it"
        )
    answers = np.asarray(model.answers(dataset.x_train))
    if answers.shape[1] != dataset.n_classes:
        raise TrainingError(
            f"teacher: the model tells {answers.shape[1]} classes apart, data set {dataset.name} has "
            f"{dataset.n_classes}: choose one made for it"
        )
    return answers


def _source(path: Path) -> Any:
    try:
        return read_model_or_netlist(path)
    except ThermocError as error:
        raise TrainingError(
            f"{error}; as a teacher give a model or netlist (what needs flags to be read becomes one by "
            "thermoc compile), or an .npz with `logits` or `probabilities` of the training samples"
        ) from None


def _arrays(path: Path) -> tuple[str, np.ndarray] | None:
    """(which of NAMES, the array) of a file of arrays; None for another file."""
    held = npz_names(path)
    names = [name for name in NAMES if held is not None and f"{name}.npy" in held]
    if len(names) == 2:
        raise TrainingError("teacher: the file has logits and probabilities; keep the one that is to be used")
    if names:
        values = read_npz(path, names=names).get(names[0])
        if values is None:
            raise TrainingError(f"teacher: {names[0]} must be numbers, and are Python objects")
        return names[0], values
    if not path.is_file() or path.open("rb").read(len(NPY)) != NPY:
        return None
    with whole(path, ".npy file", "write it again by numpy.save"):
        values = np.load(path, allow_pickle=False)
    return _name_of(values), values


def _name_of(values: np.ndarray) -> str:
    """What an array without a name is: rows of shares that sum to 1 are probabilities, numbers beyond [0, 1]
    logits.
    """
    if values.dtype.kind not in "fiu" or values.ndim != 2:
        raise TrainingError(
            f"teacher: the array must be numbers, one row for each training sample and a column for each "
            f"class, got {values.dtype} of shape {values.shape}"
        )
    refuse(values, ~np.isfinite(values), "values must be finite numbers")
    if (values < 0).any() or (values > 1).any():
        return "logits"
    if np.all(np.abs(values.sum(axis=1, dtype=np.float64) - 1) <= SUM):
        return "probabilities"
    raise TrainingError(
        "teacher: the array's values are from 0 to 1 but its rows do not sum to 1, so it may be logits or "
        "probabilities; save it in an .npz by one of these names"
    )
