"""Circuits that torchlogix writes as JSON (Circuit.write_json).

Source: the wheel of torchlogix 0.2.2, circuit.py: `n_inputs`; `gates`, in topological order, each
with `gate_id`, `op`, `in0`, `in1` (-1: unused) and `node_idx`; `sum_nodes` with `node_id`,
`input_ids`, `tau`, `beta`, whose value is (ones among input_ids + beta) / tau; `outputs`, ids of
either. WIRE and NOT read in0. Its simplifier counts inputs that are always 1 in beta.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from compiler.circuits.builder import Builder
from compiler.errors import FormatError, UnsupportedError
from compiler.formats.circuits.circuit_files import read_text
from compiler.formats.logic_nets.stack import is_finite
from compiler.formats.options import Options
from compiler.ir.gates import READS_A, READS_B, ClassSums, GateNetlist, make_gates

OPS = {
    "CONST_FALSE": 0,
    "AND": 1,
    "AND_NOT_B": 2,
    "WIRE": 3,
    "AND_NOT_A": 4,
    "XOR": 6,
    "OR": 7,
    "NOR": 8,
    "XNOR": 9,
    "NOT_B": 10,
    "OR_NOT_B": 11,
    "NOT": 12,
    "NOT_A": 12,
    "OR_NOT_A": 13,
    "NAND": 14,
    "CONST_TRUE": 15,
}
MAX_BETA = 1 << 20


def read_torchlogix_json(path: str | os.PathLike, options: Options | None = None) -> GateNetlist:
    """The netlist of a JSON circuit; errors as parse_torchlogix_json."""
    return parse_torchlogix_json(read_text(path), name=str(path), options=options)


def parse_torchlogix_json(text: str, *, name: str = "text", options: Options | None = None) -> GateNetlist:
    """The netlist of a JSON circuit: inputs x[k], outputs y[k], sum nodes as class sums.

    options : labels of the classes

    Raises FormatError, with `name` and the entry, for malformed text and gates that read later or
    unknown ids, UnsupportedError for unknown keys and ops and for sums that no class sum can hold.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"{name}, line {error.lineno}: is no whole JSON ({error.msg})") from None
    except ValueError:
        raise FormatError(f"{name}: holds a number of too many digits to be read") from None
    except RecursionError:
        raise FormatError(f"{name}: is JSON nested too deeply for a circuit") from None
    return _Circuit(document, name).netlist(options or Options())


class _Circuit:
    def __init__(self, document: Any, name: str) -> None:
        self.name = name
        if not isinstance(document, dict) or "gates" not in document:
            self.fail("is no torchlogix circuit; that is an object with n_inputs, gates, outputs")
        self.document = document
        self.n_inputs = self.number(document, "n_inputs", "the circuit")
        if self.n_inputs < 0 or self.n_inputs > 1 << 24:
            self.fail(f"n_inputs is {self.n_inputs}; it must be 0 to {1 << 24}")
        self.builder = Builder([f"x[{k}]" for k in range(self.n_inputs)])
        self.nets: dict[int, int] = {k: k for k in range(self.n_inputs)}
        self.constant: int | None = None

    def fail(self, rule: str) -> NoReturn:
        raise FormatError(f"{self.name}: {rule}")

    def number(self, entry: Mapping[str, Any], key: str, where: str) -> int:
        value = entry.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(f"{key} of {where} must be a whole number, got {json.dumps(value)[:40]}")
        return value

    def entries(self, key: str) -> list[tuple[str, Mapping[str, Any]]]:
        """(name for errors, object) of every entry of a list of objects."""
        found = self.document.get(key, [])
        if not isinstance(found, list):
            self.fail(f"{key} must be a list")
        named = [(f"{key}[{k}]", entry) for k, entry in enumerate(found)]
        for where, entry in named:
            if not isinstance(entry, dict):
                self.fail(f"{where} must be an object, got {json.dumps(entry)[:40]}")
        return named

    def netlist(self, options: Options) -> GateNetlist:
        known = {"n_inputs", "input_shape", "outputs", "output_shape", "gates", "sum_nodes"}
        if unknown := sorted(self.document.keys() - known):
            raise UnsupportedError(
                f"{self.name}: key {unknown[0]!r} is not known; torchlogix 0.2 writes "
                + ", ".join(sorted(known))
            )
        for where, gate in self.entries("gates"):
            self.gate(where, gate)
        sums = {}
        for where, entry in self.entries("sum_nodes"):
            node = self.number(entry, "node_id", where)
            if node in self.nets or node in sums:
                self.fail(f"{where} has the id {node}, which is taken")
            sums[node] = where, entry
        outputs: dict[str, int] = {}
        classes = []
        shown = self.document.get("outputs")
        for k, node in enumerate(self.ids({"outputs": shown}, "outputs", "the circuit")):
            if node in sums:
                classes.append(sums[node])
            else:
                outputs[f"y[{k}]"] = self.net(node, f"outputs[{k}]")
        class_sums = self.class_sums(classes, options) if classes else None
        b = self.builder
        return make_gates(
            b.inputs, b.op, b.a, b.b, outputs, class_sums=class_sums, meta={"source": "torchlogix circuit"}
        )

    def gate(self, where: str, gate: Mapping[str, Any]) -> None:
        number = self.number(gate, "gate_id", where)
        if number in self.nets:
            self.fail(f"{where} has the id {number}, which is taken: a net has one driver")
        op = OPS.get(str(gate.get("op")))
        if op is None:
            raise UnsupportedError(
                f"{self.name}: {where} has the op {json.dumps(gate.get('op'))[:40]}; known are "
                + ", ".join(OPS)
            )
        a, b = self.number(gate, "in0", where), self.number(gate, "in1", where)
        x = self.net(a, f"in0 of {where}") if READS_A[op] else 0
        y = self.net(b, f"in1 of {where}") if READS_B[op] else 0
        self.nets[number] = self.builder.gate(op, 2 * x, 2 * y)

    def net(self, number: int, where: str) -> int:
        if number not in self.nets:
            self.fail(
                f"{where} is {number}, which no input and no earlier gate has: gates must come "
                "after what they read"
            )
        return self.nets[number]

    def ids(self, entry: Mapping[str, Any], key: str, where: str) -> Sequence[int]:
        found = entry.get(key)
        if not isinstance(found, list) or not all(
            isinstance(k, int) and not isinstance(k, bool) for k in found
        ):
            self.fail(f"{key} of {where} must be a list of ids")
        return found

    def class_sums(self, classes: Sequence[tuple[str, Mapping[str, Any]]], options: Options) -> ClassSums:
        nets: list[int] = []
        ends = [0]
        taus = set()
        for where, entry in classes:
            tau, beta = entry.get("tau", 1.0), entry.get("beta", 0.0)
            if not (is_finite(tau) and is_finite(beta)) or not tau > 0:
                self.fail(
                    f"{where} has tau {json.dumps(tau)[:40]} and beta {json.dumps(beta)[:40]}; both must be "
                    "finite numbers and tau above 0"
                )
            if beta != round(beta) or not 0 <= beta <= MAX_BETA:
                raise UnsupportedError(
                    f"{self.name}: {where} has beta {json.dumps(beta)[:40]}; only whole numbers from 0, as "
                    "torchlogix folds constants, can be counted"
                )
            taus.add(float(tau))
            nets += [
                self.net(number, f"input_ids of {where}") for number in self.ids(entry, "input_ids", where)
            ]
            nets += [self.one()] * int(beta)
            ends.append(len(nets))
        if len(taus) > 1:
            raise UnsupportedError(
                f"{self.name}: the sum nodes have different tau ({min(taus):g} to {max(taus):g}); "
                "class sums have one"
            )
        return ClassSums(
            np.array(nets, dtype=np.int32), np.array(ends, dtype=np.int64), taus.pop(), options.labels
        )

    def one(self) -> int:
        """The net that is always 1."""
        if self.constant is None:
            self.constant = self.builder.constant(1)
        return self.constant
