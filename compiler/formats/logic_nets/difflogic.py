"""difflogic state dicts: `{i}.weights` (gates, 16); the wiring must be given beside them.

Source: github.com/Felix-Petersen/difflogic, difflogic/difflogic.py: LogicLayer keeps its two index
tensors in the plain attribute `indices`; in eval mode a gate is the argmax of its 16 weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.formats.logic_nets.stack import GateLayer, chosen_gates, stack_layers
from compiler.formats.logic_nets.wiring import HOW, read_wiring
from compiler.formats.options import STACK, Options
from compiler.ir.gates import GateNetlist

NAME = "difflogic"
USES = (*STACK, "wiring")
_KEY = re.compile(r"(?:.*\.)?(\d+)\.weights\Z")


def matches(state: Mapping[str, Any], options: Options) -> bool:
    """Whether some entry is called like difflogic's and has 16 columns."""
    return any(_KEY.match(key) and np.shape(value)[1:] == (16,) for key, value in state.items())


def read(state: Mapping[str, Any], options: Options, origin: str) -> GateNetlist:
    """The netlist of the layers in the order of their numbers.

    Raises UnsupportedError without wiring and for other layers, FormatError for wiring that does
    not fit and for weights that are not finite.
    """
    found: dict[int, tuple[str, np.ndarray]] = {}
    for key, value in state.items():
        match = _KEY.match(key)
        if match is None or np.shape(value)[1:] != (16,) or np.ndim(value) != 2:
            raise UnsupportedError(
                f"{origin}: entry {key!r} of shape {np.shape(value)} is no layer of difflogic "
                "(`0.weights` of shape (gates, 16)); only chains of LogicLayer are supported"
            )
        if int(match[1]) in found:
            raise UnsupportedError(
                f"{origin}: {found[int(match[1])][0]!r} and {key!r} have the same layer number; "
                "give the state dict of one chain"
            )
        found[int(match[1])] = key, np.asarray(value)
    if options.wiring is None:
        raise UnsupportedError(
            f"{origin}: a difflogic state dict does not hold the wiring (LogicLayer.indices is no "
            f"buffer), without which the gates mean nothing; {HOW}"
        )
    wiring = read_wiring(options.wiring)
    if len(wiring) != len(found):
        raise FormatError(
            f"{options.wiring}: holds wiring for {len(wiring)} layers, {origin} has {len(found)}"
        )
    layers = []
    for (_, (key, logits)), wires in zip(sorted(found.items()), wiring, strict=True):
        if wires.shape != (2, logits.shape[0]):
            raise FormatError(
                f"{options.wiring}: wiring of shape {wires.shape} for {key} with "
                f"{logits.shape[0]} gates; it must be (2, {logits.shape[0]})"
            )
        layers.append(GateLayer(key, chosen_gates(logits, key, origin), wires[0], wires[1]))
    return stack_layers(layers, options, origin=origin, meta={"source": NAME})
