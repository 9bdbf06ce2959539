"""torchlogix state dicts: `{i}.weight` (gates, 16 or 4) and `{i}.connections.indices`.

Source: the wheel of torchlogix 0.2.2 (layers/dense.py, connections.py, parametrization.py,
functional.py). Discretised as it does in eval mode:
raw, 16 weights: the gate of the largest;
light, 4 weights: f(0, 0), f(0, 1), f(1, 0), f(1, 1) are 1 where the weight is above 0;
warp, 4 Walsh coefficients of 1, B, A, A B with A = 1 - 2 a: f is 1 where their sum is below 0;
learnable wiring: of the candidates `indices` (k, 2, gates) the one of the largest of
`connections.weights`. Nothing in a state dict tells light from warp.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.logic_nets.stack import (
    GateLayer,
    check_finite,
    chosen_gates,
    stack_layers,
    whole_numbers,
)
from compiler.formats.logic_nets.wiring import read_wiring
from compiler.formats.options import STACK, Options
from compiler.ir.encoders import Thermometer
from compiler.ir.gates import GateNetlist

NAME = "torchlogix"
USES = (*STACK, "wiring", "four_weights")
_KEY = re.compile(r"(?:.*\.)?(\d+)\.(weight|connections\.(?:indices|weights)|thresholds|raw_diffs)\Z")
_EXPORT = re.compile(r"(?:.*\.)?\d+\.(?:connections\.)?_export_\w+\Z")  # derived from the others
_SIGNS = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])
"""Rows (a, b) = 00, 01, 10, 11; columns 1, B, A, A B."""
_TABLE = np.array([8, 4, 2, 1])


def matches(state: Mapping[str, Any], options: Options) -> bool:
    """Whether there are connections; or, with wiring given, weights of 16 or 4 columns."""
    if any(".connections." in key for key in state):
        return True
    return options.wiring is not None and any(
        (match := _KEY.match(key)) and match[2] == "weight" and np.shape(value)[1:] in ((16,), (4,))
        for key, value in state.items()
    )


def read(state: Mapping[str, Any], options: Options, origin: str) -> GateNetlist:
    """The netlist of the LogicDense layers in the order of their numbers.

    Thresholds (features, bits) before the first layer become the encoder, if they make as many
    bits as it reads; others must be given as options.

    Raises UnsupportedError for other layers, for four weights without options.four_weights, and
    where the file has no wiring; FormatError for shapes that do not fit.
    """
    found: dict[int, dict[str, np.ndarray]] = {}
    for key, value in state.items():
        if _EXPORT.match(key):
            continue
        match = _KEY.match(key)
        if match is None:
            raise UnsupportedError(
                f"{origin}: entry {key!r} of shape {np.shape(value)} belongs to no LogicDense "
                "layer; convolutional and other layers are not supported: write the circuit with "
                "torchlogix (Circuit.from_model(...).write_json) and compile that file"
            )
        found.setdefault(int(match[1]), {})[match[2]] = np.asarray(value)
    encoding = {k: parts for k, parts in found.items() if "weight" not in parts}
    dense = {k: parts for k, parts in found.items() if "weight" in parts}
    for k, parts in encoding.items():
        if any(name.startswith("connections") for name in parts):
            raise FormatError(f"{origin}: {k}.connections has no {k}.weight beside it")
    given = read_wiring(options.wiring) if options.wiring is not None else None
    if given is not None and len(given) != len(dense):
        raise FormatError(
            f"{options.wiring}: holds wiring for {len(given)} layers, {origin} has {len(dense)}"
        )
    layers = []
    for number, (k, parts) in enumerate(sorted(dense.items())):
        if given is not None:
            parts = {**parts, "connections.indices": given[number]}
        layers.append(_layer(k, parts, options, origin))
    if not layers:
        raise FormatError(f"{origin}: holds no LogicDense layer (entries `0.weight`)")
    encoder = _encoder(encoding, layers[0], options)
    return stack_layers(
        layers,
        options,
        origin=origin,
        n_inputs=None if encoder is None else encoder.feature.size,
        encoder=encoder,
        meta={"source": NAME},
    )


def _layer(k: int, parts: Mapping[str, np.ndarray], options: Options, origin: str) -> GateLayer:
    name, weight = f"{k}.weight", parts["weight"]
    if weight.ndim != 2 or weight.shape[1] not in (4, 16):
        raise UnsupportedError(
            f"{origin}: {name} has shape {weight.shape}; gates of two inputs have (gates, 16) or "
            "(gates, 4), gates of more inputs are not supported"
        )
    if "connections.indices" not in parts:
        raise UnsupportedError(
            f"{origin}: layer {k} has no wiring ({k}.connections.indices; torchlogix before 0.2 "
            "does not save it); save torch.save([m.connections.indices for m in model if "
            "hasattr(m, 'connections')], 'wiring.pt') and give --wiring wiring.pt"
        )
    nets = whole_numbers(parts["connections.indices"], f"{k}.connections.indices", origin)
    if "connections.weights" in parts:
        scores = parts["connections.weights"]
        if scores.shape != nets.shape or scores.ndim != 3:
            raise FormatError(
                f"{origin}: {k}.connections.weights {scores.shape} and .indices {nets.shape} must "
                "be (candidates, 2, gates), both"
            )
        check_finite(scores, f"{k}.connections.weights", origin, axis=2)
        nets = np.take_along_axis(nets, np.argmax(scores, axis=0)[None], axis=0)[0]
    if nets.shape != (2, weight.shape[0]):
        raise FormatError(
            f"{origin}: {k}.connections.indices has shape {nets.shape}; {name} has "
            f"{weight.shape[0]} gates, so it must be (2, {weight.shape[0]})"
        )
    if weight.shape[1] == 16:
        op = chosen_gates(weight, name, origin)
    else:
        op = _four(weight, name, options, origin)
    return GateLayer(name, op, nets[0], nets[1])


def _four(weight: np.ndarray, name: str, options: Options, origin: str) -> np.ndarray:
    if options.four_weights is None:
        raise UnsupportedError(
            f"{origin}: {name} has four weights a gate, and the file does not say whether they are "
            "truth-table logits (parametrization light) or Walsh coefficients (warp, earlier "
            "called walsh); give --four-weights light or --four-weights warp"
        )
    check_finite(weight, name, origin)
    if options.four_weights == "light":
        return (weight > 0) @ _TABLE
    terms = weight[:, None, :] * _SIGNS.astype(weight.dtype)
    # in torchlogix's order and precision, for sums that cancel
    total = ((terms[..., 0] + terms[..., 1]) + terms[..., 2]) + terms[..., 3]
    return (total < 0) @ _TABLE


def _encoder(
    encoding: Mapping[int, Mapping[str, np.ndarray]], first: GateLayer, options: Options
) -> Thermometer | None:
    """Fixed thresholds for each flat feature; any other shape leaves the order of bits open."""
    if len(encoding) != 1:
        return None
    (parts,) = encoding.values()
    thresholds = parts.get("thresholds")
    if thresholds is None or thresholds.ndim != 2 or "raw_diffs" in parts:
        return None
    bits = int(max(first.a.max(initial=0), first.b.max(initial=0))) + 1
    if thresholds.size != (options.inputs or bits):
        return None
    features = np.repeat(np.arange(thresholds.shape[0]), thresholds.shape[1])
    return Thermometer(
        thresholds.shape[0],
        features.astype(np.int32),
        np.ascontiguousarray(thresholds, dtype=np.float64).ravel(),
    )
