"""dimod's binary quadratic models: live objects, its JSON and its binary files, without dimod.

Sources: dimod 0.12, BinaryQuadraticModel.to_serializable (schema 3.0.0) and .to_file (versions 1.0
and 2.0). The offset is kept; dimod's plus signs become ours (compiler.families.quadratic).
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compiler.errors import FormatError, UnsupportedError
from compiler.families.ising import IsingModel
from compiler.families.quadratic import from_quadratic, to_quadratic
from compiler.formats.format import Format, plain

MAGIC = b"DIMODBQM"
TYPE = "BinaryQuadraticModel"
SCHEMA = "3.0.0"
VARTYPES = {"SPIN": "spin", "BINARY": "binary"}


def from_bqm(bqm: Any) -> IsingModel:
    """The model in a live dimod BQM, told by its `linear`, `quadratic`, `offset` and `vartype`.

    Raises UnsupportedError for other objects, NetlistError for biases that are not finite.
    """
    vartype = getattr(getattr(bqm, "vartype", None), "name", None)
    if vartype not in VARTYPES or not all(hasattr(bqm, name) for name in ("linear", "quadratic", "offset")):
        raise UnsupportedError(
            f"a {type(bqm).__name__} is no binary quadratic model; give a dimod "
            "BinaryQuadraticModel, whose variables are SPIN or BINARY"
        )
    place = {label: k for k, label in enumerate(bqm.linear)}
    ends = [(place[u], place[v]) for u, v in bqm.quadratic]
    pairs = np.array(ends, dtype=np.int64).reshape(-1, 2)
    return _model(list(bqm.linear.values()), pairs, list(bqm.quadratic.values()), bqm.offset, vartype, place)


def parse_bqm(document: Mapping[str, Any], *, name: str = "document") -> IsingModel:
    """The model in the JSON object of `to_serializable()`.

    Raises FormatError for another schema, missing keys, columns of unequal lengths, unknown
    variables, interactions of one with itself and biases that are no finite numbers.
    """
    schema = document.get("version", {})
    version = schema.get("bqm_schema") if isinstance(schema, Mapping) else None
    if version != SCHEMA or document.get("use_bytes"):
        raise FormatError(
            f"{name}: is a BQM of schema {version!r} with use_bytes "
            f"{document.get('use_bytes')!r}; save json.dumps(bqm.to_serializable()) with dimod 0.12"
        )
    try:
        vartype, offset = document["variable_type"], document["offset"]
        linear = np.array(document["linear_biases"], dtype=np.float64)
        quadratic = np.array(document["quadratic_biases"], dtype=np.float64)
        ends = [_ids(document[key]) for key in ("quadratic_head", "quadratic_tail")]
        labels = document["variable_labels"]
        sizes = [int(document[key]) for key in ("num_variables", "num_interactions")]
    except KeyError as error:
        raise FormatError(f"{name}: the BQM lacks {error}; save it again") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{name}: the BQM is malformed ({error}); save it again") from None
    lengths = linear.shape, quadratic.shape, ends[0].shape, ends[1].shape
    n, m = sizes
    if vartype not in VARTYPES:
        raise FormatError(f"{name}: variable_type is SPIN or BINARY, got {vartype!r}")
    if lengths != ((n,), (m,), (m,), (m,)) or not isinstance(labels, list) or len(labels) != n:
        raise FormatError(
            f"{name}: promises {n} variables and {m} interactions but its columns have the shapes "
            f"{', '.join(map(str, lengths))}; it is altered"
        )
    if (own := np.flatnonzero(ends[0] == ends[1])).size and 0 <= ends[0][own[0]] < n:
        raise FormatError(
            f"{name}: interaction {own[0]} joins variable {labels[ends[0][own[0]]]!r} to itself; "
            "add it to the linear bias of a binary variable, to the offset of a spin"
        )
    return _model(linear, np.stack(ends, axis=1), quadratic, offset, vartype, labels)


def read_bqm(path: str | os.PathLike) -> IsingModel:
    """The model in a binary file of `BinaryQuadraticModel.to_file()`, version 1.0 or 2.0.

    Raises FormatError for a truncated, altered or newer file.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    if not data.startswith(MAGIC) or len(data) < 14:
        raise FormatError(f"{path}: is no whole BQM file; it begins with {data[:8]!r}")
    version = data[8], data[9]
    if version not in ((1, 0), (2, 0)):
        raise FormatError(f"{path}: is a BQM file of version {version[0]}.{version[1]}; 1.0 and 2.0 are read")
    start = 14 + struct.unpack("<I", data[10:14])[0]
    try:
        header = json.loads(data[14:start])
        n, m = (int(size) for size in header["shape"])
        real, index = np.dtype(header["dtype"]), np.dtype(header["itype"])
        starts = np.dtype([("at", np.dtype(header["ntype"])), ("bias", real)])
        term = np.dtype([("other", index), ("bias", real)])
        vartype = header["vartype"]
        if vartype not in VARTYPES or real.kind != "f" or index.kind not in "iu" or min(n, m) < 0:
            raise ValueError("its header has unknown types")
        offset = np.frombuffer(data, real, 1, start)[0]
        start += real.itemsize
        nodes = np.frombuffer(data, starts, n, start)
        start += nodes.nbytes
        terms = np.frombuffer(data, term, 2 * m, start)
        start += terms.nbytes
        labels = header["variables"]
        if labels is True:
            size = struct.unpack("<I", data[start + 4 : start + 8])[0]
            if data[start : start + 4] != b"VARS" or start + 8 + size > len(data):
                raise ValueError("its labels are missing")
            labels = json.loads(data[start + 8 : start + 8 + size])
        ends = np.append(nodes["at"].astype(np.int64), 2 * m)
        counts = np.diff(ends)
        if n and (ends[0] != 0 or (counts < 0).any()):
            raise ValueError("its neighbourhoods overlap")
        if isinstance(labels, list) and len(labels) != n:
            raise ValueError(f"it has {len(labels)} labels for {n} variables")
    except (ValueError, KeyError, TypeError, OverflowError, struct.error) as error:
        reason = " ".join(str(error).split())[:100]
        raise FormatError(f"{path}: is no whole BQM file ({reason}); save it again") from None
    rows = np.repeat(np.arange(n), counts)
    once = rows < terms["other"]  # every pair stands at both its ends
    pairs = np.stack([rows[once], terms["other"][once].astype(np.int64)], axis=1)
    if len(pairs) != m:
        raise FormatError(f"{path}: has {len(pairs)} pairs but its header promises {m}; it is altered")
    return _model(nodes["bias"], pairs, terms["bias"][once], offset, vartype, labels or range(n))


def _ids(values: Any) -> np.ndarray:
    """Whole numbers; np.array alone would cut 0.5 to 0."""
    array = np.array(values)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError("quadratic_head and quadratic_tail are whole numbers")
    return array.astype(np.int64)


def _model(
    linear: Any, pairs: np.ndarray, quadratic: Any, offset: Any, vartype: str, labels: Any
) -> IsingModel:
    return from_quadratic(
        linear,
        pairs[:, 0],
        pairs[:, 1],
        quadratic,
        offset=float(offset),
        vartype=VARTYPES[vartype],
        names=label_names(list(labels)),
        meta={"source": "dimod"},
    )


def label_names(labels: Sequence[Any]) -> tuple[str, ...]:
    """Names for labels of others: none for 0, 1, ..., strings as they are, JSON for the rest.

    A string that reads as JSON, "1" say, is written as JSON, too, in quotes: `labels` gives back what
    was there, tuples as lists.
    """
    if all(type(label) is int and label == k for k, label in enumerate(labels)):
        return ()
    return tuple(
        label if isinstance(label, str) and _label(label) is label else json.dumps(label, default=_plain)
        for label in labels
    )


def _plain(label: Any) -> Any:
    """NumPy's numbers as Python's, anything else by its text."""
    return label.item() if isinstance(label, np.generic) else str(label)


def _label(name: str) -> Any:
    """The label that a name was made of: of JSON its value, else the name itself."""
    try:
        value = json.loads(name, parse_constant=float)
    except (ValueError, RecursionError):
        return name
    plain = isinstance(value, str | int | list) or (isinstance(value, float) and math.isfinite(value))
    return value if plain and json.dumps(value) == name else name


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


def labels(model: IsingModel) -> list[Any]:
    """What others call the variables: 0, 1, ... without names, else the labels that names were made of."""
    return [_label(name) for name in model.names] if model.names else list(range(model.n))


FORMAT = Format("bqm", "dimod BQM", (), re.compile(re.escape(MAGIC)), plain(read_bqm), write_bqm)
