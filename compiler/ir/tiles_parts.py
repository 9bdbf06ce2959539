"""Networks and their layout on tiles as the JSON header and arrays of a file, and back.

Layout: docs/formats.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from compiler.errors import NetlistError
from compiler.ir.network import Layer, Network, Pooling, Weighted, Window
from compiler.ir.problem_parts import Parts
from compiler.ir.tiles import Layout, TileNetlist

Arrays = Mapping[str, np.ndarray]


def network_parts(network: Network) -> Parts:
    """(JSON-able facts, arrays by name) of a network; its labels are left to the file."""
    arrays = {"shift": network.shift, "scale": network.scale}
    told = []
    for k, layer in enumerate(network.layers):
        one: dict[str, Any] = {"activation": layer.activation}
        one["window"] = None if layer.window is None else asdict(layer.window)
        if isinstance(layer, Pooling):
            one["pool"] = layer.kind
        else:
            one["unrolled"] = bool(layer.unrolled)
            arrays |= {f"weight.{k}": layer.weight, f"bias.{k}": layer.bias}
        told.append(one)
    for name in ("output_scale", "output_offset"):
        if (array := getattr(network, name)) is not None:
            arrays[name] = array
    shape = [int(n) for n in network.input_shape]
    return {"input_shape": shape, "layers": told, "decision": network.decision}, arrays


def network_of(facts: Mapping[str, Any], arrays: Arrays, labels: tuple[str, ...]) -> Network:
    """The network; KeyError and the like for what is missing."""
    height, width, channels = facts["input_shape"]
    return Network(
        input_shape=(height, width, channels),
        layers=tuple(_layer(k, one, arrays) for k, one in enumerate(facts["layers"])),
        shift=arrays["shift"],
        scale=arrays["scale"],
        decision=facts["decision"],
        output_scale=arrays.get("output_scale"),
        output_offset=arrays.get("output_offset"),
        labels=labels,
    )


def _layer(k: int, one: Mapping[str, Any], arrays: Arrays) -> Layer:
    window = None if one["window"] is None else Window(**one["window"])
    if "pool" in one:
        if window is None:
            raise NetlistError(f"layer {k} pools and has no window; a pooling layer has one")
        return Pooling(one["pool"], window, one["activation"])
    return Weighted(arrays[f"weight.{k}"], arrays[f"bias.{k}"], one["activation"], window, one["unrolled"])


def tiles_parts(netlist: TileNetlist) -> Parts:
    """(JSON-able header, arrays by name) of a network on tiles."""
    facts, arrays = network_parts(netlist.network)
    around = {"layout": asdict(netlist.layout), "labels": list(netlist.labels), "meta": dict(netlist.meta)}
    return {**facts, **around}, arrays


def tiles_of(version: int, body: dict[str, Any], arrays: dict[str, np.ndarray]) -> TileNetlist:
    """The netlist of a header and arrays; KeyError and the like for what is missing."""
    network = network_of(body, arrays, tuple(body["labels"]))
    return TileNetlist(network, Layout(**body["layout"]), body["meta"])
