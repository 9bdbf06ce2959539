"""Trained models in .safetensors files: arrays as tensors, the architecture in the metadata.

Nothing is pickled. The metadata key `thermoc_model` holds one JSON object; docs/formats.md has its
schema. A file of that format but without the key is a foreign model.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from safetensors.numpy import save as to_bytes

from compiler.arrays import read_safetensors
from compiler.errors import MALFORMED, FormatError, NetlistError
from compiler.families.registry import HOMES, classes, family_named, family_of
from compiler.files import replacing

KEY = "thermoc_model"
VERSION = 3  # 1 had an Ising model's problem as JSON, and 2 one digest over all arrays
FACTS, ARRAY = "facts", "array "  # names of digests


def save_model(model: Any, path: str | os.PathLike) -> None:
    """Write the model to `path`; the same model gives the same bytes.

    Raises NetlistError for a class that is no model or meta that is not JSON-able, OutputError
    where nothing can be written.
    """
    family = family_of(model)
    if family is None:
        raise NetlistError(f"a {type(model).__name__} is no model that can be saved; give one of {classes()}")
    facts, arrays = family.parts(model)
    document = {"family": family.name, "version": VERSION, **facts, "labels": list(model.labels)}
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    document["meta"] = dict(model.meta)
    try:
        document["sha256"] = digests(document, tensors)
        text = json.dumps(document, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise NetlistError(
            f"model: its numbers and meta must be JSON-able ({error}); use plain finite values"
        ) from None
    content = to_bytes(tensors, metadata={KEY: text})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def load_model(path: str | os.PathLike) -> Any:
    """Read a model written by save_model.

    Raises FormatError naming the file and the rule it breaks.
    """
    metadata, tensors = read_safetensors(path)
    if KEY not in metadata:
        raise FormatError(
            f"{path}: has no {KEY!r} in its metadata, so its architecture is unknown; for a torch "
            "state dict name the activation"
        )
    try:
        document = json.loads(metadata[KEY])
        family, version = document["family"], int(document["version"])
    except MALFORMED:
        raise FormatError(f"{path}: its {KEY!r} is no JSON object with family and version") from None
    if version > VERSION:
        raise FormatError(
            f"{path}: has model version {version}; this thermoc reads up to {VERSION}: update it"
        )
    known = family_named(family)
    if known is None:
        raise FormatError(f"{path}: holds a model of family {family!r}; known are {', '.join(HOMES)}")
    _check_digests(document, version, tensors, path)
    try:
        model = known.build(document, tensors)
    except NetlistError as error:
        raise FormatError(f"{path}: {error}") from None
    except KeyError as error:
        raise FormatError(f"{path}: the {family} model lacks {error}; save it again") from None
    except MALFORMED as error:
        raise FormatError(f"{path}: the {family} model is malformed ({error})") from None
    _check_numbers(model, path)
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise FormatError(f"{path}: array {name!r} has a value that is not finite")
    return model


def _check_digests(
    document: dict[str, Any], version: int, tensors: Mapping[str, np.ndarray], path: str | os.PathLike
) -> None:
    """Raise FormatError, naming what was altered, unless the file is as it was saved."""
    saved = document.get("sha256")
    if version < 3:  # files of 0.1.0 have no digest
        if saved not in (None, _one_digest(tensors)):
            raise FormatError(f"{path}: its arrays are not those that were saved; copy the file again")
        return
    if not isinstance(saved, Mapping):
        raise FormatError(f"{path}: was altered: it has lost its digests; copy the file again")
    found = digests(document, tensors)
    for name in sorted({*found, *saved} - {FACTS}):
        if name not in found:
            lost = name.removeprefix(ARRAY)
            raise FormatError(f"{path}: the {document['family']} model lacks {lost!r}; save it again")
        if found[name] != saved.get(name):
            raise FormatError(
                f"{path}: was altered: the checksum of {name} is wrong; copy or save the file again"
            )
    if found[FACTS] != saved.get(FACTS):
        raise FormatError(f"{path}: was altered: the checksum of its facts is wrong; save the model again")


def _check_numbers(model: Any, path: str | os.PathLike) -> None:
    """Every field that is a plain number holds a finite one: JSON may say null or a text instead."""
    for field in fields(model):
        value = getattr(model, field.name)
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if field.type in ("float", "int") and not number:
            raise FormatError(
                f"{path}: {field.name} must be a finite number, got {value!r}; save the model again"
            )


def digests(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """SHA-256 of every array, over its type, shape and values, and of the facts beside them.

    Raises TypeError or ValueError for facts that are not JSON-able.
    """
    rest = {key: value for key, value in document.items() if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, allow_nan=False)
    found = {FACTS: hashlib.sha256(text.encode()).hexdigest()}
    for name, values in arrays.items():
        array = np.ascontiguousarray(values)
        whole = hashlib.sha256(f"{array.dtype.str} {array.shape}\n".encode())
        whole.update(array.data.cast("B") if array.size else b"")
        found[f"{ARRAY}{name}"] = whole.hexdigest()
    return found


def _one_digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, types, shapes and values of all arrays, as version 2 had it."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.data.cast("B") if array.size else b"")
    return total.hexdigest()
