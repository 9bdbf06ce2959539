"""The C code that difflogic generates of a network (CompiledLogicNet.get_c_code): gates, wiring, classes.

Source: github.com/Felix-Petersen/difflogic, difflogic/compiled_model.py, read: `logic_gate_net` assigns
v0, v1, ... layer after layer and out[k] in the last one; a layer reads the one below. Constants, `a` and
`b` name what they need only, so that a gate's other input is not in the file.
"""

from __future__ import annotations

import os
import re
from typing import NoReturn

import numpy as np

from compiler.errors import FormatError
from compiler.families.logic import input_names
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.logic_nets.stack import asked_encoder
from compiler.formats.options import DEFAULTS, Options
from compiler.ir.gates import ClassSums, GateNetlist, make_gates

NAME = "C code of difflogic"
USES = ("thresholds", "quantiles", "bit_order")
_BODY = re.compile(r"void logic_gate_net\s*\([^)]*\)\s*\{(.*?)\n\}", re.DOTALL)
_GATE = re.compile(
    r"(?:const )?(?:char|short|int|long long)?\s*(v\d+|out\[\d+\]) = (\((?:char|short)\) (?=\())?(.*);\Z"
)
_INPUT = re.compile(r"d < (\d+)")
_CLASSES = re.compile(r"c < (\d+)")
_NAME = r"(v\d+|inp\[\d+\])"
# regular expression of an expression, gate id
_FORMS = [
    (re.compile(pattern.replace("X", _NAME)), op)
    for pattern, op in (
        (r"(?:\((?:char|short)\) )?0(?:LL)?", 0),
        (r"X & X", 1),
        (r"X & ~X", 2),
        (r"X", 3),
        (r"X \^ X", 6),
        (r"X \| X", 7),
        (r"~\(X \| X\)", 8),
        (r"~\(X \^ X\)", 9),
        (r"~X", 12),
        (r"~X \| X", 13),
        (r"~\(X & X\)", 14),
        (r"~(?:\((?:char|short)\) )?0(?:LL)?", 15),
    )
]


def read_difflogic_c(path: str | os.PathLike, options: Options = DEFAULTS) -> GateNetlist:
    """The netlist of a .c file of difflogic; errors as parse_difflogic_c."""
    return parse_difflogic_c(read_text(path), name=str(path), options=options)


def parse_difflogic_c(text: str, *, name: str = "text", options: Options = DEFAULTS) -> GateNetlist:
    """The netlist: inputs x[k], class sums over equal blocks of out.

    options : labels, the encoder: the code has none


    Raises FormatError, with `name` and line, for code that difflogic does not generate.
    """
    body = _BODY.search(text)
    if body is None:
        raise FormatError(f"{name}: holds no function logic_gate_net as difflogic writes it, or a part")
    line = text.count("\n", 0, body.start(1)) + 1

    def fail(rule: str) -> NoReturn:
        raise FormatError(f"{name}, line {line}: {rule}")

    tail = text[body.end() :]
    inputs, classes = _INPUT.search(tail), _CLASSES.search(tail)
    if inputs is None or classes is None:
        raise FormatError(f"{name}: lacks apply_logic_gate_net, which tells inputs and classes: truncated")
    n = int(inputs[1])
    nets: dict[str, int] = {f"inp[{k}]": k for k in range(n)}
    op: list[int] = []
    a: list[int] = []
    b: list[int] = []
    shown: list[int] = []
    for raw in body[1].split("\n"):
        statement = raw.strip()
        if statement:
            gate = _GATE.match(statement)
            if gate is None:
                fail(f"{statement[:40]!r} is no gate of difflogic")
            kind, operands = _form(gate[3][1:-1] if gate[2] else gate[3])
            if kind is None:
                fail(f"the expression {gate[3][:40]!r} is no gate of difflogic")
            if missing := [word for word in operands if word not in nets]:
                fail(f"{gate[1]} reads {missing[0]}, which nothing above drives")
            if gate[1] in nets:
                fail(f"{gate[1]} is driven twice")
            first, second = ([nets[word] for word in operands] * 2 + [0, 0])[:2]
            op.append(kind)
            a.append(first)
            b.append(second)
            nets[gate[1]] = n + len(op) - 1
            if gate[1].startswith("out"):
                if gate[1] != f"out[{len(shown)}]":
                    fail(f"{gate[1]} stands where out[{len(shown)}] should; lines are missing")
                shown.append(nets[gate[1]])
        line += 1
    count = int(classes[1])
    if not count or not shown or len(shown) % count:
        fail(f"{len(shown)} outputs are no {count} equal blocks; the file is truncated")
    sums = ClassSums(
        np.array(shown, dtype=np.int32),
        np.arange(count + 1, dtype=np.int64) * (len(shown) // count),
        1.0,
        options.labels,
    )
    encoder = asked_encoder(options, n, name)
    names = input_names(encoder) if encoder else [f"x[{k}]" for k in range(n)]
    meta = {"source": "difflogic's C"}
    return make_gates(names, op, a, b, {}, class_sums=sums, encoder=encoder, meta=meta)


def _form(expression: str) -> tuple[int | None, list[str]]:
    """(gate id, operands) of an expression; difflogic writes `b & ~a` for gate 4, `~b | a` for 11."""
    for pattern, op in _FORMS:
        if match := pattern.fullmatch(expression):
            return op, list(match.groups())
    return None, []
