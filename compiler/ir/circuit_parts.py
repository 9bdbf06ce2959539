"""Circuits of gates and of tables as the JSON header and arrays of a file, and back.

Layout: docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from compiler.ir.encoders import CountingEncoder, Encoder, Thermometer
from compiler.ir.gates import ClassSums, GateNetlist, named
from compiler.ir.luts import LutNetlist
from compiler.ir.problem_parts import Parts
from compiler.ir.shared_tables import SharedTables

Arrays = dict[str, np.ndarray]
COUNTING_COLUMNS = (
    *("sum_ends", "feature", "weight", "compared", "bound"),
    *("count_ends", "counted", "tested", "least"),
)
SHARED_COLUMNS = ("table", "applied", "taps")


def gates_parts(netlist: GateNetlist) -> Parts:
    """(JSON-able header, arrays by name) of a circuit of gates."""
    body, arrays = _around(netlist)
    return body, {name: getattr(netlist, name) for name in ("op", "a", "b")} | arrays


def gates_of(version: int, body: dict[str, Any], arrays: Arrays) -> GateNetlist:
    """The circuit of a header and arrays of kind version 1 to 3; KeyError and the like for what is
    missing.
    """
    if version == 1 and body["encoder"] is not None:
        body = {**body, "encoder": {**body["encoder"], "scope": "absolute"}}
    if version < 3:
        body = body | named({"meta": body["meta"]})
    return GateNetlist(op=arrays["op"], a=arrays["a"], b=arrays["b"], **_fields(body, arrays))


def luts_parts(netlist: LutNetlist) -> Parts:
    """(JSON-able header, arrays by name) of a circuit of tables."""
    body, arrays = _around(netlist)
    return {**body, "k": int(netlist.k)}, {"fanins": netlist.fanins, "table": netlist.table, **arrays}


def luts_of(version: int, body: dict[str, Any], arrays: Arrays) -> LutNetlist:
    """The circuit of a header and arrays; KeyError and the like for what is missing."""
    return LutNetlist(k=body["k"], fanins=arrays["fanins"], table=arrays["table"], **_fields(body, arrays))


def encoder_parts(encoder: Encoder) -> Parts:
    """(JSON-able facts, columns by name) of what makes input bits."""
    if isinstance(encoder, Thermometer):
        facts = {"n_features": int(encoder.n_features), "scope": encoder.scope}
        return facts, {"feature": encoder.feature, "threshold": encoder.threshold}
    numbers = {name: int(getattr(encoder, name)) for name in ("n_features", "top", "dropped")}
    columns = {name: getattr(encoder, name) for name in COUNTING_COLUMNS}
    if (shared := encoder.shared).n_tables:
        numbers["table_inputs"] = int(shared.inputs)
        columns |= {f"shared.{name}": getattr(shared, name) for name in SHARED_COLUMNS}
    return {"kind": "counting", **numbers}, columns


def encoder_of(facts: Mapping[str, Any], columns: Arrays) -> Encoder:
    """What encoder_parts took apart; without a kind it is a thermometer."""
    if facts.get("kind", "thermometer") == "thermometer":
        return Thermometer(facts["n_features"], columns["feature"], columns["threshold"], facts["scope"])
    numbers = (facts[name] for name in ("n_features", "top", "dropped"))
    shared = SharedTables()
    if inputs := facts.get("table_inputs", 0):
        shared = SharedTables(inputs, *(columns[f"shared.{name}"] for name in SHARED_COLUMNS))
    return replace(CountingEncoder(*numbers, *(columns[name] for name in COUNTING_COLUMNS)), shared=shared)


def _around(netlist: GateNetlist | LutNetlist) -> Parts:
    """All but the gates or tables: names, outputs, class sums, encoder."""
    arrays = {"outputs": netlist.outputs}
    body: dict[str, Any] = {
        "inputs": list(netlist.input_names),
        "outputs": list(netlist.output_names),
        "class_sums": None,
        "encoder": None,
        "name": netlist.name,
        "meta": dict(netlist.meta),
    }
    if (sums := netlist.class_sums) is not None:
        body["class_sums"] = {"tau": float(sums.tau), "labels": list(sums.labels)}
        arrays["class_sums.nets"] = sums.nets
        arrays["class_sums.indptr"] = sums.indptr
    if (encoder := netlist.encoder) is not None:
        body["encoder"], columns = encoder_parts(encoder)
        arrays |= {f"encoder.{name}": column for name, column in columns.items()}
    return body, arrays


def _fields(body: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    sums = encoder = None
    if (s := body["class_sums"]) is not None:
        nets, indptr = arrays["class_sums.nets"], arrays["class_sums.indptr"]
        sums = ClassSums(nets, indptr, s["tau"], tuple(s["labels"]))
    if (e := body["encoder"]) is not None:
        encoder = encoder_of(e, {k[8:]: v for k, v in arrays.items() if k.startswith("encoder.")})
    return {
        "input_names": tuple(body["inputs"]),
        "output_names": tuple(body["outputs"]),
        "outputs": arrays["outputs"],
        "class_sums": sums,
        "encoder": encoder,
        "name": body["name"],
        "meta": body["meta"],
    }
