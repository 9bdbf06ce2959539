"""What networks of gates and of tables share: columns that are checked, answers counted in equal blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.circuit_parts import encoder_of
from compiler.ir.encoders import CountingEncoder, Encoder, verify_encoder
from compiler.ir.gates import ClassSums

Wanted = Mapping[str, tuple[tuple[int, ...], type]]
"""(shape, dtype) by name of column."""


def check_columns(what: str, columns: Mapping[str, np.ndarray], wanted: Wanted) -> None:
    """Raises NetlistError for a column of another shape or dtype, or a float that is not finite."""
    for name, (shape, dtype) in wanted.items():
        array = columns[name]
        if array.shape != shape or array.dtype != dtype:
            raise NetlistError(
                f"{what}: {name} must be {np.dtype(dtype).name} of shape {shape}, got "
                f"{array.dtype} of shape {array.shape}"
            )
        if array.dtype == np.float32 and not np.isfinite(array).all():
            raise NetlistError(f"{what}: {name} has a value that is not finite")


def nets_below(n_inputs: int, widths: tuple[int, ...], skips: bool) -> tuple[int, ...]:
    """How many nets each layer may read. widths : of the layers; skips : see LogicNetwork."""
    return (n_inputs, *(width + skips * n_inputs for width in widths[:-1]))


def said_below(number: int, nets: int, skips: bool) -> str:
    """What layer `number` may read, for messages."""
    return f"nets of the layer below{' or input bits' if skips and number else ''}, 0 to {nets - 1}"


def netlist_nets(read: np.ndarray, first: int, below: int) -> np.ndarray:
    """Nets of a netlist, int64, that a layer reads: `below` ones from `first` on, then input bits."""
    read = read.astype(np.int64)
    return np.where(read < below, first + read, read - below)


def check_ends(what: str, n_inputs: int, n_layers: int) -> None:
    """Raises NetlistError for a network without layers or bits."""
    if not n_layers:
        raise NetlistError(f"{what}: there are no layers; give at least one")
    if n_inputs == 0:
        raise NetlistError(f"{what}: the encoder makes no bits; give it a threshold")


def check_answers(
    what: str, last: str, n_classes: int, size: int, tau: float, labels: tuple[str, ...]
) -> None:
    """Raises NetlistError where `size` nets (`last` says of what) are no equal blocks of the classes."""
    if n_classes < 2 or size % n_classes:
        raise NetlistError(
            f"{what}: the {size} {last} of the last layer must be equal blocks for at "
            f"least 2 classes, got {n_classes} classes"
        )
    if not (np.isfinite(tau) and tau > 0):
        raise NetlistError(f"{what}: tau must be a number above 0, got {tau}")
    if labels and len(labels) != n_classes:
        raise NetlistError(f"{what}: {len(labels)} labels for {n_classes} classes; give one for each")


def block_sums(first: int, size: int, n_classes: int, tau: float, labels: tuple[str, ...]) -> ClassSums:
    """Sums of equal blocks of the nets first, first + 1, ..., first + size - 1."""
    return ClassSums(
        nets=np.arange(first, first + size, dtype=np.int32),
        indptr=np.arange(n_classes + 1, dtype=np.int64) * (size // n_classes),
        tau=float(tau),
        labels=tuple(labels),
    )


def layer_arrays(layers: tuple[Any, ...], names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Columns of all layers by their name in a file; those that are None are left out."""
    columns = {f"layers.{k}.{name}": getattr(layer, name) for k, layer in enumerate(layers) for name in names}
    return {name: array for name, array in columns.items() if array is not None}


def told_encoder(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Encoder:
    """The encoder of a file whose columns are called encoder.NAME; NetlistError for one that does not fit."""
    columns = {name[8:]: column for name, column in arrays.items() if name.startswith("encoder.")}
    encoder = encoder_of(document["encoder"], columns)
    if isinstance(encoder, CountingEncoder):
        verify_encoder(encoder, encoder.n_bits)
    return encoder
