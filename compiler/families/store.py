"""Trained models in .safetensors files: arrays as tensors, the architecture in the metadata.

Nothing is pickled. The metadata key `thermoc_model` holds one JSON object; docs/formats.md has its
schema. A file of that format but without the key is a foreign model.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from compiler.errors import FormatError, NetlistError
from compiler.families.conv_hopfield import ConvHopfieldNetwork
from compiler.families.denoising_chain import EbmChain
from compiler.families.gaussian import GaussianModel
from compiler.families.hopfield import HopfieldNetwork
from compiler.families.ising import IsingModel
from compiler.families.logic import LogicNetwork
from compiler.families.machine import LangevinMachine
from compiler.families.mlp import MLP
from compiler.families.oscillator import OscillatorNetwork
from compiler.families.rbm import RBM
from compiler.families.resistive import ResistiveNetwork
from compiler.files import replacing
from compiler.models.families import (
    conv_hopfield,
    ebm_chain,
    gaussian,
    hopfield,
    ising,
    logic,
    machine,
    mlp,
    oscillator,
    rbm,
    resistive,
)

KEY = "thermoc_model"
VERSION = 1
Model = (
    MLP
    | LangevinMachine
    | LogicNetwork
    | HopfieldNetwork
    | ConvHopfieldNetwork
    | ResistiveNetwork
    | OscillatorNetwork
    | IsingModel
    | GaussianModel
    | RBM
    | EbmChain
)

Parts = tuple[dict[str, Any], dict[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of model: its class, what a file holds of it (facts, arrays), and the way back."""

    kind: type
    parts: Callable[[Any], Parts]
    build: Callable[[Mapping[str, Any], dict[str, np.ndarray]], Model]


FAMILIES = {
    "conv-hopfield": Family(ConvHopfieldNetwork, conv_hopfield.parts, conv_hopfield.build),
    "ebm_chain": Family(EbmChain, ebm_chain.parts, ebm_chain.build),
    "gaussian": Family(GaussianModel, gaussian.parts, gaussian.build),
    "hopfield": Family(HopfieldNetwork, hopfield.parts, hopfield.build),
    "ising": Family(IsingModel, ising.parts, ising.build),
    "langevin": Family(LangevinMachine, machine.parts, machine.build),
    "logic": Family(LogicNetwork, logic.parts, logic.build),
    "mlp": Family(MLP, mlp.parts, mlp.build),
    "oscillator": Family(OscillatorNetwork, oscillator.parts, oscillator.build),
    "rbm": Family(RBM, rbm.parts, rbm.build),
    "resistive": Family(ResistiveNetwork, resistive.parts, resistive.build),
}


def save_model(model: Model, path: str | os.PathLike) -> None:
    """Write the model to `path`; the same model gives the same bytes.

    Raises NetlistError for a class that is no model or meta that is not JSON-able, OutputError
    where nothing can be written.
    """
    family = next((name for name, f in FAMILIES.items() if type(model) is f.kind), None)
    if family is None:
        raise NetlistError(
            f"a {type(model).__name__} is no model that can be saved; give one of "
            + ", ".join(f.kind.__name__ for f in FAMILIES.values())
        )
    facts, arrays = FAMILIES[family].parts(model)
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
        raise FormatError(f"{path}: its {KEY!r} is no JSON object with family and version") from None
    if version > VERSION:
        raise FormatError(
            f"{path}: has model version {version}; this thermoc reads up to {VERSION}: update it"
        )
    known = FAMILIES.get(family)
    if known is None:
        raise FormatError(f"{path}: holds a model of family {family!r}; known are {', '.join(FAMILIES)}")
    try:
        model = known.build(document, tensors)
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
