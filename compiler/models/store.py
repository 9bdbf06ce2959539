"""Trained models in .safetensors files: arrays as tensors, the architecture in the metadata.

Nothing is pickled. The metadata key `thermoc_model` holds one JSON object; docs/formats.md has its
schema. A file of that format but without the key is a foreign model.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from compiler.errors import FormatError, NetlistError
from compiler.files import replacing
from compiler.ir.gates import Thermometer
from compiler.models.hopfield import HopfieldNetwork
from compiler.models.logic import LogicLayer, LogicNetwork
from compiler.models.machine import LangevinMachine
from compiler.models.mlp import MLP
from compiler.models.resistive import ResistiveNetwork

KEY = "thermoc_model"
VERSION = 1
Model = MLP | LangevinMachine | LogicNetwork | HopfieldNetwork | ResistiveNetwork

MACHINE_ARRAYS = (
    "w_in",
    "coupling",
    "bias",
    "j2",
    "j3",
    "j4",
    "x0",
    "input_shift",
    "input_scale",
    "readout_scale",
    "readout_offset",
)
_LAYER_ARRAYS = ("table", "gates", "wires_a", "wires_b", "scores_a", "scores_b")
MACHINE_FACTS = ("n_out", "kT", "mobility", "t_f", "dt", "head")


def save_model(model: Model, path: str | os.PathLike) -> None:
    """Write the model to `path`; the same model gives the same bytes.

    Raises NetlistError for a class that is no model or meta that is not JSON-able, OutputError
    where nothing can be written.
    """
    if isinstance(model, MLP):
        family, facts, arrays = "mlp", *_mlp_parts(model)
    elif isinstance(model, LangevinMachine):
        family, facts, arrays = "langevin", *_machine_parts(model)
    elif isinstance(model, LogicNetwork):
        family, facts, arrays = "logic", *_logic_parts(model)
    elif isinstance(model, HopfieldNetwork):
        family, facts, arrays = "hopfield", *_hopfield_parts(model)
    elif isinstance(model, ResistiveNetwork):
        family, facts, arrays = "resistive", *_resistive_parts(model)
    else:
        raise NetlistError(
            f"a {type(model).__name__} is no model that can be saved; give an MLP, a "
            "LangevinMachine, a LogicNetwork, a HopfieldNetwork or a ResistiveNetwork"
        )
    document = {"family": family, "version": VERSION, **facts, "labels": list(model.labels)}
    try:
        text = json.dumps({**document, "meta": dict(model.meta)}, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise NetlistError(
            f"model: its numbers and meta must be JSON-able ({error}); use plain finite values"
        ) from None
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    content = to_bytes(tensors, metadata={KEY: text})
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def load_model(path: str | os.PathLike) -> Model:
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
    except (ValueError, KeyError, TypeError):
        raise FormatError(
            f"{path}: its {KEY!r} is no JSON object with family and version"
        ) from None
    if version > VERSION:
        raise FormatError(
            f"{path}: has model version {version}; this thermoc reads up to {VERSION}: update it"
        )
    builder = _FAMILIES.get(family)
    if builder is None:
        raise FormatError(
            f"{path}: holds a model of family {family!r}; known are {', '.join(_FAMILIES)}"
        )
    try:
        model = builder(document, tensors)
    except NetlistError as error:
        raise FormatError(f"{path}: {error}") from None
    except KeyError as error:
        raise FormatError(f"{path}: the {family} model lacks {error}; save it again") from None
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        raise FormatError(f"{path}: the {family} model is malformed ({error})") from None
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise FormatError(f"{path}: array {name!r} has a value that is not finite")
    return model


def read_safetensors(path: str | os.PathLike) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """(metadata, arrays) of a safetensors file; FormatError if it is none."""
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            metadata = dict(file.metadata() or {})
            return metadata, {name: file.get_tensor(name) for name in sorted(file.keys())}
    except FileNotFoundError:
        raise FormatError(f"{path}: does not exist; check the name") from None
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise FormatError(
            f"{path}: is no whole safetensors file ({str(error).splitlines()[0]}); it is "
            "truncated, altered or foreign"
        ) from None


def _machine_parts(model: LangevinMachine) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    facts = {name: getattr(model, name) for name in MACHINE_FACTS}
    return facts, {name: getattr(model, name) for name in MACHINE_ARRAYS}


def _build_machine(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> LangevinMachine:
    parts: dict[str, Any] = {name: arrays[name] for name in MACHINE_ARRAYS}
    return LangevinMachine(
        **parts,
        **{name: document[name] for name in MACHINE_FACTS},
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )


def _mlp_parts(model: MLP) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays = {"input_shift": model.input_shift, "input_scale": model.input_scale}
    for k, (w, b) in enumerate(zip(model.weights, model.biases, strict=True)):
        arrays |= {f"layers.{k}.weight": w, f"layers.{k}.bias": b}
    for name in ("output_scale", "output_offset"):
        if (array := getattr(model, name)) is not None:
            arrays[name] = array
    return {"activations": list(model.activations), "head": model.head}, arrays


def _build_mlp(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> MLP:
    n = len(document["activations"])
    return MLP(
        weights=tuple(arrays[f"layers.{k}.weight"] for k in range(n)),
        biases=tuple(arrays[f"layers.{k}.bias"] for k in range(n)),
        activations=tuple(document["activations"]),
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        head=document["head"],
        output_scale=arrays.get("output_scale"),
        output_offset=arrays.get("output_offset"),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )


def _logic_parts(model: LogicNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    encoder = model.encoder
    arrays = {"feature": encoder.feature, "threshold": encoder.threshold}
    for k, layer in enumerate(model.layers):
        for name in _LAYER_ARRAYS:
            if (array := getattr(layer, name)) is not None:
                arrays[f"layers.{k}.{name}"] = array
    facts = {
        "n_layers": len(model.layers),
        "n_classes": model.n_classes,
        "tau": float(model.tau),
        "n_features": encoder.n_features,
        "scope": encoder.scope,
    }
    return facts, arrays


def _build_logic(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> LogicNetwork:
    layers = []
    for k in range(int(document["n_layers"])):
        parts = {name: arrays.get(f"layers.{k}.{name}") for name in _LAYER_ARRAYS[:2]}
        parts |= {name: arrays[f"layers.{k}.{name}"] for name in _LAYER_ARRAYS[2:]}
        layers.append(LogicLayer(**parts))  # type: ignore[arg-type]
    encoder = Thermometer(
        int(document["n_features"]), arrays["feature"], arrays["threshold"], document["scope"]
    )
    return LogicNetwork(
        layers=tuple(layers),
        encoder=encoder,
        n_classes=int(document["n_classes"]),
        tau=float(document["tau"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )


def _hopfield_parts(model: HopfieldNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays = {"input_shift": model.input_shift, "input_scale": model.input_scale}
    for k, (w, b) in enumerate(zip(model.weights, model.biases, strict=True)):
        arrays |= {f"layers.{k}.weight": w, f"layers.{k}.bias": b}
    for k, w in enumerate(model.backward or (), 1):
        arrays[f"layers.{k}.backward"] = w
    facts = {
        "n_layers": len(model.weights),
        "activation": model.activation,
        "symmetric": model.backward is None,
        "head": model.head,
        "relax_time": float(model.relax_time),
    }
    return facts, arrays


def _build_hopfield(document: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> HopfieldNetwork:
    n = int(document["n_layers"])
    backward = None
    if not document["symmetric"]:
        backward = tuple(arrays[f"layers.{k}.backward"] for k in range(1, n))
    return HopfieldNetwork(
        weights=tuple(arrays[f"layers.{k}.weight"] for k in range(n)),
        biases=tuple(arrays[f"layers.{k}.bias"] for k in range(n)),
        activation=document["activation"],
        backward=backward,
        input_shift=arrays["input_shift"],
        input_scale=arrays["input_scale"],
        head=document["head"],
        relax_time=float(document["relax_time"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )


def _resistive_parts(model: ResistiveNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays = {f"layers.{k}.conductance": g for k, g in enumerate(model.conductances)}
    return {"n_layers": len(model.conductances), "gain": float(model.gain)}, arrays


def _build_resistive(
    document: Mapping[str, Any], arrays: dict[str, np.ndarray]
) -> ResistiveNetwork:
    n = int(document["n_layers"])
    return ResistiveNetwork(
        conductances=tuple(arrays[f"layers.{k}.conductance"] for k in range(n)),
        gain=float(document["gain"]),
        labels=tuple(document["labels"]),
        meta=MappingProxyType(document["meta"]),
    )


_FAMILIES: dict[str, Callable[[Mapping[str, Any], dict[str, np.ndarray]], Model]] = {
    "langevin": _build_machine,
    "hopfield": _build_hopfield,
    "logic": _build_logic,
    "mlp": _build_mlp,
    "resistive": _build_resistive,
}
