"""A circuit measured on one split of a data set."""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.ir.gates import GateNetlist
from thermo.data import DataError, Dataset
from thermo.evaluate import Evaluation
from thermo.simulate.gates.run import GateResult, simulate_gates


def evaluate_gates(
    netlist: GateNetlist, dataset: Dataset, split: str = "test", *, limit: int | None = None, **options: Any
) -> tuple[Evaluation, GateResult]:
    """Run every sample of the split (or the first `limit`) and compare with the truth.

    options : of thermo.simulate.gates.run.simulate_gates (toggles, faults, seed, threads, ...)
    Without class sums the circuit decides nothing and the accuracy is None.
    Raises DataError if the circuit and the data set do not fit.
    """
    check_circuit_fit(netlist, dataset)
    x, y = (part[:limit] for part in dataset.part(split))
    result = simulate_gates(netlist, x, **options)
    n = result.n_samples
    if netlist.class_sums is None:
        return Evaluation(split, n, 1, None, None, None, None), result
    predicted = result.predictions()
    labels = netlist.class_sums.labels
    if labels and dataset.labels and set(labels) == set(dataset.labels):
        predicted = np.array([dataset.labels.index(label) for label in labels])[predicted]
    accuracy = float(np.mean(predicted == y))
    sem = float(np.sqrt(accuracy * (1 - accuracy) / n))
    return Evaluation(split, n, 1, accuracy, sem, None, None), result


def check_circuit_fit(netlist: GateNetlist, dataset: Dataset) -> None:
    """Raise DataError unless the circuit reads this data and answers with its classes."""
    encoder, sums = netlist.encoder, netlist.class_sums
    if encoder is None:
        raise DataError(
            f"the circuit has {netlist.n_inputs} inputs and no encoder that makes bits of data set "
            f"{dataset.name}: compile it with an encoder, or give bits to simulate_gates"
        )
    if encoder.n_features != dataset.n_features:
        raise DataError(
            f"data set {dataset.name} has {dataset.n_features} values a sample; the circuit's "
            f"encoder reads {encoder.n_features}: choose the data it was made for"
        )
    if sums is None:
        return
    if dataset.n_classes != sums.n_classes:
        asked = f"{dataset.n_classes} classes" if dataset.n_classes else "numbers"
        raise DataError(
            f"the circuit decides between {sums.n_classes} classes, data set {dataset.name} asks "
            f"for {asked}: choose the data it was made for"
        )
