"""thermoc train reader: the small classifier in whose features generated images are measured."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from compiler.files import check_writable
from thermo.cli.console import BarProgress, emit, manifest
from thermo.cli.datasets import told_dataset
from thermo.cli.flags import AS_JSON, DATA_DIR, SEED, Given, with_flags
from thermo.cli.train.saving import save_trained
from thermo.options import Option
from thermo.quality.measure import SURE
from thermo.quality.reader import Reader, train_reader
from thermo.report.page import Table
from thermo.report.text import text_table


@with_flags(
    Option("out", "--out", Path, ..., "Model to write (.safetensors).", short="-o"),
    Option("data", "--data", str, "digits", "Data set with classes; see `thermoc data`."),
    DATA_DIR,
    Option("epochs", "--epochs", int, None, "None: 12 of many rows, 60 of few.", min=1),
    SEED,
    AS_JSON,
)
def reader(given: Given) -> None:
    """Train the small classifier that `thermoc quality` reads generated images with.

    Its epoch is chosen on validation data, its accuracy told on test data. Its digest goes into every
    measurement: distances in the features of two readers are not to be compared.

    Example: thermoc train reader --data mnist -o reader.safetensors
    """
    check_writable(given["out"])
    dataset = told_dataset(given["data"], given["data_dir"])
    trained = train_reader(dataset, epochs=given["epochs"], seed=given["seed"], progress=BarProgress())
    model = save_trained(trained.model, given["out"], {"data": dataset.name}, given["seed"], trained.seconds)
    read = Reader(model)
    _, probability = read.read(dataset.x_test)
    accuracy = float((probability.argmax(axis=1) == dataset.y_test).mean())
    confident = float((probability.max(axis=1) > SURE).mean())
    sem = float(np.sqrt(accuracy * (1 - accuracy) / dataset.y_test.size))
    rows = (
        ("network", "-".join(map(str, model.sizes))),
        ("test accuracy", f"{100 * accuracy:.2f} ± {100 * sem:.2f} %"),
        (f"test images read with p > {SURE}", f"{100 * confident:.1f} %"),
        ("digest", read.digest),
    )
    emit(
        {
            "model": given["out"],
            "data": dataset.name,
            "split": "test",
            "accuracy": accuracy,
            "accuracy_sem": sem,
            "confident": confident,
            "digest": read.digest,
            "valid_accuracy": trained.score,
            "best_epoch": trained.best_epoch,
            "seconds": trained.seconds,
            "config": asdict(trained.config),
            "manifest": manifest(seed=given["seed"]),
        },
        given["json"],
        text_table(Table(("reader", ""), rows, (1,))) + f"\n\nwrote {given['out']}",
    )
