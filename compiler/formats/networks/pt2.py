"""`.pt2` files of torch.export.save, read as the JSON and raw arrays that they are: nothing is unpickled.

Layout: torch 2.13, torch/export/pt2_archive and torch/_export/serde/schema.py, schema version 8.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Mapping
from typing import Any

from compiler.arrays import members, npz_names, whole
from compiler.errors import FormatError, UnsupportedError
from compiler.families.feedforward import FeedForward
from compiler.families.mlp import MLP
from compiler.formats.networks.aten import Call, Reference, read_calls

SCHEMA = 8
DTYPES = {  # torch/_export/serde/schema.py, ScalarType
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    12: "bool",
    13: "bfloat16",
}


def is_pt2(path: str | os.PathLike) -> bool:
    """Whether the file is a zip with an exported program in it."""
    return any(name.endswith("models/model.json") for name in npz_names(path) or ())


def read_pt2(
    path: str | os.PathLike, *, head: str = "classification", labels: tuple[str, ...] = ()
) -> MLP | FeedForward:
    """The model of an exported program.

    Raises FormatError for a damaged file and one of another layout, UnsupportedError for parts that have no
    counterpart among cells, by the layer's path, and where torch, whose operators order values, is missing.
    """
    try:
        import torch  # noqa: F401
    except ImportError:
        raise UnsupportedError(
            f"{path}: reading .pt2 files needs torch: pip install 'thermoc[interop]'"
        ) from None
    with whole(path, "exported program", "save it with torch.export.save"):
        with members(path) as archive:
            names = {name.partition("/")[2]: name for name in archive.namelist()}
            program = json.loads(archive.read(names["models/model.json"]))
            if program["schema_version"]["major"] != SCHEMA:
                raise FormatError(
                    f"{path}: is of schema {program['schema_version']['major']}, known is {SCHEMA}; export "
                    "the module with torch 2.13, or give the module itself in Python"
                )
            held = {**_tensors(archive, names, "weights"), **_tensors(archive, names, "constants")}
        return _read(str(path), program["graph_module"], held, head, labels)


def _tensors(archive: zipfile.ZipFile, names: Mapping[str, str], kind: str) -> dict[str, Any]:
    """Tensors by their names in the program."""
    import torch

    stem = "model_weights" if kind == "weights" else "model_constants"
    member = names.get(f"data/{kind}/{stem}_config.json")
    if member is None:
        return {}
    found = {}
    for name, told in json.loads(archive.read(member))["config"].items():
        if told["use_pickle"]:
            raise UnsupportedError(
                f"{archive.filename}: {name} is a pickle, which could run any code and is never loaded"
            )
        meta, content = told["tensor_meta"], archive.read(names[f"data/{kind}/{told['path_name']}"])
        dtype = getattr(torch, DTYPES[meta["dtype"]])
        flat = torch.frombuffer(bytearray(content), dtype=dtype) if content else torch.zeros(0, dtype=dtype)
        sizes, strides = ([int(k["as_int"]) for k in meta[key]] for key in ("sizes", "strides"))
        last = sum((n - 1) * s for n, s in zip(sizes, strides, strict=True))
        if math.prod(sizes) and not 0 <= last < flat.numel():
            raise FormatError(f"{archive.filename}: {name} has {flat.numel()} values for shape {sizes}")
        tensor = flat.as_strided(sizes, strides).clone()
        found[name] = tensor.float() if dtype in (torch.float16, torch.bfloat16) else tensor
    return found


def _read(
    path: str, module: Mapping[str, Any], held: Mapping[str, Any], head: str, labels: tuple[str, ...]
) -> MLP | FeedForward:
    graph, signature = module["graph"], module["signature"]
    constants, data = {}, []
    for spec in signature["input_specs"]:
        ((kind, told),) = spec.items()
        if kind == "user_input":
            data.append(told["arg"]["as_tensor"]["name"])
        else:
            key = told.get("parameter_name") or told.get("buffer_name") or told.get("tensor_constant_name")
            constants[told["arg"]["name"]] = held[key]
    results = [spec["user_output"]["arg"]["as_tensor"]["name"] for spec in signature["output_specs"]]
    if len(data) != 1 or len(results) != 1:
        raise UnsupportedError(
            f"{path}: the module has {len(data)} inputs and {len(results)} outputs; a network with one of "
            "each can be compiled"
        )
    sizes = graph["tensor_values"][data[0]]["sizes"]
    batch, *rest = (k.get("as_int") for k in sizes)
    if None in rest:
        raise UnsupportedError(f"{path}: axis {1 + rest.index(None)} of the input has no fixed size")
    calls = []
    for node in graph["nodes"]:
        calls += _calls(path, node)
    return read_calls(
        calls,
        data=data[0],
        shape=(2 if batch is None else batch, *rest),
        constants=constants,
        result=results[0],
        origin=path,
        head=head,
        labels=labels,
    )


def _calls(path: str, node: Mapping[str, Any]) -> list[Call]:
    """An operator, and where it has several results one more call for each."""
    stack = node["metadata"].get("nn_module_stack", "")
    layer, kind = "", ""
    if ";" in stack:
        _, layer, kind = stack.rpartition(";")[2].split(",")
        kind = kind.rpartition(".")[2]
    prefix, target = "torch.ops.aten.", node["target"]
    if not target.startswith(prefix):
        raise UnsupportedError(f"{path}: {layer or 'forward'}: {target} is no operator of ATen")
    given = {each["name"]: _argument(each["arg"]) for each in node["inputs"]}
    name, outputs = node.get("name") or "", node["outputs"]
    if len(outputs) == 1 and "as_tensors" not in outputs[0]:
        (told,) = outputs[0].values()
        name = told["name"] if isinstance(told, Mapping) and "name" in told else told["as_name"]
        return [Call(name, target.removeprefix(prefix), given, layer, kind)]
    several = outputs[0]["as_tensors"] if len(outputs) == 1 else [k.get("as_tensor") for k in outputs]
    name = name or f"{target}:{several[0]['name']}"
    made = [Call(name, target.removeprefix(prefix), given, layer, kind)]
    for k, each in enumerate(several):
        if each is not None:
            parts = {"input": Reference(name), "index": k}
            made.append(Call(each["name"], "getitem", parts, layer, kind))
    return made


PLAIN = ("as_int", "as_float", "as_bool", "as_string", "as_ints", "as_floats", "as_bools", "as_strings")


def _argument(told: Mapping[str, Any]) -> Any:
    """An argument of the schema's kinds."""
    ((kind, value),) = told.items()
    if kind in PLAIN:
        return value
    if kind == "as_none":
        return None
    if kind == "as_tensor":
        return Reference(value["name"])
    if kind == "as_tensors":
        return [Reference(each["name"]) for each in value]
    if kind == "as_optional_tensors":
        return [Reference(each["as_tensor"]["name"]) if "as_tensor" in each else None for each in value]
    if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
        return _symbol(value)
    if kind in ("as_sym_ints", "as_sym_bools", "as_sym_floats"):
        return [_symbol(each) for each in value]
    return None  # types, layouts and devices, of which nothing depends here


def _symbol(told: Mapping[str, Any]) -> Any:
    ((kind, value),) = told.items()
    return Reference(value) if kind == "as_name" else value
