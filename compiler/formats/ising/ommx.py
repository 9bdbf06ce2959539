"""Instances of OMMX (ommx.v1), without its package: protobuf bytes, alone or in an .ommx archive.

Read: binary variables, a constant, linear, quadratic or polynomial objective (products of three and
more through auxiliary variables, compiler.families.polynomial), minimised, or maximised with its sign
turned. Constraints must be made penalties first (`Instance.to_qubo()` or `uniform_penalty_method`
there). Schema: ommx/v1/*.proto, OMMX 2.9.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from compiler.errors import MALFORMED, FormatError
from compiler.families.ising import IsingModel
from compiler.families.polynomial import from_polynomial
from compiler.families.quadratic import from_quadratic
from compiler.formats.format import Format

MEDIA = "application/org.ommx.v1.instance"
BINARY, MAXIMIZE = 1, 2
MOST = 1 << 30  # bytes of an archive's member


def read_ommx(path: str | os.PathLike) -> IsingModel:
    """The model in an archive or in the bytes of `Instance.to_bytes()`; errors as parse_ommx."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the name") from None
    if data[257:262] == b"ustar":
        data = _of_archive(data, str(path))
    return parse_ommx(data, name=str(path))


def parse_ommx(data: bytes, *, name: str = "bytes") -> IsingModel:
    """The model in an instance's protobuf message.

    Variables are called as in the instance, x[3, 5], or by their ids. Of an instance that is
    maximised the energy is the objective's negative.

    Raises FormatError for a damaged message, constraints and variables that are not binary.
    """
    try:
        fields = _message(data)
        variables = [_message(v) for v in fields[2]]
        ids = [int(_last(v, 1, 0)) for v in variables]
        constant, terms = _function(_message(_last(fields, 3, b"")))
        sense = _last(fields, 5, 1)
    except (*MALFORMED, struct.error) as error:
        raise FormatError(f"{name}: is no OMMX instance ({error}); save it again") from None
    if fields[4]:
        raise FormatError(
            f"{name}: has {len(fields[4])} constraints, which an Ising model has not; make them penalties "
            "with OMMX (uniform_penalty_method, or to_qubo), then save"
        )
    if not ids or not terms:
        raise FormatError(
            f"{name}: has {len(ids)} variables and {len(terms)} terms; give at least one of each"
        )
    for variable, key in zip(variables, ids, strict=True):
        if _last(variable, 2, 0) != BINARY:
            raise FormatError(
                f"{name}: variable {key} is not binary; encode it with OMMX (log_encode), then save"
            )
    sign = -1.0 if sense == MAXIMIZE else 1.0
    place = {key: k for k, key in enumerate(ids)}
    linear = np.zeros(len(ids))
    pairs: dict[tuple[int, int], float] = {}
    products: dict[tuple[int, ...], float] = {}
    for members, value in terms.items():
        if unknown := [key for key in members if key not in place]:
            raise FormatError(f"{name}: a term names variable {unknown[0]}, which is not declared")
        where = tuple(place[key] for key in members)
        if len(where) == 1:
            linear[where[0]] += value
        elif len(where) == 2:
            pairs[where[0], where[1]] = value
        else:
            products[where] = sign * value
    if not (np.isfinite(linear).all() and np.isfinite([*pairs.values(), *products.values(), constant]).all()):
        raise FormatError(f"{name}: has a coefficient that is not finite")
    if products:
        own = {(k,): sign * value for k, value in enumerate(linear.tolist())}
        both = {pair: sign * value for pair, value in pairs.items()}
        terms = {(): sign * constant} | own | both | products
        return from_polynomial(len(ids), terms, names=_names(variables, ids), meta={"source": "ommx"})
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    return from_quadratic(
        sign * linear,
        ends[:, 0],
        ends[:, 1],
        sign * np.array(list(pairs.values())),
        offset=sign * constant,
        vartype="binary",
        names=_names(variables, ids),
        meta={"source": "ommx"},
    )


def _names(variables: list[Any], ids: list[int]) -> tuple[str, ...]:
    """Names with subscripts where these tell all variables apart, else ids."""
    names = []
    for variable in variables:
        name = _last(variable, 4, b"").decode(errors="replace")
        subscripts = [s - (1 << 64) if s >> 63 else s for s in _whole(variable[5])]
        names.append(f"{name}[{', '.join(map(str, subscripts))}]" if name and subscripts else name)
    if all(names) and len(set(names)) == len(names):
        return tuple(names)
    return () if ids == list(range(len(ids))) else tuple(map(str, ids))


def _function(fields: Any) -> tuple[float, dict[tuple[int, ...], float]]:
    """(constant, {variables' ids ascending, each once: coefficient}); x^2 = x."""
    found: dict[tuple[int, ...], float] = defaultdict(float)

    def add(ids: Any, value: float) -> None:
        found[tuple(sorted(set(ids)))] += value

    def linear(message: Any) -> None:
        for term in message[1]:
            part = _message(term)
            add([int(_last(part, 1, 0))], _real(_last(part, 2, bytes(8))))
        add([], _real(_last(message, 2, bytes(8))))

    if fields[1]:
        add([], _real(fields[1][-1]))
    if fields[2]:
        linear(_message(fields[2][-1]))
    if fields[3]:
        part = _message(fields[3][-1])
        rows, columns = _whole(part[1]), _whole(part[2])
        values = [_real(w[k : k + 8]) for w in part[3] for k in range(0, len(w), 8)]
        for row, column, value in zip(rows, columns, values, strict=True):
            add([row, column], value)
        if part[4]:
            linear(_message(part[4][-1]))
    if fields[4]:
        for term in _message(fields[4][-1])[1]:
            part = _message(term)
            add(_whole(part[1]), _real(_last(part, 2, bytes(8))))
    if fields[5]:
        raise ValueError("its objective is an expression, no polynomial")
    constant = found.pop((), 0.0)
    return constant, dict(found)


def _last(fields: Any, number: int, default: Any) -> Any:
    """The field's value, which counts where it is given more than once, or its default."""
    return fields[number][-1] if fields[number] else default


def _real(data: Any) -> float:
    return float(struct.unpack("<d", data)[0])


def _whole(values: list[Any]) -> list[int]:
    """A repeated whole number, packed or not."""
    out: list[int] = []
    for value in values:
        if isinstance(value, int):
            out.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = _varint(value, at)
            out.append(number)
    return out


def _message(data: Any) -> Any:
    """{field number: [values]}: whole numbers, or bytes of what is fixed or has a length."""
    if not isinstance(data, bytes):
        raise ValueError("a message is expected where a number stands")
    fields: dict[int, list[Any]] = defaultdict(list)
    for number, value in _fields(data):
        fields[number].append(value)
    return fields


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("it is truncated")
        yield key >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("it is truncated")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value & ((1 << 64) - 1), at


def _of_archive(data: bytes, name: str) -> bytes:
    """The bytes of the one instance in an OCI archive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:

            def blob(digest: str) -> bytes:
                member = archive.getmember(f"blobs/{digest.replace(':', '/')}")
                file = archive.extractfile(member)
                if file is None or member.size > MOST:
                    raise ValueError(f"blob {digest} is no file of a size to be read")
                return file.read()

            index = archive.extractfile("index.json")
            manifests = json.loads(index.read() if index is not None else b"{}")["manifests"]
            layers = [
                layer["digest"]
                for manifest in manifests
                for layer in json.loads(blob(manifest["digest"]))["layers"]
                if layer["mediaType"] == MEDIA
            ]
            if len(layers) != 1:
                raise ValueError(f"it holds {len(layers)} instances, one is read")
            return blob(layers[0])
    except (*MALFORMED, tarfile.TarError) as error:
        raise FormatError(f"{name}: is no OMMX archive ({error}); save it again") from None


FORMAT = Format("ommx", "OMMX", (".ommx",), None, lambda path, options: read_ommx(path))
