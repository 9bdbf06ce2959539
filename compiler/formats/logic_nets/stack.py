"""Discretised layers of two-input gates, from whatever foreign layout, to one netlist."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.families.logic import input_names
from compiler.formats.options import Options
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import ClassSums, GateNetlist, make_gates

MAX_INPUTS = 1 << 24


@dataclass(frozen=True, slots=True, eq=False)
class GateLayer:
    """G gates. name : the entry of the file that errors name
    op : (G,) gate ids; a, b : (G,) nets of the layer below, of the input bits for the first one
    """

    name: str
    op: np.ndarray
    a: np.ndarray
    b: np.ndarray


def stack_layers(
    layers: Sequence[GateLayer],
    options: Options,
    *,
    origin: str,
    n_inputs: int | None = None,
    encoder: Thermometer | None = None,
    meta: Mapping[str, Any] | None = None,
) -> GateNetlist:
    """One netlist: every layer reads the one below, the last one is the answer.

    n_inputs : input bits where the file says; else options.inputs, else the largest one read
    encoder : where the file brings one; options may give another
    Input bits are called x[k], with an encoder x{feature}_{k}. With options.classes the last layer
    is that many equal blocks that are counted, else its gates are the outputs y[k].

    Raises FormatError naming the layer and gate of an index that is out of range or a gate id that
    is none, UnsupportedError for options that do not fit.
    """
    if not layers:
        raise FormatError(f"{origin}: holds no layer of gates")
    below = _width(layers[0], options, n_inputs, origin)
    encoder = asked_encoder(options, below, origin) or encoder
    columns = []
    first, start = 0, below
    n_bits = below
    for number, layer in enumerate(layers):
        _check(layer, number, below, origin)
        columns.append((layer.op, first + layer.a, first + layer.b))
        first, start, below = start, start + layer.op.size, layer.op.size
    op, a, b = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    names = input_names(encoder) if encoder else tuple(f"x[{k}]" for k in range(n_bits))
    sums = block_sums(options, first, below, origin)
    outputs = {} if sums else {f"y[{k}]": first + k for k in range(below)}
    return make_gates(names, op, a, b, outputs, class_sums=sums, encoder=encoder, meta={**(meta or {})})


def block_sums(options: Options, first: int, width: int, origin: str) -> ClassSums | None:
    """Class sums over equal blocks of the nets first .. first + width - 1, None without classes.

    Raises UnsupportedError for blocks that are not equal or labels that do not fit.
    """
    classes = options.classes
    if classes is None:
        return None
    if classes < 2 or width % classes:
        raise UnsupportedError(
            f"{origin}: the {width} gates of the last layer are no {classes} equal blocks; give "
            "another number of --classes (at least 2)"
        )
    if not (np.isfinite(options.tau) and options.tau > 0):
        raise UnsupportedError(f"{origin}: --tau must be a number above 0, got {options.tau}")
    return ClassSums(
        nets=np.arange(first, first + width, dtype=np.int32),
        indptr=np.arange(classes + 1, dtype=np.int64) * (width // classes),
        tau=float(options.tau),
        labels=options.labels,
    )


def chosen_gates(logits: Any, name: str, origin: str) -> np.ndarray:
    """Gate id of the largest of each row of 16 logits, the first on a tie.

    Raises FormatError naming the first gate with a logit that is not finite.
    """
    check_finite(logits, name, origin)
    return np.argmax(logits, axis=1)


def is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold; whole numbers of JSON may be too large for one."""
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and abs(value) <= sys.float_info.max


def check_finite(logits: np.ndarray, name: str, origin: str, axis: int = 0) -> None:
    """FormatError naming an entry without values, or entry and gate (its place on `axis`) of a value that is
    not finite.
    """
    if not np.issubdtype(logits.dtype, np.floating):
        raise FormatError(f"{origin}: {name} must hold real numbers, got {logits.dtype}")
    if not logits.size:
        raise FormatError(
            f"{origin}: {name} has the shape {logits.shape}; a layer has at least one gate, and its inputs "
            "one net to choose from: the file is damaged or was saved before the network was made"
        )
    bad = ~np.isfinite(logits)
    if bad.any():
        place = np.argwhere(bad)[0]
        value = logits[tuple(place)]
        raise FormatError(
            f"{origin}: {name}, gate {place[axis]} has the value {value}; all must be finite: "
            "the training diverged or the file is damaged"
        )


def whole_numbers(array: Any, name: str, origin: str) -> np.ndarray:
    """The array as int64; FormatError if it does not hold whole numbers."""
    array = np.asarray(array)
    if not np.issubdtype(array.dtype, np.integer):
        raise FormatError(f"{origin}: {name} must hold whole numbers, got {array.dtype}")
    return array.astype(np.int64)


def _width(layer: GateLayer, options: Options, n_inputs: int | None, origin: str) -> int:
    if n_inputs is not None and options.inputs not in (None, n_inputs):
        raise UnsupportedError(f"{origin}: has {n_inputs} input bits, not {options.inputs}")
    read = int(max(layer.a.max(initial=0), layer.b.max(initial=0))) + 1
    width = n_inputs or options.inputs or read
    if width > MAX_INPUTS:
        raise FormatError(
            f"{origin}: layer 0 ({layer.name}) reads net {read - 1}; a network has at most "
            f"{MAX_INPUTS} input bits"
        )
    return width


def asked_encoder(options: Options, n_bits: int, origin: str) -> Thermometer | None:
    """The encoder that the options give for so many input bits; UnsupportedError if it makes others."""
    levels = options.thresholds or options.quantiles
    if not levels:
        return None
    n_features, rest = divmod(n_bits, len(levels))
    if rest:
        raise UnsupportedError(
            f"{origin}: {n_bits} input bits are no {len(levels)} bits for each feature; give other "
            "thresholds or --inputs"
        )
    features, values = np.arange(n_features), np.array(levels, dtype=np.float64)
    if options.bit_order == "feature":
        features, values = np.repeat(features, len(levels)), np.tile(values, n_features)
    else:
        features, values = np.tile(features, len(levels)), np.repeat(values, n_features)
    scope = "image" if options.quantiles else "absolute"
    return Thermometer(n_features, features.astype(np.int32), values, scope)


def _check(layer: GateLayer, number: int, below: int, origin: str) -> None:
    where = f"{origin}: layer {number} ({layer.name})"
    if not layer.op.size == layer.a.size == layer.b.size:
        raise FormatError(
            f"{where} has {layer.op.size} gates but wiring for {layer.a.size} and {layer.b.size}"
        )
    if layer.op.size == 0:
        raise FormatError(f"{where} has no gate")
    bad = (layer.op < 0) | (layer.op > 15)
    if bad.any():
        k = int(np.argmax(bad))
        raise FormatError(f"{where}, gate {k} has the gate id {layer.op[k]}; ids are 0 to 15")
    for side in ("a", "b"):
        nets = getattr(layer, side)
        bad = (nets < 0) | (nets >= below)
        if bad.any():
            k = int(np.argmax(bad))
            what = "the layer below has" if number else "there are"
            raise FormatError(
                f"{where}, gate {k} reads net {nets[k]} as {side}; {what} {below}, 0 to {below - 1}"
            )
