"""The LILogicNet authors' state dicts: gates `layers.{k}.w` (16, gates), wiring of three kinds.

Source: github.com/rejunity/TrainableLogicGateNetworks, mnist.py and lgn_model.py, and pth_to_npz.py
of github.com/rejunity/ws0-lgn-fxnist: gates and wiring are numbered as one list of modules or share
a number, so both are taken in the order of their numbers. Column 2 g is input A of gate g, column
2 g + 1 input B. After binarisation: the argmax over axis 0, of gates and of wires.
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
from compiler.formats.options import STACK, Options
from compiler.ir.gates import GateNetlist

NAME = "LILogicNet"
USES = STACK
_KEY = re.compile(r"(?:.*\.)?layers\.(\d+)\.(\w+)\Z")
_FACTS = ("net_architecture", "seed", "dataset_input", "dataset_output")
_PARTS = ("w", "c", "top_c", "top_indices", "indices")


def matches(state: Mapping[str, Any], options: Options) -> bool:
    """Whether some entry is called layers.{k}.w and has 16 rows."""
    return any(
        (match := _KEY.match(key)) and match[2] == "w" and np.shape(value)[:1] == (16,)
        for key, value in state.items()
    )


def read(state: Mapping[str, Any], options: Options, origin: str) -> GateNetlist:
    """The netlist of the layers; errors as the helpers below and stack_layers."""
    gates: dict[int, tuple[str, np.ndarray]] = {}
    wires: dict[int, dict[str, np.ndarray]] = {}
    for key, value in state.items():
        if key in _FACTS:
            continue
        match = _KEY.match(key)
        if match is None or match[2] not in _PARTS:
            raise UnsupportedError(
                f"{origin}: entry {key!r} is not known; the supported ones are layers.K.w with "
                "layers.K.c, or .top_c and .top_indices, or .indices"
            )
        array = np.asarray(value)
        if match[2] == "w":
            if array.ndim != 2 or array.shape[0] != 16:
                raise FormatError(f"{origin}: {key} must be (16, gates), got {array.shape}")
            gates[int(match[1])] = key, array
        else:
            wires.setdefault(int(match[1]), {})[match[2]] = array
    if len(gates) != len(wires):
        raise FormatError(
            f"{origin}: has {len(gates)} layers of gates (layers.K.w) and wiring for {len(wires)}"
        )
    layers = []
    below: int | None = None
    for (number, (key, logits)), (k, parts) in zip(sorted(gates.items()), sorted(wires.items()), strict=True):
        if k > number:
            raise FormatError(f"{origin}: {key} has no wiring before it; layers.{k} is the next")
        nets, reads = _nets(parts, f"layers.{k}", origin)
        n_gates = logits.shape[1]
        if nets.size != 2 * n_gates:
            raise FormatError(
                f"{origin}: layers.{k} wires {nets.size} inputs, {key} has {n_gates} gates with two each"
            )
        if below is None:
            n_inputs = reads
        elif reads not in (None, below):
            raise UnsupportedError(
                f"{origin}: layers.{k} reads {reads} nets, the layer below has {below} gates; "
                "networks that pass inputs on to later layers are not supported"
            )
        below = n_gates
        layers.append(GateLayer(key, chosen_gates(logits.T, key, origin), nets[0::2], nets[1::2]))
    return stack_layers(layers, options, origin=origin, n_inputs=n_inputs, meta={"source": NAME})


def _nets(parts: Mapping[str, np.ndarray], where: str, origin: str) -> tuple[np.ndarray, int | None]:
    """(net of each input, A and B in turn; number of nets to choose from where the file says)."""
    if "c" in parts and "top_c" not in parts and "indices" not in parts:
        scores = parts["c"]
        if scores.ndim == 3 and scores.shape[2] == 2:
            scores = scores.reshape(scores.shape[0], 2 * scores.shape[1])
        if scores.ndim != 2 or scores.shape[1] % 2:
            raise FormatError(f"{origin}: {where}.c must be (nets, 2 gates), got {parts['c'].shape}")
        check_finite(scores, f"{where}.c", origin, axis=1)
        return np.argmax(scores, axis=0), scores.shape[0]
    if "top_c" in parts:
        if "top_indices" not in parts:
            raise FormatError(f"{origin}: {where}.top_c needs {where}.top_indices beside it")
        scores = parts["top_c"]
        nets = whole_numbers(parts["top_indices"], f"{where}.top_indices", origin)
        if scores.ndim != 2 or scores.shape != nets.shape:
            raise FormatError(
                f"{origin}: {where}.top_c {scores.shape} and .top_indices {nets.shape} must be "
                "(candidates, 2 gates), both"
            )
        check_finite(scores, f"{where}.top_c", origin, axis=1)
        return nets[np.argmax(scores, axis=0), np.arange(nets.shape[1])], None
    if "indices" in parts:
        nets = whole_numbers(parts["indices"], f"{where}.indices", origin)
        return nets.reshape(-1), None
    raise FormatError(f"{origin}: {where} has {', '.join(parts)} but no scores of its candidates")
