"""p-bit netlists in the formats of others: rudy, dimod's JSON, QUBO coordinates, DIMACS."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import numpy as np

from compiler.errors import UnsupportedError
from compiler.families.ising import IsingModel
from compiler.families.quadratic import to_quadratic
from compiler.files import replacing
from compiler.formats.ising.bqm import SCHEMA, TYPE


def write_rudy(model: IsingModel) -> str:
    """The Max-Cut graph with weights w = -J; nodes count from 1.

    Raises UnsupportedError for a model with fields, which no graph holds.
    """
    if (bad := model.h != 0).any():
        i = int(np.argmax(bad))
        raise UnsupportedError(
            f"rudy: spin {model.name(i)} has the field {model.h[i]:g}, and a graph to cut has "
            "none; choose --format bqm or coo"
        )
    if not model.n_couplings:
        raise UnsupportedError("rudy: the model has no couplings, so there is nothing to cut")
    lines = [f"{model.n} {model.n_couplings}"]
    lines += [
        f"{i + 1} {j + 1} {_number(-w)}"
        for i, j, w in zip(model.row.tolist(), model.col.tolist(), model.J.tolist(), strict=True)
    ]
    return "\n".join(lines) + "\n"


def write_bqm(model: IsingModel) -> str:
    """dimod's JSON (`BinaryQuadraticModel.from_serializable`), in the model's own variables."""
    q = to_quadratic(model)
    document = {
        "type": TYPE,
        "version": {"bqm_schema": SCHEMA},
        "use_bytes": False,
        "index_type": "int32",
        "bias_type": "float64",
        "num_variables": model.n,
        "num_interactions": model.n_couplings,
        "variable_labels": labels(model),
        "variable_type": "SPIN" if q.vartype == "spin" else "BINARY",
        "offset": q.offset,
        "info": {},
        "linear_biases": q.linear.tolist(),
        "quadratic_biases": q.quadratic.tolist(),
        "quadratic_head": q.row.tolist(),
        "quadratic_tail": q.col.tolist(),
    }
    return json.dumps(document) + "\n"


def write_coo(model: IsingModel) -> str:
    """QUBO coordinates, binary, "i j bias"; the offset stays in a comment.

    Raises UnsupportedError where names are not whole numbers, the only labels of this format.
    """
    names = labels(model)
    if not all(isinstance(label, int) and label >= 0 for label in names):
        bad = next(label for label in names if not (isinstance(label, int) and label >= 0))
        raise UnsupportedError(
            f"coo: spin {bad!r} has a name, and this format has whole numbers only; choose --format bqm"
        )
    q = to_quadratic(model, "binary")
    ids = np.array(names, dtype=np.int64)
    lines = ["# vartype=BINARY", f"# the offset {q.offset!r} is to be added to every energy"]
    lines += [f"{i} {i} {_number(v)}" for i, v in zip(ids.tolist(), q.linear.tolist(), strict=True)]
    lines += [
        f"{i} {j} {_number(v)}"
        for i, j, v in zip(ids[q.row].tolist(), ids[q.col].tolist(), q.quadratic.tolist(), strict=True)
    ]
    return "\n".join(lines) + "\n"


def write_dimacs(model: IsingModel) -> str:
    """The formula that the model came from; UnsupportedError for every other problem."""
    if model.problem["kind"] != "sat":
        raise UnsupportedError(
            f"dimacs: the problem is {model.problem['kind']}, which is no formula in clauses; "
            "choose --format bqm or coo"
        )
    clauses = model.problem["clauses"]
    lines = [f"p cnf {model.problem['variables']} {len(clauses)}"]
    lines += [" ".join(map(str, [*clause, 0])) for clause in clauses]
    return "\n".join(lines) + "\n"


def labels(model: IsingModel) -> list[int] | list[str]:
    """What others call the variables: 0, 1, ... without names, whole numbers where all are."""
    if not model.names:
        return list(range(model.n))
    if all(name.isascii() and name.isdigit() and str(int(name)) == name for name in model.names):
        return [int(name) for name in model.names]
    return list(model.names)


def _number(value: float) -> str:
    """The shortest text that gives the same float, without an exponent: dimod reads none."""
    return np.format_float_positional(value + 0.0, trim="-")


FORMATS: dict[str, Callable[[IsingModel], str]] = {
    "rudy": write_rudy,
    "bqm": write_bqm,
    "coo": write_coo,
    "dimacs": write_dimacs,
}


def export_ising(model: IsingModel, format_: str, path: str | os.PathLike) -> None:
    """Write `model` to `path` in a format of FORMATS.

    Raises UnsupportedError for an unknown format and for what it cannot hold, OutputError where
    nothing can be written.
    """
    if format_ not in FORMATS:
        raise UnsupportedError(
            f"format {format_!r} is unknown for an Ising model; choices are {', '.join(FORMATS)}"
        )
    text = FORMATS[format_](model)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
