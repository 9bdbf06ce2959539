"""CompactLogic: state dicts of dense layers, and circuits that its compiler writes as JSON.

Source: github.com/eth-sri/CompactLogic, compactlogic/compactlogic.py (LogicLayer), compiler/extract.py and
compiler/ir.py, read, not run. A gate is the slot of the largest of `{i}.weights` (gates, slots): its id in
`{i}.gate_sequence` (gates, slots), its inputs in `{i}.indices` (2, gates, slots).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from compiler.circuits.builder import Builder
from compiler.errors import MALFORMED, FormatError, UnsupportedError
from compiler.formats.logic_nets.stack import GateLayer, check_finite, is_finite, stack_layers, whole_numbers
from compiler.formats.options import STACK, Options
from compiler.ir.gates import ClassSums, GateNetlist, make_gates

NAME = "CompactLogic"
USES = STACK
_KEY = re.compile(r"(?:.*\.)?(\d+)\.(weights|indices|gate_sequence|offsets_ch|given_x_\w+|w)\Z")


def matches(state: Mapping[str, Any], options: Options) -> bool:
    """Whether some layer names the gates of its slots."""
    return any(key.endswith(".gate_sequence") for key in state)


def read(state: Mapping[str, Any], options: Options, origin: str) -> GateNetlist:
    """The netlist of the layers in the order of their numbers.

    Raises UnsupportedError for convolutions, whose shapes the file lacks, and other entries, FormatError
    for arrays that do not fit each other.
    """
    found: dict[int, dict[str, np.ndarray]] = {}
    for key, value in state.items():
        match = _KEY.match(key)
        if match is None or match[2] == "offsets_ch":
            raise UnsupportedError(
                f"{origin}: entry {key!r} is of no dense layer of CompactLogic, and a state dict lacks "
                "the shapes of convolutions; write the circuit with CompactLogic's own compiler, python -m "
                "compiler.extract --checkpoint FILE --json, and read that"
            )
        found.setdefault(int(match[1]), {})[match[2]] = np.asarray(value)
    layers = [_layer(number, entries, origin) for number, entries in sorted(found.items())]
    return stack_layers(layers, options, origin=origin, meta={"source": NAME})


def _layer(number: int, entries: Mapping[str, np.ndarray], origin: str) -> GateLayer:
    if missing := [name for name in ("weights", "indices", "gate_sequence") if name not in entries]:
        raise FormatError(f"{origin}: layer {number} lacks {number}.{missing[0]}")
    weights = entries["weights"]
    wires = whole_numbers(entries["indices"], f"{number}.indices", origin)
    kinds = whole_numbers(entries["gate_sequence"], f"{number}.gate_sequence", origin)
    if weights.ndim != 2 or kinds.shape != weights.shape or wires.shape != (2, *weights.shape):
        raise FormatError(
            f"{origin}: layer {number} has weights {weights.shape}, gate_sequence {kinds.shape} and indices "
            f"{wires.shape}; they must be (gates, slots), the same, and (2, gates, slots)"
        )
    if weights.shape[1] == 0:
        raise FormatError(f"{origin}: layer {number} has no slot")
    check_finite(weights, f"{number}.weights", origin)
    rows, chosen = np.arange(weights.shape[0]), np.argmax(weights, axis=1)
    return GateLayer(f"{number}.weights", kinds[rows, chosen], *(side[rows, chosen] for side in wires))


def is_compactlogic_json(document: Any) -> bool:
    """Whether a JSON document is a circuit of CompactLogic's compiler."""
    return isinstance(document, dict) and {"input_dim", "layers", "output"} <= document.keys()


def parse_compactlogic_json(
    document: Any, *, name: str = "document", options: Options | None = None
) -> GateNetlist:
    """The netlist of a circuit (RegularCircuitIR.to_dict): inputs x[k], groups as class sums.

    A group's entry that is null is padding, which is never 1.

    Raises FormatError, with `name` and the entry, for documents that break the layout.
    """
    try:
        return _circuit(document, name, options or Options())
    except MALFORMED as error:
        raise FormatError(
            f"{name}: is no circuit of CompactLogic ({type(error).__name__}: {error})"
        ) from None


def _circuit(document: Any, name: str, options: Options) -> GateNetlist:
    def fail(rule: str) -> NoReturn:
        raise FormatError(f"{name}: {rule}")

    n = document["input_dim"]
    if not isinstance(n, int) or not 0 <= n <= 1 << 24:
        fail(f"input_dim is {n!r}; it must be 0 to {1 << 24}")
    builder = Builder([f"x[{k}]" for k in range(n)])
    nets = {k: k for k in range(n)}
    constants: dict[int, int] = {}

    def operand(entry: Mapping[str, Any], where: str) -> int:
        value, signal = entry.get("const_value"), entry.get("signal_id")
        if value in (0, 1):
            if value not in constants:
                constants[value] = builder.constant(value)
            return 2 * constants[value]
        if signal not in nets:
            fail(f"{where} reads signal {signal!r}, which no input and no earlier node has")
        return 2 * nets[signal]

    for layer in document["layers"]:
        for node in layer["nodes"]:
            number, gate = node["node_id"], node["gate_id"]
            where = f"node {number!r} of layer {layer.get('layer_index')!r}"
            if number in nets:
                fail(f"{where} has an id that is taken")
            if not isinstance(gate, int) or not 0 <= gate <= 15:
                fail(f"{where} has the gate id {gate!r}; ids are 0 to 15")
            x, y = (operand(node[side], where) for side in ("input_a", "input_b"))
            nets[number] = builder.gate(gate, x, y)
    output = document["output"]
    groups = [[number for number in group if number is not None] for group in output["groups"]]
    if missing := [number for group in groups for number in group if number not in nets]:
        fail(f"output reads signal {missing[0]!r}, which no input and no node has")
    tau = output.get("tau", 1.0)
    if not is_finite(tau) or not tau > 0:
        fail(f"tau is {json.dumps(tau)[:40]}; it must be a finite number above 0")
    sums = ClassSums(
        np.array([nets[number] for group in groups for number in group], dtype=np.int32),
        np.cumsum([0, *map(len, groups)], dtype=np.int64),
        float(tau),
        options.labels,
    )
    columns = (builder.op, builder.a, builder.b)
    return make_gates(builder.inputs, *columns, {}, class_sums=sums, meta={"source": NAME})
