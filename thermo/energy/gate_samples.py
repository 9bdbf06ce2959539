"""Input bits for a circuit in the order in which they come, and how well it decides on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from compiler.circuits.evaluate import encode_bits, evaluate_classes, unpack_bits
from compiler.circuits.possible import possible_words
from compiler.ir.gates import GateNetlist
from thermo.data import DataError, Dataset

RANDOM_SAMPLES = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """bits : (n_samples, n_inputs) in order; labels : or None; split : "" for random patterns
    data : (n_samples, n_features) that the encoder made them of, or None
    """

    bits: np.ndarray
    labels: np.ndarray | None
    split: str
    source: str
    data: np.ndarray | None = None


def dataset_samples(netlist: GateNetlist, dataset: Dataset, split: str) -> Samples:
    """A split's samples as input bits of the netlist, labels only where it has classes.

    A netlist without encoder takes data of as many values as it has inputs, all 0 or 1.

    Raises DataError if the netlist and the data set do not fit.
    """
    x, y = dataset.part(split)
    wanted = netlist.n_inputs if netlist.encoder is None else netlist.encoder.n_features
    if dataset.n_features != wanted:
        raise DataError(
            f"data set {dataset.name} has {dataset.n_features} values a sample; the circuit takes "
            f"{wanted}: choose the data it was made for, or drop --data for random patterns"
        )
    if netlist.encoder is None and not np.isin(x, (0.0, 1.0)).all():
        raise DataError(
            f"the circuit has no encoder, so that data must be 0 and 1; data set {dataset.name} "
            "holds other values: drop --data for random patterns"
        )
    bits = x.astype(bool) if netlist.encoder is None else encode_bits(netlist, x)
    sums = netlist.class_sums
    if sums is not None and sums.n_classes != dataset.n_classes:
        raise DataError(
            f"the circuit decides between {sums.n_classes} classes, data set {dataset.name} has "
            f"{dataset.n_classes}: choose the data it was made for"
        )
    return Samples(
        bits,
        None if sums is None else y,
        split,
        f"{dataset.name}, {split} split in its order",
        None if netlist.encoder is None else x,
    )


def random_samples(netlist: GateNetlist, seed: int = 0) -> Samples:
    """Independent uniformly random input patterns: a circuit's activity without data."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, (RANDOM_SAMPLES, netlist.n_inputs)).astype(bool)
    return Samples(bits, None, "", f"{RANDOM_SAMPLES:,} uniformly random patterns, seed {seed}")


def possible_samples(netlist: GateNetlist, n_samples: int, seed: int = 0) -> Samples:
    """Random input patterns that the circuit's encoder can make: on others what -O2 made of it may differ."""
    rng = np.random.default_rng(seed)
    if netlist.encoder is None:
        bits = rng.integers(0, 2, (n_samples, netlist.n_inputs)).astype(bool)
        return Samples(bits, None, "", f"{n_samples:,} uniformly random patterns, seed {seed}")
    bits = unpack_bits(possible_words(netlist.encoder, rng, -(-n_samples // 64)), n_samples)
    return Samples(bits, None, "", f"{n_samples:,} random patterns of the encoder, seed {seed}")


def right_decisions(netlist: GateNetlist, samples: Samples, classes: Sequence[str] = ()) -> np.ndarray | None:
    """(n_samples,) bool: decisions that were right, None without labels; a tie goes to the first class.

    classes : the data set's names of its classes; those of the circuit are matched with them
    """
    sums = netlist.class_sums
    if sums is None or samples.labels is None:
        return None
    decided = evaluate_classes(netlist, samples.bits).argmax(axis=1)
    if sums.labels and set(sums.labels) == set(classes):
        decided = np.array([classes.index(label) for label in sums.labels])[decided]
    return np.asarray(decided == samples.labels)


def share_right(right: np.ndarray | None) -> tuple[float | None, float | None]:
    """(share of right decisions, its standard error)"""
    if right is None:
        return None, None
    share = float(np.mean(right))
    return share, float(np.sqrt(share * (1 - share) / right.size))
