"""Flags for what a file does not say of itself: fields of compiler.formats.options.Options."""

from __future__ import annotations

from functools import partial
from math import isfinite
from pathlib import Path

from compiler.errors import UnsupportedError
from thermo.options import Option


def _numbers(flag: str, text: str, *, whole: bool = False) -> tuple[float, ...]:
    """The numbers of a list like 0.25,0.5."""
    try:
        found = tuple(int(word) if whole else float(word) for word in text.split(","))
    except ValueError:
        found = (float("nan"),)
    if not all(isfinite(value) for value in found):
        kind = "whole numbers" if whole else "numbers"
        raise UnsupportedError(f"{flag} takes {kind} with commas between them, got {text!r}")
    return found


CIRCUIT = (
    Option("top", "--top", str, None, "Of Verilog, BLIF or Yosys JSON: the module that is the circuit."),
    Option(
        "library",
        "--library",
        str,
        None,
        "Of a circuit of library cells: the Liberty or genlib file, or preset, that says what they compute.",
    ),
    Option(
        "cut_latches",
        "--cut-latches",
        bool,
        False,
        "Of a circuit with state: it becomes inputs, and the next state outputs NAME_next.",
    ),
)
"""Of a circuit of gates."""

READING = (
    Option("activation", "--activation", str, None, "Of a torch state dict's hidden layers: it lacks it."),
    Option(
        "output_activation", "--output-activation", str, "identity", "Of a torch state dict's last layer."
    ),
    Option("head", "--head", str, "classification", "Of a foreign network: classification or regression."),
    Option(
        "classes",
        "--classes",
        int,
        None,
        "Of a foreign logic-gate network: blocks of its last layer to count.",
    ),
    Option("tau", "--tau", float, 1.0, "Of a foreign logic-gate network: score = count / tau."),
    Option(
        "wiring",
        "--wiring",
        Path,
        None,
        "Indices of a difflogic network (.npz, .pt), which its file lacks.",
        read=str,
    ),
    Option(
        "four_weights",
        "--four-weights",
        str,
        None,
        "Of torchlogix gates with four weights: light or warp (Walsh).",
    ),
    Option("inputs", "--inputs", int, None, "Input bits of a foreign network that does not say."),
    Option(
        "widths",
        "--widths",
        str,
        None,
        "Gates a layer of a zero-padded .npz network: 2550,1270.",
        read=partial(_numbers, "--widths", whole=True),
    ),
    Option(
        "thresholds",
        "--thresholds",
        str,
        None,
        "Encoder of a foreign logic-gate network: 0.25,0.5.",
        read=partial(_numbers, "--thresholds"),
    ),
    Option(
        "quantiles",
        "--quantiles",
        str,
        None,
        "The same with quantile levels of each sample: 0.75.",
        read=partial(_numbers, "--quantiles"),
    ),
    Option(
        "bit_order",
        "--bit-order",
        str,
        "feature",
        "Its bits lie side by side for one feature, or for one threshold.",
    ),
    *CIRCUIT,
    Option(
        "as_",
        "--as",
        str,
        None,
        "What a graph, a matrix or a list of terms is: max-cut, ising, qubo, or qubo-max (made large, pairs "
        "twice: MQLib); asked for where the file does not say. A circuit: ising, invertible logic; one of "
        "tables: gates, two-input gates.",
    ),
    Option("weight", "--weight", str, None, "Of a graph's file: its edges' attribute, or none: all weigh 1."),
    Option("field", "--field", str, None, "Of a graph's file: its nodes' attribute (h without it)."),
)
